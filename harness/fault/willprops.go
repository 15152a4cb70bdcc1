package fault

import (
	"slices"
	"time"

	"mqttspec/codec"
)

// withoutWillProperty makes a broker that drops some properties of wills.
func withoutWillProperty(name, does string, breaks Breaks, drop func(codec.Property) bool) Fault {
	return fromClient(name, does, breaks, func(_ *Link, p *codec.Connect) Action {
		if p.Will != nil {
			will := *p.Will
			will.Properties = slices.DeleteFunc(slices.Clone(will.Properties), drop)
			p.Will = &will
		}
		return Forward
	})
}

// DropsWillProperties keeps only what is about the time of publishing.
var DropsWillProperties = withoutWillProperty("drops-will-properties", "publishes Will Messages without the properties that CONNECT gave them",
	Breaks{V5: "5.0/3.1.3.2/will-properties-forwarded 5.0/3.1.3.2.4/message-expiry-interval-forwarded",
		Follows: Follows{V5: "MQTT-3.1.3-10",
			Because: "User Properties that are not there have no order"}},
	func(p codec.Property) bool { return p.ID != codec.PropWillDelayInterval })

// ReversesWillUserProperties keeps them in a stack.
var ReversesWillUserProperties = fromClient("reverses-will-user-properties", "publishes the User Properties of a Will Message in another order than they had",
	Breaks{V5: "MQTT-3.1.3-10"},
	func(_ *Link, p *codec.Connect) Action {
		if p.Will != nil {
			will := *p.Will
			will.Properties = slices.Clone(will.Properties)
			slices.Reverse(will.Properties)
			p.Will = &will
		}
		return Forward
	})

// CountsWillExpiryFromConnect lets wills grow old with their clients.
var CountsWillExpiryFromConnect = stateful("counts-will-expiry-from-connect", "takes the time that the client was connected off the Message Expiry Interval of its Will Message",
	Breaks{V5: "5.0/3.1.3.2.4/message-expiry-interval-forwarded"},
	func() behaviour {
		stored := map[string]time.Time{} // by topic
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Connect) Action {
				if p.Will != nil {
					stored[p.Will.Topic] = time.Now()
				}
				return Forward
			}),
			FromBroker: only(func(_ *Link, p *codec.Publish) Action {
				since, ok := stored[p.Topic]
				if i := slices.IndexFunc(p.Properties, isExpiry); ok && i >= 0 {
					p.Properties = slices.Clone(p.Properties)
					p.Properties[i].Number -= uint32(time.Since(since).Seconds())
				}
				return Forward
			}),
		}
	})

// ExpiresEveryWill gives wills a lifetime of its own.
var ExpiresEveryWill = fromClient("expires-every-will", "publishes a Will Message without Message Expiry Interval with one",
	Breaks{V5: "5.0/3.1.3.2.4/message-expiry-interval-forwarded"},
	func(_ *Link, p *codec.Connect) Action {
		if p.Will != nil && !p.Will.Properties.Has(codec.PropMessageExpiryInterval) {
			will := *p.Will
			will.Properties = append(slices.Clone(will.Properties), codec.MessageExpiryInterval(86400))
			p.Will = &will
		}
		return Forward
	})

// TakesWillPropertyTwice uses one of two.
var TakesWillPropertyTwice = accepts("takes-will-property-twice", "accepts a will with a property twice that may come once only",
	Breaks{V5: "5.0/3.1.3.2.3/payload-format-indicator-twice 5.0/3.1.3.2.4/message-expiry-interval-twice 5.0/3.1.3.2.5/content-type-twice 5.0/3.1.3.2.6/response-topic-twice 5.0/3.1.3.2.7/correlation-data-twice"},
	breaking("5.0/3.1.3.2.3/payload-format-indicator-twice", "5.0/3.1.3.2.4/message-expiry-interval-twice",
		"5.0/3.1.3.2.5/content-type-twice", "5.0/3.1.3.2.6/response-topic-twice", "5.0/3.1.3.2.7/correlation-data-twice"))

// TakesForeignWillProperty skips what it does not know.
var TakesForeignWillProperty = accepts("takes-foreign-will-property", "accepts a will with a property that Will Messages do not have",
	Breaks{V5: "5.0/2.2.2.2/property-identifier"},
	breaking("5.0/2.2.2.2/property-identifier"))
