package registry_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// confidential is an endpoint with all that is secret of one.
func confidential() schemas.Endpoint {
	e := endpoint("ep_a", "acme")
	e.Secrets[1] = e.Secrets[1].Until(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	e.Headers = map[string]schemas.Secret{"X-Api-Key": schemas.NewSecret("header value"), "Authorization": schemas.NewSecret("Basic abc")}
	return e
}

// stored is all the bytes that the bucket holds.
func stored(t *testing.T, kv jetstream.KeyValue) string {
	t.Helper()
	var all strings.Builder
	keys, err := kv.Keys(t.Context())
	must(t, err)
	for _, key := range keys {
		entry, err := kv.Get(t.Context(), key)
		must(t, err)
		all.WriteString(key + "=" + string(entry.Value()) + "\n")
	}
	return all.String()
}

func TestSecretsAreSealedWhereTheyAreStored(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		want := confidential()
		must(t, r.PutEndpoint(ctx, want))
		got, err := r.Endpoint(ctx, "ep_a")
		if err != nil || !reflect.DeepEqual(undated(got), want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		if !got.Secrets[1].Expires.Equal(want.Secrets[1].Expires) || got.Headers["X-Api-Key"].Reveal() != "header value" {
			t.Errorf("the second secret expires %s, the header is %q", got.Secrets[1].Expires, got.Headers["X-Api-Key"].Reveal())
		}
		secret, err := r.Secret(ctx, "consent")
		must(t, err)
		all := stored(t, env.Registry)
		for _, open := range []string{secretA, secretB, secretA[8:20], "header value", "Basic abc", "Api-Key", "2026-01-02", "<secret>", string(secret)} {
			if strings.Contains(all, open) {
				t.Errorf("the bucket shows %q:\n%s", open, all)
			}
		}
	})
}

// A record that somebody moved to another endpoint or tenant does not open.
func TestASealedRecordDoesNotMove(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		must(t, r.PutEndpoint(ctx, confidential()))
		entry, err := env.Registry.Get(ctx, "endpoint.ep_a")
		must(t, err)
		for key, change := range map[string][2]string{
			"endpoint.ep_b": {`"ep_a"`, `"ep_b"`},
			"endpoint.ep_c": {`"acme"`, `"beta"`},
			"endpoint.ep_d": {`"sealed":"`, `"sealed":"x`},
		} {
			moved := strings.Replace(string(entry.Value()), change[0], change[1], 1)
			_, err := env.Registry.PutString(ctx, key, moved)
			must(t, err)
			if e, err := r.Endpoint(ctx, schemas.EndpointID(strings.TrimPrefix(key, "endpoint."))); !schemas.HasCode(err, schemas.CodeInvalid) || len(e.Secrets) > 0 {
				t.Errorf("%s: %+v, %v; want it not to open", key, e, err)
			}
		}
	})
}

func TestWithoutKeys(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		want := confidential()
		must(t, r.PutEndpoint(ctx, want))
		s := subscription("sub_a", "acme", "ep_a")
		s.History = &schemas.History{State: schemas.HistoryReading}
		without := registry.New(env.Registry, nil)
		got, err := without.Endpoint(ctx, "ep_a")
		want.Secrets, want.Headers = nil, nil
		if err != nil || !reflect.DeepEqual(undated(got), want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		must(t, without.PutSubscription(ctx, s))
		must(t, without.SetHistory(ctx, "sub_a", func(h *schemas.History) error { h.State = schemas.HistoryJoined; return nil }))
		before := lastSequence(t, env)
		for name, err := range map[string]error{
			"put":     without.PutEndpoint(ctx, confidential()),
			"disable": without.DisableEndpoint(ctx, "ep_a", schemas.ReasonGone),
			"secret":  func() error { _, err := without.Secret(ctx, "x"); return err }(),
			"reseal":  func() error { _, err := without.Reseal(ctx); return err }(),
		} {
			if !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), "give it the key file") {
				t.Errorf("%s: %v, want to hear that there is no key", name, err)
			}
		}
		if wrote := lastSequence(t, env) - before; wrote > 0 {
			t.Errorf("%d records were written", wrote)
		}
		must(t, without.RemoveEndpoint(ctx, "ep_a"))
	})
}

