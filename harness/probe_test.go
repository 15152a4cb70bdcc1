package harness

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
			"5.0, everything", codec.V5, nil, []script{{connacks(codec.TopicAliasMaximum(5)), pongs, grants(2)}, nameless},
			[]Need{
				NoEmptyClientIDs, NoExactlyOnce, NoAtLeastOnce, NoRetain, NoWildcards, NoSubscriptionIdentifiers, NoSharedSubscriptions,
				NoTopicAliases, PacketSizeLimit, SmallReceiveMaximum, ServerKeepAlive, Credentials, WebSocketListener, Restarting,
			},
			Features, codec.QoS2,
		},
		{
			"5.0, nothing", codec.V5, nil, []script{{connacks(
				codec.MaximumQoS(codec.QoS0), codec.RetainAvailable(0), codec.WildcardSubscriptionAvailable(0), codec.SubscriptionIdentifierAvailable(0),
				codec.SharedSubscriptionAvailable(0), codec.MaximumPacketSize(1000), codec.ReceiveMaximum(10), codec.ServerKeepAlive(5)), pongs, grants(0)}, refuses(codec.ClientIdentifierNotValid)},
			append([]Need{EmptyClientIDs, ExactlyOnceFromClients}, Features...),
			[]Need{
				NoEmptyClientIDs, NoExactlyOnce, NoAtLeastOnce, NoRetain, NoWildcards, NoSubscriptionIdentifiers, NoSharedSubscriptions,
				NoTopicAliases, PacketSizeLimit, SmallReceiveMaximum, ServerKeepAlive,
			}, codec.QoS0,
		},
		{
			"5.0, QoS 1", codec.V5, nil, []script{{connacks(codec.MaximumQoS(codec.QoS1)), pongs, grants(2)}, nameless},
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
				target.UserName, target.Password, target.Without = "me", "mine", []Need{Retain, WebSocketListener}
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

// TestAnswers: no more than a refusal in so many words drops a version. What has
// sent nothing that begins as a CONNACK is no MQTT broker; no connection is an error.
func TestAnswers(t *testing.T) {
	again := func(s script) []script { return []script{s, s} } // the second time counts
	for _, r := range []struct {
		name    string
		version codec.Version
		scripts []script
		answer  Answer
		speaks  bool // MQTT
		refusal string
		err     string
	}{
		{"0x01 in 3.1.1", codec.V311, []script{refuses(codec.RefusedProtocolVersion)}, RefusesVersion, true, "unacceptable protocol version", ""},
		{"0x84 in 5.0", codec.V5, []script{refuses(codec.UnsupportedProtocolVersion)}, RefusesVersion, true, "Unsupported Protocol Version", ""},
		{"0x01 in the format of 3.1.1, to 5.0", codec.V5, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 2, 0, 1})}}, RefusesVersion, true, "unacceptable protocol version", ""},
		{"0x84 in the format of 5.0, to 3.1.1", codec.V311, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 3, 0, 0x84, 0})}}, RefusesVersion, true, "Unsupported Protocol Version", ""},
		{"closed twice", codec.V5, again(script{wants(codec.CONNECT), closes}), RefusesVersion, false, "closed by the broker (FIN)", ""},
		{"reset twice", codec.V311, again(script{wants(codec.CONNECT), resets}), RefusesVersion, false, "closed by the broker (RST)", ""},
		{"closed once", codec.V311, []script{{wants(codec.CONNECT), closes}, {serves}}, Accepts, true, "", ""},
		{"not available once", codec.V5, []script{refuses(codec.ServerUnavailable), {serves}}, Accepts, true, "", ""},
		{"never available", codec.V311, []script{refuses(codec.RefusedServerUnavailable)}, RefusesClient, true, "Server unavailable", ""},
		{"not authorized", codec.V5, []script{refuses(codec.NotAuthorized)}, RefusesClient, true, "Not authorized", ""},
		{"without Property Length", codec.V5, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 2, 0, 0})}}, Accepts, true, "", ""},
		{"a reserved flag", codec.V5, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 3, 2, 0, 0})}}, Accepts, true, "", ""},
		{"a code that no version knows", codec.V311, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 2, 0, 0x55})}}, Garbles, true, "0x55", ""},
		{"too short a CONNACK", codec.V311, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 0})}}, Garbles, true, "Connect Acknowledge Flags", ""},
		{"a CONNACK that is cut", codec.V5, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 3, 0}), closes}}, Garbles, true, "closed by the broker (FIN) in the middle of a packet", ""},
		{"properties that cannot be read", codec.V5, []script{{wants(codec.CONNECT), sends(codec.Raw{0x20, 5, 0, 0, 9, 1, 1})}}, Garbles, true, "Property Length", ""},
		{"after twice the timeout", codec.V311, []script{{wants(codec.CONNECT), waits(10 * time.Second), sends(&codec.Connack{}), serves}, {serves}}, Accepts, true, "", ""},
		{"no answer", codec.V311, []script{{wants(codec.CONNECT)}}, NoConnack, false, "nothing within 15s", ""},
		{"closed with a DISCONNECT", codec.V5, again(script{wants(codec.CONNECT), sends(&codec.Disconnect{Code: codec.ProtocolError}), closes}), RefusesVersion, false, "DISCONNECT", ""},
		{"HTTP", codec.V311, []script{{sends(codec.Raw("HTTP/1.1 400 Bad Request\r\n\r\n")), closes}}, NoConnack, false, "HTTP server", ""},
		{"TLS", codec.V5, []script{{sends(codec.Raw{0x15, 3, 1, 0, 2, 2, 70}), closes}}, NoConnack, false, "TLS", ""},
		{"another packet", codec.V5, []script{{wants(codec.CONNECT), sends(&codec.Pingresp{})}}, NoConnack, false, "PINGRESP", ""},
		{"nobody listens", codec.V311, nil, NoConnack, false, "", "no connection"},
	} {
		t.Run(r.name, func(t *testing.T) {
			p, err := probed(t, r.version, nil, r.scripts...)
			if p.Answer != r.answer || p.SpeaksMQTT != r.speaks || !strings.Contains(p.Refusal, r.refusal) || (p.Refusal == "") != (r.refusal == "") {
				t.Errorf("answer %d, MQTT %v, %q; want %d, %v, %q", p.Answer, p.SpeaksMQTT, p.Refusal, r.answer, r.speaks, r.refusal)
			}
			if want := r.answer == Accepts || r.answer == Garbles; p.Accepted != want {
				t.Errorf("accepted: %v; want %v", p.Accepted, want)
			}
			if (err != nil) != (r.err != "") || err != nil && !strings.Contains(err.Error(), r.err) {
				t.Errorf("error %v; want %q", err, r.err)
			}
		})
	}
}

