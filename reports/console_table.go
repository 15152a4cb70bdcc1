package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// numbers shows how many checks and statements came out how, by version.
func (c *Console) numbers(r *Results) {
	if len(r.Checks) == 0 {
		return
	}
	versions := versionsOf(r)
	checks, statements := tally(r)
	t := table.NewWriter()
	t.SetStyle(plainTable())
	header, columns := table.Row{""}, []table.ColumnConfig{}
	for i, version := range versions {
		header = append(header, shown(version, 20)+" checks", "statements")
		columns = append(columns,
			table.ColumnConfig{Number: 2*i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight},
			table.ColumnConfig{Number: 2*i + 3, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	for _, o := range requirementOutcomes {
		row, any := table.Row{c.paint(o.ink(), o.mark()) + " " + string(o)}, o == Pass || o == Fail
		for _, version := range versions {
			for _, n := range []int{checks[version][o], statements[version][o]} {
				any = any || n > 0
				cell := strconv.Itoa(n)
				if n == 0 {
					cell = c.paint(dim, "·")
				}
				row = append(row, cell)
			}
		}
		if any {
			t.AppendRow(row)
		}
	}
	rendered := t.Render()
	if c.width == 0 || text.LongestLineLen(rendered) <= c.width {
		for line := range strings.SplitSeq(rendered, "\n") {
			c.line(line)
		}
		c.line("")
		return
	}
	for _, version := range versions {
		c.line(c.paint(bold, "MQTT "+shown(version, 20)))
		for _, o := range requirementOutcomes {
			if n, m := checks[version][o], statements[version][o]; n+m > 0 {
				c.hang("  "+c.paint(o.ink(), o.mark())+" ", fmt.Sprintf("%s: %d, statements: %d", o, n, m), noInk)
			}
		}
	}
	c.line("")
}

// tally counts checks and statements by version and outcome.
func tally(r *Results) (checks, statements map[string]Counts) {
	checks, statements = map[string]Counts{}, map[string]Counts{}
	count := func(in map[string]Counts, version string, o Outcome) {
		if in[version] == nil {
			in[version] = Counts{}
		}
		in[version][o]++
	}
	for _, c := range r.Checks {
		count(checks, c.MQTT, c.Outcome)
	}
	for _, q := range r.Requirements {
		count(statements, q.MQTT, q.Outcome)
	}
	return checks, statements
}

// versionsOf are the versions r tells of, in order.
func versionsOf(r *Results) []string {
	versions := map[string]bool{}
	for _, v := range r.MQTT {
		versions[v] = true
	}
	for _, c := range r.Checks {
		versions[c.MQTT] = true
	}
	var all []string
	for v := range versions {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

// plainTable is a table with air and one rule, no box: it must survive being
// pasted into a bug report.
func plainTable() table.Style {
	s := table.StyleLight
	s.Options = table.OptionsNoBordersAndSeparators
	s.Options.SeparateHeader = true
	s.Format.Header = text.FormatDefault
	s.Box.PaddingLeft = ""
	s.Box.PaddingRight = "  "
	return s
}

// durability shows, a broker at a time, what it keeps over a restart. It is no
// verdict and has no colours of one.
func (c *Console) durability(r *Results) {
	if len(r.Durability) == 0 {
		return
	}
	c.hang("", "Durability", bold, "(left to the administrator: no verdict)")
	header, rows := DurabilityTable(r)
	for i, column := range header[1:] {
		var keeps, loses []string
		for _, row := range rows {
			switch row[i+1] {
			case "kept":
				keeps = append(keeps, row[0])
			case "lost":
				loses = append(loses, row[0])
			}
		}
		switch {
		case len(loses) == 0:
			c.hang("  "+column+": ", "keeps everything", noInk)
		case len(keeps) == 0:
			c.hang("  "+column+": ", "keeps nothing", noInk)
		default:
			c.hang("  "+column+": ", "loses "+strings.Join(loses, ", "), noInk)
		}
	}
	c.line("")
}
