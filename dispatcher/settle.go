package dispatcher

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

// settle makes the outcome of an attempt last. When it returns nil the stored
// delivery may go: it was taken, or what comes next is stored.
func (p *partition) settle(ctx context.Context, r Report) error {
	d, next := p.d, advance(r)
	switch r.Outcome.Kind {
	case schemas.Delivered:
		fault.Here(fault.AttemptDelivered)
		return nil
	case schemas.Retry:
		fault.Here(fault.AttemptFailed)
		if err := d.store(ctx, d.later(&next, r.Outcome.After), next.MessageID()); err != nil {
			return err
		}
		fault.Here(fault.RetryStored)
		return nil
	default:
		fault.Here(fault.AttemptLast)
		if err := d.bury(ctx, &next, r.Outcome); err != nil {
			return err
		}
		fault.Here(fault.DeadStored)
		if r.Outcome.Reason == schemas.ReasonGone || r.Outcome.Reason == schemas.ReasonStatusDisables {
			return p.failing.Disable(ctx, r.Delivery, r.Attempt, r.Outcome.Reason)
		}
		return nil
	}
}

// advance is the delivery after its attempt. After the first it is the same step whatever
// that was made from: an express delivery has no message, and is stored in its stead after
// a crash.
func advance(r Report) schemas.Delivery {
	next := *r.Delivery
	if next.Attempts == 0 {
		next.Sequence = 0
	}
	if r.Attempt.Number > 0 {
		next.Attempts = r.Attempt.Number
		next.History = schemas.AppendHistory(next.History, r.Attempt)
	}
	return next
}

// later is the delivery as JetStream will put it back on the endpoint's queue.
// The time has nanoseconds: a whole second would fire up to a second early.
func (d *Dispatcher) later(next *schemas.Delivery, after time.Duration) *nats.Msg {
	at := d.clock.now().Add(after).UTC().Format(scheduleFormat)
	h := nats.Header(next.Header())
	h.Set(jetstream.ScheduleHeader, "@at "+at)
	h.Set(jetstream.ScheduleTargetHeader, d.o.Layout.ReadySubject(next.Endpoint))
	return &nats.Msg{Subject: d.o.Layout.LaterSubject(next.Endpoint, next.ID), Header: h, Data: next.Body()}
}

const scheduleFormat = "2006-01-02T15:04:05.000000000Z07:00"

// bury stores a delivery's dead letter. It outlives the event in EVENTS, so it
// has the data, unless EVENTS no longer does.
func (d *Dispatcher) bury(ctx context.Context, next *schemas.Delivery, o schemas.Outcome) error {
	whole, err := d.bodies.Load(ctx, next)
	switch {
	case err == nil:
		next = whole
	case !schemas.HasCode(err, schemas.CodeNotFound):
		return err
	}
	return d.store(ctx, buried(next, o), next.DeadID())
}

func buried(next *schemas.Delivery, o schemas.Outcome) *nats.Msg {
	return &nats.Msg{
		Subject: schemas.DeadSubject(next.Tenant, next.Endpoint),
		Header:  nats.Header(schemas.DeadDelivery(next, o)),
		Data:    next.Body(),
	}
}

// store publishes until JetStream has the message, or ctx ends.
func (d *Dispatcher) store(ctx context.Context, m *nats.Msg, id string) error {
	_, err := d.storeOnce(ctx, m, id)
	return err
}

// storeOnce is store; twice tells that JetStream had the message before.
func (d *Dispatcher) storeOnce(ctx context.Context, m *nats.Msg, id string) (twice bool, err error) {
	tries := 0
	err = persist.Do(ctx, d.o.Log, "store "+m.Subject, func(ctx context.Context) error {
		tries++
		ack, err := d.js.PublishMsg(ctx, m, jetstream.WithMsgID(id))
		twice = err == nil && ack.Duplicate && tries == 1 // or it may be from here
		return err
	})
	return twice, err
}
