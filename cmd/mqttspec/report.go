package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"mqttspec/reports"
)

func newReport() *cobra.Command {
	o := &reportOptions{}
	merge := false
	cmd := &cobra.Command{
		Use:   "report RESULTS.json...",
		Short: "Write reports from the results of a run, or of its shards",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.OutOrStdout(), args, merge)
		},
	}
	o.add(cmd.Flags())
	cmd.Flags().BoolVar(&merge, "merge", false, "join several results files of one broker (shards of a run) into one")
	return cmd
}

// run reads results and reports on them as run would have.
func (o *reportOptions) run(out io.Writer, paths []string, merge bool) error {
	if len(paths) > 1 && !merge {
		return errors.New("report takes one results file; give --merge to join the shards of a run, or use `mqttspec compare`")
	}
	var runs []*reports.Results
	for _, path := range paths {
		r, err := reports.ReadFile(path)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	results := runs[0]
	if merge {
		var err error
		if results, err = reports.Merge(runs...); err != nil {
			return err
		}
	}
	reporter, err := o.open()
	if err != nil {
		return err
	}
	reporter.apply(results)
	if !reporter.github {
		reports.NewConsole(out, consoleOptions(out, false, false)).Finish(results)
	}
	exit, err := reporter.finish(out, results)
	return exitWith(exit, err)
}

func newDiff() *cobra.Command {
	var failOn string
	var markdown bool
	cmd := &cobra.Command{
		Use:   "diff BASE.json NEW.json",
		Short: "Show what changed between two runs; exit 1 on regressions",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return diff(cmd.OutOrStdout(), args[0], args[1], failOn, markdown)
		},
	}
	cmd.Flags().StringVar(&failOn, "fail-on", "must", "what counts as a regression: a newly broken must, a new warning too (should), a check that became unsteady too (unsteady), or never")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "as Markdown")
	return cmd
}

func diff(out io.Writer, basePath, newPath, failOn string, markdown bool) error {
	gate, err := reports.ParseFailOn(failOn)
	if err != nil {
		return err
	}
	base, err := reports.ReadFile(basePath)
	if err != nil {
		return err
	}
	after, err := reports.ReadFile(newPath)
	if err != nil {
		return err
	}
	d := reports.NewDiff(base, after, gate)
	if markdown {
		err = d.WriteMarkdown(out)
	} else {
		err = d.WriteText(out, consoleOptions(out, false, false))
	}
	return exitWith(d.ExitStatus(), err)
}

func newKnownFailures() *cobra.Command {
	return &cobra.Command{
		Use:   "known-failures RESULTS.json",
		Short: "Write a known-failures file to start from: an entry for every failure of a run",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := reports.ReadFile(args[0])
			if err != nil {
				return err
			}
			return reports.WriteKnownFailures(cmd.OutOrStdout(), r)
		},
	}
}

// exitWith is how a command ends: an error, which is exit status 2, or the
// status itself.
func exitWith(exit int, err error) error {
	switch {
	case err != nil:
		return err
	case exit != reports.ExitOK:
		return status(exit)
	}
	return nil
}
