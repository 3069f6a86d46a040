package dispatcher

import (
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// letGoOnceWritten lets a settled delivery go when its record is in the journal, so
// that a crash repeats what the log does not know. Only the next of an ordered queue
// waits for that.
func (p *partition) letGoOnceWritten(r Report, t *task) {
	h, isHeld := t.stored.(held)
	if !isHeld || !h.queue.mode.ordered {
		p.wg.Add(1)
		p.journal(r, func() {
			defer p.wg.Done()
			t.stored.done()
		})
		return
	}
	written := make(chan struct{})
	p.journal(r, func() { close(written) })
	<-written
	t.stored.done()
}

// journal tells the journal of an attempt, or of a delivery's death without one.
func (p *partition) journal(r Report, written func()) {
	d := r.Delivery
	record := &schemas.AttemptRecord{
		Delivery: d.ID, Endpoint: d.Endpoint, Event: d.Summary(),
		Attempt: r.Attempt, Kind: r.Outcome.Kind, Reason: r.Outcome.Reason,
		Exchange: r.Exchange, Dispatcher: p.d.o.Name,
	}
	if r.Attempt.Number == 0 {
		record.Attempt.At, record.Attempt.Detail = time.Now().UTC(), r.Outcome.Detail
	}
	if d.Replay != nil {
		record.Replay = d.Replay.Asked
	}
	if r.Outcome.Kind == schemas.Retry {
		record.Next = time.Now().Add(r.Outcome.After).UTC()
	}
	p.d.o.Journal(d.Tenant, schemas.Record{Attempt: record}, written)
}
