// Package websocket is as much of the WebSocket protocol (RFC 6455) as carrying
// MQTT over it, and breaking that on purpose, needs: the opening handshake, a
// byte stream over binary data frames, and single frames as the caller wants
// them. It knows nothing of MQTT but the name of its subprotocol.
package websocket

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 1.3 asks for it; nothing is protected by it
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/gobwas/ws"
)

// Subprotocol is the one that MQTT clients offer and servers select.
const Subprotocol = "mqtt"

// A Frame is one WebSocket frame, unmasked.
type Frame struct {
	// Final is FIN: the last (or only) frame of its message.
	Final   bool
	OpCode  ws.OpCode
	Payload []byte
}

// String is the frame on one line.
func (f Frame) String() string {
	name := fmt.Sprintf("frame of reserved opcode %#x", byte(f.OpCode))
	switch f.OpCode {
	case ws.OpContinuation:
		name = "continuation frame"
	case ws.OpText:
		name = "text frame"
	case ws.OpBinary:
		name = "binary frame"
	case ws.OpClose:
		code, reason := ws.ParseCloseFrameData(f.Payload)
		if len(f.Payload) < 2 {
			return "WebSocket close frame"
		}
		return strings.TrimSpace(fmt.Sprintf("WebSocket close frame %d %s", code, reason))
	case ws.OpPing:
		name = "ping frame"
	case ws.OpPong:
		name = "pong frame"
	}
	if !f.Final {
		name += " (not final)"
	}
	return fmt.Sprintf("WebSocket %s, %d bytes", name, len(f.Payload))
}

// CloseError is the end of a connection by a close frame. It is an [io.EOF]:
// nothing may follow.
type CloseError struct{ Frame Frame }

func (e *CloseError) Error() string   { return e.Frame.String() }
func (e *CloseError) Is(t error) bool { return t == io.EOF }

// WrongFrameError is a data frame that is not binary.
type WrongFrameError struct{ Frame Frame }

func (e *WrongFrameError) Error() string {
	return e.Frame.String() + ", where only binary data frames may come"
}

// Conn is one end of a WebSocket connection as a stream of bytes: what is
// written goes out as one binary frame, what is read comes from binary frames,
// however they cut it. Pings and close frames are answered while reading.
type Conn struct {
	net.Conn
	// Control is told of every control frame that comes in; it may be nil. It is
	// set before the first read.
	Control func(Frame)

	src       *bufio.Reader
	client    bool
	rest      int64 // payload of the current data frame that is still to be read
	mask      [4]byte
	masked    bool
	offset    int
	more      bool // the current message goes on in a continuation frame
	end       error
	writing   sync.Mutex
	closeSent bool
}

// NewConn is the client's or the server's end of an upgraded connection; src
// is what reads from it.
func NewConn(conn net.Conn, src *bufio.Reader, client bool) *Conn {
	return &Conn{Conn: conn, src: src, client: client}
}

// Handshake is an answered opening handshake.
type Handshake struct {
	Response *http.Response
	// Subprotocol is what the server selected; "" for none.
	Subprotocol string
}

// Dial performs the opening handshake on a connection, as a client that offers
// these subprotocols. host is the value of the Host header.
func Dial(conn net.Conn, host, requestURI string, subprotocols ...string) (*Conn, *Handshake, error) {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	key := base64.StdEncoding.EncodeToString(nonce)
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n", requestURI, host, key)
	if len(subprotocols) > 0 {
		request += "Sec-WebSocket-Protocol: " + strings.Join(subprotocols, ", ") + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, nil, err
	}
	src := bufio.NewReader(conn)
	response, err := http.ReadResponse(src, &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, nil, fmt.Errorf("no answer to the WebSocket handshake: %w", err)
	}
	h := &Handshake{response, response.Header.Get("Sec-WebSocket-Protocol")}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, h, fmt.Errorf("the WebSocket handshake for %s was answered with %s", requestURI, response.Status)
	}
	if got := response.Header.Get("Sec-WebSocket-Accept"); got != accept(key) {
		return nil, h, fmt.Errorf("the WebSocket handshake was answered with a wrong Sec-WebSocket-Accept %q", got)
	}
	return NewConn(conn, src, true), h, nil
}

