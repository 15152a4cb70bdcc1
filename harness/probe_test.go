package harness

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"mqttspec/codec"
)

// connacks answers CONNECT with these properties.
func connacks(properties ...codec.Property) step {
	return func(s *session) {
		wants(codec.CONNECT)(s)
		sends(&codec.Connack{Properties: properties})(s)
	}
}

// grants answers SUBSCRIBE with these codes.
func grants(codes ...codec.ReasonCode) step {
	return func(s *session) {
		subscribe, ok := s.next().(*codec.Subscribe)
		if !ok {
			s.t.Error("no SUBSCRIBE")
			return
		}
		sends(&codec.Suback{PacketID: subscribe.PacketID, Codes: codes})(s)
	}
}

// probed is what the probe finds out about a scripted broker.
func probed(t *testing.T, v codec.Version, target func(*Target), scripts ...script) (profile *Profile, err error) {
	synctest.Test(t, func(t *testing.T) {
		broker := &scriptedBroker{t: t, version: v, scripts: scripts}
		to := broker.target()
		if target != nil {
			target(to)
		}
		profile, err = Probe(t.Context(), to, testSettings(), v)
		broker.sessions.Wait()
	})
	return profile, err
}

// TestProbe: what a broker declares, and what it shows otherwise.
func TestProbe(t *testing.T) {
	nameless := script{accepts}
	for _, r := range []struct {
		name    string
		version codec.Version
		target  func(*Target)
		scripts []script
		lacks   []Need
		has     []Need
		maximum codec.QoS
	}{
		{
			"5.0, everything", codec.V5, nil, []script{{connacks(codec.TopicAliasMaximum(5)), pongs}, nameless},
			[]Need{
				NoEmptyClientIDs, NoExactlyOnce, NoAtLeastOnce, NoRetain, NoWildcards, NoSubscriptionIdentifiers, NoSharedSubscriptions,
				NoTopicAliases, PacketSizeLimit, SmallReceiveMaximum, ServerKeepAlive, Credentials, WebSocketListener, Restarting,
			},
			Features, codec.QoS2,
		},
		{
			"5.0, nothing", codec.V5, nil, []script{{connacks(
				codec.MaximumQoS(codec.QoS0), codec.RetainAvailable(0), codec.WildcardSubscriptionAvailable(0), codec.SubscriptionIdentifierAvailable(0),
				codec.SharedSubscriptionAvailable(0), codec.MaximumPacketSize(1000), codec.ReceiveMaximum(10), codec.ServerKeepAlive(5)), pongs}, refuses(codec.ClientIdentifierNotValid)},
			append([]Need{EmptyClientIDs, ExactlyOnceFromClients}, Features...),
			[]Need{
				NoEmptyClientIDs, NoExactlyOnce, NoAtLeastOnce, NoRetain, NoWildcards, NoSubscriptionIdentifiers, NoSharedSubscriptions,
				NoTopicAliases, PacketSizeLimit, SmallReceiveMaximum, ServerKeepAlive,
			}, codec.QoS0,
		},
		{
			"5.0, QoS 1", codec.V5, nil, []script{{connacks(codec.MaximumQoS(codec.QoS1)), pongs}, nameless},
			[]Need{ExactlyOnce, ExactlyOnceFromClients, TopicAliases}, []Need{AtLeastOnce, NoExactlyOnce}, codec.QoS1,
		},
		{
			"3.1.1, everything", codec.V311, nil, []script{{accepts, pongs, grants(2), grants(2)}, nameless},
			[]Need{Credentials}, []Need{AtLeastOnce, ExactlyOnce, Wildcards, EmptyClientIDs}, codec.QoS2,
		},
		{
			"3.1.1, QoS 1 and no wildcards", codec.V311, nil, []script{{accepts, pongs, grants(1), grants(codec.SubackFailure)}, nameless},
			[]Need{ExactlyOnce, Wildcards}, []Need{AtLeastOnce, ExactlyOnceFromClients}, codec.QoS1,
		},
		{
			"3.1.1, QoS 0", codec.V311, nil, []script{{accepts, pongs, grants(0), grants(0)}, nameless},
			[]Need{ExactlyOnce, AtLeastOnce}, []Need{Wildcards}, codec.QoS0,
		},
		{
			"what the target says", codec.V311, func(target *Target) {
				target.UserName, target.Password, target.Lacking = "me", "mine", []Need{Retain}
				target.Access = &Access{Refused: []Credential{{"a", "b"}}, Administrator: Credential{"root", "toor"}, Unreadable: "r", Unwritable: "w"}
				target.Life, target.Durable, target.Certified = mortal{}, true, &Certified{}
				target.Authentication = &Authentication{Method: "SCRAM-SHA-256"}
			}, []script{{accepts, pongs, grants(2), grants(2)}, nameless},
			[]Need{Retain, WebSocketListener},
			[]Need{Credentials, RefusedCredentials, AdministratorLogin, UnreadableTopic, UnwritableTopic, Restarting, Killing, DurableState, CertifiedListener, AuthenticationMethod},
			codec.QoS2,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			profile, err := probed(t, r.version, r.target, r.scripts...)
			if err != nil || !profile.Accepted {
				t.Fatalf("accepted: %v, %s, %v", profile.Accepted, profile.Refusal, err)
			}
			for _, need := range r.lacks {
				if where, lacks := profile.Lacks(need); !lacks || where == "" {
					t.Errorf("it is not said to lack %s, with a reason: %q", need, where)
				}
			}
			for _, need := range r.has {
				if where, lacks := profile.Lacks(need); lacks {
					t.Errorf("it is said to lack %s: %s", need, where)
				}
			}
			if profile.MaximumQoS() != r.maximum {
				t.Errorf("its highest QoS is %d; want %d", profile.MaximumQoS(), r.maximum)
			}
		})
	}
}

