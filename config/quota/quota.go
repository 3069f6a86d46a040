package quota

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/schemas"
)

// Options are what [Quotas] go by. All are required but Default and Reached.
type Options struct {
	// Default is for what a tenant's own quota leaves out.
	Default schemas.Quota
	// Tenant finds a tenant.
	Tenant func(schemas.TenantID) (schemas.Tenant, bool)
	// Endpoints counts a tenant's, and Has tells whether one is among them.
	Endpoints func(schemas.TenantID) int
	Has       func(schemas.TenantID, schemas.EndpointID) bool
	// CaughtUp returns once these two know what was made before.
	CaughtUp func(context.Context) error
	// Stored is how many bytes EVENTS has of a tenant.
	Stored func(context.Context, schemas.TenantID) (int64, error)
	// Held is how many deliveries wait for endpoints of each tenant.
	Held func(context.Context) (map[schemas.TenantID]int, error)
	// Reached is told of each refusal: whose, by the quota's name in JSON, and why.
	// By default nobody is.
	Reached func(tenant schemas.TenantID, quota, why string)
}

// fresh is how long a count is taken for what it was, and what a door that is
// closed tells callers to wait.
const fresh = 10 * time.Second

// Quotas say what a tenant may still have. They are safe for concurrent use.
type Quotas struct {
	o      Options
	asking singleflight.Group

	mu     sync.Mutex // guards what follows
	paid   map[schemas.TenantID]time.Time
	making map[schemas.TenantID]int // endpoints that Endpoints does not count yet
	stored map[schemas.TenantID]counted
	held   map[schemas.TenantID]int
	heldAt time.Time
}

// counted is a count and when it was taken.
type counted struct {
	bytes int64
	at    time.Time
}

// refuse says why something is refused, and after what time it would not be, if
// waiting helps.
func (q *Quotas) refuse(tenant schemas.TenantID, quota string, wait time.Duration, format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	q.o.Reached(tenant, quota, why)
	if wait == 0 {
		return schemas.Errorf(schemas.CodeTooMany, "%s", why)
	}
	return schemas.Errorf(schemas.CodeTooMany, "%s: %w", why, &access.TooMany{Wait: wait})
}

// New makes them.
func New(o Options) *Quotas {
	if o.Reached == nil {
		o.Reached = func(schemas.TenantID, string, string) {}
	}
	return &Quotas{
		o:      o,
		paid:   map[schemas.TenantID]time.Time{},
		making: map[schemas.TenantID]int{},
		stored: map[schemas.TenantID]counted{},
	}
}

func (q *Quotas) of(tenant schemas.TenantID) schemas.Quota {
	t, _ := q.o.Tenant(tenant)
	return t.Quota.Or(q.o.Default)
}

// Publish refuses events that are too many for their tenant now.
func (q *Quotas) Publish(ctx context.Context, tenant schemas.TenantID, events int) error {
	quota := q.of(tenant)
	if err := q.checkStored(ctx, tenant, quota); err != nil {
		return err
	}
	if err := q.checkHeld(ctx, tenant, quota); err != nil {
		return err
	}
	if wait := q.pay(tenant, quota.Events, events, time.Now()); wait > 0 {
		return q.refuse(tenant, "events", wait, "the tenant publishes more events than its quota of %s: publish fewer, or ask for more", quota.Events)
	}
	return nil
}

// pay is how long a tenant has to wait until it may publish. If it need not, what
// it publishes is paid: a tenant may owe what a quota has for one time, and a
// batch beyond that is waited for afterwards. So one of any size passes, and yet
// the rate is the quota's.
func (q *Quotas) pay(tenant schemas.TenantID, rate schemas.Rate, events int, now time.Time) time.Duration {
	if rate.IsZero() {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	until := q.paid[tenant]
	if until.Before(now) {
		until = now
	}
	if wait := until.Sub(now) - rate.Per; wait > 0 {
		return wait
	}
	q.paid[tenant] = until.Add(time.Duration(float64(events) * float64(rate.Per) / float64(rate.Count)))
	return 0
}

func (q *Quotas) checkStored(ctx context.Context, tenant schemas.TenantID, quota schemas.Quota) error {
	if quota.StoredBytes == 0 {
		return nil
	}
	bytes, err := q.storedOf(ctx, tenant)
	if err != nil || bytes < quota.StoredBytes {
		return err
	}
	return q.refuse(tenant, "stored_bytes", fresh, "the tenant's events take %d bytes, and its quota is %d: older ones go in time; publish fewer, or ask for more",
		bytes, quota.StoredBytes)
}

func (q *Quotas) storedOf(ctx context.Context, tenant schemas.TenantID) (int64, error) {
	q.mu.Lock()
	known, now := q.stored[tenant], time.Now()
	q.mu.Unlock()
	if now.Sub(known.at) < fresh {
		return known.bytes, nil
	}
	got, err, _ := q.asking.Do("stored "+string(tenant), func() (any, error) { return q.o.Stored(context.WithoutCancel(ctx), tenant) })
	if err != nil {
		return 0, err
	}
	bytes := got.(int64) //nolint:forcetypeassert // as Stored returns it
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stored[tenant] = counted{bytes, now}
	return bytes, nil
}

func (q *Quotas) checkHeld(ctx context.Context, tenant schemas.TenantID, quota schemas.Quota) error {
	if quota.Held == 0 {
		return nil
	}
	held, err := q.heldOf(ctx, tenant)
	if err != nil || held < quota.Held {
		return err
	}
	return q.refuse(tenant, "held", fresh, "%d deliveries wait for the tenant's endpoints, and its quota is %d: see to those that are down, slow or paused, or ask for more",
		held, quota.Held)
}

func (q *Quotas) heldOf(ctx context.Context, tenant schemas.TenantID) (int, error) {
	q.mu.Lock()
	held, now := q.held[tenant], time.Now()
	known := now.Sub(q.heldAt) < fresh
	q.mu.Unlock()
	if known {
		return held, nil
	}
	got, err, _ := q.asking.Do("held", func() (any, error) { return q.o.Held(context.WithoutCancel(ctx)) })
	if err != nil {
		return 0, err
	}
	all := got.(map[schemas.TenantID]int) //nolint:forcetypeassert // as Held returns it
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held, q.heldAt = all, now
	return all[tenant], nil
}

// Make refuses an endpoint too many. Of many that are made at once, all count: call
// done when the endpoint is made, or is not after all. It waits until Endpoints
// counts what was made.
func (q *Quotas) Make(ctx context.Context, tenant schemas.TenantID, id schemas.EndpointID) (done func(), err error) {
	most := q.of(tenant).Endpoints
	if most == 0 || q.o.Has(tenant, id) {
		return func() {}, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if have := q.o.Endpoints(tenant) + q.making[tenant]; have >= most {
		return nil, q.refuse(tenant, "endpoints", 0, "the tenant has %d endpoints, and its quota is %d: remove one, or ask for more", have, most)
	}
	q.making[tenant]++
	return func() {
		_ = q.o.CaughtUp(ctx) // else one more may pass
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.making[tenant]--; q.making[tenant] == 0 {
			delete(q.making, tenant)
		}
	}, nil
}
