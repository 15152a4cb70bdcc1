package fault

import (
	"strings"

	"mqttspec/codec"
)

// IgnoresMaximumPacketSize sends clients what they said is too large for them.
var IgnoresMaximumPacketSize = fromClient("ignores-maximum-packet-size", "ignores the Maximum Packet Size of CONNECT",
	Breaks{V5: "MQTT-3.1.2-24 MQTT-3.1.2-25"},
	func(_ *Link, p *codec.Connect) Action {
		p.Properties = without(p.Properties, codec.PropMaximumPacketSize)
		return Forward
	})

// packetLimits are the Maximum Packet Sizes of clients.
type packetLimits map[*Link]uint32

// take keeps a client's limit from the broker.
func (limits packetLimits) take(l *Link, p *codec.Connect) Action {
	limits[l], _ = p.Properties.Number(codec.PropMaximumPacketSize)
	p.Properties = without(p.Properties, codec.PropMaximumPacketSize)
	return Forward
}

// KeepsTooLargeMessages holds a message that is too large for the client until
// the client takes larger ones.
var KeepsTooLargeMessages = stateful("keeps-too-large-messages", "keeps a message that is too large for its subscriber until that connects with another Maximum Packet Size",
	Breaks{V5: "MQTT-3.1.2-25"},
	func() behaviour {
		limits := packetLimits{}
		return behaviour{
			FromClient: only(limits.take),
			FromBroker: func(l *Link, f *Frame) Action {
				if limit := limits[l]; f.Type() == codec.PUBLISH && limit > 0 && uint32(len(f.Raw)) > limit {
					return Swallow // unacknowledged, it stays with the session
				}
				return Forward
			},
		}
	})

// StopsAtTooLargeMessages cannot get past one.
var StopsAtTooLargeMessages = stateful("stops-at-too-large-messages", "sends a subscriber nothing more after a message that is too large for it",
	Breaks{V5: "MQTT-3.1.2-25"},
	func() behaviour {
		limits, stopped := packetLimits{}, map[*Link]bool{}
		return behaviour{
			FromClient: only(limits.take),
			FromBroker: func(l *Link, f *Frame) Action {
				if limit := limits[l]; f.Type() == codec.PUBLISH && limit > 0 {
					stopped[l] = stopped[l] || uint32(len(f.Raw)) > limit
					if stopped[l] {
						return Swallow
					}
				}
				return Forward
			},
		}
	})

// verbose makes brokers that say much about themselves in the packets of one
// type: in a Reason String, and in User Properties.
func verbose[T codec.Packet](reasonString, userProperty Breaks) []Fault {
	long := strings.Repeat("The broker has much to say. ", 20)
	var zero T
	say := func(what string, breaks Breaks, property codec.Property) Fault {
		return sends(slug("sends-long", what, "in", zero.Type().String()), "sends "+zero.Type().String()+" with a long "+what, breaks,
			func(_ *Link, p T) codec.Packet { return withProperties(p, codec.Properties{property}) })
	}
	return []Fault{say("Reason String", reasonString, codec.ReasonString(long)), say("User Property", userProperty, codec.UserProperty("remark", long))}
}

// Brokers that take no care of the client's Maximum Packet Size when they
// explain themselves.
var (
	VerboseConnack    = verbose[*codec.Connack](Breaks{V5: "MQTT-3.1.2-24 MQTT-3.2.2-19"}, Breaks{V5: "MQTT-3.2.2-20 MQTT-3.1.2-24"})
	VerbosePuback     = verbose[*codec.Puback](Breaks{V5: "MQTT-3.4.2-2 MQTT-3.1.2-24 MQTT-3.1.2-29"}, Breaks{V5: "MQTT-3.4.2-3 MQTT-3.1.2-24 MQTT-3.1.2-29"})
	VerbosePubrec     = verbose[*codec.Pubrec](Breaks{V5: "MQTT-3.5.2-2 MQTT-3.1.2-24 MQTT-3.1.2-29"}, Breaks{V5: "MQTT-3.5.2-3 MQTT-3.1.2-24 MQTT-3.1.2-29"})
	VerbosePubrel     = verbose[*codec.Pubrel](Breaks{V5: "MQTT-3.6.2-2 MQTT-3.1.2-24 MQTT-3.1.2-29"}, Breaks{V5: "MQTT-3.6.2-3 MQTT-3.1.2-24 MQTT-3.1.2-29"})
	VerbosePubcomp    = verbose[*codec.Pubcomp](Breaks{V5: "MQTT-3.7.2-2 MQTT-3.1.2-24 MQTT-3.1.2-29"}, Breaks{V5: "MQTT-3.7.2-3 MQTT-3.1.2-24 MQTT-3.1.2-29"})
	VerboseSuback     = verbose[*codec.Suback](Breaks{V5: "MQTT-3.9.2-1 MQTT-3.1.2-24 MQTT-3.1.2-29"}, Breaks{V5: "MQTT-3.9.2-2 MQTT-3.1.2-24 MQTT-3.1.2-29"})
	VerboseUnsuback   = verbose[*codec.Unsuback](Breaks{V5: "MQTT-3.11.2-1 MQTT-3.1.2-24 MQTT-3.1.2-29"}, Breaks{V5: "MQTT-3.11.2-2 MQTT-3.1.2-24 MQTT-3.1.2-29"})
	VerboseDisconnect = verbose[*codec.Disconnect](Breaks{V5: "MQTT-3.14.2-3 MQTT-3.1.2-24"}, Breaks{V5: "MQTT-3.14.2-4 MQTT-3.1.2-24"})
	VerboseAuth       = verbose[*codec.Auth](Breaks{V5: "MQTT-3.15.2-2 MQTT-3.1.2-24 MQTT-3.1.2-29"}, Breaks{V5: "MQTT-3.15.2-3 MQTT-3.1.2-24 MQTT-3.1.2-29"})
)

