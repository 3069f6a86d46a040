package fanout

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pastEvery is how often a partition's reader looks whether it alone has events
	// of it.
	pastEvery = 100 * time.Millisecond
	// pastLooks is how often it looks at most, a minute. JetStream gives the events of
	// a reader that died to another after 10 s, and some of them in vain again where a
	// server was cut off. Only two that read side by side for longer, each missing
	// what the other has, would wait for each other. Time does not count in which this
	// process, or JetStream, stands still.
	pastLooks = 600
)

// past is what another reader of the partition may have in its hands: the former one
// when this one begins, or one that reads beside it, since the two have not heard of
// each other. Until that is settled or has come here too, deliveries to endpoints that
// want order wait, so that older ones go before them. Nothing else does.
type past struct {
	heard uint64        // how many JetStream had handed out with the newest that came; the consumer's own
	again chan struct{} // has something once the past is no longer over

	mu      sync.Mutex // guards what follows
	state   pastState
	newest  uint64 // the event up to which all has to be settled
	looks   int    // that are left
	times   int    // how often something was found to be missing
	waiting []parked
	// here are the events that are in this reader's hands, by sequence, and whether
	// their deliveries wait or are on their way: while it lasts, one may come that is
	// here already. changes counts what came and went.
	here    map[uint64]bool
	changes int
}

// newPast is one that lasts.
func newPast(newest uint64) *past {
	return &past{again: make(chan struct{}, 1), newest: newest, looks: pastLooks, here: map[uint64]bool{}}
}

// came notes an event that was received. JetStream counts what it hands out: what is
// missing before this one has gone to somebody else, or was lost on its way here.
func (p *past) came(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return
	}
	missing := p.heard > 0 && meta.Sequence.Consumer != p.heard+1 // less, after another leads the consumer
	p.heard = meta.Sequence.Consumer
	if missing {
		p.begin(meta.Sequence.Stream - 1)
	}
	p.note(meta.Sequence.Stream, true)
}

// begun notes that all deliveries of an event wait, or are on their way.
func (p *past) begun(sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == lasting {
		p.here[sequence] = true
	}
}

// gone notes one that was acknowledged or given back.
func (p *past) gone(m jetstream.Msg) {
	if meta, err := m.Metadata(); err == nil {
		p.note(meta.Sequence.Stream, false)
	}
}

func (p *past) note(sequence uint64, here bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != lasting {
		return
	}
	p.changes++
	if _, there := p.here[sequence]; here && !there {
		p.here[sequence] = false
	} else if !here {
		delete(p.here, sequence)
	}
}

// begin has the past last until all is settled up to an event.
func (p *past) begin(newest uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == over {
		p.state, p.looks = lasting, pastLooks
		clear(p.here)         // what came meanwhile counts as somebody else's until it is settled
		p.again <- struct{}{} // there is room: whoever ended the past had taken the last
	}
	p.times++
	p.newest = max(p.newest, newest)
}

// forget has nothing counted as here: a broker that crashed may not know that it
// gave it out, and give it to another.
func (p *past) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.here)
	p.changes++
	p.looks = pastLooks
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
func (p *past) await(ctx context.Context, consumer jetstream.Consumer, f *Fanout) (times int) {
	for connected := f.nc.Stats().Reconnects; ; {
		newest, times := p.missing()
		select {
		case <-time.After(pastEvery):
		case <-ctx.Done():
			return times
		}
		if n := f.nc.Stats().Reconnects; n != connected {
			connected = n
			p.forget()
		}
		switch alone, err := p.alone(ctx, consumer, newest); {
		case alone:
			return times
		case err == nil && p.looked():
			f.o.Log.ErrorContext(ctx, "an event that another has does not come: endpoints that want order may get it late", "consumer", consumer.CachedInfo().Name, "sequence", newest)
			return times
		}
	}
}

// missing is the event up to which all has to be settled, and how often it was found
// that something is.
func (p *past) missing() (newest uint64, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest, p.times
}

// looked counts a look, and reports whether it was the last.
func (p *past) looked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks--
	return p.looks <= 0
}

// allBegun reports whether the deliveries of all events that are here, up to one, wait
// or are on their way.
func (p *past) allBegun(newest uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for sequence, begun := range p.here {
		if sequence <= newest && !begun {
			return false
		}
	}
	return true
}

// alone reports whether all is settled up to the newest event that had been handed
// out before, or all that JetStream waits for is here and, up to that event, begun.
// What it has sent and is not here yet counts as somebody else's.
func (p *past) alone(ctx context.Context, consumer jetstream.Consumer, newest uint64) (bool, error) {
	here, changes := p.hands()
	info, err := consumer.Info(ctx)
	if err != nil {
		return false, err
	}
	_, since := p.hands()
	return changes == since && info.NumAckPending <= here && p.allBegun(newest) || info.AckFloor.Stream >= newest, nil
}

// endPasts ends the past whenever it lasts, until ctx ends.
func (r *run) endPasts(ctx context.Context, consumer jetstream.Consumer) {
	for {
		if times := r.past.await(ctx, consumer, r.f); r.endPast(ctx, times) {
			continue
		}
		select {
		case <-r.past.again:
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
