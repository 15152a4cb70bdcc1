package harness

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mqttspec/codec"
)

// state is what is wrong with a frail broker.
type state int

const (
	fine state = iota
	// absent refuses connections.
	absent
	// mute takes connections and answers nothing.
	mute
	// deaf lets clients in and grants subscriptions, but delivers nothing.
	deaf
	// full refuses subscriptions.
	storeless
)

// frailBroker is a broker in memory that does what clients ask of it, until
// something happens to it.
type frailBroker struct {
	t        *testing.T
	silent   bool // never answers PINGREQ, and ends connections with a Keep Alive of 0
	most     int  // connections at the same time; 0: any number
	sessions sync.WaitGroup

	mu    sync.Mutex
	state state
	open  map[net.Conn]bool
	kills int
	able  bool // can be killed and started again
}

func (b *frailBroker) Dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == absent {
		return nil, syscall.ECONNREFUSED
	}
	client, server := memoryPipe()
	if b.most > 0 && len(b.open) >= b.most {
		server.Close()
		return client, nil
	}
	if b.open == nil {
		b.open = map[net.Conn]bool{}
	}
	b.open[server] = true
	b.sessions.Go(func() {
		b.serve(&session{t: b.t, version: codec.V311, conn: server, reader: codec.NewReader(codec.V311, server)})
		server.Close()
		b.mu.Lock()
		delete(b.open, server)
		b.mu.Unlock()
	})
	return client, nil
}

// serve serves one client.
func (b *frailBroker) serve(s *session) {
	var filters []string
	for {
		p := s.next()
		b.mu.Lock()
		state := b.state
		b.mu.Unlock()
		switch p := p.(type) {
		case nil, *codec.Disconnect:
			return
		case *codec.Connect:
			if b.silent && p.KeepAlive == 0 {
				return
			}
			if state != mute {
				sends(&codec.Connack{})(s)
			}
		case *codec.Subscribe:
			switch filters = append(filters, p.Subscriptions[0].Filter); state {
			case storeless:
				sends(&codec.Suback{PacketID: p.PacketID, Codes: []codec.ReasonCode{codec.SubackFailure}})(s)
			case mute:
			default:
				sends(&codec.Suback{PacketID: p.PacketID, Codes: []codec.ReasonCode{0}})(s)
			}
		case *codec.Publish:
			if slices.Contains(filters, p.Topic) && state == fine {
				sends(p)(s)
			}
		case *codec.Pingreq:
			if b.silent {
				return
			}
			sends(&codec.Pingresp{})(s)
		}
	}
}

// falls makes something happen; all connections end where they do.
func (b *frailBroker) falls(to state, cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = to
	if cut {
		for conn := range b.open {
			conn.Close()
		}
	}
}

// Kill brings the broker back.
func (b *frailBroker) Kill(context.Context) error {
	b.falls(fine, true)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kills++
	return nil
}

func (b *frailBroker) Restart(context.Context) error { return errors.New("cannot be restarted") }
func (b *frailBroker) CanKill() bool                 { return b.able }

// watched is a broker that is being watched over.
func watched(t *testing.T, b *frailBroker) (h *Health, crowds *[]Crowd) {
	b.t = t
	target := &Target{Name: "frail", Dialer: b, DialTimeout: time.Second}
	if b.able {
		target.Life = b
	}
	crowds = new([]Crowd)
	h = WatchOver(t.Context(), target, testProfile(codec.V311), testSettings(), 128, func(c Crowd) { *crowds = append(*crowds, c) })
	h.Ready()
	return h, crowds
}

func enter(t *testing.T, h *Health, name string) *Visit {
	t.Helper()
	v, err := h.Enter(t.Context(), name, false)
	if err != nil {
		t.Fatalf("%s could not begin: %v", name, err)
	}
	return v
}

// closedNow is an exchange whose connection the broker has just ended.
func closedNow() Evidence { return Evidence{BrokerClosedAt: time.Now()} }

