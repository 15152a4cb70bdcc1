package suites

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// Packets as a network delivers them, and as it never should: the fixed header
// (section 2.2 of 3.1.1, 2.1 of 5.0), the Remaining Length, the Property Length.

// wantRefused wants the broker not to tolerate a packet: a CONNECT may be answered
// with a refusal before the connection is closed, and in 5.0 any other packet with
// a DISCONNECT.
func wantRefused(c *Client, p codec.Packet, reasons ...codec.ReasonCode) {
	if p.Type() == codec.CONNECT {
		c.WantRejected(reasons...)
	} else {
		c.WantClosed(reasons...)
	}
}

var _ = Check(Definition{
	Slug:     "framing-bytewise",
	Title:    "takes packets that arrive one byte at a time",
	Rules:    Rules{V311: "MQTT-7.1.1-1", V5: "MQTT-4.2.0-1"},
	CaughtBy: Faults{fault.NeedsWholePackets},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, codec.CONNECT, codec.PUBLISH, codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP,
			codec.SUBSCRIBE, codec.UNSUBSCRIBE, codec.PINGREQ), sendStepName, func(x *Exchange, step sendStep) {
			bob := x.Connect(Clean, As("other"))
			alice, packet := step.prepare(x)

			alice.SendBytewise(packet, bob)

			x.Controlled(func() { wantAnswer(alice, packet) }, func() {
				alice, packet := step.prepare(x)
				alice.Send(packet)
				x.StandsOn(answering[packet.Type()], func() { wantAnswer(alice, packet) })
			})
		})
	},
})

// wantAnswer wants the answer that a packet has, if it has one, and the connection
// to go on.
func wantAnswer(c *Client, packet codec.Packet) {
	switch packet := packet.(type) {
	case *codec.Connect:
		c.WantAccepted()
	case *codec.Publish:
		if packet.QoS == QoS1 {
			c.WantPuback(packet.PacketID)
		}
	case *codec.Pubrec:
		c.WantPubrel(packet.PacketID)
	case *codec.Pubrel:
		c.WantPubcomp(packet.PacketID)
	case *codec.Subscribe:
		c.WantSuback(packet.PacketID)
	case *codec.Unsubscribe:
		c.WantUnsuback(packet.PacketID)
	case *codec.Pingreq:
		Want[*codec.Pingresp](c, "PINGRESP")
	}
	c.WantPingresp()
}

// answering is the step that the answer to each packet belongs to.
var answering = map[codec.Type]Step{
	codec.CONNECT: StepConnect, codec.PUBLISH: StepPublishQoS1, codec.PUBACK: StepPing, codec.PUBREC: StepReceiveQoS2,
	codec.PUBREL: StepPublishQoS2, codec.PUBCOMP: StepPing, codec.SUBSCRIBE: StepSubscribe, codec.UNSUBSCRIBE: StepUnsubscribe,
	codec.PINGREQ: StepPing,
}

var _ = Check(Definition{
	Slug:     "framing-bytewise-disconnect",
	Title:    "takes a DISCONNECT that arrives one byte at a time for what it is, and discards the Will",
	Rules:    Rules{V311: "MQTT-7.1.1-1 MQTT-3.14.4-3", V5: "MQTT-4.2.0-1 MQTT-3.14.4-3"},
	CaughtBy: Faults{fault.NeedsWholePackets},
	Body: func(x *Exchange) {
		discards := func(topic string) {
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS1), topic)
			alice := x.Connect(Clean, As("alice"), WithWill(codec.Will{Topic: topic, Payload: "gone", QoS: x.UpTo(QoS1)}))

			alice.SendBytewise(&codec.Disconnect{}, bob)
			alice.Drop()

			bob.WantNoWillBefore(x.WillMarker(x.UpTo(QoS1), topic))
		}
		x.Controlled(func() { discards(x.Topic("will")) }, func() {
			standsOnDiscarding(x, func() { discards(x.Topic("again")) })
		})
	},
})

