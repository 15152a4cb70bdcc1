package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mqttspec/harness/times"
	"mqttspec/harness/wire"
)

// Health watches over a broker while checks run on it. It knows when the broker
// is down (its connections end, and new ones are refused), hangs (it lets nobody
// in, or does no longer for a new client what it did before) or is back: it
// examines the broker once a second, when the connections that it keeps open end,
// and when a check has met with something that may be due to an outage. All who
// wait for an examination share it.
//
// While the broker is not well nobody begins a [Visit], and what the visits then
// under way have seen says nothing about any rule. The broker is given time to
// come back, or restarted where the target can.
type Health struct {
	examiner *examiner
	profile  *Profile
	life     Life
	crowded  func(Crowd)
	most     int // connections to try whether the broker takes them

	cancel context.CancelFunc
	begun  chan struct{} // closed when the broker has been examined for the first time
	ended  chan struct{}
	asked  chan struct{} // has room for one: examine the broker as soon as possible

	rest chan struct{}

	// Used by the watching goroutine only:
	sentries []*sentry
	resting  bool
	lastWell time.Time     // when the last examination began that found the broker well
	measured bool          // how many connections the broker takes
	limit    int           // that many; 0 if they were enough
	crowds   int           // how often it had too many clients
	slowest  time.Duration // of the glances that found it well

	mu      sync.Mutex
	changed chan struct{} // closed when what follows has changed
	visits  map[*Visit]bool
	open    bool
	looking bool            // an examination is under way
	epoch   context.Context // ends with the next outage
	end     context.CancelCauseFunc
	outages []*Outage
	gone    *Outage // the last one, after which the broker is not asked any more
}

// An Outage is a time in which the broker was not well.
type Outage struct {
	// What was seen, in words.
	What string
	// Hung says that the broker did not go down: it does not answer, or no longer
	// does what it did.
	Hung bool
	// Since is when the broker was last seen to be well, and Noticed when the outage was.
	Since, Noticed time.Time
	// During are the visits that were under way in between, by their names.
	During []string
	// After says how the broker came back; "" if it did not.
	After string
	// Number says how many outages there were up to this one, and Often that these
	// are too many for the broker to be asked any more.
	Number int
	Often  bool
}

// Error tells of the outage.
func (o *Outage) Error() string {
	what := "the broker went down"
	if o.Hung {
		what = "the broker hangs"
	}
	return fmt.Sprintf("%s (%s)", what, o.What)
}

// A Crowd is what the broker does not bear: so many clients at the same time.
type Crowd struct {
	// Connections is how many it takes at the same time; 0 if that is not the matter.
	Connections int
	// What became of those that were too many, in words.
	What string
}

// maxOutages is how many outages a broker may have in a run: each check that
// brings it down takes up to three to be found.
const maxOutages = 30

// maxCrowds is how often a broker may have had too many clients before a single
// slow answer does not count any more.
const maxCrowds = 4

// How many clients take part in an examination. A broker can have many parts of
// which one hangs: where nothing else runs there is time to meet them all.
const (
	fewClients  = 4
	manyClients = 16
)

// WatchOver begins to watch over a broker. When it does not bear as many clients
// as there are, crowded is told so before any visit goes on; it is never told of
// more than most connections.
func WatchOver(ctx context.Context, target *Target, profile *Profile, settings Settings, most int, crowded func(Crowd)) *Health {
	ctx, cancel := context.WithCancel(ctx)
	h := &Health{
		examiner: &examiner{target: target, version: profile.Version, settings: settings},
		profile:  profile, life: target.Life, crowded: crowded, most: most,
		cancel: cancel, begun: make(chan struct{}), ended: make(chan struct{}), asked: make(chan struct{}, 1), rest: make(chan struct{}),
		changed: make(chan struct{}), visits: map[*Visit]bool{},
	}
	h.epoch, h.end = context.WithCancelCause(context.Background())
	go h.watch(ctx)
	return h
}

// Ready waits until the broker has been examined for the first time.
func (h *Health) Ready() { <-h.begun }

// Rest ends the connections that watch over the broker: from now on it is
// examined only when a visit has ended. For checks that restart it, or own it
// while they run.
func (h *Health) Rest() {
	select {
	case h.rest <- struct{}{}:
	case <-h.ended:
	}
}

// End stops watching.
func (h *Health) End() {
	h.cancel()
	<-h.ended
}

// Outages are the outages so far.
func (h *Health) Outages() []*Outage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.outages)
}

