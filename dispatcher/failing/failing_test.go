package failing

import (
	"slices"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// TestWarnedThenDisabled has a takeover every few hours, or none.
func TestWarnedThenDisabled(t *testing.T) {
	for name, takeOver := range map[string]func(*rig){
		"one owner": func(*rig) {}, "restarts": func(r *rig) { r.takeOver(false) }, "crashes": func(r *rig) { r.takeOver(true) },
	} {
		inRig(t, name, func(t *testing.T, r *rig) {
			for at := 7 * time.Hour; at < after/2; at += 7 * time.Hour {
				r.failUntil(at)
				takeOver(r)
			}
			r.failUntil(after/2 - time.Minute)
			r.want("before half of the time")
			r.failUntil(after / 2)
			r.want("after half of it", Failing)
			takeOver(r)
			r.failUntil(after - time.Minute)
			r.want("before all of it", Failing)
			takeOver(r)
			r.failUntil(after)
			r.want("after all of it", Failing, Disabled)
			r.fail() // was under way
			r.nothing("in the end")
			r.want("in the end", Failing, Disabled)

			failing, disabled := r.events[0], r.events[1]
			since := r.began.UTC().Truncate(time.Millisecond)
			if n := failing.Data.Failures; n < 60 || n > 63 {
				t.Errorf("%d failures in 60 hours", n)
			}
			want := Notice{Kind: Failing, Tenant: "acme", At: since.Add(after / 2), Data: Data{
				Endpoint: id, Host: "hooks.test:81", Since: since, Failures: failing.Data.Failures,
				LastReason: schemas.ReasonServerError, LastStatus: 503, DisableAt: since.Add(after),
			}}
			if failing != want {
				t.Errorf("the warning is\n%+v, want\n%+v", failing, want)
			}
			want.Kind, want.At, want.Data.Failures, want.Data.DisableAt, want.Data.Reason = Disabled, since.Add(after), disabled.Data.Failures, time.Time{}, schemas.ReasonFailing
			if disabled != want {
				t.Errorf("the end is\n%+v, want\n%+v", disabled, want)
			}
			if failing.ID() != "ep_a.endpoint.failing.946684800000" || disabled.ID() != "ep_a.endpoint.disabled.946684800000" {
				t.Errorf("their ids are %s and %s", failing.ID(), disabled.ID())
			}
		})
	}
}

// TestItStartsAnew does something to an endpoint that has been warned about, and
// wants to see what comes of that at once, and that it has all its time again.
func TestItStartsAnew(t *testing.T) {
	deliver := func(r *rig) { r.attempt(schemas.Delivered, 204) }
	edit := func(change func(*schemas.Endpoint)) func(*rig) { return func(r *rig) { r.edit(change) } }
	for name, tt := range map[string]struct {
		do     func(*rig)
		events []Kind
		keeps  bool // nothing starts anew
	}{
		"it delivers":     {do: deliver, events: []Kind{Recovered}},
		"another URL":     {do: edit(func(e *schemas.Endpoint) { e.URL = "http://b.test" })},
		"and it delivers": {do: func(r *rig) { r.edit(func(e *schemas.Endpoint) { e.URL = "http://b.test" }); deliver(r) }, events: []Kind{Recovered}},
		"another secret":  {do: edit(func(e *schemas.Endpoint) { e.Secrets = []schemas.Secret{schemas.NewSecret("t")} })},
		"another header":  {do: edit(func(e *schemas.Endpoint) { e.Headers = map[string]schemas.Secret{"K": schemas.NewSecret("t")} })},
		"paused, resumed": {do: func(r *rig) {
			r.edit(func(e *schemas.Endpoint) { e.Paused = true })
			r.edit(func(e *schemas.Endpoint) { e.Paused = false })
		}},
		"disabled, enabled": {do: func(r *rig) {
			r.edit(func(e *schemas.Endpoint) { e.Disabled = "gone" })
			r.edit(func(e *schemas.Endpoint) { e.Disabled = "" })
		}},
		"another name":     {do: edit(func(e *schemas.Endpoint) { e.Name = "b" }), keeps: true},
		"the same secrets": {do: edit(func(e *schemas.Endpoint) { e.Secrets = []schemas.Secret{schemas.NewSecret("s")} }), keeps: true},
		"taken over":       {do: func(r *rig) { r.takeOver(false) }, keeps: true},
		"edited meanwhile": {do: func(r *rig) {
			r.stop()
			r.pass(time.Second)
			r.edit(func(e *schemas.Endpoint) { e.URL = "http://b.test" })
			r.own()
		}},
		"delivers after a takeover": {
			do: func(r *rig) { r.takeOver(true); deliver(r) }, events: []Kind{Recovered},
		},
		"delivers before the notes are read": {
			do: func(r *rig) {
				r.ask("notes", true)
				r.takeOver(false)
				deliver(r)
				r.fail()
				r.pass(10 * time.Second)
				r.ask("notes", false)
				r.pass(2 * time.Second)
			}, events: []Kind{Recovered},
		},
	} {
		inRig(t, name, func(t *testing.T, r *rig) {
			r.failUntil(after / 2)
			r.pass(time.Minute)
			tt.do(r)
			r.want("then", append([]Kind{Failing}, tt.events...)...)
			events := len(r.events)
			if tt.keeps {
				r.failUntil(after)
				r.want("it goes on", Failing, Disabled)
				return
			}
			r.began = time.Now()
			r.failUntil(after/2 - time.Minute)
			if n := len(r.kinds()); n > events {
				t.Errorf("it did not start anew: %v", r.kinds())
			}
			r.failUntil(after / 2)
			r.failUntil(after - time.Minute)
			if got := r.kinds()[events:]; !slices.Equal(got, []Kind{Failing}) || len(r.disabled) > 0 {
				t.Errorf("in its new time: %v", got)
			}
			r.failUntil(after)
			if got := r.kinds()[events:]; !slices.Equal(got, []Kind{Failing, Disabled}) {
				t.Errorf("at its new end: %v", got)
			}
			if a, b := r.events[0].ID(), r.events[events].ID(); a == b {
				t.Errorf("both warnings have the id %s", a)
			}
		})
	}
}

func TestNeverDisabled(t *testing.T) {
	inRig(t, "off", func(_ *testing.T, r *rig) {
		r.edit(func(e *schemas.Endpoint) { e.Policy.AutoDisable = schemas.SwitchOff })
		r.failUntil(3 * after)
		r.want("off")
		r.edit(func(e *schemas.Endpoint) { e.Policy.AutoDisable = schemas.SwitchOn })
		r.failUntil(3*after + after/2 - time.Minute)
		r.want("on: warned first", Failing)
	})
	inRig(t, "no request was made", func(_ *testing.T, r *rig) {
		for range 3 {
			r.pass(day)
			r.list.Done(&schemas.Delivery{Endpoint: id}, schemas.Attempt{}, schemas.Dead)
		}
		r.nothing("in the end")
	})
}

// TestWrites counts what it costs the registry.
func TestWrites(t *testing.T) {
	inRig(t, "now and then", func(t *testing.T, r *rig) {
		for range 1000 {
			r.fail()
			r.pass(time.Second)
			r.attempt(schemas.Delivered, 204)
			r.pass(time.Second)
		}
		if r.writes > 0 {
			t.Errorf("%d writes", r.writes)
		}
		r.nothing("it works")
	})
	inRig(t, "a day of it", func(t *testing.T, r *rig) {
		for time.Since(r.began) < day {
			r.fail()
			r.pass(10 * time.Second)
		}
		if r.writes > 5+24 {
			t.Errorf("%d writes in a day", r.writes)
		}
		r.attempt(schemas.Delivered, 204)
		r.nothing("it works")
	})
	inRig(t, "the end", func(t *testing.T, r *rig) { // whoever is next knows of the first failure
		r.fail()
		r.pass(day)
		r.takeOver(false)
		r.failUntil(day + after/2)
		if since := r.events[0].Data.Since; !since.Equal(r.began) {
			t.Errorf("it failed since %s, want %s", since, r.began)
		}
	})
}
