package reports

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	. "github.com/onsi/gomega"
)

// These tests open reports in Chromium, where there is one; with
// MQTTSPEC_REQUIRE_CHROMIUM=1 its absence is a failure. AXE_CORE names
// axe-core's axe.min.js for the accessibility test, MQTTSPEC_SCREENSHOTS a
// directory to leave pictures in. -short leaves them out.

// A tab is a browser tab that watches what a page does.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	trouble  []string // console errors, exceptions, policy violations, dialogs
	requests []string
}

// browser starts Chromium once for a test; each call of the function it
// returns is a fresh tab.
func browser(t *testing.T) func(t *testing.T) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("-short")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("MQTTSPEC_REQUIRE_CHROMIUM") == "1" {
			t.Fatal("MQTTSPEC_REQUIRE_CHROMIUM=1, but there is no Chromium")
		}
		t.Skip("no Chromium here")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return func(t *testing.T) *tab {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		t.Cleanup(cancel)
		ctx, cancel = chromedp.NewContext(ctx)
		t.Cleanup(cancel)
		b := &tab{t: t, ctx: ctx}
		b.do(chromedp.Navigate("about:blank"))
		if err := chromedp.Listen(ctx, b.watch); err != nil {
			t.Fatal(err)
		}
		call(b, log.Enable, cdp.Empty{})
		call(b, network.Enable, network.EnableParams{})
		call(b, runtime.Enable, cdp.Empty{})
		call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		b.size(1280, 900)
		return b
	}
}

func (b *tab) watch(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		b.trouble = append(b.trouble, fmt.Sprintf("console.%s", ev.Type))
	case *runtime.EventExceptionThrown:
		b.trouble = append(b.trouble, "exception: "+ev.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		b.trouble = append(b.trouble, "log: "+ev.Entry.Text)
	case *page.EventJavascriptDialogOpening:
		b.trouble = append(b.trouble, "dialog: "+ev.Message)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(ev.Request.URL, "data:") {
			b.requests = append(b.requests, ev.Request.URL)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func call[P, R any](b *tab, cmd cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, cmd, params)
	if err != nil {
		b.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return r
}

// js evaluates an expression in the page.
func js[T any](b *tab, expression string, opts ...chromedp.EvaluateOption) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, opts...))
	if err != nil {
		b.t.Fatalf("%s: %v", clip(expression, 80), err)
	}
	return v
}

func (b *tab) size(w, h int64) { b.t.Helper(); b.do(chromedp.EmulateViewport(w, h)) }

func (b *tab) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// open writes r's report to a file and opens it there.
func (b *tab) open(r *Results) string {
	b.t.Helper()
	return b.openPage(func(w io.Writer) error { return WriteHTML(w, r) })
}

func (b *tab) openPage(write func(io.Writer) error) string {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "report.html")
	f, err := os.Create(path)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := write(f); err != nil {
		b.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.visit(path)
}

func (b *tab) visit(path string) string {
	b.t.Helper()
	url := "file://" + path
	b.do(chromedp.Navigate(url))
	return url
}

// calm expects that nothing went wrong so far and that nothing but the file
// was asked for.
func (b *tab) calm(url string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	g := NewWithT(b.t)
	g.Expect(b.trouble).To(BeEmpty())
	for _, r := range b.requests {
		g.Expect(r).To(HavePrefix(url))
	}
	g.Expect(b.requests).NotTo(BeEmpty(), "the watch works")
}

// screenshot leaves a picture where MQTTSPEC_SCREENSHOTS says.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("MQTTSPEC_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// seen counts the rows of a kind that the filter leaves.
func (b *tab) seen(selector string) int {
	b.t.Helper()
	return js[int](b, `[...document.querySelectorAll("`+selector+`")].filter(e => e.getClientRects().length > 0).length`)
}

