package fanout

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pastEvery is how often a partition's reader looks whether it alone has events
	// of it.
	pastEvery = 100 * time.Millisecond
	// pastLooks is how often it looks at most: it can be otherwise for as long after
	// a reader died as JetStream waits until it gives its events to another, 10 s.
	// Time does not count in which this process, or JetStream, stands still.
	pastLooks = 150
)

// past is what a partition's former reader may still have in its hands when the next
// one begins. Until that is settled or has come here too, deliveries to endpoints
// that want order wait, so that older ones go before them. Nothing else does.
type past struct {
	mu      sync.Mutex // guards what follows
	state   pastState
	waiting []parked
	// here are the events that are in this reader's hands, by sequence: while it
	// lasts, one may come that is here already. changes counts what came and went.
	here    map[uint64]bool
	changes int
}

// came notes an event that was received.
func (p *past) came(m jetstream.Msg) { p.note(m, true) }

// gone notes one that was acknowledged or given back.
func (p *past) gone(m jetstream.Msg) { p.note(m, false) }

func (p *past) note(m jetstream.Msg, here bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != lasting {
		return
	}
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	p.changes++
	if here {
		p.here[meta.Sequence.Stream] = true
	} else {
		delete(p.here, meta.Sequence.Stream)
	}
}

// forget has nothing counted as here: a broker that crashed may not know that it
// gave it out, and give it to another.
func (p *past) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.here)
	p.changes++
}

// hands is how many events are here, and after how many changes.
func (p *past) hands() (here, changes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.here), p.changes
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

// lasts reports whether what wants order has to wait.
func (p *past) lasts() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state != over
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
func (p *past) await(ctx context.Context, consumer jetstream.Consumer, nc *nats.Conn) {
	newest, connected := consumer.CachedInfo().Delivered.Stream, nc.Stats().Reconnects
	for looks := 0; looks < pastLooks; {
		select {
		case <-time.After(pastEvery):
		case <-ctx.Done():
			return
		}
		if n := nc.Stats().Reconnects; n != connected {
			connected, looks = n, 0
			p.forget()
		}
		switch over, err := p.alone(ctx, consumer, newest); {
		case over:
			return
		case err == nil:
			looks++
		}
	}
}

// alone reports whether all is settled up to the newest event that had been handed
// out before, or all that JetStream waits for is here. What it has sent and is not
// here yet counts as somebody else's.
func (p *past) alone(ctx context.Context, consumer jetstream.Consumer, newest uint64) (bool, error) {
	here, changes := p.hands()
	info, err := consumer.Info(ctx)
	if err != nil {
		return false, err
	}
	_, since := p.hands()
	return changes == since && info.NumAckPending <= here || info.AckFloor.Stream >= newest, nil
}

// endPast sends what has waited for older deliveries once there can be none, and
// gives it back if ctx ends before.
func (r *run) endPast(ctx context.Context, consumer jetstream.Consumer) {
	r.past.await(ctx, consumer, r.f.nc)
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
