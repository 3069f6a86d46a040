package fanout

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/crash"
	"github.com/tidings-dev/tidings/schemas/fault"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// step is one event between being begun and being acknowledged.
type step struct {
	msg     jetstream.Msg
	span    tracing.Span // ends when the event is acknowledged or given back
	express bool         // its deliveries need not be stored: it has not come before, and is soon settled
	writes  []write      // what is being stored

	mu     sync.Mutex // guards what follows
	left   int        // how much of it is not settled: one for writes, one for each express delivery
	failed bool       // not all could be stored: the event is given back
}

// write is one message that must be stored before the event is acknowledged.
type write struct {
	delivery *schemas.Delivery // what msg is made of when it is sent; nil if it is made
	msg      *nats.Msg
	id       string
	ack      jetstream.PubAckFuture // nil if err is set
	err      error                  // why it could not be sent
}

// begin decides what becomes of an event, and has its deliveries attempted or
// sends them. It returns nil if nothing is being stored.
func (r *run) begin(ctx context.Context, m jetstream.Msg) *step {
	ctx, span := r.f.process(ctx, m)
	made, err := r.f.bounded(ctx, m)
	if err != nil {
		endProcess(span, tracing.ErrorType(err))
		r.giveBack(m)
		return nil
	}
	made.describe(span, m)
	meta, err := m.Metadata()
	first := err == nil && meta.NumDelivered == 1
	s := &step{msg: m, span: span, express: first && !r.waits(made.writes), left: 1}
	r.enter(s)
	if first {
		r.f.count(m)
	}
	r.journal(ctx, s, made)
	fault.Here(fault.FanoutMatched)
	for _, w := range made.writes {
		if r.express(ctx, s, w) || r.parks(ctx, s, w, meta) {
			continue
		}
		r.f.send(&w)
		fault.Here(fault.FanoutSent)
		s.writes = append(s.writes, w)
	}
	if meta != nil {
		r.past.begun(meta.Sequence.Stream)
	}
	if len(s.writes) > 0 {
		return s
	}
	r.settle(ctx, s, true)
	return nil
}

// count tells how much an event takes in EVENTS.
func (f *Fanout) count(m jetstream.Msg) {
	tenant, _, err := schemas.StoredEvent(m.Subject())
	if f.o.Counted == nil || err != nil || !f.o.Counted(tenant) {
		return
	}
	bytes := len(m.Subject()) + len(m.Data())
	for name, values := range m.Headers() {
		for _, value := range values {
			bytes += len(name) + len(value)
		}
	}
	f.o.Stored(tenant, bytes)
}

// express has a delivery attempted at once, if it can be. Those of an event that
// comes again are stored: what was stored of it before is not stored twice, and
// whoever still attempts one meets it there. So are those of an event of which one
// waits: should this process die before it is settled, they are there already.
func (r *run) express(ctx context.Context, s *step, w write) bool {
	if r.f.o.Express == nil || w.delivery == nil || !s.express {
		return false
	}
	s.expect()
	taken := r.f.o.Express(w.delivery, func(settled bool) {
		if settled {
			r.settle(ctx, s, true)
			return
		}
		go func() { // run waits for all steps
			fault.Here(fault.ExpressLate)
			whole := r.f.store(ctx, &w)
			fault.Here(fault.ExpressStored)
			r.settle(ctx, s, whole)
		}()
	})
	if !taken {
		s.settle(true) // not the last: begin has its own part
	}
	return taken
}

// waits reports whether one of the deliveries is to wait for older ones.
func (r *run) waits(writes []write) bool {
	return r.past.lasts() && slices.ContainsFunc(writes, func(w write) bool {
		return w.delivery != nil && r.f.o.Index.Ordered(w.delivery.Endpoint)
	})
}

