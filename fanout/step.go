package fanout

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
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
	tenant, published, err := schemas.StoredEvent(m.Subject())
	if err != nil {
		return f.dead(ctx, at, tenant, schemas.ReasonEventInvalid, err), nil
	}
	exists, err := f.tenantExists(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if !exists {
		return f.dead(ctx, at, tenant, schemas.ReasonTenantUnknown,
			schemas.Errorf(schemas.CodeNotFound, "tenant %q does not exist: create it, then replay the event", string(tenant))), nil
	}
	e, err := decode(m, tenant, published)
	if err != nil {
		return f.dead(ctx, at, tenant, schemas.ReasonEventInvalid, err), nil
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return f.dead(ctx, at, tenant, schemas.ReasonEventInvalid, err), nil
	}
	endpoints := f.o.Index.Match(nil, tenant, e.Type())
	writes := make([]write, len(endpoints))
	for i, endpoint := range endpoints {
		d := schemas.Delivery{
			ID:       schemas.NewDeliveryID(meta.Timestamp, meta.Sequence.Stream, endpoint),
			Tenant:   tenant,
			Endpoint: endpoint,
			Event:    header,
		}
		writes[i] = write{
			msg: &nats.Msg{Subject: f.o.Layout.ReadySubject(endpoint), Header: d.Header(), Data: data},
			id:  d.ID.MessageID(0),
		}
	}
	return writes, nil
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

// tenantExists asks until there is an answer or ctx ends.
func (f *Fanout) tenantExists(ctx context.Context, tenant schemas.TenantID) (bool, error) {
	if f.o.Index.Knows(tenant) {
		return true, nil
	}
	for {
		exists, err := f.o.TenantExists(ctx, tenant)
		if err == nil {
			return exists, nil
		}
		f.o.Log.WarnContext(ctx, "fanout waits for the registry", "tenant", tenant, "error", err)
		if !pause(ctx) {
			return false, err
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
