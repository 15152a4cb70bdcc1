package codec

import (
	"bytes"
	"reflect"
	"testing"
)

// golden are packets with their bytes, written down from the figures of the
// specifications.
var golden = []struct {
	name    string
	version Version
	from    Peer
	packet  Packet
	hex     string
	shown   string // String
}{
	{"connect least", V311, Client,
		&Connect{ProtocolName: "MQTT", ProtocolLevel: 4, CleanStart: true},
		"10 0c 0004 4d515454 04 02 0000 0000",
		`CONNECT client="" clean=1 keepalive=0`},
	{"connect all", V311, Client,
		&Connect{ProtocolName: "MQTT", ProtocolLevel: 4, CleanStart: true, KeepAlive: 60, ClientID: "alice",
			Will: &Will{QoS: 1, Topic: "a/b", Payload: "gone"}, UserName: text("bob"), Password: text("\x00\xff")},
		"10 25 0004 4d515454 04 ce 003c 0005 616c696365 0003 612f62 0004 676f6e65 0003 626f62 0002 00ff",
		`CONNECT client=alice clean=1 keepalive=60 will=a/b/q1 4 bytes "gone" user=bob password=***`},
	{"connect will retained", V311, Client,
		&Connect{ProtocolName: "MQTT", ProtocolLevel: 4, KeepAlive: 10, ClientID: "c", Will: &Will{QoS: 2, Retain: true, Topic: "w"}},
		"10 12 0004 4d515454 04 34 000a 0001 63 0001 77 0000",
		`CONNECT client=c clean=0 keepalive=10 will=w/q2 will-retain 0 bytes`},
	{"connack accepted", V311, Server, &Connack{}, "20 02 00 00", "CONNACK session-present=0 0x00 Success"},
	{"connack session", V311, Server, &Connack{SessionPresent: true}, "20 02 01 00", "CONNACK session-present=1 0x00 Success"},
	{"connack refused", V311, Server, &Connack{Code: RefusedNotAuthorized}, "20 02 00 05", "CONNACK session-present=0 0x05 Refused, not authorized"},
	{"publish 0", V311, Client, &Publish{Topic: "a/b"}, "30 05 0003 612f62", "PUBLISH q0 topic=a/b 0 bytes"},
	{"publish 1", V311, Server, &Publish{Topic: "a/b", QoS: 1, Dup: true, Retain: true, PacketID: 10, Payload: "hi"},
		"3b 09 0003 612f62 000a 6869", `PUBLISH id=10 q1 dup retain topic=a/b 2 bytes "hi"`},
	{"publish 2", V311, Client, &Publish{Topic: "a", QoS: 2, PacketID: 0xFFFF, Payload: "\x00"},
		"34 06 0001 61 ffff 00", `PUBLISH id=65535 q2 topic=a 1 bytes "\x00"`},
	{"puback", V311, Client, &Puback{PacketID: 1}, "40 02 0001", "PUBACK id=1"},
	{"pubrec", V311, Server, &Pubrec{PacketID: 0x0102}, "50 02 0102", "PUBREC id=258"},
	{"pubrel", V311, Client, &Pubrel{PacketID: 1}, "62 02 0001", "PUBREL id=1"},
	{"pubcomp", V311, Server, &Pubcomp{PacketID: 1}, "70 02 0001", "PUBCOMP id=1"},
	{"subscribe", V311, Client, &Subscribe{PacketID: 10, Subscriptions: []Subscription{{Filter: "a/b", QoS: 1}, {Filter: "c/#", QoS: 2}}},
		"82 0e 000a 0003 612f62 01 0003 632f23 02", "SUBSCRIBE id=10 [a/b q1, c/# q2]"},
	{"suback", V311, Server, &Suback{PacketID: 10, Codes: []ReasonCode{0, 2, SubackFailure}}, "90 05 000a 00 02 80",
		"SUBACK id=10 [QoS 0, QoS 2, 0x80 Unspecified error]"},
	{"unsubscribe", V311, Client, &Unsubscribe{PacketID: 10, Filters: []string{"a/b", "c/d"}}, "a2 0c 000a 0003 612f62 0003 632f64",
		"UNSUBSCRIBE id=10 [a/b, c/d]"},
	{"unsuback", V311, Server, &Unsuback{PacketID: 10}, "b0 02 000a", "UNSUBACK id=10"},
	{"pingreq", V311, Client, &Pingreq{}, "c0 00", "PINGREQ"},
	{"pingresp", V311, Server, &Pingresp{}, "d0 00", "PINGRESP"},
	{"disconnect", V311, Client, &Disconnect{}, "e0 00", "DISCONNECT"},

	{"connect least", V5, Client,
		&Connect{ProtocolName: "MQTT", ProtocolLevel: 5, CleanStart: true, KeepAlive: 10},
		"10 0d 0004 4d515454 05 02 000a 00 0000",
		`CONNECT client="" clean=1 keepalive=10`},
	{"connect session expiry", V5, Client, // figure 3-6 of 5.0
		&Connect{ProtocolName: "MQTT", ProtocolLevel: 5, CleanStart: true, KeepAlive: 10, ClientID: "x",
			Will: &Will{QoS: 1, Topic: "w", Payload: "p"}, UserName: text("u"), Password: text("p"),
			Properties: Properties{SessionExpiryInterval(10)}},
		"10 20 0004 4d515454 05 ce 000a 05 11 0000000a 0001 78 00 0001 77 0001 70 0001 75 0001 70",
		`CONNECT client=x clean=1 keepalive=10 will=w/q1 1 bytes "p" user=u password=*** session-expiry=10`},
	{"connect all", V5, Client,
		&Connect{ProtocolName: "MQTT", ProtocolLevel: 5, ClientID: "x", Password: text("p"),
			Properties: Properties{SessionExpiryInterval(0xFFFFFFFF), ReceiveMaximum(1), MaximumPacketSize(256), TopicAliasMaximum(2),
				RequestResponseInformation(1), RequestProblemInformation(0), UserProperty("a", "b"), UserProperty("a", ""),
				AuthenticationMethod("M"), AuthenticationData("\x01")},
			Will: &Will{Topic: "w", Retain: true, Payload: "p", Properties: Properties{WillDelayInterval(3), PayloadFormatIndicator(1),
				MessageExpiryInterval(4), ContentType("t"), ResponseTopic("r"), CorrelationData("\x00"), UserProperty("c", "d")}}},
		`10 60 0004 4d515454 05 64 0000
		 29 11 ffffffff 21 0001 27 00000100 22 0002 19 01 17 00 26 0001 61 0001 62 26 0001 61 0000 15 0001 4d 16 0001 01
		 0001 78
		 1f 18 00000003 01 01 02 00000004 03 0001 74 08 0001 72 09 0001 00 26 0001 63 0001 64
		 0001 77 0001 70 0001 70`,
		`CONNECT client=x clean=0 keepalive=0 will=w/q0 will-retain 1 bytes "p" will-delay=3 payload-format=1 message-expiry=4 content-type=t response-topic=r correlation-data="\x00" user-property=c:d password=*** session-expiry=4294967295 receive-maximum=1 maximum-packet-size=256 topic-alias-maximum=2 request-response-information=1 request-problem-information=0 user-property=a:b user-property=a:"" authentication-method=M authentication-data=1 bytes`},
	{"connack accepted", V5, Server, &Connack{}, "20 03 00 00 00", "CONNACK session-present=0 0x00 Success"},
	{"connack refused", V5, Server, &Connack{Code: NotAuthorized, Properties: Properties{ReasonString("no")}}, "20 08 00 87 05 1f 0002 6e6f",
		"CONNACK session-present=0 0x87 Not authorized reason=no"},
	{"connack all", V5, Server, &Connack{SessionPresent: true, Properties: Properties{SessionExpiryInterval(1), ReceiveMaximum(2), MaximumQoS(1),
		RetainAvailable(0), MaximumPacketSize(3), AssignedClientIdentifier("id"), TopicAliasMaximum(4), WildcardSubscriptionAvailable(1),
		SubscriptionIdentifierAvailable(0), SharedSubscriptionAvailable(1), ServerKeepAlive(5), ResponseInformation("i"), ServerReference("s"),
		AuthenticationMethod("m"), AuthenticationData("d")}},
		`20 35 01 00 32 11 00000001 21 0002 24 01 25 00 27 00000003 12 0002 6964 22 0004 28 01 29 00 2a 01 13 0005
		 1a 0001 69 1c 0001 73 15 0001 6d 16 0001 64`,
		"CONNACK session-present=1 0x00 Success session-expiry=1 receive-maximum=2 maximum-qos=1 retain-available=0 maximum-packet-size=3 assigned-client=id topic-alias-maximum=4 wildcard-subscription-available=1 subscription-identifier-available=0 shared-subscription-available=1 server-keepalive=5 response-information=i server-reference=s authentication-method=m authentication-data=1 bytes"},
	{"publish", V5, Client, &Publish{Topic: "a/b", QoS: 1, PacketID: 10, Payload: "hi"}, "32 0a 0003 612f62 000a 00 6869",
		`PUBLISH id=10 q1 topic=a/b 2 bytes "hi"`},
	{"publish alias", V5, Client, &Publish{Properties: Properties{TopicAlias(1)}}, "30 06 0000 03 23 0001", `PUBLISH q0 topic="" topic-alias=1 0 bytes`},
	{"publish identifiers", V5, Server, &Publish{Topic: "a", Properties: Properties{SubscriptionIdentifier(1), SubscriptionIdentifier(MaxVarint)}},
		"30 0b 0001 61 07 0b 01 0b ffffff7f", "PUBLISH q0 topic=a subscription-identifier=1 subscription-identifier=268435455 0 bytes"},
	{"puback", V5, Client, &Puback{PacketID: 1}, "40 02 0001", "PUBACK id=1"},
	{"puback code", V5, Server, &Puback{PacketID: 1, Code: NoMatchingSubscribers}, "40 04 0001 10 00", "PUBACK id=1 0x10 No matching subscribers"},
	{"pubrec", V5, Server, &Pubrec{PacketID: 1, Code: QuotaExceeded, Properties: Properties{ReasonString("full")}}, "50 0b 0001 97 07 1f 0004 66756c6c",
		"PUBREC id=1 0x97 Quota exceeded reason=full"},
	{"pubrel", V5, Client, &Pubrel{PacketID: 1, Code: PacketIdentifierNotFound}, "62 04 0001 92 00", "PUBREL id=1 0x92 Packet Identifier not found"},
	{"pubcomp", V5, Server, &Pubcomp{PacketID: 1, Properties: Properties{UserProperty("", "")}}, "70 09 0001 00 05 26 0000 0000",
		`PUBCOMP id=1 user-property="":""`},
	{"subscribe", V5, Client, &Subscribe{PacketID: 10, Properties: Properties{SubscriptionIdentifier(128)}, Subscriptions: []Subscription{
		{Filter: "$share/g/a", QoS: 1, RetainAsPublished: true}, {Filter: "#", QoS: 2, NoLocal: true, RetainHandling: 2}}},
		"82 17 000a 03 0b 8001 000a 24736861 72652f672f61 09 0001 23 26",
		"SUBSCRIBE id=10 subscription-identifier=128 [$share/g/a q1 retain-as-published, # q2 no-local retain-handling=2]"},
	{"suback", V5, Server, &Suback{PacketID: 1, Codes: []ReasonCode{GrantedQoS1, UnspecifiedError}}, "90 05 0001 00 01 80",
		"SUBACK id=1 [QoS 1, 0x80 Unspecified error]"},
	{"unsubscribe", V5, Client, &Unsubscribe{PacketID: 10, Filters: []string{"a b"}}, "a2 08 000a 00 0003 612062", `UNSUBSCRIBE id=10 ["a b"]`},
	{"unsuback", V5, Server, &Unsuback{PacketID: 10, Codes: []ReasonCode{Success, NoSubscriptionExisted}}, "b0 05 000a 00 00 11",
		"UNSUBACK id=10 [0x00 Success, 0x11 No subscription existed]"},
	{"pingreq", V5, Client, &Pingreq{}, "c0 00", "PINGREQ"},
	{"pingresp", V5, Server, &Pingresp{}, "d0 00", "PINGRESP"},
	{"disconnect normal", V5, Client, &Disconnect{}, "e0 00", "DISCONNECT"},
	{"disconnect with will", V5, Client, &Disconnect{Code: DisconnectWithWill, Properties: Properties{SessionExpiryInterval(0)}},
		"e0 07 04 05 11 00000000", "DISCONNECT 0x04 Disconnect with Will Message session-expiry=0"},
	{"disconnect moved", V5, Server, &Disconnect{Code: ServerMoved, Properties: Properties{ServerReference("there")}},
		"e0 0a 9d 08 1c 0005 7468657265", "DISCONNECT 0x9D Server moved server-reference=there"},
	{"auth", V5, Client, &Auth{Code: ContinueAuthentication, Properties: Properties{AuthenticationMethod("M"), AuthenticationData("")}},
		"f0 09 18 07 15 0001 4d 16 0000", "AUTH 0x18 Continue authentication authentication-method=M authentication-data=0 bytes"},
}

