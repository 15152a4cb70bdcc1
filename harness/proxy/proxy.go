// Package proxy stands between the scripted clients and a broker and changes what
// passes: what makes a good broker a faulty one (package fault), or one that is
// merely different (package freedom), is a [Behaviour].
package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/wire/websocket"
)

// A Duplex is a connection whose directions end one by one.
type Duplex interface {
	net.Conn
	CloseWrite() error
}

// reset makes the close of a connection a reset, where its transport has that.
func reset(conn Duplex) {
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// A Proxy is a broker made different: it listens on a loopback port and passes
// what it gets to the broker behind it, through the behaviour.
type Proxy struct {
	version   codec.Version
	behaviour Behaviour
	dialling  context.Context // until the proxy is closed
	stop      context.CancelFunc
	listener  net.Listener
	webSocket net.Listener // nil: nobody asked for it
	group     sync.WaitGroup

	// mu orders everything the behaviour sees, so that it needs no locks.
	mu      sync.Mutex
	links   []*Link // in the order in which they came
	later   []task  // in the order in which they are due
	changed bool    // something
	mistake error
	closed  bool
}

// task is something to be done later.
type task struct {
	due time.Time
	do  func()
}

// A Behaviour is what a proxy does to what passes; a nil function lets everything
// pass. Its functions are called one at a time.
type Behaviour struct {
	FromClient func(l *Link, f *Frame) Action
	FromBroker func(l *Link, f *Frame) Action
	// ClientGone is told when the client has closed its connection, before the
	// broker's is closed; Swallow keeps the broker's open.
	ClientGone func(l *Link) Action
	// BrokerGone is told when the broker has closed its connection, before the
	// client's is closed; Swallow keeps the client's open.
	BrokerGone func(l *Link) Action

	// Of connections over WebSocket: Upgraded sees the header of the broker's
	// answer to the handshake, the others every frame. With one of the latter the
	// packets within are not looked at.
	Upgraded        func(h http.Header)
	FrameFromClient func(l *Link, f *websocket.Frame) Action
	FrameFromBroker func(l *Link, f *websocket.Frame) Action
}

// Action is what becomes of a packet (or of a close) after a behaviour saw it.
type Action int

// The actions.
const (
	Forward Action = iota // pass it on, with the changes made to it
	Swallow               // drop it
)

// A Frame is one packet on its way.
type Frame struct {
	Raw []byte
	// Packet is the decoded packet; nil when it cannot be decoded.
	Packet codec.Packet
	// Breach is what the strict decoder found wrong with it; nil for a legal packet.
	Breach *codec.Breach
	// Pieces is in how many pieces the packet arrived; Behind says that the
	// first of them was the end of a segment that held other packets.
	Pieces int
	Behind bool

	from      codec.Peer
	swallowed bool
}

// Type is the packet type by the first byte.
func (f *Frame) Type() codec.Type { return codec.Type(f.Raw[0] >> 4) }

// Only applies an edit to the packets of one type. A client's that breaks a rule
// passes as it is: to write it anew would mend it.
func Only[T codec.Packet](edit func(l *Link, p T) Action) func(*Link, *Frame) Action {
	return func(l *Link, f *Frame) Action {
		if p, ok := f.Packet.(T); ok && (f.Breach == nil || f.from == codec.Server) {
			return edit(l, p)
		}
		return Forward
	}
}

// A Link is one client's connection through the proxy. Its methods are called
// by behaviours only, one at a time.
type Link struct {
	// Version is the protocol version in use.
	Version codec.Version
	// Connect is the CONNECT that the client sent; nil before.
	Connect *codec.Connect

	proxy          *Proxy
	client, broker Duplex
	joined         bool // packets pass; over WebSocket not before the handshake is done
	held           bool // keep the client's connection open when the broker's ends
	brokerGone     bool
}

// Listen starts a proxy with a behaviour in front of the broker that dial reaches.
func Listen(version codec.Version, b Behaviour, dial func(context.Context) (net.Conn, error)) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := New(version, b)
	p.listener = listener
	p.group.Go(func() { p.accept(listener, dial, (*Link).carryPackets) })
	return p, nil
}

// New is a proxy that does not listen: connections are given to it two by two.
func New(version codec.Version, b Behaviour) *Proxy {
	p := &Proxy{version: version, behaviour: b}
	p.dialling, p.stop = context.WithCancel(context.Background())
	return p
}

// Join has packets pass between a client's connection and a broker's.
func (p *Proxy) Join(client, broker Duplex) { p.link(client, broker, (*Link).carryPackets) }

// JoinWebSocket is Join for connections over WebSocket, before their handshake.
func (p *Proxy) JoinWebSocket(client, broker Duplex) { p.link(client, broker, (*Link).carryWebSocket) }

