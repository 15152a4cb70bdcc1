package reports

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// The fixture is a run as a suite of some 500 checks makes it: two versions,
// real section titles, exchanges of several clients, and every outcome.

// fixtureSections are sections of the specifications with what their checks
// are about; the statements are numbered from 1 in each.
var fixtureSections = []struct {
	v311, v5, title string
	statements      int
	subject         string
}{
	{"1.5.3", "1.5.4", "UTF-8 Encoded String", 3, "a string that is not well-formed UTF-8"},
	{"2.2.2", "2.1.3", "Flags", 2, "a packet whose reserved flags are set"},
	{"2.3.1", "2.2.1", "Packet Identifier", 4, "a packet with Packet Identifier 0"},
	{"", "2.2.2.1", "Property Length", 1, "a CONNECT without its Property Length"},
	{"3.1.0", "3.1.0", "CONNECT – Connection Request", 2, "a second CONNECT"},
	{"3.1.2.2", "3.1.2.2", "Protocol Version", 2, "a protocol version from the future"},
	{"3.1.2.4", "3.1.2.4", "Clean Start", 6, "a clean start after a stored session"},
	{"3.1.2.5", "3.1.2.5", "Will Flag", 5, "a will after a lost connection"},
	{"3.1.2.7", "3.1.2.7", "Will Retain", 3, "a will that asks to be retained"},
	{"3.1.2.10", "3.1.2.10", "Keep Alive", 2, "a client that falls silent"},
	{"", "3.1.2.11.2", "Session Expiry Interval", 2, "a session whose expiry interval has passed"},
	{"", "3.1.2.11.4", "Maximum Packet Size", 3, "a message larger than the client takes"},
	{"", "3.1.2.11.5", "Topic Alias Maximum", 2, "a Topic Alias above the client's maximum"},
	{"3.1.3.1", "3.1.3.1", "Client Identifier", 7, "a client identifier of 23 characters"},
	{"3.2.2.2", "3.2.2.1.1", "Session Present", 5, "a connection to a session it has stored"},
	{"", "3.2.2.3.4", "Maximum QoS", 2, "a PUBLISH above the Maximum QoS it declares"},
	{"3.3.1.1", "3.3.1.1", "DUP", 3, "a message that it delivers again"},
	{"3.3.1.3", "3.3.1.3", "RETAIN", 9, "a retained message with an empty payload"},
	{"3.3.2.1", "3.3.2.1", "Topic Name", 3, "a Topic Name with a wildcard"},
	{"", "3.3.2.3.4", "Topic Alias", 6, "a Topic Alias of 0"},
	{"3.3.4", "3.3.4", "PUBLISH Actions", 9, "a message to overlapping subscriptions"},
	{"3.8.3", "3.8.3", "SUBSCRIBE Payload", 4, "a SUBSCRIBE without a Topic Filter"},
	{"3.8.4", "3.8.4", "SUBSCRIBE Actions", 8, "a Topic Filter identical to an earlier one"},
	{"3.10.4", "3.10.4", "UNSUBSCRIBE Actions", 6, "a filter that it does not know"},
	{"3.12.4", "3.12.4", "PINGREQ Actions", 1, "a PINGREQ"},
	{"3.14.4", "3.14.4", "DISCONNECT Actions", 3, "a DISCONNECT with a stored will"},
	{"4.3.2", "4.3.2", "QoS 1: At least once delivery", 5, "a QoS 1 message not acknowledged before the connection was lost"},
	{"4.3.3", "4.3.3", "QoS 2: Exactly once delivery", 13, "a PUBREL sent twice"},
	{"4.6.0", "4.6.0", "Message ordering", 4, "messages published in order"},
	{"4.7.1", "4.7.1", "Topic wildcards", 3, "a filter with a wildcard"},
	{"", "4.8.2", "Shared Subscriptions", 6, "a Shared Subscription"},
	{"4.8.0", "4.13.1", "Malformed Packets and Protocol Errors", 2, "a packet that breaks the protocol"},
}

var fixtureVerbs = []string{"answers", "closes the connection on", "stores", "does not forward", "keeps in order", "acknowledges", "hands on unaltered", "discards"}

