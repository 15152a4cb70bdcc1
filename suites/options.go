package suites

import (
	"fmt"
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Subscription Options (5.0, section 3.8.3.1) beside the QoS: No Local, Retain
// As Published and Retain Handling.

var _ = Check(Definition{
	Slug:     "options-all-answered",
	Title:    "answers a SUBSCRIBE with every combination of Subscription Options that is allowed",
	Rules:    Rules{V5: "MQTT-3.8.4-1 MQTT-3.8.4-6"},
	CaughtBy: Faults{fault.OmitsLastSubackCode},
	Body: func(x *Exchange) {
		var all []codec.Subscription
		for options := range 36 {
			all = append(all, codec.Subscription{
				Filter: x.Topic(string(rune('A' + options))), QoS: codec.QoS(options % 3), RetainHandling: byte(options / 3 % 3),
				NoLocal: options/9%2 == 1, RetainAsPublished: options/18 == 1,
			})
		}
		alice := x.Connect(Clean, As("alice"))

		for some := range slices.Chunk(all, 6) { // some brokers take no more than 8 at a time
			subscribe := &codec.Subscribe{PacketID: alice.PacketID(), Subscriptions: some}
			alice.Send(subscribe)
			x.About("MQTT-3.8.4-1")
			suback := alice.WantAnySuback(subscribe.PacketID)
			x.About(codePerFilter[x.Version])
			x.Expect(suback.Codes).To(HaveLen(len(some)), "SUBACK codes")
		}
		alice.Fence()
	},
})

var _ = Check(Definition{
	Slug:     "options-no-local",
	Title:    "does not send a client's own messages back to a subscription with No Local",
	Rules:    Rules{V5: "MQTT-3.8.3-3"},
	CaughtBy: Faults{fault.IgnoresNoLocal},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "subscribed on this connection", Body: func(x *Exchange) {
				qos := x.UpTo(QoS1)
				alice := x.Connect(Clean, As("alice"))
				alice.SubscribeWith([]codec.Subscription{{Filter: x.Topic("news"), QoS: qos, NoLocal: true}})

				wantNotEchoed(x, alice, qos)
			}},
			Case{Name: "subscribed on an earlier connection", Body: func(x *Exchange) {
				qos := x.UpTo(QoS1)
				alice := x.Connect(Persistent, As("alice"))
				alice.SubscribeWith([]codec.Subscription{{Filter: x.Topic("news"), QoS: qos, NoLocal: true}})
				alice.Disconnect()

				wantNotEchoed(x, x.Connect(Persistent, As("alice")), qos)
			}},
		)
	},
})

// wantNotEchoed publishes to the topic "news", which bob subscribes to as well,
// and wants what alice publishes to go to bob, and what bob publishes to go to
// both.
func wantNotEchoed(x *Exchange, alice *Client, qos codec.QoS) {
	topic := x.Topic("news")
	bob := x.Connect(Clean, As("bob"))
	bob.Subscribe(qos, topic)

	alice.Publish(qos, topic, "from alice")
	bob.TakeDelivery(topic, "from alice")

	alice.WantNothingBefore(bob.Marker(qos, topic))
}

