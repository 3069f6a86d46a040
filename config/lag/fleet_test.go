package lag_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/lag"
	"github.com/tidings-dev/tidings/schemas"
)

// TestStanding has work that nobody takes up: no process of either stage runs. What is
// handed out, and what is held, counts for neither.
func TestStanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		f, err := lag.NewFleet(r.env.NC, r.env.Layout, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r.run(f.Run)
		look := func() (fanout, dispatcher lag.Standing) {
			<-time.After(20 * time.Second)
			synctest.Wait()
			return f.Standing()
		}
		if events, deliveries := look(); events.Backlog+deliveries.Backlog != 0 || !events.Oldest.IsZero() || !deliveries.Oldest.IsZero() || events.At.IsZero() {
			t.Errorf("of empty streams: %+v, %+v", events, deliveries)
		}
		began := time.Now()
		for _, tenant := range []schemas.TenantID{"acme", "other", "third"} {
			r.publish(schemas.EventSubject(tenant, "t"), nil)
		}
		<-time.After(time.Minute)
		due := r.env.Layout.ReadySubject("ep_due")
		r.publish(due, nats.Header(r.delivery("ep_due", 0).Header()))
		r.publish(due, nats.Header(r.delivery("ep_due", 0).Header()))
		r.publish(r.env.Layout.HeldSubject("ep_held"), nats.Header(r.delivery("ep_held", 0).Header()))
		events, deliveries := look()
		if events.Backlog != 3 || events.Oldest.Sub(began).Abs() > time.Second {
			t.Errorf("events: %+v", events)
		}
		if deliveries.Backlog != 2 || deliveries.Oldest.Sub(began.Add(time.Minute)).Abs() > time.Second {
			t.Errorf("deliveries: %+v", deliveries)
		}

		partition := r.env.Layout.Partition("ep_due")
		c, err := r.js.Consumer(t.Context(), r.env.Layout.DeliveriesStream(partition), schemas.DispatchConsumer(partition))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		r.publish(due, nats.Header(r.delivery("ep_due", 0).Header()))
		if _, err := c.Fetch(2, jetstream.FetchMaxWait(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, deliveries = look(); deliveries.Backlog != 1 || time.Since(deliveries.Oldest) > time.Minute {
			t.Errorf("once two were handed out: %+v", deliveries)
		}
	})
}
