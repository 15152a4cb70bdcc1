package reports

import (
	"cmp"
	"slices"
	"strings"
)

// maxAccused is how many statements a cause is called by; one of more is called
// by a check.
const maxAccused = 3

// nameCauses gives every check that fails, warns, is waived or blocked the name of
// its cause. One cause is what a maintainer would mend at once:
//
//   - checks that accuse the same statements of the same protocol version;
//   - a check that accuses the statements of both versions which correspond;
//   - a check that is blocked, and the one that decides what it stands on.
//
// A cause is called by the statements it is about, or the check.
func nameCauses(r *Results) {
	group := make([]int, len(r.Checks)) // of each check, one that stands before it and has the same cause, or itself
	root := func(i int) int {
		for group[i] != i {
			i = group[i]
		}
		return i
	}
	at := make(map[string]int, len(r.Checks))
	accusing, named := map[string]int{}, map[string][]int{}
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Cause = ""
		group[i] = i
		at[c.ID] = i
		if !c.failed() {
			continue
		}
		join := func(other int) {
			a, b := root(i), root(other)
			group[max(a, b)] = min(a, b)
		}
		if accused := slices.Sorted(slices.Values(c.Accused())); len(accused) > 0 {
			key := c.MQTT + "\x00" + strings.Join(accused, "\x00")
			if other, known := accusing[key]; known {
				join(other)
			} else {
				accusing[key] = i
			}
		}
		for _, other := range named[c.Slug] {
			if correspond(c, &r.Checks[other]) {
				join(other)
			}
		}
		named[c.Slug] = append(named[c.Slug], i)
	}
	members := map[int][]*Check{}
	for i := range r.Checks {
		if c := &r.Checks[i]; c.failed() {
			members[root(i)] = append(members[root(i)], c)
		}
	}
	for _, checks := range members {
		name := causeName(checks)
		for _, c := range checks {
			c.Cause = name
		}
	}
	// A check that fails by what was seen in a blocked one decides what that stands on.
	deciding := map[string]string{}
	for i := range r.Checks {
		if c := &r.Checks[i]; c.failed() && c.SeenIn != "" {
			deciding[c.SeenIn] = c.ID
		}
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Outcome != Blocked {
			continue
		}
		end, name := c, c.Slug
		for range r.Checks { // a circle ends as well
			by := cmp.Or(end.BlockedBy, deciding[end.ID])
			if by == "" || end.Outcome != Blocked {
				break
			}
			next, known := at[by]
			if !known {
				name = by
				break
			}
			end = &r.Checks[next]
			name = end.Slug
		}
		if end.failed() {
			name = end.Cause
		}
		c.Cause = name
	}
}

// failed says whether the broker was seen to break a rule, waived or not.
func (c *Check) failed() bool { return c.Outcome == Fail || c.Outcome == Warn || c.Outcome == Waived }

// correspond says whether two results of one check, on two protocol versions,
// accuse statements that correspond: checks name those in the same order.
func correspond(a, b *Check) bool {
	if len(a.Requirements) != len(b.Requirements) {
		return (len(a.Broken) == 0) == (len(b.Broken) == 0)
	}
	places := func(c *Check) (all []int) {
		for i, id := range c.Requirements {
			if slices.Contains(c.Accused(), id) {
				all = append(all, i)
			}
		}
		return all
	}
	return slices.Equal(places(a), places(b))
}

