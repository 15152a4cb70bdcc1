package codec

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestStrings(t *testing.T) {
	long := strings.Repeat("ä", 100)
	many := &Suback{PacketID: 1, Codes: make([]ReasonCode, 25)}
	tests := []struct {
		name   string
		packet Packet
		want   string
	}{
		{"as the brief has it", &Connect{ProtocolName: "MQTT", ProtocolLevel: 5, CleanStart: true, KeepAlive: 60, ClientID: "alice",
			Will: &Will{Topic: "a/b", QoS: 1}, UserName: text("bob"), Properties: Properties{SessionExpiryInterval(600)}},
			"CONNECT client=alice clean=1 keepalive=60 will=a/b/q1 0 bytes user=bob session-expiry=600"},
		{"another protocol", &Connect{ProtocolName: "MQIsdp", ProtocolLevel: 3}, `CONNECT protocol="MQIsdp" level=3 client="" clean=0 keepalive=0`},
		{"quoted where it has to be", &Publish{Topic: "a b\t\"\\\x00\xFF\u200B", Payload: "\n"}, `PUBLISH q0 topic="a b\t\"\\\x00\xff\u200b" 1 bytes "\n"`},
		{"words as they are", &Publish{Topic: "größe/温度/🌡"}, "PUBLISH q0 topic=größe/温度/🌡 0 bytes"},
		{"shortened", &Publish{Topic: long, Payload: long}, `PUBLISH q0 topic="` + long[:120] + `…" 200 bytes "` + long[:120] + `…"`},
		{"long lists", many, "SUBACK id=1 [" + strings.Repeat("QoS 0, ", 20) + "… 5 more]"},
		{"properties of any type", &Publish{Properties: Properties{{ID: 0x7E, Number: 4}, CorrelationData("\xFF"), UserProperty("a b", "c")}},
			`PUBLISH q0 topic="" property-0x7E correlation-data="\xff" user-property="a b":c 0 bytes`},
		{"codes without a name", &Disconnect{Code: 0xF0}, "DISCONNECT 0xF0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.packet.String(); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// One line, printable, without the password, for any packet.
func TestStringOfAnything(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		if c, ok := p.(*Connect); ok && c.Password != nil {
			c.Password = text("Pa55w0rd")
		}
		s := p.String()
		if !strings.HasPrefix(s, p.Type().String()) || strings.ContainsAny(s, "\n\r\x00") || !utf8.ValidString(s) {
			t.Fatalf("%q", s)
		}
		if strings.Contains(s, "Pa55w0rd") {
			t.Fatalf("the password is in %q", s)
		}
	})
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		V311.String():             "3.1.1",
		V5.String():               "5.0",
		Version(3).String():       "unknown version",
		Client.String():           "client",
		Server.String():           "server",
		CONNECT.String():          "CONNECT",
		AUTH.String():             "AUTH",
		Type(0).String():          "packet type 0",
		SessionTakenOver.String(): "0x8E Session taken over",
		WildcardSubscriptionsNotSupported.String():   "0xA2 Wildcard Subscriptions not supported",
		ReasonCode(0xA3).String():                    "0xA3",
		ReasonCode(0x03).String():                    "0x03",
		PropSubscriptionIdentifierAvailable.String(): "Subscription Identifier Available",
		PropertyID(0x04).String():                    "Property 0x04",
		PropertyID(0xFF).String():                    "Property 0xFF",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if Success.IsError() || WildcardSubscriptionsNotSupported.IsError() == false || ReasonCode(0x7F).IsError() || !UnspecifiedError.IsError() {
		t.Error("0x80 and above are errors, nothing below is")
	}
}

// The constructors make what their names say.
func TestPropertyConstructors(t *testing.T) {
	for id, p := range map[PropertyID]Property{
		PropPayloadFormatIndicator: PayloadFormatIndicator(1), PropMessageExpiryInterval: MessageExpiryInterval(1), PropContentType: ContentType("x"),
		PropResponseTopic: ResponseTopic("x"), PropCorrelationData: CorrelationData("x"), PropSubscriptionIdentifier: SubscriptionIdentifier(1),
		PropSessionExpiryInterval: SessionExpiryInterval(1), PropAssignedClientIdentifier: AssignedClientIdentifier("x"), PropServerKeepAlive: ServerKeepAlive(1),
		PropAuthenticationMethod: AuthenticationMethod("x"), PropAuthenticationData: AuthenticationData("x"), PropRequestProblemInformation: RequestProblemInformation(1),
		PropWillDelayInterval: WillDelayInterval(1), PropRequestResponseInformation: RequestResponseInformation(1), PropResponseInformation: ResponseInformation("x"),
		PropServerReference: ServerReference("x"), PropReasonString: ReasonString("x"), PropReceiveMaximum: ReceiveMaximum(1), PropTopicAliasMaximum: TopicAliasMaximum(1),
		PropTopicAlias: TopicAlias(1), PropMaximumQoS: MaximumQoS(QoS1), PropRetainAvailable: RetainAvailable(1), PropUserProperty: UserProperty("n", "x"),
		PropMaximumPacketSize: MaximumPacketSize(1), PropWildcardSubscriptionAvailable: WildcardSubscriptionAvailable(1),
		PropSubscriptionIdentifierAvailable: SubscriptionIdentifierAvailable(1), PropSharedSubscriptionAvailable: SharedSubscriptionAvailable(1),
	} {
		want := Property{ID: id, Number: 1}
		switch id.info().kind {
		case kindString, kindTopic, kindBinary:
			want = Property{ID: id, Text: "x"}
		case kindPair:
			want = Property{ID: id, Name: "n", Text: "x"}
		}
		if p != want {
			t.Errorf("%v: got %+v, want %+v", id, p, want)
		}
		ps := Properties{p, p}
		if n, ok := ps.Number(id); !ok || n != want.Number {
			t.Errorf("Number(%v) is %d, %v", id, n, ok)
		}
		if s, ok := ps.Text(id); !ok || s != want.Text {
			t.Errorf("Text(%v) is %q, %v", id, s, ok)
		}
		if !ps.Has(id) || len(ps.All(id)) != 2 || ps.Has(id+1) || ps.All(id+1) != nil {
			t.Errorf("Has and All of %v", id)
		}
	}
	if _, ok := (Properties{}).Text(PropReasonString); ok {
		t.Error("Text of nothing")
	}
}
