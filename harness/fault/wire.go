package fault

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
	"mqttspec/harness/proxy"
)

// Brokers that send one thing wrong in the packets of one type: for every
// statement that the strict decoder, or the audit of a connection, can name.

// sends makes a broker that sends something else for every packet of one type.
func sends[T codec.Packet](name, does string, breaks Breaks, wrong func(l *Link, p T) codec.Packet) Fault {
	return stateful(name, does, breaks, func() behaviour {
		return behaviour{FromBroker: func(l *Link, f *Frame) Action {
			if p, ok := f.Packet.(T); ok {
				f.Packet = wrong(l, p)
			}
			return Forward
		}}
	})
}

// sendsWrong makes a broker whose packets of one type have a field wrong.
func sendsWrong[T codec.Packet](name, does string, breaks Breaks, edits ...codec.Edit) Fault {
	return sends(name, does, breaks, func(_ *Link, p T) codec.Packet { return codec.Wrong(p, edits...) })
}

// illegal are properties that a packet must not have, with the statement that
// says so.
type illegal struct {
	statement string
	set       codec.Properties
}

// sendsProperties makes brokers of 5.0 whose packets of one type carry
// properties that they must not, one broker for each set of properties.
func sendsProperties[T codec.Packet](what string, sets ...illegal) []Fault {
	var faults []Fault
	for _, i := range sets {
		var zero T
		is := i.set[0].ID.String() + " " + what
		faults = append(faults, sends(slug("sends", zero.Type().String(), is), fmt.Sprintf("sends %v with %s", zero.Type(), is), Breaks{V5: i.statement},
			func(_ *Link, p T) codec.Packet { return withProperties(p, i.set) }))
	}
	return faults
}

// withProperties is a packet with these properties in place of those of its
// own that have the same identifier.
func withProperties(p codec.Packet, set codec.Properties) codec.Packet {
	own := proxy.PropertiesOf(p)
	*own = append(slices.DeleteFunc(slices.Clone(*own), func(p codec.Property) bool { return set.Has(p.ID) }), set...)
	return p
}

// slug makes a fault's name of words.
func slug(words ...string) string {
	return strings.ToLower(strings.ReplaceAll(strings.Join(words, "-"), " ", "-"))
}

// twice is a property and the same property again.
func twice(statement string, p codec.Property) illegal {
	return illegal{statement, codec.Properties{p, p}}
}

// once is one property.
func once(statement string, p codec.Property) illegal {
	return illegal{statement, codec.Properties{p}}
}

// MalformedFraming sends packets whose fixed header is wrong.
var MalformedFraming = []Fault{
	sendsWrong[*codec.Pingresp]("sends-reserved-flags", "sets a reserved flag in the fixed header of PINGRESP",
		Breaks{V311: "MQTT-2.2.2-1", V5: "MQTT-2.1.3-1"}, codec.Flags(0x1)),
	sends("sends-packet-type-0", "sends packet type 0 for PINGRESP",
		Breaks{V311: "3.1.1/2.2.1/packet-type-reserved", V5: "5.0/2.1.2/packet-type-reserved"},
		func(*Link, *codec.Pingresp) codec.Packet { return codec.Raw{0x00, 0x00} }),
	sends("sends-client-packet", "answers PINGREQ with PINGREQ",
		Breaks{V311: "3.1.1/2.2.1/packet-direction MQTT-3.12.4-1", V5: "5.0/2.1.2/packet-direction MQTT-3.12.4-1"},
		func(*Link, *codec.Pingresp) codec.Packet { return &codec.Pingreq{} }),
	sendsWrong[*codec.Pingresp]("sends-trailing-byte", "sends a byte behind the last field of PINGRESP",
		Breaks{V311: "3.1.1/2.2.3/remaining-length", V5: "5.0/2.1.4/remaining-length"}, codec.Trailing(0x00)),
	sends("sends-truncated-packet", "sends an UNSUBACK that ends within its Packet Identifier",
		Breaks{V311: "3.1.1/2.2.3/remaining-length", V5: "5.0/2.1.4/remaining-length"},
		func(*Link, *codec.Unsuback) codec.Packet { return codec.Raw{0xB0, 0x01, 0x00} }),
	sends("sends-five-byte-length", "writes the Remaining Length of PINGRESP in five bytes",
		Breaks{V311: "3.1.1/2.2.3/remaining-length-too-long", V5: "5.0/1.5.5/variable-byte-integer-too-long"},
		func(*Link, *codec.Pingresp) codec.Packet { return codec.Raw{0xD0, 0x80, 0x80, 0x80, 0x80, 0x00} }),
}

