package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Options is what the API works with. What it may not import comes as functions;
// each error that is a [*schemas.Error] is shown to the caller.
type Options struct {
	Registry *registry.Registry
	// Picture and Catalogue follow the registry; CaughtUp returns once they show
	// every write that had returned.
	Picture   *picture.Picture
	Catalogue *catalogue.Catalogue
	CaughtUp  func(context.Context) error
	Gate      *access.Gate
	// Links makes links, which Gate lets in.
	Links *access.Links
	// Keys seal what Idempotency keeps: answers, for 24 hours, some with a secret.
	Keys        *seal.Keyring
	Idempotency jetstream.KeyValue

	// ReadEvents reads CloudEvents in any mode of HTTP, each of them valid.
	ReadEvents func(*http.Request) ([]schemas.Event, error)
	// Publish returns once JetStream has stored all events, and says of each
	// whether it was there already.
	Publish func(context.Context, schemas.TenantID, []schemas.Event) (duplicate []bool, err error)
	// CheckSubscription says why a subscription's filters do not compile.
	CheckSubscription func(schemas.Subscription) error
	// Explain goes through the endpoints of the tenant that have a subscription.
	Explain func(schemas.TenantID, schemas.Event) []schemas.Explanation
	// Test sends an example of a type to one endpoint; of a type that fits if it is
	// empty.
	Test func(ctx context.Context, e schemas.Endpoint, eventType string) (schemas.DeliveryID, error)
	// DeliveryLog is where the delivery log is searched. An error means that it cannot
	// be now.
	DeliveryLog func() (*deliverylog.Store, error)
	// Audit keeps who changed what.
	Audit *audit.Log
	// Watch calls see with what is written to a tenant's delivery log from now on, until
	// ctx ends.
	Watch func(ctx context.Context, tenant schemas.TenantID, see func([]schemas.Record)) error
	// Stopping ends the answers that have no end of their own; nil never does.
	Stopping <-chan struct{}
	// Pending are a tenant's events, the newest first, that are accepted and not yet in
	// the log, up to some hundred.
	Pending func(context.Context, schemas.TenantID) ([]deliverylog.Event, error)
	// Resend returns once a delivery is on its way once more; false if its event is no
	// longer stored.
	Resend func(context.Context, schemas.TenantID, deliverylog.Delivery) (sent bool, err error)
	// Replays are the jobs that do the same of many.
	Replays replay.Jobs
	// Poll hands out what is due for an endpoint that is pulled from, and Settle takes in
	// what became of it: each receipt has an answer.
	Poll   func(context.Context, schemas.TenantID, schemas.EndpointID, schemas.Poll) ([]schemas.Pulled, error)
	Settle func(context.Context, schemas.TenantID, schemas.EndpointID, schemas.Settlement) ([]schemas.Settled, error)
	// Erase removes an event, or all of a subject; Erasures are the records of that.
	Erase    func(context.Context, schemas.TenantID, erasure.Request) (erasure.Record, error)
	Erasures func(context.Context, schemas.TenantID) ([]erasure.Record, error)
	// NewSecret makes a secret that the dialect can sign with; empty if the dialect
	// has no signature.
	NewSecret func(schemas.Dialect) string
	// RoamSecret is what signs all that is sent to a tenant's client of Roam's /v0:
	// the organisation's or, if it is not empty, a user's.
	RoamSecret func(ctx context.Context, tenant schemas.TenantID, user string) (schemas.Secret, error)
	// CheckEndpoint says what keeps an endpoint's dialect from writing its requests.
	CheckEndpoint func(schemas.Endpoint) error

	// Admit refuses events that are too many for their tenant, before they are
	// published. Make refuses an endpoint too many; done is called when it is made, or is
	// not after all. Nothing is refused by default.
	Admit func(ctx context.Context, tenant schemas.TenantID, events int) error
	Make  func(context.Context, schemas.TenantID, schemas.EndpointID) (done func(), err error)

	// Published is told of each request to publish that reads its body: of how many
	// events how many were stored already, or why all were refused. Nobody is by
	// default.
	Published func(tenant schemas.TenantID, events, repeated int, err error)

	// MaxConfig and MaxEvents bound request bodies, in bytes: 1 MiB and 8 MiB by
	// default.
	MaxConfig, MaxEvents int64
	// Log is told of each request, at debug. Nobody by default.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxConfig == 0 {
		o.MaxConfig = 1 << 20
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = 8 << 20
	}
	if o.Admit == nil {
		o.Admit = func(context.Context, schemas.TenantID, int) error { return nil }
	}
	if o.Make == nil {
		o.Make = func(context.Context, schemas.TenantID, schemas.EndpointID) (func(), error) { return func() {}, nil }
	}
	if o.Published == nil {
		o.Published = func(schemas.TenantID, int, int, error) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// now has no more digits than people read.
func now() time.Time { return shown(time.Now()) }

func shown(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
