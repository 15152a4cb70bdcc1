package harness

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"mqttspec/codec"
)

// refuses answers CONNECT with this code and closes.
func refuses(code codec.ReasonCode) script {
	return script{wants(codec.CONNECT), sends(&codec.Connack{Code: code}), closes}
}

// ignores answers CONNECT with nothing.
func ignores(s *session) { wants(codec.CONNECT)(s) }

// TestAnswersToConnect: the verbs for what a broker makes of a CONNECT.
func TestAnswersToConnect(t *testing.T) {
	identifier := codec.RefusedIdentifier
	const refuseAndClose = "the broker to refuse the connection and close it"
	for _, r := range []struct {
		name    string
		version codec.Version
		script  script
		body    func(c *Client)
		want    stop
	}{
		{"accepted: yes", 0, script{accepts}, func(c *Client) { c.x.Expect(c.WantAccepted()).To(BeIdenticalTo(c.Connack)) }, stop{}},
		{
			"accepted: no", 0, refuses(identifier), func(c *Client) { c.WantAccepted() },
			stop{Contradicted, "CONNACK 0x00 Success", "Refused, identifier rejected", ""},
		},
		{
			"accepted: no answer", 0, script{ignores}, func(c *Client) { c.WantAccepted() },
			stop{Contradicted, "CONNACK", "nothing within 5s", ""},
		},
		{
			"accepted: another packet", 0, script{ignores, sends(&codec.Pingresp{})}, func(c *Client) { c.WantAccepted() },
			stop{Contradicted, "CONNACK", "PINGRESP", ""},
		},

		{"refused: yes", 0, refuses(identifier), func(c *Client) { c.WantRefused(identifier, codec.ClientIdentifierNotValid) }, stop{}},
		{"refused: yes, in 5.0", codec.V5, refuses(codec.ClientIdentifierNotValid), func(c *Client) { c.WantRefused(identifier, codec.ClientIdentifierNotValid) }, stop{}},
		{
			"refused: another code", 0, refuses(codec.RefusedCredentials), func(c *Client) { c.WantRefused(identifier, codec.ClientIdentifierNotValid) },
			stop{Contradicted, "CONNACK return code 0x02", "0x04", ""},
		},
		{
			"refused: the connection stays", 0, script{ignores, sends(&codec.Connack{Code: identifier})}, func(c *Client) { c.WantRefused(identifier) },
			stop{Contradicted, "the broker to close the connection after CONNACK", "still open after 5s", ""},
		},

		{"rejected: by CONNACK", codec.V5, refuses(codec.MalformedPacket), func(c *Client) { c.x.Expect(c.WantRejected()).NotTo(BeNil()) }, stop{}},
		{"rejected: by closing", codec.V5, script{ignores, closes}, func(c *Client) { c.x.Expect(c.WantRejected()).To(BeNil()) }, stop{}},
		{
			"rejected: accepted", codec.V5, script{accepts}, func(c *Client) { c.WantRejected() },
			stop{Contradicted, refuseAndClose, "CONNACK", ""},
		},
		{
			"rejected: accepted, and closed", codec.V5, refuses(codec.Success), func(c *Client) { c.WantRejected() },
			stop{Contradicted, refuseAndClose, "CONNACK", ""},
		},
		{
			"rejected: accepted in 3.1.1, and closed", 0, refuses(codec.Success), func(c *Client) { c.WantRejected() },
			stop{Contradicted, refuseAndClose, "CONNACK", ""},
		},
		{
			"rejected: no answer", codec.V5, script{ignores}, func(c *Client) { c.WantRejected() },
			stop{Contradicted, refuseAndClose, "the connection still open after 5s", ""},
		},

		{"unaccepted: closed", 0, script{ignores, closes}, (*Client).WantUnaccepted, stop{}},
		{"unaccepted: no answer", 0, script{ignores}, (*Client).WantUnaccepted, stop{}},
		{"unaccepted: accepted", 0, script{accepts}, (*Client).WantUnaccepted, stop{Contradicted, "the connection not to be accepted", "CONNACK", ""}},

		{"accepted or refused: accepted", 0, script{accepts}, func(c *Client) { c.x.Expect(c.WantAcceptedOrRefused(identifier)).To(BeTrue()) }, stop{}},
		{"accepted or refused: refused", 0, refuses(identifier), func(c *Client) { c.x.Expect(c.WantAcceptedOrRefused(identifier)).To(BeFalse()) }, stop{}},
		{"accepted or refused: closed, in 5.0", codec.V5, script{ignores, closes}, func(c *Client) { c.x.Expect(c.WantAcceptedOrRefused(identifier)).To(BeFalse()) }, stop{}},
		{
			"accepted or refused: closed, in 3.1.1", 0, script{ignores, closes}, func(c *Client) { c.WantAcceptedOrRefused(identifier) },
			stop{Contradicted, "CONNACK return code 0x02", "closed by the broker (FIN)", ""},
		},

		{"the answer is left to be judged", 0, refuses(identifier), func(c *Client) {
			c.x.Expect(c.Accepted()).To(BeFalse())
			c.x.Expect(c.UnreadConnack()).To(HaveField("Code", identifier))
			c.WantRefused(identifier)
			c.x.Expect(c.UnreadConnack()).To(BeNil())
		}, stop{}},
		{"no answer to be judged", 0, script{ignores}, func(c *Client) {
			c.x.Expect(c.Accepted()).To(BeFalse())
			c.x.Expect(c.AnsweredIn(codec.V311)).To(BeFalse())
		}, stop{}},
		{"the assigned identifier is the client's", codec.V5, script{ignores, sends(&codec.Connack{Properties: codec.Properties{codec.AssignedClientIdentifier("nameless")}})}, func(c *Client) {
			c.WantAccepted()
			c.x.Expect(c.ID).To(Equal("nameless"))
		}, stop{}},
	} {
		t.Run(r.name, func(t *testing.T) {
			e := performing{version: r.version, scripts: []script{r.script}, body: func(x *Exchange) {
				c := x.Dial("alice")
				c.Send(x.NewConnect(Clean, Identified("")))
				r.body(c)
			}}.evidence(t)
			r.want.check(t, e.Stop)
		})
	}
}

