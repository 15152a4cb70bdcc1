package runner

import (
	"context"
	"errors"
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

	suite   *Suite
	ledger  *ledger
	targets []*harness.Target // in the order of the plan
	health  map[*harness.Target]*harness.Health
	room    *harness.Room // for the checks that run
	ended   chan struct{}

	mu         sync.Mutex                   // guards what follows
	crowd      *harness.Crowd               // what the broker did not bear
	hits       map[int]bool                 // the checks into whose time an outage fell
	culprits   map[*harness.Target][]string // those that bring the broker down
	strays     int                          // messages that reached clients of other checks
	firstStray string
}

// NewRun prepares a run.
func (s *Suite) NewRun(settings harness.Settings, parallel int, items []Item) *Run {
	settings.Control = true
	r := &Run{
		Settings: settings, Parallel: max(1, parallel), Patience: DefaultPatience, Done: func(reports.Check) {}, suite: s,
		ended: make(chan struct{}), hits: map[int]bool{}, culprits: map[*harness.Target][]string{},
	}
	r.ledger = newLedger(s, items, func(c reports.Check) { r.Done(c) })
	return r
}

// Items is the plan.
func (r *Run) Items() []Item { return r.ledger.plan }

// Start begins to run the checks and returns. When ctx ends, what has not run
// ends as an error that says so.
func (r *Run) Start(ctx context.Context) {
	go func() {
		defer close(r.ended)
		var shared, owning []int
		for i, item := range r.ledger.plan {
			if item.Alone {
				owning = append(owning, i)
			} else {
				shared = append(shared, i)
			}
		}
		// The longest first, so that the run lasts no longer than they do.
		slices.SortStableFunc(shared, func(a, b int) int { return int(r.ledger.plan[b].Takes - r.ledger.plan[a].Takes) })
		r.room = harness.NewRoom(r.Parallel, nil)
		r.watch(ctx)
		again := r.overlapping(ctx, shared)
		if r.outages() == 0 { // the broker had too many clients
			again = r.fewAtATime(ctx, again)
		}
		r.oneByOne(ctx, again)
		r.hearAgain(ctx)
		for _, h := range r.health {
			h.Rest()
		}
		for _, i := range owning {
			r.hearAlone(ctx, i, func() bool { return !r.ledger.pending(i) })
		}
		r.endWatch()
		r.ledger.close()
	}()
}

// overlapping hears checks at the same time and returns those that are to be heard
// again because the broker went down, or had too many clients. Where it has gone down
// more than once nobody else is begun with.
func (r *Run) overlapping(ctx context.Context, items []int) (again []int) {
	queue := make(chan int)
	var unheard indices
	var workers, verdicts sync.WaitGroup
	for range min(r.Parallel, len(items)) {
		workers.Go(func() {
			for i := range queue {
				r.room.Enter()
				verdict := r.hear(ctx, i, besideMany)
				r.room.Leave()
				verdicts.Go(func() { // whether the broker was well meanwhile turns out later
					if !verdict() && r.ledger.unheard(i) {
						unheard.add(i)
					}
				})
			}
		})
	}
	for _, i := range items {
		if r.outages() > 1 {
			unheard.add(i)
			continue
		}
		queue <- i
	}
	close(queue)
	workers.Wait()
	for _, h := range r.health {
		h.Hurry()
	}
	verdicts.Wait()
	return unheard.all
}

// outages is how often brokers have gone down so far.
func (r *Run) outages() (n int) {
	for _, h := range r.health {
		n += len(h.Outages())
	}
	return n
}

// indices are checks by their place in the plan.
type indices struct {
	mu  sync.Mutex
	all []int
}

func (n *indices) add(i int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, i)
}

// oneByOne hears checks of which one seems to bring the broker down: the one
// that runs alone when it goes down again has failed. Each is tried by itself, up to
// where it only waits; those that the broker bears are heard together, and by
// themselves to their ends only where it goes down once more.
func (r *Run) oneByOne(ctx context.Context, items []int) {
	unheard := func(items []int) []int {
		return slices.DeleteFunc(slices.Clone(items), func(i int) bool { return !r.ledger.unheard(i) })
	}
	if len(items) > 1 {
		for _, i := range items {
			r.hear(ctx, i, tried)()
		}
		items = r.besides(ctx, r.Parallel, unheard(items))
	}
	for _, i := range unheard(items) {
		r.hearAlone(ctx, i, func() bool { return !r.ledger.unheard(i) })
	}
}

// hearAlone hears a check by itself until that is enough. A hearing may be cut
// short, to see whether the broker is well; the last one counts.
func (r *Run) hearAlone(ctx context.Context, i int, enough func() bool) {
	for range mostHearings + 1 {
		if r.hear(ctx, i, alone)() || enough() {
			return
		}
	}
	r.ledger.conclude(i, func(f *facts) { f.found, f.unrepeatable = harness.Found{}, "the broker was not well" })
}

// watch watches over the brokers that the checks run on.
func (r *Run) watch(ctx context.Context) {
	r.health = map[*harness.Target]*harness.Health{}
	for _, item := range r.ledger.plan {
		if item.runs() && r.health[item.Target] == nil {
			r.targets = append(r.targets, item.Target)
			r.health[item.Target] = harness.WatchOver(ctx, item.Target, r.welcome(item), r.Settings, 2*max(r.Parallel, DefaultParallel), r.crowded)
		}
	}
	for _, h := range r.health {
		h.Ready()
	}
}

