package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"mqttspec/harness/times"
)

// process is a broker's process, with whatever it starts in its process group.
type process struct {
	pid   int
	ended chan struct{} // closed when the process has ended
	state error         // how; nil: with status 0. Valid once ended.
}

// launch starts a command in a process group of its own, so that a Ctrl-C at
// the terminal reaches only us. Its output goes to log.
func launch(args, env []string, dir string, log *os.File) (*process, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = ownGroup()
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ends the broker when the thread that started it ends (see
		// ownGroup): the thread must last as long as the broker.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.state = cmd.Wait()
			killGroup(p.pid) // what the broker has left behind
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// exited says whether the process has ended by itself, and how.
func (p *process) exited() (how string, ended bool) {
	select {
	case <-p.ended:
		if p.state == nil {
			return "exit status 0", true
		}
		return p.state.Error(), true
	default:
		return "", false
	}
}

// stop asks the process to end and waits; when the time is up, or ctx ends, it
// is killed.
func (p *process) stop(ctx context.Context, most time.Duration) {
	terminate(p.pid)
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	p.kill()
}

// kill kills the process and everything in its group, and waits for its end.
func (p *process) kill() {
	if _, ended := p.exited(); !ended {
		killGroup(p.pid)
	}
	<-p.ended
}

// A Reaper knows the broker processes that run, so that a program in a hurry
// to end can take them with it. The zero value is ready for use.
type Reaper struct {
	mu        sync.Mutex
	processes map[*process]bool
}

// KillAll kills them, at once.
func (r *Reaper) KillAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.processes {
		killGroup(p.pid)
	}
}

func (r *Reaper) watch(p *process) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.processes == nil {
		r.processes = map[*process]bool{}
	}
	r.processes[p] = true
	go func() {
		<-p.ended
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.processes, p)
	}()
}

// runCommand runs a command to its end; the error quotes the end of its output.
func runCommand(ctx context.Context, args, env []string, dir string) (output string, err error) {
	runtime.LockOSThread() // as in launch
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { killGroup(cmd.Process.Pid); return nil }
	cmd.WaitDelay = times.OutputEnds
	raw, err := cmd.CombinedOutput()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return string(raw), fmt.Errorf("%s: %w%s", args[0], err, quoted(string(raw)))
	}
	return string(raw), nil
}

// quotedLines is how much of a log an error quotes.
const quotedLines = 12

// quoted is the end of a log, for an error.
func quoted(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	switch {
	case len(lines) == 1 && lines[0] == "":
		return ""
	case len(lines) == 1:
		return ": " + lines[0]
	}
	lines = lines[max(0, len(lines)-quotedLines):]
	return "; its last words:\n  " + strings.Join(lines, "\n  ")
}
