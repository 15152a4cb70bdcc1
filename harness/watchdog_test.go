package harness

import (
	"testing"
	"testing/synctest"
	"time"

	"mqttspec/codec"
)

// pongsFor answers every PINGREQ for so long.
func pongsFor(d time.Duration) step {
	return func(s *session) {
		_ = s.conn.SetReadDeadline(time.Now().Add(d))
		for s.next() != nil {
			sends(&codec.Pingresp{})(s)
		}
	}
}

// TestWatchdog: what it says of a broker that ends its connection, or does not.
func TestWatchdog(t *testing.T) {
	for name, r := range map[string]struct {
		scripts  []script
		after    time.Duration // when it is asked
		cut      time.Duration // how long before that another connection ended; 0: none did
		down     bool
		restarts int
	}{
		"a broker that answers":                     {[]script{{serves}}, time.Second, 0, false, 0},
		"one that answers all day":                  {[]script{{serves}}, 24 * time.Hour, 0, false, 0},
		"one that was restarted":                    {[]script{{accepts, waits(time.Second), closes}, {serves}}, 2 * time.Second, 0, true, 1},
		"one that is being restarted":               {[]script{{accepts, waits(time.Second), closes}, {wants(codec.CONNECT), closes}}, 2 * time.Second, 0, true, 1},
		"one that does not answer":                  {[]script{{accepts}, {serves}}, time.Second, 0, true, 1},
		"one that lets nobody in":                   {[]script{refuses(codec.RefusedServerUnavailable)}, time.Second, 0, false, 0},
		"one that ends its connection a bit later":  {[]script{{accepts, pongsFor(1100 * time.Millisecond), closes}, {serves}}, time.Second, 10 * time.Millisecond, true, 1},
		"one that ends its connection much later":   {[]script{{accepts, pongsFor(3 * time.Second), closes}, {serves}}, time.Second, 10 * time.Millisecond, false, 0},
		"one whose other connection ended long ago": {[]script{{serves}}, 10 * time.Second, 9 * time.Second, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &scriptedBroker{t: t, version: codec.V311, scripts: r.scripts}
				w := Watch(t.Context(), broker.target(), testProfile(codec.V311), testSettings())
				w.Ready()
				began := time.Now()
				time.Sleep(r.after)
				var another time.Time
				if r.cut > 0 {
					another = time.Now().Add(-r.cut)
				}
				if down := w.WentDown(began, another); down != r.down || w.Restarts() != r.restarts {
					t.Errorf("went down: %v, %d times; want %v, %d times", down, w.Restarts(), r.down, r.restarts)
				}
				w.End()
				broker.sessions.Wait()
			})
		})
	}
}

// TestWatchdogForgets: an outage is told of once it is over, and no longer for
// what began afterwards.
func TestWatchdogForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &scriptedBroker{t: t, version: codec.V311, scripts: []script{{accepts, closes}, {wants(codec.CONNECT), closes}, {serves}}}
		w := Watch(t.Context(), broker.target(), testProfile(codec.V311), testSettings())
		w.Ready()
		began := time.Now()
		time.Sleep(time.Second)
		for range 2 { // it is down, and then back
			if !w.WentDown(began, time.Time{}) {
				t.Error("the outage was not seen")
			}
		}
		time.Sleep(time.Second)
		if w.WentDown(time.Now(), time.Time{}) {
			t.Error("what began after the outage is said to have been in it")
		}
		w.End()
		broker.sessions.Wait()
	})
}

// TestWatchdogStaysAlive: it pings as often as the server asks for.
func TestWatchdogStaysAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pings := 0
		broker := &scriptedBroker{t: t, version: codec.V5, scripts: []script{{accepts, func(s *session) {
			for {
				if _, ok := s.next().(*codec.Pingreq); !ok {
					return
				}
				pings++
				sends(&codec.Pingresp{})(s)
			}
		}}}}
		profile := testProfile(codec.V5)
		profile.Connack.Properties = codec.Properties{codec.ServerKeepAlive(10)}
		w := Watch(t.Context(), broker.target(), profile, testSettings())
		w.Ready()
		time.Sleep(51 * time.Second)
		w.End()
		broker.sessions.Wait()
		if pings != 10 {
			t.Errorf("%d pings", pings)
		}
	})
}

// TestNoWatchdog: none has seen nothing.
func TestNoWatchdog(t *testing.T) {
	var w *Watchdog
	if w.WentDown(time.Time{}, time.Time{}) || w.Restarts() != 0 {
		t.Error("no watchdog has seen something")
	}
}
