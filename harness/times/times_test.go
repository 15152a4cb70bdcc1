package times_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"mqttspec/harness/times"
)

// TestEveryTimeSaysWhatItGrowsWithAndWhy: a duration without the section behind
// it is a number that nobody can judge.
func TestEveryTimeSaysWhatItGrowsWithAndWhy(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "times.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	hold := func(name string, doc ...*ast.CommentGroup) {
		held++
		var text string
		for _, d := range doc {
			text += d.Text()
		}
		text = strings.Join(strings.Fields(text), " ")
		for _, part := range []string{"Grows with: ", " Section: "} {
			if !strings.Contains(text, part) {
				t.Errorf("the comment on %s has no %q", name, strings.TrimSpace(part))
			}
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() {
				hold(d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			if d.Tok != token.CONST {
				continue
			}
			for _, spec := range d.Specs {
				spec := spec.(*ast.ValueSpec)
				hold(spec.Names[0].Name, d.Doc, spec.Doc)
			}
		}
	}
	if held < 20 {
		t.Errorf("%d durations held; the file has more", held)
	}
}

// TestTimesGrow holds what grows with a distant broker against its numbers.
func TestTimesGrow(t *testing.T) {
	const near, far = 0, 700 * time.Millisecond
	for _, c := range []struct {
		name      string
		got, want time.Duration
	}{
		{"Patient, near", times.Patient(5*time.Second, near), 5 * time.Second},
		{"Patient, far", times.Patient(5*time.Second, far), 14 * time.Second},
		{"Patient, very far", times.Patient(5*time.Second, time.Minute), 30 * time.Second},
		{"Patient, asked for more", times.Patient(time.Minute, time.Minute), time.Minute},
		{"Promptly", times.Promptly(far), 3400 * time.Millisecond},
		{"Silence", times.Silence(2*time.Second, 5*time.Second), 13 * time.Second},
		{"Transfer", times.Transfer(1 << 20), 8 * time.Second},
		{"Closing", times.Closing(far, time.Second), 4300 * time.Millisecond},
		{"Return, near", time.Duration(times.Return(near)), 2},
		{"Return, far", time.Duration(times.Return(far)), 6},
		{"ToSubscribe, near", time.Duration(times.ToSubscribe(near)), 1},
		{"ToSubscribe, far", time.Duration(times.ToSubscribe(far)), 2},
		{"ToPrepare, near", time.Duration(times.ToPrepare(near, 0)), 2},
		{"ToPrepare, far", time.Duration(times.ToPrepare(far, time.Second)), 9},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s; want %s", c.name, c.got, c.want)
		}
	}
}
