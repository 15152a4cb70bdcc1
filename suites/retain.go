package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Retained messages: the RETAIN flag (section 3.3.1.3).
//
// A broker may discard a retained QoS 0 message at any time, so what has to be
// kept is published at QoS 1 where the broker takes part in that.

var _ = Check("retain-new-subscription",
	"sends the retained message to a new subscription, with RETAIN 1",
	Rules{
		V311: "MQTT-3.3.1-5 MQTT-3.3.1-6 MQTT-3.3.1-8",
		V5:   "MQTT-3.3.1-5 MQTT-3.3.1-9 5.0/3.3.1.3/retained-message-flag",
	},
	Needs{Retain},
	CaughtBy{fault.StoresNothingRetained, fault.ClearsRetainFlag},
	func(x *Exchange) {
		topic, qos := x.Topic("state"), x.UpTo(QoS1)
		x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)

		message := bob.Receive(topic, "on")
		x.Expect(message.Retain).To(BeTrue(), "RETAIN")
	})

var _ = Check("retain-every-topic",
	"sends a new subscription the retained message of every topic that it matches",
	Rules{V311: "MQTT-3.3.1-6 MQTT-3.3.1-8", V5: "MQTT-3.3.1-9 5.0/3.3.1.3/retained-message-flag"},
	Needs{Retain, Wildcards},
	CaughtBy{fault.OneRetainedMessage, fault.ClearsRetainFlag},
	func(x *Exchange) {
		qos := x.UpTo(QoS1)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(qos, x.Topic("state/lamp"), "on", Retained)
		alice.Publish(qos, x.Topic("state/door/front"), "shut", Retained)
		alice.Publish(qos, x.Topic("other"), "unasked", Retained)

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, x.Topic("state/#"))

		x.About("MQTT-3.3.1-6", "MQTT-3.3.1-9")
		messages := bob.ReceiveUnordered(
			Message{Topic: x.Topic("state/lamp"), Payload: "on"},
			Message{Topic: x.Topic("state/door/front"), Payload: "shut"},
		)
		x.About("MQTT-3.3.1-8", "5.0/3.3.1.3/retained-message-flag")
		for _, message := range messages {
			x.Expect(message.Retain).To(BeTrue(), "RETAIN of "+message.Topic)
		}
		bob.WantNothingBefore(alice.Marker(qos, x.Topic("state/lamp")))
	})

var _ = Check("retain-parent-topic",
	"sends a new subscription whose filter ends in /# the retained message of the level above",
	Rules{V311: "MQTT-3.3.1-6 3.1.1/4.7.1.2/parent-matched", V5: "MQTT-3.3.1-9 5.0/4.7.1.2/parent-matched"},
	Needs{Retain, Wildcards},
	CaughtBy{fault.StoresNothingRetained},
	func(x *Exchange) {
		qos := x.UpTo(QoS1)
		watcher := overhear(x, qos, x.Topic("state"))
		x.Connect(Clean, As("alice")).Publish(qos, x.Topic("state"), "fine", Retained)
		watcher.Receive(x.Topic("state"), "fine") // or bob could get it as one that is new

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, x.Topic("state/#"))

		bob.Receive(x.Topic("state"), "fine")
	})

var _ = Check("retain-qos-stored",
	"stores a retained message with its QoS",
	Rules{V311: "MQTT-3.3.1-5", V5: "MQTT-3.3.1-5"},
	Needs{Retain, AtLeastOnce},
	CaughtBy{fault.DeliversAtQoS0},
	func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS2), topic)

			bob.Ack(bob.WantPublishAt(qos, topic, "on"))
		})
	})

