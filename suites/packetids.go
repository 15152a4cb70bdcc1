package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Packet Identifiers (section 2.3.1 of 3.1.1, 2.2.1 of 5.0).

var _ = Check(Definition{
	Slug:     "packet-identifier-zero",
	Title:    "closes the connection on a Packet Identifier of 0",
	Rules:    Rules{V311: "MQTT-4.8.0-1", V5: "5.0/4.13.1/unnamed-error"},
	CaughtBy: Faults{fault.IgnoresIdentifierZero},
	Body: func(x *Exchange) {
		packets := []codec.Packet{
			&codec.Subscribe{Subscriptions: []codec.Subscription{{Filter: x.Topic("zero")}}},
			&codec.Unsubscribe{Filters: []string{x.Topic("zero")}},
		}
		for _, qos := range levels(x, QoS1, QoS2) {
			packets = append(packets, &codec.Publish{QoS: qos, Topic: x.Topic("zero"), Payload: "hello"})
		}
		Each(x, packets, func(p codec.Packet) string {
			if p, ok := p.(*codec.Publish); ok {
				return "PUBLISH " + qosName(p.QoS)
			}
			return packetName(p)
		}, func(x *Exchange, packet codec.Packet) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(packet, codec.Set("Packet Identifier", 0, 0)))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:  "packet-identifiers-distinct",
	Title: "gives every message under way to a client a Packet Identifier of its own",
	Rules: Rules{
		V311: "MQTT-4.3.2-1 MQTT-2.3.1-4",
		V5:   "MQTT-2.2.1-4 MQTT-4.3.2-1 MQTT-4.3.3-1",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.OneIdentifierForAll},
	Body: func(x *Exchange) {
		// A broker may send them one by one; then there is nothing to mix up.
		wantDistinct := func(x *Exchange, window []*codec.Publish) {
			inUse := map[uint16]string{}
			for _, message := range window {
				wantAboveQoS0(x, message)
				if other, used := inUse[message.PacketID]; used && other != message.Payload {
					x.Failf("a Packet Identifier of its own for every message under way", "%d for %q and for %q", message.PacketID, other, message.Payload)
				}
				inUse[message.PacketID] = message.Payload
			}
		}
		publish := func(x *Exchange, alice *Client, topic, which string) (n int) {
			for _, qos := range levels(x, QoS1, QoS2) {
				alice.PublishAll(qos, topic, which+" one at "+qosName(qos), which+" two at "+qosName(qos), which+" three at "+qosName(qos))
				n += 3
			}
			return n
		}
		x.Cases(
			Case{Name: "on one connection", Body: func(x *Exchange) {
				topic := x.Topic("many")
				bob := x.Connect(Clean, As("bob"))
				bob.Subscribe(x.UpTo(QoS2), topic)

				n := publish(x, x.Connect(Clean, As("alice")), topic, "the")

				wantDistinct(x, bob.WantWindow(n))
			}},
			Case{Name: "in a session that is resumed", Body: func(x *Exchange) {
				topic := x.Topic("many")
				bob := x.Connect(Persistent, As("bob"))
				bob.Subscribe(x.UpTo(QoS2), topic)
				alice := x.Connect(Clean, As("alice"))
				n := publish(x, alice, topic, "under way,")
				bob.WantWindow(n)
				bob.Drop()
				n += publish(x, alice, topic, "waiting,")

				bob = x.Connect(Persistent, As("bob"))
				n += publish(x, alice, topic, "new,")

				x.StandsOn(resending(QoS1), bob.WantMessage)
				wantDistinct(x, bob.WantWindow(n))
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:  "packet-identifiers-both-ways",
	Title: "keeps its own Packet Identifiers apart from the client's: one number serves a message each way at the same time",
	Rules: Rules{
		V311: "MQTT-4.3.2-1 MQTT-4.3.2-2 MQTT-4.3.3-1 MQTT-4.3.3-2",
		V5:   "MQTT-4.3.2-4 MQTT-4.3.3-4 MQTT-4.3.3-8 MQTT-4.3.3-11",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.SharesIdentifiers},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			in, out := x.Topic("in"), x.Topic("out")
			alice := x.Connect(Clean, As("alice"))
			alice.Subscribe(qos, in)
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, out)
			bob.Publish(qos, in, "to alice")
			id := takeAt(x, alice, qos, in, "to alice").PacketID

			x.Controlled(func() {
				// The same number, while the first use of it is under way.
				alice.Send(&codec.Publish{QoS: qos, PacketID: id, Topic: out, Payload: "to bob"})
				if qos == QoS1 {
					alice.WantPuback(id)
					alice.Send(&codec.Puback{PacketID: id})
				} else {
					alice.WantPubrec(id)
					alice.Send(&codec.Pubrec{PacketID: id})
					alice.WantPubrel(id)
					alice.Send(&codec.Pubrel{PacketID: id})
					alice.WantPubcomp(id)
					alice.Send(&codec.Pubcomp{PacketID: id})
				}

				bob.WantDelivery(out, "to bob")
				alice.WantIdle()
			}, func() { standsOnDelivery(x, qos) })
		})
	},
})

// That a PUBLISH of the client's may have the number too is for
// packet-identifiers-both-ways.
var _ = Check(Definition{
	Slug:  "packet-identifiers-of-requests",
	Title: "takes a SUBSCRIBE and an UNSUBSCRIBE with the Packet Identifier of a message under way to the client, and completes both",
	Rules: Rules{V311: "3.1.1/2.3.1/packet-identifiers-independent MQTT-3.9.3-2", V5: "5.0/2.2.1/packet-identifiers-independent"},
	Why: "Client and server assign Packet Identifiers independently of each other (section 2.3.1 of 3.1.1, " +
		"2.2.1 of 5.0), so that the number of a message to the client is free for its SUBSCRIBE. mochi " +
		"2.7.9 says 0x91 to both packets, though the client uses the number for nothing else.",
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.SharesIdentifiersWithSubscribe, fault.SharesIdentifiersWithUnsubscribe, fault.FreesIdentifiersOfRequests},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)
			alice := x.Connect(Clean, As("alice"))
			alice.Publish(qos, topic, "under way")
			id := takeAt(x, bob, qos, topic, "under way").PacketID
			x.Controlled(func() {
				bob.Send(&codec.Subscribe{PacketID: id, Subscriptions: []codec.Subscription{{Filter: x.Topic("sport")}}})
				x.Expect(bob.WantSuback(id).Codes).NotTo(ContainElement(codec.PacketIdentifierInUse), "SUBACK codes")
				bob.Send(&codec.Unsubscribe{PacketID: id, Filters: []string{x.Topic("sport")}})
				x.Expect(bob.WantUnsuback(id).Codes).NotTo(ContainElement(codec.PacketIdentifierInUse), "UNSUBACK codes")
			}, func() {
				carol := x.Connect(Clean, As("carol"))
				carol.Subscribe(QoS0, x.Topic("sport"))
				carol.Unsubscribe(x.Topic("sport"))
			})

			if qos == QoS1 {
				bob.Send(&codec.Puback{PacketID: id})
			} else {
				bob.Send(&codec.Pubrec{PacketID: id})
				x.Uncontrolled(func() { bob.WantPubrel(id) }) // a control could use its identifiers in the same way
				bob.Send(&codec.Pubcomp{PacketID: id})
			}
			bob.WantNothingBefore(alice.Marker(qos, topic))
		})
	},
})

