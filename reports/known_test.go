package reports

import (
	"bytes"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

var (
	march = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	known = func(entries ...KnownFailure) KnownFailures { return entries }
)

func TestReadKnownFailures(t *testing.T) {
	g := NewWithT(t)
	k, err := ReadKnownFailures(strings.NewReader(`
# why these do not count
- check: session-present-2
  mqtt: 5.0
  broker: mosquitto
  reason: fixed in the next release
  link: https://example.org/1
  expires: 2026-12-31
- statement: MQTT-3.3.4-1
  broker: "*"
  reason: |
    two
    lines
`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k).To(Equal(known(
		KnownFailure{Check: "session-present-2", MQTT: "5.0", Broker: "mosquitto", Reason: "fixed in the next release", Link: "https://example.org/1", Expires: "2026-12-31"},
		KnownFailure{Statement: "MQTT-3.3.4-1", Broker: "*", Reason: "two\nlines\n"},
	)))
	for _, empty := range []string{"", "# nothing yet\n", "[]", "null"} {
		k, err := ReadKnownFailures(strings.NewReader(empty))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(k).To(BeEmpty())
	}
}

func TestReadKnownFailuresIsStrict(t *testing.T) {
	for _, c := range []struct{ name, in, says string }{
		{"no list", "check: a", "line 1"},
		{"no YAML", "- check: [", "line 1"},
		{"a typing error", "- check: a\n  reson: b", `line 2: unknown field "reson"`},
		{"a field twice", "- check: a\n  check: b", "line 2"},
		{"neither check nor statement", "- broker: b\n  reason: c", "entry 1"},
		{"both", "- check: a\n  statement: s\n  broker: b\n  reason: c", "either check or statement"},
		{"no broker", "- check: a\n  reason: c", "broker is missing"},
		{"no reason", "- check: a\n  broker: b\n  reason: ' '", "reason is missing"},
		{"no such day", "- check: a\n  broker: b\n  reason: c\n  expires: 2026-02-30", "2006-01-31"},
		{"no such version", "- check: a\n  broker: b\n  reason: c\n  mqtt: 4", "write 3.1.1 or 5.0"},
		{"twice", "- check: a\n  broker: b\n  reason: c\n- check: a\n  broker: B\n  reason: d", "entry 2 (check a of B): entry 1 says the same"},
		{"an empty entry", "- null", "entry 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := ReadKnownFailures(strings.NewReader(c.in))
			g.Expect(err).To(MatchError(ContainSubstring(c.says)))
			g.Expect(err.Error()).NotTo(ContainSubstring("\n"))
		})
	}
}

func TestKnownFailuresApply(t *testing.T) {
	entry := func(change func(*KnownFailure)) KnownFailures {
		e := KnownFailure{Check: "a", Broker: "broker", Reason: "because"}
		if change != nil {
			change(&e)
		}
		return known(e)
	}
	for _, c := range []struct {
		name           string
		k              KnownFailures
		outcomes       []Outcome // of a@5.0, b@5.0
		change         func(*Results)
		want           []Outcome
		stale, expired int
		verdict        Verdict
	}{
		{name: "by slug", k: entry(nil), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Waived, Pass}, verdict: Incomplete},
		{name: "by ID", k: entry(func(e *KnownFailure) { e.Check = "a@5.0" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Waived, Pass}, verdict: Incomplete},
		{name: "by statement", k: entry(func(e *KnownFailure) { e.Check, e.Statement = "", "MQTT-1" }), outcomes: []Outcome{Fail, Fail}, want: []Outcome{Waived, Waived}, verdict: Incomplete},
		{name: "a warning", k: entry(nil), outcomes: []Outcome{Warn, Pass}, want: []Outcome{Waived, Pass}, verdict: Incomplete},
		{name: "an error is no failure", k: entry(nil), outcomes: []Outcome{Error, Pass}, want: []Outcome{Error, Pass}, verdict: Incomplete},
		{name: "another still fails", k: entry(nil), outcomes: []Outcome{Fail, Fail}, want: []Outcome{Waived, Fail}, verdict: Nonconformant},
		{name: "the broker with its version", k: entry(func(e *KnownFailure) { e.Broker = "Broker 1" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Waived, Pass}, verdict: Incomplete},
		{name: "any broker", k: entry(func(e *KnownFailure) { e.Broker = "*" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Waived, Pass}, verdict: Incomplete},
		{name: "a version pattern", k: entry(func(e *KnownFailure) { e.Broker = "broker 1*" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Waived, Pass}, verdict: Incomplete},
		{name: "another broker", k: entry(func(e *KnownFailure) { e.Broker = "brok" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Fail, Pass}, verdict: Nonconformant},
		{name: "another version", k: entry(func(e *KnownFailure) { e.MQTT = "3.1.1" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Fail, Pass}, verdict: Nonconformant},
		{name: "no pattern but text", k: entry(func(e *KnownFailure) { e.Broker = "broker (1" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Fail, Pass}, verdict: Nonconformant},
		{name: "stale", k: entry(nil), outcomes: []Outcome{Pass, Pass}, want: []Outcome{Pass, Pass}, stale: 1, verdict: Conformant},
		{name: "blocked is not stale", k: entry(nil), outcomes: []Outcome{Blocked, Pass}, want: []Outcome{Blocked, Pass}, verdict: Incomplete},
		{name: "unsteady is not stale", k: entry(nil), outcomes: []Outcome{Unsteady, Pass}, want: []Outcome{Unsteady, Pass}, verdict: Conformant},
		{name: "untried is not stale", k: entry(nil), outcomes: []Outcome{Untried, Pass}, want: []Outcome{Untried, Pass}, verdict: Conformant},
		{name: "no such check", k: entry(func(e *KnownFailure) { e.Check = "zzz" }), outcomes: []Outcome{Pass, Pass}, want: []Outcome{Pass, Pass}, stale: 1, verdict: Conformant},
		{name: "not in the selection", k: entry(func(e *KnownFailure) { e.Check = "zzz" }), outcomes: []Outcome{Pass, Pass}, change: func(r *Results) { r.Settings.Selection = "a" }, want: []Outcome{Pass, Pass}, verdict: Incomplete},
		{name: "not run", k: entry(func(e *KnownFailure) { e.Check = "zzz" }), outcomes: []Outcome{Pass, Pass}, change: func(r *Results) { r.Requirements[0].Checks = []string{"zzz@5.0"} }, want: []Outcome{Pass, Pass}, verdict: Incomplete},
		{name: "the last day", k: entry(func(e *KnownFailure) { e.Expires = "2026-03-14" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Waived, Pass}, verdict: Incomplete},
		{name: "expired", k: entry(func(e *KnownFailure) { e.Expires = "2026-03-13" }), outcomes: []Outcome{Fail, Pass}, want: []Outcome{Fail, Pass}, expired: 1, verdict: Nonconformant},
		{name: "expired and stale", k: entry(func(e *KnownFailure) { e.Expires = "2026-03-13" }), outcomes: []Outcome{Pass, Pass}, want: []Outcome{Pass, Pass}, stale: 1, verdict: Conformant},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			r := run(c.outcomes...)
			if c.change != nil {
				c.change(r)
			}
			for range 2 { // applying again changes nothing
				report := c.k.Apply(r, march)
				g.Expect([]Outcome{r.Checks[0].Outcome, r.Checks[1].Outcome}).To(Equal(c.want))
				g.Expect(report.Stale).To(HaveLen(c.stale))
				g.Expect(report.Expired).To(HaveLen(c.expired))
				g.Expect(report.Messages()).To(HaveLen(c.stale + c.expired))
				g.Expect(r.Summary.Verdict).To(Equal(c.verdict))
				g.Expect(r.KnownFailures).To(Equal(report))
			}
			// Without the file all is as it was.
			known().Apply(r, march)
			g.Expect([]Outcome{r.Checks[0].Outcome, r.Checks[1].Outcome}).To(Equal(c.outcomes))
		})
	}
}

func TestKnownFailuresMakeARunPass(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 250)
	for i := range r.Checks {
		if r.Checks[i].Outcome == Error {
			r.Checks[i].Outcome = Pass
		}
	}
	Summarise(r)
	g.Expect(ExitStatus(r, FailOnShould)).To(Equal(ExitGates))

	var b bytes.Buffer
	g.Expect(WriteKnownFailures(&b, r)).To(Succeed())
	k, err := ReadKnownFailures(bytes.NewReader(b.Bytes()))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k).To(HaveLen(11), "nine failures, a warning, and what was waived before")
	g.Expect(k[0].Broker).To(Equal("mosquitto"))
	golden(t, "known-failures.yaml", b.String())

	g.Expect(k.Apply(r, march).Messages()).To(BeEmpty())
	g.Expect(ExitStatus(r, FailOnShould)).To(Equal(ExitOK))
	k[1:].Apply(r, march)
	g.Expect(ExitStatus(r, FailOnMust)).To(Equal(ExitGates), "without one entry")
}

func TestWriteKnownFailuresOfHostileResults(t *testing.T) {
	g := NewWithT(t)
	r := hostile()
	var b bytes.Buffer
	g.Expect(WriteKnownFailures(&b, r)).To(Succeed())
	g.Expect(strings.ContainsAny(b.String(), "\x00\x1b\u202e")).To(BeFalse())
	k, err := ReadKnownFailures(&b)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k).To(HaveLen(r.Summary.Checks[Fail] + r.Summary.Checks[Warn] + r.Summary.Checks[Waived]))

	b.Reset()
	g.Expect(WriteKnownFailures(&b, run(Pass))).To(Succeed())
	k, err = ReadKnownFailures(&b)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(k).To(BeEmpty())
}

func TestProductName(t *testing.T) {
	for in, want := range map[string]string{
		"mosquitto 2.0.11": "mosquitto", "mochi-mqtt v2.7.9": "mochi-mqtt", "EMQ X Broker 5": "EMQ X Broker", "4tress": "4tress", "": "*", "NATS": "NATS",
	} {
		NewWithT(t).Expect(productName(&Results{Target: Target{Software: in}})).To(Equal(want))
	}
}
