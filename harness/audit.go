package harness

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"mqttspec/codec"
)

// An audit holds every packet from the broker against what its connection has
// seen before: what the client asked for in CONNECT, and what was sent already.
// The decoder, which knows packets one at a time, cannot. Both report breaches
// in the same way, and the same checks answer for them.
type audit struct {
	version      codec.Version
	known        *codec.Connack // that the broker has sent the probe; nil: none
	connect      *codec.Connect // as the client sent it; nil before
	connacks     int
	accepted     bool
	disconnected bool // by the broker
	named        bool // the client has a Client Identifier of its own
	zero         bool // the client has used the Packet Identifier 0
	empty        bool // the client has sent a SUBSCRIBE without a Topic Filter
}

// Statements are those that the harness can find broken by what the broker sends
// on one version, beside those that the decoder names for a packet: by the audit
// of a connection, by the end of it, by the transport.
func Statements(v codec.Version) []string {
	ids := []string{"MQTT-3.2.0-1", "MQTT-6.0.0-1"}
	if v == codec.V311 {
		return ids
	}
	ids = append(ids,
		"5.0/1.5.4/control-characters", "5.0/3.14.2.2.5/server-reference-reason", "5.0/3.2.2.3.16/server-reference-reason",
		"5.0/3.2.2.3.7/assigned-client-identifier-unasked",
		"5.0/4.13.1/connack-reason", "5.0/4.13.1/disconnect-reason", "MQTT-3.1.2-24", "MQTT-3.1.2-26", "MQTT-3.1.2-27",
		"MQTT-3.1.2-28", "MQTT-3.1.2-29", "MQTT-3.14.0-1", "MQTT-3.14.4-1", "MQTT-3.2.0-2", "MQTT-3.3.2-11", "MQTT-4.12.0-5",
		"MQTT-4.12.0-6")
	for _, s := range oversized {
		ids = append(ids, s.reasonString, s.userProperty)
	}
	return ids
}

// sent takes note of a packet from the client.
func (a *audit) sent(p codec.Packet) {
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
	}
}

// received looks at a packet from the broker and lists the statements it
// breaks, with the reason.
func (a *audit) received(p codec.Packet, size int) (breaches []Breach) {
	breach := func(statement, format string, args ...any) {
		breaches = append(breaches, Breach{
			Statement: statement,
			Text:      fmt.Sprintf("%v: %s [%s]", p.Type(), fmt.Sprintf(format, args...), statement),
		})
	}
	a.order(p, breach)
	properties := codec.PropertiesOf(p)
	ownStrings(properties, breach)
	if a.version != codec.V5 || a.connect == nil {
		return breaches
	}
	a.properties(p, properties, breach)
	a.size(p, properties, size, breach)
	return breaches
}

// ownStrings: what a server writes itself, and does not hand on, should have no
// control characters and no Unicode non-characters (section 1.5.4 of 5.0).
func ownStrings(properties codec.Properties, breach func(string, string, ...any)) {
	for _, property := range properties {
		switch property.ID {
		case codec.PropReasonString, codec.PropAssignedClientIdentifier, codec.PropResponseInformation, codec.PropServerReference:
			if i := strings.IndexFunc(property.Text, discouraged); i >= 0 {
				r, _ := utf8.DecodeRuneInString(property.Text[i:])
				breach("5.0/1.5.4/control-characters", "%s contains %U", property.ID, r)
			}
		}
	}
}

// discouraged are the code points of section 1.5.4 that should not be sent.
func discouraged(r rune) bool {
	return r >= 0x01 && r <= 0x1F || r >= 0x7F && r <= 0x9F || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE
}

