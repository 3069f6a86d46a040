package dispatcher

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// TestMaxHeld makes 250 deliveries due for an endpoint that is paused and lets
// 200 wait: those wait, over a change of owner too, and the others die.
func TestMaxHeld(t *testing.T) {
	for name, order := range map[string]schemas.Order{"in any order": schemas.OrderNone, "in order": schemas.OrderFIFO} {
		for how, leave := range map[string]func(*owner){
			"after a stop": func(o *owner) { _ = o.stop() },
			"after a kill": (*owner).kill,
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const most = 200
					r := newRig(t)
					policy := schemas.Policy{Order: order, MaxHeld: most}
					r.paused("ep_a", policy)
					ids := r.due("ep_a", most+50)
					first := r.own(time.Second)
					r.full(50)
					leave(first)
					second := r.own(time.Second)
					late := r.due("ep_a", 30)
					r.full(len(late))
					if n := r.held("ep_a"); n != most {
						t.Errorf("%d are held, want %d", n, most)
					}
					r.endpoint("ep_a", policy)
					r.ends(most)
					got, dead := r.requests("ep_a"), r.died(schemas.ReasonQueueFull)
					sameSet(t, append(got, dead...), append(ids, late...))
					if len(got) != most {
						t.Errorf("%d were delivered, want %d", len(got), most)
					}
					r.clean(second)
					r.paused("ep_a", policy) // it is empty again
					r.due("ep_a", most)
					<-time.After(time.Minute)
					if n := r.held("ep_a"); n != most {
						t.Errorf("%d are held, want %d", n, most)
					}
				})
			})
		}
	}
}

// full wants n deliveries to end because as many wait as may.
func (r *rig) full(n int) {
	r.t.Helper()
	for _, end := range r.ends(n) {
		if end.Outcome.Kind != schemas.Dead || end.Outcome.Reason != schemas.ReasonQueueFull {
			r.t.Errorf("ended %+v, want queue_full", end.Outcome)
		}
	}
	<-time.After(time.Second)
	if more := len(r.reports); more > 0 {
		r.t.Errorf("%d more ended", more)
	}
}

// TestBacklog resumes an endpoint that takes 300 ms for each of 1,000 that wait,
// and has one more come every half a second, and then more than it takes.
func TestBacklog(t *testing.T) {
	for name, policy := range map[string]schemas.Policy{
		"in order":   {Concurrency: 8},
		"live first": {Concurrency: 8, Backlog: schemas.BacklogLiveFirst},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const takes = 300 * time.Millisecond
				r := newRig(t)
				r.paused("ep_a", policy)
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
					return dispatchertest.After(takes, dispatchertest.Status(204))
				})
				ids := r.due("ep_a", 1000)
				o := r.own(time.Second)
				<-time.After(2 * time.Second)
				r.endpoint("ep_a", policy)
				<-time.After(time.Second)
				made := map[string]time.Time{}
				var live []string
				for range 20 {
					id := r.due("ep_a", 1)[0]
					live, made[id] = append(live, id), time.Now()
					<-time.After(500 * time.Millisecond)
				}
				at := map[string]time.Time{}
				r.ends(len(ids) + len(live))
				for _, q := range r.receiver.Requests() {
					at[q.ID] = q.At
				}
				want := append(slices.Clone(ids), live...)
				if policy.Backlog == schemas.BacklogLiveFirst {
					want = ids
					for _, id := range live {
						if waited := at[id].Sub(made[id]); waited > takes {
							t.Errorf("a live one waited %s", waited)
						}
					}
				}
				for i := 1; i < len(want); i++ {
					if at[want[i]].Before(at[want[i-1]]) {
						t.Fatalf("delivery %d came before the one before it", i)
					}
				}
				r.clean(o)
			})
		})
	}
}

// Live deliveries that come faster than the endpoint takes them leave something
// to the backlog.
func TestLiveFirstDoesNotStarve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := schemas.Policy{Concurrency: 8, Backlog: schemas.BacklogLiveFirst}
		r.paused("ep_a", policy)
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			return dispatchertest.After(200*time.Millisecond, dispatchertest.Status(204))
		})
		old := r.due("ep_a", 500)
		r.own(time.Second)
		<-time.After(2 * time.Second)
		r.endpoint("ep_a", policy)
		for range 60 * 20 {
			r.due("ep_a", 3) // 60 a second, of 40
			<-time.After(50 * time.Millisecond)
		}
		served := 0
		requests := r.requests("ep_a")
		for _, id := range requests {
			if slices.Contains(old, id) {
				served++
			}
		}
		if total := len(requests); served < total/10 || served > total/8 {
			t.Errorf("%d of %d attempts were of the backlog, want one of nine", served, total)
		}
	})
}

// A delivery that comes twice counts once of those that may wait.
func TestMaxHeldCountsOnce(t *testing.T) {
	for _, order := range []schemas.Order{"", schemas.OrderFIFO} {
		t.Run("order "+string(order), func(t *testing.T) { countsOnce(t, schemas.Policy{Order: order, MaxHeld: 2}) })
	}
}

func countsOnce(t *testing.T, policy schemas.Policy) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.paused("ep_a", policy)
		d := schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), 77, "ep_a"), Tenant: "acme", Endpoint: "ep_a"}
		o := r.own(time.Second)
		for range 5 { // as after a crash before it was acknowledged
			if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: r.env.Layout.ReadySubject("ep_a"), Header: nats.Header(d.Header())}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
		}
		ids := r.due("ep_a", 1)
		<-time.After(time.Second)
		r.endpoint("ep_a", policy)
		r.ends(2)
		sameSet(t, r.requests("ep_a"), append(ids, string(d.ID)))
		r.clean(o)
	})
}
