package wire

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports gives out loopback ports that nobody listens on, each once. The zero
// value is ready for use.
//
// They lie below those that systems hand out by themselves (32768 and up on
// Linux): between a port's being found free and the broker's listening on it,
// none of a thousand connections made meanwhile can have got it.
type Ports struct {
	mu    sync.Mutex
	given map[int]bool
}

// The range of [Ports].
const (
	lowestPort  = 20000
	highestPort = 32000
)

// Next is one more port.
func (p *Ports) Next() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given == nil {
		p.given = map[int]bool{}
	}
	var err error
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if p.given[port] {
			continue
		}
		var listener net.Listener
		if listener, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			p.given[port] = true
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no free port: %w", err)
}
