package suites_test

import (
	"slices"
	"testing"

	"mqttspec/codec"
	"mqttspec/harness/fault"
	"mqttspec/suites"
	"mqttspec/suites/catalogue"
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
	used := map[string]bool{}
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

// TestEveryFaultBreaksSomething: a fault that makes a check fail names the
// statements that it breaks. They are in the catalogue, and at least one of them
// is the check's.
func TestEveryFaultBreaksSomething(t *testing.T) {
	checked := map[string]bool{}
	for _, d := range suites.All().Definitions() {
		for _, f := range d.CaughtBy {
			for _, v := range d.Versions() {
				broken := slices.Concat(f.Breaks.Of(v), f.Breaks.FollowingOn(v))
				if !slices.ContainsFunc(d.Rules.Of(v), func(id string) bool { return slices.Contains(broken, id) }) {
					t.Errorf("%s: the fault %s (a broker that %s) breaks %v, of which %s decides none: %v", f.Where, f.Name, f.Does, broken, d.ID(v), d.Rules.Of(v))
				}
			}
			if checked[f.Name] {
				continue
			}
			checked[f.Name] = true
			if follows := f.Breaks.Follows; (follows.Because == "") != (follows.V311+follows.V5 == "" && follows.Observed == nil && !follows.Down) {
				t.Errorf("%s: the fault %s names what follows from it without a reason, or a reason for nothing: %+v", f.Where, f.Name, follows)
			}
			for _, v := range []codec.Version{codec.V311, codec.V5} {
				broken := slices.Concat(f.Breaks.Of(v), f.Breaks.FollowingOn(v))
				for i, id := range broken {
					if _, ok := catalogue.Lookup(v, id); !ok {
						t.Errorf("%s: the fault %s breaks %s, which is no statement of MQTT %s", f.Where, f.Name, id, v)
					}
					if slices.Contains(broken[:i], id) {
						t.Errorf("%s: the fault %s names %s twice", f.Where, f.Name, id)
					}
				}
			}
		}
	}
	for _, f := range fault.All() {
		if breaks := slices.Concat(f.Breaks.Of(codec.V311), f.Breaks.Of(codec.V5)); !checked[f.Name] && len(breaks) > 0 {
			t.Errorf("%s: %s breaks %v, and no check is caught by it", f.Where, f.Name, breaks)
		}
	}
}
