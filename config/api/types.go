package api

import (
	"context"
	"hash/fnv"
	"net/http"
	"slices"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// typeView is an event type as the tenant knows it. Origin says who brought it.
type typeView struct {
	*catalogue.Type
	Origin string `json:"origin"`
}

// The origins of event types.
const (
	originBuiltin = "builtin" // comes with Tidings
	originShared  = "shared"  // brought for all tenants
	originTenant  = "tenant"  // the tenant's own, made here
	originFile    = "file"    // the tenant's own, declared in tidings.yaml
)

// eventType is what the tenant means by a type. The version of one that is not
// its own is made of its definition.
func (a *API) eventType(tenant schemas.TenantID, name string) (rec registry.Record[typeView], ok bool) {
	t := a.Catalogue.Find(tenant, name)
	if t == nil {
		return rec, false
	}
	rec.Value = typeView{t, originBuiltin}
	h := fnv.New64a()
	_, _ = h.Write(t.Definition())
	rec.Version = h.Sum64()
	if own, ok := a.registered(tenant, name); ok {
		rec.Version, rec.Value.Origin = own.Version, originTenant
		if own.Value.Origin == schemas.OriginFile {
			rec.Value.Origin = originFile
		}
	} else if _, shared := a.registered("", name); shared {
		rec.Value.Origin = originShared
	}
	return rec, true
}

// registered finds a type among those that were brought along.
func (a *API) registered(tenant schemas.TenantID, name string) (registry.Record[schemas.EventType], bool) {
	types := a.Picture.EventTypes(tenant, "", 0)
	i := slices.IndexFunc(types, func(r registry.Record[schemas.EventType]) bool { return r.Value.Type == name })
	if i < 0 {
		return registry.Record[schemas.EventType]{}, false
	}
	return types[i], true
}

func showType(rec registry.Record[typeView]) (any, error) { return rec.Value, nil }

func typeReply(status int, rec registry.Record[typeView]) (reply, error) {
	return reply{status: status, body: rec.Value, version: rec.Version}, nil
}

func (a *API) listTypes(_ context.Context, c *call) (reply, error) {
	var names []string
	for _, t := range catalogue.Builtin() {
		names = append(names, t.Type)
	}
	for _, tenant := range []schemas.TenantID{"", c.tenant} {
		for _, t := range a.Picture.EventTypes(tenant, "", 0) {
			names = append(names, t.Value.Type)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return list(c, func(v *typeView) string { return v.Type.Type },
		func(after string, limit int) (found []registry.Record[typeView]) {
			i, there := slices.BinarySearch(names, after)
			if there {
				i++
			}
			for _, name := range names[i:] {
				if len(found) == limit {
					break
				}
				if rec, ok := a.eventType(c.tenant, name); ok {
					found = append(found, rec)
				}
			}
			return found
		}, nil, showType)
}

func (a *API) getType(_ context.Context, c *call) (reply, error) {
	name := c.r.PathValue("type")
	rec, ok := a.eventType(c.tenant, name)
	if !ok {
		return reply{}, notFound("event type", name)
	}
	return typeReply(http.StatusOK, rec)
}

// putType defines a type of the tenant's own, also in place of a built-in one.
func (a *API) putType(ctx context.Context, c *call) (reply, error) {
	name := c.r.PathValue("type")
	if err := document.WellFormed(c.body); err != nil {
		return reply{}, err
	}
	t, err := catalogue.Parse(name+".json", c.body)
	if err != nil {
		return reply{}, err
	}
	if t.Type != name { // Parse takes a name for a path
		return reply{}, document.Invalid("type", "the path names %q: use the same in both", name)
	}
	there, err := a.mayChangeType(c, name)
	if err != nil {
		return reply{}, err
	}
	if err := a.Registry.PutEventType(ctx, schemas.EventType{Tenant: c.tenant, Type: name, Definition: c.body}); err != nil {
		return reply{}, err
	}
	if err := a.CaughtUp(ctx); err != nil { // publishing does not wait
		return reply{}, err
	}
	rec, ok := a.eventType(c.tenant, name)
	if !ok {
		return reply{}, notFound("event type", name) // removed meanwhile
	}
	status := http.StatusCreated
	if there {
		status = http.StatusOK
	}
	return typeReply(status, rec)
}

// mayChangeType reports whether the tenant has a type of its own. Types have no
// compare-and-set in the registry: of two that are put at once the last wins.
func (a *API) mayChangeType(c *call, name string) (there bool, err error) {
	version, err := c.ifMatch()
	if err != nil {
		return false, err
	}
	own, there := a.registered(c.tenant, name)
	if there && own.Value.Origin == schemas.OriginFile {
		return false, schemas.Errorf(schemas.CodeConflict, "event type %q is declared in tidings.yaml: change it there", name)
	}
	if version != registry.AnyVersion && (!there || own.Version != version) {
		return false, errStale
	}
	return there, nil
}

// deleteType removes a type of the tenant's own: the built-in one of that name,
// if there is one, comes back.
func (a *API) deleteType(ctx context.Context, c *call) (reply, error) {
	name := c.r.PathValue("type")
	there, err := a.mayChangeType(c, name)
	if err != nil {
		return reply{}, err
	}
	if !there {
		return reply{}, schemas.Errorf(schemas.CodeNotFound, "event type %q is none of the tenant's own: only those can be removed", name)
	}
	if err := a.Registry.RemoveEventType(ctx, c.tenant, name); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, a.CaughtUp(ctx)
}
