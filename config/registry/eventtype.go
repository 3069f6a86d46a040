package registry

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// PutEventType creates or replaces an event type of a tenant, or of all tenants
// if it names none. Its definition is checked whole.
func (r *Registry) PutEventType(ctx context.Context, t schemas.EventType) error {
	if t.Tenant != "" {
		if _, err := r.Tenant(ctx, t.Tenant); err != nil {
			return err
		}
	}
	defined, err := catalogue.Parse(t.Type+".json", t.Definition)
	if err != nil {
		return err
	}
	if defined.Type != t.Type { // Parse takes a name for a path, and looks at its last part
		return schemas.Errorf(schemas.CodeInvalid, "event type %q: its definition is of %q", t.Type, defined.Type)
	}
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	key := eventTypeKey(t.Tenant, t.Type)
	if _, err := r.kv.Put(ctx, key, b); err != nil {
		return unavailable("write "+key, err)
	}
	if t.Tenant != "" { // once more, like insert
		if _, err := r.Tenant(ctx, t.Tenant); schemas.HasCode(err, schemas.CodeNotFound) {
			return errors.Join(err, r.RemoveEventType(ctx, t.Tenant, t.Type))
		}
	}
	return nil
}

// removeEventTypes removes those of a tenant.
func (r *Registry) removeEventTypes(ctx context.Context, tenant schemas.TenantID) error {
	var types []schemas.EventType
	err := r.entries(ctx, []string{eventTypeKey(tenant, ">")}, func(e jetstream.KeyValueEntry) {
		types = append(types, eventTypeOf(strings.TrimPrefix(e.Key(), eventTypePrefix)))
	}, jetstream.MetaOnly())
	if err != nil {
		return err
	}
	for _, t := range types {
		if err := r.RemoveEventType(ctx, t.Tenant, t.Type); err != nil {
			return err
		}
	}
	return nil
}

// RemoveEventType removes an event type; one that does not exist is fine.
// Events of a type that is not known are not checked.
func (r *Registry) RemoveEventType(ctx context.Context, tenant schemas.TenantID, eventType string) error {
	return unavailable("remove event type "+eventType, r.kv.Delete(ctx, eventTypeKey(tenant, eventType)))
}

const (
	eventTypePrefix = "type."
	// everyTenant stands for no tenant: it is not the form of an id.
	everyTenant = "_"
)

func eventTypeKey(tenant schemas.TenantID, eventType string) string {
	if tenant == "" {
		tenant = everyTenant
	}
	return eventTypePrefix + string(tenant) + "." + eventType
}

// eventTypeOf is the event type that a key below the prefix names.
func eventTypeOf(rest string) schemas.EventType {
	tenant, eventType, _ := strings.Cut(rest, ".")
	if tenant == everyTenant {
		tenant = ""
	}
	return schemas.EventType{Tenant: schemas.TenantID(tenant), Type: eventType}
}
