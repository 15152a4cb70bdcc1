package fault

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"mqttspec/codec"
)

// duplex is a connection whose directions end one by one.
type duplex interface {
	net.Conn
	CloseWrite() error
}

// reset makes the close of a connection a reset, where its transport has that.
func reset(conn duplex) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// A Proxy is a broker made faulty: it listens on a loopback port and passes
// what it gets to the good broker behind it, through the fault.
type Proxy struct {
	version   codec.Version
	dial      func(context.Context) (net.Conn, error)
	listener  net.Listener
	behaviour behaviour
	webSocket net.Listener // nil: nobody asked for it

	// mu orders everything the fault sees, so that faults need no locks.
	mu    sync.Mutex
	links map[*Link]bool
	group sync.WaitGroup
	done  bool
}

// A Link is one client's connection through the proxy. Its methods are called
// by faults only, one at a time.
type Link struct {
	// Version is the protocol version in use.
	Version codec.Version
	// Connect is the CONNECT that the client sent; nil before.
	Connect *codec.Connect

	proxy          *Proxy
	client, broker duplex
	held           bool // keep the client's connection open when the broker's ends
	brokerGone     bool
}

// NewProxy starts a proxy with one fault in front of the broker that dial
// reaches.
func NewProxy(version codec.Version, f Fault, dial func(context.Context) (net.Conn, error)) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{version: version, dial: dial, listener: listener, behaviour: f.start(), links: map[*Link]bool{}}
	p.group.Go(p.accept)
	return p, nil
}

// Dial opens a connection to the faulty broker.
func (p *Proxy) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", p.listener.Addr().String())
}

// Close ends the proxy and all its connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.done = true
	p.listener.Close()
	if p.webSocket != nil {
		p.webSocket.Close()
	}
	for l := range p.links {
		l.client.Close()
		l.broker.Close()
	}
	p.mu.Unlock()
	p.group.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		broker, err := p.dial(context.Background())
		if err != nil {
			client.Close()
			continue
		}
		if !p.link(client.(duplex), broker.(duplex), (*Link).pump) {
			return
		}
	}
}

// link joins two connections; false when the proxy has been closed.
func (p *Proxy) link(client, broker duplex, pump func(*Link, codec.Peer)) bool {
	l := &Link{Version: p.version, proxy: p, client: client, broker: broker}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		client.Close()
		broker.Close()
		return false
	}
	p.links[l] = true
	var both sync.WaitGroup
	both.Go(func() { pump(l, codec.Client) })
	both.Go(func() { pump(l, codec.Server) })
	p.group.Go(func() {
		both.Wait()
		client.Close()
		broker.Close()
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	})
	return true
}

// pump carries one direction until it ends.
func (l *Link) pump(from codec.Peer) {
	source, sink := l.client, l.broker
	handle, gone := l.proxy.behaviour.fromClient, l.proxy.behaviour.clientGone
	if from == codec.Server {
		source, sink = l.broker, l.client
		handle, gone = l.proxy.behaviour.fromBroker, l.proxy.behaviour.brokerGone
	}
	l.ended(from, source, sink, l.carry(from, source, sink, handle), gone)
}

// ended passes on the end of one direction.
func (l *Link) ended(from codec.Peer, source, sink duplex, end error, gone func(*Link) Action) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if from == codec.Server {
		l.brokerGone = true
	}
	if gone != nil && gone(l) == Swallow || from == codec.Server && l.held {
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
func (l *Link) carry(from codec.Peer, source, sink duplex, handle func(*Link, *Frame) Action) error {
	if handle == nil {
		handle = func(*Link, *Frame) Action { return Forward }
	}
	arriving := &arrivals{Reader: source}
	buffer := bufio.NewReader(arriving)
	reader := codec.NewReader(l.Version, buffer)
	for {
		behind, before := buffer.Buffered() > 0, arriving.count
		raw, err := reader.Next()
		f := &Frame{Raw: raw, Behind: behind, Pieces: arriving.count - before}
		if behind {
			f.Pieces++
		}
		if err != nil && (!errors.As(err, &f.Breach) || len(raw) == 0) {
			_, _ = sink.Write(raw)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return err
		}
		if f.Breach == nil {
			f.Packet, err = codec.Decode(l.Version, from, raw)
			errors.As(err, &f.Breach)
			err = nil
		}
		l.handle(from, sink, f, handle)
		if err != nil && !f.swallowed { // a length that can't be read: nor can what follows
			if _, err = io.Copy(sink, buffer); err == nil {
				err = io.EOF
			}
			return err
		}
		if err != nil {
			_, _ = buffer.Discard(buffer.Buffered())
			reader = codec.NewReader(l.Version, buffer)
		}
	}
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

// handle shows a frame to the fault and passes on what it leaves of it.
func (l *Link) handle(from codec.Peer, sink duplex, f *Frame, handle func(*Link, *Frame) Action) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if connect, ok := f.Packet.(*codec.Connect); ok && from == codec.Client && l.Connect == nil {
		copied := *connect
		l.Connect = &copied
	}
	before := l.encoded(f)
	if handle(l, f) == Swallow {
		f.swallowed = true
		return
	}
	if from == codec.Client && l.brokerGone { // only reached when the connection is held open
		if f.Type() == codec.PINGREQ {
			l.ToClient(&codec.Pingresp{})
		}
		return
	}
	out := f.Raw
	if after := l.encoded(f); !bytes.Equal(before, after) {
		out = after
	}
	_, _ = sink.Write(out)
}

// encoded is a frame's packet as bytes, to see whether a fault changed it.
func (l *Link) encoded(f *Frame) []byte {
	if f.Packet == nil {
		return nil
	}
	raw, err := codec.Append(nil, l.Version, f.Packet)
	if err != nil {
		return nil
	}
	return raw
}

// ToClient sends a packet to the client as if the broker had.
func (l *Link) ToClient(packets ...codec.Packet) { l.send(l.client, packets) }

// ToBroker sends a packet to the broker as if the client had.
func (l *Link) ToBroker(packets ...codec.Packet) { l.send(l.broker, packets) }

func (l *Link) send(sink duplex, packets []codec.Packet) {
	var out bytes.Buffer
	for _, p := range packets {
		raw, err := codec.Append(nil, l.Version, p)
		if err != nil {
			panic("fault: " + err.Error()) // a mistake in the fault's declaration
		}
		out.Write(raw)
	}
	_, _ = sink.Write(out.Bytes())
}

// clientID is the Client Identifier that the client connected with.
func (l *Link) clientID() string {
	if l.Connect == nil {
		return ""
	}
	return l.Connect.ClientID
}

// Hold keeps the client's connection open when the broker closes its own.
func (l *Link) Hold() { l.held = true }

// CloseClient closes the client's connection as if the broker had.
func (l *Link) CloseClient() { _ = l.client.CloseWrite() }

// CloseBroker closes the broker's connection as if the client had.
func (l *Link) CloseBroker() { _ = l.broker.CloseWrite() }

// Others are the other clients' open connections.
func (l *Link) Others() []*Link {
	var others []*Link
	for o := range l.proxy.links {
		if o != l {
			others = append(others, o)
		}
	}
	return others
}
