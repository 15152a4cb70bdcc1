package suites

import (
	"time"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// Will Delay Interval of 5.0 (section 3.1.3.2.2), and what ends it: the
// session's end, or the client's return.
//
// What becomes of a delayed will when the client is back with Clean Start 1 is
// not checked: it ends the session, at which the will is due; but it is also "a
// new Network Connection for the ClientID", which is among the exceptions
// (MQTT-3.1.2-8). Only a comment that is not normative says which it is.

// delayed is the Will Delay Interval of a will.
func delayed(seconds uint32) codec.Property { return codec.WillDelayInterval(seconds) }

var _ = Check(Definition{
	Slug:     "will-delay",
	Title:    "publishes the Will Message after its Will Delay Interval, not before",
	Rules:    Rules{V5: "MQTT-3.1.2-8 MQTT-3.1.2-7"},
	CaughtBy: Faults{fault.IgnoresWillDelay},
	Takes:    seconds(2),
	Body: func(x *Exchange) {
		Each(x, []connectionEnd{
			{"lost connection", (*Client).Drop},
			{"DISCONNECT with 0x04", func(c *Client) { c.Send(&codec.Disconnect{Code: codec.DisconnectWithWill}); c.Drop() }},
		}, connectionEnd.label, func(x *Exchange, end connectionEnd) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS1), topic)
			alice := x.Connect(Clean, As("alice"), expiring(600), willOn(x, topic, "lost", delayed(2)))
			needExpiry(x, alice, 600, 60, never)

			lost := time.Now()
			end.value(alice)

			watcher.WantDelivery(topic, "lost")
			// A clock that counts whole seconds may be almost one ahead.
			x.Expect(time.Since(lost)).To(BeNumerically(">=", seconds(1)), "time until the will arrives")
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-delay-zero",
	Title:    "publishes the Will Message without delay when its Will Delay Interval is 0 or absent, though the session goes on",
	Rules:    Rules{V5: "MQTT-3.1.2-8"},
	CaughtBy: Faults{fault.DelaysWillOfSession},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, []named[codec.Properties]{{"absent", nil}, {"0", codec.Properties{delayed(0)}}}, named[codec.Properties].label,
			func(x *Exchange, delay named[codec.Properties]) {
				topic := x.Topic("status")
				watcher := awaitingWill(x, x.UpTo(QoS1), topic)

				x.Connect(Clean, As("alice"), expiring(600), willOn(x, topic, "lost", delay.value...)).Drop()

				watcher.WantDelivery(topic, "lost")
			})
	},
})

// sessionExpiries end a session with its connection, and soon after it: before
// a will that is to be delayed for longer.
func sessionExpiries() []named[uint32] {
	return []named[uint32]{{"with its connection", 0}, {"one second later", 1}}
}

var _ = Check(Definition{
	Slug:  "will-delay-session-end",
	Title: "publishes a delayed Will Message when the session ends before the Will Delay Interval is over",
	Rules: Rules{V5: "MQTT-3.1.2-8"},
	Why: "The will is delayed \"until the Will Delay Interval has passed or the Session ends, whichever " +
		"happens first\" (section 3.1.3.2.2). mosquitto 2.0.11 waits for the delay when the session ends " +
		"with its connection: a will delayed by 7 seconds came after 7.5.",
	CaughtBy: Faults{fault.DelaysWillBeyondSession},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		Each(x, sessionExpiries(), named[uint32].label, func(x *Exchange, expiry named[uint32]) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS1), topic)
			alice := x.Connect(Clean, As("alice"), expiring(expiry.value), willOn(x, topic, "session over", delayed(600)))
			needExpiry(x, alice, expiry.value, 0, expiry.value)

			alice.Drop()

			watcher.WantDelivery(topic, "session over")
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-delay-session-end-prompt",
	Title:    "publishes a delayed Will Message promptly when the session ends",
	Rules:    Rules{V5: "5.0/3.1.2.5/will-prompt"},
	CaughtBy: Faults{fault.DelaysWillBeyondSession, fault.PublishesWillsLate},
	Takes:    seconds(1),
	Body: func(x *Exchange) {
		Each(x, sessionExpiries(), named[uint32].label, func(x *Exchange, expiry named[uint32]) {
			topic := x.Topic("status")
			watcher := awaitingWill(x, x.UpTo(QoS1), topic)
			alice := x.Connect(Clean, As("alice"), expiring(expiry.value), willOn(x, topic, "session over", delayed(600)))
			needExpiry(x, alice, expiry.value, 0, expiry.value)

			lost := time.Now()
			alice.Drop()

			watcher.WantDelivery(topic, "session over")
			x.WantInTime("the will", lost, seconds(expiry.value)+times.Promptly(x.RoundTrip()))
		})
	},
})

