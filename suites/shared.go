package suites

import (
	"fmt"
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Shared Subscriptions (5.0, section 4.8.2).

// share is the Topic Filter of a Shared Subscription, under a ShareName that is
// this exchange's own.
func share(x *Exchange, group, filter string) string {
	return "$share/" + x.ClientID("group "+group) + "/" + filter
}

// member connects a client and has it join a group.
func member(x *Exchange, name string, qos codec.QoS, filter string) *Client {
	c := x.Connect(Clean, As(name))
	c.Subscribe(qos, filter)
	return c
}

// publishNumbered publishes so many messages to a topic, one by one, with the
// payloads that numbered gives.
func publishNumbered(c *Client, qos codec.QoS, topic string, n int) {
	for _, payload := range numbered(n) {
		c.Publish(qos, topic, payload)
	}
}

// messagesOf are messages of one topic.
func messagesOf(topic string, payloads []string) []Message {
	list := make([]Message, len(payloads))
	for i, payload := range payloads {
		list[i] = Message{Topic: topic, Payload: payload}
	}
	return list
}

// payloads are those of all these messages.
func payloads(received ...[]*codec.Publish) []string {
	list := []string{}
	for _, messages := range received {
		for _, m := range messages {
			list = append(list, m.Payload)
		}
	}
	return list
}

// wantPayloads wants these payloads, in any order, to be those of the messages.
func wantPayloads(x *Exchange, what string, want []string, received ...[]*codec.Publish) {
	got := payloads(received...)
	if ok, err := ConsistOf(want).Match(got); !ok || err != nil {
		x.FailMessage(fmt.Sprintf("%s: %q, in any order", what, want), fmt.Sprintf("%q", got))
	}
}

var _ = Check(Definition{
	Slug:     "shared-one-member",
	Title:    "sends a message to exactly one of the sessions that share a subscription",
	Rules:    Rules{V5: "5.0/4.8.2/one-member"},
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.SharesWithEveryone, fault.DeliversNothingShared},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
		group := share(x, "workers", topic)
		bob, carol, dave := member(x, "bob", qos, group), member(x, "carol", qos, group), member(x, "dave", qos, group)

		publishNumbered(x.Connect(Clean, As("alice")), qos, topic, 12)

		// Which of them gets which message is for the server to choose.
		received := x.WantAmong([]*Client{bob, carol, dave}, 12)
		wantPayloads(x, "messages that the group received", numbered(12), received...)
		bob.WantIdle()
		carol.WantIdle()
		dave.WantIdle()
	},
})

