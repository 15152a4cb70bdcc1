package fault

import "mqttspec/codec"

// HoldsRefused leaves it to the client to close: when the broker closes, the proxy
// does not.
var HoldsRefused = fromBroker("holds-refused", "keeps the connection open after a CONNACK that refuses it",
	func(l *Link, p *codec.Connack) Action {
		if p.Code != codec.Success {
			l.Hold()
		}
		return Forward
	})

// RefusesAsUnavailable gives one reason for everything.
var RefusesAsUnavailable = fromBroker("refuses-as-unavailable", "refuses every connection that it refuses as if the server were unavailable",
	func(l *Link, p *codec.Connack) Action {
		switch {
		case p.Code == codec.Success:
		case l.Version == codec.V5:
			p.Code = codec.ServerUnavailable
		default:
			p.Code = codec.RefusedServerUnavailable
		}
		return Forward
	})

// SessionPresentWhenRefused answers before it has decided.
var SessionPresentWhenRefused = fromBroker("session-present-when-refused", "answers Session Present 1 when it refuses a client",
	func(_ *Link, p *codec.Connack) Action {
		p.SessionPresent = p.SessionPresent || p.Code != codec.Success
		return Forward
	})

// RefersAcceptedClients accepts a client and sends it away.
var RefersAcceptedClients = fromBroker("refers-accepted-clients", "gives a Server Reference to clients that it accepts",
	func(_ *Link, p *codec.Connack) Action {
		if p.Code == codec.Success {
			p.Properties = append(p.Properties, codec.ServerReference("elsewhere"))
		}
		return Forward
	})
