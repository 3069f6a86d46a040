package capacity

import (
	"math"
	"time"
)

// Load is what comes, on average.
type Load struct {
	Tenants   int
	Endpoints int
	Events    float64 // accepted, per second
	Fanout    float64 // deliveries of an event
	Data      float64 // bytes of an event's data
	Attempts  float64 // of a delivery
	Latency   time.Duration
	Dead      float64 // share of the deliveries that die
	// Skew is how unlike endpoints and tenants are: the one at place r of them gets a
	// share that is as 1/r^Skew. 0 is all alike.
	Skew float64
	// Held, HeldEndpoints and Scheduled are the most that wait, as in an outage.
	Held, HeldEndpoints, Scheduled float64
	// UnderWay are attempts at once, at most, if those are more than rate and latency
	// make: as when receivers hang.
	UnderWay float64
}

func (l Load) deliveries() float64 { return l.Events * l.Fanout }
func (l Load) attempts() float64   { return l.deliveries() * l.Attempts }
func (l Load) retries() float64    { return l.deliveries() * (l.Attempts - 1) }

// Hottest is the greatest share that one of n gets.
func Hottest(n int, skew float64) float64 { return 1 / Weight(1, n, skew) }

// exact is up to where a sum is made one by one.
const exact = 1000

// Weight is the sum of 1/r^skew for r from first to last. Beyond the first thousand it
// is an integral, whose error there is below a millionth.
func Weight(first, last int, skew float64) (sum float64) {
	for ; first <= last && first <= exact; first++ {
		sum += math.Pow(float64(first), -skew)
	}
	if first > last {
		return sum
	}
	from, to := float64(first)-0.5, float64(last)+0.5
	if math.Abs(skew-1) < 1e-9 {
		return sum + math.Log(to/from)
	}
	return sum + (math.Pow(to, 1-skew)-math.Pow(from, 1-skew))/(1-skew)
}

// Among is the load of one of several cells that share it alike.
func (l Load) Among(cells int) Load {
	n := float64(cells)
	l.Tenants, l.Endpoints = max(1, l.Tenants/cells), max(1, l.Endpoints/cells)
	l.Events /= n
	l.Held, l.HeldEndpoints, l.Scheduled, l.UnderWay = l.Held/n, l.HeldEndpoints/n, l.Scheduled/n, l.UnderWay/n
	return l
}
