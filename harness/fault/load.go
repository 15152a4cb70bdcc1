package fault

import "mqttspec/codec"

// LosesMessages is not up to the load. The proxy acknowledges what it takes out.
var LosesMessages = everyHundredth("loses-messages", "loses one of a hundred messages above QoS 0",
	Breaks{V311: "MQTT-4.5.0-1", V5: "MQTT-4.5.0-1"},
	func(l *Link, p *codec.Publish) Action {
		switch p.QoS {
		case codec.QoS1:
			l.ToBroker(&codec.Puback{PacketID: p.PacketID})
		case codec.QoS2:
			l.ToBroker(&codec.Pubrec{PacketID: p.PacketID})
		}
		return Swallow
	})

// RepeatsMessages is not up to the load either. The proxy sends the message again
// under a Packet Identifier that the broker is not using.
var RepeatsMessages = everyHundredth("repeats-messages", "delivers one of a hundred messages a second time, as another",
	Breaks{V311: "3.1.1/4.3.1/no-duplicate MQTT-4.3.3-1 MQTT-4.3.3-2", V5: "5.0/4.3.1/no-duplicate MQTT-4.3.3-6 MQTT-4.3.3-10"},
	func(l *Link, p *codec.Publish) Action {
		again := *p
		again.PacketID = p.PacketID ^ 0x4000
		l.ToClient(p, &again)
		return Swallow
	})

// everyHundredth makes a fault of what becomes of every hundredth message of
// the highest QoS that is used.
func everyHundredth(name, does string, breaks Breaks, edit func(l *Link, p *codec.Publish) Action) Fault {
	return stateful(name, does, breaks, func() behaviour {
		count := 0
		return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
			if p.QoS < codec.QoS2 || p.Dup {
				return Forward
			}
			if count++; count%100 == 0 {
				return edit(l, p)
			}
			return Forward
		})}
	})
}
