package fault

import (
	"maps"
	"slices"
	"time"

	"mqttspec/codec"
)

// Brokers that are broken in ways for which no single rule has a name. They are
// no check's witness, and so not among [All]: the suite is held to what it says
// of them, first to last, where nothing else is known of the broker.

// Bad are these brokers, each with some measure where it takes one.
func Bad() []Fault {
	return []Fault{
		ClosesOnPing(), AnswersPingLate(time.Second), RefusesStoredSessions(), HangsOnBusyTakeover(), WithholdsPubrelOfRetained(),
		AnswersPubrecOnce(), RefusesAnyProperty(), RefusesWills(), GrantsNothing(), AcceptsLate(time.Second),
		SpreadsEmptyTopics(), VolunteersRetained(), ReordersBursts(), EnforcesKeepAliveLate(25), DeliversNoQoS0(),
		HangsOnMalformedConnect(), AnswersStrangers(),
	}
}

// ClosesOnPing takes PINGREQ for an offence.
func ClosesOnPing() Fault {
	return closes("closes-on-ping", "closes the connection on PINGREQ, without another packet",
		Breaks{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"},
		func(_ *Link, f *Frame) bool { return f.Type() == codec.PINGREQ })
}

// AnswersPingLate answers every PINGREQ, each so much too late.
func AnswersPingLate(by time.Duration) Fault {
	return fromBroker("answers-ping-late", "sends PINGRESP "+by.String()+" after the PINGREQ",
		Breaks{V311: "MQTT-3.12.4-1", V5: "MQTT-3.12.4-1"}, later[*codec.Pingresp](by))
}

// AcceptsLate takes so long for every CONNACK, and to close the connection where
// it refuses it.
func AcceptsLate(by time.Duration) Fault {
	late := later[*codec.Connack](by)
	return stateful("accepts-late", "sends CONNACK "+by.String()+" after the CONNECT",
		Breaks{}, func() behaviour {
			return behaviour{FromBroker: only(func(l *Link, p *codec.Connack) Action {
				l.Hold()
				action := late(l, p)
				l.After(by, func() {
					l.Release()
				})
				return action
			})}
		})
}

// later holds packets of one type back.
func later[T codec.Packet](by time.Duration) func(*Link, T) Action {
	return func(l *Link, p T) Action {
		l.After(by, func() { l.ToClient(p) })
		return Swallow
	}
}

// RefusesStoredSessions has clean ones only.
func RefusesStoredSessions() Fault {
	return refuses("refuses-stored-sessions", "refuses every CONNECT with Clean Session, or Clean Start, 0",
		Breaks{V311: "MQTT-3.1.4-4", V5: "MQTT-3.1.4-5"},
		func(_ *Link, f *Frame) bool {
			p, ok := f.Packet.(*codec.Connect)
			return ok && f.Breach == nil && !p.CleanStart
		})
}

// HangsOnBusyTakeover says nothing to a client whose other connection it is
// still busy with.
func HangsOnBusyTakeover() Fault {
	return stateful("hangs-on-busy-takeover", "does not answer a CONNECT that takes over a session with messages under way to the client",
		Breaks{V311: "MQTT-3.1.4-4", V5: "MQTT-3.1.4-5"},
		func() behaviour {
			underway := deliveries{}
			busy := map[*Link]bool{}
			return behaviour{
				FromClient: func(l *Link, f *Frame) Action {
					underway.fromClient(l, f)
					if f.Type() != codec.CONNECT || l.Asked().CleanStart {
						return Forward
					}
					for _, o := range l.Others() {
						if o.ClientID() == l.ClientID() && !o.BrokerGone() && underway.to(l.ClientID()) {
							busy[l] = true
						}
					}
					return Forward
				},
				FromBroker: func(l *Link, f *Frame) Action {
					underway.fromBroker(l, f)
					if busy[l] {
						return Swallow
					}
					return Forward
				},
			}
		})
}

// to says whether any are under way to a client.
func (ds deliveries) to(client string) bool {
	for key := range ds {
		if key.client == client {
			return true
		}
	}
	return false
}

// WithholdsPubrelOfRetained does not finish what it has begun with RETAIN 1.
func WithholdsPubrelOfRetained() Fault {
	return stateful("withholds-pubrel-of-retained", "does not answer PUBREC for a message that it has sent with RETAIN 1",
		Breaks{V311: "MQTT-4.3.3-1", V5: "MQTT-4.3.3-4"},
		func() behaviour {
			retained := map[deliveryKey]bool{}
			return behaviour{FromBroker: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Publish:
					if p.QoS == codec.QoS2 {
						retained[deliveryKey{l.ClientID(), p.PacketID}] = p.Retain
					}
				case *codec.Pubrel:
					if retained[deliveryKey{l.ClientID(), p.PacketID}] {
						return Swallow
					}
				}
				return Forward
			}}
		})
}

