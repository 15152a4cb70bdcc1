package suites

import (
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// Giving subscriptions up (UNSUBSCRIBE, section 3.10) and the answer to it
// (UNSUBACK, 3.11).

var _ = Check("unsubscribe-acknowledged",
	"answers UNSUBSCRIBE with UNSUBACK",
	Rules{V311: "MQTT-3.10.4-4", V5: "MQTT-3.10.4-4"},
	CaughtBy{fault.IgnoresUnsubscribe},
	func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(QoS0, topic)

		unsubscribe := alice.NewUnsubscribe(topic)
		alice.Send(unsubscribe)

		alice.WantUnsuback(unsubscribe.PacketID)
	})
