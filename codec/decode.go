package codec

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Decode reads exactly one packet of this version, sent by this peer. The
// error is a [*Breach] if the packet is not what the specification allows: the
// first breach in the order of the bytes, or nearly so, as a rule about two
// fields is looked at when both are known.
//
// The packet is not nil whenever its structure could be read to its end, with
// or without a breach. It keeps no reference to the bytes.
func Decode(v Version, from Peer, packet []byte) (Packet, error) {
	d := decoder{version: v, from: from, buf: packet, partial: ruleMalformed}
	p := d.packet()
	if d.broken {
		p = nil
	}
	if d.breach != nil {
		return p, d.breach
	}
	return p, nil
}

// decoder reads one packet.
type decoder struct {
	version Version
	from    Peer
	typ     Type
	buf     []byte
	text    string // buf once more, for strings to be cut from
	pos     int
	end     int  // of what is being read: the packet, or its properties
	partial rule // what a field breaks that is cut off in its middle
	nth     int  // of fields that repeat, which one is being read, from 0
	breach  *Breach
	broken  bool // the structure cannot be read any further
}

// fail notes a breach; only the first counts.
func (d *decoder) fail(field string, at int, r rule, format string, args ...any) {
	if d.breach == nil {
		if d.nth > 0 {
			field = fmt.Sprintf("%s[%d]", field, d.nth)
		}
		if r == ruleMalformed && d.from == Server {
			// What a server owes a malformed packet is no statement that its
			// own packets can break; that they end too early is.
			r = ruleRemainingLength
		}
		d.breach = &Breach{Packet: d.typ, Field: field, Offset: at, Statement: r.statement(d.version), Reason: fmt.Sprintf(format, args...)}
	}
}

// need says whether n more bytes are there for a field. If none at all is,
// the field is missing, which can break a statement of its own.
func (d *decoder) need(n int, field string, missing rule) bool {
	if d.broken {
		return false
	}
	left := d.end - d.pos
	if left >= n {
		return true
	}
	d.broken = true
	if left == 0 {
		d.fail(field, d.pos, missing, "missing")
	} else {
		d.fail(field, d.pos, d.partial, "%d bytes long, %d left", n, left)
	}
	return false
}

func (d *decoder) byte(field string, missing rule) byte {
	if !d.need(1, field, missing) {
		return 0
	}
	b := d.buf[d.pos]
	d.pos++
	return b
}

func (d *decoder) uint16(field string, missing rule) uint16 {
	if !d.need(2, field, missing) {
		return 0
	}
	n := binary.BigEndian.Uint16(d.buf[d.pos:])
	d.pos += 2
	return n
}

func (d *decoder) uint32(field string, missing rule) uint32 {
	if !d.need(4, field, missing) {
		return 0
	}
	n := binary.BigEndian.Uint32(d.buf[d.pos:])
	d.pos += 4
	return n
}

func (d *decoder) varint(field string, missing rule) uint32 {
	if !d.need(1, field, missing) {
		return 0
	}
	n, size, state := parseVarint(d.buf[d.pos:d.end])
	switch state {
	case varintPadded:
		if d.version == V5 {
			d.fail(field, d.pos, ruleVarintMinimal, "%d in %d bytes where %d do", n, size, varintSize(n))
		}
	case varintPartial:
		d.fail(field, d.pos, d.partial, "a Variable Byte Integer that ends in its middle")
		d.broken = true
	case varintTooLong:
		d.fail(field, d.pos, ruleVarintLong, "a Variable Byte Integer of more than four bytes")
		d.broken = true
	}
	d.pos += size
	return n
}

// cut is the bytes from d.pos on as a string. All strings of a packet are cut
// from one copy of it.
func (d *decoder) cut(n int) string {
	if n == 0 {
		return ""
	}
	if d.text == "" {
		d.text = string(d.buf)
	}
	s := d.text[d.pos : d.pos+n]
	d.pos += n
	return s
}

// binary reads Binary Data (section 1.5.6 of 5.0).
func (d *decoder) binary(field string, missing rule) string {
	start := d.pos
	n := int(d.uint16(field, missing))
	if d.broken {
		return ""
	}
	if left := d.end - d.pos; n > left {
		d.broken = true
		d.fail(field, start, d.partial, "%d bytes long, %d left", n, left)
		return ""
	}
	return d.cut(n)
}

