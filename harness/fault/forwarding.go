package fault

import (
	"slices"
	"strings"

	"mqttspec/codec"
)

// Brokers that lose one property of a message.
var (
	DropsPayloadFormat   = dropsProperty("drops-payload-format", Breaks{V5: "MQTT-3.3.2-4 5.0/3.1.3.2/will-properties-forwarded"}, codec.PropPayloadFormatIndicator)
	DropsContentType     = dropsProperty("drops-content-type", Breaks{V5: "MQTT-3.3.2-20 5.0/3.1.3.2/will-properties-forwarded"}, codec.PropContentType)
	DropsResponseTopic   = dropsProperty("drops-response-topic", Breaks{V5: "MQTT-3.3.2-15 5.0/3.1.3.2/will-properties-forwarded"}, codec.PropResponseTopic)
	DropsCorrelationData = dropsProperty("drops-correlation-data", Breaks{V5: "MQTT-3.3.2-16 5.0/3.1.3.2/will-properties-forwarded"}, codec.PropCorrelationData)
	DropsUserProperties  = dropsProperty("drops-user-properties", Breaks{V5: "MQTT-3.3.2-17 5.0/3.1.3.2/will-properties-forwarded"}, codec.PropUserProperty)
)

// dropsProperty loses one property of what it delivers.
func dropsProperty(name string, breaks Breaks, id codec.PropertyID) Fault {
	return editsProperties(name, "delivers messages without their "+id.String(), breaks, func(ps codec.Properties) codec.Properties {
		return slices.DeleteFunc(ps, func(p codec.Property) bool { return p.ID == id })
	})
}

// DeclaresText thinks better of every payload.
var DeclaresText = editsProperties("declares-text", "delivers every message with Payload Format Indicator 1",
	Breaks{V5: "MQTT-3.3.2-4 5.0/3.1.3.2/will-properties-forwarded"},
	func(ps codec.Properties) codec.Properties {
		ps = slices.DeleteFunc(ps, func(p codec.Property) bool { return p.ID == codec.PropPayloadFormatIndicator })
		return append(ps, codec.PayloadFormatIndicator(1))
	})

// LowersText normalises what is not its own.
var LowersText = editsProperties("lowers-text", "delivers Content Type and Response Topic in small letters, with doubled slashes made one",
	Breaks{V5: "MQTT-3.3.2-15 MQTT-3.3.2-20 5.0/3.1.3.2/will-properties-forwarded"},
	func(ps codec.Properties) codec.Properties {
		for i := range ps {
			if ps[i].ID == codec.PropContentType || ps[i].ID == codec.PropResponseTopic {
				ps[i].Text = strings.ReplaceAll(strings.ToLower(ps[i].Text), "//", "/")
			}
		}
		return ps
	})

// SortsUserProperties keeps them tidy.
var SortsUserProperties = editsProperties("sorts-user-properties", "delivers User Properties in the order of their names",
	Breaks{V5: "MQTT-3.3.2-18"},
	func(ps codec.Properties) codec.Properties {
		slices.SortStableFunc(ps, func(a, b codec.Property) int {
			if a.ID != codec.PropUserProperty || b.ID != codec.PropUserProperty {
				return int(a.ID) - int(b.ID)
			}
			return strings.Compare(a.Name, b.Name)
		})
		return ps
	})

// MergesUserProperties takes them for a map.
var MergesUserProperties = editsProperties("merges-user-properties", "delivers only the first of several User Properties with one name",
	Breaks{V5: "MQTT-3.3.2-17"},
	func(ps codec.Properties) codec.Properties {
		seen := map[string]bool{}
		return slices.DeleteFunc(ps, func(p codec.Property) bool {
			again := p.ID == codec.PropUserProperty && seen[p.Name]
			seen[p.Name] = seen[p.Name] || p.ID == codec.PropUserProperty
			return again
		})
	})

// DropsEmptyValues takes an empty value for none.
var DropsEmptyValues = editsProperties("drops-empty-values", "delivers messages without the properties whose name or value is empty",
	Breaks{V5: "MQTT-3.3.2-16 MQTT-3.3.2-17 MQTT-3.3.2-20 5.0/3.1.3.2/will-properties-forwarded",
		Follows: Follows{V5: "MQTT-3.1.3-10", Because: "User Properties of a Will whose value is empty are lost from among the others"}},
	func(ps codec.Properties) codec.Properties {
		return slices.DeleteFunc(ps, func(p codec.Property) bool {
			switch p.ID {
			case codec.PropContentType, codec.PropCorrelationData:
				return p.Text == ""
			case codec.PropUserProperty:
				return p.Text == "" || p.Name == ""
			}
			return false
		})
	})

// editsProperties makes a fault of a change to the properties of the messages
// that the broker delivers.
func editsProperties(name, does string, breaks Breaks, edit func(codec.Properties) codec.Properties) Fault {
	return fromBroker(name, does, breaks, func(_ *Link, p *codec.Publish) Action {
		p.Properties = edit(slices.Clone(p.Properties))
		return Forward
	})
}
