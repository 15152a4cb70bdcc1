package suites

import (
	"fmt"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// QoS 1, at least once (section 4.3.2), with the server as the receiver and as
// the sender; what is unacknowledged is resent at a reconnect (4.4).

var _ = Check(Definition{
	Slug:  "qos1-acknowledged",
	Title: "answers a QoS 1 PUBLISH with a PUBACK of the same Packet Identifier",
	Rules: Rules{
		V311: "MQTT-3.3.4-1 MQTT-2.3.1-6 MQTT-4.3.2-2",
		V5:   "MQTT-3.3.4-1 MQTT-2.2.1-5 MQTT-4.3.2-4",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.WithholdsPuback, fault.PubackWrongIdentifier},
	Body: func(x *Exchange) {
		Each(x, packetIDs, packetIDName, func(x *Exchange, id uint16) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(&codec.Publish{QoS: QoS1, PacketID: id, Topic: x.Topic("once"), Payload: "hello"})

			x.About("MQTT-3.3.4-1", "MQTT-4.3.2-2", "MQTT-4.3.2-4")
			puback := Want[*codec.Puback](alice, "PUBACK")
			x.About("MQTT-2.3.1-6", "MQTT-2.2.1-5", "MQTT-4.3.2-2", "MQTT-4.3.2-4")
			x.Expect(puback.PacketID).To(Equal(id), "the Packet Identifier of PUBACK")
		})
	},
})

var _ = Check(Definition{
	Slug:  "qos1-delivered",
	Title: "delivers a new QoS 1 message with QoS 1, DUP 0 and a Packet Identifier other than 0",
	Rules: Rules{
		V311: "MQTT-4.3.2-1 MQTT-2.3.1-1",
		V5:   "MQTT-4.3.2-2 MQTT-2.2.1-4",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.DeliversAtQoS0, fault.DupAlways, fault.PacketIdentifierZero},
	Body: func(x *Exchange) {
		topic := x.Topic("once")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)

		x.Connect(Clean, As("alice")).Publish(QoS1, topic, "hello")

		message := bob.TakePublish(topic, "hello")
		x.About("MQTT-4.3.2-1", "MQTT-4.3.2-2")
		x.Expect(message.QoS).To(Equal(QoS1), "QoS")
		x.Expect(message.Dup).To(BeFalse(), "DUP")
		x.About("MQTT-2.3.1-1", "MQTT-2.2.1-4")
		x.Expect(message.PacketID).NotTo(BeZero(), "the Packet Identifier")
	},
})

var _ = Check(Definition{
	Slug:     "qos1-identifier-reused",
	Title:    "takes a PUBLISH for a new message when its Packet Identifier was acknowledged before, whatever its DUP flag",
	Rules:    Rules{V311: "MQTT-4.3.2-2", V5: "MQTT-4.3.2-5"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.IdentifiersOnlyOnce},
	Body: func(x *Exchange) {
		Each(x, []codec.Publish{
			{Dup: false, Payload: "second"},
			{Dup: true, Payload: "second"},
			{Dup: true, Payload: "first"},
		}, func(p codec.Publish) string {
			return fmt.Sprintf("DUP %t, payload %q after \"first\"", p.Dup, p.Payload)
		}, func(x *Exchange, again codec.Publish) {
			topic := x.Topic("reused")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(QoS1, topic)
			alice := x.Connect(Clean, As("alice"))
			again.QoS, again.PacketID, again.Topic = QoS1, 7, topic

			alice.SendAll(&codec.Publish{QoS: QoS1, PacketID: 7, Topic: topic, Payload: "first"})
			alice.Send(&again)
			alice.WantPuback(7)

			x.StandsOn(StepDeliver, bob.WantMessage)
			bob.WantUnordered(Message{Topic: topic, Payload: "first"}, Message{Topic: topic, Payload: again.Payload})
		})
	},
})

var _ = Check(Definition{
	Slug:     "qos1-resent-by-client",
	Title:    "acknowledges a QoS 1 PUBLISH that the client sends again after a reconnect, and delivers it",
	Rules:    Rules{V311: "MQTT-4.3.2-2", V5: "MQTT-4.3.2-4"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.IgnoresRepeated},
	Body: func(x *Exchange) {
		topic := x.Topic("resent")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)
		alice := x.Connect(Persistent, As("alice"))
		alice.Send(&codec.Publish{QoS: QoS1, PacketID: 9, Topic: topic, Payload: "hello"})
		alice.Drop()

		alice = x.Connect(Persistent, As("alice"))
		alice.Send(&codec.Publish{Dup: true, QoS: QoS1, PacketID: 9, Topic: topic, Payload: "hello"})

		alice.WantPuback(9)
		bob.TakeDelivery(topic, "hello") // once or twice: at least once
	},
})

