package suites

import (
	"fmt"
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// The properties of CONNECT (5.0, section 3.1.2.11): what of them is valid, and
// what closes the connection. Session Expiry Interval is in sessionexpiry.go,
// the Will Properties are in willprops.go.
//

// wrongPropertyCloses is why the server may not overlook an error in a property.
const wrongPropertyCloses = "The sections on the properties of CONNECT call a property twice, and a value that is not allowed, a " +
	"Protocol Error, and section 2.2.2.2 calls a value that is cut short a Malformed Packet: upon each of " +
	"them the server closes the connection [MQTT-4.13.1-1]. mochi 2.7.9 takes them."

var _ = connectPropertyTwice("receive-maximum", "5.0/3.1.2.11.3/receive-maximum-twice",
	codec.ReceiveMaximum(10), codec.ReceiveMaximum(20))

var _ = connectPropertyTwice("maximum-packet-size", "5.0/3.1.2.11.4/maximum-packet-size-twice",
	codec.MaximumPacketSize(1000), codec.MaximumPacketSize(2000))

var _ = connectPropertyTwice("topic-alias-maximum", "5.0/3.1.2.11.5/topic-alias-maximum-twice",
	codec.TopicAliasMaximum(10), codec.TopicAliasMaximum(20))

var _ = connectPropertyTwice("request-response-information", "5.0/3.1.2.11.6/request-response-information-twice",
	codec.RequestResponseInformation(0), codec.RequestResponseInformation(1))

var _ = connectPropertyTwice("request-problem-information", "5.0/3.1.2.11.7/request-problem-information-twice",
	codec.RequestProblemInformation(1), codec.RequestProblemInformation(0))

var _ = authenticationTwice("authentication-method", "5.0/3.1.2.11.9/authentication-method-twice", codec.PropAuthenticationMethod)

var _ = authenticationTwice("authentication-data", "5.0/3.1.2.11.10/authentication-data-twice", codec.PropAuthenticationData)

// authenticationTwice is connectPropertyTwice for one of the two properties of
// enhanced authentication: the target's, or else made-up ones. A broker that
// then refuses the method has not got as far as the property.
func authenticationTwice(name, statement string, id codec.PropertyID) *Definition {
	return Check(Definition{
		Slug:     "connectprops-" + name + "-twice",
		Title:    fmt.Sprintf("closes the connection on a CONNECT with %s twice", id),
		Rules:    Rules{V5: statement},
		Why:      wrongPropertyCloses,
		CaughtBy: Faults{fault.AcceptsConnectBreaking(statement)},
		Body: func(x *Exchange) {
			_, madeUp := x.Profile.Lacks(AuthenticationMethod)
			Each(x, []string{"the same value", "two values"}, textName, func(x *Exchange, values string) {
				properties := codec.Properties{codec.AuthenticationMethod(unknownMethod), codec.AuthenticationData("data")}
				if !madeUp {
					properties = x.Proof().First()
				}
				again := properties.All(id)[0]
				if values == "two values" {
					again.Text += "2"
				}
				alice := x.Dial("alice")

				alice.Send(codec.Wrong(x.NewConnect(Clean, As("alice"), With(properties...), With(again))))

				connack := alice.WantRejected(codec.BadAuthenticationMethod)
				if madeUp && connack != nil && (connack.Code == codec.BadAuthenticationMethod || connack.Code == codec.NotAuthorized) {
					x.Untried(AuthenticationMethod, connack)
				}
			})
		},
	})
}

// connectPropertyTwice declares the check that the server closes the connection on
// a CONNECT with a property twice, with one value or with two.
func connectPropertyTwice(name, statement string, one, other codec.Property) *Definition {
	return Check(Definition{
		Slug:     "connectprops-" + name + "-twice",
		Title:    fmt.Sprintf("closes the connection on a CONNECT with %s twice", one.ID),
		Rules:    Rules{V5: statement},
		Why:      wrongPropertyCloses,
		CaughtBy: Faults{fault.AcceptsConnectBreaking(statement)},
		Body: func(x *Exchange) {
			Each(x, []named[codec.Properties]{
				{"the same value", codec.Properties{one, one}},
				{"two values", codec.Properties{one, other}},
			}, named[codec.Properties].label, func(x *Exchange, twice named[codec.Properties]) {
				wantPropertiesRejected(x, twice.value)
			})
		},
	})
}

// wantPropertiesRejected wants a CONNECT with these properties to be refused.
// Where they speak of authentication, its Reason Codes fit as well.
func wantPropertiesRejected(x *Exchange, properties codec.Properties, edits ...codec.Edit) {
	alice := x.Dial("alice")

	alice.Send(codec.Wrong(x.NewConnect(Clean, As("alice"), With(properties...)), edits...))

	if properties.Has(codec.PropAuthenticationMethod) || properties.Has(codec.PropAuthenticationData) {
		alice.WantRejected(codec.BadAuthenticationMethod, codec.NotAuthorized)
	} else {
		alice.WantRejected()
	}
}

var _ = connectPropertyValue("receive-maximum", "5.0/3.1.2.11.3/receive-maximum-value", codec.ReceiveMaximum(0))

var _ = connectPropertyValue("maximum-packet-size", "5.0/3.1.2.11.4/maximum-packet-size-value", codec.MaximumPacketSize(0))

var _ = connectPropertyValue("request-response-information", "5.0/3.1.2.11.6/request-response-information-value",
	codec.RequestResponseInformation(2), codec.RequestResponseInformation(0xFF))

var _ = connectPropertyValue("request-problem-information", "5.0/3.1.2.11.7/request-problem-information-value",
	codec.RequestProblemInformation(2), codec.RequestProblemInformation(0xFF))

// connectPropertyValue declares the check that the server closes the connection on
// a CONNECT with a value that a property can't have.
func connectPropertyValue(name, statement string, wrong ...codec.Property) *Definition {
	return Check(Definition{
		Slug:     "connectprops-" + name + "-value",
		Title:    fmt.Sprintf("closes the connection on a CONNECT with a %s that is not allowed", wrong[0].ID),
		Rules:    Rules{V5: statement},
		Why:      wrongPropertyCloses,
		CaughtBy: Faults{fault.AcceptsConnectBreaking(statement)},
		Body: func(x *Exchange) {
			Each(x, wrong, valueName, func(x *Exchange, property codec.Property) {
				wantPropertiesRejected(x, codec.Properties{property})
			})
		},
	})
}

// valueName names a case by the value of an integer property.
func valueName(p codec.Property) string { return fmt.Sprint(p.Number) }

var _ = Check(Definition{
	Slug:  "connectprops-authentication-data-alone",
	Title: "closes the connection on a CONNECT with Authentication Data but no Authentication Method",
	Rules: Rules{V5: "5.0/3.1.2.11.10/authentication-data-without-method"},
	Why: "\"It is a Protocol Error to include Authentication Data if there is no Authentication Method\" " +
		"(section 3.1.2.11.10), and that closes the connection [MQTT-4.13.1-1]. Neither mosquitto 2.0.11 " +
		"nor mochi 2.7.9 looks.",
	CaughtBy: Faults{fault.AcceptsConnectBreaking("5.0/3.1.2.11.10/authentication-data-without-method")},
	MendedBy: Faults{fault.MendsAuthenticationDataAlone},
	Body: func(x *Exchange) {
		wantPropertiesRejected(x, codec.Properties{codec.AuthenticationData("data")})
	},
})

var _ = Check(Definition{
	Slug:     "connectprops-foreign",
	Title:    "closes the connection on a CONNECT with a property that does not belong there",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.AcceptsConnectBreaking("5.0/2.2.2.2/property-identifier")},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{
			codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(60), codec.ContentType("text/plain"),
			codec.ResponseTopic("answers"), codec.CorrelationData("data"), codec.SubscriptionIdentifier(1),
			codec.AssignedClientIdentifier("alice"), codec.ServerKeepAlive(60), codec.WillDelayInterval(1),
			codec.ResponseInformation("answers"), codec.ServerReference("elsewhere"), codec.ReasonString("reason"),
			codec.TopicAlias(1), codec.MaximumQoS(QoS1), codec.RetainAvailable(1),
			codec.WildcardSubscriptionAvailable(1), codec.SubscriptionIdentifierAvailable(1), codec.SharedSubscriptionAvailable(1),
		}, propertyName, func(x *Exchange, property codec.Property) {
			wantPropertiesRejected(x, codec.Properties{property})
		})
	},
})

