package harness

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

func TestURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"mqtt://h":              "",
		"mqtt://[::1]:1883":     "",
		"mqtts://h":             "",
		"ws://h:8080/mqtt?a=b":  "",
		"wss://[fe80::1%25lo]/": "",
		"unix:///run/x.sock":    "",
		"mqtt://u:p%40ss@h":     "",
		"h:1883":                "is no scheme",
		"http://h":              `"http" is no scheme that brokers are reached by; write mqtt://HOST:PORT`,
		"mqtt://":               "has no host",
		"mqtt://h:0":            "ports are 1 to 65535",
		"mqtt://h:70000":        "ports are 1 to 65535",
		"mqtt://h:port":         "cannot be read as a URL",
		"mqtt://h/path":         "has a path, which means nothing over mqtt",
		"unix://":               "names no socket",
		"mqtt://u:p/ss@h":       "it is not shown",
		"mqtt://u:p ss@h:x":     "it is not shown",
	} {
		target, err := ParseTarget(raw)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", raw, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v; want one with %q", raw, err, want)
		case want == "" && strings.Contains(target.URL, "p@ss"), err != nil && strings.Contains(err.Error(), "ss@"):
			t.Errorf("%s: the password shows", raw)
		}
	}
	target, err := ParseTarget("mqtt://u:p%40ss@h")
	if err != nil || target.UserName != "u" || target.Password != "p@ss" {
		t.Errorf("credentials: %+v, %v", target, err)
	}
}

func TestNoAddressAnswers(t *testing.T) {
	var ports wire.Ports
	port, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	target, err := ParseTarget("mqtt://localhost:" + strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v; want one that says refused", err)
	}
}

// TestAwait: a broker is there when it answers a CONNECT of either version,
// whatever it says.
func TestAwait(t *testing.T) {
	hangsUp := script{func(s *session) { _, _ = s.reader.Next() }, closes} // on a CONNECT of any version
	for name, r := range map[string]struct {
		version codec.Version
		scripts []script
		want    string // in the error; "" is none
	}{
		"accepts":         {codec.V311, []script{{accepts, wants(codec.DISCONNECT)}}, ""},
		"refuses":         {codec.V311, []script{refuses(codec.RefusedCredentials)}, ""},
		"comes up":        {codec.V311, []script{hangsUp, hangsUp, hangsUp, hangsUp, {accepts}}, ""}, // each is tried with either version
		"knows 5.0 only":  {codec.V5, []script{hangsUp, {accepts}}, ""},
		"nobody listens":  {codec.V311, nil, "connection refused"},
		"closes":          {codec.V311, []script{hangsUp}, "no CONNACK"},
		"does not answer": {codec.V311, []script{{}}, "no CONNACK"},
		"answers other":   {codec.V311, []script{{sends(&codec.Pingresp{})}}, "a PINGRESP in place of a CONNACK"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &scriptedBroker{t: t, version: r.version, scripts: r.scripts}
				err := broker.target().Await(t.Context(), 10*time.Second)
				if (err == nil) != (r.want == "") || err != nil && !strings.Contains(err.Error(), r.want) {
					t.Errorf("error %v; want %q", err, r.want)
				}
				broker.sessions.Wait()
			})
		})
	}
}

func TestTopicPrefixes(t *testing.T) {
	for prefix, valid := range map[string]bool{
		"mqttspec": true, "a/b": true, "": false, "a/#": false, "a/+/b": false, "$SYS": false, "a\x00": false, strings.Repeat("a", 101): false,
	} {
		if ValidTopicPrefix(prefix) != valid {
			t.Errorf("%q is valid: %v", prefix, !valid)
		}
	}
}
