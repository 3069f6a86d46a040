package producers

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"

	"github.com/tidings-dev/tidings/schemas"
)

// message is an event that is valid and encoded, ready to be sent, and sent
// again, unchanged.
type message struct {
	eventID string
	msg     *nats.Msg
	msgID   string
}

// message completes, validates and encodes an event.
func (p *Publisher) message(ctx context.Context, e schemas.Event) (*message, error) {
	if e.Context == nil {
		return nil, &PublishError{Err: schemas.Errorf(schemas.CodeInvalid, "event is empty: make it with cloudevents.NewEvent")}
	}
	if e.SpecVersion() == event.CloudEventsVersionV1 {
		e = p.complete(ctx, e)
	}
	if err := schemas.ValidateEvent(&e); err != nil {
		return nil, &PublishError{EventID: e.ID(), Err: err}
	}
	if limit := p.maxData(); len(e.DataEncoded) > limit {
		return nil, &PublishError{EventID: e.ID(), Err: schemas.Errorf(schemas.CodeInvalid,
			"data is %d bytes: use at most %d, or send a link to it", len(e.DataEncoded), limit)}
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return nil, &PublishError{EventID: e.ID(), Err: err}
	}
	return &message{
		eventID: e.ID(),
		msg:     &nats.Msg{Subject: schemas.EventSubject(p.o.Tenant, e.Type()), Header: header, Data: data},
		msgID:   schemas.EventMessageID(&e),
	}, nil
}

// complete fills in what the caller left out, on a copy.
func (p *Publisher) complete(ctx context.Context, e schemas.Event) schemas.Event {
	e.Context = e.Context.Clone()
	if e.ID() == "" {
		e.SetID(rand.Text())
	}
	if e.Source() == "" && p.o.Source != "" {
		e.SetSource(p.o.Source)
	}
	if e.Time().IsZero() {
		e.SetTime(time.Now().UTC())
	}
	trace(ctx, &e)
	return e
}

// trace writes the trace context of ctx into the event, unless its producer
// did (CloudEvents distributed-tracing extension: the starting trace stays).
func trace(ctx context.Context, e *schemas.Event) {
	const traceparent, tracestate = "traceparent", "tracestate"
	if _, ok := e.Extensions()[traceparent]; ok {
		return
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	for _, name := range []string{traceparent, tracestate} {
		if v := carrier[name]; v != "" {
			e.SetExtension(name, v)
		}
	}
}

// payloadReserve is what of the server's max_payload is left for headers, in
// bytes: the event's attributes, and what later stages add.
const payloadReserve = 64 << 10

// maxData is the largest data that travels all the way, in bytes.
func (p *Publisher) maxData() int {
	return min(p.o.MaxEventSize, int(p.nc.MaxPayload())-payloadReserve)
}

// PublishError is a publish that did not succeed.
type PublishError struct {
	EventID string
	// MaybeStored reports that the event may be in EVENTS all the same: it was
	// sent, and no answer came. Publishing the same event again within the
	// deduplication window is safe. False means that it is certainly not stored.
	MaybeStored bool
	Err         error
}

// Error says whether the event may be stored.
func (e *PublishError) Error() string {
	stored := "nothing was stored"
	if e.MaybeStored {
		stored = "it may have been stored; publish the same event again to be sure"
	}
	return fmt.Sprintf("publish event %q: %v (%s)", e.EventID, e.Err, stored)
}

// Unwrap is the cause.
func (e *PublishError) Unwrap() error { return e.Err }

func (m *message) failed(maybeStored bool, err error) *PublishError {
	return &PublishError{EventID: m.eventID, MaybeStored: maybeStored, Err: err}
}
