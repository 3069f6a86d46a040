package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

type acceptedEvent struct {
	ID        string `json:"id"`
	Source    string `json:"source"`
	Stored    bool   `json:"stored"`
	Duplicate bool   `json:"duplicate"`
}

// publishEvents answers once all events are stored. All are checked before the
// first is published.
func (a *API) publishEvents(ctx context.Context, c *call) (reply, error) {
	accepted, err := a.publish(ctx, c)
	repeated := 0
	for _, e := range accepted {
		if e.Duplicate {
			repeated++
		}
	}
	a.Published(c.tenant, len(accepted), repeated, err)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, body: struct {
		Events []acceptedEvent `json:"events"`
	}{accepted}}, nil
}

func (a *API) publish(ctx context.Context, c *call) ([]acceptedEvent, error) {
	events, err := a.ReadEvents(c.r)
	if err != nil {
		return nil, err
	}
	tenant, err := a.tenant(c.tenant)
	if err != nil {
		return nil, err
	}
	if v := tenant.Value.Validation; v == "" || v == schemas.ValidationReject {
		if err := a.checkData(c.tenant, events); err != nil {
			return nil, err
		}
	}
	if err := a.Admit(ctx, c.tenant, len(events)); err != nil {
		return nil, err
	}
	duplicate, err := a.Publish(tracing.FromHTTP(ctx, c.r.Header), c.tenant, events)
	if err != nil {
		return nil, err
	}
	fault.Here(fault.IngestStored)
	accepted := make([]acceptedEvent, len(events))
	for i := range events {
		accepted[i] = acceptedEvent{events[i].ID(), events[i].Source(), true, i < len(duplicate) && duplicate[i]}
	}
	return accepted, nil
}

// checkData holds each event to the schema of its type, if it has one.
func (a *API) checkData(tenant schemas.TenantID, events []schemas.Event) error {
	for i := range events {
		t := a.Catalogue.Find(tenant, events[i].Type())
		if t == nil {
			continue
		}
		if err := t.Validate(events[i].DataEncoded); err != nil {
			field := "events[" + strconv.Itoa(i) + "]"
			return &document.Error{Field: field, Err: schemas.Errorf(codeUnprocessable,
				"%s: the tenant takes no %s whose data breaks the type's schema: %s", field, events[i].Type(), err.Error())}
		}
	}
	return nil
}

type explanationView struct {
	schemas.Explanation
	Notes []note `json:"notes,omitempty"`
}

// note is what becomes of a delivery although the event matches, or would.
type note struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
}

// explainEvent publishes nothing.
func (a *API) explainEvent(_ context.Context, c *call) (reply, error) {
	events, err := a.ReadEvents(c.r)
	if err != nil {
		return reply{}, err
	}
	if len(events) != 1 {
		return reply{}, document.Invalid("body", "it has %d events: send one", len(events))
	}
	views := []explanationView{}
	for _, x := range a.Explain(c.tenant, events[0]) {
		e, err := a.endpointOf(c, x.Endpoint)
		if err != nil {
			continue // not the caller's to see, or just removed
		}
		views = append(views, explanationView{x, notes(e.Value, len(events[0].DataEncoded))})
	}
	return reply{status: http.StatusOK, body: struct {
		Endpoints []explanationView `json:"endpoints"`
	}{views}}, nil
}

// notes are about an event whose data has so many bytes.
func notes(e schemas.Endpoint, size int) (found []note) {
	if e.Disabled != "" {
		found = append(found, note{"disabled", "the endpoint is disabled (" + string(e.Disabled) + "), so deliveries to it die: enable it"})
	}
	if e.Paused {
		found = append(found, note{"paused", "the endpoint is paused, so deliveries to it wait: resume it"})
	}
	if e.Handshake && e.Consent == nil {
		found = append(found, note{"no_consent", "the receiver has yet to agree: it is asked before the first delivery"})
	}
	if most := e.Policy.MaxPayload; most > 0 && size > most {
		found = append(found, note{"too_large", fmt.Sprintf("the event has %d bytes of data, and max_payload is %d, so a delivery of it dies: send less, or allow more", size, most)})
	}
	return found
}
