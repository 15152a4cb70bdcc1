package suites

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/times"

	. "github.com/onsi/gomega"
)

// What three or more files of checks say.

// The words that nearly every check uses, without their package.
const (
	QoS0 = codec.QoS0
	QoS1 = codec.QoS1
	QoS2 = codec.QoS2

	V311 = codec.V311
	V5   = codec.V5
)

// seconds is time that a check's own rule is about, which the specification
// counts in seconds: a Keep Alive, a delay, an expiry. Every other time is in
// package times.
func seconds[N uint16 | uint32 | int](n N) time.Duration { return time.Duration(n) * time.Second }

// Names of cases.

// named is a row of a table: something with the name of its case.
type named[T any] struct {
	name  string
	value T
}

// label names a case in [harness.Each].
func (n named[T]) label() string { return n.name }

// qosName names a case by its QoS.
func qosName(qos codec.QoS) string { return fmt.Sprintf("QoS %d", qos) }

// hexName names a case by a byte.
func hexName(b byte) string { return fmt.Sprintf("0x%02X", b) }

// textName names a case by a text that is short enough: a topic, a filter.
func textName(text string) string { return text }

// packetName names a case by the packet it is about.
func packetName(p codec.Packet) string { return p.Type().String() }

// packetIDName names a case by a Packet Identifier.
func packetIDName(id uint16) string { return fmt.Sprintf("Packet Identifier 0x%04X", id) }

// propertyName names a case by its property.
func propertyName(p codec.Property) string { return p.ID.String() }

// flagsName names a case by the flags of a fixed header.
func flagsName(flags byte) string { return fmt.Sprintf("flags %04b", flags) }

// Clients and their sessions.

// sessionKinds are a session that ends with its connection and one that outlives it.
func sessionKinds() []named[ConnectOption] {
	return []named[ConnectOption]{{"clean session", Clean}, {"stored session", Persistent}}
}

// A connectionEnd is a way in which a client's connection ends.
type connectionEnd = named[func(*Client)]

// connectionEnds are the ways in which a client goes that nobody displaces.
var connectionEnds = []connectionEnd{
	{"lost connection", (*Client).Drop},
	{"DISCONNECT", func(c *Client) { c.Disconnect() }},
}

// never is the Session Expiry Interval (5.0) of a session that does not expire.
const never = 0xFFFFFFFF

// expiring sets the Session Expiry Interval (5.0).
func expiring(seconds uint32) ConnectOption { return With(codec.SessionExpiryInterval(seconds)) }

// usedExpiry is the Session Expiry Interval that the server uses: the one that
// it declares in CONNACK, or else the one it was asked for.
func usedExpiry(c *Client, asked uint32) uint32 {
	if n, ok := c.Connack.Properties.Number(codec.PropSessionExpiryInterval); ok {
		return n
	}
	return asked
}

// needExpiry makes a check inapplicable where the server declares that a
// session does not last as long as the check needs it, or lasts too long.
func needExpiry(x *Exchange, c *Client, asked, least, most uint32) {
	if n := usedExpiry(c, asked); n < least || n > most {
		x.Inapplicable("CONNACK: Session Expiry Interval %d instead of %d", n, asked)
	}
}

// wantNotSubscribed wants a client to have no subscription to a topic. A
// message that another subscriber received must not be one that it receives
// too; the fence is a subscription made after that.
func wantNotSubscribed(x *Exchange, c *Client, topic string) {
	qos := x.UpTo(QoS1)
	publisher := x.Connect(Clean, As("publisher"))
	publisher.PublishObserved(qos, topic, "before it subscribed")

	c.Subscribe(qos, topic)
	c.WantNothingBefore(publisher.Marker(qos, topic))
}

// Messages.

// publishing is the step of a message to the broker. At QoS 0, which is not
// acknowledged, a PINGREQ shows that the broker is done with it.
func publishing(qos codec.QoS) Step {
	return []Step{StepPing, StepPublishQoS1, StepPublishQoS2}[qos]
}

