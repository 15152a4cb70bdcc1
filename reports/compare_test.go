package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	. "github.com/onsi/gomega"
	"golang.org/x/net/html"
)

// fixtures are runs of four brokers: one that fails a little, one that passes,
// one for 3.1.1 alone, one that breaks a lot.
func fixtures(perVersion int) []*Results {
	all := []*Results{fixture(1, perVersion), fixture(2, perVersion), fixture(3, perVersion), fixture(4, perVersion)}
	names := []string{"mosquitto 2.0.11", "mochi-mqtt v2.7.9", "NATS 2.15.2", "RabbitMQ 3.10.8"}
	for i, r := range all {
		r.Target.Name, r.Target.Software = strings.Fields(names[i])[0], names[i]
		for j := range r.Checks {
			c := &r.Checks[j]
			switch {
			case i == 1 && c.Outcome != Inapplicable:
				c.Outcome, c.Reason, c.Expected, c.Observed = Pass, "", "", ""
			case i == 3 && j%11 == 0:
				c.Outcome, c.Reason, c.Expected, c.Observed = Fail, "PUBREC was expected", "PUBREC id=1", "PUBACK id=1"
			}
		}
		if i >= 2 {
			r.MQTT = []string{"3.1.1"}
			delete(r.Profile, "5.0")
			r.Checks = slicesFilter(r.Checks, func(c Check) bool { return c.MQTT == "3.1.1" })
			r.Requirements = slicesFilter(r.Requirements, func(q Requirement) bool { return q.MQTT == "3.1.1" })
		}
		Summarise(r)
	}
	return all
}

