package reports

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A section is the checks of one section of one version's specification, in
// the order the run gave them.
type section struct {
	mqtt, number, title string
	checks              []*Check
}

// sections groups r's checks by protocol version and section, in the order of
// the specifications.
func sections(r *Results) []section {
	index := map[[2]string]int{}
	var all []section
	for i := range r.Checks {
		c := &r.Checks[i]
		key := [2]string{c.MQTT, c.Section}
		at, known := index[key]
		if !known {
			at = len(all)
			index[key] = at
			all = append(all, section{mqtt: c.MQTT, number: c.Section})
		}
		if all[at].title == "" {
			all[at].title = c.SectionTitle
		}
		all[at].checks = append(all[at].checks, c)
	}
	slices.SortStableFunc(all, func(a, b section) int {
		return cmp.Or(cmp.Compare(a.mqtt, b.mqtt), compareSections(a.number, b.number))
	})
	for _, s := range all {
		slices.SortStableFunc(s.checks, func(a, b *Check) int { return cmp.Compare(a.ID, b.ID) })
	}
	return all
}

// heading is a section as a heading shows it: "3.2.2.2 Session Present".
func (s section) heading() string {
	h := strings.TrimSpace(shown(s.number, 40) + " " + shown(s.title, 120))
	if h == "" {
		return "no section"
	}
	return h
}

// compareSections orders section numbers as a table of contents does: 3.9
// before 3.10.
func compareSections(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		m, errA := strconv.Atoi(as[i])
		n, errB := strconv.Atoi(bs[i])
		if errA != nil || errB != nil {
			if c := cmp.Compare(as[i], bs[i]); c != 0 {
				return c
			}
			continue
		}
		if m != n {
			return cmp.Compare(m, n)
		}
	}
	return cmp.Compare(len(as), len(bs))
}

// urgency is the order in which reports raise what went wrong, and raised has what
// they tell of behind it.
var (
	urgency = [...]Outcome{Fail, Error, Warn, Blocked, Unsteady, Waived}
	raised  = append(slices.Clone(urgency[:]), Untried)
)

// withOutcome are r's checks of one outcome, in the order of the
// specifications.
func withOutcome(r *Results, o Outcome) []*Check {
	var found []*Check
	for _, s := range sections(r) {
		for _, c := range s.checks {
			if c.Outcome == o {
				found = append(found, c)
			}
		}
	}
	return found
}
