// Package broker turns what a user says about a broker into a target to test:
// target files (YAML), presets of them for brokers that people run, and broker
// processes that are started, restarted, killed and never left behind. It knows
// nothing of checks.
package broker

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"mqttspec/harness"
)

// File is a target file: what the user says about a broker. Its documentation
// is in the tags, from which the JSON Schema and the file that `mqttspec target
// init` writes are made too.
type File struct {
	Name     string `yaml:"name" doc:"Name of the broker in reports. Default: the name of this file." example:"my broker"`
	Embedded bool   `yaml:"embedded" doc:"Use the broker inside mqttspec; then nothing else needs to be said."`
	Software string `yaml:"software" doc:"Software and version for reports. Default: what start.version finds, or what the broker says in $SYS/broker/version." example:"mosquitto 2.0.18"`
	URL      string `yaml:"url" doc:"Where the broker is: mqtt://HOST:PORT, mqtts://, ws://HOST:PORT/PATH, wss:// or unix:///PATH. Every check runs over it. Default, with a start command: mqtt://127.0.0.1:{{.Port}}." example:"mqtt://localhost:1883"`
	URLs     URLs   `yaml:"urls" doc:"The same broker over other transports. The checks of chapter 6 use ws (or wss); --transport runs all checks over another one."`
	TLS      TLS    `yaml:"tls" doc:"What mqtts:// and wss:// connections are made with."`

	Credentials    Credentials     `yaml:"credentials" doc:"User name and password that work. Default: neither is sent."`
	Access         *Access         `yaml:"access" doc:"Who may do what, for the checks about access. Without it they are inapplicable."`
	Certified      *Certified      `yaml:"certified" doc:"A listener on which clients must show a certificate."`
	Authentication *Authentication `yaml:"authentication" doc:"Enhanced authentication (MQTT 5.0, section 4.12) that works."`

	TopicPrefix string            `yaml:"topic_prefix" doc:"Topic below which the credentials may publish and subscribe; the run stays there. Default: mqttspec." example:"mqttspec"`
	Scope       Scope             `yaml:"scope" doc:"What is to be judged."`
	Lacks       []string          `yaml:"lacks" doc:"The features among scope.without, as they were written before there was a scope." example:"[shared subscriptions]"`
	Durable     bool              `yaml:"durable" doc:"The broker is configured to keep sessions and retained messages over a restart." example:"true"`
	Timeouts    Timeouts          `yaml:"timeouts" doc:"How long to wait for the broker."`
	Start       *Start            `yaml:"start" doc:"How to start the broker. Its strings are templates: {{.Port}} is a free loopback port, {{port \"ws\"}} one more by that name, {{.Dir}} a temporary folder, {{.Set.KEY}} a value from set, {{file \"NAME\"}} the path of a file from start.files; {{.CA}}, {{.Certificate}} and {{.Key}} are PEM files made for the run, and {{.ClientCertificate}} with {{.ClientKey}} a client's. The URLs and the files of tls may use them too."`
	Stop        []string          `yaml:"stop" doc:"Command that stops the broker. Default, for one that start has started: SIGTERM, and SIGKILL when that does not help." example:"[systemctl, stop, mosquitto]"`
	Restart     []string          `yaml:"restart" doc:"Command that restarts the broker in an orderly way; with it, or with start, a run restarts the broker when all other checks are done. Default, for one that start has started: stop and start." example:"[systemctl, restart, mosquitto]"`
	Kill        []string          `yaml:"kill" doc:"Command that ends the broker as a power failure would; the restart command, or start, brings it back. Default, for one that start has started: SIGKILL. Leave both out for a broker that others use." example:"[systemctl, kill, --signal=KILL, mosquitto]"`
	Set         map[string]string `yaml:"set" doc:"Values for the templates; an instance sets its own over them."`
	Instances   []File            `yaml:"instances" doc:"The same broker configured otherwise: with limits, access rules or persistence that some rules are about. Each is written like this file and takes from it what it does not say itself: url, urls, tls, credentials, scope (but for what it gives), topic_prefix, timeouts, start, stop, restart, kill and set. A check runs on the first of the broker and its instances that has what it needs."`

	path string // of the file, for messages and to resolve paths in it
}

// Scope is what of a broker is to be judged.
type Scope struct {
	Without []string `yaml:"without" doc:"What the broker does not have without saying so in CONNACK, or what nobody wants judged; checks that need it are inapplicable then. Optional features: QoS 1, QoS 2, retained messages, wildcard subscriptions, Subscription Identifiers, shared subscriptions, Topic Aliases from clients. What this file could give: credentials, websocket, access (or of it: refused, unreadable, unwritable), administrator, certificate, restart, kill, durable, authentication; what it does not give, and does not name here, is untried." example:"[shared subscriptions, Topic Aliases from clients]"`
}

