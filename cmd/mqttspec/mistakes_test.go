package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttspec/harness/broker/embedded"
	"mqttspec/reports"
)

// small is a selection that takes no time.
var small = []string{"--check", "connect-accepted"}

// smallRun writes the results of a small run and returns their path.
func smallRun(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.json")
	if _, stderr, exit := mqttspec(t, append([]string{"run", "--json", path}, small...)...); exit != reports.ExitOK {
		t.Fatalf("exit %d, %s", exit, stderr)
	}
	return path
}

func writeText(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// oneLine holds a refusal against its promise: exit status 2 and one line that
// says all of this.
func oneLine(t *testing.T, what, stderr string, exit int, says ...string) {
	t.Helper()
	if exit != reports.ExitUntested || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%s: exit %d, stderr %q; want 2 and one line", what, exit, stderr)
	}
	for _, s := range says {
		if !strings.Contains(stderr, s) {
			t.Errorf("%s: stderr %q lacks %q", what, stderr, s)
		}
	}
}

// TestBadResults gives every command that reads results what is none.
func TestBadResults(t *testing.T) {
	good := smallRun(t)
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	for _, bad := range []struct {
		name, path string
		says       []string
	}{
		{"cut in half", writeText(t, filepath.Join(dir, "half.json"), string(raw[:len(raw)/2])), []string{"half.json", "field", "is cut short", "run the broker again"}},
		{"another schema", writeText(t, filepath.Join(dir, "seven.json"), strings.Replace(string(raw), `"schema": 1`, `"schema": 7`, 1)), []string{"seven.json", `"schema" is 7`, "use the mqttspec version"}},
		{"not JSON", writeText(t, filepath.Join(dir, "text.json"), "hello\n"), []string{"text.json", "not JSON", "--json FILE"}},
		{"empty", writeText(t, filepath.Join(dir, "empty.json"), ""), []string{"empty.json", "is empty", "--json FILE"}},
		{"a directory", dir, []string{dir, "is a directory", "--json FILE"}},
		{"missing", filepath.Join(dir, "missing.json"), []string{"missing.json", "no such file", "--json FILE"}},
	} {
		for _, args := range [][]string{
			{"compare", good, bad.path}, {"diff", good, bad.path}, {"diff", bad.path, good},
			{"report", bad.path, "--html", page}, {"report", "--merge", good, bad.path, "--json", page},
			{"known-failures", bad.path}, {"replay", bad.path, "connect-accepted@5.0"},
		} {
			stdout, stderr, exit := mqttspec(t, args...)
			oneLine(t, bad.name+": "+args[0], stderr, exit, bad.says...)
			if stdout != "" {
				t.Errorf("%s: %s prints %q", bad.name, args[0], stdout)
			}
		}
	}
	if _, err := os.Stat(page); err == nil {
		t.Error("a report of unreadable results was left behind")
	}
}

// TestBadFiles names files that are not what the flag wants.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	yaml := writeText(t, filepath.Join(dir, "bad.yaml"), "url: [a\n")
	unknown := writeText(t, filepath.Join(dir, "unknown.yaml"), "url: mqtt://localhost\nnmae: x\n")
	scope := writeText(t, filepath.Join(dir, "scope.yaml"), "url: mqtt://localhost\nscope: {without: [credentials]}\n")
	mapping := writeText(t, filepath.Join(dir, "map.yaml"), "check: connect-accepted\n")
	for _, test := range []struct {
		args []string
		says []string
	}{
		{[]string{"run", yaml}, []string{"bad.yaml:1:"}},
		{[]string{"run", unknown}, []string{"unknown.yaml:2:1", `"nmae"`, `did you mean "name"`}},
		{[]string{"run", scope, "--username", "u"}, []string{"scope.yaml", "scope.without: credentials, though credentials is given"}},
		{[]string{"run", dir}, []string{dir, "is a directory", "target file"}},
		{[]string{"run", filepath.Join(dir, "no.yaml")}, []string{"no.yaml", "no such file", "target file"}},
		{[]string{"run", "--known-failures", yaml}, []string{"--known-failures", "bad.yaml", "line 1", "known-failures RESULTS"}},
		{[]string{"run", "--known-failures", mapping}, []string{"--known-failures", "map.yaml", "line 1", "known-failures RESULTS"}},
		{[]string{"run", "--known-failures", dir}, []string{"--known-failures", "is a directory", "known-failures RESULTS"}},
		{[]string{"run", "--json", dir}, []string{"--json", "is a directory", "name a file"}},
		{[]string{"run", "--pcap", dir}, []string{"--pcap", "is a directory", "name a file"}},
		{[]string{"run", "--html", "/proc/report.html"}, []string{"--html", "/proc/report.html", "name a file"}},
		{[]string{"run", "mqtt://localhost", "--username", "u", "--password-file", dir}, []string{"--password-file", "is a directory"}},
		{[]string{"run", "mqtts://localhost", "--cacert", yaml}, []string{"bad.yaml", "no PEM certificate"}},
	} {
		stdout, stderr, exit := mqttspec(t, test.args...)
		oneLine(t, strings.Join(test.args, " "), stderr, exit, test.says...)
		if stdout != "" {
			t.Errorf("%s tests all the same: %q", test.args, stdout)
		}
	}
}

