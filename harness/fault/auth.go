package fault

import "mqttspec/codec"

// AcceptsAnyMethod lets a client in without the proof it offers.
var AcceptsAnyMethod = fromClient("accepts-any-method", "ignores the Authentication Method of CONNECT and accepts the client without a proof",
	Breaks{V5: "MQTT-4.12.0-1 MQTT-4.12.0-5"},
	func(_ *Link, p *codec.Connect) Action {
		p.Properties = without(without(p.Properties, codec.PropAuthenticationMethod), codec.PropAuthenticationData)
		return Forward
	})

// IgnoresAuth takes AUTH for nothing.
var IgnoresAuth = tolerates("ignores-auth", "ignores AUTH",
	Breaks{V5: "MQTT-4.12.0-7 5.0/4.12.1/re-authentication-answer 5.0/3.15/authentication-method-mismatch MQTT-4.12.1-1 MQTT-3.15.1-1 5.0/3.15.2.2.2/authentication-method-missing 5.0/3.15.2.2.2/authentication-method-twice 5.0/3.15.2.2.3/authentication-data-twice 5.0/3.15.2.2.4/reason-string-twice"}, func(_ *Link, f *Frame) bool { return f.Type() == codec.AUTH })

// VolunteersAuthenticationMethod names a method that nobody asked for.
var VolunteersAuthenticationMethod = sends("volunteers-authentication-method", "names an Authentication Method in CONNACK to clients that named none",
	Breaks{V5: "MQTT-4.12.0-6"},
	func(l *Link, p *codec.Connack) codec.Packet {
		if !l.Asked().Properties.Has(codec.PropAuthenticationMethod) {
			return withProperties(p, codec.Properties{codec.AuthenticationMethod("PLAIN")})
		}
		return p
	})

// VolunteersAuth sends AUTH, in front of CONNACK, to clients that named no method.
var VolunteersAuth = sends("volunteers-auth", "sends AUTH to clients that named no Authentication Method",
	Breaks{V5: "MQTT-4.12.0-6"},
	func(l *Link, p *codec.Connack) codec.Packet {
		if !l.Asked().Properties.Has(codec.PropAuthenticationMethod) {
			l.ToClient(&codec.Auth{Code: codec.ContinueAuthentication, Properties: codec.Properties{codec.AuthenticationMethod("PLAIN")}})
		}
		return p
	})

// AsksWithSuccess asks for more with the wrong Reason Code.
var AsksWithSuccess = sends("asks-with-success", "asks for more Authentication Data with the Reason Code 0x00",
	Breaks{V5: "MQTT-4.12.0-2 5.0/4.12.1/re-authentication-answer"},
	func(_ *Link, p *codec.Auth) codec.Packet {
		p.Code = codec.Success
		return p
	})

// ForgetsMethod leaves the method out of CONNACK.
var ForgetsMethod = sends("forgets-method", "leaves the Authentication Method out of CONNACK",
	Breaks{V5: "MQTT-4.12.0-5"},
	func(_ *Link, p *codec.Connack) codec.Packet {
		p.Properties = p.Properties.All(codec.PropAuthenticationData)
		return p
	})

// ChangesMethod names another method in AUTH than the client did.
var ChangesMethod = sends("changes-method", "names another Authentication Method in AUTH than CONNECT did",
	Breaks{V5: "MQTT-4.12.0-5"},
	func(_ *Link, p *codec.Auth) codec.Packet {
		return withProperties(p, codec.Properties{codec.AuthenticationMethod("PLAIN")})
	})

// AcceptsAnyProof lets everyone in.
var AcceptsAnyProof = fromBroker("accepts-any-proof", "accepts a client whose proof is wrong",
	Breaks{V5: "MQTT-4.12.0-4 5.0/3.1.4/authentication-checks"},
	func(l *Link, p *codec.Connack) Action {
		if p.Code == codec.NotAuthorized && l.Asked().Properties.Has(codec.PropAuthenticationMethod) {
			p.Code, p.Properties = codec.Success, nil
			l.Hold()
		}
		return Forward
	})