// levels are those of the given QoS levels that the broker takes part in.
func levels(x *Exchange, all ...codec.QoS) []codec.QoS {
	var here []codec.QoS
	for _, qos := range all {
		if qos <= x.Profile.MaximumQoS() {
			here = append(here, qos)
		}
	}
	return here
}

// numbered are the payloads "1" to n.
func numbered(n int) []string {
	payloads := make([]string, n)
	for i := range payloads {
		payloads[i] = fmt.Sprint(i + 1)
	}
	return payloads
}

// overhear connects a client that receives what is published to a topic.
func overhear(x *Exchange, qos codec.QoS, topics ...string) *Client {
	watcher := x.Connect(Clean, As("watcher"))
	watcher.Subscribe(qos, topics...)
	return watcher
}

// takeAt takes a message that is due at this QoS: whether it comes at the one that
// was granted is for subscribe-qos-minimum. It does not acknowledge it.
func takeAt(x *Exchange, c *Client, qos codec.QoS, topic, payload string) *codec.Publish {
	message := c.TakePublish(topic, payload)
	x.StandsOn(StepGrantedQoS, func() {
		if message.QoS != qos {
			x.Failf(fmt.Sprintf("the message at QoS %d", qos), "%s", message)
		}
	})
	return message
}

// wantAboveQoS0 wants a message that was published and subscribed to above QoS 0 to
// have come so, which is for subscribe-qos-minimum.
func wantAboveQoS0(x *Exchange, message *codec.Publish) {
	x.StandsOn(StepGrantedQoS, func() {
		if message.QoS == QoS0 {
			x.Failf("the message above QoS 0", "%s", message)
		}
	})
}

// inKeptSession performs what a client that is back in its session, with its
// subscription to this topic, is owed. Where that does not come, a message of now
// tells whether there is such a session: that one is kept is for
// session-subscription-kept. It is at QoS 0, which no unacknowledged message holds up.
func inKeptSession(x *Exchange, c *Client, topic string, part func()) {
	x.Controlled(part, func() {
		if c.Closed() {
			return
		}
		x.Connect(Clean, As("control")).Publish(QoS0, topic, "control")
		x.StandsOn(stepSubscriptionKept, func() { c.TakePublish(topic, "control") })
	})
}

// standsOnDelivery makes sure, with clients of its own, that the server delivers
// messages at all.
func standsOnDelivery(x *Exchange, qos codec.QoS) {
	topic := x.Topic("delivery")
	c := x.Connect(Clean, As("hearer"))
	c.Subscribe(qos, topic)
	x.Connect(Clean, As("speaker")).Publish(qos, topic, "control")
	c.TakeDelivery(topic, "control")
}

// standsOnSessions makes sure, with a client of its own, that the server keeps the
// subscriptions of a session at all.
func standsOnSessions(x *Exchange) {
	topic := x.Topic("kept")
	c := x.Connect(Persistent, As("keeper"))
	c.Subscribe(x.UpTo(QoS1), topic)
	c.Disconnect()
	c = x.Connect(Persistent, As("keeper"))
	x.Connect(Clean, As("speaker")).Publish(QoS0, topic, "control")
	x.StandsOn(stepSubscriptionKept, func() { c.TakePublish(topic, "control") })
}

// wantOnce wants a message no more than once ahead of a marker. That both come is
// for message-delivered, and that the marker does not overtake it for order-kept.
func wantOnce(x *Exchange, c *Client, message, marker Message) {
	var before []*codec.Publish
	x.StandsOn(StepDeliver, func() {
		c.WantMessage()
		before = c.WantUntil(marker)
	})
	copies := 0
	for _, p := range before {
		if p.Topic == message.Topic && p.Payload == message.Payload {
			copies++
		}
	}
	if copies == 0 {
		c.TakeDelivery(message.Topic, message.Payload)
		copies = 1
	}
	x.Expect(copies).To(Equal(1), "copies of %q", message.Payload)
}

