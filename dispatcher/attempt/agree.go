package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/handshake"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
)

// askPause is how long a receiver that did not consent is left alone, however
// many deliveries wait for it.
const askPause = time.Minute

// answer is what asking for consent met: one of consent and err.
type answer struct {
	at      time.Time
	consent *schemas.Consent
	err     error
}

// agree asks the receiver for its consent before the first delivery, where its
// endpoint wants that, and makes the answer known to all dispatchers. Without
// consent a delivery waits as its schedule says, and at least until the receiver
// may be asked again.
func (m *Maker) agree(ctx context.Context, a *attempt) (*schemas.Outcome, error) {
	e := a.target.endpoint
	if !e.Handshake || e.Consent != nil {
		return nil, nil
	}
	consent, err := m.consent(ctx, a.target, a.delivery)
	if err == nil {
		e.Consent = consent
		a.target = m.o.Targets.prepare(e)
		a.target.limit.take()
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	a.made, a.err = true, err
	plan := a.plan()
	if last := a.target.answer.Load(); last != nil {
		plan.Least = time.Until(last.at.Add(askPause))
	}
	var o schemas.Outcome
	if errors.Is(err, handshake.ErrNoConsent) {
		o = plan.Again(schemas.ReasonNoConsent, err.Error())
	} else {
		o = a.verdict(plan)
	}
	return &o, nil
}

// consent is one question for all deliveries that wait for its answer; d is the one
// that asks.
func (m *Maker) consent(ctx context.Context, t *Target, d *schemas.Delivery) (*schemas.Consent, error) {
	agreed, err, _ := m.asking.Do(string(t.endpoint.ID)+" "+t.endpoint.URL, func() (any, error) {
		// Consent holds until the registry shows it, in another target.
		if last := t.answer.Load(); last != nil && (last.err == nil || time.Since(last.at) < askPause) {
			return last.consent, last.err
		}
		c, err := m.ask(ctx, t, d)
		if ctx.Err() == nil {
			t.answer.Store(&answer{at: time.Now(), consent: c, err: err})
		}
		return c, err
	})
	if err != nil {
		return nil, err
	}
	return agreed.(*schemas.Consent), nil //nolint:forcetypeassert // what ask returns
}

// ask makes the handshake and stores what was agreed.
func (m *Maker) ask(ctx context.Context, t *Target, d *schemas.Delivery) (*schemas.Consent, error) {
	limited, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	request := handshake.Request{
		URL: t.url, Origin: m.o.Origin, Rate: t.endpoint.Policy.Rate.PerMinute(), UserAgent: m.o.UserAgent,
		Header: t.header, // a gateway asks for its credentials here too
	}
	if m.o.Callback != nil {
		request.Callback = m.o.Callback(t.endpoint)
	}
	limited, span := m.beginQuestion(limited, t, d)
	given, err := handshake.Ask(limited, span, request)
	if err != nil && limited.Err() != nil {
		err = limited.Err()
	}
	span.end(err)
	if err != nil {
		return nil, err
	}
	consent := schemas.Consent{Origin: m.o.Origin, Rate: given.Rate}
	err = persist.Do(ctx, m.o.Log, "store consent", func(ctx context.Context) error {
		err := m.o.Agree(ctx, t.endpoint, consent)
		if schemas.HasCode(err, schemas.CodeNotFound) || schemas.HasCode(err, schemas.CodeConflict) {
			return nil // deleted or changed meanwhile: the next attempt sees it
		}
		return err
	})
	return &consent, err
}
