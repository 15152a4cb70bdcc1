package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// licenses are the licenses that a dependency may have, each known by words
// that only its text has, the more particular first.
var licenses = []struct{ name, words string }{
	{"EPL-2.0", "Eclipse Public License - v 2.0"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"Apache-2.0", "Apache License Version 2.0"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software"},
	{"MIT", "Permission is hereby granted, free of charge"},
}

// TestLicenses lists the license of every module that the command or its tests
// are built from, and fails on one that is not known.
func TestLicenses(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-test", "-json=Module", "mqttspec/...")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	type module struct {
		Path, Version, Dir string
		Main               bool
	}
	modules := map[string]module{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct{ Module *module }
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if pkg.Module != nil && !pkg.Module.Main {
			modules[pkg.Module.Path] = *pkg.Module
		}
	}
	if len(modules) == 0 {
		t.Fatal("no module found")
	}
	var list bytes.Buffer
	table := tabwriter.NewWriter(&list, 0, 0, 2, ' ', 0)
	var paths []string
	for path := range modules {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		m := modules[path]
		license := licenseOf(m.Dir)
		if license == "" {
			t.Errorf("%s %s: no license that is known; see %s", m.Path, m.Version, m.Dir)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", m.Path, m.Version, license)
	}
	table.Flush()
	t.Logf("%d modules\n%s", len(modules), list.String())
}

var space = regexp.MustCompile(`\s+`)

// licenseOf recognises the license in a module's folder; "" where it cannot.
func licenseOf(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var found []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		text := space.ReplaceAllString(string(raw), " ")
		for _, l := range licenses {
			if strings.Contains(strings.ToLower(text), strings.ToLower(l.words)) {
				if !slices.Contains(found, l.name) {
					found = append(found, l.name)
				}
				break
			}
		}
	}
	return strings.Join(found, " and ")
}