var _ = Check("retain-replaced",
	"keeps only the last retained message of a topic",
	Rules{V311: "MQTT-3.3.1-6", V5: "MQTT-3.3.1-5"},
	Needs{Retain},
	CaughtBy{fault.KeepsFirstRetained},
	func(x *Exchange) {
		topic, qos := x.Topic("state"), x.UpTo(QoS1)
		watcher := overhear(x, qos, topic)
		watcher.Ping() // see retain-empty-payload-delivered
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(qos, topic, "on", Retained)
		watcher.Delivered(topic, "on")
		alice.Publish(qos, topic, "off", Retained)
		watcher.Delivered(topic, "off") // so the broker is done with it; PUBACK may come before

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)

		bob.Receive(topic, "off")
		bob.Ping() // what is retained comes before the answer
		bob.WantNothingBefore(alice.Marker(qos, topic))
	})

var _ = Check("retain-replaced-at-qos-0",
	"discards the retained message of a topic when a QoS 0 message with RETAIN 1 comes",
	Rules{V311: "MQTT-3.3.1-7", V5: "MQTT-3.3.1-5"},
	Needs{Retain, AtLeastOnce},
	CaughtBy{fault.KeepsFirstRetained},
	func(x *Exchange) {
		topic := x.Topic("state")
		watcher := overhear(x, QoS0, topic)
		watcher.Ping() // see retain-empty-payload-delivered
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(QoS1, topic, "on", Retained)
		watcher.Delivered(topic, "on")
		alice.Publish(QoS0, topic, "off", Retained)
		watcher.Delivered(topic, "off") // so the broker is done with it; PINGRESP may come before

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS1, topic)

		for _, message := range bob.WantUntil(alice.Marker(QoS1, topic)) {
			x.Expect(message.Payload).To(Equal("off"), "the retained message") // if there is one
		}
	})

var _ = Check("retain-qos-0-kept",
	"keeps a retained QoS 0 message",
	Rules{V311: "3.1.1/3.3.1.3/retained-qos-0 3.1.1/4.1/retained-kept", V5: "5.0/3.3.1.3/retained-qos-0"},
	Needs{Retain},
	CaughtBy{fault.StoresNothingRetained},
	func(x *Exchange) {
		topic := x.Topic("state")
		watcher := overhear(x, QoS0, topic)
		watcher.Ping() // see retain-empty-payload-delivered
		x.Connect(Clean, As("alice")).Publish(QoS0, topic, "on", Retained)
		watcher.Delivered(topic, "on")

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)

		bob.Receive(topic, "on")
	})

var _ = Check("retain-established-subscription",
	"sends a message with RETAIN 0 to a subscription that was there before, however it was published",
	Rules{V311: "MQTT-3.3.1-9", V5: "MQTT-3.3.1-12"},
	Needs{Retain},
	CaughtBy{fault.KeepsRetainFlag},
	func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)
			bob.Ping() // the broker is done with the SUBSCRIBE; see retain-empty-payload-delivered

			x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

			message := bob.Receive(topic, "on")
			x.Expect(message.Retain).To(BeFalse(), "RETAIN")
		})
	})

var _ = Check("retain-established-session",
	"sends a message with RETAIN 0 to a session that was stored when it came, however it was published",
	Rules{V311: "MQTT-3.3.1-9", V5: "MQTT-3.3.1-12"},
	Needs{Retain, AtLeastOnce},
	CaughtBy{fault.KeepsRetainFlag},
	func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(qos, topic)
			bob.Ping() // see retain-empty-payload-delivered
			bob.Disconnect()

			x.Connect(Clean, As("alice")).Publish(qos, topic, "on", Retained)

			message := x.Connect(Persistent, As("bob")).Receive(topic, "on")
			x.Expect(message.Retain).To(BeFalse(), "RETAIN")
		})
	})

