package subtests_test

import (
	"io"
	"log/slog"
	"net"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
	"mqttspec/suites/subtests"
)

// TestConformance is how a broker's repository would call the suite. This
// broker is in the same process.
func TestConformance(t *testing.T) {
	address := startMyBroker(t)
	r := subtests.Run(t, "mqtt://"+address, suites.Options{Selection: runner.Selection{Names: []string{"connect-accepted", "connect-second"}}})

	if r.Summary.Checks[reports.Pass] != 4 {
		t.Errorf("%v; want 4 passes", r.Summary.Checks)
	}
}

// startMyBroker stands for the broker under test; it returns its address.
func startMyBroker(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listeners.NewNet("tcp", listener)); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}
