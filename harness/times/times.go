// Package times is the one place where mqttspec says how long it waits: every
// duration with its name and value, what it grows with, and the section of the
// specification behind it. What a check's own rule is about (a Keep Alive of
// one second, a Will Delay Interval of two) stands in the check.
//
// It imports nothing of mqttspec, so that every part of it can use it.
package times

import "time"

// How long a broker has to answer.
const (
	// Timeout bounds every single wait for the broker where the user sets no
	// other. It is reached only when the broker fails, so it is generous.
	//
	// Grows with: the round trip, see Patient. Section: none, the specification sets
	// no answer a time.
	Timeout = 5 * time.Second

	// Patience is how long a duty to which the specification sets no time has, when a
	// check is heard again, where the user sets no other.
	//
	// Grows with: nothing. Section: none, that is what it is about.
	Patience = 30 * time.Second

	// SlowestTimeout is as far as a slow connection raises the timeout.
	//
	// Grows with: nothing. Section: none, as for Timeout.
	SlowestTimeout = 30 * time.Second

	// Late is how much later than due something may come, or be gone, and still be
	// in time: a will, the end of a session, an expired message. Brokers count in
	// whole seconds and look once a second for what is due, so that they may be
	// off by two.
	//
	// Grows with: nothing where it is waited out; with two round trips where it is
	// what a check decides, see Promptly. Section: 3.1.2.5 "published promptly"
	// and, in 5.0, 3.1.2.11.2 "need not process the deletion of state atomically";
	// no section has a number, and every interval of 5.0 counts seconds.
	Late = 2 * time.Second

	// LateResending is Late for an unacknowledged message where only that it
	// comes again is asked: NATS 2.15.2 takes half a minute.
	//
	// Grows with: nothing. Section: 4.4, which sets no time.
	LateResending = 35 * time.Second

	// WillMissed is how long a check waits in the end for a will that does not come.
	//
	// Grows with: nothing; the longest checks start first by it. Section: none of
	// its own, it is Timeout and Late.
	WillMissed = Timeout + Late

	// SilenceNoticed is how long it takes until a server has noticed that a client with a
	// Keep Alive of one second is silent.
	//
	// Grows with: nothing; the longest checks start first by it. Section: 3.1.2.10,
	// which says when a client has been silent for too long, and not how soon the
	// server notices: mosquitto 2.0.11 looks every five seconds.
	SilenceNoticed = 6 * time.Second

	// Stored is how long a broker is given to store a retained message of which it has
	// sent the copies.
	//
	// Grows with: nothing. Section: 3.3.1.3, which sets no time.
	Stored = 2 * time.Second

	// StateGone is how long a broker is given to delete the state of a session that
	// ends with its connection, whose end has to be noticed first.
	//
	// Grows with: nothing. Section: 3.1.2.4 and, in 5.0, 3.1.2.11.2: the deletion
	// need not be atomic.
	StateGone = time.Second

	// Overdue is waited beyond an interval that has to have passed, so that
	// no clock says it has not.
	//
	// Grows with: nothing. Section: none, clocks are not in it.
	Overdue = 100 * time.Millisecond
)

// Patient is a timeout on a connection with this round trip: the one asked for,
// or what twenty round trips take, but no more than SlowestTimeout for that.
//
// Grows with: the round trip. Section: none, as for Timeout.
func Patient(timeout, roundTrip time.Duration) time.Duration {
	return max(timeout, min(20*roundTrip, SlowestTimeout))
}

// Slow is how long an answer takes that is notably slow.
//
// Grows with: nothing. Section: none, as for Timeout.
const Slow = time.Second

// Pace is the timeout for a broker whose slowest answer to the probe took so long:
// the one asked for, and where that is notably slow three times as long beyond it,
// for a broker with more to do; but no more than SlowestTimeout for that.
//
// Grows with: the slowest answer. Section: none, as for Timeout.
func Pace(timeout, slowest time.Duration) time.Duration {
	if slowest < Slow {
		return timeout
	}
	return max(timeout, min(timeout+3*slowest, SlowestTimeout))
}

// Probing is how much longer than for any other answer the probe waits for a
// CONNACK: a slow broker is a broker, too.
//
// Grows with: the timeout. Section: none, as for Timeout.
func Probing(timeout time.Duration) time.Duration { return 2 * timeout }

// Promptly is how soon after it is due a will comes promptly.
//
// Grows with: the round trip, once for the end of the connection and once for the
// will. Section: 3.1.2.5, see Late.
func Promptly(roundTrip time.Duration) time.Duration { return Late + 2*roundTrip }

// Silence is how long a client with this Keep Alive is silent before a check says
// that the server does not close its connection.
//
// Grows with: the Keep Alive and the timeout. Section: 3.1.2.10 "one and a half
// times the Keep Alive", and see SilenceNoticed.
func Silence(keepAlive, timeout time.Duration) time.Duration { return keepAlive*3/2 + 2*timeout }

// Everything is how much later than the timeout a client may get its own messages
// that is sent everybody's, large ones and all, ahead of them.
//
// Grows with: the timeout. Section: none, it sets no delivery a time.
func Everything(timeout time.Duration) time.Duration { return 3 * timeout }

// Transfer is how long so many bytes take at most on a connection that is worth
// testing over, 128 KiB in a second: large packets get that beyond the timeout.
//
// Grows with: the size. Section: none, it is about networks.
func Transfer(bytes int) time.Duration { return time.Duration(bytes) * time.Second / (128 << 10) }

// What the broker may do or leave.

