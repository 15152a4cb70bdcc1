package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// What templates/compare.html.tmpl shows.
type (
	compareView struct {
		shell
		Title    string
		Columns  []compareColumn
		Versions []compareVersion
		Popovers []popoverView
		Sections []sectionOption
		Rows     int
	}
	compareColumn struct {
		Name, Sentence, Tested string
		Verdict                Verdict
		Mark                   string
		Versions               []versionView
	}
	compareVersion struct {
		Name     string
		Columns  []string
		Sections []compareSection
		Totals   []totalView
	}
	totalView struct {
		Outcome Outcome
		N       []string
	}
	compareSection struct {
		Number, Title, Key string
		Rows               []compareRow
	}
	compareRow struct {
		ID, Link, Level, Summary, Key string
		Differs, Troubled             bool
		Cells                         []cellView
	}
	cellView struct {
		Column  string
		Outcome Outcome
		Popover string // anchor of what the cell opens
	}
	// A popoverView is what a cell opens: a broker's checks of one statement.
	popoverView struct {
		Anchor, Broker, Version, ID, Summary, Link string
		Outcome                                    Outcome
		Untested                                   string
		Checks                                     []popoverCheck
	}
	// A popoverCheck is a check in full where Here is set, else a button that
	// opens the popover in which it stands.
	popoverCheck struct {
		*checkView
		Here bool
		In   string
	}
)

func (t totalView) M() string   { return t.Outcome.mark() }
func (c cellView) M() string    { return c.Outcome.mark() }
func (c cellView) W() string    { return c.Outcome.word() }
func (p popoverView) M() string { return p.Outcome.mark() }

// WriteHTML writes the matrix as one self-contained HTML file, as [WriteHTML]
// does a run: every cell opens what that broker's checks of the statement saw,
// with the exchanges, without JavaScript.
func (m *Matrix) WriteHTML(w io.Writer) error {
	var page []byte
	for share := 1.0 / float64(len(m.Columns)); share > 0.01 && (page == nil || len(page) > maxHTML); share /= 2 {
		view := m.view(share)
		view.shell = newShell("exchange.js", "compare.js")
		var err error
		if page, err = render("compare.html.tmpl", view); err != nil {
			return err
		}
	}
	return send(w, page)
}

// view builds the page; share is each broker's part of the room that a single
// report would have.
func (m *Matrix) view(share float64) *compareView {
	v := &compareView{Title: "MQTT conformance compared"}
	type column struct {
		*builder
		statements map[[2]string]*Requirement
		popovers   map[string]string // of checks that stand in full, by check
	}
	columns := make([]column, len(m.Columns))
	anchors := map[string]bool{}
	for i, col := range m.Columns {
		b := newBuilder(col.Run, share)
		b.anchors = anchors // one page, one space of names
		c := column{b, map[[2]string]*Requirement{}, map[string]string{}}
		for j := range col.Run.Checks {
			check := &col.Run.Checks[j]
			b.checks[check.ID] = b.check(check)
		}
		for j := range col.Run.Requirements {
			q := &col.Run.Requirements[j]
			c.statements[[2]string{q.MQTT, q.ID}] = q
		}
		columns[i] = c
		tested := ""
		if !col.Run.Started.IsZero() {
			tested = col.Run.Started.UTC().Format("2 January 2006") + ", " + shown(strings.TrimSpace(col.Run.Tool.Name+" "+col.Run.Tool.Version), 60)
		}
		v.Columns = append(v.Columns, compareColumn{
			Name: col.Name, Sentence: Sentence(col.Run), Tested: tested, Verdict: col.Run.Summary.Verdict,
			Mark: verdictMark(col.Run.Summary.Verdict), Versions: b.versions(),
		})
	}
	for _, version := range m.Versions {
		cv := compareVersion{Name: shown(version.MQTT, 20)}
		for _, col := range m.Columns {
			cv.Columns = append(cv.Columns, col.Name)
		}
		for _, row := range version.Rows {
			q := row.Statement
			number := shown(q.Section, 40)
			if n := len(cv.Sections); n == 0 || cv.Sections[n-1].Number != number {
				s := compareSection{Number: number, Title: shown(q.SectionTitle, 120), Key: sectionKey(cv.Name, number)}
				cv.Sections = append(cv.Sections, s)
				v.Sections = append(v.Sections, sectionOption{Key: s.Key, Label: strings.TrimSpace(cv.Name + " · " + number + " " + s.Title)})
			}
			s := &cv.Sections[len(cv.Sections)-1]
			r := compareRow{
				ID: shown(q.ID, 120), Link: webLink(q.Link), Level: shown(q.Level, 20), Summary: shown(q.Summary, maxLine),
				Key: s.Key, Differs: row.Differs(), Troubled: row.Troubled(),
			}
			for i := range columns {
				cell := cellView{Column: m.Columns[i].Name, Outcome: row.Cells[i]}
				if own := columns[i].statements[[2]string{q.MQTT, q.ID}]; own != nil && cell.Outcome != "" {
					p := popoverView{
						Anchor: fmt.Sprintf("p%d", len(v.Popovers)+1), Broker: m.Columns[i].Name, Version: cv.Name,
						ID: r.ID, Summary: r.Summary, Link: r.Link, Outcome: own.Outcome,
					}
					if own.Outcome == Untested {
						p.Untested = shown(own.UntestedBecause, maxLine)
					}
					for _, id := range own.Checks {
						if c := columns[i].checks[id]; c != nil {
							in, placed := columns[i].popovers[id]
							if !placed {
								columns[i].popovers[id] = p.Anchor
							}
							p.Checks = append(p.Checks, popoverCheck{c, !placed, in})
						}
					}
					cell.Popover = p.Anchor
					v.Popovers = append(v.Popovers, p)
				}
				r.Cells = append(r.Cells, cell)
			}
			s.Rows = append(s.Rows, r)
			v.Rows++
		}
		for _, o := range requirementOutcomes {
			t := totalView{Outcome: o}
			for _, total := range version.Totals {
				if total == nil {
					t.N = append(t.N, "–")
				} else {
					t.N = append(t.N, fmt.Sprint(total[o]))
				}
			}
			if slices.ContainsFunc(version.Totals, func(c Counts) bool { return c[o] > 0 }) {
				cv.Totals = append(cv.Totals, t)
			}
		}
		v.Versions = append(v.Versions, cv)
	}
	return v
}
