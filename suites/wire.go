package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// The packets that the broker sends, held against the strict decoder and the
// audit of their connection (see harness/audit.go). Every exchange of the suite
// is watched that way; the checks here answer for what is found in any of them,
// and each makes the broker send the packets that it is about.
//
// A check names the statements that the decoder can name for its packets, and
// only those; codec.Statements lists them.

// someConnacks makes the broker accept one connection and refuse another.
func someConnacks(x *Exchange) {
	x.Connect(Clean, As("alice"))

	// Not by an unknown protocol level: nobody can say in which version's
	// format that is to be answered.
	refused := codec.Wrong(x.NewConnect(Persistent, As("bob")), codec.SetString("Client Identifier", ""))
	if x.Version == codec.V5 {
		refused = codec.Wrong(x.NewConnect(Clean, As("bob")), codec.Set("Connect Flags", 0x03))
	}
	bob := x.Dial("bob")
	bob.Send(refused)
	bob.AwaitEnd()
}

// someMessages makes the broker send PUBLISH at every QoS, and all that
// belongs to their delivery in both directions.
func someMessages(x *Exchange, options ...PublishOption) {
	topic := x.Topic("tour")
	alice := x.Connect(Clean, As("listener"))
	alice.Subscribe(x.UpTo(QoS2), topic)
	bob := x.Connect(Clean, As("speaker"))

	for qos := QoS0; qos <= x.UpTo(QoS2); qos++ {
		bob.Publish(qos, topic, "hello", options...)
		alice.Receive(topic, "hello")
	}

	bob.Publish(x.UpTo(QoS1), x.Topic("nobody/listens"), "hello")
}

// someSubscriptions makes the broker send SUBACK, UNSUBACK and PINGRESP.
func someSubscriptions(x *Exchange) {
	alice := x.Connect(Clean, As("subscriber"))
	alice.Subscribe(x.UpTo(QoS2), x.Topic("one"), x.Topic("two"))
	alice.Unsubscribe(x.Topic("one"), x.Topic("three"))
	alice.Ping()
}

// someDisconnects makes the broker end connections by itself: a session that
// is taken over, and a protocol error. It should send DISCONNECT in 5.0.
func someDisconnects(x *Exchange) {
	alice := x.Connect(Clean, As("displaced"))
	x.Dial("displaced").Send(x.NewConnect(Clean, As("displaced"))) // whether it is accepted does not matter here
	alice.AwaitEnd()

	bob := x.Connect(Clean, As("offender"))
	bob.Send(codec.Wrong(&codec.Publish{Topic: x.Topic("tour"), QoS: QoS1, PacketID: 1}, codec.Flags(0x6)))
	bob.AwaitEnd()
}

var _ = Check("well-formed-packets",
	"sends nothing but packets whose fixed header and length are right",
	Rules{
		V311: "3.1.1/2.2.3/remaining-length 3.1.1/2.2.3/remaining-length-too-long 3.1.1/2.2.1/packet-type-reserved 3.1.1/2.2.1/packet-direction MQTT-2.2.2-1",
		V5:   "5.0/2.1.4/remaining-length 5.0/1.5.5/variable-byte-integer-too-long 5.0/2.1.2/packet-type-reserved 5.0/2.1.2/packet-direction MQTT-2.1.3-1",
	},
	Watches,
	CaughtBy(fault.MalformedFraming),
	func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
		someSubscriptions(x)
		someDisconnects(x)
	})

var _ = Check("wire-strings",
	"sends strings that are well-formed UTF-8 without U+0000",
	Rules{V311: "MQTT-1.5.3-1 MQTT-1.5.3-2", V5: "MQTT-1.5.4-1 MQTT-1.5.4-2"},
	Watches,
	CaughtBy(fault.MalformedStrings),
	func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
	})

var _ = Check("wire-string-pairs",
	"sends User Properties whose name and value are both well-formed UTF-8",
	Rules{V5: "MQTT-1.5.7-1"},
	Watches,
	CaughtBy(fault.MalformedStringPair),
	func(x *Exchange) { someMessages(x, Having(codec.UserProperty("naïve", "café"))) })

