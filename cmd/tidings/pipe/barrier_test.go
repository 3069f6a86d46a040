package pipe

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// slowFanout is a process that learns of each change of the registry late.
func slowFanout(t *testing.T, env *streamstest.Env, r *registry.Registry) {
	t.Helper()
	index, histories := fanout.NewIndex(), fanout.NewHistories()
	late := func(c schemas.Change) {
		<-time.After(rand.N(20 * time.Millisecond))
		index.Apply(c)
		histories.Apply(c)
	}
	w, err := r.Watch(t.Context(), slog.New(slog.DiscardHandler), late)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fanout.New(env.Connect(), fanout.Options{
		Layout: env.Layout, Index: index, Histories: histories, Registry: pipeRegistry{r, picture.NewBarrier(w, r)},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { _ = w.Run(ctx) })
	parts.Go(func() { _ = f.RunPartition(ctx, 0) })
	t.Cleanup(func() {
		cancel()
		parts.Wait()
	})
}

// What is written before an event is published decides who gets it: with several
// fanouts on each partition, all of which learn of changes late, under load, with
// subscriptions that come and go all the time. The order of what three processes
// store at once is not their matter.
func TestReadYourWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = 8
		o := streamstest.Small()
		o.Layout.Partitions, o.Layout.Shards = 1, 1
		env := streamstest.Start(t, o)
		r := registry.New(env.Registry, testKeys(t))
		for range 3 {
			slowFanout(t, env, r)
		}
		var parts sync.WaitGroup
		want := make([]map[schemas.EndpointID]string, callers)
		for caller := range callers {
			want[caller] = map[schemas.EndpointID]string{}
			parts.Go(func() { writeAndPublish(t, env, r, schemas.TenantID(fmt.Sprintf("t%d", caller)), want[caller]) })
		}
		parts.Wait()
		awaitFanout(t, env)
		got := queued(t, env)
		for _, endpoints := range want {
			for e, types := range endpoints {
				if got[e] != types {
					t.Errorf("%s got %q, want %q", e, got[e], types)
				}
			}
		}
	})
}

// writeAndPublish subscribes endpoints, publishes what each subscribed to and what
// it no longer does, and says what it should get.
func writeAndPublish(t *testing.T, env *streamstest.Env, r *registry.Registry, tenant schemas.TenantID, want map[schemas.EndpointID]string) {
	ctx := t.Context()
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	pub, err := producers.New(env.Connect(), producers.Options{Tenant: tenant, Source: "/test"})
	check(err)
	publish := func(eventType string) {
		e := event.New()
		e.SetType(eventType)
		_, err := pub.Publish(ctx, e)
		check(err)
	}
	check(r.PutTenant(ctx, schemas.Tenant{ID: tenant}))
	for round := range 25 {
		id := schemas.EndpointID(fmt.Sprintf("ep_%s_%d", tenant, round))
		wanted, gone, removed := fmt.Sprintf("wanted.%d", round), fmt.Sprintf("gone.%d", round), fmt.Sprintf("removed.%d", round)
		s := schemas.Subscription{ID: schemas.SubscriptionID("sub_" + id), Tenant: tenant, Endpoint: id, Types: []schemas.TypePattern{schemas.TypePattern(gone)}}
		check(r.PutEndpoint(ctx, schemas.Endpoint{ID: id, Tenant: tenant, URL: "https://example.com", Secrets: []schemas.Secret{schemas.NewSecret(testSecret)}}))
		check(r.PutSubscription(ctx, s))
		s.Types = []schemas.TypePattern{schemas.TypePattern(wanted)}
		check(r.PutSubscription(ctx, s))
		publish(gone)
		publish(wanted)
		other := s
		other.ID, other.Types = s.ID+"_b", []schemas.TypePattern{schemas.TypePattern(removed)}
		check(r.PutSubscription(ctx, other))
		check(r.RemoveSubscription(ctx, other.ID))
		publish(removed)
		want[id] = wanted
	}
}

// awaitFanout waits until every event is acknowledged.
func awaitFanout(t *testing.T, env *streamstest.Env) {
	t.Helper()
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	for {
		s, err := js.Stream(t.Context(), schemas.StreamEvents)
		if err != nil {
			t.Fatal(err)
		}
		c, err := js.Consumer(t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(0))
		if err != nil {
			t.Fatal(err)
		}
		// What the consumer has not read, by its own count, lags behind.
		if c.CachedInfo().AckFloor.Stream == s.CachedInfo().State.LastSeq {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
}

// queued are the types of the events in each endpoint's queue, in order.
func queued(t *testing.T, env *streamstest.Env) map[schemas.EndpointID]string {
	t.Helper()
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	types := map[schemas.EndpointID]string{}
	s, err := js.Stream(t.Context(), schemas.DeliveriesShard(0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.CachedInfo().State.LastSeq { // nothing has left it
		m, err := s.GetMsg(t.Context(), i+1)
		if err != nil {
			t.Fatal(err)
		}
		d, err := schemas.ReadDelivery(m.Subject, m.Header, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		types[d.Endpoint] += d.EventType()
	}
	return types
}
