package harness

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 1.3 asks for it
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	. "github.com/onsi/gomega"

	"mqttspec/codec"
	"mqttspec/harness/wire"
	"mqttspec/harness/wire/websocket"
)

// upgrades answers the opening handshake of WebSocket and selects this
// subprotocol; the steps behind it come in frames.
func upgrades(subprotocol string) step {
	return func(s *session) {
		src := bufio.NewReader(s.conn)
		request, err := http.ReadRequest(src)
		if err != nil {
			s.t.Errorf("the opening handshake: %v", err)
			s.failed = true
			return
		}
		sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(s.conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]), subprotocol)
		s.conn = websocket.NewConn(s.conn, src, false)
		s.reader = codec.NewReader(s.version, s.conn)
	}
}

// frame sends a WebSocket frame.
func frame(f websocket.Frame) step {
	return func(s *session) { _ = s.conn.(*websocket.Conn).WriteFrame(f) }
}

// says sends bytes as they are.
func says(text string) step {
	return func(s *session) { _, _ = s.conn.Write([]byte(text)) }
}

// overWebSocket makes the target one that is reached over WebSocket.
func overWebSocket(target *Target) {
	target.WebSocket = &wire.WebSocketDialer{Under: target.Dialer, Host: "broker.example", RequestURI: "/mqtt"}
}

func TestWebSocket(t *testing.T) {
	upgraded := func(steps ...step) script { return append(script{upgrades("mqtt"), accepts}, steps...) }
	connect := func(x *Exchange) *Client { return x.Connect(Clean, As("alice"), OverWebSocket) }
	closed := func(x *Exchange) { connect(x).WantClosed() }
	final := func(opcode ws.OpCode, payload string) websocket.Frame {
		return websocket.Frame{Final: true, OpCode: opcode, Payload: []byte(payload)}
	}
	for name, r := range map[string]struct {
		script   script
		body     func(x *Exchange)
		want     stop
		breach   string
		recorded string // in the transcript
	}{
		"an exchange": {upgraded(pongs), func(x *Exchange) { connect(x).WantPingresp() }, stop{}, "", "PINGRESP"},
		"a packet in two frames": {
			upgraded(wants(codec.PINGREQ), sends(&codec.Pingresp{})),
			func(x *Exchange) {
				c := connect(x)
				raw := c.Bytes(&codec.Pingreq{})
				c.SendFrames(websocket.Frame{OpCode: ws.OpBinary, Payload: raw[:1]}, websocket.Frame{Final: true, OpCode: ws.OpContinuation, Payload: raw[1:]})
				Want[*codec.Pingresp](c, "PINGRESP")
			}, stop{}, "", "WebSocket binary frame (not final), 1 bytes",
		},
		"a ping of WebSocket": {upgraded(frame(final(ws.OpPing, "hello")), pongs), func(x *Exchange) { connect(x).WantPingresp() }, stop{}, "", "WebSocket ping frame, 5 bytes"},
		"a close frame": {
			upgraded(frame(websocket.Frame{Final: true, OpCode: ws.OpClose, Payload: ws.NewCloseFrameBody(1001, "bye")})), closed, stop{}, "",
			"closed by the broker (WebSocket close frame 1001 bye)",
		},
		"a text frame": {
			upgraded(frame(final(ws.OpText, "hello"))), func(x *Exchange) { connect(x).WantPuback(1) },
			stop{Unprepared, "", "where only binary data frames may come", StepWellFormed}, "MQTT-6.0.0-1", "WebSocket text frame, 5 bytes",
		},
		"frames without WebSocket": {
			script{accepts}, func(x *Exchange) { x.Connect(Clean).SendFrames(final(ws.OpBinary, "")) }, stop{kind: Broken}, "", "",
		},
		"an upgrade": {
			script{upgrades("mqtt")}, func(x *Exchange) { x.Expect(x.Upgrade("alice", "mqtt").Subprotocol).To(Equal("mqtt")) }, stop{}, "",
			`the WebSocket handshake was answered with 101 Switching Protocols, subprotocol "mqtt"`,
		},
		"an upgrade that is declined": {
			script{says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")}, func(x *Exchange) { x.Upgrade("alice", "mqtt") }, stop{kind: Broken}, "", "404 Not Found",
		},
		"an upgrade that is not answered": {script{closes}, func(x *Exchange) { x.Upgrade("alice", "mqtt") }, stop{kind: Broken}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{r.script}, target: overWebSocket, body: r.body}.evidence(t)
			r.want.check(t, e.Stop)
			if (r.breach == "") != (len(e.Breaches) == 0) || r.breach != "" && e.Breaches[0].Statement != r.breach {
				t.Errorf("breaches %v; want %s", e.Breaches, r.breach)
			}
			recorded := ""
			for _, event := range e.Events {
				recorded += event.Packet + "\n"
			}
			if !strings.Contains(recorded, r.recorded) {
				t.Errorf("the transcript has\n%s", recorded)
			}
		})
	}
	t.Run("no URL", func(t *testing.T) {
		stop{kind: Broken}.check(t, performing{body: func(x *Exchange) { x.DialWebSocket("alice") }}.evidence(t).Stop)
	})
}
