package codec

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	aConnect = &Connect{ProtocolName: "MQTT", ProtocolLevel: 4, CleanStart: true, KeepAlive: 60, ClientID: "c",
		Will: &Will{Topic: "w", Payload: "p"}, UserName: text("u"), Password: text("s")}
	aConnect5 = &Connect{ProtocolName: "MQTT", ProtocolLevel: 5, CleanStart: true, KeepAlive: 60, ClientID: "c",
		Properties: Properties{ReceiveMaximum(9), UserProperty("a", "b"), UserProperty("c", "d")},
		Will:       &Will{Topic: "w", Payload: "p", Properties: Properties{WillDelayInterval(1), ContentType("t"), UserProperty("e", "f")}}}
	aPublish   = &Publish{Topic: "a/b", QoS: 1, PacketID: 7, Payload: "hi"}
	aSubscribe = &Subscribe{PacketID: 7, Subscriptions: []Subscription{{Filter: "a"}, {Filter: "b", QoS: 1}, {Filter: "c", QoS: 2}}}
)

func TestEdits(t *testing.T) {
	will := props(0x18, uint32(1), 0x03, "t", 0x26, "e", "f")
	own := props(0x21, uint16(9), 0x26, "a", "b", 0x26, "c", "d")
	tests := []struct {
		name    string
		version Version
		packet  Packet
		edits   []Edit
		want    []byte
	}{
		{"no edit", V311, aPublish, nil, frame(0x32, "a/b", uint16(7), []byte("hi"))},
		{"Set a byte", V311, aConnect, []Edit{Set("Connect Flags", 0xFF)}, frame(0x10, "MQTT", 4, 0xFF, uint16(60), "c", "w", "p", "u", "s")},
		{"Set more bytes than there were", V311, aPublish, []Edit{Set("Packet Identifier", 0, 0, 0)}, frame(0x32, "a/b", 0, 0, 0, []byte("hi"))},
		{"Set to nothing", V311, aPublish, []Edit{Set("Packet Identifier")}, frame(0x32, "a/b", []byte("hi"))},
		{"Set a string to raw bytes", V311, aPublish, []Edit{Set("Topic Name", 0xFF, 0xFF)}, frame(0x32, 0xFF, 0xFF, uint16(7), []byte("hi"))},
		{"SetString ill-formed", V311, aConnect, []Edit{SetString("Client Identifier", "\xED\xA0\x80")}, frame(0x10, "MQTT", 4, 0xC6, uint16(60), "\xED\xA0\x80", "w", "p", "u", "s")},
		{"SetString and more", V311, aConnect, []Edit{SetString("Protocol Name", "MQIsdp"), Set("Protocol Level", 3)}, frame(0x10, "MQIsdp", 3, 0xC6, uint16(60), "c", "w", "p", "u", "s")},
		{"Drop", V311, aConnect, []Edit{Drop("User Name")}, frame(0x10, "MQTT", 4, 0xC6, uint16(60), "c", "w", "p", "s")},
		{"Drop twice", V311, aConnect, []Edit{Drop("User Name"), Drop("Password")}, frame(0x10, "MQTT", 4, 0xC6, uint16(60), "c", "w", "p")},
		{"Drop the Property Length", V5, aPublish, []Edit{Drop("Property Length")}, frame(0x32, "a/b", uint16(7), []byte("hi"))},
		{"Flags", V311, aPublish, []Edit{Flags(0xF)}, frame(0x3F, "a/b", uint16(7), []byte("hi"))},
		{"Flags of PINGREQ", V5, &Pingreq{}, []Edit{Flags(1)}, []byte{0xC1, 0}},
		{"the whole first byte", V5, &Pingreq{}, []Edit{Set("Fixed Header", 0x00)}, []byte{0x00, 0}},
		{"RemainingLength", V311, &Pingreq{}, []Edit{RemainingLength(0x80, 0x00)}, []byte{0xC0, 0x80, 0x00}},
		{"RemainingLength by Set", V311, &Pingreq{}, []Edit{Set("Remaining Length", 0x05)}, []byte{0xC0, 0x05}},
		{"RemainingLength left out", V311, &Puback{PacketID: 1}, []Edit{RemainingLength()}, []byte{0x40, 0, 1}},
		{"Trailing", V311, &Pingreq{}, []Edit{Trailing(1, 2)}, []byte{0xC0, 2, 1, 2}},
		{"Truncate within a field", V311, aPublish, []Edit{Truncate(1)}, frame(0x32, "a/b", uint16(7), []byte("h"))},
		{"Truncate over fields", V311, aPublish, []Edit{Truncate(3)}, frame(0x32, "a/b", 0)},
		{"Truncate to the header", V311, aPublish, []Edit{Truncate(9)}, []byte{0x32, 0}},
		{"Truncate what trails", V311, &Pingreq{}, []Edit{Trailing(1, 2, 3), Truncate(1)}, []byte{0xC0, 2, 1, 2}},
		{"Insert", V311, aPublish, []Edit{Insert("Payload", 9, 9)}, frame(0x32, "a/b", uint16(7), 9, 9, []byte("hi"))},
		{"second filter", V311, aSubscribe, []Edit{SetString("Topic Filter[1]", "")}, frame(0x82, uint16(7), "a", 0, "", 1, "c", 2)},
		{"third options", V311, aSubscribe, []Edit{Set("Subscription Options[2]", 3)}, frame(0x82, uint16(7), "a", 0, "b", 1, "c", 3)},
		{"options by another name", V311, aSubscribe, []Edit{Set("Requested QoS[1]", 3)}, frame(0x82, uint16(7), "a", 0, "b", 3, "c", 2)},
		{"first filter by number", V311, aSubscribe, []Edit{Drop("Topic Filter[0]")}, frame(0x82, uint16(7), 0, "b", 1, "c", 2)},

		{"value of a property", V5, aConnect5, []Edit{Set("Receive Maximum", 0, 0)},
			frame(0x10, "MQTT", 5, 6, uint16(60), props(0x21, uint16(0), 0x26, "a", "b", 0x26, "c", "d"), "c", will, "w", "p")},
		{"identifier of a property", V5, aConnect5, []Edit{Set("Receive Maximum Identifier", 0x7F)},
			frame(0x10, "MQTT", 5, 6, uint16(60), props(0x7F, uint16(9), 0x26, "a", "b", 0x26, "c", "d"), "c", will, "w", "p")},
		{"property of another length", V5, aConnect5, []Edit{Set("Receive Maximum", 1)},
			frame(0x10, "MQTT", 5, 6, uint16(60), props(0x21, 1, 0x26, "a", "b", 0x26, "c", "d"), "c", will, "w", "p")},
		{"Drop a property", V5, aConnect5, []Edit{Drop("Receive Maximum")},
			frame(0x10, "MQTT", 5, 6, uint16(60), props(0x26, "a", "b", 0x26, "c", "d"), "c", will, "w", "p")},
		{"Drop the second User Property", V5, aConnect5, []Edit{Drop("User Property[1]")},
			frame(0x10, "MQTT", 5, 6, uint16(60), props(0x21, uint16(9), 0x26, "a", "b"), "c", will, "w", "p")},
		{"Property Length that lies", V5, aConnect5, []Edit{Set("Property Length", 0x7F)},
			frame(0x10, "MQTT", 5, 6, uint16(60), 0x7F, own[1:], "c", will, "w", "p")},
		{"Property Length and a property", V5, aConnect5, []Edit{Set("Property Length", 1), Drop("User Property")},
			frame(0x10, "MQTT", 5, 6, uint16(60), 1, 0x21, uint16(9), 0x26, "c", "d", "c", will, "w", "p")},
		{"Will Property", V5, aConnect5, []Edit{SetString("Will Content Type", "longer")},
			frame(0x10, "MQTT", 5, 6, uint16(60), own, "c", props(0x18, uint32(1), 0x03, "longer", 0x26, "e", "f"), "w", "p")},
		{"Will Delay Interval", V5, aConnect5, []Edit{Drop("Will Delay Interval"), Drop("Will User Property")},
			frame(0x10, "MQTT", 5, 6, uint16(60), own, "c", props(0x03, "t"), "w", "p")},
		{"Will Property Length", V5, aConnect5, []Edit{Set("Will Property Length", 0)},
			frame(0x10, "MQTT", 5, 6, uint16(60), own, "c", 0, will[1:], "w", "p")},
		{"Insert a property", V5, aConnect5, []Edit{Insert("Receive Maximum Identifier", 0x01, 0x00)},
			frame(0x10, "MQTT", 5, 6, uint16(60), props(0x01, 0x00, 0x21, uint16(9), 0x26, "a", "b", 0x26, "c", "d"), "c", will, "w", "p")},
		{"Insert before the properties", V5, aConnect5, []Edit{Insert("Property Length", 0xEE)},
			frame(0x10, "MQTT", 5, 6, uint16(60), 0xEE, own, "c", will, "w", "p")},
		{"lengths that need another byte", V5, aPublish, []Edit{SetString("Topic Name", strings.Repeat("t", 300))},
			frame(0x32, strings.Repeat("t", 300), uint16(7), 0, []byte("hi"))},

		// What may be left out is there for those who want to get it wrong.
		{"Reason Code of PUBACK", V5, &Puback{PacketID: 1}, []Edit{Set("Reason Code", 0x01)}, frame(0x40, uint16(1), 0x01, 0)},
		{"Property Length of DISCONNECT", V5, &Disconnect{}, []Edit{Set("Property Length", 5)}, frame(0xE0, 0, 5)},
		{"return code by its old name", V311, &Connack{}, []Edit{Set("Return Code", 6)}, frame(0x20, 0, 6)},
		{"Protocol Version", V5, &Connect{ProtocolName: "MQTT", ProtocolLevel: 5}, []Edit{Set("Protocol Version", 6)}, frame(0x10, "MQTT", 6, 0, uint16(0), 0, "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Wrong(tt.packet, tt.edits...)
			for name, encode := range map[string]func() ([]byte, error){
				"Encode": func() ([]byte, error) { return Encode(tt.version, Client, p) },
				"Append": func() ([]byte, error) { return Append(nil, tt.version, p) },
				"Fields": func() ([]byte, error) { b, _, err := Fields(tt.version, p); return b, err },
			} {
				if got, err := encode(); err != nil || !bytes.Equal(got, tt.want) {
					t.Errorf("%s:\n got % x, %v\nwant % x", name, got, err, tt.want)
				}
			}
			_, fields, _ := Fields(tt.version, p)
			at := 0
			for _, f := range fields {
				if f.Offset != at {
					t.Errorf("%v is not at %d", f, at)
				}
				at += f.Length
			}
			if at != len(tt.want) {
				t.Errorf("fields end at %d of %d", at, len(tt.want))
			}
			// Edits one after the other come to the same.
			q := Wrong(tt.packet)
			for _, e := range tt.edits {
				q = Wrong(q, e)
			}
			if got, err := Append(nil, tt.version, q); err != nil || !bytes.Equal(got, tt.want) {
				t.Errorf("one by one: % x, %v", got, err)
			}
			if p.Type() != tt.packet.Type() || p.Packet() != tt.packet {
				t.Errorf("%v is of %v", p.Type(), p.Packet())
			}
		})
	}
}

