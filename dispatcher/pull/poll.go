package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

const (
	// chunk is how many deliveries are fetched at once, and enough how many bytes of
	// bodies one poll answers with, but for the last chunk.
	chunk  = 10
	enough = 4 << 20
	// look is how often a poll sees whether an endpoint is paused by now, or no longer,
	// and whether the process stops.
	look = 2 * time.Second
)

// Poll hands out what is due for an endpoint. It waits for the first delivery as long
// as it is asked to, and for no other. An endpoint that is paused has nothing.
func (d *Desk) Poll(ctx context.Context, tenant schemas.TenantID, id schemas.EndpointID, ask schemas.Poll) ([]schemas.Pulled, error) {
	if err := ask.Validate(); err != nil {
		return nil, err
	}
	ask.Max = cmp.Or(ask.Max, schemas.DefaultPoll)
	until := time.Now().Add(ask.Wait.Std())
	for {
		t := d.o.Targets.Get(id)
		if t == nil || t.Tenant() != tenant || !t.Pulled() {
			return nil, schemas.Errorf(schemas.CodeConflict, "endpoint %s is not one to pull from: make one with \"pull\": true", id)
		}
		left := max(0, time.Until(until))
		var found []schemas.Pulled
		var err error
		if !t.Paused() {
			found, err = d.batch(ctx, t, id, ask, min(left, look))
		}
		if ctx.Err() != nil {
			d.takeBack(id, found)
			return nil, ctx.Err()
		}
		if len(found) > 0 {
			fault.Here(fault.PullHanded)
		}
		if len(found) > 0 || left == 0 || d.ending() {
			return found, err
		}
		if (t.Paused() || err != nil) && !d.rest(ctx, min(left, look)) {
			return nil, err
		}
	}
}

// takeBack gives what nobody waits for any more to the next who polls, at once.
func (d *Desk) takeBack(id schemas.EndpointID, found []schemas.Pulled) {
	for _, p := range found {
		if r, err := readReceipt(p.Receipt, d.o.Key, id); err == nil {
			_ = d.nc.Publish(r.ack, []byte("-NAK")) // a lost one costs the ack wait
		}
	}
}

// rest reports whether a poll goes on after some time.
func (d *Desk) rest(ctx context.Context, some time.Duration) bool {
	select {
	case <-time.After(some):
		return true
	case <-d.closed:
		return false
	case <-ctx.Done():
		return false
	}
}

func (d *Desk) ending() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

// batch hands out up to so many deliveries, and waits up to so long for the first.
func (d *Desk) batch(ctx context.Context, t *attempt.Target, id schemas.EndpointID, ask schemas.Poll, wait time.Duration) ([]schemas.Pulled, error) {
	consumer, err := d.consumer(ctx, t.Tenant(), id, t.FIFO(), ask.AckWait.Std())
	if err != nil {
		return nil, err
	}
	hold := consumer.CachedInfo().Config.AckWait - margin
	if t.FIFO() { // who asks for more than there may be waits a second for it in vain
		ask.Max = 1
	}
	var found []schemas.Pulled
	// A queue in which all die is not gone through at once, however long it is.
	for size, began := 0, time.Now(); len(found) < ask.Max && size < enough && time.Since(began) <= look; wait = 0 {
		some := min(chunk, ask.Max-len(found))
		messages, err := fetch(consumer, some, wait)
		if err != nil && len(messages) == 0 {
			d.forget(id)
			if len(found) == 0 {
				return nil, schemas.Errorf(schemas.CodeUnavailable, "the endpoint's queue cannot be read now: poll again: %w", err)
			}
			break
		}
		failed := 0
		for _, m := range messages {
			p, err := d.handOut(ctx, t, m, hold)
			switch {
			case err != nil: // it comes again after the ack wait; sooner would be in vain, as a rule
				d.o.Log.WarnContext(ctx, "delivery not handed out", "subject", m.Subject(), "error", err)
				failed++
			case p != nil:
				found = append(found, *p)
				size += len(p.Body) + len(p.BodyBase64)
			}
		}
		if len(messages) < some || failed > 0 {
			break
		}
	}
	return found, nil
}

// fetch takes up to so many messages, and waits up to so long for the first.
func fetch(c jetstream.Consumer, most int, wait time.Duration) ([]jetstream.Msg, error) {
	if most == 1 && wait > 0 {
		return all(c.Fetch(1, jetstream.FetchMaxWait(wait)))
	}
	messages, err := all(c.FetchNoWait(most))
	if err != nil || len(messages) > 0 || wait <= 0 {
		return messages, err
	}
	messages, err = all(c.Fetch(1, jetstream.FetchMaxWait(wait)))
	if err != nil || len(messages) == 0 {
		return messages, err
	}
	more, _ := all(c.FetchNoWait(most - 1)) // or they come with the next poll
	return append(messages, more...), nil
}

