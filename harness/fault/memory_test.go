package fault

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// memory is one end of a connection in memory. Unlike net.Pipe it has buffers,
// keeps what was written at once together, and can be closed in one direction
// or reset, as TCP can. Waiting for it is durable in the sense of
// testing/synctest.
type memory struct {
	in, out *stream
	resets  bool
}

// connection is a connection in memory, from both of its ends.
func connection() (near, far *memory) {
	a, b := newStream(), newStream()
	return &memory{in: a, out: b}, &memory{in: b, out: a}
}

// stream is one direction.
type stream struct {
	mu     sync.Mutex
	ready  *sync.Cond
	pieces [][]byte
	end    error // what a read gets when all is read
}

func newStream() *stream {
	s := &stream{}
	s.ready = sync.NewCond(&s.mu)
	return s
}

func (s *stream) finish(end error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = end
	}
	s.ready.Broadcast()
}

// take is all that has come since it was last asked, piece by piece, and how it
// ended, if it has.
func (m *memory) take() (pieces [][]byte, end error) {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	pieces, m.in.pieces = m.in.pieces, nil
	return pieces, m.in.end
}

func (m *memory) Read(b []byte) (int, error) {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	for len(m.in.pieces) == 0 && m.in.end == nil {
		m.in.ready.Wait()
	}
	if len(m.in.pieces) == 0 {
		return 0, m.in.end
	}
	n := copy(b, m.in.pieces[0])
	if m.in.pieces[0] = m.in.pieces[0][n:]; len(m.in.pieces[0]) == 0 {
		m.in.pieces = m.in.pieces[1:]
	}
	return n, nil
}

func (m *memory) Write(b []byte) (int, error) {
	m.out.mu.Lock()
	defer m.out.mu.Unlock()
	if m.out.end != nil {
		return 0, syscall.EPIPE
	}
	m.out.pieces = append(m.out.pieces, append([]byte(nil), b...))
	m.out.ready.Broadcast()
	return len(b), nil
}

// CloseWrite ends what is written here: the other end reads io.EOF.
func (m *memory) CloseWrite() error {
	m.out.finish(io.EOF)
	return nil
}

// SetLinger makes Close a reset when it is 0.
func (m *memory) SetLinger(seconds int) error {
	m.resets = seconds == 0
	return nil
}

// Close ends both directions.
func (m *memory) Close() error {
	if m.resets {
		m.out.finish(syscall.ECONNRESET)
	}
	m.out.finish(io.EOF)
	m.in.finish(net.ErrClosed)
	return nil
}

func (*memory) LocalAddr() net.Addr              { return &net.TCPAddr{Port: 1883} }
func (*memory) RemoteAddr() net.Addr             { return &net.TCPAddr{Port: 1883} }
func (*memory) SetDeadline(time.Time) error      { return nil }
func (*memory) SetReadDeadline(time.Time) error  { return nil }
func (*memory) SetWriteDeadline(time.Time) error { return nil }
