package dispatcher

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/dispatcher/keyed"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

// The queue of an endpoint that wants order is read on past deliveries whose key
// has an earlier one that is not settled. They are passed over, and remembered
// by their sequence alone: their turn come, they are read again. One that waits
// for its retry takes no place of the window. What is settled is removed at
// once, in the place of the window that it had, so that a crash repeats no more
// than a window though the first of the queue waits for hours.

// maxPassed is how many deliveries of an endpoint may be read and not settled.
// With that many the queue is not read on, so those behind them wait too.
const maxPassed = 100_000

// mode is how a queue is drained: as fast as it goes, or in order, for each
// value of an attribute if key names one.
type mode struct {
	ordered bool
	key     string
}

// passed is what a queue needs that is drained in order.
type passed struct {
	order   *keyed.Order
	waiting map[uint64]schemas.DeliveryID // by sequence: those of which something is kept
	seen    writes                        // how far the writing had come when all was read, or unread; the drain's own
}

// unread is how far the writing into a queue has never come.
var unread = writes{under: -1}

// mustTurn reports whether the queue is to be drained in another way, or anew.
// The caller holds mu.
func (q *heldQueue) mustTurn() bool { return q.again || q.wanted() != q.mode }

// mayTurn reports whether nothing of the queue is under way. The caller holds mu.
func (q *heldQueue) mayTurn() bool { return !q.purging && !q.lane.attempts(true) }

// wanted is how the endpoint wants its queue drained.
func (q *heldQueue) wanted() mode {
	if t := q.lane.p.d.o.Targets.Get(q.lane.endpoint); t != nil {
		return mode{ordered: t.FIFO(), key: t.OrderKey()}
	}
	return q.mode
}

