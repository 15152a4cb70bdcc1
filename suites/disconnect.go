package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"
)

// DISCONNECT (section 3.14): from the client, and in 5.0 from the server. What
// it does to the session's expiry is in sessionexpiry.go.

var _ = Check(Definition{
	Slug:  "disconnect-discards-will",
	Title: "discards the Will Message on DISCONNECT without publishing it",
	Rules: Rules{
		V311: "MQTT-3.14.4-3 MQTT-3.1.2-10",
		V5:   "MQTT-3.14.4-3 MQTT-3.1.2-10 5.0/3.14.2.1/reason-code-omitted 5.0/3.14.2.2.1/property-length-omitted",
	},
	CaughtBy: Faults{fault.DisconnectsAsLost},
	Body: func(x *Exchange) {
		// Forms of one and the same packet: without Reason Code it is 0x00,
		// without Property Length there are no properties.
		forms := []named[codec.Packet]{{"DISCONNECT", &codec.Disconnect{}}}
		if x.Version == V5 {
			forms = append(forms,
				named[codec.Packet]{"Reason Code 0x00 alone", codec.Wrong(&codec.Disconnect{}, codec.Set("Reason Code", 0x00), codec.Drop("Property Length"))},
				named[codec.Packet]{"Reason Code 0x00 and no properties", codec.Wrong(&codec.Disconnect{}, codec.Set("Reason Code", 0x00))},
				named[codec.Packet]{"Reason Code 0x00 and properties", &codec.Disconnect{Properties: codec.Properties{
					codec.ReasonString("done"), codec.UserProperty("name", "value"),
				}}},
			)
		}
		Each(x, forms, named[codec.Packet].label, func(x *Exchange, disconnect named[codec.Packet]) {
			topic := x.Topic("status")
			watcher := overhear(x, x.UpTo(QoS1), topic)
			alice := x.Connect(Clean, As("alice"), willOn(x, topic, "discarded"))

			alice.Send(disconnect.value)
			alice.Drop()

			watcher.WantNoWillBefore(x.WillMarker(x.UpTo(QoS1), topic))
		})
	},
})

var _ = Check(Definition{
	Slug:     "disconnect-with-will",
	Title:    "publishes the Will Message on a DISCONNECT with Reason Code 0x04",
	Rules:    Rules{V5: "5.0/3.14.2.1/disconnect-with-will MQTT-3.1.2-8"},
	CaughtBy: Faults{fault.TakesEveryDisconnectForNormal},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		wantWillAfter(x, func(alice *Client) {
			alice.Send(&codec.Disconnect{Code: codec.DisconnectWithWill})
			alice.HangUp() // a broker need not be the first to close (section 3.14.4)
		})
	},
})

var _ = Check(Definition{
	Slug:     "disconnect-property-length-omitted",
	Title:    "reads the Reason Code of a DISCONNECT that ends with it",
	Rules:    Rules{V5: "5.0/3.14.2.2.1/property-length-omitted"},
	CaughtBy: Faults{fault.TakesShortDisconnectForNormal},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		wantWillAfter(x, func(alice *Client) {
			alice.Send(codec.Wrong(&codec.Disconnect{Code: codec.DisconnectWithWill}, codec.Drop("Property Length")))
			alice.HangUp()
		})
	},
})

var _ = Check(Definition{
	Slug:     "disconnect-user-property-repeated",
	Title:    "takes a DISCONNECT with several User Properties, even of one name",
	Rules:    Rules{V5: "5.0/3.14.2.2.4/user-property-repeated"},
	CaughtBy: Faults{fault.TakesRepeatedUserPropertyForError},
	Body: func(x *Exchange) {
		x.Controlled(func() { wantDiscarded(x, x.Topic("status"), severalUserProperties...) }, func() {
			standsOnDiscarding(x, func() { wantDiscarded(x, x.Topic("again"), severalUserProperties...) })
		})
	},
})

// wantDiscarded wants a client's will to be discarded when it disconnects with
// these properties.
func wantDiscarded(x *Exchange, topic string, properties ...codec.Property) {
	watcher := overhear(x, x.UpTo(QoS1), topic)
	alice := x.Connect(Clean, As("alice"), willOn(x, topic, "discarded"))

	alice.Disconnect(properties...)

	watcher.WantNoWillBefore(x.WillMarker(x.UpTo(QoS1), topic))
}

