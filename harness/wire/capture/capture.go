// Package capture records connections for Wireshark. It is apart from package
// wire so that who dials brokers does not link what writes captures.
package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A Capture writes what passes over connections as a packet capture that
// Wireshark opens with its MQTT dissector: one TCP stream per connection,
// in the order and at the times at which the harness sent and received. What
// the network did beneath (acknowledgements, retransmissions, TLS, WebSocket
// frames) is not in it: the streams carry MQTT.
type Capture struct {
	mu      sync.Mutex
	w       *pcapgo.Writer
	secrets [][]byte
	streams int
	paused  bool
	err     error
}

// The addresses of a capture are made up: the broker's and, by number, the
// scripted clients'. Port 1883 is the one that tells Wireshark it is MQTT.
var (
	brokerIP = net.IPv4(10, 0, 0, 1).To4()
	mac      = [2]net.HardwareAddr{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}
)

const (
	brokerPort = 1883
	// longestSegment is the longest piece of data in one captured packet.
	longestSegment = 32 << 10
	// ethernetHeader is how long that of a frame is.
	ethernetHeader = 14
	// ipv4Length is where a frame says how long its IPv4 packet is.
	ipv4Length = ethernetHeader + 2
)

// New begins a capture; secrets are masked in it.
func New(w io.Writer, secrets ...string) (*Capture, error) {
	c := &Capture{w: pcapgo.NewWriter(w)}
	for _, s := range secrets {
		if s != "" {
			c.secrets = append(c.secrets, []byte(s))
		}
	}
	return c, c.w.WriteFileHeader(65536, layers.LinkTypeEthernet)
}

// Err is the first error that writing met.
func (c *Capture) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Pause leaves connections out that are opened until Resume.
func (c *Capture) Pause() { c.pause(true) }

// Resume ends Pause.
func (c *Capture) Resume() { c.pause(false) }

func (c *Capture) pause(paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = paused
}

// Wrap records a connection.
func (c *Capture) Wrap(conn net.Conn) net.Conn {
	c.mu.Lock()
	if c.paused {
		c.mu.Unlock()
		return conn
	}
	c.mu.Unlock()
	s := c.stream(time.Now)
	s.Conn = conn
	return s
}

// stream begins a TCP stream with its handshake.
func (c *Capture) stream(now func() time.Time) *captured {
	c.mu.Lock()
	c.streams++
	n := c.streams
	c.mu.Unlock()
	s := &captured{
		capture: c, now: now,
		client: net.IPv4(10, byte(1+n>>16), byte(n>>8), byte(n)).To4(),
		port:   layers.TCPPort(49152 + n%16384),
	}
	s.write(true, nil, 0, func(t *layers.TCP) { t.SYN = true })
	s.write(false, nil, 0, func(t *layers.TCP) { t.SYN, t.ACK = true, true })
	s.write(true, nil, 0, func(t *layers.TCP) { t.ACK = true })
	return s
}

// A Happening is something that happened on a recorded connection.
type Happening int

// What can happen on a connection.
const (
	Opened Happening = iota
	Sent             // by the client
	Received
	ClosedByBroker
)

// A Recorded is one happening of an exchange of the past.
type Recorded struct {
	At   time.Time
	Conn string // the connection's name
	What Happening
	// Bytes are what passed, or the beginning of it: Length says how long it was.
	Bytes  []byte
	Length int
}

// Record writes down an exchange of the past: what happened on each of its
// connections, at its times.
func (c *Capture) Record(happenings []Recorded) error {
	streams := map[string]*captured{}
	for _, h := range happenings {
		at := func() time.Time { return h.At }
		s := streams[h.Conn]
		if s == nil || h.What == Opened {
			s = c.stream(at)
			streams[h.Conn] = s
		}
		s.now = at
		switch h.What {
		case Opened:
		case ClosedByBroker:
			s.end(false, func(t *layers.TCP) { t.FIN, t.ACK = true, true })
		case Sent, Received:
			s.write(h.What == Sent, h.Bytes, max(h.Length-len(h.Bytes), 0), func(t *layers.TCP) { t.PSH, t.ACK = true, true })
		}
	}
	return c.Err()
}

