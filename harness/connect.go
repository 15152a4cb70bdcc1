package harness

import (
	"fmt"
	"net"
	"slices"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

// ConnectOption changes a CONNECT.
type ConnectOption func(*connecting)

// connecting is a CONNECT in the making.
type connecting struct {
	x             *Exchange
	packet        *codec.Connect
	name          string
	ownTopicsOnly bool
	stored        bool // the session is to outlive the connection
	dial          func(x *Exchange, name string) *Client
}

// sessionExpiry is how long, in seconds, a Persistent session of 5.0 is asked
// to last: longer than any run, short enough to vanish when clean-up fails.
const sessionExpiry = 600

// leastExpiry is how long a server has to keep a Persistent session if it
// declares another Session Expiry Interval than it was asked for: a check takes no more
// than seconds, but for one that is heard again and waits (see [Exchange.Connect]).
const leastExpiry = 10

// Clean asks for a new session that ends with the connection: Clean Session 1
// in 3.1.1; in 5.0 Clean Start 1 without a Session Expiry Interval.
func Clean(c *connecting) {
	c.packet.CleanStart = true
}

// Persistent asks for the stored session, or a new one that outlives the
// connection: Clean Session 0 in 3.1.1; in 5.0 Clean Start 0 and a Session
// Expiry Interval.
func Persistent(c *connecting) {
	c.packet.CleanStart, c.stored = false, true
	if c.x.Version == codec.V5 {
		c.packet.Properties = append(c.packet.Properties, codec.SessionExpiryInterval(sessionExpiry))
	}
}

// Resuming asks for the stored session, or a new one: Clean Session 0 in 3.1.1;
// in 5.0 Clean Start 0 without a Session Expiry Interval, so that what was
// stored ends with this connection.
func Resuming(c *connecting) { c.packet.CleanStart = false }

// CleanPersistent (5.0) asks for a new session that outlives the connection:
// Clean Start 1 and a Session Expiry Interval.
func CleanPersistent(c *connecting) {
	c.packet.CleanStart, c.stored = true, true
	c.packet.Properties = append(c.packet.Properties, codec.SessionExpiryInterval(sessionExpiry))
}

// As gives the client a name within the exchange. Connecting twice under one
// name is connecting twice with one Client Identifier.
func As(name string) ConnectOption {
	return func(c *connecting) {
		c.name = name
		c.packet.ClientID = c.x.ClientID(name)
	}
}

// Identified sets the Client Identifier itself.
func Identified(id string) ConnectOption {
	return func(c *connecting) { c.packet.ClientID = id }
}

// KeepAlive sets the Keep Alive in seconds. A client that has not chosen its own keeps
// the server's by itself.
func KeepAlive(seconds uint16) ConnectOption {
	return func(c *connecting) { c.packet.KeepAlive = seconds }
}

// WithWill gives the connection a Will Message.
func WithWill(will codec.Will) ConnectOption {
	return func(c *connecting) { c.packet.Will = &will }
}

// Login sets user name and password.
func Login(userName, password string) ConnectOption {
	return func(c *connecting) { c.packet.UserName, c.packet.Password = &userName, &password }
}

// AnyLogin makes sure that there are user name and password: the target's, or
// made-up ones where it gives none.
func AnyLogin(c *connecting) {
	if c.packet.UserName == nil || c.packet.Password == nil {
		Login("mqttspec", "secret")(c)
	}
}

// WrongLogin gives credentials that the broker should refuse: those the target
// knows of, or its user name with another password.
func WrongLogin(c *connecting) {
	wrong := Credential{c.x.target.UserName, "not " + c.x.target.Password}
	if access := c.x.target.Access; access != nil && len(access.Refused) > 0 {
		wrong = access.Refused[0]
	}
	Login(wrong.UserName, wrong.Password)(c)
}

// With adds properties (5.0).
func With(properties ...codec.Property) ConnectOption {
	return func(c *connecting) { c.packet.Properties = append(c.packet.Properties, properties...) }
}

// OwnTopicsOnly makes the client ignore messages on topics that are not this
// exchange's: for subscriptions that other users of the broker match too.
func OwnTopicsOnly(c *connecting) { c.ownTopicsOnly = true }

// NewConnect is a CONNECT as Connect would send it.
func (x *Exchange) NewConnect(options ...ConnectOption) *codec.Connect {
	return x.connecting(options).packet
}

func (x *Exchange) connecting(options []ConnectOption) *connecting {
	c := &connecting{x: x, dial: (*Exchange).Dial, packet: &codec.Connect{
		ProtocolName: "MQTT", ProtocolLevel: byte(x.Version), CleanStart: true, KeepAlive: unchosenKeepAlive,
	}}
	if user, password := x.target.Credentials(); user != nil {
		c.packet.UserName, c.packet.Password = user, password
	}
	for _, option := range options {
		option(c)
	}
	if c.packet.ClientID == "" && c.name == "" {
		x.mu.Lock()
		c.name = fmt.Sprintf("client%d", len(x.ids)+1)
		x.mu.Unlock()
		c.packet.ClientID = x.ClientID(c.name)
	}
	if c.name == "" {
		c.name = c.packet.ClientID
	}
	return c
}

// Connect opens a connection and wants it accepted. It is set-up: a broker
// that does not accept it blocks the check.
func (x *Exchange) Connect(options ...ConnectOption) *Client {
	connecting := x.connecting(options)
	c := connecting.dial(x, connecting.name)
	c.ID, c.ownTopicsOnly, c.stored = connecting.packet.ClientID, connecting.ownTopicsOnly, connecting.stored
	x.during(StepConnect, func() {
		c.Send(connecting.packet)
		connack := c.WantConnack()
		x.refusedWill(connecting, connack)
		c.wantAccepted(connack)
	})
	if n, ok := c.Connack.Properties.Number(codec.PropSessionExpiryInterval); ok && connecting.stored {
		if n < leastExpiry {
			x.Inapplicable("the server stores no session for as long as the check takes (CONNACK: Session Expiry Interval %d)", n)
		}
		c.storedFor = time.Duration(n) * time.Second
	}
	if left, kept := x.left(c); !left.IsZero() {
		x.Punctual(left, kept-time.Second)
	}
	return c
}

// left is when the client before this one with the same Client Identifier went, where
// its session was to end by itself some time after that.
func (x *Exchange) left(c *Client) (when time.Time, kept time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, before := range slices.Backward(x.clients) {
		if before == c || before.ID != c.ID {
			continue
		}
		before.mu.Lock()
		defer before.mu.Unlock()
		if before.storedFor == 0 {
			return time.Time{}, 0
		}
		return before.closedAt, before.storedFor
	}
	return time.Time{}, 0
}

// refusedWill ends the exchange where the broker has answered a CONNECT with a
// will by a refusal that may be about the will, and accepts the same CONNECT
// without one: whom it lets leave a will is its choice.
func (x *Exchange) refusedWill(connecting *connecting, connack *codec.Connack) {
	if connecting.packet.Will == nil || connack.Code != codec.RefusedNotAuthorized && !slices.Contains(refusals, connack.Code) {
		return
	}
	without := *connecting.packet
	without.Will = nil
	control := connecting.dial(x, connecting.name)
	control.Send(&without)
	if control.Accepted() {
		x.refused("wills", "CONNACK "+codec.Success.String(), connack)
	}
}

// refusals are the Reason Codes, of CONNACK with a will, PUBACK, PUBREC and SUBACK,
// by which a server refuses something that is without fault: what it takes from
// whom, and how much of it, is its own choice. 3.1.1 has one of them, in SUBACK.
var refusals = []codec.ReasonCode{
	codec.UnspecifiedError, codec.ImplementationSpecificError, codec.NotAuthorized, codec.TopicNameInvalid, codec.QuotaExceeded,
}

// Dial opens a Network Connection and sends nothing.
func (x *Exchange) Dial(name string) *Client { return x.dial(name, x.target.Dialer, false) }

// DialForeign is Dial for a CONNECT whose Protocol Name or Level is of no
// version of MQTT: the broker can't know in which format its CONNACK would be
// understood, so that it may have that of 3.1.1 or of 5.0.
func (x *Exchange) DialForeign(name string) *Client { return x.dial(name, x.target.Dialer, true) }

func (x *Exchange) dial(name string, dialer wire.Dialer, anyVersionConnack bool) *Client {
	ctx, cancel := x.target.limit(x.ctx)
	defer cancel()
	conn, err := dialer.Dial(ctx)
	if err != nil {
		panic(&Stop{Kind: Broken, Reason: fmt.Sprintf("no connection: %v", err), NoConnection: true})
	}
	return x.adopt(name, conn, anyVersionConnack)
}

// adopt makes a client of an open connection.
func (x *Exchange) adopt(name string, conn net.Conn, anyVersionConnack bool) *Client {
	x.mu.Lock()
	x.names[name]++
	if n := x.names[name]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	x.mu.Unlock()
	c := &Client{
		delivered: map[delivery]bool{}, repetitions: map[*codec.Publish]bool{},
		x: x, name: name, conn: conn, transport: conn, inbox: new(wire.Inbox), done: make(chan struct{}), filters: map[awaited]int{},
		anyVersionConnack: anyVersionConnack, audit: audit{version: x.Version, known: x.Profile.Connack},
	}
	c.watchFrames(conn)
	if capture := x.settings.Capture; capture != nil {
		c.conn = capture.Wrap(conn)
	}
	x.log.add(name, Note, NoteConnected, nil, "")
	x.mu.Lock()
	x.clients = append(x.clients, c)
	x.mu.Unlock()
	go c.read()
	return c
}
