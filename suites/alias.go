package suites

import (
	"fmt"
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Topic Aliases (5.0, sections 3.3.2.3.4 and 3.3.4): those of the client, which
// the server must understand, and those of the server.

var _ = Check(Definition{
	Slug:     "alias-mapped",
	Title:    "delivers a message without a Topic Name to the topic that its Topic Alias stands for",
	Rules:    Rules{V5: "5.0/3.3.4/topic-alias-mapped MQTT-3.3.2-12"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.DropsAliased},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("aliased")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)
			alice := x.Connect(Clean, As("alice"))

			alice.Publish(qos, topic, "in full", Having(codec.TopicAlias(1)))
			bob.TakeDelivery(topic, "in full")
			alice.Publish(qos, "", "by alias", Having(codec.TopicAlias(1)))

			bob.WantDelivery(topic, "by alias")
		})
	},
})

var _ = Check(Definition{
	Slug:     "alias-every-value",
	Title:    "takes every Topic Alias up to its Topic Alias Maximum",
	Rules:    Rules{V5: "MQTT-3.3.2-12"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.DropsAliased},
	Body: func(x *Exchange) {
		most := uint16(x.Profile.Number(codec.PropTopicAliasMaximum, 0))
		values := slices.Compact([]uint16{1, most/2 + 1, most})
		topic := func(alias uint16) string { return x.Topic(fmt.Sprint("aliased/", alias)) }
		bob := x.Connect(Clean, As("bob"))
		for _, alias := range values {
			bob.Subscribe(QoS0, topic(alias))
		}
		alice := x.Connect(Clean, As("alice"))
		for _, alias := range values {
			alice.Publish(QoS0, topic(alias), "without alias")
			bob.TakeDelivery(topic(alias), "without alias")
		}

		for _, alias := range values {
			alice.Publish(QoS0, topic(alias), "in full", Having(codec.TopicAlias(alias)))
			bob.WantDelivery(topic(alias), "in full")
		}

		for _, alias := range values {
			alice.Publish(QoS0, "", "by alias", Having(codec.TopicAlias(alias)))
			bob.WantDelivery(topic(alias), "by alias")
		}
	},
})

var _ = Check(Definition{
	Slug:     "alias-remapped",
	Title:    "takes a Topic Alias that is sent with another Topic Name for that from then on",
	Rules:    Rules{V5: "5.0/3.3.4/topic-alias-remapped"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.KeepsFirstAlias},
	Body: func(x *Exchange) {
		old, new := x.Topic("old"), x.Topic("new")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, old, new)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS0, old, "1", Having(codec.TopicAlias(1)))
		bob.TakeDelivery(old, "1")
		alice.Publish(QoS0, "", "2", Having(codec.TopicAlias(1)))
		x.StandsOn(stepAliasMapped, func() { bob.TakeDelivery(old, "2") })

		alice.Publish(QoS0, new, "3", Having(codec.TopicAlias(1)))
		bob.WantDelivery(new, "3")
		alice.Publish(QoS0, "", "4", Having(codec.TopicAlias(1)))
		bob.WantDelivery(new, "4")
	},
})

var _ = Check(Definition{
	Slug:     "alias-per-client",
	Title:    "keeps the Topic Aliases of each connection apart",
	Rules:    Rules{V5: "5.0/3.3.4/topic-alias-mapped"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.AliasesForAll},
	Body: func(x *Exchange) {
		hers, his := x.Topic("hers"), x.Topic("his")
		watcher := x.Connect(Clean, As("watcher"))
		watcher.Subscribe(x.UpTo(QoS1), hers, his)
		alice, bob := x.Connect(Clean, As("alice")), x.Connect(Clean, As("bob"))
		alice.Publish(x.UpTo(QoS1), hers, "1", Having(codec.TopicAlias(1)))
		watcher.TakeDelivery(hers, "1")
		bob.Publish(x.UpTo(QoS1), his, "2", Having(codec.TopicAlias(1)))
		watcher.TakeDelivery(his, "2")

		alice.Publish(x.UpTo(QoS1), "", "3", Having(codec.TopicAlias(1)))

		watcher.WantDelivery(hers, "3")
	},
})

var _ = Check(Definition{
	Slug:     "alias-zero",
	Title:    "closes the connection on Topic Alias 0",
	Rules:    Rules{V5: "MQTT-3.3.2-8"},
	CaughtBy: Faults{fault.IgnoresAliasZero},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(&codec.Publish{Topic: x.Topic("zero"), Properties: codec.Properties{codec.TopicAlias(0)}}))

		alice.WantClosed(codec.TopicAliasInvalid)
	},
})

