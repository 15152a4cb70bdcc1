package suites

import (
	"cmp"
	"fmt"
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Properties and Reason Codes of PUBLISH, PUBACK, PUBREC, PUBREL and PUBCOMP
// that a client sends (5.0, sections 3.3.2.3 and 3.4.2 to 3.7.2): errors, upon
// which the server closes the connection [MQTT-4.13.1-1], the forms that are left
// short, and refusals.

var _ = Check(Definition{
	Slug:  "publishprops-twice",
	Title: "closes the connection on a PUBLISH with a property that may stand there only once, twice",
	Rules: Rules{V5: "5.0/3.3.2.3.4/topic-alias-twice 5.0/3.3.2.3.5/response-topic-twice 5.0/3.3.2.3.6/correlation-data-twice 5.0/3.3.2.3.9/content-type-twice"},
	CaughtBy: Faults{
		fault.Overlooks("5.0/3.3.2.3.4/topic-alias-twice"), fault.Overlooks("5.0/3.3.2.3.5/response-topic-twice"),
		fault.Overlooks("5.0/3.3.2.3.6/correlation-data-twice"), fault.Overlooks("5.0/3.3.2.3.9/content-type-twice"),
	},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{
			codec.TopicAlias(1), codec.ResponseTopic("answers"), codec.CorrelationData("7"), codec.ContentType("text/plain"),
		}, propertyName, func(x *Exchange, property codec.Property) {
			x.About(map[codec.PropertyID]string{
				codec.PropTopicAlias: "5.0/3.3.2.3.4/topic-alias-twice", codec.PropResponseTopic: "5.0/3.3.2.3.5/response-topic-twice",
				codec.PropCorrelationData: "5.0/3.3.2.3.6/correlation-data-twice", codec.PropContentType: "5.0/3.3.2.3.9/content-type-twice",
			}[property.ID])
			// A broker without Topic Aliases may find fault with that first.
			wantPublishRefused(x, codec.Properties{property, property}, codec.TopicAliasInvalid)
		})
	},
})

var _ = Check(Definition{
	Slug:     "publishprops-twice-unstated",
	Title:    "closes the connection on a PUBLISH with two Payload Format Indicators or Message Expiry Intervals",
	Rules:    Rules{V5: "5.0/3.3.2.3.2/payload-format-indicator-twice 5.0/3.3.2.3.3/message-expiry-interval-twice"},
	CaughtBy: Faults{fault.Overlooks("5.0/3.3.2.3.2/payload-format-indicator-twice"), fault.Overlooks("5.0/3.3.2.3.3/message-expiry-interval-twice")},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(60)}, propertyName, func(x *Exchange, property codec.Property) {
			x.About(map[codec.PropertyID]string{
				codec.PropPayloadFormatIndicator: "5.0/3.3.2.3.2/payload-format-indicator-twice",
				codec.PropMessageExpiryInterval:  "5.0/3.3.2.3.3/message-expiry-interval-twice",
			}[property.ID])
			wantPublishRefused(x, codec.Properties{property, property})
		})
	},
})

// What becomes of a Payload Format Indicator other than 0 and 1 that a client
// sends is not checked: no sentence calls it a Protocol Error, as it does other
// properties of two values, and MQTT-3.3.2-4 has it handed on unaltered.

var _ = Check(Definition{
	Slug:  "publishprops-response-topic-wildcard",
	Title: "hands no Response Topic on that contains a wildcard",
	Rules: Rules{V5: "MQTT-3.3.2-14"},
	Why: "A server may not alter the Response Topic [MQTT-3.3.2-15]: it has to refuse the message. How " +
		"carefully it looks at what it gets is its own affair (section 4.13.1), but not the format of " +
		"what it sends (section 7.1.1, clause 1). mosquitto 2.0.11 hands the message on.",
	CaughtBy: Faults{fault.ForwardsWhateverComes},
	Body: func(x *Exchange) {
		Each(x, []string{"#", "+", "answers/#", "answers/+/alice", "answers+"}, textName, func(x *Exchange, topic string) {
			wantNotForwarded(x, codec.ResponseTopic(topic), func(p *codec.Publish) {
				got, _ := p.Properties.Text(codec.PropResponseTopic)
				x.Expect(got).NotTo(Equal(topic), "Response Topic")
			})
		})
	},
})

