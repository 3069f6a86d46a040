package dispatcher

import (
	"net/url"
	"sync"
	"sync/atomic"
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
	window   int                     // attempts under way at once
	limit    *rate.Limiter           // nil: none
	refused  atomic.Pointer[refusal] // the last time the receiver did not consent; set by agree
	fault    error                   // why no request can be made for it
}

func newTarget(e schemas.Endpoint, limit *rate.Limiter) *target {
	t := &target{endpoint: e, window: e.Policy.Concurrency, limit: limit}
	if t.window == 0 {
		t.window = defaultConcurrency
	}
	t.fault = t.prepare()
	return t
}

// interval is the time from one request to the next, by the endpoint's rate or
// what its receiver agreed to, whichever is slower; 0 for no limit.
func interval(e schemas.Endpoint) time.Duration {
	own := e.Policy.Rate.Interval()
	if e.Consent == nil || e.Consent.Rate == 0 {
		return own
	}
	return max(own, time.Minute/time.Duration(e.Consent.Rate))
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
	mu     sync.RWMutex // guards what follows
	byID   map[schemas.EndpointID]*target
	limits map[schemas.EndpointID]*rate.Limiter // outlive changes of their endpoint
}

// NewTargets is a picture of nothing.
func NewTargets() *Targets {
	return &Targets{byID: map[schemas.EndpointID]*target{}, limits: map[schemas.EndpointID]*rate.Limiter{}}
}

// Apply takes in one change of the registry.
func (t *Targets) Apply(c schemas.Change) {
	if c.Endpoint == nil {
		return
	}
	if c.Removed {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.byID, c.Endpoint.ID)
		delete(t.limits, c.Endpoint.ID)
		return
	}
	made := t.prepare(*c.Endpoint)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID[c.Endpoint.ID] = made
}

// prepare makes an endpoint ready, under the limit it already has.
func (t *Targets) prepare(e schemas.Endpoint) *target {
	every := interval(e)
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := t.limits[e.ID]
	switch {
	case every == 0:
		delete(t.limits, e.ID)
		limit = nil
	case limit == nil:
		limit = rate.NewLimiter(rate.Every(every), 1)
		t.limits[e.ID] = limit
	default:
		limit.SetLimit(rate.Every(every))
	}
	return newTarget(e, limit)
}

// get returns nil for an endpoint that is not known.
func (t *Targets) get(id schemas.EndpointID) *target {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}