// causeName is what the cause of some failing checks is called; no other cause
// has the same name.
func causeName(checks []*Check) string {
	var accused [][2]string // version and statement
	slug := checks[0].Slug
	for _, c := range checks {
		slug = min(slug, c.Slug)
		for _, id := range c.Accused() {
			if one := [2]string{c.MQTT, id}; !slices.Contains(accused, one) {
				accused = append(accused, one)
			}
		}
	}
	if len(accused) == 0 || len(accused) > maxAccused {
		return slug
	}
	slices.SortFunc(accused, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	names := make([]string, len(accused))
	for i, one := range accused {
		names[i] = one[1] + "@" + one[0]
	}
	return strings.Join(names, ", ")
}

// A cause is what lies behind some of the checks that reports raise.
type cause struct {
	name    string
	checks  []*Check // those that show it, the worst first
	blocked []*Check // those that stand on one of them
}

// A trouble is a kind of thing that reports raise, with its causes.
type trouble struct {
	outcome Outcome // the worst of each cause
	causes  []cause
}

// troubles are what reports raise, the most urgent first: the causes of failures
// and warnings, with everything behind them; then what else wants a look. A cause
// with more behind it comes before one with less.
func troubles(r *Results) []trouble {
	var causes []*cause
	byName := map[string]*cause{}
	of := func(kind Outcome, name string) *cause {
		key := string(kind) + "\x00" + name
		if byName[key] == nil {
			byName[key] = &cause{name: name}
			causes = append(causes, byName[key])
		}
		return byName[key]
	}
	var blocked []*Check
	for _, s := range sections(r) {
		for _, c := range s.checks {
			switch {
			case c.failed():
				x := of(Fail, c.Cause)
				x.checks = append(x.checks, c)
			case c.Outcome == Error, c.Outcome == Unsteady:
				x := of(c.Outcome, c.ID)
				x.checks = append(x.checks, c)
			case c.Outcome == Blocked:
				blocked = append(blocked, c)
			}
		}
	}
	for _, c := range blocked {
		if x := byName[string(Fail)+"\x00"+c.Cause]; x != nil {
			x.blocked = append(x.blocked, c)
			continue
		}
		x := of(Blocked, c.Cause)
		x.checks = append(x.checks, c)
	}
	for _, w := range untried(r) {
		causes = append(causes, &cause{name: w.word, checks: w.checks})
	}
	grouped := map[Outcome][]cause{}
	for _, x := range causes {
		slices.SortStableFunc(x.checks, func(a, b *Check) int { return cmp.Compare(gravity(a.Outcome), gravity(b.Outcome)) })
		worst := x.checks[0].Outcome
		grouped[worst] = append(grouped[worst], *x)
	}
	var all []trouble
	for _, o := range raised {
		if len(grouped[o]) == 0 {
			continue
		}
		slices.SortStableFunc(grouped[o], func(a, b cause) int {
			return cmp.Compare(len(b.checks)+len(b.blocked), len(a.checks)+len(a.blocked))
		})
		all = append(all, trouble{o, grouped[o]})
	}
	return all
}

// gravity is an outcome's place among those that reports raise.
func gravity(o Outcome) int {
	if i := slices.Index(raised, o); i >= 0 {
		return i
	}
	return len(raised)
}

// title counts what is in it, causes first where they are fewer than the checks:
// "2 causes, 5 failures and 1 warning".
func (t trouble) title() string {
	var checks []*Check
	for _, x := range t.causes {
		checks = append(checks, x.checks...)
	}
	title := counted(checks)
	if n := len(t.causes); n < len(checks) && t.ofFailures() {
		title = plural(n, "cause") + ", " + title
	}
	return title
}

// counted says how many checks there are of each outcome.
func counted(checks []*Check) string {
	counts := Counts{}
	for _, c := range checks {
		counts[c.Outcome]++
	}
	var parts []string
	for _, o := range raised {
		if counts[o] > 0 {
			parts = append(parts, groupTitle(o, counts[o]))
		}
	}
	return and(parts)
}

// ofFailures says whether the broker was seen to break rules, waived or not; else
// the causes are no more than checks that belong together.
func (t trouble) ofFailures() bool {
	return t.outcome == Fail || t.outcome == Warn || t.outcome == Waived
}

// inFull says whether the checks of a trouble are shown with all there is to say.
func (t trouble) inFull() bool { return t.outcome == Fail || t.outcome == Error || t.outcome == Warn }

// groupTitle counts checks of one outcome.
func groupTitle(o Outcome, n int) string {
	switch o {
	case Fail:
		return plural(n, "failure")
	case Error:
		return plural(n, "harness error")
	case Warn:
		return plural(n, "warning")
	case Unsteady:
		return plural(n, "unsteady check")
	case Waived:
		return plural(n, "known failure") + " waived"
	}
	return plural(n, string(o)+" check")
}

// title names a cause and counts what is behind it: "MQTT-3.2.2-2@5.0: 3 failures,
// 12 checks blocked by it". A check that stands for itself needs no other title.
func (x cause) title() string {
	n := len(x.checks)
	switch first := x.checks[0]; {
	case first.Outcome == Untried:
		return want{first.Needs, x.checks}.title()
	case n+len(x.blocked) == 1:
		return ""
	case first.Outcome == Blocked:
		return shown(x.name, 160) + ": " + groupTitle(Blocked, n)
	}
	title := shown(x.name, 400) + ": " + counted(x.checks)
	if len(x.blocked) > 0 {
		title += ", " + x.blockedTitle()
	}
	return title
}

// blockedTitle counts the checks that stand on a cause.
func (x cause) blockedTitle() string { return plural(len(x.blocked), "check") + " blocked by it" }

// heardFirst is what a check has shown when it was heard for the first time, where
// it was heard twice.
func (c *Check) heardFirst() string {
	if c.First == nil {
		return ""
	}
	return cmp.Or(c.First.Reason, string(c.First.Outcome))
}