// needOutside makes a check inapplicable on a broker that lets its clients use
// no topics but those below the prefix: it may grant a subscription and
// acknowledge a message (MQTT-3.3.5-2 of 3.1.1), and deliver nothing.
func needOutside(x *Exchange) {
	_, topic, _ := strings.Cut(x.Root(), "/")
	c := x.Connect(Clean, As("outside"))
	c.TrySubscribe(x.UpTo(QoS1), topic)
	c.TryPublish(topic, "outside the prefix")
	if instead := x.FailureOf(func() { c.Ack(c.WantAnyCopy(topic, "outside the prefix")) }); instead != "" {
		x.Inapplicable("the broker does not let this client publish to %s: %s", topic, instead)
	}
}

// identifiers are the Subscription Identifiers of a message, in rising order:
// the one that they come in says nothing (section 3.3.4 of 5.0).
func identifiers(p *codec.Publish) []uint32 {
	ids := []uint32{}
	for _, property := range p.Properties.All(codec.PropSubscriptionIdentifier) {
		ids = append(ids, property.Number)
	}
	slices.Sort(ids)
	return ids
}

// resending is the step of a server that sends an unacknowledged message again
// when the client comes back.
func resending(qos codec.QoS) Step {
	if qos == QoS2 {
		return stepResentQoS2
	}
	return stepResentQoS1
}

// standsOnQueue makes sure, with a client of its own, that a message waits in the
// session of a client which is away.
func standsOnQueue(x *Exchange, qos codec.QoS) {
	topic := x.Topic("waiting")
	c := x.Connect(Persistent, As("waited"))
	c.Subscribe(qos, topic)
	c.Disconnect()
	x.Connect(Clean, As("waiting")).Publish(qos, topic, "waits, too")
	c = x.Connect(Persistent, As("waited"))
	x.StandsOn(stepQueued, c.WantMessage)
}

// standsOnResending makes sure, with a client of its own, that the server sends
// again at all what a client has not acknowledged.
func standsOnResending(x *Exchange, qos codec.QoS) {
	topic := x.Topic("resent")
	c := x.Connect(Persistent, As("resent"))
	c.Subscribe(qos, topic)
	x.Connect(Clean, As("resender")).Publish(qos, topic, "under way, too")
	takeAt(x, c, qos, topic, "under way, too")
	c.Drop()
	c = x.Connect(Persistent, As("resent"))
	x.StandsOn(resending(qos), c.WantMessage)
}

// Retained messages.

// retainedState has alice leave the retained message "on". It is at QoS 1 where
// that is possible: one at QoS 0 may be dropped at any time.
func retainedState(x *Exchange) (alice *Client, topic string, qos codec.QoS) {
	topic, qos = x.Topic("state"), x.UpTo(QoS1)
	alice = x.Connect(Clean, As("alice"))
	alice.Retain(qos, topic, "on")
	return alice, topic, qos
}

// takeRetained takes the retained message that a subscription has brought. That it
// does is for retain-new-subscription.
func takeRetained(x *Exchange, c *Client, topic, payload string) (message *codec.Publish) {
	x.StandsOn(stepRetainedOnSubscribe, func() { message = c.TakePublish(topic, payload) })
	c.Ack(message)
	return message
}

// standsOnRetained makes sure that a client which subscribes to this topic itself
// gets this retained message, which it has published if it is not there.
func standsOnRetained(x *Exchange, qos codec.QoS, topic, payload string) {
	x.Connect(Clean, As("retainer")).Retain(qos, topic, payload)
	c := x.Connect(Clean, As("newcomer"))
	c.Subscribe(qos, topic)
	takeRetained(x, c, topic, payload)
}

