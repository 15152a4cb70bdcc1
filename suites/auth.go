package suites

import (
	"mqttspec/codec"
	. "mqttspec/harness"
	"mqttspec/harness/fault"

	. "github.com/onsi/gomega"
)

// Enhanced authentication (5.0, sections 3.15 and 4.12): what every server owes
// a client that asks for it or not, and with a method and credentials from the
// target (SCRAM) the exchange itself.

// unknownMethod is an Authentication Method that no broker knows.
const unknownMethod = "MQTTSPEC-NO-SUCH-METHOD"

var _ = Check("auth-unknown-method",
	"refuses a CONNECT with an Authentication Method that it does not support",
	Rules{V5: "MQTT-4.12.0-1"},
	CaughtBy{fault.AcceptsAnyMethod},
	func(x *Exchange) {
		x.Cases(
			Case{Name: "without Authentication Data", Body: func(x *Exchange) {
				alice := x.Dial("alice")

				alice.Send(x.NewConnect(Clean, As("alice"), With(codec.AuthenticationMethod(unknownMethod))))

				alice.WantRejected(codec.BadAuthenticationMethod, codec.NotAuthorized)
			}},
			Case{Name: "with Authentication Data", Body: func(x *Exchange) {
				alice := x.Dial("alice")

				alice.Send(x.NewConnect(Clean, As("alice"), With(codec.AuthenticationMethod(unknownMethod), codec.AuthenticationData("data"))))

				alice.WantRejected(codec.BadAuthenticationMethod, codec.NotAuthorized)
			}},
		)
	})

// mochi 2.7.9 ignores such an AUTH. "The Client MUST NOT send an AUTH packet to
// the Server" makes it a Protocol Error: data that is inconsistent with the
// state of the client (section 1.2), upon which the server must close (4.13.1).
var _ = Check("auth-without-method",
	"closes the connection on an AUTH from a client that named no Authentication Method",
	Rules{V5: "MQTT-4.12.0-7"},
	CaughtBy{fault.IgnoresAuth},
	func(x *Exchange) {
		Each(x, []codec.ReasonCode{codec.ContinueAuthentication, codec.ReAuthenticate}, codec.ReasonCode.String, func(x *Exchange, code codec.ReasonCode) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(&codec.Auth{Code: code, Properties: codec.Properties{codec.AuthenticationMethod(unknownMethod)}})

			alice.WantClosed(codec.BadAuthenticationMethod, codec.NotAuthorized)
		})
	})

var _ = Check("auth-not-volunteered",
	"sends neither AUTH nor an Authentication Method to a client that named none",
	Rules{V5: "MQTT-4.12.0-6"},
	Watches,
	CaughtBy{fault.VolunteersAuth, fault.VolunteersAuthenticationMethod},
	func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		alice.Ping()

		x.Expect(alice.Connack.Properties.Has(codec.PropAuthenticationMethod)).To(BeFalse(), "Authentication Method in CONNACK")
	})

var _ = Check("auth-accepted",
	"accepts a client that proves its identity, and names the method in every AUTH and in CONNACK",
	Rules{V5: "MQTT-4.12.0-2 MQTT-4.12.0-5"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.AsksWithSuccess, fault.ForgetsMethod, fault.ChangesMethod},
	func(x *Exchange) {
		proof := x.Proof()
		alice := x.Dial("alice")
		alice.Send(x.NewConnect(Clean, As("alice"), With(proof.First()...)))

		challenge := Want[*codec.Auth](alice, "AUTH 0x18 Continue authentication")
		x.Expect(challenge.Code).To(Equal(codec.ContinueAuthentication), "the Reason Code of AUTH")
		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		alice.WantAccepted()
		alice.Ping()
	})

var _ = Check("auth-rejected",
	"closes the connection of a client whose proof is wrong",
	Rules{V5: "MQTT-4.12.0-4 MQTT-4.13.2-1"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.AcceptsAnyProof},
	func(x *Exchange) {
		proof := x.WrongProof()
		alice, challenge := x.Challenged(proof, Clean, As("alice"))

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		alice.WantRejected(codec.NotAuthorized, codec.BadUserNameOrPassword, codec.BadAuthenticationMethod)
	})