// An edit of what is not there is an error, never ignored.
func TestEditsThatCannotBe(t *testing.T) {
	tests := []struct {
		name    string
		version Version
		packet  Packet
		edit    Edit
		want    string
	}{
		{"field of another packet", V311, aPublish, Set("Keep Alive", 0), `codec: PUBLISH in MQTT 3.1.1 has no field "Keep Alive" to edit`},
		{"field with another name", V311, aPublish, Set("topic", 0), `codec: PUBLISH in MQTT 3.1.1 has no field "topic" to edit`},
		{"Packet Identifier with QoS 0", V311, &Publish{Topic: "a"}, Drop("Packet Identifier"), `codec: PUBLISH in MQTT 3.1.1 has no field "Packet Identifier" to edit`},
		{"Reason Code in 3.1.1", V311, &Puback{PacketID: 1}, Set("Reason Code", 1), `codec: PUBACK in MQTT 3.1.1 has no field "Reason Code" to edit`},
		{"property that is not there", V5, aConnect5, Drop("Topic Alias"), `codec: CONNECT in MQTT 5.0 has no field "Topic Alias" to edit`},
		{"fourth of three", V311, aSubscribe, Drop("Topic Filter[3]"), `codec: SUBSCRIBE in MQTT 3.1.1 has no field "Topic Filter[3]" to edit`},
		{"no number", V311, aSubscribe, Drop("Topic Filter[x]"), `codec: SUBSCRIBE in MQTT 3.1.1 has no field "Topic Filter[x]" to edit`},
		{"string too long", V311, aPublish, SetString("Topic Name", string(make([]byte, 65536))), "codec: PUBLISH: Topic Name has 65536 bytes, 65535 is the most"},
		{"more than there is", V311, aPublish, Truncate(10), "codec: PUBLISH: fewer bytes than the 1 to leave out"},
		{"no header", V311, aPublish, Drop("Fixed Header"), "codec: PUBLISH: Fixed Header can be set, not left out or come second"},
		{"no length", V311, aPublish, Insert("Remaining Length", 1), "codec: PUBLISH: Remaining Length can be set, not left out or come second"},
		{"raw bytes", V311, Raw{0xC0, 0}, Flags(1), "codec: raw bytes have no fields to edit"},
		{"a packet that has no encoding", V311, &Publish{Topic: string(make([]byte, 65536))}, Flags(1), "codec: PUBLISH: Topic Name has 65536 bytes, 65535 is the most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Wrong(tt.packet, tt.edit)
			if b, err := Encode(tt.version, Client, p); err == nil || err.Error() != tt.want {
				t.Errorf("Encode: % x, %v; want %s", b, err, tt.want)
			}
			if b, err := Append([]byte("x"), tt.version, p); err == nil || string(b) != "x" {
				t.Errorf("Append: % x, %v", b, err)
			}
			if _, _, err := Fields(tt.version, p); err == nil {
				t.Error("Fields found them")
			}
		})
	}
}

