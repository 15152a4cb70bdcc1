package fault

import "mqttspec/codec"

// DeliversNothing has no subscribers to speak of.
var DeliversNothing = fromBroker("delivers-nothing", "delivers no message to any subscriber",
	func(*Link, *codec.Publish) Action { return Swallow })

// AltersPayloads adds to what was published.
var AltersPayloads = fromBroker("alters-payloads", "adds a byte to every payload",
	func(_ *Link, p *codec.Publish) Action {
		p.Payload += "\x00"
		return Forward
	})

// DropsEmptyMessages takes a message without a payload for none.
var DropsEmptyMessages = fromBroker("drops-empty-messages", "delivers no message that has an empty payload",
	func(_ *Link, p *codec.Publish) Action {
		if p.Payload == "" {
			return Swallow
		}
		return Forward
	})

// PropagatesDup hands the publisher's DUP flag on. The proxy knows a message again
// by its topic and payload.
var PropagatesDup = stateful("propagates-dup", "delivers a message with the DUP flag it was published with",
	func() behaviour {
		dup := map[string]bool{}
		return behaviour{
			fromClient: only(func(_ *Link, p *codec.Publish) Action {
				dup[p.Topic+"\x00"+p.Payload] = p.Dup
				return Forward
			}),
			fromBroker: only(func(_ *Link, p *codec.Publish) Action {
				p.Dup = p.Dup || dup[p.Topic+"\x00"+p.Payload]
				return Forward
			}),
		}
	})

// IgnoresQoS3 passes over what cannot be.
var IgnoresQoS3 = tolerates("ignores-qos-3", "ignores a PUBLISH with QoS 3 and carries on",
	breaks(codec.PUBLISH, "MQTT-3.3.1-4"))

// IgnoresEmptyTopicNames passes over messages that it can't route.
var IgnoresEmptyTopicNames = tolerates("ignores-empty-topic-names", "ignores a PUBLISH with an empty Topic Name and carries on",
	breaks(codec.PUBLISH, "MQTT-4.7.3-1", "5.0/3.3.2.1/topic-name-empty"))

// IgnoresTruncatedPublish passes over what it can't read.
var IgnoresTruncatedPublish = tolerates("ignores-truncated-publish", "ignores a PUBLISH that ends too early and carries on",
	malformed(codec.PUBLISH, "Topic Name", "Packet Identifier"))

// DropsUnauthorized says nothing to what it does not allow.
var DropsUnauthorized = fromBroker("drops-unauthorized", "neither acknowledges a QoS 1 PUBLISH to $SYS nor closes the connection",
	func(*Link, *codec.Puback) Action { return Swallow })

// DisconnectsSilently closes without a word.
var DisconnectsSilently = fromBroker("disconnects-silently", "sends no DISCONNECT before it closes a connection",
	func(*Link, *codec.Disconnect) Action { return Swallow })

// DisconnectsForNoReason does not say what was wrong.
var DisconnectsForNoReason = fromBroker("disconnects-for-no-reason", "disconnects with Reason Code 0x80 whatever was wrong",
	func(_ *Link, p *codec.Disconnect) Action {
		p.Code = codec.UnspecifiedError
		return Forward
	})
