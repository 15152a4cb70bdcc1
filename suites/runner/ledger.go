package runner

import (
	"slices"
	"sync"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites/catalogue"
)

// A ledger holds what is known of every check of a run. It charges a breach to
// the check that answers for the statement as soon as the check in which it was
// seen has ended, and tells of every verdict once: when nothing can change its
// outcome any more.
type ledger struct {
	suite *Suite
	plan  []Item
	done  func(reports.Check)

	entries []*entry // of the plan
	telling sync.Mutex

	mu    sync.Mutex // guards what is in the entries, and what follows
	added []*entry   // of checks that were not selected, and are charged
}

// An entry is one check of the ledger.
type entry struct {
	item    Item
	facts   facts
	heard   bool // the facts are all there, but for charges
	verdict Verdict
	telling bool          // done is being told, or has been
	told    chan struct{} // closed when done has been told
	// report is the result, once nothing can be added to it: the evidence, which
	// takes room, is then gone.
	report *reports.Check
}

// newLedger opens a ledger; done is told of every verdict, one at a time.
func newLedger(s *Suite, plan []Item, done func(reports.Check)) *ledger {
	l := &ledger{suite: s, plan: plan, done: done}
	for _, item := range plan {
		l.entries = append(l.entries, l.entry(item))
	}
	return l
}

func (l *ledger) entry(item Item) *entry {
	return &entry{item: item, facts: l.suite.factsOf(item.Definition, item.Version), told: make(chan struct{})}
}

// enter takes the facts about a check, and makes the verdict if they suffice for
// one; see Verdict.unheard and Verdict.missing.
func (l *ledger) enter(i int, f facts) Verdict {
	l.mu.Lock()
	e := l.entries[i]
	f.charges = e.facts.charges
	e.facts = f
	v := judge(f)
	if v.unheard || v.missing {
		e.verdict, e.facts.evidence = v, thinned(f.evidence)
		l.mu.Unlock()
		return v
	}
	changed := append(l.settle(e, v), l.charge(e)...)
	l.mu.Unlock()
	l.tell(changed)
	return v
}

// conclude makes the verdict on a check that was to be heard again, and won't be.
func (l *ledger) conclude(i int, change func(*facts)) {
	l.mu.Lock()
	f := l.entries[i].facts
	l.mu.Unlock()
	change(&f)
	l.enter(i, f)
}

// heard are the hearings of a check in which something was missing so far.
func (l *ledger) heard(i int) []harness.Evidence {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[i]
	switch {
	case e.heard:
		return nil
	case e.verdict.missing:
		return append(slices.Clone(e.facts.before), e.facts.evidence)
	}
	return e.facts.before // the last hearing met an outage
}

// overhears says whether a check was sent what everybody is when it was heard.
func (l *ledger) overhears(i int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[i].facts.evidence.Overhears
}

// unheard says whether a check is yet to be heard: nobody has begun with it, or the
// broker went down meanwhile.
func (l *ledger) unheard(i int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.entries[i].heard && !l.entries[i].verdict.missing
}

// pending says whether a check has been heard, and is to be heard again.
func (l *ledger) pending(i int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[i]
	return !e.heard && (e.verdict.unheard || e.verdict.missing)
}

// open are the checks that are to be heard again for what was missing: those that
// have failed by it, and those that stand on something, by the check that decides
// that.
func (l *ledger) open() (failed []int, blocked map[string][]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	blocked = map[string][]int{}
	for i, e := range l.entries {
		switch {
		case e.heard || !e.verdict.missing:
		case e.verdict.Outcome == reports.Blocked && e.verdict.BlockedBy != "":
			decider := l.suite.Lookup(e.verdict.BlockedBy).ID(e.item.Version)
			blocked[decider] = append(blocked[decider], i)
		default:
			failed = append(failed, i)
		}
	}
	return failed, blocked
}

// failed says whether the check with this ID is known to have failed.
func (l *ledger) failed(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(slices.Concat(l.entries, l.added), func(e *entry) bool {
		return e.heard && e.verdict.failed() && e.item.ID() == id
	})
}

