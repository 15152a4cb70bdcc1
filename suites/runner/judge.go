package runner

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites/catalogue"
)

// facts are all that a verdict goes by. Who gathers them decides nothing, and
// nothing rewrites a verdict that was made of them.
type facts struct {
	// statements are those that the check decides.
	statements []string
	// should says that they are no more than a SHOULD.
	should bool
	// decidedBy names the check that decides each step.
	decidedBy func(harness.Step) string

	// lacks says where the broker declares that it lacks what the check needs;
	// the check was not heard then.
	lacks string
	// interrupted says why the run ended before the check was heard.
	interrupted string
	// givenUp says why the check was not heard: nobody gets a connection any more.
	givenUp string

	evidence harness.Evidence
	broker   condition
	// alone says that nothing else ran at the same time: what became of the
	// broker, this check has brought about.
	alone bool
	// charges are what other checks have seen, for which this one answers.
	charges []charge
}

// condition is what is known of the broker when a check has been heard.
type condition int

const (
	// answering is a broker of which nothing bad is known.
	answering condition = iota
	// silent is one that answers no new connection any more.
	silent
	// wentDown is one that ended every connection while the check was heard.
	wentDown
	// oftenDown is one that does so again and again.
	oftenDown
)

// A charge is a breach that was seen in the exchange of another check.
type charge struct {
	breach harness.Breach
	seenIn string // the check's ID
	events []harness.Event
	should bool // the statement is no more than a SHOULD
}

// A Verdict is what a check says about the broker.
type Verdict struct {
	Outcome                    reports.Outcome
	Reason, Expected, Observed string
	// Broken are those of the check's statements that a failure is about, none
	// being all, and Kept those that were seen to hold.
	Broken, Kept []string
	// Cases are the outcomes of the cases of a table-driven check, by their names.
	Cases  []CaseVerdict
	Events []harness.Event

	// noConnection says that no connection could be had.
	noConnection bool
	// unheard says that this is no verdict yet: the broker went down meanwhile, and
	// the check is to be heard again.
	unheard bool
}

// A CaseVerdict is the outcome of one case.
type CaseVerdict struct {
	Name    string
	Outcome reports.Outcome
}

// failed says whether the broker was seen to break something.
func (v Verdict) failed() bool { return v.Outcome == reports.Fail || v.Outcome == reports.Warn }

// Judge makes the verdict on a check by what its exchange has shown, on a broker
// of which nothing else is known.
func (s *Suite) Judge(d *Definition, v codec.Version, evidence harness.Evidence) Verdict {
	f := s.factsOf(d, v)
	f.evidence = evidence
	return judge(f)
}

// factsOf is what is known of a check before it is heard.
func (s *Suite) factsOf(d *Definition, v codec.Version) facts {
	return facts{
		statements: d.Rules.Of(v), should: d.Level(v) == catalogue.Should,
		decidedBy: func(step harness.Step) string { return s.steps[step] },
	}
}

// judge makes the verdict. It is the only place where an outcome is decided.
func judge(f facts) Verdict {
	v := f.own()
	switch {
	case f.lacks != "" || f.interrupted != "" || f.givenUp != "" || v.Outcome == reports.Pass || v.Outcome == reports.Inapplicable:
		// What became of the broker meanwhile changes nothing about these.
	case f.broker == wentDown && !f.alone:
		v.unheard = true
	case f.broker == wentDown:
		v.Reason += "; meanwhile the broker ended every other connection, too"
	case f.broker == oftenDown:
		v.Outcome = reports.Blocked
		v.Reason = "the broker ended every connection while the check ran, as it did many times: it was restarted, or crashed; seen before: " + v.Reason
	case f.broker == silent && v.Outcome == reports.Fail:
		// A failure that was seen on a broker which, by now, answers nobody says
		// nothing about the rule.
		v.Outcome, v.noConnection = reports.Blocked, true
		v.Reason = fmt.Sprintf("the broker answers no new connection any more (see check %s); seen before: %s", f.decidedBy(harness.StepConnect), v.Reason)
	}
	if v.Outcome == reports.Fail && f.should {
		v.Outcome = reports.Warn
	}
	if v.unheard {
		return v
	}
	for _, c := range f.charges {
		v = f.charged(v, c)
	}
	return v
}

