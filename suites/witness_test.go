package suites_test

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/wire"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// onlyChecks narrows the witness test while a check is being written:
// go test ./suites -run Witness -v -args -checks '^will-'
var onlyChecks = flag.String("checks", "", "hold only the checks whose slug matches this regular expression against their witnesses")

// TestEveryCheckHasTwoWitnesses holds every check, on every protocol version it
// runs on, against real brokers (one at least must pass it) and then, on a
// broker that passes it, against its faults: every one of them must make it
// fail, and together they must make every case of it fail. With -v the table of
// witnesses is printed.
//
// A check that no broker at hand passes is skipped when a broker is missing
// that might, and an error when all are there, unless it names a proxy that
// mends one of them; the table says so.
func TestEveryCheckHasTwoWitnesses(t *testing.T) {
	brokers := witnesses(t)
	settings := suites.Options{Timeout: 2 * time.Second}.Settings()
	settings.KeepTraces, settings.Control = true, true
	passed := passing(t, brokers)

	type job struct {
		d      *runner.Definition
		v      codec.Version
		seen   *passedOn
		mended bool
		caught []string
		missed []string
	}
	var jobs []*job
	for _, d := range chosen(t) {
		for _, v := range d.Versions() {
			jobs = append(jobs, &job{d: d, v: v, seen: passed[d.ID(v)]})
		}
	}
	hold := func(j *job) {
		if j.seen == nil && len(j.d.MendedBy) > 0 {
			j.seen, j.mended = mended(t, j.d, j.v, brokers, settings), true
		}
		if j.seen == nil {
			return
		}
		caught := map[string]bool{}   // faults
		cases := map[string]bool{}    // cases that a fault has made fail
		missed := map[string]string{} // faults, with the last word on them
		// A fault that works on what passes by can miss it on a busy machine, in
		// a check or in one case of it; twice more is a fault that does not work.
		for try := 1; try <= 3; try++ {
			uncaught := slices.Contains(slices.Collect(maps.Values(cases)), false)
			for _, f := range j.d.CaughtBy {
				if caught[f.Name] && !uncaught {
					continue
				}
				result, _, err := faulty(t, j.seen, f, settings)
				if err != nil {
					t.Error(err)
					return
				}
				if len(result.Broken) > 0 && !slices.ContainsFunc(j.d.Rules.Of(j.v), func(id string) bool { return slices.Contains(result.Broken, id) }) {
					t.Errorf("%s fails about %v, of which its rules name none", j.d.ID(j.v), result.Broken)
				}
				for _, c := range result.Cases {
					cases[c.Name] = cases[c.Name] || c.Outcome == reports.Fail
				}
				if result.Outcome == reports.Fail || result.Outcome == reports.Warn {
					caught[f.Name] = true
					continue
				}
				missed[f.Name] = fmt.Sprintf("fault %s (a broker that %s): %s %s", f.Name, f.Does, result.Outcome, result.Reason)
				t.Logf("%s, try %d: not caught with %s", j.d.ID(j.v), try, missed[f.Name])
			}
		}
		for _, f := range j.d.CaughtBy {
			if caught[f.Name] {
				j.caught = append(j.caught, f.Name)
			} else {
				j.missed = append(j.missed, missed[f.Name])
			}
		}
		for name, caught := range cases {
			if !caught {
				j.missed = append(j.missed, fmt.Sprintf("case %q is caught by none of the faults", name))
			}
		}
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, 48) // they wait most of their time
	for _, j := range jobs {
		if !j.d.Alone {
			group.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				hold(j)
			})
		}
	}
	group.Wait()
	for _, j := range jobs {
		switch {
		case j.d.Alone: // such as one that restarts the broker
			hold(j)
		case len(j.missed) > 0: // beside the others; by itself, before anything is said of it
			j.caught, j.missed = nil, nil
			hold(j)
		}
	}

	out := io.Discard
	if testing.Verbose() {
		out = os.Stdout
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "check\tseen to pass on\tcaught with")
	both, mending, without := 0, 0, 0
	for _, j := range jobs {
		id := j.d.ID(j.v)
		if j.mended {
			mending++
		}
		t.Run(id, func(t *testing.T) {
			if j.seen == nil {
				without++
				fmt.Fprintf(table, "%s\t-\t-\n", id)
				if len(brokers) < 2 {
					t.Skip("no broker at hand passes it; with mosquitto installed one may")
				}
				t.Fatal("no broker passes it; -v says what they do instead")
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", id, j.seen.name, strings.Join(j.caught, ", "))
			if len(j.d.CaughtBy) == 0 {
				t.Fatal("has no fault")
			}
			if len(j.missed) > 0 {
				slices.Sort(j.missed)
				t.Fatalf("passes on %s, but is not caught:\n  %s", j.seen.name, strings.Join(j.missed, "\n  "))
			}
			both++
		})
	}
	table.Flush()
	fmt.Fprintf(out, "%d checks (on each protocol version they run on): %d seen passing on a real broker and caught by every fault of theirs (%d of them on one that a proxy mends), %d without a broker here that passes them\n",
		len(jobs), both, mending, without)
}

// chosen are the checks that -checks names.
func chosen(t *testing.T) []*runner.Definition {
	t.Helper()
	pattern, err := regexp.Compile(*onlyChecks)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(suites.All().Definitions(), func(d *runner.Definition) bool { return !pattern.MatchString(d.Slug) })
}

