package runner

import (
	"context"
	"slices"

	"mqttspec/harness"
	"mqttspec/harness/times"
	"mqttspec/reports"
)

// A Durable is something that a broker may keep over its own end, or not.
type Durable struct {
	What  string
	Needs []harness.Need
	// Leave leaves it with the broker and returns how to see whether it is there
	// still; what does not run to its end says that it is not.
	Leave func(x *harness.Exchange) (check func())
}

// Durability restarts and kills the broker, and its instances that are said to
// be durable, and reports what they keep. It gives no verdict. The broker has
// no other users then.
func (s *Suite) Durability(ctx context.Context, probed []Probed, settings harness.Settings) []reports.Durability {
	var found []reports.Durability
	settings.CheckTimeout += 2 * times.Restart
	for i, p := range probed {
		if _, unwanted := p.Profile.Lacks(harness.Restarting); unwanted || p.Target != probed[0].Target && !p.Target.Durable {
			continue
		}
		events := []string{reports.AfterRestart}
		if _, unwanted := p.Profile.Lacks(harness.Killing); !unwanted {
			events = append(events, reports.AfterKill)
		}
		for _, event := range events {
			if ctx.Err() != nil {
				return found
			}
			revive := (*harness.Exchange).Restart
			if event == reports.AfterKill {
				revive = (*harness.Exchange).Kill
			}
			for _, d := range s.survivors(ctx, probed[i], settings, revive) {
				d.MQTT, d.Broker, d.Declared, d.Event = p.Profile.Version.String(), p.Target.Name, p.Target.Durable, event
				found = append(found, d)
			}
		}
	}
	return found
}

// survivors says of every durable item whether it is there after what happens to
// the broker.
func (s *Suite) survivors(ctx context.Context, p Probed, settings harness.Settings, happens func(*harness.Exchange)) []reports.Durability {
	var found []reports.Durability
	harness.Perform(ctx, p.Target, p.Profile, settings, func(x *harness.Exchange) {
		checks := make([]func(), len(s.durables))
		for i, d := range s.durables {
			if !slices.ContainsFunc(d.Needs, func(n harness.Need) bool { _, lacks := p.Profile.Lacks(n); return lacks }) {
				x.FailureOf(func() { checks[i] = d.Leave(x) })
			}
		}
		happens(x)
		for i, d := range s.durables {
			if checks[i] == nil {
				continue
			}
			lost := x.FailureOf(checks[i])
			found = append(found, reports.Durability{What: d.What, Kept: lost == "", Observed: lost})
		}
	})
	return found
}