var _ = Check(Definition{
	Slug:     "framing-one-segment",
	Title:    "takes all packets that arrive in one segment",
	Rules:    Rules{V311: "MQTT-7.1.1-1", V5: "MQTT-4.2.0-1"},
	CaughtBy: Faults{fault.NeedsOnePacketPerSegment},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "up to 20 messages", Body: func(x *Exchange) {
				topic := x.Topic("news")
				bob := x.Connect(Clean, As("bob"))
				bob.Subscribe(x.UpTo(QoS1), topic)
				alice := x.Connect(Clean, As("alice"))
				var segment []codec.Packet
				for _, payload := range numbered(atOnce(x, 20)) {
					segment = append(segment, alice.NewPublish(x.UpTo(QoS1), topic, payload))
				}

				alice.Send(segment...)

				wantEach(x, bob, topic, numbered(len(segment))...)
			}},
			Case{Name: "requests of several types", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"))

				alice.Send(
					&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: x.Topic("one")}}},
					&codec.Pingreq{},
					&codec.Unsubscribe{PacketID: 2, Filters: []string{x.Topic("two")}},
					&codec.Subscribe{PacketID: 3, Subscriptions: []codec.Subscription{{Filter: x.Topic("three")}}},
				)

				// Nothing says in which order the server answers requests of
				// different types.
				x.Controlled(func() { wantReplies(x, alice, codec.SUBACK, codec.PINGRESP, codec.UNSUBACK, codec.SUBACK) }, func() {
					bob := x.Connect(Clean, As("bob"))
					bob.Subscribe(QoS0, x.Topic("one"))
					bob.Unsubscribe(x.Topic("one"))
					bob.Fence()
				})
			}},
			Case{Name: "two packets cut in the middle of the second", Body: func(x *Exchange) {
				topic := x.Topic("news")
				bob := x.Connect(Clean, As("bob"))
				bob.Subscribe(x.UpTo(QoS1), topic)
				alice := x.Connect(Clean, As("alice"))
				atOnce(x, 2)
				first, second := alice.NewPublish(x.UpTo(QoS1), topic, "first"), alice.NewPublish(x.UpTo(QoS1), topic, "second")

				alice.SendCut(len("second"), first, second)

				wantEach(x, bob, topic, "first", "second")
			}},
		)
	},
})

// wantEach wants each of these messages to come, in whatever order and however
// often: that is for other checks. Where one is missing, a message on its own tells
// whether the server delivers at all.
func wantEach(x *Exchange, c *Client, topic string, payloads ...string) {
	x.Controlled(func() {
		for missing := slices.Clone(payloads); len(missing) > 0; {
			p := Want[*codec.Publish](c, fmt.Sprintf("PUBLISH topic=%s with each of %q", topic, missing))
			c.Ack(p)
			missing = slices.DeleteFunc(missing, func(payload string) bool { return payload == p.Payload })
		}
	}, func() { standsOnDelivery(x, x.UpTo(QoS1)) })
}

// wantReplies wants as many replies, of these types in any order.
func wantReplies(x *Exchange, c *Client, types ...codec.Type) {
	var got []codec.Type
	for range types {
		got = append(got, Want[codec.Packet](c, fmt.Sprintf("replies of the types %v", types)).Type())
	}
	x.Expect(got).To(ConsistOf(types), "the answers")
}

// atOnce is how many messages, up to n, a client can send without waiting for
// their acknowledgements: those of QoS 0, which have none, may be lost.
func atOnce(x *Exchange, n int) int {
	most := int(x.Profile.Number(codec.PropReceiveMaximum, 65535))
	if most < 2 && x.UpTo(QoS1) > QoS0 {
		x.Inapplicable("CONNACK: Receive Maximum %d", most)
	}
	return min(n, most)
}

// payloadFor is a payload that gives the packet of a message this Remaining
// Length.
func payloadFor(v codec.Version, qos codec.QoS, topic string, remaining int) string {
	overhead := 2 + len(topic)
	if qos > QoS0 {
		overhead += 2 // Packet Identifier
	}
	if v == V5 {
		overhead++ // Property Length
	}
	const pattern = "The payload arrives as it was sent, whatever its length. "
	return strings.Repeat(pattern, remaining/len(pattern)+1)[:remaining-overhead]
}