// string reads a UTF-8 Encoded String (section 1.5.4 of 5.0, 1.5.3 of 3.1.1).
func (d *decoder) string(field string, missing rule) string {
	s := d.binary(field, missing)
	if at, broken, why := utf8Fault(s); broken != ruleNone {
		d.fail(field, d.pos-len(s)+at, broken, "%s", why)
	}
	return s
}

// packetID reads a Packet Identifier; zero is none.
func (d *decoder) packetID(zero rule) uint16 {
	at := d.pos
	id := d.uint16(fieldPacketID, ruleMalformed)
	if id == 0 && !d.broken {
		d.fail(fieldPacketID, at, zero, "is 0")
	}
	return id
}

// reasonCode reads a Reason Code.
func (d *decoder) reasonCode(undefined rule) ReasonCode {
	at := d.pos
	c := ReasonCode(d.byte(fieldReasonCode, ruleMalformed))
	if d.broken || reasonAllowed(d.version, d.from, d.typ, c) {
		return c
	}
	switch {
	case d.version != V5:
		d.fail(fieldReasonCode, at, undefined, "%s is not a %v return code", hexByte(byte(c)), d.typ)
	case reasonAllowed(d.version, 1-d.from, d.typ, c):
		d.fail(fieldReasonCode, at, undefined, "a %v does not send %v", d.from, c)
	default:
		d.fail(fieldReasonCode, at, undefined, "%s is not a %v Reason Code", hexByte(byte(c)), d.typ)
	}
	return c
}

// Sends says whether a peer sends packets of this type (table 2.1 of 3.1.1 and of 5.0).
func (p Peer) Sends(v Version, t Type) bool {
	switch {
	case t == 0 || t > AUTH || v != V5 && t == AUTH:
		return false
	case p == Server:
		return flow[t].server && !(t == DISCONNECT && v != V5)
	}
	return flow[t].client
}

// flow says which peers send the packets of each type (table 2.1 of 3.1.1,
// table 2-1 of 5.0).
var flow = [AUTH + 1]struct{ client, server bool }{
	CONNECT: {client: true}, CONNACK: {server: true},
	PUBLISH: {true, true}, PUBACK: {true, true}, PUBREC: {true, true}, PUBREL: {true, true}, PUBCOMP: {true, true},
	SUBSCRIBE: {client: true}, SUBACK: {server: true},
	UNSUBSCRIBE: {client: true}, UNSUBACK: {server: true},
	PINGREQ: {client: true}, PINGRESP: {server: true},
	DISCONNECT: {true, true}, // 3.1.1: the client only
	AUTH:       {true, true}, // 3.1.1: nobody
}

// checkType looks at the first byte: the type, who sends it, and the flags.
func (d *decoder) checkType(first byte) {
	if d.typ == 0 || d.typ == AUTH && d.version != V5 {
		d.fail(fieldHeader, 0, ruleType, "packet type %d is reserved", d.typ)
		d.broken = true
		return
	}
	if !d.from.Sends(d.version, d.typ) {
		d.fail(fieldHeader, 0, ruleDirection, "a %v does not send %v", d.from, d.typ)
	}
	want, broken := byte(0), ruleReservedFlags
	switch d.typ {
	case PUBLISH:
		return
	case PUBREL:
		want, broken = 0x2, rulePubrelFlags
	case SUBSCRIBE:
		want, broken = 0x2, ruleSubscribeFlags
	case UNSUBSCRIBE:
		want, broken = 0x2, ruleUnsubscribeFlags
	case DISCONNECT:
		broken = ruleDisconnectFlags
	case AUTH:
		broken = ruleAuthFlags
	}
	if flags := first & 0x0F; flags != want {
		d.fail(fieldHeader, 0, broken, "flags %04b, %04b is reserved for %v", flags, want, d.typ)
	}
}

