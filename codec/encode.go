package codec

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Encode is the packet's encoding in this version. It refuses, with a
// [*Breach], what [Decode] would refuse from this peer; a [Raw] or [Illegal]
// packet it writes as it is.
func Encode(v Version, from Peer, p Packet) ([]byte, error) {
	b, err := Append(nil, v, p)
	if err != nil {
		return nil, err
	}
	switch p.(type) {
	case Raw, *Illegal:
		return b, nil
	}
	if _, err := Decode(v, from, b); err != nil {
		return nil, err
	}
	return b, nil
}

// Append appends the packet's encoding in this version to dst. It writes what
// breaks rules of content as readily as what keeps them; an error is what has
// no encoding: a string beyond 65535 bytes, an unknown property, a value too
// large for its field, or something that this version has no place for, such
// as properties in 3.1.1.
func Append(dst []byte, v Version, p Packet) ([]byte, error) {
	switch p := p.(type) {
	case Raw:
		return append(dst, p...), nil
	case *Illegal:
		parts, err := p.parts(v)
		if err != nil {
			return dst, err
		}
		for _, part := range parts {
			dst = append(dst, part.bytes...)
		}
		return dst, nil
	}
	e := encoder{version: v, dst: dst}
	e.packet(p)
	if e.err != nil {
		return dst, e.err
	}
	return e.dst, nil
}

// Field is where a field stands in a packet's encoding.
type Field struct {
	// Name is the field's name: "Topic Name", "Connect Flags", a property's
	// name for its value and "... Identifier" for the byte before it, "Will "
	// before the fields of a Will. A field that repeats is numbered from its
	// second occurrence: "Topic Filter", "Topic Filter[1]".
	Name string
	// Offset is where it starts, Length how many bytes it has. A string's
	// length prefix is part of it.
	Offset, Length int
}

// Fields is the packet's encoding, as [Append] writes it, and where each field
// stands in it, in order and without gaps. A [Raw] packet has no fields.
func Fields(v Version, p Packet) ([]byte, []Field, error) {
	var parts []part
	var err error
	switch p := p.(type) {
	case Raw:
		return []byte(p), nil, nil
	case *Illegal:
		parts, err = p.parts(v)
	default:
		parts, err = split(v, p, false)
	}
	if err != nil {
		return nil, nil, err
	}
	var b []byte
	var fields []Field
	for _, part := range parts {
		fields = append(fields, Field{Name: part.name, Offset: len(b), Length: len(part.bytes)})
		b = append(b, part.bytes...)
	}
	return b, fields, nil
}

// encoder writes one packet.
type encoder struct {
	version Version
	dst     []byte
	err     error
	long    bool    // write Reason Code and Property Length even where they may be left out
	trace   *[]mark // nil: nobody asks where the fields are
	within  section // the properties being written
}

// section is a packet's Properties or its Will Properties.
type section byte

const (
	noSection section = iota
	mainSection
	willSection
)

// mark is a field's place, measured from the start of encoder.dst.
type mark struct {
	name    string
	from    int
	section section
	length  bool // this is the section's Property Length
}

// mark notes that the field of this name starts here.
func (e *encoder) mark(name string) {
	if e.trace != nil {
		if e.within == willSection && name != PropWillDelayInterval.String() && name != PropWillDelayInterval.String()+identifierSuffix {
			name = willPrefix + name
		}
		*e.trace = append(*e.trace, mark{name: name, from: len(e.dst), section: e.within})
	}
}

const (
	willPrefix       = "Will "
	identifierSuffix = " Identifier"
)

// fail keeps the first thing that cannot be encoded.
func (e *encoder) fail(t Type, format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("codec: %v: %s", t, fmt.Sprintf(format, args...))
	}
}

// begin writes the fixed header of a packet with a body of about hint bytes,
// end puts the true Remaining Length in.
func (e *encoder) begin(t Type, flags byte, hint int) (start, guess int) {
	e.mark(fieldHeader)
	start = len(e.dst)
	guess = varintSize(uint32(min(hint, MaxVarint)))
	e.dst = append(e.dst, byte(t)<<4|flags&0x0F)
	e.mark(fieldRemainingLength)
	e.dst = append(e.dst, 0, 0, 0, 0)[:start+1+guess]
	return start, guess
}

