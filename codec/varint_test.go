package codec

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// Table 1-1 of 5.0, table 2.4 of 3.1.1.
func TestVarint(t *testing.T) {
	for n, want := range map[uint32][]byte{
		0: {0}, 127: {0x7F}, 128: {0x80, 0x01}, 16_383: {0xFF, 0x7F}, 16_384: {0x80, 0x80, 0x01}, 2_097_151: {0xFF, 0xFF, 0x7F},
		2_097_152: {0x80, 0x80, 0x80, 0x01}, MaxVarint: {0xFF, 0xFF, 0xFF, 0x7F}, 321: {0xC1, 0x02},
	} {
		if got := AppendVarint(nil, n); !bytes.Equal(got, want) || varintSize(n) != len(want) {
			t.Errorf("%d: % x, want % x", n, got, want)
		}
		if got, size, state := parseVarint(append(want, 0xFF)); got != n || size != len(want) || state != varintWhole {
			t.Errorf("% x: %d in %d bytes, state %d", want, got, size, state)
		}
	}
}

func TestVarintOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32Range(0, MaxVarint).Draw(t, "n")
		b := AppendVarint(nil, n)
		if !bytes.Equal(b, length(int(n))) {
			t.Fatalf("% x", b)
		}
		if got, size, state := parseVarint(b); got != n || size != len(b) || state != varintWhole {
			t.Fatalf("% x: %d in %d bytes, state %d", b, got, size, state)
		}
		if _, size, state := parseVarint(b[:len(b)-1]); size != len(b)-1 || state != varintPartial {
			t.Fatalf("% x cut short: state %d after %d", b, state, size)
		}
		if len(b) < 4 {
			b[len(b)-1] |= 0x80
			if got, _, state := parseVarint(append(b, 0)); got != n || state != varintPadded {
				t.Fatalf("% x: %d, state %d", b, got, state)
			}
		}
	})
}
