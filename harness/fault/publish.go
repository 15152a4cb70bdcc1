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
