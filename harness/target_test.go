package harness

import (
	"strconv"
	"strings"
	"testing"

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
