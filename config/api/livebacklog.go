package api

import (
	"context"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// backlogs looks up again and again what waits, for tenants that somebody watches: once
// for all who watch the same. It is safe for concurrent use.
type backlogs struct {
	look func(context.Context, schemas.TenantID) (deliverylog.Backlog, error)

	mu sync.Mutex // guards of, and what is in it
	of map[schemas.TenantID]*followed
}

// followed is what waits for a tenant.
type followed struct {
	watchers int
	stop     context.CancelFunc // ends the looking
	known    bool
	latest   deliverylog.Backlog
	news     chan struct{} // closed when there is another
}

func newBacklogs(look func(context.Context, schemas.TenantID) (deliverylog.Backlog, error)) *backlogs {
	return &backlogs{look: look, of: map[schemas.TenantID]*followed{}}
}

// follow sends what waits for a tenant, as often as it is looked up, until ctx ends. A
// look that fails is left out.
func (b *backlogs) follow(ctx context.Context, tenant schemas.TenantID, found chan<- deliverylog.Backlog) {
	f := b.join(ctx, tenant)
	defer b.leave(tenant, f)
	for {
		b.mu.Lock()
		known, latest, news := f.known, f.latest, f.news
		b.mu.Unlock()
		if known {
			select {
			case found <- latest:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// join has a tenant looked after; the first to join begins it.
func (b *backlogs) join(ctx context.Context, tenant schemas.TenantID) *followed {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.of[tenant]
	if f == nil {
		f = &followed{news: make(chan struct{})}
		ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
		b.of[tenant] = f
		go b.again(ctx, tenant, f) // ends when the last leaves
	}
	f.watchers++
	return f
}

func (b *backlogs) leave(tenant schemas.TenantID, f *followed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.watchers--; f.watchers == 0 {
		f.stop()
		delete(b.of, tenant)
	}
}

// again looks until ctx ends.
func (b *backlogs) again(ctx context.Context, tenant schemas.TenantID, f *followed) {
	for {
		look, cancel := context.WithTimeout(ctx, backlogTime)
		latest, err := b.look(look, tenant)
		cancel()
		if err == nil {
			b.mu.Lock()
			close(f.news)
			f.known, f.latest, f.news = true, latest, make(chan struct{})
			b.mu.Unlock()
		}
		select {
		case <-time.After(backlogEvery):
		case <-ctx.Done():
			return
		}
	}
}

// lookBacklog is what waits for a tenant by the delivery log.
func (a *API) lookBacklog(ctx context.Context, tenant schemas.TenantID) (deliverylog.Backlog, error) {
	store, err := a.DeliveryLog()
	if err != nil {
		return deliverylog.Backlog{}, err
	}
	return store.Backlog(ctx, tenant, a.made(tenant), watchedEndpoints)
}
