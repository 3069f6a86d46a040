package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry/sealed"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	secretPrefix = "secret."
	secretSize   = 32 // bytes
)

// Secret is a random key that all processes of this pipe share and nobody else
// knows, made when it is first asked for. The name is a token of a subject. It
// is sealed where it is stored.
func (r *Registry) Secret(ctx context.Context, name string) ([]byte, error) {
	return r.shared(ctx, secretPrefix+name)
}

// MadeSecret is a [Registry.Secret] that somebody has made: it makes none. One that
// is not there is a [schemas.CodeNotFound].
func (r *Registry) MadeSecret(ctx context.Context, name string) ([]byte, error) {
	if r.keys == nil {
		return nil, sealed.ErrNoKeys
	}
	key := secretPrefix + name
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, schemas.Errorf(schemas.CodeNotFound, "the registry has no %s yet: start a process with the role api, which makes it", key)
	}
	if err != nil {
		return nil, unavailable("read "+key, err)
	}
	return r.open(key, entry.Value())
}

// TenantSecret is a [Registry.Secret] of a tenant that exists, and goes with it.
func (r *Registry) TenantSecret(ctx context.Context, tenant schemas.TenantID, name string) ([]byte, error) {
	if _, err := r.Tenant(ctx, tenant); err != nil {
		return nil, err
	}
	key := secretPrefix + string(tenant) + "." + name
	secret, err := r.shared(ctx, key)
	if err != nil {
		return nil, err
	}
	if _, err := r.Tenant(ctx, tenant); schemas.HasCode(err, schemas.CodeNotFound) { // once more, like insert
		return nil, errors.Join(err, r.forget(ctx, key))
	}
	return secret, nil
}

// shared is the secret under a key.
func (r *Registry) shared(ctx context.Context, key string) ([]byte, error) {
	if r.keys == nil {
		return nil, sealed.ErrNoKeys
	}
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		made := make([]byte, secretSize)
		_, _ = rand.Read(made) // never fails
		if _, err = r.kv.Create(ctx, key, []byte(r.keys.Seal(made, []byte(key)))); err == nil {
			return made, nil
		}
		if !isConflict(err) {
			return nil, unavailable("make "+key, err)
		}
		entry, err = r.kv.Get(ctx, key) // another process was first
	}
	if err != nil {
		return nil, unavailable("read "+key, err)
	}
	return r.open(key, entry.Value())
}

func (r *Registry) open(key string, text []byte) ([]byte, error) {
	secret, err := r.keys.Open(string(text), []byte(key))
	if err != nil {
		return nil, unreadable(key, err)
	}
	return secret, nil
}

// Reseal writes anew, with the newest key, all that an older one has sealed, and
// counts it. When it has returned in every process's newest key, the older ones
// are needed no more. What none of the keys opens is an error, after the rest.
func (r *Registry) Reseal(ctx context.Context) (count int, err error) {
	if r.keys == nil {
		return 0, sealed.ErrNoKeys
	}
	var old []string
	err = r.entries(ctx, []string{"endpoint.*", secretPrefix + ">"}, func(e jetstream.KeyValueEntry) {
		if r.aged(sealedIn(e)) {
			old = append(old, e.Key())
		}
	})
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, key := range old {
		switch err := r.reseal(ctx, key); {
		case err == nil:
			count++
		case schemas.HasCode(err, schemas.CodeNotFound): // removed meanwhile
		default:
			errs = append(errs, err)
		}
	}
	return count, errors.Join(errs...)
}

// sealedIn is the sealed text of a record; empty if it has none.
func sealedIn(e jetstream.KeyValueEntry) string {
	if strings.HasPrefix(e.Key(), secretPrefix) {
		return string(e.Value())
	}
	return sealed.Text(e.Value())
}

func (r *Registry) reseal(ctx context.Context, key string) error {
	for {
		entry, err := r.kv.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return notFound("record", key)
		} else if err != nil {
			return unavailable("read "+key, err)
		}
		b, err := r.resealed(entry)
		if err != nil {
			return unreadable(key, err)
		}
		if _, err = r.kv.Update(ctx, key, b, entry.Revision()); !isConflict(err) {
			return unavailable("write "+key, err)
		}
	}
}

func (r *Registry) resealed(e jetstream.KeyValueEntry) ([]byte, error) {
	if strings.HasPrefix(e.Key(), secretPrefix) {
		plain, err := r.keys.Open(string(e.Value()), []byte(e.Key()))
		return []byte(r.keys.Seal(plain, []byte(e.Key()))), err
	}
	v, err := decodeEndpoint(r, e.Value())
	if err != nil {
		return nil, err
	}
	return sealed.Encode(r.keys, v)
}
