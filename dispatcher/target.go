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
	window   int // attempts under way at once
	limit    *limit
	answer   atomic.Pointer[answer] // to the last question for consent; set by agree
	fault    error                  // why no request can be made for it
}

func newTarget(e schemas.Endpoint, l *limit) *target {
	t := &target{endpoint: e, window: e.Policy.Concurrency, limit: l}
	if t.window == 0 {
		t.window = defaultConcurrency
	}
	t.window = paced(t.window, interval(e))
	t.fault = t.prepare()
	return t
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
	limits map[schemas.EndpointID]*limit // outlive changes of their endpoint
}

// NewTargets is a picture of nothing.
func NewTargets() *Targets {
	return &Targets{byID: map[schemas.EndpointID]*target{}, limits: map[schemas.EndpointID]*limit{}}
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
	l := t.limits[e.ID]
	switch {
	case every == 0:
		delete(t.limits, e.ID)
		l = nil
	case l == nil:
		l = &limit{rate.NewLimiter(rate.Every(every), 1)}
		t.limits[e.ID] = l
	default:
		l.SetLimit(rate.Every(every))
	}
	return newTarget(e, l)
}

// limit is nil for an endpoint that has none, or is not known.
func (t *Targets) limit(id schemas.EndpointID) *limit {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.limits[id]
}

// get returns nil for an endpoint that is not known.
func (t *Targets) get(id schemas.EndpointID) *target {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}
