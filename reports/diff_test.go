package reports

import (
	"bytes"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// pair is a base and a new run of one check each per change, a@5.0 onwards;
// an empty outcome is a check that the run does not have.
func pair(changes ...[2]Outcome) (base, after *Results) {
	make := func(side int) *Results {
		r := run()
		for i, c := range changes {
			if c[side] != "" {
				slug := string(rune('a' + i))
				r.Checks = append(r.Checks, Check{ID: slug + "@5.0", Slug: slug, MQTT: "5.0", Level: "MUST", Outcome: c[side], Title: "keeps rule " + slug, Reason: "reason " + slug})
			}
		}
		Summarise(r)
		return r
	}
	return make(0), make(1)
}

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name   string
		change [2]Outcome
		list   func(*Diff) []Change
		exit   int // under must
		should int // under should
	}{
		{"pass to fail", [2]Outcome{Pass, Fail}, func(d *Diff) []Change { return d.NewlyFailing }, 1, 1},
		{"pass to warn", [2]Outcome{Pass, Warn}, func(d *Diff) []Change { return d.NewlyFailing }, 0, 1},
		{"warn to fail", [2]Outcome{Warn, Fail}, func(d *Diff) []Change { return d.NewlyFailing }, 1, 1},
		{"inapplicable to fail", [2]Outcome{Inapplicable, Fail}, func(d *Diff) []Change { return d.NewlyFailing }, 1, 1},
		{"blocked to fail", [2]Outcome{Blocked, Fail}, func(d *Diff) []Change { return d.NewlyFailing }, 1, 1},
		{"waived to fail", [2]Outcome{Waived, Fail}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"fail to waived", [2]Outcome{Fail, Waived}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"fail to warn", [2]Outcome{Fail, Warn}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"fail to pass", [2]Outcome{Fail, Pass}, func(d *Diff) []Change { return d.NewlyPassing }, 0, 0},
		{"waived to pass", [2]Outcome{Waived, Pass}, func(d *Diff) []Change { return d.NewlyPassing }, 0, 0},
		{"blocked to pass", [2]Outcome{Blocked, Pass}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"pass to blocked", [2]Outcome{Pass, Blocked}, func(d *Diff) []Change { return d.Undecided }, 0, 0},
		{"pass to error", [2]Outcome{Pass, Error}, func(d *Diff) []Change { return d.Undecided }, 2, 2},
		{"pass to unsteady", [2]Outcome{Pass, Unsteady}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"unsteady to pass", [2]Outcome{Unsteady, Pass}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"fail to unsteady", [2]Outcome{Fail, Unsteady}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"unsteady to fail", [2]Outcome{Unsteady, Fail}, func(d *Diff) []Change { return d.NewlyFailing }, 1, 1},
		{"unsteady to warn", [2]Outcome{Unsteady, Warn}, func(d *Diff) []Change { return d.NewlyFailing }, 0, 1},
		{"pass to untried", [2]Outcome{Pass, Untried}, func(d *Diff) []Change { return d.Undecided }, 0, 0},
		{"inapplicable to untried", [2]Outcome{Inapplicable, Untried}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"untried to pass", [2]Outcome{Untried, Pass}, func(d *Diff) []Change { return d.Changed }, 0, 0},
		{"untried to fail", [2]Outcome{Untried, Fail}, func(d *Diff) []Change { return d.NewlyFailing }, 1, 1},
		{"a failure appears", [2]Outcome{"", Fail}, func(d *Diff) []Change { return d.Appeared }, 0, 0},
		{"a check is gone", [2]Outcome{Pass, ""}, func(d *Diff) []Change { return d.Gone }, 0, 0},
		{"still failing", [2]Outcome{Fail, Fail}, func(d *Diff) []Change { return nil }, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			base, after := pair(c.change)
			d := NewDiff(base, after, FailOnMust)
			total := len(d.NewlyFailing) + len(d.NewlyPassing) + len(d.Undecided) + len(d.Changed) + len(d.Appeared) + len(d.Gone)
			if got := c.list(d); got != nil {
				g.Expect(got).To(HaveLen(1))
				g.Expect(total).To(Equal(1), "in one list only")
				g.Expect(got[0].ID).To(Equal("a@5.0"))
			} else {
				g.Expect(total).To(BeZero())
			}
			g.Expect(d.ExitStatus()).To(Equal(c.exit))
			g.Expect(NewDiff(base, after, FailOnShould).ExitStatus()).To(Equal(c.should))
			if c.exit == 1 {
				g.Expect(NewDiff(base, after, FailOnNever).ExitStatus()).To(Equal(0))
			}
		})
	}
}

