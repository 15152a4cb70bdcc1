package freedom

import (
	"time"

	"mqttspec/codec"
)

// What no sentence fixes: when a broker does what it does, and in which order.

// moment is a delay that a client can notice, and which no check waits for.
const moment = 300 * time.Millisecond

// AnswersPingFirst answers from another thread than the one that does the work.
var AnswersPingFirst = declare("answers-ping-first", "answers PINGREQ before it has processed what came before it",
	func() behaviour {
		accepted, answered := map[*link]bool{}, map[*link]int{}
		return behaviour{
			FromClient: func(l *link, f *frame) action {
				if f.Type() == codec.PINGREQ && wellFormed(f) && accepted[l] {
					l.ToClient(&codec.Pingresp{})
					answered[l]++
				}
				return forward
			},
			FromBroker: func(l *link, f *frame) action {
				switch p := f.Packet.(type) {
				case *codec.Connack:
					accepted[l] = p.Code == codec.Success
				case *codec.Pingresp:
					if answered[l] > 0 {
						answered[l]--
						return swallow
					}
				}
				return forward
			},
		}
	})

// deaf hears nothing any more on a connection that is about to end.
func deaf(l *link, _ *frame) action {
	if l.BrokerGone() {
		return swallow
	}
	return forward
}

// later holds back what the broker sends of some types, and in any case its
// DISCONNECT and the end of the connection, until due says so.
func later(due func() time.Duration, types ...codec.Type) behaviour {
	held := map[codec.Type]bool{codec.DISCONNECT: true}
	for _, t := range types {
		held[t] = true
	}
	return behaviour{
		FromClient: deaf,
		FromBroker: func(l *link, f *frame) action {
			if !held[f.Type()] {
				return forward
			}
			raw := codec.Raw(f.Raw)
			l.After(due(), func() { l.ToClient(raw) })
			return swallow
		},
		BrokerGone: func(l *link) action {
			l.After(due(), l.CloseClient)
			return swallow
		},
	}
}

// inAMoment is a constant delay.
func inAMoment() time.Duration { return moment }

// DeliversLater has a queue between those who publish and those who subscribe.
var DeliversLater = declare("delivers-later", "delivers messages some time after it has acknowledged them",
	func() behaviour { return later(inAMoment, codec.PUBLISH, codec.PUBREL) })

// AcknowledgesLater has a disk in the way.
var AcknowledgesLater = declare("acknowledges-later", "acknowledges messages some time after it has forwarded them",
	func() behaviour { return later(inAMoment, codec.PUBACK, codec.PUBREC, codec.PUBCOMP) })

// AcknowledgesSubscriptionsLater sends first what the subscription brings: "The Server
// is permitted to start sending PUBLISH packets matching the Subscription before the
// Server sends the SUBACK packet" (section 3.8.4).
var AcknowledgesSubscriptionsLater = declare("acknowledges-subscriptions-later", "sends SUBACK after the messages that the subscription brings",
	func() behaviour { return later(inAMoment, codec.SUBACK) })

// DeliversEveryTenSeconds looks into its queue by a timer.
var DeliversEveryTenSeconds = declare("delivers-every-ten-seconds", "delivers on a timer of ten seconds",
	func() behaviour {
		start, tick := time.Now(), 10*time.Second
		return later(func() time.Duration { return tick - time.Since(start)%tick }, codec.PUBLISH, codec.PUBREL)
	}, late, takesAway("an answer on a connection that is about to end"))

// ClosesLate has other things to do first.
var ClosesLate = declare("closes-late", "closes connections ten seconds after it has reason to",
	stateless(behaviour{FromClient: deaf, BrokerGone: func(l *link) action {
		l.After(10*time.Second, l.CloseClient)
		return swallow
	}}), late, takesAway("an answer on a connection that is about to end"))

// ResetsConnections does not end them in order.
var ResetsConnections = declare("resets-connections", "ends connections by a reset",
	stateless(behaviour{BrokerGone: func(l *link) action {
		l.ResetClient()
		return swallow
	}}))

// StoresRetainedLater forwards a retained message before it stores it: who subscribes
// in between gets neither the one copy nor the other.
var StoresRetainedLater = declare("stores-retained-later", "has stored a retained message only some time after its live copies have gone out",
	func() behaviour {
		published := map[string]time.Time{} // by topic
		subscribed := map[*link]time.Time{}
		dropped := map[*link]map[uint16]bool{}
		return behaviour{
			FromClient: func(l *link, f *frame) action {
				switch p := f.Packet.(type) {
				case *codec.Publish:
					if p.Retain {
						published[p.Topic] = time.Now()
					}
				case *codec.Subscribe:
					subscribed[l] = time.Now()
				}
				return forward
			},
			FromBroker: func(l *link, f *frame) action {
				switch p := f.Packet.(type) {
				case *codec.Publish:
					at, ok := published[p.Topic]
					if !p.Retain || !ok || subscribed[l].Before(at) || subscribed[l].After(at.Add(moment)) {
						return forward
					}
					return drop(l, p, dropped)
				case *codec.Pubrel:
					return dropReleased(l, p, dropped)
				}
				return forward
			},
		}
	})

// drop takes a message out that the broker behind has sent, and acknowledges it.
func drop(l *link, p *codec.Publish, dropped map[*link]map[uint16]bool) action {
	switch p.QoS {
	case codec.QoS1:
		l.ToBroker(&codec.Puback{PacketID: p.PacketID})
	case codec.QoS2:
		if dropped[l] == nil {
			dropped[l] = map[uint16]bool{}
		}
		dropped[l][p.PacketID] = true
		l.ToBroker(&codec.Pubrec{PacketID: p.PacketID})
	}
	return swallow
}