var _ = Check(Definition{
	Slug:  "will-delay-session-ended-by-disconnect",
	Title: "publishes a delayed Will Message when DISCONNECT ends the session, but not with Reason Code 0x00",
	Rules: Rules{V5: "MQTT-3.1.2-8 5.0/3.14.2.1/disconnect-with-will"},
	Why: "Session Expiry Interval 0 in DISCONNECT takes the place of that of CONNECT (section 3.14.2.2.2), " +
		"so the session ends with the connection, and with it the delay; 0x04 keeps the will.",
	CaughtBy: Faults{fault.DelaysWillBeyondSession},
	MendedBy: Faults{fault.MendsWillAtSessionEnd},
	Takes:    times.WillMissed,
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := awaitingWill(x, x.UpTo(QoS1), topic)
		alice := x.Connect(Clean, As("alice"), expiring(600), willOn(x, topic, "session over", delayed(600)))

		alice.Send(&codec.Disconnect{Code: codec.DisconnectWithWill, Properties: asExpiry(0)})
		alice.Drop()

		watcher.WantDelivery(topic, "session over")
	},
})

var _ = Check(Definition{
	Slug:     "will-delay-prompt",
	Title:    "publishes a delayed Will Message promptly when the Will Delay Interval is over",
	Rules:    Rules{V5: "5.0/3.1.2.5/will-prompt"},
	CaughtBy: Faults{fault.PublishesWillsLate},
	Takes:    seconds(1),
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := awaitingWill(x, x.UpTo(QoS1), topic)
		alice := x.Connect(Clean, As("alice"), expiring(600), willOn(x, topic, "lost", delayed(1)))
		needExpiry(x, alice, 600, 60, never)

		lost := time.Now()
		alice.Drop()

		watcher.WantDelivery(topic, "lost")
		x.WantInTime("the will", lost, seconds(1)+times.Promptly(x.RoundTrip()))
	},
})

var _ = Check(Definition{
	Slug:     "will-delay-reconnect",
	Title:    "sends no Will Message when the client is back in its session before the Will Delay Interval is over",
	Rules:    Rules{V5: "MQTT-3.1.3-9 MQTT-3.1.2-8"},
	CaughtBy: Faults{fault.PublishesWillDespiteReconnect},
	Takes:    seconds(3),
	Body: func(x *Exchange) {
		Each(x, []connectionEnd{
			{"lost connection", (*Client).Drop},
			{"DISCONNECT with 0x04", func(c *Client) { c.Send(&codec.Disconnect{Code: codec.DisconnectWithWill}); c.Drop() }},
			{"takeover", func(*Client) {}},
		}, connectionEnd.label, func(x *Exchange, end connectionEnd) {
			topic := x.Topic("status")
			watcher := overhear(x, x.UpTo(QoS1), topic)
			delay := times.Return(x.RoundTrip())
			alice := x.Connect(Clean, As("alice"), expiring(600), willOn(x, topic, "lost", delayed(delay)))
			needExpiry(x, alice, 600, 60, never)
			lost := time.Now()
			end.value(alice)

			back := x.Connect(Resuming, As("alice"), expiring(600))
			wantReturned(x, lost, delay)
			x.Wait(seconds(delay + 1)) // who looks once a second has looked

			back.WantPingresp()
			watcher.WantNoWillBefore(x.WillMarker(x.UpTo(QoS1), topic))
		})
	},
})

var _ = Check(Definition{
	Slug:     "will-delay-disconnect",
	Title:    "discards a delayed Will Message on DISCONNECT",
	Rules:    Rules{V5: "MQTT-3.1.2-10 MQTT-3.14.4-3"},
	CaughtBy: Faults{fault.DisconnectsAsLost},
	Takes:    seconds(1) + times.Late,
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		watcher := overhear(x, x.UpTo(QoS1), topic)
		x.Connect(Clean, As("alice"), expiring(600), willOn(x, topic, "discarded", delayed(1))).Disconnect()

		x.Wait(seconds(1) + times.Late)

		watcher.WantNoWillBefore(x.WillMarker(x.UpTo(QoS1), topic))
	},
})

var _ = Check(Definition{
	Slug:     "will-delay-twice",
	Title:    "closes the connection when the will has two Will Delay Intervals",
	Rules:    Rules{V5: "5.0/3.1.3.2.2/will-delay-interval-twice"},
	CaughtBy: Faults{fault.TakesTwoWillDelays},
	Body: func(x *Exchange) {
		wantUnacceptable(x, codec.Wrong(x.NewConnect(Clean, As("alice"), willOn(x, x.Topic("status"), "lost", delayed(1), delayed(1)))))
	},
})
