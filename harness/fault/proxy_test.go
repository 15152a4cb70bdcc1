package fault

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"mqttspec/codec"
	"mqttspec/harness/proxy"
	"mqttspec/harness/wire/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair are the two ends of a connection through a proxy.
type pair struct {
	client, broker *net.TCPConn
}

// between starts a proxy with a fault on real sockets and connects through it,
// by its own listener or by that for WebSocket.
func between(t *testing.T, v codec.Version, f Fault, overWebSocket bool) (*proxy.Proxy, pair) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	toBroker := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", listener.Addr().String())
	}
	through, err := NewProxy(v, f, toBroker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(through.Close)
	dial := through.Dial
	if overWebSocket {
		if err := through.ListenWebSocket(toBroker); err != nil {
			t.Fatal(err)
		}
		dial = through.DialWebSocket
	}
	client, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broker, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); broker.Close() })
	return through, pair{client.(*net.TCPConn), broker.(*net.TCPConn)}
}

// wantRead reads exactly these bytes.
func wantRead(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Fatalf("read % X, %v; want % X", got[:n], err, want)
	}
}

// wantEnd reads to the end, and finds nothing but this error (nil for a close).
func wantEnd(t *testing.T, from io.Reader, want error) {
	t.Helper()
	if rest, err := io.ReadAll(from); len(rest) > 0 || !errors.Is(err, want) {
		t.Fatalf("read % X and then %v; want nothing and then %v", rest, err, want)
	}
}

// someBytes are packets whole and broken, and what is none at all: a fixed
// header whose length never ends stops the reading of packets.
const someBytes = "\xC0\x00" + "\x30\x03\x00\x01t" + "\x00\x00" + "\x31\x02\x00\x09" + "\xC0\x80\x80\x80\x80\x80\x01" + "no packets \xFF\x00"

func TestProxyPassesBytesAsTheyAre(t *testing.T) {
	for _, v := range versions {
		_, p := between(t, v, Nothing, false)
		for _, b := range []byte(someBytes) { // in the smallest pieces there are
			_, _ = p.client.Write([]byte{b})
			_, _ = p.broker.Write([]byte{b})
		}
		wantRead(t, p.broker, someBytes)
		wantRead(t, p.client, someBytes)
		_, _ = io.WriteString(p.client, someBytes)
		wantRead(t, p.broker, someBytes)
	}
}

func TestProxyPassesTheBeginningOfAPacket(t *testing.T) {
	_, p := between(t, codec.V5, Nothing, false)
	_, _ = io.WriteString(p.client, "\x30\x7F\x00")
	_ = p.client.CloseWrite()
	wantRead(t, p.broker, "\x30\x7F\x00")
	wantEnd(t, p.broker, nil)
}

func TestProxyPassesAHalfCloseOn(t *testing.T) {
	_, p := between(t, codec.V5, Nothing, false)
	_ = p.client.CloseWrite()
	wantEnd(t, p.broker, nil)
	_, _ = io.WriteString(p.broker, "\xD0\x00")
	wantRead(t, p.client, "\xD0\x00")
	_ = p.broker.CloseWrite()
	wantEnd(t, p.client, nil)
}

func TestProxyPassesAResetOn(t *testing.T) {
	_, p := between(t, codec.V5, Nothing, false)
	_ = p.client.SetLinger(0)
	p.client.Close()
	wantEnd(t, p.broker, syscall.ECONNRESET)

	_, p = between(t, codec.V5, Nothing, false)
	_ = p.broker.SetLinger(0)
	p.broker.Close()
	wantEnd(t, p.client, syscall.ECONNRESET)
}

func TestProxyWithoutABroker(t *testing.T) {
	through, err := NewProxy(codec.V5, Nothing, func(context.Context) (net.Conn, error) { return nil, errors.New("no broker") })
	if err != nil {
		t.Fatal(err)
	}
	defer through.Close()
	client, err := through.Dial(t.Context())
	if errors.Is(err, syscall.ECONNRESET) { // so soon
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	wantEnd(t, client, syscall.ECONNRESET)
}

// TestCloseEndsEverything closes a proxy over open connections: one over which
// packets pass, one that waits for the WebSocket handshake, one whose broker is
// still being dialled.
func TestCloseEndsEverything(t *testing.T) {
	through, p := between(t, codec.V5, Nothing, false)
	_, _ = io.WriteString(p.client, "\xC0\x00")
	wantRead(t, p.broker, "\xC0\x00")
	through.Close()
	wantGone(t, p.client)
	wantGone(t, p.broker)

	through, p = between(t, codec.V5, Nothing, true)
	through.Close()
	wantGone(t, p.client)

	dialled := make(chan bool)
	through, err := NewProxy(codec.V5, Nothing, func(ctx context.Context) (net.Conn, error) {
		close(dialled)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := through.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	<-dialled
	through.Close()
	wantGone(t, client)
}

// wantGone reads to the end, however the connection ends.
func wantGone(t *testing.T, from io.Reader) {
	t.Helper()
	if rest, _ := io.ReadAll(from); len(rest) > 0 {
		t.Fatalf("read % X of a connection that is gone", rest)
	}
}

func TestLinkAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := proxy.New(codec.V5, Nothing.start())
		p.Close()
		client, atProxy := connection()
		behind, broker := connection()
		p.Join(atProxy, behind)
		wantEnd(t, client, nil)
		wantEnd(t, broker, nil)
	})
}

