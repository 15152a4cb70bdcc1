package fault

import (
	"net"
	"strings"

	"mqttspec/codec"
)

// ofClient matches CONNECT packets by their Client Identifier.
func ofClient(match func(id string) bool) func(*Link, *Frame) bool {
	return connecting(func(p *codec.Connect) bool { return match(p.ClientID) })
}

// RefusesShortClientIDs wants more than one character.
var RefusesShortClientIDs = refuses("refuses-short-client-identifiers", "refuses Client Identifiers of one character",
	Breaks{V311: "MQTT-3.1.3-5", V5: "MQTT-3.1.3-5"},
	ofClient(func(id string) bool { return len(id) == 1 }))

// RefusesLongClientIDs stops at 22 characters.
var RefusesLongClientIDs = refuses("refuses-long-client-identifiers", "refuses Client Identifiers of 23 characters",
	Breaks{V311: "MQTT-3.1.3-5", V5: "MQTT-3.1.3-5"},
	ofClient(func(id string) bool { return len(id) == 23 }))

// unusual is a Client Identifier that a server need not accept.
func unusual(id string) bool {
	return len(id) > 23 || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// RefusesUnusualClientIDsWrongly says that it is unavailable. In 5.0 it goes on
// without a word: there, any code will do.
var RefusesUnusualClientIDsWrongly = stateful("refuses-unusual-client-identifiers-wrongly",
	"refuses Client Identifiers that are longer than 23 bytes or hold other characters than letters and digits with the return code 0x03, or in 5.0 does not answer them",
	Breaks{V311: "MQTT-3.1.3-9", V5: "MQTT-3.1.3-8"},
	func() behaviour {
		refused := ofClient(unusual)
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Type() != codec.CONNECT || !refused(l, f) {
				return Forward
			}
			if l.Version == codec.V311 {
				l.ToClient(&codec.Connack{Code: codec.RefusedServerUnavailable})
				l.CloseClient()
			}
			return Swallow
		}}
	})

// IgnoresUnusualClientIDs says nothing.
var IgnoresUnusualClientIDs = tolerates("ignores-unusual-client-identifiers",
	"does not answer Client Identifiers that are longer than 23 bytes or hold other characters than letters and digits",
	Breaks{V311: "MQTT-3.1.3-9", V5: "MQTT-3.1.3-8"},
	ofClient(unusual))

// TruncatesClientIDs compares all but the last character.
var TruncatesClientIDs = fromClient("truncates-client-identifiers", "tells clients apart by all but the last character of their Client Identifiers",
	Breaks{V311: "MQTT-3.1.3-2", V5: "MQTT-3.1.3-2",
		Follows: Follows{Observed: displaced, Because: "of two clients at the same time one displaces the other, and what is due to that does not come"}},
	func(_ *Link, p *codec.Connect) Action {
		p.ClientID = p.ClientID[:max(0, len(p.ClientID)-1)]
		return Forward
	})

// FoldsClientIDs does not tell capital letters from small ones.
var FoldsClientIDs = fromClient("folds-client-identifiers", "takes Client Identifiers that differ in case for the same",
	Breaks{V311: "MQTT-3.1.3-2", V5: "MQTT-3.1.3-2"},
	func(_ *Link, p *codec.Connect) Action {
		p.ClientID = strings.ToLower(p.ClientID)
		return Forward
	})

// AcceptsMissingClientID does not mind a CONNECT without payload.
var AcceptsMissingClientID = accepts("accepts-missing-client-identifier", "accepts a CONNECT without a Client Identifier",
	Breaks{V311: "MQTT-3.1.3-3 MQTT-3.1.4-1", V5: "MQTT-3.1.3-3 MQTT-3.1.4-1"},
	breaking("MQTT-3.1.3-3"))

// SharesEmptyClientID has one identifier for all who bring none: the proxy puts it
// into their CONNECT, and names it in CONNACK.
var SharesEmptyClientID = stateful("shares-empty-client-identifier", "assigns one and the same Client Identifier to all clients without one",
	Breaks{V311: "MQTT-3.1.3-6", V5: "MQTT-3.1.3-6 MQTT-3.2.2-16"},
	func() behaviour {
		var shared string
		assigned := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Connect) Action {
				if p.ClientID == "" {
					// The broker behind may serve other faults at the same time.
					_, port, _ := net.SplitHostPort(l.Addr().String())
					shared = "nameless" + port
					p.ClientID, assigned[l] = shared, true
				}
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Connack) Action {
				if assigned[l] && l.Version == codec.V5 && p.Code == codec.Success {
					p.Properties = append(p.Properties, codec.AssignedClientIdentifier(shared))
				}
				return Forward
			}),
		}
	})

// OmitsAssignedClientID keeps the identifier to itself.
var OmitsAssignedClientID = fromBroker("omits-assigned-client-identifier", "does not name the Client Identifier that it has assigned",
	Breaks{V5: "MQTT-3.1.3-7 MQTT-3.2.2-16"},
	func(_ *Link, p *codec.Connack) Action {
		p.Properties = without(p.Properties, codec.PropAssignedClientIdentifier)
		return Forward
	})

// MisnamesAssignedClientID names another identifier than it uses.
var MisnamesAssignedClientID = fromBroker("misnames-assigned-client-identifier", "names another Client Identifier in CONNACK than it has assigned",
	Breaks{V5: "MQTT-3.1.3-7 MQTT-3.2.2-16"},
	func(_ *Link, p *codec.Connack) Action {
		for i, property := range p.Properties {
			if property.ID == codec.PropAssignedClientIdentifier {
				p.Properties[i].Text = property.Text + "x"
			}
		}
		return Forward
	})

// AcceptsEmptyPersistentClientID creates a session that nobody can resume.
var AcceptsEmptyPersistentClientID = accepts("accepts-empty-persistent-client-identifier", "accepts an empty Client Identifier with Clean Session 0",
	Breaks{V311: "MQTT-3.1.3-7 MQTT-3.1.3-8"},
	breaking("MQTT-3.1.3-7"))
