package runner

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
)

// A turn is a load balancer that takes turns between brokers.
type turn struct {
	brokers []*harness.Target
	next    atomic.Int64
}

func (l *turn) Dial(ctx context.Context) (net.Conn, error) {
	return l.brokers[int(l.next.Add(1))%len(l.brokers)].Dialer.Dial(ctx)
}

// TestSeveralBrokersBehindOneAddress: brokers that share nothing behind one
// address are no broker that can be tested, and the run says what to do.
func TestSeveralBrokersBehindOneAddress(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		target, balancer := plain(t), &turn{}
		for range n {
			balancer.brokers = append(balancer.brokers, plain(t))
		}
		target.Dialer = balancer
		for _, versions := range [][]codec.Version{nil, {V311}} {
			r, err := smallSuite(t).Test(t.Context(), target, Options{Versions: versions, Timeout: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if several := strings.Contains(r.Problem, "do not reach one and the same broker") && strings.Contains(r.Problem, "--settle"); several != (n > 1) || several && len(r.Checks) > 0 {
				t.Errorf("%d brokers, MQTT %v: problem %q, %d checks", n, versions, r.Problem, len(r.Checks))
			}
		}
	}
}

// A gate stands in front of a broker and answers the CONNECT of one version itself.
type gate struct {
	version codec.Version
	answer  func(conn net.Conn)
	broker  *harness.Target
	served  sync.WaitGroup
}

func (g *gate) Dial(ctx context.Context) (net.Conn, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, err
	}
	server, err := listener.Accept()
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	g.served.Go(func() { g.serve(server) })
	return client, nil
}

func (g *gate) serve(conn net.Conn) {
	defer conn.Close()
	connect, err := codec.NewReader(codec.V5, conn).Next()
	if err != nil {
		return
	}
	if len(connect) > 8 && codec.Version(connect[8]) == g.version {
		g.answer(conn)
		return
	}
	far, err := g.broker.Dialer.Dial(context.Background())
	if err != nil {
		return
	}
	defer far.Close()
	_, _ = far.Write(connect)
	g.served.Go(func() { _, _ = io.Copy(far, conn); _ = far.(*net.TCPConn).CloseWrite() })
	_, _ = io.Copy(conn, far)
}

// sends answers with these bytes, and waits for the client to go.
func sends(raw ...byte) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Write(raw)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// TestDroppedVersions: only a refusal in so many words drops a version, and every
// one that is dropped is named with its reason.
func TestDroppedVersions(t *testing.T) {
	for _, test := range []struct {
		name    string
		version codec.Version
		answer  func(net.Conn)
		tested  bool
		refused bool
		reason  string
	}{
		{"0x84", V5, sends(0x20, 3, 0, 0x84, 0), false, true, "Unsupported Protocol Version"},
		{"0x01", V5, sends(0x20, 2, 0, 1), false, true, "unacceptable protocol version"},
		{"closed", V311, func(net.Conn) {}, false, true, "closed by the broker"},
		{"not authorized", V5, sends(0x20, 3, 0, 0x87, 0), false, false, "Not authorized"},
		{"no CONNACK", V311, sends(), true, false, ""},
		{"HTTP", V311, sends([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")...), true, false, ""},
		{"a CONNACK that cannot be read", V5, sends(0x20, 0), true, false, ""},
		{"a CONNACK without Property Length", V5, sends(0x20, 2, 0, 0), true, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := plain(t)
			broker := *target
			g := &gate{version: test.version, answer: test.answer, broker: &broker}
			target.Dialer = g
			r, err := smallSuite(t).Test(t.Context(), target, Options{Timeout: time.Second, Patience: time.Second, Selection: Selection{Names: []string{"passes"}}})
			if err != nil || r.Problem != "" {
				t.Fatal(err, r.Problem)
			}
			if tested := slices.Contains(r.MQTT, test.version.String()); tested != test.tested {
				t.Errorf("tested %v", r.MQTT)
			}
			if test.tested {
				if len(r.Dropped) > 0 || len(r.Checks) != 2 {
					t.Errorf("dropped %+v, %d checks", r.Dropped, len(r.Checks))
				}
				i := slices.IndexFunc(r.Checks, func(c reports.Check) bool { return c.ID == "passes@"+test.version.String() })
				if c := r.Checks[i]; c.Outcome != reports.Fail && c.Outcome != reports.Blocked {
					t.Errorf("%s: %s", c.ID, c.Outcome)
				}
				return
			}
			if len(r.Dropped) != 1 || r.Dropped[0].MQTT != test.version.String() || r.Dropped[0].Refused != test.refused || !strings.Contains(r.Dropped[0].Reason, test.reason) {
				t.Errorf("dropped %+v", r.Dropped)
			}
		})
	}
}

// TestNoVersionAccepted: a broker that refuses all is not tested.
func TestNoVersionAccepted(t *testing.T) {
	target := plain(t)
	target.Dialer = &gate{version: V5, answer: sends(0x20, 3, 0, 0x87, 0), broker: &harness.Target{Dialer: &gate{version: V311, answer: sends(0x20, 2, 0, 5)}}}
	for _, versions := range [][]codec.Version{nil, {V5}} {
		r, err := smallSuite(t).Test(t.Context(), target, Options{Versions: versions, Timeout: time.Second})
		if err != nil || !strings.Contains(r.Problem, "accepts no connection") || !strings.Contains(r.Problem, "Not authorized") || len(r.Checks) > 0 {
			t.Errorf("%v: %v, problem %q", versions, err, r.Problem)
		}
	}
}

// TestPace: the slowest answer of a broker sets the waits, and is told.
func TestPace(t *testing.T) {
	for slowest, timeout := range map[time.Duration]time.Duration{
		10 * time.Millisecond: 5 * time.Second, 2 * time.Second: 11 * time.Second, 4900 * time.Millisecond: 19700 * time.Millisecond, 14 * time.Second: 30 * time.Second,
	} {
		settings := harness.Settings{Timeout: 5 * time.Second}
		told := pace(&settings, []Probed{{Profile: &harness.Profile{}}, {Profile: &harness.Profile{Slowest: slowest}}})
		if settings.Timeout != timeout || (told != "") != (timeout > 5*time.Second) || (settings.Pace > 0) != (told != "") {
			t.Errorf("%s: timeout %s, pace %s, told %q", slowest, settings.Timeout, settings.Pace, told)
		}
	}
}
