package fault

import "mqttspec/codec"

// WithholdsPuback never sends PUBACK.
var WithholdsPuback = fromBroker("withholds-puback", "does not answer a QoS 1 PUBLISH",
	Breaks{V311: "MQTT-3.3.4-1 MQTT-4.3.2-2", V5: "MQTT-3.3.4-1 MQTT-4.3.2-4"},
	func(*Link, *codec.Puback) Action { return Swallow })

// PubackWrongIdentifier acknowledges some other message.
var PubackWrongIdentifier = fromBroker("puback-wrong-identifier", "sends PUBACK with another Packet Identifier than the PUBLISH had",
	Breaks{V311: "MQTT-2.3.1-6 MQTT-3.3.4-1 MQTT-4.3.2-2", V5: "MQTT-2.2.1-5 MQTT-3.3.4-1 MQTT-4.3.2-4"},
	func(_ *Link, p *codec.Puback) Action {
		p.PacketID = otherIdentifier(p.PacketID)
		return Forward
	})

// DeliversAtQoS0 lowers every message. The proxy acknowledges it to the broker in
// the client's place.
var DeliversAtQoS0 = fromBroker("delivers-at-qos-0", "delivers every message at QoS 0",
	Breaks{V311: "MQTT-3.8.4-6 MQTT-3.3.5-1 MQTT-3.3.1-5 MQTT-4.3.2-1 MQTT-4.3.3-1", V5: "MQTT-3.8.4-8 MQTT-3.3.4-2 MQTT-3.3.1-5 MQTT-4.3.2-2 MQTT-4.3.3-2",
		Follows: Follows{V5: "MQTT-4.8.2-3", Because: "a Shared Subscription's granted QoS has a sentence of its own"}},
	func(l *Link, p *codec.Publish) Action {
		switch p.QoS {
		case codec.QoS1:
			l.ToBroker(&codec.Puback{PacketID: p.PacketID})
		case codec.QoS2:
			l.ToBroker(&codec.Pubrec{PacketID: p.PacketID})
		}
		p.QoS, p.PacketID, p.Dup = codec.QoS0, 0, false
		return Forward
	})

// DupAlways marks every message as repeated.
var DupAlways = fromBroker("dup-always", "sends every PUBLISH above QoS 0 with DUP 1",
	Breaks{V311: "MQTT-3.3.1-3 MQTT-4.3.2-1 MQTT-4.3.3-1", V5: "MQTT-3.3.1-3 MQTT-4.3.2-2 MQTT-4.3.3-2"},
	func(_ *Link, p *codec.Publish) Action {
		p.Dup = p.QoS > codec.QoS0
		return Forward
	})

// PacketIdentifierZero does not number what it sends.
var PacketIdentifierZero = fromBroker("packet-identifier-zero", "sends every PUBLISH with Packet Identifier 0",
	Breaks{V311: "MQTT-2.3.1-1 MQTT-2.3.1-4 MQTT-4.3.2-1 MQTT-4.3.3-1", V5: "MQTT-2.2.1-4 MQTT-4.3.2-1 MQTT-4.3.3-1"},
	func(_ *Link, p *codec.Publish) Action {
		p.PacketID = 0
		return Forward
	})

// IdentifiersOnlyOnce takes a Packet Identifier that it saw before for a sign
// that it has the message already.
var IdentifiersOnlyOnce = stateful("identifiers-only-once", "acknowledges a PUBLISH whose Packet Identifier was used before on the connection, and drops it as a duplicate",
	Breaks{V311: "MQTT-4.3.2-2 MQTT-4.3.3-2", V5: "MQTT-4.3.2-5 MQTT-4.3.3-12 MQTT-4.3.3-9"},
	func() behaviour {
		type use struct {
			l  *Link
			id uint16
		}
		used, released := map[use]bool{}, map[use]bool{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Publish:
				u := use{l, p.PacketID}
				if p.QoS == codec.QoS0 || !used[u] {
					used[u] = true
					return Forward
				}
				if p.QoS == codec.QoS1 {
					l.ToClient(&codec.Puback{PacketID: p.PacketID})
				} else {
					l.ToClient(&codec.Pubrec{PacketID: p.PacketID})
				}
				return Swallow
			case *codec.Pubrel:
				u := use{l, p.PacketID}
				if released[u] {
					l.ToClient(&codec.Pubcomp{PacketID: p.PacketID})
					return Swallow
				}
				released[u] = true
			}
			return Forward
		}}
	})