// declared is the Maximum Packet Size of the broker's CONNACK, by connection.
func declared(handle func(l *Link, f *Frame, most uint32) Action) func() behaviour {
	return func() behaviour {
		most := map[*Link]uint32{}
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				most[l], _ = p.Properties.Number(codec.PropMaximumPacketSize)
				return Forward
			}),
			FromClient: func(l *Link, f *Frame) Action { return handle(l, f, most[l]) },
		}
	}
}

// SkipsTooLargePackets does not insist on what it declares.
var SkipsTooLargePackets = stateful("skips-too-large-packets", "ignores packets above its own Maximum Packet Size",
	Breaks{V5: "MQTT-3.2.2-15"},
	declared(func(_ *Link, f *Frame, most uint32) Action {
		if most > 0 && uint32(len(f.Raw)) > most {
			return Swallow
		}
		return Forward
	}))

// CannotTakeItsMaximum closes the connection at the limit instead of above it.
var CannotTakeItsMaximum = stateful("cannot-take-its-maximum", "closes the connection on a packet of exactly its Maximum Packet Size",
	Breaks{V5: "MQTT-3.2.2-15"},
	declared(func(l *Link, f *Frame, most uint32) Action {
		if most > 0 && uint32(len(f.Raw)) == most {
			l.CloseClient()
			return Swallow
		}
		return Forward
	}))

// MendsMaximumPacketSize makes good what brokers get wrong: all bytes of a
// packet count.
var MendsMaximumPacketSize = stateful("mends-maximum-packet-size", "closes the connection on a packet with more bytes than its Maximum Packet Size, those of the fixed header included",
	Breaks{},
	declared(func(l *Link, f *Frame, most uint32) Action {
		if most > 0 && uint32(len(f.Raw)) > most {
			l.CloseClient()
			return Swallow
		}
		return Forward
	}))

// limited makes a broker that does not send a client a PUBLISH of which tooLarge
// says so, but acts as if the client had it: what the broker behind it would
// send is not limited.
func limited(name, does string, breaks Breaks, tooLarge func(size, limit uint32) bool) Fault {
	return stateful(name, does, breaks, func() behaviour {
		limits := packetLimits{}
		return behaviour{
			FromClient: only(limits.take),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				raw, err := codec.Append(nil, l.Version, p)
				if limit := limits[l]; err != nil || limit == 0 || !tooLarge(uint32(len(raw)), limit) {
					return Forward
				}
				switch p.QoS {
				case codec.QoS1:
					l.ToBroker(&codec.Puback{PacketID: p.PacketID})
				case codec.QoS2:
					l.ToBroker(&codec.Pubrec{PacketID: p.PacketID, Code: codec.QuotaExceeded})
				}
				return Swallow
			}),
		}
	})
}

// ExceedsMaximumPacketSize does not count the byte of the packet type.
var ExceedsMaximumPacketSize = limited("exceeds-maximum-packet-size", "sends clients a PUBLISH one byte larger than they said they take",
	Breaks{V5: "MQTT-3.1.2-24 MQTT-3.1.2-25"},
	func(size, limit uint32) bool { return size > limit+1 })

// StaysBelowMaximumPacketSize takes the largest size for the least that is too
// large.
var StaysBelowMaximumPacketSize = limited("stays-below-maximum-packet-size", "discards a PUBLISH of exactly the client's Maximum Packet Size",
	Breaks{V5: "MQTT-3.1.2-25 MQTT-4.5.0-1"},
	func(size, limit uint32) bool { return size >= limit })

// MendsClientPacketSize makes good what brokers get wrong: all bytes of a packet
// count.
var MendsClientPacketSize = limited("mends-client-packet-size", "discards a PUBLISH with more bytes than the client's Maximum Packet Size, those of the fixed header included",
	Breaks{},
	func(size, limit uint32) bool { return size > limit })

// ConcealsMaximumPacketSize takes small packets only, and does not say so.
var ConcealsMaximumPacketSize = tolerates("conceals-maximum-packet-size", "closes the connection on a packet of 64 KiB or more, though it declares no Maximum Packet Size",
	Breaks{V5: "5.0/3.2.2.3.6/maximum-packet-size-absent",
		Follows: Follows{V5: "MQTT-3.8.4-1", Because: "a SUBSCRIBE that is too large for it gets no SUBACK"}},
	func(l *Link, f *Frame) bool {
		if len(f.Raw) < 64<<10 {
			return false
		}
		l.CloseClient()
		return true
	})