// TestUnanswered: what the probe measures decides nothing. A broker that leaves
// it unanswered has a profile that everything is in.
func TestUnanswered(t *testing.T) {
	for _, r := range []struct {
		name       string
		scripts    []script
		noPingresp string
	}{
		{"no PINGRESP", []script{{accepts}, {serves}}, "nothing within 5s"},
		{"a late PINGRESP", []script{{accepts, wants(codec.PINGREQ), waits(6 * time.Second), sends(&codec.Pingresp{})}, {serves}}, "nothing within 5s"},
		{"closed on PINGREQ", []script{{accepts, wants(codec.PINGREQ), closes}, {serves}}, "closed by the broker"},
		{"no SUBACK", []script{{accepts, pongs}, {accepts}}, ""},
		{"nothing but CONNACK", []script{{accepts}}, "nothing within 5s"},
		{"closed after CONNACK", []script{{accepts, closes}}, "closed by the broker"},
		{"nothing to an empty Client Identifier", []script{{accepts, pongs, grants(2), grants(2)}, {wants(codec.CONNECT)}}, ""},
		{"another SUBACK", []script{{accepts, pongs, wants(codec.SUBSCRIBE), sends(&codec.Suback{PacketID: 99, Codes: []codec.ReasonCode{0}})}, {serves}}, ""},
		{"a SUBACK without codes", []script{{accepts, pongs, wants(codec.SUBSCRIBE), sends(codec.Raw{0x90, 2, 0, 1})}, {serves}}, ""},
		{"every subscription refused", []script{{accepts, pongs, grants(codec.SubackFailure)}, {serves}}, ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			p, err := probed(t, codec.V311, nil, r.scripts...)
			if err != nil || p.Answer != Accepts || !p.Accepted {
				t.Fatalf("answer %d, %q, %v", p.Answer, p.Refusal, err)
			}
			if !strings.Contains(p.NoPingresp, r.noPingresp) || (p.NoPingresp == "") != (r.noPingresp == "") {
				t.Errorf("in place of PINGRESP: %q; want %q", p.NoPingresp, r.noPingresp)
			}
			if p.MaximumQoS() != codec.QoS2 {
				t.Errorf("the highest QoS is %d", p.MaximumQoS())
			}
			for _, need := range slices.Concat(Features, []Need{EmptyClientIDs}) {
				if where, lacks := p.Lacks(need); lacks {
					t.Errorf("it is said to lack %s: %s", need, where)
				}
			}
		})
	}
}

