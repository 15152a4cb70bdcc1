package suites

import (
	"fmt"
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Subscription Identifiers (5.0, sections 3.8.2.1.2, 3.8.4 and 3.3.4).

// subscribeAs subscribes to one filter under a Subscription Identifier; 0 is
// none.
func subscribeAs(c *Client, id uint32, qos codec.QoS, filter string) {
	var properties []codec.Property
	if id > 0 {
		properties = append(properties, codec.SubscriptionIdentifier(id))
	}
	c.SubscribeWith([]codec.Subscription{{Filter: filter, QoS: qos}}, properties...)
}

// standsOnIdentifier makes sure, with clients of its own, that a message comes with
// the identifier of its subscription.
func standsOnIdentifier(x *Exchange) {
	topic, qos := x.Topic("identified"), x.UpTo(QoS1)
	c := x.Connect(Clean, As("identified"))
	subscribeAs(c, 77, qos, topic)
	x.Connect(Clean, As("identifying")).Publish(qos, topic, "hello")
	message := c.TakeDelivery(topic, "hello")
	x.StandsOn(stepIdentifierReturned, func() { x.Expect(identifiers(message)).To(Equal([]uint32{77}), "Subscription Identifiers") })
}

// withIdentifier performs a part in which a message comes with identifiers: where they
// are not right, a plain one tells whether there are any.
func withIdentifier(x *Exchange, part func()) { x.Controlled(part, func() { standsOnIdentifier(x) }) }

// wantIdentifiers wants this message with all of these Subscription
// Identifiers, each once: in one copy, or in several that share them out.
func wantIdentifiers(x *Exchange, c *Client, topic, payload string, want ...uint32) {
	missing := slices.Clone(want)
	for len(missing) > 0 {
		message := c.WantDelivery(topic, payload)
		for _, id := range identifiers(message) {
			i := slices.Index(missing, id)
			if i < 0 {
				x.Failf(fmt.Sprintf("the Subscription Identifiers %v, each once", want), "%s", message)
			}
			missing = slices.Delete(missing, i, i+1)
		}
	}
}

var _ = Check(Definition{
	Slug:     "subid-returned",
	Title:    "sends a message with the Subscription Identifier of the subscription that it is sent for",
	Rules:    Rules{V5: "5.0/3.3.4/subscription-identifier-returned 5.0/3.3.2.3.8/subscription-identifier-value"},
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.StripsSubscriptionIdentifiers, fault.SendsSubscriptionIdentifierZero},
	Body: func(x *Exchange) {
		// Both ends of what 1 to 4 bytes can hold (section 1.5.5).
		Each(x, []uint32{1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455},
			func(id uint32) string { return fmt.Sprint("Subscription Identifier ", id) },
			func(x *Exchange, id uint32) {
				topic, qos := x.Topic("news"), x.UpTo(QoS1)
				bob := x.Connect(Clean, As("bob"))
				subscribeAs(bob, id, qos, topic)

				x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")

				x.Expect(identifiers(bob.TakeDelivery(topic, "hello"))).To(Equal([]uint32{id}), "Subscription Identifiers")
			})
	},
})

var _ = Check(Definition{
	Slug:     "subid-every-filter",
	Title:    "gives the Subscription Identifier of a SUBSCRIBE to each of its Topic Filters",
	Rules:    Rules{V5: "5.0/3.3.4/subscription-identifier-returned"},
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.StripsSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		qos, first, second := x.UpTo(QoS1), x.Topic("first"), x.Topic("second")
		bob := x.Connect(Clean, As("bob"))
		bob.SubscribeWith([]codec.Subscription{{Filter: first, QoS: qos}, {Filter: second, QoS: qos}}, codec.SubscriptionIdentifier(7))

		alice := x.Connect(Clean, As("alice"))
		alice.Publish(qos, first, "1")
		x.Expect(identifiers(bob.TakeDelivery(first, "1"))).To(Equal([]uint32{7}), "Subscription Identifiers of the first")
		alice.Publish(qos, second, "2")
		x.Expect(identifiers(bob.TakeDelivery(second, "2"))).To(Equal([]uint32{7}), "Subscription Identifiers of the second")
	},
})

