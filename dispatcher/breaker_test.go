package dispatcher

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// down answers an endpoint's requests with 500 from one time to another, and
// otherwise with 204, each after a while.
func (r *rig) down(id schemas.EndpointID, takes time.Duration, from, until time.Time) {
	r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		if q.Path == "/"+string(id) && !q.At.Before(from) && q.At.Before(until) {
			return dispatchertest.After(takes, dispatchertest.Status(http.StatusInternalServerError))
		}
		return dispatchertest.After(takes, dispatchertest.Status(http.StatusNoContent))
	})
}

// began are the times since a start at which an endpoint's requests came.
func (r *rig) began(id schemas.EndpointID, start time.Time) []time.Duration {
	var at []time.Duration
	for _, q := range r.receiver.Requests() {
		if q.Path == "/"+string(id) {
			at = append(at, q.At.Sub(start))
		}
	}
	return at
}

// rounds are the times at which requests began to come together, within half a
// second of one another, and how many each time.
func rounds(at []time.Duration) (times []time.Duration, sizes []int) {
	for i, t := range at {
		if i == 0 || t-at[i-1] > 500*time.Millisecond {
			times, sizes = append(times, t), append(sizes, 0)
		}
		sizes[len(sizes)-1]++
	}
	return times, sizes
}

// staggered answers after a while, and a millisecond more for each request under
// way: so they do not all end at the same instant.
func (g *gauge) staggered(d time.Duration, a dispatchertest.Answer) dispatchertest.Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		ahead := g.now
		g.mu.Unlock()
		dispatchertest.After(d+time.Duration(ahead)*time.Millisecond, a)(w, r)
	}
}

// flows are the endpoints of which the owner remembers what they take.
func (o *owner) flows() []schemas.EndpointID {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	return slices.Collect(maps.Keys(o.p.flows))
}

// state is that of an endpoint's breaker.
func (o *owner) state(id schemas.EndpointID) flow.State {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if f := o.p.flows[id]; f != nil {
		return f.State()
	}
	return ""
}

// forgets wants nothing remembered of any endpoint, a minute after all was well.
func (o *owner) forgets(t *testing.T) {
	t.Helper()
	<-time.After(90 * time.Second)
	if left := o.flows(); len(left) > 0 {
		t.Errorf("what %v take is still remembered", left)
	}
}

// TestABreakersTimetable has 600 deliveries due for an endpoint that takes a
// second for each, works for 3 s, is down for 10 min, and works again. While it
// is down it is probed after 10 s, 20 s, 40 s … and up to a quarter more. Then
// the work comes back in doubling rounds, up to half of what it took before, and
// beyond that grows by one.
func TestABreakersTimetable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Concurrency: 32})
		start := time.Now()
		var g gauge
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			status := http.StatusNoContent
			if at := q.At.Sub(start); at >= 3*time.Second && at < 603*time.Second {
				status = http.StatusInternalServerError
			}
			return g.over(g.staggered(time.Second, dispatchertest.Status(status)))
		})
		ids := r.due("ep_a", 600)
		o := r.own(time.Second)
		ends := r.ends(len(ids))
		times, sizes := rounds(r.began("ep_a", start))
		want := []int{8, 16, 32, 32, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 17, 18}
		if len(sizes) < len(want) || !slices.Equal(sizes[:len(want)], want) {
			t.Fatalf("rounds of %v, want %v …", sizes, want)
		}
		for i, cooldown := range []time.Duration{10, 20, 40, 80, 160, 300} {
			waited := times[4+i] - times[3+i] - time.Second // from its end
			least := cooldown * time.Second
			if most := least*5/4 + 50*time.Millisecond; waited < least || waited > most {
				t.Errorf("probe %d came after %s, want %s to %s", i, waited, least, most)
			}
		}
		for i := 10; i < len(want); i++ {
			if waited := times[i] - times[i-1]; (waited - time.Second).Abs() > 50*time.Millisecond {
				t.Errorf("round %d came %s after the one before", i, waited)
			}
		}
		// Those that failed: of the round as it went down, and five probes.
		const failed = 32 + 5
		got := map[int]int{}
		var delivered []string
		for _, e := range ends {
			got[len(e.Delivery.History)]++
			delivered = append(delivered, string(e.Delivery.ID))
		}
		if want := map[int]int{0: len(ids) - failed, 1: failed}; !maps.Equal(got, want) {
			t.Errorf("deliveries by failed attempts: %v, want %v", got, want)
		}
		sameSet(t, delivered, ids)
		if n := len(r.requests("ep_a")); n != len(ids)+failed {
			t.Errorf("%d requests, want %d", n, len(ids)+failed)
		}
		r.clean(o)
		o.forgets(t)
	})
}