func all(batch jetstream.MessageBatch, err error) (messages []jetstream.Msg, _ error) {
	if err != nil {
		return nil, err
	}
	for m := range batch.Messages() {
		messages = append(messages, m)
	}
	return messages, batch.Error()
}

// handOut makes a delivery ready for its receiver; nil if it dies instead. What was
// handed out before, and is here again, was not settled in time.
func (d *Desk) handOut(ctx context.Context, t *attempt.Target, m jetstream.Msg, hold time.Duration) (*schemas.Pulled, error) {
	handed := time.Now()
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	o := out{subject: m.Subject(), sequence: meta.Sequence.Stream, ack: m.Reply()}
	delivery, err := schemas.ReadDelivery(m.Subject(), schemas.Header(m.Headers()), m.Data())
	if err != nil {
		return nil, d.buryUnread(ctx, m, o, err)
	}
	o.delivery, o.number = delivery, delivery.Attempts+int(meta.NumDelivered) //nolint:gosec // fewer than would take a year
	if meta.NumDelivered > 1 {
		if dead, err := d.unanswered(ctx, t, o, hold); dead || err != nil {
			return nil, err
		}
	}
	request, verdict, err := d.maker.Compose(ctx, t, delivery)
	if err != nil {
		return nil, err
	}
	if verdict != nil {
		return nil, d.die(ctx, o, schemas.Attempt{}, *verdict)
	}
	until := handed.Add(hold)
	r := receipt{sequence: o.sequence, attempt: o.number, handed: handed, until: until, ack: o.ack}
	event := delivery.Summary()
	event.Size = delivery.Size()
	p := &schemas.Pulled{
		ID: delivery.ID, Attempt: o.number, Event: event, Headers: single(request.Header),
		Receipt: r.write(d.o.Key, delivery.Endpoint), Until: until.UTC().Truncate(time.Millisecond),
	}
	if utf8.Valid(request.Body) {
		p.Body = string(request.Body)
	} else {
		p.BodyBase64 = request.Body
	}
	return p, nil
}

// unanswered tells of the hand-out before this one, whose time ran out, and reports
// whether it was the last that the schedule allows. In an ordered queue it may have
// been nacked instead, which is told then.
func (d *Desk) unanswered(ctx context.Context, t *attempt.Target, o out, hold time.Duration) (dead bool, err error) {
	made := schemas.Attempt{
		Number: o.number - 1, At: time.Now().Add(-hold).UTC(), Duration: schemas.Duration(hold), Reason: schemas.ReasonTimeout,
		Detail: fmt.Sprintf("whoever pulled it went away, or did not settle it within %s nor asked for more time", hold),
	}
	verdict := t.Failed(o.delivery, made.Number, made.Reason, made.Detail)
	if verdict.Kind == schemas.Dead && verdict.Reason != schemas.ReasonTooOld { // its age is judged as it is now
		return true, d.die(ctx, o, made, verdict)
	}
	if !t.FIFO() {
		verdict.After = 0
		d.journal(o, made, schemas.Outcome{Kind: schemas.Retry, Reason: made.Reason}, func() {})
	}
	return false, nil
}

// single is a header with one value for each name, as a receiver reads it.
func single(h http.Header) map[string]string {
	s := make(map[string]string, len(h))
	for name, values := range h {
		s[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return s
}

func isNotFound(err error) bool {
	return errors.Is(err, jetstream.ErrConsumerNotFound)
}

// buryUnread stores what is no delivery as a dead letter. Only another program can have
// written it, or another version of this one.
func (d *Desk) buryUnread(ctx context.Context, m jetstream.Msg, o out, cause error) error {
	const tenant = "unknown"
	d.o.Log.ErrorContext(ctx, "delivery unreadable", "subject", o.subject, "sequence", o.sequence, "error", cause)
	letter := &nats.Msg{
		Subject: schemas.DeadSubject(tenant, schemas.QueueEndpoint(o.subject)),
		Header:  nats.Header(schemas.DeadEvent(schemas.Header(m.Headers()), tenant, schemas.ReasonUnreadable, cause.Error())),
		Data:    m.Data(),
	}
	if err := d.store(ctx, letter, fmt.Sprintf("%s.%d.unreadable", schemas.StreamPull, o.sequence)); err != nil {
		return err
	}
	return d.answer(ctx, o.ack, "+ACK")
}