func (d *decoder) packet() (p Packet) {
	d.end = len(d.buf)
	if len(d.buf) == 0 {
		d.fail(fieldHeader, 0, ruleMalformed, "missing")
		d.broken = true
		return nil
	}
	first := d.buf[0]
	d.typ = Type(first >> 4)
	d.checkType(first)
	d.pos = 1
	remaining := int(d.varint(fieldRemainingLength, ruleMalformed))
	if d.broken {
		return nil
	}
	switch left := d.end - d.pos; {
	case remaining > left:
		d.fail(fieldRemainingLength, 1, ruleRemainingLength, "counts %d bytes, %d are there", remaining, left)
		d.broken = true
		return nil
	case remaining < left:
		d.fail(fieldRemainingLength, 1, ruleRemainingLength, "counts %d bytes, %d are there", remaining, left)
		d.end = d.pos + remaining
	}
	switch d.typ {
	case CONNECT:
		p = d.connect()
	case CONNACK:
		p = d.connack()
	case PUBLISH:
		p = d.publish(first)
	case PUBACK:
		id, code, ps := d.ack(rulePublishAckID, rulePubackCode)
		p = &Puback{id, code, ps}
	case PUBREC:
		id, code, ps := d.ack(rulePublishAckID, rulePubrecCode)
		p = &Pubrec{id, code, ps}
	case PUBREL:
		id, code, ps := d.ack(rulePublishAckID, rulePubrelCode)
		p = &Pubrel{id, code, ps}
	case PUBCOMP:
		id, code, ps := d.ack(rulePubcompID, rulePubcompCode)
		p = &Pubcomp{id, code, ps}
	case SUBSCRIBE:
		p = d.subscribe()
	case SUBACK:
		p = d.suback()
	case UNSUBSCRIBE:
		p = d.unsubscribe()
	case UNSUBACK:
		p = d.unsuback()
	case PINGREQ:
		p = &Pingreq{}
	case PINGRESP:
		p = &Pingresp{}
	case DISCONNECT:
		p = d.disconnect()
	case AUTH:
		p = d.auth()
	}
	if left := d.end - d.pos; left > 0 && !d.broken {
		d.fail(fieldTrailing, d.pos, ruleRemainingLength, "%d bytes after the last field", left)
	}
	return p
}

// properties reads a Property Length and the properties it counts (section
// 2.2.2 of 5.0).
func (d *decoder) properties(where Type) Properties {
	prefix := ""
	if where == willProperties {
		prefix = willPrefix
	}
	start := d.pos
	length := int(d.varint(prefix+fieldPropertyLength, rulePropertyLength))
	if d.broken || length == 0 {
		return nil
	}
	if left := d.end - d.pos; length > left {
		d.fail(prefix+fieldPropertyLength, start, ruleMalformed, "counts %d bytes, %d are left", length, left)
		d.broken = true
		return nil
	}
	packetEnd := d.end
	d.end = d.pos + length
	d.partial = rulePropertyValue
	defer func() { d.end, d.nth, d.partial = packetEnd, 0, ruleMalformed }()
	var ps Properties
	var seen seenProperties
	for d.pos < d.end && !d.broken {
		p, ok := d.property(where, prefix, &seen)
		if !ok {
			d.pos = d.end // of a type not known, so its length is not either
			break
		}
		ps = append(ps, p)
	}
	return ps
}

// seenProperties are the properties already read from a set of them.
type seenProperties struct {
	ids                 uint64
	users, subscription int // how many of the two that may repeat
}

func (s *seenProperties) has(id PropertyID) bool { return s.ids&(1<<id) != 0 }

// note adds a property, and says how many of a kind that may repeat were
// before it.
func (s *seenProperties) note(id PropertyID) (nth int) {
	s.ids |= 1 << id
	switch id {
	case PropUserProperty:
		s.users++
		return s.users - 1
	case PropSubscriptionIdentifier:
		s.subscription++
		return s.subscription - 1
	}
	return 0
}

