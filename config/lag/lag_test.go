package lag_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/lag"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is a broker, and a poller of all of its partitions.
type rig struct {
	t   *testing.T
	env *streamstest.Env
	js  jetstream.JetStream
	n   uint64 // deliveries made
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, env: streamstest.Start(t, streamstest.Small())}
	var err error
	if r.js, err = jetstream.New(r.env.NC); err != nil {
		t.Fatal(err)
	}
	return r
}

// poll runs a poller until the test ends.
func (r *rig) poll(deliveries bool, owned func() []int) *lag.Poller {
	r.t.Helper()
	p, err := lag.New(lag.Options{NC: r.env.NC, Layout: r.env.Layout, Deliveries: deliveries, Owned: owned})
	if err != nil {
		r.t.Fatal(err)
	}
	r.run(p.Run)
	return p
}

func (r *rig) run(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = run(ctx)
	}()
	r.t.Cleanup(func() { cancel(); <-ended })
}

func (r *rig) publish(subject string, h nats.Header) {
	r.t.Helper()
	if _, err := r.js.PublishMsg(r.t.Context(), &nats.Msg{Subject: subject, Header: h}); err != nil {
		r.t.Fatal(err)
	}
}

// delivery is one that was accepted some time ago.
func (r *rig) delivery(to schemas.EndpointID, ago time.Duration) *schemas.Delivery {
	r.n++
	accepted := time.Now().Add(-ago).Truncate(time.Millisecond).UTC()
	return &schemas.Delivery{ID: schemas.NewDeliveryID(accepted, r.n, to), Tenant: "acme", Endpoint: to}
}

func all() []int { return []int{0, 1, 2, 3} }

func TestLagOfFanout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p := r.poll(false, all)
		synctest.Wait()
		for _, l := range p.Picture().Lanes {
			if l.Pending != 0 || l.Unacked != 0 || !l.Oldest.IsZero() {
				t.Errorf("of an empty stream: %+v", l)
			}
		}
		for n := range 3 {
			r.publish(schemas.EventSubject("acme", fmt.Sprint("t", n)), nil)
			<-time.After(time.Minute)
		}
		second := time.Now().Add(-2 * time.Minute)
		mine := r.env.Layout.TenantPartition("acme")
		c, err := r.js.Consumer(t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(mine))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Fetch(2, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if err := (<-got.Messages()).DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := <-got.Messages(); m == nil { // and it is not acknowledged
			t.Fatal("the second was not handed out")
		}
		<-time.After(15 * time.Second)
		synctest.Wait()
		seen := p.Picture()
		if len(seen.Lanes) != 4 {
			t.Fatalf("%d lanes, want 4", len(seen.Lanes))
		}
		if l := seen.Lanes[mine]; l.Pending != 1 || l.Unacked != 1 || l.Oldest.Sub(second).Abs() > time.Second {
			t.Errorf("%+v, want 1 pending, 1 not acknowledged, the oldest of %s", l, second)
		}
	})
}

// of is what is seen of an endpoint.
func of(p *lag.Poller, id schemas.EndpointID) lag.Endpoint {
	for _, e := range p.Picture().Endpoints {
		if e.ID == id {
			return e
		}
	}
	return lag.Endpoint{}
}

func TestOldestOfEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var owned atomic.Value
		owned.Store(all())
		p := r.poll(true, func() []int { return owned.Load().([]int) })
		look := func() {
			<-time.After(15 * time.Second)
			synctest.Wait()
		}
		due, held := r.delivery("ep_due", time.Hour), r.delivery("ep_held", 2*time.Hour)
		r.publish(r.env.Layout.ReadySubject("ep_due"), nats.Header(due.Header()))
		r.publish(r.env.Layout.HeldSubject("ep_held"), nats.Header(held.Header()))
		r.publish(r.env.Layout.HeldSubject("ep_held"), nats.Header(r.delivery("ep_held", time.Minute).Header()))
		first, second := r.delivery("ep_retry", 3*time.Hour), r.delivery("ep_retry", 4*time.Hour)
		asked := time.Now().Add(-time.Minute).Truncate(time.Millisecond).UTC()
		replayed := func(to schemas.EndpointID) *schemas.Delivery {
			d := r.delivery(to, 9*time.Hour)
			d.Replay = &schemas.Replay{Asked: asked}
			return d
		}
		r.publish(r.env.Layout.ReadySubject("ep_due_2"), nats.Header(replayed("ep_due_2").Header()))
		r.publish(r.env.Layout.HeldSubject("ep_held2"), nats.Header(replayed("ep_held2").Header()))
		for _, d := range []*schemas.Delivery{first, second, second, replayed("ep_retry2")} {
			p.Settled(d, schemas.Retry)
		}
		look()
		for id, want := range map[schemas.EndpointID]lag.Endpoint{
			"ep_due":   {ID: "ep_due", Tenant: "acme", Oldest: due.Accepted()},
			"ep_held":  {ID: "ep_held", Tenant: "acme", Held: 2, Oldest: held.Accepted()},
			"ep_retry": {ID: "ep_retry", Tenant: "acme", Oldest: second.Accepted()},
			// A replay is as old as its asking, however old its event is.
			"ep_due_2":  {ID: "ep_due_2", Tenant: "acme", Oldest: asked},
			"ep_held2":  {ID: "ep_held2", Tenant: "acme", Held: 1, Oldest: asked},
			"ep_retry2": {ID: "ep_retry2", Tenant: "acme", Oldest: asked},
		} {
			if got := of(p, id); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		p.Settled(second, schemas.Delivered)
		look()
		if got := of(p, "ep_retry").Oldest; !got.Equal(first.Accepted()) {
			t.Errorf("once the oldest is delivered: %s, want %s", got, first.Accepted())
		}
		p.Settled(first, schemas.Dead)
		look()
		if got := of(p, "ep_retry"); got != (lag.Endpoint{}) {
			t.Errorf("once all have ended: %+v", got)
		}
		p.Settled(first, schemas.Retry)
		owned.Store(slices.DeleteFunc(all(), func(n int) bool { return n == r.env.Layout.Partition("ep_retry") }))
		look()
		if got := of(p, "ep_retry"); got != (lag.Endpoint{}) {
			t.Errorf("of a partition that is another's: %+v", got)
		}
	})
}

func TestOnlyTheOldestAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p := r.poll(true, all)
		var made []*schemas.Delivery
		for n := range 20 {
			made = append(made, r.delivery("ep_1", time.Duration(n)*time.Minute))
			p.Settled(made[n], schemas.Retry)
		}
		for n := 19; n >= 12; n-- {
			<-time.After(15 * time.Second)
			synctest.Wait()
			if got := of(p, "ep_1").Oldest; !got.Equal(made[n].Accepted()) {
				t.Fatalf("the oldest is of %s, want %s", got, made[n].Accepted())
			}
			p.Settled(made[n], schemas.Delivered)
		}
	})
}

func TestAnOutageLeavesTheLastPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p := r.poll(true, all)
		synctest.Wait()
		before := p.Picture().At
		r.env.Down()
		<-time.After(time.Minute)
		if at := p.Picture().At; !at.Equal(before) {
			t.Errorf("a look of %s, want the last of %s", at, before)
		}
		r.env.Up()
		<-time.After(time.Minute)
		if at := p.Picture().At; time.Since(at) > 16*time.Second {
			t.Errorf("the last look was %s ago", time.Since(at))
		}
	})
}

func TestWhatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.publish(schemas.EventSubject("acme", "t"), nil)
		s, err := lag.NewStorage(r.env.NC, r.env.Layout, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r.run(s.Run)
		synctest.Wait()
		seen := s.Stored()
		if seen.Used == 0 || seen.Limit > 0 || seen.Streams["EVENTS"].Msgs != 1 || len(seen.Streams) != 7 {
			t.Errorf("%+v", seen)
		}
	})
}

func TestAgeOfWhatIsPulled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p, err := lag.NewPulled(r.env.NC, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r.run(p.Run)
		look := func() map[schemas.EndpointID]lag.Endpoint {
			<-time.After(15 * time.Second)
			synctest.Wait()
			found := map[schemas.EndpointID]lag.Endpoint{}
			for _, e := range p.Picture().Endpoints {
				found[e.ID] = e
			}
			return found
		}
		if got := look(); len(got) != 0 || p.Picture().At.IsZero() {
			t.Fatalf("of empty queues: %+v", p.Picture())
		}
		// More queues than one look has time for, two deliveries each.
		oldest := map[schemas.EndpointID]time.Time{}
		for n := range 40 {
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", n))
			for i := range 2 {
				d := r.delivery(id, time.Duration(n+2-i)*time.Hour)
				if i == 0 {
					oldest[id] = d.Accepted()
				}
				r.publish(schemas.PullSubject("acme", id), nats.Header(d.Header()))
			}
		}
		look()
		got := look()
		for id, accepted := range oldest {
			if want := (lag.Endpoint{ID: id, Tenant: "acme", Held: 2, Oldest: accepted}); got[id] != want {
				t.Errorf("got %+v, want %+v", got[id], want)
			}
		}
		stream, err := r.js.Stream(t.Context(), schemas.StreamPull)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := look(); len(got) != 0 {
			t.Errorf("of queues that are empty again: %+v", got)
		}
		// What is nacked counts until its retry is due: its end may be told elsewhere.
		nacked := r.delivery("ep_1", 5*time.Hour)
		p.Settled(nacked, schemas.Retry, time.Now().Add(time.Minute))
		if got := look()["ep_1"]; got != (lag.Endpoint{ID: "ep_1", Tenant: "acme", Oldest: nacked.Accepted()}) {
			t.Errorf("while it waits for its retry: %+v", got)
		}
		<-time.After(time.Minute)
		if got := look(); len(got) != 0 {
			t.Errorf("once its retry is due: %+v", got)
		}
	})
}