// settle enters a verdict and returns the entry if it is to be told. The caller
// holds the lock.
func (l *ledger) settle(e *entry, v Verdict) []*entry {
	e.heard, e.verdict = true, v
	if e.telling || l.suite.answers(e.item.Definition) && v.Outcome != reports.Fail {
		return nil // told already, or it may still be charged
	}
	e.telling = true
	return []*entry{e}
}

// charge charges what a check's exchanges have shown of others to those that
// answer for it, and returns whom that has changed. The caller holds the lock.
func (l *ledger) charge(seenIn *entry) (changed []*entry) {
	to := func(home *Definition, c charge) {
		v := seenIn.item.Version
		if !slices.Contains(home.Versions(), v) {
			return
		}
		e := l.home(v, home)
		c.seenIn, c.events = seenIn.item.ID(), seenIn.verdict.Events
		e.facts.charges = append(e.facts.charges, c)
		if e.heard {
			changed = append(changed, l.settle(e, judge(e.facts))...)
		}
	}
	f := seenIn.facts
	var breaches []harness.Breach
	for _, e := range append(slices.Clone(f.before), f.evidence) {
		breaches = append(breaches, e.Breaches...)
	}
	for _, b := range breaches {
		if f.decides(b) {
			continue // the check itself has failed for it
		}
		v := seenIn.item.Version
		c := charge{outcome: reports.Fail, statement: b.Statement, reason: b.Text, expected: allowed, observed: b.Text}
		if r, _ := catalogue.Lookup(v, b.Statement); r.Level == catalogue.Should {
			c.outcome = reports.Warn
		}
		to(l.suite.watcher(v, b.Statement), c)
	}
	for _, c := range f.steps(seenIn.verdict) {
		home := l.suite.Lookup(c.decider)
		if c.statement == "" {
			c.statement = home.Home(seenIn.item.Version).ID // the step itself, and not what else the check sees of it
		}
		if c.outcome == reports.Fail && home.Level(seenIn.item.Version) == catalogue.Should {
			c.outcome = reports.Warn
		}
		to(home, c.charge)
	}
	return changed
}

// home is the entry of a check that answers for a statement; one that was not
// selected gets one. The caller holds the lock.
func (l *ledger) home(v codec.Version, d *Definition) *entry {
	for _, e := range slices.Concat(l.entries, l.added) {
		if e.item.Slug == d.Slug && e.item.Version == v {
			return e
		}
	}
	e := l.entry(Item{Definition: d, Version: v})
	e.heard = true
	l.added = append(l.added, e)
	return e
}

// close tells of the checks that could have been charged until now.
func (l *ledger) close() {
	l.mu.Lock()
	var rest []*entry
	for _, e := range slices.Concat(l.entries, l.added) {
		if !e.telling {
			e.telling = true
			rest = append(rest, e)
		}
	}
	l.mu.Unlock()
	l.tell(rest)
}

// tell tells of verdicts, one at a time.
func (l *ledger) tell(entries []*entry) {
	for _, e := range entries {
		l.telling.Lock()
		l.done(l.result(e))
		l.telling.Unlock()
		close(e.told) // whoever waits for the check finds done told of it
	}
}

// result is what is known of a check now.
func (l *ledger) result(e *entry) reports.Check {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.report != nil {
		return *e.report
	}
	c := e.item.result(e.verdict, e.facts.evidence)
	if e.telling && !l.suite.answers(e.item.Definition) {
		e.report, e.facts, e.verdict = &c, facts{}, Verdict{}
	}
	return c
}

// wait waits for the verdict on a check of the plan.
func (l *ledger) wait(i int) reports.Check {
	e := l.entries[i]
	<-e.told
	return l.result(e)
}

// checks waits for all verdicts.
func (l *ledger) checks() []reports.Check {
	var all []reports.Check
	for i := range l.plan {
		all = append(all, l.wait(i))
	}
	l.mu.Lock()
	added := l.added
	l.mu.Unlock()
	for _, e := range added {
		<-e.told
		all = append(all, l.result(e))
	}
	return all
}
