package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

// out is a delivery that is handed out, or lies in its queue.
type out struct {
	subject  string
	sequence uint64
	number   int               // of its attempt
	ack      string            // JetStream's subject for it
	delivery *schemas.Delivery // nil if it is not known yet
}

const (
	// settlers is how many receipts of a settlement are worked on at once.
	settlers = 16
	// settleTry bounds what one receipt may take.
	settleTry = 8 * time.Second
)

// Settle takes in what became of deliveries. Each receipt has its answer, in the order
// of acks, nacks and extensions.
func (d *Desk) Settle(ctx context.Context, tenant schemas.TenantID, id schemas.EndpointID, s schemas.Settlement) ([]schemas.Settled, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	t := d.o.Targets.Get(id)
	if t == nil || t.Tenant() != tenant || !t.Pulled() {
		return nil, schemas.Errorf(schemas.CodeConflict, "endpoint %s is not one to pull from: there is nothing to settle", id)
	}
	type job struct {
		receipt string
		do      func(context.Context, receipt, string) (schemas.Settled, error)
	}
	var jobs []job
	for _, r := range s.Ack {
		jobs = append(jobs, job{r, func(ctx context.Context, r receipt, subject string) (schemas.Settled, error) {
			return d.ack(ctx, r, subject)
		}})
	}
	for _, n := range s.Nack {
		jobs = append(jobs, job{n.Receipt, func(ctx context.Context, r receipt, subject string) (schemas.Settled, error) {
			return d.nack(ctx, t, r, subject, n)
		}})
	}
	for _, r := range s.Extend {
		jobs = append(jobs, job{r, func(ctx context.Context, r receipt, subject string) (schemas.Settled, error) {
			return d.extend(ctx, t, r, subject)
		}})
	}
	answers, free := make([]schemas.Settled, len(jobs)), make(chan struct{}, settlers)
	var wg sync.WaitGroup
	for i, j := range jobs {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			answers[i] = d.settleOne(ctx, tenant, id, j.receipt, j.do)
		})
	}
	wg.Wait()
	return answers, nil
}

// settleOne is one receipt's answer. What was begun is brought to its end if the caller
// goes away.
func (d *Desk) settleOne(ctx context.Context, tenant schemas.TenantID, id schemas.EndpointID, text string,
	do func(context.Context, receipt, string) (schemas.Settled, error),
) schemas.Settled {
	refusal := func(status schemas.SettledStatus, detail string) schemas.Settled {
		return schemas.Settled{Receipt: text, Status: status, Detail: detail}
	}
	r, err := readReceipt(text, d.o.Key, id)
	switch {
	case err != nil:
		return refusal(schemas.SettledInvalid, err.Error())
	case !time.Now().Before(r.until):
		return refusal(schemas.SettledExpired, fmt.Sprintf("it was good until %s: the delivery is handed out again, with another receipt; settle sooner, extend, or poll with a longer ack_wait", r.until.UTC().Format(time.RFC3339Nano)))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTry)
	defer cancel()
	answer, err := do(ctx, r, schemas.PullSubject(tenant, id))
	switch {
	case errors.Is(err, errGone):
		return refusal(schemas.SettledGone, "the delivery is not in the queue any more: it was settled before, or has died meanwhile")
	case err != nil:
		d.o.Log.WarnContext(ctx, "receipt not settled", "endpoint", id, "error", err)
		return refusal(schemas.SettledUnavailable, "it is not known whether it is settled: send the receipt again")
	}
	answer.Receipt = text
	return answer
}

// errGone means that the queue does not have the delivery.
var errGone = errors.New("it is gone")

// read reads the delivery of a receipt from its queue's leader.
func (d *Desk) read(ctx context.Context, r receipt, subject string) (out, error) {
	m, err := direct.At(ctx, d.nc, schemas.StreamPull, subject, r.sequence)
	switch {
	case err != nil:
		return out{}, err
	case m == nil:
		return out{}, errGone
	}
	delivery, err := schemas.ReadDelivery(subject, schemas.Header(m.Header), m.Data)
	if err != nil {
		return out{}, err
	}
	return out{subject, r.sequence, r.attempt, r.ack, delivery}, nil
}

