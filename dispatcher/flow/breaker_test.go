package flow_test

import (
	"math"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
)

// ends feeds a breaker attempts a second long that end one every step from at.
func ends(b *flow.Breaker, at time.Time, step time.Duration, signals ...flow.Signal) time.Time {
	for _, signal := range signals {
		b.Began(at.Add(-time.Second))
		b.Done(flow.Result{Signal: signal, Began: at.Add(-time.Second), Now: at})
		at = at.Add(step)
	}
	return at
}

// many is so many signals.
func many(n int, signals ...flow.Signal) (all []flow.Signal) {
	for i := range n {
		all = append(all, signals[i%len(signals)])
	}
	return all
}

// TestBreakerOpens has a row for each way a breaker opens, or does not: the
// number of attempts until it did, or 0.
func TestBreakerOpens(t *testing.T) {
	const f, x, h, v = flow.Fine, flow.Failed, flow.Throttled, flow.Void
	for name, tt := range map[string]struct {
		o       flow.BreakerOptions
		step    time.Duration
		signals []flow.Signal
		want    int
	}{
		"a run of failures":           {flow.BreakerOptions{}, time.Second, many(12, x), 10},
		"one an hour":                 {flow.BreakerOptions{}, time.Hour, many(12, x), 10},
		"a success ends the run":      {flow.BreakerOptions{}, time.Hour, append(many(9, x), append(many(1, f), many(9, x)...)...), 0},
		"void is not in the run":      {flow.BreakerOptions{}, time.Hour, many(24, v, x), 20},
		"throttled is no failure":     {flow.BreakerOptions{}, time.Second, many(99, h), 0},
		"half of twenty":              {flow.BreakerOptions{}, time.Second, many(99, f, x), 20},
		"half of less than twenty":    {flow.BreakerOptions{}, 2 * time.Second, many(99, f, x), 0},
		"a third":                     {flow.BreakerOptions{}, time.Second, many(99, x, f, f), 0},
		"old successes slide out":     {flow.BreakerOptions{}, time.Second, append(many(90, f), many(60, x, f, x)...), 90 + 22},
		"a third, with its ratio":     {flow.BreakerOptions{Ratio: 0.33}, time.Second, many(99, f, f, x), 21},
		"more than all is all":        {flow.BreakerOptions{Ratio: 7, Consecutive: 1000}, time.Second, many(99, x), 20},
		"all of them":                 {flow.BreakerOptions{Ratio: 1, Consecutive: 1000}, time.Second, many(99, x), 20},
		"few are enough":              {flow.BreakerOptions{MinRequests: 3}, time.Second, many(9, f, x), 4},
		"a shorter time":              {flow.BreakerOptions{Over: 10 * time.Second}, time.Second, many(99, f, x), 0},
		"shorter than can be divided": {flow.BreakerOptions{Over: 1}, time.Second, many(99, f, x), 0},
		"a shorter run":               {flow.BreakerOptions{Consecutive: 3}, time.Hour, many(9, x), 3},
		"off":                         {flow.BreakerOptions{Off: true}, time.Second, many(99, x), 0},
		"a clock that goes back":      {flow.BreakerOptions{}, -time.Hour, many(99, f, x), 0},
	} {
		b, at, got := flow.NewBreaker(tt.o), zero, 0
		for i, signal := range tt.signals {
			if at = ends(b, at, tt.step, signal); b.State() != flow.Closed {
				got = i + 1
				break
			}
		}
		if got != tt.want {
			t.Errorf("%s: open after %d, want %d", name, got, tt.want)
		}
		if closed := b.Allow(at) == math.MaxInt; closed != (got == 0) {
			t.Errorf("%s: %d allowed", name, b.Allow(at))
		}
	}
}

