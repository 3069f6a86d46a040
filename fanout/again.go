package fanout

import (
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// Past reads an event of a tenant as EVENTS holds it, to deliver it once more. An
// error with [schemas.CodeNotFound] means that the message is none of its events.
func Past(types *catalogue.Catalogue, m *jetstream.RawStreamMsg, tenant schemas.TenantID) (PastEvent, error) {
	at := stored{m.Subject, m.Header, m.Data, m.Sequence, m.Time}
	id, published, err := schemas.StoredEvent(at.subject)
	if err != nil || id != tenant {
		return PastEvent{}, schemas.Errorf(schemas.CodeNotFound, "it is no event of the tenant")
	}
	e, err := read(types, at, tenant, published)
	if err != nil {
		return PastEvent{}, schemas.Errorf(schemas.CodeNotFound, "it is no event: %w", err)
	}
	return PastEvent{at, e}, nil
}

// PastEvent is an event that was matched before.
type PastEvent struct {
	at stored
	e  Event
}

// Goes reports whether it would go to an endpoint if it came now.
func (p PastEvent) Goes(index *Index, to schemas.EndpointID) bool {
	e := p.e
	e.Sequence = math.MaxUint64 // after all history
	return slices.Contains(index.Match(nil, e), to)
}

// To is its delivery to an endpoint, which may have had it before, whatever
// subscriptions say now. Its spans are linked to the one that the event was created in.
func (p PastEvent) To(to schemas.EndpointID, replay *schemas.Replay) *schemas.Delivery {
	d := delivery(p.at, p.e, to, 1).delivery
	d.Replay = replay
	d.Trace = tracing.Parent(tracing.OfMessage(p.at.header, p.at.data, p.at.at, time.Now()).Span)
	return d
}

// Record is what the delivery log keeps of its delivery to an endpoint that it did
// not go to when it came.
func (p PastEvent) Record(to schemas.EndpointID) schemas.Record {
	record := recordOf(p.at, p.e.Header, len(p.e.Data))
	record.Endpoints, record.Late = []schemas.EndpointID{to}, true
	return schemas.Record{Event: record}
}

// Message is a delivery as its endpoint's queue stores it, under the id.
func Message(layout schemas.Layout, d *schemas.Delivery) (m *nats.Msg, id string) {
	return &nats.Msg{Subject: layout.ReadySubject(d.Endpoint), Header: nats.Header(d.Header()), Data: d.Body()}, d.MessageID()
}