var _ = Check("wire-variable-byte-integers",
	"writes lengths in as few bytes as they take",
	Rules{V5: "MQTT-1.5.5-1"},
	Watches,
	CaughtBy{fault.PadsLengths},
	func(x *Exchange) {
		someMessages(x)
		someSubscriptions(x)
	})

var _ = Check("wire-properties",
	"sends a Property Length, and only properties that belong to the packet, with values of their type",
	Rules{V5: "MQTT-2.2.2-1 5.0/2.2.2.2/property-identifier 5.0/2.2.2.2/property-data-type"},
	Watches,
	CaughtBy(fault.MalformedProperties),
	func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
		someSubscriptions(x)
		someDisconnects(x)
	})

var _ = Check("wire-packet-identifiers",
	"never sends the Packet Identifier 0",
	Rules{V311: "MQTT-2.3.1-1 MQTT-2.3.1-6 MQTT-2.3.1-7", V5: "MQTT-2.2.1-4 MQTT-2.2.1-5 MQTT-2.2.1-6"},
	Needs{AtLeastOnce},
	Watches,
	CaughtBy(fault.ZeroPacketIDs),
	func(x *Exchange) {
		someMessages(x)
		someSubscriptions(x)
	})

var _ = Check("wire-connack",
	"sends CONNACK with a code from the list, no reserved bit, and Session Present 0 when it refuses",
	Rules{V311: "3.1.1/3.2.2.1/reserved-flags MQTT-3.2.2-4 MQTT-3.2.2-6", V5: "MQTT-3.2.2-1 MQTT-3.2.2-6 MQTT-3.2.2-8"},
	Watches,
	CaughtBy(fault.MalformedConnack),
	someConnacks)

var _ = Check("wire-connack-properties",
	"sends each property of CONNACK at most once and with a value that it can have",
	Rules{V5: "5.0/3.2.2.3.2/session-expiry-interval-twice 5.0/3.2.2.3.3/receive-maximum-twice 5.0/3.2.2.3.3/receive-maximum-value " +
		"5.0/3.2.2.3.4/maximum-qos-twice 5.0/3.2.2.3.4/maximum-qos-value 5.0/3.2.2.3.5/retain-available-twice 5.0/3.2.2.3.5/retain-available-value " +
		"5.0/3.2.2.3.6/maximum-packet-size-twice 5.0/3.2.2.3.6/maximum-packet-size-value 5.0/3.2.2.3.7/assigned-client-identifier-twice " +
		"5.0/3.2.2.3.8/topic-alias-maximum-twice 5.0/3.2.2.3.9/reason-string-twice " +
		"5.0/3.2.2.3.11/wildcard-subscription-available-twice 5.0/3.2.2.3.11/wildcard-subscription-available-value " +
		"5.0/3.2.2.3.12/subscription-identifier-available-twice 5.0/3.2.2.3.12/subscription-identifier-available-value " +
		"5.0/3.2.2.3.13/shared-subscription-available-twice 5.0/3.2.2.3.13/shared-subscription-available-value " +
		"5.0/3.2.2.3.14/server-keep-alive-twice 5.0/3.2.2.3.15/response-information-twice 5.0/3.2.2.3.16/server-reference-twice " +
		"5.0/3.2.2.3.17/authentication-method-twice 5.0/3.2.2.3.18/authentication-data-twice"},
	Watches,
	CaughtBy(fault.MalformedConnackProperties),
	func(x *Exchange) {
		someConnacks(x)
		x.Connect(Clean, As("carol"), With(codec.RequestResponseInformation(1), codec.RequestProblemInformation(1)))
	})

var _ = Check("wire-order",
	"sends nothing before the CONNACK that accepts the connection",
	Rules{V311: "MQTT-3.2.0-1", V5: "MQTT-3.2.0-1"},
	Watches,
	CaughtBy(fault.SendsOutOfOrder),
	func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
	})

var _ = Check("wire-order-disconnect",
	"sends one CONNACK, no DISCONNECT before it, and nothing after DISCONNECT",
	Rules{V5: "MQTT-3.2.0-2 MQTT-3.14.0-1 MQTT-3.14.4-1"},
	Watches,
	CaughtBy(fault.SendsOutOfOrderV5),
	func(x *Exchange) {
		someConnacks(x)
		someDisconnects(x)

		carol := x.Dial("carol")
		carol.Send(&codec.Pingreq{})
		carol.AwaitEnd()
	})

