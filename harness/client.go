package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/times"
	"mqttspec/harness/wire"
	"mqttspec/harness/wire/websocket"
)

// Client is one scripted end of a Network Connection. Its verbs are called
// from one goroutine, top to bottom like the exchange they describe; a verb
// that does not get what it wants ends the check.
//
// What the broker sends waits in an inbox, where the verbs look for it. Whoever
// holds the client's lock, or looks into the inbox, does no more than look at, or
// change, what is there: nothing waits, writes to the network, adds to the
// transcript or ends the check meanwhile; that comes after. Locks are taken in
// this order: the exchange's, the client's, the inbox's.
type Client struct {
	// ID is the Client Identifier.
	ID string
	// Connack is the CONNACK that accepted the connection; nil before.
	Connack *codec.Connack

	x                 *Exchange
	name              string // in transcripts
	conn              net.Conn
	transport         net.Conn // conn itself, where conn records it
	inbox             *wire.Inbox
	done              chan struct{} // closed when nothing is read any more
	lastID            uint16
	lastSent          int             // bytes of the last packet, if it was a legal one
	filters           map[awaited]int // how many each SUBSCRIBE and UNSUBSCRIBE that was sent has
	ownTopicsOnly     bool            // ignore messages from outside this exchange's topics
	stored            bool            // the session is to outlive the connection
	ignored           []uint16        // Packet Identifiers of ignored messages at QoS 2, before PUBREL
	anyVersionConnack bool            // take a CONNACK in the format of either version
	patience          time.Duration   // beyond the timeout
	unchosen          bool            // the Keep Alive is nobody's choice
	sending           sync.Mutex      // held while something is sent, guards what follows
	sentDisconnect    bool
	byHand            bool      // what is sent goes out in frames that a check has made
	taken             []Message // that the check has got as part of its set-up

	mu                  sync.Mutex
	keepAlive           time.Duration // that the client has to keep
	pings               int           // PINGREQs to stay alive that are not answered yet
	sentAt              time.Time     // when it sent something last
	audit               audit
	otherVersionConnack bool              // CONNACK came in the format of the other version
	brokerDisconnect    *codec.Disconnect // the first that came
	closed              bool              // by us
	closedAt            time.Time         // when we did
	delivered           map[delivery]bool
	repetitions         map[*codec.Publish]bool
	storedFor           time.Duration // how long the server keeps the session by its own choice; 0 is as it was asked to
	brokerClosedAt      time.Time     // when the broker closed it, before we did
}

// awaited is an answer that the broker owes.
type awaited struct {
	packet codec.Type
	id     uint16
}

// maxPacket is how long a packet of the broker's may be before the harness hangs up.
const maxPacket = 16 << 20

// Name is the name of the connection in transcripts.
func (c *Client) Name() string { return c.name }

// Version is the protocol version the client speaks.
func (c *Client) Version() codec.Version { return c.x.Version }

// read takes in everything the broker sends until the connection ends.
func (c *Client) read() {
	defer close(c.done)
	reader := codec.NewReader(c.x.Version, c.conn)
	reader.Limit = maxPacket
	for {
		raw, err := reader.Next()
		if err != nil {
			c.readEnded(raw, err)
			return
		}
		packet, err := c.decode(raw)
		var text, breach string
		if packet != nil {
			text = packet.String()
		} else {
			text = codec.Raw(raw).String()
		}
		if packet != nil && c.foreign(packet) {
			// What is wrong with a message of another exchange's is for that one to see:
			// whether it comes here as well is chance.
			if packet.Type() == codec.PUBLISH && err != nil && !c.ownTopicsOnly {
				c.x.breached(c, err)
			}
			if !c.ownTopicsOnly {
				c.x.log.add(c.name, FromBroker, text, raw, "")
			}
			continue
		}
		if err != nil {
			breach = err.Error()
			if !c.causedByClient(raw, err) {
				c.x.breached(c, err)
				c.x.noteMalformed(codec.Type(raw[0]>>4), text, err)
			}
		}
		answer := true // not what no server sends, nor a CONNACK that MQTT-3.2.0-2 forbids
		if packet != nil {
			c.x.sees(packet)
			c.mu.Lock()
			more := c.audit.received(packet, len(raw))
			answer = codec.Server.Sends(c.x.Version, packet.Type()) && !(packet.Type() == codec.CONNACK && c.audit.connacks > 1 && c.x.Version == codec.V5)
			switch p := packet.(type) {
			case *codec.Disconnect:
				if c.brokerDisconnect == nil {
					c.brokerDisconnect = p
				}
			case *codec.Publish:
				c.noteRepetition(p)
			}
			c.mu.Unlock()
			for _, violation := range more {
				b := violation.breach(c.x.Version, c.name)
				breach = strings.TrimPrefix(breach+"; "+b.Text, "; ")
				c.x.breach(b)
			}
		}
		c.x.log.add(c.name, FromBroker, text, raw, breach)
		if !answer || packet != nil && c.ownPing(packet) {
			continue
		}
		if packet == nil {
			c.inbox.End(wire.Unreadable, breach+lookalike(raw))
			return
		}
		if !c.inbox.Put(packet, len(raw)) {
			return
		}
	}
}

