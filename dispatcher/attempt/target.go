package attempt

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// DefaultConcurrency is the window of an endpoint whose policy names none.
const DefaultConcurrency = 32

// Target is an endpoint made ready: all that an attempt needs and that does
// not change from one to the next.
type Target struct {
	endpoint schemas.Endpoint
	url      *url.URL
	shown    string      // url without its query, for the delivery log
	header   http.Header // the endpoint's own; never logged
	writer   dialect.Writer
	rules    retry.Rules
	schedule retry.Schedule
	timeout  time.Duration
	window   int       // attempts under way at once; 0 while the endpoint is paused
	until    time.Time // when a secret expires, and the target with it; zero is never
	limit    *limit
	answer   atomic.Pointer[answer] // to the last question for consent; set by agree
	fault    error                  // why no request can be made for it
	changed  time.Time              // when the registry last wrote the endpoint; zero if nobody said
}

func newTarget(e schemas.Endpoint, l *limit) *Target {
	t := &Target{endpoint: e, window: e.Policy.Concurrency, limit: l}
	if t.window == 0 {
		t.window = DefaultConcurrency
	}
	t.window = paced(t.window, interval(e))
	if t.FIFO() && t.OrderKey() == "" {
		t.window = 1
	}
	if e.Paused {
		t.window = 0
	}
	t.fault = t.prepare()
	return t
}

func (t *Target) prepare() (err error) {
	t.header = dialect.Own(t.endpoint)
	if !t.endpoint.Pull {
		if t.url, err = schemas.ParseURL(t.endpoint.URL); err != nil {
			return err
		}
		t.shown = shownURL(t.url)
	}
	d, err := dialect.For(t.endpoint.Dialect)
	if err != nil {
		return err
	}
	t.rules = d.Rules
	t.rules.Statuses = t.endpoint.Policy.Statuses
	t.schedule = retry.ForPolicy(t.endpoint.Policy, d.Schedule)
	if t.timeout = t.endpoint.Policy.Timeout.Std(); t.timeout == 0 {
		t.timeout = d.Timeout
	}
	e := t.endpoint
	e.Secrets, t.until = dialect.Working(e.Secrets, time.Now())
	t.writer, err = d.Writer(e)
	return err
}

// Window is how many attempts may be under way at once; 0 while the endpoint is
// paused.
func (t *Target) Window() int { return t.window }

// BreakerOn reports whether the endpoint is left alone while it is down. One that
// asks for order is not: the schedule of a delivery that it fails is all that its
// key has.
func (t *Target) BreakerOn() bool {
	return !t.FIFO() && t.endpoint.Policy.BreakerOn(t.endpoint.Dialect)
}

// Disabled reports whether deliveries to the endpoint die unattempted.
func (t *Target) Disabled() bool { return t.endpoint.Disabled != "" }

// LiveFirst reports whether new deliveries go before those that wait.
func (t *Target) LiveFirst() bool { return t.endpoint.Policy.Backlog == schemas.BacklogLiveFirst }

// MaxHeld is how many deliveries may wait in the endpoint's own queue.
func (t *Target) MaxHeld() int { return cmp.Or(t.endpoint.Policy.MaxHeld, schemas.DefaultMaxHeld) }

// FIFO reports whether the endpoint's deliveries may not overtake one another.
func (t *Target) FIFO() bool { return t.endpoint.Policy.Order == schemas.OrderFIFO }

// OrderKey is the attribute to whose values that is limited; empty if it is not.
func (t *Target) OrderKey() string { return t.endpoint.Policy.OrderKey }

// dies is when a delivery is too old for its endpoint; the zero time is never.
func (t *Target) dies(d *schemas.Delivery) time.Time {
	if t.endpoint.Policy.MaxAge == 0 {
		return time.Time{}
	}
	return d.Since().Add(t.endpoint.Policy.MaxAge.Std())
}

// Refuses reports whether a delivery dies instead of its next attempt, by its
// endpoint's policy.
func (t *Target) Refuses(d *schemas.Delivery) bool { return t.refuses(d) != nil }

