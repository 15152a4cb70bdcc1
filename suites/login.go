package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"
)

// User Name and Password: their flags (sections 3.1.2.8 and 3.1.2.9), and what
// becomes of a client that they do not admit (3.1.4).

var _ = Check(Definition{
	Slug:     "login-user-name-missing",
	Title:    "closes the connection when the User Name Flag is 1 and there is no User Name",
	Rules:    Rules{V311: "MQTT-3.1.2-19 MQTT-3.1.4-1", V5: "MQTT-3.1.2-17 MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.AcceptsMissingUserName},
	Body: func(x *Exchange) {
		wantLoginRejected(x, false, false, userNameFlag)
	},
})

var _ = Check(Definition{
	Slug:  "login-user-name-unannounced",
	Title: "closes the connection when the User Name Flag is 0 and there is a User Name",
	Rules: Rules{V311: "MQTT-3.1.2-18 MQTT-3.1.4-1", V5: "MQTT-3.1.2-16 MQTT-3.1.4-1"},
	Why: "Where the flag is 0, \"a User Name MUST NOT be present in the Payload\", and the packet does not " +
		"have the format of a CONNECT [MQTT-3.1.4-1]. mochi 2.7.9 overlooks what follows the fields that " +
		"the flags announce.",
	CaughtBy: Faults{fault.AcceptsSurplusInConnect},
	Body: func(x *Exchange) {
		wantLoginRejected(x, true, false, 0)
	},
})

var _ = Check(Definition{
	Slug:     "login-password-missing",
	Title:    "closes the connection when the Password Flag is 1 and there is no Password",
	Rules:    Rules{V311: "MQTT-3.1.2-21 MQTT-3.1.4-1", V5: "MQTT-3.1.2-19 MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.AcceptsMissingPassword},
	Body: func(x *Exchange) {
		wantLoginRejected(x, true, false, userNameFlag|passwordFlag)
	},
})

var _ = Check(Definition{
	Slug:  "login-password-unannounced",
	Title: "closes the connection when the Password Flag is 0 and there is a Password",
	Rules: Rules{V311: "MQTT-3.1.2-20 MQTT-3.1.4-1", V5: "MQTT-3.1.2-18 MQTT-3.1.4-1"},
	Why: "Where the flag is 0, \"a Password MUST NOT be present in the Payload\", and the packet does not " +
		"have the format of a CONNECT [MQTT-3.1.4-1]. mochi 2.7.9 overlooks what follows the fields that " +
		"the flags announce.",
	CaughtBy: Faults{fault.AcceptsSurplusInConnect},
	Body: func(x *Exchange) {
		wantLoginRejected(x, true, true, userNameFlag)
	},
})

// 5.0 allows a Password without a User Name (section 3.1.2.9).
var _ = Check(Definition{
	Slug:     "login-password-alone",
	Title:    "closes the connection when the Password Flag is 1 and the User Name Flag is 0",
	Rules:    Rules{V311: "MQTT-3.1.2-22 MQTT-3.1.4-1"},
	CaughtBy: Faults{fault.AcceptsPasswordAlone},
	Body: func(x *Exchange) {
		wantLoginRejected(x, false, true, passwordFlag)
	},
})

var _ = Check(Definition{
	Slug:  "login-password-binary",
	Title: "accepts a password of any bytes, or of none, or refuses it as a wrong one",
	Rules: Rules{V311: "3.1.1/3.1.3.5/password-binary", V5: "5.0/3.1.3.6/password-binary"},
	Why: "A refusal says by its code whether the packet is wrong (0x81, 0x82) or the credentials are, and " +
		"nothing is wrong with a Password of any bytes (section 3.1.3.5 of 3.1.1, 3.1.3.6 of 5.0). 3.1.1 " +
		"has codes for the credentials only, and no more than a SHOULD for sending one (section 3.2.2.3). " +
		"mochi 2.7.9 calls an empty password a protocol violation.",
	CaughtBy: Faults{fault.TakesPasswordsForStrings},
	Body: func(x *Exchange) {
		none, binary := "", "\x00\xFF\xED\xA0\x80"
		type login struct{ userName, password *string }
		logins := []named[login]{
			{"an empty Password", login{&someUserName, &none}},
			{"a Password that is no UTF-8", login{&someUserName, &binary}},
		}
		if x.Version == V5 {
			logins = append(logins, named[login]{"a Password without a User Name", login{nil, &somePassword}})
		}
		Each(x, logins, named[login].label, func(x *Exchange, login named[login]) {
			connect := x.NewConnect(Clean, As("alice"))
			connect.UserName, connect.Password = login.value.userName, login.value.password
			alice := x.Dial("alice")

			alice.Send(connect)
			alice.AwaitAnswer()

			switch {
			case alice.Accepted():
			case x.Version == V311:
				alice.WantRefused(codec.RefusedCredentials, codec.RefusedNotAuthorized)
			default:
				refusal := alice.WantRejected(codec.BadUserNameOrPassword, codec.NotAuthorized, codec.Banned)
				if refusal != nil && (refusal.Code == codec.MalformedPacket || refusal.Code == codec.ProtocolError) {
					x.Failf("the CONNECT to be accepted, or refused for its credentials", "%s", refusal)
				}
			}
		})
	},
})

var someUserName, somePassword = "alice", "secret"

// wantLoginRejected sends a CONNECT with these fields of a valid login, and
// Connect Flags that say otherwise.
func wantLoginRejected(x *Exchange, userName, password bool, flags byte) {
	connect := x.NewConnect(Clean, As("alice"), AnyLogin)
	if !userName {
		connect.UserName = nil
	}
	if !password {
		connect.Password = nil
	}
	alice := x.Dial("alice")

	alice.Send(codec.Wrong(connect, codec.Set("Connect Flags", cleanStartFlag|flags)))

	wantFormatRejected(x, alice)
}

var _ = Check(Definition{
	Slug:     "login-refused-closed",
	Title:    "closes the connection of a client whose user name or password is wrong",
	Rules:    Rules{V311: "3.1.1/3.1.4/refusal-closes", V5: "MQTT-3.1.4-2"},
	Needs:    Needs{Credentials},
	CaughtBy: Faults{fault.HoldsRefused},
	Body: func(x *Exchange) {
		x.Decides(StepRefusalCloses)
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), WrongLogin))

		wantLoginRefused(x, alice)
	},
})

