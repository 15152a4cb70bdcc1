package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"mqttspec/harness/times"
	"mqttspec/harness/wire/websocket"
)

// A Dialer opens Network Connections to a broker over one transport.
type Dialer interface {
	Dial(ctx context.Context) (net.Conn, error)
}

// A Recorder records what passes over connections.
type Recorder interface {
	// Wrap returns a connection that does what conn does, and is recorded.
	Wrap(conn net.Conn) net.Conn
}

// Security is what TLS connections are made with. The zero value trusts the
// system's certificate authorities and shows no certificate of its own.
type Security struct {
	// CA is a PEM file of certificate authorities to trust instead of the system's.
	CA string
	// Certificate and Key are PEM files: the certificate that the client shows
	// and its key.
	Certificate, Key string
	// ServerName is sent as SNI and expected in the broker's certificate; "" means
	// the URL's host.
	ServerName string
	// Insecure accepts every certificate.
	Insecure bool
	// Roots, where set, are trusted in place of those in CA.
	Roots *x509.CertPool
}

// config reads the files.
func (s Security) config(host string) (*tls.Config, error) {
	c := &tls.Config{ServerName: s.ServerName, InsecureSkipVerify: s.Insecure, RootCAs: s.Roots} //nolint:gosec // asked for, and said in every report
	if c.ServerName == "" {
		c.ServerName = host
	}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authorities: %s holds no PEM certificate", s.CA)
		}
	}
	switch {
	case s.Certificate != "" && s.Key != "":
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	case s.Certificate != "" || s.Key != "":
		return nil, errors.New("a client certificate and its key go together; give both")
	}
	return c, nil
}

// schemes are the transports by the schemes of their URLs, with their default ports.
var schemes = map[string]struct {
	port           string
	tls, websocket bool
}{
	"mqtt": {port: "1883"}, "tcp": {port: "1883"},
	"mqtts": {port: "8883", tls: true}, "ssl": {port: "8883", tls: true}, "tls": {port: "8883", tls: true},
	"ws":  {port: "80", websocket: true},
	"wss": {port: "443", websocket: true, tls: true},
}

// schemeHelp says what a URL can look like.
const schemeHelp = "write mqtt://HOST:PORT, mqtts://HOST:PORT, ws://HOST:PORT/PATH, wss://HOST:PORT/PATH or unix:///PATH"

// ParseURL reads a broker's URL. Its errors show no part of the URL that may
// hold a password.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		if strings.Contains(raw, "@") {
			return nil, errors.New("the broker's URL cannot be read (it is not shown, for it seems to hold a password); characters such as / ? # @ : % in user name and password are written as %2F %3F %23 %40 %3A %25")
		}
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return nil, fmt.Errorf("%q cannot be read as a URL: %w; %s", raw, err, schemeHelp)
	}
	if u.User == nil && strings.Contains(raw, "@") {
		return nil, errors.New("the broker's URL cannot be read (it is not shown, for it seems to hold a password); characters such as / ? # @ : % in user name and password are written as %2F %3F %23 %40 %3A %25")
	}
	return u, nil
}

// NewDialer makes the dialer that a URL without credentials asks for.
func NewDialer(u *url.URL, security Security) (Dialer, error) {
	if u.Scheme == "unix" {
		path := u.Host + u.Path
		if path == "" || path == "/" {
			return nil, fmt.Errorf("target %q names no socket; write unix:///PATH", u)
		}
		return socketDialer(path), nil
	}
	scheme, ok := schemes[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("target %q: %q is no scheme that brokers are reached by; %s", u, u.Scheme, schemeHelp)
	}
	host, port := u.Hostname(), u.Port()
	if host == "" {
		return nil, fmt.Errorf("target %q has no host; %s", u, schemeHelp)
	}
	if port == "" {
		port = scheme.port
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return nil, fmt.Errorf("target %q: %q is no port; ports are 1 to 65535", u, port)
	}
	if !scheme.websocket && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		return nil, fmt.Errorf("target %q has a path, which means nothing over %s; only ws:// and wss:// have one", u, u.Scheme)
	}
	var dialer Dialer = &tcpDialer{host: host, port: port}
	if scheme.tls {
		config, err := security.config(host)
		if err != nil {
			return nil, err
		}
		dialer = tlsDialer{dialer, config}
	}
	if scheme.websocket {
		dialer = &WebSocketDialer{Under: dialer, Host: u.Host, RequestURI: u.RequestURI()}
	}
	return dialer, nil
}

// TCP dials a host's TCP port.
func TCP(host, port string) Dialer { return &tcpDialer{host: host, port: port} }

// TLS puts TLS over a transport.
func TLS(under Dialer, config *tls.Config) Dialer { return tlsDialer{under, config} }

// Secured says whether the connections of a URL with this scheme are encrypted.
func Secured(scheme string) bool { return schemes[scheme].tls }

