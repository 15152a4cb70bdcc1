package suites_test

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// impatient is a patience for brokers whose verdicts are known: it is what makes a
// run long on one that breaks many rules.
const impatient = 3 * time.Second

// outcomes runs the whole suite and returns the outcome of every check.
func outcomes(t *testing.T, target *harness.Target, o suites.Options) map[string]reports.Check {
	t.Helper()
	if o.Patience == 0 {
		o.Patience = impatient
	}
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

// differing reports every check whose outcome is not the one it should be. A
// broker can waver by itself (mochi 2.7.9 races with itself): what differs is
// looked at twice more, under both conditions, and only what keeps differing
// is an error of ours. What wavered is logged.
func differing(t *testing.T, what string, want, got map[string]reports.Check, without, again func(runner.Selection) map[string]reports.Check) {
	t.Helper()
	for try := 1; ; try++ {
		var selection runner.Selection
		for _, id := range slices.Sorted(maps.Keys(want)) {
			if c := got[id]; c.Outcome != want[id].Outcome {
				selection.Names = append(selection.Names, id)
				report := t.Logf
				if try == 3 {
					report = t.Errorf
				}
				report("%s, try %d: %s is %s (%s); it was %s (%s)", what, try, id, c.Outcome, c.Reason, want[id].Outcome, want[id].Reason)
			}
		}
		if selection.Names == nil || try == 3 {
			return
		}
		fresh := without(selection)
		want = map[string]reports.Check{}
		for _, id := range selection.Names {
			want[id] = fresh[id]
		}
		got = again(selection)
	}
}

// modest is a parallelism that leaves the embedded broker, in the same process
// and under the race detector, time to answer.
const modest = 16

// bare is a broker without its instances, and which nobody restarts.
func bare(target *harness.Target) *harness.Target {
	b := *target
	b.Instances, b.Life = nil, nil
	return &b
}

// asItIs are the outcomes on a broker that is near and that nobody else uses, found
// once for all tests.
func asItIs(t *testing.T, b witness) map[string]reports.Check {
	t.Helper()
	undisturbed.Lock()
	defer undisturbed.Unlock()
	if undisturbed.on[b.name] == nil {
		undisturbed.on[b.name] = outcomes(t, bare(b.target), suites.Options{Parallel: modest})
	}
	return maps.Clone(undisturbed.on[b.name])
}

var undisturbed = struct {
	sync.Mutex
	on map[string]map[string]reports.Check // by the broker's name
}{on: map[string]map[string]reports.Check{}}

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
	t.Parallel()
	for _, b := range witnesses(t) {
		target := bare(b.target)
		nearby := func(s runner.Selection) map[string]reports.Check {
			return outcomes(t, target, suites.Options{Parallel: modest, Selection: s})
		}
		near := asItIs(t, b)
		for _, delay := range strings.Split(*delays, ",") {
			t.Run(b.name+" "+delay, func(t *testing.T) {
				d, err := time.ParseDuration(delay)
				if err != nil {
					t.Fatal(err)
				}
				distant := *target
				distant.Dialer = network{delay: d, chunk: 61, rate: *rate}.start(t, target.Dialer.Dial)
				run := func(s runner.Selection) map[string]reports.Check {
					// What takes so long loads the broker less than a few nearby do.
					return outcomes(t, &distant, suites.Options{Parallel: 3 * modest, Selection: s})
				}
				differing(t, delay+" away", near, run(runner.Selection{}), nearby, run)
			})
		}
	}
}

// TestTwoRunsAtOnce: another run at the same broker, under another prefix,
// changes no verdict.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, b := range witnesses(t) {
		t.Run(b.name, func(t *testing.T) {
			target := bare(b.target)
			alone := asItIs(t, b)
			other := make(chan map[string]reports.Check)
			go func() { other <- outcomes(t, target, suites.Options{Parallel: modest, TopicPrefix: "elsewhere"}) }()
			together := outcomes(t, target, suites.Options{Parallel: modest})
			again := func(s runner.Selection) map[string]reports.Check {
				return outcomes(t, target, suites.Options{Parallel: modest, Selection: s})
			}
			differing(t, "beside another run", alone, together, again, again)
			differing(t, "the other run", alone, <-other, again, again)
		})
	}
}
