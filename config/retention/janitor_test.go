package retention_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/retention"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is the streams with hours of two tenants' data.
type rig struct {
	*testing.T
	env *streamstest.Env
	js  jetstream.JetStream
	o   retention.Options
}

func newRig(t *testing.T, tenants ...schemas.Tenant) *rig {
	t.Helper()
	r := &rig{T: t, env: streamstest.Start(t, streamstest.Small())}
	var err error
	if r.js, err = jetstream.New(r.env.NC); err != nil {
		t.Fatal(err)
	}
	store, err := deliverylog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	r.o = retention.Options{
		NC: r.env.NC, JS: r.js, Layout: r.env.Layout, EventsMaxAge: 24 * time.Hour, LogMaxAge: 24 * time.Hour,
		Tenants: func() []schemas.Tenant { return tenants },
		Store:   func() (*deliverylog.Store, error) { return store, nil },
	}
	return r
}

// hours stores something everywhere of each tenant at the beginning of each hour.
func (r *rig) hours(n int, tenants ...schemas.TenantID) {
	r.Helper()
	for hour := range n {
		for _, tenant := range tenants {
			for _, subject := range []string{schemas.EventSubject(tenant, "order.created"), schemas.DeadSubject(tenant, "ep_a"), schemas.LogSubject(tenant)} {
				if _, err := r.js.Publish(r.Context(), subject, fmt.Appendf(nil, "%s %d", tenant, hour)); err != nil {
					r.Fatal(err)
				}
			}
		}
		<-time.After(time.Hour)
	}
}

// acknowledge has fanout settle so many events of a tenant's partition.
func (r *rig) acknowledge(tenant schemas.TenantID, n int) {
	r.Helper()
	c, err := r.js.Consumer(r.Context(), schemas.StreamEvents, schemas.FanoutConsumer(r.env.Layout.TenantPartition(tenant)))
	if err != nil {
		r.Fatal(err)
	}
	batch, err := c.FetchNoWait(n)
	if err != nil {
		r.Fatal(err)
	}
	for m := range batch.Messages() {
		if err := m.DoubleAck(r.Context()); err != nil {
			r.Fatal(err)
		}
	}
}

func (r *rig) round() {
	r.Helper()
	if err := retention.New(r.o).Round(r.Context(), time.Now()); err != nil {
		r.Error(err)
	}
}

// has is what a stream holds, sorted by its tenants and hours.
func (r *rig) has(stream, want string) {
	r.Helper()
	s, err := r.js.Stream(r.Context(), stream)
	if err != nil {
		r.Fatal(err)
	}
	var got []string
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		if m, err := s.GetMsg(r.Context(), seq); err == nil {
			got = append(got, strings.Replace(string(m.Data), " ", "", 1))
		}
	}
	slices.Sort(got)
	if strings.Join(got, " ") != want {
		r.Errorf("%s has %s, want %s", stream, got, want)
	}
}

func age(hours int) schemas.Duration { return schemas.Duration(hours)*schemas.Duration(time.Hour) + 1 }

// A tenant's data goes by its own ages, others' stays.
func TestTenantsAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t,
			schemas.Tenant{ID: "a", Retention: schemas.Retention{Events: age(2), Log: age(3)}},
			schemas.Tenant{ID: "b"},
			schemas.Tenant{ID: "c", Retention: schemas.Retention{Events: age(48), Log: age(48)}}, // more than there is
		)
		r.round() // of nothing
		r.hours(4, "a", "b", "c")
		for _, tenant := range []schemas.TenantID{"a", "b", "c"} {
			r.acknowledge(tenant, 100)
		}
		for range 2 {
			r.round()
			r.has(schemas.StreamEvents, "a2 a3 b0 b1 b2 b3 c0 c1 c2 c3")
			r.has(schemas.StreamDead, "a2 a3 b0 b1 b2 b3 c0 c1 c2 c3")
			r.has(schemas.StreamLog, "a1 a2 a3 b0 b1 b2 b3 c0 c1 c2 c3")
		}
		<-time.After(6 * time.Hour)
		r.round()
		r.has(schemas.StreamEvents, "b0 b1 b2 b3 c0 c1 c2 c3")
		r.has(schemas.StreamLog, "b0 b1 b2 b3 c0 c1 c2 c3")
	})
}