// watch examines the broker again and again.
func (h *Health) watch(ctx context.Context) {
	defer close(h.ended)
	defer h.dismiss()
	h.examine(ctx)
	close(h.begun)
	tick := time.NewTicker(h.examiner.interval(h.profile))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.rest:
			h.resting = true
			h.dismiss()
			tick.Stop()
			continue
		case <-h.asked:
		case <-tick.C:
			for _, s := range h.sentries {
				s.stayAlive()
			}
			if !h.visited() {
				continue
			}
		}
		h.examine(ctx)
	}
}

// ask has the broker examined as soon as possible.
func (h *Health) ask() {
	select {
	case h.asked <- struct{}{}:
	default: // an examination is due already
	}
}

// sentriesPosted are the connections that watch over the broker: where one of them
// ends the broker may have its reasons, where all do it went down.
const sentriesPosted = 2

// post opens the connections that watch over the broker.
func (h *Health) post(ctx context.Context) {
	if h.resting || h.cut() {
		return
	}
	if slices.ContainsFunc(h.sentries, (*sentry).hasEnded) {
		// The broker does not end all connections at once.
		soon, cancel := context.WithTimeout(ctx, h.examiner.settings.grace())
		defer cancel()
		for _, s := range h.sentries {
			select {
			case <-s.ended:
			case <-soon.Done():
			}
		}
		if h.cut() {
			return
		}
	}
	h.sentries = slices.DeleteFunc(h.sentries, (*sentry).hasEnded)
	for len(h.sentries) < sentriesPosted {
		s := h.examiner.newSentry(ctx, h.ask)
		if s == nil {
			return
		}
		h.sentries = append(h.sentries, s)
	}
}

// dismiss ends them.
func (h *Health) dismiss() {
	for _, s := range h.sentries {
		s.leave()
		<-s.ended
	}
	h.sentries = nil
}

// cut says whether the broker has ended all of them.
func (h *Health) cut() bool {
	return len(h.sentries) > 0 && !slices.ContainsFunc(h.sentries, func(s *sentry) bool { return !s.hasEnded() })
}

// examine examines the broker, and sees to it that it is well again where it is
// not.
func (h *Health) examine(ctx context.Context) {
	if h.isGone() {
		h.lost(h.gone)
		return
	}
	if !h.look() {
		return
	}
	defer h.looked()
	h.post(ctx)
	quiet := h.underWay() == 0
	if quiet && h.glance(ctx) {
		return
	}
	began := time.Now()
	lacking := h.examiner.examine(ctx, h.clients(h.underWay() <= 1), quiet)
	switch {
	case ctx.Err() != nil:
	case h.cut(), quiet && lacking != nil && !lacking.refused:
		h.outage(ctx, lacking)
	case lacking == nil && (h.measured || !h.turnedAway()):
		h.well(began)
	case lacking != nil && h.crowds >= maxCrowds && h.secondLook(ctx):
	default:
		h.lookAgain(ctx, lacking)
	}
}

// glance examines a broker that nobody else keeps busy, and is content only with one
// that is as quick as it has been: a slow one is for a longer look.
func (h *Health) glance(ctx context.Context) (well bool) {
	soon, cancel := context.WithTimeout(ctx, min(times.Glance(h.slowest), h.examiner.settings.Timeout))
	defer cancel()
	began := time.Now()
	if h.examiner.examine(soon, h.clients(true), true) != nil || h.cut() || !h.measured && h.turnedAway() {
		return false
	}
	h.slowest = max(h.slowest, time.Since(began))
	h.well(began)
	return true
}

// secondLook examines a broker once more that was slow often enough: nobody makes
// room for that any more, unless it is slow again.
func (h *Health) secondLook(ctx context.Context) (well bool) {
	began := time.Now()
	if h.examiner.examine(ctx, fewClients, false) != nil {
		return false
	}
	h.well(began)
	return true
}

// look begins an examination, unless a visit restarts the broker: that is not to be
// taken for an outage, and whoever makes it asks in the end.
func (h *Health) look() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.visits {
		if v.restarts && v.ended.IsZero() {
			return false
		}
	}
	h.looking = true
	return true
}

// looked ends it.
func (h *Health) looked() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looking = false
	h.tell()
}

// clients is how many clients take part in an examination.
func (h *Health) clients(many bool) int {
	switch {
	case !many, h.limit > 0 && h.underWay() > 0: // a visit has connections, too
		return fewClients
	case h.limit > 0:
		return min(manyClients, max(fewClients, h.limit/2))
	}
	return manyClients
}

