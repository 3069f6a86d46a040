package registry_test

import (
	"sync"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
)

// TestStoredAddsUp has several add to a tenant's count at once, as two fanouts do
// during a hand-over.
func TestStoredAddsUp(t *testing.T) {
	inRegistry(t, func(t *testing.T, r *registry.Registry, _ *streamstest.Env) {
		ctx := t.Context()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 10 {
					if err := r.AddStored(ctx, "acme", time.Hour, 7); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		want := func(sum int64) {
			t.Helper()
			stored, err := r.Stored(ctx, "acme")
			if got := stored.Sum(time.Now()); err != nil || got != sum {
				t.Errorf("%d bytes, %v; want %d", got, err, sum)
			}
		}
		want(700)
		<-time.After(2 * time.Hour)
		want(0)
		must(t, r.AddStored(ctx, "acme", time.Hour, 5))
		want(5)
		must(t, r.RemoveTenant(ctx, "acme"))
		want(0)
	})
}
