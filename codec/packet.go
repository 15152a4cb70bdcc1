// Package codec encodes and decodes MQTT Control Packets of MQTT 3.1.1 (OASIS
// Standard, 29 October 2014) and MQTT 5.0 (OASIS Standard, 7 March 2019).
//
// It is made for testing: [Decode] accepts what the specification allows and
// nothing else, and says of anything else which statement it breaks and at
// which byte ([Breach]). [Encode] is as strict, unless the caller breaks a rule
// by name ([Wrong]) or writes the bytes himself ([Raw]).
//
// The package knows packets one at a time. What a packet may be in the light
// of those before it (a second CONNECT, a Topic Alias above the maximum, an
// acknowledgement of nothing) is for its callers to judge. It opens no
// connections.
package codec

import "fmt"

// Version is an MQTT protocol version; its number is the Protocol Level
// (3.1.1) or Protocol Version (5.0) byte of CONNECT.
type Version byte

// The protocol versions this package speaks.
const (
	V311 Version = 4
	V5   Version = 5
)

// String is the version as people write it: "3.1.1" or "5.0".
func (v Version) String() string {
	switch v {
	case V311:
		return "3.1.1"
	case V5:
		return "5.0"
	}
	return "unknown version"
}

// Peer says who sent a packet: some packets, flags, Reason Codes and
// properties belong to one side only.
type Peer byte

// The two ends of a Network Connection.
const (
	Client Peer = iota
	Server
)

// String is "client" or "server".
func (p Peer) String() string {
	if p == Server {
		return "server"
	}
	return "client"
}

// Type is an MQTT Control Packet type (section 2.2.1 of 3.1.1, 2.1.2 of 5.0).
type Type byte

// The Control Packet types. AUTH exists in 5.0 only.
const (
	CONNECT     Type = 1
	CONNACK     Type = 2
	PUBLISH     Type = 3
	PUBACK      Type = 4
	PUBREC      Type = 5
	PUBREL      Type = 6
	PUBCOMP     Type = 7
	SUBSCRIBE   Type = 8
	SUBACK      Type = 9
	UNSUBSCRIBE Type = 10
	UNSUBACK    Type = 11
	PINGREQ     Type = 12
	PINGRESP    Type = 13
	DISCONNECT  Type = 14
	AUTH        Type = 15
)

var typeNames = [...]string{
	CONNECT: "CONNECT", CONNACK: "CONNACK", PUBLISH: "PUBLISH", PUBACK: "PUBACK",
	PUBREC: "PUBREC", PUBREL: "PUBREL", PUBCOMP: "PUBCOMP", SUBSCRIBE: "SUBSCRIBE",
	SUBACK: "SUBACK", UNSUBSCRIBE: "UNSUBSCRIBE", UNSUBACK: "UNSUBACK", PINGREQ: "PINGREQ",
	PINGRESP: "PINGRESP", DISCONNECT: "DISCONNECT", AUTH: "AUTH",
}

// String is the packet type's name in the specification.
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return fmt.Sprintf("packet type %d", byte(t))
}

// QoS is a Quality of Service level; 3 is what no packet may carry.
type QoS byte

// The delivery protocols of section 4.3.
const (
	QoS0 QoS = 0 // at most once
	QoS1 QoS = 1 // at least once
	QoS2 QoS = 2 // exactly once
)

// A Packet is one MQTT Control Packet: one of the structs below, or bytes
// that break the rules on purpose ([Raw], [Illegal]).
type Packet interface {
	// Type is the Control Packet type.
	Type() Type
	// String is the packet on one line, as a transcript shows it. It never
	// contains a password.
	String() string
}

// Connect is a CONNECT packet (section 3.1).
type Connect struct {
	ProtocolName  string // "MQTT"
	ProtocolLevel byte   // the Protocol Version in 5.0
	CleanStart    bool   // Clean Session in 3.1.1
	KeepAlive     uint16 // seconds; 0 turns it off
	Properties    Properties
	ClientID      string
	Will          *Will   // nil: Will Flag 0
	UserName      *string // nil: User Name Flag 0
	Password      *string // nil: Password Flag 0; binary data
}

