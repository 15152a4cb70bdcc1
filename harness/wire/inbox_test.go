package wire

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqttspec/codec"
)

// message is a PUBLISH that can be told from others.
func message(payload string) codec.Packet { return &codec.Publish{Payload: payload} }

func anyPacket(codec.Packet) bool { return true }

// taking looks for the next message.
func taking(_ int, in *Contents) (codec.Packet, bool) {
	p := in.Take(Messages, anyPacket)
	return p, p != nil
}

// TestQueues: packets of one queue come in order, those of others beside them.
func TestQueues(t *testing.T) {
	b := new(Inbox)
	first, second, release, reply := message("1"), message("2"), &codec.Pubrel{}, &codec.Pingresp{}
	for _, p := range []codec.Packet{first, reply, second, release} {
		if !b.Put(p, 2) {
			t.Fatal("the inbox is full")
		}
	}
	Look(b, func(in *Contents) struct{} {
		if got := in.All(Messages); !slices.Equal(got, []codec.Packet{first, second}) {
			t.Errorf("messages %v", got)
		}
		if in.Count(Messages) != 2 || in.Count(Releases) != 1 || in.Count(Replies) != 1 {
			t.Errorf("%d messages, %d releases, %d replies", in.Count(Messages), in.Count(Releases), in.Count(Replies))
		}
		if p := in.Take(Messages, func(p codec.Packet) bool { return p == second }); p != second {
			t.Errorf("took %v", p)
		}
		if p := in.Take(Replies, func(p codec.Packet) bool { return p.Type() == codec.SUBACK }); p != nil {
			t.Errorf("took %v", p)
		}
		if p := in.Take(Messages, anyPacket); p != first {
			t.Errorf("took %v", p)
		}
		in.PutBack(second)
		in.PutBack(first)
		if got := in.TakeAll(Messages, anyPacket); !slices.Equal(got, []codec.Packet{first, second}) {
			t.Errorf("took %v", got)
		}
		if in.Ended() || in.Count(Messages) != 0 {
			t.Errorf("ended: %v, with %d messages", in.Ended(), in.Count(Messages))
		}
		return struct{}{}
	})
	for packet, queue := range map[codec.Type]Queue{codec.PUBLISH: Messages, codec.PUBREL: Releases, codec.CONNACK: Replies, codec.PUBREC: Replies} {
		if got := QueueOf(packet); got != queue {
			t.Errorf("%s is in queue %d; want %d", packet, got, queue)
		}
	}
}

// TestAwait: what comes is found when it comes, and the rest says why not.
func TestAwait(t *testing.T) {
	const within = 5 * time.Second
	stopped := errors.New("stopped")
	for name, r := range map[string]struct {
		comes func(b *Inbox, stop context.CancelCauseFunc)
		after time.Duration
		found bool
		err   error
	}{
		"at once":          {func(b *Inbox, _ context.CancelCauseFunc) { b.Put(message("1"), 2) }, 0, true, nil},
		"later":            {func(b *Inbox, _ context.CancelCauseFunc) { b.Put(message("1"), 2) }, 4 * time.Second, true, nil},
		"too late":         {func(b *Inbox, _ context.CancelCauseFunc) { b.Put(message("1"), 2) }, 6 * time.Second, false, ErrNothing},
		"something else":   {func(b *Inbox, _ context.CancelCauseFunc) { b.Put(&codec.Pingresp{}, 2) }, time.Second, false, ErrNothing},
		"the end":          {func(b *Inbox, _ context.CancelCauseFunc) { b.End(FIN, "") }, time.Second, false, ErrNothing},
		"an interruption":  {func(_ *Inbox, stop context.CancelCauseFunc) { stop(stopped) }, time.Second, false, stopped},
		"nothing whatever": {func(*Inbox, context.CancelCauseFunc) {}, 0, false, ErrNothing},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				b := new(Inbox)
				start := time.Now()
				time.AfterFunc(r.after, func() { r.comes(b, stop) })
				p, err := Await(ctx, within, taking, b)
				took := time.Since(start)
				if (p != nil) != r.found || !errors.Is(err, r.err) {
					t.Errorf("got %v, %v", p, err)
				}
				if want := min(r.after, within); err != ErrNothing && took != want || err == ErrNothing && took != within {
					t.Errorf("after %s", took)
				}
				time.Sleep(time.Hour) // nobody watches any more
				if len(b.waiting) > 0 {
					t.Error("the inbox still has somebody to tell")
				}
			})
		})
	}
}

