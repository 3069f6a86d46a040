package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	defaultOverlap = 24 * time.Hour
	maxOverlap     = 30 * 24 * time.Hour
)

// rotateSecret puts a new secret first. The others sign too until the overlap is
// over, so that a receiver can change over meanwhile.
func (a *API) rotateSecret(ctx context.Context, c *call) (reply, error) {
	var in struct {
		Secret  string            `json:"secret"`
		Overlap *schemas.Duration `json:"overlap"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	overlap := defaultOverlap
	if in.Overlap != nil {
		overlap = in.Overlap.Std()
	}
	if overlap < 0 || overlap > maxOverlap {
		return reply{}, document.Invalid("overlap", "%s: use 0s to %s", overlap, maxOverlap)
	}
	made := ""
	answer, err := a.changeEndpoint(ctx, c, func(e *schemas.Endpoint) error {
		secret := in.Secret
		if secret == "" {
			made = a.NewSecret(cmp.Or(e.Dialect, schemas.DialectStandard))
			secret = made
		}
		if secret == "" {
			return schemas.Errorf(schemas.CodeConflict, "the dialect %s has no signature, so there is no secret to rotate: use another dialect, or give the secret", e.Dialect)
		}
		e.Secrets = rotated(e.Secrets, secret, now(), overlap)
		return a.checkEndpoint(*e)
	})
	if view, ok := answer.body.(endpointView); ok {
		view.Secret = made
		answer.body = view
	}
	return answer, document.About(err, in)
}

// rotated is the secrets with a new one first. None of the others outlives the
// overlap, nor its own end; those that are over, and the new one's double, go.
func rotated(old []schemas.Secret, secret string, at time.Time, overlap time.Duration) []schemas.Secret {
	end := at.Add(overlap)
	secrets := []schemas.Secret{schemas.NewSecret(secret)}
	for _, s := range old {
		if s.Reveal() == secret {
			continue
		}
		if s.Expires.IsZero() || s.Expires.After(end) {
			s = s.Until(end)
		}
		if s.Works(at) && len(secrets) < schemas.MaxSecrets {
			secrets = append(secrets, s)
		}
	}
	return secrets
}

// listSecrets shows the secrets themselves, newest first.
func (a *API) listSecrets(_ context.Context, c *call) (reply, error) {
	rec, err := a.endpoint(c)
	if err != nil {
		return reply{}, err
	}
	type view struct {
		Secret  string    `json:"secret"`
		Expires time.Time `json:"expires,omitzero"`
	}
	p := page{Items: []any{}}
	for _, s := range rec.Value.Secrets {
		p.Items = append(p.Items, view{s.Reveal(), s.Expires})
	}
	return reply{status: http.StatusOK, body: p, version: rec.Version}, nil
}

func (a *API) pauseEndpoint(ctx context.Context, c *call) (reply, error) {
	return a.act(ctx, c, func(e *schemas.Endpoint) { e.Paused = true })
}

// resumeEndpoint lets deliveries go on, from when the request says. It says so of
// one that is not paused too: what piled up while a receiver was away may be of no
// use any more.
func (a *API) resumeEndpoint(ctx context.Context, c *call) (reply, error) {
	var in struct {
		From string `json:"from"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	from, err := resumedFrom(in.From, now())
	if err != nil {
		return reply{}, err
	}
	return a.changeEndpoint(ctx, c, func(e *schemas.Endpoint) error {
		e.Paused, e.SkipBefore = false, from
		return nil
	})
}

// resumedFrom is the time that a word or an RFC 3339 time means; zero for the
// oldest there is.
func resumedFrom(text string, at time.Time) (time.Time, error) {
	switch text {
	case "", "oldest":
		return time.Time{}, nil
	case "now":
		return at, nil
	}
	from, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		return time.Time{}, document.Invalid("from", "write \"oldest\", \"now\", or a time like \"2026-01-31T12:00:00Z\"")
	case from.After(at):
		return time.Time{}, document.Invalid("from", "the time is to come: use \"now\", or a time that is past")
	case from.Before(time.Time{}): // JSON has no such years of UTC
		return time.Time{}, nil
	}
	return from.UTC(), nil
}

// disableEndpoint has deliveries die. The reason that a disabled one has stays.
func (a *API) disableEndpoint(ctx context.Context, c *call) (reply, error) {
	return a.act(ctx, c, func(e *schemas.Endpoint) { e.Disabled = cmp.Or(e.Disabled, schemas.ReasonManual) })
}

func (a *API) enableEndpoint(ctx context.Context, c *call) (reply, error) {
	return a.act(ctx, c, func(e *schemas.Endpoint) { e.Disabled = "" })
}

// act changes an endpoint by a request that has nothing to say.
func (a *API) act(ctx context.Context, c *call, change func(*schemas.Endpoint)) (reply, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return reply{}, err
	}
	return a.changeEndpoint(ctx, c, func(e *schemas.Endpoint) error {
		change(e)
		return nil
	})
}

// testEndpoint sends an example, past all subscriptions.
func (a *API) testEndpoint(ctx context.Context, c *call) (reply, error) {
	var in struct {
		Type string `json:"type"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	rec, err := a.endpoint(c)
	if err != nil {
		return reply{}, err
	}
	if version, err := c.ifMatch(); err != nil || version != 0 && version != rec.Version {
		return reply{}, cmp.Or(err, error(errStale))
	}
	delivery, err := a.Test(ctx, rec.Value, in.Type)
	if err != nil {
		return reply{}, document.About(err, in)
	}
	return reply{status: http.StatusAccepted, body: struct {
		Delivery schemas.DeliveryID `json:"delivery"`
	}{delivery}}, nil
}
