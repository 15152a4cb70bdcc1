package suites

import (
	"errors"
	"os"
	"strings"
	"testing"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/broker"
	"mqttspec/reports"
	"mqttspec/suites/runner"
)

// TestDurability sees that mosquitto keeps everything with persistence on, but
// the wills when it is killed, and nothing with persistence off.
func TestDurability(t *testing.T) {
	file, err := broker.Preset("mosquitto")
	if err != nil {
		t.Fatal(err)
	}
	var durable []broker.File
	for _, i := range file.Instances {
		if i.Durable {
			durable = append(durable, i)
		}
	}
	file.Instances = durable
	opened, err := broker.Open(t.Context(), file, broker.Options{})
	if errors.Is(err, broker.ErrNotInstalled) && !strings.Contains(os.Getenv("MQTTSPEC_REQUIRE"), "mosquitto") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	settings := Options{}.Settings()
	var probed []runner.Probed
	for _, target := range opened.Target.All() {
		for _, v := range []codec.Version{V311, V5} {
			p, err := harness.Probe(t.Context(), target, settings, v)
			if err != nil {
				t.Fatal(err)
			}
			probed = append(probed, runner.Probed{Target: target, Profile: p})
		}
	}

	found := All().Durability(t.Context(), probed, settings)

	if want := 2 * 2 * 2 * len(durables); len(found) != want {
		t.Errorf("%d findings; want %d", len(found), want)
	}
	for _, d := range found {
		want := d.Declared && !(d.Event == reports.AfterKill && d.What == "Will Message of an open connection")
		if d.Kept != want {
			t.Errorf("%s of MQTT %s after %s: %s: kept %v; want %v (%s)", d.Broker, d.MQTT, d.Event, d.What, d.Kept, want, d.Observed)
		}
	}
}