// What fanout has not acknowledged stays, however old.
func TestWhatIsOnItsWayStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, schemas.Tenant{ID: "a", Retention: schemas.Retention{Events: age(1)}})
		r.hours(4, "a")
		<-time.After(6 * time.Hour)
		r.round()
		r.has(schemas.StreamEvents, "a0 a1 a2 a3")
		r.acknowledge("a", 2)
		r.round()
		r.has(schemas.StreamEvents, "a2 a3")
		r.acknowledge("a", 1)
		r.round()
		r.has(schemas.StreamEvents, "a3")
		r.acknowledge("a", 9)
		r.round()
		r.has(schemas.StreamEvents, "")
		r.hours(1, "a") // the consumer goes on
		r.acknowledge("a", 9)
		r.has(schemas.StreamEvents, "a0")
	})
}

// logged has the log's database have an event of each hour.
func (r *rig) logged(n int, tenants ...schemas.TenantID) *deliverylog.Store {
	r.Helper()
	for hour := range n {
		for _, tenant := range tenants {
			line := schemas.AppendRecord(nil, schemas.Record{Event: &schemas.EventRecord{
				Sequence: uint64(hour) + 1, Accepted: time.Now(), EventSummary: schemas.EventSummary{ID: fmt.Sprint(hour)},
			}})
			if _, err := r.js.Publish(r.Context(), schemas.LogSubject(tenant), line); err != nil {
				r.Fatal(err)
			}
		}
		<-time.After(time.Hour)
	}
	store, err := r.o.Store()
	if err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	if err := deliverylog.NewProjector(r.js, store, deliverylog.Options{}).Run(ctx); err != nil {
		r.Fatal(err)
	}
	return store
}

func (r *rig) hasEvents(store *deliverylog.Store, want map[schemas.TenantID]int) {
	r.Helper()
	for tenant, n := range want {
		if got, err := store.CountEvents(r.Context(), tenant, deliverylog.EventFilter{}); got != n || err != nil {
			r.Errorf("the database has %d events of %s, want %d, %v", got, tenant, n, err)
		}
	}
}

// The database goes by the same ages; what is left of a tenant that was removed by
// the operator's.
func TestAgesOfTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, schemas.Tenant{ID: "a", Retention: schemas.Retention{Log: age(2)}}, schemas.Tenant{ID: "b"})
		r.o.LogMaxAge = 3*time.Hour + time.Minute
		store := r.logged(4, "a", "b", "gone") // and a minute
		r.round()
		r.hasEvents(store, map[schemas.TenantID]int{"a": 1, "b": 3, "gone": 3})
		s, err := r.js.Stream(t.Context(), schemas.StreamLog)
		if err != nil {
			t.Fatal(err)
		}
		state := s.CachedInfo().State
		r.o.LogMaxBytes = int64(3*state.Bytes/state.Msgs + 9) // the last hour's
		r.round()
		r.hasEvents(store, map[schemas.TenantID]int{"a": 1, "b": 1, "gone": 1})
	})
}

// LOG is cut to its bound, from its beginning, and the database with it.
func TestLogBySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.o.LogMaxBytes = 100_000
		for i := range 300 { // some are large
			body := make([]byte, 100+i%7*500)
			if _, err := r.js.Publish(t.Context(), schemas.LogSubject("a"), body); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
		}
		r.round()
		s, err := r.js.Stream(t.Context(), schemas.StreamLog)
		if err != nil {
			t.Fatal(err)
		}
		if state := s.CachedInfo().State; state.Bytes > 100_000 || state.Bytes < 90_000 || state.LastSeq != 300 {
			t.Errorf("LOG has %d bytes up to %d", state.Bytes, state.LastSeq)
		}
	})
}
