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

var _ = Check(Definition{
	Slug:     "auth-unknown-method",
	Title:    "refuses a CONNECT with an Authentication Method that it does not support",
	Rules:    Rules{V5: "MQTT-4.12.0-1"},
	CaughtBy: Faults{fault.AcceptsAnyMethod},
	Body: func(x *Exchange) {
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
	},
})

var _ = Check(Definition{
	Slug:  "auth-without-method",
	Title: "closes the connection on an AUTH from a client that named no Authentication Method",
	Rules: Rules{V5: "MQTT-4.12.0-7"},
	Why: "\"The Client MUST NOT send an AUTH packet to the Server\" (section 4.12) makes such an AUTH a " +
		"Protocol Error, for it is data that is inconsistent with the state of the client (section 1.2), " +
		"and upon that the server must close the connection (section 4.13.1). mochi 2.7.9 ignores the " +
		"packet.",
	CaughtBy: Faults{fault.IgnoresAuth},
	Body: func(x *Exchange) {
		Each(x, []codec.ReasonCode{codec.ContinueAuthentication, codec.ReAuthenticate}, codec.ReasonCode.String, func(x *Exchange, code codec.ReasonCode) {
			alice := x.Connect(Clean, As("alice"))

			alice.Send(&codec.Auth{Code: code, Properties: codec.Properties{codec.AuthenticationMethod(unknownMethod)}})

			alice.WantClosed(codec.BadAuthenticationMethod, codec.NotAuthorized)
		})
	},
})

var _ = Check(Definition{
	Slug:     "auth-not-volunteered",
	Title:    "sends neither AUTH nor an Authentication Method to a client that named none",
	Rules:    Rules{V5: "MQTT-4.12.0-6"},
	Watches:  true,
	CaughtBy: Faults{fault.VolunteersAuth, fault.VolunteersAuthenticationMethod},
	Body: func(x *Exchange) {
		alice := x.Connect(Clean, As("alice"))
		alice.WantPingresp()

		x.Expect(alice.Connack.Properties.Has(codec.PropAuthenticationMethod)).To(BeFalse(), "Authentication Method in CONNACK")
	},
})

var _ = Check(Definition{
	Slug:     "auth-accepted",
	Title:    "accepts a client that proves its identity, and names the method in every AUTH and in CONNACK",
	Rules:    Rules{V5: "MQTT-4.12.0-2 MQTT-4.12.0-5"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.AsksWithSuccess, fault.ForgetsMethod, fault.ChangesMethod},
	Body: func(x *Exchange) {
		proof := x.Proof()
		alice := x.Dial("alice")
		alice.Send(x.NewConnect(Clean, As("alice"), With(proof.First()...)))

		challenge := Want[*codec.Auth](alice, "AUTH 0x18 Continue authentication")
		x.Expect(challenge.Code).To(Equal(codec.ContinueAuthentication), "the Reason Code of AUTH")
		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.WantNext(challenge)})

		alice.WantAccepted()
		alice.WantPingresp()
	},
})

var _ = Check(Definition{
	Slug:     "auth-rejected",
	Title:    "closes the connection of a client whose proof is wrong",
	Rules:    Rules{V5: "MQTT-4.12.0-4 MQTT-4.13.2-1"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.AcceptsAnyProof},
	Body: func(x *Exchange) {
		proof := x.WrongProof()
		alice, challenge := x.ConnectToChallenge(proof, Clean, As("alice"))

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		alice.WantRejected(codec.NotAuthorized, codec.BadUserNameOrPassword, codec.BadAuthenticationMethod)
	},
})

var _ = Check(Definition{
	Slug:     "auth-answer-reason",
	Title:    "accepts no answer to its AUTH with another Reason Code than 0x18",
	Rules:    Rules{V5: "MQTT-4.12.0-3"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.CorrectsAuth},
	Body: func(x *Exchange) {
		proof := x.Proof()
		alice, challenge := x.ConnectToChallenge(proof, Clean, As("alice"))

		alice.Send(&codec.Auth{Code: codec.ReAuthenticate, Properties: proof.Next(challenge)})

		alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
	},
})

var _ = Check(Definition{
	Slug:     "auth-answer-method",
	Title:    "refuses an AUTH with another Authentication Method than that of CONNECT",
	Rules:    Rules{V5: "5.0/3.15/authentication-method-mismatch"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.CorrectsAuth},
	Body: func(x *Exchange) {
		proof := x.Proof()
		alice, challenge := x.ConnectToChallenge(proof, Clean, As("alice"))
		data, _ := proof.Next(challenge).Text(codec.PropAuthenticationData)

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: codec.Properties{
			codec.AuthenticationMethod(unknownMethod), codec.AuthenticationData(data),
		}})

		alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
	},
})

