package broker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mqttspec/harness"
)

func TestMistakesInTargetFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":            {"url: mqtt://h\nnmae: x\n", `t.yaml:2:1: unknown key "nmae"; did you mean "name"?`},
		"unknown key below":      {"url: mqtt://h\ntls:\n  cacert: x\n", `t.yaml:3:3: unknown key "cacert"; known are ca, certificate, insecure, key, server_name`},
		"unknown key of one":     {"url: mqtt://h\ninstances:\n  - name: a\n    acess: {}\n", `t.yaml:4:5: unknown key "acess"; did you mean "access"?`},
		"several unknown keys":   {"url: mqtt://h\nurls: {wx: a}\nstrat: {}\n", `t.yaml:2:8: unknown key "wx"`},
		"wrong type":             {"url: mqtt://h\nstop: {a: b}\n", `t.yaml:2:`},
		"no YAML":                {"url: [mqtt://h\n", `t.yaml:1:`},
		"key twice":              {"url: mqtt://h\nurl: mqtt://i\n", `t.yaml:2:1: `},
		"several documents":      {"url: mqtt://h\n---\nurl: mqtt://i\n", "several YAML documents"},
		"empty":                  {"", "neither url nor start.command"},
		"duration":               {"url: mqtt://h\ntimeouts: {answer: soon}\n", `t.yaml:2:20: answer: "soon" is no duration`},
		"prefix":                 {"url: mqtt://h\ntopic_prefix: a/#\n", "topic_prefix"},
		"lacks":                  {"url: mqtt://h\nlacks: [shared subscription]\n", `did you mean "shared subscriptions"?`},
		"lacks of the target":    {"url: mqtt://h\nlacks: [websocket]\n", `lacks: "websocket" is no optional feature`},
		"scope":                  {"url: mqtt://h\nscope: {without: [websockets]}\n", `did you mean "websocket"?`},
		"scope of one word":      {"url: mqtt://h\nscope: websocket\n", `t.yaml:2:8: `},
		"scope and login":        {"url: mqtt://h\nscope: {without: [credentials]}\ncredentials: {username: u}\n", "scope.without: credentials, though credentials is given"},
		"scope and login in url": {"url: mqtt://u:p@h\nscope: {without: [credentials]}\n", "scope.without: credentials, though a login in url is given"},
		"scope and WebSocket":    {"url: mqtt://h\nurls: {ws: ws://h}\nscope: {without: [websocket]}\n", "scope.without: websocket, though urls.ws is given"},
		"scope and durable":      {"url: mqtt://h\ndurable: true\nscope: {without: [durable]}\n", "scope.without: durable, though durable is given"},
		"scope and access":       {"url: mqtt://h\naccess: {unreadable: x}\nscope: {without: [access]}\n", "scope.without: access, though access.unreadable is given"},
		"scope and restart":      {"url: mqtt://h\nrestart: [x]\nscope: {without: [restart]}\n", "scope.without: restart, though restart is given"},
		"scope of an instance":   {"url: mqtt://h\ninstances: [{name: a, durable: true, scope: {without: [durable]}}]\n", `instance "a": scope.without: durable`},
		"a negative time":        {"url: mqtt://h\ntimeouts: {patience: -3s}\n", "timeouts.patience: -3s"},
		"nameless instance":      {"url: mqtt://h\ninstances: [{url: mqtt://i}]\n", "instance 1 has no name"},
		"instances of instances": {"url: mqtt://h\ninstances: [{name: a, instances: [{name: b}]}]\n", "has instances of its own"},
		"kill without restart":   {"url: mqtt://h\nkill: [x]\n", "needs a restart command"},
		"needs of one word":      {"start: {command: [x], needs: epmd}\n", `t.yaml:1:30: `},
		"needs an empty name":    {"start: {command: [x], needs: ['']}\n", "start.needs: an empty string is no program"},
		"probe of one word":      {"start: {command: [x], probe: true}\n", `t.yaml:1:30: `},
		"set-up without program": {"start: {command: [x], setup: [[]]}\n", "start.setup: a command without a program"},
		"needs misspelt":         {"start: {command: [x], need: [y]}\n", `unknown key "need"; did you mean "needs"?`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("t.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want an error with %q", err, c.want)
			}
		})
	}
}

