package harness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

// PacketID is a Packet Identifier that this client has not used yet.
func (c *Client) PacketID() uint16 {
	c.lastID++
	return c.lastID
}

// WantConnack reads the CONNACK, whatever it says.
func (c *Client) WantConnack() *codec.Connack {
	return c.takeConnack(anyPacket)
}

// takeConnack wants the first reply that pick accepts to be the CONNACK.
func (c *Client) takeConnack(pick func(codec.Packet) bool) *codec.Connack {
	const expected = "CONNACK"
	p, instead := c.take(wire.Replies, pick)
	if p == nil {
		instead.unconnected = true
		c.x.lacks(expected, instead)
	}
	connack, ok := p.(*codec.Connack)
	if !ok {
		c.x.fail(expected, p.String())
	}
	return connack
}

// WantAccepted wants the CONNACK that accepts the connection.
func (c *Client) WantAccepted() *codec.Connack {
	connack := c.WantConnack()
	c.wantAccepted(connack)
	return connack
}

// WantAcceptedInAnyOrder is WantAccepted where the broker may have answered something
// else first, which stays: that a CONNACK has to be the first of all is a rule of its
// own.
func (c *Client) WantAcceptedInAnyOrder() {
	c.wantAccepted(c.takeConnack(func(p codec.Packet) bool { return p.Type() == codec.CONNACK }))
}

// wantAccepted wants this CONNACK to accept the connection.
func (c *Client) wantAccepted(connack *codec.Connack) {
	if connack.Code != codec.Success {
		c.x.fail("CONNACK "+codec.Success.String(), connack.String())
	}
	c.noteAccepted(connack)
}

// noteAccepted notes the CONNACK that accepted the connection.
func (c *Client) noteAccepted(connack *codec.Connack) {
	c.Connack = connack
	if n, ok := connack.Properties.Number(codec.PropServerKeepAlive); ok {
		if c.keep(uint16(n)); n > 0 && c.unchosen {
			go c.stayAlive(time.Duration(n) * time.Second)
		}
	}
	if id, ok := connack.Properties.Text(codec.PropAssignedClientIdentifier); ok {
		c.ID = id
	}
}

// WantRefused wants a CONNACK with one of these codes (of which only those of
// the version in use count: Connect Return codes are below 0x80, 5.0's errors
// are not), and then the end of the connection.
func (c *Client) WantRefused(allowed ...codec.ReasonCode) *codec.Connack {
	connack := c.wantRefusal(allowed)
	c.wantClosedAfter(connack)
	return connack
}

// WantRefusalReason is WantRefused for a check that is about the code: that the
// connection ends is another's rule.
func (c *Client) WantRefusalReason(allowed ...codec.ReasonCode) {
	connack := c.wantRefusal(allowed)
	c.x.during(StepRefusalCloses, func() { c.wantClosedAfter(connack) })
}

// wantRefusal wants a CONNACK with one of these codes.
func (c *Client) wantRefusal(allowed []codec.ReasonCode) *codec.Connack {
	here := c.ofVersion(allowed)
	expected := connackWith(here)
	connack := Want[*codec.Connack](c, expected)
	if !slices.Contains(here, connack.Code) {
		c.x.fail(expected, connack.String())
	}
	if format := c.answeredIn(); connack.Code.IsError() != (format == codec.V5) {
		c.x.fail(expected, fmt.Sprintf("%s, in the format of %s, which has no such code", connack, format))
	}
	return connack
}

// answeredIn is the version in whose format CONNACK came.
func (c *Client) answeredIn() codec.Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.otherVersionConnack != (c.x.Version == codec.V5) {
		return codec.V5
	}
	return codec.V311
}

// AnsweredIn waits for the answer to CONNECT and says whether it is a CONNACK in
// the format of this version. It is left for the next verb to judge.
func (c *Client) AnsweredIn(v codec.Version) bool {
	p, _ := c.take(wire.Replies, anyPacket)
	if p == nil {
		return false
	}
	c.putBack(p)
	return p.Type() == codec.CONNACK && c.answeredIn() == v
}

// Accepted waits for the answer to CONNECT and says whether it accepts the
// connection. Any other answer is left for the next verb to judge.
func (c *Client) Accepted() bool {
	p, _ := c.take(wire.Replies, anyPacket)
	if connack, ok := p.(*codec.Connack); ok && connack.Code == codec.Success {
		c.noteAccepted(connack)
		return true
	}
	if p != nil {
		c.putBack(p)
	}
	return false
}

