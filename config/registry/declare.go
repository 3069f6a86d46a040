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
	Tokens        []schemas.Token
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
	for _, e := range d.Endpoints { // before anything is written
		if old, ok := have.Endpoints[e.ID]; ok {
			if err := mayBecome(old, e); err != nil {
				return err
			}
		}
		if err := oneROQ(after, e); err != nil {
			return err
		}
	}
	for _, s := range d.Subscriptions {
		if old, ok := have.Subscriptions[s.ID]; ok && old.Tenant != s.Tenant {
			return taken("subscription", string(s.ID))
		}
	}
	if err := d.doubledTokens(have); err != nil {
		return err
	}
	for _, t := range d.Tenants {
		t.Origin, t.Created = schemas.OriginFile, have.Tenants[t.ID].Created
		if have.Tenants[t.ID] != t {
			if err := r.PutTenant(ctx, t); err != nil {
				return err
			}
		}
	}
	for _, declare := range []func(context.Context, Contents, Declared) error{
		r.declareEventTypes, r.declareEndpoints, r.declareSubscriptions, r.declareTokens, r.removeUndeclared,
	} {
		if err := declare(ctx, have, d); err != nil {
			return err
		}
	}
	return nil
}

// mayBecome refuses an endpoint that is another's, or that would be pulled from where it
// was sent to, or the other way round: what waits for it lies elsewhere.
func mayBecome(old, e schemas.Endpoint) error {
	switch {
	case old.Tenant != e.Tenant:
		return taken("endpoint", string(e.ID))
	case old.Pull != e.Pull:
		return schemas.Errorf(schemas.CodeConflict, "endpoint %s: it cannot change between url and pull: declare it under another id", e.ID)
	}
	return nil
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

// oneROQ refuses e if its tenant has another ROQ endpoint among all.
func oneROQ(all map[schemas.EndpointID]schemas.Endpoint, e schemas.Endpoint) error {
	if e.Dialect != schemas.DialectROQ {
		return nil
	}
	for _, other := range sorted(all) {
		if other.Tenant == e.Tenant && other.Dialect == schemas.DialectROQ && other.ID != e.ID {
			return secondROQ(e, other.ID)
		}
	}
	return nil
}

// doubledTokens refuses a declared token whose text is another's too: which of the
// two a caller means could not be told. Others' are random, so nobody else's
// needs to be looked for.
func (d Declared) doubledTokens(have Contents) error {
	ids := make(map[string]schemas.TokenID, len(d.Tokens))
	for _, t := range sorted(have.Tokens) {
		if t.Origin != schemas.OriginFile {
			ids[t.Hash] = t.ID
		}
	}
	for _, t := range d.Tokens {
		if other, there := ids[t.Hash]; there && other != t.ID {
			return schemas.Errorf(schemas.CodeConflict, "token %s: it is the same as token %s: give each a text of its own", t.ID, other)
		}
		ids[t.Hash] = t.ID
	}
	return nil
}

func (r *Registry) declareEndpoints(ctx context.Context, have Contents, d Declared) error {
	after := d.endpoints(have)
	changing := Registry{kv: r.kv, keys: r.keys, leaving: map[schemas.EndpointID]bool{}}
	for id := range have.Endpoints {
		changing.leaving[id] = after[id].Dialect != schemas.DialectROQ
	}
	for _, e := range d.Endpoints {
		old := have.Endpoints[e.ID]
		e.Origin, e.Created = schemas.OriginFile, old.Created
		old.Disabled, old.Consent = "", nil // a dispatcher's findings, no part of a declaration
		if !reflect.DeepEqual(old, e) {
			if err := changing.PutEndpoint(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Registry) declareSubscriptions(ctx context.Context, have Contents, d Declared) error {
	for _, s := range d.Subscriptions {
		old := have.Subscriptions[s.ID]
		s.Origin, s.Created = schemas.OriginFile, old.Created
		subscriptions().carried(old, &s) // how far fanout has come, no part of a declaration
		if !reflect.DeepEqual(old, s) {
			if err := r.PutSubscription(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Registry) declareTokens(ctx context.Context, have Contents, d Declared) error {
	for _, t := range d.Tokens {
		old := have.Tokens[t.ID]
		t.Origin, t.Created = schemas.OriginFile, old.Created
		same, err := equalJSON(old, t)
		if err != nil {
			return err
		}
		if !same {
			if err := put(ctx, r, tokens(), t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Registry) declareEventTypes(ctx context.Context, have Contents, d Declared) error {
	for _, t := range d.EventTypes {
		t.Origin = schemas.OriginFile
		same, err := equalJSON(have.eventTypes[eventTypeID(t.Tenant, t.Type)], t)
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
	if err := removeOthers(ctx, r, tokens(), have.Tokens, d.Tokens); err != nil {
		return err
	}
	if err := removeOthers(ctx, r, subscriptions(), have.Subscriptions, d.Subscriptions); err != nil {
		return err
	}
	if err := removeOthers(ctx, r, endpoints(), have.Endpoints, d.Endpoints); err != nil {
		return err
	}
	if err := removeOthers(ctx, r, eventTypes(), have.eventTypes, d.EventTypes); err != nil {
		return err
	}
	return removeOthers(ctx, r, tenants(), have.Tenants, d.Tenants)
}

// removeOthers removes the file's records that it no longer declares.
func removeOthers[K cmp.Ordered, T any](ctx context.Context, r *Registry, k kind[T], have map[K]T, declared []T) error {
	stays := make(map[string]bool, len(declared))
	for i := range declared {
		stays[k.about(&declared[i]).id] = true
	}
	for _, v := range sorted(have) {
		if a := k.about(&v); *a.origin == schemas.OriginFile && !stays[a.id] {
			if err := drop(ctx, r, k, a.id); err != nil {
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
