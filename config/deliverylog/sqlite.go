package deliverylog

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqlitePragmas are set on each connection. Write-ahead logging lets queries go on
// while rows are written; what a power loss takes of it is read from LOG again.
// What is deleted is overwritten, and nothing is written to temporary files.
var sqlitePragmas = []string{
	"busy_timeout(10000)", "page_size(8192)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(NORMAL)",
	"secure_delete(ON)", "temp_store(MEMORY)", "journal_size_limit(67108864)", "wal_autocheckpoint(4000)",
}

const (
	// maxReaders is how many queries run at once. Each may cache readerCache KiB of
	// pages; who writes, writerCache.
	maxReaders  = 4
	readerCache = 4 << 10
	writerCache = 32 << 10
)

func openSQLite(path string) (*Store, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite gives its other files the same mode
	if err != nil {
		return nil, fmt.Errorf("open delivery log: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open delivery log: %w", err)
	}
	write, err := sqliteDB(path, url.Values{"_txlock": {"immediate"}}, writerCache)
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sqliteDB(path, url.Values{"_query_only": {"true"}}, readerCache)
	if err != nil {
		return nil, err
	}
	read.SetMaxOpenConns(maxReaders)
	read.SetMaxIdleConns(maxReaders)
	return &Store{write: write, read: read, maintenance: make(chan struct{}, 1), dialect: dialect{maxRows: 64, prepares: true, statistics: sqliteStatistics, scrub: scrubSQLite}}, nil
}

// sqliteDB has a cache of so many KiB for each connection.
func sqliteDB(path string, settings url.Values, cache int) (*sql.DB, error) {
	settings["_pragma"] = append(slices.Clone(sqlitePragmas), fmt.Sprintf("cache_size(-%d)", cache))
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open delivery log: %w", err)
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: settings.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open delivery log: %w", err)
	}
	return db, nil
}
