package reports

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// maxMarkdown is what a job summary may weigh in bytes, with room to spare:
// GitHub takes 1 MiB per step and drops the whole of anything larger.
const maxMarkdown = 900_000

// WriteMarkdown writes r as Markdown for a job summary: the verdict, the
// numbers, and what failed or warned with all there is to act on, folded. Where
// the whole would be more than GitHub takes, exchanges and then details are
// left out, and that is said. r has been summarised.
func WriteMarkdown(w io.Writer, r *Results) error {
	m := markdown{}
	m.heading(2, fmt.Sprintf("%s %s", verdictMark(r.Summary.Verdict), BrokerName(r)))
	m.line(m.text(Sentence(r)))
	m.line("")
	if r.Problem != "" && len(r.Checks) > 0 {
		m.line("> **The run could not be done as planned:** " + m.text(shown(r.Problem, maxLine)))
		m.line("")
	}
	for _, remark := range r.Target.Remarks {
		m.line("> **Mind:** " + m.text(shown(remark, maxLine)))
		m.line("")
	}
	for _, s := range append(headlines(r), Unmet(r)...) {
		m.line("> **Mind:** " + m.text(s))
		m.line("")
	}
	m.counts(r)
	for _, t := range troubles(r) {
		m.trouble(r, t)
	}
	for _, message := range r.KnownFailures.Messages() {
		m.line("- Known failures: " + m.text(message))
	}
	if r.KnownFailures.Messages() != nil {
		m.line("")
	}
	m.durability(r)
	if len(r.Command) > 0 {
		m.fold("How to reproduce", func() { m.fence(shown(shellLine(Redact(r.Command)), 4000)) })
	}
	m.line("<sub>" + m.text(runName(r)) + "</sub>")
	return m.send(w)
}

// trouble is what reports raise, cause by cause.
func (m *markdown) trouble(r *Results, t trouble) {
	m.heading(3, t.outcome.mark()+" "+t.title())
	if t.outcome == Untried {
		for _, w := range untried(r) {
			line := "- " + m.text(w.title())
			if advice := w.advice(); len(advice) > 0 {
				line += ": " + m.text(strings.Join(advice, "; "))
			}
			m.line(line)
		}
		m.line("")
		return
	}
	for n, x := range t.causes {
		if m.b.Len() > maxMarkdown {
			m.line(fmt.Sprintf("… and %s more, in the JSON and HTML reports.", plural(len(t.causes)-n, "cause")))
			break
		}
		if title := x.title(); title != "" {
			m.line("**" + m.text(title) + "**\n")
		}
		for _, c := range x.checks {
			if t.inFull() && c.failed() && c.Outcome != Waived || c.Outcome == Error || c.Outcome == Unsteady {
				m.detail(c)
			} else {
				m.brief(c)
			}
		}
		if len(x.blocked) > 0 {
			m.fold(x.blockedTitle(), func() {
				for _, c := range x.blocked {
					m.brief(c)
				}
				m.line("")
			})
		}
	}
	m.line("")
}

// durability is the table of what the broker keeps over its end.
func (m *markdown) durability(r *Results) {
	header, rows := DurabilityTable(r)
	if header == nil {
		return
	}
	m.fold("Durability (left to the administrator: no verdict)", func() {
		for i, row := range append([][]string{header}, rows...) {
			cells := make([]string, len(row))
			for j, cell := range row {
				cells[j] = m.text(cell)
			}
			m.line("| " + strings.Join(cells, " | ") + " |")
			if i == 0 {
				m.line(strings.Repeat("|---", len(row)) + "|")
			}
		}
	})
}

// A markdown builds a GitHub-flavoured Markdown text. What others say goes
// through text, code or fence, which let nothing of it become markup.
type markdown struct{ b strings.Builder }

func (m *markdown) line(s string) { m.b.WriteString(s + "\n") }

func (m *markdown) heading(level int, s string) {
	m.line(strings.Repeat("#", level) + " " + m.text(s) + "\n")
}

