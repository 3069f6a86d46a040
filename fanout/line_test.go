package fanout

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// DELIVERIES refuses the first delivery once, as between two leaders, and takes
// those that were sent with it. To an endpoint that wants order none is sent with
// it; and if the reader ends meanwhile, none is stored in its place.
func TestOrderOutlivesALeader(t *testing.T) {
	for name, row := range map[string]struct {
		refusals int
		ends     time.Duration // of the reader; never if 0
		want     []string
	}{
		"stored again":    {1, 0, []string{"0", "1", "2", "3"}},
		"the reader ends": {1 << 30, 2 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := streamstest.Small()
				o.Layout.Partitions, o.Layout.Shards = 1, 1
				env := streamstest.Start(t, o)
				x := NewIndex()
				x.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme"}})
				x.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: "ep_a", Tenant: "acme", Policy: schemas.Policy{Order: schemas.OrderFIFO}}})
				x.Apply(schemas.Change{Subscription: &schemas.Subscription{ID: "sub_a", Tenant: "acme", Endpoint: "ep_a", Types: []schemas.TypePattern{"*"}}})
				f, err := New(env.Connect(), Options{Layout: env.Layout, Index: x, Histories: NewHistories(), Registry: &oneHistory{}})
				if err != nil {
					t.Fatal(err)
				}
				for n := range 4 {
					publishNumber(t, f, n)
				}
				got := standIn(t, f, row.refusals)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if row.ends > 0 {
					time.AfterFunc(row.ends, cancel)
				}
				time.AfterFunc(time.Minute, cancel)
				if err := f.RunPartition(ctx, 0); err != nil {
					t.Fatal(err)
				}
				if stored := got(); !slices.Equal(stored, row.want) {
					t.Errorf("stored in the order %v, want %v", stored, row.want)
				}
			})
		})
	}
}

// standIn takes the place of DELIVERIES, refuses the first delivery so often, and
// returns what it has taken.
func standIn(t *testing.T, f *Fanout, refusals int) func() []string {
	t.Helper()
	if err := f.js.DeleteStream(t.Context(), f.o.Layout.DeliveriesStream(0)); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var taken []string
	_, err := f.nc.Subscribe("ready.>", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if string(m.Data) == "0" && refusals > 0 {
			refusals--
			_ = m.Respond([]byte(`{"error":{"code":503,"err_code":10008,"description":"no leader"}}`))
			return
		}
		taken = append(taken, string(m.Data))
		_ = m.Respond(fmt.Appendf(nil, `{"stream":"DELIVERIES_0","seq":%d}`, len(taken)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return taken
	}
}
