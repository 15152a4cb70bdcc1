package runner

import (
	"strings"
	"testing"

	"mqttspec/harness"
	"mqttspec/reports"
)

// Real statements, for their levels.
const (
	wellFormedMust = "MQTT-1.5.4-3"
	watchedMust    = "MQTT-3.14.2-1"
	aShould        = "5.0/3.14.4/disconnect-closes"
)

// ledgerOf is a ledger of a plan of three checks of 5.0, "one", "two" and one
// that watches, and what it tells.
func ledgerOf(t *testing.T, selected ...string) (*ledger, *[]string) {
	t.Helper()
	suite := testSuite()
	watching := &Definition{Slug: "watching", Rules: Rules{V5: watchedMust}, Watches: true}
	all := map[string]*Definition{
		"one":      {Slug: "one", Rules: Rules{V5: "MQTT-3.1.4-5"}},
		"two":      {Slug: "two", Rules: Rules{V5: "MQTT-3.1.4-5"}},
		"watching": watching,
	}
	suite.definitions = append(suite.definitions, watching)
	suite.watchers = map[watched]*Definition{{V5, watchedMust}: watching}
	var plan []Item
	for _, slug := range selected {
		plan = append(plan, Item{Definition: all[slug], Version: V5})
	}
	told := new([]string)
	return newLedger(suite, plan, func(c reports.Check) { *told = append(*told, c.Slug+" "+string(c.Outcome)) }), told
}

// enter enters a check's evidence.
func enter(l *ledger, i int, e harness.Evidence) Verdict {
	f := l.suite.factsOf(l.plan[i].Definition, V5)
	f.evidence = e
	return l.enter(i, f)
}

func wantTold(t *testing.T, told *[]string, want string) {
	t.Helper()
	if got := strings.Join(*told, ", "); got != want {
		t.Errorf("told of %q; want %q", got, want)
	}
}

// TestLedgerTellsOfCharges: whoever listens hears of a check that has failed by
// what another one saw, also of one that was not selected.
func TestLedgerTellsOfCharges(t *testing.T) {
	l, told := ledgerOf(t, "one", "two")

	enter(l, 0, harness.Evidence{Breaches: []harness.Breach{breachOf(watchedMust)}})
	wantTold(t, told, "one pass, watching fail")
	enter(l, 1, harness.Evidence{Breaches: []harness.Breach{breachOf(watchedMust), breachOf(wellFormedMust)}})
	wantTold(t, told, "one pass, watching fail, two pass, test-well-formed fail")
	l.close()

	wantTold(t, told, "one pass, watching fail, two pass, test-well-formed fail")
	checks := l.checks()
	if len(checks) != 4 || checks[2].Slug != "watching" || checks[2].Outcome != reports.Fail || !strings.HasPrefix(checks[2].Reason, "seen in check one@5.0") {
		t.Errorf("results %+v", checks)
	}
}

// TestLedgerHoldsWatchersBack: the pass of a check that watches is told when
// nobody runs any more, its failure at once.
func TestLedgerHoldsWatchersBack(t *testing.T) {
	l, told := ledgerOf(t, "watching", "one")
	enter(l, 0, harness.Evidence{})
	enter(l, 1, harness.Evidence{})
	wantTold(t, told, "one pass")
	l.close()
	wantTold(t, told, "one pass, watching pass")

	l, told = ledgerOf(t, "watching", "one", "two")
	enter(l, 0, harness.Evidence{})
	enter(l, 1, harness.Evidence{Breaches: []harness.Breach{breachOf(watchedMust)}})
	enter(l, 2, harness.Evidence{})
	l.close()
	wantTold(t, told, "one pass, watching fail, two pass")
}

// TestLedgerHoldsDecidersBack: the pass of a check that decides a step is told when
// nobody can stand on the step any more; a step that another check was not let
// take has failed it until then.
func TestLedgerHoldsDecidersBack(t *testing.T) {
	l, told := ledgerOf(t, "two", "one")
	l.suite.definitions = append(l.suite.definitions, l.plan[0].Definition)
	l.suite.steps[harness.StepPing] = "two"
	enter(l, 0, harness.Evidence{})
	wantTold(t, told, "")

	enter(l, 1, harness.Evidence{Stop: harness.Stop{Kind: harness.Unprepared, Step: harness.StepPing, Reason: "no PINGRESP"}})

	wantTold(t, told, "one blocked, two fail")
	l.close()
	if checks := l.checks(); checks[0].SeenIn != "one@5.0" || checks[1].BlockedBy != "two@5.0" {
		t.Errorf("results %+v", checks)
	}
}

// TestLedgerChargesAheadOfTheHearing: what was charged before a check was heard
// counts when it is.
func TestLedgerChargesAheadOfTheHearing(t *testing.T) {
	l, told := ledgerOf(t, "one", "watching")
	enter(l, 0, harness.Evidence{Breaches: []harness.Breach{breachOf(watchedMust)}})
	wantTold(t, told, "one pass")
	if v := enter(l, 1, harness.Evidence{}); v.Outcome != reports.Fail {
		t.Errorf("%s; want it to fail", v.Outcome)
	}
	wantTold(t, told, "one pass, watching fail")
}

// TestLedgerForgetsTheUnheard: what was seen while the broker went down is told
// to nobody, and the last word on a broker that never stays up is "blocked".
func TestLedgerForgetsTheUnheard(t *testing.T) {
	l, told := ledgerOf(t, "one", "watching")
	f := l.suite.factsOf(l.plan[0].Definition, V5)
	f.evidence, f.found.Outage = ended(harness.Contradicted), wentDown()
	f.evidence.Breaches = []harness.Breach{breachOf(watchedMust)}
	if v := l.enter(0, f); !v.unheard {
		t.Errorf("%s is taken for a verdict", v.Outcome)
	}
	wantTold(t, told, "")
	l.conclude(0, func(f *facts) { f.found.Outage = wentAway() })
	if len(*told) == 0 || (*told)[0] != "one blocked" {
		t.Errorf("told of %q; want one blocked", *told)
	}
}

// TestBrokenShouldStaysAWarning: a breach of a SHOULD that no check watches for
// is charged to the check on well-formed packets, and fails no MUST there; a
// breach of a MUST still does.
func TestBrokenShouldStaysAWarning(t *testing.T) {
	for _, test := range []struct {
		broken []string
		want   reports.Outcome
	}{{[]string{aShould}, reports.Warn}, {[]string{aShould, wellFormedMust}, reports.Fail}, {[]string{wellFormedMust, aShould}, reports.Fail}} {
		l, _ := ledgerOf(t, "one")
		var e harness.Evidence
		for _, statement := range test.broken {
			e.Breaches = append(e.Breaches, breachOf(statement))
		}
		enter(l, 0, e)
		l.close()
		if home := l.checks()[1]; home.Slug != "test-well-formed" || home.Outcome != test.want {
			t.Errorf("%v: %s %s; want %s", test.broken, home.Slug, home.Outcome, test.want)
		}
	}
}