// TestMistakesHideSecrets holds errors against the password that stands beside
// the mistake.
func TestMistakesHideSecrets(t *testing.T) {
	for _, text := range []string{
		"url: mqtt://h\ncredentials: {username: u, password: hunter2, passwrd: hunter2}\n",
		"url: mqtt://h\ncredentials: {username: u, password: [hunter2]}\n",
		"url: mqtt://h\ncredentials: {username: u, password: hunter2\n",
		"url: mqtt://u:hunter2@h:port\n",
		"url: mqtt://u:hun/ter2hunter2@h\n",
	} {
		f, err := Parse("t.yaml", []byte(text))
		if err == nil {
			_, err = Open(t.Context(), f, Options{})
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

// TestScope: what a file says a broker is without is told to the target, from an
// instance too, which may have it all the same; a flag can contradict it.
func TestScope(t *testing.T) {
	f, err := Parse("t.yaml", []byte(`
url: mqtt://h
scope: {without: [access, durable, retained messages]}
lacks: [shared subscriptions]
timeouts: {patience: 7s}
instances:
  - {name: a, durable: true}
  - {name: b, scope: {without: [kill]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	access := []harness.Need{harness.RefusedCredentials, harness.UnreadableTopic, harness.UnwritableTopic}
	for i, want := range [][]harness.Need{
		append(slices.Clone(access), harness.DurableState, harness.Retain, harness.SharedSubscriptions),
		append(slices.Clone(access), harness.Retain),
		{harness.Killing},
	} {
		if target := opened.Target.All()[i]; !slices.Equal(target.Without, want) || target.Patience != 7*time.Second {
			t.Errorf("%s is without %q, patience %s; want %q", target.Name, target.Without, target.Patience, want)
		}
	}

	f.Scope.Without = []string{"credentials"}
	f.Credentials.UserName = "from a flag"
	if _, err := Open(t.Context(), f, Options{}); err == nil || !strings.Contains(err.Error(), "scope.without: credentials") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.yaml")
	write(t, filepath.Join(dir, "secret"), "from the file\n")
	write(t, path, "url: mqtt://h\ncredentials: {username: u, password_file: secret}\ninstances:\n  - {name: a, credentials: {username: u, password_env: BROKER_TEST_PASSWORD}}\n")
	t.Setenv("BROKER_TEST_PASSWORD", "from the environment")
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if got := opened.Target.Password; got != "from the file" {
		t.Errorf("password_file: got %q", got)
	}
	if got := opened.Target.Instances[0].Password; got != "from the environment" {
		t.Errorf("password_env: got %q", got)
	}
	if got := opened.Target.Secrets(); !slices.Equal(got, []string{"from the environment", "from the file"}) {
		t.Errorf("secrets: got %q", got)
	}
}

// TestTemplateExplainsEveryKey takes the comment signs off the template that
// `target init` writes: what is left must be a target file.
func TestTemplateExplainsEveryKey(t *testing.T) {
	if _, err := Parse("t.yaml", []byte(Template())); err != nil {
		t.Fatalf("as it is: %v", err)
	}
	text := regexp.MustCompile(`(?m)^#((?:  )*[A-Za-z-])`).ReplaceAllString(Template(), "$1")
	f, err := Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatalf("uncommented: %v\n%s", err, text)
	}
	if f.Start == nil || f.Access == nil || len(f.Instances) != 1 || f.Timeouts.Start == 0 {
		t.Errorf("something is not there: %+v", f)
	}
}

func TestSchemaKnowsEveryKey(t *testing.T) {
	raw, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"password_env"`, `"unwritable"`, `"certified"`, `"pattern"`, `"instances"`} {
		if !strings.Contains(string(raw), key) {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestPresetsAreTargetFiles(t *testing.T) {
	for _, name := range Presets() {
		if _, err := Preset(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := Find("mosquito"); err == nil || !strings.Contains(err.Error(), `did you mean "mosquitto"?`) {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
