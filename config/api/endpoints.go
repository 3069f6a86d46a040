package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// endpointInput is what can be set of an endpoint.
type endpointInput struct {
	Name      string            `json:"name,omitempty"`
	URL       string            `json:"url,omitempty"`
	Pull      bool              `json:"pull,omitempty"`
	Dialect   schemas.Dialect   `json:"dialect,omitempty"`
	Mode      schemas.Mode      `json:"mode,omitempty"`
	Handshake bool              `json:"handshake,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Paused    bool              `json:"paused,omitempty"`
	Policy    schemas.Policy    `json:"policy,omitzero"`
}

// hidden stands for a header's value in what is read; who sends it back leaves
// the value as it is.
const hidden = "<secret>"

func inputOf(e *schemas.Endpoint) endpointInput {
	in := endpointInput{
		Name: e.Name, URL: e.URL, Pull: e.Pull, Dialect: e.Dialect, Mode: e.Mode,
		Handshake: e.Handshake, Paused: e.Paused, Policy: e.Policy,
	}
	for name, value := range e.Headers {
		if in.Headers == nil {
			in.Headers = map[string]string{}
		}
		in.Headers[name] = value.Reveal()
	}
	return in
}

// set gives the endpoint what was put in.
func (in endpointInput) set(e *schemas.Endpoint) error {
	headers := map[string]schemas.Secret{}
	for name, value := range in.Headers {
		if value == hidden {
			old, there := e.Headers[name]
			if !there {
				return document.Invalid("headers."+name, "%q stands for a value that is kept, and there is none: give the value", hidden)
			}
			value = old.Reveal()
		}
		headers[name] = schemas.NewSecret(value)
	}
	if e.Headers = headers; len(headers) == 0 {
		e.Headers = nil
	}
	e.Name, e.URL, e.Pull, e.Dialect, e.Mode = in.Name, in.URL, in.Pull, in.Dialect, in.Mode
	e.Handshake, e.Paused, e.Policy = in.Handshake, in.Paused, in.Policy
	return nil
}

// endpointView is an endpoint as it is shown: of its secrets only one that was
// made for this request.
type endpointView struct {
	schemas.Endpoint
	Secrets *struct{} `json:"secrets,omitempty"` // hides Endpoint's; always nil
	Status  string    `json:"status"`
	Secret  string    `json:"secret,omitempty"`
	Updated time.Time `json:"updated"`
}

func viewEndpoint(rec registry.Record[schemas.Endpoint]) endpointView {
	v := endpointView{Endpoint: rec.Value, Status: "active", Updated: shown(rec.Updated)}
	v.Dialect = cmp.Or(v.Dialect, schemas.DialectStandard)
	switch {
	case v.Disabled != "":
		v.Status = "disabled"
	case v.Paused:
		v.Status = "paused"
	}
	return v
}

func showEndpoint(rec registry.Record[schemas.Endpoint]) (any, error) { return viewEndpoint(rec), nil }

func endpointReply(rec registry.Record[schemas.Endpoint], err error) (reply, error) {
	if err != nil {
		return reply{}, document.About(err, endpointInput{})
	}
	return reply{status: http.StatusOK, body: viewEndpoint(rec), version: rec.Version}, nil
}

func (a *API) createEndpoint(ctx context.Context, c *call) (reply, error) {
	var in struct {
		endpointInput
		Secret string `json:"secret"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	if err := a.roomForEndpoint(c); err != nil {
		return reply{}, err
	}
	e := schemas.Endpoint{ID: schemas.NewEndpointID(now()), Tenant: c.tenant, Owner: c.owner()}
	if err := in.set(&e); err != nil {
		return reply{}, err
	}
	made := ""
	if in.Secret == "" {
		made = a.NewSecret(cmp.Or(e.Dialect, schemas.DialectStandard))
		in.Secret = made
	}
	if in.Secret != "" {
		e.Secrets = []schemas.Secret{schemas.NewSecret(in.Secret)}
	}
	if err := a.checkEndpoint(e); err != nil {
		return reply{}, document.About(ofNew("endpoint", string(e.ID), err), in.endpointInput)
	}
	done, err := a.Make(ctx, c.tenant, e.ID)
	if err != nil {
		return reply{}, err
	}
	defer done()
	rec, err := a.Registry.CreateEndpoint(ctx, e)
	answer, err := endpointReply(rec, ofNew("endpoint", string(e.ID), err))
	if err != nil {
		return reply{}, err
	}
	view := viewEndpoint(rec)
	view.Secret = made
	answer.status, answer.body = http.StatusCreated, view
	answer.location = "/v1/tenants/" + string(c.tenant) + "/endpoints/" + string(e.ID)
	return answer, nil
}

