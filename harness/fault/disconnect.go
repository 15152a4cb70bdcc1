package fault

import (
	"strings"

	"mqttspec/codec"
)

// TakesEveryDisconnectForNormal does not look at the Reason Code.
var TakesEveryDisconnectForNormal = fromClient("takes-every-disconnect-for-normal", "treats every DISCONNECT as one with Reason Code 0x00",
	Breaks{V5: "5.0/3.14.2.1/disconnect-with-will MQTT-3.1.2-8"},
	func(_ *Link, p *codec.Disconnect) Action {
		p.Code = codec.NormalDisconnection
		return Forward
	})

// TakesShortDisconnectForNormal looks for a Reason Code only in front of a
// Property Length.
var TakesShortDisconnectForNormal = stateful("takes-short-disconnect-for-normal", "treats a DISCONNECT without Property Length as one with Reason Code 0x00",
	Breaks{V5: "5.0/3.14.2.2.1/property-length-omitted"},
	func() behaviour {
		return behaviour{FromClient: func(_ *Link, f *Frame) Action {
			if p, ok := f.Packet.(*codec.Disconnect); ok && len(f.Raw) == 3 {
				p.Code = codec.NormalDisconnection
			}
			return Forward
		}}
	})

// TakesRepeatedUserPropertyForError takes User Property for one like the others.
// The proxy closes the connection to the broker without the DISCONNECT.
var TakesRepeatedUserPropertyForError = fromClient("takes-repeated-user-property-for-error", "treats a DISCONNECT with more than one User Property like a connection that was lost",
	Breaks{V5: "5.0/3.14.2.2.4/user-property-repeated"},
	func(l *Link, p *codec.Disconnect) Action {
		if len(p.Properties.All(codec.PropUserProperty)) > 1 {
			l.CloseBroker()
			return Swallow
		}
		return Forward
	})

// IgnoresUnreadableDisconnect passes over what it can't read.
var IgnoresUnreadableDisconnect = tolerates("ignores-unreadable-disconnect", "ignores a malformed DISCONNECT and carries on",
	Breaks{V311: "MQTT-3.14.1-1", V5: "5.0/3.14.2.2.2/session-expiry-interval-twice 5.0/3.14.2.2.3/reason-string-twice MQTT-3.14.1-1"},
	malformed(codec.DISCONNECT))

// StaysAfterDisconnect leaves closing to the client.
var StaysAfterDisconnect = stateful("stays-after-disconnect", "does not close the connection after DISCONNECT",
	Breaks{V311: "3.1.1/3.14.4/disconnect-closes", V5: "5.0/3.14.4/disconnect-closes"},
	func() behaviour {
		left := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, _ *codec.Disconnect) Action {
				left[l] = true
				return Forward
			}),
			BrokerGone: func(l *Link) Action {
				if left[l] {
					return Swallow
				}
				return Forward
			},
		}
	})

// OverlooksDisconnect goes on as if nothing had been said.
var OverlooksDisconnect = tolerates("overlooks-disconnect", "ignores DISCONNECT and goes on to serve the client",
	Breaks{V311: "MQTT-3.14.4-2 MQTT-4.8.0-1 3.1.1/3.14.4/disconnect-closes MQTT-3.14.4-3 MQTT-3.1.2-10", V5: "5.0/3.14.4/disconnect-closes 5.0/4.13.1/unnamed-error MQTT-3.14.4-3 MQTT-3.1.2-10 5.0/3.14.2.2.2/session-expiry-interval-used"},
	func(_ *Link, f *Frame) bool { return f.Type() == codec.DISCONNECT })

// saysGoodbye makes a broker that sends these packets before it closes a
// connection that it had accepted, in place of the DISCONNECT of the broker
// behind, if that sends one: Protocol Error gives way to its Reason Code.
func saysGoodbye(name, does string, breaks Breaks, packets ...codec.Packet) Fault {
	return stateful(name, does, breaks, func() behaviour {
		accepted := map[*Link]bool{}
		reasons := map[*Link]codec.ReasonCode{}
		return behaviour{
			FromBroker: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connack:
					accepted[l] = p.Code == codec.Success
				case *codec.Disconnect:
					reasons[l] = p.Code
					return Swallow
				}
				return Forward
			},
			BrokerGone: func(l *Link) Action {
				if !accepted[l] {
					return Forward
				}
				for _, p := range packets {
					if d, ok := p.(*codec.Disconnect); ok && d.Code == codec.ProtocolError && reasons[l] != codec.Success {
						reasoned := *d
						reasoned.Code, p = reasons[l], &reasoned
					}
					l.ToClient(p)
				}
				return Forward
			},
		}
	})
}

var long = strings.Repeat("reason ", 100)

