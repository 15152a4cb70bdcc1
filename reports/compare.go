package reports

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A Matrix sets several runs side by side: the statements by protocol version
// in rows, the brokers in columns.
type Matrix struct {
	Columns  []Column
	Versions []MatrixVersion
}

// A Column is a broker, by the name that tells it from the others.
type Column struct {
	Name string
	Run  *Results
}

// A MatrixVersion is the matrix of one protocol version.
type MatrixVersion struct {
	MQTT   string
	Rows   []MatrixRow
	Totals []Counts // statements by outcome, a column each; nil where the broker was not tested on this version
}

// A MatrixRow is a statement and what each broker made of it.
type MatrixRow struct {
	Statement *Requirement // from the first run that has it
	Cells     []Outcome    // a column each; empty where that run does not have the statement
}

// Differs says whether the brokers that were tested came out differently.
func (r MatrixRow) Differs() bool {
	first := Outcome("")
	for _, o := range r.Cells {
		switch {
		case o == "" || o == Untested || o == Untried:
		case first == "":
			first = o
		case o != first:
			return true
		}
	}
	return false
}

// Troubled says whether the statement is broken, doubtful or undecided for any
// of the brokers.
func (r MatrixRow) Troubled() bool {
	return slices.ContainsFunc(r.Cells, func(o Outcome) bool { return slices.Contains(urgency[:], o) })
}

// NewMatrix sets runs side by side, in the order given. Runs of the same
// broker are told apart by the day, or by a number.
func NewMatrix(runs ...*Results) (*Matrix, error) {
	if len(runs) == 0 {
		return nil, errors.New("nothing to compare")
	}
	m := &Matrix{}
	names := map[string]int{}
	for _, r := range runs {
		names[BrokerName(r)]++
	}
	taken := map[string]bool{}
	for _, r := range runs {
		name := BrokerName(r)
		if names[name] > 1 && !r.Started.IsZero() {
			name += " " + r.Started.UTC().Format("2006-01-02")
		}
		unique := name
		for n := 2; taken[unique]; n++ {
			unique = fmt.Sprintf("%s (%d)", name, n)
		}
		taken[unique] = true
		m.Columns = append(m.Columns, Column{unique, r})
	}
	index := map[[2]string]int{}
	at := map[string]int{}
	for col, r := range runs {
		for i := range r.Requirements {
			q := &r.Requirements[i]
			if !slices.Contains(r.MQTT, q.MQTT) {
				continue
			}
			v, known := at[q.MQTT]
			if !known {
				v = len(m.Versions)
				at[q.MQTT] = v
				m.Versions = append(m.Versions, MatrixVersion{MQTT: q.MQTT, Totals: make([]Counts, len(runs))})
			}
			version := &m.Versions[v]
			key := [2]string{q.MQTT, q.ID}
			row, known := index[key]
			if !known {
				row = len(version.Rows)
				index[key] = row
				version.Rows = append(version.Rows, MatrixRow{Statement: q, Cells: make([]Outcome, len(runs))})
			}
			version.Rows[row].Cells[col] = q.Outcome
			if version.Totals[col] == nil {
				version.Totals[col] = Counts{}
			}
			version.Totals[col][q.Outcome]++
		}
	}
	slices.SortFunc(m.Versions, func(a, b MatrixVersion) int { return cmp.Compare(a.MQTT, b.MQTT) })
	for _, v := range m.Versions {
		slices.SortStableFunc(v.Rows, func(a, b MatrixRow) int {
			return compareSections(a.Statement.Section, b.Statement.Section)
		})
	}
	return m, nil
}

// WriteText shows the matrix on a console: a row for each statement that
// somebody breaks or that tells the brokers apart (all of them when verbose),
// then the totals. Where names do not fit the width they become numbers, and
// where columns do not fit, each statement becomes a line.
func (m *Matrix) WriteText(w io.Writer, opts ConsoleOptions) error {
	c := NewConsole(w, opts)
	for i, col := range m.Columns {
		c.hang(c.paint(dim, fmt.Sprintf("%2d  ", i+1)), col.Name, bold, string(col.Run.Summary.Verdict))
		c.hang("    ", shown(col.Run.Summary.Scope, maxLine), dim)
	}
	c.line("")
	for _, v := range m.Versions {
		c.hang("", "MQTT "+shown(v.MQTT, 20), bold)
		var rows []MatrixRow
		for _, row := range v.Rows {
			if opts.Verbose || row.Differs() || row.Troubled() {
				rows = append(rows, row)
			}
		}
		m.table(c, v, rows)
		if hidden := len(v.Rows) - len(rows); hidden > 0 {
			c.hang("", fmt.Sprintf("%s more, in which nobody fails and all agree", plural(hidden, "statement")), dim)
		}
		c.line("")
	}
	return c.Err()
}

