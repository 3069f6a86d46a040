package dispatcher

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

// heldQueue is an endpoint's own durable queue, held.<p>.<endpoint>, while it
// is in use. It has no consumer: the lane reads it by sequence and purges it up
// to the last delivery before which all are settled. What was settled above
// that is remembered here only, so a crash repeats at most a window of attempts.
// Where the endpoint wants order, deliveries are removed one by one: inorder.go.
// The partition's mu guards it.
type heldQueue struct {
	lane    *lane
	subject string
	drained bool             // nothing is left to read; new deliveries need not follow
	length  int              // deliveries in the queue, or on their way into it
	writing int              // deliveries on their way into the queue
	written int              // deliveries ever sent to the queue
	from    uint64           // the sequence to read next; the drain's own
	ahead   []direct.Message // read and not yet begun; the drain's own
	back    []*task          // read, begun and put off: to be begun again before those
	again   bool             // to be read from its beginning, as nothing is known of it: see turn
	mode    mode             // how it is drained; set by turn
	passed                   // of a mode that is ordered
	// kept are deliveries that waited in their place before the mode was another.
	kept map[schemas.DeliveryID]bool
	// read are the sequences read and not yet purged, in order; done those of
	// them that are settled.
	read    []uint64
	done    map[uint64]bool
	purging bool
}

func newHeldQueue(l *lane) *heldQueue {
	return &heldQueue{
		lane:    l,
		subject: l.p.d.o.Layout.HeldSubject(l.endpoint),
		drained: true,
		done:    map[uint64]bool{},
	}
}

// open makes new deliveries follow into the queue, and starts to drain it.
func (q *heldQueue) open(work context.Context) {
	if !q.drained {
		return
	}
	q.drained = false
	q.lane.p.d.o.Log.InfoContext(work, "endpoint held", "endpoint", q.lane.endpoint)
	q.lane.p.wg.Go(func() { q.drain(work) })
}

// write moves a delivery from the consumer to the queue. Messages are sent in
// the order of the calls; the goroutine sees to it that each is stored.
func (q *heldQueue) write(work context.Context, t *task) {
	p := q.lane.p
	q.writing++
	q.written++
	to := q.place(t.delivery)
	fault.Here(fault.HeldDue)
	ack, err := p.d.send(to)
	p.wg.Go(func() {
		var twice bool
		if err == nil {
			twice, err = persist.Acknowledged(work, ack)
		}
		if err != nil {
			_, err = p.d.put(work, to) // if it is there, it may be from here
		}
		if err == nil {
			fault.Here(fault.HeldStored)
			t.stored.done()
			to.stored()
		} else {
			t.stored.giveBack()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.letGo(t)
		q.writing--
		q.uncount(to, twice || err != nil)
		q.lane.wake()
	})
}

// drain attempts the queue in order, as fast as the lane's window allows, until
// it is empty.
func (q *heldQueue) drain(work context.Context) {
	l := q.lane
	for q.waitForRoom(work) {
		pass := l.p.d.gate.enter(work)
		state, err := q.step(work, pass)
		pass.leaveUnlessTaken()
		switch {
		case err != nil:
			l.p.d.o.Log.WarnContext(work, "read held queue", "endpoint", l.endpoint, "error", err)
			if !persist.Wait(work, persist.Pause) {
				return
			}
		case state == nothingYet && !persist.Wait(work, writePause), state == drained:
			return
		case state == stuck:
			q.waitForTurn(work)
		}
	}
}

// step begins one delivery, or gets on to where one may begin.
func (q *heldQueue) step(work context.Context, with *pass) (reading, error) {
	q.lane.p.mu.Lock()
	turn := q.mustTurn()
	q.lane.p.mu.Unlock()
	switch {
	case turn:
		return some, q.turn(work)
	case q.mode.ordered && q.startInOrder(work, with), !q.mode.ordered && q.startNext(work, with):
		return some, nil
	default:
		return q.readOn(work)
	}
}

// reading is what a look into the queue found.
type reading int

const (
	some       reading = iota // deliveries, now read ahead
	nothingYet                // nothing, but something is on its way
	stuck                     // nothing that may begin before others end, or their time comes
	drained                   // nothing, and the drain has ended
)

// startNext attempts the first of what was put off or read ahead, if there is
// any.
func (q *heldQueue) startNext(work context.Context, with *pass) bool {
	if q.startAgain(work, with) {
		return true
	}
	if len(q.ahead) == 0 {
		return false
	}
	m := q.ahead[0]
	q.ahead = q.ahead[1:]
	s := held{queue: q, sequence: m.Sequence}
	d, err := schemas.ReadDelivery(q.subject, m.Header, m.Data)
	if err != nil {
		q.lane.p.bury(work, &nats.Msg{Subject: q.subject, Header: m.Header, Data: m.Data}, m.Sequence, s, err)
		return true
	}
	d.Sequence = s.sequence
	t := &task{delivery: d, stored: s, taken: time.Now()}
	if q.kept[d.ID] {
		if t.due, t.kept, err = q.lane.p.kept.Recall(work, d); err != nil {
			return true // work ends, and the drain with it
		}
		if time.Now().Before(t.due) {
			q.lane.p.release(work, t)
			return true
		}
	}
	q.lane.p.mu.Lock()
	defer q.lane.p.mu.Unlock()
	q.start(work, t, with)
	return true
}

// start attempts a delivery of the queue, and then those that go before the next
// one.
func (q *heldQueue) start(work context.Context, t *task, with *pass) {
	t.pass = with.take()
	q.lane.start(work, t)
	if len(q.lane.queue) > 0 {
		q.lane.adjust(work)
	}
}

// startAgain attempts the first of what was put off, if there is any.
func (q *heldQueue) startAgain(work context.Context, with *pass) bool {
	q.lane.p.mu.Lock()
	defer q.lane.p.mu.Unlock()
	if len(q.back) == 0 {
		return false
	}
	t := q.back[0]
	q.back = q.back[1:]
	q.start(work, t, with)
	return true
}

// putBack has a delivery that was put off, or is to be retried, begun again in
// the queue's order. The caller holds mu.
func (q *heldQueue) putBack(work context.Context, t *task, s held) {
	q.open(work)
	switch {
	case q.mode.ordered:
		q.wait(t, s)
	case !t.due.IsZero(): // order is wanted since it began
		q.again = true
	default:
		after, _ := slices.BinarySearchFunc(q.back, s.sequence, func(t *task, sequence uint64) int {
			return cmp.Compare(t.stored.(held).sequence, sequence) //nolint:forcetypeassert // what is put back was held
		})
		q.back = slices.Insert(q.back, after, t)
	}
}

// readOn reads ahead. If there is nothing to read, it ends the drain, unless
// something is on its way into the queue.
func (q *heldQueue) readOn(work context.Context) (reading, error) {
	p := q.lane.p
	before := q.state()
	if q.mode.ordered && q.enough(before) {
		return stuck, nil
	}
	batch, err := direct.Batch(work, p.d.nc, p.stream, q.subject, q.from)
	if err != nil {
		return nothingYet, err
	}
	if len(batch) > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range batch {
			if q.mode.ordered {
				q.add(m, q.mode.key)
			} else {
				q.read = append(q.read, m.Sequence)
			}
			q.from = m.Sequence + 1
		}
		q.ahead = batch
		return some, nil
	}
	next, err := direct.Next(work, p.d.nc, p.stream, q.subject, q.from)
	switch {
	case err != nil || next != nil:
		return nothingYet, err
	case q.close(work, before):
		return drained, nil
	default:
		q.seen = before
		return nothingYet, nil
	}
}

