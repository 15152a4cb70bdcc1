package suites

import (
	"fmt"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Retained messages: the RETAIN flag (section 3.3.1.3).
//
// A broker may discard a retained QoS 0 message at any time, so what has to be
// kept is published at QoS 1.

var _ = Check(Definition{
	Slug:  "retain-new-subscription",
	Title: "sends the retained message to a new subscription",
	Rules: Rules{
		V311: "MQTT-3.3.1-5 MQTT-3.3.1-6",
		V5:   "MQTT-3.3.1-5 MQTT-3.3.1-9",
	},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.StoresNothingRetained},
	Body: func(x *Exchange) {
		_, topic, qos := retainedState(x)

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)

		bob.WantDelivery(topic, "on")
	},
})

var _ = Check(Definition{
	Slug:     "retain-new-subscription-flag",
	Title:    "sends the retained message to a new subscription with RETAIN 1",
	Rules:    Rules{V311: "MQTT-3.3.1-8", V5: "5.0/3.3.1.3/retained-message-flag"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.ClearsRetainFlag},
	Body: func(x *Exchange) {
		_, topic, qos := retainedState(x)

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)

		x.Expect(takeRetained(x, bob, topic, "on").Retain).To(BeTrue(), "RETAIN")
	},
})

var _ = Check(Definition{
	Slug:     "retain-every-topic",
	Title:    "sends a new subscription the retained message of every topic that it matches",
	Rules:    Rules{V311: "MQTT-3.3.1-6 MQTT-3.3.1-8", V5: "MQTT-3.3.1-9 5.0/3.3.1.3/retained-message-flag"},
	Needs:    Needs{Retain, AtLeastOnce, Wildcards},
	CaughtBy: Faults{fault.OneRetainedMessage, fault.ClearsRetainFlag},
	Body: func(x *Exchange) {
		lamp, door, other := x.Topic("state/lamp"), x.Topic("state/door/front"), x.Topic("other")
		alice := x.Connect(Clean, As("alice"))
		alice.Retain(QoS1, lamp, "on")
		alice.Retain(QoS1, door, "shut")
		alice.Retain(QoS1, other, "not subscribed to")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, x.Topic("state/#"))

		x.About("MQTT-3.3.1-6", "MQTT-3.3.1-9")
		x.StandsOn(stepRetainedOnSubscribe, bob.WantMessage)
		messages := bob.WantUnordered(
			Message{Topic: lamp, Payload: "on"},
			Message{Topic: door, Payload: "shut"},
		)
		x.About("MQTT-3.3.1-8", "5.0/3.3.1.3/retained-message-flag")
		for _, message := range messages {
			x.Expect(message.Retain).To(BeTrue(), "RETAIN of "+message.Topic)
		}
		x.About("MQTT-3.3.1-6", "MQTT-3.3.1-9")
		bob.WantNothingBefore(alice.Marker(QoS1, lamp))
	},
})

var _ = Check(Definition{
	Slug:     "retain-parent-topic",
	Title:    "sends a new subscription whose filter ends in /# the retained message of the level above",
	Rules:    Rules{V311: "MQTT-3.3.1-6 3.1.1/4.7.1.2/parent-matched", V5: "MQTT-3.3.1-9 5.0/4.7.1.2/parent-matched"},
	Needs:    Needs{Retain, AtLeastOnce, Wildcards},
	CaughtBy: Faults{fault.HashWithoutParent},
	Body: func(x *Exchange) {
		_, topic, qos := retainedState(x)

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, x.Topic("state/#"))

		x.Controlled(func() { bob.WantDelivery(topic, "on") }, func() { standsOnRetained(x, qos, topic, "on") })
	},
})

var _ = Check(Definition{
	Slug:     "retain-qos-stored",
	Title:    "stores a retained message with its QoS",
	Rules:    Rules{V311: "MQTT-3.3.1-5", V5: "MQTT-3.3.1-5"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.DeliversAtQoS0},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			x.Connect(Clean, As("alice")).Retain(qos, topic, "on")

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS2), topic)

			message := takeRetained(x, bob, topic, "on")
			x.Expect(message.QoS).To(Equal(qos), "QoS")
		})
	},
})

var _ = Check(Definition{
	Slug:     "retain-replaced",
	Title:    "keeps only the last retained message of a topic",
	Rules:    Rules{V311: "MQTT-3.3.1-6", V5: "MQTT-3.3.1-5"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.KeepsFirstRetained},
	Body: func(x *Exchange) {
		topic := x.Topic("state")
		alice := x.Connect(Clean, As("alice"))
		alice.Retain(QoS1, topic, "on")
		alice.Retain(QoS1, topic, "off")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)

		x.StandsOn(stepRetainedOnSubscribe, bob.WantMessage)
		bob.WantDelivery(topic, "off")
		bob.FinishSubscribing()
		var others []*codec.Publish
		x.StandsOn(StepDeliver, func() { others = bob.WantUntil(alice.Marker(QoS1, topic)) })
		for _, other := range others {
			x.Expect(other.Payload).NotTo(Equal("on"), "a retained message for the subscription")
		}
	},
})

var _ = Check(Definition{
	Slug:     "retain-replaced-at-qos-0",
	Title:    "discards the retained message of a topic when a QoS 0 message with RETAIN 1 comes",
	Rules:    Rules{V311: "MQTT-3.3.1-7", V5: "MQTT-3.3.1-5"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.KeepsFirstRetained},
	Body: func(x *Exchange) {
		topic := x.Topic("state")
		alice := x.Connect(Clean, As("alice"))
		alice.Retain(QoS1, topic, "on")
		alice.Retain(QoS0, topic, "off")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)

		var messages []*codec.Publish
		x.StandsOn(StepDeliver, func() { messages = bob.WantUntil(alice.Marker(QoS1, topic)) })
		for _, message := range messages {
			x.Expect(message.Payload).To(Equal("off"), "the retained message") // if there is one
		}
	},
})

