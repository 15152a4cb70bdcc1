package freedom

import (
	"strings"
	"unicode/utf8"

	"mqttspec/codec"
)

// Whom a server lets in, what it lets them do, and how it refuses.

// refusing makes brokers that refuse some CONNECT packets, but not for a Client
// Identifier that they have assigned.
func refusing(name, does string, v311, v5 codec.ReasonCode, which func(p *codec.Connect) bool, options ...func(*Freedom)) Freedom {
	return declare(name, does, func() behaviour {
		assigned := map[string]bool{}
		return behaviour{
			FromClient: edits(func(l *link, p *codec.Connect) action {
				if which(p) && !assigned[p.ClientID] {
					return refuse(l, v311, v5)
				}
				return forward
			}),
			FromBroker: edits(func(_ *link, p *codec.Connack) action {
				if id, ok := p.Properties.Text(codec.PropAssignedClientIdentifier); ok {
					assigned[id] = true
				}
				return forward
			}),
		}
	}, options...)
}

// unusual says whether a Client Identifier has characters that a server need not allow
// (section 3.1.3.1).
func unusual(id string) bool {
	return strings.ContainsFunc(id, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	})
}

// Servers that do not let everybody in.
var (
	RefusesLongClientIdentifiers = refusing("refuses-long-client-identifiers", "refuses Client Identifiers of more than 23 bytes",
		codec.RefusedIdentifier, codec.ClientIdentifierNotValid, func(p *codec.Connect) bool { return len(p.ClientID) > 23 },
		takesAway("longer Client Identifiers"))
	RefusesUnusualClientIdentifiers = refusing("refuses-unusual-client-identifiers", "refuses Client Identifiers with other characters than letters and digits",
		codec.RefusedIdentifier, codec.ClientIdentifierNotValid, func(p *codec.Connect) bool { return unusual(p.ClientID) },
		takesAway("Client Identifiers with other characters"))
	RefusesEmptyClientIdentifiers = refusing("refuses-empty-client-identifiers", "refuses clients without a Client Identifier",
		codec.RefusedIdentifier, codec.ClientIdentifierNotValid, func(p *codec.Connect) bool { return p.ClientID == "" },
		takesAway("Client Identifiers that the server assigns"))
	RefusesWills = refusing("refuses-wills", "refuses clients with a Will as not authorized",
		codec.RefusedNotAuthorized, codec.NotAuthorized, func(p *codec.Connect) bool { return p.Will != nil },
		takesAway("Wills"))
)

// RefusesWithoutConnack says nothing to strangers: "when on a public network and the
// connection has not been authorized it might be unwise to indicate that this is an
// MQTT Server" (5.0, section 3.2.2.2).
var RefusesWithoutConnack = declare("refuses-without-connack", "closes the connection of a client that it does not accept without a CONNACK",
	stateless(behaviour{FromBroker: edits(func(l *link, p *codec.Connack) action {
		switch p.Code {
		case codec.Success:
			return forward
		case codec.RefusedProtocolVersion, codec.RefusedIdentifier: // 3.1.1 demands these (MQTT-3.1.2-2, MQTT-3.1.3-8)
			return forward
		}
		l.CloseClient()
		return swallow
	})}), leaves("the CONNACK that a client should get (3.1.1, section 3.1.4)"), takesAway("a CONNACK that refuses"))

// ClosesWithoutDisconnect leaves the reason out.
var ClosesWithoutDisconnect = declare("closes-without-disconnect", "sends no DISCONNECT before it closes a connection",
	stateless(behaviour{FromBroker: edits(func(*link, *codec.Disconnect) action { return swallow })}),
	only(codec.V5), leaves("the DISCONNECT that gives the reason (section 4.13.1)"), takesAway("a DISCONNECT from the server"))

// LeavesReasonsOpen tells nobody what was wrong.
var LeavesReasonsOpen = declare("leaves-reasons-open", "gives 0x80 Unspecified error as the reason of every refusal and of every DISCONNECT",
	stateless(behaviour{FromBroker: func(_ *link, f *frame) action {
		switch p := f.Packet.(type) {
		case *codec.Connack:
			if p.Code.IsError() {
				p.Code = codec.UnspecifiedError
			}
		case *codec.Disconnect:
			if p.Code.IsError() {
				p.Code = codec.UnspecifiedError
			}
		}
		return forward
	}}), only(codec.V5), leaves("the Reason Codes that fit best"))

