package harness

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mqttspec/codec"
)

// TestStatementsStandInOnePlace: no other file of the package names a statement,
// and every rule rests on one.
func TestStatementsStandInOnePlace(t *testing.T) {
	literal := regexp.MustCompile(`"(MQTT-[0-9.]+-[0-9]+|(3\.1\.1|5\.0)/[0-9.]+/[a-z0-9-]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file == "statements.go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range literal.FindAll(source, -1) {
			t.Errorf("%s names %s", file, id)
		}
	}
	for r := ruleNone + 1; r <= ruleErrorReason; r++ {
		if statements[r].v5 == "" && len(statementsOf[r]) == 0 {
			t.Errorf("rule %d rests on no statement", r)
		}
	}
}

// TestConnackTooLarge: a packet before CONNACK is a breach, but not where the
// client has kept CONNACK from being sent by a Maximum Packet Size below it.
func TestConnackTooLarge(t *testing.T) {
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