func TestProxyOverWebSocket(t *testing.T) {
	_, p := between(t, codec.V5, Nothing, true)
	clients := make(chan *websocket.Conn, 1)
	go func() {
		conn, shake, err := websocket.Dial(p.client, "broker", "/mqtt", websocket.Subprotocol)
		if err != nil || shake.Subprotocol != websocket.Subprotocol {
			t.Errorf("%+v, %v", shake, err)
		}
		clients <- conn
	}()
	upgrader := ws.Upgrader{Protocol: func(offered []byte) bool { return string(offered) == websocket.Subprotocol }}
	if _, err := upgrader.Upgrade(p.broker); err != nil {
		t.Fatal(err)
	}
	client, broker := <-clients, websocket.NewConn(p.broker, bufio.NewReader(p.broker), false)
	_, _ = io.WriteString(client, "\xC0\x00")
	wantRead(t, broker, "\xC0\x00")
	_, _ = io.WriteString(broker, "\xD0\x00")
	wantRead(t, client, "\xD0\x00")
	_ = client.CloseWrite()
	wantEnd(t, broker, io.EOF) // a close frame, which is one
}

// through takes one client's connection through a fault in memory.
func through(t *testing.T, b behaviour, take func(e *ends)) []step {
	t.Helper()
	f := Fault{start: func() behaviour { return b }}
	return travel(t, codec.V5, f, tour{take: func(s *stage) { take(s.open("alice")) }}).steps
}

// on makes a behaviour of what becomes of a PINGREQ.
func on(ping func(l *Link) Action) behaviour {
	return behaviour{FromClient: only(func(l *Link, _ *codec.Pingreq) Action { return ping(l) })}
}