var _ = Check(Definition{
	Slug:     "options-retain-as-published",
	Title:    "keeps the RETAIN flag of messages that it sends to a subscription with Retain As Published",
	Rules:    Rules{V5: "MQTT-3.3.1-13"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.ClearsRetainFlag, fault.SetsRetainFlag},
	Body: func(x *Exchange) {
		subscribed := func(x *Exchange, how ConnectOption) (bob *Client, topic string, qos codec.QoS) {
			topic, qos = x.Topic("state"), x.UpTo(QoS1)
			bob = x.Connect(how, As("bob"))
			bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainAsPublished: true}})
			return bob, topic, qos
		}
		cases := []Case{
			{Name: "published with RETAIN 1", Body: func(x *Exchange) {
				bob, topic, qos := subscribed(x, Clean)

				x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

				x.Expect(bob.TakeDelivery(topic, "on").Retain).To(BeTrue(), "RETAIN")
			}},
			{Name: "published with RETAIN 0", Body: func(x *Exchange) {
				bob, topic, qos := subscribed(x, Clean)

				x.Connect(Clean, As("alice")).Publish(qos, topic, "on")

				x.Expect(bob.TakeDelivery(topic, "on").Retain).To(BeFalse(), "RETAIN")
			}},
		}
		if _, lacks := x.Profile.Lacks(AtLeastOnce); !lacks {
			cases = append(cases, Case{Name: "published with RETAIN 1 while the client was away", Body: func(x *Exchange) {
				bob, topic, qos := subscribed(x, Persistent)
				bob.Disconnect()

				x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

				bob = x.Connect(Persistent, As("bob"))
				var message *codec.Publish
				x.StandsOn(stepQueued, func() { message = bob.TakeDelivery(topic, "on") })
				x.Expect(message.Retain).To(BeTrue(), "RETAIN")
			}})
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "options-retained-message-flag",
	Title:    "sends the retained message to a new subscription with RETAIN 1, whatever Retain As Published says",
	Rules:    Rules{V5: "5.0/3.3.1.3/retained-message-flag"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.ClearsRetainFlag},
	Body: func(x *Exchange) {
		Each(x, []bool{false, true}, func(asPublished bool) string {
			return map[bool]string{false: "Retain As Published 0", true: "Retain As Published 1"}[asPublished]
		}, func(x *Exchange, asPublished bool) {
			_, topic, qos := retainedState(x)
			bob := x.Connect(Clean, As("bob"))

			bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainAsPublished: asPublished}})

			var message *codec.Publish
			x.StandsOn(stepRetainedOnSubscribe, func() { message = bob.TakeDelivery(topic, "on") })
			x.Expect(message.Retain).To(BeTrue(), "RETAIN")
		})
	},
})

var _ = Check(Definition{
	Slug:     "options-retain-handling-0",
	Title:    "sends the retained messages on every SUBSCRIBE with Retain Handling 0",
	Rules:    Rules{V5: "MQTT-3.3.1-9"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.SendsRetainedOnce, fault.StoresNothingRetained},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "a new subscription", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Clean, As("bob"))

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 0}})

				bob.WantDelivery(topic, "on")
			}},
			Case{Name: "a subscription that is there", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Clean, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 0}})
				x.StandsOn(stepRetainedOnSubscribe, func() { bob.WantDelivery(topic, "on") })

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 0}})

				bob.WantDelivery(topic, "on")
			}},
			Case{Name: "a subscription of the resumed session", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Persistent, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 0}})
				x.StandsOn(stepRetainedOnSubscribe, func() { bob.WantDelivery(topic, "on") })
				bob.Fence()
				bob.Disconnect()

				bob = x.Connect(Persistent, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 0}})

				bob.WantDelivery(topic, "on")
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "options-retain-handling-1",
	Title:    "sends the retained messages on a SUBSCRIBE with Retain Handling 1 only if the subscription is new",
	Rules:    Rules{V5: "MQTT-3.3.1-10"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.IgnoresRetainHandling, fault.StoresNothingRetained},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "a new subscription", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Clean, As("bob"))

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 1}})

				bob.WantDelivery(topic, "on")
			}},
			Case{Name: "new again after UNSUBSCRIBE", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Clean, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 2}})
				bob.Unsubscribe(topic)

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 1}})

				bob.WantDelivery(topic, "on")
			}},
			Case{Name: "a subscription that is there", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Clean, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 2}})

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 1}})

				wantNothingRetained(x, bob, topic)
			}},
			Case{Name: "a subscription of the resumed session", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Persistent, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 1}})
				x.StandsOn(stepRetainedOnSubscribe, func() { bob.WantDelivery(topic, "on") })
				bob.Fence()
				bob.Disconnect()

				bob = x.Connect(Persistent, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 1}})

				wantNothingRetained(x, bob, topic)
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "options-retain-handling-2",
	Title:    "sends no retained messages on a SUBSCRIBE with Retain Handling 2",
	Rules:    Rules{V5: "MQTT-3.3.1-11"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.IgnoresRetainHandling},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "a new subscription", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Clean, As("bob"))

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 2}})

				wantNothingRetained(x, bob, topic)
			}},
			Case{Name: "a subscription that is there", Body: func(x *Exchange) {
				_, topic, qos := retainedState(x)
				bob := x.Connect(Clean, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 0}})
				x.StandsOn(stepRetainedOnSubscribe, func() { bob.WantDelivery(topic, "on") })

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: 2}})

				wantNothingRetained(x, bob, topic)
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "options-retain-handling-afterwards",
	Title:    "sends a message with RETAIN 1 that comes after the SUBSCRIBE, whatever Retain Handling said",
	Rules:    Rules{V5: "5.0/3.8.3.1/retain-handling-afterwards"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.HoldsRetainedBack},
	Body: func(x *Exchange) {
		Each(x, []byte{1, 2}, func(handling byte) string { return fmt.Sprint("Retain Handling ", handling) }, func(x *Exchange, handling byte) {
			topic, qos := x.Topic("state"), x.UpTo(QoS1)
			bob := x.Connect(Clean, As("bob"))
			bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainHandling: handling}})
			bob.FinishSubscribing()

			x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

			x.Controlled(func() { bob.WantDelivery(topic, "on") }, func() { standsOnDelivery(x, qos) })
		})
	},
})