// MalformedPubrel sends PUBREL with flags 0000.
var MalformedPubrel = sendsWrong[*codec.Pubrel]("sends-pubrel-without-flags", "sends PUBREL with the flags 0000",
	Breaks{V311: "MQTT-3.6.1-1", V5: "MQTT-3.6.1-1"}, codec.Flags(0x0))

// MalformedStrings sends strings that are none.
var MalformedStrings = []Fault{
	sendsWrong[*codec.Publish]("sends-ill-formed-utf-8", "sends a Topic Name that is ill-formed UTF-8",
		Breaks{V311: "MQTT-1.5.3-1 MQTT-3.3.2-1", V5: "MQTT-1.5.4-1 MQTT-3.3.2-1", Follows: Follows{Observed: lost, Because: "a message on another topic is not the one that is due"}}, codec.SetString("Topic Name", "\xC3\x28")),
	sendsWrong[*codec.Publish]("sends-null-character", "sends a Topic Name with U+0000 in it",
		Breaks{V311: "MQTT-1.5.3-2 MQTT-4.7.3-2", V5: "MQTT-1.5.4-2 MQTT-4.7.3-2", Follows: Follows{Observed: lost, Because: "a message on another topic is not the one that is due"}}, codec.SetString("Topic Name", "a\x00b")),
}

// MalformedStringPair sends a User Property whose value is no string.
var MalformedStringPair = sendsProperties[*codec.Publish]("ill-formed", once("MQTT-1.5.7-1", codec.UserProperty("name", "\xED\xA0\x80")))

// PadsLengths writes lengths in more bytes than they take.
var PadsLengths = sendsWrong[*codec.Pingresp]("pads-lengths", "writes the Remaining Length of PINGRESP in two bytes",
	Breaks{V5: "MQTT-1.5.5-1"}, codec.RemainingLength(0x80, 0x00))

// MalformedProperties sends properties that cannot be read, or not there.
var MalformedProperties = []Fault{
	sends("sends-no-property-length", "leaves the Property Length out of a CONNACK without properties",
		Breaks{V5: "MQTT-2.2.2-1"},
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Properties = nil
			return codec.Wrong(p, codec.Drop("Property Length"))
		}),
	sends("sends-unknown-property", "sends a property that MQTT does not know",
		Breaks{V5: "5.0/2.2.2.2/property-identifier"},
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Properties = nil
			return codec.Wrong(p, codec.Set("Property Length", 0x02, 0x7E, 0x00))
		}),
	sends("sends-foreign-property", "sends Topic Alias in CONNACK",
		Breaks{V5: "5.0/2.2.2.2/property-identifier"},
		func(_ *Link, p *codec.Connack) codec.Packet {
			return withProperties(p, codec.Properties{codec.TopicAlias(1)})
		}),
	sends("sends-truncated-property", "sends one byte of the two of Receive Maximum",
		Breaks{V5: "5.0/2.2.2.2/property-data-type"},
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Properties = codec.Properties{codec.ReceiveMaximum(10)}
			return codec.Wrong(p, codec.Set("Receive Maximum", 0x0A))
		}),
}

// ZeroPacketIDs sends the Packet Identifier 0 where there must be one.
var ZeroPacketIDs = []Fault{
	sends("sends-publish-with-packet-id-0", "gives its own QoS 1 and 2 messages the Packet Identifier 0",
		Breaks{V311: "MQTT-2.3.1-1", V5: "MQTT-2.2.1-4"},
		func(_ *Link, p *codec.Publish) codec.Packet { p.PacketID = 0; return p }),
	sendsWrong[*codec.Puback]("sends-puback-with-packet-id-0", "sends PUBACK with the Packet Identifier 0",
		Breaks{V311: "MQTT-2.3.1-6", V5: "MQTT-2.2.1-5",
			Follows: Follows{V311: "MQTT-3.3.4-1 MQTT-3.3.5-2 MQTT-4.3.2-2", V5: "MQTT-3.3.4-1 MQTT-4.3.2-4", Because: "no message is acknowledged by its Packet Identifier"}},
		codec.Set("Packet Identifier", 0, 0)),
	sendsWrong[*codec.Suback]("sends-suback-with-packet-id-0", "sends SUBACK with the Packet Identifier 0",
		Breaks{V311: "MQTT-2.3.1-7", V5: "MQTT-2.2.1-6"}, codec.Set("Packet Identifier", 0, 0)),
}

