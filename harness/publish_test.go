package harness

import (
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"mqttspec/codec"
)

// errored is a Reason Code of failure.
const errored = codec.UnspecifiedError

// TestAcknowledgements: each verb wants its own packet with the same Packet
// Identifier, and those that leave the Reason Code open take any.
func TestAcknowledgements(t *testing.T) {
	v5 := codec.V5
	answers := func(p codec.Packet) script { return script{sends(p)} }
	run(t, []row{
		{name: "PUBACK", script: answers(&codec.Puback{PacketID: 5}), body: func(c *Client) { c.WantPuback(5) }},
		{
			name: "PUBACK, another message's", script: answers(&codec.Puback{PacketID: 6}), body: func(c *Client) { c.WantPuback(5) },
			want: stop{Unprepared, "PUBACK id=5", "PUBACK id=6", StepPublishQoS1},
		},
		{
			name: "PUBACK, of an error", version: v5, script: answers(&codec.Puback{PacketID: 5, Code: errored}), body: func(c *Client) { c.WantPuback(5) },
			want: stop{Contradicted, "PUBACK id=5", "0x80", ""},
		},
		{
			name: "PUBACK, where PUBREC is due", script: answers(&codec.Puback{PacketID: 5}), body: func(c *Client) { c.WantPubrec(5) },
			want: stop{Contradicted, "PUBREC id=5", "PUBACK id=5", ""},
		},
		{
			name: "PUBREC, as set-up", body: func(c *Client) { c.TakePubrec(5) },
			want: stop{Unprepared, "PUBREC id=5", "nothing within 5s", StepPublishQoS2},
		},
		{
			name: "PUBREL, as set-up", body: func(c *Client) { c.TakePubrel(5) },
			want: stop{Unprepared, "PUBREL id=5", "nothing within 5s", StepReceiveQoS2},
		},
		{name: "PUBREL", script: answers(&codec.Pubrel{PacketID: 5}), body: func(c *Client) { c.WantPubrel(5) }},
		{name: "PUBCOMP", script: answers(&codec.Pubcomp{PacketID: 5}), body: func(c *Client) { c.WantPubcomp(5) }},
		{name: "any PUBREC", version: v5, script: answers(&codec.Pubrec{PacketID: 5, Code: codec.PacketIdentifierInUse}), body: func(c *Client) { c.WantAnyPubrec(5) }},
		{
			name: "any PUBCOMP, behind a repeated PUBREC", version: v5, body: func(c *Client) { c.WantAnyPubcomp(5) },
			script: script{sends(&codec.Pubrec{PacketID: 5}, &codec.Pubcomp{PacketID: 5, Code: codec.PacketIdentifierNotFound})},
		},
		{
			name: "any PUBCOMP, but none", body: func(c *Client) { c.WantAnyPubcomp(5) },
			want: stop{Contradicted, "PUBCOMP id=5", "nothing within 5s", ""},
		},
		{
			name: "any PUBCOMP, but another packet", script: answers(&codec.Pingresp{}), body: func(c *Client) { c.WantAnyPubcomp(5) },
			want: stop{Contradicted, "PUBCOMP id=5", "PINGRESP", ""},
		},
		{name: "PUBREC or closed: PUBREC", script: answers(&codec.Pubrec{PacketID: 5}), body: func(c *Client) { c.x.Expect(c.WantPubrecOrClosed(5)).NotTo(BeNil()) }},
		{name: "PUBCOMP or closed: closed", script: script{closes}, body: func(c *Client) { c.x.Expect(c.WantPubcompOrClosed(5)).To(BeNil()) }},
		{
			name: "PUBCOMP or closed: neither", body: func(c *Client) { c.WantPubcompOrClosed(5) },
			want: stop{Contradicted, "PUBCOMP id=5, or the connection closed", "nothing within 5s", ""},
		},
		{
			name: "PUBCOMP or closed: another message's", script: answers(&codec.Pubcomp{PacketID: 6}), body: func(c *Client) { c.WantPubcompOrClosed(5) },
			want: stop{Unprepared, "PUBCOMP id=5, or the connection closed", "PUBCOMP id=6", StepPublishQoS2},
		},
	})
}

