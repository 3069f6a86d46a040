package erasure

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// Request says what to erase: an event, or all of a CloudEvents subject. One of the two
// is set.
type Request struct {
	Event   string // CloudEvents id
	Source  string // with Event: of this source only; of each if empty
	Subject string
	Since   time.Time // only what was accepted since then; zero for all
}

func (r Request) validate() error {
	switch {
	case (r.Event == "") == (r.Subject == ""):
		return schemas.Errorf(schemas.CodeInvalid, "event: name either an event or a subject")
	case r.Source != "" && r.Event == "":
		return schemas.Errorf(schemas.CodeInvalid, "source: it goes with an event: name one, or leave it out")
	}
	return nil
}

// State is how far an erasure has come.
type State string

const (
	Running  State = "running"  // something may be left
	Watching State = "watching" // all is removed that was there; what was in hand is looked for
	Done     State = "done"
)

// Removed is what an erasure removed: at least, if a process was killed while it did,
// which loses the count of its last moment; see doc.go. Never more.
type Removed struct {
	Events      int                 `json:"events"`       // messages of EVENTS
	Deliveries  int                 `json:"deliveries"`   // that were waiting, or to be tried again
	DeadLetters int                 `json:"dead_letters"` // messages of DEAD
	LogRecords  int                 `json:"log_records"`  // lines of LOG
	Database    deliverylog.Removed `json:"database"`     // rows of the log's database
}

func (r *Removed) add(more Removed) {
	r.Events += more.Events
	r.Deliveries += more.Deliveries
	r.DeadLetters += more.DeadLetters
	r.LogRecords += more.LogRecords
	r.Database.Events += more.Database.Events
	r.Database.Deliveries += more.Database.Deliveries
	r.Database.Attempts += more.Database.Attempts
}

// Record is the proof of an erasure. It has nothing of what was erased.
type Record struct {
	ID     string           `json:"id"` // sorts by its making
	Tenant schemas.TenantID `json:"tenant"`
	// Of is "event" or "subject". Hash is SHA-256, in hexadecimal digits, of Salt, id and
	// source, or of Salt and subject, each followed by a line feed.
	Of   string `json:"of"`
	Salt string `json:"salt"`
	Hash string `json:"hash"`

	State State `json:"state"`
	// Error is why it does not go on; it is tried again.
	Error string `json:"error,omitempty"`
	// Found is how many events were found, those that announced that deliveries of others
	// died among them, and More whether there are others: ask again.
	Found   int     `json:"found"`
	More    bool    `json:"more,omitempty"`
	Removed Removed `json:"removed"`

	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Ended   time.Time `json:"ended,omitzero"`

	// Work is what is left to do; nil once it is done.
	Work *Work `json:"work,omitempty"`

	version uint64
}

// Work is where to look.
type Work struct {
	Places    []schemas.DeliveryID `json:"places"` // of the events: see [deliverylog.EventName]
	Endpoints []schemas.EndpointID `json:"endpoints,omitempty"`
	// Dead are hashes of the events that died before they became deliveries.
	Dead []string `json:"dead,omitempty"`
	// Log is the sequence of LOG from which on it has not been looked at; 0 for the
	// first that may have something.
	Log uint64 `json:"log,omitempty"`
}

// found adds an event, and reports whether it was not known. Dead is why it died before
// it became deliveries, if it did.
func (r *Record) found(place schemas.DeliveryID, id, source string, dead schemas.Reason) bool {
	if slices.Contains(r.Work.Places, place) {
		return false
	}
	r.Found++
	r.Work.Places = append(r.Work.Places, place)
	if dead != "" {
		r.Work.Dead = append(r.Work.Dead, hash(r.Salt, id, source))
	}
	return true
}

// learn adds what lines of LOG tell: other events, and where they went. As lines come in
// any order, LOG is then to be looked at from the first that may have something.
func (r *Record) learn(news []schemas.EventRecord) {
	if r.Work == nil { // another was quicker
		return
	}
	for _, e := range news {
		r.found(schemas.NewDeliveryID(e.Accepted, e.Sequence, ""), e.ID, e.Source, e.Dead)
		r.Work.sentTo(e.Endpoints...)
	}
	r.Work.Log = 0
}

// sentTo adds endpoints.
func (w *Work) sentTo(endpoints ...schemas.EndpointID) {
	for _, endpoint := range endpoints {
		if !slices.Contains(w.Endpoints, endpoint) {
			w.Endpoints = append(w.Endpoints, endpoint)
		}
	}
}

// since is when the first event was accepted, less what clocks may differ.
func (w *Work) since() time.Time {
	first := time.Now()
	for _, place := range w.Places {
		if at, _, err := place.Accepted(); err == nil && at.Before(first) {
			first = at
		}
	}
	return first.Add(-time.Minute)
}

// hash of words, each followed by a line feed.
func hash(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\n") + "\n"))
	return hex.EncodeToString(sum[:])
}

func newRecord(tenant schemas.TenantID, q Request) Record {
	now := time.Now().UTC().Truncate(time.Millisecond)
	r := Record{ID: schemas.NewErasureID(now), Tenant: tenant, Of: "event", Salt: rand.Text(), State: Running, Created: now}
	r.Hash = hash(r.Salt, q.Event, q.Source)
	if q.Subject != "" {
		r.Of, r.Hash = "subject", hash(r.Salt, q.Subject)
	}
	return r
}

// List are the records of a tenant's erasures, the newest first, or those of all if it
// is empty.
func (e *Eraser) List(ctx context.Context, tenant schemas.TenantID) ([]Record, error) {
	notes, err := e.o.Registry.Erasures(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, n := range notes {
		if r, err := read(n); err == nil { // what does not parse is another version's
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Record) int { return cmp.Compare(b.ID, a.ID) })
	return all, nil
}

func read(n registry.Note) (r Record, err error) {
	err = json.Unmarshal(n.Text, &r)
	r.version = n.Version
	return r, err
}

// write stores a record if nobody has changed it since it was read.
func (e *Eraser) write(ctx context.Context, r *Record) error {
	r.Updated = time.Now().UTC().Truncate(time.Millisecond)
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	version, err := e.o.Registry.SetErasure(ctx, r.Tenant, r.ID, registry.Note{Text: text, Version: r.version})
	if err == nil {
		r.version = version
	}
	return err
}

// note changes a record as it is now: another process may have written it since.
func (e *Eraser) note(ctx context.Context, r *Record, change func(*Record)) error {
	for {
		change(r)
		err := e.write(ctx, r)
		if !schemas.HasCode(err, schemas.CodeStale) {
			return err
		}
		n, err := e.o.Registry.Erasure(ctx, r.Tenant, r.ID)
		if err != nil {
			return err
		}
		if *r, err = read(n); err != nil {
			return err
		}
	}
}
