package harness

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mqttspec/codec"
)

// TestEvidence: what ends an exchange, as its evidence tells.
func TestEvidence(t *testing.T) {
	for name, r := range map[string]struct {
		body   func(x *Exchange)
		want   stop
		reason string
	}{
		"nothing":          {func(*Exchange) {}, stop{}, ""},
		"a failure":        {fails, stop{Contradicted, "the one", "the other", ""}, "expected the one; observed the other"},
		"a longer failure": {func(x *Exchange) { x.Failf("the one\nand only", "none") }, stop{Contradicted, "the one\nand only", "none", ""}, "expected the one …; observed none"},
		"an assertion": {
			func(x *Exchange) { x.Expect(3).To(Equal(4), "the number of legs") },
			stop{Contradicted, "the number of legs to equal <int>: 4", "<int>: 3", ""}, "expected the number of legs to equal <int>: 4; observed <int>: 3",
		},
		"a negated assertion": {func(x *Exchange) { x.Expect("a").NotTo(Equal("a")) }, stop{Contradicted, "not to equal <string>: a", "<string>: a", ""}, ""},
		"an assertion about packets": {
			func(x *Exchange) {
				x.Expect([]*codec.Puback{{PacketID: 1}}).To(BeEmpty(), "the packets")
			},
			stop{Contradicted, "the packets to be empty", "[PUBACK id=1]", ""}, "expected the packets to be empty; observed [PUBACK id=1]",
		},
		"an assertion about properties": {
			func(x *Exchange) {
				x.Expect(codec.Properties{codec.ContentType("text")}).To(Equal(codec.Properties{codec.ContentType("")}))
			},
			stop{Contradicted, `to equal content-type=""`, "content-type=text", ""}, "",
		},
		"an assertion about time": {
			func(x *Exchange) {
				x.Expect(1234567890*time.Nanosecond).To(BeNumerically("<", time.Second), "the time")
			},
			stop{Contradicted, "the time to be < 1s", "1.235s", ""}, "",
		},
		"an assertion in words":  {func(x *Exchange) { x.Expect(errors.New("oops")).NotTo(HaveOccurred()) }, stop{Contradicted, "", "oops", ""}, ""},
		"a set-up":               {isBlocked, stop{Unprepared, "a message", "none", StepDeliver}, "expected a message, observed none"},
		"a set-up in another":    {func(x *Exchange) { x.StandsOn(StepWill, func() { isBlocked(x) }) }, stop{Unprepared, "a message", "none", StepWill}, ""},
		"a failure after set-up": {func(x *Exchange) { x.StandsOn(StepWill, func() {}); fails(x) }, stop{Contradicted, "the one", "the other", ""}, ""},
		"a feature that lacks":   {declines, stop{kind: Declined}, "CONNACK: none of that"},
		"a panic":                {func(*Exchange) { panic("oops") }, stop{kind: Broken}, "the check panicked: oops"},
		"a machine that is busy": {func(x *Exchange) { x.Punctual(time.Now().Add(-2*time.Second), time.Second) }, stop{kind: Unprepared}, "the client could not keep its time: what had to be done within 1s took 2s"},
		"a machine that is not":  {func(x *Exchange) { x.Punctual(time.Now(), time.Second) }, stop{}, ""},
		"a failure that is none": {func(x *Exchange) {
			x.Expect(x.FailureOf(func() { fails(x) })).To(Equal("the other"))
			x.Expect(x.FailureOf(func() {})).To(BeEmpty())
			x.Expect(x.FailureOf(func() { isBlocked(x) })).To(Equal("none"))
			fails(x) // no part of a set-up any more
		}, stop{Contradicted, "the one", "the other", ""}, ""},
		"a set-up behind a failure that is none": {func(x *Exchange) {
			x.StandsOn(StepWill, func() { x.FailureOf(func() { fails(x) }); fails(x) })
		}, stop{Unprepared, "the one", "the other", StepWill}, ""},
		"an error is one everywhere": {func(x *Exchange) { x.FailureOf(func() { x.errorf("the machine failed") }) }, stop{kind: Broken}, "the machine failed"},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{{serves}}, body: r.body}.evidence(t)
			r.want.check(t, e.Stop)
			if r.reason != "" && e.Stop.Reason != r.reason {
				t.Errorf("because %q; want %q", e.Stop.Reason, r.reason)
			}
		})
	}
	for kind, want := range map[StopKind]string{Completed: "completed", InCases: "stopped in a case"} {
		if kind.String() != want {
			t.Errorf("%d is called %q", kind, kind)
		}
	}
}

