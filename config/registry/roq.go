package registry

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// roqPrefix begins the keys that name a tenant's one ROQ endpoint: "ROQ does not
// provide the option to set up several URLs". Whoever makes an endpoint a ROQ
// endpoint claims the key before the endpoint is written and confirms it
// afterwards, each time against the revision that was there. A claim whose
// endpoint is no ROQ endpoint can be taken over; if that happens in between, the
// confirmation fails and the write is undone.
const roqPrefix = "roq."

func roqKey(tenant schemas.TenantID) string { return roqPrefix + string(tenant) }

// onlyROQ writes e, and refuses it if its tenant has another ROQ endpoint.
func onlyROQ(ctx context.Context, r *Registry, old *Record[schemas.Endpoint], e schemas.Endpoint, write writing) (uint64, error) {
	if e.Dialect != schemas.DialectROQ || old != nil && old.Value.Dialect == schemas.DialectROQ {
		return write()
	}
	claim, err := r.claimROQ(ctx, e)
	if err != nil {
		return 0, err
	}
	version, err := write()
	if err != nil {
		return 0, err // the claim's endpoint is no ROQ endpoint, so it holds nobody up
	}
	confirmed, err := r.confirmROQ(ctx, e, claim)
	if err != nil || confirmed {
		return version, err
	}
	return 0, errors.Join(r.undo(ctx, old, e),
		schemas.Errorf(schemas.CodeConflict, "endpoint %s: another ROQ endpoint of tenant %s was made meanwhile, and ROQ's environments have one URL: change that one, or use another dialect", e.ID, e.Tenant))
}

// confirmROQ reports whether the key still names e, and makes sure that nobody
// who saw it before e was written can take it.
func (r *Registry) confirmROQ(ctx context.Context, e schemas.Endpoint, claim uint64) (bool, error) {
	key := roqKey(e.Tenant)
	for {
		_, err := r.kv.Update(ctx, key, []byte(e.ID), claim)
		if err == nil || !isConflict(err) {
			return err == nil, unavailable("write "+key, err)
		}
		entry, err := r.kv.Get(ctx, key)
		if err != nil {
			return false, unavailable("read "+key, err)
		}
		if string(entry.Value()) != string(e.ID) {
			return false, nil
		}
		claim = entry.Revision() // of another who writes the same endpoint
	}
}

// claimROQ takes the tenant's key for e, and returns its revision.
func (r *Registry) claimROQ(ctx context.Context, e schemas.Endpoint) (revision uint64, err error) {
	key := roqKey(e.Tenant)
	for {
		entry, err := r.kv.Get(ctx, key)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
			revision, err = r.kv.Create(ctx, key, []byte(e.ID))
		case err != nil:
			return 0, unavailable("read "+key, err)
		default:
			if err := r.freeROQ(ctx, schemas.EndpointID(entry.Value()), e); err != nil {
				return 0, err
			}
			revision, err = r.kv.Update(ctx, key, []byte(e.ID), entry.Revision())
		}
		if err == nil || !isConflict(err) {
			return revision, unavailable("write "+key, err)
		}
	}
}

// freeROQ refuses e while the holder of the claim is a ROQ endpoint.
func (r *Registry) freeROQ(ctx context.Context, holder schemas.EndpointID, e schemas.Endpoint) error {
	if holder == e.ID || r.leaving[holder] {
		return nil
	}
	other, err := r.withoutKeys().Endpoint(ctx, holder)
	switch {
	case schemas.HasCode(err, schemas.CodeNotFound):
		return nil
	case err != nil:
		return err
	case other.Tenant == e.Tenant && other.Dialect == schemas.DialectROQ:
		return secondROQ(e, other.ID)
	}
	return nil
}

func secondROQ(e schemas.Endpoint, other schemas.EndpointID) error {
	return schemas.Errorf(schemas.CodeConflict, "endpoint %s: tenant %s has the ROQ endpoint %s, and ROQ's environments have one URL: change that one, or use another dialect", e.ID, e.Tenant, other)
}

// undo takes back a write, and what was written on top of it.
func (r *Registry) undo(ctx context.Context, old *Record[schemas.Endpoint], e schemas.Endpoint) error {
	if old == nil {
		return r.RemoveEndpoint(ctx, e.ID)
	}
	_, err := update(ctx, r, endpoints(), one{id: string(e.ID)}, func(_ schemas.Endpoint, now *schemas.Endpoint) error {
		if now.Dialect == schemas.DialectROQ {
			*now = old.Value
		}
		return nil
	})
	return err
}
