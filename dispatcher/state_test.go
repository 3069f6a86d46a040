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

// TestState looks at a dispatcher while one endpoint hangs, one is down and one is well.
func TestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, id := range []schemas.EndpointID{"ep_hangs", "ep_down", "ep_well"} {
			r.endpoint(id, schemas.Policy{Concurrency: 4})
		}
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			switch q.Path {
			case "/ep_hangs":
				return dispatchertest.After(10*time.Second, dispatchertest.Status(http.StatusNoContent))
			case "/ep_down":
				return dispatchertest.Status(http.StatusInternalServerError)
			}
			return dispatchertest.Status(http.StatusNoContent)
		})
		o := r.own(time.Second)
		r.due("ep_hangs", 100)
		r.due("ep_down", 100)
		r.due("ep_well", 10)
		<-time.After(5 * time.Second)
		got := o.p.d.State()
		if got.Partitions != 1 || got.Attempts < 1 || got.Held < 2 || got.Breakers[flow.Open] != 1 || got.Breakers[flow.Closed] != 2 {
			t.Errorf("%+v", got)
		}
		_ = o.stop()
		if got := o.p.d.State(); got.Partitions != 0 || got.Attempts != 0 {
			t.Errorf("once it has stopped: %+v", got)
		}
	})
}
