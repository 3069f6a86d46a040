package attempt

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"

	"golang.org/x/sync/singleflight"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// Options is what an attempt needs to know. Every field but Callback and
// Tracer is required, for [Maker.Attempt]; the dispatcher's own Options say what each is.
type Options struct {
	Targets   *Targets
	Catalogue *catalogue.Catalogue
	Fetch     func(context.Context, schemas.EndpointID) (schemas.Endpoint, error)
	Agree     func(context.Context, schemas.Endpoint, schemas.Consent) error
	Load      func(context.Context, *schemas.Delivery) (*schemas.Delivery, error) // bodies.Bodies'
	Origin    string
	Shelve    func(ctx context.Context, d *schemas.Delivery, maxHeld int) (full bool, err error) // the dispatcher's shelf
	Callback  Callback
	Transport http.RoundTripper
	UserAgent string
	Tracer    tracing.Tracer // off if it is zero
	Log       *slog.Logger
}

// Callback makes the URL at which an endpoint's receiver may consent later.
type Callback func(schemas.Endpoint) *url.URL

// Maker makes attempts. It is safe for concurrent use.
type Maker struct {
	o      Options
	stages []stage            // list's
	asking singleflight.Group // by endpoint
}

// New makes a Maker.
func New(o Options) *Maker {
	m := &Maker{o: o}
	m.stages = m.list()
	return m
}

// random spreads retries. It needs no seed that stays secret.
func random() float64 { return rand.Float64() } //nolint:gosec // jitter
