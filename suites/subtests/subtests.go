// Package subtests lets a broker's own repository run the suite from go test:
// every check is a subtest, named after its protocol version, section and slug.
//
//	func TestConformance(t *testing.T) {
//		address := startMyBroker(t) // host:port
//		subtests.Run(t, "mqtt://"+address, suites.Options{})
//	}
//
// A check that fails fails its subtest with what was expected, what was
// observed and the exchange; one that is inapplicable, untried, blocked, unsteady
// or only a SHOULD skips it and says why. A protocol version that the broker neither
// speaks nor refuses fails the test.
package subtests

import (
	"fmt"
	"strings"
	"testing"

	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites"
)

// Run tests the broker at a URL (see [harness.ParseTarget]) and returns the
// results, for those who want a report of them.
func Run(t *testing.T, url string, o suites.Options) *reports.Results {
	t.Helper()
	target, err := harness.ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	r, err := suites.Test(t.Context(), target, o)
	switch {
	case err != nil:
		t.Fatal(err)
	case r.Problem != "":
		t.Fatal(r.Problem)
	}
	for _, d := range r.Lost() {
		t.Errorf("MQTT %s was not tested: %s", d.MQTT, reports.Printable(d.Reason))
	}
	for _, c := range r.Checks {
		t.Run(c.MQTT+"/"+c.Section+"/"+c.Slug, func(t *testing.T) { settle(t, c) })
	}
	return r
}

// settle makes a check's outcome the subtest's.
func settle(t *testing.T, c reports.Check) {
	t.Helper()
	switch c.Outcome {
	case reports.Pass:
	case reports.Fail, reports.Error:
		t.Errorf("%s: the broker should be one that %s (%s)\nexpected: %s\nobserved: %s\n%s",
			c.Outcome, reports.Printable(c.Title), strings.Join(c.Requirements, ", "),
			reports.Printable(c.Expected), reports.Printable(c.Observed), exchange(c))
	default:
		t.Skipf("%s: %s", c.Outcome, reports.Printable(c.Reason))
	}
}

// exchange is the transcript, a line per event.
func exchange(c reports.Check) string {
	var b strings.Builder
	for _, e := range c.Exchange {
		fmt.Fprintf(&b, "%8.1f ms %s %s %s\n", e.TMS, reports.Printable(e.Conn), e.Dir, reports.Printable(e.Packet))
	}
	return b.String()
}