// welcome is the profile of a version on which the item's broker lets clients in,
// if there is one: whether it is well is not asked on one that it may not speak.
func (r *Run) welcome(item Item) *harness.Profile {
	for _, i := range r.ledger.plan {
		if i.Target == item.Target && i.runs() && i.Profile.Answer == harness.Accepts {
			return i.Profile
		}
	}
	return item.Profile
}

func (r *Run) endWatch() {
	for _, h := range r.health {
		h.End()
	}
}

// leastParallel is how many checks run at the same time at least, if the run
// allows as many.
const leastParallel = 4

// connectionsPerCheck are, roughly, the connections that a check has at the same
// time.
const connectionsPerCheck = 3

// crowded lets fewer checks run at the same time.
func (r *Run) crowded(c harness.Crowd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := r.room.Size() / 2
	if c.Connections > 0 {
		most = min(r.room.Size(), c.Connections/connectionsPerCheck)
	}
	r.room.Shrink(max(most, leastParallel))
	if r.crowd == nil || c.Connections > 0 {
		r.crowd = &c
	}
}

// company says beside how many others a check is heard.
type company int

const (
	besideMany company = iota
	// besideFew is where it matters which of those that run brings the broker down.
	besideFew
	// tried is alone, and no further than where the check does no more than wait: what
	// has not ended by then is no hearing.
	tried
	alone
)

// hear performs a check. What is returned gathers the facts about it, once it is
// known how the broker was meanwhile; false says that they make no verdict, and
// the check has to be heard again.
func (r *Run) hear(ctx context.Context, i int, beside company) (verdict func() bool) {
	item := r.ledger.plan[i]
	f := r.suite.factsOf(item.Definition, item.Version)
	f.lacks, f.untried, f.needs, f.alone = item.Lacks, item.untried(), item.Untried, beside >= tried
	f.restarts = slices.Contains(item.Needs, harness.Restarting) || slices.Contains(item.Needs, harness.Killing)
	enter := func() bool {
		v := r.ledger.enter(i, f)
		r.accuse(item, v)
		return !v.unheard && !v.missing
	}
	if !item.runs() {
		return enter
	}
	visit, err := r.health[item.Target].Enter(ctx, item.ID(), f.restarts)
	if gone := (*harness.Outage)(nil); errors.As(err, &gone) {
		return func() bool { return r.giveUp(i, f, gone) }
	}
	if err != nil {
		f.interrupted = err.Error()
		return enter
	}
	settings := r.Settings
	settings.CheckTimeout += 2 * item.Takes
	if f.before = r.ledger.heard(i); f.before != nil {
		settings = r.patient(settings, item, f.before)
	}
	if f.restarts {
		settings.CheckTimeout += times.Restart
	}
	trying, stop := context.WithCancel(visit.Context())
	defer stop()
	if beside == tried {
		settings.Idle = func() (over func()) { stop(); return func() {} }
	}
	f.evidence = harness.Perform(trying, item.Target, item.Profile, settings, item.Body)
	stopped := beside == tried && trying.Err() != nil
	r.stray(item, f.evidence.Strays)
	seen := judge(f)
	visit.Leave(beside != besideMany || seen.Outcome != reports.Pass || seen.missing, f.evidence)
	return func() bool {
		f.found = visit.Found(ctx)
		switch o := f.found.Outage; {
		case o != nil:
			// Once may be by chance: somebody else may have restarted the broker.
			f.alone = r.hit(i) && (beside >= tried || len(o.During) == 1)
		case stopped, beside == tried && f.found.Crowded:
			return false
		}
		return enter()
	}
}

// giveUp makes the verdict on a check that cannot be heard, or not again.
func (r *Run) giveUp(i int, f facts, gone *harness.Outage) bool {
	if r.ledger.pending(i) {
		r.ledger.conclude(i, func(f *facts) { f.found, f.unrepeatable = harness.Found{Outage: gone}, gone.Error() })
	} else {
		f.found, f.unrun = harness.Found{Outage: gone}, true
		r.ledger.enter(i, f)
	}
	return true
}

// stray notes the messages that belonged to other checks.
func (r *Run) stray(item Item, strays []harness.Stray) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.strays += len(strays); r.firstStray == "" && len(strays) > 0 {
		r.firstStray = fmt.Sprintf("%s, by client %s in check %s", strays[0].Packet, strays[0].Conn, item.ID())
	}
}

// hit notes that an outage fell into the time of a check, and says whether one did
// before.
func (r *Run) hit(i int) (before bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.hits[i]
	r.hits[i] = true
	return before
}

// accuse remembers a check that has brought the broker down.
func (r *Run) accuse(item Item, v Verdict) {
	if v.culprit {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.culprits[item.Target] = append(r.culprits[item.Target], item.ID())
	}
}

// Wait waits for the verdict on the check at this place of the plan.
func (r *Run) Wait(i int) reports.Check { return r.ledger.wait(i) }

// Checks waits for all checks and returns their results in the order of the
// plan. Checks that were not selected, and have failed by what others saw, follow.
func (r *Run) Checks() []reports.Check {
	checks := r.ledger.checks()
	<-r.ended
	return checks
}

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
