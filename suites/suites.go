// Package suites holds the checks: for every normative statement of MQTT 3.1.1
// and 5.0 that can be seen on the wire, the exchange that decides it. Each file
// is one chapter of behaviour; a check names its statements (package
// catalogue), what it needs from the broker, and the faults (package fault)
// that must make it fail. What three or more files say is in vocabulary.go.
//
// Package runner carries the checks out. They are plain functions of a
// [harness.Exchange] and run at the same time as each other, on a broker that
// others use too.
package suites

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"sync"

	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites/runner"
)

// The words of a declaration, without their package.
type (
	// Definition declares one check.
	Definition = runner.Definition
	// Rules names the statements a check decides.
	Rules = runner.Rules
	// Needs is what a check needs from the broker.
	Needs = runner.Needs
	// Faults are broken brokers.
	Faults = runner.Faults
	// Options say how to test a broker. The zero value is a good choice.
	Options = runner.Options
)

var declared []*Definition

// Check declares a check. What is wrong with the declaration, [All] says.
func Check(d Definition) *Definition {
	d.Where = declaredAt()
	declared = append(declared, &d)
	return &d
}

// declaredAt is the line on which the declaration of a check begins, however
// many functions of this package lie between it and here.
func declaredAt() (where string) {
	_, here, _, _ := runtime.Caller(0)
	for skip := 1; ; skip++ {
		_, file, line, ok := runtime.Caller(skip)
		if !ok || path.Dir(file) != path.Dir(here) {
			return where
		}
		where = fmt.Sprintf("suites/%s:%d", path.Base(file), line)
	}
}

// All is the suite of all checks. It panics when a declaration is incomplete or
// contradicts another: a mistake in this package that no run should begin with.
var All = sync.OnceValue(func() *runner.Suite {
	suite, err := runner.New(runner.Parts{Checks: declared, Steps: decidedBy, Durables: durables})
	if err != nil {
		panic("suites: " + err.Error())
	}
	return suite
})

// Test runs the checks that apply to a broker; see [runner.Suite.Test].
func Test(ctx context.Context, target *harness.Target, o Options) (*reports.Results, error) {
	return All().Test(ctx, target, o)
}
