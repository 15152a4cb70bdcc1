package suites_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestChecksKeepNoTimesOfTheirOwn: a check waits for the seconds that its own rule
// is about, or for a time of package times, where what is behind it stands.
func TestChecksKeepNoTimesOfTheirOwn(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]bool{"Nanosecond": true, "Microsecond": true, "Millisecond": true, "Second": true, "Minute": true, "Hour": true}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if f, ok := n.(*ast.FuncDecl); ok && f.Name.Name == "seconds" {
				return false
			}
			if s, ok := n.(*ast.SelectorExpr); ok && units[s.Sel.Name] {
				if of, ok := s.X.(*ast.Ident); ok && of.Name == "time" {
					t.Errorf("%s: time.%s; what the rule is about is seconds(n), any other time stands in package times", files.Position(s.Pos()), s.Sel.Name)
				}
			}
			return true
		})
	}
}