// fixture is a run with checks results per version, about half as many again
// statements, and a spread of outcomes. The same seed gives the same run.
func fixture(seed uint64, perVersion int) *Results {
	rnd := rand.New(rand.NewPCG(seed, 1883))
	r := &Results{
		Schema:     Schema,
		Tool:       Tool{Name: "mqttspec", Version: "0.1.0"},
		Started:    time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC),
		DurationMS: 11_482.5,
		Target:     Target{Name: "mosquitto", URL: "mqtt://127.0.0.1:1883", Software: "mosquitto 2.0.11"},
		MQTT:       []string{"3.1.1", "5.0"},
		Command:    []string{"mqttspec", "run", "mqtt://127.0.0.1:1883", "--username", "alice", "--password", "wonderland", "--topic-prefix", "it's a test", "--json", "r.json"},
		Settings:   Settings{TimeoutMS: 5000, SettleMS: 0, RoundTripMS: 0.21, Parallel: 8, TopicPrefix: "mqttspec", FailOn: "must"},
		Profile: Profile{
			"3.1.1": {"accepted": true, "Maximum QoS": 2},
			"5.0": {
				"accepted": true, "Receive Maximum": 20, "Maximum QoS": 2, "Retain Available": true,
				"Maximum Packet Size": 268435460, "Topic Alias Maximum": 10, "Wildcard Subscription Available": true,
				"Subscription Identifiers Available": true, "Shared Subscription Available": false,
				"User Property": []any{"region=eu", "zone=b"},
			},
		},
	}
	for _, version := range r.MQTT {
		var numbers []int // sections of this version
		for i, s := range fixtureSections {
			if version == "5.0" || s.v311 != "" {
				numbers = append(numbers, i)
			}
		}
		for _, i := range numbers {
			s := fixtureSections[i]
			number := s.v5
			if version == "3.1.1" {
				number = s.v311
			}
			for n := range s.statements {
				q := Requirement{
					ID: fmt.Sprintf("MQTT-%s-%d", number, n+1), MQTT: version, Section: number, SectionTitle: s.title,
					Level: "MUST", Binds: "server",
					Summary: fmt.Sprintf("The server %s %s, in case %d of the rule.", fixtureVerbs[n%len(fixtureVerbs)], s.subject, n+1),
					Link:    "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc" + strings.ReplaceAll(number, ".", ""),
				}
				if n == s.statements-1 && s.statements > 2 {
					q.Level = "SHOULD"
				}
				if n == 1 && i%5 == 0 {
					q.Binds, q.UntestedBecause = "client", "It binds only the client; nothing that the server sends shows it."
				}
				r.Requirements = append(r.Requirements, q)
			}
		}
		for k := range perVersion {
			i := numbers[k%len(numbers)]
			s := fixtureSections[i]
			number := s.v5
			if version == "3.1.1" {
				number = s.v311
			}
			n := k / len(numbers) % s.statements
			if n == 1 && i%5 == 0 {
				n = 0
			}
			slug := fmt.Sprintf("%s-%d", strings.Trim(strings.ToLower(strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
					return r
				}
				return '-'
			}, s.title)), "-"), k/len(numbers)+1)
			slug = strings.Join(strings.FieldsFunc(slug, func(r rune) bool { return r == '-' }), "-")
			level := "MUST"
			if n == s.statements-1 && s.statements > 2 {
				level = "SHOULD"
			}
			c := Check{
				ID: slug + "@" + version, Slug: slug, MQTT: version,
				Title:   fmt.Sprintf("%s %s", fixtureVerbs[(k/len(numbers))%len(fixtureVerbs)], s.subject),
				Section: number, SectionTitle: s.title, Level: level,
				Requirements: []string{fmt.Sprintf("MQTT-%s-%d", number, n+1)},
				Outcome:      Pass, DurationMS: 0.4 + rnd.Float64()*6,
				Exchange: fixtureExchange(rnd, version, k),
			}
			if s.title == "Keep Alive" {
				c.DurationMS = 1500 + rnd.Float64()*60
			}
			if s.title == "Shared Subscriptions" {
				c.Outcome, c.Reason = Inapplicable, "CONNACK declares Shared Subscription Available 0"
				c.Exchange = c.Exchange[:2]
			}
			r.Checks = append(r.Checks, c)
		}
	}
	fixtureTroubles(r)
	Summarise(r)
	return r
}

