package fault

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
)

// Brokers that send one thing wrong in the packets of one type: for every
// statement that the strict decoder, or the audit of a connection, can name.

// sends makes a broker that sends something else for every packet of one type.
func sends[T codec.Packet](name, does string, wrong func(l *Link, p T) codec.Packet) Fault {
	return stateful(name, does, func() behaviour {
		return behaviour{fromBroker: func(l *Link, f *Frame) Action {
			if p, ok := f.Packet.(T); ok {
				f.Packet = wrong(l, p)
			}
			return Forward
		}}
	})
}

// sendsWrong makes a broker whose packets of one type have a field wrong.
func sendsWrong[T codec.Packet](name, does string, edits ...codec.Edit) Fault {
	return sends(name, does, func(_ *Link, p T) codec.Packet { return codec.Wrong(p, edits...) })
}

// sendsProperties makes brokers of 5.0 whose packets of one type carry
// properties that they must not, one broker for each set of properties.
func sendsProperties[T codec.Packet](what string, sets ...codec.Properties) []Fault {
	var faults []Fault
	for _, set := range sets {
		var zero T
		is := set[0].ID.String() + " " + what
		faults = append(faults, sends(slug("sends", zero.Type().String(), is), fmt.Sprintf("sends %v with %s", zero.Type(), is),
			func(_ *Link, p T) codec.Packet { return withProperties(p, set) }))
	}
	return faults
}

// withProperties is a packet with these properties in place of those of its
// own that have the same identifier.
func withProperties(p codec.Packet, set codec.Properties) codec.Packet {
	own := propertiesOf(p)
	*own = append(slices.DeleteFunc(slices.Clone(*own), func(p codec.Property) bool { return set.Has(p.ID) }), set...)
	return p
}

// propertiesOf is where a packet that brokers send has its properties.
func propertiesOf(p codec.Packet) *codec.Properties {
	switch p := p.(type) {
	case *codec.Connack:
		return &p.Properties
	case *codec.Publish:
		return &p.Properties
	case *codec.Puback:
		return &p.Properties
	case *codec.Pubrec:
		return &p.Properties
	case *codec.Pubrel:
		return &p.Properties
	case *codec.Pubcomp:
		return &p.Properties
	case *codec.Suback:
		return &p.Properties
	case *codec.Unsuback:
		return &p.Properties
	case *codec.Disconnect:
		return &p.Properties
	case *codec.Auth:
		return &p.Properties
	}
	return new(codec.Properties) // of a packet that has none
}

// slug makes a fault's name of words.
func slug(words ...string) string {
	return strings.ToLower(strings.ReplaceAll(strings.Join(words, "-"), " ", "-"))
}

// twice are sets of a property and the same property again.
func twice(properties ...codec.Property) []codec.Properties {
	sets := make([]codec.Properties, len(properties))
	for i, p := range properties {
		sets[i] = codec.Properties{p, p}
	}
	return sets
}

// each are sets of one property.
func each(properties ...codec.Property) []codec.Properties {
	sets := make([]codec.Properties, len(properties))
	for i, p := range properties {
		sets[i] = codec.Properties{p}
	}
	return sets
}

// MalformedFraming sends packets whose fixed header is wrong.
var MalformedFraming = []Fault{
	sendsWrong[*codec.Pingresp]("sends-reserved-flags", "sets a reserved flag in the fixed header of PINGRESP", codec.Flags(0x1)),
	sends("sends-packet-type-0", "sends packet type 0 for PINGRESP",
		func(*Link, *codec.Pingresp) codec.Packet { return codec.Raw{0x00, 0x00} }),
	sends("sends-client-packet", "answers PINGREQ with PINGREQ",
		func(*Link, *codec.Pingresp) codec.Packet { return &codec.Pingreq{} }),
	sendsWrong[*codec.Pingresp]("sends-trailing-byte", "sends a byte behind the last field of PINGRESP", codec.Trailing(0x00)),
	sends("sends-truncated-packet", "sends an UNSUBACK that ends within its Packet Identifier",
		func(*Link, *codec.Unsuback) codec.Packet { return codec.Raw{0xB0, 0x01, 0x00} }),
	sends("sends-five-byte-length", "writes the Remaining Length of PINGRESP in five bytes",
		func(*Link, *codec.Pingresp) codec.Packet { return codec.Raw{0xD0, 0x80, 0x80, 0x80, 0x80, 0x00} }),
}

