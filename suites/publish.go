package suites

import (
	"fmt"
	"math"
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// PUBLISH: its fixed header, Topic Name and payload (section 3.3).

var _ = Check(Definition{
	Slug:     "message-delivered",
	Title:    "delivers a message to a subscriber with the topic and payload it was published with",
	Rules:    Rules{V311: "MQTT-4.5.0-1", V5: "MQTT-4.5.0-1"},
	CaughtBy: Faults{fault.DeliversNothing, fault.AltersPayloads, fault.RenamesTopics},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)

			x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")

			bob.WantDelivery(topic, "hello")
		})
	},
})

// wantPayload wants the next message to have this payload. That one comes at all
// is for message-delivered.
func wantPayload(x *Exchange, c *Client, payload string) {
	message := c.TakeNext()
	c.Ack(message)
	if message.Payload != payload {
		x.Failf(fmt.Sprintf("the payload of %d bytes as it was published", len(payload)), "%s", message)
	}
}

var _ = Check(Definition{
	Slug:     "publish-payload",
	Title:    "delivers every payload byte for byte",
	Rules:    Rules{V311: "MQTT-4.5.0-1", V5: "MQTT-4.5.0-1"},
	CaughtBy: Faults{fault.AltersPayloads},
	Body: func(x *Exchange) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		Each(x, []named[string]{
			{"one byte", "x"},
			{"all 256 bytes", string(every)},
			{"ill-formed UTF-8", "\xED\xA0\x80\xFF\xC3"},
			{"127 bytes", strings.Repeat("x", 127)},
			{"128 bytes", strings.Repeat("x", 128)},
		}, named[string].label, func(x *Exchange, payload named[string]) {
			topic, qos := x.Topic("bytes"), x.UpTo(QoS1)
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)

			x.Connect(Clean, As("alice")).Publish(qos, topic, payload.value)

			wantPayload(x, bob, payload.value)
		})
	},
})

var _ = Check(Definition{
	Slug:     "publish-payload-large",
	Title:    "delivers a large payload byte for byte",
	Rules:    Rules{V311: "MQTT-4.5.0-1", V5: "MQTT-4.5.0-1"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.AltersPayloads},
	Body: func(x *Exchange) {
		Each(x, []named[string]{
			{"16 KiB", strings.Repeat("0123456789abcdef", 1<<10)},
			{"1 MiB", strings.Repeat("0123456789abcdef", 1<<16)},
		}, named[string].label, func(x *Exchange, payload named[string]) {
			if most := x.Profile.Number(codec.PropMaximumPacketSize, math.MaxUint32); uint32(len(payload.value)+256) > most {
				x.Inapplicable("CONNACK: Maximum Packet Size %d", most)
			}
			topic := x.Topic("bytes")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(QoS1, topic)
			alice := x.Connect(Clean, As("alice"))
			alice.Patience(times.Transfer(len(payload.value)))
			bob.Patience(2 * times.Transfer(len(payload.value)))

			// A limit that 3.1.1 gives a broker no way to declare, and by which it may
			// not authorize the message (MQTT-3.3.5-2); that one of 5.0 has to is for
			// packetsize-of-server-unlimited.
			var refusal string
			x.StandsOn(StepPublishQoS1, func() { refusal = alice.WantTakenOrRefused(QoS1, topic, payload.value) })
			if x.Version == V5 && alice.Closed() {
				x.StandsOn(stepLargeMessage, func() { x.Failf("the connection to stay", "%s", refusal) })
			}
			if refusal != "" {
				x.Inapplicable("the broker takes no payload of %s: %s", payload.name, refusal)
			}

			wantPayload(x, bob, payload.value)
		})
	},
})

var _ = Check(Definition{
	Slug:     "publish-payload-empty",
	Title:    "takes a PUBLISH with an empty payload and delivers it",
	Rules:    Rules{V311: "3.1.1/3.3.3/payload-empty", V5: "5.0/3.3.3/payload-empty"},
	CaughtBy: Faults{fault.DropsEmptyMessages},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("empty")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)
			alice := x.Connect(Clean, As("alice"))

			alice.Publish(qos, topic, "")
			alice.Publish(qos, topic, "next")

			x.StandsOn(StepDeliver, bob.WantMessage)
			bob.WantUnordered(Message{Topic: topic, Payload: ""}, Message{Topic: topic, Payload: "next"})
		})
	},
})

