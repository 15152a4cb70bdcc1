package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// PINGREQ and PINGRESP (sections 3.12 and 3.13).

var _ = Check("pingreq-answered",
	"answers PINGREQ with PINGRESP",
	Rules{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"},
	CaughtBy{fault.AnswersNoPing},
	func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(&codec.Pingreq{})

		Want[*codec.Pingresp](alice, "PINGRESP")
	})

var _ = Check("ping-each-answered",
	"answers every PINGREQ, also when several arrive at once",
	Rules{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"},
	CaughtBy{fault.AnswersEveryOtherPing},
	func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(&codec.Pingreq{}, &codec.Pingreq{}, &codec.Pingreq{})

		Want[*codec.Pingresp](alice, "a PINGRESP for the first PINGREQ")
		Want[*codec.Pingresp](alice, "a PINGRESP for the second PINGREQ")
		Want[*codec.Pingresp](alice, "a PINGRESP for the third PINGREQ")
	})
