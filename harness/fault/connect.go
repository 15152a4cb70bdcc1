package fault

import (
	"strings"

	"mqttspec/codec"
)

// RefusesConnections answers no CONNECT with success.
var RefusesConnections = fromBroker("refuses-connections", "answers every CONNECT with a refusal",
	Breaks{V311: "MQTT-3.1.4-4 MQTT-3.1.3-5", V5: "MQTT-3.1.4-5 MQTT-3.1.3-5",
		Follows: Follows{V311: "MQTT-7.0.0-2",
			Because: "who lets no client in interoperates with none"}},
	func(l *Link, p *codec.Connack) Action {
		p.Code = codec.RefusedServerUnavailable
		if l.Version == codec.V5 {
			p.Code, p.Properties = codec.ServerUnavailable, nil
		}
		return Forward
	})

// WaitsForConnect does not mind what comes before CONNECT.
var WaitsForConnect = tolerates("waits-for-connect", "ignores packets that come before CONNECT and keeps waiting for it",
	Breaks{V311: "MQTT-3.1.0-1 MQTT-4.8.0-1", V5: "MQTT-3.1.0-1"},
	func(l *Link, f *Frame) bool { return l.Connect == nil && f.Type() != codec.CONNECT })

// IgnoresSecondConnect takes a second CONNECT for nothing.
var IgnoresSecondConnect = stateful("ignores-second-connect", "ignores a second CONNECT on a connection",
	Breaks{V311: "MQTT-3.1.0-2 MQTT-4.8.0-1", V5: "MQTT-3.1.0-2 5.0/4.13.1/protocol-error MQTT-4.13.1-1"},
	func() behaviour {
		seen := map[*Link]bool{}
		return behaviour{FromClient: only(func(l *Link, _ *codec.Connect) Action {
			if seen[l] {
				return Swallow
			}
			seen[l] = true
			return Forward
		})}
	})

// AcceptsAnyProtocolName does not look at the Protocol Name.
var AcceptsAnyProtocolName = accepts("accepts-any-protocol-name", "accepts a CONNECT whatever its Protocol Name",
	Breaks{V311: "MQTT-3.1.2-1", V5: "MQTT-3.1.2-1"},
	breaking("MQTT-3.1.2-1"))

// AcceptsAnyProtocolLevel does not look at the Protocol Level.
var AcceptsAnyProtocolLevel = accepts("accepts-any-protocol-level", "accepts a CONNECT whatever its Protocol Level",
	Breaks{V311: "MQTT-3.1.2-2", V5: "MQTT-3.1.2-2"},
	breaking("MQTT-3.1.2-2"))

// SilentAboutProtocolLevel closes without a word.
var SilentAboutProtocolLevel = closes("silent-about-protocol-level", "closes on an unsupported Protocol Level without a CONNACK",
	Breaks{V311: "MQTT-3.1.2-2"},
	breaking("MQTT-3.1.2-2"))

// RefusesProtocolLevelBy5 says in the format of 3.1.1 what only 5.0 can say.
var RefusesProtocolLevelBy5 = stateful("refuses-protocol-level-by-5", "refuses an unsupported Protocol Level in the format of 3.1.1 with the code 0x84, which is 5.0's",
	Breaks{V311: "MQTT-3.1.2-2"},
	func() behaviour {
		unsupported := breaking("MQTT-3.1.2-2")
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Type() != codec.CONNECT || !unsupported(l, f) {
				return Forward
			}
			l.ToClient(codec.Wrong(&codec.Connack{Code: codec.UnsupportedProtocolVersion}))
			l.CloseClient()
			return Swallow
		}}
	})

// AcceptsReservedConnectFlag does not look at bit 0 of the Connect Flags.
var AcceptsReservedConnectFlag = accepts("accepts-reserved-connect-flag", "accepts a CONNECT with the reserved Connect Flag set",
	Breaks{V311: "MQTT-3.1.2-3", V5: "MQTT-3.1.2-3"},
	breaking("MQTT-3.1.2-3"))

// AcceptsMalformedConnect takes what it can of a CONNECT.
var AcceptsMalformedConnect = accepts("accepts-malformed-connect", "accepts a CONNECT however malformed",
	Breaks{V311: "MQTT-3.1.4-1", V5: "MQTT-3.1.4-1",
		Follows: Follows{Observed: accepted, Because: "each rule about the form of CONNECT has a sentence of its own"}},
	malformed(codec.CONNECT))

// RefusesMalformedConnect explains itself where it should not.
var RefusesMalformedConnect = refuses("refuses-malformed-connect", "answers a malformed CONNECT with a CONNACK that refuses it",
	Breaks{V311: "MQTT-3.1.4-1"},
	malformed(codec.CONNECT))

