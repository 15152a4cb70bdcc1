package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"mqttspec/reports"
)

// TestMan writes a page for every command, which groff reads without a warning.
func TestMan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")

	stdout, stderr, exit := mqttspec(t, "man", dir)

	if exit != reports.ExitOK || stdout+stderr != "" {
		t.Fatalf("exit %d, output %q; want 0 and nothing", exit, stdout+stderr)
	}
	visit(newRoot(), func(c *cobra.Command) {
		path := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		page, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			return
		}
		for _, want := range []string{".TH", ".SH SYNOPSIS", "mqttspec"} {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s: no %q", path, want)
			}
		}
		if groff, err := exec.LookPath("groff"); err == nil {
			if out, err := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z", path).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("groff of %s: %v %s", path, err, out)
			}
		}
	})
	run, err := os.ReadFile(filepath.Join(dir, "mqttspec-run.1"))
	if err != nil || !strings.Contains(string(run), "known-failures") {
		t.Errorf("the page of run does not have its flags (%v)", err)
	}
}

func visit(c *cobra.Command, each func(*cobra.Command)) {
	each(c)
	for _, sub := range c.Commands() {
		visit(sub, each)
	}
}

// TestCompletion: shells read the scripts, and what they ask for is answered.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script, stderr, exit := mqttspec(t, "completion", shell)
		if exit != reports.ExitOK || stderr != "" || !strings.Contains(script, "__complete") {
			t.Errorf("%s: exit %d, stderr %q, %d bytes", shell, exit, stderr, len(script))
		}
		if path, err := exec.LookPath(shell); err == nil && shell != "powershell" {
			check := exec.Command(path, "-n")
			check.Stdin = strings.NewReader(script)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s -n: %v %s", shell, err, out)
			}
		}
	}
	for _, c := range []struct{ line, want string }{
		{"re", "replay\t"},
		{"run --known", "--known-failures\t"},
	} {
		if stdout, _, _ := mqttspec(t, append([]string{"__complete"}, strings.Fields(c.line)...)...); !strings.Contains(stdout, c.want) {
			t.Errorf("%q completes to %q, without %q", c.line, stdout, c.want)
		}
	}
}
