package fault

import (
	"time"

	"mqttspec/codec"
)

// StoresNoWill connects clients as if they had no will.
var StoresNoWill = fromClient("stores-no-will", "ignores the Will Message of every CONNECT",
	Breaks{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-7 MQTT-3.1.2-8 5.0/3.1.4/session-taken-over-will"},
	func(_ *Link, p *codec.Connect) Action {
		p.Will = nil
		return Forward
	})

// ChangesWillQoS takes the Will QoS bits for something else.
var ChangesWillQoS = fromClient("changes-will-qos", "publishes a Will Message at QoS 0, or at QoS 1 if QoS 0 was asked for",
	Breaks{V311: "MQTT-3.1.2-9", V5: "MQTT-3.1.2-8 MQTT-3.1.2-9 MQTT-3.1.2-12"},
	func(_ *Link, p *codec.Connect) Action {
		if p.Will == nil {
			return Forward
		}
		will := *p.Will
		will.QoS = codec.QoS0
		if p.Will.QoS == codec.QoS0 {
			will.QoS = codec.QoS1
		}
		p.Will = &will
		return Forward
	})

// PublishesWillLength takes the length in front of the will's payload for a
// part of it.
var PublishesWillLength = fromClient("publishes-will-length", "publishes a Will Message with the two length bytes in front of its payload",
	Breaks{V311: "3.1.1/3.1.3.3/will-payload", V5: "MQTT-3.1.2-8",
		Follows: Follows{Observed: []string{`"\x00`}, Because: "no will comes as it was left"}},
	func(_ *Link, p *codec.Connect) Action {
		if p.Will == nil {
			return Forward
		}
		will := *p.Will
		will.Payload = string([]byte{byte(len(will.Payload) >> 8), byte(len(will.Payload))}) + will.Payload
		p.Will = &will
		return Forward
	})

// retainsWills sets Will Retain.
func retainsWills(retain bool) func(*Link, *codec.Connect) Action {
	return func(_ *Link, p *codec.Connect) Action {
		if p.Will != nil {
			will := *p.Will
			will.Retain = retain
			p.Will = &will
		}
		return Forward
	}
}

// RetainsEveryWill takes Will Retain for 1.
var RetainsEveryWill = fromClient("retains-every-will", "retains every Will Message",
	Breaks{V311: "MQTT-3.1.2-16", V5: "MQTT-3.1.2-14"}, retainsWills(true))

// RetainsNoWill takes Will Retain for 0.
var RetainsNoWill = fromClient("retains-no-will", "publishes every Will Message as non-retained",
	Breaks{V311: "MQTT-3.1.2-17", V5: "MQTT-3.1.2-15"}, retainsWills(false))

// DisconnectsAsLost takes DISCONNECT for nothing more than the end of the
// connection: the proxy closes it to the broker without the DISCONNECT.
var DisconnectsAsLost = stateful("disconnects-as-lost", "treats a connection that ends with DISCONNECT like one that was lost",
	Breaks{V311: "MQTT-3.1.2-10 MQTT-3.14.4-3", V5: "5.0/3.14.2.1/reason-code-omitted 5.0/3.14.2.2.1/property-length-omitted MQTT-3.1.2-10 MQTT-3.14.4-3"},
	func() behaviour {
		return behaviour{FromClient: only(func(l *Link, p *codec.Disconnect) Action {
			l.CloseBroker()
			return Swallow
		})}
	})

// RepublishesWills never forgets a will: a client that once had one has it on
// its later connections too.
var RepublishesWills = stateful("republishes-wills", "keeps a Will Message after it was published or discarded, and publishes it when a later connection of the client without a will is lost",
	Breaks{V311: "MQTT-3.1.2-10 MQTT-3.1.2-12", V5: "MQTT-3.1.2-10"},
	func() behaviour {
		wills := map[string]*codec.Will{}
		return behaviour{FromClient: only(func(l *Link, p *codec.Connect) Action {
			if p.Will != nil {
				wills[p.ClientID] = p.Will
			} else {
				p.Will = wills[p.ClientID]
			}
			return Forward
		})}
	})

// KeepsFirstWill does not replace the will of a client.
var KeepsFirstWill = stateful("keeps-first-will", "keeps the Will Message of a client's first connection for all later ones",
	Breaks{V311: "MQTT-3.1.2-10 MQTT-3.1.2-8", V5: "MQTT-3.1.2-10 MQTT-3.1.2-8"},
	func() behaviour {
		wills := map[string]*codec.Will{}
		return behaviour{FromClient: only(func(l *Link, p *codec.Connect) Action {
			if first := wills[p.ClientID]; first != nil {
				p.Will = first
			}
			wills[p.ClientID] = p.Will
			return Forward
		})}
	})

// ForgetsWillOfSilent takes silence for a goodbye: the broker behind knows of no will
// of a client with a short Keep Alive.
var ForgetsWillOfSilent = fromClient("forgets-will-of-silent", "publishes no Will Message when it closes the connection of a silent client",
	Breaks{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	func(_ *Link, p *codec.Connect) Action {
		if p.KeepAlive > 0 && p.KeepAlive <= 5 {
			p.Will = nil
		}
		return Forward
	})

// ForgetsWillOnTakeover takes a client's second connection for the normal end of
// its first: the proxy sends DISCONNECT there.
var ForgetsWillOnTakeover = stateful("forgets-will-on-takeover", "publishes no Will Message when another connection takes the session over",
	Breaks{V311: "MQTT-3.1.2-8", V5: "5.0/3.1.4/session-taken-over-will MQTT-3.1.2-8"},
	func() behaviour {
		return behaviour{FromClient: only(func(l *Link, p *codec.Connect) Action {
			for _, o := range l.Others() {
				if o.Connect != nil && o.Asked().ClientID == p.ClientID {
					o.ToBroker(&codec.Disconnect{})
				}
			}
			return Forward
		})}
	})

// ForgetsWillOnError discards the will of a client that breaks the protocol: the
// proxy sends DISCONNECT in place of what breaks it.
var ForgetsWillOnError = stateful("forgets-will-on-error", "publishes no Will Message when it closes the connection for a protocol error",
	Breaks{V311: "MQTT-3.1.2-8", V5: "MQTT-3.1.2-8"},
	func() behaviour {
		connected := map[*Link]bool{}
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			if f.Breach != nil || f.Type() == codec.CONNECT && connected[l] {
				l.ToBroker(&codec.Disconnect{})
				return Swallow
			}
			connected[l] = connected[l] || f.Type() == codec.CONNECT
			return Forward
		}}
	})