// parks has a delivery wait that is not to overtake older ones: those which somebody
// else may have, and those of its endpoint that are being stored.
func (r *run) parks(ctx context.Context, s *step, w write, meta *jetstream.MsgMetadata) bool {
	if w.delivery == nil || meta == nil || !r.f.o.Index.Ordered(w.delivery.Endpoint) {
		return false
	}
	s.expect()
	d := parked{meta.Sequence.Stream, s, w}
	switch r.past.park(d) {
	case over:
		r.line(ctx, d)
	case abandoned:
		s.settle(false) // not the last: begin has its own part
	}
	return true
}

// expect counts one more part of the step.
func (s *step) expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left++
}

// settle counts a part as done with, and reports whether it was the last, and
// whether a part had failed.
func (s *step) settle(whole bool) (over, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left--
	s.failed = s.failed || !whole
	return s.left == 0, s.failed
}

// stored is an event as EVENTS holds it.
type stored struct {
	subject  string
	header   nats.Header
	data     []byte
	sequence uint64
	at       time.Time
}

// bounded is decide, or the dead letter of an event that crashes it.
func (f *Fanout) bounded(ctx context.Context, m jetstream.Msg) (made decision, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return decision{}, err
	}
	at := stored{m.Subject(), m.Headers(), m.Data(), meta.Sequence.Stream, meta.Timestamp}
	if c := f.crashes(ctx, at, func() { made, err = f.decide(ctx, at) }); c != nil {
		tenant, _, _ := schemas.StoredEvent(at.subject)
		return f.dead(ctx, at, tenant, schemas.ReasonCrashed, c), nil
	}
	return made, err
}

// crashes handles an event, and returns how that crashed if it does each time.
func (f *Fanout) crashes(ctx context.Context, at stored, handle func()) *crash.Crash {
	return crash.Bounded(handle, func(c *crash.Crash) {
		f.o.Log.ErrorContext(ctx, "fanout crashed", "subject", at.subject, "sequence", at.sequence, "crash", c)
	})
}

// decide makes the deliveries of an event, or its dead letter. An error means
// that nothing can be said of the event now.
func (f *Fanout) decide(ctx context.Context, at stored) (decision, error) {
	id, published, err := schemas.StoredEvent(at.subject)
	if err != nil {
		return f.dead(ctx, at, id, schemas.ReasonEventInvalid, err), nil
	}
	tenant, exists := f.o.Index.Tenant(id)
	if !exists {
		return f.dead(ctx, at, id, schemas.ReasonTenantUnknown,
			schemas.Errorf(schemas.CodeNotFound, "tenant %q does not exist: create it, then replay the event", string(id))), nil
	}
	e, err := read(f.o.Catalogue, at, id, published)
	if err != nil {
		return f.dead(ctx, at, id, schemas.ReasonEventInvalid, err), nil
	}
	if err := f.conforms(ctx, at, tenant, e); err != nil {
		return f.dead(ctx, at, id, schemas.ReasonSchemaInvalid, err), nil
	}
	if err := f.join(ctx, id); err != nil {
		return decision{}, err
	}
	record := recordOf(at, e.Header, len(e.Data))
	record.Endpoints = f.o.Index.Match(nil, e)
	writes := make([]write, len(record.Endpoints))
	mark := f.mark(ctx, len(writes))
	for i, endpoint := range record.Endpoints {
		writes[i] = delivery(at, e, endpoint, len(writes))
		writes[i].delivery.Trace = mark
	}
	return decision{tenant: id, writes: writes, record: record}, nil
}

// read reads what EVENTS stored.
func read(types *catalogue.Catalogue, at stored, tenant schemas.TenantID, published string) (Event, error) {
	e, err := decode(at, tenant, published)
	if err != nil {
		return Event{}, err
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return Event{}, err
	}
	return Event{
		Tenant: tenant, Type: e.Type(), Known: types.Find(tenant, e.Type()),
		Header: header, Data: data, Sequence: at.sequence,
	}, nil
}

// delivery is the event on its way to one of so many endpoints. It has the data
// even where it refers to it: whoever attempts it at once need not read EVENTS.
func delivery(at stored, e Event, to schemas.EndpointID, of int) write {
	d := &schemas.Delivery{
		ID:       schemas.NewDeliveryID(at.at, at.sequence, to),
		Tenant:   e.Tenant,
		Endpoint: to,
		Event:    e.Header,
		Data:     e.Data,
	}
	if size := len(e.Data); size > minReference && size*of > maxInline {
		d.Reference = size
	}
	return write{delivery: d, id: d.MessageID()}
}