// property reads one property. It is not ok if the identifier is unknown.
func (d *decoder) property(where Type, prefix string, seen *seenProperties) (p Property, ok bool) {
	d.nth = 0
	at := d.pos
	// "The Identifier is encoded as a Variable Byte Integer" (section 2.2.2.2).
	id := d.varint(fieldPropertyIdentifier, ruleMalformed)
	if d.broken {
		return p, true
	}
	if id > uint32(lastProperty) || propertyTable[id].kind == kindUnknown {
		d.fail(fieldPropertyIdentifier, at, rulePropertyIdentifier, "0x%02X is no property", id)
		return p, false
	}
	p.ID = PropertyID(id)
	info := &propertyTable[id]
	name := info.name
	if prefix != "" && p.ID != PropWillDelayInterval {
		name = willNames[id]
	}
	r := propertyRuleOf[where][id]
	switch {
	case r == nil && where == willProperties:
		d.fail(name, at, rulePropertyIdentifier, "not a Will Property")
	case r == nil:
		d.fail(name, at, rulePropertyIdentifier, "not a property of %v", where)
	case seen.has(p.ID) && r.twice != "":
		d.failProperty(name, at, r.twice, "stands in the packet twice")
	}
	d.nth = seen.note(p.ID)
	d.checkSender(where, p.ID, name, at)

	at = d.pos
	switch info.kind {
	case kindFlag:
		p.Number = uint32(d.byte(name, rulePropertyValue))
	case kindTwo, kindTwoPlus:
		p.Number = uint32(d.uint16(name, rulePropertyValue))
	case kindFour, kindFourPlus:
		p.Number = d.uint32(name, rulePropertyValue)
	case kindVarint:
		p.Number = d.varint(name, rulePropertyValue)
	case kindBinary:
		p.Text = d.binary(name, rulePropertyValue)
	case kindString:
		p.Text = d.string(name, rulePropertyValue)
	case kindTopic:
		p.Text = d.string(name, rulePropertyValue)
		d.checkResponseTopic(where, name, p.Text)
	case kindPair:
		p.Name = d.pairString(name)
		p.Text = d.pairString(name)
	}
	if d.broken || r == nil || r.value == "" {
		return p, true
	}
	switch {
	case info.kind == kindFlag && p.Number > 1:
		d.failProperty(name, at, r.value, "%d is neither 0 nor 1", p.Number)
	case info.kind != kindFlag && p.Number == 0:
		d.failProperty(name, at, r.value, "is 0")
	}
	return p, true
}

const fieldPropertyIdentifier = "Property Identifier"

// willNames are the names of fields in the Will Properties.
var willNames = func() (names [lastProperty + 1]string) {
	for id := range propertyTable {
		names[id] = willPrefix + propertyTable[id].name
	}
	return names
}()

// failProperty is fail with a statement of propertyRules.
func (d *decoder) failProperty(field string, at int, statement, format string, args ...any) {
	if d.breach == nil {
		d.fail(field, at, ruleMalformed, format, args...)
		d.breach.Statement = statement
	}
}

// pairString reads one of the two strings of a User Property. "Both strings
// MUST comply with the requirements for UTF-8 Encoded Strings" [MQTT-1.5.7-1].
func (d *decoder) pairString(field string) string {
	s := d.binary(field, rulePropertyValue)
	if at, broken, why := utf8Fault(s); broken != ruleNone {
		d.fail(field, d.pos-len(s)+at, ruleStringPair, "%s", why)
	}
	return s
}

// checkSender looks for the properties that in this packet are the other
// side's.
func (d *decoder) checkSender(where Type, id PropertyID, field string, at int) {
	switch {
	case where == DISCONNECT && id == PropSessionExpiryInterval && d.from == Server:
		d.fail(field, at, ruleSessionExpiryFromServer, "a server does not send it in DISCONNECT")
	case where == DISCONNECT && id == PropServerReference && d.from == Client:
		d.fail(field, at, ruleServerReferenceFromClient, "a client does not send it")
	case where == PUBLISH && id == PropSubscriptionIdentifier && d.from == Client:
		d.fail(field, at, ruleSubscriptionIDFromClient, "a client does not send it in PUBLISH")
	}
}

// checkResponseTopic: a Response Topic is a Topic Name (sections 3.3.2.3.5 and
// 3.1.3.2.6), without wildcard characters [MQTT-3.3.2-14] and not empty
// [MQTT-4.7.3-1].
func (d *decoder) checkResponseTopic(where Type, field, topic string) {
	wildcard := ruleResponseTopicWildcard
	if where != PUBLISH {
		wildcard = ruleAnyTopicWildcard
	}
	d.checkTopicName(field, topic, wildcard)
}

// checkTopicName looks for wildcards in the Topic Name just read, and whether
// it is empty.
func (d *decoder) checkTopicName(field, topic string, wildcard rule) {
	if d.broken {
		return
	}
	if topic == "" {
		d.fail(field, d.pos-2, ruleTopicEmpty, "is empty")
	}
	if i := wildcardIn(topic); i >= 0 {
		d.fail(field, d.pos-len(topic)+i, wildcard, "wildcard %q in a Topic Name", topic[i:i+1])
	}
}

