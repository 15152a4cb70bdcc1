package broker

import (
	"strings"
	"testing"
)

// FuzzParse reads whatever a target file may hold: it is taken, or refused in
// lines, one for each mistake, that name the file.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"mosquitto", "embedded", "nats"} {
		if raw, err := presets.ReadFile("presets/" + name + ".yaml"); err == nil {
			f.Add(raw)
		}
	}
	f.Add([]byte("url: mqtt://localhost\nnmae: x\n"))
	f.Add([]byte("url: [a"))
	f.Add([]byte("a: &a [*a]\n---\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := Parse("target.yaml", raw)
		if err == nil {
			return
		}
		for line := range strings.Lines(err.Error()) {
			if !strings.HasPrefix(line, "target.yaml:") {
				t.Errorf("%q", err.Error())
			}
		}
	})
}
