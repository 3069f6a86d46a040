package deliverylog

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// The keys of the tables' rows.
type (
	eventKey struct {
		tenant   schemas.TenantID
		accepted int64 // ms since 1970
		sequence int64 // in EVENTS
	}
	deliveryKey struct {
		eventKey
		endpoint schemas.EndpointID
	}
	attemptKey struct {
		deliveryKey
		at     int64 // ns since 1970
		number int
	}
	countKey struct {
		tenant   schemas.TenantID
		endpoint schemas.EndpointID // "" for all
		minute   int64              // since 1970
	}
)

// compare orders keys as the tables do: rows written in order are found in order.
func (k eventKey) compare(l eventKey) int {
	return cmp.Or(cmp.Compare(k.tenant, l.tenant), cmp.Compare(k.accepted, l.accepted), cmp.Compare(k.sequence, l.sequence))
}

func (k deliveryKey) compare(l deliveryKey) int {
	return cmp.Or(k.eventKey.compare(l.eventKey), cmp.Compare(k.endpoint, l.endpoint))
}

func (k attemptKey) compare(l attemptKey) int {
	return cmp.Or(k.deliveryKey.compare(l.deliveryKey), cmp.Compare(k.at, l.at), cmp.Compare(k.number, l.number))
}

// sorted are a map's keys in order.
func sorted[K comparable, V any](m map[K]V, compare func(K, K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

func (k deliveryKey) id() schemas.DeliveryID {
	return schemas.NewDeliveryID(time.UnixMilli(k.accepted), uint64(k.sequence), k.endpoint)
}

// eventRow is what a batch says of an event.
type eventRow struct {
	schemas.EventSummary
	dead, detail string
}

// deliveryRow is what a batch says of a delivery.
type deliveryRow struct {
	eventType string
	attempts  int // requests that are new to the database
	last      last
}

// last is what the last attempt of a delivery left it in, or a replay that is not yet
// attempted.
type last struct {
	asked  int64 // ns since 1970, when it was replayed; 0 if it was not
	at     int64 // ns since 1970; 0 if there was none
	number int
	status Status
	code   int
	reason schemas.Reason
	next   int64 // ns since 1970; 0 for none
}

// before tells which of two is the later, in the same way as the SQL of later does.
func (l last) before(m last) bool {
	if l.asked != m.asked {
		return l.asked < m.asked
	}
	if l.at != m.at {
		return l.at < m.at
	}
	if l.number != m.number {
		return l.number < m.number
	}
	return l.status < m.status
}

// countRow are one minute's, to be added to what is counted already.
type countRow struct {
	accepted, matched, attempts, delivered, retried, dead, requests int
	took                                                            int64 // µs, of requests
}

// batch is what some messages of LOG say, put together by row: an event and its first
// attempts mostly come together, and are written once then.
type batch struct {
	to       uint64 // the sequence in LOG of its last message
	records  int
	bytes    int
	unread   int
	events   map[eventKey]*eventRow
	named    map[deliveryKey]string // the event's type, by delivery that an event's record names
	attempts map[attemptKey]*attemptLine
	replays  map[deliveryKey]int64 // when the last was asked for, ns since 1970
}

func newBatch() *batch {
	return &batch{events: map[eventKey]*eventRow{}, named: map[deliveryKey]string{}, attempts: map[attemptKey]*attemptLine{}, replays: map[deliveryKey]int64{}}
}

// add takes in a message of LOG.
func (b *batch) add(sequence uint64, subject string, body []byte) {
	b.to = sequence
	b.bytes += len(body)
	tenant, err := schemas.LogTenant(subject)
	if err != nil {
		b.unread++
		return
	}
	for text := range bytes.Lines(body) {
		if l, ok := readLine(text); !ok || !b.addLine(tenant, l) {
			b.unread++
		}
	}
}

// addLine reports false if the record cannot be one.
func (b *batch) addLine(tenant schemas.TenantID, l line) bool {
	switch {
	case l.Event != nil:
		return b.addEvent(tenant, l.Event)
	case l.Attempt != nil:
		return b.addAttempt(tenant, l.Attempt)
	}
	return b.addReplay(tenant, l.Replay)
}

// addReplay reports false if the record cannot be one.
func (b *batch) addReplay(tenant schemas.TenantID, r *schemas.ReplayRecord) bool {
	accepted, sequence, err := r.Delivery.Accepted()
	event, ok := eventOf(tenant, accepted, sequence)
	key, asked := deliveryKey{event, r.Endpoint}, nanos(r.Asked)
	if err != nil || !ok || asked == 0 || r.Endpoint.Validate() != nil || key.id() != r.Delivery {
		return false
	}
	b.records++
	b.event(event, schemas.EventSummary{})
	b.replays[key] = max(b.replays[key], asked)
	return true
}

// addEvent reports false if the record cannot be one.
func (b *batch) addEvent(tenant schemas.TenantID, e *schemas.EventRecord) bool {
	key, ok := eventOf(tenant, e.Accepted, e.Sequence)
	if !ok || slices.ContainsFunc(e.Endpoints, func(id schemas.EndpointID) bool { return id.Validate() != nil }) {
		return false
	}
	b.records += 1 + len(e.Endpoints)
	row := b.event(key, e.EventSummary)
	row.dead, row.detail = max(row.dead, string(e.Dead)), max(row.detail, e.Detail)
	for _, endpoint := range e.Endpoints {
		of := deliveryKey{key, endpoint}
		b.named[of] = max(b.named[of], e.Type)
	}
	return true
}

// addAttempt reports false if the record cannot be one.
func (b *batch) addAttempt(tenant schemas.TenantID, a *attemptLine) bool {
	accepted, sequence, err := a.Delivery.Accepted()
	key, ok := eventOf(tenant, accepted, sequence)
	at := attemptKey{deliveryKey{key, a.Endpoint}, nanos(a.Attempt.At), a.Attempt.Number}
	if err != nil || !ok || at.at == 0 || at.number < 0 || a.Endpoint.Validate() != nil || at.id() != a.Delivery {
		return false
	}
	b.records++
	b.event(key, a.Event)
	b.attempts[at] = a
	return true
}

// event is the event's row, merged with what a record says of it.
func (b *batch) event(key eventKey, says schemas.EventSummary) *eventRow {
	row := b.events[key]
	if row == nil {
		row = &eventRow{EventSummary: says}
		b.events[key] = row
		return row
	}
	row.ID, row.Source = max(row.ID, says.ID), max(row.Source, says.Source)
	row.Type, row.Subject = max(row.Type, says.Type), max(row.Subject, says.Subject)
	row.Trace, row.Size = max(row.Trace, says.Trace), max(row.Size, says.Size)
	if says.Time.After(row.Time) {
		row.Time = says.Time
	}
	return row
}
