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

var _ = Check(Definition{
	Slug:  "well-formed-packets",
	Title: "sends nothing but packets whose fixed header and length are right",
	Rules: Rules{
		V311: "3.1.1/2.2.3/remaining-length 3.1.1/2.2.3/remaining-length-too-long 3.1.1/2.2.1/packet-type-reserved 3.1.1/2.2.1/packet-direction MQTT-2.2.2-1",
		V5:   "5.0/2.1.4/remaining-length 5.0/1.5.5/variable-byte-integer-too-long 5.0/2.1.2/packet-type-reserved 5.0/2.1.2/packet-direction MQTT-2.1.3-1",
	},
	Watches:  true,
	CaughtBy: fault.MalformedFraming,
	Body: func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
		someSubscriptions(x)
		someDisconnects(x)
	},
})

var _ = Check(Definition{
	Slug:     "wire-strings",
	Title:    "sends strings that are well-formed UTF-8 without U+0000",
	Rules:    Rules{V311: "MQTT-1.5.3-1 MQTT-1.5.3-2", V5: "MQTT-1.5.4-1 MQTT-1.5.4-2"},
	Watches:  true,
	CaughtBy: fault.MalformedStrings,
	Body: func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
	},
})

var _ = Check(Definition{
	Slug:     "wire-string-pairs",
	Title:    "sends User Properties whose name and value are both well-formed UTF-8",
	Rules:    Rules{V5: "MQTT-1.5.7-1"},
	Watches:  true,
	CaughtBy: fault.MalformedStringPair,
	Body: func(x *Exchange) {
		someMessages(x, Having(codec.UserProperty("naïve", "café")))
		x.NeedSeenProperty("User Property", codec.PropUserProperty)
	},
})

var _ = Check(Definition{
	Slug:     "wire-variable-byte-integers",
	Title:    "writes lengths in as few bytes as they take",
	Rules:    Rules{V5: "MQTT-1.5.5-1"},
	Watches:  true,
	CaughtBy: Faults{fault.PadsLengths},
	Body: func(x *Exchange) {
		someMessages(x)
		someSubscriptions(x)
	},
})

var _ = Check(Definition{
	Slug:     "wire-properties",
	Title:    "sends a Property Length, and only properties that belong to the packet, with values of their type",
	Rules:    Rules{V5: "MQTT-2.2.2-1 5.0/2.2.2.2/property-identifier 5.0/2.2.2.2/property-data-type"},
	Watches:  true,
	CaughtBy: fault.MalformedProperties,
	Body: func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
		someSubscriptions(x)
		someDisconnects(x)
	},
})

var _ = Check(Definition{
	Slug:     "wire-packet-identifiers",
	Title:    "never sends the Packet Identifier 0",
	Rules:    Rules{V311: "MQTT-2.3.1-1 MQTT-2.3.1-6 MQTT-2.3.1-7", V5: "MQTT-2.2.1-4 MQTT-2.2.1-5 MQTT-2.2.1-6"},
	Needs:    Needs{AtLeastOnce},
	Watches:  true,
	CaughtBy: fault.ZeroPacketIDs,
	Body: func(x *Exchange) {
		someMessages(x)
		someSubscriptions(x)
	},
})

var _ = Check(Definition{
	Slug:     "wire-connack",
	Title:    "sends CONNACK with a code from the list, no reserved bit, and Session Present 0 when it refuses",
	Rules:    Rules{V311: "3.1.1/3.2.2.1/reserved-flags MQTT-3.2.2-4 MQTT-3.2.2-6", V5: "MQTT-3.2.2-1 MQTT-3.2.2-6 MQTT-3.2.2-8"},
	Watches:  true,
	CaughtBy: fault.MalformedConnack,
	Body:     someConnacks,
})

