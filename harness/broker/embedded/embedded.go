// Package embedded is the broker inside mqttspec: mochi-mqtt with what it lacks
// to declare its limits (limits.go) and to authenticate (authenticator.go). Nothing
// but this package knows mochi.
package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"mqttspec/harness"
	"mqttspec/harness/broker/certificates"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
)

// Broker is a mochi-mqtt broker within this process, on free loopback ports,
// and its instances with lowered capabilities.
type Broker struct {
	// Target is the broker with everything enabled; its Instances are the others.
	Target *harness.Target
	// Over reaches the same broker over the other transports, by the scheme of
	// their URLs: mqtts, ws, wss and unix.
	Over map[string]*harness.Target

	ports        wire.Ports
	certificates *certificates.Certificates
	dir          string // holds the Unix socket
	servers      []*mochi.Server
	clients      clients
	// authenticator stands before the instance that offers enhanced authentication.
	authenticator *authenticator
}

// instances are the limits that rules are about, one instance each.
var instances = []struct {
	name  string
	limit func(*mochi.Capabilities)
}{
	{"maximum-qos-0", func(c *mochi.Capabilities) { c.MaximumQos = 0 }},
	{"maximum-qos-1", func(c *mochi.Capabilities) { c.MaximumQos = 1 }},
	{"no-retain", func(c *mochi.Capabilities) { c.RetainAvailable = 0 }},
	{"no-wildcards", func(c *mochi.Capabilities) { c.WildcardSubAvailable = 0 }},
	{"no-shared-subscriptions", func(c *mochi.Capabilities) { c.SharedSubAvailable = 0 }},
	{"no-subscription-identifiers", func(c *mochi.Capabilities) { c.SubIDAvailable = 0 }},
	{"no-topic-aliases", func(c *mochi.Capabilities) { c.TopicAliasMaximum = 0 }},
	{"small-packets", func(c *mochi.Capabilities) { c.MaximumPacketSize = 2048 }},
	{"small-receive-maximum", func(c *mochi.Capabilities) { c.ReceiveMaximum = 5 }},
	{serverKeepAlive, func(*mochi.Capabilities) {}},
}

// serverKeepAlive is the instance that sets a Server Keep Alive.
const serverKeepAlive = "server-keep-alive"

// accessRules is what the instance "access" allows whom.
var accessRules = auth.Ledger{
	Users: auth.Users{
		"tester": {Password: "tester-secret"},
		"keeper": {Password: "keeper-secret"},
	},
	ACL: auth.ACLRules{
		{Username: "keeper"},
		{Username: "tester", Filters: auth.Filters{"mqttspec/#": auth.ReadWrite, "mqttspec-notices/#": auth.ReadOnly, "mqttspec-secrets/#": auth.Deny}},
	},
}

// accessInWords is the same in the words of a target.
func accessInWords() *harness.Access {
	return &harness.Access{
		Refused:       []harness.Credential{{UserName: "tester", Password: "wrong-secret"}, {UserName: "nobody", Password: "tester-secret"}},
		Administrator: harness.Credential{UserName: "keeper", Password: "keeper-secret"},
		Unreadable:    "mqttspec-secrets",
		Unwritable:    "mqttspec-notices",
	}
}

// Start starts the embedded broker and its instances.
func Start() (*Broker, error) {
	e := &Broker{Over: map[string]*harness.Target{}}
	if err := e.startAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded broker: %w", err), e.Close())
	}
	return e, nil
}

func (e *Broker) startAll() (err error) {
	if e.certificates, err = certificates.New(); err != nil {
		return err
	}
	var server *mochi.Server
	if server, e.Target, err = e.start("embedded", new(auth.AllowHook), nil, func(*mochi.Capabilities) {}); err != nil {
		return err
	}
	// It is in this process: what it owes is not under way for longer than this.
	e.Target.Patience = times.Timeout
	if err := e.listenOver(server); err != nil {
		return err
	}
	for _, i := range instances {
		_, instance, err := e.start(i.name, new(auth.AllowHook), nil, i.limit)
		if err != nil {
			return err
		}
		e.Target.Instances = append(e.Target.Instances, instance)
	}
	ledger := &auth.Ledger{Users: accessRules.Users, ACL: accessRules.ACL}
	server, access, err := e.start("access", new(auth.Hook), &auth.Options{Ledger: ledger}, func(*mochi.Capabilities) {})
	if err != nil {
		return err
	}
	access.UserName, access.Password, access.Access = "tester", "tester-secret", accessInWords()
	if err := e.demandCertificate(server, access); err != nil {
		return err
	}
	e.Target.Instances = append(e.Target.Instances, access)
	return e.authenticate()
}

// authenticate starts the instance that offers enhanced authentication.
func (e *Broker) authenticate() error {
	server, target, err := e.start("enhanced-authentication", new(auth.AllowHook), nil, func(*mochi.Capabilities) {})
	if err != nil {
		return err
	}
	address, err := e.listen(server, "plain", nil)
	if err != nil {
		return err
	}
	login := harness.Credential{UserName: "tester", Password: "tester-secret"}
	if e.authenticator, err = newAuthenticator(address, login); err != nil {
		return err
	}
	front, err := harness.ParseTarget("mqtt://" + e.authenticator.listener.Addr().String())
	if err != nil {
		return err
	}
	front.Name, front.Software = target.Name, target.Software+" behind a SCRAM-SHA-256 authenticator"
	front.Authentication = &harness.Authentication{Method: authenticatorMethod, Login: login}
	e.Target.Instances = append(e.Target.Instances, front)
	return nil
}