// TestSlowest: the slowest of all answers.
func TestSlowest(t *testing.T) {
	for name, scripts := range map[string][]script{
		"CONNACK":                       {{wants(codec.CONNECT), waits(3 * time.Second), sends(&codec.Connack{}), serves}, {serves}},
		"PINGRESP":                      {{accepts, wants(codec.PINGREQ), waits(3 * time.Second), sends(&codec.Pingresp{}), serves}, {serves}},
		"SUBACK":                        {{accepts, pongs, waits(3 * time.Second), serves}, {serves}},
		"but not what did not come":     {{wants(codec.CONNECT), waits(3 * time.Second), sends(&codec.Connack{})}, {serves}},
		"nor what came in the next one": {{wants(codec.CONNECT), waits(3 * time.Second), sends(&codec.Connack{}), closes}, {serves}},
	} {
		t.Run(name, func(t *testing.T) {
			if p, _ := probed(t, codec.V311, nil, scripts...); p.Slowest != 3*time.Second {
				t.Errorf("got %s", p.Slowest)
			}
		})
	}
}

// TestGranted: what SUBACK says of each kind of Topic Filter.
func TestGranted(t *testing.T) {
	p, _ := probed(t, codec.V311, nil, script{accepts, pongs, grants(2), grants(1)}, script{accepts})
	for s, want := range map[codec.Subscription]bool{
		{Filter: "a", QoS: 2}: true, {Filter: "a/+", QoS: 1}: true, {Filter: "a/+", QoS: 2}: false, {Filter: "#", QoS: 0}: true,
		{Filter: "$share/g/a", QoS: 0}: false,
	} {
		if p.Granted(s) != want {
			t.Errorf("%v granted: %v", s, !want)
		}
	}
}

// TestUntried: what only the target can give, and does not, is nothing that the
// broker lacks, unless the target file says so.
func TestUntried(t *testing.T) {
	p, _ := probed(t, codec.V311, func(target *Target) { target.Without = []Need{Killing}; target.Durable = true }, script{serves})
	for need, want := range map[Need]bool{
		Restarting: true, WebSocketListener: true, Credentials: true, Killing: false, DurableState: false, Retain: false, NoEmptyClientIDs: false,
	} {
		if p.Untried(need) != want {
			t.Errorf("%s untried: %v", need, !want)
		}
	}
	if where, lacks := p.Lacks(Killing); !lacks || where != "the target file says so" {
		t.Errorf("killing: %v, %q", lacks, where)
	}
	for _, word := range TargetWords() {
		needs := Without(word)
		if len(needs) == 0 {
			t.Errorf("%s means nothing", word)
		}
		for _, need := range needs {
			if need.Word() == "" || !strings.Contains(need.Advice(), "give ") {
				t.Errorf("%s means %q, whose word is %q, with the advice %q", word, need, need.Word(), need.Advice())
			}
		}
	}
	if n := len(Without("access")); n != 3 {
		t.Errorf("access is %d needs", n)
	}
	if len(Without("kil")) > 0 || Retain.Word() != "" || Retain.Advice() != "" {
		t.Error("a word for what is not of the target")
	}
}

// TestDeclared: the profile for a report.
func TestDeclared(t *testing.T) {
	profile, _ := probed(t, codec.V5, nil, script{connacks(codec.MaximumQoS(1), codec.ReceiveMaximum(10), codec.ReasonString("welcome"), codec.UserProperty("a", "b")), pongs, grants(1)}, script{accepts})
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