var _ = Check(Definition{
	Slug:  "wire-connack-properties",
	Title: "sends each property of CONNACK at most once and with a value that it can have",
	Rules: Rules{V5: "5.0/3.2.2.3.2/session-expiry-interval-twice 5.0/3.2.2.3.3/receive-maximum-twice 5.0/3.2.2.3.3/receive-maximum-value " +
		"5.0/3.2.2.3.4/maximum-qos-twice 5.0/3.2.2.3.4/maximum-qos-value 5.0/3.2.2.3.5/retain-available-twice 5.0/3.2.2.3.5/retain-available-value " +
		"5.0/3.2.2.3.6/maximum-packet-size-twice 5.0/3.2.2.3.6/maximum-packet-size-value 5.0/3.2.2.3.7/assigned-client-identifier-twice " +
		"5.0/3.2.2.3.8/topic-alias-maximum-twice 5.0/3.2.2.3.9/reason-string-twice " +
		"5.0/3.2.2.3.11/wildcard-subscription-available-twice 5.0/3.2.2.3.11/wildcard-subscription-available-value " +
		"5.0/3.2.2.3.12/subscription-identifier-available-twice 5.0/3.2.2.3.12/subscription-identifier-available-value " +
		"5.0/3.2.2.3.13/shared-subscription-available-twice 5.0/3.2.2.3.13/shared-subscription-available-value " +
		"5.0/3.2.2.3.14/server-keep-alive-twice 5.0/3.2.2.3.15/response-information-twice 5.0/3.2.2.3.16/server-reference-twice " +
		"5.0/3.2.2.3.17/authentication-method-twice 5.0/3.2.2.3.18/authentication-data-twice"},
	Watches:          true,
	CaughtBy:         fault.MalformedConnackProperties,
	WatchedElsewhere: Rules{V5: "5.0/3.2.2.3.2/session-expiry-interval-twice"}, // session-expiry-declared-once
	Body: func(x *Exchange) {
		someConnacks(x)
		x.Connect(Clean, As("carol"), With(codec.RequestResponseInformation(1), codec.RequestProblemInformation(1)))
	},
})

var _ = Check(Definition{
	Slug:     "wire-order",
	Title:    "sends nothing before the CONNACK that accepts the connection",
	Rules:    Rules{V311: "MQTT-3.2.0-1", V5: "MQTT-3.2.0-1"},
	Watches:  true,
	CaughtBy: fault.SendsOutOfOrder,
	Body: func(x *Exchange) {
		someConnacks(x)
		someMessages(x)
	},
})

var _ = Check(Definition{
	Slug:             "wire-order-disconnect",
	Title:            "sends one CONNACK, no DISCONNECT before it, and nothing after DISCONNECT",
	Rules:            Rules{V5: "MQTT-3.2.0-2 MQTT-3.14.0-1 MQTT-3.14.4-1"},
	Watches:          true,
	CaughtBy:         fault.SendsOutOfOrderV5,
	WatchedElsewhere: Rules{V5: "MQTT-3.14.0-1 MQTT-3.14.4-1"}, // disconnect.go
	Body: func(x *Exchange) {
		someConnacks(x)
		someDisconnects(x)

		carol := x.Dial("carol")
		carol.Send(&codec.Pingreq{})
		carol.AwaitEnd()
	},
})

var _ = Check(Definition{
	Slug:  "wire-publish",
	Title: "sends PUBLISH with a valid Topic Name, QoS and DUP flag",
	Rules: Rules{
		V311: "MQTT-3.3.1-2 MQTT-3.3.1-4 MQTT-3.3.2-1 MQTT-3.3.2-2 MQTT-4.7.3-1",
		V5:   "MQTT-3.3.1-2 MQTT-3.3.1-4 MQTT-3.3.2-1 MQTT-3.3.2-2 5.0/3.3.2.1/topic-name-empty",
	},
	Watches:  true,
	CaughtBy: fault.MalformedPublish,
	Body:     func(x *Exchange) { someMessages(x) },
})

// everyPublishProperty is what a publisher can give a message.
var everyPublishProperty = Having(
	codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(60), codec.ContentType("text/plain"),
	codec.ResponseTopic("answers"), codec.CorrelationData("data"), codec.UserProperty("name", "value"),
)

