package suites

import (
	"fmt"
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Subscribing (SUBSCRIBE, section 3.8), the answer to it (SUBACK, 3.9), and
// what a subscription makes of the messages that match it.

var _ = Check(Definition{
	Slug:     "subscribe-granted",
	Title:    "answers SUBSCRIBE with SUBACK",
	Rules:    Rules{V311: "MQTT-3.8.4-1", V5: "MQTT-3.8.4-1"},
	CaughtBy: Faults{fault.IgnoresSubscribe},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
		alice.Send(subscribe)

		suback := alice.WantAnySuback(subscribe.PacketID)
		// A server may refuse any subscription (section 3.9.3), and then keeps
		// the rule; what needs the subscription cannot be tested.
		if len(suback.Codes) == 1 && suback.Codes[0].IsError() {
			x.Inapplicable("the broker grants no subscription: %s", suback)
		}
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-packet-id",
	Title:    "gives SUBACK the Packet Identifier of its SUBSCRIBE",
	Rules:    Rules{V311: "MQTT-3.8.4-2 MQTT-2.3.1-7", V5: "MQTT-3.8.4-2 MQTT-2.2.1-6"},
	CaughtBy: Faults{fault.WrongSubackID},
	Body: func(x *Exchange) {
		Each(x, packetIDs, packetIDName, func(x *Exchange, id uint16) {
			alice := x.Connect(Clean, As("alice"))
			subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
			subscribe.PacketID = id

			alice.Send(subscribe)

			var suback *codec.Suback
			x.StandsOn(StepSubscribe, func() { suback = Want[*codec.Suback](alice, "SUBACK") })
			x.Expect(suback.PacketID).To(Equal(id), "the Packet Identifier of SUBACK")
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-several-pending",
	Title:    "answers each of several SUBSCRIBEs that arrive at once",
	Rules:    Rules{V311: "MQTT-3.8.4-1 MQTT-3.8.4-2 MQTT-2.3.1-7", V5: "MQTT-3.8.4-1 MQTT-3.8.4-2 MQTT-2.2.1-6"},
	CaughtBy: Faults{fault.WrongSubackID},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		first := alice.NewSubscribe(QoS0, x.Topic("first"))
		second := alice.NewSubscribe(QoS0, x.Topic("second"))
		third := alice.NewSubscribe(QoS0, x.Topic("third"))

		alice.Send(first, second, third)

		// Section 4.6 orders PUBLISH and its acknowledgements, not these.
		acknowledged := []uint16{
			Want[*codec.Suback](alice, "SUBACK, 3 to come").PacketID,
			Want[*codec.Suback](alice, "SUBACK, 2 to come").PacketID,
			Want[*codec.Suback](alice, "SUBACK, 1 to come").PacketID,
		}
		x.Expect(acknowledged).To(ConsistOf(first.PacketID, second.PacketID, third.PacketID), "Packet Identifiers of the SUBACKs")
	},
})

// codePerFilter is the statement that SUBACK has one code for each Topic Filter.
var codePerFilter = map[codec.Version]string{V311: "MQTT-3.8.4-5", V5: "MQTT-3.8.4-6"}

// oneByOne is the statement that a SUBSCRIBE with several Topic Filters is like
// several, but answered with one SUBACK.
var oneByOne = map[codec.Version]string{V311: "MQTT-3.8.4-4", V5: "MQTT-3.8.4-5"}

var _ = Check(Definition{
	Slug:     "subscribe-code-per-filter",
	Title:    "gives in SUBACK one code for each Topic Filter, a granted QoS or a failure",
	Rules:    Rules{V311: "MQTT-3.8.4-5 MQTT-3.9.3-2", V5: "MQTT-3.8.4-6 MQTT-3.8.4-7 MQTT-3.9.3-2"},
	CaughtBy: Faults{fault.OmitsLastSubackCode, fault.InventsSubackCodes},
	Body: func(x *Exchange) {
		// Not more than 8: some brokers have a limit, and none of 3.1.1 can say so.
		Each(x, []int{2, 3, 8}, func(n int) string { return fmt.Sprintf("%d filters", n) }, func(x *Exchange, n int) {
			alice := x.Connect(Clean, As("alice"))
			subscribe := &codec.Subscribe{PacketID: alice.PacketID()}
			for i := range n {
				subscribe.Subscriptions = append(subscribe.Subscriptions,
					codec.Subscription{Filter: x.Topic(fmt.Sprint(i)), QoS: codec.QoS(i % 3)})
			}

			alice.Send(subscribe)

			// That each code is one of SUBACK's is what the decoder sees to.
			var suback *codec.Suback
			x.StandsOn(StepSubscribe, func() { suback = alice.WantAnySuback(subscribe.PacketID) })
			x.About(codePerFilter[x.Version])
			x.Expect(suback.Codes).To(HaveLen(n), "SUBACK codes")
			x.About("MQTT-3.9.3-2", "MQTT-3.8.4-7")
		})
	},
})

var _ = Check(Definition{
	Slug:  "subscribe-codes-in-order",
	Title: "lists the SUBACK codes in the order of the Topic Filters",
	Rules: Rules{V311: "MQTT-3.9.3-1", V5: "MQTT-3.9.3-1"},

	// On a broker that grants every filter the same QoS no order can be seen.
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ReversesSubackCodes},
	Body: func(x *Exchange) {
		highest, lowest := x.Topic("highest"), x.Topic("lowest")
		bob := x.Connect(Clean, As("bob"))
		granted := bob.SubscribeUpTo(&codec.Subscribe{PacketID: bob.PacketID(), Subscriptions: []codec.Subscription{
			{Filter: highest, QoS: x.UpTo(QoS2)},
			{Filter: lowest, QoS: QoS0},
		}})

		alice := x.Connect(Clean, As("alice"))
		alice.Publish(x.UpTo(QoS2), highest, "as granted first")
		atHighest := bob.TakeDelivery(highest, "as granted first")
		alice.Publish(x.UpTo(QoS2), lowest, "as granted second")
		atLowest := bob.TakeDelivery(lowest, "as granted second")

		// What is delivered tells what was granted (MQTT-3.8.4-6, MQTT-3.8.4-8), where
		// the broker goes by that.
		delivered := []codec.QoS{atHighest.QoS, atLowest.QoS}
		x.Controlled(
			func() { x.Expect(delivered).To(Equal(granted), "QoS of the deliveries, by the order of SUBACK") },
			func() {
				standsOnGrantedQoS(x, x.UpTo(QoS2), x.UpTo(QoS2))
				standsOnGrantedQoS(x, x.UpTo(QoS2), QoS0)
			},
		)
	},
})

var _ = Check(Definition{
	Slug:  "subscribe-packet-id-of-delivery",
	Title: "answers a SUBSCRIBE with an allowed code when its Packet Identifier is that of a message under way to the client",
	Rules: Rules{V311: "MQTT-3.9.3-2"},
	Why: "Client and server assign Packet Identifiers \"independently of each other\" (section 2.3.1), so " +
		"that this one is not in use. mochi 2.7.9 answers 0x91, a code of 5.0's; that it is no answer to " +
		"this in 5.0, which has that code, is for packet-identifiers-of-requests.",
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.SharesIdentifiersWithSubscribe},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)
		x.Connect(Clean, As("alice")).Publish(QoS1, topic, "under way")
		message := takeAt(x, bob, QoS1, topic, "under way")

		subscribe := bob.NewSubscribe(QoS0, x.Topic("sport"))
		subscribe.PacketID = message.PacketID
		bob.Send(subscribe)

		suback := bob.WantSuback(message.PacketID)
		x.Expect(suback.Codes).To(HaveExactElements(BeElementOf(codec.GrantedQoS0, codec.SubackFailure)), "SUBACK codes")
	},
})