// PublishesWillsLate takes its time over wills: the proxy holds messages back whose
// topic is that of a will.
var PublishesWillsLate = stateful("publishes-wills-late", "publishes a Will Message more than two seconds after it is due",
	Breaks{V311: "3.1.1/3.1.2.5/will-prompt", V5: "5.0/3.1.2.5/will-prompt"},
	func() behaviour {
		wills := map[string]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Connect) Action {
				if p.Will != nil {
					wills[p.Will.Topic] = true
				}
				return Forward
			}),
			FromBroker: only(func(l *Link, p *codec.Publish) Action {
				if !wills[p.Topic] {
					return Forward
				}
				late := *p
				l.After(2500*time.Millisecond, func() { l.ToClient(&late) })
				return Swallow
			}),
		}
	})

// TakesWillQoSWithoutFlag does not look at Will QoS where there is no will.
var TakesWillQoSWithoutFlag = accepts("takes-will-qos-without-flag", "accepts a CONNECT with Will Flag 0 and a Will QoS other than 0",
	Breaks{V311: "MQTT-3.1.2-11 MQTT-3.1.2-13 MQTT-3.1.4-1", V5: "MQTT-3.1.2-11 MQTT-3.1.4-1"},
	breaking("MQTT-3.1.2-13", "MQTT-3.1.2-11"))

// TakesWillRetainWithoutFlag does not look at Will Retain where there is no will.
var TakesWillRetainWithoutFlag = accepts("takes-will-retain-without-flag", "accepts a CONNECT with Will Flag 0 and Will Retain 1",
	Breaks{V311: "MQTT-3.1.2-11 MQTT-3.1.2-15 MQTT-3.1.4-1", V5: "MQTT-3.1.2-13 MQTT-3.1.4-1"},
	breaking("MQTT-3.1.2-15", "MQTT-3.1.2-13"))

// TakesWillQoS3 makes something of Will QoS 3.
var TakesWillQoS3 = accepts("takes-will-qos-3", "accepts a CONNECT with Will QoS 3",
	Breaks{V311: "MQTT-3.1.2-14 MQTT-3.1.4-1", V5: "MQTT-3.1.2-12 MQTT-3.1.4-1"},
	breaking("MQTT-3.1.2-14", "MQTT-3.1.2-12"))

// TakesUnreadableConnect accepts a CONNECT whose payload does not hold what
// its flags say.
var TakesUnreadableConnect = accepts("takes-unreadable-connect", "accepts a CONNECT whose payload has more or fewer fields than its Connect Flags announce",
	Breaks{V311: "MQTT-3.1.2-11 MQTT-3.1.2-9 MQTT-3.1.4-1", V5: "MQTT-3.1.2-9 MQTT-3.1.4-1"},
	malformed(codec.CONNECT))
