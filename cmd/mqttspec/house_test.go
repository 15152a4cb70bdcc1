package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestHouse: what each package must not know, directly or through others.
func TestHouse(t *testing.T) {
	for _, room := range []struct {
		name    string
		unknown []string
	}{
		{"codec", []string{"mqttspec/harness", "mqttspec/suites", "mqttspec/reports"}},
		{"reports", []string{"mqttspec/harness", "mqttspec/suites", "mqttspec/codec", "github.com/onsi/"}},
		{"harness", []string{"mqttspec/suites", "mqttspec/reports", "mqttspec/harness/broker", "mqttspec/harness/fault",
			"github.com/mochi-mqtt", "github.com/gorilla", "github.com/onsi/ginkgo", "github.com/gopacket"}},
		{"harness/fault", []string{"mqttspec/suites", "mqttspec/reports", "mqttspec/harness/broker", "github.com/onsi/"}},
		{"suites/runner", []string{"mqttspec/harness/broker", "github.com/mochi-mqtt"}},
		{"suites", []string{"mqttspec/harness/broker", "mqttspec/suites/specs", "github.com/mochi-mqtt", "github.com/gorilla", "github.com/gopacket", "github.com/spf13"}},
		{"suites/subtests", []string{"github.com/mochi-mqtt", "github.com/onsi/ginkgo/v2/internal"}},
	} {
		output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "mqttspec/"+room.name).Output()
		if err != nil {
			t.Fatalf("%s: %v", room.name, err)
		}
		for _, known := range strings.Fields(string(output)) {
			for _, unknown := range room.unknown {
				if within(known, unknown) && known != "mqttspec/"+room.name {
					t.Errorf("%s imports %s, directly or through others", room.name, known)
				}
			}
		}
	}
}

// within says whether a package is one of those whose path begins so.
func within(path, prefix string) bool {
	if strings.HasSuffix(prefix, "/") {
		return strings.HasPrefix(path, prefix)
	}
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
