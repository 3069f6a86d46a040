package producers

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// Options is what a service decides about its publishing. Tenant is required;
// the zero value of each other field asks for the default.
type Options struct {
	// Tenant owns the events. See [Publisher.For] for services that serve many.
	Tenant schemas.TenantID
	// Source is the CloudEvents source of events that have none: the service, as
	// a URI-reference like "/services/accounts". Without it every event must
	// bring its own.
	Source string
	// Catalogue holds the event types whose data is checked before it is sent. The
	// built-in types by default; add a tenant's own with [catalogue.ReadDir].
	Catalogue *catalogue.Catalogue
	// Validation should be the tenant's, which a publisher cannot read. The
	// default, [schemas.ValidationReject], refuses what breaks its schema; any
	// other sends it, and fanout does as the tenant wants.
	Validation schemas.Validation
	// MaxEventSize bounds an event's data, in bytes: 1 MiB by default. The
	// server's own max_payload bounds it too.
	MaxEventSize int
	// MaxInFlight is how many events [Publisher.PublishAsync] sends before the
	// first is acknowledged: 1024 by default.
	MaxInFlight int
	// AckTimeout is how long to wait for one acknowledgement before the event is
	// sent again: 2s by default.
	AckTimeout time.Duration
	// GiveUp is how long to try when ctx has no deadline: 30s by default.
	GiveUp time.Duration
	// Tracers makes a span of each event that is sent, whose context travels with it.
	// By default there is none, and the event gets the context of ctx.
	Tracers trace.TracerProvider
}

// Sink stores an event; *[Publisher] is one. The domain packages publish to it,
// so that a service can test what it publishes without a server.
type Sink interface {
	Publish(ctx context.Context, e schemas.Event) (Receipt, error)
}

// Publisher stores events in EVENTS. It is safe for concurrent use.
type Publisher struct {
	o  Options
	nc *nats.Conn
	js jetstream.JetStream
	// tracer is off unless there are Tracers.
	tracer tracing.Tracer
	// slots bounds what is in flight, over all tenants.
	slots chan struct{}
	// gaveUp is the error of an event that GiveUp ended.
	gaveUp error
}

// New makes a publisher on a connection, which stays the caller's.
func New(nc *nats.Conn, o Options) (*Publisher, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	// The slots bound what is in flight; a bound of the client's own would count
	// events that were given up too, and keep others waiting without regard to ctx.
	js, err := jetstream.New(nc,
		jetstream.WithPublishAsyncTimeout(min(o.AckTimeout, o.GiveUp)), jetstream.WithPublishAsyncMaxPending(math.MaxInt))
	if err != nil {
		return nil, err
	}
	return &Publisher{
		o: o, nc: nc, js: js, tracer: tracing.New(o.Tracers, "producers"),
		slots:  make(chan struct{}, o.MaxInFlight),
		gaveUp: fmt.Errorf("no acknowledgement within %s: %w", o.GiveUp, context.DeadlineExceeded),
	}, nil
}

func (o Options) withDefaults() Options {
	if o.Catalogue == nil {
		o.Catalogue = catalogue.New()
	}
	if o.Validation == "" {
		o.Validation = schemas.ValidationReject
	}
	if o.MaxEventSize == 0 {
		o.MaxEventSize = schemas.MaxEventSize
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 1024
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = 2 * time.Second
	}
	if o.GiveUp == 0 {
		o.GiveUp = 30 * time.Second
	}
	return o
}

func (o Options) validate() error {
	if err := o.Tenant.Validate(); err != nil {
		return err
	}
	if err := o.Validation.Validate(); err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "publisher: %w", err)
	}
	switch {
	case o.Source != "" && types.ParseURIRef(o.Source) == nil:
		return schemas.Errorf(schemas.CodeInvalid, "publisher: source %q is not a URI-reference: write it like \"/services/accounts\"", o.Source)
	case o.MaxEventSize < 0:
		return schemas.Errorf(schemas.CodeInvalid, "publisher: the largest event is %d bytes: use at least 1", o.MaxEventSize)
	case o.MaxInFlight < 0:
		return schemas.Errorf(schemas.CodeInvalid, "publisher: %d events in flight: use at least 1", o.MaxInFlight)
	case o.AckTimeout < 0 || o.GiveUp < 0:
		return schemas.Errorf(schemas.CodeInvalid, "publisher: ack timeout %s, give up after %s: use more than 0", o.AckTimeout, o.GiveUp)
	}
	return nil
}

// For is the same publisher on behalf of another tenant.
func (p *Publisher) For(tenant schemas.TenantID) (*Publisher, error) {
	if err := tenant.Validate(); err != nil {
		return nil, err
	}
	other := *p
	other.o.Tenant = tenant
	return &other, nil
}

// Receipt says that and where an event is stored.
type Receipt struct {
	// EventID is the event's id, which the publisher chose if it had none.
	EventID string
	// Sequence is the event's place in EVENTS. For a duplicate it is the
	// original's.
	Sequence uint64
	// Duplicate reports that the tenant's same event (source and id) was stored
	// before: by an earlier call, or by an earlier try of this one whose
	// acknowledgement was lost.
	Duplicate bool
}

// Publish stores one event. A missing id, time or source is filled in: a
// random id, now, and the publisher's source. It returns once JetStream has
// stored the event; an error is a *[PublishError].
func (p *Publisher) Publish(ctx context.Context, e schemas.Event) (Receipt, error) {
	f, err := p.PublishAsync(ctx, e)
	if err != nil {
		return Receipt{}, err
	}
	<-f.done // at the latest when ctx ends: the future is bound to it
	return f.receipt, f.err
}

// PublishAsync sends one event and returns a future of its storing. It waits
// while MaxInFlight events are under way. The future resolves by itself, at the
// latest when ctx ends; a caller may drop it. Events of one goroutine are sent
// in order, and stored in order unless one has to be sent again.
func (p *Publisher) PublishAsync(ctx context.Context, e schemas.Event) (*Future, error) {
	m, err := p.message(ctx, e)
	if err != nil {
		return nil, err
	}
	return p.send(ctx, m)
}

// PublishBatch stores many events. If any is invalid none is sent. Otherwise
// all are sent, and the results stand in the order of the events.
func (p *Publisher) PublishBatch(ctx context.Context, events []schemas.Event) ([]Result, error) {
	messages := make([]*message, len(events))
	for i, e := range events {
		m, err := p.message(ctx, e)
		if err != nil {
			for _, m := range messages[:i] {
				m.span.refused()
			}
			return nil, schemas.Errorf(schemas.CodeInvalid, "batch refused, nothing was sent: event %d of %d: %w", i+1, len(events), err)
		}
		messages[i] = m
	}
	futures := make([]*Future, len(messages))
	results := make([]Result, len(messages))
	for i, m := range messages {
		futures[i], results[i].Err = p.send(ctx, m)
	}
	for i, f := range futures {
		if f != nil {
			<-f.done
			results[i] = Result{Receipt: f.receipt, Err: f.err}
		}
	}
	return results, nil
}

// Result is what became of one event of a batch.
type Result struct {
	Receipt Receipt
	Err     error
}