// AwaitAnswer waits for the answer to CONNECT, a CONNACK or the end of the
// connection, and leaves it for the next verb to judge. It is set-up: where
// neither comes the check is blocked.
func (c *Client) AwaitAnswer() {
	p, instead := c.take(wire.Replies, anyPacket)
	switch {
	case p != nil:
		c.putBack(p)
	case !c.Closed():
		c.x.during(StepConnect, func() { c.x.lacks("CONNACK, or the connection closed", instead) })
	}
}

// putBack leaves a packet that was taken for the next verb.
func (c *Client) putBack(p codec.Packet) {
	look(c, func(in *wire.Contents) struct{} { in.PutBack(p); return struct{}{} })
}

// WantAcceptedOrRefused wants the CONNACK that accepts the connection, or what
// the version allows of a refusal that is the broker's own choice: in 3.1.1 a
// CONNACK with one of these codes and the end of the connection, in 5.0 the
// end of the connection with or without such a CONNACK.
func (c *Client) WantAcceptedOrRefused(allowed ...codec.ReasonCode) (accepted bool) {
	switch {
	case c.Accepted():
		return true
	case c.x.Version == codec.V311:
		c.WantRefused(allowed...)
	default:
		c.WantRejected(allowed...)
	}
	return false
}

// ofVersion are the codes that the version in use has: Connect Return codes
// are below 0x80, 5.0's errors are not.
func (c *Client) ofVersion(allowed []codec.ReasonCode) []codec.ReasonCode {
	var here []codec.ReasonCode
	for _, code := range allowed {
		if c.anyVersionConnack || code.IsError() == (c.x.Version == codec.V5) {
			here = append(here, code)
		}
	}
	return here
}

// connackWith names a CONNACK by the codes it may have: those of 3.1.1 have
// other names than 5.0's of the same number.
func connackWith(codes []codec.ReasonCode) string {
	names := make([]string, len(codes))
	for i, code := range codes {
		names[i] = code.String()
		if code != codec.Success && !code.IsError() {
			names[i] = fmt.Sprintf("return code 0x%02X", byte(code))
		}
	}
	return "CONNACK " + strings.Join(names, " or ")
}

// wantClosedAfter wants the end of the connection after a refusal.
func (c *Client) wantClosedAfter(connack *codec.Connack) {
	if alive := c.awaitEnd(c.x.settings.Timeout); alive.text != "" {
		c.x.lacks("the broker to close the connection after "+connack.String(), alive)
	}
}

// PublishOption changes a PUBLISH.
type PublishOption func(*codec.Publish)

// Retained sets the RETAIN flag.
func Retained(p *codec.Publish) { p.Retain = true }

// Dup sets the DUP flag.
func Dup(p *codec.Publish) { p.Dup = true }

// Having adds properties (5.0).
func Having(properties ...codec.Property) PublishOption {
	return func(p *codec.Publish) { p.Properties = append(p.Properties, properties...) }
}

// NewPublish is a PUBLISH of this client with a fresh Packet Identifier where
// the QoS needs one.
func (c *Client) NewPublish(qos codec.QoS, topic, payload string, options ...PublishOption) *codec.Publish {
	p := &codec.Publish{QoS: qos, Topic: topic, Payload: payload}
	if qos > codec.QoS0 {
		p.PacketID = c.PacketID()
	}
	for _, option := range options {
		option(p)
	}
	return p
}

// Publish sends a message and completes its delivery to the broker. It is
// set-up: a broker that does not complete it blocks the check.
func (c *Client) Publish(qos codec.QoS, topic, payload string, options ...PublishOption) {
	p := c.NewPublish(qos, topic, payload, options...)
	c.Send(p)
	switch qos {
	case codec.QoS1:
		c.x.during(StepPublishQoS1, func() { c.WantPuback(p.PacketID) })
	case codec.QoS2:
		c.x.during(StepPublishQoS2, func() {
			c.WantPubrec(p.PacketID)
			c.Send(&codec.Pubrel{PacketID: p.PacketID})
			c.WantPubcomp(p.PacketID)
		})
	}
	if qos > codec.QoS0 {
		c.awaitQueueing()
	}
	if p.Retain {
		c.settle()
	}
}

// awaitQueueing gives a broker that acknowledges a message before it has put it
// into the queue of a client that is away (mochi 2.7.9) until it answers a
// PINGREQ: else the client's return could be quicker.
func (c *Client) awaitQueueing() {
	if c.x.someoneAway() {
		c.Fence()
	}
}

