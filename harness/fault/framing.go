package fault

import (
	"fmt"

	"mqttspec/codec"
)

// NeedsWholePackets takes a segment for a packet, and so half of one for none.
var NeedsWholePackets = fromFrames("needs-whole-packets", "closes the connection when a packet arrives in pieces",
	func(l *Link, f *Frame) Action {
		if f.Pieces > 1 {
			l.CloseBroker()
			l.CloseClient()
			return Swallow
		}
		return Forward
	})

// NeedsOnePacketPerSegment takes a segment for a packet, and looks no further.
var NeedsOnePacketPerSegment = fromFrames("needs-one-packet-per-segment", "loses the packets that arrive behind another in the same segment",
	func(_ *Link, f *Frame) Action {
		if f.Behind {
			return Swallow
		}
		return Forward
	})

// fromFrames makes a fault of what becomes of the packets that clients send,
// whether they can be decoded or not.
func fromFrames(name, does string, handle func(*Link, *Frame) Action) Fault {
	return stateful(name, does, func() behaviour { return behaviour{fromClient: handle} })
}

// LosesLengths loses messages whose Remaining Length has so many bytes: two or
// three.
var LosesLengths = []Fault{losesLength(2), losesLength(3)}

// LosesFourByteLengths cannot read the longest.
var LosesFourByteLengths = losesLength(4)

func losesLength(bytes int) Fault {
	return fromFrames(fmt.Sprintf("loses-%d-byte-lengths", bytes), fmt.Sprintf("loses messages whose Remaining Length has %d bytes", bytes),
		func(_ *Link, f *Frame) Action {
			n := len(f.Raw)
			if size := len(codec.AppendVarint(nil, uint32(n))); f.Type() == codec.PUBLISH && len(codec.AppendVarint(nil, uint32(n-1-size))) == bytes {
				return Swallow
			}
			return Forward
		})
}

// IgnoresLongIntegers skips what it cannot read.
var IgnoresLongIntegers = tolerates("ignores-long-integers", "ignores packets with a Variable Byte Integer of five bytes",
	breaking("3.1.1/2.2.3/remaining-length-too-long", "5.0/1.5.5/variable-byte-integer-too-long"))

// IgnoresReservedTypes skips packets of types that do not exist.
var IgnoresReservedTypes = tolerates("ignores-reserved-types", "ignores packets of a reserved type",
	breaking("3.1.1/2.2.1/packet-type-reserved", "5.0/2.1.2/packet-type-reserved"))

// IgnoresReservedFlags skips packets with wrong flags.
var IgnoresReservedFlags = tolerates("ignores-reserved-flags", "ignores packets with reserved flags set",
	breaking("MQTT-2.2.2-1", "MQTT-2.1.3-1", "MQTT-3.6.1-1", "MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.14.1-1", "MQTT-3.15.1-1"))

// IgnoresTrailingBytes skips packets that go on behind their last field.
var IgnoresTrailingBytes = tolerates("ignores-trailing-bytes", "ignores packets with bytes behind their last field",
	func(_ *Link, f *Frame) bool { return f.Breach != nil })

// IgnoresTruncatedPackets skips packets that end too early.
var IgnoresTruncatedPackets = tolerates("ignores-truncated-packets", "ignores packets that end before their last field does",
	func(_ *Link, f *Frame) bool { return f.Breach != nil })

// IgnoresPropertyLength skips packets whose Property Length is missing or wrong.
var IgnoresPropertyLength = tolerates("ignores-property-length", "ignores packets whose Property Length is missing or wrong",
	func(_ *Link, f *Frame) bool { return f.Breach != nil })
