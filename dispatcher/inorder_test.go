package dispatcher

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// byKey is a policy that keeps the order of each partitionkey, with retries
// after so many seconds.
func byKey(window int, seconds ...int) schemas.Policy {
	p := inOrder(seconds...)
	p.OrderKey, p.Concurrency = "partitionkey", window
	return p
}

// cycle are n keys, each of names in turn.
func cycle(n int, names ...string) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = names[i%len(names)]
	}
	return keys
}

// keyLedger is what was made due of an endpoint, by key.
type keyLedger struct {
	r     *rig
	id    schemas.EndpointID
	all   []string
	keyOf map[string]string
}

func (r *rig) keyLedger(id schemas.EndpointID) *keyLedger {
	return &keyLedger{r: r, id: id, keyOf: map[string]string{}}
}

func (b *keyLedger) due(keys ...string) []string {
	b.r.t.Helper()
	ids := b.r.dueOf(b.id, keys...)
	for i, id := range ids {
		b.keyOf[id] = keys[i]
	}
	b.all = append(b.all, ids...)
	return ids
}

func (b *keyLedger) of(ids []string) map[string][]string {
	byKey := map[string][]string{}
	for _, id := range ids {
		byKey[b.keyOf[id]] = append(byKey[b.keyOf[id]], id)
	}
	return byKey
}

// inOrder wants each key's deliveries requested in their order: strictly, or but
// for what was repeated.
func (b *keyLedger) inOrder(strictly bool) {
	b.r.t.Helper()
	want, got := b.of(b.all), b.of(b.r.requests(b.id))
	for key, ids := range got {
		ordered := slices.Compact(slices.Clone(ids))
		if !strictly {
			ordered = firsts(ids)
		}
		if !slices.Equal(ordered, want[key]) {
			b.r.t.Errorf("key %q: %d deliveries (%d requests) are not in order, want %d", key, len(firsts(ids)), len(ids), len(want[key]))
		}
	}
	if len(got) != len(want) {
		b.r.t.Errorf("requests of %d keys, want %d", len(got), len(want))
	}
}

// failFirst has the first attempts of some deliveries fail.
func (r *rig) failFirst(times int, ids ...string) {
	failed := map[string]int{}
	r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		if slices.Contains(ids, q.ID) && failed[q.ID] < times {
			failed[q.ID]++
			return dispatchertest.Status(500)
		}
		return nil
	})
}

// Whatever fails and however long anything takes, a key's order is kept.
func TestKeysKeepTheirOrder(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				random := rand.New(rand.NewPCG(seed, 2))
				policy := byKey(1+random.IntN(20), 3, 40, 300)
				r.endpoint("ep_a", policy)
				b, answers := r.keyLedger("ep_a"), rand.New(rand.NewPCG(seed, 3))
				var failed atomic.Int64
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
					status := 204
					if answers.IntN(4) == 0 {
						status = 500
						failed.Add(1)
					}
					return dispatchertest.After(time.Duration(answers.IntN(900))*time.Millisecond, dispatchertest.Status(status))
				})
				o := r.own(time.Second)
				for range 20 {
					keys := make([]string, random.IntN(40))
					for i := range keys {
						keys[i] = []string{"", "a", "b", "c", "d", "e", "f", "g"}[random.IntN(8)]
					}
					b.due(keys...)
					<-time.After(time.Duration(random.IntN(2000)) * time.Millisecond)
				}
				dead := 0
				for _, e := range r.ends(len(b.all)) {
					if e.Outcome.Kind == schemas.Dead {
						dead++
					}
				}
				b.inOrder(true)
				if n, want := len(r.requests("ep_a")), len(b.all)-dead+int(failed.Load()); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
				r.clean(o)
			})
		})
	}
}