func TestReportInABrowser(t *testing.T) {
	newTab := browser(t)
	r := fixture(1, 250)
	const failing = "c-session-present-2@5.0"

	for _, c := range []struct {
		name   string
		scheme string
		w, h   int64
	}{
		{"desktop", "light", 1280, 900},
		{"dark", "dark", 1280, 900},
		{"phone", "light", 390, 844},
		{"phone-dark", "dark", 390, 844},
		{"narrow", "light", 320, 640},
		{"tablet", "light", 820, 1180},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			b := newTab(t)
			b.size(c.w, c.h)
			b.scheme(c.scheme)
			url := b.open(r)
			b.screenshot(c.name + "-top")
			g.Expect(js[string](b, `getComputedStyle(document.documentElement).getPropertyValue("--panel")`)).To(
				Equal(map[string]string{"light": "#fff", "dark": "#161b22"}[c.scheme]))
			js[chromedp.Void](b, `location.hash = "`+failing+`"`)
			b.do(chromedp.WaitVisible(`[id="` + failing + `"] .seq`))
			g.Expect(js[bool](b, `document.getElementById("`+failing+`").open`)).To(BeTrue())
			g.Expect(js[int](b, `document.documentElement.scrollWidth`)).To(BeNumerically("<=", c.w), "nothing sticks out sideways")
			b.screenshot(c.name + "-failure")
			js[chromedp.Void](b, `for (const d of document.querySelectorAll(".more details, .panel")) d.open = true`)
			g.Expect(js[int](b, `document.documentElement.scrollWidth`)).To(BeNumerically("<=", c.w))
			b.calm(url)
		})
	}

	t.Run("filter", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		url := b.open(r)
		all := len(r.Requirements)
		g.Expect(b.seen(".s")).To(Equal(all))
		count := func() string { return js[string](b, `document.getElementById("count").textContent`) }
		filtered := func(change string, want int) {
			t.Helper()
			js[chromedp.Void](b, change+`; document.getElementById("filter").requestSubmit()`)
			g.Expect(b.seen(".s")).To(Equal(want), change)
		}
		number := func(fits func(Requirement) bool) (n int) {
			for _, q := range r.Requirements {
				if fits(q) {
					n++
				}
			}
			return n
		}
		chip := func(o Outcome) string {
			return `document.querySelector("[name=o][value=` + string(o) + `]").click()`
		}
		g.Expect(count()).To(Equal("250 statements, 500 checks"))
		filtered(chip(Fail), number(func(q Requirement) bool { return q.Outcome == Fail }))
		g.Expect(b.seen(".f")).To(Equal(9))
		g.Expect(count()).To(Equal("7 statements, 9 findings"))
		g.Expect(b.seen("h4")).To(Equal(7), "sections without a row go too")
		filtered(chip(Warn), number(func(q Requirement) bool { return q.Outcome == Fail || q.Outcome == Warn }))
		filtered(`document.getElementById("v").value = "5.0"`, number(func(q Requirement) bool {
			return q.MQTT == "5.0" && (q.Outcome == Fail || q.Outcome == Warn)
		}))
		g.Expect(b.seen("h2.version")).To(Equal(1))
		filtered(`document.getElementById("filter").reset()`, all)
		// What a cause blocks is seen without the failures that it stands on.
		filtered(chip(Blocked), number(func(q Requirement) bool { return q.Outcome == Blocked }))
		g.Expect(b.seen(".fail .cause")).To(Equal(1))
		g.Expect(b.seen(".fail .cause > .f")).To(BeZero())
		js[chromedp.Void](b, `document.querySelector(".behind").open = true`)
		g.Expect(b.seen(".behind .f")).To(Equal(2))
		filtered(`document.getElementById("filter").reset()`, all)
		filtered(`document.getElementById("l").value = "SHOULD"`, number(func(q Requirement) bool { return q.Level == "SHOULD" }))
		filtered(`document.getElementById("s").value = "5.0 3.3.1.3"`, 1)
		filtered(`document.getElementById("filter").reset()`, all)
		filtered(`document.getElementById("q").value = "MQTT-3.3.1.3-4"`, 2)
		filtered(`document.getElementById("q").value = "nothing is called this"`, 0)
		g.Expect(b.seen("#nothing")).To(Equal(1))
		filtered(`document.getElementById("filter").reset()`, all)
		g.Expect(count()).To(Equal("250 statements, 500 checks"))

		// By hand, too: typing filters without a button.
		b.do(chromedp.SendKeys("#q", "highest granted"))
		b.do(chromedp.Sleep(200 * time.Millisecond))
		g.Expect(b.seen(".f")).To(Equal(1))
		// A link to what the filter hides shows it.
		js[chromedp.Void](b, `location.hash = "r-3.1.1-MQTT-2.2.2-1"`)
		b.do(chromedp.WaitVisible(`[id="r-3.1.1-MQTT-2.2.2-1"] .in`))
		b.calm(url)
	})

	t.Run("a passing check is drawn when it is opened", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		url := b.open(r)
		const passing, many = "c-retain-1@5.0", "c-publish-actions-3@5.0"
		for _, id := range []string{passing, many} {
			js[chromedp.Void](b, `location.hash = "`+id+`"`)
			b.do(chromedp.WaitVisible(`[id="` + id + `"] .seq`))
		}
		g.Expect(js[int](b, `document.querySelectorAll("[id='`+passing+`'] .seq > li:not(.hd,.gap)").length`)).To(Equal(len(checkOf(t, r, passing).Exchange)))
		g.Expect(js[string](b, `document.querySelector("[id='`+passing+`'] .seq .o").textContent`)).To(Equal(
			func() string {
				e := checkOf(t, r, passing).Exchange[1]
				return clock(e.TMS) + e.Conn + " → broker" + e.Packet + hexBytes(&e, 96)
			}()))
		g.Expect(js[int](b, `document.querySelectorAll("[id='`+many+`'] .seq.n0 > li").length`)).To(BeNumerically(">", 24))
		b.screenshot("passing")

		// Of several cases the first is drawn, the others when they are opened.
		const cases = "c-packet-identifier-3@5.0"
		js[chromedp.Void](b, `location.hash = "`+cases+`"`)
		b.do(chromedp.WaitVisible(`[id="` + cases + `"] .seq`))
		g.Expect(b.seen("[id='" + cases + "'] .seq")).To(Equal(1))
		b.do(chromedp.Click(`[id="` + cases + `"] .more > summary`))
		b.do(chromedp.WaitVisible(`[id="` + cases + `"] .more .seq`))
		g.Expect(b.seen("[id='" + cases + "'] .seq")).To(Equal(2))
		b.screenshot("cases")
		b.calm(url)
	})

	t.Run("both hearings, and the check in which it was seen", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		url := b.open(r)
		const unsteady, charged, seenIn = "c-will-retain-1@5.0", "c-subscribe-payload-1@5.0", "c-message-ordering-1@5.0"
		js[chromedp.Void](b, `location.hash = "`+unsteady+`"`)
		b.do(chromedp.WaitVisible(`[id="` + unsteady + `"] .hearing .seq`))
		g.Expect(b.seen("[id='"+unsteady+"'] .seq")).To(Equal(2), "the first hearing and the second")
		b.screenshot("unsteady")
		js[chromedp.Void](b, `location.hash = "`+charged+`"`)
		b.do(chromedp.WaitVisible(`[id="` + charged + `"] .seq`))
		b.do(chromedp.Click(`[id="` + charged + `"] a[href^="#c-message-ordering-1"]`))
		b.do(chromedp.WaitVisible(`[id="` + seenIn + `"] .seq`)) // it stands folded below what blocks it
		b.calm(url)
	})

	t.Run("keyboard", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		url := b.open(r)
		active := func() string { return js[string](b, `document.activeElement.id || document.activeElement.textContent`) }
		// Not KeyEvent: it types the character even where the page takes the key.
		js[chromedp.Void](b, `document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "/", bubbles: true, cancelable: true}))`)
		g.Expect(active()).To(Equal("q"))
		js[chromedp.Void](b, `document.querySelector(".attention .c > summary").focus()`)
		first := active()
		b.do(chromedp.KeyEvent(kb.ArrowDown))
		g.Expect(active()).NotTo(Equal(first))
		b.do(chromedp.KeyEvent(kb.ArrowUp))
		g.Expect(active()).To(Equal(first))
		b.do(chromedp.KeyEvent(kb.ArrowRight))
		g.Expect(js[bool](b, `document.activeElement.parentElement.open`)).To(BeTrue())
		b.do(chromedp.KeyEvent(kb.ArrowLeft))
		g.Expect(js[bool](b, `document.activeElement.parentElement.open`)).To(BeFalse())
		b.do(chromedp.KeyEvent(kb.ArrowLeft))
		g.Expect(active()).To(ContainSubstring("9 failures"), "left of a closed row is what it stands in")
		b.calm(url)
	})

	t.Run("without JavaScript", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		url := b.open(r)
		g.Expect(b.seen(".filter")).To(BeZero(), "a filter that cannot filter is not shown")
		g.Expect(b.seen(".s")).To(Equal(len(r.Requirements)))
		b.do(chromedp.Click(`[id="` + failing + `"] > summary`))
		b.do(chromedp.WaitVisible(`[id="` + failing + `"] .seq`))
		b.screenshot("without-javascript")
		b.calm(url)
	})

	t.Run("steady and fast", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		// What moved without anybody asking for it, and how long opening took.
		call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.moved = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) window.moved += e.value }).observe({type: "layout-shift", buffered: true})`,
		})
		url := b.open(r)
		b.do(chromedp.Sleep(300 * time.Millisecond))
		g.Expect(js[float64](b, `window.moved`)).To(BeNumerically("<", 0.01))
		// The processor's time, not the clock's: a busy machine is no fault of the page.
		call(b, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
		busy := func() float64 {
			for _, m := range call(b, performance.GetMetrics, cdp.Empty{}).Metrics {
				if m.Name == "TaskDuration" {
					return m.Value
				}
			}
			t.Fatal("Chromium does not say how busy it was")
			return 0
		}
		before := busy()
		b.visit(strings.TrimPrefix(url, "file://"))
		took := busy() - before
		t.Logf("500 checks take Chromium %.0f ms to open, %.0f ms by the clock", 1000*took, js[float64](b, `performance.getEntriesByType("navigation")[0].loadEventEnd`))
		g.Expect(took).To(BeNumerically("<", 1))
		slow := js[float64](b, `(() => { const t = performance.now(); document.getElementById("q").value = "retained"; document.getElementById("filter").requestSubmit(); document.body.offsetHeight; return performance.now() - t })()`)
		t.Logf("the first filter takes %.0f ms", slow)
		g.Expect(slow).To(BeNumerically("<", 1000))
		b.calm(url)
	})

	t.Run("hostile", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		url := b.open(hostile())
		js[chromedp.Void](b, `for (const d of document.querySelectorAll("details")) d.open = true`)
		g.Expect(js[int](b, `document.scripts.length`)).To(Equal(1))
		g.Expect(js[int](b, `document.documentElement.scrollWidth`)).To(BeNumerically("<=", 1280))
		b.size(360, 740)
		g.Expect(js[int](b, `document.documentElement.scrollWidth`)).To(BeNumerically("<=", 360))
		b.screenshot("hostile")
		b.calm(url)
	})
}

// checkOf is the check whose anchor is id.
func checkOf(t *testing.T, r *Results, id string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if "c-"+c.ID == id {
			return c
		}
	}
	t.Fatalf("the fixture has no check %s", id)
	return Check{}
}

func TestMatrixInABrowser(t *testing.T) {
	newTab := browser(t)
	m := matrix(t, fixtures(120)...)
	for _, c := range []struct {
		name string
		w    int64
		js   bool
	}{{"matrix", 1280, true}, {"matrix-phone", 390, true}, {"matrix-without-javascript", 1280, false}} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			b := newTab(t)
			b.size(c.w, 900)
			if !c.js {
				call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			}
			url := b.openPage(m.WriteHTML)
			g.Expect(js[int](b, `document.documentElement.scrollWidth`)).To(BeNumerically("<=", c.w))
			b.screenshot(c.name)
			b.do(chromedp.Click(`td.fail button`))
			b.do(chromedp.WaitVisible(`.pop:popover-open .seq`))
			g.Expect(js[string](b, `document.querySelector(".pop:popover-open").textContent`)).To(And(ContainSubstring("Expected"), ContainSubstring("CONNECT client=")))
			b.screenshot(c.name + "-open")
			b.do(chromedp.Click(`.pop:popover-open .close`))
			b.do(chromedp.WaitNotPresent(`.pop:popover-open`))
			b.calm(url)
		})
	}
	t.Run("filter", func(t *testing.T) {
		g := NewWithT(t)
		b := newTab(t)
		url := b.openPage(m.WriteHTML)
		number := func(fits func(MatrixRow) bool) (n int) {
			for _, v := range m.Versions {
				n += len(slicesFilter(v.Rows, fits))
			}
			return n
		}
		filtered := func(change string, want int) {
			t.Helper()
			js[chromedp.Void](b, change+`; document.getElementById("filter").requestSubmit()`)
			g.Expect(b.seen("tr[data-s]")).To(Equal(want), change)
		}
		filtered(``, 250)
		filtered(`document.getElementById("w").value = "d"`, number(MatrixRow.Differs))
		filtered(`document.getElementById("w").value = "t"`, number(MatrixRow.Troubled))
		filtered(`document.getElementById("filter").reset()`, 250)
		filtered(`document.getElementById("s").value = "5.0 4.8.2"`, 6)
		filtered(`document.getElementById("q").value = "nothing like it"`, 0)
		g.Expect(b.seen("#nothing")).To(Equal(1))
		b.calm(url)
	})
}

// axe-core finds nothing serious, whatever the scheme and size, open or not.
func TestPagesAreAccessible(t *testing.T) {
	path := os.Getenv("AXE_CORE")
	if path == "" {
		t.Skip("AXE_CORE does not name axe.min.js")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newTab := browser(t)
	r := fixture(1, 16)
	r.Requirements = r.Requirements[60:140]
	Summarise(r)
	for _, p := range []struct {
		name  string
		write func(io.Writer) error
		open  string
	}{
		{"report", func(w io.Writer) error { return WriteHTML(w, r) }, `for (const d of document.querySelectorAll("details")) d.open = true`},
		{"matrix", matrix(t, r, fixture(2, 16)).WriteHTML, `document.querySelector("td.fail button").click()`},
	} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 390} {
				t.Run(fmt.Sprintf("%s %s %d", p.name, scheme, width), func(t *testing.T) {
					b := newTab(t)
					b.size(width, 900)
					b.scheme(scheme)
					b.openPage(p.write)
					js[chromedp.Void](b, string(axe))
					for _, action := range []string{``, p.open} {
						js[chromedp.Void](b, action)
						b.axe()
					}
				})
			}
		}
	}
}

// axe fails the test over what axe-core, loaded before, finds serious in the
// page as it stands; the rest it logs.
func (b *tab) axe() {
	b.t.Helper()
	type violation struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	run := js[struct {
		Violations []violation
		Passes     []struct{ ID string }
	}](b, `axe.run().then(r => ({violations: r.violations, passes: r.passes.map(p => ({id: p.id}))}))`, chromedp.EvalAwaitPromise)
	NewWithT(b.t).Expect(len(run.Passes)).To(BeNumerically(">", 15), "axe looked at something")
	for _, v := range run.Violations {
		report := b.t.Logf
		if v.Impact == "serious" || v.Impact == "critical" {
			report = b.t.Errorf
		}
		example := ""
		if len(v.Nodes) > 0 {
			example = clip(v.Nodes[0].HTML, 200) + "\n" + clip(v.Nodes[0].FailureSummary, 300)
		}
		report("%s (%s, %d times): %s\n%s", v.ID, v.Impact, len(v.Nodes), v.Help, example)
	}
}