// Moment is how long to look for what a broker may send or leave. It proves
// nothing.
//
// Grows with: the round trip. Section: none, nothing is decided by it.
func Moment(roundTrip time.Duration) time.Duration { return 300*time.Millisecond + 4*roundTrip }

// Closing is how long after an answer to PINGREQ a close may come and still be the
// answer to what was sent before: another part of the broker, or another node of
// it, may be about to close the connection.
//
// Grows with: the round trip and the settle time. Section: none, 4.8 of 3.1.1 and
// 4.13 of 5.0 say that the server closes, and not how soon.
func Closing(roundTrip, settle time.Duration) time.Duration {
	return 500*time.Millisecond + 4*roundTrip + settle
}

// What a client of ours takes.

// SlowNetwork is how long a slow network takes between two bytes. Nothing tells a
// client that a part of a packet has been read, so only time can separate it from
// the next part.
//
// Grows with: nothing. Section: none, 4.2 says that the transport delivers a stream
// of bytes.
const SlowNetwork = 25 * time.Millisecond

// Return is an interval, in seconds, in which a client can come back: to a distant
// broker that takes several round trips. A broker whose clock counts whole seconds
// may take one off it.
//
// Grows with: the round trip. Section: none, it is the client's own time.
func Return(roundTrip time.Duration) uint32 { return 2 + 4*inSeconds[uint32](roundTrip) }

// ToSubscribe is a Keep Alive, in seconds, within which a client can subscribe.
//
// Grows with: the round trip. Section: none, as for Return.
func ToSubscribe(roundTrip time.Duration) uint16 { return 1 + inSeconds[uint16](2*roundTrip) }

// ToPrepare is a Keep Alive, in seconds, within which a client can subscribe and
// messages be published to it.
//
// Grows with: the round trip and the settle time. Section: none, as for Return.
func ToPrepare(roundTrip, settle time.Duration) uint16 {
	return 2 + inSeconds[uint16](8*roundTrip+settle)
}

// inSeconds is a duration to the nearest second.
func inSeconds[N uint16 | uint32](d time.Duration) N { return N(d.Round(time.Second) / time.Second) }

// What a run takes.

// Examined is how often the broker is examined while checks run of which none has
// met with trouble, and how often the connections that watch over it send
// something.
//
// Grows with: nothing; a Server Keep Alive of less than twice as much halves it.
// Section: 3.1.2.10, for their Keep Alive.
const Examined = time.Second

// Glance is how long an examination of a broker takes at most that nobody keeps busy,
// if it is not to be looked at more closely.
//
// Grows with: the slowest before. Section: none, nothing is decided by it.
func Glance(slowest time.Duration) time.Duration { return time.Second + 10*slowest }

// SameSignal is how long after a signal another is the same one: timeout(1) sends it
// to the process, and to its group.
//
// Grows with: nothing. Section: none, it is about processes.
const SameSignal = 500 * time.Millisecond

// ByItself is how long a broker that went down and can be started by us has for
// coming back by itself, as one does that a supervisor watches over.
//
// Grows with: nothing. Section: none, brokers' starts are not in it.
const ByItself = time.Second

// ComeBack is how long a broker that went down, or hangs, has for coming back
// where we cannot start it.
//
// Grows with: the timeout. Section: none, as for ByItself.
func ComeBack(timeout time.Duration) time.Duration { return 3 * timeout }

// Check bounds a whole exchange, so that no broker can hold it for ever; what the
// check waits for by itself comes on top.
//
// Grows with: the timeout. Section: none, it is our own.
func Check(timeout time.Duration) time.Duration { return 12 * timeout }

// Connecting to a broker, starting and stopping it.
const (
	// Dial bounds the opening of one connection where the target says nothing else.
	//
	// Grows with: nothing. Section: none, 4.2 leaves connections to the transport.
	Dial = 10 * time.Second

	// DialKnown is how long an address that has answered before is tried alone.
	//
	// Grows with: nothing. Section: none, as for Dial.
	DialKnown = 2 * time.Second

	// Probe is how long nothing comes over a connection before the machine asks
	// whether the other side still knows it. It is shorter than any timeout, so that
	// the end of a connection whose RST was lost is still learned in time.
	//
	// Grows with: nothing. Section: none, as for Dial.
	Probe = time.Second

	// DialStagger is how long an address has for itself before the next one is
	// tried beside it.
	//
	// Grows with: nothing. Section: none, as for Dial.
	DialStagger = 150 * time.Millisecond

	// PollFirst and PollLast are the shortest and the longest pause between two
	// attempts to reach something that is not there yet.
	//
	// Grows with: the attempts, each pause is twice the one before. Section: none, as
	// for Dial.
	PollFirst, PollLast = time.Millisecond, 100 * time.Millisecond

	// Start is how long a broker may take from its start until it answers CONNECT
	// where the target file says nothing else.
	//
	// Grows with: nothing. Section: none, brokers' starts are not in it.
	Start = 60 * time.Second

	// Stop is how long a broker that was asked to end may take before it is killed
	// where the target file says nothing else.
	//
	// Grows with: nothing. Section: none, as for Start.
	Stop = 15 * time.Second

	// Restart is what a check that restarts the broker may take for that: a large
	// one needs a minute to stop and two to start.
	//
	// Grows with: nothing. Section: none, as for Start.
	Restart = 5 * time.Minute

	// OutputEnds is how long the output of a command that has ended, or was killed,
	// may stay open.
	//
	// Grows with: nothing. Section: none, it is about processes.
	OutputEnds = time.Second
)