// Will is the Will Message that a CONNECT carries (section 3.1.2.5).
type Will struct {
	QoS        QoS
	Retain     bool
	Properties Properties // 5.0
	Topic      string
	Payload    string
}

// Connack is a CONNACK packet (section 3.2).
type Connack struct {
	SessionPresent bool
	Code           ReasonCode // the Connect Return code in 3.1.1
	Properties     Properties
}

// Publish is a PUBLISH packet (section 3.3).
type Publish struct {
	Dup        bool
	QoS        QoS
	Retain     bool
	Topic      string
	PacketID   uint16 // only with QoS > 0
	Properties Properties
	Payload    string
}

// Puback is a PUBACK packet (section 3.4).
type Puback struct {
	PacketID   uint16
	Code       ReasonCode // 5.0
	Properties Properties
}

// Pubrec is a PUBREC packet (section 3.5).
type Pubrec struct {
	PacketID   uint16
	Code       ReasonCode // 5.0
	Properties Properties
}

// Pubrel is a PUBREL packet (section 3.6).
type Pubrel struct {
	PacketID   uint16
	Code       ReasonCode // 5.0
	Properties Properties
}

// Pubcomp is a PUBCOMP packet (section 3.7).
type Pubcomp struct {
	PacketID   uint16
	Code       ReasonCode // 5.0
	Properties Properties
}

// Subscribe is a SUBSCRIBE packet (section 3.8).
type Subscribe struct {
	PacketID      uint16
	Properties    Properties
	Subscriptions []Subscription
}

// Subscription is one Topic Filter of a SUBSCRIBE with its options. In 3.1.1
// only the Requested QoS exists.
type Subscription struct {
	Filter            string
	QoS               QoS
	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    byte // 0 send retained messages, 1 only for a new subscription, 2 never
}

// Suback is a SUBACK packet (section 3.9).
type Suback struct {
	PacketID   uint16
	Properties Properties
	Codes      []ReasonCode // return codes in 3.1.1
}

// Unsubscribe is an UNSUBSCRIBE packet (section 3.10).
type Unsubscribe struct {
	PacketID   uint16
	Properties Properties
	Filters    []string
}

// Unsuback is an UNSUBACK packet (section 3.11).
type Unsuback struct {
	PacketID   uint16
	Properties Properties
	Codes      []ReasonCode // 5.0
}

// Pingreq is a PINGREQ packet (section 3.12).
type Pingreq struct{}

// Pingresp is a PINGRESP packet (section 3.13).
type Pingresp struct{}

// Disconnect is a DISCONNECT packet (section 3.14).
type Disconnect struct {
	Code       ReasonCode // 5.0
	Properties Properties
}

// Auth is an AUTH packet (5.0, section 3.15).
type Auth struct {
	Code       ReasonCode
	Properties Properties
}

// Type is CONNECT.
func (*Connect) Type() Type { return CONNECT }

// Type is CONNACK.
func (*Connack) Type() Type { return CONNACK }

// Type is PUBLISH.
func (*Publish) Type() Type { return PUBLISH }

// Type is PUBACK.
func (*Puback) Type() Type { return PUBACK }

// Type is PUBREC.
func (*Pubrec) Type() Type { return PUBREC }

// Type is PUBREL.
func (*Pubrel) Type() Type { return PUBREL }

// Type is PUBCOMP.
func (*Pubcomp) Type() Type { return PUBCOMP }

// Type is SUBSCRIBE.
func (*Subscribe) Type() Type { return SUBSCRIBE }

// Type is SUBACK.
func (*Suback) Type() Type { return SUBACK }

// Type is UNSUBSCRIBE.
func (*Unsubscribe) Type() Type { return UNSUBSCRIBE }

// Type is UNSUBACK.
func (*Unsuback) Type() Type { return UNSUBACK }

// Type is PINGREQ.
func (*Pingreq) Type() Type { return PINGREQ }

// Type is PINGRESP.
func (*Pingresp) Type() Type { return PINGRESP }

// Type is DISCONNECT.
func (*Disconnect) Type() Type { return DISCONNECT }

// Type is AUTH.
func (*Auth) Type() Type { return AUTH }
