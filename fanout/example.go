package fanout

import (
	"math/rand/v2"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// exampleSource is the CloudEvents source of example events.
const exampleSource = "/tidings/test"

// Example is a delivery of an example to one endpoint, for its owner to see that
// it works: an event of the type, with the data of the catalogue's first example
// or {"test":true}. EVENTS does not hold it, and nobody else gets it. Publish m
// with the id as its message id.
func Example(layout schemas.Layout, to schemas.Endpoint, eventType string, known *catalogue.Type) (id schemas.DeliveryID, m *nats.Msg, err error) {
	now := time.Now()
	id = schemas.NewDeliveryID(now, rand.Uint64N(1<<48), to.ID) //nolint:gosec // distinct, not secret
	e := event.New()
	e.SetID("test_" + string(id))
	e.SetSource(exampleSource)
	e.SetType(eventType)
	e.SetTime(now)
	data := []byte(`{"test":true}`)
	if known != nil {
		data = known.Valid[0]
	}
	if err := e.SetData(event.ApplicationJSON, data); err != nil {
		return "", nil, err
	}
	if err := schemas.ValidateEvent(&e); err != nil {
		return "", nil, err
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return "", nil, err
	}
	d := schemas.Delivery{ID: id, Tenant: to.Tenant, Endpoint: to.ID, Event: header}
	return id, &nats.Msg{Subject: layout.ReadySubject(to.ID), Header: d.Header(), Data: data}, nil
}
