package dispatcher

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// TestTwoCopiesOfOneDelivery has two copies in the queue, of which one is behind the
// other by an attempt, as a crash leaves them that was longer ago than ids are remembered.
// The retry of the one behind takes the place of the other's, and then gets to the same
// number of attempts. It must not count as stored then: it is all that is left.
func TestTwoCopiesOfOneDelivery(t *testing.T) {
	for name, policy := range map[string]schemas.Policy{
		"at once": {Retry: slices.Repeat([]schemas.Duration{schemas.Duration(10 * time.Second)}, 8), Breaker: schemas.SwitchOff},
		"held":    {Retry: slices.Repeat([]schemas.Duration{schemas.Duration(10 * time.Second)}, 8), Breaker: schemas.SwitchOff, Concurrency: 1},
		"breaker": {Retry: slices.Repeat([]schemas.Duration{schemas.Duration(10 * time.Second)}, 8)},
	} {
		for ahead := 1; ahead <= 4; ahead++ {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					r.endpoint("ep_a", policy)
					r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
						return dispatchertest.After(time.Second, dispatchertest.Status(500))
					})
					d := r.delivery("ep_a", "x")
					for _, attempts := range []int{ahead, ahead - 1} {
						c := *d
						for n := range attempts {
							c.Attempts = n + 1
							c.History = schemas.AppendHistory(c.History, schemas.Attempt{Number: n + 1, At: time.Now(), Status: 500, Reason: schemas.ReasonServerError})
						}
						if _, err := r.js.PublishMsg(t.Context(), r.ready(&c)); err != nil {
							t.Fatal(err)
						}
					}
					o := r.own(time.Second)
					<-time.After(time.Hour)
					if len(r.deadLetters()) == 0 {
						t.Errorf("%d requests, no dead letter, and %v is left", len(r.requests("ep_a")), r.subjects())
					}
					for range len(r.reports) {
						<-r.reports
					}
					r.clean(o)
				})
			})
		}
	}
}
