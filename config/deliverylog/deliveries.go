package deliverylog

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Delivery is what the log has of a delivery.
type Delivery struct {
	ID       schemas.DeliveryID `json:"id"`
	Endpoint schemas.EndpointID `json:"endpoint"`
	Event    EventName          `json:"event"`
	Type     string             `json:"type,omitempty"`
	Subject  string             `json:"subject,omitempty"` // CloudEvents' subject
	Accepted time.Time          `json:"accepted"`          // the event, to the millisecond
	Status   Status             `json:"status"`
	Attempts int                `json:"attempts"` // requests, replays' too
	// Code is the HTTP status of the last attempt, 0 if no response came; Reason why it
	// ended as it did, and Last when it began. All are zero while none has ended.
	Code   int            `json:"code,omitempty"`
	Reason schemas.Reason `json:"reason,omitempty"`
	Last   time.Time      `json:"last,omitzero"`
	Next   time.Time      `json:"next,omitzero"` // when the next is due, if it is retrying
	// Asked is when it was last asked for once more; zero if it never was.
	Asked time.Time `json:"-"`
}

// Cursor is that of a page which begins behind the delivery.
func (d Delivery) Cursor() string {
	_, sequence, _ := d.ID.Accepted() // as the log made it
	return cursorOf(deliveryKey{eventKey{accepted: d.Accepted.UnixMilli(), sequence: int64(sequence)}, d.Endpoint})
}

// EventName is what an event is called.
type EventName struct {
	ID     string `json:"id,omitempty"`     // CloudEvents'
	Source string `json:"source,omitempty"` // CloudEvents'
	// Place is where EVENTS holds it, as a delivery's id without an endpoint: the name
	// even of what is no CloudEvent.
	Place schemas.DeliveryID `json:"place,omitempty"`
}

// Attempt is what the log has of an attempt.
type Attempt struct {
	schemas.Attempt                // its Reason is what it met
	Outcome         schemas.Kind   `json:"outcome"`
	Why             schemas.Reason `json:"why"`             // the outcome's reason
	Next            time.Time      `json:"next,omitzero"`   // when the next is due: of a retry
	Replay          time.Time      `json:"replay,omitzero"` // when the replay was asked for that it is of
	Dispatcher      string         `json:"dispatcher,omitempty"`
	// Exchange is the JSON of a [schemas.Exchange]; nil if no request was made.
	Exchange json.RawMessage `json:"exchange,omitempty"`
}

// DeliveryFilter says which deliveries are wanted: those that meet all that is set.
type DeliveryFilter struct {
	Delivery schemas.DeliveryID
	Endpoint schemas.EndpointID
	Event    EventName
	Type     string
	Subject  string // CloudEvents' subject
	Status   Status
	Reason   schemas.Reason // of the last attempt's outcome
	Code     int            // HTTP status of the last attempt
	// OrAsked wants those that were last asked for at that time too, whatever their
	// Status and Reason are now. No index helps to find them.
	OrAsked  time.Time
	Accepted Span
}

