package suites_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// How the bad brokers are run:
// go test ./suites -run BadBrokers -timeout 1h -args -bad.whole
var wholeSuite = flag.Bool("bad.whole", false, "hold the bad brokers against the whole suite, and not only against the checks that they are about")

// A badBroker is one that is broken in a way that no single rule names, and what
// a run has to say of it.
type badBroker struct {
	name string
	// faulty are the faults, by protocol version, of a broker that is good else.
	faulty map[codec.Version]fault.Fault
	// behind is how else the broker is reached through which the good one was.
	behind func(t *testing.T, good *harness.Target) *harness.Target
	// alone says that what the good broker would do tells nothing of this one.
	alone bool
	// long says that a run takes longer than one would wait for.
	long bool
	// options are those of the run, where the others' will not do.
	options suites.Options
	// checks are those that the run is made of; with -bad.whole, all are.
	checks []string

	// fails and warns are, by the IDs of the checks that fail here and not on the good
	// broker, the statements that they accuse; "" is for all that they decide. Of
	// an ID without a version the check fails on both.
	fails, warns map[string]string
	// passes and inapplicable, untried are checks that come out so.
	passes, inapplicable, untried []string
	// exit is the exit status.
	exit int
	// versions are those that the run tests; nil is both.
	versions []string
	// says are what the first lines or the verdict's sentence say.
	says []string
	// problem is what the run says for which it could not be done.
	problem string
}

// patient are options for brokers that keep clients waiting.
func patient(timeout, patience time.Duration) suites.Options {
	return suites.Options{Timeout: timeout, Patience: patience}
}

// onBoth is a fault of both versions.
func onBoth(f fault.Fault) map[codec.Version]fault.Fault {
	return map[codec.Version]fault.Fault{codec.V311: f, codec.V5: f}
}

// basics are checks of what nearly all others stand on.
var basics = []string{
	"connect-accepted", "subscribe-granted", "pingreq-answered", "message-delivered", "qos0-delivered", "qos1-acknowledged",
	"qos1-delivered", "qos2-complete", "qos2-delivered", "unsubscribe-acknowledged", "will-published", "retain-new-subscription",
}