// own is what the check's own exchange says.
func (f facts) own() Verdict {
	switch {
	case f.lacks != "":
		return Verdict{Outcome: reports.Inapplicable, Reason: f.lacks}
	case f.interrupted != "":
		return Verdict{Outcome: reports.Error, Reason: "not run: " + f.interrupted}
	case f.givenUp != "":
		return Verdict{Outcome: reports.Blocked, Reason: "not run: " + f.givenUp, noConnection: true}
	}
	e := f.evidence
	var v Verdict
	if e.Stop.Kind == harness.InCases {
		v = f.ofCases(e)
	} else {
		v = f.ofStop(e.Stop)
		v.Events = harness.Together(e.Events, e.Cases)
		if v.Outcome != reports.Pass {
			v.Broken, v.Kept = e.About, e.Kept
		}
	}
	for _, c := range e.Cases {
		outcome := outcomeOf[c.Stop.Kind]
		if slices.ContainsFunc(c.Breaches, f.decides) {
			outcome = reports.Fail
		}
		v.Cases = append(v.Cases, CaseVerdict{c.Name, outcome})
	}
	for _, b := range e.Breaches {
		if f.decides(b) {
			v = f.breached(v, b)
		}
	}
	return v
}

// decides says whether a breach is of a statement that the check decides.
func (f facts) decides(b harness.Breach) bool { return slices.Contains(f.statements, b.Statement) }

// outcomeOf is what it says of the broker that an exchange has ended so.
var outcomeOf = map[harness.StopKind]reports.Outcome{
	harness.Completed: reports.Pass, harness.Contradicted: reports.Fail, harness.Declined: reports.Inapplicable,
	harness.Unprepared: reports.Blocked, harness.Broken: reports.Error,
}

// ofStop is the verdict on an exchange by what ended it.
func (f facts) ofStop(s harness.Stop) Verdict {
	return Verdict{
		Outcome: outcomeOf[s.Kind], Reason: f.reason(s), Expected: s.Expected, Observed: s.Observed, noConnection: s.NoConnection,
	}
}

// reason names the check that decides about what was missing.
func (f facts) reason(s harness.Stop) string {
	switch {
	case s.Kind != harness.Unprepared || s.Step == "":
		return s.Reason
	case s.Expected != "":
		return fmt.Sprintf("could not be set up (see check %s): %s", f.decidedBy(s.Step), s.Reason)
	}
	return fmt.Sprintf("%s (see check %s)", s.Reason, f.decidedBy(s.Step))
}

// worstFirst ranks the outcomes of cases: the first that any case has is the
// check's.
var worstFirst = []reports.Outcome{reports.Fail, reports.Error, reports.Blocked, reports.Pass, reports.Inapplicable}

// ofCases joins the verdicts of cases: those with the worst outcome are the
// check's, their statements are broken, and their exchanges shown.
func (f facts) ofCases(e harness.Evidence) Verdict {
	var v Verdict
	for _, outcome := range worstFirst {
		if slices.ContainsFunc(e.Cases, func(c harness.CaseEvidence) bool { return outcomeOf[c.Stop.Kind] == outcome }) {
			v.Outcome = outcome
			break
		}
	}
	var worst []harness.CaseEvidence
	var names, expected, observed []string
	for _, c := range e.Cases {
		if outcomeOf[c.Stop.Kind] != v.Outcome {
			continue
		}
		worst = append(worst, c)
		names = append(names, c.Name)
		if expected == nil || expected[len(expected)-1] != c.Stop.Expected {
			expected = append(expected, c.Stop.Expected)
		}
		observed = append(observed, c.Name+": "+c.Stop.Observed)
	}
	v.noConnection = worst[0].Stop.NoConnection
	v.Reason = fmt.Sprintf("%d of %d cases (%s): %s", len(names), len(e.Cases), strings.Join(names, ", "), f.reason(worst[0].Stop))
	if len(e.Cases) == 1 {
		v.Reason = fmt.Sprintf("1 of 1 case (%s): %s", names[0], f.reason(worst[0].Stop))
	}
	v.Expected = strings.Join(expected, "\n")
	if v.Outcome == reports.Fail || v.Outcome == reports.Blocked {
		v.Observed = strings.Join(observed, "\n")
	}
	v.Broken, v.Kept = shares(e.Cases)
	v.Events = harness.Together(e.Events, worst)
	return v
}