// Keys are attempted side by side, as many as the window has places; a key of
// its own is one at a time.
func TestKeysSideBySide(t *testing.T) {
	for name, tt := range map[string]struct {
		window int
		keys   []string
		took   time.Duration
	}{
		"more keys than places":   {8, cycle(80, strings.Split("abcdefghijklmnop", "")...), 10 * time.Second},
		"fewer keys than places":  {8, cycle(80, "a", "b", "c", "d"), 20 * time.Second},
		"a key each, a large one": {32, cycle(640, strings.Split(strings.Repeat("x", 639), "")...), 640 * time.Second},
		"none has a key":          {8, make([]string, 30), 30 * time.Second},
		"one key lies far behind": {8, append(cycle(300, "a"), cycle(20, "b", "c", "d", "e", "f", "g", "h")...), 300 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", byKey(tt.window))
				var g gauge
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
					return g.over(dispatchertest.After(time.Second, dispatchertest.Status(204)))
				})
				b := r.keyLedger("ep_a")
				b.due(tt.keys...)
				start := time.Now()
				o := r.own(time.Second)
				if strings.HasPrefix(name, "one key lies") {
					<-time.After(5 * time.Second)
					if n := len(r.requests("ep_a")); n < 20 {
						t.Errorf("%d requests in 5 s, want those of the other keys among them", n)
					}
				}
				r.ends(len(b.all))
				if took := time.Since(start); took < tt.took || took > tt.took+soon {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if n := g.peak(); n > tt.window {
					t.Errorf("%d requests at once, want %d at most", n, tt.window)
				}
				b.inOrder(true)
				r.clean(o)
			})
		})
	}
}

// One key waits for ten hours; the others do not notice, and neither they nor it
// do when the owner dies.
func TestOneStuckKey(t *testing.T) {
	const window, hours = 16, 10 * time.Hour
	for name, leave := range map[string]func(*owner){"a stop": func(o *owner) { _ = o.stop() }, "a kill": (*owner).kill} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", byKey(window, 36000))
				b := r.keyLedger("ep_a")
				stuck := b.due(cycle(200, "stuck")...)
				b.due(cycle(1000, "a", "b", "", "stuck", "c", "d", "e", "f", "g", "h")...)
				r.failFirst(1, stuck[0])
				start := time.Now()
				o := r.own(time.Second)
				r.ends(900)
				if took := time.Since(start); took > 2*soon {
					t.Errorf("the others took %s", took)
				}
				<-time.After(time.Hour)
				if n := r.held("ep_a"); n != 300 {
					t.Errorf("%d are held, want those of the key that is stuck", n)
				}
				before := o.nc.Stats().OutMsgs
				<-time.After(time.Minute)
				if sent := o.nc.Stats().OutMsgs - before; sent > 20 {
					t.Errorf("the owner sent JetStream %d messages in a minute of waiting", sent)
				}
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
					return dispatchertest.After(time.Second, dispatchertest.Status(204))
				})
				b.due(cycle(400, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p")...)
				<-time.After(5500 * time.Millisecond) // in the middle of the work
				leave(o)
				o = r.own(time.Second)
				<-time.After(time.Minute)
				if n := len(r.requests("ep_a")); n > 901+400+window {
					t.Errorf("%d requests, want at most %d of them repeated", n, window)
				}
				<-time.After(hours - time.Since(start) - hours/10)
				if n := r.held("ep_a"); n != 300 {
					t.Errorf("%d are held, want those of the key that is stuck", n)
				}
				<-time.After(hours/5 + 5*time.Minute)
				b.inOrder(false)
				if got := b.of(r.requests("ep_a"))["stuck"]; len(got) != 301 || got[1] != stuck[0] {
					t.Errorf("%d requests of the stuck key, want 301", len(got))
				}
				r.clean(o)
			})
		})
	}
}

