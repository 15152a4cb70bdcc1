package suites_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/proxy"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/catalogue"
	"mqttspec/suites/runner"
)

// The blame table holds every fault against the whole suite: which checks fail,
// what they accuse the broker of, and what of that the fault says it breaks.
// What a broker is accused of without the fault, too, does not count, but where
// another check accuses it of what the fault breaks.
var (
	blameDir   = flag.String("blame", "", "hold all faults against the suite, not a few, and write what comes of it into this directory; .ci/blame gives it")
	blameShard = flag.String("blame-shard", "", "the part of the faults to take, I/N")
	blameOnly  = flag.String("blame-faults", "", "take only the faults whose name matches this regular expression")
	blameRuns  = flag.Int("blame-runs", 10, "how many runs of the suite go on at the same time")
)

// sampledFaults are those that plain go test takes, on the embedded broker: one
// that carries on, one that keeps silent, one that sends too much, one that sends
// something wrong. Each has its version.
var sampledFaults = map[string]codec.Version{
	fault.IgnoresReservedTypes.Name: codec.V311, fault.WithholdsPuback.Name: codec.V5,
	fault.RetainsEverythingLate.Name: codec.V311, fault.DupAlways.Name: codec.V5,
}

// tolerableBlame is how many statements a fault may be accused of that it does
// not break.
const tolerableBlame = 5

// A blamed is what the suite says of a broker with a fault, on one version.
type blamed struct {
	Fault   string
	Does    string
	Broker  string
	MQTT    string
	Must    bool // the fault breaks a MUST
	Verdict reports.Verdict
	Exit    int
	Problem string `json:",omitempty"`
	Seconds float64
	// Accusing are the checks that accuse the broker of more than without the fault.
	Accusing []accusing
	// Other are those that come out otherwise than without it, by their outcome.
	Other map[reports.Outcome][]string
	// Wanted are the accused statements that the fault breaks, Follows those that
	// follow from it, and False all others.
	Wanted, Follows, False []string
}

// An accusing is a check that accuses the broker.
type accusing struct {
	Check   string
	Outcome reports.Outcome
	Accused []string
	False   []string
	Reason  string
	SeenIn  string `json:",omitempty"`
}

// A blaming is a fault to be held against the suite, on one broker and version.
type blaming struct {
	fault   fault.Fault
	broker  witness
	version codec.Version
}

func (b blaming) String() string {
	return fmt.Sprintf("%s on %s %s", b.fault.Name, b.broker.name, b.version)
}

// TestBlame holds faults against the whole suite: no fault of a MUST may end
// well, and none may be accused of much that it does not break.
func TestBlame(t *testing.T) {
	if testing.Short() {
		t.Skip("whole runs of the suite")
	}
	t.Parallel()
	brokers, baselineOf := witnesses(t), newBaseline
	if *blameDir == "" {
		brokers, baselineOf = brokers[:1], sampledBaseline
	}
	without := baselineOf(t, brokers)
	jobs := faultsToBlame(t, brokers, without)
	rows := make([]*blamed, len(jobs))
	var writing sync.Mutex
	done := func(i int, row *blamed) { // what is done is written, should the rest be stopped
		writing.Lock()
		defer writing.Unlock()
		if rows[i] = row; *blameDir != "" {
			writeBlame(t, *blameDir, slices.DeleteFunc(slices.Clone(rows), func(r *blamed) bool { return r == nil }))
		}
	}
	atOnce(*blameRuns, len(jobs), func(i int) {
		done(i, without.blame(t, jobs[i]))
		t.Logf("%v: %s, exit status %d, %.1f s; accused: %d rightly, %d that follow, %d wrongly %v", jobs[i], rows[i].Verdict, rows[i].Exit, rows[i].Seconds,
			len(rows[i].Wanted), len(rows[i].Follows), len(rows[i].False), rows[i].False)
	})
	for i, row := range rows { // what is wrong beside others is done once more by itself
		if row.wrong() != "" {
			t.Logf("%v, once more: %s", jobs[i], row.wrong())
			done(i, without.blame(t, jobs[i]))
		}
		if wrong := rows[i].wrong(); wrong != "" {
			t.Errorf("%v (a broker that %s): %s", jobs[i], jobs[i].fault.Does, wrong)
		}
	}
	t.Log(blameFigures(rows))
}

