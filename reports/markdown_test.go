package reports

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func markdownOf(t *testing.T, r *Results) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteMarkdown(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMarkdownGolden(t *testing.T) {
	golden(t, "summary.md", markdownOf(t, fixture(1, 62)))
}

func TestMarkdownOfHostileResults(t *testing.T) {
	g := NewWithT(t)
	out := markdownOf(t, hostile())
	g.Expect(strings.ContainsAny(out, "\x00\x1b\x07\u202e\u2028\r")).To(BeFalse())
	g.Expect(out).NotTo(ContainSubstring("hunter2"))
	g.Expect(len(out)).To(BeNumerically("<", 1<<20))
	// Outside of code, nothing of what the broker says is markup.
	prose := proseOf(out)
	g.Expect(prose).NotTo(ContainSubstring("<script>"))
	g.Expect(prose).NotTo(ContainSubstring("**x**"))
	for line := range strings.SplitSeq(prose, "\n") {
		g.Expect(line).NotTo(MatchRegexp(`^(# |::|verdict|</svg|<!--)`))
	}
}

// proseOf is a Markdown text without its blocks and spans of code.
func proseOf(markdown string) string {
	var kept []string
	fence := ""
	for line := range strings.SplitSeq(markdown, "\n") {
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimSuffix(line, "text")
		case fence != "" && line == fence:
			fence = ""
		case fence == "":
			kept = append(kept, regexp.MustCompile("`+ .*? `+|`[^`]+`").ReplaceAllString(line, ""))
		}
	}
	return strings.Join(kept, "\n")
}

// A fence cannot be closed from within, whatever stands in it.
func TestMarkdownFence(t *testing.T) {
	g := NewWithT(t)
	m := markdown{}
	m.fence("a\n```\nb\n`````")
	g.Expect(m.b.String()).To(Equal("``````text\na\n```\nb\n`````\n``````\n\n"))
	g.Expect(m.code("a`b")).To(Equal("`` a`b ``"))
	g.Expect(m.code("a|b")).To(Equal("`a¦b`"))
	g.Expect(m.text("- 1")).To(Equal(`\- 1`))
	g.Expect(m.text("12. a")).To(Equal(`12\. a`))
	g.Expect(m.text("1 regression.")).To(Equal("1 regression."))
	g.Expect(m.text("<b>@me #1 *x* [a](b)")).To(Equal(`&lt;b&gt;&#64;me &#35;1 \*x\* \[a\](b)`))
}

func TestMarkdownFitsAJobSummary(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 400)
	for i := range r.Checks {
		r.Checks[i].Outcome, r.Checks[i].Expected, r.Checks[i].Observed = Fail, strings.Repeat("x", 4000), strings.Repeat("y", 4000)
	}
	Summarise(r)
	out := markdownOf(t, r)
	g.Expect(len(out)).To(BeNumerically("<", 1<<20))
	g.Expect(out).To(ContainSubstring("more, in the JSON and HTML reports"))
	g.Expect(strings.Count(out, "<details>")).To(Equal(strings.Count(out, "</details>")))
}

func TestGitHub(t *testing.T) {
	var b bytes.Buffer
	r := fixture(1, 62)
	known(KnownFailure{Check: "flags-1", Broker: "mosquitto", Reason: "gone"}).Apply(r, march)
	if err := WriteGitHub(&b, r, FailOnMust); err != nil {
		t.Fatal(err)
	}
	golden(t, "github.txt", b.String())
}

func TestGitHubKinds(t *testing.T) {
	count := func(r *Results, failOn FailOn) [2]int {
		var b bytes.Buffer
		if err := WriteGitHub(&b, r, failOn); err != nil {
			t.Fatal(err)
		}
		return [2]int{strings.Count(b.String(), "::error "), strings.Count(b.String(), "::warning ")}
	}
	g := NewWithT(t)
	apart := func(outcomes ...Outcome) *Results {
		r := run(outcomes...)
		for i := range r.Checks {
			r.Checks[i].Requirements = []string{r.Checks[i].ID}
		}
		Summarise(r)
		return r
	}
	some := apart(Fail, Warn, Error, Pass, Unsteady, Untried)
	g.Expect(count(some, FailOnMust)).To(Equal([2]int{2, 2}))
	g.Expect(count(some, FailOnShould)).To(Equal([2]int{3, 1}))
	g.Expect(count(some, FailOnUnsteady)).To(Equal([2]int{4, 0}))
	g.Expect(count(some, FailOnNever)).To(Equal([2]int{1, 3}))
	some.Settings.Require = []string{"all"}
	g.Expect(count(some, FailOnMust)).To(Equal([2]int{3, 2}))
	one := run(Fail, Fail, Warn)
	Summarise(one)
	g.Expect(count(one, FailOnMust)).To(Equal([2]int{1, 0}), "one cause")
	many := apart(Fail, Fail, Fail, Fail, Fail, Fail, Fail, Fail, Fail, Fail, Fail, Fail)
	g.Expect(count(many, FailOnMust)).To(Equal([2]int{10, 0}), "GitHub shows no more")
	var b bytes.Buffer
	g.Expect(WriteGitHub(&b, many, FailOnMust)).To(Succeed())
	g.Expect(b.String()).To(ContainSubstring("and 3 more"))
}

func TestGitHubOfHostileResults(t *testing.T) {
	g := NewWithT(t)
	var b bytes.Buffer
	g.Expect(WriteGitHub(&b, hostile(), FailOnShould)).To(Succeed())
	for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n") {
		g.Expect(line).To(MatchRegexp(`^::(error|warning|notice) title=[^:,]*::.`), "no line that a broker wrote")
		g.Expect(len(line)).To(BeNumerically("<", 8000))
	}
	g.Expect(escapeData("100%\n")).To(Equal("100%25%0A"))
	g.Expect(escapeProperty("a: b, c%")).To(Equal("a%3A b%2C c%25"))
}
