package suites

import (
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Handling errors (section 4.8 of 3.1.1, 4.13 of 5.0): that the broker closes the
// connection, what it says about the error, and whom it does not concern. The
// errors themselves have their checks where the rules are that they break; here
// stand a few of each class.

// A violation is a packet that no server may tolerate, from a client that is
// connected.
type violation struct {
	name   string
	packet func(x *Exchange, c *Client) codec.Packet
	reason codec.ReasonCode // that fits (5.0)
}

// malformedPackets are packets that cannot be parsed.
var malformedPackets = []violation{
	{"PUBLISH with both QoS bits", func(x *Exchange, c *Client) codec.Packet {
		return codec.Wrong(&codec.Publish{QoS: QoS1, PacketID: c.PacketID(), Topic: x.Topic("news")}, codec.Flags(publishQoS3))
	}, codec.MalformedPacket},
	{"PUBREL with the flags 0000", func(_ *Exchange, c *Client) codec.Packet {
		return codec.Wrong(&codec.Pubrel{PacketID: c.PacketID()}, codec.Flags(0x0))
	}, codec.MalformedPacket},
	{"SUBSCRIBE with reserved bits in its options", func(x *Exchange, c *Client) codec.Packet {
		return codec.Wrong(c.NewSubscribe(QoS0, x.Topic("news")), codec.Set("Subscription Options", reservedOptions))
	}, codec.MalformedPacket},
	{"SUBSCRIBE that ends within its Topic Filter", func(x *Exchange, c *Client) codec.Packet {
		return codec.Wrong(c.NewSubscribe(QoS0, x.Topic("news")), codec.Truncate(3))
	}, codec.MalformedPacket},
	{"PUBLISH with an ill-formed Topic Name", func(x *Exchange, _ *Client) codec.Packet {
		return codec.Wrong(&codec.Publish{Topic: x.Topic("news")}, codec.SetString("Topic Name", x.Topic(surrogate)))
	}, codec.MalformedPacket},
}

// protocolErrors are packets that can be parsed but not be sent, or not now.
var protocolErrors = []violation{
	{"a second CONNECT", func(x *Exchange, c *Client) codec.Packet { return x.NewConnect(Clean, Identified(c.ID)) }, codec.ProtocolError},
	{"SUBSCRIBE without a Topic Filter", func(_ *Exchange, c *Client) codec.Packet {
		return codec.Wrong(&codec.Subscribe{PacketID: c.PacketID()})
	}, codec.ProtocolError},
	{"UNSUBSCRIBE without a Topic Filter", func(_ *Exchange, c *Client) codec.Packet {
		return codec.Wrong(&codec.Unsubscribe{PacketID: c.PacketID()})
	}, codec.ProtocolError},
	{"PUBLISH without a Topic Name", func(_ *Exchange, _ *Client) codec.Packet { return codec.Wrong(&codec.Publish{}) }, codec.ProtocolError},
}

// violationName names a case by the violation in it.
func violationName(v violation) string { return v.name }

// wantViolationsClosed wants the connection closed for each of these.
func wantViolationsClosed(x *Exchange, violations []violation) {
	Each(x, violations, violationName, func(x *Exchange, v violation) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(v.packet(x, alice))

		alice.WantClosed(violationReasons...)
	})
}

// violationReasons are Reason Codes that fit some of these as well as 0x81 and
// 0x82 do: how a server classes an error is no great matter.
var violationReasons = []codec.ReasonCode{codec.TopicNameInvalid, codec.TopicFilterInvalid, codec.QoSNotSupported}

var _ = Check(Definition{
	Slug:     "errors-malformed-packet",
	Title:    "closes the connection on which a malformed packet arrived",
	Rules:    Rules{V311: "MQTT-4.8.0-1", V5: "MQTT-4.13.1-1 5.0/4.13.1/malformed-packet"},
	CaughtBy: Faults{fault.IgnoresErrors},
	Body:     func(x *Exchange) { wantViolationsClosed(x, malformedPackets) },
})

var _ = Check(Definition{
	Slug:     "errors-protocol-error",
	Title:    "closes the connection on which a protocol error was committed",
	Rules:    Rules{V311: "MQTT-4.8.0-1", V5: "MQTT-4.13.1-1 5.0/4.13.1/protocol-error"},
	CaughtBy: Faults{fault.IgnoresErrors},
	Body:     func(x *Exchange) { wantViolationsClosed(x, protocolErrors) },
})