// TestBreakerCooldown lets one probe after the other fail.
func TestBreakerCooldown(t *testing.T) {
	for random, want := range map[float64][]time.Duration{ // in milliseconds
		0:    {10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000},
		0.5:  {11_250, 22_500, 45_000, 90_000, 180_000, 337_500, 337_500},
		0.99: {12_475, 24_950},
		-3:   {10_000}, 9: {12_500},
	} {
		b, at := flow.NewBreaker(flow.BreakerOptions{Consecutive: 1}), zero
		for i, cooldown := range want {
			cooldown *= time.Millisecond
			b.Began(at)
			ended := at.Add(time.Second)
			b.Done(flow.Result{Signal: flow.Failed, Began: at, Now: ended, Random: random})
			if at = b.NextProbe(); at.Sub(ended) != cooldown {
				t.Errorf("random %v: cooldown %d is %s, want %s", random, i+1, at.Sub(ended), cooldown)
			}
			if early, due := b.Allow(at.Add(-1)), b.Allow(at); early != 0 || due != 1 {
				t.Errorf("random %v: %d allowed before the probe is due and %d then", random, early, due)
			}
		}
	}
}

// TestBreakerCooldownLongerThanMost has a first cooldown that is the longest.
func TestBreakerCooldownLongerThanMost(t *testing.T) {
	b := flow.NewBreaker(flow.BreakerOptions{Consecutive: 1, Cooldown: time.Hour, MaxCooldown: time.Minute})
	if ends(b, zero, 0, flow.Failed); b.NextProbe().Sub(zero) != time.Hour {
		t.Errorf("open for %s", b.NextProbe().Sub(zero))
	}
}

// TestBreakerSlides has a pause between outcomes that would open it together.
func TestBreakerSlides(t *testing.T) {
	for pause, want := range map[time.Duration]flow.State{25 * time.Second: flow.Open, 35 * time.Second: flow.Closed, 300 * time.Second: flow.Closed} {
		b := flow.NewBreaker(flow.BreakerOptions{})
		ends(b, zero, 0, many(18, flow.Fine, flow.Failed)...)
		if ends(b, zero.Add(pause), 0, flow.Fine, flow.Failed); b.State() != want {
			t.Errorf("%s after a pause of %s, want %s", b.State(), pause, want)
		}
	}
}

// TestBreakerProbe shows that the probe alone decides.
func TestBreakerProbe(t *testing.T) {
	b := flow.NewBreaker(flow.BreakerOptions{Consecutive: 1})
	stale := flow.Result{Signal: flow.Fine, Began: zero, Now: zero.Add(11 * time.Second)}
	expect := func(step string, state flow.State, allow int, now time.Time) {
		t.Helper()
		if b.State() != state || b.Allow(now) != allow {
			t.Errorf("%s: %s, %d allowed; want %s, %d", step, b.State(), b.Allow(now), state, allow)
		}
	}
	ends(b, zero.Add(time.Second), 0, flow.Failed)
	due := b.NextProbe()
	expect("tripped", flow.Open, 0, zero)
	b.Done(stale)
	b.Began(due.Add(-1))
	expect("one begins out of turn, an old one ends", flow.Open, 0, due.Add(-1))
	expect("the cooldown has passed", flow.Open, 1, due)
	b.Began(due)
	expect("the probe begins", flow.HalfOpen, 0, due.Add(time.Hour))
	if !b.NextProbe().IsZero() {
		t.Errorf("the next probe is due at %s, while one is under way", b.NextProbe())
	}
	b.Done(stale)
	stale.Signal = flow.Failed
	b.Done(stale)
	b.Done(flow.Result{Signal: flow.Fine, Began: due.Add(-1), Now: due})
	expect("older attempts end", flow.HalfOpen, 0, due)
	b.Done(flow.Result{Signal: flow.Void, Began: due, Now: due})
	expect("the probe did not take place", flow.Open, 1, due)
	b.Began(due.Add(1))
	b.Done(flow.Result{Signal: flow.Throttled, Began: due.Add(1), Now: due.Add(2)})
	expect("the probe was throttled", flow.Ramping, 2, due)
	for range 5 {
		b.Done(stale)
	}
	b.Done(flow.Result{Signal: flow.Void, Began: due.Add(3), Now: due.Add(3)})
	expect("void in the ramp", flow.Ramping, 2, due)
	b.Set(flow.BreakerOptions{Off: true})
	expect("switched off", flow.Closed, math.MaxInt, due)
	b.Set(flow.BreakerOptions{Consecutive: 1})
	b.Done(stale)
	expect("switched on", flow.Closed, math.MaxInt, due)
}

