package broker

import (
	"context"
	"errors"
	"fmt"
)

// life restarts and kills the broker of a site.
type life struct{ *site }

func (s *site) life() life { return life{s} }

// Restart stops the broker in an orderly way and starts it again on the same
// ports.
func (l life) Restart(ctx context.Context) error {
	if len(l.restart) > 0 {
		return l.command(ctx, l.restart)
	}
	return l.again(ctx, func() { l.end(ctx) })
}

// Kill kills the broker and starts it again on the same ports.
func (l life) Kill(ctx context.Context) error {
	if len(l.killing) == 0 {
		return l.again(ctx, func() { l.process.kill() })
	}
	if _, err := runCommand(ctx, l.killing, l.env, ""); err != nil {
		return err
	}
	if len(l.restart) > 0 {
		return l.command(ctx, l.restart)
	}
	return l.again(ctx, func() { l.process.kill() })
}

// CanKill says whether there is a process, or a command, to kill.
func (l life) CanKill() bool { return l.site.Start != nil || len(l.killing) > 0 }

// command runs a command that brings the broker back, and waits for it.
func (l life) command(ctx context.Context, args []string) error {
	if _, err := runCommand(ctx, args, l.env, ""); err != nil {
		return err
	}
	return l.await(ctx, nil)
}

// again ends the process and starts it again.
func (l life) again(ctx context.Context, end func()) error {
	l.living.Lock()
	defer l.living.Unlock()
	l.mu.Lock()
	if l.process == nil {
		l.mu.Unlock()
		return errors.New("the broker has been stopped")
	}
	end()
	l.mu.Unlock()
	if err := l.start(ctx); err != nil {
		return fmt.Errorf("the broker does not come back: %w", err)
	}
	return nil
}
