package reports

import (
	"testing"

	. "github.com/onsi/gomega"
)

// run is a minimal run of checks on 5.0 that all decide one MUST.
func run(outcomes ...Outcome) *Results {
	r := &Results{MQTT: []string{"5.0"}, Target: Target{Software: "broker 1"}}
	q := Requirement{ID: "MQTT-1", MQTT: "5.0", Level: "MUST"}
	for i, o := range outcomes {
		id := string(rune('a'+i)) + "@5.0"
		r.Checks = append(r.Checks, Check{ID: id, Slug: id[:1], MQTT: "5.0", Level: "MUST", Outcome: o, Requirements: []string{q.ID}})
	}
	r.Requirements = []Requirement{q}
	return r
}

func TestStatementFollowsItsChecks(t *testing.T) {
	for _, c := range []struct {
		name     string
		outcomes []Outcome
		want     Outcome
	}{
		{"no checks", nil, Untested},
		{"all pass", []Outcome{Pass, Pass}, Pass},
		{"part inapplicable", []Outcome{Inapplicable, Pass, Inapplicable}, Pass},
		{"all inapplicable", []Outcome{Inapplicable, Inapplicable}, Inapplicable},
		{"a failure outranks an error", []Outcome{Pass, Error, Fail}, Fail},
		{"an error outranks a warning", []Outcome{Warn, Error}, Error},
		{"a warning outranks a block", []Outcome{Blocked, Warn}, Warn},
		{"a block outranks a waiver", []Outcome{Waived, Blocked}, Blocked},
		{"a waiver outranks an unsteady check", []Outcome{Unsteady, Waived}, Waived},
		{"an unsteady check outranks a pass", []Outcome{Pass, Unsteady}, Unsteady},
		{"a pass outranks what is untried", []Outcome{Untried, Pass}, Pass},
		{"what is untried outranks what does not apply", []Outcome{Inapplicable, Untried}, Untried},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			r := run(c.outcomes...)
			Summarise(r)
			g.Expect(r.Requirements[0].Outcome).To(Equal(c.want))
			g.Expect(r.Requirements[0].Checks).To(HaveLen(len(c.outcomes)))
			g.Expect(r.Summary.Requirements["5.0"]).To(HaveKeyWithValue(c.want, 1))
			before := r.Summary
			Summarise(r)
			g.Expect(r.Summary).To(Equal(before), "summarising twice changes nothing")
			g.Expect(r.Requirements[0].Checks).To(HaveLen(len(c.outcomes)))
		})
	}
}

