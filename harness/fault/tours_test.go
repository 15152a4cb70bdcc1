package fault

import (
	"strings"
	"time"

	"github.com/gobwas/ws"

	"mqttspec/codec"
	"mqttspec/harness/wire/websocket"
)

// tours are what clients and brokers do with each other, by subject. A tour
// that needs 5.0 is empty in 3.1.1.
var tours = []tour{
	{name: "plain", take: func(s *stage) {
		a, b := s.connect("alice", clean), s.connect("bob", clean)
		b.subscribes("t", codec.QoS0)
		message := &codec.Publish{Topic: "t", Payload: "hello"}
		a.up(message)
		b.down(message)
		b.up(&codec.Pingreq{}).down(&codec.Pingresp{}).up(&codec.Pingreq{}).down(&codec.Pingresp{})
		b.unsubscribes("t")
		a.disconnects()
		b.disconnects()
	}},

	{name: "connections", take: func(s *stage) {
		s.connect("a", clean).disconnects()
		s.connect("Alice", codec.Connect{}).disconnects()
		s.connect("a23456789012345678901bc", clean).disconnects()
		s.connect("an unusual Client Identifier", clean).disconnects()
		again := s.open("alice")
		again.up(s.connecting("alice", codec.Connect{})).down(&codec.Connack{SessionPresent: true}).disconnects()
		s.connect("alice", clean).leaves().hangsUp()
		s.connect("alice", clean).breaks()
		first := s.connect("alice", codec.Connect{})
		second := s.open("alice")
		second.up(s.connecting("alice", codec.Connect{}))
		first.hangsUp()
		second.down(&codec.Connack{SessionPresent: true})
		second.up(s.connecting("alice", codec.Connect{}))
		second.hangsUp()
	}},

	{name: "keep alive", take: func(s *stage) {
		a := s.connect("alice", codec.Connect{CleanStart: true, KeepAlive: 2})
		publish := &codec.Publish{Topic: "t", Payload: "alive"}
		s.waits(2 * time.Second)
		a.up(publish)
		s.waits(2 * time.Second)
		a.up(publish).down(publish, &codec.Pingresp{}).hangsUp()
		never := s.connect("bob", clean)
		s.waits(time.Second)
		never.up(&codec.Pingreq{})
		for _, keepAlive := range []uint16{0x8000, 0xAAAB, 0x0100} {
			c := s.connect("carol", codec.Connect{CleanStart: true, KeepAlive: keepAlive})
			s.waits(time.Second)
			c.up(&codec.Pingreq{})
		}
	}},

	{name: "credentials", take: func(s *stage) {
		user, password, empty := "user", "secret", ""
		s.connect("alice", codec.Connect{CleanStart: true, UserName: &user, Password: &password}).disconnects()
		s.connect("alice", codec.Connect{CleanStart: true, UserName: &user, Password: &empty}).disconnects()
		s.connect("alice", codec.Connect{CleanStart: true, UserName: &user, Password: &password, Will: &codec.Will{Topic: "w"}}).disconnects()
		refusal := codec.RefusedCredentials
		if s.version == codec.V5 {
			refusal = codec.BadUserNameOrPassword
		}
		a := s.open("alice")
		a.up(s.connecting("alice", codec.Connect{CleanStart: true, UserName: &user, Password: &user}))
		a.down(&codec.Connack{Code: refusal}).hangsUp()
		b := s.connect("bob", clean)
		b.subscribes("t", codec.QoS0)
	}},

	{name: "refused", take: func(s *stage) {
		refusal := codec.RefusedServerUnavailable
		if s.version == codec.V5 {
			refusal = codec.NotAuthorized
		}
		const topic = "prefix/run/scope/topic"
		s.connect("runxscopexbob", clean)
		a := s.open("alice")
		a.upAtOnce(s.connecting("alice", clean), &codec.Publish{Topic: topic})
		a.down(&codec.Connack{Code: refusal}).hangsUp()
	}},

	{name: "wrong connects", take: func(s *stage) {
		a := s.open("alice")
		a.up(&codec.Pingreq{}, &codec.Publish{Topic: "t"}).hangsUp()
		connect := s.connecting("alice", clean)
		user := "user"
		named := s.connecting("alice", codec.Connect{CleanStart: true, UserName: &user})
		both := s.connecting("alice", codec.Connect{CleanStart: true, UserName: &user, Password: &user})
		will := s.connecting("alice", codec.Connect{CleanStart: true, Will: &codec.Will{Topic: "w/#"}})
		wrong := []codec.Packet{
			s.connecting("alice", codec.Connect{ProtocolName: "MQTX"}),
			s.connecting("alice", codec.Connect{ProtocolLevel: 9}),
			codec.Wrong(connect, codec.Set("Connect Flags", 0x03)),
			codec.Wrong(connect, codec.Drop("Client Identifier")),
			codec.Wrong(connect, codec.Set("Connect Flags", 0x0A)), // Will QoS 1
			codec.Wrong(connect, codec.Set("Connect Flags", 0x22)), // Will Retain
			codec.Wrong(will, codec.Set("Connect Flags", 0x1E)),    // Will QoS 3
			will,
			codec.Wrong(named, codec.Drop("User Name")),
			codec.Wrong(both, codec.Drop("Password")),
			codec.Wrong(both, codec.Set("Connect Flags", 0x82)),
			codec.Wrong(both, codec.Set("Connect Flags", 0x42)),
			codec.Wrong(connect, codec.SetString("Client Identifier", "\xC3\x28")),
			codec.Wrong(connect, codec.SetString("Client Identifier", "a\x00b")),
			codec.Wrong(connect, codec.Flags(0x1)),
			codec.Wrong(connect, codec.Trailing(0)),
		}
		if s.version == codec.V311 {
			nobody := *connect
			nobody.ClientID, nobody.CleanStart = "", false
			wrong = append(wrong, &nobody, s.connecting("alice", codec.Connect{CleanStart: true, Password: &user}))
		} else {
			for _, set := range []codec.Properties{
				{codec.SessionExpiryInterval(1), codec.SessionExpiryInterval(1)},
				{codec.AuthenticationData("data")},
				{codec.TopicAlias(1)},
				{codec.ReceiveMaximum(0)},
			} {
				wrong = append(wrong, s.connecting("alice", codec.Connect{CleanStart: true, Properties: set}))
			}
			wrong = append(wrong, codec.Wrong(connect, codec.Set("Property Length", 0x02, 0x21, 0x0A)))
			for _, set := range []codec.Properties{
				{codec.WillDelayInterval(1), codec.WillDelayInterval(1)},
				{codec.ContentType("text"), codec.ContentType("text")},
				{codec.ReceiveMaximum(1)},
			} {
				wrong = append(wrong, s.connecting("alice", codec.Connect{CleanStart: true, Will: &codec.Will{Topic: "w", Properties: set}}))
			}
		}
		standing := s.connect("alice", clean)
		for _, p := range wrong {
			s.open("alice").up(p).hangsUp()
		}
		standing.up(&codec.Pingreq{}).down(&codec.Pingresp{})
	}},

	{name: "connect properties", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		for _, set := range []codec.Properties{
			{codec.UserProperty("a", "b"), codec.UserProperty("a", "c")},
			{codec.MaximumPacketSize(0xFFFFFFFF)},
			{codec.ReceiveMaximum(10), codec.SessionExpiryInterval(10)},
			{codec.SessionExpiryInterval(0xFFFFFFFF)},
			{codec.RequestProblemInformation(0), codec.RequestResponseInformation(1)},
		} {
			s.connect("alice", codec.Connect{CleanStart: true, Properties: set}).disconnects()
		}
		a := s.open("alice")
		nobody := s.connecting("alice", clean)
		nobody.ClientID = ""
		a.up(nobody).down(&codec.Connack{Properties: codec.Properties{codec.AssignedClientIdentifier("somebody")}})
	}},

	{name: "sessions", take: func(s *stage) {
		keeps := codec.Connect{}
		if s.version == codec.V5 {
			keeps.Properties = codec.Properties{codec.SessionExpiryInterval(60)}
		}
		resumed := &codec.Connack{SessionPresent: true}
		a := s.connect("alice", keeps)
		a.subscribes("t", codec.QoS1).disconnects()
		a = s.open("alice").up(s.connecting("alice", keeps)).down(resumed)
		a.subscribes("t", codec.QoS1).breaks()
		s.waits(2 * time.Minute)
		s.open("alice").up(s.connecting("alice", keeps)).down(resumed).disconnects()
		s.connect("alice", clean).disconnects()
		s.open("alice").up(s.connecting("alice", keeps)).down(resumed).disconnects()
		if s.version == codec.V311 {
			return
		}
		other := codec.Connect{Properties: codec.Properties{codec.SessionExpiryInterval(0x80000000)}}
		a = s.open("alice").up(s.connecting("alice", other)).down(resumed)
		a.up(&codec.Disconnect{Properties: codec.Properties{codec.SessionExpiryInterval(5)}}).leaves().hangsUp()
		a = s.open("alice").up(s.connecting("alice", codec.Connect{})).down(resumed)
		a.up(&codec.Disconnect{Properties: codec.Properties{codec.SessionExpiryInterval(5)}})
		a.down(&codec.Disconnect{Code: codec.ProtocolError}).hangsUp()
	}},

	{name: "subscriptions", take: func(s *stage) {
		a, b := s.connect("alice", clean), s.connect("bob", clean)
		for _, filter := range []string{"a/+", "a/#", "#", "+/b", "/a//b/", "A b", "$dollar/a", "e\u0301\uFEFF"} {
			b.subscribes(filter, codec.QoS1)
			a.up(&codec.Publish{Topic: "x", Payload: "between"})
		}
		b.up(&codec.Subscribe{PacketID: s.id(), Subscriptions: []codec.Subscription{{Filter: "one", QoS: codec.QoS2}, {Filter: "two", QoS: codec.QoS0}}})
		b.down(&codec.Suback{PacketID: s.nextID + 0x0100, Codes: []codec.ReasonCode{codec.GrantedQoS1, codec.GrantedQoS0}})
		refused := codec.SubackFailure
		if s.version == codec.V5 {
			refused = codec.NotAuthorized
		}
		b.up(&codec.Subscribe{PacketID: s.id(), Subscriptions: []codec.Subscription{{Filter: "one"}, {Filter: "forbidden"}}})
		b.down(&codec.Suback{PacketID: s.nextID + 0x0100, Codes: []codec.ReasonCode{codec.GrantedQoS0, refused}})
		a.up(&codec.Publish{Topic: "forbidden"})
		b.down(&codec.Publish{Topic: "one", Payload: "to both"})
		a.down(&codec.Publish{Topic: "one", Payload: "to both"})
		for range 5 {
			b.subscribes("again", codec.QoS1)
		}
		b.subscribes("again", codec.QoS0)
		b.down(&codec.Publish{Topic: "again"}, &codec.Publish{Topic: "again"})
		b.down(&codec.Publish{Topic: "a/", Payload: "empty level"}, &codec.Publish{Topic: "a//b"})
		a.subscribes("again", codec.QoS0)
		b.unsubscribes("never", "again")
		a.down(&codec.Unsuback{PacketID: 0x7777, Codes: s.reasons(codec.Success, codec.Success)})
		b.up(&codec.Unsubscribe{PacketID: s.id(), Filters: []string{"again", "one"}})
		b.down(&codec.Unsuback{PacketID: s.nextID + 0x0100, Codes: s.reasons(codec.NoSubscriptionExisted, codec.Success)})
		b.unsubscribes("never")
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 5, Topic: "again"})
		b.up(&codec.Subscribe{PacketID: 5, Subscriptions: []codec.Subscription{{Filter: "five"}}})
		b.up(&codec.Unsubscribe{PacketID: 5, Filters: []string{"five"}})
		b.down(&codec.Publish{QoS: codec.QoS2, PacketID: 5, Topic: "again"}).up(&codec.Pubrec{PacketID: 5})
	}},

	{name: "subscription options", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		a, b := s.connect("alice", clean), s.connect("bob", clean)
		for _, subscription := range []codec.Subscription{
			{Filter: "t", NoLocal: true}, {Filter: "t", RetainHandling: 1}, {Filter: "t", RetainHandling: 2}, {Filter: "t", RetainAsPublished: true},
		} {
			b.up(&codec.Subscribe{PacketID: s.id(), Subscriptions: []codec.Subscription{subscription}}).granted(codec.GrantedQoS0)
		}
		b.up(&codec.Subscribe{PacketID: s.id(), Subscriptions: []codec.Subscription{{Filter: "t", RetainHandling: 2}}}).granted(codec.GrantedQoS0)
		a.up(&codec.Publish{Topic: "t", Retain: true})
		b.down(&codec.Publish{Topic: "t", Retain: true})
	}},

	{name: "subscription identifiers", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		b := s.connect("bob", clean)
		for n := range uint32(2) {
			b.up(&codec.Subscribe{PacketID: s.id(), Properties: codec.Properties{codec.SubscriptionIdentifier(n + 1)},
				Subscriptions: []codec.Subscription{{Filter: "t"}}}).granted(codec.GrantedQoS0)
		}
		b.down(&codec.Publish{Topic: "t", Properties: codec.Properties{codec.SubscriptionIdentifier(1), codec.SubscriptionIdentifier(2)}})
		again := &codec.Publish{QoS: codec.QoS1, Dup: true, PacketID: 7, Topic: "t", Properties: codec.Properties{codec.SubscriptionIdentifier(2)}}
		b.down(again, again)
		b.up(&codec.Subscribe{PacketID: s.id(), Properties: codec.Properties{codec.UserProperty("a", "b"), codec.UserProperty("a", "c")},
			Subscriptions: []codec.Subscription{{Filter: "t"}}}).granted(codec.GrantedQoS0)
	}},

	{name: "wrong subscriptions", take: func(s *stage) {
		subscribe := &codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: "t"}}}
		unsubscribe := &codec.Unsubscribe{PacketID: 1, Filters: []string{"t"}}
		wrong := []codec.Packet{
			codec.Wrong(subscribe, codec.Flags(0)),
			codec.Wrong(unsubscribe, codec.Flags(0)),
			&codec.Subscribe{PacketID: 1},
			&codec.Unsubscribe{PacketID: 1},
			&codec.Subscribe{Subscriptions: subscribe.Subscriptions},
			codec.Wrong(subscribe, codec.Set("Subscription Options", 0xC3)),
			&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: "a/#/b"}}},
			codec.Wrong(subscribe, codec.SetString("Topic Filter", "\xC3\x28")),
			codec.Wrong(subscribe, codec.Trailing(0)),
			codec.Wrong(subscribe, codec.Truncate(1)),
		}
		if s.version == codec.V5 {
			subscription := []codec.Subscription{{Filter: "t"}}
			wrong = append(wrong,
				&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: "$share/group/t", NoLocal: true}}},
				&codec.Subscribe{PacketID: 1, Subscriptions: subscription, Properties: codec.Properties{codec.SubscriptionIdentifier(0)}},
				&codec.Subscribe{PacketID: 1, Subscriptions: subscription, Properties: codec.Properties{codec.SubscriptionIdentifier(1), codec.SubscriptionIdentifier(1)}},
				&codec.Subscribe{PacketID: 1, Subscriptions: subscription, Properties: codec.Properties{codec.TopicAlias(1)}},
				codec.Wrong(subscribe, codec.Set("Property Length", 6, 0x0B, 0x80, 0x80, 0x80, 0x80, 0x01)),
				codec.Wrong(&codec.Subscribe{PacketID: 1, Subscriptions: subscription, Properties: codec.Properties{codec.UserProperty("a", "b")}}, codec.Set("Property Length", 5)),
				&codec.Unsubscribe{PacketID: 1, Filters: []string{"t"}, Properties: codec.Properties{codec.TopicAlias(1)}},
			)
		}
		for _, p := range wrong {
			s.connect("alice", clean).up(p).hangsUp()
		}
	}},

	{name: "topics", take: func(s *stage) {
		a := s.connect("alice", clean)
		a.subscribes("$dollar/a", codec.QoS0).subscribes("+/b", codec.QoS0)
		for _, topic := range []string{"/", "/a//b/", "A b", "$dollar/a", "e\u0301\uFEFF"} {
			a.up(&codec.Publish{Topic: topic})
			a.down(&codec.Publish{Topic: topic})
		}
	}},

	{name: "qos 1 and 2", take: func(s *stage) {
		a, b := s.connect("alice", codec.Connect{}), s.connect("bob", codec.Connect{})
		for range 2 {
			id := uint16(0x10)
			a.up(&codec.Publish{QoS: codec.QoS1, PacketID: id, Topic: "t", Payload: "one"}).down(&codec.Puback{PacketID: id})
			b.down(&codec.Publish{QoS: codec.QoS1, PacketID: id, Topic: "t", Payload: "one"}).up(&codec.Puback{PacketID: id})
			message := &codec.Publish{QoS: codec.QoS2, PacketID: id + 1, Topic: "t", Payload: "two"}
			a.up(message).down(&codec.Pubrec{PacketID: id + 1}).up(&codec.Pubrel{PacketID: id + 1}).down(&codec.Pubcomp{PacketID: id + 1})
			b.down(message).up(&codec.Pubrec{PacketID: id + 1}).down(&codec.Pubrel{PacketID: id + 1}).up(&codec.Pubcomp{PacketID: id + 1})
		}
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 0x20, Topic: "t", Payload: "three"})
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 0x21, Topic: "t", Payload: "four"})
		b.up(&codec.Pingreq{})
		repeated := &codec.Publish{QoS: codec.QoS2, PacketID: 0x30, Topic: "t"}
		a.up(repeated).down(&codec.Pubrec{PacketID: 0x30})
		again := *repeated
		again.Dup = true
		a.up(&again).down(&codec.Pubrec{PacketID: 0x30}).up(&codec.Pubrel{PacketID: 0x30}).down(&codec.Pubcomp{PacketID: 0x30})
		a.up(&codec.Pubrel{PacketID: 0x31}).down(&codec.Pubcomp{PacketID: 0x31})
		a.up(&codec.Publish{Dup: true, QoS: codec.QoS1, PacketID: 0x40, Topic: "dup"}).down(&codec.Puback{PacketID: 0x40})
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 0x41, Topic: "dup"}).up(&codec.Puback{PacketID: 0x41})
		b.down(&codec.Publish{QoS: codec.QoS2, PacketID: 0x50, Topic: "x"}).up(&codec.Publish{QoS: codec.QoS1, PacketID: 0x50, Topic: "y"})
		b.down(&codec.Publish{QoS: codec.QoS2, PacketID: 0x51, Topic: "x"}).up(&codec.Pubrec{PacketID: 0x50}, &codec.Pubrec{PacketID: 0x51})
		b.down(&codec.Pubrel{PacketID: 0x50}, &codec.Pubrel{PacketID: 0x51})
		a.up(&codec.Publish{Topic: "empty"})
		b.down(&codec.Publish{Topic: "empty"})
	}},

	{name: "resent", take: func(s *stage) {
		resumed := &codec.Connack{SessionPresent: true}
		one := &codec.Publish{QoS: codec.QoS1, PacketID: 0x10, Topic: "t", Payload: "one"}
		two := &codec.Publish{QoS: codec.QoS2, PacketID: 0x11, Topic: "t", Payload: "two"}
		three := &codec.Publish{QoS: codec.QoS1, PacketID: 0x12, Topic: "t", Payload: "three"}
		again := func(p *codec.Publish) *codec.Publish {
			dup := *p
			dup.Dup = true
			return &dup
		}
		b := s.connect("bob", codec.Connect{})
		b.subscribes("t", codec.QoS2)
		b.up(&codec.Publish{QoS: codec.QoS2, PacketID: 0x60, Topic: "own"})
		b.up(&codec.Publish{QoS: codec.QoS1, PacketID: 0x10, Topic: "own"})
		b.down(one, two, three).up(&codec.Pubrec{PacketID: 0x11}).down(&codec.Pubrel{PacketID: 0x11})
		b.down(&codec.Publish{Topic: "t", Payload: "QoS 0"})
		b.breaks()
		for range 2 {
			b = s.open("bob").up(s.connecting("bob", codec.Connect{})).down(resumed)
			b.up(&codec.Pubrel{PacketID: 0x60})
			b.down(again(one), &codec.Pubrel{PacketID: 0x11}, again(three))
			b.unsubscribes("t")
			b.breaks()
		}
		b = s.open("bob").up(s.connecting("bob", codec.Connect{})).down(resumed)
		b.down(again(one)).up(&codec.Puback{PacketID: 0x10}, &codec.Pubcomp{PacketID: 0x11})
		b.breaks()
		b = s.open("bob").up(s.connecting("bob", codec.Connect{})).down(resumed)
		b.down(again(three))
	}},

	{name: "wrong publishes", take: func(s *stage) {
		message := &codec.Publish{QoS: codec.QoS1, PacketID: 1, Topic: "t", Payload: "p"}
		wrong := []codec.Packet{
			codec.Wrong(message, codec.Flags(0x6)),
			&codec.Publish{Dup: true, Topic: "t"},
			&codec.Publish{Topic: "a/+"},
			codec.Wrong(message, codec.SetString("Topic Name", "")),
			codec.Raw{0x32, 0x02, 0x00, 0x05},
			&codec.Publish{QoS: codec.QoS1, Topic: "t"},
			codec.Wrong(message, codec.SetString("Topic Name", "a\x00b")),
			codec.Wrong(&codec.Pubrel{PacketID: 1}, codec.Flags(0)),
			codec.Wrong(&codec.Pingreq{}, codec.Flags(0x1)),
			codec.Wrong(&codec.Pingreq{}, codec.Trailing(0)),
			codec.Raw{0x00, 0x00},
			codec.Raw{0xC0, 0x80, 0x80, 0x80, 0x80, 0x00},
		}
		if s.version == codec.V5 {
			for _, set := range []codec.Properties{
				{codec.TopicAlias(0)}, {codec.TopicAlias(1), codec.TopicAlias(2)}, {codec.SubscriptionIdentifier(1)}, {codec.ReceiveMaximum(1)},
			} {
				wrong = append(wrong, &codec.Publish{Topic: "t", Properties: set})
			}
			wrong = append(wrong,
				codec.Wrong(&codec.Publish{Topic: "t"}, codec.Drop("Property Length")),
				codec.Wrong(&codec.Publish{Topic: "t"}, codec.Set("Property Length", 0x02, 0x01, 0x01), codec.Truncate(1)),
				codec.Raw{0x30, 0x06, 0x00, 0x01, 't', 0x02, 0x23, 0x00},
			)
		}
		watcher := s.connect("bob", clean)
		watcher.subscribes("t", codec.QoS0)
		for _, p := range wrong {
			s.connect("alice", clean).up(p).hangsUp()
		}
	}},

	{name: "segments", take: func(s *stage) {
		a := s.open("alice")
		a.upAtOnce(s.connecting("alice", clean), &codec.Pingreq{}).down(&codec.Connack{})
		a.upInPieces(&codec.Publish{Topic: "t", Payload: "cut"})
		a.upAtOnce(&codec.Publish{Topic: "t", Payload: "glued"}, &codec.Pingreq{})
		for _, size := range []int{200, 20_000, 70_000} {
			a.up(&codec.Publish{Topic: "t", Payload: strings.Repeat("x", size)})
		}
	}},

	{name: "retained", take: func(s *stage) {
		a, b := s.connect("alice", clean), s.connect("bob", clean)
		retained := &codec.Publish{Retain: true, Topic: "r", Payload: "kept"}
		other := &codec.Publish{Retain: true, Topic: "r/2", Payload: "kept"}
		a.up(retained, other, retained)
		a.up(&codec.Publish{Topic: "n", Payload: "not kept"})
		b.subscribes("r", codec.QoS0).down(retained).down(other).down(retained)
		s.waits(time.Second)
		b.subscribes("r", codec.QoS0).down(retained)
		b.down(&codec.Publish{Topic: "r", Payload: "kept"})
		a.up(&codec.Publish{Retain: true, Topic: "r"})
		b.subscribes("r", codec.QoS0)
		a.disconnects()
	}},

	{name: "wills", take: func(s *stage) {
		b := s.connect("bob", clean)
		b.subscribes("w", codec.QoS0)
		will := codec.Connect{CleanStart: true, Will: &codec.Will{Topic: "w", Payload: "gone", QoS: codec.QoS1}}
		s.connect("alice", will).breaks()
		b.down(&codec.Publish{Topic: "w", Payload: "gone"})
		s.waits(3 * time.Second)
		will.Will = &codec.Will{Topic: "w", Payload: "also gone", Retain: true}
		s.connect("alice", will).breaks()
		s.connect("alice", clean).breaks()
		first := s.connect("alice", will)
		s.open("alice").up(s.connecting("alice", will))
		first.hangsUp()
		s.connect("carol", will).disconnects()
		s.connect("carol", will).up(codec.Wrong(&codec.Pingreq{}, codec.Flags(1))).hangsUp()
		if s.version == codec.V311 {
			return
		}
		will.Will = &codec.Will{Topic: "w", Payload: "gone", Properties: codec.Properties{
			codec.WillDelayInterval(2), codec.MessageExpiryInterval(60), codec.UserProperty("a", "b"), codec.UserProperty("c", "d")}}
		will.Properties = codec.Properties{codec.SessionExpiryInterval(5)}
		s.connect("dave", will).breaks()
		s.waits(time.Second)
		s.connect("dave", will)
		s.waits(3 * time.Second)
		b.down(&codec.Publish{Topic: "w", Payload: "gone", Properties: codec.Properties{codec.MessageExpiryInterval(60)}})
		s.waits(3 * time.Second)
		d := s.connect("dave", will)
		d.up(&codec.Disconnect{Code: codec.DisconnectWithWill, Properties: codec.Properties{codec.SessionExpiryInterval(0)}}).leaves().hangsUp()
	}},

	{name: "disconnects", take: func(s *stage) {
		a := s.connect("alice", codec.Connect{CleanStart: true, Will: &codec.Will{Topic: "w"}})
		if s.version == codec.V311 {
			a.up(codec.Wrong(&codec.Disconnect{}, codec.Flags(1))).hangsUp()
			return
		}
		a.up(&codec.Disconnect{Code: codec.DisconnectWithWill}).leaves().hangsUp()
		for _, p := range []codec.Packet{
			&codec.Disconnect{Code: codec.UnspecifiedError, Properties: codec.Properties{codec.UserProperty("a", "b"), codec.UserProperty("a", "c")}},
			codec.Wrong(&codec.Disconnect{}, codec.Flags(1)),
			codec.Wrong(&codec.Disconnect{Code: codec.DisconnectWithWill}, codec.Drop("Property Length")),
		} {
			s.connect("alice", clean).up(p).leaves().hangsUp()
		}
		a = s.connect("alice", clean)
		b := s.connect("bob", clean)
		a.up(codec.Wrong(&codec.Pingreq{}, codec.Flags(1))).down(&codec.Disconnect{Code: codec.MalformedPacket}).hangsUp()
		b.down(&codec.Disconnect{Code: codec.SessionTakenOver, Properties: codec.Properties{codec.ReasonString("taken over")}}).hangsUp()
	}},

	{name: "message properties", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		a, b := s.connect("alice", clean), s.connect("bob", clean)
		message := &codec.Publish{Topic: "t", Payload: "p", Properties: codec.Properties{
			codec.PayloadFormatIndicator(0), codec.MessageExpiryInterval(60), codec.ContentType("Text"), codec.ResponseTopic("A//b"),
			codec.CorrelationData("data"), codec.UserProperty("b", "\uFEFF1"), codec.UserProperty("a", "2"), codec.UserProperty("a", "")}}
		a.up(message)
		waited := *message
		waited.Properties = withProperties(&codec.Publish{Properties: message.Properties}, codec.Properties{codec.MessageExpiryInterval(50)}).(*codec.Publish).Properties
		b.down(&waited)
		b.down(&codec.Publish{Topic: "t", Payload: "p", Properties: codec.Properties{codec.ContentType("")}})
		b.down(&codec.Publish{QoS: codec.QoS2, PacketID: 1, Topic: "t", Payload: "q"}).up(codec.Wrong(&codec.Pubrec{PacketID: 1, Code: codec.QuotaExceeded}, codec.Drop("Property Length")))
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 2, Topic: "t", Payload: "r"}).up(&codec.Puback{PacketID: 2, Code: codec.QuotaExceeded})
		for _, p := range []codec.Packet{&codec.Puback{PacketID: 3}, &codec.Pubrec{PacketID: 3}, &codec.Pubrel{PacketID: 3}, &codec.Pubcomp{PacketID: 3}} {
			b.up(p)
			withProperties(p, codec.Properties{codec.UserProperty("a", "b"), codec.UserProperty("a", "c")})
			b.up(p)
		}
		b.down(&codec.Pubcomp{PacketID: 9, Code: codec.PacketIdentifierNotFound})
	}},

	{name: "aliases", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		a := s.connect("alice", codec.Connect{CleanStart: true, Properties: codec.Properties{codec.TopicAliasMaximum(2)}})
		other := s.connect("carol", codec.Connect{CleanStart: true})
		alias := func(topic string, qos codec.QoS, n uint16) *codec.Publish {
			p := &codec.Publish{Topic: topic, QoS: qos, Properties: codec.Properties{codec.TopicAlias(n)}}
			if qos > 0 {
				p.PacketID = s.id()
			}
			return p
		}
		a.up(alias("one", 0, 1), alias("", 0, 1), alias("two", 0, 1), alias("", 1, 1), alias("", 2, 1), alias("three", 0, 2))
		other.up(alias("other", 0, 1))
		a.up(alias("", 0, 1))
		for _, topic := range []string{"d1", "d2", "d3", "d1", "d3"} {
			a.down(&codec.Publish{QoS: codec.QoS1, PacketID: s.id(), Topic: topic})
		}
		a.up(alias("", 0, 1))
		a.breaks()
		a = s.open("alice").up(s.connecting("alice", codec.Connect{Properties: codec.Properties{codec.TopicAliasMaximum(2)}})).down(&codec.Connack{SessionPresent: true})
		a.down(&codec.Publish{Topic: "d1"})
		a.down(&codec.Publish{QoS: codec.QoS1, Dup: true, PacketID: 0x0100 + s.nextID, Topic: "d3"})
	}},

	{name: "packet sizes", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		limit := codec.Connect{CleanStart: true, Properties: codec.Properties{codec.MaximumPacketSize(30)}}
		a := s.open("alice")
		a.up(s.connecting("alice", limit)).down(&codec.Connack{Properties: codec.Properties{codec.MaximumPacketSize(40)}})
		for _, size := range []int{29, 30, 31, 32, 40, 41, 20} { // of the whole packet
			p := &codec.Publish{Topic: "t", Payload: strings.Repeat("x", size-6)}
			a.down(p).up(p)
		}
		a.down(&codec.Publish{QoS: codec.QoS1, PacketID: 1, Topic: "t", Payload: strings.Repeat("x", 40)})
		a.down(&codec.Publish{QoS: codec.QoS2, PacketID: 2, Topic: "t", Payload: strings.Repeat("x", 40)})
	}},

	{name: "receive maximum", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		most := codec.Connect{Properties: codec.Properties{codec.ReceiveMaximum(2), codec.SessionExpiryInterval(60)}}
		b := s.open("bob").up(s.connecting("bob", most)).down(&codec.Connack{Properties: codec.Properties{codec.ReceiveMaximum(2)}})
		other := s.connect("carol", clean)
		for n := range uint16(3) {
			b.down(&codec.Publish{QoS: codec.QoS2 - codec.QoS(n%2), PacketID: n + 1, Topic: "t"})
			other.down(&codec.Publish{Topic: "t"}).down(&codec.Puback{PacketID: n + 1})
			b.up(&codec.Pingreq{})
		}
		b.up(&codec.Pubrec{PacketID: 1}).up(&codec.Puback{PacketID: 2, Code: codec.QuotaExceeded}).up(&codec.Pubcomp{PacketID: 1})
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 4, Topic: "t"}, &codec.Publish{QoS: codec.QoS1, PacketID: 5, Topic: "t"})
		for n := range uint16(3) {
			b.up(&codec.Publish{QoS: codec.QoS2, PacketID: n + 1, Topic: "t"}).down(&codec.Pubrec{PacketID: n + 1})
		}
		b.up(&codec.Pubrel{PacketID: 1}, &codec.Publish{QoS: codec.QoS2, PacketID: 4, Topic: "t"})
		b.breaks()
		most.Properties[0] = codec.ReceiveMaximum(1)
		b = s.open("bob").up(s.connecting("bob", most)).down(&codec.Connack{SessionPresent: true})
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 9, Topic: "t"})
	}},

	{name: "shared", take: func(s *stage) {
		group := "$share/group/t"
		members := []*ends{s.connect("alice", codec.Connect{}), s.connect("bob", codec.Connect{}), s.connect("carol", codec.Connect{})}
		a, b, c := members[0], members[1], members[2]
		c.up(&codec.Publish{Topic: "t", Payload: "before"})
		if s.version == codec.V5 {
			for n, m := range members[:2] {
				m.up(&codec.Subscribe{PacketID: s.id(), Properties: codec.Properties{codec.SubscriptionIdentifier(uint32(n + 1))},
					Subscriptions: []codec.Subscription{{Filter: group, QoS: codec.QoS1}}}).granted(codec.GrantedQoS1)
			}
			a.down(&codec.Publish{Topic: "t", Properties: codec.Properties{codec.SubscriptionIdentifier(1)}})
			b.down(&codec.Publish{Topic: "t", Properties: codec.Properties{codec.SubscriptionIdentifier(2)}})
		} else {
			a.subscribes(group, codec.QoS1)
			b.subscribes(group, codec.QoS1)
		}
		c.subscribes("$share/other/t", codec.QoS1)
		a.subscribes("t", codec.QoS0).subscribes(group, codec.QoS1)
		one := &codec.Publish{QoS: codec.QoS1, PacketID: 1, Topic: "t", Payload: "one"}
		a.down(one)
		c.down(one)
		if s.version == codec.V5 {
			a.up(&codec.Puback{PacketID: 1, Code: codec.QuotaExceeded})
		}
		two := &codec.Publish{QoS: codec.QoS1, PacketID: 2, Topic: "t", Payload: "two"}
		a.down(two)
		a.breaks()
		b.down(two)
		a = s.open("alice").up(s.connecting("alice", codec.Connect{})).down(&codec.Connack{SessionPresent: true})
		a.down(&codec.Publish{QoS: codec.QoS1, PacketID: 3, Topic: "t", Payload: "three"})
		a.unsubscribes(group)
		b.down(&codec.Publish{Topic: "t", Payload: "four"})
		b.down(&codec.Publish{QoS: codec.QoS1, PacketID: 4, Topic: "t", Payload: "five"}).breaks()
		s.connect("bob", clean)
		c.up(&codec.Puback{PacketID: 0xFFF0})
	}},

	{name: "websocket", take: func(s *stage) {
		connect := s.encoded(s.connecting("alice", clean))
		s.openWebSocket("alice").upFrames(binary(connect)).downFrames(binary(s.encoded(&codec.Connack{}))).
			upFrames(binary(s.encoded(&codec.Pingreq{}))).downFrames(binary(s.encoded(&codec.Pingresp{})))
	}},

	{name: "websocket frames", frames: true, take: func(s *stage) {
		connect, ping := s.encoded(s.connecting("alice", clean)), s.encoded(&codec.Pingreq{})
		half := len(connect) / 2
		pinged := websocket.Frame{Final: true, OpCode: ws.OpPing}
		s.openWebSocket("alice").upFrames(binary(connect), binary(append(ping, ping...)), pinged,
			websocket.Frame{Final: true, OpCode: ws.OpText, Payload: ping},
			websocket.Frame{OpCode: ws.OpBinary, Payload: connect[:half]}, pinged,
			websocket.Frame{Final: true, OpCode: ws.OpContinuation, Payload: connect[half:]},
			binary(connect[:half]), binary(connect[half:]),
			websocket.Frame{Final: true, OpCode: ws.OpClose, Payload: ws.NewCloseFrameBody(ws.StatusNormalClosure, "")})
	}},

	{name: "authentication", take: func(s *stage) {
		if s.version == codec.V311 {
			return
		}
		method := codec.AuthenticationMethod("SCRAM")
		step := func(code codec.ReasonCode) *codec.Auth {
			return &codec.Auth{Code: code, Properties: codec.Properties{method, codec.AuthenticationData("data")}}
		}
		connect := codec.Connect{CleanStart: true, Properties: codec.Properties{method, codec.AuthenticationData("first")}}
		connack := &codec.Connack{Properties: codec.Properties{method, codec.AuthenticationData("last")}}
		a := s.open("alice").up(s.connecting("alice", connect)).down(step(codec.ContinueAuthentication))
		a.up(&codec.Pingreq{}).up(step(codec.ContinueAuthentication)).down(connack)
		a.up(step(codec.ReAuthenticate)).up(&codec.Pingreq{}).down(step(codec.ContinueAuthentication)).up(step(codec.ContinueAuthentication)).down(step(codec.Success))
		a.up(step(codec.ReAuthenticate)).down(&codec.Disconnect{Code: codec.NotAuthorized}).hangsUp()
		s.open("alice").up(s.connecting("alice", connect)).down(&codec.Connack{Code: codec.NotAuthorized}).hangsUp()
		s.open("alice").up(s.connecting("alice", connect)).down(&codec.Connack{Code: codec.BadAuthenticationMethod}).hangsUp()
		s.connect("alice", connect).up(codec.Wrong(step(codec.ReAuthenticate), codec.Flags(1))).hangsUp()
		s.connect("bob", clean).up(step(codec.ReAuthenticate)).hangsUp()
	}},
}

