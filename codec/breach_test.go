package codec

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// connect4 and connect5 are a CONNECT with these Connect Flags and payload.
func connect4(flags int, payload ...any) []byte {
	return frame(0x10, "MQTT", 4, flags, uint16(60), body(payload...))
}

func connect5(flags int, ps []byte, payload ...any) []byte {
	return frame(0x10, "MQTT", 5, flags, uint16(60), ps, body(payload...))
}

// A breachTest is a packet with one thing wrong, and what the decoder is to
// say of it.
type breachTest struct {
	name      string
	version   Version
	from      Peer
	packet    []byte
	field     string
	offset    int
	statement string
	unread    bool // the structure cannot be read to its end
}

// both is the test for 3.1.1 and for 5.0, where packet and offset are the
// same.
func both(name string, from Peer, packet []byte, field string, offset int, statement311, statement5 string) []breachTest {
	return []breachTest{
		{name, V311, from, packet, field, offset, statement311, false},
		{name, V5, from, packet, field, offset, statement5, false},
	}
}

// unread marks the tests of packets that cannot be read to their end.
func unread(tests ...breachTest) []breachTest {
	for i := range tests {
		tests[i].unread = true
	}
	return tests
}

var (
	idA = uint16(0x0102) // a Packet Identifier

	// The ends of what UTF-8 can express, and beyond.
	overlong  = "\xC0\x80"
	surrogate = "\xED\xA0\x80"
	lowHalf   = "\xED\xBF\xBF"
	tooHigh   = "\xF4\x90\x80\x80"
	cut       = "\xE2\x82"
)