// texts are the strings of a packet that a client sends.
func texts(p codec.Packet) (all []string) {
	add := func(properties codec.Properties) {
		for _, p := range properties {
			all = append(all, p.Name, p.Text)
		}
	}
	switch p := p.(type) {
	case *codec.Connect:
		all = append(all, p.ClientID)
		if p.UserName != nil {
			all = append(all, *p.UserName)
		}
		if p.Will != nil {
			all = append(all, p.Will.Topic)
			add(p.Will.Properties)
		}
		add(p.Properties)
	case *codec.Publish:
		all = append(all, p.Topic)
		add(p.Properties)
	case *codec.Subscribe:
		for _, s := range p.Subscriptions {
			all = append(all, s.Filter)
		}
		add(p.Properties)
	case *codec.Unsubscribe:
		all = append(all, p.Filters...)
		add(p.Properties)
	}
	return all
}

// discouraged says whether a string holds a code point that "SHOULD NOT" be in it
// (section 1.5.3 of 3.1.1, 1.5.4 of 5.0).
func discouraged(text string) bool {
	return utf8.ValidString(text) && strings.ContainsFunc(text, func(r rune) bool {
		return 0x01 <= r && r <= 0x1F || 0x7F <= r && r <= 0x9F || 0xFDD0 <= r && r <= 0xFDEF || r&0xFFFE == 0xFFFE
	})
}

// ClosesOnDiscouragedCharacters takes them for an error: "it MAY treat it as a
// Malformed Packet".
var ClosesOnDiscouragedCharacters = declare("closes-on-discouraged-characters", "closes the connection on a string with a code point that should not be in it",
	stateless(behaviour{FromClient: func(l *link, f *frame) action {
		if !wellFormed(f) {
			return forward
		}
		for _, text := range texts(f.Packet) {
			switch {
			case !discouraged(text):
			case f.Type() == codec.CONNECT:
				l.CloseClient()
				l.CloseBroker()
				return swallow
			default:
				return hangUp(l, codec.MalformedPacket)
			}
		}
		return forward
	}}), takesAway("strings with such code points"))

// ValidatesPayloadFormat looks whether a payload is what it is said to be (5.0,
// section 3.3.2.3.2).
var ValidatesPayloadFormat = declare("validates-payload-format", "refuses a payload that is not of the format that it is said to have",
	stateless(behaviour{FromClient: func(l *link, f *frame) action {
		wrong := func(properties codec.Properties, payload string) bool {
			n, ok := properties.Number(codec.PropPayloadFormatIndicator)
			return ok && n == 1 && !utf8.ValidString(payload)
		}
		if !wellFormed(f) {
			return forward
		}
		switch p := f.Packet.(type) {
		case *codec.Connect:
			if p.Will != nil && wrong(p.Will.Properties, p.Will.Payload) {
				return refuse(l, codec.RefusedServerUnavailable, codec.PayloadFormatInvalid)
			}
		case *codec.Publish:
			if !wrong(p.Properties, p.Payload) {
				return forward
			}
			switch p.QoS {
			case codec.QoS0:
				return hangUp(l, codec.PayloadFormatInvalid)
			case codec.QoS1:
				l.ToClient(&codec.Puback{PacketID: p.PacketID, Code: codec.PayloadFormatInvalid})
			default:
				l.ToClient(&codec.Pubrec{PacketID: p.PacketID, Code: codec.PayloadFormatInvalid})
			}
			return swallow
		}
		return forward
	}}), only(codec.V5), takesAway("payloads that are not of their format"))

// ownTopics is what all topics of the suite begin with, unless a run says otherwise.
const ownTopics = "mqttspec"

