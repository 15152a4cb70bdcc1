package fault

import (
	"slices"
	"strings"

	"mqttspec/codec"
)

// IgnoresSubscribe never answers SUBSCRIBE.
var IgnoresSubscribe = tolerates("ignores-subscribe", "ignores every valid SUBSCRIBE",
	Breaks{V311: "MQTT-3.8.4-1", V5: "MQTT-3.8.4-1"},
	func(_ *Link, f *Frame) bool { return f.Type() == codec.SUBSCRIBE && f.Breach == nil })

// WrongSubackID answers with another Packet Identifier.
var WrongSubackID = fromBroker("wrong-suback-id", "swaps the bytes of the Packet Identifier in SUBACK, or changes them where that is the same",
	Breaks{V311: "MQTT-2.3.1-7 MQTT-3.8.4-2", V5: "MQTT-2.2.1-6 MQTT-3.8.4-2"},
	func(_ *Link, p *codec.Suback) Action {
		p.PacketID = otherID(p.PacketID)
		return Forward
	})

// otherID is a Packet Identifier other than this one, as a server with the
// wrong byte order would have it.
func otherID(id uint16) uint16 {
	if swapped := id<<8 | id>>8; swapped != id {
		return swapped
	}
	return id ^ 1
}

// OmitsLastSubackCode answers for all filters but the last.
var OmitsLastSubackCode = fromBroker("omits-last-suback-code", "leaves the last code of a SUBACK out",
	Breaks{V311: "MQTT-3.8.4-5", V5: "MQTT-3.8.4-6 MQTT-3.9.3-2"},
	func(_ *Link, p *codec.Suback) Action {
		if len(p.Codes) > 1 {
			p.Codes = p.Codes[:len(p.Codes)-1]
		}
		return Forward
	})

// InventsSubackCodes answers with codes that no SUBACK has.
var InventsSubackCodes = fromBroker("invents-suback-codes", "answers the first filter of a SUBSCRIBE with the code 0x03",
	Breaks{V311: "MQTT-3.9.3-2 MQTT-3.8.4-5", V5: "MQTT-3.9.3-2 MQTT-3.8.4-7"},
	func(_ *Link, p *codec.Suback) Action {
		p.Codes[0] = 0x03
		return Forward
	})

// ReversesSubackCodes answers in an order of its own.
var ReversesSubackCodes = fromBroker("reverses-suback-codes", "lists the codes of a SUBACK in reverse order",
	Breaks{V311: "MQTT-3.9.3-1", V5: "MQTT-3.9.3-1"},
	func(_ *Link, p *codec.Suback) Action {
		slices.Reverse(p.Codes)
		return Forward
	})

// RaisesQoS delivers above what was granted or published.
var RaisesQoS = stateful("raises-qos", "delivers every message one QoS higher than it should",
	Breaks{V311: "3.1.1/3.8.3/requested-qos-maximum MQTT-3.8.4-6 MQTT-3.3.5-1", V5: "5.0/3.8.3.1/requested-qos-maximum MQTT-3.8.4-8 MQTT-4.8.2-3 MQTT-3.3.4-2",
		Follows: Follows{V311: "MQTT-3.3.1-5 MQTT-4.3.1-1", V5: "MQTT-3.3.1-5 MQTT-4.3.1-1 MQTT-4.3.2-2", Because: "the QoS of a retained message, and of one at each QoS, has a sentence of its own"}},
	func() behaviour {
		raised := map[request]codec.QoS{} // by what the client acknowledges: what the broker behind has sent it at
		next := map[*Link]uint16{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				switch p.QoS {
				case codec.QoS2:
					return Forward
				case codec.QoS0:
					next[l]++
					p.PacketID = 0x8000 + next[l]%0x4000
				}
				raised[request{l, p.PacketID}] = p.QoS
				p.QoS++
				return Forward
			}),
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Puback:
					if qos, ok := raised[request{l, p.PacketID}]; ok && qos == codec.QoS0 {
						return Swallow
					}
				case *codec.Pubrec:
					if qos, ok := raised[request{l, p.PacketID}]; ok && qos == codec.QoS1 {
						if l.ToBroker(&codec.Puback{PacketID: p.PacketID, Code: p.Code}); !p.Code.IsError() {
							l.ToClient(&codec.Pubrel{PacketID: p.PacketID})
						}
						return Swallow
					}
				case *codec.Pubcomp:
					if qos, ok := raised[request{l, p.PacketID}]; ok && qos == codec.QoS1 {
						delete(raised, request{l, p.PacketID})
						return Swallow
					}
				}
				return Forward
			},
		}
	})