// TestHealth: what becomes of the visits that were under way when something
// happened to the broker, and how it came back.
func TestHealth(t *testing.T) {
	for _, r := range []*struct {
		name   string
		broker frailBroker
		falls  state
		cut    bool
		back   time.Duration // after which it is well by itself; 0: never
		what   string        // part of what the outage is told as; "" is none
		after  string        // how it came back
	}{
		{name: "nothing happens"},
		{name: "a broker that bears no PINGREQ and no Keep Alive of 0", broker: frailBroker{silent: true}},
		{name: "it comes back by itself", falls: absent, cut: true, back: 300 * time.Millisecond,
			what: "the broker went down (no connection: connection refused)", after: "it came back by itself"},
		{name: "it ends every connection and is there", falls: fine, cut: true, what: "the broker went down (it ended every connection)", after: "it was back at once"},
		{name: "it does not come back", falls: absent, cut: true, what: "the broker went down (no connection: connection refused)"},
		{name: "it is started again", broker: frailBroker{able: true}, falls: absent, cut: true,
			what: "the broker went down (no connection: connection refused)", after: "it was started again"},
		{name: "it answers nobody", broker: frailBroker{able: true}, falls: mute,
			what: "the broker hangs (CONNECT was not answered within 5s)", after: "it was started again"},
		{name: "it delivers nothing", broker: frailBroker{able: true}, falls: deaf,
			what: "the broker hangs (a message was not delivered within 5s)", after: "it was started again"},
		{name: "it refuses subscriptions", broker: frailBroker{able: true}, falls: storeless,
			what: "the broker hangs (SUBSCRIBE was refused with 0x80)", after: "it was started again"},
		{name: "it answers nobody, ever", falls: mute, what: "the broker hangs (CONNECT was not answered within 5s)"},
		{name: "it delivers nothing for a while", falls: deaf, back: 15 * time.Second,
			what: "the broker hangs (a message was not delivered within 5s)", after: "it came back by itself"},
	} {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &r.broker
				h, crowds := watched(t, b)
				before := enter(t, h, "before")
				before.Leave(true, Evidence{})
				if f := before.Found(t.Context()); f != (Found{}) {
					t.Errorf("before it: %v", f)
				}
				one, other := enter(t, h, "one"), enter(t, h, "other")
				time.Sleep(100 * time.Millisecond)
				if r.what != "" {
					b.falls(r.falls, r.cut)
					if r.back > 0 {
						time.AfterFunc(r.back, func() { b.falls(fine, false) })
					}
				}
				one.Leave(true, closedNow()) // has met with trouble
				<-afterOutage(other, r.what != "")
				other.Leave(false, Evidence{}) // has not
				for _, v := range []*Visit{one, other} {
					f := v.Found(t.Context())
					switch {
					case r.what == "" && f != Found{}:
						t.Errorf("%s: %v", v.name, f)
					case r.what == "":
					case f.Outage == nil || !strings.Contains(f.Outage.Error(), r.what) || f.Outage.After != r.after || !slices.Equal(f.Outage.During, []string{"one", "other"}):
						t.Errorf("%s: %+v", v.name, f.Outage)
					}
				}
				later, err := h.Enter(t.Context(), "later", false)
				switch gone := (*Outage)(nil); {
				case r.what != "" && r.after == "":
					if !errors.As(err, &gone) {
						t.Errorf("a visit to a broker that is gone: %v", err)
					}
				case err != nil:
					t.Errorf("a visit to a broker that is back: %v", err)
				default:
					later.Leave(true, Evidence{})
					if f := later.Found(t.Context()); f != (Found{}) {
						t.Errorf("after it: %v", f)
					}
				}
				if len(*crowds) > 0 {
					t.Errorf("crowds: %v", *crowds)
				}
				h.End()
				b.sessions.Wait()
			})
		})
	}
}

// afterOutage is closed when the visit has been cut short, at once where it will
// not be.
func afterOutage(v *Visit, outage bool) <-chan struct{} {
	if outage {
		return v.Context().Done()
	}
	none := make(chan struct{})
	close(none)
	return none
}

// TestHealthShares: many who ask at the same time share one examination, even of
// a broker that hangs.
func TestHealthShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &frailBroker{}
		h, _ := watched(t, b)
		var visits []*Visit
		for range 100 {
			visits = append(visits, enter(t, h, "visit"))
		}
		b.falls(mute, false)
		began := time.Now()
		var group sync.WaitGroup
		for _, v := range visits {
			group.Go(func() {
				v.Leave(true, Evidence{})
				if v.Found(t.Context()).Outage == nil {
					t.Error("the outage was not told")
				}
			})
		}
		group.Wait()
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("it took %s until the broker was given up", took)
		}
		h.End()
		b.sessions.Wait()
	})
}

