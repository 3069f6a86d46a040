package dispatcher

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// soon is how late what happens at once may be seen.
const soon = 100 * time.Millisecond

// Stopped 1 s into an attempt of 5 s with a grace of 10 s, the dispatcher wants
// to end at 5 s, with the delivery made.
func TestAnAttemptUnderWayEndsWithinTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_slow", schemas.Policy{})
		r.receiver.Play(dispatchertest.After(5*time.Second, dispatchertest.Status(204)))
		r.due("ep_slow", 1)
		start := time.Now()
		o := r.own(10 * time.Second)
		<-time.After(time.Second)
		if err := o.stop(); err != nil {
			t.Errorf("stopped: %v", err)
		}
		if took := time.Since(start); took < 5*time.Second || took > 5*time.Second+soon {
			t.Errorf("ended after %s, want 5s", took)
		}
		if e := r.ends(1)[0]; e.Outcome.Kind != schemas.Delivered {
			t.Errorf("ended %+v", e.Outcome)
		}
		r.clean(o)
		r.own(time.Second)
		<-time.After(time.Minute)
		if n := len(r.receiver.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

// Stopped 1 s into attempts that hang, with a grace of 2 s, the dispatcher
// wants to end at 3 s. The next owner attempts the deliveries at once, without
// waiting for JetStream's ack wait, and none of them counts as a second attempt.
func TestAnAttemptBeyondTheGraceIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_slow", patient)
		r.receiver.Play(dispatchertest.Hang)
		ids := r.due("ep_slow", 3)
		start := time.Now()
		o := r.own(2 * time.Second)
		<-time.After(time.Second)
		_ = o.stop()
		if took := time.Since(start); took < 3*time.Second || took > 3*time.Second+soon {
			t.Errorf("ended after %s, want 3s", took)
		}
		start = time.Now()
		next := r.own(time.Second)
		for _, e := range r.ends(len(ids)) {
			if e.Outcome.Kind != schemas.Delivered || e.Attempt.Number != 1 || len(e.Delivery.History) != 0 {
				t.Errorf("ended %+v by attempt %d, history %+v; want delivered by the 1st", e.Outcome, e.Attempt.Number, e.Delivery.History)
			}
		}
		if took := time.Since(start); took > soon {
			t.Errorf("the next owner took %s", took)
		}
		sameSet(t, r.requests("ep_slow"), append(ids, ids...))
		r.clean(next)
	})
}

// What waits in memory behind an attempt is given back before the attempt
// ends, and what still comes from the consumer too.
func TestWhatWaitsIsGivenBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		policy := patient
		policy.Concurrency = 1
		r.endpoint("ep_slow", policy)
		r.receiver.Play(dispatchertest.After(5*time.Second, dispatchertest.Status(204)))
		r.due("ep_slow", 5)
		o := r.own(20 * time.Second)
		<-time.After(soon) // too soon to be held
		if n := r.held("ep_slow"); n > 0 {
			t.Fatalf("%d are held, want them to wait in memory", n)
		}
		o.cancel()
		synctest.Wait()
		r.own(20 * time.Second)
		<-time.After(soon)
		if n := len(r.receiver.Requests()); n != 2 { // the next owner began the 2nd, beside the 1st
			t.Errorf("%d requests, want 2", n)
		}
		r.ends(5)
		if n := len(r.receiver.Requests()); n != 5 {
			t.Errorf("%d requests, want 5", n)
		}
	})
}

// JetStream would hand a delivery out again after the ack wait of 10 s. An
// attempt of 99 s wants to be made once; so do those that wait for it.
func TestALongAttemptIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_slow", schemas.Policy{Timeout: schemas.Duration(100 * time.Second), Concurrency: 1})
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			return dispatchertest.After(99*time.Second, dispatchertest.Status(204))
		})
		ids := r.due("ep_slow", 3)
		o := r.own(time.Second) // who would be given it again
		r.ends(len(ids))
		sameSet(t, r.requests("ep_slow"), ids)
		r.clean(o)
	})
}

// JetStream crashes, and forgets that it had given out some deliveries, and that they
// were acknowledged. Whoever settled them knows, and makes no second attempt.
func TestWhatJetStreamForgotIsNotAttemptedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{})
		r.receiver.Play(dispatchertest.Status(204))
		ids := r.due("ep_a", 20)
		r.env.Down()
		forget := r.env.Remember(r.env.Layout.DeliveriesStream(0))
		r.env.Up()
		o := r.own(time.Second)
		r.ends(len(ids))
		r.env.Down()
		forget()
		r.env.Up()
		<-time.After(time.Minute)
		sameSet(t, r.requests("ep_a"), ids)
		more := r.due("ep_a", 1)
		r.ends(1)
		sameSet(t, r.requests("ep_a"), append(ids, more...))
		r.clean(o)
	})
}

// While a retry is to be stored, JetStream is away for 20 s, longer than one
// try. The retry wants to be made once it is back.
func TestARetryIsStoredOnceJetStreamIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Minute)}, Breaker: schemas.SwitchOff})
		r.receiver.Play(dispatchertest.After(2*time.Second, dispatchertest.Status(500)))
		ids := r.due("ep_a", 20)
		o := r.own(time.Second)
		<-time.After(time.Second)
		r.env.Down()
		<-time.After(20 * time.Second)
		if n := len(r.reports); n > 0 {
			t.Errorf("%d attempts were settled while JetStream was away", n)
		}
		r.env.Up()
		back := time.Now()
		var got []string
		for _, e := range r.ends(len(ids)) {
			got = append(got, string(e.Delivery.ID))
			if e.Outcome.Kind != schemas.Delivered || len(e.Delivery.History) != 1 || e.Delivery.History[0].Status != 500 {
				t.Errorf("%s ended %+v with history %+v", e.Delivery.ID, e.Outcome, e.Delivery.History)
			}
		}
		sameSet(t, got, ids)
		if took := time.Since(back); took > 90*time.Second {
			t.Errorf("the retries took %s, want about a minute", took)
		}
		r.clean(o)
	})
}

// A held queue whose deliveries settle while JetStream is away is emptied once
// it is back.
func TestTheHeldQueueOutlivesJetStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_stuck", patient)
		open := r.stuck()
		ids := r.due("ep_stuck", 300)
		o := r.own(time.Second)
		<-time.After(5 * time.Second)
		r.env.Down()
		close(open)
		<-time.After(20 * time.Second)
		r.env.Up()
		seen := map[string]bool{}
		for len(seen) < len(ids) {
			seen[string(r.ends(1)[0].Delivery.ID)] = true
		}
		<-time.After(time.Minute)
		r.clean(o)
	})
}
