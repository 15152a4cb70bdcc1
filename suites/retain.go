package suites

import (
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Retained messages: the RETAIN flag (section 3.3.1.3).

var _ = Check("retain-new-subscription",
	"sends the retained message to a new subscription, with RETAIN 1",
	Rules{V311: "MQTT-3.3.1-5 MQTT-3.3.1-6 MQTT-3.3.1-8", V5: "MQTT-3.3.1-5 MQTT-3.3.1-9"},
	Needs{Retain},
	CaughtBy{fault.StoresNothingRetained, fault.ClearsRetainFlag},
	func(x *Exchange) {
		topic := x.Topic("state")
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS0, topic, "on", Retained)
		alice.Ping()

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		message := bob.Receive(topic, "on")
		x.Expect(message.Retain).To(BeTrue(), "RETAIN")
	})

var _ = Check("retain-established-subscription",
	"sends a message with RETAIN 0 to a subscription that was there before, however it was published",
	Rules{V311: "MQTT-3.3.1-9", V5: "MQTT-3.3.1-12"},
	Needs{Retain},
	CaughtBy{fault.KeepsRetainFlag},
	func(x *Exchange) {
		topic := x.Topic("state")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		x.Connect(Clean, As("alice")).Publish(QoS0, topic, "on", Retained)

		message := bob.Receive(topic, "on")
		x.Expect(message.Retain).To(BeFalse(), "RETAIN")
	})

var _ = Check("retain-empty-payload-deletes",
	"removes the retained message when one with an empty payload is published",
	Rules{V311: "MQTT-3.3.1-10", V5: "MQTT-3.3.1-6"},
	Needs{Retain},
	CaughtBy{fault.KeepsRetainedMessages},
	func(x *Exchange) {
		topic := x.Topic("state")
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS0, topic, "on", Retained)
		alice.Publish(QoS0, topic, "", Retained)
		alice.Ping()

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		bob.WantNothingBefore(alice.Marker(QoS0, topic))
	})
