// Package audit keeps who changed what: each change that the API made, and each file
// that was applied, is a message of the stream AUDIT.
//
//	API  →  AUDIT audit.<tenant>, or audit.- for what is no tenant's  →  newest first
//
// An entry says who, when, what to, and which members of it, never their values: there
// are secrets among them. The stream refuses to have single messages removed.
//
//	what fails               what happens
//	JetStream does not answer  the change stands, and the entry is logged as an error instead
//	the process dies between   the change stands without an entry
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

// Entry is one change.
type Entry struct {
	At    time.Time          `json:"at"`
	Token schemas.TokenID    `json:"token,omitempty"` // whoever changed it; empty for a file
	Name  string             `json:"name,omitempty"`  // the token's, or the file's
	Link  bool               `json:"link,omitempty"`  // it was a link of the console
	Scope schemas.TokenScope `json:"scope,omitempty"`
	// Tenant is whose it is; empty for what is no tenant's.
	Tenant schemas.TenantID `json:"tenant,omitempty"`
	// Method and Action say what was done: a method of HTTP and the route, like
	// "PATCH" and "/v1/tenants/{tenant}/endpoints/{endpoint}". Of a file it is "APPLY".
	Method string `json:"method"`
	Action string `json:"action"`
	// Object is the path of what was changed, or made.
	Object string `json:"object"`
	// Fields are the members that the request named.
	Fields []string `json:"fields,omitempty"`
	Status int      `json:"status,omitempty"` // the answer's
}

const (
	// addTime is how long storing may take: the change is made, and its caller waits.
	addTime = 2 * time.Second
	// window is how many places of the stream are looked at at once: as many messages
	// as one request brings.
	window = 128
	// maxWindows bounds what one page looks at. A tenant that seldom changes anything
	// among others that often do gets a short page, and a cursor.
	maxWindows = 100
)

// Log is the stream. It is safe for concurrent use.
type Log struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// New is the log on a connection.
func New(nc *nats.Conn) (*Log, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	return &Log{nc, js}, nil
}

// Add stores an entry, even if ctx has ended: the change is made.
func (l *Log) Add(ctx context.Context, e Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), addTime)
	defer cancel()
	if _, err := l.js.Publish(ctx, schemas.AuditSubject(e.Tenant), data); err != nil {
		return fmt.Errorf("store audit entry: %w", err)
	}
	return nil
}

// Everything is what [Log.Page] is asked for that is to show all tenants' entries, and
// those of none.
const Everything schemas.TenantID = "*"

// Page are the newest entries of a tenant, or of all, the newest first: at most limit
// of those since a time and before the cursor, which is that of the page before, or
// empty. Next is empty at the end.
func (l *Log) Page(ctx context.Context, tenant schemas.TenantID, since time.Time, cursor string, limit int) (entries []Entry, next string, err error) {
	before, err := l.before(ctx, cursor)
	if err != nil {
		return nil, "", err
	}
	for range maxWindows {
		if before <= 1 {
			return entries, "", nil
		}
		first := max(before, window+1) - window
		found, err := direct.Batch(ctx, l.nc, schemas.StreamAudit, schemas.AuditSubject(tenant), first)
		if err != nil {
			return nil, "", schemas.Errorf(schemas.CodeUnavailable, "read audit log: %w", err)
		}
		for _, m := range slices.Backward(found) {
			if m.Sequence >= before {
				continue
			}
			var e Entry
			if err := json.Unmarshal(m.Data, &e); err != nil {
				continue // another version's
			}
			if e.At.Before(since) {
				continue // an older one may come after a newer, by clocks that differ
			}
			entries = append(entries, e)
			if len(entries) == limit {
				return entries, strconv.FormatUint(m.Sequence, 10), nil
			}
		}
		before = first
	}
	return entries, strconv.FormatUint(before, 10), nil
}

// before is the place before which a page begins.
func (l *Log) before(ctx context.Context, cursor string) (uint64, error) {
	if cursor != "" {
		n, err := strconv.ParseUint(cursor, 10, 63)
		if err != nil {
			return 0, schemas.Errorf(schemas.CodeInvalid, "cursor %q: use that of the page before", cursor)
		}
		return n, nil
	}
	s, err := l.js.Stream(ctx, schemas.StreamAudit)
	if err != nil {
		return 0, schemas.Errorf(schemas.CodeUnavailable, "read audit log: %w", err)
	}
	return s.CachedInfo().State.LastSeq + 1, nil
}
