package pipe

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/quota"
	"github.com/tidings-dev/tidings/schemas"
)

// quotas are what the doors ask of a tenant.
func (p *Process) quotas(js jetstream.JetStream, reached func(schemas.TenantID, string, string)) *quota.Quotas {
	return quota.New(quota.Options{
		Default: p.settings.Quota,
		Reached: reached,
		Tenant: func(id schemas.TenantID) (schemas.Tenant, bool) {
			rec, ok := p.picture.Tenant(id)
			return rec.Value, ok
		},
		Endpoints: p.picture.EndpointCount,
		CaughtUp:  p.Barrier.CaughtUp,
		Has: func(tenant schemas.TenantID, id schemas.EndpointID) bool {
			_, ok := p.picture.Endpoint(tenant, id)
			return ok
		},
		Stored: func(ctx context.Context, tenant schemas.TenantID) (int64, error) {
			stored, err := p.Registry.Stored(ctx, tenant)
			return stored.Sum(time.Now()), err
		},
		Held: func(ctx context.Context) (map[schemas.TenantID]int, error) { return p.held(ctx, js) },
	})
}

// held counts the deliveries in the held queues of each tenant, and in those from which
// deliveries are pulled.
func (p *Process) held(ctx context.Context, js jetstream.JetStream) (map[schemas.TenantID]int, error) {
	held := map[schemas.TenantID]int{}
	queues := map[string]string{schemas.StreamPull: schemas.PullSubjects}
	for shard := range p.Streams.Layout.Shards {
		queues[schemas.DeliveriesShard(shard)] = schemas.AllHeld
	}
	for name, queue := range queues {
		stream, err := js.Stream(ctx, name)
		var info *jetstream.StreamInfo
		if err == nil {
			info, err = stream.Info(ctx, jetstream.WithSubjectFilter(queue))
		}
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeUnavailable, "count what is held in %s: %w", name, err)
		}
		for subject, count := range info.State.Subjects {
			if tenant, ok := p.picture.TenantOf(schemas.QueueEndpoint(subject)); ok {
				held[tenant] += int(count) //nolint:gosec // fewer than there are bytes of memory
			}
		}
	}
	return held, nil
}

// limited tells whether a tenant has a quota of what is stored.
func (p *Process) limited(id schemas.TenantID) bool {
	tenant, _ := p.Index.Tenant(id)
	return tenant.Quota.Or(p.settings.Quota).StoredBytes > 0
}

// meter counts what is stored for tenants that have a quota of it.
func (p *Process) meter(ctx context.Context) *quota.Meter {
	m := quota.NewMeter(
		func(ctx context.Context, tenant schemas.TenantID, bytes int64) error {
			return p.Registry.AddStored(ctx, tenant, p.settings.Streams.EventsMaxAge, bytes)
		}, p.log)
	p.background(ctx, "quotas", m.Run)
	return m
}
