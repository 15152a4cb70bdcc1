package suites

import (
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"
)

// Session state (section 4.1, and 3.1.2.4): each part of it, against each way
// in which a connection ends, against how the client comes back. Which packets
// a QoS 2 flow resumes with is in qos2.go; the will, which lives and dies with
// the connection, in will.go and disconnect.go.

// statePart is one part of the session state of a server, as section 4.1 lists
// them: how it comes to be, and what shows that it is there, or not.
type statePart struct {
	name string
	qos  codec.QoS // what it needs
	// delivery tells packets that were sent to alice, but not acknowledged: how
	// they come back is the business of section 4.4 as well.
	delivery deliveryState
	// begin is on alice's connection, away after it has ended: what happens
	// then happens to no client that is there, and so not before a takeover.
	begin, away func(x *Exchange, alice, bob *Client, topic string)
	kept, gone  func(x *Exchange, alice, bob *Client, topic string)
}

// deliveryState says whether a part of the state is on its way to the client.
type deliveryState bool

const (
	underWay    deliveryState = true
	notUnderWay deliveryState = false
)

// stateParts are all of them that the broker takes part in.
func stateParts(x *Exchange) []statePart {
	subscribed := func(qos codec.QoS) func(*Exchange, *Client, *Client, string) {
		return func(_ *Exchange, alice, _ *Client, topic string) { alice.Subscribe(qos, topic) }
	}
	published := func(qos codec.QoS) func(*Exchange, *Client, *Client, string) {
		return func(_ *Exchange, _, bob *Client, topic string) { bob.Publish(qos, topic, "hello") }
	}
	received := func(qos codec.QoS) func(*Exchange, *Client, *Client, string) {
		return func(x *Exchange, alice, bob *Client, topic string) {
			alice.Subscribe(qos, topic)
			bob.Publish(qos, topic, "hello")
			p := takeAt(x, alice, qos, topic, "hello")
			x.Note("%s is not acknowledged", p)
		}
	}
	arrives := func(_ *Exchange, alice, _ *Client, topic string) { alice.WantDelivery(topic, "hello") }
	unsubscribed := func(x *Exchange, alice, _ *Client, topic string) {
		alice.WantIdle()
		wantNotSubscribed(x, alice, topic)
		alice.WantIdle()
	}
	all := []statePart{
		{"subscription", QoS0, notUnderWay, subscribed(x.UpTo(QoS1)), nil,
			func(x *Exchange, alice, bob *Client, topic string) {
				bob.Publish(x.UpTo(QoS1), topic, "hello")
				alice.WantDelivery(topic, "hello")
			}, unsubscribed},
		{"QoS 1 message pending", QoS1, notUnderWay, subscribed(QoS1), published(QoS1), arrives, unsubscribed},
		{"QoS 2 message pending", QoS2, notUnderWay, subscribed(QoS2), published(QoS2), arrives, unsubscribed},
		{"QoS 1 message sent, no PUBACK", QoS1, underWay, received(QoS1), nil, arrives, unsubscribed},
		{"QoS 2 message sent, no PUBREC", QoS2, underWay, received(QoS2), nil, arrives, unsubscribed},
		{"QoS 2 message sent, no PUBCOMP", QoS2, underWay,
			func(x *Exchange, alice, bob *Client, topic string) {
				alice.Subscribe(QoS2, topic)
				bob.Publish(QoS2, topic, "hello")
				p := takeAt(x, alice, QoS2, topic, "hello")
				alice.Send(&codec.Pubrec{PacketID: p.PacketID})
				alice.TakePubrel(p.PacketID)
			}, nil,
			func(_ *Exchange, alice, _ *Client, _ string) {
				p := Want[*codec.Pubrel](alice, "PUBREL")
				alice.Send(&codec.Pubcomp{PacketID: p.PacketID})
			}, unsubscribed},
		{"QoS 2 message received, no PUBREL", QoS2, notUnderWay,
			func(_ *Exchange, alice, bob *Client, topic string) {
				bob.Subscribe(QoS2, topic)
				alice.Send(&codec.Publish{QoS: QoS2, PacketID: 900, Topic: topic, Payload: "hello"})
				alice.TakePubrec(900)
			}, nil,
			func(x *Exchange, alice, bob *Client, topic string) {
				again := &codec.Publish{Dup: true, QoS: QoS2, PacketID: 900, Topic: topic, Payload: "hello"}
				alice.Send(again)
				alice.Complete(again)
				wantOnce(x, bob, Message{Topic: topic, Payload: "hello"}, alice.Marker(QoS2, topic))
			},
			func(x *Exchange, alice, _ *Client, topic string) {
				// The Packet Identifier is free: the message is a new one. The old
				// one may have been delivered or not.
				carol := x.Connect(Clean, As("carol"))
				carol.Subscribe(QoS2, topic+"/new")
				x.Controlled(func() {
					alice.Send(&codec.Publish{QoS: QoS2, PacketID: 900, Topic: topic + "/new", Payload: "new"})
					alice.WantPubrec(900)
					alice.Send(&codec.Pubrel{PacketID: 900})
					alice.WantPubcomp(900)
				}, func() { carol.Publish(QoS2, topic+"/other", "other") })
				carol.WantDelivery(topic+"/new", "new")
			}},
	}
	var here []statePart
	for _, part := range all {
		if part.qos <= x.Profile.MaximumQoS() {
			here = append(here, part)
		}
	}
	return here
}

