package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWriteReadIsTheIdentity(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 250)
	var first, second bytes.Buffer
	g.Expect(Write(&first, r)).To(Succeed())
	read, err := Read(bytes.NewReader(first.Bytes()))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(Write(&second, read)).To(Succeed())
	g.Expect(second.String()).To(Equal(first.String()))
	g.Expect(read.Summary).To(Equal(r.Summary))
}

func TestWriteLeavesNothingNull(t *testing.T) {
	g := NewWithT(t)
	var b bytes.Buffer
	g.Expect(Write(&b, &Results{
		MQTT: []string{"5.0"}, Checks: []Check{{ID: "a@5.0", Slug: "a", MQTT: "5.0", Outcome: Pass, First: &Hearing{Outcome: Fail}}},
		Requirements: []Requirement{{ID: "X", MQTT: "5.0", Outcome: Untested}},
	})).To(Succeed())
	g.Expect(b.String()).NotTo(ContainSubstring("null"))
	var got struct {
		Schema  int
		Summary struct {
			Verdict      string
			Checks       map[string]int
			Requirements map[string]map[string]int
		}
	}
	g.Expect(json.Unmarshal(b.Bytes(), &got)).To(Succeed())
	g.Expect(got.Schema).To(Equal(1))
	g.Expect(got.Summary.Checks).To(Equal(map[string]int{"pass": 1, "fail": 0, "warn": 0, "unsteady": 0, "inapplicable": 0, "untried": 0, "blocked": 0, "error": 0, "waived": 0}))
	g.Expect(got.Summary.Requirements["5.0"]).To(HaveKeyWithValue("fail", 0))
}

func TestWriteOfAnUnreachableBroker(t *testing.T) {
	g := NewWithT(t)
	var b bytes.Buffer
	g.Expect(Write(&b, &Results{Problem: "dial tcp 127.0.0.1:1: connection refused"})).To(Succeed())
	r, err := Read(&b)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Summary.Verdict).To(Equal(Incomplete))
	g.Expect(r.Problem).To(ContainSubstring("refused"))
}

func TestWriteHidesSecretsAndKeepsTheCaller(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 10)
	r.Target.URL = "mqtt://alice:hunter2@host:1883/x"
	var b bytes.Buffer
	g.Expect(Write(&b, r)).To(Succeed())
	g.Expect(b.String()).NotTo(ContainSubstring("hunter2"))
	g.Expect(b.String()).NotTo(ContainSubstring("wonderland"))
	g.Expect(b.String()).To(ContainSubstring("mqtt://alice:***@host:1883/x"))
	g.Expect(r.Target.URL).To(ContainSubstring("hunter2"))
	g.Expect(r.Command).To(ContainElement("wonderland"))
}

