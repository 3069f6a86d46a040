package dispatcher

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// early is a message that the stream's leader does not show yet.
type early struct {
	jetstream.Msg
	acked, naked *atomic.Int64
}

func (e early) Ack() error { e.acked.Add(1); return nil }
func (e early) Nak() error { e.naked.Add(1); return nil }

// A consumer may hand out what its own replica has, and the stream's leader has not
// yet. That the leader finds nothing to move does not mean that it was moved.
func TestWhatIsNotFoundIsNotMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", inOrder())
		o := r.begun(time.Second)
		r.due("ep_a", 1)
		<-time.After(time.Second)
		var acked, naked atomic.Int64
		o.p.mu.Lock()
		shown := &task{delivery: r.delivery("ep_a", ""), stored: ready{early{nil, &acked, &naked}, 1000, time.Now(), &o.p.acked}, taken: time.Now()}
		o.p.hold(shown)
		o.p.lane("ep_a").offer(t.Context(), shown)
		o.p.mu.Unlock()
		<-time.After(time.Second)
		if acked.Load() != 0 || naked.Load() != 1 {
			t.Errorf("acknowledged %d times and given back %d times, want it given back", acked.Load(), naked.Load())
		}
	})
}
