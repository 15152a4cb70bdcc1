package suites_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"mqttspec/codec"
	"mqttspec/harness/freedom"
	"mqttspec/harness/proxy"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// The table of freedoms holds brokers that make use of what the specification leaves
// open against the whole suite: no check may come out worse than without.
var (
	freedomsDir   = flag.String("freedoms", "", "hold all freedoms against the suite, not a few, and write what comes of it into this directory; .ci/freedoms gives it")
	freedomsNamed = flag.String("freedoms-named", "", "take only the freedoms whose name matches this regular expression")
	freedomsRuns  = flag.Int("freedoms-runs", 6, "how many runs of the suite go on at the same time")
	freedomPairs  = flag.Int("freedoms-pairs", 0, "take so many combinations of two and three freedoms instead")
	freedomSeed   = flag.Uint64("freedoms-seed", 1, "the seed by which they are chosen")
)

// sampledFreedoms are those that plain go test takes, on the embedded broker: each
// has its version.
var sampledFreedoms = map[string]codec.Version{
	freedom.SubscribesClients.Name: codec.V5, freedom.ExplainsEverything.Name: codec.V5,
	freedom.AcknowledgesSubscriptionsLater.Name: codec.V311,
}

// A taking is some freedoms that a broker takes at the same time, on one version.
type taking struct {
	freedoms []freedom.Freedom
	broker   witness
	version  codec.Version
}

func (k taking) name() string {
	var names []string
	for _, f := range k.freedoms {
		names = append(names, f.Name)
	}
	return strings.Join(names, " + ")
}

func (k taking) String() string {
	return fmt.Sprintf("%s on %s %s", k.name(), k.broker.name, k.version)
}

// A freed is what the suite says of a broker that takes freedoms.
type freed struct {
	Freedom, Does string
	Broker, MQTT  string
	Seconds       float64
	Problem       string `json:",omitempty"`
	// Worse are the checks that came out worse than without, and Wavering those that
	// did no more when they were heard again.
	Worse, Wavering []worse
	// Inapplicable is how many checks are inapplicable by it.
	Inapplicable int
}

// A worse is a check that came out worse.
type worse struct {
	Check    string
	Was, Is  reports.Outcome
	Reason   string
	Observed string `json:",omitempty"`
}

// TestFreedoms: brokers that make use of what the specification leaves open are not
// accused of it.
func TestFreedoms(t *testing.T) {
	if testing.Short() {
		t.Skip("whole runs of the suite")
	}
	t.Parallel()
	brokers, baselineOf := witnesses(t), newBaseline
	if *freedomsDir == "" && *freedomsNamed == "" && *freedomPairs == 0 {
		brokers, baselineOf = brokers[:1], sampledBaseline
	}
	jobs := freedomsToTake(t, brokers)
	without := baselineOf(t, brokers)
	rows := make([]*freed, len(jobs))
	var writing sync.Mutex
	atOnce(*freedomsRuns, len(jobs), func(i int) {
		row := without.take(t, jobs[i])
		writing.Lock()
		defer writing.Unlock()
		rows[i] = row
		t.Logf("%v: %.1f s, %d worse, %d waver, %d inapplicable", jobs[i], row.Seconds, len(row.Worse), len(row.Wavering), row.Inapplicable)
		for _, w := range row.Worse {
			t.Errorf("%v (a broker that %s): %s is %s, and was %s: %s", jobs[i], row.Does, w.Check, w.Is, w.Was, w.Reason)
		}
		if row.Problem != "" {
			t.Errorf("%v (a broker that %s): %s", jobs[i], row.Does, row.Problem)
		}
		if *freedomsDir != "" {
			writeFreedoms(t, *freedomsDir, slices.DeleteFunc(slices.Clone(rows), func(r *freed) bool { return r == nil }))
		}
	})
}

// freedomsToTake are all freedoms, on every broker and version that has them; without
// -freedoms a few, and with -freedoms-pairs combinations.
func freedomsToTake(t *testing.T, brokers []witness) (jobs []taking) {
	t.Helper()
	pattern, err := regexp.Compile(*freedomsNamed)
	if err != nil {
		t.Fatal(err)
	}
	var all []freedom.Freedom
	for _, f := range freedom.All() {
		if pattern.MatchString(f.Name) {
			all = append(all, f)
		}
	}
	versions := []codec.Version{codec.V311, codec.V5}
	random := rand.New(rand.NewPCG(*freedomSeed, 0))
	for range *freedomPairs {
		v, b := versions[random.IntN(2)], brokers[random.IntN(len(brokers))]
		here := slices.DeleteFunc(slices.Clone(all), func(f freedom.Freedom) bool { return !f.In(v) || f.Late })
		random.Shuffle(len(here), func(i, j int) { here[i], here[j] = here[j], here[i] })
		jobs = append(jobs, taking{here[:2+random.IntN(2)], b, v})
	}
	if *freedomPairs > 0 {
		return jobs
	}
	for _, f := range all {
		for _, b := range brokers {
			for _, v := range versions {
				if sampled, ok := sampledFreedoms[f.Name]; f.In(v) && (*freedomsDir != "" || *freedomsNamed != "" || ok && sampled == v) {
					jobs = append(jobs, taking{[]freedom.Freedom{f}, b, v})
				}
			}
		}
	}
	return jobs
}

