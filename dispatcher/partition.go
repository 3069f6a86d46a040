package dispatcher

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/failing"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/dispatcher/kept"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/acked"
	"github.com/tidings-dev/tidings/schemas/fault"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

const (
	// pullBatch is how many deliveries are asked for ahead.
	pullBatch = 256
	// pullHeartbeat is how often JetStream says that it has none. Whoever leads the
	// partition's consumer may die: who has heard nothing for twice as long asks the
	// next.
	pullHeartbeat = 5 * time.Second
	// pullExpiry is how long a request for deliveries stands. A server that was cut
	// off takes those of its clients along, and for as long they are answered all the
	// same: what is sent to them comes after the ack wait.
	pullExpiry = 10 * time.Second
	// lookAgain is how often an owner looks for held queues that nobody reads.
	lookAgain = 30 * time.Second
)

// errGrace ends attempts that outlast the grace of a shutdown.
var errGrace = errors.New("the dispatcher is shutting down")

// RunPartition delivers one partition until ctx ends. Then intake stops, what
// waits is given back at once, and attempts under way end within the grace or
// are given back too.
func (d *Dispatcher) RunPartition(ctx context.Context, number int) error {
	p, err := d.partition(ctx, number)
	if err == nil {
		err = p.deliver(ctx)
	}
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "dispatch partition %d: %w", number, err)
	}
	return nil
}

// partition finds what a partition needs.
func (d *Dispatcher) partition(ctx context.Context, number int) (*partition, error) {
	stream := d.o.Layout.DeliveriesStream(number)
	deliveries, err := d.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	consumer, err := deliveries.Consumer(ctx, schemas.DispatchConsumer(number))
	if err != nil {
		return nil, err
	}
	return &partition{
		d: d, number: number, stream: stream, deliveries: deliveries, consumer: consumer,
		kept:   kept.Store{NC: d.nc, JS: d.js, Stream: deliveries, Name: stream, Layout: d.o.Layout, Now: d.clock.now, Log: d.o.Log},
		ending: make(chan struct{}), lanes: map[schemas.EndpointID]*lane{}, flows: map[schemas.EndpointID]*flow.Flow{}, taken: map[*task]struct{}{}, readies: map[uint64]struct{}{},
		unstored: unstored{storing: map[schemas.DeliveryID]*express{}},
		failing: failing.New(failing.Options{
			Targets: d.o.Targets, Mine: func(id schemas.EndpointID) bool { return d.o.Layout.Partition(id) == number },
			Store: d.o.Failing, Disable: d.o.Disable, Announce: d.o.Announce, Log: d.o.Log,
		}),
	}, nil
}

// deliver is RunPartition.
func (p *partition) deliver(ctx context.Context) error {
	work, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	defer p.d.enter(p)()
	defer p.failing.Start(work)()
	defer p.d.o.Targets.Watch(func(id schemas.EndpointID) { p.changed(work, id) })()
	if err := p.resumeHeld(ctx, work); err != nil {
		return err
	}
	p.wg.Go(func() { p.resumeAgain(work) })
	consuming, err := p.consumer.Consume(func(m jetstream.Msg) {
		if ctx.Err() != nil {
			_ = m.Nak() // given back; a lost nak costs the ack wait
			return
		}
		p.take(work, m)
	}, jetstream.PullMaxMessages(pullBatch), jetstream.PullHeartbeat(pullHeartbeat), jetstream.PullExpiry(pullExpiry))
	if err != nil {
		cut(errGrace)
		p.stop(cut)
		return err
	}
	defer p.takeExpress(work)()
	var extending sync.WaitGroup
	ended := make(chan struct{})
	extending.Go(func() { p.extendUntil(ended) }) // to the end: the grace may be longer than the ack wait
	select {
	case <-ctx.Done():
	case <-consuming.Closed():
	}
	consuming.Drain()
	<-consuming.Closed()
	p.stop(cut)
	close(ended)
	extending.Wait()
	if ctx.Err() == nil {
		return errors.New("its consumer is gone, or the connection")
	}
	return nil
}

