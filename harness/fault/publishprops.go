package fault

import (
	"strings"

	"mqttspec/codec"
)

// Overlooks makes a broker that does not know one rule about packets: it drops
// a packet that breaks the statement (unless it is a CONNECT) and carries on.
func Overlooks(statement string) Fault {
	name := strings.ToLower(strings.ReplaceAll(statement, "/", "-"))
	return tolerates("overlooks-"+name, "ignores a packet that breaks "+statement+" and carries on",
		func(l *Link, f *Frame) bool { return f.Type() != codec.CONNECT && breaking(statement)(l, f) })
}

// IgnoresShortAcknowledgements are brokers that want every field of an
// acknowledgement to be there.
var IgnoresShortAcknowledgements = []Fault{
	ignoresShort(codec.PUBACK), ignoresShort(codec.PUBREC), ignoresShort(codec.PUBREL), ignoresShort(codec.PUBCOMP),
}

func ignoresShort(t codec.Type) Fault {
	return tolerates("ignores-short-"+strings.ToLower(t.String()), "ignores a "+t.String()+" without a Reason Code or without a Property Length",
		func(_ *Link, f *Frame) bool { return f.Type() == t && len(f.Raw) < 6 })
}

// ForwardsWhateverComes looks at no property.
var ForwardsWhateverComes = stateful("forwards-whatever-comes", "delivers messages with properties that no message can have",
	func() behaviour {
		return behaviour{fromClient: func(l *Link, f *Frame) Action {
			p, ok := f.Packet.(*codec.Publish)
			if !ok || f.Breach == nil {
				return Forward
			}
			for _, other := range l.Others() {
				other.ToClient(p)
			}
			return Swallow
		}}
	})
