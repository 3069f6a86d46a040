package retry

import (
	"math"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Schedule lists the delays before the 2nd, 3rd, … attempt, each counted from
// the end of the attempt before. The first attempt is immediate and not in the
// list. An empty Schedule allows one attempt.
type Schedule []time.Duration

// Standard is the schedule that Standard Webhooks 1.0.0 gives as its example:
// ten attempts over three days and some hours.
func Standard() Schedule {
	return Schedule{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// ForPolicy is the schedule an endpoint asks for, or its dialect's if it names
// none.
func ForPolicy(p schemas.Policy, dialect Schedule) Schedule {
	if p.Retry == nil {
		return dialect
	}
	s := make(Schedule, len(p.Retry))
	for i, d := range p.Retry {
		s[i] = d.Std()
	}
	return s
}

// Next is how long to wait after so many attempts were made, never less than 0,
// and whether there is another attempt at all. Before the first there is no
// wait.
func (s Schedule) Next(attempts int) (delay time.Duration, ok bool) {
	if attempts <= 0 {
		return 0, true
	}
	if attempts > len(s) {
		return 0, false
	}
	return max(s[attempts-1], 0), true
}

// spread is how far jitter moves a delay, as a share of it.
const spread = 0.1

// Jitter moves d by up to 10 % either way: random, in [0, 1), leads from −10 %
// to +10 %, and 0.5 leaves d as it is.
func Jitter(d time.Duration, random float64) time.Duration {
	return stretch(d, spread*(2*fraction(random)-1))
}

// late moves d by up to 10 %, later only.
func late(d time.Duration, random float64) time.Duration {
	return stretch(d, spread*fraction(random))
}

// fraction keeps a careless random number within [0, 1].
func fraction(random float64) float64 {
	if math.IsNaN(random) {
		return 0.5
	}
	return min(max(random, 0), 1)
}

// stretch is d and a share of it, or the longest Duration if that overflows.
func stretch(d time.Duration, share float64) time.Duration {
	more := time.Duration(float64(d) * share)
	if d > 0 && more > math.MaxInt64-d {
		return math.MaxInt64
	}
	return d + more
}
