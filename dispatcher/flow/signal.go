package flow

import (
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Signal is what one attempt says of its endpoint.
type Signal string

const (
	Fine      Signal = "fine"      // it answered, if only that it does not want this delivery
	Throttled Signal = "throttled" // it is alive and wants fewer
	Failed    Signal = "failed"    // it did not answer, or that it is in trouble
	Void      Signal = "void"      // nothing: it was not asked, or this side gave up
)

// SignalOf is what the cause of an outcome ([schemas.Outcome].Cause) says of the
// endpoint. Causes that lie on this side, like a delivery that is too old, are
// Void. What the egress guard refuses is Failed: no attempt gets through, so
// there is no sense in many.
func SignalOf(cause schemas.Reason) Signal {
	switch cause {
	case schemas.ReasonOK, schemas.ReasonRedirect, schemas.ReasonClientError, schemas.ReasonGone:
		return Fine
	case schemas.ReasonThrottled:
		return Throttled
	case schemas.ReasonTimeout, schemas.ReasonDNS, schemas.ReasonConnect, schemas.ReasonTLS, schemas.ReasonReset,
		schemas.ReasonResponse, schemas.ReasonServerError, schemas.ReasonEgressDenied:
		return Failed
	default:
		return Void
	}
}

// Result is one attempt that has ended.
type Result struct {
	Signal Signal
	// Began is when the attempt began: the time its Began was told, or later.
	Began time.Time
	// Now is when it ended.
	Now time.Time
	// InFlight is how many of the endpoint's attempts were under way when it
	// ended, itself included: at least 1.
	InFlight int
	// Random, in [0, 1), chooses the jitter if this opens the breaker.
	Random float64
}
