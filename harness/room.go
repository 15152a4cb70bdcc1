package harness

import "sync"

// A Room is for some at the same time: cases of a check, checks of a run. Those that
// do no more than wait are not counted, so that others come in meanwhile; they do not
// queue when the wait is over.
type Room struct {
	idle func() (over func())

	mu   sync.Mutex
	left sync.Cond // told when there is one less
	most int
	here int
	over func() // nil where nobody was told that all do no more than wait
}

// NewRoom makes room for so many. idle, which may be nil, is told when all who are in
// do no more than wait, and what it returns when that is over.
func NewRoom(most int, idle func() (over func())) *Room {
	r := &Room{most: most, idle: idle}
	r.left.L = &r.mu
	return r
}

// Enter waits until there is room.
func (r *Room) Enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.here >= r.most {
		r.left.Wait()
	}
	r.come()
}

// Back counts one more, room or not, whose wait is over.
func (r *Room) Back() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.come()
}

// come counts one more; the caller holds the lock.
func (r *Room) come() {
	r.here++
	r.resume()
}

// Leave counts one less: it is gone, or does no more than wait.
func (r *Room) Leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.here--; r.here == 0 && r.idle != nil {
		r.over = r.idle()
	}
	r.left.Signal()
}

// Close says that nobody will come any more, so that nobody waits.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resume()
}

// resume tells that somebody does more than wait; the caller holds the lock.
func (r *Room) resume() {
	if r.over != nil {
		r.over()
		r.over = nil
	}
}

// Shrink leaves room for fewer from now on.
func (r *Room) Shrink(most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most = min(r.most, most)
}

// Size is for how many there is room.
func (r *Room) Size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most
}