// TestAwaitEnd: a look can wait for the end of the connection, and knows how it
// came about.
func TestAwaitEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Inbox)
		time.AfterFunc(time.Second, func() { b.End(RST, "closed by the broker (RST)") })
		text, err := Await(t.Context(), time.Minute, func(_ int, in *Contents) (string, bool) { return in.EndText, in.Ended() }, b)
		if text != "closed by the broker (RST)" || err != nil || Look(b, func(in *Contents) Ending { return in.Ending }) != RST {
			t.Errorf("got %q, %v", text, err)
		}
	})
}

// TestAwaitAny: of several inboxes the one is found in which it comes, and each
// is looked at again whenever any has changed.
func TestAwaitAny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inboxes := []*Inbox{new(Inbox), new(Inbox), new(Inbox)}
		where := func(i int, in *Contents) (int, bool) { return i, in.Take(Messages, anyPacket) != nil }
		inboxes[1].Put(message("waits already"), 2)
		time.AfterFunc(time.Second, func() { inboxes[2].Put(message("later"), 2) })
		time.AfterFunc(2*time.Second, func() { inboxes[0].Put(&codec.Pingresp{}, 2); inboxes[0].Put(message("last"), 2) })
		for _, want := range []int{1, 2, 0} {
			if got, err := Await(t.Context(), time.Minute, where, inboxes...); got != want || err != nil {
				t.Errorf("found in %d, %v; want %d", got, err, want)
			}
		}
		if _, err := Await(t.Context(), time.Minute, where, inboxes...); !errors.Is(err, ErrNothing) {
			t.Errorf("error %v", err)
		}
	})
}

// TestEveryoneIsTold: each who waits for the same inbox gets a packet of its own.
func TestEveryoneIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Inbox)
		got := make(chan codec.Packet, 3)
		for range 3 {
			go func() {
				p, _ := Await(t.Context(), time.Minute, taking, b)
				got <- p
			}()
		}
		synctest.Wait()
		for _, payload := range []string{"1", "2", "3"} {
			b.Put(message(payload), 2)
		}
		seen := map[codec.Packet]bool{<-got: true, <-got: true, <-got: true}
		if len(seen) != 3 || seen[nil] {
			t.Errorf("got %v", seen)
		}
	})
}

// TestPanicWhileLooking: a look that panics does not keep the others out.
func TestPanicWhileLooking(t *testing.T) {
	b := new(Inbox)
	func() {
		defer func() { _ = recover() }()
		_, _ = Await(t.Context(), time.Minute, func(int, *Contents) (int, bool) { panic("oops") }, b)
	}()
	if !b.Put(message("1"), 2) || len(b.waiting) > 0 {
		t.Error("the inbox is held")
	}
}

// TestBounds: what an inbox takes in, alone and with all others of the process.
func TestBounds(t *testing.T) {
	const megabyte = 1 << 20
	full := func(b *Inbox) bool { return Look(b, func(in *Contents) bool { return in.Ending == Flooded }) }
	fill := func(b *Inbox, n, size int, read bool) {
		for range n {
			b.Put(message(""), size)
			if read {
				Look(b, func(in *Contents) []codec.Packet { return in.TakeAll(Messages, anyPacket) })
			}
		}
	}
	before := queuedTotal.Load()
	for name, r := range map[string]struct {
		fill func(b *Inbox)
		full bool
	}{
		"15 MiB that wait":            {func(b *Inbox) { fill(b, 15, megabyte, false) }, false},
		"16 MiB that wait":            {func(b *Inbox) { fill(b, 16, megabyte, false) }, true},
		"many packets of no size":     {func(b *Inbox) { fill(b, 16*megabyte/packetCost, 2, false) }, true},
		"200 MiB that were asked for": {func(b *Inbox) { fill(b, 200, megabyte, true) }, false},
		"257 MiB that were asked for": {func(b *Inbox) { fill(b, 257, megabyte, true) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := new(Inbox)
			r.fill(b)
			if full(b) != r.full {
				t.Errorf("full: %v", full(b))
			}
			b.Discard()
			if n := queuedTotal.Load() - before; n != 0 {
				t.Errorf("%d bytes are not given back", n)
			}
		})
	}
	t.Run("all together", func(t *testing.T) {
		var all []*Inbox
		for range 10 {
			b := new(Inbox)
			all = append(all, b)
			fill(b, 15, megabyte, false)
		}
		for i, b := range all {
			if full(b) != (i >= 8) { // 8 × 15 MiB are within 128 MiB, 9 are not
				t.Errorf("inbox %d is full: %v", i, full(b))
			}
			b.Discard()
		}
		if n := queuedTotal.Load() - before; n != 0 {
			t.Errorf("%d bytes are not given back", n)
		}
	})
}
