// Package catalogue lists every normative statement of MQTT 3.1.1 and MQTT
// 5.0: the numbered ones (139 and 251) under their own IDs, and those that
// carry no number under stable IDs of ours. It says in our own words what each
// demands, of whom, and why it has no check where it has none. It knows
// nothing of checks, brokers or packets.
package catalogue

import "mqttspec/codec"

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
