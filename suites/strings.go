package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// UTF-8 Encoded Strings (section 1.5.3 of 3.1.1, 1.5.4 of 5.0) wherever a
// client sends one, and the String Pairs of 5.0 (1.5.7).

// illFormed are sequences of bytes that no UTF-8 Encoded String may contain.
var illFormed = []named[string]{
	{"a lone continuation byte", "\x80"},
	{"a sequence cut short", "\xE2\x82"},
	{"an overlong sequence", "\xC0\xAF"},
	{"a high surrogate", "\xED\xA0\x80"},
	{"a low surrogate", "\xED\xBF\xBF"},
	{"a code point above U+10FFFF", "\xF4\x90\x80\x80"},
	{"the byte FF", "\xFF"},
}

// A position is where a client's packet holds a string: it makes the packet
// with these bytes in the middle of that string.
type position struct {
	name   string
	packet codec.Type
	put    func(x *Exchange, p codec.Packet, bytes string) codec.Packet
}

// inField puts the bytes into a field that a packet has anyway.
func inField(t codec.Type, field string, edit func(p codec.Packet)) position {
	return position{t.String() + " " + field, t, func(x *Exchange, p codec.Packet, bytes string) codec.Packet {
		if edit != nil {
			edit(p)
		}
		return codec.Wrong(p, codec.SetString(field, x.Root()+"/a"+bytes+"b"))
	}}
}

// inProperty puts the bytes into a property.
func inProperty(t codec.Type, property func(text string) codec.Property) position {
	return position{t.String() + " " + property("").ID.String(), t, func(_ *Exchange, p codec.Packet, bytes string) codec.Packet {
		addProperty(p, property("a"+bytes+"b"))
		return codec.Wrong(p)
	}}
}

// addProperty adds a property to a packet that a client sends.
func addProperty(p codec.Packet, property codec.Property) {
	switch p := p.(type) {
	case *codec.Connect:
		p.Properties = append(p.Properties, property)
	case *codec.Publish:
		p.Properties = append(p.Properties, property)
	case *codec.Puback:
		p.Properties = append(p.Properties, property)
	case *codec.Pubrec:
		p.Properties = append(p.Properties, property)
	case *codec.Pubrel:
		p.Properties = append(p.Properties, property)
	case *codec.Pubcomp:
		p.Properties = append(p.Properties, property)
	case *codec.Subscribe:
		p.Properties = append(p.Properties, property)
	case *codec.Unsubscribe:
		p.Properties = append(p.Properties, property)
	}
}

// withWill gives a CONNECT a Will.
func withWill(properties ...codec.Property) func(codec.Packet) {
	return func(p codec.Packet) {
		p.(*codec.Connect).Will = &codec.Will{Topic: "will", Payload: "gone", Properties: properties}
	}
}

// inWill puts the bytes into a property of the Will.
func inWill(property func(text string) codec.Property) position {
	return position{"Will " + property("").ID.String(), codec.CONNECT, func(x *Exchange, p codec.Packet, bytes string) codec.Packet {
		withWill(property("a" + bytes + "b"))(p)
		p.(*codec.Connect).Will.Topic = x.Topic("will")
		return codec.Wrong(p)
	}}
}

func userPropertyName(text string) codec.Property  { return codec.UserProperty(text, "value") }
func userPropertyValue(text string) codec.Property { return codec.UserProperty("name", text) }

// The positions that both versions have.
var (
	inTopicName   = inField(codec.PUBLISH, "Topic Name", nil)
	inSubscribe   = inField(codec.SUBSCRIBE, "Topic Filter", nil)
	inUnsubscribe = inField(codec.UNSUBSCRIBE, "Topic Filter", nil)
	inWillTopic   = inField(codec.CONNECT, "Will Topic", withWill())

	// Within what every server has to take for a Client Identifier otherwise.
	inClientID = position{"CONNECT Client Identifier", codec.CONNECT, func(x *Exchange, p codec.Packet, bytes string) codec.Packet {
		return codec.Wrong(p, codec.SetString("Client Identifier", x.ClientID("alice")+bytes+"b"))
	}}

	inUserName = position{"CONNECT User Name", codec.CONNECT, func(x *Exchange, p codec.Packet, bytes string) codec.Packet {
		needUserName(x, "ab")
		name := "a" + bytes + "b"
		p.(*codec.Connect).UserName = &name
		return codec.Wrong(p)
	}}
)

