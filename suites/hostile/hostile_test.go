// Package hostile_test holds the suite against servers that it should not have
// to meet: whatever they do, a run ends in time and says what is true. It stands
// apart from the other tests because no goroutine may be left behind, and so
// nothing may run beside it.
package hostile_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"go.uber.org/goleak"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/broker/embedded"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// hostile is a server that no suite should have to meet, and what the run must
// say about it.
type hostile struct {
	name  string
	serve func(s *hostileServer, conn *net.TCPConn)
	// scheme is what it is taken to speak, where that is not mqtt.
	scheme string
	// tested says that the server takes connections well enough for checks to
	// run; otherwise the run must say that nothing could be tested.
	tested bool
	// passes says that some checks can rightly pass on it.
	passes bool
	// honest says that what it answers, while it does, is a good broker's: it
	// must fail no check that this broker passes.
	honest bool
	// seen is what every failure that the good broker does not have must speak of.
	seen string
	// fails are checks that cannot but fail.
	fails []string
	// checks are what it is held against; nil is everyTenth.
	checks []string
	// problem is what the reason must say for which nothing was tested.
	problem string
}

// hostileServer is one such server, started.
type hostileServer struct {
	t           *testing.T
	dial        func(context.Context) (net.Conn, error) // a good broker, for those that start out well
	websocket   string                                  // address of its WebSocket listener
	restarted   atomic.Bool
	open        sync.Map // connections that a restart ends
	listener    net.Listener
	connections atomic.Int64
}

var (
	connackOK = map[codec.Version][]byte{codec.V311: {0x20, 2, 0, 0}, codec.V5: {0x20, 3, 0, 0, 0}}
	garbage   = func() []byte {
		b := make([]byte, 4096)
		r := rand.NewChaCha8([32]byte{1})
		_, _ = r.Read(b)
		return b
	}()
)

// connectThen answers the CONNECT and goes on from there.
func connectThen(then func(conn *net.TCPConn, v codec.Version)) func(*hostileServer, *net.TCPConn) {
	return func(_ *hostileServer, conn *net.TCPConn) {
		packet, err := codec.NewReader(codec.V5, conn).Next()
		if err != nil || len(packet) < 10 {
			return
		}
		v := codec.Version(packet[8])
		if _, err := conn.Write(connackOK[v]); err == nil {
			then(conn, v)
		}
	}
}

// forever writes until the connection ends.
func forever(conn net.Conn, data []byte) {
	for {
		if _, err := conn.Write(data); err != nil {
			return
		}
	}
}

// relay joins a connection with the good broker; broker changes what it sends.
func relay(s *hostileServer, conn io.ReadWriter, broker func(packet []byte) [][]byte) {
	relayAfter(s, conn, func([]byte) {}, broker)
}

// relayAfter is relay that first looks at what the client sends.
func relayAfter(s *hostileServer, conn io.ReadWriter, client func(sent []byte), broker func(packet []byte) [][]byte) {
	far, err := s.dial(context.Background())
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		_, _ = io.Copy(writing{far, client}, conn)
		_ = far.(*net.TCPConn).CloseWrite()
	}()
	reader := codec.NewReader(codec.V5, far)
	for {
		packet, err := reader.Next()
		if err != nil {
			return
		}
		for _, p := range broker(packet) {
			if _, err := conn.Write(p); err != nil {
				return
			}
		}
	}
}

// dripping sends a byte every 20 milliseconds.
type dripping struct{ *net.TCPConn }

