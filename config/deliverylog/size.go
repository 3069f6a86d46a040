package deliverylog

import (
	"context"

	"github.com/tidings-dev/tidings/schemas"
)

// CountDeliveries is how many deliveries of a tenant a filter finds.
func (s *Store) CountDeliveries(ctx context.Context, tenant schemas.TenantID, f DeliveryFilter) (int, error) {
	w, err := f.where(tenant)
	if err != nil {
		return 0, err
	}
	const from = "deliveries d LEFT JOIN events e ON e.tenant = d.tenant AND e.accepted = d.accepted AND e.sequence = d.sequence"
	return s.size(ctx, from, w)
}

// CountEvents is how many events of a tenant a filter finds.
func (s *Store) CountEvents(ctx context.Context, tenant schemas.TenantID, f EventFilter) (int, error) {
	w, err := f.where(tenant)
	if err != nil {
		return 0, err
	}
	return s.size(ctx, "events", w)
}

func (s *Store) size(ctx context.Context, from string, w where) (n int, err error) {
	text := "SELECT count(*) FROM " + from + " WHERE " + w.text[len(" AND "):]
	err = s.read.QueryRowContext(ctx, s.dialect.rebind(text), w.args...).Scan(&n)
	return n, unavailable("count in delivery log", err)
}
