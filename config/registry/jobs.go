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
	return r.notesOf(ctx, jobKey, tenant)
}

// Job is one of them. An error with [schemas.CodeNotFound] means that there is none.
func (r *Registry) Job(ctx context.Context, tenant schemas.TenantID, id string) (Note, error) {
	return r.noteOf(ctx, jobKey(tenant, id), "job", id)
}

// SetJob writes a job in place of the version, or a new one in place of
// none, which is version 0. An error with [schemas.CodeStale] means that somebody else
// has written it since.
func (r *Registry) SetJob(ctx context.Context, tenant schemas.TenantID, id string, job Note) (version uint64, err error) {
	return r.setNoteOf(ctx, jobKey(tenant, id), "job", id, job)
}

// ForgetJob removes a job.
func (r *Registry) ForgetJob(ctx context.Context, tenant schemas.TenantID, id string) error {
	return r.forget(ctx, jobKey(tenant, id))
}

// erasurePrefix is of what was erased, and what is being erased.
const erasurePrefix = "erasure."

func erasureKey(tenant schemas.TenantID, id string) string {
	return erasurePrefix + string(tenant) + "." + id
}

// Erasures are the records of a tenant's erasures, or those of all tenants if it is
// empty.
func (r *Registry) Erasures(ctx context.Context, tenant schemas.TenantID) ([]Note, error) {
	return r.notesOf(ctx, erasureKey, tenant)
}

// Erasure is one of them, like [Registry.Job].
func (r *Registry) Erasure(ctx context.Context, tenant schemas.TenantID, id string) (Note, error) {
	return r.noteOf(ctx, erasureKey(tenant, id), "erasure", id)
}

// SetErasure writes one, like [Registry.SetJob].
func (r *Registry) SetErasure(ctx context.Context, tenant schemas.TenantID, id string, erasure Note) (version uint64, err error) {
	return r.setNoteOf(ctx, erasureKey(tenant, id), "erasure", id, erasure)
}

// ForgetErasure removes one.
func (r *Registry) ForgetErasure(ctx context.Context, tenant schemas.TenantID, id string) error {
	return r.forget(ctx, erasureKey(tenant, id))
}

func (r *Registry) notesOf(ctx context.Context, key func(schemas.TenantID, string) string, tenant schemas.TenantID) ([]Note, error) {
	if tenant == "" {
		tenant = "*"
	}
	var notes []Note
	err := r.entries(ctx, []string{key(tenant, "*")}, func(e jetstream.KeyValueEntry) {
		notes = append(notes, Note{e.Value(), e.Revision()})
	})
	return notes, err
}

func (r *Registry) noteOf(ctx context.Context, key, noun, id string) (Note, error) {
	entry, err := r.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
		return Note{}, schemas.Errorf(schemas.CodeNotFound, "%s %q does not exist", noun, id)
	case err != nil:
		return Note{}, unavailable("read "+key, err)
	}
	return Note{entry.Value(), entry.Revision()}, nil
}

func (r *Registry) setNoteOf(ctx context.Context, key, noun, id string, note Note) (version uint64, err error) {
	if note.Version == 0 {
		version, err = r.kv.Create(ctx, key, note.Text)
	} else {
		version, err = r.kv.Update(ctx, key, note.Text, note.Version)
	}
	if isConflict(err) {
		return 0, schemas.Errorf(schemas.CodeStale, "%s %q changed meanwhile", noun, id)
	}
	return version, unavailable("write "+key, err)
}
