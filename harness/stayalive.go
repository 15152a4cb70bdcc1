package harness

import (
	"time"

	"mqttspec/codec"
)

// A server may give a client a shorter Keep Alive than it has asked for (5.0, section
// 3.2.2.3.14), and then the client has to keep that one. Clients that have not chosen
// theirs, because their check is not about silence, do so by themselves.

// unchosenKeepAlive is the Keep Alive, in seconds, of a client that has not chosen one.
const unchosenKeepAlive = 60

// stayAlive has the client send PINGREQ when it has been silent for half of this time,
// until the connection ends or the client says that it will. Their PINGRESPs reach
// nobody.
func (c *Client) stayAlive(keepAlive time.Duration) {
	tick := time.NewTicker(keepAlive / 4)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
			if !c.ping(keepAlive / 2) {
				return
			}
		}
	}
}

// ping sends a PINGREQ if the client has been silent for so long; false says that it
// need not stay alive any longer.
func (c *Client) ping(silence time.Duration) bool {
	c.sending.Lock() // no packet is on its way in pieces
	defer c.sending.Unlock()
	raw, err := codec.Encode(c.x.Version, codec.Client, &codec.Pingreq{})
	if err != nil || c.sentDisconnect || c.byHand {
		return false
	}
	c.mu.Lock()
	closed, silent := c.closed, time.Since(c.sentAt)
	if !closed && silent >= silence {
		c.pings++
		c.sentAt = time.Now()
	}
	c.mu.Unlock()
	if closed || silent < silence {
		return !closed
	}
	c.x.log.add(c.name, ToBroker, "PINGREQ (for the Server Keep Alive)", raw, "")
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.x.settings.Timeout))
	_, err = c.conn.Write(raw)
	return err == nil
}

// ownPing says whether a PINGRESP answers a PINGREQ that the client has sent to stay
// alive.
func (c *Client) ownPing(p codec.Packet) bool {
	if p.Type() != codec.PINGRESP {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pings == 0 {
		return false
	}
	c.pings--
	return true
}