// carries sends a message with a packet of this Remaining Length and says what
// kept it from arriving intact: "" is nothing. Refused says that the broker has
// read it, and answered that it does not take it.
func carries(x *Exchange, remaining int) (lost string, refused bool) {
	topic, qos := x.Topic(fmt.Sprint("news/", remaining)), x.UpTo(QoS1)
	if most := x.Profile.Number(codec.PropMaximumPacketSize, codec.MaxPacketSize); uint32(remaining)+5 > most {
		x.Inapplicable("CONNACK: Maximum Packet Size %d", most)
	}
	bob := x.Connect(Clean, As(fmt.Sprint("bob", remaining)))
	bob.Subscribe(qos, topic)
	alice := x.Connect(Clean, As(fmt.Sprint("alice", remaining)))
	payload := payloadFor(x.Version, qos, topic, remaining)
	alice.Patience(times.Transfer(remaining))
	bob.Patience(2 * times.Transfer(remaining))

	var refusal string
	if lost = x.FailureOf(func() { refusal = alice.WantTakenOrRefused(qos, topic, payload) }); lost != "" {
		standsOnDelivery(x, qos)
		return lost, false
	}
	if refusal != "" {
		alice.PingOrClosed()
		return refusal, !alice.Closed()
	}

	var arrived []*codec.Publish
	marker := alice.Marker(qos, topic)
	x.StandsOn(StepDeliver, func() { arrived = bob.WantUntil(marker) })
	if len(arrived) == 0 { // that nothing overtakes it is for order-kept
		if lost = x.FailureOf(func() { arrived = []*codec.Publish{Want[*codec.Publish](bob, "the message")} }); lost != "" {
			return "the next message in its place, and " + lost, false
		}
		bob.Ack(arrived[0])
	}
	if arrived[0].Payload != payload {
		return fmt.Sprintf("one of %d bytes in place of its payload of %d", len(arrived[0].Payload), len(payload)), false
	}
	return "", false
}

// carriesLonger wants a broker that carries a message with a Remaining Length of
// n to carry one that is a byte longer. Many brokers bound the messages that they
// take, which 3.1.1 gives them no way to declare, and some acknowledge what they
// drop: but one that carries the longest with a Remaining Length of so many
// bytes has no reason but the length's next byte not to carry the next longer.
func carriesLonger(x *Exchange, n int) {
	if lost, _ := carries(x, n); lost != "" {
		x.Inapplicable("the broker does not carry a message with a Remaining Length of %d either: %s", n, lost)
	}
	lost, refused := carries(x, n+1)
	switch {
	case refused:
		x.Inapplicable("the broker has read the Remaining Length of %d and refuses the message: %s", n+1, lost)
	case lost != "":
		x.Failf(fmt.Sprintf("a message with a Remaining Length of %d to arrive, as one of %d did", n+1, n), "%s", lost)
	}
}

var _ = Check(Definition{
	Slug:     "framing-remaining-length",
	Title:    "carries a message whose Remaining Length takes two or three bytes, as it does one that is a byte shorter",
	Rules:    Rules{V311: "3.1.1/2.2.3/remaining-length", V5: "5.0/2.1.4/remaining-length"},
	CaughtBy: fault.LosesLengths,
	Body: func(x *Exchange) {
		Each(x, []int{127, 16_383}, func(n int) string { return fmt.Sprintf("%d and %d bytes", n, n+1) }, carriesLonger)
	},
})

var _ = Check(Definition{
	Slug:     "framing-remaining-length-of-four-bytes",
	Title:    "carries a message whose Remaining Length takes four bytes, as it does one that is a byte shorter",
	Rules:    Rules{V311: "3.1.1/2.2.3/remaining-length", V5: "5.0/2.1.4/remaining-length"},
	CaughtBy: Faults{fault.LosesFourByteLengths},
	Body:     func(x *Exchange) { carriesLonger(x, 2_097_151) },
})

// integerOfFiveBytes is a Variable Byte Integer of one byte more than it may have.
var integerOfFiveBytes = []byte{0x80, 0x80, 0x80, 0x80, 0x01}

