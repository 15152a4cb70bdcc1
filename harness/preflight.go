package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mqttspec/codec"
	"mqttspec/harness/wire"
)

// looks are how many connections look at the broker: enough for a load balancer
// that takes turns, or chances, to send them to different ones.
const looks = 4

// Preflight looks at a broker on several connections in turn and says how they
// disagree about it; "" is that they do not. It gives no verdict on the broker: one
// that delivers nothing, retains nothing or stores no session looks the same on
// every connection.
//
// Where some see what others do not, the broker may still be one that is broken.
// So it is a disagreement only where the connections fall into groups, each of
// which sees what came from the group, all of it, and nothing else: that is what
// brokers look like that share nothing.
func Preflight(ctx context.Context, target *Target, profile *Profile, settings Settings) (disagreement string) {
	if _, granted := profile.granted[plainFilter]; !granted || profile.Number(codec.PropMaximumPacketSize, roomForLooks) < roomForLooks {
		return ""
	}
	settings.KeepTraces = false
	Perform(ctx, target, profile, settings, func(x *Exchange) { disagreement = x.disagreement() })
	return disagreement
}

// roomForLooks is a Maximum Packet Size that no packet of Preflight reaches.
const roomForLooks = 1000

// disagreement is what Preflight says.
func (x *Exchange) disagreement() string {
	var live, kept []string
	for i := range looks {
		live = append(live, x.Topic(fmt.Sprintf("live/%d", i)))
		kept = append(kept, x.Topic(fmt.Sprintf("kept/%d", i)))
	}
	clients, _ := x.enterInTurn([]int{0, 1, 2, 3})
	x.subscribeAll(clients, live)
	for i, c := range clients {
		c.Send(&codec.Publish{Topic: live[i], Payload: "hello"})
	}
	if groups := grouped(x.seenBy(clients, live)); groups != "" {
		return "of the messages that each sent to all, " + groups
	}
	_, retainsNothing := x.Profile.Lacks(Retain)
	for i, c := range clients {
		if !retainsNothing {
			c.Publish(x.UpTo(codec.QoS1), kept[i], "hello", Retained)
		}
	}
	for _, c := range clients {
		c.Disconnect()
	}
	clients, present := x.enterInTurn([]int{0, 2, 1, 3}) // another turn than before
	if slices.Contains(present, true) && slices.Contains(present, false) {
		return "of the sessions that were stored a moment ago, some are there and some are not"
	}
	if !retainsNothing {
		x.subscribeAll(clients, kept)
		if groups := grouped(x.seenBy(clients, kept)); groups != "" {
			return "of the retained messages, " + groups
		}
	}
	for _, c := range clients {
		if x.Version == codec.V5 {
			c.Disconnect(codec.SessionExpiryInterval(0))
			x.mu.Lock()
			delete(x.sessions, c.ID)
			x.mu.Unlock()
		}
	}
	return ""
}

// enterInTurn opens a connection after the other, without waiting for what the
// broker says, each with a session that is to be stored; present says of which it
// was there already.
func (x *Exchange) enterInTurn(turn []int) (clients []*Client, present []bool) {
	clients, present = make([]*Client, looks), make([]bool, looks)
	for _, i := range turn {
		name := fmt.Sprintf("look%d", i)
		connect := x.NewConnect(As(name))
		connect.CleanStart = false
		if x.Version == codec.V5 {
			connect.Properties = codec.Properties{codec.SessionExpiryInterval(leastExpiry)}
		}
		clients[i] = x.Dial(name)
		clients[i].ID = connect.ClientID
		clients[i].Send(connect)
	}
	for i, c := range clients {
		present[i] = c.WantAccepted().SessionPresent
	}
	return clients, present
}

// subscribeAll subscribes all clients to all topics.
func (x *Exchange) subscribeAll(clients []*Client, topics []string) {
	for _, c := range clients {
		c.Send(c.NewSubscribe(codec.QoS0, topics...))
	}
	for _, c := range clients {
		Want[*codec.Suback](c, "SUBACK")
	}
	pause(x.ctx, x.settings.Settle)
}

// seenBy says which of the topics each client has got a message on. Where nobody
// has got any for a moment, nobody waits longer.
func (x *Exchange) seenBy(clients []*Client, topics []string) (seen [][]int) {
	look := func(within time.Duration) (all, none bool) {
		by := time.Now().Add(within + x.settings.Settle)
		seen, all, none = make([][]int, len(clients)), true, true
		for i, c := range clients {
			seen[i], _ = await(c, max(0, time.Until(by)), func(in *wire.Contents) (got []int, done bool) {
				for n, topic := range topics {
					if slices.ContainsFunc(in.All(wire.Messages), func(p codec.Packet) bool { return p.(*codec.Publish).Topic == topic }) {
						got = append(got, n)
					}
				}
				return got, len(got) == len(topics) || in.Ended()
			})
			all, none = all && len(seen[i]) == len(topics), none && len(seen[i]) == 0
		}
		return all, none
	}
	if all, none := look(x.settings.grace()); !all && !none {
		look(x.settings.Timeout)
	}
	return seen
}

// grouped says into which groups the connections fall by what each has seen of
// what the others did; "" is that they are one, or no groups at all.
func grouped(seen [][]int) string {
	var groups []string
	for i, by := range seen {
		if !slices.Contains(by, i) {
			return "" // nobody misses what is its own for being elsewhere
		}
		for _, other := range by {
			if !slices.Equal(seen[other], by) {
				return ""
			}
		}
		names := make([]string, len(by))
		for n, other := range by {
			names[n] = fmt.Sprint(other + 1)
		}
		if group := strings.Join(names, " and "); !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	if len(groups) < 2 {
		return ""
	}
	var parts []string
	for _, group := range groups {
		parts = append(parts, fmt.Sprintf("connections %s see those of %s only", group, group))
	}
	return strings.Join(parts, ", ")
}
