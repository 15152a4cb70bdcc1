package harness

import (
	"net"

	"mqttspec/codec"
	"mqttspec/harness/wire"
	"mqttspec/harness/wire/websocket"
)

// OverWebSocket makes the connection over WebSocket, whatever the target's
// transport is (needs [WebSocketListener]).
func OverWebSocket(c *connecting) { c.dial = (*Exchange).DialWebSocket }

// DialWebSocket opens a WebSocket connection and sends nothing over it.
func (x *Exchange) DialWebSocket(name string) *Client {
	return x.dial(name, x.webSocket(), false)
}

// Upgrade performs the opening handshake of WebSocket with these subprotocols
// on offer, and returns how the broker answered it.
func (x *Exchange) Upgrade(name string, subprotocols ...string) *websocket.Handshake {
	ctx, cancel := x.target.limit(x.ctx)
	defer cancel()
	conn, handshake, err := x.webSocket().Upgrade(ctx, subprotocols...)
	if handshake == nil {
		x.errorf("no connection to the broker: %v", err)
	}
	x.log.add(name, Note, "the WebSocket handshake was answered with "+handshake.Response.Status+", subprotocol \""+handshake.Subprotocol+"\"", nil, "")
	if err != nil {
		x.errorf("%v", err)
	}
	x.adopt(name, conn, false)
	return handshake
}

func (x *Exchange) webSocket() *wire.WebSocketDialer {
	if x.target.WebSocket == nil {
		x.errorf("the target has no WebSocket URL")
	}
	return x.target.WebSocket
}

// SendFrames sends WebSocket frames as they are, one after the other.
func (c *Client) SendFrames(frames ...websocket.Frame) {
	conn, ok := c.transport.(*websocket.Conn)
	if !ok {
		c.x.errorf("%s is no WebSocket connection", c.name)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	c.byHand = true
	for _, f := range frames {
		c.x.log.add(c.name, ToBroker, f.String(), f.Payload, "")
		_ = conn.WriteFrame(f) // as with write: what became of it shows in what comes back
	}
}

// Bytes are packets as they go over the wire: for what is cut, or put into
// frames, by hand. It notes what they will leave behind at the broker, and answer to.
func (c *Client) Bytes(packets ...codec.Packet) []byte {
	var all []byte
	for _, p := range packets {
		c.x.remember(p)
		c.mu.Lock()
		c.audit.sent(p)
		c.mu.Unlock()
		all = append(all, c.encode(p)...)
	}
	return all
}

// watchFrames puts the control frames that the broker sends into the transcript.
func (c *Client) watchFrames(conn net.Conn) {
	if ws, ok := conn.(*websocket.Conn); ok {
		ws.Control = func(f websocket.Frame) { c.x.log.add(c.name, FromBroker, f.String(), f.Payload, "") }
	}
}
