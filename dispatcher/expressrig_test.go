package dispatcher

import (
	"fmt"
	"math"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
)

// offers plays fanout: it offers deliveries to owners of the partition, and
// stores what is refused or released unsettled.
type offers struct {
	r       *rig
	late    time.Duration                    // how long storing takes
	keeps   atomic.Bool                      // it stores nothing
	settled func(schemas.DeliveryID)         // is called in the middle of release(true)
	told    chan schemas.DeliveryID          // of each release
	mu      sync.Mutex                       // guards what follows
	said    map[schemas.DeliveryID][]release // what was released
}

// release is one call of release.
type release struct {
	settled bool
	after   time.Duration // since the delivery was offered
}

func newOffers(r *rig) *offers {
	return &offers{
		r: r, settled: func(schemas.DeliveryID) {}, told: make(chan schemas.DeliveryID, 10000),
		said: map[schemas.DeliveryID][]release{},
	}
}

// offer offers n deliveries, and returns their ids in order and how many of them
// were taken.
func (f *offers) offer(o *owner, id schemas.EndpointID, n int) (ids []string, took int) {
	for i := range n {
		d := f.r.delivery(id, fmt.Sprint(i))
		ids = append(ids, string(d.ID))
		if f.give(o, d) {
			took++
		}
	}
	return ids, took
}

// give offers one delivery.
func (f *offers) give(o *owner, d *schemas.Delivery) (took bool) {
	at := time.Now()
	took = o.p.d.Express(d, func(settled bool) {
		if settled {
			f.settled(d.ID)
		} else {
			go f.store(d)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.said[d.ID] = append(f.said[d.ID], release{settled, time.Since(at)})
		f.told <- d.ID
	})
	if !took {
		f.store(d)
	}
	return took
}

func (f *offers) store(d *schemas.Delivery) {
	if f.keeps.Load() {
		return
	}
	<-time.After(f.late)
	if _, err := f.r.js.PublishMsg(f.r.t.Context(), f.r.ready(d), jetstream.WithMsgID(d.MessageID())); err != nil {
		f.r.t.Errorf("store %s: %v", d.ID, err)
	}
}

// of is what was released of the deliveries, in their order.
func (f *offers) of(ids []string) (all []release) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		all = append(all, f.said[schemas.DeliveryID(id)]...)
	}
	return all
}

// once wants each of the deliveries released once, in one way and at one time.
func (f *offers) once(ids []string, settled bool, earliest, latest time.Duration) {
	f.r.t.Helper()
	all := f.of(ids)
	wrong := slices.ContainsFunc(all, func(r release) bool {
		return r.settled != settled || r.after < earliest || r.after > latest
	})
	if len(all) != len(ids) || wrong {
		f.r.t.Errorf("released %+v; want each of %d once, settled %t, after %s to %s", all, len(ids), settled, earliest, latest)
	}
}

// clean wants nothing left to do, and nothing that the owner still waits for.
func (f *offers) clean(o *owner) {
	f.r.t.Helper()
	f.r.clean(o)
	<-time.After(persist.Try)
	o.p.unstored.mu.Lock()
	defer o.p.unstored.mu.Unlock()
	if u := &o.p.unstored; len(u.storing) > 0 || len(u.recent) > 0 || u.timing {
		f.r.t.Errorf("%d express deliveries are still waited for, and %d looked at", len(u.storing), len(u.recent))
	}
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if n := len(o.p.taken); n > 0 {
		f.r.t.Errorf("%d tasks are still there", n)
	}
}

// stored is how many messages the delivery stream ever had.
func (f *offers) stored() uint64 {
	f.r.t.Helper()
	s, err := f.r.js.Stream(f.r.t.Context(), f.r.env.Layout.DeliveriesStream(0))
	if err != nil {
		f.r.t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// waited is a histogram of waits: none, 1 µs, 100 µs, 1 ms and 1 s, or longer.
func waited(counts ...uint64) *metrics.Float64Histogram {
	return &metrics.Float64Histogram{
		Counts:  append(counts, make([]uint64, 5-len(counts))...),
		Buckets: []float64{math.Inf(-1), 1e-6, 1e-4, 1e-3, 1, math.Inf(1)},
	}
}
