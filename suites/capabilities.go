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

// What the server declares in CONNACK (5.0, section 3.2.2.3), held against it:
// it does what it declares that it can, and a client that uses what it
// declares that it lacks meets a Protocol Error, which closes the connection
// (MQTT-4.13.1-1). The Reason Code for that should be the one of the section.

var _ = Check(Definition{
	Slug:     "capabilities-qos-declared",
	Title:    "takes part in every QoS up to the Maximum QoS that it declares",
	Rules:    Rules{V5: "MQTT-3.2.2-9"},
	Needs:    Needs{AtLeastOnce},
	CaughtBy: Faults{fault.ConcealsMaximumQoS},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			alice := x.Connect(Clean, As("alice"))

			// How it is acknowledged, if it is, is another matter.
			var refusal string
			x.StandsOn(publishing(qos), func() { refusal = alice.WantTakenOrRefused(qos, x.Topic("news"), "hello") })
			alice.PingOrClosed()
			if alice.Closed() {
				x.Failf("the message to be taken, as CONNACK does not declare otherwise", "%s", refusal)
			}
		})
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-qos-subscriptions",
	Title:    "grants subscriptions at any Requested QoS, though it does not support QoS 2",
	Rules:    Rules{V5: "MQTT-3.2.2-10"},
	Needs:    Needs{NoExactlyOnce},
	CaughtBy: Faults{fault.RefusesUnsupportedQoS},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(QoS0, x.Topic("plain"))
		subscribe := &codec.Subscribe{PacketID: alice.PacketID()}
		for _, qos := range []codec.QoS{QoS0, QoS1, QoS2} {
			subscribe.Subscriptions = append(subscribe.Subscriptions, codec.Subscription{Filter: x.Topic(qosName(qos)), QoS: qos})
		}

		alice.Send(subscribe)

		var suback *codec.Suback
		alice.PingOrClosed()
		if alice.Closed() {
			x.Failf("SUBACK granting each subscription", "%s", alice.Refusal(subscribe.PacketID))
		}
		x.StandsOn(StepSubscribe, func() { suback = alice.WantSuback(subscribe.PacketID) })
		x.Expect(suback.Codes).To(HaveEach(BeNumerically("<=", codec.GrantedQoS2)), "the Reason Codes of SUBACK")
	},
})

var _ = Check(Definition{
	Slug:  "capabilities-qos-exceeded",
	Title: "closes the connection on a PUBLISH above the Maximum QoS that it declares",
	Rules: Rules{V5: "MQTT-3.2.2-11"},
	Why: "\"It is a Protocol Error if the Server receives a PUBLISH packet with a QoS greater than the " +
		"Maximum QoS it specified\" (section 3.2.2.3.4). mochi 2.7.9 treats the message as one of the QoS " +
		"that it declares.",
	Needs:    Needs{NoExactlyOnce},
	CaughtBy: Faults{fault.IgnoresUnsupportedPublish},
	Body: func(x *Exchange) {
		Each(x, beyond(x), qosName, func(x *Exchange, qos codec.QoS) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(alice.NewPublish(qos, x.Topic("news"), "hello"))

			alice.WantClosed(codec.QoSNotSupported)
		})
	},
})

// beyond are the QoS that the broker does not support.
func beyond(x *Exchange) []codec.QoS { return []codec.QoS{QoS1, QoS2}[x.UpTo(QoS2):] }

var _ = Check(Definition{
	Slug:     "capabilities-qos-exceeded-reason",
	Title:    "gives 0x9B as its reason for closing on a PUBLISH above the Maximum QoS that it declares",
	Rules:    Rules{V5: "5.0/3.2.2.3.4/qos-not-supported-reason"},
	Needs:    Needs{NoExactlyOnce},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		Each(x, beyond(x), qosName, func(x *Exchange, qos codec.QoS) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(alice.NewPublish(qos, x.Topic("news"), "hello"))

			wantReported(x, alice, codec.QoSNotSupported)
		})
	},
})

// wantReported wants the next reply to be a DISCONNECT with this Reason Code,
// or a SUBACK that gives it: tables 3-8 and 3-10 both have those about
// subscriptions.
func wantReported(x *Exchange, c *Client, code codec.ReasonCode) {
	expected := fmt.Sprintf("DISCONNECT %s", code)
	switch reply := Want[codec.Packet](c, expected).(type) {
	case *codec.Disconnect:
		x.Expect(reply.Code).To(Equal(code), "the Reason Code of DISCONNECT")
	case *codec.Suback:
		x.Expect(reply.Codes).To(HaveEach(code), "the Reason Codes of SUBACK")
	default:
		x.Failf(expected, "%s", reply)
	}
}

