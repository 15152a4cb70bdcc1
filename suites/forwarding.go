package suites

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// What of a PUBLISH belongs to the message, and must reach its subscribers
// unaltered (5.0, sections 3.3.2.3.2 to 3.3.2.3.9): at once, after waiting for
// the client, and as a retained message.

var _ = Check(Definition{
	Slug:     "forward-payload-format",
	Title:    "hands the Payload Format Indicator on unaltered",
	Rules:    Rules{V5: "MQTT-3.3.2-4"},
	CaughtBy: Faults{fault.DropsPayloadFormat},
	Body: func(x *Exchange) {
		forwarded(x, []named[codec.Properties]{
			{"UTF-8", codec.Properties{codec.PayloadFormatIndicator(1)}},
		}, func(x *Exchange, sent, got codec.Properties) {
			x.Expect(got.All(codec.PropPayloadFormatIndicator)).To(Equal(sent), "Payload Format Indicator")
		})
	},
})

var _ = Check(Definition{
	Slug:     "forward-payload-format-absent",
	Title:    "does not declare a payload as text that was not published as such",
	Rules:    Rules{V5: "MQTT-3.3.2-4"},
	CaughtBy: Faults{fault.DeclaresText},
	Body: func(x *Exchange) {
		forwarded(x, []named[codec.Properties]{
			{"absent", nil},
			{"unspecified bytes", codec.Properties{codec.PayloadFormatIndicator(0)}},
		}, func(x *Exchange, _, got codec.Properties) {
			// 0 "is equivalent to not sending a Payload Format Indicator".
			format, _ := got.Number(codec.PropPayloadFormatIndicator)
			x.Expect(format).To(BeZero(), "Payload Format Indicator")
		})
	},
})

var _ = Check(Definition{
	Slug:     "forward-content-type",
	Title:    "hands the Content Type on unaltered",
	Rules:    Rules{V5: "MQTT-3.3.2-20"},
	CaughtBy: Faults{fault.DropsContentType, fault.LowersText},
	Body: func(x *Exchange) {
		forwarded(x, []named[codec.Properties]{
			{"MIME type", codec.Properties{codec.ContentType("Application/JSON; charset=UTF-8")}},
			{"no MIME type", codec.Properties{codec.ContentType("Käse ≠ 奶酪")}},
		}, func(x *Exchange, sent, got codec.Properties) {
			x.Expect(got.All(codec.PropContentType)).To(Equal(sent), "Content Type")
		})
	},
})

var _ = Check(Definition{
	Slug:     "forward-response-topic",
	Title:    "hands the Response Topic on unaltered",
	Rules:    Rules{V5: "MQTT-3.3.2-15"},
	CaughtBy: Faults{fault.DropsResponseTopic, fault.LowersText},
	Body: func(x *Exchange) {
		forwarded(x, []named[codec.Properties]{
			{"levels", codec.Properties{codec.ResponseTopic("Answers/to/Alice")}},
			{"empty levels", codec.Properties{codec.ResponseTopic("/Answers//")}},
		}, func(x *Exchange, sent, got codec.Properties) {
			x.Expect(got.All(codec.PropResponseTopic)).To(Equal(sent), "Response Topic")
		})
	},
})

var _ = Check(Definition{
	Slug:     "forward-correlation-data",
	Title:    "hands the Correlation Data on unaltered",
	Rules:    Rules{V5: "MQTT-3.3.2-16"},
	CaughtBy: Faults{fault.DropsCorrelationData},
	Body: func(x *Exchange) {
		// As long as fits into a packet, beside the rest of it.
		long := min(1000, int(x.Profile.Number(codec.PropMaximumPacketSize, codec.MaxPacketSize))/2)
		forwarded(x, []named[codec.Properties]{
			{"text", codec.Properties{codec.CorrelationData("request 7")}},
			{"bytes that are no text", codec.Properties{codec.CorrelationData("\x00\xFF\xED\xA0\x80\x01")}},
			{fmt.Sprint(long, " bytes"), codec.Properties{codec.CorrelationData(strings.Repeat("\xFE", long))}},
		}, func(x *Exchange, sent, got codec.Properties) {
			x.Expect(got.All(codec.PropCorrelationData)).To(Equal(sent), "Correlation Data")
		})
	},
})

var _ = Check(Definition{
	Slug:  "forward-user-properties",
	Title: "hands all User Properties on unaltered, in the order of the publisher",
	Rules: Rules{V5: "MQTT-3.3.2-17 MQTT-3.3.2-18"},
	Why: "\"The Server MUST maintain the order of User Properties when forwarding the Application Message\" " +
		"is about those of the publisher: the server may add some of its own.",
	CaughtBy: Faults{fault.DropsUserProperties, fault.SortsUserProperties, fault.MergesUserProperties},
	Body: func(x *Exchange) {
		forwarded(x, []named[codec.Properties]{
			{"several", codec.Properties{
				codec.UserProperty("z", "last goes first"), codec.UserProperty("a", "2"), codec.UserProperty("Größe", "≥ 3 m"),
				codec.UserProperty("a", "1"), codec.UserProperty("a", "1"), codec.UserProperty("b", "+/#"),
			}},
		}, func(x *Exchange, sent, got codec.Properties) {
			x.About("MQTT-3.3.2-17")
			for _, p := range sent { // some are there twice
				x.Expect(count(got, p)).To(BeNumerically(">=", count(sent, p)), "how often %s %q=%q is there", p.ID, p.Name, p.Text)
			}
			x.About("MQTT-3.3.2-18")
			x.Expect(among(got, sent)).To(Equal(sent), "User Properties, as far as they are the publisher's and in their order,")
		})
	},
})