// TestPublish: to publish is set-up, at every QoS.
func TestPublish(t *testing.T) {
	qos2 := script{wants(codec.PUBLISH), sends(&codec.Pubrec{PacketID: 1}), wants(codec.PUBREL), sends(&codec.Pubcomp{PacketID: 1})}
	for name, r := range map[string]struct {
		qos    codec.QoS
		script script
		want   stop
	}{
		"QoS 0":               {0, script{wants(codec.PUBLISH)}, stop{}},
		"QoS 1":               {1, script{wants(codec.PUBLISH), sends(&codec.Puback{PacketID: 1})}, stop{}},
		"QoS 1, no PUBACK":    {1, nil, stop{Unprepared, "PUBACK id=1", "nothing within 5s", StepPublishQoS1}},
		"QoS 2":               {2, qos2, stop{}},
		"QoS 2, no PUBREC":    {2, nil, stop{Unprepared, "PUBREC id=1", "nothing within 5s", StepPublishQoS2}},
		"QoS 2, no PUBCOMP":   {2, qos2[:3], stop{Unprepared, "PUBCOMP id=1", "nothing within 5s", StepPublishQoS2}},
		"QoS 2, closed early": {2, script{wants(codec.PUBLISH), closes}, stop{Unprepared, "PUBREC id=1", "closed by the broker", StepPublishQoS2}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, []row{{
				name: name, script: r.script, want: r.want,
				body: func(c *Client) { c.Publish(r.qos, news, "hello", Retained) },
			}})
		})
	}
}

// TestPublishToOneAway: the publisher goes on only when the broker has put the
// message into the queue of a client that is away.
func TestPublishToOneAway(t *testing.T) {
	publisher := script{accepts, wants(codec.PUBLISH), sends(&codec.Puback{PacketID: 1})}
	for name, r := range map[string]struct {
		script script
		want   stop
	}{
		"answers PINGREQ":        {append(publisher[:len(publisher):len(publisher)], pongs), stop{}},
		"closes after PUBACK":    {append(publisher[:len(publisher):len(publisher)], closes), stop{Unprepared, "PINGRESP", "closed by the broker", StepPing}},
		"does not answer at all": {publisher, stop{Unprepared, "PINGRESP", "nothing within 5s", StepPing}},
	} {
		t.Run(name, func(t *testing.T) {
			r.want.check(t, performing{scripts: []script{{serves}, r.script}, body: func(x *Exchange) {
				x.Connect(Persistent, As("away")).Drop()
				x.Connect(Clean).Publish(codec.QoS1, news, "hello")
			}}.evidence(t).Stop)
		})
	}
}

func TestPublishOptions(t *testing.T) {
	run(t, []row{{name: "all", body: func(c *Client) {
		p := c.NewPublish(codec.QoS1, news, "hello", Retained, Dup, Having(codec.ContentType("text")))
		c.x.Expect(p).To(Equal(&codec.Publish{
			Dup: true, Retain: true, QoS: 1, PacketID: 1, Topic: news, Payload: "hello", Properties: codec.Properties{codec.ContentType("text")},
		}))
		c.x.Expect(c.PacketID()).To(Equal(uint16(2)))
	}}})
}

