package runner

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mqttspec/harness"
	"mqttspec/reports"
)

// Statements of the rows below; to the judge they are no more than names.
const first, second, foreign = "MQTT-3.1.4-1", "MQTT-3.1.4-4", "MQTT-9.9.9-9"

// decided is what the rows begin with: a check that decides two statements and
// came to its end on a broker that answers.
func decided() facts {
	return facts{
		id: "the-check", statements: []string{first, second},
		slug: "the-check",
		decider: func(s harness.Stop) string {
			if s.Step == "" && s.Statement == "" {
				return ""
			}
			return "the-step"
		},
	}
}

// ended is an exchange that was ended.
func ended(kind harness.StopKind) harness.Evidence {
	return harness.Evidence{Stop: harness.Stop{Kind: kind, Reason: "because", Expected: "this", Observed: "that"}}
}

// inCases is an exchange that was ended by its cases.
func inCases(cases ...harness.CaseEvidence) harness.Evidence {
	e := harness.Evidence{Stop: harness.Stop{Kind: harness.InCases}, Cases: cases}
	for _, c := range cases {
		e.Breaches = append(e.Breaches, c.Breaches...)
	}
	return e
}

func oneCase(name string, kind harness.StopKind, about ...string) harness.CaseEvidence {
	return harness.CaseEvidence{
		Name: name, Stop: harness.Stop{Kind: kind, Reason: name + " ended", Expected: "this", Observed: "that"},
		About: about, Events: []harness.Event{{Dir: harness.Note, Packet: name}},
	}
}

func breachOf(statement string) harness.Breach {
	return harness.Breach{Statement: statement, Text: "wrong [" + statement + "]"}
}

// wentDown is an outage that is over, and wentAway one that is not, during the
// check that the rows are about.
func wentDown() *harness.Outage {
	return &harness.Outage{What: "EOF", After: "it came back", During: []string{"the-check"}}
}

func wentAway() *harness.Outage {
	o := wentDown()
	o.After = ""
	return o
}

func isUnheard(t *testing.T, v Verdict) {
	if !v.unheard || v.missing {
		t.Error("it is taken for a verdict")
	}
}

func isCulprit(t *testing.T, v Verdict) {
	if !v.culprit || v.unheard || v.missing {
		t.Error("it is not said to bring the broker down")
	}
}

