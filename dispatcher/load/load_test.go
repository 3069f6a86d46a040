package load

import (
	"math"
	"runtime/metrics"
	"testing"
	"time"
)

// waited is a histogram of waits: none, 1 µs, 100 µs, 1 ms and 1 s, or longer.
func waited(counts ...uint64) *metrics.Float64Histogram {
	return &metrics.Float64Histogram{
		Counts:  append(counts, make([]uint64, 5-len(counts))...),
		Buckets: []float64{math.Inf(-1), 1e-6, 1e-4, 1e-3, 1, math.Inf(1)},
	}
}

func TestMeanSince(t *testing.T) {
	for name, tt := range map[string]struct {
		before []uint64
		now    *metrics.Float64Histogram
		want   time.Duration
	}{
		"nothing yet":                  {nil, waited(), 0},
		"nothing since":                {[]uint64{5, 5, 5, 5, 5}, waited(5, 5, 5, 5, 5), 0},
		"no wait at all":               {nil, waited(7), 0},
		"all alike":                    {nil, waited(0, 0, 3), 100 * time.Microsecond},
		"a mean, from the beginning":   {nil, waited(0, 0, 10, 10), 550 * time.Microsecond},
		"a mean, since then":           {[]uint64{0, 0, 0, 0, 1000}, waited(0, 0, 10, 10, 1000), 550 * time.Microsecond},
		"those that did not wait, too": {[]uint64{1}, waited(4, 0, 0, 1), 250 * time.Microsecond},
		"the longest":                  {nil, waited(0, 0, 0, 0, 2), time.Second},
	} {
		if got := meanSince(tt.before, tt.now); (got - tt.want).Abs() > time.Nanosecond {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// The load is what goroutines waited since the last look, and is looked at once
// in loadEvery.
func TestTooHigh(t *testing.T) {
	now, reads, h := time.Now(), 0, waited()
	l := Load{Read: func() *metrics.Float64Histogram {
		reads++
		return h
	}}
	for i, step := range []struct {
		after time.Duration
		now   *metrics.Float64Histogram // from now on
		high  bool
		reads int
	}{
		{0, waited(), false, 1},
		{loadEvery, waited(0, 0, 0, 9), true, 2},
		{0, waited(0, 1e6, 0, 9), true, 2}, // not looked at yet
		{loadEvery - 1, waited(0, 1e6, 0, 9), true, 2},
		{1, waited(0, 1e6, 0, 9), false, 3},
		{loadEvery - 1, waited(0, 1e6, 0, 99), false, 3},
		{1, waited(0, 1e6, 0, 99), true, 4},
		{time.Hour, waited(0, 1e6, 0, 99), false, 5}, // none since
		{time.Hour, nil, false, 6},
	} {
		h, now = step.now, now.Add(step.after)
		for range 3 {
			if got := l.TooHigh(now); got != step.high || reads != step.reads {
				t.Errorf("step %d: %t after %d looks, want %t after %d", i, got, reads, step.high, step.reads)
			}
		}
	}
}

// The runtime has what is read of it.
func TestLatencies(t *testing.T) {
	h := latencies()
	if h == nil || len(h.Counts) == 0 || len(h.Buckets) != len(h.Counts)+1 {
		t.Errorf("the runtime says %+v", h)
	}
}
