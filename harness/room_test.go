package harness

import (
	"testing"
	"testing/synctest"
)

// TestRoom: nobody comes into a full room until somebody is gone or waits; who comes
// back does so at once; and when all wait the room's own is idle.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := 0
		room := NewRoom(1, func() func() { idle++; return func() { idle-- } })
		room.Enter()
		second := make(chan struct{})
		go func() { room.Enter(); close(second) }()
		entered := func() bool {
			synctest.Wait()
			select {
			case <-second:
				return true
			default:
				return false
			}
		}
		if entered() {
			t.Error("two are in a room for one")
		}
		room.Leave() // to wait
		if !entered() || idle != 0 {
			t.Errorf("nobody came in for who waits; idle %d", idle)
		}
		room.Back()
		room.Leave()
		room.Leave()
		if idle != 1 {
			t.Errorf("nobody is there, and idle %d", idle)
		}
		room.Close()
		if idle != 0 {
			t.Errorf("closed, and idle %d", idle)
		}
		if room.Shrink(3); room.Size() != 1 {
			t.Errorf("shrunk to %d", room.Size())
		}
	})
}
