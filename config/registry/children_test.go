package registry_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// Of a tenant's ROQ endpoints that are made at once, or become ROQ endpoints at
// once, one stays, and the others' callers hear so.
func TestOneROQEndpointOfManyAtOnce(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		const writers = 6
		registries := make([]*registry.Registry, writers)
		for i := range registries {
			registries[i] = registryOn(t, env)
			must(t, r.PutEndpoint(ctx, in(schemas.DialectRoam, schemas.EndpointID(fmt.Sprintf("ep_%d", i)), "acme")))
		}
		for round := range 40 {
			errs := make([]error, writers)
			var wg sync.WaitGroup
			for i, r := range registries {
				id := schemas.EndpointID(fmt.Sprintf("ep_%d", i))
				wg.Go(func() {
					if i < writers/2 {
						_, errs[i] = r.UpdateEndpoint(ctx, "acme", id, registry.AnyVersion, func(e *schemas.Endpoint) error { e.Dialect = schemas.DialectROQ; return nil })
					} else {
						_, errs[i] = r.CreateEndpoint(ctx, in(schemas.DialectROQ, id+schemas.EndpointID(fmt.Sprintf("_%d", round)), "acme"))
					}
				})
			}
			wg.Wait()
			checkOneROQ(t, r, errs)
		}
	})
}

// checkOneROQ wants as many ROQ endpoints as there were callers who heard of no
// error, and not more than one. It makes room for the next.
func checkOneROQ(t *testing.T, r *registry.Registry, errs []error) {
	t.Helper()
	all, err := r.List(t.Context())
	must(t, err)
	there, fine := 0, 0
	for id, e := range all.Endpoints {
		if e.Dialect == schemas.DialectROQ {
			there++
			e.Dialect = schemas.DialectRoam
			must(t, r.PutEndpoint(t.Context(), e))
		} else if strings.Count(string(id), "_") == 2 && len(e.Secrets) == 0 {
			t.Errorf("%s was left over", id)
		}
	}
	for _, err := range errs {
		if err == nil {
			fine++
		} else if !schemas.HasCode(err, schemas.CodeConflict) {
			t.Errorf("refused with %v, want a conflict", err)
		}
	}
	if there != fine || there > 1 {
		t.Fatalf("%d ROQ endpoints are there, and %d callers were told so: %v", there, fine, errs)
	}
}

// What is added to an endpoint or a tenant while it is removed is gone with it,
// or was refused.
func TestNothingIsLeftOfWhatIsRemoved(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		adding := registryOn(t, env)
		refused := 0
		for i := range 60 {
			tenant := schemas.TenantID(fmt.Sprintf("t%d", i))
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", i))
			must(t, r.PutTenant(ctx, schemas.Tenant{ID: tenant}))
			must(t, r.PutEndpoint(ctx, endpoint(id, tenant)))
			var wg sync.WaitGroup
			wg.Go(func() {
				for n := range 10 {
					if _, err := adding.CreateSubscription(ctx, subscription(schemas.SubscriptionID(fmt.Sprintf("sub_%d_%d", i, n)), tenant, id)); err != nil {
						refused++
						break
					}
					_, _ = adding.CreateToken(ctx, token(schemas.TokenID(fmt.Sprintf("tok_%d_%d", i, n)), tenant))
				}
			})
			if i%2 == 0 {
				must(t, r.RemoveEndpoint(ctx, id))
			} else {
				must(t, r.DeleteTenant(ctx, tenant, registry.AnyVersion))
			}
			wg.Wait()
			must(t, r.RemoveTenant(ctx, tenant))
		}
		all, err := r.List(ctx)
		must(t, err)
		if len(all.Endpoints)+len(all.Subscriptions)+len(all.Tokens) > 0 || len(all.Tenants) != 2 {
			t.Errorf("left are %+v", all)
		}
		if refused == 0 {
			t.Error("nobody was refused: they did not come at once")
		}
		if keys := stored(t, env.Registry); strings.Contains(keys, "of.") {
			t.Errorf("left are\n%s", keys)
		}
	})
}

// A caller who names an old version removes nothing, not even what belongs to it.
func TestAStaleRemovalRemovesNothing(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		made, err := r.CreateEndpoint(ctx, endpoint("ep_a", "acme"))
		must(t, err)
		must(t, r.PutSubscription(ctx, subscription("sub_a", "acme", "ep_a")))
		must(t, r.DisableEndpoint(ctx, "ep_a", schemas.ReasonGone))
		before := lastSequence(t, env)
		if err := r.DeleteEndpoint(ctx, "acme", "ep_a", made.Version); !schemas.HasCode(err, schemas.CodeStale) {
			t.Errorf("got %v, want stale", err)
		}
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("%d records were written", wrote)
		}
		if _, err := r.Subscription(ctx, "sub_a"); err != nil {
			t.Error(err)
		}
	})
}

