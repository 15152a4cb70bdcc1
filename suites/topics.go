package suites

import (
	"fmt"
	"slices"
	"strings"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
	"mqttspec/harness/times"
)

// Topic Names and Topic Filters (section 4.7): which matches which, and which
// are none.

// rooted writes a table's topic or filter out: "~" is the topic under which the
// exchange lies, "+~" the same with a wildcard for its first level.
func rooted(x *Exchange, s string) string {
	_, rest, _ := strings.Cut(x.Root(), "/")
	return strings.NewReplacer("+~", "+/"+rest, "~", x.Root()).Replace(s)
}

// matching is a subscriber's filters with the topics, of those in a table, that
// they match.
type matching struct {
	filters []string
	topics  []string
}

// withOthers gives a client whose Topic Filters match everything the time for
// everybody's messages, which come before its own.
func withOthers(x *Exchange, c *Client, filters ...string) {
	if slices.Contains(filters, "#") || slices.Contains(filters, "+/#") {
		c.Patience(times.Everything(x.Timeout()))
	}
}

// wantMatches gives every row a client of its own that subscribes to the row's
// filters, publishes one message to each topic, and wants each client to get
// exactly what its filters match; then once more, which also brings to light
// what came too much the first time. A broker may refuse any of the topics and
// filters; then the check does not apply.
func wantMatches(x *Exchange, topics []string, rows ...matching) {
	qos := x.UpTo(QoS1)
	subscribers := make([]*Client, len(rows))
	for i, row := range rows {
		subscribers[i] = x.Connect(Clean, As(strings.Join(row.filters, ", ")), OwnTopicsOnly)
		for some := range slices.Chunk(row.filters, 8) { // more than some brokers take at a time
			filters := make([]string, len(some))
			for j, filter := range some {
				filters[j] = rooted(x, filter)
			}
			subscribers[i].TrySubscribe(qos, filters...)
		}
		withOthers(x, subscribers[i], row.filters...)
	}
	publisher := x.Connect(Clean, As("publisher"))
	for _, payload := range []string{"first", "second"} {
		for _, topic := range topics {
			publisher.TryPublish(rooted(x, topic), payload)
		}
		for i, row := range rows {
			var messages []Message
			for _, topic := range row.topics {
				messages = append(messages, Message{Topic: rooted(x, topic), Payload: payload})
			}
			subscribers[i].WantUnordered(messages...)
		}
	}
}

