package codec

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// forEach runs a property on every type of packet from both sides, of both
// versions or of those named.
func forEach(t *testing.T, check func(t *rapid.T, v Version, from Peer, p Packet), versions ...Version) {
	if len(versions) == 0 {
		versions = []Version{V311, V5}
	}
	for _, v := range versions {
		for _, from := range []Peer{Client, Server} {
			for _, typ := range packetTypes(v, from) {
				t.Run(v.String()+"/"+from.String()+"/"+typ.String(), func(t *testing.T) {
					rapid.Check(t, func(t *rapid.T) {
						check(t, v, from, genPacket(v, from, typ).Draw(t, "packet"))
					})
				})
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		b, err := Encode(v, from, p)
		if err != nil {
			t.Fatalf("Encode: %v", err)
		}
		got, err := Decode(v, from, b)
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Fatalf("% x:\n got %v, %v\nwant %v", b, got, err, p)
		}
		if got.Type() != p.Type() || got.String() == "" {
			t.Fatalf("type %v, %q", got.Type(), got)
		}
		// Decoded packets keep no reference to the bytes.
		for i := range b {
			b[i] = 0xAA
		}
		if !reflect.DeepEqual(got, p) {
			t.Fatalf("the packet changed with its bytes")
		}
	})
}

// Append puts the packet after what is there, and leaves that alone.
func TestAppend(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		alone, err := Append(nil, v, p)
		if err != nil {
			t.Fatal(err)
		}
		before := []byte("before")
		after, err := Append(slices.Clip(before), v, p)
		if err != nil || !bytes.Equal(after, append([]byte("before"), alone...)) {
			t.Fatalf("% x, %v", after, err)
		}
		roomy := append(make([]byte, 0, len(alone)+100), before...)
		after, err = Append(roomy, v, p)
		if err != nil || !bytes.Equal(after, append([]byte("before"), alone...)) {
			t.Fatalf("% x, %v", after, err)
		}
	})
}

// Fields tell where everything is, and an edit that puts a field's own bytes
// in its place changes nothing.
func TestFieldsOfAnything(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		want, err := Append(nil, v, p)
		if err != nil {
			t.Fatal(err)
		}
		b, fields, err := Fields(v, p)
		if err != nil || !bytes.Equal(b, want) {
			t.Fatalf("% x, %v; want % x", b, err, want)
		}
		at := 0
		for _, f := range fields {
			if f.Offset != at {
				t.Fatalf("%v is not at %d", f, at)
			}
			at += f.Length
			own := b[f.Offset : f.Offset+f.Length]
			same, err := Append(nil, v, Wrong(p, Set(f.Name, own...)))
			if err != nil || !bytes.Equal(same, want) {
				t.Fatalf("Set(%q, % x): % x, %v", f.Name, own, same, err)
			}
		}
		if at != len(b) {
			t.Fatalf("fields end at %d of %d", at, len(b))
		}
	})
}

// A packet cut short anywhere is a breach, and nothing worse.
func TestEveryPrefix(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		b, err := Append(nil, v, p)
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(0, len(b)-1).Draw(t, "length")
		if got, err := Decode(v, from, b[:n]); err == nil || got != nil {
			t.Fatalf("% x: %v, %v", b[:n], got, err)
		}
	})
}