// A breaker that is open does not spin: neither when its endpoint is paused, nor
// while attempts from before hang on, nor while the broker is away.
func TestAnOpenBreakerRests(t *testing.T) {
	for name, rest := range map[string]func(*rig, *owner){
		"paused": func(r *rig, _ *owner) {
			r.paused("ep_a", schemas.Policy{})
			<-time.After(time.Hour)
			r.endpoint("ep_a", schemas.Policy{})
		},
		"without the broker": func(r *rig, _ *owner) {
			r.env.Down()
			<-time.After(time.Hour)
			r.env.Up()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", schemas.Policy{})
				start := time.Now()
				r.down("ep_a", 100*time.Millisecond, start, start.Add(5*time.Second))
				ids := r.due("ep_a", 100)
				o := r.own(time.Second)
				<-time.After(2 * time.Second)
				if s := o.state("ep_a"); s != flow.Open {
					t.Fatalf("the breaker is %s", s)
				}
				rest(r, o)
				r.ends(len(ids))
				sameSet(t, slices.Compact(slices.Sorted(slices.Values(r.requests("ep_a")))), ids)
				r.clean(o)
			})
		})
	}
}

// A probe waits for the attempts from before: here all but those that opened the
// breaker hang for a minute more.
func TestAProbeWaitsForThoseBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Timeout: schemas.Duration(time.Minute)})
		n := 0
		start := time.Now()
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			switch n++; {
			case n <= 8: // the window is 16 then
				return dispatchertest.After(100*time.Millisecond, dispatchertest.Status(204))
			case n <= 18:
				return dispatchertest.After(100*time.Millisecond, dispatchertest.Status(500))
			case q.At.Sub(start) < 2*time.Second:
				return dispatchertest.Hang
			}
			return nil
		})
		ids := r.due("ep_a", 200)
		o := r.own(time.Second)
		r.ends(len(ids))
		r.clean(o)
		times, sizes := rounds(r.began("ep_a", start))
		if len(times) < 2 || sizes[0] <= 18 || times[1] < time.Minute || times[1] > time.Minute+time.Second {
			t.Errorf("rounds of %v at %v, want one of more than 18 at 0, and the next after a minute", sizes, times)
		}
		o.forgets(t)
	})
}

// TestWithoutABreaker has an endpoint fail all of 40 deliveries, one a second:
// each attempt comes when the schedule says.
func TestWithoutABreaker(t *testing.T) {
	const takes = 10 * time.Millisecond
	const broker = 250 * time.Millisecond // JetStream's schedules fire no more often
	none := func(time.Duration) time.Duration { return 0 }
	tenth := func(d time.Duration) time.Duration { return d / 10 }
	roq := make([]time.Duration, 5)
	for i := range roq {
		roq[i] = time.Duration(i+1) * 30 * time.Minute
	}
	for name, tt := range map[string]struct {
		dialect  schemas.Dialect
		secret   string
		event    string
		policy   schemas.Policy
		schedule []time.Duration
		jitter   func(time.Duration) time.Duration
	}{
		"relaybox":   {schemas.DialectRelayBox, "00ff", "room.message.published", schemas.Policy{}, []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}, none},
		"roq":        {schemas.DialectROQ, "00ff", "user.created", schemas.Policy{}, roq, none},
		"the policy": {"", testSecret, "user.created", schemas.Policy{Breaker: schemas.SwitchOff}, []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute}, tenth},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 40
				r := newRig(t)
				e := testEndpoint("ep_a")
				e.Dialect, e.Policy, e.Secrets = tt.dialect, tt.policy, []schemas.Secret{schemas.NewSecret(tt.secret)}
				if tt.dialect == "" {
					for _, d := range tt.schedule {
						e.Policy.Retry = append(e.Policy.Retry, schemas.Duration(d))
					}
				}
				r.targets.Apply(schemas.Change{Endpoint: &e})
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
					return dispatchertest.After(takes, dispatchertest.Status(500))
				})
				o := r.own(time.Second)
				go func() {
					for i := range n {
						r.typed("ep_a", tt.event, fmt.Sprintf(`{"current":{"id":"u%d"}}`, i))
						<-time.After(time.Second)
					}
				}()
				for _, end := range r.ends(n) {
					if end.Outcome.Reason != schemas.ReasonExhausted || len(end.Delivery.History) != len(tt.schedule) {
						t.Fatalf("ended %+v", end.Outcome)
					}
					for i, d := range tt.schedule {
						history := append(slices.Clone(end.Delivery.History), end.Attempt)
						waited := history[i+1].At.Sub(history[i].At) - takes
						if early, late := d-waited, waited-d; early > tt.jitter(d) || late > tt.jitter(d)+broker {
							t.Errorf("attempt %d came after %s, want %s", i+2, waited, d)
						}
					}
				}
				if s := o.state("ep_a"); s != flow.Closed {
					t.Errorf("the breaker is %s", s)
				}
				r.clean(o)
			})
		})
	}
}

