package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// What templates/report.html.tmpl shows. All text in it is printable already;
// html/template does the rest.
type (
	reportView struct {
		shell
		Broker, Sentence string
		Verdict          Verdict
		Mark             string
		Problem          string
		Headlines        []string
		Versions         []versionView
		Facts            []factView
		Command          string
		Profile          profileView
		Durability       profileView
		Stale            []string
		Attention        []groupView
		Chapters         []chapterView
		Filters          filterView
		Statements       int
		Checks           int
	}
	factView    struct{ Name, Value string }
	versionView struct {
		Name    string
		Verdict Verdict
		Mark    string
		Total   int
		Checks  int
		Shares  []shareView
	}
	shareView struct {
		Outcome Outcome
		N       int
		X, W    float64 // place in a bar 1000 wide
	}
	profileView struct {
		Versions []string
		Rows     []profileRow
	}
	profileRow struct {
		Name   string
		Values []string
	}
	groupView struct {
		Outcome Outcome
		Title   string
		Open    bool
		Causes  []causeView
	}
	// A causeView is a cause with its checks; it has a title where there are several.
	causeView struct {
		Title, Advice string
		Checks        []*checkView
		BlockedTitle  string
		Blocked       []*checkView
	}
	chapterView struct {
		Anchor, Version, Number, Title string
		First                          bool // of its version
		Sections                       []sectionView
	}
	sectionView struct {
		Number, Title, Key string
		Shares             []shareView
		Statements         []statementView
		Checks             []*checkView // of no statement that is listed
	}
	statementView struct {
		Anchor, ID, Link, Level, Binds, Summary, Version, Key string
		Outcome                                               Outcome
		Untested                                              string
		Checks                                                []checkRef
	}
	// A checkRef is a check under a statement: in full where Here is set,
	// else a link to where it stands in full.
	checkRef struct {
		*checkView
		Here bool
	}
	checkView struct {
		Anchor, ID, Slug, Version, Level, Title, Key string
		Outcome                                      Outcome
		Took, Reason                                 string
		Expected, Observed, Why                      string
		First                                        *hearingView
		Waiver                                       *waiverView
		SeenIn, BlockedBy                            *linkView
		Rules                                        []ruleView
		Exchange                                     *sequence
		Reproduce                                    string
		placed                                       bool
	}
	// A hearingView is what a check has shown when it was heard for the first time.
	hearingView struct {
		Outcome                          Outcome
		Took, Reason, Expected, Observed string
		Exchange                         *sequence
		Open                             bool
	}
	linkView   struct{ ID, Anchor string } // no anchor where there is nothing to lead to
	waiverView struct{ Reason, Link, Expires string }
	ruleView   struct{ ID, Anchor, Spared string } // Spared says what a failed check says of one that it does not break
	filterView struct {
		Outcomes []shareView
		Versions []string
		Sections []sectionOption
	}
	sectionOption struct{ Key, Label string }
)

// M is the outcome's mark, W its word.
func (s shareView) M() string     { return s.Outcome.mark() }
func (g groupView) M() string     { return g.Outcome.mark() }
func (s statementView) M() string { return s.Outcome.mark() }
func (c *checkView) M() string    { return c.Outcome.mark() }
func (h hearingView) M() string   { return h.Outcome.mark() }

// Wide says that a fact needs two columns.
func (f factView) Wide() bool { return len(f.Value) > 40 }

// Long says that a statement's ID takes two lines.
func (s statementView) Long() bool { return len(s.ID) > 26 }

// Quiet says that the check stands among the statements, where its row does
// not give the reason.
func (c *checkView) Quiet() bool { return calm(c.Outcome) }

// calm says that an outcome asks for nobody's attention.
func calm(o Outcome) bool { return o == Pass || o == Inapplicable }

// chapters are the chapters of both specifications.
func chapterTitle(number string) string {
	switch number {
	case "1":
		return "Introduction"
	case "2":
		return "MQTT Control Packet format"
	case "3":
		return "MQTT Control Packets"
	case "4":
		return "Operational behavior"
	case "5":
		return "Security"
	case "6":
		return "Using WebSocket as a network transport"
	case "7":
		return "Conformance"
	}
	return "Other"
}

// A builder makes the views of one report.
type builder struct {
	r       *Results
	anchors map[string]bool
	rules   map[[2]string]string // anchors of statements, by version and ID
	checks  map[string]*checkView
	links   map[string]string       // anchors of checks that can be linked to
	limits  map[bool]sequenceLimits // by whether the check passed
	block   int                     // longest expected or observed value, in runes
}

// How much of the exchanges a report of bounded size holds, in bytes. Those
// of checks that need attention come first.
const (
	roomAttention = 2_200_000
	roomPassed    = 1_500_000
)

