package suites_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/suites"
)

// A witness is a real broker that the checks are held against.
type witness struct {
	name   string
	target *harness.Target
	probed []suites.Probed
}

// witnesses starts the brokers that are there: the embedded one always,
// mosquitto where it is installed. MQTTSPEC_REQUIRE names brokers (comma
// separated) without which the test fails rather than do without.
func witnesses(t testing.TB) []witness {
	t.Helper()
	embedded, err := harness.StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { embedded.Close() })
	brokers := []witness{{name: "embedded", target: embedded.Target}}
	if target := startMosquitto(t, "mosquitto"); target != nil {
		for name, lines := range map[string]string{
			"maximum-qos-0":         "max_qos 0",
			"maximum-qos-1":         "max_qos 1",
			"no-retain":             "retain_available false",
			"no-topic-aliases":      "max_topic_alias 0",
			"small-packets":         "max_packet_size 2048",
			"small-receive-maximum": "max_inflight_messages 5",
			"server-keep-alive":     "max_keepalive 10",
			"no-empty-identifiers":  "allow_zero_length_clientid false",
		} {
			target.Instances = append(target.Instances, startMosquitto(t, name, lines))
		}
		brokers = append(brokers, witness{name: "mosquitto", target: target})
	}
	for i := range brokers {
		b := &brokers[i]
		for _, target := range append([]*harness.Target{b.target}, b.target.Instances...) {
			for _, v := range []codec.Version{codec.V311, codec.V5} {
				profile, err := harness.Probe(t.Context(), target, suites.Options{}.Settings(), v)
				if err != nil || !profile.Accepted {
					t.Fatalf("%s (%s) does not accept MQTT %s: %v %s", b.name, target.Name, v, err, profile.Refusal)
				}
				b.probed = append(b.probed, suites.Probed{Target: target, Profile: profile})
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

// startMosquitto starts mosquitto on a free loopback port with further lines of
// configuration; nil where it is not installed and not required.
func startMosquitto(t testing.TB, name string, lines ...string) *harness.Target {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/mosquitto")
	}
	if err != nil {
		if required("mosquitto") {
			t.Fatal("mosquitto is required (MQTTSPEC_REQUIRE) but not installed")
		}
		t.Log("mosquitto is not installed: what only it can witness is skipped")
		return nil
	}
	port := freePort(t)
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nmax_queued_messages 10000\n%s\n", port, strings.Join(lines, "\n"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := make(chan bool, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "running") {
				select {
				case running <- true:
				default:
				}
			}
		}
		close(running)
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		reading.Wait()
		_ = cmd.Wait()
	})
	select {
	case ok := <-running:
		if !ok {
			t.Fatal("mosquitto did not start")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("mosquitto is not ready after 20 s")
	}
	target, err := harness.ParseTarget(fmt.Sprintf("mqtt://127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	target.Name = name
	return target
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// through is a target that is reached through something else.
type through func(context.Context) (net.Conn, error)

func (f through) Dial(ctx context.Context) (net.Conn, error) { return f(ctx) }
