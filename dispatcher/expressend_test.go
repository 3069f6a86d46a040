package dispatcher

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// An endpoint that changes takes those along that wait in its lane: none is lost,
// none attempted twice, and each is released once. But those under way when the
// endpoint becomes one in order, or is paused and nobody knows it, may be: they are moved with what is due if
// JetStream has not seen to their acks by then.
func TestExpressWhenTheEndpointChanges(t *testing.T) {
	policy := schemas.Policy{Concurrency: 2}
	fifo := inOrder()
	for name, change := range map[string]func(*rig){
		"paused":           func(r *rig) { r.paused("ep_a", policy) },
		"in order":         func(r *rig) { r.endpoint("ep_a", fifo) },
		"paused, in order": func(r *rig) { r.paused("ep_a", fifo) },
		"removed": func(r *rig) {
			e := testEndpoint("ep_a")
			r.known["ep_a"] = e
			r.targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
		},
		"removed, and paused": func(r *rig) {
			e := testEndpoint("ep_a")
			e.Paused = true
			r.known["ep_a"] = e
			r.targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
		},
	} {
		for when, tt := range map[string]struct{ attempt, change, storing time.Duration }{
			"before it is stored":    {100 * time.Millisecond, 50 * time.Millisecond, 0},
			"while it is stored":     {400 * time.Millisecond, 260 * time.Millisecond, 100 * time.Millisecond},
			"stored after the end":   {300 * time.Millisecond, 260 * time.Millisecond, 100 * time.Millisecond},
			"after it has come back": {900 * time.Millisecond, 300 * time.Millisecond, 0},
		} {
			t.Run(name+", "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					r.endpoint("ep_a", policy)
					r.answering(tt.attempt)
					f, o := newOffers(r), r.begun(time.Second)
					f.late = tt.storing
					ids, took := f.offer(o, "ep_a", 10)
					if took != len(ids) {
						t.Errorf("%d taken, want all", took)
					}
					<-time.After(tt.change)
					change(r)
					<-time.After(20 * time.Second)
					r.endpoint("ep_a", policy)
					<-time.After(5 * time.Second) // nothing waits for JetStream's ack wait
					got := r.requests("ep_a")
					slices.Sort(got)
					if name != "paused" && name != "removed" {
						got = slices.Compact(got[:min(len(got), len(ids)+2)])
					}
					sameSet(t, got, ids)
					if said := f.of(ids); len(said) != len(ids) {
						t.Errorf("released %+v, want each of %d once", said, len(ids))
					}
					f.clean(o)
				})
			})
		}
	}
}

// A delivery that was settled before it came back, and is moved with others that
// are to be in order, is not attempted again.
func TestExpressIsNotMovedOnceItIsSettled(t *testing.T) {
	for name, arrive := range map[string]func(*owner, schemas.DeliveryID){
		"it is moved before it comes back": func(*owner, schemas.DeliveryID) {},
		"JetStream has not seen its ack": func(o *owner, id schemas.DeliveryID) {
			o.p.unstored.arrive(id, ready{msg: unheard{}, acked: &o.p.acked})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", schemas.Policy{})
				r.answering(300 * time.Millisecond)
				f, o := newOffers(r), r.begun(time.Second)
				f.keeps.Store(true)
				d := r.delivery("ep_a", "")
				f.give(o, d)
				<-time.After(time.Second)
				r.endpoint("ep_a", inOrder())
				o.p.mu.Lock() // the owner sees nothing come
				f.keeps.Store(false)
				f.store(d)
				arrive(o, d.ID)
				_, err := o.p.moveReady(t.Context(), newHeldQueue(o.p.lane("ep_a")))
				o.p.mu.Unlock()
				if err != nil {
					t.Fatal(err)
				}
				ids := append([]string{string(d.ID)}, r.due("ep_a", 3)...)
				r.ends(len(ids))
				<-time.After(time.Minute)
				sameSet(t, r.requests("ep_a"), ids)
				f.clean(o)
			})
		})
	}
}

// unheard is a message whose ack does not arrive.
type unheard struct{ jetstream.Msg }

