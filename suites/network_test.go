package suites_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A network is what lies between the suite and a broker: every byte takes delay
// in each direction, every write is split into pieces of at most chunk bytes,
// and no more than rate bytes pass in a second.
type network struct {
	delay time.Duration
	chunk int // 0: writes are not split
	rate  int // bytes per second; 0: without limit
}

// start puts the network in front of the broker that dial reaches and returns
// how to dial through it.
func (n network) start(t *testing.T, dial func(context.Context) (net.Conn, error)) through {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() { listener.Close(); group.Wait() })
	group.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				far, err := dial(context.Background())
				if err != nil {
					near.Close()
					return
				}
				var both sync.WaitGroup
				both.Go(func() { n.carry(near.(*net.TCPConn), far.(*net.TCPConn)) })
				both.Go(func() { n.carry(far.(*net.TCPConn), near.(*net.TCPConn)) })
				both.Wait()
				near.Close()
				far.Close()
			})
		}
	})
	var dialer net.Dialer
	return func(ctx context.Context) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", listener.Addr().String())
	}
}

// carry carries one direction, its end included.
func (n network) carry(from, to *net.TCPConn) {
	type piece struct {
		due  time.Time
		data []byte
		err  error
	}
	pieces := make(chan piece, 4096)
	go func() {
		defer close(pieces)
		for {
			buffer := make([]byte, 32<<10)
			k, err := from.Read(buffer)
			pieces <- piece{time.Now().Add(n.delay), buffer[:k], err}
			if err != nil {
				return
			}
		}
	}()
	var free time.Time // when the line has carried all that went before
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		for len(p.data) > 0 {
			k := len(p.data)
			if n.chunk > 0 {
				k = min(k, n.chunk)
			}
			if n.rate > 0 {
				if now := time.Now(); free.Before(now) {
					free = now
				}
				free = free.Add(time.Duration(k) * time.Second / time.Duration(n.rate))
				time.Sleep(time.Until(free) - time.Millisecond) // the clock is no finer
			}
			if _, err := to.Write(p.data[:k]); err != nil {
				from.Close() // the reader ends, and with it the channel
				break
			}
			p.data = p.data[k:]
		}
		switch {
		case p.err == nil:
		case errors.Is(p.err, io.EOF):
			_ = to.CloseWrite()
		default:
			_ = to.SetLinger(0)
			to.Close()
		}
	}
}
