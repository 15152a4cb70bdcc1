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

// A sequencePart is a run of events that is shown at once or opened on demand,
// or, where Left is not 0, a gap of that many events.
type sequencePart struct {
	Steps  []step
	Folded bool
	Left   int
}

// A step is one event as the diagram shows it.
type step struct {
	Class  string // o, i or n for out, in, note; lN for lane N; x for a breach
	Clock  string
	Who    string // "alice → broker"
	Packet string
	Hex    string
	Breach string
	Gap    string // time passed since the step before, where one would notice
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

// layOut makes a sequence of events within the limits.
func layOut(events []Event, limits sequenceLimits) *sequence {
	if len(events) == 0 {
		return nil
	}
	s := &sequence{}
	lane := map[string]int{}
	for _, e := range events {
		if e.Conn != "" && lane[e.Conn] == 0 {
			lane[e.Conn] = len(lane) + 1
			s.Lanes = append(s.Lanes, shown(e.Conn, maxName))
		}
	}
	if len(lane) > maxLanes {
		s.Lanes, lane = nil, nil
	}
	tail := limits.events * 2 / 3
	kept := fold(events, limits.events-tail, tail)

	// Of what is kept, the beginning and the end are open and the middle is
	// folded: a reader looks at how it began and, above all, at how it ended.
	openTail := limits.open * 2 / 3
	foldFrom, foldTo := len(kept), len(kept)
	if len(kept) > limits.open+4 {
		foldFrom, foldTo = limits.open-openTail, len(kept)-openTail
	}
	before := events[0].TMS
	for i, f := range kept {
		if f.Event == nil {
			s.Parts = append(s.Parts, sequencePart{Left: f.skipped})
			continue
		}
		folded := i >= foldFrom && i < foldTo && f.Breach == ""
		if n := len(s.Parts); n == 0 || s.Parts[n-1].Left > 0 || s.Parts[n-1].Folded != folded {
			s.Parts = append(s.Parts, sequencePart{Folded: folded})
		}
		part := &s.Parts[len(s.Parts)-1]
		part.Steps = append(part.Steps, newStep(f.Event, lane[f.Conn], before, limits.bytes))
		before = f.TMS
	}
	return s
}

func newStep(e *Event, lane int, before float64, bytes int) step {
	st := step{
		Clock:  clock(e.TMS),
		Packet: shown(e.Packet, maxPacket),
		Hex:    hexBytes(e, bytes),
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
	if lane > 0 {
		st.Class += " l" + strconv.Itoa(lane)
	}
	if e.Breach != "" {
		st.Class += " x"
	}
	if waited := took(e.TMS - before); waited != "" {
		st.Gap = waited + " later"
	}
	return st
}

// Class is the CSS class for the number of lanes.
func (s *sequence) Class() string { return fmt.Sprintf("n%d", len(s.Lanes)) }

// Text is the sequence as lines of fields between tabs (when, who, what,
// bytes, what is wrong with it): what a report holds of a check that passed.
// It reads well as it is, and report.js draws the diagram from it when the
// check is opened; drawing them all at once would cost every reader a second.
func (s *sequence) Text() string {
	var b strings.Builder
	for _, part := range s.Parts {
		if part.Left > 0 {
			fmt.Fprintf(&b, "… %s left out here; they are in the JSON results\n", plural(part.Left, "event"))
		}
		for _, st := range part.Steps {
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

// cost estimates the HTML of a check's exchange, in bytes, where each event
// needs markup bytes beside its text.
func cost(c *Check, limits sequenceLimits, markup int) int {
	total := 0
	for i, e := range c.Exchange {
		if i < limits.events || e.Breach != "" {
			total += markup + len(e.Conn) + min(len(e.Packet), maxPacket) + min(3*len(e.Hex)/2, 3*limits.bytes) + min(len(e.Breach), maxPacket)
		}
	}
	return total
}
