package fault

import (
	"regexp"
	"slices"
	"testing"
)

// TestFaultsAreNamed holds every fault to a name of its own in kebab case, to a
// sentence that goes on from "a broker that", and to the place it stands in.
func TestFaultsAreNamed(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	does := regexp.MustCompile(`^((never|neither) )?[a-z]+s,? .*[^.\s]$`)
	where := regexp.MustCompile(`^harness/fault/[a-z0-9]+\.go:[0-9]+$`)
	first := map[string]Fault{}
	for _, f := range slices.Concat(All(), Bad()) {
		if !name.MatchString(f.Name) {
			t.Errorf("%s: the name %q is not in kebab case", f.Where, f.Name)
		}
		if !does.MatchString(f.Does) {
			t.Errorf("%s: %q does not go on from \"a broker that\"", f.Where, f.Does)
		}
		if !where.MatchString(f.Where) {
			t.Errorf("%s stands in %q", f.Name, f.Where)
		}
		if other, taken := first[f.Name]; taken {
			t.Errorf("%s and %s are both named %s", other.Where, f.Where, f.Name)
		}
		first[f.Name] = f
	}
}