var badBrokers = []badBroker{
	{
		name:   "A1 answers no SUBACK in 3.1.1",
		faulty: map[codec.Version]fault.Fault{codec.V311: fault.IgnoresSubscribe},
		checks: basics,
		fails:  map[string]string{"subscribe-granted@3.1.1": "MQTT-3.8.4-1"},
		passes: []string{"qos2-delivered@5.0", "connect-accepted@3.1.1", "qos2-complete@3.1.1"},
		exit:   reports.ExitGates,
	},
	{
		name:   "A1 answers no PINGREQ in 5.0",
		faulty: map[codec.Version]fault.Fault{codec.V5: fault.AnswersNoPing},
		checks: basics,
		fails:  map[string]string{"pingreq-answered@5.0": "MQTT-3.12.4-1"},
		passes: []string{"qos2-delivered@5.0", "pingreq-answered@3.1.1"},
		exit:   reports.ExitGates,
	},
	{
		name:   "A2 never answers PINGREQ",
		faulty: onBoth(fault.AnswersNoPing),
		checks: basics,
		fails:  map[string]string{"pingreq-answered": "MQTT-3.12.4-1"},
		passes: []string{"qos2-delivered@3.1.1", "qos2-delivered@5.0", "message-delivered@5.0"},
		exit:   reports.ExitGates,
	},
	{
		name:   "A2 closes on PINGREQ",
		faulty: onBoth(fault.ClosesOnPing()),
		checks: basics,
		fails:  map[string]string{"pingreq-answered": "MQTT-3.12.4-1"},
		passes: []string{"qos2-delivered@3.1.1", "qos2-delivered@5.0", "message-delivered@5.0"},
		exit:   reports.ExitGates,
	},
	{
		name:    "A2 answers PINGREQ late",
		faulty:  onBoth(fault.AnswersPingLate(3 * time.Second)),
		options: patient(2*time.Second, 8*time.Second),
		checks:  basics,
		warns:   map[string]string{"pingreq-answered": "MQTT-3.12.4-1"},
		passes:  []string{"qos2-delivered@3.1.1", "qos2-delivered@5.0", "message-delivered@5.0"},
		exit:    reports.ExitOK,
	},
	{
		name:   "A3 refuses Clean Session 0",
		faulty: onBoth(fault.RefusesStoredSessions()),
		checks: append([]string{"session-present-stored", "state-kept", "session-subscription-kept", "connect-clean-start-over-connected"}, basics...),
		fails:  map[string]string{"connect-accepted": ""},
		passes: []string{"qos2-delivered@3.1.1", "qos2-delivered@5.0"},
		exit:   reports.ExitGates,
	},
	{
		name:   "A4 no CONNACK on takeover with messages under way",
		faulty: onBoth(fault.HangsOnBusyTakeover()),
		checks: append([]string{"state-kept-in-flight", "state-of-clean-session-taken-over"}, basics...),
		fails:  map[string]string{"connect-accepted": ""},
		passes: []string{"qos2-delivered@3.1.1", "qos2-delivered@5.0"},
		exit:   reports.ExitGates,
	},
	{
		name:   "A4 no PUBREL for a retained message in 3.1.1",
		faulty: map[codec.Version]fault.Fault{codec.V311: fault.WithholdsPubrelOfRetained()},
		checks: append([]string{"retain-qos-stored", "subscribe-qos-minimum-retained"}, basics...),
		fails:  map[string]string{"qos2-delivered@3.1.1": ""},
		passes: []string{"qos2-delivered@5.0", "qos2-complete@3.1.1"},
		exit:   reports.ExitGates,
	},
	{
		name:   "A4 answers no second PUBREC",
		faulty: onBoth(fault.AnswersPubrecOnce()),
		checks: append([]string{"qos2-sender-resumed", "qos2-sender-resumed-twice", "unsubscribe-in-flight", "state-kept-in-flight", "receive-maximum-afresh-pubrel", "shared-qos2-completed"}, basics...),
		fails:  map[string]string{"qos2-sender-resumed": "", "qos2-sender-resumed-twice": ""},
		exit:   reports.ExitGates,
	},
	{
		name:   "A4 sends no second PUBREC",
		faulty: onBoth(fault.IgnoresDuplicates),
		checks: append([]string{"qos2-duplicate-publish", "qos2-receiver-resumed", "state-kept", "receive-maximum-available-again", "qos2-refused-identifier-reused"}, basics...),
		fails:  map[string]string{"qos2-duplicate-publish": "", "qos2-receiver-resumed": ""},
		exit:   reports.ExitGates,
	},
	{
		name:   "A5 refuses every property in CONNECT",
		faulty: onBoth(fault.RefusesAnyProperty()),
		checks: append([]string{"connectprops-accepted", "session-present-stored", "expiry-held-back", "will-properties-forwarded"}, basics...),
		fails:  map[string]string{"connect-accepted@5.0": "", "connectprops-accepted": "MQTT-3.1.4-5"},
		passes: []string{"qos2-delivered@5.0", "qos2-delivered@3.1.1"},
		exit:   reports.ExitGates,
	},
	{
		name:         "A5 refuses wills",
		faulty:       onBoth(fault.RefusesWills()),
		checks:       append([]string{"will-payload", "will-retained"}, basics...),
		inapplicable: []string{"will-published@3.1.1", "will-published@5.0", "will-payload@3.1.1", "will-payload@5.0"},
		passes:       []string{"qos2-delivered@5.0", "connect-accepted@5.0"},
		exit:         reports.ExitOK,
		says:         []string{"will"},
	},
	{
		name:   "A6 leaves out the Property Length of CONNACK",
		faulty: map[codec.Version]fault.Fault{codec.V5: faultNamed("sends-no-property-length")},
		checks: append([]string{"wire-properties", "connect-protocol-level"}, basics...),
		fails:  map[string]string{"wire-properties@5.0": "MQTT-2.2.2-1"},
		passes: []string{"qos2-delivered@3.1.1", "connect-protocol-level@3.1.1"},
		exit:   reports.ExitGates,
	},
	{
		name:         "A7 grants nothing",
		faulty:       onBoth(fault.GrantsNothing()),
		checks:       append([]string{"subscribe-several-filters", "subscribe-codes-in-order", "retain-new-subscription"}, basics...),
		inapplicable: []string{"subscribe-several-filters@3.1.1", "subscribe-several-filters@5.0", "qos0-delivered@5.0", "message-delivered@3.1.1"},
		passes:       []string{"connect-accepted@5.0", "qos2-complete@3.1.1"},
		exit:         reports.ExitOK,
		says:         []string{"subscriptions"},
	},
	{
		name:   "A7a one SUBACK code too few",
		faulty: onBoth(fault.OmitsLastSubackCode),
		checks: append([]string{"subscribe-code-per-filter", "subscribe-qos-requested", "subscribe-several-filters", "subscribe-codes-in-order", "wire-suback"}, basics...),
		fails:  map[string]string{"subscribe-code-per-filter": ""},
		exit:   reports.ExitGates,
	},
	{
		name:   "A7b sets a reserved flag in CONNACK",
		faulty: onBoth(faultNamed("sends-connack-with-reserved-bits")),
		checks: append([]string{"connect-protocol-level", "wire-connack", "wire-properties"}, basics...),
		fails:  map[string]string{"wire-connack@3.1.1": "", "wire-connack@5.0": "MQTT-3.2.2-1"},
		exit:   reports.ExitGates,
	},
	{
		name:    "A7b accepts clients late",
		faulty:  onBoth(fault.AcceptsLate(time.Second)),
		options: patient(2*time.Second, 4*time.Second),
		checks:  append([]string{"connect-protocol-level", "wire-connack", "wire-properties", "keepalive-enforced"}, basics...),
		passes:  []string{"qos2-delivered@3.1.1", "qos2-delivered@5.0"},
		exit:    reports.ExitOK,
	},
	{
		name:    "A7b, C10 accepts clients 4.9 s late",
		faulty:  onBoth(fault.AcceptsLate(4900 * time.Millisecond)),
		options: patient(runner.DefaultTimeout, runner.DefaultPatience),
		long:    true,
		exit:    reports.ExitOK,
	},
	{
		name:    "A8 answers and does nothing else",
		behind:  answersOnly,
		options: patient(time.Second, 2*time.Second),
		alone:   true,
		checks:  append([]string{"connack-refused-closed", "load-steady"}, basics...),
		fails: map[string]string{
			"message-delivered": "",
		},
		exit: reports.ExitGates,
	},
	{
		name:    "A9 two brokers behind one address",
		behind:  roundRobin,
		checks:  basics,
		exit:    reports.ExitUntested,
		problem: "do not reach one and the same broker",
	},
	{
		name:    "A10 a bare URL",
		behind:  bareURL,
		checks:  append([]string{"login-checked", "restart-in-flight", "websocket-subprotocol"}, basics...),
		untried: []string{"login-checked@5.0", "restart-in-flight@5.0", "websocket-subprotocol@5.0"},
		exit:    reports.ExitOK,
		says:    []string{"untried", "credentials", "restart", "WebSocket"},
	},
	{
		name:   "B1 spreads empty topics",
		faulty: onBoth(fault.SpreadsEmptyTopics()),
		checks: append([]string{"publish-topic-empty", "alias-unknown", "publish-payload", "publish-payload-empty", "wire-publish"}, basics...),
		fails:  map[string]string{"publish-topic-empty": "", "wire-publish": ""},
		exit:   reports.ExitGates,
	},
	{
		name:   "B2 volunteers retained messages",
		faulty: onBoth(fault.VolunteersRetained()),
		checks: append([]string{"qos0-unanswered", "wire-pubrel", "order-resent", "interoperation-plain", "retain-qos-0-kept", "retain-replaced", "will-retained"}, basics...),
		// No statement forbids a server to send a client what it has not subscribed to: it
		// may subscribe its clients of itself (section 4.5 of 5.0). But who reads the
		// results has to know first.
		exit: reports.ExitOK,
		says: []string{"clients got messages that they had subscribed to nothing for"},
	},
	{
		name:   "B3 reorders bursts",
		faulty: onBoth(fault.ReordersBursts()),
		checks: append([]string{"order-kept", "qos0-once", "alias-mapped", "publish-payload-empty", "ack-reason-code-omitted", "receive-maximum-restored", "framing-one-segment"}, basics...),
		fails:  map[string]string{"order-kept": "MQTT-4.6.0-5 MQTT-4.6.0-6"},
		exit:   reports.ExitGates,
	},
	{
		name:    "B7 enforces Keep Alive late",
		faulty:  onBoth(fault.EnforcesKeepAliveLate(4)),
		options: patient(time.Second, 2*time.Second),
		checks:  append([]string{"keepalive-enforced", "will-keep-alive"}, basics...),
		fails:   map[string]string{"keepalive-enforced@3.1.1": "MQTT-3.1.2-24", "keepalive-enforced@5.0": ""},
		exit:    reports.ExitGates,
	},
	{
		name:   "B8 does not deliver at QoS 0",
		faulty: onBoth(fault.DeliversNoQoS0()),
		checks: append([]string{"wire-strings", "wire-publish", "publish-payload", "topics-single-level"}, basics...),
		fails:  map[string]string{"message-delivered": "MQTT-4.5.0-1"}, // of which qos0-delivered stands on the first case
		passes: []string{"qos1-delivered@3.1.1", "qos2-delivered@5.0"},
		exit:   reports.ExitGates,
	},
	{
		name:    "B11 hangs on a malformed CONNECT",
		faulty:  onBoth(fault.HangsOnMalformedConnect()),
		options: patient(time.Second, 2*time.Second),
		checks:  append([]string{"connect-malformed", "connect-malformed-unanswered", "connect-reserved-flag"}, basics...),
		fails:   map[string]string{"connect-malformed": ""},
		exit:    reports.ExitGates,
	},
	{
		name:   "B15 answers a stranger with CONNACK",
		faulty: onBoth(fault.AnswersStrangers()),
		checks: append([]string{"connect-first-packet", "wire-properties", "wire-connack"}, basics...),
		// It closes, as it has to, and in 5.0 it may say why: in which format, nobody has
		// said yet.
		fails:  map[string]string{"connect-first-packet@3.1.1": ""},
		passes: []string{"connect-first-packet@5.0"},
		exit:   reports.ExitGates,
	},
}

