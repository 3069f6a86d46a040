package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// BenchmarkLoad starts a picture from 1 000 tenants, 100 000 endpoints and as
// many subscriptions, and reports the time it takes and the heap it leaves.
func BenchmarkLoad(b *testing.B) {
	const tenants, endpoints = 1000, 100_000
	env := streamstest.Start(b, streamstest.Small())
	began := time.Now()
	fill(b, env, tenants, endpoints)
	b.Logf("written in %s", time.Since(began))
	r := registry.New(env.Registry, keys)
	log := slog.New(slog.DiscardHandler)
	for b.Loop() {
		b.StopTimer()
		before := heap()
		ctx, stop := context.WithCancel(b.Context())
		b.StartTimer()
		p := picture.New()
		w, err := r.Watch(ctx, log, p.Apply)
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		if got := len(p.Tenants("", 0)); got != tenants {
			b.Fatalf("there are %d tenants", got)
		}
		stop()
		_ = w.Run(ctx)
		b.StartTimer()
	}
}

// BenchmarkCaughtUp is what the barrier costs before a read.
func BenchmarkCaughtUp(b *testing.B) {
	env := streamstest.Start(b, streamstest.Small())
	fill(b, env, 10, 10_000)
	r := registry.New(env.Registry, keys)
	w, err := r.Watch(b.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := w.CaughtUp(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdateAtSize is one update among 20 000 endpoints.
func BenchmarkUpdateAtSize(b *testing.B) {
	env := streamstest.Start(b, streamstest.Small())
	fill(b, env, 10, 20_000)
	r := registry.New(env.Registry, keys)
	n := 0
	for b.Loop() {
		n++
		if _, err := r.UpdateEndpoint(b.Context(), "t3", numbered(13), registry.AnyVersion, func(e *schemas.Endpoint) error {
			e.Name = fmt.Sprint(n)
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// bulk is a bucket that its one writer fills without waiting: it answers from
// what was written.
type bulk struct {
	jetstream.KeyValue
	js      jetstream.JetStream
	written map[string][]byte
}

func (k *bulk) Get(_ context.Context, key string) (jetstream.KeyValueEntry, error) {
	value, ok := k.written[key]
	if !ok {
		return nil, jetstream.ErrKeyNotFound
	}
	return bulkEntry{value: value}, nil
}

func (k *bulk) Put(_ context.Context, key string, value []byte) (uint64, error) {
	k.written[key] = value
	_, err := k.js.PublishAsync("$KV."+k.Bucket()+"."+key, value)
	return 1, err
}

func (k *bulk) Create(ctx context.Context, key string, value []byte, _ ...jetstream.KVCreateOpt) (uint64, error) {
	return k.Put(ctx, key, value)
}

type bulkEntry struct {
	jetstream.KeyValueEntry
	value []byte
}

func (e bulkEntry) Value() []byte      { return e.value }
func (e bulkEntry) Revision() uint64   { return 1 }
func (e bulkEntry) Created() time.Time { return time.Time{} }

func fill(b *testing.B, env *streamstest.Env, tenants, endpoints int) {
	b.Helper()
	js, err := jetstream.New(env.NC)
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	check(err)
	r := registry.New(&bulk{env.Registry, js, map[string][]byte{}}, keys)
	for i := range tenants {
		check(r.PutTenant(b.Context(), schemas.Tenant{ID: schemas.TenantID(fmt.Sprintf("t%d", i))}))
	}
	for i := range endpoints {
		tenant := schemas.TenantID(fmt.Sprintf("t%d", i%tenants))
		check(r.PutEndpoint(b.Context(), endpoint(numbered(i), tenant)))
		check(r.PutSubscription(b.Context(), subscription(schemas.SubscriptionID(fmt.Sprintf("sub_%06d", i)), tenant, numbered(i))))
	}
	<-js.PublishAsyncComplete()
}

func numbered(i int) schemas.EndpointID { return schemas.EndpointID(fmt.Sprintf("ep_%06d", i)) }

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
