package harness

import (
	"slices"
	"sync"
)

// concurrentCases is how many cases of one check run at the same time: a case
// that fails waits for its timeout, and they should not add up.
const concurrentCases = 12

// A Case is one row of a table-driven check.
type Case struct {
	Name string
	Body func(x *Exchange)
}

// Each runs one exchange for every row of a table; see [Exchange.Cases].
func Each[T any](x *Exchange, rows []T, name func(T) string, body func(x *Exchange, row T)) {
	cases := make([]Case, len(rows))
	for i, row := range rows {
		cases[i] = Case{name(row), func(x *Exchange) { body(x, row) }}
	}
	x.Cases(cases...)
}

// Cases runs several exchanges, each with clients, topics and Client
// Identifiers of its own. The exchange goes on behind them when some came to
// their end, and the others, if any, do not apply.
func (x *Exchange) Cases(cases ...Case) {
	if x.isCase {
		x.errorf("a case has cases of its own")
	}
	stops := make([]*Stop, len(cases))
	parts := make([]*Exchange, len(cases))
	var group sync.WaitGroup
	room := NewRoom(concurrentCases, x.settings.Idle)
	settings := x.settings
	if settings.Idle != nil {
		settings.Idle = func() (over func()) { room.Leave(); return room.Back }
	}
	for i, c := range cases {
		group.Go(func() {
			room.Enter()
			defer room.Leave()
			part := newExchange(x.ctx, x.target, x.Profile, settings)
			part.log.start, part.counter, part.isCase = x.log.start, x.counter, true
			part.about, part.kept, part.decides = x.about, slices.Clone(x.kept), x.decides
			parts[i] = part
			stops[i] = part.perform(c.Body)
			closedAt := lastClosed(part.clients)
			x.mu.Lock()
			x.closedAt = later(x.closedAt, closedAt)
			x.mu.Unlock()
			part.leave(x.ctx)
		})
	}
	group.Wait()
	room.Close()
	x.join(cases, parts, stops)
}

// join keeps what the cases have shown.
func (x *Exchange) join(cases []Case, parts []*Exchange, stops []*Stop) {
	completed, stopped := len(cases) == 0, false
	x.mu.Lock()
	for i, part := range parts {
		shown := CaseEvidence{Name: cases[i].Name, Events: part.log.events(), Breaches: part.breaches, About: part.about, Kept: part.kept}
		if s := stops[i]; s != nil {
			shown.Stop = part.masked(*s)
			stopped = stopped || s.Kind != Declined
		} else {
			completed = true
		}
		x.cases = append(x.cases, shown)
		x.breaches = append(x.breaches, part.breaches...)
		x.lateness = append(x.lateness, part.lateness...)
		x.strays = append(x.strays, part.strays...)
		x.overhears = x.overhears || part.overhears
	}
	x.mu.Unlock()
	if stopped || !completed {
		panic(&Stop{Kind: InCases})
	}
}

// Together is one transcript of an exchange's own events and those of some of
// its cases, no longer than any other transcript.
func Together(own []Event, cases []CaseEvidence) []Event {
	t := new(transcript)
	for _, e := range own {
		t.append(e)
	}
	for _, c := range cases {
		heading := Event{Dir: Note, Packet: "case: " + c.Name}
		if len(c.Events) > 0 {
			heading.At = c.Events[0].At
		}
		t.append(heading)
		for _, e := range c.Events {
			t.append(e)
		}
	}
	return t.events()
}
