package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/handshake"
	"github.com/tidings-dev/tidings/schemas"
)

// askPause is how long a receiver that did not consent is left alone, however
// many deliveries wait for it.
const askPause = time.Minute

// refusal is how asking for consent failed.
type refusal struct {
	at  time.Time
	err error
}

// agree asks the receiver for its consent before the first delivery, where its
// endpoint wants that, and makes the answer known to all dispatchers. Without
// consent a delivery waits as its schedule says, and then asks again.
func (d *Dispatcher) agree(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	e := a.target.endpoint
	if !e.Handshake || e.Consent != nil {
		return nil, nil
	}
	agreed, err, _ := d.asking.Do(string(e.ID)+" "+e.URL, func() (any, error) { // one question for all that wait
		if last := a.target.refused.Load(); last != nil && time.Since(last.at) < askPause {
			return nil, last.err
		}
		c, err := d.ask(ctx, a.target)
		if err != nil {
			a.target.refused.Store(&refusal{at: time.Now(), err: err})
		}
		return c, err
	})
	switch {
	case err == nil:
		e.Consent = agreed.(*schemas.Consent) //nolint:forcetypeassert // what ask returns
		a.target = d.o.Targets.prepare(e)
		return nil, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	a.made = true
	if errors.Is(err, handshake.ErrNoConsent) {
		o := a.plan().Again(schemas.ReasonNoConsent, err.Error())
		return &o, nil
	}
	a.err = err
	return d.judge(ctx, a)
}

// ask makes the handshake and stores what was agreed.
func (d *Dispatcher) ask(ctx context.Context, t *target) (*schemas.Consent, error) {
	limited, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	request := handshake.Request{URL: t.url, Origin: d.o.Origin, Rate: t.endpoint.Policy.Rate.PerMinute()}
	if d.o.Callback != nil {
		request.Callback = d.o.Callback(t.endpoint)
	}
	given, err := handshake.Ask(limited, d.o.Transport, request)
	if err != nil {
		if limited.Err() != nil {
			err = limited.Err()
		}
		return nil, err
	}
	consent := schemas.Consent{Origin: d.o.Origin, Rate: given.Rate}
	err = d.persist(ctx, "store consent", func(ctx context.Context) error {
		err := d.o.Agree(ctx, t.endpoint, consent)
		if schemas.HasCode(err, schemas.CodeNotFound) || schemas.HasCode(err, schemas.CodeConflict) {
			return nil // deleted or changed meanwhile: the next attempt sees it
		}
		return err
	})
	return &consent, err
}

// pace waits for the endpoint's turn, where its rate is limited. The wait counts
// as part of the attempt, so that an endpoint with more to deliver than it takes
// is slow to its lane, which then holds its queue.
func (d *Dispatcher) pace(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	if a.target.limit == nil {
		return nil, nil
	}
	if err := a.target.limit.Wait(ctx); err != nil {
		return nil, fmt.Errorf("wait for the endpoint's rate: %w", err)
	}
	a.started = time.Now()
	return nil, nil
}

// Callback makes the URL at which an endpoint's receiver may consent later.
type Callback func(schemas.Endpoint) *url.URL
