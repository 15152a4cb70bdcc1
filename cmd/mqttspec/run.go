package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/wire/capture"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
	"mqttspec/suites/specs"
)

// runOptions are the flags of run.
type runOptions struct {
	targetOptions
	reportOptions
	versions []string
	names    []string
	labels   string
	shard    string
	parallel int
	timeout  time.Duration
	patience time.Duration
	settle   time.Duration
	prefix   string
	pcap     string
	checks   bool // pcap leaves out what comes before the checks
	verbose  bool
	noColor  bool
	changed  func(flag string) bool
}

func newRun() *cobra.Command { return new(runOptions).cmd() }

func (o *runOptions) cmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [TARGET] [-- COMMAND ARG...]",
		Short: "Test a broker and report",
		Long: `Test a broker and report. TARGET is a URL such as mqtt://localhost:1883, a
preset's name or a target file. Without one, the broker inside mqttspec itself
is tested, as an example, and shown in brief; "embedded" is its name.`,
		Args: o.targetOptions.args,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.changed = cmd.Flags().Changed
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	o.targetOptions.add(f)
	o.reportOptions.add(f)
	f.StringSliceVar(&o.versions, "mqtt", nil, "protocol versions, 3.1.1 and 5.0; default: all that the broker accepts")
	f.StringSliceVar(&o.names, "check", nil, "only these checks: slugs, slug@version, statement IDs or sections")
	f.StringVar(&o.labels, "filter", "", "only the checks whose labels fit this expression, such as '5.0 && !SHOULD'")
	f.StringVar(&o.shard, "shard", "", "run part I of N (I/N) of the checks, to spread a run over machines; join with `mqttspec report --merge`")
	f.IntVar(&o.parallel, "parallel", runner.DefaultParallel, "how many checks run at the same time")
	f.DurationVar(&o.timeout, "timeout", runner.DefaultTimeout, "bound of every wait for the broker; raised on slow connections")
	f.DurationVar(&o.patience, "patience", runner.DefaultPatience, "how long what the specification sets no time to may take, when a check is heard for a second time")
	f.DurationVar(&o.settle, "settle", 0, "time to wait before silence is believed; for clustered brokers")
	f.StringVar(&o.prefix, "topic-prefix", runner.DefaultTopicPrefix, "topic under which all topics of the run lie")
	f.StringVar(&o.pcap, "pcap", "", "record the run to this file, for Wireshark and tshark")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "a line for every check, passed ones too")
	f.BoolVar(&o.noColor, "no-color", false, "no colours on a terminal")
	return cmd
}

// run does the work; tests call it.
func (o *runOptions) run(ctx context.Context, out io.Writer) error {
	var err error
	options := suites.Options{
		Selection: runner.Selection{Names: o.names, Labels: o.labels},
		Parallel:  o.parallel, Timeout: o.timeout, Patience: o.patience, Settle: o.settle, TopicPrefix: o.prefix,
		Carry: specs.Carry,
	}
	if options.Versions, err = parseVersions(o.versions); err != nil {
		return err
	}
	if options.Shard, err = runner.ParseShard(o.shard); err != nil {
		return fmt.Errorf("--shard: %w", err)
	}
	if err := o.validate(); err != nil {
		return err
	}
	reporter, err := o.reportOptions.open()
	if err != nil {
		return err
	}
	defer reporter.discard() // what is not written by then is not touched
	opened, err := o.targetOptions.open(ctx)
	if err != nil {
		return err
	}
	defer opened.Close()

	o.defaults(&options, opened.Target)
	recording, err := openCapture(o.pcap, opened.Target)
	if err != nil {
		return err
	}
	if o.pcap != "" {
		options.Capture = recording
	}

	look := consoleOptions(out, o.verbose, o.noColor)
	if o.target == "" && len(o.command) == 0 {
		look.Preface, look.Brief = example, !o.verbose
	}
	console := reports.NewConsole(out, look)
	if o.checks && o.pcap != "" {
		recording.Pause()
	}
	options.Planned = func(total int, r *reports.Results) {
		if o.pcap != "" {
			recording.Resume()
		}
		console.Start(total, r)
	}
	options.Done = console.CheckDone
	results, err := suites.Test(ctx, opened.Target, options)
	results.Command = reports.Redact(append([]string{"mqttspec"}, os.Args[1:]...))
	if err != nil {
		return err
	}
	if problem := opened.Problem(); problem != "" {
		results.Problem = problem
	}
	reporter.apply(results)
	var problem error
	if results.Problem != "" && len(results.Checks) == 0 {
		problem = errors.New(results.Problem)
	} else {
		console.Finish(results)
	}
	exit, err := reporter.finish(out, results)
	err = errors.Join(problem, err, recording.close())
	if errors.Is(context.Cause(ctx), errInterrupted) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "mqttspec: %v\n", err)
		}
		return status(exitInterrupted)
	}
	return exitWith(exit, err)
}

