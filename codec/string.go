package codec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shown is how many runes of a long string a transcript shows.
const shown = 60

// quote is the string in quotes, unprintable characters and ill-formed bytes
// escaped, shortened if it is long.
func quote(s string) string {
	cut := s
	n := 0
	for i := range s {
		if n == shown {
			cut = s[:i] + "…"
			break
		}
		n++
	}
	return strconv.Quote(cut)
}

// word is the string as it is if it reads as one word, else in quotes.
func word(s string) string {
	if s == "" || utf8.RuneCountInString(s) > shown || !utf8.ValidString(s) {
		return quote(s)
	}
	for _, r := range s {
		if r <= ' ' || r == '"' || r == '\\' || !unicode.IsPrint(r) {
			return quote(s)
		}
	}
	return s
}

// line puts a packet's parts together.
type line struct{ strings.Builder }

func (l *line) add(format string, args ...any) {
	if l.Len() > 0 {
		l.WriteByte(' ')
	}
	fmt.Fprintf(l, format, args...)
}

func (l *line) flag(set bool, name string) {
	if set {
		l.add("%s", name)
	}
}

func (l *line) payload(s string) {
	l.add("%d bytes", len(s))
	if s != "" {
		l.add("%s", quote(s))
	}
}

func (l *line) properties(ps Properties) {
	for _, p := range ps {
		info := p.ID.info()
		switch info.kind {
		case kindUnknown:
			l.add("property-0x%02X", byte(p.ID))
		case kindPair:
			l.add("%s=%s:%s", info.label, word(p.Name), word(p.Text))
		case kindString, kindTopic:
			l.add("%s=%s", info.label, word(p.Text))
		case kindBinary:
			// Authentication Data can be as secret as a password.
			if p.ID == PropAuthenticationData {
				l.add("%s=%d bytes", info.label, len(p.Text))
			} else {
				l.add("%s=%s", info.label, word(p.Text))
			}
		default:
			l.add("%s=%d", info.label, p.Number)
		}
	}
}

// String is the properties on one line.
func (ps Properties) String() string {
	if len(ps) == 0 {
		return "none"
	}
	var l line
	l.properties(ps)
	return l.Builder.String()
}

// String is the property with its value.
func (p Property) String() string { return Properties{p}.String() }

