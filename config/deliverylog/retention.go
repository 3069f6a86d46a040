package deliverylog

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// removeRows is how many rows of a table one transaction removes at most: others who
// write wait for it.
const removeRows = 1000

// Removed is how many rows were removed, by table.
type Removed struct {
	Events     int `json:"events"`
	Deliveries int `json:"deliveries"`
	Attempts   int `json:"attempts"`
	Counts     int `json:"counts"` // minutes
}

func (r *Removed) add(more Removed) {
	r.Events += more.Events
	r.Deliveries += more.Deliveries
	r.Attempts += more.Attempts
	r.Counts += more.Counts
}

// Trim removes what a tenant has of events accepted before a time, and the minutes of
// its charts. Others write in between. It returns what was removed, with an error too.
func (s *Store) Trim(ctx context.Context, tenant schemas.TenantID, before time.Time) (r Removed, err error) {
	over, err := s.maintain(ctx)
	if err != nil {
		return r, err
	}
	defer over()
	for _, step := range []struct {
		table table
		bound string
		value int64
		into  *int
	}{
		// Last the events: what fails in between is still found by them.
		{attemptsTable, "accepted < ?", before.UnixMilli(), &r.Attempts},
		{deliveriesTable, "accepted < ?", before.UnixMilli(), &r.Deliveries},
		{eventsTable, "accepted < ?", before.UnixMilli(), &r.Events},
		{countsTable, "minute < ?", before.Unix() / 60, &r.Counts},
	} {
		if *step.into, err = s.removeWhere(ctx, step.table, "tenant = ? AND "+step.bound, string(tenant), step.value); err != nil {
			return r, err
		}
	}
	return r, s.giveBack(ctx)
}

// TrimAll trims each tenant there are rows of to its age; one of 0 keeps all.
func (s *Store) TrimAll(ctx context.Context, age func(schemas.TenantID) time.Duration, now time.Time) (r Removed, err error) {
	tenants, err := s.tenants(ctx)
	if err != nil {
		return r, err
	}
	for _, tenant := range tenants {
		keep := age(tenant)
		if keep <= 0 {
			continue
		}
		of, err := s.Trim(ctx, tenant, now.Add(-keep))
		r.add(of)
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// tenants are those there are rows of, found by steps through an index: each table may
// have some that others lack.
func (s *Store) tenants(ctx context.Context) (all []schemas.TenantID, err error) {
	const next = "SELECT min(tenant) FROM (SELECT min(tenant) AS tenant FROM events WHERE tenant > ?" +
		" UNION ALL SELECT min(tenant) FROM deliveries WHERE tenant > ? UNION ALL SELECT min(tenant) FROM attempts WHERE tenant > ?" +
		" UNION ALL SELECT min(tenant) FROM counts WHERE tenant > ?) AS found"
	for last := ""; ; {
		var found sql.NullString
		if err := s.read.QueryRowContext(ctx, s.dialect.rebind(next), last, last, last, last).Scan(&found); err != nil {
			return nil, unavailable("read tenants of delivery log", err)
		}
		if !found.Valid {
			return all, nil
		}
		last = found.String
		all = append(all, schemas.TenantID(last))
	}
}

// removeWhere removes rows in bounded batches, and returns how many.
func (s *Store) removeWhere(ctx context.Context, t table, where string, args ...any) (removed int, err error) {
	key := strings.Join(t.columns[:t.key], ", ")
	text := s.dialect.rebind(fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s ORDER BY %[2]s LIMIT %[4]d)", t.name, key, where, removeRows))
	for {
		n := 0
		err := s.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := readPosition(ctx, tx, s.dialect.lock); err != nil { // not while a batch is written
				return err
			}
			done, err := tx.ExecContext(ctx, text, args...)
			if err != nil {
				return fmt.Errorf("remove from %s: %w", t.name, err)
			}
			rows, err := done.RowsAffected()
			n = int(rows)
			return err
		})
		if err != nil {
			return removed, unavailable("trim delivery log", err)
		}
		removed += n
		if n < removeRows {
			return removed, nil
		}
	}
}

// empty removes all rows, in bounded batches, and sets the position to LOG's beginning.
func (s *Store) empty(ctx context.Context) error {
	for _, t := range []table{attemptsTable, deliveriesTable, eventsTable, countsTable} {
		if _, err := s.removeWhere(ctx, t, "tenant > ''"); err != nil {
			return err
		}
	}
	return s.inTx(ctx, func(tx *sql.Tx) error { return s.writePosition(ctx, tx, position{}) })
}

// pagesAtOnce is how many free pages are given back in one transaction.
const pagesAtOnce = 1000

// giveBack gives free pages to the file system, where the database does not reuse them
// by itself.
func (s *Store) giveBack(ctx context.Context) error {
	if s.dialect.scrub == nil {
		return nil
	}
	for {
		var free int
		if err := s.write.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return unavailable("trim delivery log", err)
		}
		if free == 0 {
			return nil
		}
		if _, err := s.write.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pagesAtOnce)); err != nil {
			return unavailable("trim delivery log", err)
		}
	}
}
