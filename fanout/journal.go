package fanout

import (
	"context"

	"github.com/tidings-dev/tidings/schemas"
)

// decision is what becomes of an event.
type decision struct {
	tenant schemas.TenantID
	writes []write
	record *schemas.EventRecord // for the tenant's log; nil if there is no tenant
	dead   schemas.Reason       // why the event becomes no deliveries but a dead letter; empty if it does
}

// recordOf is what the log keeps of an event, whatever becomes of it.
func recordOf(at stored, attributes schemas.Header, size int) *schemas.EventRecord {
	return &schemas.EventRecord{Sequence: at.sequence, Accepted: at.at.UTC(), EventSummary: schemas.Summarize(attributes, size)}
}

// maxNamed is how many endpoints a record names at most: it must fit into a message.
const maxNamed = 1000

// journal tells the journal of an event, which is acknowledged after that. One that
// goes to many endpoints is told of in several records.
func (r *run) journal(ctx context.Context, s *step, made decision) {
	if made.record == nil {
		return
	}
	for rest := made.record.Endpoints; ; {
		record := *made.record
		record.Endpoints = rest[:min(len(rest), maxNamed)]
		rest = rest[len(record.Endpoints):]
		s.expect()
		r.f.o.Journal(made.tenant, schemas.Record{Event: &record}, func() { r.settle(ctx, s, true) })
		if len(rest) == 0 {
			return
		}
	}
}
