package deliverylog

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// EndpointCount is how an endpoint fared in a span of time. Each of its attempts, and each
// death without one, is delivered, retried or dead.
type EndpointCount struct {
	Endpoint  schemas.EndpointID
	Attempts  int // requests, and hand-outs to whoever pulls
	Delivered int
	Retried   int // attempts that failed and are followed by another
	Dead      int // deliveries given up
}

// failingSearch first finds who failed at all, by an index that has only the minutes in
// which somebody did: then it takes as long as there is trouble, whatever the number of
// endpoints. Shares are compared in floating point, which both databases have alike.
const failingSearch = "SELECT endpoint, sum(attempts), sum(delivered), sum(retried), sum(dead) FROM counts" +
	" WHERE tenant = ? AND minute >= ? AND minute < ? AND endpoint IN (" +
	"SELECT endpoint FROM counts WHERE tenant = ? AND minute >= ? AND minute < ? AND endpoint <> '' AND retried + dead > 0)" +
	" GROUP BY endpoint" +
	" ORDER BY (sum(retried) + sum(dead)) * 1.0 / (sum(delivered) + sum(retried) + sum(dead)) DESC, sum(retried) + sum(dead) DESC, endpoint"

// Failing are a tenant's endpoints of which something failed, those with the greatest share
// of failures first, and of equals those with more of them. Of the span it takes the minutes
// that have a part in it. Those that known refuses are left out: the log outlives endpoints.
func (s *Store) Failing(ctx context.Context, tenant schemas.TenantID, span Span, limit int, known func(schemas.EndpointID) bool) (found []EndpointCount, err error) {
	if span.From.Unix() < 0 || !span.To.After(span.From) {
		return nil, schemas.Errorf(schemas.CodeInvalid, "from %s to %s: use an end that is after the beginning", span.From.Format(time.RFC3339), span.To.Format(time.RFC3339))
	}
	first, last := span.From.Unix()/60, span.To.Add(-1).Unix()/60+1
	rows, err := s.read.QueryContext(ctx, s.dialect.rebind(failingSearch), string(tenant), first, last, string(tenant), first, last)
	if err != nil {
		return nil, unavailable("read failing endpoints", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	for len(found) < limit && rows.Next() {
		var e EndpointCount
		if err := rows.Scan(&e.Endpoint, &e.Attempts, &e.Delivered, &e.Retried, &e.Dead); err != nil {
			return nil, unavailable("read failing endpoints", err)
		}
		if known(e.Endpoint) {
			found = append(found, e)
		}
	}
	return found, unavailable("read failing endpoints", rows.Err())
}