// dropReleased completes the delivery of one that was taken out.
func dropReleased(l *link, p *codec.Pubrel, dropped map[*link]map[uint16]bool) action {
	if !dropped[l][p.PacketID] {
		return forward
	}
	delete(dropped[l], p.PacketID)
	l.ToBroker(&codec.Pubcomp{PacketID: p.PacketID})
	return swallow
}

// OneMessageInFlight sends a client nothing while a message is under way to it.
var OneMessageInFlight = declare("one-message-in-flight", "has no more than one QoS 1 or 2 message under way to a client, and holds QoS 0 messages back meanwhile",
	func() behaviour {
		type window struct {
			underWay uint16
			busy     bool
			held     []*codec.Publish
		}
		windows := map[*link]*window{}
		unsent := map[string]map[uint16]bool{} // by Client Identifier: what the broker behind takes for sent
		next := func(l *link, w *window) {
			for w.busy = false; len(w.held) > 0 && !w.busy; w.held = w.held[1:] {
				p := w.held[0]
				if p.QoS > codec.QoS0 {
					w.underWay, w.busy = p.PacketID, true
					delete(unsent[l.ClientID()], p.PacketID)
				}
				l.ToClient(p)
			}
		}
		return behaviour{
			FromClient: func(l *link, f *frame) action {
				w := windows[l]
				if w == nil {
					w = &window{}
					windows[l] = w
				}
				done := func(id uint16) action { // the broker behind may answer the last one before the next goes out
					if w.busy && w.underWay == id {
						l.After(0, func() { next(l, w) })
					}
					return forward
				}
				if !wellFormed(f) {
					return forward
				}
				switch p := f.Packet.(type) {
				case *codec.Connect:
					if p.CleanStart {
						delete(unsent, p.ClientID)
					}
				case *codec.Puback:
					return done(p.PacketID)
				case *codec.Pubcomp:
					return done(p.PacketID)
				case *codec.Pubrec:
					if p.Code.IsError() {
						return done(p.PacketID)
					}
				}
				return forward
			},
			FromBroker: edits(func(l *link, p *codec.Publish) action {
				w := windows[l]
				if w == nil {
					return forward
				}
				if p.QoS > codec.QoS0 && unsent[l.ClientID()][p.PacketID] {
					p.Dup = false
				}
				if w.busy {
					copied := *p
					w.held = append(w.held, &copied)
					if p.QoS > codec.QoS0 {
						put(unsent, l.ClientID(), p.PacketID)
					}
					return swallow
				}
				if p.QoS > codec.QoS0 {
					w.underWay, w.busy = p.PacketID, true
					delete(unsent[l.ClientID()], p.PacketID)
				}
				return forward
			}),
		}
	})

// put puts a Packet Identifier into a client's set.
func put(all map[string]map[uint16]bool, client string, id uint16) {
	if all[client] == nil {
		all[client] = map[uint16]bool{}
	}
	all[client][id] = true
}

// RepeatsQoS1 does not wait for the next connection. 3.1.1 says when a message has to
// be sent again, and not that it may not be at other times; 5.0 does.
var RepeatsQoS1 = declare("repeats-qos-1", "sends an unacknowledged QoS 1 message again on the same connection",
	func() behaviour {
		unacknowledged := map[*link]map[uint16]bool{}
		return behaviour{
			FromClient: edits(func(l *link, p *codec.Puback) action {
				delete(unacknowledged[l], p.PacketID)
				return forward
			}),
			FromBroker: edits(func(l *link, p *codec.Publish) action {
				if p.QoS != codec.QoS1 {
					return forward
				}
				if unacknowledged[l] == nil {
					unacknowledged[l] = map[uint16]bool{}
				}
				unacknowledged[l][p.PacketID] = true
				again := *p
				again.Dup = true
				l.After(moment, func() {
					if unacknowledged[l][again.PacketID] && !l.BrokerGone() {
						l.ToClient(&again)
					}
				})
				return forward
			}),
		}
	}, only(codec.V311))

// ExpiresSessionsLate looks once a second, or less often: "When the Session expires
// the Client and Server need not process the deletion of state atomically" (5.0,
// section 3.1.2.11.2).
var ExpiresSessionsLate = declare("expires-sessions-late", "ends sessions a second late",
	stateless(behaviour{FromClient: edits(func(_ *link, p *codec.Connect) action {
		if n, ok := p.Properties.Number(codec.PropSessionExpiryInterval); ok && n > 0 && n < 1<<31 {
			p.Properties = set(p.Properties, codec.SessionExpiryInterval(n+1))
		}
		return forward
	})}), only(codec.V5))

// CutsPackets sends every byte on its own.
var CutsPackets = declare("cuts-packets", "sends its packets byte by byte",
	stateless(behaviour{FromBroker: func(l *link, f *frame) action {
		if len(f.Raw) > 1000 {
			return forward
		}
		for i := range f.Raw {
			l.ToClient(codec.Raw(f.Raw[i : i+1]))
		}
		return swallow
	}}))

// GluesPackets sends them together, now and then.
var GluesPackets = declare("glues-packets", "collects its packets and sends several in one segment",
	func() behaviour {
		waiting := map[*link][]codec.Packet{}
		send := func(l *link) {
			l.ToClient(waiting[l]...)
			delete(waiting, l)
		}
		return behaviour{
			FromClient: deaf,
			FromBroker: func(l *link, f *frame) action {
				if len(waiting[l]) == 0 {
					l.After(moment/10, func() { send(l) })
				}
				waiting[l] = append(waiting[l], codec.Raw(f.Raw))
				return swallow
			},
			BrokerGone: func(l *link) action {
				l.After(moment/10, func() { send(l); l.CloseClient() })
				return swallow
			},
		}
	})
