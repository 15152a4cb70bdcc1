package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mqttspec/harness/broker"
)

func newTarget() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "target",
		Short: "Write, check and show target files",
		Long: `Write, check and show target files: what there is to know about one broker, in
YAML. TARGET of run and probe can be one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTargetInit(), newTargetShow(), newTargetCheck(), newTargetSchema())
	return cmd
}

func newTargetInit() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a target file in which every key is explained",
		Long:  `Write a target file in which every key is explained: to FILE, or to standard output.`,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "-" {
				_, err := io.WriteString(cmd.OutOrStdout(), broker.Template())
				return err
			}
			mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
			if force {
				mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
			}
			f, err := os.OpenFile(args[0], mode, 0o600)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s exists; --force writes over it", args[0])
			}
			if err != nil {
				return err
			}
			_, err = f.WriteString(broker.Template())
			return errors.Join(err, f.Close())
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "write over a file that exists")
	return cmd
}

func newTargetShow() *cobra.Command {
	return &cobra.Command{
		Use:       "show PRESET",
		Short:     "Show the target file of a preset: " + strings.Join(broker.Presets(), ", "),
		Args:      cobra.ExactArgs(1),
		ValidArgs: broker.Presets(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := broker.Preset(args[0]); err != nil {
				return err
			}
			text, err := broker.PresetText(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}

func newTargetCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what is wrong with target files, without touching a broker",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var errs []error
			for _, path := range args {
				_, err := broker.Load(path)
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		},
	}
}

func newTargetSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of target files, for editors",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			encoder.SetEscapeHTML(false)
			return encoder.Encode(broker.Schema())
		},
	}
}
