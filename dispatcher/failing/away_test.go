package failing

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// TestNothingAnswers has a thing away when it is needed, and the process die or
// live on until it is back. No attempt is held up (see rig.attempt).
func TestNothingAnswers(t *testing.T) {
	for _, what := range []string{"notes", "note", "disable", "announce"} {
		for _, crash := range []bool{false, true} {
			name := what
			if crash {
				name += ", then a crash"
			}
			inRig(t, name, func(t *testing.T, r *rig) {
				for _, half := range []time.Duration{after / 2, after} {
					r.failUntil(half - time.Minute)
					r.ask(what, true)
					if what == "notes" {
						r.takeOver(false)
					}
					r.failUntil(half)
					r.pass(10 * time.Minute)
					r.ask(what, false)
					if crash {
						r.takeOver(true)
					}
					r.pass(2 * time.Second)
					r.fail()
					synctest.Wait()
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				said := map[string]Notice{}
				for _, n := range r.events {
					if first, again := said[n.ID()]; again && n != first {
						t.Errorf("the event was\n%+v, and again\n%+v", first, n)
					}
					said[n.ID()] = n
				}
				ids := slices.Sorted(maps.Keys(said))
				if want := []string{"ep_a.endpoint.disabled.946684800000", "ep_a.endpoint.failing.946684800000"}; !slices.Equal(ids, want) {
					t.Errorf("the events were %v, want %v", ids, want)
				}
				if len(r.disabled) != 1 {
					t.Errorf("disabled %v", r.disabled)
				}
			})
		}
	}
}

// Nothing is decided as long as nobody knows what was before.
func TestNotesAreReadLate(t *testing.T) {
	inRig(t, "late", func(t *testing.T, r *rig) {
		const after = 10 * time.Hour
		r.edit(func(e *schemas.Endpoint) { e.Policy.DisableAfter = schemas.Duration(after) })
		r.failUntil(2 * time.Hour)
		r.ask("notes", true)
		r.takeOver(false)
		r.failUntil(after)
		r.want("before")
		r.ask("notes", false)
		r.pass(time.Minute)
		r.want("at once", Failing)
		r.failUntil(after + after/2 - time.Minute)
		r.want("half of the time remains", Failing)
		r.failUntil(after + after/2 + time.Minute)
		r.want("in the end", Failing, Disabled)
		for _, n := range r.events {
			if !n.Data.Since.Equal(r.began) {
				t.Errorf("%s since %s, want %s", n.Kind, n.Data.Since, r.began)
			}
		}
	})
}

// What could not be published is published in its order.
func TestEventsKeepTheirOrder(t *testing.T) {
	inRig(t, "order", func(_ *testing.T, r *rig) {
		r.ask("announce", true)
		r.failUntil(after / 2)
		r.attempt(schemas.Delivered, 204)
		r.pass(time.Minute)
		r.takeOver(true)
		r.mu.Lock()
		r.events, r.away["announce"] = nil, false
		r.mu.Unlock()
		r.pass(time.Minute)
		r.want("in the end", Failing, Recovered)
		r.nothing("in the end")
	})
}

// TestSpared has the registry away when the endpoint is to be disabled, and
// something happen before it is back.
func TestSpared(t *testing.T) {
	for name, tt := range map[string]struct {
		do     func(*rig)
		events []Kind
	}{
		"it delivers":     {func(r *rig) { r.attempt(schemas.Delivered, 204) }, []Kind{Failing, Recovered}},
		"it was edited":   {func(r *rig) { r.edit(func(e *schemas.Endpoint) { e.URL = "http://b.test" }) }, []Kind{Failing}},
		"edited, crashed": {func(r *rig) { r.edit(func(e *schemas.Endpoint) { e.URL = "http://b.test" }); r.takeOver(true) }, []Kind{Failing}},
		"it was deleted": {func(r *rig) {
			r.targets.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: id}, Removed: true})
		}, []Kind{Failing}},
	} {
		inRig(t, name, func(_ *testing.T, r *rig) {
			r.failUntil(after - time.Minute)
			r.ask("disable", true)
			r.failUntil(after)
			r.pass(time.Minute)
			tt.do(r)
			r.pass(time.Minute)
			r.ask("disable", false)
			r.pass(time.Minute)
			r.want("in the end", tt.events...)
		})
	}
}

