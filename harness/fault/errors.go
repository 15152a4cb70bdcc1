package fault

import "mqttspec/codec"

// IgnoresErrors takes every packet that breaks a rule for nothing.
var IgnoresErrors = stateful("ignores-errors", "ignores packets that break a rule, and a second CONNECT",
	Breaks{V311: "MQTT-4.8.0-1", V5: "5.0/4.13.1/malformed-packet 5.0/4.13.1/protocol-error MQTT-4.13.1-1",
		Follows: Follows{Observed: stillOpen, Because: "each rule that is broken has a sentence of its own about the end of the connection"}},
	func() behaviour {
		connected := map[*Link]bool{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Breach != nil || connected[l] && f.Type() == codec.CONNECT {
				return Swallow
			}
			connected[l] = connected[l] || f.Type() == codec.CONNECT
			return Forward
		}}
	})

// These give the wrong reason: one that any refusal may have, and one that is
// the reason for another error.
var (
	DisconnectsForBusyness = disconnectsFor("disconnects-for-busyness", "Server busy", codec.ServerBusy)
	DisconnectsForSize     = disconnectsFor("disconnects-for-size", "Packet too large", codec.PacketTooLarge)
	RefusesForBusyness     = refusesFor("refuses-for-busyness", "Server busy", codec.ServerBusy)
	RefusesForSize         = refusesFor("refuses-for-size", "Packet too large", codec.PacketTooLarge)
)

func disconnectsFor(name, reason string, code codec.ReasonCode) Fault {
	return fromBroker(name, "says "+reason+" in every DISCONNECT, whatever the error", Breaks{V5: disconnectReasons},
		func(_ *Link, p *codec.Disconnect) Action {
			p.Code, p.Properties = code, nil
			return Forward
		})
}

func refusesFor(name, reason string, code codec.ReasonCode) Fault {
	return sends(name, "says "+reason+" in every CONNACK that refuses, whatever the error", Breaks{V5: "5.0/4.13.1/connack-reason 5.0/2.2.2.2/property-reason 5.0/3.2.2.3.4/will-qos-not-supported-reason 5.0/3.2.2.3.5/will-retain-not-supported-reason"},
		func(_ *Link, p *codec.Connack) codec.Packet {
			if p.Code.IsError() {
				p.Code, p.Properties = code, nil
			}
			return p
		})
}

// PanicsForOne ends everybody's connection over the error of one: the proxy closes
// those of the others.
var PanicsForOne = stateful("panics-for-one", "closes all connections when one client breaks a rule",
	Breaks{V5: "5.0/4.13.1/other-sessions",
		Follows: Follows{Down: true, Because: "each check that makes it end all connections is named as one that brings it down"}},
	func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Breach != nil {
				for _, other := range l.Others() {
					other.CloseClient()
				}
			}
			return Forward
		}}
	})

// ClosesAfterRefusal takes an error in one packet for an error of the connection.
var ClosesAfterRefusal = sends("closes-after-refusal", "closes the connection after an acknowledgement with an error",
	Breaks{V5: "5.0/4.13.2/refusal-contained"},
	func(l *Link, p *codec.Pubcomp) codec.Packet {
		if p.Code.IsError() {
			l.ToClient(p)
			l.CloseClient()
		}
		return p
	})

// CarriesOnAfterError says that it closes the connection, and does not.
var CarriesOnAfterError = stateful("carries-on-after-error", "keeps the connection open after a CONNACK or DISCONNECT with an error",
	Breaks{V5: "MQTT-4.13.2-1 MQTT-3.2.2-7 MQTT-3.14.4-2",
		Follows: Follows{V5: "MQTT-3.14.4-1", Observed: stillOpen, Because: "each error has a sentence of its own about the end of the connection, and what is sent on it is sent behind the DISCONNECT"}},
	func() behaviour {
		stays := staysAfterDisconnect()
		disconnected := stays.FromBroker
		stays.FromBroker = func(l *Link, f *Frame) Action {
			if p, ok := f.Packet.(*codec.Connack); ok && p.Code.IsError() {
				l.Hold()
			}
			return disconnected(l, f)
		}
		return stays
	})

// IgnoresForeignProperties skips packets with a property that is not theirs.
var IgnoresForeignProperties = tolerates("ignores-foreign-properties", "ignores packets with a property that does not belong there",
	Breaks{V5: "5.0/2.2.2.2/property-identifier"},
	breaking("5.0/2.2.2.2/property-identifier"))

// IgnoresTruncatedProperties skips packets with a property that is cut short.
var IgnoresTruncatedProperties = tolerates("ignores-truncated-properties", "ignores packets with a property whose value is cut short",
	Breaks{V5: "5.0/2.2.2.2/property-data-type"},
	breaking("5.0/2.2.2.2/property-data-type"))

// MendsSilentClose makes good what brokers get wrong: it says why they close.
var MendsSilentClose = stateful("mends-silent-close", "sends DISCONNECT with 0x81 where the broker closes the connection without a word",
	Breaks{},
	func() behaviour {
		told := map[*Link]bool{}
		return behaviour{
			FromBroker: only(func(l *Link, _ *codec.Disconnect) Action {
				told[l] = true
				return Forward
			}),
			BrokerGone: func(l *Link) Action {
				if !told[l] {
					l.ToClient(&codec.Disconnect{Code: codec.MalformedPacket})
				}
				return Forward
			},
		}
	})
