package freedom

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"mqttspec/codec"
)

func TestDeclarations(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All() {
		switch {
		case seen[f.Name]:
			t.Errorf("two freedoms are called %s", f.Name)
		case strings.ToLower(f.Name) != f.Name || strings.ContainsAny(f.Name, " _."):
			t.Errorf("%s is not in kebab case", f.Name)
		case f.Does == "" || strings.HasSuffix(f.Does, ".") || unicode.IsUpper([]rune(f.Does)[0]):
			t.Errorf(`%s: %q is no end of "a broker that …"`, f.Name, f.Does)
		case !strings.HasPrefix(f.Where, "harness/freedom/"):
			t.Errorf("%s is declared in %q", f.Name, f.Where)
		}
		seen[f.Name] = true
		if found, ok := Lookup(f.Name); !ok || found.Where != f.Where {
			t.Errorf("%s is not found by its name", f.Name)
		}
	}
	if _, ok := Lookup("does-everything-right"); ok {
		t.Error("there is a freedom that nobody declared")
	}
}

func TestPermissions(t *testing.T) {
	for _, p := range permissions {
		if (p.By == "") == (p.Because == "") {
			t.Errorf("%s has to have either freedoms or a reason for having none", p.ID())
		}
		if n := len(p.Freedoms()); n != len(strings.Fields(p.By)) {
			t.Errorf("%s: %q names freedoms that there are not", p.ID(), p.By)
		}
		for _, f := range p.Freedoms() {
			if !f.In(p.Version) {
				t.Errorf("%s: freedom %s is none of %s", p.ID(), f.Name, p.Version)
			}
		}
		if p.Says == "" || strings.HasSuffix(p.Says, ".") || strings.HasSuffix(p.Because, ".") {
			t.Errorf("%s: %q and %q should be clauses", p.ID(), p.Says, p.Because)
		}
	}
	if whole, part := len(Of(codec.V311, "3.8")), len(Of(codec.V311, "3.8.4")); whole <= part || part == 0 {
		t.Errorf("section 3.8 has %d permissions, 3.8.4 within it %d", whole, part)
	}
}

// TestPermissionsAreThose: every sentence of either specification that leaves
// something open is in the catalogue, in the order in which they stand there.
func TestPermissionsAreThose(t *testing.T) {
	for v, name := range map[codec.Version]string{codec.V311: "freedoms-3.1.1.tsv", codec.V5: "freedoms-5.0.tsv"} {
		var want, got []string
		count := map[string]int{}
		for _, row := range strings.Split(strings.TrimSpace(readSpec(t, name)), "\n")[1:] {
			section, _, _ := strings.Cut(row, "\t")
			count[section]++
			want = append(want, Permission{Version: v, Section: section, Number: count[section]}.ID())
		}
		for _, p := range Permissions(v) {
			got = append(got, p.ID())
		}
		if !slices.Equal(got, want) {
			t.Errorf("MQTT %s: the permissions are\n%v\nand should be\n%v", v, got, want)
		}
	}
}

// readSpec is a file of shared/spec, which lies in some folder above this one; where
// it does not the test skips.
func readSpec(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if raw, err := os.ReadFile(filepath.Join(dir, "shared", "spec", name)); err == nil {
			return string(raw)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skipf("no folder above this one holds shared/spec/%s", name)
		}
		dir = parent
	}
}
