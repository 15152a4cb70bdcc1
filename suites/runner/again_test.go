package runner

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
)

// hearings is the body of a check of which something else becomes in each hearing;
// the last is what becomes of all that follow. It counts them.
func hearings(n *atomic.Int32, each ...func(*harness.Exchange)) func(*harness.Exchange) {
	return func(x *harness.Exchange) {
		i := int(n.Add(1))
		each[min(i, len(each))-1](x)
	}
}

// TestHearAgain: what is missing is heard again until it has been missing twice; what
// kept a check from its rule is no hearing of that. The second hearing is patient, and
// where the rule was first put to the test in it, the third is only if something came
// late.
func TestHearAgain(t *testing.T) {
	t.Parallel()
	target := embeddedTarget(t)
	passes := func(x *harness.Exchange) { x.Connect(harness.Clean).WantPingresp() }
	unprepared := func(x *harness.Exchange) { x.Punctual(time.Now().Add(-time.Hour), time.Second) }
	misses := func(x *harness.Exchange) { x.Dial("alice").WantConnack() }
	sees := func(x *harness.Exchange) { x.Expect(1).To(gomega.Equal(2), "one") }
	comesLate := func(x *harness.Exchange) {
		topic, alice, bob := x.Topic("news"), x.Connect(harness.Clean), x.Connect(harness.Clean)
		bob.Subscribe(codec.QoS0, topic)
		time.AfterFunc(300*time.Millisecond, func() { alice.Send(alice.NewPublish(codec.QoS0, topic, "late")) })
		bob.WantDelivery(topic, "late")
		misses(x)
	}
	for _, test := range []struct {
		name     string
		each     []func(*harness.Exchange)
		heard    int32
		outcome  reports.Outcome
		observed string
	}{
		{"nothing is missing", []func(*harness.Exchange){passes}, 1, reports.Pass, ""},
		{"something else was seen", []func(*harness.Exchange){sees}, 1, reports.Fail, "<int>: 1"},
		{"missing once", []func(*harness.Exchange){misses, passes}, 2, reports.Unsteady, "nothing within 200ms"},
		{"missing twice", []func(*harness.Exchange){misses}, 2, reports.Fail, "nothing within 700ms"},
		{"first at the second hearing", []func(*harness.Exchange){unprepared, misses}, 3, reports.Fail, "nothing within 200ms"},
		{"first at the second hearing, after something late", []func(*harness.Exchange){unprepared, comesLate}, 3, reports.Fail, "nothing within 700ms"},
		{"never prepared", []func(*harness.Exchange){unprepared}, 2, reports.Blocked, ""},
		{"seen, and then missing", []func(*harness.Exchange){unprepared, sees}, 2, reports.Fail, "<int>: 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			run := testSuite().NewRun(Options{Timeout: 200 * time.Millisecond}.Settings(), 2, planOf(t, target, hearings(&n, test.each...)))
			run.Settings.Control, run.Patience = false, 500*time.Millisecond

			run.Start(t.Context())
			check := run.Checks()[0]

			if check.Outcome != test.outcome || check.Observed != test.observed || n.Load() != test.heard {
				t.Errorf("%s (%s), observed %q, after %d hearings; want %s, %q, after %d", check.Outcome, check.Reason, check.Observed, n.Load(), test.outcome, test.observed, test.heard)
			}
		})
	}
}
