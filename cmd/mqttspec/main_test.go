package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttspec/reports"
	"mqttspec/suites"
)

// TestMain lets the test binary be the command: Ginkgo runs specs once per
// process, and exit statuses and signals want a process anyway.
func TestMain(m *testing.M) {
	if os.Getenv("MQTTSPEC_TEST_COMMAND") != "" {
		os.Exit(execute(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// mqttspec runs the command and returns its output and exit status.
func mqttspec(t *testing.T, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), "MQTTSPEC_TEST_COMMAND=1")
	return cmd
}

func readResults(t *testing.T, path string) *reports.Results {
	t.Helper()
	r, err := reports.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunEmbedded(t *testing.T) {
	dir := t.TempDir()
	results, junit := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.xml")

	stdout, stderr, exit := mqttspec(t, "run", "--check", "connect-accepted,session-present-clean", "--json", results, "--junit", junit)

	if exit != reports.ExitOK || stderr != "" {
		t.Errorf("exit %d, stderr %q; want 0 and nothing", exit, stderr)
	}
	if strings.Contains(stdout, "\x1b") {
		t.Error("escape codes in a pipe")
	}
	r := readResults(t, results)
	if len(r.Checks) != 4 || r.Summary.Checks[reports.Pass] != 4 {
		t.Errorf("%d checks, %d passed; want 4 of 4", len(r.Checks), r.Summary.Checks[reports.Pass])
	}
	if r.Summary.Verdict != reports.Incomplete {
		t.Errorf("verdict %s of a selection; want incomplete", r.Summary.Verdict)
	}
	if len(r.Requirements) == 0 || len(r.Checks[0].Exchange) == 0 || r.Settings.TimeoutMS == 0 {
		t.Error("requirements, exchanges or settings are missing")
	}
	if info, err := os.Stat(junit); err != nil || info.Size() == 0 {
		t.Errorf("JUnit report: %v", err)
	}
}

// TestRunWithoutTarget: who tries the command out hears whose failures these
// are, and is not drowned in them, in a pipe either.
func TestRunWithoutTarget(t *testing.T) {
	stdout, stderr, exit := mqttspec(t, "run", "--check", "topics-single-level-misplaced,topics-multi-level-misplaced,connect-accepted")
	if exit != reports.ExitGates || stderr != "" {
		t.Errorf("exit %d, stderr %q; want 1 and nothing", exit, stderr)
	}
	first, rest, _ := strings.Cut(stdout, "\n\n")
	for _, want := range []string{"inside mqttspec", "known to break rules", "example", "mqttspec run mqtt://HOST:PORT"} {
		if !strings.Contains(strings.ReplaceAll(first, "\n", " "), want) {
			t.Errorf("the first lines do not say %q:\n%s", want, first)
		}
	}
	if strings.Contains(rest, "accepts a valid CONNECT") || !strings.Contains(rest, "→ CONNECT") || !strings.Contains(rest, "\n✖ 4.7.1.3 ") {
		t.Errorf("want a failure in full and no check that passes:\n%s", rest)
	}
	for _, args := range [][]string{{"embedded"}, {"--verbose"}} {
		stdout, _, _ := mqttspec(t, append([]string{"run", "--check", "connect-accepted"}, args...)...)
		if !strings.Contains(stdout, "pass     connect-accepted@5.0: ") {
			t.Errorf("%v: no line for a check that passes:\n%s", args, stdout)
		}
	}
}

func TestRunUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	results := filepath.Join(t.TempDir(), "r.json")

	_, stderr, exit := mqttspec(t, "run", "mqtt://"+address, "--json", results)

	if exit != reports.ExitUntested || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "cannot be reached") {
		t.Errorf("exit %d, stderr %q; want 2 and one line that says it cannot be reached", exit, stderr)
	}
	if r := readResults(t, results); !strings.Contains(r.Problem, "cannot be reached") {
		t.Errorf("the results say %q", r.Problem)
	}
}

// TestMistakes: everything a user can get wrong ends in one clear line and
// exit status 2.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name string
		args []string
		says string
	}{
		{"scheme", []string{"run", "http://localhost"}, "scheme"},
		{"no host", []string{"run", "mqtt://"}, "no host"},
		{"no URL", []string{"run", "mqtt://[::1"}, "URL"},
		{"flag", []string{"run", "--speed", "9"}, "unknown flag"},
		{"command", []string{"walk"}, "unknown command"},
		{"two targets", []string{"run", "a", "b"}, "arg"},
		{"version", []string{"run", "--mqtt", "3.1"}, "--mqtt"},
		{"check", []string{"run", "--check", "no-such-check"}, "no-such-check"},
		{"filter syntax", []string{"run", "--filter", "a &&"}, "label expression"},
		{"filter matches nothing", []string{"run", "--filter", "nothing-has-this-label"}, "matches no check"},
		{"parallel", []string{"run", "--parallel", "0"}, "--parallel"},
		{"timeout", []string{"run", "--timeout", "-1s"}, "--timeout"},
		{"no patience", []string{"run", "--patience", "0"}, "--patience 0s: more than 0, such as 30s"},
		{"negative patience", []string{"run", "--patience", "-1s"}, "--patience -1s"},
		{"prefix", []string{"run", "--topic-prefix", "a/#"}, "--topic-prefix"},
		{"fail-on", []string{"run", "--fail-on", "maybe"}, "--fail-on"},
		{"require", []string{"run", "--require", "restart,teapot"}, "choose all, or some of "},
		{"unwritable", []string{"run", "--json", filepath.Join(dir, "no", "r.json")}, "--json"},
		{"directory", []string{"run", "--junit", dir}, "--junit"},
		{"one file twice", []string{"run", "--json", filepath.Join(dir, "r"), "--junit", filepath.Join(dir, "r")}, "file of its own"},
		{"password twice", []string{"run", "mqtt://localhost", "--username", "u", "--password", "p", "--password-file", "f"}, "exclude"},
		{"explain", []string{"explain", "MQTT-9.9.9-9"}, "neither"},
		{"explain on another version", []string{"explain", "connect-second@9"}, "neither"},
		{"exchange of many checks", []string{"explain", "MQTT-4.6.0-6", "--exchange"}, "one check"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, stderr, exit := mqttspec(t, test.args...)
			if exit != reports.ExitUntested || !strings.Contains(stderr, test.says) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stderr %q; want 2 and one line with %q", exit, stderr, test.says)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	results := filepath.Join(t.TempDir(), "r.json")
	cmd := command(t, "run", "mqtt://"+l.Addr().String(), "--json", results, "--timeout", "1m")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	started := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if exit := cmd.ProcessState.ExitCode(); exit != exitInterrupted {
		t.Errorf("exit %d; want %d", exit, exitInterrupted)
	}
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("ended %s after the signal", took)
	}
	if r := readResults(t, results); !strings.Contains(r.Problem, "interrupted") {
		t.Errorf("the results say %q", r.Problem)
	}
}

