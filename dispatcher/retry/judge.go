package retry

import (
	"fmt"
	"net/http"
	"strings"
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
	// Schedule says when to try again; empty means not at all.
	Schedule Schedule
	// Attempts is how many were made, this one included: at least 1.
	Attempts int
	// Now is the clock against which a date in Retry-After is read.
	Now time.Time
	// Random, in [0, 1), chooses the jitter.
	Random float64
	// MaxRetryAfter bounds what a receiver may ask for with Retry-After. 0 means
	// [DefaultMaxRetryAfter].
	MaxRetryAfter time.Duration
}

// DefaultMaxRetryAfter is the longest delay of the [Standard] schedule.
const DefaultMaxRetryAfter = 24 * time.Hour

// Judge is the verdict on an attempt; the package comment has the table. A
// Retry's After is the scheduled delay with [Jitter]. Where the receiver asked
// to be left alone for longer, with a 429 or a 503, it is what it asked, at most
// MaxRetryAfter, and up to 10 % more within that bound: never less. Outcome.Detail
// has at most [schemas.MaxDetail] bytes.
func Judge(r Result, p Plan) schemas.Outcome {
	if p.MaxRetryAfter <= 0 {
		p.MaxRetryAfter = DefaultMaxRetryAfter
	}
	if r.Err != nil {
		reason, detail := classify(r.Err)
		return p.again(reason, detail, 0)
	}
	asked, wait := throttled(r, p.Now)
	reason, detail := read(r.Status, asked)
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
	return p.again(reason, detail, wait)
}

// throttled reports whether the receiver asked for time, and how much. Only 429
// (RFC 6585, section 4) and 503 (RFC 9110, section 15.6.4) do: after a redirect
// the header speaks of the other place.
func throttled(r Result, now time.Time) (asked bool, wait time.Duration) {
	if r.Status != http.StatusTooManyRequests && r.Status != http.StatusServiceUnavailable {
		return false, 0
	}
	wait, asked = After(r.RetryAfter, now)
	return asked, wait
}

// read says what a status means, in a word and in a sentence.
func read(status int, asked bool) (schemas.Reason, string) {
	detail := fmt.Sprintf("the receiver answered %s", strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status))))
	switch {
	case status >= 200 && status <= 299:
		return schemas.ReasonOK, detail
	case status >= 300 && status <= 399:
		return schemas.ReasonRedirect, detail + ": redirects are not followed, so change the endpoint's URL"
	case status == http.StatusGone:
		return schemas.ReasonGone, detail + ": it wants no more deliveries"
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		return schemas.ReasonThrottled, detail
	case status >= 400 && status <= 499:
		return schemas.ReasonClientError, detail
	case status >= 500 && status <= 599:
		return schemas.ReasonServerError, detail
	default:
		return schemas.ReasonResponse, detail + ": a final answer has a status from 200 to 599"
	}
}

// again is a retry at the scheduled time, or after what the receiver asked for
// if that is later, or else the end.
func (p Plan) again(reason schemas.Reason, detail string, asked time.Duration) schemas.Outcome {
	made := max(p.Attempts, 1)
	delay, ok := p.Schedule.Next(made)
	if !ok {
		plural := "s"
		if made == 1 {
			plural = ""
		}
		detail = fmt.Sprintf("gave up after %d attempt%s; the last ended with %s: %s", made, plural, reason, detail)
		return schemas.Outcome{Kind: schemas.Dead, Reason: schemas.ReasonExhausted, Cause: reason, Detail: clip(detail)}
	}
	after := Jitter(delay, p.Random)
	if asked > 0 {
		after = max(after, min(late(asked, p.Random), p.MaxRetryAfter))
	}
	return schemas.Outcome{Kind: schemas.Retry, Reason: reason, Cause: reason, After: after, Detail: clip(detail)}
}
