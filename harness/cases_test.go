package harness

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"mqttspec/codec"
)

// Bodies of cases, each with another end.
func holds(x *Exchange)     { x.Connect(Clean, As("alice")).WantPingresp() }
func fails(x *Exchange)     { x.Failf("the one", "the other") }
func declines(x *Exchange)  { x.Inapplicable("CONNACK: none of that") }
func isBlocked(x *Exchange) { x.StandsOn(StepDeliver, func() { x.Failf("a message", "none") }) }

func TestCases(t *testing.T) {
	for name, r := range map[string]struct {
		bodies []func(*Exchange)
		want   stop
		stops  []StopKind // of the cases
		goesOn bool       // the exchange goes on behind its cases
	}{
		"none":                     {nil, stop{}, nil, true},
		"all complete":             {[]func(*Exchange){holds, holds}, stop{}, []StopKind{Completed, Completed}, true},
		"one fails":                {[]func(*Exchange){holds, fails}, stop{kind: InCases}, []StopKind{Completed, Contradicted}, false},
		"one is blocked":           {[]func(*Exchange){isBlocked, holds}, stop{kind: InCases}, []StopKind{Unprepared, Completed}, false},
		"one does not apply":       {[]func(*Exchange){holds, declines}, stop{}, []StopKind{Completed, Declined}, true},
		"all do not apply":         {[]func(*Exchange){declines, declines}, stop{kind: InCases}, []StopKind{Declined, Declined}, false},
		"one panics":               {[]func(*Exchange){func(*Exchange) { panic("oops") }}, stop{kind: InCases}, []StopKind{Broken}, false},
		"one has cases of its own": {[]func(*Exchange){func(x *Exchange) { x.Cases() }}, stop{kind: InCases}, []StopKind{Broken}, false},
	} {
		t.Run(name, func(t *testing.T) {
			wentOn := false
			e := performing{scripts: []script{{serves}}, body: func(x *Exchange) {
				Each(x, r.bodies, func(func(*Exchange)) string { return "a case" }, func(x *Exchange, body func(*Exchange)) { body(x) })
				wentOn = true
			}}.evidence(t)
			r.want.check(t, e.Stop)
			var stops []StopKind
			for _, c := range e.Cases {
				stops = append(stops, c.Stop.Kind)
			}
			if !slices.Equal(stops, r.stops) || wentOn != r.goesOn {
				t.Errorf("cases %v, went on: %v; want %v, %v", stops, wentOn, r.stops, r.goesOn)
			}
		})
	}
}

// TestCasesAtTheSameTime: no more than so many run at the same time, and those do.
func TestCasesAtTheSameTime(t *testing.T) {
	var running, most atomic.Int64
	e := performing{scripts: []script{{serves}}, body: func(x *Exchange) {
		Each(x, make([]int, 30), func(int) string { return "" }, func(x *Exchange, _ int) {
			most.Store(max(most.Load(), running.Add(1)))
			x.Wait(time.Second)
			running.Add(-1)
		})
	}}.evidence(t)
	stop{}.check(t, e.Stop)
	if most.Load() != concurrentCases || e.Duration != 3*time.Second {
		t.Errorf("%d at the same time, in %s", most.Load(), e.Duration)
	}
}

// TestCasesOfTheirOwn: each case has clients, topics and Client Identifiers of
// its own, and what its packets broke is told of it and of the whole.
func TestCasesOfTheirOwn(t *testing.T) {
	seen := make(chan string, 2)
	e := performing{
		scripts: []script{{accepts, wants(codec.PINGREQ), sends(codec.Raw{0xD1, 0})}},
		body: func(x *Exchange) {
			x.About("before")
			x.About("in the cases")
			body := func(x *Exchange) {
				seen <- x.Topic("a") + x.ClientID("alice")
				x.FailureOf(func() { x.Connect(As("alice")).WantPingresp() })
			}
			x.Cases(Case{"one", body}, Case{"two", body})
		},
	}.evidence(t)
	stop{}.check(t, e.Stop)
	if one, two := <-seen, <-seen; one == two {
		t.Errorf("two cases have the same names: %s", one)
	}
	if len(e.Breaches) != 2 || len(e.Cases[0].Breaches) != 1 || len(e.Cases[1].Breaches) != 1 {
		t.Errorf("breaches %v; in the cases %v, %v", e.Breaches, e.Cases[0].Breaches, e.Cases[1].Breaches)
	}
	for _, c := range e.Cases {
		if !slices.Equal(c.About, []string{"in the cases"}) || !slices.Equal(c.Kept, []string{"before"}) {
			t.Errorf("case %s is about %v, with %v before", c.Name, c.About, c.Kept)
		}
	}
}