// refuses is why a delivery is not to be attempted by its endpoint's policy, or
// any more; nil if it is.
func (t *Target) refuses(d *schemas.Delivery) *schemas.Outcome {
	since := d.Since()
	switch most, dies := t.endpoint.Policy.MaxPayload, t.dies(d); {
	case since.Before(t.endpoint.SkipBefore):
		const detail = "the endpoint was resumed to skip what was stored before %s: replay the delivery if it is wanted after all"
		return dead(schemas.ReasonSkipped, fmt.Sprintf(detail, t.endpoint.SkipBefore.UTC().Format(time.RFC3339Nano)))
	case !dies.IsZero() && time.Now().After(dies):
		const detail = "the delivery is %s old, and the endpoint's max_age is %s"
		return dead(schemas.ReasonTooOld, fmt.Sprintf(detail, time.Since(since).Round(time.Millisecond), t.endpoint.Policy.MaxAge.Std()))
	case most > 0 && d.Size() > most:
		const detail = "the event's data has %d bytes, and the endpoint's max_payload is %d"
		return dead(schemas.ReasonTooLarge, fmt.Sprintf(detail, d.Size(), most))
	}
	return nil
}

// Targets is the dispatcher's picture of the endpoints, which the registry
// keeps up to date. An endpoint is made ready when somebody first asks for it: of
// many that are registered few may be delivered to. It is safe for concurrent use.
type Targets struct {
	mu       sync.RWMutex // guards what follows
	byID     map[schemas.EndpointID]*known
	limits   map[schemas.EndpointID]*limit // outlive changes of their endpoint
	watchers map[int]func(schemas.EndpointID)
	watched  int // watchers there ever were
}

// known is an endpoint as the registry has it.
type known struct {
	endpoint *schemas.Endpoint // shared with other pictures
	limit    *limit
	changed  time.Time              // when the registry last wrote it; zero if nobody said
	ready    atomic.Pointer[Target] // nil until somebody asks for it
}

// NewTargets is a picture of nothing.
func NewTargets() *Targets {
	return &Targets{
		byID: map[schemas.EndpointID]*known{}, limits: map[schemas.EndpointID]*limit{},
		watchers: map[int]func(schemas.EndpointID){},
	}
}

// Apply takes in one change of the registry.
func (t *Targets) Apply(c schemas.Change) {
	if c.Endpoint == nil {
		return
	}
	if c.Removed {
		t.remove(c.Endpoint.ID)
	} else {
		t.put(c)
	}
	t.mu.RLock()
	watchers := slices.Collect(maps.Values(t.watchers))
	t.mu.RUnlock()
	for _, changed := range watchers {
		changed(c.Endpoint.ID)
	}
}

func (t *Targets) put(c schemas.Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID[c.Endpoint.ID] = &known{endpoint: c.Endpoint, limit: t.newLimit(c.Endpoint), changed: c.Updated}
}

func (t *Targets) remove(id schemas.EndpointID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, id)
	if l := t.limits[id]; l != nil {
		close(l.changed)
		delete(t.limits, id)
	}
}

// Watch has changed called after each change of an endpoint, until stop is.
func (t *Targets) Watch(changed func(schemas.EndpointID)) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watched++
	number := t.watched
	t.watchers[number] = changed
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers, number)
	}
}

// prepare makes an endpoint ready, under the limit it already has.
func (t *Targets) prepare(e schemas.Endpoint) *Target {
	t.mu.Lock()
	l := t.newLimit(&e)
	t.mu.Unlock()
	return newTarget(e, l)
}

// newLimit is the limit of an endpoint as it is to be. The caller holds mu.
func (t *Targets) newLimit(e *schemas.Endpoint) *limit {
	was := t.limits[e.ID]
	l := was.now(interval(*e), max(1, e.Policy.Burst))
	if was != nil && l != was {
		close(was.changed)
	}
	if l == nil {
		delete(t.limits, e.ID)
	} else {
		t.limits[e.ID] = l
	}
	return l
}

// limit is nil for an endpoint that has none, or is not known.
func (t *Targets) limit(id schemas.EndpointID) *limit {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.limits[id]
}

// Get returns nil for an endpoint that is not known. One whose secret has
// expired since it was made ready is made ready again.
func (t *Targets) Get(id schemas.EndpointID) *Target {
	t.mu.RLock()
	k := t.byID[id]
	t.mu.RUnlock()
	if k == nil {
		return nil
	}
	found := k.ready.Load()
	if found != nil && (found.until.IsZero() || time.Now().Before(found.until)) {
		return found
	}
	made := newTarget(*k.endpoint, k.limit)
	made.changed = k.changed
	if found != nil {
		made.answer.Store(found.answer.Load())
	}
	k.ready.CompareAndSwap(found, made) // or somebody else's is as good
	return k.ready.Load()
}