// faultNamed is the fault of this name.
func faultNamed(name string) fault.Fault {
	all := fault.All()
	return all[slices.IndexFunc(all, func(f fault.Fault) bool { return f.Name == name })]
}

// TestBadBrokers runs the suite against broken brokers: what fails accuses the
// statements that the broker breaks and no others, nothing is blocked by a check
// that passes, and the exit status and the first lines say how it stands.
func TestBadBrokers(t *testing.T) {
	if !*wholeSuite {
		t.Parallel()
	}
	brokers := witnesses(t)
	good := brokers[len(brokers)-1] // what it gets wrong itself hides the least
	if good.name == "embedded" {
		t.Skip("the broker inside gets too much wrong itself to be broken by one thing more; with mosquitto installed this runs")
	}
	target := bare(good.target)
	unbroken := sync.OnceValue(func() map[string]reports.Check {
		var all runner.Selection
		for _, b := range badBrokers {
			all.Names = append(all.Names, b.checks...)
		}
		if *wholeSuite {
			all.Names = nil
		}
		return outcomes(t, target, suites.Options{Parallel: modest, Selection: all})
	})
	for _, b := range badBrokers {
		t.Run(b.name, func(t *testing.T) {
			if b.long && (testing.Short() || !*wholeSuite) {
				t.Skip("takes minutes; -bad.whole runs it")
			}
			if !*wholeSuite { // which takes the machine for itself
				t.Parallel()
			}
			b.hold(t, target, unbroken())
		})
	}
}

