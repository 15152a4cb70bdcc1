package harness

import (
	"context"
	"time"
)

// Restart has the broker stopped in an orderly way and started again (needs
// [Restarting]). Every connection ends. A check that restarts is Alone.
func (x *Exchange) Restart() { x.revive("the broker is restarted", x.target.Life.Restart) }

// Kill has the broker killed and started again (needs [Killing]).
func (x *Exchange) Kill() { x.revive("the broker is killed and started again", x.target.Life.Kill) }

// revive lets the broker go through something. What fails here is no verdict.
func (x *Exchange) revive(what string, event func(context.Context) error) {
	x.Note("%s", what)
	start := time.Now()
	if err := event(x.ctx); err != nil {
		x.errorf("%s: %v", what, err)
	}
	x.Note("the broker is back after %s", time.Since(start).Round(time.Millisecond))
}

// FailureOf performs part of an exchange and says what kept it from its end; ""
// is nothing. What the verbs in it want is no verdict then.
func (x *Exchange) FailureOf(part func()) (failure string) {
	stopped := x.perform(func(*Exchange) { part() })
	if stopped == nil {
		return ""
	}
	if stopped.Kind == Broken || x.overtime() {
		panic(stopped)
	}
	return Mask(stopped.Observed, x.log.secrets)
}