// checkTopicFilter looks at the Topic Filter just read.
func (d *decoder) checkTopicFilter(field, filter string) {
	if d.broken {
		return
	}
	if at, broken, why := topicFilterFault(d.version, filter); broken != ruleNone {
		d.fail(field, d.pos-len(filter)+at, broken, "%s", why)
	}
}

func (d *decoder) connect() *Connect {
	p := &Connect{}
	at := d.pos
	p.ProtocolName = d.string(fieldProtocolName, ruleProtocolName)
	if !d.broken && p.ProtocolName != "MQTT" {
		d.fail(fieldProtocolName, at, ruleProtocolName, "%s is not \"MQTT\"", quote(p.ProtocolName))
	}
	at = d.pos
	p.ProtocolLevel = d.byte(fieldProtocolLevel, ruleProtocolLevel)
	if !d.broken && p.ProtocolLevel != byte(d.version) {
		d.fail(fieldProtocolLevel, at, ruleProtocolLevel, "%d is not that of MQTT %v, %d", p.ProtocolLevel, d.version, byte(d.version))
	}
	// A CONNECT says itself of which version it is, as far as its structure
	// is concerned.
	v5 := d.version == V5
	if l := Version(p.ProtocolLevel); l == V311 || l == V5 {
		v5 = l == V5
	}

	at = d.pos
	flags := d.byte(fieldConnectFlags, ruleMalformed)
	hasWill, willQoS, willRetain := flags&0x04 != 0, QoS(flags>>3&0x3), flags&0x20 != 0
	hasPassword, hasUserName := flags&0x40 != 0, flags&0x80 != 0
	p.CleanStart = flags&0x02 != 0
	if flags&0x01 != 0 {
		d.fail(fieldConnectFlags, at, ruleConnectReserved, "the reserved bit 0 is 1")
	}
	if hasWill && willQoS == 3 {
		d.fail(fieldConnectFlags, at, ruleWillQoS, "Will QoS 3")
	}
	if !hasWill && willQoS != 0 {
		d.fail(fieldConnectFlags, at, ruleWillQoSAlone, "Will QoS %d with Will Flag 0", willQoS)
	}
	if !hasWill && willRetain {
		d.fail(fieldConnectFlags, at, ruleWillRetainAlone, "Will Retain 1 with Will Flag 0")
	}
	if hasPassword && !hasUserName && !v5 {
		d.fail(fieldConnectFlags, at, rulePasswordAlone, "Password Flag 1 with User Name Flag 0")
	}
	p.KeepAlive = d.uint16(fieldKeepAlive, ruleMalformed)
	if v5 {
		at = d.pos
		p.Properties = d.properties(CONNECT)
		if p.Properties.Has(PropAuthenticationData) && !p.Properties.Has(PropAuthenticationMethod) {
			d.fail(PropAuthenticationData.String(), at, ruleAuthDataAlone, "no Authentication Method with it")
		}
	}

	at = d.pos
	p.ClientID = d.string(fieldClientID, ruleClientIDMissing)
	if p.ClientID == "" && !p.CleanStart && !v5 && !d.broken {
		d.fail(fieldClientID, at, ruleClientIDEmpty, "is empty and Clean Session is 0")
	}
	if hasWill {
		w := &Will{QoS: willQoS, Retain: willRetain}
		if v5 {
			w.Properties = d.properties(willProperties)
		}
		w.Topic = d.string(fieldWillTopic, ruleWillMissing)
		d.checkTopicName(fieldWillTopic, w.Topic, ruleAnyTopicWildcard)
		w.Payload = d.binary(fieldWillPayload, ruleWillMissing)
		d.checkFormat(fieldWillPayload, w.Properties, w.Payload, ruleWillFormat)
		p.Will = w
	}
	if hasUserName {
		s := d.string(fieldUserName, ruleUserNameMissing)
		p.UserName = &s
	}
	if hasPassword {
		s := d.binary(fieldPassword, rulePasswordMissing)
		p.Password = &s
	}
	return p
}

