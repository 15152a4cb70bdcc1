package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"

	"mqttspec/harness"
	"mqttspec/harness/broker/certificates"
	"mqttspec/harness/broker/embedded"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
)

// Options change what a target file says.
type Options struct {
	// Transport runs all checks over one of the file's urls: tcp, tls, ws, wss or
	// unix; "" means url.
	Transport string
	// Log is a file for the output of the broker that is started; "" means what
	// the file says.
	Log string
	// Reaper gets to know every process that is started; it may be nil.
	Reaper *Reaper

	services []string // where programs are that PATH may lack; nil means [serviceFolders]
}

// Transports are the values of Options.Transport.
var Transports = []string{"tcp", "tls", "ws", "wss", "unix"}

// Opened is a target that is ready to be tested.
type Opened struct {
	Target *harness.Target

	sites    []*site
	embedded *embedded.Broker
}

// Open starts what has to be started, with all its instances, and waits until
// everything answers CONNECT. The caller closes what is returned.
func Open(ctx context.Context, f *File, o Options) (*Opened, error) {
	if f.Embedded {
		return openEmbedded(o)
	}
	if err := f.validateScope(); err != nil { // once more, for what flags have added
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	opened, free := &Opened{}, new(wire.Ports)
	for i := -1; i < len(f.Instances); i++ {
		file := f
		if i >= 0 {
			file = &f.Instances[i]
		}
		opened.sites = append(opened.sites, &site{File: file, options: o, free: free})
	}
	errs := make([]error, len(opened.sites))
	var group sync.WaitGroup
	for i, s := range opened.sites {
		group.Go(func() { errs[i] = s.open(ctx) })
	}
	group.Wait()
	for i, err := range errs {
		if err == nil {
			continue
		}
		opened.Close()
		if i > 0 {
			err = fmt.Errorf("instance %s: %w", opened.sites[i].Name, err)
		}
		// One is enough: most often they are all the same. It may quote the broker.
		return nil, masked{err, f.secrets()}
	}
	opened.Target = opened.sites[0].target
	opened.Target.Software = cmp.Or(opened.Target.Software, opened.sites[0].version(ctx))
	for _, s := range opened.sites[1:] {
		s.target.Software = opened.Target.Software
		opened.Target.Instances = append(opened.Target.Instances, s.target)
	}
	return opened, nil
}

// masked is an error without the secrets in its text.
type masked struct {
	error
	secrets []string
}

func (m masked) Error() string { return harness.Mask(m.error.Error(), m.secrets) }
func (m masked) Unwrap() error { return m.error }

// openEmbedded starts the broker inside mqttspec.
func openEmbedded(o Options) (*Opened, error) {
	inside, err := embedded.Start()
	if err != nil {
		return nil, err
	}
	opened := &Opened{Target: inside.Target, embedded: inside}
	scheme := map[string]string{"tls": "mqtts", "ws": "ws", "wss": "wss", "unix": "unix"}[o.Transport]
	if over := inside.Over[scheme]; over != nil {
		over.Instances = inside.Target.Instances
		opened.Target = over
	}
	return opened, nil
}

// Close stops what was started and leaves nothing behind.
func (o *Opened) Close() {
	if o.embedded != nil {
		_ = o.embedded.Close()
	}
	var group sync.WaitGroup
	for _, s := range o.sites {
		group.Go(s.close)
	}
	group.Wait()
}

// Problem says that a broker which was started has ended by itself, with the
// end of what it said; "" if all is well.
func (o *Opened) Problem() string {
	for _, s := range o.sites {
		s.mu.Lock()
		p := s.process
		s.mu.Unlock()
		if p == nil {
			continue
		}
		if how, ended := p.exited(); ended {
			return fmt.Sprintf("the broker process (%s) has ended by itself: %s%s", s.Name, how, harness.Mask(quoted(s.tail()), s.target.Secrets()))
		}
	}
	return ""
}

// site is one broker of a target file: the main one or an instance.
type site struct {
	*File
	options Options
	target  *harness.Target

	dir     string
	free    *wire.Ports
	ports   map[string]int
	secured bool // the certificates are written
	logPath string
	args    []string
	env     []string
	stopped []string // the stop, restart and kill commands, rendered
	restart []string
	killing []string

	living  sync.Mutex // one restart at a time
	mu      sync.Mutex // guards process
	process *process
}

// open starts the broker, if it has to be started, and makes the target of it.
func (s *site) open(ctx context.Context) error {
	const attempts = 3 // a free port can be taken by somebody else before the broker has it
	for attempt := 1; ; attempt++ {
		err := s.tryOpen(ctx)
		if err == nil {
			return nil
		}
		log := s.tail()
		s.close()
		s.ports, s.secured = nil, false
		if attempt == attempts || !addressInUse.MatchString(log) {
			return err
		}
	}
}

var addressInUse = regexp.MustCompile(`(?i)address already in use|eaddrinuse|unable to create .*listener`)

func (s *site) tryOpen(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "mqttspec"); err != nil {
		return err
	}
	if s.Start != nil {
		if err := s.prepare(ctx); err != nil {
			return err
		}
	}
	if s.target, err = s.newTarget(); err != nil {
		return err
	}
	for _, command := range []struct {
		to   *[]string
		from []string
	}{{&s.stopped, s.Stop}, {&s.restart, s.Restart}, {&s.killing, s.Kill}} {
		if *command.to, err = s.renderAll(command.from); err != nil {
			return err
		}
	}
	if s.Start != nil || len(s.Restart) > 0 {
		s.target.Life = s.life()
	}
	if s.Start == nil {
		return nil
	}
	return s.start(ctx)
}

