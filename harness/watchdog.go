package harness

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
)

// A Watchdog is a connection that does nothing but stay open while checks run on
// a broker. When the broker ends it, the broker has been restarted or has
// crashed: what was seen then says nothing about any rule.
type Watchdog struct {
	profile  *Profile
	settings Settings
	cancel   context.CancelFunc
	begun    chan struct{} // closed when the broker has let it in, or not
	ended    chan struct{}

	restarts atomic.Int64

	mu     sync.Mutex
	x      *Exchange
	client *Client   // nil while there is no connection
	seen   time.Time // when the broker was last asked something that it then answered
	down   bool      // gone down, and not let in again yet
	back   time.Time // when the last outage was noticed, or was over
}

// Watch begins to watch. The broker may not let it in: then it sees nothing, and
// is begun again when it is next asked.
func Watch(ctx context.Context, target *Target, profile *Profile, settings Settings) *Watchdog {
	settings.KeepTraces, settings.Capture = true, nil
	ctx, cancel := context.WithCancel(ctx)
	w := &Watchdog{profile: profile, settings: settings, cancel: cancel, begun: make(chan struct{}), ended: make(chan struct{})}
	w.x = newExchange(ctx, target, profile, settings)
	go func() {
		w.mu.Lock()
		w.connect()
		w.mu.Unlock()
		close(w.begun)
		w.stayAlive(ctx)
	}()
	return w
}

// Ready waits until the broker is being watched: what it does before that is not
// seen.
func (w *Watchdog) Ready() { <-w.begun }

// stayAlive keeps the Keep Alive that the server has asked for.
func (w *Watchdog) stayAlive(ctx context.Context) {
	defer close(w.ended)
	interval := times.StillWatching
	if seconds := w.profile.Number(codec.PropServerKeepAlive, 0); seconds > 0 {
		interval = min(interval, time.Duration(seconds)*time.Second/2)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.ask(time.Time{})
		}
	}
}

// connect opens the connection; the caller holds the lock.
func (w *Watchdog) connect() {
	w.client = nil
	w.x.perform(func(x *Exchange) { w.client = x.Connect(Clean, KeepAlive(0)) })
}

// WentDown asks the broker for a sign of life and says whether it was down at
// any time since then: while it comes up it may cut connections that were opened
// after it went down. It does not end all connections at once: that of the watchdog
// is given a moment to end after another was cut.
func (w *Watchdog) WentDown(since, another time.Time) bool {
	if w == nil {
		return false
	}
	w.ask(another)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.back.After(since)
}

// ask asks for a sign of life on the connection, and opens another if it has
// ended.
func (w *Watchdog) ask(another time.Time) {
	if left := time.Until(another.Add(w.settings.grace())); left > 0 {
		w.mu.Lock()
		client := w.client
		w.mu.Unlock()
		if client != nil {
			client.awaitClosed(left)
		}
	}
	asked := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen.After(asked) {
		return // another has asked meanwhile
	}
	now := time.Now()
	if w.client != nil && w.x.perform(func(*Exchange) { w.client.WantPingresp() }) != nil && w.x.ctx.Err() == nil {
		w.client.leave()
		w.restarts.Add(1)
		w.client, w.down, w.back = nil, true, time.Now()
	}
	if w.client == nil {
		w.connect()
		if w.down && w.client != nil {
			w.down, w.back = false, time.Now()
		}
	}
	if w.client != nil {
		w.seen = now
	}
}

// Restarts is how many times the connection was seen to end, without asking. No
// watchdog has seen none.
func (w *Watchdog) Restarts() int {
	if w == nil {
		return 0
	}
	return int(w.restarts.Load())
}

// End stops watching.
func (w *Watchdog) End() {
	w.cancel()
	<-w.ended
	for _, c := range w.x.clients {
		c.leave()
	}
}
