package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// stream is the golden packets of a version, one after the other.
func stream(t testing.TB, v Version) (packets [][]byte, all []byte) {
	for _, g := range golden {
		if g.version == v {
			packets = append(packets, unhex(t, g.hex))
			all = append(all, packets[len(packets)-1]...)
		}
	}
	big := frame(0x30, "big", bytes.Repeat([]byte("x"), 300_000))
	if v == V5 {
		big = frame(0x30, "big", 0, bytes.Repeat([]byte("x"), 300_000))
	}
	packets = append(packets, big, []byte{0xC0, 0x00})
	all = append(append(all, big...), 0xC0, 0x00)
	return packets, all
}

// However the transport cuts the bytes, the packets come out whole.
func TestReaderSegments(t *testing.T) {
	segments := map[string]func(io.Reader) io.Reader{
		"all at once":        func(r io.Reader) io.Reader { return r },
		"byte by byte":       iotest.OneByteReader,
		"in halves":          iotest.HalfReader,
		"error with data":    iotest.DataErrReader,
		"byte, then nothing": func(r io.Reader) io.Reader { return &stutter{r: iotest.OneByteReader(r)} },
	}
	for _, v := range []Version{V311, V5} {
		packets, all := stream(t, v)
		for name, cut := range segments {
			t.Run(v.String()+"/"+name, func(t *testing.T) {
				r := NewReader(v, cut(bytes.NewReader(all)))
				for i, want := range packets {
					got, err := r.Next()
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("packet %d: %d bytes, %v; want %d bytes", i, len(got), err, len(want))
					}
				}
				for range 2 {
					if got, err := r.Next(); err != io.EOF || len(got) != 0 {
						t.Fatalf("at the end: % x, %v", got, err)
					}
				}
			})
		}
	}
}

// stutter reads nothing, without an error, every second time.
type stutter struct {
	r     io.Reader
	empty bool
}

func (s *stutter) Read(p []byte) (int, error) {
	s.empty = !s.empty
	if s.empty {
		return 0, nil
	}
	return s.r.Read(p)
}

// A packet split in two at every byte boundary.
func TestReaderEverySplit(t *testing.T) {
	for _, g := range golden {
		b := unhex(t, g.hex)
		for at := 1; at < len(b); at++ {
			r := NewReader(g.version, io.MultiReader(bytes.NewReader(b[:at]), bytes.NewReader(b[at:])))
			if got, err := r.Next(); err != nil || !bytes.Equal(got, b) {
				t.Fatalf("%s split at %d: % x, %v", g.name, at, got, err)
			}
		}
	}
}

// The packets are the caller's: the next one does not change the last.
func TestReaderOwnership(t *testing.T) {
	r := NewReader(V311, bytes.NewReader(append(frame(0x30, "first"), frame(0x30, "other")...)))
	first, _ := r.Next()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, frame(0x30, "first")) {
		t.Errorf("the first packet became % x", first)
	}
}

// The stream ends inside a packet.
func TestReaderUnexpectedEnd(t *testing.T) {
	whole := frame(0x30, "topic", bytes.Repeat([]byte("x"), 200))
	for n := 1; n < len(whole); n++ {
		r := NewReader(V311, bytes.NewReader(whole[:n]))
		if got, err := r.Next(); err != io.ErrUnexpectedEOF || !bytes.Equal(got, whole[:n]) {
			t.Fatalf("after %d bytes: % x, %v", n, got, err)
		}
	}
}

// An error of the transport comes with what was received, and if it passes,
// the packet goes on.
func TestReaderTransportError(t *testing.T) {
	broken := errors.New("connection reset")
	whole := frame(0x30, "topic", bytes.Repeat([]byte("x"), 10_000))
	for _, at := range []int{0, 1, 2, 3, 50, 5000, len(whole) - 1} {
		r := NewReader(V311, io.MultiReader(bytes.NewReader(whole[:at]), iotest.ErrReader(broken)))
		if got, err := r.Next(); err != broken || !bytes.Equal(got, whole[:at]) {
			t.Errorf("reset after %d bytes: %d bytes, %v", at, len(got), err)
		}

		two := &deadlines{parts: [][]byte{whole[:at], whole[at:]}}
		r = NewReader(V311, two)
		if got, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) || !bytes.Equal(got, whole[:at]) {
			t.Errorf("deadline after %d bytes: %d bytes, %v", at, len(got), err)
		} else {
			clear(got) // the caller's copy
		}
		if n := r.Buffered(); n != at {
			t.Errorf("Buffered %d, want %d", n, at)
		}
		if got, err := r.Next(); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("after the deadline: %d bytes, %v", len(got), err)
		}
	}
}

// deadlines runs into a deadline after each of its parts.
type deadlines struct{ parts [][]byte }

func (d *deadlines) Read(p []byte) (int, error) {
	if len(d.parts) == 0 {
		return 0, io.EOF
	}
	if len(d.parts[0]) == 0 {
		d.parts = d.parts[1:]
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, d.parts[0])
	d.parts[0] = d.parts[0][n:]
	return n, nil
}