func newBuilder(r *Results, share float64) *builder {
	b := &builder{
		r: r, anchors: map[string]bool{}, rules: map[[2]string]string{}, checks: map[string]*checkView{}, links: map[string]string{},
		limits: map[bool]sequenceLimits{}, block: int(maxBlock * share),
	}
	kinds := map[bool][]*Check{}
	for i := range r.Checks {
		quiet := calm(r.Checks[i].Outcome)
		kinds[quiet] = append(kinds[quiet], &r.Checks[i])
	}
	b.limits[false] = plan(kinds[false], []sequenceLimits{{400, 45, 256}, {200, 45, 128}, {100, 45, 64}, {50, 45, 32}, {24, 24, 16}, {8, 8, 16}, {3, 3, 8}}, 75, int(roomAttention*share))
	b.limits[true] = plan(kinds[true], []sequenceLimits{{80, 80, 96}, {60, 60, 64}, {40, 40, 48}, {24, 24, 32}, {16, 16, 24}, {8, 8, 16}, {3, 3, 8}}, 25, int(roomPassed*share))
	return b
}

// anchor is an identifier for name that no other element has.
func (b *builder) anchor(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._@/-", r)) {
			return r
		}
		return '-'
	}, clip(name, 120))
	unique := name
	for n := 2; b.anchors[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	b.anchors[unique] = true
	return unique
}

func sectionKey(version, number string) string { return version + " " + number }

// build makes the whole view.
func (b *builder) build() *reportView {
	r := b.r
	v := &reportView{
		Broker: BrokerName(r), Sentence: Sentence(r), Verdict: r.Summary.Verdict, Mark: verdictMark(r.Summary.Verdict),
		Problem: shown(r.Problem, maxLine), Headlines: append(headlines(r), Unmet(r)...), Statements: len(r.Requirements), Checks: len(r.Checks),
		Command: shown(shellLine(Redact(r.Command)), 4000),
	}
	for _, q := range r.Requirements {
		b.rules[[2]string{q.MQTT, q.ID}] = b.anchor("r-" + q.MQTT + "-" + q.ID)
	}
	for _, c := range r.Checks {
		b.links[c.ID] = b.anchor("c-" + c.ID)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		b.checks[c.ID] = b.check(c)
	}
	v.Facts = b.facts()
	v.Profile = b.profile()
	if header, rows := DurabilityTable(b.r); header != nil {
		v.Durability.Versions = header[1:]
		for _, row := range rows {
			v.Durability.Rows = append(v.Durability.Rows, profileRow{row[0], row[1:]})
		}
	}
	v.Stale = r.KnownFailures.Messages()
	v.Attention = b.attention()
	v.Chapters = b.chapters()
	v.Versions = b.versions()
	v.Filters = b.filters(v.Chapters)
	return v
}

func verdictMark(v Verdict) string {
	switch v {
	case Conformant:
		return Pass.mark()
	case Nonconformant:
		return Fail.mark()
	}
	return "?"
}

func (b *builder) check(c *Check) *checkView {
	limits := b.limits[calm(c.Outcome)]
	anchor, linked := b.links[c.ID]
	if !linked {
		anchor = b.anchor("c-" + c.ID)
	}
	v := &checkView{
		Anchor: anchor, ID: shown(c.ID, 160), Slug: shown(c.Slug, 120), Version: shown(c.MQTT, 20), Level: shown(c.Level, 20),
		Title: shown(c.Title, maxLine), Outcome: c.Outcome, Took: took(c.DurationMS), Key: sectionKey(shown(c.MQTT, 20), shown(c.Section, 40)),
		Reason:   shown(c.Reason, maxLine),
		Expected: b.value(c.Expected), Observed: b.value(c.Observed),
		Why: shown(c.Why, maxBlock), Exchange: layOut(c.Exchange, limits),
		SeenIn: b.link(c.SeenIn), BlockedBy: b.link(c.BlockedBy),
	}
	if h := c.First; h != nil {
		v.First = &hearingView{
			Outcome: h.Outcome, Took: took(h.DurationMS), Reason: shown(h.Reason, maxLine),
			Expected: b.value(h.Expected), Observed: b.value(h.Observed), Exchange: layOut(h.Exchange, limits),
			Open: c.Outcome == Unsteady, // what it says was seen in the first hearing
		}
	}
	if !calm(c.Outcome) && c.Outcome != Untried {
		v.Reproduce = shown(shellLine(Reproduce(b.r, c.ID)), 1000)
	}
	if w := c.Waiver; w != nil && c.Outcome == Waived {
		v.Waiver = &waiverView{Reason: shown(w.Reason, maxLine), Link: webLink(w.Link), Expires: shown(w.Expires, 20)}
	}
	for _, id := range c.Requirements {
		rule := ruleView{ID: shown(id, 120), Anchor: b.rules[[2]string{c.MQTT, id}]}
		switch on := c.On(id); {
		case on == c.Outcome:
		case on == Pass:
			rule.Spared = "kept"
		default:
			rule.Spared = "not decided"
		}
		v.Rules = append(v.Rules, rule)
	}
	return v
}

