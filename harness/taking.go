package harness

import (
	"fmt"
	"slices"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

// The Take verbs are set-up: they get what a check needs and does not decide about.
// What comes again of a message that was taken is no concern of the check's either:
// whether a broker repeats itself is for the checks that are about that.

// TakePublish is WantAnyCopy as set-up: a broker that does not deliver the
// message blocks the check. What else comes ahead of it shows nothing of that.
func (c *Client) TakePublish(topic, payload string) (p *codec.Publish) {
	c.x.during(StepDeliver, func() { p = c.WantAnyCopy(topic, payload) })
	c.took(p)
	return p
}

// TakeDelivery is WantDelivery as set-up.
func (c *Client) TakeDelivery(topic, payload string) *codec.Publish {
	p := c.TakePublish(topic, payload)
	c.Ack(p)
	return p
}

// TakeNext takes the next message, whichever it is, and does not acknowledge it. It
// is for checks that decide about something in it.
func (c *Client) TakeNext() (p *codec.Publish) {
	c.x.during(StepDeliver, func() { p = Want[*codec.Publish](c, "PUBLISH") })
	c.took(p)
	return p
}

// TakeUnordered is WantUnordered as set-up.
func (c *Client) TakeUnordered(want ...Message) []*codec.Publish {
	got := make([]*codec.Publish, len(want))
	for n := 0; n < len(want); {
		var p *codec.Publish
		i := -1
		c.x.during(StepDeliver, func() {
			p = Want[*codec.Publish](c, fmt.Sprintf("the remaining %d of %s", len(want)-n, messages(want)))
			for j, m := range want {
				if got[j] == nil && m == (Message{p.Topic, p.Payload}) {
					i = j
					break
				}
			}
			if i < 0 && !c.repeats(p) {
				c.x.fail(messages(want)+", each once", p.String())
			}
		})
		c.Ack(p)
		if i >= 0 {
			got[i] = p
			c.took(p)
			n++
		}
	}
	return got
}

// took notes a message that was taken.
func (c *Client) took(p *codec.Publish) {
	c.taken = append(c.taken, Message{p.Topic, p.Payload})
}

// repeats says whether a message is one that was taken before, or that the broker has
// sent on this connection already: whether it may send it again is for the checks about
// that, and another message it is not.
func (c *Client) repeats(p *codec.Publish) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.repetitions[p] || slices.Contains(c.taken, Message{p.Topic, p.Payload})
}

// A delivery is a message as a connection has brought it.
type delivery struct {
	id      uint16
	message Message
}

// noteRepetition notes a message that is sent with DUP 1 and was sent on this connection
// before; the caller holds the lock.
func (c *Client) noteRepetition(p *codec.Publish) {
	if p.QoS == codec.QoS0 {
		return
	}
	d := delivery{p.PacketID, Message{p.Topic, p.Payload}}
	if c.delivered[d] && p.Dup && len(c.repetitions) < mostDelivered {
		c.repetitions[p] = true
	}
	if len(c.delivered) < mostDelivered {
		c.delivered[d] = true
	}
}

// mostDelivered is how many deliveries a connection remembers.
const mostDelivered = 1000

// WantAnyCopy wants this message to come, at whatever QoS and whatever else is there,
// which it leaves. It does not acknowledge it.
func (c *Client) WantAnyCopy(topic, payload string) *codec.Publish {
	p, instead := c.take(wire.Messages, func(p codec.Packet) bool {
		publish := p.(*codec.Publish)
		return publish.Topic == topic && publish.Payload == payload
	})
	if p == nil {
		c.x.lacks(fmt.Sprintf("PUBLISH topic=%s %s", shortTopic(topic), shortPayload(payload)), instead)
	}
	return p.(*codec.Publish)
}

// Controlled performs a part of the exchange and, where it fails, a control before
// the failure stands: whether what the part stands on was there. A control that
// fails is what ends the exchange then.
func (x *Exchange) Controlled(part, control func()) {
	step := x.step
	stopped := x.perform(func(*Exchange) { part() })
	if stopped == nil {
		return
	}
	x.step = step
	if stopped.Kind == Contradicted || stopped.Kind == Unprepared {
		x.Note("%s; a control follows", stopped.Reason)
		control()
	}
	panic(stopped)
}

// Released is a PUBREL that has come by the time when the broker answers a PINGREQ;
// nil if none has.
func (c *Client) Released() *codec.Pubrel {
	c.WantPingresp()
	c.settle()
	p := look(c, func(in *wire.Contents) codec.Packet { return in.Take(wire.Releases, anyPacket) })
	if p == nil {
		return nil
	}
	return p.(*codec.Pubrel)
}

// WantUnreleased wants no PUBREL to have come by the time when the broker answers a
// PINGREQ.
func (c *Client) WantUnreleased() {
	if p := c.Released(); p != nil {
		c.x.fail("no PUBREL", p.String())
	}
}

// Uncontrolled performs a part of the exchange in which it may be the exchange
// itself that keeps every message from coming: whether a plain one comes meanwhile
// tells nothing.
func (x *Exchange) Uncontrolled(part func()) {
	before := x.controlling
	x.controlling = true
	defer func() { x.controlling = before }()
	part()
}
