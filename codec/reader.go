package codec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// MaxPacketSize is the length of the longest packet that MQTT can express, in
// bytes.
const MaxPacketSize = 1 + 4 + MaxVarint

// ErrTooLong is what [Reader.Next] answers to a packet beyond its Limit.
var ErrTooLong = errors.New("codec: packet exceeds the limit")

// Reader cuts a stream of bytes into packets, however the transport cut it
// before.
type Reader struct {
	// Limit is the length of the longest packet that Next accepts, in bytes.
	Limit int

	version Version
	src     *bufio.Reader
	head    [5]byte // the fixed header of the packet that is being received
	headLen int     // how much of it is there
	total   int     // how long the packet is, once the header is whole
	part    []byte  // what is there of the packet then
	end     error   // after which there is no next packet
}

// NewReader reads packets of this version from r.
func NewReader(v Version, r io.Reader) *Reader {
	return &Reader{Limit: MaxPacketSize, version: v, src: bufio.NewReader(r)}
}

// firstChunk is as much as a packet gets before any of its bytes has arrived.
const firstChunk = 4096

// Next returns the bytes of the next packet, whole. They are the caller's.
//
// At the end of the stream the error is [io.EOF], inside a packet
// [io.ErrUnexpectedEOF]; any other error of the transport is passed on. With
// an error come the bytes of the packet received so far. After an error that
// passes, such as a deadline, Next can be called again and goes on where it
// was, with the same packet.
//
// A malformed Remaining Length is a [*Breach], a packet longer than the Limit
// [ErrTooLong]. As nobody can say where the next packet starts, there is none
// after them.
func (r *Reader) Next() (packet []byte, err error) {
	if r.end != nil {
		return nil, r.end
	}
	if r.part == nil {
		if err := r.header(); err != nil {
			return r.stop(err)
		}
	}
	for len(r.part) < r.total {
		// Memory follows the bytes that came, not those that were announced.
		if room := cap(r.part); len(r.part) == room {
			grown := make([]byte, len(r.part), min(r.total, 2*room))
			copy(grown, r.part)
			r.part = grown
		}
		n, err := r.src.Read(r.part[len(r.part):cap(r.part)])
		r.part = r.part[:len(r.part)+n]
		if err != nil && len(r.part) < r.total {
			return r.stop(err)
		}
	}
	packet, r.part, r.headLen = r.part, nil, 0
	return packet, nil
}

// header reads on until the fixed header is whole, and makes room for the
// packet it announces, or for the start of it.
func (r *Reader) header() error {
	for {
		if r.headLen > 1 {
			n, size, state := parseVarint(r.head[1:r.headLen])
			if state == varintPadded && r.version != V5 {
				// Section 2.2.3 of 3.1.1 does not ask for the shortest form.
				state = varintWhole
			}
			r.total = 1 + size + int(n)
			switch {
			case state == varintTooLong:
				return r.breach(ruleVarintLong, "more than four bytes")
			case state == varintPadded:
				return r.breach(ruleVarintMinimal, fmt.Sprintf("%d in %d bytes where %d do", n, size, varintSize(n)))
			case state == varintWhole && r.total > r.Limit:
				return fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLong, r.total, r.Limit)
			case state == varintWhole:
				r.part = append(make([]byte, 0, min(r.total, firstChunk)), r.head[:r.headLen]...)
				return nil
			}
		}
		b, err := r.src.ReadByte()
		if err != nil {
			return err
		}
		r.head[r.headLen] = b
		r.headLen++
	}
}

// received is what is there of the packet.
func (r *Reader) received() []byte {
	if r.part != nil {
		return r.part
	}
	return r.head[:r.headLen]
}

func (r *Reader) breach(broken rule, why string) error {
	return &Breach{Packet: Type(r.head[0] >> 4), Field: fieldRemainingLength, Offset: 1, Statement: broken.statement(r.version), Reason: why}
}

// stop returns what came of the packet, in the caller's own copy, and the
// error as Next puts it.
func (r *Reader) stop(err error) ([]byte, error) {
	part := append([]byte(nil), r.received()...)
	var breach *Breach
	switch {
	case errors.As(err, &breach), errors.Is(err, ErrTooLong):
		r.end = err
	case errors.Is(err, io.EOF) && len(part) > 0:
		err = io.ErrUnexpectedEOF
	}
	return part, err
}

// Buffered is how many bytes have arrived that Next has not returned yet.
func (r *Reader) Buffered() int { return len(r.received()) + r.src.Buffered() }