var _ = Check(Definition{
	Slug:     "forward-empty-values",
	Title:    "hands properties with an empty value on like any other",
	Rules:    Rules{V5: "MQTT-3.3.2-16 MQTT-3.3.2-17 MQTT-3.3.2-20"},
	CaughtBy: Faults{fault.DropsEmptyValues},
	Body: func(x *Exchange) {
		forwarded(x, []named[codec.Properties]{
			{"Content Type", codec.Properties{codec.ContentType("")}},
			{"Correlation Data", codec.Properties{codec.CorrelationData("")}},
			{"User Property", codec.Properties{codec.UserProperty("", "nameless"), codec.UserProperty("empty", "")}},
		}, func(x *Exchange, sent, got codec.Properties) {
			x.About(forwardedBy[sent[0].ID])
			x.Expect(among(got, sent)).To(Equal(sent), sent[0].ID.String())
		})
	},
})

var _ = Check(Definition{
	Slug:     "forward-together",
	Title:    "hands all properties of a message on together, whatever order they came in",
	Rules:    Rules{V5: "MQTT-3.3.2-4 MQTT-3.3.2-15 MQTT-3.3.2-16 MQTT-3.3.2-17 MQTT-3.3.2-20 5.0/2.2.2.2/property-order"},
	CaughtBy: Faults{fault.DropsContentType},
	Body: func(x *Exchange) {
		all := codec.Properties{
			codec.UserProperty("first", "1"), codec.CorrelationData("7"), codec.ContentType("text/plain"),
			codec.UserProperty("second", "2"), codec.ResponseTopic("answers"), codec.PayloadFormatIndicator(1),
		}
		forwarded(x, []named[codec.Properties]{
			{"in one order", all},
			{"in another", codec.Properties{all[5], all[0], all[4], all[2], all[3], all[1]}},
		}, func(x *Exchange, sent, got codec.Properties) {
			for _, p := range sent {
				x.About(forwardedBy[p.ID])
				x.Expect(among(got.All(p.ID), sent.All(p.ID))).To(Equal(sent.All(p.ID)), p.ID.String())
			}
		})
	},
})

// forwardedBy are the statements that have each property of a PUBLISH handed on.
var forwardedBy = map[codec.PropertyID]string{
	codec.PropPayloadFormatIndicator: "MQTT-3.3.2-4", codec.PropResponseTopic: "MQTT-3.3.2-15", codec.PropCorrelationData: "MQTT-3.3.2-16",
	codec.PropUserProperty: "MQTT-3.3.2-17", codec.PropContentType: "MQTT-3.3.2-20",
}

// count is how often a property is there.
func count(properties codec.Properties, one codec.Property) (n int) {
	for _, p := range properties {
		if p == one {
			n++
		}
	}
	return n
}

// among are those of the properties sent that are found, in their order, among
// those that have arrived.
func among(got, sent codec.Properties) (found codec.Properties) {
	for _, p := range got {
		if len(found) < len(sent) && p == sent[len(found)] {
			found = append(found, p)
		}
	}
	return found
}

// forwarded publishes a message with each set of properties, and shows what
// arrives of them on each way from a publisher to a subscriber.
func forwarded(x *Exchange, rows []named[codec.Properties], want func(x *Exchange, sent, got codec.Properties)) {
	const payload = "hello"
	type way struct {
		name  string
		needs Needs
		get   func(x *Exchange, topic string, sent codec.Properties) *codec.Publish
	}
	ways := []way{
		{"at once", nil, func(x *Exchange, topic string, sent codec.Properties) *codec.Publish {
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(QoS0, topic)
			x.Connect(Clean, As("alice")).Publish(QoS0, topic, payload, Having(sent...))
			return bob.TakeDelivery(topic, payload)
		}},
		{"after waiting", Needs{AtLeastOnce}, func(x *Exchange, topic string, sent codec.Properties) *codec.Publish {
			bob := x.Connect(Persistent, As("bob"))
			bob.Subscribe(QoS1, topic)
			bob.Disconnect()
			x.Connect(Clean, As("alice")).Publish(QoS1, topic, payload, Having(sent...))
			bob = x.Connect(Persistent, As("bob"))
			var message *codec.Publish
			x.StandsOn(stepQueued, func() { message = bob.TakeDelivery(topic, payload) })
			return message
		}},
		{"retained", Needs{Retain, AtLeastOnce}, func(x *Exchange, topic string, sent codec.Properties) *codec.Publish {
			x.Connect(Clean, As("alice")).Retain(QoS1, topic, payload, Having(sent...))
			bob := x.Connect(Clean, As("bob"))
			bob.Subscribe(QoS0, topic)
			var message *codec.Publish
			x.StandsOn(stepRetainedOnSubscribe, func() { message = bob.TakeDelivery(topic, payload) })
			return message
		}},
	}
	var cases []Case
	for _, row := range rows {
		for _, way := range ways {
			if slices.ContainsFunc(way.needs, func(n Need) bool { _, lacks := x.Profile.Lacks(n); return lacks }) {
				continue
			}
			cases = append(cases, Case{Name: row.name + ", " + way.name, Body: func(x *Exchange) {
				want(x, row.value, way.get(x, x.Topic("properties"), row.value).Properties)
			}})
		}
	}
	x.Cases(cases...)
}
