package suites

import (
	"context"
	"slices"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
)

// A keepsake is something that a broker may keep over its own end, or not: the
// specification leaves it to the administrator.
type keepsake struct {
	what  string
	needs []harness.Need
	// before leaves it with the broker and returns how to see whether it is
	// there still; what does not run to its end says that it is not.
	before func(x *harness.Exchange) (after func())
}

// Words of keepsakes.
const kept, marker = "kept", "marker"

// resentLate is how long an unacknowledged message may take to come again: when
// it comes is not the question here, and NATS 2.15.2 takes half a minute.
const resentLate = 35 * time.Second

var keepsakes = []keepsake{
	{"session with its subscription", nil, func(x *harness.Exchange) func() {
		topic := x.Topic("subscription")
		x.Connect(harness.Persistent, harness.As("subscriber")).Subscribe(QoS0, topic)
		return func() {
			c := x.Connect(harness.Persistent, harness.As("subscriber"))
			mustBePresent(x, c)
			c.Subscribe(QoS0, topic+"/fence")
			publisher := x.Connect(harness.Clean)
			publisher.Publish(QoS0, topic, kept)
			publisher.Ping()
			publisher.Publish(QoS0, topic+"/fence", marker)
			c.Receive(topic, kept)
		}
	}},
	{"QoS 1 message for an absent client", []harness.Need{harness.AtLeastOnce}, queuedFor(QoS1)},
	{"QoS 2 message for an absent client", []harness.Need{harness.ExactlyOnce}, queuedFor(QoS2)},
	{"unacknowledged QoS 1 message to a client", []harness.Need{harness.AtLeastOnce}, func(x *harness.Exchange) func() {
		topic := x.Topic("inflight")
		c := x.Connect(harness.Persistent, harness.As("receiver"))
		c.Subscribe(QoS1, topic)
		x.Connect(harness.Clean).Publish(QoS1, topic, kept)
		c.WantPublish(topic, kept)
		return func() {
			c := x.Connect(harness.Persistent, harness.As("receiver"))
			mustBePresent(x, c)
			c.Patience(resentLate)
			c.Ack(c.WantCopy(QoS1, topic, kept))
		}
	}},
	{"QoS 2 message from a client, before PUBREL", []harness.Need{harness.ExactlyOnce}, func(x *harness.Exchange) func() {
		topic := x.Topic("halfway")
		c := x.Connect(harness.Persistent, harness.As("sender"))
		message := c.NewPublish(QoS2, topic, kept, harness.Retained)
		c.Send(message)
		c.WantPubrec(message.PacketID)
		return func() {
			c := x.Connect(harness.Persistent, harness.As("sender"))
			mustBePresent(x, c)
			c.Send(&codec.Pubrel{PacketID: message.PacketID})
			c.WantPubcomp(message.PacketID)
			reader := x.Connect(harness.Clean)
			reader.Subscribe(QoS1, topic)
			x.Connect(harness.Clean).Publish(QoS1, topic, marker)
			reader.Receive(topic, kept)
		}
	}},
	{"retained message", []harness.Need{harness.Retain, harness.AtLeastOnce}, func(x *harness.Exchange) func() {
		topic := x.Topic("retained")
		x.Connect(harness.Clean).Publish(QoS1, topic, kept, harness.Retained)
		return func() {
			c := x.Connect(harness.Clean)
			c.Subscribe(QoS1, topic)
			x.Connect(harness.Clean).Publish(QoS1, topic, marker)
			c.Receive(topic, kept)
		}
	}},
	{"Will Message of an open connection", []harness.Need{harness.AtLeastOnce}, func(x *harness.Exchange) func() {
		topic := x.Topic("will")
		c := x.Connect(harness.Persistent, harness.As("watcher"))
		c.Subscribe(QoS1, topic)
		x.Connect(harness.Clean, harness.WithWill(codec.Will{Topic: topic, Payload: kept, QoS: QoS1}))
		return func() {
			c := x.Connect(harness.Persistent, harness.As("watcher"))
			mustBePresent(x, c)
			c.Receive(topic, kept)
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
		x.Connect(harness.Clean).Publish(qos, topic, kept)
		return func() {
			c := x.Connect(harness.Persistent, harness.As(name))
			mustBePresent(x, c)
			x.Connect(harness.Clean).Publish(qos, topic, marker)
			c.Receive(topic, kept)
		}
	}
}

func mustBePresent(x *harness.Exchange, c *harness.Client) {
	if !c.Connack.SessionPresent {
		x.Failf("Session Present 1", "%s", c.Connack)
	}
}

// durability restarts and kills the broker, and its instances that are said to
// be durable, and reports what they keep. It gives no verdict. The broker has
// no other users then.
func durability(ctx context.Context, probed []Probed, settings harness.Settings) []reports.Durability {
	var found []reports.Durability
	settings.CheckTimeout += 2 * restartTimeout
	for i, p := range probed {
		life := p.Target.Life
		if life == nil || p.Target != probed[0].Target && !p.Target.Durable {
			continue
		}
		events := []string{reports.AfterRestart}
		if life.CanKill() {
			events = append(events, reports.AfterKill)
		}
		for _, event := range events {
			if ctx.Err() != nil {
				return found
			}
			revive := (*harness.Exchange).Restart
			if event == reports.AfterKill {
				revive = (*harness.Exchange).Kill
			}
			for _, d := range survivors(ctx, probed[i], settings, revive) {
				d.MQTT, d.Broker, d.Declared, d.Event = p.Profile.Version.String(), p.Target.Name, p.Target.Durable, event
				found = append(found, d)
			}
		}
	}
	return found
}

// survivors says of every keepsake whether it is there after what happens to
// the broker.
func survivors(ctx context.Context, p Probed, settings harness.Settings, happens func(*harness.Exchange)) []reports.Durability {
	var found []reports.Durability
	harness.Perform(ctx, p.Target, p.Profile, settings, func(x *harness.Exchange) {
		afters := make([]func(), len(keepsakes))
		for i, k := range keepsakes {
			if !slices.ContainsFunc(k.needs, func(n harness.Need) bool { _, lacks := p.Profile.Lacks(n); return lacks }) {
				x.Try(func() { afters[i] = k.before(x) })
			}
		}
		happens(x)
		for i, k := range keepsakes {
			if afters[i] == nil {
				continue
			}
			lost := x.Try(afters[i])
			found = append(found, reports.Durability{What: k.what, Kept: lost == "", Observed: lost})
		}
	})
	return found
}
