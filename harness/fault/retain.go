package fault

import (
	"time"

	"mqttspec/codec"
)

// StoresNothingRetained delivers retained messages but stores none.
var StoresNothingRetained = fromClient("stores-nothing-retained", "treats every PUBLISH as if RETAIN were 0",
	Breaks{V311: "MQTT-3.3.1-5 MQTT-3.3.1-6 3.1.1/3.3.1.3/retained-qos-0 3.1.1/4.1/retained-kept 3.1.1/3.8.4/new-subscription-retained 3.1.1/3.1.2.4/retained-outlives-session", V5: "MQTT-3.3.1-5 MQTT-3.3.1-9 MQTT-3.3.1-10 MQTT-3.3.1-13 MQTT-3.8.4-4 5.0/3.3.1.3/retained-qos-0 5.0/3.8.4/new-subscription-retained 5.0/4.1/retained-outlives-session"},
	func(_ *Link, p *codec.Publish) Action {
		p.Retain = false
		return Forward
	})

// ClearsRetainFlag sends what is retained as if it were new.
var ClearsRetainFlag = fromBroker("clears-retain-flag", "sends every PUBLISH with RETAIN 0",
	Breaks{V311: "MQTT-3.3.1-8", V5: "5.0/3.3.1.3/retained-message-flag MQTT-3.3.1-13",
		Follows: Follows{V5: "5.0/4.8.2/one-session MQTT-3.8.4-3",
			Because: "the only member of a group is served no better, and a Retain As Published that is replaced shows in nothing else"}},
	func(_ *Link, p *codec.Publish) Action {
		p.Retain = false
		return Forward
	})

// KeepsRetainFlag hands the publisher's RETAIN flag on.
var KeepsRetainFlag = stateful("keeps-retain-flag", "forwards a message to an established subscription with the RETAIN flag it was published with",
	Breaks{V311: "MQTT-3.3.1-9", V5: "MQTT-3.3.1-12",
		Follows: Follows{V311: "MQTT-3.3.1-10", V5: "MQTT-3.3.1-6",
			Because: "an empty message with RETAIN 1 is no exception"}},
	func() behaviour {
		retained := map[string]bool{}
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Publish) Action {
				retained[p.Topic+"\x00"+p.Payload] = p.Retain
				return Forward
			}),
			FromBroker: only(func(_ *Link, p *codec.Publish) Action {
				p.Retain = p.Retain || retained[p.Topic+"\x00"+p.Payload]
				return Forward
			}),
		}
	})

// KeepsRetainedMessages cannot be made to forget a retained message.
var KeepsRetainedMessages = fromClient("keeps-retained-messages", "does not remove a retained message when an empty one is published",
	Breaks{V311: "MQTT-3.3.1-10", V5: "MQTT-3.3.1-6"},
	func(_ *Link, p *codec.Publish) Action {
		if p.Retain && p.Payload == "" {
			p.Retain = false
		}
		return Forward
	})

// RetainsEverything stores whatever was published last.
var RetainsEverything = fromClient("retains-everything", "treats every PUBLISH as if RETAIN were 1",
	Breaks{V311: "MQTT-3.3.1-12", V5: "MQTT-3.3.1-8"},
	func(_ *Link, p *codec.Publish) Action {
		p.Retain = true
		return Forward
	})

// RetainsEverythingLate stores whatever was published last, and takes its time to
// find it: the proxy holds back what has RETAIN 1.
var RetainsEverythingLate = stateful("retains-everything-late", "treats every PUBLISH as if RETAIN were 1, and sends what is retained long after SUBACK",
	Breaks{V311: "MQTT-3.3.1-12", V5: "MQTT-3.3.1-8"},
	func() behaviour {
		return behaviour{
			FromClient: only(func(_ *Link, p *codec.Publish) Action {
				p.Retain = true
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if !p.Retain {
					return Forward
				}
				late := *p
				l.After(100*time.Millisecond, func() { l.ToClient(&late) })
				return Swallow
			}),
		}
	})

// KeepsFirstRetained stores a retained message for good: the proxy takes RETAIN out
// of the later ones.
var KeepsFirstRetained = stateful("keeps-first-retained", "does not replace the retained message of a topic",
	Breaks{V311: "MQTT-3.3.1-5 MQTT-3.3.1-6 MQTT-3.3.1-7", V5: "MQTT-3.3.1-5"},
	func() behaviour {
		stored := map[string]bool{}
		return behaviour{FromClient: only(func(_ *Link, p *codec.Publish) Action {
			if p.Retain && stored[p.Topic] {
				p.Retain = false
			}
			stored[p.Topic] = stored[p.Topic] || p.Retain
			return Forward
		})}
	})

// OneRetainedMessage ends its search at the first topic that matches.
var OneRetainedMessage = stateful("one-retained-message", "sends a new subscription one retained message, however many topics it matches",
	Breaks{V311: "MQTT-3.3.1-6", V5: "MQTT-3.3.1-9",
		Follows: Follows{Observed: lost, Because: "no other retained message comes, whatever it is due to"}},
	func() behaviour {
		sent := map[*Link]bool{}
		return behaviour{FromBroker: only(func(l *Link, p *codec.Publish) Action {
			if p.Retain && sent[l] {
				return Swallow
			}
			sent[l] = sent[l] || p.Retain
			return Forward
		})}
	})

// StoresEmptyMessages keeps an empty message like any other: those who subscribe to
// its topic get it from the proxy, in front of SUBACK.
var StoresEmptyMessages = stateful("stores-empty-messages", "stores an empty message with RETAIN 1 and sends it to new subscriptions",
	Breaks{V311: "MQTT-3.3.1-11", V5: "MQTT-3.3.1-7"},
	func() behaviour {
		stored := map[string]bool{}
		wanted := map[*Link]string{} // the topic of an unanswered SUBSCRIBE
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Publish:
					stored[p.Topic] = p.Retain && p.Payload == ""
				case *codec.Subscribe:
					wanted[l] = firstFilter(p)
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Suback) Action {
				if topic := wanted[l]; stored[topic] {
					l.ToClient(&codec.Publish{Retain: true, Topic: topic})
				}
				delete(wanted, l)
				return Forward
			}),
		}
	})
