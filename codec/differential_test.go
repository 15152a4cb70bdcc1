package codec

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	paho "github.com/eclipse/paho.golang/packets"
	mochi "github.com/mochi-mqtt/server/v2/packets"
	"pgregory.net/rapid"
)

// The tests in this file hold the codec against two that others wrote: every
// packet of ours is read by them with the same content, and every packet they
// write is read by ours, strictly, with the same content. What they cannot
// express is taken out of the packets first, and each such thing is named
// where that is done.

// canonical is the packet with its properties in the order of their
// identifiers (which has no significance, section 2.2.2.2; that among User
// Properties is kept), less those that lose wants dropped.
func canonical(p Packet, lose func(in Type, p Property) bool) Packet {
	tidy := func(in Type, ps Properties) Properties {
		var kept Properties
		for _, p := range ps {
			if !lose(in, p) {
				kept = append(kept, p)
			}
		}
		slices.SortStableFunc(kept, func(a, b Property) int { return int(a.ID) - int(b.ID) })
		return kept
	}
	copied := reflect.New(reflect.TypeOf(p).Elem())
	copied.Elem().Set(reflect.ValueOf(p).Elem())
	if ps := copied.Elem().FieldByName("Properties"); ps.IsValid() {
		ps.Set(reflect.ValueOf(tidy(p.Type(), ps.Interface().(Properties))))
	}
	if c, ok := copied.Interface().(*Connect); ok && c.Will != nil {
		w := *c.Will
		w.Properties = tidy(willProperties, w.Properties)
		c.Will = &w
	}
	return copied.Interface().(Packet)
}

// emptyText: neither codec can tell an empty string from one that is absent.
func emptyText(p Property) bool {
	switch p.ID.info().kind {
	case kindString, kindTopic, kindBinary:
		return p.Text == ""
	}
	return false
}

// ---- github.com/eclipse/paho.golang/packets, 5.0 only ----

func TestPahoReadsOurs(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		b, err := Encode(v, from, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 2 && p.Type() == DISCONNECT {
			// It asks for a Reason Code even where the Remaining Length is 0,
			// against section 3.14.2.1.
			if _, err := paho.ReadPacket(bytes.NewReader(b)); err != io.EOF {
				t.Fatalf("paho.golang: %v; it has learnt to read DISCONNECT", err)
			}
			return
		}
		theirs, err := paho.ReadPacket(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		want := canonical(p, func(_ Type, p Property) bool { return emptyText(p) })
		if pub, ok := want.(*Publish); ok {
			// It keeps one Subscription Identifier, the last.
			ids := pub.Properties.All(PropSubscriptionIdentifier)
			for len(ids) > 1 {
				i := slices.IndexFunc(pub.Properties, func(p Property) bool { return p.ID == PropSubscriptionIdentifier })
				pub.Properties = slices.Delete(pub.Properties, i, i+1)
				ids = ids[1:]
			}
		}
		if got := fromPaho(theirs); !reflect.DeepEqual(got, want) {
			t.Fatalf("% x:\nthey have %v\n  we have %v", b, got, want)
		}
	}, V5)
}

func TestWeReadPaho(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		seen := map[PropertyID]bool{}
		p = canonical(p, func(in Type, p Property) bool {
			switch p.ID {
			case PropSubscriptionIdentifier: // one only
				if seen[p.ID] {
					return true
				}
				seen[p.ID] = true
			case PropPayloadFormatIndicator, PropMessageExpiryInterval, PropContentType, PropResponseTopic, PropCorrelationData:
				// It reads these in the Will Properties and does not write them.
				return in == willProperties || emptyText(p)
			case PropAuthenticationMethod:
				// An empty method is the same as none to it, but AUTH has to
				// have one.
				return emptyText(p) && in != AUTH
			}
			return emptyText(p)
		})
		switch p := p.(type) {
		case *Auth:
			if m, _ := p.Properties.Text(PropAuthenticationMethod); m == "" {
				t.Skip("no empty Authentication Method")
			}
		case *Connect:
			if !p.Properties.Has(PropAuthenticationMethod) {
				p.Properties = slices.DeleteFunc(p.Properties, func(p Property) bool { return p.ID == PropAuthenticationData })
			}
			if len(p.Properties) == 0 {
				p.Properties = nil
			}
		}
		var buf bytes.Buffer
		if _, err := toPaho(p).WriteTo(&buf); err != nil {
			t.Fatal(err)
		}
		got, err := Decode(v, from, buf.Bytes())
		if err != nil || !reflect.DeepEqual(canonical(got, func(Type, Property) bool { return false }), p) {
			t.Fatalf("% x: %v\n  we have %v\nthey have %v", buf.Bytes(), err, got, p)
		}
	}, V5)
}