// Dial opens a connection to the different broker.
func (p *Proxy) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", p.listener.Addr().String())
}

// Close ends the proxy and all its connections.
func (p *Proxy) Close() {
	p.stop()
	p.mu.Lock()
	p.closed = true
	for _, listener := range []net.Listener{p.listener, p.webSocket} {
		if listener != nil {
			listener.Close()
		}
	}
	for _, l := range p.links {
		l.client.Close()
		l.broker.Close()
	}
	p.mu.Unlock()
	p.group.Wait()
}

// Err is the first mistake of the behaviour that has shown: a packet
// of its that cannot be written in this version of the protocol, and was not
// sent.
func (p *Proxy) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mistake
}

// Changed says whether the behaviour has changed anything yet of what passes.
func (p *Proxy) Changed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

// accept links every client that comes with the broker that dial reaches.
func (p *Proxy) accept(listener net.Listener, dial func(context.Context) (net.Conn, error), carry func(*Link)) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		broker, err := dial(p.dialling)
		if err != nil {
			reset(client.(Duplex)) // as where nobody listens, or a broker has reset at once
			continue
		}
		p.link(client.(Duplex), broker.(Duplex), carry)
	}
}

// link joins two connections until carry returns.
func (p *Proxy) link(client, broker Duplex, carry func(*Link)) {
	l := &Link{Version: p.version, proxy: p, client: client, broker: broker}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		client.Close()
		broker.Close()
		return
	}
	p.links = append(p.links, l)
	p.group.Go(func() {
		carry(l)
		p.mu.Lock()
		defer p.mu.Unlock()
		l.client.Close()
		l.broker.Close()
		p.links = slices.DeleteFunc(p.links, func(o *Link) bool { return o == l })
	})
}

// carryPackets carries both directions, packet by packet, until both have ended.
func (l *Link) carryPackets() { l.join(l.client, l.broker, (*Link).pump) }

// join lets packets pass between two connections until both directions have ended.
func (l *Link) join(client, broker Duplex, pump func(*Link, codec.Peer)) {
	l.proxy.mu.Lock()
	l.client, l.broker, l.joined = client, broker, true
	l.proxy.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { pump(l, codec.Client) })
	both.Go(func() { pump(l, codec.Server) })
	both.Wait()
}

// pump carries one direction until it ends.
func (l *Link) pump(from codec.Peer) {
	source, sink := l.client, l.broker
	handle, gone := l.proxy.behaviour.FromClient, l.proxy.behaviour.ClientGone
	if from == codec.Server {
		source, sink = l.broker, l.client
		handle, gone = l.proxy.behaviour.FromBroker, l.proxy.behaviour.BrokerGone
	}
	l.ended(from, source, sink, l.carry(from, source, sink, handle), gone)
}

// ended passes on the end of one direction.
func (l *Link) ended(from codec.Peer, source, sink Duplex, end error, gone func(*Link) Action) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if from == codec.Server {
		l.brokerGone = true
	}
	if gone != nil && gone(l) == Swallow || from == codec.Server && l.held {
		l.proxy.changed = true
		return
	}
	if errors.Is(end, io.EOF) {
		_ = sink.CloseWrite()
		return
	}
	reset(sink) // pass a reset on as a reset
	source.Close()
}

// carry passes packets on until the source ends, and says how it ended. Bytes
// that are no packets are passed on as they are.
func (l *Link) carry(from codec.Peer, source, sink Duplex, handle func(*Link, *Frame) Action) error {
	if handle == nil {
		handle = func(*Link, *Frame) Action { return Forward }
	}
	arriving := &arrivals{Reader: source}
	buffer := bufio.NewReader(arriving)
	reader := codec.NewReader(l.Version, buffer)
	for {
		behind, before := buffer.Buffered() > 0, arriving.count
		raw, err := reader.Next()
		if err != nil && !malformedLength(err, raw) {
			_, _ = sink.Write(raw)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return err
		}
		f := l.frame(from, raw, err)
		f.Behind, f.Pieces = behind, arriving.count-before
		if behind {
			f.Pieces++
		}
		l.handle(from, sink, f, handle)
		switch {
		case err == nil:
		case f.swallowed: // with all that came with it
			_, _ = buffer.Discard(buffer.Buffered())
			reader = codec.NewReader(l.Version, buffer)
		default: // nor can what follows be read
			if _, err = io.Copy(sink, buffer); err == nil {
				err = io.EOF
			}
			return err
		}
	}
}

// malformedLength says whether a packet could not be read for its Remaining
// Length: where it ends nobody can say.
func malformedLength(err error, raw []byte) bool {
	var breach *codec.Breach
	return errors.As(err, &breach) && len(raw) > 0
}

