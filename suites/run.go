package suites

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites/catalogue"
)

// A Run is a plan being carried out. Checks run on goroutines, as many at a
// time as the run allows; whoever wants a check's result waits for it.
type Run struct {
	Settings harness.Settings
	Parallel int
	// Done is told of every check as it ends, one at a time, in finishing order.
	Done func(reports.Check)

	items   []Item
	results []harness.Result
	checks  []reports.Check // results, in the words of package reports
	ended   []chan struct{}
	mu      sync.Mutex // guards Done and barren
	barren  int        // checks in a row that got no connection
	vigils  map[*harness.Target]*harness.Vigil
}

// hopeless is how many checks in a row, by the number of checks that run at the
// same time, may get no connection before the rest are given up: a broker that
// has died, or answers no one any more, does not cost every check its timeout.
const hopeless = 2

// restartTimeout is what a check that restarts the broker may take for that: a
// large one needs a minute to stop and two to start.
const restartTimeout = 5 * time.Minute

// NewRun prepares a run.
func NewRun(settings harness.Settings, parallel int, items []Item) *Run {
	r := &Run{
		Settings: settings, Parallel: max(1, parallel), Done: func(reports.Check) {},
		items: items, results: make([]harness.Result, len(items)), checks: make([]reports.Check, len(items)), ended: make([]chan struct{}, len(items)),
	}
	for i := range r.ended {
		r.ended[i] = make(chan struct{})
	}
	return r
}

// Items is the plan.
func (r *Run) Items() []Item { return r.items }

// Start begins to run the checks and returns. When ctx ends, what has not run
// ends as an error that says so.
func (r *Run) Start(ctx context.Context) {
	go func() {
		var shared, alone []int
		for i, item := range r.items {
			if item.Alone {
				alone = append(alone, i)
			} else {
				shared = append(shared, i)
			}
		}
		// The longest first, so that the run lasts no longer than they do.
		slices.SortStableFunc(shared, func(a, b int) int { return int(r.items[b].Takes - r.items[a].Takes) })
		r.keepVigil(ctx, shared)
		again := r.overlapping(ctx, shared)
		again = r.overlapping(ctx, again)
		r.oneByOne(ctx, again)
		r.endVigil()
		for _, i := range alone {
			r.runItem(ctx, i, true)
		}
	}()
}

// overlapping runs checks at the same time and returns those that give no
// verdict yet, because the broker was interrupted.
func (r *Run) overlapping(ctx context.Context, items []int) (again []int) {
	queue := make(chan int)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range min(r.Parallel, len(items)) {
		workers.Go(func() {
			for i := range queue {
				if !r.runItem(ctx, i, false) {
					mu.Lock()
					again = append(again, i)
					mu.Unlock()
				}
			}
		})
	}
	for _, i := range items {
		queue <- i
	}
	close(queue)
	workers.Wait()
	return again
}

// interruptionsBorne is how many interruptions checks that run one by one are
// each asked about; beyond it the broker does not stay up long enough.
const interruptionsBorne = 10

// oneByOne runs checks of which one seems to bring the broker down: the one
// that runs alone when it goes down again has failed.
func (r *Run) oneByOne(ctx context.Context, items []int) {
	before := r.interruptions()
	for _, i := range items {
		if r.interruptions()-before < interruptionsBorne {
			r.runItem(ctx, i, true)
		} else {
			result := &r.results[i]
			result.Outcome = harness.Blocked
			result.Reason = "the broker ended every connection while the check ran, as it did many times: it was restarted, or crashed; seen before: " + result.Reason
			r.conclude(i)
		}
	}
}

// interruptions is how often any of the brokers was seen to go down.
func (r *Run) interruptions() (n int) {
	for _, v := range r.vigils {
		n += v.Known()
	}
	return n
}

// keepVigil watches over the brokers that the checks run on.
func (r *Run) keepVigil(ctx context.Context, items []int) {
	r.vigils = map[*harness.Target]*harness.Vigil{}
	for _, i := range items {
		if item := r.items[i]; item.Lacks == "" && r.vigils[item.Target] == nil {
			r.vigils[item.Target] = harness.Keep(ctx, item.Target, item.Profile, r.Settings)
		}
	}
	for _, v := range r.vigils {
		v.AwaitBegun()
	}
}