// take runs the suite on a broker that takes freedoms, and says what is worse by it.
func (without *baseline) take(t *testing.T, job taking) *freed {
	r := takingRun(t, job, overlapping(), nil)
	row := &freed{
		Freedom: job.name(), Does: doing(job), Broker: job.broker.name, MQTT: job.version.String(),
		Seconds: tenths(r.DurationMS), Problem: r.Problem,
	}
	came := without.came[place{job.broker.name, job.version}]
	row.Worse, row.Inapplicable = worseThan(job, r.Checks, came)
	for range 2 { // what is worse by chance is not so three times
		if len(row.Worse) == 0 {
			break
		}
		var names []string
		for _, w := range row.Worse {
			names = append(names, w.Check)
		}
		still, _ := worseThan(job, takingRun(t, job, "", names).Checks, came)
		for _, w := range row.Worse {
			if !slices.ContainsFunc(still, func(s worse) bool { return s.Check == w.Check }) {
				row.Wavering = append(row.Wavering, w)
			}
		}
		row.Worse = still
	}
	return row
}

// doing says what the broker does.
func doing(job taking) string {
	var does []string
	for _, f := range job.freedoms {
		does = append(does, f.Does)
	}
	return strings.Join(does, ", and ")
}

// worseThan are the checks that came out worse than they did without, in view of what
// the freedoms take away and leave; and how many are inapplicable by it.
func worseThan(job taking, checks []reports.Check, came map[string]map[reports.Outcome]string) (all []worse, inapplicable int) {
	var takesAway, leaves, late bool
	for _, f := range job.freedoms {
		takesAway, leaves, late = takesAway || f.TakesAway != "", leaves || f.Leaves != "", late || f.Late
	}
	for _, c := range checks {
		before := came[c.ID]
		if _, same := before[c.Outcome]; same || before == nil {
			continue
		}
		switch c.Outcome {
		case reports.Pass, reports.Unsteady:
			continue
		case reports.Inapplicable, reports.Untried:
			if inapplicable++; takesAway {
				continue
			}
		case reports.Warn:
			if leaves || late || failedIn(before) {
				continue
			}
		case reports.Fail, reports.Blocked:
			if failedIn(before) {
				continue
			}
		}
		all = append(all, worse{Check: c.ID, Was: slices.Collect(maps.Keys(before))[0], Is: c.Outcome, Reason: c.Reason, Observed: c.Observed})
	}
	return all, inapplicable
}

// failedIn says whether the broker was at fault in a check without.
func failedIn(before map[reports.Outcome]string) bool {
	_, failed := before[reports.Fail]
	_, blocked := before[reports.Blocked]
	return failed || blocked
}

// takingRun runs the suite on a broker and its instances behind proxies that take
// freedoms.
func takingRun(t *testing.T, job taking, labels string, names []string) *reports.Results {
	target, patience := job.broker.target, impatient
	for _, f := range job.freedoms {
		behind, done := proxied(t, target, func(dial func(context.Context) (net.Conn, error)) (*proxy.Proxy, error) {
			return freedom.NewProxy(job.version, f, dial)
		})
		defer func() { done() }()
		target = behind
		if f.Late {
			patience = runner.DefaultPatience
		}
	}
	r, err := suites.Test(t.Context(), target, suites.Options{
		Versions: []codec.Version{job.version}, Selection: runner.Selection{Labels: labels, Names: names}, Patience: patience,
	})
	if err != nil {
		t.Errorf("%v: %v", job, err)
	}
	return r
}

// writeFreedoms writes the rows as JSON and as a table in Markdown.
func writeFreedoms(t *testing.T, dir string, rows []*freed) {
	t.Helper()
	raw, err := json.MarshalIndent(rows, "", " ")
	if err != nil {
		t.Error(err)
	}
	b := &strings.Builder{}
	bad := 0
	for _, r := range rows {
		bad += len(r.Worse)
	}
	fmt.Fprintf(b, "# Every freedom against the whole suite\n\n%d runs; checks that came out worse: %d.\n\n", len(rows), bad)
	b.WriteString("| a broker that | on | worse | wavering | inapplicable | s |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range slices.SortedFunc(slices.Values(rows), func(a, b *freed) int {
		return cmp.Or(len(b.Worse)-len(a.Worse), strings.Compare(a.Freedom, b.Freedom))
	}) {
		var names []string
		for _, w := range r.Worse {
			names = append(names, fmt.Sprintf("%s (%s)", w.Check, w.Is))
		}
		fmt.Fprintf(b, "| %s (%s) | %s %s | %s | %d | %d | %.1f |\n", r.Does, r.Freedom, r.Broker, r.MQTT, strings.Join(names, ", "), len(r.Wavering), r.Inapplicable, r.Seconds)
	}
	for ext, content := range map[string]string{".json": string(raw), ".md": b.String()} {
		if err := os.WriteFile(filepath.Join(dir, "freedoms"+ext), []byte(content), 0o644); err != nil {
			t.Error(err)
		}
	}
}
