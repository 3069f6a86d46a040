package registry

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Record is a value as the registry holds it.
type Record[T any] struct {
	Value T
	// Version grows with every write to the registry: no two states of a record
	// have the same, also not after it was removed and made again.
	Version uint64
	Updated time.Time
}

// AnyVersion changes a record whatever its version is.
const AnyVersion uint64 = 0

// kind is how the records of one type are kept. Its functions make the rest of
// this package the same for all of them.
type kind[T any] struct {
	noun string
	// about finds the members that the registry looks after.
	about func(*T) about
	// within refuses a value whose parent does not exist; nil if it has none.
	within func(context.Context, *Registry, T) error
	// fix puts back the ids that a change may not touch.
	fix func(old T, v *T)
	// carry keeps what only the pipe itself finds out, if it still holds; nil if
	// there is no such thing.
	carry    func(old T, v *T)
	validate func(T) error
	encode   func(*Registry, T) ([]byte, error)
	decode   func(*Registry, []byte) (T, error)
	// around writes, and undoes it if another record forbids it; nil just writes.
	around func(ctx context.Context, r *Registry, old *Record[T], v T, write writing) (uint64, error)
	// sweep removes what belongs to a record; nil if nothing does.
	sweep func(ctx context.Context, r *Registry, id string) error
	// beside is the key of what others keep about a record; nil if there is none.
	beside func(id string) string
}

// writing writes a value, and returns its version.
type writing func() (uint64, error)

// about are the members that the registry looks after.
type about struct {
	id      string
	tenant  schemas.TenantID
	parent  string // the id of what it is removed with; empty if there is none
	created *time.Time
	origin  *schemas.Origin
}

func (k kind[T]) carried(old T, v *T) {
	if k.carry != nil {
		k.carry(old, v)
	}
}

func (k kind[T]) key(id string) string { return k.noun + "." + id }

// errMoved says that somebody else wrote the record meanwhile.
var errMoved = errors.New("it changed meanwhile")

func plainEncode[T any](_ *Registry, v T) ([]byte, error) { return json.Marshal(v) }

func plainDecode[T any](_ *Registry, b []byte) (v T, err error) {
	return v, json.Unmarshal(b, &v)
}

// look reads a record, and its bytes.
func look[T any](ctx context.Context, r *Registry, k kind[T], id string) (Record[T], []byte, error) {
	key := k.key(id)
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return Record[T]{}, nil, notFound(k.noun, id)
	}
	if err != nil {
		return Record[T]{}, nil, unavailable("read "+key, err)
	}
	v, err := k.decode(r, entry.Value())
	if err != nil {
		return Record[T]{}, nil, unreadable(key, err)
	}
	return Record[T]{Value: v, Version: entry.Revision(), Updated: entry.Created()}, entry.Value(), nil
}

// unreadable keeps the code of an error that has one, like that of a missing key.
func unreadable(key string, err error) error {
	code := schemas.CodeInvalid
	if schemas.HasCode(err, schemas.CodeUnavailable) {
		code = schemas.CodeUnavailable
	}
	return schemas.Errorf(code, "registry record %s does not parse: %w", key, err)
}

// create makes a record that is not there yet.
func create[T any](ctx context.Context, r *Registry, k kind[T], v T) (Record[T], error) {
	if err := k.validate(v); err != nil {
		return Record[T]{}, err
	}
	var none T
	k.carried(none, &v)
	rec, err := insert(ctx, r, k, v)
	if errors.Is(err, errMoved) {
		return Record[T]{}, taken(k.noun, k.about(&v).id)
	}
	return rec, err
}

// insert writes a record that is not there. It looks for the parent again
// afterwards: whoever removes a parent looks for children after its end, so one
// of the two sees the other.
func insert[T any](ctx context.Context, r *Registry, k kind[T], v T) (Record[T], error) {
	a := k.about(&v)
	*a.created = now()
	if k.within == nil {
		return write(ctx, r, k, nil, v)
	}
	if err := k.within(ctx, r, v); err != nil {
		return Record[T]{}, err
	}
	if err := r.enlist(ctx, k.noun, a); err != nil {
		return Record[T]{}, err
	}
	rec, err := write(ctx, r, k, nil, v)
	if err != nil {
		return Record[T]{}, err
	}
	if err := k.within(ctx, r, v); schemas.HasCode(err, schemas.CodeNotFound) {
		return Record[T]{}, errors.Join(err, remove(ctx, r, k, one{id: a.id}))
	}
	return rec, nil
}

