package suites

import (
	"fmt"
	"time"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"
)

// Keep Alive (section 3.1.2.10) and Server Keep Alive (5.0, section 3.2.2.3.14).

// keepAliveOf is the Keep Alive that holds for an accepted connection: the
// server's, where it sets one, or else the one asked for. One that is longer than
// this makes a check inapplicable that would have to wait for it.
func keepAliveOf(x *Exchange, c *Client, asked, longest uint32) time.Duration {
	used := asked
	if n, ok := c.Connack.Properties.Number(codec.PropServerKeepAlive); ok {
		used = n
	}
	if used == 0 || used > longest {
		x.Inapplicable("CONNACK: Server Keep Alive %d replaces the client's %d", used, asked)
	}
	return seconds(used)
}

// wantSilenceEnded wants the connection of a silent client to be closed.
func wantSilenceEnded(x *Exchange, c *Client, keepAlive time.Duration) {
	c.WantClosedWithin(times.Silence(keepAlive, x.Timeout()), codec.KeepAliveTimeout)
}

var _ = Check(Definition{
	Slug:     "keepalive-enforced",
	Title:    "closes the connection of a client that is silent for one and a half times its Keep Alive",
	Rules:    Rules{V311: "MQTT-3.1.2-24", V5: "MQTT-3.1.2-22 MQTT-3.2.2-22"},
	CaughtBy: Faults{fault.KeepsSilentClients},
	Takes:    times.SilenceNoticed,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), KeepAlive(1))

		wantSilenceEnded(x, alice, keepAliveOf(x, alice, 1, 5))
	},
})

var _ = Check(Definition{
	Slug:     "keepalive-server",
	Title:    "closes the connection of a client that is silent for one and a half times the Server Keep Alive",
	Rules:    Rules{V5: "MQTT-3.1.2-21 MQTT-3.2.2-21 MQTT-3.1.2-22"},
	Needs:    Needs{ServerKeepAlive},
	CaughtBy: Faults{fault.KeepsSilentClients},
	Takes:    seconds(10) * 3 / 2,
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), KeepAlive(600))

		wantSilenceEnded(x, alice, keepAliveOf(x, alice, 600, 10))
	},
})

// That a packet begun and not finished does not count either is not tested: the
// client's own duty is measured from the end of one packet to the start of the
// next, so that one with a large packet under way has kept it.
var _ = Check(Definition{
	Slug:  "keepalive-receiving",
	Title: "closes the connection of a client that is silent for one and a half times its Keep Alive while it receives messages",
	Rules: Rules{V311: "MQTT-3.1.2-24", V5: "MQTT-3.1.2-22"},
	Why: "It is what the client sends that counts: \"does not receive an MQTT Control Packet from the " +
		"Client\" (section 3.1.2.10). What the client is sent does not.",
	CaughtBy: Faults{fault.CountsOwnPackets},
	Takes:    times.SilenceNoticed,
	Body: func(x *Exchange) {
		topic := x.Topic("ticks")
		alice := x.Connect(Clean, As("alice"))
		shortest := times.ToSubscribe(x.RoundTrip())
		bob := x.Connect(Clean, As("bob"), KeepAlive(shortest))
		keepAlive := keepAliveOf(x, bob, uint32(shortest), max(5, uint32(shortest)))
		bob.Subscribe(QoS0, topic)

		silent, longest := time.Now(), times.Silence(keepAlive, x.Timeout())
		for ; !bob.Closed(); x.Wait(keepAlive / 5) {
			if time.Since(silent) > longest {
				x.Failf("the broker to close the connection", "the connection still open after %s without a packet from the client", longest)
			}
			alice.Publish(QoS0, topic, "tick")
		}
		bob.WantClosedWithin(x.Timeout(), codec.KeepAliveTimeout)
	},
})

// silence is how long a client with a long Keep Alive is silent.
var silence = seconds(3)

var _ = Check(Definition{
	Slug:     "keepalive-long",
	Title:    "keeps the connection of a client that is silent for a small part of a long Keep Alive",
	Rules:    Rules{V5: "MQTT-3.2.2-22"},
	CaughtBy: Faults{fault.OverflowsKeepAlive, fault.TakesKeepAliveForSigned, fault.ReadsHalfOfKeepAlive},
	Takes:    silence,
	Body: func(x *Exchange) {
		// mochi 2.7.9 works out one and a half times the Keep Alive in 16 bits:
		// for 43691 that makes 0, and it closes the connection ahead of CONNACK.
		Each(x, longKeepAlives, keepAliveName, func(x *Exchange, keepAlive uint16) {
			alice := keptAlive(x, keepAlive)
			if n, ok := alice.Connack.Properties.Number(codec.PropServerKeepAlive); ok && seconds(n) < silence {
				x.Inapplicable("CONNACK: Server Keep Alive %d replaces the client's %d", n, keepAlive)
			}

			x.Wait(silence)

			alice.WantAlive()
		})
	},
})

