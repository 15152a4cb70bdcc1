package main

import (
	"fmt"
	"runtime"

	"mqttspec/suites/runner"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "mqttspec %s (%s)\n", runner.Version(), runtime.Version())
			return err
		},
	}
}