var _ = Check("wire-publish",
	"sends PUBLISH with a valid Topic Name, QoS and DUP flag",
	Rules{
		V311: "MQTT-3.3.1-2 MQTT-3.3.1-4 MQTT-3.3.2-1 MQTT-3.3.2-2 MQTT-4.7.3-1",
		V5:   "MQTT-3.3.1-2 MQTT-3.3.1-4 MQTT-3.3.2-1 MQTT-3.3.2-2 5.0/3.3.2.1/topic-name-empty",
	},
	Watches,
	CaughtBy(fault.MalformedPublish),
	func(x *Exchange) { someMessages(x) })

// everyPublishProperty is what a publisher can give a message.
var everyPublishProperty = Having(
	codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(60), codec.ContentType("text/plain"),
	codec.ResponseTopic("answers"), codec.CorrelationData("data"), codec.UserProperty("name", "value"),
)

var _ = Check("wire-publish-properties",
	"sends PUBLISH with each property as often as it may stand there, and with a value that it can have",
	Rules{V5: "5.0/3.3.2.3.2/payload-format-indicator-value 5.0/3.3.2.3.4/topic-alias-twice MQTT-3.3.2-8 5.0/3.3.2.3.5/response-topic-twice " +
		"MQTT-3.3.2-14 MQTT-4.7.3-1 5.0/3.3.2.3.6/correlation-data-twice 5.0/3.3.2.3.8/subscription-identifier-value 5.0/3.3.2.3.9/content-type-twice"},
	Watches,
	CaughtBy(fault.MalformedPublishProperties),
	func(x *Exchange) { someMessages(x, everyPublishProperty) })

// Sections 3.3.2.3.2 and 3.3.2.3.3 do not say that the property stands in
// PUBLISH once, where those on the same properties of a Will do.
var _ = Check("wire-publish-properties-once",
	"sends PUBLISH with one Payload Format Indicator and one Message Expiry Interval at most",
	Rules{V5: "5.0/3.3.2.3.2/payload-format-indicator-twice 5.0/3.3.2.3.3/message-expiry-interval-twice"},
	Watches,
	CaughtBy(fault.RepeatsPublishProperties),
	func(x *Exchange) { someMessages(x, everyPublishProperty) })

var _ = Check("wire-topic-aliases",
	"sends Topic Aliases only as far as the client allows",
	Rules{V5: "MQTT-3.1.2-26 MQTT-3.1.2-27 MQTT-3.3.2-11"},
	Watches,
	CaughtBy(fault.ExceedsTopicAliases),
	func(x *Exchange) {
		topics := []string{x.Topic("one"), x.Topic("two"), x.Topic("three")}
		alice := x.Connect(Clean, As("alice"), With(codec.TopicAliasMaximum(2)))
		alice.Subscribe(x.UpTo(QoS1), topics...)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(x.UpTo(QoS1), topics...)
		carol := x.Connect(Clean, As("carol"))

		for _, topic := range topics {
			carol.Publish(x.UpTo(QoS1), topic, "hello")
		}

		// An alias may stand in for the topic, so only the payload is looked at.
		for range topics {
			alice.Ack(Want[*codec.Publish](alice, "a message"))
			bob.Ack(Want[*codec.Publish](bob, "a message"))
		}
	})

var _ = Check("wire-response-information",
	"sends no Response Information that was not requested",
	Rules{V5: "MQTT-3.1.2-28"},
	Watches,
	CaughtBy{fault.VolunteersResponseInformation},
	func(x *Exchange) {
		x.Connect(Clean, As("alice"))
		x.Connect(Clean, As("bob"), With(codec.RequestResponseInformation(0)))
	})

var _ = Check("wire-assigned-client-identifier",
	"assigns a Client Identifier to none but clients that have not named themselves",
	// "The Client Identifier which was assigned by the Server because a zero
	// length Client Identifier was found in the CONNECT packet" (section 3.2.2.3.7).
	Rules{V5: "5.0/3.2.2.3.7/assigned-client-identifier-unasked"},
	Watches,
	CaughtBy{fault.AssignsEveryClientIdentifier},
	func(x *Exchange) {
		x.Connect(Clean, As("alice"))
		x.Connect(Persistent, As("bob"))
	})

