package deliverylog

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
)

// scrubPages is how many pages one transaction looks through: others write in between.
const scrubPages = 2000

// scrubSQLite has the files forget what was removed. SQLite overwrites a row that it
// deletes (secure_delete), but not the copies that it left in the unused middle of a page
// when it moved rows from there to other pages (measured: some hundred of 1 MB). So each
// page's middle is overwritten too, by the table sqlite_dbpage. A gigabyte takes some
// seconds.
func scrubSQLite(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "PRAGMA incremental_vacuum"); err != nil {
		return fmt.Errorf("give pages back: %w", err)
	}
	var size int
	if err := db.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err != nil {
		return fmt.Errorf("read page size: %w", err)
	}
	m := &pageMap{size: size}
	for first, more := 1, true; more; first += scrubPages {
		var err error
		if more, err = scrubSome(ctx, db, m, first); err != nil {
			return fmt.Errorf("scrub pages from %d: %w", first, err)
		}
	}
	// The write-ahead log still has the pages as they were.
	var busy, pages, moved int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", err)
	}
	if busy != 0 {
		return fmt.Errorf("empty the write-ahead log: a query keeps %d pages of it", pages-moved)
	}
	return nil
}

// scrubSome scrubs some pages, and reports whether there are more.
func scrubSome(ctx context.Context, db *sql.DB, m *pageMap, first int) (more bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing to roll back once it is committed
	m.at = 0            // others have written since
	var last int
	if err := tx.QueryRowContext(ctx, "PRAGMA page_count").Scan(&last); err != nil {
		return false, err
	}
	read, err := tx.PrepareContext(ctx, "SELECT data FROM sqlite_dbpage WHERE pgno = ?")
	if err != nil {
		return false, err
	}
	defer read.Close() //nolint:errcheck // the transaction ends it too
	for page := first; page <= last && page < first+scrubPages; page++ {
		rows, err := m.hasRows(ctx, read, page)
		if err != nil || !rows {
			if err != nil {
				return false, err
			}
			continue
		}
		var data []byte
		if err := read.QueryRowContext(ctx, page).Scan(&data); err != nil {
			return false, err
		}
		if !clearMiddle(data, page) {
			continue
		}
		if _, err := tx.ExecContext(ctx, "UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?", data, page); err != nil {
			return false, err
		}
	}
	return last >= first+scrubPages, tx.Commit()
}

// pageMap tells pages of rows from others: by the pointer maps of a database with
// auto_vacuum (SQLite file format, section 1.8).
type pageMap struct {
	size int
	at   int    // the page that data is of
	data []byte // the last map that was read
}

// What a pointer map calls pages of rows.
const (
	mapRoot  = 1
	mapBtree = 5
)

// pendingByte is where SQLite keeps its locks: nothing is stored on that page.
const pendingByte = 0x40000000

func (m *pageMap) hasRows(ctx context.Context, read *sql.Stmt, page int) (bool, error) {
	if page == 1 {
		return true, nil
	}
	locks := pendingByte/m.size + 1
	covered := m.size/5 + 1 // pages: the map's own and those of its entries of 5 bytes
	at := (page-2)/covered*covered + 2
	if at == locks {
		at++
	}
	if page == locks || page <= at {
		return false, nil
	}
	if at != m.at {
		if err := read.QueryRowContext(ctx, at).Scan(&m.data); err != nil {
			return false, err
		}
		m.at = at
	}
	kind := m.data[5*(page-at-1)]
	return kind == mapRoot || kind == mapBtree, nil
}

// clearMiddle overwrites what is between the pointers to a page's rows and the rows
// (SQLite file format, section 1.6). It reports whether there was anything.
func clearMiddle(data []byte, page int) (changed bool) {
	header := data
	if page == 1 {
		header = data[100:] // behind the file's own
	}
	pointers := 8
	switch header[0] {
	case 2, 5: // it leads to other pages
		pointers = 12
	case 10, 13:
	default:
		return false
	}
	from := len(data) - len(header) + pointers + 2*int(binary.BigEndian.Uint16(header[3:]))
	to := int(binary.BigEndian.Uint16(header[5:]))
	if to == 0 {
		to = 1 << 16
	}
	if from > to || to > len(data) {
		return false
	}
	for i := from; i < to; i++ {
		changed = changed || data[i] != 0
		data[i] = 0
	}
	return changed
}
