package fault

import (
	"slices"
	"strings"

	"mqttspec/codec"
)

// ConcealsMaximumQoS takes part in QoS 0 only, and does not say so.
var ConcealsMaximumQoS = fromClient("conceals-maximum-qos", "disconnects a client that publishes above QoS 0, though it declares no Maximum QoS",
	Breaks{V5: "MQTT-3.2.2-9",
		Follows: Follows{V5: "5.0/3.2.2.3.3/receive-maximum-borne 5.0/3.2.2.3.6/maximum-packet-size-absent 5.0/4.3/clients-independent MQTT-3.3.2-11 MQTT-3.3.4-1 MQTT-4.3.2-4 MQTT-4.3.3-10 MQTT-4.3.3-8 MQTT-4.9.0-3", Because: "a connection that ends at any QoS above 0 keeps nothing that is promised of it"}},
	func(l *Link, p *codec.Publish) Action {
		if p.QoS == codec.QoS0 {
			return Forward
		}
		l.ToClient(&codec.Disconnect{Code: codec.QoSNotSupported})
		l.CloseClient()
		return Swallow
	})

// RefusesUnsupportedQoS grants no subscription that it would have to lower.
var RefusesUnsupportedQoS = stateful("refuses-unsupported-qos", "refuses subscriptions at a QoS above the Maximum QoS that it declares",
	Breaks{V5: "MQTT-3.2.2-10"},
	func() behaviour {
		requested := map[*Link][]codec.Subscription{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				requested[l] = p.Subscriptions
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Suback) Action {
				for i, s := range requested[l] {
					if i < len(p.Codes) && s.QoS > codec.QoS(p.Codes[i]) {
						p.Codes[i] = codec.ImplementationSpecificError
					}
				}
				return Forward
			}),
		}
	})

// IgnoresUnsupportedPublish minds no PUBLISH.
var IgnoresUnsupportedPublish = stateful("ignores-unsupported-publish", "ignores a PUBLISH that asks for more than it has declared",
	Breaks{V5: "MQTT-3.2.2-11 MQTT-3.2.2-14 MQTT-3.2.2-17 MQTT-3.2.2-18",
		Follows: Follows{V5: "5.0/3.2.2.3.4/qos-not-supported-reason 5.0/3.2.2.3.5/retain-not-supported-reason 5.0/3.3.4/topic-alias-invalid-reason",
			Because: "what is ignored is not reported as an error"}},
	whereDeclared(func(_ *Link, f *Frame, declared codec.Properties) Action {
		p, ok := f.Packet.(*codec.Publish)
		if !ok {
			return Forward
		}
		alias, _ := p.Properties.Number(codec.PropTopicAlias)
		aliases, _ := declared.Number(codec.PropTopicAliasMaximum)
		qos, limited := declared.Number(codec.PropMaximumQoS)
		if alias > aliases || limited && uint32(p.QoS) > qos || p.Retain && lacks(declared, codec.PropRetainAvailable) {
			return Swallow
		}
		return Forward
	}))

// whereDeclared makes a broker that handles what clients send in view of what
// its CONNACK has declared.
func whereDeclared(handle func(l *Link, f *Frame, declared codec.Properties) Action) func() behaviour {
	return func() behaviour {
		declared := map[*Link]codec.Properties{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				declared[l] = p.Properties
				return Forward
			}),
			FromClient: func(l *Link, f *Frame) Action { return handle(l, f, declared[l]) },
		}
	}
}

// lacks says whether a broker declares that a feature is not available.
func lacks(declared codec.Properties, feature codec.PropertyID) bool {
	available, ok := declared.Number(feature)
	return ok && available == 0
}

// AcceptsUnsupportedWill minds no will: the proxy makes an acceptance of the
// refusal, and serves the client itself, as far as it pings.
var AcceptsUnsupportedWill = fromBroker("accepts-unsupported-will", "accepts a Will that asks for more than it has declared",
	Breaks{V5: "MQTT-3.2.2-12 MQTT-3.2.2-13"},
	func(l *Link, p *codec.Connack) Action {
		if p.Code == codec.QoSNotSupported || p.Code == codec.RetainNotSupported {
			p.Code, p.Properties = codec.Success, nil
			l.Hold()
		}
		return Forward
	})

// GrantsEverySubscription pretends to be able to do everything.
var GrantsEverySubscription = stateful("grants-every-subscription", "grants every subscription, whatever it has declared",
	Breaks{V5: "5.0/3.2.2.3.11/wildcard-subscription-not-supported 5.0/3.2.2.3.12/subscription-identifier-not-supported 5.0/3.2.2.3.13/shared-subscription-not-supported",
		Follows: Follows{V5: "5.0/3.2.2.3.11/wildcard-subscription-not-supported-reason 5.0/3.2.2.3.12/subscription-identifier-not-supported-reason 5.0/3.2.2.3.13/shared-subscription-not-supported-reason",
			Because: "what is granted is not reported as an error"}},
	whereDeclared(func(l *Link, f *Frame, declared codec.Properties) Action {
		p, ok := f.Packet.(*codec.Subscribe)
		if !ok {
			return Forward
		}
		unsupported := p.Properties.Has(codec.PropSubscriptionIdentifier) && lacks(declared, codec.PropSubscriptionIdentifierAvailable)
		suback := &codec.Suback{PacketID: p.PacketID}
		for _, s := range p.Subscriptions {
			_, _, member := shared(s.Filter)
			unsupported = unsupported || member && lacks(declared, codec.PropSharedSubscriptionAvailable) ||
				strings.ContainsAny(s.Filter, "+#") && lacks(declared, codec.PropWildcardSubscriptionAvailable)
			suback.Codes = append(suback.Codes, codec.ReasonCode(s.QoS))
		}
		if !unsupported {
			return Forward
		}
		l.ToClient(suback)
		return Swallow
	}))

// RefusesSubscriptionIdentifiers lacks them, and does not say so.
var RefusesSubscriptionIdentifiers = fromClient("refuses-subscription-identifiers", "refuses every SUBSCRIBE with a Subscription Identifier, with 0xA1",
	Breaks{V5: "5.0/3.2.2.3.12/subscription-identifiers-supported"},
	func(l *Link, p *codec.Subscribe) Action {
		if !p.Properties.Has(codec.PropSubscriptionIdentifier) {
			return Forward
		}
		l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: slices.Repeat([]codec.ReasonCode{codec.SubscriptionIdentifiersNotSupported}, len(p.Subscriptions))})
		return Swallow
	})

// RefusesSharedSubscriptions lacks them, and does not say so.
var RefusesSharedSubscriptions = fromClient("refuses-shared-subscriptions", "disconnects a client that asks for a Shared Subscription, with 0x9E",
	Breaks{V5: "5.0/3.2.2.3.13/shared-subscriptions-supported"},
	func(l *Link, p *codec.Subscribe) Action {
		for _, s := range p.Subscriptions {
			if _, _, ok := shared(s.Filter); ok {
				l.ToClient(&codec.Disconnect{Code: codec.SharedSubscriptionsNotSupported})
				l.CloseClient()
				return Swallow
			}
		}
		return Forward
	})
