package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const (
	secretA = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secretB = "whsec_c2VjcmV0IG51bWJlciB0d28gb2YgdGhpcyB0ZXN0"
)

// keys seal the secrets of all tests.
var (
	keyLine = seal.NewKey()
	keys    = keyring(keyLine)
)

func keyring(lines ...string) *seal.Keyring {
	ring, err := seal.Parse(strings.Join(lines, "\n"))
	if err != nil {
		panic(err)
	}
	return ring
}

// inRegistry runs a test in a bubble, with a registry that has the tenants acme
// and beta.
func inRegistry(t *testing.T, test func(*testing.T, *registry.Registry, *streamstest.Env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		r := registry.New(env.Registry, keys)
		for _, id := range []schemas.TenantID{"acme", "beta"} {
			must(t, r.PutTenant(t.Context(), schemas.Tenant{ID: id}))
		}
		test(t, r, env)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// undated is a value without when it was made.
func undated[T any](v T) T {
	reflect.ValueOf(&v).Elem().FieldByName("Created").SetZero()
	return v
}

func endpoint(id schemas.EndpointID, tenant schemas.TenantID) schemas.Endpoint {
	return schemas.Endpoint{
		ID: id, Tenant: tenant, Name: "Hooks", URL: "https://example.com/hooks", Dialect: schemas.DialectStandard,
		Secrets: []schemas.Secret{schemas.NewSecret(secretA), schemas.NewSecret(secretB)},
		Policy:  schemas.Policy{Timeout: 20e9, Retry: []schemas.Duration{1e9, 60e9}, Concurrency: 3},
	}
}

func subscription(id schemas.SubscriptionID, tenant schemas.TenantID, to schemas.EndpointID) schemas.Subscription {
	return schemas.Subscription{ID: id, Tenant: tenant, Endpoint: to, Types: []schemas.TypePattern{"user.*", "room.created"}}
}

func TestRecordsSurviveTheRoundTrip(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		bare := schemas.Endpoint{ID: "ep_bare", Tenant: "acme", URL: "https://example.com", Secrets: []schemas.Secret{schemas.NewSecret(secretA)}}
		once := endpoint("ep_once", "acme")
		once.Policy.Retry = []schemas.Duration{} // one attempt, which is not the same as none given
		asked := asking("ep_asked")
		asked.Mode, asked.Policy.Rate = schemas.ModeBatched, schemas.Rate{Count: 600, Per: time.Minute}
		unsigned := schemas.Endpoint{ID: "ep_unsigned", Tenant: "acme", URL: "https://example.com", Dialect: schemas.DialectOneRoute}
		for _, want := range []schemas.Endpoint{endpoint("ep_a", "acme"), bare, once, asked, unsigned} {
			must(t, r.PutEndpoint(ctx, want))
			got, err := r.Endpoint(ctx, want.ID)
			if err != nil || !reflect.DeepEqual(undated(got), want) {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			for i, s := range got.Secrets {
				if s.Reveal() != want.Secrets[i].Reveal() {
					t.Errorf("%s: secret %d differs", want.ID, i)
				}
			}
		}
		tenant := schemas.Tenant{ID: "acme", Name: "Acme Inc.", Validation: schemas.ValidationWarn}
		must(t, r.PutTenant(ctx, tenant))
		if got, err := r.Tenant(ctx, "acme"); err != nil || undated(got) != tenant {
			t.Errorf("got %+v, %v; want %+v", got, err, tenant)
		}
		s := subscription("sub_a", "acme", "ep_a")
		s.Channel = "c1"
		must(t, r.PutSubscription(ctx, s))
		if got, err := r.Subscription(ctx, "sub_a"); err != nil || !reflect.DeepEqual(undated(got), s) {
			t.Errorf("got %+v, %v; want %+v", got, err, s)
		}

		moved := endpoint("ep_a", "acme")
		moved.URL = "https://example.com/moved"
		must(t, r.PutEndpoint(ctx, moved))
		all, err := r.List(ctx)
		must(t, err)
		if len(all.Tenants) != 2 || len(all.Endpoints) != 5 || len(all.Subscriptions) != 1 || all.Endpoints["ep_a"].URL != moved.URL {
			t.Errorf("the list is %+v", all)
		}
	})
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, endpoint("ep_gone", "acme")))
		must(t, r.PutSubscription(ctx, subscription("sub_gone", "acme", "ep_gone")))
		must(t, r.RemoveEndpoint(ctx, "ep_gone"))
		for name, ask := range map[string]func() error{
			"tenant":              func() error { _, err := r.Tenant(ctx, "nobody"); return err },
			"tenant, no name":     func() error { _, err := r.Tenant(ctx, "NO!"); return err },
			"tenant, empty":       func() error { _, err := r.Tenant(ctx, ""); return err },
			"endpoint":            func() error { _, err := r.Endpoint(ctx, "ep_none"); return err },
			"endpoint, removed":   func() error { _, err := r.Endpoint(ctx, "ep_gone"); return err },
			"subscription":        func() error { _, err := r.Subscription(ctx, "sub_none"); return err },
			"subscription of it":  func() error { _, err := r.Subscription(ctx, "sub_gone"); return err },
			"tenant of endpoint":  func() error { return r.PutEndpoint(ctx, endpoint("ep_a", "nobody")) },
			"endpoint of sub":     func() error { return r.PutSubscription(ctx, subscription("sub_a", "acme", "ep_none")) },
			"endpoint to disable": func() error { return r.DisableEndpoint(ctx, "ep_none", schemas.ReasonGone) },
			"endpoint of a stranger": func() error {
				must(t, r.PutEndpoint(ctx, endpoint("ep_beta", "beta")))
				return r.PutSubscription(ctx, subscription("sub_a", "acme", "ep_beta"))
			},
		} {
			if err := ask(); !schemas.HasCode(err, schemas.CodeNotFound) {
				t.Errorf("%s: %v, want not found", name, err)
			}
		}
		must(t, r.RemoveSubscription(ctx, "sub_none"))
		must(t, r.RemoveEndpoint(ctx, "ep_none"))
		must(t, r.RemoveTenant(ctx, "nobody"))
	})
}

