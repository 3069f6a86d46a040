package registry

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

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
	if r.keys == nil {
		return nil, errNoKeys
	}
	key := secretPrefix + name
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
	secret, err := r.keys.Open(string(entry.Value()), []byte(key))
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
		return 0, errNoKeys
	}
	var old []string
	err = r.entries(ctx, []string{"endpoint.*", secretPrefix + "*"}, func(e jetstream.KeyValueEntry) {
		if sealed := sealedIn(e); sealed != "" && !r.keys.Current(sealed) {
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
	var rec endpointRecord
	if err := json.Unmarshal(e.Value(), &rec); err != nil {
		return "" // whoever watches says so
	}
	return rec.Sealed
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
	v, err := openEndpoint(r, e.Value())
	if err != nil {
		return nil, err
	}
	return sealEndpoint(r, v)
}
