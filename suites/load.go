package suites

import (
	"fmt"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// The rules of sections 4.3 to 4.6 under load: hundreds of messages from several
// publishers to several subscribers, with connections that are lost and resumed
// on the way. Nothing may be lost at QoS 1 and 2, nothing be doubled at QoS 0 and
// 2, and the order of each publisher, topic and QoS is kept.
//
// No subscriber ever has a hundred messages of QoS 1 and 2 waiting: a broker may
// bound its queues, and cannot say how.

const (
	loadPublishers = 4
	loadRounds     = 12

	// Messages of each publisher and QoS in a round, where the Receive Maximum
	// allows it: to subscribers that are there, and to those that let three batches
	// wait.
	loadBatch      = 8
	loadBatchLater = 4
)

var _ = Check(Definition{
	Slug:  "load-steady",
	Title: "delivers a thousand messages from four publishers to three subscribers: all, once, in order",
	Rules: Rules{
		V311: "MQTT-4.5.0-1 MQTT-4.6.0-6 MQTT-4.3.3-2 MQTT-3.3.1-3 3.1.1/4.3.1/no-duplicate",
		V5:   "MQTT-4.5.0-1 MQTT-4.6.0-5 MQTT-4.6.0-6 MQTT-3.3.1-3 MQTT-4.4.0-1 5.0/4.3.1/no-duplicate",
	},
	CaughtBy: Faults{fault.LosesMessages, fault.RepeatsMessages, fault.SwapsMessages, fault.DupAlways},
	Body: func(x *Exchange) {
		l := newLoad(x, Clean, loadBatch)
		l.steady = true
		subscribers := l.subscribe(Clean, "bob", "carol", "dave")

		for range loadRounds {
			l.complete(l.publish())
			for _, s := range subscribers {
				s.drain()
			}
		}
		for _, s := range subscribers {
			if len(s.last) == 0 { // at QoS 0 nothing has to come, but something does
				x.StandsOn(StepDeliver, s.c.WantMessage)
			}
		}
	},
})

var _ = Check(Definition{
	Slug:  "load-subscribers-resume",
	Title: "delivers hundreds of messages to subscribers that lose their connection time and again: all, QoS 2 once, in order",
	Rules: Rules{
		V311: "MQTT-4.5.0-1 MQTT-4.6.0-6 MQTT-4.4.0-1 MQTT-4.3.2-1 MQTT-4.3.3-1",
		V5:   "MQTT-4.5.0-1 MQTT-4.6.0-5 MQTT-4.4.0-1 MQTT-4.3.2-3 MQTT-4.3.3-3 MQTT-4.3.3-5 MQTT-4.3.3-6",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.LosesMessages, fault.RepeatsMessages, fault.SwapsMessages, fault.ForgetsUnacknowledged},
	Body: func(x *Exchange) {
		l := newLoad(x, Clean, loadBatchLater)
		subscribers := l.subscribe(Persistent, "bob", "carol", "dave")

		for round := range loadRounds {
			l.complete(l.publish())
			for i, s := range subscribers {
				switch (round + i) % 3 {
				case 0: // lose the connection with something received, nothing answered
					s.receive("messages", false)
					s.c.Drop()
					s.online = false
				case 1: // and again with PUBREC sent, PUBREL perhaps not read
					s.resume()
					s.receive("messages", true)
					s.c.Drop()
					s.online = false
				case 2:
					s.resume()
					s.drain()
				}
			}
		}

		// The last batch is the fence behind which nothing comes twice.
		l.complete(l.publish())
		for _, s := range subscribers {
			s.resume()
			s.drain()
		}
	},
})

var _ = Check(Definition{
	Slug:  "load-publishers-resume",
	Title: "delivers a thousand messages of publishers that lose their connection time and again: all, QoS 2 once, in order",
	Rules: Rules{
		V311: "MQTT-4.5.0-1 MQTT-4.6.0-6 MQTT-4.3.2-2 MQTT-4.3.3-2",
		V5:   "MQTT-4.5.0-1 MQTT-4.6.0-5 MQTT-4.3.2-4 MQTT-4.3.3-8 MQTT-4.3.3-10",
	},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.LosesMessages, fault.RepeatsMessages, fault.SwapsMessages, fault.ForwardsDuplicates},
	Body: func(x *Exchange) {
		l := newLoad(x, Persistent, loadBatch)
		subscribers := l.subscribe(Clean, "bob", "carol", "dave")

		for round := range loadRounds {
			sent := l.publish()
			for i := range l.publishers {
				if (round+i)%3 == 0 {
					sent[i] = l.resend(i, sent[i])
				}
			}
			l.complete(sent)
			for _, s := range subscribers {
				s.drain()
			}
		}

		// The last batch is the fence behind which nothing comes twice.
		l.complete(l.publish())
		for _, s := range subscribers {
			s.drain()
		}
	},
})