// TestForeignConnect: to a CONNECT of no version's a CONNACK may come in the
// format of either, and no statement is broken by it.
func TestForeignConnect(t *testing.T) {
	inV5 := codec.Raw{0x20, 3, 0, byte(codec.UnsupportedProtocolVersion), 0}
	inV311 := codec.Raw{0x20, 2, 0, byte(codec.RefusedProtocolVersion)}
	for _, r := range []struct {
		name    string
		version codec.Version // of the client
		answer  codec.Raw
		in      codec.Version // that the answer has the format of
		want    stop
	}{
		{"3.1.1, answered in 3.1.1", codec.V311, inV311, codec.V311, stop{}},
		{"3.1.1, answered in 5.0", codec.V311, inV5, codec.V5, stop{}},
		{"5.0, answered in 3.1.1", codec.V5, inV311, codec.V311, stop{}},
		{"5.0, answered in 5.0", codec.V5, inV5, codec.V5, stop{}},
		{
			"3.1.1, answered with a code of 5.0", codec.V311, codec.Raw{0x20, 2, 0, byte(codec.UnsupportedProtocolVersion)}, codec.V311,
			stop{Contradicted, "CONNACK return code 0x01 or 0x84", "which has no such code", ""},
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			e := performing{
				version: r.version, scripts: []script{{wants(codec.CONNECT), sends(r.answer), closes}},
				body: func(x *Exchange) {
					c := x.DialForeign("alice")
					c.Send(x.NewConnect(Clean))
					x.Expect(c.AnsweredIn(r.in)).To(BeTrue())
					c.WantRefused(codec.RefusedProtocolVersion, codec.UnsupportedProtocolVersion)
				},
			}.evidence(t)
			r.want.check(t, e.Stop)
			if len(e.Breaches) > 0 {
				t.Errorf("breaches %v", e.Breaches)
			}
		})
	}
}