func fromPaho(c *paho.ControlPacket) Packet {
	switch p := c.Content.(type) {
	case *paho.Connect:
		q := &Connect{ProtocolName: p.ProtocolName, ProtocolLevel: p.ProtocolVersion, CleanStart: p.CleanStart, KeepAlive: p.KeepAlive,
			ClientID: p.ClientID, Properties: fromPahoProperties(p.Properties)}
		if p.WillFlag {
			q.Will = &Will{QoS: QoS(p.WillQOS), Retain: p.WillRetain, Topic: p.WillTopic, Payload: string(p.WillMessage), Properties: fromPahoProperties(p.WillProperties)}
		}
		if p.UsernameFlag {
			q.UserName = text(p.Username)
		}
		if p.PasswordFlag {
			q.Password = text(string(p.Password))
		}
		return q
	case *paho.Connack:
		return &Connack{p.SessionPresent, ReasonCode(p.ReasonCode), fromPahoProperties(p.Properties)}
	case *paho.Publish:
		return &Publish{Dup: p.Duplicate, QoS: QoS(p.QoS), Retain: p.Retain, Topic: p.Topic, PacketID: p.PacketID,
			Properties: fromPahoProperties(p.Properties), Payload: string(p.Payload)}
	case *paho.Puback:
		return &Puback{p.PacketID, ReasonCode(p.ReasonCode), fromPahoProperties(p.Properties)}
	case *paho.Pubrec:
		return &Pubrec{p.PacketID, ReasonCode(p.ReasonCode), fromPahoProperties(p.Properties)}
	case *paho.Pubrel:
		return &Pubrel{p.PacketID, ReasonCode(p.ReasonCode), fromPahoProperties(p.Properties)}
	case *paho.Pubcomp:
		return &Pubcomp{p.PacketID, ReasonCode(p.ReasonCode), fromPahoProperties(p.Properties)}
	case *paho.Subscribe:
		q := &Subscribe{PacketID: p.PacketID, Properties: fromPahoProperties(p.Properties)}
		for _, s := range p.Subscriptions {
			q.Subscriptions = append(q.Subscriptions, Subscription{s.Topic, QoS(s.QoS), s.NoLocal, s.RetainAsPublished, s.RetainHandling})
		}
		return q
	case *paho.Suback:
		return &Suback{p.PacketID, fromPahoProperties(p.Properties), codesOf(p.Reasons)}
	case *paho.Unsubscribe:
		return &Unsubscribe{p.PacketID, fromPahoProperties(p.Properties), p.Topics}
	case *paho.Unsuback:
		return &Unsuback{p.PacketID, fromPahoProperties(p.Properties), codesOf(p.Reasons)}
	case *paho.Pingreq:
		return &Pingreq{}
	case *paho.Pingresp:
		return &Pingresp{}
	case *paho.Disconnect:
		return &Disconnect{ReasonCode(p.ReasonCode), fromPahoProperties(p.Properties)}
	case *paho.Auth:
		return &Auth{ReasonCode(p.ReasonCode), fromPahoProperties(p.Properties)}
	}
	panic(fmt.Sprintf("%T", c.Content))
}

func codesOf(b []byte) (codes []ReasonCode) {
	for _, c := range b {
		codes = append(codes, ReasonCode(c))
	}
	return codes
}

func bytesOf(codes []ReasonCode) (b []byte) {
	for _, c := range codes {
		b = append(b, byte(c))
	}
	return b
}

// add puts an integer property that may be absent into a list.
func add[N byte | uint16 | uint32 | int](ps *Properties, id PropertyID, n *N) {
	if n != nil {
		*ps = append(*ps, Property{ID: id, Number: uint32(*n)})
	}
}

func addText(ps *Properties, id PropertyID, s string) {
	if s != "" {
		*ps = append(*ps, Property{ID: id, Text: s})
	}
}

