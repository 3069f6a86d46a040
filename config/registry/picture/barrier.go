package picture

import (
	"context"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// barrierPause is the least time from one question of a [Barrier] to the next:
// it bounds what a busy process asks of the registry's leader, and adds at most
// as much to the way of an event when there are more than that many.
const barrierPause = time.Millisecond

// Barrier asks on behalf of many whether a watcher has caught up. A question
// that is under way when somebody comes is too old for them: they share the
// next, which the first of them asks.
type Barrier struct {
	ask func(context.Context) error

	turn chan struct{} // has room for who asks; guards last
	last time.Time     // when the last question was asked

	mu   sync.Mutex // guards next
	next *question  // that has not been asked; nil if nobody waits for it
}

type question struct {
	done chan struct{}
	err  error // set before done is closed
}

// barrierTimeout bounds a question. It is no caller's own: others share it. One that
// the registry's leader took with it when it died is asked again this much later: so
// long, at most, events wait when there is a new one.
const barrierTimeout = 2 * time.Second

// NewBarrier is a barrier for what follows a watcher of r.
func NewBarrier(w *registry.Watcher, r *registry.Registry) *Barrier {
	return newBarrier(func(ctx context.Context) error { return w.CaughtUp(ctx, r) })
}

func newBarrier(ask func(context.Context) error) *Barrier {
	return &Barrier{ask: ask, turn: make(chan struct{}, 1)}
}

// CaughtUp returns once the watcher has passed on every change whose write had
// returned when CaughtUp was called. An error says that this could not be found
// out, by whoever asked; it may be asked again.
func (b *Barrier) CaughtUp(ctx context.Context) error {
	b.mu.Lock()
	q := b.next
	first := q == nil
	if first {
		q = &question{done: make(chan struct{})}
		b.next = q
	}
	b.mu.Unlock()
	if first {
		b.answer(ctx, q) // within twice barrierTimeout, since one question may be under way
		return q.err
	}
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return schemas.Errorf(schemas.CodeUnavailable, "registry: watch: %w", context.Cause(ctx))
	}
}

// answer waits for its turn, and asks for all who have come by then.
func (b *Barrier) answer(ctx context.Context, q *question) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	if wait := barrierPause - time.Since(b.last); wait > 0 {
		<-time.After(wait)
	}
	b.mu.Lock()
	b.next = nil // who comes from now on is too late for it
	b.mu.Unlock()
	b.last = time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), barrierTimeout)
	defer cancel()
	q.err = b.ask(ctx)
	close(q.done)
}
