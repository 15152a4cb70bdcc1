// Package reports holds the results of a conformance run and their faces:
// JSON, JUnit, console and the rest. It knows nothing of sockets, packets or
// checks; everything it shows is in [Results].
package reports

import (
	"slices"
	"time"
)

// Schema is the version of the results JSON this package writes.
const Schema = 1

// Outcome is what became of a check, or of a requirement through its checks.
type Outcome string

// The outcomes. Which of them gate is the caller's choice (--fail-on).
const (
	Pass         Outcome = "pass"         // the broker was seen to keep the rule
	Fail         Outcome = "fail"         // the broker was seen to break a MUST
	Warn         Outcome = "warn"         // the broker was seen to break a SHOULD, or keeps the rule late
	Unsteady     Outcome = "unsteady"     // something was missing, and came in time when the check was heard again
	Inapplicable Outcome = "inapplicable" // the broker declares that it lacks the optional feature
	Untried      Outcome = "untried"      // the target gives no way to try it
	Blocked      Outcome = "blocked"      // something the check stands on already failed
	Error        Outcome = "error"        // the harness or the environment failed, not the broker
	Waived       Outcome = "waived"       // fails, and a known-failures entry says so
	Untested     Outcome = "untested"     // of a requirement only: no check decides it, or none was run
)

// Outcomes are all outcomes a check can have, in the order reports show them.
var Outcomes = []Outcome{Pass, Fail, Warn, Unsteady, Inapplicable, Untried, Blocked, Error, Waived}

// Verdict is what a run says about the broker as a whole.
type Verdict string

// The verdicts.
const (
	Conformant    Verdict = "conformant"
	Nonconformant Verdict = "nonconformant"
	// Incomplete: no failure seen, but a MUST was blocked, waived or not run, a version
	// that the broker did not refuse was not tested, or it refuses a basic service.
	Incomplete Verdict = "incomplete"
)

// Results is a whole run: what was tested, how, and what came of it.
type Results struct {
	Schema     int       `json:"schema"`
	Tool       Tool      `json:"tool"`
	Started    time.Time `json:"started"`
	DurationMS float64   `json:"duration_ms"`
	Target     Target    `json:"target"`
	MQTT       []string  `json:"mqtt"`              // the versions tested, "3.1.1", "5.0"
	Command    []string  `json:"command,omitempty"` // the command line that reproduces the run, secrets removed
	Problem    string    `json:"problem,omitempty"` // why the run could not be done or finished
	// Dropped are the versions that were not tested.
	Dropped []Dropped `json:"dropped,omitempty"`
	// Conditions are what a reader must know first of how the run went, a sentence
	// each: that the broker answers slowly, that it was restarted.
	Conditions   []string      `json:"conditions,omitempty"`
	Profile      Profile       `json:"profile"` // by version: what the broker declares
	Settings     Settings      `json:"settings"`
	Summary      Summary       `json:"summary"`
	Checks       []Check       `json:"checks"`
	Requirements []Requirement `json:"requirements"`
	Durability   []Durability  `json:"durability,omitempty"`
	// KnownFailures says which entries of the known-failures file, if one was
	// applied, want attention.
	KnownFailures *KnownReport `json:"known_failures,omitempty"`
}

// Dropped is a protocol version that was not tested, and why.
type Dropped struct {
	MQTT   string `json:"mqtt"`
	Reason string `json:"reason"`
	// Refused says that the broker refuses the version in so many words (CONNACK
	// 0x01 or 0x84, or a close at CONNECT), or that the user left it out: then
	// nothing is missing from the run.
	Refused bool `json:"refused"`
}

// Tool is the program that produced the results.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Target is the broker under test.
type Target struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Software string `json:"software"` // name and version, as far as known
	// Remarks are what a reader must know about how the broker was reached, such
	// as that its certificate was not verified.
	Remarks []string `json:"remarks,omitempty"`
}

// Profile is, by protocol version, what the broker declares about itself:
// CONNACK properties by their names in the specification, and what the probe saw.
type Profile map[string]map[string]any

// Settings are the numbers a run was made with.
type Settings struct {
	TimeoutMS   float64 `json:"timeout_ms"`
	PatienceMS  float64 `json:"patience_ms"` // how long a duty without a set time has, in the second hearing
	SettleMS    float64 `json:"settle_ms"`
	RoundTripMS float64 `json:"round_trip_ms"`
	Parallel    int     `json:"parallel"`
	TopicPrefix string  `json:"topic_prefix"`
	Selection   string  `json:"selection,omitempty"` // what --check and --filter asked for
	FailOn      string  `json:"fail_on"`
	// Require are the words of --require: what may not stay untried.
	Require []string `json:"require,omitempty"`
}

// Counts are numbers of checks or requirements by outcome.
type Counts map[Outcome]int

// Summary is the run in numbers.
type Summary struct {
	Verdict Verdict `json:"verdict"`
	// Scope is what the verdict speaks of, in words: versions, transports, what was
	// not tried.
	Scope string `json:"scope"`
	// Causes is how many causes the failures and warnings have.
	Causes       int               `json:"causes"`
	Checks       Counts            `json:"checks"`
	Requirements map[string]Counts `json:"requirements"` // by protocol version
}

