package deliverylog

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// MaxPoints is how many points [Store.Counts] gives at most.
const MaxPoints = 10_000

// Count is a point of a chart: what happened from Start on, for a step.
type Count struct {
	Start     time.Time        `json:"start"`
	Accepted  int              `json:"accepted"` // events; of a tenant as a whole only
	Matched   int              `json:"matched"`  // deliveries begun, by when their event was accepted
	Attempts  int              `json:"attempts"` // requests, and hand-outs to whoever pulls
	Delivered int              `json:"delivered"`
	Retried   int              `json:"retried"`  // attempts that failed and are followed by another
	Dead      int              `json:"dead"`     // deliveries given up, and events
	Requests  int              `json:"requests"` // attempts that were HTTP requests
	Took      schemas.Duration `json:"took"`     // all requests together: divided by Requests it is their mean
}

// CountFilter says what a chart is of.
type CountFilter struct {
	Endpoint schemas.EndpointID // of a tenant as a whole if it is empty
	Span     Span
	Step     time.Duration // a whole number of minutes
	// Since is the minute before which nothing is counted; zero counts all of Span.
	Since time.Time
}

// Counts are the points of a chart of a tenant, or of one of its endpoints: one for each
// step that has a part from from on and before to.
func (s *Store) Counts(ctx context.Context, tenant schemas.TenantID, f CountFilter) ([]Count, error) {
	span, step := f.Span, f.Step
	if step < time.Minute || step%time.Minute != 0 {
		return nil, schemas.Errorf(schemas.CodeInvalid, "step %s: use a whole number of minutes", step)
	}
	if span.From.Unix() < 0 || !span.To.After(span.From) || span.To.Sub(span.From)/step >= MaxPoints {
		return nil, schemas.Errorf(schemas.CodeInvalid, "from %s to %s by %s: use a span of 1 to %d steps", span.From.Format(time.RFC3339), span.To.Format(time.RFC3339), step, MaxPoints)
	}
	width := int64(step / time.Minute)
	first, last := span.From.Unix()/60/width, (span.To.Add(-1).Unix()/60)/width
	points := make([]Count, last-first+1)
	for i := range points {
		points[i].Start = time.Unix((first+int64(i))*width*60, 0).UTC()
	}
	const text = "SELECT minute, accepted, matched, attempts, delivered, retried, dead, requests, took FROM counts" +
		" WHERE tenant = ? AND endpoint = ? AND minute >= ? AND minute < ?"
	rows, err := s.read.QueryContext(ctx, s.dialect.rebind(text), string(tenant), string(f.Endpoint), max(first*width, f.Since.Unix()/60), (last+1)*width)
	if err != nil {
		return nil, unavailable("read counts", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	for rows.Next() {
		var minute, took int64
		var c Count
		if err := rows.Scan(&minute, &c.Accepted, &c.Matched, &c.Attempts, &c.Delivered, &c.Retried, &c.Dead, &c.Requests, &took); err != nil {
			return nil, unavailable("read counts", err)
		}
		points[minute/width-first].add(c, time.Duration(took)*time.Microsecond)
	}
	return points, unavailable("read counts", rows.Err())
}

func (c *Count) add(more Count, took time.Duration) {
	c.Accepted += more.Accepted
	c.Matched += more.Matched
	c.Attempts += more.Attempts
	c.Delivered += more.Delivered
	c.Retried += more.Retried
	c.Dead += more.Dead
	c.Requests += more.Requests
	c.Took += schemas.Duration(took)
}
