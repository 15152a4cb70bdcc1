// Command mqttspec tests MQTT brokers against the specifications of MQTT 3.1.1
// and 5.0 and reports what they keep and what they break. This package is
// flags and wiring only.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"mqttspec/harness/broker"
	"mqttspec/harness/times"
	"mqttspec/reports"
)

func main() {
	os.Exit(execute(os.Args[1:]))
}

// status is an exit status on its way through cobra: what it means has already
// been said.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// interrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted by a signal")

// exitInterrupted is the exit status after SIGINT or SIGTERM.
const exitInterrupted = 130

func execute(args []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	reaper := new(broker.Reaper)
	ctx = context.WithValue(ctx, reaperKey{}, reaper)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// A reader who has seen enough (| head) must not end us before the reports are
	// written and the broker is stopped: the write fails instead.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-signals
		cancel(errInterrupted)
		// A second one does not wait for anything.
		for same := time.Now().Add(times.SameSignal); time.Now().Before(same); {
			<-signals
		}
		reaper.KillAll()
		os.Exit(exitInterrupted)
	}()

	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var s status
	switch {
	case err == nil:
		return reports.ExitOK
	case errors.As(err, &s):
		return int(s)
	}
	if path := new(os.PathError); errors.As(err, &path) && errors.Is(err, syscall.EPIPE) && path.Path == os.Stdout.Name() {
		return reports.ExitOK // of list | head, the reader has what it wanted
	}
	fmt.Fprintf(os.Stderr, "mqttspec: %v\n", err)
	return reports.ExitUntested
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mqttspec",
		Short: "Test an MQTT broker against the specifications of MQTT 3.1.1 and 5.0",
		Long: `mqttspec opens raw sockets against any MQTT broker, runs scripted packet
exchanges, and says for every normative statement of MQTT 3.1.1 and MQTT 5.0
whether the broker keeps it, with the wire transcript that proves it.

Exit status: 0 nothing that gates, 1 the broker breaks rules that gate,
2 could not test.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(newRun(), newList(), newExplain(), newProbe(), newTarget(), newReport(), newCompare(), newDiff(), newKnownFailures(), newReplay(), newPcap(), newMan(), newVersion())
	return root
}