// wrong says what must not be.
func (b *blamed) wrong() string {
	switch {
	case b.Must && b.Exit == 0:
		return fmt.Sprintf("exit status 0, %s", b.Verdict)
	case len(b.False) > tolerableBlame:
		checks := []string{}
		for _, a := range b.Accusing {
			if len(a.False) > 0 {
				checks = append(checks, fmt.Sprintf("%s: %s", a.Check, a.Reason))
			}
		}
		return fmt.Sprintf("it is accused of %d statements that it does not break: %v\n  %s", len(b.False), b.False, strings.Join(checks, "\n  "))
	}
	return ""
}

// faultsToBlame are all faults by name, on every broker and version on which one
// of their checks passes without them; without -blame a few.
func faultsToBlame(t *testing.T, brokers []witness, without *baseline) (jobs []blaming) {
	t.Helper()
	pattern, err := regexp.Compile(*blameOnly)
	if err != nil {
		t.Fatal(err)
	}
	shard, err := runner.ParseShard(*blameShard)
	if err != nil {
		t.Fatal(err)
	}
	faults := map[string]fault.Fault{}
	caughtBy := map[string][]*runner.Definition{}
	for _, d := range suites.All().Definitions() {
		for _, f := range d.CaughtBy {
			if pattern.MatchString(f.Name) {
				faults[f.Name] = f
				caughtBy[f.Name] = append(caughtBy[f.Name], d)
			}
		}
	}
	for i, name := range slices.Sorted(maps.Keys(faults)) {
		if shard.Count > 0 && i%shard.Count != shard.Index-1 {
			continue
		}
		for _, b := range brokers {
			for _, v := range []codec.Version{codec.V311, codec.V5} {
				if slices.ContainsFunc(caughtBy[name], func(d *runner.Definition) bool { return without.passed[place{b.name, v}][d.ID(v)] }) {
					jobs = append(jobs, blaming{faults[name], b, v})
				}
			}
		}
	}
	if *blameDir != "" || *blameOnly != "" {
		return jobs
	}
	return slices.DeleteFunc(jobs, func(j blaming) bool { return sampledFaults[j.fault.Name] != j.version })
}

// place is one version of one broker.
type place struct {
	broker  string
	version codec.Version
}

// baseline is what the suite says of the brokers as they are.
type baseline struct {
	accused map[place]map[string]bool                       // statements
	passed  map[place]map[string]bool                       // checks, in every run
	came    map[place]map[string]map[reports.Outcome]string // checks, in any run
}

// sampled is the baseline of the tables that plain go test makes a few rows of.
var sampled struct {
	sync.Mutex
	baseline *baseline
}

// sampledBaseline is newBaseline for a few rows, found once for all tests.
func sampledBaseline(t *testing.T, brokers []witness) *baseline {
	t.Helper()
	sampled.Lock()
	defer sampled.Unlock()
	if sampled.baseline == nil {
		sampled.baseline = newBaseline(t, brokers)
	}
	return sampled.baseline
}

// newBaseline runs the suite on every broker, twice for the whole table: beside
// each other, as the runs with faults will be.
func newBaseline(t *testing.T, brokers []witness) *baseline {
	t.Helper()
	without := &baseline{map[place]map[string]bool{}, map[place]map[string]bool{}, map[place]map[string]map[reports.Outcome]string{}}
	var jobs []blaming
	times := 1
	if *blameDir != "" || *freedomsDir != "" {
		times = 2
	}
	for range times {
		for _, b := range brokers {
			for _, v := range []codec.Version{codec.V311, codec.V5} {
				jobs = append(jobs, blaming{fault.Nothing, b, v})
			}
		}
	}
	results := make([]*reports.Results, len(jobs))
	atOnce(*blameRuns, len(jobs), func(i int) { results[i], _ = blameRun(t, jobs[i]) })
	for i, r := range results {
		p := place{jobs[i].broker.name, jobs[i].version}
		if r.Problem != "" {
			t.Fatalf("%v: %s", jobs[i], r.Problem)
		}
		if without.accused[p] == nil {
			without.accused[p], without.passed[p], without.came[p] = map[string]bool{}, map[string]bool{}, map[string]map[reports.Outcome]string{}
		}
		for _, c := range r.Checks {
			if without.came[p][c.ID] == nil {
				without.came[p][c.ID] = map[reports.Outcome]string{}
				without.passed[p][c.ID] = true
			}
			without.came[p][c.ID][c.Outcome] = c.Reason
			without.passed[p][c.ID] = without.passed[p][c.ID] && c.Outcome == reports.Pass
			if failed(c) {
				for _, id := range c.Accused() {
					without.accused[p][id] = true
				}
			}
		}
	}
	return without
}

