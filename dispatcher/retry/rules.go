package retry

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// Rules are what a webhook system says of a receiver's answers. The zero value
// is Standard Webhooks 1.0.0, which the package comment has as a table.
type Rules struct {
	// Success are the statuses that deliver. Empty means 200 to 299.
	Success []int
	// RetryOn are the statuses worth another attempt; any other that does not
	// deliver ends the delivery. Empty means all. An attempt that got no
	// response is always worth another.
	RetryOn []int
	// Exact keeps to the schedule: no jitter, and Retry-After is ignored.
	Exact bool
	// KeepGone makes a 410 a failure like others.
	KeepGone bool
	// Statuses are what the endpoint says of a status, before all that: by
	// status ("404"), or else by class ("4xx").
	Statuses map[string]schemas.StatusAction
}

// action is what the endpoint says of a status; empty if it says nothing.
func (r Rules) action(status int) schemas.StatusAction {
	if len(r.Statuses) == 0 || status < 100 || status > 999 {
		return ""
	}
	text := strconv.Itoa(status)
	if action, ok := r.Statuses[text]; ok {
		return action
	}
	return r.Statuses[text[:1]+"xx"]
}

// ruled says what a status means for which the endpoint has an action. Only
// [schemas.StatusDelivered] makes it a success, and only
// [schemas.StatusDisable] makes a 410 the end of the endpoint.
func (r Rules) ruled(status int, asked bool, action schemas.StatusAction) (schemas.Reason, string) {
	r.KeepGone = action != schemas.StatusDisable
	reason, detail := r.read(status, asked)
	switch {
	case action == schemas.StatusDelivered && reason != schemas.ReasonOK:
		return schemas.ReasonOK, "the receiver answered " + statusText(status) + ", which its endpoint takes for success"
	case action != schemas.StatusDelivered && reason == schemas.ReasonOK:
		return schemas.ReasonResponse, detail + ", which its endpoint does not take for success"
	}
	return reason, detail
}

// read says what a status means, in a word and in a sentence.
func (r Rules) read(status int, asked bool) (schemas.Reason, string) {
	detail := "the receiver answered " + statusText(status)
	switch {
	case r.succeeds(status):
		return schemas.ReasonOK, detail
	case status >= 200 && status <= 299:
		return schemas.ReasonResponse, detail + ": its dialect counts only " + statusText(r.Success[0]) + " as success"
	case status >= 300 && status <= 399:
		return schemas.ReasonRedirect, detail + ": redirects are not followed, so change the endpoint's URL"
	case status == http.StatusGone && !r.KeepGone:
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

func (r Rules) succeeds(status int) bool {
	if len(r.Success) > 0 {
		return slices.Contains(r.Success, status)
	}
	return status >= 200 && status <= 299
}

// final reports whether the status ends the delivery without another attempt.
func (r Rules) final(status int) bool {
	return len(r.RetryOn) > 0 && !slices.Contains(r.RetryOn, status)
}

func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}