func slicesFilter[T any](all []T, keep func(T) bool) []T {
	var kept []T
	for _, v := range all {
		if keep(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

func matrix(t testing.TB, runs ...*Results) *Matrix {
	t.Helper()
	m, err := NewMatrix(runs...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMatrix(t *testing.T) {
	g := NewWithT(t)
	runs := fixtures(62)
	m := matrix(t, runs...)
	g.Expect(m.Versions).To(HaveLen(2))
	g.Expect(m.Versions[0].MQTT).To(Equal("3.1.1"))
	g.Expect(m.Versions[1].Totals[2]).To(BeNil(), "NATS was not tested on 5.0")
	for _, v := range m.Versions {
		for i, r := range runs {
			if v.Totals[i] == nil {
				continue
			}
			for o, n := range r.Summary.Requirements[v.MQTT] {
				g.Expect(v.Totals[i][o]).To(Equal(n))
			}
		}
		for _, row := range v.Rows {
			g.Expect(row.Cells).To(HaveLen(4))
		}
	}
	_, err := NewMatrix()
	g.Expect(err).To(MatchError("nothing to compare"))
}

func TestMatrixTellsRunsOfOneBrokerApart(t *testing.T) {
	g := NewWithT(t)
	a, b, c := fixture(1, 5), fixture(1, 5), fixture(1, 5)
	b.Started = b.Started.AddDate(0, 0, 1)
	m := matrix(t, a, b, c)
	g.Expect([]string{m.Columns[0].Name, m.Columns[1].Name, m.Columns[2].Name}).To(
		Equal([]string{"mosquitto 2.0.11 2026-03-14", "mosquitto 2.0.11 2026-03-15", "mosquitto 2.0.11 2026-03-14 (2)"}))
}

func TestMatrixRow(t *testing.T) {
	for _, c := range []struct {
		cells             []Outcome
		differs, troubled bool
	}{
		{[]Outcome{Pass, Pass}, false, false},
		{[]Outcome{Pass, ""}, false, false},
		{[]Outcome{Pass, Untested}, false, false},
		{[]Outcome{Pass, Inapplicable}, true, false},
		{[]Outcome{Fail, Fail}, false, true},
		{[]Outcome{"", Fail, Pass}, true, true},
		{[]Outcome{Waived}, false, true},
	} {
		row := MatrixRow{Cells: c.cells}
		NewWithT(t).Expect([]bool{row.Differs(), row.Troubled()}).To(Equal([]bool{c.differs, c.troubled}), "%v", c.cells)
	}
}

func TestMatrixGolden(t *testing.T) {
	m := matrix(t, fixtures(62)...)
	for name, opts := range map[string]ConsoleOptions{
		"compare-pipe.txt": {}, "compare-80.txt": {Width: 80}, "compare-40.txt": {Width: 40}, "compare-20.txt": {Width: 20},
	} {
		var b bytes.Buffer
		if err := m.WriteText(&b, opts); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
		for line := range strings.SplitSeq(b.String(), "\n") {
			if n := text.StringWidthWithoutEscSequences(line); opts.Width > 0 && n > opts.Width {
				t.Errorf("%s has a line of %d: %q", name, n, line)
			}
		}
	}
	var b bytes.Buffer
	if err := m.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.md", b.String())
}

func TestMatrixHTML(t *testing.T) {
	g := NewWithT(t)
	runs := fixtures(250)
	var b bytes.Buffer
	g.Expect(matrix(t, runs...).WriteHTML(&b)).To(Succeed())
	t.Logf("four brokers: %.2f MB", float64(b.Len())/1e6)
	g.Expect(b.Len()).To(BeNumerically("<", 5_000_000))
	doc, err := html.Parse(bytes.NewReader(b.Bytes()))
	g.Expect(err).NotTo(HaveOccurred())
	ids, opens, cells := map[string]bool{}, map[string]bool{}, 0
	each(doc, func(n *html.Node) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the ID %s", id)
			}
			ids[id] = true
		}
		if to := attr(n, "popovertarget"); to != "" {
			opens[to] = true
			if n.Parent.Data == "td" {
				cells++
			}
		}
		for _, a := range n.Attr {
			g.Expect(a.Key).NotTo(Equal("style"))
			g.Expect(a.Key).NotTo(HavePrefix("on"))
		}
	})
	for id := range opens {
		if !ids[id] {
			t.Errorf("a cell opens %s, which is not there", id)
		}
	}
	want := 0
	for _, r := range runs {
		want += len(r.Requirements)
	}
	g.Expect(cells).To(Equal(want), "every cell opens")
	g.Expect(b.String()).To(ContainSubstring("PUBACK id=1"))
}

func TestMatrixOfHostileResults(t *testing.T) {
	g := NewWithT(t)
	m := matrix(t, hostile(), fixture(1, 40))
	var b bytes.Buffer
	g.Expect(m.WriteHTML(&b)).To(Succeed())
	g.Expect(b.Len()).To(BeNumerically("<", 5_000_000))
	g.Expect(strings.ContainsAny(b.String(), "\x00\x1b\u202e\u2028")).To(BeFalse())
	g.Expect(strings.Count(b.String(), "<script>")).To(Equal(1))
	g.Expect(b.String()).NotTo(ContainSubstring("javascript:"))
	g.Expect(b.String()).NotTo(ContainSubstring("hunter2"))

	b.Reset()
	g.Expect(m.WriteMarkdown(&b)).To(Succeed())
	g.Expect(proseOf(b.String())).NotTo(ContainSubstring("<script>"))
	g.Expect(b.String()).NotTo(ContainSubstring("javascript:"))

	for _, width := range []int{0, 20, 80} {
		b.Reset()
		g.Expect(m.WriteText(&b, ConsoleOptions{Width: width, Verbose: true})).To(Succeed())
		g.Expect(strings.ContainsAny(b.String(), "\x00\x1b\u202e\u2028")).To(BeFalse())
		for line := range strings.SplitSeq(b.String(), "\n") {
			if n := text.StringWidthWithoutEscSequences(line); width > 0 && n > width {
				t.Errorf("width %d: a line of %d: %q", width, n, line)
			}
		}
	}
}