func TestRedact(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"two words", "run --password x t", "run --password *** t"},
		{"joined", "run --password=x", "run --password=***"},
		{"one dash", "run -password x", "run -password ***"},
		{"a file is no secret", "run --password-file x", "run --password-file x"},
		{"another's password", "run --will-password x", "run --will-password ***"},
		{"in a URL", "run mqtt://a:b@h/p", "run mqtt://a:***@h/p"},
		{"an @ in the password", "run mqtt://a:b@c@h", "run mqtt://a:***@h"},
		{"a slash in the password", "run mqtt://a:b/c@h", "run mqtt://a:***@h"},
		{"a URL without user", "run ws://h:80/mqtt?x=a:b@c", "run ws://h:80/mqtt?x=a:b@c"},
		{"an assignment with a URL", "run --target=mqtt://a:b@h", "run --target=mqtt://a:***@h"},
	} {
		t.Run(c.name, func(t *testing.T) {
			NewWithT(t).Expect(strings.Join(Redact(strings.Fields(c.in)), " ")).To(Equal(c.want))
		})
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, fixture(1, 4)); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	replace := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("the fixture has no %s", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for _, c := range []struct {
		name, in, field string
		says            []string
	}{
		{"empty", "", "", []string{"empty", "--json FILE"}},
		{"blank", " \n", "", []string{"empty"}},
		{"text", "hello", "", []string{"not JSON"}},
		{"YAML", "schema: 1\n", "", []string{"not JSON"}},
		{"a number", "42", "", []string{"number where an object belongs"}},
		{"a list", "[]", "", []string{"array where an object belongs"}},
		{"other JSON", `{"name":"x"}`, "schema", []string{"missing", "no results file"}},
		{"schema 2", replace(`"schema": 1`, `"schema": 2`), "schema", []string{"is 2", "reads 1", "version that wrote it"}},
		{"schema text", replace(`"schema": 1`, `"schema": "one"`), "schema", []string{"not a number"}},
		{"cut in an exchange", whole[:strings.Index(whole, `"exchange"`)+60], "checks[0].exchange[0].", []string{"cut short", "again with --json"}},
		{"cut at the end", whole[:len(whole)-3], "requirements", []string{"cut short"}},
		{"no schema but cut", `{"tool": {"name"`, "tool.", []string{"cut short"}},
		{"two files in one", whole + whole, "", []string{"the file is followed by a syntax error"}},
		{"broken in the middle", replace(`"slug":`, `slug:`), "checks[0].id", []string{"syntax error on line"}},
		{"a duration in words", replace(`"duration_ms": 11482.5`, `"duration_ms": "long"`), "duration_ms", []string{"string", "number"}},
		{"a time in words", replace(`"2026-03-14T09:26:53Z"`, `"yesterday"`), "started", []string{"RFC 3339"}},
		{"no checks", `{"schema":1,"requirements":[],"summary":{"verdict":"conformant"}}`, "checks", []string{"missing"}},
		{"no verdict", replace(`"verdict": "conformant"`, `"verdict": "great"`), "summary.verdict", []string{"great"}},
		{"another outcome", replace(`"outcome": "pass"`, `"outcome": "passed"`), "checks[0].outcome", []string{"passed"}},
		{"another direction", replace(`"dir": ">"`, `"dir": "->"`), "checks[0].exchange[1].dir", []string{"->"}},
		{"a check twice", replace(`"id": "flags-1@3.1.1"`, `"id": "utf-encoded-string-1@3.1.1"`), "checks[1].id", []string{"checks[0] has too"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := Read(strings.NewReader(c.in))
			g.Expect(err).To(HaveOccurred())
			var format *FormatError
			g.Expect(errors.As(err, &format)).To(BeTrue(), "%v", err)
			if strings.HasSuffix(c.field, ".") {
				g.Expect(format.Field).To(HavePrefix(strings.TrimSuffix(c.field, ".")))
			} else {
				g.Expect(format.Field).To(Equal(c.field))
			}
			for _, s := range c.says {
				g.Expect(err.Error()).To(ContainSubstring(s))
			}
			g.Expect(err.Error()).NotTo(ContainSubstring("\n"))
		})
	}
}

func TestReadLooksAtTheFirstHearing(t *testing.T) {
	for field, first := range map[string]Hearing{
		"":                                {Outcome: Fail, Exchange: []Event{{Dir: "<"}}},
		"checks[0].first.outcome":         {Outcome: "failed"},
		"checks[0].first.exchange[1].dir": {Outcome: Fail, Exchange: []Event{{Dir: "<"}, {Dir: "!"}}},
	} {
		g := NewWithT(t)
		r := run(Unsteady)
		r.Checks[0].First = &first
		var b bytes.Buffer
		g.Expect(Write(&b, r)).To(Succeed())
		read, err := Read(&b)
		if field == "" {
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*read.Checks[0].First).To(Equal(first))
			continue
		}
		var format *FormatError
		g.Expect(errors.As(err, &format)).To(BeTrue(), "%v", err)
		g.Expect(format.Field).To(Equal(field))
	}
}

// Every cut of a results file is refused: none passes for a whole one.
func TestReadRefusesEveryCut(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, fixture(1, 1)); err != nil {
		t.Fatal(err)
	}
	data := bytes.TrimSpace(b.Bytes())
	for n := 0; n < len(data); n += 2003 {
		if _, err := Read(bytes.NewReader(data[:n])); err == nil {
			t.Fatalf("a file cut after %d of %d bytes was read", n, len(data))
		}
	}
}

func TestReadTakesFieldsItDoesNotKnow(t *testing.T) {
	in := `{"schema":1,"colour":"red","checks":[],"requirements":[],"summary":{"verdict":"incomplete"}}`
	_, err := Read(strings.NewReader(in))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, fixture(1, 1)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema":1}`))
	f.Add([]byte(`[[{"a":`))
	f.Add([]byte(`}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		Summarise(r)
		if err := Write(&bytes.Buffer{}, r); err != nil {
			t.Error(err)
		}
	})
}