func (e *encoder) end(t Type, start, guess int) {
	body := len(e.dst) - start - 1 - guess
	if body > MaxVarint {
		e.fail(t, "Remaining Length %d exceeds %d", body, MaxVarint)
		return
	}
	if size := varintSize(uint32(body)); size != guess {
		if grow := size - guess; grow > 0 {
			e.dst = append(e.dst, make([]byte, grow)...)
			copy(e.dst[start+1+size:], e.dst[start+1+guess:len(e.dst)-grow])
		} else {
			copy(e.dst[start+1+size:], e.dst[start+1+guess:])
			e.dst = e.dst[:len(e.dst)+grow]
		}
		if e.trace != nil {
			for i := range *e.trace {
				if m := &(*e.trace)[i]; m.from > start+1 {
					m.from += size - guess
				}
			}
		}
	}
	AppendVarint(e.dst[:start+1], uint32(body))
}

func (e *encoder) byte(name string, b byte) {
	e.mark(name)
	e.dst = append(e.dst, b)
}

func (e *encoder) uint16(name string, n uint16) {
	e.mark(name)
	e.dst = binary.BigEndian.AppendUint16(e.dst, n)
}

// string writes a UTF-8 Encoded String or Binary Data (sections 1.5.4 and
// 1.5.6 of 5.0), both a two-byte length and the bytes.
func (e *encoder) string(t Type, name, s string) {
	e.mark(name)
	e.prefixed(t, name, s)
}

func (e *encoder) prefixed(t Type, name, s string) {
	if len(s) > math.MaxUint16 {
		e.fail(t, "%s has %d bytes, 65535 is the most", name, len(s))
		return
	}
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(len(s)))
	e.dst = append(e.dst, s...)
}

// propertySize is the property's encoded length, identifier included.
func propertySize(p *Property) int {
	switch p.ID.info().kind {
	case kindFlag:
		return 2
	case kindTwo, kindTwoPlus:
		return 3
	case kindFour, kindFourPlus:
		return 5
	case kindVarint:
		return 1 + varintSize(p.Number)
	case kindPair:
		return 5 + len(p.Name) + len(p.Text)
	default:
		return 3 + len(p.Text)
	}
}

// properties writes a Property Length and the properties (section 2.2.2).
func (e *encoder) properties(t Type, in section, ps Properties) {
	e.within = in
	defer func() { e.within = noSection }()
	size := 0
	for i := range ps {
		size += propertySize(&ps[i])
	}
	if size > MaxVarint {
		e.fail(t, "Property Length %d exceeds %d", size, MaxVarint)
		return
	}
	e.mark(fieldPropertyLength)
	if e.trace != nil {
		(*e.trace)[len(*e.trace)-1].length = true
	}
	e.dst = AppendVarint(e.dst, uint32(size))
	for i := range ps {
		e.property(t, &ps[i])
	}
}

func (e *encoder) property(t Type, p *Property) {
	info := p.ID.info()
	if e.trace != nil {
		e.mark(info.name + identifierSuffix)
	}
	e.dst = append(e.dst, byte(p.ID))
	e.mark(info.name)
	limit := uint32(math.MaxUint32)
	switch info.kind {
	case kindFlag:
		limit = math.MaxUint8
		e.dst = append(e.dst, byte(p.Number))
	case kindTwo, kindTwoPlus:
		limit = math.MaxUint16
		e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(p.Number))
	case kindFour, kindFourPlus:
		e.dst = binary.BigEndian.AppendUint32(e.dst, p.Number)
	case kindVarint:
		limit = MaxVarint
		e.dst = AppendVarint(e.dst, p.Number)
	case kindString, kindTopic, kindBinary:
		e.prefixed(t, info.name, p.Text)
	case kindPair:
		e.prefixed(t, info.name, p.Name)
		e.prefixed(t, info.name, p.Text)
	case kindUnknown:
		e.fail(t, "property 0x%02X is not known", byte(p.ID))
	}
	if p.Number > limit {
		e.fail(t, "%s %d exceeds %d", info.name, p.Number, limit)
	}
}

// no311 refuses what 3.1.1 has no place for.
func (e *encoder) no311(t Type, code ReasonCode, ps Properties) {
	if e.version != V5 && (code != 0 || len(ps) > 0) {
		what := "properties"
		if code != 0 {
			what = "Reason Code"
		}
		e.fail(t, "MQTT %v has no %s here", e.version, what)
	}
}

