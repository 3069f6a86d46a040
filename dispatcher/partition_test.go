package dispatcher

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// gauge counts the requests under way, and remembers the most.
type gauge struct {
	mu        sync.Mutex // guards what follows
	now, most int
}

func (g *gauge) over(a dispatchertest.Answer) dispatchertest.Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.now++
		g.most = max(g.most, g.now)
		g.mu.Unlock()
		defer func() {
			g.mu.Lock()
			g.now--
			g.mu.Unlock()
		}()
		a(w, r)
	}
}

// peak is the most since it was last asked for.
func (g *gauge) peak() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	most := g.most
	g.most = g.now
	return most
}

// The window is kept in all of a lane's ways: straight from the consumer, from
// the queue in memory, and from the held queue.
func TestTheWindowIsNeverExceeded(t *testing.T) {
	for name, pace := range map[string]time.Duration{
		"queued in memory": 10 * time.Millisecond,
		"held":             2 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const window = 5
				r := newRig(t)
				r.endpoint("ep_a", schemas.Policy{Concurrency: window})
				var g gauge
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
					return g.over(dispatchertest.After(pace, dispatchertest.Status(204)))
				})
				ids := r.due("ep_a", 200)
				o := r.own(time.Second)
				<-time.After(pace * 5)
				ids = append(ids, r.due("ep_a", 100)...)
				start := time.Now()
				r.ends(len(ids))
				if n := g.peak(); n != window {
					t.Errorf("%d requests at once, want %d", n, window)
				}
				if took, most := time.Since(start), pace*time.Duration(len(ids)/window+1); took > most {
					t.Errorf("took %s, want at most %s: the window was not used", took, most)
				}
				sameSet(t, r.requests("ep_a"), ids)
				r.clean(o)
			})
		})
	}
}

// A policy that changes changes the window of a lane that is open.
func TestTheWindowFollowsThePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Concurrency: 8})
		var g gauge
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			return g.over(dispatchertest.After(time.Second, dispatchertest.Status(204)))
		})
		ids := r.due("ep_a", 100)
		o := r.own(time.Second)
		<-time.After(3500 * time.Millisecond)
		r.endpoint("ep_a", schemas.Policy{Concurrency: 2})
		<-time.After(2 * time.Second)
		g.peak()
		<-time.After(5 * time.Second)
		if n := g.peak(); n != 2 {
			t.Errorf("%d requests at once after the change, want 2", n)
		}
		r.endpoint("ep_a", schemas.Policy{Concurrency: 8})
		r.ends(len(ids))
		if n := g.peak(); n != 8 {
			t.Errorf("%d requests at once after the change back, want 8", n)
		}
		r.clean(o)
	})
}

func TestAnUnreadableMessageDies(t *testing.T) {
	good := schemas.Delivery{ID: schemas.NewDeliveryID(time.Unix(1, 0), 7, "ep_x"), Tenant: "acme", Endpoint: "ep_x"}
	noTenant := good
	noTenant.Tenant = ""
	for name, header := range map[string]nats.Header{
		"no header":    {},
		"no id":        {"Tidings-Tenant": {"acme"}},
		"no tenant":    nats.Header(noTenant.Header()),
		"bad attempts": {"Tidings-Delivery": {string(good.ID)}, "Tidings-Tenant": {"acme"}, "Tidings-Attempts": {"some"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_x", schemas.Policy{})
				m := &nats.Msg{Subject: "ready.0.ep_x", Header: header, Data: []byte("hello")}
				if _, err := r.js.PublishMsg(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				ids := r.due("ep_x", 1)
				o := r.own(time.Second)
				r.ends(1)
				sameSet(t, r.requests("ep_x"), ids)
				r.clean(o)
				letters := r.deadLetters()
				if len(letters) != 1 || letters[0].Reason != schemas.ReasonUnreadable || string(letters[0].Body) != "hello" || !strings.HasSuffix(letters[0].Subject, ".ep_x") {
					t.Errorf("dead letters %+v; want one of ep_x, unreadable, with its body", letters)
				}
			})
		})
	}
}