// GrantsHigherQoS promises more than it was asked for.
var GrantsHigherQoS = fromBroker("grants-higher-qos", "answers a SUBSCRIBE with a granted QoS one higher than it should, up to QoS 2",
	Breaks{V311: "3.1.1/3.8.3/requested-qos-maximum", V5: "5.0/3.8.3.1/requested-qos-maximum",
		Follows: Follows{V311: "MQTT-3.8.4-6", V5: "MQTT-3.8.4-8 MQTT-4.8.2-3", Because: "it delivers at a lower QoS than it has granted"}},
	func(_ *Link, p *codec.Suback) Action {
		for i, code := range p.Codes {
			if code < codec.GrantedQoS2 {
				p.Codes[i]++
			}
		}
		return Forward
	})

// LowersQoS delivers everything at most once.
var LowersQoS = fromBroker("lowers-qos", "delivers every message at QoS 0",
	Breaks{V311: "MQTT-3.8.4-6 MQTT-3.3.5-1 MQTT-3.3.1-5 MQTT-4.3.2-1 MQTT-4.3.3-1", V5: "MQTT-3.8.4-8 MQTT-3.3.4-2 MQTT-3.3.1-5 MQTT-4.3.2-2 MQTT-4.3.3-2 MQTT-4.8.2-3"},
	func(_ *Link, p *codec.Publish) Action {
		p.QoS, p.PacketID, p.Dup = codec.QoS0, 0, false
		return Forward
	})

// filterOf is a Topic Filter as one connection's.
type filterOf struct {
	link   *Link
	filter string
}

// firstFilter is the first Topic Filter of a SUBSCRIBE; empty where that breaks
// the rule that there be one.
func firstFilter(p *codec.Subscribe) string {
	if len(p.Subscriptions) == 0 {
		return ""
	}
	return p.Subscriptions[0].Filter
}

// KeepsFirstQoS lets a second SUBSCRIBE change nothing: the broker behind is asked
// for the first QoS again, and its SUBACK changed.
var KeepsFirstQoS = stateful("keeps-first-qos", "grants a new QoS to a subscription that is there already, but goes on with the old one",
	Breaks{V311: "MQTT-3.8.4-3", V5: "MQTT-3.8.4-3 MQTT-4.8.2-3"},
	func() behaviour {
		first := map[filterOf]codec.QoS{}
		requested := map[filterOf]codec.QoS{}
		type request struct {
			link *Link
			id   uint16
		}
		filters := map[request][]filterOf{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				var keys []filterOf
				for i := range p.Subscriptions {
					s := &p.Subscriptions[i]
					key := filterOf{l, s.Filter}
					keys = append(keys, key)
					requested[key] = s.QoS
					if qos, ok := first[key]; ok {
						s.QoS = qos
					}
					first[key] = s.QoS
				}
				filters[request{l, p.PacketID}] = keys
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Suback) Action {
				for i, key := range filters[request{l, p.PacketID}] {
					if i < len(p.Codes) {
						p.Codes[i] = codec.ReasonCode(requested[key])
					}
				}
				return Forward
			}),
		}
	})

// AddsIdenticalSubscriptions keeps every subscription to one filter: the proxy
// sends a message once more for every filter with its topic that was subscribed
// to more than once.
var AddsIdenticalSubscriptions = stateful("adds-identical-subscriptions", "adds a subscription to the same Topic Filter instead of replacing the old one, and delivers for each",
	Breaks{V311: "MQTT-3.8.4-3", V5: "MQTT-3.8.4-3",
		Follows: Follows{V5: "MQTT-4.8.2-3",
			Because: "the old subscription with the old QoS goes on"}},
	func() behaviour {
		times := map[filterOf]int{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Subscribe:
					for _, s := range p.Subscriptions {
						times[filterOf{l, s.Filter}]++
					}
				case *codec.Unsubscribe:
					for _, filter := range p.Filters {
						delete(times, filterOf{l, filter})
					}
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				for subscription, n := range times {
					filter := subscription.filter
					if _, inner, ok := shared(filter); ok {
						filter = inner
					}
					if subscription.link == l && filter == p.Topic && n > 1 {
						l.ToClient(p)
					}
				}
				return Forward
			}),
		}
	})

