package harness

import (
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"mqttspec/codec"
)

// news is a topic of the run that the tests' exchanges belong to.
const news = "mqttspec/run000/t/news"

// published is a message to news.
func published(qos codec.QoS, id uint16, payload string) *codec.Publish {
	return &codec.Publish{QoS: qos, PacketID: id, Topic: news, Payload: payload}
}

// settling gives a clustered broker two seconds.
func settling(s *Settings) { s.Settle = 2 * time.Second }

func TestWantNothingBefore(t *testing.T) {
	marker := Message{news, "marker"}
	before := func(c *Client) { c.WantNothingBefore(marker) }
	run(t, []row{
		{name: "the marker", script: script{sends(published(0, 0, "marker"))}, body: before},
		{
			name: "the marker at QoS 1", script: script{sends(published(1, 7, "marker")), wants(codec.PUBACK)}, body: before,
		},
		{
			name: "the marker at QoS 2", body: before,
			script: script{sends(published(2, 7, "marker")), wants(codec.PUBREC), sends(&codec.Pubrel{PacketID: 7}), wants(codec.PUBCOMP)},
		},
		{
			name: "no PUBREL for the marker", script: script{sends(published(2, 7, "marker"))}, body: before,
			want: stop{Unprepared, "PUBREL id=7", "nothing within 5s", StepReceiveQoS2},
		},
		{
			name: "a message ahead", script: script{sends(published(0, 0, "early"), published(0, 0, "marker"))}, body: before,
			want: stop{Contradicted, "nothing before the marker", `topic=` + news + ` 5 bytes "early"`, ""},
		},
		{
			name: "a message behind", script: script{sends(published(0, 0, "marker"), published(0, 0, "late"))}, body: before,
		},
		{
			name: "a message behind, within the settle time", settings: settling, body: before,
			script: script{sends(published(0, 0, "marker")), waits(time.Second), sends(published(0, 0, "late"))},
			want:   stop{Contradicted, "nothing after the marker", `"late"`, ""},
		},
		{
			name: "a message behind, after the settle time", settings: settling, body: before,
			script: script{sends(published(0, 0, "marker")), waits(3 * time.Second), sends(published(0, 0, "late"))},
		},
		{
			name: "nothing at all", body: before,
			want: stop{Unprepared, "the marker", "nothing within 5s", StepDeliver},
		},
		{
			name: "replies only", script: script{sends(&codec.Pingresp{})}, body: before,
			want: stop{Unprepared, "the marker", "nothing within 5s, though there came PINGRESP", StepDeliver},
		},
		{
			name: "the end of the connection", script: script{closes}, body: before,
			want: stop{Unprepared, "the marker", "closed by the broker (FIN)", StepDeliver},
		},
		{
			name: "a marker that comes late, to a patient client", script: script{waits(7 * time.Second), sends(published(0, 0, "marker"))},
			body: func(c *Client) { c.Patience(3 * time.Second); before(c) },
		},
		{
			name: "a will", script: script{sends(published(0, 0, "will"))},
			body: func(c *Client) { c.WantNoWillBefore(marker) },
			want: stop{Contradicted, "nothing before the marker", `"will"`, ""},
		},
		{
			name: "no will to mark with", body: func(c *Client) { c.WantNoWillBefore(marker) },
			want: stop{Unprepared, "the marker", "nothing within 5s", StepWill},
		},
		{
			name: "the will that marks", script: script{sends(published(0, 0, "marker"))},
			body: func(c *Client) { c.WantNoWillBefore(marker) },
		},
	})
}

func TestWantIdle(t *testing.T) {
	idle := func(c *Client) { c.WantIdle() }
	run(t, []row{
		{name: "an answer to PINGREQ", script: script{pongs}, body: idle},
		{
			name: "a message before the answer", body: idle,
			script: script{wants(codec.PINGREQ), sends(published(0, 0, "hello"), &codec.Pingresp{})},
			want:   stop{Contradicted, "nothing", `"hello"`, ""},
		},
		{
			name: "a message after the answer", script: script{pongs, waits(time.Second), sends(published(0, 0, "hello"))}, body: idle,
		},
		{
			name: "a message after the answer, within the settle time", settings: settling, body: idle,
			script: script{pongs, waits(time.Second), sends(published(0, 0, "hello"))},
			want:   stop{Contradicted, "nothing", `"hello"`, ""},
		},
		{
			name: "a PUBREL", script: script{wants(codec.PINGREQ), sends(&codec.Pubrel{PacketID: 3}, &codec.Pingresp{})}, body: idle,
			want: stop{Contradicted, "nothing", "PUBREL id=3", ""},
		},
		{
			name: "another reply", script: script{wants(codec.PINGREQ), sends(&codec.Puback{PacketID: 3})}, body: idle,
			want: stop{Contradicted, "nothing", "PUBACK id=3", ""},
		},
		{
			name: "no answer", body: idle,
			want: stop{Unprepared, "PINGRESP", "nothing within 5s", StepPing},
		},
	})
}

