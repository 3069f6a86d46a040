package attempt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// ErrShelved says that a delivery is stored on the queue from which its endpoint's
// receiver pulls it: nothing is left to do here, and nothing is known of how it ends.
var ErrShelved = errors.New("the delivery waits for whoever pulls it")

// shelve stores the delivery of an endpoint that is pulled from. It has its data
// there: who reads the queue without Tidings' help could not get at EVENTS.
func (m *Maker) shelve(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	if !a.target.Pulled() {
		return nil, nil
	}
	full, err := m.o.Shelve(ctx, a.delivery, a.target.MaxHeld())
	switch {
	case err != nil:
		return nil, err
	case full:
		const detail = "%d deliveries wait to be pulled, as many as the endpoint's max_held allows: pull them or raise it, then replay"
		return dead(schemas.ReasonQueueFull, fmt.Sprintf(detail, a.target.MaxHeld())), nil
	}
	return nil, ErrShelved
}

// Request is a delivery as its endpoint's receiver gets it.
type Request struct {
	Header http.Header
	Body   []byte
}

// Compose words and signs a delivery without sending it. If it is to die instead, it
// returns the verdict. An error means that nothing can be said now.
func (m *Maker) Compose(ctx context.Context, t *Target, delivery *schemas.Delivery) (*Request, *schemas.Outcome, error) {
	a := &attempt{delivery: delivery, started: time.Now(), target: t}
	if o := t.verdictBefore(delivery); o != nil {
		return nil, o, nil
	}
	for _, s := range []stage{m.load, m.word, m.sign} {
		if o, err := s(ctx, a); o != nil || err != nil {
			return nil, o, err
		}
	}
	return &Request{a.header, a.body}, nil, nil
}

// Condemns is why a delivery that waits to be pulled dies without being handed out;
// nil if it does not. A nil target is an endpoint that does not exist.
func (t *Target) Condemns(delivery *schemas.Delivery) *schemas.Outcome {
	if t == nil || !t.Pulled() || t.endpoint.Tenant != delivery.Tenant { // the id was free, and is another's
		return dead(schemas.ReasonEndpointDeleted, "the endpoint was deleted before the delivery was pulled")
	}
	return t.verdictBefore(delivery)
}

// verdictBefore is what is known before there is a request.
func (t *Target) verdictBefore(delivery *schemas.Delivery) *schemas.Outcome {
	switch {
	case t.endpoint.Disabled != "":
		return t.disabled()
	case t.fault != nil:
		return dead(schemas.ReasonEndpointInvalid, t.fault.Error())
	}
	return t.refuses(delivery)
}

func (t *Target) disabled() *schemas.Outcome {
	return dead(schemas.ReasonEndpointDisabled, fmt.Sprintf("the endpoint is disabled (%s): enable it, then replay", t.endpoint.Disabled))
}

// Failed is the verdict on the last of so many attempts, which failed for a reason:
// another one by the endpoint's schedule, or the end.
func (t *Target) Failed(delivery *schemas.Delivery, attempts int, reason schemas.Reason, detail string) schemas.Outcome {
	p := retry.Plan{
		Schedule: t.schedule, Attempts: attempts, Now: time.Now(), Random: random(),
		Rules: t.rules, Until: t.dies(delivery),
	}
	return p.Again(reason, detail)
}

// Outdated reports whether a delivery is older than its endpoint's max_age by some
// time more.
func (t *Target) Outdated(delivery *schemas.Delivery, by time.Duration) bool {
	dies := t.dies(delivery)
	return !dies.IsZero() && time.Since(dies) > by
}

// Expired reports whether a delivery that counts since a time dies of that alone.
func (t *Target) Expired(since time.Time) bool {
	age := t.endpoint.Policy.MaxAge.Std()
	return since.Before(t.endpoint.SkipBefore) || age > 0 && time.Since(since) > age
}

// Dies is when a delivery is too old for its endpoint; the zero time is never.
func (t *Target) Dies(delivery *schemas.Delivery) time.Time { return t.dies(delivery) }
