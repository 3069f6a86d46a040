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

// past is what another reader of the partition may have in its hands: the former one
// when this one begins, or one that reads beside it, since the two have not heard of
// each other. Until that is settled or has come here too, deliveries to endpoints that
// want order wait, so that older ones go before them. Nothing else does.
type past struct {
	came, gone atomic.Int64  // events received here, and acknowledged or given back
	heard      uint64        // how many JetStream had handed out with the newest that came; the consumer's own
	lasts      chan struct{} // has something once the past is no longer over

	mu      sync.Mutex // guards what follows
	state   pastState
	newest  uint64    // the event up to which all has to be settled
	since   time.Time // when the past began to last
	until   time.Time // when it is over in any case
	times   int       // how often something was found to be missing
	waiting []parked
}

// newPast is one that lasts.
func newPast(newest uint64) *past {
	now := time.Now()
	return &past{lasts: make(chan struct{}, 1), newest: newest, since: now, until: now.Add(pastMost)}
}

// receive counts an event. JetStream counts what it hands out: what is missing before
// this one has gone to somebody else, or was lost on its way here.
func (p *past) receive(m jetstream.Msg) {
	p.came.Add(1)
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	missing := p.heard > 0 && meta.Sequence.Consumer > p.heard+1
	p.heard = meta.Sequence.Consumer
	if missing {
		p.begin(meta.Sequence.Stream - 1)
	}
}

// begin has the past last until all is settled up to an event. While two read, each
// misses something again and again: nothing waits for much longer than for a reader
// that died.
func (p *past) begin(newest uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.state == over {
		p.state, p.since = lasting, now
		p.lasts <- struct{}{} // there is room: whoever ended the past had taken the last
	}
	p.times++
	p.newest, p.until = max(p.newest, newest), now.Add(pastMost)
	if most := p.since.Add(2 * pastMost); p.until.After(most) {
		p.until = most
	}
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
// as it is to. It is not over if something is missing since it was looked at.
func (p *past) take(ends pastState, times int) (all []parked, lasts bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ends == over && p.times != times {
		return nil, true
	}
	all = p.waiting
	if p.waiting = nil; len(all) == 0 {
		p.state = ends
	}
	slices.SortStableFunc(all, func(a, b parked) int { return cmp.Compare(a.sequence, b.sequence) })
	return all, false
}

// await waits until nobody else has events of the partition, or can have: of those
// that were found to be missing so often. It waits some time in any case: one that
// leaves gives back what it gets at its last moment.
func (p *past) await(ctx context.Context, consumer jetstream.Consumer) (times int) {
	for {
		p.mu.Lock()
		newest, until, times := p.newest, p.until, p.times
		p.mu.Unlock()
		select {
		case <-time.After(pastEvery):
		case <-ctx.Done():
			return times
		}
		if !time.Now().Before(until) || p.alone(ctx, consumer, newest) {
			return times
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

// endPasts ends the past whenever it lasts, until ctx ends.
func (r *run) endPasts(ctx context.Context, consumer jetstream.Consumer) {
	for {
		if times := r.past.await(ctx, consumer); r.endPast(ctx, times) {
			continue
		}
		select {
		case <-r.past.lasts:
		case <-ctx.Done():
			r.endPast(ctx, 0)
			return
		}
	}
}

// endPast sends what has waited for older deliveries once there can be none, and
// gives it back if ctx ends before. It reports whether the past lasts, since more is
// missing.
func (r *run) endPast(ctx context.Context, times int) (lasts bool) {
	for {
		ends := over
		if ctx.Err() != nil {
			ends = abandoned
		}
		all, lasts := r.past.take(ends, times)
		if len(all) == 0 {
			return lasts
		}
		for _, d := range all {
			if ends == abandoned {
				r.settle(ctx, d.step, false)
				continue
			}
			r.line(ctx, d)
		}
	}
}
