package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"mqttspec/reports"
)

// compareOptions are the flags of compare.
type compareOptions struct {
	html, markdown string
}

func newCompare() *cobra.Command {
	o := &compareOptions{}
	cmd := &cobra.Command{
		Use:   "compare A.json B.json...",
		Short: "Show the matrix: statements by brokers",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.OutOrStdout(), args)
		},
	}
	cmd.Flags().StringVar(&o.html, "html", "", "write the matrix as a page whose cells open the exchange")
	cmd.Flags().StringVar(&o.markdown, "markdown", "", "write the matrix as Markdown")
	return cmd
}

func (o *compareOptions) run(out io.Writer, paths []string) error {
	var runs []*reports.Results
	for _, path := range paths {
		r, err := reports.ReadFile(path)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	matrix, err := reports.NewMatrix(runs...)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range []struct {
		flag, path string
		write      func(io.Writer) error
	}{{"--html", o.html, matrix.WriteHTML}, {"--markdown", o.markdown, matrix.WriteMarkdown}} {
		if f.path != "" {
			if err := writeFile(f.path, f.write); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f.flag, err))
			}
		}
	}
	return errors.Join(append(errs, matrix.WriteText(out, consoleOptions(out, false, false)))...)
}

// writeFile writes a whole file.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return unwritable(err)
	}
	return replace(file, write)
}
