package deliverylog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// DefaultLimit and MaxLimit are how many rows a page has.
	DefaultLimit = 50
	MaxLimit     = 1000
)

// Page is which part of a list is wanted. The zero value asks for the first.
type Page struct {
	// Cursor is what the page before gave for the next; empty for the first. What
	// comes into the log meanwhile does not move it.
	Cursor string
	// Limit is how many at most: 50 by default, 1000 at most.
	Limit int
	// Oldest asks for the oldest first.
	Oldest bool
}

// order is which way a list goes, and how the next row compares with the last.
func (p Page) order() (direction, follows string) {
	if p.Oldest {
		return "ASC", ">"
	}
	return "DESC", "<"
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return DefaultLimit
	}
	return min(p.Limit, MaxLimit)
}

// Span is a time of acceptance: from From on, and before To. Zero is unbounded.
type Span struct{ From, To time.Time }

// where are conditions of a query, each beginning with " AND ".
type where struct {
	text string
	args []any
}

func (w *where) add(condition string, args ...any) {
	w.text += " AND " + condition
	w.args = append(w.args, args...)
}

// is asks for a value, unless it is empty.
func (w *where) is(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

// within asks for a span of acceptance, in whole milliseconds.
func (w *where) within(column string, s Span) {
	if !s.From.IsZero() {
		w.add(column+" >= ?", s.From.Add(time.Millisecond-1).UnixMilli())
	}
	if !s.To.IsZero() {
		w.add(column+" < ?", s.To.Add(time.Millisecond-1).UnixMilli())
	}
}

// behind asks for deliveries behind one in the order of a page.
func (w *where) behind(key deliveryKey, p Page) {
	_, follows := p.order()
	w.add(fmt.Sprintf("d.accepted %[1]s= ? AND (d.accepted, d.sequence, d.endpoint) %[1]s (?, ?, ?)", follows), key.accepted, key.accepted, key.sequence, string(key.endpoint))
}

// A cursor is the key of the last row of a page: the next begins behind it.
func cursorOf(key deliveryKey) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d.%s", key.accepted, key.sequence, key.endpoint))
}

func readCursor(cursor string) (key deliveryKey, err error) {
	plain, err := base64.RawURLEncoding.DecodeString(cursor)
	accepted, rest, _ := strings.Cut(string(plain), ".")
	sequence, endpoint, _ := strings.Cut(rest, ".")
	ms, err1 := strconv.ParseInt(accepted, 10, 64)
	n, err2 := strconv.ParseInt(sequence, 10, 64)
	if err := errors.Join(err, err1, err2); err != nil {
		return key, schemas.Errorf(schemas.CodeInvalid, "cursor %q: use one as a page before gave it", cursor)
	}
	return deliveryKey{eventKey{accepted: ms, sequence: n}, schemas.EndpointID(endpoint)}, nil
}

// milli, micro and nano are times as the tables have them: 0 is none.

func milli(n int64) time.Time { return time.UnixMilli(n).UTC() }

func micro(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func nano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
