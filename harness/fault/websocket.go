package fault

import (
	"net/http"

	"github.com/gobwas/ws"

	"mqttspec/codec"
	"mqttspec/harness/wire/websocket"
)

// frameFromClient makes a fault of an edit to the WebSocket frames that clients
// send.
func frameFromClient(name, does string, breaks Breaks, edit func(l *Link, f *websocket.Frame) Action) Fault {
	return stateful(name, does, breaks, func() behaviour { return behaviour{FrameFromClient: edit} })
}

// SelectsOldSubprotocol selects the name that MQTT 3.1 went by.
var SelectsOldSubprotocol = stateful("selects-old-subprotocol", "selects the WebSocket subprotocol mqttv3.1, whatever is on offer",
	Breaks{V311: "MQTT-6.0.0-4", V5: "MQTT-6.0.0-4"}, func() behaviour {
		return behaviour{Upgraded: func(h http.Header) { h.Set("Sec-WebSocket-Protocol", "mqttv3.1") }}
	})

// SelectsNoSubprotocol upgrades without a word about the subprotocol.
var SelectsNoSubprotocol = stateful("selects-no-subprotocol", "selects no WebSocket subprotocol",
	Breaks{V311: "MQTT-6.0.0-4", V5: "MQTT-6.0.0-4"}, func() behaviour {
		return behaviour{Upgraded: func(h http.Header) { h.Del("Sec-WebSocket-Protocol") }}
	})

// ReadsAnyDataFrame does not look at the type of data frames.
var ReadsAnyDataFrame = frameFromClient("reads-any-data-frame", "takes packets from text frames and frames of reserved types as if they were binary",
	Breaks{V311: "MQTT-6.0.0-1", V5: "MQTT-6.0.0-1"},
	func(_ *Link, f *websocket.Frame) Action {
		if f.OpCode != ws.OpContinuation && f.OpCode.IsData() {
			f.OpCode = ws.OpBinary
		}
		return Forward
	})

// SendsTextFrames sends its packets in frames of the wrong type.
var SendsTextFrames = stateful("sends-text-frames", "sends its packets in text frames",
	Breaks{V311: "MQTT-6.0.0-1", V5: "MQTT-6.0.0-1"}, func() behaviour {
		return behaviour{FrameFromBroker: func(_ *Link, f *websocket.Frame) Action {
			if f.OpCode == ws.OpBinary {
				f.OpCode = ws.OpText
			}
			return Forward
		}}
	})

// ReadsOnePacketPerFrame takes every frame for exactly one packet.
var ReadsOnePacketPerFrame = frameFromClient("reads-one-packet-per-frame", "takes the first packet of each WebSocket frame, and drops frames in which none is whole",
	Breaks{V311: "MQTT-6.0.0-2", V5: "MQTT-6.0.0-2"},
	func(l *Link, f *websocket.Frame) Action {
		if f.OpCode != ws.OpBinary {
			return Forward
		}
		size, ok := firstPacket(f.Payload)
		if !ok {
			return Swallow
		}
		f.Payload = f.Payload[:size]
		return Forward
	})

// firstPacket is the size of the packet that some bytes begin with, if it is
// whole.
func firstPacket(raw []byte) (size int, ok bool) {
	length := 0
	for i := 1; i < len(raw) && i <= 4; i++ {
		length |= int(raw[i]&0x7F) << (7 * (i - 1))
		if raw[i] < 0x80 {
			size = 1 + i + length
			return size, size <= len(raw)
		}
	}
	return 0, false
}

// DropsContinuationFrames reads the first frame of a message only.
var DropsContinuationFrames = frameFromClient("drops-continuation-frames", "takes the first frame of a fragmented WebSocket message for all of it",
	Breaks{V311: "MQTT-6.0.0-2", V5: "MQTT-6.0.0-2"},
	func(_ *Link, f *websocket.Frame) Action {
		if f.OpCode == ws.OpContinuation {
			return Swallow
		}
		f.Final = true
		return Forward
	})

// ForgetsPacketAtPing loses what it has of a message when a ping comes.
var ForgetsPacketAtPing = stateful("forgets-packet-at-ping", "drops what it has read of a fragmented WebSocket message when a ping frame comes in between",
	Breaks{V311: "MQTT-6.0.0-2", V5: "MQTT-6.0.0-2"},
	func() behaviour {
		parts := map[*Link][]byte{}
		return behaviour{FrameFromClient: func(l *Link, f *websocket.Frame) Action {
			switch {
			case f.OpCode == ws.OpPing:
				parts[l] = nil
			case f.OpCode.IsData():
				parts[l] = append(parts[l], f.Payload...)
				if !f.Final {
					return Swallow
				}
				f.OpCode, f.Payload = ws.OpBinary, parts[l]
				parts[l] = nil
			}
			return Forward
		}}
	})

// TakesCloseFrameForDisconnect confuses the end of the transport with the end
// of the session.
var TakesCloseFrameForDisconnect = frameFromClient("takes-close-frame-for-disconnect", "takes a WebSocket close frame for a DISCONNECT",
	Breaks{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	func(l *Link, f *websocket.Frame) Action {
		if f.OpCode == ws.OpClose {
			l.ToBroker(&codec.Disconnect{})
		}
		return Forward
	})

// ClosesOnPingFrame takes every frame that is not binary for an error.
var ClosesOnPingFrame = frameFromClient("closes-on-ping-frame", "closes the connection when a ping frame comes",
	Breaks{V311: "3.1.1/6/ping-frame", V5: "5.0/6/ping-frame"},
	func(l *Link, f *websocket.Frame) Action {
		if f.OpCode == ws.OpPing {
			l.CloseClient()
			return Swallow
		}
		return Forward
	})
