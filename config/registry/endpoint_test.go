package registry_test

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// in is an endpoint in a dialect.
func in(d schemas.Dialect, id schemas.EndpointID, tenant schemas.TenantID) schemas.Endpoint {
	e := endpoint(id, tenant)
	e.Dialect = d
	return e
}

// asking is an endpoint of acme that wants its receiver's consent.
func asking(id schemas.EndpointID) schemas.Endpoint {
	e := in(schemas.DialectCloudEvents, id, "acme")
	e.Handshake = true
	return e
}

func TestATenantHasOneROQEndpoint(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		first := in(schemas.DialectROQ, "ep_first", "acme")
		must(t, r.PutEndpoint(ctx, first))
		second := in(schemas.DialectROQ, "ep_second", "acme")
		refused := func() {
			t.Helper()
			err := r.PutEndpoint(ctx, second)
			if !schemas.HasCode(err, schemas.CodeConflict) || !strings.Contains(err.Error(), "tenant acme has the ROQ endpoint ep_first") {
				t.Errorf("the second: %v, want a conflict that names the first", err)
			}
		}
		refused()
		if _, err := r.Endpoint(ctx, "ep_second"); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("the second: %v, want it not to be there", err)
		}
		first.URL = "https://example.com/moved"
		must(t, r.PutEndpoint(ctx, first)) // the same one
		must(t, r.PutEndpoint(ctx, in(schemas.DialectROQ, "ep_beta", "beta")))
		must(t, r.PutEndpoint(ctx, in(schemas.DialectOneRoute, "ep_second", "acme")))
		refused() // it may not change into one either
		must(t, r.PutEndpoint(ctx, in(schemas.DialectRelayBox, "ep_first", "acme")))
		must(t, r.PutEndpoint(ctx, second))
		must(t, r.RemoveEndpoint(ctx, "ep_second"))
		must(t, r.PutEndpoint(ctx, first))
	})
}

// A file is held to what there is in the end, not to what there is on the way.
func TestADeclarationHasOneROQEndpoint(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		of := func(endpoints ...schemas.Endpoint) registry.Declared {
			return registry.Declared{Tenants: []schemas.Tenant{{ID: "acme"}, {ID: "beta"}}, Endpoints: endpoints}
		}
		roq := func(id schemas.EndpointID) schemas.Endpoint { return in(schemas.DialectROQ, id, "acme") }
		check := func(want map[schemas.EndpointID]schemas.Dialect) {
			t.Helper()
			all, err := r.List(ctx)
			must(t, err)
			got := map[schemas.EndpointID]schemas.Dialect{}
			for id, e := range all.Endpoints {
				got[id] = e.Dialect
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("there are %v, want %v", got, want)
			}
		}
		must(t, r.Declare(ctx, of(roq("ep_a"))))
		must(t, r.Declare(ctx, of(roq("ep_b")))) // it has another id now
		check(map[schemas.EndpointID]schemas.Dialect{"ep_b": schemas.DialectROQ})
		must(t, r.Declare(ctx, of(roq("ep_a"), in(schemas.DialectRoam, "ep_b", "acme")))) // another one is it now
		check(map[schemas.EndpointID]schemas.Dialect{"ep_a": schemas.DialectROQ, "ep_b": schemas.DialectRoam})
		must(t, r.Declare(ctx, of(roq("ep_a"), in(schemas.DialectROQ, "ep_beta", "beta"))))
		check(map[schemas.EndpointID]schemas.Dialect{"ep_a": schemas.DialectROQ, "ep_beta": schemas.DialectROQ})

		must(t, r.Declare(ctx, of()))
		must(t, r.PutEndpoint(ctx, roq("ep_api"))) // the API's stays, whatever is declared
		before := lastSequence(t, env)
		for name, d := range map[string]registry.Declared{"beside the API's": of(roq("ep_a")), "two": of(in(schemas.DialectROQ, "ep_1", "beta"), in(schemas.DialectROQ, "ep_2", "beta"))} {
			d.Tenants = append(d.Tenants, schemas.Tenant{ID: "new"})
			if err := r.Declare(ctx, d); !schemas.HasCode(err, schemas.CodeConflict) {
				t.Errorf("%s: %v, want a conflict", name, err)
			}
		}
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("declarations that were refused wrote %d records", wrote)
		}
		must(t, r.Declare(ctx, of(roq("ep_api")))) // the file takes it over
	})
}

var consent = schemas.Consent{Origin: "tidings", Rate: 120}

