package harness

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mqttspec/codec"
)

// TestStatementsAreComplete: whatever statement the package's source names as
// broken is among Statements.
func TestStatementsAreComplete(t *testing.T) {
	literal := regexp.MustCompile(`"(MQTT-[0-9.]+-[0-9]+|5\.0/[0-9.]+/[a-z0-9-]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range literal.FindAllSubmatch(source, -1) {
			if id := string(match[1]); !slices.Contains(Statements(codec.V5), id) {
				t.Errorf("%s names %s, which is not among Statements", file, id)
			}
		}
	}
}
