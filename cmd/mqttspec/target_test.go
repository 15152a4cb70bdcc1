package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttspec/harness"
	"mqttspec/harness/broker/embedded"
	"mqttspec/reports"
)

// TestPasswordsShowNowhere runs checks with the passwords of a target file, on
// a broker that demands them, and looks for them in everything that comes out.
func TestPasswordsShowNowhere(t *testing.T) {
	embedded, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	var access *harness.Target
	for _, i := range embedded.Target.Instances {
		if i.Name == "access" {
			access = i
		}
	}
	dir := t.TempDir()
	out := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(out("password"), []byte("keeper-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	target := fmt.Sprintf(`
url: %s
credentials: {username: tester, password: tester-secret}
access:
  refused: [{username: tester, password: wrong-secret}, {username: nobody, password: tester-secret}]
  administrator: {username: keeper, password_file: password}
  unreadable: mqttspec-secrets
  unwritable: mqttspec-notices
`, access.URL)
	if err := os.WriteFile(out("target.yaml"), []byte(target), 0o600); err != nil {
		t.Fatal(err)
	}

	stdout, stderr, _ := mqttspec(t, "run", out("target.yaml"), "--verbose",
		"--check", "access-publish-undelivered,access-refused-credentials,login-refused-closed,login-user-name-missing,connect-accepted,connect-payload-order",
		"--json", out("r.json"), "--junit", out("r.xml"), "--html", out("r.html"), "--markdown", out("r.md"), "--pcap", out("r.pcap"))
	if r := readResults(t, out("r.json")); len(r.Checks) < 10 || r.Summary.Checks[reports.Pass] < 5 {
		t.Fatalf("%d checks ran; stderr %q", len(r.Checks), stderr)
	}

	outputs := map[string]string{"standard output": stdout, "standard error": stderr}
	for _, name := range []string{"r.json", "r.xml", "r.html", "r.md", "r.pcap"} {
		raw, err := os.ReadFile(out(name))
		if err != nil || len(raw) == 0 {
			t.Fatalf("%s: %d bytes, %v", name, len(raw), err)
		}
		outputs[name] = string(raw)
	}
	for name, text := range outputs {
		for _, secret := range []string{"tester-secret", "keeper-secret", "wrong-secret"} {
			inHex := fmt.Sprintf("%x", secret)
			if strings.Contains(text, secret) || strings.Contains(strings.ReplaceAll(strings.ToLower(text), " ", ""), inHex) {
				t.Errorf("%s shows the password %q", name, secret)
			}
		}
	}
}

// TestInterruptedRunLeavesNoBroker presses Ctrl-C while a broker that was
// started for the run is being tested.
func TestInterruptedRunLeavesNoBroker(t *testing.T) {
	if _, err := exec.LookPath("mosquitto"); err != nil {
		t.Skip("mosquitto is not installed")
	}
	for _, signals := range []int{1, 2} {
		dir := t.TempDir()
		cmd := command(t, "run", "mosquitto", "--json", filepath.Join(dir, "r.json"))
		cmd.Env = append(cmd.Env, "TMPDIR="+dir)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := stdout.Read(make([]byte, 1)); err != nil { // the run has begun
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, stdout) }()
		for range signals {
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != exitInterrupted {
			t.Errorf("exit status %d; want %d", got, exitInterrupted)
		}
		deadline := time.Now().Add(10 * time.Second)
		for brokersBelow(t, dir) > 0 {
			if time.Now().After(deadline) {
				t.Fatalf("after %d signals %d brokers are still there", signals, brokersBelow(t, dir))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// brokersBelow counts the processes whose command line names a folder.
func brokersBelow(t *testing.T, dir string) (n int) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(commands) == 0 {
		t.Skip("no /proc to look at")
	}
	for _, path := range commands {
		if raw, err := os.ReadFile(path); err == nil && strings.Contains(string(raw), dir) && strings.Contains(string(raw), "mosquitto.conf") {
			n++
		}
	}
	return n
}

// TestNeedWords: what a check is untried for is what --require and scope.without
// can name.
func TestNeedWords(t *testing.T) {
	for _, word := range reports.NeedWords() {
		if harness.Without(word) == nil {
			t.Errorf("--require takes %q, which scope.without does not", word)
		}
	}
	for _, word := range harness.TargetWords() {
		for _, need := range harness.Without(word) {
			if !slices.Contains(reports.NeedWords(), need.Word()) {
				t.Errorf("--require does not take %q", need.Word())
			}
		}
	}
}
