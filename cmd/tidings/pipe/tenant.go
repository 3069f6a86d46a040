package pipe

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// lookWithin is how long somebody who publishes waits to be told whether the tenant
// exists.
const lookWithin = 2 * time.Second

// TenantThere refuses a tenant that the registry does not have: its events would be
// stored, and die as tenant_unknown. The error is a [schemas.CodeNotFound]. It reports
// whether that could be told: whoever may do nothing but publish cannot read the
// registry, and need not.
func TenantThere(ctx context.Context, nc *nats.Conn, tenant schemas.TenantID) (told bool, err error) {
	if tenant.Validate() != nil {
		return false, nil // the publisher says what is wrong with it
	}
	ctx, stop := context.WithTimeout(ctx, lookWithin)
	defer stop()
	err = broker.Allowed(ctx, nc, func(ctx context.Context) error {
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		bucket, err := js.KeyValue(ctx, schemas.BucketRegistry)
		if err != nil {
			return fmt.Errorf("open the registry: %w", err)
		}
		_, err = registry.New(bucket, nil).Tenant(ctx, tenant)
		return err
	})
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return true, schemas.Errorf(schemas.CodeNotFound, "tenant %q does not exist: make it with tidings tenants create %s, or check --tenant; nothing was published", string(tenant), tenant)
	}
	return err == nil, nil
}

// own refuses with [schemas.CodeNotFound] a delivery, or an event's place, that was
// accepted before its tenant was made: it is of another tenant that had the id.
func (p *Process) own(tenant schemas.TenantID, id schemas.DeliveryID) error {
	t, _ := p.Index.Tenant(tenant) // of one that is gone there are no endpoints either
	if at, _, err := id.Accepted(); err == nil && at.Before(t.Created) {
		return schemas.Errorf(schemas.CodeNotFound, "%s was accepted before tenant %s was made: it is of another tenant that had the id", id, tenant)
	}
	return nil
}