// hold runs the suite against the broker, and holds what it says to what it has to.
func (b badBroker) hold(t *testing.T, good *harness.Target, unbroken map[string]reports.Check) {
	var target *harness.Target
	if b.behind != nil {
		target = b.behind(t, good)
	} else {
		broken := *good
		broken.Dialer = doors(t, b.faulty, good.Dialer.Dial)
		target = &broken
	}
	o := b.options
	o.Selection.Names, o.Parallel = b.checks, modest
	if *wholeSuite {
		o.Selection.Names = nil
	}
	if o.Timeout == 0 {
		o.Timeout, o.Patience = 2*time.Second, 5*time.Second
	}
	var lines bytes.Buffer
	console := reports.NewConsole(&lines, reports.ConsoleOptions{Brief: true})
	o.Planned = console.Start
	began := time.Now()
	r, err := suites.Test(t.Context(), target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f s: %s", time.Since(began).Seconds(), reports.Sentence(r))
	planned := lines.Len()
	console.Finish(r)
	first, _, _ := strings.Cut(strings.TrimLeft(lines.String()[planned:], "\n"), "\n\n")
	said := strings.Join(strings.Fields(lines.String()[:planned]+first+" "+reports.Sentence(r)), " ")

	if !strings.Contains(r.Problem, b.problem) || b.problem == "" && r.Problem != "" {
		t.Errorf("the problem is %q; want %q", r.Problem, b.problem)
	}
	if got := reports.ExitStatus(r, reports.FailOnMust); got != b.exit {
		t.Errorf("exit status %d; want %d", got, b.exit)
	}
	for _, what := range b.says {
		if !strings.Contains(said, what) {
			t.Errorf("the first lines and the verdict do not say %q:\n%s", what, said)
		}
	}
	if b.problem != "" {
		return
	}
	versions := b.versions
	if versions == nil {
		versions = []string{"3.1.1", "5.0"}
	}
	if !slices.Equal(r.MQTT, versions) {
		t.Errorf("tests %v; want %v", r.MQTT, versions)
	}
	b.compare(t, r, unbroken)
	blockedByFailures(t, r)
}

// compare holds the outcomes of a run against those wanted, and against those
// of the good broker.
func (b badBroker) compare(t *testing.T, r *reports.Results, unbroken map[string]reports.Check) {
	want := map[string]reports.Outcome{}
	accuses := map[string]string{}
	add := func(checks map[string]string, outcome reports.Outcome) {
		for id, statements := range checks {
			ids := []string{id}
			if d := suites.All().Lookup(id); d != nil {
				ids = nil
				for _, v := range d.Versions() {
					ids = append(ids, d.ID(v))
				}
			}
			for _, id := range ids {
				want[id], accuses[id] = outcome, statements
			}
		}
	}
	all := func(checks []string, outcome reports.Outcome) {
		for _, id := range checks {
			want[id] = outcome
		}
	}
	add(b.fails, reports.Fail)
	add(b.warns, reports.Warn)
	all(b.passes, reports.Pass)
	all(b.inapplicable, reports.Inapplicable)
	all(b.untried, reports.Untried)
	for _, c := range r.Checks {
		good := unbroken[c.ID].Outcome
		outcome, wanted := want[c.ID]
		delete(want, c.ID)
		switch {
		case wanted && c.Outcome != outcome:
			t.Errorf("%s is %s (%s); want %s", c.ID, c.Outcome, c.Reason, outcome)
		case wanted:
			if accused := strings.Join(c.Accused(), " "); accuses[c.ID] != "" && accused != accuses[c.ID] {
				t.Errorf("%s accuses %s (%s); want %s", c.ID, accused, c.Reason, accuses[c.ID])
			}
			b.accusation(t, c)
		case c.Outcome == reports.Error && b.exit != reports.ExitUntested:
			t.Errorf("%s ends in an error: %s", c.ID, c.Reason)
		case b.alone || c.Outcome != reports.Fail && c.Outcome != reports.Warn:
		case good == reports.Fail || good == reports.Warn:
		case b.accuses(c):
			b.accusation(t, c)
		default:
			t.Errorf("%s is %s, accusing %v: %s; on the good broker it is %s", c.ID, c.Outcome, c.Accused(), c.Reason, good)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		t.Errorf("nothing is said of %s; want %s", id, want[id])
	}
}

// accuses says whether a failure accuses the broker of something that it breaks:
// more than one check may see that.
func (b badBroker) accuses(c reports.Check) bool {
	for v, f := range b.faulty {
		if v.String() == c.MQTT && slices.ContainsFunc(c.Accused(), func(id string) bool {
			return slices.Contains(slices.Concat(f.Breaks.Of(v), f.Breaks.FollowingOn(v)), id)
		}) {
			return true
		}
	}
	return false
}

// accusation sees that a failure accuses the broker of what it breaks, and of
// nothing else.
func (b badBroker) accusation(t *testing.T, c reports.Check) {
	t.Helper()
	for v, f := range b.faulty {
		if v.String() != c.MQTT || c.Outcome != reports.Fail && c.Outcome != reports.Warn {
			continue
		}
		for _, id := range c.Accused() {
			if !slices.Contains(slices.Concat(f.Breaks.Of(v), f.Breaks.FollowingOn(v)), id) {
				t.Errorf("%s accuses the broker of breaking %s, which it keeps: %s", c.ID, id, c.Reason)
			}
		}
	}
}

// decides finds the check that a blocked one names in its reason.
var decides = regexp.MustCompile(`see check ([a-z0-9-]+)`)

// blockedByFailures sees that no check is blocked by one that passes: what it
// stands on has failed, and so has the check that says so.
func blockedByFailures(t *testing.T, r *reports.Results) {
	t.Helper()
	failed := map[string]reports.Outcome{}
	for _, c := range r.Checks {
		failed[c.ID] = c.Outcome
	}
	blocked, reasons := map[string][]string{}, map[string]string{}
	for _, c := range r.Checks {
		if c.Outcome != reports.Blocked {
			continue
		}
		by := c.BlockedBy
		if named := decides.FindStringSubmatch(c.Reason); by == "" && named != nil {
			by = named[1] + "@" + c.MQTT
		}
		if failed[by] != reports.Fail && failed[by] != reports.Warn {
			blocked[by] = append(blocked[by], c.ID)
			reasons[by] = c.Reason
		}
	}
	for _, by := range slices.Sorted(maps.Keys(blocked)) {
		t.Errorf("%v are blocked by %q, which is %q: %s", blocked[by], by, failed[by], reasons[by])
	}
}

// doors is how to dial a broker that has a fault for each protocol version: a
// client finds its way by its CONNECT. Without a fault the broker is the good one.
func doors(t *testing.T, faulty map[codec.Version]fault.Fault, dial func(context.Context) (net.Conn, error)) through {
	t.Helper()
	behind := map[codec.Version]func(context.Context) (net.Conn, error){codec.V311: dial, codec.V5: dial}
	for v, f := range faulty {
		proxy, err := fault.NewProxy(v, f, dial)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			proxy.Close()
			if err := proxy.Err(); err != nil {
				t.Error(err)
			}
		})
		behind[v] = proxy.Dial
	}
	return served(t, func(near *net.TCPConn) {
		first := bufio.NewReader(near)
		far, err := behind[versionOf(first)](context.Background())
		if err != nil {
			return
		}
		defer far.Close()
		begun, _ := first.Peek(first.Buffered())
		_, _ = far.Write(begun)
		var both sync.WaitGroup
		both.Go(func() { network{}.carry(near, far.(*net.TCPConn)) })
		both.Go(func() { network{}.carry(far.(*net.TCPConn), near) })
		both.Wait()
	})
}

