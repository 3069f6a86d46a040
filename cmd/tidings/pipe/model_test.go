package pipe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/model"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// playedCase is what both the pipe and the model play.
type playedCase struct {
	policy schemas.Policy
	at     []time.Duration // when the deliveries come
	// answer is of the receiver, by when the request comes and which of its delivery it
	// is, from 1. A status of 0 is no answer.
	answer func(at time.Duration, attempt int) (status int, took time.Duration)
	// within is by how much the ends may differ, and more how many requests: jitter is
	// another in each, and what comes together comes in another order.
	within time.Duration
	more   int
}

func always(status int, took time.Duration) func(time.Duration, int) (int, time.Duration) {
	return func(time.Duration, int) (int, time.Duration) { return status, took }
}

// spread are n times, one after the other.
func spread(n int, every time.Duration) (at []time.Duration) {
	for i := range n {
		at = append(at, time.Duration(i)*every)
	}
	return at
}

func playedCases() map[string]playedCase {
	retry := []schemas.Duration{seconds(1), seconds(10), seconds(60)}
	return map[string]playedCase{
		"all is well": {at: spread(100, 100*time.Millisecond), answer: always(204, 20*time.Millisecond), within: 50 * time.Millisecond},
		"Little's law": {
			policy: schemas.Policy{Concurrency: 8}, at: spread(200, 0), answer: always(204, time.Second), within: time.Second,
		},
		"a window that grows": {
			policy: schemas.Policy{Concurrency: 32}, at: spread(600, 0), answer: always(204, 500*time.Millisecond), within: time.Second,
		},
		"each fails three times": {
			policy: schemas.Policy{Retry: retry, Breaker: schemas.SwitchOff}, at: spread(40, time.Second),
			answer: func(_ time.Duration, attempt int) (int, time.Duration) {
				if attempt <= 3 {
					return 500, 10 * time.Millisecond
				}
				return 204, 10 * time.Millisecond
			}, within: 13 * time.Second,
		},
		"none is taken": {
			policy: schemas.Policy{Retry: retry}, at: spread(30, time.Second), answer: always(404, 10*time.Millisecond), within: 13 * time.Second,
		},
		"it hangs": {
			policy: schemas.Policy{Timeout: seconds(2), Retry: retry[:1], Breaker: schemas.SwitchOff}, at: spread(30, 3*time.Second),
			answer: always(0, 0), within: time.Second,
		},
		"down for ten minutes": {
			policy: schemas.Policy{Concurrency: 32}, at: spread(300, time.Second),
			answer: func(at time.Duration, _ int) (int, time.Duration) {
				if at >= 30*time.Second && at < 630*time.Second {
					return 503, 50 * time.Millisecond
				}
				return 204, 50 * time.Millisecond
			}, within: 150 * time.Second, more: 3,
		},
		"a full queue": {
			policy: schemas.Policy{MaxHeld: 20, Timeout: seconds(5), Retry: []schemas.Duration{}}, at: spread(200, 100*time.Millisecond),
			answer: always(0, 0), within: 20 * time.Minute, more: 4, // as many probes as it takes, minutes apart
		},
	}
}

// played is what became of it.
type played struct {
	requests int
	ends     map[schemas.Reason]int
	took     time.Duration
}

// TestTheModelIsAsThePipe has the model and the pipe itself play the same.
func TestTheModelIsAsThePipe(t *testing.T) {
	for name, c := range playedCases() {
		t.Run(name, func(t *testing.T) {
			var came played
			synctest.Test(t, func(t *testing.T) { came = c.byThePipe(t) })
			modelled := c.byTheModel(t)
			if d := modelled.requests - came.requests; max(d, -d) > c.more {
				t.Errorf("the model has %d requests, the pipe %d", modelled.requests, came.requests)
			}
			if d := modelled.took - came.took; d.Abs() > c.within {
				t.Errorf("the model ends after %s, the pipe after %s", modelled.took, came.took)
			}
			for _, why := range slices.Sorted(maps.Keys(came.ends)) {
				if d := modelled.ends[why] - came.ends[why]; max(d, -d) > c.more {
					t.Errorf("%s: the model has %v, the pipe %v", why, modelled.ends, came.ends)
				}
			}
			t.Logf("the model: %+v; the pipe: %+v", modelled, came)
		})
	}
}

func (c playedCase) byThePipe(t *testing.T) (r played) {
	p := startPipe(t)
	p.endpoint("ep_a", c.policy, "order.*")
	start := time.Now()
	seen := map[string]int{}
	p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		seen[q.ID]++
		status, took := c.answer(q.At.Sub(start), seen[q.ID])
		if status == 0 {
			return dispatchertest.Hang
		}
		return dispatchertest.After(took, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	})
	for i, at := range c.at {
		if wait := at - time.Since(start); wait > 0 {
			<-time.After(wait)
		}
		p.publish(t.Context(), fmt.Sprint("e", i))
	}
	r.ends = map[schemas.Reason]int{}
	for _, end := range p.ends(len(c.at)) {
		r.ends[end.Outcome.Reason]++
	}
	r.took, r.requests = time.Since(start), len(p.receiver.Requests())
	return r
}

func (c playedCase) byTheModel(t *testing.T) played {
	o := model.Options{
		Seed: 1, Cores: 2, Arrive: time.Hour, Most: 24 * time.Hour, Step: time.Second,
		Endpoints: []model.Endpoint{{At: c.at, Policy: c.policy, Answers: func(q model.Request) model.Answer {
			status, took := c.answer(q.At, q.Attempt)
			return model.Answer{Status: status, Took: took}
		}}},
	}
	r, err := model.Play(o)
	if err != nil || r.Open > 0 {
		t.Fatalf("%v, %d have not ended", err, r.Open)
	}
	return played{requests: model.Over(r.Moments).Attempts, ends: r.Ends, took: r.Ended}
}
