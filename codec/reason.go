package codec

import "fmt"

// ReasonCode is a Reason Code of 5.0 (section 2.4), a Connect Return code of
// 3.1.1 (section 3.2.2.3) or a SUBACK return code of 3.1.1 (section 3.9.3).
type ReasonCode byte

// The Reason Codes of 5.0 (table 2-6). 0x00 has three names, after the packet
// it stands in.
const (
	Success             ReasonCode = 0x00
	NormalDisconnection ReasonCode = 0x00
	GrantedQoS0         ReasonCode = 0x00
	GrantedQoS1         ReasonCode = 0x01
	GrantedQoS2         ReasonCode = 0x02
	DisconnectWithWill  ReasonCode = 0x04

	NoMatchingSubscribers  ReasonCode = 0x10
	NoSubscriptionExisted  ReasonCode = 0x11
	ContinueAuthentication ReasonCode = 0x18
	ReAuthenticate         ReasonCode = 0x19

	UnspecifiedError                    ReasonCode = 0x80
	MalformedPacket                     ReasonCode = 0x81
	ProtocolError                       ReasonCode = 0x82
	ImplementationSpecificError         ReasonCode = 0x83
	UnsupportedProtocolVersion          ReasonCode = 0x84
	ClientIdentifierNotValid            ReasonCode = 0x85
	BadUserNameOrPassword               ReasonCode = 0x86
	NotAuthorized                       ReasonCode = 0x87
	ServerUnavailable                   ReasonCode = 0x88
	ServerBusy                          ReasonCode = 0x89
	Banned                              ReasonCode = 0x8A
	ServerShuttingDown                  ReasonCode = 0x8B
	BadAuthenticationMethod             ReasonCode = 0x8C
	KeepAliveTimeout                    ReasonCode = 0x8D
	SessionTakenOver                    ReasonCode = 0x8E
	TopicFilterInvalid                  ReasonCode = 0x8F
	TopicNameInvalid                    ReasonCode = 0x90
	PacketIdentifierInUse               ReasonCode = 0x91
	PacketIdentifierNotFound            ReasonCode = 0x92
	ReceiveMaximumExceeded              ReasonCode = 0x93
	TopicAliasInvalid                   ReasonCode = 0x94
	PacketTooLarge                      ReasonCode = 0x95
	MessageRateTooHigh                  ReasonCode = 0x96
	QuotaExceeded                       ReasonCode = 0x97
	AdministrativeAction                ReasonCode = 0x98
	PayloadFormatInvalid                ReasonCode = 0x99
	RetainNotSupported                  ReasonCode = 0x9A
	QoSNotSupported                     ReasonCode = 0x9B
	UseAnotherServer                    ReasonCode = 0x9C
	ServerMoved                         ReasonCode = 0x9D
	SharedSubscriptionsNotSupported     ReasonCode = 0x9E
	ConnectionRateExceeded              ReasonCode = 0x9F
	MaximumConnectTime                  ReasonCode = 0xA0
	SubscriptionIdentifiersNotSupported ReasonCode = 0xA1
	WildcardSubscriptionsNotSupported   ReasonCode = 0xA2
)

// The Connect Return codes of 3.1.1 (table 3.1); 0 is [Success].
const (
	RefusedProtocolVersion   ReasonCode = 1
	RefusedIdentifier        ReasonCode = 2
	RefusedServerUnavailable ReasonCode = 3
	RefusedCredentials       ReasonCode = 4
	RefusedNotAuthorized     ReasonCode = 5
)

// SubackFailure is the SUBACK return code of 3.1.1 for a refused subscription
// (section 3.9.3).
const SubackFailure ReasonCode = 0x80

// String is the code and its name: "0x8E Session taken over". A code without
// a name in the specification is its number alone. Codes of 3.1.1 CONNACK
// packets overlap with those of SUBACK; [Connack] and [Suback] name theirs.
func (c ReasonCode) String() string {
	if int(c) < len(reasons) && reasons[c].name != "" {
		return hexByte(byte(c)) + " " + reasons[c].name
	}
	return hexByte(byte(c))
}

// IsError says whether the code is one of failure (0x80 and above).
func (c ReasonCode) IsError() bool { return c >= 0x80 }

func hexByte(b byte) string { return fmt.Sprintf("0x%02X", b) }

// connectRefusals are the names of the Connect Return codes of 3.1.1.
var connectRefusals = [...]string{
	RefusedProtocolVersion:   "Refused, unacceptable protocol version",
	RefusedIdentifier:        "Refused, identifier rejected",
	RefusedServerUnavailable: "Refused, Server unavailable",
	RefusedCredentials:       "Refused, bad user name or password",
	RefusedNotAuthorized:     "Refused, not authorized",
}

// types is a set of packet types.
type types uint16

func (ts types) has(t Type) bool { return ts&(1<<t) != 0 }

const (
	inConnack    types = 1 << CONNACK
	inPuback     types = 1 << PUBACK
	inPubrec     types = 1 << PUBREC
	inPubrel     types = 1 << PUBREL
	inPubcomp    types = 1 << PUBCOMP
	inSuback     types = 1 << SUBACK
	inUnsuback   types = 1 << UNSUBACK
	inDisconnect types = 1 << DISCONNECT
	inAuth       types = 1 << AUTH
)

// reason is a row of table 2-6 of 5.0, with the packets split by who may send
// the code in them (tables 3-1, 3-4 to 3-11).
type reason struct {
	name           string
	server, client types
}

