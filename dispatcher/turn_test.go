package dispatcher

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// What the endpoint's end or its pause means for keys that wait.
func TestKeysThatWaitWhenTheEndpointChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		change   func(*rig, schemas.Endpoint)
		reason   schemas.Reason
		requests int // after the change
		took     time.Duration
	}{
		"disabled": {func(r *rig, e schemas.Endpoint) {
			e.Disabled = schemas.ReasonGone
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonEndpointDisabled, 0, 0},
		"deleted": {func(r *rig, e schemas.Endpoint) {
			r.targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
		}, schemas.ReasonEndpointDeleted, 0, 0},
		"paused until they are due": {func(r *rig, e schemas.Endpoint) {
			e.Paused = true
			r.targets.Apply(schemas.Change{Endpoint: &e})
			before := len(r.requests("ep_a"))
			<-time.After(2 * time.Hour)
			if n := len(r.requests("ep_a")) - before; n > 0 {
				r.t.Errorf("%d requests while it was paused", n)
			}
			e.Paused = false
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonOK, 60, 2 * time.Hour},
		"paused shortly": {func(r *rig, e schemas.Endpoint) {
			e.Paused = true
			r.targets.Apply(schemas.Change{Endpoint: &e})
			<-time.After(time.Minute)
			e.Paused = false
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonOK, 60, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				e := testEndpoint("ep_a")
				e.Policy = byKey(4, 3600)
				r.targets.Apply(schemas.Change{Endpoint: &e})
				b := r.keyLedger("ep_a")
				ids := b.due(cycle(60, strings.Split("abcdefghijklmnopqrst", "")...)...)
				r.failFirst(1, ids[:20]...)
				o := r.own(time.Second)
				<-time.After(time.Minute)
				changed, before := time.Now(), len(r.requests("ep_a"))
				tt.change(r, e)
				for _, end := range r.ends(len(ids)) {
					if end.Outcome.Reason != tt.reason {
						t.Errorf("ended %+v, want %s", end.Outcome, tt.reason)
					}
				}
				if took := time.Since(changed); took < tt.took*8/10 || took > tt.took*12/10+soon {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if n := len(r.requests("ep_a")) - before; before != 20 || n != tt.requests {
					t.Errorf("%d requests, then %d, want 20 and %d", before, n, tt.requests)
				}
				if tt.requests > 0 {
					b.inOrder(true)
				}
				r.clean(o)
			})
		})
	}
}

// The policy changes while deliveries are attempted, wait, and are passed over.
// None is lost or repeated, what waits goes on waiting as long as it would have,
// and from then on the new order is kept.
func TestTheOrderChanges(t *testing.T) {
	policies := map[string]schemas.Policy{"none": {Concurrency: 4, Retry: inOrder(60, 3600).Retry}, "fifo": inOrder(60, 3600), "keyed": byKey(4, 60, 3600), "keyed otherwise": byKey(4, 60, 3600)}
	other := policies["keyed otherwise"]
	other.OrderKey = "type" // none has it: all are of one key
	policies["keyed otherwise"] = other
	for from := range policies {
		for to := range policies {
			t.Run(from+" to "+to, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					r.endpoint("ep_a", policies[from])
					b := r.keyLedger("ep_a")
					ids := b.due(cycle(300, "a", "b", "c", "d", "e", "f")...)
					bad, failed := []string{ids[1], ids[2], ids[150]}, map[string]int{}
					r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
						if slices.Contains(bad, q.ID) && failed[q.ID] < 2 {
							failed[q.ID]++
							return dispatchertest.After(time.Second, dispatchertest.Status(500))
						}
						return dispatchertest.After(time.Second, dispatchertest.Status(204))
					})
					o := r.own(time.Second)
					<-time.After(70*time.Second + 100*time.Millisecond)
					r.endpoint("ep_a", policies[to])
					b.due(cycle(30, "a", "b", "c", "d", "e", "f")...)
					<-time.After(1500 * time.Millisecond)
					begun := len(r.requests("ep_a"))
					var ends []string
					for _, e := range r.ends(len(b.all)) {
						ends = append(ends, string(e.Delivery.ID))
					}
					sameSet(t, ends, b.all)
					got := r.requests("ep_a")
					if n := len(got); n != len(b.all)+6 {
						t.Errorf("%d requests, want %d", n, len(b.all)+6)
					}
					var attempts []time.Time
					for _, q := range r.receiver.Requests() {
						if q.ID == bad[0] {
							attempts = append(attempts, q.At)
						}
					}
					if from != "none" { // where a retry waits behind what is held when it is due
						wantWaits(t, attempts, time.Minute, time.Hour)
					}
					after := &keyLedger{r: r, keyOf: map[string]string{}}
					if to == "keyed" {
						after = b
					}
					later := got[begun:]
					if from == "none" { // what was scheduled before comes when it is due
						later = slices.DeleteFunc(slices.Clone(later), func(id string) bool { return slices.Contains(bad, id) })
					}
					for key, ids := range after.of(later) {
						if to != "none" && !slices.IsSorted(ids) {
							t.Errorf("after the change the deliveries of %q are not in order", key)
						}
					}
					r.clean(o)
				})
			})
		}
	}
}

// A delivery that waited in its place and fails while order is given up is
// scheduled, and not forgotten.
func TestTheOrderIsGivenUpDuringARetry(t *testing.T) {
	for name, policy := range map[string]schemas.Policy{"fifo": inOrder(60, 60), "keyed": byKey(4, 60, 60)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", policy)
				slow := dispatchertest.After(2*time.Second, dispatchertest.Status(500))
				r.receiver.Play(slow, slow)
				r.due("ep_a", 1)
				o := r.own(time.Second)
				for len(r.requests("ep_a")) < 2 {
					<-time.After(time.Second)
				}
				r.endpoint("ep_a", schemas.Policy{Retry: policy.Retry})
				<-time.After(10 * time.Minute)
				if len(r.reports) != 3 {
					t.Fatalf("%d reports, want 3 attempts", len(r.reports))
				}
				if e := r.ends(1)[0]; e.Outcome.Kind != schemas.Delivered || e.Attempt.Number != 3 {
					t.Errorf("ended %+v by attempt %d, want delivered by the 3rd", e.Outcome, e.Attempt.Number)
				}
				r.clean(o)
			})
		})
	}
}

// wantWaits wants so much time between attempts, or up to a fifth more or less.
func wantWaits(t *testing.T, attempts []time.Time, waits ...time.Duration) {
	t.Helper()
	if len(attempts) != len(waits)+1 {
		t.Fatalf("%d attempts, want %d", len(attempts), len(waits)+1)
	}
	for i, want := range waits {
		if wait := attempts[i+1].Sub(attempts[i]); wait < want*8/10 || wait > want*12/10 {
			t.Errorf("attempt %d came after %s, want %s", i+2, wait, want)
		}
	}
}