var _ = Check(Definition{
	Slug:  "errors-disconnect-reason",
	Title: "sends DISCONNECT with the Reason Code for the error before it closes the connection",
	Rules: Rules{V5: "5.0/4.13.1/disconnect-reason"},
	Why: "The SHOULD is for an error in any packet but CONNECT: \"in the case of an error in a CONNECT " +
		"packet it MAY send a CONNACK\". And the server is to \"use Reason Code 0x81 (Malformed Packet) or " +
		"0x82 (Protocol Error) unless a more specific Reason Code has been defined\" (section 4.13.1).",
	Watches:  true,
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForBusyness, fault.DisconnectsForSize},
	MendedBy: Faults{fault.MendsSilentClose},
	// mosquitto 2.0.11 says nothing about a PUBREL with the flags 0000
	Body: func(x *Exchange) {
		Each(x, slices.Concat(malformedPackets, protocolErrors[1:]), violationName, func(x *Exchange, v violation) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(v.packet(x, alice))

			alice.WantClosedWithin(x.Timeout(), violationReasons...)
			disconnect := alice.BrokerDisconnect()
			if disconnect == nil {
				alice.FailEnded("DISCONNECT " + v.reason.String())
			}
			x.Expect(disconnect.Code).To(BeElementOf(append(violationReasons, codec.MalformedPacket, codec.ProtocolError)), "the Reason Code")
		})
	},
})

var _ = Check(Definition{
	Slug:  "errors-connack-reason",
	Title: "gives the Reason Code for the error when it answers an erroneous CONNECT with CONNACK",
	Rules: Rules{V5: "5.0/4.13.1/connack-reason"},
	Why: "A CONNACK before the close is the server's choice (MAY); if there is one, it says what the error " +
		"was (section 4.13.1).",
	Watches:  true,
	CaughtBy: Faults{fault.RefusesForBusyness, fault.RefusesForSize},
	Body: func(x *Exchange) {
		alice := x.Dial("alice")

		alice.Send(connectFlagged(x, reservedFlag))

		var connack *codec.Connack
		x.StandsOn(stepReservedFlagRefused, func() { connack = alice.WantRejected() })
		if connack != nil {
			x.Expect(connack.Code).To(BeElementOf(codec.MalformedPacket, codec.ProtocolError), "the Reason Code")
		}
	},
})

var _ = Check(Definition{
	Slug:     "errors-other-sessions",
	Title:    "lets no other client suffer from the errors of one",
	Rules:    Rules{V5: "5.0/4.13.1/other-sessions"},
	CaughtBy: Faults{fault.PanicsForOne},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(x.UpTo(QoS1), topic)
		carol := x.Connect(Clean, As("carol"))
		carol.Publish(x.UpTo(QoS1), topic, "before")
		bob.TakeDelivery(topic, "before")
		for _, v := range malformedPackets {
			alice := x.Connect(Clean, As(v.name))
			alice.Send(v.packet(x, alice))
			// Whether that ends the connection is for errors-malformed-packet.
			alice.Send(&codec.Pingreq{})
			alice.AwaitEnd()
		}

		carol.Send(carol.NewPublish(x.UpTo(QoS1), topic, "still here"))

		bob.WantDelivery(topic, "still here")
	},
})

var _ = Check(Definition{
	Slug:     "errors-refusal-contained",
	Title:    "keeps the connection after an acknowledgement with an error",
	Rules:    Rules{V5: "5.0/4.13.2/refusal-contained"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.ClosesAfterRefusal},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(QoS1, topic)

		alice.Send(&codec.Pubrel{PacketID: unusedPacketID})
		pubcomp := alice.WantPubcompOrClosed(unusedPacketID)
		if pubcomp == nil {
			x.Connect(Clean, As("carol")) // so that it was the PUBREL
			x.Inapplicable("the broker closes the connection on a PUBREL with a Packet Identifier that is not in use")
		}
		if !pubcomp.Code.IsError() {
			x.Inapplicable("the broker refuses nothing: %s", pubcomp)
		}

		alice.WantPingresp()
		x.Connect(Clean, As("bob")).Publish(QoS1, topic, "hello")
		alice.TakeDelivery(topic, "hello")
	},
})

