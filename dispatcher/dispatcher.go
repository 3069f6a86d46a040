package dispatcher

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/bodies"
	"github.com/tidings-dev/tidings/dispatcher/failing"
	"github.com/tidings-dev/tidings/dispatcher/load"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// Options is what a dispatcher needs to know. Layout, Targets, Fetch, Disable
// and Transport are required; the zero value of each other field asks for the
// default.
type Options struct {
	Layout schemas.Layout
	// Targets holds the endpoints. It must have taken in the whole registry
	// before the first delivery is read.
	Targets *attempt.Targets
	// Catalogue words event types in the dialects that name them. The built-in
	// types by default.
	Catalogue *catalogue.Catalogue
	// Fetch asks the registry itself for an endpoint that Targets does not know:
	// it may be newer than the last change seen. An error with
	// [schemas.CodeNotFound] means that it does not exist.
	Fetch func(context.Context, schemas.EndpointID) (schemas.Endpoint, error)
	// Disable marks an endpoint in the registry that answered 410, or failed for too
	// long.
	Disable func(context.Context, schemas.EndpointID, schemas.Reason) error
	// Failing keeps what is known of endpoints that do nothing but fail, for whoever
	// runs their partition next. By default nobody does.
	Failing failing.Store
	// Announce publishes an event about an endpoint to its tenant, under the id of
	// the notice. Unless its error has [schemas.CodeInvalid] it is called again. By
	// default nothing is published.
	Announce func(context.Context, failing.Notice) error
	// Agree stores a receiver's consent for an endpoint as it is now: an error
	// with [schemas.CodeConflict] means that it has changed. Required where
	// endpoints ask for consent.
	Agree func(context.Context, schemas.Endpoint, schemas.Consent) error
	// Origin is the DNS name by which receivers are asked for their consent.
	// "tidings" by default.
	Origin string
	// Callback is where a receiver may consent later; nil offers none.
	Callback attempt.Callback
	// Transport makes the requests; it should be egress.NewTransport's.
	Transport http.RoundTripper
	// Observe is told of each attempt after it was settled. It must be fast and
	// safe for concurrent use.
	Observe func(Report)
	// Journal is told of each attempt, and of each delivery that dies without one, before
	// it is let go. By default nobody is.
	Journal schemas.Journal
	// Name is the process's in the journal.
	Name string
	// AckWait is the consumers': a delivery that takes longer is extended.
	// 10s by default.
	AckWait time.Duration
	// Grace is how long attempts under way may go on once the dispatcher is told
	// to stop: 20s by default.
	Grace time.Duration
	// MaxRequests is how many attempts the process may have under way, before each
	// endpoint has an even share of them. [DefaultMaxRequests] by default. Endpoints that
	// have none may add half as many.
	MaxRequests int
	// UserAgent names the sender. "Tidings" by default.
	UserAgent string
	// Tracers makes a span of each request and of each settling. By default there is
	// none.
	Tracers trace.TracerProvider
	Log     *slog.Logger // discarded by default
}

// Report is one settled attempt.
type Report struct {
	Delivery *schemas.Delivery // without its data, where that is stored by reference
	attempt.Result
}

func (o Options) withDefaults() Options {
	if o.Catalogue == nil {
		o.Catalogue = catalogue.New()
	}
	if o.Failing == nil {
		o.Failing = failing.Forgetful{}
	}
	if o.Announce == nil {
		o.Announce = func(context.Context, failing.Notice) error { return nil }
	}
	if o.Observe == nil {
		o.Observe = func(Report) {}
	}
	if o.Journal == nil {
		o.Journal = func(_ schemas.TenantID, _ schemas.Record, written func()) { written() }
	}
	if o.Origin == "" {
		o.Origin = "tidings"
	}
	if o.AckWait == 0 {
		o.AckWait = 10 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 20 * time.Second
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = DefaultMaxRequests()
	}
	if o.UserAgent == "" {
		o.UserAgent = "Tidings"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// maxRequests bounds the connections of a process that may open very many files: as
// many are some hundred MiB.
const maxRequests = 16_384

// MaxConnections is how many connections there may be for so many requests, those that
// are kept for the next attempt too.
func MaxConnections(maxRequests int) int { return places(maxRequests) }

// DefaultMaxRequests is half of the files that this process may have open, 16 384 at
// most: a connection is a file, and idle ones are kept for the next attempt.
func DefaultMaxRequests() int {
	if files := openFiles(); files > 0 {
		return max(1, min(files/2, maxRequests))
	}
	return maxRequests
}

// maxHolding bounds the deliveries on their way into held queues, over all
// partitions of the process.
const maxHolding = 8192

// maxRemovals bounds the requests under way that remove something from a held queue.
// A server answers few requests to JetStream's API at once, and those that only ask,
// like fanout does for each batch of events, after all others.
const maxRemovals = 8

// Dispatcher is the stage. Its partitions run independently.
type Dispatcher struct {
	o      Options
	nc     *nats.Conn
	js     jetstream.JetStream
	bodies *bodies.Bodies
	maker  *attempt.Maker
	tracer tracing.Tracer
	load   load.Load
	gate   gate
	crowd  *crowd
	clock  *clock

	removals chan struct{} // a place for each: see maxRemovals

	inVain atomic.Int64 // when an express delivery last waited for room in vain, in ns since 1970

	maxPassed int // the constants, unless a test lowers them before a partition runs
	maxTaken  int

	mu      sync.RWMutex         // guards what follows
	express map[int]expressTaker // by partition that runs
	running map[*partition]struct{}
}

// New makes the stage on a connection.
func New(nc *nats.Conn, o Options) (*Dispatcher, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(persist.Try), jetstream.WithPublishAsyncMaxPending(maxHolding))
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	shelf := newShelf(js, o.Log)
	b, tracer := bodies.New(nc, o.Log), tracing.New(o.Tracers, "dispatcher")
	return &Dispatcher{
		o: o, nc: nc, js: js, bodies: b, gate: newGate(), crowd: newCrowd(o.MaxRequests), clock: newClock(), removals: make(chan struct{}, maxRemovals), maxPassed: maxPassed, maxTaken: maxTaken,
		tracer: tracer,
		maker: attempt.New(attempt.Options{
			Targets: o.Targets, Catalogue: o.Catalogue, Fetch: o.Fetch, Agree: o.Agree, Load: b.Load, Shelve: shelf.put, Origin: o.Origin,
			Callback: o.Callback, Transport: o.Transport, UserAgent: o.UserAgent, Tracer: tracer, Log: o.Log,
		}),
		express: map[int]expressTaker{}, running: map[*partition]struct{}{},
	}, nil
}
