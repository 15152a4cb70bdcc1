package reports

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The parts of a JUnit file that CI systems agree on.
type (
	junitRoot struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitTotals
		Suites []*junitSuite `xml:"testsuite"`
	}
	junitTotals struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
		seconds  float64
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitTotals
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitMessage `xml:"failure"`
		Error     *junitMessage `xml:"error"`
		Skipped   *junitMessage `xml:"skipped"`
		SystemOut string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes r as JUnit XML: one test suite per protocol version and
// section, one case per check, named by its title; its class name is
// mqtt-VERSION.SLUG, which does not change when a title is polished.
//
// A broken MUST is a failure, a harness error an error; what could not be
// decided (inapplicable, untried, blocked, waived) is skipped, with the reason. A
// warning and an unsteady check are failures only where they gate under failOn: CI
// must not turn red over what does not gate. Otherwise the case passes and its
// output says what was seen. What makes the exit status 2 is an error, so that no
// CI shows it in green: a run that could not be done and a version that was lost
// are cases of their own, and so is a check that stayed untried though r's
// settings require it.
func WriteJUnit(w io.Writer, r *Results, failOn FailOn) error {
	root := junitRoot{Name: "mqttspec: " + BrokerName(r)}
	if r.Problem != "" {
		suite := newSuite(r, "the run", "", "")
		suite.add(junitCase{
			Name:      "the run could be done",
			Classname: "mqttspec.run",
			Error:     &junitMessage{Message: shown(r.Problem, maxLine), Type: "run", Text: joinLines(r.Problem)},
		}, 0)
		root.Suites = append(root.Suites, suite)
	}
	for _, d := range r.Lost() {
		suite := newSuite(r, "MQTT "+shown(d.MQTT, 20), d.MQTT, "")
		suite.add(junitCase{
			Name:      "can be tested on MQTT " + shown(d.MQTT, 20),
			Classname: "mqttspec.version",
			Error:     &junitMessage{Message: d.untested(), Type: "version", Text: joinLines(d.Reason)},
		}, 0)
		root.Suites = append(root.Suites, suite)
	}
	for _, s := range sections(r) {
		suite := newSuite(r, "MQTT "+shown(s.mqtt, 20)+" · "+s.heading(), s.mqtt, s.number)
		for _, c := range s.checks {
			suite.add(r.junitCase(c, failOn), c.DurationMS/1000)
		}
		root.Suites = append(root.Suites, suite)
	}
	for _, suite := range root.Suites {
		root.Tests += suite.Tests
		root.Failures += suite.Failures
		root.Errors += suite.Errors
		root.Skipped += suite.Skipped
		suite.Time = seconds(suite.seconds)
	}
	root.Time = seconds(r.DurationMS / 1000)

	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	return nil
}

func newSuite(r *Results, name, mqtt, number string) *junitSuite {
	suite := &junitSuite{Name: name}
	if !r.Started.IsZero() {
		suite.Timestamp = r.Started.UTC().Format(time.DateOnly + "T" + time.TimeOnly)
	}
	for _, p := range []junitProperty{
		{"broker", BrokerName(r)},
		{"url", shown(redactURL(r.Target.URL), maxLine)},
		{"mqtt", shown(mqtt, 20)},
		{"section", shown(number, 40)},
		{"scope", shown(r.Summary.Scope, maxLine)},
		{"tool", shown(strings.TrimSpace(r.Tool.Name+" "+r.Tool.Version), 80)},
	} {
		if p.Value != "" {
			suite.Properties = append(suite.Properties, p)
		}
	}
	return suite
}

func (s *junitSuite) add(c junitCase, secs float64) {
	c.Time = seconds(secs)
	s.Cases = append(s.Cases, c)
	s.Tests++
	s.seconds += secs
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (r *Results) junitCase(c *Check, failOn FailOn) junitCase {
	tc := junitCase{
		Name:      shown(c.Title, maxLine),
		Classname: "mqtt-" + shown(c.MQTT, 20) + "." + shown(c.Slug, 120),
	}
	reason := shown(cmp.Or(c.Reason, c.Observed, c.Title), maxLine)
	switch c.Outcome {
	case Fail:
		tc.Failure = &junitMessage{Message: reason, Type: "MUST", Text: caseText(c)}
	case Error:
		tc.Error = &junitMessage{Message: reason, Type: "harness", Text: caseText(c)}
	case Warn:
		if failOn.gates(Warn) {
			tc.Failure = &junitMessage{Message: reason, Type: "warning", Text: caseText(c)}
		} else {
			tc.SystemOut = "warn: a SHOULD is not kept, or a rule is kept late\n" + caseText(c)
		}
	case Unsteady:
		if failOn.gates(Unsteady) {
			tc.Failure = &junitMessage{Message: reason, Type: "unsteady", Text: caseText(c)}
		} else {
			tc.SystemOut = "unsteady: something was missing at first, and came when the check was heard again\n" + caseText(c)
		}
	case Untried:
		if r.requires(c.Needs) {
			tc.Error = &junitMessage{Message: "required, but untried: " + reason, Type: "untried", Text: caseText(c)}
		} else {
			tc.Skipped = &junitMessage{Message: "untried: " + reason}
		}
	case Waived:
		tc.Skipped = &junitMessage{Message: "waived: " + waivedBecause(c)}
		tc.SystemOut = caseText(c)
	case Blocked, Inapplicable:
		tc.Skipped = &junitMessage{Message: string(c.Outcome) + ": " + reason}
	}
	return tc
}

// caseText is what a CI shows when a case is opened: all there is to act on.
func caseText(c *Check) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s %s\n", shown(c.ID, 160), shown(c.Level, 20), shown(strings.Join(c.Accused(), ", "), maxLine))
	if c.Reason != "" {
		fmt.Fprintf(&b, "\n%s\n", shown(c.Reason, maxLine))
	}
	if c.Expected != "" {
		fmt.Fprintf(&b, "\nexpected:\n%s\n", indent(c.Expected))
	}
	if c.Observed != "" {
		fmt.Fprintf(&b, "\nobserved:\n%s\n", indent(c.Observed))
	}
	if s := c.heardFirst(); s != "" {
		fmt.Fprintf(&b, "\nat first: %s\n", shown(s, maxLine))
	}
	if c.Why != "" {
		fmt.Fprintf(&b, "\nwhy: %s\n", shown(c.Why, maxBlock))
	}
	if len(c.Exchange) > 0 {
		fmt.Fprintf(&b, "\nexchange:\n%s", exchangeText(c.Exchange))
	}
	return b.String()
}

func indent(s string) string { return "  " + strings.Join(lines(s, maxBlock), "\n  ") }

func joinLines(s string) string { return strings.Join(lines(s, maxBlock), "\n") }

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
