package fault

import (
	"strings"

	"mqttspec/codec"
)

// inSubscription says whether a packet is a SUBSCRIBE or an UNSUBSCRIBE.
func inSubscription(f *Frame) bool {
	return f.Type() == codec.SUBSCRIBE || f.Type() == codec.UNSUBSCRIBE
}

// IgnoresForeignSubscribeProperties skips what it does not know.
var IgnoresForeignSubscribeProperties = tolerates("ignores-foreign-subscribe-properties", "ignores a SUBSCRIBE or UNSUBSCRIBE with a property that does not belong there and carries on",
	Breaks{V5: "5.0/2.2.2.2/property-identifier"},
	func(_ *Link, f *Frame) bool {
		return inSubscription(f) && f.Breach != nil && f.Breach.Statement == "5.0/2.2.2.2/property-identifier"
	})

// IgnoresCutOffProperties makes do with what is there.
var IgnoresCutOffProperties = tolerates("ignores-cut-off-properties", "ignores a SUBSCRIBE or UNSUBSCRIBE with a property that is cut off and carries on",
	Breaks{V5: "5.0/2.2.2.2/property-data-type"},
	func(_ *Link, f *Frame) bool {
		return inSubscription(f) && f.Breach != nil && strings.Contains(f.Breach.Field, "User Property")
	})

// RefusesRepeatedUserProperties takes User Property for one that comes once.
var RefusesRepeatedUserProperties = stateful("refuses-repeated-user-properties", "closes the connection on a SUBSCRIBE or UNSUBSCRIBE with more than one User Property",
	Breaks{V5: "5.0/3.10.2.1.2/user-property-repeated 5.0/3.8.2.1.3/user-property-repeated"},
	func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			var properties codec.Properties
			switch p := f.Packet.(type) {
			case *codec.Subscribe:
				properties = p.Properties
			case *codec.Unsubscribe:
				properties = p.Properties
			}
			if len(properties.All(codec.PropUserProperty)) > 1 {
				l.CloseClient()
				return Swallow
			}
			return Forward
		}}
	})
