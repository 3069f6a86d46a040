package registry

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Contents is all that the registry holds, by id.
type Contents struct {
	Tenants       map[schemas.TenantID]schemas.Tenant
	Endpoints     map[schemas.EndpointID]schemas.Endpoint
	Subscriptions map[schemas.SubscriptionID]schemas.Subscription
	Tokens        map[schemas.TokenID]schemas.Token
	eventTypes    map[string]schemas.EventType // by id: see eventTypeID
}

// List reads all records. A record that does not parse is left out. It is for
// who needs all of them: it costs a message for each.
func (r *Registry) List(ctx context.Context) (Contents, error) {
	c := Contents{
		Tenants:       map[schemas.TenantID]schemas.Tenant{},
		Endpoints:     map[schemas.EndpointID]schemas.Endpoint{},
		Subscriptions: map[schemas.SubscriptionID]schemas.Subscription{},
		Tokens:        map[schemas.TokenID]schemas.Token{},
		eventTypes:    map[string]schemas.EventType{},
	}
	w := r.watcher(slog.New(slog.DiscardHandler), c.apply)
	return c, w.load(ctx)
}

func (c Contents) apply(change schemas.Change) {
	switch {
	case change.Tenant != nil:
		c.Tenants[change.Tenant.ID] = *change.Tenant
	case change.Endpoint != nil:
		c.Endpoints[change.Endpoint.ID] = *change.Endpoint
	case change.Subscription != nil:
		c.Subscriptions[change.Subscription.ID] = *change.Subscription
	case change.Token != nil:
		c.Tokens[change.Token.ID] = *change.Token
	case change.EventType != nil:
		c.eventTypes[eventTypeID(change.EventType.Tenant, change.EventType.Type)] = *change.EventType
	}
}

// entries hands over what is under the keys now, removed ones left out, in the
// order it was written.
func (r *Registry) entries(ctx context.Context, keys []string, pass func(jetstream.KeyValueEntry), opts ...jetstream.WatchOpt) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kw, err := r.kv.WatchFiltered(ctx, keys, append(opts, jetstream.IgnoreDeletes())...)
	if err != nil {
		return unavailable("read all", err)
	}
	if err := drain(ctx, kw, pass); err != nil {
		return err
	}
	return unavailable("read all", kw.Stop())
}

// drain hands over what there was when the watch began.
func drain(ctx context.Context, kw jetstream.KeyWatcher, pass func(jetstream.KeyValueEntry)) error {
	for {
		select {
		case entry, ok := <-kw.Updates():
			if !ok {
				return unavailable("watch", context.Cause(ctx))
			}
			if entry == nil { // all there was has been delivered
				return nil
			}
			pass(entry)
		case <-ctx.Done():
			return unavailable("watch", context.Cause(ctx))
		}
	}
}