// ZeroPubcompID does so in PUBCOMP.
var ZeroPubcompID = sendsWrong[*codec.Pubcomp]("sends-pubcomp-with-packet-id-0", "sends PUBCOMP with the Packet Identifier 0",
	Breaks{V311: "MQTT-4.3.3-2", V5: "MQTT-2.2.1-5 MQTT-4.3.3-11"}, codec.Set("Packet Identifier", 0, 0))

// MalformedConnack sends CONNACK with its two first bytes wrong.
var MalformedConnack = []Fault{
	sends("sends-connack-with-reserved-bits", "sets a reserved bit of the Connect Acknowledge Flags",
		Breaks{V311: "3.1.1/3.2.2.1/reserved-flags", V5: "MQTT-3.2.2-1"},
		func(_ *Link, p *codec.Connack) codec.Packet {
			return codec.Wrong(p, codec.Set("Connect Acknowledge Flags", 0x02))
		}),
	sends("sends-session-present-with-refusal", "refuses connections with Session Present 1",
		Breaks{V311: "MQTT-3.2.2-4", V5: "MQTT-3.2.2-6"},
		func(l *Link, p *codec.Connack) codec.Packet {
			p.SessionPresent, p.Code = true, codec.RefusedServerUnavailable
			if l.Version == codec.V5 {
				p.Code = codec.ServerUnavailable
			}
			return p
		}),
	sends("sends-undefined-connack-code", "sends a code in CONNACK that is not in the list",
		Breaks{V311: "MQTT-3.2.2-6", V5: "MQTT-3.2.2-8"},
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Code = 0x70
			return p
		}),
}

// MalformedConnackProperties repeats each property of CONNACK, and gives each
// a value that is none.
var MalformedConnackProperties = append(
	sendsProperties[*codec.Connack]("twice",
		twice("5.0/3.2.2.3.2/session-expiry-interval-twice", codec.SessionExpiryInterval(10)),
		twice("5.0/3.2.2.3.3/receive-maximum-twice", codec.ReceiveMaximum(10)),
		twice("5.0/3.2.2.3.4/maximum-qos-twice", codec.MaximumQoS(1)),
		twice("5.0/3.2.2.3.5/retain-available-twice", codec.RetainAvailable(1)),
		twice("5.0/3.2.2.3.6/maximum-packet-size-twice", codec.MaximumPacketSize(100_000)),
		twice("5.0/3.2.2.3.7/assigned-client-identifier-twice", codec.AssignedClientIdentifier("assigned")),
		twice("5.0/3.2.2.3.8/topic-alias-maximum-twice", codec.TopicAliasMaximum(10)),
		twice("5.0/3.2.2.3.9/reason-string-twice", codec.ReasonString("reason")),
		twice("5.0/3.2.2.3.11/wildcard-subscription-available-twice", codec.WildcardSubscriptionAvailable(1)),
		twice("5.0/3.2.2.3.12/subscription-identifier-available-twice", codec.SubscriptionIdentifierAvailable(1)),
		twice("5.0/3.2.2.3.13/shared-subscription-available-twice", codec.SharedSubscriptionAvailable(1)),
		twice("5.0/3.2.2.3.14/server-keep-alive-twice", codec.ServerKeepAlive(60)),
		twice("5.0/3.2.2.3.15/response-information-twice", codec.ResponseInformation("topic")),
		twice("5.0/3.2.2.3.16/server-reference-twice", codec.ServerReference("elsewhere")),
		twice("5.0/3.2.2.3.17/authentication-method-twice", codec.AuthenticationMethod("method")),
		twice("5.0/3.2.2.3.18/authentication-data-twice", codec.AuthenticationData("data")),
	),
	sendsProperties[*codec.Connack]("out of range",
		once("5.0/3.2.2.3.3/receive-maximum-value", codec.ReceiveMaximum(0)),
		once("5.0/3.2.2.3.4/maximum-qos-value", codec.MaximumQoS(2)),
		once("5.0/3.2.2.3.5/retain-available-value", codec.RetainAvailable(2)),
		once("5.0/3.2.2.3.6/maximum-packet-size-value", codec.MaximumPacketSize(0)),
		once("5.0/3.2.2.3.11/wildcard-subscription-available-value", codec.WildcardSubscriptionAvailable(2)),
		once("5.0/3.2.2.3.12/subscription-identifier-available-value", codec.SubscriptionIdentifierAvailable(2)),
		once("5.0/3.2.2.3.13/shared-subscription-available-value", codec.SharedSubscriptionAvailable(2)),
	)...)