var _ = Check(Definition{
	Slug:     "auth-packets-in-between",
	Title:    "takes no packet but AUTH and DISCONNECT from a client that has not proved its identity yet",
	Rules:    Rules{V5: "MQTT-3.1.2-30"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresPacketsBeforeConnack},
	Body: func(x *Exchange) {
		Each(x, []codec.Packet{
			&codec.Publish{Topic: x.Topic("early"), Payload: "early"},
			&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: x.Topic("early")}}},
			&codec.Unsubscribe{PacketID: 1, Filters: []string{x.Topic("early")}},
			&codec.Pingreq{},
		}, packetName, func(x *Exchange, early codec.Packet) {
			alice, _ := x.ConnectToChallenge(x.Proof(), Clean, As("alice"))

			alice.Send(early)

			alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
		})
	},
})

var _ = Check(Definition{
	Slug:     "auth-again",
	Title:    "answers a re-authentication with AUTH: 0x18 for the next step, 0x00 when it is complete",
	Rules:    Rules{V5: "5.0/4.12.1/re-authentication-answer MQTT-4.12.0-2"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.FinishesSilently, fault.AsksWithSuccess},
	Body: func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.Proof()

		alice.Send(&codec.Auth{Code: codec.ReAuthenticate, Properties: proof.First()})
		challenge := alice.WantAuthAgain("AUTH 0x18 Continue authentication")
		x.Expect(challenge.Code).To(Equal(codec.ContinueAuthentication), "the Reason Code of the first AUTH")
		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		done := alice.WantAuthAgain("AUTH 0x00 Success")
		x.Expect(done.Code).To(Equal(codec.Success), "the Reason Code of the last AUTH")
		alice.WantPingresp()
	},
})

var _ = Check(Definition{
	Slug:     "auth-again-other-method",
	Title:    "closes the connection on a re-authentication with another Authentication Method",
	Rules:    Rules{V5: "MQTT-4.12.1-1 5.0/3.15/authentication-method-mismatch"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.CorrectsAuth},
	Body: func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		data, _ := x.Proof().First().Text(codec.PropAuthenticationData)

		alice.Send(&codec.Auth{Code: codec.ReAuthenticate, Properties: codec.Properties{
			codec.AuthenticationMethod(unknownMethod), codec.AuthenticationData(data),
		}})

		alice.WantClosed(codec.NotAuthorized, codec.BadAuthenticationMethod)
	},
})

var _ = Check(Definition{
	Slug:     "auth-again-rejected",
	Title:    "closes the connection when a re-authentication fails",
	Rules:    Rules{V5: "MQTT-4.12.1-2"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.KeepsConnectionAfterReauthentication},
	Body: func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.WrongProof()
		challenge := alice.TryReauthenticate(proof)

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		alice.WantClosed(codec.NotAuthorized, codec.BadUserNameOrPassword, codec.BadAuthenticationMethod)
	},
})

var _ = Check(Definition{
	Slug:     "auth-again-rejected-reason",
	Title:    "sends DISCONNECT before it closes the connection for a failed re-authentication",
	Rules:    Rules{V5: "5.0/4.12.1/re-authentication-reason"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.DisconnectsSilently},
	Body: func(x *Exchange) {
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.WrongProof()
		challenge := alice.TryReauthenticate(proof)

		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		disconnect := Want[*codec.Disconnect](alice, "DISCONNECT with the reason")
		x.Expect(disconnect.Code.IsError()).To(BeTrue(), "the Reason Code of DISCONNECT being an error")
	},
})

var _ = Check(Definition{
	Slug:     "auth-again-traffic",
	Title:    "loses nothing that a client sends during its re-authentication",
	Rules:    Rules{V5: "5.0/4.12.1/re-authentication-traffic"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.StopsForReauthentication},
	Body: func(x *Exchange) {
		topic := x.Topic("news")
		bob := x.Connect(Clean, As("bob"))
		bob.Subscribe(x.UpTo(QoS1), topic)
		alice := x.Authenticate(Clean, As("alice"))
		proof := x.Proof()
		challenge := alice.TryReauthenticate(proof)

		alice.Send(alice.NewPublish(x.UpTo(QoS1), topic, "meanwhile"))
		alice.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.Next(challenge)})

		// "The flow of other packets can continue": not that it is not held up until
		// the re-authentication is complete.
		bob.WantDelivery(topic, "meanwhile")
	},
})