// conforms returns what is wrong with the event's data, unless its tenant wants
// it delivered all the same. Its producer may have checked it, or not.
func (f *Fanout) conforms(ctx context.Context, at stored, tenant schemas.Tenant, e Event) error {
	if e.Known == nil {
		return nil
	}
	err := e.Known.Validate(e.Data)
	if err != nil && tenant.Validation == schemas.ValidationWarn {
		f.o.Log.WarnContext(ctx, "event breaks its schema; delivered all the same", "tenant", tenant.ID,
			"type", e.Type, "sequence", at.sequence, "detail", err)
		return nil
	}
	return err
}

// decode reads the event, which must be of the type that its subject says:
// permissions to publish are given by subject.
func decode(at stored, tenant schemas.TenantID, published string) (schemas.Event, error) {
	e, err := schemas.DecodeEvent(at.header, at.data)
	if err != nil {
		return schemas.Event{}, err
	}
	if want := schemas.EventSubject(tenant, e.Type()); published != want {
		return schemas.Event{}, schemas.Errorf(schemas.CodeInvalid,
			"published to %q, but an event of type %q belongs on %q", published, e.Type(), want)
	}
	return e, nil
}

// dead is the dead letter of an event. Its id names the event by where EVENTS
// holds it: a message that is no CloudEvent has no other name.
func (f *Fanout) dead(ctx context.Context, e stored, tenant schemas.TenantID, reason schemas.Reason, cause error) decision {
	f.o.Log.WarnContext(ctx, "event dead", "tenant", tenant, "sequence", e.sequence, "reason", reason, "detail", cause)
	var record *schemas.EventRecord
	if tenant.Validate() == nil && reason != schemas.ReasonTenantUnknown {
		record = recordOf(e, e.header, len(e.data))
		record.Dead, record.Detail = reason, cause.Error()
	}
	return decision{tenant: tenant, record: record, dead: reason, writes: []write{{
		msg: &nats.Msg{
			Subject: schemas.DeadEventSubject(tenant),
			Header:  schemas.DeadEvent(e.header, tenant, reason, cause.Error()),
			Data:    e.data,
		},
		id: string(schemas.NewDeliveryID(e.at, e.sequence, "")),
	}}}
}

// send sends the message; sent again, it carries the same id.
func (f *Fanout) send(w *write) {
	if d := w.delivery; d != nil {
		w.msg = &nats.Msg{Subject: f.o.Layout.ReadySubject(d.Endpoint), Header: nats.Header(d.Header()), Data: d.Body()}
		w.delivery = nil
	}
	w.ack, w.err = f.js.PublishMsgAsync(w.msg, jetstream.WithMsgID(w.id), jetstream.WithStallWait(stallWait))
}

// store sends the message unless it was, and waits until it is stored. It
// reports false if ctx ends while it cannot be.
func (f *Fanout) store(ctx context.Context, w *write) bool {
	if w.ack == nil && w.err == nil {
		f.send(w)
	}
	// The first time at once: of what was on its way when JetStream's leader died,
	// each would wait in its turn.
	for wait := time.Duration(0); !w.stored(); wait = min(max(2*wait, retryPause), maxRetryPause) {
		f.o.Log.WarnContext(ctx, "fanout stores again", "subject", w.msg.Subject, "error", w.err)
		if ctx.Err() != nil || wait > 0 && !pause(ctx, wait) {
			return false
		}
		f.send(w)
	}
	return true
}

// stored waits for JetStream's answer.
func (w *write) stored() bool {
	if w.err != nil {
		return false
	}
	select {
	case <-w.ack.Ok():
		return true
	case w.err = <-w.ack.Err():
		return false
	}
}

// pause waits some time, and reports whether ctx still stands.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