// MalformedPublish sends PUBLISH with its flags or its Topic Name wrong.
var MalformedPublish = []Fault{
	sends("sends-dup-with-qos-0", "sets DUP on QoS 0 messages",
		Breaks{V311: "MQTT-3.3.1-2 MQTT-4.3.1-1", V5: "MQTT-3.3.1-2 MQTT-4.3.1-1"}, func(_ *Link, p *codec.Publish) codec.Packet {
			p.Dup = p.QoS == codec.QoS0
			return p
		}),
	sendsWrong[*codec.Publish]("sends-qos-3", "sends PUBLISH with both QoS bits set",
		Breaks{V311: "MQTT-3.3.1-4", V5: "MQTT-3.3.1-4"}, codec.Flags(0x6)),
	sendsWrong[*codec.Publish]("sends-wildcard-topic", "sends a Topic Name with a wildcard in it",
		Breaks{V311: "MQTT-3.3.2-2 MQTT-3.3.2-3 MQTT-4.7.1-1", V5: "MQTT-3.3.2-2 MQTT-3.3.2-3 MQTT-4.7.0-1"}, codec.SetString("Topic Name", "a/#")),
	sendsWrong[*codec.Publish]("sends-empty-topic", "sends an empty Topic Name",
		Breaks{V311: "MQTT-4.7.3-1 MQTT-3.3.2-3", V5: "5.0/3.3.2.1/topic-name-empty MQTT-4.7.3-1 MQTT-3.3.2-3", Follows: Follows{Observed: lost, Because: "a message on another topic is not the one that is due"}}, codec.SetString("Topic Name", "")),
	sends("sends-no-topic", "sends PUBLISH without a Topic Name",
		Breaks{V311: "MQTT-3.3.2-1", V5: "MQTT-3.3.2-1"}, func(_ *Link, p *codec.Publish) codec.Packet {
			return codec.Raw{0x30, 0x00}
		}),
}

// MalformedPublishProperties sends PUBLISH with a property wrong.
var MalformedPublishProperties = append(append(
	sendsProperties[*codec.Publish]("twice",
		twice("5.0/3.3.2.3.4/topic-alias-twice", codec.TopicAlias(1)),
		twice("5.0/3.3.2.3.5/response-topic-twice", codec.ResponseTopic("answers")),
		twice("5.0/3.3.2.3.6/correlation-data-twice", codec.CorrelationData("data")),
		twice("5.0/3.3.2.3.9/content-type-twice", codec.ContentType("text")),
	),
	sendsProperties[*codec.Publish]("out of range",
		once("5.0/3.3.2.3.2/payload-format-indicator-value", codec.PayloadFormatIndicator(2)),
		once("MQTT-3.3.2-8", codec.TopicAlias(0)),
		once("5.0/3.3.2.3.8/subscription-identifier-value", codec.SubscriptionIdentifier(0)),
		once("MQTT-3.3.2-14", codec.ResponseTopic("a/+")),
	)...),
	sendsProperties[*codec.Publish]("empty", once("MQTT-4.7.3-1", codec.ResponseTopic("")))...)

// RepeatsPublishProperties repeats the two properties of PUBLISH whose
// sections do not say that they stand there once.
var RepeatsPublishProperties = sendsProperties[*codec.Publish]("twice",
	twice("5.0/3.3.2.3.2/payload-format-indicator-twice", codec.PayloadFormatIndicator(1)),
	twice("5.0/3.3.2.3.3/message-expiry-interval-twice", codec.MessageExpiryInterval(60)),
)

