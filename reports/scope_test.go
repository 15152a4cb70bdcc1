package reports

import (
	"bytes"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestScope(t *testing.T) {
	g := NewWithT(t)
	r := run(Pass, Untried, Inapplicable, Untried)
	r.Target.URL = "mqtts://alice:hunter2@host:8883"
	r.Checks[1].Needs, r.Checks[3].Needs = "restart", "something new"
	r.Checks[2].Refused = "subscriptions"
	r.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "CONNACK 0x01", Refused: true}}
	Summarise(r)
	g.Expect(r.Summary.Scope).To(Equal("MQTT 5.0 over TLS; MQTT 3.1.1 was not tested: CONNACK 0x01; the broker refuses subscriptions; 2 untried for want of a restart and something new"))

	r = &Results{Problem: "refused"}
	Summarise(r)
	g.Expect(r.Summary.Scope).To(Equal("no protocol version"))
}

func TestRequire(t *testing.T) {
	g := NewWithT(t)
	g.Expect(ParseRequire([]string{"Restart", " all"})).To(Equal([]string{"restart", "all"}))
	g.Expect(ParseRequire(nil)).To(BeEmpty())
	for _, word := range []string{"", "teapot", "restart;kill"} {
		_, err := ParseRequire([]string{"restart", word})
		g.Expect(err).To(MatchError(And(ContainSubstring("choose all"), ContainSubstring("websocket"))), word)
	}
	_, err := ParseRequire([]string{"\x1b[2J"})
	g.Expect(err.Error()).NotTo(ContainSubstring("\x1b"))

	r := run(Pass, Untried, Untried)
	r.Checks[1].Needs, r.Checks[1].Reason = "restart", "needs a restart: add start to the target."
	r.Checks[2].Needs = "websocket"
	g.Expect(Unmet(r)).To(BeEmpty(), "nothing is required")
	r.Settings.Require = []string{"restart"}
	g.Expect(Unmet(r)).To(Equal([]string{"--require restart: 1 check untried for want of a restart: needs a restart: add start to the target"}))
	r.Settings.Require = []string{"all"}
	g.Expect(Unmet(r)).To(HaveLen(2))
}

// What a reader must know first comes first, once, whether it was known when the
// run began or not.
func TestHeadlinesComeFirst(t *testing.T) {
	g := NewWithT(t)
	r := run(Pass, Inapplicable, Inapplicable)
	r.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "no CONNACK within 5s"}}
	r.Conditions = []string{"The broker answers slowly."}
	r.Checks[1].Refused, r.Checks[2].Refused = "subscriptions", "subscriptions"
	Summarise(r)

	var b bytes.Buffer
	c := NewConsole(&b, ConsoleOptions{})
	c.Start(3, &Results{MQTT: r.MQTT, Target: r.Target, Dropped: r.Dropped, Conditions: r.Conditions})
	g.Expect(b.String()).To(Equal("broker 1\n! MQTT 3.1.1 was not tested: no CONNACK within 5s.\n! The broker answers slowly.\n3 checks of MQTT 5.0\n\n"))
	c.Finish(r)
	refusal := "On MQTT 5.0 the broker refuses subscriptions: 2 checks do not apply, and the verdict is incomplete."
	g.Expect(strings.Split(b.String(), "\n")[5]).To(Equal("! " + refusal))
	g.Expect(strings.Count(b.String(), "The broker answers slowly.")).To(Equal(1))

	b.Reset()
	NewConsole(&b, ConsoleOptions{}).Finish(r)
	g.Expect(b.String()).To(HavePrefix("! MQTT 3.1.1 was not tested"), "a report has them too")
	page, _ := htmlOf(t, r)
	for _, out := range []string{page, markdownOf(t, r)} {
		for _, s := range []string{refusal, "MQTT 3.1.1 was not tested: no CONNACK within 5s.", "The broker answers slowly."} {
			g.Expect(strings.ReplaceAll(out, "\\", "")).To(ContainSubstring(s))
		}
	}
	b.Reset()
	g.Expect(WriteGitHub(&b, r, FailOnMust)).To(Succeed())
	g.Expect(b.String()).To(HavePrefix("::error title=MQTT 3.1.1::MQTT 3.1.1 was not tested: no CONNACK within 5s\n"))
	g.Expect(b.String()).To(ContainSubstring("::warning title=MQTT conformance::" + refusal))
}
