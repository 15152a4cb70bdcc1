package harness

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mqttspec/codec"
)

// TestStatementsAreComplete: whatever statement the package's source names as
// broken is among Statements.
func TestStatementsAreComplete(t *testing.T) {
	literal := regexp.MustCompile(`"(MQTT-[0-9.]+-[0-9]+|5\.0/[0-9.]+/[a-z0-9-]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range literal.FindAllSubmatch(source, -1) {
			if id := string(match[1]); !slices.Contains(Statements(codec.V5), id) {
				t.Errorf("%s names %s, which is not among Statements", file, id)
			}
		}
	}
}

// TestUnspokenConnack: a packet before CONNACK is a breach, but not where the
// client has kept CONNACK from being sent by a Maximum Packet Size below it.
func TestUnspokenConnack(t *testing.T) {
	connack := &codec.Connack{Properties: codec.Properties{codec.ReceiveMaximum(20), codec.TopicAliasMaximum(10)}} // 11 bytes
	limit := func(n uint32) codec.Properties { return codec.Properties{codec.MaximumPacketSize(n)} }
	for name, row := range map[string]struct {
		properties codec.Properties
		packet     codec.Packet
		want       int
	}{
		"PINGRESP":                        {nil, &codec.Pingresp{}, 1},
		"PINGRESP, CONNACK too large":     {limit(10), &codec.Pingresp{}, 0},
		"PINGRESP, CONNACK just fits":     {limit(11), &codec.Pingresp{}, 1},
		"DISCONNECT":                      {nil, &codec.Disconnect{Code: codec.PacketTooLarge}, 1},
		"DISCONNECT, CONNACK too large":   {limit(10), &codec.Disconnect{Code: codec.PacketTooLarge}, 0},
		"DISCONNECT, CONNACK fits easily": {limit(100), &codec.Disconnect{Code: codec.PacketTooLarge}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := audit{version: codec.V5, known: connack}
			a.sent(&codec.Connect{Properties: row.properties})
			if breaches := a.received(row.packet, 2); len(breaches) != row.want {
				t.Errorf("got %v; want %d", breaches, row.want)
			}
		})
	}
}