// frame is a packet as a behaviour sees it; err is what was wrong with its length.
func (l *Link) frame(from codec.Peer, raw []byte, err error) *Frame {
	f := &Frame{Raw: raw, from: from}
	if err == nil {
		f.Packet, err = codec.Decode(l.Version, from, raw)
	}
	errors.As(err, &f.Breach)
	return f
}

// arrivals counts how often bytes arrive.
type arrivals struct {
	io.Reader
	count int
}

func (a *arrivals) Read(b []byte) (int, error) {
	n, err := a.Reader.Read(b)
	if n > 0 {
		a.count++
	}
	return n, err
}

// handle shows a frame to the behaviour and passes on what it leaves of it.
func (l *Link) handle(from codec.Peer, sink Duplex, f *Frame, handle func(*Link, *Frame) Action) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if connect, ok := f.Packet.(*codec.Connect); ok && from == codec.Client && l.Connect == nil {
		copied := *connect
		l.Connect = &copied
	}
	before, _ := l.encoded(f)
	if handle(l, f) == Swallow {
		f.swallowed, l.proxy.changed = true, true
		return
	}
	if from == codec.Client && l.brokerGone { // only reached when the connection is held open
		if f.Type() == codec.PINGREQ {
			l.ToClient(&codec.Pingresp{})
		}
		return
	}
	out := f.Raw
	after, err := l.encoded(f)
	if before != nil && err != nil {
		l.proxy.mistaken(err)
		return
	}
	if !bytes.Equal(before, after) {
		out, l.proxy.changed = after, true
	}
	_, _ = sink.Write(out)
}

// encoded is a frame's packet as bytes, to see whether the behaviour changed it; nil
// without one.
func (l *Link) encoded(f *Frame) ([]byte, error) {
	if f.Packet == nil {
		return nil, nil
	}
	return codec.Append(nil, l.Version, f.Packet)
}

// mistaken keeps the first mistake.
func (p *Proxy) mistaken(err error) {
	if p.mistake == nil {
		p.mistake = fmt.Errorf("proxy: %w", err)
	}
}

// ToClient sends a packet to the client as if the broker had.
func (l *Link) ToClient(packets ...codec.Packet) { l.send(l.client, packets) }

// ToBroker sends a packet to the broker as if the client had.
func (l *Link) ToBroker(packets ...codec.Packet) { l.send(l.broker, packets) }

func (l *Link) send(sink Duplex, packets []codec.Packet) {
	l.proxy.changed = true
	var out bytes.Buffer
	for _, p := range packets {
		raw, err := codec.Append(nil, l.Version, p)
		if err != nil {
			l.proxy.mistaken(err)
			return
		}
		out.Write(raw)
	}
	_, _ = sink.Write(out.Bytes())
}

// Asked is what the client connected with; empty before.
func (l *Link) Asked() *codec.Connect {
	if l.Connect == nil {
		return &codec.Connect{}
	}
	return l.Connect
}

// ClientID is the Client Identifier that the client connected with.
func (l *Link) ClientID() string { return l.Asked().ClientID }

// Hold keeps the client's connection open when the broker closes its own.
func (l *Link) Hold() { l.held = true }

// Release no longer does, and closes it if the broker has closed its own meanwhile.
func (l *Link) Release() {
	l.held = false
	if l.brokerGone {
		l.CloseClient()
	}
}

// BrokerGone says whether the broker has closed its connection.
func (l *Link) BrokerGone() bool { return l.brokerGone }

// Addr is the address that the client has reached.
func (l *Link) Addr() net.Addr { return l.client.LocalAddr() }

// CloseClient closes the client's connection as if the broker had.
func (l *Link) CloseClient() {
	l.proxy.changed = true
	_ = l.client.CloseWrite()
}

// ResetClient ends the client's connection by a reset, where its transport has that.
func (l *Link) ResetClient() { reset(l.client) }

// CloseBroker closes the broker's connection as if the client had.
func (l *Link) CloseBroker() {
	l.proxy.changed = true
	_ = l.broker.CloseWrite()
}

// After does something after a while, as if a packet had come then, unless the
// proxy has been closed. What is due at the same time is done in the order in
// which it was asked for.
func (l *Link) After(d time.Duration, do func()) {
	p := l.proxy
	due := time.Now().Add(d)
	at := slices.IndexFunc(p.later, func(t task) bool { return t.due.After(due) })
	if at < 0 {
		at = len(p.later)
	}
	p.later = slices.Insert(p.later, at, task{due, do})
	time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		first := p.later[0] // timers may overtake each other on the way here
		p.later = p.later[1:]
		if !p.closed {
			first.do()
		}
	})
}

// Others are the other clients' open connections, in the order in which they
// came.
func (l *Link) Others() []*Link {
	var others []*Link
	for _, o := range l.proxy.links {
		if o != l && o.joined {
			others = append(others, o)
		}
	}
	return others
}
