package registry

import (
	"context"
	"log/slog"

	"github.com/tidings-dev/tidings/schemas"
)

// Contents is all that the registry holds, by id.
type Contents struct {
	Tenants       map[schemas.TenantID]schemas.Tenant
	Endpoints     map[schemas.EndpointID]schemas.Endpoint
	Subscriptions map[schemas.SubscriptionID]schemas.Subscription
	eventTypes    map[string]schemas.EventType // by key
}

// List reads all records. A record that does not parse is left out.
func (r *Registry) List(ctx context.Context) (Contents, error) {
	c := Contents{
		Tenants:       map[schemas.TenantID]schemas.Tenant{},
		Endpoints:     map[schemas.EndpointID]schemas.Endpoint{},
		Subscriptions: map[schemas.SubscriptionID]schemas.Subscription{},
		eventTypes:    map[string]schemas.EventType{},
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := r.Watch(ctx, slog.New(slog.DiscardHandler), c.apply)
	if err != nil {
		return Contents{}, err
	}
	return c, unavailable("list", w.watch.Stop())
}

func (c Contents) apply(change schemas.Change) {
	switch {
	case change.Removed:
		// A bucket's history is one deep: a removed key has no record left.
	case change.Tenant != nil:
		c.Tenants[change.Tenant.ID] = *change.Tenant
	case change.Endpoint != nil:
		c.Endpoints[change.Endpoint.ID] = *change.Endpoint
	case change.Subscription != nil:
		c.Subscriptions[change.Subscription.ID] = *change.Subscription
	case change.EventType != nil:
		c.eventTypes[eventTypeKey(change.EventType.Tenant, change.EventType.Type)] = *change.EventType
	}
}