var _ = Check(Definition{
	Slug:  "packet-identifiers-both-ways-resent",
	Title: "holds its own message unacknowledged when the client uses the same Packet Identifier for one of its own",
	Rules: Rules{
		V311: "MQTT-4.4.0-1 MQTT-4.3.2-1 MQTT-4.3.3-1",
		V5:   "MQTT-4.4.0-1 MQTT-4.3.2-3 MQTT-4.3.3-3",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.MixesUpIdentifiers},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			in := x.Topic("in")
			alice := x.Connect(Persistent, As("alice"))
			alice.Subscribe(qos, in)
			x.Connect(Clean, As("bob")).Publish(qos, in, "to alice")
			id := takeAt(x, alice, qos, in, "to alice").PacketID
			alice.SendAll(&codec.Publish{QoS: qos, PacketID: id, Topic: x.Topic("out"), Payload: "from alice"})
			alice.Drop()

			alice = x.Connect(Persistent, As("alice"))

			x.Controlled(func() { alice.WantAtLast(Message{Topic: in, Payload: "to alice"}) }, func() { standsOnResending(x, qos) }) // under which identifier is for qos1-unacknowledged-resent and qos2-sender-resumed
		})
	},
})

var _ = Check(Definition{
	Slug:  "packet-identifiers-distinct-resumed",
	Title: "gives every message under way to a client that is back in its session a Packet Identifier of its own, those sent again and those sent first",
	Rules: Rules{
		V311: "MQTT-4.3.2-1 MQTT-2.3.1-4",
		V5:   "MQTT-2.2.1-4 MQTT-4.3.2-1 MQTT-4.3.3-1",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.CountsAnew},
	Body: func(x *Exchange) {
		topic := x.Topic("many")
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(x.UpTo(QoS2), topic)
		alice := x.Connect(Clean, As("alice"))
		publish := func(when string) (n int) {
			for _, qos := range levels(x, QoS1, QoS2) {
				alice.PublishAll(qos, topic, when+", one at "+qosName(qos), when+", two at "+qosName(qos))
				n += 2
			}
			return n
		}
		published := publish("before")
		x.StandsOn(StepDeliver, func() { bob.WantWindow(published) }) // and none of it acknowledged
		bob.Drop()
		published += publish("meanwhile")

		bob = x.Connect(Persistent, As("bob"))
		published += publish("after")

		// A broker may send them one by one; then there is nothing to mix up.
		x.StandsOn(resending(QoS1), bob.WantMessage)
		inUse := map[uint16]string{}
		for _, message := range bob.WantWindow(published) {
			wantAboveQoS0(x, message)
			if used, taken := inUse[message.PacketID]; taken && used != message.Payload {
				x.Failf("another Packet Identifier than that of "+used, "%s", message)
			}
			inUse[message.PacketID] = message.Payload
		}
	},
})