// A load is the publishers of an exchange and what they have published.
type load struct {
	x          *Exchange
	how        ConnectOption
	publishers []*Client
	levels     []codec.QoS
	batch      int
	published  int  // messages of each publisher and QoS
	steady     bool // nobody loses a connection: there is no cause to send anything again
}

func newLoad(x *Exchange, how ConnectOption, batch int) *load {
	l := &load{x: x, how: how, levels: levels(x, QoS0, QoS1, QoS2)}
	most := int(x.Profile.Number(codec.PropReceiveMaximum, 65535))
	if l.batch = min(batch, most/2); l.batch == 0 {
		x.Inapplicable("CONNACK: Receive Maximum %d: one message at a time is no load", most)
	}
	for i := range loadPublishers {
		l.publishers = append(l.publishers, x.Connect(how, As(publisherName(i))))
	}
	return l
}

func publisherName(i int) string { return fmt.Sprintf("publisher%d", i+1) }

func (l *load) topic(i int) string { return l.x.Topic(publisherName(i)) }

// loadPayload says which of its publisher and QoS a message is.
const loadPayload = "%d at QoS %d"

// publish sends the next batch of every publisher, its QoS levels mixed.
func (l *load) publish() [][]codec.Packet {
	sent := make([][]codec.Packet, len(l.publishers))
	for i, c := range l.publishers {
		for n := range l.batch {
			for _, qos := range l.levels {
				sent[i] = append(sent[i], c.NewPublish(qos, l.topic(i), fmt.Sprintf(loadPayload, l.published+n+1, qos)))
			}
		}
		c.Send(sent[i]...)
	}
	l.published += l.batch
	return sent
}

// complete completes what was sent.
func (l *load) complete(sent [][]codec.Packet) {
	for i, c := range l.publishers {
		c.Complete(sent[i]...)
	}
}

// resend loses the connection of a publisher that has read no acknowledgement,
// and sends what was not acknowledged again, as the client must [MQTT-4.4.0-1].
func (l *load) resend(i int, sent []codec.Packet) (again []codec.Packet) {
	l.publishers[i].Drop()
	l.publishers[i] = l.x.Connect(l.how, As(publisherName(i)))
	for _, p := range sent {
		if p := *p.(*codec.Publish); p.QoS > QoS0 {
			p.Dup = true
			again = append(again, &p)
		}
	}
	l.publishers[i].Send(again...)
	return again
}

// subscribe connects subscribers to everything that is published.
func (l *load) subscribe(how ConnectOption, names ...string) []*subscriber {
	subscribers := make([]*subscriber, len(names))
	for i, name := range names {
		s := &subscriber{
			load: l, name: name, how: how, c: l.x.Connect(how, As(name)), online: true,
			last: map[stream]int{}, came: map[numberedMessage]bool{}, held: map[uint16]bool{},
		}
		for p := range l.publishers {
			s.c.Subscribe(l.x.UpTo(QoS2), l.topic(p))
		}
		subscribers[i] = s
	}
	return subscribers
}

// A stream is what has to keep its order: the messages of one topic and QoS,
// and here each topic has one publisher.
type stream struct {
	topic string
	qos   codec.QoS
}

// A numberedMessage is a message of a stream.
type numberedMessage struct {
	stream
	n int
}

// A subscriber receives what is published, as a client should: a QoS 2 message
// is the same one until PUBREL has come for its Packet Identifier.
type subscriber struct {
	*load
	name   string
	how    ConnectOption
	c      *Client
	online bool
	last   map[stream]int // the highest number that has come
	came   map[numberedMessage]bool
	held   map[uint16]bool // QoS 2 messages received and not released
}

// resume connects again if the connection was lost.
func (s *subscriber) resume() {
	if !s.online {
		s.c, s.online = s.x.Connect(s.how, As(s.name)), true
	}
}

