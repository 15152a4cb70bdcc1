package wire

import (
	"net"
	"syscall"
	"testing"

	"mqttspec/harness/times"
)

// TestProbing dials a server and asks the machine when it will ask whether the
// connection is still there.
func TestProbing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	dialer := &tcpDialer{host: host, port: port}
	for _, which := range []string{"the first connection", "one to an address that has answered"} {
		conn, err := dialer.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var probes, after int
		if err := raw.Control(func(fd uintptr) {
			probes, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
			after, _ = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE)
		}); err != nil {
			t.Fatal(err)
		}
		if want := int(times.Probe.Seconds()); probes == 0 || after != want {
			t.Errorf("%s: probed: %d, after %d s; want %d s", which, probes, after, want)
		}
	}
}
