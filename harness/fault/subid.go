package fault

import (
	"strings"

	"mqttspec/codec"
)

// withIdentifiers is a packet's properties with these Subscription Identifiers
// in place of its own.
func withIdentifiers(ps codec.Properties, ids codec.Properties) codec.Properties {
	return append(without(ps, codec.PropSubscriptionIdentifier), ids...)
}

// StripsSubscriptionIdentifiers keeps them to itself.
var StripsSubscriptionIdentifiers = fromBroker("strips-subscription-identifiers", "sends every message without Subscription Identifiers",
	Breaks{V5: "5.0/3.3.4/subscription-identifier-returned 5.0/3.3.4/subscription-identifier-shared 5.0/3.8.4/subscription-identifier-replaced MQTT-3.3.4-3 MQTT-3.3.4-4 MQTT-3.3.4-5"},
	func(_ *Link, p *codec.Publish) Action {
		p.Properties = withIdentifiers(p.Properties, nil)
		return Forward
	})

// SendsSubscriptionIdentifierZero has a number for no number.
var SendsSubscriptionIdentifierZero = fromBroker("sends-subscription-identifier-zero", "adds Subscription Identifier 0 to every message",
	Breaks{V5: "5.0/3.3.2.3.8/subscription-identifier-value 5.0/3.3.4/subscription-identifier-foreign"},
	func(_ *Link, p *codec.Publish) Action {
		p.Properties = append(p.Properties, codec.SubscriptionIdentifier(0))
		return Forward
	})

// AddsSubscriptionIdentifier mixes subscriptions up.
var AddsSubscriptionIdentifier = fromBroker("adds-subscription-identifier", "adds the Subscription Identifier of another subscription to every message",
	Breaks{V5: "5.0/3.3.4/subscription-identifier-foreign"},
	func(_ *Link, p *codec.Publish) Action {
		p.Properties = append(p.Properties, codec.SubscriptionIdentifier(99))
		return Forward
	})

// SendsFirstSubscriptionIdentifier keeps one for each message.
var SendsFirstSubscriptionIdentifier = fromBroker("sends-first-subscription-identifier", "sends only the first of a message's Subscription Identifiers",
	Breaks{V5: "5.0/3.3.4/subscription-identifier-repeated MQTT-3.3.4-3 MQTT-3.3.4-4"},
	func(_ *Link, p *codec.Publish) Action {
		if all := p.Properties.All(codec.PropSubscriptionIdentifier); len(all) > 1 {
			p.Properties = withIdentifiers(p.Properties, all[:1])
		}
		return Forward
	})

// KeepsFirstSubscriptionIdentifier lets a second SUBSCRIBE change nothing.
var KeepsFirstSubscriptionIdentifier = stateful("keeps-first-subscription-identifier", "goes on with the Subscription Identifier, or without, as in the first SUBSCRIBE to a Topic Filter",
	Breaks{V5: "5.0/3.8.4/subscription-identifier-replaced"},
	func() behaviour {
		first := map[filterOf]codec.Properties{}
		return behaviour{FromClient: only(func(l *Link, p *codec.Subscribe) Action {
			key := filterOf{l, firstFilter(p)}
			if _, ok := first[key]; !ok {
				first[key] = p.Properties.All(codec.PropSubscriptionIdentifier)
			}
			p.Properties = withIdentifiers(p.Properties, first[key])
			return Forward
		})}
	})

// RevertsSubscriptionIdentifier looks the number up in two places: the proxy puts
// the newest into the first message with DUP 1, the oldest into later ones.
var RevertsSubscriptionIdentifier = stateful("reverts-subscription-identifier", "sends a message again first with the newest Subscription Identifier and then with the oldest",
	Breaks{V5: "5.0/3.8.4/subscription-identifier-reverted"},
	func() behaviour {
		used := map[string]codec.Properties{}
		repeated := map[string]int{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				used[l.ClientID()] = append(used[l.ClientID()], p.Properties.All(codec.PropSubscriptionIdentifier)...)
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				ids := used[l.ClientID()]
				if !p.Dup || len(ids) == 0 {
					return Forward
				}
				id := ids[:1]
				if repeated[l.ClientID()] == 0 {
					id = ids[len(ids)-1:]
				}
				repeated[l.ClientID()]++
				p.Properties = withIdentifiers(p.Properties, id)
				return Forward
			}),
		}
	})

// IgnoresWrongSubscriptionIdentifiers does not look at the number.
var IgnoresWrongSubscriptionIdentifiers = tolerates("ignores-wrong-subscription-identifiers", "ignores a SUBSCRIBE with Subscription Identifier 0 or with two of them and carries on",
	Breaks{V5: "5.0/3.8.2.1.2/subscription-identifier-twice 5.0/3.8.2.1.2/subscription-identifier-value"},
	func(_ *Link, f *Frame) bool {
		return f.Type() == codec.SUBSCRIBE && f.Breach != nil && strings.HasPrefix(f.Breach.Field, "Subscription Identifier")
	})

// IgnoresPublishedSubscriptionIdentifiers takes no notice of what clients
// cannot know.
var IgnoresPublishedSubscriptionIdentifiers = tolerates("ignores-published-subscription-identifiers", "ignores a PUBLISH with a Subscription Identifier and carries on",
	Breaks{V5: "MQTT-3.3.4-6"},
	func(_ *Link, f *Frame) bool {
		return f.Type() == codec.PUBLISH && f.Breach != nil && strings.HasPrefix(f.Breach.Field, "Subscription Identifier")
	})

// IgnoresLongSubscriptionIdentifiers skips what it cannot read.
var IgnoresLongSubscriptionIdentifiers = tolerates("ignores-long-subscription-identifiers", "ignores a SUBSCRIBE whose Subscription Identifier goes on beyond four bytes",
	Breaks{V5: "5.0/1.5.5/variable-byte-integer-too-long"},
	malformed(codec.SUBSCRIBE, "Subscription Identifier"))
