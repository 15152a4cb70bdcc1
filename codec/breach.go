package codec

import "fmt"

// A Breach is a packet's first departure from the specification: what
// [Decode] and [Reader] report, and what [Encode] refuses to write.
type Breach struct {
	// Packet is the type of the packet, as its first byte says.
	Packet Type
	// Field is the field at fault, named as in [Fields].
	Field string
	// Offset is the byte at fault, counted from the packet's first, 0.
	Offset int
	// Statement is the ID of the statement that is broken: a number of the
	// specification's, or one of ours. [Statements] lists them.
	Statement string
	// Reason says what is wrong.
	Reason string
}

// Error is the breach in one line: "PUBACK: Reason Code at byte 4: 0x01 is not
// a PUBACK Reason Code [MQTT-3.4.2-1]".
func (b *Breach) Error() string {
	return fmt.Sprintf("%v: %s at byte %d: %s [%s]", b.Packet, b.Field, b.Offset, b.Reason, b.Statement)
}

// Type is the type of the packet at fault.
func (b *Breach) Type() Type { return b.Packet }
