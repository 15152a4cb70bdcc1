package fault

import (
	"strings"

	"mqttspec/codec"
)

// Breaks names the statements that a broker with a fault breaks, by protocol
// version, separated by spaces: those that its sentence contradicts. A fault
// that makes good what a broker gets wrong, or does what a broker may, breaks
// none.
//
// What a check accuses a broker of beyond that, it accuses it of wrongly
// (TestBlame of package suites).
type Breaks struct {
	V311, V5 string
	// Follows are statements that such a broker cannot but break, too.
	Follows Follows
}

// Follows names statements that a broker breaks because of what a fault says,
// though the sentence does not speak of them.
type Follows struct {
	V311, V5 string
	// Observed stands for every statement of a check that has nothing against the broker
	// but what holds one of these texts.
	Observed []string
	// Down stands for every statement of a check that brings the broker down.
	Down bool
	// Because says why, as a sentence without a full stop.
	Because string
}

// What is observed of brokers that break a statement by the way.
var (
	stillOpen = []string{"the connection still open"}
	accepted  = []string{"0x00 Success"}
	lost      = []string{"nothing within", "the connection still open"}
	displaced = []string{"closed by the broker", "Session taken over", "nothing within"}
)

// Of are the statements that the fault itself breaks on one version.
func (b Breaks) Of(v codec.Version) []string { return of(v, b.V311, b.V5) }

// FollowingOn are the statements that are broken in consequence on one version.
func (b Breaks) FollowingOn(v codec.Version) []string { return of(v, b.Follows.V311, b.Follows.V5) }

func of(v codec.Version, v311, v5 string) []string {
	if v == codec.V311 {
		return strings.Fields(v311)
	}
	return strings.Fields(v5)
}

// disconnectReasons are the statements by which a server says in a DISCONNECT
// why it closes a connection.
const disconnectReasons = "5.0/4.13.1/disconnect-reason 5.0/2.2.2.2/property-reason 5.0/3.1.4/session-taken-over-reason " +
	"5.0/3.2.2.3.4/qos-not-supported-reason 5.0/3.2.2.3.5/retain-not-supported-reason 5.0/3.2.2.3.6/packet-too-large-reason " +
	"5.0/3.2.2.3.11/wildcard-subscription-not-supported-reason 5.0/3.2.2.3.12/subscription-identifier-not-supported-reason " +
	"5.0/3.2.2.3.13/shared-subscription-not-supported-reason 5.0/3.3.1.2/qos-reserved-reason " +
	"5.0/3.3.4/receive-maximum-exceeded-reason 5.0/3.3.4/topic-alias-invalid-reason 5.0/3.3.4/topic-alias-unknown-reason " +
	"5.0/3.14.1/reserved-flags-reason 5.0/3.14.2.2.2/session-expiry-interval-after-zero-reason 5.0/4.12.1/re-authentication-reason"
