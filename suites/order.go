package suites

import (
	"fmt"
	"strconv"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Message ordering (section 4.6): a publisher's messages of one topic and QoS
// keep their order, also when they wait for the client or are resent.

var _ = Check(Definition{
	Slug:     "order-kept",
	Title:    "delivers a client's messages of one topic and QoS in the order they were published",
	Rules:    Rules{V311: "MQTT-4.6.0-5 MQTT-4.6.0-6", V5: "MQTT-4.6.0-5 MQTT-4.6.0-6"},
	CaughtBy: Faults{fault.SwapsMessages},
	Body: func(x *Exchange) {
		var pairs []pairing
		for _, published := range levels(x, QoS0, QoS1, QoS2) {
			for _, granted := range levels(x, QoS0, QoS1, QoS2) {
				pairs = append(pairs, pairing{published, granted})
			}
		}
		Each(x, pairs, pairing.String, func(x *Exchange, pair pairing) {
			topic := x.Topic("ordered")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(pair.granted, topic)
			alice := x.Connect(Clean, As("alice"))

			alice.PublishAll(pair.published, topic, numbered(30)...)

			if min(pair.published, pair.granted) == QoS0 {
				wantOrdered(x, bob.WantUntil(alice.Marker(pair.published, topic)))
				return
			}
			for _, payload := range numbered(30) {
				bob.WantDelivery(topic, payload)
			}
		})
	},
})

var _ = Check(Definition{
	Slug:     "order-queued",
	Title:    "delivers messages that waited for a client in the order they were published",
	Rules:    Rules{V311: "MQTT-4.6.0-6", V5: "MQTT-4.6.0-5"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.SwapsMessages},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("ordered")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			bob.Disconnect()
			// Few enough for the queues that brokers keep for those who are away.
			x.Connect(Clean, As("alice")).PublishAll(qos, topic, numbered(12)...)

			bob = x.Connect(Persistent, As("bob"))

			for _, payload := range numbered(12) {
				bob.WantDelivery(topic, payload)
			}
		})
	},
})

var _ = Check(Definition{
	Slug:     "order-resent",
	Title:    "resends unacknowledged messages in their original order, and then goes on with the rest",
	Rules:    Rules{V311: "MQTT-4.6.0-1 MQTT-4.6.0-6", V5: "MQTT-4.6.0-5"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.SwapsMessages, fault.SwapsResent},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("ordered")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			x.Connect(Clean, As("alice")).PublishAll(qos, topic, numbered(20)...)
			for i, message := range bob.WantWindow(20) {
				x.Expect(message.Payload).To(Equal(numbered(20)[i]), "the payload of message %d", i+1)
			}
			bob.Drop()

			bob = x.Connect(Persistent, As("bob"))
			x.StandsOn(resending(qos), bob.WantMessage) // NATS 2.15.2 takes half a minute

			for _, payload := range numbered(20) {
				bob.WantDelivery(topic, payload)
			}
		})
	},
})

var _ = Check(Definition{
	Slug:  "order-pubrel",
	Title: "sends PUBREL packets in the order in which the PUBRECs came",

	// In 5.0 this binds clients only: section 4.6 there does not hold a server to
	// "the rules listed above" as 3.1.1 does [MQTT-4.6.0-6].
	Rules:    Rules{V311: "MQTT-4.6.0-4 MQTT-4.6.0-6"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.SwapsPubrels},
	Body: func(x *Exchange) {
		topic := x.Topic("ordered")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS2, topic)
		x.Connect(Clean, As("alice")).PublishAll(QoS2, topic, numbered(5)...)
		window := bob.WantWindow(5)

		for _, message := range window {
			bob.Send(&codec.Pubrec{PacketID: message.PacketID})
		}

		for _, message := range window {
			bob.WantPubrel(message.PacketID)
		}
	},
})

// wantOrdered wants numbered messages to have come in their order. At QoS 0 some
// may be missing ("at most once"), and one that was published at QoS 1 may come
// again (MQTT-3.8.4-6 and, in 5.0, what follows MQTT-3.8.4-8).
func wantOrdered(x *Exchange, messages []*codec.Publish) {
	last, seen := 0, map[int]bool{}
	for _, message := range messages {
		n, err := strconv.Atoi(message.Payload)
		x.Expect(err).NotTo(HaveOccurred(), "the payload")
		if seen[n] {
			continue
		}
		x.Expect(n).To(BeNumerically(">", last), "the number of the message that comes after number %d", last)
		last, seen[n] = n, true
	}
}

// pairing is the QoS of a publisher and that granted to a subscriber.
type pairing struct{ published, granted codec.QoS }

func (p pairing) String() string {
	return fmt.Sprintf("QoS %d to a QoS %d subscription", p.published, p.granted)
}