// wantLoginRefused wants the end of a connection with wrong credentials. A
// broker that does not check them shows nothing here.
func wantLoginRefused(x *Exchange, c *Client) {
	if c.Accepted() {
		x.Inapplicable("the broker checks no credentials: CONNACK 0x00 to wrong ones")
	}
	c.WantRejected(codec.BadUserNameOrPassword, codec.NotAuthorized, codec.Banned)
}

var _ = Check(Definition{
	Slug:     "login-refused-code",
	Title:    "says by the return code of CONNACK that it refuses the user name or password",
	Rules:    Rules{V311: "3.1.1/3.2.2.3/refusal-code"},
	Needs:    Needs{Credentials},
	CaughtBy: Faults{fault.RefusesAsUnavailable, fault.RefusesSilently},
	Body: func(x *Exchange) {
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), WrongLogin))

		if alice.Accepted() {
			x.Inapplicable("the broker checks no credentials: CONNACK 0x00 to wrong ones")
		}
		alice.WantRefused(codec.RefusedCredentials, codec.RefusedNotAuthorized)
	},
})

var _ = Check(Definition{
	Slug:     "login-checked",
	Title:    "authenticates clients that connect with user name and password",
	Rules:    Rules{V5: "5.0/3.1.4/authentication-checks 5.0/4.12/basic-authentication"},
	Needs:    Needs{Credentials},
	CaughtBy: Faults{fault.AcceptsRefusedClients},
	Body: func(x *Exchange) {
		alice := x.Dial("alice")

		alice.Send(x.NewConnect(Clean, As("alice"), WrongLogin))

		alice.WantRejected(codec.BadUserNameOrPassword, codec.NotAuthorized, codec.Banned)
	},
})

var _ = Check(Definition{
	Slug:     "login-refused-ignored",
	Title:    "acts on nothing that a client sends behind a CONNECT whose user name or password is wrong",
	Rules:    Rules{V311: "MQTT-3.1.4-5", V5: "MQTT-3.1.4-6"},
	Needs:    Needs{Credentials},
	CaughtBy: Faults{fault.ProcessesRefusedClients},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(QoS0, topic)
		alice := x.Dial("alice")

		alice.Send(
			x.NewConnect(Clean, As("alice"), WrongLogin),
			&codec.Publish{Topic: topic, Payload: "smuggled"},
		)

		wantLoginRefused(x, alice)
		bob.WantNothingBefore(x.Connect(Clean, As("carol")).Marker(QoS0, topic))
	},
})
