package fault

import (
	"slices"
	"strings"

	"mqttspec/codec"
)

// rewritesTopics makes a broker that compares topics other than as they are:
// it sees Topic Names and Topic Filters through an edit.
func rewritesTopics(name, does string, breaks Breaks, edit func(topic string) string) Fault {
	return stateful(name, does, breaks, func() behaviour {
		return behaviour{FromClient: func(_ *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Publish:
				p.Topic = edit(p.Topic)
			case *codec.Subscribe:
				for i := range p.Subscriptions {
					p.Subscriptions[i].Filter = edit(p.Subscriptions[i].Filter)
				}
			}
			return Forward
		}}
	})
}

// rewritesFilters makes a broker that understands Topic Filters in another way.
func rewritesFilters(name, does string, breaks Breaks, edit func(filter string) string) Fault {
	return fromClient(name, does, breaks, func(_ *Link, p *codec.Subscribe) Action {
		for i := range p.Subscriptions {
			p.Subscriptions[i].Filter = edit(p.Subscriptions[i].Filter)
		}
		return Forward
	})
}

// RenamesTopics delivers under another name.
var RenamesTopics = fromBroker("renames-topics", "delivers messages under a Topic Name that no filter of the subscriber matches",
	Breaks{V311: "MQTT-3.3.2-3 MQTT-4.5.0-1", V5: "MQTT-3.3.2-3 MQTT-4.5.0-1"},
	func(_ *Link, p *codec.Publish) Action {
		p.Topic = strings.ReplaceAll(p.Topic, "/", ".")
		return Forward
	})

// PlusAsHash matches too much.
var PlusAsHash = rewritesFilters("plus-as-hash", "takes a + at the end of a filter for a #",
	Breaks{V311: "3.1.1/4.7.1.3/one-level-matched MQTT-3.3.2-3", V5: "5.0/4.7.1.3/one-level-matched MQTT-3.3.2-3",
		Follows: Follows{
			V311: "MQTT-3.3.5-1 MQTT-3.10.4-1 MQTT-3.10.4-2 MQTT-4.5.0-1 3.1.1/4.7.1.2/parent-matched 3.1.1/4.7.3/many-levels MQTT-4.7.3-4",
			V5: "MQTT-3.3.4-2 MQTT-3.3.4-3 MQTT-3.3.4-4 MQTT-3.3.4-5 MQTT-3.10.4-1 MQTT-3.10.4-2 MQTT-4.5.0-1 5.0/4.7.1.2/parent-matched " +
				"5.0/4.7.3/many-levels MQTT-4.7.3-4 5.0/4.8.2/share-name-not-matched",
			Because: "two filters that differ in that alone are one and the same, and the filter behind a ShareName is no exception"}},
	func(filter string) string {
		if strings.HasSuffix(filter, "/+") {
			return strings.TrimSuffix(filter, "+") + "#"
		}
		return filter
	})

// HashAsPlus matches too little.
var HashAsPlus = rewritesFilters("hash-as-plus", "takes a # for a +",
	Breaks{V311: "3.1.1/4.7.1.2/parent-matched MQTT-4.5.0-1", V5: "5.0/4.7.1.2/parent-matched MQTT-4.5.0-1"},
	func(filter string) string { return strings.ReplaceAll(filter, "#", "+") })

// HashWithoutParent matches what is below only.
var HashWithoutParent = rewritesFilters("hash-without-parent", "does not match a filter that ends in /# to its parent",
	Breaks{V311: "3.1.1/4.7.1.2/parent-matched MQTT-4.5.0-1", V5: "5.0/4.7.1.2/parent-matched MQTT-4.5.0-1"},
	func(filter string) string {
		if strings.HasSuffix(filter, "/#") {
			return strings.TrimSuffix(filter, "#") + "+/#"
		}
		return filter
	})

// PlusNeedsCharacters does not see empty levels: the proxy takes messages on topics
// with one out for clients that have last subscribed to a filter with +.
var PlusNeedsCharacters = stateful("plus-needs-characters", "matches + to no empty level",
	Breaks{V311: "3.1.1/4.7.1.1/empty-level 3.1.1/4.7.1.3/one-level-matched", V5: "5.0/4.7.1.1/empty-level 5.0/4.7.1.3/one-level-matched"},
	func() behaviour {
		plus := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Subscribe) Action {
				plus[l] = slices.ContainsFunc(p.Subscriptions, func(s codec.Subscription) bool { return strings.Contains(s.Filter, "+") })
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if plus[l] && (strings.HasSuffix(p.Topic, "/") || strings.Contains(p.Topic, "//")) {
					return Swallow
				}
				return Forward
			}),
		}
	})

