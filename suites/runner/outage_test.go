package runner

import (
	"context"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mqttspec/harness"
	"mqttspec/harness/wire"
	"mqttspec/reports"
)

// fragile is a way to a good broker that can lose every connection at once, as
// if the broker had crashed.
type fragile struct {
	wire.Dialer
	mu    sync.Mutex
	conns []net.Conn
	gone  bool // for good
}

func (f *fragile) Dial(ctx context.Context) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return nil, syscall.ECONNREFUSED
	}
	conn, err := f.Dialer.Dial(ctx)
	if err == nil {
		f.conns = append(f.conns, conn)
	}
	return conn, err
}

// crash ends every connection; both ends of a loopback connection see a reset.
func (f *fragile) crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetReadDeadline(time.Unix(1, 0)) // what is read next ends at once
		}
		conn.Close()
	}
	f.conns = nil
}

// goAway is a crash that nobody mends.
func (f *fragile) goAway() {
	f.mu.Lock()
	f.gone = true
	f.mu.Unlock()
	f.crash()
}

func breakable(t *testing.T) (*harness.Target, *fragile) {
	t.Helper()
	target := *embeddedTarget(t)
	dialer := &fragile{Dialer: target.Dialer}
	target.Dialer = dialer
	return &target, dialer
}

// TestCulpritFailsAlone: of checks that were under way when the broker went
// down, the one that brings it down each time fails, and the others, heard again,
// pass.
func TestCulpritFailsAlone(t *testing.T) {
	target, broker := breakable(t)
	begun, crashed := make(chan struct{}), make(chan struct{})
	var once, onceMore sync.Once
	culprit := func(x *harness.Exchange) {
		c := x.Connect(harness.Clean)
		<-begun
		broker.crash()
		onceMore.Do(func() { close(crashed) })
		c.WantPingresp()
	}
	victim := func(x *harness.Exchange) {
		c := x.Connect(harness.Clean)
		once.Do(func() { close(begun) })
		<-crashed
		c.WantPingresp()
	}
	run := testSuite().NewRun(Options{Timeout: time.Second}.Settings(), 2, planOf(t, target, culprit, victim))

	run.Start(t.Context())
	checks := run.Checks()

	if checks[0].Outcome != reports.Fail || !strings.Contains(checks[0].Reason, "the broker went down (it ended every connection) when this check ran alone") {
		t.Errorf("the culprit: %s %s", checks[0].Outcome, checks[0].Reason)
	}
	if checks[1].Outcome != reports.Pass {
		t.Errorf("the victim: %s %s", checks[1].Outcome, checks[1].Reason)
	}
	if said := run.conditions(); len(said) != 1 || !strings.HasPrefix(said[0], "the broker went down (it ended every connection)") || !strings.HasSuffix(said[0], "; test-a@3.1.1 brings it down") {
		t.Errorf("the conditions: %q", said)
	}
}

// TestNeverUpLongEnough: where every check brings the broker down, it is not asked
// any more after too many outages; those that did not do so alone do not fail.
func TestNeverUpLongEnough(t *testing.T) {
	target, broker := breakable(t)
	var bodies []func(*harness.Exchange)
	for range 40 {
		bodies = append(bodies, func(x *harness.Exchange) {
			c := x.Connect(harness.Clean)
			broker.crash()
			c.WantPingresp()
		})
	}
	run := testSuite().NewRun(Options{Timeout: time.Second}.Settings(), 1, planOf(t, target, bodies...))

	run.Start(t.Context())
	checks := run.Checks()

	given := 0
	for _, c := range checks {
		switch {
		case c.Outcome == reports.Fail && strings.Contains(c.Reason, "when this check ran alone"):
		case c.Outcome == reports.Blocked && strings.Contains(c.Reason, "it is not asked any more"):
			given++
		default:
			t.Errorf("%s: %s %s", c.ID, c.Outcome, c.Reason)
		}
	}
	if given == 0 {
		t.Error("the broker is never given up")
	}
	if said := run.conditions(); len(said) != 1 || !strings.Contains(said[0], "is not asked any more") || run.problem() == "" {
		t.Errorf("the conditions: %q; the problem: %s", said, run.problem())
	}
}

// TestStaysAway: a broker that goes for good while a check runs, alone or not,
// makes no check fail: nothing tells who has stopped it.
func TestStaysAway(t *testing.T) {
	for _, alone := range []bool{false, true} {
		target, broker := breakable(t)
		plan := planOf(t, target, func(x *harness.Exchange) {
			x.Connect(harness.Clean)
			broker.goAway()
			x.Failf("an answer", "none")
		})
		plan[0].Alone = alone
		run := testSuite().NewRun(Options{Timeout: time.Second}.Settings(), 1, plan)

		run.Start(t.Context())

		if c := run.Checks()[0]; c.Outcome != reports.Blocked || !strings.Contains(c.Reason, "and did not come back") {
			t.Errorf("alone %v: %s %s", alone, c.Outcome, c.Reason)
		}
		if said := run.conditions(); len(said) != 1 || !strings.Contains(said[0], "while these checks ran: test-a@3.1.1") || run.problem() == "" {
			t.Errorf("alone %v: the conditions: %q; the problem: %s", alone, said, run.problem())
		}
	}
}
