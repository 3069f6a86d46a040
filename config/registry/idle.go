package registry

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// An endpoint may live as long as it has subscriptions, and both may have ids that
// are made again. Who adds one joins the endpoint afterwards, who takes one away
// leaves it. Joining lists the subscription and then writes the endpoint; leaving
// wants the endpoint, and the list's entry, as they were before it looked. So of
// two that do it at once either leaving comes too late, or joining finds no
// endpoint, and its caller begins again.

// JoinEndpoint holds the endpoint of a subscription that was just written, so that
// nobody removes it who saw it without. No endpoint is a [schemas.CodeNotFound].
func (r *Registry) JoinEndpoint(ctx context.Context, s schemas.Subscription) error {
	of, k := subscriptions(), endpoints()
	if err := r.enlist(ctx, of.noun, of.about(&s)); err != nil {
		return err
	}
	key := k.key(string(s.Endpoint))
	for {
		rec, raw, err := find(ctx, r.withoutKeys(), k, one{string(s.Endpoint), s.Tenant, AnyVersion})
		if err != nil {
			return err
		}
		_, err = r.kv.Update(ctx, key, raw, rec.Version)
		if !isConflict(err) {
			return unavailable("write "+key, err)
		}
	}
}

// LeaveEndpoint is [Registry.DeleteSubscription] of any version, and removes the
// subscription's endpoint too if it has no other and is not the file's.
func (r *Registry) LeaveEndpoint(ctx context.Context, tenant schemas.TenantID, id schemas.SubscriptionID) error {
	endpoint, err := r.leave(ctx, one{string(id), tenant, AnyVersion})
	if err != nil {
		return err
	}
	k := endpoints()
	key := k.key(string(endpoint))
	for {
		rec, _, err := find(ctx, r.withoutKeys(), k, one{string(endpoint), tenant, AnyVersion})
		if schemas.HasCode(err, schemas.CodeNotFound) {
			return nil
		}
		if err != nil || rec.Value.Origin == schemas.OriginFile {
			return err
		}
		idle, err := r.idle(ctx, endpoint)
		if err != nil || !idle {
			return err
		}
		err = r.kv.Delete(ctx, key, jetstream.LastRevision(rec.Version))
		if err == nil {
			return r.forget(ctx, k.beside(string(endpoint)))
		}
		if !isConflict(err) {
			return unavailable("remove "+key, err)
		}
	}
}

// leave removes a subscription, and its entry in the list of its endpoint's unless
// somebody joins again.
func (r *Registry) leave(ctx context.Context, w one) (schemas.EndpointID, error) {
	k := subscriptions()
	for {
		rec, _, err := find(ctx, r, k, w)
		if err == nil {
			err = notOfFile(k, &rec.Value)
		}
		if err != nil {
			return "", err
		}
		listed := listKey(k.noun, string(rec.Value.Endpoint), w.id)
		entry, err := r.kv.Get(ctx, listed)
		if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
			return "", unavailable("read "+listed, err)
		}
		err = r.kv.Delete(ctx, k.key(w.id), jetstream.LastRevision(rec.Version))
		if isConflict(err) {
			continue
		}
		if err == nil {
			err = r.forget(ctx, k.beside(w.id))
		}
		if err == nil && entry != nil {
			err = r.kv.Delete(ctx, listed, jetstream.LastRevision(entry.Revision()))
		}
		if isConflict(err) { // somebody has joined
			err = nil
		}
		return rec.Value.Endpoint, unavailable("remove "+k.key(w.id), err)
	}
}

// idle reports whether an endpoint has no subscription.
func (r *Registry) idle(ctx context.Context, id schemas.EndpointID) (bool, error) {
	prefix := listKey(subscriptions().noun, string(id), "")
	var listed []string
	err := r.entries(ctx, []string{prefix + "*"}, func(e jetstream.KeyValueEntry) {
		listed = append(listed, strings.TrimPrefix(e.Key(), prefix))
	}, jetstream.MetaOnly())
	if err != nil {
		return false, err
	}
	for _, child := range listed { // it may be listed before it is made
		s, err := r.Subscription(ctx, schemas.SubscriptionID(child))
		if err == nil && s.Endpoint == id {
			return false, nil
		}
		if err != nil && !schemas.HasCode(err, schemas.CodeNotFound) {
			return false, err
		}
	}
	return true, nil
}
