package suites

import (
	"fmt"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// CONNECT as the packet that opens a connection (section 3.1), and the server's
// response to it (3.1.4).

var _ = Check(Definition{
	Slug:     "connect-accepted",
	Title:    "accepts a valid CONNECT with a CONNACK that says so",
	Rules:    Rules{V311: "MQTT-3.1.4-4", V5: "MQTT-3.1.4-5"},
	CaughtBy: Faults{fault.RefusesConnections},
	Body: func(x *Exchange) {
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice")))

		alice.WantAccepted()
	},
})

var _ = Check(Definition{
	Slug:     "connect-first-packet",
	Title:    "closes the connection when the first packet is not CONNECT",
	Rules:    Rules{V311: "MQTT-3.1.0-1 MQTT-4.8.0-1", V5: "MQTT-3.1.0-1"},
	CaughtBy: Faults{fault.WaitsForConnect},
	Body: func(x *Exchange) {
		Each(x, []codec.Packet{
			&codec.Publish{Topic: x.Topic("early"), Payload: "early"},
			&codec.Puback{PacketID: 1},
			&codec.Pubrec{PacketID: 1},
			&codec.Pubrel{PacketID: 1},
			&codec.Pubcomp{PacketID: 1},
			&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: x.Topic("early")}}},
			&codec.Unsubscribe{PacketID: 1, Filters: []string{x.Topic("early")}},
			&codec.Pingreq{},
			&codec.Disconnect{},
		}, packetName, func(x *Exchange, first codec.Packet) {
			alice := x.Dial("alice")

			alice.Send(first)

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "connect-second",
	Title:    "treats a second CONNECT on a connection as a protocol violation and closes it",
	Rules:    Rules{V311: "MQTT-3.1.0-2", V5: "MQTT-3.1.0-2"},
	CaughtBy: Faults{fault.IgnoresSecondConnect},
	Body: func(x *Exchange) {
		Each(x, []string{"alice", "bob"}, clientName, func(x *Exchange, second string) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(x.NewConnect(Clean, As(second)))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "connect-protocol-name",
	Title:    "does not accept a client as one of MQTT 3.1.1 when the Protocol Name is another",
	Rules:    Rules{V311: "MQTT-3.1.2-1"},
	CaughtBy: Faults{fault.AcceptsAnyProtocolName},
	Body: func(x *Exchange) {
		Each(x, unknownProtocolNames, quoted, func(x *Exchange, name string) {
			alice := x.DialForeign("alice")

			alice.Send(codec.Wrong(x.NewConnect(Clean, As("alice")), codec.SetString("Protocol Name", name)))

			// It may close the connection or go on by another specification.
			alice.WantUnaccepted()
		})
	},
})

var _ = Check(Definition{
	Slug:     "connect-protocol-name-closed",
	Title:    "closes the connection when the Protocol Name is not MQTT",
	Rules:    Rules{V5: "MQTT-3.1.2-1"},
	CaughtBy: Faults{fault.AcceptsAnyProtocolName},
	Body: func(x *Exchange) {
		Each(x, unknownProtocolNames, quoted, func(x *Exchange, name string) {
			alice := x.DialForeign("alice")

			alice.Send(codec.Wrong(x.NewConnect(Clean, As("alice")), codec.SetString("Protocol Name", name)))

			alice.WantRejected(codec.UnsupportedProtocolVersion, codec.RefusedProtocolVersion)
		})
	},
})

// unknownProtocolNames are names of no protocol. "MQIsdp", the name of MQTT
// 3.1, is not among them: a server may go on by that specification.
var unknownProtocolNames = []string{"MQTX", "mqtt", "MQTT ", "MQT", ""}

var _ = Check(Definition{
	Slug:  "connect-protocol-level",
	Title: "answers a Protocol Level that it does not support with return code 0x01 and closes the connection",
	Rules: Rules{V311: "MQTT-3.1.2-2"},
	Why: "MQTT-3.1.2-2 demands return code 0x01. A server that speaks 5.0 too may take the client for one " +
		"of a version after it, and say the same in the format of 5.0. mochi 2.7.9 answers by a CONNACK " +
		"in the format of 3.1.1 with the code 0x82, which 3.1.1 does not have.",
	CaughtBy: Faults{fault.AcceptsAnyProtocolLevel, fault.SilentAboutProtocolLevel, fault.RefusesProtocolLevelBy5},
	Body: func(x *Exchange) {
		Each(x, append([]byte{byte(V5)}, unknownProtocolLevels...), hexName, func(x *Exchange, level byte) {
			alice := x.DialForeign("alice")

			alice.Send(ofLevel(x, level))

			if level == byte(V5) && (alice.AnsweredIn(V5) || alice.Accepted()) {
				return // it supports that one, whether it accepts this client or not, and knows its format or not
			}
			alice.WantRefused(codec.RefusedProtocolVersion, codec.UnsupportedProtocolVersion)
		})
	},
})

// ofLevel is a CONNECT of a client that speaks another version: 5.0 as it is
// written there, any other in the format of this version.
func ofLevel(x *Exchange, level byte) codec.Packet {
	connect := x.NewConnect(Clean, As("alice"))
	if level == byte(V5) {
		connect.ProtocolLevel = level
		raw, err := codec.Encode(V5, codec.Client, connect)
		x.Expect(err).NotTo(HaveOccurred(), "the encoding of CONNECT")
		return codec.Raw(raw)
	}
	return codec.Wrong(connect, codec.Set("Protocol Level", level))
}

var _ = Check(Definition{
	Slug:  "connect-protocol-version-closed",
	Title: "closes the connection when the Protocol Version is one that it does not support",
	Rules: Rules{V5: "MQTT-3.1.2-2"},
	Why: "The server must close the connection. A CONNACK before that is its own choice (MAY), and one " +
		"that speaks 3.1.1 too has to send the CONNACK of that version (MQTT-3.1.2-2 of 3.1.1).",
	CaughtBy: Faults{fault.AcceptsAnyProtocolLevel},
	Body: func(x *Exchange) {
		Each(x, unknownProtocolLevels, hexName, func(x *Exchange, level byte) {
			alice := x.DialForeign("alice")

			alice.Send(codec.Wrong(x.NewConnect(Clean, As("alice")), codec.Set("Protocol Version", level)))
			alice.WantRejected(codec.UnsupportedProtocolVersion, codec.RefusedProtocolVersion)
		})
	},
})

// unknownProtocolLevels are levels of no version of MQTT, nor of the bridges
// that set bit 7 of one. 0x03 is MQTT 3.1, under another Protocol Name.
var unknownProtocolLevels = []byte{0x00, 0x01, 0x02, unknownProtocolLevel, 0x7F, 0xFF}

// unknownProtocolLevel is the one after 5.0.
const unknownProtocolLevel = 0x06

var _ = Check(Definition{
	Slug:     "connect-reserved-flag",
	Title:    "closes the connection when the reserved bit of the Connect Flags is 1",
	Rules:    Rules{V311: "MQTT-3.1.2-3", V5: "MQTT-3.1.2-3"},
	CaughtBy: Faults{fault.AcceptsReservedConnectFlag},
	Body: func(x *Exchange) {
		alice := x.Dial("alice")

		alice.Send(connectFlagged(x, reservedFlag))

		alice.WantRejected()
	},
})

var _ = Check(Definition{
	Slug:  "connect-malformed",
	Title: "closes the connection on a CONNECT that does not have the format of one",
	Rules: Rules{V311: "MQTT-3.1.4-1", V5: "MQTT-3.1.4-1"},
	Why: "A packet that does not match the format of CONNECT closes the connection [MQTT-3.1.4-1]. That " +
		"goes for a byte after the last field as well, which mochi 2.7.9 overlooks: the Remaining Length " +
		"is that of the variable header and the payload, and of nothing else (section 3.1.1).",
	CaughtBy: Faults{fault.AcceptsMalformedConnect},
	Body: func(x *Exchange) {
		Each(x, malformedConnects(x), named[codec.Packet].label, func(x *Exchange, c named[codec.Packet]) {
			alice := x.Dial("alice")

			alice.Send(c.value)

			wantFormatRejected(x, alice, codec.QoSNotSupported, codec.ClientIdentifierNotValid)
		})
	},
})

var _ = Check(Definition{
	Slug:  "connect-malformed-unanswered",
	Title: "sends no CONNACK in answer to a CONNECT that does not have the format of one",
	Rules: Rules{V311: "MQTT-3.1.4-1"},
	Why: "MQTT-3.1.4-1 of 3.1.1 has the server close the connection \"without sending a CONNACK\", and makes " +
		"no difference between the fields that are wrong. mochi 2.7.9 answers a reserved Connect Flag and " +
		"Will QoS 3 with a CONNACK that refuses the connection (and by a Reason Code of 5.0), as only 5.0 " +
		"allows.",
	CaughtBy: Faults{fault.RefusesMalformedConnect},
	Body: func(x *Exchange) {
		Each(x, malformedConnects(x), named[codec.Packet].label, func(x *Exchange, c named[codec.Packet]) {
			alice := x.Dial("alice")

			alice.Send(c.value)

			alice.AwaitEnd()
			if connack := alice.UnreadConnack(); connack != nil {
				x.Failf("the connection closed without a CONNACK", "%s", connack)
			}
			x.StandsOn(stepMalformedCloses, alice.WantEnd)
		})
	},
})

// malformedConnects are CONNECT packets whose format is not that of section
// 3.1, whatever the server makes of their content. Where the error allows it they
// have a login that the server accepts, if the target gives one.
func malformedConnects(x *Exchange) []named[codec.Packet] {
	valid := x.NewConnect(Clean, As("alice"))
	plain := x.NewConnect(Clean, As("alice"))
	plain.UserName, plain.Password = nil, nil
	full := x.NewConnect(Clean, As("alice"), AnyLogin, WithWill(codec.Will{Topic: x.Topic("will"), Payload: "gone"}))
	const fullFlags = userNameFlag | passwordFlag | willFlag | cleanStartFlag
	return []named[codec.Packet]{
		{"fixed header flags 0001", codec.Wrong(valid, codec.Flags(0x1))},
		{"reserved Connect Flag", connectFlagged(x, reservedFlag)},
		{"ends after the Protocol Name", codec.Raw("\x10\x06\x00\x04MQTT")},
		{"ends within the Keep Alive", codec.Raw("\x10\x09\x00\x04MQTT" + string([]byte{byte(x.Version), cleanStartFlag, 0}))},
		{"no Client Identifier", codec.Wrong(plain, codec.Drop("Client Identifier"))},
		{"Client Identifier longer than the packet", codec.Wrong(plain, codec.Truncate(1))},
		{"Password longer than the packet", codec.Wrong(full, codec.Truncate(1))},
		{"a byte after the last field", codec.Wrong(valid, codec.Trailing(0))},
		{"Will Flag 1 without Will Topic and Will Payload", codec.Wrong(plain, codec.Set("Connect Flags", cleanStartFlag|willFlag))},
		{"Will QoS 3", codec.Wrong(full, codec.Set("Connect Flags", fullFlags|3<<willQoSBits))},
		{"User Name Flag 1 without User Name", codec.Wrong(plain, codec.Set("Connect Flags", cleanStartFlag|userNameFlag))},
		{"Password Flag 1 without Password", codec.Wrong(full, codec.Drop("Password"))},
	}
}

var _ = Check(Definition{
	Slug:     "connect-clean-start-over-connected",
	Title:    "discards the session of a client that is still connected, or resumes it, as the CONNECT that displaces it says",
	Rules:    Rules{V311: "MQTT-3.1.4-3", V5: "MQTT-3.1.4-4"},
	CaughtBy: Faults{fault.ForgetsSessions, fault.IgnoresCleanStart},
	Body: func(x *Exchange) {
		qos := x.UpTo(QoS1)
		x.Cases(
			Case{Name: "resumed", Body: func(x *Exchange) {
				topic := x.Topic("news")
				alice := x.Connect(Persistent, As("alice"))
				alice.Subscribe(qos, topic)

				alice = x.Connect(Persistent, As("alice"))
				x.Connect(Clean, As("bob")).Publish(qos, topic, "hello")

				alice.WantDelivery(topic, "hello")
			}},
			Case{Name: "discarded", Body: func(x *Exchange) {
				topic := x.Topic("news")
				alice := x.Connect(Persistent, As("alice"))
				alice.Subscribe(qos, topic)

				alice = x.Connect(Clean, As("alice"))

				wantNotSubscribed(x, alice, topic)
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "connect-takeover",
	Title:    "disconnects a client when another connects with its Client Identifier",
	Rules:    Rules{V311: "MQTT-3.1.4-2", V5: "MQTT-3.1.4-3"},
	CaughtBy: Faults{fault.LetsTwoIn},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "clean by clean", Body: func(x *Exchange) { takeover(x, Clean, Clean) }},
			Case{Name: "clean by persistent", Body: func(x *Exchange) { takeover(x, Clean, Persistent) }},
			Case{Name: "persistent by clean", Body: func(x *Exchange) { takeover(x, Persistent, Clean) }},
			Case{Name: "persistent by persistent", Body: func(x *Exchange) { takeover(x, Persistent, Persistent) }},
		)
	},
})

// takeover connects twice under one Client Identifier: the first connection
// must end, the second live.
func takeover(x *Exchange, one, other ConnectOption) {
	first := x.Connect(one, As("alice"))

	second := x.Connect(other, As("alice"))

	first.WantClosed(codec.SessionTakenOver)
	second.Fence()
}

var _ = Check(Definition{
	Slug:  "connect-takeover-reason",
	Title: "tells a client that another displaces so, by DISCONNECT with Reason Code 0x8E",
	Rules: Rules{V5: "5.0/3.1.4/session-taken-over-reason"},
	Why: "Section 3.1.4 says that the server sends the DISCONNECT \"as described in section 4.13\", where it " +
		"is a SHOULD: so this is a warning. mosquitto 2.0.11 closes the connection without one.",
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		first := x.Connect(Clean, As("alice"))

		x.Connect(Clean, As("alice"))

		x.StandsOn(stepTakenOver, func() { first.WantClosedWithin(x.Timeout(), codec.SessionTakenOver) })
		disconnect := Want[*codec.Disconnect](first, "DISCONNECT 0x8E Session taken over")
		x.Expect(disconnect.Code).To(Equal(codec.SessionTakenOver), "the Reason Code of DISCONNECT")
	},
})

var _ = Check(Definition{
	Slug:     "connect-packets-before-connack",
	Title:    "processes the packets that a client sends right behind CONNECT, without waiting for CONNACK",
	Rules:    Rules{V311: "3.1.1/3.1.4/packets-before-connack", V5: "5.0/3.1.4/packets-before-connack"},
	CaughtBy: Faults{fault.MissesPacketsBeforeConnack},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)
		alice := x.Dial("alice")

		alice.Send(
			x.NewConnect(Clean, As("alice")),
			&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: x.Topic("other")}}},
			&codec.Publish{Topic: topic, Payload: "hello"},
			&codec.Pingreq{},
		)

		x.StandsOn(StepConnect, alice.WantAcceptedInAnyOrder)
		// Nothing says in which order the server answers requests of different
		// types, or whether a subscription is there before a later message.
		x.Controlled(func() {
			wantReplies(x, alice, codec.SUBACK, codec.PINGRESP)
			bob.WantDelivery(topic, "hello")
		}, func() {
			carol := x.Connect(Clean, As("carol"))
			carol.Subscribe(QoS0, x.Topic("other"))
			carol.Fence()
			carol.Publish(QoS0, topic, "control")
			bob.TakePublish(topic, "control")
		})
	},
})