// The names of the fields that are not properties.
const (
	fieldHeader          = "Fixed Header"
	fieldRemainingLength = "Remaining Length"
	fieldProtocolName    = "Protocol Name"
	fieldProtocolLevel   = "Protocol Level"
	fieldConnectFlags    = "Connect Flags"
	fieldKeepAlive       = "Keep Alive"
	fieldPropertyLength  = "Property Length"
	fieldClientID        = "Client Identifier"
	fieldWillTopic       = "Will Topic"
	fieldWillPayload     = "Will Payload"
	fieldUserName        = "User Name"
	fieldPassword        = "Password"
	fieldConnackFlags    = "Connect Acknowledge Flags"
	fieldReasonCode      = "Reason Code"
	fieldTopicName       = "Topic Name"
	fieldPacketID        = "Packet Identifier"
	fieldPayload         = "Payload"
	fieldTopicFilter     = "Topic Filter"
	fieldOptions         = "Subscription Options"
	fieldTrailing        = "Trailing Bytes"
)

// flagBits is 1<<n for each that is true, from bit 7 down.
func flagBits(flags ...bool) (b byte) {
	for _, f := range flags {
		b <<= 1
		if f {
			b |= 1
		}
	}
	return b
}

func (e *encoder) packet(p Packet) {
	switch p := p.(type) {
	case *Connect:
		e.connect(p)
	case *Connack:
		start, guess := e.begin(CONNACK, 0, 2)
		e.byte(fieldConnackFlags, flagBits(p.SessionPresent))
		e.byte(fieldReasonCode, byte(p.Code))
		if e.version == V5 {
			e.properties(CONNACK, mainSection, p.Properties)
		}
		e.no311(CONNACK, 0, p.Properties)
		e.end(CONNACK, start, guess)
	case *Publish:
		e.publish(p)
	case *Puback:
		e.ack(PUBACK, 0, p.PacketID, p.Code, p.Properties)
	case *Pubrec:
		e.ack(PUBREC, 0, p.PacketID, p.Code, p.Properties)
	case *Pubrel:
		e.ack(PUBREL, 0x2, p.PacketID, p.Code, p.Properties)
	case *Pubcomp:
		e.ack(PUBCOMP, 0, p.PacketID, p.Code, p.Properties)
	case *Subscribe:
		e.subscribe(p)
	case *Suback:
		start, guess := e.begin(SUBACK, 0, 2+len(p.Codes))
		e.uint16(fieldPacketID, p.PacketID)
		if e.version == V5 {
			e.properties(SUBACK, mainSection, p.Properties)
		}
		for _, c := range p.Codes {
			e.byte(fieldReasonCode, byte(c))
		}
		e.no311(SUBACK, 0, p.Properties)
		e.end(SUBACK, start, guess)
	case *Unsubscribe:
		start, guess := e.begin(UNSUBSCRIBE, 0x2, 2)
		e.uint16(fieldPacketID, p.PacketID)
		if e.version == V5 {
			e.properties(UNSUBSCRIBE, mainSection, p.Properties)
		}
		for _, f := range p.Filters {
			e.string(UNSUBSCRIBE, fieldTopicFilter, f)
		}
		e.no311(UNSUBSCRIBE, 0, p.Properties)
		e.end(UNSUBSCRIBE, start, guess)
	case *Unsuback:
		start, guess := e.begin(UNSUBACK, 0, 2+len(p.Codes))
		e.uint16(fieldPacketID, p.PacketID)
		if e.version == V5 {
			e.properties(UNSUBACK, mainSection, p.Properties)
			for _, c := range p.Codes {
				e.byte(fieldReasonCode, byte(c))
			}
		} else if len(p.Codes) > 0 {
			e.fail(UNSUBACK, "MQTT %v has no Reason Code here", e.version)
		}
		e.no311(UNSUBACK, 0, p.Properties)
		e.end(UNSUBACK, start, guess)
	case *Pingreq:
		start, guess := e.begin(PINGREQ, 0, 0)
		e.end(PINGREQ, start, guess)
	case *Pingresp:
		start, guess := e.begin(PINGRESP, 0, 0)
		e.end(PINGRESP, start, guess)
	case *Disconnect:
		start, guess := e.begin(DISCONNECT, 0, 0)
		e.outcome(DISCONNECT, p.Code, p.Properties)
		e.end(DISCONNECT, start, guess)
	case *Auth:
		if e.version != V5 {
			e.fail(AUTH, "MQTT %v has no AUTH packet", e.version)
		}
		start, guess := e.begin(AUTH, 0, 0)
		e.outcome(AUTH, p.Code, p.Properties)
		e.end(AUTH, start, guess)
	default:
		e.err = fmt.Errorf("codec: %T is no packet of this package", p)
	}
}