var _ = Check(Definition{
	Slug:  "wire-publish-properties",
	Title: "sends PUBLISH with each property as often as it may stand there, and with a value that it can have",
	Rules: Rules{V5: "5.0/3.3.2.3.2/payload-format-indicator-value 5.0/3.3.2.3.4/topic-alias-twice MQTT-3.3.2-8 5.0/3.3.2.3.5/response-topic-twice " +
		"MQTT-3.3.2-14 MQTT-4.7.3-1 5.0/3.3.2.3.6/correlation-data-twice 5.0/3.3.2.3.8/subscription-identifier-value 5.0/3.3.2.3.9/content-type-twice"},
	Watches:  true,
	CaughtBy: fault.MalformedPublishProperties,
	Body:     func(x *Exchange) { someMessages(x, everyPublishProperty) },
})

var _ = Check(Definition{
	Slug:  "wire-publish-properties-once",
	Title: "sends PUBLISH with one Payload Format Indicator and one Message Expiry Interval at most",
	Rules: Rules{V5: "5.0/3.3.2.3.2/payload-format-indicator-twice 5.0/3.3.2.3.3/message-expiry-interval-twice"},
	Why: "Sections 3.3.2.3.2 and 3.3.2.3.3 do not say that the property stands in PUBLISH once, where " +
		"those on the same properties of a Will do: so this is a warning.",
	Watches:  true,
	CaughtBy: fault.RepeatsPublishProperties,
	Body:     func(x *Exchange) { someMessages(x, everyPublishProperty) },
})

var _ = Check(Definition{
	Slug:     "wire-topic-aliases",
	Title:    "sends Topic Aliases only as far as the client allows",
	Rules:    Rules{V5: "MQTT-3.1.2-26 MQTT-3.1.2-27 MQTT-3.3.2-11"},
	Watches:  true,
	CaughtBy: fault.ExceedsTopicAliases,
	Body: func(x *Exchange) {
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
			alice.Ack(alice.TakeNext())
			bob.Ack(bob.TakeNext())
		}
	},
})

var _ = Check(Definition{
	Slug:     "wire-response-information",
	Title:    "sends no Response Information that was not requested",
	Rules:    Rules{V5: "MQTT-3.1.2-28"},
	Watches:  true,
	CaughtBy: Faults{fault.VolunteersResponseInformation},
	Body: func(x *Exchange) {
		x.Connect(Clean, As("alice"))
		x.Connect(Clean, As("bob"), With(codec.RequestResponseInformation(0)))
	},
})

var _ = Check(Definition{
	Slug:  "wire-assigned-client-identifier",
	Title: "assigns a Client Identifier to none but clients that have not named themselves",
	Rules: Rules{V5: "5.0/3.2.2.3.7/assigned-client-identifier-unasked"},
	Why: "It is \"the Client Identifier which was assigned by the Server because a zero length Client " +
		"Identifier was found in the CONNECT packet\" (section 3.2.2.3.7).",
	Watches:  true,
	CaughtBy: Faults{fault.AssignsEveryClientIdentifier},
	Body: func(x *Exchange) {
		x.Connect(Clean, As("alice"))
		x.Connect(Persistent, As("bob"))
	},
})

var _ = Check(Definition{
	Slug:     "wire-pubrel",
	Title:    "sends PUBREL with the flags 0010",
	Rules:    Rules{V311: "MQTT-3.6.1-1", V5: "MQTT-3.6.1-1"},
	Needs:    Needs{ExactlyOnce},
	Watches:  true,
	CaughtBy: Faults{fault.MalformedPubrel},
	Body:     func(x *Exchange) { someMessages(x) },
})

var _ = Check(Definition{
	Slug:  "wire-pubcomp",
	Title: "never sends PUBCOMP with the Packet Identifier 0",
	Rules: Rules{V311: "MQTT-4.3.3-2", V5: "MQTT-2.2.1-5"},
	// MQTT-2.3.1-6 of 3.1.1 leaves it out
	Needs:            Needs{ExactlyOnce},
	Watches:          true,
	CaughtBy:         Faults{fault.ZeroPubcompID},
	WatchedElsewhere: Rules{V5: "MQTT-2.2.1-5"}, // wire-packet-identifiers
	Body:             func(x *Exchange) { someMessages(x) },
})

