package runner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mqttspec/harness"
	"mqttspec/reports"
)

// What is missing convicts nobody at the first hearing. This part of the judge
// says when a check has to be heard again, and what several hearings say
// together.

// mostHearings is how often a check is heard at most for something that is
// missing: a set-up that failed in the first hearing leaves two for the rule.
const mostHearings = 3

// missing says whether something was missing in a hearing, the first step into
// the broker included: it may have been too busy to let one more client in.
func missing(e harness.Evidence) bool {
	return slices.ContainsFunc(stops(e), absent)
}

func absent(s harness.Stop) bool {
	return s.Missing || s.NoConnection && s.Kind == harness.Unprepared
}

// stops are what ended an exchange, or its cases.
func stops(e harness.Evidence) []harness.Stop {
	if e.Stop.Kind != harness.InCases {
		return []harness.Stop{e.Stop}
	}
	var all []harness.Stop
	for _, c := range e.Cases {
		all = append(all, c.Stop)
	}
	return all
}

// again is what a hearing says in view of those before it.
func (f facts) again(v Verdict) Verdict {
	switch {
	case len(f.before) == 0 && missing(f.evidence) && f.unrepeatable == "":
		v.missing = true
		return v
	case len(f.before) == 0 && missing(f.evidence):
		return f.unproven(v)
	case len(f.before) == 0:
		return v
	}
	first := f.shown(f.before[0])
	evidence, open := f.sustained()
	switch {
	case open && len(f.before)+1 < mostHearings && f.unrepeatable == "":
		v.missing = true
		return v
	case open:
		v = f.shown(evidence)
	}
	switch seen, there := f.seenBefore(); {
	case v.Outcome == reports.Fail || v.Outcome == reports.Error:
	case there:
		v = f.shown(seen)
	case v.Outcome == reports.Pass && len(ownLate(f.evidence)) > 0:
		v = Verdict{
			Outcome: reports.Warn, Reason: "late: " + inWords(ownLate(f.evidence)), Expected: first.Expected,
			Observed: inWords(ownLate(f.evidence)), Broken: first.Broken, Kept: first.Kept, Cases: v.Cases, Events: v.Events,
		}
	case v.Outcome == reports.Pass && first.Outcome != reports.Blocked:
		v = Verdict{
			Outcome: reports.Unsteady, Reason: "missing when the check was heard beside others, and there in time when it was heard again: " + first.Reason,
			Expected: first.Expected, Observed: first.Observed, Cases: v.Cases, Events: v.Events,
		}
	}
	if v.Outcome != reports.Pass && v.Outcome != reports.Inapplicable {
		v.First = &first
	}
	return v
}

// unproven is the verdict on a check in which something was missing, and which
// cannot be heard again: none, but for what was seen.
func (f facts) unproven(v Verdict) Verdict {
	if v.Outcome != reports.Fail {
		return v
	}
	evidence, open := f.sustained()
	if v = f.shown(evidence); open && v.Outcome == reports.Blocked {
		v.Reason = fmt.Sprintf("%s; the check could not be heard again: %s", v.Reason, f.unrepeatable)
	}
	return v
}

// sustained is the last hearing without the contradictions by absence that were
// not there in an earlier one, and says whether there were any.
func (f facts) sustained() (e harness.Evidence, open bool) {
	e = f.evidence
	hold := func(s harness.Stop, name string) harness.Stop {
		if f.outcome(s) != reports.Fail || !absent(s) || slices.ContainsFunc(f.before, func(e harness.Evidence) bool { return f.contradicted(e, name) }) {
			return s
		}
		open = true
		s.Kind, s.Step = harness.Unprepared, ""
		return s
	}
	if e.Stop.Kind != harness.InCases {
		e.Stop = hold(e.Stop, "")
		return e, open
	}
	e.Cases = slices.Clone(e.Cases)
	for i, c := range e.Cases {
		e.Cases[i].Stop = hold(c.Stop, c.Name)
	}
	return e, open
}

