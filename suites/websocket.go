package suites

import (
	"strings"

	"github.com/gobwas/ws"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/wire/websocket"

	. "github.com/onsi/gomega"
)

// WebSocket as a network transport (chapter 6).

var _ = Check(Definition{
	Slug:     "websocket-subprotocol",
	Title:    "selects the WebSocket subprotocol mqtt",
	Rules:    Rules{V311: "MQTT-6.0.0-4", V5: "MQTT-6.0.0-4"},
	Needs:    Needs{WebSocketListener},
	CaughtBy: Faults{fault.SelectsOldSubprotocol, fault.SelectsNoSubprotocol},
	Body: func(x *Exchange) {
		Each(x, [][]string{
			{"mqtt"},
			{"chat", "mqtt"},
			{"mqtt", "chat"},
		}, func(offer []string) string { return "offer of " + strings.Join(offer, ", ") },
			func(x *Exchange, offer []string) {
				handshake := x.Upgrade("alice", offer...)

				x.Expect(handshake.Subprotocol).To(Equal("mqtt"), "Sec-WebSocket-Protocol")
			})
	},
})

var _ = Check(Definition{
	Slug:     "websocket-binary-frames",
	Title:    "sends its packets in binary data frames",
	Rules:    Rules{V311: "MQTT-6.0.0-1", V5: "MQTT-6.0.0-1"},
	Needs:    Needs{WebSocketListener},
	CaughtBy: Faults{fault.SendsTextFrames},
	Watches:  true,
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.DialWebSocket("alice")

		alice.Send(x.NewConnect(Clean, As("alice")))
		x.StandsOn(StepConnect, func() { alice.WantAccepted() })
		alice.Subscribe(QoS0, topic)
		alice.Publish(QoS0, topic, "hello")

		alice.TakeDelivery(topic, "hello")
	},
})

var _ = Check(Definition{
	Slug:     "websocket-other-data-frames",
	Title:    "closes the connection when a data frame comes that is not binary",
	Rules:    Rules{V311: "MQTT-6.0.0-1", V5: "MQTT-6.0.0-1"},
	Needs:    Needs{WebSocketListener},
	CaughtBy: Faults{fault.ReadsAnyDataFrame},
	Body: func(x *Exchange) {
		// Every byte of these packets is ASCII: a text frame that holds them is
		// valid UTF-8, and only its type is wrong.
		x.Cases(
			Case{Name: "CONNECT in a text frame", Body: func(x *Exchange) {
				alice := x.DialWebSocket("alice")

				alice.SendFrames(frame(ws.OpText, alice.Bytes(x.NewConnect(Clean, As("alice")))))

				alice.WantClosed()
			}},
			Case{Name: "PUBLISH in a text frame", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"), OverWebSocket)

				alice.SendFrames(frame(ws.OpText, alice.Bytes(&codec.Publish{Topic: x.Topic("news"), Payload: "hello"})))

				alice.WantClosed()
			}},
			Case{Name: "PUBLISH in a text frame and its continuation", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"), OverWebSocket)

				publish := alice.Bytes(&codec.Publish{Topic: x.Topic("news"), Payload: "hello"})
				alice.SendFrames(firstFragment(ws.OpText, publish[:7]), lastFragment(publish[7:]))

				alice.WantClosed()
			}},
			Case{Name: "PUBLISH in a data frame of a reserved type", Body: func(x *Exchange) {
				alice := x.Connect(Clean, As("alice"), OverWebSocket)

				const reservedDataFrame = ws.OpCode(0x3) // RFC 6455 section 5.2
				alice.SendFrames(frame(reservedDataFrame, alice.Bytes(&codec.Publish{Topic: x.Topic("news"), Payload: "hello"})))

				alice.WantClosed()
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "websocket-packets-not-aligned",
	Title:    "reads packets from WebSocket frames however they are cut",
	Rules:    Rules{V311: "MQTT-6.0.0-2", V5: "MQTT-6.0.0-2"},
	Needs:    Needs{WebSocketListener},
	CaughtBy: Faults{fault.ReadsOnePacketPerFrame, fault.DropsContinuationFrames, fault.ForgetsPacketAtPing},
	Body: func(x *Exchange) {
		// Each case sends CONNECT, SUBSCRIBE and PUBLISH, cut in its own way; all
		// three must come to be read.
		Each(x, []cutting{
			{"several packets in one frame", func(raw []byte) []websocket.Frame {
				return []websocket.Frame{frame(ws.OpBinary, raw)}
			}},
			{"a frame for every byte", func(raw []byte) []websocket.Frame {
				var frames []websocket.Frame
				for i := range raw {
					frames = append(frames, frame(ws.OpBinary, raw[i:i+1]))
				}
				return frames
			}},
			{"frames that end within packets", func(raw []byte) []websocket.Frame {
				var frames []websocket.Frame
				for ; len(raw) > 17; raw = raw[17:] {
					frames = append(frames, frame(ws.OpBinary, raw[:17]))
				}
				return append(frames, frame(ws.OpBinary, raw))
			}},
			{"one message of many fragments", func(raw []byte) []websocket.Frame {
				frames := []websocket.Frame{firstFragment(ws.OpBinary, raw[:5])}
				for raw = raw[5:]; len(raw) > 11; raw = raw[11:] {
					frames = append(frames, middleFragment(raw[:11]))
				}
				return append(frames, lastFragment(raw))
			}},
			{"ping frames between fragments", func(raw []byte) []websocket.Frame {
				return []websocket.Frame{
					firstFragment(ws.OpBinary, raw[:5]), frame(ws.OpPing, []byte("one")),
					middleFragment(raw[5:20]), frame(ws.OpPing, nil),
					lastFragment(raw[20:]),
				}
			}},
		}, cutting.label, func(x *Exchange, cut cutting) {
			topic := x.Topic("news")
			alice := x.DialWebSocket("alice")

			alice.SendFrames(cut.value(alice.Bytes(
				x.NewConnect(Clean, As("alice")),
				&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: topic}}},
				&codec.Publish{Topic: topic, Payload: "hello"},
			))...)

			alice.WantAcceptedInAnyOrder()
			alice.WantSuback(1)
			alice.WantPublish(topic, "hello")
		})
	},
})

