package harness

import (
	"fmt"
	"slices"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
)

// A thing that is missing convicts nobody by that alone. Before a verb says that
// something has not come, it asks whether its like does: a plain message between
// other clients, at the QoS that the exchange has used, one for a Shared
// Subscription or a filter that ends with #, a will, a retained message, what is kept
// for a session. If a message or a will does not come either, the exchange stands on
// something broken, and another check decides. If the like of all that the exchange
// is made of comes in time, it could have come, too, and is not waited for any
// longer. Else a second hearing ([Settings.Patience]) waits for as long as a duty has
// to which the specification sets no time.

// awaitPatiently is awaitAny for what has to come, with how long was waited for
// it.
func awaitPatiently[T any](x *Exchange, clients []*Client, within time.Duration, look func(int, *wire.Contents) (T, bool)) (found T, waited time.Duration, ok bool) {
	inboxes := make([]*wire.Inbox, len(clients))
	for i, c := range clients {
		inboxes[i] = c.inbox
	}
	start := time.Now()
	found, ok = awaitAny(x, within, look, inboxes...)
	if ok {
		return found, within, ok
	}
	controlled := !x.controlling && x.control()
	x.repeatResets()
	if x.patience == 0 || controlled {
		// What the control had time for has had time, too.
		found, ok = awaitAny(x, x.settings.closing(), look, inboxes...)
		return found, within, ok
	}
	waited = within + x.patience
	found, ok = awaitAny(x, x.patience, look, inboxes...)
	if ok {
		x.late("a packet", time.Since(start))
	}
	return found, waited, ok
}

// late notes that something came after more than the timeout.
func (x *Exchange) late(what string, after time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lateness = append(x.lateness, Late{What: what, After: after, Step: x.step})
}

// shownByControl are the steps that a control is made of: where one of them has
// not been taken it would show nothing else.
var shownByControl = []Step{StepConnect, StepSubscribe, StepPublishQoS1, StepPublishQoS2, StepReceiveQoS2, StepDeliver, StepDeliverEmpty, StepPing}

// control says whether the like of all that the exchange is made of comes in time.
// Where a plain message does not, or none for a Shared Subscription, or no will, the
// exchange ends: it stands on something that is broken by itself.
func (x *Exchange) control() (comes bool) {
	if !x.settings.Control || slices.Contains(shownByControl, x.step) && !(x.shares && x.step == StepDeliver) {
		return false
	}
	x.aside("nothing has come: does its like?", func() {
		x.controlMessages()
		if x.willed {
			x.controlWill()
		}
		x.patience = 0 // what comes late does not tell
		retains, keeps := len(x.retained) > 0, len(x.sessions) > 0
		comes = (!retains || x.FailureOf(x.controlRetained) == "") && (!keeps || x.FailureOf(x.controlSession) == "")
	})
	return comes
}

// aside performs a control, which is no part of any step.
func (x *Exchange) aside(why string, control func()) {
	x.controlling = true
	step, patience := x.step, x.patience
	defer func() { x.controlling, x.step, x.patience = false, step, patience }()
	x.Note("%s", why)
	x.step = ""
	control()
}

// FailMessage ends the exchange with a verdict against the broker: a client got
// another message than it should have. Before, it looks whether a plain message
// arrives as it was published: where it does not, that is what is broken.
func (x *Exchange) FailMessage(expected, observed string) {
	if x.settings.Control && !x.controlling && x.step == "" {
		x.aside("another message has come: do plain ones arrive as they are, and once?", func() {
			x.controlMessages()
			if len(x.retained) == 0 {
				x.controlUnretained()
			}
		})
	}
	x.fail(expected, observed)
}

// controlMessages has a plain message delivered at each QoS that the exchange has
// used, one for a Shared Subscription where it has joined one, and one for a Topic Filter
// that ends with # where it has subscribed to such.
func (x *Exchange) controlMessages() {
	used := x.used
	used[codec.QoS0] = used == [3]bool{} || used[codec.QoS0]
	for qos := codec.QoS0; qos <= x.Profile.MaximumQoS(); qos++ {
		if used[qos] {
			x.controlDelivery(qos)
		}
	}
	if _, lacks := x.Profile.Lacks(SharedSubscriptions); x.shares && !lacks {
		x.during(StepShared, x.controlShared)
	}
	if _, lacks := x.Profile.Lacks(Wildcards); x.wildcards && !lacks {
		x.during(StepWildcards, x.controlWildcards)
	}
}

// controlTopic is a topic of a control's, which lies outside the exchange's own: no
// subscription of its clients to all of those matches it.
func (x *Exchange) controlTopic(suffix string) string {
	return x.settings.TopicPrefix + "/" + x.settings.RunID + "/control/" + x.scope + "/" + suffix
}

// between performs a control with two clients, whose Client Identifiers have little in
// common at their ends: a broker that takes some for the same has not to do so with
// these.
func (x *Exchange) between(control func(receiver, sender *Client)) {
	receiver := x.Connect(Clean, As("control"), Identified(x.ClientID("control")+"in"))
	sender := x.Connect(Clean, As("controller"), Identified(x.ClientID("controller")+"out"))
	control(receiver, sender)
	receiver.Disconnect()
	sender.Disconnect()
}

