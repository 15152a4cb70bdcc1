package reports

import (
	"fmt"
	"strconv"
	"strings"
)

// A sequence is an exchange laid out as a sequence diagram: the connections
// in lanes on the left, the broker on the right, time downwards.
type sequence struct {
	Lanes []string // names, in order of appearance; none where there are too many to draw
	Parts []sequencePart
}

// A sequencePart is a run of steps that is shown at once, or opened on demand.
type sequencePart struct {
	Title  string // of the case it shows, if the exchange has several
	Steps  []step
	Folded bool
}

// A step is one event as the diagram shows it, or the place of Left events
// that are not shown.
type step struct {
	Class  string // o, i or n for out, in, note; lN for lane N; x for a breach
	Clock  string
	Who    string // "alice → broker"
	Packet string
	Hex    string
	Breach string
	Gap    string // time passed since the step before, where one would notice
	Left   string
}

// maxLanes is how many connections a diagram can show side by side. An
// exchange of more becomes a list that names the connection on every line.
const maxLanes = 6

// sequenceLimits bound what a diagram shows.
type sequenceLimits struct {
	events int // shown or folded; the rest is left out
	open   int // shown at once; the rest is folded
	bytes  int // of each packet
}

// layOut makes a sequence of events within the limits. Of an exchange of
// several cases, the first is open and each of the others is folded. Of a
// single one, the beginning and the end are open and the middle is folded: a
// reader looks at how it began and, above all, at how it ended.
func layOut(events []Event, limits sequenceLimits) *sequence {
	if len(events) == 0 {
		return nil
	}
	all := cases(events)
	s := &sequence{}
	lane := map[string]int{}
	for _, e := range all[0].events {
		if e.Conn != "" && lane[e.Conn] == 0 {
			lane[e.Conn] = len(lane) + 1
			s.Lanes = append(s.Lanes, shown(e.Conn, maxName))
		}
	}
	if len(lane) > maxLanes {
		s.Lanes, lane = nil, nil
	}
	l := layer{lane: lane, bytes: limits.bytes}
	if len(all) > 1 {
		first, each := len(events), len(events)
		if len(events) > limits.events {
			first = min(limits.open, limits.events/2)
			each = max(4, (limits.events-first)/(len(all)-1))
		}
		s.Parts = append(s.Parts, sequencePart{Title: shown(all[0].title, maxLine), Steps: l.steps(shorten(all[0].events, first))})
		for _, c := range all[1:] {
			s.Parts = append(s.Parts, sequencePart{Title: shown(c.title, maxLine), Steps: l.steps(shorten(c.events, each)), Folded: true})
		}
		return s
	}
	kept := shorten(all[0].events, limits.events)
	steps := l.steps(kept)
	from, to := len(kept), len(kept)
	if len(kept) > limits.open+4 {
		tail := limits.open * 2 / 3
		from, to = limits.open-tail, len(kept)-tail
	}
	for i, st := range steps {
		folded := i >= from && i < to && st.Breach == ""
		if n := len(s.Parts); n == 0 || s.Parts[n-1].Folded != folded {
			s.Parts = append(s.Parts, sequencePart{Folded: folded, Title: shown(all[0].title, maxLine)})
			all[0].title = ""
		}
		part := &s.Parts[len(s.Parts)-1]
		part.Steps = append(part.Steps, st)
	}
	return s
}

// shorten folds events to about limit of them.
func shorten(events []Event, limit int) []folded {
	tail := limit * 2 / 3
	return fold(events, limit-tail, tail)
}

// A layer turns events into steps.
type layer struct {
	lane  map[string]int
	bytes int
}

func (l layer) steps(kept []folded) []step {
	var all []step
	before := 0.0
	for i, f := range kept {
		if f.Event == nil {
			all = append(all, step{Left: plural(f.skipped, "event") + " left out here; the JSON results have them"})
			continue
		}
		st := l.step(f.Event)
		if waited := took(f.TMS - before); waited != "" && i > 0 {
			st.Gap = waited + " later"
		}
		before = f.TMS
		all = append(all, st)
	}
	return all
}

func (l layer) step(e *Event) step {
	st := step{
		Clock:  clock(e.TMS),
		Packet: shown(e.Packet, maxPacket),
		Hex:    hexBytes(e, l.bytes),
		Breach: shown(e.Breach, maxPacket),
	}
	name := shown(e.Conn, maxName)
	switch e.Dir {
	case ">":
		st.Class, st.Who = "o", name+" → broker"
	case "<":
		st.Class, st.Who = "i", "broker → "+name
	default:
		st.Class, st.Who = "n", name
	}
	if n := l.lane[e.Conn]; n > 0 {
		st.Class += " l" + strconv.Itoa(n)
	}
	if e.Breach != "" {
		st.Class += " x"
	}
	return st
}

// Class is the CSS class for the number of lanes.
func (s *sequence) Class() string { return fmt.Sprintf("n%d", len(s.Lanes)) }

// Summary is what a folded part says of itself.
func (p sequencePart) Summary() string {
	if p.Title != "" {
		return p.Title
	}
	return plural(len(p.Steps), "more event")
}

// Text is the part as lines of fields between tabs (when, who, what, bytes,
// what is wrong with it): what a report holds of what is folded. It reads well
// as it is, and exchange.js draws the diagram from it when it is opened;
// drawing them all at once would cost every reader seconds.
func (p sequencePart) Text() string {
	var b strings.Builder
	for _, st := range p.Steps {
		if st.Left != "" {
			b.WriteString("… " + st.Left + "\n")
			continue
		}
		if st.Gap != "" {
			b.WriteString("⋮ " + st.Gap + "\n")
		}
		b.WriteString(st.Clock + "\t" + st.Who + "\t" + st.Packet)
		if st.Hex != "" || st.Breach != "" {
			b.WriteString("\t" + st.Hex)
		}
		if st.Breach != "" {
			b.WriteString("\t" + st.Breach)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Text is the whole sequence as such lines, each case below a heading: what a
// report holds of a check that passed.
func (s *sequence) Text() string {
	var b strings.Builder
	for _, part := range s.Parts {
		if part.Title != "" {
			b.WriteString("▸ " + part.Title + "\n")
		}
		b.WriteString(part.Text())
	}
	return b.String()
}

// plan chooses, for exchanges that must share room bytes of HTML, how many
// events each may show: the most generous of steps that fits. Each event needs
// markup bytes beside its text.
func plan(checks []*Check, steps []sequenceLimits, markup, room int) sequenceLimits {
	for _, limits := range steps {
		total := 0
		for _, c := range checks {
			total += cost(c, limits, markup)
		}
		if total <= room {
			return limits
		}
	}
	return steps[len(steps)-1]
}

// cost estimates the HTML of a check's exchanges, in bytes, where each event
// needs markup bytes beside its text.
func cost(c *Check, limits sequenceLimits, markup int) int {
	total := 0
	add := func(events []Event) {
		for i, e := range events {
			if i < limits.events || e.Breach != "" {
				total += markup + len(e.Conn) + min(len(e.Packet), maxPacket) + min(3*len(e.Hex)/2, 3*limits.bytes) + min(len(e.Breach), maxPacket)
			}
		}
	}
	add(c.Exchange)
	if c.First != nil {
		add(c.First.Exchange)
	}
	return total
}
