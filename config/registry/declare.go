package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/tidings-dev/tidings/schemas"
)

// Declared are the records of a static file.
type Declared struct {
	Tenants       []schemas.Tenant
	EventTypes    []schemas.EventType
	Endpoints     []schemas.Endpoint
	Subscriptions []schemas.Subscription
}

// Declare makes the registry hold what a static file declares, and removes
// what an earlier version of the file declared and this one does not. Records
// made otherwise stay. Declaring the same again writes nothing. An endpoint
// that was disabled stays so until its declaration changes.
func (r *Registry) Declare(ctx context.Context, d Declared) error {
	have, err := r.List(ctx)
	if err != nil {
		return err
	}
	after := d.endpoints(have)
	for _, e := range d.Endpoints {
		if err := onlyROQ(after, e); err != nil {
			return err
		}
	}
	for _, t := range d.Tenants {
		t.Origin = schemas.OriginFile
		if have.Tenants[t.ID] != t {
			if err := r.PutTenant(ctx, t); err != nil {
				return err
			}
		}
	}
	if err := r.declareEventTypes(ctx, have, d); err != nil {
		return err
	}
	for _, e := range d.Endpoints {
		e.Origin = schemas.OriginFile
		old := have.Endpoints[e.ID]
		old.Disabled, old.Consent = "", nil // a dispatcher's findings, no part of a declaration
		if !reflect.DeepEqual(old, e) {
			if err := r.putEndpoint(ctx, e); err != nil {
				return err
			}
		}
	}
	for _, s := range d.Subscriptions {
		s.Origin = schemas.OriginFile
		if !reflect.DeepEqual(have.Subscriptions[s.ID], s) {
			if err := r.PutSubscription(ctx, s); err != nil {
				return err
			}
		}
	}
	return r.removeUndeclared(ctx, have, d)
}

// endpoints are those there will be in the end. What is declared is held to
// them: a ROQ endpoint may get another id, though the old one goes last.
func (d Declared) endpoints(have Contents) map[schemas.EndpointID]schemas.Endpoint {
	after := make(map[schemas.EndpointID]schemas.Endpoint, len(d.Endpoints))
	for _, e := range have.Endpoints {
		if e.Origin != schemas.OriginFile {
			after[e.ID] = e
		}
	}
	for _, e := range d.Endpoints {
		after[e.ID] = e
	}
	return after
}

func (r *Registry) declareEventTypes(ctx context.Context, have Contents, d Declared) error {
	for _, t := range d.EventTypes {
		t.Origin = schemas.OriginFile
		same, err := equalJSON(have.eventTypes[eventTypeKey(t.Tenant, t.Type)], t)
		if err != nil {
			return err
		}
		if !same {
			if err := r.PutEventType(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// equalJSON compares as stored: encoding normalises a definition's bytes.
func equalJSON(a, b any) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return bytes.Equal(x, y), err
}

func (r *Registry) removeUndeclared(ctx context.Context, have Contents, d Declared) error {
	for _, s := range sorted(have.Subscriptions) {
		gone := !slices.ContainsFunc(d.Subscriptions, func(x schemas.Subscription) bool { return x.ID == s.ID })
		if s.Origin == schemas.OriginFile && gone {
			if err := r.RemoveSubscription(ctx, s.ID); err != nil {
				return err
			}
		}
	}
	for _, e := range sorted(have.Endpoints) {
		gone := !slices.ContainsFunc(d.Endpoints, func(x schemas.Endpoint) bool { return x.ID == e.ID })
		if e.Origin == schemas.OriginFile && gone {
			if err := r.RemoveEndpoint(ctx, e.ID); err != nil {
				return err
			}
		}
	}
	if err := r.removeUndeclaredTypes(ctx, have, d); err != nil {
		return err
	}
	for _, t := range sorted(have.Tenants) {
		gone := !slices.ContainsFunc(d.Tenants, func(x schemas.Tenant) bool { return x.ID == t.ID })
		if t.Origin == schemas.OriginFile && gone {
			if err := r.RemoveTenant(ctx, t.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Registry) removeUndeclaredTypes(ctx context.Context, have Contents, d Declared) error {
	for _, t := range sorted(have.eventTypes) {
		gone := !slices.ContainsFunc(d.EventTypes, func(x schemas.EventType) bool { return x.Tenant == t.Tenant && x.Type == t.Type })
		if t.Origin == schemas.OriginFile && gone {
			if err := r.RemoveEventType(ctx, t.Tenant, t.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// sorted makes the order of removal the same every time.
func sorted[K cmp.Ordered, V any](m map[K]V) []V {
	values := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[k])
	}
	return values
}
