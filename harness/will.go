package harness

import (
	"fmt"

	"mqttspec/codec"
)

// WillMarker has the broker publish a Will Message that serves as a fence: a
// client connects with it and its connection is lost. Where a will must not be
// published no message of a publisher's runs down the same path; another will
// does.
func (x *Exchange) WillMarker(qos codec.QoS, topic string) Message {
	n := x.number()
	m := Message{topic, fmt.Sprintf("will marker %d", n)}
	x.Connect(Clean, As(fmt.Sprintf("marker%d", n)), WithWill(codec.Will{QoS: qos, Topic: topic, Payload: m.Payload})).Drop()
	return m
}

// WantNoWillBefore wants the marker to be the next message. A broker that does
// not publish the marker blocks the check.
func (c *Client) WantNoWillBefore(m Message) { c.wantNothingBefore(m, StepWill) }

// ReceiveWill wants the next message to be this will. It is set-up: a broker
// that does not publish it blocks the check.
func (c *Client) ReceiveWill(topic, payload string) *codec.Publish {
	var p *codec.Publish
	c.x.during(StepWill, func() { p = c.WantDelivery(topic, payload) })
	return p
}
