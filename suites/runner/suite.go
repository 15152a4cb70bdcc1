// Package runner is the engine of the suite: it takes checks as they are
// declared, plans which of them run on which broker, lets them run at the same
// time, judges what they saw (judge.go, the only place where an outcome is
// decided), and tells the results. It knows no check and no broker.
package runner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/suites/catalogue"
)

// The protocol versions, without their package.
const (
	V311 = codec.V311
	V5   = codec.V5
)

// A Suite is a set of checks that know of each other.
type Suite struct {
	definitions []*Definition           // in the order of the sections they belong to
	steps       map[harness.Step]string // the check that decides a step, by its slug
	watchers    map[watched]*Definition // the check that answers for a statement
	durables    []Durable
}

// watched is a statement of one protocol version.
type watched struct {
	version   codec.Version
	statement string
}

// Parts are what a suite is made of.
type Parts struct {
	Checks []*Definition
	// Steps say for every part of an exchange that others stand on which check
	// decides it, by its slug.
	Steps map[harness.Step]string
	// Durables are what a broker may keep over its own end.
	Durables []Durable
}

// New makes a suite. The error names every declaration that is incomplete, or
// contradicts another.
func New(parts Parts) (*Suite, error) {
	s := &Suite{
		definitions: slices.Clone(parts.Checks), steps: parts.Steps,
		watchers: map[watched]*Definition{}, durables: parts.Durables,
	}
	var errs []error
	bySlug := map[string]*Definition{}
	for _, d := range s.definitions {
		if bySlug[d.Slug] != nil {
			errs = append(errs, fmt.Errorf("check %s: declared twice", d.Slug))
		}
		bySlug[d.Slug] = d
		errs = append(errs, d.check()...)
		if d.Watches {
			errs = append(errs, s.watch(d)...)
		}
	}
	for _, d := range s.definitions {
		errs = append(errs, s.elsewhere(d)...)
	}
	for step, slug := range s.steps {
		if bySlug[slug] == nil {
			errs = append(errs, fmt.Errorf("step %q: there is no check %q to decide it", step, slug))
		}
	}
	for _, step := range harness.Steps {
		if s.steps[step] == "" {
			errs = append(errs, fmt.Errorf("step %q: no check is named that decides it", step))
		}
	}
	slices.SortStableFunc(s.definitions, func(a, b *Definition) int {
		return catalogue.CompareSections(a.section(), b.section())
	})
	return s, errors.Join(errs...)
}

// check says what a declaration lacks, or has too much of.
func (d *Definition) check() (errs []error) {
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("check %s: %s", d.Slug, fmt.Sprintf(format, args...)))
	}
	switch {
	case d.Slug == "":
		wrong("it has no slug; its title is %q", d.Title)
	case d.Title == "" || strings.HasSuffix(d.Title, "."):
		wrong("a title is wanted, a sentence about the broker without a full stop")
	}
	if d.Why != "" && !strings.HasSuffix(d.Why, ".") {
		wrong("why it reads its statements so is said in whole sentences")
	}
	if d.Body == nil {
		wrong("it has no body")
	}
	if len(d.Versions()) == 0 {
		wrong("its rules name no statement")
	}
	if len(d.CaughtBy) == 0 {
		wrong("no fault is named that it must catch")
	}
	for _, v := range d.Versions() {
		ids := d.Rules.Of(v)
		for i, id := range ids {
			r, ok := catalogue.Lookup(v, id)
			switch {
			case !ok:
				wrong("MQTT %s has no statement %s", v, id)
			case r.Untested != "":
				wrong("%s of MQTT %s cannot be tested, the catalogue says", id, v)
			case slices.Contains(ids[:i], id):
				wrong("its rules name %s twice", id)
			}
		}
	}
	return errs
}

// watch makes a check the one that answers for its statements.
func (s *Suite) watch(d *Definition) (errs []error) {
	for _, v := range d.Versions() {
		for _, id := range d.Rules.Of(v) {
			if slices.Contains(d.WatchedElsewhere.Of(v), id) {
				continue
			}
			w := watched{v, id}
			if other := s.watchers[w]; other != nil {
				errs = append(errs, fmt.Errorf("checks %s and %s both watch %s of MQTT %s; one check answers for a statement", other.Slug, d.Slug, id, v))
			}
			s.watchers[w] = d
		}
	}
	return errs
}

// elsewhere sees that what a check leaves to another is its own, and watched.
func (s *Suite) elsewhere(d *Definition) (errs []error) {
	for _, v := range []codec.Version{V311, V5} {
		for _, id := range d.WatchedElsewhere.Of(v) {
			if !d.Watches || !slices.Contains(d.Rules.Of(v), id) || s.watchers[watched{v, id}] == nil {
				errs = append(errs, fmt.Errorf("check %s: %s of MQTT %s is said to be watched elsewhere; that is for a statement which the check decides, and another watches", d.Slug, id, v))
			}
		}
	}
	return errs
}

// Definitions are all checks, in the order of the sections they belong to.
func (s *Suite) Definitions() []*Definition { return slices.Clone(s.definitions) }

// Lookup is the check with this slug; nil if there is none.
func (s *Suite) Lookup(slug string) *Definition {
	if i := slices.IndexFunc(s.definitions, func(d *Definition) bool { return d.Slug == slug }); i >= 0 {
		return s.definitions[i]
	}
	return nil
}

// answers says whether a check answers for what is seen in the exchanges of
// others: it watches, or decides a step.
func (s *Suite) answers(d *Definition) bool {
	if d.Watches {
		return true
	}
	for _, slug := range s.steps {
		if slug == d.Slug {
			return true
		}
	}
	return false
}

// watcher is the check that answers for a statement which was seen broken: one
// that watches for it, or else the one that answers for well-formed packets in
// general.
func (s *Suite) watcher(v codec.Version, statement string) *Definition {
	if d := s.watchers[watched{v, statement}]; d != nil {
		return d
	}
	return s.Lookup(s.steps[harness.StepWellFormed])
}

// decider is the check, by its slug, that decides what an exchange stands on
// which was stopped so; "" if it stands on nothing.
func (s *Suite) decider(v codec.Version, stop harness.Stop) string {
	switch {
	case stop.Kind != harness.Completed && stop.Kind != harness.Unprepared:
		return ""
	case stop.Statement != "":
		return s.watcher(v, stop.Statement).Slug
	}
	return s.steps[stop.Step]
}
