package fanout

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/acked"
	"github.com/tidings-dev/tidings/schemas/fault"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// run is one partition being read.
type run struct {
	f       *Fanout
	waiting *turns
	pending chan *step     // with something being stored, in the order they began
	begun   sync.WaitGroup // steps that are not over
	past    *past
	lines   *lines
	acked   acked.Memory

	mu   sync.Mutex // guards what follows
	open map[*step]struct{}
}

// RunPartition reads one partition of EVENTS until ctx ends. Events taken by
// then and not begun are given back at once; those begun are finished.
func (f *Fanout) RunPartition(ctx context.Context, partition int) error {
	consumer, err := f.js.Consumer(ctx, schemas.StreamEvents, schemas.FanoutConsumer(partition))
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: %w", partition, err)
	}
	r := &run{f: f, waiting: newTurns(), pending: make(chan *step, f.o.MaxInFlight), open: map[*step]struct{}{}, lines: newLines()}
	r.past = newPast(consumer.CachedInfo().Delivered.Stream)
	arrived, ended := make(chan jetstream.Msg, pullBatch), make(chan struct{})
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		r.past.came(m)
		if r.wasAcked(m) {
			r.acknowledge(ctx, m)
			return
		}
		if ctx.Err() != nil {
			r.giveBack(m)
			return
		}
		select {
		case arrived <- m:
		case <-ended: // the connection was closed meanwhile: nothing can be said of m
		}
	}, jetstream.PullMaxMessages(pullBatch), jetstream.PullHeartbeat(pullHeartbeat), jetstream.PullExpiry(pullExpiry))
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: %w", partition, err)
	}
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	go func() { // ends with consuming, which ends with ctx if not before
		select {
		case <-ctx.Done():
			consuming.Drain()
		case <-consuming.Closed():
		}
		<-consuming.Closed()
		close(ended)
		stopReading()
	}()
	var parts sync.WaitGroup
	over := make(chan struct{})
	parts.Go(func() { r.beginAll(ctx, arrived, ended) })
	parts.Go(func() { r.endPasts(reading, consumer) })
	parts.Go(func() { f.readHistories(reading, partition) })
	parts.Go(func() { r.extendUntil(over) })
	for s := range r.pending { // a tenant's in the order they began
		r.finish(ctx, s)
	}
	r.begun.Wait()
	close(over)
	parts.Wait()
	if ctx.Err() == nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: its consumer is gone, or the connection", partition)
	}
	return nil
}

// beginAll begins events, each tenant's in the order they arrived, until no more
// can come. The registry is asked once for all that have arrived: each of them
// meets every subscription whose writing had returned before the event was
// published.
func (r *run) beginAll(ctx context.Context, arrived <-chan jetstream.Msg, ended <-chan struct{}) {
	defer close(r.pending)
	var matching sync.WaitGroup
	defer matching.Wait()
	defer r.waiting.end()
	for range matchers {
		matching.Go(func() { r.matchTurns(ctx) })
	}
	batch := make([]jetstream.Msg, 0, pullBatch)
	for {
		select {
		case m := <-arrived:
			batch = append(batch[:0], m)
		case <-ended:
			for len(arrived) > 0 {
				r.giveBack(<-arrived)
			}
			return
		}
		for n := min(len(arrived), pullBatch-1); n > 0; n-- {
			batch = append(batch, <-arrived)
		}
		upToDate := r.f.caughtUp(ctx)
		for _, m := range batch {
			if !upToDate || ctx.Err() != nil {
				r.giveBack(m)
				continue
			}
			r.waiting.put(m)
		}
	}
}

// matchTurns begins events until none can come. Those that wait when ctx ends are
// given back.
func (r *run) matchTurns(ctx context.Context) {
	t := r.waiting
	for l := t.begin(); l != nil; l = t.begin() {
		until := time.Now().Add(turnTime)
		for m := t.first(l); m != nil; m = t.first(l) {
			if ctx.Err() != nil {
				r.giveBack(m)
				continue
			}
			if s := r.begin(ctx, m); s != nil {
				r.pending <- s
			}
			if time.Now().After(until) {
				break
			}
		}
		t.over(l)
	}
}

// finish waits until all that is being stored of a step is. If ctx ends while
// something cannot be, the event is given back.
func (r *run) finish(ctx context.Context, s *step) {
	ctx = s.span.In(ctx)
	whole := true
	for i := range s.writes {
		whole = whole && r.f.store(ctx, &s.writes[i])
		fault.Here(fault.FanoutStored)
	}
	r.settle(ctx, s, whole)
}

// settle counts one part of a step as done with. With the last of them the event
// is acknowledged, or given back if not all parts are whole.
func (r *run) settle(ctx context.Context, s *step, whole bool) {
	over, failed := s.settle(whole)
	if !over {
		return
	}
	fault.Here(fault.FanoutSettled)
	if failed {
		r.giveBack(s.msg)
		endProcess(s.span, tracing.ErrorCanceled)
	} else {
		r.acknowledge(ctx, s.msg)
		s.span.End()
	}
	r.mu.Lock()
	delete(r.open, s)
	r.mu.Unlock()
	r.begun.Done()
}

// acknowledge tells JetStream that an event is settled.
func (r *run) acknowledge(ctx context.Context, m jetstream.Msg) {
	if meta, err := m.Metadata(); err == nil {
		r.acked.Add(meta.Sequence.Stream, meta.Timestamp)
	}
	if err := m.Ack(); err != nil { // it comes again
		r.f.o.Log.WarnContext(ctx, "fanout ack", "subject", m.Subject(), "error", err)
		return
	}
	r.past.gone(m)
}

// wasAcked reports whether an event was acknowledged, though JetStream does not know it.
func (r *run) wasAcked(m jetstream.Msg) bool {
	meta, err := m.Metadata()
	return err == nil && r.acked.Has(meta.Sequence.Stream, meta.Timestamp)
}

// giveBack returns an event to JetStream; a lost nak costs the ack wait. Until it
// comes again, newer ones must not overtake it.
func (r *run) giveBack(m jetstream.Msg) {
	_ = m.Nak()
	r.past.gone(m)
	if meta, err := m.Metadata(); err == nil {
		r.past.begin(meta.Sequence.Stream)
	}
}

// enter begins to count a step.
func (r *run) enter(s *step) {
	r.begun.Add(1)
	r.mu.Lock()
	r.open[s] = struct{}{}
	r.mu.Unlock()
}

// extendEvery is how often JetStream is told of the events that are here that
// they are worked on: a third of what it waits.
const extendEvery = 3 * time.Second

// extendUntil keeps JetStream from giving those to another that take long, until
// all are over.
func (r *run) extendUntil(over <-chan struct{}) {
	ticker := time.NewTicker(extendEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for _, m := range r.all() {
				_ = m.InProgress() // a lost one costs its coming twice
			}
		case <-over:
			return
		}
	}
}

// all are the events that wait or are open now.
func (r *run) all() []jetstream.Msg {
	all := r.waiting.all()
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.open {
		all = append(all, s.msg)
	}
	return all
}