// MalformedPubrel sends PUBREL with flags 0000.
var MalformedPubrel = sendsWrong[*codec.Pubrel]("sends-pubrel-without-flags", "sends PUBREL with the flags 0000", codec.Flags(0x0))

// MalformedStrings sends strings that are none.
var MalformedStrings = []Fault{
	sendsWrong[*codec.Publish]("sends-ill-formed-utf-8", "sends a Topic Name that is ill-formed UTF-8", codec.SetString("Topic Name", "\xC3\x28")),
	sendsWrong[*codec.Publish]("sends-null-character", "sends a Topic Name with U+0000 in it", codec.SetString("Topic Name", "a\x00b")),
}

// MalformedStringPair sends a User Property whose value is no string.
var MalformedStringPair = sendsProperties[*codec.Publish]("ill-formed", codec.Properties{codec.UserProperty("name", "\xED\xA0\x80")})

// PadsLengths writes lengths in more bytes than they take.
var PadsLengths = sendsWrong[*codec.Pingresp]("pads-lengths", "writes the Remaining Length of PINGRESP in two bytes", codec.RemainingLength(0x80, 0x00))

// MalformedProperties sends properties that cannot be read, or not there.
var MalformedProperties = []Fault{
	sends("sends-no-property-length", "leaves the Property Length out of a CONNACK without properties",
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Properties = nil
			return codec.Wrong(p, codec.Drop("Property Length"))
		}),
	sends("sends-unknown-property", "sends a property that MQTT does not know",
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Properties = nil
			return codec.Wrong(p, codec.Set("Property Length", 0x02, 0x7E, 0x00))
		}),
	sends("sends-foreign-property", "sends Topic Alias in CONNACK",
		func(_ *Link, p *codec.Connack) codec.Packet {
			return withProperties(p, codec.Properties{codec.TopicAlias(1)})
		}),
	sends("sends-truncated-property", "sends one byte of the two of Receive Maximum",
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Properties = codec.Properties{codec.ReceiveMaximum(10)}
			return codec.Wrong(p, codec.Set("Receive Maximum", 0x0A))
		}),
}

// ZeroPacketIDs sends the Packet Identifier 0 where there must be one.
var ZeroPacketIDs = []Fault{
	sends("sends-publish-with-packet-id-0", "gives its own QoS 1 and 2 messages the Packet Identifier 0",
		func(_ *Link, p *codec.Publish) codec.Packet { p.PacketID = 0; return p }),
	sendsWrong[*codec.Puback]("sends-puback-with-packet-id-0", "sends PUBACK with the Packet Identifier 0", codec.Set("Packet Identifier", 0, 0)),
	sendsWrong[*codec.Suback]("sends-suback-with-packet-id-0", "sends SUBACK with the Packet Identifier 0", codec.Set("Packet Identifier", 0, 0)),
}

// ZeroPubcompID does so in PUBCOMP.
var ZeroPubcompID = sendsWrong[*codec.Pubcomp]("sends-pubcomp-with-packet-id-0", "sends PUBCOMP with the Packet Identifier 0", codec.Set("Packet Identifier", 0, 0))

