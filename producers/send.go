package producers

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/schemas"
)

// Change is the data of an event in the life of an entity: what it is now and
// what it was before. Previous is null for one that was created, Current for
// one that was removed; an update carries both, so that a receiver sees what
// changed without asking back.
type Change struct {
	Current  any `json:"current"`
	Previous any `json:"previous"`
}

// NewEvent makes a CloudEvent of a type about a subject, the id of an entity,
// with data as JSON. What it leaves out (id, source, time) the publisher fills
// in. An error is a *[PublishError].
func NewEvent(eventType, subject string, data any) (schemas.Event, error) {
	e := event.New()
	e.SetType(eventType)
	if subject == "" {
		entity, _, _ := strings.Cut(eventType, ".")
		return e, notSent(e, schemas.Errorf(schemas.CodeInvalid, "the subject is empty: set the id of the %s", entity))
	}
	e.SetSubject(subject)
	if err := e.SetData(event.ApplicationJSON, data); err != nil {
		return e, notSent(e, schemas.Errorf(schemas.CodeInvalid, "data does not encode as JSON: %w", err))
	}
	return e, nil
}

// Send makes an event as [NewEvent] does, and stores it. The domain packages
// are made of it.
func Send(ctx context.Context, to Sink, eventType, subject string, data any) (Receipt, error) {
	e, err := NewEvent(eventType, subject, data)
	if err != nil {
		return Receipt{}, err
	}
	return to.Publish(ctx, e)
}

// Fields are values that must be there, by the name their caller knows them by.
type Fields map[string]string

// Require returns a *[PublishError] that names the first empty field, or nil.
func (f Fields) Require() error {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if f[name] == "" {
			return notSent(schemas.Event{}, schemas.Errorf(schemas.CodeInvalid, "%s is empty: set it", name))
		}
	}
	return nil
}

// SameEntity returns a *[PublishError] unless an update's current and previous
// are of one entity.
func SameEntity(currentID, previousID string) error {
	if currentID == previousID {
		return nil
	}
	return notSent(schemas.Event{}, schemas.Errorf(schemas.CodeInvalid,
		"current.ID is %q and previous.ID is %q: pass the same one, after and before", currentID, previousID))
}
