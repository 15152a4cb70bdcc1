package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// What a broker owes its clients over a restart. Whether sessions, messages and
// retained messages survive one is the administrator's choice (sections 4.1 of
// 3.1.1 and 4.1.1 of 5.0) and reported as durability; here is what holds
// whatever was chosen: that a broker knows what it has kept, and that what was
// to end has ended.

var _ = Check(Definition{
	Slug:     "restart-session-present",
	Title:    "says by Session Present after a restart whether the session is still there",
	Rules:    Rules{V311: "MQTT-3.2.2-2 MQTT-3.2.2-3", V5: "MQTT-3.2.2-3"},
	Needs:    Needs{Restarting},
	Alone:    true,
	CaughtBy: Faults{fault.SessionPresentAlways},
	Body:     func(x *Exchange) { presentAfterRestart(x, false) },
})

var _ = Check(Definition{
	Slug:     "restart-session-whole",
	Title:    "has all of a session after a restart, or says by Session Present that it has none of it",
	Rules:    Rules{V311: "MQTT-3.2.2-2 MQTT-3.1.2-4", V5: "MQTT-3.2.2-3 MQTT-3.1.2-5"},
	Needs:    Needs{Restarting, DurableState},
	Alone:    true,
	CaughtBy: Faults{fault.SessionPresentNever, fault.ForgetsSessions},
	Body:     func(x *Exchange) { presentAfterRestart(x, true) },
})

// presentAfterRestart holds what is left of a session, its subscription and (if
// all of it counts) a message that waits in it, against Session Present.
func presentAfterRestart(x *Exchange, all bool) {
	news, weather, qos := x.Topic("news"), x.Topic("weather"), x.UpTo(QoS1)
	alice := x.Connect(Persistent, As("alice"))
	alice.Subscribe(qos, news)
	alice.Disconnect()
	x.Connect(Clean, As("bob")).Publish(qos, news, "before")

	x.Restart()

	alice = x.Connect(Persistent, As("alice"))
	alice.Subscribe(qos, weather)
	carol := x.Connect(Clean, As("carol"))
	carol.Publish(qos, news, "after")
	if !alice.Connack.SessionPresent {
		carol.WantPingresp()
		alice.WantNothingBefore(carol.Marker(qos, weather))
		return
	}
	if qos == QoS0 || !all { // a server need not keep QoS 0 messages for a client
		alice.WantAtLast(Message{Topic: news, Payload: "after"})
		return
	}
	alice.WantUnordered(Message{Topic: news, Payload: "before"}, Message{Topic: news, Payload: "after"})
}

var _ = Check(Definition{
	Slug:     "restart-clean-session",
	Title:    "reuses nothing of a clean session after a restart",
	Rules:    Rules{V311: "MQTT-3.1.2-6", V5: "5.0/3.1.2.11.2/session-expiry-interval-absent MQTT-4.1.0-2"},
	Needs:    Needs{Restarting, DurableState},
	Alone:    true,
	CaughtBy: Faults{fault.KeepsCleanSessions},
	Body:     func(x *Exchange) { cleanSessionAfter(x, x.Restart) },
})

var _ = Check(Definition{
	Slug:     "restart-killed-clean-session",
	Title:    "reuses nothing of a clean session after it was killed and started again",
	Rules:    Rules{V311: "MQTT-3.1.2-6", V5: "5.0/3.1.2.11.2/session-expiry-interval-absent MQTT-4.1.0-2"},
	Needs:    Needs{Killing, DurableState},
	Alone:    true,
	CaughtBy: Faults{fault.KeepsCleanSessions},
	Body:     func(x *Exchange) { cleanSessionAfter(x, x.Kill) },
})

func cleanSessionAfter(x *Exchange, event func()) {
	alice := x.Connect(Clean, As("alice"))
	needExpiry(x, alice, 0, 0, 0)
	alice.Subscribe(QoS0, x.Topic("news"))

	event()

	alice = x.Connect(Persistent, As("alice"))
	x.Expect(alice.Connack.SessionPresent).To(BeFalse(), "Session Present")
}

var _ = Check(Definition{
	Slug:     "restart-session-expired",
	Title:    "discards a session whose Session Expiry Interval has passed over a restart",
	Rules:    Rules{V5: "MQTT-4.1.0-2"},
	Needs:    Needs{Restarting, DurableState},
	Alone:    true,
	Takes:    seconds(1) + times.Late,
	CaughtBy: Faults{fault.KeepsSessionsLonger},
	MendedBy: Faults{fault.MendsExpiredSessions},
	Body: func(x *Exchange) {
		// mosquitto 2.0.11 does not look at the clock of a session any more once it
		// was restarted: the session was there still after nine seconds.
		alice := x.Connect(As("alice"), Resuming, expiring(1))
		if used := usedExpiry(alice, 1); used != 1 {
			x.Inapplicable("the broker declares in CONNACK that it uses a Session Expiry Interval of %d", used)
		}
		alice.Disconnect()

		x.Restart()
		x.Wait(seconds(1) + times.Late)

		alice = x.Connect(As("alice"), Resuming)
		x.Expect(alice.Connack.SessionPresent).To(BeFalse(), "Session Present")
	},
})

