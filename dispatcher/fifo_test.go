package dispatcher

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// inOrder is a policy that keeps the order, with retries after so many seconds.
func inOrder(seconds ...int) schemas.Policy {
	p := schemas.Policy{Order: schemas.OrderFIFO, Retry: []schemas.Duration{}}
	for _, s := range seconds {
		p.Retry = append(p.Retry, schemas.Duration(time.Duration(s)*time.Second))
	}
	return p
}

// firsts are the ids without those that came before.
func firsts(ids []string) (kept []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			kept = append(kept, id)
		}
	}
	return kept
}

// strictly wants that no request for a delivery came after one for a later.
func (r *rig) strictly(id schemas.EndpointID, want []string) {
	r.t.Helper()
	got := r.requests(id)
	if !slices.Equal(slices.Compact(slices.Clone(got)), want) {
		r.t.Errorf("requests for %d deliveries (%d in all) are not strictly in order, want %d", len(firsts(got)), len(got), len(want))
	}
}

// failing has every nth delivery of ep_a fail so many times.
func (r *rig) failing(ids []string, nth, times int) {
	failed := map[string]int{}
	r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		if i := slices.Index(ids, q.ID); i >= 0 && i%nth == 0 && failed[q.ID] < times {
			failed[q.ID]++
			return dispatchertest.Status(500)
		}
		return nil
	})
}

// Deliveries that fail twice hold up those behind them, and nobody else.
func TestFIFOKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", inOrder(10, 60))
		r.endpoint("ep_well", schemas.Policy{})
		ids := r.due("ep_a", 40)
		r.failing(ids, 10, 2)
		o := r.own(time.Second)
		<-time.After(time.Second)
		start := time.Now()
		r.due("ep_well", 50)
		r.ends(50)
		if took := time.Since(start); took > soon {
			t.Errorf("the endpoint that is well waited %s", took)
		}
		before := o.nc.Stats().OutMsgs
		<-time.After(5 * time.Second)
		if sent := o.nc.Stats().OutMsgs - before; sent > 10 {
			t.Errorf("the owner sent JetStream %d messages in 5 s of waiting", sent)
		}
		ids = append(ids, r.due("ep_a", 20)...)
		for i, e := range r.ends(60) {
			if want := 2 - 2*min(i%10, 1); i < 40 && (e.Outcome.Kind != schemas.Delivered || len(e.Delivery.History) != want) {
				t.Errorf("delivery %d ended %+v with %d attempts before, want %d", i, e.Outcome, len(e.Delivery.History), want)
			}
		}
		if took, want := time.Since(start), 4*70*time.Second; took < want*8/10 || took > want*12/10 {
			t.Errorf("took %s, want about %s", took, want)
		}
		r.strictly("ep_a", ids)
		r.clean(o)
	})
}

// Whoever owns the partition knows how often the head was tried, and when it is
// due.
func TestFIFOOutlivesTheOwner(t *testing.T) {
	for name, leave := range map[string]func(*owner){
		"a stop": func(o *owner) { _ = o.stop() },
		"a kill": (*owner).kill,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", inOrder(60, 60, 60))
				ids := r.due("ep_a", 20)
				r.failing(ids, 20, 3)
				start := time.Now()
				o := r.own(time.Second)
				for i := range 3 {
					<-time.After(time.Until(start.Add(time.Duration(i)*time.Minute + 30*time.Second)))
					left := time.Now()
					leave(o)
					if took := time.Since(left); took > soon {
						t.Errorf("the owner took %s to leave", took)
					}
					o = r.own(time.Second)
					ids = append(ids, r.due("ep_a", 3)...)
				}
				ends := r.ends(len(ids))
				if e := ends[0]; e.Outcome.Kind != schemas.Delivered || e.Attempt.Number != 4 || len(e.Delivery.History) != 3 {
					t.Errorf("ended %+v by attempt %d with history %+v; want delivered by the 4th", e.Outcome, e.Attempt.Number, e.Delivery.History)
				}
				r.strictly("ep_a", ids)
				got := r.receiver.Requests()
				if len(got) != len(ids)+3 {
					t.Errorf("%d requests, want %d", len(got), len(ids)+3)
				}
				for i := range 3 {
					if wait := got[i+1].At.Sub(got[i].At); wait < 54*time.Second || wait > 67*time.Second {
						t.Errorf("attempt %d came after %s, want about a minute", i+2, wait)
					}
				}
				<-time.After(time.Minute) // whoever was killed may have had some in hand
				r.clean(o)
			})
		})
	}
}

