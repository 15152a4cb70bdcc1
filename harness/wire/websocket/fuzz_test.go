package websocket

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// FuzzConn reads whatever a peer sends, as both sides: it must end, and give no
// more bytes than came in.
func FuzzConn(f *testing.F) {
	f.Add([]byte{0x82, 4, 0x20, 2, 0, 0}, true)
	f.Add([]byte{0x02, 2, 0x20, 2, 0x89, 0, 0x80, 2, 0, 0}, true)
	f.Add([]byte{0x82, 0x84, 1, 2, 3, 4, 0x21, 0, 3, 4}, false)
	f.Add([]byte{0x82, 126, 0xFF, 0xFF}, true)
	f.Add([]byte{0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}, true)
	f.Add([]byte{0x88, 2, 3, 0xE8}, true)
	f.Fuzz(func(t *testing.T, data []byte, client bool) {
		in := sink{}
		conn := NewConn(in, bufio.NewReader(bytes.NewReader(data)), client)
		read, _ := io.Copy(io.Discard, io.LimitReader(readOnly{conn}, int64(len(data))+1))
		if read > int64(len(data)) {
			t.Errorf("%d bytes out of %d", read, len(data))
		}
	})
}

type readOnly struct{ io.Reader }

// sink is a connection that takes every answer and sends nothing more.
type sink struct{ net.Conn }

func (sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (sink) Write(b []byte) (int, error)      { return len(b), nil }
func (sink) Close() error                     { return nil }
func (sink) SetDeadline(time.Time) error      { return nil }
func (sink) SetReadDeadline(time.Time) error  { return nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }
