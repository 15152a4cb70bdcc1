package suites

import (
	"fmt"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Flow control (5.0, sections 3.1.2.11.3, 3.3.4 and 4.9): the server as the
// sender keeps within the client's Receive Maximum; as the receiver it takes what
// its own allows and no more.

var _ = Check(Definition{
	Slug:     "receive-maximum-initial",
	Title:    "sends a client at first no more QoS 1 and QoS 2 messages than its Receive Maximum",
	Rules:    Rules{V5: "MQTT-3.3.4-9 MQTT-4.9.0-1"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.IgnoresReceiveMaximum},
	Body: func(x *Exchange) {
		flowing(x, func(x *Exchange, bob *Client, f flow) {
			x.StandsOn(f.step, bob.WantMessage)
			window := bob.WantWindow(f.most + 1)
			for _, message := range window {
				wantAboveQoS0(x, message)
			}
			x.Expect(len(window)).To(BeNumerically("<=", f.most), "messages under way at the same time")
		})
	},
})

var _ = Check(Definition{
	Slug:  "receive-maximum-kept",
	Title: "never has more QoS 1 and QoS 2 messages under way to a client than its Receive Maximum allows, and sends them all",

	// mosquitto 2.0.11 sends all the rest once the first are acknowledged; mochi
	// 2.7.9 stops sending.
	Rules:    Rules{V5: "MQTT-3.3.4-9 MQTT-4.9.0-2"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.IgnoresReceiveMaximum},
	MendedBy: Faults{fault.MendsFlowControl},
	Body:     func(x *Exchange) { flowing(x, wantWindows) },
})

var _ = Check(Definition{
	Slug:     "receive-maximum-until-pubcomp",
	Title:    "counts a QoS 2 message as under way until PUBCOMP",
	Rules:    Rules{V5: "MQTT-3.3.4-9 MQTT-4.9.0-2"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.IgnoresReceiveMaximum, fault.FreesQuotaAtPubrec},
	Body: func(x *Exchange) {
		topic := x.Topic("flow")
		bob := x.Connect(Clean, As("bob"), With(codec.ReceiveMaximum(1)))
		bob.Subscribe(QoS2, topic)
		x.Connect(Clean, As("alice")).PublishAll(QoS2, topic, "1", "2")
		id := bob.TakeNext().PacketID
		bob.Send(&codec.Pubrec{PacketID: id})
		bob.TakePubrel(id)

		bob.WantIdle()

		bob.Send(&codec.Pubcomp{PacketID: id})
		x.StandsOn(stepQuotaRestored, bob.WantMessage)
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-restored",
	Title:    "sends another message for every one that the client has completed or refused",
	Rules:    Rules{V5: "5.0/4.9/quota-restored"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.NeverFreesQuota, fault.FreesNoQuotaOnError},
	Body: func(x *Exchange) {
		type end struct {
			name string
			qos  codec.QoS
			end  func(bob *Client, id uint16)
		}
		ends := []end{
			{"PUBACK", QoS1, func(bob *Client, id uint16) { bob.Send(&codec.Puback{PacketID: id}) }},
			{"PUBACK 0x80", QoS1, func(bob *Client, id uint16) {
				bob.Send(&codec.Puback{PacketID: id, Code: codec.UnspecifiedError})
			}},
			{"PUBCOMP", QoS2, func(bob *Client, id uint16) {
				bob.Send(&codec.Pubrec{PacketID: id})
				bob.TakePubrel(id)
				bob.Send(&codec.Pubcomp{PacketID: id})
			}},
			{"PUBCOMP 0x92", QoS2, func(bob *Client, id uint16) {
				bob.Send(&codec.Pubrec{PacketID: id})
				bob.TakePubrel(id)
				bob.Send(&codec.Pubcomp{PacketID: id, Code: codec.PacketIdentifierNotFound})
			}},
			{"PUBREC 0x80", QoS2, func(bob *Client, id uint16) {
				bob.Send(&codec.Pubrec{PacketID: id, Code: codec.UnspecifiedError})
			}},
		}
		var cases []Case
		for _, end := range ends {
			if end.qos > x.Profile.MaximumQoS() {
				continue
			}
			cases = append(cases, Case{Name: end.name, Body: func(x *Exchange) {
				topic := x.Topic("flow")
				bob := x.Connect(Clean, As("bob"), With(codec.ReceiveMaximum(1)))
				bob.Subscribe(end.qos, topic)
				x.Connect(Clean, As("alice")).PublishAll(end.qos, topic, "1", "2", "3")

				end.end(bob, bob.TakeNext().PacketID)
				bob.WantMessage()
				end.end(bob, bob.TakeNext().PacketID)

				bob.WantMessage()
			}})
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-others-go-on",
	Title:    "answers every other packet of a client whose Receive Maximum is used up",
	Rules:    Rules{V5: "MQTT-3.3.4-10 MQTT-4.9.0-3"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.WaitsForAcknowledgement},
	Body: func(x *Exchange) {
		usedUp := func(x *Exchange) *Client {
			bob := x.Connect(Clean, As("bob"), With(codec.ReceiveMaximum(1)))
			bob.Subscribe(QoS1, x.Topic("flow"))
			x.Connect(Clean, As("alice")).PublishAll(QoS1, x.Topic("flow"), "1", "2")
			bob.TakeNext()
			return bob
		}
		cases := []Case{
			{Name: "PINGREQ", Body: func(x *Exchange) {
				bob := usedUp(x)
				x.Decides(StepPing)
				x.Controlled(bob.WantAlive, func() {
					x.Decides()
					x.Connect(Clean, As("carol")).WantAlive()
				})
			}},
			{Name: "SUBSCRIBE", Body: func(x *Exchange) {
				bob := usedUp(x)
				bob.Send(&codec.Subscribe{PacketID: farPacketID, Subscriptions: []codec.Subscription{{Filter: x.Topic("other")}}})
				x.Controlled(
					func() { bob.WantSuback(farPacketID) },
					func() { x.Connect(Clean, As("carol")).Subscribe(QoS0, x.Topic("other")) },
				)
			}},
			{Name: "UNSUBSCRIBE", Body: func(x *Exchange) {
				bob := usedUp(x)
				bob.Send(&codec.Unsubscribe{PacketID: farPacketID, Filters: []string{x.Topic("other")}})
				x.Controlled(
					func() { bob.WantUnsuback(farPacketID) },
					func() { x.Connect(Clean, As("carol")).Unsubscribe(x.Topic("other")) },
				)
			}},
			{Name: "PUBLISH QoS 1", Body: func(x *Exchange) {
				bob := usedUp(x)
				bob.Send(&codec.Publish{QoS: QoS1, PacketID: farPacketID, Topic: x.Topic("other"), Payload: "hello"})
				bob.WantPuback(farPacketID)
			}},
		}
		if x.Profile.MaximumQoS() == QoS2 {
			cases = append(cases, Case{Name: "PUBLISH QoS 2", Body: func(x *Exchange) {
				bob := usedUp(x)
				bob.Send(&codec.Publish{QoS: QoS2, PacketID: farPacketID, Topic: x.Topic("other"), Payload: "hello"})
				bob.WantPubrec(farPacketID)
				bob.Send(&codec.Pubrel{PacketID: farPacketID})
				bob.WantPubcomp(farPacketID)
			}})
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-of-one-client",
	Title:    "goes on with the other subscribers and with the publisher when one subscriber's Receive Maximum is used up",
	Rules:    Rules{V5: "5.0/4.3/clients-independent"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.WaitsForSlowest, fault.AnswersWhenAllHave},
	Body: func(x *Exchange) {
		topic := x.Topic("flow")
		bob := x.Connect(Clean, As("bob"), With(codec.ReceiveMaximum(1)))
		bob.Subscribe(QoS1, topic)
		carol := x.Connect(Clean, As("carol"))
		carol.Subscribe(QoS1, topic)
		alice := x.Connect(Clean, As("alice"))
		standsOnDelivery(x, QoS1)

		// bob acknowledges nothing.
		var messages []Message
		x.Uncontrolled(func() {
			for _, payload := range numbered(20) {
				message := alice.NewPublish(QoS1, topic, payload)
				alice.Send(message)
				alice.WantPuback(message.PacketID)
				messages = append(messages, Message{Topic: topic, Payload: payload})
			}
			carol.WantUnordered(messages...)
		})
	},
})

var _ = Check(Definition{
	Slug:  "receive-maximum-afresh",
	Title: "starts each connection with the Receive Maximum of its CONNECT, whatever was under way before",
	Rules: Rules{V5: "5.0/4.9/quota-not-kept MQTT-3.3.4-9"},
	Needs: Needs{AtLeastOnce},

	// mosquitto 2.0.11 and mochi 2.7.9 resend everything at once.
	CaughtBy: Faults{fault.KeepsQuota, fault.KeepsReceiveMaximum},
	MendedBy: Faults{fault.MendsFlowControl},
	Body: func(x *Exchange) {
		Each(x, []struct{ before, after uint16 }{{1, 1}, {5, 1}}, func(c struct{ before, after uint16 }) string {
			return fmt.Sprintf("%d, then %d", c.before, c.after)
		}, func(x *Exchange, c struct{ before, after uint16 }) {
			topic := x.Topic("flow")
			bob := x.Connect(Persistent, As("bob"), With(codec.ReceiveMaximum(c.before)))
			bob.Subscribe(QoS1, topic)
			x.Connect(Clean, As("alice")).PublishAll(QoS1, topic, numbered(5)...)
			x.StandsOn(StepDeliver, func() { bob.WantWindow(int(c.before)) }) // and none of it acknowledged
			bob.Drop()

			bob = x.Connect(Persistent, As("bob"), With(codec.ReceiveMaximum(c.after)))

			x.About("5.0/4.9/quota-not-kept")
			inKeptSession(x, bob, topic, func() {
				x.Controlled(bob.WantMessage, func() { standsOnResending(x, QoS1) })
			})
			wantWindows(x, bob, flow{QoS1, topic, StepDeliver, 5, int(c.after)})
		})
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-afresh-pubrel",
	Title:    "takes the PUBCOMP for a PUBREL that it sent again for no room beyond the Receive Maximum of the new connection",
	Rules:    Rules{V5: "5.0/4.9/quota-not-exceeded MQTT-3.3.4-9"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.RaisesQuota},
	Body: func(x *Exchange) {
		topic := x.Topic("flow")
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(QoS2, topic)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS2, topic, "before")
		id := takeAt(x, bob, QoS2, topic, "before").PacketID
		bob.Send(&codec.Pubrec{PacketID: id})
		bob.TakePubrel(id)
		bob.Drop()
		bob = x.Connect(Persistent, As("bob"), With(codec.ReceiveMaximum(1)))
		x.StandsOn(stepResentQoS2, func() { bob.WantPubrel(id) })

		bob.Send(&codec.Pubcomp{PacketID: id})
		bob.WantPingresp()

		alice.PublishAll(QoS1, topic, "1", "2")
		wantWindows(x, bob, flow{QoS1, topic, StepDeliver, 2, 1})
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-used-up",
	Title:    "takes as many unfinished QoS 2 messages as its Receive Maximum allows, and answers everything else meanwhile",
	Rules:    Rules{V5: "MQTT-4.9.0-3 MQTT-4.3.3-8"},
	Needs:    Needs{ExactlyOnce, SmallReceiveMaximum},
	CaughtBy: Faults{fault.BearsOneLess},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		ids := unfinished(x, alice, int(x.Profile.Number(codec.PropReceiveMaximum, 65535)))
		x.About("MQTT-4.9.0-3")
		alice.Send(&codec.Subscribe{PacketID: farPacketID, Subscriptions: []codec.Subscription{{Filter: x.Topic("other")}}})
		alice.WantSuback(farPacketID)
		alice.WantPingresp()

		completed(x, alice, ids)
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-large",
	Title:    "takes as many unfinished QoS 2 messages as its Receive Maximum allows, or two thousand where it allows more",
	Rules:    Rules{V5: "5.0/3.2.2.3.3/receive-maximum-borne"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.BearsAHundred},
	Body: func(x *Exchange) {
		n := min(x.Profile.Number(codec.PropReceiveMaximum, 65535), 2000)
		if n <= 100 {
			x.Inapplicable("CONNACK: Receive Maximum %d, for which there is receive-maximum-used-up", n)
		}
		alice := x.Connect(Clean, As("alice"))

		published(x, alice, int(n)) // it may refuse messages: 0x97 Quota exceeded is about those

		alice.WantPingresp()
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-available-again",
	Title:    "makes room for as many messages again when earlier ones are complete, and on a new connection",
	Rules:    Rules{V5: "5.0/4.9/quota-restored 5.0/4.9/quota-not-kept"},
	Needs:    Needs{ExactlyOnce, SmallReceiveMaximum},
	CaughtBy: Faults{fault.BearsNoMoreOnce},
	Body: func(x *Exchange) {
		most := int(x.Profile.Number(codec.PropReceiveMaximum, 65535))
		x.Cases(
			Case{Name: "after PUBCOMP", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))
				completed(x, alice, allUnfinished(x, alice))
				x.About("5.0/4.9/quota-restored")
				for range 2 {
					completed(x, alice, unfinished(x, alice, most))
				}
			}},
			Case{Name: "on a new connection", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))
				allUnfinished(x, alice)
				alice.Drop()
				alice = x.Connect(Clean, As("alice"))
				x.About("5.0/4.9/quota-not-kept")
				unfinished(x, alice, most)
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:  "receive-maximum-exceeded",
	Title: "closes the connection of a client that has more unfinished QoS 2 messages than its Receive Maximum allows",
	Rules: Rules{V5: "MQTT-3.3.4-7 MQTT-4.13.1-1"},
	Why: "\"If it receives more than Receive Maximum QoS 1 and QoS 2 PUBLISH packets where it has not sent " +
		"a PUBACK or PUBCOMP in response, the Server uses a DISCONNECT packet with Reason Code 0x93\" " +
		"(section 3.3.4), which stands in the list of the codes \"used for Malformed Packet and Protocol " +
		"Errors\" (section 4.13.1). mosquitto 2.0.11 takes one too many, and any number more.",
	Needs:    Needs{ExactlyOnce, SmallReceiveMaximum},
	CaughtBy: Faults{fault.BearsAnyNumber},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		allUnfinished(x, alice)
		alice.Send(alice.NewPublish(QoS2, x.Topic("unfinished"), "one too many"))

		alice.WantClosed(codec.ReceiveMaximumExceeded)
	},
})

var _ = Check(Definition{
	Slug:     "receive-maximum-exceeded-reason",
	Title:    "says DISCONNECT 0x93 before it closes on a client that exceeds its Receive Maximum",
	Rules:    Rules{V5: "5.0/3.3.4/receive-maximum-exceeded-reason"},
	Needs:    Needs{ExactlyOnce, SmallReceiveMaximum},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		allUnfinished(x, alice)

		alice.Send(alice.NewPublish(QoS2, x.Topic("unfinished"), "one too many"))

		x.StandsOn(stepExceededCloses, alice.WantEnd)
		alice.WantDisconnect(codec.ReceiveMaximumExceeded)
	},
})

// A flow is messages that are due to a client which takes a few at a time.
type flow struct {
	qos            codec.QoS
	topic          string // of one of them at least
	step           Step   // that they come
	messages, most int
}

// flowing shows a client with a Receive Maximum and three times as many messages
// for it, of each QoS and on each way to a subscriber.
func flowing(x *Exchange, want func(x *Exchange, bob *Client, f flow)) {
	const most, messages = 3, 9
	var cases []Case
	for _, qos := range levels(x, QoS1, QoS2) {
		cases = append(cases,
			Case{Name: qosName(qos) + ", at once", Body: func(x *Exchange) {
				bob := x.Connect(Clean, As("bob"), With(codec.ReceiveMaximum(most)))
				bob.Subscribe(qos, x.Topic("flow"))
				x.Connect(Clean, As("alice")).PublishAll(qos, x.Topic("flow"), numbered(messages)...)

				want(x, bob, flow{qos, x.Topic("flow"), StepDeliver, messages, most})
			}},
			Case{Name: qosName(qos) + ", after waiting", Body: func(x *Exchange) {
				bob := x.Connect(Persistent, As("bob"))
				bob.Subscribe(qos, x.Topic("flow"))
				bob.Disconnect()
				x.Connect(Clean, As("alice")).PublishAll(qos, x.Topic("flow"), numbered(messages)...)

				want(x, x.Connect(Persistent, As("bob"), With(codec.ReceiveMaximum(most))), flow{qos, x.Topic("flow"), stepQueued, messages, most})
			}})
		if _, lacks := x.Profile.Lacks(Retain); lacks {
			continue
		}
		cases = append(cases, Case{Name: qosName(qos) + ", retained", Body: func(x *Exchange) {
			var topics []string
			alice := x.Connect(Clean, As("alice"))
			for _, n := range numbered(messages) {
				topics = append(topics, x.Topic("flow/"+n))
				alice.Retain(qos, x.Topic("flow/"+n), n)
			}
			bob := x.Connect(Clean, As("bob"), With(codec.ReceiveMaximum(most)))
			bob.Subscribe(qos, topics...)

			want(x, bob, flow{qos, topics[0], stepRetainedOnSubscribe, messages, most})
		}})
	}
	x.Cases(cases...)
}

// wantWindows wants messages, never more than most of them ahead of their
// acknowledgements, and acknowledges them all. The broker may have fewer under way
// than it could. That they come is for others to say: where no more do, a message of
// now tells whether there is room for it. If so, the rest is lost; if not, the broker
// makes no room when a message is complete.
func wantWindows(x *Exchange, c *Client, f flow) {
	for acknowledged := 0; acknowledged < f.messages; {
		x.Controlled(func() { x.StandsOn(f.step, c.WantMessage) }, func() {
			if acknowledged > 0 && !c.Closed() {
				x.Connect(Clean, As("control")).Publish(f.qos, f.topic, "control")
				x.StandsOn(stepQuotaRestored, c.WantMessage)
			}
		})
		window := c.WantWindow(min(f.messages-acknowledged, f.most+1))
		x.About("MQTT-3.3.4-9", "MQTT-4.9.0-2", "5.0/4.9/quota-not-exceeded")
		x.Expect(len(window)).To(BeNumerically("<=", f.most), "messages under way at the same time")
		for _, message := range window {
			c.Ack(message)
		}
		acknowledged += len(window)
	}
}

// farPacketID is far from the Packet Identifiers of messages either way.
const farPacketID = 60000

// published publishes QoS 2 messages and wants a PUBREC for each, in whatever
// order, which may refuse it; it goes no further.
func published(x *Exchange, c *Client, n int) (pubrecs []*codec.Pubrec) {
	packets, unanswered := make([]codec.Packet, n), map[uint16]bool{}
	for i := range packets {
		p := c.NewPublish(QoS2, x.Topic("unfinished"), "hello")
		packets[i], unanswered[p.PacketID] = p, true
	}
	c.Send(packets...)
	for range packets {
		pubrec := Want[*codec.Pubrec](c, "PUBREC for every PUBLISH")
		pubrecs = append(pubrecs, pubrec)
		delete(unanswered, pubrec.PacketID)
	}
	x.Expect(unanswered).To(BeEmpty(), "Packet Identifiers without PUBREC")
	return pubrecs
}

// unfinished is published where no message may be refused; the Packet Identifiers
// are returned.
func unfinished(x *Exchange, c *Client, n int) (ids []uint16) {
	for _, pubrec := range published(x, c, n) {
		x.Expect(pubrec.Code.IsError()).To(BeFalse(), "PUBREC refuses the message")
		ids = append(ids, pubrec.PacketID)
	}
	return ids
}

// allUnfinished is unfinished with as many as the server's Receive Maximum, as set-up.
func allUnfinished(x *Exchange, c *Client) (ids []uint16) {
	x.StandsOn(stepUnfinishedBorne, func() { ids = unfinished(x, c, int(x.Profile.Number(codec.PropReceiveMaximum, 65535))) })
	return ids
}

// completed completes the messages that unfinished has begun. It is set-up.
func completed(x *Exchange, c *Client, ids []uint16) {
	x.StandsOn(StepPublishQoS2, func() {
		for _, id := range ids {
			c.Send(&codec.Pubrel{PacketID: id})
			c.WantPubcomp(id)
		}
	})
}
