package embedded

import (
	"fmt"
	"net"
	"sync"
	"time"

	"mqttspec/harness/times"
)

// clients are the connections of the broker and its instances. All have to be gone
// before a server is closed: mochi 2.7.9 waits for itself for ever where one goes at
// the moment when it lists them (Clients.GetByListener takes a read lock twice).
type clients struct {
	mu      sync.Mutex
	conns   map[net.Conn]bool
	closing bool
	gone    chan struct{} // closed when the last one is gone, once they are closing
}

// enter lets a connection in, unless the broker is closing.
func (c *clients) enter(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	if c.conns == nil {
		c.conns = map[net.Conn]bool{}
	}
	c.conns[conn] = true
	return true
}

func (c *clients) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.conns, conn); c.closing && len(c.conns) == 0 {
		close(c.gone)
	}
}

// close closes all connections, lets no more in, and waits until the servers have
// done with them.
func (c *clients) close() error {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return nil
	}
	c.closing, c.gone = true, make(chan struct{})
	if len(c.conns) == 0 {
		close(c.gone)
	}
	for conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	timeout := time.NewTimer(times.Stop)
	defer timeout.Stop()
	select {
	case <-c.gone:
		return nil
	case <-timeout.C:
		return fmt.Errorf("connections do not end within %s", times.Stop)
	}
}