// value is an expected or observed value, of as many lines as it has.
func (b *builder) value(s string) string { return strings.Join(lines(s, b.block), "\n") }

// link leads to a check.
func (b *builder) link(id string) *linkView {
	if id == "" {
		return nil
	}
	return &linkView{shown(id, 160), b.links[id]}
}

func (b *builder) facts() []factView {
	r := b.r
	var facts []factView
	add := func(name, value string) {
		if value = strings.TrimSpace(value); value != "" {
			facts = append(facts, factView{name, value})
		}
	}
	add("Broker", BrokerName(r))
	if name := shown(r.Target.Name, 80); name != BrokerName(r) {
		add("Name", name)
	}
	add("Address", shown(redactURL(r.Target.URL), 200))
	for _, remark := range r.Target.Remarks {
		add("Mind", shown(remark, 200))
	}
	add("Protocol versions", shown(and(r.MQTT), 40))
	add("The verdict speaks of", shown(r.Summary.Scope, maxLine))
	if !r.Started.IsZero() {
		add("Tested", r.Started.UTC().Format("2 January 2006, 15:04:05 UTC"))
	}
	if r.DurationMS > 0 {
		add("Took", (time.Duration(r.DurationMS) * time.Millisecond).Round(100*time.Millisecond).String())
	}
	add("Tool", shown(r.Tool.Name+" "+r.Tool.Version, 80))
	add("Selection", shown(r.Settings.Selection, 200))
	if r.Settings.Parallel > 0 {
		add("Settings", fmt.Sprintf("%d checks at a time, timeout %s, settle %s, round trip %.2f ms, topics below %s",
			r.Settings.Parallel, time.Duration(r.Settings.TimeoutMS*float64(time.Millisecond)), time.Duration(r.Settings.SettleMS*float64(time.Millisecond)),
			r.Settings.RoundTripMS, shown(r.Settings.TopicPrefix, 60)))
	}
	return facts
}

// profile is what the broker declares, a row per property and a column per
// version.
func (b *builder) profile() profileView {
	var v profileView
	rows := map[string]bool{}
	for version, properties := range b.r.Profile {
		v.Versions = append(v.Versions, version)
		for name := range properties {
			rows[name] = true
		}
	}
	slices.Sort(v.Versions)
	for _, name := range slices.SortedFunc(maps.Keys(rows), func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
	}) {
		row := profileRow{Name: shown(name, 120)}
		for _, version := range v.Versions {
			value, declared := b.r.Profile[version][name]
			text := ""
			if declared {
				text = shown(profileValue(value), maxLine)
			}
			row.Values = append(row.Values, text)
		}
		v.Rows = append(v.Rows, row)
	}
	for i, version := range v.Versions {
		v.Versions[i] = shown(version, 20)
	}
	return v
}

