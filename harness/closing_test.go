package harness

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mqttspec/codec"
)

// disconnect sends a DISCONNECT (5.0) and closes.
func disconnect(code codec.ReasonCode) step {
	return func(s *session) {
		sends(&codec.Disconnect{Code: code})(s)
		closes(s)
	}
}

func TestWantClosed(t *testing.T) {
	closed := func(c *Client) { c.WantClosed() }
	const expected = "the broker to close the connection"
	run(t, []row{
		{name: "FIN", script: script{wants(codec.PINGREQ), closes}, body: closed},
		{name: "RST", script: script{wants(codec.PINGREQ), resets}, body: closed},
		{name: "late, but in time", script: script{waits(4900 * time.Millisecond), closes}, body: closed},
		{
			name: "never", body: closed,
			want: stop{Contradicted, expected, "the connection still open after 5s", ""},
		},
		{
			name: "never, though something came", script: script{sends(published(0, 0, "hello"))}, body: closed,
			want: stop{Contradicted, expected, "the connection still open after 5s, though there came PUBLISH", ""},
		},
		{
			name: "an answer to PINGREQ", script: script{pongs}, body: closed,
			want: stop{Contradicted, expected, "the connection still open: PINGRESP", ""},
		},
		{name: "an answer, then at once the end", script: script{pongs, waits(400 * time.Millisecond), closes}, body: closed},
		{
			name: "an answer, then the end too late", script: script{pongs, waits(600 * time.Millisecond), closes}, body: closed,
			want: stop{Contradicted, expected, "the connection still open: PINGRESP", ""},
		},
		{
			name:   "an answer shortly before the time is up, then at once the end",
			script: script{wants(codec.PINGREQ), waits(4900 * time.Millisecond), sends(&codec.Pingresp{}), waits(400 * time.Millisecond), closes}, body: closed,
		},
		{
			name: "an answer, then in a cluster the end", settings: settling, body: closed,
			script: script{pongs, waits(2400 * time.Millisecond), closes},
		},
		{
			name: "after our own DISCONNECT nothing is sent", body: func(c *Client) { c.Send(&codec.Disconnect{}); c.WantClosed() },
			script: script{wants(codec.DISCONNECT), func(s *session) {
				s.conn.(*memoryConn).SetReadDeadline(time.Now().Add(time.Second))
				if p := s.next(); p != nil {
					t.Errorf("the client sent %v", p)
				}
			}, closes},
		},
		{
			name: "DISCONNECT first", version: codec.V5, body: func(c *Client) { c.WantClosed(codec.TopicNameInvalid) },
			script: script{disconnect(codec.TopicNameInvalid)},
		},
		{
			name: "a second CONNACK first", script: script{sends(&codec.Connack{Code: codec.RefusedIdentifier}), closes}, body: closed,
			want: stop{Contradicted, expected + " without a CONNACK", "CONNACK", ""},
		},
		{
			name: "a second CONNACK that accepts first, which answers nothing", version: codec.V5, script: script{sends(&codec.Connack{}), closes}, body: closed,
		},
		{
			name: "within a time: yes", script: script{waits(9 * time.Second), closes},
			body: func(c *Client) { c.WantClosedWithin(10 * time.Second) },
		},
		{
			name: "within a time: no", body: func(c *Client) { c.WantClosedWithin(10 * time.Second) },
			want: stop{Contradicted, expected, "the connection still open after 10s", ""},
		},
		{name: "somehow: yes", script: script{sends(&codec.Connack{}), closes}, body: (*Client).WantEnd},
		{
			name: "somehow: no", script: script{pongs}, body: (*Client).WantEnd,
			want: stop{Contradicted, expected, "the connection still open: PINGRESP", ""},
		},
		{name: "no verdict: yes", script: script{closes}, body: func(c *Client) { c.AwaitEnd(); c.x.Expect(c.Closed()).To(BeTrue()) }},
		{name: "no verdict: no", body: func(c *Client) { c.AwaitEnd(); c.x.Expect(c.Closed()).To(BeFalse()) }},
	})
}