// AnswersPubrecOnce answers a client that repeats itself once and no more.
func AnswersPubrecOnce() Fault {
	return stateful("answers-pubrec-once", "sends PUBREL for a message once, however often the client sends PUBREC",
		Breaks{V311: "MQTT-4.3.3-1 MQTT-4.4.0-1", V5: "MQTT-4.3.3-4 MQTT-4.3.3-5 MQTT-4.4.0-1",
			Follows: Follows{V311: "MQTT-3.10.4-3", V5: "MQTT-3.10.4-3 MQTT-4.8.2-4",
				Because: "a message whose PUBREL was lost is never completed"}},
		func() behaviour {
			released := map[deliveryKey]bool{}
			return behaviour{FromBroker: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connack:
					if !p.SessionPresent {
						maps.DeleteFunc(released, func(key deliveryKey, _ bool) bool { return key.client == l.ClientID() })
					}
				case *codec.Publish:
					if p.QoS == codec.QoS2 && !p.Dup {
						delete(released, deliveryKey{l.ClientID(), p.PacketID})
					}
				case *codec.Pubrel:
					key := deliveryKey{l.ClientID(), p.PacketID}
					if released[key] {
						return Swallow
					}
					released[key] = true
				}
				return Forward
			}}
		})
}

// RefusesAnyProperty reads CONNECT as if 5.0 had no properties.
func RefusesAnyProperty() Fault {
	return refusesWith("refuses-any-property", "refuses every CONNECT with a property as malformed",
		Breaks{V5: "MQTT-3.1.4-5"}, codec.RefusedServerUnavailable, codec.MalformedPacket,
		func(p *codec.Connect) bool { return len(p.Properties) > 0 })
}

// RefusesWills leaves no last words, and says so as the specification has it.
func RefusesWills() Fault {
	return refusesWith("refuses-wills", "refuses every CONNECT with a Will Message as not authorized",
		Breaks{}, codec.RefusedNotAuthorized, codec.NotAuthorized,
		func(p *codec.Connect) bool { return p.Will != nil })
}

// refusesWith is refuses, of legal packets, with codes of its own.
func refusesWith(name, does string, breaks Breaks, v311, v5 codec.ReasonCode, match func(*codec.Connect) bool) Fault {
	return stateful(name, does, breaks, func() behaviour {
		return behaviour{FromClient: only(func(l *Link, p *codec.Connect) Action {
			if !match(p) {
				return Forward
			}
			code := v311
			if l.Version == codec.V5 {
				code = v5
			}
			l.ToClient(&codec.Connack{Code: code})
			l.CloseClient()
			return Swallow
		})}
	})
}

// GrantsNothing has no subscriptions, and says so each time.
func GrantsNothing() Fault {
	return stateful("grants-nothing", "answers every filter of a SUBSCRIBE with 0x80",
		Breaks{}, func() behaviour {
			return behaviour{FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: slices.Repeat([]codec.ReasonCode{codec.SubackFailure}, len(p.Subscriptions))})
				return Swallow
			})}
		})
}

// SpreadsEmptyTopics takes no topic for every topic.
func SpreadsEmptyTopics() Fault {
	return stateful("spreads-empty-topics", "hands a PUBLISH with an empty Topic Name, for which the client has set no Topic Alias, to every subscriber, and carries on",
		Breaks{V311: "MQTT-4.8.0-1 MQTT-4.7.3-1 MQTT-3.3.2-3", V5: "5.0/3.3.2.1/topic-name-empty MQTT-4.13.1-1 MQTT-4.7.3-1 MQTT-3.3.2-3"},
		func() behaviour {
			subscribed := map[*Link]bool{}
			return behaviour{FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Subscribe:
					subscribed[l] = true
				case *codec.Publish:
					if p.Topic != "" || p.Properties.Has(codec.PropTopicAlias) {
						return Forward
					}
					for _, o := range l.Others() {
						if subscribed[o] && !o.BrokerGone() {
							o.ToClient(&codec.Publish{Payload: p.Payload})
						}
					}
					switch p.QoS {
					case codec.QoS1:
						l.ToClient(&codec.Puback{PacketID: p.PacketID})
					case codec.QoS2:
						l.ToClient(&codec.Pubrec{PacketID: p.PacketID})
					}
					return Swallow
				}
				return Forward
			}}
		})
}

