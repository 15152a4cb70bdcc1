// Package freedom makes brokers that are merely different: each uses one permission
// of the specification (MAY, "the Server decides", a limit that CONNACK announces, an
// order or a time that no sentence fixes), and none may be accused for it. A fault
// (package fault) shows that a check can fail; a freedom that it does not fail a
// broker which is in the right.
//
// A freedom is a small declaration, like a fault: a name, one sentence about the
// broker it makes, and what it does to packets on their way. The catalogue of what
// both specifications leave open is in permissions.go.
package freedom

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"mqttspec/codec"
	"mqttspec/harness/proxy"
)

// A Freedom is one permission that is used.
type Freedom struct {
	// Name is stable and in kebab case.
	Name string
	// Does says what the broker does, as the end of "a broker that …".
	Does string
	// Only is the version that has the permission; 0 is both.
	Only codec.Version
	// TakesAway says what clients can't have from such a broker, so that checks about it
	// are inapplicable; "" is nothing.
	TakesAway string
	// Leaves says which SHOULD such a broker leaves undone, so that checks warn; "" is
	// none.
	Leaves string
	// Late says that it does something late to which no sentence sets a time, so that
	// checks warn of that.
	Late bool
	// Where it is declared, in the module: "harness/freedom/time.go:6".
	Where string
	// start makes the behaviour, with whatever state it keeps, for one broker.
	start func() proxy.Behaviour
}

// What a freedom is written in.
type (
	behaviour = proxy.Behaviour
	link      = proxy.Link
	frame     = proxy.Frame
	action    = proxy.Action
)

const (
	forward = proxy.Forward
	swallow = proxy.Swallow
)

// NewProxy starts a proxy that makes use of a freedom in front of the broker that dial
// reaches. Several are combined by putting one proxy in front of another.
func NewProxy(version codec.Version, f Freedom, dial func(context.Context) (net.Conn, error)) (*proxy.Proxy, error) {
	return proxy.Listen(version, f.start(), dial)
}

// freedoms are those of this package's variables, in the order of its files.
var freedoms []Freedom

// All are the freedoms that this package declares, ordered by file.
func All() []Freedom { return slices.Clone(freedoms) }

// Lookup finds a freedom by its name.
func Lookup(name string) (Freedom, bool) {
	i := slices.IndexFunc(freedoms, func(f Freedom) bool { return f.Name == name })
	if i < 0 {
		return Freedom{}, false
	}
	return freedoms[i], true
}

// In says whether the freedom is one on this version.
func (f Freedom) In(v codec.Version) bool { return f.Only == 0 || f.Only == v }

// declare makes a freedom; what goes with it follows as options.
func declare(name, does string, start func() behaviour, options ...func(*Freedom)) Freedom {
	f := Freedom{Name: name, Does: does, Where: proxy.DeclaredAt(), start: start}
	for _, option := range options {
		option(&f)
	}
	freedoms = append(freedoms, f)
	return f
}

func only(v codec.Version) func(*Freedom)    { return func(f *Freedom) { f.Only = v } }
func takesAway(what string) func(*Freedom)   { return func(f *Freedom) { f.TakesAway = what } }
func leaves(what string) func(*Freedom)      { return func(f *Freedom) { f.Leaves = what } }
func late(f *Freedom)                        { f.Late = true }
func stateless(b behaviour) func() behaviour { return func() behaviour { return b } }
func edits[T codec.Packet](edit func(l *link, p T) action) func(*link, *frame) action {
	return proxy.Only(edit)
}

// A Permission is a sentence of the specification that leaves something open, in our
// own words.
type Permission struct {
	Version codec.Version
	Section string
	// Number tells the permissions of one section apart, in the order of its sentences,
	// from 1.
	Number int
	// Says is what is permitted, as a clause.
	Says string
	// By are the names of the freedoms that make use of it, separated by spaces; without
	// any, Because says why not.
	By, Because string
}

// ID names the permission: "5.0/3.1.2.10/permission-2".
func (p Permission) ID() string {
	return fmt.Sprintf("%s/%s/permission-%d", p.Version, p.Section, p.Number)
}

// Freedoms are those that make use of the permission.
func (p Permission) Freedoms() (all []Freedom) {
	for _, name := range strings.Fields(p.By) {
		if f, ok := Lookup(name); ok {
			all = append(all, f)
		}
	}
	return all
}

// Permissions are those of one version, in the order of its sections.
func Permissions(v codec.Version) (all []Permission) {
	for _, p := range permissions {
		if p.Version == v {
			all = append(all, p)
		}
	}
	return all
}

// Of are the permissions of a section and of those within it.
func Of(v codec.Version, section string) (all []Permission) {
	for _, p := range Permissions(v) {
		if p.Section == section || strings.HasPrefix(p.Section, section+".") {
			all = append(all, p)
		}
	}
	return all
}

// fits says whether a packet is no larger than the client's Maximum Packet Size (5.0).
func fits(l *link, p codec.Packet) bool {
	most, ok := l.Asked().Properties.Number(codec.PropMaximumPacketSize)
	raw, err := codec.Append(nil, l.Version, p)
	return err == nil && (!ok || len(raw) <= int(most))
}

// hangUp ends a connection upon an error: with a DISCONNECT that gives the reason in
// 5.0, and without a word in 3.1.1. The broker behind sees the connection lost.
func hangUp(l *link, reason codec.ReasonCode) action {
	if l.Version == codec.V5 {
		l.ToClient(&codec.Disconnect{Code: reason})
	}
	l.CloseClient()
	l.CloseBroker()
	return swallow
}

// refuse answers a CONNECT with a CONNACK that refuses it, and closes the connection.
func refuse(l *link, v311, v5 codec.ReasonCode) action {
	code := v5
	if l.Version == codec.V311 {
		code = v311
	}
	l.ToClient(&codec.Connack{Code: code})
	l.CloseClient()
	l.CloseBroker()
	return swallow
}

// wellFormed says whether a packet is one that breaks no rule by itself: what breaks
// one is for the broker behind.
func wellFormed(f *frame) bool { return f.Packet != nil && f.Breach == nil }

// set is a list of properties with one in the place of those with the same identifier.
func set(all codec.Properties, p codec.Property) codec.Properties {
	return append(slices.DeleteFunc(slices.Clone(all), func(o codec.Property) bool { return o.ID == p.ID }), p)
}

// say adds a property to a CONNACK, in the place of one of its kind, where the client's
// Maximum Packet Size leaves room for it, and says whether it does.
func say(l *link, p *codec.Connack, property codec.Property) bool {
	before := p.Properties
	if p.Properties = set(before, property); fits(l, p) {
		return true
	}
	p.Properties = before
	return false
}

// lower has a SUBSCRIBE ask for no more than this QoS, for some of its Topic Filters.
func lower(p *codec.Subscribe, most codec.QoS, which func(filter string) bool) {
	for i, s := range p.Subscriptions {
		if which(s.Filter) {
			p.Subscriptions[i].QoS = min(s.QoS, most)
		}
	}
}

// every is which of lower for all.
func every(string) bool { return true }
