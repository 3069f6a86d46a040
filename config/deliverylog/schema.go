package deliverylog

import (
	"context"
	"database/sql"
	_ "embed" // the scripts
	"fmt"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

//go:embed schema.sql
var schemaV1 string

//go:embed schema2.sql
var schemaV2 string

//go:embed sqlite_stat.sql
var sqliteStatistics string

// versions are the scripts that lead from each version of the schema to the next,
// the first from an empty database. They are only ever added to.
var versions = []string{schemaV1, schemaV2}

// migrate brings the database to the newest version, each step in a transaction.
func (s *Store) migrate(ctx context.Context) error {
	for {
		done := false
		err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
			done, err = s.migrateOnce(ctx, tx)
			return err
		})
		if err != nil || done {
			return err
		}
	}
}

// migrateOnce does the next step, unless there is none: then done is true.
func (s *Store) migrateOnce(ctx context.Context, tx *sql.Tx) (done bool, err error) {
	if s.dialect.migrating != "" {
		if _, err := tx.ExecContext(ctx, s.dialect.migrating); err != nil {
			return false, fmt.Errorf("lock schema: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, s.dialect.script("CREATE TABLE IF NOT EXISTS version (version INTEGER NOT NULL)")); err != nil {
		return false, fmt.Errorf("create table version: %w", err)
	}
	var version int
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM version").Scan(&version); err != nil {
		return false, fmt.Errorf("read schema version: %w", err)
	}
	if version > len(versions) {
		return false, schemas.Errorf(schemas.CodeConflict, "the delivery log's database has schema version %d, and this Tidings knows %d: run a newer one", version, len(versions))
	}
	if version == len(versions) {
		return true, nil
	}
	script := s.dialect.script(versions[version]) + s.dialect.statistics
	for statement := range strings.SplitSeq(script, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return false, fmt.Errorf("migrate to schema version %d: %w", version+1, err)
		}
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO version (version) VALUES (%d)", version+1))
	return false, err
}