// TestDisable is what the receiver's answer asks for.
func TestDisable(t *testing.T) {
	gone := func(r *rig) error {
		return r.list.Disable(r.t.Context(), &schemas.Delivery{Tenant: "acme", Endpoint: id}, schemas.Attempt{Number: 1, Status: 410, Reason: schemas.ReasonGone}, schemas.ReasonGone)
	}
	inRig(t, "at once", func(t *testing.T, r *rig) {
		var wg sync.WaitGroup
		r.ask("disable", true)
		for range 5 {
			wg.Go(func() {
				if err := gone(r); err != nil || len(r.disabled) != 1 {
					t.Errorf("%v, disabled %v", err, r.disabled)
				}
				r.attempt(schemas.Dead, 410)
			})
		}
		r.pass(10 * time.Second)
		r.ask("disable", false)
		wg.Wait()
		if err := gone(r); err != nil { // was under way
			t.Error(err)
		}
		r.want("in the end", Disabled)
		since := r.began.UTC()
		want := Notice{Kind: Disabled, Tenant: "acme", At: since, Data: Data{
			Endpoint: id, Host: "hooks.test:81", Reason: schemas.ReasonGone, Since: since, Failures: 1, LastReason: schemas.ReasonGone, LastStatus: 410,
		}}
		if r.events[0] != want {
			t.Errorf("the event is\n%+v, want\n%+v", r.events[0], want)
		}
		r.nothing("in the end")
	})
	inRig(t, "its change is seen late", func(t *testing.T, r *rig) {
		r.late = 500 * time.Millisecond
		for range 3 {
			if err := gone(r); err != nil {
				t.Error(err)
			}
			r.attempt(schemas.Dead, 410)
			r.attempt(schemas.Delivered, 204)
			r.pass(100 * time.Millisecond)
			if len(r.kinds()) > 0 {
				t.Error("announced before it is seen")
			}
		}
		r.pass(time.Second)
		r.want("in the end", Disabled)
		r.nothing("in the end")
	})
	inRig(t, "a crash before it is announced", func(t *testing.T, r *rig) {
		r.ask("announce", true)
		if err := gone(r); err != nil {
			t.Error(err)
		}
		r.pass(time.Minute)
		first := r.events[0]
		r.takeOver(true)
		r.pass(time.Minute)
		r.ask("announce", false)
		r.pass(time.Minute)
		if last := r.events[len(r.events)-1]; last != first || len(r.disabled) != 1 {
			t.Errorf("it was\n%+v, and at last\n%+v; disabled %v", first, last, r.disabled)
		}
		r.nothing("in the end")
	})
	inRig(t, "its time ends", func(t *testing.T, r *rig) {
		r.ask("disable", true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := r.list.Disable(ctx, &schemas.Delivery{Endpoint: id}, schemas.Attempt{Number: 1}, schemas.ReasonGone)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// An event that is refused for what it says is not published again.
func TestRefused(t *testing.T) {
	inRig(t, "refused", func(t *testing.T, r *rig) {
		r.refuses = true
		r.failUntil(after)
		r.pass(time.Minute)
		if calls := len(r.events); calls != 2 || len(r.disabled) != 1 {
			t.Errorf("announced %d times, disabled %v", calls, r.disabled)
		}
		r.nothing("in the end")
	})
}

// Other partitions' notes are left alone, and those of endpoints that are gone are
// removed.
func TestNotesOfOthers(t *testing.T) {
	inRig(t, "others", func(t *testing.T, r *rig) {
		const text = `{"failing":{"since":"1999-01-01T00:00:00Z","last":"1999-01-01T00:00:00Z","failures":1}}`
		r.kept["ep_other"], r.kept["ep_gone"] = text, text
		r.takeOver(false)
		if _, left := r.kept["ep_gone"]; left || r.kept["ep_other"] != text {
			t.Errorf("there is %v", r.kept)
		}
	})
}