// An edited field changes nothing else: dropped and put back, it is as before.
func TestEditsOfAnything(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		_, fields, err := Fields(v, p)
		if err != nil {
			t.Fatal(err)
		}
		f := rapid.SampledFrom(fields).Draw(t, "field")
		garbage := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "garbage")
		b, err := Append(nil, v, Wrong(p, Set(f.Name, garbage...)))
		if err != nil {
			t.Fatalf("Set(%q): %v", f.Name, err)
		}
		if !bytes.Contains(b, garbage) {
			t.Fatalf("Set(%q, % x): % x", f.Name, garbage, b)
		}
		// Whatever came of it, the decoder survives.
		_, _ = Decode(v, from, b)
	})
}

func TestRaw(t *testing.T) {
	for _, tt := range []struct {
		raw   Raw
		typ   Type
		shown string
	}{
		{nil, 0, "RAW 0 bytes"},
		{Raw{0xC0}, PINGREQ, "RAW 1 bytes c0"},
		{Raw(strings.Repeat("\xFF", 100)), AUTH, "RAW 100 bytes " + strings.Repeat("ff ", 29) + "ff…"},
		{Raw(connect4(0xC2, "c", "u", "secret")), CONNECT, "RAW 26 bytes of CONNECT"},
	} {
		if tt.raw.Type() != tt.typ || tt.raw.String() != tt.shown {
			t.Errorf("% x: %v, %s", []byte(tt.raw), tt.raw.Type(), tt.raw)
		}
		for _, v := range []Version{V311, V5} {
			for _, p := range []Packet{tt.raw, Wrong(tt.raw)} {
				if b, err := Encode(v, Client, p); err != nil || !bytes.Equal(b, tt.raw) {
					t.Errorf("Encode: % x, %v", b, err)
				}
				if b, err := Append([]byte{1}, v, p); err != nil || !bytes.Equal(b, append([]byte{1}, tt.raw...)) {
					t.Errorf("Append: % x, %v", b, err)
				}
				if b, _, err := Fields(v, p); err != nil || !bytes.Equal(b, tt.raw) {
					t.Errorf("Fields: % x, %v", b, err)
				}
			}
		}
	}
}

