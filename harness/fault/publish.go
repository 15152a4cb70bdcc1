package fault

import (
	"strings"

	"mqttspec/codec"
)

// DeliversNothing has no subscribers to speak of.
var DeliversNothing = fromBroker("delivers-nothing", "delivers no message to any subscriber",
	Breaks{V311: "MQTT-4.5.0-1 MQTT-3.3.5-1 MQTT-3.3.1-6 MQTT-3.1.2-8", V5: "MQTT-4.5.0-1 MQTT-3.3.4-2 MQTT-3.3.1-9 MQTT-3.1.2-8 5.0/4.8.1/every-subscriber",
		Follows: Follows{V311: "MQTT-4.3.2-2 MQTT-3.3.1-10 3.1.1/3.3.3/payload-empty", V5: "MQTT-4.3.2-4 MQTT-3.3.1-6 5.0/3.3.3/payload-empty",
			Because: "a message of which the broker has accepted ownership goes to nobody, and an empty one neither"}},
	func(*Link, *codec.Publish) Action { return Swallow })

// AltersPayloads adds to what was published.
var AltersPayloads = fromBroker("alters-payloads", "adds a byte to every payload",
	Breaks{V311: "MQTT-4.5.0-1 3.1.1/3.3.3/payload-empty 3.1.1/3.1.3.3/will-payload", V5: "MQTT-4.5.0-1 5.0/3.3.3/payload-empty MQTT-3.1.2-8"},
	func(_ *Link, p *codec.Publish) Action {
		p.Payload += "\x00"
		return Forward
	})

// DropsEmptyMessages takes a message without a payload for none.
var DropsEmptyMessages = fromBroker("drops-empty-messages", "delivers no message that has an empty payload",
	Breaks{V311: "3.1.1/3.3.3/payload-empty MQTT-3.3.1-10", V5: "5.0/3.3.3/payload-empty MQTT-3.3.1-6"},
	func(_ *Link, p *codec.Publish) Action {
		if p.Payload == "" {
			return Swallow
		}
		return Forward
	})

// PropagatesDup hands the publisher's DUP flag on. The proxy knows a message again
// by its topic and payload.
var PropagatesDup = stateful("propagates-dup", "delivers a message with the DUP flag it was published with",
	Breaks{V311: "MQTT-3.3.1-3", V5: "MQTT-3.3.1-3"},
	func() behaviour {
		dup := map[string]bool{}
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Publish) Action {
				dup[p.Topic+"\x00"+p.Payload] = p.Dup
				return Forward
			}),
			FromBroker: only(func(_ *Link, p *codec.Publish) Action {
				p.Dup = p.Dup || dup[p.Topic+"\x00"+p.Payload]
				return Forward
			}),
		}
	})

// IgnoresQoS3 passes over what cannot be.
var IgnoresQoS3 = tolerates("ignores-qos-3", "ignores a PUBLISH with QoS 3 and carries on",
	Breaks{V311: "MQTT-3.3.1-4 MQTT-4.8.0-1", V5: "MQTT-3.3.1-4 MQTT-4.13.1-1"},
	breaks(codec.PUBLISH, "MQTT-3.3.1-4"))

// IgnoresEmptyTopicNames passes over messages that it can't route.
var IgnoresEmptyTopicNames = tolerates("ignores-empty-topic-names", "ignores a PUBLISH with an empty Topic Name and carries on",
	Breaks{V311: "MQTT-4.8.0-1 MQTT-4.7.3-1", V5: "5.0/3.3.2.1/topic-name-empty MQTT-4.13.1-1 MQTT-4.7.3-1"},
	breaks(codec.PUBLISH, "MQTT-4.7.3-1", "5.0/3.3.2.1/topic-name-empty"))

// IgnoresTruncatedPublish passes over what it can't read.
var IgnoresTruncatedPublish = tolerates("ignores-truncated-publish", "ignores a PUBLISH that ends too early and carries on",
	Breaks{V311: "MQTT-4.8.0-1 3.1.1/2.2.3/remaining-length", V5: "5.0/4.13.1/malformed-packet MQTT-4.13.1-1 5.0/2.1.4/remaining-length"},
	malformed(codec.PUBLISH, "Topic Name", "Packet Identifier"))

// DropsUnauthorized says nothing to what it does not allow.
var DropsUnauthorized = stateful("drops-unauthorized", "neither acknowledges a QoS 1 PUBLISH to $SYS nor closes the connection",
	Breaks{V311: "MQTT-3.3.4-1 MQTT-3.3.5-2", V5: "MQTT-3.3.4-1"},
	func() behaviour {
		unauthorized := map[deliveringKey]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Publish) Action {
				unauthorized[deliveringKey{l, p.PacketID}] = strings.HasPrefix(p.Topic, "$SYS/")
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Puback) Action {
				if unauthorized[deliveringKey{l, p.PacketID}] {
					return Swallow
				}
				return Forward
			}),
		}
	})

// DisconnectsSilently closes without a word.
var DisconnectsSilently = fromBroker("disconnects-silently", "sends no DISCONNECT before it closes a connection",
	Breaks{V5: disconnectReasons},
	func(*Link, *codec.Disconnect) Action { return Swallow })

// DisconnectsForNoReason does not say what was wrong.
var DisconnectsForNoReason = fromBroker("disconnects-for-no-reason", "disconnects with Reason Code 0x80 whatever was wrong",
	Breaks{V5: disconnectReasons},
	func(_ *Link, p *codec.Disconnect) Action {
		p.Code = codec.UnspecifiedError
		return Forward
	})
