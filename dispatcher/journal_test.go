package dispatcher

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// slowJournal keeps what it is told, and has nothing written before it is asked to.
type slowJournal struct {
	mu      sync.Mutex // guards what follows
	records []schemas.AttemptRecord
	waiting []func()
}

func (j *slowJournal) add(_ schemas.TenantID, r schemas.Record, written func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records, j.waiting = append(j.records, *r.Attempt), append(j.waiting, written)
}

// write has everything written.
func (j *slowJournal) write() {
	j.mu.Lock()
	waiting := j.waiting
	j.waiting = nil
	j.mu.Unlock()
	for _, written := range waiting {
		written()
	}
}

// A settled delivery is let go when its record is written, and not before. Only an
// ordered queue waits for that: what is not settled may be attempted again, and would
// come after the next.
func TestJournalComesFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		policy schemas.Policy
		answer int
		told   int // before anything is written, of two deliveries
		kind   schemas.Kind
	}{
		"delivered": {schemas.Policy{}, 204, 2, schemas.Delivered},
		"dead":      {schemas.Policy{Retry: []schemas.Duration{}}, 500, 2, schemas.Dead},
		"in order":  {schemas.Policy{Order: schemas.OrderFIFO}, 204, 1, schemas.Delivered},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, j := newRig(t), &slowJournal{}
				r.journal = j.add
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(tt.answer) })
				r.endpoint("ep_a", tt.policy)
				ids := r.due("ep_a", 2)
				o := r.own(time.Second)
				<-time.After(time.Second)
				j.mu.Lock()
				told := len(j.records)
				j.mu.Unlock()
				if told != tt.told {
					t.Errorf("the journal knows of %d attempts, want %d", told, tt.told)
				}
				stored := 0
				for _, n := range r.subjects() {
					stored += int(n) //nolint:gosec // two at most
				}
				if stored != 2 {
					t.Errorf("%d deliveries are stored, want both", stored)
				}
				for range ids {
					j.write()
					<-time.After(time.Second)
				}
				r.clean(o)
				if len(j.records) != 2 {
					t.Fatalf("%d records", len(j.records))
				}
				for i, a := range j.records {
					if a.Kind != tt.kind || a.Attempt.Number != 1 || a.Attempt.Status != tt.answer || a.Exchange == nil || a.Dispatcher != "owner" || a.Endpoint != "ep_a" {
						t.Errorf("record %d is %+v", i, a)
					}
				}
			})
		})
	}
}

// What dies without an attempt, and what is tried again, are told of too.
func TestJournalOfRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, j := newRig(t), &slowJournal{}
		r.journal = func(tenant schemas.TenantID, record schemas.Record, written func()) {
			j.add(tenant, record, written)
			j.write()
		}
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(503) })
		r.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Minute)}})
		gone := testEndpoint("ep_gone")
		gone.Disabled = schemas.ReasonGone
		r.targets.Apply(schemas.Change{Endpoint: &gone})
		o := r.own(time.Second)
		began := time.Now()
		r.due("ep_a", 1)
		r.due("ep_gone", 1)
		<-time.After(3 * time.Minute)
		r.clean(o)
		got := map[schemas.EndpointID][]schemas.AttemptRecord{}
		for _, a := range j.records {
			got[a.Endpoint] = append(got[a.Endpoint], a)
		}
		if a := got["ep_gone"]; len(a) != 1 || a[0].Kind != schemas.Dead || a[0].Attempt.Number != 0 || a[0].Attempt.At.IsZero() || a[0].Exchange != nil {
			t.Errorf("of one that is disabled it has %+v", a)
		}
		a := got["ep_a"]
		if len(a) != 2 || a[0].Kind != schemas.Retry || a[1].Kind != schemas.Dead || a[1].Reason != schemas.ReasonExhausted || a[1].Attempt.Number != 2 {
			t.Fatalf("of one that fails it has %+v", a)
		}
		if wait := a[0].Next.Sub(began); wait < 30*time.Second || wait > 2*time.Minute || !a[1].Next.IsZero() {
			t.Errorf("the next attempt is due after %s", wait)
		}
	})
}