// TestComplete: acknowledgements of several messages may come in any order, each
// once.
func TestComplete(t *testing.T) {
	const every = "the acknowledgement of every PUBLISH"
	both := []codec.Packet{published(1, 1, "at least once"), published(2, 2, "exactly once")}
	repeated := published(2, 2, "again")
	repeated.Dup = true
	sendAll := func(c *Client) { c.SendAll(both...) }
	taken := script{wants(codec.PUBLISH), wants(codec.PUBLISH)}
	and := func(steps ...step) script { return append(taken[:2:2], steps...) }
	run(t, []row{
		{
			name: "in order", body: sendAll,
			script: and(sends(&codec.Puback{PacketID: 1}, &codec.Pubrec{PacketID: 2}), wants(codec.PUBREL), sends(&codec.Pubcomp{PacketID: 2})),
		},
		{
			name: "in another order", body: sendAll,
			script: and(sends(&codec.Pubrec{PacketID: 2}), wants(codec.PUBREL), sends(&codec.Pubcomp{PacketID: 2}, &codec.Puback{PacketID: 1})),
		},
		{
			name: "PUBREC twice", body: sendAll,
			script: and(sends(&codec.Pubrec{PacketID: 2}, &codec.Pubrec{PacketID: 2}), wants(codec.PUBREL), sends(&codec.Pubcomp{PacketID: 2}, &codec.Puback{PacketID: 1})),
		},
		{
			name: "PUBACK twice", body: sendAll, script: and(sends(&codec.Puback{PacketID: 1}, &codec.Puback{PacketID: 1})),
			want: stop{Unprepared, every, "PUBACK id=1", StepPublishQoS2},
		},
		{
			name: "PUBACK for QoS 2", body: sendAll, script: and(sends(&codec.Puback{PacketID: 2})),
			want: stop{Unprepared, every, "PUBACK id=2", StepPublishQoS2},
		},
		{
			name: "PUBCOMP before PUBREC", body: sendAll, script: and(sends(&codec.Pubcomp{PacketID: 2})),
			want: stop{Unprepared, every, "PUBCOMP id=2", StepPublishQoS2},
		},
		{
			name: "one missing", body: sendAll, script: and(sends(&codec.Puback{PacketID: 1})),
			want: stop{Unprepared, every, "nothing within 5s", StepPublishQoS2},
		},
		{
			name: "another packet", body: sendAll, script: and(sends(&codec.Pingresp{})),
			want: stop{Unprepared, every, "PINGRESP", StepPublishQoS2},
		},
		{
			name: "an error", version: codec.V5, body: sendAll, script: and(sends(&codec.Pubrec{PacketID: 2, Code: errored})),
			want: stop{kind: Declined, expected: every, observed: "0x80"},
		},
		{
			name: "an error that is not its choice", version: codec.V5, body: sendAll,
			script: and(sends(&codec.Pubrec{PacketID: 2, Code: codec.PacketIdentifierInUse})),
			want:   stop{Unprepared, every, "0x91", StepPublishQoS2},
		},
		{
			name: "an error for a repeated one", version: codec.V5, body: func(c *Client) { c.SendAll(repeated) },
			script: script{wants(codec.PUBLISH), sends(&codec.Pubrec{PacketID: 2, Code: codec.PacketIdentifierInUse}), wants(codec.PUBREL), sends(&codec.Pubcomp{PacketID: 2})},
		},
	})
}

// TestPublishAll: no more messages are under way than the broker can bear.
func TestPublishAll(t *testing.T) {
	payloads := make([]string, 45)
	for name, r := range map[string]struct {
		receiveMaximum uint16
		windows        []int
	}{
		"as many as any broker bears": {0, []int{20, 20, 5}},
		"as many as this one bears":   {30, []int{20, 20, 5}},
		"less":                        {18, []int{18, 18, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			steps := script{accepts}
			id := uint16(0)
			for _, n := range r.windows {
				var acks []codec.Packet
				for range n {
					id++
					steps = append(steps, wants(codec.PUBLISH))
					acks = append(acks, &codec.Puback{PacketID: id})
				}
				steps = append(steps, func(s *session) {
					synctest.Wait()
					if s.reader.Buffered() > 0 {
						t.Errorf("more than %d messages under way", n)
					}
				}, sends(acks...))
			}
			e := performing{
				version: codec.V5, scripts: []script{steps},
				profile: func(p *Profile) {
					if r.receiveMaximum > 0 {
						p.Connack.Properties = codec.Properties{codec.ReceiveMaximum(r.receiveMaximum)}
					}
				},
				body: func(x *Exchange) { x.Connect(Clean).PublishAll(codec.QoS1, news, payloads...) },
			}.evidence(t)
			stop{}.check(t, e.Stop)
		})
	}
}

