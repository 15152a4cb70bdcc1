package suites

import (
	"slices"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Access rules. The specification leaves it to a server whom it admits and what
// it lets them do, and lays down how it then behaves: to a CONNECT in section
// 3.1.4, to a PUBLISH in 3.3.5 (3.4.2.1 and 3.5.2.1 of 5.0), to a SUBSCRIBE in
// 3.8.4. What is forbidden here is what the target file says is.

var _ = Check(Definition{
	Slug:     "access-refused-credentials",
	Title:    "lets nobody in with credentials that must be refused, and closes the connection",
	Rules:    Rules{V311: "3.1.1/3.1.4/refusal-closes", V5: "MQTT-3.1.4-2"},
	Needs:    Needs{RefusedCredentials},
	CaughtBy: Faults{fault.AcceptsRefusedClients, fault.HoldsRefused},
	Body: func(x *Exchange) {
		x.Decides(StepRefusalCloses)
		Each(x, x.Access().Refused, func(c Credential) string { return "user name " + c.UserName }, func(x *Exchange, wrong Credential) {
			alice := x.Dial("alice")

			alice.Send(x.NewConnect(Clean, As("alice"), Login(wrong.UserName, wrong.Password)))

			alice.WantRejected(codec.BadUserNameOrPassword, codec.NotAuthorized, codec.Banned,
				codec.RefusedCredentials, codec.RefusedNotAuthorized)
		})
	},
})

var _ = Check(Definition{
	Slug:     "access-certificate-missing",
	Title:    "lets nobody in without a client certificate where it demands one",
	Rules:    Rules{V311: "3.1.1/3.1.4/refusal-closes", V5: "MQTT-3.1.4-2"},
	Needs:    Needs{CertifiedListener},
	CaughtBy: Faults{fault.IgnoresMissingCertificate},
	Body: func(x *Exchange) {
		// The listener works for those who have one.
		bob := x.DialCertified("bob")
		bob.Send(x.NewConnect(Clean, As("bob")))
		bob.AwaitAnswer()
		if connack := bob.UnreadConnack(); connack != nil && connack.Code != codec.Success {
			x.Inapplicable("the listener does not accept the certificate of the target file either: %s", connack)
		}
		x.StandsOn(StepConnect, func() { bob.WantAccepted() })

		alice, refusal := x.DialUncertified("alice")
		if refusal != "" {
			return
		}
		// In TLS 1.3 a client has finished its handshake before the server looks
		// for the certificate.
		alice.Send(x.NewConnect(Clean, As("alice")))

		alice.WantRejected(codec.NotAuthorized, codec.BadUserNameOrPassword)
	},
})

var _ = Check(Definition{
	Slug:  "access-subscription-refused",
	Title: "refuses a forbidden subscription, if it does, in its place of SUBACK and grants the others",
	Rules: Rules{V311: "MQTT-3.8.4-4 MQTT-3.8.4-5 MQTT-3.9.3-1", V5: "MQTT-3.8.4-5 MQTT-3.8.4-7 MQTT-3.9.3-1"},
	Why: "A broker that grants the subscription and sends nothing for it breaks no rule: SUBACK has to " +
		"show what was granted or that it failed, and who may receive which message is another matter. " +
		"But one that refuses has to say so in the right place [MQTT-3.9.3-1], and as if each " +
		"subscription had come in a packet of its own.",
	Needs:    Needs{UnreadableTopic},
	CaughtBy: Faults{fault.RefusesAllForOne, fault.ReversesSubackCodes},
	Body: func(x *Exchange) {
		allowed, forbidden, other := x.Topic("news"), x.Unreadable("news"), x.Topic("weather")
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, allowed, other, forbidden)
		alice.Send(subscribe)

		suback := wantSubackUnlessClosed(x, alice, subscribe.PacketID)
		if !slices.ContainsFunc(suback.Codes, codec.ReasonCode.IsError) {
			x.Inapplicable("the broker grants the forbidden subscription")
		}
		x.Expect(slices.ContainsFunc(suback.Codes[:2], codec.ReasonCode.IsError)).To(BeFalse(), "refusal of an allowed subscription")
		x.Expect(suback.Codes[2].IsError()).To(BeTrue(), "failure of the forbidden subscription")
		x.Connect(Clean, As("bob")).Publish(QoS0, allowed, "hello")
		alice.TakeDelivery(allowed, "hello")
	},
})

