package harness

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onsi/gomega"

	"mqttspec/codec"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
	"mqttspec/harness/wire/websocket"
)

// Settings are the numbers an exchange goes by.
type Settings struct {
	// Timeout bounds every single wait for the broker. It is reached only when
	// the broker fails, so it is generous.
	Timeout time.Duration
	// Patience is how long a duty has to which the specification sets no time, in a
	// second hearing; 0 in a first, where Timeout bounds that, too.
	Patience time.Duration
	// Control says that the exchange is a check: where something is missing, its like is
	// looked for (see patience.go).
	Control bool
	// Idle is told when an exchange has waited for a moment, and what it returns when
	// the wait is over: others may run meanwhile. It may be nil.
	Idle func() (over func())
	// Settle is waited after a fence before silence is believed, and for what one
	// client has done to be seen by the others; for clusters.
	Settle time.Duration
	// CheckTimeout bounds a whole exchange, so that no broker can hold it for ever.
	CheckTimeout time.Duration
	// RoundTrip is what the probe measured.
	RoundTrip time.Duration
	// Pace is the longest that the broker took to answer the probe, where that is
	// notably slow; 0 where it is not.
	Pace time.Duration
	// TopicPrefix is the topic under which all topics of a run lie.
	TopicPrefix string
	// RunID tells the topics and Client Identifiers of this run from those of
	// any other: 6 characters of [0-9a-z].
	RunID string
	// KeepTraces leaves retained messages and sessions at the broker: for
	// brokers that are thrown away.
	KeepTraces bool
	// Capture records every connection; nil records none.
	Capture wire.Recorder
}

// grace is how long to look for what a broker may send or leave.
func (s Settings) grace() time.Duration { return times.Moment(s.RoundTrip) }

// closing is grace where the verdict depends on it.
func (s Settings) closing() time.Duration { return times.Closing(s.RoundTrip, s.Settle) }

// An Exchange is one scripted exchange with a broker: its clients, its topics,
// its transcript and, in the end, what it has shown. Checks are functions of it.
type Exchange struct {
	gomega.Gomega

	// Version is the protocol version that all clients speak.
	Version codec.Version
	// Profile is what the probe found out about the broker.
	Profile *Profile

	ctx      context.Context
	target   *Target
	settings Settings
	log      *transcript
	scope    string // part of topics and Client Identifiers that is this exchange's own
	step     Step
	isCase   bool
	counter  *atomic.Int64 // shared by the cases of one exchange

	mu             sync.Mutex
	clients        []*Client
	names          map[string]int
	ids            map[string]string
	breaches       []Breach
	malformed      map[string]string // packets by their text, and the statements that they break
	sessions       map[string]bool   // Client Identifiers with state at the broker
	retained       map[string]bool   // topics with retained messages of ours
	cases          []CaseEvidence
	about          []string  // what this part of the exchange is about
	decides        []Step    // steps that this exchange is about
	kept           []string  // what the parts before it were about
	closedAt       time.Time // when the broker last ended a connection of a case
	observer       *observer // nil until something is to be observed
	filters        []string  // that clients of the exchange have subscribed to
	anyhow         bool      // a SUBSCRIBE may have been taken for anything
	strays         []Stray
	lateness       []Late
	used           [3]bool             // by QoS: messages of the exchange
	willed         bool                // a client has a will
	shares         bool                // a client has joined a Shared Subscription
	wildcards      bool                // a client has subscribed to a filter that ends with #
	refusals       map[string][]uint16 // by Client Identifier: messages that PUBREC has refused
	overhears      bool                // a client subscribed to more than topics of this run
	seenTypes      map[codec.Type]bool // of packets from the broker
	seenProperties map[codec.PropertyID]bool
	taken          string          // the packet that was taken last
	aborted        []abortedSocket // connections that a client has reset
	// patience is that of the settings, but none where nothing late would tell.
	patience time.Duration
	// controlling says that the exchange looks whether something like what is missing
	// comes: what then is missing, too, is that.
	controlling bool
}