// versionOf is the protocol version that a client begins to speak; 5.0 where it
// does not say.
func versionOf(first *bufio.Reader) codec.Version {
	header, _ := first.Peek(2)
	if len(header) < 2 || header[0] != 0x10 {
		return codec.V5
	}
	n, long := 2, false
	for ; header[n-1] >= 0x80 && n < 5; n++ {
		if header, _ = first.Peek(n + 1); len(header) <= n {
			return codec.V5
		}
		long = true
	}
	const level = 7 // "MQTT" with its length, and the Protocol Level
	if !long && header[1] < level {
		return codec.V5
	}
	if start, _ := first.Peek(n + level); len(start) == n+level && start[n+level-1] < byte(codec.V5) {
		return codec.V311
	}
	return codec.V5
}

// served is how to dial a server that serves every connection so.
func served(t *testing.T, serve func(*net.TCPConn)) through {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.Map
	var group sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		open.Range(func(conn, _ any) bool { conn.(*net.TCPConn).Close(); return true })
		group.Wait()
	})
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Store(conn, nil)
			group.Go(func() {
				defer open.Delete(conn)
				defer conn.Close()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", listener.Addr().String())
	}
}

// answersOnly is a server that answers every packet that wants an answer, and
// does nothing else, whatever it is sent.
func answersOnly(t *testing.T, good *harness.Target) *harness.Target {
	target := *good
	target.Dialer = served(t, func(conn *net.TCPConn) {
		first := bufio.NewReader(conn)
		v := versionOf(first)
		reader := codec.NewReader(v, first)
		for {
			raw, err := reader.Next()
			if err != nil {
				_, _ = io.Copy(io.Discard, first)
				return
			}
			p, _ := codec.Decode(v, codec.Client, raw)
			for _, answer := range answers(v, p) {
				out, err := codec.Append(nil, v, answer)
				if err != nil {
					t.Error(err)
				}
				_, _ = conn.Write(out)
			}
		}
	})
	return &target
}

