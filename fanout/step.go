package fanout

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// step is one event between being read and being acknowledged.
type step struct {
	msg    jetstream.Msg
	writes []write
	err    error // why it could not be decided; the event is given back
}

// write is one message that must be stored before the event is acknowledged.
type write struct {
	msg *nats.Msg
	id  string
	ack jetstream.PubAckFuture // nil if err is set
	err error                  // why it could not be sent
}

// begin decides what must be stored for an event, and sends it.
func (f *Fanout) begin(ctx context.Context, m jetstream.Msg) *step {
	writes, err := f.writes(ctx, m)
	for i := range writes {
		writes[i].send(f.js)
	}
	return &step{msg: m, writes: writes, err: err}
}

// stored is an event as EVENTS holds it.
type stored struct {
	msg  jetstream.Msg
	meta *jetstream.MsgMetadata
}

// writes are the deliveries of an event, or its dead letter. An error means
// that nothing can be said of the event now.
func (f *Fanout) writes(ctx context.Context, m jetstream.Msg) ([]write, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	at := stored{m, meta}
	id, published, err := schemas.StoredEvent(m.Subject())
	if err != nil {
		return f.dead(ctx, at, id, schemas.ReasonEventInvalid, err), nil
	}
	tenant, err := f.tenant(ctx, id)
	switch {
	case schemas.HasCode(err, schemas.CodeNotFound):
		return f.dead(ctx, at, id, schemas.ReasonTenantUnknown,
			schemas.Errorf(schemas.CodeNotFound, "tenant %q does not exist: create it, then replay the event", string(id))), nil
	case err != nil:
		return nil, err
	}
	e, err := decode(m, id, published)
	if err != nil {
		return f.dead(ctx, at, id, schemas.ReasonEventInvalid, err), nil
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return f.dead(ctx, at, id, schemas.ReasonEventInvalid, err), nil
	}
	known := f.o.Catalogue.Find(id, e.Type())
	if err := f.conforms(ctx, at, tenant, known, data); err != nil {
		return f.dead(ctx, at, id, schemas.ReasonSchemaInvalid, err), nil
	}
	return f.deliveries(at, Event{Tenant: id, Type: e.Type(), Known: known, Data: data}, header), nil
}

// deliveries are one for each endpoint that gets the event.
func (f *Fanout) deliveries(at stored, e Event, header schemas.Header) []write {
	endpoints := f.o.Index.Match(nil, e)
	writes := make([]write, len(endpoints))
	for i, endpoint := range endpoints {
		d := schemas.Delivery{
			ID:       schemas.NewDeliveryID(at.meta.Timestamp, at.meta.Sequence.Stream, endpoint),
			Tenant:   e.Tenant,
			Endpoint: endpoint,
			Event:    header,
		}
		writes[i] = write{
			msg: &nats.Msg{Subject: f.o.Layout.ReadySubject(endpoint), Header: d.Header(), Data: e.Data},
			id:  d.ID.MessageID(0),
		}
	}
	return writes
}

// conforms returns what is wrong with the event's data, unless its tenant wants
// it delivered all the same. Its producer may have checked it, or not.
func (f *Fanout) conforms(ctx context.Context, at stored, tenant schemas.Tenant, known *catalogue.Type, data []byte) error {
	if known == nil {
		return nil
	}
	err := known.Validate(data)
	if err != nil && tenant.Validation == schemas.ValidationWarn {
		f.o.Log.WarnContext(ctx, "event breaks its schema; delivered all the same", "tenant", tenant.ID,
			"type", known.Type, "sequence", at.meta.Sequence.Stream, "detail", err)
		return nil
	}
	return err
}

// decode reads the event, which must be of the type that its subject says:
// permissions to publish are given by subject.
func decode(m jetstream.Msg, tenant schemas.TenantID, published string) (schemas.Event, error) {
	e, err := schemas.DecodeEvent(m.Headers(), m.Data())
	if err != nil {
		return schemas.Event{}, err
	}
	if want := schemas.EventSubject(tenant, e.Type()); published != want {
		return schemas.Event{}, schemas.Errorf(schemas.CodeInvalid,
			"published to %q, but an event of type %q belongs on %q", published, e.Type(), want)
	}
	return e, nil
}

// tenant asks until there is an answer or ctx ends.
func (f *Fanout) tenant(ctx context.Context, id schemas.TenantID) (schemas.Tenant, error) {
	if t, ok := f.o.Index.Tenant(id); ok {
		return t, nil
	}
	for {
		t, err := f.o.Tenant(ctx, id)
		if err == nil || schemas.HasCode(err, schemas.CodeNotFound) {
			return t, err
		}
		f.o.Log.WarnContext(ctx, "fanout waits for the registry", "tenant", id, "error", err)
		if !pause(ctx) {
			return t, err
		}
	}
}

// dead is the dead letter of an event. Its id names the event by where EVENTS
// holds it: a message that is no CloudEvent has no other name.
func (f *Fanout) dead(ctx context.Context, e stored, tenant schemas.TenantID, reason schemas.Reason, cause error) []write {
	f.o.Log.WarnContext(ctx, "event dead", "tenant", tenant, "sequence", e.meta.Sequence.Stream, "reason", reason, "detail", cause)
	return []write{{
		msg: &nats.Msg{
			Subject: schemas.DeadEventSubject(tenant),
			Header:  schemas.DeadEvent(e.msg.Headers(), tenant, reason, cause.Error()),
			Data:    e.msg.Data(),
		},
		id: string(schemas.NewDeliveryID(e.meta.Timestamp, e.meta.Sequence.Stream, "")),
	}}
}

// send sends the message; sent again, it carries the same id.
func (w *write) send(js jetstream.JetStream) {
	w.ack, w.err = js.PublishMsgAsync(w.msg, jetstream.WithMsgID(w.id), jetstream.WithStallWait(stallWait))
}

// finish waits until all of a step is stored, then acknowledges the event. If
// ctx ends while something cannot be stored, the event is given back.
func (f *Fanout) finish(ctx context.Context, s *step) {
	if s.err != nil {
		_ = s.msg.Nak() // a lost nak costs the ack wait
		return
	}
	for i := range s.writes {
		w := &s.writes[i]
		for !w.stored() {
			f.o.Log.WarnContext(ctx, "fanout stores again", "subject", w.msg.Subject, "error", w.err)
			if !pause(ctx) {
				_ = s.msg.Nak()
				return
			}
			w.send(f.js)
		}
	}
	if err := s.msg.Ack(); err != nil { // it comes again, and changes nothing
		f.o.Log.WarnContext(ctx, "fanout ack", "subject", s.msg.Subject(), "error", err)
	}
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

// pause waits a moment, and reports whether ctx still stands.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(retryPause):
		return true
	case <-ctx.Done():
		return false
	}
}