var _ = Check("auth-answer-reason",
	"accepts no answer to its AUTH with another Reason Code than 0x18",
	Rules{V5: "MQTT-4.12.0-3"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.CorrectsAuth},
	func(x *Exchange) {
		proof := x.Proof()
		alice, challenge := x.Challenged(proof, Clean, As("alice"))

		alice.Send(&codec.Auth{Code: codec.ReAuthenticate, Properties: proof.Next(challenge)})

		alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
	})

var _ = Check("auth-answer-method",
	"refuses an AUTH with another Authentication Method than that of CONNECT",
	Rules{V5: "5.0/3.15/authentication-method-mismatch"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.CorrectsAuth},
	func(x *Exchange) {
		proof := x.Proof()
		alice, challenge := x.Challenged(proof, Clean, As("alice"))
		data, _ := proof.Next(challenge).Text(codec.PropAuthenticationData)

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: codec.Properties{
			codec.AuthenticationMethod(unknownMethod), codec.AuthenticationData(data),
		}})

		alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
	})

var _ = Check("auth-packets-in-between",
	"takes no packet but AUTH and DISCONNECT from a client that has not proved its identity yet",
	Rules{V5: "MQTT-3.1.2-30"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresPacketsBeforeConnack},
	func(x *Exchange) {
		Each(x, []codec.Packet{
			&codec.Publish{Topic: x.Topic("early"), Payload: "early"},
			&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: x.Topic("early")}}},
			&codec.Unsubscribe{PacketID: 1, Filters: []string{x.Topic("early")}},
			&codec.Pingreq{},
		}, packetName, func(x *Exchange, early codec.Packet) {
			alice, _ := x.Challenged(x.Proof(), Clean, As("alice"))

			alice.Send(early)

			alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
		})
	})

var _ = Check("auth-again",
	"answers a re-authentication with AUTH: 0x18 for the next step, 0x00 when it is complete",
	Rules{V5: "5.0/4.12.1/re-authentication-answer MQTT-4.12.0-2"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.FinishesSilently, fault.AsksWithSuccess},
	func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.Proof()

		alice.Send(&codec.Auth{Code: codec.ReAuthenticate, Properties: proof.First()})
		challenge := alice.WantAuthAgain("AUTH 0x18 Continue authentication")
		x.Expect(challenge.Code).To(Equal(codec.ContinueAuthentication), "the Reason Code of the first AUTH")
		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		done := alice.WantAuthAgain("AUTH 0x00 Success")
		x.Expect(done.Code).To(Equal(codec.Success), "the Reason Code of the last AUTH")
		alice.Ping()
	})

var _ = Check("auth-again-other-method",
	"closes the connection on a re-authentication with another Authentication Method",
	Rules{V5: "MQTT-4.12.1-1 5.0/3.15/authentication-method-mismatch"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.CorrectsAuth},
	func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		data, _ := x.Proof().First().Text(codec.PropAuthenticationData)

		alice.Send(&codec.Auth{Code: codec.ReAuthenticate, Properties: codec.Properties{
			codec.AuthenticationMethod(unknownMethod), codec.AuthenticationData(data),
		}})

		alice.WantClosed(codec.NotAuthorized, codec.BadAuthenticationMethod)
	})

var _ = Check("auth-again-rejected",
	"closes the connection when a re-authentication fails",
	Rules{V5: "MQTT-4.12.1-2"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.KeepsConnectionAfterReauthentication},
	func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.WrongProof()
		challenge := alice.Rechallenged(proof)

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		alice.WantClosed(codec.NotAuthorized, codec.BadUserNameOrPassword, codec.BadAuthenticationMethod)
	})

var _ = Check("auth-again-rejected-reason",
	"sends DISCONNECT before it closes the connection for a failed re-authentication",
	Rules{V5: "5.0/4.12.1/re-authentication-reason"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.ClosesSilently},
	func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.WrongProof()
		challenge := alice.Rechallenged(proof)

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		disconnect := Want[*codec.Disconnect](alice, "DISCONNECT with the reason")
		x.Expect(disconnect.Code.IsError()).To(BeTrue(), "the Reason Code of DISCONNECT being an error")
	})

