package processes

import (
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/schemas"
)

// The tenant of all these tests, and the secret of its endpoints.
const (
	testTenant = schemas.TenantID("acme")
	testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

func typedEvent(id, eventType string) schemas.Event {
	e := event.New()
	e.SetID(id)
	e.SetType(eventType)
	_ = e.SetData(event.ApplicationJSON, map[string]string{"id": id})
	return e
}

// eventOf is the id of the event in a body of the standard dialect.
func eventOf(body []byte) string {
	_, rest, _ := strings.Cut(string(body), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}
