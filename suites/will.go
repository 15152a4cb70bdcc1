package suites

import (
	"strings"
	"time"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// Will Messages (sections 3.1.2.5 to 3.1.2.7, and 3.1.3.2, 3.1.3.3 of 3.1.1 or
// 3.1.3.3, 3.1.3.4 of 5.0). What delays a will is in willdelay.go, what it
// carries in willprops.go, and how DISCONNECT discards it in disconnect.go.

var _ = Check(Definition{
	Slug:     "will-published",
	Title:    "publishes the Will Message when the connection is lost",
	Rules:    Rules{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8 MQTT-3.1.2-7"},
	CaughtBy: Faults{fault.StoresNoWill},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, []connectionEnd{
			{"closed", (*Client).Drop},
			{"reset", (*Client).Abort},
		}, connectionEnd.label, func(x *Exchange, lose connectionEnd) {
			wantWillAfter(x, lose.value)
		})
	},
})

// wantWillAfter wants the will of a client after what ends its connection.
func wantWillAfter(x *Exchange, end func(*Client)) {
	topic := x.Topic("status")
	watcher := awaitingWill(x, x.UpTo(QoS1), topic)
	alice := x.Connect(Clean, As("alice"), willOn(x, topic, "lost"))

	end(alice)

	watcher.WantDelivery(topic, "lost")
}

var _ = Check(Definition{
	Slug:  "will-on-takeover",
	Title: "publishes the Will Message when another connection takes the client's place",
	Rules: Rules{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8 5.0/3.1.4/session-taken-over-will"},
	Why: "The will is due in 5.0 as well, for a session that is resumed as for one that ends: \"If the existing Client has " +
		"a Will Message, that Will Message is published as described in section 3.1.2.5\" (section 3.1.4). " +
		"That section excepts \"a new Network Connection for the ClientID\" that \"is opened before the Will " +
		"Delay Interval has elapsed\". One can say that the new connection of a takeover is there even " +
		"before an interval of 0 begins. But then section 3.1.4 would speak of no will but those of " +
		"sessions that end; by section 3.1.3.2.2, without the interval \"there is no delay before the Will " +
		"Message is published\", so nothing to come before the end of; and the comments in both sections " +
		"say how it is meant: the will \"is sent at the close of the existing Network Connection\". " +
		"mosquitto 2.0.11 keeps it to itself, in both versions (its issue 3509).",
	CaughtBy: Faults{fault.ForgetsWillOnTakeover},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, sessionKinds(), named[ConnectOption].label, func(x *Exchange, kind named[ConnectOption]) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS1), topic)
			x.Connect(kind.value, As("alice"), willOn(x, topic, "taken over"))

			x.Connect(kind.value, As("alice"))

			watcher.WantDelivery(topic, "taken over")
		})
	},
})

var _ = Check(Definition{
	Slug:  "will-on-protocol-error",
	Title: "publishes the Will Message when it closes the connection for a protocol error of the client",
	Rules: Rules{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	Why: "\"The Server closes the Network Connection because of a protocol error\" (3.1.1), or \"without " +
		"first receiving a DISCONNECT packet\" (5.0): both are named among the situations in which the " +
		"will is published (section 3.1.2.5). mosquitto 2.0.11 publishes none after a second CONNECT.",
	CaughtBy: Faults{fault.ForgetsWillOnError},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		// A server that does not close the connection owes no will yet; that it
		// should have closed it is for other checks to say.
		type wrong struct {
			name   string
			closes Step
			packet codec.Packet
		}
		Each(x, []wrong{
			{"second CONNECT", stepSecondConnectCloses, x.NewConnect(Clean)},
			{"packet type 0", stepReservedTypeCloses, codec.Raw{0x00, 0x00}},
			{"PUBLISH at QoS 3", stepQoS3Closes, codec.Wrong(&codec.Publish{Topic: x.Topic("wrong")}, codec.Flags(publishQoS3))},
			{"SUBSCRIBE without Topic Filter", stepEmptySubscribeCloses, codec.Wrong(&codec.Subscribe{PacketID: 1})},
		}, func(w wrong) string { return w.name }, func(x *Exchange, w wrong) {
			wantWillAfter(x, func(alice *Client) {
				alice.Send(w.packet)
				x.StandsOn(w.closes, func() { alice.WantClosed(codec.QoSNotSupported) })
			})
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-keep-alive",
	Title:    "publishes the Will Message when the client is silent for longer than its Keep Alive",
	Rules:    Rules{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	CaughtBy: Faults{fault.ForgetsWillOfSilent},
	Takes:    times.SilenceNoticed,
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := awaitingWill(x, x.UpTo(QoS1), topic)
		alice := x.Connect(Clean, As("alice"), KeepAlive(1), willOn(x, topic, "silent"))

		// That the server closes the connection, and how soon, is for other checks.
		x.StandsOn(stepSilenceCloses, func() { wantSilenceEnded(x, alice, keepAliveOf(x, alice, 1, 5)) })
		watcher.WantDelivery(topic, "silent")
	},
})

var _ = Check(Definition{
	Slug:     "will-qos",
	Title:    "publishes the Will Message at the Will QoS",
	Rules:    Rules{V311: "MQTT-3.1.2-9", V5: "MQTT-3.1.2-8 MQTT-3.1.2-12"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ChangesWillQoS},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS2), topic)

			x.Connect(Clean, As("alice"), WithWill(codec.Will{QoS: qos, Topic: topic, Payload: "lost"})).Drop()

			message := watcher.ReceiveWill(topic, "lost")
			x.Controlled(func() { x.Expect(message.QoS).To(Equal(qos), "QoS") }, func() { standsOnGrantedQoS(x, qos, x.UpTo(QoS2)) })
		})
	},
})

