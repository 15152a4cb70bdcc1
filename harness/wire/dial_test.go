package wire

import (
	"context"
	"net"
	"testing"
	"time"

	"mqttspec/harness/times"
)

// TestDeadAddress dials a host name of which one address answers nobody: the
// first connection gets past it soon, the later ones do not meet it.
func TestDeadAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	lookups := 0
	dialer := &tcpDialer{host: "broker.example", port: port, lookup: func(context.Context, string) ([]string, error) {
		lookups++
		return []string{"192.0.2.1", "127.0.0.1"}, nil // the first is reserved for documentation
	}}
	for range 3 {
		start := time.Now()
		conn, err := dialer.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if took := time.Since(start); took > 5*times.DialStagger {
			t.Errorf("took %s", took)
		}
	}
	if lookups != 1 {
		t.Errorf("%d look-ups; the address that answers is to be remembered", lookups)
	}
}