// A process that lacks a key says which, and keeps what it knew of the endpoint.
func TestAKeyThatIsMissing(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx, stop := context.WithCancel(t.Context())
		must(t, r.PutEndpoint(ctx, endpoint("ep_a", "acme")))
		line := seal.NewKey()
		id := keyring(line).Seal(nil, nil)[:8]
		both := registry.New(env.Registry, keyring(line, keyLine))
		var log bytes.Buffer
		known := picture.New()
		w, err := r.Watch(ctx, slog.New(slog.NewTextHandler(&log, nil)), known.Apply)
		must(t, err)
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()

		moved := endpoint("ep_a", "acme")
		moved.URL = "https://example.com/moved"
		must(t, both.PutEndpoint(ctx, moved)) // is sealed by the new key
		must(t, w.CaughtUp(ctx, r))
		for name, do := range map[string]func() error{
			"read":    func() error { _, err := r.Endpoint(ctx, "ep_a"); return err },
			"put":     func() error { return r.PutEndpoint(ctx, moved) },
			"disable": func() error { return r.DisableEndpoint(ctx, "ep_a", schemas.ReasonGone) },
		} {
			if err := do(); !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "add it to the key file") {
				t.Errorf("%s: %v, want the key %s and what to do", name, err, id)
			}
		}
		if rec, ok := known.Endpoint("acme", "ep_a"); !ok || rec.Value.URL != "https://example.com/hooks" || len(rec.Value.Secrets) != 2 {
			t.Errorf("the picture is now %+v, %t; want the endpoint as it was", rec, ok)
		}
		if text := log.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "endpoint.ep_a") || !strings.Contains(text, id) {
			t.Errorf("the log says %q", text)
		}
		// What needs no secret works all the same.
		must(t, r.PutSubscription(ctx, subscription("sub_a", "acme", "ep_a")))
		must(t, r.DeleteEndpoint(ctx, "acme", "ep_a", registry.AnyVersion))
		stop()
		must(t, <-ended)
	})
}

// Keys rotate: a new one on top, everything sealed anew, the old one gone.
func TestReseal(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		for _, id := range []schemas.EndpointID{"ep_a", "ep_b", "ep_c"} {
			e := confidential()
			e.ID = id
			must(t, r.PutEndpoint(ctx, e))
		}
		unsigned := schemas.Endpoint{ID: "ep_open", Tenant: "acme", URL: "https://example.com", Dialect: schemas.DialectOneRoute}
		must(t, r.PutEndpoint(ctx, unsigned))
		want, err := r.Endpoint(ctx, "ep_a")
		must(t, err)
		secret, err := r.Secret(ctx, "consent")
		must(t, err)
		count := func(r *registry.Registry, want int) {
			t.Helper()
			before := lastSequence(t, env)
			got, err := r.Reseal(ctx)
			if wrote := lastSequence(t, env) - before; err != nil || got != want || int(wrote) != want {
				t.Errorf("sealed %d anew and wrote %d records, %v; want %d", got, wrote, err, want)
			}
		}
		aged := func(r *registry.Registry, want bool) {
			t.Helper()
			w, err := r.Watch(ctx, slog.New(slog.DiscardHandler))
			must(t, err)
			if w.Aged() != want {
				t.Errorf("there is something to seal anew: %t, want %t", w.Aged(), want)
			}
		}
		aged(r, false)
		count(r, 0)
		line := seal.NewKey()
		both, alone := registry.New(env.Registry, keyring(line, keyLine)), registry.New(env.Registry, keyring(line))
		if n, err := alone.Reseal(ctx); !schemas.HasCode(err, schemas.CodeUnavailable) || n != 0 {
			t.Errorf("without the old key: %d, %v", n, err)
		}
		aged(alone, true)
		must(t, both.DisableEndpoint(ctx, "ep_c", schemas.ReasonGone)) // seals it anew too
		aged(both, true)
		count(both, 3)
		aged(both, false)
		count(both, 0)
		if got, err := alone.Endpoint(ctx, "ep_a"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("with the new key alone it is %+v, %v; want %+v", got, err, want)
		}
		if got, err := alone.Secret(ctx, "consent"); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("with the new key alone the secret is %x, %v; want %x", got, err, secret)
		}
		if e, err := alone.Endpoint(ctx, "ep_c"); err != nil || e.Disabled == "" {
			t.Errorf("ep_c: %+v, %v", e, err)
		}
	})
}

// Sealing anew undoes nothing that is written meanwhile.
func TestResealWhileOthersWrite(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		const n = 50
		id := func(i int) schemas.EndpointID { return schemas.EndpointID(fmt.Sprintf("ep_%d", i)) }
		for i := range n {
			must(t, r.PutEndpoint(ctx, endpoint(id(i), "acme")))
		}
		rotating := registry.New(env.Registry, keyring(seal.NewKey(), keyLine))
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range n {
				if _, err := rotating.UpdateEndpoint(ctx, "acme", id(n-1-i), registry.AnyVersion, func(e *schemas.Endpoint) error { e.Name = "new"; return nil }); err != nil {
					t.Error(err)
				}
			}
		})
		_, err := rotating.Reseal(ctx)
		must(t, err)
		wg.Wait()
		for i := range n {
			if e, err := rotating.Endpoint(ctx, id(i)); err != nil || e.Name != "new" {
				t.Errorf("%s: %+v, %v", id(i), e, err)
			}
		}
	})
}
