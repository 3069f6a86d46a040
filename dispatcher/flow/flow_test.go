package flow_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
)

// walk is an endpoint under random attempts: any may begin that is allowed, any
// may end, and time passes by a random step.
type walk struct {
	t       *testing.T
	rand    *rand.Rand
	most    int
	flow    *flow.Flow
	now     time.Time
	running []time.Time // when they began
	opened  time.Time   // when the breaker last did
	probes  int         // begun since
	trace   []int       // the limit after each step
}

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{t: t, rand: rand.New(rand.NewPCG(seed, 1)), now: zero}
	w.most = 1 + w.rand.IntN(50)
	w.flow = flow.New(flow.Options{Start: w.rand.IntN(20), Max: w.most, Breaker: flow.BreakerOptions{Off: seed%5 == 0}})
	return w
}

// begin starts an attempt if there may be one.
func (w *walk) begin() {
	if len(w.running) >= w.flow.Limit(w.now) {
		return
	}
	if w.flow.State() == flow.Open {
		w.probes++
		if w.now.Sub(w.opened) < 10*time.Second {
			w.t.Errorf("a probe %s after the breaker opened", w.now.Sub(w.opened))
		}
	}
	w.flow.Began(w.now)
	w.running = append(w.running, w.now)
}

// end ends any of the attempts.
func (w *walk) end(signal flow.Signal) {
	if len(w.running) == 0 {
		return
	}
	i := w.rand.IntN(len(w.running))
	before, state := w.flow.Limit(w.now), w.flow.State()
	w.flow.Done(flow.Result{Signal: signal, Began: w.running[i], Now: w.now, InFlight: len(w.running), Random: w.rand.Float64()})
	w.running = slices.Delete(w.running, i, i+1)
	after := w.flow.Limit(w.now)
	if state != flow.Open && w.flow.State() == flow.Open && w.flow.Wake().After(w.now) {
		w.opened, w.probes = w.now, 0
		if d := w.flow.Wake().Sub(w.now); d < 10*time.Second || d > 375*time.Second {
			w.t.Errorf("open for %s", d)
		}
	}
	if state == flow.HalfOpen && after > 2 || state == flow.Ramping && after > 2*before {
		w.t.Errorf("%s: from %d to %d at once", state, before, after)
	}
	w.trace = append(w.trace, after)
}

// check holds what is always true.
func (w *walk) check() {
	limit, state, wake := w.flow.Limit(w.now), w.flow.State(), w.flow.Wake()
	resting := state == flow.HalfOpen || state == flow.Open && w.now.Before(wake)
	if limit < 0 || limit > w.most || (limit == 0) != resting {
		w.t.Errorf("%s: limit %d of %d", state, limit, w.most)
	}
	if (state == flow.Open) == wake.IsZero() {
		w.t.Errorf("%s: wake at %s", state, wake)
	}
	if state == flow.HalfOpen && w.probes < 1 || state == flow.Open && limit == 0 && w.probes > 0 {
		w.t.Errorf("%s: %d probes", state, w.probes)
	}
}

func (w *walk) wander(steps int) {
	health := 0.5
	for range steps {
		if w.rand.IntN(50) == 0 {
			health = 2*w.rand.Float64() - 0.5 // often none at all
		}
		switch w.rand.IntN(3) {
		case 0:
			w.begin()
		case 1:
			signal := flow.Fine
			if w.rand.Float64() > health {
				signal = []flow.Signal{flow.Failed, flow.Failed, flow.Failed, flow.Failed, flow.Failed, flow.Failed, flow.Throttled, flow.Void}[w.rand.IntN(8)]
			}
			w.end(signal)
		case 2:
			w.now = w.now.Add(time.Duration(w.rand.Int64N(int64(2 * time.Second))))
		}
		w.check()
	}
}

// recover has everything succeed, with as much under way as may be.
func (w *walk) recover() {
	for len(w.running) > 0 {
		w.end(flow.Fine)
	}
	// Half the window is found again at once, the rest by one per window.
	for range 20 + w.most*w.most {
		w.now = w.now.Add(time.Millisecond)
		if wake := w.flow.Wake(); w.now.Before(wake) {
			w.now = wake
		}
		for len(w.running) < w.flow.Limit(w.now) {
			w.begin()
		}
		w.end(flow.Fine)
		w.check()
	}
	if w.flow.State() != flow.Closed || w.flow.Limit(w.now) != w.most {
		w.t.Errorf("recovered to %s, %d of %d", w.flow.State(), w.flow.Limit(w.now), w.most)
	}
}