// ForgetsUnacknowledged gives up on what was not acknowledged before the
// connection ended: the proxy takes out what the broker sends again.
var ForgetsUnacknowledged = onResend("forgets-unacknowledged", "does not resend unacknowledged PUBLISH and PUBREL packets to a client that comes back",
	Breaks{V311: "MQTT-4.4.0-1 MQTT-4.3.2-1 MQTT-4.3.3-1", V5: "MQTT-4.4.0-1 MQTT-4.3.2-3 MQTT-4.3.3-3 MQTT-4.3.3-5",
		Follows: Follows{V5: "MQTT-4.3.3-7",
			Because: "a message that was sent and has expired since is no exception"}},
	func(*Link, *codec.Publish, codec.Packet) Action { return Swallow })

// ResendsWithoutDup resends as if it were the first time.
var ResendsWithoutDup = onResend("resends-without-dup", "resends PUBLISH packets with DUP 0",
	Breaks{V311: "MQTT-3.3.1-1", V5: "MQTT-3.3.1-1"},
	func(_ *Link, _ *codec.Publish, p codec.Packet) Action {
		if p, ok := p.(*codec.Publish); ok {
			p.Dup = false
		}
		return Forward
	})

// ResendsUnderNewIdentifier numbers what it resends anew.
var ResendsUnderNewIdentifier = onResend("resends-under-new-identifier", "resends PUBLISH and PUBREL packets with another Packet Identifier than they had at first",
	Breaks{V311: "MQTT-2.3.1-4 MQTT-4.4.0-1", V5: "MQTT-4.4.0-1",
		Follows: Follows{
			V311:    "MQTT-3.10.4-3 MQTT-4.3.2-1 MQTT-4.3.3-1",
			V5:      "MQTT-2.2.1-4 MQTT-3.10.4-3 MQTT-4.3.2-1 MQTT-4.3.3-1 MQTT-4.3.3-4 MQTT-4.3.3-5 MQTT-4.3.3-6 MQTT-4.8.2-4",
			Because: "the other identifier may be in use, and is not the one that its delivery goes on with"}},
	func(_ *Link, _ *codec.Publish, p codec.Packet) Action {
		switch p := p.(type) {
		case *codec.Publish:
			p.PacketID = otherIdentifier(p.PacketID)
		case *codec.Pubrel:
			p.PacketID = otherIdentifier(p.PacketID)
		}
		return Forward
	})

// ResendsAcknowledged does not notice that a message was acknowledged. The proxy
// sends it in front of the first message on the client's next connection.
var ResendsAcknowledged = stateful("resends-acknowledged", "sends the last message that a client completed again when the client comes back",
	Breaks{V311: "MQTT-4.3.3-1", V5: "MQTT-4.3.3-6 MQTT-4.4.0-1 MQTT-4.4.0-2"},
	func() behaviour {
		sent := deliveries{}
		completed := map[string]*delivery{} // by Client Identifier
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				if d := sent.fromClient(l, f); d != nil {
					completed[l.ClientID()] = d
				}
				return Forward
			},
			FromBroker: func(l *Link, f *Frame) Action {
				if d := completed[l.ClientID()]; d != nil && d.link != l && f.Type() == codec.PUBLISH {
					again := *d.publish
					again.Dup = true
					l.ToClient(&again)
					delete(completed, l.ClientID())
				}
				sent.fromBroker(l, f)
				return Forward
			},
		}
	})

