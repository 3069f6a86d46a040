package registry

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// Registry reads and writes the bucket. It is safe for concurrent use.
type Registry struct {
	kv   *whole
	keys *seal.Keyring
	// leaving are endpoints that a declaration is about to remove or to change: they
	// no longer keep another from being their tenant's ROQ endpoint.
	leaving map[schemas.EndpointID]bool
}

// New is the registry in a bucket that package streams has made. Keys seal the
// secrets in it. Without keys endpoints are read without their secrets and
// headers, and are not written: enough for a process that only matches events.
func New(kv jetstream.KeyValue, keys *seal.Keyring) *Registry {
	return &Registry{kv: &whole{KeyValue: kv}, keys: keys}
}

// withoutKeys is the same registry for who wants no secrets: it also reads what
// is sealed by a key that is lost.
func (r *Registry) withoutKeys() *Registry { return &Registry{kv: r.kv} }

func tenants() kind[schemas.Tenant] {
	return kind[schemas.Tenant]{
		noun: "tenant",
		about: func(t *schemas.Tenant) about {
			return about{id: string(t.ID), tenant: t.ID, created: &t.Created, origin: &t.Origin}
		},
		fix:      func(old schemas.Tenant, t *schemas.Tenant) { t.ID = old.ID },
		validate: schemas.Tenant.Validate,
		encode:   plainEncode[schemas.Tenant], decode: plainDecode[schemas.Tenant],
		sweep: sweepTenant, beside: storedKey,
	}
}

// sweepTenant removes all that is a tenant's own: who makes a tenant under the
// same id begins with nothing.
func sweepTenant(ctx context.Context, r *Registry, id string) error {
	if err := removeAll(ctx, r, tokens(), id); err != nil {
		return err
	}
	if err := removeAll(ctx, r, endpoints(), id); err != nil {
		return err
	}
	if err := r.removeEventTypes(ctx, schemas.TenantID(id)); err != nil {
		return err
	}
	if err := r.forgetAll(ctx, jobKey(schemas.TenantID(id), "*")); err != nil {
		return err
	}
	return r.forgetAll(ctx, secretPrefix+id+".*")
}

// Tenant reads one tenant.
func (r *Registry) Tenant(ctx context.Context, id schemas.TenantID) (schemas.Tenant, error) {
	rec, _, err := look(ctx, r, tenants(), string(id))
	return rec.Value, err
}

// CreateTenant makes a tenant. An id that is taken is a [schemas.CodeConflict].
func (r *Registry) CreateTenant(ctx context.Context, t schemas.Tenant) (Record[schemas.Tenant], error) {
	return create(ctx, r, tenants(), t)
}

// UpdateTenant changes a tenant that has the version, or any if it is
// [AnyVersion]. Another version is a [schemas.CodeStale], a tenant of the file's
// a [schemas.CodeConflict]. Change may be called more than once; its error is
// returned as it is. Its id, Created and Origin stay whatever it does.
func (r *Registry) UpdateTenant(ctx context.Context, id schemas.TenantID, version uint64, change func(*schemas.Tenant) error) (Record[schemas.Tenant], error) {
	return edit(ctx, r, tenants(), one{id: string(id), version: version}, change)
}

// DeleteTenant removes a tenant with all that is its own, on the conditions of
// [Registry.UpdateTenant]. Events under way die with the reason tenant_unknown.
func (r *Registry) DeleteTenant(ctx context.Context, id schemas.TenantID, version uint64) error {
	return discard(ctx, r, tenants(), one{id: string(id), version: version})
}

// PutTenant creates or replaces a tenant, whoever owns it.
func (r *Registry) PutTenant(ctx context.Context, t schemas.Tenant) error {
	return put(ctx, r, tenants(), t)
}

// RemoveTenant is [Registry.DeleteTenant] whoever owns it; one that does not
// exist is fine.
func (r *Registry) RemoveTenant(ctx context.Context, id schemas.TenantID) error {
	return drop(ctx, r, tenants(), string(id))
}

