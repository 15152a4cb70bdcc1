package suites

import (
	"slices"
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Giving subscriptions up (UNSUBSCRIBE, section 3.10) and the answer to it
// (UNSUBACK, 3.11).

var _ = Check(Definition{
	Slug:     "unsubscribe-acknowledged",
	Title:    "answers UNSUBSCRIBE with UNSUBACK",
	Rules:    Rules{V311: "MQTT-3.10.4-4", V5: "MQTT-3.10.4-4"},
	CaughtBy: Faults{fault.IgnoresUnsubscribe},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(QoS0, topic)

		unsubscribe := alice.NewUnsubscribe(topic)
		alice.Send(unsubscribe)

		alice.WantAnyUnsuback(unsubscribe.PacketID)
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-packet-id",
	Title:    "gives UNSUBACK the Packet Identifier of its UNSUBSCRIBE",
	Rules:    Rules{V311: "MQTT-3.10.4-4 MQTT-2.3.1-7", V5: "MQTT-3.10.4-5 MQTT-2.2.1-6"},
	CaughtBy: Faults{fault.WrongUnsubackID},
	Body: func(x *Exchange) {
		Each(x, packetIDs, packetIDName, func(x *Exchange, id uint16) {
			alice := x.Connect(Clean, As("alice"))
			alice.Subscribe(QoS0, x.Topic("news"))
			unsubscribe := alice.NewUnsubscribe(x.Topic("news"))
			unsubscribe.PacketID = id

			alice.Send(unsubscribe)

			var unsuback *codec.Unsuback
			x.StandsOn(StepUnsubscribe, func() { unsuback = Want[*codec.Unsuback](alice, "UNSUBACK") })
			x.Expect(unsuback.PacketID).To(Equal(id), "the Packet Identifier of UNSUBACK")
		})
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-unknown-filter",
	Title:    "answers UNSUBSCRIBE even when there was no such subscription",
	Rules:    Rules{V311: "MQTT-3.10.4-5", V5: "MQTT-3.10.4-5"},
	CaughtBy: Faults{fault.AcknowledgesDeletionsOnly},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "never subscribed to anything", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))

				unsubscribe := alice.NewUnsubscribe(x.Topic("news"))
				alice.Send(unsubscribe)

				alice.WantAnyUnsuback(unsubscribe.PacketID)
			}},
			Case{Name: "subscribed to something else", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))
				alice.Subscribe(QoS0, x.Topic("news"))

				unsubscribe := alice.NewUnsubscribe(x.Topic("new"), x.Topic("news/"))
				alice.Send(unsubscribe)

				alice.WantAnyUnsuback(unsubscribe.PacketID)
			}},
			Case{Name: "already unsubscribed", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))
				alice.Subscribe(QoS0, x.Topic("news"))
				alice.Unsubscribe(x.Topic("news"))

				unsubscribe := alice.NewUnsubscribe(x.Topic("news"))
				alice.Send(unsubscribe)

				alice.WantAnyUnsuback(unsubscribe.PacketID)
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-exact",
	Title:    "keeps the subscriptions whose Topic Filters are not character for character the given one",
	Rules:    Rules{V311: "MQTT-3.10.4-1", V5: "MQTT-3.10.4-1"},
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.UnsubscribesEverything},
	Body: func(x *Exchange) {
		Each(x, []struct{ subscribed, given string }{
			{"sport/tennis", "sport/+"},
			{"sport/tennis", "sport/#"},
			{"sport/+", "sport/tennis"},
			{"sport/#", "sport/tennis"},
			{"sport/#", "sport/+"},
			{"sport/+", "sport/#"},
			{"sport/tennis", "sport/Tennis"},
			{"sport/tennis", "sport/tennis/"},
			{"sport/tennis", "sport//tennis"},
			{"sport/tennis", "sport"},
			{"sport/tennis", "sport/tennis/doubles"},
		}, func(row struct{ subscribed, given string }) string {
			return row.subscribed + " subscribed to, " + row.given + " unsubscribed"
		}, func(x *Exchange, row struct{ subscribed, given string }) {
			topic, qos := x.Topic("sport/tennis"), x.UpTo(QoS1)
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, x.Topic(row.subscribed))

			bob.Unsubscribe(x.Topic(row.given))

			x.Connect(Clean, As("alice")).Publish(qos, topic, "ace")
			bob.WantDelivery(topic, "ace")
		})
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-others",
	Title:    "keeps the subscriptions of other clients with the Topic Filter that a client unsubscribes from",
	Rules:    Rules{V311: "MQTT-3.10.4-1 MQTT-4.5.0-1", V5: "MQTT-3.10.4-1 MQTT-4.5.0-1"},
	CaughtBy: Faults{fault.UnsubscribesEveryone},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("news"), x.UpTo(QoS1)
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(qos, topic)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)

		alice.Unsubscribe(topic)

		x.Connect(Clean, As("carol")).Publish(qos, topic, "hello")
		bob.WantDelivery(topic, "hello")
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-stops-delivery",
	Title:    "deletes the subscription with exactly the given Topic Filter and delivers nothing more for it",
	Rules:    Rules{V311: "MQTT-3.10.4-1 MQTT-3.10.4-2", V5: "MQTT-3.10.4-1 MQTT-3.10.4-2"},
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.KeepsSubscriptions},
	Body: func(x *Exchange) {
		Each(x, []string{"sport/tennis", "sport/+", "sport/#", "+/tennis", "sport/tennis/#"}, textName,
			func(x *Exchange, filter string) {
				topic, qos := x.Topic("sport/tennis"), x.UpTo(QoS1)
				bob := x.Connect(Clean, As("bob"))
				alice := x.Connect(Clean, As("alice"))
				bob.Subscribe(qos, x.Topic(filter))
				alice.Publish(qos, topic, "before")
				bob.Ack(bob.TakePublish(topic, "before"))

				bob.Unsubscribe(x.Topic(filter))
				alice.PublishObserved(qos, topic, "after")

				// What a server has delivered by now belongs to the subscriptions
				// of now (MQTT-4.5.0-1), not to those made later: the fence.
				bob.Subscribe(qos, topic)
				bob.WantNothingBefore(alice.Marker(qos, topic))
			})
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-several-filters",
	Title:    "takes several Topic Filters in one UNSUBSCRIBE like several UNSUBSCRIBEs, and answers with one UNSUBACK",
	Rules:    Rules{V311: "MQTT-3.10.4-6", V5: "MQTT-3.10.4-6"},
	CaughtBy: Faults{fault.AcknowledgesEachUnsubscription, fault.UnsubscribesFirstFilterOnly},
	Body: func(x *Exchange) {
		qos := x.UpTo(QoS1)
		first, second, third := x.Topic("first"), x.Topic("second"), x.Topic("third")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, first, second, third)

		unsubscribe := bob.NewUnsubscribe(first, second, third)
		bob.Send(unsubscribe)

		var unsuback *codec.Unsuback
		x.StandsOn(StepUnsubscribe, func() { unsuback = bob.WantAnyUnsuback(unsubscribe.PacketID) })
		bob.WantIdle()
		if x.Version == V5 {
			x.StandsOn(StepUnsubackCodes, func() { x.Expect(unsuback.Codes).To(HaveLen(3), "UNSUBACK codes") })
		}
		alice := x.Connect(Clean, As("alice"))
		alice.PublishObserved(qos, first, "1")
		alice.PublishObserved(qos, second, "2")
		alice.PublishObserved(qos, third, "3")
		bob.Subscribe(qos, first, second, third)
		bob.WantNothingBefore(alice.Marker(qos, first))
		bob.WantNothingBefore(alice.Marker(qos, second))
		bob.WantNothingBefore(alice.Marker(qos, third))
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-code-per-filter",
	Title:    "gives in UNSUBACK one Reason Code for each Topic Filter, from the list for UNSUBACK",
	Rules:    Rules{V5: "MQTT-3.11.3-2"},
	CaughtBy: Faults{fault.OmitsLastUnsubackCode, fault.InventsUnsubackCodes},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(QoS0, x.Topic("known"), x.Topic("known/too"))

		unsubscribe := alice.NewUnsubscribe(x.Topic("known"), x.Topic("unknown"), x.Topic("known/too"), x.Topic("unknown/too"))
		alice.Send(unsubscribe)

		// That each code is one of UNSUBACK's is what the decoder sees to.
		var unsuback *codec.Unsuback
		x.StandsOn(StepUnsubscribe, func() { unsuback = alice.WantAnyUnsuback(unsubscribe.PacketID) })
		x.Expect(unsuback.Codes).To(HaveLen(4), "UNSUBACK codes")
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-codes-in-order",
	Title:    "lists the UNSUBACK codes in the order of the Topic Filters",
	Rules:    Rules{V5: "MQTT-3.11.3-1"},
	CaughtBy: Faults{fault.ReversesUnsubackCodes},
	Body: func(x *Exchange) {
		Each(x, [][]string{{"known", "unknown"}, {"unknown", "known"}, {"known", "unknown", "unknown/too"}}, func(suffixes []string) string { return strings.Join(suffixes, ", ") }, func(x *Exchange, suffixes []string) {
			alice := x.Connect(Clean, As("alice"))
			alice.Subscribe(QoS0, x.Topic("known"))

			unsubscribe := alice.NewUnsubscribe()
			for _, suffix := range suffixes {
				unsubscribe.Filters = append(unsubscribe.Filters, x.Topic(suffix))
			}
			alice.Send(unsubscribe)

			// A server may answer 0x00 for a filter that it did not know, but
			// 0x11 (No subscription existed) for the one that it knew only
			// where it stands in another's place.
			var unsuback *codec.Unsuback
			x.StandsOn(StepUnsubscribe, func() { unsuback = alice.WantUnsuback(unsubscribe.PacketID) })
			known := unsuback.Codes[slices.Index(suffixes, "known")]
			x.Expect(known).NotTo(Equal(codec.NoSubscriptionExisted), "the code for the filter that was subscribed to")
		})
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-in-flight",
	Title:    "completes the deliveries it had begun when the client unsubscribes",
	Rules:    Rules{V311: "MQTT-3.10.4-3", V5: "MQTT-3.10.4-3"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.DropsInFlightOnUnsubscribe},
	Body: func(x *Exchange) {
		// begun has a message under way to bob and bob's subscription deleted.
		begun := func(x *Exchange, qos codec.QoS) (bob *Client, topic string, message *codec.Publish) {
			topic = x.Topic("news")
			bob = x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			x.Connect(Clean, As("alice")).Publish(qos, topic, "under way")
			message = takeAt(x, bob, qos, topic, "under way")
			return bob, topic, message
		}
		cases := []Case{
			{Name: "QoS 1: PUBLISH again on reconnect", Body: func(x *Exchange) {
				standsOnResending(x, QoS1)
				bob, topic, _ := begun(x, QoS1)
				bob.Unsubscribe(topic)
				bob.Drop()

				bob = x.Connect(Persistent, As("bob"))

				bob.WantDelivery(topic, "under way") // under which identifier is for qos1-unacknowledged-resent
			}},
			{Name: "QoS 2: PUBREC after UNSUBACK", Body: func(x *Exchange) {
				bob, topic, message := begun(x, QoS2)
				bob.Unsubscribe(topic)

				bob.Send(&codec.Pubrec{PacketID: message.PacketID})

				x.Controlled(func() { bob.WantPubrel(message.PacketID) }, func() {
					carol, another := unacknowledged(x, QoS2)
					carol.Ack(another)
				})
			}},
			{Name: "QoS 2: PUBLISH again on reconnect", Body: func(x *Exchange) {
				standsOnResending(x, QoS2)
				bob, topic, _ := begun(x, QoS2)
				bob.Unsubscribe(topic)
				bob.Drop()

				bob = x.Connect(Persistent, As("bob"))

				bob.WantDelivery(topic, "under way") // under which identifier is for qos2-sender-resumed
			}},
			{Name: "QoS 2: PUBREL again on reconnect", Body: func(x *Exchange) {
				standsOnResending(x, QoS2)
				bob, topic, message := begun(x, QoS2)
				bob.Send(&codec.Pubrec{PacketID: message.PacketID})
				bob.TakePubrel(message.PacketID)
				bob.Unsubscribe(topic)
				bob.Drop()

				bob = x.Connect(Persistent, As("bob"))

				bob.WantPubrel(message.PacketID)
				bob.Send(&codec.Pubcomp{PacketID: message.PacketID})
			}},
		}
		if x.Profile.MaximumQoS() < QoS2 {
			cases = cases[:1]
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-reserved-flags",
	Title:    "closes the connection on an UNSUBSCRIBE whose reserved flags are not 0010",
	Rules:    Rules{V311: "MQTT-3.10.1-1", V5: "MQTT-3.10.1-1"},
	CaughtBy: Faults{fault.IgnoresUnsubscribeFlags},
	Body: func(x *Exchange) {
		Each(x, wrongFlags, flagsName, func(x *Exchange, flags byte) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(alice.NewUnsubscribe(x.Topic("news")), codec.Flags(flags)))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "unsubscribe-empty",
	Title:    "closes the connection on an UNSUBSCRIBE without a Topic Filter",
	Rules:    Rules{V311: "MQTT-3.10.3-2 MQTT-4.8.0-1", V5: "MQTT-3.10.3-2"},
	CaughtBy: Faults{fault.IgnoresEmptyUnsubscribe},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(alice.NewUnsubscribe()))

		alice.WantClosed()
	},
})
