package dispatcher

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
)

// An endpoint with [schemas.OrderFIFO] is served from its held queue alone, one
// delivery at a time. Two things keep it in order. What is due is moved into the
// queue as the stream has it, whichever message the consumer hands out first.
// And a delivery that is to be retried stays where it is, at the head: what is
// known of it by then is kept beside the queue, under the subject that its
// schedule would have, until it is settled.

// headerDue is when the delivery that is kept is to be attempted again.
const headerDue = "Tidings-Due"

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
	for t := range l.running {
		if _, isHeld := t.stored.(held); !isHeld {
			return
		}
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
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		err := p.moveReady(work, q)
		if err != nil {
			p.d.o.Log.InfoContext(work, "deliveries given back", "endpoint", l.endpoint, "cause", err)
		}
		p.mu.Lock()
		for _, t := range tasks {
			delete(p.taken, t)
			if err == nil {
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
// at the time writes the same messages in the same order, once.
func (p *partition) moveReady(work context.Context, q *heldQueue) error {
	ready := p.d.o.Layout.ReadySubject(q.lane.endpoint)
	for {
		select {
		case <-p.ending:
			return attempt.ErrStopping
		default:
		}
		var m *direct.Message
		err := persist.Do(work, p.d.o.Log, "read "+ready, func(ctx context.Context) (err error) {
			m, err = direct.Next(ctx, p.d.nc, p.stream, ready, 1)
			return err
		})
		if err != nil || m == nil {
			return err
		}
		stored := &nats.Msg{Subject: ready, Header: m.Header, Data: m.Data}
		if d, unreadable := schemas.ReadDelivery(ready, m.Header, m.Data); unreadable != nil {
			err = p.deadLetter(work, stored, m.Sequence, unreadable)
		} else if d.Attempts > 0 || !p.unstored.over(d.ID) {
			err = p.moveOne(work, q, d)
		}
		if err != nil {
			return err
		}
		// Where that fails, because another owner was faster as a rule, the next
		// look tells what is left to do.
		if err := p.deliveries.DeleteMsg(work, m.Sequence); err != nil && !persist.Wait(work, writePause) {
			return err
		}
	}
}

// moveOne stores a due delivery in the queue.
func (p *partition) moveOne(work context.Context, q *heldQueue, d *schemas.Delivery) error {
	p.mu.Lock()
	to := q.place(d)
	p.mu.Unlock()
	err := p.d.put(work, to)
	if err == nil {
		to.stored()
	}
	return err
}

// inPlace reports whether a task that is to be retried stays where it is.
func (p *partition) inPlace(t *task) bool {
	target := p.d.o.Targets.Get(t.delivery.Endpoint)
	_, isHeld := t.stored.(held)
	return isHeld && target != nil && target.FIFO()
}

// keep stores what a failed attempt adds to a delivery that stays in its place.
// The body is in the queue.
func (p *partition) keep(work context.Context, t *task, r Report) error {
	next := advance(r)
	due := time.Now().Add(r.Outcome.After)
	m := &nats.Msg{Subject: p.d.o.Layout.LaterSubject(next.Endpoint, next.ID), Header: nats.Header(next.Header())}
	m.Header.Set(headerDue, due.UTC().Format(time.RFC3339Nano))
	if err := p.d.store(work, m, next.ID.MessageID(next.Attempts)+".kept"); err != nil {
		return err
	}
	// The newest is enough; if the others stay they go with it.
	_ = p.deliveries.Purge(work, jetstream.WithPurgeSubject(m.Subject), jetstream.WithPurgeKeep(1))
	t.delivery, t.due, t.kept = &next, due, true
	return nil
}

// recall gives a task what was kept of it.
func (p *partition) recall(work context.Context, t *task) error {
	d := t.delivery
	var m *direct.Message
	err := persist.Do(work, p.d.o.Log, "recall "+string(d.ID), func(ctx context.Context) (err error) {
		m, err = direct.Last(ctx, p.d.nc, p.stream, p.d.o.Layout.LaterSubject(d.Endpoint, d.ID))
		return err
	})
	if err != nil || m == nil {
		return err
	}
	due, err := time.Parse(time.RFC3339Nano, m.Header.Get(headerDue))
	if err != nil {
		return nil //nolint:nilerr // a schedule: this copy of the delivery is a former owner's, who left before it was purged
	}
	known, err := schemas.ReadDelivery(p.d.o.Layout.HeldSubject(d.Endpoint), m.Header, nil)
	if err != nil {
		p.d.o.Log.ErrorContext(work, "attempts unreadable", "delivery", d.ID, "error", err)
		return nil
	}
	d.Attempts, d.History, t.due, t.kept = known.Attempts, known.History, due, true
	return nil
}

// forget removes what was kept of a delivery.
func (p *partition) forget(work context.Context, t *task) error {
	subject := p.d.o.Layout.LaterSubject(t.delivery.Endpoint, t.delivery.ID)
	return persist.Do(work, p.d.o.Log, "purge "+subject, func(ctx context.Context) error {
		return p.deliveries.Purge(ctx, jetstream.WithPurgeSubject(subject))
	})
}

// settleTask makes the outcome of an attempt last, and forgets what was kept of the
// task: before a retry is stored, which lies under the same subject, and after
// anything else.
func (p *partition) settleTask(work context.Context, t *task, r Report) error {
	if t.kept && r.Outcome.Kind == schemas.Retry {
		if err := p.forget(work, t); err != nil {
			return err
		}
		t.kept = false
	}
	if err := p.settle(work, r); err != nil || !t.kept {
		return err
	}
	return p.forget(work, t)
}

// await waits in a task's place until it is due, and reports whether it is. An
// endpoint that ends meanwhile ends the wait; one that no longer asks for order
// turns it into a retry like others.
func (p *partition) await(work context.Context, l *lane, t *task) bool {
	for {
		p.mu.Lock()
		altered := l.altered
		t.started = time.Now()
		p.mu.Unlock()
		left := time.Until(t.due)
		target := p.d.o.Targets.Get(l.endpoint)
		switch {
		case left <= 0, target == nil, target.Disabled(), target.Refuses(t.delivery):
			return true
		case !target.FIFO():
			p.release(work, t, left)
			return false
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-altered:
		case <-p.ending:
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

// release lets a task out of its place, as a retry.
func (p *partition) release(work context.Context, t *task, after time.Duration) {
	err := p.forget(work, t)
	if err == nil {
		err = p.d.store(work, p.d.later(t.delivery, after), t.delivery.ID.MessageID(t.delivery.Attempts))
	}
	if err == nil {
		t.stored.done()
	}
}
