package fault

import (
	"mqttspec/codec"
)

// IgnoresReceiveMaximum sends as fast as it can: the broker behind sees no Receive
// Maximum.
var IgnoresReceiveMaximum = fromClient("ignores-receive-maximum", "does not look at the client's Receive Maximum",
	Breaks{V5: "MQTT-3.3.4-9 MQTT-4.9.0-1 MQTT-4.9.0-2"},
	func(_ *Link, p *codec.Connect) Action {
		setReceiveMaximum(p, 0)
		return Forward
	})

// setReceiveMaximum changes the Receive Maximum of a CONNECT; 0 removes it.
func setReceiveMaximum(p *codec.Connect, most uint32) {
	p.Properties = without(p.Properties, codec.PropReceiveMaximum)
	if most > 0 {
		p.Properties = append(p.Properties, codec.ReceiveMaximum(uint16(most)))
	}
}

// FreesQuotaAtPubrec takes PUBREC for the end of the matter.
var FreesQuotaAtPubrec = flowControl("frees-quota-at-pubrec", "counts a QoS 2 message to a client as complete when PUBREC comes",
	Breaks{V5: "MQTT-3.3.4-9 MQTT-4.9.0-2"},
	func(p codec.Packet) bool { return p.Type() == codec.PUBACK || p.Type() == codec.PUBREC })

// NeverFreesQuota counts down only.
var NeverFreesQuota = flowControl("never-frees-quota", "sends a client no more messages in all than its Receive Maximum",
	Breaks{V5: "5.0/4.9/quota-restored"},
	func(codec.Packet) bool { return false })

// FreesNoQuotaOnError counts only what went well.
var FreesNoQuotaOnError = flowControl("frees-no-quota-on-error", "counts messages that a client acknowledges with an error as still under way",
	Breaks{V5: "5.0/4.9/quota-restored"},
	func(p codec.Packet) bool {
		switch p := p.(type) {
		case *codec.Puback:
			return !p.Code.IsError()
		case *codec.Pubcomp:
			return !p.Code.IsError()
		}
		return false
	})

// MendsFlowControl makes good what brokers get wrong.
var MendsFlowControl = flowControl("mends-flow-control", "keeps to the client's Receive Maximum exactly, that is to say rightly",
	Breaks{},
	func(p codec.Packet) bool {
		switch p := p.(type) {
		case *codec.Puback, *codec.Pubcomp:
			return true
		case *codec.Pubrec:
			return p.Code.IsError()
		}
		return false
	})

// flowControl makes a broker with a send quota of its own making, which the
// acknowledgements that frees matches raise by one. The broker behind sees no
// Receive Maximum; what it sends beyond the quota the proxy holds back.
func flowControl(name, does string, breaks Breaks, frees func(codec.Packet) bool) Fault {
	return flowControlFrom(0, name, does, breaks, frees)
}

// RaisesQuota does not know what it has sent on this connection.
var RaisesQuota = flowControlFrom(-65535, "raises-quota", "takes every acknowledgement for room for another message beyond the client's Receive Maximum",
	Breaks{V5: "5.0/4.9/quota-not-exceeded MQTT-3.3.4-9"},
	func(p codec.Packet) bool { return p.Type() == codec.PUBACK || p.Type() == codec.PUBCOMP })

// flowControlFrom is flowControl with the least number of messages that it
// can count as under way.
func flowControlFrom(least int, name, does string, breaks Breaks, frees func(codec.Packet) bool) Fault {
	return stateful(name, does, breaks, func() behaviour {
		type flow struct {
			underWay int
			held     []codec.Packet
		}
		flows := map[*Link]*flow{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				if connect, ok := f.Packet.(*codec.Connect); ok {
					setReceiveMaximum(connect, 0)
					flows[l] = &flow{}
					return Forward
				}
				w := flows[l]
				if w == nil || f.Packet == nil || !frees(f.Packet) { // nil is a client that has sent no CONNECT
					return Forward
				}
				w.underWay = max(w.underWay-1, least)
				if len(w.held) > 0 {
					l.ToClient(w.held[0])
					w.held = w.held[1:]
					w.underWay++
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				most, ok := l.Asked().Properties.Number(codec.PropReceiveMaximum)
				if !ok || p.QoS == codec.QoS0 {
					return Forward
				}
				w := flows[l]
				if w.underWay >= int(most) {
					w.held = append(w.held, p)
					return Swallow
				}
				w.underWay++
				return Forward
			}),
		}
	})
}

