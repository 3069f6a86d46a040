package fanout

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Options is what fanout needs to know. Layout, Index and Tenant are
// required; the zero value of each other field asks for the default.
type Options struct {
	Layout schemas.Layout
	// Index holds the subscriptions. It must have taken in the whole registry
	// before the first event is read.
	Index *Index
	// Tenant asks the registry itself, for a tenant that Index does not know: it
	// may be newer than the last change seen. An error with
	// [schemas.CodeNotFound] means that it does not exist.
	Tenant func(context.Context, schemas.TenantID) (schemas.Tenant, error)
	// Catalogue knows event types, and must have taken in the whole registry
	// too. The built-in types by default.
	Catalogue *catalogue.Catalogue
	// MaxInFlight is how many events of a partition may be on their way at once:
	// 256 by default.
	MaxInFlight int
	Log         *slog.Logger // discarded by default
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
	js jetstream.JetStream
}

// New makes the stage on a connection.
func New(nc *nats.Conn, o Options) (*Fanout, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(maxPending), jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err != nil {
		return nil, err
	}
	return &Fanout{o: o.withDefaults(), js: js}, nil
}

// RunPartition reads one partition of EVENTS until ctx ends. Events taken by
// then and not begun are given back at once; those begun are finished.
func (f *Fanout) RunPartition(ctx context.Context, partition int) error {
	consumer, err := f.js.Consumer(ctx, schemas.StreamEvents, schemas.FanoutConsumer(partition))
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: %w", partition, err)
	}
	pending, ended := make(chan *step, f.o.MaxInFlight), make(chan struct{})
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		if ctx.Err() != nil {
			_ = m.Nak() // given back; a lost nak costs the ack wait
			return
		}
		select {
		case pending <- f.begin(ctx, m):
		case <-ended: // the connection was closed meanwhile: nothing can be said of m
		}
	}, jetstream.PullMaxMessages(pullBatch))
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: %w", partition, err)
	}
	go func() { // ends with consuming, which ends with ctx if not before
		select {
		case <-ctx.Done():
			consuming.Drain()
		case <-consuming.Closed():
		}
		<-consuming.Closed()
		close(ended)
	}()
	f.finishAll(ctx, pending, ended)
	if ctx.Err() == nil {
		return schemas.Errorf(schemas.CodeUnavailable, "fanout partition %d: its consumer is gone, or the connection", partition)
	}
	return nil
}

// finishAll finishes steps in the order they began, until no more can come.
func (f *Fanout) finishAll(ctx context.Context, pending <-chan *step, ended <-chan struct{}) {
	for {
		select {
		case s := <-pending:
			f.finish(ctx, s)
		case <-ended:
			for len(pending) > 0 {
				f.finish(ctx, <-pending)
			}
			return
		}
	}
}