var _ = Check(Definition{
	Slug:     "alias-above-maximum",
	Title:    "closes the connection on a Topic Alias above its Topic Alias Maximum",
	Rules:    Rules{V5: "MQTT-3.3.2-9"},
	CaughtBy: Faults{fault.IgnoresAliases},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, x.Topic("above"), "hello", Having(codec.TopicAlias(aboveMaximum(x)))))

		alice.WantClosed(codec.TopicAliasInvalid)
	},
})

var _ = Check(Definition{
	Slug:     "alias-zero-reason",
	Title:    "says DISCONNECT 0x94 before it closes on Topic Alias 0",
	Rules:    Rules{V5: "5.0/3.3.4/topic-alias-invalid-reason"},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(&codec.Publish{Topic: x.Topic("zero"), Properties: codec.Properties{codec.TopicAlias(0)}}))

		x.StandsOn(stepAliasZeroCloses, alice.WantEnd)
		alice.WantDisconnect(codec.TopicAliasInvalid)
	},
})

var _ = Check(Definition{
	Slug:     "alias-above-maximum-reason",
	Title:    "says DISCONNECT 0x94 before it closes on a Topic Alias above its Topic Alias Maximum",
	Rules:    Rules{V5: "5.0/3.3.4/topic-alias-invalid-reason"},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, x.Topic("above"), "hello", Having(codec.TopicAlias(aboveMaximum(x)))))

		x.StandsOn(stepAliasAboveCloses, alice.WantEnd)
		alice.WantDisconnect(codec.TopicAliasInvalid)
	},
})

var _ = Check(Definition{
	Slug:     "alias-unknown",
	Title:    "closes the connection on a PUBLISH without a Topic Name whose Topic Alias has not been set",
	Rules:    Rules{V5: "5.0/3.3.4/topic-alias-unknown"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.IgnoresAliases},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, "", "hello", Having(codec.TopicAlias(1))))

		alice.WantClosed(codec.TopicAliasInvalid)
	},
})

var _ = Check(Definition{
	Slug:     "alias-unknown-reason",
	Title:    "says DISCONNECT 0x82 before it closes on a Topic Alias that has not been set",
	Rules:    Rules{V5: "5.0/3.3.4/topic-alias-unknown-reason"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, "", "hello", Having(codec.TopicAlias(1))))

		x.StandsOn(stepAliasUnknownCloses, alice.WantEnd)
		alice.WantDisconnect(codec.ProtocolError)
	},
})

var _ = Check(Definition{
	Slug:     "alias-not-carried-over",
	Title:    "forgets the client's Topic Aliases with the connection, whether its session goes on or not",
	Rules:    Rules{V5: "MQTT-3.3.2-7"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.CarriesAliasesOver},
	Body: func(x *Exchange) {
		Each(x, connectionEnds, connectionEnd.label, func(x *Exchange, end connectionEnd) {
			alice := x.Connect(Persistent, As("alice"))
			alice.Publish(QoS0, x.Topic("before"), "hello", Having(codec.TopicAlias(1)))
			end.value(alice)
			alice = x.Connect(Persistent, As("alice"))

			alice.Send(alice.NewPublish(QoS0, "", "hello again", Having(codec.TopicAlias(1))))

			x.Controlled(func() { alice.WantClosed(codec.TopicAliasInvalid) }, func() { standsOnUnknownAliases(x) })
		})
	},
})

// standsOnUnknownAliases makes sure, with a client of its own, that the server
// closes the connection on a Topic Alias that was never set.
func standsOnUnknownAliases(x *Exchange) {
	c := x.Connect(Clean, As("stranger"))
	c.Send(c.NewPublish(QoS0, "", "control", Having(codec.TopicAlias(1))))
	x.StandsOn(stepAliasUnknownCloses, func() { c.WantClosed(codec.TopicAliasInvalid) })
}

var _ = Check(Definition{
	Slug:     "alias-not-forwarded",
	Title:    "sends no Topic Alias to a client that has not allowed any, whatever the publisher used",
	Rules:    Rules{V5: "MQTT-3.3.2-11"},
	CaughtBy: Faults{fault.SendsAlias},
	Body: func(x *Exchange) {
		topic := x.Topic("plain")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)
		alice := x.Connect(Clean, As("alice"))

		alice.Publish(QoS0, topic, "without")
		if _, lacks := x.Profile.Lacks(TopicAliases); !lacks {
			alice.Publish(QoS0, topic, "with", Having(codec.TopicAlias(1)))
		}
		marker := alice.Marker(QoS0, topic)

		for _, message := range bob.WantUntil(marker) {
			x.Expect(message.Properties.Has(codec.PropTopicAlias)).To(BeFalse(), "Topic Alias in PUBLISH %q", message.Payload)
		}
	},
})

