package fault

import "mqttspec/codec"

// IgnoresMissingCertificate lets clients in on a listener that demands a
// certificate, whether they show one or not. It is no matter of packets:
// whoever sets the faulty broker up opens the listener to everybody.
var IgnoresMissingCertificate = stateful("ignores-missing-certificate", "demands a client certificate and lets clients in without one",
	func() behaviour { return behaviour{} })

// RefusesAllForOne lets one subscription spoil the others.
var RefusesAllForOne = fromBroker("refuses-all-for-one", "refuses every subscription of a SUBSCRIBE when one of them is forbidden",
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
// out, and when the broker closes the connection it keeps the client's open.
var DropsUnacknowledged = stateful("drops-unacknowledged", "neither acknowledges a PUBLISH nor closes the connection",
	func() behaviour {
		return behaviour{
			fromBroker: func(_ *Link, f *Frame) Action {
				if f.Type() == codec.PUBACK || f.Type() == codec.PUBREC || f.Type() == codec.DISCONNECT {
					return Swallow
				}
				return Forward
			},
			brokerGone: func(*Link) Action { return Swallow },
		}
	})

// DeliversPastRules asks nobody whether a message may be sent on: the proxy hands
// each message to whoever has asked for exactly its topic, refused or not.
var DeliversPastRules = stateful("delivers-past-rules", "delivers what is published to all who have asked for its topic, whatever the access rules say",
	func() behaviour {
		asked := map[*Link]map[string]bool{}
		return behaviour{fromClient: func(l *Link, f *Frame) Action {
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
					if asked[o][p.Topic] {
						o.ToClient(&codec.Publish{Topic: p.Topic, Payload: p.Payload})
					}
				}
			}
			return Forward
		}}
	})
