package fault

import (
	"slices"

	"mqttspec/codec"
)

// NeverExpires keeps every message for as long as it takes.
var NeverExpires = fromClient("never-expires", "does not look at the Message Expiry Interval",
	Breaks{V5: "MQTT-3.3.2-5 MQTT-3.3.2-6 5.0/3.3.1.3/retained-message-expires"},
	func(_ *Link, p *codec.Publish) Action {
		p.Properties = without(p.Properties, codec.PropMessageExpiryInterval)
		return Forward
	})

// DropsExpiry does not tell subscribers how long a message lasts.
var DropsExpiry = dropsProperty("drops-expiry", Breaks{V5: "MQTT-3.3.2-6 5.0/3.1.3.2.4/message-expiry-interval-forwarded 5.0/3.1.3.2/will-properties-forwarded"}, codec.PropMessageExpiryInterval)

// HalvesExpiry is in a hurry.
var HalvesExpiry = editsProperties("halves-expiry", "delivers messages with half of their Message Expiry Interval",
	Breaks{V5: "MQTT-3.3.2-6 5.0/3.1.3.2.4/message-expiry-interval-forwarded"},
	func(ps codec.Properties) codec.Properties {
		if i := slices.IndexFunc(ps, isExpiry); i >= 0 {
			ps[i].Number /= 2
		}
		return ps
	})

// ExpiresEveryMessage has a limit of its own.
var ExpiresEveryMessage = fromBroker("expires-every-message", "delivers every message with a Message Expiry Interval, of its own where it had none",
	Breaks{V5: "5.0/3.3.2.3.3/message-expiry-interval-absent 5.0/3.1.3.2.4/message-expiry-interval-forwarded"},
	func(_ *Link, p *codec.Publish) Action {
		if !slices.ContainsFunc(p.Properties, isExpiry) {
			p.Properties = append(slices.Clone(p.Properties), codec.MessageExpiryInterval(86400))
		}
		return Forward
	})

// FreezesExpiry hands the interval on as it came.
var FreezesExpiry = stateful("freezes-expiry", "delivers messages with the Message Expiry Interval they were published with, however long they waited",
	Breaks{V5: "MQTT-3.3.2-6"},
	func() behaviour {
		published := map[string]codec.Property{}
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Publish) Action {
				if i := slices.IndexFunc(p.Properties, isExpiry); i >= 0 {
					published[p.Topic+"\x00"+p.Payload] = p.Properties[i]
				}
				return Forward
			}),
			FromBroker: only(func(_ *Link, p *codec.Publish) Action {
				if interval, ok := published[p.Topic+"\x00"+p.Payload]; ok {
					p.Properties = append(without(p.Properties, codec.PropMessageExpiryInterval), interval)
				}
				return Forward
			}),
		}
	})

func isExpiry(p codec.Property) bool { return p.ID == codec.PropMessageExpiryInterval }

// WithholdsPubcompOfExpiring gives the handshake up with the message: the proxy does
// not wait for the end of the interval.
var WithholdsPubcompOfExpiring = stateful("withholds-pubcomp-of-expiring", "does not answer PUBREL for a message with a Message Expiry Interval",
	Breaks{V5: "MQTT-4.3.3-13",
		Follows: Follows{V5: "MQTT-4.3.3-11", Because: "a PUBREL for a message that has expired is answered like any other"}},
	func() behaviour {
		type delivery struct {
			l  *Link
			id uint16
		}
		expiring := map[delivery]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Publish) Action {
				expiring[delivery{l, p.PacketID}] = p.QoS == codec.QoS2 && p.Properties.Has(codec.PropMessageExpiryInterval)
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Pubcomp) Action {
				if expiring[delivery{l, p.PacketID}] {
					return Swallow
				}
				return Forward
			}),
		}
	})