// TestConnectOptions: what the options make of a CONNECT.
func TestConnectOptions(t *testing.T) {
	expiry := codec.Properties{codec.SessionExpiryInterval(sessionExpiry)}
	will := codec.Will{Topic: news, Payload: "gone"}
	for _, r := range []struct {
		name    string
		version codec.Version
		options []ConnectOption
		want    types.GomegaMatcher
	}{
		{"nothing", codec.V311, nil, And(HaveField("CleanStart", true), HaveField("KeepAlive", uint16(60)), HaveField("UserName", HaveValue(Equal("user"))), HaveField("ClientID", HavePrefix("run000x")))},
		{"Clean", codec.V5, []ConnectOption{Clean}, And(HaveField("CleanStart", true), HaveField("Properties", BeEmpty()))},
		{"Persistent, 3.1.1", codec.V311, []ConnectOption{Persistent}, And(HaveField("CleanStart", false), HaveField("Properties", BeEmpty()))},
		{"Persistent, 5.0", codec.V5, []ConnectOption{Persistent}, And(HaveField("CleanStart", false), HaveField("Properties", expiry))},
		{"CleanPersistent", codec.V5, []ConnectOption{CleanPersistent}, And(HaveField("CleanStart", true), HaveField("Properties", expiry))},
		{"Resuming", codec.V5, []ConnectOption{Resuming}, And(HaveField("CleanStart", false), HaveField("Properties", BeEmpty()))},
		{"Identified", codec.V5, []ConnectOption{Identified("me")}, HaveField("ClientID", "me")},
		{"nameless", codec.V5, []ConnectOption{As("alice"), Identified("")}, HaveField("ClientID", "")},
		{"KeepAlive", codec.V5, []ConnectOption{KeepAlive(3)}, HaveField("KeepAlive", uint16(3))},
		{"WithWill", codec.V5, []ConnectOption{WithWill(will)}, HaveField("Will", HaveValue(Equal(will)))},
		{"With", codec.V5, []ConnectOption{With(codec.ReceiveMaximum(2))}, HaveField("Properties", codec.Properties{codec.ReceiveMaximum(2)})},
		{"Login", codec.V5, []ConnectOption{Login("me", "mine")}, And(HaveField("UserName", HaveValue(Equal("me"))), HaveField("Password", HaveValue(Equal("mine"))))},
		{"AnyLogin", codec.V5, []ConnectOption{AnyLogin}, And(HaveField("UserName", HaveValue(Equal("mqttspec"))), HaveField("Password", HaveValue(Equal("secret"))))},
		{"WrongLogin", codec.V5, []ConnectOption{WrongLogin}, And(HaveField("UserName", HaveValue(Equal("nobody"))), HaveField("Password", HaveValue(Equal("nothing"))))},
		{"AsAdministrator", codec.V5, []ConnectOption{AsAdministrator}, HaveField("UserName", HaveValue(Equal("root")))},
	} {
		t.Run(r.name, func(t *testing.T) {
			e := performing{
				version: r.version,
				target: func(target *Target) {
					target.UserName = "user"
					target.Access = &Access{Refused: []Credential{{"nobody", "nothing"}}, Administrator: Credential{"root", "toor"}}
				},
				body: func(x *Exchange) { x.Expect(x.NewConnect(r.options...)).To(r.want) },
			}.evidence(t)
			stop{}.check(t, e.Stop)
		})
	}
}

// TestConnect: set-up blocks, and says that there was no connection.
func TestConnect(t *testing.T) {
	for _, r := range []struct {
		name    string
		scripts []script
		options []ConnectOption
		want    stop
		none    bool // no connection
	}{
		{"accepted", []script{{accepts}}, nil, stop{}, false},
		{"refused", []script{refuses(codec.NotAuthorized)}, nil, stop{Unprepared, "CONNACK 0x00 Success", "0x87 Not authorized", StepConnect}, true},
		{"nobody listens", nil, nil, stop{kind: Broken}, true},
		{
			"a session kept for too short a time", []script{{wants(codec.CONNECT), sends(&codec.Connack{Properties: codec.Properties{codec.SessionExpiryInterval(5)}})}},
			[]ConnectOption{Persistent}, stop{kind: Declined}, false,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			e := performing{version: codec.V5, scripts: r.scripts, body: func(x *Exchange) { x.Connect(r.options...) }}.evidence(t)
			r.want.check(t, e.Stop)
			if e.Stop.NoConnection != r.none {
				t.Errorf("no connection: %v", e.Stop.NoConnection)
			}
		})
	}
}

