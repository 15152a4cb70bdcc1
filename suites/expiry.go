package suites

import (
	"math"
	"time"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// Message Expiry Interval (5.0, section 3.3.2.3.3): counted down while a message
// waits, and the end of one that has waited too long.
//
// A message that must be gone has outlived its interval by times.Late.

var (
	// expired is how long a message with an interval of one second is given.
	expired = seconds(1) + times.Late + times.Overdue
	// waited is long enough for the interval to be less by one at least.
	waited = seconds(1) + times.Overdue
)

var _ = Check(Definition{
	Slug:     "expiry-queued",
	Title:    "deletes a message that has expired before its client came back, and only that",
	Rules:    Rules{V5: "MQTT-3.3.2-5"},
	Needs:    Needs{AtLeastOnce},
	Takes:    expired,
	CaughtBy: Faults{fault.NeverExpires},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("queued")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			bob.Disconnect()
			alice := x.Connect(Clean, As("alice"))
			alice.Publish(qos, topic, "for ever")
			alice.Publish(qos, topic, "for a second", Having(codec.MessageExpiryInterval(1)))
			alice.Publish(qos, topic, "for an hour", Having(codec.MessageExpiryInterval(3600)))

			x.Wait(expired)
			bob = x.Connect(Persistent, As("bob"))

			var kept []string
			marker := alice.Marker(qos, topic)
			x.StandsOn(stepSubscriptionKept, func() {
				for _, p := range bob.WantUntil(marker) {
					kept = append(kept, p.Payload)
				}
			})
			x.Expect(kept).NotTo(ContainElement("for a second"), "the messages that waited")
			x.StandsOn(stepQueued, func() { x.Expect(kept).To(ContainElements("for ever", "for an hour"), "the messages that waited") })
		})
	},
})

var _ = Check(Definition{
	Slug:     "expiry-retained",
	Title:    "discards a retained message that has expired",
	Rules:    Rules{V5: "5.0/3.3.1.3/retained-message-expires MQTT-3.3.2-5"},
	Needs:    Needs{Retain},
	Takes:    expired,
	CaughtBy: Faults{fault.NeverExpires},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("retained"), x.UpTo(QoS1)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(qos, topic, "for a second", Retained, Having(codec.MessageExpiryInterval(1)))

		x.Wait(expired)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		bob.FinishSubscribing()

		bob.WantNothingBefore(alice.Marker(qos, topic))
	},
})

var _ = Check(Definition{
	Slug:     "expiry-forwarded",
	Title:    "hands the Message Expiry Interval on with a message that did not have to wait",
	Rules:    Rules{V5: "MQTT-3.3.2-6"},
	CaughtBy: Faults{fault.DropsExpiry, fault.HalvesExpiry},
	Body: func(x *Exchange) {
		topic := x.Topic("live")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		published := time.Now()
		x.Connect(Clean, As("alice")).Publish(QoS0, topic, "hello", Having(codec.MessageExpiryInterval(1000)))

		wantCountedDown(x, bob.TakeDelivery(topic, "hello"), 1000, published, 0)
	},
})

var _ = Check(Definition{
	Slug:  "expiry-absent",
	Title: "delivers a message that has no Message Expiry Interval without one",
	Rules: Rules{V5: "5.0/3.3.2.3.3/message-expiry-interval-absent"},
	Why: "A Message Expiry Interval of the server's own tells the client that the message expires, where " +
		"\"if absent, the Application Message does not expire\" (section 3.3.2.3.3). mochi 2.7.9 adds a day " +
		"to every message.",
	CaughtBy: Faults{fault.ExpiresEveryMessage},
	Body: func(x *Exchange) {
		topic := x.Topic("lasting")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(x.UpTo(QoS1), topic)

		x.Connect(Clean, As("alice")).Publish(x.UpTo(QoS1), topic, "hello")

		x.Expect(bob.TakeDelivery(topic, "hello").Properties.Has(codec.PropMessageExpiryInterval)).To(BeFalse(), "Message Expiry Interval there")
	},
})

var _ = Check(Definition{
	Slug:  "expiry-longest",
	Title: "hands even the longest Message Expiry Interval on as it was published",
	Rules: Rules{V5: "MQTT-3.3.2-6"},
	Why: "The interval is \"set to the received value minus the time that the Application Message has been " +
		"waiting in the Server\" (section 3.3.2.3.3): there is no room for a limit of the server's own. " +
		"mochi 2.7.9 makes a day of it.",
	CaughtBy: Faults{fault.DropsExpiry, fault.HalvesExpiry},
	Body: func(x *Exchange) {
		topic := x.Topic("live")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		published := time.Now()
		x.Connect(Clean, As("alice")).Publish(QoS0, topic, "hello", Having(codec.MessageExpiryInterval(math.MaxUint32)))
		wantCountedDown(x, bob.WantDelivery(topic, "hello"), math.MaxUint32, published, 0)
	},
})