// TestBreakerRamp lists what is allowed after each attempt of a ramp up to 16.
func TestBreakerRamp(t *testing.T) {
	const f, x, h = flow.Fine, flow.Failed, flow.Throttled
	const all = math.MaxInt
	for name, tt := range map[string]struct {
		signals []flow.Signal
		allow   []int
		state   flow.State
	}{
		"doubles":                 {many(15, f), []int{2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, all}, flow.Closed},
		"throttled is alive":      {many(3, h), []int{2, 2, 4}, flow.Ramping},
		"few failures":            {[]flow.Signal{f, f, f, f, f, f, x}, []int{2, 2, 4, 4, 4, 4, 8}, flow.Ramping},
		"half halves":             {[]flow.Signal{f, f, f, f, x, x, f, x}, []int{2, 2, 4, 4, 4, 2, 2, 1}, flow.Ramping},
		"lost at once":            {[]flow.Signal{f, f, f, x, x}, []int{2, 2, 4, 4, 2}, flow.Ramping},
		"a whole round opens":     {[]flow.Signal{f, f, f, x, x, x, x}, []int{2, 2, 4, 4, 2, 1, 0}, flow.Open},
		"one recovers":            {[]flow.Signal{f, x, f, f, f}, []int{2, 1, 2, 2, 4}, flow.Ramping},
		"the probe":               {[]flow.Signal{x}, []int{0}, flow.Open},
		"the first cooldown then": {[]flow.Signal{f, x, x}, []int{2, 1, 0}, flow.Open},
	} {
		b := flow.NewBreaker(flow.BreakerOptions{Max: 16, Consecutive: 1})
		ends(b, zero, 0, x)
		at := b.NextProbe().Add(time.Second)
		for i, signal := range tt.signals {
			if at = ends(b, at, time.Second, signal); b.Allow(at) != tt.allow[i] {
				t.Errorf("%s: %d allowed after %d, want %d", name, b.Allow(at), i+1, tt.allow[i])
			}
		}
		if b.State() != tt.state {
			t.Errorf("%s: %s, want %s", name, b.State(), tt.state)
		}
		want := 10 * time.Second
		if len(tt.signals) == 1 { // nothing but failure
			want = 20 * time.Second
		}
		if due := b.NextProbe(); tt.state == flow.Open && due.Sub(at.Add(-time.Second)) != want {
			t.Errorf("%s: opened again for %s", name, due.Sub(at.Add(-time.Second)))
		}
	}
}

// TestBreakerForgets shows that a breaker that closed knows nothing of before.
func TestBreakerForgets(t *testing.T) {
	b := flow.NewBreaker(flow.BreakerOptions{Max: 2, Over: time.Hour})
	at := ends(b, zero, time.Second, many(9, flow.Fine)...)
	ends(b, at, time.Second, many(10, flow.Failed)...)
	at = ends(b, b.NextProbe().Add(time.Second), time.Second, flow.Fine)
	at = ends(b, at, time.Second, many(9, flow.Failed)...)
	if b.State() != flow.Closed {
		t.Errorf("%s after a ramp of one and nine failures", b.State())
	}
	if ends(b, at, 0, flow.Failed); b.NextProbe().Sub(at) != 10*time.Second {
		t.Errorf("%s, cooldown %s", b.State(), b.NextProbe().Sub(at))
	}
}
