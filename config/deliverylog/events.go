package deliverylog

import (
	"context"
	"fmt"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Event is what the log has of an event.
type Event struct {
	schemas.EventSummary
	Place    schemas.DeliveryID `json:"place"`    // see [EventName]
	Sequence uint64             `json:"sequence"` // in EVENTS; of a test delivery's event any number
	Accepted time.Time          `json:"accepted"` // to the millisecond
	Matched  int                `json:"matched"`  // endpoints it goes to
	// Pending is set of an event that was accepted a moment ago, and that fanout has not
	// matched yet: the log has it soon.
	Pending bool `json:"pending,omitempty"`
	// Dead says why it died before it became deliveries, if it did, and Detail more of it.
	Dead   schemas.Reason `json:"dead,omitempty"`
	Detail string         `json:"detail,omitempty"`
}

// Cursor is that of a page which begins behind the event.
func (e Event) Cursor() string {
	return cursorOf(deliveryKey{eventKey: eventKey{accepted: e.Accepted.UnixMilli(), sequence: int64(e.Sequence)}})
}

// EventFilter says which events are wanted: those that meet all that is set.
type EventFilter struct {
	EventName
	Type      string
	Subject   string // CloudEvents' subject
	Unmatched bool   // it goes nowhere, and not because it died
	Dead      bool   // it died before it became deliveries
	Accepted  Span
}

// Holds reports whether an event that is not in the database meets the filter.
func (f EventFilter) Holds(e Event) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	in := (f.Accepted.From.IsZero() || !e.Accepted.Before(f.Accepted.From)) && (f.Accepted.To.IsZero() || e.Accepted.Before(f.Accepted.To))
	return in && is(f.ID, e.ID) && is(f.Source, e.Source) && is(f.Type, e.Type) && is(f.Subject, e.Subject) &&
		is(string(f.Place), string(e.Place)) && (!f.Unmatched || e.Matched == 0 && e.Dead == "") && (!f.Dead || e.Dead != "")
}

// placeOf names an event by where EVENTS holds it.
func placeOf(key eventKey) schemas.DeliveryID { return deliveryKey{eventKey: key}.id() }

// Events are a tenant's, in the order of their acceptance, and the cursor of the next
// page: empty if there is none. An event is here once fanout has matched it.
func (s *Store) Events(ctx context.Context, tenant schemas.TenantID, f EventFilter, page Page) (found []Event, next string, err error) {
	w, err := f.where(tenant)
	if err != nil {
		return nil, "", err
	}
	if page.Cursor != "" {
		after, err := readCursor(page.Cursor)
		if err != nil {
			return nil, "", err
		}
		_, follows := page.order()
		w.add(fmt.Sprintf("accepted %[1]s= ? AND (accepted, sequence) %[1]s (?, ?)", follows), after.accepted, after.accepted, after.sequence)
	}
	limit := page.limit()
	w.args = append(w.args, limit+1)
	rows, err := s.read.QueryContext(ctx, s.dialect.rebind(eventsSearch(w, page)), w.args...)
	if err != nil {
		return nil, "", unavailable("search events", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	var key eventKey
	for rows.Next() {
		if len(found) == limit {
			return found, cursorOf(deliveryKey{eventKey: key}), nil
		}
		var e Event
		var at int64
		if err := rows.Scan(&key.accepted, &key.sequence, &e.ID, &e.Source, &e.Type, &e.Subject, &at, &e.Size, &e.Trace, &e.Matched, &e.Dead, &e.Detail); err != nil {
			return nil, "", unavailable("search events", err)
		}
		e.Place, e.Sequence, e.Accepted, e.Time = placeOf(key), uint64(key.sequence), milli(key.accepted), micro(at)
		found = append(found, e)
	}
	return found, "", unavailable("search events", rows.Err())
}

// eventsSearch is the query. Its last parameter is the limit.
func eventsSearch(w where, p Page) string {
	direction, _ := p.order()
	return "SELECT accepted, sequence, id, source, type, subject, time, size, trace, matched, dead, detail FROM events" +
		" WHERE " + w.text[len(" AND "):] + " ORDER BY accepted " + direction + ", sequence " + direction + " LIMIT ?"
}

// where says more than it must where an index has only the rows of which that is true.
func (f EventFilter) where(tenant schemas.TenantID) (w where, err error) {
	w.is("tenant", string(tenant))
	w.is("id", f.ID)
	w.is("source", f.Source)
	w.is("type", f.Type)
	if f.Subject != "" {
		w.add("subject = ? AND subject <> ''", f.Subject)
	}
	if f.Unmatched {
		w.add("matched = 0 AND dead = ''")
	}
	if f.Dead {
		w.add("dead <> ''")
	}
	w.within("accepted", f.Accepted)
	if f.Place != "" {
		accepted, sequence, err := f.Place.Accepted()
		if err != nil {
			return w, err
		}
		w.add("accepted = ? AND sequence = ?", accepted.UnixMilli(), int64(sequence))
	}
	return w, nil
}

// Event is one of a tenant's events, the newest of that name, with a page of its
// deliveries and the cursor of the next, for [Store.Deliveries] of its place.
func (s *Store) Event(ctx context.Context, tenant schemas.TenantID, name EventName, page Page) (e Event, deliveries []Delivery, next string, err error) {
	if name == (EventName{}) {
		return e, nil, "", schemas.Errorf(schemas.CodeInvalid, "read an event of the delivery log: name it")
	}
	found, _, err := s.Events(ctx, tenant, EventFilter{EventName: name}, Page{Limit: 1})
	if err != nil {
		return e, nil, "", err
	}
	if len(found) == 0 {
		return e, nil, "", schemas.Errorf(schemas.CodeNotFound, "the delivery log of tenant %s has no event %q", tenant, name.ID+string(name.Place))
	}
	e = found[0]
	deliveries, next, err = s.Deliveries(ctx, tenant, DeliveryFilter{Event: EventName{Place: e.Place}}, page)
	return e, deliveries, next, err
}
