package producers

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// message is an event that is valid and encoded, ready to be sent, and sent
// again, unchanged.
type message struct {
	event schemas.Event
	msg   *nats.Msg
	span  span // ends when the event is stored or given up
}

// message completes, validates and encodes an event, under the span that ends when
// the event is stored.
func (p *Publisher) message(ctx context.Context, e schemas.Event) (*message, error) {
	ctx, s := p.begin(ctx, e)
	m, err := p.encode(ctx, e)
	if err != nil {
		s.end(err)
		return nil, err
	}
	m.span = s
	m.describe(p.o.Tenant)
	return m, nil
}

// encode completes, validates and encodes an event.
func (p *Publisher) encode(ctx context.Context, e schemas.Event) (*message, error) {
	if e.Context == nil {
		return nil, notSent(e, schemas.Errorf(schemas.CodeInvalid, "event is empty: make it with cloudevents.NewEvent"))
	}
	if e.SpecVersion() == event.CloudEventsVersionV1 && len(e.FieldErrors) == 0 {
		e = p.complete(ctx, e)
		if e.Source() == "" {
			return nil, notSent(e, schemas.Errorf(schemas.CodeInvalid, "event has no source: set it, or Options.Source of the publisher"))
		}
	}
	if err := schemas.ValidateEvent(&e); err != nil {
		return nil, notSent(e, err)
	}
	if limit := p.maxData(); len(e.DataEncoded) > limit {
		return nil, notSent(e, schemas.Errorf(schemas.CodeInvalid,
			"data is %d bytes: use at most %d, or send a link to it", len(e.DataEncoded), limit))
	}
	if err := p.conforms(&e); err != nil {
		return nil, notSent(e, err)
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return nil, notSent(e, err)
	}
	header[jetstream.MsgIDHeader] = []string{deduplicationID(p.o.Tenant, &e)}
	return &message{event: e, msg: &nats.Msg{Subject: schemas.EventSubject(p.o.Tenant, e.Type()), Header: header, Data: data}}, nil
}

// conforms holds the event's data to the schema of its type, if the publisher
// is to refuse what breaks it.
func (p *Publisher) conforms(e *schemas.Event) error {
	if p.o.Validation != schemas.ValidationReject {
		return nil
	}
	known := p.o.Catalogue.Find(p.o.Tenant, e.Type())
	if known == nil {
		return nil
	}
	return known.Validate(e.DataEncoded)
}

// deduplicationID keeps tenants apart, who share EVENTS and may choose the same
// source and id.
func deduplicationID(tenant schemas.TenantID, e *schemas.Event) string {
	return string(tenant) + " " + schemas.EventMessageID(e)
}

// complete fills in what the caller left out, on a copy.
func (p *Publisher) complete(ctx context.Context, e schemas.Event) schemas.Event {
	e.Context = e.Context.Clone()
	e.FieldErrors = nil // empty, and the setters would write to the caller's map
	if e.ID() == "" {
		e.SetID(rand.Text())
	}
	if e.Source() == "" && p.o.Source != "" {
		e.SetSource(p.o.Source)
	}
	if e.Time().IsZero() {
		e.SetTime(time.Now().UTC())
	}
	tracing.Inject(ctx, &e)
	return e
}

// payloadReserve is what of the server's max_payload is left for headers, in
// bytes: the event's attributes, and what later stages add.
const payloadReserve = 64 << 10

// maxData is the largest data that travels all the way, in bytes.
func (p *Publisher) maxData() int {
	payload := int(p.nc.MaxPayload())
	if payload == 0 { // not connected yet
		return p.o.MaxEventSize
	}
	return min(p.o.MaxEventSize, payload-payloadReserve)
}

// PublishError is a publish that did not succeed.
type PublishError struct {
	// Event is the event with what the publisher filled in, its id above all:
	// publish this one to try again.
	Event schemas.Event
	// MaybeStored reports that the event may be in EVENTS all the same: it was
	// sent, and no answer came. Publishing Event again within the deduplication
	// window is safe. False means that it is certainly not stored.
	MaybeStored bool
	Err         error
}

// Error says whether the event may be stored.
func (e *PublishError) Error() string {
	what := "event"
	if t := e.Event.Type(); t != "" {
		what = t
	}
	if id := e.Event.ID(); id != "" {
		what = fmt.Sprintf("%s %q", what, id)
	}
	stored := "nothing was stored"
	if e.MaybeStored {
		stored = "it may have been stored; publish the same event again to be sure"
	}
	return fmt.Sprintf("publish %s: %v (%s)", what, e.Err, stored)
}

// Unwrap is the cause.
func (e *PublishError) Unwrap() error { return e.Err }

func notSent(e schemas.Event, err error) *PublishError { return &PublishError{Event: e, Err: err} }

func (m *message) failed(maybeStored bool, err error) *PublishError {
	return &PublishError{Event: m.event, MaybeStored: maybeStored, Err: err}
}