var _ = Check("retain-empty-payload-deletes",
	"removes the retained message when one with an empty payload is published",
	Rules{V311: "MQTT-3.3.1-10", V5: "MQTT-3.3.1-6"},
	Needs{Retain},
	CaughtBy{fault.KeepsRetainedMessages},
	func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			watcher := overhear(x, QoS0, topic)
			watcher.Ping() // see retain-empty-payload-delivered
			alice := x.Connect(Clean, As("alice"))
			alice.Publish(x.UpTo(QoS1), topic, "on", Retained)
			watcher.Delivered(topic, "on")
			alice.Publish(qos, topic, "", Retained)
			watcher.Delivered(topic, "") // so the broker is done with it; its answers to alice may come before

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS1), topic)
			bob.Ping() // what is retained comes before the answer

			bob.WantNothingBefore(alice.Marker(x.UpTo(QoS1), topic))
		})
	})

var _ = Check("retain-empty-payload-delivered",
	"sends an empty message with RETAIN 1 on as usual, with RETAIN 0",
	Rules{V311: "MQTT-3.3.1-10", V5: "MQTT-3.3.1-6"},
	Needs{Retain},
	CaughtBy{fault.DropsEmptyMessages, fault.KeepsRetainFlag},
	func(x *Exchange) {
		topic, qos := x.Topic("state"), x.UpTo(QoS1)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		// SUBACK may come before the broker has looked for retained messages (mochi
		// 2.7.9); PINGRESP comes after it.
		bob.Ping()
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(qos, topic, "on", Retained)

		alice.Publish(qos, topic, "", Retained)

		bob.Receive(topic, "on")
		message := bob.Receive(topic, "")
		x.Expect(message.Retain).To(BeFalse(), "RETAIN")
	})

var _ = Check("retain-empty-payload-not-stored",
	"stores no empty message as the retained one",
	Rules{V311: "MQTT-3.3.1-11", V5: "MQTT-3.3.1-7"},
	Needs{Retain},
	CaughtBy{fault.StoresEmptyMessages},
	func(x *Exchange) {
		topic, qos := x.Topic("state"), x.UpTo(QoS1)
		alice := x.Connect(Clean, As("alice"))
		alice.Publish(qos, topic, "", Retained)
		alice.Ping()

		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		bob.Ping() // what is retained comes before the answer

		bob.WantNothingBefore(alice.Marker(qos, topic))
	})

var _ = Check("retain-flag-0-not-stored",
	"does not store a message with RETAIN 0",
	Rules{V311: "MQTT-3.3.1-12", V5: "MQTT-3.3.1-8"},
	Needs{Retain},
	CaughtBy{fault.RetainsEverything},
	func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Topic("state")
			alice := x.Connect(Clean, As("alice"))
			alice.Publish(qos, topic, "passing")
			alice.Ping()

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(x.UpTo(QoS1), topic)
			bob.Ping() // what is retained comes before the answer

			bob.WantNothingBefore(alice.Marker(x.UpTo(QoS1), topic))
		})
	})

var _ = Check("retain-flag-0-leaves",
	"leaves the retained message alone when a message with RETAIN 0 comes",
	Rules{V311: "MQTT-3.3.1-12", V5: "MQTT-3.3.1-8"},
	Needs{Retain},
	CaughtBy{fault.RetainsEverything},
	func(x *Exchange) {
		Each(x, []payload{{"with a payload", "passing"}, {"with an empty payload", ""}}, payloadName, func(x *Exchange, p payload) {
			topic, qos := x.Topic("state"), x.UpTo(QoS1)
			alice := x.Connect(Clean, As("alice"))
			watcher := overhear(x, qos, topic)
			alice.Publish(qos, topic, "on", Retained)
			alice.Publish(qos, topic, p.bytes)
			// Or it would go to bob as well: mochi's PUBACK is faster.
			watcher.ReceiveUnordered(Message{Topic: topic, Payload: "on"}, Message{Topic: topic, Payload: p.bytes})

			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(qos, topic)

			bob.Receive(topic, "on")
			bob.Ping() // what is retained comes before the answer
			bob.WantNothingBefore(alice.Marker(qos, topic))
		})
	})
