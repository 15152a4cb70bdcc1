package suites

import (
	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/times"
	"mqttspec/suites/runner"
)

// Payloads: of a durable item, and of the message that is a fence behind it.
const durable, fence = "durable", "fence"

// durables are what a broker may keep over its own end, or not: the
// specification leaves it to the administrator.
var durables = []runner.Durable{
	{What: "session with its subscription", Leave: func(x *harness.Exchange) func() {
		topic := x.Topic("subscription")
		x.Connect(harness.Persistent, harness.As("subscriber")).Subscribe(QoS0, topic)
		return func() {
			c := x.Connect(harness.Persistent, harness.As("subscriber"))
			mustBePresent(x, c)
			c.Subscribe(QoS0, topic+"/fence")
			publisher := x.Connect(harness.Clean)
			publisher.Publish(QoS0, topic, durable)
			publisher.WantPingresp()
			publisher.Publish(QoS0, topic+"/fence", fence)
			c.WantDelivery(topic, durable)
		}
	}},
	{What: "QoS 1 message for an absent client", Needs: []harness.Need{harness.AtLeastOnce}, Leave: queuedFor(QoS1)},
	{What: "QoS 2 message for an absent client", Needs: []harness.Need{harness.ExactlyOnce}, Leave: queuedFor(QoS2)},
	{What: "unacknowledged QoS 1 message to a client", Needs: []harness.Need{harness.AtLeastOnce}, Leave: func(x *harness.Exchange) func() {
		topic := x.Topic("inflight")
		c := x.Connect(harness.Persistent, harness.As("receiver"))
		c.Subscribe(QoS1, topic)
		x.Connect(harness.Clean).Publish(QoS1, topic, durable)
		c.WantPublish(topic, durable)
		return func() {
			c := x.Connect(harness.Persistent, harness.As("receiver"))
			mustBePresent(x, c)
			c.Patience(times.LateResending)
			c.Ack(c.WantCopy(QoS1, topic, durable))
		}
	}},
	{What: "QoS 2 message from a client, before PUBREL", Needs: []harness.Need{harness.ExactlyOnce}, Leave: func(x *harness.Exchange) func() {
		topic := x.Topic("halfway")
		c := x.Connect(harness.Persistent, harness.As("sender"))
		message := c.NewPublish(QoS2, topic, durable, harness.Retained)
		c.Send(message)
		c.WantPubrec(message.PacketID)
		return func() {
			c := x.Connect(harness.Persistent, harness.As("sender"))
			mustBePresent(x, c)
			c.Send(&codec.Pubrel{PacketID: message.PacketID})
			c.WantPubcomp(message.PacketID)
			reader := x.Connect(harness.Clean)
			reader.Subscribe(QoS1, topic)
			x.Connect(harness.Clean).Publish(QoS1, topic, fence)
			reader.WantDelivery(topic, durable)
		}
	}},
	{What: "retained message", Needs: []harness.Need{harness.Retain, harness.AtLeastOnce}, Leave: func(x *harness.Exchange) func() {
		topic := x.Topic("retained")
		x.Connect(harness.Clean).Publish(QoS1, topic, durable, harness.Retained)
		return func() {
			c := x.Connect(harness.Clean)
			c.Subscribe(QoS1, topic)
			x.Connect(harness.Clean).Publish(QoS1, topic, fence)
			c.WantDelivery(topic, durable)
		}
	}},
	{What: "Will Message of an open connection", Needs: []harness.Need{harness.AtLeastOnce}, Leave: func(x *harness.Exchange) func() {
		topic := x.Topic("will")
		c := x.Connect(harness.Persistent, harness.As("watcher"))
		c.Subscribe(QoS1, topic)
		x.Connect(harness.Clean, harness.WithWill(codec.Will{Topic: topic, Payload: durable, QoS: QoS1}))
		return func() {
			c := x.Connect(harness.Persistent, harness.As("watcher"))
			mustBePresent(x, c)
			c.WantDelivery(topic, durable)
		}
	}},
}

// queuedFor leaves a message with a session whose client is away.
func queuedFor(qos codec.QoS) func(x *harness.Exchange) func() {
	return func(x *harness.Exchange) func() {
		name, topic := "absent"+qosName(qos), x.Topic("queued")
		c := x.Connect(harness.Persistent, harness.As(name))
		c.Subscribe(qos, topic)
		c.Disconnect()
		x.Connect(harness.Clean).Publish(qos, topic, durable)
		return func() {
			c := x.Connect(harness.Persistent, harness.As(name))
			mustBePresent(x, c)
			x.Connect(harness.Clean).Publish(qos, topic, fence)
			c.WantDelivery(topic, durable)
		}
	}
}

// mustBePresent wants the session to be there still.
func mustBePresent(x *harness.Exchange, c *harness.Client) {
	if !c.Connack.SessionPresent {
		x.Failf("Session Present 1", "%s", c.Connack)
	}
}