// takenOver leaves the connection to end when the client's next one is there.
var takenOver = connectionEnd{"takeover", func(*Client) {}}

// eachState runs a check over parts of the state of alice's session, begun with
// first, and every way in which her connection ends; back is how she comes
// back.
func eachState(x *Exchange, parts []statePart, first ConnectOption, back func(x *Exchange, part statePart, bob *Client, topic string)) {
	var cases []Case
	for _, part := range parts {
		ends := slices.Clone(connectionEnds)
		if part.away == nil {
			ends = append(ends, takenOver)
		}
		for _, end := range ends {
			cases = append(cases, Case{Name: part.name + ", " + end.name, Body: func(x *Exchange) {
				topic := x.Topic("news")
				bob := x.Connect(Clean, As("bob"))
				alice := x.Connect(first, As("alice"))
				part.begin(x, alice, bob, topic)
				end.value(alice)
				if part.away != nil {
					part.away(x, alice, bob, topic)
				}

				back(x, part, bob, topic)
			}})
		}
	}
	x.Cases(cases...)
}

// partsThatAre are the parts of this delivery state.
func partsThatAre(x *Exchange, wanted deliveryState) []statePart {
	return slices.DeleteFunc(stateParts(x), func(part statePart) bool { return part.delivery != wanted })
}