// URLs are further URLs of a broker by transport.
type URLs struct {
	TCP  string `yaml:"tcp" doc:"mqtt://HOST:PORT"`
	TLS  string `yaml:"tls" doc:"mqtts://HOST:PORT"`
	WS   string `yaml:"ws" doc:"ws://HOST:PORT/PATH" example:"ws://localhost:8080/mqtt"`
	WSS  string `yaml:"wss" doc:"wss://HOST:PORT/PATH"`
	Unix string `yaml:"unix" doc:"unix:///PATH"`
}

// TLS is what TLS connections are made with.
type TLS struct {
	CA          string `yaml:"ca" doc:"PEM file of the certificate authorities to trust. Default: the system's." example:"ca.pem"`
	Certificate string `yaml:"certificate" doc:"PEM file of the certificate to show. Default: none."`
	Key         string `yaml:"key" doc:"PEM file of its key."`
	ServerName  string `yaml:"server_name" doc:"Name for SNI and to expect in the broker's certificate. Default: the host of the URL."`
	Insecure    bool   `yaml:"insecure" doc:"Accept every certificate; every report says so." example:"true"`
}

// Credentials are a user name and a password, which can stay out of the file.
type Credentials struct {
	UserName     string `yaml:"username" doc:"User name." example:"tester"`
	Password     string `yaml:"password" doc:"Password. It appears in no output; password_file and password_env keep it out of this file too."`
	PasswordFile string `yaml:"password_file" doc:"File that holds the password; a relative path starts at this file." example:"password.txt"`
	PasswordEnv  string `yaml:"password_env" doc:"Environment variable that holds the password." example:"MQTT_PASSWORD"`
}

// Access is who may do what.
type Access struct {
	Refused       []Credentials `yaml:"refused" doc:"Credentials with which the broker lets nobody in."`
	Administrator *Credentials  `yaml:"administrator" doc:"Credentials that may publish and subscribe everywhere: they see what the others must not have done."`
	Unreadable    string        `yaml:"unreadable" doc:"Topic below which the ordinary credentials may subscribe to nothing." example:"secrets"`
	Unwritable    string        `yaml:"unwritable" doc:"Topic below which the ordinary credentials may publish nothing." example:"notices"`
}

// Certified is a listener on which clients must show a certificate.
type Certified struct {
	URL string `yaml:"url" doc:"Its URL, mqtts:// or wss://." example:"mqtts://localhost:8884"`
	TLS TLS    `yaml:"tls" doc:"With a certificate and key that the broker accepts; they are left out to see it refuse."`
}

// Authentication is how to prove an identity by enhanced authentication.
type Authentication struct {
	Method      string      `yaml:"method" doc:"Authentication Method." example:"SCRAM-SHA-256"`
	Credentials Credentials `yaml:"credentials" doc:"User name and password for it."`
}

// Timeouts say how long to wait for the broker.
type Timeouts struct {
	Answer   time.Duration `yaml:"answer" doc:"For any answer. Default: 5s." example:"5s"`
	Connect  time.Duration `yaml:"connect" doc:"For a Network Connection. Default: 10s." example:"10s"`
	Patience time.Duration `yaml:"patience" doc:"For what the specification sets no time to, when a check is heard for a second time. Default: 30s." example:"30s"`
	Settle   time.Duration `yaml:"settle" doc:"Time to wait after a fence before silence is believed; for clusters. Default: 0s." example:"0s"`
	Start    time.Duration `yaml:"start" doc:"For a started broker to answer CONNECT. Default: 60s." example:"60s"`
	Stop     time.Duration `yaml:"stop" doc:"For a stopped broker to end by itself. Default: 15s." example:"15s"`
}

