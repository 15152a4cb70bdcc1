package suites_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mqttspec/codec"
	"mqttspec/harness"
	"mqttspec/harness/broker/embedded"
	"mqttspec/reports"
	"mqttspec/suites"
	"mqttspec/suites/runner"
)

// affliction is what is wrong with a frail server.
type affliction int

const (
	sound affliction = iota
	// gone listens no more, and has ended every connection.
	gone
	// mute takes connections and says nothing on any.
	mute
	// deaf does what it should, but hands no message to anybody.
	deaf
	// storeless refuses every subscription.
	storeless
)

// frail is a server in front of a good broker to which something happens when it
// is sent a certain packet.
type frail struct {
	dial    func(context.Context) (net.Conn, error)
	address string
	most    int // connections at the same time; 0: any number
	deadly  func(v codec.Version, packet []byte) bool
	once    bool // the packet does no harm a second time
	becomes affliction
	back    time.Duration // after which a supervisor has started it again; 0: there is none
	fell    chan struct{} // has room for many: told when something has happened

	conns    sync.WaitGroup
	mu       sync.Mutex
	state    affliction
	listener net.Listener
	open     map[net.Conn]bool
}

// start listens, on the same port every time.
func (f *frail) start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = sound
	if f.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", f.address)
	if err != nil {
		return err
	}
	f.address, f.listener = listener.Addr().String(), listener
	f.conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.conns.Go(func() { f.serve(conn) })
		}
	})
	return nil
}

// stop ends it with all its connections.
func (f *frail) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end()
}

func (f *frail) end() {
	if f.listener != nil {
		f.listener.Close()
		f.listener = nil
	}
	for conn := range f.open {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

// fall lets happen what happens.
func (f *frail) fall() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != sound {
		return
	}
	if f.once {
		f.deadly = harmless
	}
	f.state = f.becomes
	select {
	case f.fell <- struct{}{}:
	default:
	}
	if f.becomes == gone {
		f.end()
		if f.back > 0 {
			time.AfterFunc(f.back, func() { _ = f.start() })
		}
	}
}

func (f *frail) is(a affliction) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state == a
}

// serve joins a connection with the good broker.
func (f *frail) serve(conn net.Conn) {
	defer conn.Close()
	f.mu.Lock()
	if f.most > 0 && len(f.open) >= f.most || f.listener == nil {
		f.mu.Unlock()
		return
	}
	f.open[conn] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, conn)
	}()
	far, err := f.dial(context.Background())
	if err != nil {
		return
	}
	defer far.Close()
	f.conns.Go(func() {
		f.toBroker(far, conn)
		_ = far.(*net.TCPConn).CloseWrite()
	})
	f.toClient(conn, far)
}

// toBroker passes on what the client sends, byte by byte, and looks at it.
func (f *frail) toBroker(far, conn net.Conn) {
	var version codec.Version
	reader := codec.NewReader(codec.V5, io.TeeReader(conn, far))
	for {
		packet, err := reader.Next()
		if err != nil {
			_, _ = io.Copy(far, conn) // what is no packet is for the broker to judge
			return
		}
		if codec.Type(packet[0]>>4) == codec.CONNECT && version == 0 && len(packet) > 8 {
			version = codec.Version(packet[8])
		}
		f.mu.Lock()
		deadly := f.deadly
		f.mu.Unlock()
		if deadly(version, packet) {
			f.fall()
		}
	}
}

// toClient passes on what the broker sends, as far as the server still does that.
func (f *frail) toClient(conn, far net.Conn) {
	reader := codec.NewReader(codec.V5, far)
	for {
		packet, err := reader.Next()
		if err != nil {
			if f.is(mute) {
				_, _ = io.Copy(io.Discard, conn)
			}
			return
		}
		switch kind := codec.Type(packet[0] >> 4); {
		case f.is(mute), f.is(deaf) && kind == codec.PUBLISH:
			continue
		case f.is(storeless) && kind == codec.SUBACK:
			packet[len(packet)-1] = 0x80
		}
		if _, err := conn.Write(packet); err != nil {
			return
		}
	}
}

// Kill ends the server and starts it again.
func (f *frail) Kill(context.Context) error {
	f.stop()
	return f.start()
}

