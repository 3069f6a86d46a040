package registry

import (
	"context"

	"github.com/tidings-dev/tidings/config/registry/sealed"
	"github.com/tidings-dev/tidings/schemas"
)

func endpoints() kind[schemas.Endpoint] {
	return kind[schemas.Endpoint]{
		noun: "endpoint",
		about: func(e *schemas.Endpoint) about {
			return about{id: string(e.ID), tenant: e.Tenant, parent: string(e.Tenant), created: &e.Created, origin: &e.Origin}
		},
		within: func(ctx context.Context, r *Registry, e schemas.Endpoint) error {
			_, err := r.Tenant(ctx, e.Tenant)
			return err
		},
		fix:      func(old schemas.Endpoint, e *schemas.Endpoint) { e.ID, e.Tenant = old.ID, old.Tenant },
		carry:    func(old schemas.Endpoint, e *schemas.Endpoint) { e.Consent = keptConsent(old, *e) },
		validate: schemas.Endpoint.Validate,
		encode:   func(r *Registry, e schemas.Endpoint) ([]byte, error) { return sealed.Encode(r.keys, e) },
		decode:   decodeEndpoint,
		around:   onlyROQ,
		sweep: func(ctx context.Context, r *Registry, id string) error {
			return removeAll(ctx, r, subscriptions(), id)
		},
		beside: failingKey,
	}
}

func decodeEndpoint(r *Registry, b []byte) (schemas.Endpoint, error) {
	e, _, err := sealed.Decode(r.keys, b)
	if err != nil {
		return schemas.Endpoint{}, err
	}
	return *e, nil
}

// keptConsent is what the receiver agreed to before, if it was asked for the
// same. A caller cannot give consent.
func keptConsent(old, e schemas.Endpoint) *schemas.Consent {
	if old.URL != e.URL || old.Policy.Rate != e.Policy.Rate || old.Dialect != e.Dialect || !e.Handshake {
		return nil
	}
	return old.Consent
}

// Endpoint reads one endpoint, secrets included.
func (r *Registry) Endpoint(ctx context.Context, id schemas.EndpointID) (schemas.Endpoint, error) {
	rec, _, err := look(ctx, r, endpoints(), string(id))
	return rec.Value, err
}

// CreateEndpoint makes an endpoint of a tenant that exists. A tenant's second
// ROQ endpoint is a [schemas.CodeConflict], also of two that are made at once.
func (r *Registry) CreateEndpoint(ctx context.Context, e schemas.Endpoint) (Record[schemas.Endpoint], error) {
	return create(ctx, r, endpoints(), e)
}

// UpdateEndpoint is to endpoints what [Registry.UpdateTenant] is to tenants.
// Another tenant's does not exist. Its consent stays while it is for the same.
func (r *Registry) UpdateEndpoint(ctx context.Context, tenant schemas.TenantID, id schemas.EndpointID, version uint64, change func(*schemas.Endpoint) error) (Record[schemas.Endpoint], error) {
	return edit(ctx, r, endpoints(), one{string(id), tenant, version}, change)
}

// DeleteEndpoint removes an endpoint and its subscriptions, on the conditions of
// [Registry.UpdateEndpoint]. Deliveries under way to it die with the reason
// endpoint_deleted.
func (r *Registry) DeleteEndpoint(ctx context.Context, tenant schemas.TenantID, id schemas.EndpointID, version uint64) error {
	return discard(ctx, r, endpoints(), one{string(id), tenant, version})
}

// PutEndpoint creates or replaces an endpoint, whoever owns it; of two that write
// at once the last one wins. The id of another tenant's endpoint is refused, and
// so is a tenant's second ROQ endpoint.
func (r *Registry) PutEndpoint(ctx context.Context, e schemas.Endpoint) error {
	return put(ctx, r, endpoints(), e)
}

// RemoveEndpoint is [Registry.DeleteEndpoint] whoever owns it; one that does not
// exist is fine.
func (r *Registry) RemoveEndpoint(ctx context.Context, id schemas.EndpointID) error {
	return drop(ctx, r, endpoints(), string(id))
}