func (r *Run) endVigil() {
	for _, v := range r.vigils {
		v.End()
	}
	r.vigils = nil
}

// runItem runs a check and tells Done of it; false says that it gave no verdict
// and has to be run again, for the broker ended every connection meanwhile. The
// verdict on a check that runs alone stands: it was that check which it did not
// bear.
func (r *Run) runItem(ctx context.Context, i int, alone bool) bool {
	item := r.items[i]
	switch {
	case item.Lacks != "":
		r.results[i] = harness.Result{Outcome: harness.Inapplicable, Reason: item.Lacks}
	case ctx.Err() != nil:
		r.results[i] = harness.Result{Outcome: harness.Error, Reason: "not run: " + context.Cause(ctx).Error()}
	case r.gaveUp():
		r.results[i] = harness.Result{Outcome: harness.Blocked, Reason: fmt.Sprintf("not run: the last %d checks got no connection (see check %s)", hopeless*r.Parallel, harness.StepConnect)}
	default:
		settings := r.Settings
		settings.CheckTimeout += 2 * time.Duration(item.Takes)
		if slices.Contains(item.Needs, harness.Restarting) || slices.Contains(item.Needs, harness.Killing) {
			settings.CheckTimeout += restartTimeout
		}
		vigil := r.vigils[item.Target]
		began := time.Now()
		r.results[i] = harness.Perform(ctx, item.Target, item.Profile, settings, item.Body)
		r.results[i].Answer(item.Rules.Of(item.Version))
		r.doubt(ctx, item, &r.results[i])
		if result := &r.results[i]; result.Outcome != harness.Pass && result.Outcome != harness.Inapplicable && ctx.Err() == nil && vigil.Interrupted(began, result.Cut) {
			if !alone {
				return false
			}
			result.Reason += "; meanwhile the broker ended every other connection, too"
		}
	}
	r.conclude(i)
	return true
}

// conclude tells Done of a check's result.
func (r *Run) conclude(i int) {
	item := r.items[i]
	r.checks[i] = report(item, r.results[i])
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(r.ended[i]) // whoever waits for the check finds Done told of it
	switch {
	case r.results[i].NoConnection:
		r.barren++
	case item.Lacks == "" && r.barren < hopeless*r.Parallel:
		r.barren = 0
	}
	r.Done(r.checks[i])
}

// doubt takes back a failure that was seen on a broker which, by now, answers
// nobody: it says nothing about the rule.
func (r *Run) doubt(ctx context.Context, item Item, result *harness.Result) {
	if result.Outcome != harness.Fail || harness.Alive(ctx, item.Target, item.Profile, r.Settings) {
		return
	}
	result.Outcome, result.NoConnection = harness.Blocked, true
	result.Reason = fmt.Sprintf("the broker answers no new connection any more (see check %s); seen before: %s", harness.StepConnect, result.Reason)
}

// gaveUp says whether so many checks got no connection that none will.
func (r *Run) gaveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.barren >= hopeless*r.Parallel
}

// Wait waits for the check at this place of the plan.
func (r *Run) Wait(i int) reports.Check {
	<-r.ended[i]
	return r.checks[i]
}

// Checks waits for all checks and returns their results in the order of the
// plan, with the breaches that the strict decoder saw in any exchange brought
// home to the checks that answer for them.
func (r *Run) Checks() []reports.Check {
	checks := make([]reports.Check, len(r.items))
	for i := range r.items {
		checks[i] = r.Wait(i)
	}
	return r.bringHome(checks)
}