// order: what comes before CONNACK, and after DISCONNECT.
func (a *audit) order(p codec.Packet, breach func(string, string, ...any)) {
	if a.disconnected {
		breach("MQTT-3.14.4-1", "sent after DISCONNECT")
	}
	switch p := p.(type) {
	case *codec.Connack:
		a.connacks++
		a.accepted = a.accepted || p.Code == codec.Success
		if a.connacks > 1 && a.version == codec.V5 {
			breach("MQTT-3.2.0-2", "the second on one connection")
		}
	case *codec.Disconnect:
		if !a.accepted && !a.connackTooLarge() && a.version == codec.V5 {
			breach("MQTT-3.14.0-1", "sent before a CONNACK that accepts the connection")
		}
		a.disconnected = a.version == codec.V5
	case *codec.Auth:
	default:
		if !a.accepted && !a.connackTooLarge() {
			breach("MQTT-3.2.0-1", "sent before a CONNACK that accepts the connection")
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
func (a *audit) properties(p codec.Packet, properties codec.Properties, breach func(string, string, ...any)) {
	method, has := a.connect.Properties.Text(codec.PropAuthenticationMethod)
	got, gotMethod := properties.Text(codec.PropAuthenticationMethod)
	switch p := p.(type) {
	case *codec.Connack:
		switch {
		case gotMethod && !has:
			breach("MQTT-4.12.0-6", "Authentication Method %q, though CONNECT had none", got)
		case has && p.Code == codec.Success && got != method:
			breach("MQTT-4.12.0-5", "Authentication Method %q, though that of CONNECT was %q", got, method)
		}
		if n, _ := a.connect.Properties.Number(codec.PropRequestResponseInformation); n == 0 && properties.Has(codec.PropResponseInformation) {
			breach("MQTT-3.1.2-28", "Response Information, though CONNECT did not request it")
		}
		if id, ok := properties.Text(codec.PropAssignedClientIdentifier); ok && a.named {
			breach("5.0/3.2.2.3.7/assigned-client-identifier-unasked", "Assigned Client Identifier %q, though CONNECT had a Client Identifier", id)
		}
		if properties.Has(codec.PropServerReference) && p.Code != codec.UseAnotherServer && p.Code != codec.ServerMoved {
			breach("5.0/3.2.2.3.16/server-reference-reason", "Server Reference with Reason Code %s", p.Code)
		}
	case *codec.Disconnect:
		if properties.Has(codec.PropServerReference) && p.Code != codec.UseAnotherServer && p.Code != codec.ServerMoved {
			breach("5.0/3.14.2.2.5/server-reference-reason", "Server Reference with Reason Code %s", p.Code)
		}
	case *codec.Auth:
		switch {
		case !has:
			breach("MQTT-4.12.0-6", "sent, though CONNECT had no Authentication Method")
		case gotMethod && got != method:
			breach("MQTT-4.12.0-5", "Authentication Method %q, though that of CONNECT was %q", got, method)
		}
	case *codec.Publish:
		most, _ := a.connect.Properties.Number(codec.PropTopicAliasMaximum)
		switch alias, ok := properties.Number(codec.PropTopicAlias); {
		case ok && most == 0:
			breach("MQTT-3.1.2-27", "Topic Alias %d, though CONNECT allowed none", alias)
		case ok && alias > most:
			breach("MQTT-3.1.2-26", "Topic Alias %d, though CONNECT allowed only up to %d", alias, most)
			breach("MQTT-3.3.2-11", "Topic Alias %d, though CONNECT allowed only up to %d", alias, most)
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
					breach("MQTT-3.1.2-29", "%s, though CONNECT had Request Problem Information 0", id)
				}
			}
		}
	}
}

// oversized are the statements that forbid a Reason String or a User Property
// which makes a packet too large.
var oversized = map[codec.Type]struct{ reasonString, userProperty string }{
	codec.CONNACK:    {"MQTT-3.2.2-19", "MQTT-3.2.2-20"},
	codec.PUBACK:     {"MQTT-3.4.2-2", "MQTT-3.4.2-3"},
	codec.PUBREC:     {"MQTT-3.5.2-2", "MQTT-3.5.2-3"},
	codec.PUBREL:     {"MQTT-3.6.2-2", "MQTT-3.6.2-3"},
	codec.PUBCOMP:    {"MQTT-3.7.2-2", "MQTT-3.7.2-3"},
	codec.SUBACK:     {"MQTT-3.9.2-1", "MQTT-3.9.2-2"},
	codec.UNSUBACK:   {"MQTT-3.11.2-1", "MQTT-3.11.2-2"},
	codec.DISCONNECT: {"MQTT-3.14.2-3", "MQTT-3.14.2-4"},
	codec.AUTH:       {"MQTT-3.15.2-2", "MQTT-3.15.2-3"},
}

// size: nothing larger than the client's Maximum Packet Size.
func (a *audit) size(p codec.Packet, properties codec.Properties, size int, breach func(string, string, ...any)) {
	most, ok := a.connect.Properties.Number(codec.PropMaximumPacketSize)
	if !ok || most == 0 || uint32(size) <= most {
		return
	}
	breach("MQTT-3.1.2-24", "%d bytes, though CONNECT had Maximum Packet Size %d", size, most)
	s := oversized[p.Type()]
	if s.reasonString != "" && properties.Has(codec.PropReasonString) {
		breach(s.reasonString, "%d bytes with its Reason String, though CONNECT had Maximum Packet Size %d", size, most)
	}
	if s.userProperty != "" && properties.Has(codec.PropUserProperty) {
		breach(s.userProperty, "%d bytes with its User Properties, though CONNECT had Maximum Packet Size %d", size, most)
	}
}