var _ = Check(Definition{
	Slug:     "connect-refused-ignored",
	Title:    "acts on nothing that a client sends behind a CONNECT that it refuses",
	Rules:    Rules{V311: "MQTT-3.1.4-5", V5: "MQTT-3.1.4-6"},
	CaughtBy: Faults{fault.ProcessesRefusedClients},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "unsupported Protocol Level", Body: func(x *Exchange) {
				refusedIgnored(x, stepLevelRefused(x.Version), codec.Wrong(x.NewConnect(Clean, As("alice")), codec.Set("Protocol Level", unknownProtocolLevel)))
			}},
			Case{Name: "reserved Connect Flag", Body: func(x *Exchange) {
				refusedIgnored(x, stepReservedFlagRefused, connectFlagged(x, reservedFlag))
			}},
		)
	},
})

// refusedIgnored sends a PUBLISH in one segment behind a CONNECT that must be
// refused: nobody may see it. Whether it is refused is for another check to say.
func refusedIgnored(x *Exchange, refusal Step, connect codec.Packet) {
	topic := x.Topic("news")
	bob := x.Connect(Clean, As("bob"))
	bob.Subscribe(QoS0, topic)
	alice := x.DialForeign("alice")

	alice.Send(connect, &codec.Publish{Topic: topic, Payload: "smuggled"})

	x.StandsOn(refusal, func() { alice.WantRejected(codec.UnsupportedProtocolVersion, codec.RefusedProtocolVersion) })
	bob.WantNothingBefore(x.Connect(Clean, As("carol")).Marker(QoS0, topic))
}

