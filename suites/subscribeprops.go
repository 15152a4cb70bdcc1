package suites

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// Properties of SUBSCRIBE (5.0, section 3.8.2.1) and UNSUBSCRIBE (3.10.2.1)
// other than the Subscription Identifier's own rules, which are in subid.go.

// everyProperty is one of each of the 27 properties, with a value that is valid
// where the property is.
func everyProperty(x *Exchange) []codec.Property {
	return []codec.Property{
		codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(60), codec.ContentType("text/plain"),
		codec.ResponseTopic(x.Topic("answer")), codec.CorrelationData("question"), codec.SubscriptionIdentifier(1),
		codec.SessionExpiryInterval(0), codec.AssignedClientIdentifier(x.ClientID("assigned")), codec.ServerKeepAlive(60),
		codec.AuthenticationMethod("none"), codec.AuthenticationData("none"), codec.RequestProblemInformation(1),
		codec.WillDelayInterval(0), codec.RequestResponseInformation(0), codec.ResponseInformation("none"),
		codec.ServerReference("none"), codec.ReasonString("none"), codec.ReceiveMaximum(10), codec.TopicAliasMaximum(0),
		codec.TopicAlias(1), codec.MaximumQoS(QoS1), codec.RetainAvailable(1), codec.UserProperty("name", "value"),
		codec.MaximumPacketSize(1 << 20), codec.WildcardSubscriptionAvailable(1), codec.SubscriptionIdentifierAvailable(1),
		codec.SharedSubscriptionAvailable(1),
	}
}

// propertiesWithout are all properties but those that belong to a packet.
func propertiesWithout(x *Exchange, belonging ...codec.PropertyID) []codec.Property {
	return slices.DeleteFunc(everyProperty(x), func(p codec.Property) bool { return slices.Contains(belonging, p.ID) })
}

