//go:build soak

package suites_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/reports"
	"mqttspec/suites"
)

var soakRuns = flag.Int("soak.runs", 200, "how many full runs in a row make a soak")

// TestSoak runs the whole suite many times in a row against each broker: no
// verdict differs but those that matrix/outcomes.yaml explains, nothing
// accumulates here, and after every run the broker is as it was found, which it
// says itself.
//
//	go test -tags soak -run TestSoak -timeout 6h ./suites -soak.runs 200
func TestSoak(t *testing.T) {
	for _, b := range witnesses(t) {
		t.Run(b.name, func(t *testing.T) { soak(t, bare(b.target), matrix(t)[b.name].Wavers) })
	}
}

// soak runs the suite again and again; wavers are the checks whose verdict is
// known to differ because the broker does.
func soak(t *testing.T, target *harness.Target, wavers map[string]string) {
	asker := &asker{t: t, dial: target.Dialer.Dial}
	clients := &clients{dial: target.Dialer.Dial, seen: map[string]bool{}}
	target.Dialer = clients
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "run\ttook\tgoroutines\tfile descriptors\theap\tresident\tclients\tsessions left\tretained left\tbroker's own counters")
	differing := map[string]map[string]int{} // how often a check had which outcome
	reasons := map[string]string{}           // the last that a check gave
	var first, last footprint
	counters := asker.counters()
	for run := 1; run <= *soakRuns; run++ {
		start := time.Now()
		checks := outcomes(t, target, suites.Options{})
		took := time.Since(start)
		for id, c := range checks {
			if differing[id] == nil {
				differing[id] = map[string]int{}
			}
			differing[id][string(c.Outcome)]++
			if c.Reason != "" {
				reasons[id] = c.Reason
			}
		}
		used := clients.take()
		sessions, retained := asker.sessions(used), asker.retained()
		if len(sessions) > 0 || len(retained) > 0 {
			known := len(retained) == 0
			found := 0
			for id, c := range checks {
				if slices.ContainsFunc(c.Exchange, func(e reports.Event) bool {
					return slices.ContainsFunc(slices.Concat(sessions, retained), func(trace string) bool { return strings.Contains(e.Packet, trace) })
				}) {
					t.Logf("run %d: %s leaves traces", run, id)
					found++
					known = known && slices.Contains(brokersOwn, id)
				}
			}
			if !known || found < len(sessions) {
				t.Errorf("run %d leaves the sessions of %q and retained messages on %q", run, sessions, retained)
			}
		}
		last = measure(t)
		if run == 2 { // the first run fills caches
			first = last
		}
		fmt.Fprintf(table, "%d\t%.1f s\t%d\t%d\t%.1f MiB\t%.1f MiB\t%d\t%d\t%d\t%v\n", run, took.Seconds(), last.goroutines, last.descriptors,
			last.heap, last.resident, len(used), len(sessions), len(retained), asker.counters())
	}
	table.Flush()
	for _, id := range slices.Sorted(maps.Keys(differing)) {
		switch {
		case len(differing[id]) == 1:
		case wavers[id] != "":
			t.Logf("%s: %v, as is known: %s", id, differing[id], wavers[id])
		default:
			t.Errorf("%s: %v, such as: %s", id, differing[id], reasons[id])
		}
	}
	if *soakRuns > 2 {
		if last.goroutines > first.goroutines+10 || last.descriptors > first.descriptors+10 {
			t.Errorf("%d goroutines and %d descriptors after run 2, %d and %d at the end", first.goroutines, first.descriptors, last.goroutines, last.descriptors)
		}
		if last.heap > 2*first.heap+16 {
			t.Errorf("%.1f MiB of heap after run 2, %.1f at the end", first.heap, last.heap)
		}
	}
	// The broker counts every few seconds.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Second) {
		now := asker.counters()
		grown := slices.DeleteFunc(slices.Sorted(maps.Keys(now)), func(name string) bool {
			return counters[name] == "" || counters[name] == now[name]
		})
		if len(grown) == 0 {
			t.Logf("the broker counts %v at the end", now)
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("the broker counts %v; before the first run it counted %v", now, counters)
			break
		}
	}
}

// brokersOwn are checks that ask for no session and get one: mochi keeps that of
// a client which it has refused.
var brokersOwn = []string{"packetsize-small@5.0", "framing-truncated-packets@5.0", "keepalive-long@5.0"}

// A footprint is what this process holds.
type footprint struct {
	goroutines, descriptors int
	heap, resident          float64 // MiB
}

func measure(t *testing.T) footprint {
	time.Sleep(100 * time.Millisecond) // what is closing, closes
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{goroutines: runtime.NumGoroutine(), heap: float64(m.HeapAlloc) / (1 << 20)}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.descriptors = len(open)
	}
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil {
		pages, _ := strconv.Atoi(strings.Fields(string(raw))[1])
		f.resident = float64(pages*os.Getpagesize()) / (1 << 20)
	}
	return f
}

// clients dials and remembers the Client Identifiers that went to the broker.
type clients struct {
	dial func(context.Context) (net.Conn, error)
	mu   sync.Mutex
	seen map[string]bool
}

func (c *clients) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &tapped{TCPConn: conn.(*net.TCPConn), clients: c}, nil
}

// take returns the identifiers since it was last asked.
func (c *clients) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	used := slices.Sorted(maps.Keys(c.seen))
	clear(c.seen)
	return used
}