// TestAbout: statements that were named before others have held by then.
func TestAbout(t *testing.T) {
	e := performing{body: func(x *Exchange) {
		x.About("one", "two")
		x.About("three")
		x.Note("a remark of %d words", 4)
		fails(x)
	}}.evidence(t)
	if !slices.Equal(e.About, []string{"three"}) || !slices.Equal(e.Kept, []string{"one", "two"}) {
		t.Errorf("about %v, with %v before", e.About, e.Kept)
	}
	if len(e.Events) != 1 || e.Events[0].Packet != "a remark of 4 words" || e.Events[0].Dir != Note {
		t.Errorf("events %v", e.Events)
	}
}

// TestBreaches: a packet that breaks a rule is told of by its statement, whatever
// the exchange is about, and can be what a case is about.
func TestBreaches(t *testing.T) {
	e := performing{
		version: codec.V5, scripts: []script{{accepts, sends(&codec.Connack{}), pongs}},
		body: func(x *Exchange) {
			c := x.Connect(Clean, As("alice"))
			c.WantPingresp()
			x.WantNoBreach("MQTT-3.2.0-1")
			x.WantNoBreach("MQTT-3.2.0-2")
		},
	}.evidence(t)
	stop{Contradicted, "packets that the specification allows", "CONNACK: the second on one connection [MQTT-3.2.0-2]", ""}.check(t, e.Stop)
	if len(e.Breaches) != 1 || e.Breaches[0].Conn != "alice" || e.Breaches[0].Statement != "MQTT-3.2.0-2" {
		t.Errorf("breaches %v", e.Breaches)
	}
	if i := slices.IndexFunc(e.Events, func(e Event) bool { return e.Breach != "" }); i < 0 || !strings.HasPrefix(e.Events[i].Packet, "CONNACK") {
		t.Errorf("events %v", e.Events)
	}
}

// TestBreachesAreBounded: a broker that breaks rules without end does not fill
// the evidence.
func TestBreachesAreBounded(t *testing.T) {
	var many []codec.Packet
	for range 50 {
		many = append(many, &codec.Connack{})
	}
	e := performing{version: codec.V5, scripts: []script{{accepts, sends(many...), pongs}}, body: func(x *Exchange) { x.Connect(Clean).WantAlive() }}.evidence(t)
	if len(e.Breaches) != 20 {
		t.Errorf("%d breaches", len(e.Breaches))
	}
}

// TestCausedByClient: no statement is broken by what the client brought about.
func TestCausedByClient(t *testing.T) {
	zero := codec.Wrong(&codec.Subscribe{Subscriptions: []codec.Subscription{{Filter: news}}}, codec.Set("Packet Identifier", 0, 0))
	empty := codec.Wrong(&codec.Subscribe{PacketID: 1})
	for name, r := range map[string]struct {
		sends    codec.Packet
		answer   codec.Raw
		breaches int
	}{
		"an acknowledgement of Packet Identifier 0":        {zero, codec.Raw{0x90, 3, 0, 0, 0}, 0},
		"the same, not brought about":                      {&codec.Pingreq{}, codec.Raw{0x90, 3, 0, 0, 0}, 1},
		"a SUBACK without a Reason Code":                   {empty, codec.Raw{0x90, 2, 0, 1}, 0},
		"the same after another SUBSCRIBE":                 {&codec.Pingreq{}, codec.Raw{0x90, 2, 0, 1}, 1},
		"a message with Packet Identifier 0 is the server": {zero, codec.Raw{0x32, 5, 0, 1, 'a', 0, 0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				scripts: []script{{accepts, func(s *session) { _, _ = s.reader.Next() }, sends(r.answer), closes}},
				body: func(x *Exchange) {
					c := x.Connect(Clean)
					c.Send(r.sends)
					c.AwaitEnd()
				},
			}.evidence(t)
			stop{}.check(t, e.Stop)
			if len(e.Breaches) != r.breaches {
				t.Errorf("breaches %v; want %d", e.Breaches, r.breaches)
			}
		})
	}
}