// lookAgain examines the broker while nobody else keeps it busy: it may have more
// clients than it bears, and even alone it may have been slow once.
func (h *Health) lookAgain(ctx context.Context, before *trouble) {
	h.stop(errors.New("the broker may have more clients than it bears: it is examined without them"))
	h.awaitQuiet(ctx)
	h.post(ctx)
	began := time.Now()
	lacking := h.untilWell(ctx, h.clients(before == nil || !before.refused))
	if lacking == nil && !h.measured {
		h.measured = true
		taken, turnedAway := h.examiner.capacity(ctx, h.most)
		if turnedAway != nil {
			h.limit, before = taken+len(h.sentries), turnedAway
		}
		began = time.Now()
		lacking = h.untilWell(ctx, fewClients)
	}
	switch {
	case ctx.Err() != nil:
	case lacking != nil || h.cut():
		h.outage(ctx, lacking)
	default:
		if before != nil {
			h.crowds++
			h.crowded(Crowd{Connections: h.limit, What: before.what})
		}
		h.disturbed(before != nil)
		h.well(began)
	}
}

// untilWell is examine for a broker that may not have noticed yet that connections
// have ended, and lets nobody in until then.
func (h *Health) untilWell(ctx context.Context, clients int) (lacking *trouble) {
	_ = wire.Poll(ctx, h.examiner.settings.Timeout, func() error {
		if lacking = h.examiner.examine(ctx, clients, true); lacking != nil && lacking.refused && !h.cut() {
			return lacking
		}
		return nil
	})
	return lacking
}

// outage waits until the broker is back, or brings it back.
func (h *Health) outage(ctx context.Context, lacking *trouble) {
	o := &Outage{What: "it ended every connection", Since: h.lastWell, Noticed: time.Now()}
	if lacking != nil {
		o.What, o.Hung = lacking.what, !lacking.refused && !h.cut()
	}
	h.stop(o)
	h.mu.Lock()
	for v := range h.visits {
		o.During = append(o.During, v.name)
	}
	slices.Sort(o.During)
	h.outages = append(h.outages, o)
	o.Number = len(h.outages)
	o.Often = o.Number > maxOutages
	h.mu.Unlock()
	h.awaitQuiet(ctx)
	h.dismiss()
	switch {
	case o.Often:
	case lacking == nil:
		o.After = "it was back at once"
	default:
		o.After = h.comeBack(ctx, o)
	}
	if ctx.Err() != nil {
		return
	}
	h.lost(o)
	if o.After == "" {
		h.mu.Lock()
		h.gone = o
		h.tell()
		h.mu.Unlock()
		return
	}
	began := time.Now()
	h.post(ctx)
	h.well(began)
}

// comeBack waits until a broker is well again, or starts it where that is
// possible, and says how it came back.
func (h *Health) comeBack(ctx context.Context, o *Outage) (how string) {
	back := func(within time.Duration) bool {
		return wire.Poll(ctx, within, func() error {
			if lacking := h.examiner.examine(ctx, h.clients(true), true); lacking != nil {
				return lacking
			}
			return nil
		}) == nil
	}
	comeBack := times.ComeBack(h.examiner.settings.Timeout)
	within := comeBack
	if h.life != nil {
		within = times.ByItself
	}
	if h.life == nil || !o.Hung {
		if back(within) {
			return "it came back by itself"
		}
	}
	if h.life == nil || ctx.Err() != nil {
		return ""
	}
	if err := h.startAgain(ctx); err != nil {
		o.What += "; it could not be started again: " + err.Error()
		return ""
	}
	if !back(comeBack) {
		return ""
	}
	return "it was started again"
}

// startAgain ends what there is of the broker, and starts it.
func (h *Health) startAgain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, times.Restart)
	defer cancel()
	if h.life.CanKill() && h.life.Kill(ctx) == nil {
		return nil // an orderly end is more than one can ask of a broker that hangs
	}
	return h.life.Restart(ctx)
}

// stop ends all visits and lets nobody begin one.
func (h *Health) stop(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = false
	for v := range h.visits {
		v.cut = v.ended.IsZero()
	}
	h.end(cause)
	h.epoch, h.end = context.WithCancelCause(context.Background())
}

// well takes note that the broker did what it should when it was examined: so it
// did until then.
func (h *Health) well(began time.Time) {
	h.lastWell = began
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = true
	for v := range h.visits {
		if !v.ended.IsZero() && !began.Before(v.ended) {
			v.settle(Found{Crowded: v.noConnection && h.limit > 0, Limit: h.limit})
		}
	}
	h.tell()
}

// lost tells all visits that there was an outage while they were under way.
func (h *Health) lost(o *Outage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.visits {
		v.settle(Found{Outage: o})
	}
	h.tell()
}

// disturbed tells the visits that were cut short, and where the broker had more
// clients than it bears those that met with trouble too, that they have to be
// made again.
func (h *Health) disturbed(crowded bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.visits {
		if v.cut || crowded && v.troubled {
			v.settle(Found{Crowded: true, Limit: h.limit})
		}
	}
	h.tell()
}

