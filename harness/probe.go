package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
)

// Need is something optional that a check needs from the broker.
type Need string

// The needs. A broker may lack each of them and conform all the same.
const (
	AtLeastOnce             Need = "QoS 1"
	ExactlyOnce             Need = "QoS 2"
	Retain                  Need = "retained messages"
	Wildcards               Need = "wildcard subscriptions"
	SubscriptionIdentifiers Need = "Subscription Identifiers"
	SharedSubscriptions     Need = "shared subscriptions"
	TopicAliases            Need = "Topic Aliases from clients"
	EmptyClientIDs          Need = "empty Client Identifiers"
	// ExactlyOnceFromClients is the half of QoS 2 that a 3.1.1 server may not
	// lack: it may grant less, but has to answer what a client sends (table 3.4).
	ExactlyOnceFromClients Need = "QoS 2 from clients"
)

// Features are the needs that a target file may say the broker lacks.
var Features = []Need{AtLeastOnce, ExactlyOnce, Retain, Wildcards, SubscriptionIdentifiers, SharedSubscriptions, TopicAliases}

// Needs of a broker that lacks or limits something and says so in CONNACK
// (5.0): rules about what it must then do can be seen on no other.
const (
	NoExactlyOnce             Need = "a broker without QoS 2"
	NoAtLeastOnce             Need = "a broker without QoS 1"
	NoRetain                  Need = "a broker without retained messages"
	NoWildcards               Need = "a broker without wildcard subscriptions"
	NoSubscriptionIdentifiers Need = "a broker without Subscription Identifiers"
	NoSharedSubscriptions     Need = "a broker without shared subscriptions"
	NoTopicAliases            Need = "a broker without Topic Aliases from clients"
	PacketSizeLimit           Need = "a broker that declares a Maximum Packet Size of at most 1 MiB"
	SmallReceiveMaximum       Need = "a broker that declares a Receive Maximum of at most 100"
	ServerKeepAlive           Need = "a broker that declares a Server Keep Alive of at most 10 seconds"
)

// Needs of what a broker shows otherwise than in CONNACK.
const (
	NoEmptyClientIDs Need = "a broker that rejects empty Client Identifiers"
)

// Needs of what only the target can give. Where it does not, nothing is known of
// the broker: the check is untried.
const (
	Credentials        Need = "a user name and a password that the broker accepts"
	WebSocketListener  Need = "a WebSocket URL"
	RefusedCredentials Need = "credentials that must be refused"
	AdministratorLogin Need = "an administrator's credentials"
	UnreadableTopic    Need = "a topic that must not be subscribed to"
	UnwritableTopic    Need = "a topic that must not be published to"
	CertifiedListener  Need = "a listener that demands a client certificate"
	Restarting         Need = "a way to restart the broker"
	Killing            Need = "a way to kill the broker"
	DurableState       Need = "a broker that keeps its state over a restart"
	// AuthenticationMethod is an authentication method that the suite can
	// perform (SCRAM), and the credentials for it.
	AuthenticationMethod Need = "an authentication method with credentials"
)

// A targetNeed is one of these needs.
type targetNeed struct {
	need   Need
	word   string // that goes by it on the command line and in target files
	part   string // a word for one of several with the same
	advice string // what to add to the target for it
	given  func(*Target) bool
}

