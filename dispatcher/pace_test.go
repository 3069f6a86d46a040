package dispatcher

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// TestARateIsKept makes 50 deliveries due at once for an endpoint that takes
// ten a second.
func TestARateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_slow", schemas.Policy{Rate: schemas.Rate{Count: 10, Per: time.Second}})
		ids := r.due("ep_slow", 50)
		start := time.Now()
		o := r.own(time.Second)
		r.ends(len(ids))
		var last time.Time
		for i, q := range r.receiver.Requests() {
			if i > 0 && q.At.Sub(last) < 100*time.Millisecond {
				t.Errorf("request %d came %s after the one before", i, q.At.Sub(last))
			}
			last = q.At
		}
		if took := last.Sub(start); took > 6*time.Second {
			t.Errorf("50 at ten a second took %s", took)
		}
		sameSet(t, r.requests("ep_slow"), ids)
		r.clean(o)
	})
}

// TestRatesDelayNobody has as many endpoints with a low rate as would fill the
// partition's consumer with what waits, and one that is well.
func TestRatesDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for i := range 40 {
			id := schemas.EndpointID(fmt.Sprintf("ep_slow%d", i))
			r.endpoint(id, schemas.Policy{Concurrency: schemas.MaxConcurrency, Rate: schemas.Rate{Count: 1, Per: time.Hour}})
			r.due(id, 60)
		}
		r.endpoint("ep_well", schemas.Policy{})
		well := r.due("ep_well", 50)
		start := time.Now()
		o := r.own(20 * time.Second)
		for range 40 + len(well) { // each slow one takes its first at once
			<-r.reports
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("the endpoint that is well waited %s", took)
		}
		sameSet(t, r.requests("ep_well"), well)

		// What waits for its turn does not hold up the end either.
		start = time.Now()
		if err := o.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("the stop took %s", took)
		}
	})
}

// TestATurnSeesTheEndpointAsItIs disables an endpoint while its deliveries wait
// for their turns.
func TestATurnSeesTheEndpointAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := schemas.Policy{Rate: schemas.Rate{Count: 1, Per: time.Minute}}
		r.endpoint("ep_slow", policy)
		r.due("ep_slow", 4)
		r.own(time.Second)
		r.ends(1)
		e := testEndpoint("ep_slow")
		e.Policy, e.Disabled = policy, schemas.ReasonGone
		r.targets.Apply(schemas.Change{Endpoint: &e})
		for _, end := range r.ends(3) {
			if end.Outcome.Reason != schemas.ReasonEndpointDisabled {
				t.Errorf("ended %+v, want endpoint_disabled", end.Outcome)
			}
		}
		if n := len(r.requests("ep_slow")); n != 1 {
			t.Errorf("%d requests, want the one before it was disabled", n)
		}
	})
}
