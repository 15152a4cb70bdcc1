package reports

import (
	"fmt"
	"slices"
	"strings"
)

// precedence is the order in which outcomes speak for a statement: whatever
// stands first among its checks' outcomes is the statement's. Inapplicable is
// last: a statement that was tested at all is judged by what was tested.
var precedence = [...]Outcome{Fail, Error, Warn, Blocked, Waived, Unsteady, Pass, Untried, Inapplicable}

// requirementOutcomes are all outcomes a statement can have.
var requirementOutcomes = append(slices.Clone(Outcomes), Untested)

// Why a statement is untested where the catalogue gives no reason.
const (
	untestedNoCheck = "no check decides it"
	untestedNotRun  = "none of its checks was run"
)

// Summarise works out what follows from r's checks: each statement's outcome,
// the causes, the counts, the verdict and what it speaks of. Call it when the last check is in, and again
// after anything changed an outcome.
func Summarise(r *Results) {
	r.Schema = Schema
	nameCauses(r)
	checks := make(map[string]*Check, len(r.Checks))
	deciding := map[[2]string][]string{} // by version and statement
	r.Summary = Summary{Checks: allCounts(nil, Outcomes), Requirements: map[string]Counts{}}
	for i := range r.Checks {
		c := &r.Checks[i]
		checks[c.ID] = c
		r.Summary.Checks[c.Outcome]++
		for _, id := range c.Requirements {
			key := [2]string{c.MQTT, id}
			deciding[key] = append(deciding[key], c.ID)
		}
	}
	for _, version := range r.MQTT {
		r.Summary.Requirements[version] = allCounts(nil, requirementOutcomes)
	}
	for i := range r.Requirements {
		q := &r.Requirements[i]
		for _, id := range deciding[[2]string{q.MQTT, q.ID}] {
			if !slices.Contains(q.Checks, id) {
				q.Checks = append(slices.Clip(q.Checks), id)
			}
		}
		decide(q, checks)
		counts := r.Summary.Requirements[q.MQTT]
		if counts == nil {
			counts = allCounts(nil, requirementOutcomes)
			r.Summary.Requirements[q.MQTT] = counts
		}
		counts[q.Outcome]++
	}
	r.Summary.Verdict = r.verdict()
	describe(r)
}

// describe fills in what a summary says beside counts and verdict.
func describe(r *Results) {
	causes := map[string]bool{}
	for _, c := range r.Checks {
		if c.failed() {
			causes[c.Cause] = true
		}
	}
	r.Summary.Causes, r.Summary.Scope = len(causes), scope(r)
}

// decide sets q's outcome from those of its checks that were run.
func decide(q *Requirement, checks map[string]*Check) {
	if q.UntestedBecause == untestedNoCheck || q.UntestedBecause == untestedNotRun {
		q.UntestedBecause = ""
	}
	q.Outcome = Untested
	for _, id := range q.Checks {
		c, run := checks[id]
		if !run {
			continue
		}
		if o := c.On(q.ID); q.Outcome == Untested || rank(o) < rank(q.Outcome) {
			q.Outcome = o
		}
	}
	if q.Outcome != Untested || q.UntestedBecause != "" {
		return
	}
	if len(q.Checks) > 0 {
		q.UntestedBecause = untestedNotRun
	} else {
		q.UntestedBecause = untestedNoCheck
	}
}

// rank is an outcome's place in the precedence.
func rank(o Outcome) int {
	if i := slices.Index(precedence[:], o); i >= 0 {
		return i
	}
	return len(precedence)
}

