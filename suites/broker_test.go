package suites_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/broker"
	"mqttspec/harness/broker/embedded"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// A witness is a real broker that the checks are held against.
type witness struct {
	name   string
	target *harness.Target
	probed []runner.Probed
}

// witnesses starts the brokers that are there: the embedded one always,
// mosquitto where it is installed. MQTTSPEC_REQUIRE names brokers (comma
// separated) without which the test fails rather than do without.
func witnesses(t testing.TB) []witness {
	t.Helper()
	embedded, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { embedded.Close() })
	brokers := []witness{{name: "embedded", target: embedded.Target}}
	for _, name := range []string{"mosquitto"} {
		if target := startPreset(t, name); target != nil {
			brokers = append(brokers, witness{name: name, target: target})
		}
	}
	for i := range brokers {
		b := &brokers[i]
		for _, target := range b.target.All() {
			for _, v := range []codec.Version{codec.V311, codec.V5} {
				profile, err := harness.Probe(t.Context(), target, suites.Options{}.Settings(), v)
				if err != nil || !profile.Accepted {
					t.Fatalf("%s (%s) does not accept MQTT %s: %v %s", b.name, target.Name, v, err, profile.Refusal)
				}
				b.probed = append(b.probed, runner.Probed{Target: target, Profile: profile})
			}
		}
	}
	return brokers
}

// required says whether a broker has to be there.
func required(name string) bool {
	for _, r := range strings.Split(os.Getenv("MQTTSPEC_REQUIRE"), ",") {
		if r == name {
			return true
		}
	}
	return false
}

// startPreset starts the broker of a preset with all its instances; nil where
// it is not installed and not required.
func startPreset(t testing.TB, name string) *harness.Target {
	t.Helper()
	file, err := broker.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := broker.Open(t.Context(), file, broker.Options{})
	if err != nil {
		if required(name) || !errors.Is(err, broker.ErrNotInstalled) {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%v: what only it can witness is skipped", err)
		return nil
	}
	t.Cleanup(opened.Close)
	return opened.Target
}

// through is a target that is reached through something else.
type through func(context.Context) (net.Conn, error)

func (f through) Dial(ctx context.Context) (net.Conn, error) { return f(ctx) }