// example is what a run without a TARGET says first.
const example = "No TARGET is given: this is the broker inside mqttspec (mochi), which is known to break rules, as an example. " +
	"To test your own: mqttspec run mqtt://HOST:PORT"

// A captureFile is the file of --pcap; without the flag it is empty.
type captureFile struct {
	*capture.Capture
	file   *os.File
	buffer *bufio.Writer
}

func openCapture(path string, target *harness.Target) (captureFile, error) {
	if path == "" {
		return captureFile{}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return captureFile{}, fmt.Errorf("--pcap: %w", unwritable(err))
	}
	buffer := bufio.NewWriterSize(file, 256<<10)
	recorder, err := capture.New(buffer, target.Secrets()...)
	return captureFile{recorder, file, buffer}, err
}

func (c captureFile) close() error {
	if c.file == nil {
		return nil
	}
	if err := errors.Join(c.Err(), c.buffer.Flush(), c.file.Close()); err != nil {
		return fmt.Errorf("--pcap: %w", err)
	}
	return nil
}

// defaults takes from the target what no flag says.
func (o *runOptions) defaults(options *suites.Options, target *harness.Target) {
	if !o.changed("timeout") && target.Timeout > 0 {
		options.Timeout = target.Timeout
	}
	if !o.changed("patience") && target.Patience > 0 {
		options.Patience = target.Patience
	}
	if !o.changed("settle") {
		options.Settle = target.Settle
	}
	if !o.changed("topic-prefix") && target.TopicPrefix != "" {
		options.TopicPrefix = target.TopicPrefix
	}
}

// validate finds what no flag type catches.
func (o *runOptions) validate() error {
	switch {
	case o.parallel < 1:
		return fmt.Errorf("--parallel %d: at least 1", o.parallel)
	case o.timeout <= 0:
		return fmt.Errorf("--timeout %s: more than 0, such as 5s", o.timeout)
	case o.patience <= 0:
		return fmt.Errorf("--patience %s: more than 0, such as 30s", o.patience)
	case o.settle < 0:
		return fmt.Errorf("--settle %s: 0 or more", o.settle)
	case o.prefix == "" || strings.ContainsAny(o.prefix, "+#\x00") || strings.HasPrefix(o.prefix, "$") || len(o.prefix) > 100:
		return fmt.Errorf("--topic-prefix %q: 1 to 100 bytes without wildcards, not starting with $", o.prefix)
	}
	return nil
}

func parseVersions(names []string) ([]codec.Version, error) {
	var versions []codec.Version
	for _, name := range names {
		switch name {
		case "3.1.1":
			versions = append(versions, codec.V311)
		case "5.0", "5":
			versions = append(versions, codec.V5)
		default:
			return nil, fmt.Errorf("--mqtt %q: choose 3.1.1, 5.0 or both with a comma", name)
		}
	}
	return versions, nil
}

// consoleOptions finds out what is at the other end of out.
func consoleOptions(out io.Writer, verbose, noColor bool) reports.ConsoleOptions {
	o := reports.ConsoleOptions{Verbose: verbose}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		o.Terminal = true
		o.Color = !noColor && os.Getenv("NO_COLOR") == ""
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = width
		}
	}
	return o
}