// TestTakenOrRefused: a broker may refuse a message by a Reason Code or by
// closing the connection, but has to do something.
func TestTakenOrRefused(t *testing.T) {
	at := func(qos codec.QoS, want string) func(c *Client) {
		return func(c *Client) {
			c.x.Expect(c.WantTakenOrRefused(qos, news, "hello")).To(ContainSubstring(want))
			if want == "" {
				c.x.Expect(c.Closed()).To(BeFalse())
			}
		}
	}
	asked := func(steps ...step) script { return append(script{wants(codec.PUBLISH)}, steps...) }
	run(t, []row{
		{name: "QoS 0, taken", script: asked(pongs), body: at(0, "")},
		{name: "QoS 0, closed", script: asked(closes), body: at(0, "closed by the broker")},
		{name: "QoS 1, taken", script: asked(sends(&codec.Puback{PacketID: 1})), body: at(1, "")},
		{name: "QoS 1, refused", version: codec.V5, script: asked(sends(&codec.Puback{PacketID: 1, Code: codec.NotAuthorized})), body: at(1, "0x87 Not authorized")},
		{name: "QoS 1, DISCONNECT", version: codec.V5, script: asked(disconnect(codec.NotAuthorized)), body: at(1, "DISCONNECT 0x87")},
		{
			name: "QoS 1, another message's PUBACK", script: asked(sends(&codec.Puback{PacketID: 2})), body: at(1, ""),
			want: stop{Unprepared, "PUBACK", "PUBACK id=2", StepPublishQoS1},
		},
		{
			name: "QoS 1, nothing", body: at(1, ""),
			want: stop{Contradicted, "PUBACK, or the connection closed", "nothing within 5s", ""},
		},
		{
			name: "QoS 1, PUBREC", script: asked(sends(&codec.Pubrec{PacketID: 1})), body: at(1, ""),
			want: stop{Contradicted, "PUBACK", "PUBREC id=1", ""},
		},
		{
			name: "QoS 2, taken", body: at(2, ""),
			script: asked(sends(&codec.Pubrec{PacketID: 1}), wants(codec.PUBREL), sends(&codec.Pubcomp{PacketID: 1})),
		},
		{name: "QoS 2, refused", version: codec.V5, script: asked(sends(&codec.Pubrec{PacketID: 1, Code: codec.NotAuthorized})), body: at(2, "0x87 Not authorized")},

		{name: "tried, taken", script: asked(sends(&codec.Puback{PacketID: 1})), body: func(c *Client) { c.TryPublish(news, "hello") }},
		{
			name: "tried, closed", script: asked(closes), body: func(c *Client) { c.TryPublish(news, "hello") },
			want: stop{Unprepared, "PUBACK", "closed by the broker", StepPublishQoS1},
		},
		{
			name: "tried, disconnected", version: codec.V5, script: asked(disconnect(codec.TopicNameInvalid)), body: func(c *Client) { c.TryPublish(news, "hello") },
			want: stop{Unprepared, "PUBACK", "DISCONNECT 0x90", StepPublishQoS1},
		},
		{
			name: "tried, refused", version: codec.V5, script: asked(sends(&codec.Puback{PacketID: 1, Code: codec.NotAuthorized})),
			body: func(c *Client) { c.TryPublish(news, "hello") }, want: stop{kind: Declined},
		},
	})
}

// TestTryPublishWithoutQoS1: a broker that takes part in QoS 0 only is tried at
// that, where nothing shows a refusal.
func TestTryPublishWithoutQoS1(t *testing.T) {
	e := performing{
		version: codec.V5, scripts: []script{{accepts, func(s *session) {
			if p, ok := s.next().(*codec.Publish); !ok || p.QoS != 0 {
				t.Errorf("the client sent %v", p)
			}
		}}},
		profile: func(p *Profile) { p.lacks[AtLeastOnce] = "CONNACK: Maximum QoS 0" },
		body:    func(x *Exchange) { x.Connect(Clean).TryPublish(news, "hello") },
	}.evidence(t)
	stop{}.check(t, e.Stop)
}

