package reports

import (
	"strings"
	"testing"
)

func TestNetcat(t *testing.T) {
	c := &Check{
		ID: "x@5.0", Title: "closes\x1b[31m", Requirements: []string{"MQTT-1"}, Observed: "line\nbreak",
		Exchange: []Event{
			{Conn: "alice", Dir: ".", Packet: "connected"},
			{Conn: "alice", Dir: ">", Packet: "PINGREQ", Hex: "c000", Length: 2},
			{Conn: "alice", Dir: "<", Packet: "PINGRESP", Hex: "d000", Length: 2},
			{Conn: "b'; rm -rf /", Dir: ".", Packet: "connected"},
			{Conn: "b'; rm -rf /", Dir: ">", Packet: "CONNECT password=***", Hex: "2a2a", Length: 2},
			{Conn: "alice", Dir: ">", Packet: "PUBLISH", Hex: "3000", Length: 9000},
		},
	}
	var b strings.Builder
	if err := WriteNetcat(&b, c, "mqtt://127.0.0.1:1884"); err != nil {
		t.Fatal(err)
	}
	script := b.String()
	for _, want := range []string{"nc 127.0.0.1 1884", `printf '\xc0\x00' >&$fd3`, "# (not repeated: it carries a password)", "9000 bytes", "broker to alice: PINGRESP"} {
		if !strings.Contains(script, want) {
			t.Errorf("no %q in\n%s", want, script)
		}
	}
	for _, never := range []string{"\x1b", "rm -rf", "\nbreak"} {
		if strings.Contains(script, never) {
			t.Errorf("%q in\n%s", never, script)
		}
	}
	if err := WriteNetcat(&b, c, "ws://127.0.0.1:80"); err == nil {
		t.Error("a script for WebSocket")
	}
}