// MalformedAcknowledgements sends a code or a property that the
// acknowledgements of 5.0 do not have.
var MalformedAcknowledgements = append([]Fault{
	sends("sends-undefined-puback-code", "sends a Reason Code in PUBACK that is not in the list",
		Breaks{V5: "MQTT-3.4.2-1"},
		func(_ *Link, p *codec.Puback) codec.Packet { p.Code = 0x01; return p }),
	sends("sends-undefined-pubrec-code", "sends a Reason Code in PUBREC that is not in the list",
		Breaks{V5: "MQTT-3.5.2-1"},
		func(_ *Link, p *codec.Pubrec) codec.Packet { p.Code = 0x02; return p }),
	sends("sends-undefined-pubrel-code", "sends a Reason Code in PUBREL that is not in the list",
		Breaks{V5: "MQTT-3.6.2-1"},
		func(_ *Link, p *codec.Pubrel) codec.Packet { p.Code = codec.UnspecifiedError; return p }),
	sends("sends-undefined-pubcomp-code", "sends a Reason Code in PUBCOMP that is not in the list",
		Breaks{V5: "MQTT-3.7.2-1"},
		func(_ *Link, p *codec.Pubcomp) codec.Packet { p.Code = codec.NoMatchingSubscribers; return p }),
}, slices.Concat(
	sendsProperties[*codec.Puback]("twice", twice("5.0/3.4.2.2.2/reason-string-twice", codec.ReasonString("reason"))),
	sendsProperties[*codec.Pubrec]("twice", twice("5.0/3.5.2.2.2/reason-string-twice", codec.ReasonString("reason"))),
	sendsProperties[*codec.Pubrel]("twice", twice("5.0/3.6.2.2.2/reason-string-twice", codec.ReasonString("reason"))),
	sendsProperties[*codec.Pubcomp]("twice", twice("5.0/3.7.2.2.2/reason-string-twice", codec.ReasonString("reason"))),
)...)

// MalformedSuback sends SUBACK with its codes wrong.
var MalformedSuback = []Fault{
	sends("sends-undefined-suback-code", "sends a code in SUBACK that is not in the list",
		Breaks{V311: "MQTT-3.9.3-2", V5: "MQTT-3.9.3-2"},
		func(_ *Link, p *codec.Suback) codec.Packet { p.Codes[0] = 0x03; return p }),
	sends("sends-suback-without-codes", "sends SUBACK without a code",
		Breaks{V311: "MQTT-3.8.4-5", V5: "MQTT-3.8.4-6"},
		func(_ *Link, p *codec.Suback) codec.Packet { p.Codes = nil; return p }),
}

// MalformedSubackProperties sends a Reason String twice, and UNSUBACK with its
// codes wrong, as only 5.0 can.
var MalformedSubackProperties = append([]Fault{
	sends("sends-undefined-unsuback-code", "sends a Reason Code in UNSUBACK that is not in the list",
		Breaks{V5: "MQTT-3.11.3-2"},
		func(_ *Link, p *codec.Unsuback) codec.Packet {
			p.Codes = append([]codec.ReasonCode{codec.GrantedQoS1}, p.Codes[min(1, len(p.Codes)):]...)
			return p
		}),
	sends("sends-unsuback-without-codes", "sends UNSUBACK without a Reason Code",
		Breaks{V5: "MQTT-3.11.3-2"},
		func(_ *Link, p *codec.Unsuback) codec.Packet { p.Codes = nil; return p }),
}, slices.Concat(
	sendsProperties[*codec.Suback]("twice", twice("5.0/3.9.2.1.2/reason-string-twice", codec.ReasonString("reason"))),
	sendsProperties[*codec.Unsuback]("twice", twice("5.0/3.11.2.1.2/reason-string-twice", codec.ReasonString("reason"))),
)...)

// MalformedDisconnect sends DISCONNECT with something wrong in it.
var MalformedDisconnect = []Fault{
	saysGoodbye("sends-disconnect-with-flags", "sets a reserved flag in the fixed header of DISCONNECT",
		Breaks{V5: "MQTT-3.14.1-1", Follows: Follows{V5: disconnectReasons, Because: "its Reason Code is always the same"}},
		codec.Wrong(&codec.Disconnect{Code: codec.SessionTakenOver}, codec.Flags(0x1))),
	saysGoodbye("sends-undefined-disconnect-code", "sends a Reason Code in DISCONNECT that is not the server's",
		Breaks{V5: "MQTT-3.14.2-1", Follows: Follows{V5: disconnectReasons, Because: "a client's code is not the one that fits"}},
		&codec.Disconnect{Code: codec.DisconnectWithWill}),
	DisconnectsWithSessionExpiry,
	DisconnectsWithTwoReasonStrings,
	DisconnectsWithTwoServerReferences,
}

