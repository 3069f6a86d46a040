package registry

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// jobPrefix is of jobs that go on in the background: notes too, which several
// processes write in turn.
const jobPrefix = "job."

func jobKey(tenant schemas.TenantID, id string) string { return jobPrefix + string(tenant) + "." + id }

// Note is a text that the registry keeps for somebody, and its version.
type Note struct {
	Text    []byte
	Version uint64
}

// Jobs are a tenant's jobs as they were written, or those of all tenants if it is
// empty.
func (r *Registry) Jobs(ctx context.Context, tenant schemas.TenantID) ([]Note, error) {
	if tenant == "" {
		tenant = "*"
	}
	var notes []Note
	err := r.entries(ctx, []string{jobKey(tenant, "*")}, func(e jetstream.KeyValueEntry) {
		notes = append(notes, Note{e.Value(), e.Revision()})
	})
	return notes, err
}

// Job is one of them. An error with [schemas.CodeNotFound] means that there is none.
func (r *Registry) Job(ctx context.Context, tenant schemas.TenantID, id string) (Note, error) {
	key := jobKey(tenant, id)
	entry, err := r.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
		return Note{}, schemas.Errorf(schemas.CodeNotFound, "job %q does not exist", id)
	case err != nil:
		return Note{}, unavailable("read "+key, err)
	}
	return Note{entry.Value(), entry.Revision()}, nil
}

// SetJob writes a job in place of the version, or a new one in place of
// none, which is version 0. An error with [schemas.CodeStale] means that somebody else
// has written it since.
func (r *Registry) SetJob(ctx context.Context, tenant schemas.TenantID, id string, job Note) (version uint64, err error) {
	key := jobKey(tenant, id)
	if job.Version == 0 {
		version, err = r.kv.Create(ctx, key, job.Text)
	} else {
		version, err = r.kv.Update(ctx, key, job.Text, job.Version)
	}
	if isConflict(err) {
		return 0, schemas.Errorf(schemas.CodeStale, "job %q changed meanwhile", id)
	}
	return version, unavailable("write "+key, err)
}

// ForgetJob removes a job.
func (r *Registry) ForgetJob(ctx context.Context, tenant schemas.TenantID, id string) error {
	return r.forget(ctx, jobKey(tenant, id))
}