// fromTarget are these needs.
var fromTarget = []targetNeed{
	{Credentials, "credentials", "", "give --username and --password, or `credentials` in a target file",
		func(t *Target) bool { return t.UserName != "" && t.Password != "" }},
	{WebSocketListener, "websocket", "", "give `urls.ws` in a target file",
		func(t *Target) bool { return t.WebSocket != nil }},
	{RefusedCredentials, "access", "refused", "give `access.refused` in a target file",
		func(t *Target) bool { return t.Access != nil && len(t.Access.Refused) > 0 }},
	{AdministratorLogin, "administrator", "", "give `access.administrator` in a target file",
		func(t *Target) bool { return t.Access != nil && t.Access.Administrator != Credential{} }},
	{UnreadableTopic, "access", "unreadable", "give `access.unreadable` in a target file",
		func(t *Target) bool { return t.Access != nil && t.Access.Unreadable != "" }},
	{UnwritableTopic, "access", "unwritable", "give `access.unwritable` in a target file",
		func(t *Target) bool { return t.Access != nil && t.Access.Unwritable != "" }},
	{CertifiedListener, "certificate", "", "give `certified` in a target file",
		func(t *Target) bool { return t.Certified != nil }},
	{Restarting, "restart", "", "give `start` or `restart` in a target file",
		func(t *Target) bool { return t.Life != nil }},
	{Killing, "kill", "", "give `start`, or `kill` with `restart`, in a target file",
		func(t *Target) bool { return t.Life != nil && t.Life.CanKill() }},
	{DurableState, "durable", "", "where it is configured to, give `durable: true` in a target file",
		func(t *Target) bool { return t.Durable }},
	{AuthenticationMethod, "authentication", "", "give `authentication` with a method of SCRAM in a target file",
		func(t *Target) bool { return t.Authentication != nil && scramMethods[t.Authentication.Method] != nil }},
}

// Word is the word for a need that only the target can give; "" for any other.
func (n Need) Word() string { return n.fromTarget().word }

// Advice says what to add to the target for a need that only it can give.
func (n Need) Advice() string { return n.fromTarget().advice }

// fromTarget is how the target gives what is needed; the zero value where that is not
// for the target.
func (n Need) fromTarget() targetNeed {
	if i := slices.IndexFunc(fromTarget, func(f targetNeed) bool { return f.need == n }); i >= 0 {
		return fromTarget[i]
	}
	return targetNeed{}
}

