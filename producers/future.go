package producers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Future is an event on its way to EVENTS.
type Future struct {
	m       *message
	done    chan struct{} // closed once receipt and err are set
	receipt Receipt
	err     error
}

// Done is closed when the event is stored or given up.
func (f *Future) Done() <-chan struct{} { return f.done }

// Wait waits for the event to be stored or given up. If ctx ends first, the
// event is still under way.
func (f *Future) Wait(ctx context.Context) (Receipt, error) {
	select {
	case <-f.done:
		return f.receipt, f.err
	default:
	}
	select {
	case <-f.done:
		return f.receipt, f.err
	case <-ctx.Done():
		return Receipt{}, f.m.failed(true, context.Cause(ctx))
	}
}

// retryPause is how long to wait before an event is sent again.
const retryPause = 100 * time.Millisecond

// send takes a slot and publishes m. The goroutine it starts ends with the
// future, at the latest when the time to try is over.
func (p *Publisher) send(ctx context.Context, m *message) (*Future, error) {
	if !p.slot(ctx) {
		err := m.failed(false, context.Cause(ctx))
		m.span.end(err)
		return nil, err
	}
	f := &Future{m: m, done: make(chan struct{})}
	ack, err := p.publish(m) // here, not in the goroutine: that keeps the caller's order
	go func() {
		defer func() { <-p.slots }()
		defer close(f.done)
		f.receipt, f.err = p.settle(ctx, m, ack, err)
		m.span.end(f.err)
	}()
	return f, nil
}

// slot takes a slot, unless ctx ends before there is one.
func (p *Publisher) slot(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case p.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *Publisher) publish(m *message) (jetstream.PubAckFuture, error) {
	return p.js.PublishMsgAsync(m.msg, jetstream.WithRetryAttempts(0))
}

// settle waits for the acknowledgement and sends again, under the same id,
// until there is one, the server refuses, or the time to try is over. ack and
// sendErr are of the first try, whose answer comes within AckTimeout.
func (p *Publisher) settle(ctx context.Context, m *message, ack jetstream.PubAckFuture, sendErr error) (Receipt, error) {
	began := time.Now()
	maybe := false // a try is without an answer
	var last error // of the tries before
	for {
		err, v := sendErr, p.judgeSend(sendErr)
		if sendErr == nil {
			select {
			case a := <-ack.Ok():
				return received(m, a)
			case err = <-ack.Err():
				v = judgeAnswer(err)
				err = explained(err)
			case <-ctx.Done():
				return Receipt{}, m.failed(true, ended(ctx, last))
			}
		}
		last = err
		if v == unknown {
			if stored, denial := p.denied(m); denial != nil {
				return Receipt{}, m.failed(maybe || stored, denial)
			}
			maybe = true
		}
		if v == refused {
			return Receipt{}, m.failed(maybe, err)
		}
		if _, ok := ctx.Deadline(); !ok { // only now: most events need none
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadlineCause(ctx, began.Add(p.o.GiveUp), p.gaveUp)
			defer cancel()
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return Receipt{}, m.failed(maybe, ended(ctx, last))
		}
		ack, sendErr = p.publish(m)
	}
}

// ended is why ctx ended, and how the last try that did had.
func ended(ctx context.Context, last error) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w; the last try: %w", context.Cause(ctx), last)
}

// denied is what the server has said of the user's rights, which it says apart from
// any answer: that it may not publish m, or, when m may be stored, not hear of that.
func (p *Publisher) denied(m *message) (stored bool, denial error) {
	err := p.nc.LastError()
	switch {
	case !errors.Is(err, nats.ErrPermissionViolation):
		return false, nil
	case strings.Contains(err.Error(), `Publish to "`+m.msg.Subject+`"`):
		return false, schemas.Errorf(schemas.CodeForbidden, "the NATS user has no right to publish to %q: connect as one that may publish events of the tenant", m.msg.Subject)
	case strings.Contains(err.Error(), "Subscription to"):
		return true, schemas.Errorf(schemas.CodeForbidden, "the NATS user has no right to hear the answer (%w): connect with nats.CustomInboxPrefix, or give it the right to subscribe to _INBOX.>", err)
	}
	return false, nil
}

func received(m *message, a *jetstream.PubAck) (Receipt, error) {
	if a.Stream != schemas.StreamEvents {
		return Receipt{}, m.failed(false, schemas.Errorf(schemas.CodeConflict,
			"subject %q belongs to stream %s of this NATS account, not to Tidings: check the account", m.msg.Subject, a.Stream))
	}
	return Receipt{EventID: m.event.ID(), Sequence: a.Sequence, Duplicate: a.Duplicate}, nil
}

// verdict is what a failed try says of the event.
type verdict int

const (
	refused   verdict = iota // not stored, and never will be
	notStored                // not stored; try again
	unknown                  // sent, no answer; try again
)

// judgeSend is for an error the client itself returned.
func (p *Publisher) judgeSend(err error) verdict {
	switch {
	case p.nc.IsClosed(), p.nc.IsDraining(), // whose errors the client wraps as text at times
		errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrHeadersNotSupported):
		return refused
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return notStored
	}
	return unknown // the connection may have broken after the last byte
}

// duplicateInProcess is JetStream's error code while an earlier try is on its
// way through a cluster: neither stored nor lost yet.
const duplicateInProcess = 10158

// explained says what to do about an answer, where that is known.
func explained(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && schemas.IsFull(uint16(api.ErrorCode)) {
		return schemas.Errorf(schemas.CodeFull, "the storage is full: make room on the broker's disk, or raise the limits of EVENTS or JetStream: %w", err)
	}
	return err
}

// judgeAnswer is for an error in an acknowledgement's place.
func judgeAnswer(err error) verdict {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return notStored
	case !errors.As(err, &api), api.ErrorCode == duplicateInProcess:
		return unknown
	case api.Code >= 500:
		return notStored // the server is busy, full or without a leader
	}
	return refused
}
