package harness

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"

	"mqttspec/codec"
)

// Direction says which way an [Event] went.
type Direction byte

// The directions, as transcripts print them.
const (
	ToBroker   Direction = '>'
	FromBroker Direction = '<'
	Note       Direction = '.' // something that happened to the connection, or a remark
)

// How the notes on a connection's beginning, and on its end by the broker, begin.
const (
	NoteConnected = "connected"
	NoteClosed    = "closed by the broker"
)

// Event is one thing that happened on one connection.
type Event struct {
	At     time.Duration // since the exchange began
	Conn   string        // the scripted client's name
	Dir    Direction
	Packet string // the packet on one line, or the remark
	Hex    string // its first bytes; secrets are masked
	Length int    // bytes on the wire
	Breach string // what the strict decoder found wrong with it
}

// What a transcript keeps. A packet's bytes beyond eventBytes and the middle
// of an exchange longer than maxEvents tell a reader nothing, and a hostile
// broker must not fill the memory with them.
const (
	eventBytes = 512
	maxEvents  = 600
)

// transcript is the record of an exchange, shared by all its connections.
type transcript struct {
	start   time.Time
	secrets []string // never shown, neither in text nor in hex

	mu      sync.Mutex
	head    []Event
	tail    []Event // a ring once head is full
	next    int
	dropped int
}

func newTranscript(secrets []string) *transcript {
	return &transcript{start: time.Now(), secrets: secrets}
}

// add records an event; its bytes are shortened, and the run's secrets and the
// packet's own are masked.
func (t *transcript) add(conn string, dir Direction, text string, raw []byte, breach string, own ...string) {
	secrets := append(own, t.secrets...)
	e := Event{
		At: time.Since(t.start), Conn: conn, Dir: dir,
		Packet: Mask(text, secrets), Hex: maskedHex(raw, secrets), Length: len(raw), Breach: Mask(breach, secrets),
	}
	t.append(e)
}

func (t *transcript) append(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.head) < maxEvents/2:
		t.head = append(t.head, e)
	case len(t.tail) < maxEvents/2:
		t.tail = append(t.tail, e)
	default:
		t.tail[t.next] = e
		t.next = (t.next + 1) % len(t.tail)
		t.dropped++
	}
}

// first is the type of packet that the first byte from the broker on a connection
// begins; false says that none came.
func (t *transcript) first(conn string) (codec.Type, bool) {
	for _, e := range t.events() {
		if e.Conn == conn && e.Dir != ToBroker && e.Hex != "" {
			first, err := strconv.ParseUint(e.Hex[:1], 16, 4)
			return codec.Type(first), err == nil
		}
	}
	return 0, false
}

// events are the recorded events in order, with a remark where some are missing.
func (t *transcript) events() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := append([]Event(nil), t.head...)
	if t.dropped > 0 {
		all = append(all, Event{At: t.tail[t.next].At, Dir: Note, Packet: plural(t.dropped, "event") + " left out here"})
	}
	all = append(all, t.tail[t.next:]...)
	return append(all, t.tail[:t.next]...)
}

// Mask is s with every secret replaced by asterisks.
func Mask(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return s
}

// maskedHex is the beginning of raw in hexadecimal with every secret, even one
// that the end cuts through, replaced by asterisks.
func maskedHex(raw []byte, secrets []string) string {
	shown := raw[:min(len(raw), eventBytes)]
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for from := 0; ; {
			i := bytes.Index(raw[from:], []byte(secret))
			if i < 0 || from+i >= len(shown) {
				break
			}
			if &shown[0] == &raw[0] {
				shown = bytes.Clone(shown)
			}
			at := from + i
			for j := at; j < min(at+len(secret), len(shown)); j++ {
				shown[j] = '*'
			}
			from = at + len(secret)
		}
	}
	return hex.EncodeToString(shown)
}

// passwordOf is the secret a CONNECT carries: also the passwords that checks
// make up are kept out of transcripts, so that nobody has to tell them apart.
func passwordOf(p codec.Packet) string {
	if illegal, ok := p.(*codec.Illegal); ok {
		p = illegal.Packet()
	}
	if c, ok := p.(*codec.Connect); ok && c.Password != nil {
		return *c.Password
	}
	return ""
}
