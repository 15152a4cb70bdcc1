package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// Request Problem Information (5.0, section 3.1.2.11.7).

var _ = Check(Definition{
	Slug:     "problem-information-withheld",
	Title:    "sends Reason Strings and User Properties in PUBLISH, CONNACK and DISCONNECT only, when Request Problem Information is 0",
	Rules:    Rules{V5: "MQTT-3.1.2-29"},
	Needs:    Needs{ExactlyOnce},
	Watches:  true,
	CaughtBy: fault.TellsProblems,
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Clean, As("alice"), With(codec.RequestProblemInformation(0)))

		// What a broker may want to explain: a message that nobody receives,
		// identifiers and filters that it does not know.
		remark := Having(codec.UserProperty("name", "value"))
		alice.Publish(QoS1, x.Topic("nobody/listens"), "hello", remark)
		alice.Publish(QoS2, x.Topic("nobody/listens"), "hello", remark)
		alice.Subscribe(QoS2, topic)
		alice.Unsubscribe(x.Topic("not/subscribed"))
		alice.Send(&codec.Pubrel{PacketID: unusedPacketID})
		alice.PingOrClosed()

		bob := x.Connect(Clean, As("bob"), With(codec.RequestProblemInformation(0)))
		bob.Subscribe(QoS2, topic)
		bob.Publish(QoS2, topic, "hello", remark)
		bob.Ack(bob.TakePublish(topic, "hello"))
	},
})

var _ = Check(Definition{
	Slug:     "problem-information-withheld-from-auth",
	Title:    "sends no Reason String or User Property in AUTH when Request Problem Information is 0",
	Rules:    Rules{V5: "MQTT-3.1.2-29"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: fault.TellsProblemsInAuth,
	Body:     func(x *Exchange) { x.Authenticate(Clean, As("alice"), With(codec.RequestProblemInformation(0))) },
})
