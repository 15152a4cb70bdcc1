package suites

import (
	"fmt"
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// Maximum Packet Size (5.0): the client's (section 3.1.2.11.4), which the server
// keeps whatever it has to say, and the server's (3.2.2.3.6).

// clientLimit is a Maximum Packet Size of a client that leaves room for small
// messages; large is a payload that goes beyond it.
const clientLimit = 256

var large = strings.Repeat("too large for the subscriber, ", 20)

var _ = Check(Definition{
	Slug:     "packetsize-not-exceeded",
	Title:    "sends no message that is larger than the client's Maximum Packet Size",
	Rules:    Rules{V5: "MQTT-3.1.2-24"},
	Watches:  true,
	CaughtBy: Faults{fault.IgnoresMaximumPacketSize},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("news")
			alice := x.Connect(Clean, As("alice"), With(codec.MaximumPacketSize(clientLimit)))
			alice.Subscribe(qos, topic)
			bob := x.Connect(Clean, As("bob"))

			bob.Publish(qos, topic, large)

			alice.WantNothingBefore(bob.Marker(qos, topic))
		})
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-discarded",
	Title:    "discards a message that is too large for its subscriber as though it had been delivered",
	Rules:    Rules{V5: "MQTT-3.1.2-25"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.KeepsTooLargeMessages, fault.StopsAtTooLargeMessages},
	// and mochi 2.7.9, which sends it when it may
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("news")
			alice := x.Connect(Persistent, As("alice"), With(codec.MaximumPacketSize(clientLimit)))
			alice.Subscribe(qos, topic)
			bob := x.Connect(Clean, As("bob"))

			bob.Publish(qos, topic, large)
			alice.WantAtLast(bob.Marker(qos, topic))

			alice.Disconnect()
			alice = x.Connect(Persistent, As("alice"))
			alice.WantNothingBefore(bob.Marker(qos, topic))
		})
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-queued",
	Title:    "sends no queued message that is larger than the Maximum Packet Size with which its session is resumed",
	Rules:    Rules{V5: "MQTT-3.1.2-24 MQTT-3.1.2-25"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.IgnoresMaximumPacketSize, fault.StopsAtTooLargeMessages},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Persistent, As("alice"))
		alice.Subscribe(QoS1, topic)
		alice.Disconnect()
		bob := x.Connect(Clean, As("bob"))
		bob.Publish(QoS1, topic, large)
		marker := bob.Marker(QoS1, topic)

		alice = x.Connect(Persistent, As("alice"), With(codec.MaximumPacketSize(clientLimit)))

		alice.WantAtLast(marker)
		x.WantNoBreach("MQTT-3.1.2-24") // by what came ahead of the marker
		alice.WantPingresp()
	},
})

