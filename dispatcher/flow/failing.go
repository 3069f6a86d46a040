package flow

import "time"

// Verdict is what is to be done about an endpoint that keeps failing.
type Verdict string

const (
	Keep    Verdict = "keep"    // nothing
	Warn    Verdict = "warn"    // tell its owner that it will be disabled
	Disable Verdict = "disable" // disable it
)

// Failures that stand for an endpoint, not for an accident.
const (
	// MinFailures is how many there have to be before anything is done.
	MinFailures = 5
	// FailureSpacing is how far apart they have to be: those that come together
	// count as one.
	FailureSpacing = time.Minute
)

// Failing is since when an endpoint had nothing but failure. Its zero value is
// an endpoint that has not failed. It is plain data, for the caller to store
// when Failures changes, at most once in [FailureSpacing], and to read back
// after a restart.
type Failing struct {
	// Since is when the first failure was; the zero time if there is none.
	Since time.Time `json:"since,omitzero"`
	// Last is when the last one was that counted.
	Last time.Time `json:"last,omitzero"`
	// Failures is how many counted.
	Failures int `json:"failures,omitempty"`
	// Warned is when the owner was to be warned; the zero time for not yet.
	Warned time.Time `json:"warned,omitzero"`
}

// Done takes in an attempt that has ended: delivered or not. Its verdict goes by
// after, the time of nothing but failure at which the endpoint is to be
// disabled; 0 means never. Time alone does nothing:
//
//	keep     it delivered, or one of the below is missing
//	warn     once, at the first failure half of after since the first of all,
//	         and the [MinFailures]th or later
//	disable  at each failure from after since the first of all, and half of
//	         after since the warning
//
// So there is always a warning, and always half of after left to heed it.
func (f *Failing) Done(now time.Time, delivered bool, after time.Duration) Verdict {
	if delivered {
		*f = Failing{}
		return Keep
	}
	if f.Failures == 0 {
		f.Since = now
	}
	if now.Sub(f.Last) >= FailureSpacing {
		f.Failures++
		f.Last = now
	}
	return f.verdict(after)
}

// Resume puts what was stored of an endpoint before what was counted since, with
// no delivery in between. Its verdict is that of [Failing.Done].
func (f *Failing) Resume(stored Failing, after time.Duration) Verdict {
	since := *f
	*f = stored
	switch {
	case stored.Failures == 0:
		*f = since
	case since.Failures > 0:
		f.Failures += since.Failures
		if since.Since.Sub(stored.Last) < FailureSpacing {
			f.Failures--
		}
		f.Last = since.Last
	default:
		return Keep // as it was when it was stored
	}
	return f.verdict(after)
}

// verdict is what is to be done at the last failure.
func (f *Failing) verdict(after time.Duration) Verdict {
	switch {
	case after <= 0, f.Failures < MinFailures, f.Last.Sub(f.Since) < after/2:
		return Keep
	case f.Warned.IsZero():
		f.Warned = f.Last
		return Warn
	case f.Last.Sub(f.Since) >= after && f.Last.Sub(f.Warned) >= after/2:
		return Disable
	default:
		return Keep
	}
}
