package fault

import (
	"slices"

	"mqttspec/codec"
)

// IgnoresUnsubscribe never answers UNSUBSCRIBE.
var IgnoresUnsubscribe = tolerates("ignores-unsubscribe", "ignores every valid UNSUBSCRIBE",
	Breaks{V311: "MQTT-3.10.4-4 MQTT-3.10.4-5 MQTT-3.10.4-1 MQTT-3.10.4-2", V5: "MQTT-3.10.4-4 MQTT-3.10.4-5 MQTT-3.10.4-1 MQTT-3.10.4-2",
		Follows: Follows{V311: "3.1.1/3.1.2.10/any-packet", V5: "5.0/3.1.2.10/any-packet",
			Because: "what is ignored neither ends the connection nor keeps it alive"}},
	func(_ *Link, f *Frame) bool { return f.Type() == codec.UNSUBSCRIBE && f.Breach == nil })

// WrongUnsubackID answers with another Packet Identifier.
var WrongUnsubackID = fromBroker("wrong-unsuback-id", "swaps the bytes of the Packet Identifier in UNSUBACK, or changes them where that is the same",
	Breaks{V311: "MQTT-2.3.1-7 MQTT-3.10.4-4", V5: "MQTT-2.2.1-6 MQTT-3.10.4-5"},
	func(_ *Link, p *codec.Unsuback) Action {
		p.PacketID = otherID(p.PacketID)
		return Forward
	})

// AcknowledgesDeletionsOnly has nothing to say where there was nothing to do.
var AcknowledgesDeletionsOnly = stateful("acknowledges-deletions-only", "does not answer an UNSUBSCRIBE that deletes no subscription",
	Breaks{V311: "MQTT-3.10.4-5", V5: "MQTT-3.10.4-5"},
	func() behaviour {
		subscribed := map[filterOf]bool{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Subscribe:
				for _, s := range p.Subscriptions {
					subscribed[filterOf{l, s.Filter}] = true
				}
			case *codec.Unsubscribe:
				deleted := f.Breach != nil || l.Connect == nil // no UNSUBSCRIBE to be answered
				for _, filter := range p.Filters {
					deleted = deleted || subscribed[filterOf{l, filter}]
					delete(subscribed, filterOf{l, filter})
				}
				if !deleted {
					return Swallow
				}
			}
			return Forward
		}}
	})

// unsuback is the answer to an UNSUBSCRIBE that went well.
func unsuback(l *Link, p *codec.Unsubscribe) *codec.Unsuback {
	answer := &codec.Unsuback{PacketID: p.PacketID}
	if l.Version == codec.V5 {
		answer.Codes = make([]codec.ReasonCode, len(p.Filters))
	}
	return answer
}

// UnsubscribesEverything does not compare Topic Filters: the proxy adds all others
// to the list, and takes their Reason Codes (5.0) out of the answer.
var UnsubscribesEverything = stateful("unsubscribes-everything", "deletes all subscriptions of a client on any UNSUBSCRIBE",
	Breaks{V311: "MQTT-3.10.4-1 MQTT-4.5.0-1", V5: "MQTT-3.10.4-1 MQTT-4.5.0-1"},
	func() behaviour {
		subscribed := map[*Link][]string{}
		asked := map[*Link]map[uint16]int{} // how many filters, by Packet Identifier
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Subscribe:
					for _, s := range p.Subscriptions {
						subscribed[l] = append(subscribed[l], s.Filter)
					}
				case *codec.Unsubscribe:
					if asked[l] == nil {
						asked[l] = map[uint16]int{}
					}
					asked[l][p.PacketID] = len(p.Filters)
					p.Filters = append(p.Filters, subscribed[l]...)
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Unsuback) Action {
				p.Codes = p.Codes[:min(asked[l][p.PacketID], len(p.Codes))]
				return Forward
			}),
		}
	})

// UnsubscribesEveryone does not look whose subscription it is: the proxy sends the
// UNSUBSCRIBE for all other clients first, and takes the answers to those out.
var UnsubscribesEveryone = stateful("unsubscribes-everyone", "deletes the subscriptions of all clients with the Topic Filter that one unsubscribes from",
	Breaks{V311: "MQTT-3.10.4-1 MQTT-4.5.0-1", V5: "MQTT-3.10.4-1 MQTT-4.5.0-1"},
	func() behaviour {
		const own = 0x7777 // the Packet Identifier of what no client has sent
		unanswered := 0
		var last func() // passes the client's own UNSUBSCRIBE on
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Unsubscribe) Action {
				for _, o := range l.Others() {
					if o.Connect != nil {
						o.ToBroker(&codec.Unsubscribe{PacketID: own, Filters: p.Filters})
						unanswered++
					}
				}
				if unanswered == 0 {
					return Forward
				}
				last = func() { l.ToBroker(p) }
				return Swallow
			}),
			FromBroker: only(func(_ *Link, p *codec.Unsuback) Action {
				if p.PacketID != own {
					return Forward
				}
				if unanswered--; unanswered == 0 {
					last()
				}
				return Swallow
			}),
		}
	})

