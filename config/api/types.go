package api

import (
	"context"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"

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
	if own, ok := a.Picture.EventType(tenant, name); ok {
		rec.Version, rec.Value.Origin = own.Version, originTenant
		if own.Value.Origin == schemas.OriginFile {
			rec.Value.Origin = originFile
		}
	} else if _, shared := a.Picture.EventType("", name); shared {
		rec.Value.Origin = originShared
	}
	return rec, true
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
		return reply{}, aboutType(name, err)
	}
	if t.Type != name { // Parse takes a name for a path
		return reply{}, document.Invalid("type", "the path names %q: use the same in both", name)
	}
	rec, status, err := a.writeType(ctx, c, schemas.EventType{Tenant: c.tenant, Type: name, Definition: c.body})
	if err != nil {
		return reply{}, err
	}
	if err := a.CaughtUp(ctx); err != nil { // publishing does not wait
		return reply{}, err
	}
	return typeReply(status, registry.Record[typeView]{Value: typeView{t, originTenant}, Version: rec.Version})
}

// aboutType adds to an error of [catalogue.Parse] the member that it names.
func aboutType(name string, err error) error {
	where, _, ok := strings.Cut(strings.TrimPrefix(err.Error(), name+".json: "), ":")
	member, _, _ := strings.Cut(where, "/")
	if !ok || !slices.Contains([]string{"domain", "meaning", "dialects", "involves", "filters", "channel", "schema", "valid", "invalid"}, member) {
		return err
	}
	return &document.Error{Field: member, Err: err}
}

// writeType makes or replaces a type, as the request's conditions allow (RFC
// 9110, section 13.1). Who names the version of a type that others brought means
// to hide it, so there must be none of the tenant's own yet.
func (a *API) writeType(ctx context.Context, c *call, t schemas.EventType) (rec registry.Record[schemas.EventType], status int, err error) {
	version, onlyNew, err := c.typeConditions()
	if err != nil {
		return rec, 0, err
	}
	current, known := a.eventType(c.tenant, t.Type)
	_, own := a.Picture.EventType(c.tenant, t.Type)
	if c.r.Header.Get("If-Match") != "" && !known || !own && version != registry.AnyVersion && current.Version != version {
		return rec, 0, errStale
	}
	for {
		if !own || onlyNew {
			rec, err = a.Registry.CreateEventType(ctx, t)
			switch {
			case !schemas.HasCode(err, schemas.CodeConflict):
				return rec, http.StatusCreated, err
			case onlyNew:
				return rec, 0, errThere
			case version != registry.AnyVersion:
				return rec, 0, errStale
			}
		}
		rec, err = a.Registry.UpdateEventType(ctx, c.tenant, t.Type, version, func(old *schemas.EventType) error {
			old.Definition = t.Definition
			return nil
		})
		switch {
		case !schemas.HasCode(err, schemas.CodeNotFound):
			return rec, http.StatusOK, err
		case version != registry.AnyVersion:
			return rec, 0, errStale
		}
		own = false // removed meanwhile
	}
}

// typeConditions are which version is to be replaced, and whether none may be.
func (c *call) typeConditions() (version uint64, onlyNew bool, err error) {
	none := c.r.Header.Values("If-None-Match")
	if len(none) > 0 && !slices.Equal(none, []string{"*"}) {
		return 0, false, schemas.Errorf(schemas.CodeInvalid, "If-None-Match: use * to make a type only if the tenant has none of that name, or leave the header out")
	}
	version, err = c.ifMatch()
	return version, len(none) > 0, err
}

var errThere = schemas.Errorf(schemas.CodeStale, "If-None-Match: the tenant has such a type: read it, and name its version in If-Match to replace it")

// deleteType removes a type of the tenant's own: the built-in one of that name,
// if there is one, comes back.
func (a *API) deleteType(ctx context.Context, c *call) (reply, error) {
	name := c.r.PathValue("type")
	version, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	err = a.Registry.DeleteEventType(ctx, c.tenant, name, version)
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return reply{}, schemas.Errorf(schemas.CodeNotFound, "event type %q is none of the tenant's own: only those can be removed", name)
	}
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, a.CaughtUp(ctx)
}