// VolunteersRetained has one list of subscriptions for all: the proxy keeps what
// it has seen sent with RETAIN 1.
func VolunteersRetained() Fault {
	return stateful("volunteers-retained", "sends every new client the retained messages that any client has subscribed to",
		Breaks{},
		func() behaviour {
			var topics []string
			sent := map[string]codec.Publish{}
			return behaviour{
				FromClient: only(func(_ *Link, p *codec.Publish) Action {
					if p.Retain {
						delete(sent, p.Topic) // replaced or deleted
						topics = slices.DeleteFunc(topics, func(topic string) bool { return topic == p.Topic })
					}
					return Forward
				}),
				FromBroker: func(l *Link, f *Frame) Action {
					switch p := f.Packet.(type) {
					case *codec.Publish:
						if !p.Retain {
							return Forward
						}
						if _, known := sent[p.Topic]; !known {
							topics = append(topics, p.Topic)
						}
						sent[p.Topic] = codec.Publish{Topic: p.Topic, Payload: p.Payload, Retain: true}
					case *codec.Connack:
						if p.Code != codec.Success {
							return Forward
						}
						l.ToClient(p)
						for _, topic := range topics {
							message := sent[topic]
							l.ToClient(&message)
						}
						return Swallow
					}
					return Forward
				},
			}
		})
}

// burst is how soon after each other messages come when a broker is at work.
const burst = 20 * time.Millisecond

// ReordersBursts works on several messages at once, and sends last what it began
// with: the proxy holds each message back for a moment.
func ReordersBursts() Fault {
	return stateful("reorders-bursts", "sends a message ahead of the one before it, of the same topic and QoS, if that came just before",
		Breaks{V311: "MQTT-4.6.0-1 MQTT-4.6.0-5 MQTT-4.6.0-6", V5: "MQTT-4.6.0-1 MQTT-4.6.0-5 MQTT-4.6.0-6"},
		func() behaviour {
			type stream struct {
				l     *Link
				topic string
				qos   codec.QoS
			}
			held := map[stream]*codec.Publish{}
			return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
				of := stream{l, p.Topic, p.QoS}
				if first := held[of]; first != nil {
					delete(held, of)
					l.ToClient(p, first)
					return Swallow
				}
				held[of] = p
				l.After(burst, func() {
					if held[of] == p {
						delete(held, of)
						l.ToClient(p)
					}
				})
				return Swallow
			})}
		})
}

// EnforcesKeepAliveLate has a clock that is too slow: the proxy asks for this Keep
// Alive instead of one of some seconds.
func EnforcesKeepAliveLate(keepAlive uint16) Fault {
	return fromClient("enforces-keep-alive-late", "closes connections for a Keep Alive of some seconds much later than it should",
		Breaks{V311: "MQTT-3.1.2-24", V5: "MQTT-3.1.2-22 MQTT-3.2.2-22"},
		func(_ *Link, p *codec.Connect) Action {
			if p.KeepAlive > 0 && p.KeepAlive < keepAlive {
				p.KeepAlive = keepAlive
			}
			return Forward
		})
}

// DeliversNoQoS0 takes "at most once" at its word.
func DeliversNoQoS0() Fault {
	return fromBroker("delivers-no-qos-0", "delivers no message at QoS 0",
		Breaks{V311: "MQTT-4.3.1-1 MQTT-4.5.0-1", V5: "MQTT-4.3.1-1 MQTT-4.5.0-1"},
		func(_ *Link, p *codec.Publish) Action {
			if p.QoS == codec.QoS0 {
				return Swallow
			}
			return Forward
		})
}

// HangsOnMalformedConnect keeps the connection and says nothing, whatever comes.
func HangsOnMalformedConnect() Fault {
	hangs := malformed(codec.CONNECT)
	return stateful("hangs-on-malformed-connect", "neither answers a malformed CONNECT, and what follows it, nor closes the connection",
		Breaks{V311: "MQTT-3.1.4-1 MQTT-3.1.2-3", V5: "MQTT-3.1.4-1 MQTT-3.1.2-3"},
		func() behaviour {
			hung := map[*Link]bool{}
			return behaviour{FromClient: func(l *Link, f *Frame) Action {
				hung[l] = hung[l] || hangs(l, f)
				if hung[l] {
					return Swallow
				}
				return Forward
			}}
		})
}

// AnswersStrangers refuses what was not asked, in one format for all versions.
func AnswersStrangers() Fault {
	return stateful("answers-strangers", "answers a first packet that is no CONNECT with a CONNACK, 20 02 00 81, and closes",
		Breaks{V311: "MQTT-3.1.0-1 MQTT-4.8.0-1"},
		func() behaviour {
			return behaviour{FromClient: func(l *Link, f *Frame) Action {
				if l.Connect != nil || f.Type() == codec.CONNECT {
					return Forward
				}
				l.ToClient(codec.Raw{0x20, 0x02, 0x00, 0x81})
				l.CloseClient()
				return Swallow
			}}
		})
}
