package suites

import (
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// The Client Identifier (section 3.1.3.1).

var _ = Check(Definition{
	Slug:     "clientid-guaranteed",
	Title:    "accepts Client Identifiers of 1 to 23 letters and digits",
	Rules:    Rules{V311: "MQTT-3.1.3-5", V5: "MQTT-3.1.3-5"},
	CaughtBy: Faults{fault.RefusesShortClientIDs, fault.RefusesLongClientIDs},
	Body: func(x *Exchange) {
		x.Connect(Clean, As("bob")) // whose identifier is neither long nor short
		// One character can't be this exchange's own, but another run, or the other
		// version in this one, should not often displace the client meanwhile: it
		// is the fifth character of the run for 3.1.1, the sixth for 5.0.
		rows := []named[string]{{"1 character", x.ClientID("alice")[x.Version:][:1]}}
		for _, characters := range []string{"0123456789", "abcdefghijklm", "nopqrstuvwxyz", "ABCDEFGHIJKLM", "NOPQRSTUVWXYZ"} {
			// The first characters make it this exchange's own.
			id := (x.ClientID(characters) + characters + strings.Repeat("0", 23))[:23]
			rows = append(rows, named[string]{"23 characters with " + characters, id})
		}
		Each(x, rows, named[string].label, func(x *Exchange, id named[string]) {
			alice := x.Dial("alice")

			alice.Send(x.NewConnect(Clean, Identified(id.value)))

			alice.AwaitAnswer()
			alice.WantAccepted()
		})
	},
})

var _ = Check(Definition{
	Slug:  "clientid-rejected",
	Title: "accepts a Client Identifier that is longer or has other characters, or rejects it in due form",
	Rules: Rules{V311: "MQTT-3.1.3-9", V5: "MQTT-3.1.3-8"},
	Why: "MQTT-3.1.3-9 of 3.1.1 demands 0x02 of a server that rejects the identifier as such. But it may " +
		"also rule by identifier whom it admits, and nobody can tell from outside: then 0x04 and 0x05 are " +
		"as right, and the CONNACK is no more than a SHOULD (section 3.1.4).",
	CaughtBy: Faults{fault.RefusesUnusualClientIDsWrongly, fault.IgnoresUnusualClientIDs},
	Body: func(x *Exchange) {
		Each(x, []named[string]{
			{"24 bytes", strings.Repeat("a", 24)},
			{"200 bytes", strings.Repeat("a", 200)},
			{"a space", " "},
			{"punctuation", "-_.:@"},
			{"slashes", "/a//"},
			{"wildcards", "+#"},
			{"a dollar sign", "$SYS"},
			{"letters beyond ASCII", "né漢😀"},
			{"quotes", `"'\`},
		}, named[string].label, func(x *Exchange, id named[string]) {
			alice := x.Dial("alice")

			alice.Send(x.NewConnect(Clean, Identified(x.ClientID("alice")+id.value)))
			x.Controlled(func() {
				switch {
				case alice.Accepted():
				case x.Version == V5:
					alice.WantRejected(codec.ClientIdentifierNotValid)
				case alice.Closed() && alice.UnreadConnack() == nil:
					x.Connect(Clean, As("bob")) // so that it was the identifier
					x.Inapplicable("the broker closes the connection without a CONNACK, as it may upon a client that it does not admit")
				default:
					alice.WantRefused(codec.RefusedIdentifier, codec.RefusedCredentials, codec.RefusedNotAuthorized)
				}
			}, func() { x.Connect(Clean, As("bob")) })
		})
	},
})

var _ = Check(Definition{
	Slug:     "clientid-empty-rejected",
	Title:    "rejects an empty Client Identifier, if it does, in due form",
	Rules:    Rules{V311: "MQTT-3.1.3-9", V5: "MQTT-3.1.3-8"},
	Needs:    Needs{NoEmptyClientIDs},
	CaughtBy: Faults{fault.HoldsRefused},
	Body: func(x *Exchange) {
		x.Decides(StepRefusalCloses)
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), Identified("")))

		alice.AwaitAnswer()
		alice.WantAcceptedOrRefused(codec.RefusedIdentifier, codec.ClientIdentifierNotValid)
	},
})

var _ = Check(Definition{
	Slug:  "clientid-empty-persistent",
	Title: "answers an empty Client Identifier with Clean Session 0 by return code 0x02 and closes the connection",
	Rules: Rules{V311: "MQTT-3.1.3-7 MQTT-3.1.3-8"},
	Why: "MQTT-3.1.3-8 names the return code, 0x02. mochi 2.7.9 sends 0x80, a code that 3.1.1 does not " +
		"have.",
	CaughtBy: Faults{fault.AcceptsEmptyPersistentClientID, fault.HoldsRefused, fault.RefusesAsUnavailable},
	Body: func(x *Exchange) {
		alice := x.Dial("alice")

		alice.Send(codec.Wrong(x.NewConnect(Persistent, As("alice"), Identified(""))))

		alice.WantRefused(codec.RefusedIdentifier)
	},
})

var _ = Check(Definition{
	Slug:     "clientid-empty-unique",
	Title:    "serves clients with an empty Client Identifier as different clients",
	Rules:    Rules{V311: "MQTT-3.1.3-6", V5: "MQTT-3.1.3-6"},
	Needs:    Needs{EmptyClientIDs},
	CaughtBy: Faults{fault.SharesEmptyClientID},
	Body: func(x *Exchange) {
		one, other := x.Topic("one"), x.Topic("other")
		alice := x.Connect(Clean, As("alice"), Identified(""))
		alice.Subscribe(QoS0, one)

		bob := x.Connect(Clean, As("bob"), Identified(""))
		bob.Subscribe(QoS0, other)

		alice.WantPingresp() // not displaced
		bob.Publish(QoS0, one, "for alice")
		alice.TakeDelivery(one, "for alice")
		alice.Publish(QoS0, other, "for bob")
		bob.WantNothingBefore(Message{Topic: other, Payload: "for bob"})
	},
})

var _ = Check(Definition{
	Slug:     "clientid-empty-assigned",
	Title:    "names the Client Identifier that it assigns in CONNACK, a new one each time, and knows the session by it",
	Rules:    Rules{V5: "MQTT-3.1.3-7 MQTT-3.2.2-16"},
	Needs:    Needs{EmptyClientIDs},
	CaughtBy: Faults{fault.OmitsAssignedClientID, fault.MisnamesAssignedClientID, fault.SharesEmptyClientID},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("news"), x.UpTo(QoS1)
		alice := x.Connect(CleanPersistent, As("alice"), Identified(""))
		alice.Subscribe(qos, topic)
		bob := x.Connect(Clean, As("bob"), Identified(""))

		assigned, named := alice.Connack.Properties.Text(codec.PropAssignedClientIdentifier)
		x.Expect(named).To(BeTrue(), "an Assigned Client Identifier in CONNACK")
		x.Expect(bob.ID).NotTo(Equal(assigned), "the Assigned Client Identifier of another client")

		alice.Disconnect()
		alice = x.Connect(Persistent, Identified(assigned))
		bob.Publish(QoS0, topic, "hello")
		x.Controlled(func() { alice.WantDelivery(topic, "hello") }, func() { standsOnSessions(x) })
	},
})

var _ = Check(Definition{
	Slug:     "clientid-missing",
	Title:    "closes the connection on a CONNECT without a Client Identifier field",
	Rules:    Rules{V311: "MQTT-3.1.3-3 MQTT-3.1.4-1", V5: "MQTT-3.1.3-3 MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.AcceptsMissingClientID},
	Body: func(x *Exchange) {
		connect := x.NewConnect(Clean, As("alice"))
		connect.UserName, connect.Password = nil, nil
		alice := x.Dial("alice")

		alice.Send(codec.Wrong(connect, codec.Drop("Client Identifier")))

		wantFormatRejected(x, alice, codec.ClientIdentifierNotValid)
	},
})

var _ = Check(Definition{
	Slug:     "clientid-sessions",
	Title:    "tells sessions apart by the whole Client Identifier",
	Rules:    Rules{V311: "MQTT-3.1.3-2", V5: "MQTT-3.1.3-2"},
	CaughtBy: Faults{fault.TruncatesClientIDs, fault.FoldsClientIDs},
	Body: func(x *Exchange) {
		small := func(x *Exchange, name string) string { return x.ClientID(name) }
		capital := func(x *Exchange, name string) string { return strings.ToUpper(x.ClientID(name)) }
		type pair struct{ one, other string }
		Each(x, []named[func(*Exchange) pair]{
			{"that differ in the last character", func(x *Exchange) pair { return pair{small(x, "alice"), small(x, "bob")} }},
			{"that differ in case", func(x *Exchange) pair { return pair{small(x, "alice"), capital(x, "alice")} }},
		}, named[func(*Exchange) pair].label, func(x *Exchange, ids named[func(*Exchange) pair]) {
			topic, qos, id := x.Topic("news"), x.UpTo(QoS1), ids.value(x)
			alice := x.Connect(Persistent, Identified(id.one))
			alice.Subscribe(qos, topic)
			alice.Disconnect()

			// No third client here: its identifier would differ from theirs as
			// little as they do from each other.
			own, bob := x.Topic("own"), x.Connect(Persistent, Identified(id.other))
			bob.Publish(qos, topic, "for alice")
			bob.Subscribe(qos, own)
			bob.WantNothingBefore(bob.Marker(qos, own))

			alice = x.Connect(Persistent, Identified(id.one))
			hello := bob.Marker(qos, topic)
			x.Controlled(func() { alice.WantAtLast(hello) }, func() { standsOnSessions(x) })
		})
	},
})
