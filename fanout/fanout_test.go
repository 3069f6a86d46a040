package fanout_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is a JetStream server with one partition, an index, and as many fanouts
// as a test starts.
type rig struct {
	t         *testing.T
	env       *streamstest.Env
	js        jetstream.JetStream
	index     *fanout.Index
	catalogue *catalogue.Catalogue
	registry  *memory
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigWith(t, time.Hour) // many crashes one after the other, 10 s each
}

// newRigWith is a rig whose streams know a message again within a time.
func newRigWith(t *testing.T, dedup time.Duration) *rig {
	t.Helper()
	o := streamstest.Small()
	o.Layout.Partitions, o.Layout.Shards = 1, 1
	o.DedupWindow = dedup
	r := &rig{t: t, env: streamstest.Start(t, o), index: fanout.NewIndex()}
	r.registry = newMemory(r.index)
	var err error
	if r.js, err = jetstream.New(r.env.Connect()); err != nil {
		t.Fatal(err)
	}
	r.index.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme"}})
	for _, s := range []string{"1 all *", "2 users order.*", "3 created *.created", "4 created order.created"} {
		put(r.index, subscription(s))
	}
	return r
}

// run starts a fanout on a connection, and returns how to end it.
func (r *rig) run(nc *nats.Conn) (stop func() error) { return r.runWith(nc, nil) }

// runWith starts a fanout on a connection that offers deliveries to express, and
// returns how to end it.
func (r *rig) runWith(nc *nats.Conn, express schemas.Express) (stop func() error) {
	r.t.Helper()
	f, err := fanout.New(nc, fanout.Options{
		Layout: r.env.Layout, Index: r.index, Histories: r.registry.histories, Registry: r.registry, Catalogue: r.catalogue,
		Express: express, MaxInFlight: 8,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.RunPartition(ctx, 0) }()
	stop = func() error {
		cancel()
		err := <-done
		done <- nil // stop may be called twice
		return err
	}
	r.t.Cleanup(func() { _ = stop() })
	return stop
}

// publish stores event number n of a tenant, as a producer does.
func (r *rig) publish(tenant schemas.TenantID, eventType string, n int) {
	r.t.Helper()
	e := event.New()
	e.SetID(fmt.Sprint(n))
	e.SetSource("/test")
	e.SetType(eventType)
	if err := e.SetData(event.ApplicationJSON, n); err != nil {
		r.t.Fatal(err)
	}
	h, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		r.t.Fatal(err)
	}
	m := &nats.Msg{Subject: schemas.EventSubject(tenant, eventType), Header: nats.Header(h), Data: data}
	if _, err := r.js.PublishMsg(r.t.Context(), m); err != nil {
		r.t.Fatal(err)
	}
}

// settled waits until every event is acknowledged. A consumer's own count of
// what it has not read lags behind the stream.
func (r *rig) settled() {
	r.t.Helper()
	for {
		s, err := r.js.Stream(r.t.Context(), schemas.StreamEvents)
		if err == nil {
			c, err := r.js.Consumer(r.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(0))
			if err == nil && c.CachedInfo().AckFloor.Stream == s.CachedInfo().State.LastSeq {
				return
			}
		}
		<-time.After(time.Second)
	}
}

// begun is how many events were ever taken.
func (r *rig) begun() uint64 {
	r.t.Helper()
	c, err := r.js.Consumer(r.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(0))
	if err != nil {
		r.t.Fatal(err)
	}
	return c.CachedInfo().Delivered.Consumer
}

// stored are the event numbers in each endpoint's queue, in order.
func (r *rig) stored() map[schemas.EndpointID][]string {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), r.env.Layout.DeliveriesStream(0))
	if err != nil {
		r.t.Fatal(err)
	}
	numbers := map[schemas.EndpointID][]string{}
	for i := range s.CachedInfo().State.Msgs { // nothing has left it
		m, err := s.GetMsg(r.t.Context(), i+1)
		if err != nil {
			r.t.Fatal(err)
		}
		d, err := schemas.ReadDelivery(m.Subject, m.Header, m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		if want := r.env.Layout.ReadySubject(d.Endpoint); m.Subject != want || d.Tenant != "acme" {
			r.t.Errorf("delivery %s of %q on %s, want %s", d.ID, d.Tenant, m.Subject, want)
		}
		numbers[d.Endpoint] = append(numbers[d.Endpoint], string(m.Data))
	}
	return numbers
}

// traffic are the types of events, and to whom they go.
var traffic = []struct {
	eventType string
	to        []schemas.EndpointID
}{
	{"order.created", []schemas.EndpointID{"ep_all", "ep_users", "ep_created"}},
	{"order.removed", []schemas.EndpointID{"ep_all", "ep_users"}},
	{"stock.created", []schemas.EndpointID{"ep_all", "ep_created"}},
	{"stock.removed", []schemas.EndpointID{"ep_all"}},
}

func TestDeliveriesKeepTheOrderOfTheEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		want := map[schemas.EndpointID][]string{}
		next := 0
		publish := func(n int) {
			for range n {
				next++
				kind := traffic[next%len(traffic)]
				r.publish("acme", kind.eventType, next)
				for _, e := range kind.to {
					want[e] = append(want[e], fmt.Sprint(next))
				}
			}
		}
		publish(500)
		stop := r.run(r.env.Connect())
		publish(500)
		r.settled()
		if err := stop(); err != nil {
			t.Errorf("stopped: %v", err)
		}
		publish(500)
		r.run(r.env.Connect()) // goes on where the other stopped
		r.settled()
		if got := r.stored(); !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("the deliveries are not the events' in their order: %v", got)
		}
	})
}