var _ = Check(Definition{
	Slug:     "errors-reason-closes",
	Title:    "closes the connection after a CONNACK or DISCONNECT with an error",
	Rules:    Rules{V5: "MQTT-4.13.2-1"},
	CaughtBy: Faults{fault.CarriesOnAfterError},
	Body: func(x *Exchange) {
		x.Decides(StepRefusalCloses, StepDisconnectCloses)
		x.Cases(
			Case{Name: "CONNACK", Body: func(x *Exchange) {
				alice := x.Dial("alice")

				alice.Send(connectFlagged(x, reservedFlag))

				alice.AwaitEnd()
				connack := alice.UnreadConnack()
				if connack == nil || !connack.Code.IsError() {
					x.StandsOn(stepReservedFlagRefused, func() { alice.WantRejected() })
					x.Inapplicable("the broker sends no CONNACK with an error; there is nothing to see")
				}
				alice.WantRejected()
			}},
			Case{Name: "DISCONNECT", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))

				alice.Send(malformedPackets[0].packet(x, alice))

				alice.AwaitEnd()
				if disconnect := alice.BrokerDisconnect(); disconnect == nil || !disconnect.Code.IsError() {
					x.StandsOn(stepQoS3Closes, func() { alice.WantClosed(violationReasons...) })
					x.Inapplicable("the broker sends no DISCONNECT with an error; there is nothing to see")
				}
				alice.WantClosed(violationReasons...)
			}},
		)
	},
})

// notBelonging are the properties that do not belong in this packet.
func notBelonging(packet codec.Type) []codec.Property {
	all := []codec.Property{
		codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(60), codec.ContentType("text"), codec.ResponseTopic("answers"),
		codec.CorrelationData("data"), codec.SubscriptionIdentifier(1), codec.SessionExpiryInterval(60), codec.AssignedClientIdentifier("alice"),
		codec.ServerKeepAlive(60), codec.AuthenticationMethod("method"), codec.AuthenticationData("data"), codec.RequestProblemInformation(1),
		codec.WillDelayInterval(1), codec.RequestResponseInformation(1), codec.ResponseInformation("answers"), codec.ServerReference("elsewhere"),
		codec.ReasonString("why"), codec.ReceiveMaximum(10), codec.TopicAliasMaximum(10), codec.TopicAlias(1), codec.MaximumQoS(QoS1),
		codec.RetainAvailable(1), codec.UserProperty("name", "value"), codec.MaximumPacketSize(1000), codec.WildcardSubscriptionAvailable(1),
		codec.SubscriptionIdentifierAvailable(1), codec.SharedSubscriptionAvailable(1),
	}
	var some []codec.Property
	for _, property := range all {
		if !codec.Belongs(property.ID, packet) {
			some = append(some, property)
		}
	}
	return some
}

var _ = Check(Definition{
	Slug:     "ack-foreign-property",
	Title:    "closes the connection on an acknowledgement with a property that does not belong there",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.IgnoresForeignProperties},
	Body: func(x *Exchange) {
		type row struct {
			sendStep
			property codec.Property
		}
		var rows []row
		for _, step := range sendStepsOf(x, acknowledgements...) {
			for _, property := range notBelonging(step.packet) {
				rows = append(rows, row{step, property})
			}
		}
		Each(x, rows, func(r row) string { return r.packet.String() + " " + r.property.ID.String() }, func(x *Exchange, r row) {
			alice, packet := r.prepare(x)
			addProperty(packet, r.property)

			alice.Send(codec.Wrong(packet))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "ack-unknown-property",
	Title:    "closes the connection on an acknowledgement with a property that 5.0 does not define",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.IgnoresForeignProperties},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, acknowledgements...), sendStepName,
			func(x *Exchange, step sendStep) {
				alice, packet := step.prepare(x)
				addProperty(packet, codec.UserProperty("name", "value"))

				alice.Send(codec.Wrong(packet, codec.Set("User Property Identifier", undefinedProperty)))

				alice.WantClosed()
			})
	},
})

var _ = Check(Definition{
	Slug:     "ack-truncated-property",
	Title:    "closes the connection on an acknowledgement with a property whose value is cut short",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-data-type"},
	CaughtBy: Faults{fault.IgnoresTruncatedProperties},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, acknowledgements...), sendStepName,
			func(x *Exchange, step sendStep) {
				alice, packet := step.prepare(x)
				addProperty(packet, codec.UserProperty("name", "value"))

				alice.Send(codec.Wrong(packet, codec.Set("User Property", 0, 4, 'n', 'a')))

				alice.WantClosed()
			})
	},
})
