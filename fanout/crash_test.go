package fanout_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-dev/tidings/schemas"
)

// An event that crashes fanout each time ends as a dead letter, and those after it go
// on.
func TestEventsThatCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		index := r.index
		r.index = nil // whoever looks something up crashes
		stop := r.run(r.env.Connect())
		r.publish("acme", "order.created", 1)
		r.settled()
		_ = stop()
		r.index = index
		r.run(r.env.Connect())
		r.publish("acme", "order.created", 2)
		r.settled()
		letters := r.dead()
		if len(letters) != 1 || letters[0].Reason != schemas.ReasonCrashed || !strings.Contains(letters[0].Detail, "fanout.(*Index).Tenant (index.go:") {
			t.Fatalf("dead letters: %+v", letters)
		}
	})
}
