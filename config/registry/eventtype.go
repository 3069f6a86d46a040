package registry

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// eventTypes are found by their keys, which begin with their tenant: so they are
// on no list. When one was made nobody asks.
func eventTypes() kind[schemas.EventType] {
	return kind[schemas.EventType]{
		noun: "type",
		about: func(t *schemas.EventType) about {
			return about{id: eventTypeID(t.Tenant, t.Type), tenant: t.Tenant, created: new(time.Time), origin: &t.Origin}
		},
		within: func(ctx context.Context, r *Registry, t schemas.EventType) (err error) {
			if t.Tenant != "" {
				_, err = r.Tenant(ctx, t.Tenant)
			}
			return err
		},
		fix:      func(old schemas.EventType, t *schemas.EventType) { t.Tenant, t.Type = old.Tenant, old.Type },
		validate: validateEventType,
		encode:   plainEncode[schemas.EventType], decode: plainDecode[schemas.EventType],
	}
}

// validateEventType checks the definition whole.
func validateEventType(t schemas.EventType) error {
	defined, err := catalogue.Parse(t.Type+".json", t.Definition)
	if err != nil {
		return err
	}
	if defined.Type != t.Type { // Parse takes a name for a path, and looks at its last part
		return schemas.Errorf(schemas.CodeInvalid, "event type %q: its definition is of %q", t.Type, defined.Type)
	}
	return nil
}

// CreateEventType makes an event type of a tenant that exists.
func (r *Registry) CreateEventType(ctx context.Context, t schemas.EventType) (Record[schemas.EventType], error) {
	return create(ctx, r, eventTypes(), t)
}

// UpdateEventType is to event types what [Registry.UpdateTenant] is to tenants.
func (r *Registry) UpdateEventType(ctx context.Context, tenant schemas.TenantID, eventType string, version uint64, change func(*schemas.EventType) error) (Record[schemas.EventType], error) {
	return edit(ctx, r, eventTypes(), one{eventTypeID(tenant, eventType), tenant, version}, change)
}

// DeleteEventType is to event types what [Registry.DeleteTenant] is to tenants.
// Events of a type that is not known are not checked.
func (r *Registry) DeleteEventType(ctx context.Context, tenant schemas.TenantID, eventType string, version uint64) error {
	return discard(ctx, r, eventTypes(), one{eventTypeID(tenant, eventType), tenant, version})
}

// PutEventType creates or replaces an event type of a tenant, or of all tenants
// if it names none, whoever owns it. Its definition is checked whole.
func (r *Registry) PutEventType(ctx context.Context, t schemas.EventType) error {
	return put(ctx, r, eventTypes(), t)
}

// RemoveEventType is [Registry.DeleteEventType] whoever owns it; one that does
// not exist is fine.
func (r *Registry) RemoveEventType(ctx context.Context, tenant schemas.TenantID, eventType string) error {
	return drop(ctx, r, eventTypes(), eventTypeID(tenant, eventType))
}

// removeEventTypes removes those of a tenant, also those that do not parse.
func (r *Registry) removeEventTypes(ctx context.Context, tenant schemas.TenantID) error {
	return r.forgetAll(ctx, eventTypePrefix+eventTypeID(tenant, ">"))
}

// forgetAll removes what is under keys, whatever it is.
func (r *Registry) forgetAll(ctx context.Context, keys string) error {
	var found []string
	err := r.entries(ctx, []string{keys}, func(e jetstream.KeyValueEntry) { found = append(found, e.Key()) }, jetstream.MetaOnly())
	for _, key := range found {
		if err == nil {
			err = unavailable("remove "+key, r.kv.Delete(ctx, key))
		}
	}
	return err
}

const (
	eventTypePrefix = "type."
	// everyTenant stands for no tenant: it is not the form of an id.
	everyTenant = "_"
)

func eventTypeID(tenant schemas.TenantID, eventType string) string {
	if tenant == "" {
		tenant = everyTenant
	}
	return string(tenant) + "." + eventType
}

// eventTypeOf is the event type that an id names.
func eventTypeOf(id string) schemas.EventType {
	tenant, eventType, _ := strings.Cut(id, ".")
	if tenant == everyTenant {
		tenant = ""
	}
	return schemas.EventType{Tenant: schemas.TenantID(tenant), Type: eventType}
}