var _ = Check(Definition{
	Slug:  "topics-matched",
	Title: "delivers to a subscriber what its Topic Filters match and nothing else",
	Rules: Rules{V311: "MQTT-3.3.2-3 MQTT-4.5.0-1 3.1.1/4.7.1.2/parent-matched", V5: "MQTT-3.3.2-3 MQTT-4.5.0-1 5.0/4.7.1.2/parent-matched"},
	Why: "A filter that ends in /# matches the parent level, too (section 4.7.1.2), also where wildcards " +
		"come before it. mochi 2.7.9 does not match player1/+/# to player1/ranking, the parent of what is " +
		"below.",
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.PlusAsHash, fault.HashWithoutParent},
	Body: func(x *Exchange) {
		wantMatches(x,
			[]string{
				"~/sport", "~/sport/", "~/sport/tennis", "~/sport/tennis/player1", "~/sport/tennis/player1/ranking",
				"~/sport/tennis/player1/score/wimbledon", "~/sport/tennis/player2", "~/sports", "~/finance", "~/finance/tennis",
			},
			matching{[]string{"~/sport/tennis/player1"}, []string{"~/sport/tennis/player1"}},
			matching{[]string{"~/sport/tennis/player1/#"}, []string{
				"~/sport/tennis/player1", "~/sport/tennis/player1/ranking", "~/sport/tennis/player1/score/wimbledon",
			}},
			matching{[]string{"~/sport/#"}, []string{
				"~/sport", "~/sport/", "~/sport/tennis", "~/sport/tennis/player1", "~/sport/tennis/player1/ranking",
				"~/sport/tennis/player1/score/wimbledon", "~/sport/tennis/player2",
			}},
			matching{[]string{"~/sport/tennis/+"}, []string{"~/sport/tennis/player1", "~/sport/tennis/player2"}},
			matching{[]string{"~/sport/+"}, []string{"~/sport/", "~/sport/tennis"}},
			matching{[]string{"~/sport/+/player1"}, []string{"~/sport/tennis/player1"}},
			matching{[]string{"~/+/tennis/#"}, []string{
				"~/sport/tennis", "~/sport/tennis/player1", "~/sport/tennis/player1/ranking",
				"~/sport/tennis/player1/score/wimbledon", "~/sport/tennis/player2", "~/finance/tennis",
			}},
			matching{[]string{"~/+/+"}, []string{"~/sport/", "~/sport/tennis", "~/finance/tennis"}},
			matching{[]string{"~/+"}, []string{"~/sport", "~/sports", "~/finance"}},
			matching{[]string{"~/+/+/+/+/+"}, []string{"~/sport/tennis/player1/score/wimbledon"}},
			matching{[]string{"~/+/+/player1/+/#"}, []string{"~/sport/tennis/player1/ranking", "~/sport/tennis/player1/score/wimbledon"}},
			matching{[]string{"+~/finance"}, []string{"~/finance"}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-multi-level",
	Title:    "matches a filter that ends in /# to its parent and to every level below",
	Rules:    Rules{V311: "3.1.1/4.7.1.2/parent-matched", V5: "5.0/4.7.1.2/parent-matched"},
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.HashWithoutParent, fault.HashAsPlus},
	Body: func(x *Exchange) {
		topics := []string{"~", "~/a", "~/a/", "~/a/b", "~/a/b/c/d/e/f", "~/ab", "~/b/a"}
		x.Cases(
			Case{Name: "below a topic", Body: func(x *Exchange) {
				wantMatches(x, topics,
					matching{[]string{"~/a/#"}, []string{"~/a", "~/a/", "~/a/b", "~/a/b/c/d/e/f"}},
					matching{[]string{"~/#"}, topics},
					matching{[]string{"~/a/b/#"}, []string{"~/a/b", "~/a/b/c/d/e/f"}},
				)
			}},
			// Many brokers keep their clients from subscribing to everything.
			Case{Name: "# alone", Body: func(x *Exchange) {
				wantMatches(x, topics, matching{[]string{"#"}, topics})
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-single-level",
	Title:    "matches + to exactly one level, empty or not",
	Rules:    Rules{V311: "3.1.1/4.7.1.3/one-level-matched", V5: "5.0/4.7.1.3/one-level-matched"},
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.PlusAsHash, fault.PlusNeedsCharacters},
	Body: func(x *Exchange) {
		wantMatches(x,
			[]string{"~/a", "~/a/", "~/a/b", "~/a/b/", "~/a/b/c", "~/a//c", "~/b/b/c"},
			matching{[]string{"~/a/+"}, []string{"~/a/", "~/a/b"}},
			matching{[]string{"~/a/+/c"}, []string{"~/a/b/c", "~/a//c"}},
			matching{[]string{"~/+/b/c"}, []string{"~/a/b/c", "~/b/b/c"}},
			matching{[]string{"~/+/b/+"}, []string{"~/a/b/", "~/a/b/c", "~/b/b/c"}},
			matching{[]string{"+~/a"}, []string{"~/a"}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-empty-level",
	Title:    "takes two slashes in a row as enclosing an empty level",
	Rules:    Rules{V311: "3.1.1/4.7.1.1/empty-level", V5: "5.0/4.7.1.1/empty-level"},
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.CollapsesSlashes, fault.PlusNeedsCharacters},
	Body: func(x *Exchange) {
		wantMatches(x,
			[]string{"~/a/b", "~/a//b", "~/a///b", "~/a/x/b", "~//a", "~/a//"},
			matching{[]string{"~/a/b"}, []string{"~/a/b"}},
			matching{[]string{"~/a//b"}, []string{"~/a//b"}},
			matching{[]string{"~/a/+/b"}, []string{"~/a//b", "~/a/x/b"}},
			matching{[]string{"~/a/+/+/b"}, []string{"~/a///b"}},
			matching{[]string{"~//+"}, []string{"~//a"}},
			matching{[]string{"~/+/a"}, []string{"~//a"}},
			matching{[]string{"~/a//#"}, []string{"~/a//b", "~/a///b", "~/a//"}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-slash-at-either-end",
	Title:    "takes a topic with a slash at its start or end as another topic",
	Rules:    Rules{V311: "3.1.1/4.7.3/slash-at-either-end", V5: "5.0/4.7.3/slash-at-either-end"},
	CaughtBy: Faults{fault.TrimsSlashes},
	Body: func(x *Exchange) {
		x.Cases(
			Case{Name: "at its end", Body: func(x *Exchange) {
				wantMatches(x,
					[]string{"~/finance", "~/finance/"},
					matching{[]string{"~/finance"}, []string{"~/finance"}},
					matching{[]string{"~/finance/"}, []string{"~/finance/"}},
				)
			}},
			Case{Name: "at its start", Body: func(x *Exchange) {
				needOutside(x)
				wantMatches(x,
					[]string{"~/finance", "/~/finance", "/~/finance/"},
					matching{[]string{"~/finance"}, []string{"~/finance"}},
					matching{[]string{"/~/finance"}, []string{"/~/finance"}},
					matching{[]string{"/~/finance/"}, []string{"/~/finance/"}},
				)
			}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-slash-alone",
	Title:    "accepts a single slash as a Topic Name and as a Topic Filter",
	Rules:    Rules{V311: "3.1.1/4.7.3/slash-alone", V5: "5.0/4.7.3/slash-alone"},
	CaughtBy: Faults{fault.DropsSlashAlone},
	Body: func(x *Exchange) {
		// The one topic that cannot lie under a prefix. Others may use it at the
		// same time, so the payload names the exchange, and nothing is retained.
		needOutside(x)
		payload, qos := "from "+x.Root(), x.UpTo(QoS1)
		bob := x.Connect(Clean, As("bob"))
		bob.TrySubscribe(qos, "/")

		x.Connect(Clean, As("alice")).TryPublish("/", payload)

		bob.Ack(bob.WantAnyCopy("/", payload))
	},
})

var _ = Check(Definition{
	Slug:     "topics-case-sensitive",
	Title:    "takes topics that differ in case only as different topics",
	Rules:    Rules{V311: "3.1.1/4.7.3/case-sensitive", V5: "5.0/4.7.3/case-sensitive"},
	CaughtBy: Faults{fault.FoldsCase},
	Body: func(x *Exchange) {
		wantMatches(x,
			[]string{"~/ACCOUNTS", "~/Accounts", "~/accounts", "~/ÄRGER", "~/ärger"},
			matching{[]string{"~/ACCOUNTS", "~/ÄRGER"}, []string{"~/ACCOUNTS", "~/ÄRGER"}},
			matching{[]string{"~/Accounts"}, []string{"~/Accounts"}},
			matching{[]string{"~/accounts", "~/ärger"}, []string{"~/accounts", "~/ärger"}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-space",
	Title:    "takes a space as a character like any other",
	Rules:    Rules{V311: "3.1.1/4.7.3/space", V5: "5.0/4.7.3/space"},
	CaughtBy: Faults{fault.RemovesSpaces},
	Body: func(x *Exchange) {
		wantMatches(x,
			[]string{"~/Accounts payable", "~/Accountspayable", "~/Accounts", "~/ ", "~/", "~/ a", "~/a ", "~/a", "~/ /b", "~//b"},
			matching{[]string{"~/Accounts payable", "~/ ", "~/ a", "~/ /b"}, []string{"~/Accounts payable", "~/ ", "~/ a", "~/ /b"}},
			matching{[]string{"~/Accountspayable", "~/", "~/a ", "~//b"}, []string{"~/Accountspayable", "~/", "~/a ", "~//b"}},
			matching{[]string{"~/Accounts", "~/a"}, []string{"~/Accounts", "~/a"}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-not-normalised",
	Title:    "compares topics character for character, without normalising or replacing any",
	Rules:    Rules{V311: "MQTT-4.7.3-4", V5: "MQTT-4.7.3-4"},
	CaughtBy: Faults{fault.NormalisesTopics},
	Body: func(x *Exchange) {
		// Each row is several ways of writing what looks alike, or what another
		// system takes for the same, and each column has a subscriber.
		forms := [][]string{
			{"é", "e\u0301"},                 // precomposed, decomposed
			{"\u00C5", "\u212B", "A\u030A"},  // A with ring, angstrom, decomposed
			{"\uD55C", "\u1112\u1161\u11AB"}, // Hangul syllable, its Jamo
			{"\uFB01", "fi"},                 // ligature
			{"\uFF21", "A"},                  // full width
			{"a\u200Db", "ab"},
			{"\uFEFFzero width no-break space", "zero width no-break space"},
			{"a\u00ADb", "a-b"},
			{"日本語", "日本语"},
			{"русский", "pусский"}, // the second with a Latin p
			{"ελληνικός", "ελληνικόσ"},
			{"العربية", "العربیة"},
			{"हिन्दी", "हिंदी"},
			{"🙂", "🙂\uFE0F"},
			{"a.b", "a/b"},
			{"a%2Fb", "a%2fb"},
			{"*", ">", "?"}, // other systems' wildcards
			{`back\slash`, "back\\\\slash"},
			{"..", "."},
		}
		columns := make([]matching, 3)
		var topics []string
		for i, row := range forms {
			for column, form := range row {
				// The number keeps one row's forms apart from another's.
				topic := fmt.Sprintf("~/%d/%s", i, form)
				topics = append(topics, topic)
				columns[column].filters = append(columns[column].filters, topic)
				columns[column].topics = append(columns[column].topics, topic)
			}
		}
		wantMatches(x, topics, columns...)
	},
})

var _ = Check(Definition{
	Slug:     "topics-many-levels",
	Title:    "compares every level of topics that have many",
	Rules:    Rules{V311: "3.1.1/4.7.3/many-levels MQTT-4.7.3-4 MQTT-4.5.0-1", V5: "5.0/4.7.3/many-levels MQTT-4.7.3-4 MQTT-4.5.0-1"},
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.ComparesFirstLevelsOnly},
	Body: func(x *Exchange) {
		// Section 4.7.3: "There is no limit to the number of levels". Not more
		// than 100, because servers have limits of their own as to what they
		// authorize: mosquitto 2.0.11 takes 200, EMQX 128 unless told otherwise.
		deep := "~" + strings.Repeat("/l", 100)
		wantMatches(x,
			[]string{deep + "/a", deep + "/b", deep + "/a/c", deep},
			matching{[]string{deep + "/a"}, []string{deep + "/a"}},
			matching{[]string{deep + "/+"}, []string{deep + "/a", deep + "/b"}},
			matching{[]string{deep + "/#"}, []string{deep + "/a", deep + "/b", deep + "/a/c", deep}},
			matching{[]string{"~" + strings.Repeat("/+", 100) + "/b"}, []string{deep + "/b"}},
		)
	},
})

var _ = Check(Definition{
	Slug:     "topics-longest",
	Title:    "compares all 65,535 bytes of the longest topics",
	Rules:    Rules{V311: "MQTT-4.7.3-4 MQTT-4.5.0-1", V5: "MQTT-4.7.3-4 MQTT-4.5.0-1"},
	CaughtBy: Faults{fault.ComparesFirstBytesOnly},
	Body: func(x *Exchange) {
		const longest, header = 65535, 64
		if most := x.Profile.Number(codec.PropMaximumPacketSize, codec.MaxPacketSize); most < longest+header {
			x.Inapplicable("CONNACK: Maximum Packet Size %d leaves no room for a topic of %d bytes", most, longest)
		}
		long := x.Root() + "/" + strings.Repeat("x", longest-len(x.Root())-2)
		qos := x.UpTo(QoS1)
		bob := x.Connect(Clean, As("bob"))
		bob.TrySubscribe(qos, long+"b")
		alice := x.Connect(Clean, As("alice"))

		alice.TryPublish(long+"a", "to another")
		alice.TryPublish(long+"b", "to bob")

		bob.WantDelivery(long+"b", "to bob")
	},
})

var _ = Check(Definition{
	Slug:     "topics-dollar-unmatched",
	Title:    "matches no topic that begins with $ to a filter that begins with a wildcard",
	Rules:    Rules{V311: "MQTT-4.7.2-1", V5: "MQTT-4.7.2-1"},
	Needs:    Needs{Wildcards},
	CaughtBy: Faults{fault.WildcardsMatchDollar},
	Body: func(x *Exchange) {
		Each(x, []string{"#", "+/#", "+~/a", "+~/+", "+~/#"}, textName, func(x *Exchange, filter string) {
			qos := x.UpTo(QoS1)
			bob := x.Connect(Clean, As("bob"), OwnTopicsOnly)
			withOthers(x, bob, filter)
			bob.TrySubscribe(qos, rooted(x, filter))

			// The server may well refuse it: it SHOULD keep clients from using
			// such topics at all.
			mallory := x.Connect(Clean, As("mallory"))
			mallory.Send(mallory.NewPublish(QoS0, rooted(x, "$~/a"), "hidden"))
			mallory.PingOrClosed()

			bob.WantNothingBefore(x.Connect(Clean, As("alice")).Marker(qos, rooted(x, "~/a")))
		})
	},
})

var _ = Check(Definition{
	Slug:  "topics-dollar-unmatched-retained",
	Title: "sends no retained message of a topic that begins with $ for a filter that begins with a wildcard",
	Rules: Rules{V311: "MQTT-4.7.2-1", V5: "MQTT-4.7.2-1"},
	Why: "Section 4.7.2 makes no exception for retained messages. mochi 2.7.9 keeps the rule for all other " +
		"messages.",
	Needs:    Needs{Wildcards, Retain},
	CaughtBy: Faults{fault.WildcardsMatchDollar},
	Body: func(x *Exchange) {
		Each(x, []string{"#", "+/#", "+~/a", "+~/+", "+~/#"}, textName, func(x *Exchange, filter string) {
			qos := x.UpTo(QoS1)
			mallory := x.Connect(Clean, As("mallory"))
			mallory.Send(mallory.NewPublish(QoS0, rooted(x, "$~/a"), "hidden", Retained))
			mallory.PingOrClosed()

			bob := x.Connect(Clean, As("bob"), OwnTopicsOnly)
			withOthers(x, bob, filter)
			bob.TrySubscribe(qos, rooted(x, filter))

			bob.WantNothingBefore(x.Connect(Clean, As("alice")).Marker(qos, rooted(x, "~/a")))
		})
	},
})

var _ = Check(Definition{
	Slug:     "topics-dollar-reserved",
	Title:    "lets clients exchange no messages on topics below $SYS",
	Rules:    Rules{V311: "3.1.1/4.7.2/dollar-topics-reserved", V5: "5.0/4.7.2/dollar-topics-reserved"},
	CaughtBy: Faults{fault.CarriesDollarTopics},
	Body: func(x *Exchange) {
		// The rule is about every topic that begins with $, but brokers let
		// applications use the others, and some document that they do.
		qos, topic := x.UpTo(QoS1), rooted(x, "$SYS/~/a")
		bob := x.Connect(Clean, As("bob"))
		bob.SubscribeUpTo(bob.NewSubscribe(qos, x.Topic("a")))
		subscribe := bob.NewSubscribe(qos, topic)
		bob.Send(subscribe)
		bob.PingOrClosed()
		if bob.Closed() { // which prevents it as well
			return
		}
		x.StandsOn(StepSubscribe, func() { bob.WantSuback(subscribe.PacketID) })

		mallory := x.Connect(Clean, As("mallory"))
		mallory.Send(mallory.NewPublish(QoS0, topic, "smuggled"))
		mallory.PingOrClosed()

		bob.WantNothingBefore(x.Connect(Clean, As("alice")).Marker(qos, x.Topic("a")))
	},
})

var _ = Check(Definition{
	Slug:     "topics-multi-level-misplaced",
	Title:    "grants no Topic Filter in which # is not alone on the last level",
	Rules:    Rules{V311: "MQTT-4.7.1-2 MQTT-4.8.0-1", V5: "MQTT-4.7.1-1"},
	Why:      malformedFilterRefused,
	CaughtBy: Faults{fault.GrantsMalformedFilters},
	Body: func(x *Exchange) {
		wantFiltersRefused(x, "~/tennis#", "~/#/ranking", "~/#tennis", "~/##", "~/#/", "~/#/#", "~/+#", "#/~", "~#")
	},
})

var _ = Check(Definition{
	Slug:     "topics-single-level-misplaced",
	Title:    "grants no Topic Filter in which + does not fill a whole level",
	Rules:    Rules{V311: "MQTT-4.7.1-3 MQTT-4.8.0-1", V5: "MQTT-4.7.1-2"},
	Why:      malformedFilterRefused,
	CaughtBy: Faults{fault.GrantsMalformedFilters},
	Body: func(x *Exchange) {
		wantFiltersRefused(x, "~/sport+", "~/+sport", "~/a+b", "~/++", "~/sport+/a", "~/+sport/a", "~/+/sport+/#", "x+/~")
	},
})

// malformedFilterRefused is why the server may not take what is no Topic Filter.
const malformedFilterRefused = "By sections 4.7.1.2 and 4.7.1.3 these are no Topic Filters, so that the SUBSCRIBE is a protocol " +
	"error. Whatever rigor section 4.13.1 of 5.0 leaves to servers, they follow \"the Topic matching rules " +
	"described in section 4.7 and the Subscription rules in section 4.8\" (section 7.1.1, clause 2). mochi " +
	"2.7.9 grants most of them."

// wantFiltersRefused wants a SUBSCRIBE for each of these filters refused: the
// server has to close the connection; those who say so in SUBACK have understood.
func wantFiltersRefused(x *Exchange, filters ...string) {
	Each(x, filters, textName, func(x *Exchange, filter string) {
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, rooted(x, filter))
		alice.Send(codec.Wrong(subscribe))

		alice.WantSubscriptionRefused(subscribe.PacketID, codec.TopicFilterInvalid, codec.WildcardSubscriptionsNotSupported)
	})
}

var _ = Check(Definition{
	Slug:     "topics-wildcard-in-name",
	Title:    "closes the connection on a PUBLISH with a wildcard in its Topic Name",
	Rules:    Rules{V311: "MQTT-4.7.1-1 MQTT-4.8.0-1", V5: "MQTT-4.7.0-1"},
	CaughtBy: Faults{fault.IgnoresWildcardsInNames},
	Body: func(x *Exchange) {
		Each(x, []string{"~/+", "~/#", "~/a+b", "~/a#", "~/+/a", "#", "+"}, textName, func(x *Exchange, topic string) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(codec.Wrong(alice.NewPublish(QoS0, rooted(x, topic), "to anyone?")))

			alice.WantClosed(codec.TopicNameInvalid)
		})
	},
})

var _ = Check(Definition{
	Slug:  "topics-empty",
	Title: "grants no empty Topic Filter",
	// of empty Topic Names see publish-topic-empty
	Rules:    Rules{V311: "MQTT-4.8.0-1", V5: "MQTT-4.7.3-1"},
	CaughtBy: Faults{fault.GrantsMalformedFilters},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))

		subscribe := alice.NewSubscribe(QoS0, "")
		alice.Send(codec.Wrong(subscribe))

		alice.WantSubscriptionRefused(subscribe.PacketID, codec.TopicFilterInvalid)
	},
})

var _ = Check(Definition{
	Slug:  "topics-wildcard-in-will",
	Title: "closes the connection when CONNECT has a Will Topic with a wildcard in it",
	Rules: Rules{V311: "MQTT-4.7.1-1 MQTT-4.8.0-1", V5: "MQTT-4.7.0-1 MQTT-4.13.1-1"},
	Why: "A Will Topic is a Topic Name (table 3-1 of 5.0 calls it that at 0x90), and no server can publish " +
		"the will as it stands [MQTT-3.3.2-2] [MQTT-4.7.3-1]: it is as wrong as the same in a PUBLISH. " +
		"mochi 2.7.9, Aedes 1.2.0 and RabbitMQ 3.10.8 do publish it.",
	CaughtBy: Faults{fault.TakesAnyWillTopic},
	Body: func(x *Exchange) {
		Each(x, []string{"~/#", "~/+", "~/a+b", "~/a#", "~/+/a"}, textName, func(x *Exchange, topic string) {
			wantUnacceptable(x, codec.Wrong(x.NewConnect(Clean, As("alice"), willOn(x, rooted(x, topic), "to anyone?"))))
		})
	},
})

var _ = Check(Definition{
	Slug:  "topics-empty-in-will",
	Title: "closes the connection when CONNECT has an empty Will Topic",
	Rules: Rules{V311: "MQTT-4.7.3-1 MQTT-4.8.0-1", V5: "MQTT-4.7.3-1 MQTT-4.13.1-1"},
	Why: "A Will Topic is a Topic Name (table 3-1 of 5.0 calls it that at 0x90), and no server can publish " +
		"the will as it stands [MQTT-3.3.2-2] [MQTT-4.7.3-1]: it is as wrong as the same in a PUBLISH.",
	CaughtBy: Faults{fault.TakesAnyWillTopic},
	Body: func(x *Exchange) {
		wantUnacceptable(x, codec.Wrong(x.NewConnect(Clean, As("alice"), willOn(x, "", "to anyone?"))))
	},
})