// An unsteady check is neither better nor worse than one that passes, unless the
// user says so.
func TestDiffOfUnsteadyChecks(t *testing.T) {
	g := NewWithT(t)
	base, after := pair([2]Outcome{Pass, Unsteady}, [2]Outcome{Unsteady, Pass}, [2]Outcome{Fail, Unsteady})

	d := NewDiff(base, after, FailOnShould)
	g.Expect(d.Changed).To(HaveLen(3))
	g.Expect(d.ExitStatus()).To(Equal(ExitOK))

	d = NewDiff(base, after, FailOnUnsteady)
	g.Expect(d.NewlyFailing).To(HaveLen(1))
	g.Expect(d.NewlyPassing).To(HaveLen(1))
	g.Expect(d.Changed).To(HaveLen(1), "it was worse")
	g.Expect(d.ExitStatus()).To(Equal(ExitGates))
}

func TestDiffOfALostVersion(t *testing.T) {
	g := NewWithT(t)
	base, after := pair([2]Outcome{Pass, Pass})
	after.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "no CONNACK within 5s"}}
	d := NewDiff(base, after, FailOnMust)
	g.Expect(d.ExitStatus()).To(Equal(ExitUntested))
	g.Expect(d.Sentence()).To(HaveSuffix("In the new run MQTT 3.1.1 was not tested: no CONNACK within 5s."))
	after.Dropped[0].Refused = true
	g.Expect(d.ExitStatus()).To(Equal(ExitOK))
}

func TestDiffOfAnUnfinishedRun(t *testing.T) {
	g := NewWithT(t)
	base, after := pair([2]Outcome{Pass, Pass})
	after.Problem = "interrupted"
	d := NewDiff(base, after, FailOnMust)
	g.Expect(d.ExitStatus()).To(Equal(ExitUntested))
	g.Expect(d.Sentence()).To(Equal("No regression: no check changed its outcome. The new run was not finished: interrupted."))
}

func TestDiffGolden(t *testing.T) {
	base, after := pair([2]Outcome{Pass, Fail}, [2]Outcome{Pass, Warn}, [2]Outcome{Fail, Pass}, [2]Outcome{Pass, Blocked}, [2]Outcome{"", Pass}, [2]Outcome{Pass, ""}, [2]Outcome{Inapplicable, Pass})
	base.Target.Software, after.Target.Software = "mosquitto 2.0.11", "mosquitto 2.0.18"
	after.Checks[0].Expected, after.Checks[0].Observed = "Session Present 0", "Session Present 1"
	d := NewDiff(base, after, FailOnMust)
	var b bytes.Buffer
	if err := d.WriteText(&b, ConsoleOptions{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "diff.txt", b.String())
	b.Reset()
	if err := d.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "diff.md", b.String())
}

func TestDiffOfHostileResults(t *testing.T) {
	g := NewWithT(t)
	base, after := hostile(), hostile()
	for i := range after.Checks {
		after.Checks[i].Outcome = Outcomes[(i+1)%len(Outcomes)]
	}
	after.Checks = after.Checks[3:]
	Summarise(after)
	d := NewDiff(base, after, FailOnMust)
	var b bytes.Buffer
	g.Expect(d.WriteText(&b, ConsoleOptions{Width: 80})).To(Succeed())
	g.Expect(strings.ContainsAny(b.String(), "\x1b\x00\u202e\u2028")).To(BeFalse())
	g.Expect(b.String()).NotTo(MatchRegexp(`(?m)^(::error|verdict:)`))
	b.Reset()
	g.Expect(d.WriteMarkdown(&b)).To(Succeed())
	g.Expect(proseOf(b.String())).NotTo(ContainSubstring("<script>"))
	g.Expect(b.String()).NotTo(MatchRegexp(`(?m)^(::error|# forged|verdict:)`))
}
