package harness

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"mqttspec/codec"
)

// A Vigil is a connection that does nothing but stay open while checks run on
// a broker. When the broker ends it, the broker has been restarted or has
// crashed: what was seen then says nothing about any rule.
type Vigil struct {
	profile  *Profile
	settings Settings
	cancel   context.CancelFunc
	begun    chan struct{} // closed when the broker has let it in, or not
	ended    chan struct{}

	interruptions atomic.Int64

	mu     sync.Mutex
	x      *Exchange
	client *Client   // nil while there is no connection
	seen   time.Time // when the broker was last asked something that it then answered
	down   bool      // interrupted, and not let in again yet
	back   time.Time // when the last interruption was noticed, or was over
}

// Keep begins a vigil. The broker may not let it in: then it sees nothing, and
// is begun again when it is next asked.
func Keep(ctx context.Context, target *Target, profile *Profile, settings Settings) *Vigil {
	settings.KeepTraces, settings.Capture = true, nil
	ctx, cancel := context.WithCancel(ctx)
	v := &Vigil{profile: profile, settings: settings, cancel: cancel, begun: make(chan struct{}), ended: make(chan struct{})}
	v.x = newExchange(ctx, target, profile, settings)
	go func() {
		v.mu.Lock()
		v.connect()
		v.mu.Unlock()
		close(v.begun)
		v.stayAlive(ctx)
	}()
	return v
}

// AwaitBegun waits until the vigil is kept: what the broker does before that, it
// does not see.
func (v *Vigil) AwaitBegun() { <-v.begun }

// stayAlive keeps the Keep Alive that the server has asked for.
func (v *Vigil) stayAlive(ctx context.Context) {
	defer close(v.ended)
	interval := 20 * time.Second
	if seconds := v.profile.Number(codec.PropServerKeepAlive, 0); seconds > 0 {
		interval = min(interval, time.Duration(seconds)*time.Second/2)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v.ask(time.Time{})
		}
	}
}

// connect opens the connection; the caller holds the lock.
func (v *Vigil) connect() {
	v.client = nil
	v.x.perform(func(x *Exchange) { v.client = x.Connect(Clean, KeepAlive(0)) })
}

// Interrupted asks the broker for a sign of life and says whether it was down at
// any time since then: while it comes up it may cut connections that were opened
// after it went down. It does not end all connections at once: that of the vigil
// is given a moment to end after another was cut.
func (v *Vigil) Interrupted(since, another time.Time) bool {
	if v == nil {
		return false
	}
	v.ask(another)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.back.After(since)
}

// ask asks for a sign of life on the connection, and opens another if it has
// ended.
func (v *Vigil) ask(another time.Time) {
	if left := time.Until(another.Add(v.settings.grace())); left > 0 {
		v.mu.Lock()
		client := v.client
		v.mu.Unlock()
		if client != nil {
			moment := time.NewTimer(left)
			defer moment.Stop()
			select {
			case <-client.done:
			case <-moment.C:
			case <-v.x.ctx.Done():
			}
		}
	}
	asked := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seen.After(asked) {
		return // another has asked meanwhile
	}
	now := time.Now()
	if v.client != nil && v.x.perform(func(*Exchange) { v.client.Ping() }) != nil && v.x.ctx.Err() == nil {
		v.client.leave()
		v.interruptions.Add(1)
		v.client, v.down, v.back = nil, true, time.Now()
	}
	if v.client == nil {
		v.connect()
		if v.down && v.client != nil {
			v.down, v.back = false, time.Now()
		}
	}
	if v.client != nil {
		v.seen = now
	}
}

// Known is how many times the connection was seen to end, without asking. No
// vigil knows of none.
func (v *Vigil) Known() int {
	if v == nil {
		return 0
	}
	return int(v.interruptions.Load())
}

// End ends the vigil.
func (v *Vigil) End() {
	v.cancel()
	<-v.ended
	for _, c := range v.x.clients {
		c.leave()
	}
}
