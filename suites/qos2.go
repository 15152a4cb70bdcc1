package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// QoS 2, exactly once (section 4.3.3), with the server as the receiver and as
// the sender, and resumed from each point at which it can break (4.4).

var _ = Check(Definition{
	Slug:  "qos2-complete",
	Title: "answers a QoS 2 PUBLISH with PUBREC, and PUBREL with PUBCOMP, all of the same Packet Identifier",
	Rules: Rules{
		V311: "MQTT-3.3.4-1 MQTT-2.3.1-6 MQTT-4.3.3-2",
		V5:   "MQTT-3.3.4-1 MQTT-2.2.1-5 MQTT-4.3.3-8 MQTT-4.3.3-11",
	},
	Needs:    Needs{ExactlyOnceFromClients},
	CaughtBy: Faults{fault.WithholdsPubrec, fault.PubrecWrongIdentifier, fault.WithholdsPubcomp, fault.PubcompWrongIdentifier},
	Body: func(x *Exchange) {
		Each(x, packetIDs, packetIDName, func(x *Exchange, id uint16) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(&codec.Publish{QoS: QoS2, PacketID: id, Topic: x.Topic("once"), Payload: "hello"})
			x.About("MQTT-3.3.4-1", "MQTT-4.3.3-2", "MQTT-4.3.3-8")
			pubrec := Want[*codec.Pubrec](alice, "PUBREC")
			x.About("MQTT-2.3.1-6", "MQTT-2.2.1-5", "MQTT-4.3.3-2", "MQTT-4.3.3-8")
			x.Expect(pubrec.PacketID).To(Equal(id), "the Packet Identifier of PUBREC")
			if pubrec.Code.IsError() { // which ends it
				x.Inapplicable("the broker takes no message: %s", pubrec)
			}

			alice.Send(&codec.Pubrel{PacketID: id})
			x.About("MQTT-4.3.3-2", "MQTT-4.3.3-11")
			pubcomp := Want[*codec.Pubcomp](alice, "PUBCOMP")
			x.About("MQTT-2.2.1-5", "MQTT-4.3.3-2", "MQTT-4.3.3-11")
			x.Expect(pubcomp.PacketID).To(Equal(id), "the Packet Identifier of PUBCOMP")
		})
	},
})

var _ = Check(Definition{
	Slug:  "qos2-delivered",
	Title: "delivers a new QoS 2 message with QoS 2 and DUP 0, and answers PUBREC with PUBREL, all of the same Packet Identifier",
	Rules: Rules{
		V311: "MQTT-4.3.3-1 MQTT-2.3.1-1 MQTT-2.3.1-6",
		V5:   "MQTT-4.3.3-4 MQTT-4.3.3-2 MQTT-2.2.1-4 MQTT-2.2.1-5",
	},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.DeliversAtQoS0, fault.DupAlways, fault.PacketIdentifierZero, fault.WithholdsPubrel, fault.PubrelWrongIdentifier},
	Body: func(x *Exchange) {
		topic := x.Topic("once")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS2, topic)

		x.Connect(Clean, As("alice")).Publish(QoS2, topic, "hello")

		message := bob.TakePublish(topic, "hello")
		x.About("MQTT-4.3.3-1", "MQTT-4.3.3-2")
		x.Expect(message.QoS).To(Equal(QoS2), "QoS")
		x.Expect(message.Dup).To(BeFalse(), "DUP")
		x.About("MQTT-2.3.1-1", "MQTT-2.2.1-4")
		x.Expect(message.PacketID).NotTo(BeZero(), "the Packet Identifier")
		bob.Send(&codec.Pubrec{PacketID: message.PacketID})
		x.About("MQTT-4.3.3-1", "MQTT-4.3.3-4")
		pubrel := Want[*codec.Pubrel](bob, "PUBREL")
		x.About("MQTT-2.3.1-6", "MQTT-2.2.1-5", "MQTT-4.3.3-1", "MQTT-4.3.3-4")
		x.Expect(pubrel.PacketID).To(Equal(message.PacketID), "the Packet Identifier of PUBREL")
	},
})

