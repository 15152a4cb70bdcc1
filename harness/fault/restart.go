package fault

import (
	"time"

	"mqttspec/codec"
)

// KeepsCleanSessions stores what is to end with the connection.
var KeepsCleanSessions = fromClient("keeps-clean-sessions", "stores every session beyond its connection, those that are to end with it too",
	Breaks{V311: "MQTT-3.1.2-6", V5: "5.0/3.1.2.11.2/session-expiry-interval-absent MQTT-4.1.0-2"},
	func(l *Link, p *codec.Connect) Action {
		p.CleanStart = false
		if l.Version == codec.V5 {
			p.Properties = withExpiry(p.Properties, 600)
		}
		return Forward
	})

// MendsExpiredSessions makes good what brokers forget over a restart: that a
// session's time was up.
var MendsExpiredSessions = stateful("mends-expired-sessions", "discards, when a client comes back, a session whose Session Expiry Interval has passed",
	Breaks{},
	func() behaviour {
		ends := map[string]time.Time{}
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Connect) Action {
				if end, known := ends[p.ClientID]; known && time.Now().After(end) {
					p.CleanStart = true
				}
				return Forward
			}),
			ClientGone: func(l *Link) Action {
				if l.Connect != nil {
					ends[l.ClientID()] = time.Now().Add(time.Duration(expiryOf(l.Asked().Properties)) * time.Second)
				}
				return Forward
			},
		}
	})

// ForgetsWillsOfRestart swallows the wills of the connections that the broker itself
// has ended, when they come.
var ForgetsWillsOfRestart = stateful("forgets-wills-of-restart", "publishes no Will Message of a connection that it has ended itself, for a restart",
	Breaks{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	func() behaviour {
		lost := map[string]bool{} // the topics of the wills
		return behaviour{
			BrokerGone: func(l *Link) Action {
				if will := l.Asked().Will; will != nil {
					lost[will.Topic] = true
				}
				return Forward
			},
			FromBroker: only(func(_ *Link, p *codec.Publish) Action {
				if lost[p.Topic] {
					return Swallow
				}
				return Forward
			}),
			ClientGone: func(l *Link) Action {
				l.Connect = nil // who goes first has its will published
				return Forward
			},
		}
	})

// DeliversAgainAfterRestart has forgotten over its restart what it received at QoS 2:
// the proxy publishes what a client repeats once more.
var DeliversAgainAfterRestart = stateful("delivers-again-after-restart", "delivers a QoS 2 message that a client repeats after a restart a second time",
	Breaks{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-10"},
	func() behaviour {
		const own = 0x7777 // the Packet Identifier of the proxy's message
		restarted := false
		return behaviour{
			BrokerGone: func(*Link) Action {
				restarted = true
				return Forward
			},
			FromClient: only(func(l *Link, p *codec.Publish) Action {
				if restarted && p.QoS == codec.QoS2 && p.Dup {
					l.ToBroker(&codec.Publish{QoS: codec.QoS1, PacketID: own, Topic: p.Topic, Payload: p.Payload})
				}
				return Forward
			}),
			FromBroker: only(func(_ *Link, p *codec.Puback) Action {
				if p.PacketID == own {
					return Swallow
				}
				return Forward
			}),
		}
	})
