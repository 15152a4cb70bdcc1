package runner

import (
	"strings"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/suites/catalogue"
)

// A Definition declares one check.
type Definition struct {
	// Slug is stable: people write it in waiver files.
	Slug string
	// Title is a sentence about the broker, without its subject and full stop.
	Title string
	// Rules are the statements that the check decides.
	Rules Rules
	// Why says, where it is not plain, why the check reads its statements as it
	// does, and why the other way of brokers that people rely on is not allowed.
	// It is for those whose broker has failed, and in whole sentences.
	Why string
	// Needs name what the check needs from the broker; where the broker declares
	// that it lacks it, the check is inapplicable.
	Needs Needs
	// CaughtBy are the faults that make the check fail, each alone.
	CaughtBy Faults
	// MendedBy are, for a rule that none of the brokers at hand keeps, the proxies
	// of which one in front of one of them makes it keep the rule: there the check
	// is seen to pass. A check that a real broker passes needs none.
	MendedBy Faults
	// Takes is how long the check waits: the time that its rule is about, or what
	// it waits in the end for something that never comes. The longest start first.
	Takes time.Duration
	// Alone marks a check that owns the whole broker while it runs.
	Alone bool
	// Watches marks a check that also answers for what the strict decoder finds
	// in any other check's exchange about the statements it decides.
	Watches bool
	// WatchedElsewhere are those statements of a check that watches for which
	// another check answers: one does for each statement.
	WatchedElsewhere Rules
	// Body is the exchange.
	Body func(*harness.Exchange)
	// Where it is declared, in the module: "suites/ping.go:11".
	Where string
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

// Needs is what a check needs from the broker.
type Needs []harness.Need

// Faults are broken brokers.
type Faults []fault.Fault

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
