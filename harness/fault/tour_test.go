package fault

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/proxy"
	"mqttspec/harness/wire/websocket"
)

// A tour is an exchange between clients and a good broker with a proxy between
// them, both sides written down: whatever the proxy makes of a packet, the next
// one is sent as it would have been without it. So what arrives shows what the
// fault does, and nothing that only follows from it.
type tour struct {
	name string
	take func(s *stage)
	// frames says that the tour is about WebSocket frames: a proxy that looks at
	// packets does not keep them as they were.
	frames bool
}

// stage is a tour on its way through a proxy.
type stage struct {
	version codec.Version
	proxy   *proxy.Proxy
	ends    []*ends
	steps   []step
	nextID  uint16
}

// step is what was sent at one time, as it would arrive without a fault, and
// what arrived.
type step struct {
	version    codec.Version
	sent, came []event
}

// event is a packet or something else, such as the end of a connection, at the
// other side.
type event struct {
	at     string // whose connection
	from   codec.Peer
	packet string // its bytes, or else
	other  string
}

// subject is the packet's type, or what it is else.
func (e event) subject() string {
	if e.packet != "" {
		return codec.Type(e.packet[0] >> 4).String()
	}
	return e.other
}

// line is the event in words.
func (e event) line(v codec.Version) string {
	arrow := " > "
	if e.from == codec.Server {
		arrow = " < "
	}
	if e.packet != "" {
		return e.at + arrow + written(v, e.from, []byte(e.packet))
	}
	return e.at + arrow + e.other
}

// changed says whether the fault made a difference.
func (s step) changed() bool { return !slices.Equal(s.sent, s.came) }

func (s step) String() string {
	shown := func(events []event) string {
		lines := make([]string, len(events))
		for i, e := range events {
			lines[i] = e.line(s.version)
			if slices.ContainsFunc(s.sent, func(o event) bool { return o != e && o.line(s.version) == lines[i] }) {
				lines[i] += fmt.Sprintf(" [% X]", e.packet)
			}
		}
		return cmp.Or(strings.Join(lines, "; "), "nothing")
	}
	if !s.changed() {
		return shown(s.sent)
	}
	return shown(s.sent) + "  ->  " + shown(s.came)
}

// ends are the two ends of one client's connection.
type ends struct {
	stage          *stage
	name           string
	client, broker *memory
	toClient       arrived
	toBroker       arrived
}

// arrived is what has been seen at one end.
type arrived struct {
	rest   []byte // the beginning of a packet
	ended  bool
	header bool // the header of the WebSocket handshake is still to come
	frames bool
}

// seen is what a tour came to.
type seen struct {
	steps   []step
	mistake error // of the fault's
}

func (s seen) String() string {
	lines := make([]string, len(s.steps))
	for i, step := range s.steps {
		lines[i] = step.String()
	}
	return strings.Join(lines, "\n")
}

// travel takes a tour through a proxy of its own with a fault.
func travel(t *testing.T, v codec.Version, f Fault, to tour) (all seen) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{version: v, proxy: proxy.New(v, f.start())}
		defer s.proxy.Close()
		to.take(s)
		all = seen{s.steps, s.proxy.Err()}
	})
	return all
}

// open makes a connection through the proxy.
func (s *stage) open(name string) *ends {
	client, atProxy := connection()
	behind, broker := connection()
	e := &ends{stage: s, name: name, client: client, broker: broker}
	s.ends = append(s.ends, e)
	s.proxy.Join(atProxy, behind)
	synctest.Wait()
	return e
}

// openWebSocket makes a connection over WebSocket through the proxy; what is
// sent on it then are frames.
func (s *stage) openWebSocket(name string) *ends {
	client, atProxy := connection()
	behind, broker := connection()
	e := &ends{stage: s, name: name, client: client, broker: broker}
	e.toClient.header, e.toBroker.header = true, true
	s.ends = append(s.ends, e)
	s.proxy.JoinWebSocket(atProxy, behind)
	for _, way := range []struct {
		at     *memory
		from   codec.Peer
		header string
	}{
		{client, codec.Client, "GET /mqtt HTTP/1.1\r\nHost: broker\r\nSec-Websocket-Protocol: mqtt\r\n\r\n"},
		{broker, codec.Server, "HTTP/1.1 101 Switching Protocols\r\nSec-Websocket-Protocol: mqtt\r\n\r\n"},
	} {
		_, _ = io.WriteString(way.at, way.header)
		s.step(event{at: name, from: way.from, other: strings.TrimSpace(way.header)})
	}
	return e
}

// frame is the first frame of what has arrived, or the header before all, if it
// is whole.
func (a *arrived) frame(at string, from codec.Peer) (event, bool) {
	if a.header {
		header, rest, ok := bytes.Cut(a.rest, []byte("\r\n\r\n"))
		if ok {
			a.rest, a.header, a.frames = rest, false, true
		}
		return event{at: at, from: from, other: string(header)}, ok
	}
	src := bytes.NewReader(a.rest)
	f, err := websocket.NewConn(nil, bufio.NewReaderSize(src, 0), true).ReadFrame()
	if err != nil {
		return event{}, false
	}
	a.rest = nil // one frame at a time is sent
	return framed(at, from, f), true
}

// framed is a WebSocket frame as an event.
func framed(at string, from codec.Peer, f websocket.Frame) event {
	return event{at: at, from: from, other: fmt.Sprintf("%v [% X]", f, f.Payload)}
}

// upFrames has the client send WebSocket frames, each for itself.
func (e *ends) upFrames(frames ...websocket.Frame) *ends {
	for _, f := range frames {
		_ = websocket.NewConn(e.client, nil, true).WriteFrame(f)
		e.stage.step(framed(e.name, codec.Client, f))
	}
	return e
}