// prepare finds the broker, writes the files and runs the set-up commands.
func (s *site) prepare(ctx context.Context) (err error) {
	for name, text := range s.Start.Files {
		path, err := s.filePath(name)
		if err != nil {
			return err
		}
		rendered, err := s.render(text)
		if err != nil {
			return fmt.Errorf("start.files: %s: %w", name, err)
		}
		if err := os.WriteFile(path, []byte(rendered), 0o600); err != nil {
			return err
		}
	}
	for k, v := range s.Start.Env {
		value, err := s.render(v)
		if err != nil {
			return fmt.Errorf("start.env: %s: %w", k, err)
		}
		s.env = append(s.env, k+"="+value)
	}
	if s.args, err = s.command(s.Start.Command); err != nil {
		return err
	}
	if err := s.installed(ctx); err != nil {
		return err
	}
	for _, command := range s.Start.Setup {
		args, err := s.command(command)
		if err != nil {
			return err
		}
		if _, err := runCommand(ctx, args, s.env, ""); err != nil {
			return s.advised(fmt.Errorf("the broker cannot be set up: %w", withoutInterpreter(args[0], err)))
		}
	}
	s.logPath = filepath.Join(s.dir, "broker.log")
	if s.options.Log != "" || s.Start.Log != "" {
		s.logPath = cmp.Or(s.options.Log, s.resolve(s.Start.Log))
	}
	return nil
}

// notInstalled is the exit status with which a probe says that the broker is
// missing: a shell's for a command that it does not find.
const notInstalled = 127

// installed finds what the start needs beside its program.
func (s *site) installed(ctx context.Context) error {
	for _, need := range s.Start.Needs {
		name, err := s.render(need)
		if err != nil {
			return fmt.Errorf("start.needs: %w", err)
		}
		if _, err := s.program(name); err != nil {
			return s.advised(err)
		}
	}
	if len(s.Start.Probe) == 0 {
		return nil
	}
	args, err := s.command(s.Start.Probe)
	if err != nil {
		return err
	}
	output, err := runCommand(ctx, args, s.env, "")
	var ended *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ended) && ended.ExitCode() == notInstalled:
		return s.advised(fmt.Errorf("%s %w%s", s.Name, ErrNotInstalled, quoted(output)))
	}
	return s.advised(fmt.Errorf("start.probe does not tell whether the broker is installed: %w", withoutInterpreter(args[0], err)))
}

// withoutInterpreter is the error of a program that was found, but whose first
// line names an interpreter (or which wants a loader) that is not there.
func withoutInterpreter(program string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("what %s is run with %w", program, ErrNotInstalled)
	}
	return err
}

// command renders a command and finds its program.
func (s *site) command(args []string) ([]string, error) {
	rendered, err := s.renderAll(args)
	if err != nil {
		return nil, err
	}
	if rendered[0], err = s.program(rendered[0]); err != nil {
		return nil, s.advised(err)
	}
	return rendered, nil
}

// serviceFolders hold programs that a user's PATH may lack.
var serviceFolders = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// program finds a program, also where services and `go install` are put.
func (s *site) program(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	if strings.Contains(name, string(filepath.Separator)) {
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s %w", name, ErrNotInstalled)
		}
		return "", err
	}
	folders := s.options.services
	if folders == nil {
		folders = serviceFolders
	}
	home, _ := os.UserHomeDir()
	for _, dir := range slices.Concat(folders, []string{os.Getenv("GOBIN"), filepath.Join(os.Getenv("GOPATH"), "bin"), filepath.Join(home, "go", "bin")}) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s %w", name, ErrNotInstalled)
}

// ErrNotInstalled is why a broker that is missing, or of which something is,
// cannot be opened.
var ErrNotInstalled = errors.New("is not installed")