// TestResolve makes a delivery due for an endpoint that the last change seen
// does not tell the truth of.
func TestResolve(t *testing.T) {
	cases := []struct {
		name    string
		arrange func(*rig)
		want    schemas.Reason
		detail  string
	}{
		{"not seen yet", func(r *rig) { r.known["ep_a"] = testEndpoint("ep_a") }, schemas.ReasonOK, ""},
		{"not seen yet, and the registry is away", func(r *rig) { r.known["ep_a"], r.faults = testEndpoint("ep_a"), 3 }, schemas.ReasonOK, ""},
		{"deleted", func(*rig) {}, schemas.ReasonEndpointDeleted, "deleted before"},
		{"removed after it was seen", func(r *rig) {
			r.endpoint("ep_a", schemas.Policy{})
			e := testEndpoint("ep_a")
			r.targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
		}, schemas.ReasonEndpointDeleted, "deleted before"},
		{"deleted, and its id chosen by another tenant", func(r *rig) {
			e := testEndpoint("ep_a")
			e.Tenant = "other"
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonEndpointDeleted, "deleted before"},
		{"disabled", func(r *rig) {
			e := testEndpoint("ep_a")
			e.Disabled = schemas.ReasonGone
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonEndpointDisabled, "disabled (gone)"},
		{"no URL", func(r *rig) {
			e := testEndpoint("ep_a")
			e.URL = "mailto:x@example.com"
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonEndpointInvalid, "scheme"},
		{"unknown dialect", func(r *rig) {
			e := testEndpoint("ep_a")
			e.Dialect = "latin"
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonEndpointInvalid, "latin"},
		{"bad secret", func(r *rig) {
			e := testEndpoint("ep_a")
			e.Secrets = []schemas.Secret{schemas.NewSecret("whsec_ohno!")}
			r.targets.Apply(schemas.Change{Endpoint: &e})
		}, schemas.ReasonEndpointInvalid, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				c.arrange(r)
				r.due("ep_a", 1)
				o := r.own(time.Second)
				e := r.ends(1)[0]
				if e.Outcome.Reason != c.want || !strings.Contains(e.Outcome.Detail, c.detail) {
					t.Errorf("ended %+v, want %s: %s", e.Outcome, c.want, c.detail)
				}
				if strings.Contains(e.Outcome.Detail, "ohno") {
					t.Errorf("the detail shows the secret: %s", e.Outcome.Detail)
				}
				requests, letters := 1, 0
				if c.want != schemas.ReasonOK {
					requests, letters = 0, 1
				}
				if n := len(r.receiver.Requests()); n != requests {
					t.Errorf("%d requests, want %d", n, requests)
				}
				if got := r.deadLetters(); len(got) != letters || letters == 1 && (got[0].Reason != c.want || len(got[0].History) != 0) {
					t.Errorf("dead letters %+v, want %d of %s without attempts", got, letters, c.want)
				}
				r.clean(o)
			})
		})
	}
}

// An endpoint that answers 410 is disabled even if the registry is away at first.
func TestGoneIsToldToTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{})
		r.faults = 3
		r.receiver.Play(dispatchertest.Status(410))
		r.due("ep_a", 1)
		o := r.own(time.Second)
		if e := r.ends(1)[0]; e.Outcome.Reason != schemas.ReasonGone {
			t.Errorf("ended %+v", e.Outcome)
		}
		if !slices.Equal(r.disabled, []schemas.EndpointID{"ep_a"}) {
			t.Errorf("disabled %v, want ep_a", r.disabled)
		}
		r.clean(o)
	})
}

// A connection that is closed ends the partition with an error, so that
// whoever runs it can tell.
func TestALostConnectionIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		o := r.own(time.Second)
		<-time.After(time.Second)
		o.nc.Close()
		if err := <-o.done; err == nil {
			t.Error("the partition ended without an error")
		}
		o.done <- nil
		d, err := New(o.nc, Options{Layout: r.env.Layout, Targets: r.targets})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.RunPartition(t.Context(), 0); !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), "dispatch partition 0") {
			t.Errorf("a partition on a closed connection ended with %v", err)
		}
	})
}