func TestIllegalString(t *testing.T) {
	p := Wrong(aConnect, Set("Connect Flags", 0xFF), SetString("Client Identifier", "a b"), SetString("Password", "hidden"),
		Drop("User Name"), Insert("Keep Alive", 1), Flags(1), RemainingLength(0x80, 0), Trailing(1, 2), Truncate(1), Set("Will Topic"))
	const want = `CONNECT client=c clean=1 keepalive=60 will=w/q0 1 bytes "p" user=u password=*** wrong: ` +
		`[Connect Flags = ff, Client Identifier = "a b", Password = ***, no User Name, Keep Alive preceded by 01, flags 0001, ` +
		`Remaining Length = 80 00, followed by 01 02, without the last 1 bytes, Will Topic = nothing]`
	if p.String() != want {
		t.Errorf("got  %s\nwant %s", p, want)
	}
}

func ExampleWrong() {
	p := Wrong(&Publish{Topic: "a/b", QoS: 1, PacketID: 1}, Set("Packet Identifier", 0, 0))
	b, _ := Encode(V311, Client, p)
	fmt.Printf("% x\n", b)
	_, err := Decode(V311, Client, b)
	fmt.Println(err)
	// Output:
	// 32 07 00 03 61 2f 62 00 00
	// PUBLISH: Packet Identifier at byte 7: is 0 [MQTT-2.3.1-1]
}
