package harness

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Outcome is what an exchange said about the broker.
type Outcome string

// The outcomes of an exchange. A broken SHOULD is Fail here; the suite, which
// knows the level of the rule, calls it a warning.
const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Inapplicable Outcome = "inapplicable"
	Blocked      Outcome = "blocked"
	Error        Outcome = "error"
)

// Result is an exchange, told to its end.
type Result struct {
	Outcome  Outcome
	Reason   string // one sentence; empty for Pass
	Expected string
	Observed string
	Duration time.Duration
	Events   []Event
	Breaches []Breach
	// Broken are the statements that a failure is about, as [Exchange.About] has
	// said or the strict decoder; none: whatever the check decides. Kept are those
	// that held before.
	Broken, Kept []string
	// NoConnection says that the exchange ended because no connection could be
	// opened, or none was accepted.
	NoConnection bool
	// Cut is when the broker last ended one of the exchange's connections; zero
	// if it ended none.
	Cut time.Time
	// Cases names the cases of a table-driven exchange by their outcome.
	Cases []CaseResult
}

// CaseResult is the outcome of one case of a table-driven exchange.
type CaseResult struct {
	Name     string
	Outcome  Outcome
	breaches []Breach
}

// Breach is a packet from the broker that the strict decoder refused.
type Breach struct {
	Statement string // the statement it breaks
	Text      string // what is wrong, with packet, field and offset
	Conn      string
}

// A Step is part of the set-up of many exchanges. An exchange whose set-up
// fails is blocked, and the step names the check that decides about it.
type Step string

// The steps, by the slugs of the checks that decide them.
const (
	StepConnect      Step = "connect-accepted"
	StepSubscribe    Step = "subscribe-granted"
	StepUnsubscribe  Step = "unsubscribe-acknowledged"
	StepPublishQoS1  Step = "qos1-acknowledged"
	StepPublishQoS2  Step = "qos2-complete"
	StepReceiveQoS2  Step = "qos2-delivered"
	StepDeliver      Step = "message-delivered"
	StepPing         Step = "pingreq-answered"
	StepAuthenticate Step = "auth-accepted"
	StepWill         Step = "will-published"
	StepWellFormed   Step = "well-formed-packets"
)

// Steps are all steps; the suite has a check for each.
var Steps = []Step{
	StepConnect, StepSubscribe, StepUnsubscribe, StepPublishQoS1, StepPublishQoS2, StepReceiveQoS2,
	StepDeliver, StepPing, StepAuthenticate, StepWill, StepWellFormed,
}

// stop ends an exchange: it is the one value that bodies panic with.
type stop struct {
	outcome                    Outcome
	reason, expected, observed string
	noConnection               bool
}

// fail ends the exchange: the broker did something else than it had to. Within
// a set-up step the exchange is blocked by that step instead.
func (x *Exchange) fail(expected, observed string) {
	if x.step != "" {
		panic(&stop{
			outcome:  Blocked,
			reason:   fmt.Sprintf("could not be set up (see check %s): expected %s, observed %s", x.step, expected, observed),
			expected: expected, observed: observed, noConnection: x.step == StepConnect,
		})
	}
	panic(&stop{
		outcome:  Fail,
		reason:   fmt.Sprintf("expected %s; observed %s", firstLine(expected), firstLine(observed)),
		expected: expected, observed: observed,
	})
}

// Failf ends the exchange with a verdict against the broker: what the rule
// demands and what was seen instead, in words.
func (x *Exchange) Failf(expected, observedFormat string, args ...any) {
	x.fail(expected, fmt.Sprintf(observedFormat, args...))
}

// Inapplicable ends the exchange because the broker has just declared that it
// lacks what the rule is about; where says in which packet.
func (x *Exchange) Inapplicable(format string, args ...any) {
	panic(&stop{outcome: Inapplicable, reason: fmt.Sprintf(format, args...)})
}

// errorf ends the exchange because the harness or its environment failed.
func (x *Exchange) errorf(format string, args ...any) {
	panic(&stop{outcome: Error, reason: fmt.Sprintf(format, args...)})
}

// during runs set-up: what fails inside it blocks the exchange.
func (x *Exchange) during(s Step, f func()) {
	if x.step != "" { // the outermost step is the one that matters
		f()
		return
	}
	x.step = s
	defer func() { x.step = "" }()
	f()
}

// About says which of the check's statements the next part of the exchange puts
// to the test: a failure in it breaks these and no others. Those that were named
// before have held by then; those that are named later are not decided.
func (x *Exchange) About(statements ...string) {
	x.kept = append(x.kept, x.about...)
	x.about = statements
}

// StandsOn runs a part of the exchange that another check decides: where it
// fails, this one is blocked by that one, for its own rule was not put to the test.
func (x *Exchange) StandsOn(check string, part func()) { x.during(Step(check), part) }

// gomegaMessage splits "Expected <value> to <matcher>".
var gomegaMessage = regexp.MustCompile(`(?s)^(.*?)Expected\n(.*?)\n((?:not )?to .*)$`)

// failGomega turns a failed assertion into a verdict.
func (x *Exchange) failGomega(message string, _ ...int) {
	parts := gomegaMessage.FindStringSubmatch(message)
	if parts == nil {
		x.fail("the assertion to hold", strings.TrimSpace(message))
	}
	what := strings.TrimSpace(parts[1])
	expected, observed := squeeze(parts[3]), squeeze(parts[2])
	if what != "" {
		expected = what + " " + expected
	}
	x.fail(expected, observed)
}

// squeeze puts a Gomega value on one line.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

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

// Answer makes a passed exchange fail for a breach of one of the statements
// that it decides.
func (r *Result) Answer(statements []string) {
	for _, b := range r.Breaches {
		if !slices.Contains(statements, b.Statement) {
			continue
		}
		switch r.Outcome {
		case Pass, Blocked:
			if r.Outcome == Pass {
				r.Kept = statements
			}
			r.Outcome, r.Reason, r.Broken = Fail, b.Text, []string{b.Statement}
			r.Expected, r.Observed = "packets that the specification allows", b.Text
		case Fail:
			if len(r.Broken) > 0 && !slices.Contains(r.Broken, b.Statement) {
				r.Broken = append(r.Broken, b.Statement)
			}
		}
	}
	for i, c := range r.Cases {
		if slices.ContainsFunc(c.breaches, func(b Breach) bool { return slices.Contains(statements, b.Statement) }) {
			r.Cases[i].Outcome = Fail
		}
	}
}