// ResendsOnPing is reminded of what is open whenever the client shows up.
var ResendsOnPing = stateful("resends-on-ping", "sends the last unacknowledged PUBLISH or PUBREL again when PINGREQ comes",
	Breaks{V5: "MQTT-4.4.0-1"},
	func() behaviour {
		last := map[*Link]codec.Packet{}
		return behaviour{
			FromBroker: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Publish:
					again := *p
					again.Dup = p.QoS > codec.QoS0
					last[l] = &again
				case *codec.Pubrel:
					last[l] = p
				}
				return Forward
			},
			FromClient: func(l *Link, f *Frame) Action {
				if f.Type() == codec.PINGREQ && last[l] != nil {
					l.ToClient(last[l])
				}
				return Forward
			},
		}
	})

// onResend makes a fault of what becomes of a PUBLISH or PUBREL that the broker
// sends again on another connection than before; first is the PUBLISH as it
// was sent at first.
func onResend(name, does string, breaks Breaks, edit func(l *Link, first *codec.Publish, p codec.Packet) Action) Fault {
	return stateful(name, does, breaks, func() behaviour {
		sent := deliveries{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				sent.fromClient(l, f)
				return Forward
			},
			FromBroker: func(l *Link, f *Frame) Action {
				if d := sent.fromBroker(l, f); d != nil {
					return edit(l, d.publish, f.Packet)
				}
				return Forward
			},
		}
	})
}

// deliveries are the messages that the broker has sent and that are not
// complete, by Client Identifier and Packet Identifier.
type deliveries map[deliveryKey]*delivery

type deliveryKey struct {
	client string
	id     uint16
}

type delivery struct {
	publish *codec.Publish // as it was sent at first
	link    *Link          // the connection that its latest packet went out on
}

// fromBroker notes what the broker sends, and returns the delivery that it
// resends with this packet, if it does.
func (ds deliveries) fromBroker(l *Link, f *Frame) (resent *delivery) {
	switch p := f.Packet.(type) {
	case *codec.Publish:
		if p.QoS == codec.QoS0 {
			return nil
		}
		key := deliveryKey{l.ClientID(), p.PacketID}
		d := ds[key]
		if d == nil || d.link == l || d.publish.Payload != p.Payload {
			first := *p
			ds[key] = &delivery{&first, l}
			return nil
		}
		d.link = l
		return d
	case *codec.Pubrel:
		d := ds[deliveryKey{l.ClientID(), p.PacketID}]
		if d == nil || d.link == l {
			return nil
		}
		d.link = l
		return d
	}
	return nil
}

// fromClient notes what the client answers, and returns the delivery that it
// completes with this packet, if it does.
func (ds deliveries) fromClient(l *Link, f *Frame) (completed *delivery) {
	var key deliveryKey
	switch p := f.Packet.(type) {
	case *codec.Puback:
		key = deliveryKey{l.ClientID(), p.PacketID}
	case *codec.Pubrec:
		if !p.Code.IsError() {
			return nil
		}
		key = deliveryKey{l.ClientID(), p.PacketID}
	case *codec.Pubcomp:
		key = deliveryKey{l.ClientID(), p.PacketID}
	default:
		return nil
	}
	completed = ds[key]
	delete(ds, key)
	return completed
}

// otherIdentifier is a Packet Identifier that is not this one.
func otherIdentifier(id uint16) uint16 {
	if id == 0xFFFF {
		return 1
	}
	return id + 1
}

// IgnoresRepeated takes a message that is marked as repeated for one that it has.
var IgnoresRepeated = fromClient("ignores-repeated", "does not answer a QoS 1 PUBLISH with DUP 1",
	Breaks{V311: "MQTT-4.3.2-2 MQTT-3.3.4-1", V5: "MQTT-4.3.2-4 MQTT-4.3.2-5 MQTT-3.3.4-1"},
	func(_ *Link, p *codec.Publish) Action {
		if p.QoS == codec.QoS1 && p.Dup {
			return Swallow
		}
		return Forward
	})