var _ = Check(Definition{
	Slug:  "wire-acknowledgements",
	Title: "sends PUBACK, PUBREC, PUBREL and PUBCOMP with a Reason Code from their list and one Reason String at most",
	Rules: Rules{V5: "MQTT-3.4.2-1 MQTT-3.5.2-1 MQTT-3.6.2-1 MQTT-3.7.2-1 5.0/3.4.2.2.2/reason-string-twice 5.0/3.5.2.2.2/reason-string-twice " +
		"5.0/3.6.2.2.2/reason-string-twice 5.0/3.7.2.2.2/reason-string-twice"},
	Needs:    Needs{ExactlyOnce},
	Watches:  true,
	CaughtBy: fault.MalformedAcknowledgements,
	Body: func(x *Exchange) {
		// mochi 2.7.9 acknowledges a message with User Properties with 0x01,
		// which is no Reason Code of PUBACK, and sends the properties back.
		someMessages(x, Having(codec.UserProperty("name", "value")))
	},
})

var _ = Check(Definition{
	Slug:     "wire-suback",
	Title:    "sends SUBACK with codes from the list, and at least one",
	Rules:    Rules{V311: "MQTT-3.9.3-2 MQTT-3.8.4-5", V5: "MQTT-3.9.3-2 MQTT-3.8.4-6"},
	Watches:  true,
	CaughtBy: fault.MalformedSuback,
	Body:     someSubscriptions,
})

var _ = Check(Definition{
	Slug:     "wire-suback-properties",
	Title:    "sends SUBACK and UNSUBACK with one Reason String at most, and UNSUBACK with Reason Codes from the list",
	Rules:    Rules{V5: "5.0/3.9.2.1.2/reason-string-twice MQTT-3.11.3-2 5.0/3.11.2.1.2/reason-string-twice"},
	Watches:  true,
	CaughtBy: fault.MalformedSubackProperties,
	Body:     someSubscriptions,
})

var _ = Check(Definition{
	Slug:             "wire-disconnect",
	Title:            "sends DISCONNECT with a Reason Code from the server's list and with properties of a server, each once",
	Rules:            Rules{V5: "MQTT-3.14.2-1 MQTT-3.14.1-1 MQTT-3.14.2-2 5.0/3.14.2.2.3/reason-string-twice 5.0/3.14.2.2.5/server-reference-twice"},
	Watches:          true,
	CaughtBy:         fault.MalformedDisconnect,
	WatchedElsewhere: Rules{V5: "MQTT-3.14.2-1 MQTT-3.14.2-2 5.0/3.14.2.2.3/reason-string-twice 5.0/3.14.2.2.5/server-reference-twice"}, // disconnect.go
	Body: func(x *Exchange) {
		someDisconnects(x)
		x.NeedSeen(codec.DISCONNECT)
	},
})

var _ = Check(Definition{
	Slug:  "wire-auth",
	Title: "sends AUTH with a Reason Code and properties that it can have, the Authentication Method among them, each once",
	Rules: Rules{V5: "MQTT-3.15.2-1 MQTT-3.15.1-1 5.0/3.15.2.2.2/authentication-method-missing 5.0/3.15.2.2.2/authentication-method-twice " +
		"5.0/3.15.2.2.3/authentication-data-twice 5.0/3.15.2.2.4/reason-string-twice"},
	Needs:    Needs{AuthenticationMethod},
	Watches:  true,
	CaughtBy: fault.MalformedAuth,
	Body: func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		alice.TryReauthenticate(x.Proof())
	},
})

var _ = Check(Definition{
	Slug:     "wire-auth-method",
	Title:    "names the Authentication Method of CONNECT, and no other, in AUTH and in the CONNACK that accepts",
	Rules:    Rules{V5: "MQTT-4.12.0-5"},
	Needs:    Needs{AuthenticationMethod},
	Watches:  true,
	CaughtBy: Faults{fault.ForgetsMethod, fault.ChangesMethod},
	Body: func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		alice.TryReauthenticate(x.Proof())
	},
})