// What a stop finds taken and not begun is handed to another at once: nobody
// waits for JetStream's ack wait.
func TestAStopLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		start := time.Now()
		for i := range 5 {
			for n := range 200 {
				r.publish("acme", "order.created", 200*i+n)
			}
			before := r.begun()
			stop := r.run(r.env.Connect())
			for r.begun() == before {
				runtime.Gosched() // until it is in the thick of it
			}
			if err := stop(); err != nil {
				t.Errorf("stopped: %v", err)
			}
		}
		r.run(r.env.Connect())
		r.settled()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %s, want no wait", took)
		}
		if n := len(r.stored()["ep_all"]); n != 1000 {
			t.Errorf("%d deliveries, want 1000", n)
		}
	})
}

// TestACrashLosesAndDoublesNothing kills fanout again and again, after any
// byte it has written, while events flow.
func TestACrashLosesAndDoublesNothing(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				random := rand.New(rand.NewPCG(seed, 0))
				const events = 400
				want := map[schemas.EndpointID][]string{}
				published := make(chan struct{})
				for n := range events {
					for _, e := range traffic[n%len(traffic)].to {
						want[e] = append(want[e], fmt.Sprint(n))
					}
				}
				go func() {
					defer close(published)
					for n := range events {
						r.publish("acme", traffic[n%len(traffic)].eventType, n)
						<-time.After(100 * time.Millisecond)
					}
				}()
				const crashes = 15
				for range crashes {
					nc, gone := r.env.ConnectFor(1000 + random.IntN(30_000))
					stop := r.run(nc)
					<-gone
					if err := stop(); err == nil && nc.LastError() == nil {
						t.Error("a fanout that was killed ended in peace")
					}
				}
				r.run(r.env.Connect())
				<-published
				r.settled()
				got := r.stored()
				for _, numbers := range got {
					slices.Sort(numbers)
				}
				for e := range want {
					slices.Sort(want[e])
					if !slices.Equal(got[e], want[e]) {
						t.Errorf("%s: %d deliveries (%d distinct), want %d", e, len(got[e]), len(slices.Compact(got[e])), len(want[e]))
					}
				}
			})
		})
	}
}

// While JetStream is away events wait, and go on when it is back.
func TestFanoutOutlivesJetStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run(r.env.Connect())
		for n := range 100 {
			r.publish("acme", "order.removed", n)
		}
		r.env.Down()
		<-time.After(20 * time.Second)
		r.env.Up()
		<-time.After(time.Second)
		for n := range 100 {
			r.publish("acme", "order.removed", 100+n)
		}
		r.settled()
		got := r.stored()["ep_users"]
		slices.Sort(got)
		if distinct := slices.Compact(slices.Clone(got)); len(got) != 200 || len(distinct) != 200 {
			t.Errorf("%d deliveries, %d distinct, want 200", len(got), len(distinct))
		}
	})
}

// An event whose deliveries are refused waits: it wants to be acknowledged once
// they are stored.
func TestAnEventWaitsForItsDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, err := r.js.Stream(t.Context(), r.env.Layout.DeliveriesStream(0))
		if err != nil {
			t.Fatal(err)
		}
		refuse := func(longer int32) {
			c := s.CachedInfo().Config
			c.MaxMsgSize = longer
			if _, err := r.js.UpdateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		refuse(1)
		r.run(r.env.Connect())
		for n := range 50 {
			r.publish("acme", "order.removed", n)
		}
		<-time.After(15 * time.Second)
		if n := len(r.stored()); n > 0 {
			t.Fatalf("%d queues have deliveries: the test shows nothing", n)
		}
		refuse(-1)
		start := time.Now()
		r.settled()
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %s after deliveries could be stored", took)
		}
		if got := r.stored(); len(got["ep_all"]) != 50 || len(got["ep_users"]) != 50 {
			t.Errorf("stored %v, want 50 for each of two endpoints", got)
		}
	})
}

// An event is matched when the registry has been asked since it arrived, and not
// before. What was written before it was published counts.
func TestTheRegistryIsAskedBeforeAnEventIsMatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.registry.faults.Store(3)
		r.run(r.env.Connect())
		r.publish("nobody", "order.created", 2)
		r.publish("acme", "order.created", 3)
		start := time.Now()
		r.settled()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
		if n := r.registry.asked.Load(); n < 4 {
			t.Errorf("the registry was asked %d times, want 3 times in vain and once more", n)
		}
		if got := r.stored(); len(got) != 3 || len(got["ep_all"]) != 1 {
			t.Errorf("stored %v, want the event of acme alone", got)
		}
		s, err := r.js.Stream(t.Context(), schemas.StreamDead)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.GetLastMsgForSubject(t.Context(), "dead.nobody.event")
		if err != nil {
			t.Fatal(err)
		}
		l, err := schemas.ReadDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil || l.Reason != schemas.ReasonTenantUnknown || s.CachedInfo().State.Msgs != 1 {
			t.Errorf("%d dead letters, the last %+v, %v; want one, tenant_unknown", s.CachedInfo().State.Msgs, l, err)
		}
	})
}

func TestALostConnectionIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		nc := r.env.Connect()
		f, err := fanout.New(nc, fanout.Options{Layout: r.env.Layout, Index: r.index, Histories: r.registry.histories, Registry: r.registry})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- f.RunPartition(t.Context(), 0) }()
		<-time.After(time.Second)
		nc.Close()
		if err := <-done; !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), "fanout partition 0") {
			t.Errorf("ended with %v", err)
		}
		if err := f.RunPartition(t.Context(), 0); !schemas.HasCode(err, schemas.CodeUnavailable) {
			t.Errorf("on a closed connection: %v", err)
		}
	})
}