func (r receipt) made(reason schemas.Reason, detail string) schemas.Attempt {
	return schemas.Attempt{
		Number: r.attempt, At: r.handed.UTC(), Duration: schemas.Duration(max(0, time.Since(r.handed))), Reason: reason, Detail: detail,
	}
}

func (d *Desk) ack(ctx context.Context, r receipt, subject string) (schemas.Settled, error) {
	o, err := d.read(ctx, r, subject)
	if err != nil {
		return schemas.Settled{}, err
	}
	d.record(ctx, o, r.made(schemas.ReasonOK, ""), schemas.Outcome{Kind: schemas.Delivered, Reason: schemas.ReasonOK})
	fault.Here(fault.PullTold)
	return schemas.Settled{Status: schemas.SettledDelivered}, d.answer(ctx, r.ack, "+ACK")
}

// extend gives more time for a delivery, but not beyond the first hand-out's worth after
// its max_age: then the keeper lets it die.
func (d *Desk) extend(ctx context.Context, t *attempt.Target, r receipt, subject string) (schemas.Settled, error) {
	now := time.Now()
	o, err := d.read(ctx, r, subject)
	if err != nil {
		return schemas.Settled{}, err
	}
	if err := d.answer(ctx, r.ack, "+WPI"); err != nil {
		return schemas.Settled{}, err
	}
	id := o.delivery.Endpoint
	c, err := d.js.Consumer(ctx, schemas.StreamPull, schemas.PullConsumer(id))
	if err != nil {
		return schemas.Settled{}, err
	}
	hold := c.CachedInfo().Config.AckWait - margin
	until := now.Add(hold)
	if dies := t.Dies(o.delivery); !dies.IsZero() && until.After(dies.Add(hold)) {
		until = slices.MaxFunc([]time.Time{dies.Add(hold), r.until}, time.Time.Compare)
	}
	r.until = until
	return schemas.Settled{
		Status: schemas.SettledExtended, Renewed: r.write(d.o.Key, id), Until: r.until.UTC().Truncate(time.Millisecond),
	}, nil
}

// nack is what a failed attempt is to the dispatcher: another one by the schedule, or
// the end.
func (d *Desk) nack(ctx context.Context, t *attempt.Target, r receipt, subject string, n schemas.Nack) (schemas.Settled, error) {
	o, err := d.read(ctx, r, subject)
	if err != nil {
		return schemas.Settled{}, err
	}
	made := r.made(schemas.ReasonNacked, cmp.Or(n.Reason, "whoever pulled it gave it back"))
	verdict := t.Failed(o.delivery, r.attempt, made.Reason, made.Detail)
	if verdict.Kind == schemas.Dead {
		return schemas.Settled{Status: schemas.SettledDead, Reason: verdict.Reason, Detail: verdict.Detail}, d.die(ctx, o, made, verdict)
	}
	if n.After != nil {
		verdict.After = n.After.Std()
	}
	made.Detail = verdict.Detail
	answer := schemas.Settled{Status: schemas.SettledRetry, Next: time.Now().Add(verdict.After).UTC().Truncate(time.Millisecond)}
	if t.FIFO() {
		d.record(ctx, o, made, verdict)
		fault.Here(fault.PullKept)
		return answer, d.answer(ctx, r.ack, fmt.Sprintf(`-NAK {"delay": %d}`, verdict.After.Nanoseconds()))
	}
	if err := d.putBack(ctx, o, made, verdict.After); err != nil {
		return schemas.Settled{}, err
	}
	fault.Here(fault.PullPutBack)
	d.record(ctx, o, made, verdict)
	return answer, d.answer(ctx, r.ack, "+ACK")
}

