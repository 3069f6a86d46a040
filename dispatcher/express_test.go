package dispatcher

import (
	"runtime/metrics"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// begun starts an owner, and waits until it takes express deliveries.
func (r *rig) begun(grace time.Duration) *owner {
	o := r.own(grace)
	synctest.Wait()
	return o
}

// answering makes every request take so long.
func (r *rig) answering(after time.Duration) {
	r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
		return dispatchertest.After(after, dispatchertest.Status(204))
	})
}

// What a quick endpoint takes is stored nowhere.
func TestExpressIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Concurrency: 8})
		r.answering(10 * time.Millisecond)
		f, o := newOffers(r), r.begun(time.Second)
		ids, took := f.offer(o, "ep_a", 80)
		r.ends(len(ids))
		f.clean(o)
		if took != len(ids) || f.stored() != 0 {
			t.Errorf("%d of %d taken, %d messages stored; want all and none", took, len(ids), f.stored())
		}
		f.once(ids, true, 10*time.Millisecond, 100*time.Millisecond)
		sameSet(t, r.requests("ep_a"), ids)
	})
}

// A slow endpoint's delivery is released after 250 ms and stored. It is attempted
// once, whether it comes back before or after it is settled, and for as long as
// it takes, beyond JetStream's ack wait too.
func TestASlowExpressDeliveryIsStored(t *testing.T) {
	for name, tt := range map[string]struct{ attempt, storing time.Duration }{
		"it comes back at once":             {time.Second, 0},
		"it comes back just after the end":  {380 * time.Millisecond, 150 * time.Millisecond},
		"it comes back long after":          {300 * time.Millisecond, 30 * time.Second},
		"the attempt outlasts the ack wait": {99 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", patient)
				r.answering(tt.attempt)
				f, o := newOffers(r), r.begun(time.Second)
				f.late = tt.storing
				first, took := f.offer(o, "ep_a", 1)
				<-time.After(100 * time.Millisecond)
				second, also := f.offer(o, "ep_a", 1)
				if took != 1 || also != 1 {
					t.Error("not taken")
				}
				<-time.After(tt.storing + time.Second)
				r.own(time.Second) // who would be given what is not extended
				r.ends(2)
				f.once(first, false, expressTime, expressTime)
				f.once(second, false, expressTime, expressTime*3/2)
				sameSet(t, r.requests("ep_a"), append(first, second...))
				if n := f.stored(); n != 2 {
					t.Errorf("%d messages stored, want 2", n)
				}
				f.clean(o)
			})
		})
	}
}

// What comes next of a delivery is stored when it is released.
func TestExpressThatFails(t *testing.T) {
	for name, tt := range map[string]struct {
		status   int
		left     string // of the first attempt, in the delivery stream
		letters  int
		requests int
	}{
		"retried":  {500, "later.0.ep_a.", 0, 2},
		"gone":     {410, "", 1, 1},
		"given up": {400, "", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", schemas.Policy{
					Retry:    []schemas.Duration{schemas.Duration(time.Minute)},
					Statuses: map[string]schemas.StatusAction{"400": schemas.StatusDead},
				})
				r.receiver.Play(dispatchertest.Status(tt.status))
				f, o := newOffers(r), r.begun(time.Second)
				f.settled = func(id schemas.DeliveryID) {
					want := map[string]uint64{}
					if tt.left != "" {
						want[tt.left+string(id)] = 1
					}
					if got := r.subjects(); len(got) != len(want) || got[tt.left+string(id)] != want[tt.left+string(id)] {
						t.Errorf("released when the stream held %v, want %v", got, want)
					}
					if n := len(r.deadLetters()); n != tt.letters {
						t.Errorf("released when there were %d dead letters, want %d", n, tt.letters)
					}
				}
				ids, _ := f.offer(o, "ep_a", 1)
				r.ends(1)
				f.once(ids, true, 0, soon)
				if n := len(r.requests("ep_a")); n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
				if gone := len(r.disabled); gone != 1 == (tt.status == 410) {
					t.Errorf("%d times disabled", gone)
				}
				f.clean(o)
			})
		})
	}
}