func breachTests() (tests []breachTest) {
	add := func(more ...breachTest) { tests = append(tests, more...) }
	addAll := func(more []breachTest) { add(more...) }
	malformed := [2]string{"MQTT-4.8.0-1", "5.0/4.13.1/malformed-packet"}
	remaining := [2]string{"3.1.1/2.2.3/remaining-length", "5.0/2.1.4/remaining-length"}
	direction := [2]string{"3.1.1/2.2.1/packet-direction", "5.0/2.1.2/packet-direction"}
	reserved := [2]string{"3.1.1/2.2.1/packet-type-reserved", "5.0/2.1.2/packet-type-reserved"}

	// Fixed header: type, direction, flags, Remaining Length.
	addAll(unread(both("no byte at all", Client, nil, "Fixed Header", 0, malformed[0], malformed[1])...))
	addAll(unread(both("one byte", Client, []byte{0xC0}, "Remaining Length", 1, malformed[0], malformed[1])...))
	addAll(unread(both("type 0", Client, frame(0x00), "Fixed Header", 0, reserved[0], reserved[1])...))
	add(breachTest{"type 15", V311, Client, frame(0xF0), "Fixed Header", 0, reserved[0], true})
	for _, first := range []byte{0x10, 0x82, 0xA2, 0xC0} {
		p := map[byte][2][]byte{
			0x10: {connect4(2, "c"), connect5(2, props(), "c")},
			0x82: {frame(0x82, idA, "a", 0), frame(0x82, idA, props(), "a", 0)},
			0xA2: {frame(0xA2, idA, "a"), frame(0xA2, idA, props(), "a")},
			0xC0: {frame(0xC0), frame(0xC0)},
		}[first]
		name := Type(first>>4).String() + " from the server"
		add(breachTest{name, V311, Server, p[0], "Fixed Header", 0, direction[0], false},
			breachTest{name, V5, Server, p[1], "Fixed Header", 0, direction[1], false})
	}
	add(breachTest{"CONNACK from the client", V311, Client, frame(0x20, 0, 0), "Fixed Header", 0, direction[0], false},
		breachTest{"CONNACK from the client", V5, Client, frame(0x20, 0, 0, props()), "Fixed Header", 0, direction[1], false},
		breachTest{"SUBACK from the client", V5, Client, frame(0x90, idA, props(), 0), "Fixed Header", 0, direction[1], false},
		breachTest{"UNSUBACK from the client", V311, Client, frame(0xB0, idA), "Fixed Header", 0, direction[0], false},
		breachTest{"DISCONNECT from the server", V311, Server, frame(0xE0), "Fixed Header", 0, direction[0], false})
	addAll(both("PINGRESP from the client", Client, frame(0xD0), "Fixed Header", 0, direction[0], direction[1]))

	flags := func(name string, from Peer, first int, p311, p5 []byte, s311, s5 string) {
		if s311 != "" {
			add(breachTest{name + " flags", V311, from, frame(byte(first), p311), "Fixed Header", 0, s311, false})
		}
		add(breachTest{name + " flags", V5, from, frame(byte(first), p5), "Fixed Header", 0, s5, false})
	}
	flags("CONNECT", Client, 0x11, connect4(2, "c")[2:], connect5(2, props(), "c")[2:], "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("CONNACK", Server, 0x28, body(0, 0), body(0, 0, 0), "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("PUBACK", Client, 0x42, body(idA), body(idA), "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("PUBREC", Client, 0x52, body(idA), body(idA), "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("PUBREL", Client, 0x60, body(idA), body(idA), "MQTT-3.6.1-1", "MQTT-3.6.1-1")
	flags("PUBCOMP", Client, 0x71, body(idA), body(idA), "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("SUBSCRIBE", Client, 0x80, body(idA, "a", 0), body(idA, 0, "a", 0), "MQTT-3.8.1-1", "MQTT-3.8.1-1")
	flags("SUBACK", Server, 0x92, body(idA, 0), body(idA, 0, 0), "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("UNSUBSCRIBE", Client, 0xA3, body(idA, "a"), body(idA, 0, "a"), "MQTT-3.10.1-1", "MQTT-3.10.1-1")
	flags("UNSUBACK", Server, 0xB2, body(idA), body(idA, 0, 0), "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("PINGREQ", Client, 0xC1, nil, nil, "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("PINGRESP", Server, 0xD8, nil, nil, "MQTT-2.2.2-1", "MQTT-2.1.3-1")
	flags("DISCONNECT", Client, 0xE4, nil, nil, "MQTT-3.14.1-1", "MQTT-3.14.1-1")
	flags("AUTH", Client, 0xF1, nil, body(0x18, props(0x15, "m")), "", "MQTT-3.15.1-1")

	addAll(unread(both("Remaining Length of five bytes", Client, []byte{0xC0, 0x80, 0x80, 0x80, 0x80, 0x00}, "Remaining Length", 1,
		"3.1.1/2.2.3/remaining-length-too-long", "5.0/1.5.5/variable-byte-integer-too-long")...))
	addAll(unread(both("Remaining Length that does not end", Client, []byte{0xC0, 0x80}, "Remaining Length", 1, malformed[0], malformed[1])...))
	add(breachTest{"Remaining Length in two bytes where one does", V5, Client, []byte{0xC0, 0x80, 0x00}, "Remaining Length", 1, "MQTT-1.5.5-1", false})
	add(breachTest{"Remaining Length in four bytes where one does", V5, Client, []byte{0x40, 0x82, 0x80, 0x80, 0x00, 0, 1}, "Remaining Length", 1, "MQTT-1.5.5-1", false})
	addAll(unread(both("Remaining Length beyond the packet", Client, []byte{0x40, 0x03, 0, 1}, "Remaining Length", 1, remaining[0], remaining[1])...))
	addAll(both("Remaining Length short of the packet", Client, []byte{0x40, 0x02, 0, 1, 9}, "Remaining Length", 1, remaining[0], remaining[1]))

	// Bytes after the last field.
	trailing := func(name string, from Peer, p311, p5 []byte) {
		for v, p := range map[Version][]byte{V311: p311, V5: p5} {
			if p != nil {
				s := remaining[0]
				if v == V5 {
					s = remaining[1]
				}
				add(breachTest{name + " with a byte too many", v, from, p, "Trailing Bytes", len(p) - 1, s, false})
			}
		}
	}
	trailing("CONNECT", Client, connect4(2, "c", 0), connect5(2, props(), "c", 0))
	trailing("CONNACK", Server, frame(0x20, 0, 0, 0), frame(0x20, 0, 0, props(), 0))
	trailing("PUBACK", Client, frame(0x40, idA, 0), frame(0x40, idA, 0, props(), 0))
	trailing("PUBREC", Client, frame(0x50, idA, 0), frame(0x50, idA, 0, props(), 0))
	trailing("PUBREL", Client, frame(0x62, idA, 0), frame(0x62, idA, 0, props(), 0))
	trailing("PUBCOMP", Client, frame(0x70, idA, 0), frame(0x70, idA, 0, props(), 0))
	trailing("UNSUBACK", Server, frame(0xB0, idA, 0), nil)
	trailing("PINGREQ", Client, frame(0xC0, 0), frame(0xC0, 0))
	trailing("PINGRESP", Server, frame(0xD0, 0), frame(0xD0, 0))
	trailing("DISCONNECT", Client, frame(0xE0, 0), frame(0xE0, 0, props(), 0))
	trailing("AUTH", Client, nil, frame(0xF0, 0x18, props(0x15, "m"), 0))

	// Strings. 1.5.3 of 3.1.1 and 1.5.4 of 5.0.
	for name, bad := range map[string]string{"overlong": overlong, "surrogate": surrogate, "low surrogate": lowHalf, "beyond U+10FFFF": tooHigh, "cut short": cut, "lone continuation": "\x80"} {
		add(breachTest{"topic with UTF-8 " + name, V311, Client, frame(0x30, "ab"+bad), "Topic Name", 6, "MQTT-1.5.3-1", false},
			breachTest{"topic with UTF-8 " + name, V5, Client, frame(0x30, "ab"+bad, props()), "Topic Name", 6, "MQTT-1.5.4-1", false})
	}
	for field, p := range map[string][2]any{
		"Topic Name": {[]any{byte(0x30), "a\x00"}, []any{byte(0x30), "a\x00", props()}},
	} {
		a, b := p[0].([]any), p[1].([]any)
		add(breachTest{"U+0000", V311, Client, frame(a[0].(byte), a[1:]...), field, 5, "MQTT-1.5.3-2", false},
			breachTest{"U+0000", V5, Client, frame(b[0].(byte), b[1:]...), field, 5, "MQTT-1.5.4-2", false})
	}
	add(
		breachTest{"ill-formed Protocol Name", V311, Client, frame(0x10, "MQT\xFF", 4, 2, uint16(0), "c"), "Protocol Name", 7, "MQTT-1.5.3-1", false},
		breachTest{"ill-formed Client Identifier", V311, Client, connect4(2, "c\xFF"), "Client Identifier", 15, "MQTT-1.5.3-1", false},
		breachTest{"ill-formed Client Identifier", V5, Client, connect5(2, props(), "c\xFF"), "Client Identifier", 16, "MQTT-1.5.4-1", false},
		breachTest{"ill-formed Will Topic", V311, Client, connect4(6, "c", "w\xFF", "p"), "Will Topic", 18, "MQTT-1.5.3-1", false},
		breachTest{"ill-formed User Name", V311, Client, connect4(0x82, "c", "u\xFF"), "User Name", 18, "MQTT-1.5.3-1", false},
		breachTest{"U+0000 in the User Name", V5, Client, connect5(0x82, props(), "c", "u\x00"), "User Name", 19, "MQTT-1.5.4-2", false},
		breachTest{"ill-formed Topic Filter", V311, Client, frame(0x82, idA, "a", 0, "\xFF", 0), "Topic Filter[1]", 10, "MQTT-1.5.3-1", false},
		breachTest{"ill-formed Topic Filter", V5, Client, frame(0xA2, idA, 0, "\xFF"), "Topic Filter", 7, "MQTT-1.5.4-1", false},
		breachTest{"ill-formed Reason String", V5, Server, frame(0x20, 0, 0, props(0x1F, "a\xFF")), "Reason String", 9, "MQTT-1.5.4-1", false},
		breachTest{"ill-formed User Property name", V5, Server, frame(0x20, 0, 0, props(0x26, "\xFF", "")), "User Property", 8, "MQTT-1.5.7-1", false},
		breachTest{"U+0000 in a User Property value", V5, Server, frame(0x20, 0, 0, props(0x26, "", "", 0x26, "a", "\x00")), "User Property[1]", 16, "MQTT-1.5.7-1", false},
		breachTest{"ill-formed Will Content Type", V5, Client, connect5(6, props(), "c", props(0x03, "\xFF"), "w", "p"), "Will Content Type", 20, "MQTT-1.5.4-1", false},
	)

	// Fields that are not there, or cut off.
	missing := func(name string, v Version, from Peer, p []byte, field, statement string) {
		addAll(unread(breachTest{name, v, from, p, field, len(p), statement, true}))
	}
	missing("CONNECT empty", V311, Client, frame(0x10), "Protocol Name", "MQTT-3.1.2-1")
	missing("CONNECT empty", V5, Client, frame(0x10), "Protocol Name", "MQTT-3.1.2-1")
	missing("CONNECT to the name", V311, Client, frame(0x10, "MQTT"), "Protocol Level", "MQTT-3.1.2-2")
	missing("CONNECT to the name", V5, Client, frame(0x10, "MQTT"), "Protocol Level", "MQTT-3.1.2-2")
	missing("CONNECT to the level", V311, Client, frame(0x10, "MQTT", 4), "Connect Flags", malformed[0])
	missing("CONNECT to the flags", V5, Client, frame(0x10, "MQTT", 5, 2), "Keep Alive", malformed[1])
	missing("CONNECT without properties", V5, Client, connect5(2, nil), "Property Length", "MQTT-2.2.2-1")
	missing("CONNECT without a client identifier", V311, Client, connect4(2), "Client Identifier", "MQTT-3.1.3-3")
	missing("CONNECT without a client identifier", V5, Client, connect5(2, props()), "Client Identifier", "MQTT-3.1.3-3")
	missing("CONNECT without the will topic", V311, Client, connect4(6, "c"), "Will Topic", "MQTT-3.1.2-9")
	missing("CONNECT without will properties", V5, Client, connect5(6, props(), "c"), "Will Property Length", "MQTT-2.2.2-1")
	missing("CONNECT without the will topic", V5, Client, connect5(6, props(), "c", props()), "Will Topic", "MQTT-3.1.2-9")
	missing("CONNECT without the will payload", V311, Client, connect4(6, "c", "w"), "Will Payload", "MQTT-3.1.2-9")
	missing("CONNECT without the user name", V311, Client, connect4(0x82, "c"), "User Name", "MQTT-3.1.2-19")
	missing("CONNECT without the user name", V5, Client, connect5(0x82, props(), "c"), "User Name", "MQTT-3.1.2-17")
	missing("CONNECT without the password", V311, Client, connect4(0xC2, "c", "u"), "Password", "MQTT-3.1.2-21")
	missing("CONNECT without the password", V5, Client, connect5(0x42, props(), "c"), "Password", "MQTT-3.1.2-19")
	missing("CONNACK empty", V311, Server, frame(0x20), "Connect Acknowledge Flags", remaining[0])
	missing("CONNACK of one byte", V5, Server, frame(0x20, 0), "Reason Code", remaining[1])
	missing("CONNACK without properties", V5, Server, frame(0x20, 0, 0), "Property Length", "MQTT-2.2.2-1")
	missing("PUBLISH empty", V311, Client, frame(0x30), "Topic Name", "MQTT-3.3.2-1")
	missing("PUBLISH empty", V5, Server, frame(0x30), "Topic Name", "MQTT-3.3.2-1")
	missing("PUBLISH without an identifier", V311, Client, frame(0x32, "a"), "Packet Identifier", malformed[0])
	missing("PUBLISH without properties", V5, Client, frame(0x30, "a"), "Property Length", "MQTT-2.2.2-1")
	for _, first := range []byte{0x40, 0x50, 0x62, 0x70} {
		missing(Type(first>>4).String()+" empty", V311, Client, frame(first), "Packet Identifier", malformed[0])
		missing(Type(first>>4).String()+" empty", V5, Client, frame(first), "Packet Identifier", malformed[1])
	}
	missing("SUBSCRIBE empty", V311, Client, frame(0x82), "Packet Identifier", malformed[0])
	missing("SUBSCRIBE without properties", V5, Client, frame(0x82, idA), "Property Length", "MQTT-2.2.2-1")
	missing("SUBSCRIBE without options", V311, Client, frame(0x82, idA, "a"), "Subscription Options", malformed[0])
	missing("SUBSCRIBE without the second options", V5, Client, frame(0x82, idA, 0, "a", 0, "b"), "Subscription Options[1]", malformed[1])
	missing("SUBACK without properties", V5, Server, frame(0x90, idA), "Property Length", "MQTT-2.2.2-1")
	missing("UNSUBSCRIBE without properties", V5, Client, frame(0xA2, idA), "Property Length", "MQTT-2.2.2-1")
	missing("UNSUBACK without properties", V5, Server, frame(0xB0, idA), "Property Length", "MQTT-2.2.2-1")
	missing("AUTH without properties", V5, Client, frame(0xF0, 0x18), "Property Length", "MQTT-2.2.2-1")
	add(unread(
		breachTest{"half a Packet Identifier", V311, Client, frame(0x40, 1), "Packet Identifier", 2, malformed[0], true},
		breachTest{"half a Keep Alive", V5, Client, frame(0x10, "MQTT", 5, 2, 0), "Keep Alive", 10, malformed[1], true},
		breachTest{"half a string length", V311, Client, frame(0x30, 0), "Topic Name", 2, malformed[0], true},
		breachTest{"string beyond the packet", V5, Client, frame(0x30, uint16(5), []byte("abcd")), "Topic Name", 2, malformed[1], true},
		breachTest{"password beyond the packet", V311, Client, connect4(0xC2, "c", "u", uint16(2), 0), "Password", 18, malformed[0], true},
		breachTest{"filter beyond the packet", V311, Client, frame(0xA2, idA, "a", uint16(2), 0), "Topic Filter[1]", 7, malformed[0], true},
	)...)

	// Properties in general.
	add(
		breachTest{"Property Length not minimal", V5, Server, frame(0x20, 0, 0, []byte{0x80, 0x00}), "Property Length", 4, "MQTT-1.5.5-1", false},
		breachTest{"Property Identifier not minimal", V5, Server, frame(0x20, 0, 0, props([]byte{0xA1, 0x00}, uint16(1))), "Property Identifier", 5, "MQTT-1.5.5-1", false},
		breachTest{"Subscription Identifier not minimal", V5, Client, frame(0x82, idA, props(0x0B, []byte{0x81, 0x00}), "a", 0), "Subscription Identifier", 6, "MQTT-1.5.5-1", false},
		breachTest{"property not known", V5, Server, frame(0x20, 0, 0, props(0x21, uint16(9), 0x00, 1)), "Property Identifier", 8, "5.0/2.2.2.2/property-identifier", false},
		breachTest{"property beyond the last", V5, Server, frame(0x20, 0, 0, props(0x2B, 1)), "Property Identifier", 5, "5.0/2.2.2.2/property-identifier", false},
		breachTest{"property identifier of two bytes", V5, Server, frame(0x20, 0, 0, props([]byte{0x80, 0x01}, 1)), "Property Identifier", 5, "5.0/2.2.2.2/property-identifier", false},
		breachTest{"property of another packet", V5, Server, frame(0x20, 0, 0, props(0x23, uint16(1))), "Topic Alias", 5, "5.0/2.2.2.2/property-identifier", false},
		breachTest{"Will Property in CONNECT", V5, Client, connect5(2, props(0x18, uint32(1)), "c"), "Will Delay Interval", 13, "5.0/2.2.2.2/property-identifier", false},
		breachTest{"CONNECT property in the Will", V5, Client, connect5(6, props(), "c", props(0x11, uint32(1)), "w", "p"), "Will Session Expiry Interval", 17, "5.0/2.2.2.2/property-identifier", false},
	)
	add(unread(
		breachTest{"Property Length of five bytes", V5, Server, frame(0x20, 0, 0, []byte{0x80, 0x80, 0x80, 0x80, 0x01}), "Property Length", 4, "5.0/1.5.5/variable-byte-integer-too-long", true},
		breachTest{"Property Length beyond the packet", V5, Server, frame(0x20, 0, 0, 1), "Property Length", 4, remaining[1], true},
		breachTest{"Will Property Length beyond the packet", V5, Client, connect5(6, props(), "c", 99), "Will Property Length", 16, malformed[1], true},
		breachTest{"identifier without a value", V5, Server, frame(0x20, 0, 0, props(0x21)), "Receive Maximum", 6, "5.0/2.2.2.2/property-data-type", true},
		breachTest{"value cut off by the Property Length", V5, Server, frame(0x20, 0, 0, 2, 0x21, uint16(1)), "Receive Maximum", 6, "5.0/2.2.2.2/property-data-type", true},
		breachTest{"string cut off by the Property Length", V5, Server, frame(0x20, 0, 0, 4, 0x1F, "ab"), "Reason String", 6, "5.0/2.2.2.2/property-data-type", true},
		breachTest{"pair cut off after its name", V5, Server, frame(0x20, 0, 0, props(0x26, "a")), "User Property", 9, "5.0/2.2.2.2/property-data-type", true},
		breachTest{"Subscription Identifier that does not end", V5, Client, frame(0x82, idA, props(0x0B, 0xFF), "a", 0), "Subscription Identifier", 6, "5.0/2.2.2.2/property-data-type", true},
		breachTest{"Subscription Identifier of five bytes", V5, Client, frame(0x82, idA, props(0x0B, 0xFF, 0xFF, 0xFF, 0xFF, 1), "a", 0), "Subscription Identifier", 6, "5.0/1.5.5/variable-byte-integer-too-long", true},
	)...)

	// Packet Identifier 0.
	zero := uint16(0)
	zeroID := func(name string, from Peer, p311, p5 []byte, s311, s5 string) {
		at := 2
		if name == "PUBLISH" {
			at = 5
		}
		add(breachTest{name + " with identifier 0", V311, from, p311, "Packet Identifier", at, s311, false},
			breachTest{name + " with identifier 0", V5, from, p5, "Packet Identifier", at, s5, false})
	}
	zeroID("PUBLISH", Client, frame(0x32, "a", zero), frame(0x34, "a", zero, 0), "MQTT-2.3.1-1", "MQTT-2.2.1-3")
	zeroID("PUBLISH", Server, frame(0x34, "a", zero), frame(0x32, "a", zero, 0), "MQTT-2.3.1-1", "MQTT-2.2.1-4")
	zeroID("SUBSCRIBE", Client, frame(0x82, zero, "a", 0), frame(0x82, zero, 0, "a", 0), "MQTT-2.3.1-1", "MQTT-2.2.1-3")
	zeroID("UNSUBSCRIBE", Client, frame(0xA2, zero, "a"), frame(0xA2, zero, 0, "a"), "MQTT-2.3.1-1", "MQTT-2.2.1-3")
	zeroID("PUBACK", Client, frame(0x40, zero), frame(0x40, zero), "MQTT-2.3.1-6", "MQTT-2.2.1-5")
	zeroID("PUBREC", Client, frame(0x50, zero), frame(0x50, zero), "MQTT-2.3.1-6", "MQTT-2.2.1-5")
	zeroID("PUBREL", Client, frame(0x62, zero), frame(0x62, zero), "MQTT-2.3.1-6", "MQTT-2.2.1-5")
	zeroID("PUBCOMP", Client, frame(0x70, zero), frame(0x70, zero), "MQTT-4.3.3-2", "MQTT-2.2.1-5")
	zeroID("SUBACK", Server, frame(0x90, zero, 0), frame(0x90, zero, 0, 0), "MQTT-2.3.1-7", "MQTT-2.2.1-6")
	zeroID("UNSUBACK", Server, frame(0xB0, zero), frame(0xB0, zero, 0, 0), "MQTT-2.3.1-7", "MQTT-2.2.1-6")

	// CONNECT.
	add(
		breachTest{"Protocol Name of 3.1", V311, Client, frame(0x10, "MQIsdp", 4, 2, uint16(0), "c"), "Protocol Name", 2, "MQTT-3.1.2-1", false},
		breachTest{"Protocol Name in small letters", V5, Client, frame(0x10, "mqtt", 5, 2, uint16(0), 0, "c"), "Protocol Name", 2, "MQTT-3.1.2-1", false},
		breachTest{"Protocol Level 3", V311, Client, frame(0x10, "MQTT", 3, 2, uint16(0), "c"), "Protocol Level", 8, "MQTT-3.1.2-2", false},
		breachTest{"Protocol Level 5, and what goes with it", V311, Client, connect5(6, props(0x21, uint16(1)), "c", props(0x01, 1), "w", "\xFF"), "Protocol Level", 8, "MQTT-3.1.2-2", false},
		breachTest{"Protocol Level 4", V5, Client, connect4(2, "c"), "Protocol Level", 8, "MQTT-3.1.2-2", false},
		breachTest{"Protocol Level 6", V5, Client, frame(0x10, "MQTT", 6, 2, uint16(0), 0, "c"), "Protocol Level", 8, "MQTT-3.1.2-2", false},
	)
	connectFlags := func(name string, flags int, payload []any, s311, s5 string) {
		p5 := []any{payload[0]}
		if flags&4 != 0 {
			p5 = append(p5, props())
		}
		p5 = append(p5, payload[1:]...)
		add(breachTest{name, V311, Client, connect4(flags, payload...), "Connect Flags", 9, s311, false})
		if s5 != "" {
			add(breachTest{name, V5, Client, connect5(flags, props(), p5...), "Connect Flags", 9, s5, false})
		}
	}
	connectFlags("reserved Connect Flag", 0x03, []any{"c"}, "MQTT-3.1.2-3", "MQTT-3.1.2-3")
	connectFlags("Will QoS 3", 0x1E, []any{"c", "w", "p"}, "MQTT-3.1.2-14", "MQTT-3.1.2-12")
	connectFlags("Will QoS 1 without a Will", 0x0A, []any{"c"}, "MQTT-3.1.2-13", "MQTT-3.1.2-11")
	connectFlags("Will QoS 3 without a Will", 0x1A, []any{"c"}, "MQTT-3.1.2-13", "MQTT-3.1.2-11")
	connectFlags("Will Retain without a Will", 0x22, []any{"c"}, "MQTT-3.1.2-15", "MQTT-3.1.2-13")
	connectFlags("password without a user name", 0x42, []any{"c", "p"}, "MQTT-3.1.2-22", "")
	add(
		breachTest{"empty client identifier with Clean Session 0", V311, Client, connect4(0, ""), "Client Identifier", 12, "MQTT-3.1.3-7", false},
		breachTest{"Authentication Data without a method", V5, Client, connect5(2, props(0x16, "d"), "c"), "Authentication Data", 12, "5.0/3.1.2.11.10/authentication-data-without-method", false},
		breachTest{"wildcard in the Will Topic", V311, Client, connect4(6, "c", "w/+", "p"), "Will Topic", 19, "MQTT-4.7.1-1", false},
		breachTest{"wildcard in the Will Topic", V5, Client, connect5(6, props(), "c", props(), "#", "p"), "Will Topic", 19, "MQTT-4.7.0-1", false},
		breachTest{"empty Will Topic", V311, Client, connect4(6, "c", "", "p"), "Will Topic", 15, "MQTT-4.7.3-1", false},
		breachTest{"empty Will Topic", V5, Client, connect5(6, props(), "c", props(), "", "p"), "Will Topic", 17, "MQTT-4.7.3-1", false},
		breachTest{"wildcard in the Will's Response Topic", V5, Client, connect5(6, props(), "c", props(0x08, "r/#"), "w", "p"), "Will Response Topic", 22, "MQTT-4.7.0-1", false},
		breachTest{"Will that is not text", V5, Client, connect5(6, props(), "c", props(0x01, 1), "w", "ab\xFF"), "Will Payload", 26, "5.0/3.1.3.2.3/payload-not-utf-8", false},
	)

	// CONNACK.
	add(
		breachTest{"reserved CONNACK flag", V311, Server, frame(0x20, 0x02, 0), "Connect Acknowledge Flags", 2, "3.1.1/3.2.2.1/reserved-flags", false},
		breachTest{"reserved CONNACK flag", V5, Server, frame(0x20, 0x81, 0, 0), "Connect Acknowledge Flags", 2, "MQTT-3.2.2-1", false},
		breachTest{"Session Present on refusal", V311, Server, frame(0x20, 1, 2), "Connect Acknowledge Flags", 2, "MQTT-3.2.2-4", false},
		breachTest{"Session Present on refusal", V5, Server, frame(0x20, 1, 0x85, 0), "Connect Acknowledge Flags", 2, "MQTT-3.2.2-6", false},
		breachTest{"return code 6", V311, Server, frame(0x20, 0, 6), "Reason Code", 3, "MQTT-3.2.2-6", false},
		breachTest{"5.0 code in 3.1.1", V311, Server, frame(0x20, 0, 0x84), "Reason Code", 3, "MQTT-3.2.2-6", false},
		breachTest{"3.1.1 code in 5.0", V5, Server, frame(0x20, 0, 1, 0), "Reason Code", 3, "MQTT-3.2.2-8", false},
		breachTest{"Reason Code of another packet", V5, Server, frame(0x20, 0, 0x8E, 0), "Reason Code", 3, "MQTT-3.2.2-8", false},
	)

	// PUBLISH.
	add(
		breachTest{"QoS 3", V311, Client, frame(0x36, "a", idA), "Fixed Header", 0, "MQTT-3.3.1-4", false},
		breachTest{"QoS 3", V5, Server, frame(0x36, "a", idA, 0), "Fixed Header", 0, "MQTT-3.3.1-4", false},
		breachTest{"DUP with QoS 0", V311, Client, frame(0x38, "a"), "Fixed Header", 0, "MQTT-3.3.1-2", false},
		breachTest{"DUP with QoS 0", V5, Server, frame(0x38, "a", 0), "Fixed Header", 0, "MQTT-3.3.1-2", false},
		breachTest{"wildcard in a Topic Name", V311, Client, frame(0x30, "a/+/#"), "Topic Name", 6, "MQTT-3.3.2-2", false},
		breachTest{"wildcard in a Topic Name", V5, Server, frame(0x30, "#", 0), "Topic Name", 4, "MQTT-3.3.2-2", false},
		breachTest{"empty Topic Name", V311, Client, frame(0x30, ""), "Topic Name", 2, "MQTT-4.7.3-1", false},
		breachTest{"empty Topic Name without an alias", V5, Client, frame(0x30, "", 0), "Topic Name", 2, "5.0/3.3.2.1/topic-name-empty", false},
		breachTest{"wildcard in the Response Topic", V5, Client, frame(0x30, "a", props(0x08, "r+")), "Response Topic", 10, "MQTT-3.3.2-14", false},
		breachTest{"empty Response Topic", V5, Client, frame(0x30, "a", props(0x08, "")), "Response Topic", 7, "MQTT-4.7.3-1", false},
		breachTest{"Subscription Identifier from the client", V5, Client, frame(0x30, "a", props(0x0B, 1)), "Subscription Identifier", 6, "MQTT-3.3.4-6", false},
		breachTest{"second Subscription Identifier is 0", V5, Server, frame(0x30, "a", props(0x0B, 1, 0x0B, 0)), "Subscription Identifier[1]", 9, "5.0/3.3.2.3.8/subscription-identifier-value", false},
		breachTest{"payload that is not text", V5, Client, frame(0x30, "a", props(0x01, 1), []byte("ab\xC3")), "Payload", 10, "5.0/3.3.2.3.2/payload-not-utf-8", false},
	)

	// Acknowledgements.
	for _, ack := range []struct {
		first     byte
		statement string
		bad       []byte
	}{
		{0x40, "MQTT-3.4.2-1", []byte{0x01, 0x11, 0x81, 0x92, 0xA3, 0xFF}},
		{0x50, "MQTT-3.5.2-1", []byte{0x02, 0x18, 0x8F, 0x92}},
		{0x62, "MQTT-3.6.2-1", []byte{0x10, 0x80, 0x91}},
		{0x70, "MQTT-3.7.2-1", []byte{0x10, 0x80, 0x97}},
	} {
		for _, code := range ack.bad {
			add(breachTest{fmt.Sprintf("%v with %#x", Type(ack.first>>4), code), V5, Server, frame(ack.first, idA, code), "Reason Code", 4, ack.statement, false})
		}
	}
	add(
		breachTest{"No matching subscribers from the client", V5, Client, frame(0x40, idA, 0x10, 0), "Reason Code", 4, "MQTT-3.4.2-1", false},
		breachTest{"No matching subscribers from the client", V5, Client, frame(0x50, idA, 0x10, 0), "Reason Code", 4, "MQTT-3.5.2-1", false},
	)

	// SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK.
	add(
		breachTest{"SUBSCRIBE to nothing", V311, Client, frame(0x82, idA), "Topic Filter", 4, "MQTT-3.8.3-3", false},
		breachTest{"SUBSCRIBE to nothing", V5, Client, frame(0x82, idA, 0), "Topic Filter", 5, "MQTT-3.8.3-2", false},
		breachTest{"Requested QoS 3", V311, Client, frame(0x82, idA, "a", 3), "Subscription Options", 7, "3.1.1/3.8.3/reserved-bits", false},
		breachTest{"reserved bit of Requested QoS", V311, Client, frame(0x82, idA, "a", 1, "b", 0x04), "Subscription Options[1]", 11, "3.1.1/3.8.3/reserved-bits", false},
		breachTest{"Maximum QoS 3", V5, Client, frame(0x82, idA, 0, "a", 3), "Subscription Options", 8, "5.0/3.8.3.1/maximum-qos-value", false},
		breachTest{"Retain Handling 3", V5, Client, frame(0x82, idA, 0, "a", 0x30), "Subscription Options", 8, "5.0/3.8.3.1/retain-handling-value", false},
		breachTest{"reserved Subscription Options", V5, Client, frame(0x82, idA, 0, "a", 0x40), "Subscription Options", 8, "MQTT-3.8.3-5", false},
		breachTest{"reserved Subscription Options", V5, Client, frame(0x82, idA, 0, "a", 0x80), "Subscription Options", 8, "MQTT-3.8.3-5", false},
		breachTest{"No Local on a Shared Subscription", V5, Client, frame(0x82, idA, 0, "$share/g/a", 0x04), "Subscription Options", 17, "MQTT-3.8.3-4", false},
		breachTest{"SUBACK of nothing", V311, Server, frame(0x90, idA), "Reason Code", 4, "MQTT-3.8.4-5", false},
		breachTest{"SUBACK of nothing", V5, Server, frame(0x90, idA, 0), "Reason Code", 5, "MQTT-3.8.4-6", false},
		breachTest{"SUBACK with 3", V311, Server, frame(0x90, idA, 0, 3), "Reason Code[1]", 5, "MQTT-3.9.3-2", false},
		breachTest{"SUBACK with a 5.0 code", V311, Server, frame(0x90, idA, 0x87), "Reason Code", 4, "MQTT-3.9.3-2", false},
		breachTest{"SUBACK with 3", V5, Server, frame(0x90, idA, 0, 0, 0x87, 3), "Reason Code[2]", 7, "MQTT-3.9.3-2", false},
		breachTest{"UNSUBSCRIBE from nothing", V311, Client, frame(0xA2, idA), "Topic Filter", 4, "MQTT-3.10.3-2", false},
		breachTest{"UNSUBSCRIBE from nothing", V5, Client, frame(0xA2, idA, 0), "Topic Filter", 5, "MQTT-3.10.3-2", false},
		breachTest{"UNSUBACK of nothing", V5, Server, frame(0xB0, idA, 0), "Reason Code", 5, "MQTT-3.11.3-2", false},
		breachTest{"UNSUBACK with 0x01", V5, Server, frame(0xB0, idA, 0, 0, 1), "Reason Code[1]", 6, "MQTT-3.11.3-2", false},
	)

	// Topic Filters.
	for _, f := range []struct {
		filter    string
		at        int
		s311, s5  string
		onlyShare bool
	}{
		{"", 0, "MQTT-4.7.3-1", "MQTT-4.7.3-1", false},
		{"a#", 1, "MQTT-4.7.1-2", "MQTT-4.7.1-1", false},
		{"a/#/b", 2, "MQTT-4.7.1-2", "MQTT-4.7.1-1", false},
		{"##", 0, "MQTT-4.7.1-2", "MQTT-4.7.1-1", false},
		{"#/", 0, "MQTT-4.7.1-2", "MQTT-4.7.1-1", false},
		{"a+", 1, "MQTT-4.7.1-3", "MQTT-4.7.1-2", false},
		{"+a/b", 0, "MQTT-4.7.1-3", "MQTT-4.7.1-2", false},
		{"a/++", 2, "MQTT-4.7.1-3", "MQTT-4.7.1-2", false},
		{"$share/", 7, "", "MQTT-4.8.2-1", true},
		{"$share//a", 7, "", "MQTT-4.8.2-1", true},
		{"$share/g", 8, "", "MQTT-4.8.2-2", true},
		{"$share/g/", 9, "", "MQTT-4.8.2-2", true},
		{"$share/g+/a", 8, "", "MQTT-4.8.2-2", true},
		{"$share/#/a", 7, "", "MQTT-4.8.2-2", true},
		{"$share/g/a#", 10, "", "MQTT-4.7.1-1", true},
		{"$share/g/+a", 9, "", "MQTT-4.7.1-2", true},
	} {
		if !f.onlyShare {
			add(breachTest{"subscribe to " + f.filter, V311, Client, frame(0x82, idA, f.filter, 0), "Topic Filter", 6 + f.at, f.s311, false},
				breachTest{"unsubscribe from " + f.filter, V311, Client, frame(0xA2, idA, "x", f.filter), "Topic Filter[1]", 9 + f.at, f.s311, false})
		}
		add(breachTest{"subscribe to " + f.filter, V5, Client, frame(0x82, idA, 0, f.filter, 0), "Topic Filter", 7 + f.at, f.s5, false},
			breachTest{"unsubscribe from " + f.filter, V5, Client, frame(0xA2, idA, 0, f.filter), "Topic Filter", 7 + f.at, f.s5, false})
	}

	// DISCONNECT and AUTH.
	for _, code := range []byte{0x04, 0x01, 0x84, 0x88, 0x91, 0xA3} {
		add(breachTest{fmt.Sprintf("DISCONNECT with %#x from the server", code), V5, Server, frame(0xE0, code), "Reason Code", 2, "MQTT-3.14.2-1", false})
	}
	for _, code := range []byte{0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2} {
		add(breachTest{fmt.Sprintf("DISCONNECT with %#x from the client", code), V5, Client, frame(0xE0, code, 0), "Reason Code", 2, "MQTT-3.14.2-1", false})
	}
	add(
		breachTest{"Session Expiry Interval from the server", V5, Server, frame(0xE0, 0, props(0x11, uint32(0))), "Session Expiry Interval", 4, "MQTT-3.14.2-2", false},
		breachTest{"Server Reference from the client", V5, Client, frame(0xE0, 0, props(0x1C, "s")), "Server Reference", 4, "5.0/3.14.2.2.5/server-reference-from-client", false},
		breachTest{"AUTH success from the client", V5, Client, frame(0xF0, 0, props(0x15, "m")), "Reason Code", 2, "MQTT-3.15.2-1", false},
		breachTest{"AUTH re-authenticate from the server", V5, Server, frame(0xF0, 0x19, props(0x15, "m")), "Reason Code", 2, "MQTT-3.15.2-1", false},
		breachTest{"AUTH with 0x80", V5, Server, frame(0xF0, 0x80, props(0x15, "m")), "Reason Code", 2, "MQTT-3.15.2-1", false},
		breachTest{"AUTH of Remaining Length 0", V5, Server, frame(0xF0), "Authentication Method", 2, "5.0/3.15.2.2.2/authentication-method-missing", false},
		breachTest{"AUTH without a method", V5, Client, frame(0xF0, 0x18, props(0x16, "d")), "Authentication Method", 3, "5.0/3.15.2.2.2/authentication-method-missing", false},
	)
	return append(tests, propertyBreachTests()...)
}

// propertyBreachTests are every property that may stand in a packet once,
// standing in it twice, and every value that is out of range.
func propertyBreachTests() (tests []breachTest) {
	// The section that a packet's properties are in, from which each
	// property's own section and so its statement's ID follow.
	sections := map[Type]string{CONNECT: "3.1.2.11", willProperties: "3.1.3.2", CONNACK: "3.2.2.3", PUBLISH: "3.3.2.3", PUBACK: "3.4.2.2",
		PUBREC: "3.5.2.2", PUBREL: "3.6.2.2", PUBCOMP: "3.7.2.2", SUBSCRIBE: "3.8.2.1", SUBACK: "3.9.2.1", UNSUBSCRIBE: "3.10.2.1",
		UNSUBACK: "3.11.2.1", DISCONNECT: "3.14.2.2", AUTH: "3.15.2.2"}
	order := map[Type][]PropertyID{
		CONNECT:        {PropSessionExpiryInterval, PropReceiveMaximum, PropMaximumPacketSize, PropTopicAliasMaximum, PropRequestResponseInformation, PropRequestProblemInformation, PropUserProperty, PropAuthenticationMethod, PropAuthenticationData},
		willProperties: {PropWillDelayInterval, PropPayloadFormatIndicator, PropMessageExpiryInterval, PropContentType, PropResponseTopic, PropCorrelationData, PropUserProperty},
		CONNACK: {PropSessionExpiryInterval, PropReceiveMaximum, PropMaximumQoS, PropRetainAvailable, PropMaximumPacketSize, PropAssignedClientIdentifier, PropTopicAliasMaximum, PropReasonString, PropUserProperty,
			PropWildcardSubscriptionAvailable, PropSubscriptionIdentifierAvailable, PropSharedSubscriptionAvailable, PropServerKeepAlive, PropResponseInformation, PropServerReference, PropAuthenticationMethod, PropAuthenticationData},
		PUBLISH:    {PropPayloadFormatIndicator, PropMessageExpiryInterval, PropTopicAlias, PropResponseTopic, PropCorrelationData, PropUserProperty, PropSubscriptionIdentifier, PropContentType},
		PUBACK:     {PropReasonString, PropUserProperty},
		PUBREC:     {PropReasonString, PropUserProperty},
		PUBREL:     {PropReasonString, PropUserProperty},
		PUBCOMP:    {PropReasonString, PropUserProperty},
		SUBSCRIBE:  {PropSubscriptionIdentifier, PropUserProperty},
		SUBACK:     {PropReasonString, PropUserProperty},
		UNSUBACK:   {PropReasonString, PropUserProperty},
		DISCONNECT: {PropSessionExpiryInterval, PropReasonString, PropUserProperty, PropServerReference},
		AUTH:       {PropAuthenticationMethod, PropAuthenticationData, PropReasonString, PropUserProperty},
	}
	wire := map[PropertyID][]byte{
		PropPayloadFormatIndicator: {0}, PropMessageExpiryInterval: {0, 0, 0, 1}, PropContentType: body("t"), PropResponseTopic: body("r"),
		PropCorrelationData: body("d"), PropSubscriptionIdentifier: {1}, PropSessionExpiryInterval: {0, 0, 0, 0}, PropAssignedClientIdentifier: body("i"),
		PropServerKeepAlive: {0, 0}, PropAuthenticationMethod: body("m"), PropAuthenticationData: body("d"), PropRequestProblemInformation: {1},
		PropWillDelayInterval: {0, 0, 0, 0}, PropRequestResponseInformation: {1}, PropResponseInformation: body("i"), PropServerReference: body("s"),
		PropReasonString: body("r"), PropReceiveMaximum: {0, 1}, PropTopicAliasMaximum: {0, 0}, PropTopicAlias: {0, 1}, PropMaximumQoS: {0},
		PropRetainAvailable: {1}, PropMaximumPacketSize: {0, 0, 0, 1}, PropWildcardSubscriptionAvailable: {1}, PropSubscriptionIdentifierAvailable: {1},
		PropSharedSubscriptionAvailable: {1},
	}
	bad := map[PropertyID][]byte{
		PropPayloadFormatIndicator: {2}, PropSubscriptionIdentifier: {0}, PropRequestProblemInformation: {2}, PropRequestResponseInformation: {0xFF},
		PropReceiveMaximum: {0, 0}, PropTopicAlias: {0, 0}, PropMaximumQoS: {2}, PropRetainAvailable: {2}, PropMaximumPacketSize: {0, 0, 0, 0},
		PropWildcardSubscriptionAvailable: {2}, PropSubscriptionIdentifierAvailable: {0x80}, PropSharedSubscriptionAvailable: {2},
	}
	// packet is one that has only these properties, and where they start.
	packet := func(in Type, ps []byte) (p []byte, at int) {
		l := length(len(ps))
		ps = append(l, ps...)
		switch in {
		case willProperties:
			p = connect5(6, props(), "c", ps, "w", "p")
			return p, 16 + len(l)
		case CONNECT:
			p = connect5(2, ps, "c")
			return p, 12 + len(l)
		case PUBLISH:
			return frame(0x30, "a", ps), 5 + len(l)
		case SUBSCRIBE:
			return frame(0x82, idA, ps, "a", 0), 4 + len(l)
		case SUBACK, UNSUBACK:
			return frame(byte(in)<<4, idA, ps, 0), 4 + len(l)
		case CONNACK:
			return frame(0x20, 0, 0, ps), 4 + len(l)
		case PUBREL:
			return frame(0x62, idA, 0, ps), 5 + len(l)
		case DISCONNECT, AUTH:
			code := byte(0)
			if in == AUTH {
				code = 0x18
			}
			return frame(byte(in)<<4, code, ps), 3 + len(l)
		}
		return frame(byte(in)<<4, idA, 0, ps), 5 + len(l)
	}
	for in, ids := range order {
		for i, id := range ids {
			name := id.String()
			if in == willProperties && id != PropWillDelayInterval {
				name = "Will " + name
			}
			from := Client
			if in == CONNACK || in == SUBACK || in == UNSUBACK || id == PropServerReference || in == PUBLISH && id == PropSubscriptionIdentifier {
				from = Server
			}
			// "Property Length" is the first section under each.
			kebab := fmt.Sprintf("5.0/%s.%d/%s", sections[in], i+2, strings.ReplaceAll(strings.ToLower(id.String()), " ", "-"))
			once := append([]byte{byte(id)}, wire[id]...)
			first := []byte(nil)
			if (in == CONNECT || in == AUTH) && id == PropAuthenticationData {
				first = []byte{byte(PropAuthenticationMethod), 0, 1, 'm'} // without which there is none
			}
			if value, ok := bad[id]; ok {
				p, at := packet(in, append([]byte{byte(id)}, value...))
				statement := kebab + "-value"
				if id == PropTopicAlias {
					statement = "MQTT-3.3.2-8"
				}
				tests = append(tests, breachTest{name + " out of range in " + in.String(), V5, from, p, name, at + 1, statement, false})
			}
			if id == PropUserProperty || in == PUBLISH && id == PropSubscriptionIdentifier {
				continue // may be repeated
			}
			p, at := packet(in, append(append(append([]byte{}, first...), once...), once...))
			tests = append(tests, breachTest{name + " twice in " + in.String(), V5, from, p, name, at + len(first) + len(once), kebab + "-twice", false})
		}
	}
	return tests
}

func TestBreaches(t *testing.T) {
	for _, tt := range breachTests() {
		t.Run(tt.version.String()+"/"+tt.name, func(t *testing.T) {
			p, err := Decode(tt.version, tt.from, tt.packet)
			var b *Breach
			if !errors.As(err, &b) {
				t.Fatalf("% x: accepted as %v", tt.packet, p)
			}
			want := Breach{Field: tt.field, Offset: tt.offset, Statement: tt.statement}
			if b.Field != want.Field || b.Offset != want.Offset || b.Statement != want.Statement {
				t.Errorf("% x:\n got %v\nwant %s at byte %d [%s]", tt.packet, b, want.Field, want.Offset, want.Statement)
			}
			if tt.unread != (p == nil) {
				t.Errorf("packet is %v; structure unreadable: %v", p, tt.unread)
			}
			if len(tt.packet) > 0 && (b.Type() != Type(tt.packet[0]>>4) || b.Reason == "") {
				t.Errorf("breach says %+v", b)
			}
		})
	}
}

// Every statement that the decoder can name has a packet above that breaks it,
// and no other is named.
func TestStatements(t *testing.T) {
	named := map[Version]map[string]bool{V311: {}, V5: {}}
	for _, tt := range breachTests() {
		named[tt.version][tt.statement] = true
	}
	for v, ids := range named {
		listed := map[string]bool{}
		for _, id := range Statements(v) {
			listed[id] = true
			if !ids[id] {
				t.Errorf("MQTT %v: no test breaks %s", v, id)
			}
		}
		for id := range ids {
			if !listed[id] {
				t.Errorf("MQTT %v: %s is not in Statements", v, id)
			}
		}
	}
}

func TestBreachError(t *testing.T) {
	_, err := Encode(V5, Server, &Puback{PacketID: 1, Code: 1})
	const want = "PUBACK: Reason Code at byte 4: 0x01 is not a PUBACK Reason Code [MQTT-3.4.2-1]"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = Decode(V5, Client, frame(0xE0, 0x8E))
	const sender = "DISCONNECT: Reason Code at byte 2: a client does not send 0x8E Session taken over [MQTT-3.14.2-1]"
	if err == nil || err.Error() != sender {
		t.Errorf("got  %v\nwant %s", err, sender)
	}
}

// Only the first breach counts, and reading goes on after it.
func TestFirstBreach(t *testing.T) {
	p, err := Decode(V5, Server, frame(0x3E, "a/#", uint16(0), props(0x21, uint16(7)), []byte("x")))
	if want := "PUBLISH: Fixed Header at byte 0: QoS 3 [MQTT-3.3.1-4]"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	want := "PUBLISH id=0 q3 dup topic=a/# receive-maximum=7 1 bytes \"x\""
	if p == nil || p.String() != want {
		t.Errorf("got %v, want %s", p, want)
	}
}