func fromPahoProperties(p *paho.Properties) (ps Properties) {
	add(&ps, PropPayloadFormatIndicator, p.PayloadFormat)
	add(&ps, PropMessageExpiryInterval, p.MessageExpiry)
	addText(&ps, PropContentType, p.ContentType)
	addText(&ps, PropResponseTopic, p.ResponseTopic)
	addText(&ps, PropCorrelationData, string(p.CorrelationData))
	add(&ps, PropSubscriptionIdentifier, p.SubscriptionIdentifier)
	add(&ps, PropSessionExpiryInterval, p.SessionExpiryInterval)
	addText(&ps, PropAssignedClientIdentifier, p.AssignedClientID)
	add(&ps, PropServerKeepAlive, p.ServerKeepAlive)
	addText(&ps, PropAuthenticationMethod, p.AuthMethod)
	addText(&ps, PropAuthenticationData, string(p.AuthData))
	add(&ps, PropRequestProblemInformation, p.RequestProblemInfo)
	add(&ps, PropWillDelayInterval, p.WillDelayInterval)
	add(&ps, PropRequestResponseInformation, p.RequestResponseInfo)
	addText(&ps, PropResponseInformation, p.ResponseInfo)
	addText(&ps, PropServerReference, p.ServerReference)
	addText(&ps, PropReasonString, p.ReasonString)
	add(&ps, PropReceiveMaximum, p.ReceiveMaximum)
	add(&ps, PropTopicAliasMaximum, p.TopicAliasMaximum)
	add(&ps, PropTopicAlias, p.TopicAlias)
	add(&ps, PropMaximumQoS, p.MaximumQOS)
	add(&ps, PropRetainAvailable, p.RetainAvailable)
	for _, u := range p.User {
		ps = append(ps, UserProperty(u.Key, u.Value))
	}
	add(&ps, PropMaximumPacketSize, p.MaximumPacketSize)
	add(&ps, PropWildcardSubscriptionAvailable, p.WildcardSubAvailable)
	add(&ps, PropSubscriptionIdentifierAvailable, p.SubIDAvailable)
	add(&ps, PropSharedSubscriptionAvailable, p.SharedSubAvailable)
	return ps
}

func toPaho(p Packet) paho.Packet {
	switch p := p.(type) {
	case *Connect:
		q := &paho.Connect{ProtocolName: p.ProtocolName, ProtocolVersion: p.ProtocolLevel, CleanStart: p.CleanStart, KeepAlive: p.KeepAlive,
			ClientID: p.ClientID, Properties: toPahoProperties(p.Properties)}
		if w := p.Will; w != nil {
			q.WillFlag, q.WillQOS, q.WillRetain, q.WillTopic, q.WillMessage = true, byte(w.QoS), w.Retain, w.Topic, []byte(w.Payload)
			q.WillProperties = toPahoProperties(w.Properties)
		}
		if p.UserName != nil {
			q.UsernameFlag, q.Username = true, *p.UserName
		}
		if p.Password != nil {
			q.PasswordFlag, q.Password = true, []byte(*p.Password)
		}
		return q
	case *Connack:
		return &paho.Connack{SessionPresent: p.SessionPresent, ReasonCode: byte(p.Code), Properties: toPahoProperties(p.Properties)}
	case *Publish:
		return &paho.Publish{Duplicate: p.Dup, QoS: byte(p.QoS), Retain: p.Retain, Topic: p.Topic, PacketID: p.PacketID,
			Properties: toPahoProperties(p.Properties), Payload: []byte(p.Payload)}
	case *Puback:
		return &paho.Puback{PacketID: p.PacketID, ReasonCode: byte(p.Code), Properties: toPahoProperties(p.Properties)}
	case *Pubrec:
		return &paho.Pubrec{PacketID: p.PacketID, ReasonCode: byte(p.Code), Properties: toPahoProperties(p.Properties)}
	case *Pubrel:
		return &paho.Pubrel{PacketID: p.PacketID, ReasonCode: byte(p.Code), Properties: toPahoProperties(p.Properties)}
	case *Pubcomp:
		return &paho.Pubcomp{PacketID: p.PacketID, ReasonCode: byte(p.Code), Properties: toPahoProperties(p.Properties)}
	case *Subscribe:
		q := &paho.Subscribe{PacketID: p.PacketID, Properties: toPahoProperties(p.Properties)}
		for _, s := range p.Subscriptions {
			q.Subscriptions = append(q.Subscriptions, paho.SubOptions{Topic: s.Filter, QoS: byte(s.QoS), NoLocal: s.NoLocal,
				RetainAsPublished: s.RetainAsPublished, RetainHandling: s.RetainHandling})
		}
		return q
	case *Suback:
		return &paho.Suback{PacketID: p.PacketID, Properties: toPahoProperties(p.Properties), Reasons: bytesOf(p.Codes)}
	case *Unsubscribe:
		return &paho.Unsubscribe{PacketID: p.PacketID, Properties: toPahoProperties(p.Properties), Topics: p.Filters}
	case *Unsuback:
		return &paho.Unsuback{PacketID: p.PacketID, Properties: toPahoProperties(p.Properties), Reasons: bytesOf(p.Codes)}
	case *Pingreq:
		return &paho.Pingreq{}
	case *Pingresp:
		return &paho.Pingresp{}
	case *Disconnect:
		return &paho.Disconnect{ReasonCode: byte(p.Code), Properties: toPahoProperties(p.Properties)}
	case *Auth:
		return &paho.Auth{ReasonCode: byte(p.Code), Properties: toPahoProperties(p.Properties)}
	}
	panic(fmt.Sprintf("%T", p))
}