// WantPuback wants the PUBACK for this Packet Identifier, with success.
func (c *Client) WantPuback(id uint16) *codec.Puback {
	expected := fmt.Sprintf("PUBACK id=%d", id)
	p := Want[*codec.Puback](c, expected)
	c.wantAck(expected, p, p.PacketID == id, p.Code)
	return p
}

// WantPubrec wants the PUBREC for this Packet Identifier, with success.
func (c *Client) WantPubrec(id uint16) *codec.Pubrec {
	expected := fmt.Sprintf("PUBREC id=%d", id)
	p := Want[*codec.Pubrec](c, expected)
	c.wantAck(expected, p, p.PacketID == id, p.Code)
	return p
}

// WantPubrel wants the PUBREL for this Packet Identifier.
func (c *Client) WantPubrel(id uint16) *codec.Pubrel {
	expected := fmt.Sprintf("PUBREL id=%d", id)
	p := Want[*codec.Pubrel](c, expected)
	c.wantAck(expected, p, p.PacketID == id, p.Code)
	return p
}

// WantPubcomp wants the PUBCOMP for this Packet Identifier, with success.
func (c *Client) WantPubcomp(id uint16) *codec.Pubcomp {
	expected := fmt.Sprintf("PUBCOMP id=%d", id)
	p := Want[*codec.Pubcomp](c, expected)
	c.wantAck(expected, p, p.PacketID == id, p.Code)
	return p
}

// WantAnyPubrec wants the PUBREC for this Packet Identifier and leaves its
// Reason Code (5.0) open: the rule that a repeated PUBLISH is acknowledged
// names none [MQTT-4.3.3-10], and 0x91 Packet Identifier in use exists.
func (c *Client) WantAnyPubrec(id uint16) *codec.Pubrec {
	expected := fmt.Sprintf("PUBREC id=%d", id)
	p := Want[*codec.Pubrec](c, expected)
	c.wantAck(expected, p, p.PacketID == id, codec.Success)
	return p
}

// WantAnyPubcomp wants the PUBCOMP for this Packet Identifier and leaves its
// Reason Code (5.0) open: 0x92 Packet Identifier not found "is not an error
// during recovery" (section 3.7.2.1). A PUBREC of the same identifier may come
// first: no rule keeps a broker from repeating it when a client comes back.
func (c *Client) WantAnyPubcomp(id uint16) *codec.Pubcomp {
	expected := fmt.Sprintf("PUBCOMP id=%d", id)
	for {
		p, instead := c.take(wire.Replies, anyPacket)
		switch p := p.(type) {
		case nil:
			c.x.lacks(expected, instead)
		case *codec.Pubrec:
			c.wantAck(expected, p, p.PacketID == id, codec.Success)
		case *codec.Pubcomp:
			c.wantAck(expected, p, p.PacketID == id, codec.Success)
			return p
		default:
			c.x.fail(expected, p.String())
		}
	}
}

// WantPubcompOrClosed wants the PUBCOMP for this Packet Identifier, whatever its
// Reason Code (5.0), or the end of the connection (nil): a client that sends a
// PUBREL out of the blue is itself at fault.
func (c *Client) WantPubcompOrClosed(id uint16) *codec.Pubcomp {
	return orClosed(c, codec.PUBCOMP, id, func(p *codec.Pubcomp) uint16 { return p.PacketID })
}

// WantPubrecOrClosed wants the PUBREC for this Packet Identifier, whatever its
// Reason Code (5.0), or the end of the connection (nil): in 5.0 a client that
// repeats a PUBLISH on one connection is itself at fault [MQTT-4.4.0-1].
func (c *Client) WantPubrecOrClosed(id uint16) *codec.Pubrec {
	return orClosed(c, codec.PUBREC, id, func(p *codec.Pubrec) uint16 { return p.PacketID })
}

// orClosed wants an acknowledgement of this type and Packet Identifier among the
// replies, or the end of the connection: nil.
func orClosed[T codec.Packet](c *Client, t codec.Type, id uint16, idOf func(T) uint16) (ack T) {
	expected := fmt.Sprintf("%s id=%d, or the connection closed", t, id)
	p, instead := c.take(wire.Replies, func(p codec.Packet) bool { return p.Type() == t })
	if p == nil {
		if !c.Closed() {
			c.x.lacks(expected, instead)
		}
		return ack
	}
	ack = p.(T)
	if idOf(ack) != id {
		c.x.notTheSame(expected, p)
	}
	return ack
}