var _ = Check(Definition{
	Slug:  "will-payload",
	Title: "takes a Will Message of any payload, and publishes it byte for byte",
	Rules: Rules{V311: "3.1.1/3.1.3.3/will-payload", V5: "MQTT-3.1.2-8"},
	Why: "An empty payload is a legal one: \"zero or more bytes\" (section 3.1.3.3 of 3.1.1), Binary Data in " +
		"5.0. mochi 2.7.9 refuses it.",
	CaughtBy: Faults{fault.PublishesWillLength},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		fits := int(x.Profile.Number(codec.PropMaximumPacketSize, 1<<20))
		standsOnWills(x)
		Each(x, []named[string]{
			{"empty", ""},
			{"every byte value", string(every)},
			{"4 KiB", strings.Repeat("0123456789abcdef", min(4096, fits/2)/16)},
		}, named[string].label, func(x *Exchange, payload named[string]) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS1), topic)
			alice := x.Dial("alice")
			alice.Send(x.NewConnect(Clean, As("alice"), willOn(x, topic, payload.value)))
			alice.WantAccepted()
			alice.Drop()

			x.StandsOn(StepWill, watcher.WantMessage)
			watcher.WantDelivery(topic, payload.value)
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-retained",
	Title:    "publishes a Will Message with Will Retain 1 as a retained message",
	Rules:    Rules{V311: "MQTT-3.1.2-17", V5: "MQTT-3.1.2-15"},
	Needs:    Needs{Retain, AtLeastOnce},
	CaughtBy: Faults{fault.RetainsNoWill},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := awaitingWill(x, QoS1, topic)
		x.Connect(Clean, As("alice"), WithWill(codec.Will{QoS: QoS1, Retain: true, Topic: topic, Payload: "lost"})).Drop()
		watcher.ReceiveWill(topic, "lost")
		x.AwaitRetained(topic, "lost")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)

		x.Controlled(func() { bob.WantDelivery(topic, "lost") }, func() { standsOnRetained(x, QoS1, x.Topic("other"), "another") })
	},
})

var _ = Check(Definition{
	Slug:     "will-not-retained",
	Title:    "publishes a Will Message with Will Retain 0 without retaining it",
	Rules:    Rules{V311: "MQTT-3.1.2-16", V5: "MQTT-3.1.2-14"},
	Needs:    Needs{Retain},
	CaughtBy: Faults{fault.RetainsEveryWill},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := awaitingWill(x, x.UpTo(QoS1), topic)
		x.Connect(Clean, As("alice"), willOn(x, topic, "lost")).Drop()
		watcher.ReceiveWill(topic, "lost")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(x.UpTo(QoS1), topic)

		wantNothingRetained(x, bob, topic)
	},
})

