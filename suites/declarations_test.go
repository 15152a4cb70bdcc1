package suites_test

import (
	"testing"

	"mqttspec/suites"
)

// TestDeclarations: every declaration is complete and contradicts no other, and
// every fault says what it does. Both say where they stand.
func TestDeclarations(t *testing.T) {
	for _, d := range suites.All().Definitions() {
		if d.Where == "" {
			t.Errorf("%s: nobody knows where it is declared", d.Slug)
		}
		for _, f := range append(d.CaughtBy, d.MendedBy...) {
			if f.Name == "" || f.Does == "" || f.Where == "" {
				t.Errorf("%s: a fault without a name, a sentence or a place: %q, %q, %q", d.Slug, f.Name, f.Does, f.Where)
			}
		}
	}
}