// put creates or replaces a record, whoever owns it; of two that put at once the
// last one wins. The id of another tenant's record is refused.
func put[T any](ctx context.Context, r *Registry, k kind[T], v T) error {
	if err := k.validate(v); err != nil {
		return err
	}
	for {
		err := replace(ctx, r, k, v)
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

func replace[T any](ctx context.Context, r *Registry, k kind[T], v T) error {
	a := k.about(&v)
	old, _, err := look(ctx, r, k, a.id)
	if schemas.HasCode(err, schemas.CodeNotFound) {
		k.carried(old.Value, &v)
		_, err = insert(ctx, r, k, v)
		return err
	} else if err != nil {
		return err
	}
	was := k.about(&old.Value)
	if was.tenant != a.tenant {
		return taken(k.noun, a.id)
	}
	if k.within != nil {
		if err := k.within(ctx, r, v); err != nil {
			return err
		}
	}
	k.carried(old.Value, &v)
	*a.created = *was.created
	if a.parent == was.parent {
		_, err = write(ctx, r, k, &old, v)
		return err
	}
	listed, err := r.listed(ctx, k.noun, was)
	if err == nil {
		err = r.enlist(ctx, k.noun, a)
	}
	if err == nil {
		_, err = write(ctx, r, k, &old, v)
	}
	if err == nil {
		err = r.delist(ctx, k.noun, was, listed)
	}
	return err
}

// write stores v in place of old, or of nothing, if that is what is there.
func write[T any](ctx context.Context, r *Registry, k kind[T], old *Record[T], v T) (Record[T], error) {
	b, err := k.encode(r, v)
	if err != nil {
		return Record[T]{}, err
	}
	key := k.key(k.about(&v).id)
	store := func() (version uint64, err error) {
		if old == nil {
			version, err = r.kv.Create(ctx, key, b)
		} else {
			version, err = r.kv.Update(ctx, key, b, old.Version)
		}
		if isConflict(err) {
			return 0, errMoved
		}
		return version, unavailable("write "+key, err)
	}
	var version uint64
	if k.around == nil {
		version, err = store()
	} else {
		version, err = k.around(ctx, r, old, v, store)
	}
	return Record[T]{Value: v, Version: version, Updated: now()}, err
}

// one names the record that is meant.
type one struct {
	id      string
	tenant  schemas.TenantID // whose it must be; empty for anybody's
	version uint64           // which it must have, or [AnyVersion]
}

// find reads the record that is meant. Another tenant's does not exist, whatever
// its version.
func find[T any](ctx context.Context, r *Registry, k kind[T], w one) (Record[T], []byte, error) {
	rec, raw, err := look(ctx, r, k, w.id)
	if err != nil {
		return rec, raw, err
	}
	if w.tenant != "" && k.about(&rec.Value).tenant != w.tenant {
		return Record[T]{}, nil, notFound(k.noun, w.id)
	}
	if w.version != AnyVersion && rec.Version != w.version {
		return Record[T]{}, nil, schemas.Errorf(schemas.CodeStale, "%s %s changed since that version: read it again", k.noun, w.id)
	}
	return rec, raw, nil
}

// update changes what a record is now, whoever else writes meanwhile. What
// changes nothing is not written.
func update[T any](ctx context.Context, r *Registry, k kind[T], w one, change func(old T, v *T) error) (Record[T], error) {
	for {
		old, raw, err := find(ctx, r, k, w)
		if err != nil {
			return Record[T]{}, err
		}
		v, err := k.decode(r, raw) // a copy that shares nothing
		if err != nil {
			return Record[T]{}, unreadable(k.key(w.id), err)
		}
		if err := change(old.Value, &v); err != nil {
			return Record[T]{}, err
		}
		if reflect.DeepEqual(v, old.Value) {
			return old, nil
		}
		rec, err := write(ctx, r, k, &old, v)
		if !errors.Is(err, errMoved) {
			return rec, err
		}
	}
}

// edit is an update by the API: the file's records refuse it, and what a caller
// may not touch stays.
func edit[T any](ctx context.Context, r *Registry, k kind[T], w one, change func(*T) error) (Record[T], error) {
	return update(ctx, r, k, w, func(old T, v *T) error {
		if err := notOfFile(k, v); err != nil {
			return err
		}
		if err := change(v); err != nil {
			return err
		}
		a, was := k.about(v), k.about(&old)
		*a.created, *a.origin = *was.created, *was.origin
		k.fix(old, v)
		k.carried(old, v)
		return k.validate(*v)
	})
}

func notOfFile[T any](k kind[T], v *T) error {
	if a := k.about(v); *a.origin == schemas.OriginFile {
		return schemas.Errorf(schemas.CodeConflict, "%s %s is declared in tidings.yaml: change it there", k.noun, a.id)
	}
	return nil
}

// now has no more digits than people read.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func notFound(noun, id string) error {
	return schemas.Errorf(schemas.CodeNotFound, "%s %q does not exist: create it first, or check its id", noun, id)
}

// isConflict recognises a write refused because the key changed meanwhile. A
// replicated stream says so with a code of its own.
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// full recognises a write refused because there is no room.
func full(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && schemas.IsFull(uint16(api.ErrorCode))
}

func unavailable(what string, err error) error {
	if err == nil {
		return nil
	}
	if full(err) {
		return schemas.Errorf(schemas.CodeFull, "the storage is full, and nothing was changed: try again later; the operator has to make room")
	}
	return schemas.Errorf(schemas.CodeUnavailable, "registry: %s: %w", what, err)
}

func taken(noun, id string) error {
	return schemas.Errorf(schemas.CodeConflict, "%s id %s is taken: choose another", noun, id)
}
