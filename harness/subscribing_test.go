package harness

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mqttspec/codec"
)

// suback grants or refuses the first SUBSCRIBE.
func suback(codes ...codec.ReasonCode) codec.Packet {
	return &codec.Suback{PacketID: 1, Codes: codes}
}

func TestSubscribe(t *testing.T) {
	asked := func(steps ...step) script { return append(script{wants(codec.SUBSCRIBE)}, steps...) }
	subscribe := func(c *Client) {
		c.SubscribeWith([]codec.Subscription{{Filter: news, QoS: 1}, {Filter: news + "/more", QoS: 2}})
	}
	upTo := func(c *Client) {
		c.x.Expect(c.SubscribeUpTo(c.NewSubscribe(codec.QoS2, news))).To(Equal([]codec.QoS{1}))
	}
	run(t, []row{
		{name: "granted", script: script{serves}, body: func(c *Client) { c.Subscribe(codec.QoS1, news, news+"/more") }},
		{name: "granted each", script: asked(sends(suback(codec.GrantedQoS1, codec.GrantedQoS2))), body: subscribe},
		{
			name: "one granted at a lower QoS", script: asked(sends(suback(codec.GrantedQoS1, codec.GrantedQoS1))), body: subscribe,
			want: stop{kind: Declined, expected: "SUBACK granting QoS 2 for " + news + "/more", observed: "SUBACK id=1"},
		},
		{
			name: "one granted at a higher QoS", script: asked(sends(suback(codec.GrantedQoS2, codec.GrantedQoS2))), body: subscribe,
			want: stop{Unprepared, "SUBACK granting QoS 1 for " + news, "SUBACK id=1", StepRequestedQoS},
		},
		{
			name: "one refused", script: asked(sends(suback(codec.GrantedQoS1, codec.SubackFailure))), body: subscribe,
			want: stop{kind: Declined, expected: "SUBACK granting QoS 2 for " + news + "/more", observed: "SUBACK id=1"},
		},
		{
			name: "one refused as what it is not", version: codec.V5, script: asked(sends(suback(codec.GrantedQoS1, codec.TopicFilterInvalid))), body: subscribe,
			want: stop{Unprepared, "SUBACK granting QoS 2 for " + news + "/more", "SUBACK id=1", StepSubscribe},
		},
		{
			name: "one not answered", script: asked(sends(suback(codec.GrantedQoS1))), body: subscribe,
			want: stop{Unprepared, "SUBACK with 2 codes", "SUBACK id=1 [QoS 1]", StepSubackCodes},
		},
		{
			name: "one answered twice", script: asked(sends(suback(codec.GrantedQoS1, codec.GrantedQoS2, codec.GrantedQoS2))), body: subscribe,
			want: stop{Unprepared, "SUBACK with 2 codes", "SUBACK id=1", StepSubackCodes},
		},
		{
			name: "closed", script: asked(closes), body: subscribe,
			want: stop{Unprepared, "SUBACK id=1", "closed by the broker", StepSubscribe},
		},
		{
			name: "another's SUBACK", script: asked(sends(&codec.Suback{PacketID: 2, Codes: []codec.ReasonCode{1}})), body: subscribe,
			want: stop{Unprepared, "SUBACK id=1", "SUBACK id=2", StepSubackID},
		},
		{
			name: "no SUBACK", body: subscribe,
			want: stop{Unprepared, "SUBACK id=1", "nothing within 5s", StepSubscribe},
		},
		{name: "up to a QoS", script: asked(sends(suback(codec.GrantedQoS1))), body: upTo},
		{
			name: "up to a QoS, refused", script: asked(sends(suback(codec.SubackFailure))), body: upTo,
			want: stop{kind: Declined, expected: "SUBACK granting 1 subscription", observed: "SUBACK id=1"},
		},
		{
			name: "up to a QoS, not answered", script: asked(sends(suback(codec.GrantedQoS1, codec.GrantedQoS1))), body: upTo,
			want: stop{Unprepared, "SUBACK with 1 code", "SUBACK id=1", StepSubackCodes},
		},
		{
			name: "unsubscribed", script: script{wants(codec.UNSUBSCRIBE), sends(&codec.Unsuback{PacketID: 1})},
			body: func(c *Client) { c.Unsubscribe(news) },
		},
		{
			name: "not unsubscribed", script: script{wants(codec.UNSUBSCRIBE), sends(&codec.Unsuback{PacketID: 2})},
			body: func(c *Client) { c.Unsubscribe(news) },
			want: stop{Unprepared, "UNSUBACK id=1", "UNSUBACK id=2", StepUnsubscribe},
		},
	})
}

