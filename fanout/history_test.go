package fanout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// withHistory is a subscription of endpoint ep_new to all events since a time.
func withHistory(from time.Time) schemas.Subscription {
	return schemas.Subscription{
		ID: "sub_new", Tenant: "acme", Endpoint: "ep_new", Types: []schemas.TypePattern{"*"},
		History: &schemas.History{From: from, State: schemas.HistoryReading}, Created: time.Now(),
	}
}

// wantAll holds the queue of ep_new to the events from first to last, each once.
func (r *rig) wantAll(first, last int, inOrder bool) {
	r.t.Helper()
	got := r.stored()["ep_new"]
	if !inOrder {
		slices.SortFunc(got, func(a, b string) int {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return x - y
		})
	}
	var want []string
	for n := first; n <= last; n++ {
		want = append(want, fmt.Sprint(n))
	}
	if !slices.Equal(got, want) {
		at := 0
		for at < len(got) && at < len(want) && got[at] == want[at] {
			at++
		}
		r.t.Errorf("%d deliveries, want events %d to %d, each once: delivery %d is wrong: %v", len(got), first, last, at, got[at:min(at+10, len(got))])
	}
}

func (r *rig) awaitHistory(id schemas.SubscriptionID, state schemas.HistoryState) {
	for r.registry.history(id).State != state {
		<-time.After(50 * time.Millisecond)
	}
}

// History comes first, then what is live, whatever is published meanwhile. The
// streams forget message ids at once: nothing but the join keeps doubles away.
func TestHistoryThenLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigWith(t, 100*time.Millisecond)
		r.run(r.env.Connect())
		next := 0
		publish := func(n int) {
			for range n {
				next++
				r.publish("acme", "order.created", next)
			}
		}
		publish(700)
		r.settled()
		r.registry.put(withHistory(time.Time{}))
		for range 40 {
			publish(5)
			<-time.After(20 * time.Millisecond)
		}
		r.awaitHistory("sub_new", schemas.HistoryDone)
		if h := r.registry.history("sub_new"); h.Until < 700 {
			t.Errorf("joined at %d, before all were published that there were", h.Until)
		}
		publish(50)
		r.settled()
		r.wantAll(1, next, true)
	})
}

// Where more comes than history reads, live events do not wait for ever.
func TestHistoryThatCannotCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigWith(t, 100*time.Millisecond)
		r.run(r.env.Connect())
		next := 0
		publish := func(n int) {
			for range n {
				next++
				r.publish("acme", "order.created", next)
			}
		}
		publish(600) // more than are read in one go
		r.registry.put(withHistory(time.Time{}))
		for r.registry.history("sub_new").State == schemas.HistoryReading {
			publish(40)
			<-time.After(10 * time.Millisecond)
		}
		if last := uint64(next); r.registry.history("sub_new").Until > last || next < 1600 {
			t.Errorf("joined after %d events: the test shows nothing", next)
		}
		publish(50)
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.settled()
		r.wantAll(1, next, false)
	})
}

func TestHistoryFromATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run(r.env.Connect())
		for n := range 20 {
			r.publish("acme", "order.created", n)
			r.publish("other", "order.created", n)
			<-time.After(time.Minute)
		}
		from := time.Now().Add(-5*time.Minute - time.Second)
		r.registry.put(withHistory(from))
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.publish("acme", "order.created", 20)
		r.settled()
		r.wantAll(15, 20, true)

		<-time.After(time.Second) // event 20 is before from
		late := withHistory(time.Now())
		late.ID, late.Endpoint = "sub_late", "ep_late"
		r.registry.put(late)
		r.awaitHistory("sub_late", schemas.HistoryDone)
		r.publish("acme", "order.created", 21)
		r.settled()
		if got := r.stored()["ep_late"]; !slices.Equal(got, []string{"21"}) {
			t.Errorf("from now on: %v, want event 21 alone", got)
		}
	})
}

// Several processes, cut off at any time and followed by others, a registry
// that answers every other time: each event comes all the same, and once within
// the window in which ids are known again.
func TestHistorySurvivesItsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		type life struct {
			nc   *nats.Conn
			stop func() error
		}
		begin := func() life {
			nc := r.env.Connect()
			return life{nc, r.run(nc)}
		}
		end := func(l life) { // without a word
			l.nc.Close()
			_ = l.stop()
		}
		lives := []life{begin(), begin()}
		next := 0
		for range 1500 {
			next++
			r.publish("acme", "order.created", next)
		}
		r.registry.put(withHistory(time.Time{}))
		for range 40 {
			r.registry.faults.Store(rand.Int64N(4))
			for range rand.IntN(30) {
				next++
				r.publish("acme", "order.created", next)
			}
			<-time.After(time.Duration(rand.IntN(200)) * time.Millisecond)
			i := rand.IntN(2)
			end(lives[i])
			lives[i] = begin()
		}
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.settled()
		r.wantAll(1, next, false)
	})
}

