package harness

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"mqttspec/codec"
)

// An audit holds every packet from the broker against what its connection has
// seen before: what the client asked for in CONNECT, and what was sent already.
// The decoder, which knows packets one at a time, cannot. Both find rules broken;
// see statements.go for the statements that these rest on.
type audit struct {
	version      codec.Version
	known        *codec.Connack // that the broker has sent the probe; nil: none
	connect      *codec.Connect // as the client sent it; nil before
	spoken       bool           // the client has sent a CONNECT of whatever form
	connacks     int
	accepted     bool
	disconnected bool // by the broker
	named        bool // the client has a Client Identifier of its own
	zero         bool // the client has used the Packet Identifier 0
	empty        bool // the client has sent a SUBSCRIBE or UNSUBSCRIBE without a Topic Filter
}

// sent takes note of a packet from the client.
func (a *audit) sent(p codec.Packet) {
	a.spoken = a.spoken || p.Type() == codec.CONNECT
	if connect, ok := p.(*codec.Connect); ok {
		a.named = connect.ClientID != ""
	}
	if illegal, ok := p.(*codec.Illegal); ok {
		p = illegal.Packet()
	}
	switch p := p.(type) {
	case *codec.Connect:
		if a.connect == nil {
			a.connect = p
		}
	case *codec.Publish:
		a.zero = a.zero || p.QoS > codec.QoS0 && p.PacketID == 0
	case *codec.Subscribe:
		a.zero = a.zero || p.PacketID == 0
		a.empty = a.empty || len(p.Subscriptions) == 0
	case *codec.Unsubscribe:
		a.zero = a.zero || p.PacketID == 0
		a.empty = a.empty || len(p.Filters) == 0
	}
}

// received looks at a packet from the broker and lists the rules it breaks, with
// the reason. A rule without a statement, in this version or for this packet, is
// none.
func (a *audit) received(p codec.Packet, size int) (violations []violation) {
	violated := func(r rule, format string, args ...any) {
		if r.statement(a.version, p.Type()) != "" {
			violations = append(violations, violation{r, p.Type(), fmt.Sprintf(format, args...)})
		}
	}
	a.order(p, violated)
	properties := codec.PropertiesOf(p)
	ownStrings(properties, violated)
	if a.version != codec.V5 || a.connect == nil {
		return violations
	}
	a.properties(p, properties, violated)
	a.size(p, properties, size, violated)
	return violations
}

// ownStrings: what a server writes itself, and does not hand on, should have no
// control characters and no Unicode non-characters (section 1.5.4 of 5.0).
func ownStrings(properties codec.Properties, violated func(rule, string, ...any)) {
	for _, property := range properties {
		switch property.ID {
		case codec.PropReasonString, codec.PropAssignedClientIdentifier, codec.PropResponseInformation, codec.PropServerReference:
			if i := strings.IndexFunc(property.Text, discouraged); i >= 0 {
				r, _ := utf8.DecodeRuneInString(property.Text[i:])
				violated(ruleOwnStrings, "%s contains %U", property.ID, r)
			}
		}
	}
}

// discouraged are the code points of section 1.5.4 that should not be sent.
func discouraged(r rune) bool {
	return r >= 0x01 && r <= 0x1F || r >= 0x7F && r <= 0x9F || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE
}

// order: what comes before CONNACK, and after DISCONNECT.
func (a *audit) order(p codec.Packet, violated func(rule, string, ...any)) {
	if a.disconnected {
		violated(ruleAfterDisconnect, "sent after DISCONNECT")
	}
	switch p := p.(type) {
	case *codec.Connack:
		a.connacks++
		a.accepted = a.accepted || p.Code == codec.Success
		if a.connacks > 1 && a.version == codec.V5 {
			violated(ruleConnackTwice, "the second on one connection")
		}
	case *codec.Disconnect:
		if !a.accepted && !a.connackTooLarge() && a.version == codec.V5 {
			violated(ruleDisconnectFirst, "sent before a CONNACK that accepts the connection")
		}
		a.disconnected = a.version == codec.V5
	case *codec.Auth:
	default:
		if !a.accepted && !a.connackTooLarge() {
			violated(ruleConnackFirst, "sent before a CONNACK that accepts the connection")
		}
	}
}

