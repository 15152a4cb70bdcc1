package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Raw is bytes to be written as they are: a packet that no edit of another
// could make, or none at all.
type Raw []byte

// Type is what the first byte says.
func (r Raw) Type() Type {
	if len(r) == 0 {
		return 0
	}
	return Type(r[0] >> 4)
}

// Illegal is a packet with fields deliberately wrong; [Wrong] makes one.
type Illegal struct {
	packet Packet
	edits  []Edit
}

// Type is the type of the packet that was edited.
func (p *Illegal) Type() Type { return p.packet.Type() }

// Packet is the packet as it was before the edits.
func (p *Illegal) Packet() Packet { return p.packet }

// Wrong is the packet with these edits. Everything else about it stays
// consistent: Remaining Length and Property Length count what is really there,
// unless an edit says otherwise. Without an edit, the packet is written as it
// is, however many rules its content breaks.
func Wrong(p Packet, edits ...Edit) *Illegal {
	if wrong, ok := p.(*Illegal); ok {
		return &Illegal{packet: wrong.packet, edits: append(append([]Edit{}, wrong.edits...), edits...)}
	}
	return &Illegal{packet: p, edits: edits}
}

// Edit is one thing wrong with a packet. Fields are named as [Fields] names
// them; an edit of a field that the packet does not have is an error when the
// packet is encoded.
type Edit struct {
	kind  editKind
	field string
	bytes []byte
	n     int
}

type editKind byte

const (
	editSet editKind = iota
	editSetString
	editDrop
	editInsert
	editFlags
	editRemainingLength
	editTrailing
	editTruncate
)

// Set puts these bytes in place of a field's encoding. Of a property it is the
// value that is replaced; its identifier is a field of its own, such as
// "Receive Maximum Identifier".
func Set(field string, b ...byte) Edit { return Edit{kind: editSet, field: field, bytes: b} }

// SetString puts a two-byte length and these bytes, whatever they are, in
// place of a field's encoding.
func SetString(field, s string) Edit {
	return Edit{kind: editSetString, field: field, bytes: []byte(s)}
}

// Drop leaves a field out; a property goes with its identifier.
func Drop(field string) Edit { return Edit{kind: editDrop, field: field} }

// Insert puts bytes before a field. Before a property's identifier, or between
// two of them, they count in the Property Length.
func Insert(before string, b ...byte) Edit {
	return Edit{kind: editInsert, field: before, bytes: b}
}

// Flags sets the low four bits of the packet's first byte.
func Flags(b byte) Edit { return Edit{kind: editFlags, n: int(b)} }

// RemainingLength puts these bytes in place of the encoded Remaining Length.
func RemainingLength(b ...byte) Edit { return Edit{kind: editRemainingLength, bytes: b} }

// Trailing adds bytes at the packet's end, counted in the Remaining Length.
func Trailing(b ...byte) Edit { return Edit{kind: editTrailing, bytes: b} }

// Truncate leaves the packet's last n bytes out and counts them out of the
// Remaining Length.
func Truncate(n int) Edit { return Edit{kind: editTruncate, n: n} }

// aliases are names that one version of the specification, or one of its
// tables, has for a field.
var aliases = map[string]string{
	"Protocol Version":    fieldProtocolLevel,
	"Return Code":         fieldReasonCode,
	"Connect Return code": fieldReasonCode,
	"Connect Reason Code": fieldReasonCode,
	"Will Message":        fieldWillPayload,
	"Requested QoS":       fieldOptions,
}

// part is a field and its bytes. The fixed header's first byte and the
// Remaining Length are the first two parts of a packet.
type part struct {
	name    string
	bytes   []byte
	section section
	length  bool // the section's Property Length
}

// split encodes a packet and takes it apart.
func split(v Version, p Packet, long bool) ([]part, error) {
	var marks []mark
	e := encoder{version: v, long: long, trace: &marks}
	e.packet(p)
	if e.err != nil {
		return nil, e.err
	}
	parts := make([]part, len(marks))
	seen := map[string]int{}
	for i, m := range marks {
		to := len(e.dst)
		if i+1 < len(marks) {
			to = marks[i+1].from
		}
		name := m.name
		if n := seen[name]; n > 0 {
			name += "[" + strconv.Itoa(n) + "]"
		}
		seen[m.name]++
		parts[i] = part{name: name, bytes: e.dst[m.from:to:to], section: m.section, length: m.length}
	}
	return parts, nil
}

