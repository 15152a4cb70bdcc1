package suites_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"mqttspec/harness/broker"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// known is what matrix/outcomes.yaml says of a preset: the version it was seen
// with, and how many checks came out how, by protocol version.
type known struct {
	Software string                             `yaml:"software"`
	Outcomes map[string]map[reports.Outcome]int `yaml:"outcomes"`
	// Blocked are checks whose set-up fails for what another check judges.
	Blocked []string `yaml:"blocked"`
	// Wavers are checks that fail, or are blocked, in some runs and pass in others,
	// each with the reason. Those that the known-failures file judges are counted
	// as failed, the others as passed.
	Wavers map[string]string `yaml:"wavers"`
}

// TestKnownResults holds every preset that is installed against the published
// results in matrix/: the checks that fail are those that its known-failures
// file judges, no more and no fewer, and as many as ever are inapplicable.
// What comes out otherwise is run again twice: a broker may waver by itself.
func TestKnownResults(t *testing.T) {
	if testing.Short() {
		t.Skip("the slowest broker takes a minute and a half")
	}
	published := publishedResults(t)
	for _, name := range broker.Presets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, ok := published[name]
			if !ok {
				t.Fatalf("matrix/outcomes.yaml has no %s", name)
			}
			results := runPreset(t, name, broker.Options{}, runner.Selection{Labels: everything})
			// Of the embedded broker, go.mod says the version; a test is not told it.
			if software := reports.BrokerName(results); software != want.Software && name != "embedded" {
				if required(name) {
					t.Fatalf("%s is installed; the published results are of %s", software, want.Software)
				}
				t.Skipf("%s is installed; the published results are of %s", software, want.Software)
			}
			for try := 1; ; try++ {
				wrong := unknown(t, name, results, want)
				if len(wrong) == 0 {
					return
				}
				if try == 3 {
					t.Fatalf("otherwise than published:\n  %s", strings.Join(wrong, "\n  "))
				}
				t.Logf("try %d, otherwise than published:\n  %s", try, strings.Join(wrong, "\n  "))
				var again runner.Selection
				for _, c := range results.Checks {
					if slices.ContainsFunc(wrong, func(w string) bool { return strings.HasPrefix(w, c.ID+" ") }) {
						again.Names = append(again.Names, c.ID)
					}
				}
				if again.Names == nil {
					again.Labels = everything
				}
				for _, c := range runPreset(t, name, broker.Options{}, again).Checks {
					if i := slices.IndexFunc(results.Checks, func(old reports.Check) bool { return old.ID == c.ID }); i >= 0 {
						results.Checks[i] = c
					}
				}
			}
		})
	}
}

// publishedResults reads matrix/outcomes.yaml: what is known, by preset.
func publishedResults(t *testing.T) map[string]known {
	t.Helper()
	raw, err := os.ReadFile("matrix/outcomes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var published map[string]known
	if err := yaml.UnmarshalWithOptions(raw, &published, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return published
}

// everything is a selection of all checks, without the look at what the broker
// keeps over restarts.
const everything = "MUST || SHOULD"

// runPreset runs checks on the broker of a preset, and skips the test where it
// is not installed and not required.
func runPreset(t *testing.T, name string, options broker.Options, selection runner.Selection) *reports.Results {
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
	r, err := suites.Test(t.Context(), opened.Target, suites.Options{Selection: selection})
	if err != nil || r.Problem != "" {
		t.Fatalf("%s: %v %s", name, err, r.Problem)
	}
	return r
}

// unknown lists how the results differ from what is published, beginning with
// the check where it is one check that differs.
func unknown(t *testing.T, name string, r *reports.Results, want known) (wrong []string) {
	t.Helper()
	file, err := os.Open("matrix/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	judged, err := reports.ReadKnownFailures(file)
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]bool{} // of those that are judged
	for _, stale := range judged.Apply(r, time.Now()).Stale {
		id := stale.Check + "@" + stale.MQTT
		passed[id] = true
		if want.Wavers[id] == "" {
			wrong = append(wrong, id+" does not fail")
		}
	}
	counts := map[string]map[reports.Outcome]int{}
	for _, c := range r.Checks {
		outcome := c.Outcome
		switch {
		case outcome == reports.Waived:
			outcome = c.Waiver.Was
		case passed[c.ID]:
			outcome = reports.Fail
		case (outcome == reports.Fail || outcome == reports.Blocked) && want.Wavers[c.ID] != "":
			outcome = reports.Pass
		case outcome == reports.Blocked && slices.Contains(want.Blocked, c.ID):
		case outcome != reports.Pass && outcome != reports.Inapplicable:
			wrong = append(wrong, c.ID+" is "+string(outcome)+": "+c.Reason)
		}
		if counts[c.MQTT] == nil {
			counts[c.MQTT] = map[reports.Outcome]int{}
		}
		counts[c.MQTT][outcome]++
	}
	if len(wrong) > 0 {
		return wrong
	}
	for version, outcomes := range counts {
		for _, outcome := range reports.Outcomes {
			if got := outcomes[outcome]; got != want.Outcomes[version][outcome] {
				t.Logf("MQTT %s: %d %s; published are %d", version, got, outcome, want.Outcomes[version][outcome])
				wrong = append(wrong, "the number of checks that are "+string(outcome)+" on MQTT "+version)
			}
		}
	}
	return wrong
}