func failed(c reports.Check) bool { return c.Outcome == reports.Fail || c.Outcome == reports.Warn }

// blame runs the suite on a broker with a fault, and says what has come of it.
func (without *baseline) blame(t *testing.T, job blaming) *blamed {
	r, changed := blameRun(t, job)
	p := place{job.broker.name, job.version}
	b := &blamed{
		Fault: job.fault.Name, Does: job.fault.Does, Broker: job.broker.name, MQTT: job.version.String(),
		Verdict: reports.Conformant, Problem: r.Problem, Seconds: tenths(r.DurationMS), Other: map[reports.Outcome][]string{},
	}
	for _, id := range job.fault.Breaks.Of(job.version) {
		s, _ := catalogue.Lookup(job.version, id)
		b.Must = b.Must || s.Level == catalogue.Must && changed
	}
	if r.Problem != "" {
		b.Verdict, b.Exit = reports.Incomplete, 2
	}
	for _, c := range r.Checks {
		var accused []string
		if failed(c) {
			came := without.came[p][c.ID]
			_, failed := came[reports.Fail]
			_, warned := came[reports.Warn]
			accused = slices.DeleteFunc(slices.Clone(c.Accused()), func(id string) bool {
				return without.accused[p][id] && (failed || warned || !slices.Contains(job.fault.Breaks.Of(job.version), id))
			})
		}
		switch _, came := without.came[p][c.ID][c.Outcome]; {
		case len(accused) > 0:
			b.accused(job, c, accused)
		case !came:
			b.Other[c.Outcome] = append(b.Other[c.Outcome], c.ID)
		}
	}
	switch {
	case b.Exit != 0:
	case slices.ContainsFunc(b.Accusing, func(a accusing) bool { return a.Outcome == reports.Fail }), len(b.Other[reports.Fail]) > 0:
		b.Verdict, b.Exit = reports.Nonconformant, 1
	case len(b.Other[reports.Error]) > 0:
		b.Verdict, b.Exit = reports.Incomplete, 2
	case len(b.Other) > 0:
		b.Verdict = reports.Incomplete
	}
	return b
}

// accused notes that a check accuses the broker of statements.
func (b *blamed) accused(job blaming, c reports.Check, accused []string) {
	a := accusing{Check: c.ID, Outcome: c.Outcome, Accused: accused, Reason: c.Reason, SeenIn: c.SeenIn}
	note := func(list *[]string, id string) {
		if !slices.Contains(*list, id) {
			*list = append(*list, id)
			slices.Sort(*list)
		}
	}
	for _, id := range accused {
		switch {
		case slices.Contains(job.fault.Breaks.Of(job.version), id):
			note(&b.Wanted, id)
		case slices.Contains(job.fault.Breaks.FollowingOn(job.version), id),
			observedOnly(c, job.fault.Breaks.Follows.Observed),
			job.fault.Breaks.Follows.Down && strings.Contains(c.Reason, "the broker went down"):
			note(&b.Follows, id)
		default:
			note(&b.False, id)
			a.False = append(a.False, id)
		}
	}
	b.Accusing = append(b.Accusing, a)
}

// observedOnly reports whether all that there is against the broker holds one of these
// texts, such as that of a connection which has not ended.
func observedOnly(c reports.Check, texts []string) bool {
	for line := range strings.Lines(c.Observed) {
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) }) {
			return false
		}
	}
	return c.Observed != ""
}