var _ = Check(Definition{
	Slug:     "capabilities-will-qos-exceeded",
	Title:    "refuses a CONNECT whose Will QoS is above the Maximum QoS that it declares, and closes the connection",
	Rules:    Rules{V5: "MQTT-3.2.2-12"},
	Needs:    Needs{NoExactlyOnce},
	CaughtBy: Faults{fault.AcceptsUnsupportedWill},
	Body: func(x *Exchange) {
		standsOnWills(x)
		Each(x, beyond(x), qosName, func(x *Exchange, qos codec.QoS) {
			alice := x.Dial("alice")

			alice.Send(x.NewConnect(Clean, As("alice"), WithWill(codec.Will{QoS: qos, Topic: x.Topic("will"), Payload: "gone"})))

			alice.WantRejected(codec.QoSNotSupported)
		})
	},
})

// wantNotAccepted wants the answer to CONNECT, which it leaves, not to accept the
// connection.
func wantNotAccepted(x *Exchange, c *Client) {
	if c.Accepted() {
		x.Failf("the broker to refuse the connection", "%s", c.Connack)
	}
}

var _ = Check(Definition{
	Slug:     "capabilities-will-qos-exceeded-reason",
	Title:    "gives 0x9B as its reason for refusing a CONNECT whose Will QoS is above the Maximum QoS that it declares",
	Rules:    Rules{V5: "5.0/3.2.2.3.4/will-qos-not-supported-reason"},
	Needs:    Needs{NoExactlyOnce},
	CaughtBy: Faults{fault.RefusesSilently, fault.RefusesAsUnavailable},
	Body: func(x *Exchange) {
		standsOnWills(x)
		Each(x, beyond(x), qosName, func(x *Exchange, qos codec.QoS) {
			alice := x.Dial("alice")

			alice.Send(x.NewConnect(Clean, As("alice"), WithWill(codec.Will{QoS: qos, Topic: x.Topic("will"), Payload: "gone"})))

			x.StandsOn(stepWillQoSRefused, func() { wantNotAccepted(x, alice) })
			alice.WantRefusalReason(codec.QoSNotSupported)
		})
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-will-retain-unavailable",
	Title:    "refuses a CONNECT with Will Retain 1 when it declares that it retains no messages, and closes the connection",
	Rules:    Rules{V5: "MQTT-3.2.2-13"},
	Needs:    Needs{NoRetain},
	CaughtBy: Faults{fault.AcceptsUnsupportedWill},
	Body: func(x *Exchange) {
		standsOnWills(x)
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), WithWill(codec.Will{Retain: true, Topic: x.Topic("will"), Payload: "gone"})))

		alice.WantRejected(codec.RetainNotSupported)
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-will-retain-unavailable-reason",
	Title:    "gives 0x9A as its reason for refusing a CONNECT with Will Retain 1",
	Rules:    Rules{V5: "5.0/3.2.2.3.5/will-retain-not-supported-reason"},
	Needs:    Needs{NoRetain},
	CaughtBy: Faults{fault.RefusesSilently, fault.RefusesAsUnavailable},
	Body: func(x *Exchange) {
		standsOnWills(x)
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), WithWill(codec.Will{Retain: true, Topic: x.Topic("will"), Payload: "gone"})))

		x.StandsOn(stepWillRetainRefused, func() { wantNotAccepted(x, alice) })
		alice.WantRefusalReason(codec.RetainNotSupported)
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-retain-unavailable",
	Title:    "closes the connection on a PUBLISH with RETAIN 1 when it declares that it retains no messages",
	Rules:    Rules{V5: "MQTT-3.2.2-14"},
	Needs:    Needs{NoRetain},
	CaughtBy: Faults{fault.IgnoresUnsupportedPublish},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, x.Topic("news"), "hello", Retained))

		alice.WantClosed(codec.RetainNotSupported)
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-retain-unavailable-reason",
	Title:    "gives 0x9A as its reason for closing on a PUBLISH with RETAIN 1",
	Rules:    Rules{V5: "5.0/3.2.2.3.5/retain-not-supported-reason"},
	Needs:    Needs{NoRetain},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, x.Topic("news"), "hello", Retained))

		wantReported(x, alice, codec.RetainNotSupported)
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-topic-alias-exceeded",
	Title:    "closes the connection on a Topic Alias above the Topic Alias Maximum that it declares",
	Rules:    Rules{V5: "MQTT-3.2.2-17"},
	Needs:    Needs{TopicAliases},
	CaughtBy: Faults{fault.IgnoresUnsupportedPublish},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		most, _ := alice.Connack.Properties.Number(codec.PropTopicAliasMaximum)
		if most == maximumAlias {
			x.Inapplicable("CONNACK: Topic Alias Maximum %d; no alias is above it", most)
		}

		alice.Send(alice.NewPublish(QoS0, x.Topic("news"), "hello", Having(codec.TopicAlias(uint16(most+1)))))

		alice.WantClosed(codec.TopicAliasInvalid)
	},
})

