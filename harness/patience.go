package harness

import (
	"fmt"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
)

// A thing that is missing convicts nobody by that alone. Before a verb says that
// something has not come, it asks whether its like does: a plain message, at the
// QoS that the exchange has used, between clients of their own. If that does not
// come either, the exchange stands on something broken, and another check
// decides. In a second hearing ([Settings.Patience]) it waits, too: for as long
// as a duty has to which the specification sets no time.

// awaitPatiently is awaitAny for what has to come, with how long was waited for
// it. What is waited for in the queue of messages is controlled.
func awaitPatiently[T any](x *Exchange, clients []*Client, q wire.Queue, within time.Duration, look func(int, *wire.Contents) (T, bool)) (found T, waited time.Duration, ok bool) {
	inboxes := make([]*wire.Inbox, len(clients))
	for i, c := range clients {
		inboxes[i] = c.inbox
	}
	start := time.Now()
	found, ok = awaitAny(x, within, look, inboxes...)
	if ok {
		return found, within, ok
	}
	controlled := q == wire.Messages && !x.controlling && x.control()
	x.repeatResets()
	if x.settings.Patience == 0 || controlled {
		// What the control had time for has had time, too.
		found, ok = awaitAny(x, x.settings.closing(), look, inboxes...)
		return found, within, ok
	}
	waited = within + x.settings.Patience
	found, ok = awaitAny(x, x.settings.Patience, look, inboxes...)
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

// control has a plain message delivered at every QoS that the exchange has used,
// and a will published where a client of it has one. Where it does not
// come the exchange ends: it stands on something that is broken by itself. It says
// whether what came tells of what did not: what is stored, and sent again, may
// take another road than what is delivered at once.
func (x *Exchange) control() (tells bool) {
	if x.step == StepDeliver || x.step == StepDeliverEmpty {
		return false // which is what it would show
	}
	x.controlling = true
	step := x.step
	defer func() { x.controlling, x.step = false, step }()
	x.Note("nothing has come: does a plain message?")
	x.step = ""
	for qos := codec.QoS0; qos <= codec.QoS2; qos++ {
		if x.used[qos] {
			x.controlDelivery(qos)
		}
	}
	if x.willed {
		x.controlWill()
	}
	return len(x.retained) == 0 && (len(x.sessions) == 0 || x.willed)
}

// controlDelivery has a plain message delivered.
func (x *Exchange) controlDelivery(qos codec.QoS) {
	topic := x.Topic(fmt.Sprintf("control/%d", qos))
	subscriber := x.Connect(Clean, As("control"))
	subscriber.SubscribeUpTo(subscriber.NewSubscribe(qos, topic))
	publisher := x.Connect(Clean, As("controller"))
	publisher.Publish(qos, topic, "control")
	subscriber.Ack(subscriber.TakePublish(topic, "control"))
	subscriber.Disconnect()
	publisher.Disconnect()
}

// controlWill has a plain will published.
func (x *Exchange) controlWill() {
	topic := x.Topic("control/will")
	watcher := x.Connect(Clean, As("control"))
	watcher.Subscribe(codec.QoS0, topic)
	watcher.Patience(times.Late)
	marker := x.WillMarker(codec.QoS0, topic)
	watcher.ReceiveWill(topic, marker.Payload)
	watcher.Disconnect()
}

// interrupted ends the exchange because its time is over, or the run's.
func (x *Exchange) interrupted() {
	if x.overtime() {
		panic(&Stop{Kind: Unprepared, Missing: true, Reason: contextReason(x.ctx)})
	}
	x.errorf("interrupted: %s", contextReason(x.ctx))
}
