package harness

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega/format"

	"mqttspec/codec"
)

// Evidence is what an exchange has shown, told to its end. It holds no verdict,
// and nobody changes it: whoever judges (package runner) does so by reading it.
type Evidence struct {
	// Stop is what kept the body from its end; its zero value is a body that
	// came to its end.
	Stop     Stop
	Began    time.Time
	Duration time.Duration
	Events   []Event
	// Breaches are the packets that broke a statement, whatever the exchange is about.
	Breaches []Breach
	// About are the statements that were put to the test in the end, and Kept those
	// that were before and held; see [Exchange.About]. Without About all are.
	About, Kept []string
	// Cases are the cases of a table-driven exchange, each with its own events.
	Cases []CaseEvidence
	// Overhears says that a client subscribed to more than topics of this run: it is
	// sent what everybody is.
	Overhears bool
	// Strays are messages of the run that belong to other exchanges.
	Strays []Stray
	// Late is what came, or ended, after more than the timeout.
	Late []Late
	// BrokerClosedAt is when the broker last ended one of the exchange's connections; zero
	// if it ended none.
	BrokerClosedAt time.Time
}

// CaseEvidence is what one case of a table-driven exchange has shown.
type CaseEvidence struct {
	Name        string
	Stop        Stop
	Events      []Event
	Breaches    []Breach
	About, Kept []string
}

// A Stop is what ended an exchange before its end.
type Stop struct {
	Kind     StopKind
	Reason   string // one sentence
	Expected string
	Observed string
	// Step is the part of the set-up that was missing, where one was.
	Step Step
	// Statement is the one that a packet has broken which keeps the exchange from
	// going on; "" elsewhere.
	Statement string
	// Refused is what the broker has refused in so many words, as it may, and what a
	// declined exchange is about: "subscriptions", "wills".
	Refused string
	// Needs is what the target would have to give for the exchange to go on; "" where
	// it is not for the target.
	Needs Need
	// Missing says that something did not come, or did not end, in time: absence,
	// which convicts nobody at the first hearing. All else was seen.
	Missing bool
	// NoConnection says that no connection could be opened, or none was accepted.
	NoConnection bool
}

// Late is something that came late in an exchange heard with patience.
type Late struct {
	What  string
	After time.Duration
	Step  Step // the part of the set-up that it belongs to, if any
}

// StopKind says what kind of thing ended an exchange.
type StopKind int

// What ends an exchange.
const (
	Completed    StopKind = iota // nothing: the body came to its end
	Contradicted                 // the broker did something else than the rule demands
	Declined                     // the broker has just declared that it lacks what the rule is about
	Unprepared                   // something that the exchange stands on did not happen
	Broken                       // the harness or its environment failed
	InCases                      // one of the cases; each has a Stop of its own
)

// String names the kind for tests and logs.
func (k StopKind) String() string {
	return [...]string{"completed", "contradicted", "declined", "unprepared", "broken", "stopped in a case"}[k]
}

// Breach is a packet from the broker that broke a statement by itself: one that
// the strict decoder refused, or that does not fit what its connection has seen.
type Breach struct {
	Statement string // the statement it breaks
	Text      string // what is wrong, with packet, field and offset
	Conn      string
}

// A Step is a part of an exchange that the rest of it stands on, in words. An
// exchange in which it fails was not put to the test; which check decides about
// the step is for those to say who have checks.
type Step string