// TestProbeOfOthers: a version that is not accepted is a profile; no connection
// is an error.
func TestProbeOfOthers(t *testing.T) {
	for name, r := range map[string]struct {
		scripts []script
		refusal string
		err     string
	}{
		"refused":             {[]script{refuses(codec.RefusedProtocolVersion)}, "unacceptable protocol version", ""},
		"closed":              {[]script{{wants(codec.CONNECT), closes}}, "closed by the broker (FIN)", ""},
		"no answer":           {[]script{{wants(codec.CONNECT)}}, "nothing within 5s", ""},
		"another protocol":    {[]script{{sends(codec.Raw("HTTP/1.1 400 Bad Request\r\n\r\n")), closes}}, "HTTP server", ""},
		"no answer to a ping": {[]script{{accepts}}, "nothing within 5s", ""},
		"nobody listens":      {nil, "", "no connection"},
	} {
		t.Run(name, func(t *testing.T) {
			profile, err := probed(t, codec.V311, nil, r.scripts...)
			if profile.Accepted || !strings.Contains(profile.Refusal, r.refusal) {
				t.Errorf("accepted: %v, %q; want %q", profile.Accepted, profile.Refusal, r.refusal)
			}
			if (err != nil) != (r.err != "") || err != nil && !strings.Contains(err.Error(), r.err) {
				t.Errorf("error %v; want %q", err, r.err)
			}
		})
	}
}

// TestDeclared: the profile for a report.
func TestDeclared(t *testing.T) {
	profile, _ := probed(t, codec.V5, nil, script{connacks(codec.MaximumQoS(1), codec.ReceiveMaximum(10), codec.ReasonString("welcome"), codec.UserProperty("a", "b")), pongs}, script{accepts})
	declared := profile.Declared()
	for name, want := range map[string]any{
		"accepted": true, "Maximum QoS": 1, "Receive Maximum": uint32(10), "Reason String": "welcome",
		"lacks QoS 2": "CONNACK: Maximum QoS 1", "lacks Topic Aliases from clients": "CONNACK: Topic Alias Maximum 0 or absent",
	} {
		if declared[name] != want {
			t.Errorf("%s is %v; want %v", name, declared[name], want)
		}
	}
	if len(declared) != 6 {
		t.Errorf("got %v", declared)
	}
	profile, _ = probed(t, codec.V311, nil, refuses(codec.RefusedProtocolVersion))
	if declared := profile.Declared(); declared["accepted"] != false || declared["refusal"] != profile.Refusal {
		t.Errorf("got %v", declared)
	}
	if got := profile.Number(codec.PropReceiveMaximum, 65535); got != 65535 {
		t.Errorf("an absent Receive Maximum is %d", got)
	}
}

// TestAlive: any answer is a sign of life, one that breaks a rule too.
func TestAlive(t *testing.T) {
	for name, r := range map[string]struct {
		scripts []script
		alive   bool
	}{
		"accepted":       {[]script{{accepts}}, true},
		"refused":        {[]script{refuses(codec.RefusedServerUnavailable)}, true},
		"nonsense":       {[]script{{wants(codec.CONNECT), sends(codec.Raw{0, 0})}}, true},
		"closed":         {[]script{{wants(codec.CONNECT), closes}}, false},
		"no answer":      {[]script{{wants(codec.CONNECT)}}, false},
		"nobody listens": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &scriptedBroker{t: t, version: codec.V311, scripts: r.scripts}
				if got := Alive(t.Context(), broker.target(), testProfile(codec.V311), testSettings()); got != r.alive {
					t.Errorf("alive: %v", got)
				}
				broker.sessions.Wait()
			})
		})
	}
}

// TestSoftware: what a broker says of itself in $SYS.
func TestSoftware(t *testing.T) {
	says := func(payload string) script {
		return script{accepts, grants(0), sends(&codec.Publish{Topic: "$SYS/broker/version", Payload: payload, Retain: true}), pongs}
	}
	for name, r := range map[string]struct {
		script script
		want   string
	}{
		"its version":      {says("mosquitto  version\n2.0"), "mosquitto version 2.0"},
		"nothing":          {script{accepts, grants(0), pongs}, ""},
		"a novel":          {says(strings.Repeat("x", 200)), ""},
		"no subscriptions": {script{accepts}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &scriptedBroker{t: t, version: codec.V311, scripts: []script{r.script}}
				if got := Software(t.Context(), broker.target(), testProfile(codec.V311), testSettings()); got != r.want {
					t.Errorf("got %q; want %q", got, r.want)
				}
				broker.sessions.Wait()
			})
		})
	}
}

// TestSecrets: those of the target and of all its instances, each once.
func TestSecrets(t *testing.T) {
	target := &Target{
		Password: "b", Access: &Access{Administrator: Credential{"root", "c"}, Refused: []Credential{{"x", "d"}, {"y", "b"}}},
		Authentication: &Authentication{Login: Credential{"z", "e"}}, Instances: []*Target{{Password: "a"}, {}},
	}
	if got := target.Secrets(); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("got %v", got)
	}
}
