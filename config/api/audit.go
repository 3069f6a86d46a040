package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/audit"
)

// maxFields is how many members of a request an entry names.
const maxFields = 50

// audited reports whether it is kept who takes a route: it changes something, or shows
// a secret.
func (to route) audited() bool {
	if to.right == access.Secrets {
		return true
	}
	return to.method != http.MethodGet && !to.events && !to.takes && (to.right == access.Write || to.right == access.Admin)
}

// note keeps that a call was answered. The answer stands even if that fails.
func (a *API) note(ctx context.Context, c *call, to route, answer reply) {
	if !to.audited() {
		return
	}
	e := audit.Entry{
		At: time.Now().UTC().Truncate(time.Millisecond), Token: c.who.Token, Name: c.who.Name, Link: c.who.Link, Scope: c.who.Scope,
		Tenant: c.tenant, Method: to.method, Action: to.path, Object: c.r.URL.Path, Fields: c.fields(), Status: answer.status,
	}
	if answer.location != "" {
		e.Object = answer.location
	}
	if err := a.Audit.Add(ctx, e); err != nil {
		a.Log.ErrorContext(ctx, "it was not kept who changed what", "token", e.Token, "tenant", e.Tenant, "method", e.Method, "object", e.Object, "error", err)
	}
}

// fields are the members of the body, without their values.
func (c *call) fields() []string {
	var body map[string]json.RawMessage
	if json.Unmarshal(c.body, &body) != nil {
		return nil
	}
	names := slices.Sorted(maps.Keys(body))
	return names[:min(len(names), maxFields)]
}

// listAudit is who changed what of a tenant's, or of everybody's without one.
func (a *API) listAudit(ctx context.Context, c *call) (reply, error) {
	q := c.query()
	page := q.page()
	if q.err != nil {
		return reply{}, q.err
	}
	tenant := c.tenant
	if tenant == "" {
		tenant = audit.Everything
	}
	return logPage(a.Audit.Page(ctx, tenant, a.told(c), page.Cursor, page.Limit))
}