// RefusesOtherTopics has a "security component to authorize particular actions on the
// topic resource for a given Client" (section 4.7.3).
var RefusesOtherTopics = declare("refuses-other-topics", "lets clients publish and subscribe to no topics but those that begin with "+ownTopics,
	func() behaviour {
		allowed := func(filter string) bool {
			if isShared(filter) {
				_, filter, _ = strings.Cut(strings.TrimPrefix(filter, "$share/"), "/")
			}
			return strings.HasPrefix(filter, ownTopics)
		}
		type answer struct {
			id    uint16
			codes []codec.ReasonCode // those of the refused, and 0xFF for the rest
		}
		const granted = codec.ReasonCode(0xFF)
		asked := map[*link][]answer{}
		kept := map[*link]map[uint16]bool{} // QoS 2 messages of 3.1.1 that go nowhere
		return behaviour{
			FromClient: func(l *link, f *frame) action {
				if !wellFormed(f) {
					return forward
				}
				switch p := f.Packet.(type) {
				case *codec.Subscribe:
					codes := make([]codec.ReasonCode, len(p.Subscriptions))
					var rest []codec.Subscription
					for i, s := range p.Subscriptions {
						if codes[i] = granted; allowed(s.Filter) {
							rest = append(rest, s)
						} else if codes[i] = codec.UnspecifiedError; l.Version == codec.V5 {
							codes[i] = codec.NotAuthorized
						}
					}
					if len(rest) == 0 && len(codes) > 0 {
						l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: codes})
						return swallow
					}
					if p.Subscriptions = rest; len(rest) < len(codes) {
						asked[l] = append(asked[l], answer{p.PacketID, codes})
					}
				case *codec.Publish:
					if p.Topic == "" || allowed(p.Topic) {
						return forward
					}
					code := codec.Success
					if l.Version == codec.V5 {
						code = codec.NotAuthorized
					}
					switch p.QoS {
					case codec.QoS1:
						l.ToClient(&codec.Puback{PacketID: p.PacketID, Code: code})
					case codec.QoS2:
						if kept[l] == nil {
							kept[l] = map[uint16]bool{}
						}
						kept[l][p.PacketID] = l.Version == codec.V311
						l.ToClient(&codec.Pubrec{PacketID: p.PacketID, Code: code})
					}
					return swallow
				case *codec.Pubrel:
					if kept[l][p.PacketID] {
						delete(kept[l], p.PacketID)
						l.ToClient(&codec.Pubcomp{PacketID: p.PacketID})
						return swallow
					}
				}
				return forward
			},
			FromBroker: edits(func(l *link, p *codec.Suback) action {
				for i, a := range asked[l] {
					if a.id != p.PacketID {
						continue
					}
					codes := append([]codec.ReasonCode{}, a.codes...)
					for n := range codes {
						if codes[n] == granted && len(p.Codes) > 0 {
							codes[n], p.Codes = p.Codes[0], p.Codes[1:]
						}
					}
					p.Codes, asked[l] = codes, append(asked[l][:i:i], asked[l][i+1:]...)
					break
				}
				return forward
			}),
		}
	}, takesAway("other topics"))

// DiscardsRetainedAtQoS0 keeps none: it "MAY choose to discard it at any time - if this
// happens there will be no retained message for that topic" (MQTT-3.3.1-7 of 3.1.1).
var DiscardsRetainedAtQoS0 = declare("discards-retained-at-qos-0", "keeps no retained message that was published at QoS 0",
	func() behaviour {
		type publication struct {
			qos codec.QoS
			n   int
		}
		count := 0
		last := map[string]publication{} // by topic
		subscribed := map[*link]int{}
		dropped := map[*link]map[uint16]bool{}
		return behaviour{
			FromClient: func(l *link, f *frame) action {
				count++
				switch p := f.Packet.(type) {
				case *codec.Publish:
					if p.Retain {
						last[p.Topic] = publication{p.QoS, count}
					}
				case *codec.Connect:
					if p.Will != nil && p.Will.Retain {
						last[p.Will.Topic] = publication{p.Will.QoS, count}
					}
				case *codec.Subscribe:
					subscribed[l] = count
				}
				return forward
			},
			FromBroker: func(l *link, f *frame) action {
				switch p := f.Packet.(type) {
				case *codec.Publish:
					if of, ok := last[p.Topic]; ok && p.Retain && of.qos == codec.QoS0 && subscribed[l] > of.n {
						return drop(l, p, dropped)
					}
				case *codec.Pubrel:
					return dropReleased(l, p, dropped)
				}
				return forward
			},
		}
	}, leaves("retained messages at QoS 0, which should be stored (section 3.3.1.3)"), takesAway("retained messages at QoS 0"))

// closing makes brokers of 3.1.1 that close the connection upon some messages: "it MUST
// either make a positive acknowledgement, according to the normal QoS rules, or close
// the Network Connection" where it does not authorize one (MQTT-3.3.5-2).
func closing(name, does, without string, upon func(f *frame, p *codec.Publish) bool) Freedom {
	return declare(name, does, stateless(behaviour{FromClient: func(l *link, f *frame) action {
		if p, ok := f.Packet.(*codec.Publish); ok && wellFormed(f) && upon(f, p) {
			return hangUp(l, codec.NotAuthorized)
		}
		return forward
	}}), only(codec.V311), takesAway(without))
}

// Servers of 3.1.1 that can say in no other way what they don't have.
var (
	ClosesOnRetained = closing("closes-on-retained", "closes the connection upon a PUBLISH with RETAIN 1", "retained messages",
		func(_ *frame, p *codec.Publish) bool { return p.Retain })
	ClosesOnQoS2 = closing("closes-on-qos-2", "closes the connection upon a PUBLISH at QoS 2", "messages to it at QoS 2",
		func(_ *frame, p *codec.Publish) bool { return p.QoS == codec.QoS2 })
	ClosesOnLargeMessages = closing("closes-on-large-messages", "closes the connection upon a PUBLISH of more than 300 bytes", "large messages",
		func(f *frame, _ *codec.Publish) bool { return len(f.Raw) > 300 })
)
