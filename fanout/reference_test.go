package fanout_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

// publishSize stores an event whose data has a size.
func (r *rig) publishSize(eventType string, size int) {
	r.t.Helper()
	m := &nats.Msg{
		Subject: schemas.EventSubject("acme", eventType), Data: bytes.Repeat([]byte("7"), size),
		Header: nats.Header{"ce-specversion": {"1.0"}, "ce-id": {fmt.Sprint(size)}, "ce-source": {"/test"}, "ce-type": {eventType}},
	}
	if _, err := r.js.PublishMsg(r.t.Context(), m); err != nil {
		r.t.Fatal(err)
	}
}

// deliveries are all that were stored.
func (r *rig) deliveries() []*schemas.Delivery {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), r.env.Layout.DeliveriesStream(0))
	if err != nil {
		r.t.Fatal(err)
	}
	var all []*schemas.Delivery
	for i := range s.CachedInfo().State.Msgs { // nothing has left it
		m, err := s.GetMsg(r.t.Context(), i+1)
		if err != nil {
			r.t.Fatal(err)
		}
		d, err := schemas.ReadDelivery(m.Subject, m.Header, m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func TestLargeEventsAreStoredByReference(t *testing.T) {
	for _, tt := range []struct {
		receivers, size int
		byReference     bool
	}{
		{1, 32 << 10, false},
		{1, 32<<10 + 1, true},
		{2, 16 << 10, false},
		{2, 16<<10 + 1, true},
		{6, 8 << 10, false}, // so little is not worth being read
		{6, 8<<10 + 1, true},
		{6, 1 << 20, true},
	} {
		t.Run(fmt.Sprintf("%d bytes to %d", tt.size, tt.receivers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				for n := range tt.receivers {
					put(r.index, subscription(fmt.Sprintf("large%d large%d large", n, n)))
				}
				drop(r.index, "sub_1")
				r.run(r.env.Connect())
				r.publishSize("large", tt.size)
				r.settled()
				all := r.deliveries()
				if len(all) != tt.receivers {
					t.Fatalf("%d deliveries", len(all))
				}
				for _, d := range all {
					if d.Size() != tt.size || (len(d.Data) == 0) != tt.byReference || (d.Reference > 0) != tt.byReference {
						t.Errorf("stored with %d bytes, and a reference to %d", len(d.Data), d.Reference)
					}
				}
			})
		})
	}
}

func TestHistoryIsStoredByReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		drop(r.index, "sub_1")
		r.run(r.env.Connect())
		r.publishSize("large", 100_000)
		r.publishSize("large", 100)
		r.settled()
		r.registry.put(withHistory(time.Time{}))
		r.awaitHistory("sub_new", schemas.HistoryDone)
		all := r.deliveries()
		if len(all) != 2 || all[0].Reference != 100_000 || all[0].Data != nil || all[1].Reference != 0 || len(all[1].Data) != 100 {
			t.Errorf("%d deliveries: %+v", len(all), all)
		}
		if _, sequence, _ := all[0].ID.Accepted(); sequence != 1 {
			t.Errorf("it refers to %d", sequence)
		}
	})
}

// Whoever attempts a delivery at once has the data; if it is stored after all,
// then by reference.
func TestExpressHasTheData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var mu sync.Mutex
		var offered []*schemas.Delivery
		f, err := fanout.New(r.env.Connect(), fanout.Options{
			Layout: r.env.Layout, Index: r.index, Histories: r.registry.histories, Registry: r.registry,
			Express: func(d *schemas.Delivery, release func(bool)) bool {
				mu.Lock()
				offered = append(offered, d)
				mu.Unlock()
				release(false)
				return true
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.RunPartition(ctx, 0) }()
		r.publishSize("stock.removed", 100_000)
		r.settled()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(offered) != 1 || len(offered[0].Data) != 100_000 || offered[0].Reference != 100_000 {
			t.Errorf("%d offered", len(offered))
		}
		if all := r.deliveries(); len(all) != 1 || all[0].Data != nil || all[0].Reference != 100_000 {
			t.Errorf("stored %+v", all)
		}
	})
}

// An event for a thousand endpoints is not stored a thousand times.
func TestALargeFanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for n := range 1000 {
			put(r.index, subscription(fmt.Sprintf("l%d l%d large", n, n)))
		}
		r.run(r.env.Connect())
		r.publishSize("large", 512<<10)
		r.settled()
		s, err := r.js.Stream(t.Context(), r.env.Layout.DeliveriesStream(0))
		if err != nil {
			t.Fatal(err)
		}
		if state := s.CachedInfo().State; state.Msgs != 1001 || state.Bytes > 5<<20 {
			t.Errorf("%d deliveries take %d bytes", state.Msgs, state.Bytes)
		}
	})
}
