package api

import (
	"context"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// defaultStep is a point of a chart, unless the request asks for another.
const defaultStep = 5 * time.Minute

// getCounts is what charts show: the last day, or what is asked for.
func (a *API) getCounts(ctx context.Context, c *call) (reply, error) {
	q := c.query()
	endpoint, span, step := schemas.EndpointID(q.text("endpoint")), q.lastDay(), defaultStep
	if text := q.text("step"); text != "" {
		var err error
		if step, err = time.ParseDuration(text); err != nil {
			q.wrong("step", "%q: write a length like \"5m\" or \"1h\"", text)
		}
	}
	if q.err != nil {
		return reply{}, q.err
	}
	if err := a.mayReadLog(c, endpoint); err != nil {
		return reply{}, err
	}
	store, err := a.DeliveryLog()
	if err != nil {
		return reply{}, err
	}
	points, err := store.Counts(ctx, c.tenant, deliverylog.CountFilter{Endpoint: endpoint, Span: span, Step: step, Since: a.made(c.tenant)})
	return logPage(points, "", err)
}

// lastDay is the span that is asked for, or the last day.
func (q *query) lastDay() deliverylog.Span {
	span := q.span()
	if span.To.IsZero() {
		span.To = now()
	}
	if span.From.IsZero() {
		span.From = span.To.Add(-24 * time.Hour)
	}
	if q.err == nil && !span.To.After(span.From) {
		q.wrong("since", "it is not before until, which is now by default")
	}
	return span
}

// endpointCount is how an endpoint fared.
type endpointCount struct {
	Endpoint  schemas.EndpointID `json:"endpoint"`
	Name      string             `json:"name,omitempty"`
	Status    string             `json:"status"`
	Attempts  int                `json:"attempts"`
	Delivered int                `json:"delivered"`
	Retried   int                `json:"retried"`
	Dead      int                `json:"dead"`
}

// listFailing are the endpoints that fare worst, of those that there are.
func (a *API) listFailing(ctx context.Context, c *call) (reply, error) {
	q := c.query()
	span, limit := q.lastDay(), q.page().Limit
	if q.err != nil {
		return reply{}, q.err
	}
	if _, err := a.tenant(c.tenant); err != nil {
		return reply{}, err
	}
	store, err := a.DeliveryLog()
	if err != nil {
		return reply{}, err
	}
	found, err := store.Failing(ctx, c.tenant, span, limit, func(id schemas.EndpointID) bool {
		_, err := a.endpointOf(c, id)
		return err == nil
	})
	items := make([]endpointCount, 0, len(found))
	for _, f := range found {
		rec, err := a.endpointOf(c, f.Endpoint)
		if err != nil {
			continue // deleted just now
		}
		items = append(items, endpointCount{f.Endpoint, rec.Value.Name, viewEndpoint(rec).Status, f.Attempts, f.Delivered, f.Retried, f.Dead})
	}
	return logPage(items, "", err)
}