// profileValue is a declared value in words.
func profileValue(value any) string {
	switch value := value.(type) {
	case bool:
		if value {
			return "yes"
		}
		return "no"
	case float64:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", value), "0"), ".")
	case []any:
		parts := make([]string, len(value))
		for i, p := range value {
			parts[i] = profileValue(p)
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(value)
}

// attention are the checks that somebody should look at, the worst first.
func (b *builder) attention() []groupView {
	var groups []groupView
	for _, t := range troubles(b.r) {
		g := groupView{Outcome: t.outcome, Title: t.title(), Open: t.inFull()}
		for _, x := range t.causes {
			v := causeView{Title: x.title(), Checks: b.place(x.checks), Blocked: b.place(x.blocked)}
			if len(x.blocked) > 0 {
				v.BlockedTitle = x.blockedTitle()
			}
			if t.outcome == Untried {
				v.Advice = strings.Join(want{x.checks[0].Needs, x.checks}.advice(), "; ")
			}
			g.Causes = append(g.Causes, v)
		}
		groups = append(groups, g)
	}
	return groups
}

// place takes checks for where they stand in full.
func (b *builder) place(checks []*Check) []*checkView {
	var all []*checkView
	for _, c := range checks {
		v := b.checks[c.ID]
		v.placed = true
		all = append(all, v)
	}
	return all
}

// chapters are all statements by version, chapter and section. A check stands
// in full under the first of its statements, unless it stands among those
// that need attention; under the others, and there, it is a link.
func (b *builder) chapters() []chapterView {
	order := make([]*Requirement, len(b.r.Requirements))
	for i := range b.r.Requirements {
		order[i] = &b.r.Requirements[i]
	}
	slices.SortStableFunc(order, func(x, y *Requirement) int {
		return cmp.Or(cmp.Compare(x.MQTT, y.MQTT), compareSections(x.Section, y.Section))
	})
	var all []chapterView
	place := func(version, number, title string) *sectionView {
		version, number = shown(version, 20), shown(number, 40)
		chapter, _, _ := strings.Cut(number, ".")
		if n := len(all); n == 0 || all[n-1].Version != version || all[n-1].Number != chapter {
			all = append(all, chapterView{
				Anchor: b.anchor("mqtt-" + version + "-" + chapter), Version: version, Number: chapter,
				Title: chapterTitle(chapter), First: n == 0 || all[n-1].Version != version,
			})
		}
		c := &all[len(all)-1]
		if n := len(c.Sections); n == 0 || c.Sections[n-1].Number != number {
			c.Sections = append(c.Sections, sectionView{Number: number, Title: shown(title, 120), Key: sectionKey(version, number)})
		}
		return &c.Sections[len(c.Sections)-1]
	}
	for _, q := range order {
		s := place(q.MQTT, q.Section, q.SectionTitle)
		s.Statements = append(s.Statements, b.statement(q))
	}
	// Checks whose statements are not in the results are shown all the same.
	for _, group := range sections(b.r) {
		for _, c := range group.checks {
			if v := b.checks[c.ID]; !v.placed {
				s := place(c.MQTT, c.Section, c.SectionTitle)
				s.Checks = append(s.Checks, v)
				v.placed = true
			}
		}
	}
	for i := range all {
		for j := range all[i].Sections {
			s := &all[i].Sections[j]
			counts := Counts{}
			for _, q := range s.Statements {
				counts[q.Outcome]++
			}
			s.Shares = shares(counts)
		}
	}
	return all
}

func (b *builder) statement(q *Requirement) statementView {
	v := statementView{
		Anchor: b.rules[[2]string{q.MQTT, q.ID}], ID: shown(q.ID, 120), Link: webLink(q.Link), Level: shown(q.Level, 20), Binds: shown(q.Binds, 20),
		Summary: shown(q.Summary, maxLine), Outcome: q.Outcome, Version: shown(q.MQTT, 20), Key: sectionKey(shown(q.MQTT, 20), shown(q.Section, 40)),
	}
	if q.Outcome == Untested {
		v.Untested = shown(q.UntestedBecause, maxLine)
	}
	for _, id := range q.Checks {
		if c := b.checks[id]; c != nil {
			v.Checks = append(v.Checks, checkRef{checkView: c, Here: !c.placed})
			c.placed = true
		}
	}
	return v
}

// versions are the statements' outcomes as one bar per version.
func (b *builder) versions() []versionView {
	var all []versionView
	for _, version := range b.r.MQTT {
		v := versionView{Name: shown(version, 20), Verdict: b.r.VerdictOn(version)}
		v.Mark = verdictMark(v.Verdict)
		counts := Counts{}
		for _, q := range b.r.Requirements {
			if q.MQTT == version {
				counts[q.Outcome]++
				v.Total++
			}
		}
		for _, c := range b.r.Checks {
			if c.MQTT == version {
				v.Checks++
			}
		}
		v.Shares = shares(counts)
		all = append(all, v)
	}
	return all
}

// shares are the outcomes that occur, in the order of the reports, with their
// places in a bar.
func shares(counts Counts) []shareView {
	total := 0
	for _, n := range counts {
		total += n
	}
	var all []shareView
	x := 0.0
	for _, o := range requirementOutcomes {
		if n := counts[o]; n > 0 {
			w := 1000 * float64(n) / float64(total)
			all = append(all, shareView{Outcome: o, N: n, X: x, W: w})
			x += w
		}
	}
	return all
}

// filters are the choices that the filter offers: only what occurs.
func (b *builder) filters(chapters []chapterView) filterView {
	var v filterView
	counts := Counts{}
	for _, q := range b.r.Requirements {
		counts[q.Outcome]++
	}
	for _, c := range b.r.Checks {
		if counts[c.Outcome] == 0 {
			counts[c.Outcome] = 0
		}
	}
	for _, o := range append(slices.Clone(raised), Pass, Inapplicable, Untested) {
		if n, occurs := counts[o]; occurs {
			v.Outcomes = append(v.Outcomes, shareView{Outcome: o, N: n})
		}
	}
	for _, version := range versionsOf(b.r) {
		v.Versions = append(v.Versions, shown(version, 20))
	}
	for _, c := range chapters {
		for _, s := range c.Sections {
			v.Sections = append(v.Sections, sectionOption{Key: s.Key, Label: strings.TrimSpace(c.Version + " · " + s.Number + " " + s.Title)})
		}
	}
	return v
}

// webLink is link where it leads to the web; a report links nowhere else.
func webLink(link string) string {
	if strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://") {
		return clip(link, 2000)
	}
	return ""
}
