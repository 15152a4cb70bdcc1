package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

// A script is what a broker does on one connection, step by step. When it is at
// its end the broker says nothing more, and closes when the client does.
type script []step

type step func(s *session)

// session is one connection of a scripted broker.
type session struct {
	t       *testing.T
	version codec.Version
	conn    net.Conn
	reader  *codec.Reader
	failed  bool
}

// wants reads the next packet and wants it to be of this type.
func wants(packet codec.Type) step {
	return func(s *session) {
		if got := s.next(); got == nil || got.Type() != packet {
			s.t.Errorf("the client sent %v; want %v", got, packet)
			s.failed = true
		}
	}
}

// next is the next packet of the client's; nil at the end.
func (s *session) next() codec.Packet {
	raw, err := s.reader.Next()
	if err != nil {
		return nil
	}
	p, err := codec.Decode(s.version, codec.Client, raw)
	if err != nil {
		s.t.Errorf("the client sent % x: %v", raw, err)
		s.failed = true
	}
	return p
}

// sends sends legal packets, or a [codec.Raw], in one segment.
func sends(packets ...codec.Packet) step {
	return func(s *session) {
		var segment []byte
		for _, p := range packets {
			raw, err := codec.Encode(s.version, codec.Server, p)
			if err != nil {
				s.t.Errorf("the script sends %v: %v", p, err)
			}
			segment = append(segment, raw...)
		}
		_, _ = s.conn.Write(segment)
	}
}

// waits lets time pass.
func waits(d time.Duration) step { return func(*session) { time.Sleep(d) } }

// accepts takes the CONNECT.
func accepts(s *session) {
	wants(codec.CONNECT)(s)
	sends(&codec.Connack{})(s)
}

// pongs answers a PINGREQ.
func pongs(s *session) {
	wants(codec.PINGREQ)(s)
	sends(&codec.Pingresp{})(s)
}

// closes closes the connection: FIN.
func closes(s *session) { s.conn.Close() }

// resets closes it with a reset: RST.
func resets(s *session) { s.conn.(*memoryConn).Reset() }

// stopsReading takes nothing more from the client, whose writes block from now on.
func stopsReading(s *session) { s.conn.(*memoryConn).in.block() }

// lingers keeps its direction open when the client has closed its own.
func lingers(s *session) { s.conn.(*memoryConn).out.wait() }

// serves does whatever the client asks for, until it goes: it lets it in,
// grants, acknowledges and answers, but delivers nothing.
func serves(s *session) {
	for {
		switch p := s.next().(type) {
		case nil, *codec.Disconnect:
			return
		case *codec.Connect:
			sends(&codec.Connack{})(s)
		case *codec.Publish:
			switch p.QoS {
			case codec.QoS1:
				sends(&codec.Puback{PacketID: p.PacketID})(s)
			case codec.QoS2:
				sends(&codec.Pubrec{PacketID: p.PacketID})(s)
			}
		case *codec.Pubrel:
			sends(&codec.Pubcomp{PacketID: p.PacketID})(s)
		case *codec.Subscribe:
			suback := &codec.Suback{PacketID: p.PacketID}
			for _, each := range p.Subscriptions {
				suback.Codes = append(suback.Codes, codec.ReasonCode(each.QoS))
			}
			sends(suback)(s)
		case *codec.Unsubscribe:
			unsuback := &codec.Unsuback{PacketID: p.PacketID}
			if s.version == codec.V5 {
				unsuback.Codes = make([]codec.ReasonCode, len(p.Filters))
			}
			sends(unsuback)(s)
		case *codec.Pingreq:
			sends(&codec.Pingresp{})(s)
		}
	}
}

// scriptedBroker serves one connection after the other, each by its own script;
// those beyond the last get the last one again. It is dialled in memory.
type scriptedBroker struct {
	t       *testing.T
	version codec.Version
	scripts []script

	sessions sync.WaitGroup
	mu       sync.Mutex
	dialed   int
}

func (b *scriptedBroker) Dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(b.scripts) == 0 {
		return nil, syscall.ECONNREFUSED
	}
	b.mu.Lock()
	steps := b.scripts[min(b.dialed, len(b.scripts)-1)]
	b.dialed++
	b.mu.Unlock()
	client, server := memoryPipe()
	b.sessions.Go(func() {
		defer server.Close()
		s := &session{t: b.t, version: b.version, conn: server, reader: codec.NewReader(b.version, server)}
		for _, step := range steps {
			if step(s); s.failed {
				return
			}
		}
		_, _ = io.Copy(io.Discard, server)
	})
	return client, nil
}

// target is the broker as a target.
func (b *scriptedBroker) target() *Target {
	return &Target{Name: "scripted", Dialer: b, DialTimeout: time.Second}
}

// testSettings are those of an exchange with a scripted broker.
func testSettings() Settings {
	return Settings{Timeout: 5 * time.Second, CheckTimeout: time.Minute, TopicPrefix: "mqttspec", RunID: "run000", KeepTraces: true}
}

// testProfile is that of a broker that lacks nothing.
func testProfile(v codec.Version) *Profile {
	return &Profile{Version: v, Accepted: true, Connack: &codec.Connack{}, lacks: map[Need]string{}}
}

// performing is one exchange with a scripted broker, in a bubble where waiting
// takes no time.
type performing struct {
	version  codec.Version // 3.1.1 where it says nothing else
	scripts  []script
	settings func(*Settings)
	profile  func(*Profile)
	target   func(*Target)
	body     func(x *Exchange)
}

