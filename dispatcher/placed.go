package dispatcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/schemas"
)

// place is where a delivery goes that is to wait in the queue: into it, or among
// the dead letters if it would make the queue longer than its endpoint's policy
// allows. The caller holds mu.
func (q *heldQueue) place(d *schemas.Delivery) placed {
	o := q.lane.p.d.o
	if t := o.Targets.Get(d.Endpoint); t != nil && q.length >= t.MaxHeld() {
		const detail = "%d deliveries wait for the endpoint, as many as its max_held allows: raise it, or have the endpoint take them, then replay"
		outcome := schemas.Outcome{Kind: schemas.Dead, Reason: schemas.ReasonQueueFull, Detail: fmt.Sprintf(detail, q.length)}
		return placed{dead: &outcome, delivery: d, stored: func() {
			r := Report{d, attempt.Result{Outcome: outcome}}
			q.lane.p.d.tellUnattempted(r)
			o.Observe(r)
			q.lane.p.journal(r, func() {})
		}}
	}
	q.length++
	m := &nats.Msg{Subject: q.subject, Header: nats.Header(d.Header()), Data: d.Body()}
	return placed{msg: m, id: d.MessageID() + ".held", stored: func() {}, counted: true}
}

// uncount corrects the queue's length if what was placed is not there once more.
// The caller holds mu.
func (q *heldQueue) uncount(to placed, isNot bool) {
	if isNot && to.counted {
		q.length--
	}
}

// placed is a message to store, or a delivery to bury, and what to do once it is.
type placed struct {
	msg      *nats.Msg
	id       string
	dead     *schemas.Outcome // why delivery is to be buried; nil for msg
	delivery *schemas.Delivery
	stored   func()
	counted  bool // in the queue's length
}

// errLater is of what takes longer than to be sent.
var errLater = errors.New("not sent yet")

// send sends what was placed; put waits until it is stored. A dead letter may
// have to be completed first, so it is not sent.
func (d *Dispatcher) send(to placed) (jetstream.PubAckFuture, error) {
	if to.dead != nil {
		return nil, errLater
	}
	return d.js.PublishMsgAsync(to.msg, jetstream.WithMsgID(to.id))
}

func (d *Dispatcher) put(ctx context.Context, to placed) (twice bool, err error) {
	if to.dead != nil {
		return false, d.bury(ctx, to.delivery, *to.dead)
	}
	return d.storeOnce(ctx, to.msg, to.id)
}