var _ = Check(Definition{
	Slug:     "framing-remaining-length-too-long",
	Title:    "closes the connection on a Remaining Length of five bytes",
	Rules:    Rules{V311: "3.1.1/2.2.3/remaining-length-too-long MQTT-4.8.0-1", V5: "5.0/1.5.5/variable-byte-integer-too-long"},
	CaughtBy: Faults{fault.IgnoresLongIntegers},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, codec.CONNECT, codec.PUBLISH, codec.SUBSCRIBE, codec.UNSUBSCRIBE, codec.PINGREQ), sendStepName, func(x *Exchange, step sendStep) {
			alice, packet := step.prepare(x)

			alice.Send(codec.Wrong(packet, codec.RemainingLength(integerOfFiveBytes...)))

			wantRefused(alice, packet, codec.PacketTooLarge)
		})
	},
})

var _ = Check(Definition{
	Slug:     "framing-property-length-too-long",
	Title:    "closes the connection on a Property Length of five bytes",
	Rules:    Rules{V5: "5.0/1.5.5/variable-byte-integer-too-long"},
	CaughtBy: Faults{fault.IgnoresLongIntegers},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, codec.CONNECT, codec.PUBLISH, codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP,
			codec.SUBSCRIBE, codec.UNSUBSCRIBE), sendStepName, func(x *Exchange, step sendStep) {
			alice, packet := step.prepare(x)

			alice.Send(codec.Wrong(packet, codec.Set("Property Length", integerOfFiveBytes...)))

			wantRefused(alice, packet)
		})
	},
})

var _ = Check(Definition{
	Slug:     "framing-property-length",
	Title:    "closes the connection when the Property Length is missing or goes beyond the packet",
	Rules:    Rules{V5: "MQTT-2.2.2-1 5.0/4.13.1/malformed-packet"},
	CaughtBy: Faults{fault.IgnoresPropertyLength},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, codec.CONNECT, codec.PUBLISH, codec.SUBSCRIBE, codec.UNSUBSCRIBE), func(step sendStep) string { return sendStepName(step) + " without it" },
			func(x *Exchange, step sendStep) {
				alice, packet := step.prepare(x)

				alice.Send(codec.Wrong(packet, codec.Drop("Property Length")))

				wantRefused(alice, packet)
			})
		Each(x, sendStepsOf(x, codec.CONNECT, codec.PUBLISH, codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP,
			codec.SUBSCRIBE, codec.UNSUBSCRIBE), func(step sendStep) string { return sendStepName(step) + " with one beyond it" },
			func(x *Exchange, step sendStep) {
				alice, packet := step.prepare(x)

				alice.Send(codec.Wrong(packet, codec.Set("Property Length", 0x7F)))

				wantRefused(alice, packet)
			})
	},
})

// reservedTypes are the packet types that no one may send.
func reservedTypes(v codec.Version) []codec.Type {
	if v == V5 {
		return []codec.Type{0}
	}
	return []codec.Type{0, codec.AUTH}
}

var _ = Check(Definition{
	Slug:     "framing-packet-type-reserved",
	Title:    "closes the connection on a packet of a reserved type",
	Rules:    Rules{V311: "3.1.1/2.2.1/packet-type-reserved MQTT-4.8.0-1", V5: "5.0/2.1.2/packet-type-reserved"},
	CaughtBy: Faults{fault.IgnoresReservedTypes},
	Body: func(x *Exchange) {
		name := func(t codec.Type) string { return fmt.Sprintf("type %d", byte(t)) }
		Each(x, reservedTypes(x.Version), name, func(x *Exchange, t codec.Type) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Raw{byte(t) << 4, 0x00})

			alice.WantClosed()
		})
	},
})

// There is no check that the server closes the connection for a packet which only
// a server may send. Tables 2.1 of 3.1.1 and 2-1 of 5.0 have a column for the direction
// of flow, but no sentence says what becomes of a packet that goes against it. In
// 5.0 table 3-10 explains 0x82 Protocol Error by "an unexpected or out of order
// packet was received", but names no packet, MQTT-4.13.1-1 obliges a server that
// "detects" such an error, and how much it looks for is left to it ("the rigor
// with which a Client or Server checks an MQTT Control Packet it has received
// will be a compromise", section 4.13.1). mosquitto 2.0.11 lets SUBACK, UNSUBACK
// and PINGRESP pass, as its bridges are clients: nothing forbids it to.