// table draws one version in the widest form that fits.
func (m *Matrix) table(c *Console, v MatrixVersion, rows []MatrixRow) {
	names, numbers := make([]string, len(m.Columns)), make([]string, len(m.Columns))
	for i, col := range m.Columns {
		names[i], numbers[i] = col.Name, strconv.Itoa(i+1)
	}
	full := func(o Outcome) string {
		if o == "" {
			return c.paint(dim, "–")
		}
		return c.paint(o.ink(), o.mark()+" "+o.word())
	}
	brief := func(o Outcome) string {
		if o == "" {
			return " "
		}
		return c.paint(o.ink(), o.mark())
	}
	for _, form := range []struct {
		head []string
		cell func(Outcome) string
		id   int
	}{{names, full, 60}, {numbers, brief, 60}, {numbers, brief, 26}} {
		rendered := m.render(v, rows, form.head, form.cell, form.id)
		if c.width == 0 || text.LongestLineLen(rendered) <= c.width {
			for line := range strings.SplitSeq(rendered, "\n") {
				c.line(line)
			}
			return
		}
	}
	for _, row := range rows {
		var cells []string
		for i, o := range row.Cells {
			if o != "" {
				cells = append(cells, c.paint(o.ink(), o.mark())+numbers[i])
			}
		}
		c.hang("  ", shown(row.Statement.ID, 120), noInk, strings.Join(cells, " "))
	}
	for i, total := range v.Totals {
		for _, o := range requirementOutcomes {
			if total[o] > 0 {
				c.hang(fmt.Sprintf("%2d  %s ", i+1, c.paint(o.ink(), o.mark())), fmt.Sprintf("%s: %d", o, total[o]), noInk)
			}
		}
	}
}

func (m *Matrix) render(v MatrixVersion, rows []MatrixRow, head []string, cell func(Outcome) string, id int) string {
	t := table.NewWriter()
	style := plainTable()
	style.Options.SeparateFooter = true
	style.Format.Footer = text.FormatDefault
	t.SetStyle(style)
	header := table.Row{"statement"}
	for _, name := range head {
		header = append(header, name)
	}
	t.AppendHeader(header)
	for _, row := range rows {
		cells := table.Row{fit(shown(row.Statement.ID, 120), id)}
		for _, o := range row.Cells {
			cells = append(cells, cell(o))
		}
		t.AppendRow(cells)
	}
	for _, o := range requirementOutcomes {
		cells, any := table.Row{string(o)}, false
		for _, total := range v.Totals {
			any = any || total[o] > 0
			if total == nil {
				cells = append(cells, "–")
			} else {
				cells = append(cells, strconv.Itoa(total[o]))
			}
		}
		if any {
			t.AppendFooter(cells)
		}
	}
	return t.Render()
}

// WriteMarkdown writes the matrix as Markdown: totals, the statements that
// somebody breaks or that tell the brokers apart, and all of them, folded.
func (m *Matrix) WriteMarkdown(w io.Writer) error {
	md := markdown{}
	md.heading(2, "MQTT conformance compared")
	for _, col := range m.Columns {
		md.line("- " + md.text(col.Name+": "+shown(col.Run.Summary.Scope, maxLine)))
	}
	md.line("")
	head, rule := "| |", "|---|"
	for _, col := range m.Columns {
		head += " " + md.text(col.Name) + " |"
		rule += "---|"
	}
	for _, v := range m.Versions {
		md.heading(3, "MQTT "+shown(v.MQTT, 20))
		md.line(head + "\n" + rule)
		line := "| verdict |"
		for i, col := range m.Columns {
			if v.Totals[i] == nil {
				line += " not tested |"
			} else {
				line += fmt.Sprintf(" **%s** |", col.Run.VerdictOn(v.MQTT))
			}
		}
		md.line(line)
		for _, o := range requirementOutcomes {
			line, any := "| "+o.mark()+" "+string(o)+" |", false
			for _, total := range v.Totals {
				any = any || total[o] > 0
				line += " " + strconv.Itoa(total[o]) + " |"
			}
			if any {
				md.line(line)
			}
		}
		md.line("")
		var told []MatrixRow
		for _, row := range v.Rows {
			if row.Differs() || row.Troubled() {
				told = append(told, row)
			}
		}
		if len(told) > 0 {
			md.rows(head, rule, told)
		}
		md.fold(fmt.Sprintf("All %s of MQTT %s", plural(len(v.Rows), "statement"), shown(v.MQTT, 20)), func() { md.rows(head, rule, v.Rows) })
	}
	return md.send(w)
}

func (m *markdown) rows(head, rule string, rows []MatrixRow) {
	m.line("| statement " + strings.TrimPrefix(head, "| ") + "\n" + rule)
	for _, row := range rows {
		id := m.text(shown(row.Statement.ID, 120))
		if link := webLink(row.Statement.Link); link != "" && !strings.ContainsAny(link, " <>()|\\\n\"'`") {
			id = "[" + id + "](" + link + ")"
		}
		line := "| " + id + " " + m.text(shown(row.Statement.Summary, 160)) + " |"
		for _, o := range row.Cells {
			if o == "" {
				line += " |"
			} else {
				line += " " + m.text(o.mark()) + " " + o.word() + " |"
			}
		}
		m.line(line)
	}
	m.line("")
}