// The process dies anywhere while it moves what is due into the queue, and more
// comes before JetStream hands out again what it had.
func TestFIFOWhereverTheOwnerDies(t *testing.T) {
	for written := 3000; written <= 24000; written += 1500 {
		t.Run(fmt.Sprint(written), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", inOrder(5))
				ids := r.due("ep_a", 30)
				r.failing(ids, 7, 1)
				nc, gone := r.env.ConnectFor(written)
				first := r.ownOn(nc, time.Second)
				select {
				case <-gone:
				case <-time.After(3 * time.Second):
				}
				first.kill()
				ids = append(ids, r.due("ep_a", 10)...)
				o := r.own(time.Second)
				ids = append(ids, r.due("ep_a", 10)...)
				<-time.After(5 * time.Minute)
				got := r.requests("ep_a")
				if !slices.Equal(firsts(got), ids) {
					t.Errorf("%d deliveries in %d requests came out of order, want %d", len(firsts(got)), len(got), len(ids))
				}
				if repeated := len(got) - len(ids) - 5; repeated > 2 {
					t.Errorf("%d requests were repeated, want the one under way at most, and its retry", repeated)
				}
				r.clean(o)
			})
		})
	}
}

// Two owners, as during a hand-over, repeat requests at worst.
func TestFIFOWithTwoOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", inOrder(5))
		a := r.own(time.Second)
		ids := r.due("ep_a", 20)
		r.failing(ids, 7, 1)
		b := r.own(time.Second)
		for range 5 {
			ids = append(ids, r.due("ep_a", 20)...)
			<-time.After(3 * time.Second)
		}
		<-time.After(5 * time.Minute)
		if got := firsts(r.requests("ep_a")); !slices.Equal(got, ids) {
			t.Errorf("%d deliveries out of order, want %d", len(got), len(ids))
		}
		r.clean(a)
		r.clean(b)
	})
}

// From the change on nothing is overtaken any more.
func TestFIFOFromNowOn(t *testing.T) {
	for name, waiting := range map[string]int{"in memory": 10, "held": 300} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				policy := schemas.Policy{Concurrency: 4, Retry: inOrder(30).Retry}
				r.endpoint("ep_a", policy)
				var g gauge
				ids := r.due("ep_a", waiting)
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
					return g.over(dispatchertest.After(500*time.Millisecond, dispatchertest.Status(204)))
				})
				o := r.own(time.Second)
				<-time.After(soon)
				if waiting == 300 {
					<-time.After(2 * time.Second)
				}
				r.endpoint("ep_a", inOrder(30))
				ids = append(ids, r.due("ep_a", 10)...)
				<-time.After(time.Second)
				begun := len(r.requests("ep_a"))
				g.peak()
				<-time.After(time.Second)
				if n := g.peak(); n != 1 {
					t.Errorf("%d requests at once after the change, want 1", n)
				}
				r.ends(len(ids))
				got := r.requests("ep_a")
				sameSet(t, got, ids)
				if !slices.IsSorted(got[begun:]) { // ids sort by the order of making
					t.Error("after the change deliveries came out of order")
				}
				r.clean(o)
			})
		})
	}
}

