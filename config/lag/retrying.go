package lag

import (
	"slices"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// maxRetrying is how many of an endpoint's deliveries are remembered: the oldest.
	// When one of them ends, the next is known; when all have, those that were left out
	// are found at their next attempts.
	maxRetrying = 8
	// maxEndpoints bounds the endpoints of which some are.
	maxEndpoints = 10_000
)

// retrying remembers the oldest deliveries that wait for a retry.
type retrying struct {
	mu sync.Mutex // guards of
	of map[schemas.EndpointID]*waiting
}

func newRetrying() retrying { return retrying{of: map[schemas.EndpointID]*waiting{}} }

// waiting are an endpoint's, the oldest first.
type waiting struct {
	tenant schemas.TenantID
	oldest []dated
}

type dated struct {
	id    schemas.DeliveryID
	since time.Time
	until time.Time // when it is somebody else's to know of it; zero if it never is
}

// settled takes in what became of a delivery. Until is for how long one that is to be
// retried is remembered, if its end may be told to another process; else zero.
func (r *retrying) settled(d *schemas.Delivery, kind schemas.Kind, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.of[d.Endpoint]
	if kind != schemas.Retry {
		if w == nil {
			return
		}
		w.oldest = slices.DeleteFunc(w.oldest, func(o dated) bool { return o.id == d.ID })
		if len(w.oldest) == 0 {
			delete(r.of, d.Endpoint)
		}
		return
	}
	if w == nil {
		if len(r.of) >= maxEndpoints {
			return
		}
		w = &waiting{}
		r.of[d.Endpoint] = w
	}
	w.tenant = d.Tenant
	w.add(dated{d.ID, d.Since(), until})
}

func (w *waiting) add(d dated) {
	if n := slices.IndexFunc(w.oldest, func(o dated) bool { return o.id == d.id }); n >= 0 {
		w.oldest[n].until = d.until
		return
	}
	n, _ := slices.BinarySearchFunc(w.oldest, d, func(a, b dated) int { return a.since.Compare(b.since) })
	w.oldest = slices.Insert(w.oldest, n, d)
	w.oldest = w.oldest[:min(len(w.oldest), maxRetrying)]
}

// add adds them to a picture, and forgets those of endpoints that are not mine.
func (r *retrying) add(to map[schemas.EndpointID]*Endpoint, mine func(schemas.EndpointID) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, w := range r.of {
		if !mine(id) {
			delete(r.of, id)
			continue
		}
		w.oldest = slices.DeleteFunc(w.oldest, func(o dated) bool { return !o.until.IsZero() && !time.Now().Before(o.until) })
		if len(w.oldest) == 0 {
			delete(r.of, id)
			continue
		}
		at(to, id).older(w.tenant, w.oldest[0].since)
	}
}
