package reports

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Change is a check whose outcome differs between two runs. Before is nil
// for a check that the base does not have, After for one that is gone.
type Change struct {
	ID            string
	Before, After *Check
}

func (c Change) check() *Check {
	if c.After != nil {
		return c.After
	}
	return c.Before
}

// A Diff is what changed from one run to another, each list in the order of
// the specifications.
type Diff struct {
	Base, New    *Results
	FailOn       FailOn   // what counts as a regression; unsteady checks are no matter but under FailOnUnsteady
	NewlyFailing []Change // fails or warns now and did not, or fails where it warned
	NewlyPassing []Change // failed, warned or was waived, and passes
	Undecided    []Change // was decided, and is blocked or untried now or met a harness error
	Changed      []Change // any other change of outcome
	Appeared     []Change // only in New
	Gone         []Change // only in Base
}

// NewDiff compares two runs check by check. The runs need not be of the same
// broker, nor of the same mqttspec: checks are known by their IDs. What gates under
// failOn is a regression.
func NewDiff(base, after *Results, failOn FailOn) *Diff {
	d := &Diff{Base: base, New: after, FailOn: failOn}
	before := make(map[string]*Check, len(base.Checks))
	for i := range base.Checks {
		before[base.Checks[i].ID] = &base.Checks[i]
	}
	for i := range after.Checks {
		c := &after.Checks[i]
		change := Change{ID: c.ID, Before: before[c.ID], After: c}
		delete(before, c.ID)
		if change.Before == nil {
			d.Appeared = append(d.Appeared, change)
			continue
		}
		was, is := change.Before.Outcome, c.Outcome
		failed, unsteady := change.Before.failed(), was == Unsteady && failOn.gates(Unsteady)
		switch {
		case was == is:
		case is == Fail && (!failed || was == Warn), is == Warn && !failed, is == Unsteady && !failed && failOn.gates(Unsteady):
			d.NewlyFailing = append(d.NewlyFailing, change)
		case is == Pass && (failed || unsteady):
			d.NewlyPassing = append(d.NewlyPassing, change)
		case (is == Blocked || is == Error) && was != Blocked && was != Error,
			is == Untried && (failed || was == Pass || was == Unsteady):
			d.Undecided = append(d.Undecided, change)
		default:
			d.Changed = append(d.Changed, change)
		}
	}
	for i := range base.Checks {
		if c := &base.Checks[i]; before[c.ID] == c {
			d.Gone = append(d.Gone, Change{ID: c.ID, Before: c})
		}
	}
	for _, changes := range [][]Change{d.NewlyFailing, d.NewlyPassing, d.Undecided, d.Changed, d.Appeared, d.Gone} {
		slices.SortStableFunc(changes, func(a, b Change) int {
			x, y := a.check(), b.check()
			return cmp.Or(cmp.Compare(x.MQTT, y.MQTT), compareSections(x.Section, y.Section), cmp.Compare(x.ID, y.ID))
		})
	}
	return d
}

// Regressions are the newly failing checks that gate. A check that appeared and
// fails is none: there is nothing it fell back from.
func (d *Diff) Regressions() []Change {
	var all []Change
	for _, c := range d.NewlyFailing {
		if d.FailOn.gates(c.After.Outcome) {
			all = append(all, c)
		}
	}
	return all
}

// ExitStatus is 1 on regressions; 2 where there are none but the new run was
// cut short, lost a version that the broker did not refuse, or met a harness error
// on a check that used to be decided, so that nobody can say; else 0.
func (d *Diff) ExitStatus() int {
	switch {
	case len(d.Regressions()) > 0:
		return ExitGates
	case d.New.Problem != "" || len(d.New.Lost()) > 0 || slices.ContainsFunc(d.Undecided, func(c Change) bool { return c.After.Outcome == Error }):
		return ExitUntested
	}
	return ExitOK
}