func (m *markdown) send(w io.Writer) error {
	if _, err := io.WriteString(w, m.b.String()); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

// text is s, on one line, with everything escaped that Markdown, HTML or
// GitHub (mentions, issue numbers, links) would take for more than text.
func (m *markdown) text(s string) string {
	var b strings.Builder
	s = Printable(s)
	number := strings.TrimLeft(s, "0123456789")
	for i, r := range s {
		// What would begin a list, or underline a heading.
		if i == 0 && strings.ContainsRune("-+=", r) || i == len(s)-len(number) && i > 0 && (r == '.' || r == ')') {
			b.WriteByte('\\')
		}
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@', '#':
			fmt.Fprintf(&b, "&#%d;", r)
		case '\\', '`', '*', '_', '{', '}', '[', ']', '|', '~', '$', '!':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// code is s as a code span.
func (m *markdown) code(s string) string {
	s = strings.ReplaceAll(Printable(s), "|", "¦")
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 || strings.HasPrefix(s, " ") {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// fence writes s, whose lines are printable, as a block of code.
func (m *markdown) fence(s string) {
	mark := "```"
	for strings.Contains(s, mark) {
		mark += "`"
	}
	m.line(mark + "text\n" + strings.TrimRight(s, "\n") + "\n" + mark + "\n")
}

// fold writes what body writes so that it opens on a click.
func (m *markdown) fold(summary string, body func()) {
	// Up to the next empty line this is HTML: Markdown's escapes would show.
	m.line("<details><summary>" + html.EscapeString(Printable(summary)) + "</summary>\n")
	body()
	m.line("</details>\n")
}

// counts is the table of outcomes by version.
func (m *markdown) counts(r *Results) {
	versions := versionsOf(r)
	if len(r.Checks) == 0 || len(versions) == 0 {
		return
	}
	checks, statements := tally(r)
	head, rule := "| |", "|---|"
	for _, version := range versions {
		head += " MQTT " + m.text(shown(version, 20)) + " checks | statements |"
		rule += "--:|--:|"
	}
	m.line(head + "\n" + rule)
	for _, o := range requirementOutcomes {
		row, any := "| "+o.mark()+" "+string(o)+" |", o == Pass || o == Fail
		for _, version := range versions {
			n, k := checks[version][o], statements[version][o]
			any = any || n+k > 0
			row += fmt.Sprintf(" %d | %d |", n, k)
		}
		if any {
			m.line(row)
		}
	}
	m.line("")
}

// brief is a check on one line.
func (m *markdown) brief(c *Check) {
	reason := shown(c.Reason, maxLine)
	if c.Outcome == Waived {
		reason = waivedBecause(c)
	}
	m.line("- " + m.code(shown(c.ID, 120)) + " " + m.text(shown(c.Title, maxLine)) + ": " + m.text(reason))
}

// detail is a check with everything, folded.
func (m *markdown) detail(c *Check) {
	m.fold(shown(c.Title, maxLine), func() {
		m.line(m.code(shown(c.ID, 160)) + " · " + m.text(shown(c.Level, 20)) + " · " + m.text(shown(strings.Join(c.Accused(), ", "), maxLine)) + " · section " + m.text(section{number: c.Section, title: c.SectionTitle}.heading()) + "\n")
		if c.SeenIn != "" {
			m.line("Seen in check " + m.code(shown(c.SeenIn, 160)) + "\n")
		}
		if c.Reason != "" {
			m.line(m.text(shown(c.Reason, maxLine)) + "\n")
		}
		if c.Expected != "" {
			m.line("Expected")
			m.fence(joinLines(c.Expected))
		}
		if c.Observed != "" {
			m.line("Observed")
			m.fence(joinLines(c.Observed))
		}
		if s := c.heardFirst(); s != "" {
			m.line("At first: " + m.text(shown(s, maxLine)) + "\n")
		}
		if c.Why != "" {
			m.line("Why: " + m.text(shown(c.Why, maxBlock)) + "\n")
		}
		if len(c.Exchange) > 0 && m.b.Len() < maxMarkdown/2 {
			m.line("Exchange")
			m.fence(exchangeText(c.Exchange))
		}
	})
}