var _ = Check(Definition{
	Slug:     "will-once",
	Title:    "forgets the Will Message once it was published, so that it does not come again with a later connection",
	Rules:    Rules{V311: "MQTT-3.1.2-10 MQTT-3.1.2-12", V5: "MQTT-3.1.2-10"},
	CaughtBy: Faults{fault.RepublishesWills},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, sessionKinds(), named[ConnectOption].label, func(x *Exchange, kind named[ConnectOption]) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS1), topic)
			x.Connect(kind.value, As("alice"), willOn(x, topic, "lost")).Drop()
			watcher.ReceiveWill(topic, "lost")

			x.Connect(kind.value, As("alice")).Drop()

			watcher.WantNoWillBefore(x.WillMarker(x.UpTo(QoS1), topic))
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-forgotten",
	Title:    "forgets the Will Message after DISCONNECT, so that it does not come with a later connection",
	Rules:    Rules{V311: "MQTT-3.1.2-10 MQTT-3.1.2-12", V5: "MQTT-3.1.2-10"},
	CaughtBy: Faults{fault.RepublishesWills},
	Body: func(x *Exchange) {
		Each(x, sessionKinds(), named[ConnectOption].label, func(x *Exchange, kind named[ConnectOption]) {
			topic := x.Topic("status")
			watcher := overhear(x, x.UpTo(QoS1), topic)
			x.Connect(kind.value, As("alice"), willOn(x, topic, "discarded")).Disconnect()

			x.Connect(kind.value, As("alice")).Drop()

			watcher.WantNoWillBefore(x.WillMarker(x.UpTo(QoS1), topic))
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-of-the-connection",
	Title:    "publishes the Will Message that the lost connection came with, not that of an earlier one",
	Rules:    Rules{V311: "MQTT-3.1.2-8 MQTT-3.1.2-10", V5: "MQTT-3.1.2-8 MQTT-3.1.2-10"},
	CaughtBy: Faults{fault.KeepsFirstWill},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, sessionKinds(), named[ConnectOption].label, func(x *Exchange, kind named[ConnectOption]) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS1), topic)
			x.Connect(kind.value, As("alice"), willOn(x, topic, "first")).Disconnect()

			x.Connect(kind.value, As("alice"), willOn(x, topic, "second")).Drop()

			watcher.WantDelivery(topic, "second")
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-qos-without-flag",
	Title:    "closes the connection when CONNECT has a Will QoS but no Will Flag",
	Rules:    Rules{V311: "MQTT-3.1.2-13 MQTT-3.1.2-11 MQTT-3.1.4-1", V5: "MQTT-3.1.2-11"},
	CaughtBy: Faults{fault.TakesWillQoSWithoutFlag},
	Body: func(x *Exchange) {
		Each(x, []codec.QoS{QoS1, QoS2}, qosName, func(x *Exchange, qos codec.QoS) {
			wantUnacceptable(x, connectFlagged(x, byte(qos)<<willQoSBits))
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-retain-without-flag",
	Title:    "closes the connection when CONNECT has Will Retain 1 but no Will Flag",
	Rules:    Rules{V311: "MQTT-3.1.2-15 MQTT-3.1.2-11 MQTT-3.1.4-1", V5: "MQTT-3.1.2-13"},
	CaughtBy: Faults{fault.TakesWillRetainWithoutFlag},
	Body: func(x *Exchange) {
		wantUnacceptable(x, connectFlagged(x, willRetain))
	},
})

var _ = Check(Definition{
	Slug:     "will-qos-3",
	Title:    "closes the connection when CONNECT has Will QoS 3",
	Rules:    Rules{V311: "MQTT-3.1.2-14 MQTT-3.1.4-1", V5: "MQTT-3.1.2-12"},
	CaughtBy: Faults{fault.TakesWillQoS3},
	Body: func(x *Exchange) {
		wantUnacceptable(x, connectFlagged(x, willFlag|3<<willQoSBits, willOn(x, x.Topic("status"), "lost")))
	},
})

var _ = Check(Definition{
	Slug:     "will-fields-missing",
	Title:    "closes the connection when CONNECT has the Will Flag but no Will Topic and Will Message in its payload",
	Rules:    Rules{V311: "MQTT-3.1.2-9 MQTT-3.1.4-1", V5: "MQTT-3.1.2-9 MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.TakesUnreadableConnect},
	Body: func(x *Exchange) {
		// User Name and Password stay, where the target has them, or a broker would
		// refuse the connection for want of them.
		connect := x.NewConnect(Clean, As("alice"), willOn(x, x.Topic("status"), "lost"))
		Each(x, []named[codec.Packet]{
			{"no field", connectFlagged(x, willFlag)},
			{"no payload", codec.Wrong(connect, codec.Drop("Will Payload"))},
			{"half a payload", codec.Wrong(connect, codec.Set("Will Payload", 0, 4, 'l', 'o'))},
		}, named[codec.Packet].label, func(x *Exchange, wrong named[codec.Packet]) {
			wantUnacceptable(x, wrong.value)
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-fields-without-flag",
	Title:    "closes the connection when CONNECT has a Will Topic and Will Message in its payload but no Will Flag",
	Rules:    Rules{V311: "MQTT-3.1.2-11 MQTT-3.1.4-1", V5: "MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.TakesUnreadableConnect},
	Body: func(x *Exchange) {
		// Without the flag the will's fields are bytes left over, and stand at the
		// end, where a broker that overlooks them finds all that it looks for.
		var fields []byte
		if x.Version == V5 {
			fields = append(fields, 0) // no properties
		}
		for _, field := range []string{x.Topic("status"), "lost"} {
			fields = append(fields, 0, byte(len(field)))
			fields = append(fields, field...)
		}
		wantUnacceptable(x, codec.Wrong(x.NewConnect(Clean, As("alice")), codec.Trailing(fields...)))
	},
})

var _ = Check(Definition{
	Slug:     "will-prompt",
	Title:    "publishes the Will Message promptly after the connection is lost",
	Rules:    Rules{V311: "3.1.1/3.1.2.5/will-prompt", V5: "5.0/3.1.2.5/will-prompt"},
	CaughtBy: Faults{fault.PublishesWillsLate},
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := awaitingWill(x, x.UpTo(QoS1), topic)
		alice := x.Connect(Clean, As("alice"), willOn(x, topic, "lost"))

		lost := time.Now()
		alice.Drop()

		watcher.WantDelivery(topic, "lost")
		x.WantInTime("the will", lost, times.Promptly(x.RoundTrip()))
	},
})