// TargetWords are the words of all needs that only the target can give.
func TargetWords() []string {
	var words []string
	for _, f := range fromTarget {
		words = append(words, f.word)
		if f.part != "" {
			words = append(words, f.part)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// Without are the needs that a word in scope.without means: an optional feature by
// its name, or what only the target can give.
func Without(word string) (needs []Need) {
	for _, f := range fromTarget {
		if f.word == word || f.part == word {
			needs = append(needs, f.need)
		}
	}
	if need := Need(word); slices.Contains(Features, need) {
		needs = append(needs, need)
	}
	return needs
}

// An Answer is what a broker says to a CONNECT of one version.
type Answer int

// The answers. No more than a refusal in so many words says that a broker does
// not speak a version; whatever else is wrong with an answer is for the checks to
// say, which are heard then. But something that has never sent the beginning of a
// CONNACK is no broker, and there is nothing to test: the line is drawn at the
// packet type in the first byte that came. See [Probe].
const (
	// Accepts is a CONNACK with success.
	Accepts Answer = iota
	// Garbles is what begins as a CONNACK and cannot be read, in the format of either
	// version, or has a code that no version knows.
	Garbles
	// RefusesVersion is a CONNACK with 0x01 (3.1.1) or 0x84 (5.0), or the end of the
	// connection, twice.
	RefusesVersion
	// RefusesClient is a CONNACK with any other code: the credentials are wrong, say,
	// or the server unavailable, and what it is asked for is not the version.
	RefusesClient
	// NoConnack is silence, or the bytes of another protocol.
	NoConnack
)

// Profile is what a broker declares about itself on one protocol version, as
// far as the probe could find out. It is good to run checks with, whatever the
// broker has left unanswered: where nothing was said, a feature is there.
type Profile struct {
	Version codec.Version
	// Answer is what the broker says to CONNECT.
	Answer Answer
	// Accepted says that it accepts connections of the version, or means to: it sends
	// a CONNACK that cannot be read.
	Accepted bool
	// SpeaksMQTT says that something which begins as a CONNACK has come.
	SpeaksMQTT bool
	// Refusal says, where the answer is another, what came instead, in words.
	Refusal string
	Connack *codec.Connack
	// RoundTrip is the time a PINGREQ took to be answered.
	RoundTrip time.Duration
	// NoPingresp is what came in place of the PINGRESP, in words; "" where it came. No
	// check needs it, but a fence by PINGREQ makes no sense then.
	NoPingresp string
	// Slowest is the longest that any of the answers took.
	Slowest time.Duration
	// lacks says of every need that the broker does not meet where it says so.
	lacks map[Need]string
	// missing are the needs that the target does not give.
	missing map[Need]bool
	// granted is what the probe was granted by SUBACK: the QoS, by the kind of
	// Topic Filter.
	granted map[filterKind]codec.QoS
}

// filterKind is a kind of Topic Filter, in words: a broker may refuse one and
// grant the others.
type filterKind string

const (
	plainFilter    filterKind = "subscriptions"
	wildcardFilter filterKind = "wildcard subscriptions"
	sharedFilter   filterKind = "shared subscriptions"
)

// kindOf is the kind of a Topic Filter.
func kindOf(filter string) filterKind {
	switch {
	case strings.HasPrefix(filter, sharePrefix):
		return sharedFilter
	case strings.ContainsAny(filter, "+#"):
		return wildcardFilter
	}
	return plainFilter
}

// Granted says whether the probe was granted a subscription like this one, at its
// QoS.
func (p *Profile) Granted(s codec.Subscription) bool {
	qos, granted := p.granted[kindOf(s.Filter)]
	return granted && s.QoS <= qos
}

// Lacks says whether something that is needed is not there, and where that is
// said: by the broker, or by the target, which gives no way to try it.
func (p *Profile) Lacks(need Need) (where string, lacks bool) {
	if where, lacks = p.lacks[need]; !lacks && p.missing[need] {
		return "the target gives none", true
	}
	return where, lacks
}

// Untried says whether it is only the target that does not give what is needed.
func (p *Profile) Untried(need Need) bool {
	_, lacks := p.lacks[need]
	return p.missing[need] && !lacks
}

// Number is an integer property of the CONNACK, or what its absence means.
func (p *Profile) Number(id codec.PropertyID, absent uint32) uint32 {
	if p.Connack != nil {
		if n, ok := p.Connack.Properties.Number(id); ok {
			return n
		}
	}
	return absent
}

// MaximumQoS is the highest QoS the broker takes part in.
func (p *Profile) MaximumQoS() codec.QoS {
	if _, lacks := p.Lacks(AtLeastOnce); lacks {
		return codec.QoS0
	}
	if _, lacks := p.Lacks(ExactlyOnce); lacks {
		return codec.QoS1
	}
	return codec.QoS2
}

// Probe finds out whether a broker accepts a protocol version and what it
// declares. The error is about the harness and the network; a broker that
// answers, even with nonsense, is a profile.
func Probe(ctx context.Context, target *Target, settings Settings, version codec.Version) (*Profile, error) {
	p := newProfile(target, version)
	stop := Perform(ctx, target, p, settings, func(x *Exchange) {
		c := p.enter(x)
		p.Accepted = p.Answer == Accepts || p.Answer == Garbles
		if p.Answer == Accepts {
			p.measure(x, c)
		}
	}).Stop
	if stop.Kind != Completed {
		return p, errors.New(stop.Reason)
	}
	if version == codec.V5 {
		p.declared(p.Connack.Properties)
	}
	for _, need := range target.Without {
		if _, lacks := p.lacks[need]; !lacks {
			p.lacks[need] = "the target file says so"
		}
	}
	return p, nil
}

// newProfile is the profile of a broker of which nothing is known but the target.
func newProfile(target *Target, version codec.Version) *Profile {
	p := &Profile{
		Version: version, Answer: NoConnack, Connack: &codec.Connack{},
		lacks: map[Need]string{}, missing: map[Need]bool{}, granted: map[filterKind]codec.QoS{},
	}
	for _, f := range fromTarget {
		p.missing[f.need] = !f.given(target)
	}
	return p
}

// enter connects and notes the answer. A broker that is not available is asked
// again for as long as an answer may take, and one that has closed the connection
// once more: a refusal that drops a version is no accident.
func (p *Profile) enter(x *Exchange) (c *Client) {
	_ = wire.Poll(x.ctx, x.settings.Timeout, func() error {
		c = p.knock(x)
		if p.Answer == RefusesClient && slices.Contains(notNow, p.Connack.Code) {
			return errors.New(p.Refusal)
		}
		return nil
	})
	if p.Answer == RefusesVersion && c.Closed() && c.Connack == nil {
		c = p.knock(x)
	}
	return c
}

// notNow are the codes of a server that may soon take the client.
var notNow = []codec.ReasonCode{codec.RefusedServerUnavailable, codec.ServerUnavailable, codec.ServerBusy}

// knock sends a CONNECT and notes the answer. Its CONNACK may have the format of
// either version: who does not know the version of the CONNECT answers in another.
func (p *Profile) knock(x *Exchange) *Client {
	c := x.DialForeign("probe")
	c.Patience(times.Probing(x.settings.Timeout))
	connect := x.NewConnect(Clean, As("probe"))
	asked := time.Now()
	var connack *codec.Connack
	stopped := x.tries(func() {
		c.Send(connect)
		connack = c.WantConnack()
	})
	c.Patience(0)
	first, came := x.log.first(c.name)
	began := came && first == codec.CONNACK
	p.SpeaksMQTT = p.SpeaksMQTT || began
	switch ending := look(c, func(in *wire.Contents) wire.Ending { return in.Ending }); {
	case connack != nil:
		p.Slowest = max(p.Slowest, time.Since(asked))
		c.ID, c.Connack, p.Connack = connect.ClientID, connack, connack
		p.Answer, p.Refusal = answerOf(connack.Code), connack.String()
	case began:
		p.Answer, p.Refusal = Garbles, cmp.Or(stopped.Observed, stopped.Reason)
	case (ending == wire.FIN || ending == wire.RST) && (!came || first == codec.DISCONNECT):
		p.Answer, p.Refusal = RefusesVersion, stopped.Observed
	default:
		p.Answer, p.Refusal = NoConnack, cmp.Or(stopped.Observed, stopped.Reason)
	}
	if p.Answer == Accepts {
		p.Refusal = ""
	}
	return c
}

// answerOf is what a CONNACK with this code says.
func answerOf(code codec.ReasonCode) Answer {
	switch code {
	case codec.Success:
		return Accepts
	case codec.RefusedProtocolVersion, codec.UnsupportedProtocolVersion:
		return RefusesVersion
	}
	for _, v := range []codec.Version{codec.V311, codec.V5} {
		if _, err := codec.Encode(v, codec.Server, &codec.Connack{Code: code}); err == nil {
			return RefusesClient
		}
	}
	return Garbles
}

// tries runs a part of the exchange and says what stopped it; nil is a part that
// came to its end.
func (x *Exchange) tries(part func()) *Stop {
	stopped := x.perform(func(*Exchange) { part() })
	if stopped != nil && stopped.Kind == Broken {
		panic(stopped)
	}
	return stopped
}

// measure finds out what the broker does on a connection that it has accepted.
// None of it decides anything: that is for the checks.
func (p *Profile) measure(x *Exchange, c *Client) {
	// timed takes the time of an answer; what came in its place is returned.
	timed := func(part func()) (took time.Duration, instead string) {
		start := time.Now()
		stopped := x.tries(part)
		took = time.Since(start)
		if stopped != nil {
			return took, cmp.Or(stopped.Observed, stopped.Reason)
		}
		p.Slowest = max(p.Slowest, took)
		return took, ""
	}
	p.RoundTrip = min(p.Slowest, times.Slow)
	if took, instead := timed(c.WantPingresp); instead == "" {
		p.RoundTrip = took
	} else {
		p.NoPingresp = instead
	}
	p.identified(x)
	if p.NoPingresp != "" { // its answer may come in the middle of others
		again := *p
		if c = again.knock(x); again.Answer != Accepts {
			return
		}
	}
	p.grants(c, timed)
	if p.Version == codec.V311 && p.NoPingresp == "" {
		p.messages(x)
	}
}

// messages asks a broker of 3.1.1 whether it takes retained messages, and any at QoS 2.
// One that does not authorize a message "MUST either make a positive acknowledgement
// [...] or close the Network Connection" (MQTT-3.3.5-2), and has no other way to say so.
func (p *Profile) messages(x *Exchange) {
	ends := func(name string, message codec.Publish) (instead string) {
		c := x.DialForeign(name)
		stopped := x.tries(func() {
			c.Send(x.NewConnect(Clean, As(name)))
			c.WantAccepted()
			if message.Topic = x.Topic("probe"); message.QoS > codec.QoS0 {
				message.PacketID = c.PacketID()
			}
			c.Send(&message)
			c.Fence()
		})
		if stopped == nil || c.Connack == nil || !c.Closed() {
			return ""
		}
		return fmt.Sprintf("%s: %s, as a server of 3.1.1 may that does not authorize it (MQTT-3.3.5-2)", &message, stopped.Observed)
	}
	if ends("publisher", codec.Publish{Payload: "probe"}) != "" {
		return // it is not for what is in question here
	}
	if instead := ends("retainer", codec.Publish{Payload: "probe", Retain: true}); instead != "" {
		p.lacks[Retain] = instead
	}
	if instead := ends("exact", codec.Publish{Payload: "probe", QoS: codec.QoS2}); instead != "" {
		p.lacks[ExactlyOnce], p.lacks[ExactlyOnceFromClients] = instead, instead
	}
}

// identified asks the broker whether it takes an empty Client Identifier, which
// it may refuse (section 3.1.3.1). One that does not answer at all refuses nothing.
func (p *Profile) identified(x *Exchange) {
	c := x.DialForeign("nameless")
	var connack *codec.Connack
	unanswered := x.tries(func() {
		c.Send(x.NewConnect(Clean, As("nameless"), Identified("")))
		connack = c.WantConnack()
	})
	switch {
	case connack != nil && connack.Code == codec.Success:
		c.Connack, p.lacks[NoEmptyClientIDs] = connack, connack.String()
	case connack != nil:
		p.lacks[EmptyClientIDs] = connack.String()
	case c.Closed():
		p.lacks[EmptyClientIDs] = unanswered.Observed
	default:
		p.lacks[NoEmptyClientIDs] = unanswered.Observed
	}
}

// Software is what the broker says of its name and version in the topic that
// many brokers have for that; "" if it says nothing.
func Software(ctx context.Context, target *Target, profile *Profile, settings Settings) (software string) {
	settings.KeepTraces = true
	Perform(ctx, target, profile, settings, func(x *Exchange) {
		c := x.Connect(Clean)
		c.Send(&codec.Subscribe{PacketID: c.PacketID(), Subscriptions: []codec.Subscription{{Filter: "$SYS/broker/version"}}})
		Want[*codec.Suback](c, "SUBACK")
		if profile.NoPingresp == "" {
			c.WantPingresp()
		}
		for _, p := range look(c, func(in *wire.Contents) []codec.Packet { return in.All(wire.Messages) }) {
			if message, ok := p.(*codec.Publish); ok && message.Topic == "$SYS/broker/version" && len(message.Payload) < 100 {
				software = strings.Join(strings.Fields(message.Payload), " ")
			}
		}
	})
	return software
}

// declared reads the capabilities of a 5.0 CONNACK (section 3.2.2.3). An
// absent property means that the feature is there.
func (p *Profile) declared(properties codec.Properties) {
	off := func(id codec.PropertyID, need Need) {
		if n, ok := properties.Number(id); ok && n == 0 {
			p.lacks[need] = fmt.Sprintf("CONNACK: %s 0", id)
		}
	}
	off(codec.PropRetainAvailable, Retain)
	off(codec.PropWildcardSubscriptionAvailable, Wildcards)
	off(codec.PropSubscriptionIdentifierAvailable, SubscriptionIdentifiers)
	off(codec.PropSharedSubscriptionAvailable, SharedSubscriptions)
	if n, ok := properties.Number(codec.PropMaximumQoS); ok {
		if n < 2 {
			where := fmt.Sprintf("CONNACK: Maximum QoS %d", n)
			p.lacks[ExactlyOnce], p.lacks[ExactlyOnceFromClients] = where, where
		}
		if n < 1 {
			p.lacks[AtLeastOnce] = "CONNACK: Maximum QoS 0"
		}
	}
	if n, _ := properties.Number(codec.PropTopicAliasMaximum); n == 0 {
		p.lacks[TopicAliases] = "CONNACK: Topic Alias Maximum 0 or absent"
	}
	p.limits(properties)
}

// limits says which limits the broker does not have: checks about what it does
// at them need a broker that does.
func (p *Profile) limits(properties codec.Properties) {
	for with, without := range map[Need]Need{
		ExactlyOnce: NoExactlyOnce, AtLeastOnce: NoAtLeastOnce, Retain: NoRetain, Wildcards: NoWildcards,
		SubscriptionIdentifiers: NoSubscriptionIdentifiers, SharedSubscriptions: NoSharedSubscriptions,
		TopicAliases: NoTopicAliases,
	} {
		if _, lacks := p.lacks[with]; !lacks {
			p.lacks[without] = fmt.Sprintf("CONNACK: %s are available", with)
		}
	}
	atMost := func(need Need, id codec.PropertyID, most uint32) {
		if n, ok := properties.Number(id); !ok || n > most {
			p.lacks[need] = fmt.Sprintf("CONNACK: %s absent or above %d", id, most)
		}
	}
	atMost(PacketSizeLimit, codec.PropMaximumPacketSize, 1<<20)
	atMost(SmallReceiveMaximum, codec.PropReceiveMaximum, 100)
	atMost(ServerKeepAlive, codec.PropServerKeepAlive, 10)
}

// grants asks the broker for subscriptions. One of 3.1.1, which declares nothing
// in CONNACK, may grant a lower QoS than requested (section 3.8.4) and may refuse
// wildcards (MQTT-3.8.3-2), and says so in SUBACK.
func (p *Profile) grants(c *Client, timed func(func()) (time.Duration, string)) {
	if p.Number(codec.PropMaximumPacketSize, leastPacket) < leastPacket {
		return
	}
	grant := func(filter string) (code codec.ReasonCode, said string) {
		s := c.NewSubscribe(codec.QoS2, filter)
		c.Send(s)
		var suback *codec.Suback
		_, instead := timed(func() { suback = Want[*codec.Suback](c, "SUBACK") })
		if instead != "" || suback.PacketID != s.PacketID || len(suback.Codes) != 1 {
			return codec.UnspecifiedError, ""
		}
		if code = suback.Codes[0]; code <= codec.GrantedQoS2 {
			p.granted[kindOf(filter)] = codec.QoS(code)
		}
		return code, suback.String()
	}
	code, said := grant(c.x.Topic("probe"))
	if p.Version == codec.V5 || said == "" {
		return
	}
	switch code {
	case codec.GrantedQoS0:
		p.lacks[AtLeastOnce], p.lacks[ExactlyOnce] = said, said
	case codec.GrantedQoS1:
		p.lacks[ExactlyOnce] = said
	}
	if wild, said := grant(c.x.Topic("probe/+")); wild == codec.SubackFailure && said != "" && code != codec.SubackFailure {
		p.lacks[Wildcards] = said
	}
}

// leastPacket is a Maximum Packet Size that the probe's own packets do not reach.
const leastPacket = 300

// Declared is the profile for a report: what CONNACK says, by the names of the
// specification, and what the probe saw.
func (p *Profile) Declared() map[string]any {
	d := map[string]any{"accepted": p.Accepted}
	if p.Refusal != "" {
		d["refusal"] = p.Refusal
	}
	if !p.Accepted {
		return d
	}
	if p.NoPingresp != "" {
		d["PINGRESP"] = p.NoPingresp
	}
	d["Maximum QoS"] = int(p.MaximumQoS())
	if p.Version == codec.V5 {
		for _, property := range p.Connack.Properties {
			if property.ID == codec.PropUserProperty || property.ID == codec.PropMaximumQoS {
				continue
			}
			if property.Text != "" {
				d[property.ID.String()] = property.Text
			} else {
				d[property.ID.String()] = property.Number
			}
		}
	}
	for _, need := range Features {
		if where, lacks := p.Lacks(need); lacks && (p.Version == codec.V5 || need != TopicAliases) {
			d["lacks "+string(need)] = where
		}
	}
	return d
}
