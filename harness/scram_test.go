package harness

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/xdg-go/scram"

	"mqttspec/codec"
)

// verifier is the broker's side of SCRAM-SHA-256, for the user me with the
// password mine.
func verifier(t *testing.T) *scram.ServerConversation {
	credentials := func(user string) (scram.StoredCredentials, error) {
		client, err := scram.SHA256.NewClient(user, "mine", "")
		if err != nil {
			return scram.StoredCredentials{}, err
		}
		return client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 4096})
	}
	server, err := scram.SHA256.NewServer(credentials)
	if err != nil {
		t.Fatal(err)
	}
	return server.NewConversation()
}

// proofOf is the Authentication Data of a packet.
func proofOf(p codec.Packet) string {
	data, _ := codec.PropertiesOf(p).Text(codec.PropAuthenticationData)
	return data
}

// challenges answers the first part of a proof in CONNECT or AUTH.
func challenges(s *session) { challengesWith(verifier(s.t))(s) }

func challengesWith(conversation *scram.ServerConversation) step {
	return func(s *session) {
		challenge, err := conversation.Step(proofOf(s.next()))
		if err != nil {
			s.t.Errorf("the first part of the proof: %v", err)
		}
		sends(&codec.Auth{Code: codec.ContinueAuthentication, Properties: codec.Properties{codec.AuthenticationMethod("SCRAM-SHA-256"), codec.AuthenticationData(challenge)}})(s)
	}
}

// verifies does the whole proof, and lets in who can give it.
func verifies(s *session) {
	conversation := verifier(s.t)
	challengesWith(conversation)(s)
	final, err := conversation.Step(proofOf(s.next()))
	if err != nil {
		sends(&codec.Connack{Code: codec.NotAuthorized})(s)
		return
	}
	sends(&codec.Connack{Properties: codec.Properties{codec.AuthenticationMethod("SCRAM-SHA-256"), codec.AuthenticationData(final)}})(s)
}

func TestAuthentication(t *testing.T) {
	nonsense := &codec.Auth{Code: codec.ContinueAuthentication, Properties: codec.Properties{codec.AuthenticationMethod("SCRAM-SHA-256"), codec.AuthenticationData("nonsense")}}
	authenticate := func(x *Exchange) { x.Authenticate(As("alice")) }
	halfway := func(proof func(x *Exchange) *Proof) func(x *Exchange) {
		return func(x *Exchange) {
			p := proof(x)
			c, challenge := x.ConnectToChallenge(p, As("alice"))
			c.Send(&codec.Auth{Code: codec.ContinueAuthentication, Properties: p.WantNext(challenge)})
			x.Expect(p.Accepts(c.WantAccepted().Properties)).To(BeTrue())
		}
	}
	again := func(x *Exchange) {
		p := x.Proof()
		p.WantNext(x.Authenticate(As("alice")).TryReauthenticate(p))
	}
	for name, r := range map[string]struct {
		script script
		body   func(x *Exchange)
		want   stop
	}{
		"the right proof":               {script{verifies}, authenticate, stop{}},
		"the right proof, step by step": {script{verifies}, halfway((*Exchange).Proof), stop{}},
		"a wrong proof":                 {script{verifies}, halfway((*Exchange).WrongProof), stop{Contradicted, "CONNACK 0x00 Success", "0x87 Not authorized", ""}},
		"no challenge":                  {script{accepts}, authenticate, stop{Unprepared, "AUTH 0x18 Continue authentication", "CONNACK", StepAuthenticate}},
		"a challenge that is none":      {script{wants(codec.CONNECT), sends(nonsense)}, halfway((*Exchange).Proof), stop{Contradicted, "Authentication Data of SCRAM-SHA-256", "nonsense", ""}},
		"the same, in set-up":           {script{wants(codec.CONNECT), sends(nonsense)}, authenticate, stop{Unprepared, "Authentication Data of SCRAM-SHA-256", "nonsense", StepAuthenticate}},
		"again":                         {script{verifies, challenges}, again, stop{}},
		"again, rejected by DISCONNECT": {script{verifies, wants(codec.AUTH), disconnect(codec.NotAuthorized)}, again, stop{kind: Declined}},
		"again, rejected by closing":    {script{verifies, wants(codec.AUTH), closes}, again, stop{kind: Declined}},
		"again, another packet":         {script{verifies, wants(codec.AUTH), sends(&codec.Pingresp{})}, again, stop{Unprepared, "AUTH 0x18 Continue authentication", "PINGRESP", StepAuthenticate}},
		"again, no answer":              {script{verifies}, again, stop{Unprepared, "AUTH 0x18 Continue authentication", "nothing within 5s", StepAuthenticate}},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				version: codec.V5, scripts: []script{r.script}, body: r.body,
				target: func(target *Target) {
					target.Authentication = &Authentication{Method: "SCRAM-SHA-256", Login: Credential{"me", "mine"}}
				},
			}.evidence(t)
			r.want.check(t, e.Stop)
		})
	}
}