// tcpDialer dials a host's TCP port. Of the addresses of a host name it takes
// the one that answers first, and stays with it: a dead address must not cost
// every connection its share of time.
type tcpDialer struct {
	host, port string
	lookup     func(ctx context.Context, host string) ([]string, error) // nil: the system's

	mu   sync.Mutex
	good string // address that answered
}

// probing dials connections on which the machine asks now and then whether the other
// side still knows them. Nobody sends a RST again that was lost on its way, unless
// something comes for the connection that it has ended.
var probing = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: times.Probe, Interval: times.Probe, Count: 120}}

// Dial dials the address that answered before, or else all of them.
func (d *tcpDialer) Dial(ctx context.Context) (net.Conn, error) {
	d.mu.Lock()
	good := d.good
	d.mu.Unlock()
	if good != "" {
		// It may have died since; the others get their turn then.
		inTime, cancel := context.WithTimeout(ctx, times.DialKnown)
		defer cancel()
		if conn, err := probing.DialContext(inTime, "tcp", good); err == nil {
			return conn, nil
		}
	}
	addresses := []string{d.host}
	if net.ParseIP(strings.Split(d.host, "%")[0]) == nil {
		lookup := d.lookup
		if lookup == nil {
			lookup = net.DefaultResolver.LookupHost
		}
		var err error
		if addresses, err = lookup(ctx, d.host); err != nil {
			return nil, err
		}
	}
	conn, err := d.race(ctx, addresses)
	if err == nil {
		d.mu.Lock()
		d.good = conn.RemoteAddr().String()
		d.mu.Unlock()
	}
	return conn, err
}

// race dials addresses, each a little after the one before or when that has
// failed, and takes the first that answers.
func (d *tcpDialer) race(ctx context.Context, addresses []string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result, len(addresses))
	var errs []error
	started, ended := 0, 0
	for ended < len(addresses) {
		if started < len(addresses) {
			address := net.JoinHostPort(addresses[started], d.port)
			started++
			go func() {
				conn, err := probing.DialContext(ctx, "tcp", address)
				results <- result{conn, err}
			}()
		}
		var stagger <-chan time.Time
		if started < len(addresses) {
			stagger = time.After(times.DialStagger)
		}
		select {
		case r := <-results:
			ended++
			if r.err != nil {
				errs = append(errs, r.err)
				continue
			}
			go func() { // whoever else answers is not needed
				for range started - ended {
					if r := <-results; r.conn != nil {
						r.conn.Close()
					}
				}
			}()
			return r.conn, nil
		case <-stagger:
		}
	}
	return nil, errors.Join(errs...)
}

// socketDialer dials a Unix domain socket.
type socketDialer string

// Dial connects to the socket. Where TCP would wait for the broker to take a
// connection from a full queue, Unix sockets refuse; this waits.
func (d socketDialer) Dial(ctx context.Context) (conn net.Conn, err error) {
	var dialer net.Dialer
	busy := Poll(ctx, times.Dial, func() error {
		if conn, err = dialer.DialContext(ctx, "unix", string(d)); errors.Is(err, syscall.EAGAIN) {
			return err
		}
		return nil
	})
	return conn, errors.Join(err, busy)
}

// tlsDialer puts TLS over a transport.
type tlsDialer struct {
	under  Dialer
	config *tls.Config
}

// Dial connects and performs the TLS handshake.
func (d tlsDialer) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := d.under.Dial(ctx)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, d.config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		var unknown *tls.CertificateVerificationError
		if errors.As(err, &unknown) {
			return nil, fmt.Errorf("the broker's certificate is not trusted: %w (name its authority with --cacert, or accept it unseen with --insecure)", err)
		}
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secured, nil
}

// WebSocketDialer puts WebSocket over a transport.
type WebSocketDialer struct {
	Under      Dialer
	Host       string // of the Host header
	RequestURI string // path and query
}

// Dial connects and performs the opening handshake. Whether the broker selects
// the right subprotocol is for a check to say.
func (d *WebSocketDialer) Dial(ctx context.Context) (net.Conn, error) {
	conn, _, err := d.Upgrade(ctx, websocket.Subprotocol)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// Upgrade connects and performs the opening handshake with these subprotocols
// on offer. The handshake is returned with an error too, when there was one.
func (d *WebSocketDialer) Upgrade(ctx context.Context, subprotocols ...string) (*websocket.Conn, *websocket.Handshake, error) {
	conn, err := d.Under.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	upgraded, handshake, err := websocket.Dial(conn, d.Host, d.RequestURI, subprotocols...)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, handshake, err
	}
	return upgraded, handshake, nil
}

// Poll tries something until it succeeds, at first often, then every tenth of
// a second, and returns the last error when the time is up.
func Poll(ctx context.Context, most time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for pause := times.PollFirst; ; pause = min(2*pause, times.PollLast) {
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
