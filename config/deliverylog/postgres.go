package deliverylog

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tidings-dev/tidings/schemas"
)

// migrationLock is the key of the advisory lock under which the schema is changed.
const migrationLock = 0x746964696e6773 // "tidings"

func openPostgres(url string) (*Store, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "open delivery log: %w", err) // it leaves the password out
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "tidings"
	}
	write, read := stdlib.OpenDB(*c), stdlib.OpenDB(*c)
	write.SetMaxOpenConns(1)
	read.SetMaxOpenConns(maxReaders)
	read.SetMaxIdleConns(maxReaders)
	return &Store{write: write, read: read, maintenance: make(chan struct{}, 1), dialect: dialect{
		numbered:  true,
		maxRows:   512,
		types:     []string{"TEXT", `TEXT COLLATE "C"`, "INTEGER", "BIGINT", " WITHOUT ROWID", ""},
		migrating: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock),
		lock:      " FOR UPDATE",
	}}, nil
}
