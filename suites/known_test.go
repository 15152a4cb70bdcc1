package suites_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"mqttspec/harness/broker"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// TestKnownResults holds every preset that is installed against the published
// results in matrix/: what is listed there comes out as listed, and every other
// check passes. What comes out otherwise is run again twice: a broker may waver
// by itself.
func TestKnownResults(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the slowest broker takes a minute and a half")
	}
	published := matrix(t)
	for _, name := range broker.Presets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, ok := published[name]
			if !ok {
				t.Fatalf("matrix/outcomes.yaml has no %s", name)
			}
			results := runPreset(t, name, broker.Options{}, suites.Options{Selection: runner.Selection{Labels: everything}})
			// Of the embedded broker, go.mod says the version; a test is not told it.
			if software := reports.BrokerName(results); software != want.Software && name != "embedded" {
				if required(name) {
					t.Fatalf("%s is installed; the published results are of %s", software, want.Software)
				}
				t.Skipf("%s is installed; the published results are of %s", software, want.Software)
			}
			for try := 1; ; try++ {
				wrong := want.differing(results)
				if len(wrong) == 0 {
					return
				}
				report := t.Logf
				if try == 3 {
					report = t.Fatalf
				}
				report("try %d, otherwise than published:\n  %s", try, strings.Join(slices.Sorted(maps.Values(wrong)), "\n  "))
				again := runner.Selection{Names: slices.Sorted(maps.Keys(wrong))}
				for _, c := range runPreset(t, name, broker.Options{}, suites.Options{Selection: again}).Checks {
					if i := slices.IndexFunc(results.Checks, func(old reports.Check) bool { return old.ID == c.ID }); i >= 0 {
						results.Checks[i] = c
					}
				}
			}
		})
	}
}

// everything is a selection of all checks, without the look at what the broker
// keeps over restarts.
const everything = "MUST || SHOULD"

// runPreset runs checks on the broker of a preset, and skips the test where it
// is not installed and not required.
func runPreset(t *testing.T, name string, options broker.Options, o suites.Options) *reports.Results {
	t.Helper()
	file, err := broker.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := broker.Open(t.Context(), file, options)
	if errors.Is(err, broker.ErrNotInstalled) && !required(name) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	r, err := suites.Test(t.Context(), opened.Target, o)
	if err != nil || r.Problem != "" {
		t.Fatalf("%s: %v %s", name, err, r.Problem)
	}
	return r
}

// differing says of every check, by its ID, that came out otherwise than known
// how it did. A check that did not run at all did so, too.
func (k known) differing(r *reports.Results) map[string]string {
	wrong := map[string]string{}
	for _, d := range suites.All().Definitions() {
		for _, v := range d.Versions() {
			if id := d.ID(v); slices.Contains(k.MQTT, v.String()) {
				wrong[id] = id + " did not run"
			}
		}
	}
	for _, c := range r.Checks {
		want, under := k.outcome(c.ID)
		wavers := k.Wavers[c.ID] != "" && slices.Contains([]reports.Outcome{reports.Pass, reports.Fail, reports.Blocked}, c.Outcome)
		blockedByAnother := c.Outcome == reports.Blocked && !strings.Contains(c.Reason, "see check "+under+")")
		if wavers || c.Outcome == want && !blockedByAnother {
			delete(wrong, c.ID)
			continue
		}
		wrong[c.ID] = fmt.Sprintf("%s is %s: %s; known as %s %s", c.ID, c.Outcome, c.Reason, want, under)
	}
	return wrong
}
