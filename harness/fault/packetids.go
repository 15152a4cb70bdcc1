package fault

import "mqttspec/codec"

// IgnoresIdentifierZero does not mind a packet that cannot be acknowledged.
var IgnoresIdentifierZero = stateful("ignores-identifier-zero", "ignores packets with Packet Identifier 0 and carries on",
	Breaks{V311: "MQTT-4.8.0-1", V5: "5.0/4.13.1/unnamed-error"},
	func() behaviour {
		return behaviour{FromClient: func(_ *Link, f *Frame) Action {
			if f.Breach != nil && f.Breach.Field == "Packet Identifier" {
				return Swallow
			}
			return Forward
		}}
	})

// OneIdentifierForAll never counts on.
var OneIdentifierForAll = fromBroker("one-identifier-for-all", "sends every PUBLISH above QoS 0 with Packet Identifier 1",
	Breaks{V311: "MQTT-2.3.1-4 MQTT-4.3.2-1 MQTT-4.3.3-1", V5: "MQTT-2.2.1-4 MQTT-4.3.2-1 MQTT-4.3.3-1",
		Follows: Follows{Observed: lost, Because: "what is acknowledged by another identifier is not complete, and holds up what follows"}},
	func(_ *Link, p *codec.Publish) Action {
		if p.QoS > codec.QoS0 {
			p.PacketID = 1
		}
		return Forward
	})

// SharesIdentifiers keeps the identifiers of both directions in one table.
var SharesIdentifiers = stateful("shares-identifiers", "takes a client's PUBLISH for a duplicate when its Packet Identifier is that of a message under way to the client",
	Breaks{V311: "MQTT-4.3.2-2 MQTT-4.3.3-2 3.1.1/2.3.1/packet-identifiers-independent", V5: "MQTT-4.3.2-4 MQTT-4.3.3-8 5.0/2.2.1/packet-identifiers-independent"},
	func() behaviour {
		underWay := map[deliveryKey]bool{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				underWay[deliveryKey{l.ClientID(), p.PacketID}] = p.QoS > codec.QoS0
				return Forward
			}),
			FromClient: only(func(l *Link, p *codec.Publish) Action {
				if p.QoS > codec.QoS0 && underWay[deliveryKey{l.ClientID(), p.PacketID}] {
					return Swallow
				}
				return Forward
			}),
		}
	})

// MixesUpIdentifiers keeps the identifiers of both directions in one table, and
// so takes the end of a client's message for that of its own. The proxy takes out
// what the broker resends under an identifier that the client has used.
var MixesUpIdentifiers = stateful("mixes-up-identifiers", "does not resend a message when the client has used its Packet Identifier for a message of its own",
	Breaks{V311: "MQTT-4.3.2-1 MQTT-4.3.3-1 MQTT-4.4.0-1 3.1.1/2.3.1/packet-identifiers-independent", V5: "MQTT-4.3.2-3 MQTT-4.3.3-3 MQTT-4.4.0-1 5.0/2.2.1/packet-identifiers-independent"},
	func() behaviour {
		used := map[deliveryKey]bool{}
		sent := deliveries{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				sent.fromClient(l, f)
				if p, ok := f.Packet.(*codec.Publish); ok {
					used[deliveryKey{l.ClientID(), p.PacketID}] = true
				}
				return Forward
			},
			FromBroker: func(l *Link, f *Frame) Action {
				d := sent.fromBroker(l, f)
				if d != nil && used[deliveryKey{l.ClientID(), d.publish.PacketID}] {
					return Swallow
				}
				return Forward
			},
		}
	})

// CountsAnew begins to count with every connection. The proxy gives what is sent for
// the first time the number of what was sent again.
var CountsAnew = stateful("counts-anew", "numbers messages to a client that is back in its session as if none of its session were under way",
	Breaks{V311: "MQTT-2.3.1-4 MQTT-4.3.2-1", V5: "MQTT-2.2.1-4 MQTT-4.3.2-1 MQTT-4.3.3-1"},
	func() behaviour {
		again := map[*Link]uint16{}
		return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
			switch id, resumed := again[l]; {
			case p.QoS == codec.QoS0:
			case p.Dup:
				again[l] = p.PacketID
			case resumed:
				p.PacketID = id
			}
			return Forward
		})}
	})
