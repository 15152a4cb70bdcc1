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
			fromClient: only(func(_ *Link, p *codec.Connect) Action {
				if end, known := ends[p.ClientID]; known && time.Now().After(end) {
					p.CleanStart = true
				}
				return Forward
			}),
			clientGone: func(l *Link) Action {
				if l.Connect != nil {
					ends[l.clientID()] = time.Now().Add(time.Duration(expiryOf(l.connect().Properties)) * time.Second)
				}
				return Forward
			},
		}
	})