// TestForeignMessages: somebody else's messages are acknowledged, and otherwise
// no part of the exchange.
func TestForeignMessages(t *testing.T) {
	const theirs, ours = "elsewhere/news", "mqttspec/run000/u/other" // the run's, but another exchange's
	message := func(qos codec.QoS, id uint16, topic string) codec.Packet {
		return &codec.Publish{QoS: qos, PacketID: id, Topic: topic}
	}
	acknowledged := func(topic string) script {
		return script{
			accepts, sends(message(0, 0, topic), message(1, 3, topic)), wants(codec.PUBACK),
			sends(message(2, 4, topic)), wants(codec.PUBREC), sends(&codec.Pubrel{PacketID: 4}), wants(codec.PUBCOMP), sends(&codec.Puback{PacketID: 9}), pongs,
		}
	}
	idle := func(c *Client) {
		c.WantPuback(9) // which ends what is none of its business
		c.WantIdle()
	}
	for name, r := range map[string]struct {
		script  script
		options []ConnectOption
		body    func(c *Client)
		want    stop
		strays  int
	}{
		"theirs, to who has subscribed to nothing": {acknowledged(theirs), nil, idle, stop{}, 0},
		"ours, to who cares for its own only":      {acknowledged(ours), []ConnectOption{OwnTopicsOnly}, idle, stop{}, 3},
		"ours, to who has subscribed to nothing":   {acknowledged(ours), nil, idle, stop{}, 3},
		"ours, to who has subscribed to it": {
			script{accepts, wants(codec.SUBSCRIBE), sends(message(0, 0, ours)), pongs}, nil,
			func(c *Client) { c.Send(c.NewSubscribe(codec.QoS0, "$share/g/mqttspec/+/u/#")); c.WantIdle() }, stop{Contradicted, "nothing", ours, ""}, 0,
		},
		"theirs, to who has subscribed to everything": {
			script{accepts, wants(codec.SUBSCRIBE), sends(message(0, 0, theirs)), pongs}, nil,
			func(c *Client) { c.Send(c.NewSubscribe(codec.QoS0, "#")); c.WantIdle() }, stop{Contradicted, "nothing", theirs, ""}, 0,
		},
		"its own, to who cares for that": {
			script{accepts, func(s *session) {
				topic := s.next().(*codec.Subscribe).Subscriptions[0].Filter
				sends(&codec.Publish{Topic: topic})(s)
			}}, []ConnectOption{OwnTopicsOnly},
			func(c *Client) {
				c.Send(c.NewSubscribe(codec.QoS0, c.x.Topic("a")))
				c.WantPublish(c.x.Topic("a"), "")
			}, stop{}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{r.script}, body: func(x *Exchange) { r.body(x.Connect(append(r.options, Clean)...)) }}.evidence(t)
			r.want.check(t, e.Stop)
			if len(e.Strays) != r.strays {
				t.Errorf("strays %v; want %d", e.Strays, r.strays)
			}
		})
	}
}

