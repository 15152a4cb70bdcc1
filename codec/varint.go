package codec

// MaxVarint is the greatest value of a Variable Byte Integer (section 1.5.5 of
// 5.0) and of a Remaining Length (section 2.2.3 of 3.1.1).
const MaxVarint = 268_435_455

// AppendVarint appends n as a Variable Byte Integer, in as few bytes as it
// takes [MQTT-1.5.5-1]. A value beyond [MaxVarint] comes out in five bytes,
// which no receiver may accept.
func AppendVarint(dst []byte, n uint32) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// varintSize is how many bytes AppendVarint writes.
func varintSize(n uint32) int {
	size := 1
	for n >= 0x80 {
		n >>= 7
		size++
	}
	return size
}

// varintState is what became of reading a Variable Byte Integer.
type varintState byte

const (
	varintWhole   varintState = iota
	varintPadded              // whole, but in more bytes than it takes
	varintPartial             // the bytes end inside it
	varintTooLong             // a fifth byte would follow
)

// parseVarint reads a Variable Byte Integer from the start of b.
func parseVarint(b []byte) (n uint32, size int, state varintState) {
	for i := range 4 {
		if i == len(b) {
			return n, i, varintPartial
		}
		n |= uint32(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			if i > 0 && b[i] == 0 {
				return n, i + 1, varintPadded
			}
			return n, i + 1, varintWhole
		}
	}
	return n, 4, varintTooLong
}
