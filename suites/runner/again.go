package runner

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"mqttspec/harness"
	"mqttspec/suites/catalogue"
)

// The second hearing: who was missing something in the first is heard again, few
// at a time and patiently.

// few is how many checks run at the same time when they are heard again, so that
// none stands under the load of others. Those that do no more than wait are not
// counted.
const few = 8

// representatives are how many of the checks that stand on one thing are heard
// again at first: where they find it missing once more, the check that decides it
// has failed, and the others are blocked by that. Where they do not, all others are
// heard.
const representatives = 4

// hearAgain hears the checks again in which something was missing.
func (r *Run) hearAgain(ctx context.Context) {
	for first := true; ; first = false {
		failed, blocked := r.ledger.open()
		items := failed
		for _, decider := range slices.Sorted(maps.Keys(blocked)) {
			stand := blocked[decider]
			switch {
			case r.ledger.failed(decider):
				for _, i := range stand {
					r.ledger.conclude(i, func(f *facts) { f.unrepeatable = "check " + decider + " has failed" })
				}
				continue
			case first:
				stand = stand[:min(representatives, len(stand))]
			}
			items = append(items, stand...)
		}
		if len(items) == 0 {
			return
		}
		r.oneByOne(ctx, r.fewAtATime(ctx, items))
	}
}

// fewAtATime hears some checks, few at the same time, and returns those that are to
// be heard again because the broker went down, or had too many clients. Those that
// are sent what everybody is are heard when the others are through, one by one.
func (r *Run) fewAtATime(ctx context.Context, items []int) (again []int) {
	var open, quiet []int
	for _, i := range items {
		if r.ledger.overhears(i) {
			quiet = append(quiet, i)
		} else {
			open = append(open, i)
		}
	}
	again = r.besides(ctx, few, open)
	for _, i := range quiet {
		again = append(again, r.besides(ctx, 1, []int{i})...)
	}
	return again
}

// besides hears checks, so many at the same time, and returns those that are to be
// heard again because the broker was not well.
func (r *Run) besides(ctx context.Context, most int, items []int) (again []int) {
	idle := r.Settings.Idle
	defer func() { r.Settings.Idle = idle }()
	room := harness.NewRoom(most, nil)
	r.Settings.Idle = func() (over func()) { room.Leave(); return room.Back }
	var unheard indices
	var group sync.WaitGroup
	for _, i := range items {
		group.Go(func() {
			r.room.Enter() // whoever is idle still has its connections
			room.Enter()
			verdict := r.hear(ctx, i, besideFew)
			room.Leave()
			r.room.Leave()
			if !verdict() && r.ledger.unheard(i) {
				unheard.add(i)
			}
		})
	}
	group.Wait()
	return unheard.all
}

// patient are the settings of a second hearing. What a SHOULD asks for is a
// warning whether it is late or never comes, so that nobody waits for that, but for a
// step that such a check stands on; nor in a third hearing where nothing came late in
// the second.
func (r *Run) patient(settings harness.Settings, item Item, before []harness.Evidence) harness.Settings {
	if settings.Idle == nil {
		settings.Idle = func() (over func()) { return func() {} }
	}
	stands := slices.ContainsFunc(stops(before[len(before)-1]), func(s harness.Stop) bool { return s.Kind == harness.Unprepared })
	if (item.Level(item.Version) == catalogue.Must || stands) && (len(before) < mostHearings-1 || len(before[len(before)-1].Late) > 0) {
		settings.Patience = r.Patience
		settings.CheckTimeout += time.Duration(mostHearings) * (settings.Timeout + r.Patience)
	}
	return settings
}
