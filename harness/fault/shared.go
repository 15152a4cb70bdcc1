package fault

import (
	"strings"

	"mqttspec/codec"
)

// sharePrefix starts the Topic Filter of a Shared Subscription.
const sharePrefix = "$share/"

// shared takes the Topic Filter of a Shared Subscription apart.
func shared(filter string) (name, inner string, ok bool) {
	rest, ok := strings.CutPrefix(filter, sharePrefix)
	name, inner, _ = strings.Cut(rest, "/")
	return name, inner, ok
}

// SharesWithEveryone shares nothing.
var SharesWithEveryone = rewritesFilters("shares-with-everyone", "treats a Shared Subscription as a subscription of each of its members",
	Breaks{V5: "5.0/4.8.2/no-retained-messages 5.0/4.8.2/one-member"},
	func(filter string) string {
		if _, inner, ok := shared(filter); ok {
			return inner
		}
		return filter
	})

// DeliversNothingShared takes $share for a topic.
var DeliversNothingShared = rewritesFilters("delivers-nothing-shared", "takes $share and the ShareName for levels of the Topic Filter",
	Breaks{V5: "5.0/4.8.2/one-member 5.0/4.8.2/share-name-not-matched",
		Follows: Follows{V5: "5.0/3.2.2.3.13/shared-subscription-not-supported 5.0/3.2.2.3.13/shared-subscription-not-supported-reason",
			Because: "a Shared Subscription that is not told from others is granted like them"}},
	func(filter string) string { return strings.Replace(filter, sharePrefix, "$shared/", 1) })

// SharesAmongAllGroups does not look at the ShareName.
var SharesAmongAllGroups = stateful("shares-among-all-groups", "delivers a message to one of several Shared Subscriptions that match it",
	Breaks{V5: "5.0/4.8.2/independent"},
	func() behaviour {
		member := map[*Link]bool{}
		to := map[string]*Link{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				for _, s := range p.Subscriptions {
					_, _, ok := shared(s.Filter)
					member[l] = member[l] || ok
				}
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				key := p.Topic + "\x00" + p.Payload
				if !member[l] || to[key] != nil && to[key] != l {
					if member[l] {
						return Swallow
					}
					return Forward
				}
				to[key] = l
				return Forward
			}),
		}
	})

// SharesOnlyWhenShared serves other subscribers only where there is no group.
var SharesOnlyWhenShared = stateful("shares-only-when-shared", "delivers a message that matches a Shared Subscription only once in all",
	Breaks{V5: "5.0/4.8.2/independent"},
	func() behaviour {
		shared, delivered := map[string]bool{}, map[string]bool{}
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Subscribe) Action {
				for _, s := range p.Subscriptions {
					if rest, ok := strings.CutPrefix(s.Filter, "$share/"); ok {
						_, filter, _ := strings.Cut(rest, "/")
						shared[filter] = true
					}
				}
				return Forward
			}),
			FromBroker: only(func(_ *Link, p *codec.Publish) Action {
				key := p.Topic + "\x00" + p.Payload
				if delivered[key] && shared[p.Topic] {
					return Swallow
				}
				delivered[key] = true
				return Forward
			}),
		}
	})

// SharesWithThoseThere keeps nothing for members that are away: the proxy takes out,
// and acknowledges, what a member gets once it has come back.
var SharesWithThoseThere = stateful("shares-with-those-there", "drops a message for a Shared Subscription when none of its members is connected",
	Breaks{V5: "5.0/4.8.2/one-session"},
	func() behaviour {
		member := map[string]bool{} // Client Identifiers
		resumed := map[*Link]bool{} // connections of members that have come back
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connect:
					resumed[l] = member[p.ClientID]
				case *codec.Subscribe:
					_, _, ok := shared(firstFilter(p))
					member[l.ClientID()] = member[l.ClientID()] || ok
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if !resumed[l] {
					return Forward
				}
				l.ToBroker(&codec.Puback{PacketID: p.PacketID})
				return Swallow
			}),
		}
	})