// Keys that wait take no place of the window.
func TestWaitingTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", byKey(2, 3600))
		b := r.keyLedger("ep_a")
		stuck := b.due(cycle(20, strings.Split("abcdefghij", "")...)...)[:10]
		r.failFirst(1, stuck...)
		o := r.own(time.Second)
		<-time.After(soon)
		start := time.Now()
		b.due(cycle(100, "x", "y", "z")...)
		r.ends(100)
		if took := time.Since(start); took > soon {
			t.Errorf("the others took %s", took)
		}
		r.ends(20)
		b.inOrder(true)
		r.clean(o)
	})
}

// A delivery that becomes too old lets its key go on.
func TestMaxAgeFreesTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := byKey(4, 600, 600, 600, 600, 600, 600)
		policy.MaxAge = schemas.Duration(25 * time.Minute)
		r.endpoint("ep_a", policy)
		b := r.keyLedger("ep_a")
		stuck := b.due("a", "b", "a")[0]
		r.failFirst(9, stuck)
		start := time.Now()
		o := r.own(time.Second)
		<-time.After(15 * time.Minute)
		b.due("a")
		ends := r.ends(4)
		if e := ends[1]; string(e.Delivery.ID) != stuck || e.Outcome.Reason != schemas.ReasonTooOld || len(r.deadLetters()[0].History) != 3 {
			t.Errorf("ended %+v, want the first too old after 3 attempts", e.Outcome)
		}
		if took := time.Since(start); took > 25*time.Minute {
			t.Errorf("took %s", took)
		}
		b.inOrder(true)
		r.clean(o)
	})
}

// Once so many were passed over, the queue is not read on until one of them ends.
func TestTheBoundOfWhatIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.passed = 300
		r.endpoint("ep_a", byKey(4, 3600))
		b := r.keyLedger("ep_a")
		stuck := b.due(cycle(100, "stuck")...)[0]
		b.due(cycle(50, "a", "b")...)
		b.due(cycle(1000, "stuck")...)
		late := b.due(cycle(50, "a", "b")...)
		r.failFirst(1, stuck)
		o := r.own(time.Second)
		r.ends(50)
		<-time.After(10 * time.Minute)
		if n := len(r.requests("ep_a")); n != 51 {
			t.Errorf("%d requests, want 51: none beyond what may be passed over", n)
		}
		r.ends(1000 + 100 + len(late))
		b.inOrder(true)
		r.clean(o)
	})
}

// Two owners, as during a hand-over, repeat requests at worst.
func TestKeysWithTwoOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", byKey(6, 5, 20))
		b := r.keyLedger("ep_a")
		first := r.own(time.Second)
		ids := b.due(cycle(60, "a", "b", "c", "", "e")...)
		r.failing(ids, 7, 2)
		second := r.own(time.Second)
		for range 5 {
			b.due(cycle(40, "a", "b", "c", "", "e", "f")...)
			<-time.After(3 * time.Second)
		}
		<-time.After(10 * time.Minute)
		b.inOrder(false)
		r.clean(first)
		r.clean(second)
	})
}

// The process dies anywhere; a key's order is kept, and a window is repeated at
// most.
func TestKeysWhereverTheOwnerDies(t *testing.T) {
	const window = 4
	for written := 4000; written <= 60000; written += 7000 {
		t.Run(fmt.Sprint(written), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", byKey(window, 5))
				b := r.keyLedger("ep_a")
				ids := b.due(cycle(60, "a", "b", "c", "d", "e", "f", "g")...)
				r.failing(ids, 5, 1)
				nc, gone := r.env.ConnectFor(written)
				first := r.ownOn(nc, time.Second)
				select {
				case <-gone:
				case <-time.After(8 * time.Second):
				}
				first.kill()
				b.due(cycle(20, "a", "b", "h")...)
				o := r.own(time.Second)
				<-time.After(5 * time.Minute)
				b.inOrder(false)
				if repeated := len(r.requests("ep_a")) - len(b.all) - 12; repeated > 2*window {
					t.Errorf("%d requests were repeated, want a window at most, and their retries", repeated)
				}
				r.clean(o)
			})
		})
	}
}