// advised adds how to install the broker.
func (s *site) advised(err error) error {
	if s.Start.Install == "" {
		return err
	}
	return fmt.Errorf("%w; install it with: %s", err, s.Start.Install)
}

// start starts the process and waits until it answers CONNECT.
func (s *site) start(ctx context.Context) error {
	log, err := os.OpenFile(s.logPath, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("the broker's log: %w", err)
	}
	defer log.Close()
	p, err := launch(s.args, s.env, "", log)
	if err != nil {
		return s.advised(fmt.Errorf("%s does not start: %w", s.Start.Command[0], withoutInterpreter(s.args[0], err)))
	}
	s.options.Reaper.watch(p)
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	return s.await(ctx, p)
}

// await waits until the broker answers CONNECT, or has ended.
func (s *site) await(ctx context.Context, p *process) error {
	most := cmp.Or(s.Timeouts.Start, times.Start)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if p != nil {
		go func() {
			select {
			case <-p.ended:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	err := s.target.Await(ctx, most)
	if p != nil { // also when something answers: it is somebody else then
		if how, ended := p.exited(); ended {
			return fmt.Errorf("%s has ended instead of answering CONNECT at %s: %s%s", s.Start.Command[0], s.target.URL, how, quoted(s.tail()))
		}
	}
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
		return err
	}
	return fmt.Errorf("the broker does not answer CONNECT at %s within %s: %w%s", s.target.URL, most, err, quoted(s.tail()))
}

// close stops the broker and removes the folder.
func (s *site) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.end(context.Background())
		s.process = nil
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
		s.dir = ""
	}
}

// end stops the process in an orderly way; the caller holds the lock.
func (s *site) end(ctx context.Context) {
	most := cmp.Or(s.Timeouts.Stop, times.Stop)
	if len(s.stopped) > 0 {
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		if _, err := runCommand(ctx, s.stopped, s.env, ""); err == nil {
			select {
			case <-s.process.ended:
			case <-ctx.Done():
			}
		}
	}
	s.process.stop(ctx, most)
}

// tail is the end of the broker's log.
func (s *site) tail() string {
	const most = 16 << 10
	f, err := os.Open(s.logPath)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, 2)
	}
	raw := make([]byte, most)
	n, _ := f.Read(raw)
	return string(raw[:n])
}

// version finds name and version of the software.
func (s *site) version(ctx context.Context) string {
	if s.Start == nil || s.Start.Version == nil || len(s.Start.Version.Command) == 0 {
		return ""
	}
	v := s.Start.Version
	args, err := s.command(v.Command)
	if err != nil {
		return ""
	}
	output, _ := runCommand(ctx, args, s.env, "") // many programs end with an error here
	found := strings.TrimSpace(strings.SplitN(output, "\n", 2)[0])
	if v.Pattern != "" {
		pattern, err := regexp.Compile(v.Pattern)
		if err != nil {
			return ""
		}
		groups := pattern.FindStringSubmatch(output)
		if len(groups) < 2 {
			return ""
		}
		found = groups[1]
	}
	return cmp.Or(v.Name, filepath.Base(v.Command[0])) + " " + found
}

// newTarget makes the target of the file's words.
func (s *site) newTarget() (*harness.Target, error) {
	raw := s.URL
	switch {
	case s.options.Transport != "":
		over := map[string]string{"tcp": s.URLs.TCP, "tls": s.URLs.TLS, "ws": s.URLs.WS, "wss": s.URLs.WSS, "unix": s.URLs.Unix}[s.options.Transport]
		if over == "" {
			return nil, fmt.Errorf("%s gives no URL for the transport %s; add it under urls", s.path, s.options.Transport)
		}
		raw = over
	case raw == "":
		raw = "mqtt://127.0.0.1:{{.Port}}"
	}
	target, err := s.targetAt(raw, s.TLS)
	if err != nil {
		return nil, err
	}
	target.Name, target.Software = cmp.Or(s.Name, target.Name), s.Software
	target.TopicPrefix = s.TopicPrefix
	target.Timeout, target.Patience, target.Settle = s.Timeouts.Answer, s.Timeouts.Patience, s.Timeouts.Settle
	target.DialTimeout = cmp.Or(s.Timeouts.Connect, target.DialTimeout)
	target.Durable = s.Durable
	target.Without = s.without()
	if ws := cmp.Or(s.URLs.WS, s.URLs.WSS); target.WebSocket == nil && ws != "" {
		over, err := s.targetAt(ws, s.TLS)
		if err != nil {
			return nil, err
		}
		target.WebSocket = over.WebSocket
	}
	if s.Credentials != (Credentials{}) {
		login, err := s.credential(s.Credentials)
		if err != nil {
			return nil, err
		}
		target.UserName, target.Password = login.UserName, login.Password
	}
	return target, s.grant(target)
}