var _ = Check(Definition{
	Slug:     "subid-kept-in-session",
	Title:    "keeps the Subscription Identifier with the subscription in the session",
	Rules:    Rules{V5: "5.0/3.3.4/subscription-identifier-returned"},
	Needs:    Needs{SubscriptionIdentifiers, AtLeastOnce},
	CaughtBy: Faults{fault.StripsSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Persistent, As("bob"))
		subscribeAs(bob, 7, QoS1, topic)
		bob.Disconnect()
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS1, topic, "while away")

		bob = x.Connect(Persistent, As("bob"))
		x.StandsOn(stepQueued, bob.WantMessage)
		x.Expect(identifiers(bob.TakeDelivery(topic, "while away"))).To(Equal([]uint32{7}), "Subscription Identifiers of a message that waited")

		alice.Publish(QoS1, topic, "when back")
		x.StandsOn(stepSubscriptionKept, bob.WantMessage)
		x.Expect(identifiers(bob.TakeDelivery(topic, "when back"))).To(Equal([]uint32{7}), "Subscription Identifiers of a new message")
	},
})

var _ = Check(Definition{
	Slug:  "subid-retained",
	Title: "sends retained messages with the Subscription Identifier of the SUBSCRIBE that brought them",
	Rules: Rules{V5: "5.0/3.3.4/subscription-identifier-returned"},
	Why: "\"The PUBLISH packet includes the Subscription Identifier carried in the SUBSCRIBE packet, if " +
		"there was one\" (section 3.3.4), and a retained message is sent for nothing else. mochi 2.7.9 " +
		"leaves it out.",
	Needs:    Needs{SubscriptionIdentifiers, Retain, AtLeastOnce},
	CaughtBy: Faults{fault.StripsSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		_, topic, qos := retainedState(x)
		bob := x.Connect(Clean, As("bob"))

		subscribeAs(bob, 7, qos, topic)

		message := takeRetained(x, bob, topic, "on")
		x.Expect(identifiers(message)).To(Equal([]uint32{7}), "Subscription Identifiers")
	},
})