// fixtureTroubles gives some checks another outcome than pass.
func fixtureTroubles(r *Results) {
	find := func(slug, version string) *Check {
		for i := range r.Checks {
			if r.Checks[i].Slug == slug && r.Checks[i].MQTT == version {
				return &r.Checks[i]
			}
		}
		return &Check{} // a fixture too small to have it
	}
	if c := find("session-present-2", "5.0"); c != nil {
		c.Outcome, c.Level = Fail, "MUST"
		c.Title = "answers Session Present 0 to a clean start even when a session was stored"
		c.Reason = "CONNACK has Session Present 1 after Clean Start 1"
		c.Expected = "Session Present 0"
		c.Observed = "Session Present 1"
		c.Requirements = append(c.Requirements, "MQTT-3.1.2-4")
	}
	if c := find("publish-actions-1", "5.0"); c != nil {
		c.Outcome, c.Level = Fail, "MUST"
		c.Title = "delivers at the highest granted QoS where subscriptions overlap"
		c.Reason = "one copy arrived at QoS 1 though the highest granted QoS was 2"
		c.Expected = "PUBLISH q2 topic=mqttspec/7/overlap"
		c.Observed = "PUBLISH id=1 q1 topic=mqttspec/7/overlap\nPUBLISH id=2 q1 topic=mqttspec/7/overlap"
		c.DurationMS = 812
		c.Exchange = append(c.Exchange, Event{TMS: 812, Conn: "subscriber", Dir: "<", Packet: `PUBLISH id=1 q1 topic=mqttspec/7/overlap 5 bytes "hello"`, Hex: "3219", Length: 27,
			Breach: "PUBLISH: byte 5, Packet Identifier: in use already (MQTT-2.2.1-4)"})
	}
	if c := find("will-flag-1", "3.1.1"); c != nil {
		c.Outcome, c.Level = Fail, "MUST"
		c.Reason = "the will was published after DISCONNECT"
		c.Expected = "no PUBLISH before the fence"
		c.Observed = "PUBLISH q0 topic=mqttspec/31/will 4 bytes \"gone\""
		c.Why = "A will that DISCONNECT has discarded is not published (section 3.1.2.5). \"The Server MUST discard it\" leaves no room for a delay."
	}
	if c := find("qos-exactly-once-delivery-3", "5.0"); c != nil {
		c.Outcome, c.Reason = Warn, "PUBCOMP came after 2.1 s"
		c.Level, c.Expected, c.Observed = "SHOULD", "PUBCOMP at once", "PUBCOMP after 2100 ms"
		c.DurationMS = 2140
	}
	for _, slug := range []string{"topic-alias-2", "topic-alias-3"} {
		c := find(slug, "5.0")
		c.Outcome, c.Reason = Blocked, "topic-alias-1@5.0 failed: no alias was accepted"
	}
	// One cause on both versions: a wildcard that does not match, seen by two checks,
	// and what stands on it.
	for _, version := range r.MQTT {
		for _, slug := range []string{"topic-wildcards-1", "topic-wildcards-2"} {
			c := find(slug, version)
			c.Outcome, c.Requirements = Fail, find("topic-wildcards-1", version).Requirements
			c.Reason = "the message on a/b was not delivered to a/+"
			c.Expected, c.Observed = "PUBLISH topic=a/b", "nothing within 30s"
			c.First = &Hearing{Outcome: Fail, DurationMS: 5003, Reason: "the message on a/b was not delivered to a/+ within 5s",
				Expected: c.Expected, Observed: "nothing within 5s", Exchange: c.Exchange}
		}
		if c := find("message-ordering-1", version); c.ID != "" {
			c.Outcome, c.BlockedBy = Blocked, "topic-wildcards-1@"+version
			c.Reason = "could not be set up (see check topic-wildcards-1): the message on a/b was not delivered"
		}
	}
	if c := find("subscribe-payload-1", "5.0"); c.ID != "" {
		c.Outcome, c.SeenIn, c.Reason = Fail, "message-ordering-1@5.0", "seen in check message-ordering-1@5.0: SUBACK with two codes for one filter"
	}
	if c := find("will-retain-1", "5.0"); c.ID != "" {
		c.Outcome, c.Reason = Unsteady, "a message was missing in the run, and came in time when the check was heard again"
		c.First = &Hearing{Outcome: Fail, DurationMS: 5004, Reason: "expected PUBLISH of the will; observed nothing within 5s",
			Expected: "PUBLISH of the will", Observed: "nothing within 5s", Exchange: c.Exchange[:2]}
	}
	for _, version := range r.MQTT {
		for slug, needs := range map[string][2]string{
			"keep-alive-1":         {"restart", "needs a way to restart the broker: add start or restart to the target"},
			"disconnect-actions-1": {"websocket", "needs a WebSocket URL: add websocket to the target"},
			"pingreq-actions-1":    {"restart", "needs a way to restart the broker: add start or restart to the target"},
		} {
			if c := find(slug, version); c.ID != "" {
				c.Outcome, c.Needs, c.Reason, c.Exchange = Untried, needs[0], needs[1], nil
			}
		}
	}
	r.Conditions = []string{"The broker answers slowly: every wait lasts up to 9s."}
	if c := find("dup-1", "3.1.1"); c != nil {
		c.Outcome, c.Reason = Error, "dial tcp 127.0.0.1:1883: connect: cannot assign requested address"
		c.Exchange = nil
	}
	if c := find("retain-3", "3.1.1"); c != nil {
		c.Outcome, c.Reason = Waived, "the retained message was not replaced"
		c.Expected, c.Observed = "the second payload", "the first payload"
		c.Waiver = &Waiver{Was: Fail, Reason: "known since 2.0.9, fixed in 2.1", Link: "https://example.org/issues/1", Expires: "2026-12-31"}
	}
	if c := find("message-ordering-2", "5.0"); c != nil {
		for n := range 900 {
			c.Exchange = append(c.Exchange, Event{TMS: 5 + float64(n)*0.7, Conn: []string{"alice", "bob"}[n%2], Dir: []string{">", "<"}[n%2],
				Packet: fmt.Sprintf(`PUBLISH id=%d q1 topic=mqttspec/88/order 4 bytes "%04d"`, n/2+1, n/2), Hex: "32180013" + hex.EncodeToString([]byte("mqttspec/88/order"))})
		}
	}
	inCases := func(c *Check, names ...string) {
		var events []Event
		for _, name := range names {
			events = append(append(events, Event{TMS: 309, Dir: ".", Packet: "case: " + name}), c.Exchange...)
		}
		c.Exchange = events
	}
	if c := find("packet-identifier-3", "5.0"); c != nil {
		inCases(c, "PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE")
	}
	if c := find("packet-identifier-4", "5.0"); c != nil {
		c.Outcome, c.Level = Fail, "MUST"
		c.Reason = "2 of 3 cases (PUBLISH, UNSUBSCRIBE): expected the broker to close the connection; observed the connection still open: PINGRESP"
		c.Expected, c.Observed = "the broker to close the connection", "PUBLISH: the connection still open: PINGRESP\nUNSUBSCRIBE: the connection still open: PINGRESP"
		inCases(c, "PUBLISH", "UNSUBSCRIBE")
	}
	if c := find("publish-actions-3", "5.0"); c != nil {
		for n := range 24 {
			conn := fmt.Sprintf("client#%d", n+1)
			c.Exchange = append(c.Exchange, Event{TMS: 6 + float64(n), Conn: conn, Dir: "<", Packet: "PUBLISH q0 topic=mqttspec/9/all 2 bytes \"hi\"", Hex: "300e", Length: 16})
		}
	}
}

