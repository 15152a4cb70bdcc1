package fault

import (
	"path"

	"mqttspec/codec"
)

// AcceptsConnectBreaking makes a broker that overlooks one of 5.0's rules about
// CONNECT properties: the one with this statement, an ID of ours.
func AcceptsConnectBreaking(statement string) Fault {
	rule := path.Base(statement)
	return accepts("accepts-connect-breaking-"+rule, "accepts a CONNECT that breaks the rule "+rule, Breaks{V5: statement, Follows: Follows{V5: "MQTT-3.1.4-1", Because: "a CONNECT that is not as section 3.1 has it is not validated then"}}, breaking(statement))
}

// MendsAuthenticationDataAlone makes good what brokers get wrong: they ignore
// Authentication Data that they have no use for.
var MendsAuthenticationDataAlone = closes("mends-authentication-data-alone", "closes on a CONNECT with Authentication Data but no Authentication Method",
	Breaks{},
	breaking("5.0/3.1.2.11.10/authentication-data-without-method"))

// RefusesRepeatedUserProperty takes User Property for one like the others.
var RefusesRepeatedUserProperty = refuses("refuses-repeated-user-property", "refuses a CONNECT with more than one User Property",
	Breaks{V5: "5.0/3.1.2.11.8/user-property-repeated"},
	connecting(func(p *codec.Connect) bool { return len(p.Properties.All(codec.PropUserProperty)) > 1 }))

// RefusesHighProperties keeps numbers in fewer bits than they have.
var RefusesHighProperties = refuses("refuses-high-properties", "refuses a CONNECT with a number that needs the sign bit of its type",
	Breaks{V5: "MQTT-3.1.4-5"},
	connecting(func(p *codec.Connect) bool {
		for _, property := range p.Properties {
			if property.Number > 1<<31-1 || property.Number == 1<<16-1 {
				return true
			}
		}
		return false
	}))

// RefusesUnsortedProperties wants them by number.
var RefusesUnsortedProperties = refuses("refuses-unsorted-properties", "refuses a CONNECT whose properties do not stand in the order of their identifiers",
	Breaks{V5: "5.0/2.2.2.2/property-order"},
	connecting(func(p *codec.Connect) bool {
		for i := 1; i < len(p.Properties); i++ {
			if p.Properties[i].ID < p.Properties[i-1].ID {
				return true
			}
		}
		return false
	}))

// connecting matches CONNECT packets by what they say.
func connecting(match func(*codec.Connect) bool) func(*Link, *Frame) bool {
	return func(_ *Link, f *Frame) bool {
		p, ok := f.Packet.(*codec.Connect)
		return ok && match(p)
	}
}
