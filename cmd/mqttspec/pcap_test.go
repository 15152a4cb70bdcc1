package main

import (
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mqttspec/codec"
	"mqttspec/reports"
)

// tshark dissects a capture: the fields of every frame that the filter leaves.
func tshark(t *testing.T, path, filter string, fields ...string) [][]string {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("MQTTSPEC_REQUIRE_TSHARK") == "1" {
			t.Fatal("MQTTSPEC_REQUIRE_TSHARK=1, but there is no tshark")
		}
		t.Skip("no tshark here")
	}
	args := []string{"-r", path, "-Y", filter, "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\n"), "\t"))
	}
	return rows
}

// replayed is a packet in what replay prints: who sends it, and its name.
var replayed = regexp.MustCompile(`(?m)^ *[0-9.]+ ms  (?:\S+ (sends)|broker to \S+:) ([A-Z]+)\b`)

// TestReplayPcap: the capture of one check holds its connections first, and of
// every type as many packets as the transcript of the replay. What follows is
// the end of the clients (DISCONNECT) and the removal of sessions and retained
// messages.
func TestReplayPcap(t *testing.T) {
	for _, id := range []string{"session-present-clean@5.0", "retain-replaced@5.0", "qos2-sender-resumed-twice@3.1.1"} {
		t.Run(id, func(t *testing.T) {
			dir := t.TempDir()
			results, capture := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.pcap")
			mqttspec(t, "run", "--check", id, "--json", results)

			stdout, stderr, exit := mqttspec(t, "replay", results, id, "--pcap", capture)

			if exit != reports.ExitOK || stderr != "" {
				t.Fatalf("exit %d, stderr %q; want 0 and nothing", exit, stderr)
			}
			want, streams := map[string]int{}, strings.Count(stdout, ": connected\n")
			for _, m := range replayed.FindAllStringSubmatch(stdout, -1) {
				dir, name := "<", m[2]
				if m[1] == "sends" {
					dir = ">"
				}
				if name != "DISCONNECT" {
					want[dir+" "+name]++
				}
			}
			got, begun := map[string]int{}, map[string]bool{}
			for _, row := range tshark(t, capture, "mqtt", "tcp.stream", "tcp.dstport", "mqtt.msgtype") {
				if n, err := strconv.Atoi(row[0]); err != nil || n >= streams {
					continue
				}
				dir := "<"
				if row[1] == "1883" {
					dir = ">"
				}
				for _, number := range strings.Split(row[2], ",") {
					n, _ := strconv.Atoi(number)
					name := codec.Type(n).String()
					if !begun[row[0]] && name != "CONNECT" {
						t.Errorf("stream %s begins with %s", row[0], name)
					}
					begun[row[0]] = true
					if name != "DISCONNECT" {
						got[dir+" "+name]++
					}
				}
			}
			// What the broker sends once the check has seen enough is in no transcript.
			for packet, n := range got {
				if strings.HasPrefix(packet, "<") && n > want[packet] {
					got[packet] = want[packet]
				}
			}
			maps.DeleteFunc(got, func(_ string, n int) bool { return n == 0 })
			if streams == 0 || !maps.Equal(got, want) {
				t.Errorf("tshark counts %v;\nthe transcript of %d connections has %v", got, streams, want)
			}
		})
	}
}

// TestPcapOfResults: the capture made of stored results holds the packets of
// the transcript, all of them, in full or cut.
func TestPcapOfResults(t *testing.T) {
	for _, id := range []string{"session-present-clean@5.0", "qos2-sender-resumed-twice@3.1.1", "packetsize-discarded@5.0", "framing-reserved-flags@3.1.1"} {
		t.Run(id, func(t *testing.T) {
			dir := t.TempDir()
			results, capture := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.pcap")
			mqttspec(t, "run", "--check", id, "--json", results)

			if _, stderr, exit := mqttspec(t, "pcap", results, id, capture); exit != reports.ExitOK || stderr != "" {
				t.Fatalf("exit %d, stderr %q; want 0 and nothing", exit, stderr)
			}

			var want []string
			for _, e := range readResults(t, results).Checks[0].Exchange {
				if e.Dir != "." {
					want = append(want, strconv.Itoa(e.Length))
				}
			}
			var got []string
			for _, row := range tshark(t, capture, "tcp.len > 0", "tcp.len", "_ws.malformed") {
				got = append(got, row[0])
			}
			if len(want) == 0 || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("tshark finds segments of %v bytes; the transcript has packets of %v", got, want)
			}
		})
	}
}

// TestPcapMalformed: of a whole run, what Wireshark calls malformed was sent by
// the scripted clients, and on purpose: our strict decoder rejects it too.
func TestPcapMalformed(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	capture := filepath.Join(t.TempDir(), "r.pcap")
	mqttspec(t, "run", "embedded", "--pcap", capture)

	versions := map[string]codec.Version{} // by stream
	for _, row := range tshark(t, capture, "mqtt.msgtype == 1 && mqtt.ver", "tcp.stream", "mqtt.ver") {
		if strings.HasPrefix(row[1], "5") {
			versions[row[0]] = codec.V5
		} else {
			versions[row[0]] = codec.V311
		}
	}
	malformed := tshark(t, capture, "_ws.malformed", "frame.number", "tcp.stream", "tcp.srcport", "tcp.payload")
	if len(malformed) < 20 || len(versions) < 1000 {
		t.Errorf("%d malformed packets in %d streams; a run sends more", len(malformed), len(versions))
	}
	for _, row := range malformed {
		payload, err := hex.DecodeString(row[3])
		if err != nil {
			t.Fatal(err)
		}
		if row[2] == "1883" {
			t.Errorf("frame %s, malformed, is from the broker: % x", row[0], payload)
			continue
		}
		version, connected := versions[row[1]]
		if !connected && codec.Type(payload[0]>>4) != codec.CONNECT {
			continue // sent where a CONNECT must be: Wireshark cannot know its version
		}
		if _, err := codec.Decode(version, codec.Client, payload); err == nil {
			t.Errorf("frame %s is malformed to Wireshark, and to us a packet of MQTT %s: % x", row[0], version, payload)
		}
	}
}
