package fault

import "mqttspec/codec"

// HoldsRefused leaves it to the client to close: when the broker closes, the proxy
// does not.
var HoldsRefused = fromBroker("holds-refused", "keeps the connection open after a CONNACK that refuses it",
	Breaks{V311: "MQTT-3.2.2-5 3.1.1/3.1.4/refusal-closes MQTT-3.1.3-8 MQTT-3.1.3-9 MQTT-3.1.2-2", V5: "MQTT-3.2.2-7 MQTT-3.1.4-2 MQTT-3.1.3-8 MQTT-4.13.2-1"},
	func(l *Link, p *codec.Connack) Action {
		if p.Code != codec.Success {
			l.Hold()
		}
		return Forward
	})

// RefusesAsUnavailable gives one reason for everything.
var RefusesAsUnavailable = fromBroker("refuses-as-unavailable", "refuses every connection that it refuses as if the server were unavailable",
	Breaks{V311: "3.1.1/3.2.2.3/refusal-code MQTT-3.1.2-2 MQTT-3.1.3-8 MQTT-3.1.3-9", V5: "5.0/3.2.2.3.4/will-qos-not-supported-reason 5.0/3.2.2.3.5/will-retain-not-supported-reason 5.0/4.13.1/connack-reason 5.0/2.2.2.2/property-reason"},
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
	Breaks{V311: "MQTT-3.2.2-4", V5: "MQTT-3.2.2-6"},
	func(_ *Link, p *codec.Connack) Action {
		p.SessionPresent = p.SessionPresent || p.Code != codec.Success
		return Forward
	})

// RefersAcceptedClients accepts a client and sends it away.
var RefersAcceptedClients = fromBroker("refers-accepted-clients", "gives a Server Reference to clients that it accepts",
	Breaks{V5: "5.0/3.2.2.3.16/server-reference-reason"},
	func(_ *Link, p *codec.Connack) Action {
		if p.Code == codec.Success {
			p.Properties = append(p.Properties, codec.ServerReference("elsewhere"))
		}
		return Forward
	})