// judged are the versions on which there is a verdict: those that were tested, and
// those that should have been.
func (r *Results) judged() []string {
	versions := slices.Clone(r.MQTT)
	for _, d := range r.Lost() {
		versions = append(versions, d.MQTT)
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// verdict is the worst of the versions' verdicts.
func (r *Results) verdict() Verdict {
	if len(r.MQTT) == 0 {
		return Incomplete
	}
	worst := Conformant
	for _, version := range r.judged() {
		switch r.VerdictOn(version) {
		case Nonconformant:
			return Nonconformant
		case Incomplete:
			worst = Incomplete
		}
	}
	return worst
}

// VerdictOn is what the run says about one protocol version: nonconformant
// where a MUST was seen broken; incomplete where none was but one was left
// undecided, where the broker refuses a basic service, or where nothing was seen
// to pass at all; else conformant. What stayed untried is no matter here: the
// target gave no way to try it, and the scope says so.
func (r *Results) VerdictOn(version string) Verdict {
	g := r.gaps(version)
	switch {
	case g.failed > 0:
		return Nonconformant
	case g.open() || g.passed == 0:
		return Incomplete
	}
	return Conformant
}

// gaps is what stands between a run and a verdict of conformant.
type gaps struct {
	failed, passed           int // checks
	blocked, waived, errored int // checks of a MUST
	notRun                   int // checks of a MUST
	refused                  int // checks that a refusal kept from being tried
	selection, problem       bool
}

func (g gaps) open() bool {
	return g.selection || g.problem || g.blocked+g.waived+g.errored+g.notRun+g.refused > 0
}

// gaps counts for one version, or for all where version is empty.
func (r *Results) gaps(version string) gaps {
	g := gaps{selection: r.Settings.Selection != "", problem: r.Problem != ""}
	run := make(map[string]bool, len(r.Checks))
	for _, c := range r.Checks {
		run[c.ID] = true
		if version != "" && c.MQTT != version {
			continue
		}
		must := c.Level != "SHOULD"
		switch {
		case c.Outcome == Fail:
			g.failed++
		case c.Outcome == Pass, c.Outcome == Unsteady:
			g.passed++
		case c.refuses():
			g.refused++
		case c.Outcome == Blocked && must:
			g.blocked++
		case c.Outcome == Waived && must:
			g.waived++
		case c.Outcome == Error && must:
			g.errored++
		}
	}
	missing := map[string]bool{}
	for _, q := range r.Requirements {
		if q.Level == "SHOULD" || !slices.Contains(r.MQTT, q.MQTT) || version != "" && q.MQTT != version {
			continue
		}
		for _, id := range q.Checks {
			if !run[id] {
				missing[id] = true
			}
		}
	}
	g.notRun = len(missing)
	return g
}

// FailOn is what makes a run gate: the value of --fail-on.
type FailOn string

// What may gate. A harness error or a run that could not be done always does.
const (
	FailOnMust     FailOn = "must"     // a broken MUST gates
	FailOnShould   FailOn = "should"   // a warning gates as well: a broken SHOULD, a rule kept late
	FailOnUnsteady FailOn = "unsteady" // an unsteady check gates, too
	FailOnNever    FailOn = "never"    // nothing the broker does gates
)

// ParseFailOn reads a --fail-on value; empty means must.
func ParseFailOn(s string) (FailOn, error) {
	switch f := FailOn(strings.ToLower(s)); f {
	case "":
		return FailOnMust, nil
	case FailOnMust, FailOnShould, FailOnUnsteady, FailOnNever:
		return f, nil
	}
	return "", fmt.Errorf("--fail-on %q: choose must, should, unsteady or never", Printable(s))
}

// gates says whether one outcome of a check gates under f. Errors are another
// matter: they say nothing about the broker.
func (f FailOn) gates(o Outcome) bool {
	switch f {
	case FailOnNever:
		return false
	case FailOnShould:
		return o == Fail || o == Warn
	case FailOnUnsteady:
		return o == Fail || o == Warn || o == Unsteady
	}
	return o == Fail
}

// Gates says whether the broker broke a rule that gates under failOn.
func Gates(r *Results, failOn FailOn) bool {
	return slices.ContainsFunc(r.Checks, func(c Check) bool { return failOn.gates(c.Outcome) })
}

// The exit statuses of the command.
const (
	ExitOK       = 0 // nothing that gates
	ExitGates    = 1 // the broker breaks rules that gate, or regressed
	ExitUntested = 2 // could not test, or not reliably
)

// ExitStatus is the exit status that r deserves. A run that could not be done, met
// a harness error, lost a version that the broker did not refuse, or could not try
// what --require asks for is 2 whatever else was seen: its failures are reported,
// but it must not be taken for a complete judgement.
func ExitStatus(r *Results, failOn FailOn) int {
	switch {
	case r.Problem != "" || len(r.Lost()) > 0 || len(Unmet(r)) > 0 || slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Outcome == Error }):
		return ExitUntested
	case Gates(r, failOn):
		return ExitGates
	}
	return ExitOK
}