var _ = Check(Definition{
	Slug:     "access-subscription-undelivered",
	Title:    "sends nothing for a subscription that it has refused",
	Rules:    Rules{V311: "MQTT-3.8.4-5", V5: "MQTT-3.8.4-7"},
	Needs:    Needs{UnreadableTopic, AdministratorLogin},
	CaughtBy: Faults{fault.DeliversPastRules},
	Body: func(x *Exchange) {
		allowed, forbidden := x.Topic("news"), x.Unreadable("news")
		administrator := x.Connect(Clean, As("administrator"), AsAdministrator)
		administrator.Subscribe(x.UpTo(QoS1), forbidden)
		alice := x.Connect(Clean, As("alice"))
		subscribe := alice.NewSubscribe(QoS0, allowed, forbidden)
		alice.Send(subscribe)
		if suback := wantSubackUnlessClosed(x, alice, subscribe.PacketID); !suback.Codes[1].IsError() {
			x.Inapplicable("the broker grants the forbidden subscription")
		}

		administrator.Publish(x.UpTo(QoS1), forbidden, "hidden")
		administrator.Ack(administrator.TakePublish(forbidden, "hidden"))

		marker := administrator.Marker(QoS0, allowed)
		x.Uncontrolled(func() { alice.WantNothingBefore(marker) })
	},
})

// wantSubackUnlessClosed is the SUBACK to a SUBSCRIBE that holds a forbidden
// subscription. A broker that would rather close the connection may, where it says
// that this is its reason (5.0).
func wantSubackUnlessClosed(x *Exchange, c *Client, id uint16) (suback *codec.Suback) {
	c.PingOrClosed()
	if d := c.BrokerDisconnect(); d != nil && d.Code == codec.NotAuthorized {
		x.Inapplicable("the broker closes the connection of a client that asks for a forbidden subscription: %s", d)
	}
	x.StandsOn(StepSubscribe, func() { suback = c.WantSuback(id) })
	return suback
}

var _ = Check(Definition{
	Slug:     "access-publish-answered",
	Title:    "acknowledges a forbidden PUBLISH as its version allows, or closes the connection",
	Rules:    Rules{V311: "MQTT-3.3.5-2", V5: "MQTT-3.3.4-1"},
	Needs:    Needs{UnwritableTopic, AtLeastOnce},
	CaughtBy: Faults{fault.DropsUnacknowledged},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			alice := x.Connect(Clean, As("alice"))

			var refusal string
			x.Uncontrolled(func() { refusal = alice.WantTakenOrRefused(qos, x.Unwritable("news"), "forbidden") })

			x.Note("refused with: %q", refusal)
		})
	},
})

// Not in 3.1.1, where MQTT-3.3.5-2 is about the answer to such a PUBLISH and no
// sentence about what becomes of the message.
var _ = Check(Definition{
	Slug:     "access-publish-undelivered",
	Title:    "delivers nothing that was published to a forbidden topic",
	Rules:    Rules{V5: "5.0/3.4.2.1/unauthorized-undelivered"},
	Needs:    Needs{UnwritableTopic, AdministratorLogin},
	CaughtBy: Faults{fault.DeliversPastRules},
	Body: func(x *Exchange) {
		Each(x, levels(x, QoS0, QoS1, QoS2), qosName, func(x *Exchange, qos codec.QoS) {
			topic := x.Unwritable("news")
			administrator := x.Connect(Clean, As("administrator"), AsAdministrator)
			administrator.Subscribe(QoS0, topic)

			x.StandsOn(publishing(qos), func() { x.Connect(Clean, As("alice")).WantTakenOrRefused(qos, topic, "forbidden") })

			marker := administrator.Marker(QoS0, topic)
			x.Uncontrolled(func() { administrator.WantNothingBefore(marker) })
		})
	},
})