func TestAgreeChangesNothingElse(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		want := asking("ep_a")
		want.Policy.Rate = schemas.Rate{Count: 10, Per: 1e9}
		must(t, r.PutEndpoint(ctx, want))
		asked := want
		must(t, r.DisableEndpoint(ctx, "ep_a", schemas.ReasonGone)) // meanwhile
		want.Name, want.Disabled = "Renamed meanwhile", schemas.ReasonGone
		must(t, r.PutEndpoint(ctx, want))
		must(t, r.Agree(ctx, asked, consent))
		want.Consent = &consent
		if got, err := r.Endpoint(ctx, "ep_a"); err != nil || !reflect.DeepEqual(undated(got), want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		before := lastSequence(t, env)
		must(t, r.Agree(ctx, asked, consent))
		if after := lastSequence(t, env); after != before {
			t.Errorf("agreeing again wrote %d records", after-before)
		}
		must(t, r.Agree(ctx, asked, schemas.Consent{Origin: "tidings"}))
		if got, err := r.Endpoint(ctx, "ep_a"); err != nil || got.Consent == nil || got.Consent.Rate != 0 {
			t.Errorf("agreed anew, got %+v, %v", got.Consent, err)
		}
		asked.Name, asked.Consent = "Renamed", &schemas.Consent{Origin: "nobody", Rate: 1} // which a caller cannot give
		must(t, r.PutEndpoint(ctx, asked))
		if got, err := r.Endpoint(ctx, "ep_a"); err != nil || got.Consent == nil || *got.Consent != (schemas.Consent{Origin: "tidings"}) {
			t.Errorf("renamed, the consent is %+v, %v; want it kept", got.Consent, err)
		}
		asked.URL = "https://example.com/elsewhere"
		must(t, r.PutEndpoint(ctx, asked))
		if got, err := r.Endpoint(ctx, "ep_a"); err != nil || got.Consent != nil {
			t.Errorf("moved, the consent is %+v, %v; want it void", got.Consent, err)
		}
	})
}

// A consent is for one URL, rate and dialect, and only Agree gives it.
func TestAPutKeepsTheConsentToTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*schemas.Endpoint)
		kept   bool
	}{
		"nothing":     {func(*schemas.Endpoint) {}, true},
		"mode":        {func(e *schemas.Endpoint) { e.Mode = schemas.ModeBinary }, true},
		"secret":      {func(e *schemas.Endpoint) { e.Secrets = e.Secrets[1:] }, true},
		"url":         {func(e *schemas.Endpoint) { e.URL = "https://example.com/new" }, false},
		"url, forged": {func(e *schemas.Endpoint) { e.URL, e.Consent = "https://example.com/new", &consent }, false},
		"rate":        {func(e *schemas.Endpoint) { e.Policy.Rate = schemas.Rate{Count: 1, Per: 1e9} }, false},
		"handshake":   {func(e *schemas.Endpoint) { e.Handshake = false }, false},
		"dialect":     {func(e *schemas.Endpoint) { e.Handshake, e.Dialect = false, schemas.DialectRoam }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
				ctx := t.Context()
				forged := asking("ep_a")
				forged.Consent = &consent
				must(t, r.PutEndpoint(ctx, forged))
				if got, err := r.Endpoint(ctx, "ep_a"); err != nil || got.Consent != nil {
					t.Errorf("before anybody agreed, the consent is %+v, %v", got.Consent, err)
				}
				must(t, r.Agree(ctx, asking("ep_a"), consent))
				e := asking("ep_a")
				c.change(&e)
				must(t, r.PutEndpoint(ctx, e))
				e.Consent = nil
				if c.kept {
					e.Consent = &consent
				}
				if got, err := r.Endpoint(ctx, "ep_a"); err != nil || !reflect.DeepEqual(undated(got), e) {
					t.Errorf("got %+v, %v; want %+v", got, err, e)
				}
				must(t, r.PutEndpoint(ctx, asking("ep_a")))
				if got, err := r.Endpoint(ctx, "ep_a"); err != nil || (got.Consent != nil) != c.kept {
					t.Errorf("put back as it was, the consent is %+v, %v", got.Consent, err)
				}
			})
		})
	}
}

func TestNobodyAgreesForAnother(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		moved, off, faster := asking("ep_moved"), asking("ep_off"), asking("ep_faster")
		faster.Policy.Rate = schemas.Rate{Count: 1000, Per: 1e9}
		moved.URL = "https://example.com/elsewhere"
		off.Handshake = false
		for _, e := range []schemas.Endpoint{moved, off, faster} {
			must(t, r.PutEndpoint(ctx, e))
		}
		must(t, r.PutEndpoint(ctx, asking("ep_gone")))
		must(t, r.RemoveEndpoint(ctx, "ep_gone"))
		before := lastSequence(t, env)
		for id, code := range map[schemas.EndpointID]schemas.Code{
			"ep_moved": schemas.CodeConflict, "ep_off": schemas.CodeConflict, "ep_faster": schemas.CodeConflict,
			"ep_none": schemas.CodeNotFound, "ep_gone": schemas.CodeNotFound,
		} {
			if err := r.Agree(ctx, asking(id), consent); !schemas.HasCode(err, code) || !strings.Contains(err.Error(), string(id)) {
				t.Errorf("%s: %v, want %s", id, err, code)
			}
		}
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("%d records were written", wrote)
		}
	})
}