// drain receives until every QoS 1 and QoS 2 message has come and is complete.
func (s *subscriber) drain() {
	for missing := s.missing(); missing != ""; missing = s.missing() {
		if missing == pubrels {
			s.x.About("MQTT-4.4.0-1", "MQTT-4.3.3-1", "MQTT-4.3.3-5")
		} else {
			s.x.About("MQTT-4.5.0-1", "MQTT-4.4.0-1", "MQTT-4.3.2-1", "MQTT-4.3.2-3", "MQTT-4.3.3-1", "MQTT-4.3.3-3")
		}
		s.receive(missing, true)
	}
}

// pubrels are missing where every message is there, but not complete.
const pubrels = "PUBREL for every PUBREC"

// missing names a message that has not come or is not complete.
func (s *subscriber) missing() string {
	for i := range s.publishers {
		for _, qos := range s.levels {
			for n := 1; qos > QoS0 && n <= s.published; n++ {
				if !s.came[numberedMessage{stream{s.topic(i), qos}, n}] {
					return fmt.Sprintf("message %d at QoS %d of %s", n, qos, publisherName(i))
				}
			}
		}
	}
	if len(s.held) > 0 {
		return pubrels
	}
	return ""
}

// receive takes in what has arrived, and answers it or not.
func (s *subscriber) receive(expected string, answer bool) {
	var answers []codec.Packet
	for _, p := range s.c.WantArrivals(expected + ", for " + s.name) {
		switch p := p.(type) {
		case *codec.Pubrel:
			delete(s.held, p.PacketID)
			answers = append(answers, &codec.Pubcomp{PacketID: p.PacketID})
		case *codec.Publish:
			switch p.QoS {
			case QoS0:
				s.judge(p)
			case QoS1:
				s.judge(p)
				answers = append(answers, &codec.Puback{PacketID: p.PacketID})
			case QoS2:
				if !s.held[p.PacketID] {
					s.judge(p)
				}
				s.held[p.PacketID] = true
				answers = append(answers, &codec.Pubrec{PacketID: p.PacketID})
			}
		}
	}
	if answer {
		s.c.Send(answers...)
	}
}

// judge holds a message against those of its stream that came before.
func (s *subscriber) judge(p *codec.Publish) {
	var n int
	var qos codec.QoS
	_, err := fmt.Sscanf(p.Payload, loadPayload, &n, &qos)
	at := stream{p.Topic, qos}
	last, message := s.last[at], numberedMessage{at, n}
	next := fmt.Sprintf("message %d at QoS %d of %s, for %s", last+1, qos, p.Topic, s.name)
	switch {
	case err != nil || n < 1 || n > s.published:
		s.x.FailMessage(next, p.String()+", which nobody published")
	case s.came[message]:
		s.cameAgain(p, qos, next)
	case p.QoS != qos:
		s.x.StandsOn(StepGrantedQoS, func() { s.x.Failf(next, "%s", p) })
	case n < last:
		s.x.About("MQTT-4.6.0-5", "MQTT-4.6.0-6")
		s.x.Failf(fmt.Sprintf("message %d at QoS %d of %s, for %s, before message %d", n, qos, p.Topic, s.name, last), "%s", p)
	case s.steady && p.Dup && qos > QoS0: // at QoS 0 that is for another check
		s.x.About("MQTT-3.3.1-3")
		s.x.Failf(next+" with DUP 0, as the first time", "%s", p)
	}
	s.came[message] = true
	s.last[at] = max(n, last)
}

// cameAgain judges a message that was published at this QoS and came before.
func (s *subscriber) cameAgain(p *codec.Publish, qos codec.QoS, next string) {
	again := p.String() + ", which came before"
	switch {
	case qos == QoS0 && s.steady:
		s.x.About("3.1.1/4.3.1/no-duplicate", "5.0/4.3.1/no-duplicate")
		s.x.Failf(next, "%s", again)
	case qos == QoS1 && p.Dup && s.steady && s.x.Version == V5: // at least once, but "MUST NOT resend messages at any other time"
		s.x.About("MQTT-4.4.0-1")
		s.x.Failf(next+", and nothing sent again before the client connects again", "%s", again)
	case qos == QoS2:
		s.x.About("MQTT-4.4.0-1", "MQTT-4.3.3-1", "MQTT-4.3.3-2", "MQTT-4.3.3-6", "MQTT-4.3.3-10")
		s.x.Failf(next, "%s", again)
	}
}
