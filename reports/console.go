package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// ConsoleOptions say what the console can show.
type ConsoleOptions struct {
	Terminal bool // a person watches: live progress, in place
	Width    int  // columns; 0 is 80 on a terminal and without end in a pipe
	Color    bool
	Verbose  bool // a line for every check, passes in full

	Preface string // what to say first, before the broker's name
	Brief   bool   // two screens, in a pipe too: the first failure in full, of the others a line
}

// A Console shows a run to a person or a log as it happens and, at the end,
// what came of it: the tree by version and section, every failure and warning
// with what was expected, what was observed and the exchange, the numbers and
// the verdict.
//
// In a pipe every check is one plain line as it finishes, without escape
// codes or cursor movement, its outcome first, for grep. On a terminal one
// live line shows the progress, and what goes wrong is printed above it. When
// brief, both get what a terminal gets at the end, and less of that.
//
// Start, CheckDone and Finish are called from one goroutine. When the writer
// fails (a closed pipe), the console falls silent and Err says why.
type Console struct {
	pen
	opts  ConsoleOptions
	live  *live
	spoke bool // a check was reported while the run went on
}

// NewConsole makes a console on w.
func NewConsole(w io.Writer, opts ConsoleOptions) *Console {
	if opts.Width <= 0 && (opts.Terminal || opts.Brief) {
		opts.Width = 80
	}
	return &Console{pen: pen{w: w, color: opts.Color, width: opts.Width}, opts: opts}
}

// Err is the first error that writing met.
func (c *Console) Err() error { return c.err }

// Start announces a run of total checks. Of run it needs what is known by
// then: target, versions, settings.
func (c *Console) Start(total int, run *Results) {
	if c.opts.Preface != "" {
		c.hang("", c.opts.Preface, noInk)
		c.line("")
	}
	c.hang("", BrokerName(run), bold, shown(redactURL(run.Target.URL), 120))
	for _, remark := range run.Target.Remarks {
		c.hang("! ", shown(remark, 200), bold)
	}
	facts := []string{plural(total, "check")}
	if len(run.MQTT) > 0 {
		facts[0] += " of MQTT " + shown(and(run.MQTT), 40)
	}
	if run.Settings.Selection != "" {
		facts = append(facts, "selected by "+shown(run.Settings.Selection, 120))
	}
	if n := run.Settings.Parallel; n > 1 {
		facts = append(facts, fmt.Sprintf("%d at a time", n))
	}
	c.hang("", strings.Join(facts, ", "), dim)
	c.line("")
	if c.opts.Terminal {
		c.live = startLive(&c.pen, total)
	}
}

// CheckDone shows that a check has finished, in whatever order they do.
func (c *Console) CheckDone(check Check) {
	switch {
	case c.opts.Brief && c.live == nil:
		return
	case c.opts.Brief:
		c.live.checkDone(&check, nil)
		return
	case c.live == nil:
		c.plainLine(&check)
		c.spoke = true
		return
	}
	switch check.Outcome {
	case Fail, Warn, Error:
		c.spoke = true
		c.live.checkDone(&check, func() {
			c.hang(c.paint(check.Outcome.ink(), check.Outcome.mark()+" "), shown(check.Title, maxLine), noInk, shown(check.ID, 120))
		})
	default:
		c.live.checkDone(&check, nil)
	}
}

// plainLine is a check in a pipe: outcome, ID, title and, where it did not
// pass, why.
func (c *Console) plainLine(check *Check) {
	word := check.Outcome.word()
	if check.Outcome == Fail || check.Outcome == Error {
		word = strings.ToUpper(word)
	}
	line := fmt.Sprintf("%s%s %s: %s", c.paint(check.Outcome.ink(), word), strings.Repeat(" ", max(0, 7-len(word))), shown(check.ID, 120), shown(check.Title, maxLine))
	if check.Outcome != Pass && check.Reason != "" {
		line += c.paint(dim, " ("+shown(check.Reason, maxLine)+")")
	}
	c.line(line)
}