func (f *frail) Restart(context.Context) error { return errors.New("it can only be killed") }
func (f *frail) CanKill() bool                 { return true }

// cutSubscribe is a SUBSCRIBE that ends before the options of its last filter.
func cutSubscribe(v codec.Version, packet []byte) bool {
	if codec.Type(packet[0]>>4) != codec.SUBSCRIBE || v == 0 {
		return false
	}
	_, err := codec.Decode(v, codec.Client, packet)
	breach := (*codec.Breach)(nil)
	return errors.As(err, &breach) && breach.Field == "Subscription Options" && strings.Contains(err.Error(), "missing")
}

// willQoS3 is a CONNECT of 3.1.1 with a Will at QoS 3.
func willQoS3(v codec.Version, packet []byte) bool {
	return codec.Type(packet[0]>>4) == codec.CONNECT && v == codec.V311 && len(packet) > 9 && packet[9]&0x1C == 0x1C
}

// longestFilter is a SUBSCRIBE of 3.1.1 with a filter of 65,535 bytes.
func longestFilter(v codec.Version, packet []byte) bool {
	return codec.Type(packet[0]>>4) == codec.SUBSCRIBE && v == codec.V311 && bytes.Contains(packet, []byte{0xFF, 0xFF})
}

// anyUnsubscribe is any UNSUBSCRIBE.
func anyUnsubscribe(_ codec.Version, packet []byte) bool {
	return codec.Type(packet[0]>>4) == codec.UNSUBSCRIBE
}

func harmless(codec.Version, []byte) bool { return false }

// someChecks are some of each kind, those that send the packets above among them.
var someChecks = []string{
	"framing-truncated-packets", "will-qos-3", "topics-longest", "unsubscribe-acknowledged",
	"connect-accepted", "pingreq-answered", "subscribe-granted", "message-delivered", "qos0-delivered", "qos1-acknowledged",
	"qos2-complete", "qos2-delivered", "will-published", "retain-new-subscription", "topics-single-level", "topics-multi-level",
	"topics-empty-level", "topics-many-levels", "topics-not-normalised", "clientid-sessions", "connect-second", "publish-qos-3",
	"subscribe-several-filters", "subscribe-replaced", "interoperation-plain", "session-present-clean", "connect-payload-order",
	"unsubscribe-several-filters", "publish-payload", "connect-protocol-level", "state-created",
}