func TestWantDisconnect(t *testing.T) {
	taken := func(c *Client) { c.WantDisconnect(codec.SessionTakenOver) }
	const expected = "DISCONNECT 0x8E Session taken over, and the connection closed"
	run(t, []row{
		{
			name: "with this reason", version: codec.V5, script: script{disconnect(codec.SessionTakenOver)},
			body: func(c *Client) {
				taken(c)
				c.x.Expect(c.BrokerDisconnect()).To(HaveField("Code", codec.SessionTakenOver))
			},
		},
		{
			name: "with another", version: codec.V5, script: script{disconnect(codec.ServerBusy)}, body: taken,
			want: stop{Contradicted, expected, "DISCONNECT 0x89 Server busy", ""},
		},
		{
			name: "without", version: codec.V5, script: script{closes}, body: taken,
			want: stop{Contradicted, expected, "closed by the broker (FIN)", ""},
		},
		{
			name: "with this reason, but open", version: codec.V5, script: script{sends(&codec.Disconnect{Code: codec.SessionTakenOver})}, body: taken,
			want: stop{Unprepared, "the end of the connection after DISCONNECT 0x8E Session taken over", "the connection still open after 5s, though there came DISCONNECT 0x8E Session taken over", StepDisconnectCloses},
		},
		{
			name: "none so far", version: codec.V5, body: func(c *Client) { c.x.Expect(c.BrokerDisconnect()).To(BeNil()) },
		},
	})
}

// TestReasonCodes: that an error of one packet is told as that of another breaks
// a SHOULD, and is no failure of what was wanted.
func TestReasonCodes(t *testing.T) {
	for name, r := range map[string]struct {
		code    codec.ReasonCode
		reasons []codec.ReasonCode
		fits    bool
	}{
		"the one that is wanted":       {codec.TopicAliasInvalid, []codec.ReasonCode{codec.TopicAliasInvalid}, true},
		"a particular one, not wanted": {codec.TopicAliasInvalid, []codec.ReasonCode{codec.TopicNameInvalid}, false},
		"one that leaves it open":      {codec.UnspecifiedError, nil, true},
		"one about the server":         {codec.ServerBusy, []codec.ReasonCode{codec.TopicNameInvalid}, true},
		"none of an error":             {codec.NormalDisconnection, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				version: codec.V5, scripts: []script{{accepts, disconnect(r.code)}},
				body: func(x *Exchange) { x.Connect(Clean).WantClosed(r.reasons...) },
			}.evidence(t)
			stop{}.check(t, e.Stop)
			switch {
			case r.fits && len(e.Breaches) > 0:
				t.Errorf("breaches %v", e.Breaches)
			case !r.fits && (len(e.Breaches) != 1 || e.Breaches[0].Statement != "5.0/4.13.1/disconnect-reason"):
				t.Errorf("breaches %v; want one of 5.0/4.13.1/disconnect-reason", e.Breaches)
			}
		})
	}
}

// TestUnreadable: what cannot be read as packets blocks the check, whatever it
// wants.
func TestUnreadable(t *testing.T) {
	any := func(c *Client) { c.WantPuback(1) }
	const unreadable = "" // what is said depends on the bytes
	run(t, []row{
		{
			name: "a packet of type 0", script: script{sends(codec.Raw{0, 0})}, body: any,
			want: stop{Unprepared, unreadable, "packet type 0", StepWellFormed},
		},
		{
			name: "a Remaining Length of five bytes", script: script{sends(codec.Raw{0x40, 0xff, 0xff, 0xff, 0xff, 1})}, body: any,
			want: stop{Unprepared, unreadable, "Remaining Length", StepWellFormed},
		},
		{
			name: "a packet that is too long to be taken in", script: script{sends(codec.Raw{0x30, 0xff, 0xff, 0xff, 0x7f})}, body: any,
			want: stop{Unprepared, unreadable, "", StepWellFormed},
		},
		{
			name: "a reset is told from an orderly end", script: script{resets}, body: any,
			want: stop{Contradicted, "PUBACK id=1", "closed by the broker (RST)", ""},
		},
		{
			name: "half a packet, of HTTP by the look of it", script: script{sends(codec.Raw("HTTP/1.1 400 Bad Request\r\n")), closes}, body: any,
			want: stop{Contradicted, "PUBACK id=1", "closed by the broker (FIN) in the middle of a packet (this looks like an HTTP server)", ""},
		},
		{
			name: "half a packet, of TLS by the look of it", script: script{sends(codec.Raw{0x15, 3, 1}), closes}, body: any,
			want: stop{Contradicted, "PUBACK id=1", "in the middle of a packet (this looks like TLS: try mqtts://)", ""},
		},
		{
			name: "a packet that no server sends is no answer", script: script{sends(codec.Raw{0xC0, 0})}, body: any,
			want: stop{Contradicted, "PUBACK id=1", "nothing within 5s", ""},
		},
	})
}

