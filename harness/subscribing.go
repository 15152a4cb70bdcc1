package harness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

// Verbs for subscriptions in particular.

// SubscribeUpTo sends a SUBSCRIBE and returns the QoS granted to each of its Topic
// Filters, which may be lower than requested. It is set-up: a refusal blocks
// the check.
func (c *Client) SubscribeUpTo(p *codec.Subscribe) []codec.QoS {
	granted := make([]codec.QoS, len(p.Subscriptions))
	c.x.during(StepSubscribe, func() {
		c.Send(p)
		suback := c.WantSuback(p.PacketID)
		for i, code := range suback.Codes {
			if code.IsError() {
				expected := fmt.Sprintf("SUBACK granting %s", plural(len(granted), "subscription"))
				c.declined(p.Subscriptions[i], expected, suback, code)
				c.x.fail(expected, suback.String())
			}
			granted[i] = codec.QoS(code)
		}
	})
	return granted
}

// WantSubscriptionRefused wants the broker not to grant the SUBSCRIBE that was
// sent with this Packet Identifier: it closes the connection (in 5.0 with a
// Reason Code as WantClosed takes them), or answers with nothing but failures.
func (c *Client) WantSubscriptionRefused(id uint16, reasons ...codec.ReasonCode) {
	const expected = "the connection closed or a SUBACK that refuses"
	p, _ := c.take(wire.Replies, func(p codec.Packet) bool { return p.Type() == codec.SUBACK })
	suback, ok := p.(*codec.Suback)
	if !ok {
		c.WantClosed(reasons...)
		return
	}
	if suback.PacketID != id || len(suback.Codes) == 0 || slices.ContainsFunc(suback.Codes, granted) {
		c.x.fail(expected, suback.String())
	}
}

// Refusal says how the broker has refused the SUBSCRIBE sent with this Packet
// Identifier, if it has: it closed the connection or answered with nothing but
// failures. "" means that it granted it, or has not answered yet.
func (c *Client) Refusal(id uint16) string {
	return look(c, func(in *wire.Contents) string {
		for _, p := range in.All(wire.Replies) {
			suback, ok := p.(*codec.Suback)
			if ok && suback.PacketID == id && !slices.ContainsFunc(suback.Codes, granted) {
				return suback.String()
			}
		}
		if in.Ended() {
			return endedInstead(in)
		}
		return ""
	})
}

// TrySubscribe subscribes to Topic Filters that a broker may have reasons of its
// own to refuse, as far as the rules go: very long ones, "#" on a shared broker.
// Where it does, by SUBACK, the check does not apply; where it closes the
// connection, it is blocked: SUBSCRIBE has to be answered. It returns the QoS
// granted.
func (c *Client) TrySubscribe(qos codec.QoS, filters ...string) []codec.QoS {
	p := c.NewSubscribe(qos, filters...)
	var suback *codec.Suback
	c.x.during(StepSubscribe, func() {
		c.Send(p)
		suback = c.WantSuback(p.PacketID)
	})
	if slices.ContainsFunc(suback.Codes, codec.ReasonCode.IsError) {
		c.x.Inapplicable("the broker does not let this client subscribe to %.60s: %s", strings.Join(filters, ", "), suback)
	}
	grantedQoS := make([]codec.QoS, len(suback.Codes))
	for i, code := range suback.Codes {
		grantedQoS[i] = codec.QoS(code)
	}
	return grantedQoS
}

// TryPublish publishes to a topic that a broker may have reasons of its own to
// refuse, at QoS 1 where it takes part in that. Where it does refuse, by a Reason
// Code, the check does not apply; where it closes the connection, it is blocked.
func (c *Client) TryPublish(topic, payload string) {
	if c.x.UpTo(codec.QoS1) == codec.QoS0 {
		c.Publish(codec.QoS0, topic, payload)
		return
	}
	var refusal string
	c.x.during(StepPublishQoS1, func() {
		var closed bool
		if refusal, closed = c.takenOrRefused(codec.QoS1, topic, payload); closed {
			c.x.fail("PUBACK", refusal)
		}
	})
	if refusal != "" {
		c.x.Inapplicable("the broker does not let this client publish to %.60s: %s", topic, refusal)
	}
}

// granted says whether a SUBACK code grants the subscription.
func granted(code codec.ReasonCode) bool { return !code.IsError() }

// PingOrClosed waits until the broker has done with what was sent before: it
// answers a PINGREQ or has closed the connection, either of which is right.
func (c *Client) PingOrClosed() {
	c.Send(&codec.Pingreq{})
	p, instead := c.take(wire.Replies, func(p codec.Packet) bool { return p.Type() == codec.PINGRESP })
	switch {
	case p != nil || c.Closed():
	case c.BrokerDisconnect() != nil: // after which nothing more may be sent
		c.x.during(StepDisconnectCloses, func() { c.x.lacks("the connection closed", instead) })
	default:
		c.x.during(StepPing, func() { c.x.lacks("PINGRESP, or the connection closed", instead) })
	}
}

// WantCopy wants this message to come at this QoS, whatever else is there: a
// broker may send one copy for each of several overlapping subscriptions, and it may
// wait for each to be acknowledged. It does not acknowledge the one it returns.
func (c *Client) WantCopy(qos codec.QoS, topic, payload string) *codec.Publish {
	var others []string
	for {
		p, instead := c.take(wire.Messages, func(p codec.Packet) bool {
			publish := p.(*codec.Publish)
			return publish.Topic == topic && publish.Payload == payload
		})
		if p == nil {
			if others != nil {
				instead.text += ", though there came " + strings.Join(others, "; ")
			}
			c.x.lacks(fmt.Sprintf("PUBLISH topic=%s %s at QoS %d", topic, shortPayload(payload), qos), instead)
		}
		copied := p.(*codec.Publish)
		if copied.QoS == qos {
			return copied
		}
		others = append(others, copied.String())
		c.Ack(copied)
	}
}

// sharePrefix begins the Topic Filter of a Shared Subscription (5.0, section 4.8.2).
const sharePrefix = "$share/"

// WantAmong wants these clients together to receive so many messages, completes
// their delivery, and returns what each of them got: for messages of which the
// broker chooses who gets them.
func (x *Exchange) WantAmong(clients []*Client, n int) [][]*codec.Publish {
	got := make([][]*codec.Publish, len(clients))
	for total := range n {
		i, p, waited := x.nextAmong(clients)
		if p == nil {
			nothing := nothingIn(waited)
			nothing.text = plural(total, "message") + ", then " + nothing.text
			x.lacks(fmt.Sprintf("%s among %s", plural(n, "message"), names(clients)), nothing)
		}
		got[i] = append(got[i], p)
		clients[i].Ack(p)
	}
	return got
}

// nextAmong waits for the next message to any of the clients, and says for how long
// it did.
func (x *Exchange) nextAmong(clients []*Client) (to int, p *codec.Publish, waited time.Duration) {
	type message struct {
		to     int
		packet codec.Packet
	}
	next, waited, ok := awaitPatiently(x, clients, x.settings.Timeout, func(i int, in *wire.Contents) (message, bool) {
		p := in.Take(wire.Messages, anyPacket)
		return message{i, p}, p != nil
	})
	if !ok {
		return 0, nil, waited
	}
	return next.to, next.packet.(*codec.Publish), waited
}

func names(clients []*Client) string {
	list := make([]string, len(clients))
	for i, c := range clients {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}
