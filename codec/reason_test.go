package codec

import (
	"bytes"
	"testing"
)

// The Reason Codes of every packet, copied from its own table in the
// specification, by who may send them.
func TestReasonCodes(t *testing.T) {
	publish := "00 80 83 87 90 91 97 99" // tables 3-4 and 3-5
	disconnect := "00 80 81 82 83 90 93 94 95 96 97 98 99" +
		" 8c" // in table 2-6, missing in 3-10
	tables := []struct {
		version Version
		in      Type
		from    Peer
		codes   string
	}{
		{V311, CONNACK, Server, "00 01 02 03 04 05"},
		{V311, SUBACK, Server, "00 01 02 80"},
		{V5, CONNACK, Server, "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f"},
		{V5, PUBACK, Client, publish},
		{V5, PUBACK, Server, publish + "10"},
		{V5, PUBREC, Client, publish},
		{V5, PUBREC, Server, publish + "10"},
		{V5, PUBREL, Client, "00 92"},
		{V5, PUBREL, Server, "00 92"},
		{V5, PUBCOMP, Client, "00 92"},
		{V5, PUBCOMP, Server, "00 92"},
		{V5, SUBACK, Server, "00 01 02 80 83 87 8f 91 97 9e a1 a2"},
		{V5, UNSUBACK, Server, "00 11 80 83 87 8f 91"},
		{V5, DISCONNECT, Client, disconnect + "04"},
		{V5, DISCONNECT, Server, disconnect + "87 89 8b 8d 8e 8f 9a 9b 9c 9d 9e 9f a0 a1 a2"},
		{V5, AUTH, Client, "18 19"},
		{V5, AUTH, Server, "18 00"},
	}
	for _, table := range tables {
		t.Run(table.version.String()+"/"+table.from.String()+"/"+table.in.String(), func(t *testing.T) {
			codes := unhex(t, table.codes)
			for c := range 256 {
				c := byte(c)
				var p []byte
				switch table.in {
				case CONNACK:
					p = frame(0x20, 0, c)
					if table.version == V5 {
						p = frame(0x20, 0, c, 0)
					}
				case SUBACK:
					p = frame(0x90, idA, c)
					if table.version == V5 {
						p = frame(0x90, idA, 0, c)
					}
				case UNSUBACK:
					p = frame(0xB0, idA, 0, c)
				case PUBREL:
					p = frame(0x62, idA, c)
				case DISCONNECT:
					p = frame(0xE0, c)
				case AUTH:
					p = frame(0xF0, c, props(0x15, "m"))
				default:
					p = frame(byte(table.in)<<4, idA, c)
				}
				_, err := Decode(table.version, table.from, p)
				if want := bytes.IndexByte(codes, c) >= 0; (err == nil) != want {
					t.Errorf("%#02x: allowed %v, %v", c, want, err)
				}
				if err == nil && table.version == V5 && ReasonCode(c).String() == hexByte(c) {
					t.Errorf("%#02x has no name", c)
				}
			}
		})
	}
}

// Names of table 2-6.
func TestReasonNames(t *testing.T) {
	for c, want := range map[ReasonCode]string{
		Success: "Success", GrantedQoS1: "Granted QoS 1", GrantedQoS2: "Granted QoS 2", DisconnectWithWill: "Disconnect with Will Message",
		NoMatchingSubscribers: "No matching subscribers", NoSubscriptionExisted: "No subscription existed",
		ContinueAuthentication: "Continue authentication", ReAuthenticate: "Re-authenticate", UnspecifiedError: "Unspecified error",
		MalformedPacket: "Malformed Packet", ProtocolError: "Protocol Error", ImplementationSpecificError: "Implementation specific error",
		UnsupportedProtocolVersion: "Unsupported Protocol Version", ClientIdentifierNotValid: "Client Identifier not valid",
		BadUserNameOrPassword: "Bad User Name or Password", NotAuthorized: "Not authorized", ServerUnavailable: "Server unavailable",
		ServerBusy: "Server busy", Banned: "Banned", ServerShuttingDown: "Server shutting down", BadAuthenticationMethod: "Bad authentication method",
		KeepAliveTimeout: "Keep Alive timeout", SessionTakenOver: "Session taken over", TopicFilterInvalid: "Topic Filter invalid",
		TopicNameInvalid: "Topic Name invalid", PacketIdentifierInUse: "Packet Identifier in use", PacketIdentifierNotFound: "Packet Identifier not found",
		ReceiveMaximumExceeded: "Receive Maximum exceeded", TopicAliasInvalid: "Topic Alias invalid", PacketTooLarge: "Packet too large",
		MessageRateTooHigh: "Message rate too high", QuotaExceeded: "Quota exceeded", AdministrativeAction: "Administrative action",
		PayloadFormatInvalid: "Payload format invalid", RetainNotSupported: "Retain not supported", QoSNotSupported: "QoS not supported",
		UseAnotherServer: "Use another server", ServerMoved: "Server moved", SharedSubscriptionsNotSupported: "Shared Subscriptions not supported",
		ConnectionRateExceeded: "Connection rate exceeded", MaximumConnectTime: "Maximum connect time",
		SubscriptionIdentifiersNotSupported: "Subscription Identifiers not supported", WildcardSubscriptionsNotSupported: "Wildcard Subscriptions not supported",
	} {
		if got := c.String(); got != hexByte(byte(c))+" "+want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