func TestBadRecordsAreRefused(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, endpoint("ep_beta", "beta")))
		noURL := endpoint("ep_a", "acme")
		noURL.URL = "/hooks"
		noTypes := subscription("sub_a", "beta", "ep_beta")
		noTypes.Types = nil
		for name, c := range map[string]struct {
			err  error
			code schemas.Code
		}{
			"tenant":             {r.PutTenant(ctx, schemas.Tenant{ID: "No!"}), schemas.CodeInvalid},
			"endpoint":           {r.PutEndpoint(ctx, noURL), schemas.CodeInvalid},
			"subscription":       {r.PutSubscription(ctx, noTypes), schemas.CodeInvalid},
			"another's endpoint": {r.PutEndpoint(ctx, endpoint("ep_beta", "acme")), schemas.CodeConflict},
		} {
			if !schemas.HasCode(c.err, c.code) {
				t.Errorf("%s: %v, want %s", name, c.err, c.code)
			}
		}
		if e, err := r.Endpoint(ctx, "ep_beta"); err != nil || e.Tenant != "beta" {
			t.Errorf("the endpoint is now %+v, %v", e, err)
		}
	})
}

func TestRemovalTakesWhatBelongsToIt(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		for _, id := range []schemas.EndpointID{"ep_a", "ep_b"} {
			must(t, r.PutEndpoint(ctx, endpoint(id, "acme")))
			must(t, r.PutSubscription(ctx, subscription("sub_"+schemas.SubscriptionID(id)+"1", "acme", id)))
			must(t, r.PutSubscription(ctx, subscription("sub_"+schemas.SubscriptionID(id)+"2", "acme", id)))
		}
		must(t, r.PutEndpoint(ctx, endpoint("ep_c", "beta")))
		count := func(tenants, endpoints, subscriptions int) {
			t.Helper()
			all, err := r.List(ctx)
			must(t, err)
			if len(all.Tenants) != tenants || len(all.Endpoints) != endpoints || len(all.Subscriptions) != subscriptions {
				t.Errorf("%d tenants, %d endpoints, %d subscriptions; want %d, %d, %d",
					len(all.Tenants), len(all.Endpoints), len(all.Subscriptions), tenants, endpoints, subscriptions)
			}
		}
		count(2, 3, 4)
		must(t, r.RemoveSubscription(ctx, "sub_ep_a1"))
		count(2, 3, 3)
		must(t, r.RemoveEndpoint(ctx, "ep_a"))
		count(2, 2, 2)
		must(t, r.RemoveTenant(ctx, "acme"))
		count(1, 1, 0)
	})
}

func TestDisableChangesNothingElse(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		want := endpoint("ep_a", "acme")
		must(t, r.PutEndpoint(ctx, want))
		must(t, r.DisableEndpoint(ctx, "ep_a", schemas.ReasonGone))
		want.Disabled = schemas.ReasonGone
		if got, err := r.Endpoint(ctx, "ep_a"); err != nil || !reflect.DeepEqual(undated(got), want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		before := lastSequence(t, env)
		must(t, r.DisableEndpoint(ctx, "ep_a", schemas.ReasonGone))
		if after := lastSequence(t, env); after != before {
			t.Errorf("disabling again wrote %d records", after-before)
		}
	})
}

