package fault

import (
	"time"

	"mqttspec/codec"
)

// withWillDelay is the CONNECT with another Will Delay Interval.
func withWillDelay(p *codec.Connect, seconds uint32) {
	if p.Will == nil {
		return
	}
	will := *p.Will
	will.Properties = without(will.Properties, codec.PropWillDelayInterval)
	if seconds > 0 {
		will.Properties = append(will.Properties, codec.WillDelayInterval(seconds))
	}
	p.Will = &will
}

// IgnoresWillDelay publishes wills when the connection ends.
var IgnoresWillDelay = fromClient("ignores-will-delay", "publishes a Will Message at once, whatever its Will Delay Interval",
	Breaks{V5: "MQTT-3.1.2-8 MQTT-3.1.3-9"},
	func(_ *Link, p *codec.Connect) Action {
		withWillDelay(p, 0)
		return Forward
	})

// DelaysWillOfSession takes a session that goes on for a reason to wait.
var DelaysWillOfSession = fromClient("delays-will-of-session", "waits ten minutes before it publishes the Will Message of a client whose session goes on",
	Breaks{V5: "MQTT-3.1.2-8 5.0/3.1.2.5/will-prompt",
		Follows: Follows{V5: "MQTT-3.1.2-7 MQTT-3.1.2-10 5.0/3.1.4/session-taken-over-will",
			Because: "nobody can tell a Will Message that comes after ten minutes from one that was not kept"}},
	func(_ *Link, p *codec.Connect) Action {
		if expiry := expiryOf(p.Properties); expiry > 0 && p.Will != nil {
			withWillDelay(p, 600)
			p.Properties = withExpiry(p.Properties, max(600, expiry))
		}
		return Forward
	})

// DelaysWillBeyondSession lets the delay run on when the session has ended: to the
// broker behind, the session goes on.
var DelaysWillBeyondSession = stateful("delays-will-beyond-session", "publishes a delayed Will Message only when its delay is over, also if the session ends before",
	Breaks{V5: "5.0/3.1.2.5/will-prompt 5.0/3.14.2.1/disconnect-with-will MQTT-3.1.2-8"},
	func() behaviour {
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Connect:
					if p.Will != nil && p.Will.Properties.Has(codec.PropWillDelayInterval) {
						p.Properties = withExpiry(p.Properties, 600)
					}
				case *codec.Disconnect:
					p.Properties = nil
				}
				return Forward
			},
		}
	})

// PublishesWillDespiteReconnect does not stop the clock: the proxy starts one when
// the client comes back, and then sends the will to the last client that has
// subscribed to exactly its topic.
var PublishesWillDespiteReconnect = stateful("publishes-will-despite-reconnect", "publishes a delayed Will Message though the client is back before its delay is over",
	Breaks{V5: "MQTT-3.1.2-8 MQTT-3.1.3-9"},
	func() behaviour {
		type pending struct {
			publish *codec.Publish
			delay   time.Duration
		}
		wills := map[string]pending{}
		watchers := map[string]*Link{} // by topic
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			switch p := f.Packet.(type) {
			case *codec.Subscribe:
				for _, s := range p.Subscriptions {
					watchers[s.Filter] = l
				}
			case *codec.Connect:
				if will, known := wills[p.ClientID]; known {
					l.After(will.delay, func() {
						if watcher := watchers[will.publish.Topic]; watcher != nil {
							watcher.ToClient(will.publish)
						}
					})
				}
				if p.Will != nil {
					delay, _ := p.Will.Properties.Number(codec.PropWillDelayInterval)
					wills[p.ClientID] = pending{
						&codec.Publish{Topic: p.Will.Topic, Payload: p.Will.Payload}, time.Duration(delay) * time.Second,
					}
				}
			}
			return Forward
		}}
	})

// TakesTwoWillDelays uses one of two.
var TakesTwoWillDelays = accepts("takes-two-will-delays", "accepts a CONNECT with two Will Delay Intervals",
	Breaks{V5: "5.0/3.1.3.2.2/will-delay-interval-twice"},
	breaking("5.0/3.1.3.2.2/will-delay-interval-twice"))

// MendsWillAtSessionEnd makes good what brokers get wrong: a DISCONNECT with
// 0x04 that sets the Session Expiry Interval to 0 has the will published.
var MendsWillAtSessionEnd = stateful("mends-will-at-session-end", "publishes a delayed Will Message at once on a DISCONNECT that ends the session but not with 0x00",
	Breaks{},
	func() behaviour {
		return behaviour{FromClient: only(func(l *Link, p *codec.Disconnect) Action {
			n, ok := p.Properties.Number(codec.PropSessionExpiryInterval)
			if will := l.Asked().Will; will != nil && ok && n == 0 && p.Code != codec.NormalDisconnection {
				l.ToBroker(&codec.Publish{QoS: will.QoS, PacketID: min(1, uint16(will.QoS)), Retain: will.Retain, Topic: will.Topic, Payload: will.Payload})
				p.Code = codec.NormalDisconnection
			}
			return Forward
		})}
	})
