package fault

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
)

// NeedsWholePackets takes a segment for a packet, and so half of one for none.
var NeedsWholePackets = fromFrames("needs-whole-packets", "closes the connection when a packet arrives in pieces",
	Breaks{V311: "MQTT-7.1.1-1", V5: "MQTT-4.2.0-1"},
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
	Breaks{V311: "MQTT-7.1.1-1", V5: "MQTT-4.2.0-1",
		Follows: Follows{Observed: lost, Because: "what is lost may be any packet"}},
	func(_ *Link, f *Frame) Action {
		if f.Behind {
			return Swallow
		}
		return Forward
	})

// fromFrames makes a fault of what becomes of the packets that clients send,
// whether they can be decoded or not.
func fromFrames(name, does string, breaks Breaks, handle func(*Link, *Frame) Action) Fault {
	return stateful(name, does, breaks, func() behaviour { return behaviour{FromClient: handle} })
}

// LosesLengths loses messages whose Remaining Length has so many bytes: two or
// three.
var LosesLengths = []Fault{losesLength(2), losesLength(3)}

// LosesFourByteLengths cannot read the longest.
var LosesFourByteLengths = losesLength(4)

func losesLength(bytes int) Fault {
	return fromFrames(fmt.Sprintf("loses-%d-byte-lengths", bytes), fmt.Sprintf("loses messages whose Remaining Length has %d bytes", bytes),
		Breaks{V311: "3.1.1/2.2.3/remaining-length", V5: "5.0/2.1.4/remaining-length"},
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
	Breaks{V311: "3.1.1/2.2.3/remaining-length-too-long MQTT-4.8.0-1", V5: "5.0/1.5.5/variable-byte-integer-too-long"},
	breaking("3.1.1/2.2.3/remaining-length-too-long", "5.0/1.5.5/variable-byte-integer-too-long"))

// IgnoresReservedTypes skips packets of types that do not exist.
var IgnoresReservedTypes = tolerates("ignores-reserved-types", "ignores packets of a reserved type",
	Breaks{V311: "3.1.1/2.2.1/packet-type-reserved MQTT-4.8.0-1", V5: "5.0/2.1.2/packet-type-reserved"},
	breaking("3.1.1/2.2.1/packet-type-reserved", "5.0/2.1.2/packet-type-reserved"))

// IgnoresReservedFlags skips packets with wrong flags.
var IgnoresReservedFlags = tolerates("ignores-reserved-flags", "ignores packets with reserved flags set",
	Breaks{V311: "MQTT-2.2.2-2 MQTT-3.6.1-1 MQTT-3.8.1-1 MQTT-3.10.1-1 MQTT-3.14.1-1", V5: "5.0/2.1.3/invalid-flags MQTT-4.13.1-1 MQTT-3.6.1-1 MQTT-3.8.1-1 MQTT-3.10.1-1 MQTT-3.14.1-1 MQTT-3.15.1-1"},
	breaking("MQTT-2.2.2-1", "MQTT-2.1.3-1", "MQTT-3.6.1-1", "MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.14.1-1", "MQTT-3.15.1-1"))

// IgnoresTrailingBytes skips packets that go on behind their last field.
var IgnoresTrailingBytes = tolerates("ignores-trailing-bytes", "ignores packets with bytes behind their last field",
	Breaks{V311: "3.1.1/2.2.3/remaining-length MQTT-3.1.4-1 MQTT-4.8.0-1", V5: "5.0/2.1.4/remaining-length MQTT-3.1.4-1"},
	trailing)

// trailing matches packets that go on behind their last field. In front of a
// Topic Filter after the first, a single byte is one that belongs to nothing.
func trailing(_ *Link, f *Frame) bool {
	switch {
	case f.Breach == nil:
		return false
	case f.Breach.Field == "Trailing Bytes":
		return true
	}
	return strings.HasPrefix(f.Breach.Field, "Topic Filter[") && f.Breach.Offset == len(f.Raw)-1
}

// IgnoresTruncatedPackets skips packets that end too early.
var IgnoresTruncatedPackets = tolerates("ignores-truncated-packets", "ignores packets that end before their last field does",
	Breaks{V311: "3.1.1/2.2.3/remaining-length MQTT-4.8.0-1", V5: "5.0/2.1.4/remaining-length"},
	func(l *Link, f *Frame) bool {
		if !breaking("MQTT-4.8.0-1", "5.0/4.13.1/malformed-packet", "MQTT-2.2.2-1")(l, f) || trailing(l, f) {
			return false
		}
		return !wrongPropertyLength(l, f) || f.Breach.Offset == len(f.Raw) // it ends where the Property Length would be
	})

// IgnoresPropertyLength skips packets whose Property Length is missing or wrong.
var IgnoresPropertyLength = tolerates("ignores-property-length", "ignores packets whose Property Length is missing or wrong",
	Breaks{V5: "5.0/4.13.1/malformed-packet MQTT-2.2.2-1"},
	wrongPropertyLength)

// wrongPropertyLength matches packets whose Property Length goes beyond their
// end, and those that a Property Length of 0 would mend.
func wrongPropertyLength(l *Link, f *Frame) bool {
	before := map[codec.Type]int{codec.CONNECT: len("\x00\x04MQTT\x05\x02\x00\x3C"), codec.SUBSCRIBE: 2, codec.UNSUBSCRIBE: 2}[f.Type()]
	switch {
	case f.Breach == nil || l.Version != codec.V5:
		return false
	case f.Breach.Field == "Property Length":
		return true
	case before == 0 || f.Raw[1] >= 0x7F || len(f.Raw) < 2+before: // not one to add a byte to
		return false
	}
	mended := slices.Insert(slices.Clone(f.Raw), 2+before, 0)
	mended[1]++
	_, err := codec.Decode(l.Version, codec.Client, mended)
	return err == nil
}
