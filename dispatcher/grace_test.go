package dispatcher

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// An attempt of 60 s, told to stop 1 s in, with a grace of 90 s: longer than
// JetStream's ack wait. The next owner, there all the while, wants not to get
// the delivery too.
func TestALongGraceMakesAnAttemptOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_slow", schemas.Policy{Timeout: schemas.Duration(100 * time.Second)})
		r.receiver.Play(dispatchertest.After(time.Minute, dispatchertest.Status(204)))
		r.due("ep_slow", 1)
		o := r.own(90 * time.Second)
		<-time.After(time.Second)
		o.cancel()
		synctest.Wait()
		r.own(time.Second)
		if e := r.ends(1)[0]; e.Outcome.Kind != schemas.Delivered {
			t.Errorf("ended %+v", e.Outcome)
		}
		<-time.After(time.Minute)
		if n := len(r.receiver.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		r.clean(o)
	})
}