// Brokers whose last packets break one rule each.
var (
	DisconnectsWithUnknownCode = saysGoodbye("disconnects-with-unknown-code", "sends DISCONNECT with a Reason Code that DISCONNECT does not have",
		Breaks{V5: "MQTT-3.14.2-1", Follows: Follows{V5: disconnectReasons, Because: "a code that does not exist is not the one that fits"}},
		&codec.Disconnect{Code: codec.PacketIdentifierInUse})
	DisconnectsWithSessionExpiry = saysGoodbye("disconnects-with-session-expiry", "sends DISCONNECT with a Session Expiry Interval",
		Breaks{V5: "MQTT-3.14.2-2"},
		&codec.Disconnect{Code: codec.ProtocolError, Properties: codec.Properties{codec.SessionExpiryInterval(60)}})
	DisconnectsWithTwoReasonStrings = saysGoodbye("disconnects-with-two-reason-strings", "sends DISCONNECT with two Reason Strings",
		Breaks{V5: "5.0/3.14.2.2.3/reason-string-twice"},
		&codec.Disconnect{Code: codec.ProtocolError, Properties: codec.Properties{codec.ReasonString("one"), codec.ReasonString("two")}})
	DisconnectsWithTwoServerReferences = saysGoodbye("disconnects-with-two-server-references", "sends DISCONNECT with two Server References",
		Breaks{V5: "5.0/3.14.2.2.5/server-reference-twice", Follows: Follows{V5: disconnectReasons, Because: "that the client is to use another server is not the reason"}},
		&codec.Disconnect{Code: codec.UseAnotherServer, Properties: codec.Properties{codec.ServerReference("one"), codec.ServerReference("two")}})
	DisconnectsWithServerReference = saysGoodbye("disconnects-with-server-reference", "sends DISCONNECT for a protocol error with a Server Reference",
		Breaks{V5: "5.0/3.14.2.2.5/server-reference-reason"},
		&codec.Disconnect{Code: codec.ProtocolError, Properties: codec.Properties{codec.ServerReference("another")}})
	DisconnectsWithLongReason = saysGoodbye("disconnects-with-long-reason", "sends DISCONNECT with a Reason String that makes it larger than the client's Maximum Packet Size",
		Breaks{V5: "MQTT-3.14.2-3"},
		&codec.Disconnect{Code: codec.ProtocolError, Properties: codec.Properties{codec.ReasonString(long)}})
	DisconnectsWithLongUserProperty = saysGoodbye("disconnects-with-long-user-property", "sends DISCONNECT with a User Property that makes it larger than the client's Maximum Packet Size",
		Breaks{V5: "MQTT-3.14.2-4"},
		&codec.Disconnect{Code: codec.ProtocolError, Properties: codec.Properties{codec.UserProperty("reason", long)}})
	SendsAfterDisconnect = saysGoodbye("sends-after-disconnect", "sends another packet after its DISCONNECT",
		Breaks{V5: "MQTT-3.14.4-1"},
		&codec.Disconnect{Code: codec.ProtocolError}, &codec.Pingresp{})
	DisconnectsClients = saysGoodbye("disconnects-clients", "sends DISCONNECT before it closes a connection",
		Breaks{V311: "3.1.1/2.2.1/packet-direction"},
		&codec.Disconnect{})
)

// DisconnectsAndStays says that it closes the connection, but does not.
var DisconnectsAndStays = stateful("disconnects-and-stays", "keeps the connection open after it has sent DISCONNECT",
	Breaks{V5: "MQTT-3.14.4-2 MQTT-4.13.2-1",
		Follows: Follows{Observed: stillOpen, Because: "each error has a sentence of its own about the end of the connection"}},
	staysAfterDisconnect)

// staysAfterDisconnect makes a broker that keeps an accepted connection open on
// which it has sent DISCONNECT, as the proxy does where the broker behind just
// closes. It answers the client's PINGREQ from then on.
func staysAfterDisconnect() behaviour {
	type state struct{ accepted, left, said bool }
	states := map[*Link]*state{}
	of := func(l *Link) *state {
		if states[l] == nil {
			states[l] = &state{}
		}
		return states[l]
	}
	return behaviour{
		FromClient: only(func(l *Link, _ *codec.Disconnect) Action {
			of(l).left = true
			return Forward
		}),
		FromBroker: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Connack:
				of(l).accepted = p.Code == codec.Success
			case *codec.Disconnect:
				of(l).said = true
			}
			return Forward
		},
		BrokerGone: func(l *Link) Action {
			if !of(l).accepted || of(l).left {
				return Forward
			}
			if !of(l).said {
				l.ToClient(&codec.Disconnect{Code: codec.ProtocolError})
			}
			l.Hold()
			return Swallow
		},
	}
}

// DisconnectsBeforeConnack refuses with DISCONNECT.
var DisconnectsBeforeConnack = stateful("disconnects-before-connack", "sends DISCONNECT instead of CONNACK to a client that it does not accept",
	Breaks{V5: "MQTT-3.14.0-1",
		Follows: Follows{V5: "5.0/3.2.2.3.4/will-qos-not-supported-reason 5.0/3.2.2.3.5/will-retain-not-supported-reason",
			Because: "these reasons are given in a CONNACK"}},
	func() behaviour {
		accepted := map[*Link]bool{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				accepted[l] = p.Code == codec.Success
				if !accepted[l] {
					return Swallow
				}
				return Forward
			}),
			BrokerGone: func(l *Link) Action {
				if !accepted[l] {
					l.ToClient(&codec.Disconnect{Code: codec.ProtocolError})
				}
				return Forward
			},
		}
	})

// MendsDisconnectWithError makes good what brokers get wrong: only a DISCONNECT
// with 0x00 discards the will.
var MendsDisconnectWithError = fromClient("mends-disconnect-with-error", "treats a DISCONNECT with an error as one with Reason Code 0x04, that is to say rightly",
	Breaks{},
	func(_ *Link, p *codec.Disconnect) Action {
		if p.Code.IsError() {
			p.Code = codec.DisconnectWithWill
		}
		return Forward
	})