var _ = Check(Definition{
	Slug:     "restart-message-expired",
	Title:    "deletes a retained message whose Message Expiry Interval has passed over a restart",
	Rules:    Rules{V5: "MQTT-3.3.2-5"},
	Needs:    Needs{Restarting, DurableState, Retain},
	Alone:    true,
	Takes:    times.Late,
	CaughtBy: Faults{fault.NeverExpires},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("state"), x.UpTo(QoS1)
		x.Connect(Clean, As("alice")).Publish(qos, topic, "old", Retained, Having(codec.MessageExpiryInterval(1)))

		x.Restart()
		x.Wait(times.Late)

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		bob.WantNothingBefore(x.Connect(Clean, As("carol")).Marker(qos, topic))
	},
})

var _ = Check(Definition{
	Slug:  "restart-will",
	Title: "publishes the Will Messages of the connections that a restart has ended, before it or after",
	Rules: Rules{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	Why: "\"In the case of a Server shutdown or failure, the Server MAY defer publication of Will Messages " +
		"until a subsequent restart\" (section 3.1.2.5): the will may be late then, but it comes.",
	Needs:    Needs{Restarting, DurableState, AtLeastOnce},
	Alone:    true,
	CaughtBy: Faults{fault.ForgetsWillsOfRestart},
	Body: func(x *Exchange) {
		topic := x.Topic("status")
		bob := x.Connect(Persistent, As("bob"))
		bob.Subscribe(QoS1, topic)
		bob.Disconnect()
		x.Connect(Clean, As("alice"), willOn(x, topic, "gone"))

		x.Restart()

		bob = x.Connect(Persistent, As("bob"))
		wantPresent(x, bob)
		bob.WantDelivery(topic, "gone")
	},
})

var _ = Check(Definition{
	Slug:     "restart-in-flight",
	Title:    "resends what a client has not acknowledged when it comes back to its session after a restart",
	Rules:    Rules{V311: "MQTT-4.4.0-1", V5: "MQTT-4.4.0-1"},
	Needs:    Needs{Restarting, DurableState, AtLeastOnce},
	Alone:    true,
	CaughtBy: Faults{fault.ForgetsSessions},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Persistent, As("alice"))
		alice.Subscribe(QoS1, topic)
		x.Connect(Clean, As("bob")).Publish(QoS1, topic, "hello")
		alice.TakePublish(topic, "hello")
		alice.Drop()

		x.Restart()

		alice = x.Connect(Persistent, As("alice"))
		wantPresent(x, alice)
		alice.WantDelivery(topic, "hello")
	},
})

var _ = Check(Definition{
	Slug:     "restart-exactly-once",
	Title:    "delivers a QoS 2 message once though a restart breaks its exchange",
	Rules:    Rules{V311: "MQTT-4.3.3-2", V5: "MQTT-4.3.3-10"},
	Needs:    Needs{Restarting, DurableState, ExactlyOnce},
	Alone:    true,
	CaughtBy: Faults{fault.DeliversAgainAfterRestart},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		watcher := x.Connect(Persistent, As("watcher"))
		watcher.Subscribe(QoS2, topic)
		watcher.Disconnect()
		alice := x.Connect(Persistent, As("alice"))
		message := alice.NewPublish(QoS2, topic, "hello")
		alice.Send(message)
		alice.TakePubrec(message.PacketID)
		alice.Drop()

		x.Restart()

		alice = x.Connect(Persistent, As("alice"))
		wantPresent(x, alice)
		message.Dup = true
		alice.Send(message)
		alice.Complete(message)
		watcher = x.Connect(Persistent, As("watcher"))
		wantPresent(x, watcher)
		wantOnce(x, watcher, Message{Topic: topic, Payload: "hello"}, alice.Marker(QoS2, topic))
	},
})

// wantPresent makes the check inapplicable where the session has not survived
// the restart: nothing can be seen then.
func wantPresent(x *Exchange, c *Client) {
	if !c.Connack.SessionPresent {
		x.Inapplicable("the session has not survived the restart: CONNACK with Session Present 0")
	}
}
