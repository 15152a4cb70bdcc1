package fault

import "mqttspec/codec"

// AcknowledgesQoS0 answers what needs no answer, once it has accepted the client.
var AcknowledgesQoS0 = stateful("acknowledges-qos-0", "answers a QoS 0 PUBLISH with PUBACK",
	Breaks{V311: "MQTT-3.3.4-1", V5: "MQTT-3.3.4-1"},
	func() behaviour {
		accepted := map[*Link]bool{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				accepted[l] = p.Code == codec.Success
				return Forward
			}),
			FromClient: only(func(l *Link, p *codec.Publish) Action {
				if accepted[l] && p.QoS == codec.QoS0 {
					l.ToClient(&codec.Puback{PacketID: 1})
				}
				return Forward
			}),
		}
	})

// DupAtQoS0 marks as repeated what cannot be.
var DupAtQoS0 = fromBroker("dup-at-qos-0", "sends QoS 0 messages with DUP 1",
	Breaks{V311: "MQTT-3.3.1-2 MQTT-4.3.1-1", V5: "MQTT-3.3.1-2 MQTT-4.3.1-1"},
	func(_ *Link, p *codec.Publish) Action {
		p.Dup = p.Dup || p.QoS == codec.QoS0
		return Forward
	})

// PacketIdentifierAtQoS0 numbers every message: two bytes in front of the payload
// (in 5.0 they ought to stand in front of the properties).
var PacketIdentifierAtQoS0 = fromBroker("packet-identifier-at-qos-0", "writes a Packet Identifier into QoS 0 messages too",
	Breaks{V311: "MQTT-2.3.1-5", V5: "MQTT-2.2.1-2"},
	func(_ *Link, p *codec.Publish) Action {
		if p.QoS == codec.QoS0 {
			p.Payload = "\x00\x01" + p.Payload
		}
		return Forward
	})

// RaisesQoS0 sends QoS 0 messages under a Packet Identifier of the proxy's.
var RaisesQoS0 = fromBroker("raises-qos-0", "delivers QoS 0 messages at QoS 1",
	Breaks{V311: "MQTT-4.3.1-1 MQTT-3.8.4-6 MQTT-3.3.5-1", V5: "MQTT-4.3.1-1 MQTT-3.8.4-8 MQTT-3.3.4-2"},
	func(_ *Link, p *codec.Publish) Action {
		if p.QoS == codec.QoS0 {
			p.QoS, p.PacketID = codec.QoS1, 0x7777
		}
		return Forward
	})

// RepeatsQoS0 sends each QoS 0 message once more.
var RepeatsQoS0 = fromBroker("repeats-qos-0", "delivers every QoS 0 message twice",
	Breaks{V311: "3.1.1/4.3.1/no-duplicate", V5: "5.0/4.3.1/no-duplicate"},
	func(l *Link, p *codec.Publish) Action {
		if p.QoS == codec.QoS0 {
			l.ToClient(p)
		}
		return Forward
	})

// ResendsQoS0 keeps QoS 0 messages for a resumed session. The proxy sends the last
// one in front of the first message on the client's next connection.
var ResendsQoS0 = stateful("resends-qos-0", "sends the last QoS 0 message of a session again when the client comes back",
	Breaks{V311: "3.1.1/4.3.1/no-duplicate", V5: "5.0/4.3.1/no-duplicate MQTT-4.4.0-1"},
	func() behaviour {
		last := map[string]*codec.Publish{} // by Client Identifier
		seen := map[*Link]bool{}
		return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
			if again := last[l.ClientID()]; again != nil && !seen[l] {
				l.ToClient(again)
			}
			seen[l] = true
			if p.QoS == codec.QoS0 {
				kept := *p
				last[l.ClientID()] = &kept
			}
			return Forward
		})}
	})

// IgnoresDupAtQoS0 does not mind DUP where it makes no sense.
var IgnoresDupAtQoS0 = tolerates("ignores-dup-at-qos-0", "ignores a QoS 0 PUBLISH with DUP 1 and carries on",
	Breaks{V311: "MQTT-4.8.0-1 MQTT-3.3.1-2"},
	breaks(codec.PUBLISH, "MQTT-3.3.1-2"))
