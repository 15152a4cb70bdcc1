package wire

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 1.3 asks for it
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttspec/harness/broker/certificates"
	"mqttspec/harness/wire/websocket"
)

// TestDeadAddress dials a host name of which one address answers nobody: the
// first connection gets past it, the later ones do not meet it.
func TestDeadAddress(t *testing.T) {
	listener := listen(t, "tcp", "127.0.0.1:0")
	lookups := 0
	dialer := &tcpDialer{host: "broker.example", port: portOf(listener), lookup: func(context.Context, string) ([]string, error) {
		lookups++
		return []string{"192.0.2.1", "127.0.0.1"}, nil // the first is reserved for documentation
	}}
	for range 3 {
		conn, err := dialer.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if lookups != 1 {
		t.Errorf("%d look-ups; the address that answers is to be remembered", lookups)
	}
}

// TestAddressThatHasDied: when the address that answered answers no more, the
// others get their turn.
func TestAddressThatHasDied(t *testing.T) {
	listener := listen(t, "tcp", "127.0.0.1:0")
	var ports Ports
	dead, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	dialer := &tcpDialer{
		host: "broker.example", port: portOf(listener), good: "127.0.0.1:" + strconv.Itoa(dead),
		lookup: func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil },
	}
	conn, err := dialer.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if dialer.good != listener.Addr().String() {
		t.Errorf("it stays with %s", dialer.good)
	}
}

// TestNoAddress: the error names what every address said.
func TestNoAddress(t *testing.T) {
	var ports Ports
	port, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	unknown := errors.New("no such host")
	for name, r := range map[string]struct {
		lookup func(context.Context, string) ([]string, error)
		want   string
	}{
		"no name":             {func(context.Context, string) ([]string, error) { return nil, unknown }, "no such host"},
		"two that are silent": {func(context.Context, string) ([]string, error) { return []string{"127.0.0.1", "127.0.0.2"}, nil }, "127.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&tcpDialer{host: "broker.example", port: strconv.Itoa(port), lookup: r.lookup}).Dial(t.Context())
			if err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("error %v; want %q", err, r.want)
			}
		})
	}
}

// listen opens a listener that is closed with the test.
func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func portOf(listener net.Listener) string {
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// echo sends back what comes on every connection.
func echo(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	}
}

// echoFrames is echo over WebSocket; the first letter of the path chooses another
// answer to the opening handshake.
func echoFrames(listener net.Listener) {
	for {
		under, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer under.Close()
			src := bufio.NewReader(under)
			request, err := http.ReadRequest(src)
			if err != nil {
				return
			}
			sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			key := base64.StdEncoding.EncodeToString(sum[:])
			switch request.URL.Path {
			case "/missing":
				fmt.Fprint(under, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
				return
			case "/wrong":
				key = "wrong"
			case "/silent":
				_, _ = io.Copy(io.Discard, under)
				return
			}
			fmt.Fprintf(under, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
				key, request.Header.Get("Sec-WebSocket-Protocol"))
			conn := websocket.NewConn(under, src, false)
			_, _ = io.Copy(conn, conn)
		}()
	}
}

// transports are listeners of every kind, by the schemes of their URLs.
func transports(t *testing.T, certs *certificates.Certificates) map[string]string {
	t.Helper()
	plain, secured, demanding := listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0")
	frames, securedFrames := listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0")
	path := filepath.Join(t.TempDir(), "s")
	socket := listen(t, "unix", path)
	server := &tls.Config{Certificates: []tls.Certificate{certs.Server}}
	demands := &tls.Config{Certificates: []tls.Certificate{certs.Server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: certs.Authority}
	go echo(plain)
	go echo(tls.NewListener(secured, server))
	go echo(tls.NewListener(demanding, demands))
	go echo(socket)
	go echoFrames(frames)
	go echoFrames(tls.NewListener(securedFrames, server))
	return map[string]string{
		"mqtt": "mqtt://127.0.0.1:" + portOf(plain), "tcp": "tcp://localhost:" + portOf(plain),
		"mqtts": "mqtts://127.0.0.1:" + portOf(secured), "demanding": "mqtts://127.0.0.1:" + portOf(demanding),
		"ws": "ws://127.0.0.1:" + portOf(frames), "wss": "wss://localhost:" + portOf(securedFrames) + "/mqtt?a=b",
		"unix": "unix://" + path,
	}
}

// dial dials a URL.
func dial(ctx context.Context, raw string, security Security) (net.Conn, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return nil, err
	}
	dialer, err := NewDialer(u, security)
	if err != nil {
		return nil, err
	}
	return dialer.Dial(ctx)
}

