package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/net/html"
)

// htmlOf is r's HTML report, parsed as a browser does.
func htmlOf(t testing.TB, r *Results) (string, *html.Node) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), doc
}

// each calls f with every element of a document.
func each(n *html.Node, f func(*html.Node)) {
	for e := range n.Descendants() {
		if e.Type == html.ElementNode {
			f(e)
		}
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for e := range n.Descendants() {
		if e.Type == html.TextNode {
			b.WriteString(e.Data)
		}
	}
	return b.String()
}

func TestHTMLHoldsEverything(t *testing.T) {
	g := NewWithT(t)
	r := fixture(1, 250)
	page, doc := htmlOf(t, r)
	ids, links := map[string]bool{}, []string{}
	each(doc, func(n *html.Node) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the ID %s", id)
			}
			ids[id] = true
		}
		if n.Data == "a" && strings.HasPrefix(attr(n, "href"), "#") {
			links = append(links, strings.TrimPrefix(attr(n, "href"), "#"))
		}
	})
	for _, c := range r.Checks {
		if !ids["c-"+c.ID] {
			t.Errorf("check %s is not in the report", c.ID)
		}
	}
	for _, q := range r.Requirements {
		if !ids["r-"+q.MQTT+"-"+q.ID] {
			t.Errorf("statement %s of %s is not in the report", q.ID, q.MQTT)
		}
	}
	for _, link := range links {
		if to, err := url.PathUnescape(link); err != nil || !ids[to] {
			t.Errorf("the link to #%s leads nowhere (%v)", link, err)
		}
	}
	g.Expect(page).To(ContainSubstring(Sentence(r)))
	g.Expect(page).To(ContainSubstring("mqttspec run mqtt://127.0.0.1:1883 --username alice"))
	g.Expect(page).NotTo(ContainSubstring("wonderland"))
	g.Expect(page).To(ContainSubstring("Shared Subscription Available"))
	g.Expect(page).To(ContainSubstring("It binds only the client"))
	// Failures come before the statements.
	g.Expect(strings.Index(page, `id="c-session-present-2@5.0"`)).To(BeNumerically("<", strings.Index(page, `class=chapter`)))
}

// The page asks nothing of anybody: nothing it holds could load anything, and
// the policy would forbid it.
func TestHTMLStandsAlone(t *testing.T) {
	g := NewWithT(t)
	for _, r := range []*Results{fixture(1, 40), hostile(), {Problem: "refused"}} {
		page, doc := htmlOf(t, r)
		var style, script, policy string
		each(doc, func(n *html.Node) {
			switch n.Data {
			case "style":
				style = textOf(n)
			case "script":
				script = textOf(n)
				g.Expect(attr(n, "src")).To(BeEmpty())
			case "meta":
				if attr(n, "http-equiv") == "Content-Security-Policy" {
					policy = attr(n, "content")
				}
			case "img", "iframe", "object", "embed", "video", "audio", "source", "base":
				t.Errorf("the page has a <%s>", n.Data)
			case "link":
				g.Expect(attr(n, "href")).To(Equal("data:,"))
			case "a":
				g.Expect(attr(n, "href")).To(MatchRegexp(`^(#|https?://)`))
			}
			for _, a := range n.Attr {
				g.Expect(a.Key).NotTo(HavePrefix("on"), "no inline handlers")
				g.Expect(a.Key).NotTo(Equal("style"), "no inline styles: the policy forbids them")
			}
		})
		for _, s := range []string{style, script} {
			sum := sha256.Sum256([]byte(s))
			g.Expect(policy).To(ContainSubstring("'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"))
		}
		g.Expect(policy).To(HavePrefix("default-src 'none'; img-src data:;"))
		g.Expect(style).NotTo(ContainSubstring("url("))
		g.Expect(style).NotTo(ContainSubstring("@import"))
		g.Expect(script).NotTo(MatchRegexp(`fetch\(|XMLHttpRequest|import\(|innerHTML|eval\(`))
		g.Expect(page).NotTo(ContainSubstring("ZgotmplZ"))
		g.Expect(strings.Count(page, "<script>")).To(Equal(1), "ours alone")
	}
}