// anotherAuth sends, in the middle of a proof, the AUTH that would complete it
// with something wrong in it, and wants the broker to refuse it.
func anotherAuth(edits func(properties codec.Properties) (codec.Properties, []codec.Edit)) func(*Exchange) {
	return func(x *Exchange) {
		proof := x.Proof()
		alice, challenge := x.ConnectToChallenge(proof, Clean, As("alice"))
		properties, wrong := edits(proof.Next(challenge))

		alice.Send(codec.Wrong(&codec.Auth{Code: codec.ContinueAuthentication, Properties: properties}, wrong...))

		alice.WantRejected(codec.NotAuthorized, codec.BadAuthenticationMethod)
	}
}

var _ = Check(Definition{
	Slug:     "auth-flags",
	Title:    "closes the connection on an AUTH with a reserved flag set",
	Rules:    Rules{V5: "MQTT-3.15.1-1"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresMalformedAuth},
	Body: func(x *Exchange) {
		with := func(flags byte) func(*Exchange) {
			return anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
				return properties, []codec.Edit{codec.Flags(flags)}
			})
		}
		x.Cases(Case{Name: "0001", Body: with(0x1)}, Case{Name: "0010", Body: with(0x2)}, Case{Name: "0100", Body: with(0x4)}, Case{Name: "1000", Body: with(0x8)})
	},
})

var _ = Check(Definition{
	Slug:     "auth-reason-code",
	Title:    "closes the connection on an AUTH with a Reason Code that AUTH does not have",
	Rules:    Rules{V5: "5.0/4.13.1/unnamed-error"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresMalformedAuth},
	Body: anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
		return properties, []codec.Edit{codec.Set("Reason Code", 0x17)}
	}),
})

var _ = Check(Definition{
	Slug:     "auth-method-missing",
	Title:    "closes the connection on an AUTH without an Authentication Method",
	Rules:    Rules{V5: "5.0/3.15.2.2.2/authentication-method-missing"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresMalformedAuth},
	Body: anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
		return properties.All(codec.PropAuthenticationData), nil
	}),
})

// doubled is an AUTH with one of its properties twice.
func doubled(property codec.Property) func(*Exchange) {
	return anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
		if own := properties.All(property.ID); own != nil {
			return append(properties, own...), nil
		}
		return append(properties, property, property), nil
	})
}

var _ = Check(Definition{
	Slug:     "auth-method-twice",
	Title:    "closes the connection on an AUTH with two Authentication Methods",
	Rules:    Rules{V5: "5.0/3.15.2.2.2/authentication-method-twice"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresMalformedAuth},
	Body:     doubled(codec.AuthenticationMethod("")),
})

var _ = Check(Definition{
	Slug:     "auth-data-twice",
	Title:    "closes the connection on an AUTH with Authentication Data twice",
	Rules:    Rules{V5: "5.0/3.15.2.2.3/authentication-data-twice"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresMalformedAuth},
	Body:     doubled(codec.AuthenticationData("")),
})

var _ = Check(Definition{
	Slug:     "auth-reason-string-twice",
	Title:    "closes the connection on an AUTH with two Reason Strings",
	Rules:    Rules{V5: "5.0/3.15.2.2.4/reason-string-twice"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresMalformedAuth},
	Body:     doubled(codec.ReasonString("why")),
})

var _ = Check(Definition{
	Slug:     "auth-property-foreign",
	Title:    "closes the connection on an AUTH with a property that does not belong there, or that 5.0 does not define",
	Rules:    Rules{V5: "5.0/2.2.2.2/property-identifier"},
	Needs:    Needs{AuthenticationMethod},
	CaughtBy: Faults{fault.IgnoresMalformedAuth},
	Body: func(x *Exchange) {
		foreign := anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
			return append(properties, codec.TopicAlias(1)), nil
		})
		unknown := anotherAuth(func(properties codec.Properties) (codec.Properties, []codec.Edit) {
			return append(properties, codec.ReasonString("why")), []codec.Edit{codec.Set("Reason String Identifier", undefinedProperty)}
		})
		x.Cases(Case{Name: "Topic Alias", Body: foreign}, Case{Name: hexName(undefinedProperty), Body: unknown})
	},
})
