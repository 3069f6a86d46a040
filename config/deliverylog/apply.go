package deliverylog

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// errMoved says that the position is not what it was: another projector was here, or
// a rebuild is wanted.
var errMoved = errors.New("the position has moved")

// apply writes a batch and the position behind it, if the position is still from.
func (s *Store) apply(ctx context.Context, from position, b *batch) (to position, err error) {
	to = from
	to.sequence, to.unread = b.to, from.unread+uint64(b.unread)
	return to, s.inTx(ctx, func(tx *sql.Tx) error {
		now, err := readPosition(ctx, tx, s.dialect.lock)
		if err != nil {
			return err
		}
		if now != from {
			return errMoved
		}
		if err := (&applying{Store: s, tx: tx, batch: b, counts: map[countKey]*countRow{}}).all(ctx); err != nil {
			return err
		}
		return s.writePosition(ctx, tx, to)
	})
}

// applying is a batch on its way into the tables. What is counted are rows that are
// new: so the batch itself is not changed, and can be applied again.
type applying struct {
	*Store
	tx *sql.Tx
	*batch
	counts map[countKey]*countRow

	deliveries map[deliveryKey]*deliveryRow
	matched    map[eventKey]int // deliveries that are new
}

func (a *applying) all(ctx context.Context) error {
	a.deliveries = make(map[deliveryKey]*deliveryRow, len(a.named))
	a.matched = make(map[eventKey]int, len(a.events))
	for key, eventType := range a.named {
		a.deliveries[key] = &deliveryRow{eventType: eventType, last: last{status: Waiting}}
	}
	for key, asked := range a.replays {
		d := a.deliveries[key]
		if d == nil {
			d = &deliveryRow{}
			a.deliveries[key] = d
		}
		d.last = last{asked: asked, status: Waiting}
	}
	for _, step := range []func(context.Context) error{a.putAttempts, a.putDeliveries, a.putEvents, a.putCounts} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// count is a minute's row.
func (a *applying) count(tenant schemas.TenantID, endpoint schemas.EndpointID, minute int64) *countRow {
	key := countKey{tenant, endpoint, minute}
	row := a.counts[key]
	if row == nil {
		row = &countRow{}
		a.counts[key] = row
	}
	return row
}

func (a *applying) putAttempts(ctx context.Context) error {
	rows := make([][]any, 0, len(a.attempts))
	for _, key := range sorted(a.attempts, attemptKey.compare) {
		l := a.attempts[key]
		rows = append(rows, []any{
			string(key.tenant), key.accepted, key.sequence, text(key.endpoint), key.at, key.number,
			int64(l.Attempt.Duration), l.Attempt.Status, text(l.Kind), text(l.Reason), text(l.Attempt.Reason),
			text(l.Attempt.Detail), nanos(l.Next), nanos(l.Replay), text(l.Dispatcher), text(string(l.Exchange)),
		})
	}
	return a.insert(ctx, a.tx, attemptsTable, rows, func(scan func(...any) error) error {
		var key attemptKey
		if err := scan(&key.tenant, &key.accepted, &key.sequence, &key.endpoint, &key.at, &key.number); err != nil {
			return err
		}
		a.newAttempt(key)
		return nil
	})
}

// newAttempt has its delivery, and its minute, know of an attempt.
func (a *applying) newAttempt(key attemptKey) {
	l := a.attempts[key]
	d := a.deliveries[key.deliveryKey]
	if d == nil {
		d = &deliveryRow{last: last{status: Waiting}}
		a.deliveries[key.deliveryKey] = d
	}
	d.eventType = max(d.eventType, l.Event.Type)
	requests := min(key.number, 1)
	d.attempts += requests
	now := last{nanos(l.Replay), key.at, key.number, statusOf(l.Kind), l.Attempt.Status, l.Reason, nanos(l.Next)}
	if d.last.before(now) {
		d.last = now
	}
	for _, endpoint := range []schemas.EndpointID{"", key.endpoint} {
		c := a.count(key.tenant, endpoint, key.at/int64(time.Minute))
		c.attempts += requests
		if len(l.Exchange) > 0 { // else nothing was sent, and it took as long as whoever pulled it liked
			c.requests++
			c.took += l.Attempt.Duration.Std().Microseconds()
		}
		switch l.Kind {
		case schemas.Delivered:
			c.delivered++
		case schemas.Retry:
			c.retried++
		case schemas.Dead:
			c.dead++
		}
	}
}

func (a *applying) putDeliveries(ctx context.Context) error {
	rows := make([][]any, 0, len(a.deliveries))
	for _, key := range sorted(a.deliveries, deliveryKey.compare) {
		rows = append(rows, a.deliveries[key].row(key))
	}
	known := maps.Clone(a.deliveries)
	err := a.insert(ctx, a.tx, deliveriesTable, rows, func(scan func(...any) error) error {
		var key deliveryKey
		if err := scan(&key.tenant, &key.accepted, &key.sequence, &key.endpoint); err != nil {
			return err
		}
		delete(known, key)
		a.matched[key.eventKey]++
		for _, endpoint := range []schemas.EndpointID{"", key.endpoint} {
			a.count(key.tenant, endpoint, minuteOf(key.eventKey)).matched++
		}
		return nil
	})
	if err != nil {
		return err
	}
	rows = rows[:0]
	for _, key := range sorted(known, deliveryKey.compare) {
		rows = append(rows, known[key].row(key))
	}
	return a.upsert(ctx, a.tx, deliveriesTable, rows)
}

func (d *deliveryRow) row(key deliveryKey) []any {
	return []any{
		string(key.tenant), key.accepted, key.sequence, string(key.endpoint), text(d.eventType),
		string(d.last.status), d.attempts, d.last.asked, d.last.at, d.last.number, d.last.code, text(d.last.reason), d.last.next,
	}
}

func minuteOf(key eventKey) int64 { return key.accepted / time.Minute.Milliseconds() }

func (a *applying) putEvents(ctx context.Context) error {
	rows := make([][]any, 0, len(a.events))
	for _, key := range sorted(a.events, eventKey.compare) {
		rows = append(rows, a.events[key].row(key, a.matched[key]))
	}
	known := maps.Clone(a.events)
	err := a.insert(ctx, a.tx, eventsTable, rows, func(scan func(...any) error) error {
		var key eventKey
		if err := scan(&key.tenant, &key.accepted, &key.sequence); err != nil {
			return err
		}
		c := a.count(key.tenant, "", minuteOf(key))
		c.accepted++
		if known[key].dead != "" {
			c.dead++
		}
		delete(known, key)
		return nil
	})
	if err != nil {
		return err
	}
	rows = rows[:0]
	for _, key := range sorted(known, eventKey.compare) {
		rows = append(rows, known[key].row(key, a.matched[key]))
	}
	return a.upsert(ctx, a.tx, eventsTable, rows)
}

func (e *eventRow) row(key eventKey, matched int) []any {
	return []any{
		string(key.tenant), key.accepted, key.sequence, text(e.ID), text(e.Source), text(e.Type), text(e.Subject),
		micros(e.Time), e.Size, text(e.Trace), matched, text(e.dead), text(e.detail),
	}
}

func (a *applying) putCounts(ctx context.Context) error {
	rows := make([][]any, 0, len(a.counts))
	for key, c := range a.counts {
		rows = append(rows, []any{
			string(key.tenant), string(key.endpoint), key.minute,
			c.accepted, c.matched, c.attempts, c.delivered, c.retried, c.dead, c.took, c.requests,
		})
	}
	return a.upsert(ctx, a.tx, countsTable, rows)
}
