package registry

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	secretPrefix = "secret."
	secretSize   = 32 // bytes
)

// Secret is a random key that all processes of this pipe share and nobody else
// knows, made when it is first asked for. The name is a token of a subject.
func (r *Registry) Secret(ctx context.Context, name string) ([]byte, error) {
	key := secretPrefix + name
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		made := make([]byte, secretSize)
		_, _ = rand.Read(made) // never fails
		if _, err = r.kv.Create(ctx, key, made); err == nil {
			return made, nil
		}
		if !isConflict(err) && !errors.Is(err, jetstream.ErrKeyExists) {
			return nil, unavailable("make "+key, err)
		}
		entry, err = r.kv.Get(ctx, key) // another process was first
	}
	if err != nil {
		return nil, unavailable("read "+key, err)
	}
	return entry.Value(), nil
}
