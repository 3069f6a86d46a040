package dispatcher

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// Endpoints that hang all at once leave places of their partition to others: beyond
// so many, each gets one. What waited for them comes once they answer.
func TestMassOutageLeavesPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, n, each = 100, 60, 8
		r := newRig(t)
		r.taken = most
		open := make(chan struct{})
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Path != "/ep_well" {
				return dispatchertest.Once(open, dispatchertest.Status(http.StatusNoContent))
			}
			return nil
		})
		r.endpoint("ep_well", schemas.Policy{})
		for _, other := range neighbours(n, each, nil) {
			r.endpoint(other.id, patient)
			r.due(other.id, other.due)
		}
		o := r.own(time.Second)
		<-time.After(10 * time.Second)
		if info, err := o.p.consumer.Info(t.Context()); err != nil || info.NumAckPending > most+n {
			t.Errorf("%d places are taken, %v; want at most %d", info.NumAckPending, err, most+n)
		}
		if came := len(r.receiver.Requests()); came != n*each { // those that are held need no place
			t.Errorf("%d requests, want %d: windows are larger", came, n*each)
		}
		start := time.Now()
		r.due("ep_well", 50)
		r.ends(50)
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("the endpoint that is well waited %s", took)
		}
		close(open)
		r.ends(n * each)
		r.clean(o)
	})
}

// A change of an endpoint that is down may have put it right: it is probed at once.
func TestAChangeIsReasonForAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{})
		down := true
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			if down {
				return dispatchertest.Status(http.StatusInternalServerError)
			}
			return nil
		})
		o := r.own(time.Second)
		go r.due("ep_a", 100)
		<-time.After(40 * time.Minute) // the cooldown is 5 min by now
		for o.state("ep_a") != flow.Open {
			<-time.After(time.Second)
		}
		<-time.After(time.Second)
		probes := len(r.receiver.Requests())
		r.endpoint("ep_a", schemas.Policy{})
		<-time.After(time.Second)
		if n := len(r.receiver.Requests()) - probes; n != 1 {
			t.Errorf("%d probes after a change that put nothing right, want 1", n)
		}
		down = false
		changed, failed := time.Now(), len(r.reports)
		r.endpoint("ep_a", schemas.Policy{})
		for r.held("ep_a") > 0 {
			<-time.After(time.Second)
		}
		if took := time.Since(changed); took > 10*time.Second {
			t.Errorf("held for %s after the change that put it right", took)
		}
		r.ends(failed)
	})
}