var scopes atomic.Int64

// Perform performs one exchange and returns what it has shown. It never panics and
// returns soon after ctx is done.
func Perform(ctx context.Context, target *Target, profile *Profile, settings Settings, body func(*Exchange)) Evidence {
	x := newExchange(ctx, target, profile, settings)
	var cancel context.CancelFunc
	x.ctx, cancel = context.WithTimeoutCause(ctx, settings.CheckTimeout, overtimeError(settings.CheckTimeout))
	defer cancel()
	stopped := x.perform(body)
	evidence := x.evidence(stopped)
	x.leave(ctx)
	return evidence
}

func newExchange(ctx context.Context, target *Target, profile *Profile, settings Settings) *Exchange {
	x := &Exchange{
		Version: profile.Version, Profile: profile,
		ctx: ctx, target: target, settings: settings, patience: settings.Patience,
		log:     newTranscript(target.Secrets()),
		scope:   base36(scopes.Add(1)),
		counter: new(atomic.Int64),
		names:   map[string]int{}, ids: map[string]string{},
		malformed: map[string]string{}, sessions: map[string]bool{}, retained: map[string]bool{}, refusals: map[string][]uint16{},
		seenTypes: map[codec.Type]bool{}, seenProperties: map[codec.PropertyID]bool{},
	}
	x.Gomega = gomega.NewGomega(x.failGomega)
	return x
}

// perform runs the body and says what stopped it; nil is a body that ended.
func (x *Exchange) perform(body func(*Exchange)) (stopped *Stop) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Stop:
			stopped = p
		default:
			stopped = &Stop{Kind: Broken, Reason: fmt.Sprintf("the check panicked: %v", p), Observed: string(debug.Stack())}
		}
	}()
	body(x)
	return nil
}

// evidence is what the exchange has shown: stopped is what stopped its body.
func (x *Exchange) evidence(stopped *Stop) Evidence {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := Evidence{
		Began: x.log.start, Duration: time.Since(x.log.start), Events: x.log.events(),
		Breaches: x.breaches, About: x.about, Kept: x.kept, Cases: x.cases, Late: x.lateness, Overhears: x.overhears, Strays: x.strays,
		BrokerClosedAt: later(x.closedAt, lastClosed(x.clients)),
	}
	if stopped != nil {
		e.Stop = x.masked(*stopped)
	}
	return e
}

// masked is a Stop without secrets.
func (x *Exchange) masked(s Stop) Stop {
	for _, text := range []*string{&s.Reason, &s.Expected, &s.Observed} {
		*text = Mask(*text, x.log.secrets)
	}
	return s
}

// overtimeError is the end of an exchange that has taken too long.
type overtimeError time.Duration

func (e overtimeError) Error() string {
	return "the exchange took longer than " + time.Duration(e).String()
}

// overtime says whether the exchange has taken too long: the broker is slow.
func (x *Exchange) overtime() bool {
	return errors.As(context.Cause(x.ctx), new(overtimeError))
}

func contextReason(ctx context.Context) string { return context.Cause(ctx).Error() }

// number is a number that this exchange has not used yet.
func (x *Exchange) number() int64 { return x.counter.Add(1) }

// Topic is a topic (or Topic Filter) of this exchange's own: suffix under the
// run's prefix.
func (x *Exchange) Topic(suffix string) string { return x.Root() + "/" + suffix }

// Root is the topic under which all topics of this exchange lie.
func (x *Exchange) Root() string {
	return x.settings.TopicPrefix + "/" + x.settings.RunID + "/" + x.scope
}

// someoneAway says whether a client has left a session behind and is not back.
func (x *Exchange) someoneAway() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	away := map[string]bool{}
	for _, c := range x.clients { // the latest connection of a client counts
		away[c.ID] = c.stored && c.Closed()
	}
	for _, a := range away {
		if a {
			return true
		}
	}
	return false
}