func TestHTMLOfHostileResults(t *testing.T) {
	g := NewWithT(t)
	page, doc := htmlOf(t, hostile())
	g.Expect(strings.ContainsAny(page, "\x00\x1b\x07\u202e\u2028")).To(BeFalse())
	g.Expect(page).NotTo(ContainSubstring("hunter2"))
	g.Expect(page).NotTo(ContainSubstring("javascript:"))
	g.Expect(len(page)).To(BeNumerically("<", 5_000_000))
	ids := map[string]bool{}
	each(doc, func(n *html.Node) {
		g.Expect(n.Data).NotTo(Equal("b<script"))
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the ID %s", id)
			}
			g.Expect(id).NotTo(MatchRegexp(`\s`))
			ids[id] = true
		}
	})
}

// The promise of 5 MB holds for a run twice as long as any today, with long
// exchanges everywhere and a broker that fails most of it.
func TestHTMLStaysSmall(t *testing.T) {
	g := NewWithT(t)
	small, _ := htmlOf(t, fixture(1, 250))
	t.Logf("500 checks: %.2f MB", float64(len(small))/1e6)
	g.Expect(len(small)).To(BeNumerically("<", 1_500_000))

	r := fixture(2, 500)
	for i := range r.Checks {
		c := &r.Checks[i]
		for len(c.Exchange) < 300 {
			c.Exchange = append(c.Exchange, Event{TMS: float64(len(c.Exchange)), Conn: "alice", Dir: "<", Packet: strings.Repeat("PUBLISH ", 30), Hex: strings.Repeat("ab", 512)})
		}
		if i%3 > 0 {
			c.Outcome, c.Expected, c.Observed = Fail, strings.Repeat("one ", 400), strings.Repeat("another ", 400)
		}
	}
	Summarise(r)
	began := time.Now()
	large, _ := htmlOf(t, r)
	t.Logf("1000 checks of 300 events, most failing: %.2f MB in %v", float64(len(large))/1e6, time.Since(began))
	g.Expect(len(large)).To(BeNumerically("<", 5_000_000))
}

func TestHTMLOfNothing(t *testing.T) {
	g := NewWithT(t)
	r := &Results{Target: Target{URL: "mqtt://127.0.0.1:1"}, Problem: "connection refused"}
	Summarise(r)
	page, _ := htmlOf(t, r)
	g.Expect(page).To(ContainSubstring("could not be tested: connection refused"))
	g.Expect(page).NotTo(ContainSubstring("No check failed"))
}

func TestHTMLShowsChecksWithoutStatements(t *testing.T) {
	g := NewWithT(t)
	r := run(Pass, Fail)
	r.Requirements = nil
	Summarise(r)
	page, _ := htmlOf(t, r)
	g.Expect(page).To(ContainSubstring(`id="c-a@5.0"`))
	g.Expect(page).To(ContainSubstring(`id="c-b@5.0"`))
}

func TestHTMLGolden(t *testing.T) {
	r := fixture(1, 10)
	r.Requirements = r.Requirements[:12]
	Summarise(r)
	page, _ := htmlOf(t, r)
	// Style and script have their own files; what they are is no matter here.
	for _, tag := range []string{"style", "script"} {
		page = regexp.MustCompile(`(?s)<`+tag+`>.*?</`+tag+`>`).ReplaceAllString(page, "<"+tag+"></"+tag+">")
	}
	page = regexp.MustCompile(`'sha256-[^']+'`).ReplaceAllString(page, "'sha256-…'")
	golden(t, "report.html", page)
}

func TestSequence(t *testing.T) {
	g := NewWithT(t)
	limits := sequenceLimits{events: 30, open: 12, bytes: 8}
	var events []Event
	for i := range 100 {
		events = append(events, Event{TMS: float64(i), Conn: []string{"alice", "bob"}[i%2], Dir: []string{">", "<", "."}[i%3], Packet: "P", Hex: "0011223344556677889900"})
	}
	events[50].Breach = "broken"
	events[99].TMS = 2000
	s := layOut(events, limits)
	g.Expect(s.Lanes).To(Equal([]string{"alice", "bob"}))
	var open, folded int
	var left []string
	for _, p := range s.Parts {
		for _, st := range p.Steps {
			switch {
			case st.Left != "":
				left = append(left, st.Left)
			case p.Folded:
				folded++
			default:
				open++
			}
			g.Expect(strings.Contains(st.Class, "x")).To(Equal(st.Breach != ""))
		}
	}
	g.Expect(open+folded).To(Equal(31), "thirty, and the breach")
	g.Expect(open).To(Equal(13))
	g.Expect(left).To(Equal([]string{
		"40 events left out here; the JSON results have them", "29 events left out here; the JSON results have them",
	}), "the breach stands between them")
	last := s.Parts[len(s.Parts)-1].Steps
	g.Expect(last[len(last)-1].Gap).To(Equal("1.9 s later"))
	g.Expect(last[len(last)-1].Hex).To(Equal("00 11 22 33 44 55 66 77 … (11 bytes)"))
	g.Expect(layOut(nil, limits)).To(BeNil())

	for i := range events {
		events[i].Conn = string(rune('a' + i%7))
	}
	g.Expect(layOut(events, limits).Class()).To(Equal("n0"), "too many lanes to draw")
	g.Expect(layOut(events[:3], sequenceLimits{3, 3, 8}).Parts).To(HaveLen(1))
}

