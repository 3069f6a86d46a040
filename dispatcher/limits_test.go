package dispatcher

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

var tenPerSecond = schemas.Policy{Rate: schemas.Rate{Count: 10, Per: time.Second}, Burst: 5}

// within wants no more requests in any time than a burst and ten a second.
func within(t *testing.T, at []time.Duration, burst int) {
	t.Helper()
	for i := range at {
		for j := i; j < len(at); j++ {
			took := at[j] - at[i] + time.Microsecond // the limiter counts in floats
			if n, most := j-i+1, burst+int(10*took.Seconds()); n > most {
				t.Fatalf("%d requests in %s from %s on, want at most %d", n, took, at[i], most)
			}
		}
	}
}

// TestARateIsExact makes 100 deliveries due at once, and 10 after a quiet time:
// as many are made as the rate allows, and no more. Most of them are held.
func TestARateIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", tenPerSecond)
		ids := r.due("ep_a", 100)
		start := time.Now()
		o := r.own(time.Second)
		<-time.After(3 * time.Second)
		if n := r.held("ep_a"); n < 50 {
			t.Errorf("%d are held, want most", n)
		}
		<-time.After(17 * time.Second)
		ids = append(ids, r.due("ep_a", 10)...)
		r.ends(len(ids))
		at := r.began("ep_a", start)
		within(t, at, 5)
		if last := at[99]; last > 9500*time.Millisecond+soon {
			t.Errorf("the last came after %s, want 9.5s", last)
		}
		if took := at[109] - at[100]; took > 500*time.Millisecond+soon {
			t.Errorf("the ten after a quiet time came in %s, want 0.5s", took)
		}
		sameSet(t, r.requests("ep_a"), ids)
		r.clean(o)
	})
}

// The next owner knows nothing of what the last one did: it may begin with a
// burst of its own.
func TestARateOverAHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", tenPerSecond)
		ids := r.due("ep_a", 200)
		start := time.Now()
		first := r.own(time.Second)
		<-time.After(5 * time.Second)
		r.targets = attempt.NewTargets() // as in another process
		r.endpoint("ep_a", tenPerSecond)
		second := r.own(time.Second)
		_ = first.stop()
		r.ends(len(ids))
		within(t, r.began("ep_a", start), 2*5)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %s, want 19.5 at most", took)
		}
		sameSet(t, r.requests("ep_a"), ids)
		r.clean(second)
	})
}

// A rate that is changed counts at once, for what waits for its turn too.
func TestARateIsChanged(t *testing.T) {
	for name, order := range map[string]schemas.Order{"in any order": schemas.OrderNone, "in order": schemas.OrderFIFO} {
		for to, after := range map[schemas.Rate]time.Duration{{Count: 10, Per: time.Second}: 2 * time.Second, {}: 0} {
			t.Run(name+", to "+to.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					policy := schemas.Policy{Rate: schemas.Rate{Count: 1, Per: time.Hour}, Order: order}
					r.endpoint("ep_a", policy)
					ids := r.due("ep_a", 21)
					o := r.own(time.Second)
					<-time.After(time.Minute)
					policy.Rate = to
					r.endpoint("ep_a", policy)
					start := time.Now()
					r.ends(len(ids))
					if took := time.Since(start); took > after+soon {
						t.Errorf("20 took %s after the change, want %s", took, after)
					}
					r.clean(o)
				})
			})
		}
	}
}

// sized makes a delivery of so many bytes due.
func (r *rig) sized(id schemas.EndpointID, size int) string {
	r.made++
	d := schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), r.made, id), Tenant: "acme", Endpoint: id, Data: bytes.Repeat([]byte("1"), size)}
	m := &nats.Msg{Subject: r.env.Layout.ReadySubject(id), Header: nats.Header(d.Header()), Data: d.Data}
	if _, err := r.js.PublishMsg(r.t.Context(), m, jetstream.WithMsgID(d.MessageID())); err != nil {
		r.t.Fatal(err)
	}
	return string(d.ID)
}

// died are the deliveries among DEAD with a reason.
func (r *rig) died(reason schemas.Reason) []string {
	r.t.Helper()
	var ids []string
	for _, l := range r.deadLetters() {
		if l.Reason == reason {
			ids = append(ids, string(l.Delivery))
		}
	}
	return ids
}