// standsOnDiscarding makes sure that the server discards the will of a client that
// disconnects in the plainest way. One that does so now and then would have
// discarded the will that it published, too, when that client had come again.
func standsOnDiscarding(x *Exchange, again func()) {
	x.StandsOn(stepWillDiscarded, func() {
		wantDiscarded(x, x.Topic("plain"))
		if x.FailureOf(again) == "" {
			x.Failf("every will to be discarded on DISCONNECT", "one published, and the next discarded")
		}
	})
}

var _ = Check(Definition{
	Slug:  "disconnect-with-error",
	Title: "publishes the Will Message on a DISCONNECT that reports an error",
	Rules: Rules{V5: "MQTT-3.1.2-8"},
	Why: "Only 0x00 discards the will: \"If the Network Connection is closed without the Client first " +
		"sending a DISCONNECT packet with Reason Code 0x00 (Normal disconnection) and the Connection has " +
		"a Will Message, the Will Message is published\" (section 3.14). mosquitto 2.0.11 and mochi 2.7.9 " +
		"publish it on 0x04, and discard it on every other code.",
	CaughtBy: Faults{fault.TakesEveryDisconnectForNormal},
	MendedBy: Faults{fault.MendsDisconnectWithError},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, []codec.ReasonCode{
			codec.UnspecifiedError, codec.MalformedPacket, codec.ProtocolError, codec.ImplementationSpecificError,
			codec.TopicNameInvalid, codec.ReceiveMaximumExceeded, codec.TopicAliasInvalid, codec.PacketTooLarge,
			codec.MessageRateTooHigh, codec.QuotaExceeded, codec.AdministrativeAction, codec.PayloadFormatInvalid,
		}, codec.ReasonCode.String, func(x *Exchange, code codec.ReasonCode) {
			wantWillAfter(x, func(alice *Client) {
				alice.Send(&codec.Disconnect{Code: code})
				alice.HangUp()
			})
		})
	},
})

var _ = Check(Definition{
	Slug:     "disconnect-closes",
	Title:    "closes the connection after DISCONNECT when the client does not",
	Rules:    Rules{V311: "3.1.1/3.14.4/disconnect-closes", V5: "5.0/3.14.4/disconnect-closes"},
	CaughtBy: Faults{fault.StaysAfterDisconnect},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(&codec.Disconnect{})

		alice.WantClosed()
	},
})

var _ = Check(Definition{
	Slug:  "disconnect-then-packet",
	Title: "closes the connection rather than answer a packet that a client sends after DISCONNECT",
	Rules: Rules{V311: "MQTT-3.14.4-2 MQTT-4.8.0-1", V5: "5.0/4.13.1/unnamed-error 5.0/3.14.4/disconnect-closes"},
	Why: "That a client must not send a packet after DISCONNECT binds the client, and that a server closes " +
		"the connection upon DISCONNECT is a SHOULD (disconnect-closes). But one that answers has taken " +
		"up a packet in violation of the protocol, and that closes the connection; in 5.0, where no " +
		"sentence calls it an error, it should.",
	CaughtBy: Faults{fault.OverlooksDisconnect},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(&codec.Disconnect{}, &codec.Pingreq{})

		answered := x.FailureOf(func() { Want[*codec.Pingresp](alice, "PINGRESP") }) == ""
		if !answered && !alice.Closed() {
			x.Inapplicable("the broker reads nothing after DISCONNECT (whether it closes the connection is for check disconnect-closes)")
		}
		alice.WantClosed()
	},
})

var _ = Check(Definition{
	Slug: "disconnect-reserved-flags",

	// Nothing says whether a will survives such a packet, so that is not asked.
	Title:    "closes the connection on a DISCONNECT with reserved flags set",
	Rules:    Rules{V311: "MQTT-3.14.1-1", V5: "MQTT-3.14.1-1"},
	CaughtBy: Faults{fault.IgnoresUnreadableDisconnect},
	Body: func(x *Exchange) {
		Each(x, []named[byte]{{"bit 0", 1}, {"bit 1", 2}, {"bit 2", 4}, {"bit 3", 8}}, named[byte].label,
			func(x *Exchange, bit named[byte]) {
				alice := x.Connect(Clean, As("alice"))

				alice.Send(codec.Wrong(&codec.Disconnect{}, codec.Flags(bit.value)))

				alice.WantClosed()
			})
	},
})