var _ = Check(Definition{
	Slug:     "shared-filter-matched",
	Title:    "matches a Shared Subscription by what follows the ShareName",
	Rules:    Rules{V5: "5.0/4.8.2/share-name-not-matched"},
	Needs:    Needs{SharedSubscriptions, Wildcards},
	CaughtBy: Faults{fault.DeliversNothingShared, fault.PlusAsHash},
	Body: func(x *Exchange) {
		// A group of one gets what a subscription of its own would get.
		x.Decides(StepShared)
		qos := x.UpTo(QoS1)
		x.Cases(
			Case{Name: "below a topic", Body: func(x *Exchange) {
				topics := []string{x.Topic("sport"), x.Topic("sport/tennis"), x.Topic("sport/tennis/player1")}
				exact := member(x, "exact", qos, share(x, "a", topics[1]))
				plus := member(x, "plus", qos, share(x, "a", x.Topic("sport/+")))
				hash := member(x, "hash", qos, share(x, "b", x.Topic("sport/#")))

				alice := x.Connect(Clean, As("alice"))
				for _, payload := range []string{"first", "second"} {
					for _, topic := range topics {
						alice.Publish(qos, topic, payload)
					}
					exact.WantUnordered(Message{Topic: topics[1], Payload: payload})
					plus.WantUnordered(Message{Topic: topics[1], Payload: payload})
					hash.WantUnordered(Message{Topic: topics[0], Payload: payload}, Message{Topic: topics[1], Payload: payload}, Message{Topic: topics[2], Payload: payload})
				}
			}},
			Case{Name: "with a slash at its start", Body: func(x *Exchange) {
				needOutside(x)
				with, without := "/"+x.Topic("sport"), x.Topic("sport")
				slash, plain := x.Connect(Clean, As("slash")), x.Connect(Clean, As("plain"))
				slash.TrySubscribe(qos, share(x, "a", with))
				plain.Subscribe(qos, share(x, "a", without))

				alice := x.Connect(Clean, As("alice"))
				for _, payload := range []string{"first", "second"} {
					alice.TryPublish(with, payload)
					alice.Publish(qos, without, payload)
					slash.WantDelivery(with, payload)
					plain.WantDelivery(without, payload)
				}
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:  "shared-no-retained",
	Title: "sends no retained messages to a session that joins a Shared Subscription",
	Rules: Rules{V5: "5.0/4.8.2/no-retained-messages"},
	Why: "Section 3.8.4 has it for every SUBSCRIBE with a Topic Filter \"identical to the Topic Filter for " +
		"a Shared Subscription that already exists\": \"No retained messages are sent\". Not so for a member " +
		"that is the only one, of which it is not asked: of that section 4.8.2 says that none are sent " +
		"\"when it first subscribes\", and that it otherwise \"behaves like a non-shared subscription\". " +
		"mosquitto 2.0.11 sends them; 2.0.20 no longer does.",
	Needs:    Needs{SharedSubscriptions, Retain},
	CaughtBy: Faults{fault.SharesWithEveryone},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "the first to join", Body: func(x *Exchange) {
				alice, topic, qos := retainedState(x)

				bob := member(x, "bob", qos, share(x, "workers", topic))

				bob.WantNothingBefore(alice.Marker(qos, topic))
			}},
			Case{Name: "the second to join", Body: func(x *Exchange) {
				alice, topic, qos := retainedState(x)
				group := share(x, "workers", topic)
				bob := member(x, "bob", qos, group)

				carol := member(x, "carol", qos, group)

				bob.Unsubscribe(group)
				carol.WantNothingBefore(alice.Marker(qos, topic))
			}},
			Case{Name: "one of two joins again", Body: func(x *Exchange) {
				topic, qos := x.Topic("state"), x.UpTo(QoS1)
				group := share(x, "workers", topic)
				bob, carol := member(x, "bob", qos, group), member(x, "carol", qos, group)
				alice := x.Connect(Clean, As("alice"))
				alice.Publish(qos, topic, "on", Retained)
				x.WantAmong([]*Client{bob, carol}, 1)

				bob.Subscribe(qos, group)
				bob.FinishSubscribing()

				carol.Unsubscribe(group)
				bob.WantNothingBefore(alice.Marker(qos, topic))
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "shared-alone",
	Title:    "serves a Shared Subscription with one member like a subscription of that client's own",
	Rules:    Rules{V5: "5.0/4.8.2/one-session"},
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.SharesWithThoseThere, fault.ClearsRetainFlag, fault.SetsRetainFlag},
	Body: func(x *Exchange) {
		var cases []Case
		if _, lacks := x.Profile.Lacks(AtLeastOnce); !lacks {
			cases = append(cases, Case{Name: "messages while it is away", Body: func(x *Exchange) {
				topic := x.Topic("jobs")
				bob := x.Connect(Persistent, As("bob"))
				bob.Subscribe(QoS1, share(x, "workers", topic))
				bob.Disconnect()
				publishNumbered(x.Connect(Clean, As("alice")), QoS1, topic, 3)

				bob = x.Connect(Persistent, As("bob"))

				// In any order, as in shared-independent.
				var received [][]*codec.Publish
				x.Controlled(func() { received = x.WantAmong([]*Client{bob}, 3) }, func() { standsOnQueue(x, QoS1) })
				wantPayloads(x, "messages to the only member", numbered(3), received...)
			}})
		}
		if _, lacks := x.Profile.Lacks(Retain); !lacks {
			for _, asPublished := range []bool{false, true} {
				name := map[bool]string{false: "Retain As Published 0", true: "Retain As Published 1"}[asPublished]
				cases = append(cases, Case{Name: name, Body: func(x *Exchange) {
					topic, qos := x.Topic("state"), x.UpTo(QoS1)
					bob := x.Connect(Clean, As("bob"))
					bob.SubscribeWith([]codec.Subscription{{Filter: share(x, "workers", topic), QoS: qos, RetainAsPublished: asPublished}})

					x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

					x.Expect(bob.TakeDelivery(topic, "on").Retain).To(Equal(asPublished), "RETAIN")
				}})
			}
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:  "shared-independent",
	Title: "serves every Shared Subscription, and every other subscription, for itself",
	Rules: Rules{V5: "5.0/4.8.2/independent"},
	Why: "Two groups are served separately, and to a client with both kinds of subscription two copies are " +
		"due: \"the Client will receive a copy of the message by virtue of it having the Non-shared " +
		"Subscription. A second copy of the message will be delivered to one of the subscribers to the " +
		"Shared Subscription\" (section 4.8.2). mochi 2.7.9 sends such a client one.",
	Needs:    Needs{SharedSubscriptions, Wildcards},
	CaughtBy: Faults{fault.SharesAmongAllGroups, fault.SharesOnlyWhenShared},
	Body: func(x *Exchange) {
		// In any order: only Non-shared Subscriptions are bound to one
		// (MQTT-4.6.0-6).
		x.Cases(
			Case{Name: "two groups with one filter", Body: func(x *Exchange) {
				topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
				bob := member(x, "bob", qos, share(x, "a", topic))
				carol := member(x, "carol", qos, share(x, "b", topic))

				publishNumbered(x.Connect(Clean, As("alice")), qos, topic, 4)

				wantPayloads(x, "messages to the first group", numbered(4), x.WantAmong([]*Client{bob, carol}, 8)[0])
			}},
			Case{Name: "two groups with overlapping filters", Body: func(x *Exchange) {
				topic, qos := x.Topic("jobs/today"), x.UpTo(QoS1)
				bob := member(x, "bob", qos, share(x, "a", topic))
				carol := member(x, "carol", qos, share(x, "b", x.Topic("jobs/+")))

				publishNumbered(x.Connect(Clean, As("alice")), qos, topic, 4)

				wantPayloads(x, "messages to the first group", numbered(4), x.WantAmong([]*Client{bob, carol}, 8)[0])
			}},
			Case{Name: "a group and a client with a subscription of its own", Body: func(x *Exchange) {
				topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
				bob := member(x, "bob", qos, share(x, "a", topic))
				carol := member(x, "carol", qos, topic)

				publishNumbered(x.Connect(Clean, As("alice")), qos, topic, 4)

				wantPayloads(x, "messages to the group", numbered(4), x.WantAmong([]*Client{bob, carol}, 8)[0])
			}},
			Case{Name: "a client alone in two groups", Body: func(x *Exchange) {
				topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
				bob := member(x, "bob", qos, share(x, "a", topic))
				bob.Subscribe(qos, share(x, "b", topic))

				publishNumbered(x.Connect(Clean, As("alice")), qos, topic, 4)

				// "Processed separately by both of them."
				received := x.WantAmong([]*Client{bob}, 8)
				wantPayloads(x, "messages to the client, who is all of both groups", append(numbered(4), numbered(4)...), received...)
			}},
			Case{Name: "a client with both", Body: func(x *Exchange) {
				topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
				bob := member(x, "bob", qos, share(x, "a", topic))
				bob.Subscribe(qos, topic)

				publishNumbered(x.Connect(Clean, As("alice")), qos, topic, 4)

				received := x.WantAmong([]*Client{bob}, 8)
				wantPayloads(x, "messages to the client, who is all of the group", append(numbered(4), numbered(4)...), received...)
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "shared-unsubscribe",
	Title:    "takes a session out of a Shared Subscription on its first UNSUBSCRIBE, however often it has joined",
	Rules:    Rules{V5: "5.0/4.8.2/unsubscribe"},
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.KeepsSubscriptions},
	Body: func(x *Exchange) {
		Each(x, []int{1, 2}, func(times int) string { return fmt.Sprintf("joined %d times", times) }, func(x *Exchange, times int) {
			topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
			group := share(x, "workers", topic)
			bob, carol := x.Connect(Clean, As("bob")), member(x, "carol", qos, group)
			for range times {
				bob.Subscribe(qos, group)
			}

			bob.Unsubscribe(group)

			alice := x.Connect(Clean, As("alice"))
			publishNumbered(alice, qos, topic, 16)
			carol.WantUnordered(messagesOf(topic, numbered(16))...)
		})
	},
})

var _ = Check(Definition{
	Slug:     "shared-survives-creator",
	Title:    "keeps a Shared Subscription for those who are left when the session that created it leaves",
	Rules:    Rules{V5: "5.0/4.8.2/survives-its-creator"},
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.EndsGroupsWithTheirCreators},
	Body: func(x *Exchange) {
		// left has bob create a group that carol joins, bob leave it, and wants
		// every message to go to carol.
		left := func(x *Exchange, leave func(bob *Client, group string)) {
			topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
			group := share(x, "workers", topic)
			bob := member(x, "bob", qos, group)
			carol := member(x, "carol", qos, group)

			leave(bob, group)

			alice := x.Connect(Clean, As("alice"))
			publishNumbered(alice, qos, topic, 4)
			carol.WantUnordered(messagesOf(topic, numbered(4))...)
		}
		x.Cases(
			Case{Name: "by UNSUBSCRIBE", Body: func(x *Exchange) {
				left(x, func(bob *Client, group string) { bob.Unsubscribe(group) })
			}},
			Case{Name: "by the end of its session", Body: func(x *Exchange) {
				left(x, func(bob *Client, group string) {
					bob.Disconnect()
					x.Connect(Clean, As("bob")) // what is left of the old session goes before CONNACK
				})
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "shared-ends-with-last-member",
	Title:    "deletes what a Shared Subscription has not delivered when its last session leaves",
	Rules:    Rules{V5: "5.0/4.8.2/ends-with-last-member"},
	Needs:    Needs{SharedSubscriptions, AtLeastOnce},
	CaughtBy: Faults{fault.KeepsMessagesForNewMembers},
	Body: func(x *Exchange) {
		topic := x.Topic("jobs")
		group := share(x, "workers", topic)
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(QoS1, group)
		bob.Disconnect()
		alice := x.Connect(Clean, As("alice"))
		alice.PublishObserved(QoS1, topic, "for the old group") // or carol could get it as one that is new

		x.Connect(Clean, As("bob")).Disconnect()
		carol := member(x, "carol", QoS1, group)

		carol.WantNothingBefore(alice.Marker(QoS1, topic))
	},
})

var _ = Check(Definition{
	Slug:     "shared-granted-qos",
	Title:    "respects the QoS that a member of a Shared Subscription was granted",
	Rules:    Rules{V5: "MQTT-4.8.2-3"},
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.RaisesQoS, fault.LowersQoS},
	Body: func(x *Exchange) {
		Each(x, qosPairs(x), qosPair.String, func(x *Exchange, qos qosPair) {
			topic := x.Topic("jobs")
			bob := x.Connect(Clean, As("bob"))
			granted := bob.SubscribeUpTo(bob.NewSubscribe(qos.requested, share(x, "workers", topic)))[0]

			x.Connect(Clean, As("alice")).Publish(qos.published, topic, "job")

			x.Expect(bob.TakePublish(topic, "job").QoS).To(Equal(min(qos.published, granted)), "QoS")
		})
	},
})

var _ = Check(Definition{
	Slug:     "shared-granted-qos-mixed",
	Title:    "respects the QoS of each member of a Shared Subscription whose members were granted different ones",
	Rules:    Rules{V5: "MQTT-4.8.2-3"},
	Needs:    Needs{SharedSubscriptions, AtLeastOnce},
	CaughtBy: Faults{fault.LowersQoS},
	Body: func(x *Exchange) {
		topic := x.Topic("jobs")
		group := share(x, "workers", topic)
		bob, carol := x.Connect(Clean, As("bob")), x.Connect(Clean, As("carol"))
		toBob, toCarol := bob.SubscribeUpTo(bob.NewSubscribe(QoS0, group))[0], carol.SubscribeUpTo(carol.NewSubscribe(QoS1, group))[0]

		publishNumbered(x.Connect(Clean, As("alice")), QoS1, topic, 20)

		received := x.WantAmong([]*Client{bob, carol}, 20)
		x.Expect(allQoS(received[0])).To(BeElementOf([]codec.QoS{}, []codec.QoS{toBob}), "QoS of the messages to bob")
		x.Expect(allQoS(received[1])).To(BeElementOf([]codec.QoS{}, []codec.QoS{toCarol}), "QoS of the messages to carol")
	},
})

var _ = Check(Definition{
	Slug:     "shared-granted-qos-replaced",
	Title:    "respects the QoS that a member of a Shared Subscription was granted when it joined again, and sends it one copy",
	Rules:    Rules{V5: "MQTT-4.8.2-3"},
	Needs:    Needs{SharedSubscriptions, AtLeastOnce},
	CaughtBy: Faults{fault.KeepsFirstQoS, fault.AddsIdenticalSubscriptions},
	Body: func(x *Exchange) {
		Each(x, [][2]codec.QoS{{QoS0, QoS1}, {QoS1, QoS0}}, func(qos [2]codec.QoS) string {
			return fmt.Sprintf("first at QoS %d, then at QoS %d", qos[0], qos[1])
		}, func(x *Exchange, qos [2]codec.QoS) {
			topic := x.Topic("jobs")
			group := share(x, "workers", topic)
			bob := x.Connect(Clean, As("bob"))
			bob.SubscribeUpTo(bob.NewSubscribe(qos[0], group))
			granted := bob.SubscribeUpTo(bob.NewSubscribe(qos[1], group))[0]
			alice := x.Connect(Clean, As("alice"))

			alice.Publish(QoS1, topic, "as granted last")

			message := bob.WantDelivery(topic, "as granted last")
			x.Expect(message.QoS).To(Equal(min(QoS1, granted)), "QoS")
			bob.WantNothingBefore(alice.Marker(QoS1, topic))
		})
	},
})

// allQoS are the QoS levels that occur among messages.
func allQoS(messages []*codec.Publish) []codec.QoS {
	levels := []codec.QoS{}
	for _, m := range messages {
		levels = append(levels, m.QoS)
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

// begunWithBob has a message under way to bob, then the only member of the
// group "workers", and carol join when it is too late for that message.
func begunWithBob(x *Exchange, qos codec.QoS) (bob, carol, alice *Client, topic string, message *codec.Publish) {
	topic = x.Topic("jobs")
	group := share(x, "workers", topic)
	bob = x.Connect(Persistent, As("bob"))
	bob.Subscribe(qos, group)
	alice = x.Connect(Clean, As("alice"))
	alice.Publish(qos, topic, "job")
	message = takeAt(x, bob, qos, topic, "job")
	carol = member(x, "carol", qos, group)
	return bob, carol, alice, topic, message
}

var _ = Check(Definition{
	Slug:     "shared-qos2-completed",
	Title:    "completes the QoS 2 delivery that it has begun with a member when that member is back",
	Rules:    Rules{V5: "MQTT-4.8.2-4"},
	Needs:    Needs{SharedSubscriptions, ExactlyOnce},
	CaughtBy: Faults{fault.ReassignsWhenMembersLeave},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "lost before PUBREC", Body: func(x *Exchange) {
				bob, carol, alice, topic, _ := begunWithBob(x, QoS2)

				bob.Drop()
				bob = x.Connect(Persistent, As("bob"))

				x.Controlled(func() { bob.WantDelivery(topic, "job") }, func() { standsOnResending(x, QoS2) })
				bob.Unsubscribe(share(x, "workers", topic))
				carol.WantNothingBefore(alice.Marker(QoS2, topic))
			}},
			Case{Name: "lost before PUBCOMP", Body: func(x *Exchange) {
				bob, carol, alice, topic, message := begunWithBob(x, QoS2)
				bob.Send(&codec.Pubrec{PacketID: message.PacketID})
				bob.TakePubrel(message.PacketID)

				bob.Drop()
				bob = x.Connect(Persistent, As("bob"))

				x.Controlled(func() { bob.WantPubrel(message.PacketID) }, func() { standsOnResending(x, QoS2) })
				bob.Send(&codec.Pubcomp{PacketID: message.PacketID})
				bob.Unsubscribe(share(x, "workers", topic))
				carol.WantNothingBefore(alice.Marker(QoS2, topic))
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "shared-qos2-not-reassigned",
	Title:    "sends a QoS 2 message that it has begun to deliver to no other member when the session of the first ends",
	Rules:    Rules{V5: "MQTT-4.8.2-5"},
	Needs:    Needs{SharedSubscriptions, ExactlyOnce},
	CaughtBy: Faults{fault.ReassignsWhenMembersLeave},
	Body: func(x *Exchange) {
		bob, carol, alice, topic, _ := begunWithBob(x, QoS2)

		bob.Drop()
		x.Connect(Clean, As("bob")).Disconnect()

		carol.WantNothingBefore(alice.Marker(QoS2, topic))
	},
})

var _ = Check(Definition{
	Slug:     "shared-qos1-reassigned",
	Title:    "sends an unacknowledged QoS 1 message to another member when the session of the first ends",
	Rules:    Rules{V5: "5.0/4.8.2/qos-1-to-another"},
	Needs:    Needs{SharedSubscriptions, AtLeastOnce},
	CaughtBy: Faults{fault.ReassignsNothing},
	MendedBy: Faults{fault.MendsReassignment},
	Body: func(x *Exchange) {
		// Neither mosquitto (2.0.11, 2.0.20) nor mochi 2.7.9 nor gmqtt does so.
		bob, carol, _, topic, _ := begunWithBob(x, QoS1)

		bob.Drop()
		x.Connect(Clean, As("bob")).Disconnect()

		carol.WantDelivery(topic, "job")
	},
})

var _ = Check(Definition{
	Slug:     "shared-refused",
	Title:    "offers a message that a member has refused to no other member",
	Rules:    Rules{V5: "MQTT-4.8.2-6"},
	Needs:    Needs{SharedSubscriptions, ExactlyOnce},
	CaughtBy: Faults{fault.ReassignsRefusedMessages},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "QoS 1: PUBACK 0x83", Body: func(x *Exchange) {
				bob, carol, alice, topic, message := begunWithBob(x, QoS1)

				bob.Send(&codec.Puback{PacketID: message.PacketID, Code: codec.ImplementationSpecificError})
				bob.Unsubscribe(share(x, "workers", topic))

				carol.WantNothingBefore(alice.Marker(QoS1, topic))
			}},
			Case{Name: "QoS 2: PUBREC 0x97", Body: func(x *Exchange) {
				bob, carol, alice, topic, message := begunWithBob(x, QoS2)

				bob.Send(&codec.Pubrec{PacketID: message.PacketID, Code: codec.QuotaExceeded})
				x.StandsOn(stepRefusalTaken, bob.WantUnreleased)
				bob.Unsubscribe(share(x, "workers", topic))

				carol.WantNothingBefore(alice.Marker(QoS2, topic))
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "shared-subid",
	Title:    "sends a shared message with the Subscription Identifier of the member that receives it",
	Rules:    Rules{V5: "5.0/3.3.4/subscription-identifier-shared"},
	Needs:    Needs{SharedSubscriptions, SubscriptionIdentifiers},
	CaughtBy: Faults{fault.SharesSubscriptionIdentifiers},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("jobs"), x.UpTo(QoS1)
		group := share(x, "workers", topic)
		bob, carol, dave := x.Connect(Clean, As("bob")), x.Connect(Clean, As("carol")), x.Connect(Clean, As("dave"))
		subscribeAs(bob, 11, qos, group)
		subscribeAs(carol, 22, qos, group)
		subscribeAs(dave, 0, qos, group)

		publishNumbered(x.Connect(Clean, As("alice")), qos, topic, 12)

		received := x.WantAmong([]*Client{bob, carol, dave}, 12)
		withIdentifier(x, func() {
			x.Expect(allIdentifiers(received[0])).To(BeElementOf([][]uint32{}, [][]uint32{{11}}), "Subscription Identifiers of the messages to bob")
			x.Expect(allIdentifiers(received[1])).To(BeElementOf([][]uint32{}, [][]uint32{{22}}), "Subscription Identifiers of the messages to carol")
			x.Expect(allIdentifiers(received[2])).To(BeElementOf([][]uint32{}, [][]uint32{{}}), "Subscription Identifiers of the messages to dave")
		})
	},
})

// allIdentifiers are the sets of Subscription Identifiers that occur among
// messages.
func allIdentifiers(messages []*codec.Publish) [][]uint32 {
	sets := [][]uint32{}
	for _, m := range messages {
		sets = append(sets, identifiers(m))
	}
	slices.SortFunc(sets, slices.Compare)
	return slices.CompactFunc(sets, slices.Equal)
}

var _ = Check(Definition{
	Slug:  "shared-no-local",
	Title: "closes the connection on a SUBSCRIBE to a Shared Subscription with No Local",
	Rules: Rules{V5: "MQTT-3.8.3-4"},
	Why: "Section 3.8.3.1 calls it a Protocol Error. mosquitto 2.0.11 and mochi 2.7.9 take it; mosquitto " +
		"2.0.20 closes the connection.",
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.IgnoresSharedNoLocal},
	MendedBy: Faults{fault.MendsMalformedSubscribe},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, share(x, "workers", x.Topic("jobs")))
		subscribe.Subscriptions[0].NoLocal = true
		alice.Send(codec.Wrong(subscribe))

		alice.WantClosed()
	},
})

var _ = Check(Definition{
	Slug:  "shared-without-name",
	Title: "grants no Shared Subscription without a ShareName",
	Rules: Rules{V5: "MQTT-4.8.2-1"},
	Why: "Section 4.8.2 demands \"a ShareName that is at least one character long\". mosquitto (2.0.11, " +
		"2.0.20) and mochi 2.7.9 grant these; gmqtt does not.",
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.GrantsMalformedFilters},
	MendedBy: Faults{fault.MendsMalformedSubscribe},
	Body: func(x *Exchange) {
		wantFiltersRefused(x, "$share//~", "$share///~", "$share//#")
	},
})

var _ = Check(Definition{
	Slug:  "shared-name-malformed",
	Title: "grants no Shared Subscription with a wildcard in its ShareName or without a Topic Filter behind it",
	Rules: Rules{V5: "MQTT-4.8.2-2"},
	Why: "By section 4.8.2 a ShareName holds no wildcard, and a \"/\" and a Topic Filter follow it. " +
		"mosquitto 2.0.11 grants the first and those without a filter (2.0.20 the first only), mochi " +
		"2.7.9 those without a filter; gmqtt grants none.",
	Needs:    Needs{SharedSubscriptions, Wildcards},
	CaughtBy: Faults{fault.GrantsMalformedFilters},
	MendedBy: Faults{fault.MendsMalformedSubscribe},
	Body: func(x *Exchange) {
		wantFiltersRefused(x, "$share/+/~", "$share/#/~", "$share/a+b/~", "$share/a#/~", "$share/group", "$share/group/", "$share/group/~/a#")
	},
})
