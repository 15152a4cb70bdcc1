package suites_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"mqttspec/harness"
	"mqttspec/harness/proxy"
	"mqttspec/harness/wire"
	"mqttspec/suites"
)

// proxied is a broker and its instances behind proxies, one each, which listen starts;
// nobody restarts it. They end when done is called, which says whether any has changed
// something of what passed.
func proxied(t testing.TB, of *harness.Target, listen func(dial func(context.Context) (net.Conn, error)) (*proxy.Proxy, error)) (target *harness.Target, done func() (changed bool)) {
	t.Helper()
	var proxies []*proxy.Proxy
	behind := func(of *harness.Target) *harness.Target {
		p, err := listen(of.Dialer.Dial)
		if err != nil {
			t.Fatal(err)
		}
		proxies = append(proxies, p)
		target := *of
		target.Dialer, target.Instances, target.Life = through(p.Dial), nil, nil
		if ws := of.WebSocket; ws != nil {
			if err := p.ListenWebSocket(ws.Under.Dial); err != nil {
				t.Fatal(err)
			}
			target.WebSocket = &wire.WebSocketDialer{Under: through(p.DialWebSocket), Host: ws.Host, RequestURI: ws.RequestURI}
		}
		return &target
	}
	target = behind(of)
	for _, instance := range of.Instances {
		target.Instances = append(target.Instances, behind(instance))
	}
	return target, func() (changed bool) {
		for _, p := range proxies {
			p.Close()
			changed = changed || p.Changed()
			if err := p.Err(); err != nil {
				t.Error(err)
			}
		}
		return changed
	}
}

// overlapping is the label expression of the checks that do not want the broker for
// themselves.
func overlapping() string {
	var alone []string
	for _, d := range suites.All().Definitions() {
		if d.Alone {
			alone = append(alone, "!"+d.Slug)
		}
	}
	return strings.Join(alone, " && ")
}
