package reports

import (
	"fmt"
	"strings"
)

// A folded is an event of a shortened exchange, or a gap in it.
type folded struct {
	*Event
	skipped int // number of events left out here; Event is nil then
}

// fold shortens a long exchange: the first head events stay, for how it
// began, the last tail, for how it ended, and every breach in between.
func fold(events []Event, head, tail int) []folded {
	keep := func(i int) bool {
		return len(events) <= head+tail+1 || i < head || i >= len(events)-tail || events[i].Breach != ""
	}
	var all []folded
	for i := range events {
		switch n := len(all); {
		case keep(i):
			all = append(all, folded{Event: &events[i]})
		case n > 0 && all[n-1].Event == nil:
			all[n-1].skipped++
		default:
			all = append(all, folded{skipped: 1})
		}
	}
	return all
}

// A caseEvents is the exchange of one case of a check.
type caseEvents struct {
	title  string
	events []Event
}

// cases splits an exchange at its headings: a note that belongs to no connection
// and names a case says what the events after it are about. There is always one.
func cases(events []Event) []caseEvents {
	all := []caseEvents{{}}
	start := 0
	for i, e := range events {
		last := &all[len(all)-1]
		if e.Conn == "" && e.Dir == "." && strings.HasPrefix(e.Packet, "case: ") {
			all = append(all, caseEvents{title: e.Packet})
			start = i + 1
			continue
		}
		last.events = events[start : i+1]
	}
	if len(all) > 1 && all[0].events == nil {
		all = all[1:]
	}
	return all
}

// arrow draws an event's direction, the broker being on the right.
func arrow(dir string) string {
	switch dir {
	case ">":
		return "→"
	case "<":
		return "←"
	}
	return "·"
}

// hexBytes is an event's bytes in pairs, at most limit of them; how many
// there are in all is said where some are missing.
func hexBytes(e *Event, limit int) string {
	var b strings.Builder
	digits := 0
	for i := range len(e.Hex) {
		c := e.Hex[i]
		if c >= 'A' && c <= 'F' {
			c += 'a' - 'A'
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			continue
		}
		if digits < 2*limit {
			if digits > 0 && digits%2 == 0 {
				b.WriteByte(' ')
			}
			b.WriteByte(c)
		}
		digits++
	}
	have := digits / 2
	if total := max(have, e.Length); total > min(have, limit) {
		fmt.Fprintf(&b, " … (%d bytes)", total)
	}
	return strings.TrimSpace(b.String())
}

// exchangeText is an exchange as plain text, a line per event and a second
// one for its bytes, for the faces that have neither colour nor layout. Of
// several cases it has the first.
func exchangeText(events []Event) string {
	all := cases(events)
	first := all[0]
	names := 0
	for _, e := range first.events {
		names = max(names, len([]rune(shown(e.Conn, maxName))))
	}
	var b strings.Builder
	if first.title != "" {
		b.WriteString(shown(first.title, maxLine) + "\n")
	}
	for _, f := range fold(first.events, 20, 40) {
		if f.Event == nil {
			fmt.Fprintf(&b, "%s … %s left out …\n", strings.Repeat(" ", 10), plural(f.skipped, "event"))
			continue
		}
		fmt.Fprintf(&b, "%10s  %-*s %s %s\n", clock(f.TMS), names, shown(f.Conn, maxName), arrow(f.Dir), shown(f.Packet, maxPacket))
		pad := strings.Repeat(" ", 10+2+names+3)
		if hex := hexBytes(f.Event, 48); hex != "" {
			b.WriteString(pad + hex + "\n")
		}
		if f.Breach != "" {
			b.WriteString(pad + "✖ " + shown(f.Breach, maxPacket) + "\n")
		}
	}
	b.WriteString(otherCases(all))
	return b.String()
}

// otherCases says that there are more cases than the first.
func otherCases(all []caseEvents) string {
	if len(all) < 2 {
		return ""
	}
	return plural(len(all)-1, "more case") + " in the JSON and HTML reports\n"
}

// Limits on single strings, in runes: beyond them a text is no help to a
// reader, and a broker that sends 64 KiB of topic must not drown the report.
const (
	maxName   = 24   // a client's name
	maxPacket = 320  // a packet on one line
	maxLine   = 600  // a reason, a title, a summary
	maxBlock  = 4096 // an expected or observed value, or why a check reads its statements so
)