// maximumAlias is the highest Topic Alias that there is.
const maximumAlias = 65535

var _ = Check(Definition{
	Slug:  "capabilities-topic-alias-none",
	Title: "closes the connection on a Topic Alias when it declares no Topic Alias Maximum, or 0",
	Rules: Rules{V5: "MQTT-3.2.2-18"},
	Why: "\"If the Topic Alias Maximum property is absent, the default value is 0\" (section 3.2.2.3.8), and " +
		"an alias above it \"is a Protocol Error\" (section 3.3.4). mochi 2.7.9 takes Topic Aliases, but " +
		"has no Topic Alias Maximum in CONNACK.",
	Needs:    Needs{NoTopicAliases},
	CaughtBy: Faults{fault.IgnoresUnsupportedPublish},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(alice.NewPublish(QoS0, x.Topic("news"), "hello", Having(codec.TopicAlias(1))))

		alice.WantClosed(codec.TopicAliasInvalid)
	},
})

// An unavailable subscription is one that uses what a broker may lack.
type unavailable struct {
	filter     string
	properties codec.Properties
	code       codec.ReasonCode
}

// subscribe sends the SUBSCRIBE of a new client.
func (u unavailable) subscribe(x *Exchange) (alice *Client, id uint16) {
	alice = x.Connect(Clean, As("alice"))
	subscribe := &codec.Subscribe{
		PacketID: alice.PacketID(), Properties: u.properties,
		Subscriptions: []codec.Subscription{{Filter: u.filter}},
	}
	alice.Send(subscribe)
	return alice, subscribe.PacketID
}

// wantRefused wants that subscription not to be granted. The section makes it
// a Protocol Error; table 3-8 has the code for SUBACK too.
func (u unavailable) wantRefused(x *Exchange) {
	alice, id := u.subscribe(x)
	alice.WantSubscriptionRefused(id, u.code)
}

// wantReported wants the refusal to give the reason.
func (u unavailable) wantReported(x *Exchange) {
	alice, _ := u.subscribe(x)
	wantReported(x, alice, u.code)
}

func wildcards(x *Exchange) []named[unavailable] {
	return []named[unavailable]{
		{"+", unavailable{x.Topic("+"), nil, codec.WildcardSubscriptionsNotSupported}},
		{"#", unavailable{x.Topic("#"), nil, codec.WildcardSubscriptionsNotSupported}},
	}
}

func identified(x *Exchange) unavailable {
	return unavailable{x.Topic("news"), codec.Properties{codec.SubscriptionIdentifier(1)}, codec.SubscriptionIdentifiersNotSupported}
}

func shared(x *Exchange) unavailable {
	return unavailable{"$share/" + x.ClientID("group") + "/" + x.Topic("news"), nil, codec.SharedSubscriptionsNotSupported}
}