// accept answers a key (RFC 6455 section 1.3).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Read reads payload of binary data frames.
func (c *Conn) Read(p []byte) (int, error) {
	for c.end == nil && c.rest == 0 {
		c.end = c.next()
	}
	if c.end != nil {
		return 0, c.end
	}
	n, err := c.src.Read(p[:min(int64(len(p)), c.rest)])
	if c.masked {
		ws.Cipher(p[:n], c.mask, c.offset)
	}
	c.offset += n
	c.rest -= int64(n)
	if errors.Is(err, io.EOF) && c.rest > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads up to the payload of the next data frame, and answers what comes
// before it.
func (c *Conn) next() error {
	h, err := c.header()
	if err != nil {
		return err
	}
	if h.OpCode.IsControl() {
		f, err := c.payload(h)
		if err != nil {
			return err
		}
		return c.control(f)
	}
	switch {
	case h.OpCode == ws.OpContinuation && c.more, h.OpCode == ws.OpBinary && !c.more:
	case h.OpCode == ws.OpText || h.OpCode.IsReserved():
		return &WrongFrameError{Frame{Final: h.Fin, OpCode: h.OpCode, Payload: make([]byte, min(h.Length, 1<<20))}}
	default:
		return errors.New("WebSocket protocol error: a continuation frame without a message, or a message within another")
	}
	c.more = !h.Fin
	c.rest, c.mask, c.masked, c.offset = h.Length, h.Mask, h.Masked, 0
	return nil
}

// header reads the header of a frame that RFC 6455 allows here.
func (c *Conn) header() (ws.Header, error) {
	h, err := ws.ReadHeader(c.src)
	switch {
	case err != nil:
		return h, err
	case h.Masked == c.client:
		return h, errors.New("WebSocket protocol error: frames from a client are masked, those from a server are not (RFC 6455 section 5.1)")
	case h.Rsv != 0:
		return h, errors.New("WebSocket protocol error: a reserved bit is set though no extension was negotiated (RFC 6455 section 5.2)")
	case h.OpCode.IsControl() && (h.Length > ws.MaxControlFramePayloadSize || !h.Fin):
		return h, errors.New("WebSocket protocol error: a control frame is long or fragmented (RFC 6455 section 5.5)")
	}
	return h, nil
}

// maxFrame bounds what ReadFrame takes in as one frame.
const maxFrame = 64 << 20

// payload reads the payload of a frame, unmasked.
func (c *Conn) payload(h ws.Header) (Frame, error) {
	if h.Length > maxFrame {
		return Frame{}, fmt.Errorf("a WebSocket frame of %d bytes", h.Length)
	}
	f := Frame{Final: h.Fin, OpCode: h.OpCode}
	// Memory follows the bytes that came, not those that were announced.
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, c.src, h.Length); err != nil {
		return f, io.ErrUnexpectedEOF
	}
	f.Payload = payload.Bytes()
	if h.Masked {
		ws.Cipher(f.Payload, h.Mask, 0)
	}
	return f, nil
}

// control answers a control frame.
func (c *Conn) control(f Frame) error {
	if c.Control != nil {
		c.Control(f)
	}
	switch f.OpCode {
	case ws.OpPing:
		_ = c.WriteFrame(Frame{Final: true, OpCode: ws.OpPong, Payload: f.Payload})
	case ws.OpClose:
		_ = c.sendClose(f.Payload[:min(2, len(f.Payload))])
		// Servers should close the transport now. Some wait for the client to do
		// it, which may (RFC 6455 section 7.1.1).
		_ = c.closeUnder()
		return &CloseError{f}
	}
	return nil
}

// ReadFrame reads the next frame, whatever it is, and answers nothing. It is
// not to be mixed with Read.
func (c *Conn) ReadFrame() (Frame, error) {
	h, err := ws.ReadHeader(c.src)
	if err != nil {
		return Frame{}, err
	}
	return c.payload(h)
}

// Write sends p as one binary frame.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.WriteFrame(Frame{Final: true, OpCode: ws.OpBinary, Payload: p}); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteFrame sends one frame, masked if this is a client's end.
func (c *Conn) WriteFrame(f Frame) error {
	frame := ws.NewFrame(f.OpCode, f.Final, f.Payload)
	if c.client {
		frame = ws.MaskFrame(frame)
	}
	raw, err := ws.CompileFrame(frame)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if f.OpCode == ws.OpClose {
		c.closeSent = true
	}
	_, err = c.Conn.Write(raw)
	return err
}

// sendClose sends a close frame, once.
func (c *Conn) sendClose(body []byte) error {
	c.writing.Lock()
	sent := c.closeSent
	c.writing.Unlock()
	if sent {
		return nil
	}
	return c.WriteFrame(Frame{Final: true, OpCode: ws.OpClose, Payload: body})
}

// CloseWrite says that nothing more will be sent: a close frame (1000, normal
// closure), and the end of the transport's direction under it, for peers that
// look only at that.
func (c *Conn) CloseWrite() error {
	return errors.Join(c.sendClose(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")), c.closeUnder())
}

// closeUnder ends the transport's direction.
func (c *Conn) closeUnder() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
