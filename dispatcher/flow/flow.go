package flow

import "time"

// Options are an endpoint's policy. The zero value is all defaults.
type Options struct {
	// Start is how many attempts may be under way before anything is known:
	// [DefaultStart] by default, never more than Max.
	Start int
	// Max is how many may be under way at most: [DefaultMax] by default.
	Max int
	// Breaker is on unless it says otherwise. Its Max is set to that above.
	Breaker BreakerOptions
}

// Flow decides how many attempts an endpoint may have under way. Whoever uses it
// tells of each attempt twice: Began, then Done. It is not safe for concurrent
// use.
type Flow struct {
	window  Window
	breaker Breaker
	last    time.Time // when an attempt last ended
}

// New is the flow of an endpoint of which nothing is known yet.
func New(o Options) *Flow {
	o.Breaker.Max = o.Max
	return &Flow{window: *NewWindow(o.Start, o.Max), breaker: *NewBreaker(o.Breaker)}
}

// Set changes the policy and keeps what was learned. Start has no effect.
func (f *Flow) Set(o Options) {
	o.Breaker.Max = o.Max
	f.window.SetMax(o.Max)
	f.breaker.Set(o.Breaker)
}

// Hasten makes a probe due, if the breaker is open: the endpoint has changed.
func (f *Flow) Hasten(now time.Time) { f.breaker.Hasten(now) }

// Limit is how many attempts may be under way now, from 0 to Options.Max. It is
// 0 only while the breaker is open, until [Flow.Wake], and while its probe is
// under way.
func (f *Flow) Limit(now time.Time) int {
	return min(f.window.Limit(), f.breaker.Allow(now))
}

// Began tells of an attempt that begins.
func (f *Flow) Began(now time.Time) { f.breaker.Began(now) }

// Done tells of an attempt that has ended, however it did. If none does for the
// probe, the endpoint is never tried again.
func (f *Flow) Done(r Result) {
	f.last = r.Now
	f.window.Done(r)
	f.breaker.Done(r)
}

// Wake is when the limit changes by time alone: when a probe is due, which may
// have passed. It is the zero time if no change is due.
func (f *Flow) Wake() time.Time { return f.breaker.NextProbe() }

// State is that of the breaker.
func (f *Flow) State() State { return f.breaker.State() }

// idleAfter is how long a window is worth something without an attempt.
const idleAfter = time.Minute

// Idle reports whether forgetting the flow loses nothing of worth: its breaker is
// closed, its last attempt did not fail, and it ended a minute ago or earlier.
func (f *Flow) Idle(now time.Time) bool {
	return f.breaker.state == Closed && f.breaker.run == 0 && now.Sub(f.last) >= idleAfter
}