// SendsRetainedOnce sends retained messages to new subscriptions only.
var SendsRetainedOnce = stateful("sends-retained-once", "sends no retained messages when a subscription is replaced",
	Breaks{V311: "MQTT-3.8.4-3", V5: "MQTT-3.3.1-9 MQTT-3.8.4-4"},
	func() behaviour {
		type subscription struct{ client, filter string }
		subscribed := map[subscription]bool{}
		again := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				for _, s := range p.Subscriptions {
					key := subscription{l.ClientID(), s.Filter}
					again[l] = again[l] || subscribed[key]
					subscribed[key] = true
				}
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if p.Retain && again[l] {
					return Swallow
				}
				return Forward
			}),
		}
	})

// SendsRetainedTopicsOnce thinks that a client has a retained message already.
var SendsRetainedTopicsOnce = stateful("sends-retained-topics-once", "sends a client the retained message of a topic for its first subscription only, not for others that match it too",
	Breaks{V311: "3.1.1/3.8.4/new-subscription-retained MQTT-3.3.1-6", V5: "5.0/3.8.4/new-subscription-retained MQTT-3.3.1-9"},
	func() behaviour {
		type message struct{ client, topic string }
		sent := map[message]bool{}
		return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
			if !p.Retain {
				return Forward
			}
			m := message{l.ClientID(), p.Topic}
			if sent[m] {
				return Swallow
			}
			sent[m] = true
			return Forward
		})}
	})

// MissesOneWhenReplacing has a gap between the old subscription and the new one:
// with the fifth SUBSCRIBE to a filter the proxy takes out one message.
var MissesOneWhenReplacing = stateful("misses-one-when-replacing", "loses a message when it replaces a subscription",
	Breaks{V311: "MQTT-3.8.4-3", V5: "MQTT-3.8.4-4"},
	func() behaviour {
		subscribed := map[filterOf]int{}
		gap := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				key := filterOf{l, firstFilter(p)}
				subscribed[key]++
				gap[l] = gap[l] || subscribed[key] >= 5
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if gap[l] {
					gap[l] = false
					return Swallow
				}
				return Forward
			}),
		}
	})

// AnswersEachFilter answers every filter for itself.
var AnswersEachFilter = fromBroker("answers-each-filter", "answers a SUBSCRIBE with a SUBACK for each of its Topic Filters",
	Breaks{V311: "MQTT-3.8.4-4 MQTT-3.8.4-5", V5: "MQTT-3.8.4-5 MQTT-3.8.4-6"},
	func(l *Link, p *codec.Suback) Action {
		for i := range p.Codes {
			l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: p.Codes[i : i+1]})
		}
		return Swallow
	})

// A request is a SUBSCRIBE or UNSUBSCRIBE by its Packet Identifier.
type request struct {
	link *Link
	id   uint16
}

// TakesFirstFilterOnly grants all filters and keeps one.
var TakesFirstFilterOnly = stateful("takes-first-filter-only", "grants all Topic Filters of a SUBSCRIBE but subscribes to the first only",
	Breaks{V311: "MQTT-3.8.4-4 MQTT-4.5.0-1", V5: "MQTT-3.8.4-5 MQTT-4.5.0-1",
		Follows: Follows{Observed: lost, Because: "what only another Topic Filter has asked for does not come"}},
	func() behaviour {
		requested := map[request][]codec.Subscription{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				requested[request{l, p.PacketID}] = p.Subscriptions
				p.Subscriptions = p.Subscriptions[:1]
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Suback) Action {
				p.Codes = nil
				for _, s := range requested[request{l, p.PacketID}] {
					p.Codes = append(p.Codes, codec.ReasonCode(s.QoS))
				}
				return Forward
			}),
		}
	})

