package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// query reads a request's parameters, and remembers the first that is wrong.
type query struct {
	values url.Values
	err    error
}

func (c *call) query() *query { return &query{values: c.r.URL.Query()} }

func (q *query) wrong(name, format string, args ...any) {
	if q.err == nil {
		q.err = document.Invalid(name, format, args...)
	}
}

func (q *query) text(name string) string { return q.values.Get(name) }

// time is an RFC 3339 time; zero if there is none.
func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 1970 {
		q.wrong(name, "%q: write a time like \"2026-01-31T12:00:00Z\"", text)
	}
	return t
}

func (q *query) number(name string, least, most int) int {
	text := q.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		q.wrong(name, "%q: use %d to %d", text, least, most)
	}
	return n
}

// flag is true or false; false if there is none.
func (q *query) flag(name string) bool {
	switch text := q.text(name); text {
	case "true":
		return true
	case "", "false":
	default:
		q.wrong(name, "%q: use true or false", text)
	}
	return false
}

// span is when events were accepted.
func (q *query) span() deliverylog.Span {
	s := deliverylog.Span{From: q.time("since"), To: q.time("until")}
	if !s.To.IsZero() && !s.To.After(s.From) {
		q.wrong("until", "it is not after since")
	}
	return s
}

// page is which part of a list is asked for.
func (q *query) page() deliverylog.Page {
	limit := q.number("limit", 1, maxLimit)
	if limit == 0 {
		limit = defaultLimit
	}
	return deliverylog.Page{Cursor: q.text("cursor"), Limit: limit}
}

// deliveryStates are what a delivery may be.
var deliveryStates = []deliverylog.Status{deliverylog.Waiting, deliverylog.Retrying, deliverylog.Delivered, deliverylog.Dead}

// listDeliveries searches the delivery log. Whoever sees some endpoints only names one.
func (a *API) listDeliveries(ctx context.Context, c *call) (reply, error) {
	q := c.query()
	f := deliverylog.DeliveryFilter{
		Delivery: schemas.DeliveryID(q.text("id")), Endpoint: schemas.EndpointID(q.text("endpoint")),
		Event: deliverylog.EventName{ID: q.text("event"), Source: q.text("source")},
		Type:  q.text("type"), Subject: q.text("subject"),
		Status: deliverylog.Status(q.text("status")), Reason: schemas.Reason(q.text("reason")),
		Code: q.number("code", 100, 599), Accepted: a.own(c, q.span()),
	}
	page := q.page()
	if f.Status != "" && !slices.Contains(deliveryStates, f.Status) {
		q.wrong("status", "%q: use waiting, retrying, delivered or dead", f.Status)
	}
	if err := f.Reason.Validate(); f.Reason != "" && err != nil {
		q.wrong("reason", "%s", err)
	}
	if q.err != nil {
		return reply{}, q.err
	}
	if err := a.mayReadLog(c, f.Endpoint); err != nil {
		return reply{}, err
	}
	store, err := a.DeliveryLog()
	if err != nil {
		return reply{}, err
	}
	found, next, err := store.Deliveries(ctx, c.tenant, f, page)
	return logPage(found, next, err)
}

// mayReadLog refuses to a personal token what is not about its own endpoint. An
// endpoint that is gone is the tenant's.
func (a *API) mayReadLog(c *call, endpoint schemas.EndpointID) error {
	if c.who.Scope != schemas.TokenPersonal {
		return nil
	}
	if endpoint == "" {
		return document.Invalid("endpoint", "a personal token sees the deliveries of its own endpoints: name one")
	}
	_, err := a.endpointOf(c, endpoint)
	return err
}

func logPage[T any](found []T, next string, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	p := page{Items: make([]any, len(found)), Next: next}
	for i, item := range found {
		p.Items[i] = item
	}
	return reply{status: http.StatusOK, body: p}, nil
}

// deliveryView is a delivery with all that was tried.
type deliveryView struct {
	deliverylog.Delivery
	History []deliverylog.Attempt `json:"history"`
}

// delivery is the one that the path names.
func (a *API) delivery(ctx context.Context, c *call) (deliveryView, error) {
	id := schemas.DeliveryID(c.r.PathValue("delivery"))
	store, err := a.DeliveryLog()
	if err != nil {
		return deliveryView{}, err
	}
	var v deliveryView
	if a.owns(c, id) {
		v.Delivery, v.History, err = store.Delivery(ctx, c.tenant, id)
		if err != nil && !schemas.HasCode(err, schemas.CodeNotFound) {
			return v, err
		}
	}
	if v.ID == "" || a.mayReadLog(c, v.Endpoint) != nil {
		return v, schemas.Errorf(schemas.CodeNotFound, "delivery %q does not exist, or the log no longer has it", string(id))
	}
	if v.History == nil {
		v.History = []deliverylog.Attempt{}
	}
	return v, nil
}