func TestGolden(t *testing.T) {
	for _, g := range golden {
		t.Run(g.version.String()+"/"+g.packet.Type().String()+"/"+g.name, func(t *testing.T) {
			want := unhex(t, g.hex)
			got, err := Encode(g.version, g.from, g.packet)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("Encode:\n got % x, %v\nwant % x", got, err, want)
			}
			p, err := Decode(g.version, g.from, want)
			if err != nil || !reflect.DeepEqual(p, g.packet) {
				t.Errorf("Decode:\n got %v, %v\nwant %v", p, err, g.packet)
			}
			if got := g.packet.String(); got != g.shown {
				t.Errorf("String:\n got %s\nwant %s", got, g.shown)
			}
			b, fields, err := Fields(g.version, g.packet)
			if err != nil || !bytes.Equal(b, want) {
				t.Errorf("Fields: % x, %v", b, err)
			}
			checkFields(t, b, fields)
		})
	}
}

// checkFields: the fields cover the packet, in order and without gaps, under
// different names.
func checkFields(t *testing.T, b []byte, fields []Field) {
	t.Helper()
	at := 0
	seen := map[string]bool{}
	for _, f := range fields {
		if f.Offset != at || f.Length < 0 {
			t.Errorf("field %v, want it at %d", f, at)
		}
		if seen[f.Name] {
			t.Errorf("field %q twice", f.Name)
		}
		seen[f.Name] = true
		at += f.Length
	}
	if at != len(b) {
		t.Errorf("fields cover %d of %d bytes", at, len(b))
	}
}