// TestBeingAGoodGuest: an exchange takes its retained messages and its sessions
// with it.
func TestBeingAGoodGuest(t *testing.T) {
	var mu sync.Mutex
	var cleared, ended []string
	note := func(list *[]string, name string) {
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, name)
	}
	guest := script{func(s *session) {
		connect := s.next().(*codec.Connect)
		if connect.CleanStart {
			note(&ended, connect.ClientID)
		}
		sends(&codec.Connack{})(s)
		for {
			switch p := s.next().(type) {
			case nil, *codec.Disconnect:
				return
			case *codec.Publish:
				if p.Retain && p.Payload == "" {
					note(&cleared, p.Topic)
				}
			case *codec.Pingreq:
				sends(&codec.Pingresp{})(s)
			}
		}
	}}
	var topic, will, session string
	e := performing{
		scripts: []script{guest}, settings: func(s *Settings) { s.KeepTraces = false },
		body: func(x *Exchange) {
			topic, will = x.Topic("kept"), x.Topic("will")
			c := x.Connect(Persistent, WithWill(codec.Will{Topic: will, Retain: true}))
			c.Send(&codec.Publish{Topic: topic, Retain: true, Payload: "kept"}, &codec.Publish{Topic: x.Topic("passing"), Payload: "passing"})
			session = c.ID
		},
	}.evidence(t)
	stop{}.check(t, e.Stop)
	slices.Sort(cleared)
	if want := []string{topic, will}; !slices.Contains(cleared, topic) || !slices.Contains(cleared, will) {
		t.Errorf("cleared %v; want %v", cleared, want)
	}
	if !slices.Contains(ended, session) {
		t.Errorf("ended the sessions of %v; want %s", ended, session)
	}
}

// TestSettings: what a check can ask about its exchange.
func TestSettings(t *testing.T) {
	e := performing{
		version: codec.V5, profile: func(p *Profile) { p.lacks[ExactlyOnce] = "CONNACK: Maximum QoS 1" },
		settings: func(s *Settings) { s.RoundTrip, s.Settle = time.Millisecond, time.Second },
		target:   func(target *Target) { target.Access = &Access{Unreadable: "secret", Unwritable: "closed"} },
		body: func(x *Exchange) {
			x.Expect([]time.Duration{x.Timeout(), x.RoundTrip(), x.Settle()}).To(Equal([]time.Duration{5 * time.Second, time.Millisecond, time.Second}))
			x.Expect(x.UpTo(codec.QoS2)).To(Equal(codec.QoS1))
			x.Expect(x.UpTo(codec.QoS0)).To(Equal(codec.QoS0))
			x.Expect(x.Topic("a")).To(HavePrefix("mqttspec/run000/"))
			x.Expect(x.Topic("a")).To(Equal(x.Root() + "/a"))
			x.Expect(x.Unreadable("a")).To(MatchRegexp("^secret/run000/.*/a$"))
			x.Expect(x.Unwritable("a")).To(MatchRegexp("^closed/run000/.*/a$"))
			x.Expect(x.owns(x.Root())).To(BeTrue())
			x.Expect(x.owns(x.Root() + "0/a")).To(BeFalse())
		},
	}.evidence(t)
	stop{}.check(t, e.Stop)
	for n, want := range map[int64]string{0: "0", 35: "z", 36: "10", 36*36 + 1: "101"} {
		if got := base36(n); got != want {
			t.Errorf("%d is %q; want %q", n, got, want)
		}
	}
}

// TestLife: a broker that does not come back is no verdict.
func TestLife(t *testing.T) {
	for name, r := range map[string]struct {
		err  error
		body func(x *Exchange)
		want stop
		note string
	}{
		"restarted":     {nil, (*Exchange).Restart, stop{}, "the broker is restarted"},
		"killed":        {nil, (*Exchange).Kill, stop{}, "the broker is killed and started again"},
		"does not come": {errors.New("it does not answer"), (*Exchange).Restart, stop{kind: Broken}, "the broker is restarted"},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{target: func(target *Target) { target.Life = mortal{r.err} }, body: r.body}.evidence(t)
			r.want.check(t, e.Stop)
			if e.Events[0].Packet != r.note {
				t.Errorf("events %v", e.Events)
			}
		})
	}
}

// mortal is a broker whose restarts end with this error.
type mortal struct{ err error }

func (m mortal) Restart(context.Context) error { return m.err }
func (m mortal) Kill(context.Context) error    { return m.err }
func (m mortal) CanKill() bool                 { return true }