// contradicted says whether the exchange, or its case of this name, was a
// contradiction.
func (f facts) contradicted(e harness.Evidence, name string) bool {
	if e.Stop.Kind != harness.InCases {
		return f.outcome(e.Stop) == reports.Fail
	}
	return slices.ContainsFunc(e.Cases, func(c harness.CaseEvidence) bool { return c.Name == name && f.outcome(c.Stop) == reports.Fail })
}

// seenBefore is an earlier hearing without what was missing in it, if something
// was seen there that convicts.
func (f facts) seenBefore() (harness.Evidence, bool) {
	for _, e := range f.before {
		e.Cases = slices.Clone(e.Cases)
		if absent(e.Stop) {
			e.Stop = harness.Stop{}
		}
		for i, c := range e.Cases {
			if absent(c.Stop) {
				e.Cases[i].Stop = harness.Stop{}
			}
		}
		if f.shown(e).Outcome == reports.Fail {
			return e, true
		}
	}
	return harness.Evidence{}, false
}

// ownLate is what came late in the part of an exchange that the check is about.
func ownLate(e harness.Evidence) []harness.Late {
	return slices.DeleteFunc(slices.Clone(e.Late), func(l harness.Late) bool { return l.Step != "" })
}

// inWords says each thing once, with the longest that it took.
func inWords(late []harness.Late) string {
	longest := map[string]time.Duration{}
	for _, l := range late {
		longest[l.What] = max(longest[l.What], l.After)
	}
	var words []string
	for _, what := range slices.Sorted(maps.Keys(longest)) {
		words = append(words, fmt.Sprintf("%s came after %s", what, longest[what].Round(100*time.Millisecond)))
	}
	return strings.Join(words, "; ")
}

// stepCharge is what is charged to the check that decides a step.
type stepCharge struct {
	charge
	decider string // its slug
}

// steps are what the check's hearings say of the steps that they stand on: that
// one was not taken, though the check which decides it may have seen it taken
// elsewhere; that it was late; that it was taken only when the check was heard
// again. Of a broker that is gone, or in ruins, they say nothing.
func (f facts) steps(v Verdict) (charges []stepCharge) {
	if f.found.Outage != nil || f.crowdedOut() {
		return nil
	}
	add := func(outcome reports.Outcome, s harness.Stop, reason string) {
		if decider := f.decider(s); decider != "" && decider != f.slug {
			charges = append(charges, stepCharge{charge{outcome: outcome, statement: s.Statement, reason: reason, expected: s.Expected, observed: s.Observed}, decider})
		}
	}
	switch {
	case v.Outcome == reports.Blocked:
		for _, s := range stops(f.evidence) {
			if f.outcome(s) == reports.Blocked && !(absent(s) && len(f.before) == 0) {
				add(reports.Fail, s, s.Reason)
			}
		}
	case v.Outcome == reports.Pass && len(f.before) > 0:
		for _, s := range stops(f.before[0]) {
			if f.outcome(s) == reports.Blocked {
				add(reports.Unsteady, s, "missing when the check was heard beside others, and there in time when it was heard again: "+s.Reason)
			}
		}
	}
	for _, l := range f.evidence.Late {
		if l.Step != "" {
			late := inWords([]harness.Late{l})
			add(reports.Warn, harness.Stop{Kind: harness.Unprepared, Step: l.Step, Observed: late}, "late: "+late)
		}
	}
	return charges
}

// mostKept is how many events are kept of an exchange that is to be heard again: of
// a broker that floods everybody all are kept at the same time.
const mostKept = 200

// thinned is a hearing with the beginning and the end of its transcripts.
func thinned(e harness.Evidence) harness.Evidence {
	thin := func(events []harness.Event) []harness.Event {
		if len(events) <= mostKept {
			return events
		}
		left := events[mostKept/2 : len(events)-mostKept/2]
		note := harness.Event{At: left[0].At, Dir: harness.Note, Packet: fmt.Sprintf("… %d events left out", len(left))}
		return slices.Concat(events[:mostKept/2], []harness.Event{note}, events[len(events)-mostKept/2:])
	}
	e.Events, e.Cases = thin(e.Events), slices.Clone(e.Cases)
	for i := range e.Cases {
		e.Cases[i].Events = thin(e.Cases[i].Events)
	}
	return e
}
