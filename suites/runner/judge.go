package runner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites/catalogue"
)

// facts are all that a verdict goes by. Who gathers them decides nothing, and
// nothing rewrites a verdict that was made of them.
type facts struct {
	// id and slug are the check's, and statements are those that it decides.
	id, slug   string
	statements []string
	// should says that they are no more than a SHOULD.
	should bool
	// decider names the check that decides what an exchange stands on.
	decider func(harness.Stop) string

	// lacks says where the broker declares that it lacks what the check needs;
	// the check was not heard then.
	lacks string
	// untried says what the target does not give, which the check needs; it was not
	// heard then either.
	untried string
	needs   harness.Need
	// interrupted says why the run ended before the check was heard.
	interrupted string
	// unrun says that the check was not heard, because of the outage.
	unrun bool

	evidence harness.Evidence
	// before are earlier hearings, where something was missing: what the check has
	// shown last does not speak for itself then.
	before []harness.Evidence
	// unrepeatable says why the check can't be heard again, where it can't.
	unrepeatable string
	// found is what is known of the broker while the check was heard.
	found harness.Found
	// alone says that nothing else ran at the same time: what became of the
	// broker, this check has brought about, if it does not restart it.
	alone, restarts bool
	// charges are what other checks have seen, for which this one answers.
	charges []charge
}

// A charge is what the exchange of another check has shown, for which this one
// answers: a breach of one of its statements, or that a step which it decides was
// not taken.
type charge struct {
	outcome            reports.Outcome // Fail, Warn or Unsteady
	statement          string          // "": all that the check decides
	reason             string
	expected, observed string
	seenIn             string // the check's ID
	events             []harness.Event
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
	// SeenIn is the ID of the check whose exchange has shown this, where it is another.
	SeenIn string
	// Refused is the service that the broker refuses by its own choice, and Needs what
	// the target does not give, of a check that could not be tried for that.
	Refused string
	Needs   harness.Need
	// BlockedBy is the slug of the check that decides what a blocked one stands on.
	BlockedBy string
	// First is what the check has shown when it was heard first, where it was heard
	// again.
	First *Verdict

	// culprit says that the check has brought the broker down.
	culprit bool
	// took is how long the hearing took.
	took time.Duration
	// unheard says that this is no verdict yet: the broker went down meanwhile, and
	// the check is to be heard again.
	unheard bool
	// missing says that this is no verdict yet: something was missing, which convicts
	// nobody at the first hearing.
	missing bool
}

// A CaseVerdict is the outcome of one case.
type CaseVerdict struct {
	Name    string
	Outcome reports.Outcome
}

// failed says whether the broker was seen to break something.
func (v Verdict) failed() bool { return v.Outcome == reports.Fail || v.Outcome == reports.Warn }

// Judge makes the verdict on a check by what its exchange has shown twice, on a
// broker of which nothing else is known.
func (s *Suite) Judge(d *Definition, v codec.Version, evidence harness.Evidence) Verdict {
	f := s.factsOf(d, v)
	f.evidence = evidence
	if v := judge(f); !v.missing {
		return v
	}
	f.before = []harness.Evidence{evidence}
	return judge(f)
}

// factsOf is what is known of a check before it is heard.
func (s *Suite) factsOf(d *Definition, v codec.Version) facts {
	return facts{
		id: d.ID(v), slug: d.Slug, statements: d.Rules.Of(v), should: d.Level(v) == catalogue.Should,
		decider: func(stop harness.Stop) string { return s.decider(v, stop) },
	}
}

// judge makes the verdict. It is the only place where an outcome is decided.
func judge(f facts) Verdict {
	v := f.own()
	if v.Outcome == reports.Fail && f.should {
		v.Outcome = reports.Warn
	}
	if f.lacks == "" && f.untried == "" && f.interrupted == "" {
		v = f.inView(v)
	}
	if v.unheard || v.missing {
		return v
	}
	for _, c := range f.charges {
		v = f.charged(v, c)
	}
	return v
}

// own is what the check's own exchanges say.
func (f facts) own() Verdict {
	switch {
	case f.lacks != "":
		return Verdict{Outcome: reports.Inapplicable, Reason: f.lacks}
	case f.untried != "":
		return Verdict{Outcome: reports.Untried, Reason: f.untried, Needs: f.needs}
	case f.interrupted != "":
		return Verdict{Outcome: reports.Error, Reason: "not run: " + f.interrupted}
	case f.unrun:
		return Verdict{Outcome: reports.Blocked}
	}
	return f.again(f.shown(f.evidence))
}

