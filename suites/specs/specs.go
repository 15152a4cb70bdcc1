// Package specs makes a run's checks Ginkgo specs: a container per protocol
// version and section, a spec per check, labels for both. Ginkgo runs specs
// one after the other within a process, so the checks themselves are already
// under way on goroutines; each spec waits for its own result. It is apart
// from package suites so that a broker's own tests can call the suite without
// getting Ginkgo's flags.
package specs

import (
	"io"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"

	"mqttspec/reports"
	"mqttspec/suites/runner"
)

// Carry runs the specs of a run and returns when all have ended. Ginkgo can do
// that once in a process; its own output is suppressed, for reports are
// package reports' business.
func Carry(run *runner.Run) {
	describe(run)
	suiteConfig, reporterConfig := ginkgo.GinkgoConfiguration()
	reporterConfig.Succinct = true
	formatter.ColorableStdOut = io.Discard
	ginkgo.RunSpecs(quiet{}, "mqttspec", suiteConfig, reporterConfig)
}

// quiet stands in for testing.T: what failed is in the results.
type quiet struct{}

func (quiet) Fail() {}

// describe declares the containers and specs of a run.
func describe(run *runner.Run) {
	items := run.Items()
	for start := 0; start < len(items); {
		version := items[start].Version
		end := start
		for end < len(items) && items[end].Version == version {
			end++
		}
		first := start
		ginkgo.Describe("MQTT "+version.String(), func() {
			for from := first; from < end; {
				home := items[from].Home(version)
				to := from
				for to < end && items[to].Home(version).Section == home.Section {
					to++
				}
				section := from
				ginkgo.Describe(home.Section+" "+home.SectionTitle(), func() {
					for i := section; i < to; i++ {
						ginkgo.It(items[i].Title, ginkgo.Label(items[i].Labels()...), func() { settle(run.Wait(i)) })
					}
				})
				from = to
			}
		})
		start = end
	}
}

// settle makes a check's outcome the spec's.
func settle(c reports.Check) {
	switch c.Outcome {
	case reports.Pass:
	case reports.Inapplicable, reports.Untried, reports.Blocked, reports.Warn, reports.Unsteady:
		ginkgo.Skip(string(c.Outcome) + ": " + c.Reason)
	default:
		ginkgo.Fail(c.Reason)
	}
}
