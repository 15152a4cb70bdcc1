package fault

import (
	"mqttspec/codec"
	"slices"
)

// tellsProblems makes brokers that explain the packets of one type to clients
// that do not want to know.
func tellsProblems[T codec.Packet]() []Fault {
	return sendsProperties[T]("unasked", once("MQTT-3.1.2-29", codec.ReasonString("why")), once("MQTT-3.1.2-29", codec.UserProperty("remark", "why")))
}

// TellsProblems explains each kind of packet that Request Problem Information
// is about, however it is set.
var TellsProblems = slices.Concat(
	tellsProblems[*codec.Puback](), tellsProblems[*codec.Pubrec](), tellsProblems[*codec.Pubrel](), tellsProblems[*codec.Pubcomp](),
	tellsProblems[*codec.Suback](), tellsProblems[*codec.Unsuback](),
)

// TellsProblemsInAuth does the same in AUTH.
var TellsProblemsInAuth = tellsProblems[*codec.Auth]()