var _ = Check("wire-pubrel",
	"sends PUBREL with the flags 0010",
	Rules{V311: "MQTT-3.6.1-1", V5: "MQTT-3.6.1-1"},
	Needs{ExactlyOnce},
	Watches,
	CaughtBy{fault.MalformedPubrel},
	func(x *Exchange) { someMessages(x) })

var _ = Check("wire-pubcomp",
	"never sends PUBCOMP with the Packet Identifier 0",
	Rules{V311: "MQTT-4.3.3-2", V5: "MQTT-2.2.1-5"}, // MQTT-2.3.1-6 of 3.1.1 leaves it out
	Needs{ExactlyOnce},
	Watches,
	CaughtBy{fault.ZeroPubcompID},
	func(x *Exchange) { someMessages(x) })

var _ = Check("wire-acknowledgements",
	"sends PUBACK, PUBREC, PUBREL and PUBCOMP with a Reason Code from their list and one Reason String at most",
	Rules{V5: "MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-3.6.2-1 MQTT-3.7.2-1 5.0/3.4.2.2.2/reason-string-twice 5.0/3.5.2.2.2/reason-string-twice " +
		"5.0/3.6.2.2.2/reason-string-twice 5.0/3.7.2.2.2/reason-string-twice"},
	Needs{ExactlyOnce},
	Watches,
	CaughtBy(fault.MalformedAcknowledgements),
	func(x *Exchange) {
		// mochi 2.7.9 acknowledges a message with User Properties with 0x01,
		// which is no Reason Code of PUBACK, and sends the properties back.
		someMessages(x, Having(codec.UserProperty("name", "value")))
	})

var _ = Check("wire-suback",
	"sends SUBACK with codes from the list, and at least one",
	Rules{V311: "MQTT-3.9.3-2 MQTT-3.8.4-5", V5: "MQTT-3.9.3-2 MQTT-3.8.4-6"},
	Watches,
	CaughtBy(fault.MalformedSuback),
	someSubscriptions)

var _ = Check("wire-suback-properties",
	"sends SUBACK and UNSUBACK with one Reason String at most, and UNSUBACK with Reason Codes from the list",
	Rules{V5: "5.0/3.9.2.1.2/reason-string-twice MQTT-3.11.3-2 5.0/3.11.2.1.2/reason-string-twice"},
	Watches,
	CaughtBy(fault.MalformedSubackProperties),
	someSubscriptions)

var _ = Check("wire-disconnect",
	"sends DISCONNECT with a Reason Code from the server's list and with properties of a server, each once",
	Rules{V5: "MQTT-3.14.2-1 MQTT-3.14.1-1 MQTT-3.14.2-2 5.0/3.14.2.2.3/reason-string-twice 5.0/3.14.2.2.5/server-reference-twice"},
	Watches,
	CaughtBy(fault.MalformedDisconnect),
	someDisconnects)

var _ = Check("wire-auth",
	"sends AUTH with a Reason Code and properties that it can have, the Authentication Method among them, each once",
	Rules{V5: "MQTT-3.15.2-1 MQTT-3.15.1-1 5.0/3.15.2.2.2/authentication-method-missing 5.0/3.15.2.2.2/authentication-method-twice " +
		"5.0/3.15.2.2.3/authentication-data-twice 5.0/3.15.2.2.4/reason-string-twice"},
	Needs{AuthenticationMethod},
	Watches,
	CaughtBy(fault.MalformedAuth),
	func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		alice.Rechallenged(x.Proof())
	})

var _ = Check("wire-auth-method",
	"names the Authentication Method of CONNECT, and no other, in AUTH and in the CONNACK that accepts",
	Rules{V5: "MQTT-4.12.0-5"},
	Needs{AuthenticationMethod},
	Watches,
	CaughtBy{fault.ForgetsMethod, fault.ChangesMethod},
	func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		alice.Rechallenged(x.Proof())
	})
