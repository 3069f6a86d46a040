package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// eventType is one whose data has one number.
func eventType(tenant schemas.TenantID, name, field string) schemas.EventType {
	return schemas.EventType{Tenant: tenant, Type: name, Definition: fmt.Appendf(nil, `{
		"type": %q, "domain": "orders", "meaning": "An order <was> placed.",
		"schema": {"type": "object", "required": [%[2]q], "properties": {%[2]q: {"type": "number"}}},
		"valid": [{%[2]q: 1}], "invalid": [{"data": {}, "error": "data/%[2]s: is missing"}]
	}`, name, field)}
}

// eventTypes are those the registry holds, as a new watcher learns them: the
// tenant and the type, and what stands in the definition.
func eventTypes(t *testing.T, r *registry.Registry) map[string]schemas.EventType {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	types := map[string]schemas.EventType{}
	_, err := r.Watch(ctx, slog.New(slog.DiscardHandler), func(c schemas.Change) {
		if c.EventType != nil && !c.Removed {
			types[string(c.EventType.Tenant)+" "+c.EventType.Type] = *c.EventType
		}
	})
	must(t, err)
	return types
}

func wantTypes(t *testing.T, r *registry.Registry, want ...string) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(eventTypes(t, r))); !slices.Equal(got, want) {
		t.Errorf("there are the event types %q, want %q", got, want)
	}
}

func TestEventTypesArePutAndRemoved(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		for _, e := range []schemas.EventType{
			eventType("", "order.placed", "total"), eventType("acme", "order.placed", "sum"), eventType("beta", "order", "total"),
		} {
			must(t, r.PutEventType(ctx, e))
		}
		wantTypes(t, r, " order.placed", "acme order.placed", "beta order")
		for key, field := range map[string]string{" order.placed": `"total"`, "acme order.placed": `"sum"`} {
			if e := eventTypes(t, r)[key]; !strings.Contains(string(e.Definition), field) || !json.Valid(e.Definition) {
				t.Errorf("%q has the definition %s, want the one with %s", key, e.Definition, field)
			}
		}
		must(t, r.PutEventType(ctx, eventType("acme", "order.placed", "price")))
		if e := eventTypes(t, r)["acme order.placed"]; !strings.Contains(string(e.Definition), `"price"`) {
			t.Errorf("put again, the definition is %s", e.Definition)
		}
		must(t, r.RemoveEventType(ctx, "acme", "order.placed"))
		wantTypes(t, r, " order.placed", "beta order")
		must(t, r.RemoveEventType(ctx, "", "order.placed"))
		wantTypes(t, r, "beta order")
		must(t, r.RemoveEventType(ctx, "beta", "order.placed")) // there is none
		wantTypes(t, r, "beta order")
	})
}

func TestBadEventTypesAreRefused(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		good := eventType("acme", "order.placed", "total")
		with := func(change func(*schemas.EventType)) schemas.EventType {
			e := good
			change(&e)
			return e
		}
		before := lastSequence(t, env)
		for name, c := range map[string]struct {
			e    schemas.EventType
			code schemas.Code
			want string
		}{
			"unknown tenant":      {with(func(e *schemas.EventType) { e.Tenant = "nobody" }), schemas.CodeNotFound, `tenant "nobody"`},
			"what stands for all": {with(func(e *schemas.EventType) { e.Tenant = "_" }), schemas.CodeNotFound, `tenant "_"`},
			"no definition":       {with(func(e *schemas.EventType) { e.Definition = nil }), schemas.CodeInvalid, "order.placed.json"},
			"no JSON":             {with(func(e *schemas.EventType) { e.Definition = []byte("{") }), schemas.CodeInvalid, "order.placed.json: is not JSON"},
			"not the form":        {with(func(e *schemas.EventType) { e.Definition = []byte("{}") }), schemas.CodeInvalid, "order.placed.json"},
			"a bad example": {with(func(e *schemas.EventType) {
				e.Definition = []byte(strings.Replace(string(e.Definition), ": 1}", ": true}", 1))
			}), schemas.CodeInvalid, "order.placed.json: valid/0: data/total"},
			"of another type": {with(func(e *schemas.EventType) { e.Type = "order.paid" }), schemas.CodeInvalid, "order.paid"},
			"with a path":     {with(func(e *schemas.EventType) { e.Type = "x/order.placed" }), schemas.CodeInvalid, `"x/order.placed": its definition is of "order.placed"`},
			"no type":         {with(func(e *schemas.EventType) { e.Type = "" }), schemas.CodeInvalid, ".json"},
		} {
			if err := r.PutEventType(t.Context(), c.e); !schemas.HasCode(err, c.code) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s and %s", name, err, c.code, c.want)
			}
		}
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("%d records were written", wrote)
		}
	})
}

