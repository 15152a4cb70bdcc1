package fault

import (
	"time"

	"mqttspec/codec"
)

// expiryOf is the Session Expiry Interval of a packet; 0 where it has none.
func expiryOf(ps codec.Properties) uint32 {
	n, _ := ps.Number(codec.PropSessionExpiryInterval)
	return n
}

// withExpiry is the properties with another Session Expiry Interval.
func withExpiry(ps codec.Properties, seconds uint32) codec.Properties {
	ps = without(ps, codec.PropSessionExpiryInterval)
	return append(ps, codec.SessionExpiryInterval(seconds))
}

// KeepsSessionsLonger keeps every session for ten minutes, and tells nobody.
var KeepsSessionsLonger = fromClient("keeps-sessions-longer", "keeps every session for at least ten minutes, whatever Session Expiry Interval it was given",
	Breaks{V5: "5.0/3.1.2.11.2/session-expiry-interval-absent 5.0/3.2.2.3.2/session-expiry-interval-declared MQTT-3.1.2-6 MQTT-4.1.0-2",
		Follows: Follows{V5: "MQTT-3.2.2-3 MQTT-3.1.2-23 5.0/3.1.2.5/will-prompt 5.0/3.14.2.2.2/session-expiry-interval-after-zero 5.0/3.14.2.2.2/session-expiry-interval-after-zero-reason",
			Because: "a session that should have ended is present, holds messages and its Will back, and had no interval of 0"}},
	func(l *Link, p *codec.Connect) Action {
		p.Properties = withExpiry(p.Properties, max(600, expiryOf(p.Properties)))
		return Forward
	})

// ExpiresNeverAtOnce adds 0xFFFFFFFF seconds to the clock, in 32 bits.
var ExpiresNeverAtOnce = fromClient("expires-never-at-once", "ends a session that is never to expire with its connection",
	Breaks{V5: "5.0/3.1.2.11.2/session-expiry-interval-never MQTT-3.1.2-23 MQTT-3.1.2-5"},
	func(l *Link, p *codec.Connect) Action {
		if expiryOf(p.Properties) == 0xFFFFFFFF {
			p.Properties = withExpiry(p.Properties, 0)
		}
		return Forward
	})

// TakesExpiryForSigned takes the longest intervals for negative ones.
var TakesExpiryForSigned = stateful("takes-expiry-for-signed", "ends a session with a Session Expiry Interval of 0x80000000 or more with its connection",
	Breaks{V5: "5.0/3.1.2.11.2/session-expiry-interval-never MQTT-3.1.2-23"},
	func() behaviour {
		signed := func(ps codec.Properties) codec.Properties {
			if int32(expiryOf(ps)) < 0 {
				return withExpiry(ps, 0)
			}
			return ps
		}
		return behaviour{FromClient: func(_ *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Connect:
				p.Properties = signed(p.Properties)
			case *codec.Disconnect:
				p.Properties = signed(p.Properties)
			}
			return Forward
		}}
	})

// CountsExpiryFromConnect starts the clock too early.
var CountsExpiryFromConnect = stateful("counts-expiry-from-connect", "counts the Session Expiry Interval from the beginning of the connection",
	Breaks{V5: "MQTT-3.1.2-23 MQTT-4.1.0-1"},
	func() behaviour {
		ends := map[string]time.Time{}
		return behaviour{FromClient: only(func(l *Link, p *codec.Connect) Action {
			if end, known := ends[p.ClientID]; known && time.Now().After(end) {
				p.CleanStart = true
			}
			ends[p.ClientID] = time.Now().Add(time.Duration(expiryOf(p.Properties)) * time.Second)
			return Forward
		})}
	})

// KeepsFirstExpiry takes the Session Expiry Interval for the session's, once
// and for all.
var KeepsFirstExpiry = stateful("keeps-first-expiry", "uses the Session Expiry Interval of the connection that began the session for all later ones",
	Breaks{V5: "5.0/3.1.2.11.2/session-expiry-interval-absent MQTT-3.1.2-23 MQTT-4.1.0-2"},
	func() behaviour {
		first := map[string]uint32{}
		return behaviour{FromClient: only(func(l *Link, p *codec.Connect) Action {
			if n, known := first[p.ClientID]; known && !p.CleanStart {
				p.Properties = withExpiry(p.Properties, n)
			}
			first[p.ClientID] = expiryOf(p.Properties)
			return Forward
		})}
	})

// IgnoresExpiryInDisconnect does not read the properties of DISCONNECT.
var IgnoresExpiryInDisconnect = fromClient("ignores-expiry-in-disconnect", "ignores the Session Expiry Interval of DISCONNECT",
	Breaks{V5: "5.0/3.14.2.2.2/session-expiry-interval-used"},
	func(_ *Link, p *codec.Disconnect) Action {
		p.Properties = nil
		return Forward
	})

// TakesAbsentExpiryForZero reads a property of DISCONNECT that is not there.
var TakesAbsentExpiryForZero = fromClient("takes-absent-expiry-for-zero", "takes a DISCONNECT without Session Expiry Interval for one with 0",
	Breaks{V5: "5.0/3.14.2.2.2/session-expiry-interval-used",
		Follows: Follows{
			V5: "MQTT-3.1.2-4 MQTT-3.1.2-5 MQTT-3.1.2-6 MQTT-3.1.2-23 5.0/3.1.2.11.2/session-expiry-interval-never MQTT-3.2.2-3 MQTT-4.1.0-1", Observed: lost,
			Because: "the session of a client that says goodbye is gone when it comes back"}},
	func(_ *Link, p *codec.Disconnect) Action {
		if !p.Properties.Has(codec.PropSessionExpiryInterval) {
			p.Properties = withExpiry(p.Properties, 0)
		}
		return Forward
	})

// TakesExpiryAfterZero does not remember how the session began.
var TakesExpiryAfterZero = fromClient("takes-expiry-after-zero", "takes a DISCONNECT with a Session Expiry Interval for a valid one though that of CONNECT was 0",
	Breaks{V5: "5.0/3.14.2.2.2/session-expiry-interval-after-zero"},
	func(l *Link, p *codec.Disconnect) Action {
		if expiryOf(l.Asked().Properties) == 0 {
			p.Properties = nil
		}
		return Forward
	})

// TakesTwoSessionExpiries uses one of two.
var TakesTwoSessionExpiries = accepts("takes-two-session-expiries", "accepts a CONNECT with two Session Expiry Intervals",
	Breaks{V5: "5.0/3.1.2.11.2/session-expiry-interval-twice"},
	breaking("5.0/3.1.2.11.2/session-expiry-interval-twice"))

// DeclaresSessionExpiryTwice says it twice.
var DeclaresSessionExpiryTwice = fromBroker("declares-session-expiry-twice", "sends CONNACK with two Session Expiry Intervals",
	Breaks{V5: "5.0/3.2.2.3.2/session-expiry-interval-twice"},
	func(_ *Link, p *codec.Connack) Action {
		p.Properties = append(withExpiry(p.Properties, 600), codec.SessionExpiryInterval(600))
		return Forward
	})