// A caller who names the version removes what they saw, whatever others do once
// the removal has begun.
func TestARemovalOfAVersionIsNotOvertaken(t *testing.T) {
	rename := func(e *schemas.Endpoint) error { e.Name = "new"; return nil }
	for key, others := range map[string]func(*testing.T, *registry.Registry, uint64){
		"subscription.": func(t *testing.T, r *registry.Registry, version uint64) { // what belongs to it is going
			_, err := r.UpdateEndpoint(t.Context(), "acme", "ep_a", version, rename)
			refusedAs(t, err, schemas.CodeStale)
		},
		"endpoint.": func(t *testing.T, r *registry.Registry, _ uint64) { // all of that has gone
			_, err := r.UpdateEndpoint(t.Context(), "acme", "ep_a", registry.AnyVersion, rename)
			must(t, err)
		},
	} {
		inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
			made, err := r.CreateEndpoint(t.Context(), endpoint("ep_a", "acme"))
			must(t, err)
			must(t, r.PutSubscription(t.Context(), subscription("sub_a", "acme", "ep_a")))
			slow := registry.New(&between{env.Registry, key, func() { others(t, r, made.Version) }}, keys)
			must(t, slow.DeleteEndpoint(t.Context(), "acme", "ep_a", made.Version))
			remain(t, r, 0)
		})
	}
}

// A subscription that is put to another endpoint goes with that one.
func TestASubscriptionMoves(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		for _, id := range []schemas.EndpointID{"ep_a", "ep_b"} {
			must(t, r.PutEndpoint(ctx, endpoint(id, "acme")))
			must(t, r.PutSubscription(ctx, subscription("sub_a", "acme", id)))
		}
		must(t, r.RemoveEndpoint(ctx, "ep_a"))
		if s, err := r.Subscription(ctx, "sub_a"); err != nil || s.Endpoint != "ep_b" {
			t.Errorf("it is %+v, %v", s, err)
		}
		must(t, r.RemoveEndpoint(ctx, "ep_b"))
		if _, err := r.Subscription(ctx, "sub_a"); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("it is there still: %v", err)
		}
		must(t, r.PutEndpoint(ctx, endpoint("ep_beta", "beta")))
		must(t, r.PutEndpoint(ctx, endpoint("ep_a", "acme")))
		must(t, r.PutSubscription(ctx, subscription("sub_a", "acme", "ep_a")))
		if err := r.PutSubscription(ctx, subscription("sub_a", "beta", "ep_beta")); !schemas.HasCode(err, schemas.CodeConflict) {
			t.Errorf("another tenant takes its id: %v", err)
		}
	})
}

// Notes are nobody's picture, and go with what they are about.
func TestNotes(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, endpoint("ep_a", "acme")))
		must(t, r.PutSubscription(ctx, subscription("sub_a", "acme", "ep_a")))
		_, err := r.CreateToken(ctx, token("tok_a", "acme"))
		must(t, err)
		check := func(sequence uint64, at time.Time, note string) {
			t.Helper()
			if got, err := r.Failing(ctx); err != nil || string(got["ep_a"]) != note || len(got) > 1 {
				t.Errorf("the notes of failing endpoints are %q, %v; want %q", got, err, note)
			}
			if got, err := r.Progress(ctx, schemas.Subscription{ID: "sub_a"}); err != nil || got != sequence {
				t.Errorf("the progress is %d, %v; want %d", got, err, sequence)
			}
			if got, err := r.Used(ctx, "tok_a"); err != nil || !got.Equal(at) {
				t.Errorf("used at %s, %v; want %s", got, err, at)
			}
		}
		check(0, time.Time{}, "")
		var seen recorder
		var log bytes.Buffer
		w, err := r.Watch(ctx, slog.New(slog.NewTextHandler(&log, nil)), seen.apply)
		must(t, err)
		ctx2, stop := context.WithCancel(ctx)
		ended := make(chan error)
		go func() { ended <- w.Run(ctx2) }()
		seen.take()
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		for _, n := range []uint64{7, 1 << 60} {
			must(t, r.SetProgress(ctx, schemas.Subscription{ID: "sub_a"}, n))
			must(t, r.SetUsed(ctx, "tok_a", at.In(time.FixedZone("", 3600))))
			must(t, r.SetFailing(ctx, "ep_a", nil))
			must(t, r.AddStored(ctx, "acme", time.Hour, 1))
			check(n, at, "")
			note := fmt.Sprintf(`{"failures":%d}`, n)
			must(t, r.SetFailing(ctx, "ep_a", []byte(note)))
			check(n, at, note)
		}
		must(t, w.CaughtUp(ctx, r))
		if got := seen.take(); len(got) > 0 {
			t.Errorf("a watcher saw\n%s", words(got))
		}
		must(t, r.RemoveTenant(ctx, "acme"))
		check(0, time.Time{}, "")
		stop()
		must(t, <-ended)
		if log.Len() > 0 {
			t.Errorf("the watcher complains:\n%s", log.String())
		}
	})
}

