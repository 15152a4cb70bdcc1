package codec

import (
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// The generators make packets that keep every rule: any that Encode refuses,
// or Decode finds fault with, is a bug on one side or the other.

var genRune = rapid.Rune().Filter(func(r rune) bool { return r != 0 })

// genText is a UTF-8 Encoded String, now and then one that needs more than one
// byte of a length.
var genText = rapid.OneOf(
	rapid.StringOfN(genRune, 0, 12, -1),
	rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019 /$")), 0, 12, -1),
	rapid.Map(rapid.IntRange(100, 400), func(n int) string { return strings.Repeat("n", n) }),
)

var genBinary = rapid.OneOf(
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) string { return string(b) }),
	rapid.Map(rapid.IntRange(100, 40000), func(n int) string { return strings.Repeat("\xFF", n) }),
)

var genTopic = rapid.Map(genText, func(s string) string {
	s = strings.NewReplacer("+", "p", "#", "h").Replace(s)
	if s == "" {
		return "/"
	}
	return s
})

// genFilter is a Topic Filter, in 5.0 sometimes a shared one.
func genFilter(v Version) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		level := rapid.OneOf(rapid.Just("+"), rapid.Just(""), rapid.Map(genTopic, func(s string) string { return strings.ReplaceAll(s, "/", "_") }))
		levels := rapid.SliceOfN(level, 1, 4).Draw(t, "levels")
		if rapid.Bool().Draw(t, "multi-level") {
			levels = append(levels, "#")
		}
		filter := strings.Join(levels, "/")
		if filter == "" {
			filter = "/"
		}
		if strings.HasPrefix(filter, sharePrefix) {
			filter = "x" + filter
		}
		if v == V5 && rapid.IntRange(0, 3).Draw(t, "shared") == 0 {
			filter = sharePrefix + "g" + strings.ReplaceAll(genTopic.Draw(t, "share name"), "/", "_") + "/" + filter
		}
		return filter
	})
}

// genProperty is a property with a value that its section allows.
func genProperty(id PropertyID) *rapid.Generator[Property] {
	number := func(low, high uint32) *rapid.Generator[Property] {
		n := rapid.OneOf(rapid.Uint32Range(low, high), rapid.Just(low), rapid.Just(high))
		return rapid.Map(n, func(n uint32) Property { return Property{ID: id, Number: n} })
	}
	str := func(s *rapid.Generator[string]) *rapid.Generator[Property] {
		return rapid.Map(s, func(s string) Property { return Property{ID: id, Text: s} })
	}
	switch id.info().kind {
	case kindFlag:
		return number(0, 1)
	case kindTwo:
		return number(0, 0xFFFF)
	case kindTwoPlus:
		return number(1, 0xFFFF)
	case kindFour:
		return number(0, 0xFFFFFFFF)
	case kindFourPlus:
		return number(1, 0xFFFFFFFF)
	case kindVarint:
		return number(1, MaxVarint)
	case kindTopic:
		return str(genTopic)
	case kindBinary:
		return str(genBinary)
	case kindPair:
		return rapid.Custom(func(t *rapid.T) Property {
			return UserProperty(genText.Draw(t, "name"), genText.Draw(t, "value"))
		})
	}
	return str(genText)
}

// genProperties are some of the properties that this side may put here, in any
// order.
func genProperties(v Version, from Peer, in Type) *rapid.Generator[Properties] {
	if v != V5 {
		return rapid.Just[Properties](nil)
	}
	return rapid.Custom(func(t *rapid.T) Properties {
		var ps Properties
		for _, r := range propertyRules {
			if r.in != in || in == DISCONNECT && r.id == PropSessionExpiryInterval && from == Server ||
				in == DISCONNECT && r.id == PropServerReference && from == Client ||
				in == PUBLISH && r.id == PropSubscriptionIdentifier && from == Client {
				continue
			}
			most := 1
			if r.twice == "" {
				most = 3
			}
			least := 0
			if in == AUTH && r.id == PropAuthenticationMethod {
				least = 1
			}
			for range rapid.IntRange(least, most).Draw(t, "how many") {
				ps = append(ps, genProperty(r.id).Draw(t, r.id.String()))
			}
		}
		if in == CONNECT && !ps.Has(PropAuthenticationMethod) {
			ps = slices.DeleteFunc(ps, func(p Property) bool { return p.ID == PropAuthenticationData })
		}
		if len(ps) == 0 {
			return nil
		}
		return rapid.Permutation(ps).Draw(t, "order")
	})
}

func genReason(v Version, from Peer, in Type) *rapid.Generator[ReasonCode] {
	var codes []ReasonCode
	for c := range 256 {
		if reasonAllowed(v, from, in, ReasonCode(c)) {
			codes = append(codes, ReasonCode(c))
		}
	}
	return rapid.SampledFrom(codes)
}

var (
	genID  = rapid.Uint16Range(1, 0xFFFF)
	genQoS = rapid.Map(rapid.ByteRange(0, 2), func(b byte) QoS { return QoS(b) })
)

// genPayload goes with the Payload Format Indicator among the properties.
func genPayload(ps Properties, from Peer) *rapid.Generator[string] {
	if n, _ := ps.Number(PropPayloadFormatIndicator); n == 1 && from == Client {
		return genText
	}
	return genBinary
}