var reasons = [...]reason{
	Success: {"Success", inConnack | inPuback | inPubrec | inPubrel | inPubcomp | inSuback | inUnsuback | inDisconnect | inAuth,
		inPuback | inPubrec | inPubrel | inPubcomp | inDisconnect},
	GrantedQoS1:        {"Granted QoS 1", inSuback, 0},
	GrantedQoS2:        {"Granted QoS 2", inSuback, 0},
	DisconnectWithWill: {"Disconnect with Will Message", 0, inDisconnect},

	// "This is sent only by the Server" (tables 3-4 and 3-5).
	NoMatchingSubscribers:  {"No matching subscribers", inPuback | inPubrec, 0},
	NoSubscriptionExisted:  {"No subscription existed", inUnsuback, 0},
	ContinueAuthentication: {"Continue authentication", inAuth, inAuth},
	ReAuthenticate:         {"Re-authenticate", 0, inAuth},

	UnspecifiedError:            {"Unspecified error", inConnack | inPuback | inPubrec | inSuback | inUnsuback | inDisconnect, inPuback | inPubrec | inDisconnect},
	MalformedPacket:             {"Malformed Packet", inConnack | inDisconnect, inDisconnect},
	ProtocolError:               {"Protocol Error", inConnack | inDisconnect, inDisconnect},
	ImplementationSpecificError: {"Implementation specific error", inConnack | inPuback | inPubrec | inSuback | inUnsuback | inDisconnect, inPuback | inPubrec | inDisconnect},
	UnsupportedProtocolVersion:  {"Unsupported Protocol Version", inConnack, 0},
	ClientIdentifierNotValid:    {"Client Identifier not valid", inConnack, 0},
	BadUserNameOrPassword:       {"Bad User Name or Password", inConnack, 0},
	NotAuthorized:               {"Not authorized", inConnack | inPuback | inPubrec | inSuback | inUnsuback | inDisconnect, inPuback | inPubrec},
	ServerUnavailable:           {"Server unavailable", inConnack, 0},
	ServerBusy:                  {"Server busy", inConnack | inDisconnect, 0},
	Banned:                      {"Banned", inConnack, 0},
	ServerShuttingDown:          {"Server shutting down", inDisconnect, 0},
	// Table 2-6 gives DISCONNECT this code, table 3-10 does not list it; it
	// is what ends a failed re-authentication (section 4.12.1), by either
	// side. Where the specification is of two minds, nobody is failed.
	BadAuthenticationMethod:             {"Bad authentication method", inConnack | inDisconnect, inDisconnect},
	KeepAliveTimeout:                    {"Keep Alive timeout", inDisconnect, 0},
	SessionTakenOver:                    {"Session taken over", inDisconnect, 0},
	TopicFilterInvalid:                  {"Topic Filter invalid", inSuback | inUnsuback | inDisconnect, 0},
	TopicNameInvalid:                    {"Topic Name invalid", inConnack | inPuback | inPubrec | inDisconnect, inPuback | inPubrec | inDisconnect},
	PacketIdentifierInUse:               {"Packet Identifier in use", inPuback | inPubrec | inSuback | inUnsuback, inPuback | inPubrec},
	PacketIdentifierNotFound:            {"Packet Identifier not found", inPubrel | inPubcomp, inPubrel | inPubcomp},
	ReceiveMaximumExceeded:              {"Receive Maximum exceeded", inDisconnect, inDisconnect},
	TopicAliasInvalid:                   {"Topic Alias invalid", inDisconnect, inDisconnect},
	PacketTooLarge:                      {"Packet too large", inConnack | inDisconnect, inDisconnect},
	MessageRateTooHigh:                  {"Message rate too high", inDisconnect, inDisconnect},
	QuotaExceeded:                       {"Quota exceeded", inConnack | inPuback | inPubrec | inSuback | inDisconnect, inPuback | inPubrec | inDisconnect},
	AdministrativeAction:                {"Administrative action", inDisconnect, inDisconnect},
	PayloadFormatInvalid:                {"Payload format invalid", inConnack | inPuback | inPubrec | inDisconnect, inPuback | inPubrec | inDisconnect},
	RetainNotSupported:                  {"Retain not supported", inConnack | inDisconnect, 0},
	QoSNotSupported:                     {"QoS not supported", inConnack | inDisconnect, 0},
	UseAnotherServer:                    {"Use another server", inConnack | inDisconnect, 0},
	ServerMoved:                         {"Server moved", inConnack | inDisconnect, 0},
	SharedSubscriptionsNotSupported:     {"Shared Subscriptions not supported", inSuback | inDisconnect, 0},
	ConnectionRateExceeded:              {"Connection rate exceeded", inConnack | inDisconnect, 0},
	MaximumConnectTime:                  {"Maximum connect time", inDisconnect, 0},
	SubscriptionIdentifiersNotSupported: {"Subscription Identifiers not supported", inSuback | inDisconnect, 0},
	WildcardSubscriptionsNotSupported:   {"Wildcard Subscriptions not supported", inSuback | inDisconnect, 0},
}

// reasonAllowed says whether the code may stand in a packet of this type from
// this side.
func reasonAllowed(v Version, from Peer, t Type, c ReasonCode) bool {
	if v != V5 {
		switch t {
		case CONNACK:
			return c <= RefusedNotAuthorized
		case SUBACK:
			return c <= GrantedQoS2 || c == SubackFailure
		}
		return true // no other packet has one
	}
	if int(c) >= len(reasons) {
		return false
	}
	if from == Server {
		return reasons[c].server.has(t)
	}
	return reasons[c].client.has(t)
}
