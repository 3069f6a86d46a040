package fanout_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

// sluggish is a registry that takes a second to settle a history, and settles
// none: each event of a tenant that has one takes a second to match.
type sluggish struct{ *memory }

func (s sluggish) SetHistory(context.Context, schemas.SubscriptionID, func(*schemas.History) error) error {
	<-time.After(time.Second)
	return nil
}

// A tenant whose events take long to match delays no other's, and keeps its
// order. Events that wait for longer than JetStream's ack wait do not come twice.
func TestATenantDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.index.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "slow"}})
		for _, s := range []schemas.Subscription{
			{ID: "sub_s", Tenant: "slow", Endpoint: "ep_s", Types: []schemas.TypePattern{"*"}},
			{ID: "sub_h", Tenant: "slow", Endpoint: "ep_h", Types: []schemas.TypePattern{"none"}, History: &schemas.History{State: schemas.HistoryJoining}},
		} {
			r.registry.put(s)
		}
		f, err := fanout.New(r.env.Connect(), fanout.Options{Layout: r.env.Layout, Index: r.index, Histories: r.registry.histories, Registry: sluggish{r.registry}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.RunPartition(ctx, 0) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		const events = 100
		for n := range events {
			r.publish("slow", "order.paid", n)
		}
		start := time.Now()
		for n := range events {
			r.publish("acme", "order.removed", n)
		}
		queue := func(endpoint schemas.EndpointID) (numbers []string, last time.Time) {
			s, err := r.js.Stream(t.Context(), r.env.Layout.DeliveriesStream(0))
			if err != nil {
				t.Fatal(err)
			}
			for next := uint64(1); ; {
				m, err := s.GetMsg(t.Context(), next, jetstream.WithGetMsgSubject(r.env.Layout.ReadySubject(endpoint)))
				if err != nil {
					return numbers, last
				}
				numbers, next, last = append(numbers, string(m.Data)), m.Sequence+1, m.Time
			}
		}
		var want []string
		for n := range events {
			want = append(want, fmt.Sprint(n))
		}
		r.settled()
		got, last := queue("ep_users")
		if took := last.Sub(start); !slices.Equal(got, want) || took > time.Second {
			t.Errorf("%d events of another tenant, the last after %s; want %d at once, in order", len(got), took, events)
		}
		got, last = queue("ep_s")
		if took := last.Sub(start); !slices.Equal(got, want) || took < (events-2)*time.Second {
			t.Errorf("%d events of the slow tenant, the last after %s; want %d a second each, in order", len(got), took, events)
		}
		if n := r.begun(); n != 2*events {
			t.Errorf("%d events were handed out, want %d: each once", n, 2*events)
		}
	})
}