// find is the index of the part with this name.
func find(parts []part, field string) int {
	base, index, _ := strings.Cut(field, "[")
	if known, ok := aliases[base]; ok {
		base = known
	}
	if index != "" && index != "0]" {
		base += "[" + index
	}
	for i := range parts {
		if parts[i].name == base {
			return i
		}
	}
	return -1
}

// parts is the packet after its edits.
func (p *Illegal) parts(v Version) ([]part, error) {
	if raw, ok := p.packet.(Raw); ok {
		if len(p.edits) > 0 {
			return nil, fmt.Errorf("codec: raw bytes have no fields to edit")
		}
		return []part{{bytes: raw}}, nil
	}
	parts, err := split(v, p.packet, false)
	if err != nil {
		return nil, err
	}
	for _, e := range p.edits {
		if e.field != "" && find(parts, e.field) < 0 {
			// The field may be one that is left out where it has nothing to
			// say, such as the Reason Code of a PUBACK.
			if parts, err = split(v, p.packet, true); err != nil {
				return nil, err
			}
			break
		}
	}

	var remaining []byte
	lengthSet := map[section]bool{}
	for _, e := range p.edits {
		if e.field == "" {
			continue
		}
		i := find(parts, e.field)
		if i < 0 {
			return nil, fmt.Errorf("codec: %v in MQTT %v has no field %q to edit", p.Type(), v, e.field)
		}
		if i < 2 && e.kind != editSet {
			return nil, fmt.Errorf("codec: %v: %s can be set, not left out or come second", p.Type(), parts[i].name)
		}
		if i == 1 {
			remaining = e.bytes
		}
		if parts[i].length {
			lengthSet[parts[i].section] = true
		}
		switch e.kind {
		case editSet:
			parts[i].bytes = e.bytes
		case editSetString:
			if len(e.bytes) > math.MaxUint16 {
				return nil, fmt.Errorf("codec: %v: %s has %d bytes, 65535 is the most", p.Type(), e.field, len(e.bytes))
			}
			b := binary.BigEndian.AppendUint16(nil, uint16(len(e.bytes)))
			parts[i].bytes = append(b, e.bytes...)
		case editDrop:
			first := i
			if parts[i].section != noSection && i > 0 && parts[i-1].name == identifierOf(parts[i].name) {
				first--
			}
			parts = append(parts[:first:first], parts[i+1:]...)
		case editInsert:
			inserted := part{name: "Inserted Bytes", bytes: e.bytes, section: parts[i].section}
			if parts[i].length {
				inserted.section = noSection
			}
			parts = append(parts[:i:i], append([]part{inserted}, parts[i:]...)...)
		}
	}

	// Lengths count what is there now.
	for _, in := range []section{mainSection, willSection} {
		holder, size := -1, 0
		for i := range parts {
			if parts[i].section == in {
				if parts[i].length {
					holder = i
				} else {
					size += len(parts[i].bytes)
				}
			}
		}
		if holder >= 0 && !lengthSet[in] {
			parts[holder].bytes = AppendVarint(nil, uint32(size))
		}
	}
	for _, e := range p.edits {
		switch e.kind {
		case editTrailing:
			parts = append(parts, part{name: fieldTrailing, bytes: e.bytes})
		case editTruncate:
			if parts, err = truncate(parts, e.n); err != nil {
				return nil, fmt.Errorf("codec: %v: %w", p.Type(), err)
			}
		case editFlags:
			parts[0].bytes = []byte{parts[0].bytes[0]&0xF0 | byte(e.n)&0x0F}
		case editRemainingLength:
			remaining = e.bytes
			if remaining == nil {
				remaining = []byte{}
			}
		}
	}
	if remaining == nil {
		size := 0
		for _, part := range parts[2:] {
			size += len(part.bytes)
		}
		remaining = AppendVarint(nil, uint32(size))
	}
	parts[1].bytes = remaining
	return parts, nil
}

// identifierOf is the name of the field before a property: "User Property
// Identifier[1]" for "User Property[1]".
func identifierOf(property string) string {
	base, index, numbered := strings.Cut(property, "[")
	if numbered {
		return base + identifierSuffix + "[" + index
	}
	return base + identifierSuffix
}

// truncate leaves the last n bytes after the fixed header out.
func truncate(parts []part, n int) ([]part, error) {
	for n > 0 {
		last := len(parts) - 1
		if last < 2 {
			return nil, fmt.Errorf("fewer bytes than the %d to leave out", n)
		}
		b := parts[last].bytes
		if len(b) > n {
			parts[last].bytes = b[:len(b)-n]
			return parts, nil
		}
		n -= len(b)
		parts = parts[:last]
	}
	return parts, nil
}