var _ = Check(Definition{
	Slug:     "publishprops-foreign",
	Title:    "closes the connection on a PUBLISH with a property that does not belong there, or that 5.0 does not define",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.Overlooks("5.0/2.2.2.2/property-identifier")},
	Body: func(x *Exchange) {
		var cases []Case
		for _, property := range []codec.Property{
			codec.SessionExpiryInterval(60), codec.AssignedClientIdentifier("alice"), codec.ServerKeepAlive(60),
			codec.AuthenticationMethod("method"), codec.AuthenticationData("data"), codec.RequestProblemInformation(1),
			codec.WillDelayInterval(1), codec.RequestResponseInformation(1), codec.ResponseInformation("answers"),
			codec.ServerReference("elsewhere"), codec.ReasonString("reason"), codec.ReceiveMaximum(10),
			codec.TopicAliasMaximum(10), codec.MaximumQoS(QoS1), codec.RetainAvailable(1), codec.MaximumPacketSize(1000),
			codec.WildcardSubscriptionAvailable(1), codec.SubscriptionIdentifierAvailable(1), codec.SharedSubscriptionAvailable(1),
		} {
			cases = append(cases, Case{Name: propertyName(property), Body: func(x *Exchange) {
				wantPublishRefused(x, codec.Properties{property})
			}})
		}
		for _, id := range undefinedProperties {
			cases = append(cases, Case{Name: hexName(id), Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))

				alice.Send(codec.Wrong(alice.NewPublish(QoS0, x.Topic("news"), "hello", Having(codec.ContentType("x"))), codec.Set("Content Type Identifier", id)))

				alice.WantClosed()
			}})
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "publishprops-truncated",
	Title:    "closes the connection on a PUBLISH with a property whose value is cut short",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-data-type"},
	CaughtBy: Faults{fault.Overlooks("5.0/2.2.2.2/property-data-type")},
	Body: func(x *Exchange) {
		type cut struct {
			property codec.Property
			value    []byte
		}
		Each(x, []named[cut]{
			{"Payload Format Indicator of none", cut{codec.PayloadFormatIndicator(1), nil}},
			{"Message Expiry Interval of 3 bytes", cut{codec.MessageExpiryInterval(60), []byte{0, 0, 0}}},
			{"Topic Alias of 1 byte", cut{codec.TopicAlias(1), []byte{0}}},
			{"Content Type longer than the properties", cut{codec.ContentType("x"), []byte{0, 5, 'x'}}},
			{"Correlation Data with half a length", cut{codec.CorrelationData("x"), []byte{0}}},
			{"User Property without a value", cut{codec.UserProperty("a", "b"), []byte{0, 1, 'a'}}},
		}, named[cut].label, func(x *Exchange, c named[cut]) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(alice.NewPublish(QoS0, x.Topic("news"), "", Having(c.value.property)), codec.Set(c.value.property.ID.String(), c.value.value...)))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "publishprops-reason",
	Title:    "says DISCONNECT 0x81 before it closes on a property that is unknown, out of place or not of its type",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-reason"},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		Each(x, []named[codec.Edit]{
			{"unknown", codec.Set("Content Type Identifier", undefinedProperty)},
			{"out of place", codec.Set("Content Type Identifier", byte(codec.PropReasonString))},
			{"not of its type", codec.Set("Content Type", 0, 5, 'x')},
		}, named[codec.Edit].label, func(x *Exchange, edit named[codec.Edit]) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(alice.NewPublish(QoS0, x.Topic("news"), "", Having(codec.ContentType("x"))), edit.value))

			alice.WantDisconnect(codec.MalformedPacket)
		})
	},
})

