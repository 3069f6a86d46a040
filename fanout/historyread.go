package fanout

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/time/rate"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// historyRate is how many stored events a second are delivered for one
	// subscription: what is live shares their way.
	historyRate = 2000
	// historyBatch is how many of them are stored between two marks of progress:
	// as many come again, under the same ids, if the process dies.
	historyBatch = 256
	// historyLate is how many events that came after the subscription was made may
	// be read before live ones. One that cannot catch up by then lets them pass.
	historyLate = 1000
	// historyReaders bounds of how many tenants of a partition histories are read
	// at once, each tenant's one after the other.
	historyReaders = 16
)

// readHistories delivers stored events to those of the partition's subscriptions
// that ask for them, until ctx ends.
func (f *Fanout) readHistories(ctx context.Context, partition int) {
	var readers sync.WaitGroup
	defer readers.Wait()
	reading := map[schemas.TenantID]bool{}
	finished := make(chan schemas.TenantID)
	for {
		open, news := f.o.Histories.of(f.o.Layout, partition)
		for _, s := range open {
			if reading[s.Tenant] || len(reading) == historyReaders {
				continue
			}
			reading[s.Tenant] = true
			readers.Go(func() {
				f.readHistory(ctx, s.ID)
				select {
				case finished <- s.Tenant:
				case <-ctx.Done():
				}
			})
		}
		select {
		case tenant := <-finished:
			delete(reading, tenant)
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

// readHistory takes one subscription through the states of its history, until
// all is delivered, it is removed, or ctx ends.
func (f *Fanout) readHistory(ctx context.Context, id schemas.SubscriptionID) {
	r := historyReader{f: f, id: id, pace: rate.NewLimiter(historyRate, historyBatch)}
	for ctx.Err() == nil {
		err := r.read(ctx)
		if err == nil || schemas.HasCode(err, schemas.CodeNotFound) {
			return
		}
		if ctx.Err() != nil || !pause(ctx, retryPause) {
			return
		}
		if errors.Is(err, errNothing) {
			continue
		}
		f.o.Log.WarnContext(ctx, "history waits", "subscription", id, "error", err)
	}
}

// historyReader reads one subscription's history.
type historyReader struct {
	f    *Fanout
	id   schemas.SubscriptionID
	pace *rate.Limiter
	next uint64 // the first sequence not read; 0 before any was
	late int    // how many events were read that came after the subscription was made
}

// read goes on from where the last process left off.
func (r *historyReader) read(ctx context.Context) error {
	s, open := r.f.o.Histories.get(r.id)
	if !open {
		return nil
	}
	done, err := r.f.o.Registry.Progress(ctx, s)
	if err != nil {
		return err
	}
	r.next = 0 // what an earlier try read may not be stored
	if done > 0 {
		r.next = done + 1
	}
	for {
		s, open := r.f.o.Histories.get(r.id)
		if !open {
			return nil
		}
		if s.History.State == schemas.HistoryJoining {
			err = r.f.settleJoin(ctx, r.id)
		} else {
			err = r.batch(ctx, s)
		}
		if err == nil {
			err = r.f.o.Registry.CaughtUp(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// ended goes on to the next state after one in which all there is was read. If
// another process has gone on before, and may have an end that is not read yet,
// nothing is done.
func (r *historyReader) ended(ctx context.Context, read schemas.History) error {
	return r.f.o.Registry.SetHistory(ctx, r.id, func(h *schemas.History) error {
		switch {
		case h.State != read.State || h.Until != read.Until:
		case h.State == schemas.HistoryReading: // caught up: an event on its way now may be on either side
			h.State = schemas.HistoryJoining
		case h.State == schemas.HistoryJoined:
			h.State = schemas.HistoryDone
		}
		return nil
	})
}

// batch delivers the next events.
func (r *historyReader) batch(ctx context.Context, s schemas.Subscription) error {
	writes, end, err := r.send(ctx, s)
	for i := range writes { // those that were sent, whatever came after
		if !r.f.store(ctx, &writes[i]) {
			return context.Cause(ctx)
		}
	}
	if err == nil && r.next > 0 {
		err = r.f.o.Registry.SetProgress(ctx, s, r.next-1)
	}
	if err == nil && (end || s.History.State == schemas.HistoryReading && r.late > historyLate) {
		err = r.ended(ctx, *s.History)
	}
	return err
}

// send reads the next events and sends their deliveries. End reports that there
// are no more.
func (r *historyReader) send(ctx context.Context, s schemas.Subscription) (writes []write, end bool, err error) {
	matching, ok := r.f.o.Index.historyOf(s)
	if !ok {
		return nil, false, nil // it was removed, as the caller will see
	}
	for range historyBatch {
		at, found, err := r.f.nextOrEnd(ctx, s, r.next)
		if err != nil {
			return writes, false, err
		}
		if !found || s.History.Until > 0 && at.sequence > s.History.Until {
			return writes, true, nil
		}
		var w write
		var ok bool
		if r.f.crashes(ctx, at, func() { w, ok = r.f.historyWrite(ctx, at, s, matching) }) == nil && ok {
			if err := r.pace.Wait(ctx); err != nil {
				return writes, false, err
			}
			r.f.send(&w)
			if !r.f.o.Index.Ordered(s.Endpoint) {
				writes = append(writes, w)
			} else if !r.f.store(ctx, &w) { // one by one, as line does
				return writes, false, context.Cause(ctx)
			}
		}
		r.next = at.sequence + 1
		if at.at.After(s.Created) {
			r.late++
		}
	}
	return writes, false, nil
}

// historyWrite is the delivery of a stored event to the subscription's endpoint,
// if it gets the event by this subscription. What was not delivered to anyone
// when it came, since it is no event or breaks its schema, is not delivered now.
func (f *Fanout) historyWrite(ctx context.Context, at stored, s schemas.Subscription, m historyMatch) (write, bool) {
	tenant, published, err := schemas.StoredEvent(at.subject)
	t, exists := f.o.Index.Tenant(tenant)
	if err != nil || !exists || at.at.Before(s.History.From) || at.at.Before(t.Created) { // of another tenant that had the id
		return write{}, false
	}
	e, err := read(f.o.Catalogue, at, tenant, published)
	if err != nil {
		return write{}, false
	}
	if e.Known != nil && t.Validation != schemas.ValidationWarn && e.Known.Validate(e.Data) != nil {
		return write{}, false
	}
	if !m.takes(e, at.at) {
		return write{}, false
	}
	f.o.Journal(tenant, PastEvent{at, e}.Record(s.Endpoint), func() {})
	w := delivery(at, e, s.Endpoint, 1)
	w.delivery.Late = true
	w.delivery.Trace = f.processLate(ctx, at, schemas.Summarize(e.Header, len(e.Data)), tenant)
	return w, true
}
