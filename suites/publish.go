package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// PUBLISH: its fixed header, Topic Name and payload (section 3.3).

var _ = Check("message-delivered",
	"delivers a message to a subscriber with the topic and payload it was published with",
	Rules{V311: "MQTT-4.5.0-1 MQTT-3.3.2-3", V5: "MQTT-4.5.0-1 MQTT-3.3.2-3"},
	CaughtBy{fault.DeliversNothing, fault.AltersPayloads},
	func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)

			x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")

			bob.Receive(topic, "hello")
		})
	})

// levels are those of the given QoS levels that the broker takes part in.
func levels(x *Exchange, all ...codec.QoS) []codec.QoS {
	var here []codec.QoS
	for _, qos := range all {
		if qos <= x.Profile.MaximumQoS() {
			here = append(here, qos)
		}
	}
	return here
}