func (d dripping) Write(b []byte) (n int, err error) {
	for n = range b {
		time.Sleep(20 * time.Millisecond)
		if _, err := d.TCPConn.Write(b[n : n+1]); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

// writing is a writer that shows what it writes.
type writing struct {
	io.Writer
	look func([]byte)
}

func (w writing) Write(b []byte) (int, error) {
	w.look(b)
	return w.Writer.Write(b)
}

// relaySwapped joins a connection with the good broker and turns every two
// packets around that the broker sends in one go.
func relaySwapped(s *hostileServer, conn *net.TCPConn) {
	packets := make(chan []byte)
	go func() {
		defer close(packets)
		relay(s, conn, func(p []byte) [][]byte { packets <- bytes.Clone(p); return nil })
	}()
	var held []byte
	flush := func() {
		_, _ = conn.Write(held)
		held = nil
	}
	for {
		var late <-chan time.Time
		if held != nil {
			late = time.After(30 * time.Millisecond)
		}
		select {
		case p, more := <-packets:
			switch {
			case !more:
				flush()
				return
			case held != nil:
				_, _ = conn.Write(p)
				flush()
			default:
				held = p
			}
		case <-late:
			flush()
		}
	}
}

// restart ends every connection, once.
func (s *hostileServer) restart() {
	if s.restarted.Swap(true) {
		return
	}
	var conns []*net.TCPConn // those of now, not those that come meanwhile
	s.open.Range(func(conn, _ any) bool {
		conns = append(conns, conn.(*net.TCPConn))
		return true
	})
	for _, conn := range conns {
		conn.Close()
	}
}

// rawRelay joins a connection, byte by byte, with another port of the good broker.
func rawRelay(conn *net.TCPConn, address string) {
	far, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer far.Close()
	go func() { _, _ = io.Copy(far, conn); _ = far.(*net.TCPConn).CloseWrite() }()
	_, _ = io.Copy(conn, far)
}

func same(packet []byte) [][]byte { return [][]byte{packet} }

var hostiles = []hostile{
	{name: "accepts and says nothing", serve: func(_ *hostileServer, c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }},
	{name: "never reads", serve: func(_ *hostileServer, c *net.TCPConn) { time.Sleep(5 * time.Second) }},
	{name: "closes at once", serve: func(*hostileServer, *net.TCPConn) {}},
	{name: "resets at once", serve: func(_ *hostileServer, c *net.TCPConn) { _ = c.SetLinger(0) }},
	{name: "closes its half at once", serve: func(_ *hostileServer, c *net.TCPConn) { _ = c.CloseWrite(); _, _ = io.Copy(io.Discard, c) }},
	{name: "random bytes", serve: func(_ *hostileServer, c *net.TCPConn) { forever(c, garbage) }},
	{name: "endless zeros", serve: func(_ *hostileServer, c *net.TCPConn) { forever(c, make([]byte, 4096)) }},
	{name: "endless PINGRESP", serve: func(_ *hostileServer, c *net.TCPConn) { forever(c, bytes.Repeat([]byte{0xD0, 0}, 2048)) }},
	{name: "speaks HTTP", serve: func(_ *hostileServer, c *net.TCPConn) {
		fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<h1>no</h1>")
	}},
	{name: "speaks TLS", serve: func(_ *hostileServer, c *net.TCPConn) { _, _ = c.Write([]byte{0x15, 3, 1, 0, 2, 2, 70}) }},
	{name: "announces 268,435,455 bytes, sends none", serve: func(_ *hostileServer, c *net.TCPConn) {
		_, _ = c.Write([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F})
		_, _ = io.Copy(io.Discard, c)
	}},
	{name: "one packet without end", serve: func(_ *hostileServer, c *net.TCPConn) {
		_, _ = c.Write([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F})
		forever(c, garbage)
	}},
	{name: "refuses everyone", serve: func(_ *hostileServer, c *net.TCPConn) { _, _ = c.Write([]byte{0x20, 2, 0, 3}) }},

	// From here on a CONNACK comes, and what is wrong with the rest is for the checks
	// to say: they fail, and what CONNACK alone decides passes.
	{name: "CONNACK, then nothing", serve: connectThen(func(c *net.TCPConn, _ codec.Version) { _, _ = io.Copy(io.Discard, c) }),
		tested: true, passes: true},
	{name: "CONNACK, then garbage", serve: connectThen(func(c *net.TCPConn, _ codec.Version) { forever(c, garbage) }),
		tested: true, passes: true},
	{name: "CONNACK, then endless PUBLISH", serve: connectThen(func(c *net.TCPConn, v codec.Version) {
		p, _ := codec.Append(nil, v, &codec.Publish{Topic: "flood", Payload: strings.Repeat("x", 1000)})
		forever(c, bytes.Repeat(p, 50))
	}), tested: true, passes: true}, // a check that asks for no more than CONNACK
	{name: "CONNACK, then endless small packets", serve: connectThen(func(c *net.TCPConn, _ codec.Version) {
		forever(c, bytes.Repeat([]byte{0xD0, 0}, 2048))
	}), tested: true, passes: true},
	{name: "CONNACK, then a reset", serve: connectThen(func(c *net.TCPConn, _ codec.Version) { _ = c.SetLinger(0) }),
		tested: true, passes: true},
	{name: "a byte every 20 ms", serve: func(s *hostileServer, c *net.TCPConn) {
		relay(s, dripping{c}, same)
	}, tested: true, passes: true},
	{name: "every packet twice", serve: func(s *hostileServer, c *net.TCPConn) {
		relay(s, c, func(p []byte) [][]byte { return [][]byte{p, p} })
	}, tested: true, passes: true},
	{name: "identifiers off by one", serve: func(s *hostileServer, c *net.TCPConn) {
		relay(s, c, func(p []byte) [][]byte {
			if p[0]>>4 >= 4 && p[0]>>4 <= 11 && len(p) >= 4 {
				p[3]++
			}
			return same(p)
		})
	}, tested: false, passes: true},
	{name: "closes at random", serve: func(s *hostileServer, c *net.TCPConn) {
		relay(s, c, func(p []byte) [][]byte {
			if rand.IntN(4) == 0 {
				c.Close()
			}
			return same(p)
		})
	}, tested: true, passes: true},
	{name: "takes 40 connections and no more", serve: func(s *hostileServer, c *net.TCPConn) {
		if s.connections.Load() > 40 {
			_, _ = io.Copy(io.Discard, c)
			return
		}
		relay(s, c, same)
	}, tested: true, passes: true, honest: true},
	{name: "dies in the middle", serve: func(s *hostileServer, c *net.TCPConn) {
		if s.connections.Load() > 60 {
			s.listener.Close()
			return
		}
		relay(s, c, same)
	}, tested: true, passes: true, honest: true},
	{name: "restarts in the middle", serve: func(s *hostileServer, c *net.TCPConn) {
		s.open.Store(c, nil)
		defer s.open.Delete(c)
		if s.connections.Load() > 60 {
			s.restart()
		}
		relay(s, c, same)
	}, tested: true, passes: true, honest: true},
	// Whoever runs at the same time as the check that brings the broker down has
	// done nothing, and the check itself has failed.
	{name: "goes down at every UNSUBSCRIBE", serve: func(s *hostileServer, c *net.TCPConn) {
		s.open.Store(c, nil)
		defer s.open.Delete(c)
		relayAfter(s, c, func(sent []byte) {
			if codec.Type(sent[0]>>4) == codec.UNSUBSCRIBE {
				s.restarted.Store(false)
				s.restart()
			}
		}, same)
	}, checks: []string{"unsubscribe-acknowledged", "qos0-delivered", "qos1-acknowledged", "qos2-complete", "subscribe-granted", "pingreq-answered", "will-published"},
		tested: true, passes: true, honest: true, fails: []string{"unsubscribe-acknowledged@3.1.1", "unsubscribe-acknowledged@5.0"}},
	{name: "closes its half in the middle", serve: func(s *hostileServer, c *net.TCPConn) {
		n := 0
		relay(s, c, func(p []byte) [][]byte {
			if n++; n == 4 {
				_ = c.CloseWrite()
			}
			return same(p)
		})
		if n >= 4 {
			_, _ = io.Copy(io.Discard, c)
		}
	}, tested: true, passes: true, seen: "closed by the broker (FIN)"},
	{name: "answers out of order", serve: relaySwapped, tested: true, passes: true, fails: []string{"wire-order@3.1.1", "wire-order@5.0"}},
	{name: "WebSocket, taken for MQTT", serve: func(s *hostileServer, c *net.TCPConn) { rawRelay(c, s.websocket) }, problem: "nothing within"},
	{name: "MQTT, taken for WebSocket", serve: func(s *hostileServer, c *net.TCPConn) { relay(s, c, same) }, scheme: "ws", problem: "no answer to the WebSocket handshake"},
	{name: "Receive Maximum 0", serve: connackWith([]byte{0x21, 0, 0}), tested: true},
	{name: "Server Keep Alive 1", serve: connackWith([]byte{0x13, 0, 1}), tested: true},
	{name: "Maximum Packet Size 1", serve: connackWith([]byte{0x27, 0, 0, 0, 1}), tested: true},
}

// connackWith answers CONNECT with a property (5.0) and then only PINGREQ.
func connackWith(property []byte) func(*hostileServer, *net.TCPConn) {
	return func(_ *hostileServer, conn *net.TCPConn) {
		reader := codec.NewReader(codec.V5, conn)
		for {
			packet, err := reader.Next()
			if err != nil {
				return
			}
			switch codec.Type(packet[0] >> 4) {
			case codec.CONNECT:
				if packet[8] != byte(codec.V5) {
					return
				}
				_, err = conn.Write(append([]byte{0x20, byte(3 + len(property)), 0, 0, byte(len(property))}, property...))
			case codec.PINGREQ:
				_, err = conn.Write([]byte{0xD0, 0})
			}
			if err != nil {
				return
			}
		}
	}
}

const (
	hostileTimeout = 500 * time.Millisecond
	// hostileBound is what a run of everyTenth takes at most with this timeout:
	// half a minute where it is flooded, and room for a busy machine.
	hostileBound = time.Minute
)

// TestHostileServers: whatever is at the other end, a run ends in bounded time
// and memory, leaves no goroutine behind, and says nothing false: checks that
// cannot be decided are blocked or errors, and what passes has been seen.
func TestHostileServers(t *testing.T) {
	embedded, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	broker := *embedded.Target
	broker.Instances = nil
	good, err := suites.Test(t.Context(), &broker, suites.Options{Timeout: hostileTimeout, Patience: hostileTimeout, Selection: runner.Selection{Names: everyTenth()}})
	if err != nil {
		t.Fatal(err)
	}
	goodFails := map[string]bool{}
	for _, c := range good.Checks {
		goodFails[c.ID] = c.Outcome == reports.Fail || c.Outcome == reports.Warn
	}
	overWebSocket, err := url.Parse(embedded.Over["ws"].URL)
	if err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	out := io.Discard
	if testing.Verbose() {
		out = os.Stdout
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "server\tends after\theap\tverdict\toutcomes")
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			start := time.Now()
			r, heap := testHostile(t, h, embedded.Target.Dialer.Dial, overWebSocket.Host)
			fmt.Fprintf(table, "%s\t%.1f s\t%d MiB\t%s\t%s\n", h.name, time.Since(start).Seconds(), heap>>20, r.Summary.Verdict, counts(r))
			if !h.tested && !h.passes && len(r.Checks) > 0 && r.Summary.Checks[reports.Pass] > 0 {
				t.Errorf("%d checks pass", r.Summary.Checks[reports.Pass])
			}
			if len(r.Checks) == 0 && r.Problem == "" {
				t.Error("no check and no reason")
			}
			if r.Summary.Verdict == reports.Conformant {
				t.Error("conformant")
			}
			for _, c := range r.Checks {
				if c.Outcome == reports.Fail && !goodFails[c.ID] && h.seen != "" && !strings.Contains(c.Reason, h.seen) {
					t.Errorf("%s fails for something else than %q: %s", c.ID, h.seen, c.Reason)
				}
				if h.honest && c.Outcome == reports.Fail && !goodFails[c.ID] && !slices.Contains(h.fails, c.ID) {
					t.Errorf("%s fails, falsely: %s", c.ID, c.Reason)
				}
				if c.Outcome != reports.Pass && c.Reason == "" {
					t.Errorf("%s: %s without a reason", c.ID, c.Outcome)
				}
			}
			if !strings.Contains(r.Problem, h.problem) {
				t.Errorf("the problem is %q; want %q in it", r.Problem, h.problem)
			}
			for _, id := range h.fails {
				if !slices.ContainsFunc(r.Checks, func(c reports.Check) bool { return c.ID == id && c.Outcome == reports.Fail }) {
					t.Errorf("%s does not fail", id)
				}
			}
			if took := time.Since(start); took > hostileBound {
				longest := slices.MaxFunc(r.Checks, func(a, b reports.Check) int { return cmp.Compare(a.DurationMS, b.DurationMS) })
				t.Errorf("took %s; a run of this selection with this timeout ends within %s (%s: %.1f s, %s %s)", took, hostileBound, longest.ID, longest.DurationMS/1000, longest.Outcome, longest.Reason)
			}
			if heap > 400<<20 {
				t.Errorf("the heap grew to %d MiB", heap>>20)
			}
		})
	}
	table.Flush()
	goleak.VerifyNone(t, before)
}