// TestDisableNeverUndoesAPut lets many connections disable an endpoint while
// others put it with ever newer URLs: the last URL put must be there in the end.
func TestDisableNeverUndoesAPut(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, endpoint("ep_a", "acme")))
		var wg sync.WaitGroup
		for range 4 {
			other := registryOn(t, env)
			wg.Go(func() {
				for range 100 {
					if err := other.DisableEndpoint(ctx, "ep_a", schemas.ReasonGone); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 200 {
			e := endpoint("ep_a", "acme")
			e.URL = fmt.Sprintf("https://example.com/%d", i)
			must(t, r.PutEndpoint(ctx, e))
			if got, err := r.Endpoint(ctx, "ep_a"); err != nil || got.URL != e.URL {
				t.Fatalf("put %s, and then there is %s, %v", e.URL, got.URL, err)
			}
		}
		wg.Wait()
		got, err := r.Endpoint(ctx, "ep_a")
		if err != nil || got.URL != "https://example.com/199" || len(got.Secrets) != 2 {
			t.Errorf("in the end there is %+v, %v", got, err)
		}
	})
}

// An id belongs to one tenant, also when two ask for it at once.
func TestAnIDIsTakenOnce(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		other := registryOn(t, env)
		for i := range 100 {
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", i))
			errs := make([]error, 2)
			var wg sync.WaitGroup
			wg.Go(func() { errs[0] = r.PutEndpoint(t.Context(), endpoint(id, "acme")) })
			wg.Go(func() { errs[1] = other.PutEndpoint(t.Context(), endpoint(id, "beta")) })
			wg.Wait()
			e, err := r.Endpoint(t.Context(), id)
			must(t, err)
			lost := 1
			if e.Tenant == "beta" {
				lost = 0
			}
			if errs[1-lost] != nil || !schemas.HasCode(errs[lost], schemas.CodeConflict) {
				t.Fatalf("%s is of %s, and they heard %v and %v", id, e.Tenant, errs[0], errs[1])
			}
		}
	})
}

func registryOn(t *testing.T, env *streamstest.Env) *registry.Registry {
	t.Helper()
	kv, err := keyValue(t, env)
	must(t, err)
	return registry.New(kv, keys)
}

func TestWatchersSeeAllThatIsAndThenEachChange(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, endpoint("ep_a", "acme")))
		must(t, r.PutSubscription(ctx, subscription("sub_a", "acme", "ep_a")))
		must(t, r.PutEndpoint(ctx, endpoint("ep_b", "acme")))
		must(t, r.RemoveEndpoint(ctx, "ep_b"))
		_, err := env.Registry.PutString(ctx, "endpoint.ep_bad", "{") // is skipped
		must(t, err)

		var seen, too recorder
		w, err := r.Watch(ctx, slog.New(slog.DiscardHandler), seen.apply, too.apply)
		must(t, err)
		first := words(seen.take()) // without waiting: it is there when Watch returns
		for _, want := range []string{"tenant acme", "tenant beta", "endpoint ep_a", "subscription sub_a to ep_a"} {
			if strings.Count(first, want+"\n") != 1 {
				t.Errorf("at first it saw\n%swant %s once", first, want)
			}
		}
		if strings.Contains(first, "ep_bad") {
			t.Errorf("at first it saw\n%s: a record that does not parse", first)
		}
		ctx, stop := context.WithCancel(ctx)
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		for _, c := range []struct {
			do   func() error
			want string
		}{
			{func() error { return r.PutTenant(t.Context(), schemas.Tenant{ID: "new"}) }, "tenant new\n"},
			{func() error { return r.PutEndpoint(t.Context(), endpoint("ep_c", "new")) }, "endpoint ep_c\n"},
			{func() error { return r.DisableEndpoint(t.Context(), "ep_c", schemas.ReasonGone) }, "endpoint ep_c disabled\n"},
			{func() error { return r.PutSubscription(t.Context(), subscription("sub_c", "new", "ep_c")) }, "subscription sub_c to ep_c\n"},
			{func() error { return r.RemoveTenant(t.Context(), "new") }, "no subscription sub_c\nno endpoint ep_c\nno tenant new\n"},
		} {
			must(t, c.do())
			synctest.Wait()
			got := seen.take()
			if words(got) != c.want {
				t.Errorf("saw\n%swant\n%s", words(got), c.want)
			}
			if text := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(text, secretA[8:]) {
				t.Errorf("a change shows the secret: %s", text)
			}
			for _, change := range got {
				checkSecrets(t, change)
			}
		}
		if n := len(too.take()); n == 0 {
			t.Error("the second function was told nothing")
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}