// blameRun runs the suite, but for the checks that want the broker for
// themselves, on a broker and its instances behind proxies with a fault. Where the
// fault has changed nothing, as the broker never did what it is about, it is none there.
func blameRun(t *testing.T, job blaming) (r *reports.Results, changed bool) {
	target, done := proxied(t, job.broker.target, func(dial func(context.Context) (net.Conn, error)) (*proxy.Proxy, error) {
		return fault.NewProxy(job.version, job.fault, dial)
	})
	if job.fault.Name == fault.IgnoresMissingCertificate.Name {
		for _, of := range target.All() {
			if of.Certified != nil {
				of.Certified = &harness.Certified{With: of.Certified.With, Without: of.Certified.With}
			}
		}
	}
	r, err := suites.Test(t.Context(), target, suites.Options{
		Versions: []codec.Version{job.version}, Selection: runner.Selection{Labels: overlapping()},
		Patience: impatient,
	})
	if err != nil {
		t.Errorf("%v: %v", job, err)
	}
	return r, done()
}

// atOnce does n things, so many at the same time.
func atOnce(most, n int, do func(i int)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, most)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	group.Wait()
}

// blameFigures are the figures of the table in one line.
func blameFigures(rows []*blamed) string {
	if len(rows) == 0 {
		return "no fault to be seen"
	}
	var counts []int
	sum, many, unseen := 0, 0, 0
	for _, row := range rows {
		n := len(row.False)
		counts = append(counts, n)
		sum += n
		if n > tolerableBlame {
			many++
		}
		if row.Must && row.Exit == 0 {
			unseen++
		}
	}
	slices.Sort(counts)
	return fmt.Sprintf("%d runs with a fault; statements accused that it does not break: median %d, mean %.2f, most %d; more than %d in %d runs; exit status 0 with a MUST broken: %d",
		len(rows), counts[len(counts)/2], float64(sum)/float64(len(rows)), counts[len(counts)-1], tolerableBlame, many, unseen)
}

// writeBlame writes the rows as JSON and as a table in Markdown, and the checks
// that accuse wrongly, the worst first.
func writeBlame(t *testing.T, dir string, rows []*blamed) {
	t.Helper()
	name := "blame"
	if *blameShard != "" {
		name += "-" + strings.ReplaceAll(*blameShard, "/", "-of-")
	}
	raw, err := json.MarshalIndent(rows, "", " ")
	if err != nil {
		t.Error(err)
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, "# Every fault against the whole suite\n\n%s.\n\n", blameFigures(rows))
	b.WriteString("| fault | on | verdict | exit | checks | wanted | follows | accused wrongly |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	wrong := map[string][]string{} // by check
	for _, row := range rows {
		fmt.Fprintf(b, "| %s | %s %s | %s | %d | %d | %d | %d | %s |\n", row.Fault, row.Broker, row.MQTT, row.Verdict, row.Exit,
			len(row.Accusing), len(row.Wanted), len(row.Follows), strings.Join(row.False, " "))
		for _, a := range row.Accusing {
			if len(a.False) > 0 {
				wrong[a.Check] = append(wrong[a.Check], fmt.Sprintf("  - %s on %s %s accuses %s: %s", row.Fault, row.Broker, row.MQTT, strings.Join(a.False, " "), a.Reason))
			}
		}
	}
	o := &strings.Builder{}
	for _, check := range slices.SortedFunc(maps.Keys(wrong), func(a, b string) int {
		return cmp.Or(len(wrong[b])-len(wrong[a]), strings.Compare(a, b))
	}) {
		fmt.Fprintf(o, "- %s, %d times\n%s\n", check, len(wrong[check]), strings.Join(wrong[check], "\n"))
	}
	for ext, content := range map[string]string{".json": string(raw), ".md": b.String(), "-checks.md": o.String()} {
		if err := os.WriteFile(filepath.Join(dir, name+ext), []byte(content), 0o644); err != nil {
			t.Error(err)
		}
	}
}