// TestTransports: bytes come back over every transport.
func TestTransports(t *testing.T) {
	certs, err := certificates.New()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := certificates.Write(dir); err != nil { // others than those above
		t.Fatal(err)
	}
	trusting := Security{Roots: certs.Authority}
	urls := transports(t, certs)
	for name, r := range map[string]struct {
		url      string
		security Security
		want     string // in the error; "" is none
	}{
		"mqtt":                        {urls["mqtt"], Security{}, ""},
		"tcp, by name":                {urls["tcp"], Security{}, ""},
		"mqtts":                       {urls["mqtts"], trusting, ""},
		"mqtts, unseen":               {urls["mqtts"], Security{Insecure: true}, ""},
		"mqtts, not trusted":          {urls["mqtts"], Security{}, "the broker's certificate is not trusted"},
		"mqtts, of another authority": {urls["mqtts"], Security{CA: filepath.Join(dir, "ca.pem")}, "the broker's certificate is not trusted"},
		"mqtts, of another name":      {urls["mqtts"], Security{Roots: certs.Authority, ServerName: "elsewhere"}, "not elsewhere"},
		"mqtts, where there is none":  {urls["ws"], Security{}, ""},
		"ws":                          {urls["ws"], Security{}, ""},
		"wss, by name":                {urls["wss"], trusting, ""},
		"ws, another path":            {urls["ws"] + "/missing", Security{}, "was answered with 404 Not Found"},
		"ws, a wrong answer":          {urls["ws"] + "/wrong", Security{}, `a wrong Sec-WebSocket-Accept "wrong"`},
		"unix":                        {urls["unix"], Security{}, ""},
		"unix, no such socket":        {"unix:///nowhere/at.all", Security{}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dial(t.Context(), r.url, r.security)
			if (err == nil) != (r.want == "") || err != nil && !strings.Contains(err.Error(), r.want) {
				t.Fatalf("error %v; want %q", err, r.want)
			}
			if err != nil {
				return
			}
			defer conn.Close()
			got := make([]byte, 5)
			if _, err := conn.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	t.Run("a client's certificate", func(t *testing.T) {
		u, _ := ParseURL(urls["demanding"])
		config := &tls.Config{RootCAs: certs.Authority, ServerName: "localhost", Certificates: []tls.Certificate{certs.Client}}
		conn, err := TLS(TCP(u.Hostname(), u.Port()), config).Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})
	t.Run("no TLS there", func(t *testing.T) {
		if _, err := dial(t.Context(), strings.Replace(urls["mqtt"], "mqtt", "mqtts", 1), trusting); err == nil || !strings.Contains(err.Error(), "TLS handshake") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a handshake without an end", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Millisecond, func() { cancel(errors.New("enough")) })
		if _, err := dial(ctx, urls["ws"]+"/silent", Security{}); err == nil {
			t.Error("no error")
		}
	})
}

// TestCertificateFiles: what is wrong with the files is said.
func TestCertificateFiles(t *testing.T) {
	dir := t.TempDir()
	if err := certificates.Write(dir); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, r := range map[string]struct {
		security Security
		want     string
	}{
		"all":                   {Security{CA: file("ca.pem"), Certificate: file("client.pem"), Key: file("client.key")}, ""},
		"no such authority":     {Security{CA: file("none.pem")}, "certificate authorities"},
		"an empty authority":    {Security{CA: empty}, "holds no PEM certificate"},
		"a certificate alone":   {Security{Certificate: file("client.pem")}, "a client certificate and its key go together"},
		"the key of another":    {Security{Certificate: file("client.pem"), Key: file("broker.key")}, "client certificate"},
		"a key that is missing": {Security{Certificate: file("client.pem"), Key: file("none.key")}, "client certificate"},
	} {
		u, err := ParseURL("mqtts://broker.example")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewDialer(u, r.security); (err == nil) != (r.want == "") || err != nil && !strings.Contains(err.Error(), r.want) {
			t.Errorf("%s: error %v; want %q", name, err, r.want)
		}
	}
}

// TestURLs: a URL that no broker is reached by is refused, and shows no password.
func TestURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"mqtt://h": "", "wss://[::1]:8084/mqtt": "", "unix:///run/s": "",
		"http://h":         "is no scheme",
		"mqtt://":          "has no host",
		"mqtt://h:0":       "ports are 1 to 65535",
		"mqtt://h:1/a":     "has a path",
		"unix:///":         "names no socket",
		"mqtt://h:port":    "cannot be read as a URL",
		"mqtt://u:p/ss@h":  "it is not shown",
		"mqtt://u:p ss@:x": "it is not shown",
	} {
		u, err := ParseURL(raw)
		if err == nil {
			_, err = NewDialer(u, Security{})
		}
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ss@")) {
			t.Errorf("%s: error %v; want %q", raw, err, want)
		}
	}
	for scheme, secured := range map[string]bool{"mqtt": false, "mqtts": true, "ws": false, "wss": true, "unix": false} {
		if Secured(scheme) != secured {
			t.Errorf("%s is secured: %v", scheme, !secured)
		}
	}
}

// TestPoll: it tries until it succeeds, or the time is up.
func TestPoll(t *testing.T) {
	notYet := errors.New("not yet")
	for name, r := range map[string]struct {
		succeeds int // at this attempt
		want     error
	}{
		"at once": {1, nil}, "at last": {20, nil}, "never": {1 << 30, notYet},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts, start := 0, time.Now()
				err := Poll(t.Context(), 5*time.Second, func() error {
					if attempts++; attempts < r.succeeds {
						return notYet
					}
					return nil
				})
				if !errors.Is(err, r.want) || r.want == nil && attempts != r.succeeds {
					t.Errorf("error %v after %d attempts", err, attempts)
				}
				if took := time.Since(start); r.want != nil && took != 5*time.Second {
					t.Errorf("it gave up after %s of the bubble's time", took)
				}
			})
		})
	}
}
