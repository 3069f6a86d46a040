package producers

import (
	"context"
	"errors"
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
	case <-ctx.Done():
		return Receipt{}, f.m.failed(true, context.Cause(ctx))
	}
}

// retryPause is how long to wait before an event is sent again.
const retryPause = 100 * time.Millisecond

// send publishes m, for which the caller took a slot. The goroutine it starts
// ends with the future, at the latest when the time to try is over.
func (p *Publisher) send(ctx context.Context, m *message) *Future {
	f := &Future{m: m, done: make(chan struct{})}
	ack, err := p.publish(m)
	go func() {
		defer func() { <-p.slots }()
		defer close(f.done)
		f.receipt, f.err = p.settle(ctx, m, ack, err)
	}()
	return f
}

// publish sends a copy of the message's header, which the client writes into.
func (p *Publisher) publish(m *message) (jetstream.PubAckFuture, error) {
	header := make(nats.Header, len(m.msg.Header)+1)
	for name, v := range m.msg.Header {
		header[name] = v
	}
	return p.js.PublishMsgAsync(&nats.Msg{Subject: m.msg.Subject, Header: header, Data: m.msg.Data},
		jetstream.WithMsgID(m.msgID), jetstream.WithRetryAttempts(0), jetstream.WithStallWait(p.o.AckTimeout))
}

// settle waits for the acknowledgement and sends again, under the same id,
// until there is one, the server refuses, or the time to try is over.
func (p *Publisher) settle(ctx context.Context, m *message, ack jetstream.PubAckFuture, err error) (Receipt, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.o.GiveUp)
		defer cancel()
	}
	sent := false // one try at least reached the connection and got no refusal
	for {
		if err == nil {
			select {
			case a := <-ack.Ok():
				return received(m, a)
			case err = <-ack.Err():
			case <-ctx.Done():
				return Receipt{}, m.failed(true, context.Cause(ctx))
			}
		}
		verdict := judge(err)
		sent = sent || verdict == unknown
		if verdict == refused {
			return Receipt{}, m.failed(sent, err)
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return Receipt{}, m.failed(sent, errors.Join(context.Cause(ctx), err))
		}
		ack, err = p.publish(m)
	}
}

func received(m *message, a *jetstream.PubAck) (Receipt, error) {
	if a.Stream != schemas.StreamEvents {
		return Receipt{}, m.failed(false, schemas.Errorf(schemas.CodeConflict,
			"subject %q belongs to stream %s of this NATS account, not to Tidings: check the account", m.msg.Subject, a.Stream))
	}
	return Receipt{Sequence: a.Sequence, Duplicate: a.Duplicate}, nil
}

// verdict is what a failed try says of the event.
type verdict int

const (
	refused   verdict = iota // not stored, and never will be
	notStored                // not stored; try again
	unknown                  // sent, no answer; try again
)

func judge(err error) verdict {
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.Code >= 500:
		return notStored // the server is busy, full or without a leader
	case errors.As(err, &api):
		return refused
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse),
		errors.Is(err, jetstream.ErrTooManyStalledMsgs), errors.Is(err, nats.ErrReconnectBufExceeded):
		return notStored
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrMaxPayload),
		errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrPermissionViolation):
		return refused
	}
	return unknown
}
