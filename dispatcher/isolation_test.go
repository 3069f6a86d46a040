package dispatcher

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// offer has the owner take a delivery as fanout does: at once if it will, and
// else, or if it lets go of it, through the stream.
func (r *rig) offer(o *owner, id schemas.EndpointID) string {
	r.made++
	d := &schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), r.made, id), Tenant: "acme", Endpoint: id, Data: []byte(fmt.Sprint(r.made))}
	m := &nats.Msg{Subject: r.env.Layout.ReadySubject(id), Header: nats.Header(d.Header()), Data: d.Data}
	store := func() {
		if _, err := r.js.PublishMsgAsync(m, jetstream.WithMsgID(d.MessageID())); err != nil {
			r.t.Error(err)
		}
	}
	taken := o.p.d.Express(d, func(settled bool) {
		if !settled {
			store()
		}
	})
	if !taken {
		store()
	}
	return string(d.ID)
}

// neighbour is an endpoint beside the one that is well.
type neighbour struct {
	id     schemas.EndpointID
	answer dispatchertest.Answer
	due    int // deliveries that wait at the start
}

func neighbours(n int, due int, answers ...dispatchertest.Answer) []neighbour {
	var list []neighbour
	for i := range n {
		list = append(list, neighbour{schemas.EndpointID(fmt.Sprintf("ep_%d", i)), answers[i%len(answers)], due})
	}
	return list
}

// timeline is when each request of a healthy endpoint came and was reported,
// since its delivery was made: one every 100 ms, for a minute, beside neighbours
// that get one each as often as they say.
func timeline(t *testing.T, others []neighbour, every time.Duration, express bool) (came, ended []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		const n, pace, takes = 600, 100 * time.Millisecond, 20 * time.Millisecond
		r := newRig(t)
		r.endpoint("ep_well", schemas.Policy{})
		answers := map[string]dispatchertest.Answer{"/ep_well": dispatchertest.After(takes, dispatchertest.Status(http.StatusNoContent))}
		for _, other := range others {
			r.endpoint(other.id, schemas.Policy{})
			answers["/"+string(other.id)] = other.answer
			r.due(other.id, other.due)
		}
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer { return answers[q.Path] })
		start := time.Now()
		o := r.own(time.Second)
		synctest.Wait()
		made := map[string]time.Time{}
		var ids []string
		for i := range n {
			<-time.After(time.Until(start.Add(time.Duration(i) * pace)))
			if len(others) > 0 && i%int(every/pace) == 0 {
				for _, other := range others {
					r.give(o, other.id, express)
				}
			}
			id := r.give(o, "ep_well", express)
			ids, made[id] = append(ids, id), time.Now()
		}
		<-time.After(time.Second)
		_ = o.stop()
		close(r.reports)
		at, done := map[string]time.Time{}, map[string]time.Duration{}
		for _, q := range r.receiver.Requests() {
			at[q.ID] = q.At
		}
		for report := range r.reports {
			done[string(report.Delivery.ID)] = report.Attempt.Duration.Std()
		}
		for _, id := range ids {
			if at[id].IsZero() {
				t.Fatalf("delivery %s did not come", id)
			}
			came, ended = append(came, at[id].Sub(made[id])), append(ended, done[id])
		}
	})
	return came, ended
}

func (r *rig) give(o *owner, id schemas.EndpointID, express bool) string {
	if express {
		return r.offer(o, id)
	}
	return r.due(id, 1)[0]
}

// TestIsolation compares, to the millisecond, what an endpoint that is well sees
// alone and beside others that are not.
func TestIsolation(t *testing.T) {
	hang, fails := dispatchertest.Hang, dispatchertest.Status(http.StatusInternalServerError)
	throttles := dispatchertest.Status(http.StatusTooManyRequests, "Retry-After", "5")
	for name, tt := range map[string]struct {
		others []neighbour
		every  time.Duration
	}{
		"one of each kind":  {neighbours(3, 300, hang, fails, throttles), 100 * time.Millisecond},
		"100 that are dead": {neighbours(100, 5, hang, fails, dispatchertest.Reset), time.Second},
		"100 that hang":     {neighbours(100, 5, hang), 5 * time.Second},
	} {
		for _, express := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, express %t", name, express), func(t *testing.T) {
				cameAlone, endedAlone := timeline(t, nil, time.Second, express)
				came, ended := timeline(t, tt.others, tt.every, express)
				if !slices.Equal(came, cameAlone) {
					t.Errorf("requests came after %v, alone after %v", differences(came, cameAlone), slices.Max(cameAlone))
				}
				if !slices.Equal(ended, endedAlone) {
					t.Errorf("attempts took %v, alone %v", differences(ended, endedAlone), slices.Max(endedAlone))
				}
			})
		}
	}
}