// MalformedConnack sends CONNACK with its two first bytes wrong.
var MalformedConnack = []Fault{
	sends("sends-connack-with-reserved-bits", "sets a reserved bit of the Connect Acknowledge Flags",
		func(_ *Link, p *codec.Connack) codec.Packet {
			return codec.Wrong(p, codec.Set("Connect Acknowledge Flags", 0x02))
		}),
	sends("sends-session-present-with-refusal", "refuses connections with Session Present 1",
		func(l *Link, p *codec.Connack) codec.Packet {
			p.SessionPresent, p.Code = true, codec.RefusedServerUnavailable
			if l.Version == codec.V5 {
				p.Code = codec.ServerUnavailable
			}
			return p
		}),
	sends("sends-undefined-connack-code", "sends a code in CONNACK that is not in the list",
		func(_ *Link, p *codec.Connack) codec.Packet {
			p.Code = 0x70
			return p
		}),
}

// MalformedConnackProperties repeats each property of CONNACK, and gives each
// a value that is none.
var MalformedConnackProperties = append(
	sendsProperties[*codec.Connack]("twice", twice(
		codec.SessionExpiryInterval(10), codec.ReceiveMaximum(10), codec.MaximumQoS(1), codec.RetainAvailable(1),
		codec.MaximumPacketSize(100_000), codec.AssignedClientIdentifier("assigned"), codec.TopicAliasMaximum(10),
		codec.ReasonString("reason"), codec.WildcardSubscriptionAvailable(1), codec.SubscriptionIdentifierAvailable(1),
		codec.SharedSubscriptionAvailable(1), codec.ServerKeepAlive(60), codec.ResponseInformation("topic"),
		codec.ServerReference("elsewhere"), codec.AuthenticationMethod("method"), codec.AuthenticationData("data"),
	)...),
	sendsProperties[*codec.Connack]("out of range", each(
		codec.ReceiveMaximum(0), codec.MaximumQoS(2), codec.RetainAvailable(2), codec.MaximumPacketSize(0),
		codec.WildcardSubscriptionAvailable(2), codec.SubscriptionIdentifierAvailable(2), codec.SharedSubscriptionAvailable(2),
	)...)...)

// MalformedPublish sends PUBLISH with its flags or its Topic Name wrong.
var MalformedPublish = []Fault{
	sends("sends-dup-with-qos-0", "sets DUP on QoS 0 messages", func(_ *Link, p *codec.Publish) codec.Packet {
		p.Dup = p.QoS == codec.QoS0
		return p
	}),
	sendsWrong[*codec.Publish]("sends-qos-3", "sends PUBLISH with both QoS bits set", codec.Flags(0x6)),
	sendsWrong[*codec.Publish]("sends-wildcard-topic", "sends a Topic Name with a wildcard in it", codec.SetString("Topic Name", "a/#")),
	sendsWrong[*codec.Publish]("sends-empty-topic", "sends an empty Topic Name", codec.SetString("Topic Name", "")),
	sends("sends-no-topic", "sends PUBLISH without a Topic Name", func(_ *Link, p *codec.Publish) codec.Packet {
		return codec.Raw{0x30, 0x00}
	}),
}

// MalformedPublishProperties sends PUBLISH with a property wrong.
var MalformedPublishProperties = append(append(
	sendsProperties[*codec.Publish]("twice", twice(
		codec.TopicAlias(1), codec.ResponseTopic("answers"), codec.CorrelationData("data"), codec.ContentType("text"),
	)...),
	sendsProperties[*codec.Publish]("out of range", each(
		codec.PayloadFormatIndicator(2), codec.TopicAlias(0), codec.SubscriptionIdentifier(0), codec.ResponseTopic("a/+"),
	)...)...),
	sendsProperties[*codec.Publish]("empty", each(codec.ResponseTopic(""))...)...)

// RepeatsPublishProperties repeats the two properties of PUBLISH whose
// sections do not say that they stand there once.
var RepeatsPublishProperties = sendsProperties[*codec.Publish]("twice", twice(codec.PayloadFormatIndicator(1), codec.MessageExpiryInterval(60))...)

