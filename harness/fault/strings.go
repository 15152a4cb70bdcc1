package fault

import (
	"strings"

	"mqttspec/codec"
)

// IgnoresIllFormedStrings skips packets with a string that is none.
var IgnoresIllFormedStrings = tolerates("ignores-ill-formed-strings", "ignores packets with a string that is ill-formed UTF-8",
	Breaks{V311: "MQTT-1.5.3-1 MQTT-3.1.3-10 MQTT-3.1.3-11 MQTT-3.1.3-4 MQTT-3.10.3-1 MQTT-3.8.3-1", V5: "MQTT-1.5.4-1 MQTT-1.5.7-1 MQTT-3.1.3-11 MQTT-3.1.3-12 MQTT-3.1.3-4 MQTT-3.10.3-1 MQTT-3.3.2-13 MQTT-3.3.2-19 MQTT-3.8.3-1"},
	breaking("MQTT-1.5.3-1", "MQTT-1.5.4-1", "MQTT-1.5.7-1"))

// IgnoresNullCharacters skips packets with U+0000 in a string.
var IgnoresNullCharacters = tolerates("ignores-null-characters", "ignores packets with U+0000 in a string",
	Breaks{V311: "MQTT-1.5.3-2 MQTT-4.7.3-2", V5: "MQTT-1.5.4-2 MQTT-4.7.3-2"},
	breaking("MQTT-1.5.3-2", "MQTT-1.5.4-2", "MQTT-1.5.7-1"))

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\uFEFF"

// StripsByteOrderMarks takes U+FEFF for no part of a topic.
var StripsByteOrderMarks = stateful("strips-byte-order-marks", "leaves U+FEFF out of Topic Names and Topic Filters",
	Breaks{V311: "MQTT-1.5.3-3 MQTT-4.7.3-4", V5: "MQTT-1.5.4-3 MQTT-4.7.3-4"}, func() behaviour {
		return behaviour{FromClient: func(_ *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Publish:
				p.Topic = strings.ReplaceAll(p.Topic, byteOrderMark, "")
			case *codec.Subscribe:
				for i := range p.Subscriptions {
					p.Subscriptions[i].Filter = strings.ReplaceAll(p.Subscriptions[i].Filter, byteOrderMark, "")
				}
			}
			return Forward
		}}
	})

// StripsByteOrderMarksFromProperties does the same to what is handed on.
var StripsByteOrderMarksFromProperties = fromBroker("strips-byte-order-marks-from-properties", "leaves U+FEFF out of the properties of messages",
	Breaks{V5: "MQTT-1.5.4-3"},
	func(_ *Link, p *codec.Publish) Action {
		for i := range p.Properties {
			p.Properties[i].Name = strings.ReplaceAll(p.Properties[i].Name, byteOrderMark, "")
			p.Properties[i].Text = strings.ReplaceAll(p.Properties[i].Text, byteOrderMark, "")
		}
		return Forward
	})

// WritesControlCharacters writes them into its own strings.
var WritesControlCharacters = sends("writes-control-characters", "writes a control character into the Reason Strings of CONNACK",
	Breaks{V5: "5.0/1.5.4/control-characters"},
	func(_ *Link, p *codec.Connack) codec.Packet {
		return withProperties(p, codec.Properties{codec.ReasonString("welcome\x07")})
	})