func TestATenantTakesItsEventTypesAlong(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		for _, tenant := range []schemas.TenantID{"", "acme", "beta"} {
			must(t, r.PutEventType(ctx, eventType(tenant, "order.placed", "total")))
		}
		must(t, r.PutEventType(ctx, eventType("acme", "order.paid", "total")))
		must(t, r.RemoveTenant(ctx, "acme"))
		wantTypes(t, r, " order.placed", "beta order.placed")
	})
}

func TestWatchersSeeEventTypes(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEventType(ctx, eventType("acme", "order.placed", "total")))
		_, err := env.Registry.PutString(ctx, "type.acme.order.bad", "{") // is skipped
		must(t, err)
		var seen recorder
		w, err := r.Watch(ctx, slog.New(slog.DiscardHandler), seen.apply)
		must(t, err)
		first := words(seen.take())
		if !strings.Contains(first, "type order.placed of \"acme\"\n") || strings.Contains(first, "order.bad") {
			t.Errorf("at first it saw\n%s", first)
		}
		ctx, stop := context.WithCancel(ctx)
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		for _, c := range []struct {
			do   func() error
			want string
		}{
			{func() error { return r.PutEventType(t.Context(), eventType("", "order.placed", "total")) }, "type order.placed of \"\"\n"},
			{func() error { return r.PutEventType(t.Context(), eventType("beta", "order.placed.late", "total")) }, "type order.placed.late of \"beta\"\n"},
			{func() error { return r.RemoveEventType(t.Context(), "", "order.placed") }, "no type order.placed of \"\"\n"},
			{func() error { return r.RemoveTenant(t.Context(), "beta") }, "no type order.placed.late of \"beta\"\nno tenant beta\n"},
		} {
			must(t, c.do())
			synctest.Wait()
			got := seen.take()
			if words(got) != c.want {
				t.Errorf("saw\n%swant\n%s", words(got), c.want)
			}
			for _, change := range got {
				if e := change.EventType; e != nil && change.Removed == (len(e.Definition) > 0) {
					t.Errorf("%s: removed is %t, and the definition %q", e.Type, change.Removed, e.Definition)
				}
			}
		}
		stop()
		must(t, <-ended)
	})
}

// declaredTypes is [declared] with types for all tenants and for its own.
func declaredTypes() registry.Declared {
	d := declared()
	d.EventTypes = []schemas.EventType{eventType("", "order.placed", "total"), eventType("shop", "order.placed", "sum"), eventType("shop", "order.paid", "sum")}
	return d
}

func TestDeclaredEventTypes(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEventType(ctx, eventType("acme", "order.placed", "total"))) // by the API
		must(t, r.Declare(ctx, declaredTypes()))
		all := []string{" order.placed", "acme order.placed", "shop order.paid", "shop order.placed"}
		wantTypes(t, r, all...)
		for key, e := range eventTypes(t, r) {
			if (e.Origin == schemas.OriginFile) != (e.Tenant != "acme") {
				t.Errorf("%q is of %q", key, e.Origin)
			}
		}
		declare := func(wrote uint64, d registry.Declared) {
			t.Helper()
			before := lastSequence(t, env)
			must(t, r.Declare(ctx, d))
			if got := lastSequence(t, env) - before; got != wrote {
				t.Errorf("wrote %d records, want %d", got, wrote)
			}
		}
		declare(0, declaredTypes())
		wantTypes(t, r, all...)

		d := declaredTypes()
		d.EventTypes[1] = eventType("shop", "order.placed", "price")
		declare(1, d)
		if e := eventTypes(t, r)["shop order.placed"]; !strings.Contains(string(e.Definition), `"price"`) {
			t.Errorf("the changed definition is %s", e.Definition)
		}
		d.EventTypes = d.EventTypes[1:2]
		declare(2, d)
		wantTypes(t, r, "acme order.placed", "shop order.placed")
		must(t, r.Declare(ctx, registry.Declared{}))
		wantTypes(t, r, "acme order.placed")
	})
}

// A definition that is laid out otherwise is the same.
func TestADefinitionLaidOutOtherwiseIsNotWritten(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		d := declaredTypes()
		must(t, r.Declare(t.Context(), d))
		before := lastSequence(t, env)
		for i, e := range d.EventTypes {
			d.EventTypes[i].Definition = []byte(strings.ReplaceAll(string(e.Definition), "\n", "\r\n\t "))
		}
		must(t, r.Declare(t.Context(), d))
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("wrote %d records", wrote)
		}
	})
}
