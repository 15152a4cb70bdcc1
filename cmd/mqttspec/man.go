package main

import (
	"os"

	"mqttspec/suites/runner"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages of all commands into a directory",
		Long: `Write the man pages of all commands into a directory, which is made if it is
missing. Where they are to be found by man, DIR is a man1 directory, such as
~/.local/share/man/man1. SOURCE_DATE_EPOCH sets their date.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return man(cmd.Root(), args[0])
		},
	}
}

func man(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd() // cobra adds it when a command line is run; it has pages, too
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "mqttspec " + runner.Version(), Manual: "mqttspec"}, dir)
}
