package reports

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	. "github.com/onsi/gomega"
)

// consoleOf is what a console shows of r from start to end.
func consoleOf(r *Results, opts ConsoleOptions) string {
	var b bytes.Buffer
	c := NewConsole(&b, opts)
	c.Start(len(r.Checks), r)
	for _, check := range r.Checks {
		c.CheckDone(check)
	}
	c.Finish(r)
	return b.String()
}

// sgr matches colours and weights, the only escapes a console may use beside
// the live line's.
var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// settled is what remains on a terminal: each line after its last overwrite,
// without colours.
func settled(s string) string {
	var kept []string
	for line := range strings.SplitSeq(sgr.ReplaceAllString(s, ""), "\n") {
		parts := strings.Split(line, "\r")
		kept = append(kept, strings.ReplaceAll(parts[len(parts)-1], "\x1b[K", ""))
	}
	return strings.Join(kept, "\n")
}

func TestConsoleGolden(t *testing.T) {
	r := fixture(1, 62)
	golden(t, "console-pipe.txt", consoleOf(r, ConsoleOptions{}))
	for name, opts := range map[string]ConsoleOptions{
		"console-80.txt":      {Terminal: true, Width: 80},
		"console-40.txt":      {Terminal: true, Width: 40},
		"console-20.txt":      {Terminal: true, Width: 20},
		"console-verbose.txt": {Terminal: true, Width: 100, Verbose: true},
	} {
		golden(t, name, settled(consoleOf(r, opts)))
	}
	brief := ConsoleOptions{Brief: true, Preface: "This is an example."}
	golden(t, "console-brief.txt", consoleOf(r, brief))
	brief.Terminal = true
	golden(t, "console-brief.txt", settled(consoleOf(r, brief)))
	golden(t, "console-colour.txt", consoleOf(fixture(1, 40), ConsoleOptions{Color: true, Width: 80}))
}

func TestConsoleInAPipeIsPlain(t *testing.T) {
	g := NewWithT(t)
	out := consoleOf(fixture(1, 250), ConsoleOptions{})
	g.Expect(strings.ContainsAny(out, "\x1b\r\b")).To(BeFalse())
	g.Expect(out).To(MatchRegexp(`(?m)^FAIL     session-present-2@5\.0: answers Session Present 0`))
	g.Expect(regexp.MustCompile(`(?m)^(pass|FAIL|warn|unsteady|n/a|untried|blocked|ERROR|waived) +\S+@(3\.1\.1|5\.0): `).FindAllString(out, -1)).To(HaveLen(500))
}

// TestBriefConsoleFitsTwoScreens: however much fails, in a pipe or not.
func TestBriefConsoleFitsTwoScreens(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 250)
	for i := range r.Checks {
		if i%3 > 0 {
			r.Checks[i].Outcome, r.Checks[i].Reason = Fail, "no answer within 5s"
		}
	}
	Summarise(r)
	for _, opts := range []ConsoleOptions{{Brief: true}, {Brief: true, Terminal: true, Width: 80, Color: true}} {
		out := settled(consoleOf(r, opts))
		g.Expect(strings.Count(out, "\n")).To(BeNumerically("<=", 2*45))
		for line := range strings.SplitSeq(out, "\n") {
			g.Expect(text.StringWidthWithoutEscSequences(line)).To(BeNumerically("<=", 80), line)
		}
		g.Expect(regexp.MustCompile(`(?m)^✖ \d`).FindAllString(out, -1)).To(HaveLen(briefLines - 1))
		g.Expect(out).To(MatchRegexp(`(?m)^… and \d+ more$`))
		g.Expect(out).To(ContainSubstring("--verbose"))
	}
}

func TestConsoleKeepsToItsWidth(t *testing.T) {
	fair, evil := fixture(1, 62), hostile()
	for _, width := range []int{20, 30, 40, 60, 80, 132} {
		runs := []*Results{fair}
		if width == 20 || width == 80 {
			runs = append(runs, evil)
		}
		for _, r := range runs {
			out := consoleOf(r, ConsoleOptions{Terminal: true, Width: width, Color: true, Verbose: true})
			for line := range strings.SplitSeq(sgr.ReplaceAllString(out, ""), "\n") {
				for part := range strings.SplitSeq(line, "\r") {
					part = strings.ReplaceAll(part, "\x1b[K", "")
					if n := text.StringWidthWithoutEscSequences(part); n > width {
						t.Fatalf("width %d: a line of %d: %q", width, n, part)
					}
				}
			}
		}
	}
}