var _ = Check(Definition{
	Slug:  "keepalive-long-active",
	Title: "keeps the connection of a client with a long Keep Alive that goes on sending packets",
	Rules: Rules{V311: "MQTT-3.1.2-24"},
	Why: "3.1.1 lets a server disconnect a client \"that it determines to be inactive or non-responsive at " +
		"any time, regardless of the Keep Alive value\" (section 3.1.2.10). This one is neither.",
	CaughtBy: Faults{fault.OverflowsKeepAlive, fault.TakesKeepAliveForSigned},
	Takes:    seconds(1),
	Body: func(x *Exchange) {
		Each(x, []uint16{43691, 65535}, keepAliveName, func(x *Exchange, keepAlive uint16) {
			alice := keptAlive(x, keepAlive)

			for range 4 {
				alice.WantAlive()
				x.Wait(seconds(1) / 4)
			}

			alice.WantAlive()
		})
	},
})

// keptAlive connects alice with a long Keep Alive, which a server may refuse, but
// has to answer (MQTT-3.1.4-4 in 3.1.1, MQTT-3.1.4-5 in 5.0).
func keptAlive(x *Exchange, keepAlive uint16) *Client {
	x.Connect(Clean, As("alice")).Disconnect()
	alice := x.Dial("alice")
	alice.Send(x.NewConnect(Clean, As("alice"), KeepAlive(keepAlive)))
	alice.AwaitAnswer()
	if alice.Accepted() {
		return alice
	}
	if refusal := alice.UnreadConnack(); refusal != nil {
		x.Inapplicable("the broker refuses Keep Alive %d: %s", keepAlive, refusal)
	}
	alice.WantAccepted()
	return alice
}

// longKeepAlives are those of which a half is lost with the upper byte, at
// which one and a half times as much no longer fits two bytes, and the longest.
var longKeepAlives = []uint16{257, 43691, 65535}

func keepAliveName(keepAlive uint16) string { return fmt.Sprint("Keep Alive ", keepAlive) }

var _ = Check(Definition{
	Slug:  "keepalive-any-packet",
	Title: "takes any packet for a sign of life",
	Rules: Rules{V311: "3.1.1/3.1.2.10/any-packet", V5: "5.0/3.1.2.10/any-packet"},
	Why: "It is a SHOULD in 3.1.1, where \"a Server is permitted to disconnect a Client that it determines " +
		"to be inactive or non-responsive at any time\" (section 3.1.2.10).",
	CaughtBy: Faults{fault.CountsNoPackets, fault.CountsPingreqOnly},
	Takes:    3 * seconds(2) * 23 / 40,
	Body: func(x *Exchange) {
		Each(x, signsOfLife(x), named[signOfLife].label, func(x *Exchange, sign named[signOfLife]) {
			shortest := times.ToPrepare(x.RoundTrip(), x.Settle())
			bob := x.Connect(Clean, As("bob"))
			start := time.Now()
			alice := x.Connect(Clean, As("alice"), KeepAlive(shortest))
			keepAlive := keepAliveOf(x, alice, uint32(shortest), max(10, uint32(shortest)))
			next := sign.value(x, alice, bob)
			x.Punctual(start, keepAlive)
			interval := keepAlive * 23 / 40
			alice.Fence() // however long it took until here

			// Well within the Keep Alive of each other, but together longer than one
			// and a half times that.
			for range 2 {
				silent := time.Now()
				x.Wait(interval)
				alice.Send(next())
				x.Punctual(silent, keepAlive)
			}
			x.Wait(interval)

			alice.WantAlive()
		})
	},
})

// A signOfLife prepares a client for sending two packets of one type, and no
// other in between, and gives them one by one. Bob has what to send it.
type signOfLife func(x *Exchange, alice, bob *Client) (next func() codec.Packet)