// A delivery too large for its endpoint dies unattempted, or instead of its next
// attempt, and takes no turn of the endpoint's rate.
func TestMaxPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := schemas.Policy{MaxPayload: 100, Rate: schemas.Rate{Count: 1, Per: time.Hour}, Burst: 3, Retry: []schemas.Duration{schemas.Duration(time.Minute)}}
		r.endpoint("ep_a", policy)
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if n := bytes.Count(q.Body, []byte("1")); n >= 50 && n < 100 { // in its envelope
				return dispatchertest.Status(500)
			}
			return nil
		})
		o := r.own(time.Second)
		var large, small []string
		for range 10 {
			large = append(large, r.sized("ep_a", 101))
		}
		small = append(small, r.sized("ep_a", 100), r.sized("ep_a", 0))
		retried := r.sized("ep_a", 50)
		start := time.Now()
		r.ends(len(large) + len(small))
		<-time.After(soon / 2)
		if took := time.Since(start); took > soon {
			t.Errorf("took %s", took)
		}
		sameSet(t, r.requests("ep_a"), append(small, retried))
		policy.MaxPayload = 10
		r.endpoint("ep_a", policy)
		if end := r.ends(1)[0]; end.Outcome.Reason != schemas.ReasonTooLarge || len(end.Delivery.History) != 1 {
			t.Errorf("ended %+v, want too_large after one attempt", end.Outcome)
		}
		sameSet(t, r.died(schemas.ReasonTooLarge), append(large, retried))
		r.clean(o)
	})
}

// resume has an endpoint go on, but skip what was accepted before a time.
func (r *rig) resume(id schemas.EndpointID, p schemas.Policy, from time.Time) {
	e := testEndpoint(id)
	e.Policy, e.SkipBefore = p, from
	r.targets.Apply(schemas.Change{Endpoint: &e})
}

// TestSkipBefore pauses an endpoint that has failed 5 deliveries (one, if it
// keeps the order), so that they are to be retried after 30 min, and resumes it
// from a time: what came before dies, with a dead letter, and the rest is
// delivered. Nothing dies while it is paused.
func TestSkipBefore(t *testing.T) {
	for name, tt := range map[string]struct {
		order  schemas.Order
		pause  time.Duration
		now    bool          // resumed from now, not from a time in the pause
		within time.Duration // in which all has ended, once resumed
	}{
		"from a time":                        {"", time.Minute, false, 33 * time.Minute},
		"from a time, the retries held":      {"", time.Hour, false, soon},
		"from now":                           {"", time.Minute, true, 33 * time.Minute},
		"from a time, in order":              {schemas.OrderFIFO, time.Minute, false, soon},
		"from a time, in order, after hours": {schemas.OrderFIFO, time.Hour, false, soon},
		"from now, in order":                 {schemas.OrderFIFO, time.Minute, true, soon},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				policy := schemas.Policy{Order: tt.order, Retry: []schemas.Duration{schemas.Duration(30 * time.Minute)}}
				r.endpoint("ep_a", policy)
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(500) })
				old := r.due("ep_a", 5)
				o := r.own(time.Second)
				<-time.After(time.Second)
				r.receiver.Script(nil)
				tried := len(r.requests("ep_a"))
				r.paused("ep_a", policy)
				<-time.After(time.Second)
				old = append(old, r.due("ep_a", 200)...)
				<-time.After(time.Second)
				from := time.Now()
				fresh := r.due("ep_a", 100)
				<-time.After(tt.pause)
				if dead, more := len(r.deadLetters()), len(r.requests("ep_a"))-tried; dead > 0 || more > 0 {
					t.Errorf("%d died, and %d were attempted, while it was paused", dead, more)
				}
				if tt.now {
					old, fresh, from = append(old, fresh...), nil, time.Now()
				}
				start := time.Now()
				r.resume("ep_a", policy, from)
				fresh = append(fresh, r.due("ep_a", 50)...)
				r.ends(len(old) + len(fresh))
				if took := time.Since(start); took > tt.within {
					t.Errorf("took %s, want %s", took, tt.within)
				}
				sameSet(t, r.died(schemas.ReasonSkipped), old)
				sameSet(t, r.requests("ep_a")[tried:], fresh)
				r.clean(o)
			})
		})
	}
}
