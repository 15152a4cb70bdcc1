package suites

import (
	"fmt"
	"time"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// Session Expiry Interval of 5.0: in CONNECT (section 3.1.2.11.2), CONNACK
// (3.2.2.3.2) and DISCONNECT (3.14.2.2.2).

// wantNoSession wants a client to come back to no session of its own: the
// subscription that it had is gone. What Session Present says is for
// session-present-stored and connack-session-absent.
func wantNoSession(x *Exchange, topic string) {
	wantNotSubscribed(x, x.Connect(Resuming, As("alice")), topic)
}

// wantReturned ends the check as an error where a client was not back in time.
// A broker's clock that counts whole seconds may be almost one ahead.
func wantReturned(x *Exchange, lost time.Time, within uint32) {
	x.Punctual(lost, seconds(within-1))
}

// wantSession wants a client to come back to its session: the subscription works.
func wantSession(x *Exchange, topic string) {
	wantResumed(x, x.Connect(Resuming, As("alice")), topic)
}

// wantResumed is wantSession for a client that is back.
func wantResumed(x *Exchange, alice *Client, topic string) {
	x.Connect(Clean, As("bob")).Publish(x.UpTo(QoS1), topic, "hello")
	alice.WantDelivery(topic, "hello")
}

var _ = Check(Definition{
	Slug:     "session-expiry-zero",
	Title:    "ends a session with its connection when the Session Expiry Interval is 0 or absent",
	Rules:    Rules{V5: "5.0/3.1.2.11.2/session-expiry-interval-absent MQTT-4.1.0-2 MQTT-3.1.2-6"},
	CaughtBy: Faults{fault.KeepsSessionsLonger},
	Takes:    times.StateGone,
	Body: func(x *Exchange) {
		var rows []named[func(*Exchange)]
		for _, expiry := range []named[ConnectOption]{{"absent", Clean}, {"0", expiring(0)}} {
			for _, end := range connectionEnds {
				rows = append(rows, named[func(*Exchange)]{expiry.name + ", " + end.name, func(x *Exchange) {
					topic := x.Topic("news")
					alice := x.Connect(Clean, As("alice"), expiry.value)
					needExpiry(x, alice, 0, 0, 0)
					alice.Subscribe(x.UpTo(QoS1), topic)
					end.value(alice)

					x.Wait(times.StateGone)

					wantNoSession(x, topic)
				}})
			}
		}
		Each(x, rows, named[func(*Exchange)].label, func(x *Exchange, row named[func(*Exchange)]) { row.value(x) })
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-kept",
	Title:    "keeps a session after its connection when the Session Expiry Interval is above 0",
	Rules:    Rules{V5: "MQTT-3.1.2-23 MQTT-3.1.2-5"},
	CaughtBy: Faults{fault.ForgetsSessions, fault.ExpiresNeverAtOnce},
	Body: func(x *Exchange) {
		var rows []named[func(*Exchange)]
		for _, expiry := range []named[uint32]{{"600 seconds", 600}, {"never", never}} {
			for _, end := range connectionEnds {
				rows = append(rows, named[func(*Exchange)]{expiry.name + ", " + end.name, func(x *Exchange) {
					topic := x.Topic("news")
					alice := x.Connect(Clean, As("alice"), expiring(expiry.value))
					needExpiry(x, alice, expiry.value, 10, never)
					alice.Subscribe(x.UpTo(QoS1), topic)

					end.value(alice)

					wantSession(x, topic)
				}})
			}
		}
		Each(x, rows, named[func(*Exchange)].label, func(x *Exchange, row named[func(*Exchange)]) { row.value(x) })
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-never",
	Title:    "keeps a session that is never to expire, or only after many years",
	Rules:    Rules{V5: "5.0/3.1.2.11.2/session-expiry-interval-never MQTT-3.1.2-23"},
	CaughtBy: Faults{fault.ExpiresNeverAtOnce, fault.TakesExpiryForSigned},
	Takes:    seconds(1) + times.Late,
	Body: func(x *Exchange) {
		// Long enough for one whose interval has overflowed to be gone.
		wait := seconds(1) + times.Late
		Each(x, []expiryChange{
			{"0xFFFFFFFF", never, nil, wait, true},
			{"0xFFFFFFFE", never - 1, nil, wait, true},
			{"0x80000000", 0x80000000, nil, wait, true},
			{"600, then 0xFFFFFFFF in DISCONNECT", 600, asExpiry(never), wait, true},
		}, expiryChange.label, func(x *Exchange, change expiryChange) {
			topic := x.Topic("news")
			alice := x.Connect(Clean, As("alice"), expiring(change.first))
			needExpiry(x, alice, change.first, 10, never)
			alice.Subscribe(x.UpTo(QoS1), topic)

			alice.Disconnect(change.second...)

			change.wantChanged(x, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-passes",
	Title:    "discards a session when its Session Expiry Interval, or the one that CONNACK declares, has passed without a connection",
	Rules:    Rules{V5: "MQTT-4.1.0-2 5.0/3.2.2.3.2/session-expiry-interval-declared"},
	CaughtBy: Faults{fault.KeepsSessionsLonger},
	Takes:    seconds(1) + times.Late,
	Body: func(x *Exchange) {
		Each(x, connectionEnds, connectionEnd.label, func(x *Exchange, end connectionEnd) {
			topic := x.Topic("news")
			alice := x.Connect(Clean, As("alice"), expiring(1))
			needExpiry(x, alice, 1, 0, 5)
			alice.Subscribe(x.UpTo(QoS1), topic)
			end.value(alice)

			x.Wait(seconds(usedExpiry(alice, 1)) + times.Late)

			wantNoSession(x, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-connected",
	Title:    "keeps a session for as long as its connection is open, and counts the Session Expiry Interval from its end",
	Rules:    Rules{V5: "MQTT-4.1.0-1 MQTT-3.1.2-23"},
	CaughtBy: Faults{fault.CountsExpiryFromConnect},
	Takes:    seconds(3),
	Body: func(x *Exchange) {
		topic, expiry := x.Topic("news"), times.Return(x.RoundTrip())
		alice := x.Connect(Clean, As("alice"), expiring(expiry))
		needExpiry(x, alice, expiry, expiry, expiry)
		alice.Subscribe(x.UpTo(QoS1), topic)

		x.Wait(seconds(expiry + 1))
		lost := time.Now()
		alice.Drop()

		alice = x.Connect(Resuming, As("alice"))
		wantReturned(x, lost, expiry)
		wantResumed(x, alice, topic)
	},
})

// expiryChange is a row about a Session Expiry Interval that replaces another.
type expiryChange struct {
	name string
	// first is the Session Expiry Interval of CONNECT.
	first uint32
	// second is what comes in its place.
	second codec.Properties
	wait   time.Duration
	kept   bool
}

func (c expiryChange) label() string { return c.name }

// wantChanged wants the session to be there, or not, after the wait.
func (c expiryChange) wantChanged(x *Exchange, topic string) {
	x.Wait(c.wait)
	if c.kept {
		wantSession(x, topic)
	} else {
		wantNoSession(x, topic)
	}
}

// asExpiry is a Session Expiry Interval as the only property.
func asExpiry(seconds uint32) codec.Properties {
	return codec.Properties{codec.SessionExpiryInterval(seconds)}
}

var _ = Check(Definition{
	Slug:  "session-expiry-of-latest-connect",
	Title: "uses the Session Expiry Interval of the latest CONNECT",
	Rules: Rules{V5: "MQTT-4.1.0-2 MQTT-3.1.2-23 5.0/3.1.2.11.2/session-expiry-interval-absent"},
	Why: "A session \"lasts as long as the latest Network Connection plus the Session Expiry Interval\" " +
		"(section 4.1).",
	CaughtBy: Faults{fault.KeepsFirstExpiry},
	Takes:    seconds(1) + times.Late,
	Body: func(x *Exchange) {
		Each(x, []expiryChange{
			{"600, then absent", 600, nil, times.StateGone, false},
			{"600, then 0", 600, asExpiry(0), times.StateGone, false},
			{"600, then 1", 600, asExpiry(1), seconds(1) + times.Late, false},
			{"1, then 600", 1, asExpiry(600), seconds(1) + times.Late, true},
		}, expiryChange.label, func(x *Exchange, change expiryChange) {
			topic := x.Topic("news")
			alice := x.Connect(Clean, As("alice"), expiring(change.first))
			needExpiry(x, alice, change.first, change.first, change.first)
			alice.Subscribe(x.UpTo(QoS1), topic)
			alice.Disconnect()

			alice = x.Connect(Resuming, As("alice"), With(change.second...))
			asked, _ := change.second.Number(codec.PropSessionExpiryInterval)
			needExpiry(x, alice, asked, asked, asked)
			alice.Subscribe(x.UpTo(QoS1), topic) // in case a second was too short to come back
			alice.Disconnect()

			change.wantChanged(x, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-of-disconnect",
	Title:    "uses the Session Expiry Interval of DISCONNECT, or that of CONNECT where DISCONNECT has none",
	Rules:    Rules{V5: "5.0/3.14.2.2.2/session-expiry-interval-used"},
	CaughtBy: Faults{fault.IgnoresExpiryInDisconnect, fault.TakesAbsentExpiryForZero},
	Takes:    seconds(1) + times.Late,
	Body: func(x *Exchange) {
		Each(x, []expiryChange{
			{"600, then absent", 600, nil, times.StateGone, true},
			{"600, then 0", 600, asExpiry(0), times.StateGone, false},
			{"600, then 1", 600, asExpiry(1), seconds(1) + times.Late, false},
			{"1, then 600", 1, asExpiry(600), seconds(1) + times.Late, true},
			{"never, then 0", never, asExpiry(0), times.StateGone, false},
		}, expiryChange.label, func(x *Exchange, change expiryChange) {
			topic := x.Topic("news")
			alice := x.Connect(Clean, As("alice"), expiring(change.first))
			needExpiry(x, alice, change.first, change.first, change.first)
			alice.Subscribe(x.UpTo(QoS1), topic)

			alice.Disconnect(change.second...)

			change.wantChanged(x, topic)
		})
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-after-zero",
	Title:    "treats a DISCONNECT that gives a session begun with Session Expiry Interval 0 another one as no valid DISCONNECT",
	Rules:    Rules{V5: "5.0/3.14.2.2.2/session-expiry-interval-after-zero"},
	CaughtBy: Faults{fault.TakesExpiryAfterZero},
	Body: func(x *Exchange) {
		Each(x, []named[ConnectOption]{{"absent", Clean}, {"0", expiring(0)}}, named[ConnectOption].label,
			func(x *Exchange, expiry named[ConnectOption]) {
				wantNoDisconnect(x, &codec.Disconnect{Properties: asExpiry(60)}, expiry.value)
			})
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-after-zero-reason",
	Title:    "answers a DISCONNECT that gives a session begun with Session Expiry Interval 0 another one with DISCONNECT 0x82",
	Rules:    Rules{V5: "5.0/3.14.2.2.2/session-expiry-interval-after-zero-reason"},
	CaughtBy: Faults{fault.DisconnectsSilently},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(&codec.Disconnect{Properties: asExpiry(60)})

		disconnect := Want[*codec.Disconnect](alice, fmt.Sprintf("DISCONNECT %s", codec.ProtocolError))
		x.Expect(disconnect.Code).To(Equal(codec.ProtocolError), "Reason Code")
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-twice",
	Title:    "closes the connection when CONNECT has two Session Expiry Intervals",
	Rules:    Rules{V5: "5.0/3.1.2.11.2/session-expiry-interval-twice"},
	CaughtBy: Faults{fault.TakesTwoSessionExpiries},
	Body: func(x *Exchange) {
		wantUnacceptable(x, codec.Wrong(x.NewConnect(Clean, As("alice"), expiring(0), expiring(0))))
	},
})

var _ = Check(Definition{
	Slug:     "session-expiry-declared-once",
	Title:    "sends Session Expiry Interval in CONNACK at most once",
	Rules:    Rules{V5: "5.0/3.2.2.3.2/session-expiry-interval-twice"},
	Watches:  true,
	CaughtBy: Faults{fault.DeclaresSessionExpiryTwice},
	Body: func(x *Exchange) {
		Each(x, []uint32{0, 1, 600, never}, func(n uint32) string { return fmt.Sprintf("asked for %d", n) }, func(x *Exchange, n uint32) {
			x.Connect(Clean, As("alice"), expiring(n))
		})
	},
})

// wantNoDisconnect wants a packet that looks like DISCONNECT, but is malformed
// or a Protocol Error, to be treated as an error. To close the connection is
// what a server does either way; the difference is that it says so with a
// DISCONNECT of its own (5.0), or else that the client has not disconnected,
// so that its will is published.
func wantNoDisconnect(x *Exchange, wrong codec.Packet, options ...ConnectOption) {
	topic := x.Topic("status")
	watcher := overhear(x, x.UpTo(QoS1), topic)
	alice := x.Connect(append([]ConnectOption{Clean, As("alice"), willOn(x, topic, "not disconnected")}, options...)...)

	alice.Send(wrong)

	alice.WantClosed()
	if alice.BrokerDisconnect() == nil {
		watcher.WantDelivery(topic, "not disconnected")
	}
}
