package harness

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
)

// Target is a broker under test.
type Target struct {
	Name     string // for people
	Software string // name and version, as far as known
	URL      string // without secrets
	Dialer   wire.Dialer
	// WebSocket reaches the broker over WebSocket, for the checks of chapter 6;
	// nil where it is not known to listen for that.
	WebSocket *wire.WebSocketDialer
	UserName  string // "": connect without a user name
	Password  string // "": connect without a password
	// Access, Certified and Authentication are for the checks about access; each
	// may be nil.
	Access         *Access
	Certified      *Certified
	Authentication *Authentication
	// Life restarts and kills the broker; nil where nobody knows how.
	Life Life
	// Durable says that the broker is configured to keep sessions and retained
	// messages over a restart.
	Durable bool
	// Without is what the target file says the broker does not have, or the user
	// does not want judged.
	Without []Need
	// TopicPrefix, Timeout, Patience and Settle are what a run uses that asks for
	// nothing else; the zero values leave it to the run.
	TopicPrefix               string
	Timeout, Patience, Settle time.Duration
	// Insecure says that the broker's certificate is not verified.
	Insecure bool
	// Instances are further brokers of the same software, configured otherwise:
	// with a limit, say, that some rules are about. A check runs on the first of
	// the target and its instances that has what it needs.
	Instances []*Target
	// DialTimeout bounds the opening of one connection.
	DialTimeout time.Duration
}

// Life is what happens to a broker beyond connections.
type Life interface {
	// Restart stops the broker in an orderly way, starts it again, and returns
	// when it answers CONNECT.
	Restart(ctx context.Context) error
	// Kill ends the broker as a power failure would, starts it again, and returns
	// when it answers CONNECT.
	Kill(ctx context.Context) error
	// CanKill says whether Kill is possible.
	CanKill() bool
}

// ValidTopicPrefix says whether topics can lie under a prefix.
func ValidTopicPrefix(prefix string) bool {
	return prefix != "" && !strings.ContainsAny(prefix, "+#\x00") && !strings.HasPrefix(prefix, "$") && len(prefix) <= 100
}

// ParseTarget makes a target of a URL such as mqtt://host:1883.
func ParseTarget(raw string) (*Target, error) { return ParseSecureTarget(raw, wire.Security{}) }

// ParseSecureTarget makes a target of a URL, with what TLS takes.
func ParseSecureTarget(raw string, security wire.Security) (*Target, error) {
	u, err := wire.ParseURL(raw)
	if err != nil {
		return nil, err
	}
	t := &Target{Name: u.Host, DialTimeout: times.Dial}
	if u.User != nil {
		t.UserName = u.User.Username()
		t.Password, _ = u.User.Password()
		u.User = nil
	}
	t.URL = u.String()
	if t.Name == "" {
		t.Name = u.Path
	}
	if t.Dialer, err = wire.NewDialer(u, security); err != nil {
		return nil, err
	}
	t.WebSocket, _ = t.Dialer.(*wire.WebSocketDialer)
	t.Insecure = security.Insecure && wire.Secured(u.Scheme)
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

// All are the target and its instances, in this order.
func (t *Target) All() []*Target { return append([]*Target{t}, t.Instances...) }

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

// Await waits until the broker answers a CONNECT, with whatever CONNACK.
func (t *Target) Await(ctx context.Context, most time.Duration) error {
	var final error
	err := wire.Poll(ctx, most, func() error {
		err := t.answers(ctx, codec.V311)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = t.answers(ctx, codec.V5) // a broker may know one version only
		}
		if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
			final, err = err, nil // waiting will not mend it
		}
		return err
	})
	return errors.Join(err, final)
}

// answers wants a CONNACK.
func (t *Target) answers(ctx context.Context, version codec.Version) error {
	conn, err := t.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(time.Now().Add(t.DialTimeout)); err != nil {
		return err
	}
	connect := &codec.Connect{ProtocolName: "MQTT", ProtocolLevel: byte(version), CleanStart: true, ClientID: "mqttspecready"}
	connect.UserName, connect.Password = t.Credentials()
	raw, err := codec.Encode(version, codec.Client, connect)
	if err != nil {
		return err
	}
	if _, err := conn.Write(raw); err != nil {
		return err
	}
	answer, err := codec.NewReader(version, conn).Next()
	if err != nil {
		return fmt.Errorf("no CONNACK: %w", err)
	}
	if got := codec.Type(answer[0] >> 4); got != codec.CONNACK {
		return fmt.Errorf("a %s in place of a CONNACK", got)
	}
	_, _ = conn.Write([]byte{0xE0, 0x00}) // DISCONNECT
	return nil
}
