package handshake

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// Consent is what an endpoint has agreed to.
type Consent struct {
	// Rate is how many requests it takes per minute; 0 means any number. An
	// endpoint that does not say takes any number, if no rate was asked for.
	Rate int
}

// ErrNoConsent is an answer that does not consent. What wraps it tells the
// endpoint's owner what was missing and what to answer.
var ErrNoConsent = errors.New("the endpoint did not consent to deliveries")

// ReadConsent reads the answer to an OPTIONS (section 4.2). Consent takes
//
//   - one WebHook-Allowed-Origin, which is "*" or the origin that asked. It is a
//     DNS name, so its case does not matter. A list is not consent, though the
//     origin be in it: the specification knows none.
//   - one WebHook-Allowed-Rate, which is "*" or a positive integer. It may be
//     absent if no rate was asked for, but not wrong. It may be more than was
//     asked for, and what exceeds an int is the largest one.
//
// Any other answer is an [ErrNoConsent].
func ReadConsent(h http.Header, r Request) (Consent, error) {
	if len(h.Values(headerAllowedOrigin)) == 0 {
		return Consent{}, refuse("its answer to OPTIONS has no %s: let it answer %q, or \"*\"", headerAllowedOrigin, r.Origin)
	}
	if err := readOrigin(h, r); err != nil {
		return Consent{}, err
	}
	if len(h.Values(headerAllowedRate)) == 0 && r.Rate > 0 {
		return Consent{}, refuse("its answer to OPTIONS has no %s, though it was asked for %d requests per minute: let it answer a number, or \"*\"", headerAllowedRate, r.Rate)
	}
	rate, err := readRate(h)
	return Consent{Rate: rate}, err
}

// ReadCallback reads the request that consents later, to the URL of
// [Request.Callback] (section 4.1.3). Making it is the consent: it may come from
// a browser, which sets no header. WebHook-Allowed-Origin may be absent, but not
// wrong; so may WebHook-Allowed-Rate, which is then the rate that was asked for,
// as drafts of the next version have it. The caller lets GET and POST through,
// and has found r by the secret in the URL.
func ReadCallback(h http.Header, r Request) (Consent, error) {
	if len(h.Values(headerAllowedOrigin)) > 0 {
		if err := readOrigin(h, r); err != nil {
			return Consent{}, err
		}
	}
	if len(h.Values(headerAllowedRate)) == 0 {
		return Consent{Rate: r.Rate}, nil
	}
	rate, err := readRate(h)
	return Consent{Rate: rate}, err
}

// readOrigin reads a WebHook-Allowed-Origin that is there.
func readOrigin(h http.Header, r Request) error {
	values := h.Values(headerAllowedOrigin)
	allowed := trim(values[0])
	switch {
	case len(values) > 1 || strings.Contains(allowed, ","):
		return refuse("its %s has several values: let it answer %q alone, or \"*\"", headerAllowedOrigin, r.Origin)
	case allowed == "*" || sameName(allowed, r.Origin):
		return nil
	default:
		return refuse("its %s is %.100q: let it answer %q, or \"*\"", headerAllowedOrigin, allowed, r.Origin)
	}
}

// readRate is 0 if there is no rate, or no bound to it.
func readRate(h http.Header) (int, error) {
	values := h.Values(headerAllowedRate)
	if len(values) == 0 {
		return 0, nil
	}
	allowed := trim(values[0])
	switch {
	case len(values) > 1:
		return 0, refuse("its %s has several values: let it answer one number, or \"*\"", headerAllowedRate)
	case allowed == "*":
		return 0, nil
	case allowed == "" || strings.Trim(allowed, "0123456789") != "" || strings.Trim(allowed, "0") == "":
		return 0, refuse("its %s is %.100q: let it answer a whole number from 1, in requests per minute, or \"*\"", headerAllowedRate, allowed)
	}
	rate, err := strconv.Atoi(allowed)
	if err != nil { // of digits alone, the only error is the range
		rate = math.MaxInt
	}
	return rate, nil
}

// sameName compares two names without case. Folding can match a letter beyond
// ASCII with one of ASCII, but never at the same length.
func sameName(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// trim removes what HTTP lets stand around a value (RFC 9110, section 5.5).
func trim(value string) string { return strings.Trim(value, " \t") }

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrNoConsent}, args...)...)
}