// standsOnGrantedQoS makes sure, with clients of its own, that a message which is
// published at one QoS comes at the lower of that and the one granted.
func standsOnGrantedQoS(x *Exchange, published, requested codec.QoS) {
	topic := x.Topic("granted")
	c := x.Connect(Clean, As("granted"))
	granted := c.SubscribeUpTo(c.NewSubscribe(requested, topic))[0]
	x.Connect(Clean, As("granting")).Publish(published, topic, "as granted")
	takeAt(x, c, min(published, granted), topic, "as granted")
}

// wantNothingRetained wants that a client which has subscribed to a topic gets
// no retained message for it, or no other than it has got. The PINGRESP and the
// marker may both overtake what took long to look up; a retained message of
// another topic, which is looked up later, should not.
func wantNothingRetained(x *Exchange, c *Client, topic string) {
	qos, known := x.UpTo(QoS1), x.Topic("known")
	carol := x.Connect(Clean, As("carol"))
	if qos > QoS0 {
		carol.Retain(qos, known, "retained")
		c.Subscribe(qos, known)
		x.StandsOn(stepRetainedOnSubscribe, func() { c.Ack(c.WantCopy(qos, known, "retained")) })
	}
	c.FinishSubscribing()
	c.WantNothingBefore(carol.Marker(qos, topic))
}

// Wills.

// willOn is a will at the given topic, at a QoS that limited brokers have too.
func willOn(x *Exchange, topic, payload string, properties ...codec.Property) ConnectOption {
	return WithWill(codec.Will{QoS: x.UpTo(QoS1), Topic: topic, Payload: payload, Properties: properties})
}

// standsOnWills makes sure, with a client of its own, that the server lets clients
// leave wills at all: whom it lets do so is its choice.
func standsOnWills(x *Exchange) {
	x.Connect(Clean, As("heir"), willOn(x, x.Topic("plain"), "plain")).Disconnect()
}

// awaitingWill is overhear for a will, with patience: that a will comes at all is
// a MUST, that it comes promptly only a SHOULD (section 3.1.2.5).
func awaitingWill(x *Exchange, qos codec.QoS, topic string) *Client {
	watcher := overhear(x, qos, topic)
	watcher.Patience(times.Late)
	return watcher
}

// CONNECT packets that a server refuses.

// Bits of the Connect Flags (section 3.1.2.3).
const (
	reservedFlag   = 0x01
	cleanStartFlag = 0x02
	willFlag       = 0x04
	willQoSBits    = 3 // is how far the two bits of the Will QoS are shifted
	willRetain     = 0x20
	passwordFlag   = 0x40
	userNameFlag   = 0x80
)

// connectFlagged is a valid CONNECT but for its Connect Flags: the bits that speak
// of a will, and the reserved one, are replaced by these.
func connectFlagged(x *Exchange, bits byte, options ...ConnectOption) codec.Packet {
	connect := x.NewConnect(append([]ConnectOption{Clean, As("alice")}, options...)...)
	flags := bits | cleanStartFlag
	if connect.UserName != nil {
		flags |= userNameFlag
	}
	if connect.Password != nil {
		flags |= passwordFlag
	}
	return codec.Wrong(connect, codec.Set("Connect Flags", flags))
}

// unknownMethod is an Authentication Method (5.0) that no broker knows.
const unknownMethod = "MQTTSPEC-NO-SUCH-METHOD"

// wantUnacceptable wants a CONNECT to end in a closed connection: it is
// malformed (MQTT-3.1.4-1). That 3.1.1 does not allow a CONNACK before that is
// for connect-malformed-unanswered.
func wantUnacceptable(x *Exchange, connect codec.Packet) {
	alice := x.Dial("alice")
	alice.Send(connect)
	alice.WantRejected(codec.QoSNotSupported, codec.TopicNameInvalid)
}

