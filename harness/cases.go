package harness

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/onsi/gomega"
)

// concurrentCases is how many cases of one check run at the same time: a case
// that fails waits for its timeout, and they should not add up.
const concurrentCases = 12

// A Case is one row of a table-driven check.
type Case struct {
	Name string
	Body func(x *Exchange)
}

// Each runs one exchange for every row of a table. The check passes when every
// row does; what it reports otherwise names the rows.
func Each[T any](x *Exchange, rows []T, name func(T) string, body func(x *Exchange, row T)) {
	cases := make([]Case, len(rows))
	for i, row := range rows {
		cases[i] = Case{name(row), func(x *Exchange) { body(x, row) }}
	}
	x.Cases(cases...)
}

// Cases runs several exchanges, each with clients, topics and Client
// Identifiers of its own, and joins their verdicts.
func (x *Exchange) Cases(cases ...Case) {
	stops := make([]*stop, len(cases))
	parts := make([]*Exchange, len(cases))
	var group sync.WaitGroup
	slots := make(chan struct{}, concurrentCases)
	for i, c := range cases {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			part := newExchange(x.ctx, x.target, x.Profile, x.settings)
			part.log.start, part.counter = x.log.start, x.counter
			part.about, part.kept = x.about, slices.Clone(x.kept)
			part.Gomega = gomega.NewGomega(part.failGomega)
			parts[i] = part
			stops[i] = part.perform(c.Body)
			cut := lastCut(part.clients)
			x.mu.Lock()
			x.cut = later(x.cut, cut)
			x.mu.Unlock()
			part.leave(x.ctx)
		})
	}
	group.Wait()
	x.join(cases, parts, stops)
}

// caseOrder ranks outcomes: the first that any case has is the check's.
var caseOrder = []Outcome{Fail, Error, Blocked, Pass, Inapplicable}

// join adds up the cases: their transcripts (of failed cases only, when there
// are any), their breaches, and their verdicts.
func (x *Exchange) join(cases []Case, parts []*Exchange, stops []*stop) {
	byOutcome := map[Outcome][]int{}
	for i := range cases {
		outcome := Pass
		if stops[i] != nil {
			outcome = stops[i].outcome
		}
		byOutcome[outcome] = append(byOutcome[outcome], i)
		x.mu.Lock()
		x.cases = append(x.cases, CaseResult{cases[i].Name, outcome, parts[i].breaches})
		x.breaches = append(x.breaches, parts[i].breaches...)
		x.mu.Unlock()
	}
	worst := Pass
	for _, outcome := range caseOrder {
		if len(byOutcome[outcome]) > 0 {
			worst = outcome
			break
		}
	}
	for i, part := range parts {
		if worst == Pass || stops[i] != nil && stops[i].outcome == worst {
			x.log.addAll("case: "+cases[i].Name, part.log.events())
		}
	}
	if worst == Pass {
		return
	}
	joined := &stop{outcome: worst}
	x.about, x.kept = shares(parts, stops)
	var names, expected, observed []string
	for _, i := range byOutcome[worst] {
		names = append(names, cases[i].Name)
		if expected == nil || expected[len(expected)-1] != stops[i].expected {
			expected = append(expected, stops[i].expected)
		}
		observed = append(observed, cases[i].Name+": "+stops[i].observed)
		if joined.reason == "" {
			joined.reason, joined.noConnection = stops[i].reason, stops[i].noConnection
		}
	}
	joined.reason = fmt.Sprintf("%d of %s (%s): %s", len(names), plural(len(cases), "case"), strings.Join(names, ", "), joined.reason)
	joined.expected = strings.Join(expected, "\n")
	if worst == Fail || worst == Blocked {
		joined.observed = strings.Join(observed, "\n")
	}
	panic(joined)
}

// shares says which statements the failed cases are about, nil being all, and
// which are kept in every case.
func shares(parts []*Exchange, stops []*stop) (about, kept []string) {
	all, first := false, true
	for i, s := range stops {
		if s == nil || s.outcome == Inapplicable {
			continue
		}
		part := parts[i]
		if s.outcome == Fail {
			all = all || len(part.about) == 0
			about = append(about, part.about...)
		}
		if first {
			kept, first = slices.Clone(part.kept), false
		}
		kept = slices.DeleteFunc(kept, func(id string) bool { return !slices.Contains(part.kept, id) })
	}
	if all {
		about = nil
	}
	return about, kept
}

// addAll appends another transcript's events under a heading.
func (t *transcript) addAll(heading string, events []Event) {
	t.add("", Note, heading, nil, "")
	for _, e := range events {
		t.append(e)
	}
}
