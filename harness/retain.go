package harness

import (
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
)

// observer is a client that receives what others publish, so that they can see
// when the broker is done with it.
type observer struct {
	*Client
	topics map[string]bool // subscribed to
}

// Retain publishes a retained message and returns when the broker is seen to
// have stored it: another client has received its copy, and who subscribes now gets
// it, or, where it deletes the message before, gets none. A broker may answer the
// publisher before that, and hand on copies before it stores one. It is set-up.
func (c *Client) Retain(qos codec.QoS, topic, payload string, options ...PublishOption) {
	step := StepDeliver
	if payload == "" {
		step = StepDeliverEmpty
	}
	c.observed(step, qos, topic, payload, append(options, Retained)...)
	c.x.AwaitRetained(topic, payload)
}

// AwaitRetained waits until a new subscription to a topic brings this message, or, for
// an empty payload, none; but not for longer than a broker should take to store one:
// whether it ever does is for the checks about that.
func (x *Exchange) AwaitRetained(topic, payload string) {
	seeker := x.Connect(Clean, As("seeker"))
	defer seeker.Drop()
	for start := time.Now(); ; {
		seeker.SubscribeUpTo(seeker.NewSubscribe(x.UpTo(codec.QoS1), topic))
		stored := payload == ""
		for p := seeker.WantAnotherOrIdle(); p != nil; p = seeker.WantAnotherOrIdle() {
			seeker.Ack(p)
			if p.Topic == topic {
				stored = p.Payload == payload
			}
			if stored && payload != "" {
				break
			}
		}
		if stored || time.Since(start) > times.Stored {
			return
		}
		seeker.Unsubscribe(topic)
	}
}

// PublishObserved publishes a message and returns when the broker is seen to be
// done with it: another client has received its copy, so that a subscription made
// now is new to the message. It is set-up.
func (c *Client) PublishObserved(qos codec.QoS, topic, payload string, options ...PublishOption) {
	c.observed(StepDeliver, qos, topic, payload, options...)
}

// observed publishes a message and waits for the observer's copy, at whatever QoS
// that comes.
func (c *Client) observed(step Step, qos codec.QoS, topic, payload string, options ...PublishOption) {
	observer := c.x.observing(topic)
	c.Publish(qos, topic, payload, options...)
	c.x.during(step, func() { observer.Ack(observer.WantAnyCopy(topic, payload)) })
}

// observing is the exchange's observer, subscribed to this topic.
func (x *Exchange) observing(topic string) *observer {
	if x.observer == nil || x.observer.Closed() {
		x.observer = &observer{x.Connect(Clean, As("observer")), map[string]bool{}}
	}
	if !x.observer.topics[topic] {
		x.observer.Subscribe(x.UpTo(codec.QoS1), topic)
		x.observer.FinishSubscribing()
		x.observer.topics[topic] = true
	}
	return x.observer
}

// FinishSubscribing waits until the broker is done with the subscriptions that
// the client has made: what is retained has come by then, and what is retained
// later comes as to a subscription that was there before. A broker may answer
// SUBSCRIBE before it has looked. It is set-up.
func (c *Client) FinishSubscribing() { c.Fence() }
