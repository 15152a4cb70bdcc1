package runner

import (
	"strings"
	"testing"

	"mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/suites/catalogue"
)

// untestable is a statement of MQTT 3.1.1 that no exchange decides.
func untestable(t *testing.T) string {
	for _, r := range catalogue.Of(V311) {
		if r.Untested != "" {
			return r.ID
		}
	}
	t.Fatal("there is none")
	return ""
}

// good is a declaration that lacks nothing.
func good(slug string) *Definition {
	return &Definition{
		Slug: slug, Title: "does something", Rules: Rules{V311: "MQTT-3.1.4-4", V5: "MQTT-3.1.4-5"},
		CaughtBy: Faults{fault.SessionPresentAlways}, Body: func(*harness.Exchange) {},
	}
}

// stepsTo names one check for every step.
func stepsTo(slug string) map[harness.Step]string {
	steps := map[harness.Step]string{}
	for _, step := range harness.Steps {
		steps[step] = slug
	}
	return steps
}

// TestDeclarationsAreHeldAgainstEachOther: whatever is wrong with a declaration
// is said before anything runs, with the check's slug.
func TestDeclarationsAreHeldAgainstEachOther(t *testing.T) {
	if _, err := New(Parts{Checks: []*Definition{good("a")}, Steps: stepsTo("a")}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(p *Parts, d *Definition)
		want   string
	}{
		{"no body", func(_ *Parts, d *Definition) { d.Body = nil }, "check a: it has no body"},
		{"no slug", func(_ *Parts, d *Definition) { d.Slug = "" }, `it has no slug; its title is "does something"`},
		{"no title", func(_ *Parts, d *Definition) { d.Title = "" }, "check a: a title is wanted"},
		{"a whole sentence", func(_ *Parts, d *Definition) { d.Title = "It does." }, "check a: a title is wanted, a sentence about the broker without a full stop"},
		{"no rules", func(_ *Parts, d *Definition) { d.Rules = Rules{} }, "check a: its rules name no statement"},
		{"an unknown statement", func(_ *Parts, d *Definition) { d.Rules.V5 = "MQTT-9.9.9-9" }, "check a: MQTT 5.0 has no statement MQTT-9.9.9-9"},
		{"a statement twice", func(_ *Parts, d *Definition) { d.Rules.V5 += " " + d.Rules.V5 }, "check a: its rules name MQTT-3.1.4-5 twice"},
		{"an untestable statement", func(_ *Parts, d *Definition) { d.Rules.V311 = untestable(t) }, "cannot be tested, the catalogue says"},
		{"no fault", func(_ *Parts, d *Definition) { d.CaughtBy = nil }, "check a: no fault is named that it must catch"},
		{"a slug twice", func(p *Parts, _ *Definition) { p.Checks = append(p.Checks, good("a")) }, "check a: declared twice"},
		{"two watchers", func(p *Parts, d *Definition) {
			b := good("b")
			d.Watches, b.Watches, b.Rules = true, true, Rules{V5: d.Rules.V5}
			p.Checks = append(p.Checks, b)
		}, "checks a and b both watch MQTT-3.1.4-5 of MQTT 5.0; one check answers for a statement"},
		{"watched nowhere", func(_ *Parts, d *Definition) { d.Watches, d.WatchedElsewhere = true, Rules{V5: d.Rules.V5} },
			"check a: MQTT-3.1.4-5 of MQTT 5.0 is said to be watched elsewhere"},
		{"a step of nobody", func(p *Parts, _ *Definition) { p.Steps["the weather"] = "mesage-delivered" }, `step "the weather": there is no check "mesage-delivered" to decide it`},
		{"a step without a check", func(p *Parts, _ *Definition) { delete(p.Steps, harness.StepPing) }, `step "the answer to PINGREQ": no check is named that decides it`},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := good("a")
			parts := Parts{Checks: []*Definition{d}, Steps: stepsTo("a")}
			test.change(&parts, d)
			if _, err := New(parts); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q", err, test.want)
			}
		})
	}
}

// TestWatchedElsewhere: of two checks that watch, each statement has one.
func TestWatchedElsewhere(t *testing.T) {
	a, b := good("a"), good("b")
	a.Watches, b.Watches, b.WatchedElsewhere = true, true, b.Rules
	suite, err := New(Parts{Checks: []*Definition{b, a}, Steps: stepsTo("b")})
	if err != nil {
		t.Fatal(err)
	}
	if got := suite.watcher(V5, "MQTT-3.1.4-5").Slug; got != "a" {
		t.Errorf("%s answers; want a", got)
	}
	if got := suite.watcher(V5, "MQTT-1.5.4-1").Slug; got != "b" {
		t.Errorf("%s answers for what nobody watches; want b, the check of well-formed packets", got)
	}
}

// TestOrderOfChecks: checks stand in the order of their sections, however they
// were declared.
func TestOrderOfChecks(t *testing.T) {
	late, early := good("late"), good("early")
	late.Rules, early.Rules = Rules{V5: "MQTT-4.12.0-6"}, Rules{V5: "MQTT-1.5.4-1"}
	suite, err := New(Parts{Checks: []*Definition{late, early}, Steps: stepsTo("late")})
	if err != nil {
		t.Fatal(err)
	}
	if all := suite.Definitions(); all[0].Slug != "early" || suite.Lookup("late") != late || suite.Lookup("none") != nil {
		t.Errorf("the first is %s", all[0].Slug)
	}
}
