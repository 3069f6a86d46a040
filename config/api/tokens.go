package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// tokenView is a token as it is shown: what the caller presents only once, when
// it is made.
type tokenView struct {
	schemas.Token
	Hash      *struct{} `json:"hash,omitempty"` // hides Token's; always nil
	Presented string    `json:"token,omitempty"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	Updated   time.Time `json:"updated"`
}

func (a *API) viewToken(ctx context.Context, rec registry.Record[schemas.Token]) (tokenView, error) {
	used, err := a.Registry.Used(ctx, rec.Value.ID)
	return tokenView{Token: rec.Value, LastUsed: used, Updated: shown(rec.Updated)}, err
}

func (a *API) tokenReply(ctx context.Context, rec registry.Record[schemas.Token], err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	view, err := a.viewToken(ctx, rec)
	return reply{status: http.StatusOK, body: view, version: rec.Version}, err
}

func (a *API) createToken(ctx context.Context, c *call) (reply, error) {
	var in struct {
		Name    string             `json:"name"`
		Scope   schemas.TokenScope `json:"scope"`
		Tenant  schemas.TenantID   `json:"tenant"`
		User    []string           `json:"user"`
		Expires time.Time          `json:"expires"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if !in.Expires.IsZero() && !in.Expires.After(now()) {
		return reply{}, document.Invalid("expires", "%s is past: use a later time, or leave it out", in.Expires.Format(time.RFC3339))
	}
	if len(in.Name) > schemas.MaxName {
		return reply{}, document.Invalid("name", "it has %d bytes: use at most %d", len(in.Name), schemas.MaxName)
	}
	presented, hash := access.NewToken()
	id := schemas.NewTokenID(now())
	rec, err := a.Registry.CreateToken(ctx, schemas.Token{
		ID: id, Name: in.Name, Hash: hash, Scope: in.Scope,
		Tenant: in.Tenant, User: in.User, Expires: in.Expires.UTC(),
	})
	if err != nil {
		return reply{}, document.About(ofNew("token", string(id), err), in)
	}
	if err := a.CaughtUp(ctx); err != nil { // from here on it opens
		return reply{}, err
	}
	view := tokenView{Token: rec.Value, Presented: presented, Updated: shown(rec.Updated)}
	return reply{
		status: http.StatusCreated, body: view, version: rec.Version,
		location: "/v1/tokens/" + string(rec.Value.ID),
	}, nil
}

func (a *API) listTokens(ctx context.Context, c *call) (reply, error) {
	tenant := schemas.TenantID(c.r.URL.Query().Get("tenant"))
	return list(c, func(t *schemas.Token) string { return string(t.ID) },
		func(after string, limit int) []registry.Record[schemas.Token] {
			return a.Picture.Tokens(tenant, schemas.TokenID(after), limit)
		}, nil, func(rec registry.Record[schemas.Token]) (any, error) { return a.viewToken(ctx, rec) })
}

// token is the id that the path names.
func (c *call) token() schemas.TokenID { return schemas.TokenID(c.r.PathValue("token")) }

func (a *API) getToken(ctx context.Context, c *call) (reply, error) {
	rec, ok := a.Picture.Token(c.token())
	if !ok {
		return reply{}, notFound("token", string(c.token()))
	}
	return a.tokenReply(ctx, rec, nil)
}

// revokeToken keeps the record, so that its last use can still be seen.
func (a *API) revokeToken(ctx context.Context, c *call) (reply, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return reply{}, err
	}
	version, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	rec, err := a.Registry.UpdateToken(ctx, c.token(), version, func(t *schemas.Token) error {
		if t.Revoked.IsZero() {
			t.Revoked = now()
		}
		return nil
	})
	if err == nil {
		err = a.CaughtUp(ctx) // from here on it opens nothing
	}
	return a.tokenReply(ctx, rec, err)
}

func (a *API) deleteToken(ctx context.Context, c *call) (reply, error) {
	version, err := c.ifMatch()
	if err == nil {
		err = a.Registry.DeleteToken(ctx, c.token(), version)
	}
	if err == nil {
		err = a.CaughtUp(ctx)
	}
	return reply{status: http.StatusNoContent}, err
}
