package fault

import "mqttspec/codec"

// IgnoresMissingCertificate lets clients in on a listener that demands a
// certificate, whether they show one or not. It is no matter of packets:
// whoever sets the faulty broker up opens the listener to everybody.
var IgnoresMissingCertificate = stateful("ignores-missing-certificate", "demands a client certificate and lets clients in without one",
	Breaks{V311: "3.1.1/3.1.4/refusal-closes", V5: "MQTT-3.1.4-2"},
	func() behaviour { return behaviour{} })

// RefusesAllForOne lets one subscription spoil the others.
var RefusesAllForOne = fromBroker("refuses-all-for-one", "refuses every subscription of a SUBSCRIBE when one of them is forbidden",
	Breaks{V311: "MQTT-3.8.4-4", V5: "MQTT-3.8.4-5"},
	func(_ *Link, p *codec.Suback) Action {
		for _, code := range p.Codes {
			if code.IsError() {
				for i := range p.Codes {
					p.Codes[i] = code
				}
			}
		}
		return Forward
	})

// DropsUnacknowledged answers no PUBLISH: the proxy takes the acknowledgements
// out, and when the broker closes the connection because of one it keeps the
// client's open.
var DropsUnacknowledged = stateful("drops-unacknowledged", "neither acknowledges a PUBLISH nor closes the connection",
	Breaks{V311: "MQTT-3.3.4-1 MQTT-3.3.5-2 MQTT-4.3.2-2 MQTT-4.3.3-2", V5: "MQTT-3.3.4-1 MQTT-4.3.2-4 MQTT-4.3.3-8",
		Follows: Follows{V5: "MQTT-3.2.2-11 5.0/3.2.2.3.4/qos-not-supported-reason",
			Because: "a PUBLISH above its Maximum QoS is no exception"}},
	func() behaviour {
		published := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Publish) Action {
				published[l] = p.QoS > codec.QoS0
				return Forward
			}),
			FromBroker: func(l *Link, f *Frame) Action {
				if f.Type() == codec.PUBACK || f.Type() == codec.PUBREC || f.Type() == codec.DISCONNECT && published[l] {
					return Swallow
				}
				return Forward
			},
			BrokerGone: func(l *Link) Action {
				if published[l] {
					return Swallow
				}
				return Forward
			},
		}
	})

// DeliversPastRules asks nobody whether a message may be sent on: the proxy hands
// each message to whoever has asked for exactly its topic, refused or not, where the
// two are not the same user: who is has the same rights.
var DeliversPastRules = stateful("delivers-past-rules", "delivers what one user publishes to all others who have asked for its topic, whatever the access rules say",
	Breaks{V311: "MQTT-3.8.4-5", V5: "5.0/3.4.2.1/unauthorized-undelivered MQTT-3.8.4-7"},
	func() behaviour {
		asked := map[*Link]map[string]bool{}
		user := func(l *Link) string {
			if name := l.Asked().UserName; name != nil {
				return *name
			}
			return ""
		}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Subscribe:
				if asked[l] == nil {
					asked[l] = map[string]bool{}
				}
				for _, s := range p.Subscriptions {
					asked[l][s.Filter] = true
				}
			case *codec.Publish:
				for _, o := range l.Others() {
					if asked[o][p.Topic] && user(o) != user(l) {
						o.ToClient(&codec.Publish{Topic: p.Topic, Payload: p.Payload})
					}
				}
			}
			return Forward
		}}
	})
