package dispatcher

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

var patient = schemas.Policy{Timeout: schemas.Duration(schemas.MaxTimeout)}

// stuck makes ep_stuck answer 204 only once the returned channel is closed.
func (r *rig) stuck() (open chan struct{}) {
	open = make(chan struct{})
	r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		if q.Path == "/ep_stuck" {
			return dispatchertest.Once(open, dispatchertest.Status(204))
		}
		return nil
	})
	return open
}

// TestAHangingEndpointDelaysNobody makes 2,000 deliveries due for an endpoint
// that hangs and then, at 0, 50 for one in the same partition that is well.
// They want to be delivered by 1.5 s. The other 2,000 want to be all delivered
// once it recovers, each by one request.
func TestAHangingEndpointDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_stuck", patient)
		r.endpoint("ep_well", schemas.Policy{})
		open := r.stuck()
		stuck := r.due("ep_stuck", 2000)
		well := r.due("ep_well", 50)
		start := time.Now()
		o := r.own(time.Second)
		r.ends(len(well))
		if took := time.Since(start); took > 1500*time.Millisecond {
			t.Errorf("the endpoint that is well waited %s", took)
		}
		sameSet(t, r.requests("ep_well"), well)

		<-time.After(10 * time.Second)
		if n := r.held("ep_stuck"); n != uint64(len(stuck)-flow.DefaultStart) {
			t.Errorf("%d deliveries are held, want %d", n, len(stuck)-flow.DefaultStart)
		}
		later := r.due("ep_well", 50)
		start = time.Now()
		r.ends(len(later))
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("the endpoint that is well waited %s after the other was held", took)
		}

		close(open)
		r.ends(len(stuck))
		sameSet(t, r.requests("ep_stuck"), stuck)
		r.clean(o)
	})
}

// While an endpoint times out and recovers, nothing is lost either.
func TestHeldDeliveriesThatFailAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_stuck", schemas.Policy{Timeout: schemas.Duration(15 * time.Second)})
		open := r.stuck()
		ids := r.due("ep_stuck", 500)
		o := r.own(time.Second)
		<-time.After(40 * time.Second)
		close(open)
		ends := r.ends(len(ids))
		var got []string
		failed := 0
		for _, e := range ends {
			if e.Outcome.Kind != schemas.Delivered {
				t.Fatalf("ended %+v", e.Outcome)
			}
			got = append(got, string(e.Delivery.ID))
			failed += len(e.Delivery.History)
		}
		sameSet(t, got, ids)
		if failed == 0 || len(r.requests("ep_stuck")) != len(ids)+failed {
			t.Errorf("%d requests, %d of them in histories; want some, and one more for each delivery", len(r.requests("ep_stuck")), failed)
		}
		r.clean(o)
	})
}

func TestHeldDeliveriesKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := patient
		policy.Concurrency = 1
		r.endpoint("ep_stuck", policy)
		open := r.stuck()
		o := r.own(time.Second)
		want := r.due("ep_stuck", 300)
		<-time.After(5 * time.Second)
		want = append(want, r.due("ep_stuck", 300)...)
		<-time.After(time.Second)
		if n := r.held("ep_stuck"); n != 599 {
			t.Fatalf("%d are held, want 599", n)
		}
		close(open)
		// Deliveries that come while the queue drains join it at its end.
		for range 5 {
			want = append(want, r.due("ep_stuck", 50)...)
			<-time.After(time.Millisecond)
		}
		r.ends(len(want))
		if got := r.requests("ep_stuck"); !slices.Equal(got, want) {
			t.Error("the deliveries are not in order")
		}
		r.clean(o)
	})
}

// The held queue is the endpoint's, not the process's: whoever owns the
// partition next drains it.
func TestTheNextOwnerDrainsTheHeldQueue(t *testing.T) {
	for name, leave := range map[string]func(*owner){
		"after a stop": func(o *owner) { _ = o.stop() },
		"after a kill": (*owner).kill,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				policy := patient
				policy.Concurrency = 4
				r.endpoint("ep_stuck", policy)
				open := r.stuck()
				ids := r.due("ep_stuck", 400)
				first := r.own(time.Second)
				<-time.After(5 * time.Second)
				leave(first)
				if n := r.held("ep_stuck"); n < 390 {
					t.Fatalf("%d are held, want most of 400", n)
				}
				second := r.own(time.Second)
				close(open)
				r.ends(len(ids))
				got := r.requests("ep_stuck")
				if repeated := len(got) - len(ids); repeated < 0 || repeated > 4 {
					t.Errorf("%d requests were repeated, want at most the window of 4", repeated)
				}
				slices.Sort(got)
				sameSet(t, slices.Compact(got), ids)
				<-time.After(time.Minute) // whoever was killed may have had some in hand
				r.clean(second)
			})
		})
	}
}

// Two owners, as during a hand-over, repeat requests at worst.
func TestTwoOwnersLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_stuck", patient)
		open := r.stuck()
		ids := r.due("ep_stuck", 500)
		a, b := r.own(time.Second), r.own(time.Second)
		<-time.After(5 * time.Second)
		ids = append(ids, r.due("ep_stuck", 500)...)
		<-time.After(5 * time.Second)
		close(open)
		seen := map[string]bool{}
		for len(seen) < len(ids) {
			for _, e := range r.ends(1) {
				seen[string(e.Delivery.ID)] = true
			}
		}
		<-time.After(time.Minute)
		r.clean(a)
		r.clean(b)
	})
}

// Two own the partition for a moment. What the one that goes writes to a held
// queue after the other has looked for such queues is delivered all the same.
func TestHeldByWhoGoes(t *testing.T) {
	for name, leave := range map[string]func(*owner){
		"after a stop": func(o *owner) { _ = o.stop() },
		"after a kill": (*owner).kill,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.paused("ep_a", schemas.Policy{})
				goes := r.own(time.Second)
				<-time.After(time.Second)
				stays := r.own(time.Second)
				<-time.After(time.Second)
				ids := r.due("ep_a", 1) // for the one that asked first
				<-time.After(time.Second)
				if n := r.held("ep_a"); n != 1 || len(stays.lanes()) > 0 {
					t.Fatalf("%d are held, and the one that stays has %d lanes; want one, held by the one that goes", n, len(stays.lanes()))
				}
				leave(goes)
				r.endpoint("ep_a", schemas.Policy{})
				<-time.After(time.Minute)
				sameSet(t, r.requests("ep_a"), ids)
				r.clean(stays)
			})
		})
	}
}