func toPahoProperties(ps Properties) *paho.Properties {
	q := &paho.Properties{}
	for _, p := range ps {
		b, n2, n4, n := byte(p.Number), uint16(p.Number), p.Number, int(p.Number)
		switch p.ID {
		case PropPayloadFormatIndicator:
			q.PayloadFormat = &b
		case PropMessageExpiryInterval:
			q.MessageExpiry = &n4
		case PropContentType:
			q.ContentType = p.Text
		case PropResponseTopic:
			q.ResponseTopic = p.Text
		case PropCorrelationData:
			q.CorrelationData = []byte(p.Text)
		case PropSubscriptionIdentifier:
			q.SubscriptionIdentifier = &n
		case PropSessionExpiryInterval:
			q.SessionExpiryInterval = &n4
		case PropAssignedClientIdentifier:
			q.AssignedClientID = p.Text
		case PropServerKeepAlive:
			q.ServerKeepAlive = &n2
		case PropAuthenticationMethod:
			q.AuthMethod = p.Text
		case PropAuthenticationData:
			q.AuthData = []byte(p.Text)
		case PropRequestProblemInformation:
			q.RequestProblemInfo = &b
		case PropWillDelayInterval:
			q.WillDelayInterval = &n4
		case PropRequestResponseInformation:
			q.RequestResponseInfo = &b
		case PropResponseInformation:
			q.ResponseInfo = p.Text
		case PropServerReference:
			q.ServerReference = p.Text
		case PropReasonString:
			q.ReasonString = p.Text
		case PropReceiveMaximum:
			q.ReceiveMaximum = &n2
		case PropTopicAliasMaximum:
			q.TopicAliasMaximum = &n2
		case PropTopicAlias:
			q.TopicAlias = &n2
		case PropMaximumQoS:
			q.MaximumQOS = &b
		case PropRetainAvailable:
			q.RetainAvailable = &b
		case PropUserProperty:
			q.User = append(q.User, paho.User{Key: p.Name, Value: p.Text})
		case PropMaximumPacketSize:
			q.MaximumPacketSize = &n4
		case PropWildcardSubscriptionAvailable:
			q.WildcardSubAvailable = &b
		case PropSubscriptionIdentifierAvailable:
			q.SubIDAvailable = &b
		case PropSharedSubscriptionAvailable:
			q.SharedSubAvailable = &b
		}
	}
	return q
}

// ---- github.com/mochi-mqtt/server/v2/packets, both versions ----

// mochiLoses are the properties that its struct cannot hold: it has no flag
// for these, so that 0 is the same as absent.
func mochiLoses(_ Type, p Property) bool {
	switch p.ID {
	case PropMessageExpiryInterval, PropWillDelayInterval, PropRequestResponseInformation, PropTopicAliasMaximum:
		return p.Number == 0
	}
	return emptyText(p)
}