// writePause is how long a write into the queue may take before the drain looks
// again.
const writePause = 2 * time.Millisecond

// waitForRoom reports false once the partition stops.
func (q *heldQueue) waitForRoom(work context.Context) bool {
	l := q.lane
	for {
		l.p.mu.Lock()
		stopping := l.p.stopping
		room := (len(l.queue) == 0 || l.ahead >= maxAhead) && len(l.running) < l.window() && (!q.mustTurn() || q.mayTurn())
		l.p.mu.Unlock()
		if stopping {
			return false
		}
		if room {
			return true
		}
		select {
		case <-l.room:
		case <-work.Done():
			return false
		}
	}
}

// writes says how far the writing into the queue has come.
type writes struct{ under, ever int }

func (q *heldQueue) state() writes {
	q.lane.p.mu.Lock()
	defer q.lane.p.mu.Unlock()
	return writes{under: q.writing, ever: q.written}
}

// close ends the drain of a queue that was read as empty, unless something may
// have been written to it since before it was read.
func (q *heldQueue) close(work context.Context, before writes) bool {
	p := q.lane.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if before.under > 0 || before.ever != q.written || len(q.back) > 0 || q.again || q.mode.ordered && q.order.Len() > 0 {
		return false
	}
	q.drained = true
	p.d.o.Log.InfoContext(work, "endpoint no longer held", "endpoint", q.lane.endpoint)
	q.lane.adjust(work)
	q.retire()
	return true
}

// settled notes that a delivery need not be kept, and purges the queue as far
// as all before are settled too.
func (q *heldQueue) settled(s held) {
	if q.mode.ordered {
		q.settledInOrder(s)
		return
	}
	p := q.lane.p
	p.mu.Lock()
	defer p.mu.Unlock()
	q.done[s.sequence] = true
	if !q.purging && q.done[q.read[0]] {
		q.purging = true
		p.wg.Go(q.purge)
	}
}

// purge removes the settled head of the queue, again while there is one.
func (q *heldQueue) purge() {
	p := q.lane.p
	for {
		over := p.removal()
		p.mu.Lock()
		settled := 0
		for settled < len(q.read) && q.done[q.read[settled]] {
			settled++
		}
		if settled == 0 {
			q.purging = false
			q.lane.wake()
			q.retire()
			p.mu.Unlock()
			over()
			return
		}
		last := q.read[settled-1]
		p.mu.Unlock()

		fault.Here(fault.HeldSettled)
		ctx, cancel := context.WithTimeout(context.Background(), persist.Try)
		err := p.deliveries.Purge(ctx, jetstream.WithPurgeSubject(q.subject), jetstream.WithPurgeSequence(last+1))
		cancel()
		over()

		p.mu.Lock()
		if err == nil {
			for _, sequence := range q.read[:settled] {
				delete(q.done, sequence)
			}
			q.read = q.read[settled:]
			q.length = max(0, q.length-settled)
		}
		stopping := p.stopping
		p.mu.Unlock()
		if err != nil {
			p.d.o.Log.Warn("purge held queue", "subject", q.subject, "error", err)
			if stopping { // the next owner repeats what was not purged
				return
			}
			persist.Wait(context.Background(), persist.Pause)
		}
	}
}

// removal waits for a place among the requests that remove something, until over. A
// partition that stops waits for none: each is made once more, and not one by one
// where JetStream does not answer.
func (p *partition) removal() (over func()) {
	select {
	case p.d.removals <- struct{}{}:
		return func() { <-p.d.removals }
	case <-p.ending:
		return func() {}
	}
}

// retire lets go of a queue that is drained and purged.
func (q *heldQueue) retire() {
	if q.drained && len(q.read) == 0 && !q.purging {
		q.lane.held = nil
		q.lane.closeIfIdle()
	}
}
