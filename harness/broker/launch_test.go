//go:build unix

package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttspec/codec"
)

// TestMain lets the test binary be the broker that tests start.
func TestMain(m *testing.M) {
	if mode := os.Getenv("MQTTSPEC_TEST_BROKER"); mode != "" {
		fakeBroker(mode, os.Args[1])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fakeBroker answers CONNECT on a port and leaves its process ID, and that of a
// child it starts, in the folder where the test looks for them.
func fakeBroker(mode, port string) {
	note := func(name string, pid int) {
		_ = os.WriteFile(filepath.Join(os.Getenv("MQTTSPEC_TEST_PIDS"), name), []byte(strconv.Itoa(pid)), 0o600)
	}
	note("broker", os.Getpid())
	child := exec.Command("sleep", "600")
	if err := child.Start(); err != nil {
		panic(err)
	}
	note("child", child.Process.Pid)
	fmt.Println("the password is hunter2")
	switch mode {
	case "fails":
		fmt.Println("cannot read the configuration")
		os.Exit(3)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "deaf":
		select {}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if _, err := codec.NewReader(codec.V311, conn).Next(); err == nil {
				_, _ = conn.Write([]byte{0x20, 2, 0, 0})
			}
			if mode == "dies" {
				os.Exit(4)
			}
		}()
	}
}

// fake is a target file that starts the fake broker.
func fake(t *testing.T, mode string) (file *File, pids string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pids = t.TempDir()
	return &File{
		Name: "fake", path: "t.yaml",
		Credentials: Credentials{UserName: "u", Password: "hunter2"},
		Start: &Start{
			Command: []string{self, "{{.Port}}"},
			Env:     map[string]string{"MQTTSPEC_TEST_BROKER": mode, "MQTTSPEC_TEST_PIDS": pids},
		},
		Timeouts: Timeouts{Start: 5 * time.Second, Stop: 300 * time.Millisecond},
	}, pids
}

// gone wants the process that was noted under a name to have ended.
func gone(t *testing.T, pids, name string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(pids, name))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("the %s is still there: process %d", name, pid)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// alive says whether a process runs; one that has ended and that nobody has
// waited for does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func temporaryFolders(t *testing.T) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "mqttspec*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, mode := range []string{"good", "stubborn"} {
		file, pids := fake(t, mode)
		opened, err := Open(t.Context(), file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if problem := opened.Problem(); problem != "" {
			t.Error(problem)
		}
		opened.Close()
		gone(t, pids, "broker")
		gone(t, pids, "child")
	}
	if n := temporaryFolders(t); n > 0 {
		t.Errorf("%d temporary folders are left", n)
	}
}

func TestFailuresToStart(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for mode, want := range map[string]string{
		"fails": "exit status 3; its last words:",
		"deaf":  "does not answer CONNECT at mqtt://127.0.0.1:",
	} {
		file, pids := fake(t, mode)
		file.Timeouts.Start = time.Second
		_, err := Open(t.Context(), file, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", mode, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password that the broker has repeated", mode)
		}
		gone(t, pids, "broker")
		gone(t, pids, "child")
	}
	file, _ := fake(t, "good")
	file.Start.Command[0], file.Start.Install = "no-such-broker", "apt-get install no-such-broker"
	_, err := Open(t.Context(), file, Options{})
	if !errors.Is(err, ErrNotInstalled) || strings.Contains(err.Error(), "\n") || !strings.HasSuffix(err.Error(), "install it with: apt-get install no-such-broker") {
		t.Errorf("a missing program: %v", err)
	}
	if n := temporaryFolders(t); n > 0 {
		t.Errorf("%d temporary folders are left", n)
	}
}

func TestInterruptedStart(t *testing.T) {
	file, pids := fake(t, "deaf")
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(300*time.Millisecond, func() { cancel(interrupted) })
	if _, err := Open(ctx, file, Options{}); !errors.Is(err, interrupted) {
		t.Errorf("error %v", err)
	}
	gone(t, pids, "broker")
	gone(t, pids, "child")
}

func TestRestartAndKill(t *testing.T) {
	file, pids := fake(t, "good")
	opened, err := Open(t.Context(), file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	for name, happens := range map[string]func(context.Context) error{"restart": opened.Target.Life.Restart, "kill": opened.Target.Life.Kill} {
		before, err := os.ReadFile(filepath.Join(pids, "broker"))
		if err != nil {
			t.Fatal(err)
		}
		if err := happens(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		after, err := os.ReadFile(filepath.Join(pids, "broker"))
		if err != nil || string(before) == string(after) {
			t.Errorf("%s: process %s before, %s after, %v", name, before, after, err)
		}
		if err := opened.Target.Await(t.Context(), time.Second); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBrokerThatDies(t *testing.T) {
	file, _ := fake(t, "dies")
	opened, err := Open(t.Context(), file, Options{})
	if err == nil {
		defer opened.Close()
		deadline := time.Now().Add(5 * time.Second)
		for opened.Problem() == "" && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
		if problem := opened.Problem(); !strings.Contains(problem, "has ended by itself: exit status 4") || strings.Contains(problem, "hunter2") {
			t.Errorf("problem %q", problem)
		}
	} else if !strings.Contains(err.Error(), "exit status 4") { // it may be that quick
		t.Error(err)
	}
}

func TestReaper(t *testing.T) {
	file, pids := fake(t, "stubborn")
	reaper := new(Reaper)
	opened, err := Open(t.Context(), file, Options{Reaper: reaper})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	reaper.KillAll()
	gone(t, pids, "broker")
	gone(t, pids, "child")
}

func TestLogIsKept(t *testing.T) {
	file, _ := fake(t, "good")
	log := filepath.Join(t.TempDir(), "broker.log")
	opened, err := Open(t.Context(), file, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	if raw, err := os.ReadFile(log); err != nil || !strings.Contains(string(raw), "the password is") {
		t.Errorf("log %q, %v", raw, err)
	}
}

func TestCommandsOfABrokerThatRunsElsewhere(t *testing.T) {
	file, _ := fake(t, "good")
	elsewhere, err := Open(t.Context(), file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	trace := filepath.Join(t.TempDir(), "trace")
	remote, err := Parse("t.yaml", []byte("url: "+elsewhere.Target.URL+"\nrestart: [sh, -c, 'echo restart >> "+trace+"']\nkill: [sh, -c, 'echo kill >> "+trace+"']\n"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), remote, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	life := opened.Target.Life
	if err := errors.Join(life.Restart(t.Context()), life.Kill(t.Context())); err != nil {
		t.Fatal(err)
	}
	if raw, _ := os.ReadFile(trace); string(raw) != "restart\nkill\nrestart\n" {
		t.Errorf("commands that ran: %q", raw)
	}
	if _, err := Open(t.Context(), &File{URL: "mqtt://127.0.0.1:1", Restart: []string{"false"}, path: "t.yaml"}, Options{}); err != nil {
		t.Errorf("a target is not touched before it is tested: %v", err)
	}
}
