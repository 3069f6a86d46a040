package fanout

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/tracing"
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
	// Express, if there is one, is offered each delivery before it is stored.
	Express schemas.Express
	// Counted tells whose events are counted; nobody's by default. Stored is told of
	// each of these when it first comes, and how many bytes it takes.
	Counted func(schemas.TenantID) bool
	Stored  func(tenant schemas.TenantID, bytes int)
	// Journal is told what became of each event of a tenant, before it is
	// acknowledged. By default nobody is.
	Journal schemas.Journal
	// MaxInFlight is how many events of a partition may wait at once for their
	// deliveries to be stored: 256 by default.
	MaxInFlight int
	// Tracers makes a span of each event, whose context goes along with its
	// deliveries. By default there is none.
	Tracers trace.TracerProvider
	Log     *slog.Logger // discarded by default
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
	if o.Journal == nil {
		o.Journal = func(_ schemas.TenantID, _ schemas.Record, written func()) { written() }
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
	// retryPause is how long to wait before it is, at first: it grows, up to
	// maxRetryPause. Thousands may wait so while the broker is full.
	retryPause    = 100 * time.Millisecond
	maxRetryPause = 2 * time.Second
	// pullBatch is how many events are asked for ahead.
	pullBatch = 256
	// pullHeartbeat is how often JetStream says that it has no events. Whoever leads
	// the partition's consumer may die: who has heard nothing for twice as long asks
	// the next. The client library's own 15 s would make that half a minute.
	pullHeartbeat = 5 * time.Second
	// pullExpiry is how long a request for events stands. A server that was cut off
	// takes those of its clients along, and for as long they are answered all the same:
	// what is sent to them comes after the ack wait. The library's own is 30 s.
	pullExpiry = 10 * time.Second
	// maxInline is how many bytes of data are stored with all deliveries of an event
	// together: more stays in EVENTS, and they refer to it. minReference is how much
	// one of them carries in any case. Measured (BenchmarkStored in
	// dispatcher/bodies, 2 cores): µs of CPU, the broker's included, from the event's
	// storing to the delivery's acknowledgement, with the data → by reference
	//
	//	            1 endpoint     2              10
	//	  4 KiB     179 → 234      144 → 176      83 → 84
	//	  8 KiB     217 → 274      154 → 170      116 → 96
	//	 16 KiB     271 → 293      170 → 151      155 → 103
	//	 32 KiB     429 → 408      340 → 264      264 → 143
	//	 64 KiB     791 → 607      429 → 288      343 → 136
	//	256 KiB     2278 → 1634    1702 → 1028    1371 → 319
	maxInline    = 32 << 10
	minReference = 8 << 10
)

// Fanout is the stage. Its partitions run independently.
type Fanout struct {
	o      Options
	nc     *nats.Conn
	js     jetstream.JetStream
	tracer tracing.Tracer
}

// New makes the stage on a connection.
func New(nc *nats.Conn, o Options) (*Fanout, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(maxPending), jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err != nil {
		return nil, err
	}
	return &Fanout{o: o.withDefaults(), nc: nc, js: js, tracer: tracing.New(o.Tracers, "fanout")}, nil
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
		if !pause(ctx, retryPause) {
			return false
		}
	}
}