// Agree, DisableEndpoint and PutEndpoint come at once, from three processes:
// neither finding undoes the other, and no consent outlives the URL it was
// given for.
func TestAgreeAtOnceWithOthers(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		agreeing, disabling := registryOn(t, env), registryOn(t, env)
		for i := range 100 {
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", i))
			must(t, r.PutEndpoint(ctx, asking(id)))
			moves := i%2 == 0
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := agreeing.Agree(ctx, asking(id), consent); err != nil && (!moves || !schemas.HasCode(err, schemas.CodeConflict)) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := disabling.DisableEndpoint(ctx, id, schemas.ReasonGone); err != nil {
					t.Error(err)
				}
			})
			moved := asking(id)
			moved.URL = "https://example.com/elsewhere"
			if moves {
				must(t, r.PutEndpoint(ctx, moved))
			}
			wg.Wait()
			switch got, err := r.Endpoint(ctx, id); {
			case err != nil:
				t.Fatal(err)
			case moves && (got.URL != moved.URL || got.Consent != nil):
				t.Fatalf("%s went to %s, with the consent %+v", id, got.URL, got.Consent)
			case !moves && (got.Disabled != schemas.ReasonGone || got.Consent == nil || *got.Consent != consent):
				t.Fatalf("%s: disabled is %q and the consent %+v, want both", id, got.Disabled, got.Consent)
			}
		}
	})
}

func TestADeclarationKeepsTheConsentUntilItChanges(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		declaration := func() registry.Declared {
			e := asking("ep_shop")
			e.Tenant = "shop"
			return registry.Declared{Tenants: []schemas.Tenant{{ID: "shop"}}, Endpoints: []schemas.Endpoint{e}}
		}
		must(t, r.Declare(ctx, declaration()))
		must(t, r.Agree(ctx, declaration().Endpoints[0], consent))
		must(t, r.DisableEndpoint(ctx, "ep_shop", schemas.ReasonGone))
		before := lastSequence(t, env)
		must(t, r.Declare(ctx, declaration()))
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("declaring the same again wrote %d records", wrote)
		}
		e, err := r.Endpoint(ctx, "ep_shop")
		if err != nil || e.Consent == nil || *e.Consent != consent || e.Disabled == "" {
			t.Errorf("declared again, it is %+v, %v; want its consent kept", e, err)
		}
		for name, change := range map[string]func(*schemas.Endpoint){
			"url":       func(e *schemas.Endpoint) { e.URL = "https://example.com/new" },
			"rate":      func(e *schemas.Endpoint) { e.Policy.Rate = schemas.Rate{Count: 1, Per: 1e9} },
			"handshake": func(e *schemas.Endpoint) { e.Handshake = false },
		} {
			must(t, r.Declare(ctx, declaration()))
			must(t, r.Agree(ctx, declaration().Endpoints[0], consent))
			d := declaration()
			change(&d.Endpoints[0])
			must(t, r.Declare(ctx, d))
			if e, err := r.Endpoint(ctx, "ep_shop"); err != nil || e.Consent != nil {
				t.Errorf("%s changed: the consent is %+v, %v; want it void", name, e.Consent, err)
			}
		}
	})
}

// TestResumedFrom: from when an endpoint was resumed lasts, like all of its
// policy, until a file takes the endpoint over.
func TestResumedFrom(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		want := endpoint("ep_a", "acme")
		must(t, r.PutEndpoint(ctx, want))
		want.SkipBefore = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
		want.Policy = schemas.Policy{
			Rate: schemas.Rate{Count: 5, Per: time.Second}, Burst: 2, MaxPayload: 3, Order: schemas.OrderFIFO, OrderKey: "k", Backlog: schemas.BacklogInOrder,
			MaxHeld: 4, Breaker: schemas.SwitchOn, AutoDisable: schemas.SwitchOff, DisableAfter: schemas.Duration(time.Hour), Trace: true,
		}
		change := func(e *schemas.Endpoint) error {
			e.SkipBefore, e.Policy = want.SkipBefore, want.Policy
			return nil
		}
		_, err := r.UpdateEndpoint(ctx, "acme", "ep_a", registry.AnyVersion, change)
		must(t, err)
		must(t, r.DisableEndpoint(ctx, "ep_a", schemas.ReasonFailing))
		want.Disabled = schemas.ReasonFailing
		if got, err := r.Endpoint(ctx, "ep_a"); err != nil || !reflect.DeepEqual(undated(got), want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		before := lastSequence(t, env)
		_, err = r.UpdateEndpoint(ctx, "acme", "ep_a", registry.AnyVersion, change)
		must(t, err)
		if after := lastSequence(t, env); after != before {
			t.Errorf("the same again wrote %d records", after-before)
		}

		of := registry.Declared{Tenants: []schemas.Tenant{{ID: "acme"}}, Endpoints: []schemas.Endpoint{endpoint("ep_a", "acme")}}
		must(t, r.Declare(ctx, of))
		if got, err := r.Endpoint(ctx, "ep_a"); err != nil || !got.SkipBefore.IsZero() {
			t.Errorf("declared, it skips what is before %v, %v; want nothing skipped", got.SkipBefore, err)
		}
		_, err = r.UpdateEndpoint(ctx, "acme", "ep_a", registry.AnyVersion, change)
		if !schemas.HasCode(err, schemas.CodeConflict) {
			t.Errorf("the file's endpoint: %v, want a conflict", err)
		}
	})
}
