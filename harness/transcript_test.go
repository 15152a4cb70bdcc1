package harness

import (
	"fmt"
	"strings"
	"testing"

	"mqttspec/codec"
)

// TestMasking: a secret shows nowhere, not in hexadecimal either, and not where
// the shortened bytes end in its middle.
func TestMasking(t *testing.T) {
	const secret = "opensesame"
	stars := fmt.Sprintf("%x", strings.Repeat("*", len(secret)))
	for name, r := range map[string]struct {
		raw  string
		want string
	}{
		"nothing to hide":    {"hello", fmt.Sprintf("%x", "hello")},
		"the secret":         {"a" + secret + "b", "61" + stars + "62"},
		"the secret twice":   {secret + secret, stars + stars},
		"cut off by the end": {strings.Repeat("x", eventBytes-3) + secret, strings.Repeat("78", eventBytes-3) + stars[:6]},
		"behind the end":     {strings.Repeat("x", eventBytes) + secret, strings.Repeat("78", eventBytes)},
		"nothing at all":     {"", ""},
	} {
		if got := maskedHex([]byte(r.raw), []string{"", secret}); got != r.want {
			t.Errorf("%s: %s; want %s", name, got, r.want)
		}
	}
	if got := Mask("say "+secret+"!", []string{"", secret}); got != "say ***!" {
		t.Errorf("got %q", got)
	}
}

// TestPasswordsAreSecrets: those of the target, and those that a check makes up.
func TestPasswordsAreSecrets(t *testing.T) {
	made := "made up"
	connect := &codec.Connect{ProtocolName: "MQTT", ProtocolLevel: 4, ClientID: "c", CleanStart: true, UserName: &made, Password: &made}
	for name, body := range map[string]func(x *Exchange, c *Client){
		"in CONNECT":            func(x *Exchange, c *Client) { c.Send(connect) },
		"in an illegal CONNECT": func(x *Exchange, c *Client) { c.Send(codec.Wrong(connect, codec.Set("Protocol Level", 9))) },
		"in a message":          func(x *Exchange, c *Client) { c.Send(&codec.Publish{Topic: "a", Payload: "opensesame"}) },
		"in a failure":          func(x *Exchange, c *Client) { x.Failf("the one", "opensesame") },
		"in a case": func(x *Exchange, c *Client) {
			x.Cases(Case{"one", func(x *Exchange) { x.Failf("opensesame", "the other") }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				scripts: []script{{}}, target: func(target *Target) { target.Password = "opensesame" },
				body: func(x *Exchange) { body(x, x.Dial("alice")) },
			}.evidence(t)
			if all := fmt.Sprintf("%+v", e); strings.Contains(all, "opensesame") || strings.Contains(all, made) ||
				strings.Contains(all, fmt.Sprintf("%x", "opensesame")) || strings.Contains(all, fmt.Sprintf("%x", made)) {
				t.Errorf("it shows: %s", all)
			}
		})
	}
}

// TestTranscriptIsBounded: of a long exchange the beginning and the end are kept.
func TestTranscriptIsBounded(t *testing.T) {
	log := newTranscript(nil)
	for i := range 2 * maxEvents {
		log.add("alice", ToBroker, fmt.Sprint(i), nil, "")
	}
	events := log.events()
	if len(events) != maxEvents+1 {
		t.Fatalf("%d events", len(events))
	}
	for i, want := range map[int]string{
		0: "0", maxEvents/2 - 1: fmt.Sprint(maxEvents/2 - 1), maxEvents / 2: fmt.Sprintf("%d events left out here", maxEvents),
		maxEvents/2 + 1: fmt.Sprint(maxEvents * 3 / 2), maxEvents: fmt.Sprint(2*maxEvents - 1),
	} {
		if events[i].Packet != want {
			t.Errorf("event %d is %q; want %q", i, events[i].Packet, want)
		}
	}
}

// TestShortened: topics and payloads of any length are told on a line.
func TestShortened(t *testing.T) {
	long := strings.Repeat("a", 300)
	if got := shortTopic(long); len(got) > 150 || !strings.HasPrefix(got, "300 bytes ") {
		t.Errorf("got %s", got)
	}
	if got := shortPayload(long); len(got) > 60 || !strings.HasPrefix(got, "300 bytes ") {
		t.Errorf("got %s", got)
	}
}