var _ = Check(Definition{
	Slug:     "connectprops-unknown",
	Title:    "closes the connection on a CONNECT with a property that 5.0 does not define",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.AcceptsConnectBreaking("5.0/2.2.2.2/property-identifier")},
	Body: func(x *Exchange) {
		Each(x, undefinedProperties, hexName, func(x *Exchange, id byte) {
			wantPropertiesRejected(x, codec.Properties{codec.ReceiveMaximum(10)}, codec.Set("Receive Maximum Identifier", id))
		})
	},
})

var _ = Check(Definition{
	Slug:     "connectprops-malformed",
	Title:    "closes the connection on a CONNECT whose Property Length does not fit its properties",
	Rules:    Rules{V5: "MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.AcceptsMalformedConnect},
	Body: func(x *Exchange) {
		// One property of 5 bytes, and a Client Identifier that no other length
		// could make sense of.
		Each(x, []named[codec.Edit]{
			{"missing", codec.Drop("Property Length")},
			{"0 bytes for 5", codec.Set("Property Length", 0)},
			{"4 bytes for 5", codec.Set("Property Length", 4)},
			{"6 bytes for 5", codec.Set("Property Length", 6)},
			{"127 bytes, more than the packet has", codec.Set("Property Length", 127)},
			{"a length of five bytes", codec.Set("Property Length", 0x85, 0x80, 0x80, 0x80, 0x00)},
		}, named[codec.Edit].label, func(x *Exchange, length named[codec.Edit]) {
			wantPropertiesRejected(x, codec.Properties{codec.MaximumPacketSize(1 << 20)}, length.value)
		})
	},
})

var _ = Check(Definition{
	Slug:     "connectprops-truncated",
	Title:    "closes the connection on a CONNECT with a property whose value is cut short",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-data-type"},
	Why:      wrongPropertyCloses,
	CaughtBy: Faults{fault.AcceptsConnectBreaking("5.0/2.2.2.2/property-data-type")},
	Body: func(x *Exchange) {
		type cut struct {
			property codec.Property
			edit     codec.Edit
		}
		Each(x, []named[cut]{
			{"Session Expiry Interval of 3 bytes", cut{codec.SessionExpiryInterval(0), codec.Set("Session Expiry Interval", 0, 0, 0)}},
			{"Request Problem Information of none", cut{codec.RequestProblemInformation(1), codec.Set("Request Problem Information")}},
			{"User Property without a value", cut{codec.UserProperty("a", "b"), codec.Set("User Property", 0, 1, 'a')}},
			{"User Property longer than the properties", cut{codec.UserProperty("a", "b"), codec.Set("User Property", 0, 1, 'a', 0, 2, 'b')}},
		}, named[cut].label, func(x *Exchange, c named[cut]) {
			wantPropertiesRejected(x, codec.Properties{c.value.property}, c.value.edit)
		})
	},
})

var _ = Check(Definition{
	Slug:     "connectprops-user-property-repeated",
	Title:    "accepts a CONNECT with several User Properties, even of one name",
	Rules:    Rules{V5: "5.0/3.1.2.11.8/user-property-repeated"},
	CaughtBy: Faults{fault.RefusesRepeatedUserProperty},
	Body: func(x *Exchange) {
		x.Connect(Clean, As("bob"), With(codec.UserProperty("name", "one")))
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), With(
			codec.UserProperty("name", "one"), codec.UserProperty("other", ""), codec.UserProperty("name", "two"),
			codec.UserProperty("name", "one"),
		)))

		alice.AwaitAnswer()
		alice.WantAccepted()
	},
})