// CollapsesSlashes treats topics like the paths of a file system.
var CollapsesSlashes = rewritesTopics("collapses-slashes", "takes several slashes in a row for one",
	Breaks{V311: "3.1.1/4.7.1.1/empty-level MQTT-4.7.3-4", V5: "5.0/4.7.1.1/empty-level MQTT-4.7.3-4",
		Follows: Follows{V311: "3.1.1/4.7.1.3/one-level-matched 3.1.1/4.7.3/space", V5: "5.0/4.7.1.3/one-level-matched 5.0/4.7.3/space 5.0/4.8.2/share-name-not-matched",
			Because: "a level without a character is one that + matches, is another than that of a space, and can follow a ShareName"}},
	func(topic string) string {
		for strings.Contains(topic, "//") {
			topic = strings.ReplaceAll(topic, "//", "/")
		}
		return topic
	})

// TrimsSlashes overlooks empty levels at the ends.
var TrimsSlashes = rewritesTopics("trims-slashes", "drops the slashes at the start and end of topics",
	Breaks{V311: "3.1.1/4.7.3/slash-at-either-end MQTT-4.7.3-4", V5: "5.0/4.7.3/slash-at-either-end MQTT-4.7.3-4",
		Follows: Follows{
			V311:    "MQTT-3.3.2-3 MQTT-3.8.4-1 MQTT-4.5.0-1 3.1.1/4.7.1.1/empty-level 3.1.1/4.7.1.2/parent-matched MQTT-4.7.1-2 3.1.1/4.7.1.3/one-level-matched 3.1.1/4.7.3/space",
			V5:      "MQTT-3.3.2-3 MQTT-3.8.4-1 MQTT-4.5.0-1 5.0/4.7.1.1/empty-level 5.0/4.7.1.2/parent-matched MQTT-4.7.1-1 5.0/4.7.1.3/one-level-matched 5.0/4.7.3/space",
			Because: "an empty level at an end is one for wildcards, too, and a filter of nothing else is gone"}},
	func(topic string) string { return strings.Trim(topic, "/") })

// DropsSlashAlone finds no level in it: the proxy sends the messages to a topic of
// nobody's.
var DropsSlashAlone = fromClient("drops-slash-alone", "drops messages on the topic /",
	Breaks{V311: "3.1.1/4.7.3/slash-alone", V5: "5.0/4.7.3/slash-alone"},
	func(_ *Link, p *codec.Publish) Action {
		if p.Topic == "/" {
			p.Topic = "nowhere"
		}
		return Forward
	})

// FoldsCase does not tell A from a.
var FoldsCase = rewritesTopics("folds-case", "compares topics in lower case",
	Breaks{V311: "3.1.1/4.7.3/case-sensitive MQTT-4.7.3-4", V5: "5.0/4.7.3/case-sensitive MQTT-4.7.3-4"}, strings.ToLower)

// RemovesSpaces does not count them.
var RemovesSpaces = rewritesTopics("removes-spaces", "drops the spaces in topics",
	Breaks{V311: "3.1.1/4.7.3/space MQTT-4.7.3-4", V5: "5.0/4.7.3/space MQTT-4.7.3-4"},
	func(topic string) string { return strings.ReplaceAll(topic, " ", "") })

// NormalisesTopics composes characters as Unicode's form C does.
var NormalisesTopics = rewritesTopics("normalises-topics", "normalises topics before it compares them",
	Breaks{V311: "MQTT-4.7.3-4", V5: "MQTT-4.7.3-4"},
	strings.NewReplacer("e\u0301", "é", "\u212B", "\u00C5", "A\u030A", "\u00C5", "\u1112\u1161\u11AB", "\uD55C").Replace)

// ComparesFirstLevelsOnly cuts topics off.
var ComparesFirstLevelsOnly = rewritesTopics("compares-first-levels-only", "compares no more than 100 levels of a topic",
	Breaks{V311: "3.1.1/4.7.3/many-levels MQTT-4.5.0-1 MQTT-4.7.3-4", V5: "5.0/4.7.3/many-levels MQTT-4.5.0-1 MQTT-4.7.3-4"},
	func(topic string) string {
		levels := strings.Split(topic, "/")
		return strings.Join(levels[:min(len(levels), 100)], "/")
	})

