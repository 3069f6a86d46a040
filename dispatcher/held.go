package dispatcher

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// heldQueue is an endpoint's own durable queue, held.<p>.<endpoint>, while it
// is in use. It has no consumer: the lane reads it by sequence and purges it up
// to the last delivery before which all are settled. What was settled above
// that is remembered here only, so a crash repeats at most a window of attempts.
// The partition's mu guards it.
type heldQueue struct {
	lane    *lane
	subject string
	drained bool          // nothing is left to read; new deliveries need not follow
	writing int           // deliveries on their way into the queue
	written int           // deliveries ever sent to the queue
	from    uint64        // the sequence to read next; the drain's own
	ahead   []heldMessage // read and not yet begun; the drain's own
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
	m := &nats.Msg{Subject: q.subject, Header: nats.Header(t.delivery.Header()), Data: t.delivery.Data}
	id := t.delivery.ID.MessageID(t.delivery.Attempts) + ".held"
	ack, err := p.d.js.PublishMsgAsync(m, jetstream.WithMsgID(id))
	p.wg.Go(func() {
		if err != nil || !acknowledged(work, ack) {
			err = p.d.store(work, m, id)
		}
		if err == nil {
			t.stored.done()
		} else {
			t.stored.giveBack()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.taken, t)
		q.writing--
	})
}

func acknowledged(work context.Context, ack jetstream.PubAckFuture) bool {
	select {
	case <-ack.Ok():
		return true
	case err := <-ack.Err():
		return err == nil
	case <-work.Done():
		return false
	}
}

// drain attempts the queue in order, as fast as the lane's window allows, until
// it is empty.
func (q *heldQueue) drain(work context.Context) {
	l := q.lane
	for q.waitForRoom(work) {
		if q.startNext(work) {
			continue
		}
		switch state, err := q.readOn(work); {
		case err != nil:
			l.p.d.o.Log.WarnContext(work, "read held queue", "endpoint", l.endpoint, "error", err)
			if !pause(work, persistPause) {
				return
			}
		case state == nothingYet && !pause(work, writePause), state == drained:
			return
		}
	}
}

// reading is what a look into the queue found.
type reading int

const (
	some       reading = iota // deliveries, now read ahead
	nothingYet                // nothing, but something is on its way
	drained                   // nothing, and the drain has ended
)

// startNext attempts the first of what was read ahead, if there is any.
func (q *heldQueue) startNext(work context.Context) bool {
	if len(q.ahead) == 0 {
		return false
	}
	m := q.ahead[0]
	q.ahead = q.ahead[1:]
	s := held{q, m.sequence}
	d, err := schemas.ReadDelivery(q.subject, m.msg.Header, m.msg.Data)
	if err != nil {
		q.lane.p.bury(work, &nats.Msg{Subject: q.subject, Header: m.msg.Header, Data: m.msg.Data}, m.sequence, s, err)
		return true
	}
	t := &task{delivery: d, stored: s, taken: time.Now()}
	q.lane.p.mu.Lock()
	defer q.lane.p.mu.Unlock()
	q.lane.start(work, t)
	return true
}

// readOn reads ahead. If there is nothing to read, it ends the drain, unless
// something is on its way into the queue.
func (q *heldQueue) readOn(work context.Context) (reading, error) {
	p := q.lane.p
	before := q.state()
	batch, err := p.d.readHeld(work, p.stream, q.subject, q.from)
	if err != nil {
		return nothingYet, err
	}
	if len(batch) > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range batch {
			q.read = append(q.read, m.sequence)
			q.from = m.sequence + 1
		}
		q.ahead = batch
		return some, nil
	}
	empty, err := p.d.heldEmpty(work, p.stream, q.subject, q.from)
	if err == nil && empty && q.close(before) {
		return drained, nil
	}
	return nothingYet, err
}

// writePause is how long a write into the queue may take before the drain looks
// again.
const writePause = 2 * time.Millisecond

// waitForRoom reports false once the partition stops.
func (q *heldQueue) waitForRoom(work context.Context) bool {
	l := q.lane
	for {
		l.p.mu.Lock()
		stopping, room := l.p.stopping, len(l.queue) == 0 && len(l.running) < l.window()
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
func (q *heldQueue) close(before writes) bool {
	p := q.lane.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if before.under > 0 || before.ever != q.written {
		return false
	}
	q.drained = true
	p.d.o.Log.Info("endpoint no longer held", "endpoint", q.lane.endpoint)
	q.retire()
	return true
}

// settled notes that a delivery need not be kept, and purges the queue as far
// as all before are settled too.
func (q *heldQueue) settled(sequence uint64) {
	p := q.lane.p
	p.mu.Lock()
	defer p.mu.Unlock()
	q.done[sequence] = true
	if !q.purging && q.done[q.read[0]] {
		q.purging = true
		p.wg.Go(q.purge)
	}
}

// purge removes the settled head of the queue, again while there is one.
func (q *heldQueue) purge() {
	p := q.lane.p
	for {
		p.mu.Lock()
		settled := 0
		for settled < len(q.read) && q.done[q.read[settled]] {
			settled++
		}
		if settled == 0 {
			q.purging = false
			q.retire()
			p.mu.Unlock()
			return
		}
		last := q.read[settled-1]
		p.mu.Unlock()

		ctx, cancel := context.WithTimeout(context.Background(), persistTry)
		err := p.deliveries.Purge(ctx, jetstream.WithPurgeSubject(q.subject), jetstream.WithPurgeSequence(last+1))
		cancel()

		p.mu.Lock()
		if err == nil {
			for _, sequence := range q.read[:settled] {
				delete(q.done, sequence)
			}
			q.read = q.read[settled:]
		}
		stopping := p.stopping
		p.mu.Unlock()
		if err != nil {
			p.d.o.Log.Warn("purge held queue", "subject", q.subject, "error", err)
			if stopping { // the next owner repeats what was not purged
				return
			}
			pause(context.Background(), persistPause)
		}
	}
}

// retire lets go of a queue that is drained and purged.
func (q *heldQueue) retire() {
	if q.drained && len(q.read) == 0 && !q.purging {
		q.lane.held = nil
		q.lane.closeIfIdle()
	}
}

// pause waits, and reports whether ctx still stands.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
