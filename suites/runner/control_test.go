package runner

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/fault"
)

// TestControl: what does not come is held against its like: where that comes, it is
// missing by itself; where it does not, the exchange stands on something broken.
func TestControl(t *testing.T) {
	t.Parallel()
	target := embeddedTarget(t)
	through := func(f fault.Fault) *harness.Target { return faulty(t, target, f) }
	waits := func(options ...harness.PublishOption) func(*harness.Exchange) {
		return func(x *harness.Exchange) {
			c := x.Connect(harness.Clean, harness.WithWill(codec.Will{Topic: x.Topic("will"), Payload: "will"}))
			c.Subscribe(codec.QoS1, x.Topic("#"))
			x.Connect(harness.Clean).Publish(codec.QoS1, x.Topic("one"), "one", options...)
			c.WantCopy(codec.QoS1, x.Topic("two"), "two")
		}
	}
	shares := func(x *harness.Exchange) {
		c := x.Connect(harness.Clean)
		c.Subscribe(codec.QoS1, "$share/"+x.ClientID("group")+"/"+x.Topic("#"))
		x.Connect(harness.Clean).Publish(codec.QoS1, x.Topic("one"), "one")
		c.WantCopy(codec.QoS1, x.Topic("two"), "two")
	}
	for _, test := range []struct {
		name   string
		target *harness.Target
		body   func(*harness.Exchange)
		kind   harness.StopKind
		step   harness.Step
		waited bool
	}{
		{"all its like comes", target, waits(), harness.Contradicted, "", false},
		{"what is retained, too", target, waits(harness.Retained), harness.Contradicted, "", false},
		{"no message does", through(fault.DeliversNothing), waits(), harness.Unprepared, harness.StepDeliver, true},
		{"what is shared does", target, shares, harness.Contradicted, "", false},
		{"what is shared does not", through(fault.DeliversNothingShared), shares, harness.Unprepared, harness.StepShared, true},
		{"no will does", through(fault.StoresNoWill), waits(), harness.Unprepared, harness.StepWill, true},
		{"what is retained does not", through(fault.StoresNothingRetained), waits(harness.Retained), harness.Contradicted, "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			settings := Options{Timeout: time.Second}.Settings()
			settings.Control, settings.Patience = true, 3*time.Second
			e := performed(t, test.target, settings, test.body)
			if e.Stop.Kind != test.kind || e.Stop.Step != test.step || !e.Stop.Missing {
				t.Errorf("%s in step %q: %s", e.Stop.Kind, e.Stop.Step, e.Stop.Reason)
			}
			if waited := strings.Contains(e.Stop.Observed, "within 4s") || strings.Contains(e.Stop.Observed, "within 6s"); waited != test.waited {
				t.Errorf("observed %q", e.Stop.Observed)
			}
			if !slices.ContainsFunc(e.Events, func(e harness.Event) bool { return e.Packet == "nothing has come: does its like?" }) {
				t.Error("the transcript does not say that there was a control")
			}
		})
	}
}

// TestControlOfAnotherMessage: that another message has come than was due is held
// against the broker where it hands plain ones on as they were published.
func TestControlOfAnotherMessage(t *testing.T) {
	t.Parallel()
	settings := Options{Timeout: time.Second}.Settings()
	settings.Control = true
	wants := func(payload string) func(*harness.Exchange) {
		return func(x *harness.Exchange) {
			c := x.Connect(harness.Clean)
			c.Subscribe(codec.QoS1, x.Topic("news"))
			x.Connect(harness.Clean).Publish(codec.QoS1, x.Topic("news"), "hello")
			c.WantPublish(x.Topic("news"), payload)
		}
	}
	target := embeddedTarget(t)
	for _, test := range []struct {
		name   string
		target *harness.Target
		body   func(*harness.Exchange)
		kind   harness.StopKind
		step   harness.Step
	}{
		{"as it should be", target, wants("hello"), harness.Completed, ""},
		{"another", target, wants("good-bye"), harness.Contradicted, ""},
		{"all are altered", faulty(t, target, fault.AltersPayloads), wants("hello"), harness.Unprepared, harness.StepDeliver},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := performed(t, test.target, settings, test.body)
			if e.Stop.Kind != test.kind || e.Stop.Step != test.step || e.Stop.Missing {
				t.Errorf("%s in step %q: %s", e.Stop.Kind, e.Stop.Step, e.Stop.Reason)
			}
		})
	}
}

// faulty is a broker behind a proxy with a fault.
func faulty(t *testing.T, target *harness.Target, f fault.Fault) *harness.Target {
	t.Helper()
	proxy, err := fault.NewProxy(V5, f, target.Dialer.Dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	broken := *target
	broken.Dialer = throughProxy(proxy.Dial)
	return &broken
}

// performed is what an exchange with a broker has shown.
func performed(t *testing.T, target *harness.Target, settings harness.Settings, body func(*harness.Exchange)) harness.Evidence {
	t.Helper()
	profile, err := harness.Probe(t.Context(), target, Options{}.Settings(), V5)
	if err != nil {
		t.Fatal(err)
	}
	return harness.Perform(t.Context(), target, profile, settings, body)
}

// throughProxy dials a proxy.
type throughProxy func(context.Context) (net.Conn, error)

func (p throughProxy) Dial(ctx context.Context) (net.Conn, error) { return p(ctx) }