// bringHome turns every breach into a failure of the check that decides the
// broken statement: a check that watches for it, or else the one that answers
// for well-formed packets in general. A check that was not selected is added.
func (r *Run) bringHome(checks []reports.Check) []reports.Check {
	for i, result := range r.results {
		item := r.items[i]
		for _, breach := range result.Breaches {
			if slices.Contains(item.Rules.Of(item.Version), breach.Statement) {
				continue // the check itself has failed for it
			}
			d := watcher(item.Version, breach.Statement)
			home := slices.IndexFunc(checks, func(c reports.Check) bool { return c.ID == d.ID(item.Version) })
			if home < 0 {
				checks = append(checks, report(Item{Definition: d, Version: item.Version}, harness.Result{Outcome: harness.Pass}))
				home = len(checks) - 1
			}
			failed := report(Item{Definition: d, Version: item.Version}, harness.Result{
				Outcome: harness.Fail, Events: result.Events,
				Broken: []string{breach.Statement}, Kept: d.Rules.Of(item.Version),
				Reason:   "seen in check " + item.ID() + ": " + breach.Text,
				Expected: "packets that the specification allows", Observed: breach.Text,
			})
			if broken, ok := catalogue.Lookup(item.Version, breach.Statement); ok && broken.Level == catalogue.Should {
				failed.Outcome = reports.Warn // whatever else the check decides
			}
			if c := &checks[home]; c.Outcome == reports.Fail || c.Outcome == failed.Outcome {
				if c.Outcome == failed.Outcome && len(c.Broken) > 0 && !slices.Contains(c.Broken, breach.Statement) {
					c.Broken = append(c.Broken, breach.Statement)
				}
				continue
			}
			failed.DurationMS = checks[home].DurationMS
			checks[home] = failed
		}
	}
	return checks
}

// watcher is the check that answers for a statement which the decoder saw broken.
func watcher(v codec.Version, statement string) *Definition {
	var general *Definition
	for _, d := range registry {
		if d.Watches && slices.Contains(d.Rules.Of(v), statement) {
			return d
		}
		if d.Slug == string(harness.StepWellFormed) {
			general = d
		}
	}
	return general
}

// report is a result in the words of package reports.
func report(item Item, result harness.Result) reports.Check {
	home := item.Home(item.Version)
	level := item.Level(item.Version)
	c := reports.Check{
		ID: item.ID(), Slug: item.Slug, MQTT: item.Version.String(), Title: item.Title,
		Section: home.Section, SectionTitle: home.SectionTitle(), Level: string(level),
		Requirements: item.Rules.Of(item.Version),
		Outcome:      reports.Outcome(result.Outcome),
		DurationMS:   milliseconds(result.Duration),
		Reason:       result.Reason, Expected: result.Expected, Observed: result.Observed,
		Exchange: make([]reports.Event, len(result.Events)),
	}
	if c.Outcome == reports.Fail && level == catalogue.Should {
		c.Outcome = reports.Warn
	}
	if result.Outcome == harness.Fail {
		c.Broken, c.Undecided = shares(c.Requirements, result)
	}
	for i, e := range result.Events {
		c.Exchange[i] = reports.Event{
			TMS: milliseconds(e.At), Conn: e.Conn, Dir: string(rune(e.Dir)), Packet: e.Packet,
			Hex: e.Hex, Length: e.Length, Breach: e.Breach,
		}
	}
	return c
}

// shares says which of a failed check's statements are broken, and which the
// failure has left undecided; without any that is broken, all are.
func shares(statements []string, result harness.Result) (broken, undecided []string) {
	for _, id := range statements {
		switch {
		case slices.Contains(result.Broken, id):
			broken = append(broken, id)
		case !slices.Contains(result.Kept, id):
			undecided = append(undecided, id)
		}
	}
	if len(broken) == 0 || len(broken) == len(statements) {
		return nil, nil
	}
	return broken, undecided
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// Requirements are the catalogue's entries for the versions tested, each with
// the checks that decide it. Their outcomes are for package reports to work out.
func Requirements(versions []codec.Version) []reports.Requirement {
	var all []reports.Requirement
	for _, v := range versions {
		decidedBy := map[string][]string{}
		for _, d := range Definitions() {
			for _, id := range d.Rules.Of(v) {
				decidedBy[id] = append(decidedBy[id], d.ID(v))
			}
		}
		for _, r := range catalogue.Of(v) {
			all = append(all, reports.Requirement{
				ID: r.ID, MQTT: v.String(), Section: r.Section, SectionTitle: r.SectionTitle(),
				Level: string(r.Level), Binds: string(r.Binds), Summary: r.Summary, Link: r.Link(),
				Checks: append([]string{}, decidedBy[r.ID]...), UntestedBecause: r.Untested,
			})
		}
	}
	return all
}

// String names the item for people.
func (i Item) String() string {
	return fmt.Sprintf("%s (%s)", i.ID(), strings.Join(i.Rules.Of(i.Version), ", "))
}