// The steps of the verbs.
const (
	StepConnect      Step = "an accepted connection"
	StepSubscribe    Step = "a granted subscription"
	StepUnsubscribe  Step = "the end of a subscription"
	StepPublishQoS1  Step = "a QoS 1 message to the broker"
	StepPublishQoS2  Step = "a QoS 2 message to the broker"
	StepReceiveQoS2  Step = "a QoS 2 message from the broker"
	StepDeliver      Step = "the delivery of a message"
	StepDeliverEmpty Step = "the delivery of a message without payload that is retained"
	StepPing         Step = "the answer to PINGREQ"
	StepAuthenticate Step = "an authenticated connection"
	StepShared       Step = "a message for a Shared Subscription"
	StepWill         Step = "the publication of a Will Message"
	StepWellFormed   Step = "bytes that can be read as packets"
	StepSubackID     Step = "the Packet Identifier of SUBACK"
	StepSubackCodes  Step = "a SUBACK with one code for each Topic Filter"
	StepRequestedQoS Step = "a SUBACK that grants no higher QoS than was asked for"
	StepGrantedQoS   Step = "a message at the QoS granted"
	StepUnretained   Step = "no retained message where none is to be retained"
	StepWildcards    Step = "a message for a Topic Filter that ends with #"
	// StepUnsubackCodes is one of 5.0: before, UNSUBACK has no codes.
	StepUnsubackCodes Step = "an UNSUBACK with one Reason Code for each Topic Filter"
	// StepRefusalCloses and StepDisconnectCloses are about a broker that says it ends
	// the connection: that it does not is one rule, whatever it was said for.
	StepRefusalCloses    Step = "the end of the connection after a CONNACK that refuses"
	StepDisconnectCloses Step = "the end of the connection after a DISCONNECT"
)

// Steps are the steps of the verbs.
var Steps = []Step{
	StepConnect, StepSubscribe, StepUnsubscribe, StepPublishQoS1, StepPublishQoS2, StepReceiveQoS2,
	StepDeliver, StepDeliverEmpty, StepPing, StepAuthenticate, StepShared, StepWill, StepWellFormed, StepSubackID, StepSubackCodes, StepRequestedQoS, StepGrantedQoS, StepWildcards, StepUnretained, StepUnsubackCodes,
	StepRefusalCloses, StepDisconnectCloses,
}

// seen is what came in place of something that was wanted, in words.
type seen struct {
	text string
	// missing says that nothing came, or ended, in time; all else was seen.
	missing bool
	// unconnected says that it was the answer to CONNECT, and that there was none.
	unconnected bool
}

// nothingIn is that nothing came in time.
func nothingIn(d time.Duration) seen {
	return seen{text: "nothing within " + d.String(), missing: true}
}

// fail ends the exchange: the broker did something else than it had to. Within
// a set-up step the exchange is not prepared instead.
func (x *Exchange) fail(expected, observed string) { x.lacks(expected, seen{text: observed}) }

// lacks is fail where what was wanted may just be missing.
func (x *Exchange) lacks(expected string, instead seen) {
	observed := instead.text
	s := &Stop{
		Kind: Contradicted, Reason: fmt.Sprintf("expected %s; observed %s", firstLine(expected), firstLine(observed)),
		Expected: expected, Observed: observed, Missing: instead.missing, NoConnection: x.step == StepConnect || instead.unconnected,
	}
	if x.step != "" {
		s.Kind, s.Step = Unprepared, x.step
		s.Reason = fmt.Sprintf("expected %s, observed %s", expected, observed)
	}
	if broken := x.brokenBy(observed); broken != "" && !instead.missing {
		x.standOn(s, broken)
	}
	panic(s)
}

// standOn makes a stop by a packet that is malformed one that is for the check which
// answers for the statement that this breaks: nothing else is to be learned from it.
func (x *Exchange) standOn(s *Stop, broken string) {
	s.Kind, s.Step, s.Statement = Unprepared, StepWellFormed, broken
	s.Reason = fmt.Sprintf("expected %s, observed %s, which breaks %s", firstLine(s.Expected), firstLine(s.Observed), broken)
}

// brokenBy is the statement that the packet which was observed breaks by itself; ""
// is none.
func (x *Exchange) brokenBy(observed string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	for packet, statement := range x.malformed {
		if strings.HasPrefix(observed, packet) {
			return statement
		}
	}
	return ""
}

// Failf ends the exchange with a verdict against the broker: what the rule
// demands and what was seen instead, in words.
func (x *Exchange) Failf(expected, observedFormat string, args ...any) {
	x.fail(expected, fmt.Sprintf(observedFormat, args...))
}

// Inapplicable ends the exchange because the broker has just declared that it
// lacks what the rule is about; where says in which packet.
func (x *Exchange) Inapplicable(format string, args ...any) {
	panic(&Stop{Kind: Declined, Reason: fmt.Sprintf(format, args...)})
}