// shares says which statements the failed cases are about, nil being all, and
// which are kept in every case that came to a stop.
func shares(cases []harness.CaseEvidence) (about, kept []string) {
	all, first := false, true
	for _, c := range cases {
		if c.Stop.Kind == harness.Completed || c.Stop.Kind == harness.Declined {
			continue
		}
		if c.Stop.Kind == harness.Contradicted {
			all = all || len(c.About) == 0
			about = append(about, c.About...)
		}
		if first {
			kept, first = slices.Clone(c.Kept), false
		}
		kept = slices.DeleteFunc(kept, func(id string) bool { return !slices.Contains(c.Kept, id) })
	}
	if all {
		about = nil
	}
	return about, kept
}

// allowed is what is expected of every packet.
const allowed = "packets that the specification allows"

// breached adds to a verdict that a packet in the check's own exchange has
// broken one of its statements.
func (f facts) breached(v Verdict, b harness.Breach) Verdict {
	switch v.Outcome {
	case reports.Pass, reports.Blocked:
		if v.Outcome == reports.Pass {
			v.Kept = f.statements
		}
		v.Outcome, v.Reason, v.Broken = reports.Fail, b.Text, []string{b.Statement}
		v.Expected, v.Observed = allowed, b.Text
	case reports.Fail:
		v.Broken = alsoBroken(v.Broken, b.Statement)
	}
	return v
}

// alsoBroken adds a statement to those that a failure is about; none are all.
func alsoBroken(broken []string, statement string) []string {
	if len(broken) == 0 || slices.Contains(broken, statement) {
		return broken
	}
	return append(slices.Clone(broken), statement)
}

// charged adds to a verdict what was seen in another check's exchange: presence
// stands, whatever the check's own exchange has shown.
func (f facts) charged(v Verdict, c charge) Verdict {
	outcome := reports.Fail
	if c.should {
		outcome = reports.Warn // whatever else the check decides
	}
	switch {
	case v.Outcome == outcome && f.decides(c.breach):
		v.Broken = alsoBroken(v.Broken, c.breach.Statement)
		return v
	case v.Outcome == reports.Fail, v.Outcome == reports.Error && c.should, v.Outcome == outcome:
		return v
	}
	return Verdict{
		Outcome: outcome, Reason: "seen in check " + c.seenIn + ": " + c.breach.Text,
		Expected: allowed, Observed: c.breach.Text, Broken: []string{c.breach.Statement}, Kept: f.statements,
		Cases: v.Cases, Events: c.events, noConnection: v.noConnection,
	}
}

// result is a verdict in the words of package reports.
func (i Item) result(v Verdict, evidence harness.Evidence) reports.Check {
	home := i.Home(i.Version)
	c := reports.Check{
		ID: i.ID(), Slug: i.Slug, MQTT: i.Version.String(), Title: i.Title,
		Section: home.Section, SectionTitle: home.SectionTitle(), Level: string(i.Level(i.Version)),
		Requirements: i.Rules.Of(i.Version),
		Outcome:      v.Outcome, DurationMS: milliseconds(evidence.Duration),
		Reason: v.Reason, Expected: v.Expected, Observed: v.Observed,
		Exchange: make([]reports.Event, len(v.Events)),
	}
	if v.failed() {
		c.Broken, c.Undecided = accused(c.Requirements, v)
		c.Why = i.Why
	}
	for n, e := range v.Events {
		c.Exchange[n] = reports.Event{
			TMS: milliseconds(e.At), Conn: e.Conn, Dir: string(rune(e.Dir)), Packet: e.Packet,
			Hex: e.Hex, Length: e.Length, Breach: e.Breach,
		}
	}
	return c
}

// accused says which of a failed check's statements are broken, and which the
// failure has left undecided; without any that is broken, all are.
func accused(statements []string, v Verdict) (broken, undecided []string) {
	for _, id := range statements {
		switch {
		case slices.Contains(v.Broken, id):
			broken = append(broken, id)
		case !slices.Contains(v.Kept, id):
			undecided = append(undecided, id)
		}
	}
	if len(broken) == 0 || len(broken) == len(statements) {
		return nil, nil
	}
	return broken, undecided
}
