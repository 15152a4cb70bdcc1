package harness

import (
	"strings"
	"testing"
	"time"

	"mqttspec/codec"
)

// TestPatience: what is missing says so, and in a second hearing it is waited for
// as long as a duty has that has no time set, and said to be late.
func TestPatience(t *testing.T) {
	patient := func(s *Settings) { s.Patience = 30 * time.Second }
	puback := func(x *Exchange) { x.Connect(Clean).WantPuback(1) }
	closed := func(x *Exchange) {
		c := x.Dial("alice")
		c.Send(codec.Raw{0x30, 0})
		c.WantClosed()
	}
	first := func(*session) {}
	for name, r := range map[string]struct {
		settings func(*Settings)
		script   script
		body     func(*Exchange)
		missing  bool
		late     time.Duration
		observed string
	}{
		"missing in a first hearing":    {nil, script{accepts, lingers}, puback, true, 0, "nothing within 5s"},
		"missing in a second":           {patient, script{accepts, lingers}, puback, true, 0, "nothing within 35s"},
		"late":                          {patient, script{accepts, waits(12 * time.Second), sends(&codec.Puback{PacketID: 1}), lingers}, puback, false, 12 * time.Second, ""},
		"another packet":                {patient, script{accepts, sends(&codec.Puback{PacketID: 2})}, puback, false, 0, "PUBACK id=2"},
		"still open in a first hearing": {nil, script{first, lingers}, closed, true, 0, "the connection still open after 5s"},
		"still open in a second":        {patient, script{first, lingers}, closed, true, 0, "the connection still open after 35s"},
		"closed late":                   {patient, script{waits(20 * time.Second), closes}, closed, false, 20 * time.Second, ""},
		"in time for one and not for another": {patient, script{accepts, lingers}, func(x *Exchange) {
			puback := x.Connect(Clean)
			x.WantInTime("the connection", time.Now(), time.Second)
			x.WantInTime("the will", time.Now().Add(-2*time.Second), time.Second)
			puback.WantPuback(1)
		}, true, 0, "it came after 2s"},
		"the end of the connection without a DISCONNECT, by RST": {nil, script{accepts, resets}, func(x *Exchange) {
			c := x.Connect(Clean)
			c.AwaitEnd()
			c.FailEnded("DISCONNECT")
		}, true, 0, "closed by the broker (RST)"},
		"the same by FIN": {nil, script{accepts, closes}, func(x *Exchange) {
			c := x.Connect(Clean)
			c.AwaitEnd()
			c.FailEnded("DISCONNECT")
		}, false, 0, "closed by the broker (FIN)"},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{r.script}, settings: r.settings, body: r.body}.evidence(t)
			if e.Stop.Missing != r.missing || !strings.HasPrefix(e.Stop.Observed, r.observed) {
				t.Errorf("missing %v, observed %q; want %v, %q", e.Stop.Missing, e.Stop.Observed, r.missing, r.observed)
			}
			var late time.Duration
			for _, l := range e.Late {
				late = l.After.Round(time.Second)
			}
			if late != r.late {
				t.Errorf("late by %s; want %s", late, r.late)
			}
		})
	}
}

// TestIdle: who waits in a second hearing lets others run, and is told for once
// when the wait is over.
func TestIdle(t *testing.T) {
	idle, over := 0, 0
	performing{
		scripts: []script{{accepts, waits(2 * time.Second), sends(&codec.Puback{PacketID: 1}, &codec.Puback{PacketID: 2})}},
		settings: func(s *Settings) {
			s.Idle = func() func() { idle++; return func() { over++ } }
		},
		body: func(x *Exchange) {
			c := x.Connect(Clean)
			c.WantPuback(1)
			c.WantPuback(2)
		},
	}.evidence(t)
	if idle != 1 || over != 1 {
		t.Errorf("idle %d times, over %d times", idle, over)
	}
}

// TestKeptItsTime: a client that had to be silent for longer than its Keep Alive
// allows, because the broker was slow, is rightly cut off.
func TestKeptItsTime(t *testing.T) {
	cut := script{accepts, wants(codec.SUBSCRIBE), waits(3 * time.Second), closes}
	for name, r := range map[string]struct {
		keepAlive uint16
		reason    string
	}{
		"too long":   {1, "the client could not keep its time"},
		"not so":     {10, "SUBACK"},
		"no matter ": {0, "SUBACK"},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{cut}, body: func(x *Exchange) { x.Connect(Clean, KeepAlive(r.keepAlive)).Subscribe(codec.QoS0, news) }}.evidence(t)
			if e.Stop.Kind != Unprepared || !strings.Contains(e.Stop.Reason, r.reason) {
				t.Errorf("%s: %s", e.Stop.Kind, e.Stop.Reason)
			}
		})
	}
}
