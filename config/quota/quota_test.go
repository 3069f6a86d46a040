package quota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/schemas"
)

// world is what quotas go by.
type world struct {
	mu        sync.Mutex
	tenants   map[schemas.TenantID]schemas.Tenant
	endpoints map[schemas.TenantID]map[schemas.EndpointID]bool
	stored    int64
	held      int
	asked     int
	broken    error
}

func newWorld(own, byDefault schemas.Quota) (*world, *Quotas) {
	w := &world{
		tenants:   map[schemas.TenantID]schemas.Tenant{"acme": {ID: "acme", Quota: own}, "beta": {ID: "beta"}},
		endpoints: map[schemas.TenantID]map[schemas.EndpointID]bool{"acme": {}, "beta": {}},
	}
	return w, New(Options{
		Default: byDefault,
		Tenant:  func(id schemas.TenantID) (schemas.Tenant, bool) { t, ok := w.tenants[id]; return t, ok },
		Endpoints: func(id schemas.TenantID) int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.endpoints[id])
		},
		Has: func(tenant schemas.TenantID, id schemas.EndpointID) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.endpoints[tenant][id]
		},
		CaughtUp: func(context.Context) error { return nil },
		Stored: func(_ context.Context, id schemas.TenantID) (int64, error) {
			w.asked++
			if id != "acme" {
				return 0, w.broken
			}
			return w.stored, w.broken
		},
		Held: func(context.Context) (map[schemas.TenantID]int, error) {
			w.asked++
			return map[schemas.TenantID]int{"acme": w.held}, w.broken
		},
	})
}

// waits is how long a refusal says to wait; -1 is none.
func waits(err error) time.Duration {
	if many, ok := errors.AsType[*access.TooMany](err); ok && schemas.HasCode(err, schemas.CodeTooMany) {
		return many.Wait
	}
	if err != nil {
		return -2
	}
	return -1
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := newWorld(schemas.Quota{Events: schemas.Rate{Count: 10, Per: time.Second}}, schemas.Quota{})
		publish := func(tenant schemas.TenantID, events int, want time.Duration) {
			t.Helper()
			if got := waits(q.Publish(t.Context(), tenant, events)); got != want {
				t.Errorf("%d events of %s: wait %s, want %s", events, tenant, got, want)
			}
		}
		for range 11 { // a second's, and the one that is begun
			publish("acme", 1, -1)
		}
		publish("acme", 1, 100*time.Millisecond)
		publish("beta", 1000, -1) // it has no quota
		<-time.After(100 * time.Millisecond)
		publish("acme", 1, -1)
		publish("acme", 1, 100*time.Millisecond)
		<-time.After(10 * time.Second)
		publish("acme", 600, -1) // a batch is not cut
		publish("acme", 1, 59*time.Second)
		<-time.After(59 * time.Second)
		publish("acme", 1, -1)
	})
}

// TestTheRateIsTheQuotas publishes as fast as it may for a minute, in batches of
// all sizes.
func TestTheRateIsTheQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, q := newWorld(schemas.Quota{Events: schemas.Rate{Count: 600, Per: time.Minute}}, schemas.Quota{})
		start, published := time.Now(), 0
		for batch := 1; time.Since(start) < time.Hour; batch = batch%97 + 1 {
			if wait := waits(q.Publish(t.Context(), "acme", batch)); wait >= 0 {
				<-time.After(wait)
			} else {
				published += batch
			}
		}
		if most := 600*61 + 97; published > most || published < 600*59 {
			t.Errorf("%d events in an hour, want at most %d", published, most)
		}
	})
}

func TestStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(schemas.Quota{}, schemas.Quota{StoredBytes: 1000})
		publish := func(tenant schemas.TenantID, want time.Duration) {
			t.Helper()
			if got := waits(q.Publish(t.Context(), tenant, 1)); got != want {
				t.Errorf("%s: %s, want %s", tenant, got, want)
			}
		}
		w.stored = 999
		publish("acme", -1)
		w.stored = 1000
		for range 10 {
			publish("acme", -1) // nobody has looked again
		}
		if w.asked != 1 {
			t.Errorf("asked %d times, want 1", w.asked)
		}
		<-time.After(fresh)
		publish("acme", fresh)
		publish("beta", -1)
		w.broken = schemas.Errorf(schemas.CodeUnavailable, "no registry")
		<-time.After(fresh)
		publish("acme", -2)
	})
}

func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, q := newWorld(schemas.Quota{Held: 5}, schemas.Quota{})
		w.held = 5
		if got := waits(q.Publish(t.Context(), "acme", 1)); got != fresh {
			t.Errorf("%s", got)
		}
		if got := waits(q.Publish(t.Context(), "beta", 1)); got != -1 {
			t.Errorf("another: %s", got)
		}
		w.held = 4
		<-time.After(fresh)
		if got := waits(q.Publish(t.Context(), "acme", 1)); got != -1 || w.asked != 2 {
			t.Errorf("%s after %d questions", got, w.asked)
		}
	})
}

// TestEndpointsAtOnce makes many endpoints at once, of which the registry's
// picture learns late, and some fail.
func TestEndpointsAtOnce(t *testing.T) {
	w, q := newWorld(schemas.Quota{Endpoints: 10}, schemas.Quota{})
	var wg sync.WaitGroup
	for n := range 100 {
		wg.Go(func() {
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", n))
			done, err := q.Make(t.Context(), "acme", id)
			if err != nil {
				if !schemas.HasCode(err, schemas.CodeTooMany) {
					t.Error(err)
				}
				return
			}
			defer done()
			w.mu.Lock()
			defer w.mu.Unlock()
			if n%2 == 0 { // others fail
				w.endpoints["acme"][id] = true
			}
			if n%4 == 0 { // and some are removed before anybody looks
				delete(w.endpoints["acme"], id)
			}
		})
	}
	wg.Wait()
	for n := range 100 { // until it is full
		id := schemas.EndpointID(fmt.Sprintf("ep_more_%d", n))
		if done, err := q.Make(t.Context(), "acme", id); err == nil {
			w.endpoints["acme"][id] = true
			done()
		}
	}
	if n := len(w.endpoints["acme"]); n != 10 {
		t.Errorf("%d endpoints, want 10", n)
	}
	for id := range w.endpoints["acme"] {
		if _, err := q.Make(t.Context(), "acme", id); err != nil { // it is there
			t.Error(err)
		}
		break
	}
	if _, err := q.Make(t.Context(), "beta", "ep_b"); err != nil {
		t.Errorf("another: %v", err)
	}
}

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noted := map[schemas.TenantID]int64{}
		var broken error
		m := NewMeter(func(_ context.Context, id schemas.TenantID, bytes int64) error {
			if broken == nil {
				noted[id] += bytes
			}
			return broken
		}, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx) }()
		count := func(n int) {
			m.Count("acme", n)
			m.Count("beta", 2*n)
		}
		want := func(acme int64) {
			t.Helper()
			synctest.Wait()
			if noted["acme"] != acme || noted["beta"] != 2*acme {
				t.Errorf("noted %v, want %d", noted, acme)
			}
		}
		count(10)
		count(1)
		<-time.After(noteEvery + time.Second)
		want(11)
		broken = errors.New("no registry")
		count(100)
		<-time.After(noteEvery)
		want(11)
		broken = nil
		count(1000)
		<-time.After(noteEvery)
		want(1111)
		count(5)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want(1116)
	})
}