// controlDelivery has a plain message delivered.
func (x *Exchange) controlDelivery(qos codec.QoS) {
	x.between(func(receiver, sender *Client) {
		topic := x.controlTopic(fmt.Sprint(qos))
		granted := receiver.SubscribeUpTo(receiver.NewSubscribe(qos, topic))[0]
		sender.Publish(qos, topic, "control")
		var message *codec.Publish
		x.during(StepDeliver, func() {
			expected := fmt.Sprintf("PUBLISH topic=%s %q", topic, "control")
			p, instead := receiver.take(wire.Messages, func(p codec.Packet) bool { return p.(*codec.Publish).Topic == topic })
			if p == nil {
				x.lacks(expected, instead)
			}
			if message = p.(*codec.Publish); message.Payload != "control" {
				x.fail(expected, message.String())
			}
		})
		if message.QoS != min(qos, granted) {
			x.during(StepGrantedQoS, func() {
				x.fail(fmt.Sprintf("a message at QoS %d, which was granted", min(qos, granted)), message.String())
			})
		}
		receiver.Ack(message)
	})
}

// controlUnretained subscribes to a topic when a message to it that is not to be
// retained has been published, and wants to get none.
func (x *Exchange) controlUnretained() {
	x.between(func(receiver, sender *Client) {
		topic, qos := x.controlTopic("unretained"), x.UpTo(codec.QoS1)
		sender.Publish(qos, topic, "before")
		sender.Fence() // a broker may acknowledge a message before it looks for subscribers
		receiver.Subscribe(qos, topic)
		marker := sender.Marker(qos, topic)
		p := receiver.takeMessage("the "+marker.Payload, StepDeliver)
		if p.Payload == "before" {
			x.during(StepUnretained, func() { x.fail("nothing before the "+marker.Payload, p.String()) })
		}
		receiver.Ack(p)
	})
}

// controlShared has a message delivered to the only member of a group.
func (x *Exchange) controlShared() {
	x.between(func(member, sender *Client) {
		topic, qos := x.controlTopic("shared"), x.UpTo(codec.QoS1)
		member.Subscribe(qos, sharePrefix+x.ClientID("group control")+"/"+topic)
		sender.Publish(qos, topic, "control")
		member.Ack(member.WantAnyCopy(topic, "control"))
	})
}

// controlWildcards has a message delivered for a Topic Filter that ends with #.
func (x *Exchange) controlWildcards() {
	x.between(func(receiver, sender *Client) {
		topic := x.controlTopic("several/levels/deep")
		receiver.Subscribe(codec.QoS0, x.controlTopic("several/#"))
		sender.Publish(codec.QoS0, topic, "control")
		receiver.WantAnyCopy(topic, "control")
	})
}

// controlWill has a plain will published.
func (x *Exchange) controlWill() {
	topic := x.controlTopic("will")
	watcher := x.Connect(Clean, As("control"))
	watcher.Subscribe(codec.QoS0, topic)
	watcher.Patience(times.Late)
	watcher.ReceiveWill(topic, x.WillMarker(codec.QoS0, topic).Payload)
	watcher.Disconnect()
}

// controlRetained has a plain retained message delivered.
func (x *Exchange) controlRetained() {
	topic, qos := x.controlTopic("retained"), x.UpTo(codec.QoS1)
	publisher := x.Connect(Clean, As("controller"))
	publisher.Retain(qos, topic, "control")
	subscriber := x.Connect(Clean, As("control"))
	subscriber.Subscribe(qos, topic)
	subscriber.WantDelivery(topic, "control")
	subscriber.Disconnect()
	publisher.Disconnect()
}

// controlSession has a message sent again that was not acknowledged, and one
// delivered that was published while the client was away.
func (x *Exchange) controlSession() {
	topic, qos := x.controlTopic("session"), x.UpTo(codec.QoS1)
	publisher, subscriber := x.Connect(Clean, As("controller")), x.Connect(Persistent, As("controlled"))
	subscriber.Subscribe(qos, topic)
	publisher.Publish(qos, topic, "control")
	subscriber.WantPublish(topic, "control")
	subscriber.Drop()
	publisher.Publish(qos, topic, "control again")

	subscriber = x.Connect(Persistent, As("controlled"))
	if qos > codec.QoS0 {
		subscriber.WantDelivery(topic, "control")
	}
	subscriber.WantDelivery(topic, "control again")
	subscriber.Disconnect()
	publisher.Disconnect()
}

// interrupted ends the exchange because its time is over, or the run's.
func (x *Exchange) interrupted() {
	if x.overtime() {
		panic(&Stop{Kind: Unprepared, Missing: true, Reason: contextReason(x.ctx)})
	}
	x.errorf("interrupted: %s", contextReason(x.ctx))
}

// WantInTime wants something that has just come to have come within a time. What
// is late is missing until then: beside other checks it may be for their load.
func (x *Exchange) WantInTime(what string, since time.Time, within time.Duration) {
	if took := time.Since(since); took >= within {
		x.lacks(fmt.Sprintf("%s within %s", what, within), seen{text: "it came after " + took.Round(time.Millisecond).String(), missing: true})
	}
}
