package registry

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// listPrefix begins the keys that tell what belongs to a record: "of.", the
// child's noun, the parent's id, the child's id. One may be left over of a child
// that was never made or has moved; it may not be missing. Nobody's picture
// shows them.
const listPrefix = "of."

func listKey(noun, parent, id string) string { return listPrefix + noun + "." + parent + "." + id }

// enlist says where a record belongs, before it is there.
func (r *Registry) enlist(ctx context.Context, noun string, a about) error {
	if a.parent == "" {
		return nil
	}
	key := listKey(noun, a.parent, a.id)
	_, err := r.kv.Put(ctx, key, nil)
	return unavailable("write "+key, err)
}

// listed is the revision of a record's entry; 0 if it has none.
func (r *Registry) listed(ctx context.Context, noun string, a about) (uint64, error) {
	if a.parent == "" {
		return 0, nil
	}
	key := listKey(noun, a.parent, a.id)
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, unavailable("read "+key, err)
	}
	return entry.Revision(), nil
}

// delist removes the entry, as it was before its record went: who makes the
// record again has written another.
func (r *Registry) delist(ctx context.Context, noun string, a about, revision uint64) error {
	if revision == 0 {
		return nil
	}
	key := listKey(noun, a.parent, a.id)
	if err := r.kv.Delete(ctx, key, jetstream.LastRevision(revision)); !isConflict(err) {
		return unavailable("remove "+key, err)
	}
	return nil
}

// forget removes a key if it is there.
func (r *Registry) forget(ctx context.Context, key string) error {
	_, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return nil
	}
	if err == nil {
		err = r.kv.Delete(ctx, key)
	}
	return unavailable("remove "+key, err)
}

// removeAll removes what belongs to a parent.
func removeAll[T any](ctx context.Context, r *Registry, k kind[T], parent string) error {
	prefix := listKey(k.noun, parent, "")
	var ids []string
	err := r.entries(ctx, []string{prefix + "*"}, func(e jetstream.KeyValueEntry) {
		ids = append(ids, strings.TrimPrefix(e.Key(), prefix))
	}, jetstream.MetaOnly())
	if err != nil {
		return err
	}
	for _, id := range ids {
		rec, _, err := look(ctx, r.withoutKeys(), k, id)
		if schemas.HasCode(err, schemas.CodeNotFound) {
			continue // somebody may be about to make it, so it stays on the list
		}
		if err == nil && k.about(&rec.Value).parent == parent {
			err = drop(ctx, r, k, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drop removes a record whoever owns it; one that does not exist is fine.
func drop[T any](ctx context.Context, r *Registry, k kind[T], id string) error {
	err := remove(ctx, r, k, one{id: id})
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return nil
	}
	return err
}

// discard is a removal by the API: the file's records refuse it.
func discard[T any](ctx context.Context, r *Registry, k kind[T], w one) error {
	rec, _, err := find(ctx, r.withoutKeys(), k, w)
	if err == nil {
		err = notOfFile(k, &rec.Value)
	}
	if err != nil {
		return err
	}
	return remove(ctx, r, k, w)
}

// remove removes a record, and before it what belongs to it. A caller who names
// a version takes it first, by writing the record as it is: so nobody's change
// comes between, and a caller who comes too late has removed nothing.
func remove[T any](ctx context.Context, r *Registry, k kind[T], w one) error {
	for {
		rec, raw, err := find(ctx, r.withoutKeys(), k, w)
		if err != nil {
			return err
		}
		key := k.key(w.id)
		if k.sweep != nil {
			if w.version != AnyVersion {
				if rec.Version, err = r.kv.Update(ctx, key, raw, rec.Version); isConflict(err) {
					continue // and find says that it is stale
				} else if err != nil {
					return unavailable("write "+key, err)
				}
				w.version = AnyVersion // it is ours
			}
			if err := k.sweep(ctx, r, w.id); err != nil {
				return err
			}
		}
		a := k.about(&rec.Value)
		listed, err := r.listed(ctx, k.noun, a)
		if err != nil {
			return err
		}
		err = r.kv.Delete(ctx, key, jetstream.LastRevision(rec.Version))
		if isConflict(err) {
			continue
		}
		if err != nil {
			return unavailable("remove "+key, err)
		}
		if err := tidy(ctx, r, k, w.id); err != nil {
			return err
		}
		return r.delist(ctx, k.noun, a, listed)
	}
}

// tidy removes what is left of a record that is gone, and what was added to it
// meanwhile.
func tidy[T any](ctx context.Context, r *Registry, k kind[T], id string) error {
	if k.sweep != nil {
		if err := k.sweep(ctx, r, id); err != nil {
			return err
		}
	}
	if k.beside != nil {
		return r.forget(ctx, k.beside(id))
	}
	return nil
}