var _ = Check(Definition{
	Slug:  "disconnect-reserved-flags-reason",
	Title: "says DISCONNECT 0x81 before it closes on a DISCONNECT with reserved flags set",
	Rules: Rules{V5: "5.0/3.14.1/reserved-flags-reason"},
	Why: "MQTT-3.14.1-1 covers two sentences. The second, that the server sends DISCONNECT 0x81, is a duty " +
		"\"as described in section 4.13\", and there the DISCONNECT is a SHOULD: so this is a warning.",
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	MendedBy: Faults{fault.MendsSilentClose},
	// mosquitto 2.0.11 and mochi 2.7.9 say nothing
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(&codec.Disconnect{}, codec.Flags(0x1)))

		alice.WantDisconnect(codec.MalformedPacket)
	},
})

var _ = Check(Definition{
	Slug:     "disconnect-property-twice",
	Title:    "closes the connection on a DISCONNECT with a property that may come once only, but comes twice",
	Rules:    Rules{V5: "5.0/3.14.2.2.2/session-expiry-interval-twice 5.0/3.14.2.2.3/reason-string-twice"},
	CaughtBy: Faults{fault.IgnoresUnreadableDisconnect},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{codec.SessionExpiryInterval(0), codec.ReasonString("done")}, propertyName,
			func(x *Exchange, property codec.Property) {
				x.About(map[codec.PropertyID]string{
					codec.PropSessionExpiryInterval: "5.0/3.14.2.2.2/session-expiry-interval-twice",
					codec.PropReasonString:          "5.0/3.14.2.2.3/reason-string-twice",
				}[property.ID])
				alice := x.Connect(Clean, As("alice"))

				alice.Send(codec.Wrong(&codec.Disconnect{Properties: codec.Properties{property, property}}))

				alice.WantClosed()
			})
	},
})

var _ = Check(Definition{
	Slug:     "disconnect-property-reason",
	Title:    "says DISCONNECT with the Reason Code for the error before it closes on a DISCONNECT with a wrong property",
	Rules:    Rules{V5: "5.0/4.13.1/disconnect-reason 5.0/2.2.2.2/property-reason"},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	MendedBy: Faults{fault.MendsSilentClose},
	// mosquitto 2.0.11 and mochi 2.7.9 say nothing
	Body: func(x *Exchange) {
		// A DISCONNECT with an error ends in a closed connection however it is
		// read; that the server has seen the error shows in what it says.
		done := codec.ReasonString("done")
		Each(x, []named[codec.Packet]{
			{"twice", codec.Wrong(&codec.Disconnect{Properties: codec.Properties{done, done}})},
			{"unknown", codec.Wrong(&codec.Disconnect{Properties: codec.Properties{done}}, codec.Set("Reason String Identifier", undefinedProperty))},
			{"out of place", codec.Wrong(&codec.Disconnect{Properties: codec.Properties{codec.TopicAlias(1)}})},
			{"not of its type", codec.Wrong(&codec.Disconnect{Properties: codec.Properties{done}}, codec.Set("Reason String", 0, 9, 'x'))},
		}, named[codec.Packet].label, func(x *Exchange, wrong named[codec.Packet]) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(wrong.value)

			alice.WantDisconnect(codec.MalformedPacket, codec.ProtocolError)
		})
	},
})

// provokeDisconnect has the server close connections for various reasons; in
// 5.0 it may say which with a DISCONNECT. What that must be like is for the
// harness to see in every packet; the checks say which statement they are about.
func provokeDisconnect(x *Exchange, options ...ConnectOption) {
	Each(x, []named[func(*Exchange, *Client)]{
		{"taken over", func(x *Exchange, _ *Client) { x.Dial("alice").Send(x.NewConnect(Clean, As("alice"))) }},
		{"second CONNECT", func(x *Exchange, alice *Client) { alice.Send(x.NewConnect(Clean, As("alice"))) }},
		{"PUBLISH at QoS 3", func(x *Exchange, alice *Client) {
			alice.Send(codec.Wrong(&codec.Publish{Topic: x.Topic("wrong")}, codec.Flags(publishQoS3)))
		}},
		{"SUBSCRIBE without Topic Filter", func(x *Exchange, alice *Client) { alice.Send(codec.Wrong(&codec.Subscribe{PacketID: 1})) }},
	}, named[func(*Exchange, *Client)].label, func(x *Exchange, provoke named[func(*Exchange, *Client)]) {
		alice := x.Connect(append([]ConnectOption{Clean, As("alice")}, options...)...)

		provoke.value(x, alice)

		alice.AwaitEnd()
		switch {
		case alice.BrokerDisconnect() != nil:
			alice.WantEnd() // MQTT-3.14.4-2
		case x.Version == V5:
			x.Inapplicable("the broker sends no DISCONNECT here; there is nothing to see")
		}
	})
}