var _ = Check(Definition{
	Slug:  "qos1-unacknowledged-resent",
	Title: "resends an unacknowledged QoS 1 message when the session resumes, with DUP 1 and the same Packet Identifier",
	Rules: Rules{
		V311: "MQTT-4.4.0-1 MQTT-4.3.2-1 MQTT-3.3.1-1 MQTT-2.3.1-4",
		V5:   "MQTT-4.4.0-1 MQTT-4.3.2-3 MQTT-3.3.1-1",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ForgetsUnacknowledged, fault.ResendsWithoutDup, fault.ResendsUnderNewIdentifier},
	Body: func(x *Exchange) {
		Each(x, connectionEnds, connectionEnd.label, func(x *Exchange, end connectionEnd) {
			topic := x.Topic("kept")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(QoS1, topic)
			x.Connect(Clean, As("alice")).Publish(QoS1, topic, "hello")
			first := takeAt(x, bob, QoS1, topic, "hello")
			end.value(bob)

			bob = x.Connect(Persistent, As("bob"))

			x.About("MQTT-4.4.0-1", "MQTT-4.3.2-1", "MQTT-4.3.2-3")
			inKeptSession(x, bob, topic, bob.WantMessage)
			again := takeAt(x, bob, QoS1, topic, "hello")
			x.About("MQTT-4.4.0-1", "MQTT-2.3.1-4")
			x.Expect(again.PacketID).To(Equal(first.PacketID), "the Packet Identifier of the resent PUBLISH")
			x.About("MQTT-3.3.1-1")
			x.Expect(again.Dup).To(BeTrue(), "DUP of the resent PUBLISH")
			bob.Ack(again)
		})
	},
})

var _ = Check(Definition{
	Slug:  "qos1-acknowledged-not-resent",
	Title: "resends no QoS 1 message that was acknowledged",

	// 3.1.1 has no such rule: there section 4.4 only says when a message must be
	// resent, and at least once may be more than once.
	Rules:    Rules{V5: "MQTT-4.4.0-1"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ResendsAcknowledged},
	Body: func(x *Exchange) {
		topic := x.Topic("done")
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(QoS1, topic)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS1, topic, "hello")
		bob.TakeDelivery(topic, "hello")
		bob.WantPingresp()
		bob.Drop()

		bob = x.Connect(Persistent, As("bob"))

		bob.WantNothingBefore(alice.Marker(QoS1, topic))
	},
})

var _ = Check(Definition{
	Slug:  "unacknowledged-not-resent-early",
	Title: "resends what is unacknowledged neither when the client pings nor when it subscribes",
	Rules: Rules{V5: "MQTT-4.4.0-1"},
	// 3.1.1 does not forbid it
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ResendsOnPing},
	Body: func(x *Exchange) {
		waiting := func(x *Exchange, qos codec.QoS) (bob *Client, id uint16) {
			bob = x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, x.Topic("slow"))
			x.Connect(Clean, As("alice")).Publish(qos, x.Topic("slow"), "hello")
			return bob, takeAt(x, bob, qos, x.Topic("slow"), "hello").PacketID
		}
		wantNoResend := func(x *Exchange, bob *Client) {
			bob.WantPingresp()
			bob.Subscribe(QoS0, x.Topic("other"))
			bob.WantIdle()
		}
		cases := []Case{{Name: "PUBLISH QoS 1", Body: func(x *Exchange) {
			bob, _ := waiting(x, QoS1)
			wantNoResend(x, bob)
		}}}
		if x.Profile.MaximumQoS() == QoS2 {
			cases = append(cases,
				Case{Name: "PUBLISH QoS 2", Body: func(x *Exchange) {
					bob, _ := waiting(x, QoS2)
					wantNoResend(x, bob)
				}},
				Case{Name: "PUBREL", Body: func(x *Exchange) {
					bob, id := waiting(x, QoS2)
					bob.Send(&codec.Pubrec{PacketID: id})
					bob.TakePubrel(id)
					wantNoResend(x, bob)
				}})
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:  "queued-dup-0",
	Title: "sends a message that waited for the client with DUP 0: it is the first time",
	Rules: Rules{
		V311: "MQTT-3.3.1-3 MQTT-4.3.2-1 MQTT-4.3.3-1",
		V5:   "MQTT-3.3.1-3 MQTT-4.3.2-2 MQTT-4.3.3-2",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.DupAlways},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("queued")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			bob.Disconnect()
			x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")

			bob = x.Connect(Persistent, As("bob"))

			x.StandsOn(stepQueued, bob.WantMessage)
			message := takeAt(x, bob, qos, topic, "hello")
			x.Expect(message.Dup).To(BeFalse(), "DUP")
			bob.Ack(message)
		})
	},
})