// differences are those of a that b does not have in their place.
func differences(a, b []time.Duration) []string {
	var d []string
	for i := range a {
		if a[i] != b[i] && len(d) < 20 {
			d = append(d, fmt.Sprintf("%d: %s", i, a[i]))
		}
	}
	return d
}

// TestTheWindowLearns has an endpoint with always more to deliver take all, then
// throttle, take all, hang, and take all with more concurrency allowed.
func TestTheWindowLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := schemas.Policy{
			Concurrency: 24, Breaker: schemas.SwitchOff, Timeout: schemas.Duration(2 * time.Second),
			Retry: []schemas.Duration{schemas.Duration(24 * time.Hour)},
		}
		r.endpoint("ep_a", policy)
		r.due("ep_a", 3000)
		var g gauge
		r.own(time.Second)
		for _, phase := range []struct {
			name        string
			answer      dispatchertest.Answer
			concurrency int
			takes       time.Duration
			least, most int // under way at once, in the last seconds of it
		}{
			{"it takes all", dispatchertest.Status(204), 24, 10 * time.Second, 24, 24},
			{"it throttles", dispatchertest.Status(429, "Retry-After", "5"), 24, 10 * time.Second, 1, 1},
			{"it takes all again", dispatchertest.Status(204), 24, 7 * time.Second, 13, 22},
			{"it hangs", dispatchertest.Hang, 24, 20 * time.Second, 1, 2}, // the receiver may see the next begin before one ends
			{"it takes more", dispatchertest.Status(204), 40, 60 * time.Second, 40, 40},
			{"it may have less", dispatchertest.Status(204), 3, 10 * time.Second, 3, 3},
		} {
			if policy.Concurrency != phase.concurrency {
				policy.Concurrency = phase.concurrency
				r.endpoint("ep_a", policy)
			}
			r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
				return g.over(g.staggered(time.Second, phase.answer))
			})
			<-time.After(phase.takes)
			g.peak()
			before := len(r.requests("ep_a"))
			<-time.After(5 * time.Second)
			if n := g.peak(); n < phase.least || n > phase.most {
				t.Errorf("%s: %d at once, want %d to %d", phase.name, n, phase.least, phase.most)
			}
			if len(r.requests("ep_a")) == before {
				t.Errorf("%s: none in 5 s", phase.name)
			}
		}
		if n := r.held("ep_a"); n == 0 {
			t.Error("there was not enough to deliver")
		}
	})
}

// An endpoint that stops keeping the order while the head of its queue waits in
// its place, and is due, gets that one again like any other.
func TestTheOrderIsGivenUpWhileTheHeadIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := schemas.Policy{Order: schemas.OrderFIFO, Retry: []schemas.Duration{schemas.Duration(time.Minute), schemas.Duration(time.Minute)}}
		r.endpoint("ep_a", policy)
		r.receiver.Play(dispatchertest.Status(500), dispatchertest.Status(500))
		ids := r.due("ep_a", 1)
		o := r.own(time.Second)
		<-time.After(time.Second)
		r.paused("ep_a", policy)
		<-time.After(10 * time.Minute)
		policy.Order = schemas.OrderNone
		r.endpoint("ep_a", policy)
		<-time.After(10 * time.Minute)
		if want := []string{ids[0], ids[0], ids[0]}; !slices.Equal(r.requests("ep_a"), want) || len(r.reports) != 3 {
			t.Errorf("requests %v, want %v", r.requests("ep_a"), want)
		}
		r.clean(o)
	})
}

// soak is a rig with endpoints of random policies, receivers of random moods, and
// deliveries at random times.
type soak struct {
	*rig
	*rand.Rand
	endpoints []schemas.Endpoint
	ids       []string
	done      map[string]schemas.Reason
}

const (
	soakTime = 3 * time.Hour
	soakMood = 5 * time.Minute
)