var _ = Check(Definition{
	Slug:  "options-replaced",
	Title: "replaces the options of a subscription by those of a SUBSCRIBE to the same Topic Filter",
	Rules: Rules{V5: "MQTT-3.8.4-3"},
	Why: "\"It MUST replace that existing Subscription with a new Subscription\", whose Subscription Options " +
		"\"could be different\" (section 3.8.4). mosquitto 2.0.11 replaces the QoS and the Subscription " +
		"Identifier only.",
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.KeepsFirstOptions},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "No Local from 0 to 1", Body: func(x *Exchange) {
				topic, qos := x.Topic("news"), x.UpTo(QoS1)
				alice := x.Connect(Clean, As("alice"))
				alice.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos}})

				alice.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, NoLocal: true}})

				wantNotEchoed(x, alice, qos)
			}},
			Case{Name: "No Local from 1 to 0", Body: func(x *Exchange) {
				topic, qos := x.Topic("news"), x.UpTo(QoS1)
				alice := x.Connect(Clean, As("alice"))
				alice.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, NoLocal: true}})

				alice.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos}})

				alice.Publish(qos, topic, "to myself")
				x.Controlled(func() { alice.WantDelivery(topic, "to myself") }, func() { standsOnDelivery(x, qos) })
			}},
			Case{Name: "Retain As Published from 0 to 1", Body: func(x *Exchange) {
				topic, qos := x.Topic("state"), x.UpTo(QoS1)
				bob := x.Connect(Clean, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos}})

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainAsPublished: true}})

				x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)
				x.Expect(bob.TakeDelivery(topic, "on").Retain).To(BeTrue(), "RETAIN")
			}},
			Case{Name: "Retain As Published from 1 to 0", Body: func(x *Exchange) {
				topic, qos := x.Topic("state"), x.UpTo(QoS1)
				bob := x.Connect(Clean, As("bob"))
				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos, RetainAsPublished: true}})

				bob.SubscribeWith([]codec.Subscription{{Filter: topic, QoS: qos}})

				x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)
				wantLiveCopy(x, bob, topic, "on")
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "options-retain-handling-3",
	Title:    "closes the connection on a SUBSCRIBE with Retain Handling 3",
	Rules:    Rules{V5: "5.0/3.8.3.1/retain-handling-value"},
	CaughtBy: Faults{fault.IgnoresWrongOptions},
	Body: func(x *Exchange) {
		// mochi 2.7.9 takes it, and the reserved bits below.
		wrongOptions(x, 3<<4)
	},
})

var _ = Check(Definition{
	Slug:     "options-reserved-bits",
	Title:    "closes the connection on a SUBSCRIBE with reserved bits in its Subscription Options",
	Rules:    Rules{V5: "MQTT-3.8.3-5"},
	CaughtBy: Faults{fault.IgnoresWrongOptions},
	Body: func(x *Exchange) {
		wrongOptions(x, 1<<6, 1<<7, reservedOptions)
	},
})