// grant adds what the file says about access.
func (s *site) grant(target *harness.Target) error {
	if s.Access != nil {
		access := &harness.Access{Unreadable: s.Access.Unreadable, Unwritable: s.Access.Unwritable}
		for _, c := range s.Access.Refused {
			login, err := s.credential(c)
			if err != nil {
				return fmt.Errorf("access.refused: %w", err)
			}
			access.Refused = append(access.Refused, login)
		}
		if s.Access.Administrator != nil {
			login, err := s.credential(*s.Access.Administrator)
			if err != nil {
				return fmt.Errorf("access.administrator: %w", err)
			}
			access.Administrator = login
		}
		target.Access = access
	}
	if a := s.Authentication; a != nil {
		login, err := s.credential(a.Credentials)
		if err != nil {
			return fmt.Errorf("authentication: %w", err)
		}
		target.Authentication = &harness.Authentication{Method: a.Method, Login: login}
	}
	if s.Certified != nil {
		with, err := s.targetAt(s.Certified.URL, s.Certified.TLS)
		if err != nil {
			return fmt.Errorf("certified: %w", err)
		}
		bare := s.Certified.TLS
		bare.Certificate, bare.Key = "", ""
		without, err := s.targetAt(s.Certified.URL, bare)
		if err != nil {
			return fmt.Errorf("certified: %w", err)
		}
		target.Certified = &harness.Certified{With: with.Dialer, Without: without.Dialer}
	}
	return nil
}

// targetAt is a target at a URL.
func (s *site) targetAt(raw string, t TLS) (*harness.Target, error) {
	url, err := s.render(raw)
	if err != nil {
		return nil, err
	}
	security := wire.Security{ServerName: t.ServerName, Insecure: t.Insecure}
	for _, file := range []struct {
		to   *string
		from string
	}{{&security.CA, t.CA}, {&security.Certificate, t.Certificate}, {&security.Key, t.Key}} {
		path, err := s.render(file.from)
		if err != nil {
			return nil, err
		}
		*file.to = s.resolve(path)
	}
	return harness.ParseSecureTarget(url, security)
}

// render fills in a template.
func (s *site) render(text string) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"port": s.port, "file": s.filePath}).Parse(text)
	if err != nil {
		return "", fmt.Errorf("a template that cannot be read: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	var out strings.Builder
	if err := t.Execute(&out, fields{s}); err != nil {
		var failed template.ExecError
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return "", fmt.Errorf("a template that cannot be filled in: %w", err)
	}
	return out.String(), nil
}

func (s *site) renderAll(texts []string) ([]string, error) {
	var all []string
	for _, text := range texts {
		rendered, err := s.render(text)
		if err != nil {
			return nil, err
		}
		all = append(all, rendered)
	}
	return all, nil
}

// port is a free loopback port, the same for the same name.
func (s *site) port(name string) (int, error) {
	if p, ok := s.ports[name]; ok {
		return p, nil
	}
	p, err := s.free.Next()
	if err != nil {
		return 0, err
	}
	if s.ports == nil {
		s.ports = map[string]int{}
	}
	s.ports[name] = p
	return p, nil
}

// filePath is where a file from start.files is.
func (s *site) filePath(name string) (string, error) {
	if name == "" || name != filepath.Base(name) || name == ".." {
		return "", fmt.Errorf("%q is no file name", name)
	}
	return filepath.Join(s.dir, name), nil
}

// fields are what templates can name.
type fields struct{ s *site }

// Port is the broker's port.
func (f fields) Port() (string, error) {
	p, err := f.s.port("")
	return strconv.Itoa(p), err
}

// Dir is the temporary folder.
func (f fields) Dir() string { return f.s.dir }

// Set are the file's values.
func (f fields) Set() map[string]string { return f.s.File.Set }

// CA is the PEM file of the authority that was made for the run.
func (f fields) CA() (string, error) { return f.s.certificate("ca.pem") }

// Certificate is the broker's certificate.
func (f fields) Certificate() (string, error) { return f.s.certificate("broker.pem") }

// Key is its key.
func (f fields) Key() (string, error) { return f.s.certificate("broker.key") }

// ClientCertificate is a client's certificate.
func (f fields) ClientCertificate() (string, error) { return f.s.certificate("client.pem") }

// ClientKey is its key.
func (f fields) ClientKey() (string, error) { return f.s.certificate("client.key") }

// certificate writes the certificates, once, and says where one is.
func (s *site) certificate(name string) (string, error) {
	if !s.secured {
		if err := certificates.Write(s.dir); err != nil {
			return "", err
		}
		s.secured = true
	}
	return filepath.Join(s.dir, name), nil
}
