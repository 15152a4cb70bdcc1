package suites_test

import (
	"testing"

	"mqttspec/suites"
)

// TestDeclarations: every declaration is complete and contradicts no other, and
// every fault says what it does.
func TestDeclarations(t *testing.T) {
	for _, d := range suites.All().Definitions() {
		for _, f := range append(d.CaughtBy, d.MendedBy...) {
			if f.Name == "" || f.Does == "" {
				t.Errorf("%s: a fault without a name or sentence", d.Slug)
			}
		}
	}
}
