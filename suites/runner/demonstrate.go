package runner

import (
	"context"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
)

// Demonstrate runs some checks on a broker, so that their exchanges can be shown
// as they happen rather than described.
func (s *Suite) Demonstrate(ctx context.Context, broker *harness.Target, v codec.Version, definitions []*Definition) ([]reports.Check, error) {
	settings := Options{}.Settings()
	var probed []Probed
	for _, target := range broker.All() {
		profile, err := harness.Probe(ctx, target, settings, v)
		if err != nil {
			return nil, err
		}
		if profile.Accepted {
			probed = append(probed, Probed{target, profile})
		}
	}
	items := make([]Item, len(definitions))
	for i, d := range definitions {
		items[i] = d.place(v, probed)
	}
	run := s.NewRun(settings, DefaultParallel, items)
	run.Start(ctx)
	checks := make([]reports.Check, len(items))
	for i := range items {
		checks[i] = run.Wait(i)
	}
	return checks, nil
}
