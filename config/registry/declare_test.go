package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// lastSequence counts the writes there ever were.
func lastSequence(t *testing.T, env *streamstest.Env) uint64 {
	t.Helper()
	js, err := jetstream.New(env.NC)
	must(t, err)
	s, err := js.Stream(t.Context(), "KV_"+schemas.BucketRegistry)
	must(t, err)
	return s.CachedInfo().State.LastSeq
}

func keyValue(t *testing.T, env *streamstest.Env) (jetstream.KeyValue, error) {
	t.Helper()
	js, err := jetstream.New(env.Connect())
	must(t, err)
	return js.KeyValue(t.Context(), schemas.BucketRegistry)
}

func declared() registry.Declared {
	once := endpoint("ep_once", "shop")
	once.Policy.Retry = []schemas.Duration{}
	return registry.Declared{
		Tenants:       []schemas.Tenant{{ID: "shop", Name: "Shop"}},
		Endpoints:     []schemas.Endpoint{endpoint("ep_shop", "shop"), once},
		Subscriptions: []schemas.Subscription{subscription("sub_shop", "shop", "ep_shop")},
	}
}

func TestDeclareAgainWritesNothing(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		before := lastSequence(t, env)
		must(t, r.Declare(ctx, declared()))
		if wrote := lastSequence(t, env) - before; wrote != 7 { // and where the endpoints and the subscription belong
			t.Errorf("the first declaration wrote %d records, want 7", wrote)
		}
		before = lastSequence(t, env)
		must(t, r.Declare(ctx, declared()))
		must(t, r.DisableEndpoint(ctx, "ep_shop", schemas.ReasonGone))
		must(t, r.Declare(ctx, declared()))
		if wrote := lastSequence(t, env) - before; wrote != 1 { // the disabling
			t.Errorf("declaring the same again wrote %d records", wrote-1)
		}
		e, err := r.Endpoint(ctx, "ep_shop")
		if err != nil || e.Disabled != schemas.ReasonGone || e.Origin != schemas.OriginFile {
			t.Errorf("the endpoint is %+v, %v; want it disabled still, and of the file", e, err)
		}
	})
}

// A tenant stays as old as it is, however often the file declares it, and differently:
// what it had before would be taken for another's.
func TestADeclaredTenantStaysAsOldAsItIs(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		must(t, r.Declare(ctx, declared()))
		first, err := r.Tenant(ctx, "shop")
		must(t, err)
		<-time.After(2 * time.Millisecond)
		must(t, r.Declare(ctx, declared()))
		changed := declared()
		changed.Tenants[0].Name = "Store"
		must(t, r.Declare(ctx, changed))
		now, err := r.Tenant(ctx, "shop")
		if err != nil || now.Name != "Store" || first.Created.IsZero() || !now.Created.Equal(first.Created) {
			t.Errorf("%+v became %+v, %v", first, now, err)
		}
	})
}

func TestAChangedDeclarationIsWritten(t *testing.T) {
	for name, change := range map[string]func(*registry.Declared){
		"tenant's name":      func(d *registry.Declared) { d.Tenants[0].Name = "Store" },
		"tenant's rule":      func(d *registry.Declared) { d.Tenants[0].Validation = schemas.ValidationWarn },
		"channel":            func(d *registry.Declared) { d.Subscriptions[0].Channel = "c1" },
		"url":                func(d *registry.Declared) { d.Endpoints[0].URL = "https://example.com/new" },
		"secret":             func(d *registry.Declared) { d.Endpoints[0].Secrets[0] = schemas.NewSecret(secretB) },
		"one secret fewer":   func(d *registry.Declared) { d.Endpoints[0].Secrets = d.Endpoints[0].Secrets[:1] },
		"retry":              func(d *registry.Declared) { d.Endpoints[0].Policy.Retry[1]++ },
		"a limit":            func(d *registry.Declared) { d.Endpoints[1].Policy.MaxPayload = 1 },
		"a switch":           func(d *registry.Declared) { d.Endpoints[1].Policy.Breaker = schemas.SwitchOff },
		"default for a list": func(d *registry.Declared) { d.Endpoints[1].Policy.Retry = nil },
		"types":              func(d *registry.Declared) { d.Subscriptions[0].Types = []schemas.TypePattern{"*"} },
	} {
		t.Run(name, func(t *testing.T) {
			inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
				ctx := t.Context()
				must(t, r.Declare(ctx, declared()))
				must(t, r.DisableEndpoint(ctx, "ep_shop", schemas.ReasonGone))
				before := lastSequence(t, env)
				d := declared()
				change(&d)
				must(t, r.Declare(ctx, d))
				if wrote := lastSequence(t, env) - before; wrote != 1 {
					t.Errorf("wrote %d records, want 1", wrote)
				}
				e, err := r.Endpoint(ctx, "ep_shop")
				must(t, err)
				changed := e.URL != declared().Endpoints[0].URL || name == "secret" || name == "one secret fewer" || name == "retry"
				if (e.Disabled == "") != changed {
					t.Errorf("disabled is %q; want it lifted only if the endpoint's declaration changed", e.Disabled)
				}
			})
		})
	}
}

