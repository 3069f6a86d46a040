package registry_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// All processes get the same secret, also when they ask first and at once. No
// watcher gets it, and no log.
func TestASecretIsMadeOnce(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		ctx := t.Context()
		other := registryOn(t, env)
		seen := map[string]bool{}
		for i := range 50 {
			name := fmt.Sprintf("name%d", i)
			var secrets [2][]byte
			var wg sync.WaitGroup
			for j, asker := range []*registry.Registry{r, other} {
				wg.Go(func() {
					var err error
					if secrets[j], err = asker.Secret(ctx, name); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			again, err := r.Secret(ctx, name)
			must(t, err)
			if len(again) != 32 || !bytes.Equal(secrets[0], again) || !bytes.Equal(secrets[1], again) || seen[string(again)] {
				t.Fatalf("%s: %x and %x, and then %x", name, secrets[0], secrets[1], again)
			}
			seen[string(again)] = true
		}
		var log bytes.Buffer
		var watcher recorder
		_, err := r.Watch(ctx, slog.New(slog.NewTextHandler(&log, nil)), watcher.apply)
		must(t, err)
		if got := words(watcher.take()); got != "tenant acme\ntenant beta\n" || log.Len() > 0 {
			t.Errorf("a watcher saw\n%sand said %s", got, log.String())
		}
	})
}

// A tenant that goes while its secret is made leaves none.
func TestATenantGoesWhileItsSecretIsMade(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, env *streamstest.Env) {
		slow := registry.New(&between{env.Registry, "secret.", func() { must(t, r.RemoveTenant(t.Context(), "acme")) }}, keys)
		_, err := slow.TenantSecret(t.Context(), "acme", "roam")
		refusedAs(t, err, schemas.CodeNotFound)
		if all := storedKeys(t, env); strings.Contains(all, "secret.") {
			t.Errorf("left is\n%s", all)
		}
	})
}
