package deliverylog

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/tidings-dev/tidings/schemas"
)

// eraseEvents is how many events one transaction erases.
const eraseEvents = 100

// Erasure says which events to erase: those of an id, of a CloudEvents subject, or of
// both. One of the two is set.
type Erasure struct {
	ID      string
	Source  string // with ID: of this source only
	Subject string
}

func (e Erasure) where() (where, error) {
	var w where
	w.is("id", e.ID)
	w.is("source", e.Source)
	if e.Subject != "" {
		w.add("subject = ? AND subject <> ''", e.Subject)
	}
	if e.ID == "" && e.Subject == "" {
		return w, schemas.Errorf(schemas.CodeInvalid, "erase from the delivery log: name an event or a subject")
	}
	return w, nil
}

// Erase removes all rows of a tenant's events that there are now: counts alone stay,
// which name nobody. Once it returns without an error, SQLite's files have nothing of
// it any more. PostgreSQL's have until it vacuums and recycles its write-ahead log.
// Removed is what is gone, with an error too: asked again, it goes on.
func (s *Store) Erase(ctx context.Context, tenant schemas.TenantID, e Erasure) (r Removed, err error) {
	w, err := e.where()
	if err != nil {
		return r, err
	}
	over, err := s.maintain(ctx)
	if err != nil {
		return r, err
	}
	defer over()
	for {
		var of Removed
		err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
			of, err = s.eraseSome(ctx, tx, tenant, w)
			return err
		})
		if err != nil {
			return r, unavailable("erase from delivery log", err)
		}
		r.add(of)
		if of.Events < eraseEvents {
			break
		}
	}
	return r, s.scrub(ctx)
}

// EraseAt is [Store.Erase] of what there is of the events at these places; see
// [EventName]. The files are gone through if anything was removed, or if scrub says so:
// who asks again after an error does. Removed is told of each transaction that removed
// something, once that is so; with an error of its own it ends there.
func (s *Store) EraseAt(ctx context.Context, tenant schemas.TenantID, places []schemas.DeliveryID, scrub bool, removed func(Removed) error) error {
	keys := make([]eventKey, len(places))
	for i, place := range places {
		accepted, sequence, err := place.Accepted()
		if err != nil {
			return err
		}
		keys[i] = eventKey{tenant, accepted.UnixMilli(), int64(sequence)}
	}
	over, err := s.maintain(ctx)
	if err != nil {
		return err
	}
	defer over()
	for some := range slices.Chunk(keys, eraseEvents) {
		var of Removed
		err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
			if _, err := readPosition(ctx, tx, s.dialect.lock); err != nil { // not while a batch is written
				return err
			}
			of, err = s.eraseKeys(ctx, tx, some)
			return err
		})
		if err != nil {
			return unavailable("erase from delivery log", err)
		}
		if of == (Removed{}) {
			continue
		}
		scrub = true
		if err := removed(of); err != nil {
			return err
		}
	}
	if !scrub {
		return nil
	}
	return s.scrub(ctx)
}

// scrub has the files forget what was removed.
func (s *Store) scrub(ctx context.Context) error {
	if s.dialect.scrub == nil {
		return nil
	}
	if err := s.dialect.scrub(ctx, s.write); err != nil {
		return unavailable("erase from delivery log's files: try again", err)
	}
	return nil
}

func (s *Store) eraseSome(ctx context.Context, tx *sql.Tx, tenant schemas.TenantID, w where) (r Removed, err error) {
	if _, err := readPosition(ctx, tx, s.dialect.lock); err != nil { // not while a batch is written
		return r, err
	}
	events, err := s.erasable(ctx, tx, tenant, w)
	if err != nil {
		return r, err
	}
	return s.eraseKeys(ctx, tx, events)
}

func (s *Store) eraseKeys(ctx context.Context, tx *sql.Tx, events []eventKey) (r Removed, err error) {
	for _, key := range events {
		for _, step := range []struct {
			table string
			into  *int
		}{{"attempts", &r.Attempts}, {"deliveries", &r.Deliveries}, {"events", &r.Events}} {
			text := s.dialect.rebind("DELETE FROM " + step.table + " WHERE tenant = ? AND accepted = ? AND sequence = ?")
			done, err := tx.ExecContext(ctx, text, string(key.tenant), key.accepted, key.sequence)
			if err != nil {
				return Removed{}, fmt.Errorf("delete from %s: %w", step.table, err)
			}
			n, err := done.RowsAffected()
			if err != nil {
				return Removed{}, err
			}
			*step.into += int(n)
		}
	}
	return r, nil
}

func (s *Store) erasable(ctx context.Context, tx *sql.Tx, tenant schemas.TenantID, w where) (keys []eventKey, err error) {
	text := fmt.Sprintf("SELECT accepted, sequence FROM events WHERE tenant = ?%s LIMIT %d", w.text, eraseEvents)
	rows, err := tx.QueryContext(ctx, s.dialect.rebind(text), append([]any{string(tenant)}, w.args...)...)
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells what went wrong
	for rows.Next() {
		key := eventKey{tenant: tenant}
		if err := rows.Scan(&key.accepted, &key.sequence); err != nil {
			return nil, fmt.Errorf("find events: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