// needUserName makes a check inapplicable on a broker that knows its users, and
// refuses a name that is not among them whatever it consists of.
func needUserName(x *Exchange, name string) {
	connect := x.NewConnect(Clean, As("bob"))
	connect.UserName = &name
	bob := x.Dial("bob")
	bob.Send(connect)
	if !bob.Accepted() {
		x.Inapplicable("the broker refuses a made-up user name")
	}
}

// wantStringRefused sends a packet with these bytes at this position, and wants
// the connection closed. A CONNECT may be refused first: 3.1.1 has return codes
// for a Client Identifier and a user name that are not acceptable.
func wantStringRefused(x *Exchange, at position, bytes string) {
	for _, step := range sendStepsOf(x, at.packet) {
		alice, packet := step.prepare(x)

		alice.Send(at.put(x, packet, bytes))

		wantRefused(alice, packet, codec.TopicNameInvalid, codec.TopicFilterInvalid, codec.ClientIdentifierNotValid, codec.BadUserNameOrPassword, codec.NotAuthorized)
	}
}

// illFormedAt is the check of one position with every ill-formed sequence.
func illFormedAt(at position) func(*Exchange) {
	return func(x *Exchange) {
		Each(x, illFormed, named[string].label, func(x *Exchange, sequence named[string]) {
			wantStringRefused(x, at, sequence.value)
		})
	}
}

var _ = Check(Definition{
	Slug:     "strings-topic-name",
	Title:    "closes the connection on a PUBLISH whose Topic Name is ill-formed UTF-8",
	Rules:    Rules{V311: "MQTT-1.5.3-1", V5: "MQTT-1.5.4-1"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inTopicName),
})

var _ = Check(Definition{
	Slug:     "strings-subscribe-filter",
	Title:    "closes the connection on a SUBSCRIBE whose Topic Filter is ill-formed UTF-8",
	Rules:    Rules{V311: "MQTT-1.5.3-1 MQTT-3.8.3-1", V5: "MQTT-1.5.4-1 MQTT-3.8.3-1"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inSubscribe),
})

var _ = Check(Definition{
	Slug:     "strings-unsubscribe-filter",
	Title:    "closes the connection on an UNSUBSCRIBE whose Topic Filter is ill-formed UTF-8",
	Rules:    Rules{V311: "MQTT-1.5.3-1 MQTT-3.10.3-1", V5: "MQTT-1.5.4-1 MQTT-3.10.3-1"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inUnsubscribe),
})

var _ = Check(Definition{
	Slug:     "strings-client-identifier",
	Title:    "closes the connection on a CONNECT whose Client Identifier is ill-formed UTF-8",
	Rules:    Rules{V311: "MQTT-1.5.3-1 MQTT-3.1.3-4", V5: "MQTT-1.5.4-1 MQTT-3.1.3-4"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inClientID),
})

var _ = Check(Definition{
	Slug:     "strings-will-topic",
	Title:    "closes the connection on a CONNECT whose Will Topic is ill-formed UTF-8",
	Rules:    Rules{V311: "MQTT-1.5.3-1 MQTT-3.1.3-10", V5: "MQTT-1.5.4-1 MQTT-3.1.3-11"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inWillTopic),
})

var _ = Check(Definition{
	Slug:     "strings-user-name",
	Title:    "closes the connection on a CONNECT whose User Name is ill-formed UTF-8",
	Rules:    Rules{V311: "MQTT-1.5.3-1 MQTT-3.1.3-11", V5: "MQTT-1.5.4-1 MQTT-3.1.3-12"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inUserName),
})