// TestSubscribeGrantedBefore: a subscription like one that the probe was granted is
// not declined.
func TestSubscribeGrantedBefore(t *testing.T) {
	for name, r := range map[string]struct {
		filter string
		qos    codec.QoS
		want   stop
	}{
		"the same":              {news, codec.QoS1, stop{Unprepared, "SUBACK granting QoS 1", "SUBACK id=1 [0x80", StepSubscribe}},
		"at a higher QoS":       {news, codec.QoS2, stop{kind: Declined, expected: "SUBACK granting QoS 2", observed: "SUBACK id=1"}},
		"with a wildcard":       {news + "/+", codec.QoS1, stop{kind: Declined, expected: "SUBACK granting QoS 1", observed: "SUBACK id=1"}},
		"a shared subscription": {"$share/a/" + news, codec.QoS1, stop{kind: Declined, expected: "SUBACK granting QoS 1", observed: "SUBACK id=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				scripts: []script{{accepts, wants(codec.SUBSCRIBE), sends(suback(codec.SubackFailure))}},
				profile: func(p *Profile) { p.granted = map[filterKind]codec.QoS{plainFilter: codec.QoS1} },
				body: func(x *Exchange) {
					x.Connect(Clean).SubscribeWith([]codec.Subscription{{Filter: r.filter, QoS: r.qos}})
				},
			}.evidence(t)
			r.want.check(t, e.Stop)
			if declined := e.Stop.Kind == Declined; declined != (e.Stop.Refused != "") {
				t.Errorf("refused: %q", e.Stop.Refused)
			}
		})
	}
}

// TestUnsubackCodes: as many Reason Codes as Topic Filters, in 5.0 alone.
func TestUnsubackCodes(t *testing.T) {
	asked := func(codes ...codec.ReasonCode) script {
		return script{wants(codec.UNSUBSCRIBE), sends(&codec.Unsuback{PacketID: 1, Codes: codes})}
	}
	unsubscribe := func(c *Client) { c.Unsubscribe(news, news+"/more") }
	run(t, []row{
		{name: "3.1.1", script: asked(), body: unsubscribe},
		{name: "5.0", version: codec.V5, script: asked(codec.Success, codec.NoSubscriptionExisted), body: unsubscribe},
		{
			name: "one too few", version: codec.V5, script: asked(codec.Success), body: unsubscribe,
			want: stop{Unprepared, "UNSUBACK with 2 Reason Codes", "UNSUBACK id=1", StepUnsubackCodes},
		},
	})
}

// TestTrySubscribe: where the broker declines by SUBACK, the check does not apply.
func TestTrySubscribe(t *testing.T) {
	asked := func(steps ...step) script { return append(script{wants(codec.SUBSCRIBE)}, steps...) }
	try := func(c *Client) { c.x.Expect(c.TrySubscribe(codec.QoS1, "#")).To(Equal([]codec.QoS{1})) }
	run(t, []row{
		{name: "granted", script: asked(sends(suback(codec.GrantedQoS1))), body: try},
		{name: "refused", script: asked(sends(suback(codec.SubackFailure))), body: try, want: stop{kind: Declined}},
		{
			name: "closed", script: asked(closes), body: try,
			want: stop{Unprepared, "SUBACK id=1", "closed by the broker", StepSubscribe},
		},
		{
			name: "no SUBACK", body: try,
			want: stop{Unprepared, "SUBACK id=1", "nothing within 5s", StepSubscribe},
		},
	})
}

func TestSubscriptionRefused(t *testing.T) {
	asked := func(steps ...step) script { return append(script{wants(codec.SUBSCRIBE)}, steps...) }
	refused := func(c *Client) {
		p := c.NewSubscribe(codec.QoS1, news)
		c.Send(p)
		c.WantSubscriptionRefused(p.PacketID, codec.TopicFilterInvalid)
	}
	const expected = "the connection closed or a SUBACK that refuses"
	run(t, []row{
		{name: "by SUBACK", script: asked(sends(suback(codec.SubackFailure))), body: refused},
		{name: "by closing", script: asked(closes), body: refused},
		{name: "by DISCONNECT", version: codec.V5, script: asked(disconnect(codec.TopicFilterInvalid)), body: refused},
		{
			name: "not", script: asked(sends(suback(codec.GrantedQoS1))), body: refused,
			want: stop{Contradicted, expected, "SUBACK id=1", ""},
		},
		{
			name: "another one", script: asked(sends(&codec.Suback{PacketID: 2, Codes: []codec.ReasonCode{codec.SubackFailure}})), body: refused,
			want: stop{Contradicted, expected, "SUBACK id=2", ""},
		},
		{
			name: "no answer", script: asked(pongs), body: refused,
			want: stop{Contradicted, "the broker to close the connection", "PINGRESP", ""},
		},
	})
}

