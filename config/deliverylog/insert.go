package deliverylog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// table is how rows are written into one.
type table struct {
	name    string
	columns []string // the key's first
	key     int      // how many are the key's
	merge   string   // what an upsert sets in a row that is there
}

// greater sets each column to the greater of what is there and what comes.
func greater(table string, columns ...string) string {
	var set []string
	for _, c := range columns {
		set = append(set, fmt.Sprintf("%[2]s = CASE WHEN excluded.%[2]s > %[1]s.%[2]s THEN excluded.%[2]s ELSE %[1]s.%[2]s END", table, c))
	}
	return strings.Join(set, ", ")
}

// sums adds what comes to each column.
func sums(table string, columns ...string) string {
	var set []string
	for _, c := range columns {
		set = append(set, fmt.Sprintf("%[2]s = %[1]s.%[2]s + excluded.%[2]s", table, c))
	}
	return strings.Join(set, ", ")
}

// later sets each column to what comes, if its attempt is the later one.
func later(columns ...string) string {
	const isLater = "(excluded.last_asked, excluded.last_at, excluded.last_number, excluded.status) > (deliveries.last_asked, deliveries.last_at, deliveries.last_number, deliveries.status)"
	var set []string
	for _, c := range columns {
		set = append(set, fmt.Sprintf("%[1]s = CASE WHEN %[2]s THEN excluded.%[1]s ELSE deliveries.%[1]s END", c, isLater))
	}
	return strings.Join(set, ", ")
}

var (
	eventsTable = table{
		"events",
		[]string{"tenant", "accepted", "sequence", "id", "source", "type", "subject", "time", "size", "trace", "matched", "dead", "detail"},
		3,
		greater("events", "id", "source", "type", "subject", "time", "size", "trace", "dead", "detail") + ", " + sums("events", "matched"),
	}
	deliveriesTable = table{
		"deliveries",
		[]string{"tenant", "accepted", "sequence", "endpoint", "type", "status", "attempts", "last_asked", "last_at", "last_number", "code", "reason", "next"},
		4,
		greater("deliveries", "type") + ", " + sums("deliveries", "attempts") + ", " +
			later("status", "last_asked", "last_at", "last_number", "code", "reason", "next"),
	}
	attemptsTable = table{
		"attempts",
		[]string{"tenant", "accepted", "sequence", "endpoint", "at", "number", "took", "code", "outcome", "reason", "cause", "detail", "next", "asked", "dispatcher", "exchange"},
		6,
		"", // an attempt is never changed
	}
	countsTable = table{
		"counts",
		[]string{"tenant", "endpoint", "minute", "accepted", "matched", "attempts", "delivered", "retried", "dead", "took", "requests"},
		3,
		sums("counts", "accepted", "matched", "attempts", "delivered", "retried", "dead", "took", "requests"),
	}
)

// insert is the statement that writes so many rows that are not there, and returns
// their keys.
func (t table) insert(d dialect, rows int) string {
	return t.values(d, rows) + " ON CONFLICT DO NOTHING RETURNING " + strings.Join(t.columns[:t.key], ", ")
}

// upsert is the statement that writes so many rows, or merges them with what is there.
func (t table) upsert(d dialect, rows int) string {
	return t.values(d, rows) + " ON CONFLICT (" + strings.Join(t.columns[:t.key], ", ") + ") DO UPDATE SET " + t.merge
}

func (t table) values(d dialect, rows int) string {
	row := "(" + strings.Repeat("?, ", len(t.columns)-1) + "?)"
	text := "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " + strings.Repeat(row+", ", rows-1) + row
	return d.rebind(text)
}

// rebind writes parameters as the database wants them.
func (d dialect) rebind(text string) string {
	if !d.numbered {
		return text
	}
	var b strings.Builder
	n := 0
	for _, c := range text {
		if c != '?' {
			b.WriteRune(c)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}

// prepare prepares the statements of [Store.insert] and [Store.upsert], where the
// driver would prepare them each time.
func (s *Store) prepare(ctx context.Context) error {
	s.prepared = map[string]*sql.Stmt{}
	if !s.dialect.prepares {
		return nil
	}
	for _, t := range []table{eventsTable, deliveriesTable, attemptsTable, countsTable} {
		for n := 1; n <= s.dialect.maxRows; n *= 2 {
			texts := []string{t.insert(s.dialect, n)}
			if t.merge != "" {
				texts = append(texts, t.upsert(s.dialect, n))
			}
			for _, text := range texts {
				stmt, err := s.write.PrepareContext(ctx, text) //nolint:sqlclosecheck // Close does
				if err != nil {
					return fmt.Errorf("prepare %q: %w", text, err)
				}
				s.prepared[text] = stmt
			}
		}
	}
	return nil
}

// insert writes the rows that are not there, and calls inserted for the key of each.
func (s *Store) insert(ctx context.Context, tx *sql.Tx, t table, rows [][]any, inserted func(scan func(...any) error) error) error {
	return s.inChunks(rows, func(n int, args []any) error {
		found, err := s.query(ctx, tx, t.insert(s.dialect, n), args)
		if err != nil {
			return fmt.Errorf("insert into %s: %w", t.name, err)
		}
		defer found.Close() //nolint:errcheck // Err tells what went wrong
		for found.Next() {
			if err := inserted(found.Scan); err != nil {
				return fmt.Errorf("insert into %s: %w", t.name, err)
			}
		}
		if err := errors.Join(found.Err(), found.Close()); err != nil {
			return fmt.Errorf("insert into %s: %w", t.name, err)
		}
		return nil
	})
}

// upsert writes the rows, or merges them with those that are there.
func (s *Store) upsert(ctx context.Context, tx *sql.Tx, t table, rows [][]any) error {
	return s.inChunks(rows, func(n int, args []any) error {
		text := t.upsert(s.dialect, n)
		var err error
		if stmt := s.prepared[text]; stmt != nil {
			_, err = tx.StmtContext(ctx, stmt).ExecContext(ctx, args...) //nolint:sqlclosecheck // it ends with the transaction
		} else {
			_, err = tx.ExecContext(ctx, text, args...)
		}
		if err != nil {
			return fmt.Errorf("merge into %s: %w", t.name, err)
		}
		return nil
	})
}

func (s *Store) query(ctx context.Context, tx *sql.Tx, text string, args []any) (*sql.Rows, error) {
	if stmt := s.prepared[text]; stmt != nil {
		return tx.StmtContext(ctx, stmt).QueryContext(ctx, args...) //nolint:sqlclosecheck // it ends with the transaction
	}
	return tx.QueryContext(ctx, text, args...)
}

// inChunks calls write for the rows in as many as a statement takes, then in smaller
// powers of two: so there are few different statements.
func (s *Store) inChunks(rows [][]any, write func(n int, args []any) error) error {
	for n := s.dialect.maxRows; len(rows) > 0; {
		for n > len(rows) {
			n /= 2
		}
		args := make([]any, 0, n*len(rows[0]))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if err := write(n, args); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