// acknowledgements are the packets of sections 3.4 to 3.7.
var acknowledgements = []codec.Type{codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP}

// aboutAcknowledgement says that what comes is about the statement with this end
// that the section on one of them has: each of the sections has it.
func aboutAcknowledgement(x *Exchange, t codec.Type, end string) {
	x.About(fmt.Sprintf("5.0/3.%d.%s", 4+slices.Index(acknowledgements, t), end))
}

var _ = Check(Definition{
	Slug:  "ack-reason-string-twice",
	Title: "closes the connection on an acknowledgement with two Reason Strings",
	Rules: Rules{V5: "5.0/3.4.2.2.2/reason-string-twice 5.0/3.5.2.2.2/reason-string-twice 5.0/3.6.2.2.2/reason-string-twice 5.0/3.7.2.2.2/reason-string-twice"},
	Needs: Needs{ExactlyOnce},
	CaughtBy: Faults{
		fault.Overlooks("5.0/3.4.2.2.2/reason-string-twice"), fault.Overlooks("5.0/3.5.2.2.2/reason-string-twice"),
		fault.Overlooks("5.0/3.6.2.2.2/reason-string-twice"), fault.Overlooks("5.0/3.7.2.2.2/reason-string-twice"),
	},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, acknowledgements...), sendStepName, func(x *Exchange, step sendStep) {
			alice, packet := step.prepare(x)
			aboutAcknowledgement(x, packet.Type(), "2.2.2/reason-string-twice")

			alice.Send(codec.Wrong(saying(packet, codec.Success, codec.ReasonString("one"), codec.ReasonString("two"))))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "ack-reason-code-omitted",
	Title:    "takes an acknowledgement of two bytes for a success",
	Rules:    Rules{V5: "5.0/3.4.2.1/reason-code-omitted 5.0/3.5.2.1/reason-code-omitted 5.0/3.6.2.1/reason-code-omitted 5.0/3.7.2.1/reason-code-omitted"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: fault.IgnoresShortAcknowledgements,
	Body: func(x *Exchange) {
		acknowledged(x, "2.1/reason-code-omitted", func(p codec.Packet) codec.Packet { return p }) // so the codec writes them
	},
})

var _ = Check(Definition{
	Slug:     "ack-property-length-omitted",
	Title:    "takes an acknowledgement that ends with its Reason Code for one without properties",
	Rules:    Rules{V5: "5.0/3.4.2.2.1/property-length-omitted 5.0/3.5.2.2.1/property-length-omitted 5.0/3.6.2.2.1/property-length-omitted 5.0/3.7.2.2.1/property-length-omitted"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: fault.IgnoresShortAcknowledgements,
	Body: func(x *Exchange) {
		acknowledged(x, "2.2.1/property-length-omitted", func(p codec.Packet) codec.Packet {
			return codec.Wrong(p, codec.Set("Reason Code", byte(codec.Success)), codec.Drop("Property Length"))
		})
	},
})

var _ = Check(Definition{
	Slug:     "ack-refusal-property-length-omitted",
	Title:    "reads the Reason Code of an acknowledgement that ends with it",
	Rules:    Rules{V5: "5.0/3.4.2.2.1/property-length-omitted 5.0/3.5.2.2.1/property-length-omitted 5.0/3.7.2.2.1/property-length-omitted"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.IgnoresShortPuback, fault.IgnoresShortPubcomp, fault.TakesShortPubrecForSuccess},
	Body: func(x *Exchange) {
		short := func(p codec.Packet) codec.Packet { return codec.Wrong(p, codec.Drop("Property Length")) }
		x.Cases(
			Case{Name: "PUBACK 0x80", Body: func(x *Exchange) {
				aboutAcknowledgement(x, codec.PUBACK, "2.2.1/property-length-omitted")
				asInFull(x, stepQuotaRestored, short, func(name string, form func(codec.Packet) codec.Packet, want func(func())) {
					bob, id := firstOfTwo(x, name, QoS1)
					bob.Send(form(&codec.Puback{PacketID: id, Code: codec.UnspecifiedError}))
					want(bob.WantMessage)
				})
			}},
			Case{Name: "PUBREC 0x80", Body: func(x *Exchange) {
				aboutAcknowledgement(x, codec.PUBREC, "2.2.1/property-length-omitted")
				asInFull(x, stepRefusalTaken, short, func(name string, form func(codec.Packet) codec.Packet, want func(func())) {
					bob, id := firstOfTwo(x, name, QoS2)
					bob.Send(form(&codec.Pubrec{PacketID: id, Code: codec.UnspecifiedError}))
					want(func() {
						if released := bob.Released(); released != nil { // that answers a PUBREC below 0x80
							x.Failf("no PUBREL", "%s", released)
						}
					})
				})
			}},
			Case{Name: "PUBCOMP 0x92", Body: func(x *Exchange) {
				aboutAcknowledgement(x, codec.PUBCOMP, "2.2.1/property-length-omitted")
				asInFull(x, stepQuotaRestored, short, func(name string, form func(codec.Packet) codec.Packet, want func(func())) {
					bob, id := firstOfTwo(x, name, QoS2)
					bob.Send(&codec.Pubrec{PacketID: id})
					bob.TakePubrel(id)
					bob.Send(form(&codec.Pubcomp{PacketID: id, Code: codec.PacketIdentifierNotFound}))
					want(bob.WantMessage)
				})
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "ack-user-property-repeated",
	Title:    "takes an acknowledgement with several User Properties, even of one name, and with a Reason String",
	Rules:    Rules{V5: "5.0/3.4.2.2.3/user-property-repeated 5.0/3.5.2.2.3/user-property-repeated 5.0/3.6.2.2.3/user-property-repeated 5.0/3.7.2.2.3/user-property-repeated"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: fault.IgnoresRepeatedUserProperty,
	Body: func(x *Exchange) {
		acknowledged(x, "2.2.3/user-property-repeated", func(p codec.Packet) codec.Packet {
			return saying(p, codec.Success, append([]codec.Property{codec.ReasonString("done")}, severalUserProperties...)...)
		})
	},
})

var _ = Check(Definition{
	Slug:     "ack-no-matching-subscribers",
	Title:    "acknowledges no message with 0x10 No matching subscribers that somebody has subscribed to",
	Rules:    Rules{V5: "5.0/3.4.2.1/no-matching-subscribers 5.0/3.5.2.1/no-matching-subscribers"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: fault.SeesNoSubscribers,
	Body: func(x *Exchange) {
		// The first message shows that the server, wherever the publisher is
		// connected to it, knows of the subscriber.
		known := func(x *Exchange, qos codec.QoS, how ConnectOption, filter string) (alice, bob *Client) {
			bob = x.Connect(how, As("bob"))
			bob.Subscribe(qos, filter)
			alice = x.Connect(Clean, As("alice"))
			alice.Publish(qos, x.Topic("news"), "first")
			bob.Ack(bob.TakePublish(x.Topic("news"), "first"))
			return alice, bob
		}
		wantSuccess := func(x *Exchange, qos codec.QoS, alice *Client) {
			publish := alice.NewPublish(qos, x.Topic("news"), "second")
			alice.Send(publish)
			var code codec.ReasonCode
			if qos == QoS1 {
				x.StandsOn(StepPublishQoS1, func() { code = alice.WantPuback(publish.PacketID).Code })
			} else {
				x.StandsOn(StepPublishQoS2, func() { code = alice.WantPubrec(publish.PacketID).Code })
			}
			x.Expect(code).To(Equal(codec.Success), "the Reason Code")
		}
		var cases []Case
		for _, qos := range levels(x, QoS1, QoS2) {
			cases = append(cases,
				Case{Name: qosName(qos) + ", connected", Body: func(x *Exchange) {
					alice, _ := known(x, qos, Clean, x.Topic("news"))
					wantSuccess(x, qos, alice)
				}},
				Case{Name: qosName(qos) + ", away", Body: func(x *Exchange) {
					alice, bob := known(x, qos, Persistent, x.Topic("news"))
					bob.Disconnect()
					wantSuccess(x, qos, alice)
				}})
			if _, lacks := x.Profile.Lacks(SharedSubscriptions); !lacks {
				cases = append(cases, Case{Name: qosName(qos) + ", a group of one", Body: func(x *Exchange) {
					alice, _ := known(x, qos, Clean, share(x, "workers", x.Topic("news")))
					wantSuccess(x, qos, alice)
				}})
			}
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:     "ack-refused-not-resent",
	Title:    "takes a message that the client refuses for acknowledged, and does not send it again",
	Rules:    Rules{V5: "MQTT-4.4.0-2"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ResendsAcknowledged},
	Body: func(x *Exchange) {
		var cases []Case
		for _, qos := range levels(x, QoS1, QoS2) {
			for _, code := range []codec.ReasonCode{codec.UnspecifiedError, codec.NotAuthorized, codec.QuotaExceeded, codec.PayloadFormatInvalid} {
				cases = append(cases, Case{Name: qosName(qos) + ", " + code.String(), Body: func(x *Exchange) {
					topic := x.Topic("unwanted")
					bob := x.Connect(Persistent, As("bob"))
					bob.Subscribe(qos, topic)
					alice := x.Connect(Clean, As("alice"))
					alice.Publish(qos, topic, "unwanted")
					id := takeAt(x, bob, qos, topic, "unwanted").PacketID
					if qos == QoS1 {
						bob.Send(&codec.Puback{PacketID: id, Code: code})
						bob.WantPingresp()
					} else {
						bob.Send(&codec.Pubrec{PacketID: id, Code: code})
						x.StandsOn(stepRefusalTaken, bob.WantUnreleased)
					}
					bob.Drop()

					bob = x.Connect(Persistent, As("bob"))

					bob.WantNothingBefore(alice.Marker(qos, topic))
				}})
			}
		}
		x.Cases(cases...)
	},
})

var _ = Check(Definition{
	Slug:  "pubrec-refused-unanswered",
	Title: "sends no PUBREL for a PUBREC that refuses the message",
	Rules: Rules{V5: "MQTT-4.3.3-4"},
	Why: "PUBREL is the answer to a PUBREC \"with a Reason Code value less than 0x80\" [MQTT-4.3.3-4]. One of 0x80 " +
		"or above is the end of the message, \"treated as acknowledged\" [MQTT-4.4.0-2], and its Packet Identifier free.",
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.ReleasesRefused},
	Body: func(x *Exchange) {
		Each(x, []codec.ReasonCode{codec.UnspecifiedError, codec.NotAuthorized, codec.QuotaExceeded, codec.PayloadFormatInvalid}, codec.ReasonCode.String, func(x *Exchange, code codec.ReasonCode) {
			bob, message := unacknowledged(x, QoS2)

			bob.Send(&codec.Pubrec{PacketID: message.PacketID, Code: code})

			bob.WantUnreleased()
		})
	},
})

var _ = Check(Definition{
	Slug:     "qos2-refused-identifier-reused",
	Title:    "takes a QoS 2 PUBLISH for a new message when it has refused the one before with that Packet Identifier",
	Rules:    Rules{V5: "MQTT-4.3.3-9"},
	Needs:    Needs{ExactlyOnce},
	CaughtBy: Faults{fault.IdentifiersOnlyOnce},
	Body: func(x *Exchange) {
		topic := x.Topic("allowed")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS2, topic)
		alice := x.Connect(Clean, As("alice"))
		// Of all topics, those under $SYS are the least likely to be open to clients.
		alice.Send(&codec.Publish{QoS: QoS2, PacketID: 7, Topic: "$SYS/" + topic, Payload: "refused"})
		alice.Fence() // behind which some brokers never answer
		var answer *codec.Pubrec
		instead := x.FailureOf(func() { answer = Want[*codec.Pubrec](alice, "PUBREC") })
		if answer == nil || !answer.Code.IsError() {
			x.Inapplicable("the broker does not refuse a message to $SYS by a Reason Code: %s", cmp.Or(instead, fmt.Sprint(answer)))
		}

		again := &codec.Publish{QoS: QoS2, PacketID: 7, Topic: topic, Payload: "hello"}
		alice.Send(again)
		alice.WantPubrec(7)
		alice.Send(&codec.Pubrel{PacketID: 7})
		x.StandsOn(StepPublishQoS2, func() { alice.WantPubcomp(7) })

		bob.WantDelivery(topic, "hello")
	},
})

// wantPublishRefused wants the connection closed on a QoS 0 PUBLISH with these
// properties: at QoS 1 and 2 some errors could be told in an acknowledgement.
func wantPublishRefused(x *Exchange, properties codec.Properties, reasons ...codec.ReasonCode) {
	alice := x.Connect(Clean, As("alice"))

	alice.Send(codec.Wrong(alice.NewPublish(QoS0, x.Topic("news"), "hello", Having(properties...))))

	alice.WantClosed(reasons...)
}

// wantNotForwarded publishes a message with a property that none can have, and
// wants the broker to refuse it in whatever way it likes, as long as it is not
// handed on.
func wantNotForwarded(x *Exchange, property codec.Property, want func(*codec.Publish)) {
	topic := x.Topic("news")
	bob := x.Connect(Clean, As("bob"))
	bob.Subscribe(QoS0, topic)
	alice := x.Connect(Clean, As("alice"))

	alice.Send(codec.Wrong(alice.NewPublish(QoS0, topic, "hello", Having(property))), &codec.Pingreq{})
	alice.AwaitEnd()

	var messages []*codec.Publish
	x.StandsOn(StepDeliver, func() { messages = bob.WantUntil(x.Connect(Clean, As("carol")).Marker(QoS0, topic)) })
	for _, message := range messages {
		want(message)
	}
}

// saying gives an acknowledgement a Reason Code and properties.
func saying(p codec.Packet, code codec.ReasonCode, properties ...codec.Property) codec.Packet {
	switch p := p.(type) {
	case *codec.Puback:
		return &codec.Puback{PacketID: p.PacketID, Code: code, Properties: properties}
	case *codec.Pubrec:
		return &codec.Pubrec{PacketID: p.PacketID, Code: code, Properties: properties}
	case *codec.Pubrel:
		return &codec.Pubrel{PacketID: p.PacketID, Code: code, Properties: properties}
	case *codec.Pubcomp:
		return &codec.Pubcomp{PacketID: p.PacketID, Code: code, Properties: properties}
	}
	return p
}

// severalUserProperties are several, two of which have one name and two are
// the same.
var severalUserProperties = []codec.Property{
	codec.UserProperty("name", "one"), codec.UserProperty("other", ""), codec.UserProperty("name", "two"), codec.UserProperty("name", "one"),
}

// inFull writes an acknowledgement with its Reason Code and Property Length, both
// of which could be left out.
func inFull(p codec.Packet) codec.Packet {
	if code, ok := codeOf(p); ok && code == codec.Success {
		return codec.Wrong(p, codec.Set("Reason Code", byte(codec.Success)))
	}
	return p
}

// codeOf is the Reason Code of an acknowledgement.
func codeOf(p codec.Packet) (code codec.ReasonCode, ok bool) {
	switch p := p.(type) {
	case *codec.Puback:
		return p.Code, true
	case *codec.Pubrec:
		return p.Code, true
	case *codec.Pubrel:
		return p.Code, true
	case *codec.Pubcomp:
		return p.Code, true
	}
	return 0, false
}

// firstOfTwo is a client that takes one message at a time and has been sent the
// first of two, with the Packet Identifier of that: the broker keeps to its Receive
// Maximum.
func firstOfTwo(x *Exchange, name string, qos codec.QoS) (*Client, uint16) {
	topic := x.Topic("for " + name)
	c := x.Connect(Clean, As(name), With(codec.ReceiveMaximum(1)))
	c.Subscribe(qos, topic)
	x.Connect(Clean, As("alice")).PublishAll(qos, topic, "1", "2")
	message := c.TakeNext()
	if c.WantAnotherOrIdle() != nil {
		x.StandsOn(stepReceiveMaximum, func() { x.Failf("one message under way at the same time", "two") })
	}
	return c, message.PacketID
}

// asInFull performs a flow with acknowledgements in some form, and wants them to
// bring what they bring in full: where they do not, another client tells whether
// they do then, and no control in which the acknowledgements have any form. The flow's want is about what is brought.
func asInFull(x *Exchange, step Step, form func(codec.Packet) codec.Packet, flow func(name string, form func(codec.Packet) codec.Packet, want func(func()))) {
	x.Controlled(
		func() { x.Uncontrolled(func() { flow("bob", form, func(part func()) { part() }) }) },
		func() { flow("carol", inFull, func(part func()) { x.StandsOn(step, part) }) },
	)
}

// acknowledged completes messages with one acknowledgement of each kind in some
// form, and wants what only a success brings: the next packet of the handshake,
// or the next message for a client that takes one at a time. It is about the
// statement of each with this end.
func acknowledged(x *Exchange, statement string, form func(codec.Packet) codec.Packet) {
	x.Cases(
		Case{Name: "PUBACK", Body: func(x *Exchange) {
			aboutAcknowledgement(x, codec.PUBACK, statement)
			asInFull(x, stepQuotaRestored, form, func(name string, form func(codec.Packet) codec.Packet, want func(func())) {
				bob, id := firstOfTwo(x, name, QoS1)
				bob.Send(form(&codec.Puback{PacketID: id}))
				want(bob.WantMessage)
			})
		}},
		Case{Name: "PUBREC", Body: func(x *Exchange) {
			aboutAcknowledgement(x, codec.PUBREC, statement)
			asInFull(x, StepReceiveQoS2, form, func(name string, form func(codec.Packet) codec.Packet, want func(func())) {
				bob, id := firstOfTwo(x, name, QoS2)
				bob.Send(form(&codec.Pubrec{PacketID: id}))
				want(func() { bob.WantPubrel(id) })
			})
		}},
		Case{Name: "PUBREL", Body: func(x *Exchange) {
			aboutAcknowledgement(x, codec.PUBREL, statement)
			asInFull(x, StepPublishQoS2, form, func(name string, form func(codec.Packet) codec.Packet, want func(func())) {
				c := x.Connect(Clean, As(name))
				c.Send(&codec.Publish{QoS: QoS2, PacketID: 5, Topic: x.Topic("acknowledged"), Payload: "hello"})
				c.TakePubrec(5)
				c.Send(form(&codec.Pubrel{PacketID: 5}))
				want(func() { c.WantPubcomp(5) })
			})
		}},
		Case{Name: "PUBCOMP", Body: func(x *Exchange) {
			aboutAcknowledgement(x, codec.PUBCOMP, statement)
			asInFull(x, stepQuotaRestored, form, func(name string, form func(codec.Packet) codec.Packet, want func(func())) {
				bob, id := firstOfTwo(x, name, QoS2)
				bob.Send(&codec.Pubrec{PacketID: id})
				bob.TakePubrel(id)
				bob.Send(form(&codec.Pubcomp{PacketID: id}))
				want(bob.WantMessage)
			})
		}},
	)
}