var _ = Check(Definition{
	Slug:  "qos2-duplicate-publish",
	Title: "acknowledges a QoS 2 PUBLISH that is sent again before its PUBREL, and delivers it once",
	Rules: Rules{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-10"},
	Why: "In 5.0 a client that repeats a PUBLISH on the same connection is itself at fault [MQTT-4.4.0-1], " +
		"and the server may refuse the packet or close the connection. What it must not do is to deliver " +
		"the message twice.",
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.ForwardsDuplicates, fault.IgnoresDuplicates},
	Body: func(x *Exchange) {
		again := func(alice *Client, topic string) {
			alice.Send(&codec.Publish{Dup: true, QoS: QoS2, PacketID: 5, Topic: topic, Payload: "hello"})
			alice.WantAnyPubrec(5)
		}
		begun := func(x *Exchange, topic string, how ConnectOption) (alice, bob *Client) {
			bob = x.Connect(Clean, As("bob"))
			bob.Subscribe(QoS2, topic)
			alice = x.Connect(how, As("alice"))
			alice.Subscribe(QoS0, x.Topic("session"))
			alice.Send(&codec.Publish{QoS: QoS2, PacketID: 5, Topic: topic, Payload: "hello"})
			alice.TakePubrec(5)
			return alice, bob
		}
		deliveredOnce := func(x *Exchange, alice, bob *Client, topic string) {
			alice.Send(&codec.Pubrel{PacketID: 5})
			x.StandsOn(StepPublishQoS2, func() { alice.WantAnyPubcomp(5) })
			inKeptSession(x, alice, x.Topic("session"), func() {
				wantOnce(x, bob, Message{Topic: topic, Payload: "hello"}, alice.Marker(QoS2, topic))
			})
		}
		cases := []Case{
			{Name: "after a reconnect", Body: func(x *Exchange) {
				topic := x.Topic("once")
				alice, bob := begun(x, topic, Persistent)
				alice.Drop()
				alice = x.Connect(Persistent, As("alice"))
				again(alice, topic)
				deliveredOnce(x, alice, bob, topic)
			}},
			{Name: "after two reconnects", Body: func(x *Exchange) {
				topic := x.Topic("once")
				alice, bob := begun(x, topic, Persistent)
				alice.Drop()
				alice = x.Connect(Persistent, As("alice"))
				again(alice, topic)
				alice.Drop()
				alice = x.Connect(Persistent, As("alice"))
				again(alice, topic)
				deliveredOnce(x, alice, bob, topic)
			}},
		}
		cases = append(cases, Case{Name: "on the same connection", Body: func(x *Exchange) {
			topic := x.Topic("once")
			alice, bob := begun(x, topic, Clean)
			if x.Version == V311 {
				again(alice, topic)
				deliveredOnce(x, alice, bob, topic)
				return
			}
			alice.Send(&codec.Publish{Dup: true, QoS: QoS2, PacketID: 5, Topic: topic, Payload: "hello"})
			if pubrec := alice.WantPubrecOrClosed(5); pubrec != nil && !pubrec.Code.IsError() {
				alice.Send(&codec.Pubrel{PacketID: 5})
				alice.WantPubcompOrClosed(5)
			}
			if alice.Closed() {
				alice = x.Connect(Clean, As("alice"))
			}
			var messages []*codec.Publish
			x.StandsOn(StepDeliver, func() { messages = bob.WantUntil(alice.Marker(QoS2, topic)) })
			x.Expect(len(messages)).To(BeNumerically("<=", 1), "copies of the message")
		}})
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "qos2-identifier-reused",
	Title:    "takes a QoS 2 PUBLISH for a new message when its Packet Identifier was completed before, whatever its DUP flag",
	Rules:    Rules{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-12"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.IdentifiersOnlyOnce},
	Body: func(x *Exchange) {
		Each(x, []bool{false, true}, dupName, func(x *Exchange, dup bool) {
			topic := x.Topic("reused")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(QoS2, topic)
			alice := x.Connect(Clean, As("alice"))
			alice.SendAll(&codec.Publish{QoS: QoS2, PacketID: 7, Topic: topic, Payload: "first"})
			alice.Send(&codec.Publish{Dup: dup, QoS: QoS2, PacketID: 7, Topic: topic, Payload: "second"})
			alice.WantPubrec(7)
			alice.Send(&codec.Pubrel{PacketID: 7})
			x.StandsOn(StepPublishQoS2, func() { alice.WantPubcomp(7) })

			x.StandsOn(StepDeliver, bob.WantMessage)
			bob.WantUnordered(Message{Topic: topic, Payload: "first"}, Message{Topic: topic, Payload: "second"})
		})
	},
})

var _ = Check(Definition{
	Slug:  "qos2-pubrel-answered",
	Title: "answers a PUBREL that is sent again with a PUBCOMP of the same Packet Identifier, though the message is complete",
	Rules: Rules{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-11"},
	Why: "In 5.0 the PUBCOMP may say 0x92 Packet Identifier not found (section 3.7.2.1); that there is one " +
		"is what the rule demands. A client that repeats a PUBREL on the same connection is in 5.0 itself " +
		"at fault [MQTT-4.4.0-1], as is in both versions one that sends a PUBREL without PUBLISH and " +
		"PUBREC: of those it is not asked, as the server may close the connection.",
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.IgnoresUnknownPubrel},
	Body: func(x *Exchange) {
		completed := func(x *Exchange, how ConnectOption) *Client {
			alice := x.Connect(how, As("alice"))
			alice.SendAll(&codec.Publish{QoS: QoS2, PacketID: 5, Topic: x.Topic("once"), Payload: "hello"})
			return alice
		}
		cases := []Case{
			{Name: "repeated after a reconnect", Body: func(x *Exchange) {
				completed(x, Persistent).Drop()
				alice := x.Connect(Persistent, As("alice"))
				alice.Send(&codec.Pubrel{PacketID: 5})
				alice.WantAnyPubcomp(5)
			}},
		}
		if x.Version == V311 {
			cases = append(cases, Case{Name: "repeated", Body: func(x *Exchange) {
				alice := completed(x, Clean)
				alice.Send(&codec.Pubrel{PacketID: 5})
				alice.WantAnyPubcomp(5)
			}})
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:  "qos2-pubrel-not-found",
	Title: "answers a PUBREL that says 0x92 with a PUBCOMP of the same Packet Identifier",
	Rules: Rules{V5: "MQTT-4.3.3-11"},
	Why: "A client that has lost what it knew of the message says 0x92, which \"is not an error during " +
		"recovery\" (section 3.6.2.1), and its PUBREL is answered like any other [MQTT-4.3.3-11]. mochi " +
		"2.7.9 does not answer.",
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.IgnoresPubrelNotFound, fault.PubcompWrongIdentifier},
	Body: func(x *Exchange) {
		alice := x.Connect(Persistent, As("alice"))
		alice.Send(&codec.Publish{QoS: QoS2, PacketID: 5, Topic: x.Topic("once"), Payload: "hello"})
		alice.TakePubrec(5)
		alice.Drop()
		alice = x.Connect(Persistent, As("alice"))

		alice.Send(&codec.Pubrel{PacketID: 5, Code: codec.PacketIdentifierNotFound})

		x.Decides(StepPublishQoS2)
		alice.WantAnyPubcomp(5)
	},
})

var _ = Check(Definition{
	Slug:  "qos2-receiver-resumed",
	Title: "completes a QoS 2 message from a client whose connection broke at any point, and delivers it once",
	Rules: Rules{
		V311: "MQTT-4.3.3-2",
		V5:   "MQTT-4.3.3-8 MQTT-4.3.3-10 MQTT-4.3.3-11",
	},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.ForwardsDuplicates, fault.ForgetsReceived},
	Body: func(x *Exchange) {
		first := func(alice *Client, topic string) {
			alice.Send(&codec.Publish{QoS: QoS2, PacketID: 5, Topic: topic, Payload: "hello"})
		}
		again := func(alice *Client, topic string) {
			alice.Send(&codec.Publish{Dup: true, QoS: QoS2, PacketID: 5, Topic: topic, Payload: "hello"})
			alice.WantAnyPubrec(5)
		}
		points := []struct {
			name           string
			before, resume func(alice *Client, topic string)
		}{
			{"after PUBLISH", first, again},
			{"after PUBREC, PUBLISH sent again", func(alice *Client, topic string) {
				first(alice, topic)
				alice.TakePubrec(5)
			}, again},
			{"after PUBREC, PUBREL sent next", func(alice *Client, topic string) {
				first(alice, topic)
				alice.TakePubrec(5)
			}, func(*Client, string) {}},
			{"after PUBREL", func(alice *Client, topic string) {
				first(alice, topic)
				alice.TakePubrec(5)
				alice.Send(&codec.Pubrel{PacketID: 5})
			}, func(*Client, string) {}},
		}
		var cases []Case
		for _, point := range points {
			for _, end := range connectionEnds {
				cases = append(cases, Case{Name: point.name + ", " + end.name, Body: func(x *Exchange) {
					topic := x.Topic("once")
					bob := x.Connect(Clean, As("bob"))
					bob.Subscribe(QoS2, topic)
					alice := x.Connect(Persistent, As("alice"))
					alice.Subscribe(QoS0, x.Topic("session"))
					point.before(alice, topic)
					end.value(alice)

					alice = x.Connect(Persistent, As("alice"))
					inKeptSession(x, alice, x.Topic("session"), func() {
						x.About("MQTT-4.3.3-2", "MQTT-4.3.3-8", "MQTT-4.3.3-10")
						point.resume(alice, topic)
						alice.Send(&codec.Pubrel{PacketID: 5})
						x.About("MQTT-4.3.3-2", "MQTT-4.3.3-11")
						alice.WantAnyPubcomp(5)

						x.About("MQTT-4.3.3-2", "MQTT-4.3.3-10")
						wantOnce(x, bob, Message{Topic: topic, Payload: "hello"}, alice.Marker(QoS2, topic))
					})
				}})
			}
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:  "qos2-sender-resumed",
	Title: "resumes a QoS 2 message to a client whose connection broke at any point: PUBLISH again with DUP 1, or PUBREL again, under the same Packet Identifier, and no second delivery",
	Rules: Rules{
		V311: "MQTT-4.4.0-1 MQTT-4.3.3-1 MQTT-3.3.1-1 MQTT-2.3.1-4",
		V5:   "MQTT-4.4.0-1 MQTT-4.3.3-3 MQTT-4.3.3-5 MQTT-4.3.3-6 MQTT-3.3.1-1",
	},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.ForgetsUnacknowledged, fault.ResendsUnderNewIdentifier, fault.ResendsAcknowledged, fault.RestartsQoS2},
	Body: func(x *Exchange) {
		// Each point is reached by begin and, on a new connection, completed by
		// resume; id is the Packet Identifier of the PUBLISH.
		resentPublish := func(x *Exchange, bob *Client, topic string, id uint16) {
			x.About("MQTT-4.4.0-1", "MQTT-4.3.3-1", "MQTT-4.3.3-3")
			inKeptSession(x, bob, topic, bob.WantMessage)
			again := bob.WantPublish(topic, "hello")
			x.About("MQTT-4.4.0-1", "MQTT-2.3.1-4")
			x.Expect(again.PacketID).To(Equal(id), "the Packet Identifier of the resent PUBLISH")
			x.About("MQTT-3.3.1-1")
			x.Expect(again.Dup).To(BeTrue(), "DUP of the resent PUBLISH")
		}
		released := func(x *Exchange, bob *Client, topic string, id uint16) {
			x.About("MQTT-4.4.0-1", "MQTT-4.3.3-1", "MQTT-4.3.3-5")
			inKeptSession(x, bob, topic, func() { bob.WantPubrel(id) })
			bob.Send(&codec.Pubcomp{PacketID: id})
		}
		points := []struct {
			name          string
			begin, resume func(x *Exchange, bob *Client, topic string, id uint16)
		}{
			{"after PUBLISH", func(*Exchange, *Client, string, uint16) {},
				func(x *Exchange, bob *Client, topic string, id uint16) {
					resentPublish(x, bob, topic, id)
					bob.Send(&codec.Pubrec{PacketID: id})
					bob.TakePubrel(id)
					bob.Send(&codec.Pubcomp{PacketID: id})
				}},
			{"after PUBREL", func(_ *Exchange, bob *Client, _ string, id uint16) {
				bob.Send(&codec.Pubrec{PacketID: id})
				bob.TakePubrel(id)
			}, released},
			{"after PUBCOMP", func(_ *Exchange, bob *Client, _ string, id uint16) {
				bob.Send(&codec.Pubrec{PacketID: id})
				bob.TakePubrel(id)
				bob.Send(&codec.Pubcomp{PacketID: id})
				bob.WantPingresp()
			}, func(*Exchange, *Client, string, uint16) {}},
		}
		var cases []Case
		for _, point := range points {
			for _, end := range connectionEnds {
				cases = append(cases, Case{Name: point.name + ", " + end.name, Body: func(x *Exchange) {
					topic := x.Topic("once")
					bob := x.Connect(Persistent, As("bob"))
					bob.Subscribe(QoS2, topic)
					alice := x.Connect(Clean, As("alice"))
					alice.Publish(QoS2, topic, "hello")
					id := takeAt(x, bob, QoS2, topic, "hello").PacketID
					point.begin(x, bob, topic, id)
					end.value(bob)

					bob = x.Connect(Persistent, As("bob"))
					point.resume(x, bob, topic, id)

					x.About("MQTT-4.3.3-1", "MQTT-4.3.3-6")
					inKeptSession(x, bob, topic, func() { bob.WantNothingBefore(alice.Marker(QoS2, topic)) })
				}})
			}
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "qos2-sender-resumed-twice",
	Title:    "resends PUBREL on every connection until PUBCOMP answers it",
	Rules:    Rules{V311: "MQTT-4.3.3-1 MQTT-4.4.0-1", V5: "MQTT-4.3.3-5 MQTT-4.4.0-1"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.ForgetsUnacknowledged, fault.ResendsOnlyOnce},
	Body: func(x *Exchange) {
		topic := x.Topic("once")
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(QoS2, topic)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS2, topic, "hello")
		id := takeAt(x, bob, QoS2, topic, "hello").PacketID
		bob.Send(&codec.Pubrec{PacketID: id})
		bob.TakePubrel(id)
		bob.Drop()

		bob = x.Connect(Persistent, As("bob"))
		inKeptSession(x, bob, topic, func() { bob.WantPubrel(id) })
		bob.Drop()
		bob = x.Connect(Persistent, As("bob"))
		inKeptSession(x, bob, topic, func() { bob.WantPubrel(id) })
		bob.Send(&codec.Pubcomp{PacketID: id})

		bob.WantNothingBefore(alice.Marker(QoS2, topic))
	},
})

func dupName(dup bool) string {
	if dup {
		return "DUP 1"
	}
	return "DUP 0"
}

var _ = Check(Definition{
	Slug:     "pubrel-reserved-flags",
	Title:    "closes the connection on a PUBREL whose reserved flags are not 0010",
	Rules:    Rules{V311: "MQTT-3.6.1-1", V5: "MQTT-3.6.1-1"},
	CaughtBy: Faults{fault.IgnoresPubrelFlags},
	Body: func(x *Exchange) {
		Each(x, wrongFlags, flagsName, func(x *Exchange, flags byte) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(&codec.Pubrel{PacketID: alice.PacketID()}, codec.Flags(flags)))

			alice.WantClosed()
		})
	},
})