func TestWhatIsNoLongerDeclaredGoes(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, endpoint("ep_api", "acme")))
		must(t, r.PutSubscription(ctx, subscription("sub_api", "acme", "ep_api")))
		must(t, r.Declare(ctx, declared()))

		d := declared()
		d.Subscriptions = nil
		must(t, r.Declare(ctx, d))
		if _, err := r.Subscription(ctx, "sub_shop"); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("the subscription: %v, want it gone", err)
		}
		d.Endpoints = d.Endpoints[1:]
		must(t, r.Declare(ctx, d))
		if _, err := r.Endpoint(ctx, "ep_shop"); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("the endpoint: %v, want it gone", err)
		}
		must(t, r.Declare(ctx, registry.Declared{}))
		all, err := r.List(ctx)
		must(t, err)
		if len(all.Tenants) != 2 || len(all.Endpoints) != 1 || len(all.Subscriptions) != 1 {
			t.Errorf("left are %+v; want what was made through the API", all)
		}
	})
}

func TestADeclarationTakesNoEndpointFromAnother(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		must(t, r.PutEndpoint(t.Context(), endpoint("ep_shop", "acme")))
		if err := r.Declare(t.Context(), declared()); !schemas.HasCode(err, schemas.CodeConflict) {
			t.Errorf("got %v, want a conflict", err)
		}
		if _, err := r.Tenant(t.Context(), "shop"); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("the tenant: %v; want nothing written of a declaration that cannot be", err)
		}
	})
}

// Two tokens of one text would be one caller or the other.
func TestADeclaredTokenIsNobodyElses(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		made := token("tok_api", "acme")
		_, err := r.CreateToken(t.Context(), made)
		must(t, err)
		a, b := token("tok_a", "acme"), token("tok_b", "beta")
		must(t, r.Declare(t.Context(), registry.Declared{Tokens: []schemas.Token{a, b}}))
		before := lastSequence(t, env)
		for _, other := range []schemas.Token{made, a} {
			double := b
			double.Hash = other.Hash
			err := r.Declare(t.Context(), registry.Declared{Tenants: []schemas.Tenant{{ID: "acme", Name: "new"}}, Tokens: []schemas.Token{a, double}})
			refusedAs(t, err, schemas.CodeConflict)
			if err != nil && (!strings.Contains(err.Error(), string(other.ID)) || strings.Contains(err.Error(), other.Hash)) {
				t.Errorf("want the other's id, and no hash: %v", err)
			}
		}
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("%d records were written", wrote)
		}
		// The texts of two that are declared may change places, and move to a new id.
		a.Hash, b.Hash = b.Hash, a.Hash
		must(t, r.Declare(t.Context(), registry.Declared{Tokens: []schemas.Token{a, b}}))
		b.ID = "tok_c"
		must(t, r.Declare(t.Context(), registry.Declared{Tokens: []schemas.Token{a, b}}))
	})
}

// What waits for an endpoint that is sent to lies elsewhere than what is pulled.
func TestADeclaredEndpointStaysOfItsKind(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		must(t, r.Declare(t.Context(), declared()))
		d := declared()
		d.Endpoints[0].URL, d.Endpoints[0].Pull, d.Endpoints[0].Policy = "", true, schemas.Policy{}
		if err := r.Declare(t.Context(), d); !schemas.HasCode(err, schemas.CodeConflict) || !strings.Contains(err.Error(), "under another id") {
			t.Errorf("got %v, want a conflict", err)
		}
		d.Endpoints[0].ID, d.Subscriptions = "ep_pulled", nil
		must(t, r.Declare(t.Context(), d))
		if e, err := r.Endpoint(t.Context(), "ep_pulled"); err != nil || !e.Pull || e.URL != "" {
			t.Errorf("got %+v, %v", e, err)
		}
	})
}
