package registry_test

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// between is a bucket in which something happens, once, just before a write of a
// key that begins with a text.
type between struct {
	jetstream.KeyValue
	key  string
	then func()
}

func (b *between) before(key string) {
	if then := b.then; then != nil && strings.HasPrefix(key, b.key) {
		b.then = nil
		then()
	}
}

func (b *between) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	b.before(key)
	return b.KeyValue.Create(ctx, key, value, opts...)
}

func (b *between) Delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	b.before(key)
	return b.KeyValue.Delete(ctx, key, opts...)
}

// inIdle runs a test in a registry with an endpoint that has the subscriptions
// sub_a and sub_b.
func inIdle(t *testing.T, test func(*testing.T, *registry.Registry, *streamstest.Env)) {
	t.Helper()
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		must(t, r.PutEndpoint(t.Context(), schemas.Endpoint{ID: "ep_a", Tenant: "acme", URL: "https://a.test/", Secrets: []schemas.Secret{schemas.NewSecret(secretA)}}))
		for _, id := range []schemas.SubscriptionID{"sub_a", "sub_b"} {
			join(t, r, id)
		}
		test(t, r, env)
	})
}

// join makes a subscription of the endpoint, as who needs the endpoint does.
func join(t *testing.T, r *registry.Registry, id schemas.SubscriptionID) {
	t.Helper()
	s := schemas.Subscription{ID: id, Tenant: "acme", Endpoint: "ep_a", Types: []schemas.TypePattern{"*"}}
	_, err := r.CreateSubscription(t.Context(), s)
	must(t, err)
	must(t, r.JoinEndpoint(t.Context(), s))
}

func refusedAs(t *testing.T, err error, code schemas.Code) {
	t.Helper()
	if !schemas.HasCode(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

// remain checks that these are there, and no others.
func remain(t *testing.T, r *registry.Registry, endpoints int, subscriptions ...schemas.SubscriptionID) {
	t.Helper()
	all, err := r.List(t.Context())
	must(t, err)
	if len(all.Endpoints) != endpoints || len(all.Subscriptions) != len(subscriptions) {
		t.Errorf("there are %d endpoints and %d subscriptions, want %d and %d", len(all.Endpoints), len(all.Subscriptions), endpoints, len(subscriptions))
	}
	for _, id := range subscriptions {
		if _, ok := all.Subscriptions[id]; !ok {
			t.Errorf("%s is gone", id)
		}
	}
}

func TestLeaveEndpoint(t *testing.T) {
	inIdle(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		refusedAs(t, r.LeaveEndpoint(t.Context(), "beta", "sub_a"), schemas.CodeNotFound)
		refusedAs(t, r.LeaveEndpoint(t.Context(), "acme", "sub_c"), schemas.CodeNotFound)
		must(t, r.SetProgress(t.Context(), schemas.Subscription{ID: "sub_a"}, 7))
		must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_a"))
		remain(t, r, 1, "sub_b")
		if at, err := r.Progress(t.Context(), schemas.Subscription{ID: "sub_a"}); at != 0 || err != nil {
			t.Errorf("its progress is %d, %v", at, err)
		}
		must(t, r.SetFailing(t.Context(), "ep_a", []byte("{}")))
		must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_b"))
		remain(t, r, 0)
		if notes, err := r.Failing(t.Context()); len(notes) > 0 || err != nil {
			t.Errorf("its notes are %q, %v", notes, err)
		}
		refusedAs(t, r.JoinEndpoint(t.Context(), schemas.Subscription{ID: "sub_b", Tenant: "acme", Endpoint: "ep_a"}), schemas.CodeNotFound)
	})
}

// TestLeaveEndpointOfFile leaves alone what the file declares.
func TestLeaveEndpointOfFile(t *testing.T) {
	inIdle(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		s, err := r.Subscription(t.Context(), "sub_a")
		must(t, err)
		s.Origin = schemas.OriginFile
		must(t, r.PutSubscription(t.Context(), s))
		refusedAs(t, r.LeaveEndpoint(t.Context(), "acme", "sub_a"), schemas.CodeConflict)
		s.Origin = ""
		must(t, r.PutSubscription(t.Context(), s))
		e, err := r.Endpoint(t.Context(), "ep_a")
		must(t, err)
		e.Origin = schemas.OriginFile
		must(t, r.PutEndpoint(t.Context(), e))
		must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_a"))
		must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_b"))
		remain(t, r, 1)
	})
}

// TestJoinWhileLeaving lets somebody join at each step of somebody's leaving.
func TestJoinWhileLeaving(t *testing.T) {
	t.Run("the endpoint is about to go", func(t *testing.T) {
		inIdle(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
			must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_a"))
			slow := registry.New(&between{env.Registry, "endpoint.", func() { join(t, r, "sub_c") }}, keys)
			must(t, slow.LeaveEndpoint(t.Context(), "acme", "sub_b"))
			remain(t, r, 1, "sub_c")
		})
	})
	t.Run("the same is about to be struck off the list", func(t *testing.T) {
		inIdle(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
			slow := registry.New(&between{env.Registry, "of.", func() { join(t, r, "sub_a") }}, keys)
			must(t, slow.LeaveEndpoint(t.Context(), "acme", "sub_a"))
			must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_b"))
			remain(t, r, 1, "sub_a")
		})
	})
	t.Run("the same is listed and about to be made", func(t *testing.T) {
		inIdle(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
			slow := registry.New(&between{env.Registry, "subscription.", func() {
				must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_a"))
			}}, keys)
			join(t, slow, "sub_a")
			must(t, r.LeaveEndpoint(t.Context(), "acme", "sub_b"))
			remain(t, r, 1, "sub_a")
		})
	})
	t.Run("the file takes the subscription over", func(t *testing.T) {
		inIdle(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
			slow := registry.New(&between{env.Registry, "subscription.", func() {
				s, err := r.Subscription(t.Context(), "sub_a")
				must(t, err)
				s.Origin = schemas.OriginFile
				must(t, r.PutSubscription(t.Context(), s))
			}}, keys)
			refusedAs(t, slow.LeaveEndpoint(t.Context(), "acme", "sub_a"), schemas.CodeConflict)
			remain(t, r, 1, "sub_a", "sub_b")
		})
	})
}