// TestFlood: a broker that sends without end is hung up on.
func TestFlood(t *testing.T) {
	flood := script{}
	megabyte := strings.Repeat("x", 1<<20)
	for range 17 {
		flood = append(flood, sends(published(0, 0, megabyte)))
	}
	run(t, []row{{
		name: "messages nobody reads", script: flood, body: func(c *Client) { c.WantPuback(1) },
		want: stop{Unprepared, "", "the broker sends without end", ""},
	}})
}

// TestLeaving: how a client ends its connection, as the broker sees it.
func TestLeaving(t *testing.T) {
	for name, r := range map[string]struct {
		body func(c *Client)
		sees error
		last codec.Type // 0: none
	}{
		"Drop":       {func(c *Client) { c.Drop() }, io.EOF, 0},
		"Disconnect": {func(c *Client) { c.Disconnect() }, io.EOF, codec.DISCONNECT},
		"HangUp":     {func(c *Client) { c.HangUp() }, io.EOF, 0},
		"Abort":      {func(c *Client) { c.Abort() }, syscall.ECONNRESET, 0},
		"nothing":    {func(c *Client) {}, io.EOF, codec.DISCONNECT}, // no will is left behind
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{
				scripts: []script{{accepts, func(s *session) {
					if r.last != 0 {
						wants(r.last)(s)
					}
					if raw, err := s.reader.Next(); !errors.Is(err, r.sees) {
						t.Errorf("the broker saw % x, %v; want %v", raw, err, r.sees)
					}
				}}},
				body: func(x *Exchange) { r.body(x.Connect(Clean)) },
			}.evidence(t)
			stop{}.check(t, e.Stop)
		})
	}
}

// TestLingering: a broker that keeps its direction open, or stops to read, holds
// nobody for longer than the timeout.
func TestLingering(t *testing.T) {
	run(t, []row{
		{name: "Drop", script: script{lingers}, body: func(c *Client) {
			start := time.Now()
			c.Drop()
			c.x.Expect(time.Since(start)).To(Equal(5 * time.Second))
		}},
		{
			name: "writing to who does not read", script: script{wants(codec.PINGREQ), stopsReading, sends(&codec.Pingresp{})},
			body: func(c *Client) { c.WantPingresp(); c.Send(&codec.Pingreq{}) },
			want: stop{Unprepared, "", "", ""},
		},
		{
			name: "writing to who has closed", script: script{closes},
			body: func(c *Client) { c.AwaitEnd(); c.Send(&codec.Pingreq{}); c.WantPuback(1) },
			want: stop{Contradicted, "PUBACK id=1", "closed by the broker (FIN)", ""},
		},
	})
}

// TestClosedAt: the evidence says when the broker last ended a connection, and
// nothing where the client did.
func TestClosedAt(t *testing.T) {
	for name, r := range map[string]struct {
		script script
		body   func(c *Client)
		broker bool
	}{
		"the broker": {script{accepts, waits(time.Second), closes}, (*Client).AwaitEnd, true},
		"the client": {script{accepts}, (*Client).Abort, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := performing{scripts: []script{r.script}, body: func(x *Exchange) { r.body(x.Connect(Clean)) }}.evidence(t)
			if r.broker && e.BrokerClosedAt.Sub(e.Began) != time.Second || !r.broker && !e.BrokerClosedAt.IsZero() {
				t.Errorf("ended at %s; the exchange began at %s", e.BrokerClosedAt, e.Began)
			}
		})
	}
}