// checkFormat: if the Payload Format Indicator is 1, "the UTF-8 data in the
// Payload MUST be well-formed UTF-8" (sections 3.1.3.2.3 and 3.3.2.3.2). That
// binds the publisher. A server MAY look and need not, and MUST pass the
// indicator on as it is [MQTT-3.3.2-4], so it is not at fault for what it was
// given. U+0000 is well-formed, and a payload is no UTF-8 Encoded String.
func (d *decoder) checkFormat(field string, ps Properties, payload string, broken rule) {
	if d.broken || d.from == Server {
		return
	}
	if n, _ := ps.Number(PropPayloadFormatIndicator); n == 1 && !utf8.ValidString(payload) {
		at := 0
		for i, r := range payload {
			if _, size := utf8.DecodeRuneInString(payload[i:]); r == utf8.RuneError && size == 1 {
				at = i
				break
			}
		}
		d.fail(field, d.pos-len(payload)+at, broken, "%s, and the Payload Format Indicator is 1", illFormedWhy(payload[at:]))
	}
}

func (d *decoder) connack() *Connack {
	p := &Connack{}
	at := d.pos
	flags := d.byte(fieldConnackFlags, ruleMalformed)
	if flags&0xFE != 0 {
		d.fail(fieldConnackFlags, at, ruleConnackReserved, "%08b has reserved bits set", flags)
	}
	p.SessionPresent = flags&0x01 != 0
	p.Code = d.reasonCode(ruleConnackCode)
	if p.SessionPresent && p.Code != 0 {
		d.fail(fieldConnackFlags, at, ruleSessionPresent, "Session Present 1 with %s", hexByte(byte(p.Code)))
	}
	if d.version == V5 {
		// Authentication Data without a method has no meaning here, but only
		// the section on CONNECT calls it an error.
		p.Properties = d.properties(CONNACK)
	}
	return p
}

func (d *decoder) publish(first byte) *Publish {
	p := &Publish{Dup: first&0x08 != 0, QoS: QoS(first >> 1 & 0x3), Retain: first&0x01 != 0}
	if p.QoS == 3 {
		d.fail(fieldHeader, 0, ruleQoS, "QoS 3")
	}
	if p.Dup && p.QoS == 0 {
		d.fail(fieldHeader, 0, ruleDup, "DUP 1 with QoS 0")
	}
	topicAt := d.pos
	p.Topic = d.string(fieldTopicName, ruleTopicMissing)
	if i := wildcardIn(p.Topic); i >= 0 {
		d.fail(fieldTopicName, d.pos-len(p.Topic)+i, ruleTopicWildcard, "wildcard %q in a Topic Name", p.Topic[i:i+1])
	}
	if p.Topic == "" && d.version != V5 && !d.broken {
		d.fail(fieldTopicName, topicAt, ruleTopicNoAlias, "is empty")
	}
	if p.QoS > 0 {
		zero := ruleClientPacketID
		if d.from == Server {
			zero = ruleServerPacketID
		}
		p.PacketID = d.packetID(zero)
	}
	if d.version == V5 {
		p.Properties = d.properties(PUBLISH)
		if p.Topic == "" && !d.broken && !p.Properties.Has(PropTopicAlias) {
			d.fail(fieldTopicName, topicAt, ruleTopicNoAlias, "is empty and there is no Topic Alias")
		}
	}
	if d.broken {
		return p
	}
	p.Payload = d.cut(d.end - d.pos)
	d.checkFormat(fieldPayload, p.Properties, p.Payload, rulePublishFormat)
	return p
}

// ack reads the body that PUBACK, PUBREC, PUBREL and PUBCOMP have in common.
func (d *decoder) ack(zeroID, undefined rule) (id uint16, code ReasonCode, ps Properties) {
	id = d.packetID(zeroID)
	if d.version != V5 || d.pos == d.end {
		return id, Success, nil // "If the Remaining Length is 2, then there is no Reason Code"
	}
	code = d.reasonCode(undefined)
	if d.pos == d.end {
		return id, code, nil // "If the Remaining Length is less than 4 there is no Property Length"
	}
	return id, code, d.properties(d.typ)
}