// Finish shows what came of the run. r has been summarised.
func (c *Console) Finish(r *Results) {
	if c.live != nil {
		c.live.end()
		c.live = nil
	}
	if c.spoke {
		c.line("")
	}
	if c.opts.Brief {
		c.brief(r)
	} else {
		c.tree(r)
		c.details(r)
	}
	c.known(r)
	c.durability(r)
	c.numbers(r)
	c.verdict(r)
	if c.opts.Brief && len(r.Checks) > r.Summary.Checks[Pass] {
		c.line("")
		c.hang("", "The rest, and all of it in full: --verbose, or --html report.html for a page to look through.", dim)
	}
}

// tree shows the checks by version and section. A section in which all went
// the same way is one line; in the others, what passed is counted.
func (c *Console) tree(r *Results) {
	version := ""
	for i, s := range sections(r) {
		if i == 0 || s.mqtt != version {
			if i > 0 {
				c.line("")
			}
			version = s.mqtt
			c.hang("", "MQTT "+shown(version, 20), bold)
		}
		c.section(s)
	}
	if len(r.Checks) > 0 {
		c.line("")
	}
}

func (c *Console) section(s section) {
	worst, passed, same := s.checks[0].Outcome, 0, true
	for _, check := range s.checks {
		if rank(check.Outcome) < rank(worst) {
			worst = check.Outcome
		}
		if check.Outcome == Pass {
			passed++
		}
		same = same && check.Outcome == s.checks[0].Outcome && check.Reason == s.checks[0].Reason
	}
	mark := "  " + c.paint(worst.ink(), worst.mark()) + " "
	if same && !c.opts.Verbose && (worst == Pass || worst == Inapplicable || worst == Blocked) {
		c.hang(mark, s.heading(), noInk, "("+plural(len(s.checks), "check")+")")
		if worst != Pass {
			c.reason("    ", s.checks[0])
		}
		return
	}
	c.hang(mark, s.heading(), noInk)
	alike := map[string]int{} // checks of this section that did not apply, or were blocked, by reason
	for _, check := range s.checks {
		alike[string(check.Outcome)+check.Reason]++
	}
	for _, check := range s.checks {
		n := alike[string(check.Outcome)+check.Reason]
		quiet := check.Outcome == Inapplicable || check.Outcome == Blocked
		switch mark := "    " + c.paint(check.Outcome.ink(), check.Outcome.mark()) + " "; {
		case check.Outcome == Pass && !c.opts.Verbose:
		case quiet && n > 1 && !c.opts.Verbose:
			c.hang(mark, fmt.Sprintf("%d %s", n, check.Outcome), noInk)
			c.reason("      ", check)
			alike[string(check.Outcome)+check.Reason] = 0
		case quiet && n == 0: // told with another
		default:
			notes := []string{took(check.DurationMS)}
			if c.opts.Verbose {
				notes = append(notes, shown(check.Slug, 120))
			}
			c.hang(mark, shown(check.Title, maxLine), noInk, notes...)
			if check.Outcome != Pass {
				c.reason("      ", check)
			}
		}
	}
	if passed > 0 && !c.opts.Verbose {
		c.line("    " + c.paint(green, "✔") + c.paint(dim, fmt.Sprintf(" %d more pass", passed)))
	}
}

// reason says why a check did not pass. Where it is repeated below in full,
// one line has to do.
func (c *Console) reason(indent string, check *Check) {
	reason := shown(check.Reason, maxLine)
	switch check.Outcome {
	case Waived:
		reason = "waived: " + waivedBecause(check)
	case Fail, Warn, Error:
		if c.width > 0 {
			reason = fit(reason, max(minText, c.width-len(indent)))
		}
	}
	if reason != "" {
		c.hang(indent, reason, dim)
	}
}

// maxExchanges is how many exchanges the console repeats; a broker that fails
// everything is better read in the HTML report.
const maxExchanges = 25

