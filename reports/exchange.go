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
	digits := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'f':
			return r
		case r >= 'A' && r <= 'F':
			return r + 'a' - 'A'
		}
		return -1
	}, e.Hex)
	have := len(digits) / 2
	total := max(have, e.Length)
	var b strings.Builder
	for i := range min(have, limit) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(digits[2*i : 2*i+2])
	}
	if total > limit || total > have {
		fmt.Fprintf(&b, " … (%d bytes)", total)
	}
	return strings.TrimSpace(b.String())
}

// exchangeText is an exchange as plain text, a line per event and a second
// one for its bytes, for the faces that have neither colour nor layout.
func exchangeText(events []Event) string {
	names := 0
	for _, e := range events {
		names = max(names, len([]rune(shown(e.Conn, maxName))))
	}
	var b strings.Builder
	for _, f := range fold(events, 20, 40) {
		if f.Event == nil {
			fmt.Fprintf(&b, "%s … %s left out …\n", strings.Repeat(" ", 10), plural(f.skipped, "event"))
			continue
		}
		fmt.Fprintf(&b, "%7.1f ms  %-*s %s %s\n", f.TMS, names, shown(f.Conn, maxName), arrow(f.Dir), shown(f.Packet, maxPacket))
		pad := strings.Repeat(" ", 10+2+names+3)
		if hex := hexBytes(f.Event, 48); hex != "" {
			b.WriteString(pad + hex + "\n")
		}
		if f.Breach != "" {
			b.WriteString(pad + "✖ " + shown(f.Breach, maxPacket) + "\n")
		}
	}
	return b.String()
}

// Limits on single strings, in runes: beyond them a text is no help to a
// reader, and a broker that sends 64 KiB of topic must not drown the report.
const (
	maxName   = 24   // a client's name
	maxPacket = 320  // a packet on one line
	maxLine   = 400  // a reason, a title, a summary
	maxBlock  = 4096 // an expected or observed value
)
