package runner

import (
	"testing"

	"mqttspec/harness"
	"mqttspec/reports"
)

// TestWhyIsForFailures: why a check reads its statements as it does is told to
// those whose broker has failed it, and to nobody else.
func TestWhyIsForFailures(t *testing.T) {
	const why = "The paragraph says so."
	item := Item{Definition: &Definition{Slug: "test", Title: "does as it should", Why: why, Rules: Rules{V311: "MQTT-2.2.2-2"}}, Version: V311}
	for _, outcome := range reports.Outcomes {
		want := ""
		if outcome == reports.Fail || outcome == reports.Warn {
			want = why
		}
		if got := item.result(Verdict{Outcome: outcome}, harness.Evidence{}).Why; got != want {
			t.Errorf("%s: %q; want %q", outcome, got, want)
		}
	}
}
