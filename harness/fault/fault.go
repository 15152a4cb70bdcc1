// Package fault breaks a good broker on purpose: a [proxy.Proxy] between the scripted
// clients and the broker that makes it break exactly one rule. Every check of
// the suite must be seen to fail against a fault; a check that nothing makes
// fail proves nothing.
//
// A fault is a small declaration: a name, one sentence about the broker it
// makes, the statements which that contradicts, and what it does to packets on
// their way. Faults stand in files by
// the same subjects as the checks they witness for.
package fault

import (
	"context"
	"net"
	"slices"

	"mqttspec/codec"
	"mqttspec/harness/proxy"
)

// A Fault is one broken rule.
type Fault struct {
	// Name is stable and in kebab case.
	Name string
	// Does says what the broken broker does, as the end of "a broker that …".
	Does string
	// Breaks are the statements that it breaks.
	Breaks Breaks
	// Where it is declared, in the module: "harness/fault/session.go:6".
	Where string
	// start makes the behaviour, with whatever state it keeps, for one broker.
	start func() behaviour
}

// What a fault is written in.
type (
	behaviour = proxy.Behaviour
	// A Link is one client's connection through the proxy.
	Link = proxy.Link
	// A Frame is one packet on its way.
	Frame = proxy.Frame
	// Action is what becomes of a packet.
	Action = proxy.Action
)

// The actions.
const (
	Forward = proxy.Forward
	Swallow = proxy.Swallow
)

// NewProxy starts a proxy with one fault in front of the broker that dial
// reaches.
func NewProxy(version codec.Version, f Fault, dial func(context.Context) (net.Conn, error)) (*proxy.Proxy, error) {
	return proxy.Listen(version, f.start(), dial)
}

// fromBroker makes a fault of an edit to the packets of one type that the
// broker sends.
func fromBroker[T codec.Packet](name, does string, breaks Breaks, edit func(l *Link, p T) Action) Fault {
	return stateful(name, does, breaks, func() behaviour { return behaviour{FromBroker: only(edit)} })
}

// fromClient makes a fault of an edit to the packets of one type that clients
// send: the broker then acts on something else than it was told.
func fromClient[T codec.Packet](name, does string, breaks Breaks, edit func(l *Link, p T) Action) Fault {
	return stateful(name, does, breaks, func() behaviour { return behaviour{FromClient: only(edit)} })
}

// stateful makes a fault that remembers something between packets. Every fault
// is made by it in the end.
func stateful(name, does string, breaks Breaks, start func() behaviour) Fault {
	f := Fault{Name: name, Does: does, Breaks: breaks, Where: proxy.DeclaredAt(), start: start}
	if !complete {
		faults = append(faults, f)
	}
	return f
}

// faults are those of this package's variables, in the order of its files.
// Nothing is added once they are complete: what Overlooks and
// AcceptsConnectBreaking make later is their caller's.
var (
	faults   []Fault
	complete bool
)

func init() { complete = true }

// Nothing is no fault: the broker behind as it is.
var Nothing = Fault{Name: "nothing", Does: "does what the broker behind it does", start: func() behaviour { return behaviour{} }}

// All are the faults that this package declares, ordered by file. Those that
// [Overlooks] and [AcceptsConnectBreaking] make on demand are not among them.
func All() []Fault { return slices.Clone(faults) }

// tolerates makes a broker that ignores a packet for which it would have to
// close the connection (or answer with an error), and carries on. Whatever says
// that it has to close it then, is broken.
func tolerates(name, does string, breaks Breaks, match func(l *Link, f *Frame) bool) Fault {
	breaks.Follows.Observed = stillOpen
	if breaks.Follows.Because == "" {
		breaks.Follows.Because = "what is ignored does not end the connection, whatever rules it breaks"
	}
	return stateful(name, does, breaks, func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if match(l, f) {
				return Swallow
			}
			return Forward
		}}
	})
}

// refuses makes a broker that answers a CONNECT with a CONNACK that refuses it
// and closes the connection.
func refuses(name, does string, breaks Breaks, match func(l *Link, f *Frame) bool) Fault {
	return stateful(name, does, breaks, func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Type() != codec.CONNECT || !match(l, f) {
				return Forward
			}
			refusal := &codec.Connack{Code: codec.RefusedServerUnavailable}
			if l.Version == codec.V5 {
				refusal.Code = codec.ServerUnavailable
			}
			l.ToClient(refusal)
			l.CloseClient()
			return Swallow
		}}
	})
}

// accepts makes a broker that answers a CONNECT which it would have to refuse
// as if it were a good one.
func accepts(name, does string, breaks Breaks, match func(l *Link, f *Frame) bool) Fault {
	breaks.Follows.Observed = accepted
	if breaks.Follows.Because == "" {
		breaks.Follows.Because = "each rule about CONNECT that is broken meanwhile has a sentence of its own"
	}
	return stateful(name, does, breaks, func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Type() == codec.CONNECT && match(l, f) {
				l.ToClient(&codec.Connack{})
				return Swallow
			}
			return Forward
		}}
	})
}

// closes makes a broker that closes the connection on some packets, without a
// word.
func closes(name, does string, breaks Breaks, match func(l *Link, f *Frame) bool) Fault {
	return stateful(name, does, breaks, func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if match(l, f) {
				l.CloseClient()
				return Swallow
			}
			return Forward
		}}
	})
}

// malformed matches packets of one type in which the strict decoder finds
// something wrong with one of these fields; without fields, with any.
func malformed(t codec.Type, fields ...string) func(*Link, *Frame) bool {
	return func(_ *Link, f *Frame) bool {
		if f.Breach == nil || f.Type() != t {
			return false
		}
		for _, field := range fields {
			if f.Breach.Field == field {
				return true
			}
		}
		return len(fields) == 0
	}
}

// breaking matches packets in which the strict decoder finds one of these
// statements broken.
func breaking(statements ...string) func(*Link, *Frame) bool {
	return func(_ *Link, f *Frame) bool {
		return f.Breach != nil && slices.Contains(statements, f.Breach.Statement)
	}
}

// breaks is breaking, of packets of one type.
func breaks(t codec.Type, statements ...string) func(*Link, *Frame) bool {
	broken := breaking(statements...)
	return func(l *Link, f *Frame) bool { return f.Type() == t && broken(l, f) }
}

// only applies an edit to the packets of one type.
func only[T codec.Packet](edit func(l *Link, p T) Action) func(*Link, *Frame) Action {
	return proxy.Only(edit)
}

// without is a list of properties less those with this identifier.
func without(properties codec.Properties, id codec.PropertyID) codec.Properties {
	return slices.DeleteFunc(slices.Clone(properties), func(p codec.Property) bool { return p.ID == id })
}