var _ = Check(Definition{
	Slug:     "alias-within-maximum",
	Title:    "sends Topic Aliases only up to the client's Topic Alias Maximum, each first with its Topic Name",
	Rules:    Rules{V5: "MQTT-3.3.2-11 MQTT-3.3.2-8 5.0/3.3.4/topic-alias-mapped 5.0/3.3.4/topic-alias-unknown"},
	CaughtBy: Faults{fault.SendsAliasesBeyondMaximum, fault.MixesUpAliases},
	Body: func(x *Exchange) {
		// A broker need not use aliases at all; one that does has every chance here.
		topics := []string{x.Topic("a"), x.Topic("b"), x.Topic("c"), x.Topic("d")}
		bob := x.Connect(Clean, As("bob"), With(codec.TopicAliasMaximum(2)))
		bob.Subscribe(x.UpTo(QoS1), topics...)
		alice := x.Connect(Clean, As("alice"))

		x.Decides(stepAliasAllowed)
		known := aliases{}
		for _, round := range numbered(3) {
			for _, topic := range topics {
				alice.Publish(x.UpTo(QoS1), topic, round)
				message := bob.TakeNext()
				x.About("MQTT-3.3.2-11")
				if alias, ok := message.Properties.Number(codec.PropTopicAlias); !ok || alias > 0 && alias <= 2 {
					x.About("MQTT-3.3.2-8", "5.0/3.3.4/topic-alias-unknown")
				}
				meant := known.resolve(x, message, 2)
				x.About("5.0/3.3.4/topic-alias-mapped")
				x.Expect(meant).To(Equal(topic), "the topic of the message")
				bob.Ack(message)
			}
		}
	},
})

var _ = Check(Definition{
	Slug:     "alias-server-afresh",
	Title:    "sets its Topic Aliases afresh on every connection",
	Rules:    Rules{V5: "MQTT-3.3.2-7"},
	CaughtBy: Faults{fault.ResumesAliases},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("a"), x.UpTo(QoS1)
		bob := x.Connect(Persistent, As("bob"), With(codec.TopicAliasMaximum(5)))
		bob.Subscribe(qos, topic)
		alice := x.Connect(Clean, As("alice"))
		known := aliases{}
		for _, payload := range numbered(2) {
			alice.Publish(qos, topic, payload)
			x.StandsOn(stepServerAliases, func() { known.receive(x, bob, 5, topic, payload) })
		}
		bob.Drop()

		bob = x.Connect(Persistent, As("bob"), With(codec.TopicAliasMaximum(5)))
		alice.Publish(qos, topic, "3")

		var message *codec.Publish
		x.StandsOn(stepSubscriptionKept, func() { message = bob.TakeNext() })
		x.Expect(message.Topic).To(Equal(topic), "the Topic Name of the connection's first message")
		bob.Ack(message)
	},
})

