package fault

import "mqttspec/codec"

// StoresNothingRetained delivers retained messages but stores none.
var StoresNothingRetained = fromClient("stores-nothing-retained", "treats every PUBLISH as if RETAIN were 0",
	func(_ *Link, p *codec.Publish) Action {
		p.Retain = false
		return Forward
	})

// ClearsRetainFlag sends what is retained as if it were new.
var ClearsRetainFlag = fromBroker("clears-retain-flag", "sends every PUBLISH with RETAIN 0",
	func(_ *Link, p *codec.Publish) Action {
		p.Retain = false
		return Forward
	})

// KeepsRetainFlag hands the publisher's RETAIN flag on.
var KeepsRetainFlag = stateful("keeps-retain-flag", "forwards a message to an established subscription with the RETAIN flag it was published with",
	func() behaviour {
		retained := map[string]bool{}
		return behaviour{
			fromClient: only(func(_ *Link, p *codec.Publish) Action {
				retained[p.Topic+"\x00"+p.Payload] = p.Retain
				return Forward
			}),
			fromBroker: only(func(_ *Link, p *codec.Publish) Action {
				p.Retain = p.Retain || retained[p.Topic+"\x00"+p.Payload]
				return Forward
			}),
		}
	})

// KeepsRetainedMessages cannot be made to forget a retained message.
var KeepsRetainedMessages = fromClient("keeps-retained-messages", "does not remove a retained message when an empty one is published",
	func(_ *Link, p *codec.Publish) Action {
		if p.Retain && p.Payload == "" {
			p.Retain = false
		}
		return Forward
	})