// start starts one broker.
func (e *Broker) start(name string, hook mochi.Hook, config any, limit func(*mochi.Capabilities)) (*mochi.Server, *harness.Target, error) {
	capabilities := mochi.NewDefaultServerCapabilities()
	limit(capabilities)
	server := mochi.New(&mochi.Options{
		Capabilities: capabilities,
		Logger:       slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	e.servers = append(e.servers, server)
	if err := server.AddHook(hook, config); err != nil {
		return nil, nil, err
	}
	limits := &limits{server: server}
	if name == serverKeepAlive {
		limits.keepAlive = 2
	}
	if err := server.AddHook(limits, nil); err != nil {
		return nil, nil, err
	}
	if err := server.Serve(); err != nil {
		return nil, nil, err
	}
	address, err := e.listen(server, "tcp", nil)
	if err != nil {
		return nil, nil, err
	}
	target, err := harness.ParseTarget("mqtt://" + address)
	if err != nil {
		return nil, nil, err
	}
	target.Name, target.Software = name, "mochi-mqtt "+moduleVersion("github.com/mochi-mqtt/server/v2")
	return server, target, nil
}

// listen adds a TCP listener on a free loopback port, with TLS if config is set.
func (e *Broker) listen(server *mochi.Server, id string, config *tls.Config) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address = listener.Addr().String()
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	return address, e.serve(server, listeners.NewNet(id, listener))
}

// serve adds a listener to a server that is already serving.
func (e *Broker) serve(server *mochi.Server, listener listeners.Listener) error {
	if err := server.AddListener(listener); err != nil {
		return err
	}
	server.Listeners.Serve(listener.ID(), func(id string, conn net.Conn) (err error) {
		// mochi 2.7.9 panics on a SUBSCRIBE that ends before its last
		// Subscription Options do, and would take this process with it. On its
		// own it dies of that; here the connection is closed, as it should be.
		defer func() {
			if p := recover(); p != nil {
				conn.Close()
				err = fmt.Errorf("mochi panicked: %v", p)
			}
		}()
		if !e.clients.enter(conn) {
			return conn.Close()
		}
		defer e.clients.leave(conn)
		return server.EstablishConnection(id, conn)
	})
	return nil
}

// listenOver adds the listeners for the other transports.
func (e *Broker) listenOver(server *mochi.Server) error {
	secure := &tls.Config{Certificates: []tls.Certificate{e.certificates.Server}} //nolint:gosec // the default is TLS 1.2
	address, err := e.listen(server, "mqtts", secure)
	if err != nil {
		return err
	}
	if err := e.reach("mqtts", address); err != nil {
		return err
	}
	if err := e.listenWebSocket(server, "ws", nil); err != nil {
		return err
	}
	if err := e.listenWebSocket(server, "wss", secure); err != nil {
		return err
	}
	if e.dir, err = os.MkdirTemp("", "mqttspec"); err != nil {
		return err
	}
	path := filepath.Join(e.dir, "mqtt.sock")
	if err := e.serve(server, listeners.NewUnixSock(listeners.Config{ID: "unix", Address: path})); err != nil {
		return err
	}
	if err := e.reach("unix", path); err != nil {
		return err
	}
	e.Target.WebSocket = e.Over["ws"].WebSocket
	for _, target := range e.Over {
		if target.WebSocket == nil {
			target.WebSocket = e.Target.WebSocket
		}
	}
	return nil
}

// listenWebSocket adds a WebSocket listener; mochi opens its socket by itself.
func (e *Broker) listenWebSocket(server *mochi.Server, scheme string, config *tls.Config) error {
	port, err := e.ports.Next()
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if err := e.serve(server, listeners.NewWebsocket(listeners.Config{ID: scheme, Address: address, TLSConfig: config})); err != nil {
		return err
	}
	if err := e.reach(scheme, address); err != nil {
		return err
	}
	return e.Over[scheme].Await(context.Background(), times.Dial)
}

// reach makes a target of a listener.
func (e *Broker) reach(scheme, address string) error {
	target, err := harness.ParseSecureTarget(scheme+"://"+address, wire.Security{Roots: e.certificates.Authority})
	if err != nil {
		return err
	}
	target.Name, target.Software = e.Target.Name, e.Target.Software
	e.Over[scheme] = target
	return nil
}

// demandCertificate adds a listener on which clients must show a certificate.
func (e *Broker) demandCertificate(server *mochi.Server, target *harness.Target) error {
	address, err := e.listen(server, "certificate", &tls.Config{ //nolint:gosec // the default is TLS 1.2
		Certificates: []tls.Certificate{e.certificates.Server},
		ClientCAs:    e.certificates.Authority, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	config := &tls.Config{ServerName: host, RootCAs: e.certificates.Authority} //nolint:gosec // the default is TLS 1.2
	with := config.Clone()
	with.Certificates = []tls.Certificate{e.certificates.Client}
	target.Certified = &harness.Certified{
		With:    wire.TLS(wire.TCP(host, port), with),
		Without: wire.TLS(wire.TCP(host, port), config),
	}
	return nil
}

// Close stops the broker and its instances.
func (e *Broker) Close() error {
	var errs []error
	if e.authenticator != nil {
		errs = append(errs, e.authenticator.Close())
	}
	errs = append(errs, e.clients.close())
	for _, server := range e.servers {
		errs = append(errs, server.Close())
	}
	if e.dir != "" {
		errs = append(errs, os.RemoveAll(e.dir))
	}
	return errors.Join(errs...)
}

// moduleVersion is the version of a dependency of this program.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == path {
				return dep.Version
			}
		}
	}
	return "(unknown version)"
}