var _ = Check(Definition{
	Slug:  "connect-refused-displaces-nobody",
	Title: "leaves a client and its session alone when it refuses a CONNECT with that client's identifier",
	Rules: Rules{V311: "3.1.1/3.1.4/steps-after-validation", V5: "5.0/3.1.4/steps-after-validation 5.0/4.13.1/other-sessions"},
	Why: "A client is displaced, and a session cleared, \"if validation is successful\" (section 3.1.4), and " +
		"this CONNECT does not even have the format of one.",
	CaughtBy: Faults{fault.DisplacesBeforeValidation},
	Body: func(x *Exchange) {
		impostor := func(x *Exchange) {
			mallory := x.Dial("mallory")
			mallory.Send(connectFlagged(x, reservedFlag))
			x.StandsOn(stepReservedFlagRefused, func() { mallory.WantRejected() })
		}
		x.Cases(
			Case{Name: "connected", Body: func(x *Exchange) {
				topic, qos := x.Topic("news"), x.UpTo(QoS1)
				alice := x.Connect(Clean, As("alice"))
				alice.Subscribe(qos, topic)

				impostor(x)

				alice.WantPingresp()
				x.Connect(Clean, As("bob")).Publish(qos, topic, "hello")
				x.Controlled(func() { alice.WantDelivery(topic, "hello") }, func() { standsOnDelivery(x, qos) })
			}},
			Case{Name: "stored session", Body: func(x *Exchange) {
				topic, qos := x.Topic("news"), x.UpTo(QoS1)
				alice := x.Connect(Persistent, As("alice"))
				alice.Subscribe(qos, topic)
				alice.Disconnect()

				impostor(x)

				alice = x.Connect(Persistent, As("alice"))
				x.Connect(Clean, As("bob")).Publish(qos, topic, "hello")
				x.Controlled(func() { alice.WantDelivery(topic, "hello") }, func() { standsOnSessions(x) })
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "connect-payload-order",
	Title:    "reads the fields of the payload in their order: Client Identifier, Will, User Name, Password",
	Rules:    Rules{V311: "MQTT-3.1.3-1", V5: "MQTT-3.1.3-1"},
	CaughtBy: Faults{fault.MixesUpConnectPayload},
	Body: func(x *Exchange) {
		topic := x.Topic("will")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), AnyLogin, WithWill(codec.Will{Topic: topic, Payload: "gone"})))
		wantLogin(x, alice)
		// A made-up user may connect and have no right to publish.
		alice.TryPublish(topic, "here")
		if instead := x.FailureOf(func() { bob.WantDelivery(topic, "here") }); instead != "" {
			x.Connect(Clean, As("carol")).Publish(QoS0, topic, "from somebody else")
			bob.TakePublish(topic, "from somebody else") // who may
			x.Inapplicable("the broker does not let this user publish to %s: %s", topic, instead)
		}
		alice.Drop()

		x.Controlled(func() { bob.WantDelivery(topic, "gone") }, func() {
			other := x.Topic("other/will")
			watcher := overhear(x, QoS0, other)
			watcher.ReceiveWill(other, x.WillMarker(QoS0, other).Payload)
		})
	},
})

// clientName names a case by the client in it.
func clientName(name string) string { return "as " + name }

// quoted names a case by a string.
func quoted(s string) string { return fmt.Sprintf("%q", s) }

// wantLogin wants a CONNECT with user name and password to be accepted. They
// may be ones that the broker does not know; then the check could not be tried. A
// connection that ends without a word is tried once more: the broker may have had too
// many clients.
func wantLogin(x *Exchange, c *Client) {
	c.AwaitAnswer()
	if c.Accepted() {
		return
	}
	silent := c.UnreadConnack() == nil
	c.WantRejected(codec.BadUserNameOrPassword, codec.NotAuthorized, codec.Banned)
	x.Connect(Clean) // so that it was the login
	if silent {
		again := x.Dial("again")
		again.Send(x.NewConnect(Clean, As("again"), AnyLogin))
		if again.AwaitAnswer(); again.Accepted() {
			x.StandsOn(StepConnect, func() { c.WantAccepted() })
		}
	}
	x.Untried(Credentials, nil)
}
