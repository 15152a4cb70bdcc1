package fault

import "mqttspec/codec"

// ResumesCleanSessions ignores Clean Session (Clean Start), though it says that
// it does not.
var ResumesCleanSessions = stateful("resumes-clean-sessions", "stores every session and resumes it also when a clean one is asked for, but answers Session Present 0 then",
	Breaks{V311: "MQTT-3.1.2-6", V5: "5.0/3.1.2.11.2/session-expiry-interval-absent MQTT-3.1.2-4 MQTT-4.1.0-2",
		Follows: Follows{
			V311: "MQTT-3.1.4-3 MQTT-3.2.2-3",
			V5: "MQTT-3.1.2-6 MQTT-3.1.2-23 MQTT-3.1.4-4 MQTT-3.2.2-3 5.0/3.2.2.3.2/session-expiry-interval-declared 5.0/4.8.2/survives-its-creator " +
				"5.0/3.14.2.2.2/session-expiry-interval-after-zero 5.0/3.14.2.2.2/session-expiry-interval-after-zero-reason",
			Because: "no session ends, whenever it should"}},
	func() behaviour {
		clean := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Connect) Action {
				clean[l] = p.CleanStart
				p.CleanStart = false
				if l.Version == codec.V5 {
					p.Properties = withExpiry(p.Properties, 600)
				}
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				p.SessionPresent = p.SessionPresent && !clean[l]
				return Forward
			}),
		}
	})

// RestoresStoredSessions keeps the stored session aside while a clean one is
// there: to the broker behind, the clean one is another client's.
var RestoresStoredSessions = stateful("restores-stored-sessions", "comes back to a stored session although a clean one with the same Client Identifier was there since",
	Breaks{V311: "MQTT-3.1.2-6", V5: "MQTT-3.1.2-4",
		Follows: Follows{V311: "MQTT-3.1.4-2 MQTT-3.2.2-3", V5: "MQTT-3.1.4-3 MQTT-3.2.2-3 MQTT-4.1.0-1",
			Because: "the clean session does not take the place of the other, nor of its connection"}},
	func() behaviour {
		return behaviour{FromClient: only(func(_ *Link, p *codec.Connect) Action {
			if expiry, _ := p.Properties.Number(codec.PropSessionExpiryInterval); p.CleanStart && expiry == 0 && p.ClientID != "" {
				p.ClientID += "c" // another session altogether
			}
			return Forward
		})}
	})

// RemovesRetainedWithSession counts retained messages among the session state of
// their publisher: as its last act the proxy has it publish empty ones.
var RemovesRetainedWithSession = stateful("removes-retained-with-session", "deletes the retained messages that a client published when its session ends",
	Breaks{V311: "3.1.1/3.1.2.4/retained-outlives-session", V5: "5.0/4.1/retained-outlives-session"},
	func() behaviour {
		retained := map[*Link][]string{}
		end := func(l *Link) Action {
			for _, topic := range retained[l] {
				l.ToBroker(&codec.Publish{Topic: topic, Retain: true})
			}
			delete(retained, l)
			return Forward
		}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Publish:
					if p.Retain {
						retained[l] = append(retained[l], p.Topic)
					}
				case *codec.Disconnect:
					return end(l)
				}
				return Forward
			},
			ClientGone: end,
		}
	})

// ForgetsWhileConnected loses the subscriptions of a connection when another
// client disconnects: the proxy takes out what comes for it from then on.
var ForgetsWhileConnected = stateful("forgets-while-connected", "forgets the subscriptions of open connections when another client disconnects",
	Breaks{V311: "MQTT-4.1.0-1 MQTT-4.1.0-2 MQTT-4.5.0-1", V5: "MQTT-4.1.0-1 MQTT-4.5.0-1"},
	func() behaviour {
		forgotten := map[*Link]bool{}
		forget := func(l *Link) Action {
			for _, o := range l.Others() {
				forgotten[o] = true
			}
			return Forward
		}
		return behaviour{
			ClientGone: forget,
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if forgotten[l] {
					return Swallow
				}
				return Forward
			}),
		}
	})
