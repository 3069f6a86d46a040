package signing

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far the timestamp of an attempt may lie from the receiver's
// clock, either way. Standard Webhooks 1.0.0 leaves the figure open; its
// reference libraries use this one.
const Tolerance = 5 * time.Minute

// The errors of [Verify] and [Verifier.Verify]. Each comes wrapped in a sentence
// that says what is wrong and how; test for them with errors.Is.
var (
	ErrNoKey           = errors.New("no signing key")
	ErrMissingHeader   = errors.New("missing webhook header")
	ErrMalformedHeader = errors.New("malformed webhook header")
	ErrTimestamp       = errors.New("webhook timestamp out of tolerance")
	ErrSignature       = errors.New("no matching webhook signature")
	ErrMalformedBody   = errors.New("malformed webhook body") // of a dialect that signs values, not bytes
)

// maxSignatures bounds the work a stranger can cause: a sender has as many keys
// at a time as it has secrets in rotation.
const maxSignatures = 64

// Verify reports whether body came from a holder of one of the keys, was not
// changed, and was signed within [Tolerance] of now. It returns nil if so, and
// otherwise one of the errors of this package, wrapped. Any key may match any
// signature in the list, "v1" and "v1a". What a secret made is compared in
// constant time. For other dialects, another tolerance or an [http.Handler] make
// a [Verifier].
//
// An attempt that was captured can be replayed while it is within tolerance: a
// receiver that must not act twice remembers each [HeaderID] at least that long.
func Verify(header http.Header, body []byte, now time.Time, keys ...Key) error {
	return verify(header, body, clock{now, Tolerance}, keys)
}

// clock is a receiver's clock, and how far from it a timestamp may lie.
type clock struct {
	now       time.Time
	tolerance time.Duration
}

func verify(header http.Header, body []byte, c clock, keys []Key) error {
	if !slices.ContainsFunc(keys, Key.usable) {
		return fmt.Errorf("%w: parse the endpoint's secret with ParseKey and pass it", ErrNoKey)
	}
	id, err := single(header, HeaderID)
	if err != nil {
		return err
	}
	// A "." would let the end of the id be read as a timestamp.
	if strings.Contains(id, ".") {
		return fmt.Errorf("%s contains \".\": %w", HeaderID, ErrMalformedHeader)
	}
	stamp, err := single(header, HeaderTimestamp)
	if err != nil {
		return err
	}
	seconds, err := readTimestamp(stamp, c)
	if err != nil {
		return err
	}
	list, err := single(header, HeaderSignature)
	if err != nil {
		return err
	}
	if strings.Count(list, " ") >= maxSignatures {
		return fmt.Errorf("%s has more than %d signatures: %w", HeaderSignature, maxSignatures, ErrMalformedHeader)
	}
	signatures := strings.Split(list, " ")
	if !slices.ContainsFunc(keys, func(k Key) bool { return k.anyOf(signatures, id, seconds, body) }) {
		return noMatch(HeaderSignature)
	}
	return nil
}

func noMatch(name string) error {
	return fmt.Errorf("%s has no signature by a secret given here: the secret is another, or the body was changed on the way: %w", name, ErrSignature)
}

func readTimestamp(stamp string, c clock) (int64, error) {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	// One spelling for each number, since the number is what is signed.
	if err != nil || strconv.FormatInt(seconds, 10) != stamp {
		return 0, fmt.Errorf("%s is not a whole number of Unix seconds: %w", HeaderTimestamp, ErrMalformedHeader)
	}
	// In whole seconds, as the reference libraries compare.
	tolerance, clock := int64(c.tolerance/time.Second), c.now.Unix()
	switch {
	case seconds < clock-tolerance:
		return 0, fmt.Errorf("%s %d is more than %s before this clock, which reads %d: %w", HeaderTimestamp, seconds, c.tolerance, clock, ErrTimestamp)
	case seconds > clock+tolerance:
		return 0, fmt.Errorf("%s %d is more than %s after this clock, which reads %d: %w", HeaderTimestamp, seconds, c.tolerance, clock, ErrTimestamp)
	}
	return seconds, nil
}