// TestDeliveries: the verbs that take messages.
func TestDeliveries(t *testing.T) {
	one, two := Message{news, "1"}, Message{news, "2"}
	any := func(c *Client) { c.WantUnordered(one, two, one) }
	run(t, []row{
		{name: "this one", script: script{sends(published(1, 9, "1")), wants(codec.PUBACK)}, body: func(c *Client) { c.WantDelivery(news, "1") }},
		{
			name: "another payload", script: script{sends(published(0, 0, "2"))}, body: func(c *Client) { c.WantDelivery(news, "1") },
			want: stop{Contradicted, `PUBLISH topic=` + news + ` "1"`, `"2"`, ""},
		},
		{
			name: "at another QoS", script: script{sends(published(0, 0, "1"))}, body: func(c *Client) { c.WantPublishAt(codec.QoS1, news, "1") },
			want: stop{Contradicted, "the message at QoS 1", `q0`, ""},
		},
		{
			name: "as set-up", body: func(c *Client) { c.TakePublish(news, "1") },
			want: stop{Unprepared, "PUBLISH", "nothing within 5s", StepDeliver},
		},
		{
			name: "a will, as set-up", body: func(c *Client) { c.ReceiveWill(news, "1") },
			want: stop{Unprepared, "PUBLISH", "nothing within 5s", StepWill},
		},
		{
			name: "without a Packet Identifier", script: script{sends(codec.Wrong(published(1, 9, "1"), codec.Set("Packet Identifier", 0, 0)))},
			body: func(c *Client) { c.WantDelivery(news, "1") },
			want: stop{Unprepared, "", "PUBLISH", StepWellFormed},
		},

		{name: "in any order", script: script{sends(published(0, 0, "2"), published(0, 0, "1"), published(0, 0, "1"))}, body: any},
		{
			name: "one more than wanted", script: script{sends(published(0, 0, "2"), published(0, 0, "2"))}, body: any,
			want: stop{Contradicted, "each once", `"2"`, ""},
		},
		{
			name: "one that is not wanted", script: script{sends(published(0, 0, "3"))}, body: any,
			want: stop{Contradicted, "each once", `"3"`, ""},
		},
		{
			name: "one missing", script: script{sends(published(0, 0, "2"), published(0, 0, "1"))}, body: any,
			want: stop{Contradicted, "the remaining 1 of", "nothing within 5s", ""},
		},

		{
			name: "a PUBREL of a message refused before", version: codec.V5, script: script{sends(published(2, 9, "1"), &codec.Pubrel{PacketID: 4}, &codec.Pubrel{PacketID: 9})},
			body: func(c *Client) {
				c.Send(&codec.Pubrec{PacketID: 4, Code: codec.UnspecifiedError})
				c.WantDelivery(news, "1")
			},
		},
		{
			name: "a PUBREL of no message", script: script{sends(published(2, 9, "1"), &codec.Pubrel{PacketID: 4}, &codec.Pubrel{PacketID: 9})},
			body: func(c *Client) { c.WantDelivery(news, "1") },
			want: stop{Unprepared, "PUBREL id=9", "PUBREL id=4", StepReceiveQoS2},
		},
		{
			name: "a PUBREL that is not wanted", script: script{sends(&codec.Pubrel{PacketID: 4}, &codec.Pingresp{})}, body: (*Client).WantUnreleased,
			want: stop{Contradicted, "no PUBREL", "PUBREL id=4", ""},
		},

		{name: "a copy among others", script: script{sends(published(0, 0, "1"), published(1, 9, "1"))}, body: func(c *Client) { c.WantCopy(codec.QoS1, news, "1") }},
		{
			name: "no copy at this QoS", script: script{sends(published(0, 0, "1"))}, body: func(c *Client) { c.WantCopy(codec.QoS1, news, "1") },
			want: stop{Contradicted, "at QoS 1", `nothing within 5s, though there came PUBLISH`, ""},
		},

		{name: "one that is left to be received", script: script{sends(published(0, 0, "1"))}, body: func(c *Client) { c.WantMessage(); c.WantDelivery(news, "1") }},
		{
			name: "none to be left", body: (*Client).WantMessage,
			want: stop{Contradicted, "PUBLISH", "nothing within 5s", ""},
		},

		{
			name: "arrivals, PUBREL first", script: script{sends(published(0, 0, "1"), &codec.Pubrel{PacketID: 4}, published(0, 0, "2"))},
			body: func(c *Client) {
				synctest.Wait()
				c.x.Expect(c.WantArrivals("something")).To(HaveExactElements(HaveField("PacketID", uint16(4)), HaveField("Payload", "1"), HaveField("Payload", "2")))
			},
		},
		{
			name: "no arrivals", body: func(c *Client) { c.WantArrivals("something") },
			want: stop{Contradicted, "something", "nothing within 5s", ""},
		},
		{
			name: "no arrivals any more", script: script{closes}, body: func(c *Client) { c.WantArrivals("something") },
			want: stop{Contradicted, "something", "closed by the broker (FIN)", ""},
		},
	})
}

