package quota

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// noteEvery is how often a [Meter] notes what it has counted, and maxNotes how many
// tenants at most: what is left is noted the next time.
const (
	noteEvery = 10 * time.Second
	maxNotes  = 1000
)

// Meter counts the bytes that are stored for tenants. It is safe for concurrent
// use.
type Meter struct {
	note func(context.Context, schemas.TenantID, int64) error
	log  *slog.Logger

	mu    sync.Mutex // guards what follows
	bytes map[schemas.TenantID]int64
}

// NewMeter makes one that has note add what it has counted to what was noted before.
func NewMeter(note func(context.Context, schemas.TenantID, int64) error, log *slog.Logger) *Meter {
	return &Meter{note: note, log: log, bytes: map[schemas.TenantID]int64{}}
}

// Count counts bytes that are stored for a tenant.
func (m *Meter) Count(tenant schemas.TenantID, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes[tenant] += int64(bytes)
}

// Run notes what is counted until ctx ends, and then once more.
func (m *Meter) Run(ctx context.Context) error {
	ticker := time.NewTicker(noteEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.noteAll(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteEvery/2)
			defer cancel()
			m.noteAll(last)
			return nil
		}
	}
}

func (m *Meter) noteAll(ctx context.Context) {
	m.mu.Lock()
	tenants := slices.Collect(maps.Keys(m.bytes))
	m.mu.Unlock()
	for _, tenant := range tenants[:min(len(tenants), maxNotes)] {
		m.mu.Lock()
		bytes := m.bytes[tenant]
		delete(m.bytes, tenant)
		m.mu.Unlock()
		if err := m.note(ctx, tenant, bytes); err != nil {
			m.log.WarnContext(ctx, "what a tenant stores is not noted; it is tried again", "tenant", tenant, "error", err)
			m.mu.Lock()
			m.bytes[tenant] += bytes
			m.mu.Unlock()
			return
		}
	}
}
