package pull

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/bodies"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Options is what a desk needs to know. Every field but UserAgent, Observe and Log is
// required.
type Options struct {
	Layout schemas.Layout
	// Targets and Catalogue follow the registry.
	Targets   *attempt.Targets
	Catalogue *catalogue.Catalogue
	// Fetch asks the registry itself whether an endpoint that Targets does not know
	// exists. An error with [schemas.CodeNotFound] means that it does not.
	Fetch func(context.Context, schemas.EndpointID) (schemas.Endpoint, error)
	// Key ties receipts to their endpoint: at least 32 bytes, the same in all processes.
	Key []byte
	// Journal is told of each attempt once its outcome is known, and of each delivery
	// that dies here.
	Journal schemas.Journal
	Name    string // of the process, in the journal
	// UserAgent names the sender. "Tidings" by default.
	UserAgent string
	// Observe is told of each outcome. It must be fast and safe for concurrent use.
	Observe func(schemas.TenantID, *schemas.AttemptRecord)
	Log     *slog.Logger // discarded by default
}

// Desk hands out and settles. It is safe for concurrent use.
type Desk struct {
	o      Options
	nc     *nats.Conn
	js     jetstream.JetStream
	maker  *attempt.Maker
	closed chan struct{}
	once   sync.Once

	mu        sync.Mutex // guards what follows
	consumers map[schemas.EndpointID]known
}

// known is a consumer as it was last made or seen here.
type known struct {
	consumer jetstream.Consumer
	seen     time.Time
}

// New makes a desk on a connection.
func New(nc *nats.Conn, o Options) (*Desk, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	if o.UserAgent == "" {
		o.UserAgent = "Tidings"
	}
	if o.Observe == nil {
		o.Observe = func(schemas.TenantID, *schemas.AttemptRecord) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := bodies.New(nc, o.Log)
	return &Desk{
		o: o, nc: nc, js: js, closed: make(chan struct{}), consumers: map[schemas.EndpointID]known{},
		maker: attempt.New(attempt.Options{
			Targets: o.Targets, Catalogue: o.Catalogue, Fetch: o.Fetch, Load: b.Load, UserAgent: o.UserAgent, Log: o.Log,
		}),
	}, nil
}

// Close ends the waiting of all polls: they answer with what they have. It may be
// called twice.
func (d *Desk) Close() { d.once.Do(func() { close(d.closed) }) }

const (
	// margin is how much longer JetStream waits for an ack than a receipt is good.
	margin = 2 * time.Second
	// maxOut is how many deliveries of an endpoint may be handed out at once.
	maxOut = 5000
	// trust is for how long a consumer is taken to be as it was: another process may
	// have changed it.
	trust = 30 * time.Second
)

// consumer is an endpoint's, made if need be. AckWait 0 leaves that as it is.
func (d *Desk) consumer(ctx context.Context, tenant schemas.TenantID, id schemas.EndpointID, ordered bool, ackWait time.Duration) (jetstream.Consumer, error) {
	d.mu.Lock()
	k, ok := d.consumers[id]
	d.mu.Unlock()
	most := maxOut
	if ordered {
		most = 1
	}
	fits := func(c jetstream.ConsumerConfig) bool {
		return c.MaxAckPending == most && (ackWait == 0 || c.AckWait == ackWait+margin) && c.FilterSubject == schemas.PullSubject(tenant, id)
	}
	if ok && time.Since(k.seen) < trust && fits(k.consumer.CachedInfo().Config) {
		return k.consumer, nil
	}
	c, err := d.js.Consumer(ctx, schemas.StreamPull, schemas.PullConsumer(id))
	if err == nil && !fits(c.CachedInfo().Config) || isNotFound(err) {
		if ackWait == 0 && err == nil {
			ackWait = c.CachedInfo().Config.AckWait - margin
		}
		if ackWait <= 0 {
			ackWait = schemas.DefaultAckWait
		}
		c, err = d.js.CreateOrUpdateConsumer(ctx, schemas.StreamPull, jetstream.ConsumerConfig{
			Durable:       schemas.PullConsumer(id),
			Description:   "Deliveries that are pulled",
			FilterSubject: schemas.PullSubject(tenant, id),
			AckPolicy:     jetstream.AckExplicitPolicy,
			AckWait:       ackWait + margin,
			MaxDeliver:    -1, // see config/streams: attempts are counted here
			MaxAckPending: most,
		})
	}
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "the endpoint's queue cannot be read now: poll again: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.consumers[id] = known{c, time.Now()}
	return c, nil
}

// forget has a consumer looked up anew.
func (d *Desk) forget(id schemas.EndpointID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.consumers, id)
}
