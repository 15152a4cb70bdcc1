package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
)

// An examiner finds out whether a broker does for a new client what brokers are
// there for: it accepts the connection, grants a subscription and delivers a
// message. It wants no more than the broker did when it was first examined, nor
// anything that it may refuse: no QoS above 0, no PINGRESP, no Keep Alive of 0.
//
// It looks at bytes and not at packets, as far as it can: what is wrong with the
// packets of a broker is for the checks to say.
type examiner struct {
	target   *Target
	version  codec.Version
	settings Settings
	named    atomic.Int64

	mu   sync.Mutex
	able stage // how far clients got when all was well; 0 before
}

// stage is how far a client has got.
type stage int

const (
	connected  stage = 1 + iota // accepted by a CONNACK
	subscribed                  // granted a subscription
	delivered                   // given a message
)

// trouble is what kept a client from getting as far as clients do.
type trouble struct {
	what string
	// refused says that the client could not connect, and was told so at once.
	refused bool
}

func (t *trouble) Error() string { return t.what }

// newClient opens a connection and wants it accepted.
func (e *examiner) newClient(ctx context.Context) (*bareClient, *trouble) {
	conn, err := e.target.Dial(ctx)
	if err != nil {
		return nil, &trouble{what: "no connection: " + plainly(err), refused: !isTimeout(err) && !errors.Is(err, context.DeadlineExceeded)}
	}
	c := &bareClient{examiner: e, conn: conn, reader: codec.NewReader(e.version, conn), id: e.settings.RunID + "h" + base36(e.named.Add(1))}
	c.reader.Limit = maxPacket
	connect := &codec.Connect{ProtocolName: "MQTT", ProtocolLevel: byte(e.version), CleanStart: true, KeepAlive: 60, ClientID: c.id}
	connect.UserName, connect.Password = e.target.Credentials()
	connack, lacking := c.ask(ctx, connect, isType(codec.CONNACK))
	switch {
	case lacking != nil:
		lacking.refused = lacking.refused || c.closed
	case len(connack) > 3 && connack[3] != 0:
		lacking = &trouble{what: fmt.Sprintf("CONNECT was answered with CONNACK 0x%02X", connack[3]), refused: true}
	}
	if lacking != nil {
		conn.Close()
		return nil, lacking
	}
	return c, nil
}

// bareClient is a client without transcript, inbox and audit.
type bareClient struct {
	*examiner
	conn   net.Conn
	reader *codec.Reader
	id     string
	closed bool // by the broker
}

// write writes a packet.
func (c *bareClient) write(p codec.Packet) error {
	raw, err := codec.Encode(c.version, codec.Client, p)
	if err == nil {
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.settings.Timeout))
		_, err = c.conn.Write(raw)
	}
	return err
}

// ask writes a packet and reads until what it should bring has come.
func (c *bareClient) ask(ctx context.Context, p codec.Packet, answer func(raw []byte) bool) (raw []byte, lacking *trouble) {
	return c.askWithin(ctx, c.settings.Timeout, p, answer)
}

func (c *bareClient) askWithin(ctx context.Context, within time.Duration, p codec.Packet, answer func(raw []byte) bool) (raw []byte, lacking *trouble) {
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	err := c.write(p)
	if err == nil {
		_ = c.conn.SetReadDeadline(time.Now().Add(within))
		for err == nil && (raw == nil || !answer(raw)) {
			raw, err = c.reader.Next()
		}
	}
	switch {
	case err == nil:
		return raw, nil
	case errors.As(context.Cause(ctx), new(laggingError)):
		return nil, &trouble{what: fmt.Sprintf("%s %v", p.Type(), context.Cause(ctx))}
	case ctx.Err() != nil:
		return nil, &trouble{what: contextReason(ctx)}
	case isTimeout(err):
		return nil, &trouble{what: fmt.Sprintf("%s was not answered within %s", p.Type(), c.settings.Timeout)}
	}
	c.closed = true
	return nil, &trouble{what: fmt.Sprintf("the connection was closed after %s (%s)", p.Type(), plainly(err))}
}

func isType(t codec.Type) func([]byte) bool {
	return func(raw []byte) bool { return codec.Type(raw[0]>>4) == t }
}

// leave says good-bye, as far as the broker listens.
func (c *bareClient) leave() {
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.settings.grace()))
	_, _ = c.conn.Write([]byte{0xE0, 0x00}) // DISCONNECT
	c.conn.Close()
}

// topic is a topic of the client's own.
func (c *bareClient) topic() string {
	return c.settings.TopicPrefix + "/" + c.settings.RunID + "/health/" + c.id
}

// plainly is an error of the network in few words.
func plainly(err error) string {
	for _, known := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, io.EOF} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return err.Error()
}

// attempts are how often a client tries again that was turned away or cut off:
// a broker that does so to some clients is neither down nor does it hang.
const attempts = 3

// laggingError is the reason why nobody waits any longer for a client that does not
// get as far as the others.
type laggingError struct{ within, others time.Duration }

func (l laggingError) Error() string {
	return fmt.Sprintf("was not answered within %s, and others got all their answers within %s", l.within, l.others)
}