// packetTypes are the types that this side sends in this version.
func packetTypes(v Version, from Peer) (ts []Type) {
	for t := CONNECT; t <= AUTH; t++ {
		sends := flow[t].client
		if from == Server {
			sends = flow[t].server
		}
		if sends && !(v == V311 && (t == AUTH || t == DISCONNECT && from == Server)) {
			ts = append(ts, t)
		}
	}
	return ts
}

// genPacket is a valid packet of this type.
func genPacket(v Version, from Peer, typ Type) *rapid.Generator[Packet] {
	switch typ { // packets with nothing to draw
	case PINGREQ:
		return rapid.Just[Packet](&Pingreq{})
	case PINGRESP:
		return rapid.Just[Packet](&Pingresp{})
	case DISCONNECT:
		if v != V5 {
			return rapid.Just[Packet](&Disconnect{})
		}
	}
	return rapid.Custom(func(t *rapid.T) Packet {
		ps := genProperties(v, from, typ).Draw(t, "properties")
		var code ReasonCode
		if v == V5 && slices.Contains([]Type{PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT, AUTH}, typ) {
			code = genReason(v, from, typ).Draw(t, "code")
		}
		switch typ {
		case CONNECT:
			return genConnect(t, v, ps)
		case CONNACK:
			p := &Connack{Code: genReason(v, from, typ).Draw(t, "code"), Properties: ps}
			p.SessionPresent = p.Code == 0 && rapid.Bool().Draw(t, "session present")
			return p
		case PUBLISH:
			p := &Publish{QoS: genQoS.Draw(t, "qos"), Retain: rapid.Bool().Draw(t, "retain"), Topic: genTopic.Draw(t, "topic"), Properties: ps}
			if p.QoS > 0 {
				p.PacketID = genID.Draw(t, "id")
				p.Dup = rapid.Bool().Draw(t, "dup")
			}
			if ps.Has(PropTopicAlias) && rapid.Bool().Draw(t, "alias alone") {
				p.Topic = ""
			}
			p.Payload = genPayload(ps, from).Draw(t, "payload")
			return p
		case PUBACK:
			return &Puback{genID.Draw(t, "id"), code, ps}
		case PUBREC:
			return &Pubrec{genID.Draw(t, "id"), code, ps}
		case PUBREL:
			return &Pubrel{genID.Draw(t, "id"), code, ps}
		case PUBCOMP:
			return &Pubcomp{genID.Draw(t, "id"), code, ps}
		case SUBSCRIBE:
			return &Subscribe{genID.Draw(t, "id"), ps, rapid.SliceOfN(genSubscription(v), 1, 5).Draw(t, "subscriptions")}
		case SUBACK:
			return &Suback{genID.Draw(t, "id"), ps, rapid.SliceOfN(genReason(v, from, typ), 1, 200).Draw(t, "codes")}
		case UNSUBSCRIBE:
			return &Unsubscribe{genID.Draw(t, "id"), ps, rapid.SliceOfN(genFilter(v), 1, 5).Draw(t, "filters")}
		case UNSUBACK:
			p := &Unsuback{PacketID: genID.Draw(t, "id"), Properties: ps}
			if v == V5 {
				p.Codes = rapid.SliceOfN(genReason(v, from, typ), 1, 5).Draw(t, "codes")
			}
			return p
		case DISCONNECT:
			return &Disconnect{code, ps}
		default:
			return &Auth{code, ps}
		}
	})
}

func genSubscription(v Version) *rapid.Generator[Subscription] {
	return rapid.Custom(func(t *rapid.T) Subscription {
		s := Subscription{Filter: genFilter(v).Draw(t, "filter"), QoS: genQoS.Draw(t, "qos")}
		if v == V5 {
			s.NoLocal = rapid.Bool().Draw(t, "no local") && !strings.HasPrefix(s.Filter, sharePrefix)
			s.RetainAsPublished = rapid.Bool().Draw(t, "retain as published")
			s.RetainHandling = rapid.ByteRange(0, 2).Draw(t, "retain handling")
		}
		return s
	})
}

func genConnect(t *rapid.T, v Version, ps Properties) *Connect {
	p := &Connect{ProtocolName: "MQTT", ProtocolLevel: byte(v), CleanStart: rapid.Bool().Draw(t, "clean"),
		KeepAlive: rapid.Uint16().Draw(t, "keep alive"), ClientID: genText.Draw(t, "client"), Properties: ps}
	if v == V311 && p.ClientID == "" {
		p.CleanStart = true
	}
	if rapid.Bool().Draw(t, "will") {
		w := &Will{QoS: genQoS.Draw(t, "will qos"), Retain: rapid.Bool().Draw(t, "will retain"),
			Properties: genProperties(v, Client, willProperties).Draw(t, "will properties"), Topic: genTopic.Draw(t, "will topic")}
		w.Payload = genPayload(w.Properties, Client).Draw(t, "will payload")
		p.Will = w
	}
	if rapid.Bool().Draw(t, "user name") {
		p.UserName = text(genText.Draw(t, "name"))
	}
	if (v == V5 || p.UserName != nil) && rapid.Bool().Draw(t, "password") {
		p.Password = text(genBinary.Draw(t, "secret"))
	}
	return p
}
