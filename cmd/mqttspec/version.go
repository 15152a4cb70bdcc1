package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"mqttspec/suites"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "mqttspec %s (%s)\n", suites.Version(), runtime.Version())
			return err
		},
	}
}