// An exchange of several cases shows the first and folds the others.
func TestSequenceOfCases(t *testing.T) {
	g := NewWithT(t)
	var events []Event
	for _, name := range []string{"case: one", "case: two", "case: three"} {
		events = append(events, Event{TMS: 300, Dir: ".", Packet: name})
		for i := range 10 {
			events = append(events, Event{TMS: float64(i), Conn: "alice", Dir: ">", Packet: "PINGREQ", Hex: "c000"})
		}
	}
	s := layOut(events, sequenceLimits{events: 40, open: 20, bytes: 8})
	g.Expect(s.Lanes).To(Equal([]string{"alice"}))
	g.Expect(s.Parts).To(HaveLen(3))
	g.Expect([]string{s.Parts[0].Summary(), s.Parts[1].Summary(), s.Parts[2].Summary()}).To(Equal([]string{"case: one", "case: two", "case: three"}))
	g.Expect([]bool{s.Parts[0].Folded, s.Parts[1].Folded, s.Parts[2].Folded}).To(Equal([]bool{false, true, true}))
	g.Expect(s.Parts[1].Text()).To(HavePrefix("0.0 ms\talice → broker\tPINGREQ\tc0 00\n1.0 ms\t"))
	g.Expect(exchangeText(events)).To(And(HavePrefix("case: one\n"), HaveSuffix("2 more cases in the JSON and HTML reports\n")))
	g.Expect(cases(nil)).To(HaveLen(1))
	events[5] = Event{TMS: 5, Dir: ".", Packet: "the broker is back"}
	g.Expect(cases(events)).To(HaveLen(3), "another note is no case")
	g.Expect(cases(events[1:])).To(HaveLen(3), "events before the first heading are a case")
}

func TestReproduce(t *testing.T) {
	for _, c := range []struct{ name, command, want string }{
		{"plain", "mqttspec run mqtt://h:1 --json r.json --check x --parallel 4", "mqttspec run mqtt://h:1 --parallel 4 --check a@5.0 --verbose"},
		{"known failures and shards", "mqttspec run mqtt://h:1 --known-failures k.yaml --strict --shard 1/3", "mqttspec run mqtt://h:1 --check a@5.0 --verbose"},
		{"joined flags", "mqttspec run --html=r.html mqtt://h:1 --filter=5.0", "mqttspec run mqtt://h:1 --check a@5.0 --verbose"},
		{"a command of its own", "mqttspec run --github -- mosquitto -c {{.Port}}", "mqttspec run --check a@5.0 --verbose -- mosquitto -c '{{.Port}}'"},
		{"none", "", "mqttspec run mqtt://u:***@h:1 --check a@5.0 --verbose"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Results{Command: strings.Fields(c.command), Target: Target{URL: "mqtt://u:p@h:1"}}
			want := strings.ReplaceAll(c.want, "mqtt://u:***@h:1", "'mqtt://u:***@h:1'")
			NewWithT(t).Expect(shellLine(Reproduce(r, "a@5.0"))).To(Equal(want))
		})
	}
	NewWithT(t).Expect(shellLine(Reproduce(&Results{Target: Target{Name: "embedded"}}, "a"))).To(Equal("mqttspec run embedded --check a --verbose"))
	NewWithT(t).Expect(shellLine([]string{"it's", "", "a;b"})).To(Equal(`'it'\''s' '' 'a;b'`))
}

func BenchmarkWriteHTML(b *testing.B) {
	r := fixture(1, 250)
	for b.Loop() {
		if err := WriteHTML(&bytes.Buffer{}, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	r := fixture(1, 250)
	for b.Loop() {
		if err := Write(&bytes.Buffer{}, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteJUnit(b *testing.B) {
	r := fixture(1, 250)
	for b.Loop() {
		if err := WriteJUnit(&bytes.Buffer{}, r, FailOnMust); err != nil {
			b.Fatal(err)
		}
	}
}
