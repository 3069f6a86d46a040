package access

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimits bounds the memory of one [limits]: about 3 MB.
const maxLimits = 10_000

// limits are buckets by key, those that were used the latest. Who is forgotten
// starts with a full bucket.
type limits[K comparable] struct {
	rate  rate.Limit
	burst int

	mu     sync.Mutex // guards what follows
	byKey  map[K]*list.Element
	latest *list.List // of *bucket[K], the latest first
}

type bucket[K comparable] struct {
	key     K
	limiter *rate.Limiter
	told    time.Time // when due last said yes
}

func newLimits[K comparable](perSecond float64, burst int) *limits[K] {
	return &limits[K]{rate: rate.Limit(perSecond), burst: burst, byKey: map[K]*list.Element{}, latest: list.New()}
}

// take takes one from a key's bucket, or says how long to wait for one.
func (l *limits[K]) take(key K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(key).limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// due reports whether a while has passed since it last said so of a key.
func (l *limits[K]) due(key K, now time.Time, while time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of(key)
	if !b.told.IsZero() && now.Sub(b.told) < while {
		return false
	}
	b.told = now
	return true
}

// of is a key's bucket, a full one if there was none. l.mu is held.
func (l *limits[K]) of(key K) *bucket[K] {
	if e, ok := l.byKey[key]; ok {
		l.latest.MoveToFront(e)
		return e.Value.(*bucket[K])
	}
	if len(l.byKey) >= maxLimits {
		oldest := l.latest.Back()
		delete(l.byKey, l.latest.Remove(oldest).(*bucket[K]).key)
	}
	b := &bucket[K]{key: key, limiter: rate.NewLimiter(l.rate, l.burst)}
	l.byKey[key] = l.latest.PushFront(b)
	return b
}
