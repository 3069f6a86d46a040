package fanout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Options is what fanout needs to know. Layout, Index, Histories and Registry
// are required; the zero value of each other field asks for the default.
type Options struct {
	Layout schemas.Layout
	// Index holds the subscriptions, and Histories those that ask for stored
	// events. The registry keeps both up to date.
	Index     *Index
	Histories *Histories
	Registry  Registry
	// Catalogue knows event types, and is kept up to date too. The built-in types
	// by default.
	Catalogue *catalogue.Catalogue
	// MaxInFlight is how many events of a partition may be on their way at once:
	// 256 by default.
	MaxInFlight int
	Log         *slog.Logger // discarded by default
}

// Registry is what fanout asks of where the subscriptions are kept.
type Registry interface {
	// CaughtUp returns once Index, Histories and Catalogue have taken in every
	// change whose write had returned when CaughtUp was called.
	CaughtUp(context.Context) error
	// SetHistory changes what a subscription's history is now. If the subscription
	// does not exist, that is a [schemas.CodeNotFound].
	SetHistory(context.Context, schemas.SubscriptionID, func(*schemas.History) error) error
	// Progress is the sequence of EVENTS up to which a subscription's history has
	// been delivered, 0 at first; SetProgress stores it. It is of this very history:
	// another one under the same id begins anew.
	Progress(context.Context, schemas.Subscription) (uint64, error)
	SetProgress(context.Context, schemas.Subscription, uint64) error
}

func (o Options) withDefaults() Options {
	if o.Catalogue == nil {
		o.Catalogue = catalogue.New()
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 256
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

const (
	// maxPending bounds the deliveries sent and not yet known to be stored, over
	// all partitions of the process.
	maxPending = 4096
	// stallWait is how long a publish waits at that bound.
	stallWait = time.Minute
	// ackTimeout is how long to wait for JetStream to store a delivery before it
	// is sent again.
	ackTimeout = 5 * time.Second
	// retryPause is how long to wait before it is.
	retryPause = 100 * time.Millisecond
	// pullBatch is how many events are asked for ahead.
	pullBatch = 256
)

// Fanout is the stage. Its partitions run independently.
type Fanout struct {
	o  Options
	nc *nats.Conn
	js jetstream.JetStream
}

// New makes the stage on a connection.
func New(nc *nats.Conn, o Options) (*Fanout, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(maxPending), jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err != nil {
		return nil, err
	}
	return &Fanout{o: o.withDefaults(), nc: nc, js: js}, nil
}

// RunPartition reads one partition of EVENTS until ctx ends. Events taken by
// then and not begun are given back at once; those begun are finished.
func (f *Fanout) RunPartition(ctx context.Context, partition int) error {
	consumer, err := f.js.Consumer(ctx, schemas.StreamEvents, schemas.FanoutConsumer(partition))
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: %w", partition, err)
	}
	arrived, ended := make(chan jetstream.Msg, pullBatch), make(chan struct{})
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		if ctx.Err() != nil {
			_ = m.Nak() // given back; a lost nak costs the ack wait
			return
		}
		select {
		case arrived <- m:
		case <-ended: // the connection was closed meanwhile: nothing can be said of m
		}
	}, jetstream.PullMaxMessages(pullBatch))
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
	pending := make(chan *step, f.o.MaxInFlight)
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { f.beginAll(ctx, arrived, pending, ended) })
	parts.Go(func() { f.readHistories(reading, partition) })
	for s := range pending { // a tenant's in the order they began
		f.finish(ctx, s)
	}
	if ctx.Err() == nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: its consumer is gone, or the connection", partition)
	}
	return nil
}

// beginAll begins events, each tenant's in the order they arrived, until no more
// can come. The registry is asked once for all that have arrived: each of them
// meets every subscription whose writing had returned before the event was
// published.
func (f *Fanout) beginAll(ctx context.Context, arrived <-chan jetstream.Msg, pending chan<- *step, ended <-chan struct{}) {
	defer close(pending)
	var matching sync.WaitGroup
	defer matching.Wait()
	waiting := newTurns()
	defer waiting.end()
	for range matchers {
		matching.Go(func() { f.matchTurns(ctx, waiting, pending) })
	}
	matching.Go(func() { extendWaiting(waiting, ended) })
	batch := make([]jetstream.Msg, 0, pullBatch)
	for {
		select {
		case m := <-arrived:
			batch = append(batch[:0], m)
		case <-ended:
			for len(arrived) > 0 {
				_ = (<-arrived).Nak()
			}
			return
		}
		for n := min(len(arrived), pullBatch-1); n > 0; n-- {
			batch = append(batch, <-arrived)
		}
		upToDate := f.caughtUp(ctx)
		for _, m := range batch {
			if !upToDate || ctx.Err() != nil {
				_ = m.Nak()
				continue
			}
			waiting.put(m)
		}
	}
}

// caughtUp asks the registry until it answers, or ctx ends.
func (f *Fanout) caughtUp(ctx context.Context) bool {
	for {
		err := f.o.Registry.CaughtUp(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		f.o.Log.WarnContext(ctx, "fanout waits for the registry", "error", err)
		if !pause(ctx) {
			return false
		}
	}
}