// EndsGroupsWithTheirCreators takes the first member for the owner.
var EndsGroupsWithTheirCreators = stateful("ends-groups-with-their-creators", "ends a Shared Subscription when the session that created it leaves",
	Breaks{V5: "5.0/4.8.2/survives-its-creator"},
	func() behaviour {
		creator := map[string]*Link{}
		groups := map[*Link][]string{}
		ended := map[string]bool{}
		end := func(l *Link) {
			for _, group := range groups[l] {
				ended[group] = ended[group] || creator[group] == l
			}
		}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Subscribe:
					for _, s := range p.Subscriptions {
						if _, _, ok := shared(s.Filter); !ok {
							continue
						}
						if creator[s.Filter] == nil {
							creator[s.Filter] = l
						}
						groups[l] = append(groups[l], s.Filter)
					}
				case *codec.Unsubscribe, *codec.Disconnect:
					end(l)
				}
				return Forward
			},
			FromBroker: only(func(l *Link, _ *codec.Publish) Action {
				for _, group := range groups[l] {
					if ended[group] {
						return Swallow
					}
				}
				return Forward
			}),
		}
	})

// KeepsMessagesForNewMembers has a queue for the group that outlives it: the proxy
// sends whoever subscribes all that was ever published.
var KeepsMessagesForNewMembers = stateful("keeps-messages-for-new-members", "hands those who join a Shared Subscription the messages that came before them",
	Breaks{V5: "5.0/4.8.2/ends-with-last-member"},
	func() behaviour {
		var kept []*codec.Publish
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Publish:
				kept = append(kept, p)
			case *codec.Subscribe:
				for _, m := range kept {
					l.ToClient(&codec.Publish{Topic: m.Topic, Payload: m.Payload})
				}
			}
			return Forward
		}}
	})

// group keeps track of who shares what, and of the last message each got.
type group struct {
	filter map[*Link]string
	last   map[*Link]*codec.Publish
}

func newGroup() group { return group{map[*Link]string{}, map[*Link]*codec.Publish{}} }

func (g group) joined(l *Link, f *Frame) {
	if p, ok := f.Packet.(*codec.Subscribe); ok {
		g.filter[l] = firstFilter(p)
	}
}

func (g group) received(l *Link, f *Frame) {
	if p, ok := f.Packet.(*codec.Publish); ok && p.QoS > codec.QoS0 && g.filter[l] != "" {
		g.last[l] = p
	}
}

// reassign sends the last message that one member got to the others.
func (g group) reassign(l *Link) {
	m := g.last[l]
	if m == nil {
		return
	}
	delete(g.last, l)
	for _, other := range l.Others() {
		if g.filter[other] == g.filter[l] {
			other.ToClient(&codec.Publish{Topic: m.Topic, Payload: m.Payload})
		}
	}
}

// ReassignsWhenMembersLeave does not wait for a member to come back.
var ReassignsWhenMembersLeave = stateful("reassigns-when-members-leave", "sends the message under way to a member of a Shared Subscription to another when the connection is lost",
	Breaks{V5: "MQTT-4.8.2-4 MQTT-4.8.2-5"},
	func() behaviour {
		g := newGroup()
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action { g.joined(l, f); return Forward },
			FromBroker: func(l *Link, f *Frame) Action { g.received(l, f); return Forward },
			ClientGone: func(l *Link) Action { g.reassign(l); return Forward },
		}
	})

// ReassignsRefusedMessages looks for a member that likes the message.
var ReassignsRefusedMessages = stateful("reassigns-refused-messages", "sends a message that a member of a Shared Subscription refuses to another",
	Breaks{V5: "MQTT-4.8.2-6"},
	func() behaviour {
		g := newGroup()
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				g.joined(l, f)
				switch p := f.Packet.(type) {
				case *codec.Puback:
					if p.Code.IsError() {
						g.reassign(l)
					}
				case *codec.Pubrec:
					if p.Code.IsError() {
						g.reassign(l)
					}
				}
				return Forward
			},
			FromBroker: func(l *Link, f *Frame) Action { g.received(l, f); return Forward },
		}
	})