// TestTogether: one transcript of several cases has headings, and is no longer
// than any other.
func TestTogether(t *testing.T) {
	own := []Event{{Packet: "own"}}
	events := make([]Event, maxEvents)
	for i := range events {
		events[i] = Event{At: time.Duration(i+1) * time.Second, Packet: fmt.Sprint(i)}
	}
	all := Together(own, []CaseEvidence{{Name: "short", Events: events[:1]}, {Name: "long", Events: events}, {Name: "empty"}})
	if len(all) != maxEvents+1 { // with a remark on what is left out
		t.Errorf("%d events", len(all))
	}
	want := []Event{{Packet: "own"}, {At: time.Second, Dir: Note, Packet: "case: short"}, {At: time.Second, Packet: "0"}, {At: time.Second, Dir: Note, Packet: "case: long"}}
	if !slices.Equal(all[:4], want) || all[len(all)-1].Packet != "case: empty" {
		t.Errorf("got %v … %v", all[:4], all[len(all)-1])
	}
}

// TestInterrupted: an exchange ends soon after its time is up or its run is, and
// says so, wherever it waits.
func TestInterrupted(t *testing.T) {
	hour := func(s *Settings) { s.Timeout, s.Settle = time.Hour, 0 }
	for name, body := range map[string]func(x *Exchange, c *Client){
		"waiting for a packet":    func(_ *Exchange, c *Client) { c.WantPuback(1) },
		"waiting for the end":     func(_ *Exchange, c *Client) { c.WantEnd() },
		"waiting for any client":  func(x *Exchange, c *Client) { x.WantAmong([]*Client{c}, 1) },
		"waiting for arrivals":    func(_ *Exchange, c *Client) { c.WantArrivals("something") },
		"letting time pass":       func(x *Exchange, _ *Client) { x.Wait(time.Hour) },
		"waiting in a set-up":     func(x *Exchange, c *Client) { x.StandsOn(StepDeliver, c.WantMessage) },
		"finding out what failed": func(x *Exchange, c *Client) { x.FailureOf(c.WantMessage) },
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				scripts: []script{{accepts}}, settings: hour,
				body: func(x *Exchange) { body(x, x.Connect(Clean)) },
			}.evidence(t)
			stop{kind: Unprepared}.check(t, e.Stop)
			if e.Duration != time.Minute || e.Stop.Reason != "the exchange took longer than 1m0s" {
				t.Errorf("after %s: %s", e.Duration, e.Stop.Reason)
			}
		})
	}
	t.Run("hanging up", func(t *testing.T) { // which is no verdict
		e := performing{scripts: []script{{accepts, lingers}}, settings: hour, body: func(x *Exchange) { x.Connect(Clean).HangUp() }}.evidence(t)
		stop{}.check(t, e.Stop)
	})
}

// TestManyWait: what comes wakes every one that waits for it.
func TestManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &scriptedBroker{t: t, version: codec.V311, scripts: []script{{accepts, waits(time.Second), closes}}}
		e := Perform(t.Context(), broker.target(), testProfile(codec.V311), testSettings(), func(x *Exchange) {
			c := x.Connect(Clean)
			done := make(chan struct{})
			for range 3 {
				go func() { c.awaitEnd(time.Minute); done <- struct{}{} }()
			}
			for range 3 {
				<-done
			}
			x.Expect(time.Since(x.log.start)).To(Equal(time.Second))
		})
		stop{}.check(t, e.Stop)
	})
}
