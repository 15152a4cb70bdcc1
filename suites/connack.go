package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// CONNACK (section 3.2): Session Present where there is no session, and what
// follows a refusal. Session Present where there is one is in session.go, what
// the server declares in capabilities.go, and the form of the packet in
// wire.go.

var _ = Check(Definition{
	Slug:     "connack-session-absent",
	Title:    "answers Session Present 0 when it has no session for the client",
	Rules:    Rules{V311: "MQTT-3.2.2-3", V5: "MQTT-3.2.2-3"},
	CaughtBy: Faults{fault.SessionPresentAlways},
	Takes:    2 * times.StateGone,
	Body: func(x *Exchange) {
		Each(x, []named[[]ConnectOption]{
			{"a new client", nil},
			{"after a clean session", []ConnectOption{Clean}},
			{"after a session that was discarded", []ConnectOption{Persistent, Clean}},
		}, named[[]ConnectOption].label, func(x *Exchange, before named[[]ConnectOption]) {
			for _, kind := range before.value {
				x.Connect(kind, As("alice")).Disconnect()
				x.Wait(times.StateGone)
			}

			alice := x.Connect(Persistent, As("alice"))

			x.Expect(alice.Connack.SessionPresent).To(BeFalse(), "Session Present")
		})
	},
})

var _ = Check(Definition{
	Slug:     "connack-session-refused",
	Title:    "answers Session Present 0 when it refuses a client, though it has its session",
	Rules:    Rules{V311: "MQTT-3.2.2-4", V5: "MQTT-3.2.2-6"},
	CaughtBy: Faults{fault.SessionPresentWhenRefused},
	Body: func(x *Exchange) {
		x.Connect(Persistent, As("alice")).Disconnect()

		for _, refused := range refusedConnects(x) {
			alice := x.DialForeign("alice")
			alice.Send(refused.packet)
			if alice.Accepted() {
				continue
			}
			// A refusal may come without a CONNACK, which then says nothing wrong.
			var connack *codec.Connack
			x.StandsOn(refused.refusal, func() { connack = alice.WantRejected(refusals...) })
			if connack != nil {
				x.Expect(connack.SessionPresent).To(BeFalse(), "Session Present")
			}
		}
	},
})

var _ = Check(Definition{
	Slug:     "connack-refused-closed",
	Title:    "closes the connection after a CONNACK that refuses it",
	Rules:    Rules{V311: "MQTT-3.2.2-5", V5: "MQTT-3.2.2-7"},
	CaughtBy: Faults{fault.HoldsRefused},
	Body: func(x *Exchange) {
		seen := 0
		for _, refused := range refusedConnects(x) {
			alice := x.DialForeign("alice")
			alice.Send(refused.packet)
			if alice.Accepted() {
				continue
			}
			if alice.UnreadConnack() != nil {
				alice.WantRejected(refusals...)
				seen++
			} else { // that the connection is to be closed without a CONNACK, too, is another rule
				x.StandsOn(refused.refusal, func() { alice.WantRejected(refusals...) })
			}
		}
		if seen == 0 {
			x.Inapplicable("the broker sends no CONNACK that refuses; there is nothing to see")
		}
	},
})

// A refusedConnect is a CONNECT packet that a server must not, or most servers
// will not, accept.
type refusedConnect struct {
	packet  codec.Packet
	refusal Step // what becomes of it
}

// refusedConnects are some of each kind.
func refusedConnects(x *Exchange) []refusedConnect {
	flagged := x.NewConnect(Persistent, As("alice"))
	flagged.UserName, flagged.Password = nil, nil
	refused := []refusedConnect{
		{codec.Wrong(x.NewConnect(Persistent, As("alice")), codec.Set("Protocol Level", unknownProtocolLevel)), stepLevelRefused(x.Version)},
		{codec.Wrong(flagged, codec.Set("Connect Flags", reservedFlag)), stepReservedFlagRefused},
	}
	if x.Version == V5 {
		refused = append(refused, refusedConnect{x.NewConnect(Persistent, As("alice"), With(codec.AuthenticationMethod(unknownMethod))), stepUnknownMethodRefused})
	}
	return refused
}

// stepLevelRefused is the refusal of a CONNECT with a Protocol
// Level that nobody knows.
func stepLevelRefused(v codec.Version) Step {
	if v == V5 {
		return stepLevelClosedOn
	}
	return stepLevelRefusedWithCode
}

// refusals are the Reason Codes that fit them.
var refusals = []codec.ReasonCode{
	codec.RefusedProtocolVersion, codec.UnsupportedProtocolVersion, codec.BadAuthenticationMethod, codec.NotAuthorized,
}

var _ = Check(Definition{
	Slug:     "connack-server-reference",
	Title:    "sends a Server Reference in CONNACK only with a Reason Code that sends the client elsewhere",
	Rules:    Rules{V5: "5.0/3.2.2.3.16/server-reference-reason"},
	Watches:  true,
	CaughtBy: Faults{fault.RefersAcceptedClients},
	Body:     someConnacks,
})
