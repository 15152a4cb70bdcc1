package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// PINGREQ and PINGRESP (sections 3.12 and 3.13).

var _ = Check(Definition{
	Slug:     "pingreq-answered",
	Title:    "answers PINGREQ with PINGRESP",
	Rules:    Rules{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"},
	CaughtBy: Faults{fault.AnswersNoPing},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(&codec.Pingreq{})

		x.Uncontrolled(func() { Want[*codec.Pingresp](alice, "PINGRESP") }) // what else comes tells nothing of it
	},
})

var _ = Check(Definition{
	Slug:     "ping-each-answered",
	Title:    "answers every PINGREQ, also when several arrive at once",
	Rules:    Rules{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"},
	CaughtBy: Faults{fault.AnswersEveryOtherPing},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(&codec.Pingreq{}, &codec.Pingreq{}, &codec.Pingreq{})

		Want[*codec.Pingresp](alice, "a PINGRESP for the first PINGREQ")
		Want[*codec.Pingresp](alice, "a PINGRESP for the second PINGREQ")
		Want[*codec.Pingresp](alice, "a PINGRESP for the third PINGREQ")
	},
})