// wantSteps holds what happened against lines, one a step.
func wantSteps(t *testing.T, got []step, want ...string) {
	t.Helper()
	var lines []string
	for _, s := range got {
		lines = append(lines, s.String())
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
}

func TestWhatAFaultCanDo(t *testing.T) {
	ping, pong := &codec.Pingreq{}, &codec.Pingresp{}
	connack := &codec.Connack{}
	t.Run("swallow", func(t *testing.T) {
		wantSteps(t, through(t, on(func(*Link) Action { return Swallow }), func(e *ends) { e.up(ping) }),
			"alice > PINGREQ  ->  nothing")
	})
	t.Run("send", func(t *testing.T) {
		wantSteps(t, through(t, on(func(l *Link) Action {
			l.ToClient(connack, pong)
			l.ToBroker(ping, ping)
			return Forward
		}), func(e *ends) { e.up(ping) }),
			"alice > PINGREQ  ->  alice > PINGREQ; alice > PINGREQ; alice > PINGREQ; alice < CONNACK session-present=0 0x00 Success; alice < PINGRESP")
	})
	t.Run("close", func(t *testing.T) {
		wantSteps(t, through(t, on(func(l *Link) Action { l.CloseClient(); return Swallow }), func(e *ends) { e.up(ping).down(pong) }),
			"alice > PINGREQ  ->  alice < closed", "alice < PINGRESP  ->  nothing")
		wantSteps(t, through(t, on(func(l *Link) Action { l.CloseBroker(); return Forward }), func(e *ends) { e.up(ping).down(pong) }),
			"alice > PINGREQ  ->  alice > closed", "alice < PINGRESP")
	})
	t.Run("hold", func(t *testing.T) {
		wantSteps(t, through(t, on(func(l *Link) Action { l.Hold(); return Forward }), func(e *ends) { e.up(ping).hangsUp().up(ping).leaves() }),
			"alice > PINGREQ", "alice < closed  ->  nothing", "alice > PINGREQ  ->  alice < PINGRESP", "alice > closed  ->  alice > closed; alice < closed")
	})
	t.Run("keep the other side open", func(t *testing.T) {
		gone := func(*Link) Action { return Swallow }
		wantSteps(t, through(t, behaviour{ClientGone: gone}, func(e *ends) { e.leaves().down(pong) }),
			"alice > closed  ->  nothing", "alice < PINGRESP")
		wantSteps(t, through(t, behaviour{BrokerGone: gone}, func(e *ends) { e.hangsUp().leaves() }),
			"alice < closed  ->  nothing", "alice > closed  ->  alice > closed; alice < closed")
	})
	t.Run("speak at the end", func(t *testing.T) {
		wantSteps(t, through(t, behaviour{BrokerGone: func(l *Link) Action { l.ToClient(pong); return Forward }}, func(e *ends) { e.hangsUp() }),
			"alice < closed  ->  alice < PINGRESP; alice < closed")
	})
	t.Run("later", func(t *testing.T) {
		wantSteps(t, through(t, on(func(l *Link) Action {
			l.After(2*time.Second, func() { l.ToClient(pong) })
			l.After(time.Second, func() { l.ToClient(connack) })
			l.After(time.Hour, func() { t.Error("the proxy has been closed") })
			return Swallow
		}), func(e *ends) {
			e.up(ping)
			e.stage.waits(time.Second)
			e.stage.waits(time.Second)
		}),
			"alice > PINGREQ  ->  nothing", "nothing  ->  alice < CONNACK session-present=0 0x00 Success", "nothing  ->  alice < PINGRESP")
	})
	t.Run("the length of what comes", func(t *testing.T) {
		// Behind a length that cannot be read nothing can; swallowed, it takes all
		// that came with it along, and what comes next is read anew.
		swallow := behaviour{FromClient: func(_ *Link, f *Frame) Action {
			if f.Breach != nil {
				return Swallow
			}
			return Forward
		}}
		endless := codec.Raw{0xC0, 0x80, 0x80, 0x80, 0x80, 0x01}
		steps := through(t, swallow, func(e *ends) { e.upAtOnce(endless, ping).up(ping) })
		if len(steps) != 2 || len(steps[0].came) != 0 || steps[1].changed() {
			t.Errorf("%v", steps)
		}
	})
	t.Run("pieces", func(t *testing.T) {
		var frames []Frame
		count := behaviour{FromClient: func(_ *Link, f *Frame) Action { frames = append(frames, *f); return Forward }}
		through(t, count, func(e *ends) { e.up(ping).upInPieces(&codec.Publish{Topic: "t"}).upAtOnce(ping, ping) })
		var got [][2]any
		for _, f := range frames {
			got = append(got, [2]any{f.Pieces, f.Behind})
		}
		if want := [][2]any{{1, false}, {2, false}, {1, false}, {1, true}}; !slices.Equal(got, want) {
			t.Errorf("pieces and whether behind another: %v; want %v", got, want)
		}
	})
	t.Run("see the others", func(t *testing.T) {
		var names []string
		b := on(func(l *Link) Action {
			for _, o := range l.Others() {
				names = append(names, o.ClientID())
			}
			return Forward
		})
		f := Fault{start: func() behaviour { return b }}
		travel(t, codec.V5, f, tour{take: func(s *stage) {
			s.connect("alice", clean)
			s.connect("bob", clean)
			gone := s.connect("carol", clean)
			gone.breaks().hangsUp()
			s.connect("dave", clean).up(ping)
		}})
		if want := []string{"alice", "bob"}; !slices.Equal(names, want) {
			t.Errorf("the others are %v; want %v", names, want)
		}
	})
}

// TestMistakes: what a fault says that has no encoding is not sent, and Err
// tells of it.
func TestMistakes(t *testing.T) {
	for name, b := range map[string]behaviour{
		"sent": on(func(l *Link) Action { l.ToClient(&codec.Auth{}); return Swallow }),
		"edited": {FromBroker: only(func(_ *Link, p *codec.Connack) Action {
			p.Properties = codec.Properties{codec.ReceiveMaximum(1)}
			return Forward
		})},
	} {
		f := Fault{start: func() behaviour { return b }}
		all := travel(t, codec.V311, f, tour{take: func(s *stage) { s.connect("alice", clean).up(&codec.Pingreq{}) }})
		if all.mistake == nil {
			t.Errorf("%s: no mistake in %v", name, all)
		}
	}
}

// TestProxiesShareNothing has two proxies of one fault, with one message each,
// at the same time.
func TestProxiesShareNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		message := &codec.Publish{Topic: "t"}
		for range 2 {
			s := &stage{version: codec.V5, proxy: proxy.New(codec.V5, SwapsMessages.start())}
			defer s.proxy.Close()
			s.connect("alice", clean).down(message)
			if last := s.steps[len(s.steps)-1]; len(last.came) != 0 {
				t.Errorf("the first message of this proxy is not held back: %v", last)
			}
		}
	})
}
