package runner

import (
	"context"
	"slices"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
)

// Demonstrate runs some checks on a broker, so that their exchanges can be shown
// as they happen rather than described.
func (s *Suite) Demonstrate(ctx context.Context, broker *harness.Target, v codec.Version, definitions []*Definition) ([]reports.Check, error) {
	settings := Options{}.Settings()
	probed, err := Probe(ctx, broker, settings, []codec.Version{v})
	if err != nil {
		return nil, err
	}
	probed = slices.DeleteFunc(probed, func(p Probed) bool { return !p.Profile.Accepted })
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
