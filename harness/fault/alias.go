package fault

import "mqttspec/codec"

// DropsAliased can't tell where a message without a Topic Name belongs. The proxy
// acknowledges it in the broker's place, or sends it to a topic that nobody
// listens to.
var DropsAliased = fromClient("drops-aliased", "drops messages that have a Topic Alias instead of a Topic Name",
	Breaks{V5: "5.0/3.3.4/topic-alias-mapped MQTT-3.3.2-12"},
	func(l *Link, p *codec.Publish) Action {
		if p.Topic != "" {
			return Forward
		}
		switch p.QoS {
		case codec.QoS1:
			l.ToClient(&codec.Puback{PacketID: p.PacketID})
			return Swallow
		case codec.QoS2: // the whole handshake, on a topic of nobody's
			p.Topic, p.Properties = "nowhere", nil
			return Forward
		}
		return Swallow
	})

// KeepsFirstAlias does not let an alias change its meaning: the proxy puts the
// Topic Name in that was the alias's first.
var KeepsFirstAlias = stateful("keeps-first-alias", "takes a Topic Alias for the Topic Name that was first sent with it",
	Breaks{V5: "5.0/3.3.4/topic-alias-remapped"},
	func() behaviour {
		return behaviour{FromClient: only(resolveAliases(func(l *Link) any { return l }, false))}
	})

// AliasesForAll keeps one table for all clients.
var AliasesForAll = stateful("aliases-for-all", "takes a Topic Alias for what any client last sent with it",
	Breaks{V5: "5.0/3.3.4/topic-alias-mapped 5.0/3.3.4/topic-alias-unknown MQTT-3.3.2-7",
		Follows: Follows{V5: "5.0/3.3.2.3.4/topic-alias-independent 5.0/3.3.4/topic-alias-remapped MQTT-3.3.2-12",
			Because: "what another client maps at the same time replaces a client's own mapping"}},
	func() behaviour {
		return behaviour{FromClient: only(resolveAliases(func(*Link) any { return nil }, true))}
	})

// resolveAliases keeps tables of Topic Aliases, as many as there are different
// results of table, and makes Topic Names of them.
func resolveAliases(table func(*Link) any, remaps bool) func(*Link, *codec.Publish) Action {
	type key struct {
		table any
		alias uint32
	}
	names := map[key]string{}
	return func(l *Link, p *codec.Publish) Action {
		alias, ok := p.Properties.Number(codec.PropTopicAlias)
		if !ok {
			return Forward
		}
		k := key{table(l), alias}
		if p.Topic != "" && (remaps || names[k] == "") {
			names[k] = p.Topic
		}
		if p.Topic == "" {
			p.Topic = names[k]
		}
		return Forward
	}
}

// IgnoresAliasZero passes over what cannot be.
var IgnoresAliasZero = tolerates("ignores-alias-zero", "ignores a PUBLISH with Topic Alias 0 and carries on",
	Breaks{V5: "MQTT-3.3.2-8"},
	breaks(codec.PUBLISH, "MQTT-3.3.2-8"))

// IgnoresAliases passes over messages by their alias.
var IgnoresAliases = stateful("ignores-aliases", "ignores a PUBLISH whose Topic Alias means nothing to it, or is too large, and carries on",
	Breaks{V5: "5.0/3.3.4/topic-alias-unknown MQTT-3.3.2-7 MQTT-3.3.2-9"},
	func() behaviour {
		type mapping struct {
			link  *Link
			alias uint32
		}
		known := map[mapping]bool{}
		return whereDeclared(func(l *Link, f *Frame, declared codec.Properties) Action {
			p, ok := f.Packet.(*codec.Publish)
			if !ok {
				return Forward
			}
			most, _ := declared.Number(codec.PropTopicAliasMaximum)
			alias, ok := p.Properties.Number(codec.PropTopicAlias)
			if ok && (alias > most || p.Topic == "" && !known[mapping{l, alias}]) {
				return Swallow
			}
			known[mapping{l, alias}] = ok
			return Forward
		})()
	})

// SendsAlias uses an alias without asking.
var SendsAlias = fromBroker("sends-alias", "sends every PUBLISH with Topic Alias 1",
	Breaks{V5: "MQTT-3.1.2-26 MQTT-3.1.2-27 MQTT-3.3.2-11"},
	func(_ *Link, p *codec.Publish) Action {
		p.Properties = append(p.Properties, codec.TopicAlias(1))
		return Forward
	})

// SendsAliasesBeyondMaximum counts further than it may.
var SendsAliasesBeyondMaximum = aliasing("sends-aliases-beyond-maximum", "sends every topic with a Topic Alias of its own, however many the client allows",
	Breaks{V5: "MQTT-3.1.2-26 MQTT-3.3.2-11"},
	func(_ *Link, _ map[any]int, topics int, p *codec.Publish) uint16 { return uint16(topics) })

// MixesUpAliases uses an alias again without a word.
var MixesUpAliases = aliasing("mixes-up-aliases", "uses two Topic Aliases for all topics and leaves the Topic Name out when it changes their meaning",
	Breaks{V5: "5.0/3.3.4/topic-alias-mapped 5.0/3.3.4/topic-alias-unknown MQTT-3.3.2-3"},
	func(_ *Link, _ map[any]int, topics int, p *codec.Publish) uint16 {
		if topics > 2 {
			p.Topic = ""
		}
		return uint16(topics-1)%2 + 1
	})

