package fanout

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pastEvery is how often a partition's reader looks whether it alone has events
	// of it.
	pastEvery = 100 * time.Millisecond
	// pastMost is how long that can be otherwise after a reader died: JetStream gives
	// its events to another after 10 s.
	pastMost = 15 * time.Second
)

// past is what a partition's former reader may still have in its hands when the next
// one begins. Until that is settled or has come here too, deliveries to endpoints
// that want order wait, so that older ones go before them. Nothing else does.
type past struct {
	came, gone atomic.Int64 // events received here, and acknowledged or given back

	mu      sync.Mutex // guards what follows
	state   pastState
	waiting []parked
}

type pastState int

const (
	lasting   pastState = iota // what wants order waits
	over                       // nothing needs to
	abandoned                  // the reader ends first: what would wait is given back
)

// parked is a delivery that waits for older ones.
type parked struct {
	sequence uint64
	step     *step
	write    write
}

// park has a delivery wait, if the past lasts.
func (p *past) park(d parked) pastState {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == lasting {
		p.waiting = append(p.waiting, d)
	}
	return p.state
}

// take returns what waits, in the order of the events. If nothing does, the past ends
// as it is to.
func (p *past) take(ends pastState) []parked {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.waiting
	if p.waiting = nil; len(all) == 0 {
		p.state = ends
	}
	slices.SortStableFunc(all, func(a, b parked) int { return cmp.Compare(a.sequence, b.sequence) })
	return all
}

// await waits until nobody else has events of the partition, or can have. It waits
// some time in any case: one that leaves gives back what it gets at its last moment.
func (p *past) await(ctx context.Context, consumer jetstream.Consumer) {
	newest, until := consumer.CachedInfo().Delivered.Stream, time.Now().Add(pastMost)
	for over := false; !over && time.Now().Before(until); over = p.alone(ctx, consumer, newest) {
		select {
		case <-time.After(pastEvery):
		case <-ctx.Done():
			return
		}
	}
}

// alone reports whether all is settled up to the newest event that had been handed
// out before, or all that JetStream waits for is here. What it has sent and is not
// here yet counts as somebody else's.
func (p *past) alone(ctx context.Context, consumer jetstream.Consumer, newest uint64) bool {
	came, gone := p.came.Load(), p.gone.Load()
	info, err := consumer.Info(ctx)
	if err != nil {
		return false
	}
	here := came == p.came.Load() && gone == p.gone.Load() && int64(info.NumAckPending) <= came-gone
	return here || info.AckFloor.Stream >= newest
}

// endPast sends what has waited for older deliveries once there can be none, and
// gives it back if ctx ends before.
func (r *run) endPast(ctx context.Context, consumer jetstream.Consumer) {
	r.past.await(ctx, consumer)
	for {
		ends := over
		if ctx.Err() != nil {
			ends = abandoned
		}
		all := r.past.take(ends)
		if len(all) == 0 {
			return
		}
		for _, d := range all {
			if ends == abandoned {
				r.settle(ctx, d.step, false)
				continue
			}
			r.f.send(&d.write)
			go func() { r.settle(ctx, d.step, r.f.store(ctx, &d.write)) }() // run waits for all steps
		}
	}
}