// Start is how to start a broker.
type Start struct {
	Command []string          `yaml:"command" doc:"Program and arguments; it must stay in the foreground." example:"[mosquitto, -c, '{{file \"mosquitto.conf\"}}']"`
	Files   map[string]string `yaml:"files" doc:"Configuration files to write into {{.Dir}}, by name."`
	Needs   []string          `yaml:"needs" doc:"Programs, by name or path, without which the broker is not installed: those that command does not begin with, as where it is a script." example:"[epmd, /usr/lib/rabbitmq/bin/rabbitmq-server]"`
	Probe   []string          `yaml:"probe" doc:"Command that tells whether the broker is installed, where programs alone do not: status 0 if it is, 127 (a shell's for a command it does not find) if it is not. It runs before setup, after the files are written." example:"[sh, -c, 'test -e /opt/broker/broker.jar || exit 127']"`
	Setup   [][]string        `yaml:"setup" doc:"Commands to run before the start, when the broker is known to be installed."`
	Env     map[string]string `yaml:"env" doc:"Environment variables to add."`
	Log     string            `yaml:"log" doc:"File to keep the broker's output in. Default: it is kept until the run ends and quoted when the broker fails." example:"broker.log"`
	Version *VersionCommand   `yaml:"version" doc:"How to find the version."`
	Install string            `yaml:"install" doc:"What to tell a user who does not have the broker." example:"apt-get install mosquitto"`
}

// VersionCommand finds a version in the output of a command.
type VersionCommand struct {
	Command []string `yaml:"command" doc:"Program and arguments." example:"[mosquitto, -h]"`
	Pattern string   `yaml:"pattern" doc:"Regular expression whose first group is the version. Default: the first line." example:"version (\\S+)"`
	Name    string   `yaml:"name" doc:"Name of the software. Default: that of the program." example:"mosquitto"`
}

// Load reads a target file.
func Load(path string) (*File, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; give a broker's URL, a preset's name or a target file (`mqttspec target init` writes one)", err)
	}
	return Parse(path, raw)
}

// Parse reads the text of a target file; path names it in messages. An error
// shows no line of the file, for it may hold a password.
func Parse(path string, raw []byte) (*File, error) {
	tree, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return nil, fmt.Errorf("%s:%s", path, position(err))
	}
	f := &File{path: path}
	if len(tree.Docs) > 1 {
		return nil, fmt.Errorf("%s: several YAML documents; a target file is one", path)
	}
	if len(tree.Docs) == 1 && tree.Docs[0].Body != nil {
		if err := errors.Join(mistakes(path, tree.Docs[0].Body, reflect.TypeFor[File]())...); err != nil {
			return nil, err
		}
		if err := yaml.NodeToValue(tree.Docs[0].Body, f, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s:%s", path, position(err))
		}
	}
	if f.Name == "" {
		f.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	if err := f.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// position is a YAML error as LINE:COLUMN: MESSAGE, without the source.
func position(err error) string {
	var where yaml.Error
	if errors.As(err, &where) && where.GetToken() != nil && where.GetToken().Position != nil {
		at := where.GetToken().Position
		return fmt.Sprintf("%d:%d: %s", at.Line, at.Column, where.GetMessage())
	}
	return " this is no YAML that a target file can hold"
}

// mistakes finds every key that no field goes by, and values that the decoder
// would complain about without saying where they are.
func mistakes(path string, node ast.Node, t reflect.Type) []error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		return mistakes(path, n.Value, t)
	case *ast.SequenceNode:
		var errs []error
		if t.Kind() == reflect.Slice {
			for _, v := range n.Values {
				errs = append(errs, mistakes(path, v, t.Elem())...)
			}
		}
		return errs
	case *ast.MappingNode:
		var errs []error
		for _, pair := range n.Values {
			errs = append(errs, keyMistakes(path, pair, t)...)
		}
		return errs
	case *ast.MappingValueNode:
		return keyMistakes(path, n, t)
	}
	return nil
}

func keyMistakes(path string, pair *ast.MappingValueNode, t reflect.Type) []error {
	if t.Kind() != reflect.Struct {
		return nil
	}
	at := pair.Key.GetToken()
	key, known := at.Value, map[string]reflect.Type{}
	for _, field := range keys(t) {
		known[field.key] = field.Type
	}
	if inner, ok := known[key]; ok {
		if inner == reflect.TypeFor[time.Duration]() {
			value := pair.Value.GetToken()
			if _, err := time.ParseDuration(value.Value); err != nil {
				return []error{fmt.Errorf("%s:%d:%d: %s: %q is no duration; write 5s, 500ms or 2m", path, value.Position.Line, value.Position.Column, key, value.Value)}
			}
		}
		return mistakes(path, pair.Value, inner)
	}
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	return []error{fmt.Errorf("%s:%d:%d: unknown key %q; %s", path, at.Position.Line, at.Position.Column, key, nearest(key, names))}
}

// key is a struct field that a key of the file sets.
type key struct {
	reflect.StructField
	key string
}