var _ = Check(Definition{
	Slug:     "connectprops-accepted",
	Title:    "accepts a CONNECT with any value that a property can have",
	Rules:    Rules{V5: "MQTT-3.1.4-5"},
	CaughtBy: Faults{fault.RefusesConnections, fault.RefusesHighProperties},
	Body: func(x *Exchange) {
		Each(x, []codec.Property{
			codec.SessionExpiryInterval(0), codec.SessionExpiryInterval(1), codec.SessionExpiryInterval(1<<32 - 1),
			codec.ReceiveMaximum(1), codec.ReceiveMaximum(1<<16 - 1),
			codec.MaximumPacketSize(1000), codec.MaximumPacketSize(1<<32 - 1),
			codec.TopicAliasMaximum(0), codec.TopicAliasMaximum(1<<16 - 1),
			codec.RequestResponseInformation(0), codec.RequestResponseInformation(1),
			codec.RequestProblemInformation(0), codec.RequestProblemInformation(1),
			codec.UserProperty("", ""), codec.UserProperty("naïve", "café"),
		}, propertyAndValue, func(x *Exchange, property codec.Property) {
			alice := x.Dial("alice")

			alice.Send(x.NewConnect(Clean, As("alice"), With(property)))

			alice.AwaitAnswer()
			alice.WantAccepted()
		})
	},
})

// propertyAndValue names a case by a property and its value.
func propertyAndValue(p codec.Property) string {
	if p.ID == codec.PropUserProperty {
		return fmt.Sprintf("%s %q=%q", p.ID, p.Name, p.Text)
	}
	return fmt.Sprintf("%s %d", p.ID, p.Number)
}

var _ = Check(Definition{
	Slug:     "connectprops-order",
	Title:    "takes the properties of CONNECT in any order",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-order"},
	CaughtBy: Faults{fault.RefusesUnsortedProperties},
	Body: func(x *Exchange) {
		properties := []codec.Property{
			codec.SessionExpiryInterval(0), codec.RequestProblemInformation(1), codec.RequestResponseInformation(0),
			codec.ReceiveMaximum(100), codec.TopicAliasMaximum(0), codec.UserProperty("name", "value"), codec.MaximumPacketSize(1 << 20),
		}
		x.Connect(Clean, As("alice"), With(properties...)) // sorted

		slices.Reverse(properties)
		reversed := x.Dial("bob")
		reversed.Send(x.NewConnect(Clean, As("bob"), With(properties...)))

		reversed.AwaitAnswer()
		reversed.WantAccepted()
	},
})
