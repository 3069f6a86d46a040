package flow

import (
	"math"
	"time"
)

// Sizes of a window, in attempts.
const (
	DefaultStart = 8
	DefaultMax   = 32
)

// Window learns how many attempts under way an endpoint takes. It is between 1
// and its maximum.
type Window struct {
	limit, max int
	start      int       // what it is worth while nothing has made it shrink
	threshold  int       // up to here it grows by one per success, then by one per window of them
	credit     int       // successes towards the next growth by one
	shrunk     time.Time // when it last shrank
	worked     bool      // an attempt succeeded since
}

// NewWindow is a window of start attempts that may grow to most. 0 means
// [DefaultStart] and [DefaultMax]; a start above most is most.
func NewWindow(start, most int) *Window {
	w := &Window{start: or(start, DefaultStart), threshold: math.MaxInt, worked: true}
	w.SetMax(most)
	return w
}

// SetMax changes how large the window may grow; 0 means [DefaultMax]. One that
// only the maximum kept small may be as large as it would have begun.
func (w *Window) SetMax(most int) {
	w.max = or(most, DefaultMax)
	if w.shrunk.IsZero() {
		w.limit = max(w.limit, w.start)
	}
	w.limit = min(w.limit, w.max)
}

// Limit is how many attempts may be under way now.
func (w *Window) Limit() int { return w.limit }

// Done takes in an attempt. One that began before the window last shrank says
// nothing of the window as it is now, so that attempts that fail together shrink
// it once.
func (w *Window) Done(r Result) {
	switch {
	case r.Began.Before(w.shrunk):
	case r.Signal == Fine:
		w.grow(r.InFlight)
	case r.Signal == Throttled, r.Signal == Failed:
		w.shrink(r.Now)
	}
}

// grow counts a success, unless less than half of the window was in use: then it
// does not show that the endpoint would take more.
func (w *Window) grow(inFlight int) {
	if 2*inFlight < w.limit {
		return
	}
	w.worked = true
	if w.credit++; w.limit < w.threshold || w.credit >= w.limit {
		w.credit = 0
		w.limit = min(w.limit+1, w.max)
	}
}

// shrink halves the window. The threshold stays while nothing succeeds: it is
// half of what last worked, and up to there the window may double again.
func (w *Window) shrink(now time.Time) {
	w.limit = max(w.limit/2, 1)
	if w.worked {
		w.threshold = w.limit
	}
	w.credit, w.worked, w.shrunk = 0, false, now
}