// A process that dies between the two writes of a join leaves it to the next
// event, or to the next process.
func TestAJoinIsFinishedByOthers(t *testing.T) {
	for name, event := range map[string]bool{"by an event": true, "by a process": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				for n := range 10 {
					r.publish("acme", "order.created", n)
				}
				s := withHistory(time.Time{})
				s.History.State = schemas.HistoryJoining
				r.registry.put(s)
				if event {
					r.publish("acme", "order.created", 10)
				}
				r.run(r.env.Connect())
				r.awaitHistory("sub_new", schemas.HistoryDone)
				if !event {
					r.publish("acme", "order.created", 10)
				}
				r.settled()
				r.wantAll(0, 10, false)
			})
		})
	}
}

// A subscription that was changed after the event, and would take it now, may not
// have taken it then; and one that is removed takes nothing more.
func TestHistoryTrustsNobodyWhoChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run(r.env.Connect())
		live := withHistory(time.Time{})
		live.ID, live.History, live.Types = "sub_live", nil, []schemas.TypePattern{"stock.*"}
		r.registry.put(live)
		<-time.After(time.Hour)
		for n := 1; n <= 600; n++ {
			r.publish("acme", "order.created", n)
		}
		r.settled()
		<-time.After(time.Hour)
		live.Types = []schemas.TypePattern{"*"}
		r.registry.put(live)
		old := withHistory(time.Time{})
		old.ID = "sub_old"
		r.registry.put(old)
		r.registry.put(withHistory(time.Time{}))
		<-time.After(100 * time.Millisecond)
		r.registry.remove("sub_old")
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.settled()
		r.wantAll(1, 600, false)
	})
}

// What belonged to another tenant, who had the same id before, is not theirs.
func TestHistoryBeginsWithItsTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run(r.env.Connect())
		r.publish("acme", "order.created", 1)
		<-time.After(time.Hour)
		r.index.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme", Created: time.Now()}})
		r.publish("acme", "order.created", 2)
		r.registry.put(withHistory(time.Time{}))
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.settled()
		r.wantAll(2, 2, false)
	})
}

// The history of an empty EVENTS ends with its first event: that is neither history
// nor live before it is there.
func TestHistoryOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run(r.env.Connect())
		r.registry.put(withHistory(time.Time{}))
		<-time.After(time.Minute)
		r.publish("acme", "order.created", 1)
		r.publish("acme", "order.created", 2)
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.settled()
		r.wantAll(1, 2, false)
	})
}

// Where nobody has the time to finish a join, the next event does, and goes on.
func TestAnEventDoesNotWaitForAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run(r.env.Connect())
		stuck := withHistory(time.Time{}) // a tenant's are read one after the other
		stuck.ID, stuck.Endpoint = "sub_stuck", "ep_stuck"
		r.registry.put(stuck)
		r.publish("acme", "order.created", 1)
		r.settled()
		s := withHistory(time.Time{})
		s.History.State = schemas.HistoryJoining
		r.registry.put(s)
		r.publish("acme", "order.created", 2)
		r.publish("acme", "order.created", 3)
		r.settled()
		if h := r.registry.history("sub_new"); h.State != schemas.HistoryJoined || h.Until < 2 {
			t.Errorf("history is %+v, want it joined by event 2", h)
		}
		r.registry.remove(stuck.ID)
		_ = stop()
		r.run(r.env.Connect())
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.settled()
		r.wantAll(1, 3, false)
	})
}

// What could not be delivered when it came is not delivered by history, and a
// subscription that is removed ends it.
func TestHistoryLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run(r.env.Connect())
		r.publish("acme", "order.created", 1)
		r.publish("acme", "user.created", 2) // breaks its schema: 2 is no user
		if _, err := r.js.Publish(t.Context(), "events.acme.order.created", []byte("no CloudEvent")); err != nil {
			t.Fatal(err)
		}
		r.publish("acme", "stock.created", 3)
		s := withHistory(time.Time{})
		s.Types = []schemas.TypePattern{"order.*", "user.*"}
		r.registry.put(s)
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.wantAll(1, 1, true)

		for n := range 3000 {
			r.publish("acme", "order.created", n)
		}
		gone := withHistory(time.Time{})
		gone.ID, gone.Endpoint = "sub_gone", "ep_gone"
		r.registry.put(gone)
		<-time.After(500 * time.Millisecond)
		r.registry.remove("sub_gone")
		<-time.After(time.Minute)
		if n := len(r.stored()["ep_gone"]); n == 0 || n > 2500 {
			t.Errorf("%d deliveries; want some, and no more once it was removed", n)
		}
	})
}

// What another subscription of the endpoint delivers, history does not.
func TestHistoryLeavesToOthersWhatIsTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigWith(t, 100*time.Millisecond)
		r.run(r.env.Connect())
		r.publish("acme", "order.created", 1)
		r.publish("acme", "stock.created", 2)
		<-time.After(time.Hour)
		live := withHistory(time.Time{})
		live.ID, live.History, live.Types = "sub_live", nil, []schemas.TypePattern{"order.*"}
		r.registry.put(live)
		<-time.After(time.Hour)
		r.publish("acme", "order.created", 3) // live, by sub_live
		r.publish("acme", "stock.created", 4)
		<-time.After(time.Hour)
		r.registry.put(withHistory(time.Time{}))
		r.awaitHistory("sub_new", schemas.HistoryDone)
		r.publish("acme", "order.created", 5)
		r.settled()
		r.wantAll(1, 5, false)
	})
}