// WaitsForAcknowledgement does one thing after the other.
var WaitsForAcknowledgement = stateful("waits-for-acknowledgement", "answers nothing while a client's Receive Maximum is used up",
	Breaks{V5: "MQTT-3.3.4-10 MQTT-4.9.0-3"},
	func() behaviour {
		underWay := map[*Link]int{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if p.QoS > codec.QoS0 {
					underWay[l]++
				}
				return Forward
			}),
			FromClient: func(l *Link, f *Frame) Action {
				switch f.Type() {
				case codec.PUBACK, codec.PUBCOMP:
					underWay[l]--
				case codec.PUBREC, codec.PUBREL, codec.CONNECT, codec.DISCONNECT:
				default:
					if most, ok := l.Asked().Properties.Number(codec.PropReceiveMaximum); ok && underWay[l] >= int(most) {
						return Swallow
					}
				}
				return Forward
			},
		}
	})

// usedUp keeps track of the clients whose Receive Maximum is used up.
type usedUp map[*Link]int

func (u usedUp) fromClient(l *Link, f *Frame) {
	if t := f.Type(); t == codec.PUBACK || t == codec.PUBCOMP {
		u[l]--
	}
}

func (u usedUp) fromBroker(l *Link, f *Frame) {
	if p, ok := f.Packet.(*codec.Publish); ok && p.QoS > codec.QoS0 {
		u[l]++
	}
}

func (u usedUp) any() bool {
	for l, n := range u {
		if most, ok := l.Asked().Properties.Number(codec.PropReceiveMaximum); ok && n >= int(most) {
			return true
		}
	}
	return false
}

// WaitsForSlowest has one queue for all.
var WaitsForSlowest = stateful("waits-for-slowest", "sends nobody a message while the Receive Maximum of any client is used up",
	Breaks{V5: "5.0/4.3/clients-independent"},
	func() behaviour {
		u := usedUp{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action { u.fromClient(l, f); return Forward },
			FromBroker: func(l *Link, f *Frame) Action {
				if f.Type() == codec.PUBLISH && u.any() {
					return Swallow
				}
				u.fromBroker(l, f)
				return Forward
			},
		}
	})

// AnswersWhenAllHave lets the publisher wait.
var AnswersWhenAllHave = stateful("answers-when-all-have", "acknowledges no PUBLISH while the Receive Maximum of any client is used up",
	Breaks{V5: "5.0/4.3/clients-independent",
		Follows: Follows{V5: "MQTT-3.3.4-1 MQTT-2.2.1-5 MQTT-4.3.2-4 MQTT-4.3.3-8",
			Because: "beside other checks there is always a client whose Receive Maximum is used up"}},
	func() behaviour {
		u := usedUp{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action { u.fromClient(l, f); return Forward },
			FromBroker: func(l *Link, f *Frame) Action {
				if f.Type() == codec.PUBACK && u.any() {
					return Swallow
				}
				u.fromBroker(l, f)
				return Forward
			},
		}
	})

// KeepsQuota carries the count of what is under way over to the next
// connection.
var KeepsQuota = stateful("keeps-quota", "sends no messages to a client that comes back while its Receive Maximum was used up on the connection before",
	Breaks{V5: "5.0/4.9/quota-not-kept"},
	func() behaviour {
		type count struct {
			link     *Link
			underWay map[uint16]bool
		}
		counts := map[string]*count{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				most, ok := l.Asked().Properties.Number(codec.PropReceiveMaximum)
				if !ok || p.QoS == codec.QoS0 {
					return Forward
				}
				c := counts[l.ClientID()]
				if c == nil {
					c = &count{l, map[uint16]bool{}}
					counts[l.ClientID()] = c
				}
				if c.link != l && len(c.underWay) >= int(most) {
					return Swallow
				}
				c.underWay[p.PacketID] = true
				return Forward
			}),
			FromClient: only(func(l *Link, p *codec.Puback) Action {
				if c := counts[l.ClientID()]; c != nil {
					delete(c.underWay, p.PacketID)
				}
				return Forward
			}),
		}
	})

