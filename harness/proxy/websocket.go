package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"mqttspec/codec"
	"mqttspec/harness/wire/websocket"
)

// ListenWebSocket makes the proxy a broker that can be reached over WebSocket
// too; dial opens the transport under the good broker's WebSocket listener.
// What the broker answers to the handshake passes through the behaviour, then every
// frame, or, for those that know nothing of frames, every packet.
func (p *Proxy) ListenWebSocket(dial func(context.Context) (net.Conn, error)) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.webSocket = listener
	p.group.Go(func() { p.accept(listener, dial, (*Link).carryWebSocket) })
	return nil
}

// DialWebSocket opens the transport under a WebSocket connection to the different
// broker.
func (p *Proxy) DialWebSocket(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", p.webSocket.Addr().String())
}

// carryWebSocket passes the opening handshake on and then carries both
// directions until both have ended.
func (l *Link) carryWebSocket() {
	client, broker := l.client, l.broker
	clientSrc, brokerSrc := bufio.NewReader(client), bufio.NewReader(broker)
	if err := l.proxy.handshake(client, broker, clientSrc, brokerSrc); err != nil {
		return
	}
	pump := (*Link).pump
	if l.proxy.behaviour.FrameFromClient != nil || l.proxy.behaviour.FrameFromBroker != nil {
		pump = (*Link).pumpFrames
	}
	l.join(websocket.NewConn(client, clientSrc, false), websocket.NewConn(broker, brokerSrc, true), pump)
}

// handshake passes the request on, and the response through the behaviour.
func (p *Proxy) handshake(client, broker io.Writer, clientSrc, brokerSrc *bufio.Reader) error {
	request, err := http.ReadRequest(clientSrc)
	if err != nil {
		return err
	}
	fmt.Fprintf(broker, "GET %s HTTP/1.1\r\nHost: %s\r\n", request.RequestURI, request.Host)
	if err := writeHeader(broker, request.Header); err != nil {
		return err
	}
	response, err := http.ReadResponse(brokerSrc, request)
	if err != nil {
		return err
	}
	if p.behaviour.Upgraded != nil {
		p.mu.Lock()
		p.behaviour.Upgraded(response.Header)
		p.mu.Unlock()
	}
	fmt.Fprintf(client, "HTTP/1.1 %s\r\n", response.Status)
	return writeHeader(client, response.Header)
}

func writeHeader(w io.Writer, h http.Header) error {
	if err := h.Write(w); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\r\n")
	return err
}

// pumpFrames carries one direction of a WebSocket connection frame by frame.
func (l *Link) pumpFrames(from codec.Peer) {
	source, sink := l.client.(*websocket.Conn), l.broker.(*websocket.Conn)
	handle, gone := l.proxy.behaviour.FrameFromClient, l.proxy.behaviour.ClientGone
	if from == codec.Server {
		source, sink = sink, source
		handle, gone = l.proxy.behaviour.FrameFromBroker, l.proxy.behaviour.BrokerGone
	}
	end := func() error {
		for {
			f, err := source.ReadFrame()
			if err != nil {
				return err
			}
			l.proxy.mu.Lock()
			if handle == nil || handle(l, &f) == Forward {
				_ = sink.WriteFrame(f)
			}
			l.proxy.mu.Unlock()
		}
	}()
	l.ended(from, source.Conn.(Duplex), sink.Conn.(Duplex), end, gone)
}