// putBack stores the delivery for its next attempt, which the dispatcher brings here
// when it is due.
func (d *Desk) putBack(ctx context.Context, o out, made schemas.Attempt, after time.Duration) error {
	next := advance(o.delivery, made)
	next.Sequence = o.sequence
	l, h := d.o.Layout, nats.Header(next.Header())
	m := &nats.Msg{Subject: l.ReadySubject(next.Endpoint), Header: h, Data: next.Body()}
	if after > 0 {
		h.Set(jetstream.ScheduleHeader, "@at "+time.Now().Add(after).UTC().Format(scheduleFormat))
		h.Set(jetstream.ScheduleTargetHeader, m.Subject)
		m.Subject = l.LaterSubject(next.Endpoint, next.ID)
	}
	return d.store(ctx, m, next.MessageID())
}

// scheduleFormat has nanoseconds: a whole second would fire up to a second early.
const scheduleFormat = "2006-01-02T15:04:05.000000000Z07:00"

// advance is the delivery after an attempt; the same if there was none.
func advance(d *schemas.Delivery, made schemas.Attempt) *schemas.Delivery {
	next := *d
	if made.Number > 0 {
		next.Attempts = made.Number
		next.History = schemas.AppendHistory(next.History, made)
	}
	return &next
}

// die stores a delivery's dead letter and lets it go. Made is its last attempt, or
// nothing.
func (d *Desk) die(ctx context.Context, o out, made schemas.Attempt, verdict schemas.Outcome) error {
	if err := d.bury(ctx, o, made, verdict); err != nil {
		return err
	}
	return d.answer(ctx, o.ack, "+ACK")
}

// bury is die without letting it go.
func (d *Desk) bury(ctx context.Context, o out, made schemas.Attempt, verdict schemas.Outcome) error {
	next := advance(o.delivery, made)
	m := &nats.Msg{
		Subject: schemas.DeadSubject(next.Tenant, next.Endpoint),
		Header:  nats.Header(schemas.DeadDelivery(next, verdict)),
		Data:    next.Body(),
	}
	if err := d.store(ctx, m, next.DeadID()); err != nil {
		return err
	}
	fault.Here(fault.PullBuried)
	d.record(ctx, o, made, verdict)
	return nil
}

func (d *Desk) store(ctx context.Context, m *nats.Msg, id string) error {
	if _, err := d.js.PublishMsg(ctx, m, jetstream.WithMsgID(id)); err != nil {
		return fmt.Errorf("store %s: %w", m.Subject, err)
	}
	return nil
}

// answer tells JetStream what became of a hand-out, and waits until it knows.
func (d *Desk) answer(ctx context.Context, subject, word string) error {
	if _, err := d.nc.RequestWithContext(ctx, subject, []byte(word)); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}

// record tells the journal of an outcome, and waits until it has it, or for as long as
// the journal lets anybody wait.
func (d *Desk) record(ctx context.Context, o out, made schemas.Attempt, verdict schemas.Outcome) {
	written := make(chan struct{})
	d.journal(o, made, verdict, func() { close(written) })
	select {
	case <-written:
	case <-ctx.Done():
	}
}

func (d *Desk) journal(o out, made schemas.Attempt, verdict schemas.Outcome, written func()) {
	r := &schemas.AttemptRecord{
		Delivery: o.delivery.ID, Endpoint: o.delivery.Endpoint, Event: o.delivery.Summary(),
		Attempt: made, Kind: verdict.Kind, Reason: verdict.Reason, Dispatcher: d.o.Name,
	}
	if made.Number == 0 {
		r.Attempt.At, r.Attempt.Detail = time.Now().UTC(), verdict.Detail
	}
	if o.delivery.Replay != nil {
		r.Replay = o.delivery.Replay.Asked
	}
	if verdict.Kind == schemas.Retry {
		r.Next = time.Now().Add(verdict.After).UTC()
	}
	d.o.Observe(o.delivery.Tenant, r)
	d.o.Journal(o.delivery.Tenant, schemas.Record{Attempt: r}, written)
}
