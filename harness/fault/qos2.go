package fault

import (
	"maps"

	"mqttspec/codec"
)

// WithholdsPubrec never sends PUBREC.
var WithholdsPubrec = fromBroker("withholds-pubrec", "does not answer a QoS 2 PUBLISH",
	Breaks{V311: "MQTT-3.3.4-1 MQTT-4.3.3-2", V5: "MQTT-3.3.4-1 MQTT-4.3.3-8"},
	func(*Link, *codec.Pubrec) Action { return Swallow })

// WithholdsPubrel never sends PUBREL.
var WithholdsPubrel = fromBroker("withholds-pubrel", "does not answer PUBREC",
	Breaks{V311: "MQTT-4.3.3-1", V5: "MQTT-4.3.3-4"},
	func(*Link, *codec.Pubrel) Action { return Swallow })

// WithholdsPubcomp never sends PUBCOMP.
var WithholdsPubcomp = fromBroker("withholds-pubcomp", "does not answer PUBREL",
	Breaks{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-11",
		Follows: Follows{V5: "MQTT-4.3.3-13",
			Because: "a PUBREL for a message that has expired is no exception"}},
	func(*Link, *codec.Pubcomp) Action { return Swallow })

// PubrecWrongIdentifier acknowledges some other message.
var PubrecWrongIdentifier = fromBroker("pubrec-wrong-identifier", "sends PUBREC with another Packet Identifier than the PUBLISH had",
	Breaks{V311: "MQTT-2.3.1-6 MQTT-3.3.4-1 MQTT-4.3.3-2", V5: "MQTT-2.2.1-5 MQTT-3.3.4-1 MQTT-4.3.3-8"},
	func(_ *Link, p *codec.Pubrec) Action {
		p.PacketID = otherIdentifier(p.PacketID)
		return Forward
	})

// PubrelWrongIdentifier releases some other message.
var PubrelWrongIdentifier = fromBroker("pubrel-wrong-identifier", "sends PUBREL with another Packet Identifier than the PUBLISH had",
	Breaks{V311: "MQTT-2.3.1-6 MQTT-4.3.3-1", V5: "MQTT-2.2.1-5 MQTT-4.3.3-4"},
	func(_ *Link, p *codec.Pubrel) Action {
		p.PacketID = otherIdentifier(p.PacketID)
		return Forward
	})

// PubcompWrongIdentifier completes some other message.
var PubcompWrongIdentifier = fromBroker("pubcomp-wrong-identifier", "sends PUBCOMP with another Packet Identifier than the PUBREL had",
	Breaks{V311: "MQTT-4.3.3-2", V5: "MQTT-2.2.1-5 MQTT-4.3.3-11"},
	func(_ *Link, p *codec.Pubcomp) Action {
		p.PacketID = otherIdentifier(p.PacketID)
		return Forward
	})

// onRepeat makes a fault of what becomes of a QoS 2 PUBLISH that a client sends
// again before it has sent PUBREL, on the same connection or a later one of
// its session.
func onRepeat(name, does string, breaks Breaks, edit func(l *Link, p *codec.Publish) Action) Fault {
	return stateful(name, does, breaks, func() behaviour {
		received := map[deliveryKey]bool{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Publish:
				key := deliveryKey{l.ClientID(), p.PacketID}
				if p.QoS != codec.QoS2 {
					return Forward
				}
				if received[key] {
					return edit(l, p)
				}
				received[key] = true
			case *codec.Pubrel:
				delete(received, deliveryKey{l.ClientID(), p.PacketID})
			}
			return Forward
		}}
	})
}

// ForwardsDuplicates acknowledges a repeated PUBLISH, but takes it for another
// message.
var ForwardsDuplicates = onRepeat("forwards-duplicates", "delivers a QoS 2 PUBLISH that a client repeats before PUBREL a second time",
	Breaks{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-10"},
	func(l *Link, p *codec.Publish) Action {
		l.ToBroker(&codec.Publish{Topic: p.Topic, Payload: p.Payload})
		l.ToClient(&codec.Pubrec{PacketID: p.PacketID})
		return Swallow
	})

// IgnoresDuplicates answers a message once and no more.
var IgnoresDuplicates = stateful("ignores-duplicates", "sends PUBREC for a message once, however often the client repeats the PUBLISH",
	Breaks{V311: "MQTT-4.3.3-2 MQTT-3.3.4-1", V5: "MQTT-4.3.3-8 MQTT-4.3.3-10 MQTT-3.3.4-1"},
	func() behaviour {
		answered := map[deliveryKey]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Pubrel) Action {
				delete(answered, deliveryKey{l.ClientID(), p.PacketID})
				return Forward
			}),
			FromBroker: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connack:
					if !p.SessionPresent {
						maps.DeleteFunc(answered, func(key deliveryKey, _ bool) bool { return key.client == l.ClientID() })
					}
				case *codec.Pubrec:
					key := deliveryKey{l.ClientID(), p.PacketID}
					if answered[key] {
						return Swallow
					}
					answered[key] = !p.Code.IsError()
				}
				return Forward
			},
		}
	})