func (unheard) Ack() error { return nil }

// At a stop those that wait are released at once, and those under way when they
// end. The next owner attempts the others alone.
func TestExpressAtAStop(t *testing.T) {
	for name, stopAt := range map[string]time.Duration{
		"at once":          100 * time.Millisecond,
		"once all is back": 500 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", schemas.Policy{Concurrency: 2})
				r.answering(time.Second)
				f, o := newOffers(r), r.begun(10*time.Second)
				ids, _ := f.offer(o, "ep_a", 5)
				<-time.After(stopAt)
				o.cancel()
				synctest.Wait()
				late, took := f.offer(o, "ep_a", 1)
				_ = o.stop()
				if stopAt < expressTime {
					f.once(ids[:2], true, time.Second, time.Second)
					f.once(ids[2:], false, stopAt, stopAt)
				} else {
					f.once(ids, false, expressTime, expressTime)
				}
				sameSet(t, r.requests("ep_a"), ids[:2])
				later, also := f.offer(o, "ep_a", 1)
				if took != 0 || also != 0 {
					t.Error("one was taken during the stop, or after it")
				}
				next := r.begun(time.Second)
				ids = append(append(ids, late...), later...)
				<-time.After(5 * time.Second) // nothing waits for JetStream's ack wait
				sameSet(t, r.requests("ep_a"), ids)
				f.clean(next)
			})
		})
	}
}

// What outlasts the grace of a stop is released, and attempted by the next owner.
func TestExpressBeyondTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", patient)
		r.receiver.Play(dispatchertest.Hang)
		f, o := newOffers(r), r.begun(2*time.Second)
		ids, _ := f.offer(o, "ep_a", 3)
		<-time.After(100 * time.Millisecond)
		_ = o.stop()
		f.once(ids, false, 2100*time.Millisecond, 2100*time.Millisecond)
		next := r.begun(time.Second)
		r.ends(len(ids))
		sameSet(t, r.requests("ep_a"), append(ids, ids...))
		f.clean(next)
	})
}

// The queue of a slow lane is held, with what has come back of it and what has
// not.
func TestExpressIsHeld(t *testing.T) {
	for name, storing := range map[string]time.Duration{"come back": 0, "on its way": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				policy := patient
				policy.Concurrency = 4
				r.endpoint("ep_stuck", policy)
				open := r.stuck()
				f, o := newOffers(r), r.begun(time.Second)
				f.late = storing
				ids, took := f.offer(o, "ep_stuck", 100)
				if took != len(ids) {
					t.Errorf("%d taken, want all", took)
				}
				<-time.After(10 * time.Second)
				f.once(ids, false, expressTime, expressTime)
				if n := r.held("ep_stuck"); n != 96 {
					t.Errorf("%d are held, want 96", n)
				}
				close(open)
				r.ends(len(ids))
				sameSet(t, r.requests("ep_stuck"), ids)
				f.clean(o)
			})
		})
	}
}

// While JetStream is away nothing is settled that must be stored, and nothing is
// lost.
func TestExpressOutlivesJetStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Minute)}})
		r.receiver.Play(dispatchertest.After(100*time.Millisecond, dispatchertest.Status(500)))
		f, o := newOffers(r), r.begun(time.Second)
		f.keeps.Store(true)
		ids, _ := f.offer(o, "ep_a", 20)
		r.env.Down()
		<-time.After(20 * time.Second)
		if n := len(r.reports); n > 0 {
			t.Errorf("%d attempts were settled while JetStream was away", n)
		}
		f.once(ids, false, expressTime, expressTime) // fanout is trying
		r.env.Up()
		<-time.After(time.Second)
		for _, id := range ids {
			d := schemas.Delivery{ID: schemas.DeliveryID(id), Tenant: "acme", Endpoint: "ep_a"}
			if _, err := r.js.PublishMsg(t.Context(), r.ready(&d), jetstream.WithMsgID(d.MessageID())); err != nil {
				t.Fatal(err)
			}
		}
		r.ends(len(ids))
		sameSet(t, r.requests("ep_a"), append(ids, ids...))
		f.clean(o)
	})
}
