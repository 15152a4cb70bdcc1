package codec

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// The tests spell packets without the encoder under test: frame puts a packet
// together from its parts, with a Remaining Length.
func frame(first byte, parts ...any) []byte {
	b := body(parts...)
	return append(append([]byte{first}, length(len(b))...), b...)
}

// body is parts one after the other: an int or byte is one byte, a uint16 two
// and a uint32 four, a string has its length before it, []byte stands as it is.
func body(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case byte:
			b = append(b, p)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, p)
		case string:
			b = binary.BigEndian.AppendUint16(b, uint16(len(p)))
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			panic(fmt.Sprintf("%T is no part of a packet", p))
		}
	}
	return b
}

// props is a Property Length and properties.
func props(parts ...any) []byte {
	b := body(parts...)
	return append(length(len(b)), b...)
}

// length is a Variable Byte Integer, by the algorithm as section 1.5.5 prints it.
func length(x int) (out []byte) {
	for {
		encodedByte := x % 128
		x /= 128
		if x > 0 {
			encodedByte |= 128
		}
		out = append(out, byte(encodedByte))
		if x == 0 {
			return out
		}
	}
}

// unhex is bytes in hexadecimal, with spaces where they help.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func text(s string) *string { return &s }