// details repeats what failed and what warns, with all there is to act on.
func (c *Console) details(r *Results) {
	shownExchanges := 0
	for _, group := range []struct {
		outcome Outcome
		noun    string
	}{{Fail, "failure"}, {Error, "harness error"}, {Warn, "warning"}} {
		checks := withOutcome(r, group.outcome)
		if len(checks) == 0 {
			continue
		}
		c.rule(plural(len(checks), group.noun), group.outcome.ink())
		for n, check := range checks {
			c.detail(n+1, check, shownExchanges < maxExchanges || c.opts.Verbose)
			shownExchanges++
		}
	}
}

// briefLines is how many failures have a line of their own when brief: as many as
// leave room on two screens for the first of them in full.
const briefLines = 40

// brief shows the first failure (or harness error, or warning) in full, and a
// line for each of the others; a check that fails alike on both versions is one.
func (c *Console) brief(r *Results) {
	var first []*Check // of each line
	versions := map[[2]string][]string{}
	key := func(check *Check) [2]string { return [2]string{check.Slug, string(check.Outcome)} }
	counts := Counts{}
	for _, outcome := range []Outcome{Fail, Error, Warn} {
		for _, check := range withOutcome(r, outcome) {
			counts[outcome]++
			if versions[key(check)] == nil {
				first = append(first, check)
			}
			versions[key(check)] = append(versions[key(check)], shown(check.MQTT, 20))
		}
	}
	if len(first) == 0 {
		return
	}
	var title []string
	for _, group := range []struct {
		outcome Outcome
		noun    string
	}{{Fail, "failure"}, {Error, "harness error"}, {Warn, "warning"}} {
		if n := counts[group.outcome]; n > 0 {
			title = append(title, plural(n, group.noun))
		}
	}
	c.rule(and(title), first[0].Outcome.ink())
	c.detail(0, first[0], true)
	for _, check := range first[1:min(len(first), briefLines)] {
		where := "  " + strings.Join(versions[key(check)], ", ")
		prefix := c.paint(check.Outcome.ink(), check.Outcome.mark()+" ") + shown(check.Section, 20) + " "
		room := c.width - text.StringWidthWithoutEscSequences(prefix+where)
		c.hang(prefix, fit(shown(check.Title, maxLine), max(minText, room)), noInk, strings.TrimSpace(where))
	}
	if more := len(first) - briefLines; more > 0 {
		c.line(c.paint(dim, fmt.Sprintf("… and %d more", more)))
	}
	c.line("")
}

// known says which entries of the known-failures file want attention.
func (c *Console) known(r *Results) {
	messages := r.KnownFailures.Messages()
	if len(messages) == 0 {
		return
	}
	c.rule("known failures to look at", yellow)
	for _, m := range messages {
		c.hang(c.paint(yellow, "! "), m, noInk)
	}
	c.line("")
}

// rule is a line across with a title in it.
func (c *Console) rule(title string, i ink) {
	width := c.width
	if width == 0 {
		width = 80
	}
	title = fit(title, width-4)
	rest := max(0, width-text.StringWidthWithoutEscSequences(title)-4)
	c.line(c.paint(i, "── "+title+" ") + c.paint(dim, strings.Repeat("─", min(rest, 96))))
	c.line("")
}

// detail is all there is to say about a check, the nth of its kind if n is not 0.
func (c *Console) detail(n int, check *Check, exchange bool) {
	title := shown(check.Title, maxLine)
	if n > 0 {
		title = fmt.Sprintf("%d. %s", n, title)
	}
	c.hang(c.paint(check.Outcome.ink(), check.Outcome.mark()+" "), title, bold, took(check.DurationMS))
	heading := section{number: check.Section, title: check.SectionTitle}.heading()
	c.hang("  ", shown(check.ID, 160), dim)
	c.hang("  ", strings.TrimSpace(shown(strings.Join(check.Accused(), ", "), maxLine)+" "+shown(check.Level, 20)+", section "+heading), dim)
	c.line("")
	if check.Reason != "" {
		c.hang("  ", shown(check.Reason, maxLine), noInk)
	}
	c.block("  ", "expected", check.Expected, green)
	c.block("  ", "observed", check.Observed, check.Outcome.ink())
	c.block("  ", "why     ", check.Why, noInk)
	if len(check.Exchange) > 0 {
		if check.Reason+check.Expected+check.Observed != "" {
			c.line("")
		}
		if exchange {
			c.exchange(check.Exchange)
		} else {
			c.hang("  ", fmt.Sprintf("the exchange (%s) is in the JSON and HTML reports", plural(len(check.Exchange), "event")), dim)
		}
	}
	c.line("")
}