var _ = Check(Definition{
	Slug:     "disconnect-from-server-never",
	Title:    "sends no DISCONNECT: in 3.1.1 it is the client's alone",
	Rules:    Rules{V311: "3.1.1/2.2.1/packet-direction"},
	CaughtBy: Faults{fault.DisconnectsClients},
	Body:     func(x *Exchange) { provokeDisconnect(x) },
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-code",
	Title:    "sends DISCONNECT only with Reason Codes that DISCONNECT has",
	Rules:    Rules{V5: "MQTT-3.14.2-1"},
	Watches:  true,
	CaughtBy: Faults{fault.DisconnectsWithUnknownCode},
	Body:     func(x *Exchange) { provokeDisconnect(x) },
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-session-expiry",
	Title:    "sends no Session Expiry Interval in DISCONNECT",
	Rules:    Rules{V5: "MQTT-3.14.2-2"},
	Watches:  true,
	CaughtBy: Faults{fault.DisconnectsWithSessionExpiry},
	Body:     func(x *Exchange) { provokeDisconnect(x) },
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-property-once",
	Title:    "sends Reason String and Server Reference in DISCONNECT at most once",
	Rules:    Rules{V5: "5.0/3.14.2.2.5/server-reference-twice 5.0/3.14.2.2.3/reason-string-twice"},
	Watches:  true,
	CaughtBy: Faults{fault.DisconnectsWithTwoReasonStrings, fault.DisconnectsWithTwoServerReferences},
	Body:     func(x *Exchange) { provokeDisconnect(x) },
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-reference",
	Title:    "sends a Server Reference in DISCONNECT only with Reason Code 0x9C or 0x9D",
	Rules:    Rules{V5: "5.0/3.14.2.2.5/server-reference-reason"},
	Watches:  true,
	CaughtBy: Faults{fault.DisconnectsWithServerReference},
	Body:     func(x *Exchange) { provokeDisconnect(x) },
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-size",
	Title:    "sends no Reason String or User Property that takes DISCONNECT over the client's Maximum Packet Size",
	Rules:    Rules{V5: "MQTT-3.14.2-3 MQTT-3.14.2-4"},
	Watches:  true,
	CaughtBy: Faults{fault.DisconnectsWithLongReason, fault.DisconnectsWithLongUserProperty},
	Body: func(x *Exchange) {
		// As small as it can be for CONNACK to fit, or nearly so.
		connack, _ := codec.Append(nil, V5, x.Profile.Connack)
		provokeDisconnect(x, With(codec.MaximumPacketSize(uint32(len(connack)+8))))
	},
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-last",
	Title:    "sends nothing on a connection after DISCONNECT",
	Rules:    Rules{V5: "MQTT-3.14.4-1"},
	Watches:  true,
	CaughtBy: Faults{fault.SendsAfterDisconnect},
	Body:     func(x *Exchange) { provokeDisconnect(x) },
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-closes",
	Title:    "closes the connection after it has sent DISCONNECT",
	Rules:    Rules{V5: "MQTT-3.14.4-2"},
	CaughtBy: Faults{fault.DisconnectsAndStays},
	Body:     func(x *Exchange) { provokeDisconnect(x) },
})

var _ = Check(Definition{
	Slug:     "disconnect-from-server-before-connack",
	Title:    "sends no DISCONNECT on a connection that it has not accepted",
	Rules:    Rules{V5: "MQTT-3.14.0-1"},
	Watches:  true,
	CaughtBy: Faults{fault.DisconnectsBeforeConnack},
	Body: func(x *Exchange) {
		Each(x, []named[codec.Packet]{
			{"PUBLISH before CONNECT", &codec.Publish{Topic: x.Topic("early")}},
			{"CONNECT with Will QoS 3", connectFlagged(x, willFlag|3<<willQoSBits, willOn(x, x.Topic("status"), "lost"))},
			{"CONNECT with the reserved flag", connectFlagged(x, reservedFlag)},
		}, named[codec.Packet].label, func(x *Exchange, wrong named[codec.Packet]) {
			alice := x.Dial("alice")

			alice.Send(wrong.value)

			alice.AwaitEnd()
		})
	},
})
