package reports

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	. "github.com/onsi/gomega"
)

// readJUnit reads what WriteJUnit wrote the way a CI does.
func readJUnit(t *testing.T, r *Results, failOn FailOn) ([]junit.Suite, junit.Totals) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJUnit(&b, r, failOn); err != nil {
		t.Fatal(err)
	}
	suites, err := junit.Ingest(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var sum junit.Totals
	for _, s := range suites {
		sum.Tests += s.Totals.Tests
		sum.Passed += s.Totals.Passed
		sum.Failed += s.Totals.Failed
		sum.Error += s.Totals.Error
		sum.Skipped += s.Totals.Skipped
	}
	// The totals written on the root are those that a reader counts.
	var root struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	if err := xml.Unmarshal(b.Bytes(), &root); err != nil {
		t.Fatal(err)
	}
	NewWithT(t).Expect([]int{root.Tests, root.Failures, root.Errors, root.Skipped}).To(Equal([]int{sum.Tests, sum.Failed, sum.Error, sum.Skipped}))
	return suites, sum
}

func TestJUnitCountsRight(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 250)
	n := r.Summary.Checks
	suites, sum := readJUnit(t, r, FailOnMust)
	g.Expect(sum).To(Equal(junit.Totals{
		Tests: 500, Passed: n[Pass] + n[Warn] + n[Unsteady], Failed: n[Fail], Error: n[Error], Skipped: n[Inapplicable] + n[Untried] + n[Blocked] + n[Waived],
	}))
	g.Expect(suites).To(HaveLen(len(sections(r))))
	g.Expect(suites[0].Name).To(Equal("MQTT 3.1.1 · 1.5.3 UTF-8 Encoded String"))

	_, sum = readJUnit(t, r, FailOnShould)
	g.Expect(sum.Failed).To(Equal(n[Fail] + n[Warn]))
	_, sum = readJUnit(t, r, FailOnUnsteady)
	g.Expect(sum.Failed).To(Equal(n[Fail] + n[Warn] + n[Unsteady]))
}

func TestJUnitCases(t *testing.T) {
	g := NewWithT(t)
	suites, _ := readJUnit(t, fixture(1, 250), FailOnMust)
	find := func(classname string) junit.Test {
		for _, s := range suites {
			for _, c := range s.Tests {
				if c.Classname == classname {
					return c
				}
			}
		}
		t.Fatalf("no case %s", classname)
		return junit.Test{}
	}
	fail := find("mqtt-5.0.session-present-2")
	g.Expect(fail.Status).To(Equal(junit.StatusFailed))
	g.Expect(fail.Name).To(Equal("answers Session Present 0 to a clean start even when a session was stored"))
	g.Expect(fail.Message).To(Equal("CONNACK has Session Present 1 after Clean Start 1"))
	failure := fail.Error.(junit.Error)
	g.Expect(failure.Type).To(Equal("MUST"))
	for _, s := range []string{"expected:\n  Session Present 0\n", "observed:\n  Session Present 1\n", "alice → CONNECT client=", "MQTT-3.1.2-4", "10 2a 00 04"} {
		g.Expect(failure.Body).To(ContainSubstring(s))
	}

	g.Expect(find("mqtt-3.1.1.dup-1").Status).To(Equal(junit.StatusError))
	g.Expect(find("mqtt-3.1.1.retain-3").Message).To(HavePrefix("waived: known since 2.0.9"))
	g.Expect(find("mqtt-5.0.topic-alias-2").Message).To(Equal("blocked: topic-alias-1@5.0 failed: no alias was accepted"))
	g.Expect(find("mqtt-5.0.shared-subscriptions-1").Message).To(HavePrefix("inapplicable: CONNACK declares"))
	warn := find("mqtt-5.0.qos-exactly-once-delivery-3")
	g.Expect(warn.Status).To(Equal(junit.StatusPassed))
	unsteady := find("mqtt-5.0.will-retain-1")
	g.Expect(unsteady.Status).To(Equal(junit.StatusPassed))
	g.Expect(unsteady.SystemOut).To(And(HavePrefix("unsteady: "), ContainSubstring("at first: expected PUBLISH of the will; observed nothing within 5s\n")))
	g.Expect(find("mqtt-5.0.pingreq-actions-1").Message).To(Equal("untried: needs a way to restart the broker: add start or restart to the target"))
	g.Expect(warn.SystemOut).To(ContainSubstring("a SHOULD is not kept, or a rule is kept late"))
}

func TestJUnitOfAnUnreachableBrokerIsRed(t *testing.T) {
	g := NewWithT(t)
	r := &Results{Problem: "connection refused"}
	Summarise(r)
	_, sum := readJUnit(t, r, FailOnNever)
	g.Expect(sum).To(Equal(junit.Totals{Tests: 1, Error: 1}))
}

// What makes the exit status 2 is no green and no skipped case.
func TestJUnitOfWhatIsMissing(t *testing.T) {
	g := NewWithT(t)
	r := run(Pass, Untried)
	r.Checks[1].Needs = "restart"
	r.Dropped = []Dropped{{MQTT: "3.1.1", Reason: "no CONNACK within 5s"}, {MQTT: "4", Reason: "CONNACK 0x01", Refused: true}}
	Summarise(r)
	_, sum := readJUnit(t, r, FailOnMust)
	g.Expect(sum).To(Equal(junit.Totals{Tests: 3, Passed: 1, Skipped: 1, Error: 1}))
	r.Settings.Require = []string{"restart"}
	suites, sum := readJUnit(t, r, FailOnMust)
	g.Expect(sum).To(Equal(junit.Totals{Tests: 3, Passed: 1, Error: 2}))
	g.Expect(suites[0].Tests[0].Message).To(Equal("MQTT 3.1.1 was not tested: no CONNACK within 5s"))
}

func TestJUnitGolden(t *testing.T) {
	var b bytes.Buffer
	r := fixture(1, 40)
	if err := WriteJUnit(&b, r, FailOnMust); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", b.String())
}

func TestJUnitOfHostileResults(t *testing.T) {
	g := NewWithT(t)
	var b bytes.Buffer
	g.Expect(WriteJUnit(&b, hostile(), FailOnShould)).To(Succeed())
	// No character that XML 1.0 forbids, and none that it would swallow.
	g.Expect(strings.ContainsFunc(b.String(), func(r rune) bool {
		return r == '\uFFFD' || r < 0x20 && r != '\n' || r == 0x7f || r == '\u202e'
	})).To(BeFalse())
	g.Expect(b.String()).To(ContainSubstring(`\x1b[31mred`))
	g.Expect(b.String()).NotTo(ContainSubstring("hunter2"))
	dec := xml.NewDecoder(&b)
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		g.Expect(err).NotTo(HaveOccurred())
		if start, ok := tok.(xml.StartElement); ok {
			g.Expect(start.Name.Local).NotTo(Equal("script"))
		}
	}
	readJUnit(t, hostile(), FailOnMust)
}