func TestVerdict(t *testing.T) {
	should := func(r *Results) { r.Checks[0].Level = "SHOULD"; r.Requirements[0].Level = "SHOULD" }
	for _, c := range []struct {
		name     string
		outcomes []Outcome
		change   func(*Results)
		want     Verdict
		exit     int
	}{
		{"all pass", []Outcome{Pass, Pass}, nil, Conformant, 0},
		{"inapplicable is no lack", []Outcome{Pass, Inapplicable}, nil, Conformant, 0},
		{"a warning is no lack", []Outcome{Pass, Warn}, nil, Conformant, 0},
		{"untried is no lack", []Outcome{Pass, Untried}, nil, Conformant, 0},
		{"nothing but untried", []Outcome{Untried}, nil, Incomplete, 0},
		{"unsteady is kept", []Outcome{Unsteady}, nil, Conformant, 0},
		{"a required check that is untried", []Outcome{Pass, Untried}, func(r *Results) { r.Checks[1].Needs = "restart"; r.Settings.Require = []string{"restart"} }, Conformant, 2},
		{"another is required", []Outcome{Pass, Untried}, func(r *Results) { r.Checks[1].Needs = "restart"; r.Settings.Require = []string{"websocket"} }, Conformant, 0},
		{"all are required", []Outcome{Fail, Untried}, func(r *Results) { r.Settings.Require = []string{"all"} }, Nonconformant, 2},
		{"all are required and tried", []Outcome{Fail, Pass}, func(r *Results) { r.Settings.Require = []string{"all"} }, Nonconformant, 1},
		{"a refused service", []Outcome{Pass, Inapplicable}, func(r *Results) { r.Checks[1].Refused = "wills" }, Incomplete, 0},
		{"a lost version", []Outcome{Pass}, func(r *Results) { r.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "no CONNACK"}} }, Incomplete, 2},
		{"a failure beside a lost version", []Outcome{Fail}, func(r *Results) { r.Dropped = []Dropped{{MQTT: "3.1.1"}} }, Nonconformant, 2},
		{"a refused version", []Outcome{Pass}, func(r *Results) { r.Dropped = []Dropped{{MQTT: "3.1.1", Refused: true}} }, Conformant, 0},
		{"a version that another instance accepts", []Outcome{Pass}, func(r *Results) { r.Dropped = []Dropped{{MQTT: "5.0"}} }, Conformant, 0},
		{"a failure", []Outcome{Pass, Fail, Blocked}, nil, Nonconformant, 1},
		{"blocked", []Outcome{Pass, Blocked}, nil, Incomplete, 0},
		{"waived", []Outcome{Pass, Waived}, nil, Incomplete, 0},
		{"waived SHOULD", []Outcome{Waived, Pass}, should, Conformant, 0},
		{"blocked SHOULD", []Outcome{Blocked, Pass}, should, Conformant, 0},
		{"an error", []Outcome{Pass, Error}, nil, Incomplete, 2},
		{"an error beside a failure", []Outcome{Fail, Error}, nil, Nonconformant, 2},
		{"a selection", []Outcome{Pass}, func(r *Results) { r.Settings.Selection = "--check a" }, Incomplete, 0},
		{"a failure in a selection", []Outcome{Fail}, func(r *Results) { r.Settings.Selection = "--check a" }, Nonconformant, 1},
		{"interrupted", []Outcome{Pass}, func(r *Results) { r.Problem = "interrupted" }, Incomplete, 2},
		{"a check that was not run", []Outcome{Pass}, func(r *Results) { r.Requirements[0].Checks = []string{"a@5.0", "z@5.0"} }, Incomplete, 0},
		{"a SHOULD that was not run", []Outcome{Pass}, func(r *Results) {
			r.Requirements = append(r.Requirements, Requirement{ID: "MQTT-2", MQTT: "5.0", Level: "SHOULD", Checks: []string{"z@5.0"}})
		}, Conformant, 0},
		{"a version that was not asked for", []Outcome{Pass}, func(r *Results) {
			r.Requirements = append(r.Requirements, Requirement{ID: "MQTT-2", MQTT: "3.1.1", Level: "MUST", Checks: []string{"z@3.1.1"}})
		}, Conformant, 0},
		{"a version without a check", []Outcome{Pass}, func(r *Results) { r.MQTT = append(r.MQTT, "3.1.1") }, Incomplete, 0},
		{"nothing applies", []Outcome{Inapplicable}, nil, Incomplete, 0},
		{"nothing at all", nil, nil, Incomplete, 0},
		{"unreachable", nil, func(r *Results) { r.MQTT = nil; r.Problem = "refused" }, Incomplete, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			r := run(c.outcomes...)
			if c.change != nil {
				c.change(r)
			}
			Summarise(r)
			g.Expect(r.Summary.Verdict).To(Equal(c.want))
			g.Expect(ExitStatus(r, FailOnMust)).To(Equal(c.exit))
		})
	}
}

func TestGates(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Gates(run(Pass, Warn), FailOnMust)).To(BeFalse())
	g.Expect(Gates(run(Pass, Warn), FailOnShould)).To(BeTrue())
	g.Expect(Gates(run(Fail), FailOnNever)).To(BeFalse())
	g.Expect(Gates(run(Waived, Blocked, Inapplicable, Error), FailOnShould)).To(BeFalse())
	g.Expect(Gates(run(Unsteady), FailOnShould)).To(BeFalse())
	g.Expect(Gates(run(Unsteady), FailOnUnsteady)).To(BeTrue())
	g.Expect(Gates(run(Warn), FailOnUnsteady)).To(BeTrue())
	g.Expect(ExitStatus(run(Error), FailOnNever)).To(Equal(ExitUntested))
	g.Expect(ExitStatus(run(Warn), FailOnShould)).To(Equal(ExitGates))

	f, err := ParseFailOn("")
	g.Expect(f, err).To(Equal(FailOnMust))
	f, err = ParseFailOn("SHOULD")
	g.Expect(f, err).To(Equal(FailOnShould))
	_, err = ParseFailOn("may")
	g.Expect(err).To(MatchError(ContainSubstring("must, should, unsteady or never")))
}