var _ = Check(Definition{
	Slug:     "subid-foreign",
	Title:    "sends no Subscription Identifiers but those of the subscriptions that a message is sent for",
	Rules:    Rules{V5: "5.0/3.3.4/subscription-identifier-foreign"},
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.AddsSubscriptionIdentifier},
	Body: func(x *Exchange) {
		qos := x.UpTo(QoS1)
		x.Cases(
			Case{Name: "a subscription without one", Body: func(x *Exchange) {
				topic := x.Topic("news")
				bob := x.Connect(Clean, As("bob"))
				subscribeAs(bob, 0, qos, topic)

				x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")

				x.Expect(identifiers(bob.TakeDelivery(topic, "hello"))).To(BeEmpty(), "Subscription Identifiers")
			}},
			Case{Name: "another client's", Body: func(x *Exchange) {
				topic := x.Topic("news")
				bob := x.Connect(Clean, As("bob"))
				subscribeAs(bob, 0, qos, topic)
				carol := x.Connect(Clean, As("carol"))
				subscribeAs(carol, 7, qos, topic)

				x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")

				x.StandsOn(stepIdentifierReturned, func() {
					x.Expect(identifiers(carol.TakeDelivery(topic, "hello"))).To(ContainElement(uint32(7)), "Subscription Identifiers of the client with one")
				})
				x.Expect(identifiers(bob.TakeDelivery(topic, "hello"))).To(BeEmpty(), "Subscription Identifiers of the client without one")
			}},
			Case{Name: "another subscription's", Body: func(x *Exchange) {
				news, sport, weather := x.Topic("news"), x.Topic("sport"), x.Topic("weather")
				bob := x.Connect(Clean, As("bob"))
				subscribeAs(bob, 7, qos, news)
				subscribeAs(bob, 8, qos, sport)
				subscribeAs(bob, 0, qos, weather)

				alice := x.Connect(Clean, As("alice"))
				alice.Publish(qos, sport, "hello")
				message := bob.TakeDelivery(sport, "hello")
				x.StandsOn(stepIdentifierReturned, func() { x.Expect(identifiers(message)).NotTo(BeEmpty(), "Subscription Identifiers") })
				x.Expect(identifiers(message)).To(Equal([]uint32{8}), "Subscription Identifiers")
				alice.Publish(qos, weather, "hello")
				x.Expect(identifiers(bob.TakeDelivery(weather, "hello"))).To(BeEmpty(), "Subscription Identifiers")
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "subid-overlapping",
	Title:    "sends a message for overlapping subscriptions with the Subscription Identifiers of them all",
	Rules:    Rules{V5: "MQTT-3.3.4-3 MQTT-3.3.4-4 MQTT-3.3.4-5"},
	Needs:    Needs{SubscriptionIdentifiers, Wildcards},
	CaughtBy: Faults{fault.SendsFirstSubscriptionIdentifier},
	Body: func(x *Exchange) {
		type row struct {
			name             string
			exact, plus, all uint32 // identifiers of the three filters; 0 is none
			want             []uint32
		}
		Each(x, []row{
			{"all with identifiers", 1, 2, 3, []uint32{1, 2, 3}},
			{"the first without", 0, 2, 3, []uint32{2, 3}},
			{"the last without", 1, 2, 0, []uint32{1, 2}},
		}, func(r row) string { return r.name }, func(x *Exchange, r row) {
			topic, qos := x.Topic("sport/tennis"), x.UpTo(QoS1)
			bob := x.Connect(Clean, As("bob"))
			subscribeAs(bob, r.exact, qos, topic)
			subscribeAs(bob, r.plus, qos, x.Topic("sport/+"))
			subscribeAs(bob, r.all, qos, x.Topic("sport/#"))

			x.Connect(Clean, As("alice")).Publish(qos, topic, "ace")

			withIdentifier(x, func() { wantIdentifiers(x, bob, topic, "ace", r.want...) })
		})
	},
})

var _ = Check(Definition{
	Slug:     "subid-repeated",
	Title:    "sends an identifier that several overlapping subscriptions share once for each of them",
	Rules:    Rules{V5: "5.0/3.3.4/subscription-identifier-repeated"},
	Needs:    Needs{SubscriptionIdentifiers, Wildcards},
	CaughtBy: Faults{fault.SendsFirstSubscriptionIdentifier},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("sport/tennis"), x.UpTo(QoS1)
		bob := x.Connect(Clean, As("bob"))
		subscribeAs(bob, 7, qos, topic)
		subscribeAs(bob, 7, qos, x.Topic("sport/+"))

		x.Connect(Clean, As("alice")).Publish(qos, topic, "ace")

		withIdentifier(x, func() { wantIdentifiers(x, bob, topic, "ace", 7, 7) })
	},
})

var _ = Check(Definition{
	Slug:     "subid-replaced",
	Title:    "replaces the Subscription Identifier when the client subscribes to the same Topic Filter with another, or with none",
	Rules:    Rules{V5: "5.0/3.8.4/subscription-identifier-replaced"},
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.KeepsFirstSubscriptionIdentifier},
	Body: func(x *Exchange) {
		qos := x.UpTo(QoS1)
		type row struct {
			name        string
			first, then uint32 // 0 is none
			want        []uint32
		}
		Each(x, []row{
			{"one by another", 1, 2, []uint32{2}},
			{"one by none", 1, 0, []uint32{}},
			{"none by one", 0, 2, []uint32{2}},
		}, func(r row) string { return r.name }, func(x *Exchange, r row) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			subscribeAs(bob, r.first, qos, topic)

			subscribeAs(bob, r.then, qos, topic)

			x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")
			message := bob.TakeDelivery(topic, "hello")
			withIdentifier(x, func() { x.Expect(identifiers(message)).To(Equal(r.want), "Subscription Identifiers") })
		})
	},
})

var _ = Check(Definition{
	Slug:     "subid-unsubscribed",
	Title:    "forgets the Subscription Identifier when the client unsubscribes",
	Rules:    Rules{V5: "5.0/3.8.4/subscription-identifier-replaced"},
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.KeepsFirstSubscriptionIdentifier},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("news"), x.UpTo(QoS1)
		bob := x.Connect(Clean, As("bob"))
		subscribeAs(bob, 7, qos, topic)
		bob.Unsubscribe(topic)

		subscribeAs(bob, 0, qos, topic)

		x.Connect(Clean, As("alice")).Publish(qos, topic, "hello")
		x.Expect(identifiers(bob.TakeDelivery(topic, "hello"))).To(BeEmpty(), "Subscription Identifiers")
	},
})

