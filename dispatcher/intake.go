package dispatcher

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// take puts a message of the consumer into its endpoint's lane.
func (p *partition) take(work context.Context, m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		return // not from JetStream: there is nothing to acknowledge
	}
	r := ready{m, meta.Sequence.Stream, meta.Timestamp, &p.acked}
	delivery, err := schemas.ReadDelivery(m.Subject(), m.Headers(), m.Data())
	p.mu.Lock()
	defer p.mu.Unlock()
	switch _, again := p.readies[r.sequence]; {
	case p.stopping: // a closed connection ends the intake before its last call
		return
	case again: // JetStream was away for longer than the ack wait, or has crashed
		return
	case p.acked.Has(r.sequence, r.added):
		r.done()
		return
	case err != nil:
		p.wg.Go(func() { p.buryReady(work, r, err) })
		return
	}
	delivery.Sequence = r.sequence
	l := p.lane(delivery.Endpoint)
	l.comes(delivery.ID)
	if delivery.Attempts == 0 {
		if was := p.unstored.arrive(delivery.ID, r); was != unknown {
			if was == underWay {
				p.readies[r.sequence] = struct{}{}
			}
			l.closeIfIdle()
			return
		}
	}
	t := &task{delivery: delivery, stored: r, taken: time.Now()}
	p.hold(t)
	l.offer(work, t)
}

// hold notes a task until it is settled or given back. The caller holds mu.
func (p *partition) hold(t *task) {
	p.taken[t] = struct{}{}
	if r, ok := t.stored.(ready); ok {
		p.readies[r.sequence] = struct{}{}
	}
}

// letGo forgets a task. The caller holds mu.
func (p *partition) letGo(t *task) {
	delete(p.taken, t)
	switch s := t.stored.(type) {
	case ready:
		delete(p.readies, s.sequence)
	case *express:
		if r, ok := s.ready(); ok {
			delete(p.readies, r.sequence)
		}
	}
}

// buryReady buries a message of the consumer.
func (p *partition) buryReady(work context.Context, r ready, cause error) {
	p.bury(work, &nats.Msg{Subject: r.msg.Subject(), Header: r.msg.Headers(), Data: r.msg.Data()}, r.sequence, r, cause)
}

// bury stores a message that is no delivery as a dead letter, and lets it go.
// Only another program can have written it, or another version of this one.
func (p *partition) bury(work context.Context, m *nats.Msg, sequence uint64, s stored, cause error) {
	if err := p.deadLetter(work, m, sequence, cause); err != nil {
		s.giveBack()
		return
	}
	s.done()
}

// deadLetter is what bury stores.
func (p *partition) deadLetter(work context.Context, m *nats.Msg, sequence uint64, cause error) error {
	const tenant = "unknown"
	p.d.o.Log.ErrorContext(work, "delivery unreadable", "subject", m.Subject, "sequence", sequence, "error", cause)
	return p.d.store(work, &nats.Msg{
		Subject: schemas.DeadSubject(tenant, schemas.QueueEndpoint(m.Subject)),
		Header:  nats.Header(schemas.DeadEvent(m.Header, tenant, schemas.ReasonUnreadable, cause.Error())),
		Data:    m.Data,
	}, fmt.Sprintf("%s.%d.unreadable", p.stream, sequence))
}
