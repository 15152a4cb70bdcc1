package capture

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// segments are the TCP segments of a capture: "> SYN", "< data", as Wireshark
// would show them.
func segments(t *testing.T, file []byte) (all []string) {
	t.Helper()
	reader, err := pcapgo.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, info, err := reader.ReadPacketData()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		packet := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Default)
		tcp, ok := packet.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if !ok {
			t.Fatalf("no TCP segment: %v", packet)
		}
		s := "<"
		if tcp.DstPort == brokerPort {
			s = ">"
		}
		for _, flag := range []struct {
			set  bool
			name string
		}{{tcp.SYN, "SYN"}, {tcp.FIN, "FIN"}, {tcp.RST, "RST"}} {
			if flag.set {
				s += " " + flag.name
			}
		}
		if len(tcp.Payload) > 0 {
			s += fmt.Sprintf(" %q", tcp.Payload)
		}
		if info.Length > info.CaptureLength {
			s += fmt.Sprintf(" and %d more", info.Length-info.CaptureLength)
		}
		all = append(all, s)
	}
}

func wantSegments(t *testing.T, file []byte, want ...string) {
	t.Helper()
	// What only acknowledges has nothing to it.
	got := slices.DeleteFunc(segments(t, file), func(s string) bool { return len(s) == 1 })
	if !slices.Equal(got, want) {
		t.Errorf("captured\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestWrap: what passes over a connection is in the capture, in its order, with
// secrets masked; a paused capture leaves connections out.
func TestWrap(t *testing.T) {
	var file bytes.Buffer
	c, err := New(&file, "hush", "")
	if err != nil {
		t.Fatal(err)
	}
	client, broker := net.Pipe()
	c.Pause()
	if c.Wrap(client) != client {
		t.Error("a paused capture wraps connections")
	}
	c.Resume()
	conn := c.Wrap(client)
	go func() {
		buffer := make([]byte, 100)
		_, _ = broker.Read(buffer)
		_, _ = broker.Write([]byte("answer"))
		broker.Close()
	}()
	if _, err := conn.Write([]byte("say hush")); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "answer" {
		t.Errorf("%q, %v", answer, err)
	}
	conn.Close()

	if err := c.Err(); err != nil {
		t.Error(err)
	}
	wantSegments(t, file.Bytes(), "> SYN", "< SYN", `> "say ****"`, `< "answer"`, "< FIN", "> FIN")
}

// TestReset: a reset is one in the capture.
func TestReset(t *testing.T) {
	var file bytes.Buffer
	c, err := New(&file)
	if err != nil {
		t.Fatal(err)
	}
	client, _ := net.Pipe()
	conn := c.Wrap(client)
	conn.(interface{ Reset() }).Reset()
	conn.Close()
	if got := segments(t, file.Bytes()); !slices.Contains(got, "> RST") {
		t.Errorf("captured %v; want a reset", got)
	}
}

// TestRecord: an exchange of the past is written with its own times, a
// connection of the same name anew, and a packet known in part at its length.
func TestRecord(t *testing.T) {
	var file bytes.Buffer
	c, err := New(&file)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	err = c.Record([]Recorded{
		{At: start, Conn: "alice", What: Opened},
		{At: start.Add(time.Second), Conn: "alice", What: Sent, Bytes: []byte("ping"), Length: 4},
		{At: start.Add(2 * time.Second), Conn: "alice", What: Received, Bytes: []byte("po"), Length: 4},
		{At: start.Add(3 * time.Second), Conn: "alice", What: ClosedByBroker},
		{At: start.Add(4 * time.Second), Conn: "bob", What: Sent, Bytes: []byte("hello"), Length: 5}, // not seen to open
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSegments(t, file.Bytes(),
		"> SYN", "< SYN", `> "ping"`, `< "po" and 2 more`, "< FIN",
		"> SYN", "< SYN", `> "hello"`)
	reader, err := pcapgo.NewReader(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if _, info, err := reader.ReadPacketData(); err != nil || !info.Timestamp.Equal(start) {
		t.Errorf("begins at %s; want %s (%v)", info.Timestamp, start, err)
	}
}

// failing is a file on a full disk.
type failing struct{ room int }

func (f *failing) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// TestFullDisk: the first error is kept, and the connection goes on.
func TestFullDisk(t *testing.T) {
	c, err := New(&failing{room: 50})
	if err != nil {
		t.Fatal(err)
	}
	client, broker := net.Pipe()
	conn := c.Wrap(client)
	go func() { _, _ = io.Copy(io.Discard, broker) }()
	if _, err := conn.Write([]byte("goes on")); err != nil {
		t.Error(err)
	}
	if c.Err() == nil {
		t.Error("nobody is told that the capture cannot be written")
	}
	conn.Close()
}