// Deliveries that must not overtake others, or would wait, go through the stream.
func TestExpressIsRefused(t *testing.T) {
	for name, arrange := range map[string]func(*rig, *offers, *owner){
		"unknown": func(*rig, *offers, *owner) {},
		"paused":  func(r *rig, _ *offers, _ *owner) { r.paused("ep_a", patient) },
		"in order": func(r *rig, _ *offers, _ *owner) {
			r.endpoint("ep_a", inOrder())
		},
		"held": func(r *rig, _ *offers, _ *owner) {
			r.paused("ep_a", patient)
			r.due("ep_a", 100)
			<-time.After(time.Second)
			r.answering(10 * time.Millisecond)
			r.endpoint("ep_a", schemas.Policy{Concurrency: 2})
			<-time.After(25 * time.Millisecond)
		},
		"hanging": func(r *rig, _ *offers, _ *owner) {
			r.endpoint("ep_a", patient)
			r.answering(20 * time.Second)
			r.due("ep_a", 1)
			<-time.After(expressPace + time.Millisecond)
		},
		"slow": func(r *rig, _ *offers, _ *owner) {
			r.endpoint("ep_a", schemas.Policy{Concurrency: 8})
			r.answering(200 * time.Millisecond)
			r.due("ep_a", 80)
			<-time.After(1901 * time.Millisecond) // an attempt ended just now
		},
		"without room": func(r *rig, f *offers, o *owner) {
			r.endpoint("ep_a", schemas.Policy{Concurrency: 1})
			r.answering(100 * time.Millisecond)
			if _, took := f.offer(o, "ep_a", 1+maxExpress); took != 1+maxExpress {
				r.t.Errorf("%d taken, want %d", took, 1+maxExpress)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				f, o := newOffers(r), r.begun(time.Second)
				r.known["ep_a"] = testEndpoint("ep_a")
				arrange(r, f, o)
				f.keeps.Store(true)
				d := r.delivery("ep_a", "")
				if f.give(o, d) {
					t.Error("it was taken")
				}
				<-time.After(time.Minute)
				if said := f.of([]string{string(d.ID)}); len(said) > 0 || slices.Contains(r.requests("ep_a"), string(d.ID)) {
					t.Errorf("it was refused, and then attempted or released: %+v", said)
				}
			})
		})
	}
}

// A delivery that was refused is not overtaken. But one that never comes, because
// it was stored before, keeps none from being taken once a later one has come.
func TestExpressGoesOnAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{})
		r.answering(time.Second)
		f, o := newOffers(r), r.begun(time.Second)
		offer := func(want bool, when string) *schemas.Delivery {
			t.Helper()
			d := r.delivery("ep_a", "")
			if got := f.give(o, d); got != want {
				t.Errorf("%s: taken %t, want %t", when, got, want)
			}
			return d
		}
		offer(true, "nothing is under way")
		<-time.After(expressPace + time.Millisecond)
		r.answering(0)
		f.keeps.Store(true)
		offer(false, "the first hangs")
		r.due("ep_a", 1)
		synctest.Wait() // it is done
		d := offer(false, "the first that was refused has not come")
		f.keeps.Store(false)
		f.store(d)
		synctest.Wait()
		offer(true, "the last that was refused has come")
		<-time.After(time.Second)
		f.clean(o)
	})
}

// A delivery waits for a busy endpoint while the process has too much to do, but
// not for long, and the next not at all.
func TestExpressWaitsWhileTheLoadIsHigh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		looks := uint64(0)
		r.waits = func() *metrics.Float64Histogram {
			looks++
			return waited(0, 0, 0, looks)
		}
		r.endpoint("ep_a", schemas.Policy{Concurrency: 1})
		r.answering(100 * time.Millisecond)
		f, o := newOffers(r), r.begun(time.Second)
		ids, _ := f.offer(o, "ep_a", maxExpress+1)
		start := time.Now()
		more, took := f.offer(o, "ep_a", 1)
		if waited := time.Since(start); took != 0 || waited < expressTime || waited > expressTime+soon {
			t.Errorf("taken %d after %s; want refused after %s", took, waited, expressTime)
		}
		start = time.Now()
		again, took := f.offer(o, "ep_a", 1)
		if waited := time.Since(start); took != 0 || waited > 0 {
			t.Errorf("taken %d after %s; want refused at once: it was waited for in vain", took, waited)
		}
		more = append(more, again...)
		r.endpoint("ep_a", schemas.Policy{Concurrency: maxExpress})
		<-time.After(10 * time.Millisecond)
		r.ends(len(ids) + len(more))
		sameSet(t, r.requests("ep_a"), append(ids, more...))
		f.clean(o)
	})
}