var _ = Check(Definition{
	Slug:  "state-kept",
	Title: "keeps every part of a stored session over every end of its connection",
	// What Session Present says of it is for session-present-stored.
	Rules: Rules{
		V311: "MQTT-3.1.2-4 MQTT-3.1.2-5 MQTT-4.1.0-1",
		V5:   "MQTT-3.1.2-5 MQTT-3.1.2-23 MQTT-4.1.0-1",
	},
	CaughtBy: Faults{fault.ForgetsSessions},
	Body: func(x *Exchange) {
		eachState(x, partsThatAre(x, notUnderWay), Persistent, func(x *Exchange, part statePart, bob *Client, topic string) {
			alice := x.Connect(Persistent, As("alice"))

			if x.Version == V311 && part.away == nil { // MQTT-3.1.2-5 is about messages that are pending
				x.About("MQTT-3.1.2-4", "MQTT-4.1.0-1")
			}
			part.kept(x, alice, bob, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:  "state-kept-in-flight",
	Title: "resends what a client has not acknowledged when it comes back to its session, whatever ended its connection",

	// Not that of the session state as such: NATS 2.15.2 keeps these messages,
	// but resends them half a minute after the reconnect.
	Rules:    Rules{V311: "MQTT-4.4.0-1", V5: "MQTT-4.4.0-1"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ForgetsUnacknowledged},
	Body: func(x *Exchange) {
		eachState(x, partsThatAre(x, underWay), Persistent, func(x *Exchange, part statePart, bob *Client, topic string) {
			alice := x.Connect(Persistent, As("alice"))

			inKeptSession(x, alice, topic, func() { part.kept(x, alice, bob, topic) })
		})
	},
})

var _ = Check(Definition{
	Slug:     "state-discarded",
	Title:    "discards every part of a stored session when the client asks for a clean one, whatever ended its connection",
	Rules:    Rules{V311: "MQTT-3.1.2-6", V5: "MQTT-3.1.2-4"},
	CaughtBy: Faults{fault.ResumesCleanSessions},
	Body: func(x *Exchange) {
		eachState(x, stateParts(x), Persistent, func(x *Exchange, part statePart, bob *Client, topic string) {
			alice := x.Connect(Clean, As("alice"))

			part.gone(x, alice, bob, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "state-not-restored",
	Title:    "does not come back to a stored session after a clean one has replaced it",
	Rules:    Rules{V311: "MQTT-3.1.2-6", V5: "MQTT-3.1.2-4"},
	CaughtBy: Faults{fault.RestoresStoredSessions, fault.ResumesCleanSessions},
	Takes:    times.StateGone,
	Body: func(x *Exchange) {
		eachState(x, stateParts(x), Persistent, func(x *Exchange, part statePart, bob *Client, topic string) {
			x.Connect(Clean, As("alice")).Disconnect()
			x.Wait(times.StateGone)

			alice := x.Connect(Persistent, As("alice"))

			part.gone(x, alice, bob, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "state-of-clean-session",
	Title:    "reuses nothing of a clean session after its connection has ended",
	Rules:    Rules{V311: "MQTT-3.1.2-6", V5: "5.0/3.1.2.11.2/session-expiry-interval-absent MQTT-4.1.0-2"},
	CaughtBy: Faults{fault.ResumesCleanSessions},
	Takes:    times.StateGone,
	Body: func(x *Exchange) {
		// Without the takeover, which has a check of its own.
		var cases []Case
		for _, part := range stateParts(x) {
			for _, end := range connectionEnds {
				cases = append(cases, Case{Name: part.name + ", " + end.name, Body: func(x *Exchange) {
					topic := x.Topic("news")
					bob := x.Connect(Clean, As("bob"))
					alice := x.Connect(Clean, As("alice"))
					needExpiry(x, alice, 0, 0, 0)
					part.begin(x, alice, bob, topic)
					end.value(alice)
					if part.away != nil {
						part.away(x, alice, bob, topic)
					}
					x.Wait(times.StateGone)

					alice = x.Connect(Persistent, As("alice"))

					part.gone(x, alice, bob, topic)
				}})
			}
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:  "state-of-clean-session-taken-over",
	Title: "reuses nothing of a clean session when the client comes back for a stored one over its open connection",
	Rules: Rules{V311: "MQTT-3.1.2-6"},
	Why: "A clean session \"lasts as long as the Network Connection\" (section 3.1.2.4), and section 3.1.4 " +
		"has the server end that first and turn to CleanSession then. It is not asked in 5.0, which says " +
		"only in a comment that a takeover ends a session without expiry.",
	CaughtBy: Faults{fault.ResumesCleanSessions},
	Body: func(x *Exchange) {
		parts := slices.DeleteFunc(stateParts(x), func(part statePart) bool { return part.away != nil })
		Each(x, parts, func(part statePart) string { return part.name }, func(x *Exchange, part statePart) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			alice := x.Connect(Clean, As("alice"))
			part.begin(x, alice, bob, topic)

			alice = x.Connect(Persistent, As("alice"))

			part.gone(x, alice, bob, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "state-created",
	Title:    "begins a new session when none is stored, and stores it",
	Rules:    Rules{V311: "MQTT-3.1.2-4", V5: "MQTT-3.1.2-6 MQTT-3.1.2-4 MQTT-3.1.2-23"},
	CaughtBy: Faults{fault.ForgetsSessions},
	Body: func(x *Exchange) {
		first := []named[ConnectOption]{{"Clean Start 0", Persistent}}
		if x.Version == V5 {
			first = append(first, named[ConnectOption]{"Clean Start 1", CleanPersistent})
		}
		Each(x, first, named[ConnectOption].label, func(x *Exchange, first named[ConnectOption]) {
			topic := x.Topic("news")
			alice := x.Connect(first.value, As("alice"))
			alice.Subscribe(x.UpTo(QoS1), topic)
			alice.Disconnect()

			wantSession(x, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "state-while-connected",
	Title:    "keeps the session of an open connection while others come and go",
	Rules:    Rules{V311: "MQTT-4.1.0-2 MQTT-4.1.0-1", V5: "MQTT-4.1.0-1"},
	CaughtBy: Faults{fault.ForgetsWhileConnected},
	Body: func(x *Exchange) {
		Each(x, sessionKinds(), named[ConnectOption].label, func(x *Exchange, kind named[ConnectOption]) {
			topic := x.Topic("news")
			alice := x.Connect(kind.value, As("alice"))
			alice.Subscribe(x.UpTo(QoS1), topic)
			alice.WantPingresp()

			bob := x.Connect(kind.value, As("bob"))
			bob.Subscribe(x.UpTo(QoS1), topic)
			bob.Disconnect()
			x.Connect(Clean, As("bob")).Disconnect()

			x.Connect(Clean, As("carol")).Publish(x.UpTo(QoS1), topic, "hello")
			alice.WantDelivery(topic, "hello")
		})
	},
})

var _ = Check(Definition{
	Slug:     "state-retained-outlives-session",
	Title:    "keeps retained messages when the session of their publisher ends",
	Rules:    Rules{V311: "3.1.1/3.1.2.4/retained-outlives-session", V5: "5.0/4.1/retained-outlives-session"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.RemovesRetainedWithSession},
	Body: func(x *Exchange) {
		Each(x, []named[func(*Exchange, string)]{
			{"clean session, DISCONNECT", func(x *Exchange, topic string) {
				alice := x.Connect(Clean, As("alice"))
				alice.Retain(x.UpTo(QoS1), topic, "kept")
				alice.Disconnect()
			}},
			{"clean session, lost connection", func(x *Exchange, topic string) {
				alice := x.Connect(Clean, As("alice"))
				alice.Retain(x.UpTo(QoS1), topic, "kept")
				alice.Drop()
			}},
			{"stored session discarded", func(x *Exchange, topic string) {
				alice := x.Connect(Persistent, As("alice"))
				alice.Retain(x.UpTo(QoS1), topic, "kept")
				alice.Disconnect()
				x.Connect(Clean, As("alice")).Disconnect()
			}},
		}, named[func(*Exchange, string)].label, func(x *Exchange, ended named[func(*Exchange, string)]) {
			topic := x.Topic("state")

			ended.value(x, topic)

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS1), topic)
			x.Controlled(func() { bob.WantDelivery(topic, "kept") }, func() { standsOnRetained(x, x.UpTo(QoS1), x.Topic("other"), "another") })
		})
	},
})
