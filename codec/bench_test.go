package codec

import (
	"bytes"
	"io"
	"strings"
	"testing"

	paho "github.com/eclipse/paho.golang/packets"
)

// benchmarked are the packets that the three codecs are timed on.
var benchmarked = []struct {
	name    string
	version Version
	from    Peer
	packet  Packet
}{
	{"connect311", V311, Client, &Connect{ProtocolName: "MQTT", ProtocolLevel: 4, CleanStart: true, KeepAlive: 60, ClientID: "client-0001",
		Will: &Will{QoS: 1, Topic: "clients/0001/status", Payload: "gone"}, UserName: text("user"), Password: text("secret")}},
	{"connect5", V5, Client, &Connect{ProtocolName: "MQTT", ProtocolLevel: 5, CleanStart: true, KeepAlive: 60, ClientID: "client-0001",
		Properties: Properties{SessionExpiryInterval(600), ReceiveMaximum(20), UserProperty("region", "eu")},
		Will:       &Will{QoS: 1, Topic: "clients/0001/status", Payload: "gone"}, UserName: text("user"), Password: text("secret")}},
	{"publish311", V311, Client, &Publish{Topic: "sensors/kitchen/temperature", QoS: 1, PacketID: 1, Payload: strings.Repeat("x", 256)}},
	{"publish5", V5, Client, &Publish{Topic: "sensors/kitchen/temperature", QoS: 1, PacketID: 1, Payload: strings.Repeat("x", 256)}},
	{"publish5props", V5, Client, &Publish{Topic: "sensors/kitchen/temperature", QoS: 1, PacketID: 1, Payload: strings.Repeat("x", 256),
		Properties: Properties{PayloadFormatIndicator(1), MessageExpiryInterval(3600), ContentType("application/json"),
			ResponseTopic("replies/0001"), CorrelationData("0123456789abcdef"), UserProperty("trace", "4bf92f3577b34da6"), UserProperty("region", "eu")}}},
	{"publish5large", V5, Client, &Publish{Topic: "sensors/kitchen/image", QoS: 1, PacketID: 1, Payload: strings.Repeat("x", 64<<10)}},
	{"puback5", V5, Server, &Puback{PacketID: 1}},
	{"subscribe5", V5, Client, &Subscribe{PacketID: 1, Properties: Properties{SubscriptionIdentifier(7)}, Subscriptions: []Subscription{
		{Filter: "sensors/+/temperature", QoS: 1}, {Filter: "$share/workers/jobs/#", QoS: 2}, {Filter: "a/b/c"}}}},
	{"suback5", V5, Server, &Suback{PacketID: 1, Codes: []ReasonCode{1, 2, 0}}},
}

func BenchmarkDecode(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		eachPacket(b, func(b *testing.B, v Version, from Peer, _ Packet, wire []byte) {
			for b.Loop() {
				if _, err := Decode(v, from, wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("paho", func(b *testing.B) {
		eachPacket(b, func(b *testing.B, v Version, _ Peer, _ Packet, wire []byte) {
			if v != V5 {
				b.Skip("5.0 only")
			}
			r := bytes.NewReader(nil)
			for b.Loop() {
				r.Reset(wire)
				if _, err := paho.ReadPacket(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("mochi", func(b *testing.B) {
		eachPacket(b, func(b *testing.B, v Version, _ Peer, _ Packet, wire []byte) {
			for b.Loop() {
				// It keeps references to the bytes it decodes, so a broker
				// has to give it a copy of its own.
				if _, err := readMochi(v, bytes.Clone(wire)); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkEncode(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		eachPacket(b, func(b *testing.B, v Version, _ Peer, p Packet, wire []byte) {
			dst := make([]byte, 0, len(wire)+16)
			for b.Loop() {
				if _, err := Append(dst, v, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("ours strict", func(b *testing.B) {
		eachPacket(b, func(b *testing.B, v Version, from Peer, p Packet, _ []byte) {
			for b.Loop() {
				if _, err := Encode(v, from, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("paho", func(b *testing.B) {
		eachPacket(b, func(b *testing.B, v Version, _ Peer, p Packet, wire []byte) {
			if v != V5 {
				b.Skip("5.0 only")
			}
			theirs := toPaho(p)
			buf := bytes.NewBuffer(make([]byte, 0, len(wire)+16))
			for b.Loop() {
				buf.Reset()
				if _, err := theirs.WriteTo(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("mochi", func(b *testing.B) {
		eachPacket(b, func(b *testing.B, v Version, _ Peer, p Packet, wire []byte) {
			theirs := toMochi(v, p)
			buf := bytes.NewBuffer(make([]byte, 0, len(wire)+16))
			for b.Loop() {
				buf.Reset()
				if err := encodeMochi(theirs, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func eachPacket(b *testing.B, run func(b *testing.B, v Version, from Peer, p Packet, wire []byte)) {
	for _, bb := range benchmarked {
		wire, err := Encode(bb.version, bb.from, bb.packet)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			run(b, bb.version, bb.from, bb.packet, wire)
		})
	}
}

// BenchmarkReader cuts a stream of small packets into packets.
func BenchmarkReader(b *testing.B) {
	one, err := Encode(V5, Client, &Publish{Topic: "a/b", QoS: 1, PacketID: 1, Payload: "hello"})
	if err != nil {
		b.Fatal(err)
	}
	stream := bytes.Repeat(one, 1000)
	src := bytes.NewReader(nil)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(stream)
		r := NewReader(V5, src)
		n := 0
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 1000 {
			b.Fatal(n)
		}
	}
}