// partition is what one RunPartition owns: the lanes of the endpoints that
// have something due.
type partition struct {
	d          *Dispatcher
	number     int
	stream     string // name of deliveries
	deliveries jetstream.Stream
	kept       kept.Store
	consumer   jetstream.Consumer
	wg         sync.WaitGroup // attempts, drains, hold writes and purges
	ending     chan struct{}  // closed by stop
	unstored   unstored
	failing    *failing.List
	acked      acked.Memory // of the consumer's

	mu       sync.Mutex // guards what follows, and all lanes
	lanes    map[schemas.EndpointID]*lane
	flows    map[schemas.EndpointID]*flow.Flow // of the endpoints that have lanes, or something to remember
	taken    map[*task]struct{}                // not yet settled, but those from held queues
	readies  map[uint64]struct{}               // of taken, by the stream's sequence: those of the consumer
	stopping bool                              // set by stop
}

// changed tells an endpoint's lane, if it has one, that the endpoint has changed.
func (p *partition) changed(work context.Context, id schemas.EndpointID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.lanes[id]; l != nil {
		l.changed(work)
	}
}

// run makes the attempts of one place in the lane's window: the task's, and
// then those of the tasks that wait. The caller has counted it as running.
func (p *partition) run(work context.Context, l *lane, t *task) {
	for t != nil {
		ending := p.handle(work, t)
		p.mu.Lock()
		if s, isHeld := t.stored.(held); isHeld && ending == waits {
			s.queue.putBack(work, t, s)
		}
		if ending == paused {
			l.putOff(work, t)
			t = nil
		} else {
			t = l.next(work, t)
		}
		p.mu.Unlock()
	}
}

// ending is what became of a task.
type ending int

const (
	ended  ending = iota // settled, or given back
	paused               // not attempted
	waits                // to be attempted again from its place in the queue
)

// handle makes one attempt and settles it.
func (p *partition) handle(work context.Context, t *task) ending {
	result, err := p.attempt(work, t)
	if err == nil {
		t.signal = flow.SignalOf(result.Outcome.Cause)
	}
	switch {
	case errors.Is(err, attempt.ErrPaused):
		return paused
	case errors.Is(err, attempt.ErrShelved): // it lies on, elsewhere
		fault.Here(fault.PullShelved)
		t.stored.done()
		return ended
	}
	r := Report{t.delivery, result}
	stays := err == nil && r.Outcome.Kind == schemas.Retry && p.inPlace(t)
	if err == nil {
		var span tracing.Span
		work, span = p.d.beginSettle(work, r)
		err = p.settleOrKeep(work, t, r, stays)
		endSettle(span, err)
	}
	if err != nil {
		p.d.o.Log.InfoContext(work, "delivery given back", "delivery", t.delivery.ID, "endpoint", t.delivery.Endpoint, "cause", err)
		t.stored.giveBack()
		return ended
	}
	if stays {
		p.journal(r, func() {})
	} else {
		p.letGoOnceWritten(r, t)
	}
	p.failing.Done(r.Delivery, r.Attempt, r.Outcome.Kind)
	p.d.o.Observe(r)
	if stays {
		return waits
	}
	return ended
}

// attempt makes an attempt, once the process has room for it.
func (p *partition) attempt(work context.Context, t *task) (attempt.Result, error) {
	waited, err := p.d.crowd.enter(work, p.ending)
	if err != nil {
		return attempt.Result{}, err
	}
	defer p.d.crowd.leave()
	if waited { // for which the endpoint is not to blame
		p.mu.Lock()
		t.started = time.Now()
		p.mu.Unlock()
	}
	return p.d.maker.Attempt(work, t.delivery, p.ending)
}

// settleOrKeep settles a task, or keeps what is known of it where it stays in its
// place in the queue.
func (p *partition) settleOrKeep(work context.Context, t *task, r Report, stays bool) error {
	if stays {
		next := advance(r)
		t.due = time.Now().Add(r.Outcome.After)
		return p.kept.Keep(work, &next, r.Outcome.After)
	}
	err := p.settle(work, r)
	if err == nil && t.kept > 0 {
		err = p.kept.Forget(work, t.delivery, t.kept)
	}
	return err
}