func subscriptions() kind[schemas.Subscription] {
	return kind[schemas.Subscription]{
		noun: "subscription",
		about: func(s *schemas.Subscription) about {
			return about{id: string(s.ID), tenant: s.Tenant, parent: string(s.Endpoint), created: &s.Created, origin: &s.Origin}
		},
		within: func(ctx context.Context, r *Registry, s schemas.Subscription) error {
			_, _, err := find(ctx, r.withoutKeys(), endpoints(), one{id: string(s.Endpoint), tenant: s.Tenant})
			return err
		},
		fix: func(old schemas.Subscription, s *schemas.Subscription) {
			s.ID, s.Tenant, s.Endpoint, s.History = old.ID, old.Tenant, old.Endpoint, old.History
		},
		carry: func(old schemas.Subscription, s *schemas.Subscription) {
			if old.History != nil && s.History != nil && old.History.From.Equal(s.History.From) {
				s.History = old.History
			}
		},
		validate: schemas.Subscription.Validate,
		encode:   plainEncode[schemas.Subscription], decode: plainDecode[schemas.Subscription],
		beside: progressKey,
	}
}

// Subscription reads one subscription.
func (r *Registry) Subscription(ctx context.Context, id schemas.SubscriptionID) (schemas.Subscription, error) {
	rec, _, err := look(ctx, r, subscriptions(), string(id))
	return rec.Value, err
}

// CreateSubscription makes a subscription of an endpoint that exists.
func (r *Registry) CreateSubscription(ctx context.Context, s schemas.Subscription) (Record[schemas.Subscription], error) {
	return create(ctx, r, subscriptions(), s)
}

// UpdateSubscription is to subscriptions what [Registry.UpdateTenant] is to
// tenants. Another tenant's does not exist. Its endpoint stays
// too, and its history, which is [Registry.SetHistory]'s.
func (r *Registry) UpdateSubscription(ctx context.Context, tenant schemas.TenantID, id schemas.SubscriptionID, version uint64, change func(*schemas.Subscription) error) (Record[schemas.Subscription], error) {
	return edit(ctx, r, subscriptions(), one{string(id), tenant, version}, change)
}

// DeleteSubscription is to subscriptions what [Registry.DeleteTenant] is to
// tenants.
func (r *Registry) DeleteSubscription(ctx context.Context, tenant schemas.TenantID, id schemas.SubscriptionID, version uint64) error {
	return discard(ctx, r, subscriptions(), one{string(id), tenant, version})
}

// PutSubscription creates or replaces a subscription of an endpoint that exists,
// whoever owns it.
func (r *Registry) PutSubscription(ctx context.Context, s schemas.Subscription) error {
	return put(ctx, r, subscriptions(), s)
}

// RemoveSubscription is [Registry.DeleteSubscription] whoever owns it; one that
// does not exist is fine.
func (r *Registry) RemoveSubscription(ctx context.Context, id schemas.SubscriptionID) error {
	return drop(ctx, r, subscriptions(), string(id))
}

// SetHistory changes how far the history of a subscription has come, whoever
// owns it and whoever else writes meanwhile. A subscription without history is a
// [schemas.CodeConflict].
func (r *Registry) SetHistory(ctx context.Context, id schemas.SubscriptionID, change func(*schemas.History) error) error {
	_, err := update(ctx, r, subscriptions(), one{id: string(id)}, func(_ schemas.Subscription, s *schemas.Subscription) error {
		if s.History == nil {
			return schemas.Errorf(schemas.CodeConflict, "subscription %s asks for no history: it has none to read", id)
		}
		return change(s.History)
	})
	return err
}

// DisableEndpoint makes the endpoint's deliveries die with reason until it is
// put anew. It changes nothing else, whoever else writes meanwhile.
func (r *Registry) DisableEndpoint(ctx context.Context, id schemas.EndpointID, reason schemas.Reason) error {
	_, err := update(ctx, r, endpoints(), one{id: string(id)}, func(_ schemas.Endpoint, e *schemas.Endpoint) error {
		e.Disabled = reason
		return nil
	})
	return err
}

// Agree stores the consent of an endpoint's receiver. An endpoint that would ask
// another question by now, or at another URL, is a [schemas.CodeConflict].
func (r *Registry) Agree(ctx context.Context, asked schemas.Endpoint, c schemas.Consent) error {
	_, err := update(ctx, r, endpoints(), one{id: string(asked.ID)}, func(_ schemas.Endpoint, e *schemas.Endpoint) error {
		if e.URL != asked.URL || e.Policy.Rate != asked.Policy.Rate || !e.Handshake {
			return schemas.Errorf(schemas.CodeConflict, "endpoint %s changed since its receiver was asked for consent: it is asked again", asked.ID)
		}
		e.Consent = &c
		return nil
	})
	return err
}
