package reports

import (
	"fmt"
	"io"
	"slices"
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
	spoke bool            // a check was reported while the run went on
	told  map[string]bool // the headlines that were shown
}

// NewConsole makes a console on w.
func NewConsole(w io.Writer, opts ConsoleOptions) *Console {
	if opts.Width <= 0 && (opts.Terminal || opts.Brief) {
		opts.Width = 80
	}
	return &Console{pen: pen{w: w, color: opts.Color, width: opts.Width}, opts: opts, told: map[string]bool{}}
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
	c.headlines(run)
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

// headlines shows those that were not shown yet, and says whether there were any.
func (c *Console) headlines(r *Results) (any bool) {
	for _, s := range headlines(r) {
		if !c.told[s] {
			c.told[s], any = true, true
			c.hang(c.paint(yellow, "! "), s, bold)
		}
	}
	return any
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
	line := fmt.Sprintf("%s%s %s: %s", c.paint(check.Outcome.ink(), word), strings.Repeat(" ", max(0, 8-len(word))), shown(check.ID, 120), shown(check.Title, maxLine))
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
	if c.headlines(r) {
		c.line("")
	}
	if c.opts.Brief {
		c.brief(r)
	} else {
		c.tree(r)
		c.details(r)
	}
	c.known(r)
	c.untried(r)
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
	if same && !c.opts.Verbose && (worst == Pass || quiet(worst)) {
		c.hang(mark, s.heading(), noInk, "("+plural(len(s.checks), "check")+")")
		if worst != Pass {
			c.reason("    ", s.checks[0])
		}
		return
	}
	c.hang(mark, s.heading(), noInk)
	alike := map[string]int{} // checks of this section that were not decided, by reason
	for _, check := range s.checks {
		alike[string(check.Outcome)+check.Reason]++
	}
	for _, check := range s.checks {
		n := alike[string(check.Outcome)+check.Reason]
		quiet := quiet(check.Outcome)
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

// quiet says of an outcome that checks with the same reason are told together.
func quiet(o Outcome) bool { return o == Inapplicable || o == Blocked || o == Untried }

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

// details repeats what failed and what warns, with all there is to act on, by its
// causes: the first check of each in full, a few lines for each of the others.
func (c *Console) details(r *Results) {
	shownExchanges := 0
	for _, t := range troubles(r) {
		switch {
		case t.outcome == Unsteady:
			c.rule(t.title(), t.outcome.ink())
			for _, x := range t.causes {
				c.short(x.checks[0])
				c.heardFirst("    ", x.checks[0])
			}
			c.line("")
			continue
		case !t.inFull():
			continue
		}
		c.rule(t.title(), t.outcome.ink())
		for n, x := range t.causes {
			c.detail(n+1, x.checks[0], shownExchanges < maxExchanges || c.opts.Verbose)
			shownExchanges++
			c.behind(x)
		}
	}
}

// behind shows what else a cause is seen by.
func (c *Console) behind(x cause) {
	title := x.title()
	if title == "" {
		return
	}
	c.hang("  ", title, bold)
	for _, check := range x.checks[1:] {
		if c.opts.Verbose {
			c.detail(0, check, true)
		} else {
			c.short(check)
		}
	}
	if len(x.blocked) > 0 {
		ids := make([]string, len(x.blocked))
		for i, check := range x.blocked {
			ids[i] = shown(check.ID, 120)
		}
		if more := len(ids) - maxBrief; more > 0 && !c.opts.Verbose {
			ids = append(ids[:maxBrief:maxBrief], fmt.Sprintf("%d more", more))
		}
		c.hang("  "+c.paint(Blocked.ink(), Blocked.mark())+" ", and(ids), dim)
	}
	c.line("")
}

// short is a check with why it came out as it did, and without its exchange.
func (c *Console) short(check *Check) {
	c.hang("  "+c.paint(check.Outcome.ink(), check.Outcome.mark())+" ", shown(check.Title, maxLine), noInk, shown(check.ID, 120))
	if check.Outcome == Waived {
		c.hang("    ", "waived: "+waivedBecause(check), dim)
		return
	}
	if check.Reason != "" {
		c.hang("    ", shown(check.Reason, maxLine), dim)
	}
}

// heardFirst says what a check has shown in its first hearing, if it had two. Where
// it was as in the second, one line has to do.
func (c *Console) heardFirst(indent string, check *Check) {
	s := shown(check.heardFirst(), maxLine)
	if s == "" {
		return
	}
	const label = "at first"
	if c.width > 0 && check.First.Outcome == check.Outcome {
		s = fit(s, max(minText, c.width-len(indent+label)-2))
	}
	c.hang(indent+c.paint(dim, label)+"  ", s, dim)
}

// briefLines is how many causes have a line of their own when brief: as many as
// leave room on two screens for the first failure in full.
const briefLines = 40

// brief shows the first failure (or harness error, or warning) in full, and a
// line for each further cause.
func (c *Console) brief(r *Results) {
	var causes []cause
	var titles []string
	for _, t := range troubles(r) {
		if t.inFull() {
			causes, titles = append(causes, t.causes...), append(titles, t.title())
		}
	}
	if len(causes) == 0 {
		return
	}
	first := causes[0].checks[0]
	c.rule(strings.Join(titles, "; "), first.Outcome.ink())
	c.detail(0, first, true)
	for _, x := range causes[1:min(len(causes), briefLines)] {
		c.causeLine(x)
	}
	if more := len(causes) - briefLines; more > 0 {
		c.line(c.paint(dim, fmt.Sprintf("… and %d more", more)))
	}
	c.line("")
}

// causeLine is a cause on one line: its first check, the versions on which that
// came out so, and how many others are behind it.
func (c *Console) causeLine(x cause) {
	check := x.checks[0]
	var versions []string
	for _, other := range x.checks {
		if other.Slug == check.Slug {
			versions = append(versions, shown(other.MQTT, 20))
		}
	}
	slices.Sort(versions)
	where := strings.Join(versions, ", ")
	if more := len(x.checks) - len(versions); more > 0 {
		where += fmt.Sprintf(" +%d", more)
	}
	prefix := c.paint(check.Outcome.ink(), check.Outcome.mark()+" ") + shown(check.Section, 20) + " "
	room := c.width - text.StringWidthWithoutEscSequences(prefix+where) - 2
	c.hang(prefix, fit(shown(check.Title, maxLine), max(minText, room)), noInk, where)
}

// untried says what to add to the target, so that more can be tried.
func (c *Console) untried(r *Results) {
	wants := untried(r)
	if len(wants) == 0 {
		return
	}
	c.rule(groupTitle(Untried, r.Summary.Checks[Untried]), Untried.ink())
	for _, w := range wants {
		c.hang(Untried.mark()+" ", w.title(), noInk, w.flag())
		for _, advice := range w.advice() {
			if !c.opts.Brief {
				c.hang("  ", advice, dim)
			}
		}
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
	if check.SeenIn != "" && !strings.Contains(check.Reason, check.SeenIn) {
		c.hang("  ", "seen in check "+shown(check.SeenIn, 160), noInk)
	}
	if check.Reason != "" {
		c.hang("  ", shown(check.Reason, maxLine), noInk)
	}
	c.block("  ", "expected", check.Expected, green)
	c.block("  ", "observed", check.Observed, check.Outcome.ink())
	c.block("  ", "why     ", check.Why, noInk)
	c.heardFirst("  ", check)
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
	switch {
	case ms < 1000:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 100_000:
		return fmt.Sprintf("%.3f s", ms/1000)
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
