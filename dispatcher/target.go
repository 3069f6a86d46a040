package dispatcher

import (
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

const defaultConcurrency = 32

// target is an endpoint made ready: all that an attempt needs and that does
// not change from one to the next.
type target struct {
	endpoint schemas.Endpoint
	url      *url.URL
	writer   dialect.Writer
	rules    retry.Rules
	schedule retry.Schedule
	timeout  time.Duration
	window   int           // attempts under way at once
	limit    *rate.Limiter // nil: none
	fault    error         // why no request can be made for it
}

func newTarget(e schemas.Endpoint) *target {
	t := &target{endpoint: e, window: e.Policy.Concurrency, limit: limiter(e)}
	if t.window == 0 {
		t.window = defaultConcurrency
	}
	t.fault = t.prepare()
	return t
}

// limiter keeps to the endpoint's rate and to what its receiver agreed to,
// whichever is less.
func limiter(e schemas.Endpoint) *rate.Limiter {
	interval := e.Policy.Rate.Interval()
	if e.Consent != nil && e.Consent.Rate > 0 {
		interval = max(interval, time.Minute/time.Duration(e.Consent.Rate))
	}
	if interval == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Every(interval), 1)
}

func (t *target) prepare() (err error) {
	if t.url, err = url.Parse(t.endpoint.URL); err != nil {
		return err
	}
	if err := egress.CheckURL(t.url); err != nil {
		return err
	}
	d, err := dialect.For(t.endpoint.Dialect)
	if err != nil {
		return err
	}
	t.rules = d.Rules
	t.schedule = retry.ForPolicy(t.endpoint.Policy, d.Schedule)
	if t.timeout = t.endpoint.Policy.Timeout.Std(); t.timeout == 0 {
		t.timeout = d.Timeout
	}
	t.writer, err = d.Writer(t.endpoint)
	return err
}

// Targets is the dispatcher's picture of the endpoints, which the registry
// keeps up to date. It is safe for concurrent use.
type Targets struct {
	mu   sync.RWMutex // guards byID
	byID map[schemas.EndpointID]*target
}

// NewTargets is a picture of nothing.
func NewTargets() *Targets { return &Targets{byID: map[schemas.EndpointID]*target{}} }

// Apply takes in one change of the registry.
func (t *Targets) Apply(c schemas.Change) {
	if c.Endpoint == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Removed {
		delete(t.byID, c.Endpoint.ID)
		return
	}
	t.byID[c.Endpoint.ID] = newTarget(*c.Endpoint)
}

// get returns nil for an endpoint that is not known.
func (t *Targets) get(id schemas.EndpointID) *target {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}