// Check is one check's result on one protocol version.
type Check struct {
	ID           string   `json:"id"` // slug@version
	Slug         string   `json:"slug"`
	MQTT         string   `json:"mqtt"`
	Title        string   `json:"title"`
	Section      string   `json:"section"`       // "3.1.2.4"
	SectionTitle string   `json:"section_title"` // "Clean Session"
	Level        string   `json:"level"`         // MUST or SHOULD
	Requirements []string `json:"requirements"`
	Outcome      Outcome  `json:"outcome"`
	DurationMS   float64  `json:"duration_ms"`
	// Reason says in one sentence why the outcome is what it is; empty for pass.
	Reason   string  `json:"reason"`
	Expected string  `json:"expected"`
	Observed string  `json:"observed"`
	Exchange []Event `json:"exchange"`
	// Why says of a failure why the check reads its statements as it does, and why
	// the broker's way is not allowed, where that is not plain.
	Why string `json:"why,omitempty"`
	// Broken are those of Requirements that a failure is about, and Undecided
	// those that it kept from being tested, where it does not break them all.
	Broken    []string `json:"broken,omitempty"`
	Undecided []string `json:"undecided,omitempty"`
	// First is what the check has shown when it was heard for the first time, where
	// it was heard twice.
	First *Hearing `json:"first,omitempty"`
	// Cause names what lies behind a failure, a warning or a blocked check: those
	// with the same have one cause.
	Cause string `json:"cause,omitempty"`
	// SeenIn is the ID of the check in whose exchange a failure was seen, where that
	// is another one.
	SeenIn string `json:"seen_in,omitempty"`
	// BlockedBy is the ID of the check that decides what a blocked one stands on.
	BlockedBy string `json:"blocked_by,omitempty"`
	// Needs says of an untried check, in a word that --require takes, what the target
	// does not give.
	Needs string `json:"needs,omitempty"`
	// Refused names, of an inapplicable check, the basic service that the broker
	// refuses by its own choice without having declared so ("subscriptions",
	// "wills"): what stands on it is not known to be kept.
	Refused string `json:"refused,omitempty"`
	// Waiver is the known-failures entry that turned a failure into Waived.
	Waiver *Waiver `json:"waiver,omitempty"`
}

// A Hearing is what a check has shown when it was heard once.
type Hearing struct {
	Outcome    Outcome `json:"outcome"`
	DurationMS float64 `json:"duration_ms"`
	Reason     string  `json:"reason"`
	Expected   string  `json:"expected"`
	Observed   string  `json:"observed"`
	Exchange   []Event `json:"exchange"`
}

// On is what the check says of one of its statements.
func (c *Check) On(statement string) Outcome {
	switch {
	case !c.failed() || len(c.Broken) == 0 || slices.Contains(c.Broken, statement):
		return c.Outcome
	case slices.Contains(c.Undecided, statement):
		return Blocked
	}
	return Pass
}

// Accused are the statements that a failure breaks, and else all of the check's.
func (c *Check) Accused() []string {
	if len(c.Broken) > 0 {
		return c.Broken
	}
	return c.Requirements
}

// Waiver is why a failing check does not count: what a known-failures entry
// says about it.
type Waiver struct {
	Was     Outcome `json:"was"` // the outcome without the entry: fail or warn
	Reason  string  `json:"reason"`
	Link    string  `json:"link,omitempty"`
	Expires string  `json:"expires,omitempty"` // the last day it holds, 2006-01-02
}

// waive sets a failure aside, as a user's known-failures entry says. The verdict
// that was made of the broker stays in the waiver.
func (c *Check) waive(e KnownFailure) {
	if c.Waiver == nil {
		c.Waiver = &Waiver{Was: c.Outcome, Reason: e.Reason, Link: e.Link, Expires: e.Expires}
		c.Outcome = Waived
	}
}

// unwaive brings the verdict back.
func (c *Check) unwaive() {
	if c.Waiver != nil && c.Outcome == Waived {
		c.Outcome = c.Waiver.Was
	}
	c.Waiver = nil
}

// Event is one thing that happened on a connection during a check.
type Event struct {
	TMS    float64 `json:"t_ms"`             // since the check began
	Conn   string  `json:"conn"`             // the scripted client's name
	Dir    string  `json:"dir"`              // ">" to the broker, "<" from it, "." a note or an event of the connection
	Packet string  `json:"packet"`           // the packet on one line, or the note
	Hex    string  `json:"hex"`              // its bytes, shortened when long
	Length int     `json:"length,omitempty"` // number of bytes when Hex is shortened
	Breach string  `json:"breach,omitempty"` // what is wrong with it, when the strict decoder found something
}

// Requirement is one statement of a specification and what its checks say.
type Requirement struct {
	ID              string   `json:"id"`
	MQTT            string   `json:"mqtt"`
	Section         string   `json:"section"`
	SectionTitle    string   `json:"section_title"`
	Level           string   `json:"level"`
	Binds           string   `json:"binds"` // server, client or both
	Summary         string   `json:"summary"`
	Link            string   `json:"link"`
	Outcome         Outcome  `json:"outcome"`
	Checks          []string `json:"checks"` // IDs of the checks that decide it
	UntestedBecause string   `json:"untested_because"`
}
