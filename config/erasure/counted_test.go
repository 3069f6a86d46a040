package erasure_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/schemas"
)

// many are n events of the subject "a" that are matched and in the log, each with a
// delivery that waits to be tried again.
func (r *rig) many(n int) {
	r.Helper()
	r.events(slices.Repeat([]string{"a"}, n)...)
	for range (n + 99) / 100 {
		r.acknowledge()
	}
	events, err := r.js.Stream(r.Context(), schemas.StreamEvents)
	r.must(err)
	for i := range n {
		m, err := events.GetMsg(r.Context(), uint64(i+1))
		r.must(err)
		r.waits(schemas.NewDeliveryID(m.Time, m.Sequence, "ep_a"), "ep_a")
	}
}

// afterRemovals calls f once so many messages are being removed.
func (r *rig) afterRemovals(n int64, f func()) {
	r.Helper()
	var seen atomic.Int64
	of, err := r.env.NC.Subscribe("$JS.API.STREAM.MSG.DELETE.>", func(*nats.Msg) {
		if seen.Add(1) == n {
			f()
		}
	})
	r.must(err)
	r.Cleanup(func() { _ = of.Unsubscribe() })
}

// A process that is killed while it removes leaves a record that says what it removed,
// but for its last moment, and who goes on adds to that.
func TestKilledWhileItRemoves(t *testing.T) {
	const events, removed, noted = 160, 130, 100
	for step, removals := range map[string]int64{"deliveries": removed, "events": events + removed} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.many(events)
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				r.afterRemovals(removals, kill)
				if rec, err := r.eraser.Erase(ctx, acme, erasure.Request{Subject: "a"}); err == nil {
					t.Fatalf("%+v", rec)
				}
				r.must(r.eraser.Round(t.Context(), time.Now()))
				got := r.only(erasure.Watching).Removed
				for what, n := range map[string]int{"deliveries": got.Deliveries, "events": got.Events, "rows of events": got.Database.Events} {
					least := events
					if what == step {
						least = noted
					}
					if n < least || n > events {
						t.Errorf("%s: counted %d of %d", what, n, events)
					}
				}
				if lines := got.LogRecords; lines != 2*events {
					t.Errorf("counted %d lines of LOG", lines)
				}
				r.hasRows("")
			})
		})
	}
}