// What Append cannot write, it says.
func TestNoEncoding(t *testing.T) {
	long := string(make([]byte, 65536))
	tests := []struct {
		name    string
		version Version
		packet  Packet
		want    string
	}{
		{"string too long", V311, &Publish{Topic: long}, "codec: PUBLISH: Topic Name has 65536 bytes, 65535 is the most"},
		{"property too long", V5, &Disconnect{Properties: Properties{ReasonString(long)}}, "codec: DISCONNECT: Reason String has 65536 bytes, 65535 is the most"},
		{"name too long", V5, &Disconnect{Properties: Properties{UserProperty(long, "")}}, "codec: DISCONNECT: User Property has 65536 bytes, 65535 is the most"},
		{"unknown property", V5, &Disconnect{Properties: Properties{{ID: 0x7F}}}, "codec: DISCONNECT: property 0x7F is not known"},
		{"byte too large", V5, &Connack{Properties: Properties{{ID: PropMaximumQoS, Number: 256}}}, "codec: CONNACK: Maximum QoS 256 exceeds 255"},
		{"two bytes too large", V5, &Connack{Properties: Properties{{ID: PropReceiveMaximum, Number: 65536}}}, "codec: CONNACK: Receive Maximum 65536 exceeds 65535"},
		{"varint too large", V5, &Subscribe{Properties: Properties{SubscriptionIdentifier(MaxVarint + 1)}}, "codec: SUBSCRIBE: Subscription Identifier 268435456 exceeds 268435455"},
		{"packet too large", V311, &Publish{Topic: "a", Payload: string(make([]byte, MaxVarint-2))}, "codec: PUBLISH: Remaining Length 268435456 exceeds 268435455"},
		{"properties in 3.1.1", V311, &Connect{Properties: Properties{ReceiveMaximum(1)}}, "codec: CONNECT: MQTT 3.1.1 has no properties here"},
		{"Will Properties in 3.1.1", V311, &Connect{Will: &Will{Properties: Properties{WillDelayInterval(1)}}}, "codec: CONNECT: MQTT 3.1.1 has no Will Properties"},
		{"properties of PUBLISH in 3.1.1", V311, &Publish{Properties: Properties{TopicAlias(1)}}, "codec: PUBLISH: MQTT 3.1.1 has no properties here"},
		{"Reason Code in 3.1.1", V311, &Puback{Code: UnspecifiedError}, "codec: PUBACK: MQTT 3.1.1 has no Reason Code here"},
		{"Reason Code of DISCONNECT in 3.1.1", V311, &Disconnect{Code: UnspecifiedError}, "codec: DISCONNECT: MQTT 3.1.1 has no Reason Code here"},
		{"Reason Codes of UNSUBACK in 3.1.1", V311, &Unsuback{Codes: []ReasonCode{0}}, "codec: UNSUBACK: MQTT 3.1.1 has no Reason Code here"},
		{"AUTH in 3.1.1", V311, &Auth{}, "codec: AUTH: MQTT 3.1.1 has no AUTH packet"},
		{"Packet Identifier with QoS 0", V5, &Publish{Topic: "a", PacketID: 7}, "codec: PUBLISH: QoS 0 has no Packet Identifier, not 7"},
		{"QoS 4", V5, &Publish{Topic: "a", QoS: 4}, "codec: PUBLISH: QoS 4 has more than two bits"},
		{"Will QoS 4", V5, &Connect{Will: &Will{QoS: 4}}, "codec: CONNECT: Will QoS 4 has more than two bits"},
		{"Retain Handling 4", V5, &Subscribe{Subscriptions: []Subscription{{RetainHandling: 4}}}, "codec: SUBSCRIBE: QoS 0, Retain Handling 4: each has two bits"},
		{"no packet", V5, nil, "codec: <nil> is no packet of this package"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := []byte("before")
			b, err := Append(dst, tt.version, tt.packet)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if string(b) != "before" {
				t.Errorf("wrote %q", b)
			}
			if _, err := Encode(tt.version, Client, tt.packet); err == nil {
				t.Error("Encode wrote it")
			}
			if _, _, err := Fields(tt.version, tt.packet); err == nil {
				t.Error("Fields wrote it")
			}
		})
	}
}

// What breaks a rule of content, Encode refuses and Append writes.
func TestEncodeIsStrict(t *testing.T) {
	p := &Publish{Topic: "a/#", QoS: 3, PacketID: 0, Dup: true}
	if b, err := Encode(V5, Client, p); err == nil {
		t.Errorf("Encode wrote % x", b)
	}
	b, err := Append(nil, V5, p)
	if want := frame(0x3E, "a/#", uint16(0), 0); err != nil || !bytes.Equal(b, want) {
		t.Errorf("Append: % x, %v; want % x", b, err, want)
	}
	if b, err := Encode(V5, Client, Wrong(p)); err != nil || !bytes.Equal(b, frame(0x3E, "a/#", uint16(0), 0)) {
		t.Errorf("Wrong without an edit: % x, %v", b, err)
	}
	// A subscription with options of 5.0 is written into 3.1.1, where the bits
	// are reserved.
	s := &Subscribe{PacketID: 1, Subscriptions: []Subscription{{Filter: "a", NoLocal: true}}}
	if _, err := Encode(V311, Client, s); err == nil {
		t.Error("No Local in 3.1.1")
	}
}
