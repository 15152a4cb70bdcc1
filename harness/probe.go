package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mqttspec/codec"
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

// Features are these needs.
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

// Needs of what a broker shows otherwise than in CONNACK, or the target says.
const (
	NoEmptyClientIDs  Need = "a broker that rejects empty Client Identifiers"
	Credentials       Need = "a target with user name and password"
	WebSocketListener Need = "a WebSocket URL"

	RefusedCredentials Need = "credentials that must be refused (access.refused)"
	AdministratorLogin Need = "an administrator's credentials (access.administrator)"
	UnreadableTopic    Need = "a topic that must not be subscribed to (access.unreadable)"
	UnwritableTopic    Need = "a topic that must not be published to (access.unwritable)"
	CertifiedListener  Need = "a listener that demands a client certificate (certified)"
	Restarting         Need = "a way to restart the broker (start or restart)"
	Killing            Need = "a way to kill the broker (start or kill)"
	DurableState       Need = "a broker that keeps its state over a restart (durable)"
	// AuthenticationMethod is an authentication method that the suite can
	// perform (SCRAM), and the credentials for it.
	AuthenticationMethod Need = "an authentication method with credentials"
)

// missingFromTarget says what the target is not known to have.
func (p *Profile) missingFromTarget(t *Target) {
	access := t.Access
	if access == nil {
		access = &Access{}
	}
	for need, known := range map[Need]bool{
		WebSocketListener:    t.WebSocket != nil,
		RefusedCredentials:   len(access.Refused) > 0,
		AdministratorLogin:   access.Administrator != Credential{},
		UnreadableTopic:      access.Unreadable != "",
		UnwritableTopic:      access.Unwritable != "",
		CertifiedListener:    t.Certified != nil,
		Restarting:           t.Life != nil,
		Killing:              t.Life != nil && t.Life.CanKill(),
		DurableState:         t.Durable,
		AuthenticationMethod: t.Authentication != nil && scramMethods[t.Authentication.Method] != nil,
	} {
		if !known {
			p.lacks[need] = "the target gives none"
		}
	}
}

// Profile is what a broker declares about itself on one protocol version, as
// far as the probe could find out.
type Profile struct {
	Version  codec.Version
	Accepted bool
	// Refusal says why the version is not accepted, in words.
	Refusal string
	Connack *codec.Connack
	// RoundTrip is the time a PINGREQ took to be answered.
	RoundTrip time.Duration
	// lacks says of every need that the broker does not meet where it says so.
	lacks map[Need]string
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
	case strings.HasPrefix(filter, "$share/"):
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

// Lacks says whether the broker declares that it does not support something,
// and where it does.
func (p *Profile) Lacks(need Need) (where string, lacks bool) {
	where, lacks = p.lacks[need]
	return where, lacks
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
	profile := &Profile{Version: version, lacks: map[Need]string{}, granted: map[filterKind]codec.QoS{}}
	profile.missingFromTarget(target)
	stop := Perform(ctx, target, profile, settings, func(x *Exchange) {
		c := x.Dial("probe")
		connect := x.NewConnect(Clean, As("probe"))
		c.Send(connect)
		connack := c.WantConnack()
		if connack.Code != codec.Success {
			x.Failf("an accepted connection", "%s", connack)
		}
		profile.Connack, c.Connack, c.ID = connack, connack, connect.ClientID
		start := time.Now()
		c.WantPingresp()
		profile.RoundTrip = time.Since(start)
		profile.identified(x)
		if name, password := target.Credentials(); name == nil || password == nil {
			profile.lacks[Credentials] = "the target gives none"
		}
		if version == codec.V311 {
			profile.grants(c)
		} else {
			profile.declared(connack.Properties)
		}
		for _, need := range target.Lacking {
			if _, lacks := profile.lacks[need]; !lacks {
				profile.lacks[need] = "the target file says so"
			}
		}
	}).Stop
	switch stop.Kind {
	case Completed:
		profile.Accepted = true
	case Broken:
		return profile, errors.New(stop.Reason)
	default:
		profile.Refusal = cmp.Or(stop.Observed, stop.Reason)
	}
	return profile, nil
}

// identified asks the broker whether it takes an empty Client Identifier, which
// it may refuse (section 3.1.3.1).
func (p *Profile) identified(x *Exchange) {
	c := x.Dial("nameless")
	c.Send(x.NewConnect(Clean, As("nameless"), Identified("")))
	if refused := x.perform(func(*Exchange) { c.WantAccepted() }); refused != nil {
		p.lacks[EmptyClientIDs] = refused.Observed
		return
	}
	p.lacks[NoEmptyClientIDs] = c.Connack.String()
}

// Alive says whether the broker answers a CONNECT on a new connection with
// anything at all. A failure seen on a broker that does not is no verdict: it
// may have died, or be out of connections.
func Alive(ctx context.Context, target *Target, profile *Profile, settings Settings) bool {
	settings.KeepTraces = true
	shown := Perform(ctx, target, profile, settings, func(x *Exchange) {
		c := x.Dial("control")
		c.Send(x.NewConnect(Clean))
		Want[codec.Packet](c, "any answer")
	})
	return shown.Stop.Kind == Completed || len(shown.Breaches) > 0
}

// Software is what the broker says of its name and version in the topic that
// many brokers have for that; "" if it says nothing.
func Software(ctx context.Context, target *Target, profile *Profile, settings Settings) (software string) {
	settings.KeepTraces = true
	Perform(ctx, target, profile, settings, func(x *Exchange) {
		c := x.Connect(Clean)
		c.Send(&codec.Subscribe{PacketID: c.PacketID(), Subscriptions: []codec.Subscription{{Filter: "$SYS/broker/version"}}})
		Want[*codec.Suback](c, "SUBACK")
		c.WantPingresp()
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

// grants asks a 3.1.1 broker, which declares nothing in CONNACK, what it
// grants: it may grant a lower QoS than requested (section 3.8.4) and may
// refuse wildcards (MQTT-3.8.3-2), and says so in SUBACK.
func (p *Profile) grants(c *Client) {
	grant := func(filter string) (codec.ReasonCode, string) {
		s := &codec.Subscribe{PacketID: c.PacketID(), Subscriptions: []codec.Subscription{{Filter: filter, QoS: codec.QoS2}}}
		c.Send(s)
		suback := c.WantAnySuback(s.PacketID)
		if len(suback.Codes) != 1 {
			return codec.GrantedQoS2, ""
		}
		if code := suback.Codes[0]; !code.IsError() {
			p.granted[kindOf(filter)] = codec.QoS(code)
		}
		return suback.Codes[0], suback.String()
	}
	code, said := grant(c.x.Topic("probe"))
	switch code {
	case codec.GrantedQoS0:
		p.lacks[AtLeastOnce], p.lacks[ExactlyOnce] = said, said
	case codec.GrantedQoS1:
		p.lacks[ExactlyOnce] = said
	}
	if code, said := grant(c.x.Topic("probe/+")); code == codec.SubackFailure {
		p.lacks[Wildcards] = said
	}
}

// Declared is the profile for a report: what CONNACK says, by the names of the
// specification, and what the probe saw.
func (p *Profile) Declared() map[string]any {
	d := map[string]any{"accepted": p.Accepted}
	if !p.Accepted {
		d["refusal"] = p.Refusal
		return d
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