func (c *clients) add(id string, ok bool) {
	if ok && id != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen[id] = true
	}
}

// tapped is a connection whose first packets are looked at.
type tapped struct {
	*net.TCPConn
	clients   *clients
	mu        sync.Mutex
	sent, got []byte
}

const tappedBytes = 128 << 10

func (c *tapped) Write(b []byte) (int, error) {
	c.mu.Lock()
	if len(c.sent) < tappedBytes {
		c.sent = append(c.sent, b...)
		c.clients.add(clientOf(c.sent))
	}
	c.mu.Unlock()
	return c.TCPConn.Write(b)
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.got) < 1024 {
		c.got = append(c.got, b[:n]...)
		if packet, err := codec.NewReader(codec.V5, strings.NewReader(string(c.got))).Next(); err == nil {
			if p, _ := codec.Decode(codec.V5, codec.Server, packet); p != nil {
				if connack, ok := p.(*codec.Connack); ok {
					for _, p := range connack.Properties {
						c.clients.add(p.Text, p.ID == codec.PropAssignedClientIdentifier)
					}
				}
			}
		}
	}
	return n, err
}

// clientOf is the Client Identifier of a CONNECT, however odd the rest of it.
func clientOf(b []byte) (id string, ok bool) {
	packet, err := codec.NewReader(codec.V5, strings.NewReader(string(b))).Next()
	if err != nil || codec.Type(packet[0]>>4) != codec.CONNECT {
		return "", false
	}
	if p, _ := codec.Decode(codec.V311, codec.Client, packet); p != nil {
		if c, ok := p.(*codec.Connect); ok && c.ProtocolLevel == byte(codec.V311) {
			return c.ClientID, true
		}
	}
	if p, _ := codec.Decode(codec.V5, codec.Client, packet); p != nil {
		if c, ok := p.(*codec.Connect); ok {
			return c.ClientID, true
		}
	}
	return "", false
}

// An asker asks a broker what it holds, by the rules, as a client.
type asker struct {
	t    *testing.T
	dial func(context.Context) (net.Conn, error)
}

// connect returns nil where the broker refuses the client.
func (a *asker) connect(id string, clean bool) (c *asking, sessionPresent bool) {
	conn, err := a.dial(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	c = &asking{a.t, conn, codec.NewReader(codec.V5, conn)}
	packet, err := codec.Append(nil, codec.V5, &codec.Connect{ProtocolName: "MQTT", ProtocolLevel: 5, CleanStart: clean, ClientID: id})
	if err != nil { // no broker takes an identifier that cannot be written
		conn.Close()
		return nil, false
	}
	_, _ = conn.Write(packet)
	raw, err := c.reader.Next()
	if err != nil {
		conn.Close()
		return nil, false
	}
	p, _ := codec.Decode(codec.V5, codec.Server, raw)
	connack, ok := p.(*codec.Connack)
	if !ok || connack.Code != 0 {
		conn.Close()
		return nil, false
	}
	return c, connack.SessionPresent
}

// sessions are the clients that the broker holds a session of. Being asked, it
// holds it no longer.
func (a *asker) sessions(ids []string) (held []string) {
	for _, id := range ids {
		if c, present := a.connect(id, false); c != nil {
			if present {
				held = append(held, id)
			}
			c.end()
		}
	}
	return held
}

// retained are the topics outside $SYS with a retained message.
func (a *asker) retained() []string {
	return slices.Sorted(maps.Keys(a.read("#")))
}

// counters are the broker's own counts of what clients leave behind; those of
// mochi on subscriptions and retained messages are left out, for they fall below
// zero and count $SYS.
func (a *asker) counters() map[string]string {
	held := map[string]string{}
	for topic, value := range a.read("$SYS/#") {
		switch name := strings.TrimPrefix(topic, "$SYS/broker/"); name {
		case "clients/total", "clients/disconnected", "clients/inactive", "subscriptions/count", "shared_subscriptions/count":
			held[name] = value
		}
	}
	return held
}

// read returns what is retained below a filter; a PINGREQ after the SUBACK
// ends it.
func (a *asker) read(filter string) map[string]string {
	c, _ := a.connect("soakasker", true)
	if c == nil {
		a.t.Fatal("the broker refuses the client that asks")
	}
	defer c.end()
	c.send(&codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: filter}}})
	values := map[string]string{}
	for pings := 0; pings < 2; { // the second, for a broker that sends what is retained late
		switch p := c.next().(type) {
		case *codec.Suback:
			c.send(&codec.Pingreq{})
		case *codec.Pingresp:
			if pings++; pings < 2 {
				time.Sleep(50 * time.Millisecond)
				c.send(&codec.Pingreq{})
			}
		case *codec.Publish:
			values[p.Topic] = p.Payload
		}
	}
	return values
}

// asking is a connection of an asker.
type asking struct {
	t      *testing.T
	conn   net.Conn
	reader *codec.Reader
}

func (c *asking) send(p codec.Packet) {
	packet, err := codec.Append(nil, codec.V5, p)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.Write(packet); err != nil {
		c.t.Fatal(err)
	}
}

func (c *asking) next() codec.Packet {
	raw, err := c.reader.Next()
	if err != nil {
		c.t.Fatal(err)
	}
	p, err := codec.Decode(codec.V5, codec.Server, raw)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c *asking) end() {
	c.send(&codec.Disconnect{})
	c.conn.Close()
}
