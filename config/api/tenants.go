package api

import (
	"context"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// tenantInput is what can be set of a tenant.
type tenantInput struct {
	Name       string             `json:"name,omitempty"`
	Validation schemas.Validation `json:"validation,omitempty"`
	Quota      schemas.Quota      `json:"quota,omitzero"`
	Retention  schemas.Retention  `json:"retention,omitzero"`
}

type tenantView struct {
	schemas.Tenant
	Updated time.Time `json:"updated"`
}

func showTenant(rec registry.Record[schemas.Tenant]) (any, error) {
	if rec.Value.Validation == "" {
		rec.Value.Validation = schemas.ValidationReject
	}
	return tenantView{rec.Value, shown(rec.Updated)}, nil
}

func tenantReply(status int, rec registry.Record[schemas.Tenant]) (reply, error) {
	body, err := showTenant(rec)
	return reply{status: status, body: body, version: rec.Version}, err
}

func (a *API) createTenant(ctx context.Context, c *call) (reply, error) {
	var in struct {
		ID         schemas.TenantID   `json:"id"`
		Name       string             `json:"name"`
		Validation schemas.Validation `json:"validation"`
		Quota      schemas.Quota      `json:"quota"`
		Retention  schemas.Retention  `json:"retention"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := in.ID.Validate(); err != nil {
		return reply{}, &document.Error{Field: "id", Err: err}
	}
	rec, err := a.Registry.CreateTenant(ctx, schemas.Tenant{ID: in.ID, Name: in.Name, Validation: in.Validation, Quota: in.Quota, Retention: in.Retention})
	if err != nil {
		return reply{}, document.About(err, in)
	}
	answer, err := tenantReply(http.StatusCreated, rec)
	answer.location = "/v1/tenants/" + string(rec.Value.ID)
	return answer, err
}

func (a *API) listTenants(_ context.Context, c *call) (reply, error) {
	return list(c, func(t *schemas.Tenant) string { return string(t.ID) },
		func(after string, limit int) []registry.Record[schemas.Tenant] {
			return a.Picture.Tenants(schemas.TenantID(after), limit)
		}, nil, showTenant)
}

func (a *API) getTenant(_ context.Context, c *call) (reply, error) {
	rec, err := a.tenant(c.tenant)
	if err != nil {
		return reply{}, err
	}
	return tenantReply(http.StatusOK, rec)
}

func (a *API) patchTenant(ctx context.Context, c *call) (reply, error) {
	version, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	rec, err := a.Registry.UpdateTenant(ctx, c.tenant, version, func(t *schemas.Tenant) error {
		in := tenantInput{t.Name, t.Validation, t.Quota, t.Retention}
		if err := document.Patch(&in, c.body); err != nil {
			return err
		}
		t.Name, t.Validation, t.Quota, t.Retention = in.Name, in.Validation, in.Quota, in.Retention
		return nil
	})
	if err != nil {
		return reply{}, document.About(err, tenantInput{})
	}
	if err := a.CaughtUp(ctx); err != nil { // publishing does not wait
		return reply{}, err
	}
	return tenantReply(http.StatusOK, rec)
}

// getRoam shows what the receivers of a Roam client verify with: /v0 has no way
// to tell. It is made if nobody has subscribed yet.
func (a *API) getRoam(ctx context.Context, c *call) (reply, error) {
	user := c.r.URL.Query().Get("user")
	if len(user) > schemas.MaxName {
		return reply{}, schemas.Errorf(schemas.CodeInvalid, "user: it has %d bytes: use the first id of the user's token, of at most %d", len(user), schemas.MaxName)
	}
	secret, err := a.RoamSecret(ctx, c.tenant, user)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: struct {
		SigningSecret string `json:"signing_secret"`
	}{secret.Reveal()}}, nil
}

func (a *API) deleteTenant(ctx context.Context, c *call) (reply, error) {
	version, err := c.ifMatch()
	if err == nil {
		err = a.Registry.DeleteTenant(ctx, c.tenant, version)
	}
	if err == nil {
		err = a.CaughtUp(ctx)
	}
	return reply{status: http.StatusNoContent}, err
}

// made is when a tenant was: what the log has from before is of another tenant that had
// the id, and nobody sees it here.
func (a *API) made(id schemas.TenantID) time.Time {
	rec, _ := a.Picture.Tenant(id) // zero for one that was removed just now
	return rec.Value.Created
}

// own keeps a span from what was accepted before the tenant was made.
func (a *API) own(c *call, s deliverylog.Span) deliverylog.Span {
	if made := a.made(c.tenant); s.From.Before(made) {
		s.From = made
	}
	return s
}

// owns reports whether a delivery, or an event's place, was accepted after the tenant
// was made.
func (a *API) owns(c *call, d schemas.DeliveryID) bool { return since(a.made(c.tenant), d) }

// since reports whether a delivery's event was accepted at a time or later.
func since(made time.Time, d schemas.DeliveryID) bool {
	at, _, err := d.Accepted()
	return err == nil && !at.Before(made)
}

// told is from when on a caller sees who did something to the tenant, and erases what is
// its own: an administrator sees and erases what is of an earlier one of the id too.
func (a *API) told(c *call) time.Time {
	if c.who.Scope == schemas.TokenAdmin {
		return time.Time{}
	}
	return a.made(c.tenant)
}