// specialTours take long, and are for the faults that no other tour shows.
var specialTours = []tour{
	{name: "many", take: func(s *stage) {
		b := s.connect("bob", clean)
		for n := range uint16(102) {
			message := &codec.Publish{QoS: codec.QoS2, PacketID: n + 1, Topic: "t"}
			b.down(message)
			b.up(message)
		}
	}},

	{name: "long topics", take: func(s *stage) {
		a := s.connect("alice", clean)
		for _, topic := range []string{strings.Repeat("l/", 120), strings.Repeat("long", 65100/4)} {
			a.up(&codec.Publish{Topic: topic})
		}
	}},

	{name: "long packets", take: func(s *stage) {
		a := s.connect("alice", clean)
		a.up(&codec.Publish{Topic: "t", Payload: strings.Repeat("x", 2_100_000)})
	}},
}

// binary is a whole message in one WebSocket frame.
func binary(payload []byte) websocket.Frame {
	return websocket.Frame{Final: true, OpCode: ws.OpBinary, Payload: payload}
}

// encoded is a packet in bytes.
func (s *stage) encoded(p codec.Packet) []byte {
	raw, err := codec.Append(nil, s.version, p)
	if err != nil {
		panic(err) // a mistake in the tour
	}
	return raw
}

// clean is what a client without wishes says.
var clean = codec.Connect{CleanStart: true}

