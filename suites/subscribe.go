package suites

import (
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// Subscribing (SUBSCRIBE, section 3.8) and the answer to it (SUBACK, 3.9).

var _ = Check("subscribe-granted",
	"answers SUBSCRIBE with SUBACK",
	Rules{V311: "MQTT-3.8.4-1", V5: "MQTT-3.8.4-1"},
	CaughtBy{fault.IgnoresSubscribe},
	func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
		alice.Send(subscribe)

		suback := alice.WantSuback(subscribe.PacketID)
		// A server may refuse any subscription (section 3.9.3), and then keeps
		// the rule; what needs the subscription cannot be tested.
		if len(suback.Codes) == 1 && suback.Codes[0].IsError() {
			x.Inapplicable("the broker grants no subscription: %s", suback)
		}
	})