// TestHealthLimit: a broker that takes no more than some connections is well; it
// is found out how many, once, and those who got none are heard again.
func TestHealthLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &frailBroker{most: 20}
		h, crowds := watched(t, b)
		turnedAway, other, done := enter(t, h, "turned away"), enter(t, h, "other"), enter(t, h, "done")
		done.Leave(false, Evidence{})
		turnedAway.Leave(true, Evidence{Stop: Stop{NoConnection: true}})
		go func() {
			<-other.Context().Done()
			other.Leave(true, Evidence{})
		}()
		for _, v := range []*Visit{turnedAway, other} {
			if f := v.Found(t.Context()); !f.Crowded || f.Limit != 20 || f.Outage != nil {
				t.Errorf("%s: %v", v.name, f)
			}
		}
		if f := done.Found(t.Context()); f.Crowded || f.Outage != nil {
			t.Errorf("done: %v", f)
		}
		if len(*crowds) != 1 || (*crowds)[0].Connections != 20 || !strings.Contains((*crowds)[0].What, "the connection was closed after CONNECT") {
			t.Errorf("crowds: %v", *crowds)
		}
		again := enter(t, h, "again")
		again.Leave(true, Evidence{Stop: Stop{NoConnection: true}})
		if f := again.Found(t.Context()); !f.Crowded || len(*crowds) != 1 {
			t.Errorf("again: %v; crowds: %v", f, *crowds)
		}
		h.End()
		b.sessions.Wait()
	})
}

// TestHealthNoLimit: a check that gets no connection from a broker that takes
// many has met with something of its own.
func TestHealthNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &frailBroker{}
		h, crowds := watched(t, b)
		turnedAway := enter(t, h, "turned away")
		turnedAway.Leave(true, Evidence{Stop: Stop{NoConnection: true}})
		if f := turnedAway.Found(t.Context()); f != (Found{}) || len(*crowds) > 0 {
			t.Errorf("%v; crowds: %v", f, *crowds)
		}
		h.End()
		b.sessions.Wait()
	})
}

// TestHealthBaseline: of a broker that grants or delivers nothing from the
// beginning no more is wanted than that.
func TestHealthBaseline(t *testing.T) {
	for _, state := range []state{deaf, storeless} {
		synctest.Test(t, func(t *testing.T) {
			b := &frailBroker{state: state}
			h, _ := watched(t, b)
			v := enter(t, h, "visit")
			v.Leave(true, Evidence{})
			if f := v.Found(t.Context()); f != (Found{}) {
				t.Errorf("state %d: %v", state, f)
			}
			h.End()
			b.sessions.Wait()
		})
	}
}

// TestHealthGivesUp: a broker that goes down again and again is not asked any
// more in the end.
func TestHealthGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &frailBroker{}
		h, _ := watched(t, b)
		for n := 1; ; n++ {
			v, err := h.Enter(t.Context(), "visit", false)
			if gone := (*Outage)(nil); errors.As(err, &gone) {
				if n != maxOutages+2 || !gone.Often {
					t.Errorf("given up after %d visits: %+v", n, gone)
				}
				break
			}
			b.falls(fine, true)
			v.Leave(true, closedNow())
			if v.Found(t.Context()).Outage == nil {
				t.Fatalf("outage %d was not seen", n)
			}
		}
		h.End()
		b.sessions.Wait()
	})
}

// TestHealthIsNotWaitedFor: who has no time any more, or finds nobody watching,
// waits for nothing.
func TestHealthIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &frailBroker{}
		h, _ := watched(t, b)
		v := enter(t, h, "visit")
		b.falls(mute, false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		v.Leave(true, Evidence{})
		if f := v.Found(ctx); f != (Found{}) {
			t.Errorf("%v", f)
		}
		if _, err := h.Enter(ctx, "another", false); err == nil {
			t.Error("entered")
		}
		h.End()
		if f := v.Found(t.Context()); f != (Found{}) {
			t.Errorf("%v", f)
		}
		b.sessions.Wait()
	})
}

// TestHealthRestarts: while a visit restarts the broker, that is no outage.
func TestHealthRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &frailBroker{}
		h, _ := watched(t, b)
		h.Rest()
		v, err := h.Enter(t.Context(), "restarting", true)
		if err != nil {
			t.Fatal(err)
		}
		b.falls(absent, true)
		h.Hurry()
		time.Sleep(time.Minute)
		b.falls(fine, false)
		v.Leave(true, closedNow())
		if f := v.Found(t.Context()); f != (Found{}) || v.Context().Err() == nil {
			t.Errorf("%v", f)
		}
		h.End()
		b.sessions.Wait()
	})
}
