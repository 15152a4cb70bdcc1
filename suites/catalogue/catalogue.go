// Package catalogue lists every normative statement of MQTT 3.1.1 and MQTT
// 5.0: the numbered ones (139 and 251) under their own IDs, and those that
// carry no number under stable IDs of ours. It says in our own words what each
// demands, of whom, and why it has no check where it has none. It knows
// nothing of checks, brokers or packets.
package catalogue

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mqttspec/codec"
)

// Level is how strongly a statement binds (RFC 2119).
type Level string

// The levels. A MAY is no statement that a broker can break.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

// Party is whom a statement binds.
type Party string

// The parties.
const (
	Server Party = "server"
	Client Party = "client"
	Both   Party = "both"
)

// Requirement is one normative statement.
type Requirement struct {
	// ID is the statement's number ("MQTT-3.1.2-4") or, where it has none, an
	// ID of ours: "5.0/3.1.2.11.2/session-expiry-twice".
	ID      string
	Version codec.Version
	Section string // "3.1.2.4"
	Level   Level
	Binds   Party
	// Summary is the statement in our own words, one line.
	Summary string
	// Untested says, where no check decides the statement, why none can.
	Untested string
}

// SectionTitle is the heading of the section in which the statement stands.
func (r Requirement) SectionTitle() string {
	return sections[r.Version][r.Section].title
}

// Link is where the statement's section can be read at OASIS.
func (r Requirement) Link() string {
	return specification[r.Version] + "#" + sections[r.Version][r.Section].anchor
}

// specification is the HTML edition of each version.
var specification = map[codec.Version]string{
	codec.V311: "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html",
	codec.V5:   "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html",
}

// All is the whole catalogue in a stable order: 3.1.1, then 5.0, and of each
// the numbered statements before the others.
func All() []Requirement {
	return slices.Concat(Of(codec.V311), Of(codec.V5))
}

// Of is the catalogue of one version, numbered statements first.
func Of(version codec.Version) []Requirement {
	switch version {
	case codec.V311:
		return slices.Concat(v311, unnumbered311)
	case codec.V5:
		return slices.Concat(v5, unnumbered5)
	}
	return nil
}

// byID finds statements by version and ID.
var byID = sync.OnceValue(func() map[codec.Version]map[string]Requirement {
	index := map[codec.Version]map[string]Requirement{codec.V311: {}, codec.V5: {}}
	for _, r := range All() {
		index[r.Version][r.ID] = r
	}
	return index
})

// Lookup finds the statement that an ID names in one version.
func Lookup(version codec.Version, id string) (Requirement, bool) {
	r, ok := byID()[version][id]
	return r, ok
}

// Find is every statement that an ID names: the versions share numbers, often
// without sharing their meaning.
func Find(id string) []Requirement {
	var found []Requirement
	for _, version := range []codec.Version{codec.V311, codec.V5} {
		if r, ok := Lookup(version, id); ok {
			found = append(found, r)
		}
	}
	return found
}

// CompareSections orders section numbers as the specification does: 3.2 comes
// before 3.10, and a section before its own parts.
func CompareSections(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), comparePart)
}

// comparePart orders numbers by value, and before anything else.
func comparePart(a, b string) int {
	m, errA := strconv.Atoi(a)
	n, errB := strconv.Atoi(b)
	switch {
	case errA == nil && errB == nil:
		return cmp.Compare(m, n)
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return cmp.Compare(a, b)
}

// A restatement accounts for an unnumbered sentence of the specification that
// needs no ID of its own.
type restatement struct {
	Section string // "4.3.2"
	Excerpt string // a few distinctive words of the sentence
	Because string // the ID it restates, or why it binds nobody
}

// An ownID accounts for an unnumbered sentence of the specification that
// carries an ID of ours.
type ownID struct {
	Section string // "3.1.4"
	Excerpt string // a few distinctive words of the sentence
	ID      string // "3.1.1/3.1.4/connect-timeout"
}