// causedByClient says of a breach that no statement can be said to be broken by it,
// as the client brought it about: by no CONNECT, or one of no version's, so that
// the format of the answer is anybody's guess, by the Packet Identifier 0, which an
// acknowledgement has to repeat, or by a SUBSCRIBE or UNSUBSCRIBE without a Topic
// Filter, which the answer has no Reason Code for.
func (c *Client) causedByClient(raw []byte, err error) bool {
	if codec.Type(raw[0]>>4) == codec.CONNACK && c.anyVersionConnack {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.audit.spoken { // no version is known to the broker
		return true
	}
	if codec.Type(raw[0]>>4) == codec.CONNACK {
		return false
	}
	breach := (*codec.Breach)(nil)
	if !errors.As(err, &breach) {
		return false
	}
	switch codec.Type(raw[0] >> 4) {
	case codec.PUBLISH:
		return false
	case codec.SUBACK, codec.UNSUBACK:
		if c.audit.empty && breach.Field == "Reason Code" {
			return true
		}
	}
	return c.audit.zero && breach.Field == "Packet Identifier"
}

// decode reads one packet of the broker's.
func (c *Client) decode(raw []byte) (codec.Packet, error) {
	packet, err := codec.Decode(c.x.Version, codec.Server, raw)
	if err != nil && c.anyVersionConnack && codec.Type(raw[0]>>4) == codec.CONNACK {
		other := codec.V5
		if c.x.Version == codec.V5 {
			other = codec.V311
		}
		if foreign, otherErr := codec.Decode(other, codec.Server, raw); otherErr == nil {
			c.mu.Lock()
			c.otherVersionConnack = true
			c.mu.Unlock()
			return foreign, nil
		}
	}
	return packet, err
}

// foreign says whether a packet belongs to a message on somebody else's topic,
// and acknowledges it: unacknowledged ones would keep ours from coming. It is
// somebody else's traffic on a shared broker, or another check's, where the
// client cares for its own topics only; and always what no subscription of the
// client can have brought, for a server may subscribe clients of itself (5.0,
// section 4.5).
func (c *Client) foreign(p codec.Packet) bool {
	var answer codec.Packet
	switch p := p.(type) {
	case *codec.Publish:
		stray := c.x.stray(p)
		if !stray && !(c.ownTopicsOnly && !c.x.owns(p.Topic)) {
			return false
		}
		if stray && (p.Topic == "" || c.x.settings.ours(p.Topic)) {
			c.x.strayed(c, p)
		}
		switch p.QoS {
		case codec.QoS1:
			answer = &codec.Puback{PacketID: p.PacketID}
		case codec.QoS2:
			answer = &codec.Pubrec{PacketID: p.PacketID}
			c.ignored = append(c.ignored, p.PacketID)
		}
	case *codec.Pubrel:
		i := slices.Index(c.ignored, p.PacketID)
		if i < 0 {
			return false
		}
		c.ignored = slices.Delete(c.ignored, i, i+1)
		answer = &codec.Pubcomp{PacketID: p.PacketID}
	default:
		return false
	}
	if answer != nil {
		if raw, err := codec.Encode(c.x.Version, codec.Client, answer); err == nil {
			_, _ = c.conn.Write(raw)
		}
	}
	return true
}

// readEnded records how the connection ended.
func (c *Client) readEnded(partial []byte, err error) {
	if breach := (*codec.Breach)(nil); errors.As(err, &breach) || errors.Is(err, codec.ErrTooLong) {
		c.x.log.add(c.name, FromBroker, codec.Raw(partial).String(), partial, err.Error())
		if breach != nil {
			c.x.breached(c, err)
		}
		c.inbox.End(wire.Unreadable, err.Error()+lookalike(partial))
		return
	}
	if wrong := (*websocket.WrongFrameError)(nil); errors.As(err, &wrong) {
		c.x.log.add(c.name, FromBroker, wrong.Frame.String(), nil, err.Error())
		c.x.breached(c, err)
		c.inbox.End(wire.Unreadable, err.Error()+lookalike(partial))
		return
	}
	kind := wire.FIN
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		kind = wire.RST
	}
	text := NoteClosed + " (" + string(kind) + ")"
	if frame := (*websocket.CloseError)(nil); errors.As(err, &frame) {
		text = NoteClosed + " (" + frame.Error() + ")"
	}
	if len(partial) > 0 {
		text += " in the middle of a packet" + lookalike(partial)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && kind == wire.FIN && !errors.Is(err, net.ErrClosed) {
		text += ": " + err.Error()
	}
	c.mu.Lock()
	local := c.closed
	if !local {
		c.brokerClosedAt = time.Now()
	}
	c.mu.Unlock()
	if !local {
		c.x.log.add(c.name, Note, text, partial, "")
	}
	c.inbox.End(kind, text)
}

// lookalike names another protocol that the bytes look like.
func lookalike(raw []byte) string {
	switch {
	case bytes.HasPrefix(raw, []byte("HTTP/")):
		return " (this looks like an HTTP server)"
	case len(raw) > 2 && raw[0] >= 0x14 && raw[0] <= 0x17 && raw[1] == 3:
		return " (this looks like TLS: try mqtts://)"
	}
	return ""
}

// lastClosed is when the broker last ended one of these connections; zero if it
// ended none.
func lastClosed(clients []*Client) (last time.Time) {
	for _, c := range clients {
		c.mu.Lock()
		last = later(last, c.brokerClosedAt)
		c.mu.Unlock()
	}
	return last
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// look looks at what has come so far.
func look[T any](c *Client, at func(*wire.Contents) T) T { return wire.Look(c.inbox, at) }

// await waits until look has found something in what comes; if it finds nothing
// within that time, what it has said last is returned.
func await[T any](c *Client, within time.Duration, look func(*wire.Contents) (T, bool)) (found T, ok bool) {
	return awaitAny(c.x, within, func(_ int, in *wire.Contents) (T, bool) { return look(in) }, c.inbox)
}

// awaitAny is await for what comes to any of several clients.
func awaitAny[T any](x *Exchange, within time.Duration, look func(int, *wire.Contents) (T, bool), inboxes ...*wire.Inbox) (found T, ok bool) {
	moment := within
	if x.settings.Idle != nil {
		moment = min(within, x.settings.grace())
	}
	found, err := wire.Await(x.ctx, moment, look, inboxes...)
	if errors.Is(err, wire.ErrNothing) && moment < within {
		over := x.settings.Idle()
		found, err = wire.Await(x.ctx, within-moment, look, inboxes...)
		over()
	}
	if err != nil && !errors.Is(err, wire.ErrNothing) {
		x.interrupted()
	}
	return found, err == nil
}

// arrival is a packet, or the end of the connection instead.
type arrival struct {
	packet codec.Packet
	ending wire.Ending
	text   string
}

// take waits for the next packet of a queue that pick accepts and removes it.
// It returns nil and what was seen instead when the connection ended or
// nothing came in time.
func (c *Client) take(q wire.Queue, pick func(codec.Packet) bool) (codec.Packet, seen) {
	within := c.x.settings.Timeout + c.patience
	got, waited, ok := awaitPatiently(c.x, []*Client{c}, within, func(_ int, in *wire.Contents) (arrival, bool) {
		if p := in.Take(q, pick); p != nil {
			return arrival{packet: p}, true
		}
		if !in.Ended() {
			return arrival{}, false
		}
		return arrival{ending: in.Ending, text: endedInstead(in)}, true
	})
	switch {
	case !ok:
		nothing := nothingIn(waited)
		nothing.text += c.leftovers()
		return nil, nothing
	case got.packet != nil:
		c.x.taken = got.packet.String()
		return got.packet, seen{}
	}
	c.legible(got.ending, got.text)
	c.sized()
	if c.x.step != "" {
		c.keptItsTime()
	}
	return nil, seen{text: got.text}
}

// legible ends the exchange where the connection has ended by what could not be read:
// that is for the check which answers for the statement that it breaks.
func (c *Client) legible(ending wire.Ending, text string) {
	switch ending {
	case wire.Unreadable:
		panic(&Stop{
			Kind: Unprepared, Step: StepWellFormed, Statement: c.x.lastBroken(c),
			Reason: "the broker's bytes cannot be read as packets: " + text, Observed: text,
		})
	case wire.Flooded:
		panic(&Stop{Kind: Unprepared, Reason: text, Observed: text})
	}
}

// sized makes the check inapplicable where the connection has ended upon a packet of a
// size at which a server of 3.1.1, which has no way to declare a limit, ends any.
func (c *Client) sized() {
	size := c.lastSent
	if c.x.Version != codec.V311 || size < leastPacket/2 || c.x.controlling || !c.x.settings.Control {
		return
	}
	c.x.aside(fmt.Sprintf("the connection has ended upon a packet of %d bytes: does it upon any?", size), func() {
		control, topic := c.x.Connect(Clean, As("control")), c.x.controlTopic("size")
		control.Publish(codec.QoS0, topic, "small")
		control.Fence()
		control.Send(control.NewPublish(codec.QoS0, topic, strings.Repeat("x", max(0, size-len(topic)-5))))
		if control.PingOrClosed(); control.Closed() {
			panic(&Stop{
				Kind: Declined, Refused: "large packets", Observed: control.ended(),
				Reason: fmt.Sprintf("the broker closes the connection upon any packet of %d bytes; 3.1.1 gives it no way to say so", size),
			})
		}
		control.Disconnect()
	})
}

// ended is how the connection has ended, in words.
func (c *Client) ended() string {
	return look(c, func(in *wire.Contents) string { return in.EndText })
}

// keptItsTime ends the exchange where the broker had to close the connection because
// the client was silent for too long while it waited: the broker, or this machine,
// was slow, and nothing is shown by it.
func (c *Client) keptItsTime() {
	c.mu.Lock()
	silent, keepAlive := c.brokerClosedAt.Sub(c.sentAt), c.keepAlive
	c.mu.Unlock()
	if longest := keepAlive * 3 / 2; keepAlive > 0 && silent > longest {
		panic(&Stop{Kind: Unprepared, Missing: true, Reason: fmt.Sprintf("the client could not keep its time: with a Keep Alive of %s it was silent for %s, and the connection was closed", keepAlive, silent.Round(time.Millisecond))})
	}
}

// endedInstead tells how the connection ended, with the DISCONNECT (5.0) that
// came before.
func endedInstead(in *wire.Contents) string {
	for _, p := range in.All(wire.Replies) {
		if d, ok := p.(*codec.Disconnect); ok {
			return d.String() + ", then " + in.EndText
		}
	}
	return in.EndText
}

// leftovers names what else is waiting, for failures.
func (c *Client) leftovers() string {
	waiting := look(c, func(in *wire.Contents) []codec.Packet {
		return slices.Concat(in.All(wire.Replies), in.All(wire.Releases), in.All(wire.Messages))
	})
	var names []string
	for _, p := range waiting {
		if len(names) == 4 {
			names = append(names, "…")
			break
		}
		names = append(names, p.String())
	}
	if names == nil {
		return ""
	}
	return ", though there came " + strings.Join(names, "; ")
}

// Patience makes the client wait longer than the timeout for what it wants:
// where a rule says when something is due but not how late it may come.
func (c *Client) Patience(extra time.Duration) { c.patience = extra }

// anyPacket picks the first packet of a queue.
func anyPacket(codec.Packet) bool { return true }

// Want reads the next packet of T's queue and wants it to be a T.
func Want[T codec.Packet](c *Client, expected string) T {
	var zero T
	queue := wire.Replies
	switch any(zero).(type) {
	case *codec.Publish:
		queue = wire.Messages
	case *codec.Pubrel:
		queue = wire.Releases
	}
	p, instead := c.take(queue, anyPacket)
	if p == nil {
		c.x.lacks(expected, instead)
	}
	got, ok := p.(T)
	if !ok {
		c.x.fail(expected, p.String())
	}
	return got
}

// Send writes packets, all in one segment. They must be legal: to break a rule
// send a [codec.Illegal] or [codec.Raw].
func (c *Client) Send(packets ...codec.Packet) {
	c.sending.Lock()
	defer c.sending.Unlock()
	var segment []byte
	for _, p := range packets {
		raw := c.encode(p)
		c.record(p, raw)
		segment = append(segment, raw...)
	}
	c.write(segment)
}

// SendBytewise writes a packet with every byte in a segment of its own. Twice at
// its beginning and once before its end the network is slow: meanwhile the
// broker serves another connection, and looks at what has arrived before the
// transport can join it to the rest.
func (c *Client) SendBytewise(p codec.Packet, other *Client) {
	c.sending.Lock()
	defer c.sending.Unlock()
	raw := c.encode(p)
	c.record(p, raw)
	for i := range raw {
		if i == 1 || i == 2 || i == len(raw)-1 {
			other.x.during(StepPing, other.WantPingresp)
			c.x.Wait(times.SlowNetwork)
		}
		c.write(raw[i : i+1])
	}
}

// SendCut writes packets in two segments, the second of which holds the last n
// bytes, over a slow network.
func (c *Client) SendCut(n int, packets ...codec.Packet) {
	c.sending.Lock()
	defer c.sending.Unlock()
	var stream []byte
	for _, p := range packets {
		raw := c.encode(p)
		c.record(p, raw)
		stream = append(stream, raw...)
	}
	c.write(stream[:len(stream)-n])
	c.x.Wait(times.SlowNetwork)
	c.write(stream[len(stream)-n:])
}

func (c *Client) encode(p codec.Packet) []byte {
	raw, err := codec.Encode(c.x.Version, codec.Client, p)
	if err != nil {
		c.x.errorf("the check sends an illegal packet: %v", err)
	}
	c.within(p, len(raw))
	return raw
}

// within makes the check inapplicable where a legal packet is larger than the server
// has said it takes on this connection (5.0): "The Client MUST NOT send packets
// exceeding Maximum Packet Size to the Server" (section 3.2.2.3.6). A check about that
// sends a [codec.Illegal].
func (c *Client) within(p codec.Packet, size int) {
	_, illegal := p.(*codec.Illegal)
	_, connects := p.(*codec.Connect)
	c.lastSent = 0
	switch {
	case illegal:
		return
	case c.Connack == nil && !connects: // nobody knows yet
		return
	}
	c.lastSent = size
	known := c.Connack
	if known == nil { // but by what the server has said to others
		known = c.x.Profile.Connack
	}
	if known == nil {
		return
	}
	if most, ok := known.Properties.Number(codec.PropMaximumPacketSize); ok && most > 0 && size > int(most) {
		c.x.Inapplicable("CONNACK: Maximum Packet Size %d, and the exchange needs %s of %d bytes", most, p.Type(), size)
	}
}

// record puts an outgoing packet into the transcript and remembers what it
// leaves behind at the broker.
func (c *Client) record(p codec.Packet, raw []byte) {
	c.x.remember(p)
	c.mu.Lock()
	c.audit.sent(p)
	c.sentAt = time.Now()
	c.mu.Unlock()
	switch p := p.(type) {
	case *codec.Connect:
		c.keep(p.KeepAlive)
		c.unchosen = p.KeepAlive == unchosenKeepAlive
	case *codec.Subscribe:
		c.x.subscribes(p.Subscriptions...)
		c.filters[awaited{codec.SUBACK, p.PacketID}] = len(p.Subscriptions)
	case *codec.Unsubscribe:
		c.filters[awaited{codec.UNSUBACK, p.PacketID}] = len(p.Filters)
	case *codec.Pubrec:
		if p.Code.IsError() {
			c.x.refuses(c.ID, p.PacketID)
		}
	case *codec.Disconnect:
		c.sentDisconnect = true
	case *codec.Illegal:
		if p.Type() == codec.SUBSCRIBE { // what a server takes it for is not at issue
			c.x.subscribesAnyhow()
		}
		c.noteIdentifier(raw)
	case codec.Raw:
		c.noteIdentifier(raw)
	}
	c.x.log.add(c.name, ToBroker, p.String(), raw, "", passwordOf(p))
}

// keep notes the Keep Alive, in seconds, that the client has to keep.
func (c *Client) keep(seconds uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keepAlive = time.Duration(seconds) * time.Second
}

// noteIdentifier notes where the Packet Identifier of an illegal packet is wrong: what
// the broker makes of that is provoked.
func (c *Client) noteIdentifier(raw []byte) {
	_, err := codec.Decode(c.x.Version, codec.Client, raw)
	if breach := (*codec.Breach)(nil); errors.As(err, &breach) && breach.Field == "Packet Identifier" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.audit.zero = true
	}
}

// write sends bytes. A connection that the broker has closed is no error here:
// the next verb that wants something says what became of it.
func (c *Client) write(raw []byte) {
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.x.settings.Timeout)); err != nil {
		return
	}
	if _, err := c.conn.Write(raw); errors.Is(err, syscall.ETIMEDOUT) || isTimeout(err) {
		panic(&Stop{Kind: Unprepared, Missing: true, Reason: "the broker stopped reading: a write did not finish within " + c.x.settings.Timeout.String()})
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// WantClosed wants the broker to close the Network Connection; FIN and RST
// both count. In 5.0 a DISCONNECT may come first (a CONNACK that refuses, before
// the connection was accepted). Its Reason Code should not be that of another
// error than these; which it is, is no more than a SHOULD.
//
// On an accepted connection a PINGREQ shows a broker that carries on: it would
// have to answer. After our own DISCONNECT nothing more is sent.
func (c *Client) WantClosed(reasons ...codec.ReasonCode) {
	expected := "the broker to close the connection"
	c.pingAccepted()
	if alive := c.awaitEnd(c.x.settings.Timeout); alive.text != "" {
		c.stillOpen(expected, alive)
	}
	if connack := c.endedWith(expected, reasons); connack != nil && c.x.Version == codec.V311 {
		c.x.fail(expected+" without a CONNACK", connack.String())
	}
}

// WantClosedWithin is WantClosed for a client that stays silent meanwhile: the
// broker has this long to close the connection of its own accord.
func (c *Client) WantClosedWithin(d time.Duration, reasons ...codec.ReasonCode) {
	expected := "the broker to close the connection"
	if alive := c.awaitEnd(d); alive.text != "" {
		c.stillOpen(expected, alive)
	}
	c.endedWith(expected, reasons)
}

// WantRejected wants the connection to be closed before it was accepted,
// whether a CONNACK with a refusal comes first (it is returned) or not (nil).
// Any code but 0 will do; in 5.0 it should fit as in WantClosed.
func (c *Client) WantRejected(reasons ...codec.ReasonCode) *codec.Connack {
	expected := "the broker to refuse the connection and close it"
	if alive := c.awaitEnd(c.x.settings.Timeout); alive.text != "" {
		c.stillOpen(expected, alive)
	}
	connack := c.endedWith(expected, reasons)
	if connack != nil && connack.Code == codec.Success {
		c.x.fail(expected, connack.String())
	}
	return connack
}

// WantUnaccepted wants the broker not to accept the connection. It may close
// it, or answer nothing at all.
func (c *Client) WantUnaccepted() {
	c.ends(c.x.settings.Timeout)
	if sign := look(c, c.lifeSign); sign != "" && !c.Closed() {
		c.x.fail("the connection not to be accepted", sign)
	}
}

// endedWith looks at what came before the end of the connection. A CONNACK must
// be a refusal; it is returned when it has not been read yet. In 5.0 the Reason
// Code of a DISCONNECT or CONNACK should fit the error: "it MUST close the
// Network Connection", but "SHOULD send a DISCONNECT packet containing the
// Reason Code" and "MAY send a CONNACK packet containing the Reason Code"
// (section 4.13.1). One that does not fit breaks the SHOULD only: see fits.
func (c *Client) endedWith(expected string, reasons []codec.ReasonCode) (connack *codec.Connack) {
	for _, p := range c.replies() {
		var code codec.ReasonCode
		switch p := p.(type) {
		case *codec.Disconnect:
			code = p.Code
		case *codec.Connack:
			code, connack = p.Code, p
			if c.x.Version == codec.V5 && !code.IsError() && !c.anyVersionConnack {
				c.x.fail(expected, p.String())
			}
		default:
			continue
		}
		if c.x.Version == codec.V5 && !c.anyVersionConnack && !fits(code, reasons) {
			c.x.breach(violation{ruleErrorReason, p.Type(), fmt.Sprintf("Reason Code %s, where %s would fit",
				code, codes(append(slices.Clone(reasons), codec.MalformedPacket, codec.ProtocolError)))}.breach(c.x.Version, c.name))
		}
	}
	return connack
}

// particularErrors are the Reason Codes that accuse the client of one particular
// error, or name one particular event. The others of 0x80 and above leave the
// error open, or are about what the server is, has, or allows whom: they may be
// given for any refusal, by a server that sheds load, say, or that asks whether
// a client is admitted before it looks at the rest of its CONNECT.
var particularErrors = []codec.ReasonCode{
	codec.UnsupportedProtocolVersion, codec.ClientIdentifierNotValid, codec.BadAuthenticationMethod, codec.KeepAliveTimeout,
	codec.SessionTakenOver, codec.TopicFilterInvalid, codec.TopicNameInvalid, codec.ReceiveMaximumExceeded, codec.TopicAliasInvalid,
	codec.PacketTooLarge, codec.PayloadFormatInvalid, codec.RetainNotSupported, codec.QoSNotSupported,
	codec.SharedSubscriptionsNotSupported, codec.SubscriptionIdentifiersNotSupported, codec.WildcardSubscriptionsNotSupported,
}

// fits says of a Reason Code whether a broker can have meant what the client
// did, for which these are the particular ones. That an error of one packet is
// told as that of another does not fit; all else does, for a packet with several
// errors is judged "in any order" (section 4.13.2).
func fits(code codec.ReasonCode, reasons []codec.ReasonCode) bool {
	return slices.Contains(reasons, code) || code.IsError() && !slices.Contains(particularErrors, code)
}

func codes(list []codec.ReasonCode) string {
	names := make([]string, len(list))
	for i, code := range list {
		names[i] = code.String()
	}
	return strings.Join(names, " or ")
}

// awaitEnd waits for the connection to end; otherwise it says what shows that
// the broker keeps it open. A broker that answers the PINGREQ gets a moment
// more: its close may be under way, and in a second hearing that is as long as an
// answer may take, before another PINGREQ tells.
func (c *Client) awaitEnd(within time.Duration) (alive seen) {
	start := time.Now()
	over := func(in *wire.Contents) (ended, done bool) { return in.Ended(), in.Ended() || c.lifeSign(in) != "" }
	ended, ok := await(c, within, over)
	if !ok {
		c.sendOnceMore()
		ended, ok = await(c, c.x.settings.closing(), over)
	}
	if patience := c.x.patience; !ok && patience > 0 {
		ended, ok = await(c, patience, over)
		within += patience
		if ended && look(c, func(in *wire.Contents) bool { return in.Ending != wire.RST }) {
			// A RST may have been lost, and tells nothing of the broker's time then.
			c.x.late("the end of the connection", time.Since(start))
		}
	}
	switch {
	case ended:
		return seen{}
	case !ok:
		return seen{text: "the connection still open after " + within.String() + c.leftovers(), missing: true}
	}
	moment := min(c.x.settings.closing(), c.x.settings.Timeout)
	if c.x.patience > 0 {
		moment = c.x.settings.Timeout
	}
	sign, ok := await(c, moment, func(in *wire.Contents) (sign string, ended bool) { return c.lifeSign(in), in.Ended() })
	if !ok && c.x.patience > 0 && c.Connack != nil {
		answered := c.pingresps()
		c.sendOnceMore()
		_, _ = await(c, c.x.settings.Timeout, func(in *wire.Contents) (none struct{}, done bool) {
			return none, in.Ended() || len(pingresps(in)) > answered
		})
		ok = c.Closed()
	}
	if ok {
		return seen{}
	}
	return seen{text: sign, missing: c.UnreadConnack() == nil}
}

// sendOnceMore sends one more packet on a connection that should have ended: if
// the broker's RST was lost, it is repeated. Behind our own DISCONNECT nothing is
// sent, nor ahead of CONNACK: a PINGREQ there is an error for which the broker
// would close.
func (c *Client) sendOnceMore() {
	if !c.sentDisconnect && c.Connack != nil {
		c.Send(&codec.Pingreq{})
	}
}

// pingresps are the answers to PINGREQ that no verb has taken.
func pingresps(in *wire.Contents) []codec.Packet {
	return slices.DeleteFunc(in.All(wire.Replies), func(p codec.Packet) bool { return p.Type() != codec.PINGRESP })
}

func (c *Client) pingresps() int {
	return len(look(c, pingresps))
}

// ends waits for the connection to end, or for the broker to show that it carries
// on, without a verdict.
func (c *Client) ends(within time.Duration) {
	_, _ = await(c, within, func(in *wire.Contents) (none struct{}, done bool) { return none, in.Ended() || c.lifeSign(in) != "" })
}

// lifeSign is a packet that shows that the broker carries on with the
// connection, in words.
func (c *Client) lifeSign(in *wire.Contents) (sign string) {
	for _, p := range in.All(wire.Replies) {
		switch p := p.(type) {
		case *codec.Pingresp:
			sign = "the connection still open: PINGRESP"
		case *codec.Connack:
			if p.Code == codec.Success && c.Connack == nil {
				sign = p.String()
			}
		}
	}
	return sign
}

// pingAccepted sends a PINGREQ on an accepted connection that the broker has to close:
// one that carries on would have to answer it.
func (c *Client) pingAccepted() {
	if c.Connack != nil && !c.sentDisconnect {
		c.Send(&codec.Pingreq{})
	}
}

// stillOpen ends the exchange: the broker keeps a connection open that was to
// end. Where it has said that it ends it, by a DISCONNECT or a CONNACK that
// refuses, it knows what it has to do, and does not do what it says.
func (c *Client) stillOpen(expected string, alive seen) {
	for _, p := range c.replies() {
		switch p := p.(type) {
		case *codec.Disconnect:
			if c.x.Version == codec.V5 {
				c.x.during(StepDisconnectCloses, func() { c.x.lacks(expected, alive) })
			}
		case *codec.Connack:
			if p.Code != codec.Success && c.Connack == nil && !c.otherVersionConnack {
				c.x.during(StepRefusalCloses, func() { c.x.lacks(expected, alive) })
			}
		}
	}
	c.x.lacks(expected, alive)
}

// replies are those that no verb has taken.
func (c *Client) replies() []codec.Packet {
	return look(c, func(in *wire.Contents) []codec.Packet { return in.All(wire.Replies) })
}

// Closed says whether the broker has closed the Network Connection.
func (c *Client) Closed() bool { return look(c, (*wire.Contents).Ended) }

// UnreadConnack is the CONNACK that no verb has read yet; nil if there is none.
func (c *Client) UnreadConnack() *codec.Connack {
	for _, p := range c.replies() {
		if connack, ok := p.(*codec.Connack); ok {
			return connack
		}
	}
	return nil
}

// AwaitEnd waits until the broker has closed the Network Connection, or shows
// that it does not. It gives no verdict: what came is for the decoder to judge.
func (c *Client) AwaitEnd() { c.ends(c.x.settings.Timeout) }

// WantEnd wants the connection to end, however and whatever comes before:
// where only what the broker sends is judged, packet by packet.
func (c *Client) WantEnd() {
	c.pingAccepted()
	if alive := c.awaitEnd(c.x.settings.Timeout); alive.text != "" {
		c.stillOpen("the broker to close the connection", alive)
	}
}

// WantIdle wants nothing to be there and nothing to come until the broker has
// answered a PINGREQ.
func (c *Client) WantIdle() {
	c.Send(&codec.Pingreq{})
	p, instead := c.take(wire.Replies, anyPacket)
	if p == nil {
		c.x.during(StepPing, func() { c.x.lacks("PINGRESP", instead) })
	}
	if p.Type() != codec.PINGRESP {
		c.x.fail("nothing", p.String())
	}
	c.settle()
	if rest := c.leftovers(); rest != "" {
		c.x.fail("nothing", strings.TrimPrefix(rest, ", though there came "))
	}
}

// settle gives a clustered broker the time that the user configured: before
// silence is believed, and for its other nodes to learn of a subscription, a
// retained message or the end of a connection.
func (c *Client) settle() { pause(c.x.ctx, c.x.settings.Settle) }

// pause lets time pass, and says whether it was let to.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// WantPingresp wants a PINGRESP as the sign that the broker has not closed the
// connection, nor sent anything else: where that is what the rule demands. A
// broker that keeps the connection open and does not answer blocks the check. In
// a set-up there is [Client.Fence].
func (c *Client) WantPingresp() {
	c.Send(&codec.Pingreq{})
	p, instead := c.takeReply(anyPacket)
	switch {
	case p == nil && !c.Closed():
		c.x.during(StepPing, func() { c.x.lacks("PINGRESP", instead) })
	case p == nil:
		c.x.lacks("PINGRESP", instead)
	case p.Type() != codec.PINGRESP:
		c.x.fail("PINGRESP", p.String())
	}
}

// Fence waits until the broker has done with what the client sent before: it
// answers a PINGREQ, whatever else it has answered meanwhile. It is set-up: where
// the answer does not come, or the end of the connection comes instead, the check
// is blocked.
func (c *Client) Fence() {
	c.Send(&codec.Pingreq{})
	p, instead := c.takeReply(func(p codec.Packet) bool { return p.Type() == codec.PINGRESP })
	if p == nil {
		c.x.during(StepPing, func() { c.x.lacks("PINGRESP", instead) })
	}
}

// WantAlive wants a PINGRESP to a PINGREQ of its own, whatever other replies,
// earlier PINGRESPs among them, are waiting.
func (c *Client) WantAlive() {
	pingresp := func(p codec.Packet) bool { return p.Type() == codec.PINGRESP }
	look(c, func(in *wire.Contents) []codec.Packet { return in.TakeAll(wire.Replies, pingresp) })
	c.Send(&codec.Pingreq{})
	p, instead := c.takeReply(pingresp)
	switch {
	case p == nil && !c.Closed():
		c.x.during(StepPing, func() { c.x.lacks("PINGRESP", instead) })
	case p == nil:
		c.x.lacks("PINGRESP", instead)
	}
}

// takeReply is take for the answer to a PINGREQ that the exchange stands on: where it
// is late, the answer to PINGREQ is.
func (c *Client) takeReply(pick func(codec.Packet) bool) (p codec.Packet, instead seen) {
	c.x.during(StepPing, func() { p, instead = c.take(wire.Replies, pick) })
	return p, instead
}

// Drop ends the Network Connection without a DISCONNECT, as a lost network
// would, and waits until the broker has noticed.
func (c *Client) Drop() {
	c.x.log.add(c.name, Note, "the client closes the connection without DISCONNECT", nil, "")
	c.HangUp()
}

// Disconnect sends DISCONNECT, closes, and waits until the broker has done so too.
func (c *Client) Disconnect(properties ...codec.Property) {
	c.Send(&codec.Disconnect{Properties: properties})
	c.HangUp()
}

// Abort ends the Network Connection with a reset where the transport has one
// (TCP), as a client that crashes does.
func (c *Client) Abort() {
	c.x.log.add(c.name, Note, "the client resets the connection", nil, "")
	c.x.remembersReset(c)
	if tcp, ok := c.transport.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	if recorded, ok := c.conn.(interface{ Reset() }); ok {
		recorded.Reset()
	}
	c.close()
}

// BrokerDisconnect is the broker's DISCONNECT (5.0); nil when it sent none.
func (c *Client) BrokerDisconnect() *codec.Disconnect {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.brokerDisconnect
}

// HangUp closes the connection, as a client must after it has sent DISCONNECT
// (MQTT-3.14.4-2), and waits until the broker has done so too.
func (c *Client) HangUp() {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil {
		c.awaitClosed(c.x.settings.Timeout) // a broker that keeps its half open is no verdict here
	}
	c.close()
}

// awaitClosed waits until the broker has closed the connection, if it does, and
// the exchange goes on for so long.
func (c *Client) awaitClosed(within time.Duration) {
	_, _ = wire.Await(c.x.ctx, within, func(_ int, in *wire.Contents) (none struct{}, ended bool) { return none, in.Ended() }, c.inbox)
}

// close releases the socket.
func (c *Client) close() {
	c.mu.Lock()
	c.closed, c.closedAt = true, time.Now()
	c.mu.Unlock()
	c.conn.Close()
	<-c.done
	c.inbox.Discard()
}