// checkEndpoint names the form's mistakes before the dialect's.
func (a *API) checkEndpoint(e schemas.Endpoint) error {
	if err := e.Validate(); err != nil {
		return err
	}
	if e.Owner != "" && e.Dialect == schemas.DialectROQ {
		return document.Invalid("dialect", "a tenant has one endpoint of the dialect roq, which is nobody's own: use another dialect")
	}
	return a.CheckEndpoint(e)
}

// owner is whose an endpoint becomes: a personal token's user.
func (c *call) owner() string {
	if c.who.Scope == schemas.TokenPersonal && len(c.who.User) > 0 {
		return c.who.User[0]
	}
	return ""
}

// sees reports whether the endpoint exists for the caller: to a personal token
// only the user's own do.
func (c *call) sees(e *schemas.Endpoint) bool {
	return c.who.Scope != schemas.TokenPersonal || c.owner() != "" && e.Owner == c.owner()
}

// endpoint is the one that the path names.
func (a *API) endpoint(c *call) (registry.Record[schemas.Endpoint], error) {
	return a.endpointOf(c, schemas.EndpointID(c.r.PathValue("endpoint")))
}

func (a *API) endpointOf(c *call, id schemas.EndpointID) (registry.Record[schemas.Endpoint], error) {
	rec, ok := a.Picture.Endpoint(c.tenant, id)
	if !ok || !c.sees(&rec.Value) {
		return registry.Record[schemas.Endpoint]{}, notFound("endpoint", string(id))
	}
	return rec, nil
}

func (a *API) listEndpoints(_ context.Context, c *call) (reply, error) {
	return list(c, func(e *schemas.Endpoint) string { return string(e.ID) },
		func(after string, limit int) []registry.Record[schemas.Endpoint] {
			return a.Picture.Endpoints(c.tenant, schemas.EndpointID(after), limit)
		}, c.sees, showEndpoint)
}

func (a *API) getEndpoint(_ context.Context, c *call) (reply, error) {
	return endpointReply(a.endpoint(c))
}

func (a *API) patchEndpoint(ctx context.Context, c *call) (reply, error) {
	return a.changeEndpoint(ctx, c, func(e *schemas.Endpoint) error {
		in, before := inputOf(e), e.Dialect
		if err := document.Patch(&in, c.body); err != nil {
			return err
		}
		pull := e.Pull
		if err := in.set(e); err != nil {
			return err
		}
		if err := sameKind(pull, e); err != nil {
			return err
		}
		if err := a.checkEndpoint(*e); err != nil || e.Dialect == before {
			return err
		}
		return a.checkWords(ctx, *e)
	})
}

// checkWords refuses an endpoint a dialect that has no word for what it is
// subscribed to: such events would silently not be delivered. Change is asked
// again whenever the endpoint was written meanwhile, so it looks anew.
func (a *API) checkWords(ctx context.Context, e schemas.Endpoint) error {
	if err := a.CaughtUp(ctx); err != nil {
		return err
	}
	for _, s := range a.Picture.Subscriptions(e.Tenant, e.ID, "", 0) {
		for _, p := range s.Value.Types {
			if !a.worded(e.Tenant, e.Dialect, p) {
				return &document.Error{Field: "dialect", Err: schemas.Errorf(schemas.CodeConflict,
					"dialect: %s has no word for the type %q of subscription %s: change that subscription first, or use another dialect", e.Dialect, p, s.Value.ID)}
			}
		}
	}
	return nil
}

// worded reports whether a dialect has a word for a type. A pattern with a
// wildcard asks for what there is a word for.
func (a *API) worded(tenant schemas.TenantID, d schemas.Dialect, p schemas.TypePattern) bool {
	if strings.Contains(string(p), schemas.Wildcard) {
		return true
	}
	_, ok := a.Catalogue.Words(tenant, d, string(p))
	return ok
}

// changeEndpoint changes the endpoint of the path to what it is then, if it is
// the version the caller means and one the caller sees.
func (a *API) changeEndpoint(ctx context.Context, c *call, change func(*schemas.Endpoint) error) (reply, error) {
	version, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	current, err := a.endpoint(c)
	if err != nil {
		return reply{}, err
	}
	return endpointReply(a.Registry.UpdateEndpoint(ctx, c.tenant, current.Value.ID, version, change))
}

func (a *API) deleteEndpoint(ctx context.Context, c *call) (reply, error) {
	version, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	current, err := a.endpoint(c)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, a.Registry.DeleteEndpoint(ctx, c.tenant, current.Value.ID, version)
}