var _ = Check(Definition{
	Slug:  "websocket-ping-frame",
	Title: "carries on after a ping frame, which is no data frame",
	Rules: Rules{V311: "3.1.1/6/ping-frame", V5: "5.0/6/ping-frame"},
	Why: "MQTT-6.0.0-1 is about data frames. A ping is a control frame, which RFC 6455 (section 5.5.2), by " +
		"which MQTT is carried here, wants answered, not refused.",
	Needs:    Needs{WebSocketListener},
	CaughtBy: Faults{fault.ClosesOnPingFrame},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"), OverWebSocket)

		alice.SendFrames(frame(ws.OpPing, []byte("still there?")))

		alice.WantPingresp()
	},
})

var _ = Check(Definition{
	Slug:     "websocket-close-frame-will",
	Title:    "publishes the will when a WebSocket connection is closed without DISCONNECT",
	Rules:    Rules{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	Needs:    Needs{WebSocketListener},
	CaughtBy: Faults{fault.TakesCloseFrameForDisconnect},
	Body: func(x *Exchange) {
		topic, qos := x.Topic("will"), x.UpTo(QoS1)
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(qos, topic)
		alice := x.Connect(Clean, As("alice"), OverWebSocket, WithWill(codec.Will{Topic: topic, Payload: "gone", QoS: qos}))

		alice.SendFrames(frame(ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))

		bob.WantDelivery(topic, "gone")
	},
})

// cutting is a way to cut a stream of packets into frames.
type cutting = named[func(raw []byte) []websocket.Frame]

// frame is a message of one frame.
func frame(op ws.OpCode, payload []byte) websocket.Frame {
	return websocket.Frame{Final: true, OpCode: op, Payload: payload}
}

// firstFragment begins a message of several frames, which middleFragment and
// lastFragment go on with.
func firstFragment(op ws.OpCode, payload []byte) websocket.Frame {
	return websocket.Frame{OpCode: op, Payload: payload}
}

func middleFragment(payload []byte) websocket.Frame {
	return websocket.Frame{OpCode: ws.OpContinuation, Payload: payload}
}

func lastFragment(payload []byte) websocket.Frame {
	return websocket.Frame{Final: true, OpCode: ws.OpContinuation, Payload: payload}
}