// TestFullDisk: one report finds no room; the others are written, and the
// console says what came of the run.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	for _, flag := range []string{"--json", "--junit", "--html", "--markdown", "--pcap"} {
		dir := t.TempDir()
		args := append([]string{"run", flag, "/dev/full", "--badge", filepath.Join(dir, "badge.svg")}, small...)
		if flag != "--json" {
			args = append(args, "--json", filepath.Join(dir, "r.json"))
		}
		stdout, stderr, exit := mqttspec(t, args...)
		oneLine(t, flag, stderr, exit, flag, "no space left")
		if !strings.Contains(stdout, "2 checks") && !strings.Contains(stdout, "pass") {
			t.Errorf("%s: the console says %q", flag, stdout)
		}
		if info, err := os.Stat(filepath.Join(dir, "badge.svg")); err != nil || info.Size() == 0 {
			t.Errorf("%s: the badge is missing: %v", flag, err)
		}
		if flag != "--json" {
			readResults(t, filepath.Join(dir, "r.json"))
		}
	}
}

// TestReplaceKeepsTheOld: where the new text cannot be written, the file keeps
// what was in it; where it can, its mode and a link to it stay.
func TestReplaceKeepsTheOld(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "r"), filepath.Join(dir, "link")
	writeText(t, path, "the old text, which is longer")
	if err := errorsOf(os.Chmod(path, 0o600), os.Symlink("r", link)); err != nil {
		t.Fatal(err)
	}
	full := &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
	err := writeFile(link, func(w io.Writer) error {
		_, _ = w.Write([]byte("half of the n"))
		return full
	})
	if raw, _ := os.ReadFile(path); err == nil || string(raw) != "the old text, which is longer" {
		t.Errorf("error %v, the file holds %q", err, raw)
	}
	err = writeFile(link, func(w io.Writer) error {
		_, err := w.Write([]byte("the new text"))
		return err
	})
	info, _ := os.Stat(path)
	linked, _ := os.Lstat(link)
	if raw, _ := os.ReadFile(path); err != nil || string(raw) != "the new text" || info.Mode().Perm() != 0o600 || linked.Mode()&os.ModeSymlink == 0 {
		t.Errorf("error %v, the file holds %q with mode %s, the link is %s", err, raw, info.Mode(), linked.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".mqttspec-*")); left != nil {
		t.Errorf("left behind: %s", left)
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestReadOnly: a report that may not be written is known before the run, and
// what is there stays. Root may write anything, so this is run as nobody.
func TestReadOnly(t *testing.T) {
	path := smallRun(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errorsOf(os.Chmod(path, 0o444), os.Chmod(filepath.Dir(path), 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o755) })
	for dir := filepath.Dir(path); os.Geteuid() == 0 && dir != "/"; dir = filepath.Dir(dir) {
		if dir == os.TempDir() {
			break
		}
		if info, err := os.Stat(dir); err == nil {
			_ = os.Chmod(dir, info.Mode().Perm()|0o055) // nobody may pass
		}
	}
	for what, target := range map[string]string{"a file": path, "a folder": filepath.Join(filepath.Dir(path), "new.json")} {
		cmd := command(t, append([]string{"run", "--json", target}, small...)...)
		if os.Geteuid() == 0 {
			self, err := filepath.EvalSymlinks("/proc/self/exe")
			if err != nil {
				t.Skip(err)
			}
			copied := filepath.Join(os.TempDir(), fmt.Sprintf("mqttspec-nobody-%d", os.Getpid()))
			if raw, err := os.ReadFile(self); err != nil || os.WriteFile(copied, raw, 0o755) != nil {
				t.Skip("no copy of the command that nobody may run")
			}
			defer os.Remove(copied)
			cmd.Path = copied
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Skip(err)
		}
		oneLine(t, what, stderr.String(), cmd.ProcessState.ExitCode(), "--json", "permission denied", "name a file")
		if stdout.Len() > 0 {
			t.Errorf("%s: the run was made: %s", what, stdout.String())
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the read-only file has changed")
	}
}

// TestTerminated sends SIGTERM in the middle of checks: the results are
// written, with what was seen and what was not run.
func TestTerminated(t *testing.T) {
	results := filepath.Join(t.TempDir(), "r.json")
	cmd := command(t, "run", "--verbose", "--parallel", "4", "--json", results)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	for buffer := make([]byte, 4096); !strings.Contains(seen.String(), "connect"); { // a check has ended
		n, err := stdout.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(buffer[:n])
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	_, _ = seen.ReadFrom(stdout)
	_ = cmd.Wait()
	if exit := cmd.ProcessState.ExitCode(); exit != exitInterrupted {
		t.Errorf("exit %d; want %d", exit, exitInterrupted)
	}
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("ended %s after the signal", took)
	}
	r := readResults(t, results)
	notRun := slices.ContainsFunc(r.Checks, func(c reports.Check) bool {
		return c.Outcome == reports.Error && strings.Contains(c.Reason, "interrupted")
	})
	if len(r.Checks) < 100 || !notRun || r.Summary.Checks[reports.Pass] == 0 || r.Summary.Verdict == reports.Conformant {
		t.Errorf("%d checks, %v, %s; want all of them, some that say interrupted, and what had passed", len(r.Checks), r.Summary.Checks, r.Summary.Verdict)
	}
}

// TestOddSurroundings: neither locale nor time zone nor the terminal's name
// changes what is written, and times are in UTC.
func TestOddSurroundings(t *testing.T) {
	for _, env := range [][]string{
		{"TZ=Asia/Kathmandu", "LC_ALL=tr_TR.UTF-8"}, {"TZ=no/where", "LC_ALL=zz"}, {"TZ=", "LC_ALL=C", "TERM="}, {"HOME=", "COLUMNS=x", "LANG=ar_EG"},
	} {
		results := filepath.Join(t.TempDir(), "r.json")
		cmd := command(t, append([]string{"run", "--json", results}, small...)...)
		cmd.Env = append(cmd.Env, env...)
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("INCOMPLETE: none of 2 checks fails")) {
			t.Errorf("%v: %v, %s", env, err, out)
		}
		if r := readResults(t, results); r.Started.Location() != time.UTC {
			t.Errorf("%v: started %s", env, r.Started)
		}
	}
}

// TestNarrowTerminal runs on a terminal of 20 columns.
func TestNarrowTerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range []int{20, 1} {
		cmd := exec.CommandContext(t.Context(), script, "-qec", fmt.Sprintf("stty cols %d; exec %s run --no-color --check connect-accepted,topics-single-level-misplaced", columns, self), "/dev/null")
		cmd.Env = append(os.Environ(), "MQTTSPEC_TEST_COMMAND=1", "TERM=xterm")
		out, _ := cmd.CombinedOutput()
		if exit := cmd.ProcessState.ExitCode(); exit != reports.ExitGates {
			t.Fatalf("%d columns: exit %d, %s", columns, exit, out)
		}
		if columns < 20 {
			continue // no word fits; it is enough that nothing breaks
		}
		if !bytes.Contains(out, []byte("NONCONFORMANT")) {
			t.Errorf("no verdict in %s", out)
		}
		for line := range strings.Lines(string(out)) {
			line = line[strings.LastIndexByte(strings.TrimRight(line, "\r\n"), '\r')+1:]
			if n := len([]rune(strings.TrimRight(line, "\r\n"))); n > 20 && !strings.Contains(line, "\x1b") && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d columns: %q", n, line)
			}
		}
	}
}