// fixtureExchange is an exchange of one to three clients with the broker, in
// the words that transcripts use.
func fixtureExchange(rnd *rand.Rand, version string, k int) []Event {
	var events []Event
	t := 0.0
	add := func(conn, dir, packet string, bytes []byte) {
		t += 0.05 + rnd.Float64()*0.4
		events = append(events, Event{TMS: math.Round(t*100) / 100, Conn: conn, Dir: dir, Packet: packet, Hex: hex.EncodeToString(bytes), Length: len(bytes)})
	}
	topic := fmt.Sprintf("mqttspec/q%dx/news", k)
	name := func(s string) []byte { return append([]byte{0, byte(len(s))}, s...) }
	connect := func(conn string) {
		id := fmt.Sprintf("qg%dx%s", k, conn[:1])
		add(conn, ".", "connected", nil)
		if version == "5.0" {
			add(conn, ">", "CONNECT client="+id+" clean=1 keepalive=60 session-expiry=600", append([]byte("\x10\x2a\x00\x04MQTT\x05\x02\x00\x3c\x05\x11\x00\x00\x02\x58"), name(id)...))
			add(conn, "<", "CONNACK session-present=0 0x00 Success receive-maximum=20 topic-alias-maximum=10", []byte("\x20\x09\x00\x00\x06\x21\x00\x14\x22\x00\x0a"))
		} else {
			add(conn, ">", "CONNECT client="+id+" clean=1 keepalive=60", append([]byte("\x10\x2a\x00\x04MQTT\x04\x02\x00\x3c"), name(id)...))
			add(conn, "<", "CONNACK session-present=0 0x00 Connection accepted", []byte("\x20\x02\x00\x00"))
		}
	}
	clients := []string{"alice", "bob", "subscriber"}[:1+k%3]
	for _, conn := range clients {
		connect(conn)
	}
	last := clients[len(clients)-1]
	add(last, ">", fmt.Sprintf("SUBSCRIBE id=1 [%s q2]", topic), append([]byte("\x82\x15\x00\x01\x00"), name(topic)...))
	add(last, "<", "SUBACK id=1 [QoS 2]", []byte("\x90\x04\x00\x01\x00\x02"))
	for n := range 1 + k%4 {
		publish := fmt.Sprintf("PUBLISH id=%d q1 topic=%s 7 bytes \"hello %d\"", n+1, topic, n)
		bytes := append(append([]byte("\x32\x1c"), name(topic)...), fmt.Sprintf("\x00%chello %d", n+1, n)...)
		add(clients[0], ">", publish, bytes)
		add(clients[0], "<", fmt.Sprintf("PUBACK id=%d", n+1), []byte{0x40, 2, 0, byte(n + 1)})
		add(last, "<", publish, bytes)
		add(last, ">", fmt.Sprintf("PUBACK id=%d", n+1), []byte{0x40, 2, 0, byte(n + 1)})
	}
	if k%7 == 3 {
		t += 1500
	}
	for _, conn := range clients {
		add(conn, ">", "DISCONNECT", []byte{0xe0, 0})
		add(conn, ".", "closed by the broker (FIN)", nil)
	}
	return events
}

