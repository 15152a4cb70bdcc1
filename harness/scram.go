package harness

import (
	"fmt"

	"github.com/xdg-go/scram"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

// scramMethods are the authentication methods that a client of this suite can
// perform, by the names that SASL has for them.
var scramMethods = map[string]scram.HashGeneratorFcn{
	"SCRAM-SHA-1": scram.SHA1, "SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512,
}

// A Proof is one run of the target's authentication method on the client's
// side: it makes the Authentication Data for CONNECT and AUTH.
type Proof struct {
	x            *Exchange
	method       string
	conversation *scram.ClientConversation
}

// Proof begins to prove the identity that the target gives, with its own
// authentication method.
func (x *Exchange) Proof() *Proof { return x.proof(x.target.Authentication.Login) }

// WrongProof begins a proof that must fail: with another password.
func (x *Exchange) WrongProof() *Proof {
	login := x.target.Authentication.Login
	return x.proof(Credential{login.UserName, login.Password + " not"})
}

func (x *Exchange) proof(login Credential) *Proof {
	method := x.target.Authentication.Method
	client, err := scramMethods[method].NewClient(login.UserName, login.Password, "")
	if err != nil {
		x.errorf("%s: %v", method, err)
	}
	return &Proof{x, method, client.NewConversation()}
}

// First is the method and the client's first data: for CONNECT, or for the
// AUTH that begins a re-authentication.
func (p *Proof) First() codec.Properties {
	data, err := p.conversation.Step("")
	if err != nil {
		p.x.errorf("%s: %v", p.method, err)
	}
	return p.properties(data)
}

// WantNext is the method and the client's answer to the data of this AUTH, which
// it wants to be data that the method can go on with.
func (p *Proof) WantNext(challenge *codec.Auth) codec.Properties {
	data, _ := challenge.Properties.Text(codec.PropAuthenticationData)
	answer, err := p.conversation.Step(data)
	if err != nil {
		p.x.fail("Authentication Data of "+p.method, fmt.Sprintf("%q: %v", data, err))
	}
	return p.properties(answer)
}

// Next is WantNext as set-up.
func (p *Proof) Next(challenge *codec.Auth) (answer codec.Properties) {
	p.x.during(StepAuthenticate, func() { answer = p.WantNext(challenge) })
	return answer
}

// Accepts says whether the data with which the broker ends the proof shows
// that it, too, knows the password.
func (p *Proof) Accepts(properties codec.Properties) bool {
	data, _ := properties.Text(codec.PropAuthenticationData)
	_, err := p.conversation.Step(data)
	return err == nil && p.conversation.Valid()
}

func (p *Proof) properties(data string) codec.Properties {
	return codec.Properties{codec.AuthenticationMethod(p.method), codec.AuthenticationData(data)}
}

// Authenticate connects with enhanced authentication (5.0, section 4.12). It
// is set-up: a broker that does not accept the proof blocks the check.
func (x *Exchange) Authenticate(options ...ConnectOption) (c *Client) {
	x.during(StepAuthenticate, func() {
		var challenge *codec.Auth
		proof := x.Proof()
		c, challenge = x.ConnectToChallenge(proof, options...)
		c.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: proof.WantNext(challenge)})
		c.WantAccepted()
	})
	return c
}

// ConnectToChallenge connects with enhanced authentication as far as the AUTH with
// which the broker asks for the second part of the proof. It is set-up.
func (x *Exchange) ConnectToChallenge(proof *Proof, options ...ConnectOption) (c *Client, challenge *codec.Auth) {
	connecting := x.connecting(append(options, With(proof.First()...)))
	c = x.Dial(connecting.name)
	c.ID = connecting.packet.ClientID
	x.during(StepAuthenticate, func() {
		c.Send(connecting.packet)
		challenge = Want[*codec.Auth](c, "AUTH 0x18 Continue authentication")
	})
	return c, challenge
}

// TryReauthenticate begins a re-authentication as far as the AUTH with which the
// broker asks for the second part of the proof. Where it rejects that, the check
// does not apply (see WantAuthAgain); any other answer blocks the check.
func (c *Client) TryReauthenticate(proof *Proof) (challenge *codec.Auth) {
	c.x.during(StepAuthenticate, func() {
		c.Send(&codec.Auth{Code: codec.ReAuthenticate, Properties: proof.First()})
		challenge = c.WantAuthAgain("AUTH 0x18 Continue authentication")
	})
	return challenge
}

// WantAuthAgain wants an AUTH in answer to a step of a re-authentication. A
// server may instead let it fail and close the connection, whatever the proof:
// it "might limit the scope of the changes the Client can attempt in a
// re-authentication by rejecting the re-authentication" (section 4.12.1).
func (c *Client) WantAuthAgain(expected string) *codec.Auth {
	p, instead := c.take(wire.Replies, anyPacket)
	switch p := p.(type) {
	case *codec.Auth:
		return p
	case *codec.Disconnect:
		c.x.Inapplicable("the broker rejects the re-authentication: %s", p)
	case nil:
		if c.Closed() {
			c.x.Inapplicable("the broker rejects the re-authentication: %s", instead.text)
		}
	default:
		instead = seen{text: p.String()}
	}
	c.x.lacks(expected, instead)
	return nil
}