// flagged wants the connection closed on a packet with each of its four flags
// inverted, one at a time.
func flagged(x *Exchange, types ...codec.Type) {
	type row struct {
		sendStep
		flags byte
	}
	var rows []row
	for _, step := range sendStepsOf(x, types...) {
		for bit := byte(1); bit < 16; bit <<= 1 {
			flags := bit
			switch step.packet {
			case codec.PUBREL, codec.SUBSCRIBE, codec.UNSUBSCRIBE:
				flags ^= 0x2
			}
			rows = append(rows, row{step, flags})
		}
	}
	name := func(r row) string { return fmt.Sprintf("%v with %04b", r.packet, r.flags) }
	Each(x, rows, name, func(x *Exchange, r row) {
		alice, packet := r.prepare(x)

		alice.Send(codec.Wrong(packet, codec.Flags(r.flags)))

		wantRefused(alice, packet)
	})
}

var _ = Check(Definition{
	Slug:  "framing-reserved-flags",
	Title: "closes the connection on a packet whose reserved flags are not as prescribed",
	Rules: Rules{V311: "MQTT-2.2.2-2", V5: "5.0/2.1.3/invalid-flags MQTT-4.13.1-1"},
	Why: "\"If invalid flags are received, the receiver MUST close the Network Connection\" (section 2.2.2 " +
		"of 3.1.1; a Malformed Packet in 5.0). mosquitto 2.0.11 does not look at those of PUBACK, PUBREC, " +
		"PUBCOMP and PINGREQ.",
	CaughtBy: Faults{fault.IgnoresReservedFlags},
	Body: func(x *Exchange) {
		flagged(x, codec.CONNECT, codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP, codec.SUBSCRIBE, codec.UNSUBSCRIBE, codec.PINGREQ)
	},
})

var _ = Check(Definition{
	Slug:  "framing-trailing-bytes",
	Title: "closes the connection on a CONNECT, SUBSCRIBE or UNSUBSCRIBE with a byte behind its last field",
	Rules: Rules{V311: "3.1.1/2.2.3/remaining-length MQTT-3.1.4-1 MQTT-4.8.0-1", V5: "5.0/2.1.4/remaining-length MQTT-3.1.4-1"},
	Why: "CONNECT must conform to its format [MQTT-3.1.4-1], and in the other two the byte is the " +
		"beginning of a Topic Filter that is not there. Of no other packet is it asked: 3.1.1 does say of " +
		"an acknowledgement that its Remaining Length \"has the value 2\" and of PINGREQ that it has " +
		"neither variable header nor payload, but not what becomes of one with a byte too many, nor that " +
		"the server has to look, and in 5.0 how much a receiver checks is left to it (section 4.13.1). " +
		"mochi 2.7.9 accepts the CONNECT.",
	CaughtBy: Faults{fault.IgnoresTrailingBytes},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, codec.CONNECT, codec.SUBSCRIBE, codec.UNSUBSCRIBE), sendStepName, func(x *Exchange, step sendStep) {
			alice, packet := step.prepare(x)

			alice.Send(codec.Wrong(packet, codec.Trailing(0x00)))

			wantRefused(alice, packet)
		})
	},
})

var _ = Check(Definition{
	Slug:  "framing-truncated-packets",
	Title: "closes the connection on a packet that ends before its last field does",
	Rules: Rules{V311: "3.1.1/2.2.3/remaining-length MQTT-4.8.0-1", V5: "5.0/2.1.4/remaining-length"},
	// MQTT-3.1.4-1 is for connect-malformed
	CaughtBy: Faults{fault.IgnoresTruncatedPackets},
	Body: func(x *Exchange) {
		Each(x, sendStepsOf(x, codec.CONNECT, codec.PUBLISH, codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP,
			codec.SUBSCRIBE, codec.UNSUBSCRIBE), sendStepName, func(x *Exchange, step sendStep) {
			alice, packet := step.prepare(x)
			short := 1
			if x.Version == V5 && packet.Type() == codec.PUBLISH {
				short = 2 // the last byte is the Property Length, for which there is framing-property-length
			}

			alice.Send(codec.Wrong(packet, codec.Truncate(short)))

			wantRefused(alice, packet)
		})
	},
})