var _ = Check(Definition{
	Slug:     "publish-dup-not-propagated",
	Title:    "sends a message on with DUP 0, whatever DUP flag it was published with",
	Rules:    Rules{V311: "MQTT-3.3.1-3", V5: "MQTT-3.3.1-3"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.PropagatesDup},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("dup")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)

			x.Connect(Clean, As("alice")).Publish(qos, topic, "hello", Dup)

			message := takeAt(x, bob, qos, topic, "hello")
			x.Expect(message.Dup).To(BeFalse(), "DUP")
			bob.Ack(message)
		})
	},
})

var _ = Check(Definition{
	Slug:     "publish-qos-3",
	Title:    "closes the connection on a PUBLISH with both QoS bits set",
	Rules:    Rules{V311: "MQTT-3.3.1-4", V5: "MQTT-3.3.1-4"},
	CaughtBy: Faults{fault.IgnoresQoS3},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(&codec.Publish{QoS: 3, PacketID: 1, Topic: x.Topic("three"), Payload: "hello"}))

		alice.WantClosed(codec.QoSNotSupported)
	},
})

var _ = Check(Definition{
	Slug:     "publish-qos-3-reason",
	Title:    "says DISCONNECT 0x81 before it closes on a PUBLISH with both QoS bits set",
	Rules:    Rules{V5: "5.0/3.3.1.2/qos-reserved-reason"},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(&codec.Publish{QoS: 3, PacketID: 1, Topic: x.Topic("three"), Payload: "hello"}))

		alice.WantDisconnect(codec.MalformedPacket)
	},
})

var _ = Check(Definition{
	Slug:  "publish-topic-empty",
	Title: "closes the connection on a PUBLISH with an empty Topic Name",
	Rules: Rules{V311: "MQTT-4.8.0-1", V5: "5.0/3.3.2.1/topic-name-empty MQTT-4.13.1-1"},
	// and no Topic Alias
	CaughtBy: Faults{fault.IgnoresEmptyTopicNames},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(alice.NewPublish(qos, "", "hello")))

			alice.WantClosed(codec.TopicNameInvalid)
		})
	},
})

var _ = Check(Definition{
	Slug:     "publish-truncated",
	Title:    "closes the connection on a PUBLISH that ends within its variable header",
	Rules:    Rules{V311: "MQTT-4.8.0-1", V5: "5.0/4.13.1/malformed-packet MQTT-4.13.1-1"},
	CaughtBy: Faults{fault.IgnoresTruncatedPublish},
	Body: func(x *Exchange) {
		topic := x.Topic("cut")
		long := []byte{0xFF, 0xFF} // a length
		rows := []named[codec.Packet]{
			{"nothing at all", codec.Raw{0x30, 0x00}},
			{"half a length", codec.Raw{0x30, 0x01, 0x00}},
			{"a Topic Name shorter than its length", codec.Wrong(&codec.Publish{Topic: topic}, codec.Set("Topic Name", append(long, topic...)...))},
		}
		if x.Profile.MaximumQoS() > QoS0 {
			rows = append(rows, named[codec.Packet]{
				"no Packet Identifier at QoS 1",
				codec.Wrong(&codec.Publish{QoS: QoS1, PacketID: 1, Topic: topic}, codec.Drop("Packet Identifier")),
			})
		}
		Each(x, rows, named[codec.Packet].label, func(x *Exchange, truncated named[codec.Packet]) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(truncated.value)

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:  "publish-unauthorized-answered",
	Title: "acknowledges a QoS 1 PUBLISH, or closes the connection, even when it does not authorize it",

	// Whether the broker does authorize this one is its own affair: of all
	// topics, those under $SYS are the most likely not to be open to clients.
	Rules:    Rules{V311: "MQTT-3.3.5-2 MQTT-3.3.4-1", V5: "MQTT-3.3.4-1"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.DropsUnauthorized},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		refusal := alice.WantTakenOrRefused(QoS1, "$SYS/"+x.Topic("unauthorized"), "hello")

		x.Note("PUBACK, or the connection closed: %q", refusal)
	},
})
