package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/times"
	"mqttspec/reports"
	"mqttspec/suites/catalogue"
)

// A Run is a plan being carried out. Checks run on goroutines, as many at a
// time as the run allows; whoever wants a check's result waits for it.
type Run struct {
	Settings harness.Settings
	Parallel int
	// Patience is how long a duty to which the specification sets no time has when a
	// check is heard again.
	Patience time.Duration
	// Done is told of every check, one at a time, when its verdict has been made:
	// of one that answers for what others show, that is when it has failed or nobody
	// runs any more.
	Done func(reports.Check)

	suite     *Suite
	ledger    *ledger
	watchdogs map[*harness.Target]*harness.Watchdog

	mu           sync.Mutex // guards what follows
	noConnection int        // checks in a row that got no connection
}

// giveUpFactor is how many checks in a row, by the number of checks that run at
// the same time, may get no connection before the rest are given up: a broker
// that has died, or answers no one any more, does not cost every check its timeout.
const giveUpFactor = 2

// NewRun prepares a run.
func (s *Suite) NewRun(settings harness.Settings, parallel int, items []Item) *Run {
	settings.Control = true
	r := &Run{Settings: settings, Parallel: max(1, parallel), Patience: DefaultPatience, Done: func(reports.Check) {}, suite: s}
	r.ledger = newLedger(s, items, func(c reports.Check) { r.Done(c) })
	return r
}

// Items is the plan.
func (r *Run) Items() []Item { return r.ledger.plan }

// Start begins to run the checks and returns. When ctx ends, what has not run
// ends as an error that says so.
func (r *Run) Start(ctx context.Context) {
	go func() {
		var shared, alone []int
		for i, item := range r.ledger.plan {
			if item.Alone {
				alone = append(alone, i)
			} else {
				shared = append(shared, i)
			}
		}
		// The longest first, so that the run lasts no longer than they do.
		slices.SortStableFunc(shared, func(a, b int) int { return int(r.ledger.plan[b].Takes - r.ledger.plan[a].Takes) })
		r.watch(ctx, shared)
		again := r.overlapping(ctx, shared)
		again = r.overlapping(ctx, again)
		r.oneByOne(ctx, again)
		r.hearAgain(ctx)
		r.endWatch()
		for _, i := range alone {
			for range mostHearings {
				if r.hear(ctx, i, true) {
					break
				}
			}
		}
		r.ledger.close()
	}()
}

// overlapping hears checks at the same time and returns those on which there is
// no verdict yet, because the broker went down.
func (r *Run) overlapping(ctx context.Context, items []int) (again []int) {
	queue := make(chan int)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range min(r.Parallel, len(items)) {
		workers.Go(func() {
			for i := range queue {
				if !r.hear(ctx, i, false) && r.ledger.unheard(i) {
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

// tolerableOutages is how many times the broker may go down while checks run one
// by one; beyond it the broker does not stay up long enough to ask each.
const tolerableOutages = 10

// oneByOne hears checks of which one seems to bring the broker down: the one
// that runs alone when it goes down again has failed.
func (r *Run) oneByOne(ctx context.Context, items []int) {
	before := r.outages()
	for _, i := range items {
		if r.outages()-before < tolerableOutages {
			r.hear(ctx, i, true)
		} else {
			r.ledger.conclude(i, func(f *facts) { f.broker = oftenDown })
		}
	}
}

// outages is how often any of the brokers was seen to go down.
func (r *Run) outages() (n int) {
	for _, w := range r.watchdogs {
		n += w.Restarts()
	}
	return n
}

// watch watches over the brokers that the checks run on.
func (r *Run) watch(ctx context.Context, items []int) {
	r.watchdogs = map[*harness.Target]*harness.Watchdog{}
	for _, i := range items {
		if item := r.ledger.plan[i]; item.runs() && r.watchdogs[item.Target] == nil {
			r.watchdogs[item.Target] = harness.Watch(ctx, item.Target, item.Profile, r.Settings)
		}
	}
	for _, w := range r.watchdogs {
		w.Ready()
	}
}

func (r *Run) endWatch() {
	for _, w := range r.watchdogs {
		w.End()
	}
	r.watchdogs = nil
}

// hear performs a check and gathers the facts about it; false says that they
// make no verdict, and the check has to be heard again.
func (r *Run) hear(ctx context.Context, i int, alone bool) bool {
	item := r.ledger.plan[i]
	f := r.suite.factsOf(item.Definition, item.Version)
	f.lacks, f.untried, f.alone = item.Lacks, item.untried(), alone
	switch {
	case !item.runs():
	case ctx.Err() != nil:
		f.interrupted = context.Cause(ctx).Error()
	case r.gaveUp():
		f.givenUp = fmt.Sprintf("the last %d checks got no connection (see check %s)", giveUpFactor*r.Parallel, f.decider(harness.Stop{Step: harness.StepConnect}))
	default:
		settings := r.Settings
		settings.CheckTimeout += 2 * item.Takes
		if f.before = r.ledger.heard(i); f.before != nil {
			settings = r.patient(settings, item)
		}
		if slices.Contains(item.Needs, harness.Restarting) || slices.Contains(item.Needs, harness.Killing) {
			settings.CheckTimeout += times.Restart
		}
		f.evidence = harness.Perform(ctx, item.Target, item.Profile, settings, item.Body)
		f.broker = r.condition(ctx, item, judge(f), f)
	}
	v := r.ledger.enter(i, f)
	if v.unheard {
		return false
	}
	r.count(item, v)
	return !v.missing
}

// condition is what is known of the broker after a check has been heard, as far
// as it matters to the verdict that the check's exchange would make.
func (r *Run) condition(ctx context.Context, item Item, v Verdict, f facts) condition {
	if v.Outcome == reports.Pass || v.Outcome == reports.Inapplicable {
		return answering
	}
	dead := v.failed() && !harness.Alive(ctx, item.Target, item.Profile, r.Settings)
	switch {
	case dead && f.alone:
		return silent // and stays away: nothing tells who has stopped it
	case ctx.Err() == nil && r.watchdogs[item.Target].WentDown(f.evidence.Began, f.evidence.BrokerClosedAt):
		return wentDown
	case dead:
		return silent
	}
	return answering
}

// count counts the checks in a row that got no connection.
func (r *Run) count(item Item, v Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case v.noConnection:
		r.noConnection++
	case item.runs() && r.noConnection < giveUpFactor*r.Parallel:
		r.noConnection = 0
	}
}

// gaveUp says whether so many checks got no connection that none will.
func (r *Run) gaveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.noConnection >= giveUpFactor*r.Parallel
}

// Wait waits for the verdict on the check at this place of the plan.
func (r *Run) Wait(i int) reports.Check { return r.ledger.wait(i) }

// Checks waits for all checks and returns their results in the order of the
// plan. Checks that were not selected, and have failed by what others saw, follow.
func (r *Run) Checks() []reports.Check { return r.ledger.checks() }

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// Requirements are the catalogue's entries for the versions tested, each with
// the checks that decide it. Their outcomes are for package reports to work out.
func (s *Suite) Requirements(versions []codec.Version) []reports.Requirement {
	var all []reports.Requirement
	for _, v := range versions {
		decidedBy := map[string][]string{}
		for _, d := range s.definitions {
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
