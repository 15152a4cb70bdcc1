package fault

import (
	"time"

	"mqttspec/codec"
)

// KeepsSilentClients waits for ever: when the broker closes the connection of a
// client that has been silent for its Keep Alive, the proxy keeps the client's
// open.
var KeepsSilentClients = stateful("keeps-silent-clients", "never closes the connection of a client because it is silent",
	Breaks{V311: "MQTT-3.1.2-24", V5: "MQTT-3.1.2-21 MQTT-3.1.2-22 MQTT-3.2.2-21 MQTT-3.2.2-22"}, func() behaviour {
		last := map[*Link]time.Time{}
		keepAlive := map[*Link]time.Duration{}
		silent := func(l *Link) bool { return keepAlive[l] > 0 && time.Since(last[l]) >= keepAlive[l] }
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				if p, ok := f.Packet.(*codec.Connect); ok {
					keepAlive[l] = time.Duration(p.KeepAlive) * time.Second
				}
				last[l] = time.Now()
				return Forward
			},
			FromBroker: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connack:
					if seconds, ok := p.Properties.Number(codec.PropServerKeepAlive); ok {
						keepAlive[l] = time.Duration(seconds) * time.Second
					}
				case *codec.Disconnect:
					if silent(l) {
						return Swallow
					}
				}
				return Forward
			},
			BrokerGone: func(l *Link) Action {
				if silent(l) {
					l.Hold()
					return Swallow
				}
				return Forward
			},
		}
	})

// timesOut makes a broker that closes the connection of a client that has sent
// no packet that counts for one and a half times its Keep Alive, once it notices:
// at the next packet.
func timesOut(name, does string, breaks Breaks, counts func(f *Frame) bool) Fault {
	return closesAfter(name, does, breaks, counts, func(keepAlive uint16) time.Duration {
		return time.Duration(keepAlive) * time.Second * 3 / 2
	})
}

// closesAfter is timesOut with another time than one and a half times the Keep
// Alive. A Keep Alive of 0 limits nobody.
func closesAfter(name, does string, breaks Breaks, counts func(f *Frame) bool, after func(keepAlive uint16) time.Duration) Fault {
	return stateful(name, does, breaks, func() behaviour {
		alive := map[*Link]time.Time{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			now := time.Now()
			last, known := alive[l]
			keepAlive := l.Asked().KeepAlive
			switch {
			case known && keepAlive > 0 && now.Sub(last) > after(keepAlive):
				l.CloseClient()
				l.CloseBroker()
				return Swallow
			case !known || counts(f):
				alive[l] = now
			}
			return Forward
		}}
	})
}

// CountsNoPackets measures from CONNECT.
var CountsNoPackets = timesOut("counts-no-packets", "closes every connection one and a half Keep Alive periods after its CONNECT",
	Breaks{V311: "3.1.1/3.1.2.10/any-packet", V5: "5.0/3.1.2.10/any-packet"},
	func(*Frame) bool { return false })

// CountsPingreqOnly takes nothing else for a sign of life.
var CountsPingreqOnly = timesOut("counts-pingreq-only", "closes the connection of a client that sends no PINGREQ for one and a half Keep Alive periods",
	Breaks{V311: "3.1.1/3.1.2.10/any-packet", V5: "5.0/3.1.2.10/any-packet"},
	func(f *Frame) bool { return f.Type() == codec.PINGREQ })

// TimesOutKeepAliveZero takes 0 for the shortest time there is.
var TimesOutKeepAliveZero = fromClient("times-out-keep-alive-zero", "takes Keep Alive 0 for one second",
	Breaks{V5: "5.0/3.1.2.10/keep-alive-zero"},
	func(_ *Link, p *codec.Connect) Action {
		p.KeepAlive = max(p.KeepAlive, 1)
		return Forward
	})

// miscalculates makes a broker that takes a long Keep Alive for a short one.
func miscalculates(name, does string, breaks Breaks, after func(keepAlive uint16) time.Duration) Fault {
	return closesAfter(name, does, breaks, func(*Frame) bool { return true }, after)
}

// OverflowsKeepAlive has 16 bits for one and a half times of what needs them all.
var OverflowsKeepAlive = miscalculates("overflows-keep-alive", "works out one and a half times the Keep Alive in 16 bits",
	Breaks{V311: "MQTT-3.1.2-24", V5: "MQTT-3.2.2-22"},
	func(keepAlive uint16) time.Duration { return time.Duration(keepAlive+keepAlive/2) * time.Second })

// TakesKeepAliveForSigned takes a long Keep Alive for a negative one.
var TakesKeepAliveForSigned = miscalculates("takes-keep-alive-for-signed", "takes the Keep Alive for a signed number",
	Breaks{V311: "MQTT-3.1.2-24", V5: "MQTT-3.2.2-22"},
	func(keepAlive uint16) time.Duration { return time.Duration(int16(keepAlive)) * time.Second * 3 / 2 })

// ReadsHalfOfKeepAlive sees one of its bytes.
var ReadsHalfOfKeepAlive = miscalculates("reads-half-of-keep-alive", "takes the lower byte of the Keep Alive for all of it",
	Breaks{V5: "MQTT-3.2.2-22"},
	func(keepAlive uint16) time.Duration { return time.Duration(byte(keepAlive)) * time.Second * 3 / 2 })

// CountsOwnPackets takes what it sends for a sign of the client's life: the
// proxy sends a PINGREQ in the client's place with every message to it.
var CountsOwnPackets = stateful("counts-own-packets", "keeps the connection of a silent client for as long as it sends messages to it",
	Breaks{V311: "MQTT-3.1.2-24", V5: "MQTT-3.1.2-22"},
	func() behaviour {
		unanswered := map[*Link]int{}
		return behaviour{FromBroker: func(l *Link, f *Frame) Action {
			if f.Type() == codec.PUBLISH {
				l.ToBroker(&codec.Pingreq{})
				unanswered[l]++
			}
			if f.Type() == codec.PINGRESP && unanswered[l] > 0 {
				unanswered[l]--
				return Swallow
			}
			return Forward
		}}
	})