// turn has the queue read from its beginning, and drained as its endpoint wants
// it now. Nothing of it is attempted meanwhile.
func (q *heldQueue) turn(work context.Context) error {
	p, to := q.lane.p, q.wanted()
	var kept map[schemas.DeliveryID]bool
	if !to.ordered {
		var err error
		if kept, err = p.kept.List(work, q.lane.endpoint); err != nil {
			return err
		}
	}
	p.mu.Lock()
	settled := slices.Sorted(maps.Keys(q.done))
	p.mu.Unlock()
	for _, sequence := range settled { // or they would be read again
		q.remove(sequence)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q.mode, q.again, q.kept = to, false, kept
	q.from, q.ahead, q.back, q.read, q.done = 0, nil, nil, nil, map[uint64]bool{}
	most := p.d.maxPassed
	if to.key == "" {
		most = 1 // the others can but wait for the first
	}
	q.passed = passed{order: keyed.New(most), waiting: map[uint64]schemas.DeliveryID{}, seen: unread}
	return nil
}

// add notes a delivery that was read.
func (o *passed) add(m direct.Message, key string) {
	value := ""
	if key != "" {
		value, _ = schemas.AttributeOf(schemas.Header(m.Header), key)
	}
	o.order.Add(m.Sequence, value)
}

// enough reports whether there is no sense in reading on: too much was passed
// over, or nothing was written since all was read.
func (q *heldQueue) enough(now writes) bool {
	q.lane.p.mu.Lock()
	defer q.lane.p.mu.Unlock()
	return q.order.Full() || q.order.Len() > 0 && now == q.seen
}

// lookEvery is how often a queue is looked into to which nothing was written
// here: another owner may have.
const lookEvery = time.Minute

// waitForTurn waits until an attempt has ended, something was written, the
// endpoint has changed, or one that waits is due.
func (q *heldQueue) waitForTurn(work context.Context) {
	wait := lookEvery
	q.lane.p.mu.Lock()
	if due := q.order.Wake(); !due.IsZero() {
		wait = min(wait, time.Until(due))
	}
	q.lane.p.mu.Unlock()
	select {
	case <-q.lane.room:
	case <-time.After(wait):
		q.seen = unread
	case <-work.Done():
	}
}

// startInOrder attempts the first delivery whose turn has come, if there is any.
func (q *heldQueue) startInOrder(work context.Context, with *pass) bool {
	p, now := q.lane.p, time.Now()
	if t := p.d.o.Targets.Get(q.lane.endpoint); t == nil || t.Disabled() {
		now = now.Add(10 * schemas.MaxAge) // all are to die: none waits
	}
	p.mu.Lock()
	sequence, key, ok := q.order.Next(now)
	id := q.waiting[sequence]
	delete(q.waiting, sequence)
	p.mu.Unlock()
	if !ok {
		return false
	}
	s := held{q, sequence, key}
	m, err := q.message(work, sequence)
	switch {
	case err != nil:
		return true // work ends, and the drain with it
	case m == nil:
		q.gone(work, s, id)
		return true
	}
	d, err := schemas.ReadDelivery(q.subject, m.Header, m.Data)
	if err != nil {
		p.bury(work, &nats.Msg{Subject: q.subject, Header: m.Header, Data: m.Data}, sequence, s, err)
		return true
	}
	d.Sequence = sequence
	t := &task{delivery: d, stored: s, taken: time.Now()}
	if t.due, t.kept, err = p.kept.Recall(work, d); err != nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	waited := id != "" // here, by a clock that does not jump
	if target := p.d.o.Targets.Get(d.Endpoint); !waited && t.due.After(now) && (target == nil || !target.Refuses(d)) {
		q.wait(t, s)
	} else {
		q.start(work, t, with)
	}
	return true
}

// message is a delivery of the queue, from what was read last or, if it was
// passed over, from the stream; nil if another owner has removed it.
func (q *heldQueue) message(work context.Context, sequence uint64) (*direct.Message, error) {
	i, found := slices.BinarySearchFunc(q.ahead, sequence, func(m direct.Message, sequence uint64) int {
		return cmp.Compare(m.Sequence, sequence)
	})
	if found && q.ahead[i].Msg != nil {
		m := q.ahead[i]
		q.ahead[i].Msg = nil // to be read again, if it is to begin again
		return &m, nil
	}
	p := q.lane.p
	var m *direct.Message
	err := persist.Do(work, p.d.o.Log, "read "+q.subject, func(ctx context.Context) (err error) {
		m, err = direct.At(ctx, p.d.nc, p.stream, q.subject, sequence)
		return err
	})
	return m, err
}

// gone lets go of a delivery that another owner has settled. That one need not
// know of what was kept here.
func (q *heldQueue) gone(work context.Context, s held, id schemas.DeliveryID) {
	p := q.lane.p
	if d := (&schemas.Delivery{ID: id, Endpoint: q.lane.endpoint}); id != "" {
		if _, last, err := p.kept.Recall(work, d); err != nil || last > 0 && p.kept.Forget(work, d, last) != nil {
			return // work ends
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q.order.Settled(s.key)
}

// wait puts a delivery off until it is due. The caller holds mu.
func (q *heldQueue) wait(t *task, s held) {
	if !t.due.IsZero() {
		q.waiting[s.sequence] = t.delivery.ID
	}
	q.order.Wait(s.key, t.due)
	q.lane.wake()
}

// settledInOrder removes a delivery, and lets the next of its key begin.
func (q *heldQueue) settledInOrder(s held) {
	fault.Here(fault.FIFOSettled)
	q.remove(s.sequence)
	q.lane.p.mu.Lock()
	defer q.lane.p.mu.Unlock()
	q.order.Settled(s.key)
	q.lane.wake()
}

// remove removes a delivery from the queue, however long that takes. If the
// partition stops, the next owner repeats what could not be removed.
func (q *heldQueue) remove(sequence uint64) {
	p := q.lane.p
	for {
		over := p.removal()
		ctx, cancel := context.WithTimeout(context.Background(), persist.Try)
		err := direct.Remove(ctx, p.d.nc, p.deliveries, q.subject, sequence)
		cancel()
		over()
		p.mu.Lock()
		stopping := p.stopping
		if err == nil {
			q.length = max(0, q.length-1)
		}
		p.mu.Unlock()
		if err == nil || stopping {
			return
		}
		p.d.o.Log.Warn("remove from held queue", "subject", q.subject, "sequence", sequence, "error", err)
		persist.Wait(context.Background(), persist.Pause)
	}
}