// TestWindow: a broker sends some messages before any is acknowledged, and is
// given a moment for each.
func TestWindow(t *testing.T) {
	window := func(n, want int) func(c *Client) {
		return func(c *Client) {
			synctest.Wait() // for what comes at once
			c.x.Expect(c.WantWindow(n)).To(HaveLen(want))
		}
	}
	run(t, []row{
		{name: "all at once", script: script{sends(published(1, 1, "1"), published(1, 2, "2"))}, body: window(2, 2)},
		{name: "one only", script: script{sends(published(1, 1, "1")), pongs}, body: window(2, 1)},
		{name: "one, and soon another", script: script{sends(published(1, 1, "1")), pongs, waits(200 * time.Millisecond), sends(published(1, 2, "2"))}, body: window(2, 2)},
		{name: "one, and another too late", script: script{sends(published(1, 1, "1")), pongs, waits(time.Second), sends(published(1, 2, "2"))}, body: window(2, 1)},
		{name: "one, and the end", script: script{sends(published(1, 1, "1")), pongs, closes}, body: func(c *Client) {
			start := time.Now()
			window(2, 1)(c)
			c.x.Expect(time.Since(start)).To(BeZero(), "the time that nobody has to wait")
		}},
		{
			name: "none", body: window(2, 0),
			want: stop{Unprepared, "PUBLISH", "nothing within 5s", StepDeliver},
		},
		{
			name: "one, and the end before the answer to PINGREQ", body: window(2, 1),
			script: script{sends(published(1, 1, "1")), wants(codec.PINGREQ), closes},
			want:   stop{Unprepared, "PINGRESP", "closed by the broker", StepPing},
		},
	})
}

// TestZeroPacketID: a message without a Packet Identifier blocks the check by the
// statement that it breaks.
func TestZeroPacketID(t *testing.T) {
	for v, want := range map[codec.Version]string{codec.V311: "MQTT-2.3.1-1", codec.V5: "MQTT-2.2.1-4"} {
		e := performing{
			version: v, scripts: []script{{accepts, sends(codec.Wrong(published(1, 9, "1"), codec.Set("Packet Identifier", 0, 0)))}},
			body: func(x *Exchange) { x.Connect(Clean).WantDelivery(news, "1") },
		}.evidence(t)
		if e.Stop.Kind != Unprepared || e.Stop.Statement != want || e.Breaches[0].Statement != want {
			t.Errorf("%s: %+v, %v", v, e.Stop, e.Breaches)
		}
	}
}

// TestSending: what is cut on purpose arrives whole.
func TestSending(t *testing.T) {
	ping, publish := &codec.Pingreq{}, published(0, 0, "hello")
	for name, r := range map[string]struct {
		body func(x *Exchange, c *Client)
		want []step
	}{
		"two packets at once": {func(_ *Exchange, c *Client) { c.Send(ping, publish) }, script{wants(codec.PINGREQ), wants(codec.PUBLISH)}},
		"cut in two":          {func(_ *Exchange, c *Client) { c.SendCut(3, ping, publish) }, script{wants(codec.PINGREQ), wants(codec.PUBLISH)}},
		"byte by byte":        {func(x *Exchange, c *Client) { c.SendBytewise(publish, x.Connect(As("other"))) }, script{wants(codec.PUBLISH)}},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				scripts: []script{append(append(script{accepts}, r.want...), pongs), {serves}},
				body: func(x *Exchange) {
					c := x.Connect(Clean)
					r.body(x, c)
					c.WantPingresp()
				},
			}.evidence(t)
			stop{}.check(t, e.Stop)
		})
	}
	run(t, []row{{
		name: "an illegal packet is a mistake of the check", body: func(c *Client) { c.Send(&codec.Subscribe{PacketID: 1}) },
		want: stop{kind: Broken},
	}})
}