// MalformedAcknowledgements sends a code or a property that the
// acknowledgements of 5.0 do not have.
var MalformedAcknowledgements = append([]Fault{
	sends("sends-undefined-puback-code", "sends a Reason Code in PUBACK that is not in the list",
		func(_ *Link, p *codec.Puback) codec.Packet { p.Code = 0x01; return p }),
	sends("sends-undefined-pubrec-code", "sends a Reason Code in PUBREC that is not in the list",
		func(_ *Link, p *codec.Pubrec) codec.Packet { p.Code = 0x02; return p }),
	sends("sends-undefined-pubrel-code", "sends a Reason Code in PUBREL that is not in the list",
		func(_ *Link, p *codec.Pubrel) codec.Packet { p.Code = codec.UnspecifiedError; return p }),
	sends("sends-undefined-pubcomp-code", "sends a Reason Code in PUBCOMP that is not in the list",
		func(_ *Link, p *codec.Pubcomp) codec.Packet { p.Code = codec.NoMatchingSubscribers; return p }),
}, slices.Concat(
	sendsProperties[*codec.Puback]("twice", twice(codec.ReasonString("reason"))...),
	sendsProperties[*codec.Pubrec]("twice", twice(codec.ReasonString("reason"))...),
	sendsProperties[*codec.Pubrel]("twice", twice(codec.ReasonString("reason"))...),
	sendsProperties[*codec.Pubcomp]("twice", twice(codec.ReasonString("reason"))...),
)...)

// MalformedSuback sends SUBACK with its codes wrong.
var MalformedSuback = []Fault{
	sends("sends-undefined-suback-code", "sends a code in SUBACK that is not in the list",
		func(_ *Link, p *codec.Suback) codec.Packet { p.Codes[0] = 0x03; return p }),
	sends("sends-suback-without-codes", "sends SUBACK without a code",
		func(_ *Link, p *codec.Suback) codec.Packet { p.Codes = nil; return p }),
}

// MalformedSubackProperties sends a Reason String twice, and UNSUBACK with its
// codes wrong, as only 5.0 can.
var MalformedSubackProperties = append([]Fault{
	sends("sends-undefined-unsuback-code", "sends a Reason Code in UNSUBACK that is not in the list",
		func(_ *Link, p *codec.Unsuback) codec.Packet {
			p.Codes = append([]codec.ReasonCode{codec.GrantedQoS1}, p.Codes[min(1, len(p.Codes)):]...)
			return p
		}),
	sends("sends-unsuback-without-codes", "sends UNSUBACK without a Reason Code",
		func(_ *Link, p *codec.Unsuback) codec.Packet { p.Codes = nil; return p }),
}, slices.Concat(
	sendsProperties[*codec.Suback]("twice", twice(codec.ReasonString("reason"))...),
	sendsProperties[*codec.Unsuback]("twice", twice(codec.ReasonString("reason"))...),
)...)

// disconnects makes a broker whose DISCONNECT, when a session is taken over,
// is this one.
func disconnects(name, does string, p codec.Packet) Fault {
	return stateful(name, does, func() behaviour {
		return behaviour{
			fromBroker: only(func(*Link, *codec.Disconnect) Action { return Swallow }),
			brokerGone: func(l *Link) Action {
				l.ToClient(p)
				return Forward
			},
		}
	})
}

// MalformedDisconnect sends DISCONNECT with something wrong in it.
var MalformedDisconnect = []Fault{
	disconnects("sends-disconnect-with-flags", "sets a reserved flag in the fixed header of DISCONNECT",
		codec.Wrong(&codec.Disconnect{Code: codec.SessionTakenOver}, codec.Flags(0x1))),
	disconnects("sends-undefined-disconnect-code", "sends a Reason Code in DISCONNECT that is not the server's",
		&codec.Disconnect{Code: codec.DisconnectWithWill}),
	disconnects("sends-session-expiry-in-disconnect", "sends Session Expiry Interval in DISCONNECT",
		&codec.Disconnect{Code: codec.SessionTakenOver, Properties: codec.Properties{codec.SessionExpiryInterval(10)}}),
	disconnects("sends-reason-string-twice-in-disconnect", "sends Reason String twice in DISCONNECT",
		&codec.Disconnect{Code: codec.SessionTakenOver, Properties: twice(codec.ReasonString("reason"))[0]}),
	disconnects("sends-server-reference-twice-in-disconnect", "sends Server Reference twice in DISCONNECT",
		&codec.Disconnect{Code: codec.UseAnotherServer, Properties: twice(codec.ServerReference("elsewhere"))[0]}),
}