// DeliversToOneOnly forgets about the other subscribers.
var DeliversToOneOnly = stateful("delivers-to-one-only", "delivers every message to one of its subscribers only",
	Breaks{V311: "MQTT-4.5.0-1", V5: "5.0/4.8.1/every-subscriber MQTT-4.5.0-1",
		Follows: Follows{Observed: lost, Because: "whatever is due to a second subscriber does not come"}},
	func() behaviour {
		chosen := map[string]*Link{}
		return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
			if p.Retain { // it may be sent for a subscription
				return Forward
			}
			key := p.Topic + "\x00" + p.Payload
			if chosen[key] == nil {
				chosen[key] = l
			}
			if chosen[key] != l {
				return Swallow
			}
			return Forward
		})}
	})

// SendsAllTheSame makes one packet for all.
var SendsAllTheSame = stateful("sends-all-the-same", "sends every subscriber of a message the packet that it made for the first of them",
	Breaks{V311: "3.1.1/4.3/clients-independent", V5: "5.0/4.3/clients-independent",
		Follows: Follows{
			V311: "MQTT-3.3.1-5 MQTT-3.3.1-8 MQTT-3.8.4-6",
			V5: "5.0/3.3.1.3/retained-message-flag MQTT-3.3.1-5 MQTT-3.3.1-12 MQTT-3.3.1-13 MQTT-3.3.4-2 MQTT-3.3.4-3 MQTT-3.3.4-4 MQTT-3.3.4-5 " +
				"5.0/3.3.4/subscription-identifier-foreign 5.0/3.3.4/subscription-identifier-returned 5.0/3.3.4/topic-alias-mapped MQTT-3.8.4-8 5.0/4.8.2/one-session MQTT-4.8.2-3",
			Because: "RETAIN, the QoS, the Subscription Identifiers and the Topic Alias of a packet are one subscriber's"}},
	func() behaviour {
		first := map[string]*codec.Publish{}
		return behaviour{FromBroker: only(func(_ *Link, p *codec.Publish) Action {
			key := p.Topic + "\x00" + p.Payload
			if first[key] == nil {
				copied := *p
				first[key] = &copied
			}
			p.QoS, p.Retain, p.Properties = first[key].QoS, first[key].Retain, first[key].Properties
			if p.QoS == codec.QoS0 {
				p.PacketID = 0
			} else {
				p.PacketID = max(p.PacketID, 1)
			}
			return Forward
		})}
	})

// IgnoresSubscribeFlags does not look at the reserved flags.
var IgnoresSubscribeFlags = tolerates("ignores-subscribe-flags", "ignores a SUBSCRIBE with wrong reserved flags and carries on",
	Breaks{V311: "MQTT-3.8.1-1 MQTT-2.2.2-2", V5: "MQTT-3.8.1-1 5.0/2.1.3/invalid-flags MQTT-4.13.1-1"},
	malformed(codec.SUBSCRIBE, "Fixed Header"))

// IgnoresEmptySubscribe takes an empty list for nothing to do.
var IgnoresEmptySubscribe = tolerates("ignores-empty-subscribe", "ignores a SUBSCRIBE without a Topic Filter and carries on",
	Breaks{V311: "MQTT-3.8.3-3 MQTT-4.8.0-1", V5: "MQTT-3.8.3-2"},
	malformed(codec.SUBSCRIBE, "Topic Filter"))

// IgnoresWrongOptions carries on when Subscription Options are wrong.
var IgnoresWrongOptions = tolerates("ignores-wrong-options", "ignores a SUBSCRIBE with Subscription Options that are not allowed and carries on",
	Breaks{V311: "3.1.1/3.8.3/reserved-bits", V5: "5.0/3.8.3.1/maximum-qos-value 5.0/3.8.3.1/retain-handling-value MQTT-3.8.3-5"},
	func(_ *Link, f *Frame) bool {
		return f.Type() == codec.SUBSCRIBE && f.Breach != nil && strings.HasPrefix(f.Breach.Field, "Subscription Options")
	})