// qosPair is a published QoS with a requested one.
type qosPair struct{ published, requested codec.QoS }

// qosPairs are all pairs of which the broker takes the publisher's side.
func qosPairs(x *Exchange) []qosPair {
	var pairs []qosPair
	for _, published := range []codec.QoS{QoS0, QoS1, QoS2} {
		for _, requested := range []codec.QoS{QoS0, QoS1, QoS2} {
			pairs = append(pairs, qosPair{published, requested})
		}
	}
	return slices.DeleteFunc(pairs, func(p qosPair) bool { return p.published != x.UpTo(p.published) })
}

func (p qosPair) String() string {
	return fmt.Sprintf("published at QoS %d, requested at QoS %d", p.published, p.requested)
}

var _ = Check(Definition{
	Slug:     "subscribe-qos-minimum",
	Title:    "delivers at the lower of the published and the granted QoS",
	Rules:    Rules{V311: "MQTT-3.8.4-6", V5: "MQTT-3.8.4-8"},
	CaughtBy: Faults{fault.RaisesQoS, fault.LowersQoS},
	Body: func(x *Exchange) {
		Each(x, qosPairs(x), qosPair.String, func(x *Exchange, qos qosPair) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			granted := bob.SubscribeUpTo(bob.NewSubscribe(qos.requested, topic))

			x.Connect(Clean, As("alice")).Publish(qos.published, topic, "hello")

			x.Expect(bob.TakePublish(topic, "hello").QoS).To(Equal(min(qos.published, granted[0])), "QoS")
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-qos-minimum-retained",
	Title:    "delivers a retained message at the lower of the published and the granted QoS",
	Rules:    Rules{V311: "MQTT-3.8.4-6", V5: "MQTT-3.8.4-8"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.RaisesQoS, fault.LowersQoS},
	Body: func(x *Exchange) {
		// Not those published at QoS 0, which need not be kept.
		pairs := slices.DeleteFunc(qosPairs(x), func(p qosPair) bool { return p.published == QoS0 })
		Each(x, pairs, qosPair.String, func(x *Exchange, qos qosPair) {
			topic := x.Topic("state")
			x.Connect(Clean, As("alice")).Retain(qos.published, topic, "on")

			bob := x.Connect(Clean, As("bob"))
			granted := bob.SubscribeUpTo(bob.NewSubscribe(qos.requested, topic))

			x.Expect(takeRetained(x, bob, topic, "on").QoS).To(Equal(min(qos.published, granted[0])), "QoS")
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-qos-requested",
	Title:    "grants a subscription no higher QoS than requested, and delivers at none",
	Rules:    Rules{V311: "3.1.1/3.8.3/requested-qos-maximum", V5: "5.0/3.8.3.1/requested-qos-maximum"},
	CaughtBy: Faults{fault.GrantsHigherQoS, fault.RaisesQoS},
	Body: func(x *Exchange) {
		Each(x, []codec.QoS{QoS0, QoS1}, qosName, func(x *Exchange, requested codec.QoS) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			subscribe := bob.NewSubscribe(requested, topic)
			bob.Send(subscribe)
			var suback *codec.Suback
			x.StandsOn(StepSubscribe, func() { suback = bob.WantSuback(subscribe.PacketID) })
			if suback.Codes[0].IsError() {
				x.Inapplicable("the broker refuses the subscription: %s", suback)
			}
			x.Expect(codec.QoS(suback.Codes[0])).To(BeNumerically("<=", requested), "QoS granted")

			x.Connect(Clean, As("alice")).Publish(x.UpTo(QoS2), topic, "hello")

			x.Expect(bob.TakePublish(topic, "hello").QoS).To(BeNumerically("<=", requested), "QoS of the message")
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-replaced",
	Title:    "replaces a subscription by one to the same Topic Filter",
	Rules:    Rules{V311: "MQTT-3.8.4-3", V5: "MQTT-3.8.4-3"},
	CaughtBy: Faults{fault.KeepsFirstQoS, fault.AddsIdenticalSubscriptions},
	Needs:    Needs{AtLeastOnce},
	Body: func(x *Exchange) {
		Each(x, [][2]codec.QoS{{QoS0, QoS1}, {QoS1, QoS0}}, func(qos [2]codec.QoS) string {
			return fmt.Sprintf("first at QoS %d, then at QoS %d", qos[0], qos[1])
		}, func(x *Exchange, qos [2]codec.QoS) {
			topic := x.Topic("news")
			bob := x.Connect(Clean, As("bob"))
			alice := x.Connect(Clean, As("alice"))
			bob.SubscribeUpTo(bob.NewSubscribe(qos[0], topic))
			granted := bob.SubscribeUpTo(bob.NewSubscribe(qos[1], topic))

			alice.Publish(QoS0, topic, "once")
			wantOneCopy(x, bob, Message{Topic: topic, Payload: "once"}, alice.Marker(QoS0, topic))

			alice.Publish(QoS1, topic, "as granted last")
			message := bob.TakePublish(topic, "as granted last")
			x.Controlled(
				func() { x.Expect(message.QoS).To(Equal(min(QoS1, granted[0])), "QoS") },
				func() { standsOnGrantedQoS(x, QoS1, qos[1]) },
			)
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-replaced-retained",
	Title:    "sends the retained messages again when a subscription is replaced",
	Rules:    Rules{V311: "MQTT-3.8.4-3", V5: "MQTT-3.8.4-4 MQTT-3.3.1-9"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.SendsRetainedOnce},
	Body: func(x *Exchange) {
		_, topic, qos := retainedState(x)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		takeRetained(x, bob, topic, "on")

		bob.Subscribe(qos, topic)

		bob.WantDelivery(topic, "on")
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-new-retained",
	Title:    "sends the retained messages again to a new subscription that overlaps with an old one",
	Rules:    Rules{V311: "3.1.1/3.8.4/new-subscription-retained MQTT-3.3.1-6", V5: "5.0/3.8.4/new-subscription-retained MQTT-3.3.1-9"},
	Needs:    Needs{Retain, Wildcards},
	CaughtBy: Faults{fault.SendsRetainedTopicsOnce},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("state/lamp"), x.UpTo(QoS1)
		x.Connect(Clean, As("alice")).Retain(qos, topic, "on")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		takeRetained(x, bob, topic, "on")

		bob.Subscribe(qos, x.Topic("state/+"))

		bob.WantDelivery(topic, "on")
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-replaced-flow",
	Title:    "loses no message while a subscription is being replaced",
	Rules:    Rules{V311: "MQTT-3.8.4-3", V5: "MQTT-3.8.4-4"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.MissesOneWhenReplacing},
	Body: func(x *Exchange) {
		topic := x.Topic("ticks")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)
		alice := x.Connect(Clean, As("alice"))

		// Both sides speak without waiting for the other, so that messages
		// arrive before, while and after the subscription is replaced.
		for n := range 20 {
			tick := alice.NewPublish(QoS1, topic, fmt.Sprint("tick ", n))
			alice.Send(tick)
			// Far from the Packet Identifiers of the broker's messages: they are no
			// concern of SUBSCRIBE's; subscribe-packet-id-of-delivery sees to that.
			again := bob.NewSubscribe(QoS1, topic)
			again.PacketID += 1000
			bob.Send(again)
			x.StandsOn(StepPublishQoS1, func() { alice.WantPuback(tick.PacketID) })
			bob.Ack(bob.WantCopy(QoS1, topic, tick.Payload))
		}
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-several-filters",
	Title:    "takes several Topic Filters in one SUBSCRIBE like several SUBSCRIBEs, and answers with one SUBACK",
	Rules:    Rules{V311: "MQTT-3.8.4-4 MQTT-3.8.4-5 MQTT-3.8.4-3", V5: "MQTT-3.8.4-5 MQTT-3.8.4-6 MQTT-3.8.4-3"},
	CaughtBy: Faults{fault.AnswersEachFilter, fault.TakesFirstFilterOnly},
	Body: func(x *Exchange) {
		qos := x.UpTo(QoS1)
		x.Cases(
			Case{Name: "different filters", Body: func(x *Exchange) {
				bob := x.Connect(Clean, As("bob"))
				first, second, third := x.Topic("first"), x.Topic("second"), x.Topic("third")

				subscribe := bob.NewSubscribe(qos, first, second, third)
				bob.Send(subscribe)

				wantGranted(x, bob, subscribe)
				alice := x.Connect(Clean, As("alice"))
				alice.Publish(qos, first, "1")
				alice.Publish(qos, second, "2")
				alice.Publish(qos, third, "3")
				bob.WantUnordered(Message{Topic: first, Payload: "1"}, Message{Topic: second, Payload: "2"}, Message{Topic: third, Payload: "3"})
			}},
			Case{Name: "the same filter twice", Body: func(x *Exchange) {
				bob := x.Connect(Clean, As("bob"))
				topic := x.Topic("news")

				subscribe := &codec.Subscribe{PacketID: bob.PacketID(), Subscriptions: []codec.Subscription{
					{Filter: topic, QoS: QoS0}, {Filter: topic, QoS: qos},
				}}
				bob.Send(subscribe)

				granted := wantGranted(x, bob, subscribe)
				// The second has replaced the first (MQTT-3.8.4-3).
				x.About("MQTT-3.8.4-3")
				alice := x.Connect(Clean, As("alice"))
				alice.Publish(QoS0, topic, "once")
				wantOneCopy(x, bob, Message{Topic: topic, Payload: "once"}, alice.Marker(QoS0, topic))
				alice.Publish(qos, topic, "as granted last")
				message := bob.TakePublish(topic, "as granted last")
				x.Controlled(
					func() { x.Expect(message.QoS).To(Equal(min(qos, granted[1])), "QoS") },
					func() { standsOnGrantedQoS(x, qos, qos) },
				)
			}},
		)
	},
})

// wantGranted wants one SUBACK with one code for each Topic Filter of a SUBSCRIBE.
// Where one of them refuses, the check does not apply.
func wantGranted(x *Exchange, c *Client, subscribe *codec.Subscribe) (granted []codec.QoS) {
	x.About(oneByOne[x.Version])
	suback := c.WantAnySuback(subscribe.PacketID)
	c.WantIdle()
	x.About(codePerFilter[x.Version])
	x.Expect(suback.Codes).To(HaveLen(len(subscribe.Subscriptions)), "SUBACK codes")
	for _, code := range suback.Codes {
		if code.IsError() {
			x.Inapplicable("the broker refuses the subscription: %s", suback)
		}
		granted = append(granted, codec.QoS(code))
	}
	x.About(oneByOne[x.Version])
	return granted
}

// wantOneCopy is wantOnce where two copies may come of two subscriptions: where one
// alone brings two as well, that is for qos0-once.
func wantOneCopy(x *Exchange, c *Client, message, marker Message) {
	x.Controlled(func() { wantOnce(x, c, message, marker) }, func() {
		x.StandsOn(stepOnce, func() {
			topic := x.Topic("alone")
			single := x.Connect(Clean, As("single"))
			single.Subscribe(QoS0, topic)
			alone := x.Connect(Clean, As("alone"))
			alone.Publish(QoS0, topic, "once, too")
			wantOnce(x, single, Message{Topic: topic, Payload: "once, too"}, alone.Marker(QoS0, topic))
		})
	})
}

var _ = Check(Definition{
	Slug:     "subscribe-every-client",
	Title:    "adds a message to the session of every client with a matching subscription",
	Rules:    Rules{V311: "MQTT-4.5.0-1", V5: "MQTT-4.5.0-1 5.0/4.8.1/every-subscriber"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.DeliversToOneOnly},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		absent := x.Connect(Persistent, As("absent"))
		absent.Subscribe(QoS1, topic)
		absent.Disconnect()
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)
		carol := x.Connect(Clean, As("carol"))
		carol.Subscribe(QoS1, topic)
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(QoS1, topic)

		alice.Publish(QoS1, topic, "for everyone")

		bob.WantDelivery(topic, "for everyone")
		carol.WantDelivery(topic, "for everyone")
		alice.WantDelivery(topic, "for everyone")
		absent = x.Connect(Persistent, As("absent"))
		x.Controlled(func() { absent.WantDelivery(topic, "for everyone") }, func() { standsOnQueue(x, QoS1) })
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-every-client-for-itself",
	Title:    "delivers a message to each subscriber as that one has asked for it: QoS, RETAIN and Subscription Identifier",
	Rules:    Rules{V311: "3.1.1/4.3/clients-independent", V5: "5.0/4.3/clients-independent"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.SendsAllTheSame},
	Body: func(x *Exchange) {
		everyone := []subscription{{"bob", QoS0, false, 0}, {"carol", QoS1, false, 0}, {"dave", QoS2, false, 0}}
		_, retainsNothing := x.Profile.Lacks(Retain)
		if x.Version == V5 {
			everyone[2].retainAsPublished = !retainsNothing
			if _, lacks := x.Profile.Lacks(SubscriptionIdentifiers); !lacks {
				everyone = append(everyone, subscription{"erin", QoS0, false, 7})
			}
		}
		reversed := slices.Clone(everyone)
		slices.Reverse(reversed)
		Each(x, []named[[]subscription]{{"bob first", everyone}, {"bob last", reversed}}, named[[]subscription].label, func(x *Exchange, row named[[]subscription]) {
			topic, qos := x.Topic("news"), x.UpTo(QoS2)
			clients := map[string]*Client{}
			for _, s := range row.value {
				clients[s.name] = x.Connect(Clean, As(s.name))
				clients[s.name].SubscribeUpTo(s.packet(clients[s.name], topic))
				clients[s.name].SubscribeUpTo(s.packet(clients[s.name], topic+"/"+s.name))
				clients[s.name].FinishSubscribing()
			}
			alice := x.Connect(Clean, As("alice"))
			retained := func(p *codec.Publish) { p.Retain = !retainsNothing }

			// As each of them gets a message of its own, so it gets one of everybody's.
			alone := map[string]asReceived{}
			for _, s := range row.value {
				alice.Publish(qos, topic+"/"+s.name, "hello", retained)
				alone[s.name] = received(clients[s.name].TakeDelivery(topic+"/"+s.name, "hello"))
			}
			alice.Publish(qos, topic, "hello", retained)

			for _, s := range row.value {
				message := clients[s.name].WantPublish(topic, "hello")
				x.Expect(received(message)).To(Equal(alone[s.name]), "QoS, RETAIN and Subscription Identifiers of the message to "+s.name)
			}
		})
	},
})

// subscription is a client with what it asks for.
type subscription struct {
	name              string
	qos               codec.QoS
	retainAsPublished bool
	identifier        uint32 // 0 is none
}

func (s subscription) packet(c *Client, filter string) *codec.Subscribe {
	p := c.NewSubscribe(s.qos, filter)
	p.Subscriptions[0].RetainAsPublished = s.retainAsPublished
	if s.identifier > 0 {
		p.Properties = codec.Properties{codec.SubscriptionIdentifier(s.identifier)}
	}
	return p
}

// asReceived is how a message has come to a subscriber.
type asReceived struct {
	qos         codec.QoS
	retain      bool
	identifiers []uint32
}

func received(p *codec.Publish) asReceived { return asReceived{p.QoS, p.Retain, identifiers(p)} }

var _ = Check(Definition{
	Slug:  "subscribe-overlapping",
	Title: "delivers a message that matches several subscriptions of a client at the highest QoS granted to them",
	Rules: Rules{V311: "MQTT-3.3.5-1", V5: "MQTT-3.3.4-2"},
	Why: "Sections 3.3.5 of 3.1.1 and 3.3.4 of 5.0 demand the highest QoS of the matching subscriptions; " +
		"other copies may come beside that one only. mosquitto 2.0.11 goes in 3.1.1, where it sends one " +
		"copy, by the subscription that it comes upon first.",
	Needs:    Needs{Wildcards, AtLeastOnce},
	CaughtBy: Faults{fault.LowersQoS},
	Body: func(x *Exchange) {
		x.Decides(StepGrantedQoS)
		Each(x, overlaps, overlap.String, func(x *Exchange, o overlap) {
			topic := x.Topic("sport/tennis")
			bob := x.Connect(Clean, As("bob"))
			granted := bob.SubscribeUpTo(&codec.Subscribe{PacketID: bob.PacketID(), Subscriptions: []codec.Subscription{
				{Filter: topic, QoS: x.UpTo(o.exact)},
				{Filter: x.Topic("sport/+"), QoS: x.UpTo(o.plus)},
				{Filter: x.Topic("sport/#"), QoS: x.UpTo(o.hash)},
			}})

			x.Connect(Clean, As("alice")).Publish(x.UpTo(QoS2), topic, "ace")

			bob.WantCopy(min(x.UpTo(QoS2), slices.Max(granted)), topic, "ace")
		})
	},
})

// overlap is what is requested for three subscriptions that match one topic.
type overlap struct{ exact, plus, hash codec.QoS }

// overlaps have the highest QoS in each place: in that of the filter itself, of
// the one with + and of the one with #.
var overlaps = []overlap{{QoS2, QoS1, QoS0}, {QoS0, QoS2, QoS1}, {QoS0, QoS1, QoS2}}

func (o overlap) String() string {
	return fmt.Sprintf("topic at QoS %d, + at QoS %d, # at QoS %d", o.exact, o.plus, o.hash)
}

var _ = Check(Definition{
	Slug:     "subscribe-reserved-flags",
	Title:    "closes the connection on a SUBSCRIBE whose reserved flags are not 0010",
	Rules:    Rules{V311: "MQTT-3.8.1-1", V5: "MQTT-3.8.1-1"},
	CaughtBy: Faults{fault.IgnoresSubscribeFlags},
	Body: func(x *Exchange) {
		Each(x, wrongFlags, flagsName, func(x *Exchange, flags byte) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(alice.NewSubscribe(QoS0, x.Topic("news")), codec.Flags(flags)))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-empty",
	Title:    "closes the connection on a SUBSCRIBE without a Topic Filter",
	Rules:    Rules{V311: "MQTT-3.8.3-3 MQTT-4.8.0-1", V5: "MQTT-3.8.3-2"},
	CaughtBy: Faults{fault.IgnoresEmptySubscribe},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(alice.NewSubscribe(QoS0)))

		alice.WantClosed()
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-qos-3",
	Title:    "closes the connection on a SUBSCRIBE that requests QoS 3",
	Rules:    Rules{V311: "3.1.1/3.8.3/reserved-bits", V5: "5.0/3.8.3.1/maximum-qos-value"},
	CaughtBy: Faults{fault.IgnoresWrongOptions},
	Body: func(x *Exchange) {
		wrongOptions(x, 3)
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-reserved-bits",
	Title:    "closes the connection on a SUBSCRIBE with reserved bits beside a Requested QoS",
	Rules:    Rules{V311: "3.1.1/3.8.3/reserved-bits"},
	CaughtBy: Faults{fault.IgnoresWrongOptions},
	Body: func(x *Exchange) {
		wrongOptions(x, 1<<2, 1<<3, 1<<4, 1<<5, 1<<6, 1<<7, 0xFF&^3)
	},
})

// reservedOptions are the bits of the Subscription Options (5.0) that are reserved.
const reservedOptions = 1<<6 | 1<<7

// wrongOptions wants the connection closed for each of these bytes behind a
// Topic Filter, behind the first and behind the last.
func wrongOptions(x *Exchange, bytes ...byte) {
	type row struct {
		field string
		bits  byte
	}
	var rows []row
	for _, bits := range bytes {
		rows = append(rows, row{"Subscription Options", bits}, row{"Subscription Options[1]", bits})
	}
	Each(x, rows, func(r row) string { return fmt.Sprintf("%s %08b", r.field, r.bits) }, func(x *Exchange, r row) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(alice.NewSubscribe(QoS0, x.Topic("first"), x.Topic("second")), codec.Set(r.field, r.bits)))

		alice.WantClosed()
	})
}

var _ = Check(Definition{
	Slug:     "subscribe-wildcards-refused",
	Title:    "refuses Topic Filters with wildcards if it does not serve them",
	Rules:    Rules{V311: "MQTT-3.8.3-2"},
	CaughtBy: Faults{fault.GrantsWildcardsInVain},
	Body: func(x *Exchange) {
		x.Decides(StepWildcards)
		Each(x, []string{"sport/+", "sport/#", "+/tennis"}, textName, func(x *Exchange, filter string) {
			topic := x.Topic("sport/tennis")
			bob := x.Connect(Clean, As("bob"))
			subscribe := bob.NewSubscribe(QoS0, x.Topic(filter))
			bob.Send(subscribe)
			bob.PingOrClosed()

			// Either way keeps the rule; to grant them in vain does not.
			if bob.Refusal(subscribe.PacketID) == "" && !slices.ContainsFunc(bob.WantSuback(subscribe.PacketID).Codes, codec.ReasonCode.IsError) {
				x.Connect(Clean, As("alice")).Publish(QoS0, topic, "ace")
				bob.WantDelivery(topic, "ace")
			}
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribe-wildcards-supported",
	Title:    "grants subscriptions with wildcards",
	Rules:    Rules{V311: "3.1.1/3.8.3/wildcards-supported"},
	CaughtBy: Faults{fault.RefusesWildcards},
	Body: func(x *Exchange) {
		Each(x, []string{"sport/+", "sport/#", "+/tennis"}, textName, func(x *Exchange, filter string) {
			bob := x.Connect(Clean, As("bob"))
			subscribe := bob.NewSubscribe(QoS0, x.Topic(filter))
			bob.Send(subscribe)

			suback := bob.WantSuback(subscribe.PacketID)

			x.Expect(suback.Codes).To(HaveExactElements(BeNumerically("<", codec.SubackFailure)), "SUBACK codes")
		})
	},
})
