package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mqttspec/reports"
)

// reportFiles are the report files of a run. They are opened before the run, so
// that a path which cannot be written is known before the work is done.
type reportFiles []reportFile

type reportFile struct {
	flag  string
	file  *os.File
	fresh bool // made by us
	write func(io.Writer, *reports.Results, reports.FailOn) error
}

// openReports opens every report file that was asked for.
func (o *runOptions) openReports() (reportFiles, error) {
	var files reportFiles
	seen := map[string]string{}
	for _, f := range []struct {
		flag, path string
		write      func(io.Writer, *reports.Results, reports.FailOn) error
	}{
		{"--json", o.json, func(w io.Writer, r *reports.Results, _ reports.FailOn) error { return reports.Write(w, r) }},
		{"--junit", o.junit, reports.WriteJUnit},
		{"--html", o.html, func(w io.Writer, r *reports.Results, _ reports.FailOn) error { return reports.WriteHTML(w, r) }},
	} {
		if f.path == "" {
			continue
		}
		path, err := filepath.Abs(f.path)
		if err == nil && seen[path] != "" {
			err = fmt.Errorf("%s and %s both name %s; give each report a file of its own", seen[path], f.flag, f.path)
		}
		seen[path] = f.flag
		var file *os.File
		fresh := false
		if err == nil {
			_, statErr := os.Stat(path)
			fresh = errors.Is(statErr, os.ErrNotExist)
			file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", f.flag, err), files.discard())
		}
		files = append(files, reportFile{f.flag, file, fresh, f.write})
	}
	return files, nil
}

// write writes every report, even when one of them cannot be written.
func (files reportFiles) write(r *reports.Results, failOn reports.FailOn) error {
	var errs []error
	for _, f := range files {
		err := f.file.Truncate(0)
		if errors.Is(err, os.ErrInvalid) { // a pipe or a device has no length
			err = nil
		}
		if err == nil {
			err = f.write(f.file, r, failOn)
		}
		if err = errors.Join(err, f.file.Close()); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.flag, err))
		}
	}
	return errors.Join(errs...)
}

// discard closes the files without touching what was in them.
func (files reportFiles) discard() error {
	for _, f := range files {
		f.file.Close()
		if f.fresh {
			os.Remove(f.file.Name())
		}
	}
	return nil
}