// outcome is the Reason Code and the properties that may both be left out
// when there is nothing to say (sections 3.4.2.1, 3.14.2.1 and others). Where
// one is said the Property Length is written with it, even if it is zero.
func (e *encoder) outcome(t Type, code ReasonCode, ps Properties) {
	if e.version != V5 {
		e.no311(t, code, ps)
		return
	}
	if code == Success && len(ps) == 0 && !e.long {
		return
	}
	e.byte(fieldReasonCode, byte(code))
	e.properties(t, mainSection, ps)
}

func (e *encoder) ack(t Type, flags byte, id uint16, code ReasonCode, ps Properties) {
	start, guess := e.begin(t, flags, 2)
	e.uint16(fieldPacketID, id)
	e.outcome(t, code, ps)
	e.end(t, start, guess)
}

func (e *encoder) connect(p *Connect) {
	start, guess := e.begin(CONNECT, 0, 12+len(p.ClientID))
	e.string(CONNECT, fieldProtocolName, p.ProtocolName)
	e.byte(fieldProtocolLevel, p.ProtocolLevel)
	flags := flagBits(p.UserName != nil, p.Password != nil, false, false, false, p.Will != nil, p.CleanStart, false)
	if w := p.Will; w != nil {
		if w.QoS > 3 {
			e.fail(CONNECT, "Will QoS %d has more than two bits", w.QoS)
		}
		flags |= flagBits(w.Retain)<<5 | byte(w.QoS)<<3
		if e.version != V5 && len(w.Properties) > 0 {
			e.fail(CONNECT, "MQTT %v has no Will Properties", e.version)
		}
	}
	e.byte(fieldConnectFlags, flags)
	e.uint16(fieldKeepAlive, p.KeepAlive)
	if e.version == V5 {
		e.properties(CONNECT, mainSection, p.Properties)
	}
	e.no311(CONNECT, 0, p.Properties)
	e.string(CONNECT, fieldClientID, p.ClientID)
	if w := p.Will; w != nil {
		if e.version == V5 {
			e.properties(CONNECT, willSection, w.Properties)
		}
		e.string(CONNECT, fieldWillTopic, w.Topic)
		e.string(CONNECT, fieldWillPayload, w.Payload)
	}
	if p.UserName != nil {
		e.string(CONNECT, fieldUserName, *p.UserName)
	}
	if p.Password != nil {
		e.string(CONNECT, fieldPassword, *p.Password)
	}
	e.end(CONNECT, start, guess)
}

func (e *encoder) publish(p *Publish) {
	if p.QoS > 3 {
		e.fail(PUBLISH, "QoS %d has more than two bits", p.QoS)
	}
	flags := flagBits(p.Dup, false, false, p.Retain) | byte(p.QoS)<<1
	start, guess := e.begin(PUBLISH, flags, 4+len(p.Topic)+len(p.Payload))
	e.string(PUBLISH, fieldTopicName, p.Topic)
	if p.QoS > 0 {
		e.uint16(fieldPacketID, p.PacketID)
	} else if p.PacketID != 0 {
		// "A PUBLISH packet MUST NOT contain a Packet Identifier if its QoS
		// value is set to 0" [MQTT-2.2.1-2], in 3.1.1 [MQTT-2.3.1-5].
		e.fail(PUBLISH, "QoS 0 has no Packet Identifier, not %d", p.PacketID)
	}
	if e.version == V5 {
		e.properties(PUBLISH, mainSection, p.Properties)
	}
	e.no311(PUBLISH, 0, p.Properties)
	e.mark(fieldPayload)
	e.dst = append(e.dst, p.Payload...)
	e.end(PUBLISH, start, guess)
}

func (e *encoder) subscribe(p *Subscribe) {
	start, guess := e.begin(SUBSCRIBE, 0x2, 2)
	e.uint16(fieldPacketID, p.PacketID)
	if e.version == V5 {
		e.properties(SUBSCRIBE, mainSection, p.Properties)
	}
	e.no311(SUBSCRIBE, 0, p.Properties)
	for i := range p.Subscriptions {
		s := &p.Subscriptions[i]
		if s.QoS > 3 || s.RetainHandling > 3 {
			e.fail(SUBSCRIBE, "QoS %d, Retain Handling %d: each has two bits", s.QoS, s.RetainHandling)
		}
		e.string(SUBSCRIBE, fieldTopicFilter, s.Filter)
		e.byte(fieldOptions, s.RetainHandling<<4|flagBits(s.RetainAsPublished, s.NoLocal)<<2|byte(s.QoS))
	}
	e.end(SUBSCRIBE, start, guess)
}
