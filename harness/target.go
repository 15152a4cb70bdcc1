package harness

import (
	"context"
	"fmt"
	"net"
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
	ctx, cancel := context.WithTimeoutCause(ctx, t.DialTimeout, fmt.Errorf("no connection within %s", t.DialTimeout))
	defer cancel()
	return t.Dialer.Dial(ctx)
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

// Secrets are the strings that no output may contain.
func (t *Target) Secrets() []string {
	if t.Password == "" {
		return nil
	}
	return []string{t.Password}
}
