package reports

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Merge makes one run of several of the same broker: shards of a suite, or
// instances of the broker that are configured differently. A check that
// several of them have counts with the outcome that says most: a failure
// anywhere is a failure, a pass outranks an inapplicable. The merged run is
// summarised; it is a selection only if checks are still missing.
//
// Runs of different brokers or by different versions of the tool cannot be
// merged, nor can none.
func Merge(runs ...*Results) (*Results, error) {
	if len(runs) == 0 {
		return nil, errors.New("nothing to merge")
	}
	first := runs[0]
	merged := *first
	merged.Checks, merged.Requirements, merged.Problem, merged.MQTT, merged.Profile = nil, nil, "", nil, Profile{}
	merged.KnownFailures, merged.Durability, merged.Dropped, merged.Conditions = nil, nil, nil, nil
	var end time.Time
	at := map[string]int{}
	statements := map[[2]string]int{}
	var problems, selections []string
	for i, r := range runs {
		if r.Target.Software != first.Target.Software {
			return nil, fmt.Errorf("runs 1 and %d are of different brokers: %s and %s", i+1, BrokerName(first), BrokerName(r))
		}
		if r.Tool != first.Tool {
			return nil, fmt.Errorf("runs 1 and %d were made by different versions of the tool: %s and %s", i+1, shown(first.Tool.Version, 40), shown(r.Tool.Version, 40))
		}
		if r.Started.Before(merged.Started) {
			merged.Started = r.Started
		}
		if e := r.Started.Add(time.Duration(r.DurationMS * float64(time.Millisecond))); e.After(end) {
			end = e
		}
		for _, version := range r.MQTT {
			if !slices.Contains(merged.MQTT, version) {
				merged.MQTT = append(merged.MQTT, version)
			}
		}
		for version, declared := range r.Profile {
			if merged.Profile[version] == nil {
				merged.Profile[version] = maps.Clone(declared)
			}
		}
		if r.Problem != "" && !slices.Contains(problems, r.Problem) {
			problems = append(problems, r.Problem)
		}
		if s := r.Settings.Selection; s != "" && !slices.Contains(selections, s) {
			selections = append(selections, s)
		}
		for _, d := range r.Dropped {
			have := slices.IndexFunc(merged.Dropped, func(have Dropped) bool { return have.MQTT == d.MQTT })
			switch {
			case have < 0:
				merged.Dropped = append(merged.Dropped, d)
			case !d.Refused:
				merged.Dropped[have] = d
			}
		}
		for _, condition := range r.Conditions {
			if !slices.Contains(merged.Conditions, condition) {
				merged.Conditions = append(merged.Conditions, condition)
			}
		}
		merged.Durability = append(merged.Durability, r.Durability...)
		for _, c := range r.Checks {
			have, known := at[c.ID]
			switch {
			case !known:
				at[c.ID] = len(merged.Checks)
				merged.Checks = append(merged.Checks, c)
			case rank(c.Outcome) < rank(merged.Checks[have].Outcome):
				merged.Checks[have] = c
			}
		}
		for _, q := range r.Requirements {
			key := [2]string{q.MQTT, q.ID}
			have, known := statements[key]
			if !known {
				statements[key] = len(merged.Requirements)
				q.Checks = slices.Clone(q.Checks)
				merged.Requirements = append(merged.Requirements, q)
				continue
			}
			for _, id := range q.Checks {
				if !slices.Contains(merged.Requirements[have].Checks, id) {
					merged.Requirements[have].Checks = append(merged.Requirements[have].Checks, id)
				}
			}
		}
		merged.KnownFailures = mergeKnown(merged.KnownFailures, r.KnownFailures, merged.Checks)
	}
	slices.Sort(merged.MQTT)
	merged.Dropped = merged.dropped() // what one of them has tested is not missing
	slices.SortStableFunc(merged.Requirements, func(a, b Requirement) int {
		return cmp.Or(cmp.Compare(a.MQTT, b.MQTT), compareSections(a.Section, b.Section))
	})
	merged.Problem = strings.Join(problems, "; ")
	merged.DurationMS = float64(end.Sub(merged.Started)) / float64(time.Millisecond)
	merged.Settings.Selection = ""
	Summarise(&merged)
	if merged.gaps("").notRun > 0 {
		merged.Settings.Selection = strings.Join(selections, "; ")
		Summarise(&merged)
	}
	return &merged, nil
}

// mergeKnown puts together what wants attention. An entry that still excuses a
// failure in one of the runs is not stale.
func mergeKnown(a, b *KnownReport, checks []Check) *KnownReport {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	both := &KnownReport{Stale: []KnownFailure{}, Expired: []KnownFailure{}}
	for _, e := range slices.Concat(a.Stale, b.Stale) {
		excuses := slices.ContainsFunc(checks, func(c Check) bool { return c.Outcome == Waived && e.matches(&c) })
		if !excuses && !slices.Contains(both.Stale, e) {
			both.Stale = append(both.Stale, e)
		}
	}
	for _, e := range slices.Concat(a.Expired, b.Expired) {
		if !slices.Contains(both.Expired, e) {
			both.Expired = append(both.Expired, e)
		}
	}
	return both
}