// wantFormatRejected wants a CONNECT to be refused that does not have the format
// of one. A broker that demands a login may refuse it for want of that, and shows
// nothing. But it has to look at the format first, and upon that not even to
// answer in 3.1.1: "the Server MUST close the Network Connection without sending
// a CONNACK" (MQTT-3.1.4-1).
func wantFormatRejected(x *Exchange, c *Client, reasons ...codec.ReasonCode) {
	connack := c.WantRejected(reasons...)
	if connack == nil {
		return
	}
	switch connack.Code {
	case codec.BadUserNameOrPassword, codec.NotAuthorized:
		x.Inapplicable("the broker refuses the client for its user name or password, whatever the format of CONNECT: %s", connack)
	case codec.RefusedCredentials, codec.RefusedNotAuthorized:
		x.Failf("the connection closed without a CONNACK", "%s", connack)
	}
}

// Values that show a mistake, and that are one.

// packetIDs are Packet Identifiers that show a mistake in reading or writing two
// bytes.
var packetIDs = []uint16{1, 0x00FF, 0x0100, 0xABCD, 0xFFFF}

// unusedPacketID is a Packet Identifier that no message has.
const unusedPacketID = 4711

// wrongFlags are all flags but those that PUBREL, SUBSCRIBE and UNSUBSCRIBE carry.
var wrongFlags = []byte{0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// publishQoS3 are the flags of a PUBLISH with both QoS bits set.
const publishQoS3 = 3 << 1

// undefinedProperty is an identifier of no property of 5.0, and undefinedProperties
// are some: beside and between those that there are.
const undefinedProperty = 0x7F

var undefinedProperties = []byte{0x00, 0x04, 0x10, 0x2B, undefinedProperty}

// Packets at the moment when they are due.

// A sendStep is the moment at which a client is to send a packet of one type, so
// that nothing about it is out of place but what a check does to it.
type sendStep struct {
	packet  codec.Type
	qos     codec.QoS // that it needs
	prepare func(x *Exchange) (*Client, codec.Packet)
}

// sendSteps are those of the packets that a client sends.
var sendSteps = []sendStep{
	{codec.CONNECT, QoS0, func(x *Exchange) (*Client, codec.Packet) {
		return x.Dial("alice"), x.NewConnect(Clean, As("alice"))
	}},
	{codec.PUBLISH, QoS0, func(x *Exchange) (*Client, codec.Packet) {
		alice := x.Connect(Clean, As("alice"))
		return alice, alice.NewPublish(x.UpTo(QoS1), x.Topic("news"), "")
	}},
	{codec.PUBACK, QoS1, func(x *Exchange) (*Client, codec.Packet) {
		alice, message := unacknowledged(x, QoS1)
		return alice, &codec.Puback{PacketID: message.PacketID}
	}},
	{codec.PUBREC, QoS2, func(x *Exchange) (*Client, codec.Packet) {
		alice, message := unacknowledged(x, QoS2)
		return alice, &codec.Pubrec{PacketID: message.PacketID}
	}},
	{codec.PUBREL, QoS2, func(x *Exchange) (*Client, codec.Packet) {
		alice := x.Connect(Clean, As("alice"))
		message := alice.NewPublish(QoS2, x.Topic("news"), "hello")
		alice.Send(message)
		alice.TakePubrec(message.PacketID)
		return alice, &codec.Pubrel{PacketID: message.PacketID}
	}},
	{codec.PUBCOMP, QoS2, func(x *Exchange) (*Client, codec.Packet) {
		alice, message := unacknowledged(x, QoS2)
		alice.Send(&codec.Pubrec{PacketID: message.PacketID})
		alice.TakePubrel(message.PacketID)
		return alice, &codec.Pubcomp{PacketID: message.PacketID}
	}},
	{codec.SUBSCRIBE, QoS0, func(x *Exchange) (*Client, codec.Packet) {
		alice := x.Connect(Clean, As("alice"))
		return alice, alice.NewSubscribe(QoS0, x.Topic("news"))
	}},
	{codec.UNSUBSCRIBE, QoS0, func(x *Exchange) (*Client, codec.Packet) {
		alice := x.Connect(Clean, As("alice"))
		return alice, alice.NewUnsubscribe(x.Topic("news"))
	}},
	{codec.PINGREQ, QoS0, func(x *Exchange) (*Client, codec.Packet) {
		return x.Connect(Clean, As("alice")), &codec.Pingreq{}
	}},
	{codec.DISCONNECT, QoS0, func(x *Exchange) (*Client, codec.Packet) {
		return x.Connect(Clean, As("alice")), &codec.Disconnect{}
	}},
}

// unacknowledged is a client that has been sent a message which it has not
// acknowledged.
func unacknowledged(x *Exchange, qos codec.QoS) (*Client, *codec.Publish) {
	topic := x.Topic("news")
	alice := x.Connect(Clean, As("alice"))
	alice.Subscribe(qos, topic)
	x.Connect(Clean, As("bob")).Publish(qos, topic, "hello")
	return alice, alice.TakePublish(topic, "hello")
}

// sendStepsOf are the steps of these packets, as far as the broker's QoS allows.
func sendStepsOf(x *Exchange, types ...codec.Type) []sendStep {
	var some []sendStep
	for _, s := range sendSteps {
		if slices.Contains(types, s.packet) && s.qos <= x.Profile.MaximumQoS() {
			some = append(some, s)
		}
	}
	return some
}

// sendStepName names a case by the packet that is due.
func sendStepName(s sendStep) string { return s.packet.String() }

// What makes the broker send packets of every type.

// someConnacks makes the broker accept one connection and refuse another.
func someConnacks(x *Exchange) {
	x.Connect(Clean, As("alice"))

	// Not by an unknown protocol level: nobody can say in which version's
	// format that is to be answered.
	var refused codec.Packet = codec.Wrong(x.NewConnect(Persistent, As("bob")), codec.SetString("Client Identifier", ""))
	if x.Version == V5 {
		refused = connectFlagged(x, reservedFlag, As("bob"))
	}
	bob := x.Dial("bob")
	bob.Send(refused)
	bob.AwaitEnd()
}

// someMessages makes the broker send PUBLISH at every QoS, and all that
// belongs to their delivery in both directions.
func someMessages(x *Exchange, options ...PublishOption) {
	topic := x.Topic("tour")
	alice := x.Connect(Clean, As("listener"))
	alice.Subscribe(x.UpTo(QoS2), topic)
	bob := x.Connect(Clean, As("speaker"))

	for qos := QoS0; qos <= x.UpTo(QoS2); qos++ {
		bob.Publish(qos, topic, "hello", options...)
		alice.TakeDelivery(topic, "hello")
	}

	bob.Publish(x.UpTo(QoS1), x.Topic("nobody/listens"), "hello")
}

// someSubscriptions makes the broker send SUBACK, UNSUBACK and PINGRESP.
func someSubscriptions(x *Exchange) {
	alice := x.Connect(Clean, As("subscriber"))
	alice.Subscribe(x.UpTo(QoS2), x.Topic("one"), x.Topic("two"))
	alice.Unsubscribe(x.Topic("one"), x.Topic("three"))
	alice.Fence()
}

// someDisconnects makes the broker end connections by itself: a session that
// is taken over, and a protocol error. It should send DISCONNECT in 5.0.
func someDisconnects(x *Exchange) {
	alice := x.Connect(Clean, As("displaced"))
	x.Dial("displaced").Send(x.NewConnect(Clean, As("displaced"))) // whether it is accepted does not matter here
	alice.AwaitEnd()

	bob := x.Connect(Clean, As("violator"))
	bob.Send(codec.Wrong(&codec.Publish{Topic: x.Topic("tour"), QoS: QoS1, PacketID: 1}, codec.Flags(publishQoS3)))
	bob.AwaitEnd()
}