// ComparesFirstBytesOnly cuts topics off.
var ComparesFirstBytesOnly = rewritesTopics("compares-first-bytes-only", "compares no more than 65,000 bytes of a topic",
	Breaks{V311: "MQTT-4.5.0-1 MQTT-4.7.3-4", V5: "MQTT-4.5.0-1 MQTT-4.7.3-4"},
	func(topic string) string { return topic[:min(len(topic), 65000)] })

// WildcardsMatchDollar has no notion of $ topics.
var WildcardsMatchDollar = fromClient("wildcards-match-dollar", "matches topics that begin with $ to filters that begin with a wildcard, though under a name without it",
	Breaks{V311: "MQTT-4.7.2-1", V5: "MQTT-4.7.2-1"},
	func(_ *Link, p *codec.Publish) Action {
		p.Topic = strings.TrimPrefix(p.Topic, "$")
		return Forward
	})

// CarriesDollarTopics has no notion of $ topics either: the proxy hands each
// message on one to whoever has asked for exactly that topic.
var CarriesDollarTopics = stateful("carries-dollar-topics", "delivers messages that clients publish to topics that begin with $ like any other",
	Breaks{V311: "3.1.1/4.7.2/dollar-topics-reserved", V5: "5.0/4.7.2/dollar-topics-reserved"},
	func() behaviour {
		subscribers := map[string][]*Link{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Subscribe:
				for _, s := range p.Subscriptions {
					subscribers[s.Filter] = append(subscribers[s.Filter], l)
				}
			case *codec.Publish:
				if strings.HasPrefix(p.Topic, "$") {
					for _, subscriber := range subscribers[p.Topic] {
						subscriber.ToClient(&codec.Publish{Topic: p.Topic, Payload: p.Payload})
					}
				}
			}
			return Forward
		}}
	})

// GrantsMalformedFilters takes any string for a Topic Filter.
var GrantsMalformedFilters = stateful("grants-malformed-filters", "grants subscriptions to Topic Filters that are none",
	Breaks{V311: "MQTT-4.7.1-2 MQTT-4.7.1-3 MQTT-4.8.0-1", V5: "MQTT-4.7.1-1 MQTT-4.7.1-2 MQTT-4.7.3-1 MQTT-4.8.2-1 MQTT-4.8.2-2",
		Follows: Follows{V311: "MQTT-1.5.3-1 MQTT-1.5.3-2 MQTT-3.8.3-1 MQTT-3.8.3-3 MQTT-4.7.3-2",
			V5:      "MQTT-1.5.4-1 MQTT-1.5.4-2 MQTT-3.8.3-1 MQTT-3.8.3-2 MQTT-4.7.3-2 5.0/4.13.1/protocol-error 5.0/4.13.1/malformed-packet",
			Because: "what is no UTF-8, holds a null character or is not there at all is no Topic Filter either"}},
	func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			p, ok := f.Packet.(*codec.Subscribe)
			if !ok || f.Breach == nil || !strings.HasPrefix(f.Breach.Field, "Topic Filter") {
				return Forward
			}
			l.ToClient(&codec.Suback{PacketID: p.PacketID, Codes: make([]codec.ReasonCode, len(p.Subscriptions))})
			return Swallow
		}}
	})

// IgnoresWildcardsInNames drops what it cannot deliver.
var IgnoresWildcardsInNames = tolerates("ignores-wildcards-in-names", "ignores a PUBLISH with a wildcard in its Topic Name and carries on",
	Breaks{V311: "MQTT-4.7.1-1 MQTT-4.8.0-1", V5: "MQTT-4.7.0-1"},
	malformed(codec.PUBLISH, "Topic Name"))

// TakesAnyWillTopic leaves it for later what to do with it.
var TakesAnyWillTopic = accepts("takes-any-will-topic", "accepts a CONNECT whose Will Topic is no Topic Name",
	Breaks{V311: "MQTT-4.7.1-1 MQTT-4.7.3-1 MQTT-4.8.0-1 MQTT-3.1.4-1", V5: "MQTT-4.13.1-1 MQTT-4.7.0-1 MQTT-4.7.3-1 MQTT-3.1.4-1"},
	malformed(codec.CONNECT, "Will Topic"))
