package harness

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
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

// TestDeadAddress dials a host name of which one address answers nobody: the
// first connection gets past it soon, the later ones do not meet it.
func TestDeadAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	lookups := 0
	dialer := &tcpDialer{host: "broker.example", port: port, lookup: func(context.Context, string) ([]string, error) {
		lookups++
		return []string{"192.0.2.1", "127.0.0.1"}, nil // the first is reserved for documentation
	}}
	for range 3 {
		start := time.Now()
		conn, err := dialer.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if took := time.Since(start); took > 5*addressStagger {
			t.Errorf("took %s", took)
		}
	}
	if lookups != 1 {
		t.Errorf("%d look-ups; the address that answers is to be remembered", lookups)
	}
}

func TestNoAddressAnswers(t *testing.T) {
	var ports Ports
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

// TestEndsOverEveryTransport sees a broker's close on every transport as what
// it is: the end of the stream.
func TestEndsOverEveryTransport(t *testing.T) {
	embedded, err := StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	targets := map[string]*Target{"mqtt": embedded.Target}
	for scheme, target := range embedded.Over {
		targets[scheme] = target
	}
	for scheme, target := range targets {
		conn, err := target.Dial(t.Context())
		if err != nil {
			t.Errorf("%s: %v", scheme, err)
			continue
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Errorf("%s: half-close: %v", scheme, err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, readerOnly{conn}); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: ends with %v", scheme, err)
		}
		conn.Close()
	}
}

type readerOnly struct{ io.Reader }