var _ = Check(Definition{
	Slug:     "strings-content-type",
	Title:    "closes the connection on a PUBLISH whose Content Type is ill-formed UTF-8",
	Rules:    Rules{V5: "MQTT-1.5.4-1 MQTT-3.3.2-19"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inProperty(codec.PUBLISH, codec.ContentType)),
})

var _ = Check(Definition{
	Slug:     "strings-response-topic",
	Title:    "closes the connection on a PUBLISH whose Response Topic is ill-formed UTF-8",
	Rules:    Rules{V5: "MQTT-1.5.4-1 MQTT-3.3.2-13"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body:     illFormedAt(inProperty(codec.PUBLISH, codec.ResponseTopic)),
})

// A surrogate stands for all that is ill-formed in the two tables below: what
// the server does with one string it does with the others.
const surrogate = "\xED\xA0\x80"

var _ = Check(Definition{
	Slug:     "strings-properties",
	Title:    "closes the connection on a packet with a property that is ill-formed UTF-8",
	Rules:    Rules{V5: "MQTT-1.5.4-1"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body: func(x *Exchange) {
		Each(x, []position{
			inWill(codec.ContentType), inWill(codec.ResponseTopic),
			inProperty(codec.PUBACK, codec.ReasonString), inProperty(codec.PUBREC, codec.ReasonString),
			inProperty(codec.PUBREL, codec.ReasonString), inProperty(codec.PUBCOMP, codec.ReasonString),
		}, func(at position) string { return at.name }, func(x *Exchange, at position) { wantStringRefused(x, at, surrogate) })
	},
})

var _ = Check(Definition{
	Slug:     "strings-pairs",
	Title:    "closes the connection on a packet with a User Property whose name or value is ill-formed UTF-8",
	Rules:    Rules{V5: "MQTT-1.5.7-1"},
	CaughtBy: Faults{fault.IgnoresIllFormedStrings},
	Body: func(x *Exchange) {
		type row struct {
			position
			name string
		}
		var rows []row
		for _, t := range []codec.Type{codec.CONNECT, codec.PUBLISH, codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP, codec.SUBSCRIBE, codec.UNSUBSCRIBE} {
			rows = append(rows, row{inProperty(t, userPropertyName), t.String() + " name"}, row{inProperty(t, userPropertyValue), t.String() + " value"})
		}
		rows = append(rows, row{inWill(userPropertyName), "Will name"}, row{inWill(userPropertyValue), "Will value"})
		Each(x, rows, func(r row) string { return r.name }, func(x *Exchange, r row) { wantStringRefused(x, r.position, surrogate) })
	},
})

// null is U+0000 in UTF-8.
const null = "\x00"

// nullAt is the check of several positions with U+0000.
func nullAt(at ...position) func(*Exchange) {
	return func(x *Exchange) {
		Each(x, at, func(at position) string { return at.name }, func(x *Exchange, at position) { wantStringRefused(x, at, null) })
	}
}

var _ = Check(Definition{
	Slug:     "strings-null-character-in-topics",
	Title:    "closes the connection on a PUBLISH, SUBSCRIBE or UNSUBSCRIBE with U+0000 in its topic",
	Rules:    Rules{V311: "MQTT-1.5.3-2 MQTT-4.7.3-2", V5: "MQTT-1.5.4-2 MQTT-4.7.3-2"},
	CaughtBy: Faults{fault.IgnoresNullCharacters},
	Body:     nullAt(inTopicName, inSubscribe, inUnsubscribe),
})

var _ = Check(Definition{
	Slug:     "strings-null-character-in-connect",
	Title:    "closes the connection on a CONNECT with U+0000 in one of its strings",
	Rules:    Rules{V311: "MQTT-1.5.3-2", V5: "MQTT-1.5.4-2"},
	CaughtBy: Faults{fault.IgnoresNullCharacters},
	Body:     nullAt(inClientID, inWillTopic, inUserName),
})

var _ = Check(Definition{
	Slug:     "strings-null-character-in-properties",
	Title:    "closes the connection on a packet with U+0000 in one of its properties",
	Rules:    Rules{V5: "MQTT-1.5.4-2"},
	CaughtBy: Faults{fault.IgnoresNullCharacters},
	Body: nullAt(inProperty(codec.PUBLISH, codec.ContentType), inProperty(codec.PUBLISH, codec.ResponseTopic), inProperty(codec.PUBLISH, userPropertyName),
		inProperty(codec.SUBSCRIBE, userPropertyValue), inWill(codec.ContentType), inProperty(codec.PUBACK, codec.ReasonString)),
})

// byteOrderMark is U+FEFF, which "MUST NOT be skipped over or stripped off by a
// packet receiver" wherever it appears.
const byteOrderMark = "\uFEFF"

var _ = Check(Definition{
	Slug:     "strings-byte-order-mark",
	Title:    "takes U+FEFF in a topic as the character that it is",
	Rules:    Rules{V311: "MQTT-1.5.3-3", V5: "MQTT-1.5.4-3"},
	CaughtBy: Faults{fault.StripsByteOrderMarks},
	Body: func(x *Exchange) {
		type row struct{ name, before, in, after string }
		Each(x, []row{{"at the start", byteOrderMark, "", ""}, {"in the middle", "", byteOrderMark, ""}, {"at the end", "", "", byteOrderMark}},
			func(r row) string { return r.name }, func(x *Exchange, r row) {
				if r.before != "" {
					needOutside(x)
				}
				marked, plain := r.before+x.Topic(r.in+"news")+r.after, x.Topic("news")
				alice := x.Connect(Clean, As("alice"))
				alice.TrySubscribe(x.UpTo(QoS1), marked)
				bob := x.Connect(Clean, As("bob"))
				bob.Subscribe(x.UpTo(QoS1), plain)
				carol := x.Connect(Clean, As("carol"))

				carol.TryPublish(marked, r.name)

				alice.WantDelivery(marked, r.name)
				bob.WantNothingBefore(carol.Marker(x.UpTo(QoS1), plain))
			})
	},
})

var _ = Check(Definition{
	Slug:     "strings-byte-order-mark-in-properties",
	Title:    "hands U+FEFF in the properties of a message on",
	Rules:    Rules{V5: "MQTT-1.5.4-3"},
	CaughtBy: Faults{fault.StripsByteOrderMarksFromProperties},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		alice := x.Connect(Clean, As("alice"))
		alice.Subscribe(x.UpTo(QoS1), topic)
		sent := codec.Properties{codec.ContentType(byteOrderMark + "text"), codec.UserProperty(byteOrderMark+"name", "va"+byteOrderMark+"lue")}

		x.Connect(Clean, As("bob")).Publish(x.UpTo(QoS1), topic, "hello", Having(sent...))

		message := alice.TakeDelivery(topic, "hello")
		x.Expect(message.Properties).To(ContainElements(sent), "the properties")
	},
})

var _ = Check(Definition{
	Slug:     "strings-control-characters",
	Title:    "writes no control characters or non-characters into strings of its own",
	Rules:    Rules{V5: "5.0/1.5.4/control-characters"},
	Watches:  true,
	CaughtBy: Faults{fault.WritesControlCharacters},
	Body: func(x *Exchange) {
		nameless := x.NewConnect(Clean)
		nameless.ClientID = ""
		carol := x.Dial("carol")
		carol.Send(nameless)
		carol.Accepted()
		someConnacks(x)
		someMessages(x)
		someSubscriptions(x)
		someDisconnects(x)
		x.NeedSeenProperty("string of its own", codec.PropReasonString, codec.PropAssignedClientIdentifier, codec.PropResponseInformation, codec.PropServerReference)
	},
})