// hostile is a run in which every string that a broker, a target file or a
// known-failures file could fill holds the worst: markup, ANSI escapes, NULs,
// bidirectional overrides, line breaks, no UTF-8, and 64 KiB of it.
func hostile() *Results {
	evil := "<script>alert(1)</script>\"'`]]>&amp;{{.}}|**x**\x1b[31mred\x1b]0;title\x07\x00\x7f\u202egnp.exe\u2028\r\n::error::forged\n# forged\n```\nverdict: conformant\n\xff\xfe%0A</style></svg><!--"
	long := strings.Repeat("A\x00\x1b[2J<b>é\n", 1<<16/12)
	r := fixture(7, 28)
	r.Tool = Tool{Name: evil, Version: evil}
	r.Target = Target{Name: evil, URL: "mqtt://user:hunter2@" + evil, Software: evil + long, Remarks: []string{evil, long}}
	r.Problem = evil
	r.Command = []string{evil, "--password", "hunter2", "--password=hunter2", "mqtt://user:hunter2@host:1883/x", long}
	r.Settings.Selection, r.Settings.TopicPrefix = evil, evil
	r.Profile["5.0"][evil] = map[string]any{evil: []any{evil, long}}
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Outcome = Outcomes[i%len(Outcomes)]
		c.Title, c.SectionTitle, c.Reason = evil, evil, evil
		c.Expected, c.Observed, c.Why = long, evil, evil
		c.Slug += evil
		c.ID = c.Slug + "@" + c.MQTT
		if i%2 == 0 {
			c.Title, c.Reason, c.Observed, c.Why = long, long, long, long
		}
		for j := range c.Exchange {
			e := &c.Exchange[j]
			e.Conn, e.Packet, e.Hex, e.Breach = evil, evil, evil, evil
			if j%3 == 0 {
				e.Conn, e.Packet, e.Hex, e.Breach = long, long, strings.Repeat("ff", 1<<16), long
			}
		}
		c.Waiver = &Waiver{Was: Fail, Reason: evil, Link: "javascript:alert(1)", Expires: evil}
		c.First = &Hearing{Outcome: Fail, Reason: evil, Expected: long, Observed: evil, Exchange: c.Exchange}
		c.SeenIn, c.BlockedBy, c.Needs, c.Refused = evil, long, evil, evil
		if i%2 == 0 {
			c.SeenIn, c.BlockedBy, c.Needs, c.Refused = r.Checks[0].ID, evil, long, long
		}
		if i%3 == 0 {
			c.Requirements = []string{evil, long}
		}
	}
	r.Dropped = []Dropped{{MQTT: evil, Reason: long}, {MQTT: long, Reason: evil, Refused: true}}
	r.Conditions = []string{evil, long}
	r.Settings.Require = []string{evil, "all"}
	for i := range r.Requirements {
		q := &r.Requirements[i]
		q.Summary, q.SectionTitle, q.UntestedBecause, q.Binds = evil, long, evil, evil
		q.Link = "javascript:alert('" + evil + "')"
		q.Checks = nil
	}
	Summarise(r)
	return r
}