// examine lets several new clients at the same time get as far as clients do,
// and says what kept any of them from it. A broker may serve some clients and
// no longer others: each has an identifier of its own.
//
// Where nobody else keeps the broker busy (quiet) a client that is not served when
// half of the others long have been is not waited for until the timeout.
func (e *examiner) examine(ctx context.Context, clients int, quiet bool) *trouble {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	began := time.Now()
	reached := make([]stage, clients)
	lacking := make([]*trouble, clients)
	var group sync.WaitGroup
	var served atomic.Int64
	for i := range clients {
		group.Go(func() {
			for n := 0; n < attempts && (n == 0 || lacking[i] != nil && lacking[i].refused); n++ {
				reached[i], lacking[i] = e.visit(ctx)
			}
			if quiet && lacking[i] == nil && served.Add(1) == int64(clients+1)/2 {
				others := time.Since(began)
				longer := times.Glance(others)
				time.AfterFunc(longer, func() { stop(laggingError{(others + longer).Round(time.Millisecond), others.Round(time.Millisecond)}) })
			}
		})
	}
	group.Wait()
	least := 0
	for i := range clients {
		if reached[i] < reached[least] {
			least = i
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if reached[least] >= max(e.able, connected) {
		e.able = reached[least]
		return nil
	}
	return lacking[least]
}

// visit is one client from CONNECT to a message of its own.
func (e *examiner) visit(ctx context.Context) (reached stage, lacking *trouble) {
	c, lacking := e.newClient(ctx)
	if lacking != nil {
		return 0, lacking
	}
	defer c.leave()
	e.mu.Lock()
	able := e.able
	e.mu.Unlock()
	if able == connected {
		return connected, nil
	}
	subscribe := &codec.Subscribe{PacketID: 1, Subscriptions: []codec.Subscription{{Filter: c.topic()}}}
	suback, lacking := c.ask(ctx, subscribe, isType(codec.SUBACK))
	switch {
	case lacking != nil:
		lacking.refused = c.closed
		return connected, lacking
	case suback[len(suback)-1] >= byte(codec.SubackFailure):
		return connected, &trouble{what: fmt.Sprintf("SUBSCRIBE was refused with 0x%02X", suback[len(suback)-1])}
	case able == subscribed:
		return subscribed, nil
	}
	pause(ctx, e.settings.Settle)
	message := &codec.Publish{Topic: c.topic(), Payload: c.id}
	mine := func(raw []byte) bool { return isType(codec.PUBLISH)(raw) && bytes.Contains(raw, []byte(c.id)) }
	for range attempts { // a message at QoS 0 may get lost
		if _, lacking = c.askWithin(ctx, e.settings.Timeout/attempts, message, mine); lacking == nil {
			return delivered, nil
		}
	}
	if lacking.refused = c.closed; !c.closed && ctx.Err() == nil {
		lacking.what = fmt.Sprintf("a message was not delivered within %s", e.settings.Timeout)
	}
	return subscribed, lacking
}

// capacity opens connections, twice as many each time, and keeps them open: it
// says how many the broker takes at the same time where they are fewer than most,
// and what became of the next one.
func (e *examiner) capacity(ctx context.Context, most int) (taken int, lacking *trouble) {
	var mu sync.Mutex
	var open []*bareClient
	defer func() {
		for _, c := range open {
			c.leave()
		}
	}()
	for wanted := 4; lacking == nil && len(open) < most; wanted *= 2 {
		var group sync.WaitGroup
		for range min(wanted, most) - len(open) {
			group.Go(func() {
				c, turnedAway := e.newClient(ctx)
				mu.Lock()
				defer mu.Unlock()
				if turnedAway != nil {
					lacking = turnedAway
				} else {
					open = append(open, c)
				}
			})
		}
		group.Wait()
	}
	return len(open), lacking
}

// A sentry is a connection that does nothing but stay open.
type sentry struct {
	*bareClient
	ended chan struct{}
}

// newSentry opens one and tells whom it may concern when it ends; nil where the
// broker lets it not in.
func (e *examiner) newSentry(ctx context.Context, tell func()) *sentry {
	c, lacking := e.newClient(ctx)
	if lacking != nil {
		return nil
	}
	s := &sentry{c, make(chan struct{})}
	_ = c.conn.SetReadDeadline(time.Time{})
	go func() {
		defer close(s.ended)
		defer c.conn.Close()
		for err := error(nil); err == nil; {
			_, err = c.reader.Next()
		}
		tell()
	}()
	return s
}

// stayAlive sends something, as the Keep Alive demands. That is no PINGREQ: not
// every broker bears it.
func (s *sentry) stayAlive() { _ = s.write(&codec.Publish{Topic: s.topic()}) }

// hasEnded says whether the broker has ended the connection.
func (s *sentry) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// interval is how often a sentry has to send something.
func (e *examiner) interval(profile *Profile) time.Duration {
	if seconds := profile.Number(codec.PropServerKeepAlive, 0); seconds > 0 {
		return min(times.Examined, time.Duration(seconds)*time.Second/2)
	}
	return times.Examined
}