// ReassignsNothing leaves a message with the member that never acknowledged it.
var ReassignsNothing = stateful("reassigns-nothing", "sends a message to no second member of a Shared Subscription, whatever becomes of the first",
	Breaks{V5: "5.0/4.8.2/qos-1-to-another"},
	func() behaviour {
		first := map[string]*Link{}
		return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
			key := p.Topic + "\x00" + p.Payload
			if first[key] == nil {
				first[key] = l
			}
			if first[key] != l {
				return Swallow
			}
			return Forward
		})}
	})

// SharesSubscriptionIdentifiers keeps them by group.
var SharesSubscriptionIdentifiers = stateful("shares-subscription-identifiers", "sends all members of a Shared Subscription the Subscription Identifier of the first",
	Breaks{V5: "5.0/3.3.4/subscription-identifier-shared"},
	func() behaviour {
		first := map[string]codec.Properties{}
		groups := map[*Link]string{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				filter := firstFilter(p)
				groups[l] = filter
				if _, ok := first[filter]; !ok {
					first[filter] = p.Properties.All(codec.PropSubscriptionIdentifier)
				}
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				p.Properties = withIdentifiers(p.Properties, first[groups[l]])
				return Forward
			}),
		}
	})

// IgnoresSharedNoLocal carries on when No Local makes no sense.
var IgnoresSharedNoLocal = tolerates("ignores-shared-no-local", "ignores a SUBSCRIBE to a Shared Subscription with No Local and carries on",
	Breaks{V5: "MQTT-3.8.3-4"},
	malformed(codec.SUBSCRIBE, "Subscription Options"))

// MendsMalformedSubscribe makes good what brokers get wrong: it closes the
// connection on every SUBSCRIBE that the decoder refuses.
var MendsMalformedSubscribe = tolerates("mends-malformed-subscribe", "closes the connection on a SUBSCRIBE that is not what the specification allows, that is to say rightly",
	Breaks{},
	func(l *Link, f *Frame) bool {
		if f.Type() != codec.SUBSCRIBE || f.Breach == nil {
			return false
		}
		l.CloseClient()
		return true
	})

// MendsReassignment makes good what brokers do not do: an unacknowledged QoS 1
// message of a Shared Subscription goes to another member when the session of
// the first is replaced by a new one.
var MendsReassignment = stateful("mends-reassignment", "sends an unacknowledged QoS 1 message of a Shared Subscription to another member when the session of the first ends, that is to say rightly",
	Breaks{},
	func() behaviour {
		const id = 0xFFF0 // of the message sent to the other member
		filter := map[*Link]string{}
		type pending struct {
			message *codec.Publish
			filter  string
		}
		unacknowledged := map[string]*pending{} // by Client Identifier
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connect:
					waiting := unacknowledged[p.ClientID]
					if waiting == nil || !p.CleanStart {
						return Forward
					}
					delete(unacknowledged, p.ClientID)
					for _, other := range l.Others() {
						if filter[other] == waiting.filter {
							other.ToClient(&codec.Publish{QoS: codec.QoS1, PacketID: id, Topic: waiting.message.Topic, Payload: waiting.message.Payload})
							break
						}
					}
				case *codec.Subscribe:
					filter[l] = firstFilter(p)
				case *codec.Puback:
					if p.PacketID == id {
						return Swallow
					}
					delete(unacknowledged, l.ClientID())
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if _, _, ok := shared(filter[l]); ok && p.QoS == codec.QoS1 {
					unacknowledged[l.ClientID()] = &pending{p, filter[l]}
				}
				return Forward
			}),
		}
	})
