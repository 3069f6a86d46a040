package pipe

import (
	"context"
	"slices"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

// pending are a tenant's events that EVENTS has and the log does not: those stored at
// the time of the newest that it has, or later. Of many the oldest are shown.
func (r *replays) pending(ctx context.Context, tenant schemas.TenantID) ([]deliverylog.Event, error) {
	store, err := r.process.deliveries.open()
	if err != nil {
		return nil, err
	}
	newest, _, err := store.Events(ctx, tenant, deliverylog.EventFilter{}, deliverylog.Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	made, _ := r.process.Index.Tenant(tenant)
	since := deliverylog.Span{From: made.Created} // what is older was another's that had the id
	if len(newest) > 0 && newest[0].Accepted.After(since.From) {
		since.From = newest[0].Accepted
	}
	stored, err := direct.Since(ctx, r.nc, schemas.StreamEvents, r.process.Streams.Layout.TenantFilter(tenant), since.From)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "read the newest events: %w", err)
	}
	known, _, err := store.Events(ctx, tenant, deliverylog.EventFilter{Accepted: since}, deliverylog.Page{Limit: deliverylog.MaxLimit})
	if err != nil {
		return nil, err
	}
	logged := make(map[schemas.DeliveryID]bool, len(known))
	for _, e := range known {
		logged[e.Place] = true
	}
	var found []deliverylog.Event
	for _, m := range slices.Backward(stored) {
		place := schemas.NewDeliveryID(m.Time, m.Sequence, "")
		if !logged[place] {
			at, _, _ := place.Accepted() // to the millisecond, like the log
			found = append(found, deliverylog.Event{
				Place: place, Sequence: m.Sequence, Accepted: at, Pending: true, EventSummary: summaryOf(m),
			})
		}
	}
	return found, nil
}

// summaryOf is what a message of EVENTS says of its event; nothing if it is none.
func summaryOf(m direct.Message) schemas.EventSummary {
	e, err := schemas.DecodeEvent(schemas.Header(m.Header), m.Data)
	if err != nil {
		return schemas.EventSummary{}
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return schemas.EventSummary{}
	}
	return schemas.Summarize(header, len(data))
}
