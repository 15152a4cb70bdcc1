package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mqttspec/codec"
)

// An Inbox is what one connection has received and nobody has asked for yet, and
// how the connection ended. One goroutine fills it, another looks into it, with
// [Look] or, where it has to wait, with [Await].
//
// What is in it stands in three queues, because MQTT orders packets only within
// them. It is bounded, as is what all inboxes of the process hold together: many
// connections to a flooding broker must not fill the memory.
//
// An inbox has a lock of its own, the last that is taken: whoever looks into one
// may hold other locks, but takes none while looking, not that of another inbox
// either. See [Contents] for what may be done meanwhile.
type Inbox struct {
	mu       sync.Mutex
	contents Contents
	received int64           // bytes
	queued   int64           // bytes and cost of the packets in the queues
	waiting  []chan struct{} // of those who wait; each has room for one notice
}

// Queue is one of the queues of an inbox.
type Queue int

// The queues.
const (
	Messages Queue = iota // PUBLISH
	Releases              // PUBREL
	Replies               // all else
)

// QueueOf is the queue in which packets of a type stand.
func QueueOf(t codec.Type) Queue {
	switch t {
	case codec.PUBLISH:
		return Messages
	case codec.PUBREL:
		return Releases
	}
	return Replies
}

// Ending says how a connection ended, seen from the client.
type Ending string

// The ways in which a connection ends.
const (
	StillOpen  Ending = ""
	FIN        Ending = "FIN"
	RST        Ending = "RST"
	Unreadable Ending = "broken" // the broker's bytes can't be read as packets any more
	Flooded    Ending = "flood"  // the broker sends without end
)

// What a broker may send before an inbox is full: in packets that wait to be
// asked for, and altogether.
const (
	maxQueued   = 16 << 20
	maxReceived = 256 << 20
	// packetCost is what a queued packet costs beside its bytes.
	packetCost = 200
)

// queuedTotal is what all inboxes of the process hold. Beyond maxQueuedTotal the
// next packet is one too many for the inbox that it came to.
var queuedTotal atomic.Int64

const maxQueuedTotal = 128 << 20

// Put adds a packet that took so many bytes on the wire. It says false when the
// broker has sent more than anybody can have asked for; the connection is to be
// closed then.
func (b *Inbox) Put(p codec.Packet, size int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.notify()
	cost := int64(size + packetCost)
	b.received += int64(size)
	b.queued += cost
	if total := queuedTotal.Add(cost); b.received > maxReceived || b.queued > maxQueued || total > maxQueuedTotal {
		b.contents.Ending, b.contents.EndText = Flooded, fmt.Sprintf("the broker sends without end: the harness hung up after %d bytes", b.received)
		return false
	}
	q := &b.contents.queues[QueueOf(p.Type())]
	*q = append(*q, p)
	return true
}

// End notes how the connection ended, in a word and in words.
func (b *Inbox) End(ending Ending, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.notify()
	b.contents.Ending, b.contents.EndText = ending, text
}

// Discard gives back the room that the inbox takes of what the process has for
// all. What is in it can still be looked at.
func (b *Inbox) Discard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.discard()
}

func (b *Inbox) discard() {
	queuedTotal.Add(-b.queued)
	b.queued = 0
}

// notify tells those who wait that something has changed.
func (b *Inbox) notify() {
	for _, notice := range b.waiting {
		select {
		case notice <- struct{}{}:
		default: // it has not seen to the last notice yet
		}
	}
}

func (b *Inbox) watch(notice chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, notice)
}

func (b *Inbox) unwatch(notice chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = slices.DeleteFunc(b.waiting, func(other chan struct{}) bool { return other == notice })
}

// Contents are the contents of an inbox for as long as somebody looks: the lock
// is held, so that who looks neither waits, nor takes another lock, nor panics,
// and keeps nothing of it but packets. What is found is judged afterwards.
type Contents struct {
	// Ending is how the connection ended, and EndText the same in words.
	Ending  Ending
	EndText string

	queues [Replies + 1][]codec.Packet
}

// Ended says whether the connection has ended: nothing more will come.
func (in *Contents) Ended() bool { return in.Ending != StillOpen }

// All are the packets in a queue. They stay there.
func (in *Contents) All(q Queue) []codec.Packet { return slices.Clone(in.queues[q]) }

// Count is how many packets there are in a queue.
func (in *Contents) Count(q Queue) int { return len(in.queues[q]) }

// Take removes the first packet of a queue that pick accepts; nil if there is
// none.
func (in *Contents) Take(q Queue, pick func(codec.Packet) bool) codec.Packet {
	i := slices.IndexFunc(in.queues[q], pick)
	if i < 0 {
		return nil
	}
	p := in.queues[q][i]
	in.queues[q] = slices.Delete(in.queues[q], i, i+1)
	return p
}

// TakeAll removes the packets in a queue that pick accepts.
func (in *Contents) TakeAll(q Queue, pick func(codec.Packet) bool) (taken []codec.Packet) {
	in.queues[q] = slices.DeleteFunc(in.queues[q], func(p codec.Packet) bool {
		if !pick(p) {
			return false
		}
		taken = append(taken, p)
		return true
	})
	return taken
}

// PutBack puts a packet that was taken in front of its queue.
func (in *Contents) PutBack(p codec.Packet) {
	q := QueueOf(p.Type())
	in.queues[q] = slices.Insert(in.queues[q], 0, p)
}

func (in *Contents) empty() bool {
	for _, q := range in.queues {
		if len(q) > 0 {
			return false
		}
	}
	return true
}

// look hands out the contents, and gives their room back once they are empty.
func (b *Inbox) look(f func(*Contents)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.contents)
	if b.contents.empty() {
		b.discard()
	}
}

// Look looks into an inbox as it is.
func Look[T any](b *Inbox, at func(*Contents) T) (found T) {
	b.look(func(in *Contents) { found = at(in) })
	return found
}

// ErrNothing says that nobody found in time what was looked for.
var ErrNothing = errors.New("nothing came in time")

// Await looks into inboxes, one after the other, at once and again whenever
// something in one of them has changed, until look has found what it is after.
// It is the only place where anybody waits for a broker to send something. look
// is told the number of the inbox.
//
// The error is [ErrNothing] when nothing was found within the time, or else the
// cause of ctx's end. found is what look said last.
func Await[T any](ctx context.Context, within time.Duration, look func(i int, in *Contents) (found T, done bool), inboxes ...*Inbox) (found T, err error) {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	changed := make(chan struct{}, 1)
	for _, b := range inboxes {
		b.watch(changed)
		defer b.unwatch(changed)
	}
	for {
		for i, b := range inboxes {
			done := false
			b.look(func(in *Contents) { found, done = look(i, in) })
			if done {
				return found, nil
			}
		}
		select {
		case <-changed:
		case <-timeout.C:
			return found, ErrNothing
		case <-ctx.Done():
			return found, context.Cause(ctx)
		}
	}
}
