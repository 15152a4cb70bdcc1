package harness

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"
)

// Target is a broker under test.
type Target struct {
	Name     string // for people
	Software string // name and version, as far as known
	URL      string // without secrets
	Dialer   Dialer
	// WebSocket reaches the broker over WebSocket, for the checks of chapter 6;
	// nil where it is not known to listen for that.
	WebSocket *WebSocketDialer
	UserName  string // "": connect without a user name
	Password  string // "": connect without a password
	// Access, Certified and Authentication are for the checks about access; each
	// may be nil.
	Access         *Access
	Certified      *Certified
	Authentication *Authentication
	// Insecure says that the broker's certificate is not verified.
	Insecure bool
	// Instances are further brokers of the same software, configured otherwise:
	// with a limit, say, that some rules are about. A check runs on the first of
	// the target and its instances that has what it needs.
	Instances []*Target
	// DialTimeout bounds the opening of one connection.
	DialTimeout time.Duration
}

// defaultDialTimeout bounds the opening of one connection.
const defaultDialTimeout = 10 * time.Second

// ParseTarget makes a target of a URL such as mqtt://host:1883.
func ParseTarget(raw string) (*Target, error) { return ParseSecureTarget(raw, Security{}) }

// ParseSecureTarget makes a target of a URL, with what TLS takes.
func ParseSecureTarget(raw string, security Security) (*Target, error) {
	u, err := parseURL(raw)
	if err != nil {
		return nil, err
	}
	t := &Target{Name: u.Host, DialTimeout: defaultDialTimeout}
	if u.User != nil {
		t.UserName = u.User.Username()
		t.Password, _ = u.User.Password()
		u.User = nil
	}
	t.URL = u.String()
	if t.Name == "" {
		t.Name = u.Path
	}
	if t.Dialer, err = NewDialer(u, security); err != nil {
		return nil, err
	}
	t.WebSocket, _ = t.Dialer.(*WebSocketDialer)
	t.Insecure = security.Insecure && schemes[u.Scheme].tls
	return t, nil
}

// Dial opens a connection within DialTimeout.
func (t *Target) Dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	return t.Dialer.Dial(ctx)
}

// limit bounds the opening of one connection.
func (t *Target) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, t.DialTimeout, fmt.Errorf("no connection within %s", t.DialTimeout))
}

// Credentials are the user name and password to connect with; nil where the
// target gives none.
func (t *Target) Credentials() (userName, password *string) {
	if t.UserName != "" {
		userName = &t.UserName
	}
	if t.Password != "" {
		password = &t.Password
	}
	return userName, password
}

// Secrets are the strings that no output may contain: those of the target and
// of all its instances.
func (t *Target) Secrets() []string {
	secrets := []string{t.Password}
	if t.Access != nil {
		secrets = append(secrets, t.Access.Administrator.Password)
		for _, login := range t.Access.Refused {
			secrets = append(secrets, login.Password)
		}
	}
	if t.Authentication != nil {
		secrets = append(secrets, t.Authentication.Login.Password)
	}
	for _, instance := range t.Instances {
		secrets = append(secrets, instance.Secrets()...)
	}
	slices.Sort(secrets)
	return slices.DeleteFunc(slices.Compact(secrets), func(s string) bool { return s == "" })
}

// poll tries something until it succeeds, at first often, then every tenth of
// a second, and returns the last error when the time is up.
func poll(ctx context.Context, most time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := try()
		if err == nil {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}
