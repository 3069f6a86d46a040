package dispatcher

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/failing"
	"github.com/tidings-dev/tidings/schemas"
)

// notes are what owners leave to one another, and what they announce.
type notes struct {
	mu      sync.Mutex // guards what follows
	kept    map[schemas.EndpointID]failing.Note
	notices []failing.Notice
	away    bool
}

func (n *notes) Notes(context.Context) (map[schemas.EndpointID]failing.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.kept), nil
}

func (n *notes) SetNote(_ context.Context, id schemas.EndpointID, note failing.Note) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return errNotNow
	}
	n.kept[id] = note
	return nil
}

func (n *notes) announce(_ context.Context, notice failing.Notice) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notices = append(n.notices, notice)
	return nil
}

// kinds are those of the notices so far.
func (n *notes) kinds() (kinds []failing.Kind) {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, notice := range n.notices {
		kinds = append(kinds, notice.Kind)
	}
	return kinds
}

// TestNothingButFailure has an endpoint fail until it is disabled, while the
// partition goes from one owner to the next. Five hours stand for the five days of
// package failing's tests, which have no server.
func TestNothingButFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const after, step = 5 * time.Hour, 150 * time.Second
		r := newRig(t)
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(500) })
		r.endpoint("ep_a", schemas.Policy{
			Retry: []schemas.Duration{schemas.Duration(step / 2)}, Breaker: schemas.SwitchOff, DisableAfter: schemas.Duration(after),
		})
		r.endpoint("ep_b", schemas.Policy{Retry: []schemas.Duration{}, AutoDisable: schemas.SwitchOff, Breaker: schemas.SwitchOff})
		o := r.own(time.Second)
		began := time.Now()
		for i := range 121 {
			r.due("ep_a", 1)
			r.due("ep_b", 1)
			r.ends(2)
			switch i {
			case 20: // a crash
				r.notes.mu.Lock()
				r.notes.away = true
				r.notes.mu.Unlock()
				o.kill()
				r.notes.away = false
				o = r.own(time.Second)
			case 40, 80, 100:
				_ = o.stop()
				o = r.own(time.Second)
			}
			<-time.After(time.Until(began.Add(time.Duration(i+1) * step)))
			var want []failing.Kind
			if passed := time.Since(began); passed > after {
				want = []failing.Kind{failing.Failing, failing.Disabled}
			} else if passed > after/2 {
				want = []failing.Kind{failing.Failing}
			}
			if got := r.notes.kinds(); !slices.Equal(got, want) {
				t.Fatalf("in step %d, after %s, there were %v, want %v", i, time.Since(began), got, want)
			}
			if got := len(r.disabled); got != max(0, len(want)-1) {
				t.Fatalf("in step %d it was disabled %v", i, r.why)
			}
		}
		r.checkNotices(after)
	})
}

// checkNotices wants those of ep_a at half of a time, and at its end.
func (r *rig) checkNotices(after time.Duration) {
	r.t.Helper()
	since := r.receiver.Requests()[0].At
	for i, n := range r.notes.notices {
		if n.Tenant != "acme" || n.Data.Endpoint != "ep_a" || n.Data.Host != "receiver.test" || n.Data.LastStatus != 500 || n.Data.Since.Sub(since).Abs() > time.Second {
			r.t.Errorf("notice %d is %+v", i, n)
		}
		if at := since.Add(after / 2 * time.Duration(i+1)); n.At.Before(at) || n.At.Sub(at) > time.Second+time.Minute {
			r.t.Errorf("notice %d is of %s, want %s", i, n.At, at)
		}
	}
}

// An endpoint that disables itself by its answer waits for the registry, and others
// do not.
func TestDisabledByItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.faults = 1000
		r.endpoint("ep_a", schemas.Policy{})
		r.endpoint("ep_b", schemas.Policy{})
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Path == "/ep_a" {
				return dispatchertest.Status(410)
			}
			return nil
		})
		r.own(time.Second)
		began := time.Now()
		r.due("ep_a", 3)
		r.due("ep_b", 100)
		for _, end := range r.ends(100) {
			if end.Delivery.Endpoint != "ep_b" {
				t.Errorf("%s ended by %s", end.Delivery.Endpoint, end.Outcome.Reason)
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the others took %s", took)
		}
		r.mu.Lock()
		r.faults = 0
		r.mu.Unlock()
		r.ends(3)
		if got, want := r.notes.kinds(), []failing.Kind(nil); !slices.Equal(got, want) {
			t.Errorf("announced %v before the dispatcher itself knows of it", got)
		}
		<-time.After(2 * time.Second)
		if got, want := r.notes.kinds(), []failing.Kind{failing.Disabled}; !slices.Equal(got, want) || r.notes.notices[0].Data.Reason != schemas.ReasonGone {
			t.Errorf("announced %+v", r.notes.notices)
		}
		if want := []schemas.Reason{schemas.ReasonGone}; !slices.Equal(r.why, want) {
			t.Errorf("disabled for %v, want %v", r.why, want)
		}
	})
}