// TestOutages: whatever becomes of a broker while checks run, those that did it no
// harm come out as they do otherwise, and the one that does fails and is named;
// where nobody brings the broker back nothing fails for it, and those are named
// that ran at the time.
func TestOutages(t *testing.T) {
	t.Parallel()
	broker, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	target := bare(broker.Target)
	options := suites.Options{Timeout: 2 * time.Second, Patience: 2 * time.Second, Selection: runner.Selection{Names: someChecks}}
	usual := outcomes(t, target, options)
	for _, r := range []*struct {
		name     string
		server   frail
		able     bool // can be started again
		culprits []string
		gone     bool     // for good
		says     []string // parts of the conditions
	}{
		{name: "it falls over a cut SUBSCRIBE, and comes back by itself", server: frail{deadly: cutSubscribe, becomes: gone, back: 300 * time.Millisecond},
			culprits: []string{"framing-truncated-packets@3.1.1", "framing-truncated-packets@5.0"}, says: []string{"the broker went down", "came back by itself"}},
		{name: "it falls over a cut SUBSCRIBE, and is started again", server: frail{deadly: cutSubscribe, becomes: gone}, able: true,
			culprits: []string{"framing-truncated-packets@3.1.1", "framing-truncated-packets@5.0"}, says: []string{"the broker went down", "it was started again"}},
		{name: "it falls over a cut SUBSCRIBE, for good", server: frail{deadly: cutSubscribe, becomes: gone}, gone: true,
			says: []string{"the broker went down", "did not come back", "framing-truncated-packets@"}},
		{name: "it answers nobody after a Will at QoS 3, and is started again", server: frail{deadly: willQoS3, becomes: mute}, able: true,
			culprits: []string{"will-qos-3@3.1.1"}, says: []string{"the broker hangs (CONNECT was not answered within 2s)"}},
		{name: "it delivers nothing after a Will at QoS 3, and is started again", server: frail{deadly: willQoS3, becomes: deaf}, able: true,
			culprits: []string{"will-qos-3@3.1.1"}, says: []string{"the broker hangs (a message was not delivered within 2s)"}},
		{name: "it delivers nothing after a Will at QoS 3, for good", server: frail{deadly: willQoS3, becomes: deaf}, gone: true,
			says: []string{"the broker hangs (a message was not delivered within 2s)", "did not come back", "will-qos-3@3.1.1"}},
		{name: "it stores nothing after the longest filter, and is started again", server: frail{deadly: longestFilter, becomes: storeless}, able: true,
			culprits: []string{"topics-longest@3.1.1"}, says: []string{"the broker hangs (SUBSCRIBE was refused with 0x80)"}},
		{name: "it is restarted in the middle", server: frail{deadly: anyUnsubscribe, once: true, becomes: gone, back: 300 * time.Millisecond},
			says: []string{"the broker went down", "no check does it alone"}},
		{name: "it takes no more than 20 connections", server: frail{deadly: harmless, most: 20},
			says: []string{"the broker takes no more than 20 connections at the same time"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server := &r.server
			server.dial, server.address, server.open, server.fell = target.Dialer.Dial, "127.0.0.1:0", map[net.Conn]bool{}, make(chan struct{}, 1)
			if err := server.start(); err != nil {
				t.Fatal(err)
			}
			defer server.conns.Wait()
			defer server.stop()
			frail, err := harness.ParseTarget("mqtt://" + server.address)
			if err != nil {
				t.Fatal(err)
			}
			if r.able {
				frail.Life = server
			}

			results, err := suites.Test(t.Context(), frail, options)
			if err != nil {
				t.Fatal(err)
			}

			for _, c := range results.Checks {
				switch culprit := slices.Contains(r.culprits, c.ID); {
				case culprit:
					if c.Outcome != reports.Fail || !strings.Contains(c.Reason, "when this check ran alone") {
						t.Errorf("%s: %s %s", c.ID, c.Outcome, c.Reason)
					}
				case r.gone:
					if c.Outcome != usual[c.ID].Outcome && (c.Outcome != reports.Blocked || !strings.Contains(c.Reason, "did not come back")) {
						t.Errorf("%s: %s %s; it was %s", c.ID, c.Outcome, c.Reason, usual[c.ID].Outcome)
					}
				case c.Outcome != usual[c.ID].Outcome:
					t.Errorf("%s: %s %s; it was %s", c.ID, c.Outcome, c.Reason, usual[c.ID].Outcome)
				}
			}
			said := strings.Join(results.Conditions, "\n")
			for _, part := range slices.Concat(r.says, r.culprits) {
				if !strings.Contains(said, part) {
					t.Errorf("the conditions are %q; want %q in them", said, part)
				}
			}
			if r.gone != (results.Problem != "") {
				t.Errorf("the problem: %q", results.Problem)
			}
		})
	}
}

// TestInterruptedWhileItHangs: a run that is interrupted while nobody answers has
// results, with all checks.
func TestInterruptedWhileItHangs(t *testing.T) {
	broker, err := embedded.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	server := &frail{
		dial: broker.Target.Dialer.Dial, address: "127.0.0.1:0", open: map[net.Conn]bool{}, fell: make(chan struct{}, 1),
		deadly: willQoS3, becomes: mute,
	}
	if err := server.start(); err != nil {
		t.Fatal(err)
	}
	defer server.conns.Wait()
	defer server.stop()
	target, err := harness.ParseTarget("mqtt://" + server.address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-server.fell
		cancel(errors.New("SIGTERM"))
	}()

	results, err := suites.Test(ctx, target, suites.Options{Timeout: 5 * time.Second, Selection: runner.Selection{Names: someChecks}})

	if err != nil || len(results.Checks) < len(someChecks) || !strings.Contains(results.Problem, "SIGTERM") {
		t.Errorf("%v, %d checks, the problem %q", err, len(results.Checks), results.Problem)
	}
}
