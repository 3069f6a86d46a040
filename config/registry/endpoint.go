package registry

import (
	"context"
	"encoding/json"
	"errors"
	"time"

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
		encode:   sealEndpoint, decode: openEndpoint,
		around: onlyROQ,
		sweep: func(ctx context.Context, r *Registry, id string) error {
			return removeAll(ctx, r, subscriptions(), id)
		},
	}
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

// endpointRecord is an endpoint as it is stored: what is secret of it is one
// sealed text, about the endpoint and its tenant.
type endpointRecord struct {
	schemas.Endpoint
	Sealed string `json:"sealed,omitempty"`
}

// confidential is what is sealed.
type confidential struct {
	Secrets []openSecret          `json:"secrets,omitempty"`
	Headers map[string]openSecret `json:"headers,omitempty"`
}

type openSecret struct {
	Value   string    `json:"value"`
	Expires time.Time `json:"expires,omitzero"`
}

func reveal(s schemas.Secret) openSecret { return openSecret{s.Reveal(), s.Expires} }

func (s openSecret) hide() schemas.Secret { return schemas.NewSecret(s.Value).Until(s.Expires) }

func aboutEndpoint(e schemas.Endpoint) []byte {
	return []byte("endpoint " + string(e.ID) + " of " + string(e.Tenant))
}

var errNoKeys = schemas.Errorf(schemas.CodeUnavailable, "this process has no key to seal secrets with: give it the key file")

func sealEndpoint(r *Registry, e schemas.Endpoint) ([]byte, error) {
	if r.keys == nil {
		return nil, errNoKeys
	}
	var c confidential
	for _, s := range e.Secrets {
		c.Secrets = append(c.Secrets, reveal(s))
	}
	for name, value := range e.Headers {
		if c.Headers == nil {
			c.Headers = make(map[string]openSecret, len(e.Headers))
		}
		c.Headers[name] = reveal(value)
	}
	rec := endpointRecord{Endpoint: e}
	rec.Secrets, rec.Headers = nil, nil
	if c.Secrets != nil || c.Headers != nil {
		plain, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		rec.Sealed = r.keys.Seal(plain, aboutEndpoint(e))
	}
	return json.Marshal(rec)
}

func openEndpoint(r *Registry, b []byte) (schemas.Endpoint, error) {
	var rec endpointRecord
	if err := json.Unmarshal(b, &rec); err != nil {
		return schemas.Endpoint{}, err
	}
	e := rec.Endpoint
	e.Secrets, e.Headers = nil, nil // nobody's but what is sealed
	if rec.Sealed == "" || r.keys == nil {
		return e, nil
	}
	plain, err := r.keys.Open(rec.Sealed, aboutEndpoint(e))
	if err != nil {
		return schemas.Endpoint{}, err
	}
	var c confidential
	if err := json.Unmarshal(plain, &c); err != nil {
		return schemas.Endpoint{}, errors.New("what is sealed in it is of another form") // the parser's error may repeat it
	}
	for _, s := range c.Secrets {
		e.Secrets = append(e.Secrets, s.hide())
	}
	for name, value := range c.Headers {
		if e.Headers == nil {
			e.Headers = make(map[string]schemas.Secret, len(c.Headers))
		}
		e.Headers[name] = value.hide()
	}
	return e, nil
}