// answers are what a packet of a client's wants.
func answers(v codec.Version, p codec.Packet) []codec.Packet {
	switch p := p.(type) {
	case *codec.Connect:
		return []codec.Packet{&codec.Connack{}}
	case *codec.Subscribe:
		s := &codec.Suback{PacketID: p.PacketID}
		for _, subscription := range p.Subscriptions {
			s.Codes = append(s.Codes, codec.ReasonCode(subscription.QoS))
		}
		return []codec.Packet{s}
	case *codec.Unsubscribe:
		u := &codec.Unsuback{PacketID: p.PacketID}
		if v == codec.V5 {
			u.Codes = make([]codec.ReasonCode, len(p.Filters))
		}
		return []codec.Packet{u}
	case *codec.Publish:
		switch p.QoS {
		case codec.QoS1:
			return []codec.Packet{&codec.Puback{PacketID: p.PacketID}}
		case codec.QoS2:
			return []codec.Packet{&codec.Pubrec{PacketID: p.PacketID}}
		}
	case *codec.Pubrel:
		return []codec.Packet{&codec.Pubcomp{PacketID: p.PacketID}}
	case *codec.Pingreq:
		return []codec.Packet{&codec.Pingresp{}}
	}
	return nil
}

// roundRobin are two brokers that know nothing of each other, behind one address.
func roundRobin(t *testing.T, good *harness.Target) *harness.Target {
	target := *good
	other := bare(witnesses(t)[0].target)
	var count atomic.Int64
	target.Dialer = through(func(ctx context.Context) (net.Conn, error) {
		if count.Add(1)%2 == 0 {
			return other.Dialer.Dial(ctx)
		}
		return good.Dialer.Dial(ctx)
	})
	return &target
}

// bareURL is what a user knows of a broker who has been told its address.
func bareURL(t *testing.T, good *harness.Target) *harness.Target {
	target, err := harness.ParseTarget(good.URL)
	if err != nil {
		t.Fatal(err)
	}
	return target
}
