package fault

import (
	"slices"

	"mqttspec/codec"
)

// IgnoresNoLocal sends everything back.
var IgnoresNoLocal = fromClient("ignores-no-local", "treats every subscription as if No Local were 0",
	Breaks{V5: "MQTT-3.8.3-3"},
	func(_ *Link, p *codec.Subscribe) Action {
		for i := range p.Subscriptions {
			p.Subscriptions[i].NoLocal = false
		}
		return Forward
	})

// SetsRetainFlag takes everything for retained.
var SetsRetainFlag = fromBroker("sets-retain-flag", "sends every PUBLISH with RETAIN 1",
	Breaks{V311: "MQTT-3.3.1-9", V5: "MQTT-3.3.1-12 MQTT-3.3.1-13",
		Follows: Follows{V5: "5.0/4.8.2/one-session",
			Because: "the only member of a group is served no better"}},
	func(_ *Link, p *codec.Publish) Action {
		p.Retain = true
		return Forward
	})

// IgnoresRetainHandling always sends what is retained.
var IgnoresRetainHandling = fromClient("ignores-retain-handling", "treats every SUBSCRIBE as if Retain Handling were 0",
	Breaks{V5: "MQTT-3.3.1-10 MQTT-3.3.1-11"},
	func(_ *Link, p *codec.Subscribe) Action {
		for i := range p.Subscriptions {
			p.Subscriptions[i].RetainHandling = 0
		}
		return Forward
	})

// HoldsRetainedBack takes what is to be retained for what is.
var HoldsRetainedBack = stateful("holds-retained-back", "sends no message with RETAIN 1 to a subscription with a Retain Handling other than 0, even when it comes later",
	Breaks{V5: "5.0/3.8.3.1/retain-handling-afterwards"},
	func() behaviour {
		held := map[*Link]bool{}
		retained := map[string]bool{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Subscribe:
					held[l] = slices.ContainsFunc(p.Subscriptions, func(s codec.Subscription) bool { return s.RetainHandling > 0 })
				case *codec.Publish:
					retained[p.Topic] = p.Retain
				}
				return Forward
			},
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if held[l] && retained[p.Topic] {
					return Swallow
				}
				return Forward
			}),
		}
	})

// KeepsFirstOptions lets a second SUBSCRIBE change no option.
var KeepsFirstOptions = stateful("keeps-first-options", "goes on with the Subscription Options of the first SUBSCRIBE to a Topic Filter",
	Breaks{V5: "MQTT-3.8.4-3"},
	func() behaviour {
		first := map[filterOf]codec.Subscription{}
		return behaviour{FromClient: only(func(l *Link, p *codec.Subscribe) Action {
			for i, s := range p.Subscriptions {
				if _, ok := first[filterOf{l, s.Filter}]; !ok {
					first[filterOf{l, s.Filter}] = s
				}
				p.Subscriptions[i] = first[filterOf{l, s.Filter}]
			}
			return Forward
		})}
	})