// TestGate follows a failing broker through a CI: a run that gates, a
// known-failures file made from it, a run that does not, a stale entry, a
// difference between the two.
func TestGate(t *testing.T) {
	dir := t.TempDir()
	base, known, again := filepath.Join(dir, "base.json"), filepath.Join(dir, "known.yaml"), filepath.Join(dir, "again.json")
	// The embedded broker is known to take Topic Filters such as "a+" for valid.
	check := "topics-single-level-misplaced@5.0"

	if _, stderr, exit := mqttspec(t, "run", "--check", check, "--json", base); exit != reports.ExitGates {
		t.Fatalf("exit %d, stderr %q; want 1", exit, stderr)
	}
	list, _, exit := mqttspec(t, "known-failures", base)
	if exit != 0 || !strings.Contains(list, "topics-single-level-misplaced") {
		t.Fatalf("exit %d: %s", exit, list)
	}
	list = strings.ReplaceAll(list, `reason: ""`, "reason: known upstream")
	if err := os.WriteFile(known, []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr, exit := mqttspec(t, "run", "--check", check, "--known-failures", known, "--json", again); exit != reports.ExitOK {
		t.Errorf("with the known failures: exit %d, stderr %q; want 0\n%s", exit, stderr, list)
	}
	if r := readResults(t, again); r.Summary.Checks[reports.Waived] != 1 || r.Summary.Verdict != reports.Incomplete {
		t.Errorf("%v, %s; want one waived and the verdict incomplete", r.Summary.Checks, r.Summary.Verdict)
	}
	for _, strict := range []bool{false, true} {
		args := []string{"run", "--check", "connect-accepted,topics-single-level-misplaced", "--mqtt", "5.0", "--known-failures", filepath.Join(dir, "stale.yaml")}
		stale := list + strings.ReplaceAll(strings.TrimPrefix(list, "failures:"), "topics-single-level-misplaced", "connect-accepted")
		if err := os.WriteFile(filepath.Join(dir, "stale.yaml"), []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
		want := reports.ExitOK
		if strict {
			args, want = append(args, "--strict"), reports.ExitGates
		}
		if _, stderr, exit := mqttspec(t, args...); exit != want || !strings.Contains(stderr, "connect-accepted") {
			t.Errorf("strict %t: exit %d, stderr %q; want %d and the stale entry named", strict, exit, stderr, want)
		}
	}
	passed := filepath.Join(dir, "passed.json")
	r := readResults(t, base)
	r.Checks[0].Outcome = reports.Pass
	file, err := os.Create(passed)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := reports.Write(file, r); err != nil {
		t.Fatal(err)
	}
	if stdout, _, exit := mqttspec(t, "diff", passed, base); exit != reports.ExitGates || !strings.Contains(stdout, "topics-single-level-misplaced") {
		t.Errorf("diff: exit %d, %s; want 1 and the check named", exit, stdout)
	}
	if stdout, _, exit := mqttspec(t, "diff", base, passed); exit != reports.ExitOK {
		t.Errorf("diff the other way: exit %d, %s; want 0", exit, stdout)
	}
}

// TestGateByWish: what is untried or unsteady gates only where the user says so.
func TestGateByWish(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, change func(*reports.Check)) string {
		check := reports.Check{ID: "a@5.0", Slug: "a", MQTT: "5.0", Level: "MUST", Outcome: reports.Pass}
		change(&check)
		r := &reports.Results{MQTT: []string{"5.0"}, Checks: []reports.Check{check, {ID: "b@5.0", Slug: "b", MQTT: "5.0", Level: "MUST", Outcome: reports.Pass}}}
		path := filepath.Join(dir, name)
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := reports.Write(file, r); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pass := write("pass.json", func(*reports.Check) {})
	unsteady := write("unsteady.json", func(c *reports.Check) { c.Outcome = reports.Unsteady })
	untried := write("untried.json", func(c *reports.Check) {
		c.Outcome, c.Needs, c.Reason = reports.Untried, "restart", "add start to the target"
	})
	for _, c := range []struct {
		args string
		exit int
		says string // on stderr
	}{
		{"report " + untried, reports.ExitOK, ""},
		{"report --require websocket " + untried, reports.ExitOK, ""},
		{"report --require websocket,restart " + untried, reports.ExitUntested, "--require restart: 1 check untried for want of a restart: add start to the target"},
		{"report --require all " + untried, reports.ExitUntested, "add start to the target"},
		{"report --require all " + pass, reports.ExitOK, ""},
		{"report --require teapot " + pass, reports.ExitUntested, "choose all, or some of "},
		{"report --fail-on should " + unsteady, reports.ExitOK, ""},
		{"report --fail-on unsteady " + unsteady, reports.ExitGates, ""},
		{"diff " + pass + " " + unsteady, reports.ExitOK, ""},
		{"diff --fail-on unsteady " + pass + " " + unsteady, reports.ExitGates, ""},
	} {
		if stdout, stderr, exit := mqttspec(t, strings.Fields(c.args)...); exit != c.exit || !strings.Contains(stderr, c.says) || c.says == "" && stderr != "" {
			t.Errorf("%s: exit %d, stderr %q; want %d and %q\n%s", c.args, exit, stderr, c.exit, c.says, stdout)
		}
	}
}

// TestRequireKnowsEveryNeed: --require takes the word of all that a target can
// leave untried, and no other.
func TestRequireKnowsEveryNeed(t *testing.T) {
	var words []string
	for _, d := range suites.All().Definitions() {
		for _, need := range d.Needs {
			if word := need.Word(); word != "" && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	slices.Sort(words)
	if want := reports.NeedWords(); !slices.Equal(words, want) {
		t.Errorf("checks need %v of a target; --require takes %v", words, want)
	}
}

// TestReplay runs a failing check of a run again.
func TestReplay(t *testing.T) {
	results := filepath.Join(t.TempDir(), "r.json")
	mqttspec(t, "run", "--check", "connect-second,topics-single-level-misplaced@5.0", "--json", results)

	stdout, stderr, exit := mqttspec(t, "replay", results, "topics-single-level-misplaced")

	if exit != reports.ExitGates || stderr != "" {
		t.Errorf("exit %d, stderr %q; want 1 and nothing", exit, stderr)
	}
	for _, want := range []string{"broker to", "outcome: fail", "#!/bin/bash", `printf '\x10`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if _, stderr, exit := mqttspec(t, "replay", results, "connect-second"); exit != reports.ExitUntested || !strings.Contains(stderr, "say which") {
		t.Errorf("of two versions: exit %d, %q", exit, stderr)
	}
}

// TestShardsMerge: the shards of a run, joined, are the run.
func TestShardsMerge(t *testing.T) {
	dir := t.TempDir()
	var parts []string
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		part := filepath.Join(dir, shard[:1]+".json")
		if _, stderr, exit := mqttspec(t, "run", "--check", "connect-accepted,connect-second,session-present-clean", "--shard", shard, "--json", part); exit != reports.ExitOK {
			t.Fatalf("shard %s: exit %d, %s", shard, exit, stderr)
		}
		parts = append(parts, part)
	}
	joined := filepath.Join(dir, "joined.json")
	if _, stderr, exit := mqttspec(t, append([]string{"report", "--merge", "--json", joined}, parts...)...); exit != reports.ExitOK {
		t.Fatalf("merge: exit %d, %s", exit, stderr)
	}
	if r := readResults(t, joined); len(r.Checks) != 6 || r.Summary.Checks[reports.Pass] != 6 {
		t.Errorf("%d checks, %v; want 6 passes", len(r.Checks), r.Summary.Checks)
	}
}

// TestClosedPipe: nobody reads the console any more, and the reports are
// written all the same.
func TestClosedPipe(t *testing.T) {
	results := filepath.Join(t.TempDir(), "r.json")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	cmd := command(t, "run", "--check", "connect-accepted", "--json", results)
	cmd.Stdout = write
	_ = cmd.Run()
	write.Close()
	if r := readResults(t, results); len(r.Checks) != 2 {
		t.Errorf("%d checks in the results; want 2", len(r.Checks))
	}
	if exit := cmd.ProcessState.ExitCode(); exit != reports.ExitOK {
		t.Errorf("exit %d; want 0", exit)
	}
}

func TestListJSON(t *testing.T) {
	stdout, _, exit := mqttspec(t, "list", "--json")
	var list struct {
		Checks       []map[string]any
		Requirements []reports.Requirement
	}
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || exit != 0 {
		t.Fatalf("exit %d, %v", exit, err)
	}
	numbered := map[string]int{}
	for _, r := range list.Requirements {
		if strings.HasPrefix(r.ID, "MQTT-") {
			numbered[r.MQTT]++
		}
	}
	if numbered["3.1.1"] != 139 || numbered["5.0"] != 251 || len(list.Checks) == 0 {
		t.Errorf("%v numbered statements and %d checks; want 139 and 251", numbered, len(list.Checks))
	}
}

// TestExplain: from a statement to the lines on which its checks and their
// faults are declared, and to the exchange of one check only when asked.
func TestExplain(t *testing.T) {
	declared := regexp.MustCompile(`(\S+)  ((?:suites|harness/fault)/\S+\.go):(\d+)`)
	for _, test := range []struct {
		args     []string
		says     []string
		exchange string // its heading
	}{
		{[]string{"MQTT-3.1.0-2"}, []string{"connect-second", "binds the server", "https://", "fault ignores-second-connect", "MQTT 5.0"}, ""},
		{[]string{"MQTT-3.12.4-1"}, []string{"pingreq-answered", "ping-each-answered", "explain pingreq-answered --exchange"}, ""},
		{[]string{"connect-second"}, []string{"fault ignores-second-connect", "MQTT-3.1.0-2, MQTT 3.1.1, MUST"}, ""},
		{[]string{"connect-second", "--exchange"}, []string{"alice sends CONNECT"}, "embedded broker (MQTT 5.0, pass)"},
		{[]string{"connect-second@3.1.1", "--exchange"}, []string{"alice sends CONNECT"}, "embedded broker (MQTT 3.1.1, pass)"},
		{[]string{"MQTT-3.1.0-2", "--exchange"}, []string{"alice sends CONNECT"}, "embedded broker (MQTT 5.0, pass)"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			stdout, _, exit := mqttspec(t, append([]string{"explain"}, test.args...)...)
			for _, want := range append(test.says, test.exchange) {
				if !strings.Contains(stdout, want) {
					t.Errorf("exit %d, output %q lacks %q", exit, stdout, want)
				}
			}
			if test.exchange == "" && strings.Contains(stdout, "sends CONNECT") {
				t.Errorf("shows an exchange: %q", stdout)
			}
			found := declared.FindAllStringSubmatch(stdout, -1)
			if len(found) < 2 {
				t.Errorf("names the lines %q; want those of a check and a fault", found)
			}
			for _, f := range found {
				raw, err := os.ReadFile(filepath.Join("..", "..", f[2]))
				if err != nil {
					t.Fatal(err)
				}
				line, _ := strconv.Atoi(f[3])
				lines := strings.SplitAfter(string(raw), "\n")
				if at := strings.Join(lines[line-1:min(line+1, len(lines))], ""); !strings.Contains(at, `"`+f[1]+`"`) {
					t.Errorf("%s is said to stand in line %d of %s, but there is %q", f[1], line, f[2], at)
				}
			}
		})
	}
}

func TestProbe(t *testing.T) {
	stdout, _, exit := mqttspec(t, "probe")
	if exit != 0 || !strings.Contains(stdout, "MQTT 3.1.1") || !strings.Contains(stdout, "Receive Maximum") {
		t.Errorf("exit %d, output %q", exit, stdout)
	}
}
