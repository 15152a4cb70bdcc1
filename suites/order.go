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

			if min(pair.published, pair.granted) == QoS0 { // some may be missing ("at most once")
				marker := alice.Marker(pair.published, topic)
				wantOrdered(x, bob, StepDeliver, func(last string, _ int) bool { return last == marker.Payload })
				return
			}
			wantOrdered(x, bob, StepDeliver, all(30))
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

			wantOrdered(x, bob, StepDeliver, all(12))
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
			bob.WantWindow(20)
			bob.Drop()

			bob = x.Connect(Persistent, As("bob"))

			wantOrdered(x, bob, resending(qos), all(20)) // NATS 2.15.2 begins after half a minute
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
		x.Connect(Clean, As("alice")).PublishAll(QoS2, topic, numbered(6)...)
		window := bob.WantWindow(6)

		for _, message := range window {
			bob.Send(&codec.Pubrec{PacketID: message.PacketID})
		}
		var received, released []uint16
		for _, message := range window {
			received = append(received, message.PacketID)
			x.StandsOn(StepReceiveQoS2, func() { released = append(released, Want[*codec.Pubrel](bob, "PUBREL").PacketID) })
		}
		x.Expect(released).To(Equal(received), "the Packet Identifiers of the PUBRELs")
	},
})

// wantOrdered wants numbered messages to come in their order until done says, of
// the last payload and of how many there have been, that these were all. One that
// does not come is no matter of the order: this step decides about that. One that
// was published at QoS 1 may come again (MQTT-3.8.4-6 and, in 5.0, what follows
// MQTT-3.8.4-8).
func wantOrdered(x *Exchange, c *Client, step Step, done func(last string, seen int) bool) {
	last, seen := 0, map[int]bool{}
	for {
		var message *codec.Publish
		x.StandsOn(step, func() { message = c.TakeNext() })
		c.Ack(message)
		if n, err := strconv.Atoi(message.Payload); err == nil && !seen[n] {
			x.Expect(n).To(BeNumerically(">", last), "the number of the message that comes after number %d", last)
			last, seen[n] = n, true
		}
		if done(message.Payload, len(seen)) {
			return
		}
	}
}

// all is when as many messages have come.
func all(n int) func(string, int) bool {
	return func(_ string, seen int) bool { return seen == n }
}

// pairing is the QoS of a publisher and that granted to a subscriber.
type pairing struct{ published, granted codec.QoS }

func (p pairing) String() string {
	return fmt.Sprintf("QoS %d to a QoS %d subscription", p.published, p.granted)
}
