package fault

import (
	"strings"

	"mqttspec/codec"
)

// Overlooks makes a broker that does not know one rule about packets: it drops
// a packet that breaks the statement (unless it is a CONNECT) and carries on.
func Overlooks(statement string) Fault {
	name := strings.ToLower(strings.ReplaceAll(statement, "/", "-"))
	return tolerates("overlooks-"+name, "ignores a packet that breaks "+statement+" and carries on", Breaks{V5: statement},
		func(l *Link, f *Frame) bool { return f.Type() != codec.CONNECT && breaking(statement)(l, f) })
}

// Two of the brokers in IgnoresShortAcknowledgements.
var (
	IgnoresShortPuback  = ignoresShort(codec.PUBACK, Breaks{V5: "5.0/3.4.2.1/reason-code-omitted 5.0/3.4.2.2.1/property-length-omitted"})
	IgnoresShortPubcomp = ignoresShort(codec.PUBCOMP, Breaks{V5: "5.0/3.7.2.1/reason-code-omitted 5.0/3.7.2.2.1/property-length-omitted"})
)

// IgnoresShortAcknowledgements are brokers that want every field of an
// acknowledgement to be there.
var IgnoresShortAcknowledgements = []Fault{
	IgnoresShortPuback, ignoresShort(codec.PUBREC, Breaks{V5: "5.0/3.5.2.1/reason-code-omitted 5.0/3.5.2.2.1/property-length-omitted"}), ignoresShort(codec.PUBREL, Breaks{V5: "5.0/3.6.2.1/reason-code-omitted 5.0/3.6.2.2.1/property-length-omitted"}), IgnoresShortPubcomp,
}

func ignoresShort(t codec.Type, breaks Breaks) Fault {
	return tolerates("ignores-short-"+strings.ToLower(t.String()), "ignores a "+t.String()+" without a Reason Code or without a Property Length", breaks,
		func(_ *Link, f *Frame) bool { return f.Type() == t && len(f.Raw) < 6 })
}

// IgnoresRepeatedUserProperty are brokers that take User Property for one like
// the others.
var IgnoresRepeatedUserProperty = []Fault{
	ignoresRepeated(codec.PUBACK, Breaks{V5: "5.0/3.4.2.2.3/user-property-repeated"}), ignoresRepeated(codec.PUBREC, Breaks{V5: "5.0/3.5.2.2.3/user-property-repeated"}), ignoresRepeated(codec.PUBREL, Breaks{V5: "5.0/3.6.2.2.3/user-property-repeated"}), ignoresRepeated(codec.PUBCOMP, Breaks{V5: "5.0/3.7.2.2.3/user-property-repeated"}),
}

func ignoresRepeated(t codec.Type, breaks Breaks) Fault {
	return tolerates("ignores-repeated-user-property-in-"+strings.ToLower(t.String()), "ignores a "+t.String()+" with more than one User Property", breaks,
		func(_ *Link, f *Frame) bool {
			return f.Type() == t && len(codec.PropertiesOf(f.Packet).All(codec.PropUserProperty)) > 1
		})
}

// SeesNoSubscribers are brokers that acknowledge without a look at the
// subscriptions.
var SeesNoSubscribers = []Fault{
	sends("sees-no-subscribers-for-qos-1", "says in every PUBACK that there are no matching subscribers",
		Breaks{V5: "5.0/3.4.2.1/no-matching-subscribers"},
		func(_ *Link, p *codec.Puback) codec.Packet { p.Code = codec.NoMatchingSubscribers; return p }),
	sends("sees-no-subscribers-for-qos-2", "says in every PUBREC that there are no matching subscribers",
		Breaks{V5: "5.0/3.5.2.1/no-matching-subscribers"},
		func(_ *Link, p *codec.Pubrec) codec.Packet { p.Code = codec.NoMatchingSubscribers; return p }),
}

// TakesShortPubrecForSuccess looks for a Reason Code only in front of a
// Property Length.
var TakesShortPubrecForSuccess = stateful("takes-short-pubrec-for-success", "treats a PUBREC without Property Length as one with Reason Code 0x00",
	Breaks{V5: "5.0/3.5.2.2.1/property-length-omitted"},
	func() behaviour {
		return behaviour{FromClient: func(_ *Link, f *Frame) Action {
			if p, ok := f.Packet.(*codec.Pubrec); ok && len(f.Raw) == 5 {
				p.Code = codec.Success
			}
			return Forward
		}}
	})

// ForwardsWhateverComes looks at no property.
var ForwardsWhateverComes = stateful("forwards-whatever-comes", "delivers messages with properties that no message can have",
	Breaks{V5: "MQTT-3.3.2-14"},
	func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			p, ok := f.Packet.(*codec.Publish)
			if !ok || f.Breach == nil || len(p.Properties) == 0 {
				return Forward
			}
			for _, other := range l.Others() {
				other.ToClient(p)
			}
			return Swallow
		}}
	})

// ReleasesRefused does not look at the Reason Code of PUBREC.
var ReleasesRefused = fromClient("releases-refused", "answers a PUBREC with PUBREL though it refuses the message",
	Breaks{V5: "MQTT-4.3.3-4"},
	func(l *Link, p *codec.Pubrec) Action {
		if p.Code.IsError() {
			l.ToClient(&codec.Pubrel{PacketID: p.PacketID})
		}
		return Forward
	})