// TestSecondRun tests one broker twice at the same time, with reports of their own.
func TestSecondRun(t *testing.T) {
	embedded, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	dir := t.TempDir()
	var both []*exec.Cmd
	for _, name := range []string{"a.json", "b.json"} {
		cmd := command(t, "run", embedded.Target.URL, "--check", "connect-accepted,retain-replaced,session-present-clean", "--json", filepath.Join(dir, name))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		both = append(both, cmd)
	}
	for i, cmd := range both {
		if err := cmd.Wait(); err != nil {
			t.Errorf("run %d: %v", i+1, err)
		}
	}
	for _, name := range []string{"a.json", "b.json"} {
		if r := readResults(t, filepath.Join(dir, name)); r.Summary.Checks[reports.Pass] != 6 {
			t.Errorf("%s: %v", name, r.Summary.Checks)
		}
	}
}

// TestIPv6 reaches a broker by an IPv6 literal.
func TestIPv6(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	embedded, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := embedded.Target.Dial(t.Context())
			if err != nil {
				near.Close()
				return
			}
			go func() { defer near.Close(); _, _ = near.(*net.TCPConn).ReadFrom(far) }()
			go func() { defer far.Close(); _, _ = near.(*net.TCPConn).WriteTo(far) }()
		}
	}()
	results := filepath.Join(t.TempDir(), "r.json")
	target := "mqtt://" + listener.Addr().String()
	if _, stderr, exit := mqttspec(t, append([]string{"run", target, "--json", results}, small...)...); exit != reports.ExitOK {
		t.Fatalf("exit %d, %s", exit, stderr)
	}
	if r := readResults(t, results); r.Target.URL != target || r.Summary.Checks[reports.Pass] != 2 {
		t.Errorf("%s: %v", r.Target.URL, r.Summary.Checks)
	}
}

// TestHundredResults compares a hundred results files, on the console and in a page.
func TestHundredResults(t *testing.T) {
	args := append([]string{"compare", "--html", filepath.Join(t.TempDir(), "c.html")}, slices.Repeat([]string{smallRun(t)}, 100)...)
	started := time.Now()
	stdout, stderr, exit := mqttspec(t, args...)
	if exit != reports.ExitOK || stderr != "" || !strings.Contains(stdout, "(100)") {
		t.Errorf("exit %d, stderr %q, %d bytes of output", exit, stderr, len(stdout))
	}
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

// TestListIntoHead: a reader who has seen enough is no error.
func TestListIntoHead(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	defer write.Close()
	cmd := command(t, "list")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = write, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v, stderr %q", err, stderr.String())
	}
}