// A Reason Code and a Property Length may be left out where the specification
// says so; the decoder knows all the ways.
func TestShortForms(t *testing.T) {
	tests := []struct {
		name string
		from Peer
		hex  string
		want Packet
	}{
		{"PUBACK with a Reason Code and no Property Length", Client, "40 03 0001 80", &Puback{PacketID: 1, Code: UnspecifiedError}},
		{"PUBACK with 0x00 said", Client, "40 03 0001 00", &Puback{PacketID: 1}},
		{"PUBACK with nothing left out", Client, "40 04 0001 00 00", &Puback{PacketID: 1}},
		{"DISCONNECT with a Reason Code and no Property Length", Client, "e0 01 80", &Disconnect{Code: UnspecifiedError}},
		{"DISCONNECT with nothing left out", Client, "e0 02 00 00", &Disconnect{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Decode(V5, tt.from, unhex(t, tt.hex))
			if err != nil || !reflect.DeepEqual(p, tt.want) {
				t.Errorf("got %v, %v; want %v", p, err, tt.want)
			}
		})
	}
}

// What the specifications only discourage, or do not mention, is no breach.
func TestAccepted(t *testing.T) {
	tests := []struct {
		name    string
		version Version
		from    Peer
		packet  []byte
	}{
		{"control characters in a topic", V311, Client, frame(0x30, "a\x01\x1f\x7f\u0085")},
		{"non-characters in a topic", V5, Client, frame(0x30, "\uFFFE\uFFFF\U0001FFFE\uFDD0", 0)},
		{"U+FEFF at the start and in the middle", V5, Client, frame(0x30, "\uFEFFa\uFEFF", 0)},
		{"U+FFFD, which decoders use for errors", V5, Client, frame(0x30, "\uFFFD", 0)},
		{"a topic of one space", V311, Client, frame(0x30, " ")},
		{"a topic of slashes", V311, Client, frame(0x30, "//")},
		{"Remaining Length in more bytes than it takes, in 3.1.1", V311, Client, []byte{0xC0, 0x80, 0x80, 0x00}},
		{"empty client identifier with Clean Session 1", V311, Client, frame(0x10, "MQTT", 4, 0x02, uint16(0), "")},
		{"empty client identifier with Clean Start 0 in 5.0", V5, Client, frame(0x10, "MQTT", 5, 0x00, uint16(0), 0, "")},
		{"password without a user name in 5.0", V5, Client, frame(0x10, "MQTT", 5, 0x42, uint16(0), 0, "", "secret")},
		{"binary password and will", V311, Client, frame(0x10, "MQTT", 4, 0xC6, uint16(0), "", "w", "\xff\x00", "u", "\xff\x00")},
		{"client identifier of 24 odd characters", V311, Client, frame(0x10, "MQTT", 4, 0x02, uint16(0), "$ä#+/456789012345678901")},
		{"zero-length payload", V311, Client, frame(0x31, "a")},
		{"will with a zero-length payload", V311, Client, frame(0x10, "MQTT", 4, 0x06, uint16(0), "", "w", "")},
		{"payload format 1 and text with U+0000", V5, Client, frame(0x30, "a", props(0x01, 1), []byte("\x00ü"))},
		{"payload format 0 and bytes", V5, Client, frame(0x30, "a", props(0x01, 0), []byte("\xff"))},
		// The server MAY validate, and has to pass on what it did not.
		{"payload format 1 and bytes, from the server", V5, Server, frame(0x30, "a", props(0x01, 1), []byte("\xff"))},
		{"properties in any order", V5, Client, frame(0x10, "MQTT", 5, 0x02, uint16(0), props(0x16, "d", 0x15, "m", 0x11, uint32(0)), "")},
		{"Authentication Data without a method in CONNACK", V5, Server, frame(0x20, 0, 0x8C, props(0x16, "d"))},
		{"empty Reason String", V5, Server, frame(0x20, 0, 0, props(0x1F, ""))},
		{"Bad authentication method in DISCONNECT", V5, Server, frame(0xE0, 0x8C, 0)},
		{"User Property and Subscription Identifier repeated", V5, Server, frame(0x30, "a", props(0x26, "a", "b", 0x0B, 1, 0x26, "a", "b", 0x0B, 1))},
		{"Topic Alias with a Topic Name", V5, Client, frame(0x30, "a", props(0x23, uint16(1)))},
		{"$share is a topic like others in 3.1.1", V311, Client, frame(0x82, uint16(1), "$share/+", 0)},
		{"$share without a slash", V5, Client, frame(0x82, uint16(1), 0, "$share", 0)},
		{"shared subscription to /", V5, Client, frame(0x82, uint16(1), 0, "$share/g//", 0)},
		{"shared subscription to #", V5, Client, frame(0x82, uint16(1), 0, "$share/g/#", 0)},
		{"wildcards where they may be", V5, Client, frame(0x82, uint16(1), 0, "+", 0, "#", 0, "+/a/+/#", 0, "/+", 0, "/", 0)},
		{"the same filter twice", V311, Client, frame(0x82, uint16(1), "a", 0, "a", 1)},
		{"No Local on a filter that is not shared", V5, Client, frame(0x82, uint16(1), 0, "share/g/a", 0x04)},
		{"DUP with QoS 1", V311, Client, frame(0x3A, "a", uint16(1))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if p, err := Decode(tt.version, tt.from, tt.packet); err != nil || p == nil {
				t.Errorf("% x: %v", tt.packet, err)
			}
		})
	}
}
