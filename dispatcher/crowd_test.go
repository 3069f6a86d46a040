package dispatcher

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestShares(t *testing.T) {
	for _, tt := range []struct {
		most, running, lanes int64
		want                 int
	}{
		{64, 0, 0, 64},
		{64, 31, 31, 64}, // there is room enough
		{64, 64, 1, 64},
		{64, 32, 8, 9},
		{64, 64, 8, 8},
		{64, 63, 5, 13},
		{64, 64, 5, 12},
		{64, 90, 65, 1}, // one is always an endpoint's
		{1, 0, 0, 1},
		{1, 5, 5, 1},
	} {
		c := newCrowd(int(tt.most))
		c.running.Store(tt.running)
		c.lanes.Store(tt.lanes)
		if got := c.share(); got != tt.want {
			t.Errorf("of %d, with %d attempts of %d endpoints: %d, want %d", tt.most, tt.running, tt.lanes, got, tt.want)
		}
	}
}

// TestTheProcessHasOnlySoManyRequests gives four endpoints much to do, of which one
// hangs, and wants no more requests at once than the process may make, and all of those
// used. Alone an endpoint has them all.
func TestTheProcessHasOnlySoManyRequests(t *testing.T) {
	const most, each = 16, 200
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.crowded = most
		var mu sync.Mutex
		now, peak := map[string]int{}, map[string]int{}
		var all, peakAll int
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			takes := 50 * time.Millisecond
			if q.Path == "/ep_3" {
				takes = 10 * time.Second
			}
			return func(w http.ResponseWriter, q *http.Request) {
				mu.Lock()
				now[q.URL.Path]++
				all++
				peak[q.URL.Path], peakAll = max(peak[q.URL.Path], now[q.URL.Path]), max(peakAll, all)
				mu.Unlock()
				dispatchertest.After(takes, dispatchertest.Status(204))(w, q)
				mu.Lock()
				now[q.URL.Path]--
				all--
				mu.Unlock()
			}
		})
		o := r.own(time.Second)
		for i := range 4 {
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", i))
			r.endpoint(id, schemas.Policy{Concurrency: 64, Timeout: schemas.Duration(time.Minute)})
			r.due(id, each)
		}
		<-time.After(time.Second) // all have begun
		mu.Lock()
		clear(peak)
		peakAll = all
		mu.Unlock()
		<-time.After(time.Second)
		mu.Lock()
		if peakAll > most || peakAll < most-3 || peak["/ep_3"] > most/4 {
			t.Errorf("%d requests at once, want %d; by endpoint %v", peakAll, most, peak)
		}
		mu.Unlock()
		r.ends(4 * each)
		mu.Lock()
		clear(peak)
		mu.Unlock()
		r.due("ep_0", each)
		r.ends(each)
		if peak["/ep_0"] != most {
			t.Errorf("alone an endpoint has %d requests at once, want %d", peak["/ep_0"], most)
		}
		r.clean(o)
	})
}

// TestMoreEndpointsThanPlaces has more endpoints than the process may make requests:
// each has one, but no more at once than there are places, and no attempt pays for it.
func TestMoreEndpointsThanPlaces(t *testing.T) {
	const most, endpoints, each = 16, 60, 3
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.crowded = most
		var mu sync.Mutex
		now, peak := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			now += n
			peak = max(peak, now)
		}
		r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			return func(w http.ResponseWriter, q *http.Request) {
				count(1)
				defer count(-1)
				dispatchertest.After(time.Second, dispatchertest.Status(204))(w, q)
			}
		})
		for i := range endpoints {
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", i))
			r.endpoint(id, schemas.Policy{Timeout: schemas.Duration(1100 * time.Millisecond)})
			r.due(id, each)
		}
		o := r.own(time.Second)
		for _, end := range r.ends(endpoints * each) {
			if end.Outcome.Kind != schemas.Delivered || end.Attempt.Number != 1 {
				t.Errorf("%s: %+v after %d attempts", end.Delivery.Endpoint, end.Outcome, end.Attempt.Number)
			}
		}
		if peak != most*3/2 {
			t.Errorf("%d requests at once, want %d", peak, most*3/2)
		}
		r.clean(o)
	})
}