// passedOn is a check with the broker (or the instance of it) that passed it.
type passedOn struct {
	runner.Item
	name string
}

// passing runs the suite against every broker and names, for each check, the
// first that passes it.
func passing(t *testing.T, brokers []witness) map[string]*passedOn {
	t.Helper()
	var selection runner.Selection
	for _, d := range chosen(t) {
		selection.Names = append(selection.Names, d.Slug)
	}
	passed := map[string]*passedOn{}
	for _, b := range brokers {
		items, err := suites.All().Plan(b.probed, selection)
		if err != nil {
			t.Fatalf("%s: %v", b.name, err)
		}
		run := suites.All().NewRun(suites.Options{}.Settings(), runner.DefaultParallel, items)
		run.Patience = impatient
		run.Start(t.Context())
		for i, item := range items {
			c := run.Wait(i)
			// By itself again: after an error, such as of a machine too busy to keep a
			// client's time, and what failed by what others saw. The witness is what
			// passes the check's own exchange.
			if c.Outcome == "error" || item.Watches && c.Outcome == "fail" {
				t.Logf("%s on %s, run again: %s", c.ID, b.name, c.Reason)
				again := suites.All().NewRun(suites.Options{}.Settings(), 1, items[i:i+1])
				again.Start(t.Context())
				c = again.Wait(0)
			}
			switch c.Outcome {
			case "pass":
				name := b.name
				if item.Target != b.target {
					name += " " + item.Target.Name
				}
				if passed[c.ID] == nil {
					passed[c.ID] = &passedOn{item, name}
				}
			case "error":
				t.Errorf("%s on %s: %s: %s", c.ID, b.name, c.Outcome, c.Reason)
			case "blocked": // by a check that the broker fails
				if decider := blocking(items, run, c.BlockedBy); decider != "fail" && decider != "warn" {
					t.Errorf("%s on %s: blocked by %q, which is %q: %s", c.ID, b.name, c.BlockedBy, decider, c.Reason)
				}
			case "fail", "warn":
				if !testing.Verbose() { // no failure of ours
					continue
				}
				t.Logf("%s on %s: %s: %s", c.ID, b.name, c.Outcome, c.Reason)
			}
		}
	}
	return passed
}

// blocking is the outcome of a check of a run, by its ID; "" where it did not run,
// as in a selection.
func blocking(items []runner.Item, run *runner.Run, id string) reports.Outcome {
	i := slices.IndexFunc(items, func(i runner.Item) bool { return i.ID() == id })
	if i < 0 {
		return ""
	}
	return run.Wait(i).Outcome
}

// mended finds a broker that passes the check with one of the proxies that the
// check names in front of it.
func mended(t *testing.T, d *runner.Definition, v codec.Version, brokers []witness, settings harness.Settings) *passedOn {
	t.Helper()
	for _, mend := range d.MendedBy {
		for _, b := range brokers {
			for _, probed := range b.probed {
				lacks := func(n harness.Need) bool { _, lacks := probed.Profile.Lacks(n); return lacks }
				if probed.Profile.Version != v || slices.ContainsFunc(d.Needs, lacks) {
					continue
				}
				proxy, err := fault.NewProxy(v, mend, probed.Target.Dialer.Dial)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(proxy.Close)
				target := *probed.Target
				target.Dialer = through(proxy.Dial)
				item := runner.Item{Definition: d, Version: v, Target: &target, Profile: probed.Profile}
				settings.CheckTimeout = time.Minute
				result := suites.All().Judge(d, v, harness.Perform(t.Context(), &target, probed.Profile, settings, d.Body))
				if result.Outcome == reports.Pass {
					return &passedOn{item, b.name + " mended by " + mend.Name}
				}
				t.Logf("%s on %s mended by %s: %s: %s", d.ID(v), b.name, mend.Name, result.Outcome, result.Reason)
				break // its other instances would not do better
			}
		}
	}
	return nil
}

// faulty runs a check against the broker that passed it, with a fault, and
// returns the verdict and the breaches that were seen.
func faulty(t *testing.T, p *passedOn, f fault.Fault, settings harness.Settings) (runner.Verdict, []harness.Breach, error) {
	proxy, err := fault.NewProxy(p.Version, f, p.Target.Dialer.Dial)
	if err != nil {
		return runner.Verdict{}, nil, err
	}
	defer proxy.Close()
	target := *p.Target
	target.Dialer = through(proxy.Dial)
	if ws := p.Target.WebSocket; ws != nil {
		if err := proxy.ListenWebSocket(ws.Under.Dial); err != nil {
			return runner.Verdict{}, nil, err
		}
		target.WebSocket = &wire.WebSocketDialer{Under: through(proxy.DialWebSocket), Host: ws.Host, RequestURI: ws.RequestURI}
	}
	if certified := p.Target.Certified; certified != nil && f.Name == fault.IgnoresMissingCertificate.Name {
		target.Certified = &harness.Certified{With: certified.With, Without: certified.With}
	}
	settings.CheckTimeout = time.Minute
	evidence := harness.Perform(t.Context(), &target, p.Profile, settings, p.Body)
	return suites.All().Judge(p.Definition, p.Version, evidence), evidence.Breaches, proxy.Err()
}