// outcome shows a Reason Code and properties, if there is anything to show.
func (l *line) outcome(code ReasonCode, name string, ps Properties) {
	if code != Success {
		l.add("%s", name)
	}
	l.properties(ps)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// String is the packet on one line. It never shows the password.
func (p *Connect) String() string {
	var l line
	l.add("CONNECT")
	if p.ProtocolName != "MQTT" {
		l.add("protocol=%s", quote(p.ProtocolName))
	}
	if p.ProtocolLevel != byte(V311) && p.ProtocolLevel != byte(V5) {
		l.add("level=%d", p.ProtocolLevel)
	}
	l.add("client=%s clean=%d keepalive=%d", word(p.ClientID), bit(p.CleanStart), p.KeepAlive)
	if w := p.Will; w != nil {
		l.add("will=%s/q%d", word(w.Topic), w.QoS)
		l.flag(w.Retain, "will-retain")
		l.payload(w.Payload)
		l.properties(w.Properties)
	}
	if p.UserName != nil {
		l.add("user=%s", word(*p.UserName))
	}
	if p.Password != nil {
		l.add("password=***")
	}
	l.properties(p.Properties)
	return l.String()
}

// String is the packet on one line.
func (p *Connack) String() string {
	var l line
	l.add("CONNACK session-present=%d", bit(p.SessionPresent))
	if int(p.Code) < len(connectRefusals) && connectRefusals[p.Code] != "" {
		l.add("%s %s", hexByte(byte(p.Code)), connectRefusals[p.Code])
	} else {
		l.add("%v", p.Code)
	}
	l.properties(p.Properties)
	return l.String()
}

// String is the packet on one line, the payload shortened.
func (p *Publish) String() string {
	var l line
	l.add("PUBLISH")
	if p.QoS > 0 {
		l.add("id=%d", p.PacketID)
	}
	l.add("q%d", p.QoS)
	l.flag(p.Dup, "dup")
	l.flag(p.Retain, "retain")
	l.add("topic=%s", word(p.Topic))
	l.properties(p.Properties)
	l.payload(p.Payload)
	return l.String()
}

func ackLine(t Type, id uint16, code ReasonCode, ps Properties) string {
	var l line
	l.add("%v id=%d", t, id)
	l.outcome(code, code.String(), ps)
	return l.String()
}

// String is the packet on one line.
func (p *Puback) String() string { return ackLine(PUBACK, p.PacketID, p.Code, p.Properties) }

// String is the packet on one line.
func (p *Pubrec) String() string { return ackLine(PUBREC, p.PacketID, p.Code, p.Properties) }

// String is the packet on one line.
func (p *Pubrel) String() string { return ackLine(PUBREL, p.PacketID, p.Code, p.Properties) }

// String is the packet on one line.
func (p *Pubcomp) String() string { return ackLine(PUBCOMP, p.PacketID, p.Code, p.Properties) }

// String is the packet on one line.
func (p *Subscribe) String() string {
	var l line
	l.add("SUBSCRIBE id=%d", p.PacketID)
	l.properties(p.Properties)
	filters := make([]string, len(p.Subscriptions))
	for i, s := range p.Subscriptions {
		var f line
		f.add("%s q%d", word(s.Filter), s.QoS)
		f.flag(s.NoLocal, "no-local")
		f.flag(s.RetainAsPublished, "retain-as-published")
		if s.RetainHandling != 0 {
			f.add("retain-handling=%d", s.RetainHandling)
		}
		filters[i] = f.String()
	}
	l.list(filters)
	return l.String()
}

// listed is how many entries of a list a transcript shows.
const listed = 20

func (l *line) list(entries []string) {
	more := ""
	if len(entries) > listed {
		more = fmt.Sprintf(", … %d more", len(entries)-listed)
		entries = entries[:listed]
	}
	l.add("[%s%s]", strings.Join(entries, ", "), more)
}

// String is the packet on one line.
func (p *Suback) String() string {
	var l line
	l.add("SUBACK id=%d", p.PacketID)
	codes := make([]string, len(p.Codes))
	for i, c := range p.Codes {
		codes[i] = c.String()
		if c <= GrantedQoS2 {
			codes[i] = fmt.Sprintf("QoS %d", c)
		}
	}
	l.list(codes)
	l.properties(p.Properties)
	return l.String()
}

// String is the packet on one line.
func (p *Unsubscribe) String() string {
	var l line
	l.add("UNSUBSCRIBE id=%d", p.PacketID)
	l.properties(p.Properties)
	filters := make([]string, len(p.Filters))
	for i, f := range p.Filters {
		filters[i] = word(f)
	}
	l.list(filters)
	return l.String()
}

// String is the packet on one line.
func (p *Unsuback) String() string {
	var l line
	l.add("UNSUBACK id=%d", p.PacketID)
	if len(p.Codes) > 0 {
		codes := make([]string, len(p.Codes))
		for i, c := range p.Codes {
			codes[i] = c.String()
		}
		l.list(codes)
	}
	l.properties(p.Properties)
	return l.String()
}

// String is the packet's name.
func (*Pingreq) String() string { return "PINGREQ" }

// String is the packet's name.
func (*Pingresp) String() string { return "PINGRESP" }

// String is the packet on one line.
func (p *Disconnect) String() string {
	var l line
	l.add("DISCONNECT")
	l.outcome(p.Code, p.Code.String(), p.Properties)
	return l.String()
}

// String is the packet on one line.
func (p *Auth) String() string {
	var l line
	l.add("AUTH %v", p.Code)
	l.properties(p.Properties)
	return l.String()
}

// String is the bytes in hexadecimal, shortened. Those of a CONNECT, which
// could hold a password, are only counted.
func (r Raw) String() string {
	var l line
	l.add("RAW %d bytes", len(r))
	if r.Type() == CONNECT {
		l.add("of CONNECT")
	} else {
		l.hex(r)
	}
	return l.String()
}

func (l *line) hex(b []byte) {
	if len(b) > shown/2 {
		l.add("% x…", b[:shown/2])
	} else if len(b) > 0 {
		l.add("% x", b)
	}
}

// String is the packet before its edits, and the edits.
func (p *Illegal) String() string {
	edits := make([]string, len(p.edits))
	for i, e := range p.edits {
		edits[i] = e.String()
	}
	var l line
	l.add("%v", p.packet)
	if len(edits) > 0 {
		l.add("wrong:")
		l.list(edits)
	}
	return l.String()
}

// String is the edit in a few words. It does not show a password.
func (e Edit) String() string {
	var l line
	switch e.kind {
	case editSet, editSetString, editInsert:
		l.add("%s", e.field)
		if e.kind == editInsert {
			l.add("preceded by")
		} else {
			l.add("=")
		}
		switch {
		case strings.HasPrefix(e.field, fieldPassword), strings.HasPrefix(e.field, PropAuthenticationData.String()):
			l.add("***")
		case e.kind == editSetString:
			l.add("%s", quote(string(e.bytes)))
		case len(e.bytes) == 0:
			l.add("nothing")
		default:
			l.hex(e.bytes)
		}
	case editDrop:
		l.add("no %s", e.field)
	case editFlags:
		l.add("flags %04b", e.n&0x0F)
	case editRemainingLength:
		l.add("%s =", fieldRemainingLength)
		l.hex(e.bytes)
	case editTrailing:
		l.add("followed by")
		l.hex(e.bytes)
	case editTruncate:
		l.add("without the last %d bytes", e.n)
	}
	return l.String()
}