func TestConsoleOfHostileResults(t *testing.T) {
	for _, opts := range []ConsoleOptions{{}, {Terminal: true, Width: 80, Color: true, Verbose: true}} {
		g := NewWithT(t)
		out := consoleOf(hostile(), opts)
		rest := strings.NewReplacer("\x1b[K", "", "\r", "").Replace(sgr.ReplaceAllString(out, ""))
		g.Expect(utf8.ValidString(rest)).To(BeTrue())
		g.Expect(strings.ContainsAny(rest, "\x1b\x00\x07\u202e\u2028\u007f")).To(BeFalse())
		g.Expect(out).NotTo(ContainSubstring("\x1b[2J"))
		g.Expect(out).NotTo(ContainSubstring("hunter2"))
		// What a broker says can begin no line of its own.
		g.Expect(out).NotTo(MatchRegexp(`(?m)^(::error::forged|# forged|verdict: conformant)`))
		g.Expect(len(out)).To(BeNumerically("<", 4<<20))
	}
}

// A closed pipe ends the writing, not the program.
func TestConsoleOnAClosedPipe(t *testing.T) {
	g := NewWithT(t)
	w := &failing{after: 3}
	for _, terminal := range []bool{true, false} {
		c := NewConsole(w, ConsoleOptions{Terminal: terminal})
		r := fixture(1, 40)
		c.Start(len(r.Checks), r)
		for _, check := range r.Checks {
			c.CheckDone(check)
		}
		c.Finish(r)
		g.Expect(c.Err()).To(MatchError("broken pipe"))
	}
	g.Expect(w.refused).To(Equal(2), "one refused write each, none after it")
}

func TestLiveLine(t *testing.T) {
	g := NewWithT(t)
	p := &pen{w: &bytes.Buffer{}, width: 80}
	l := &live{pen: p, total: 412, done: 120, counts: Counts{Pass: 117, Fail: 2, Warn: 1}, last: "session-present-clean@5.0"}
	g.Expect(l.text(12 * time.Second)).To(Equal("120/412  ━━━━━───────────────  2 fail  1 warn  12 s  session-present-clean@5.0"))
	p.width = 40
	g.Expect(l.text(12 * time.Second)).To(Equal("120/412  ━━──────  2 fail  1 warn  12 s"))
	p.width = 20
	g.Expect(l.text(12 * time.Second)).To(Equal("120/412  2 fail"))
	p.width = 5
	g.Expect(l.text(12 * time.Second)).To(Equal("120…"))
}

// The live line is drawn while nothing finishes, and is gone at the end.
func TestLiveLineTicks(t *testing.T) {
	g := NewWithT(t)
	var b bytes.Buffer
	c := NewConsole(&b, ConsoleOptions{Terminal: true, Width: 60})
	r := fixture(1, 20)
	c.Start(len(r.Checks), r)
	time.Sleep(3 * liveEvery)
	c.Finish(r)
	g.Expect(strings.Count(b.String(), "\r0/40")).To(BeNumerically(">=", 3))
	g.Expect(settled(b.String())).NotTo(ContainSubstring("0/40"))
}

// failing is a writer whose reader goes away.
type failing struct{ after, refused int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		f.refused++
		return 0, errBroken
	}
	return len(p), nil
}

var errBroken = brokenPipe{}

type brokenPipe struct{}

func (brokenPipe) Error() string { return "broken pipe" }

// What did not apply for the same reason is said once.
func TestConsoleSaysAReasonOnce(t *testing.T) {
	g := NewWithT(t)
	r := run(Pass, Blocked, Blocked, Inapplicable, Blocked)
	for i := range r.Checks {
		r.Checks[i].Title = "keeps the rule"
		if r.Checks[i].Outcome != Pass {
			r.Checks[i].Reason = "no " + string(r.Checks[i].Outcome)
		}
	}
	Summarise(r)
	out := consoleOf(r, ConsoleOptions{Terminal: true, Width: 80})
	g.Expect(strings.Count(out, "no blocked")).To(Equal(1))
	g.Expect(out).To(ContainSubstring("    ⊘ 3 blocked\n      no blocked\n    – keeps the rule\n      no inapplicable\n    ✔ 1 more pass\n"))
	out = consoleOf(r, ConsoleOptions{Terminal: true, Width: 80, Verbose: true})
	g.Expect(strings.Count(out, "no blocked")).To(Equal(3))
}
