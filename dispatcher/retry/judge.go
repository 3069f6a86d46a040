package retry

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Result is what one attempt met: a response, or the error that came instead.
type Result struct {
	// Status is the HTTP status; 0 if no response came.
	Status int
	// RetryAfter is the value of the response's Retry-After header, or empty.
	RetryAfter string
	// Err is why there was no response. If it is set, it decides, whatever the
	// status. An attempt that its own side cancelled has not been answered and is
	// not to be judged.
	Err error
}

// Plan is what a verdict depends on besides the [Result].
type Plan struct {
	// Rules say what an answer means.
	Rules Rules
	// Schedule says when to try again; empty means not at all.
	Schedule Schedule
	// Attempts is how many were made, this one included: at least 1.
	Attempts int
	// Now is the clock against which a date in Retry-After is read.
	Now time.Time
	// Random, in [0, 1), chooses the jitter.
	Random float64
	// Least is how long the next attempt has to wait at least, whatever the
	// schedule says.
	Least time.Duration
	// Until is when the delivery will be too old for another attempt; the zero
	// time is never.
	Until time.Time
	// MaxRetryAfter bounds what a receiver may ask for with Retry-After. 0 means
	// [DefaultMaxRetryAfter].
	MaxRetryAfter time.Duration
}

// DefaultMaxRetryAfter is the longest delay of the [Standard] schedule.
const DefaultMaxRetryAfter = 24 * time.Hour

// Judge is the verdict on an attempt; the package comment has the table. A
// Retry's After is the scheduled delay with [Jitter]. Where the receiver asked
// to be left alone for longer, with a 429 or a 503, it is what it asked, at most
// MaxRetryAfter, and up to 10 % more within that bound: never less. A retry past
// Until is dead instead. Outcome.Detail has at most [schemas.MaxDetail] bytes.
func Judge(r Result, p Plan) schemas.Outcome {
	if p.MaxRetryAfter <= 0 {
		p.MaxRetryAfter = DefaultMaxRetryAfter
	}
	if r.Err != nil {
		reason, detail := classify(r.Err)
		return p.again(reason, detail, 0)
	}
	asked, wait := p.throttled(r)
	action := p.Rules.action(r.Status)
	reason, detail := p.Rules.read(r.Status, asked)
	if action != "" {
		reason, detail = p.Rules.ruled(r.Status, asked, action)
	}
	switch reason {
	case schemas.ReasonOK:
		return schemas.Outcome{Kind: schemas.Delivered, Reason: reason, Cause: reason, Detail: detail}
	case schemas.ReasonGone:
		return schemas.Outcome{Kind: schemas.Dead, Reason: reason, Cause: reason, Detail: detail}
	}
	switch {
	case wait > p.MaxRetryAfter:
		detail += fmt.Sprintf(" and asked to be left alone for longer than the %s it can have", p.MaxRetryAfter)
	case asked:
		detail += fmt.Sprintf(" and asked to be left alone for %s", wait.Round(time.Second))
	}
	switch {
	case action == schemas.StatusDisable:
		return final(schemas.ReasonStatusDisables, reason, detail+", a status that disables its endpoint")
	case action == schemas.StatusDead:
		return final(schemas.ReasonNotRetried, reason, detail+", a status that its endpoint does not retry")
	case action == "" && p.Rules.final(r.Status):
		return final(schemas.ReasonNotRetried, reason, detail+", a status that its dialect does not retry")
	}
	return p.again(reason, detail, wait)
}

// final is the verdict on a status that ends the delivery.
func final(reason, cause schemas.Reason, detail string) schemas.Outcome {
	return schemas.Outcome{Kind: schemas.Dead, Reason: reason, Cause: cause, Detail: clip(detail)}
}

// Again is the verdict on an attempt that failed before there was a request:
// another one as scheduled, or the end.
func (p Plan) Again(reason schemas.Reason, detail string) schemas.Outcome {
	return p.again(reason, detail, 0)
}

// throttled reports whether the receiver asked for time, and how much. Only 429
// (RFC 6585, section 4) and 503 (RFC 9110, section 15.6.4) do: after a redirect
// the header speaks of the other place.
func (p Plan) throttled(r Result) (asked bool, wait time.Duration) {
	if p.Rules.Exact {
		return false, 0
	}
	if r.Status != http.StatusTooManyRequests && r.Status != http.StatusServiceUnavailable {
		return false, 0
	}
	wait, asked = After(r.RetryAfter, p.Now)
	return asked, wait
}

// again is a retry at the scheduled time, or after what the receiver asked for
// or Least if that is later, or else the end.
func (p Plan) again(reason schemas.Reason, detail string, asked time.Duration) schemas.Outcome {
	made := max(p.Attempts, 1)
	delay, ok := p.Schedule.Next(made)
	if !ok {
		return p.end(made, reason, detail)
	}
	after := delay
	if !p.Rules.Exact {
		after = Jitter(delay, p.Random)
	}
	if asked > 0 {
		after = max(after, min(late(asked, p.Random), p.MaxRetryAfter))
	}
	after = max(after, p.Least)
	if !p.Until.IsZero() && after > p.Until.Sub(p.Now) {
		return final(schemas.ReasonTooOld, reason,
			fmt.Sprintf("gave up after %s, as the next would come later than max_age allows; the last ended with %s: %s", attempts(made), reason, detail))
	}
	return schemas.Outcome{Kind: schemas.Retry, Reason: reason, Cause: reason, After: after, Detail: clip(detail)}
}

// end is the verdict when the schedule has no attempt left.
func (p Plan) end(made int, cause schemas.Reason, detail string) schemas.Outcome {
	o := schemas.Outcome{Kind: schemas.Dead, Reason: schemas.ReasonExhausted, Cause: cause}
	if len(p.Schedule) == 0 {
		o.Reason = schemas.ReasonNotRetried
		o.Detail = clip(fmt.Sprintf("not retried, as the endpoint has no schedule; the attempt ended with %s: %s", cause, detail))
		return o
	}
	o.Detail = clip(fmt.Sprintf("gave up after %s; the last ended with %s: %s", attempts(made), cause, detail))
	return o
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return strconv.Itoa(n) + " attempts"
}