// shown is what one hearing says by itself.
func (f facts) shown(e harness.Evidence) Verdict {
	var v Verdict
	if e.Stop.Kind == harness.InCases {
		v = f.ofCases(e)
	} else {
		v = f.ofStop(e.Stop)
		v.Events = harness.Together(e.Events, e.Cases)
		if v.Outcome != reports.Pass {
			v.Broken, v.Kept = e.About, e.Kept
		}
		if v.Outcome == reports.Fail && e.Stop.Statement != "" {
			v.Broken = []string{e.Stop.Statement} // that of the bytes that cannot be read
		}
	}
	v.took = e.Duration
	for _, c := range e.Cases {
		outcome := f.outcome(c.Stop)
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

// outcome is what it says of the broker that an exchange has ended so. Where a
// step was not taken that the check itself decides, that is its verdict.
func (f facts) outcome(s harness.Stop) reports.Outcome {
	switch {
	case s.Kind == harness.Unprepared && f.decider(s) == f.slug:
		return reports.Fail
	case s.Kind == harness.Declined && s.Needs != "":
		return reports.Untried
	}
	return outcomeOf[s.Kind]
}

// ofStop is the verdict on an exchange by what ended it.
func (f facts) ofStop(s harness.Stop) Verdict {
	v := Verdict{
		Outcome: f.outcome(s), Reason: f.reason(s), Expected: s.Expected, Observed: s.Observed,
	}
	v.about(f, s)
	return v
}

// about names what a verdict by a stop stands on.
func (v *Verdict) about(f facts, s harness.Stop) {
	switch v.Outcome {
	case reports.Blocked:
		v.BlockedBy = f.decider(s)
	case reports.Inapplicable:
		v.Refused = s.Refused
	case reports.Untried:
		v.Needs = s.Needs
	}
}

// reason names the check that decides about what was missing.
func (f facts) reason(s harness.Stop) string {
	decider := f.decider(s)
	switch {
	case s.Kind != harness.Unprepared || decider == "" || decider == f.slug:
		return s.Reason
	case s.Expected != "":
		return fmt.Sprintf("could not be set up (see check %s): %s", decider, s.Reason)
	}
	return fmt.Sprintf("%s (see check %s)", s.Reason, decider)
}

// worstFirst ranks the outcomes of cases: the first that any case has is the
// check's.
var worstFirst = []reports.Outcome{reports.Fail, reports.Error, reports.Blocked, reports.Pass, reports.Untried, reports.Inapplicable}

// ofCases joins the verdicts of cases: those with the worst outcome are the
// check's, their statements are broken, and their exchanges shown.
func (f facts) ofCases(e harness.Evidence) Verdict {
	var v Verdict
	for _, outcome := range worstFirst {
		if slices.ContainsFunc(e.Cases, func(c harness.CaseEvidence) bool { return f.outcome(c.Stop) == outcome }) {
			v.Outcome = outcome
			break
		}
	}
	var worst []harness.CaseEvidence
	var names, expected, observed []string
	for _, c := range e.Cases {
		if f.outcome(c.Stop) != v.Outcome {
			continue
		}
		worst = append(worst, c)
		names = append(names, c.Name)
		if expected == nil || expected[len(expected)-1] != c.Stop.Expected {
			expected = append(expected, c.Stop.Expected)
		}
		observed = append(observed, c.Name+": "+c.Stop.Observed)
	}
	v.about(f, worst[0].Stop)
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

// gravest ranks the outcomes of what others charge a check with.
var gravest = []reports.Outcome{reports.Fail, reports.Error, reports.Warn, reports.Unsteady}

// charged adds to a verdict what was seen in another check's exchange: that
// stands, whatever the check's own exchange has shown.
func (f facts) charged(v Verdict, c charge) Verdict {
	graver := func(a, b reports.Outcome) bool {
		i, j := slices.Index(gravest, a), slices.Index(gravest, b)
		return i >= 0 && (j < 0 || i < j)
	}
	var broken []string
	if c.statement != "" {
		broken = []string{c.statement}
	}
	switch {
	case v.Outcome == c.outcome && (c.statement == "" || slices.Contains(f.statements, c.statement)):
		if c.statement == "" {
			v.Broken = nil
		} else {
			v.Broken = alsoBroken(v.Broken, c.statement)
		}
		return v
	case !graver(c.outcome, v.Outcome):
		return v
	case c.outcome == reports.Unsteady && v.Outcome != reports.Pass:
		return v
	}
	return Verdict{
		Outcome: c.outcome, Reason: "seen in check " + c.seenIn + ": " + c.reason, SeenIn: c.seenIn,
		Expected: c.expected, Observed: c.observed, Broken: broken, Kept: f.statements,
		Cases: v.Cases, Events: c.events,
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
		Exchange: exchange(v.Events), SeenIn: v.SeenIn, Refused: v.Refused,
	}
	if v.BlockedBy != "" && v.Outcome == reports.Blocked {
		c.BlockedBy = v.BlockedBy + "@" + i.Version.String()
	}
	if first := v.First; first != nil {
		c.First = &reports.Hearing{
			Outcome: first.Outcome, DurationMS: milliseconds(first.took), Reason: first.Reason, Expected: first.Expected, Observed: first.Observed, Exchange: exchange(first.Events),
		}
	}
	if v.Outcome == reports.Untried {
		c.Needs = v.Needs.Word()
	}
	if v.failed() {
		c.Broken, c.Undecided = accused(c.Requirements, v)
		c.Why = i.Why
	}
	return c
}

// exchange is a transcript in the words of package reports.
func exchange(events []harness.Event) []reports.Event {
	all := make([]reports.Event, len(events))
	for n, e := range events {
		all[n] = reports.Event{
			TMS: milliseconds(e.At), Conn: e.Conn, Dir: string(rune(e.Dir)), Packet: e.Packet,
			Hex: e.Hex, Length: e.Length, Breach: e.Breach,
		}
	}
	return all
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