// testHostile starts the server, runs a part of the suite against it, and
// returns the results and the largest heap seen.
func testHostile(t *testing.T, h hostile, dial func(context.Context) (net.Conn, error), websocket string) (*reports.Results, uint64) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &hostileServer{t: t, dial: dial, websocket: websocket, listener: listener}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			server.connections.Add(1)
			group.Go(func() {
				defer conn.Close()
				h.serve(server, conn.(*net.TCPConn))
			})
		}
	})
	target, err := harness.ParseTarget(cmp.Or(h.scheme, "mqtt") + "://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var heap uint64
	group.Go(func() {
		var m runtime.MemStats
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-ended:
				tick.Stop()
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				heap = max(heap, m.HeapInuse)
			}
		}
	})
	names := h.checks
	if names == nil {
		names = everyTenth()
	}
	r, err := suites.Test(t.Context(), target, suites.Options{Timeout: hostileTimeout, Patience: hostileTimeout, Selection: runner.Selection{Names: names}})
	if err != nil {
		t.Fatal(err)
	}
	close(ended)
	listener.Close()
	group.Wait()
	return r, heap
}

// everyTenth is a sample of the checks: enough of each kind to meet a hostile
// server with, few enough to meet many.
func everyTenth() []string {
	var names []string
	for i, d := range suites.All().Definitions() {
		if i%10 == 0 {
			names = append(names, d.Slug)
		}
	}
	return names
}

// counts is a summary in short.
func counts(r *reports.Results) string {
	var parts []string
	for _, o := range reports.Outcomes {
		if n := r.Summary.Checks[o]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	if parts == nil {
		return r.Problem
	}
	return strings.Join(parts, ", ")
}
