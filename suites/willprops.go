package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Will Properties of 5.0 (section 3.1.3.2): those that are sent with the will
// when it is published. Will Delay Interval is in willdelay.go.

// receiveWill has the will of a client with these properties published, and is
// the PUBLISH that arrives.
func receiveWill(x *Exchange, properties ...codec.Property) *codec.Publish {
	topic := x.Topic("status")
	watcher := awaitingWill(x, x.UpTo(QoS1), topic)

	x.Connect(Clean, As("alice"), willOn(x, topic, "lost", properties...)).Drop()

	return watcher.ReceiveWill(topic, "lost")
}

var _ = Check(Definition{
	Slug:     "will-properties-forwarded",
	Title:    "publishes the Will Message with the properties that CONNECT gave it",
	Rules:    Rules{V5: "5.0/3.1.3.2/will-properties-forwarded"},
	CaughtBy: Faults{fault.DropsWillProperties},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{
			codec.PayloadFormatIndicator(1),
			codec.ContentType("text/plain; charset=utf-8"),
			codec.ResponseTopic(x.Topic("answers")),
			codec.CorrelationData("\x00\xFF binary \x80"),
			codec.UserProperty("name", "value"),
		}, propertyName, func(x *Exchange, property codec.Property) {
			message := receiveWill(x, property)

			x.Expect(message.Properties.All(property.ID)).To(Equal(codec.Properties{property}), property.ID.String())
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-user-properties-order",
	Title:    "publishes the User Properties of a Will Message in their order, repeated names too",
	Rules:    Rules{V5: "MQTT-3.1.3-10"},
	CaughtBy: Faults{fault.ReversesWillUserProperties, fault.DropsWillProperties},
	Body: func(x *Exchange) {
		properties := codec.Properties{
			codec.UserProperty("b", "1"), codec.UserProperty("a", "2"), codec.UserProperty("b", "3"),
			codec.UserProperty("", ""), codec.UserProperty("a", "2"), codec.UserProperty("c", "6"),
		}

		message := receiveWill(x, properties...)

		x.Expect(message.Properties.All(codec.PropUserProperty)).To(Equal(properties), "User Properties")
	},
})

var _ = Check(Definition{
	Slug:     "will-message-expiry",
	Title:    "publishes the Will Message with the Message Expiry Interval that CONNECT gave it, less the time it has waited",
	Rules:    Rules{V5: "5.0/3.1.3.2.4/message-expiry-interval-forwarded"},
	CaughtBy: Faults{fault.DropsWillProperties},
	Body: func(x *Exchange) {
		message := receiveWill(x, codec.MessageExpiryInterval(600))

		left, ok := message.Properties.Number(codec.PropMessageExpiryInterval)
		x.Expect(ok).To(BeTrue(), "Message Expiry Interval there")
		x.Expect(left).To(And(BeNumerically("<=", 600), BeNumerically(">", 540)), "Message Expiry Interval")
	},
})

var _ = Check(Definition{
	Slug:  "will-message-expiry-connected",
	Title: "counts the Message Expiry Interval of a Will Message from its publication, however long its client was connected",
	Rules: Rules{V5: "5.0/3.1.3.2.4/message-expiry-interval-forwarded"},
	Why: "The interval of the will is \"sent as the Publication Expiry Interval when the Server publishes " +
		"the Will Message\" (section 3.1.3.2.4): the time before that does not count.",
	CaughtBy: Faults{fault.CountsWillExpiryFromConnect},
	Takes:    seconds(3),
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := awaitingWill(x, x.UpTo(QoS1), topic)
		alice := x.Connect(Clean, As("alice"), willOn(x, topic, "lost", codec.MessageExpiryInterval(600)))

		x.Wait(seconds(3))
		alice.Drop()
		left, ok := watcher.ReceiveWill(topic, "lost").Properties.Number(codec.PropMessageExpiryInterval)
		x.Expect(ok).To(BeTrue(), "Message Expiry Interval there")
		x.Expect(left).To(And(BeNumerically("<=", 600), BeNumerically(">=", 598)), "Message Expiry Interval")
	},
})

var _ = Check(Definition{
	Slug:     "will-message-expiry-absent",
	Title:    "publishes the Will Message without Message Expiry Interval when CONNECT gave it none",
	Rules:    Rules{V5: "5.0/3.1.3.2.4/message-expiry-interval-forwarded"},
	CaughtBy: Faults{fault.ExpiresEveryWill},
	Body: func(x *Exchange) {
		message := receiveWill(x)

		x.Expect(message.Properties.Has(codec.PropMessageExpiryInterval)).To(BeFalse(), "Message Expiry Interval there")
	},
})

var _ = Check(Definition{
	Slug:  "will-property-twice",
	Title: "closes the connection when the will has a property twice that it may have once only",
	Rules: Rules{V5: "5.0/3.1.3.2.3/payload-format-indicator-twice 5.0/3.1.3.2.4/message-expiry-interval-twice " +
		"5.0/3.1.3.2.5/content-type-twice 5.0/3.1.3.2.6/response-topic-twice 5.0/3.1.3.2.7/correlation-data-twice"},
	CaughtBy: Faults{fault.TakesWillPropertyTwice},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{
			codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(600), codec.ContentType("text/plain"),
			codec.ResponseTopic(x.Topic("answers")), codec.CorrelationData("42"),
		}, propertyName, func(x *Exchange, property codec.Property) {
			wantUnacceptable(x, codec.Wrong(x.NewConnect(Clean, As("alice"), willOn(x, x.Topic("status"), "lost", property, property))))
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-property-foreign",
	Title:    "closes the connection when the will has a property that Will Messages do not have",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.TakesForeignWillProperty},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{
			codec.SessionExpiryInterval(60), codec.TopicAlias(1), codec.SubscriptionIdentifier(1), codec.ReceiveMaximum(10),
			codec.ReasonString("why"), codec.ServerReference("another"), codec.AuthenticationMethod("none"),
		}, propertyName, func(x *Exchange, property codec.Property) {
			wantUnacceptable(x, codec.Wrong(x.NewConnect(Clean, As("alice"), willOn(x, x.Topic("status"), "lost", property))))
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-property-unknown",
	Title:    "closes the connection when the will has a property that 5.0 does not define",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.TakesForeignWillProperty},
	Body: func(x *Exchange) {
		Each(x, undefinedProperties, hexName, func(x *Exchange, id byte) {
			connect := x.NewConnect(Clean, As("alice"), willOn(x, x.Topic("status"), "lost", codec.ContentType("text/plain")))
			wantUnacceptable(x, codec.Wrong(connect, codec.Set("Will Content Type Identifier", id)))
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-properties-malformed",
	Title:    "closes the connection when the Property Length of a will does not fit its properties",
	Rules:    Rules{V5: "MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.TakesUnreadableConnect},
	Body: func(x *Exchange) {
		// One property of 5 bytes, and a Will Topic that no other length could make
		// sense of.
		Each(x, []named[[]byte]{
			{"missing", nil},
			{"0 bytes for 5", []byte{0}},
			{"4 bytes for 5", []byte{4}},
			{"6 bytes for 5", []byte{6}},
			{"127 bytes", []byte{127}},
			{"a length of five bytes", []byte{0x85, 0x80, 0x80, 0x80, 0x00}},
		}, named[[]byte].label, func(x *Exchange, length named[[]byte]) {
			connect := x.NewConnect(Clean, As("alice"), willOn(x, x.Topic("status"), "lost", codec.MessageExpiryInterval(600)))
			wantUnacceptable(x, codec.Wrong(connect, codec.Set("Will Property Length", length.value...)))
		})
	},
})
