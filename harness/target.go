package harness

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"
)

// A Dialer opens Network Connections to a broker over one transport.
type Dialer interface {
	Dial(ctx context.Context) (net.Conn, error)
}

// Target is a broker under test.
type Target struct {
	Name     string // for people
	Software string // name and version, as far as known
	URL      string // without secrets
	Dialer   Dialer
	UserName string // "": connect without a user name
	Password string // "": connect without a password
	// Instances are further brokers of the same software, configured otherwise:
	// with a limit, say, that some rules are about. A check runs on the first of
	// the target and its instances that has what it needs.
	Instances []*Target
	// DialTimeout bounds the opening of one connection.
	DialTimeout time.Duration
}

// ParseTarget makes a target of a URL such as mqtt://host:1883.
func ParseTarget(raw string) (*Target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("target %q is no URL: %w", raw, err)
	}
	t := &Target{Name: u.Host, DialTimeout: 10 * time.Second}
	if u.User != nil {
		t.UserName = u.User.Username()
		t.Password, _ = u.User.Password()
		u.User = nil
	}
	t.URL = u.String()
	switch u.Scheme {
	case "mqtt", "tcp":
		host, port := u.Hostname(), u.Port()
		if host == "" {
			return nil, fmt.Errorf("target %q has no host; write mqtt://HOST:PORT", t.URL)
		}
		if port == "" {
			port = "1883"
		}
		t.Dialer = tcpDialer{net.JoinHostPort(host, port)}
	default:
		return nil, fmt.Errorf("target %q: scheme %q is not supported; write mqtt://HOST:PORT", t.URL, u.Scheme)
	}
	return t, nil
}

// Dial opens a connection within DialTimeout.
func (t *Target) Dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.DialTimeout)
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

// tcpDialer dials a TCP address; of a host name's addresses the first that answers.
type tcpDialer struct{ address string }

func (d tcpDialer) Dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", d.address)
}
