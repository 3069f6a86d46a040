package deliverylog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// Store is the database. It is safe for concurrent use.
type Store struct {
	dialect dialect
	// Write is one connection, for whoever changes something; read is for queries.
	write, read *sql.DB

	// maintenance is held by who removes rows: pages must not move while they are scrubbed.
	maintenance chan struct{}
	// Prepared are statements of write, by text: set by Open.
	prepared map[string]*sql.Stmt
}

// dialect is what differs between the databases.
type dialect struct {
	// numbered says that parameters are $1, $2 and so on, rather than ?.
	numbered bool
	// maxRows is how many rows a statement writes at most; a power of two.
	maxRows int
	// types are pairs for strings.NewReplacer: what schema.sql says otherwise.
	types []string
	// prepares says that the driver does not keep statements prepared by itself.
	prepares bool
	// statistics is what is run after each migration, for the query planner.
	statistics string
	// migrating is a statement that keeps others from migrating at the same time.
	migrating string
	// lock is a suffix by which a transaction has a row it reads to itself.
	lock string
	// scrub has the files forget what was removed; may be nil.
	scrub func(context.Context, *sql.DB) error
}

func (d dialect) script(s string) string { return strings.NewReplacer(d.types...).Replace(s) }

// Open opens the database and brings its tables to this version. A URL that begins
// with postgres:// or postgresql:// is PostgreSQL's; any other is the path of an SQLite
// file, which is made, for this user alone, if it does not exist. Errors never show the
// URL's password.
func Open(ctx context.Context, url string) (*Store, error) {
	open := openSQLite
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		open = openPostgres
	}
	s, err := open(url)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.migrate(ctx), s.prepare(ctx)); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open delivery log: %w", err)
	}
	return s, nil
}

// Close closes the database. Nobody may be using the store.
func (s *Store) Close() error {
	for _, stmt := range s.prepared {
		_ = stmt.Close() // its connection is closed next
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

// inTx calls f in a transaction that writes. F uses the transaction for all it does:
// there is no other connection.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing to roll back once it is committed
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// position is a row of the table progress.
type position struct {
	stream   string // when LOG was made
	sequence uint64 // in LOG, of the last message whose records are in the tables
	unread   uint64 // lines
	emptying bool
}

const selectPosition = "SELECT stream, position, unread, emptying FROM progress WHERE one = 1"

// querier is a database, a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readPosition(ctx context.Context, q querier, lock string) (p position, err error) {
	if err := q.QueryRowContext(ctx, selectPosition+lock).Scan(&p.stream, &p.sequence, &p.unread, &p.emptying); err != nil {
		return p, fmt.Errorf("read position: %w", err)
	}
	return p, nil
}

func (s *Store) writePosition(ctx context.Context, tx *sql.Tx, p position) error {
	emptying := 0
	if p.emptying {
		emptying = 1
	}
	const update = "UPDATE progress SET stream = ?, position = ?, unread = ?, emptying = ? WHERE one = 1"
	if _, err := tx.ExecContext(ctx, s.dialect.rebind(update), p.stream, int64(p.sequence), int64(p.unread), emptying); err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	return nil
}

// maintain waits until nobody else removes rows, until over.
func (s *Store) maintain(ctx context.Context) (over func(), err error) {
	select {
	case s.maintenance <- struct{}{}:
		return func() { <-s.maintenance }, nil
	case <-ctx.Done():
		return nil, unavailable("remove from delivery log", context.Cause(ctx))
	}
}

// unavailable is what a query's caller sees of the database's trouble.
func unavailable(what string, err error) error {
	if err == nil {
		return nil
	}
	return schemas.Errorf(schemas.CodeUnavailable, "%s: %w", what, err)
}