// keys are the keys that set the fields of a struct, in order.
func keys(t reflect.Type) []key {
	var all []key
	for i := range t.NumField() {
		field := t.Field(i)
		if name := field.Tag.Get("yaml"); name != "" {
			all = append(all, key{field, name})
		}
	}
	return all
}

// nearest suggests what a name was meant to be.
func nearest(name string, known []string) string {
	slices.Sort(known)
	best, least := "", 1+max(2, len(name)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known are " + strings.Join(known, ", ")
}

// distance is the number of edits between two words (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// validate finds what no type catches.
func (f *File) validate() error {
	switch {
	case f.Embedded:
		return nil
	case f.URL == "" && (f.Start == nil || len(f.Start.Command) == 0):
		return errors.New("neither url nor start.command is given: say where the broker is, or how to start it")
	case f.Start != nil && len(f.Start.Command) == 0:
		return errors.New("start without a command")
	case f.Start != nil && slices.Contains(f.Start.Needs, ""):
		return errors.New("start.needs: an empty string is no program")
	case f.Start != nil && slices.ContainsFunc(f.Start.Setup, func(command []string) bool { return len(command) == 0 }):
		return errors.New("start.setup: a command without a program")
	case f.TopicPrefix != "" && !harness.ValidTopicPrefix(f.TopicPrefix):
		return fmt.Errorf("topic_prefix %q: 1 to 100 bytes without wildcards, not starting with $", f.TopicPrefix)
	case len(f.Kill) > 0 && len(f.Restart) == 0 && f.Start == nil:
		return errors.New("a kill command needs a restart command that brings the broker back")
	case f.Certified != nil && f.Certified.URL == "":
		return errors.New("certified without a url")
	}
	for _, k := range keys(reflect.TypeFor[Timeouts]()) {
		if d := reflect.ValueOf(f.Timeouts).FieldByIndex(k.Index).Interface().(time.Duration); d < 0 {
			return fmt.Errorf("timeouts.%s: %s: a time is not negative", k.key, d)
		}
	}
	if err := f.validateScope(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range f.Instances {
		instance := &f.Instances[i]
		switch {
		case instance.Name == "":
			return fmt.Errorf("instance %d has no name", i+1)
		case seen[instance.Name]:
			return fmt.Errorf("two instances are called %q", instance.Name)
		case len(instance.Instances) > 0:
			return fmt.Errorf("instance %q has instances of its own", instance.Name)
		}
		seen[instance.Name] = true
		instance.inherit(f)
		if err := instance.validate(); err != nil {
			return fmt.Errorf("instance %q: %w", instance.Name, err)
		}
	}
	return nil
}

// validateScope finds words that mean nothing, and such as the rest of the file
// contradicts.
func (f *File) validateScope() error {
	var features []string
	for _, feature := range harness.Features {
		features = append(features, string(feature))
	}
	for _, word := range f.Lacks {
		if !slices.Contains(features, word) {
			return fmt.Errorf("lacks: %q is no optional feature; %s", word, nearest(word, features))
		}
	}
	for _, word := range f.Scope.Without {
		if harness.Without(word) == nil {
			return fmt.Errorf("scope.without: %q is nothing that a broker can be without; %s", word, nearest(word, slices.Concat(features, harness.TargetWords())))
		}
		if given := f.given(word); given != "" {
			return fmt.Errorf("scope.without: %s, though %s is given: leave one of them out", word, given)
		}
	}
	return nil
}

// given is the key by which the file gives what goes by this word; "" where it
// does not. That start can restart a broker, and kill it, is no reason to do so.
func (f *File) given(word string) string {
	access := f.Access
	if access == nil {
		access = &Access{}
	}
	for _, gives := range []struct {
		word, key string
		given     bool
	}{
		{"credentials", "credentials", f.Credentials != (Credentials{})},
		{"credentials", "a login in url", loginIn(f.URL)},
		{"websocket", "urls.ws", f.URLs.WS != ""},
		{"websocket", "urls.wss", f.URLs.WSS != ""},
		{"websocket", "a url of that", strings.HasPrefix(f.URL, "ws")},
		{"access", "access.refused", len(access.Refused) > 0},
		{"access", "access.unreadable", access.Unreadable != ""},
		{"access", "access.unwritable", access.Unwritable != ""},
		{"refused", "access.refused", len(access.Refused) > 0},
		{"administrator", "access.administrator", access.Administrator != nil},
		{"unreadable", "access.unreadable", access.Unreadable != ""},
		{"unwritable", "access.unwritable", access.Unwritable != ""},
		{"certificate", "certified", f.Certified != nil},
		{"restart", "restart", len(f.Restart) > 0},
		{"kill", "kill", len(f.Kill) > 0},
		{"durable", "durable", f.Durable},
		{"authentication", "authentication", f.Authentication != nil},
	} {
		if gives.word == word && gives.given {
			return gives.key
		}
	}
	return ""
}

// loginIn says whether a URL has a user name in it.
func loginIn(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.User != nil
}

// without is all that the file says the broker is without.
func (f *File) without() []harness.Need {
	var needs []harness.Need
	for _, word := range slices.Concat(f.Scope.Without, f.Lacks) {
		needs = append(needs, harness.Without(word)...)
	}
	return needs
}

// inherit takes from the file what an instance does not say itself.
func (f *File) inherit(from *File) {
	f.path = from.path
	ownBroker := f.URL != "" || f.Start != nil
	take(&f.Software, from.Software)
	take(&f.TopicPrefix, from.TopicPrefix)
	take(&f.Timeouts, from.Timeouts)
	take(&f.TLS, from.TLS)
	take(&f.Credentials, from.Credentials)
	if f.Scope.Without == nil {
		for _, word := range from.Scope.Without {
			if f.given(word) == "" { // what an instance has that the broker has not
				f.Scope.Without = append(f.Scope.Without, word)
			}
		}
	}
	if f.URL == "" {
		f.URL = from.URL
	}
	if !ownBroker {
		take(&f.URLs, from.URLs)
		f.Start = from.Start
		if len(f.Stop)+len(f.Restart)+len(f.Kill) == 0 {
			f.Stop, f.Restart, f.Kill = from.Stop, from.Restart, from.Kill
		}
	}
	set := map[string]string{}
	for _, values := range []map[string]string{from.Set, f.Set} {
		for k, v := range values {
			set[k] = v
		}
	}
	f.Set = set
}

// take sets what is not set.
func take[T any](to *T, from T) {
	if reflect.ValueOf(to).Elem().IsZero() {
		*to = from
	}
}

// resolve makes a path in the file one from the working folder.
func (f *File) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.path), path)
}