// TestRefusal: how a SUBSCRIBE was refused, without waiting.
func TestRefusal(t *testing.T) {
	refusal := func(want string) func(c *Client) {
		return func(c *Client) {
			c.Send(c.NewSubscribe(codec.QoS1, news))
			c.PingOrClosed()
			if want == "" {
				c.x.Expect(c.Refusal(1)).To(BeEmpty())
			}
			c.x.Expect(c.Refusal(1)).To(ContainSubstring(want))
		}
	}
	asked := func(steps ...step) script {
		return append(script{wants(codec.SUBSCRIBE), wants(codec.PINGREQ)}, steps...)
	}
	run(t, []row{
		{name: "no answer yet", script: asked(sends(&codec.Pingresp{})), body: refusal("")},
		{name: "granted", script: asked(sends(suback(codec.GrantedQoS1), &codec.Pingresp{})), body: refusal("")},
		{name: "by SUBACK", script: asked(sends(suback(codec.SubackFailure), &codec.Pingresp{})), body: refusal("SUBACK id=1")},
		{name: "another one", script: asked(sends(&codec.Suback{PacketID: 2, Codes: []codec.ReasonCode{codec.SubackFailure}}, &codec.Pingresp{})), body: refusal("")},
		{name: "by closing", script: asked(closes), body: refusal("closed by the broker (FIN)")},
		{name: "by DISCONNECT", version: codec.V5, script: asked(disconnect(codec.NotAuthorized)), body: refusal("DISCONNECT 0x87 Not authorized, then closed by the broker (FIN)")},
	})
}

// TestWantAmong: messages of which the broker chooses who gets them, whichever
// client they come to and however they are spread over time.
func TestWantAmong(t *testing.T) {
	for name, r := range map[string]struct {
		bob, carol script
		shares     []int
		want       stop
	}{
		"to both":       {script{sends(published(0, 0, "1"))}, script{sends(published(0, 0, "2"), published(0, 0, "3"))}, []int{1, 2}, stop{}},
		"to one":        {script{sends(published(0, 0, "1"), published(0, 0, "2"), published(0, 0, "3"))}, nil, []int{3, 0}, stop{}},
		"acknowledged":  {script{sends(published(1, 8, "1")), wants(codec.PUBACK), sends(published(0, 0, "2"))}, script{sends(published(0, 0, "3"))}, []int{2, 1}, stop{}},
		"one by one":    {script{waits(2 * time.Second), sends(published(0, 0, "1")), waits(8 * time.Second), sends(published(0, 0, "3"))}, script{waits(6 * time.Second), sends(published(0, 0, "2"))}, []int{2, 1}, stop{}},
		"one is closed": {script{closes}, script{sends(published(0, 0, "1"), published(0, 0, "2"), published(0, 0, "3"))}, []int{0, 3}, stop{}},
		"too few": {
			script{sends(published(0, 0, "1"))}, script{sends(published(0, 0, "2"))}, nil,
			stop{Contradicted, "3 messages among bob, carol", "2 messages, then nothing within 5s", ""},
		},
		"one too late": {
			script{sends(published(0, 0, "1")), waits(6 * time.Second), sends(published(0, 0, "3"))}, script{sends(published(0, 0, "2"))}, nil,
			stop{Contradicted, "3 messages among bob, carol", "2 messages, then nothing within 5s", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				scripts: []script{append(script{accepts}, r.bob...), append(script{accepts}, r.carol...)},
				body: func(x *Exchange) {
					got := x.WantAmong([]*Client{x.Connect(As("bob")), x.Connect(As("carol"))}, 3)
					for i, n := range r.shares {
						x.Expect(got[i]).To(HaveLen(n))
					}
				},
			}.evidence(t)
			r.want.check(t, e.Stop)
		})
	}
}