// typed makes a delivery of an event of a type due.
func (r *rig) typed(id schemas.EndpointID, eventType, data string) {
	r.made++
	d := schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), r.made, id), Tenant: "acme", Endpoint: id, Data: []byte(data), Event: schemas.Header{
		"ce-specversion": {"1.0"}, "ce-id": {fmt.Sprint(r.made)}, "ce-source": {"/test"}, "ce-type": {eventType},
		"ce-time": {time.Now().UTC().Format(time.RFC3339Nano)},
	}}
	m := &nats.Msg{Subject: r.env.Layout.ReadySubject(id), Header: nats.Header(d.Header()), Data: d.Data}
	if _, err := r.js.PublishMsg(r.t.Context(), m, jetstream.WithMsgID(d.MessageID())); err != nil {
		r.t.Error(err)
	}
}

// Whoever takes the partition over while the breaker is open, or the work just
// coming back, finds what is held and begins with a small window of its own.
func TestATakeoverOfABreaker(t *testing.T) {
	const outage = 100 * time.Second // the probe after it comes in the next 60 s
	for name, when := range map[string]flow.State{"open": flow.Open, "ramping": flow.Ramping} {
		for how, leave := range map[string]func(*owner){
			"after a stop": func(o *owner) { _ = o.stop() },
			"after a kill": (*owner).kill,
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					r.endpoint("ep_a", schemas.Policy{})
					start := time.Now()
					var g gauge
					r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
						status := http.StatusNoContent
						if q.At.Sub(start) < outage {
							status = http.StatusInternalServerError
						}
						return g.over(g.staggered(time.Second, dispatchertest.Status(status)))
					})
					ids := r.due("ep_a", 500)
					first := r.own(2 * time.Second)
					<-time.After(50 * time.Second)
					for first.state("ep_a") != when {
						<-time.After(100 * time.Millisecond)
					}
					if n := r.held("ep_a"); n < 450 {
						t.Fatalf("%d are held, want most of 500", n)
					}
					leave(first)
					<-time.After(2 * time.Second)
					before := len(r.requests("ep_a"))
					g.peak()
					second := r.own(time.Second)
					<-time.After(900 * time.Millisecond)
					if n := g.peak(); n != flow.DefaultStart {
						t.Errorf("the next owner began with %d at once, want %d", n, flow.DefaultStart)
					}
					for time.Since(start) < outage {
						<-time.After(time.Second)
					}
					if n := len(r.requests("ep_a")) - before; when == flow.Open && n > 20 {
						t.Errorf("the next owner made %d requests while the endpoint was down", n)
					}
					ended := map[string]bool{}
					for len(ended) < len(ids) {
						e := r.ends(1)[0]
						if e.Outcome.Kind != schemas.Delivered {
							t.Fatalf("ended %+v", e.Outcome)
						}
						ended[string(e.Delivery.ID)] = true
					}
					<-time.After(time.Minute) // whoever was killed may have had some in hand
					got := r.requests("ep_a")
					slices.Sort(got)
					sameSet(t, slices.Compact(got), ids)
					r.clean(second)
					second.forgets(t)
				})
			})
		}
	}
}

// Nothing is remembered of an endpoint that failed and is deleted.
func TestADeletedEndpointIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{}})
		r.down("ep_a", time.Second, time.Now(), time.Now().Add(time.Hour))
		r.due("ep_a", 20)
		o := r.own(time.Second)
		r.ends(20)
		<-time.After(10 * time.Minute) // the drain waits for the breaker to see that nothing is left
		r.clean(o)
		if len(o.flows()) != 1 {
			t.Error("a breaker that is open is forgotten")
		}
		e := testEndpoint("ep_a")
		r.targets.Apply(schemas.Change{Endpoint: &e, Removed: true})
		o.forgets(t)
	})
}
