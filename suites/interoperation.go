package suites

import (
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// Conformance (chapter 7).

// Nothing in this suite is an extension, so that every accepted connection
// decides the statement; this is the shortest exchange with all that MQTT is for.
var _ = Check(Definition{
	Slug:     "interoperation-plain",
	Title:    "serves clients that use nothing but MQTT",
	Rules:    Rules{V311: "MQTT-7.0.0-2"},
	CaughtBy: Faults{fault.RefusesConnections},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Dial("bob")
		bob.Send(x.NewConnect(Clean, As("bob")))
		bob.AwaitAnswer()
		bob.WantAccepted()
		bob.Subscribe(QoS0, topic)
		alice := x.Connect(Clean, As("alice"))

		alice.Publish(QoS0, topic, "hello")

		bob.TakeDelivery(topic, "hello")
	},
})