var _ = Check(Definition{
	Slug:     "subscribeprops-foreign",
	Title:    "closes the connection on a SUBSCRIBE with a property that does not belong there",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.IgnoresForeignSubscribeProperties},
	Body: func(x *Exchange) {
		foreign := propertiesWithout(x, codec.PropSubscriptionIdentifier, codec.PropUserProperty)
		Each(x, foreign, propertyName, func(x *Exchange, property codec.Property) {
			alice := x.Connect(Clean, As("alice"))

			subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
			subscribe.Properties = codec.Properties{property}
			alice.Send(codec.Wrong(subscribe))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribeprops-foreign-unsubscribe",
	Title:    "closes the connection on an UNSUBSCRIBE with a property that does not belong there",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.IgnoresForeignSubscribeProperties},
	Body: func(x *Exchange) {
		Each(x, propertiesWithout(x, codec.PropUserProperty), propertyName, func(x *Exchange, property codec.Property) {
			alice := x.Connect(Clean, As("alice"))

			unsubscribe := alice.NewUnsubscribe(x.Topic("news"))
			unsubscribe.Properties = codec.Properties{property}
			alice.Send(codec.Wrong(unsubscribe))

			alice.WantClosed()
		})
	},
})

// subscribeAndUnsubscribe are a packet of each kind with one User Property.
func subscribeAndUnsubscribe(x *Exchange) []codec.Packet {
	properties := codec.Properties{codec.UserProperty("name", "value")}
	return []codec.Packet{
		&codec.Subscribe{PacketID: 1, Properties: properties, Subscriptions: []codec.Subscription{{Filter: x.Topic("news")}}},
		&codec.Unsubscribe{PacketID: 1, Properties: properties, Filters: []string{x.Topic("news")}},
	}
}

var _ = Check(Definition{
	Slug:     "subscribeprops-unknown",
	Title:    "closes the connection on a SUBSCRIBE or UNSUBSCRIBE with a property identifier that does not exist",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	CaughtBy: Faults{fault.IgnoresForeignSubscribeProperties},
	Body: func(x *Exchange) {
		type row struct {
			packet     codec.Packet
			identifier byte
		}
		var rows []row
		for _, packet := range subscribeAndUnsubscribe(x) {
			for _, identifier := range undefinedProperties {
				rows = append(rows, row{packet, identifier})
			}
		}
		Each(x, rows, func(r row) string { return packetName(r.packet) + " " + hexName(r.identifier) }, func(x *Exchange, r row) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(r.packet, codec.Insert("User Property Identifier", r.identifier, 0x01)))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribeprops-cut-off",
	Title:    "closes the connection on a SUBSCRIBE or UNSUBSCRIBE with a property that ends before its value does",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-data-type"},
	CaughtBy: Faults{fault.IgnoresCutOffProperties},
	Body: func(x *Exchange) {
		type row struct {
			name   string
			packet codec.Packet
			value  []byte // of the User Property
		}
		var rows []row
		for _, packet := range subscribeAndUnsubscribe(x) {
			rows = append(rows,
				row{"no value", packet, []byte{}},
				row{"half a length", packet, []byte{0x00}},
				row{"a name only", packet, []byte("\x00\x04name")},
				row{"a value shorter than its length", packet, []byte("\x00\x04name\x00\x05val")},
			)
		}
		Each(x, rows, func(r row) string { return packetName(r.packet) + ": " + r.name }, func(x *Exchange, r row) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(r.packet, codec.Set("User Property", r.value...)))

			alice.WantClosed()
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribeprops-user",
	Title:    "takes User Properties in SUBSCRIBE, several and with the same name",
	Rules:    Rules{V5: "5.0/3.8.2.1.3/user-property-repeated"},
	CaughtBy: Faults{fault.RefusesRepeatedUserProperties},
	Body: func(x *Exchange) {
		Each(x, repeatedUserProperties(), userPropertiesName, func(x *Exchange, properties codec.Properties) {
			alice := x.Connect(Clean, As("alice"))

			subscribe := alice.NewSubscribe(QoS0, x.Topic("news"))
			subscribe.Properties = properties
			alice.Send(subscribe)

			alice.WantSuback(subscribe.PacketID)
			alice.WantPingresp()
		})
	},
})

var _ = Check(Definition{
	Slug:     "subscribeprops-user-unsubscribe",
	Title:    "takes User Properties in UNSUBSCRIBE, several and with the same name",
	Rules:    Rules{V5: "5.0/3.10.2.1.2/user-property-repeated"},
	CaughtBy: Faults{fault.RefusesRepeatedUserProperties},
	Body: func(x *Exchange) {
		Each(x, repeatedUserProperties(), userPropertiesName, func(x *Exchange, properties codec.Properties) {
			alice := x.Connect(Clean, As("alice"))

			unsubscribe := alice.NewUnsubscribe(x.Topic("news"))
			unsubscribe.Properties = properties
			alice.Send(unsubscribe)

			x.Controlled(
				func() { alice.WantUnsuback(unsubscribe.PacketID) },
				func() { x.Connect(Clean, As("bob")).Unsubscribe(x.Topic("news")) },
			)
			alice.WantPingresp()
		})
	},
})

// repeatedUserProperties are lists of User Properties that sections 3.8.2.1.3
// and 3.10.2.1.2 allow by name.
func repeatedUserProperties() []codec.Properties {
	return []codec.Properties{
		{codec.UserProperty("a", "1"), codec.UserProperty("b", "2")},
		{codec.UserProperty("a", "1"), codec.UserProperty("a", "2")},
		{codec.UserProperty("a", "1"), codec.UserProperty("b", "2"), codec.UserProperty("a", "1")},
		{codec.UserProperty("", ""), codec.UserProperty("", "")},
	}
}

func userPropertiesName(ps codec.Properties) string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = fmt.Sprintf("%q=%q", p.Name, p.Text)
	}
	return strings.Join(names, " ")
}