// RestartsQoS2 forgets how far a message got.
var RestartsQoS2 = onResend("restarts-qos-2", "sends PUBLISH again to a client that comes back before PUBCOMP, though PUBREL was sent",
	Breaks{V311: "MQTT-4.3.3-1 MQTT-4.4.0-1", V5: "MQTT-4.3.3-6 MQTT-4.4.0-1"},
	func(l *Link, first *codec.Publish, p codec.Packet) Action {
		if _, released := p.(*codec.Pubrel); released {
			again := *first
			again.Dup = true
			l.ToClient(&again)
		}
		return Forward
	})

// ResendsOnlyOnce gives up after the first attempt.
var ResendsOnlyOnce = stateful("resends-only-once", "resends an unacknowledged packet at the first reconnect and at no later one",
	Breaks{V311: "MQTT-4.4.0-1 MQTT-4.3.2-1 MQTT-4.3.3-1", V5: "MQTT-4.4.0-1 MQTT-4.3.2-3 MQTT-4.3.3-3 MQTT-4.3.3-5"},
	func() behaviour {
		sent := deliveries{}
		resent := map[*delivery]bool{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				sent.fromClient(l, f)
				return Forward
			},
			FromBroker: func(l *Link, f *Frame) Action {
				d := sent.fromBroker(l, f)
				if d != nil && resent[d] {
					return Swallow
				}
				if d != nil {
					resent[d] = true
				}
				return Forward
			},
		}
	})

// ForgetsReceived keeps no Packet Identifiers of its clients beyond a connection:
// the proxy drops a PUBREL whose PUBLISH came on another one.
var ForgetsReceived = stateful("forgets-received", "forgets the Packet Identifiers of incomplete QoS 2 messages from a client when its connection ends, and ignores a PUBREL for them",
	Breaks{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-10 MQTT-4.3.3-11"},
	func() behaviour {
		received := map[deliveryKey]*Link{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Publish:
				received[deliveryKey{l.ClientID(), p.PacketID}] = l
			case *codec.Pubrel:
				if received[deliveryKey{l.ClientID(), p.PacketID}] != l {
					return Swallow
				}
			}
			return Forward
		}}
	})

// IgnoresUnknownPubrel answers no PUBREL that it did not expect.
var IgnoresUnknownPubrel = stateful("ignores-unknown-pubrel", "does not answer a PUBREL whose Packet Identifier belongs to no incomplete message",
	Breaks{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-11"},
	func() behaviour {
		incomplete := map[deliveryKey]bool{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Publish:
				if p.QoS == codec.QoS2 {
					incomplete[deliveryKey{l.ClientID(), p.PacketID}] = true
				}
			case *codec.Pubrel:
				key := deliveryKey{l.ClientID(), p.PacketID}
				if !incomplete[key] {
					return Swallow
				}
				delete(incomplete, key)
			}
			return Forward
		}}
	})

// IgnoresPubrelFlags does not look at the reserved flags.
var IgnoresPubrelFlags = tolerates("ignores-pubrel-flags", "ignores a PUBREL with wrong reserved flags and carries on",
	Breaks{V311: "MQTT-3.6.1-1 MQTT-2.2.2-2", V5: "MQTT-3.6.1-1 5.0/2.1.3/invalid-flags MQTT-4.13.1-1"},
	malformed(codec.PUBREL, "Fixed Header"))

// IgnoresPubrelNotFound has nothing to say to a client that has lost what it knew
// of a message.
var IgnoresPubrelNotFound = tolerates("ignores-pubrel-not-found", "does not answer a PUBREL that says 0x92 Packet Identifier not found",
	Breaks{V5: "MQTT-4.3.3-11"},
	func(_ *Link, f *Frame) bool {
		p, ok := f.Packet.(*codec.Pubrel)
		return ok && p.Code == codec.PacketIdentifierNotFound
	})