var _ = Check(Definition{
	Slug:  "packetsize-not-exceeded-by-one-byte",
	Title: "sends no message whose packet is one byte larger than the client's Maximum Packet Size, and goes on with the next",
	Rules: Rules{V5: "MQTT-3.1.2-24 MQTT-3.1.2-25"},
	Why: "The size that counts is \"the total number of bytes in an MQTT Control Packet\" (section " +
		"3.1.2.11.4). mosquitto 2.0.11 leaves the first byte out.",
	CaughtBy: Faults{fault.IgnoresMaximumPacketSize, fault.ExceedsMaximumPacketSize, fault.StopsAtTooLargeMessages},
	MendedBy: Faults{fault.MendsClientPacketSize},
	Body: func(x *Exchange) {
		sized(x, func(x *Exchange, alice *Client, qos codec.QoS, topic string, size uint32, send sending) {
			bob := send(x, "bob", With(codec.MaximumPacketSize(size-1)))

			bob.WantAtLast(alice.Marker(qos, topic))
			x.WantNoBreach("MQTT-3.1.2-24") // by whatever came ahead of the marker
		})
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-reached",
	Title:    "sends a message whose packet is as large as the client's Maximum Packet Size",
	Rules:    Rules{V5: "MQTT-3.1.2-25 MQTT-4.5.0-1"},
	CaughtBy: Faults{fault.StaysBelowMaximumPacketSize},
	Body: func(x *Exchange) {
		sized(x, func(x *Exchange, _ *Client, _ codec.QoS, topic string, size uint32, send sending) {
			bob := send(x, "bob", With(codec.MaximumPacketSize(size)))

			bob.WantDelivery(topic, large)
		})
	},
})

// sending has the large message sent to a new client of this name.
type sending func(x *Exchange, name string, limit ...ConnectOption) *Client

// sized has carol, who takes packets of any size, show how large the broker's
// packet with the large message is, on each way to a subscriber; send has it
// sent on the same way once more.
func sized(x *Exchange, want func(x *Exchange, alice *Client, qos codec.QoS, topic string, size uint32, send sending)) {
	learn := func(x *Exchange, qos codec.QoS, way func(alice *Client, topic string) sending) {
		topic := x.Topic("news")
		alice := x.Connect(Clean, As("alice"))
		send := way(alice, topic)
		carol := send(x, "carol")
		raw, err := codec.Encode(V5, codec.Server, carol.TakeDelivery(topic, large))
		x.Expect(err).NotTo(HaveOccurred(), "the message to a client without a limit")
		carol.Disconnect()
		want(x, alice, qos, topic, uint32(len(raw)), send)
	}
	var cases []Case
	for _, qos := range levels(x, QoS0, QoS1, QoS2) {
		cases = append(cases, Case{Name: qosName(qos) + ", at once", Body: func(x *Exchange) {
			learn(x, qos, func(alice *Client, topic string) sending {
				return func(x *Exchange, name string, limit ...ConnectOption) *Client {
					c := x.Connect(append(limit, Clean, As(name))...)
					c.Subscribe(qos, topic)
					alice.Publish(qos, topic, large)
					return c
				}
			})
		}})
		if qos == QoS0 {
			continue
		}
		cases = append(cases, Case{Name: qosName(qos) + ", after waiting", Body: func(x *Exchange) {
			learn(x, qos, func(alice *Client, topic string) sending {
				return func(x *Exchange, name string, limit ...ConnectOption) *Client {
					c := x.Connect(Persistent, As(name))
					c.Subscribe(qos, topic)
					c.Disconnect()
					alice.Publish(qos, topic, large)
					return x.Connect(append(limit, Persistent, As(name))...)
				}
			})
		}})
	}
	if _, lacks := x.Profile.Lacks(Retain); !lacks {
		cases = append(cases, Case{Name: "retained", Body: func(x *Exchange) {
			learn(x, x.UpTo(QoS1), func(alice *Client, topic string) sending {
				alice.Retain(x.UpTo(QoS1), topic, large)
				return func(x *Exchange, name string, limit ...ConnectOption) *Client {
					c := x.Connect(append(limit, Clean, As(name))...)
					c.Subscribe(x.UpTo(QoS1), topic)
					c.FinishSubscribing()
					return c
				}
			})
		}})
	}
	x.Cases(cases...)
}

var _ = Check(Definition{
	Slug:  "packetsize-small",
	Title: "keeps a Maximum Packet Size of a few bytes",
	Rules: Rules{V5: "MQTT-3.1.2-24"},
	Why: "A broker whose CONNACK is larger than the client allows has nothing to say to that client: it " +
		"closes the connection, or leaves out what it can. mosquitto 2.0.11 sends a CONNACK of 11 bytes " +
		"to a client that takes 10.",
	CaughtBy: Faults{fault.IgnoresMaximumPacketSize, fault.VerboseConnack[0]},
	Body: func(x *Exchange) {
		Each(x, []uint32{5, 10, 15, 20}, func(n uint32) string { return fmt.Sprint(n, " bytes") }, func(x *Exchange, n uint32) {
			alice := x.Dial("alice")

			alice.Send(x.NewConnect(Clean, As("alice"), With(codec.MaximumPacketSize(n))))

			// Nothing says what becomes of a client to which CONNACK is too large.
			answer := x.FailureOf(alice.AwaitAnswer)
			if alice.Accepted() {
				alice.PingOrClosed()
			}
			x.WantNoBreach("MQTT-3.1.2-24")
			if answer != "" {
				x.Inapplicable("the broker sends nothing to a client that takes no more than %d bytes, nor does it close the connection", n)
			}
		})
	},
})

// tight is the least Maximum Packet Size with which the broker, by the length
// of its CONNACK, can accept a connection and send these messages, to which it
// may add a property.
func tight(x *Exchange, messages ...*codec.Publish) ConnectOption {
	least := 24
	for _, p := range messages {
		if raw, err := codec.Encode(V5, codec.Server, p); err == nil {
			least = max(least, len(raw)+8)
		}
	}
	raw, err := codec.Encode(V5, codec.Server, x.Profile.Connack)
	if err != nil {
		return With(codec.MaximumPacketSize(clientLimit))
	}
	return With(codec.MaximumPacketSize(uint32(max(least, len(raw)))))
}

var _ = Check(Definition{
	Slug:     "packetsize-connack",
	Title:    "sends no Reason String or User Property that makes CONNACK too large for the client",
	Rules:    Rules{V5: "MQTT-3.2.2-19 MQTT-3.2.2-20"},
	Watches:  true,
	CaughtBy: fault.VerboseConnack,
	Body: func(x *Exchange) {
		x.Connect(Clean, As("alice"), tight(x))

		bob := x.Dial("bob")
		bob.Send(connectFlagged(x, reservedFlag, As("bob"), tight(x)))
		bob.AwaitEnd()
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-puback",
	Title:    "sends no Reason String or User Property that makes PUBACK too large for the client",
	Rules:    Rules{V5: "MQTT-3.4.2-2 MQTT-3.4.2-3"},
	Needs:    Needs{AtLeastOnce},
	Watches:  true,
	CaughtBy: fault.VerbosePuback,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), tight(x))
		alice.Publish(QoS1, x.Topic("nobody/listens"), "hello", Having(codec.UserProperty("a remark of the client's", "which is not to come back")))
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-pubrec",
	Title:    "sends no Reason String or User Property that makes PUBREC too large for the client",
	Rules:    Rules{V5: "MQTT-3.5.2-2 MQTT-3.5.2-3"},
	Needs:    Needs{ExactlyOnce},
	Watches:  true,
	CaughtBy: fault.VerbosePubrec,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), tight(x))
		alice.Publish(QoS2, x.Topic("nobody/listens"), "hello", Having(codec.UserProperty("a remark of the client's", "which is not to come back")))
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-pubrel",
	Title:    "sends no Reason String or User Property that makes PUBREL too large for the client",
	Rules:    Rules{V5: "MQTT-3.6.2-2 MQTT-3.6.2-3"},
	Needs:    Needs{ExactlyOnce},
	Watches:  true,
	CaughtBy: fault.VerbosePubrel,
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Clean, As("alice"), tight(x, &codec.Publish{QoS: QoS2, PacketID: 1, Topic: topic, Payload: "hello"}))
		alice.Subscribe(QoS2, topic)
		x.Connect(Clean, As("bob")).Publish(QoS2, topic, "hello")
		alice.Ack(alice.TakePublish(topic, "hello"))
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-pubcomp",
	Title:    "sends no Reason String or User Property that makes PUBCOMP too large for the client",
	Rules:    Rules{V5: "MQTT-3.7.2-2 MQTT-3.7.2-3"},
	Needs:    Needs{ExactlyOnce},
	Watches:  true,
	CaughtBy: fault.VerbosePubcomp,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), tight(x))
		alice.Publish(QoS2, x.Topic("nobody/listens"), "hello")

		alice.Send(&codec.Pubrel{PacketID: unusedPacketID}) // answered with Packet Identifier not found
		alice.PingOrClosed()
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-suback",
	Title:    "sends no Reason String or User Property that makes SUBACK too large for the client",
	Rules:    Rules{V5: "MQTT-3.9.2-1 MQTT-3.9.2-2"},
	Watches:  true,
	CaughtBy: fault.VerboseSuback,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), tight(x))
		alice.Subscribe(x.UpTo(QoS2), x.Topic("news"))
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-unsuback",
	Title:    "sends no Reason String or User Property that makes UNSUBACK too large for the client",
	Rules:    Rules{V5: "MQTT-3.11.2-1 MQTT-3.11.2-2"},
	Watches:  true,
	CaughtBy: fault.VerboseUnsuback,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), tight(x))
		alice.Unsubscribe(x.Topic("not/subscribed"))
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-disconnect",
	Title:    "sends no Reason String or User Property that makes DISCONNECT too large for the client",
	Rules:    Rules{V5: "MQTT-3.14.2-3 MQTT-3.14.2-4"}, // disconnect-from-server-size watches for them
	CaughtBy: fault.VerboseDisconnect,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), tight(x))
		x.Connect(Clean, As("alice"))
		alice.AwaitEnd()
		x.NeedSeen(codec.DISCONNECT)
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-auth",
	Title:    "sends no Reason String or User Property that makes AUTH too large for the client",
	Rules:    Rules{V5: "MQTT-3.15.2-2 MQTT-3.15.2-3"},
	Needs:    Needs{AuthenticationMethod},
	Watches:  true,
	CaughtBy: fault.VerboseAuth,
	Body:     func(x *Exchange) { x.Authenticate(Clean, As("alice"), With(codec.MaximumPacketSize(512))) },
})