// tell wakes those who wait for something to change. The caller holds the lock.
func (h *Health) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// await waits until something that is guarded by the lock has come true; done is
// called with the lock held.
func (h *Health) await(ctx context.Context, done func() bool) error {
	for {
		h.mu.Lock()
		ok, changed := done(), h.changed
		h.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-h.ended:
			return errors.New("nobody watches over the broker any more")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// visited says whether there are visits of which it is not known how the broker
// was.
func (h *Health) visited() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.visits) > 0
}

// underWay is how many visits are.
func (h *Health) underWay() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.countUnderWay()
}

func (h *Health) countUnderWay() (n int) {
	for v := range h.visits {
		if v.ended.IsZero() {
			n++
		}
	}
	return n
}

// awaitQuiet waits until no visit is under way any more. What visits leave at the
// broker they may not get rid of while it hangs: that is not waited for.
func (h *Health) awaitQuiet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, h.examiner.settings.Timeout)
	defer cancel()
	_ = h.await(ctx, func() bool { return h.countUnderWay() == 0 })
}

// turnedAway says whether a visit got no connection, though the broker is well.
func (h *Health) turnedAway() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.visits {
		if v.noConnection {
			return true
		}
	}
	return false
}

func (h *Health) isGone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone != nil
}

// A Visit is a check on its way through an exchange with the broker.
type Visit struct {
	health   *Health
	name     string
	restarts bool
	ctx      context.Context
	cancel   func()

	// The health's lock guards what follows.
	ended        time.Time // when it was over, and nothing that ended it can still be due
	troubled     bool
	noConnection bool
	cut          bool // short, by us
	settled      bool
	found        Found
}

// Found is what is known of the broker while a visit was made. The zero value is a
// broker that was well.
type Found struct {
	// Outage is the outage that fell into the time of the visit; nil if none did.
	Outage *Outage
	// Crowded says that the broker had more clients than it bears.
	Crowded bool
	// Limit is how many connections the broker takes at the same time; 0 if that
	// many were not needed, or nobody has asked.
	Limit int
}

// Enter begins a visit once the broker is well; it may be one that restarts it. The
// error is the [Outage] from which the broker did not come back, or the cause of
// ctx's end.
func (h *Health) Enter(ctx context.Context, name string, restarts bool) (*Visit, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	v := &Visit{health: h, name: name, restarts: restarts}
	var gone *Outage
	err := h.await(ctx, func() bool {
		if gone = h.gone; gone != nil || !h.open || restarts && h.looking {
			return gone != nil
		}
		h.visits[v] = true
		visiting, cancel := context.WithCancelCause(ctx)
		epoch := h.epoch
		unbind := context.AfterFunc(epoch, func() { cancel(context.Cause(epoch)) })
		v.ctx, v.cancel = visiting, func() { unbind(); cancel(nil) }
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case gone != nil:
		return nil, gone
	}
	return v, nil
}

// Context ends when the broker turns out not to be well.
func (v *Visit) Context() context.Context { return v.ctx }

// Leave ends the visit. Whether it met with trouble, which may be the broker's,
// decides how soon that is examined.
func (v *Visit) Leave(troubled bool, e Evidence) {
	v.cancel()
	h := v.health
	h.mu.Lock()
	defer h.mu.Unlock()
	v.ended, v.troubled, v.noConnection = time.Now(), troubled, troubled && e.NoConnection()
	if troubled && !e.BrokerClosedAt.IsZero() {
		// The broker does not end all connections at once.
		v.ended = later(v.ended, e.BrokerClosedAt.Add(h.examiner.settings.grace()))
	}
	h.tell()
}

// Found waits until it is known how the broker was while the visit was made. If
// that was without trouble there is no hurry.
func (v *Visit) Found(ctx context.Context) Found {
	h := v.health
	h.mu.Lock()
	left, troubled := time.Until(v.ended), v.troubled
	h.mu.Unlock()
	settled := func() bool { return v.settled }
	if troubled {
		soon, cancel := context.WithTimeout(ctx, max(left, 0))
		_ = h.await(soon, settled)
		cancel()
		h.ask()
	}
	_ = h.await(ctx, settled)
	h.mu.Lock()
	defer h.mu.Unlock()
	return v.found
}

// Hurry has the broker examined now, for visits that nobody is in a hurry about.
func (h *Health) Hurry() { h.ask() }

// settle says what was found. The caller holds the health's lock.
func (v *Visit) settle(f Found) {
	v.found, v.settled = f, true
	delete(v.health.visits, v)
}

// NoConnection says whether the exchange, or a case of it, got no connection.
func (e Evidence) NoConnection() bool {
	return e.Stop.NoConnection || slices.ContainsFunc(e.Cases, func(c CaseEvidence) bool { return c.Stop.NoConnection })
}
