package suites_test

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites"
)

// outcomes runs the whole suite and returns the outcome of every check.
func outcomes(t *testing.T, target *harness.Target, o suites.Options) map[string]reports.Check {
	t.Helper()
	r, err := suites.Test(t.Context(), target, o)
	if err != nil || r.Problem != "" {
		t.Fatalf("%v %s", err, r.Problem)
	}
	checks := map[string]reports.Check{}
	for _, c := range r.Checks {
		checks[c.ID] = c
	}
	return checks
}

// differing reports every check whose outcome is not the one it should be.
func differing(t *testing.T, what string, want, got map[string]reports.Check) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if got[id].Outcome != want[id].Outcome {
			t.Errorf("%s: %s is %s (%s); it was %s (%s)", what, id, got[id].Outcome, got[id].Reason, want[id].Outcome, want[id].Reason)
		}
	}
}

// bare is a broker without its instances, and which nobody restarts.
func bare(target *harness.Target) *harness.Target {
	b := *target
	b.Instances, b.Life = nil, nil
	return &b
}

// delays are how far away the brokers are put; and the rate of the connection:
// go test ./suites -run Network -timeout 1h -args -delays 50ms,200ms,500ms -rate 200000
var (
	delays = flag.String("delays", "50ms", "delays in each direction, comma separated, for the test of slow networks")
	rate   = flag.Int("rate", 0, "bytes per second of every connection in the test of slow networks; 0 for no limit")
)

// TestVerdictsDoNotDependOnTheNetwork: a slow network that tears packets apart
// changes no verdict.
func TestVerdictsDoNotDependOnTheNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("a run through a slow network takes half a minute")
	}
	for _, b := range witnesses(t) {
		target := bare(b.target)
		near := outcomes(t, target, suites.Options{})
		for _, delay := range strings.Split(*delays, ",") {
			t.Run(b.name+" "+delay, func(t *testing.T) {
				d, err := time.ParseDuration(delay)
				if err != nil {
					t.Fatal(err)
				}
				distant := *target
				distant.Dialer = network{delay: d, chunk: 61, rate: *rate}.start(t, target.Dialer.Dial)
				differing(t, delay+" away", near, outcomes(t, &distant, suites.Options{}))
			})
		}
	}
}

// TestTwoRunsAtOnce: another run at the same broker, under another prefix,
// changes no verdict.
func TestTwoRunsAtOnce(t *testing.T) {
	for _, b := range witnesses(t) {
		t.Run(b.name, func(t *testing.T) {
			target := bare(b.target)
			alone := outcomes(t, target, suites.Options{})
			other := make(chan map[string]reports.Check)
			go func() { other <- outcomes(t, target, suites.Options{TopicPrefix: "elsewhere"}) }()
			together := outcomes(t, target, suites.Options{})
			differing(t, "beside another run", alone, together)
			differing(t, "the other run", alone, <-other)
		})
	}
}