// A delivery that waits in its place when order is no longer asked for becomes a
// retry like others, with all that is known of it.
func TestFIFONoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", inOrder(60, 3600))
		ids := r.due("ep_a", 20)
		r.failing(ids, 20, 2)
		o := r.own(time.Second)
		<-time.After(2 * time.Minute) // it has failed twice
		r.endpoint("ep_a", schemas.Policy{Retry: inOrder(60, 3600).Retry})
		changed := time.Now()
		r.ends(19)
		<-time.After(soon)
		if n := r.held("ep_a"); n > 0 {
			t.Errorf("%d are still held, want the one that waits scheduled", n)
		}
		if took := time.Since(changed); took > 2*soon {
			t.Errorf("the others took %s", took)
		}
		if e := r.ends(1)[0]; string(e.Delivery.ID) != ids[0] || e.Attempt.Number != 3 || len(e.Delivery.History) != 2 {
			t.Errorf("ended %s by attempt %d, want the first by its 3rd", e.Delivery.ID, e.Attempt.Number)
		}
		if took := time.Since(changed); took < 50*time.Minute || took > 70*time.Minute {
			t.Errorf("it came after %s, want about an hour", took)
		}
		r.clean(o)
	})
}

// What ends a delivery lets the next go.
func TestFIFOHeadEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*rig, schemas.Endpoint)
		reason schemas.Reason
		took   time.Duration
		behind schemas.Reason
	}{
		"the schedule": {func(*rig, schemas.Endpoint) {}, schemas.ReasonExhausted, time.Hour, schemas.ReasonOK},
		"disabled": {func(r *rig, e schemas.Endpoint) {
			e.Disabled = schemas.ReasonGone
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonEndpointDisabled, 0, schemas.ReasonEndpointDisabled},
		"deleted": {func(r *rig, e schemas.Endpoint) {
			r.targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
		}, schemas.ReasonEndpointDeleted, 0, schemas.ReasonEndpointDeleted},
		"paused for two hours": {func(r *rig, e schemas.Endpoint) {
			e.Paused = true
			r.targets.Apply(schemas.Change{Endpoint: &e})
			<-time.After(2 * time.Hour)
			e.Paused = false
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonExhausted, 2 * time.Hour, schemas.ReasonOK},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				e := testEndpoint("ep_a")
				e.Policy = inOrder(3600)
				r.targets.Apply(schemas.Change{Endpoint: &e})
				ids := r.due("ep_a", 5)
				r.failing(ids, 5, 2)
				o := r.own(time.Second)
				<-time.After(time.Minute)
				changed := time.Now()
				tt.change(r, e)
				for i, end := range r.ends(len(ids)) {
					want := tt.reason
					if i > 0 {
						want = tt.behind
					}
					if string(end.Delivery.ID) != ids[i] && want == schemas.ReasonOK || end.Outcome.Reason != want {
						t.Errorf("delivery %d ended %+v, want %s", i, end.Outcome, want)
					}
				}
				if took := time.Since(changed); took < tt.took*8/10 || took > tt.took*12/10+soon {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				histories := map[string]int{}
				for _, l := range r.deadLetters() {
					histories[string(l.Delivery)] = len(l.History)
				}
				if histories[ids[0]] == 0 {
					t.Errorf("the dead letter of the first has no history")
				}
				r.clean(o)
			})
		})
	}
}

// An endpoint that is new is served in order, though the changes do not tell of
// it yet.
func TestFIFONotSeenYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		e := testEndpoint("ep_a")
		e.Policy = inOrder()
		r.known["ep_a"] = e
		ids := r.due("ep_a", 100)
		o := r.own(time.Second)
		<-time.After(5 * time.Second)
		ids = append(ids, r.due("ep_a", 10)...)
		if n := len(r.receiver.Requests()); n > 0 {
			t.Errorf("%d requests before the order was known", n)
		}
		r.targets.Apply(schemas.Change{Endpoint: &e})
		r.ends(len(ids))
		r.strictly("ep_a", ids)
		r.clean(o)
	})
}

// What is no delivery dies, and does not stand in the way.
func TestFIFOBuriesWhatIsUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", inOrder())
		ids := r.due("ep_a", 2)
		if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "ready.0.ep_a", Data: []byte("hello")}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.due("ep_a", 2)...)
		o := r.own(time.Second)
		r.ends(len(ids))
		r.strictly("ep_a", ids)
		r.clean(o)
		letters := r.deadLetters()
		if len(letters) != 1 || letters[0].Reason != schemas.ReasonUnreadable || string(letters[0].Body) != "hello" {
			t.Errorf("dead letters %+v, want the one that is unreadable", letters)
		}
	})
}
