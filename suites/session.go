package suites

import (
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Session state: kept, resumed and discarded (Clean Session and Clean Start,
// section 3.1.2.4; Session Present, 3.2.2.2 of 3.1.1 and 3.2.2.1.1 of 5.0).

var _ = Check(Definition{
	Slug:     "session-present-clean",
	Title:    "answers Session Present 0 to a clean session even when one was stored",
	Rules:    Rules{V311: "MQTT-3.2.2-1", V5: "MQTT-3.2.2-2"},
	CaughtBy: Faults{fault.SessionPresentAlways},
	Body: func(x *Exchange) {
		x.Connect(Persistent, As("alice")).Disconnect()

		alice := x.Connect(Clean, As("alice"))

		x.Expect(alice.Connack.SessionPresent).To(BeFalse(), "Session Present")
	},
})

var _ = Check(Definition{
	Slug:  "session-present-stored",
	Title: "answers Session Present 1 when it has stored the session",
	Rules: Rules{V311: "MQTT-3.2.2-2", V5: "MQTT-3.2.2-3"},
	Why: "A session without subscriptions is one too: its state consists first of all of \"the existence of " +
		"a Session, even if the rest of the Session state is empty\" (section 3.1.2.4 of 3.1.1, 4.1 of " +
		"5.0). Aedes 1.2.0 and RabbitMQ 3.10.8 keep none.",
	CaughtBy: Faults{fault.SessionPresentNever},
	Body: func(x *Exchange) {
		x.Connect(Persistent, As("alice")).Disconnect()

		alice := x.Connect(Persistent, As("alice"))

		x.Expect(alice.Connack.SessionPresent).To(BeTrue(), "Session Present")
	},
})

var _ = Check(Definition{
	Slug:     "session-subscription-kept",
	Title:    "keeps the subscriptions of a session over a reconnect",
	Rules:    Rules{V311: "MQTT-3.1.2-4", V5: "MQTT-3.1.2-5 MQTT-3.1.2-23"},
	CaughtBy: Faults{fault.ForgetsSessions},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Persistent, As("alice"))
		alice.Subscribe(QoS0, topic)
		alice.Disconnect()

		alice = x.Connect(Persistent, As("alice"))
		x.Connect(Clean, As("bob")).Publish(QoS0, topic, "hello")

		alice.WantDelivery(topic, "hello")
	},
})