// wantAck wants an acknowledgement to be the one that is expected, with success.
// In a set-up a message that the broker does not take, as it may, is declined.
func (c *Client) wantAck(expected string, p codec.Packet, same bool, code codec.ReasonCode) {
	if same && c.x.step != "" && slices.Contains(refusals, code) && (p.Type() == codec.PUBACK || p.Type() == codec.PUBREC) {
		c.x.refused("messages", expected, p)
	}
	switch {
	case !same:
		c.x.notTheSame(expected, p)
	case code.IsError():
		c.x.fail(expected, p.String())
	}
}

// notTheSame ends the exchange because an acknowledgement is that of another message:
// which it has to be is for the checks about the message's delivery.
func (x *Exchange) notTheSame(expected string, p codec.Packet) {
	steps := map[codec.Type]Step{
		codec.PUBACK: StepPublishQoS1, codec.PUBREC: StepPublishQoS2, codec.PUBCOMP: StepPublishQoS2, codec.PUBREL: StepReceiveQoS2,
	}
	x.during(steps[p.Type()], func() { x.fail(expected, p.String()) })
}

// NewSubscribe is a SUBSCRIBE of this client, with a fresh Packet Identifier,
// for Topic Filters at one QoS.
func (c *Client) NewSubscribe(qos codec.QoS, filters ...string) *codec.Subscribe {
	p := &codec.Subscribe{PacketID: c.PacketID()}
	for _, filter := range filters {
		p.Subscriptions = append(p.Subscriptions, codec.Subscription{Filter: filter, QoS: qos})
	}
	return p
}

// NewUnsubscribe is an UNSUBSCRIBE of this client with a fresh Packet Identifier.
func (c *Client) NewUnsubscribe(filters ...string) *codec.Unsubscribe {
	return &codec.Unsubscribe{PacketID: c.PacketID(), Filters: filters}
}

// Subscribe subscribes to Topic Filters, all at one QoS, and wants each to be
// granted at that QoS. It is set-up. A broker that refuses, as it may, or grants a
// lower QoS declines what the check is about, unless it has granted the same to
// the probe: that blocks the check, as all else does.
func (c *Client) Subscribe(qos codec.QoS, filters ...string) {
	c.SubscribeWith(c.NewSubscribe(qos, filters...).Subscriptions)
}

// SubscribeWith is Subscribe with every option in the caller's hands.
func (c *Client) SubscribeWith(subscriptions []codec.Subscription, properties ...codec.Property) {
	c.x.during(StepSubscribe, func() {
		p := &codec.Subscribe{PacketID: c.PacketID(), Subscriptions: subscriptions, Properties: properties}
		c.Send(p)
		suback := c.WantSuback(p.PacketID)
		for i, s := range subscriptions {
			if suback.Codes[i] != codec.ReasonCode(s.QoS) {
				expected := fmt.Sprintf("SUBACK granting QoS %d for %s", s.QoS, s.Filter)
				c.declined(s, expected, suback, suback.Codes[i])
				if code := suback.Codes[i]; code > codec.ReasonCode(s.QoS) && code <= codec.GrantedQoS2 {
					c.x.unprepared(StepRequestedQoS, expected, suback.String())
				}
				c.x.fail(expected, suback.String())
			}
		}
	})
}

// declined ends the exchange where the broker has not granted a subscription as it
// was asked for, in a way that is left to it, and has not granted the probe the same.
func (c *Client) declined(s codec.Subscription, expected string, suback *codec.Suback, code codec.ReasonCode) {
	if c.x.Profile.Granted(s) {
		return
	}
	kind := kindOf(s.Filter)
	switch {
	case slices.Contains(refusals, code):
		c.x.refused(string(kind), expected, suback)
	case code < codec.ReasonCode(s.QoS):
		c.x.refused(fmt.Sprintf("%s at QoS %d", kind, s.QoS), expected, suback)
	}
}

// WantSuback wants the SUBACK for this Packet Identifier, whatever it grants. One
// that has not one code for each Topic Filter blocks the check, and so does one with
// another Packet Identifier.
func (c *Client) WantSuback(id uint16) *codec.Suback {
	p := c.WantAnySuback(id)
	if n, known := c.filters[awaited{codec.SUBACK, id}]; known && len(p.Codes) != n {
		c.x.unprepared(StepSubackCodes, "SUBACK with "+plural(n, "code"), p.String())
	}
	return p
}

