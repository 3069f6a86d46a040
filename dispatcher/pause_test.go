package dispatcher

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// paused makes the dispatchers know an endpoint that is paused.
func (r *rig) paused(id schemas.EndpointID, p schemas.Policy) {
	e := testEndpoint(id)
	e.Policy, e.Paused = p, true
	r.targets.Apply(schemas.Change{Endpoint: &e})
}

// A paused endpoint's deliveries wait in its held queue, whoever owns the
// partition, for as long as it takes; nobody else does.
func TestAPausedEndpointWaits(t *testing.T) {
	for name, leave := range map[string]func(*owner){
		"after a stop": func(o *owner) { _ = o.stop() },
		"after a kill": (*owner).kill,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.paused("ep_a", schemas.Policy{Concurrency: 1})
				r.endpoint("ep_well", schemas.Policy{})
				ids := r.due("ep_a", 1500) // more than the partition's consumer has places
				well := r.due("ep_well", 50)
				start := time.Now()
				first := r.own(time.Second)
				r.ends(len(well))
				if took := time.Since(start); took > time.Second {
					t.Errorf("the endpoint that is well waited %s", took)
				}
				<-time.After(10 * time.Second)
				if n := r.held("ep_a"); n != uint64(len(ids)) {
					t.Errorf("%d are held, want %d", n, len(ids))
				}
				leave(first)
				second := r.own(time.Second)
				ids = append(ids, r.due("ep_a", 10)...)
				before := second.nc.Stats().OutMsgs
				<-time.After(time.Hour)
				if n := len(r.requests("ep_a")); n > 0 {
					t.Fatalf("%d requests while it was paused", n)
				}
				if sent := second.nc.Stats().OutMsgs - before; sent > 500 { // two pull requests a minute, and the ten
					t.Errorf("the owner sent JetStream %d messages in an hour of waiting", sent)
				}
				r.endpoint("ep_a", schemas.Policy{Concurrency: 1})
				r.ends(len(ids))
				if !slices.Equal(r.requests("ep_a"), ids) {
					t.Error("after it was resumed the deliveries are not in order")
				}
				r.clean(second)
			})
		})
	}
}

// A pause takes effect on a lane at work: on what waits in memory, in the held
// queue, and on retries that come due meanwhile. The same goes for its end.
func TestAPauseInTheMiddle(t *testing.T) {
	for name, n := range map[string]int{"in memory": 6, "held": 200} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				policy := schemas.Policy{Concurrency: 4, Retry: []schemas.Duration{schemas.Duration(5 * time.Second)}}
				r := newRig(t)
				r.endpoint("ep_a", policy)
				r.receiver.Play(dispatchertest.After(800*time.Millisecond, dispatchertest.Status(500)))
				ids := r.due("ep_a", n)
				o := r.own(time.Second)
				<-time.After(500 * time.Millisecond)
				if n > 6 {
					<-time.After(2 * time.Second)
				}
				r.paused("ep_a", policy)
				<-time.After(time.Second) // what is under way ends
				before := len(r.receiver.Requests())
				<-time.After(time.Minute) // the retries have come due
				if more := len(r.receiver.Requests()) - before; more > 0 {
					t.Errorf("%d requests while it was paused", more)
				}
				if held := r.held("ep_a"); held != uint64(n) {
					t.Errorf("%d are held, want %d", held, n)
				}
				r.endpoint("ep_a", policy)
				var got []string
				for _, e := range r.ends(n) {
					got = append(got, string(e.Delivery.ID))
					if e.Outcome.Kind != schemas.Delivered || len(e.Delivery.History) != 1 {
						t.Errorf("ended %+v with history %+v; want delivered by the 2nd attempt", e.Outcome, e.Delivery.History)
					}
				}
				sameSet(t, got, ids)
				if requests := len(r.receiver.Requests()); requests != 2*n {
					t.Errorf("%d requests, want %d", requests, 2*n)
				}
				r.clean(o)
			})
		})
	}
}

// What waits for its turn when the pause begins is not attempted either.
func TestAPauseBeforeTheTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := schemas.Policy{Rate: schemas.Rate{Count: 1, Per: time.Minute}}
		r := newRig(t)
		r.endpoint("ep_slow", policy)
		ids := r.due("ep_slow", 5)
		o := r.own(time.Second)
		for i := range 3 { // first from the consumer, then from the held queue
			<-time.After(90 * time.Second)
			before := len(r.requests("ep_slow"))
			r.paused("ep_slow", policy)
			<-time.After(10 * time.Minute)
			if more := len(r.requests("ep_slow")) - before; more > 0 {
				t.Errorf("pause %d: %d requests", i, more)
			}
			r.endpoint("ep_slow", policy)
		}
		r.ends(len(ids))
		sameSet(t, r.requests("ep_slow"), ids)
		r.clean(o)
	})
}

// The registry knows of a pause before the changes tell of it.
func TestAPauseNotSeenYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		e := testEndpoint("ep_a")
		e.Paused = true
		r.known["ep_a"] = e
		ids := r.due("ep_a", 50)
		o := r.own(time.Second)
		<-time.After(20 * time.Second)
		if n := len(r.receiver.Requests()); n > 0 {
			t.Errorf("%d requests while it was paused", n)
		}
		r.mu.Lock()
		if asked := r.fetched; asked > 21*attempt.DefaultConcurrency {
			t.Errorf("the registry was asked %d times in 20 s", asked)
		}
		r.mu.Unlock()
		r.targets.Apply(schemas.Change{Endpoint: &e})
		<-time.After(time.Minute)
		e.Paused = false
		r.targets.Apply(schemas.Change{Endpoint: &e})
		resumed := time.Now()
		r.ends(len(ids))
		if took := time.Since(resumed); took > soon {
			t.Errorf("once resumed the deliveries took %s", took)
		}
		sameSet(t, r.requests("ep_a"), ids)
		r.clean(o)
	})
}

// A paused endpoint that is deleted keeps nothing.
func TestAPausedEndpointIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.paused("ep_a", schemas.Policy{})
		r.due("ep_a", 40)
		o := r.own(time.Second)
		<-time.After(time.Minute)
		e := testEndpoint("ep_a")
		r.targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
		for _, end := range r.ends(40) {
			if end.Outcome.Reason != schemas.ReasonEndpointDeleted {
				t.Errorf("ended %+v, want endpoint_deleted", end.Outcome)
			}
		}
		r.clean(o)
	})
}

// A larger window is used at once, not only when an attempt ends.
func TestALargerWindowIsUsedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := patient
		policy.Concurrency = 1
		r.endpoint("ep_stuck", policy)
		open := r.stuck()
		ids := r.due("ep_stuck", 6)
		o := r.own(time.Second)
		<-time.After(soon) // too soon to be held
		policy.Concurrency = 4
		r.endpoint("ep_stuck", policy)
		<-time.After(soon)
		if n := len(r.requests("ep_stuck")); n != 4 {
			t.Errorf("%d requests under way, want 4", n)
		}
		close(open)
		r.ends(len(ids))
		r.clean(o)
	})
}
