package reports

import (
	"os"
	"path/filepath"
	"testing"
)

// golden holds got against testdata/name; with UPDATE_GOLDEN=1 it is written
// there instead, to be read in the diff.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run with UPDATE_GOLDEN=1 to write it", err)
	}
	if string(want) != got {
		dir := os.TempDir()
		kept := filepath.Join(dir, "got-"+name)
		_ = os.WriteFile(kept, []byte(got), 0o644)
		t.Errorf("differs from %s: diff %s %s; UPDATE_GOLDEN=1 accepts it", path, path, kept)
	}
}
