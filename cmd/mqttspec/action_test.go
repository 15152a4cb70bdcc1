package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"mqttspec/reports"
)

// An action is as much of action.yml as there is to a composite action.
type action struct {
	Name, Description string
	Inputs            map[string]struct {
		Description string
		Default     *string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []struct {
			Name, ID, Shell, Run string
			Env                  map[string]string
		}
	}
}

func readAction(t *testing.T) (path string, a action) {
	t.Helper()
	path, err := filepath.Abs("../../.github/actions/mqttspec/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	return path, a
}

var expression = regexp.MustCompile(`\$\{\{ *([a-z_.-]+) *\}\}`)

// A step is a run of the action's only step, as a runner runs it.
type step struct {
	dir     string // the workspace
	summary string
	output  string // of the step, as key=value lines
	log     string
	exit    int
}

// runAction runs the action with inputs; temp is RUNNER_TEMP.
func runAction(t *testing.T, temp string, inputs map[string]string) step {
	t.Helper()
	path, a := readAction(t)
	values := map[string]string{"github.action_path": filepath.Dir(path)}
	for name, input := range a.Inputs {
		if input.Default == nil {
			t.Fatalf("input %s has no default", name)
		}
		values["inputs."+name] = *input.Default
	}
	for name, value := range inputs {
		if _, ok := values["inputs."+name]; !ok {
			t.Fatalf("the action has no input %s", name)
		}
		values["inputs."+name] = value
	}
	if a.Runs.Using != "composite" || len(a.Runs.Steps) != 1 {
		t.Fatalf("not a composite action of one step: %+v", a.Runs)
	}
	only := a.Runs.Steps[0]
	if only.Shell != "bash" || expression.MatchString(only.Run) {
		t.Fatalf("the step must be bash, and hold no expression: an input would become script")
	}
	dir := t.TempDir()
	s := step{dir: dir}
	files := map[string]string{}
	for _, name := range []string{"GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"} {
		files[name] = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(files[name], nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := filepath.Join(t.TempDir(), "step.sh")
	if err := os.WriteFile(script, []byte(only.Run), 0o644); err != nil {
		t.Fatal(err)
	}
	// What `shell: bash` means to a runner.
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CI=true", "GITHUB_ACTIONS=true", "GITHUB_WORKSPACE="+dir, "RUNNER_TEMP="+temp)
	for name, file := range files {
		cmd.Env = append(cmd.Env, name+"="+file)
	}
	for name, value := range only.Env {
		value = expression.ReplaceAllStringFunc(value, func(e string) string {
			v, ok := values[expression.FindStringSubmatch(e)[1]]
			if !ok {
				t.Errorf("%s: nothing has the value of %s", name, e)
			}
			return v
		})
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	s.log, s.exit = string(out), cmd.ProcessState.ExitCode()
	for name, to := range map[string]*string{"GITHUB_STEP_SUMMARY": &s.summary, "GITHUB_OUTPUT": &s.output} {
		raw, err := os.ReadFile(files[name])
		if err != nil {
			t.Fatal(err)
		}
		*to = string(raw)
	}
	return s
}

// TestAction runs the step of the composite GitHub Action as a runner would.
func TestAction(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash here")
	}
	temp := t.TempDir()
	has := func(t *testing.T, what, text string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", what, want, text)
			}
		}
	}

	t.Run("passes", func(t *testing.T) {
		s := runAction(t, temp, map[string]string{"args": "--check session-present-clean\n--mqtt 5.0"})
		if s.exit != reports.ExitOK {
			t.Fatalf("exit %d\n%s", s.exit, s.log)
		}
		r := readResults(t, filepath.Join(s.dir, "mqttspec-reports", "results.json"))
		if len(r.Checks) != 1 || r.Checks[0].ID != "session-present-clean@5.0" {
			t.Errorf("%d checks; want the one that args select", len(r.Checks))
		}
		for _, name := range []string{"junit.xml", "report.html"} {
			if info, err := os.Stat(filepath.Join(s.dir, "mqttspec-reports", name)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
		has(t, "summary", s.summary, "MQTT 5.0")
		has(t, "outputs", s.output, "exit-status=0\n", "json=mqttspec-reports/results.json\n", "junit=mqttspec-reports/junit.xml\n", "html=mqttspec-reports/report.html\n")
	})
	t.Run("gates", func(t *testing.T) {
		s := runAction(t, temp, map[string]string{"target": "embedded", "args": "--check topics-single-level-misplaced@5.0", "reports": "my reports"})
		if s.exit != reports.ExitGates {
			t.Fatalf("exit %d\n%s", s.exit, s.log)
		}
		has(t, "annotations", s.log, "::error ")
		has(t, "outputs", s.output, "exit-status=1\n", "json=my reports/results.json\n")
		if s := runAction(t, temp, map[string]string{"args": "--check topics-single-level-misplaced@5.0", "fail-on": "never"}); s.exit != reports.ExitOK {
			t.Errorf("fail-on never: exit %d\n%s", s.exit, s.log)
		}
	})
	t.Run("waives", func(t *testing.T) {
		known := filepath.Join(t.TempDir(), "known failures.yaml")
		first := runAction(t, temp, map[string]string{"args": "--check topics-single-level-misplaced@5.0"})
		list, _, _ := mqttspec(t, "known-failures", filepath.Join(first.dir, "mqttspec-reports", "results.json"))
		if err := os.WriteFile(known, []byte(list), 0o644); err != nil {
			t.Fatal(err)
		}
		if s := runAction(t, temp, map[string]string{"args": "--check topics-single-level-misplaced@5.0", "known-failures": known}); s.exit != reports.ExitOK {
			t.Errorf("exit %d\n%s", s.exit, s.log)
		}
	})
	t.Run("cannot test", func(t *testing.T) {
		pwned := filepath.Join(t.TempDir(), "pwned")
		s := runAction(t, temp, map[string]string{"target": "mqtt://127.0.0.1:1", "args": "--timeout 200ms --check $(touch${IFS}" + pwned + ")"})
		if s.exit != reports.ExitUntested {
			t.Errorf("exit %d\n%s", s.exit, s.log)
		}
		has(t, "outputs", s.output, "exit-status=2\n")
		if _, err := os.Stat(pwned); err == nil {
			t.Error("an input was run as script")
		}
	})
}

// TestActionOutputs: what the action says it puts out is what its step does.
func TestActionOutputs(t *testing.T) {
	_, a := readAction(t)
	for name, output := range a.Outputs {
		if output.Value != "${{ steps.run.outputs."+name+" }}" || !strings.Contains(a.Runs.Steps[0].Run, `echo "`+name+"=") {
			t.Errorf("output %s: the step does not say %q", name, output.Value)
		}
	}
	for name, input := range a.Inputs {
		if input.Description == "" {
			t.Errorf("input %s has no description", name)
		}
	}
}
