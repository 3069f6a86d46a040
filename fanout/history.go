package fanout

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/tidings-dev/tidings/schemas"
)

// Histories knows the subscriptions that ask for stored events and have not got
// them all. It is safe for concurrent use.
type Histories struct {
	mu      sync.RWMutex // guards what follows
	open    map[schemas.SubscriptionID]schemas.Subscription
	joining map[schemas.TenantID]int // how many of a tenant's are about to be joined
	news    chan struct{}            // closed and replaced when open changes
}

// NewHistories knows of none.
func NewHistories() *Histories {
	return &Histories{open: map[schemas.SubscriptionID]schemas.Subscription{}, joining: map[schemas.TenantID]int{}, news: make(chan struct{})}
}

// Apply takes in one change of the registry.
func (h *Histories) Apply(c schemas.Change) {
	if c.Subscription == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	id := c.Subscription.ID
	old, was := h.open[id]
	if was && old.History.State == schemas.HistoryJoining {
		if h.joining[old.Tenant]--; h.joining[old.Tenant] == 0 {
			delete(h.joining, old.Tenant)
		}
	}
	delete(h.open, id)
	now := c.Subscription.History
	is := !c.Removed && now != nil && now.State != schemas.HistoryDone
	if is {
		h.open[id] = *c.Subscription
		if now.State == schemas.HistoryJoining {
			h.joining[c.Subscription.Tenant]++
		}
	}
	if was || is {
		close(h.news)
		h.news = make(chan struct{})
	}
}

// toJoin are the tenant's subscriptions whose last event of history has to be
// settled before another event may be matched.
func (h *Histories) toJoin(tenant schemas.TenantID) []schemas.SubscriptionID {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.joining[tenant] == 0 {
		return nil
	}
	var ids []schemas.SubscriptionID
	for id, s := range h.open {
		if s.Tenant == tenant && s.History.State == schemas.HistoryJoining {
			ids = append(ids, id)
		}
	}
	return ids
}

// of are the open ones of a partition's tenants, and what closes when there may
// be others.
func (h *Histories) of(layout schemas.Layout, partition int) (map[schemas.SubscriptionID]schemas.Subscription, <-chan struct{}) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	mine := maps.Clone(h.open)
	maps.DeleteFunc(mine, func(_ schemas.SubscriptionID, s schemas.Subscription) bool {
		return layout.TenantPartition(s.Tenant) != partition
	})
	return mine, h.news
}

// join settles where the tenant's histories end and live events begin, if that
// is open: before an event is matched, since it may be on either side. All of
// EVENTS up to now is history, so whoever settles it first is right.
func (f *Fanout) join(ctx context.Context, tenant schemas.TenantID) error {
	ids := f.o.Histories.toJoin(tenant)
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := f.settleJoin(ctx, id); err != nil {
			return err
		}
	}
	return f.o.Registry.CaughtUp(ctx)
}

// settleJoin sets the end of a history that is joining. One that is gone, or has
// its end, is fine.
func (f *Fanout) settleJoin(ctx context.Context, id schemas.SubscriptionID) error {
	events, err := f.js.Stream(ctx, schemas.StreamEvents)
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "join history of %s: %w", id, err)
	}
	until := max(events.CachedInfo().State.LastSeq, 1) // asked just now
	err = f.o.Registry.SetHistory(ctx, id, func(h *schemas.History) error {
		if h.State == schemas.HistoryJoining {
			h.State, h.Until = schemas.HistoryJoined, until
		}
		return nil
	})
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return nil
	}
	return err
}

// get is a subscription whose history is open.
func (h *Histories) get(id schemas.SubscriptionID) (schemas.Subscription, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	s, ok := h.open[id]
	return s, ok
}