// Untried ends the exchange because only the target could give what the rule needs,
// and does not: the broker has just shown that nothing else will do, in this packet.
func (x *Exchange) Untried(need Need, shown codec.Packet) {
	reason := fmt.Sprintf("needs %s: %s", need, need.Advice())
	if shown != nil {
		reason += fmt.Sprintf(" (%s)", shown)
	}
	panic(&Stop{Kind: Declined, Reason: reason, Needs: need})
}

// unprepared ends the exchange in this step of its set-up, whatever larger part of
// it the step belongs to.
func (x *Exchange) unprepared(step Step, expected, observed string) {
	x.step = step
	x.fail(expected, observed)
}

// refused ends the exchange because the broker has refused what it may refuse,
// in so many words: answer is the packet.
func (x *Exchange) refused(what, expected string, answer codec.Packet) {
	panic(&Stop{
		Kind: Declined, Refused: what, Expected: expected, Observed: answer.String(),
		Reason: fmt.Sprintf("the broker refuses %s, as it may: %s", what, answer),
	})
}

// errorf ends the exchange because the harness or its environment failed.
func (x *Exchange) errorf(format string, args ...any) {
	panic(&Stop{Kind: Broken, Reason: fmt.Sprintf(format, args...)})
}

// during runs set-up: what fails inside it blocks the exchange.
func (x *Exchange) during(s Step, f func()) {
	// The outermost step is the one that matters; but whatever a PINGREQ is sent
	// for, an answer is owed to it.
	outer := x.step
	if outer != "" && s != StepPing || slices.Contains(x.decides, s) {
		f()
		return
	}
	x.step = s
	defer func() { x.step = outer }()
	f()
}

// About says which of the check's statements the next part of the exchange puts
// to the test: a failure in it breaks these and no others. Those that were named
// before have held by then; those that are named later are not decided.
func (x *Exchange) About(statements ...string) {
	x.kept = append(x.kept, x.about...)
	x.about = statements
}

// Decides says that the check is about steps that the exchanges of others stand
// on: where one is not taken, it is this check's rule that is broken.
func (x *Exchange) Decides(steps ...Step) { x.decides = steps }

// StandsOn runs a part of the exchange that another check decides about: where it
// fails, the rule of this one was not put to the test.
func (x *Exchange) StandsOn(step Step, part func()) { x.during(step, part) }

// gomegaMessage splits "Expected <value> to <matcher>".
var gomegaMessage = regexp.MustCompile(`(?s)^(.*?)Expected\n(.*?)\n((?:not )?to .*)$`)

// failGomega turns a failed assertion into a verdict.
func (x *Exchange) failGomega(message string, _ ...int) {
	expected, observed := "the assertion to hold", strings.TrimSpace(message)
	if parts := gomegaMessage.FindStringSubmatch(message); parts != nil {
		expected, observed = squeeze(parts[3]), squeeze(parts[2])
		if what := strings.TrimSpace(parts[1]); what != "" {
			expected = what + " " + expected
		}
	}
	if broken := x.brokenBy(x.taken); x.taken != "" && broken != "" { // what it holds is no more than that
		s := &Stop{Expected: expected, Observed: observed}
		x.standOn(s, broken)
		panic(s)
	}
	x.fail(expected, observed)
}

// inWords puts what a reader of MQTT knows into words: packets, properties, times.
func inWords(value any) (words string, known bool) {
	switch value := value.(type) {
	case codec.Packet, codec.Properties, codec.Property:
		return fmt.Sprint(value), true
	case time.Duration:
		return value.Round(time.Millisecond).String(), true
	}
	return "", false
}

var _ = format.RegisterCustomFormatter(inWords)

// typeNotes are what Gomega says of the types of values that [inWords] puts into
// words, of pointers and of slices: addresses tell nothing, and differ with every run.
var typeNotes = regexp.MustCompile(`<(?:[^<>|]+ \| (?:0x[0-9a-f]+|len:\d+, cap:\d+)|time\.Duration|codec\.Property)>:? ?`)

// squeeze puts a Gomega value on one line.
func squeeze(s string) string {
	return strings.Join(strings.Fields(typeNotes.ReplaceAllString(s, "")), " ")
}

func firstLine(s string) string {
	line, rest, cut := strings.Cut(s, "\n")
	if cut && rest != "" {
		return line + " …"
	}
	return line
}

// plural is "1 event" or "3 events".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