// TestJudge: a row a rule.
func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(f *facts)
		want   reports.Outcome
		reason string // part of the reason
		broken []string
		kept   []string
		check  func(t *testing.T, v Verdict)
	}{
		// What ended the exchange.
		{name: "a body that came to its end passes", want: reports.Pass},
		{name: "a contradiction fails", change: func(f *facts) { f.evidence = ended(harness.Contradicted) }, want: reports.Fail, reason: "because"},
		{name: "a declined feature is inapplicable", change: func(f *facts) { f.evidence = ended(harness.Declined) }, want: reports.Inapplicable, reason: "because"},
		{name: "a service that the broker refuses is named", change: func(f *facts) {
			f.evidence = ended(harness.Declined)
			f.evidence.Stop.Refused = "wills"
		}, want: reports.Inapplicable, check: func(t *testing.T, v Verdict) {
			if v.Refused != "wills" {
				t.Errorf("refused %q", v.Refused)
			}
		}},
		{name: "what only the target could give is untried", change: func(f *facts) {
			f.evidence = ended(harness.Declined)
			f.evidence.Stop.Needs = harness.Credentials
		}, want: reports.Untried, reason: "because", check: func(t *testing.T, v Verdict) {
			if v.Needs != harness.Credentials {
				t.Errorf("needs %q", v.Needs)
			}
		}},
		{name: "a harness that failed is an error", change: func(f *facts) { f.evidence = ended(harness.Broken) }, want: reports.Error, reason: "because"},
		{name: "a missing step blocks and names its check", change: func(f *facts) {
			f.evidence = ended(harness.Unprepared)
			f.evidence.Stop.Step = harness.StepSubscribe
		}, want: reports.Blocked, reason: "could not be set up (see check the-step): because"},
		{name: "bytes that are no packets block and name their check", change: func(f *facts) {
			f.evidence = harness.Evidence{Stop: harness.Stop{Kind: harness.Unprepared, Reason: "unreadable", Step: harness.StepWellFormed}}
		}, want: reports.Blocked, reason: "unreadable (see check the-step)"},
		{name: "what has no step names none", change: func(f *facts) {
			f.evidence = harness.Evidence{Stop: harness.Stop{Kind: harness.Unprepared, Reason: "flooded"}}
		}, want: reports.Blocked, reason: "flooded"},

		// What was not heard.
		{name: "a lacking feature is inapplicable", change: func(f *facts) { f.lacks = "CONNACK: Maximum QoS 0" }, want: reports.Inapplicable, reason: "CONNACK: Maximum QoS 0"},
		{name: "after an interruption nothing is judged", change: func(f *facts) { f.interrupted = "Ctrl-C" }, want: reports.Error, reason: "not run: Ctrl-C"},
		{name: "what was given up is blocked", change: func(f *facts) { f.unrun, f.found.Outage = true, wentAway() }, want: reports.Blocked, reason: "not run: the broker went down (EOF) and did not come back"},
		{name: "a lacking feature stays inapplicable on a broker that went down", change: func(f *facts) { f.lacks, f.found.Outage = "no", wentDown() }, want: reports.Inapplicable},

		// The level.
		{name: "a broken SHOULD is a warning", change: func(f *facts) { f.should, f.evidence = true, ended(harness.Contradicted) }, want: reports.Warn},
		{name: "a SHOULD that could not be tried is no warning", change: func(f *facts) { f.should, f.evidence = true, ended(harness.Unprepared) }, want: reports.Blocked},

		// What a failure is about.
		{name: "a failure is about what it was said to be", change: func(f *facts) {
			f.evidence = ended(harness.Contradicted)
			f.evidence.About, f.evidence.Kept = []string{second}, []string{first}
		}, want: reports.Fail, broken: []string{second}, kept: []string{first}},

		// Breaches in the check's own exchange.
		{name: "a breach of a statement of its own fails a check that came to its end", change: func(f *facts) {
			f.evidence.Breaches = []harness.Breach{breachOf(second)}
		}, want: reports.Fail, reason: "wrong [" + second + "]", broken: []string{second}, kept: []string{first, second}},
		{name: "a breach of another statement does not", change: func(f *facts) {
			f.evidence.Breaches = []harness.Breach{breachOf(foreign)}
		}, want: reports.Pass},
		{name: "a breach fails a check that was blocked", change: func(f *facts) {
			f.evidence = ended(harness.Unprepared)
			f.evidence.Breaches = []harness.Breach{breachOf(first)}
		}, want: reports.Fail, broken: []string{first}},
		{name: "a breach adds to what a failure is about", change: func(f *facts) {
			f.evidence = ended(harness.Contradicted)
			f.evidence.About, f.evidence.Breaches = []string{first}, []harness.Breach{breachOf(second)}
		}, want: reports.Fail, reason: "because", broken: []string{first, second}},
		{name: "a failure about everything stays about everything", change: func(f *facts) {
			f.evidence = ended(harness.Contradicted)
			f.evidence.Breaches = []harness.Breach{breachOf(second)}
		}, want: reports.Fail, reason: "because"},
		{name: "a breach changes nothing about an error", change: func(f *facts) {
			f.evidence = ended(harness.Broken)
			f.evidence.Breaches = []harness.Breach{breachOf(first)}
		}, want: reports.Error},
		{name: "a breach of a SHOULD is a warning", change: func(f *facts) {
			f.should, f.evidence.Breaches = true, []harness.Breach{breachOf(first)}
		}, want: reports.Warn, broken: []string{first}},

		// Cases.
		{name: "one failed case of several fails", change: func(f *facts) {
			f.evidence = inCases(oneCase("good", harness.Completed), oneCase("bad", harness.Contradicted, first), oneCase("blocked", harness.Unprepared))
		}, want: reports.Fail, reason: "1 of 3 cases (bad): bad ended", broken: []string{first}, check: func(t *testing.T, v Verdict) {
			if !slices.Equal(v.Cases, []CaseVerdict{{"good", reports.Pass}, {"bad", reports.Fail}, {"blocked", reports.Blocked}}) {
				t.Errorf("cases %v", v.Cases)
			}
			if packets := packetsOf(v.Events); packets != "case: bad, bad" {
				t.Errorf("events %s; want those of the failed case", packets)
			}
		}},
		{name: "a failure outranks an error", change: func(f *facts) {
			f.evidence = inCases(oneCase("broken", harness.Broken), oneCase("bad", harness.Contradicted))
		}, want: reports.Fail},
		{name: "an error outranks a blocked case", change: func(f *facts) {
			f.evidence = inCases(oneCase("blocked", harness.Unprepared), oneCase("broken", harness.Broken))
		}, want: reports.Error},
		{name: "a blocked case outranks one that passes", change: func(f *facts) {
			f.evidence = inCases(oneCase("good", harness.Completed), oneCase("blocked", harness.Unprepared))
		}, want: reports.Blocked, reason: "1 of 2 cases (blocked)"},
		{name: "cases of which none applies are inapplicable", change: func(f *facts) {
			f.evidence = inCases(oneCase("a", harness.Declined), oneCase("b", harness.Declined))
		}, want: reports.Inapplicable, reason: "2 of 2 cases (a, b)"},
		{name: "failed cases are about all that any of them is about", change: func(f *facts) {
			f.evidence = inCases(oneCase("a", harness.Contradicted, first), oneCase("b", harness.Contradicted, second))
		}, want: reports.Fail, broken: []string{first, second}},
		{name: "a failed case that is about everything makes it everything", change: func(f *facts) {
			f.evidence = inCases(oneCase("a", harness.Contradicted, first), oneCase("b", harness.Contradicted))
		}, want: reports.Fail},
		{name: "cases keep what every stopped one kept", change: func(f *facts) {
			a, b := oneCase("a", harness.Contradicted, second), oneCase("b", harness.Unprepared)
			a.Kept, b.Kept = []string{first, foreign}, []string{first}
			f.evidence = inCases(a, b, oneCase("good", harness.Completed))
		}, want: reports.Fail, broken: []string{second}, kept: []string{first}},
		{name: "a case with a breach has failed", change: func(f *facts) {
			c := oneCase("good", harness.Completed)
			c.Breaches = []harness.Breach{breachOf(first)}
			f.evidence = inCases(c)
			f.evidence.Stop = harness.Stop{}
		}, want: reports.Fail, broken: []string{first}, check: func(t *testing.T, v Verdict) {
			if !slices.Equal(v.Cases, []CaseVerdict{{"good", reports.Fail}}) {
				t.Errorf("cases %v", v.Cases)
			}
		}},

		// What became of the broker.
		{name: "a failure on a broker that went down is no verdict yet", change: func(f *facts) {
			f.evidence, f.found.Outage = ended(harness.Contradicted), wentDown()
		}, want: reports.Fail, check: isUnheard},
		{name: "nor is a pass: who brings it down may pass", change: func(f *facts) { f.found.Outage = wentDown() }, want: reports.Pass, check: isUnheard},
		{name: "alone, it is one", change: func(f *facts) {
			f.evidence, f.found.Outage, f.alone = ended(harness.Contradicted), wentDown(), true
			f.evidence.About = []string{first}
		}, want: reports.Fail, reason: "the broker went down (EOF) when this check ran alone; because", broken: []string{first}, check: isCulprit},
		{name: "and so is a pass", change: func(f *facts) { f.found.Outage, f.alone = wentDown(), true },
			want: reports.Fail, reason: "the broker went down (EOF) when this check ran alone", check: isCulprit},
		{name: "and what the broker declined", change: func(f *facts) {
			f.evidence, f.found.Outage, f.alone = ended(harness.Declined), wentDown(), true
		}, want: reports.Fail, check: isCulprit},
		{name: "and what is missing", change: func(f *facts) {
			f.evidence, f.found.Outage, f.alone, f.evidence.Stop.Missing = ended(harness.Contradicted), wentDown(), true, true
		}, want: reports.Fail, check: isCulprit},
		{name: "bringing the broker down is no mere SHOULD", change: func(f *facts) {
			f.should, f.evidence, f.found.Outage, f.alone = true, ended(harness.Contradicted), wentDown(), true
		}, want: reports.Fail, check: isCulprit},
		{name: "a check that restarts the broker does not bring it down", change: func(f *facts) {
			f.evidence, f.found.Outage, f.alone, f.restarts = ended(harness.Broken), wentDown(), true, true
		}, want: reports.Error, reason: "because"},
		{name: "where the broker goes for good nothing fails", change: func(f *facts) {
			f.evidence, f.found.Outage, f.alone = ended(harness.Contradicted), wentAway(), true
		}, want: reports.Blocked, reason: "the broker went down (EOF) and did not come back, while this check ran; seen before: because"},
		{name: "nor where it does before something missing could be heard again", change: func(f *facts) {
			f.evidence, f.found.Outage = ended(harness.Contradicted), wentAway()
			f.evidence.Stop.Missing, f.id = true, "another"
		}, want: reports.Blocked, reason: "and did not come back, before this check could be heard again"},
		{name: "what passed then has passed", change: func(f *facts) { f.found.Outage = wentAway() }, want: reports.Pass},
		{name: "on a broker that goes down again and again nothing fails", change: func(f *facts) {
			f.evidence, f.found.Outage, f.alone = ended(harness.Contradicted), wentAway(), true
			f.found.Outage.Often, f.found.Outage.Number = true, 7
		}, want: reports.Blocked, reason: "as it did 7 times: it is not asked any more"},
		{name: "a check among too many is heard again", change: func(f *facts) {
			f.evidence, f.found = ended(harness.Contradicted), harness.Found{Crowded: true}
		}, want: reports.Fail, check: isUnheard},
		{name: "a check that needs too many connections is inapplicable", change: func(f *facts) {
			f.evidence, f.alone, f.found = ended(harness.Unprepared), true, harness.Found{Crowded: true, Limit: 20}
			f.evidence.Stop.NoConnection = true
		}, want: reports.Inapplicable, reason: "more connections than the broker takes at the same time (20): because"},

		// Charges of others.
		{name: "a charge fails a check that passes by itself", change: func(f *facts) { f.charges = charged(first, false) },
			want: reports.Fail, reason: "seen in check other@5.0: wrong", broken: []string{first}, kept: []string{first, second}},
		{name: "a charge fails a check that was blocked", change: func(f *facts) {
			f.evidence, f.charges = ended(harness.Unprepared), charged(first, false)
		}, want: reports.Fail, broken: []string{first}},
		{name: "a charge fails a check whose feature is lacking", change: func(f *facts) { f.lacks, f.charges = "no", charged(first, false) },
			want: reports.Fail, broken: []string{first}},
		{name: "a charge adds to what a failure is about", change: func(f *facts) {
			f.evidence, f.charges = ended(harness.Contradicted), charged(second, false)
			f.evidence.About = []string{first}
		}, want: reports.Fail, reason: "because", broken: []string{first, second}},
		{name: "a charge of a SHOULD is a warning, whatever else the check decides", change: func(f *facts) { f.charges = charged(first, true) },
			want: reports.Warn, broken: []string{first}},
		{name: "a charge of a SHOULD changes nothing about a failure", change: func(f *facts) {
			f.evidence, f.charges = ended(harness.Contradicted), charged(first, true)
		}, want: reports.Fail, reason: "because"},
		{name: "a charge of a SHOULD hides no error", change: func(f *facts) {
			f.evidence, f.charges = ended(harness.Broken), charged(first, true)
		}, want: reports.Error},
		{name: "a charge of a MUST outranks that of a SHOULD, whichever comes first", change: func(f *facts) {
			f.charges = append(charged(first, true), charged(second, false)...)
		}, want: reports.Fail, broken: []string{second}},
		{name: "or last", change: func(f *facts) { f.charges = append(charged(second, false), charged(first, true)...) },
			want: reports.Fail, broken: []string{second}},
		{name: "a statement that the check does not decide is charged to it once, as the general one", change: func(f *facts) {
			f.charges = append(charged(foreign, false), charged(foreign, false)...)
		}, want: reports.Fail, broken: []string{foreign}},
		{name: "a charge about a step is about everything", change: func(f *facts) {
			f.charges = append(charged(first, false), charge{outcome: reports.Fail, reason: "no SUBACK", seenIn: "other@5.0"})
		}, want: reports.Fail, reason: "seen in check other@5.0: wrong"},
		{name: "what others were missing only once is unsteady", change: func(f *facts) {
			f.charges = []charge{{outcome: reports.Unsteady, reason: "no SUBACK", seenIn: "other@5.0"}}
		}, want: reports.Unsteady, reason: "seen in check other@5.0: no SUBACK"},
		{name: "but hides no failure", change: func(f *facts) {
			f.evidence, f.charges = ended(harness.Contradicted), []charge{{outcome: reports.Unsteady, reason: "no SUBACK"}}
		}, want: reports.Fail, reason: "because"},

		// What is missing.
		{name: "what is missing convicts nobody at the first hearing", change: func(f *facts) { f.evidence = lacking(harness.Contradicted) },
			want: reports.Fail, check: wantMissing},
		{name: "nor blocks anybody", change: func(f *facts) { f.evidence = lacking(harness.Unprepared) }, want: reports.Blocked, check: wantMissing},
		{name: "who was not let in may be next time", change: func(f *facts) {
			f.evidence = ended(harness.Unprepared)
			f.evidence.Stop.NoConnection = true
		}, want: reports.Blocked, check: wantMissing},
		{name: "what is missing twice fails, and both hearings are kept", change: func(f *facts) {
			f.before, f.evidence = heard(lacking(harness.Contradicted)), lacking(harness.Contradicted)
		}, want: reports.Fail, reason: "because", check: func(t *testing.T, v Verdict) {
			if v.missing || v.First == nil || v.First.Reason != "because" {
				t.Errorf("missing %v, first %v", v.missing, v.First)
			}
		}},
		{name: "what came the second time is unsteady", change: func(f *facts) { f.before = heard(lacking(harness.Contradicted)) },
			want: reports.Unsteady, reason: "there in time when it was heard again: because"},
		{name: "what came late the second time is a warning", change: func(f *facts) {
			f.before, f.evidence.Late = heard(lacking(harness.Contradicted)), []harness.Late{{What: "a packet", After: 12 * time.Second}}
		}, want: reports.Warn, reason: "late: a packet came after 12s"},
		{name: "what is late in the set-up is no fault of the rule's", change: func(f *facts) {
			f.before, f.evidence.Late = heard(lacking(harness.Unprepared)), []harness.Late{{What: "a packet", After: 12 * time.Second, Step: harness.StepDeliver}}
		}, want: reports.Pass},
		{name: "a set-up that was missing once leaves the rule kept", change: func(f *facts) { f.before = heard(lacking(harness.Unprepared)) }, want: reports.Pass},
		{name: "and needs two hearings more before something missing fails", change: func(f *facts) {
			f.before, f.evidence = heard(lacking(harness.Unprepared)), lacking(harness.Contradicted)
		}, want: reports.Fail, check: wantMissing},
		{name: "as then", change: func(f *facts) {
			f.before, f.evidence = heard(lacking(harness.Unprepared), lacking(harness.Contradicted)), lacking(harness.Contradicted)
		}, want: reports.Fail, check: wantVerdict},
		{name: "else nothing is proven", change: func(f *facts) {
			f.before, f.evidence = heard(lacking(harness.Unprepared), lacking(harness.Unprepared)), lacking(harness.Contradicted)
		}, want: reports.Blocked, check: wantVerdict},
		{name: "what cannot be heard again is not proven", change: func(f *facts) {
			f.evidence, f.unrepeatable = lacking(harness.Contradicted), "the broker is gone"
		}, want: reports.Blocked, reason: "because; the check could not be heard again: the broker is gone", check: wantVerdict},
		{name: "what was seen in the first hearing stands", change: func(f *facts) {
			f.before = heard(inCases(oneCase("seen", harness.Contradicted), lackingCase("missing")))
		}, want: reports.Fail, reason: "1 of 2 cases (seen)", check: wantVerdict},
		{name: "of cases, those fail that were missing twice", change: func(f *facts) {
			f.before = heard(inCases(lackingCase("a"), lackingCase("b"), oneCase("c", harness.Completed)))
			f.evidence = inCases(oneCase("a", harness.Completed), lackingCase("b"), oneCase("c", harness.Completed))
		}, want: reports.Fail, reason: "1 of 3 cases (b)", check: wantVerdict},
		{name: "and one that is missing for the first time is heard once more", change: func(f *facts) {
			f.before = heard(inCases(lackingCase("a"), oneCase("b", harness.Completed)))
			f.evidence = inCases(oneCase("a", harness.Completed), lackingCase("b"))
		}, want: reports.Fail, check: wantMissing},
		{name: "a step that the check itself decides is its verdict", change: func(f *facts) {
			f.slug, f.evidence = "the-step", ended(harness.Unprepared)
			f.evidence.Stop.Step = harness.StepSubscribe
		}, want: reports.Fail, reason: "because"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := decided()
			if test.change != nil {
				test.change(&f)
			}
			before := f.evidence

			v := judge(f)

			if v.Outcome != test.want || !strings.Contains(v.Reason, test.reason) {
				t.Errorf("%s %q; want %s %q", v.Outcome, v.Reason, test.want, test.reason)
			}
			if !slices.Equal(v.Broken, test.broken) {
				t.Errorf("broken %v; want %v", v.Broken, test.broken)
			}
			if test.kept != nil && !slices.Equal(v.Kept, test.kept) {
				t.Errorf("kept %v; want %v", v.Kept, test.kept)
			}
			if test.check != nil {
				test.check(t, v)
			}
			if again := judge(f); again.Outcome != v.Outcome || again.Reason != v.Reason || f.evidence.Stop != before.Stop {
				t.Errorf("a second look says %s %q", again.Outcome, again.Reason)
			}
		})
	}
}

func charged(statement string, should bool) []charge {
	c := charge{outcome: reports.Fail, statement: statement, reason: breachOf(statement).Text, seenIn: "other@5.0"}
	if should {
		c.outcome = reports.Warn
	}
	return []charge{c}
}

// heard are earlier hearings.
func heard(hearings ...harness.Evidence) []harness.Evidence { return hearings }

// lacking is an exchange that was ended by what was missing.
func lacking(kind harness.StopKind) harness.Evidence {
	e := ended(kind)
	e.Stop.Missing = true
	return e
}

func lackingCase(name string) harness.CaseEvidence {
	c := oneCase(name, harness.Contradicted)
	c.Stop.Missing = true
	return c
}

func wantMissing(t *testing.T, v Verdict) {
	t.Helper()
	if !v.missing {
		t.Error("it is taken for a verdict")
	}
}

func wantVerdict(t *testing.T, v Verdict) {
	t.Helper()
	if v.missing {
		t.Error("it is not taken for a verdict")
	}
}

func packetsOf(events []harness.Event) string {
	var packets []string
	for _, e := range events {
		packets = append(packets, e.Packet)
	}
	return strings.Join(packets, ", ")
}