// captured is a connection that is being recorded.
type captured struct {
	net.Conn
	capture *Capture
	now     func() time.Time
	client  net.IP
	port    layers.TCPPort

	// guarded by capture.mu
	seq  [2]uint32 // next sequence number: of the client, of the broker
	done [2]bool   // has closed its direction
}

func (s *captured) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.data(false, b[:n])
	switch {
	case errors.Is(err, io.EOF):
		s.end(false, func(t *layers.TCP) { t.FIN, t.ACK = true, true })
	case errors.Is(err, syscall.ECONNRESET):
		s.end(false, func(t *layers.TCP) { t.RST = true })
	}
	return n, err
}

// Write records before it sends: the answer can be read, and recorded, before
// the connection's Write returns.
func (s *captured) Write(b []byte) (int, error) {
	s.data(true, b)
	return s.Conn.Write(b)
}

// CloseWrite closes the client's direction, where the connection can.
func (s *captured) CloseWrite() error {
	half, ok := s.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	s.end(true, func(t *layers.TCP) { t.FIN, t.ACK = true, true })
	return half.CloseWrite()
}

func (s *captured) Close() error {
	s.end(true, func(t *layers.TCP) { t.FIN, t.ACK = true, true })
	return s.Conn.Close()
}

// Reset records that the client resets the connection.
func (s *captured) Reset() { s.end(true, func(t *layers.TCP) { t.RST = true }) }

// data records bytes that went one way.
func (s *captured) data(fromClient bool, b []byte) {
	for len(b) > 0 {
		n := min(len(b), longestSegment)
		s.write(fromClient, b[:n], 0, func(t *layers.TCP) { t.PSH, t.ACK = true, true })
		b = b[n:]
	}
}

// end records the end of one direction, once.
func (s *captured) end(fromClient bool, flags func(*layers.TCP)) {
	s.capture.mu.Lock()
	seen := s.done[side(fromClient)]
	s.done[side(fromClient)] = true
	s.capture.mu.Unlock()
	if !seen {
		s.write(fromClient, nil, 0, flags)
	}
}

func side(fromClient bool) int {
	if fromClient {
		return 0
	}
	return 1
}

// write records one TCP segment; as many bytes at its end as missing says are
// known to have been there, but not what they were.
func (s *captured) write(fromClient bool, data []byte, missing int, flags func(*layers.TCP)) {
	c := s.capture
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	me, other := side(fromClient), 1-side(fromClient)
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: s.client, DstIP: brokerIP}
	tcp := &layers.TCP{SrcPort: s.port, DstPort: brokerPort, Seq: s.seq[me], Ack: s.seq[other], Window: 65535}
	if !fromClient {
		ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
		tcp.SrcPort, tcp.DstPort = tcp.DstPort, tcp.SrcPort
	}
	flags(tcp)
	if !tcp.ACK {
		tcp.Ack = 0
	}
	s.seq[me] += uint32(len(data) + missing)
	if tcp.SYN || tcp.FIN {
		s.seq[me]++
	}
	if c.err = tcp.SetNetworkLayerForChecksum(ip); c.err != nil {
		return
	}
	buffer := gopacket.NewSerializeBuffer()
	c.err = gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: mac[me], DstMAC: mac[other], EthernetType: layers.EthernetTypeIPv4},
		ip, tcp, gopacket.Payload(c.mask(data)))
	if c.err != nil {
		return
	}
	frame := buffer.Bytes()
	if missing > 0 {
		// Not padded to the least that Ethernet carries: what is missing comes there.
		frame = frame[:ethernetHeader+int(binary.BigEndian.Uint16(frame[ipv4Length:]))]
		total := binary.BigEndian.Uint16(frame[ipv4Length:]) + uint16(min(missing, math.MaxUint16-len(frame)))
		binary.BigEndian.PutUint16(frame[ipv4Length:], total)
	}
	c.err = c.w.WritePacket(gopacket.CaptureInfo{Timestamp: s.now(), CaptureLength: len(frame), Length: len(frame) + missing}, frame)
}

// mask replaces every secret by as many asterisks.
func (c *Capture) mask(data []byte) []byte {
	for _, secret := range c.secrets {
		if bytes.Contains(data, secret) {
			data = bytes.ReplaceAll(data, secret, bytes.Repeat([]byte("*"), len(secret)))
		}
	}
	return data
}