// downFrames has the broker send WebSocket frames, each for itself.
func (e *ends) downFrames(frames ...websocket.Frame) *ends {
	for _, f := range frames {
		_ = websocket.NewConn(e.broker, nil, false).WriteFrame(f)
		e.stage.step(framed(e.name, codec.Server, f))
	}
	return e
}

// step notes what arrives of what was just sent.
func (s *stage) step(sent ...event) {
	synctest.Wait()
	var came []event
	for _, e := range s.ends {
		came = append(came, e.toBroker.look(s.version, e.name, codec.Client, e.broker)...)
		came = append(came, e.toClient.look(s.version, e.name, codec.Server, e.client)...)
	}
	s.steps = append(s.steps, step{s.version, sent, came})
}

// look is what has newly arrived at one end.
func (a *arrived) look(v codec.Version, at string, from codec.Peer, end *memory) (events []event) {
	pieces, ended := end.take()
	for _, piece := range pieces {
		a.rest = append(a.rest, piece...)
	}
	for len(a.rest) > 0 {
		if a.header || a.frames {
			frame, ok := a.frame(at, from)
			if !ok {
				break
			}
			events = append(events, frame)
			continue
		}
		raw, err := codec.NewReader(v, bytes.NewReader(a.rest)).Next()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			raw = a.rest
		}
		a.rest = a.rest[len(raw):]
		events = append(events, event{at: at, from: from, packet: string(raw)})
	}
	if ended != nil && !a.ended {
		a.ended = true
		if len(a.rest) > 0 {
			events = append(events, event{at: at, from: from, packet: string(a.rest)})
		}
		how := "reset"
		if errors.Is(ended, io.EOF) {
			how = "closed"
		}
		events = append(events, event{at: at, from: from, other: how})
	}
	return events
}

// written is a packet on one line: as bytes where they do not follow from what
// it says.
func written(v codec.Version, from codec.Peer, raw []byte) string {
	p, err := codec.Decode(v, from, raw)
	if err == nil {
		if again, _ := codec.Append(nil, v, p); bytes.Equal(again, raw) {
			return p.String()
		}
	}
	line := fmt.Sprintf("[% X]", raw)
	if len(raw) > 80 {
		line = fmt.Sprintf("[% X … %d bytes]", raw[:40], len(raw))
	}
	var breach *codec.Breach
	if errors.As(err, &breach) {
		line += " " + breach.Error()
	}
	return line
}

// sent is a packet as it is sent.
func (e *ends) sent(from codec.Peer, p codec.Packet) event {
	return event{at: e.name, from: from, packet: string(e.stage.encoded(p))}
}

// up has the client send packets, each for itself.
func (e *ends) up(packets ...codec.Packet) *ends {
	for _, p := range packets {
		sent := e.sent(codec.Client, p)
		_, _ = io.WriteString(e.client, sent.packet)
		e.stage.step(sent)
	}
	return e
}

// down has the broker send packets, each for itself.
func (e *ends) down(packets ...codec.Packet) *ends {
	for _, p := range packets {
		sent := e.sent(codec.Server, p)
		_, _ = io.WriteString(e.broker, sent.packet)
		e.stage.step(sent)
	}
	return e
}

// upInPieces has the client send a packet cut in two.
func (e *ends) upInPieces(p codec.Packet) *ends {
	sent := e.sent(codec.Client, p)
	_, _ = io.WriteString(e.client, sent.packet[:2])
	synctest.Wait()
	_, _ = io.WriteString(e.client, sent.packet[2:])
	e.stage.step(sent)
	return e
}

// upAtOnce has the client send packets in one segment.
func (e *ends) upAtOnce(packets ...codec.Packet) *ends {
	var sent []event
	var segment string
	for _, p := range packets {
		sent = append(sent, e.sent(codec.Client, p))
		segment += sent[len(sent)-1].packet
	}
	_, _ = io.WriteString(e.client, segment)
	e.stage.step(sent...)
	return e
}

// leaves has the client close its connection.
func (e *ends) leaves() *ends {
	_ = e.client.CloseWrite()
	e.stage.step(event{at: e.name, from: codec.Client, other: "closed"})
	return e
}

// breaks has the client's connection end by a reset.
func (e *ends) breaks() *ends {
	e.toClient.ended = true // nobody is there to see it
	_ = e.client.SetLinger(0)
	e.client.Close()
	e.stage.step(event{at: e.name, from: codec.Client, other: "reset"})
	return e
}

// hangsUp has the broker close the connection.
func (e *ends) hangsUp() *ends {
	_ = e.broker.CloseWrite()
	e.stage.step(event{at: e.name, from: codec.Server, other: "closed"})
	return e
}

// waits lets time pass, in which nothing is sent.
func (s *stage) waits(d time.Duration) {
	time.Sleep(d)
	s.step()
}

// id is the next Packet Identifier; they are told from those of faults.
func (s *stage) id() uint16 {
	s.nextID++
	return 0x0100 + s.nextID
}

// connect opens a connection and has the client accepted.
func (s *stage) connect(name string, c codec.Connect) *ends {
	e := s.open(name)
	return e.up(s.connecting(name, c)).down(&codec.Connack{})
}

// connecting is a CONNECT with what a client always says, unless it says other.
func (s *stage) connecting(name string, c codec.Connect) *codec.Connect {
	c.ProtocolName = cmp.Or(c.ProtocolName, "MQTT")
	if c.ProtocolLevel == 0 {
		c.ProtocolLevel = 4
		if s.version == codec.V5 {
			c.ProtocolLevel = 5
		}
	}
	c.ClientID = cmp.Or(c.ClientID, name)
	return &c
}