var _ = Check(Definition{
	Slug:     "alias-resent",
	Title:    "resends a message as the Topic Aliases of the new connection demand, not as it was sent first",
	Rules:    Rules{V5: "MQTT-3.3.2-7 MQTT-3.1.2-27 5.0/3.3.4/topic-alias-unknown"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ResendsAsSentFirst, fault.ResumesAliases},
	Body: func(x *Exchange) {
		// A broker that uses aliases sends the second message by alias alone.
		again := func(x *Exchange, options ...ConnectOption) (bob *Client, topic string) {
			topic = x.Topic("a")
			bob = x.Connect(Persistent, As("bob"), With(codec.TopicAliasMaximum(5)))
			bob.Subscribe(QoS1, topic)
			x.Connect(Clean, As("alice")).PublishAll(QoS1, topic, "1", "2")
			bob.WantWindow(2) // and none of it acknowledged
			bob.Drop()

			bob = x.Connect(append([]ConnectOption{Persistent, As("bob")}, options...)...)
			x.StandsOn(resending(QoS1), bob.WantMessage)
			return bob, topic
		}
		x.Cases(
			Case{Name: "to a client that allows none any more", Body: func(x *Exchange) {
				bob, topic := again(x)

				for range numbered(2) {
					var message *codec.Publish
					x.StandsOn(resending(QoS1), func() { message = bob.TakeNext() })
					x.Expect(message.Properties.Has(codec.PropTopicAlias)).To(BeFalse(), "Topic Alias in PUBLISH %q", message.Payload)
					x.Expect(message.Topic).To(Equal(topic), "the topic of the message")
					bob.Ack(message)
				}
			}},
			Case{Name: "to a client that allows as many", Body: func(x *Exchange) {
				bob, topic := again(x, With(codec.TopicAliasMaximum(5)))

				known := aliases{}
				for range numbered(2) {
					var message *codec.Publish
					x.StandsOn(resending(QoS1), func() { message = bob.TakeNext() })
					x.Expect(known.resolve(x, message, 5)).To(Equal(topic), "the topic of the message")
					bob.Ack(message)
				}
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "alias-independent",
	Title:    "keeps the client's Topic Aliases apart from those that it sets itself",
	Rules:    Rules{V5: "5.0/3.3.2.3.4/topic-alias-independent"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.SharesAliases},
	Body: func(x *Exchange) {
		// A broker that uses aliases has set one for the topic by the second message.
		hear := func(x *Exchange, alice, bob *Client, known aliases, payload string) {
			alice.Publish(x.UpTo(QoS1), x.Topic("news"), payload)
			known.receive(x, bob, 5, x.Topic("news"), payload)
		}
		listening := func(x *Exchange) (alice, bob *Client, known aliases) {
			bob = x.Connect(Clean, As("bob"), With(codec.TopicAliasMaximum(5)))
			bob.Subscribe(x.UpTo(QoS1), x.Topic("news"))
			alice, known = x.Connect(Clean, As("alice")), aliases{}
			for _, payload := range numbered(2) {
				alice.Publish(x.UpTo(QoS1), x.Topic("news"), payload)
				x.StandsOn(stepServerAliases, func() { known.receive(x, bob, 5, x.Topic("news"), payload) })
			}
			return alice, bob, known
		}
		x.Cases(
			Case{Name: "set by both", Body: func(x *Exchange) {
				his, qos := x.Topic("his"), x.UpTo(QoS1)
				watcher := overhear(x, qos, his)
				alice, bob, known := listening(x)

				bob.Publish(qos, his, "3", Having(codec.TopicAlias(1)))
				watcher.TakeDelivery(his, "3")
				bob.Publish(qos, "", "4", Having(codec.TopicAlias(1)))
				watcher.WantDelivery(his, "4")
				hear(x, alice, bob, known, "5")
			}},
			Case{Name: "set by the server alone", Body: func(x *Exchange) {
				_, bob, known := listening(x)
				alias := uint16(1)
				for set := range known {
					alias = uint16(set)
				}

				bob.Send(bob.NewPublish(QoS0, "", "lost", Having(codec.TopicAlias(alias))))

				x.Controlled(func() { bob.WantClosed(codec.TopicAliasInvalid) }, func() { standsOnUnknownAliases(x) })
			}},
		)
	},
})

// aboveMaximum is a Topic Alias that the broker does not allow.
func aboveMaximum(x *Exchange) uint16 {
	most := x.Profile.Number(codec.PropTopicAliasMaximum, 0)
	if most >= 65535 {
		x.Inapplicable("CONNACK: Topic Alias Maximum %d; there is no larger one", most)
	}
	return uint16(most + 1)
}

// aliases are the topics that the broker's Topic Aliases stand for on one
// connection.
type aliases map[uint32]string

// resolve is the topic of a message that may have a Topic Alias, of which the
// client allows most; the alias is checked on the way.
func (a aliases) resolve(x *Exchange, p *codec.Publish, most uint32) string {
	alias, ok := p.Properties.Number(codec.PropTopicAlias)
	if !ok {
		return p.Topic
	}
	x.StandsOn(stepAliasAllowed, func() {
		x.Expect(alias).To(And(BeNumerically(">", 0), BeNumerically("<=", most)), "the Topic Alias")
	})
	if p.Topic != "" {
		a[alias] = p.Topic
	}
	x.Expect(a).To(HaveKey(alias), "the Topic Aliases that the broker has set")
	return a[alias]
}

// receive wants c to be sent this message next, by whatever alias, and completes
// its delivery.
func (a aliases) receive(x *Exchange, c *Client, most uint32, topic, payload string) {
	message := c.TakeNext()
	x.StandsOn(StepDeliver, func() { x.Expect(message.Payload).To(Equal(payload), "the payload") })
	x.Expect(a.resolve(x, message, most)).To(Equal(topic), "the topic of the message")
	c.Ack(message)
}