// credential reads the password from wherever it is.
func (f *File) credential(c Credentials) (harness.Credential, error) {
	given := 0
	for _, s := range []string{c.Password, c.PasswordFile, c.PasswordEnv} {
		if s != "" {
			given++
		}
	}
	if given > 1 {
		return harness.Credential{}, errors.New("password, password_file and password_env exclude each other; give one")
	}
	password := c.Password
	switch {
	case c.PasswordFile != "":
		raw, err := os.ReadFile(f.resolve(c.PasswordFile))
		if err != nil {
			return harness.Credential{}, fmt.Errorf("password_file: %w", err)
		}
		password = strings.TrimRight(string(raw), "\r\n")
	case c.PasswordEnv != "":
		value, ok := os.LookupEnv(c.PasswordEnv)
		if !ok {
			return harness.Credential{}, fmt.Errorf("password_env: the environment variable %s is not set", c.PasswordEnv)
		}
		password = value
	}
	if password != "" && c.UserName == "" {
		return harness.Credential{}, errors.New("a password needs a username with it")
	}
	return harness.Credential{UserName: c.UserName, Password: password}, nil
}

// secrets are the passwords in the file and those it refers to, as far as they
// can be read.
func (f *File) secrets() []string {
	all := []Credentials{f.Credentials}
	if f.Access != nil {
		all = append(all, f.Access.Refused...)
		if f.Access.Administrator != nil {
			all = append(all, *f.Access.Administrator)
		}
	}
	if f.Authentication != nil {
		all = append(all, f.Authentication.Credentials)
	}
	var secrets []string
	for _, c := range all {
		if login, err := f.credential(c); err == nil {
			secrets = append(secrets, login.Password)
		}
	}
	for i := range f.Instances {
		secrets = append(secrets, f.Instances[i].secrets()...)
	}
	return secrets
}

// Started is a target file that says no more than how to start a broker.
func Started(command []string) *File {
	return &File{Name: filepath.Base(command[0]), Start: &Start{Command: command}, path: "the command line"}
}

// StartWith makes the command start the broker, in place of what the file says.
func (f *File) StartWith(command []string) error {
	if f.Embedded {
		return errors.New("the embedded broker is started by mqttspec itself; leave it out before --")
	}
	start := Start{}
	if f.Start != nil {
		start = *f.Start
	}
	start.Command = command
	f.Start = &start
	for i := range f.Instances {
		if instance := &f.Instances[i]; instance.Start != nil {
			own := *instance.Start
			own.Command = command
			instance.Start = &own
		}
	}
	return nil
}