var _ = Check("auth-again-traffic",
	"loses nothing that a client sends during its re-authentication",
	Rules{V5: "5.0/4.12.1/re-authentication-traffic"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.StopsForReauthentication},
	func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(x.UpTo(QoS1), topic)
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.Proof()
		challenge := alice.Rechallenged(proof)

		alice.Send(alice.NewPublish(x.UpTo(QoS1), topic, "meanwhile"))
		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		// "The flow of other packets can continue": not that it is not held up until
		// the re-authentication is complete.
		bob.Receive(topic, "meanwhile")
	})

// anotherAuth sends, in the middle of a proof, the AUTH that would complete it
// with something wrong in it, and wants the broker to refuse it.
func anotherAuth(edits func(properties codec.Properties) (codec.Properties, []codec.Edit)) func(*Exchange) {
	return func(x *Exchange) {
		proof := x.Proof()
		alice, challenge := x.Challenged(proof, Clean, As("alice"))
		properties, wrong := edits(proof.Next(challenge))

		alice.Send(codec.Wrong(&codec.Auth{Code: codec.ContinueAuthentication, Properties: properties}, wrong...))

		alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
	}
}

var _ = Check("auth-flags",
	"closes the connection on an AUTH with a reserved flag set",
	Rules{V5: "MQTT-3.15.1-1"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresMalformedAuth},
	func(x *Exchange) {
		with := func(flags byte) func(*Exchange) {
			return anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
				return properties, []codec.Edit{codec.Flags(flags)}
			})
		}
		x.Cases(Case{Name: "0001", Body: with(0x1)}, Case{Name: "0010", Body: with(0x2)}, Case{Name: "0100", Body: with(0x4)}, Case{Name: "1000", Body: with(0x8)})
	})

var _ = Check("auth-reason-code",
	"closes the connection on an AUTH with a Reason Code that AUTH does not have",
	Rules{V5: "5.0/4.13.1/unnamed-error"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresMalformedAuth},
	anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
		return properties, []codec.Edit{codec.Set("Reason Code", 0x17)}
	}))

var _ = Check("auth-method-missing",
	"closes the connection on an AUTH without an Authentication Method",
	Rules{V5: "5.0/3.15.2.2.2/authentication-method-missing"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresMalformedAuth},
	anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
		return properties.All(codec.PropAuthenticationData), nil
	}))

// doubled is an AUTH with one of its properties twice.
func doubled(property codec.Property) func(*Exchange) {
	return anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
		if own := properties.All(property.ID); own != nil {
			return append(properties, own...), nil
		}
		return append(properties, property, property), nil
	})
}

var _ = Check("auth-method-twice",
	"closes the connection on an AUTH with two Authentication Methods",
	Rules{V5: "5.0/3.15.2.2.2/authentication-method-twice"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresMalformedAuth},
	doubled(codec.AuthenticationMethod("")))

var _ = Check("auth-data-twice",
	"closes the connection on an AUTH with Authentication Data twice",
	Rules{V5: "5.0/3.15.2.2.3/authentication-data-twice"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresMalformedAuth},
	doubled(codec.AuthenticationData("")))

var _ = Check("auth-reason-string-twice",
	"closes the connection on an AUTH with two Reason Strings",
	Rules{V5: "5.0/3.15.2.2.4/reason-string-twice"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresMalformedAuth},
	doubled(codec.ReasonString("why")))

var _ = Check("auth-property-foreign",
	"closes the connection on an AUTH with a property that does not belong there, or that 5.0 does not define",
	Rules{V5: "5.0/2.2.2.2/property-identifier"},
	Needs{AuthenticationMethod},
	CaughtBy{fault.IgnoresMalformedAuth},
	func(x *Exchange) {
		foreign := anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
			return append(properties, codec.TopicAlias(1)), nil
		})
		unknown := anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
			return append(properties, codec.ReasonString("why")), []codec.Edit{codec.Set("Reason String Identifier", 0x7F)}
		})
		x.Cases(Case{Name: "Topic Alias", Body: foreign}, Case{Name: hexName(0x7F), Body: unknown})
	})