func TestMochiReadsOurs(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		b, err := Encode(v, from, p)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := readMochi(v, b)
		if err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		if got, want := fromMochi(theirs), canonical(p, mochiLoses); !reflect.DeepEqual(got, want) {
			t.Fatalf("% x:\nthey have %v\n  we have %v", b, got, want)
		}
	})
}

func TestWeReadMochi(t *testing.T) {
	forEach(t, func(t *rapid.T, v Version, from Peer, p Packet) {
		p = canonical(p, func(in Type, p Property) bool {
			return mochiLoses(in, p) && !(in == AUTH && p.ID == PropAuthenticationMethod)
		})
		switch p := p.(type) {
		case *Auth:
			if m, _ := p.Properties.Text(PropAuthenticationMethod); m == "" {
				t.Skip("no empty Authentication Method")
			}
		case *Connect:
			if !p.Properties.Has(PropAuthenticationMethod) {
				p.Properties = slices.DeleteFunc(p.Properties, func(p Property) bool { return p.ID == PropAuthenticationData })
			}
			if len(p.Properties) == 0 {
				p.Properties = nil
			}
		}
		// It leaves the Reason Code of an acknowledgement without properties
		// out if it is below 0x80, and so turns 0x10 (No matching subscribers)
		// into 0x00.
		switch q := p.(type) {
		case *Puback:
			if q.Code == NoMatchingSubscribers && len(q.Properties) == 0 {
				q.Code = Success
			}
		case *Pubrec:
			if q.Code == NoMatchingSubscribers && len(q.Properties) == 0 {
				q.Code = Success
			}
		}
		b, err := writeMochi(v, p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(v, from, b)
		if err != nil || !reflect.DeepEqual(canonical(got, func(Type, Property) bool { return false }), p) {
			t.Fatalf("% x: %v\n  we have %v\nthey have %v", b, err, got, p)
		}
	})
}

func readMochi(v Version, b []byte) (*mochi.Packet, error) {
	pk := &mochi.Packet{ProtocolVersion: byte(v)}
	if err := pk.FixedHeader.Decode(b[0]); err != nil {
		return nil, err
	}
	n, size, err := mochi.DecodeLength(bytes.NewReader(b[1:]))
	if err != nil {
		return nil, err
	}
	pk.FixedHeader.Remaining = n
	return pk, decodeMochi(pk, b[1+size:])
}

func decodeMochi(pk *mochi.Packet, body []byte) error {
	switch Type(pk.FixedHeader.Type) {
	case CONNECT:
		return pk.ConnectDecode(body)
	case CONNACK:
		return pk.ConnackDecode(body)
	case PUBLISH:
		return pk.PublishDecode(body)
	case PUBACK:
		return pk.PubackDecode(body)
	case PUBREC:
		return pk.PubrecDecode(body)
	case PUBREL:
		return pk.PubrelDecode(body)
	case PUBCOMP:
		return pk.PubcompDecode(body)
	case SUBSCRIBE:
		return pk.SubscribeDecode(body)
	case SUBACK:
		return pk.SubackDecode(body)
	case UNSUBSCRIBE:
		return pk.UnsubscribeDecode(body)
	case UNSUBACK:
		return pk.UnsubackDecode(body)
	case PINGREQ:
		return pk.PingreqDecode(body)
	case PINGRESP:
		return pk.PingrespDecode(body)
	case DISCONNECT:
		return pk.DisconnectDecode(body)
	default:
		return pk.AuthDecode(body)
	}
}

func fromMochi(pk *mochi.Packet) Packet {
	ps, id, code := fromMochiProperties(&pk.Properties), pk.PacketID, ReasonCode(pk.ReasonCode)
	switch Type(pk.FixedHeader.Type) {
	case CONNECT:
		c := pk.Connect
		q := &Connect{ProtocolName: string(c.ProtocolName), ProtocolLevel: pk.ProtocolVersion, CleanStart: c.Clean, KeepAlive: c.Keepalive,
			ClientID: c.ClientIdentifier, Properties: ps}
		if c.WillFlag {
			q.Will = &Will{QoS: QoS(c.WillQos), Retain: c.WillRetain, Topic: c.WillTopic, Payload: string(c.WillPayload), Properties: fromMochiProperties(&c.WillProperties)}
		}
		if c.UsernameFlag {
			q.UserName = text(string(c.Username))
		}
		if c.PasswordFlag {
			q.Password = text(string(c.Password))
		}
		return q
	case CONNACK:
		return &Connack{pk.SessionPresent, code, ps}
	case PUBLISH:
		h := pk.FixedHeader
		return &Publish{h.Dup, QoS(h.Qos), h.Retain, pk.TopicName, id, ps, string(pk.Payload)}
	case PUBACK:
		return &Puback{id, code, ps}
	case PUBREC:
		return &Pubrec{id, code, ps}
	case PUBREL:
		return &Pubrel{id, code, ps}
	case PUBCOMP:
		return &Pubcomp{id, code, ps}
	case SUBSCRIBE:
		q := &Subscribe{PacketID: id, Properties: ps}
		for _, s := range pk.Filters {
			q.Subscriptions = append(q.Subscriptions, Subscription{s.Filter, QoS(s.Qos), s.NoLocal, s.RetainAsPublished, s.RetainHandling})
		}
		return q
	case SUBACK:
		return &Suback{id, ps, codesOf(pk.ReasonCodes)}
	case UNSUBSCRIBE:
		q := &Unsubscribe{PacketID: id, Properties: ps}
		for _, s := range pk.Filters {
			q.Filters = append(q.Filters, s.Filter)
		}
		return q
	case UNSUBACK:
		return &Unsuback{id, ps, codesOf(pk.ReasonCodes)}
	case PINGREQ:
		return &Pingreq{}
	case PINGRESP:
		return &Pingresp{}
	case DISCONNECT:
		return &Disconnect{code, ps}
	default:
		return &Auth{code, ps}
	}
}

func fromMochiProperties(p *mochi.Properties) (ps Properties) {
	num := func(id PropertyID, n uint32, there bool) {
		if there {
			ps = append(ps, Property{ID: id, Number: n})
		}
	}
	num(PropPayloadFormatIndicator, uint32(p.PayloadFormat), p.PayloadFormatFlag)
	num(PropMessageExpiryInterval, p.MessageExpiryInterval, p.MessageExpiryInterval > 0)
	addText(&ps, PropContentType, p.ContentType)
	addText(&ps, PropResponseTopic, p.ResponseTopic)
	addText(&ps, PropCorrelationData, string(p.CorrelationData))
	for _, n := range p.SubscriptionIdentifier {
		num(PropSubscriptionIdentifier, uint32(n), true)
	}
	num(PropSessionExpiryInterval, p.SessionExpiryInterval, p.SessionExpiryIntervalFlag)
	addText(&ps, PropAssignedClientIdentifier, p.AssignedClientID)
	num(PropServerKeepAlive, uint32(p.ServerKeepAlive), p.ServerKeepAliveFlag)
	addText(&ps, PropAuthenticationMethod, p.AuthenticationMethod)
	addText(&ps, PropAuthenticationData, string(p.AuthenticationData))
	num(PropRequestProblemInformation, uint32(p.RequestProblemInfo), p.RequestProblemInfoFlag)
	num(PropWillDelayInterval, p.WillDelayInterval, p.WillDelayInterval > 0)
	num(PropRequestResponseInformation, uint32(p.RequestResponseInfo), p.RequestResponseInfo > 0)
	addText(&ps, PropResponseInformation, p.ResponseInfo)
	addText(&ps, PropServerReference, p.ServerReference)
	addText(&ps, PropReasonString, p.ReasonString)
	num(PropReceiveMaximum, uint32(p.ReceiveMaximum), p.ReceiveMaximum > 0)
	num(PropTopicAliasMaximum, uint32(p.TopicAliasMaximum), p.TopicAliasMaximum > 0)
	num(PropTopicAlias, uint32(p.TopicAlias), p.TopicAliasFlag)
	num(PropMaximumQoS, uint32(p.MaximumQos), p.MaximumQosFlag)
	num(PropRetainAvailable, uint32(p.RetainAvailable), p.RetainAvailableFlag)
	for _, u := range p.User {
		ps = append(ps, UserProperty(u.Key, u.Val))
	}
	num(PropMaximumPacketSize, p.MaximumPacketSize, p.MaximumPacketSize > 0)
	num(PropWildcardSubscriptionAvailable, uint32(p.WildcardSubAvailable), p.WildcardSubAvailableFlag)
	num(PropSubscriptionIdentifierAvailable, uint32(p.SubIDAvailable), p.SubIDAvailableFlag)
	num(PropSharedSubscriptionAvailable, uint32(p.SharedSubAvailable), p.SharedSubAvailableFlag)
	return ps
}

func writeMochi(v Version, p Packet) ([]byte, error) {
	var buf bytes.Buffer
	pk := toMochi(v, p)
	err := encodeMochi(pk, &buf)
	return buf.Bytes(), err
}

func encodeMochi(pk *mochi.Packet, buf *bytes.Buffer) error {
	switch Type(pk.FixedHeader.Type) {
	case CONNECT:
		return pk.ConnectEncode(buf)
	case CONNACK:
		return pk.ConnackEncode(buf)
	case PUBLISH:
		return pk.PublishEncode(buf)
	case PUBACK:
		return pk.PubackEncode(buf)
	case PUBREC:
		return pk.PubrecEncode(buf)
	case PUBREL:
		return pk.PubrelEncode(buf)
	case PUBCOMP:
		return pk.PubcompEncode(buf)
	case SUBSCRIBE:
		return pk.SubscribeEncode(buf)
	case SUBACK:
		return pk.SubackEncode(buf)
	case UNSUBSCRIBE:
		return pk.UnsubscribeEncode(buf)
	case UNSUBACK:
		return pk.UnsubackEncode(buf)
	case PINGREQ:
		return pk.PingreqEncode(buf)
	case PINGRESP:
		return pk.PingrespEncode(buf)
	case DISCONNECT:
		return pk.DisconnectEncode(buf)
	default:
		return pk.AuthEncode(buf)
	}
}

func toMochi(v Version, p Packet) *mochi.Packet {
	pk := &mochi.Packet{ProtocolVersion: byte(v), FixedHeader: mochi.FixedHeader{Type: byte(p.Type())},
		// Without this it leaves Response Topics and Correlation Data out.
		Mods: mochi.Mods{AllowResponseInfo: true}}
	switch p := p.(type) {
	case *Connect:
		pk.ProtocolVersion = p.ProtocolLevel
		pk.Connect = mochi.ConnectParams{ProtocolName: []byte(p.ProtocolName), Clean: p.CleanStart, Keepalive: p.KeepAlive, ClientIdentifier: p.ClientID}
		if w := p.Will; w != nil {
			c := &pk.Connect
			c.WillFlag, c.WillQos, c.WillRetain, c.WillTopic, c.WillPayload = true, byte(w.QoS), w.Retain, w.Topic, []byte(w.Payload)
			c.WillProperties = toMochiProperties(w.Properties)
		}
		if p.UserName != nil {
			pk.Connect.UsernameFlag, pk.Connect.Username = true, []byte(*p.UserName)
		}
		if p.Password != nil {
			pk.Connect.PasswordFlag, pk.Connect.Password = true, []byte(*p.Password)
		}
		pk.Properties = toMochiProperties(p.Properties)
	case *Connack:
		pk.SessionPresent, pk.ReasonCode, pk.Properties = p.SessionPresent, byte(p.Code), toMochiProperties(p.Properties)
	case *Publish:
		pk.FixedHeader.Dup, pk.FixedHeader.Qos, pk.FixedHeader.Retain = p.Dup, byte(p.QoS), p.Retain
		pk.TopicName, pk.PacketID, pk.Payload, pk.Properties = p.Topic, p.PacketID, []byte(p.Payload), toMochiProperties(p.Properties)
	case *Puback:
		pk.PacketID, pk.ReasonCode, pk.Properties = p.PacketID, byte(p.Code), toMochiProperties(p.Properties)
	case *Pubrec:
		pk.PacketID, pk.ReasonCode, pk.Properties = p.PacketID, byte(p.Code), toMochiProperties(p.Properties)
	case *Pubrel:
		pk.FixedHeader.Qos = 1 // this is how it writes the reserved flags
		pk.PacketID, pk.ReasonCode, pk.Properties = p.PacketID, byte(p.Code), toMochiProperties(p.Properties)
	case *Pubcomp:
		pk.PacketID, pk.ReasonCode, pk.Properties = p.PacketID, byte(p.Code), toMochiProperties(p.Properties)
	case *Subscribe:
		pk.FixedHeader.Qos = 1
		pk.PacketID, pk.Properties = p.PacketID, toMochiProperties(p.Properties)
		for _, s := range p.Subscriptions {
			pk.Filters = append(pk.Filters, mochi.Subscription{Filter: s.Filter, Qos: byte(s.QoS), NoLocal: s.NoLocal,
				RetainAsPublished: s.RetainAsPublished, RetainHandling: s.RetainHandling})
		}
	case *Suback:
		pk.PacketID, pk.Properties, pk.ReasonCodes = p.PacketID, toMochiProperties(p.Properties), bytesOf(p.Codes)
	case *Unsubscribe:
		pk.FixedHeader.Qos = 1
		pk.PacketID, pk.Properties = p.PacketID, toMochiProperties(p.Properties)
		for _, f := range p.Filters {
			pk.Filters = append(pk.Filters, mochi.Subscription{Filter: f})
		}
	case *Unsuback:
		pk.PacketID, pk.Properties, pk.ReasonCodes = p.PacketID, toMochiProperties(p.Properties), bytesOf(p.Codes)
	case *Disconnect:
		pk.ReasonCode, pk.Properties = byte(p.Code), toMochiProperties(p.Properties)
	case *Auth:
		pk.ReasonCode, pk.Properties = byte(p.Code), toMochiProperties(p.Properties)
	}
	return pk
}

func toMochiProperties(ps Properties) (q mochi.Properties) {
	for _, p := range ps {
		b, n2, n4 := byte(p.Number), uint16(p.Number), p.Number
		switch p.ID {
		case PropPayloadFormatIndicator:
			q.PayloadFormat, q.PayloadFormatFlag = b, true
		case PropMessageExpiryInterval:
			q.MessageExpiryInterval = n4
		case PropContentType:
			q.ContentType = p.Text
		case PropResponseTopic:
			q.ResponseTopic = p.Text
		case PropCorrelationData:
			q.CorrelationData = []byte(p.Text)
		case PropSubscriptionIdentifier:
			q.SubscriptionIdentifier = append(q.SubscriptionIdentifier, int(p.Number))
		case PropSessionExpiryInterval:
			q.SessionExpiryInterval, q.SessionExpiryIntervalFlag = n4, true
		case PropAssignedClientIdentifier:
			q.AssignedClientID = p.Text
		case PropServerKeepAlive:
			q.ServerKeepAlive, q.ServerKeepAliveFlag = n2, true
		case PropAuthenticationMethod:
			q.AuthenticationMethod = p.Text
		case PropAuthenticationData:
			q.AuthenticationData = []byte(p.Text)
		case PropRequestProblemInformation:
			q.RequestProblemInfo, q.RequestProblemInfoFlag = b, true
		case PropWillDelayInterval:
			q.WillDelayInterval = n4
		case PropRequestResponseInformation:
			q.RequestResponseInfo = b
		case PropResponseInformation:
			q.ResponseInfo = p.Text
		case PropServerReference:
			q.ServerReference = p.Text
		case PropReasonString:
			q.ReasonString = p.Text
		case PropReceiveMaximum:
			q.ReceiveMaximum = n2
		case PropTopicAliasMaximum:
			q.TopicAliasMaximum = n2
		case PropTopicAlias:
			q.TopicAlias, q.TopicAliasFlag = n2, true
		case PropMaximumQoS:
			q.MaximumQos, q.MaximumQosFlag = b, true
		case PropRetainAvailable:
			q.RetainAvailable, q.RetainAvailableFlag = b, true
		case PropUserProperty:
			q.User = append(q.User, mochi.UserProperty{Key: p.Name, Val: p.Text})
		case PropMaximumPacketSize:
			q.MaximumPacketSize = n4
		case PropWildcardSubscriptionAvailable:
			q.WildcardSubAvailable, q.WildcardSubAvailableFlag = b, true
		case PropSubscriptionIdentifierAvailable:
			q.SubIDAvailable, q.SubIDAvailableFlag = b, true
		case PropSharedSubscriptionAvailable:
			q.SharedSubAvailable, q.SharedSubAvailableFlag = b, true
		}
	}
	return q
}