// MalformedAuth sends AUTH with something wrong in it.
var MalformedAuth = append([]Fault{
	sendsWrong[*codec.Auth]("sends-auth-with-flags", "sets a reserved flag in the fixed header of AUTH", codec.Flags(0x1)),
	sends("sends-undefined-auth-code", "asks the client in AUTH to re-authenticate", func(_ *Link, p *codec.Auth) codec.Packet {
		p.Code = codec.ReAuthenticate
		return p
	}),
	sends("sends-auth-without-method", "leaves the Authentication Method out of AUTH", func(_ *Link, p *codec.Auth) codec.Packet {
		p.Properties = p.Properties.All(codec.PropAuthenticationData)
		return p
	}),
}, slices.Concat(
	sendsProperties[*codec.Auth]("twice", twice(
		codec.AuthenticationMethod("SCRAM-SHA-256"), codec.AuthenticationData("data"), codec.ReasonString("reason"))...),
)...)

// SendsOutOfOrder sends packets where none of their kind may be.
var SendsOutOfOrder = []Fault{
	sends("sends-before-connack", "sends PINGRESP before CONNACK", func(l *Link, p *codec.Connack) codec.Packet {
		l.ToClient(&codec.Pingresp{})
		return p
	}),
}

// SendsOutOfOrderV5 does the same with what only 5.0 has.
var SendsOutOfOrderV5 = []Fault{
	sends("sends-connack-twice", "sends CONNACK twice", func(l *Link, p *codec.Connack) codec.Packet {
		l.ToClient(p)
		return p
	}),
	sends("sends-disconnect-before-connack", "sends DISCONNECT before CONNACK", func(l *Link, p *codec.Connack) codec.Packet {
		l.ToClient(&codec.Disconnect{Code: codec.ServerBusy})
		return p
	}),
	SendsAfterDisconnect,
}

// ExceedsTopicAliases uses Topic Aliases that the client did not allow.
var ExceedsTopicAliases = []Fault{
	sends("sends-topic-alias-unasked", "sends Topic Alias 1 to clients that allow none", func(l *Link, p *codec.Publish) codec.Packet {
		if n, _ := l.connect().Properties.Number(codec.PropTopicAliasMaximum); n == 0 {
			return withProperties(p, codec.Properties{codec.TopicAlias(1)})
		}
		return p
	}),
	sends("sends-topic-alias-above-maximum", "sends a Topic Alias above the client's Topic Alias Maximum", func(l *Link, p *codec.Publish) codec.Packet {
		if n, _ := l.connect().Properties.Number(codec.PropTopicAliasMaximum); n > 0 {
			return withProperties(p, codec.Properties{codec.TopicAlias(uint16(n + 1))})
		}
		return p
	}),
}

// VolunteersResponseInformation sends it to clients that did not ask.
var VolunteersResponseInformation = sends("volunteers-response-information", "sends Response Information to clients that did not request it",
	func(l *Link, p *codec.Connack) codec.Packet {
		if n, _ := l.connect().Properties.Number(codec.PropRequestResponseInformation); n == 0 {
			return withProperties(p, codec.Properties{codec.ResponseInformation("answers")})
		}
		return p
	})

// AssignsEveryClientIdentifier tells every client what it is called.
var AssignsEveryClientIdentifier = sends("assigns-every-client-identifier", "sends an Assigned Client Identifier to clients that have a Client Identifier",
	func(l *Link, p *codec.Connack) codec.Packet {
		if p.Code != codec.Success {
			return p
		}
		return withProperties(p, codec.Properties{codec.AssignedClientIdentifier(l.clientID())})
	})