// messageOfSize is a message whose packet has this size.
func messageOfSize(x *Exchange, c *Client, qos codec.QoS, size uint32) *codec.Publish {
	p := c.NewPublish(qos, x.Topic("news"), "")
	for {
		raw, err := codec.Encode(V5, codec.Client, p)
		if err != nil || uint32(len(raw)) >= size {
			return p
		}
		p.Payload += strings.Repeat("x", max(1, int(size)-len(raw)-3))
	}
}

var _ = Check(Definition{
	Slug:     "packetsize-of-server",
	Title:    "closes the connection on a packet above its own Maximum Packet Size",
	Rules:    Rules{V5: "MQTT-3.2.2-15"},
	Needs:    Needs{PacketSizeLimit},
	CaughtBy: Faults{fault.SkipsTooLargePackets},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(messageOfSize(x, alice, QoS0, 2*x.Profile.Number(codec.PropMaximumPacketSize, 0))))

		alice.WantClosed(codec.PacketTooLarge)
	},
})

var _ = Check(Definition{
	Slug:  "packetsize-of-server-by-one-byte",
	Title: "closes the connection on a packet one byte above its own Maximum Packet Size",
	Rules: Rules{V5: "MQTT-3.2.2-15"},
	Why: "\"The packet size is the total number of bytes in an MQTT Control Packet\" (section 3.2.2.3.6). " +
		"mosquitto 2.0.11 counts the fixed header as one byte however long the Remaining Length is, and " +
		"so takes a packet of up to four bytes more.",
	Needs:    Needs{PacketSizeLimit},
	CaughtBy: Faults{fault.SkipsTooLargePackets},
	MendedBy: Faults{fault.MendsMaximumPacketSize},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(messageOfSize(x, alice, QoS0, 1+x.Profile.Number(codec.PropMaximumPacketSize, 0))))

		alice.WantClosed(codec.PacketTooLarge)
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-of-server-reason",
	Title:    "says Packet too large (0x95) when it closes the connection for that",
	Rules:    Rules{V5: "5.0/3.2.2.3.6/packet-too-large-reason"},
	Needs:    Needs{PacketSizeLimit},
	CaughtBy: Faults{fault.DisconnectsSilently},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(codec.Wrong(messageOfSize(x, alice, QoS0, 2*x.Profile.Number(codec.PropMaximumPacketSize, 0))))

		disconnect := Want[*codec.Disconnect](alice, "DISCONNECT 0x95 Packet too large")
		x.Expect(disconnect.Code).To(Equal(codec.PacketTooLarge), "the Reason Code")
	},
})

