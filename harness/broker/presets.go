package broker

import (
	"embed"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

//go:embed presets/*.yaml
var presets embed.FS

// Presets are the names of the target files that mqttspec brings along.
func Presets() []string {
	entries, _ := presets.ReadDir("presets") // embedded: it is there
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// Preset is one of them.
func Preset(name string) (*File, error) {
	if !slices.Contains(Presets(), name) {
		return nil, fmt.Errorf("there is no preset %q; %s", name, nearest(name, Presets()))
	}
	text, err := PresetText(name)
	if err != nil {
		return nil, err
	}
	return Parse(name+".yaml", text)
}

// PresetText is its text, to begin a target file of one's own with.
func PresetText(name string) ([]byte, error) {
	return presets.ReadFile(path.Join("presets", name+".yaml"))
}

// Find is what a TARGET on the command line means: a URL, the path of a target
// file, or the name of a preset. "" is the embedded broker.
func Find(target string) (*File, error) {
	switch {
	case target == "":
		return Preset("embedded")
	case strings.Contains(target, "://"):
		return &File{URL: target, path: "the command line"}, nil
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && !info.IsDir() && !slices.Contains(Presets(), target):
		return Load(target)
	case strings.HasSuffix(target, ".yaml"), strings.HasSuffix(target, ".yml"), strings.ContainsRune(target, os.PathSeparator):
		return Load(target)
	case slices.Contains(Presets(), target):
		return Preset(target)
	}
	return nil, fmt.Errorf("target %q is no URL (mqtt://HOST:PORT), no target file and no preset; %s", target, nearest(target, Presets()))
}