// Deliveries are a tenant's, in the order of their events' acceptance, and the cursor of
// the next page: empty if there is none.
func (s *Store) Deliveries(ctx context.Context, tenant schemas.TenantID, f DeliveryFilter, page Page) (found []Delivery, next string, err error) {
	if f.Delivery != "" {
		key, ok, err := s.deliveryKey(ctx, tenant, f.Delivery)
		if err != nil || !ok || f.Endpoint != "" && f.Endpoint != key.endpoint {
			return nil, "", err
		}
		f.Endpoint, f.Event.Place = key.endpoint, f.Delivery
	}
	w, err := f.where(tenant)
	if err != nil {
		return nil, "", err
	}
	if page.Cursor != "" {
		after, err := readCursor(page.Cursor)
		if err != nil {
			return nil, "", err
		}
		w.behind(after, page)
	}
	limit := page.limit()
	w.args = append(w.args, limit+1)
	rows, err := s.read.QueryContext(ctx, s.dialect.rebind(deliveriesSearch(w, page)), w.args...)
	if err != nil {
		return nil, "", unavailable("search deliveries", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	var key deliveryKey
	for rows.Next() {
		if len(found) == limit {
			return found, cursorOf(key), nil
		}
		var d Delivery
		var last, due, asked int64
		if err := rows.Scan(&key.accepted, &key.sequence, &key.endpoint, &d.Type, &d.Status, &d.Attempts, &last, &d.Code, &d.Reason, &due, &asked,
			&d.Event.ID, &d.Event.Source, &d.Subject); err != nil {
			return nil, "", unavailable("search deliveries", err)
		}
		d.ID, d.Endpoint, d.Accepted, d.Event.Place = key.id(), key.endpoint, milli(key.accepted), placeOf(key.eventKey)
		d.Last, d.Next, d.Asked = nano(last), nano(due), nano(asked)
		found = append(found, d)
	}
	return found, "", unavailable("search deliveries", rows.Err())
}

// deliveriesSearch is the query. Its last parameter is the limit.
func deliveriesSearch(w where, p Page) string {
	direction, _ := p.order()
	return "SELECT d.accepted, d.sequence, d.endpoint, d.type, d.status, d.attempts, d.last_at, d.code, d.reason, d.next, d.last_asked," +
		" coalesce(e.id, ''), coalesce(e.source, ''), coalesce(e.subject, '')" +
		" FROM deliveries d LEFT JOIN events e ON e.tenant = d.tenant AND e.accepted = d.accepted AND e.sequence = d.sequence" +
		" WHERE " + w.text[len(" AND "):] + " ORDER BY d.accepted " + direction + ", d.sequence " + direction + ", d.endpoint " + direction + " LIMIT ?"
}

// where says more than it must where an index has only the rows of which that is true.
func (f DeliveryFilter) where(tenant schemas.TenantID) (w where, err error) {
	w.is("d.tenant", string(tenant))
	w.is("d.endpoint", string(f.Endpoint))
	w.is("d.type", f.Type)
	became := f.became()
	if !f.OrAsked.IsZero() && became.text != "" {
		became.text = " AND (" + became.text[len(" AND "):] + " OR d.last_asked = ?)"
		became.args = append(became.args, nanos(f.OrAsked))
	}
	w.text, w.args = w.text+became.text, append(w.args, became.args...)
	if f.Code != 0 {
		w.add("d.code = ?", f.Code)
	}
	if f.Code >= 300 {
		w.add("d.code >= 300")
	}
	w.within("d.accepted", f.Accepted)
	if f.Event.Place != "" {
		accepted, sequence, err := f.Event.Place.Accepted()
		if err != nil {
			return w, err
		}
		w.add("d.accepted = ? AND d.sequence = ?", accepted.UnixMilli(), int64(sequence))
	}
	if f.Event.ID != "" || f.Event.Source != "" || f.Subject != "" {
		w.is("e.tenant", string(tenant))
		w.is("e.id", f.Event.ID)
		w.is("e.source", f.Event.Source)
		w.within("e.accepted", f.Accepted)
	}
	if f.Subject != "" {
		w.add("e.subject = ? AND e.subject <> ''", f.Subject)
	}
	return w, nil
}

// became is the part of it that asks what became of them.
func (f DeliveryFilter) became() (w where) {
	w.is("d.status", string(f.Status))
	if f.Status != "" && f.Status != Delivered {
		w.add("d.status <> 'delivered'")
	}
	w.is("d.reason", string(f.Reason))
	if f.Reason != "" && f.Reason != schemas.ReasonOK {
		w.add("d.reason > '' AND d.reason <> 'ok'")
	}
	return w
}

// deliveryKey finds a delivery by its id, among those of its event.
func (s *Store) deliveryKey(ctx context.Context, tenant schemas.TenantID, id schemas.DeliveryID) (key deliveryKey, ok bool, err error) {
	accepted, sequence, err := id.Accepted()
	if err != nil {
		return key, false, err
	}
	key.tenant, key.accepted, key.sequence = tenant, accepted.UnixMilli(), int64(sequence)
	const text = "SELECT endpoint FROM deliveries WHERE tenant = ? AND accepted = ? AND sequence = ?"
	rows, err := s.read.QueryContext(ctx, s.dialect.rebind(text), string(tenant), key.accepted, key.sequence)
	if err != nil {
		return key, false, unavailable("find delivery", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	for rows.Next() {
		if err := rows.Scan(&key.endpoint); err != nil {
			return key, false, unavailable("find delivery", err)
		}
		if key.id() == id {
			return key, true, nil
		}
	}
	return key, false, unavailable("find delivery", rows.Err())
}

// Delivery is one of a tenant's deliveries with its attempts, the first one first.
func (s *Store) Delivery(ctx context.Context, tenant schemas.TenantID, id schemas.DeliveryID) (d Delivery, attempts []Attempt, err error) {
	found, _, err := s.Deliveries(ctx, tenant, DeliveryFilter{Delivery: id}, Page{})
	if err != nil {
		return d, nil, err
	}
	if len(found) == 0 {
		return d, nil, schemas.Errorf(schemas.CodeNotFound, "the delivery log of tenant %s has no delivery %s", tenant, id)
	}
	d = found[0]
	_, sequence, _ := id.Accepted() // it was found
	const text = "SELECT at, number, took, code, outcome, reason, cause, detail, next, asked, dispatcher, exchange FROM attempts" +
		" WHERE tenant = ? AND accepted = ? AND sequence = ? AND endpoint = ? ORDER BY asked, at, number"
	rows, err := s.read.QueryContext(ctx, s.dialect.rebind(text), string(tenant), d.Accepted.UnixMilli(), int64(sequence), string(d.Endpoint))
	if err != nil {
		return d, nil, unavailable("read attempts", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	for rows.Next() {
		var a Attempt
		var at, due, asked int64
		var exchange string
		if err := rows.Scan(&at, &a.Number, &a.Duration, &a.Status, &a.Outcome, &a.Why, &a.Reason, &a.Detail, &due, &asked, &a.Dispatcher, &exchange); err != nil {
			return d, nil, unavailable("read attempts", err)
		}
		a.At, a.Next, a.Replay = nano(at), nano(due), nano(asked)
		if exchange != "" {
			a.Exchange = json.RawMessage(exchange)
		}
		attempts = append(attempts, a)
	}
	return d, attempts, unavailable("read attempts", rows.Err())
}