// ResumesAliases keeps the aliases that it has set for the client's next
// connection.
var ResumesAliases = aliasing("resumes-aliases", "leaves out a Topic Name when it has set a Topic Alias for it on any connection of the client",
	Breaks{V5: "MQTT-3.3.2-7 5.0/3.3.4/topic-alias-unknown"},
	func(l *Link, uses map[any]int, topics int, p *codec.Publish) uint16 {
		key := [2]string{l.ClientID(), p.Topic}
		if uses[key]++; uses[key] > 1 {
			p.Topic = ""
		}
		return uint16(topics)
	})

// CarriesAliasesOver keeps the client's aliases with its session: the proxy puts in
// the Topic Name that an earlier connection has set.
var CarriesAliasesOver = stateful("carries-aliases-over", "knows the Topic Aliases that a client has set on an earlier connection",
	Breaks{V5: "MQTT-3.3.2-7",
		Follows: Follows{V5: "5.0/3.3.4/topic-alias-unknown", Because: "an alias that was set on another connection is unknown on this one"}},
	func() behaviour {
		type alias struct {
			client string
			value  uint32
		}
		topics := map[alias]string{}
		return behaviour{FromClient: only(func(l *Link, p *codec.Publish) Action {
			value, ok := p.Properties.Number(codec.PropTopicAlias)
			if !ok {
				return Forward
			}
			known := alias{l.ClientID(), value}
			if p.Topic != "" {
				topics[known] = p.Topic
			} else {
				p.Topic = topics[known]
			}
			return Forward
		})}
	})

// ResendsAsSentFirst keeps packets, not messages. The proxy uses aliases of its
// own making, and remembers with which of them each Packet Identifier went out.
var ResendsAsSentFirst = stateful("resends-as-sent-first", "resends a PUBLISH with the Topic Alias, and without the Topic Name, that it had on the connection before",
	Breaks{V5: "MQTT-3.3.2-7 5.0/3.3.4/topic-alias-unknown MQTT-3.1.2-27"},
	func() behaviour {
		send := usesAliases()
		type use struct {
			client string
			id     uint16
		}
		sent := map[use]codec.Publish{}
		return behaviour{
			FromClient: send.FromClient,
			FromBroker: func(l *Link, f *Frame) Action {
				p, ok := f.Packet.(*codec.Publish)
				if !ok {
					return Forward
				}
				u := use{l.ClientID(), p.PacketID}
				if first, again := sent[u]; again && p.Dup {
					p.Topic, p.Properties = first.Topic, first.Properties
					return Forward
				}
				send.FromBroker(l, f)
				sent[u] = *p
				return Forward
			},
		}
	})

// usesAliases is what a broker does that makes use of Topic Aliases as it may:
// one for every topic, and no Topic Name where the connection has set it.
var usesAliases = sendsAliases(func(l *Link, uses map[any]int, topics int, p *codec.Publish) uint16 {
	type key struct {
		link  *Link
		topic string
	}
	k := key{l, p.Topic}
	if uses[k]++; uses[k] > 1 {
		p.Topic = ""
	}
	return uint16(topics)
})

// SharesAliases has one table for both directions of a connection. The proxy
// gives every message to a client alias 1, and takes a PUBLISH without a Topic
// Name from that client for one on the same topic.
var SharesAliases = stateful("shares-aliases", "takes a Topic Alias from a client for the topic that it has set it for towards that client",
	Breaks{V5: "5.0/3.3.2.3.4/topic-alias-independent"},
	func() behaviour {
		set := map[*Link]string{} // as Topic Alias 1
		return behaviour{
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if most, _ := l.Asked().Properties.Number(codec.PropTopicAliasMaximum); most > 0 {
					set[l] = p.Topic
					p.Properties = append(without(p.Properties, codec.PropTopicAlias), codec.TopicAlias(1))
				}
				return Forward
			}),
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connect:
					p.Properties = without(p.Properties, codec.PropTopicAliasMaximum)
				case *codec.Publish:
					if p.Topic == "" && set[l] != "" {
						p.Topic = set[l]
					}
				}
				return Forward
			},
		}
	})

// aliasing makes a fault of sendsAliases.
func aliasing(name, does string, breaks Breaks, alias func(l *Link, uses map[any]int, topics int, p *codec.Publish) uint16) Fault {
	return stateful(name, does, breaks, sendsAliases(alias))
}

// sendsAliases makes a broker that uses Topic Aliases towards clients that allow
// them: alias picks one for a message, given a number for its topic, from 1 in
// the order of their first messages. The broker behind is kept from using any:
// it is told that the client allows none.
func sendsAliases(alias func(l *Link, uses map[any]int, topics int, p *codec.Publish) uint16) func() behaviour {
	return func() behaviour {
		topics := map[string]int{}
		uses := map[any]int{}
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Connect) Action {
				p.Properties = without(p.Properties, codec.PropTopicAliasMaximum)
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if most, _ := l.Asked().Properties.Number(codec.PropTopicAliasMaximum); most == 0 {
					return Forward
				}
				if topics[p.Topic] == 0 {
					topics[p.Topic] = len(topics) + 1
				}
				p.Properties = append(p.Properties, codec.TopicAlias(alias(l, uses, topics[p.Topic], p)))
				return Forward
			}),
		}
	}
}