// signsOfLife are all packets that a client may send more than once, as far as
// the broker takes part in them.
func signsOfLife(x *Exchange) []named[signOfLife] {
	signs := []named[signOfLife]{
		{"PINGREQ", func(x *Exchange, alice, _ *Client) func() codec.Packet {
			alice.Send(&codec.Pingreq{})
			return func() codec.Packet {
				x.StandsOn(StepPing, func() { Want[*codec.Pingresp](alice, "PINGRESP") }) // to the one before
				return &codec.Pingreq{}
			}
		}},
		{"PUBLISH", func(x *Exchange, alice, _ *Client) func() codec.Packet {
			return func() codec.Packet { return alice.NewPublish(QoS0, x.Topic("news"), "hello") }
		}},
		{"SUBSCRIBE", func(x *Exchange, alice, _ *Client) func() codec.Packet {
			return func() codec.Packet {
				return &codec.Subscribe{PacketID: alice.PacketID(), Subscriptions: []codec.Subscription{{Filter: x.Topic("news")}}}
			}
		}},
		{"UNSUBSCRIBE", func(x *Exchange, alice, _ *Client) func() codec.Packet {
			return func() codec.Packet {
				return &codec.Unsubscribe{PacketID: alice.PacketID(), Filters: []string{x.Topic("news")}}
			}
		}},
	}
	highest := x.UpTo(QoS2)
	if highest >= QoS1 {
		signs = append(signs, named[signOfLife]{"PUBACK", func(x *Exchange, alice, bob *Client) func() codec.Packet {
			topic := sendTwo(x, alice, bob, QoS1)
			x.StandsOn(StepDeliver, alice.WantMessage)
			return func() codec.Packet { // the second may be there already, or comes upon PUBACK to the first
				return &codec.Puback{PacketID: alice.TakePublish(topic, "hello").PacketID}
			}
		}})
	}
	if highest >= QoS2 {
		signs = append(signs,
			named[signOfLife]{"PUBREC", func(x *Exchange, alice, bob *Client) func() codec.Packet {
				return acknowledging(receiveTwo(x, alice, bob), func(id uint16) codec.Packet { return &codec.Pubrec{PacketID: id} })
			}},
			named[signOfLife]{"PUBCOMP", func(x *Exchange, alice, bob *Client) func() codec.Packet {
				ids := receiveTwo(x, alice, bob)
				for _, id := range ids {
					alice.Send(&codec.Pubrec{PacketID: id})
					alice.TakePubrel(id)
				}
				return acknowledging(ids, func(id uint16) codec.Packet { return &codec.Pubcomp{PacketID: id} })
			}},
		)
	}
	if highest >= QoS2 && x.Profile.Number(codec.PropReceiveMaximum, 65535) >= 2 {
		signs = append(signs, named[signOfLife]{"PUBREL", func(x *Exchange, alice, _ *Client) func() codec.Packet {
			var ids []uint16
			for range 2 {
				p := alice.NewPublish(QoS2, x.Topic("news"), "hello")
				alice.Send(p)
				alice.TakePubrec(p.PacketID)
				ids = append(ids, p.PacketID)
			}
			return acknowledging(ids, func(id uint16) codec.Packet { return &codec.Pubrel{PacketID: id} })
		}})
	}
	return signs
}

// sendTwo publishes two messages to a client.
func sendTwo(x *Exchange, alice, bob *Client, qos codec.QoS) (topic string) {
	topic = x.Topic("news")
	alice.Subscribe(qos, topic)
	bob.PublishAll(qos, topic, "hello", "hello")
	return topic
}

// receiveTwo has two QoS 2 messages sent to a client and returns their Packet
// Identifiers: nothing has been acknowledged yet. A broker may send them one
// after the other, each when the one before is complete; then there are not two
// packets of one type to send without another in between.
func receiveTwo(x *Exchange, alice, bob *Client) (ids []uint16) {
	sendTwo(x, alice, bob, QoS2)
	x.StandsOn(StepDeliver, func() {
		for _, message := range alice.WantWindow(2) {
			ids = append(ids, message.PacketID)
		}
	})
	if len(ids) < 2 {
		x.Inapplicable("the broker sends a client one unacknowledged message at a time")
	}
	return ids
}

// acknowledging gives an acknowledgement for each of these Packet Identifiers.
func acknowledging(ids []uint16, ack func(id uint16) codec.Packet) (next func() codec.Packet) {
	return func() codec.Packet {
		id := ids[0]
		ids = ids[1:]
		return ack(id)
	}
}

// 3.1.1 has no such rule: "a Server is permitted to disconnect a Client that it
// determines to be inactive or non-responsive at any time".
var _ = Check(Definition{
	Slug:     "keepalive-zero",
	Title:    "sets no time limit for a client with Keep Alive 0",
	Rules:    Rules{V5: "5.0/3.1.2.10/keep-alive-zero"},
	CaughtBy: Faults{fault.TimesOutKeepAliveZero},
	Takes:    seconds(2),
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), KeepAlive(0))
		if n, ok := alice.Connack.Properties.Number(codec.PropServerKeepAlive); ok && n > 0 {
			x.Inapplicable("CONNACK: Server Keep Alive %d replaces the client's 0", n)
		}

		x.Wait(seconds(2))

		alice.WantPingresp()
	},
})
