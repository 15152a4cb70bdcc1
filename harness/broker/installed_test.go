//go:build unix

package broker

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// interpreters are what presets run their brokers with, so that they can be
// there where the broker is not.
var interpreters = []string{"sh", "node"}

// strip leaves the test with an empty machine: interpreters, as far as this one
// has them, and no other program.
func strip(t *testing.T) (programs string, options Options) {
	t.Helper()
	programs = t.TempDir()
	for _, name := range interpreters {
		if path, err := exec.LookPath(name); err == nil {
			if err := os.Symlink(path, filepath.Join(programs, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(t.TempDir()) // below no node_modules
	t.Setenv("PATH", programs)
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"NODE_PATH", "GOBIN", "GOPATH"} {
		t.Setenv(name, "")
	}
	return programs, Options{services: []string{}}
}

// TestPresetsOnAnEmptyMachine: where a broker is missing, its preset says so, and
// how to install it, however much of what it is run with is there.
func TestPresetsOnAnEmptyMachine(t *testing.T) {
	for _, name := range Presets() {
		t.Run(name, func(t *testing.T) {
			file, err := Preset(name)
			if err != nil {
				t.Fatal(err)
			}
			if file.Embedded {
				t.Skip("needs nothing")
			}
			_, options := strip(t)
			missing(t, file, options)
		})
	}
	t.Run("rabbitmq without its server", func(t *testing.T) {
		file, err := Preset("rabbitmq")
		if err != nil {
			t.Fatal(err)
		}
		programs, options := strip(t)
		script(t, filepath.Join(programs, "epmd"), "#!/bin/sh\n")
		file.Set["server"] = filepath.Join(programs, "rabbitmq-server")
		missing(t, file, options)
	})
	t.Run("mosquitto without mosquitto_passwd", func(t *testing.T) {
		file, err := Preset("mosquitto")
		if err != nil {
			t.Fatal(err)
		}
		programs, options := strip(t)
		script(t, filepath.Join(programs, "mosquitto"), "#!/bin/sh\n")
		missing(t, file, options)
	})
}

// missing opens a file and wants to hear that its broker is not installed, but
// can be.
func missing(t *testing.T, file *File, options Options) {
	t.Helper()
	opened, err := Open(t.Context(), file, options)
	if err == nil {
		opened.Close()
	}
	if !errors.Is(err, ErrNotInstalled) || !strings.HasSuffix(err.Error(), "; install it with: "+file.Start.Install) {
		t.Errorf("got %v; want that it is not installed, and to install it with: %s", err, file.Start.Install)
	}
}

// TestWhatIsNotInstalled tells what is missing from what is there and fails.
func TestWhatIsNotInstalled(t *testing.T) {
	programs, options := strip(t)
	path := func(name string) string { return filepath.Join(programs, name) }
	script(t, path("there"), "#!/bin/sh\n")
	script(t, path("orphan"), "#!/no/such/interpreter\n")
	if err := os.WriteFile(path("plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		start   Start
		missing bool
		want    string
	}{
		"the program":                   {Start{Command: []string{"absent"}}, true, "absent is not installed"},
		"the program by its path":       {Start{Command: []string{path("absent")}}, true, path("absent") + " is not installed"},
		"the program's interpreter":     {Start{Command: []string{"orphan"}}, true, "what " + path("orphan") + " is run with is not installed"},
		"a program it needs":            {Start{Command: []string{"there"}, Needs: []string{"sh", "absent"}}, true, "absent is not installed"},
		"a path it needs":               {Start{Command: []string{"there"}, Needs: []string{path("{{.Set.folder}}/absent")}}, true, path("opt/absent") + " is not installed"},
		"what the probe looks for":      {Start{Command: []string{"there"}, Probe: []string{"sh", "-c", "echo no module; exit 127"}}, true, "fake is not installed: no module; install it with: X"},
		"what the probe runs":           {Start{Command: []string{"there"}, Probe: []string{"sh", "-c", "absent"}}, true, "fake is not installed"},
		"the probe":                     {Start{Command: []string{"there"}, Probe: []string{"absent"}}, true, "absent is not installed"},
		"a program of the set-up":       {Start{Command: []string{"there"}, Setup: [][]string{{"absent"}}}, true, "absent is not installed"},
		"the interpreter of the set-up": {Start{Command: []string{"there"}, Setup: [][]string{{"orphan"}}}, true, "is run with is not installed"},

		"a program that may not be run":  {Start{Command: []string{path("plain")}}, false, "permission denied"},
		"a probe that fails":             {Start{Command: []string{"there"}, Probe: []string{"sh", "-c", "echo a module is not installed; exit 1"}}, false, "start.probe does not tell whether the broker is installed"},
		"a probe that is killed":         {Start{Command: []string{"there"}, Probe: []string{"sh", "-c", "kill -9 $$"}}, false, "start.probe does not tell whether the broker is installed"},
		"a set-up that fails":            {Start{Command: []string{"there"}, Setup: [][]string{{"sh", "-c", "exit 127"}}}, false, "the broker cannot be set up"},
		"a broker that ends":             {Start{Command: []string{"there"}, Needs: []string{"sh"}, Probe: []string{"there"}}, false, "has ended instead of answering CONNECT"},
		"a need that cannot be rendered": {Start{Command: []string{"there"}, Needs: []string{"{{.Set.nothing}}"}}, false, "start.needs"},
	} {
		t.Run(name, func(t *testing.T) {
			c.start.Install = "X"
			file := &File{Name: "fake", path: "t.yaml", Start: &c.start, Set: map[string]string{"folder": "opt"}, Timeouts: Timeouts{Start: 5 * time.Second}}
			opened, err := Open(t.Context(), file, options)
			if err == nil {
				opened.Close()
			}
			if errors.Is(err, ErrNotInstalled) != c.missing || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want an error with %q, for something that is missing: %v", err, c.want, c.missing)
			}
		})
	}
}

// TestProgramsOfServices: a program that PATH lacks is found where services are.
func TestProgramsOfServices(t *testing.T) {
	programs, options := strip(t)
	t.Setenv("PATH", t.TempDir())
	options.services = []string{programs}
	script(t, filepath.Join(programs, "there"), "#!/bin/sh\n")
	for _, name := range []string{"there", filepath.Join(programs, "there")} {
		s := &site{options: options}
		if path, err := s.program(name); err != nil || path != filepath.Join(programs, "there") {
			t.Errorf("%s: %q, %v", name, path, err)
		}
	}
}

func script(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
