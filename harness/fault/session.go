package fault

import "mqttspec/codec"

// SessionPresentAlways claims to have stored every session.
var SessionPresentAlways = fromBroker("session-present-always", "answers every accepted CONNECT with Session Present 1",
	Breaks{V311: "MQTT-3.2.2-1 MQTT-3.2.2-2 MQTT-3.2.2-3", V5: "MQTT-3.2.2-2 MQTT-3.2.2-3"},
	func(_ *Link, p *codec.Connack) Action {
		p.SessionPresent = p.Code == codec.Success
		return Forward
	})

// SessionPresentNever denies every stored session.
var SessionPresentNever = fromBroker("session-present-never", "answers every CONNECT with Session Present 0",
	Breaks{V311: "MQTT-3.2.2-2", V5: "MQTT-3.2.2-3"},
	func(_ *Link, p *codec.Connack) Action {
		p.SessionPresent = false
		return Forward
	})

// ForgetsSessions keeps no session, though it says it does: the broker behind is
// asked for a clean one each time, and its Session Present changed.
var ForgetsSessions = stateful("forgets-sessions", "discards every session when its connection ends, but answers Session Present as if it had not",
	Breaks{V311: "MQTT-3.1.2-4 MQTT-3.1.2-5 MQTT-4.1.0-1 MQTT-3.2.2-2", V5: "MQTT-3.1.2-5 MQTT-3.1.2-23 MQTT-4.1.0-1 MQTT-3.2.2-3",
		Follows: Follows{V311: "MQTT-3.1.4-3 MQTT-4.3.3-2 MQTT-4.4.0-1 MQTT-3.2.2-4 MQTT-4.3.3-1",
			V5:      "MQTT-3.1.4-4 MQTT-4.3.3-10 MQTT-4.4.0-1 MQTT-4.8.2-4 5.0/3.1.2.11.2/session-expiry-interval-absent 5.0/3.1.2.11.2/session-expiry-interval-never 5.0/3.14.2.2.2/session-expiry-interval-used MQTT-3.1.2-4 MQTT-3.1.2-6 MQTT-3.2.2-6 MQTT-3.3.1-10 MQTT-4.1.0-2 MQTT-4.3.3-5",
			Because: "with a session goes what it held: subscriptions, queued messages, and those under way in both directions; and that it is said to be there misleads whoever was told"}},
	func() behaviour {
		stored := map[string]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Connect) Action {
				p.CleanStart = true
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				id := l.ClientID()
				p.SessionPresent = !l.Asked().CleanStart && stored[id]
				stored[id] = !l.Asked().CleanStart
				return Forward
			}),
		}
	})