// TestFlowRandomWalks walks through two hundred lives of an endpoint.
func TestFlowRandomWalks(t *testing.T) {
	opened := 0
	for seed := range uint64(200) {
		w := newWalk(t, seed)
		w.wander(2000)
		w.recover()
		if !w.opened.IsZero() {
			opened++
		}
		if again := newWalk(t, seed); seed < 10 {
			again.wander(2000)
			again.recover()
			if !slices.Equal(w.trace, again.trace) {
				t.Errorf("seed %d: not the same again", seed)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d of 160 breakers opened", opened)
	if opened < 100 {
		t.Errorf("only %d of the breakers opened: the walks show little", opened)
	}
}

func TestFlowSet(t *testing.T) {
	f := flow.New(flow.Options{})
	if got := f.Limit(zero); got != 8 {
		t.Errorf("starts at %d", got)
	}
	f.Set(flow.Options{Max: 2, Breaker: flow.BreakerOptions{Consecutive: 1}})
	f.Done(flow.Result{Signal: flow.Failed, Began: zero, Now: zero})
	if got := f.Limit(zero); got != 0 || f.State() != flow.Open {
		t.Errorf("%s, %d", f.State(), got)
	}
	probe := f.Wake()
	f.Began(probe)
	f.Done(flow.Result{Signal: flow.Fine, Began: probe, Now: probe, InFlight: 1})
	if got := f.Limit(probe); got != 2 || f.State() != flow.Closed {
		t.Errorf("a ramp up to 2: %s, %d", f.State(), got)
	}
}

func TestFlowIdle(t *testing.T) {
	f, at := flow.New(flow.Options{}), zero
	step := func(name string, signal flow.Signal, wait time.Duration, want bool) {
		t.Helper()
		f.Began(at)
		f.Done(flow.Result{Signal: signal, Began: at, Now: at, InFlight: 1})
		if at = at.Add(wait); f.Idle(at) != want {
			t.Errorf("%s: idle is %t", name, f.Idle(at))
		}
	}
	if !f.Idle(at) {
		t.Error("a new one is not idle")
	}
	step("delivered just now", flow.Fine, time.Minute-1, false)
	step("delivered a minute ago", flow.Fine, time.Minute, true)
	step("failed a day ago", flow.Failed, 24*time.Hour, false)
	step("delivered since", flow.Fine, time.Minute, true)
	for range 9 {
		step("failed more", flow.Failed, time.Hour, false)
	}
	step("open", flow.Failed, time.Hour, false)
	step("ramping", flow.Fine, time.Hour, false)
}

func ExampleFlow() {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	f := flow.New(flow.Options{Max: 4})
	attempt := func(s flow.Signal) {
		f.Began(now)
		f.Done(flow.Result{Signal: s, Began: now, Now: now.Add(time.Second), InFlight: 1})
		now = now.Add(time.Second)
		fmt.Println(s, "-", f.State(), f.Limit(now))
	}
	attempt(flow.Fine)
	for range 10 {
		attempt(flow.Failed)
	}
	fmt.Println("asleep for", f.Wake().Sub(now))
	now = f.Wake()
	for range 3 {
		attempt(flow.Fine)
	}
	// Output:
	// fine - closed 4
	// failed - closed 2
	// failed - closed 1
	// failed - closed 1
	// failed - closed 1
	// failed - closed 1
	// failed - closed 1
	// failed - closed 1
	// failed - closed 1
	// failed - closed 1
	// failed - open 0
	// asleep for 10s
	// fine - ramping 2
	// fine - ramping 2
	// fine - closed 3
}

func BenchmarkFlowDone(b *testing.B) {
	for name, signals := range map[string][]flow.Signal{
		"fine":  {flow.Fine},
		"mixed": {flow.Fine, flow.Fine, flow.Fine, flow.Failed},
	} {
		b.Run(name, func(b *testing.B) {
			f, now := flow.New(flow.Options{}), zero
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Millisecond)
				f.Began(now)
				f.Done(flow.Result{Signal: signals[i%len(signals)], Began: now, Now: now, InFlight: 32})
			}
		})
	}
}