func TestSentence(t *testing.T) {
	two := func(v311, v5 []Outcome) *Results {
		r := run(v5...)
		r.MQTT = []string{"3.1.1", "5.0"}
		for _, c := range run(v311...).Checks {
			c.ID, c.MQTT = c.Slug+"@3.1.1", "3.1.1"
			r.Checks = append(r.Checks, c)
		}
		return r
	}
	selected := run(Pass)
	selected.Settings.Selection = "--check a"
	stopped := run(Pass, Fail)
	stopped.Problem = "interrupted."
	notRun := run(Pass)
	notRun.Requirements[0].Checks = []string{"a@5.0", "z@5.0"}
	wanting := run(Pass, Untried, Untried, Untried, Unsteady)
	wanting.Checks[1].Needs, wanting.Checks[2].Needs, wanting.Checks[3].Needs = "websocket", "restart", "restart"
	lost := run(Pass)
	lost.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "no CONNACK within 5s."}}
	refusing := run(Pass, Inapplicable, Inapplicable)
	refusing.Checks[1].Refused, refusing.Checks[2].Refused = "wills", "subscriptions"
	for _, c := range []struct {
		name string
		r    *Results
		want string
	}{
		{"untried and unsteady", wanting, "broker 1 is conformant with MQTT 5.0: none of 2 checks fails, 1 is unsteady; 3 untried for want of a restart and a WebSocket URL."},
		{"a lost version", lost, "broker 1 is conformant with MQTT 5.0 and its verdict on 3.1.1 is INCOMPLETE: none of 1 check fails; MQTT 3.1.1 was not tested: no CONNACK within 5s."},
		{"refused services", refusing, "broker 1 was seen to break no MUST, but the verdict on MQTT 5.0 is INCOMPLETE: none of 3 checks fails, it refuses subscriptions and wills."},
		{"one version", run(Pass, Fail), "broker 1 is NONCONFORMANT with MQTT 5.0: 1 of 2 checks fails."},
		{"mixed", two([]Outcome{Pass}, []Outcome{Fail, Fail}), "broker 1 is NONCONFORMANT with MQTT 5.0 and conformant with 3.1.1: 2 of 3 checks fail, from 1 cause."},
		{"both good", two([]Outcome{Pass}, []Outcome{Pass, Warn}), "broker 1 is conformant with MQTT 3.1.1 and 5.0: none of 3 checks fails, 1 warns."},
		{"incomplete", run(Pass, Blocked, Blocked, Waived), "broker 1 was seen to break no MUST, but the verdict on MQTT 5.0 is INCOMPLETE: none of 4 checks fails, 2 are blocked, 1 is waived."},
		{"one incomplete", two([]Outcome{Error, Pass}, []Outcome{Pass}), "broker 1 is conformant with MQTT 5.0 and its verdict on 3.1.1 is INCOMPLETE: none of 3 checks fails, 1 met a harness error."},
		{"a selection", selected, "broker 1 was seen to break no MUST, but the verdict on MQTT 5.0 is INCOMPLETE: none of 1 check fails, only a selection was run."},
		{"stopped", stopped, "broker 1 is NONCONFORMANT with MQTT 5.0: 1 of 2 checks fails; the run did not finish: interrupted."},
		{"not run", notRun, "broker 1 was seen to break no MUST, but the verdict on MQTT 5.0 is INCOMPLETE: none of 1 check fails, 1 was not run."},
		{"nothing passes", run(Inapplicable), "broker 1 was seen to break no MUST, but the verdict on MQTT 5.0 is INCOMPLETE: none of 1 check fails, none was seen to pass."},
		{"unreachable", &Results{Target: Target{URL: "mqtt://a:b@h"}, Problem: "connection refused"}, "mqtt://a:***@h could not be tested: connection refused."},
		{"nothing", &Results{}, "Nothing is known about the broker: no check was run."},
	} {
		t.Run(c.name, func(t *testing.T) {
			Summarise(c.r)
			NewWithT(t).Expect(Sentence(c.r)).To(Equal(c.want))
		})
	}
}

// TestFailureSparesStatements: a failed check speaks against the statements that
// it is about, for those it has seen kept, and of the rest it says nothing.
func TestFailureSparesStatements(t *testing.T) {
	g := NewWithT(t)
	r := &Results{MQTT: []string{"5.0"}}
	var ids []string
	for _, id := range []string{"broken", "kept", "undecided"} {
		ids = append(ids, id)
		r.Requirements = append(r.Requirements, Requirement{ID: id, MQTT: "5.0", Level: "MUST"})
	}
	r.Checks = []Check{{ID: "a@5.0", Slug: "a", MQTT: "5.0", Level: "MUST", Outcome: Fail, Requirements: ids, Broken: ids[:1], Undecided: ids[2:]}}

	Summarise(r)

	for i, want := range []Outcome{Fail, Pass, Blocked} {
		g.Expect(r.Requirements[i].Outcome).To(Equal(want), ids[i])
	}
	g.Expect(r.Checks[0].Accused()).To(Equal(ids[:1]))
}