// ours says whether a topic (or Topic Filter) is one of this run's.
func (s Settings) ours(topic string) bool {
	return strings.Contains(topic+"/", s.TopicPrefix+"/"+s.RunID+"/")
}

// owns says whether a topic is one of this exchange's own.
func (x *Exchange) owns(topic string) bool {
	// Not the topics of an exchange whose scope only starts like ours.
	return strings.Contains(topic+"/", x.settings.RunID+"/"+x.scope+"/")
}

// ClientID is the Client Identifier that goes by a name within this exchange:
// at most 23 characters of [0-9a-zA-Z], and nobody else's.
func (x *Exchange) ClientID(name string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	id, ok := x.ids[name]
	if !ok {
		id = x.settings.RunID + "x" + x.scope + "x" + base36(int64(len(x.ids)))
		x.ids[name] = id
	}
	return id
}

// UpTo is a QoS, lowered to the highest that the broker takes part in: for
// rules that hold at any.
func (x *Exchange) UpTo(qos codec.QoS) codec.QoS { return min(qos, x.Profile.MaximumQoS()) }

// Timeout is how long a single wait for the broker lasts at the most.
func (x *Exchange) Timeout() time.Duration { return x.settings.Timeout }

// RoundTrip is how far away the broker is, as the probe measured it, in what it
// takes to answer.
func (x *Exchange) RoundTrip() time.Duration { return max(x.settings.RoundTrip, x.settings.Pace) }

// Settle is how long a clustered broker is given until what one client has done
// is seen by the others: verbs that subscribe or retain something wait for it.
func (x *Exchange) Settle() time.Duration { return x.settings.Settle }

// Note puts a remark into the transcript.
func (x *Exchange) Note(format string, args ...any) {
	x.log.add("", Note, fmt.Sprintf(format, args...), nil, "")
}

// Wait lets time pass where the rule itself is about time: Keep Alive, expiry,
// Will Delay. Never to prove that something does not happen.
func (x *Exchange) Wait(d time.Duration) {
	if x.settings.Idle != nil {
		over := x.settings.Idle()
		defer over()
	}
	if !pause(x.ctx, d) {
		x.interrupted()
	}
}

// Punctual ends the exchange when something that a client has to do in time was
// done too late, because the machine it runs on is busy or the broker slow: what
// the broker makes of that is no verdict.
func (x *Exchange) Punctual(since time.Time, within time.Duration) {
	if took := time.Since(since); took > within {
		panic(&Stop{Kind: Unprepared, Missing: true, Reason: fmt.Sprintf("the client could not keep its time: what had to be done within %s took %s", within, took.Round(time.Millisecond))})
	}
}

// breached records a packet that the strict decoder refused.
func (x *Exchange) breached(c *Client, err error) {
	b := Breach{Text: Mask(err.Error(), x.log.secrets), Conn: c.name}
	if breach := (*codec.Breach)(nil); errors.As(err, &breach) {
		b.Statement = breach.Statement
	}
	if wrong := (*websocket.WrongFrameError)(nil); errors.As(err, &wrong) {
		b.Statement = ruleDataFrame.statement(x.Version, codec.PUBLISH)
	}
	x.breach(b)
}

// mostMalformed is how many malformed packets are remembered.
const mostMalformed = 1000

// noteMalformed remembers a packet in which the strict decoder has found something
// wrong. A CONNACK is not one: that it refuses a connection can be learned from any.
func (x *Exchange) noteMalformed(t codec.Type, packet string, err error) {
	if t == codec.CONNACK {
		return
	}

	x.mu.Lock()
	defer x.mu.Unlock()
	if breach := (*codec.Breach)(nil); errors.As(err, &breach) && len(x.malformed) < mostMalformed {
		x.malformed[packet] = breach.Statement
	}
}

// breach records a breach of a statement.
func (x *Exchange) breach(b Breach) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.breaches) < 20 {
		x.breaches = append(x.breaches, b)
	}
}

