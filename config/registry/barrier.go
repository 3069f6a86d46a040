package registry

import (
	"context"
	"sync"
	"time"
)

// barrierPause is the least time from one question of a [Barrier] to the next:
// it bounds what a busy process asks of the registry's leader, and adds at most
// as much to the way of an event when there are more than that many.
const barrierPause = time.Millisecond

// Barrier asks on behalf of many whether a watcher has caught up. A question
// that is under way when somebody comes is too old for them: they share the
// next.
type Barrier struct {
	ask func(context.Context) error

	mu   sync.Mutex // guards what follows
	next *question  // that has not been asked; nil if nobody waits for it
	busy bool       // a goroutine asks, until there is no next
}

type question struct {
	done chan struct{}
	err  error // set before done is closed
}

// NewBarrier is a barrier for what follows a watcher of r. The context bounds
// its questions.
func NewBarrier(w *Watcher, r *Registry) *Barrier {
	return &Barrier{ask: func(ctx context.Context) error { return w.CaughtUp(ctx, r) }}
}

// CaughtUp returns once the watcher has passed on every change whose write had
// returned when CaughtUp was called. Only somebody's question that could not be
// answered is an error; it may be asked again.
func (b *Barrier) CaughtUp(ctx context.Context) error {
	b.mu.Lock()
	q := b.next
	if q == nil {
		q = &question{done: make(chan struct{})}
		b.next = q
	}
	if !b.busy {
		b.busy = true
		go b.run() // ends when nobody waits any more
	}
	b.mu.Unlock()
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return unavailable("watch", context.Cause(ctx))
	}
}

func (b *Barrier) run() {
	for {
		b.mu.Lock()
		q := b.next
		b.next = nil
		b.busy = q != nil
		b.mu.Unlock()
		if q == nil {
			return
		}
		asked := time.Now()
		q.err = b.answer()
		close(q.done)
		if wait := barrierPause - time.Since(asked); wait > 0 {
			<-time.After(wait)
		}
	}
}

// answer gives up a question after a while, so that nobody's context has to.
func (b *Barrier) answer() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return b.ask(ctx)
}