func (a *API) getDelivery(ctx context.Context, c *call) (reply, error) {
	v, err := a.delivery(ctx, c)
	return reply{status: http.StatusOK, body: v}, err
}

// resendDelivery has a delivery made once more, alone.
func (a *API) resendDelivery(ctx context.Context, c *call) (reply, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return reply{}, err
	}
	v, err := a.delivery(ctx, c)
	if err != nil {
		return reply{}, err
	}
	if v.Status == deliverylog.Waiting || v.Status == deliverylog.Retrying {
		return reply{}, schemas.Errorf(schemas.CodeConflict, "delivery %s is still on its way: it is %s", v.ID, v.Status)
	}
	if err := a.takes(c, v.Endpoint); err != nil {
		return reply{}, err
	}
	sent, err := a.Resend(ctx, c.tenant, v.Delivery)
	switch {
	case err != nil:
		return reply{}, err
	case !sent:
		return reply{}, schemas.Errorf(schemas.CodeConflict, "delivery %s cannot be sent again: its event is no longer stored", v.ID)
	}
	return reply{status: http.StatusAccepted, body: struct {
		Delivery schemas.DeliveryID `json:"delivery"`
	}{v.ID}}, nil
}

// takes refuses an endpoint at which a replay would die at once.
func (a *API) takes(c *call, id schemas.EndpointID) error {
	rec, err := a.endpointOf(c, id)
	if err == nil && rec.Value.Disabled != "" {
		err = schemas.Errorf(schemas.CodeConflict, "endpoint %s is disabled: enable it first", id)
	}
	return err
}

// listEvents searches the events, from the moment they are accepted.
func (a *API) listEvents(ctx context.Context, c *call) (reply, error) {
	q := c.query()
	f := deliverylog.EventFilter{
		EventName: deliverylog.EventName{ID: q.text("id"), Source: q.text("source")},
		Type:      q.text("type"), Subject: q.text("subject"),
		Unmatched: q.flag("unmatched"), Dead: q.flag("dead"), Accepted: a.own(c, q.span()),
	}
	page := q.page()
	if q.err != nil {
		return reply{}, q.err
	}
	store, err := a.DeliveryLog()
	if err != nil {
		return reply{}, err
	}
	pending, err := a.pending(ctx, c, f, page)
	if err != nil {
		return reply{}, err
	}
	found, next, err := store.Events(ctx, c.tenant, f, page)
	return logPage(append(pending, found...), next, err)
}

// pending are the events of a first page that are not yet in the log. The page may be
// so much longer.
func (a *API) pending(ctx context.Context, c *call, f deliverylog.EventFilter, page deliverylog.Page) ([]deliverylog.Event, error) {
	if page.Cursor != "" || f.Unmatched || f.Dead {
		return nil, nil
	}
	all, err := a.Pending(ctx, c.tenant)
	if err != nil {
		return nil, err
	}
	var wanted []deliverylog.Event
	for _, e := range all {
		if f.Holds(e) {
			wanted = append(wanted, e)
		}
	}
	return wanted, nil
}

// getEvent answers with an event, and where it went.
func (a *API) getEvent(ctx context.Context, c *call) (reply, error) {
	place := schemas.DeliveryID(c.r.PathValue("event"))
	missing := schemas.Errorf(schemas.CodeNotFound, "event %q does not exist, or the log no longer has it", string(place))
	if !a.owns(c, place) {
		return reply{}, missing
	}
	store, err := a.DeliveryLog()
	if err != nil {
		return reply{}, err
	}
	name := deliverylog.EventName{Place: place}
	e, deliveries, _, err := store.Event(ctx, c.tenant, name, deliverylog.Page{Limit: deliverylog.MaxLimit})
	if schemas.HasCode(err, schemas.CodeNotFound) {
		found, pendingErr := a.pending(ctx, c, deliverylog.EventFilter{EventName: name}, deliverylog.Page{})
		if err = pendingErr; err == nil && len(found) == 0 {
			err = missing
		} else if err == nil {
			e = found[0]
		}
	}
	if deliveries == nil {
		deliveries = []deliverylog.Delivery{}
	}
	return reply{status: http.StatusOK, body: struct {
		deliverylog.Event
		Deliveries []deliverylog.Delivery `json:"deliveries"`
	}{e, deliveries}}, err
}