// extendUntil tells JetStream, until all has ended, which deliveries are still
// being worked on or waiting here.
func (p *partition) extendUntil(ended <-chan struct{}) {
	ticker := time.NewTicker(p.d.o.AckWait / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case now := <-ticker.C:
			p.mu.Lock()
			for t := range p.taken {
				if now.Sub(t.taken) >= p.d.o.AckWait/3 {
					t.stored.extend()
				}
			}
			p.forgetFlows(now)
			p.mu.Unlock()
		}
	}
}

// stop gives back what waits, and waits for what is under way, no longer than
// the grace.
func (p *partition) stop(cut context.CancelCauseFunc) {
	close(p.ending)
	p.unstored.keep()
	p.mu.Lock()
	p.stopping = true
	for _, l := range p.lanes {
		l.giveBack()
	}
	p.mu.Unlock()

	grace := time.AfterFunc(p.d.o.Grace, func() { cut(errGrace) })
	defer grace.Stop()
	p.wg.Wait()
}

// lane finds or opens an endpoint's lane. The caller holds mu.
func (p *partition) lane(endpoint schemas.EndpointID) *lane {
	l := p.lanes[endpoint]
	if l == nil {
		l = newLane(p, endpoint)
		p.lanes[endpoint] = l
	}
	return l
}

// flow finds or begins what an endpoint takes. The caller holds mu.
func (p *partition) flow(endpoint schemas.EndpointID) *flow.Flow {
	f := p.flows[endpoint]
	if f == nil {
		f = flow.New(p.flowOptions(endpoint))
		p.flows[endpoint] = f
	} else {
		f.Set(p.flowOptions(endpoint))
	}
	return f
}

// flowOptions are an endpoint's policy.
func (p *partition) flowOptions(endpoint schemas.EndpointID) flow.Options {
	t := p.d.o.Targets.Get(endpoint)
	if t == nil {
		return flow.Options{Breaker: flow.BreakerOptions{Off: true}}
	}
	return flow.Options{Max: t.Window(), Breaker: flow.BreakerOptions{Off: !t.BreakerOn()}}
}

// forgetFlows forgets what is not worth remembering. The caller holds mu.
func (p *partition) forgetFlows(now time.Time) {
	maps.DeleteFunc(p.flows, func(endpoint schemas.EndpointID, f *flow.Flow) bool {
		return p.lanes[endpoint] == nil && (f.Idle(now) || p.d.o.Targets.Get(endpoint) == nil)
	})
}

// resumeHeld opens the lanes whose queues a former owner left held.
func (p *partition) resumeHeld(ctx, work context.Context) error {
	asked := time.Now()
	info, err := p.deliveries.Info(ctx, jetstream.WithSubjectFilter(schemas.HeldFilter(p.number)))
	if err != nil {
		return err
	}
	if differs := p.d.clock.hear(info.TimeStamp, asked); differs.Abs() > time.Second {
		p.d.o.Log.WarnContext(ctx, "the clock of JetStream differs from this machine's, or one was set: retries go by JetStream's", "differs", differs)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for subject, length := range info.State.Subjects {
		if p.stopping {
			break
		}
		l := p.lane(schemas.QueueEndpoint(subject))
		if l.held != nil { // it is read on
			continue
		}
		l.held = newHeldQueue(l)
		l.held.again = true
		l.held.length = int(length) //nolint:gosec // of messages on a disk
		l.hold(work)
	}
	return nil
}

// resumeAgain looks for such queues again and again, until the partition stops.
// Whoever owned it before may have written to one after this owner had looked.
func (p *partition) resumeAgain(work context.Context) {
	for {
		select {
		case <-time.After(lookAgain):
		case <-p.ending:
			return
		}
		if err := p.resumeHeld(work, work); err != nil {
			p.d.o.Log.WarnContext(work, "look for held queues", "partition", p.number, "error", err)
		}
	}
}
