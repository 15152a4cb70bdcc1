package fault

import (
	"unicode/utf8"

	"mqttspec/codec"
)

// breakingIn matches packets in which the strict decoder finds a statement
// broken whose number differs by version.
func breakingIn(v311, v5 string) func(*Link, *Frame) bool {
	return func(l *Link, f *Frame) bool {
		if l.Version == codec.V5 {
			return breaking(v5)(l, f)
		}
		return breaking(v311)(l, f)
	}
}

// AcceptsMissingUserName takes a User Name that is not there for an empty one.
var AcceptsMissingUserName = accepts("accepts-missing-user-name", "accepts a CONNECT whose flags announce a User Name that is missing",
	Breaks{V311: "MQTT-3.1.2-19 MQTT-3.1.4-1", V5: "MQTT-3.1.2-17 MQTT-3.1.4-1"},
	breakingIn("MQTT-3.1.2-19", "MQTT-3.1.2-17"))

// AcceptsMissingPassword takes a Password that is not there for an empty one.
var AcceptsMissingPassword = accepts("accepts-missing-password", "accepts a CONNECT whose flags announce a Password that is missing",
	Breaks{V311: "MQTT-3.1.2-21 MQTT-3.1.4-1", V5: "MQTT-3.1.2-19 MQTT-3.1.4-1"},
	breakingIn("MQTT-3.1.2-21", "MQTT-3.1.2-19"))

// AcceptsSurplusInConnect reads what the flags announce, and no further.
var AcceptsSurplusInConnect = accepts("accepts-surplus-in-connect", "accepts a CONNECT with more fields than its flags announce",
	Breaks{V311: "MQTT-3.1.2-18 MQTT-3.1.2-20 MQTT-3.1.4-1", V5: "MQTT-3.1.2-16 MQTT-3.1.2-18 MQTT-3.1.4-1"},
	malformed(codec.CONNECT, "Trailing Bytes"))

// AcceptsPasswordAlone lets a client with a password do without a name.
var AcceptsPasswordAlone = accepts("accepts-password-alone", "accepts a CONNECT with a Password but no User Name",
	Breaks{V311: "MQTT-3.1.2-22 MQTT-3.1.4-1"},
	breaking("MQTT-3.1.2-22"))

// AcceptsRefusedClients lets everybody in: the proxy turns their refusal into its
// opposite and keeps the connection open. Behind it is nobody to serve the client,
// so PINGREQ is all that is answered.
var AcceptsRefusedClients = fromBroker("accepts-refused-clients", "accepts clients whatever their user name and password",
	Breaks{V311: "3.1.1/3.1.4/refusal-closes", V5: "5.0/3.1.4/authentication-checks 5.0/4.12/basic-authentication MQTT-3.1.4-2"},
	func(l *Link, p *codec.Connack) Action {
		switch p.Code {
		case codec.RefusedCredentials, codec.RefusedNotAuthorized, codec.BadUserNameOrPassword, codec.NotAuthorized:
			if !l.Asked().Properties.Has(codec.PropAuthenticationMethod) {
				l.Hold()
				p.Code, p.Properties = codec.Success, nil
			}
		}
		return Forward
	})

// RefusesSilently just closes.
var RefusesSilently = fromBroker("refuses-silently", "closes the connections that it refuses without a CONNACK",
	Breaks{V311: "3.1.1/3.2.2.3/refusal-code MQTT-3.1.2-2 MQTT-3.1.3-8 MQTT-3.1.3-9", V5: "5.0/3.2.2.3.4/will-qos-not-supported-reason 5.0/3.2.2.3.5/will-retain-not-supported-reason"},
	func(_ *Link, p *codec.Connack) Action {
		if p.Code != codec.Success {
			return Swallow
		}
		return Forward
	})

// TakesPasswordsForStrings wants a password that reads like one, and its user.
var TakesPasswordsForStrings = stateful("takes-passwords-for-strings", "takes a CONNECT for malformed whose Password is empty, no UTF-8, or without a User Name",
	Breaks{V311: "3.1.1/3.1.3.5/password-binary", V5: "5.0/3.1.3.6/password-binary"},
	func() behaviour {
		return behaviour{FromClient: func(l *Link, f *Frame) Action {
			p, ok := f.Packet.(*codec.Connect)
			if !ok || p.Password == nil || p.UserName != nil && *p.Password != "" && utf8.ValidString(*p.Password) {
				return Forward
			}
			if l.Version == codec.V5 {
				l.ToClient(&codec.Connack{Code: codec.MalformedPacket})
			}
			l.CloseClient()
			return Swallow
		}}
	})