// KeepsReceiveMaximum stores the Receive Maximum with the session.
var KeepsReceiveMaximum = stateful("keeps-receive-maximum", "goes by the Receive Maximum of a client's first connection on all later ones",
	Breaks{V5: "5.0/4.9/quota-not-kept MQTT-3.3.4-9"},
	func() behaviour {
		first := map[string]uint32{}
		return behaviour{FromClient: only(func(_ *Link, p *codec.Connect) Action {
			if most, known := first[p.ClientID]; known {
				setReceiveMaximum(p, most)
			} else {
				first[p.ClientID], _ = p.Properties.Number(codec.PropReceiveMaximum)
			}
			return Forward
		})}
	})

// BearsOneLess counts from the wrong end.
var BearsOneLess = bears("bears-one-less", "disconnects a client that reaches its Receive Maximum",
	Breaks{V5: "5.0/3.2.2.3.3/receive-maximum-borne MQTT-4.3.3-8 MQTT-4.9.0-3"},
	func(unfinished, most int) bool { return unfinished < most }, true)

// BearsAHundred has a limit of its own.
var BearsAHundred = bears("bears-a-hundred", "disconnects a client that has more than a hundred unfinished QoS 2 messages, whatever its Receive Maximum",
	Breaks{V5: "5.0/3.2.2.3.3/receive-maximum-borne"},
	func(unfinished, _ int) bool { return unfinished <= 100 }, true)

// BearsNoMoreOnce does not count what is complete out, nor starts anew.
var BearsNoMoreOnce = bears("bears-no-more-once", "disconnects a client that has published more QoS 2 messages in all than its Receive Maximum",
	Breaks{V5: "5.0/4.9/quota-not-kept 5.0/4.9/quota-restored"},
	func(unfinished, most int) bool { return unfinished <= most }, false)

// BearsAnyNumber does not count.
var BearsAnyNumber = stateful("bears-any-number", "answers any number of unfinished QoS 2 messages with PUBREC, whatever its Receive Maximum",
	Breaks{V5: "MQTT-3.3.4-7 MQTT-4.13.1-1"},
	func() behaviour {
		count := map[*Link]uint32{}
		most := map[*Link]uint32{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				most[l], _ = p.Properties.Number(codec.PropReceiveMaximum)
				return Forward
			}),
			FromClient: only(func(l *Link, p *codec.Publish) Action {
				if p.QoS < codec.QoS2 || most[l] == 0 {
					return Forward
				}
				if count[l]++; count[l] > most[l] {
					l.ToClient(&codec.Pubrec{PacketID: p.PacketID})
					return Swallow
				}
				return Forward
			}),
		}
	})

// bears makes a broker that disconnects a client whose count of QoS 2 messages
// is not ok; the count goes down when a message is complete, or never.
func bears(name, does string, breaks Breaks, ok func(unfinished, most int) bool, down bool) Fault {
	return stateful(name, does, breaks, func() behaviour {
		count := map[string]int{}
		most := map[*Link]uint32{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				most[l], _ = p.Properties.Number(codec.PropReceiveMaximum)
				return Forward
			}),
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Pubrel:
					if down {
						count[l.ClientID()]--
					}
				case *codec.Publish:
					if p.QoS < codec.QoS2 {
						return Forward
					}
					if count[l.ClientID()]++; !ok(count[l.ClientID()], int(most[l])) {
						l.ToClient(&codec.Disconnect{Code: codec.ReceiveMaximumExceeded})
						l.CloseClient()
						return Swallow
					}
				}
				return Forward
			},
		}
	})
}