// WantAnySuback is WantSuback and leaves open how many codes there are.
func (c *Client) WantAnySuback(id uint16) *codec.Suback {
	expected := fmt.Sprintf("SUBACK id=%d", id)
	p := Want[*codec.Suback](c, expected)
	if p.PacketID != id {
		c.x.unprepared(StepSubackID, expected, p.String())
	}
	c.settle()
	return p
}

// Unsubscribe removes subscriptions. It is set-up.
func (c *Client) Unsubscribe(filters ...string) {
	c.x.during(StepUnsubscribe, func() {
		p := c.NewUnsubscribe(filters...)
		c.Send(p)
		c.WantUnsuback(p.PacketID)
	})
}

// WantUnsuback wants the UNSUBACK for this Packet Identifier. One of 5.0 that has
// not one Reason Code for each Topic Filter blocks the check.
func (c *Client) WantUnsuback(id uint16) *codec.Unsuback {
	p := c.WantAnyUnsuback(id)
	if n, known := c.filters[awaited{codec.UNSUBACK, id}]; known && c.x.Version == codec.V5 && len(p.Codes) != n {
		c.x.unprepared(StepUnsubackCodes, "UNSUBACK with "+plural(n, "Reason Code"), p.String())
	}
	return p
}

// WantAnyUnsuback is WantUnsuback and leaves open how many codes there are.
func (c *Client) WantAnyUnsuback(id uint16) *codec.Unsuback {
	expected := fmt.Sprintf("UNSUBACK id=%d", id)
	p := Want[*codec.Unsuback](c, expected)
	if p.PacketID != id {
		c.x.fail(expected, p.String())
	}
	c.settle()
	return p
}

// WantPublish wants the next message to be this one. It does not acknowledge it.
func (c *Client) WantPublish(topic, payload string) *codec.Publish {
	expected := fmt.Sprintf("PUBLISH topic=%s %s", shortTopic(topic), shortPayload(payload))
	p := Want[*codec.Publish](c, expected)
	for p.Topic != topic || p.Payload != payload {
		if !c.repeats(p) {
			c.x.FailMessage(expected, p.String())
		}
		c.Ack(p)
		p = Want[*codec.Publish](c, expected)
	}
	return p
}

// TakePubrec is WantPubrec as set-up.
func (c *Client) TakePubrec(id uint16) {
	c.x.during(StepPublishQoS2, func() { c.WantPubrec(id) })
}

// TakePubrel is WantPubrel as set-up.
func (c *Client) TakePubrel(id uint16) {
	c.x.during(StepReceiveQoS2, func() { c.WantPubrel(id) })
}

// WantPublishAt wants the next message to be this one at this QoS.
func (c *Client) WantPublishAt(qos codec.QoS, topic, payload string) *codec.Publish {
	p := c.WantPublish(topic, payload)
	if p.QoS != qos {
		c.x.FailMessage(fmt.Sprintf("the message at QoS %d", qos), p.String())
	}
	return p
}

// Ack completes the delivery of a message to this client. It is set-up.
func (c *Client) Ack(p *codec.Publish) {
	if p.QoS > codec.QoS0 && p.PacketID == 0 {
		panic(&Stop{
			Kind: Unprepared, Step: StepWellFormed, Statement: rulePublishID.statement(c.x.Version, codec.PUBLISH),
			Reason: "a message without a Packet Identifier cannot be acknowledged", Observed: p.String(),
		})
	}
	switch p.QoS {
	case codec.QoS1:
		c.Send(&codec.Puback{PacketID: p.PacketID})
	case codec.QoS2:
		c.x.during(StepReceiveQoS2, func() {
			c.Send(&codec.Pubrec{PacketID: p.PacketID})
			c.wantRelease(p.PacketID)
			c.Send(&codec.Pubcomp{PacketID: p.PacketID})
		})
	}
}

// wantRelease is WantPubrel whatever PUBREL comes of a message that the client has
// refused before, in this connection or an earlier one: that none does is for others.
func (c *Client) wantRelease(id uint16) {
	expected := fmt.Sprintf("PUBREL id=%d", id)
	for {
		p := Want[*codec.Pubrel](c, expected)
		if p.PacketID == id || !c.x.wasRefused(c.ID, p.PacketID) {
			c.wantAck(expected, p, p.PacketID == id, p.Code)
			return
		}
	}
}

