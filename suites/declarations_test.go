package suites_test

import (
	"slices"
	"testing"

	"mqttspec/harness/fault"
	"mqttspec/suites"
)

// TestDeclarations: every declaration is complete and contradicts no other, and
// every fault says what it does. Both say where they stand.
func TestDeclarations(t *testing.T) {
	for _, d := range suites.All().Definitions() {
		if d.Where == "" {
			t.Errorf("%s: nobody knows where it is declared", d.Slug)
		}
		for _, f := range slices.Concat(d.CaughtBy, d.MendedBy) {
			if f.Name == "" || f.Does == "" || f.Where == "" {
				t.Errorf("%s: a fault without a name, a sentence or a place: %q, %q, %q", d.Slug, f.Name, f.Does, f.Where)
			}
		}
	}
}

// TestEveryFaultIsUsed: a fault that no check names is none that the suite
// notices.
func TestEveryFaultIsUsed(t *testing.T) {
	used := map[string]bool{fault.SubscribesClients.Name: true} // a server's right, for the tests of stability
	for _, d := range suites.All().Definitions() {
		for _, f := range slices.Concat(d.CaughtBy, d.MendedBy) {
			used[f.Name] = true
		}
	}
	for _, f := range fault.All() {
		if !used[f.Name] {
			t.Errorf("%s: no check names the fault %s", f.Where, f.Name)
		}
	}
}
