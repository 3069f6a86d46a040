// Package load tells whether a process has more to do than its CPUs can.
package load

import (
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// loadEvery is how often the load is looked at, at most.
	loadEvery = 20 * time.Millisecond
	// loadWait is how long a goroutine waits for a CPU, in the mean, in a process
	// that has more to do than they can. In one that has not it is some
	// microseconds.
	loadWait = 200 * time.Microsecond
)

// Load tells whether this process has more to do than its CPUs can: by how long
// goroutines that could run wait (runtime/metrics, "/sched/latencies:seconds").
type Load struct {
	// Read is what is read: latencies by default. It returns nil of a runtime that
	// has none.
	Read func() *metrics.Float64Histogram

	mu     sync.Mutex // guards what follows
	looked time.Time
	before []uint64 // the histogram's counts then
	high   bool
}

// TooHigh may be called as often as is convenient.
func (l *Load) TooHigh(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.looked) < loadEvery {
		return l.high
	}
	l.looked = now
	read := l.Read
	if read == nil {
		read = latencies
	}
	h := read()
	if h == nil {
		return false
	}
	l.high = meanSince(l.before, h) >= loadWait
	l.before = append(l.before[:0], h.Counts...)
	return l.high
}

// latencies are how long goroutines have waited for a CPU, ever.
func latencies() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil // of another runtime
	}
	return sample[0].Value.Float64Histogram()
}

// meanSince is the mean, by the lower bounds of the buckets, of what a histogram
// of seconds has counted beyond before.
func meanSince(before []uint64, h *metrics.Float64Histogram) time.Duration {
	var count, sum float64
	for i, n := range h.Counts {
		if i < len(before) {
			n -= before[i]
		}
		count += float64(n)
		sum += float64(n) * max(0, h.Buckets[i]) // the first is -Inf
	}
	if count == 0 {
		return 0
	}
	return time.Duration(sum / count * float64(time.Second))
}
