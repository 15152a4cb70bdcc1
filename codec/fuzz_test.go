package codec

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

// seed gives the fuzzer the golden packets and every broken one.
func seed(f *testing.F, v Version) {
	for _, g := range golden {
		if g.version == v {
			f.Add(g.from == Server, unhex(f, g.hex))
		}
	}
	for _, tt := range breachTests() {
		if tt.version == v {
			f.Add(tt.from == Server, tt.packet)
		}
	}
}

func FuzzDecode311(f *testing.F) {
	seed(f, V311)
	f.Fuzz(func(t *testing.T, server bool, packet []byte) { decodeAnything(t, V311, peer(server), packet) })
}

func FuzzDecode5(f *testing.F) {
	seed(f, V5)
	f.Fuzz(func(t *testing.T, server bool, packet []byte) { decodeAnything(t, V5, peer(server), packet) })
}

func peer(server bool) Peer {
	if server {
		return Server
	}
	return Client
}

// decodeAnything: no bytes make the decoder panic, or allocate out of
// proportion; what it accepts it can write, and reads back as the same; what
// it does not accept has a breach that makes sense.
func decodeAnything(t *testing.T, v Version, from Peer, packet []byte) {
	before := bytes.Clone(packet)
	var p Packet
	var err error
	used := allocated(func() { p, err = Decode(v, from, packet) })
	if !bytes.Equal(before, packet) {
		t.Fatal("Decode wrote to its argument")
	}
	// A property takes two bytes or more and becomes a struct of 48, in a
	// list that grows by doubling.
	if limit := uint64(150*len(packet) + 32<<10); used > limit {
		t.Errorf("%d bytes of packet: %d allocated, more than %d", len(packet), used, limit)
	}
	if err != nil {
		checkBreach(t, v, packet, p, err)
	}
	if p == nil {
		if err == nil {
			t.Fatal("neither a packet nor an error")
		}
		return
	}
	if s := p.String(); s == "" || bytes.ContainsAny([]byte(s), "\n\x00") {
		t.Errorf("String is %q", s)
	}
	if err != nil {
		return
	}
	again, err := Encode(v, from, p)
	if err != nil {
		t.Fatalf("% x is %v, which has no encoding: %v", packet, p, err)
	}
	q, err := Decode(v, from, again)
	if err != nil || !reflect.DeepEqual(p, q) {
		t.Fatalf("% x is %v; % x is %v, %v", packet, p, again, q, err)
	}
	b, fields, err := Fields(v, p)
	if err != nil || !bytes.Equal(b, again) {
		t.Fatalf("Fields: % x, %v; want % x", b, err, again)
	}
	checkFields(t, b, fields)
}

func checkBreach(t *testing.T, v Version, packet []byte, p Packet, err error) {
	var b *Breach
	if !errors.As(err, &b) {
		t.Fatalf("%T: %v", err, err)
	}
	if b.Offset < 0 || b.Offset > len(packet) || b.Field == "" || b.Reason == "" {
		t.Errorf("% x: %+v", packet, b)
	}
	if !statementsOf[v][b.Statement] {
		t.Errorf("%v names %q, which Statements does not list", b, b.Statement)
	}
	if len(packet) > 0 && b.Packet != Type(packet[0]>>4) || p != nil && p.Type() != b.Packet {
		t.Errorf("% x is %v, the breach is of %v", packet, p, b.Packet)
	}
}

var statementsOf = func() map[Version]map[string]bool {
	sets := map[Version]map[string]bool{}
	for _, v := range []Version{V311, V5} {
		sets[v] = map[string]bool{}
		for _, id := range Statements(v) {
			sets[v][id] = true
		}
	}
	return sets
}()

// FuzzReader: a stream comes out in packets that put together are the stream,
// however it is cut, and costs no more memory than it has bytes.
func FuzzReader(f *testing.F) {
	for _, v := range []Version{V311, V5} {
		var all []byte
		for _, g := range golden {
			if g.version == v {
				b := unhex(f, g.hex)
				f.Add(v == V5, 1, b)
				all = append(all, b...)
			}
		}
		f.Add(v == V5, 3, all)
		f.Add(v == V5, 1, append(all, 0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0x00))
		f.Add(v == V5, 1, []byte{0xC0, 0x80, 0x00})
		f.Add(v == V5, 2, []byte{0xC0, 0x00, 0x30, 0x80, 0x80, 0x80, 0x80, 0x01})
	}
	f.Fuzz(func(t *testing.T, five bool, step int, stream []byte) {
		v := V311
		if five {
			v = V5
		}
		var out []byte
		var end error
		used := allocated(func() {
			r := NewReader(v, &steps{stream, max(1, step)})
			for end == nil {
				var packet []byte
				if packet, end = r.Next(); end == nil {
					_, size, state := parseVarint(packet[1:])
					if len(packet) < 2 || state != varintWhole && (v == V5 || state != varintPadded) || size == 0 {
						t.Fatalf("% x is no packet", packet)
					}
				}
				out = append(out, packet...)
			}
		})
		if limit := uint64(100*len(stream) + 64<<10); used > limit {
			t.Errorf("%d bytes of stream: %d allocated, more than %d", len(stream), used, limit)
		}
		if !bytes.HasPrefix(stream, out) {
			t.Fatalf("% x came out as % x", stream, out)
		}
		var b *Breach
		if !errors.As(end, &b) && len(out) != len(stream) || end == io.EOF && len(out) != len(stream) {
			t.Fatalf("%d of %d bytes came out, then %v", len(out), len(stream), end)
		}
	})
}

// steps reads n bytes at a time.
type steps struct {
	rest []byte
	n    int
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.n)], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
