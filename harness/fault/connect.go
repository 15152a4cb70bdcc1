package fault

import "mqttspec/codec"

// RefusesConnections answers no CONNECT with success.
var RefusesConnections = fromBroker("refuses-connections", "answers every CONNECT with a refusal",
	func(l *Link, p *codec.Connack) Action {
		p.Code = codec.RefusedServerUnavailable
		if l.Version == codec.V5 {
			p.Code, p.Properties = codec.ServerUnavailable, nil
		}
		return Forward
	})

// WaitsForConnect does not mind what comes before CONNECT.
var WaitsForConnect = tolerates("waits-for-connect", "ignores packets that come before CONNECT and keeps waiting for it",
	func(l *Link, f *Frame) bool { return l.Connect == nil && f.Type() != codec.CONNECT })

// IgnoresSecondConnect takes a second CONNECT for nothing.
var IgnoresSecondConnect = stateful("ignores-second-connect", "ignores a second CONNECT on a connection",
	func() behaviour {
		seen := map[*Link]bool{}
		return behaviour{fromClient: only(func(l *Link, _ *codec.Connect) Action {
			if seen[l] {
				return Swallow
			}
			seen[l] = true
			return Forward
		})}
	})