// CorrectsAuth does not mind what an AUTH says beside its data.
var CorrectsAuth = stateful("corrects-auth", "takes AUTH for the next step, whatever Reason Code and Authentication Method it has",
	Breaks{V5: "5.0/3.15/authentication-method-mismatch MQTT-4.12.0-3 MQTT-4.12.1-1"},
	func() behaviour {
		challenged := map[*Link]bool{}
		return behaviour{
			FromBroker: func(l *Link, f *Frame) Action {
				switch p := f.Packet.(type) {
				case *codec.Auth:
					challenged[l] = p.Code == codec.ContinueAuthentication
				case *codec.Connack:
					challenged[l] = false
				}
				return Forward
			},
			FromClient: only(func(l *Link, p *codec.Auth) Action {
				p.Code = codec.ReAuthenticate
				if challenged[l] {
					p.Code = codec.ContinueAuthentication
				}
				method, _ := l.Asked().Properties.Text(codec.PropAuthenticationMethod)
				withProperties(p, codec.Properties{codec.AuthenticationMethod(method)})
				return Forward
			}),
		}
	})

// IgnoresPacketsBeforeConnack takes what a client must not send yet for nothing.
var IgnoresPacketsBeforeConnack = stateful("ignores-packets-before-connack", "ignores packets other than AUTH that come before CONNACK",
	Breaks{V5: "MQTT-3.1.2-30"},
	func() behaviour {
		accepted := map[*Link]bool{}
		return behaviour{
			FromBroker: only(func(l *Link, _ *codec.Connack) Action {
				accepted[l] = true
				return Forward
			}),
			FromClient: func(l *Link, f *Frame) Action {
				if t := f.Type(); l.Connect != nil && !accepted[l] && t != codec.CONNECT && t != codec.AUTH {
					return Swallow
				}
				return Forward
			},
		}
	})

// KeepsConnectionAfterReauthentication does not mind a failed one.
var KeepsConnectionAfterReauthentication = stateful("keeps-connection-after-re-authentication", "keeps the connection open when re-authentication fails",
	Breaks{V5: "MQTT-4.12.1-2 5.0/4.12.1/re-authentication-reason"},
	func() behaviour {
		again := map[*Link]bool{}
		return behaviour{
			FromClient: only(func(l *Link, p *codec.Auth) Action {
				again[l] = again[l] || p.Code == codec.ReAuthenticate
				return Forward
			}),
			FromBroker: only(func(l *Link, _ *codec.Disconnect) Action {
				if !again[l] {
					return Forward
				}
				l.Hold()
				return Swallow
			}),
		}
	})

// FinishesSilently completes a re-authentication without saying so.
var FinishesSilently = fromBroker("finishes-silently", "does not answer when a re-authentication is complete",
	Breaks{V5: "5.0/4.12.1/re-authentication-answer"},
	func(_ *Link, p *codec.Auth) Action {
		if p.Code == codec.Success {
			return Swallow
		}
		return Forward
	})

// StopsForReauthentication lets all other packets wait.
var StopsForReauthentication = stateful("stops-for-re-authentication", "loses the packets that a client sends during a re-authentication",
	Breaks{V5: "5.0/4.12.1/re-authentication-traffic"},
	func() behaviour {
		under := map[*Link]bool{}
		return behaviour{
			FromClient: func(l *Link, f *Frame) Action {
				if auth, ok := f.Packet.(*codec.Auth); ok {
					under[l] = auth.Code == codec.ReAuthenticate
					return Forward
				}
				if under[l] {
					return Swallow
				}
				return Forward
			},
		}
	})

// IgnoresMalformedAuth skips an AUTH that is no valid packet.
var IgnoresMalformedAuth = tolerates("ignores-malformed-auth", "ignores an AUTH that breaks the rules of its format",
	Breaks{V5: "5.0/2.2.2.2/property-identifier 5.0/3.15.2.2.2/authentication-method-missing 5.0/3.15.2.2.2/authentication-method-twice 5.0/3.15.2.2.3/authentication-data-twice 5.0/3.15.2.2.4/reason-string-twice 5.0/4.13.1/unnamed-error MQTT-3.15.1-1"}, malformed(codec.AUTH))
