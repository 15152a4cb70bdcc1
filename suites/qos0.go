package suites

import (
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// QoS 0, at most once (section 4.3.1).

var _ = Check(Definition{
	Slug:     "qos0-unanswered",
	Title:    "answers a QoS 0 PUBLISH with nothing",
	Rules:    Rules{V311: "MQTT-3.3.4-1", V5: "MQTT-3.3.4-1"},
	CaughtBy: Faults{fault.AcknowledgesQoS0},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, x.Topic("once"), "hello"))

		alice.WantIdle()
	},
})

var _ = Check(Definition{
	Slug:  "qos0-delivered",
	Title: "delivers a QoS 0 message with QoS 0, DUP 0 and no Packet Identifier",
	Rules: Rules{
		V311: "MQTT-4.3.1-1 MQTT-3.3.1-2 MQTT-2.3.1-5",
		V5:   "MQTT-4.3.1-1 MQTT-3.3.1-2 MQTT-2.2.1-2",
	},
	CaughtBy: Faults{fault.DupAtQoS0, fault.PacketIdentifierAtQoS0, fault.RaisesQoS0},
	Body: func(x *Exchange) {
		topic := x.Topic("once")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		x.Connect(Clean, As("alice")).Publish(QoS0, topic, "hello")

		x.About("MQTT-4.3.1-1")
		message := Want[*codec.Publish](bob, "PUBLISH")
		x.Expect(message.QoS).To(Equal(QoS0), "QoS")
		x.About("MQTT-4.3.1-1", "MQTT-3.3.1-2")
		x.Expect(message.Dup).To(BeFalse(), "DUP")
		x.About("MQTT-2.3.1-5", "MQTT-2.2.1-2")
		before, _ := strings.CutSuffix(message.Payload, "hello")
		x.Expect(before).NotTo(HaveLen(2), "the bytes in front of the payload, where a Packet Identifier would be,")
	},
})

var _ = Check(Definition{
	Slug:     "qos0-once",
	Title:    "delivers a QoS 0 message no more than once",
	Rules:    Rules{V311: "3.1.1/4.3.1/no-duplicate", V5: "5.0/4.3.1/no-duplicate"},
	CaughtBy: Faults{fault.RepeatsQoS0},
	Body: func(x *Exchange) {
		topic := x.Topic("once")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)
		alice := x.Connect(Clean, As("alice"))

		alice.Publish(QoS0, topic, "first")
		alice.Publish(QoS0, topic, "second")

		var messages []*codec.Publish
		x.StandsOn(StepDeliver, func() {
			bob.WantMessage()
			messages = bob.WantUntil(alice.Marker(QoS0, topic))
		})
		seen := map[string]bool{}
		for _, message := range messages {
			x.Expect(seen).NotTo(HaveKey(message.Payload), "messages that came before")
			seen[message.Payload] = true
		}
	},
})

var _ = Check(Definition{
	Slug:     "qos0-not-resent",
	Title:    "sends a QoS 0 message no second time when the session resumes",
	Rules:    Rules{V311: "3.1.1/4.3.1/no-duplicate", V5: "5.0/4.3.1/no-duplicate MQTT-4.4.0-1"},
	CaughtBy: Faults{fault.ResendsQoS0},
	Body: func(x *Exchange) {
		topic := x.Topic("once")
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(QoS0, topic)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS0, topic, "hello")
		bob.TakePublish(topic, "hello")
		bob.Drop()

		bob = x.Connect(Persistent, As("bob"))

		bob.Subscribe(QoS0, topic) // whether the session has kept the subscription is for other checks
		bob.WantNothingBefore(alice.Marker(QoS0, topic))
	},
})

var _ = Check(Definition{
	Slug:  "qos0-dup",
	Title: "closes the connection on a QoS 0 PUBLISH with DUP 1",
	Rules: Rules{V311: "MQTT-4.8.0-1"},
	Why: "DUP \"MUST be set to 0 for all QoS 0 messages\" (section 3.3.1.1), and what breaks that is a " +
		"protocol violation, upon which the server closes the connection [MQTT-4.8.0-1]. mosquitto " +
		"2.0.11, NATS 2.15.2 and Aedes 1.2.0 take the message. It is not asked in 5.0, where the server " +
		"closes only for what it detects, and has a Reason Code for [MQTT-4.13.1-1]: section 3.3.1.1 " +
		"calls DUP 1 at QoS 0 neither malformed nor a Protocol Error and names no code, as section " +
		"3.3.1.2 does for QoS 3, and \"the rigor\" of checks is the receiver's (section 4.13.1).",
	CaughtBy: Faults{fault.IgnoresDupAtQoS0},
	Body: func(x *Exchange) {
		topic := x.Topic("once")
		overhear(x, QoS0, topic) // wire-publish is about what may come of it
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(&codec.Publish{Dup: true, Topic: topic, Payload: "hello"}))

		alice.WantClosed()
	},
})