var _ = Check(Definition{
	Slug:     "retain-qos-0-kept",
	Title:    "keeps a retained QoS 0 message",
	Rules:    Rules{V311: "3.1.1/3.3.1.3/retained-qos-0 3.1.1/4.1/retained-kept", V5: "5.0/3.3.1.3/retained-qos-0"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.StoresNothingRetained},
	Body: func(x *Exchange) {
		topic := x.Topic("state")
		x.Connect(Clean, As("alice")).Retain(QoS0, topic, "on")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		bob.WantDelivery(topic, "on")
	},
})

var _ = Check(Definition{
	Slug:     "retain-established-subscription",
	Title:    "sends a message with RETAIN 0 to a subscription that was there before, however it was published",
	Rules:    Rules{V311: "MQTT-3.3.1-9", V5: "MQTT-3.3.1-12"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.KeepsRetainFlag},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)
			bob.FinishSubscribing()

			x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

			wantLiveCopy(x, bob, topic, "on")
		})
	},
})

// wantLiveCopy wants this message to come with RETAIN 0. It may come with RETAIN
// 1 as well: a broker that looks for retained messages late, after PINGRESP
// even, comes upon one that was published meanwhile.
func wantLiveCopy(x *Exchange, c *Client, topic, payload string) {
	expected := fmt.Sprintf("PUBLISH topic=%s %q", topic, payload)
	message := Want[*codec.Publish](c, expected)
	for message.Topic != topic || message.Payload != payload {
		c.Ack(message) // a broker may wait for that before it sends the next
		message = Want[*codec.Publish](c, expected)
	}
	for next := message; message.Retain && next != nil; next = c.WantAnotherOrIdle() {
		c.Ack(next)
		if next.Topic == topic && next.Payload == payload {
			message = next
		}
	}
	x.Expect(message.Retain).To(BeFalse(), "RETAIN")
}

var _ = Check(Definition{
	Slug:     "retain-established-session",
	Title:    "sends a message with RETAIN 0 to a session that was stored when it came, however it was published",
	Rules:    Rules{V311: "MQTT-3.3.1-9", V5: "MQTT-3.3.1-12"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.KeepsRetainFlag},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			bob.FinishSubscribing()
			bob.Disconnect()

			x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

			bob = x.Connect(Persistent, As("bob"))
			x.StandsOn(stepQueued, bob.WantMessage)
			x.Expect(bob.TakeDelivery(topic, "on").Retain).To(BeFalse(), "RETAIN")
		})
	},
})

var _ = Check(Definition{
	Slug:     "retain-empty-payload-deletes",
	Title:    "removes the retained message when one with an empty payload is published",
	Rules:    Rules{V311: "MQTT-3.3.1-10", V5: "MQTT-3.3.1-6"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.KeepsRetainedMessages},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			alice := x.Connect(Clean, As("alice"))
			alice.Retain(x.UpTo(QoS1), topic, "on")
			alice.Retain(qos, topic, "")

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS1), topic)

			wantNothingRetained(x, bob, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "retain-empty-payload-delivered",
	Title:    "sends an empty message with RETAIN 1 on as usual, with RETAIN 0",
	Rules:    Rules{V311: "MQTT-3.3.1-10", V5: "MQTT-3.3.1-6"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.DropsEmptyMessages, fault.KeepsRetainFlag},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("state"), x.UpTo(QoS1)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		bob.FinishSubscribing()
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(qos, topic, "on", Retained)

		alice.Publish(qos, topic, "", Retained)

		wantLiveCopy(x, bob, topic, "")
	},
})

var _ = Check(Definition{
	Slug:     "retain-empty-payload-not-stored",
	Title:    "stores no empty message as the retained one",
	Rules:    Rules{V311: "MQTT-3.3.1-11", V5: "MQTT-3.3.1-7"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.StoresEmptyMessages},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("state"), x.UpTo(QoS1)
		x.Connect(Clean, As("alice")).Retain(qos, topic, "")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)

		wantNothingRetained(x, bob, topic)
	},
})

var _ = Check(Definition{
	Slug:     "retain-flag-0-not-stored",
	Title:    "does not store a message with RETAIN 0",
	Rules:    Rules{V311: "MQTT-3.3.1-12", V5: "MQTT-3.3.1-8"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.RetainsEverything, fault.RetainsEverythingLate},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			x.Connect(Clean, As("alice")).PublishObserved(qos, topic, "passing")

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS1), topic)

			wantNothingRetained(x, bob, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "retain-flag-0-leaves",
	Title:    "leaves the retained message alone when a message with RETAIN 0 comes",
	Rules:    Rules{V311: "MQTT-3.3.1-12", V5: "MQTT-3.3.1-8"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.RetainsEverything},
	Body: func(x *Exchange) {
		Each(x, []named[string]{{"with a payload", "passing"}, {"with an empty payload", ""}}, named[string].label, func(x *Exchange, payload named[string]) {
			topic := x.Topic("state")
			alice := x.Connect(Clean, As("alice"))
			alice.Retain(QoS1, topic, "on")
			alice.PublishObserved(QoS1, topic, payload.value)

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(QoS1, topic)

			x.Controlled(func() { bob.WantDelivery(topic, "on") }, func() { standsOnRetained(x, QoS1, x.Topic("other"), "another") })
			wantNothingRetained(x, bob, topic)
		})
	},
})