func newSoak(t *testing.T, seed uint64) *soak {
	s := &soak{rig: newRig(t), Rand: rand.New(rand.NewPCG(seed, 1)), done: map[string]schemas.Reason{}} //nolint:gosec // a test's dice
	for i := range 12 {
		e := testEndpoint(schemas.EndpointID(fmt.Sprintf("ep_%d", i)))
		e.Policy = s.policy()
		s.endpoints = append(s.endpoints, e)
		s.targets.Apply(schemas.Change{Endpoint: &e})
	}
	start := time.Now()
	moods := []dispatchertest.Answer{
		nil, nil, dispatchertest.After(time.Second, dispatchertest.Status(204)), dispatchertest.Hang, dispatchertest.Reset,
		dispatchertest.Status(500), dispatchertest.Status(429, "Retry-After", "7"), dispatchertest.Status(404),
	}
	s.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		at := q.At.Sub(start)
		if at > soakTime {
			return nil
		}
		mood := fnv.New32a()
		_, _ = fmt.Fprint(mood, seed, q.Path, at/soakMood)
		return moods[mood.Sum32()%uint32(len(moods))]
	})
	return s
}

func (s *soak) policy() schemas.Policy {
	p := schemas.Policy{
		Timeout: schemas.Duration(5 * time.Second), Concurrency: 1 + s.IntN(20), Retry: []schemas.Duration{}, MaxPayload: s.IntN(2) * 40,
		Breaker: []schemas.Switch{"", schemas.SwitchOff}[s.IntN(2)], Backlog: []schemas.Backlog{"", schemas.BacklogLiveFirst}[s.IntN(2)],
	}
	for range s.IntN(6) {
		p.Retry = append(p.Retry, schemas.Duration(time.Second+time.Duration(s.Int64N(int64(20*time.Minute)))))
	}
	if s.IntN(3) == 0 {
		p.Rate, p.Burst = schemas.Rate{Count: 1 + s.IntN(10), Per: time.Second}, 1+s.IntN(5)
	}
	switch s.IntN(4) {
	case 0:
		p.MaxHeld = 5 + s.IntN(20)
	case 1:
		p.MaxAge = schemas.Duration(time.Hour)
	case 2:
		p.Order, p.Backlog = schemas.OrderFIFO, ""
	}
	return p
}

// change changes an endpoint: pauses it, or resumes it, or its policy.
func (s *soak) change() {
	e := &s.endpoints[s.IntN(len(s.endpoints))]
	switch s.IntN(4) {
	case 0:
		e.Policy = s.policy()
	case 1:
		e.SkipBefore = time.Now().Add(-time.Minute)
	}
	e.Paused = !e.Paused && s.IntN(2) == 0
	changed := *e
	s.targets.Apply(schemas.Change{Endpoint: &changed})
}

// collect takes in what has been reported.
func (s *soak) collect() {
	for len(s.reports) > 0 {
		if report := <-s.reports; report.Outcome.Kind != schemas.Retry {
			s.done[string(report.Delivery.ID)] = report.Outcome.Reason
		}
	}
}

// hours runs it, with one owner after another, and returns the last.
func (s *soak) hours() *owner {
	start, o := time.Now(), s.own(time.Second)
	for time.Since(start) < soakTime {
		<-time.After(time.Duration(s.Int64N(int64(20 * time.Second))))
		e := s.endpoints[s.IntN(len(s.endpoints))]
		switch dice := s.IntN(100); {
		case dice < 1:
			o.kill()
			o = s.own(time.Second)
		case dice < 3:
			_ = o.stop()
			o = s.own(time.Second)
		case dice < 15:
			s.change()
		case dice < 20:
			s.ids = append(s.ids, s.due(e.ID, s.IntN(60))...)
		case dice < 60:
			s.ids = append(s.ids, s.offer(o, e.ID))
		default:
			s.ids = append(s.ids, s.sized(e.ID, 1+s.IntN(50)))
		}
		s.collect()
	}
	return o
}

// TestSoak wants every delivery to end, and nothing to be left of it.
func TestSoak(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSoak(t, seed)
				o := s.hours()
				for _, e := range s.endpoints {
					e.Paused = false
					s.targets.Apply(schemas.Change{Endpoint: &e})
				}
				<-time.After(2 * time.Hour) // the last retries
				for _, e := range s.endpoints {
					s.ids = append(s.ids, s.due(e.ID, 1)...)
				}
				<-time.After(time.Minute)
				s.collect()
				reasons := map[schemas.Reason]int{}
				dead := map[string]bool{}
				for _, l := range s.deadLetters() {
					dead[string(l.Delivery)] = l.Reason != ""
				}
				for _, id := range s.ids {
					reason := s.done[id]
					reasons[reason]++
					if reason != schemas.ReasonOK && !dead[id] {
						t.Errorf("delivery %s ended %q without a dead letter", id, reason)
					}
				}
				t.Logf("%d deliveries, %d requests: %v", len(s.ids), len(s.receiver.Requests()), reasons)
				s.clean(o)
				if err := o.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