// lastBroken is the statement that was broken last on a connection; "" is none.
func (x *Exchange) lastBroken(c *Client) (statement string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range x.breaches {
		if b.Conn == c.name {
			statement = b.Statement
		}
	}
	return statement
}

// WantNoBreach wants that no packet in the exchange has broken this
// statement: where the decoder's or the audit's word is the verdict of a case.
func (x *Exchange) WantNoBreach(statement string) {
	x.mu.Lock()
	breaches := slices.Clone(x.breaches)
	x.mu.Unlock()
	for _, b := range breaches {
		if b.Statement == statement {
			x.fail("packets that the specification allows", b.Text)
		}
	}
}

// remember notes what a packet leaves behind at the broker.
func (x *Exchange) remember(p codec.Packet) {
	if illegal, ok := p.(*codec.Illegal); ok {
		p = illegal.Packet()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch p := p.(type) {
	case *codec.Publish:
		if p.QoS <= codec.QoS2 {
			x.used[p.QoS] = true
		}
		if p.Retain && p.Topic != "" {
			x.retained[p.Topic] = true
		}
	case *codec.Connect:
		if p.Will != nil {
			x.willed = true
		}
		if p.Will != nil && p.Will.Retain {
			x.retained[p.Will.Topic] = true
		}
		expiry, _ := p.Properties.Number(codec.PropSessionExpiryInterval)
		if p.ClientID != "" && (expiry > 0 || x.Version == codec.V311 && !p.CleanStart) {
			x.sessions[p.ClientID] = true
		}
	case *codec.Disconnect:
		// A session can be given an expiry here too, but only one that had one.
	}
}

// refuses notes that a client refuses a message by PUBREC.
func (x *Exchange) refuses(clientID string, packetID uint16) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refusals[clientID] = append(x.refusals[clientID], packetID)
}

// wasRefused says whether a client has refused a message with this Packet
// Identifier.
func (x *Exchange) wasRefused(clientID string, packetID uint16) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Contains(x.refusals[clientID], packetID)
}

// leave closes the connections of the exchange, and removes its sessions and
// retained messages from the broker. What fails here is no verdict.
func (x *Exchange) leave(ctx context.Context) {
	x.mu.Lock()
	clients := x.clients
	x.clients = nil
	x.mu.Unlock()
	for _, c := range clients {
		c.leave()
	}
	if x.settings.KeepTraces || len(x.sessions)+len(x.retained) == 0 {
		return
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.settings.Timeout)
	defer cancel()
	// The broker may not be well then: nobody waits for one that is not.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(x.settings.grace(), cancel) })()
	y := newExchange(leaving, x.target, x.Profile, x.settings)
	y.perform(func(y *Exchange) {
		if len(x.retained) > 0 {
			c := y.Connect(Clean)
			for topic := range x.retained {
				if strings.ContainsAny(topic, "+#\x00") {
					continue
				}
				c.Send(&codec.Publish{Topic: topic, Retain: true})
			}
			c.WantPingresp()
			c.Disconnect()
		}
		for id := range x.sessions {
			y.Connect(Clean, Identified(id)).Disconnect()
		}
	})
	for _, c := range y.clients {
		c.leave()
	}
}

// leave ends a connection without a will, whatever state it is in.
func (c *Client) leave() {
	c.mu.Lock()
	closed, connecting := c.closed, c.audit.connect != nil
	c.mu.Unlock()
	if closed {
		return
	}
	if connecting && !c.Closed() {
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.x.settings.grace()))
		_, _ = c.conn.Write([]byte{0xE0, 0x00}) // DISCONNECT
	}
	c.close()
}

// base36 is n in digits and small letters.
func base36(n int64) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	if n == 0 {
		return "0"
	}
	var b []byte
	for ; n > 0; n /= 36 {
		b = append([]byte{digits[n%36]}, b...)
	}
	return string(b)
}