var _ = Check(Definition{
	Slug:     "capabilities-wildcards-unavailable",
	Title:    "refuses a Topic Filter with a wildcard when it declares that these are not available",
	Rules:    Rules{V5: "5.0/3.2.2.3.11/wildcard-subscription-not-supported"},
	Needs:    Needs{NoWildcards},
	CaughtBy: Faults{fault.GrantsEverySubscription},
	Body: func(x *Exchange) {
		Each(x, wildcards(x), named[unavailable].label, func(x *Exchange, u named[unavailable]) { u.value.wantRefused(x) })
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-wildcards-unavailable-reason",
	Title:    "gives 0xA2 as its reason for refusing a Topic Filter with a wildcard",
	Rules:    Rules{V5: "5.0/3.2.2.3.11/wildcard-subscription-not-supported-reason"},
	Needs:    Needs{NoWildcards},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body: func(x *Exchange) {
		Each(x, wildcards(x), named[unavailable].label, func(x *Exchange, u named[unavailable]) { u.value.wantReported(x) })
	},
})

var _ = Check(Definition{
	Slug:     "capabilities-subscription-identifiers-unavailable",
	Title:    "refuses a Subscription Identifier when it declares that these are not available",
	Rules:    Rules{V5: "5.0/3.2.2.3.12/subscription-identifier-not-supported"},
	Needs:    Needs{NoSubscriptionIdentifiers},
	CaughtBy: Faults{fault.GrantsEverySubscription},
	Body:     func(x *Exchange) { identified(x).wantRefused(x) },
})

var _ = Check(Definition{
	Slug:     "capabilities-subscription-identifiers-unavailable-reason",
	Title:    "gives 0xA1 as its reason for refusing a Subscription Identifier",
	Rules:    Rules{V5: "5.0/3.2.2.3.12/subscription-identifier-not-supported-reason"},
	Needs:    Needs{NoSubscriptionIdentifiers},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body:     func(x *Exchange) { identified(x).wantReported(x) },
})

var _ = Check(Definition{
	Slug:     "capabilities-shared-subscriptions-unavailable",
	Title:    "refuses a shared subscription when it declares that these are not available",
	Rules:    Rules{V5: "5.0/3.2.2.3.13/shared-subscription-not-supported"},
	Needs:    Needs{NoSharedSubscriptions},
	CaughtBy: Faults{fault.GrantsEverySubscription},
	Body:     func(x *Exchange) { shared(x).wantRefused(x) },
})

var _ = Check(Definition{
	Slug:     "capabilities-shared-subscriptions-unavailable-reason",
	Title:    "gives 0x9E as its reason for refusing a shared subscription",
	Rules:    Rules{V5: "5.0/3.2.2.3.13/shared-subscription-not-supported-reason"},
	Needs:    Needs{NoSharedSubscriptions},
	CaughtBy: Faults{fault.DisconnectsSilently, fault.DisconnectsForNoReason},
	Body:     func(x *Exchange) { shared(x).wantReported(x) },
})

// What the server does not declare to be unavailable is available: "If not
// present, then Shared Subscriptions are supported", and so on. That it serves
// them well is for other checks; these need one that it takes.

var _ = Check(Definition{
	Slug:  "capabilities-wildcards-available",
	Title: "grants Topic Filters with wildcards unless it declares that these are not available",
	Rules: Rules{V5: "5.0/3.2.2.3.11/wildcard-subscriptions-supported"},
	Why: "What CONNACK does not declare to be unavailable is available (section 3.2.2.3.11). A server that " +
		"supports wildcards \"can still reject a particular subscribe request\": it must not reject them " +
		"all.",
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.RefusesWildcards},
	Body: func(x *Exchange) {
		var several []unavailable
		for _, filter := range []string{"+", "#", "sport/+", "+/tennis", "sport/#"} {
			several = append(several, unavailable{filter: x.Topic(filter)})
		}
		wantAvailable(x, several...)
	},
})

var _ = Check(Definition{
	Slug:  "capabilities-subscription-identifiers-available",
	Title: "takes a Subscription Identifier unless it declares that these are not available",
	Rules: Rules{V5: "5.0/3.2.2.3.12/subscription-identifiers-supported"},
	Why: "What CONNACK does not declare to be unavailable is available: \"If not present, then Subscription " +
		"Identifiers are supported\" (section 3.2.2.3.12).",
	Needs:    Needs{SubscriptionIdentifiers},
	CaughtBy: Faults{fault.RefusesSubscriptionIdentifiers},
	Body:     func(x *Exchange) { wantAvailable(x, identified(x)) },
})

var _ = Check(Definition{
	Slug:  "capabilities-shared-subscriptions-available",
	Title: "grants a shared subscription unless it declares that these are not available",
	Rules: Rules{V5: "5.0/3.2.2.3.13/shared-subscriptions-supported"},
	Why: "What CONNACK does not declare to be unavailable is available: \"If not present, then Shared " +
		"Subscriptions are supported\" (section 3.2.2.3.13).",
	Needs:    Needs{SharedSubscriptions},
	CaughtBy: Faults{fault.RefusesSharedSubscriptions},
	Body:     func(x *Exchange) { wantAvailable(x, shared(x)) },
})

// otherReasons are the Reason Codes of SUBACK that may stand for a reason which
// has nothing to do with the feature: a server need not tell it (section 3.9.3).
var otherReasons = []codec.ReasonCode{codec.UnspecifiedError, codec.ImplementationSpecificError, codec.NotAuthorized, codec.QuotaExceeded}

// wantAvailable wants one at least of these subscriptions to be granted.
func wantAvailable(x *Exchange, subscriptions ...unavailable) {
	x.Connect(Clean, As("bob")).Subscribe(QoS0, x.Topic("news")) // without the feature
	var refusals []string
	for _, u := range subscriptions {
		alice, id := u.subscribe(x)
		alice.PingOrClosed()
		if alice.Closed() {
			refusals = append(refusals, alice.Refusal(id))
			continue
		}
		var suback *codec.Suback
		x.StandsOn(StepSubscribe, func() { suback = alice.WantSuback(id) })
		switch code := suback.Codes[0]; {
		case !code.IsError():
			return
		case slices.Contains(otherReasons, code):
			x.Inapplicable("the broker may refuse this for another reason: %s", suback)
		}
		refusals = append(refusals, suback.String())
	}
	x.Failf("SUBACK granting the subscription, as CONNACK does not declare otherwise", "%s", strings.Join(refusals, "; "))
}