func TestReaderRemainingLength(t *testing.T) {
	tests := []struct {
		name    string
		version Version
		bytes   []byte
		want    string // the breach; "" for none
		seen    int    // how many bytes come with it
	}{
		{"five bytes", V311, []byte{0x30, 0x80, 0x80, 0x80, 0x80, 0x01, 0}, "3.1.1/2.2.3/remaining-length-too-long", 5},
		{"five bytes", V5, []byte{0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}, "5.0/1.5.5/variable-byte-integer-too-long", 5},
		{"0 in two bytes", V5, []byte{0xC0, 0x80, 0x00}, "MQTT-1.5.5-1", 3},
		{"127 in three bytes", V5, []byte{0x30, 0xFF, 0x80, 0x00}, "MQTT-1.5.5-1", 4},
		{"0 in four bytes", V5, []byte{0xC0, 0x80, 0x80, 0x80, 0x00}, "MQTT-1.5.5-1", 5},
		// Section 2.2.3 of 3.1.1 does not ask for the shortest form.
		{"0 in two bytes", V311, []byte{0xC0, 0x80, 0x00}, "", 3},
		{"2 in four bytes", V311, []byte{0x40, 0x82, 0x80, 0x80, 0x00, 0, 1}, "", 7},
	}
	for _, tt := range tests {
		t.Run(tt.version.String()+"/"+tt.name, func(t *testing.T) {
			r := NewReader(tt.version, iotest.OneByteReader(bytes.NewReader(tt.bytes)))
			got, err := r.Next()
			if !bytes.Equal(got, tt.bytes[:tt.seen]) {
				t.Errorf("% x, want % x", got, tt.bytes[:tt.seen])
			}
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var b *Breach
			if !errors.As(err, &b) || b.Statement != tt.want || b.Field != "Remaining Length" || b.Offset != 1 || b.Packet != Type(tt.bytes[0]>>4) {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("then %v: nobody knows where the next packet starts", again)
			}
		})
	}
}

func TestReaderLimit(t *testing.T) {
	ok, long := frame(0x30, "ab"), frame(0x30, "abc")
	r := NewReader(V311, bytes.NewReader(append(append([]byte{}, ok...), long...)))
	r.Limit = len(ok)
	if got, err := r.Next(); err != nil || !bytes.Equal(got, ok) {
		t.Fatalf("% x, %v", got, err)
	}
	for i := range 2 {
		got, err := r.Next()
		if !errors.Is(err, ErrTooLong) || i == 0 && !bytes.Equal(got, long[:2]) {
			t.Fatalf("% x, %v", got, err)
		}
	}
	if r = NewReader(V5, nil); r.Limit != 268_435_460 {
		t.Errorf("the limit is %d", r.Limit)
	}
}

// A packet that announces 256 MB and sends a few bytes costs a few bytes.
func TestReaderMemory(t *testing.T) {
	for _, sent := range []int{0, 100, 100_000} {
		b := append([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}, make([]byte, sent)...)
		used := allocated(func() {
			if _, err := NewReader(V5, bytes.NewReader(b)).Next(); err != io.ErrUnexpectedEOF {
				t.Fatal(err)
			}
		})
		// Growing by doubling costs as much again, and the bytes returned
		// with the error are a copy.
		if limit := uint64(6*sent + 64<<10); used > limit {
			t.Errorf("%d bytes received: %d allocated, %d would do", sent, used, limit)
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Any packets, cut anywhere.
func TestReaderAnything(t *testing.T) {
	for _, v := range []Version{V311, V5} {
		t.Run(v.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				var all []byte
				var packets [][]byte
				for range rapid.IntRange(0, 5).Draw(t, "packets") {
					from := rapid.SampledFrom([]Peer{Client, Server}).Draw(t, "from")
					typ := rapid.SampledFrom(packetTypes(v, from)).Draw(t, "type")
					b, err := Append(nil, v, genPacket(v, from, typ).Draw(t, "packet"))
					if err != nil {
						t.Fatal(err)
					}
					packets = append(packets, b)
					all = append(all, b...)
				}
				var segments []io.Reader
				for rest := all; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(t, "segment")
					segments = append(segments, bytes.NewReader(rest[:n]))
					rest = rest[n:]
				}
				r := NewReader(v, io.MultiReader(segments...))
				for _, want := range packets {
					if got, err := r.Next(); err != nil || !bytes.Equal(got, want) {
						t.Fatalf("% x, %v; want % x", got, err, want)
					}
				}
				if _, err := r.Next(); err != io.EOF {
					t.Fatal(err)
				}
			})
		})
	}
}

func ExampleReader() {
	wire := bytes.NewReader([]byte{0x20, 0x02, 0x01, 0x00, 0xD0, 0x00})
	r := NewReader(V311, wire)
	for {
		b, err := r.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		p, err := Decode(V311, Server, b)
		fmt.Println(p, err)
	}
	// Output:
	// CONNACK session-present=1 0x00 Success <nil>
	// PINGRESP <nil>
	// EOF
}