// WantDelivery wants the next message to be this one and completes its delivery.
func (c *Client) WantDelivery(topic, payload string) *codec.Publish {
	p := c.WantPublish(topic, payload)
	c.Ack(p)
	return p
}

// A Message is what tells messages apart in a check.
type Message struct{ Topic, Payload string }

// WantUnordered wants exactly these messages next, in any order, and
// completes their delivery. They are returned in the order of the arguments.
func (c *Client) WantUnordered(want ...Message) []*codec.Publish {
	got := make([]*codec.Publish, len(want))
	for n := range want {
		p := Want[*codec.Publish](c, fmt.Sprintf("the remaining %d of %s", len(want)-n, messages(want)))
		i := slices.IndexFunc(want, func(m Message) bool { return m == Message{p.Topic, p.Payload} })
		for i >= 0 && got[i] != nil { // the same message wanted twice
			next := slices.Index(want[i+1:], want[i])
			if next < 0 {
				i = -1
				break
			}
			i += 1 + next
		}
		if i < 0 {
			c.x.FailMessage(messages(want)+", each once", p.String())
		}
		got[i] = p
		c.Ack(p)
	}
	return got
}

func messages(list []Message) string {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = m.Topic + " " + shortPayload(m.Payload)
	}
	return strings.Join(names, ", ")
}

func shortTopic(topic string) string {
	if len(topic) > 200 {
		return fmt.Sprintf("%d bytes %.100q…", len(topic), topic)
	}
	return topic
}

func shortPayload(payload string) string {
	if len(payload) > 40 {
		return fmt.Sprintf("%d bytes %.30q…", len(payload), payload)
	}
	return fmt.Sprintf("%q", payload)
}

// Marker publishes a message that serves as a fence: the broker must deliver
// what this client published before to the same topic at the same QoS, if it
// delivers it at all, ahead of the marker (MQTT-4.6.0-5, MQTT-4.6.0-6).
func (c *Client) Marker(qos codec.QoS, topic string) Message {
	m := Message{topic, fmt.Sprintf("marker %d", c.x.number())}
	c.Publish(qos, topic, m.Payload)
	return m
}

// WantNothingBefore wants the marker to be the next message: a message that came
// ahead of it breaks the rule. A marker that does not come blocks the check.
func (c *Client) WantNothingBefore(m Message) { c.wantNothingBefore(m, StepDeliver) }

// wantNothingBefore is WantNothingBefore for a marker that is delivered in this
// step.
func (c *Client) wantNothingBefore(m Message, step Step) {
	p := c.takeMessage("the "+m.Payload, step)
	for c.repeats(p) {
		c.Ack(p)
		p = c.takeMessage("the "+m.Payload, step)
	}
	if p.Topic != m.Topic || p.Payload != m.Payload {
		c.x.FailMessage("nothing before the "+m.Payload, p.String())
	}
	c.Ack(p)
	c.wantNothingAfter(m)
}

// takeMessage is the next message, whatever it is, as this step of the set-up:
// expected says what should come in the end. It does not acknowledge it.
func (c *Client) takeMessage(expected string, step Step) (p *codec.Publish) {
	c.x.during(step, func() { p = Want[*codec.Publish](c, expected) })
	return p
}

// wantNothingAfter gives a clustered broker time to send what it should not.
func (c *Client) wantNothingAfter(m Message) {
	if c.x.settings.Settle <= 0 {
		return
	}
	c.settle()
	if late := look(c, func(in *wire.Contents) []codec.Packet { return in.All(wire.Messages) }); len(late) > 0 {
		c.x.fail("nothing after the "+m.Payload, late[0].String())
	}
}

// WantUntil returns, completed, every message that came ahead of the marker: for
// rules that leave open what may come before. A marker that does not come blocks
// the check.
func (c *Client) WantUntil(m Message) []*codec.Publish {
	var before []*codec.Publish
	for {
		p := c.takeMessage("the "+m.Payload, StepDeliver)
		c.Ack(p)
		if p.Topic == m.Topic && p.Payload == m.Payload {
			return before
		}
		before = append(before, p)
	}
}

// WantAtLast wants a message to come, whatever comes ahead of it: where that the
// broker goes on is what the rule demands. It returns, completed, what came ahead.
func (c *Client) WantAtLast(m Message) []*codec.Publish {
	var before []*codec.Publish
	for {
		p := Want[*codec.Publish](c, fmt.Sprintf("PUBLISH topic=%s %s", shortTopic(m.Topic), shortPayload(m.Payload)))
		c.Ack(p)
		if p.Topic == m.Topic && p.Payload == m.Payload {
			return before
		}
		before = append(before, p)
	}
}

