package fault

import "mqttspec/codec"

// AnswersNoPing lets clients wait.
var AnswersNoPing = fromBroker("answers-no-ping", "never sends PINGRESP",
	Breaks{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"},
	func(_ *Link, _ *codec.Pingresp) Action { return Swallow })

// AnswersEveryOtherPing takes two PINGREQ that come together for one.
var AnswersEveryOtherPing = stateful("answers-every-other-ping", "answers only every other PINGREQ",
	Breaks{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"},
	func() behaviour {
		count := map[*Link]int{}
		return behaviour{FromBroker: only(func(l *Link, _ *codec.Pingresp) Action {
			count[l]++
			if count[l]%2 == 0 {
				return Swallow
			}
			return Forward
		})}
	})