// MalformedAuth sends AUTH with something wrong in it.
var MalformedAuth = append([]Fault{
	sendsWrong[*codec.Auth]("sends-auth-with-flags", "sets a reserved flag in the fixed header of AUTH",
		Breaks{V5: "MQTT-3.15.1-1"}, codec.Flags(0x1)),
	sends("sends-undefined-auth-code", "asks the client in AUTH to re-authenticate",
		Breaks{V5: "MQTT-3.15.2-1"}, func(_ *Link, p *codec.Auth) codec.Packet {
			p.Code = codec.ReAuthenticate
			return p
		}),
	sends("sends-auth-without-method", "leaves the Authentication Method out of AUTH",
		Breaks{V5: "5.0/3.15.2.2.2/authentication-method-missing"}, func(_ *Link, p *codec.Auth) codec.Packet {
			p.Properties = p.Properties.All(codec.PropAuthenticationData)
			return p
		}),
}, slices.Concat(
	sendsProperties[*codec.Auth]("twice",
		twice("5.0/3.15.2.2.2/authentication-method-twice", codec.AuthenticationMethod("SCRAM-SHA-256")),
		twice("5.0/3.15.2.2.3/authentication-data-twice", codec.AuthenticationData("data")),
		twice("5.0/3.15.2.2.4/reason-string-twice", codec.ReasonString("reason")),
	),
)...)

// SendsOutOfOrder sends packets where none of their kind may be.
var SendsOutOfOrder = []Fault{
	sends("sends-before-connack", "sends PINGRESP before CONNACK",
		Breaks{V311: "MQTT-3.2.0-1", V5: "MQTT-3.2.0-1"}, func(l *Link, p *codec.Connack) codec.Packet {
			l.ToClient(&codec.Pingresp{})
			return p
		}),
}

// SendsOutOfOrderV5 does the same with what only 5.0 has.
var SendsOutOfOrderV5 = []Fault{
	sends("sends-connack-twice", "sends CONNACK twice",
		Breaks{V5: "MQTT-3.2.0-2"}, func(l *Link, p *codec.Connack) codec.Packet {
			l.ToClient(p)
			return p
		}),
	sends("sends-disconnect-before-connack", "sends DISCONNECT before CONNACK",
		Breaks{V5: "MQTT-3.14.0-1 MQTT-3.14.4-1 MQTT-3.2.0-1"}, func(l *Link, p *codec.Connack) codec.Packet {
			l.ToClient(&codec.Disconnect{Code: codec.ServerBusy})
			return p
		}),
	SendsAfterDisconnect,
}

// ExceedsTopicAliases uses Topic Aliases that the client did not allow.
var ExceedsTopicAliases = []Fault{
	sends("sends-topic-alias-unasked", "sends Topic Alias 1 to clients that allow none",
		Breaks{V5: "MQTT-3.1.2-27 MQTT-3.1.2-26 MQTT-3.3.2-11"}, func(l *Link, p *codec.Publish) codec.Packet {
			if n, _ := l.Asked().Properties.Number(codec.PropTopicAliasMaximum); n == 0 {
				return withProperties(p, codec.Properties{codec.TopicAlias(1)})
			}
			return p
		}),
	sends("sends-topic-alias-above-maximum", "sends a Topic Alias above the client's Topic Alias Maximum",
		Breaks{V5: "MQTT-3.1.2-26 MQTT-3.3.2-11"}, func(l *Link, p *codec.Publish) codec.Packet {
			if n, _ := l.Asked().Properties.Number(codec.PropTopicAliasMaximum); n > 0 {
				return withProperties(p, codec.Properties{codec.TopicAlias(uint16(n + 1))})
			}
			return p
		}),
}

// VolunteersResponseInformation sends it to clients that did not ask.
var VolunteersResponseInformation = sends("volunteers-response-information", "sends Response Information to clients that did not request it",
	Breaks{V5: "MQTT-3.1.2-28"},
	func(l *Link, p *codec.Connack) codec.Packet {
		if n, _ := l.Asked().Properties.Number(codec.PropRequestResponseInformation); n == 0 {
			return withProperties(p, codec.Properties{codec.ResponseInformation("answers")})
		}
		return p
	})

// AssignsEveryClientIdentifier tells every client what it is called.
var AssignsEveryClientIdentifier = sends("assigns-every-client-identifier", "sends an Assigned Client Identifier to clients that have a Client Identifier",
	Breaks{V5: "5.0/3.2.2.3.7/assigned-client-identifier-unasked"},
	func(l *Link, p *codec.Connack) codec.Packet {
		if p.Code != codec.Success {
			return p
		}
		return withProperties(p, codec.Properties{codec.AssignedClientIdentifier(l.ClientID())})
	})
