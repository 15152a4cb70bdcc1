// Package suites holds the checks: for every normative statement of MQTT 3.1.1
// and 5.0 that can be seen on the wire, the exchange that decides it. Each file
// is one chapter of behaviour; a check names its statements (package
// catalogue), what it needs from the broker, and the faults (package fault)
// that must make it fail.
//
// The package also plans and runs checks against a target and turns what they
// say into results. Checks are plain functions of a [harness.Exchange] and run
// at the same time as each other, on a broker that others use too.
package suites

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/suites/catalogue"
)

// A Definition is one check as it was declared; [Check] makes it.
type Definition struct {
	Slug     string // stable: people write it in waiver files
	Title    string // a sentence about the broker, without its subject
	Rules    Rules
	Needs    Needs
	CaughtBy CaughtBy
	MendedBy MendedBy
	Takes    Takes
	Alone    bool
	Watches  bool
	Body     func(*harness.Exchange)
}

// Rules names the statements a check decides, by protocol version, separated
// by spaces. A version without statements is one the check does not run on.
type Rules struct{ V311, V5 string }

// Of are the statements the check decides on one version.
func (r Rules) Of(v codec.Version) []string {
	if v == codec.V311 {
		return strings.Fields(r.V311)
	}
	return strings.Fields(r.V5)
}

// Needs names what a check needs from the broker; where the broker declares
// that it lacks it, the check is inapplicable.
type Needs []harness.Need

// CaughtBy names the faults that make the check fail, each alone.
type CaughtBy []fault.Fault

// MendedBy names, for a rule that none of the brokers at hand keeps, the proxies
// of which one in front of one of them makes it keep the rule: there the check
// is seen to pass. A check that a real broker passes needs none.
type MendedBy []fault.Fault

// Takes is how long a check waits: the time that its rule is about, or what it
// waits in the end for something that never comes. The longest start first.
type Takes time.Duration

// Trait is a property of a check that is either there or not.
type Trait int

// The traits.
const (
	// Alone marks a check that owns the whole broker while it runs.
	Alone Trait = iota
	// Watches marks a check that also answers for what the strict decoder finds
	// in any other check's exchange about the statements it decides.
	Watches
)

// registry are all checks in the order of their declaration.
var registry []*Definition

// Check declares a check, in the manner of Ginkgo's nodes: its slug, its title,
// and then in any order [Rules], [Needs], [CaughtBy], [Takes], traits, and the
// exchange itself.
func Check(slug, title string, parts ...any) *Definition {
	d := &Definition{Slug: slug, Title: title}
	for _, part := range parts {
		switch part := part.(type) {
		case Rules:
			d.Rules = part
		case Needs:
			d.Needs = append(d.Needs, part...)
		case CaughtBy:
			d.CaughtBy = append(d.CaughtBy, part...)
		case MendedBy:
			d.MendedBy = append(d.MendedBy, part...)
		case Takes:
			d.Takes = part
		case Trait:
			d.Alone = d.Alone || part == Alone
			d.Watches = d.Watches || part == Watches
		case func(*harness.Exchange):
			d.Body = part
		default:
			panic(fmt.Sprintf("check %s: %T is no part of a check", slug, part))
		}
	}
	registry = append(registry, d)
	return d
}

// Definitions are all checks, in the order of the sections they belong to.
func Definitions() []*Definition { return slices.Clone(inOrder()) }

var inOrder = sync.OnceValue(func() []*Definition {
	all := slices.Clone(registry)
	slices.SortStableFunc(all, func(a, b *Definition) int {
		return catalogue.CompareSections(a.section(), b.section())
	})
	return all
})

// Versions are the protocol versions the check runs on.
func (d *Definition) Versions() []codec.Version {
	var versions []codec.Version
	for _, v := range []codec.Version{codec.V311, codec.V5} {
		if len(d.Rules.Of(v)) > 0 {
			versions = append(versions, v)
		}
	}
	return versions
}

// ID names the check on one version.
func (d *Definition) ID(v codec.Version) string { return d.Slug + "@" + v.String() }

// Requirements are the catalogue's entries for what the check decides on one
// version.
func (d *Definition) Requirements(v codec.Version) []catalogue.Requirement {
	var all []catalogue.Requirement
	for _, id := range d.Rules.Of(v) {
		if r, ok := catalogue.Lookup(v, id); ok {
			all = append(all, r)
		}
	}
	return all
}

// Level is MUST unless everything the check decides is a SHOULD.
func (d *Definition) Level(v codec.Version) catalogue.Level {
	level := catalogue.Should
	for _, r := range d.Requirements(v) {
		if r.Level == catalogue.Must {
			level = catalogue.Must
		}
	}
	return level
}

// Home is the requirement under whose section reports show the check: the
// first that it decides.
func (d *Definition) Home(v codec.Version) catalogue.Requirement {
	if rs := d.Requirements(v); len(rs) > 0 {
		return rs[0]
	}
	return catalogue.Requirement{}
}

// section orders checks of both versions together.
func (d *Definition) section() string {
	versions := d.Versions()
	if len(versions) == 0 {
		return ""
	}
	return d.Home(versions[0]).Section
}