// subscribes has the client subscribe to one filter, and the broker grant it.
func (e *ends) subscribes(filter string, qos codec.QoS) *ends {
	e.up(&codec.Subscribe{PacketID: e.stage.id(), Subscriptions: []codec.Subscription{{Filter: filter, QoS: qos}}})
	return e.granted(codec.ReasonCode(qos))
}

// granted has the broker answer the last SUBSCRIBE.
func (e *ends) granted(codes ...codec.ReasonCode) *ends {
	return e.down(&codec.Suback{PacketID: 0x0100 + e.stage.nextID, Codes: codes})
}

// unsubscribes has the client unsubscribe, and the broker do it.
func (e *ends) unsubscribes(filters ...string) *ends {
	e.up(&codec.Unsubscribe{PacketID: e.stage.id(), Filters: filters})
	return e.down(&codec.Unsuback{PacketID: 0x0100 + e.stage.nextID, Codes: e.stage.reasons(make([]codec.ReasonCode, len(filters))...)})
}

// reasons are the Reason Codes of UNSUBACK, which 3.1.1 has not.
func (s *stage) reasons(codes ...codec.ReasonCode) []codec.ReasonCode {
	if s.version == codec.V311 {
		return nil
	}
	return codes
}

// disconnects has the client end the session, and both close.
func (e *ends) disconnects() *ends {
	return e.up(&codec.Disconnect{}).leaves().hangsUp()
}