// Sentence is the comparison in one sentence.
func (d *Diff) Sentence() string {
	regressions := len(d.Regressions())
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{len(d.NewlyFailing), "newly failing"}, {len(d.NewlyPassing), "newly passing"}, {len(d.Undecided), "no longer decided"},
		{len(d.Changed), "otherwise changed"}, {len(d.Appeared), "appeared"}, {len(d.Gone), "gone"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if parts == nil {
		parts = []string{"no check changed its outcome"}
	}
	head := "No regression"
	if regressions > 0 {
		head = plural(regressions, "regression")
	}
	s := head + ": " + strings.Join(parts, ", ") + "."
	for _, lost := range d.New.Lost() {
		s += " In the new run " + lost.untested() + "."
	}
	if d.New.Problem != "" {
		s += " The new run was not finished: " + strings.TrimRight(shown(d.New.Problem, maxLine), ". ") + "."
	}
	return s
}

// groups are the lists with their headings, the gravest first.
func (d *Diff) groups() []diffGroup {
	return []diffGroup{
		{"newly failing", Fail, d.NewlyFailing},
		{"no longer decided", Blocked, d.Undecided},
		{"newly passing", Pass, d.NewlyPassing},
		{"otherwise changed", Inapplicable, d.Changed},
		{"appeared", Inapplicable, d.Appeared},
		{"gone", Inapplicable, d.Gone},
	}
}

type diffGroup struct {
	title   string
	outcome Outcome // whose colour and mark it has
	changes []Change
}

// from is the change in words: "pass → fail".
func (c Change) from() string {
	switch {
	case c.Before == nil:
		return string(c.After.Outcome)
	case c.After == nil:
		return "was " + string(c.Before.Outcome)
	}
	return string(c.Before.Outcome) + " → " + string(c.After.Outcome)
}

// WriteText shows the comparison on a console.
func (d *Diff) WriteText(w io.Writer, opts ConsoleOptions) error {
	c := NewConsole(w, opts)
	for _, run := range []struct {
		label string
		*Results
	}{{"base  ", d.Base}, {"new   ", d.New}} {
		c.hang(c.paint(dim, run.label), runName(run.Results), noInk)
		c.hang("      ", shown(run.Summary.Scope, maxLine), dim)
	}
	c.line("")
	for _, g := range d.groups() {
		if len(g.changes) == 0 {
			continue
		}
		c.hang(c.paint(g.outcome.ink(), g.outcome.mark()+" "), fmt.Sprintf("%d %s", len(g.changes), g.title), bold)
		brief := (g.outcome == Inapplicable) && !c.opts.Verbose
		for n, change := range g.changes {
			if brief && n == maxBrief {
				c.hang("    ", fmt.Sprintf("… and %d more", len(g.changes)-n), dim)
				break
			}
			check := change.check()
			c.hang("  "+c.paint(check.Outcome.ink(), check.Outcome.mark())+" ", shown(check.Title, maxLine), noInk, shown(change.ID, 120))
			if brief {
				continue
			}
			line := change.from()
			if reason := shown(check.Reason, maxLine); reason != "" {
				line += ": " + reason
			}
			c.hang("    ", line, dim)
			if g.outcome == Fail {
				c.block("    ", "expected", check.Expected, green)
				c.block("    ", "observed", check.Observed, check.Outcome.ink())
			}
		}
		c.line("")
	}
	i, mark := green, "✔ "
	switch d.ExitStatus() {
	case ExitGates:
		i, mark = redBold, "✖ "
	case ExitUntested:
		i, mark = yellow, "? "
	}
	c.hang(c.paint(i, mark), d.Sentence(), i)
	return c.Err()
}

// maxBrief is how many checks a list that asks for nothing shows.
const maxBrief = 20

// runName is a run in a few words.
func runName(r *Results) string {
	name := BrokerName(r) + ", " + plural(len(r.Checks), "check")
	if !r.Started.IsZero() {
		name += ", " + r.Started.UTC().Format("2006-01-02 15:04")
	}
	if r.Tool.Version != "" {
		name += ", " + shown(strings.TrimSpace(r.Tool.Name+" "+r.Tool.Version), 60)
	}
	return name
}

// WriteMarkdown writes the comparison as Markdown.
func (d *Diff) WriteMarkdown(w io.Writer) error {
	m := markdown{}
	m.heading(2, d.Sentence())
	m.line("Base: " + m.text(runName(d.Base)+". "+shown(d.Base.Summary.Scope, maxLine)) + "  ")
	m.line("New: " + m.text(runName(d.New)+". "+shown(d.New.Summary.Scope, maxLine)))
	m.line("")
	for _, g := range d.groups() {
		if len(g.changes) == 0 {
			continue
		}
		m.heading(3, fmt.Sprintf("%s %d %s", g.outcome.mark(), len(g.changes), g.title))
		for n, change := range g.changes {
			if n == 100 {
				m.line(fmt.Sprintf("- … and %d more", len(g.changes)-n))
				break
			}
			check := change.check()
			line := "- " + m.code(shown(change.ID, 120)) + " " + m.text(shown(check.Title, maxLine)) + " (" + change.from() + ")"
			if reason := shown(check.Reason, maxLine); reason != "" && g.outcome != Pass {
				line += ": " + m.text(reason)
			}
			m.line(line)
		}
		m.line("")
	}
	return m.send(w)
}