var _ = Check(Definition{
	Slug:     "subid-not-reverted",
	Title:    "does not go back to the old Subscription Identifier when it sends a message a third time",
	Rules:    Rules{V5: "5.0/3.8.4/subscription-identifier-reverted"},
	Needs:    Needs{SubscriptionIdentifiers, AtLeastOnce},
	CaughtBy: Faults{fault.RevertsSubscriptionIdentifier},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Persistent, As("bob"))
		subscribeAs(bob, 1, QoS1, topic)
		x.Connect(Clean, As("alice")).Publish(QoS1, topic, "hello")
		bob.TakePublish(topic, "hello")
		subscribeAs(bob, 2, QoS1, topic)
		bob.Drop()

		bob = x.Connect(Persistent, As("bob"))
		x.StandsOn(resending(QoS1), bob.WantMessage)
		again := identifiers(bob.TakePublish(topic, "hello"))
		bob.Drop()
		bob = x.Connect(Persistent, As("bob"))
		x.StandsOn(resending(QoS1), bob.WantMessage)
		onceMore := identifiers(bob.TakePublish(topic, "hello"))

		// Either identifier may come with a message that is sent again, but not
		// the old one after the new one.
		x.Expect([][]uint32{again, onceMore}).NotTo(Equal([][]uint32{{2}, {1}}), "Subscription Identifiers the second and third time")
	},
})

var _ = Check(Definition{
	Slug:     "subid-zero",
	Title:    "closes the connection on a SUBSCRIBE with Subscription Identifier 0",
	Rules:    Rules{V5: "5.0/3.8.2.1.2/subscription-identifier-value"},
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.IgnoresWrongSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
		subscribe.Properties = codec.Properties{codec.SubscriptionIdentifier(0)}
		alice.Send(codec.Wrong(subscribe))

		alice.WantClosed()
	},
})

var _ = Check(Definition{
	Slug:     "subid-twice",
	Title:    "closes the connection on a SUBSCRIBE with two Subscription Identifiers",
	Rules:    Rules{V5: "5.0/3.8.2.1.2/subscription-identifier-twice"},
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.IgnoresWrongSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		Each(x, []uint32{1, 2}, func(second uint32) string { return fmt.Sprint("1 and ", second) }, func(x *Exchange, second uint32) {
			alice := x.Connect(Clean, As("alice"))

			subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
			subscribe.Properties = codec.Properties{codec.SubscriptionIdentifier(1), codec.SubscriptionIdentifier(second)}
			alice.Send(codec.Wrong(subscribe))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:  "subid-from-client",
	Title: "closes the connection on a PUBLISH with a Subscription Identifier",
	Rules: Rules{V5: "MQTT-3.3.4-6"},
	Why: "Section 3.3.4 calls every identifier a Protocol Error \"other than those received in SUBSCRIBE " +
		"packet which caused it to flow\", and no SUBSCRIBE causes what a client publishes. mosquitto " +
		"2.0.11 takes it.",
	CaughtBy: Faults{fault.IgnoresPublishedSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(alice.NewPublish(QoS0, x.Topic("news"), "hello", Having(codec.SubscriptionIdentifier(1)))))

		alice.WantClosed()
	},
})

var _ = Check(Definition{
	Slug:     "subid-too-long",
	Title:    "closes the connection on a Subscription Identifier of more than four bytes",
	Rules:    Rules{V5: "5.0/1.5.5/variable-byte-integer-too-long"},
	CaughtBy: Faults{fault.IgnoresLongSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
		subscribe.Properties = codec.Properties{codec.SubscriptionIdentifier(1)}
		alice.Send(codec.Wrong(subscribe, codec.Set("Subscription Identifier", integerOfFiveBytes...)))

		alice.WantClosed(codec.SubscriptionIdentifiersNotSupported)
	},
})