var _ = Check(Definition{
	Slug:     "expiry-held-back",
	Title:    "deletes a message that has expired before the client's Receive Maximum let it go out",
	Rules:    Rules{V5: "MQTT-3.3.2-5"},
	Needs:    Needs{AtLeastOnce},
	Takes:    expired,
	CaughtBy: Faults{fault.NeverExpires},
	Body: func(x *Exchange) {
		topic := x.Topic("held")
		bob := x.Connect(Clean, As("bob"), With(codec.ReceiveMaximum(1)))
		bob.Subscribe(QoS1, topic)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS1, topic, "under way")
		first := bob.TakePublish(topic, "under way")
		alice.Publish(QoS1, topic, "for a second", Having(codec.MessageExpiryInterval(1)))

		x.Wait(expired)
		bob.Ack(first)
		// The acknowledgement has arrived before the marker does: mosquitto
		// 2.0.11 sends nothing more after an expired message that has others
		// waiting behind it, which is no breach of this rule.
		bob.Fence()

		bob.WantNothingBefore(alice.Marker(QoS1, topic))
	},
})

var _ = Check(Definition{
	Slug:     "expiry-queued-counted-down",
	Title:    "takes the time a message waited for its client off the Message Expiry Interval",
	Rules:    Rules{V5: "MQTT-3.3.2-6"},
	Needs:    Needs{AtLeastOnce},
	Takes:    waited,
	CaughtBy: Faults{fault.DropsExpiry, fault.FreezesExpiry},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("queued")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			bob.Disconnect()
			published := time.Now()
			x.Connect(Clean, As("alice")).Publish(qos, topic, "hello", Having(codec.MessageExpiryInterval(1000)))

			x.Wait(waited)
			bob = x.Connect(Persistent, As("bob"))

			var message *codec.Publish
			x.StandsOn(stepQueued, func() { message = bob.TakeDelivery(topic, "hello") })
			wantCountedDown(x, message, 1000, published, waited)
		})
	},
})

var _ = Check(Definition{
	Slug:     "expiry-retained-counted-down",
	Title:    "takes the time a message was retained off the Message Expiry Interval",
	Rules:    Rules{V5: "MQTT-3.3.2-6"},
	Needs:    Needs{Retain, AtLeastOnce},
	Takes:    waited,
	CaughtBy: Faults{fault.DropsExpiry, fault.FreezesExpiry},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("retained"), x.UpTo(QoS1)
		published := time.Now()
		x.Connect(Clean, As("alice")).Publish(qos, topic, "hello", Retained, Having(codec.MessageExpiryInterval(1000)))

		x.Wait(waited)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)

		var message *codec.Publish
		x.StandsOn(stepRetainedOnSubscribe, func() { message = bob.TakeDelivery(topic, "hello") })
		wantCountedDown(x, message, 1000, published, waited)
	},
})

var _ = Check(Definition{
	Slug:  "expiry-not-once-sent",
	Title: "resends an unacknowledged QoS 2 PUBLISH even when its message has expired since",
	Rules: Rules{V5: "MQTT-4.3.3-7"},
	Why: "A sender \"MUST NOT apply Message expiry if a PUBLISH packet has been sent\" (section 4.3.3). " +
		"mosquitto 2.0.11 and mochi 2.7.9 delete the message all the same.",
	Needs:    Needs{ExactlyOnce},
	Takes:    expired,
	CaughtBy: Faults{fault.ForgetsUnacknowledged},
	MendedBy: Faults{fault.NeverExpires},
	Body: func(x *Exchange) {
		topic := x.Topic("sent")
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(QoS2, topic)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS2, topic, "hello", Having(codec.MessageExpiryInterval(1)))
		takeAt(x, bob, QoS2, topic, "hello")
		bob.Drop()

		x.Wait(expired)
		bob = x.Connect(Persistent, As("bob"))

		marker := alice.Marker(QoS2, topic)
		var resent []*codec.Publish
		x.StandsOn(stepSubscriptionKept, func() { resent = bob.WantUntil(marker) })
		x.Expect(resent).To(ContainElement(HaveField("Payload", "hello")), "the messages resent")
	},
})

var _ = Check(Definition{
	Slug:     "expiry-handshake-completed",
	Title:    "completes the QoS 2 handshake with the publisher after the message has expired",
	Rules:    Rules{V5: "MQTT-4.3.3-13"},
	Needs:    Needs{ExactlyOnce},
	Takes:    expired,
	CaughtBy: Faults{fault.WithholdsPubcompOfExpiring},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		publish := alice.NewPublish(QoS2, x.Topic("expired"), "hello", Having(codec.MessageExpiryInterval(1)))
		alice.Send(publish)
		alice.TakePubrec(publish.PacketID)

		x.Wait(expired)
		alice.Send(&codec.Pubrel{PacketID: publish.PacketID})

		alice.WantPubcomp(publish.PacketID)
	},
})

// wantCountedDown wants the Message Expiry Interval of a message to be what it
// was published with, less the whole seconds that it has spent at the broker:
// no less than the wait was meant to last, no more than it did last.
func wantCountedDown(x *Exchange, p *codec.Publish, interval uint32, published time.Time, wait time.Duration) {
	least := float64(interval) - math.Ceil(time.Since(published).Seconds())
	most := float64(interval) - math.Floor(wait.Seconds())
	left, ok := p.Properties.Number(codec.PropMessageExpiryInterval)
	x.Expect(ok).To(BeTrue(), "Message Expiry Interval is there")
	x.Expect(float64(left)).To(And(BeNumerically(">=", least), BeNumerically("<=", most)), "Message Expiry Interval")
}
