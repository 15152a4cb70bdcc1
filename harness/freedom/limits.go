package freedom

import (
	"fmt"
	"strings"

	"mqttspec/codec"
)

// Limits that CONNACK announces, and what a server grants less of than it was asked
// for.

// announces makes brokers of 5.0 that say something in the CONNACK which accepts a
// connection, and act by it.
func announces(name, does string, property func(l *link, p *codec.Connack) codec.Property, fromClient func(l *link, f *frame) action, options ...func(*Freedom)) Freedom {
	return declare(name, does, func() behaviour {
		accepted := map[*link]bool{}
		return behaviour{
			FromClient: func(l *link, f *frame) action {
				if fromClient == nil || !wellFormed(f) || !accepted[l] && f.Type() != codec.CONNECT {
					return forward
				}
				return fromClient(l, f)
			},
			FromBroker: edits(func(l *link, p *codec.Connack) action {
				// Where it does not fit nobody knows of a limit.
				accepted[l] = p.Code == codec.Success && say(l, p, property(l, p))
				return forward
			}),
		}
	}, append(options, only(codec.V5))...)
}

// always is a property of every CONNACK.
func always(p codec.Property) func(*link, *codec.Connack) codec.Property {
	return func(*link, *codec.Connack) codec.Property { return p }
}

// Servers that set the Keep Alive themselves.
var (
	ServerKeepAlive1  = serverKeepAlive(1)
	ServerKeepAlive60 = serverKeepAlive(60)
)

func serverKeepAlive(seconds uint16) Freedom {
	return announces(fmt.Sprintf("server-keep-alive-%d", seconds), fmt.Sprintf("has no connection go on without a packet for longer than Server Keep Alive %d allows", seconds),
		always(codec.ServerKeepAlive(seconds)),
		func(_ *link, f *frame) action {
			if p, ok := f.Packet.(*codec.Connect); ok {
				p.KeepAlive = seconds
			}
			return forward
		}, takesAway("a Keep Alive that the client chooses"))
}

// Servers that take no large packets.
var (
	MaximumPacketSize100 = maximumPacketSize(100)
	MaximumPacketSize600 = maximumPacketSize(600)
)

func maximumPacketSize(most int) Freedom {
	return announces(fmt.Sprintf("maximum-packet-size-%d", most), fmt.Sprintf("takes packets of up to %d bytes", most),
		always(codec.MaximumPacketSize(uint32(most))),
		func(l *link, f *frame) action {
			if f.Type() != codec.CONNECT && len(f.Raw) > most {
				return hangUp(l, codec.PacketTooLarge)
			}
			return forward
		}, takesAway("larger packets"))
}

// Servers that take few messages at the same time.
var (
	ReceiveMaximum1 = receiveMaximum(1)
	ReceiveMaximum3 = receiveMaximum(3)
)

func receiveMaximum(most int) Freedom {
	return declare(fmt.Sprintf("receive-maximum-%d", most), fmt.Sprintf("takes %d unfinished QoS 1 and 2 messages of a client at the same time", most),
		func() behaviour {
			underWay := map[*link]map[uint16]bool{}
			done := func(l *link, id uint16) action {
				delete(underWay[l], id)
				return forward
			}
			return behaviour{
				FromClient: func(l *link, f *frame) action {
					p, ok := f.Packet.(*codec.Publish)
					if !ok || !wellFormed(f) || p.QoS == codec.QoS0 || underWay[l] == nil {
						return forward
					}
					if underWay[l][p.PacketID] = true; len(underWay[l]) > most {
						return hangUp(l, codec.ReceiveMaximumExceeded)
					}
					return forward
				},
				FromBroker: func(l *link, f *frame) action {
					switch p := f.Packet.(type) {
					case *codec.Connack:
						if p.Code == codec.Success && say(l, p, codec.ReceiveMaximum(uint16(most))) {
							underWay[l] = map[uint16]bool{}
						}
					case *codec.Puback:
						return done(l, p.PacketID)
					case *codec.Pubcomp:
						return done(l, p.PacketID)
					case *codec.Pubrec:
						if p.Code.IsError() {
							return done(l, p.PacketID)
						}
					}
					return forward
				},
			}
		}, only(codec.V5), takesAway("more messages at the same time"))
}

// Servers that take no Topic Aliases, or one.
var (
	TopicAliasMaximum0 = topicAliasMaximum(0)
	TopicAliasMaximum1 = topicAliasMaximum(1)
)

func topicAliasMaximum(most uint16) Freedom {
	return announces(fmt.Sprintf("topic-alias-maximum-%d", most), fmt.Sprintf("takes %d Topic Aliases of a client", most),
		func(_ *link, p *codec.Connack) codec.Property {
			before, _ := p.Properties.Number(codec.PropTopicAliasMaximum)
			return codec.TopicAliasMaximum(min(uint16(before), most))
		},
		func(l *link, f *frame) action {
			if p, ok := f.Packet.(*codec.Publish); ok {
				if alias, ok := p.Properties.Number(codec.PropTopicAlias); ok && alias > uint32(most) {
					return hangUp(l, codec.TopicAliasInvalid)
				}
			}
			return forward
		}, takesAway("more Topic Aliases"))
}

// Servers of a lower QoS.
var (
	MaximumQoS0 = maximumQoS(codec.QoS0)
	MaximumQoS1 = maximumQoS(codec.QoS1)
)

