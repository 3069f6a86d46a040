package registry

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Registry reads and writes the bucket. It is safe for concurrent use.
type Registry struct{ kv jetstream.KeyValue }

// New is the registry in a bucket that package streams has made.
func New(kv jetstream.KeyValue) *Registry { return &Registry{kv: kv} }

// PutTenant creates or replaces a tenant.
func (r *Registry) PutTenant(ctx context.Context, t schemas.Tenant) error {
	if err := t.Validate(); err != nil {
		return err
	}
	return r.put(ctx, tenantKey(t.ID), t)
}

// PutEndpoint creates or replaces an endpoint; of two that write at once the
// last one wins. The id of another tenant's endpoint is refused, and so is a
// tenant's second ROQ endpoint; of two that are put at once both may pass.
func (r *Registry) PutEndpoint(ctx context.Context, e schemas.Endpoint) error {
	if e.Dialect == schemas.DialectROQ {
		all, err := r.List(ctx)
		if err != nil {
			return err
		}
		if err := onlyROQ(all.Endpoints, e); err != nil {
			return err
		}
	}
	return r.putEndpoint(ctx, e)
}

// putEndpoint leaves it to the caller to look for other ROQ endpoints.
func (r *Registry) putEndpoint(ctx context.Context, e schemas.Endpoint) error {
	if err := e.Validate(); err != nil {
		return err
	}
	if _, err := r.Tenant(ctx, e.Tenant); err != nil {
		return err
	}
	key := endpointKey(e.ID)
	for {
		var old endpointRecord
		revision, err := r.get(ctx, key, "endpoint", string(e.ID), &old)
		e.Consent = keptConsent(old.Endpoint, e)
		b, marshalErr := json.Marshal(storedEndpoint(e))
		if marshalErr != nil {
			return marshalErr
		}
		switch {
		case schemas.HasCode(err, schemas.CodeNotFound):
			_, err = r.kv.Create(ctx, key, b)
		case err != nil:
			return err
		case old.Tenant != e.Tenant:
			return schemas.Errorf(schemas.CodeConflict, "endpoint id %s is taken: choose another", e.ID)
		default:
			_, err = r.kv.Update(ctx, key, b, revision)
		}
		if err == nil || !isConflict(err) {
			return unavailable("write "+key, err)
		}
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

// onlyROQ refuses e if its tenant has another ROQ endpoint among all: "ROQ does
// not provide the option to set up several URLs".
func onlyROQ(all map[schemas.EndpointID]schemas.Endpoint, e schemas.Endpoint) error {
	if e.Dialect != schemas.DialectROQ {
		return nil
	}
	for _, other := range sorted(all) {
		if other.Tenant == e.Tenant && other.Dialect == schemas.DialectROQ && other.ID != e.ID {
			return schemas.Errorf(schemas.CodeConflict, "endpoint %s: tenant %s has the ROQ endpoint %s, and ROQ's environments have one URL: change that one, or use another dialect", e.ID, e.Tenant, other.ID)
		}
	}
	return nil
}

// PutSubscription creates or replaces a subscription of an endpoint that
// exists.
func (r *Registry) PutSubscription(ctx context.Context, s schemas.Subscription) error {
	if err := s.Validate(); err != nil {
		return err
	}
	e, err := r.Endpoint(ctx, s.Endpoint)
	if err != nil {
		return err
	}
	if e.Tenant != s.Tenant {
		return notFound("endpoint", string(s.Endpoint))
	}
	return r.put(ctx, subscriptionKey(s.ID), s)
}

// Tenant reads one tenant.
func (r *Registry) Tenant(ctx context.Context, id schemas.TenantID) (schemas.Tenant, error) {
	var t schemas.Tenant
	_, err := r.get(ctx, tenantKey(id), "tenant", string(id), &t)
	return t, err
}

// Endpoint reads one endpoint, secrets included.
func (r *Registry) Endpoint(ctx context.Context, id schemas.EndpointID) (schemas.Endpoint, error) {
	var e endpointRecord
	_, err := r.get(ctx, endpointKey(id), "endpoint", string(id), &e)
	return e.endpoint(), err
}

// Subscription reads one subscription.
func (r *Registry) Subscription(ctx context.Context, id schemas.SubscriptionID) (schemas.Subscription, error) {
	var s schemas.Subscription
	_, err := r.get(ctx, subscriptionKey(id), "subscription", string(id), &s)
	return s, err
}

// DisableEndpoint makes the endpoint's deliveries die with reason until it is
// put anew. It changes nothing else, whoever else writes meanwhile.
func (r *Registry) DisableEndpoint(ctx context.Context, id schemas.EndpointID, reason schemas.Reason) error {
	return r.updateEndpoint(ctx, id, func(e *schemas.Endpoint) error {
		e.Disabled = reason
		return nil
	})
}

// Agree stores the consent of an endpoint's receiver. An endpoint that would ask
// another question by now, or at another URL, is a [schemas.CodeConflict].
func (r *Registry) Agree(ctx context.Context, asked schemas.Endpoint, c schemas.Consent) error {
	return r.updateEndpoint(ctx, asked.ID, func(e *schemas.Endpoint) error {
		if e.URL != asked.URL || e.Policy.Rate != asked.Policy.Rate || !e.Handshake {
			return schemas.Errorf(schemas.CodeConflict, "endpoint %s changed since its receiver was asked for consent: it is asked again", asked.ID)
		}
		e.Consent = &c
		return nil
	})
}

// updateEndpoint changes what an endpoint is now, whoever else writes meanwhile.
func (r *Registry) updateEndpoint(ctx context.Context, id schemas.EndpointID, change func(*schemas.Endpoint) error) error {
	for {
		var old endpointRecord
		revision, err := r.get(ctx, endpointKey(id), "endpoint", string(id), &old)
		if err != nil {
			return err
		}
		e := old
		if err := change(&e.Endpoint); err != nil || reflect.DeepEqual(e, old) {
			return err
		}
		b, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = r.kv.Update(ctx, endpointKey(id), b, revision)
		if err == nil || !isConflict(err) {
			return unavailable("update endpoint "+string(id), err)
		}
	}
}

// RemoveSubscription removes a subscription; one that does not exist is fine.
func (r *Registry) RemoveSubscription(ctx context.Context, id schemas.SubscriptionID) error {
	return unavailable("remove subscription "+string(id), r.kv.Delete(ctx, subscriptionKey(id)))
}

// RemoveEndpoint removes an endpoint and its subscriptions. Deliveries under
// way to it die with the reason endpoint_deleted.
func (r *Registry) RemoveEndpoint(ctx context.Context, id schemas.EndpointID) error {
	all, err := r.List(ctx)
	if err != nil {
		return err
	}
	for _, s := range all.Subscriptions {
		if s.Endpoint == id {
			if err := r.RemoveSubscription(ctx, s.ID); err != nil {
				return err
			}
		}
	}
	return unavailable("remove endpoint "+string(id), r.kv.Delete(ctx, endpointKey(id)))
}

// RemoveTenant removes a tenant with all that is its own. Events under way die
// with the reason tenant_unknown.
func (r *Registry) RemoveTenant(ctx context.Context, id schemas.TenantID) error {
	all, err := r.List(ctx)
	if err != nil {
		return err
	}
	for _, e := range all.Endpoints {
		if e.Tenant == id {
			if err := r.RemoveEndpoint(ctx, e.ID); err != nil {
				return err
			}
		}
	}
	for _, t := range all.eventTypes {
		if t.Tenant == id {
			if err := r.RemoveEventType(ctx, t.Tenant, t.Type); err != nil {
				return err
			}
		}
	}
	return unavailable("remove tenant "+string(id), r.kv.Delete(ctx, tenantKey(id)))
}

func (r *Registry) put(ctx context.Context, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.kv.Put(ctx, key, b)
	return unavailable("write "+key, err)
}

func (r *Registry) get(ctx context.Context, key, noun, id string, v any) (revision uint64, err error) {
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return 0, notFound(noun, id)
	}
	if err != nil {
		return 0, unavailable("read "+key, err)
	}
	if err := json.Unmarshal(entry.Value(), v); err != nil {
		return 0, schemas.Errorf(schemas.CodeInvalid, "registry record %s does not parse: %w", key, err)
	}
	return entry.Revision(), nil
}

func notFound(noun, id string) error {
	return schemas.Errorf(schemas.CodeNotFound, "%s %q does not exist: create it first, or check its id", noun, id)
}

// isConflict recognises a write refused because the key changed meanwhile. A
// replicated stream says so with a code of its own.
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

func unavailable(what string, err error) error {
	if err == nil {
		return nil
	}
	return schemas.Errorf(schemas.CodeUnavailable, "registry: %s: %w", what, err)
}

const (
	tenantPrefix       = "tenant."
	endpointPrefix     = "endpoint."
	subscriptionPrefix = "subscription."
)

func tenantKey(id schemas.TenantID) string             { return tenantPrefix + string(id) }
func endpointKey(id schemas.EndpointID) string         { return endpointPrefix + string(id) }
func subscriptionKey(id schemas.SubscriptionID) string { return subscriptionPrefix + string(id) }

// endpointRecord is an endpoint as it is stored: with its secrets, which
// schemas.Secret never writes out.
type endpointRecord struct {
	schemas.Endpoint
	Secrets []string `json:"secrets"`
}

func storedEndpoint(e schemas.Endpoint) endpointRecord {
	r := endpointRecord{Endpoint: e}
	for _, s := range e.Secrets {
		r.Secrets = append(r.Secrets, s.Reveal())
	}
	return r
}

func (r endpointRecord) endpoint() schemas.Endpoint {
	e := r.Endpoint
	e.Secrets = nil
	for _, s := range r.Secrets {
		e.Secrets = append(e.Secrets, schemas.NewSecret(s))
	}
	return e
}

// change reads one update of the bucket.
func change(entry jetstream.KeyValueEntry) (schemas.Change, error) {
	c := schemas.Change{Removed: entry.Operation() != jetstream.KeyValuePut}
	read := func(v any) error {
		if c.Removed {
			return nil
		}
		return json.Unmarshal(entry.Value(), v)
	}
	kind, id, _ := strings.Cut(entry.Key(), ".")
	switch kind + "." {
	case tenantPrefix:
		c.Tenant = &schemas.Tenant{ID: schemas.TenantID(id)}
		return c, read(c.Tenant)
	case endpointPrefix:
		r := endpointRecord{Endpoint: schemas.Endpoint{ID: schemas.EndpointID(id)}}
		err := read(&r)
		e := r.endpoint()
		c.Endpoint = &e
		return c, err
	case eventTypePrefix:
		t := eventTypeOf(id)
		c.EventType = &t
		return c, read(c.EventType)
	case subscriptionPrefix:
		c.Subscription = &schemas.Subscription{ID: schemas.SubscriptionID(id)}
		return c, read(c.Subscription)
	}
	return c, schemas.Errorf(schemas.CodeInvalid, "key %q is none of Tidings'", entry.Key())
}