// GrantsWildcardsInVain grants wildcards that it does not understand.
var GrantsWildcardsInVain = fromClient("grants-wildcards-in-vain", "grants Topic Filters with wildcards but takes the wildcards for plain characters",
	Breaks{V311: "MQTT-3.8.3-2"},
	func(_ *Link, p *codec.Subscribe) Action {
		for i := range p.Subscriptions {
			p.Subscriptions[i].Filter = strings.NewReplacer("+", "plus", "#", "number sign").Replace(p.Subscriptions[i].Filter)
		}
		return Forward
	})

// RefusesWildcards grants no filter with a wildcard.
var RefusesWildcards = fromClient("refuses-wildcards", "refuses every SUBSCRIBE with a wildcard in a Topic Filter",
	Breaks{V311: "3.1.1/3.8.3/wildcards-supported", V5: "5.0/3.2.2.3.11/wildcard-subscriptions-supported"},
	func(l *Link, p *codec.Subscribe) Action {
		if !slices.ContainsFunc(p.Subscriptions, func(s codec.Subscription) bool { return strings.ContainsAny(s.Filter, "+#") }) {
			return Forward
		}
		refused := codec.SubackFailure
		if l.Version == codec.V5 {
			refused = codec.WildcardSubscriptionsNotSupported
		}
		l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: slices.Repeat([]codec.ReasonCode{refused}, len(p.Subscriptions))})
		return Swallow
	})

// delivering are the Packet Identifiers of messages under way to clients.
type delivering map[deliveringKey]bool

type deliveringKey struct {
	link *Link
	id   uint16
}

func (d delivering) fromBroker(l *Link, p *codec.Publish) Action {
	d[deliveringKey{l, p.PacketID}] = p.QoS > codec.QoS0
	return Forward
}

// SharesIdentifiersWithSubscribe has one list of identifiers for both sides.
var SharesIdentifiersWithSubscribe = stateful("shares-identifiers-with-subscribe", "refuses a SUBSCRIBE with the Packet Identifier of a message that it has under way to the client, with 0x91",
	Breaks{V311: "3.1.1/2.3.1/packet-identifiers-independent MQTT-3.9.3-2", V5: "5.0/2.2.1/packet-identifiers-independent"},
	func() behaviour {
		underWay := delivering{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				if !underWay[deliveringKey{l, p.PacketID}] {
					return Forward
				}
				l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: slices.Repeat([]codec.ReasonCode{codec.PacketIdentifierInUse}, len(p.Subscriptions))})
				return Swallow
			}),
			FromBroker: only(underWay.fromBroker),
		}
	})

// SharesIdentifiersWithUnsubscribe has one list of identifiers for both sides.
var SharesIdentifiersWithUnsubscribe = stateful("shares-identifiers-with-unsubscribe", "refuses an UNSUBSCRIBE with the Packet Identifier of a message that it has under way to the client, with 0x91 or in 3.1.1 without an answer",
	Breaks{V311: "3.1.1/2.3.1/packet-identifiers-independent MQTT-3.10.4-4", V5: "5.0/2.2.1/packet-identifiers-independent"},
	func() behaviour {
		underWay := delivering{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Unsubscribe) Action {
				if !underWay[deliveringKey{l, p.PacketID}] {
					return Forward
				}
				if l.Version == codec.V5 {
					l.ToClient(&codec.Unsuback{PacketID: p.PacketID, Codes: slices.Repeat([]codec.ReasonCode{codec.PacketIdentifierInUse}, len(p.Filters))})
				}
				return Swallow
			}),
			FromBroker: only(underWay.fromBroker),
		}
	})

// FreesIdentifiersOfRequests takes its answer for the end of its own message.
var FreesIdentifiersOfRequests = stateful("frees-identifiers-of-requests", "answers no PUBREC any more when the client has used its Packet Identifier for a SUBSCRIBE",
	Breaks{V311: "3.1.1/2.3.1/packet-identifiers-independent MQTT-4.3.3-1", V5: "5.0/2.2.1/packet-identifiers-independent MQTT-4.3.3-4"},
	func() behaviour {
		used := delivering{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Subscribe:
				used[deliveringKey{l, p.PacketID}] = true
			case *codec.Pubrec:
				if used[deliveringKey{l, p.PacketID}] {
					return Swallow
				}
			}
			return Forward
		}}
	})