// WantWindow returns at least one message, and as many, up to n, as the broker
// sends before any of them is acknowledged. A sender need not use all of the
// receiver's Receive Maximum (section 3.3.4 of 5.0), nor in 3.1.1 have more than
// one message under way. It is set-up: where no message comes the check is blocked.
func (c *Client) WantWindow(n int) []*codec.Publish {
	window := []*codec.Publish{c.takeMessage("PUBLISH", StepDeliver)}
	for len(window) < n {
		p := c.WantAnotherOrIdle()
		if p == nil {
			break
		}
		window = append(window, p)
	}
	return window
}

// WantAnotherOrIdle is the next message; nil when none has come for a moment
// after the broker answered a PINGREQ, which it has to. That moment proves
// nothing: it is for what the broker may do or leave.
func (c *Client) WantAnotherOrIdle() *codec.Publish {
	anyMessage := func(in *wire.Contents) bool { return in.Count(wire.Messages) > 0 }
	if !look(c, anyMessage) {
		c.Fence()
	}
	waiting, _ := await(c, c.x.settings.grace()+c.x.settings.Settle, func(in *wire.Contents) (waiting, done bool) {
		waiting = anyMessage(in)
		return waiting, waiting || in.Ended()
	})
	if !waiting {
		return nil
	}
	return Want[*codec.Publish](c, "PUBLISH")
}

// WantMessage wants a message to have come, and leaves it to be received.
func (c *Client) WantMessage() {
	c.putBack(Want[*codec.Publish](c, "PUBLISH"))
}

// publishWindow is how many messages PublishAll has under way at most: brokers
// of 3.1.1 cannot say what they would bear.
const publishWindow = 20

// PublishAll publishes messages to one topic, as many at a time as the
// broker's Receive Maximum allows, and completes their delivery to the broker.
// It is set-up.
func (c *Client) PublishAll(qos codec.QoS, topic string, payloads ...string) {
	window := int(c.x.Profile.Number(codec.PropReceiveMaximum, 65535))
	for payloads := range slices.Chunk(payloads, min(window, publishWindow)) {
		packets := make([]codec.Packet, len(payloads))
		for i, payload := range payloads {
			packets[i] = c.NewPublish(qos, topic, payload)
		}
		c.SendAll(packets...)
	}
}

// SendAll sends PUBLISH packets in one segment and completes their delivery to
// the broker. It is set-up.
func (c *Client) SendAll(packets ...codec.Packet) {
	c.Send(packets...)
	c.Complete(packets...)
	c.awaitQueueing()
}

// Complete completes the delivery of PUBLISH packets that were sent. A PUBREC
// may come twice (see WantAnyPubcomp), and where the PUBLISH was a repeated one
// with any Reason Code (see WantAnyPubrec). It is set-up.
func (c *Client) Complete(packets ...codec.Packet) {
	unreceived, incomplete, repeated := map[uint16]bool{}, map[uint16]bool{}, map[uint16]bool{}
	step := StepPublishQoS1
	for _, p := range packets {
		p := p.(*codec.Publish)
		switch p.QoS {
		case codec.QoS2:
			incomplete[p.PacketID], step = true, StepPublishQoS2
			unreceived[p.PacketID] = true
		case codec.QoS1:
			unreceived[p.PacketID] = true
		}
		repeated[p.PacketID] = p.Dup
	}
	const every = "the acknowledgement of every PUBLISH"
	c.x.during(step, func() {
		for len(unreceived)+len(incomplete) > 0 {
			p, instead := c.take(wire.Replies, anyPacket)
			switch p := p.(type) {
			case nil:
				c.x.lacks(every, instead)
			case *codec.Puback:
				c.wantAck(every, p, unreceived[p.PacketID] && !incomplete[p.PacketID], p.Code)
				delete(unreceived, p.PacketID)
			case *codec.Pubrec:
				if repeated[p.PacketID] {
					p.Code = codec.Success
				}
				c.wantAck(every, p, incomplete[p.PacketID], p.Code)
				if unreceived[p.PacketID] {
					c.Send(&codec.Pubrel{PacketID: p.PacketID})
				}
				delete(unreceived, p.PacketID)
			case *codec.Pubcomp:
				c.wantAck(every, p, incomplete[p.PacketID] && !unreceived[p.PacketID], p.Code)
				delete(incomplete, p.PacketID)
			default:
				c.x.fail(every, p.String())
			}
		}
	})
}