func TestSetHistory(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, endpoint("ep_a", "acme")))
		s := subscription("sub_a", "acme", "ep_a")
		s.History = &schemas.History{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), State: schemas.HistoryReading}
		declared := registry.Declared{Subscriptions: []schemas.Subscription{s}}
		must(t, r.Declare(ctx, declared))
		must(t, r.SetHistory(ctx, "sub_a", func(h *schemas.History) error { h.State, h.Until = schemas.HistoryJoined, 9; return nil }))
		before := lastSequence(t, env)
		must(t, r.Declare(ctx, declared))
		must(t, r.SetHistory(ctx, "sub_a", func(*schemas.History) error { return nil }))
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("%d records were written", wrote)
		}
		if got, err := r.Subscription(ctx, "sub_a"); err != nil || got.History.Until != 9 || got.History.State != schemas.HistoryJoined {
			t.Errorf("declared again it is %+v, %v", got.History, err)
		}
		must(t, r.PutSubscription(ctx, subscription("sub_b", "acme", "ep_a")))
		for id, code := range map[schemas.SubscriptionID]schemas.Code{"sub_b": schemas.CodeConflict, "sub_none": schemas.CodeNotFound} {
			if err := r.SetHistory(ctx, id, func(*schemas.History) error { return nil }); !schemas.HasCode(err, code) {
				t.Errorf("%s: %v, want %s", id, err, code)
			}
		}
	})
}

// counting counts what a registry asks of the bucket.
type counting struct {
	jetstream.KeyValue
	mu       sync.Mutex
	messages int
}

func (c *counting) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages += n
}

func (c *counting) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	c.add(1)
	return c.KeyValue.Get(ctx, key)
}

func (c *counting) WatchFiltered(ctx context.Context, keys []string, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	w, err := c.KeyValue.WatchFiltered(ctx, keys, opts...)
	if err != nil {
		return nil, err
	}
	updates := make(chan jetstream.KeyValueEntry)
	go func() { // ends with the watch
		defer close(updates)
		for e := range w.Updates() {
			c.add(1)
			select {
			case updates <- e:
			case <-ctx.Done():
			}
		}
	}()
	return &countingWatch{w, updates}, nil
}

type countingWatch struct {
	jetstream.KeyWatcher
	updates chan jetstream.KeyValueEntry
}

func (w *countingWatch) Updates() <-chan jetstream.KeyValueEntry { return w.updates }

// One update costs one message to a watcher, and what it costs the writer does
// not depend on how much there is.
func TestAnUpdateCostsOneMessage(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx, stop := context.WithCancel(t.Context())
		const n = 300
		for i := range n {
			must(t, r.PutEndpoint(ctx, endpoint(numbered(i), "acme")))
			must(t, r.PutSubscription(ctx, subscription(schemas.SubscriptionID(fmt.Sprintf("sub_%d", i)), "acme", numbered(i))))
		}
		var seen recorder
		w, err := r.Watch(ctx, slog.New(slog.DiscardHandler), seen.apply)
		must(t, err)
		if got := len(seen.take()); got != 2+2*n {
			t.Errorf("at first it saw %d records, want %d", got, 2+2*n)
		}
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		kv := &counting{KeyValue: env.Registry}
		counted := registry.New(kv, keys)
		roq := in(schemas.DialectROQ, numbered(7), "acme")
		for name, c := range map[string]struct {
			do           func() error
			writes, most int
		}{
			"put an endpoint": {func() error { e := endpoint(numbered(1), "acme"); e.Name = "new"; return counted.PutEndpoint(ctx, e) }, 1, 3},
			"update one": {func() error {
				_, err := counted.UpdateEndpoint(ctx, "acme", numbered(2), 0, func(e *schemas.Endpoint) error { e.Name = "new"; return nil })
				return err
			}, 1, 2},
			"update a subscription": {func() error {
				_, err := counted.UpdateSubscription(ctx, "acme", "sub_3", 0, func(s *schemas.Subscription) error { s.Channel = "c"; return nil })
				return err
			}, 1, 2},
			"put a ROQ endpoint":    {func() error { return counted.PutEndpoint(ctx, roq) }, 3, 6},
			"disable an endpoint":   {func() error { return counted.DisableEndpoint(ctx, numbered(4), schemas.ReasonGone) }, 1, 2},
			"remove an endpoint":    {func() error { return counted.RemoveEndpoint(ctx, numbered(5)) }, 4, 12},
			"remove a subscription": {func() error { return counted.RemoveSubscription(ctx, "sub_6") }, 2, 5},
		} {
			before := lastSequence(t, env)
			kv.messages = 0
			must(t, c.do())
			if wrote := int(lastSequence(t, env) - before); wrote != c.writes || kv.messages > c.most {
				t.Errorf("%s: wrote %d records and read %d messages, want %d and at most %d", name, wrote, kv.messages, c.writes, c.most)
			}
			synctest.Wait()
			want := 1
			if name == "remove an endpoint" {
				want = 2 // its subscription too
			}
			if got := seen.take(); len(got) != want {
				t.Errorf("%s: a watcher saw %d changes, want %d:\n%s", name, len(got), want, words(got))
			}
		}
		stop()
		must(t, <-ended)
	})
}
