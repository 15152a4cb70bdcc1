package fault

import (
	"slices"

	"mqttspec/codec"
)

// ConcealsMaximumQoS takes part in QoS 0 only, and does not say so.
var ConcealsMaximumQoS = fromClient("conceals-maximum-qos", "disconnects a client that publishes above QoS 0, though it declares no Maximum QoS",
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
	func() behaviour {
		requested := map[*Link][]codec.Subscription{}
		return behaviour{
			fromClient: only(func(l *Link, p *codec.Subscribe) Action {
				requested[l] = p.Subscriptions
				return Forward
			}),
			fromBroker: only(func(l *Link, p *codec.Suback) Action {
				for i, s := range requested[l] {
					if i < len(p.Codes) && s.QoS > codec.QoS(p.Codes[i]) {
						p.Codes[i] = codec.ImplementationSpecificError
					}
				}
				return Forward
			}),
		}
	})

// IgnoresUnsupportedPublish minds no PUBLISH: the proxy lets none through, so it
// serves only where all are of the unsupported kind.
var IgnoresUnsupportedPublish = tolerates("ignores-unsupported-publish", "ignores a PUBLISH that asks for more than it has declared",
	func(l *Link, f *Frame) bool { return l.Version == codec.V5 && f.Type() == codec.PUBLISH })

// AcceptsUnsupportedWill minds no will: what is above QoS 0 or retained counts as
// more than was declared.
var AcceptsUnsupportedWill = accepts("accepts-unsupported-will", "accepts a Will that asks for more than it has declared",
	connecting(func(p *codec.Connect) bool { return p.Will != nil && (p.Will.QoS > codec.QoS0 || p.Will.Retain) }))

// GrantsEverySubscription pretends to be able to do everything.
var GrantsEverySubscription = fromClient("grants-every-subscription", "grants every subscription, whatever it has declared",
	func(l *Link, p *codec.Subscribe) Action {
		suback := &codec.Suback{PacketID: p.PacketID}
		for _, s := range p.Subscriptions {
			suback.Codes = append(suback.Codes, codec.ReasonCode(s.QoS))
		}
		l.ToClient(suback)
		return Swallow
	})

// RefusesSubscriptionIdentifiers lacks them, and does not say so.
var RefusesSubscriptionIdentifiers = fromClient("refuses-subscription-identifiers", "refuses every SUBSCRIBE with a Subscription Identifier, with 0xA1",
	func(l *Link, p *codec.Subscribe) Action {
		if !p.Properties.Has(codec.PropSubscriptionIdentifier) {
			return Forward
		}
		l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: slices.Repeat([]codec.ReasonCode{codec.SubscriptionIdentifiersNotSupported}, len(p.Subscriptions))})
		return Swallow
	})

// RefusesSharedSubscriptions lacks them, and does not say so.
var RefusesSharedSubscriptions = fromClient("refuses-shared-subscriptions", "disconnects a client that asks for a Shared Subscription, with 0x9E",
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
