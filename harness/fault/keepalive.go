package fault

import (
	"time"

	"mqttspec/codec"
)

// KeepsSilentClients waits for ever.
var KeepsSilentClients = Fault{"keeps-silent-clients", "never closes a connection that it has accepted, however silent the client", func() behaviour {
	return behaviour{fromBroker: func(l *Link, f *Frame) Action {
		switch f.Packet.(type) {
		case *codec.Connack:
			l.Hold()
		case *codec.Disconnect:
			return Swallow
		}
		return Forward
	}}
}}

// timesOut makes a broker that closes the connection of a client that has sent
// no packet that counts for one and a half times its Keep Alive, once it notices:
// at the next packet.
func timesOut(name, does string, counts func(f *Frame) bool) Fault {
	return Fault{name, does, func() behaviour {
		alive := map[*Link]time.Time{}
		return behaviour{fromClient: func(l *Link, f *Frame) Action {
			now := time.Now()
			last, known := alive[l]
			limit := time.Second
			if l.Connect != nil {
				limit *= time.Duration(l.Connect.KeepAlive)
			}
			switch {
			case known && limit > 0 && now.Sub(last) > limit*3/2:
				l.CloseClient()
				l.CloseBroker()
				return Swallow
			case !known || counts(f):
				alive[l] = now
			}
			return Forward
		}}
	}}
}

// CountsNoPackets measures from CONNECT.
var CountsNoPackets = timesOut("counts-no-packets", "closes every connection one and a half Keep Alive periods after its CONNECT",
	func(*Frame) bool { return false })

// CountsPingreqOnly takes nothing else for a sign of life.
var CountsPingreqOnly = timesOut("counts-pingreq-only", "closes the connection of a client that sends no PINGREQ for one and a half Keep Alive periods",
	func(f *Frame) bool { return f.Type() == codec.PINGREQ })

// TimesOutKeepAliveZero takes 0 for the shortest time there is.
var TimesOutKeepAliveZero = fromClient("times-out-keep-alive-zero", "takes Keep Alive 0 for one second",
	func(_ *Link, p *codec.Connect) Action {
		p.KeepAlive = max(p.KeepAlive, 1)
		return Forward
	})
