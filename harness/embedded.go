package harness

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// Embedded is a mochi-mqtt broker within this process, on a free loopback port,
// and its instances with lowered capabilities.
type Embedded struct {
	// Target is the broker with everything enabled; its Instances are the others.
	Target  *Target
	servers []*mochi.Server
}

// embeddedInstances are the limits that rules are about, one instance each.
var embeddedInstances = []struct {
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

// StartEmbedded starts the embedded broker and its instances.
func StartEmbedded() (*Embedded, error) {
	e := &Embedded{}
	target, err := e.start("embedded", func(*mochi.Capabilities) {})
	if err != nil {
		return nil, err
	}
	e.Target = target
	for _, i := range embeddedInstances {
		instance, err := e.start(i.name, i.limit)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		target.Instances = append(target.Instances, instance)
	}
	return e, nil
}

// start starts one broker.
func (e *Embedded) start(name string, limit func(*mochi.Capabilities)) (*Target, error) {
	capabilities := mochi.NewDefaultServerCapabilities()
	limit(capabilities)
	server := mochi.New(&mochi.Options{
		Capabilities: capabilities,
		Logger:       slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	hook := &limits{server: server}
	if name == serverKeepAlive {
		hook.keepAlive = 2
	}
	if err := server.AddHook(hook, nil); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	address := listener.Addr().String()
	if err := server.AddListener(listeners.NewNet("tcp", listener)); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	if err := server.Serve(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	e.servers = append(e.servers, server)
	return &Target{
		Name: name, Software: "mochi-mqtt " + moduleVersion("github.com/mochi-mqtt/server/v2"),
		URL: "mqtt://" + address, Dialer: &tcpDialer{host: host, port: port}, DialTimeout: 10 * time.Second,
	}, nil
}

// Close stops the broker and its instances.
func (e *Embedded) Close() error {
	var errs []error
	for _, server := range e.servers {
		errs = append(errs, server.Close())
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