// TestNames: connecting twice under one name is connecting twice with one Client
// Identifier, and the connections can be told apart.
func TestNames(t *testing.T) {
	e := performing{scripts: []script{{serves}}, body: func(x *Exchange) {
		first, second, other := x.Connect(As("alice")), x.Connect(As("alice")), x.Connect(As("bob"))
		x.Expect(first.ID).To(Equal(second.ID))
		x.Expect(first.ID).NotTo(Equal(other.ID))
		x.Expect([]string{first.Name(), second.Name(), other.Name()}).To(Equal([]string{"alice", "alice#2", "bob"}))
		x.Expect(first.Version()).To(Equal(codec.V311))
		x.Expect(x.ClientID("alice")).To(Equal(first.ID))
	}}.evidence(t)
	stop{}.check(t, e.Stop)
}

// TestServerKeepAlive: a client keeps the Keep Alive that the server gives it, unless
// it has chosen its own, and whatever that brings is no answer to anything.
func TestServerKeepAlive(t *testing.T) {
	limits := func(s *session) {
		wants(codec.CONNECT)(s)
		sends(&codec.Connack{Properties: codec.Properties{codec.ServerKeepAlive(4)}})(s)
		serves(s)
	}
	for name, r := range map[string]struct {
		options []ConnectOption
		pings   int
	}{
		"not chosen": {nil, 5},
		"chosen":     {[]ConnectOption{KeepAlive(600)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{version: codec.V5, scripts: []script{{limits}}, body: func(x *Exchange) {
				alice := x.Connect(append(r.options, Clean)...)
				x.Wait(11 * time.Second)
				alice.WantPingresp()
				alice.WantAlive()
			}}.evidence(t)
			stop{}.check(t, e.Stop)
			pings := 0
			for _, event := range e.Events {
				if event.Packet == "PINGREQ (for the Server Keep Alive)" {
					pings++
				}
			}
			if pings != r.pings {
				t.Errorf("%d times PINGREQ to stay alive, want %d", pings, r.pings)
			}
		})
	}
}

// TestRefusedWill: a CONNECT with a will that is refused is declined where it is
// accepted without one, and the code leaves that to the broker.
func TestRefusedWill(t *testing.T) {
	refuses := func(code codec.ReasonCode) script {
		return script{wants(codec.CONNECT), sends(&codec.Connack{Code: code}), closes}
	}
	for name, r := range map[string]struct {
		version       codec.Version
		with, without script
		want          stop
	}{
		"accepted":                       {codec.V311, script{accepts}, nil, stop{}},
		"refused, accepted without":      {codec.V311, refuses(codec.RefusedNotAuthorized), script{accepts}, stop{kind: Declined, expected: "CONNACK", observed: "0x05"}},
		"refused, accepted without, 5.0": {codec.V5, refuses(codec.NotAuthorized), script{accepts}, stop{kind: Declined, expected: "CONNACK", observed: "0x87"}},
		"refused, with and without":      {codec.V5, refuses(codec.NotAuthorized), refuses(codec.NotAuthorized), stop{Unprepared, "CONNACK", "0x87", StepConnect}},
		"refused as what it is not":      {codec.V5, refuses(codec.MalformedPacket), script{accepts}, stop{Unprepared, "CONNACK", "0x81", StepConnect}},
		"closed":                         {codec.V5, script{wants(codec.CONNECT), closes}, script{accepts}, stop{Unprepared, "CONNACK", "closed by the broker", StepConnect}},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				version: r.version, scripts: []script{r.with, r.without},
				body: func(x *Exchange) { x.Connect(Clean, WithWill(codec.Will{Topic: news, Payload: "gone"})) },
			}.evidence(t)
			r.want.check(t, e.Stop)
			if e.Stop.Kind == Declined && e.Stop.Refused != "wills" {
				t.Errorf("refused: %q", e.Stop.Refused)
			}
		})
	}
}
