package dispatcher

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

// An endpoint with [schemas.OrderFIFO] is served from its held queue alone, one
// delivery of a key at a time (inorder.go). Two things keep it in order. What is
// due is moved into the queue as the stream has it, whichever message the
// consumer hands out first. And a delivery that is to be retried stays where it
// is: what is known of it by then is kept beside the queue until it is settled
// (package kept).

// ordered reports whether deliveries may reach the held queue in the stream's
// order only. Of an endpoint that is shut nobody knows yet.
func (l *lane) ordered() bool {
	t := l.p.d.o.Targets.Get(l.endpoint)
	return l.shut || t == nil && l.unsure || t != nil && t.FIFO()
}

// move begins to move what is due into the held queue, once nothing is attempted
// that would be moved along.
func (l *lane) move(work context.Context) {
	if l.moving || len(l.incoming) == 0 || l.p.stopping {
		return
	}
	if l.attempts(false) {
		return
	}
	l.moving = true
	l.open(work)
	l.held.writing++
	l.held.written++
	q := l.held
	l.p.wg.Go(func() { l.moveAll(work, q) })
}

// ackPause is how long JetStream may take to let go of what was acknowledged.
const ackPause = 10 * time.Millisecond

// attempts reports whether deliveries are attempted that lie in the held queue,
// or that do not. The caller holds mu.
func (l *lane) attempts(ofHeld bool) bool {
	for t := range l.running {
		if _, isHeld := t.stored.(held); isHeld == ofHeld {
			return true
		}
	}
	return false
}

// moveAll moves until nothing is due.
func (l *lane) moveAll(work context.Context, q *heldQueue) {
	p := l.p
	p.mu.Lock()
	acked := l.acked
	p.mu.Unlock()
	if time.Since(acked) < ackPause { // what was just acknowledged is no longer to be moved
		persist.Wait(work, ackPause)
	}
	for {
		p.mu.Lock()
		tasks := l.incoming
		l.incoming = nil
		if len(tasks) == 0 {
			l.moving = false
			q.writing--
			l.wake()
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		through, err := p.moveReady(work, q)
		if err != nil {
			p.d.o.Log.InfoContext(work, "deliveries given back", "endpoint", l.endpoint, "cause", err)
		}
		p.mu.Lock()
		l.through = max(l.through, through)
		for _, t := range tasks {
			p.letGo(t)
			// That nothing is found may mean that the stream's leader has not come as
			// far yet as the replica from which the consumer's had it. What is not known
			// to be moved comes again, if it is still there.
			if r, ok := t.stored.(ready); ok && r.sequence <= l.through {
				t.stored.done()
			} else {
				t.stored.giveBack()
			}
		}
		p.mu.Unlock()
	}
}

// moveReady moves an endpoint's due deliveries into its held queue, one by one:
// each is stored there before the next is looked at. Whoever else does the same
// at the time writes the same messages in the same order, once. Through is the last
// that was moved: those before it were too.
func (p *partition) moveReady(work context.Context, q *heldQueue) (through uint64, err error) {
	ready := p.d.o.Layout.ReadySubject(q.lane.endpoint)
	for {
		select {
		case <-p.ending:
			return through, attempt.ErrStopping
		default:
		}
		var m *direct.Message
		err := persist.Do(work, p.d.o.Log, "read "+ready, func(ctx context.Context) (err error) {
			m, err = direct.Next(ctx, p.d.nc, p.stream, ready, 1)
			return err
		})
		if err != nil || m == nil {
			return through, err
		}
		stored := &nats.Msg{Subject: ready, Header: m.Header, Data: m.Data}
		switch d, unreadable := schemas.ReadDelivery(ready, m.Header, m.Data); {
		case m.Sequence == through: // it was moved, and could not be removed: maybe for longer than ids are remembered
		case unreadable != nil:
			err = p.deadLetter(work, stored, m.Sequence, unreadable)
		case d.Attempts > 0 || !p.unstored.over(d.ID):
			d.Sequence = m.Sequence
			err = p.moveOne(work, q, d)
		}
		if err != nil {
			return through, err
		}
		through = m.Sequence
		fault.Here(fault.FIFOMoved)
		// Where that fails, because another owner was faster as a rule, the next
		// look tells what is left to do.
		over := p.removal()
		err = p.deliveries.DeleteMsg(work, m.Sequence)
		over()
		if err != nil && !persist.Wait(work, writePause) {
			return through, err
		}
	}
}

// moveOne stores a due delivery in the queue.
func (p *partition) moveOne(work context.Context, q *heldQueue, d *schemas.Delivery) error {
	p.mu.Lock()
	to := q.place(d)
	p.mu.Unlock()
	fault.Here(fault.FIFODue)
	twice, err := p.d.put(work, to)
	if err == nil {
		to.stored()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q.uncount(to, twice || err != nil)
	q.written++
	q.lane.wake()
	return err
}

// inPlace reports whether a task that is to be retried stays where it is.
func (p *partition) inPlace(t *task) bool {
	target := p.d.o.Targets.Get(t.delivery.Endpoint)
	_, isHeld := t.stored.(held)
	return isHeld && target != nil && target.FIFO()
}

// release lets a task out of its place, as a retry.
func (p *partition) release(work context.Context, t *task) {
	err := p.kept.Forget(work, t.delivery, t.kept)
	if err == nil {
		err = p.d.store(work, p.d.later(t.delivery, time.Until(t.due)), t.delivery.MessageID())
	}
	if err == nil {
		t.stored.done()
	}
}