func (d *decoder) subscribe() *Subscribe {
	p := &Subscribe{PacketID: d.packetID(ruleClientPacketID)}
	if d.version == V5 {
		p.Properties = d.properties(SUBSCRIBE)
	}
	if d.pos == d.end && !d.broken {
		d.fail(fieldTopicFilter, d.pos, ruleSubscribeEmpty, "there is none")
	}
	for d.pos < d.end && !d.broken {
		d.nth = len(p.Subscriptions)
		var s Subscription
		s.Filter = d.string(fieldTopicFilter, ruleMalformed)
		d.checkTopicFilter(fieldTopicFilter, s.Filter)
		at := d.pos
		options := d.byte(fieldOptions, ruleMalformed)
		if d.broken {
			break
		}
		s.QoS = QoS(options & 0x3)
		reserved := options & 0xFC
		if d.version == V5 {
			s.NoLocal = options&0x04 != 0
			s.RetainAsPublished = options&0x08 != 0
			s.RetainHandling = options >> 4 & 0x3
			reserved = options & 0xC0
		}
		if reserved != 0 {
			d.fail(fieldOptions, at, ruleSubscribeReserved, "%08b has reserved bits set", options)
		}
		if s.QoS == 3 {
			d.fail(fieldOptions, at, ruleSubscribeQoS, "QoS 3")
		}
		if s.RetainHandling == 3 {
			d.fail(fieldOptions, at, ruleRetainHandling, "Retain Handling 3")
		}
		if s.NoLocal && strings.HasPrefix(s.Filter, sharePrefix) {
			d.fail(fieldOptions, at, ruleNoLocalShared, "No Local 1 on a Shared Subscription")
		}
		p.Subscriptions = append(p.Subscriptions, s)
	}
	d.nth = 0
	return p
}

func (d *decoder) codes(undefined rule) []ReasonCode {
	if d.broken || d.pos == d.end {
		return nil
	}
	codes := make([]ReasonCode, 0, d.end-d.pos)
	for d.pos < d.end {
		d.nth = len(codes)
		codes = append(codes, d.reasonCode(undefined))
	}
	d.nth = 0
	return codes
}

func (d *decoder) suback() *Suback {
	p := &Suback{PacketID: d.packetID(ruleSubscribeAckID)}
	if d.version == V5 {
		p.Properties = d.properties(SUBACK)
	}
	p.Codes = d.codes(ruleSubackCode)
	if len(p.Codes) == 0 && !d.broken {
		d.fail(fieldReasonCode, d.pos, ruleSubackEmpty, "there is none")
	}
	return p
}

func (d *decoder) unsubscribe() *Unsubscribe {
	p := &Unsubscribe{PacketID: d.packetID(ruleClientPacketID)}
	if d.version == V5 {
		p.Properties = d.properties(UNSUBSCRIBE)
	}
	if d.pos == d.end && !d.broken {
		d.fail(fieldTopicFilter, d.pos, ruleUnsubscribeEmpty, "there is none")
	}
	for d.pos < d.end && !d.broken {
		d.nth = len(p.Filters)
		filter := d.string(fieldTopicFilter, ruleMalformed)
		d.checkTopicFilter(fieldTopicFilter, filter)
		p.Filters = append(p.Filters, filter)
	}
	d.nth = 0
	return p
}

func (d *decoder) unsuback() *Unsuback {
	p := &Unsuback{PacketID: d.packetID(ruleSubscribeAckID)}
	if d.version != V5 {
		return p
	}
	p.Properties = d.properties(UNSUBACK)
	p.Codes = d.codes(ruleUnsubackCode)
	if len(p.Codes) == 0 && !d.broken {
		d.fail(fieldReasonCode, d.pos, ruleUnsubackEmpty, "there is none")
	}
	return p
}

func (d *decoder) disconnect() *Disconnect {
	p := &Disconnect{}
	if d.version != V5 || d.pos == d.end {
		return p // "If the Remaining Length is less than 1 the value of 0x00 is used"
	}
	p.Code = d.reasonCode(ruleDisconnectCode)
	if d.pos < d.end {
		p.Properties = d.properties(DISCONNECT)
	}
	return p
}

func (d *decoder) auth() *Auth {
	p := &Auth{}
	at := d.pos
	if d.pos < d.end {
		p.Code = d.reasonCode(ruleAuthCode)
		at = d.pos
		p.Properties = d.properties(AUTH)
	}
	// Section 3.15.2.1 lets the Reason Code and Property Length be left out,
	// but "all AUTH packets MUST include an Authentication Method"
	// [MQTT-4.12.0-5], and leaving it out is a Protocol Error by 3.15.2.2.2.
	if !d.broken && !p.Properties.Has(PropAuthenticationMethod) {
		d.fail(PropAuthenticationMethod.String(), at, ruleAuthMethodMissing, "missing")
	}
	return p
}
