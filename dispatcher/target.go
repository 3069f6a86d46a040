package dispatcher

import (
	"net/url"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// defaultTimeout is the lower end of what Standard Webhooks 1.0.0 advises
	// (15 to 30 s).
	defaultTimeout     = 15 * time.Second
	defaultConcurrency = 32
)

// target is an endpoint made ready: all that an attempt needs and that does
// not change from one to the next.
type target struct {
	endpoint schemas.Endpoint
	url      *url.URL
	dialect  dialect.Dialect
	keys     []signing.Key
	schedule retry.Schedule
	timeout  time.Duration
	window   int   // attempts under way at once
	fault    error // why no request can be made for it
}

func newTarget(e schemas.Endpoint) *target {
	t := &target{
		endpoint: e,
		schedule: retry.ForPolicy(e.Policy),
		timeout:  e.Policy.Timeout.Std(),
		window:   e.Policy.Concurrency,
	}
	if t.timeout == 0 {
		t.timeout = defaultTimeout
	}
	if t.window == 0 {
		t.window = defaultConcurrency
	}
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
	if t.dialect, err = dialect.For(t.endpoint.Dialect); err != nil {
		return err
	}
	for _, s := range t.endpoint.Secrets {
		k, err := signing.ParseKey(s.Reveal())
		if err != nil {
			return err
		}
		t.keys = append(t.keys, k)
	}
	return nil
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
