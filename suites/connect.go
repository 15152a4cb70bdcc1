package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// CONNECT as the packet that opens a connection (section 3.1), and the server's
// response to it (3.1.4).

var _ = Check("connect-accepted",
	"accepts a valid CONNECT with a CONNACK that says so",
	Rules{V311: "MQTT-3.1.4-4", V5: "MQTT-3.1.4-5"},
	CaughtBy{fault.RefusesConnections},
	func(x *Exchange) {
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice")))

		alice.WantAccepted()
	})

var _ = Check("connect-first-packet",
	"closes the connection when the first packet is not CONNECT",
	Rules{V311: "MQTT-3.1.0-1", V5: "MQTT-3.1.0-1"},
	CaughtBy{fault.WaitsForConnect},
	func(x *Exchange) {
		Each(x, []codec.Packet{
			&codec.Publish{Topic: x.Topic("early"), Payload: "early"},
			&codec.Puback{PacketID: 1},
			&codec.Pubrec{PacketID: 1},
			&codec.Pubrel{PacketID: 1},
			&codec.Pubcomp{PacketID: 1},
			&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: x.Topic("early")}}},
			&codec.Unsubscribe{PacketID: 1, Filters: []string{x.Topic("early")}},
			&codec.Pingreq{},
			&codec.Disconnect{},
		}, packetName, func(x *Exchange, first codec.Packet) {
			alice := x.Dial("alice")

			alice.Send(first)

			alice.WantClosed()
		})
	})

var _ = Check("connect-second",
	"treats a second CONNECT on a connection as a protocol violation and closes it",
	Rules{V311: "MQTT-3.1.0-2", V5: "MQTT-3.1.0-2"},
	CaughtBy{fault.IgnoresSecondConnect},
	func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		alice.Send(x.NewConnect(Clean, As("alice")))

		alice.WantClosed()
	})

// packetName names a case by the packet it is about.
func packetName(p codec.Packet) string { return p.Type().String() }