func maximumQoS(most codec.QoS) Freedom {
	return announces(fmt.Sprintf("maximum-qos-%d", most), fmt.Sprintf("takes and sends messages up to QoS %d", most),
		always(codec.MaximumQoS(most)),
		func(l *link, f *frame) action {
			switch p := f.Packet.(type) {
			case *codec.Connect:
				if p.Will != nil && p.Will.QoS > most {
					return refuse(l, codec.RefusedServerUnavailable, codec.QoSNotSupported)
				}
			case *codec.Publish:
				if p.QoS > most {
					return hangUp(l, codec.QoSNotSupported)
				}
			case *codec.Subscribe:
				lower(p, most, every)
			}
			return forward
		}, takesAway("a higher QoS"))
}

// grants makes brokers that grant some subscriptions a lower QoS than was asked for.
func grants(name, does string, most codec.QoS, which func(filter string) bool, options ...func(*Freedom)) Freedom {
	return declare(name, does, stateless(behaviour{FromClient: edits(func(_ *link, p *codec.Subscribe) action {
		lower(p, most, which)
		return forward
	})}), options...)
}

func isShared(filter string) bool { return strings.HasPrefix(filter, "$share/") }

// Servers that grant less than they are asked for: "The Server might grant a lower
// Maximum QoS than the subscriber requested" (section 3.8.4).
var (
	SharedAtQoS1 = grants("shared-at-qos-1", "grants Shared Subscriptions no more than QoS 1", codec.QoS1, isShared,
		only(codec.V5), takesAway("a Shared Subscription at QoS 2"))
	GrantsQoS0 = grants("grants-qos-0", "grants every subscription QoS 0", codec.QoS0, every,
		takesAway("messages above QoS 0"))
)

// SessionExpiry20 keeps no session for long.
var SessionExpiry20 = declare("session-expiry-20", "cuts the Session Expiry Interval to 20 seconds",
	func() behaviour {
		const longest = 20
		cut := map[*link]bool{}
		return behaviour{
			FromClient: edits(func(l *link, p *codec.Connect) action {
				if n, ok := p.Properties.Number(codec.PropSessionExpiryInterval); ok && n > longest {
					cut[l] = true
					p.Properties = set(p.Properties, codec.SessionExpiryInterval(longest))
				}
				return forward
			}),
			FromBroker: edits(func(l *link, p *codec.Connack) action {
				if cut[l] && p.Code == codec.Success {
					say(l, p, codec.SessionExpiryInterval(longest))
				}
				return forward
			}),
		}
	}, only(codec.V5), takesAway("longer sessions"))

// unavailable makes brokers of 5.0 that say in CONNACK that they have no such thing.
func unavailable(name, does string, said codec.Property, what string, uses func(p codec.Packet) bool, reason codec.ReasonCode) Freedom {
	return announces(name, does, always(said), func(l *link, f *frame) action {
		switch {
		case !uses(f.Packet):
			return forward
		case f.Type() == codec.CONNECT:
			return refuse(l, codec.RefusedServerUnavailable, reason)
		}
		return hangUp(l, reason)
	}, takesAway(what))
}

// subscribing says whether a packet subscribes to such a filter.
func subscribing(to func(filter string) bool) func(codec.Packet) bool {
	return func(p codec.Packet) bool {
		if p, ok := p.(*codec.Subscribe); ok {
			for _, s := range p.Subscriptions {
				if to(s.Filter) {
					return true
				}
			}
		}
		return false
	}
}

// Servers without what a server need not have.
var (
	RetainUnavailable = unavailable("retain-unavailable", "keeps no retained messages, and says so", codec.RetainAvailable(0), "retained messages",
		func(p codec.Packet) bool {
			switch p := p.(type) {
			case *codec.Connect:
				return p.Will != nil && p.Will.Retain
			case *codec.Publish:
				return p.Retain
			}
			return false
		}, codec.RetainNotSupported)
	WildcardsUnavailable = unavailable("wildcards-unavailable", "knows no wildcards, and says so", codec.WildcardSubscriptionAvailable(0), "wildcards",
		subscribing(func(filter string) bool { return strings.ContainsAny(filter, "+#") }), codec.WildcardSubscriptionsNotSupported)
	SubscriptionIdentifiersUnavailable = unavailable("subscription-identifiers-unavailable", "knows no Subscription Identifiers, and says so", codec.SubscriptionIdentifierAvailable(0), "Subscription Identifiers",
		func(p codec.Packet) bool {
			s, ok := p.(*codec.Subscribe)
			return ok && s.Properties.Has(codec.PropSubscriptionIdentifier)
		}, codec.SubscriptionIdentifiersNotSupported)
	SharedSubscriptionsUnavailable = unavailable("shared-subscriptions-unavailable", "knows no Shared Subscriptions, and says so", codec.SharedSubscriptionAvailable(0), "Shared Subscriptions",
		subscribing(isShared), codec.SharedSubscriptionsNotSupported)
)

// TwentyConnections has room for so many.
var TwentyConnections = declare("twenty-connections", "accepts twenty connections at the same time",
	stateless(behaviour{FromClient: func(l *link, f *frame) action {
		if f.Type() == codec.CONNECT && l.Connect != nil && wellFormed(f) && len(l.Others()) >= 20 {
			return refuse(l, codec.RefusedServerUnavailable, codec.QuotaExceeded)
		}
		return forward
	}}), takesAway("more connections"))