// exchange shows each event on a line: when, who, which way, what, and as
// much of its bytes as the line has room for. Of several cases it shows the
// first, or when verbose all.
func (c *Console) exchange(events []Event) {
	all := cases(events)
	n := 1
	if c.opts.Verbose {
		n = len(all)
	}
	for i, one := range all[:n] {
		if i > 0 {
			c.line("")
		}
		if one.title != "" {
			c.hang("  ", shown(one.title, maxLine), bold)
		}
		c.events(one.events)
	}
	if more := otherCases(all); more != "" && n == 1 {
		c.hang("  ", strings.TrimSpace(more), dim)
	}
}

func (c *Console) events(events []Event) {
	names := 0
	for _, e := range events {
		names = max(names, text.StringWidthWithoutEscSequences(shown(e.Conn, maxName)))
	}
	if c.width > 0 {
		names = min(names, max(4, c.width/4))
	}
	const indent = "  "
	for _, f := range fold(events, 15, 30) {
		if f.Event == nil {
			c.hang(indent, fmt.Sprintf("      … %s left out …", plural(f.skipped, "event")), dim)
			continue
		}
		e := f.Event
		name := fit(shown(e.Conn, maxName), names)
		i, arrowInk := noInk, cyan
		switch {
		case e.Breach != "":
			i, arrowInk = red, red
		case e.Dir == ".":
			i, arrowInk = dim, dim
		}
		prefix := indent + c.paint(dim, fmt.Sprintf("%8s  ", clock(e.TMS))) + name + strings.Repeat(" ", max(0, names-text.StringWidthWithoutEscSequences(name))) + " " + c.paint(arrowInk, arrow(e.Dir)) + " "
		packet := shown(e.Packet, maxPacket)
		c.hang(prefix, packet, i, c.bytesBeside(e, prefix, packet))
		if e.Breach != "" {
			left := text.StringWidthWithoutEscSequences(prefix)
			if c.width > 0 && c.width-left < 2*minText {
				left = len(indent)
			}
			c.hang(strings.Repeat(" ", left)+c.paint(redBold, "✖ "), shown(e.Breach, maxLine), red)
		}
	}
}

// bytesBeside is as much of e's hex as fits on the line behind packet; less
// than four bytes say nothing and are left out.
func (c *Console) bytesBeside(e *Event, prefix, packet string) string {
	const few, many = 4, 32
	if e.Hex == "" {
		return ""
	}
	if c.width == 0 {
		return hexBytes(e, many)
	}
	room := c.width - text.StringWidthWithoutEscSequences(prefix)
	last := wrap(packet, room)
	room -= text.StringWidthWithoutEscSequences(last[len(last)-1]) + 2
	all := hexBytes(e, many)
	if text.StringWidthWithoutEscSequences(all) <= room {
		return all
	}
	if room < 3*few+1 {
		return ""
	}
	return strings.TrimRight(all[:(room-1)/3*3], " ") + " …"
}

// clock is a time since the check began.
func clock(ms float64) string {
	if ms < 10_000 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// verdict is the last word.
func (c *Console) verdict(r *Results) {
	i, mark := redBold, "✖ "
	switch r.Summary.Verdict {
	case Conformant:
		i, mark = green, "✔ "
	case Incomplete:
		i, mark = yellow, "? "
	}
	c.hang(c.paint(i, mark), Sentence(r), i)
}