// IgnoresCleanStart keeps the old session whatever it is told. The proxy takes
// Clean Start out of CONNECT and Session Present out of CONNACK.
var IgnoresCleanStart = stateful("ignores-clean-start", "treats every CONNECT as if Clean Session, or Clean Start, were 0, but says otherwise",
	Breaks{V311: "MQTT-3.1.2-6 MQTT-3.1.4-3", V5: "MQTT-3.1.2-4 MQTT-3.1.4-4",
		Follows: Follows{V311: "MQTT-3.2.2-3", Because: "the session of a clean client is there for its next CONNECT"}},
	func() behaviour {
		clean := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Connect) Action {
				clean[l] = p.CleanStart
				p.CleanStart = p.CleanStart && p.ClientID == ""
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				p.SessionPresent = p.SessionPresent && !clean[l]
				return Forward
			}),
		}
	})

// LetsTwoIn serves two clients under one name: the proxy gives the second another.
var LetsTwoIn = stateful("lets-two-in", "keeps serving a client when another connects with its Client Identifier",
	Breaks{V311: "MQTT-3.1.4-2", V5: "MQTT-3.1.4-3"},
	func() behaviour {
		served := map[string]bool{}
		return behaviour{FromClient: only(func(_ *Link, p *codec.Connect) Action {
			if served[p.ClientID] {
				p.ClientID += "2"
			}
			served[p.ClientID] = true
			return Forward
		})}
	})

// MissesPacketsBeforeConnack reads nothing until it has accepted the client: the
// proxy drops what comes in the segment that CONNECT ends in.
var MissesPacketsBeforeConnack = stateful("misses-packets-before-connack", "loses what a client sends in one segment with its CONNECT",
	Breaks{V311: "3.1.1/3.1.4/packets-before-connack", V5: "5.0/3.1.4/packets-before-connack"},
	func() behaviour {
		opening := map[*Link]bool{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Type() == codec.CONNECT {
				opening[l] = true
				return Forward
			}
			opening[l] = opening[l] && f.Behind
			if opening[l] {
				return Swallow
			}
			return Forward
		}}
	})

// ProcessesRefusedClients acts on what comes behind a CONNECT that it refuses: the
// proxy has another client of the exchange publish it.
var ProcessesRefusedClients = stateful("processes-refused-clients", "processes what a client sent behind a CONNECT that it refused",
	Breaks{V311: "MQTT-3.1.4-5", V5: "MQTT-3.1.4-6"},
	func() behaviour {
		connected := map[*Link]bool{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				if publish, ok := f.Packet.(*codec.Publish); ok && !connected[l] {
					for _, other := range l.Others() {
						if connected[other] && ofExchange(other, publish.Topic) {
							other.ToBroker(publish)
							return Swallow
						}
					}
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				connected[l] = p.Code == codec.Success
				return Forward
			}),
		}
	})

// ofExchange says whether a client belongs to the exchange whose topic this is:
// PREFIX/RUN/SCOPE/… belongs to RUNxSCOPEx….
func ofExchange(l *Link, topic string) bool {
	levels := strings.Split(topic, "/")
	return len(levels) > 3 && strings.HasPrefix(l.ClientID(), levels[1]+"x"+levels[2]+"x")
}

// DisplacesBeforeValidation looks at the Client Identifier first: what it finds
// wrong with the rest it says only when the client of that name has gone. The
// proxy mends the CONNECT, and closes both connections when the answer comes.
var DisplacesBeforeValidation = stateful("displaces-before-validation", "displaces a client, and clears its session, before it refuses a malformed CONNECT with that client's identifier",
	Breaks{V311: "3.1.1/3.1.4/steps-after-validation", V5: "5.0/3.1.4/steps-after-validation 5.0/4.13.1/other-sessions"},
	func() behaviour {
		refused := map[*Link]bool{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				p, ok := f.Packet.(*codec.Connect)
				if !ok || f.Breach == nil {
					return Forward
				}
				refused[l] = true
				l.ToBroker(p)
				return Swallow
			},
			FromBroker: func(l *Link, _ *Frame) Action {
				if !refused[l] {
					return Forward
				}
				l.CloseBroker()
				l.CloseClient()
				return Swallow
			},
		}
	})

// MixesUpConnectPayload reads the fields of the payload in another order.
var MixesUpConnectPayload = fromClient("mixes-up-connect-payload", "takes the User Name in CONNECT for the Will Topic, and that for the User Name",
	Breaks{V311: "MQTT-3.1.3-1", V5: "MQTT-3.1.3-1"},
	func(_ *Link, p *codec.Connect) Action {
		if p.Will != nil && p.UserName != nil {
			will, userName := *p.Will, p.Will.Topic
			will.Topic = *p.UserName
			p.Will, p.UserName = &will, &userName
		}
		return Forward
	})