var _ = Check(Definition{
	Slug:     "packetsize-of-server-reached",
	Title:    "takes a packet that is as large as its own Maximum Packet Size",
	Rules:    Rules{V5: "MQTT-3.2.2-15"},
	Needs:    Needs{PacketSizeLimit},
	CaughtBy: Faults{fault.CannotTakeItsMaximum},
	Body: func(x *Exchange) {
		most := x.Profile.Number(codec.PropMaximumPacketSize, 0)
		alice := x.Connect(Clean, As("alice"))
		alice.Patience(times.Transfer(int(most)))
		message := messageOfSize(x, alice, x.UpTo(QoS1), most)

		// It may have other reasons to refuse the message than its size.
		x.Controlled(func() {
			alice.Send(message)
			if message.QoS == QoS1 {
				Want[*codec.Puback](alice, "PUBACK")
			}
			alice.WantPingresp()
		}, func() { x.Connect(Clean, As("bob")).Publish(message.QoS, x.Topic("news"), "small") })
	},
})

var _ = Check(Definition{
	Slug:  "packetsize-of-server-unlimited",
	Title: "takes large packets when it declares no Maximum Packet Size",
	Rules: Rules{V5: "5.0/3.2.2.3.6/maximum-packet-size-absent"},
	Why: "A server has a property to say which packets are too large for it. Without it none is (section " +
		"3.2.2.3.6); it may still refuse a message (PUBACK 0x97) or not deliver it.",
	CaughtBy: Faults{fault.ConcealsMaximumPacketSize},
	Body: func(x *Exchange) {
		Each(x, []uint32{64 << 10, 1 << 20, 2 << 20}, func(n uint32) string { return fmt.Sprint(n>>10, " KiB") }, func(x *Exchange, n uint32) {
			alice := x.Connect(Clean, As("alice"))
			if most, ok := alice.Connack.Properties.Number(codec.PropMaximumPacketSize); ok {
				x.Inapplicable("CONNACK: Maximum Packet Size %d", most)
			}
			alice.Patience(times.Transfer(int(n)))

			alice.Send(messageOfSize(x, alice, QoS0, n))

			alice.WantAlive()
		})
	},
})