// WantArrivals wants a PUBLISH or a PUBREL and returns all that have come, the
// PUBRELs first.
func (c *Client) WantArrivals(expected string) []codec.Packet {
	type arrivals struct {
		packets []codec.Packet
		ending  wire.Ending
		text    string
	}
	got, waited, ok := awaitPatiently(c.x, []*Client{c}, c.x.settings.Timeout, func(_ int, in *wire.Contents) (arrivals, bool) {
		packets := append(in.TakeAll(wire.Releases, anyPacket), in.TakeAll(wire.Messages, anyPacket)...)
		return arrivals{packets, in.Ending, in.EndText}, len(packets) > 0 || in.Ended()
	})
	switch {
	case !ok:
		c.x.lacks(expected, nothingIn(waited))
	case len(got.packets) == 0:
		c.legible(got.ending, got.text)
		c.x.fail(expected, got.text)
	}
	return got.packets
}

// WantTakenOrRefused publishes a message that the broker may refuse, and says
// how it did: by closing the connection or, in 5.0, by the Reason Code of the
// answer that the QoS has. "" means that it took the message; to do neither is a
// failure. At QoS 0, which has no answer, a PINGREQ tells when the broker is done.
func (c *Client) WantTakenOrRefused(qos codec.QoS, topic, payload string) (refusal string) {
	refusal, _ = c.takenOrRefused(qos, topic, payload)
	return refusal
}

// takenOrRefused is WantTakenOrRefused, and says whether the refusal is the end of
// the connection.
func (c *Client) takenOrRefused(qos codec.QoS, topic, payload string) (refusal string, closed bool) {
	publish := c.NewPublish(qos, topic, payload)
	c.Send(publish)
	expected := "PUBACK"
	switch qos {
	case codec.QoS0:
		c.Send(&codec.Pingreq{})
		expected = "PINGRESP"
	case codec.QoS2:
		expected = "PUBREC"
	}
	p, instead := c.take(wire.Replies, anyPacket)
	switch p := p.(type) {
	case nil:
		if !c.Closed() {
			c.x.lacks(expected+", or the connection closed", instead)
		}
		return instead.text, true
	case *codec.Disconnect:
		return p.String(), true
	case *codec.Pingresp:
		if qos == codec.QoS0 {
			return "", false
		}
	case *codec.Puback:
		if qos == codec.QoS1 {
			if p.Code.IsError() {
				return p.String(), false
			}
			c.wantAck(expected, p, p.PacketID == publish.PacketID, p.Code)
			return "", false
		}
	case *codec.Pubrec:
		if qos == codec.QoS2 {
			if p.Code.IsError() {
				return p.String(), false
			}
			c.wantAck(expected, p, p.PacketID == publish.PacketID, p.Code)
			c.Send(&codec.Pubrel{PacketID: publish.PacketID})
			c.WantPubcomp(publish.PacketID)
			return "", false
		}
	}
	c.x.fail(expected, p.String())
	return "", false
}

// WantDisconnect wants the broker to close the connection after a DISCONNECT
// (5.0) with one of these Reason Codes. That the connection ends once it has sent a
// DISCONNECT is another check's rule.
func (c *Client) WantDisconnect(allowed ...codec.ReasonCode) *codec.Disconnect {
	expected := "DISCONNECT " + codes(allowed) + ", and the connection closed"
	c.Send(&codec.Pingreq{})
	alive := c.awaitEnd(c.x.settings.Timeout)
	for _, p := range c.replies() {
		if d, ok := p.(*codec.Disconnect); ok {
			if alive.text != "" {
				c.x.during(StepDisconnectCloses, func() { c.x.lacks("the end of the connection after "+d.String(), alive) })
			}
			if !slices.Contains(allowed, d.Code) {
				c.x.fail(expected, d.String())
			}
			return d
		}
	}
	if alive.text != "" {
		c.x.lacks(expected, alive)
	}
	c.FailEnded(expected)
	return nil
}

// FailEnded ends the exchange with a verdict against the broker: the connection has
// ended without what was expected to come first. With a RST that may have been lost
// on its way, for no transport keeps what comes ahead of one.
func (c *Client) FailEnded(expected string) {
	end := look(c, func(in *wire.Contents) seen { return seen{text: in.EndText, missing: in.Ending == wire.RST} })
	c.x.lacks(expected, end)
}