// connackTooLarge says whether CONNACK may be missing because it is too large for the
// client: "the Server MUST discard it without sending it and then behave as if
// it had completed sending" (MQTT-3.1.2-25).
func (a *audit) connackTooLarge() bool {
	if a.connect == nil || a.known == nil {
		return false
	}
	most, ok := a.connect.Properties.Number(codec.PropMaximumPacketSize)
	raw, err := codec.Append(nil, a.version, a.known)
	return ok && err == nil && int64(most) < int64(len(raw))
}

// properties: those that the client must have asked for, or can turn off.
func (a *audit) properties(p codec.Packet, properties codec.Properties, violated func(rule, string, ...any)) {
	method, has := a.connect.Properties.Text(codec.PropAuthenticationMethod)
	got, gotMethod := properties.Text(codec.PropAuthenticationMethod)
	switch p := p.(type) {
	case *codec.Connack:
		switch {
		case gotMethod && !has:
			violated(ruleAuthUnasked, "Authentication Method %q, though CONNECT had none", got)
		case has && p.Code == codec.Success && got != method:
			violated(ruleAuthMethodOther, "Authentication Method %q, though that of CONNECT was %q", got, method)
		}
		if n, _ := a.connect.Properties.Number(codec.PropRequestResponseInformation); n == 0 && properties.Has(codec.PropResponseInformation) {
			violated(ruleResponseInformation, "Response Information, though CONNECT did not request it")
		}
		if id, ok := properties.Text(codec.PropAssignedClientIdentifier); ok && a.named {
			violated(ruleAssignedClientID, "Assigned Client Identifier %q, though CONNECT had a Client Identifier", id)
		}
		if properties.Has(codec.PropServerReference) && p.Code != codec.UseAnotherServer && p.Code != codec.ServerMoved {
			violated(ruleServerReference, "Server Reference with Reason Code %s", p.Code)
		}
	case *codec.Disconnect:
		if properties.Has(codec.PropServerReference) && p.Code != codec.UseAnotherServer && p.Code != codec.ServerMoved {
			violated(ruleServerReference, "Server Reference with Reason Code %s", p.Code)
		}
	case *codec.Auth:
		switch {
		case !has:
			violated(ruleAuthUnasked, "sent, though CONNECT had no Authentication Method")
		case gotMethod && got != method:
			violated(ruleAuthMethodOther, "Authentication Method %q, though that of CONNECT was %q", got, method)
		}
	case *codec.Publish:
		most, _ := a.connect.Properties.Number(codec.PropTopicAliasMaximum)
		switch alias, ok := properties.Number(codec.PropTopicAlias); {
		case ok && most == 0:
			violated(ruleTopicAliasNone, "Topic Alias %d, though CONNECT allowed none", alias)
		case ok && alias > most:
			violated(ruleTopicAliasMaximum, "Topic Alias %d, though CONNECT allowed only up to %d", alias, most)
			violated(ruleTopicAliasSent, "Topic Alias %d, though CONNECT allowed only up to %d", alias, most)
		}
	}
	// "If the value of Request Problem Information is 0, the Server MAY return
	// a Reason String or User Properties on a CONNACK or DISCONNECT packet, but
	// MUST NOT send a Reason String or User Properties on any packet other than
	// PUBLISH, CONNACK, or DISCONNECT" (section 3.1.2.11.7).
	if n, ok := a.connect.Properties.Number(codec.PropRequestProblemInformation); ok && n == 0 {
		switch p.Type() {
		case codec.PUBLISH, codec.CONNACK, codec.DISCONNECT:
		default:
			for _, id := range []codec.PropertyID{codec.PropReasonString, codec.PropUserProperty} {
				if properties.Has(id) {
					violated(ruleProblemInformation, "%s, though CONNECT had Request Problem Information 0", id)
				}
			}
		}
	}
}

// size: nothing larger than the client's Maximum Packet Size.
func (a *audit) size(p codec.Packet, properties codec.Properties, size int, violated func(rule, string, ...any)) {
	most, ok := a.connect.Properties.Number(codec.PropMaximumPacketSize)
	if !ok || most == 0 || uint32(size) <= most {
		return
	}
	violated(ruleMaximumPacketSize, "%d bytes, though CONNECT had Maximum Packet Size %d", size, most)
	if properties.Has(codec.PropReasonString) {
		violated(ruleReasonStringTooLarge, "%d bytes with its Reason String, though CONNECT had Maximum Packet Size %d", size, most)
	}
	if properties.Has(codec.PropUserProperty) {
		violated(ruleUserPropertyTooLarge, "%d bytes with its User Properties, though CONNECT had Maximum Packet Size %d", size, most)
	}
}
