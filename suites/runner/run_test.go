package runner

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"mqttspec/harness"
	"mqttspec/harness/broker/embedded"
	"mqttspec/reports"
)

// planOf is a plan of bodies, with a real statement to hang them on.
func planOf(t *testing.T, target *harness.Target, bodies ...func(*harness.Exchange)) []Item {
	t.Helper()
	items := make([]Item, len(bodies))
	for i, body := range bodies {
		items[i] = Item{
			Definition: &Definition{Slug: "test-" + string(rune('a'+i)), Rules: Rules{V311: "MQTT-3.1.4-4"}, Body: body},
			Version:    V311, Target: target, Profile: &harness.Profile{Version: V311},
		}
	}
	return items
}

func embeddedTarget(t *testing.T) *harness.Target {
	t.Helper()
	e, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e.Target
}

// TestPanicCostsOneCheck: a check that panics, in its body or in a case of it,
// is an error that says so; the others are not touched.
func TestPanicCostsOneCheck(t *testing.T) {
	target := embeddedTarget(t)
	good := func(x *harness.Exchange) { x.Connect(harness.Clean).WantPingresp() }
	run := testSuite().NewRun(Options{}.Settings(), 2, planOf(t, target, good,
		func(x *harness.Exchange) { x.Connect(harness.Clean); panic("a bug in the check") },
		func(x *harness.Exchange) {
			x.Cases(harness.Case{Name: "one", Body: good}, harness.Case{Name: "two", Body: func(*harness.Exchange) { panic("a bug in the case") }})
		}, good))

	run.Start(t.Context())
	checks := run.Checks()

	for i, want := range []reports.Outcome{reports.Pass, reports.Error, reports.Error, reports.Pass} {
		if checks[i].Outcome != want {
			t.Errorf("%s: %s %s; want %s", checks[i].ID, checks[i].Outcome, checks[i].Reason, want)
		}
	}
	if !strings.Contains(checks[1].Reason, "a bug in the check") || !strings.Contains(checks[2].Reason, "two") {
		t.Errorf("reasons %q, %q; want them to say what panicked", checks[1].Reason, checks[2].Reason)
	}
	r := &reports.Results{MQTT: []string{"3.1.1"}, Checks: checks}
	reports.Summarise(r)
	if got := reports.ExitStatus(r, reports.FailOnMust); got != reports.ExitUntested {
		t.Errorf("exit status %d; want %d", got, reports.ExitUntested)
	}
}

// TestInterruptedRun: when the context ends, running checks end soon, the rest
// do not start, and all have an outcome that says why.
func TestInterruptedRun(t *testing.T) {
	target := embeddedTarget(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	waiting := make(chan struct{})
	run := testSuite().NewRun(Options{}.Settings(), 1, planOf(t, target,
		func(x *harness.Exchange) { close(waiting); x.Wait(time.Hour) },
		func(x *harness.Exchange) { t.Error("ran after the interruption") }))

	run.Start(ctx)
	<-waiting
	cancel(errors.New("stopped by the test"))

	for _, c := range run.Checks() {
		if c.Outcome != reports.Error || !strings.Contains(c.Reason, "stopped by the test") {
			t.Errorf("%s: %s %q", c.ID, c.Outcome, c.Reason)
		}
	}
}

// TestGivesUpOnADeadBroker: where nobody listens no check is run, and all say why.
func TestGivesUpOnADeadBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	target, err := harness.ParseTarget("mqtt://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var bodies []func(*harness.Exchange)
	for range 20 {
		bodies = append(bodies, func(*harness.Exchange) { t.Error("a check was run") })
	}
	run := testSuite().NewRun(Options{Timeout: 100 * time.Millisecond}.Settings(), 2, planOf(t, target, bodies...))

	run.Start(t.Context())

	for _, c := range run.Checks() {
		if c.Outcome != reports.Blocked || !strings.Contains(c.Reason, "not run: the broker went down (no connection: connection refused) and did not come back") {
			t.Errorf("%s: %s %q", c.ID, c.Outcome, c.Reason)
		}
	}
}

// TestFailureBreaksWhatItIsAbout: a failure breaks the statements that its part
// of the exchange is about, spares those before and leaves those after
// undecided; a breach breaks the one that the decoder names.
func TestFailureBreaksWhatItIsAbout(t *testing.T) {
	const first, second, third = "MQTT-3.1.4-1", "MQTT-3.1.4-4", "MQTT-3.1.4-5"
	fail := func(x *harness.Exchange) { x.Failf("something", "something else") }
	at := func(statements ...string) harness.Case {
		return harness.Case{Name: strings.Join(statements, " "), Body: func(x *harness.Exchange) {
			for _, s := range statements {
				x.About(s)
			}
			fail(x)
		}}
	}
	for _, c := range []struct {
		name              string
		body              func(*harness.Exchange)
		broken, undecided string
	}{
		{"nothing named", fail, "", ""},
		{"the first", func(x *harness.Exchange) { at(first).Body(x) }, first, second + " " + third},
		{"the last", func(x *harness.Exchange) { at(first, second, third).Body(x) }, third, ""},
		{"another version's", func(x *harness.Exchange) { at(first, "MQTT-3.1.2-30").Body(x) }, "", ""},
		{"two", func(x *harness.Exchange) { x.About(first); x.About(second, third); fail(x) }, second + " " + third, ""},
		{"cases", func(x *harness.Exchange) {
			x.Cases(at(first, second), at(second), harness.Case{Name: "good", Body: func(*harness.Exchange) {}})
		}, second, first + " " + third},
		{"a case that names none", func(x *harness.Exchange) { x.Cases(at(first), at()) }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := planOf(t, embeddedTarget(t), c.body)
			plan[0].Definition.Rules.V311 = first + " " + second + " " + third
			run := testSuite().NewRun(Options{}.Settings(), 1, plan)
			run.Start(t.Context())
			check := run.Checks()[0]
			if broken, undecided := strings.Join(check.Broken, " "), strings.Join(check.Undecided, " "); broken != c.broken || undecided != c.undecided {
				t.Errorf("broken %q, undecided %q; want %q and %q (%s: %s)", broken, undecided, c.broken, c.undecided, check.Outcome, check.Reason)
			}
		})
	}
}

// testSuite is a suite without checks, but for the one that answers for
// well-formed packets.
func testSuite() *Suite {
	wellFormed := &Definition{
		Slug: "test-well-formed", Rules: Rules{V311: "MQTT-2.2.2-2", V5: "MQTT-1.5.4-3"}, Watches: true,
		Body: func(*harness.Exchange) {},
	}
	return &Suite{
		definitions: []*Definition{wellFormed},
		steps:       map[harness.Step]string{harness.StepConnect: "test-connect", harness.StepWellFormed: wellFormed.Slug},
	}
}
