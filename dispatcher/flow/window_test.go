package flow_test

import (
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
)

// zero is where virtual time starts.
var zero = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// round ends as many attempts as the window has, all begun and ended together.
func round(w *flow.Window, at time.Time, signal flow.Signal) {
	n := w.Limit()
	for range n {
		w.Done(flow.Result{Signal: signal, Began: at, Now: at.Add(time.Second), InFlight: n})
	}
}

// TestWindowRounds has a row for each shape of growth: the signals of one round
// after the other, and the limit after each.
func TestWindowRounds(t *testing.T) {
	const f, x, h, v = flow.Fine, flow.Failed, flow.Throttled, flow.Void
	for name, tt := range map[string]struct {
		start, most int
		rounds      []flow.Signal
		limits      []int
	}{
		"defaults":                     {0, 0, []flow.Signal{f, f, f}, []int{16, 32, 32}},
		"slow start doubles":           {1, 20, []flow.Signal{f, f, f, f, f, f}, []int{2, 4, 8, 16, 20, 20}},
		"start above the maximum":      {8, 3, []flow.Signal{f}, []int{3}},
		"one at a time":                {8, 1, []flow.Signal{f, x, f}, []int{1, 1, 1}},
		"halved, then one by one":      {16, 100, []flow.Signal{f, x, f, f, f}, []int{32, 16, 17, 18, 19}},
		"throttled is congestion":      {16, 100, []flow.Signal{h, f}, []int{8, 9}},
		"void says nothing":            {16, 100, []flow.Signal{v, f, v}, []int{16, 32, 32}},
		"never below one":              {4, 100, []flow.Signal{x, x, x, x}, []int{2, 1, 1, 1}},
		"outage: back to half at once": {32, 100, []flow.Signal{x, x, x, x, x, f, f, f, f, f, f}, []int{16, 8, 4, 2, 1, 2, 4, 8, 16, 17, 18}},
		"congestion on the way back":   {32, 100, []flow.Signal{x, x, x, f, x, f, f}, []int{16, 8, 4, 8, 4, 5, 6}},
	} {
		w := flow.NewWindow(tt.start, tt.most)
		for i, signal := range tt.rounds {
			round(w, zero.Add(time.Duration(i)*time.Second), signal)
			if w.Limit() != tt.limits[i] {
				t.Errorf("%s: %d after round %d, %s; want %d", name, w.Limit(), i+1, signal, tt.limits[i])
				break
			}
		}
	}
}

// TestWindowInUse shows that only a window of which half is used grows.
func TestWindowInUse(t *testing.T) {
	for inFlight, want := range map[int]int{1: 8, 3: 8, 4: 9, 8: 9} {
		w := flow.NewWindow(8, 32)
		w.Done(flow.Result{Signal: flow.Fine, Began: zero, Now: zero, InFlight: inFlight})
		if w.Limit() != want {
			t.Errorf("%d of 8 under way: limit %d, want %d", inFlight, w.Limit(), want)
		}
	}
}

// TestWindowShrinksOnceARound shows attempts of before a shrink that fail after.
func TestWindowShrinksOnceARound(t *testing.T) {
	w := flow.NewWindow(32, 32)
	end := func(began, now int, signal flow.Signal, want int) {
		t.Helper()
		at := func(s int) time.Time { return zero.Add(time.Duration(s) * time.Second) }
		if w.Done(flow.Result{Signal: signal, Began: at(began), Now: at(now), InFlight: 32}); w.Limit() != want {
			t.Errorf("from %ds to %ds, %s: limit %d, want %d", began, now, signal, w.Limit(), want)
		}
	}
	end(0, 10, flow.Failed, 16)
	end(0, 10, flow.Failed, 16)
	end(9, 12, flow.Throttled, 16)
	end(9, 12, flow.Fine, 16)
	end(10, 12, flow.Failed, 8) // begun in the place of the one that shrank it
	end(11, 13, flow.Failed, 8)
	end(12, 13, flow.Failed, 4)
}

func TestWindowSetMax(t *testing.T) {
	w := flow.NewWindow(8, 32)
	for i, tt := range []struct{ most, now, then int }{{4, 4, 4}, {100, 8, 16}, {100, 16, 32}, {10, 10, 10}, {0, 10, 20}, {0, 20, 32}} {
		w.SetMax(tt.most)
		now := w.Limit()
		round(w, zero, flow.Fine)
		if now != tt.now || w.Limit() != tt.then {
			t.Errorf("step %d, at most %d: %d, then %d; want %d, then %d", i, tt.most, now, w.Limit(), tt.now, tt.then)
		}
	}
	w.Done(flow.Result{Signal: flow.Failed, Now: zero, InFlight: 32})
	w.SetMax(4)
	if w.SetMax(100); w.Limit() != 4 {
		t.Errorf("what was learned is forgotten: %d, want 4", w.Limit())
	}
}