func TestWantUntil(t *testing.T) {
	run(t, []row{
		{
			name: "messages ahead", script: script{sends(published(0, 0, "1"), published(1, 5, "2"), published(0, 0, "marker")), wants(codec.PUBACK)},
			body: func(c *Client) {
				before := c.WantUntil(Message{news, "marker"})
				c.x.Expect(before).To(HaveLen(2))
				c.x.Expect(before[1]).To(HaveField("Payload", "2"))
			},
		},
		{
			name: "no marker", script: script{sends(published(0, 0, "1"))}, body: func(c *Client) { c.WantUntil(Message{news, "marker"}) },
			want: stop{Unprepared, "the marker", "nothing within 5s", StepDeliver},
		},
	})
}

func TestWantAtLast(t *testing.T) {
	run(t, []row{
		{
			name: "messages ahead", script: script{sends(published(0, 0, "1"), published(1, 5, "2"), published(0, 0, "last")), wants(codec.PUBACK)},
			body: func(c *Client) { c.x.Expect(c.WantAtLast(Message{news, "last"})).To(HaveLen(2)) },
		},
		{
			name: "not at all", script: script{sends(published(0, 0, "1"))}, body: func(c *Client) { c.WantAtLast(Message{news, "last"}) },
			want: stop{Contradicted, `PUBLISH topic=` + news + ` "last"`, "nothing within 5s", ""},
		},
	})
}

func TestPing(t *testing.T) {
	run(t, []row{
		{name: "answered", script: script{pongs}, body: (*Client).WantPingresp},
		{
			name: "not answered", body: (*Client).WantPingresp,
			want: stop{Unprepared, "PINGRESP", "nothing within 5s", StepPing},
		},
		{
			name: "answered by the end of the connection", script: script{wants(codec.PINGREQ), closes}, body: (*Client).WantPingresp,
			want: stop{Contradicted, "PINGRESP", "closed by the broker (FIN)", ""},
		},
		{
			name: "answered by another packet", script: script{wants(codec.PINGREQ), sends(&codec.Puback{PacketID: 1})}, body: (*Client).WantPingresp,
			want: stop{Contradicted, "PINGRESP", "PUBACK id=1", ""},
		},
		{name: "a fence", script: script{wants(codec.PINGREQ), sends(&codec.Puback{PacketID: 1}, &codec.Pingresp{})}, body: func(c *Client) { c.Fence(); c.WantPuback(1) }},
		{
			name: "a fence: not answered", body: (*Client).Fence,
			want: stop{Unprepared, "PINGRESP", "nothing within 5s", StepPing},
		},
		{
			name: "a fence: closed", script: script{wants(codec.PINGREQ), closes}, body: (*Client).Fence,
			want: stop{Unprepared, "PINGRESP", "closed by the broker (FIN)", StepPing},
		},
		{name: "or closed: answered", script: script{pongs}, body: (*Client).PingOrClosed},
		{name: "or closed: closed", script: script{wants(codec.PINGREQ), closes}, body: (*Client).PingOrClosed},
		{
			name: "or closed: neither", body: (*Client).PingOrClosed,
			want: stop{Unprepared, "PINGRESP, or the connection closed", "nothing within 5s", StepPing},
		},
		{
			name: "alive: an earlier answer is none", script: script{sends(&codec.Pingresp{})},
			body: func(c *Client) { synctest.Wait(); c.WantAlive() },
			want: stop{Unprepared, "PINGRESP", "nothing within 5s", StepPing},
		},
		{
			name: "alive: closed", script: script{wants(codec.PINGREQ), closes}, body: (*Client).WantAlive,
			want: stop{Contradicted, "PINGRESP", "closed by the broker", ""},
		},
		{
			name: "alive: other replies may wait", script: script{sends(&codec.Puback{PacketID: 4}), pongs}, body: (*Client).WantAlive,
		},
	})
}

// TestWillMarker: a will that marks is that of a client whose connection is lost.
func TestWillMarker(t *testing.T) {
	var will *codec.Will
	e := performing{
		scripts: []script{{func(s *session) {
			will = s.next().(*codec.Connect).Will
			sends(&codec.Connack{})(s)
			if p := s.next(); p != nil {
				t.Errorf("the client sent %v before it was lost", p)
			}
		}}},
		body: func(x *Exchange) {
			m := x.WillMarker(codec.QoS1, x.Topic("will"))
			x.Expect(*will).To(Equal(codec.Will{QoS: 1, Topic: m.Topic, Payload: m.Payload}))
		},
	}.evidence(t)
	stop{}.check(t, e.Stop)
}