// evidence performs the exchange.
func (p performing) evidence(t *testing.T) (e Evidence) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if p.version == 0 {
			p.version = codec.V311
		}
		broker := &scriptedBroker{t: t, version: p.version, scripts: p.scripts}
		settings, profile, target := testSettings(), testProfile(p.version), broker.target()
		if p.settings != nil {
			p.settings(&settings)
		}
		if p.profile != nil {
			p.profile(profile)
		}
		if p.target != nil {
			p.target(target)
		}
		e = Perform(t.Context(), target, profile, settings, func(x *Exchange) {
			x.scope = "t" // that of the topics in the tests
			p.body(x)
		})
		broker.sessions.Wait()
	})
	return e
}

// stop is what is wanted of a [Stop]; texts are parts of what it says.
type stop struct {
	kind               StopKind
	expected, observed string
	step               Step
}

// check holds a Stop against what is wanted of it.
func (want stop) check(t *testing.T, got Stop) {
	t.Helper()
	if got.Kind != want.kind || got.Step != want.step || !strings.Contains(got.Expected, want.expected) || !strings.Contains(got.Observed, want.observed) {
		t.Errorf("got  %s\nwant %s", describe(got.Kind, got.Expected, got.Observed, got.Step)+", because "+got.Reason, describe(want.kind, want.expected, want.observed, want.step))
	}
}

func describe(kind StopKind, expected, observed string, step Step) string {
	return fmt.Sprintf("%v: expected %q, observed %q, in step %q", kind, expected, observed, step)
}

// row is one case of a table about one client that the broker has accepted.
type row struct {
	name     string
	version  codec.Version // 3.1.1 where it says nothing else
	script   script        // from CONNACK on
	body     func(c *Client)
	settings func(*Settings)
	want     stop
}

// run performs every row of a table.
func run(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			e := performing{
				version: r.version, scripts: []script{append(script{accepts}, r.script...)}, settings: r.settings,
				body: func(x *Exchange) { r.body(x.Connect(Clean, As("alice"))) },
			}.evidence(t)
			r.want.check(t, e.Stop)
		})
	}
}

// memoryConn is one end of a connection in memory. Unlike that of [net.Pipe] it
// keeps what is written until it is read, and ends one direction at a time.
type memoryConn struct {
	in, out *stream
	mu      sync.Mutex
	writeBy time.Time
	timer   *time.Timer // of the read deadline
}

func memoryPipe() (client, server *memoryConn) {
	up, down := newStream(), newStream()
	return &memoryConn{in: down, out: up}, &memoryConn{in: up, out: down}
}

func (c *memoryConn) Read(b []byte) (int, error) { return c.in.read(b) }

func (c *memoryConn) Write(b []byte) (int, error) {
	if c.out.blocked() {
		c.mu.Lock()
		left := time.Until(c.writeBy)
		c.mu.Unlock()
		time.Sleep(left)
		return 0, os.ErrDeadlineExceeded
	}
	return c.out.write(b)
}

func (c *memoryConn) Close() error {
	c.out.end(io.EOF)
	c.in.end(net.ErrClosed)
	return nil
}

func (c *memoryConn) CloseWrite() error {
	c.out.end(io.EOF)
	return nil
}

// Reset ends the connection as a TCP reset does.
func (c *memoryConn) Reset() {
	c.out.end(syscall.ECONNRESET)
	c.in.end(net.ErrClosed)
}

func (c *memoryConn) LocalAddr() net.Addr  { return &net.UnixAddr{Name: "memory"} }
func (c *memoryConn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (c *memoryConn) SetDeadline(at time.Time) error {
	return errors.Join(c.SetReadDeadline(at), c.SetWriteDeadline(at))
}

func (c *memoryConn) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if !at.IsZero() {
		c.timer = time.AfterFunc(time.Until(at), func() { c.in.end(os.ErrDeadlineExceeded) })
	}
	return nil
}

func (c *memoryConn) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeBy = at
	return nil
}

// stream is one direction of a connection.
type stream struct {
	changed *sync.Cond
	data    []byte
	err     error // what comes behind the data
	stuck   bool
}

func newStream() *stream { return &stream{changed: sync.NewCond(new(sync.Mutex))} }

func (s *stream) read(b []byte) (int, error) {
	s.changed.L.Lock()
	defer s.changed.L.Unlock()
	for len(s.data) == 0 && s.err == nil {
		s.changed.Wait()
	}
	if len(s.data) == 0 || errors.Is(s.err, net.ErrClosed) {
		return 0, s.err
	}
	n := copy(b, s.data)
	s.data = s.data[n:]
	return n, nil
}

func (s *stream) write(b []byte) (int, error) {
	s.changed.L.Lock()
	defer s.changed.L.Unlock()
	defer s.changed.Broadcast()
	switch {
	case errors.Is(s.err, net.ErrClosed): // the reader has gone
		return 0, syscall.EPIPE
	case s.err != nil:
		return 0, net.ErrClosed
	}
	s.data = append(s.data, b...)
	return len(b), nil
}

// end ends the stream behind what has been written; the first end counts.
func (s *stream) end(err error) {
	s.changed.L.Lock()
	defer s.changed.L.Unlock()
	defer s.changed.Broadcast()
	if s.err == nil || errors.Is(err, net.ErrClosed) {
		s.err = err
	}
}

// wait waits until the stream has ended, or its reader has gone.
func (s *stream) wait() {
	s.changed.L.Lock()
	defer s.changed.L.Unlock()
	for s.err == nil {
		s.changed.Wait()
	}
}

func (s *stream) block() {
	s.changed.L.Lock()
	defer s.changed.L.Unlock()
	s.stuck = true
}

func (s *stream) blocked() bool {
	s.changed.L.Lock()
	defer s.changed.L.Unlock()
	return s.stuck
}

var _ wire.Dialer = (*scriptedBroker)(nil)
