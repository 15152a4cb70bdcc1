package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mqttspec/reports"
)

// reportOptions are the flags that say what becomes of results: which reports
// are written and what gates. run and report share them.
type reportOptions struct {
	json, junit, html, markdown, badge string
	github                             bool
	known                              string
	strict                             bool
	failOn                             string
	require                            []string
}

func (o *reportOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.json, "json", "", "write the results as JSON to this file")
	f.StringVar(&o.junit, "junit", "", "write the results as JUnit XML to this file")
	f.StringVar(&o.html, "html", "", "write a report for people to this file: one page that needs no network")
	f.StringVar(&o.markdown, "markdown", "", "write a summary as Markdown to this file, such as $GITHUB_STEP_SUMMARY")
	f.StringVar(&o.badge, "badge", "", "write a badge to this file: SVG, or a shields.io endpoint if it ends in .json")
	f.BoolVar(&o.github, "github", false, "print failures and warnings as GitHub annotations")
	f.StringVar(&o.known, "known-failures", "", "file that says which failures are known, and why; they do not gate")
	f.BoolVar(&o.strict, "strict", false, "let stale and expired known failures gate")
	f.StringVar(&o.failOn, "fail-on", "must", "what makes the exit status 1: a broken must, a warning too (should), an unsteady check too (unsteady), or never")
	f.StringSliceVar(&o.require, "require", nil, "what may not stay untried, or the exit status is 2: all, or some of "+strings.Join(reports.NeedWords(), ", "))
}

// A reporter is reportOptions made ready: report files are opened before the
// run, so that a path which cannot be written is known before the work is done.
type reporter struct {
	failOn  reports.FailOn
	require []string
	known   reports.KnownFailures
	strict  bool
	github  bool
	files   []reportFile
}

type reportFile struct {
	flag  string
	file  *os.File
	fresh bool // made by us
	write func(io.Writer, *reports.Results) error
}

// open checks the options and opens every report file that was asked for.
func (o *reportOptions) open() (*reporter, error) {
	failOn, err := reports.ParseFailOn(o.failOn)
	if err != nil {
		return nil, err
	}
	require, err := reports.ParseRequire(o.require)
	if err != nil {
		return nil, err
	}
	r := &reporter{failOn: failOn, require: require, strict: o.strict, github: o.github}
	if o.known != "" {
		if r.known, err = readKnown(o.known); err != nil {
			return nil, err
		}
	}
	badge := reports.WriteBadge
	if strings.HasSuffix(o.badge, ".json") {
		badge = reports.WriteShields
	}
	seen := map[string]string{}
	for _, f := range []struct {
		flag, path string
		write      func(io.Writer, *reports.Results) error
	}{
		{"--json", o.json, reports.Write},
		{"--junit", o.junit, func(w io.Writer, results *reports.Results) error { return reports.WriteJUnit(w, results, failOn) }},
		{"--html", o.html, reports.WriteHTML},
		{"--markdown", o.markdown, reports.WriteMarkdown},
		{"--badge", o.badge, badge},
	} {
		if f.path == "" {
			continue
		}
		if err := r.openFile(f.flag, f.path, seen, f.write); err != nil {
			r.discard()
			return nil, fmt.Errorf("%s: %w", f.flag, err)
		}
	}
	return r, nil
}

func (r *reporter) openFile(flag, path string, seen map[string]string, write func(io.Writer, *reports.Results) error) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if other := seen[absolute]; other != "" {
		return fmt.Errorf("%s names the same file, %s; give each report a file of its own", other, path)
	}
	seen[absolute] = flag
	_, statErr := os.Stat(absolute)
	file, err := os.OpenFile(absolute, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return unwritable(err)
	}
	r.files = append(r.files, reportFile{flag, file, errors.Is(statErr, os.ErrNotExist), write})
	return nil
}

func readKnown(path string) (reports.KnownFailures, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--known-failures: %w", err)
	}
	defer file.Close()
	known, err := reports.ReadKnownFailures(file)
	if err != nil {
		return nil, fmt.Errorf("--known-failures %s: %w; `mqttspec known-failures RESULTS` writes such a file", path, err)
	}
	return known, nil
}

// apply waives what is known to fail and works out the summary.
func (r *reporter) apply(results *reports.Results) {
	results.Settings.FailOn, results.Settings.Require = string(r.failOn), r.require
	if r.known != nil {
		results.KnownFailures = r.known.Apply(results, time.Now())
	}
	reports.Summarise(results)
}

// finish writes every report, even when one of them cannot be written, and
// returns the exit status that the results deserve.
func (r *reporter) finish(out io.Writer, results *reports.Results) (int, error) {
	var errs []error
	if r.github {
		errs = append(errs, reports.WriteGitHub(out, results, r.failOn))
	}
	for _, f := range r.files {
		if err := f.replace(results); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.flag, err))
		}
	}
	r.files = nil
	exit := reports.ExitStatus(results, r.failOn)
	for _, message := range reports.Unmet(results) {
		fmt.Fprintf(os.Stderr, "mqttspec: %s\n", message)
	}
	for _, message := range results.KnownFailures.Messages() {
		fmt.Fprintf(os.Stderr, "mqttspec: %s\n", message)
		if r.strict && exit == reports.ExitOK {
			exit = reports.ExitGates
		}
	}
	return exit, errors.Join(errs...)
}

// replace puts the report in the place of what was in the file.
func (f reportFile) replace(results *reports.Results) error {
	err := replace(f.file, func(w io.Writer) error { return f.write(w, results) })
	if err != nil && f.fresh {
		os.Remove(f.file.Name())
	}
	return err
}

// replace writes a whole file and closes it. What was in it stays until the new
// text is on the disk, so that a disk which fills up costs no older report.
func replace(file *os.File, write func(io.Writer) error) error {
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() { // a pipe or a device is written as it is
		return write(file)
	}
	path, err := filepath.EvalSymlinks(file.Name())
	if err != nil {
		return err
	}
	whole, err := os.CreateTemp(filepath.Dir(path), ".mqttspec-*")
	if err != nil { // the folder takes no new file
		return overwrite(file, write)
	}
	defer os.Remove(whole.Name())
	err = errors.Join(whole.Chmod(info.Mode().Perm()), write(whole), whole.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(whole.Name(), path); err != nil { // such as a file mounted on its own
		return overwrite(file, write)
	}
	return nil
}

// overwrite writes over what is in the file.
func overwrite(file *os.File, write func(io.Writer) error) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	return write(file)
}

// unwritable says of a report that cannot be opened what to do.
func unwritable(err error) error {
	return fmt.Errorf("%w; name a file that can be written, in a folder that exists", err)
}

// discard closes the files without touching what was in them.
func (r *reporter) discard() {
	for _, f := range r.files {
		f.file.Close()
		if f.fresh {
			os.Remove(f.file.Name())
		}
	}
	r.files = nil
}
