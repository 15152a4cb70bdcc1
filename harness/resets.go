package harness

import "net"

// abortedSocket is the socket of a connection that a client has reset.
type abortedSocket struct{ local, remote net.Addr }

// remembersReset remembers a connection that a client is about to reset.
func (x *Exchange) remembersReset(c *Client) {
	if tcp, ok := c.transport.(*net.TCPConn); ok {
		x.aborted = append(x.aborted, abortedSocket{tcp.LocalAddr(), tcp.RemoteAddr()})
	}
}

// repeatResets resets the connections again that clients have reset. No transport
// repeats a RST that was lost; but to the SYN of another connection between the
// same two sockets a server that still holds the first one answers with its
// sequence number (RFC 9293, section 3.10.7.4), upon which this machine sends the
// RST once more. Where the RST had come through a connection is opened, and reset
// without a packet.
func (x *Exchange) repeatResets() {
	for _, s := range x.aborted {
		dialer := net.Dialer{LocalAddr: s.local, Timeout: x.settings.grace()}
		conn, err := dialer.DialContext(x.ctx, s.remote.Network(), s.remote.String())
		if err != nil {
			continue // as it should be where the server held the connection
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
}