// KeepsSubscriptions acknowledges and does nothing.
var KeepsSubscriptions = fromClient("keeps-subscriptions", "acknowledges UNSUBSCRIBE but deletes no subscription",
	Breaks{V311: "MQTT-3.10.4-1 MQTT-3.10.4-2", V5: "5.0/4.8.2/unsubscribe MQTT-3.10.4-1 MQTT-3.10.4-2"},
	func(l *Link, p *codec.Unsubscribe) Action {
		l.ToClient(unsuback(l, p))
		return Swallow
	})

// AcknowledgesEachUnsubscription answers every filter for itself.
var AcknowledgesEachUnsubscription = fromClient("acknowledges-each-unsubscription", "answers an UNSUBSCRIBE with an UNSUBACK for each of its Topic Filters",
	Breaks{V311: "MQTT-3.10.4-6", V5: "MQTT-3.10.4-6"},
	func(l *Link, p *codec.Unsubscribe) Action {
		for _, filter := range p.Filters[1:] {
			l.ToClient(unsuback(l, &codec.Unsubscribe{PacketID: p.PacketID, Filters: []string{filter}}))
		}
		return Forward
	})

// UnsubscribesFirstFilterOnly overlooks the rest of the list.
var UnsubscribesFirstFilterOnly = stateful("unsubscribes-first-filter-only", "acknowledges all Topic Filters of an UNSUBSCRIBE but deletes the first only",
	Breaks{V311: "MQTT-3.10.4-6", V5: "MQTT-3.10.4-6"},
	func() behaviour {
		missing := map[request]int{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Unsubscribe) Action {
				missing[request{l, p.PacketID}] = len(p.Filters) - 1
				p.Filters = p.Filters[:1]
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Unsuback) Action {
				if l.Version == codec.V5 {
					p.Codes = append(p.Codes, make([]codec.ReasonCode, missing[request{l, p.PacketID}])...)
				}
				return Forward
			}),
		}
	})

// OmitsLastUnsubackCode answers for all filters but the last.
var OmitsLastUnsubackCode = fromBroker("omits-last-unsuback-code", "leaves the last Reason Code of an UNSUBACK out",
	Breaks{V5: "MQTT-3.11.3-2"},
	func(_ *Link, p *codec.Unsuback) Action {
		if len(p.Codes) > 1 {
			p.Codes = p.Codes[:len(p.Codes)-1]
		}
		return Forward
	})

// InventsUnsubackCodes answers with codes that no UNSUBACK has.
var InventsUnsubackCodes = fromBroker("invents-unsuback-codes", "answers the first filter of an UNSUBSCRIBE with 0x01",
	Breaks{V5: "MQTT-3.11.3-2"},
	func(_ *Link, p *codec.Unsuback) Action {
		if len(p.Codes) > 0 {
			p.Codes[0] = codec.GrantedQoS1
		}
		return Forward
	})

// ReversesUnsubackCodes answers in an order of its own.
var ReversesUnsubackCodes = fromBroker("reverses-unsuback-codes", "lists the Reason Codes of an UNSUBACK in reverse order",
	Breaks{V5: "MQTT-3.11.3-1"},
	func(_ *Link, p *codec.Unsuback) Action {
		slices.Reverse(p.Codes)
		return Forward
	})

// DropsInFlightOnUnsubscribe forgets what it was just sending.
var DropsInFlightOnUnsubscribe = stateful("drops-in-flight-on-unsubscribe", "breaks its deliveries to a client off when the client unsubscribes",
	Breaks{V311: "MQTT-3.10.4-3", V5: "MQTT-3.10.4-3"},
	func() behaviour {
		unsubscribed := map[string]bool{}
		return behaviour{
			FromClient: only(func(l *Link, _ *codec.Unsubscribe) Action {
				unsubscribed[l.ClientID()] = true
				return Forward
			}),
			FromBroker: func(l *Link, f *Frame) Action {
				if f.Type() == codec.PUBLISH || f.Type() == codec.PUBREL {
					if unsubscribed[l.ClientID()] {
						return Swallow
					}
				}
				return Forward
			},
		}
	})

// IgnoresUnsubscribeFlags does not look at the reserved flags.
var IgnoresUnsubscribeFlags = tolerates("ignores-unsubscribe-flags", "ignores an UNSUBSCRIBE with wrong reserved flags and carries on",
	Breaks{V311: "MQTT-3.10.1-1 MQTT-2.2.2-2", V5: "MQTT-3.10.1-1 5.0/2.1.3/invalid-flags MQTT-4.13.1-1"},
	malformed(codec.UNSUBSCRIBE, "Fixed Header"))

// IgnoresEmptyUnsubscribe takes an empty list for nothing to do.
var IgnoresEmptyUnsubscribe = tolerates("ignores-empty-unsubscribe", "ignores an UNSUBSCRIBE without a Topic Filter and carries on",
	Breaks{V311: "MQTT-3.10.3-2 MQTT-4.8.0-1", V5: "MQTT-3.10.3-2"},
	malformed(codec.UNSUBSCRIBE, "Topic Filter"))
