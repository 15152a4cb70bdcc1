package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mqttspec/reports"
)

func newReplay() *cobra.Command {
	pcap := ""
	cmd := &cobra.Command{
		Use:   "replay RESULTS.json CHECK",
		Short: "Run one check of a run again, show it step by step, and print it as a script for a bug report",
		Long: `Run one check of a run again against the same target, show its exchange step by
step, and print a script that repeats it with nothing but printf and nc.
CHECK is a slug@version, or a slug where the run has it on one version only.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return replay(cmd.Context(), cmd.OutOrStdout(), args[0], args[1], pcap)
		},
	}
	cmd.Flags().StringVar(&pcap, "pcap", "", "record the check to this file, for Wireshark and tshark")
	return cmd
}

func replay(ctx context.Context, out io.Writer, path, name, pcap string) error {
	results, err := reports.ReadFile(path)
	if err != nil {
		return err
	}
	id, err := checkID(results, name)
	if err != nil {
		return err
	}
	args := reports.Reproduce(results, id)
	if slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, "***") }) {
		return errors.New("the run was made with a password, which its results do not hold; run it again with --password-file, or a target file that names one, to replay it")
	}
	dir, err := os.MkdirTemp("", "mqttspec-replay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	again := filepath.Join(dir, "again.json")
	run := (&runOptions{checks: true}).cmd()
	run.SilenceErrors, run.SilenceUsage = true, true
	run.SetOut(io.Discard)
	options := []string{"--json", again}
	if pcap != "" {
		options = append(options, "--pcap", pcap)
	}
	run.SetArgs(append(options, args[2:]...))
	runErr := run.ExecuteContext(ctx)
	var s status
	if runErr != nil && !errors.As(runErr, &s) {
		return runErr
	}
	fresh, err := reports.ReadFile(again)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(fresh.Checks, func(c reports.Check) bool { return c.ID == id })
	if i < 0 {
		return fmt.Errorf("the run did not get to %s: %s", id, fresh.Problem)
	}
	check := &fresh.Checks[i]
	fmt.Fprintf(out, "%s: the broker %s\n\n", check.ID, reports.Printable(check.Title))
	for _, e := range check.Exchange {
		fmt.Fprintf(out, "%9.1f ms  %s\n", e.TMS, inWords(e))
		if e.Hex != "" {
			fmt.Fprintf(out, "              %s\n", e.Hex)
		}
		if e.Breach != "" {
			fmt.Fprintf(out, "              ! %s\n", reports.Printable(e.Breach))
		}
	}
	fmt.Fprintf(out, "\noutcome: %s\n", check.Outcome)
	for _, line := range []struct{ name, text string }{{"reason", check.Reason}, {"expected", check.Expected}, {"observed", check.Observed}} {
		if line.text != "" {
			fmt.Fprintf(out, "%s: %s\n", line.name, reports.Printable(line.text))
		}
	}
	fmt.Fprintln(out, "\nThe same with nothing but bytes and nc:")
	fmt.Fprintln(out)
	if err := reports.WriteNetcat(out, check, fresh.Target.URL); err != nil {
		fmt.Fprintf(out, "(%v)\n", err)
	}
	return runErr
}

// checkID is the ID of the check that a name means in these results.
func checkID(r *reports.Results, name string) (string, error) {
	var ids []string
	for _, c := range r.Checks {
		if c.ID == name || c.Slug == name {
			ids = append(ids, c.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("the results have no check %q", name)
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("%q is %s in these results; say which", name, strings.Join(ids, " and "))
}
