package deliverylog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Backlog is what waits: deliveries that are neither delivered nor dead.
type Backlog struct {
	Waiting int
	Oldest  time.Time // when the event of the oldest was accepted; zero if nothing waits
	// Endpoints are those with the most, the worst first.
	Endpoints []EndpointBacklog
}

// EndpointBacklog is an endpoint's part of it.
type EndpointBacklog struct {
	Endpoint schemas.EndpointID
	Waiting  int
	Oldest   time.Time
}

// Backlog is a tenant's, of events accepted since a time, with so many endpoints at most.
// It reads an index of what waits, so it takes time in proportion to that.
func (s *Store) Backlog(ctx context.Context, tenant schemas.TenantID, since time.Time, endpoints int) (b Backlog, err error) {
	const text = "SELECT endpoint, count(*), min(accepted) FROM deliveries" +
		" WHERE tenant = ? AND status IN ('waiting', 'retrying') AND status <> 'delivered' AND accepted >= ? GROUP BY endpoint"
	rows, err := s.read.QueryContext(ctx, s.dialect.rebind(text), string(tenant), since.UnixMilli())
	if err != nil {
		return b, unavailable("read backlog", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	for rows.Next() {
		var e EndpointBacklog
		var oldest int64
		if err := rows.Scan(&e.Endpoint, &e.Waiting, &oldest); err != nil {
			return b, unavailable("read backlog", err)
		}
		e.Oldest = milli(oldest)
		b.Waiting += e.Waiting
		if b.Oldest.IsZero() || e.Oldest.Before(b.Oldest) {
			b.Oldest = e.Oldest
		}
		b.Endpoints = append(b.Endpoints, e)
	}
	slices.SortFunc(b.Endpoints, func(x, y EndpointBacklog) int {
		return cmp.Or(cmp.Compare(y.Waiting, x.Waiting), cmp.Compare(x.Endpoint, y.Endpoint))
	})
	b.Endpoints = b.Endpoints[:min(endpoints, len(b.Endpoints))]
	return b, unavailable("read backlog", rows.Err())
}
