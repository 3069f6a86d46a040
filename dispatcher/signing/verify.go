package signing

import (
	"crypto/hmac"
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

// The errors of [Verify]. Each comes wrapped in a sentence that says which
// header is wrong and how; test for them with errors.Is.
var (
	ErrNoKey           = errors.New("no signing key")
	ErrMissingHeader   = errors.New("missing webhook header")
	ErrMalformedHeader = errors.New("malformed webhook header")
	ErrTimestamp       = errors.New("webhook timestamp out of tolerance")
	ErrSignature       = errors.New("no matching webhook signature")
)

// Verify reports whether body came from a holder of one of the keys, was not
// changed, and was signed within [Tolerance] of now. It returns nil if so, and
// otherwise one of the errors of this package, wrapped. Any key may match any
// "v1" signature in the list. Signatures are compared in constant time.
//
// An attempt that was captured can be replayed while it is within tolerance: a
// receiver that must not act twice remembers each [HeaderID] at least that long.
func Verify(header http.Header, body []byte, now time.Time, keys ...Key) error {
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
	seconds, err := readTimestamp(stamp, now)
	if err != nil {
		return err
	}
	list, err := single(header, HeaderSignature)
	if err != nil {
		return err
	}
	return match(list, keys, func(m *mac) []byte { return m.sign(id, seconds, body) })
}

// single is the value of a header that must be there once: of two, a proxy
// might have checked the other.
func single(header http.Header, name string) (string, error) {
	switch values := header.Values(name); {
	case len(values) == 0:
		return "", fmt.Errorf("%s is absent: %w", name, ErrMissingHeader)
	case len(values) > 1:
		return "", fmt.Errorf("%s is there %d times: %w", name, len(values), ErrMalformedHeader)
	case values[0] == "":
		return "", fmt.Errorf("%s is empty: %w", name, ErrMissingHeader)
	default:
		return values[0], nil
	}
}

func readTimestamp(stamp string, now time.Time) (int64, error) {
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	// One spelling for each number, since the number is what is signed.
	if err != nil || strconv.FormatInt(seconds, 10) != stamp {
		return 0, fmt.Errorf("%s is not a whole number of Unix seconds: %w", HeaderTimestamp, ErrMalformedHeader)
	}
	// In whole seconds, as the reference libraries compare.
	const tolerance = int64(Tolerance / time.Second)
	clock := now.Unix()
	switch {
	case seconds < clock-tolerance:
		return 0, fmt.Errorf("%s %d is more than %s before this clock, which reads %d: %w", HeaderTimestamp, seconds, Tolerance, clock, ErrTimestamp)
	case seconds > clock+tolerance:
		return 0, fmt.Errorf("%s %d is more than %s after this clock, which reads %d: %w", HeaderTimestamp, seconds, Tolerance, clock, ErrTimestamp)
	}
	return seconds, nil
}

// match looks for what sign returns under any of the keys in the list.
func match(list string, keys []Key, sign func(*mac) []byte) error {
	for _, k := range keys {
		if !k.usable() {
			continue
		}
		m := k.macs.Get().(*mac)
		found := contains(list, sign(m))
		k.macs.Put(m)
		if found {
			return nil
		}
	}
	return fmt.Errorf("%s has no %s signature by a key given here: the secret is another, or the body was changed on the way: %w",
		HeaderSignature, version, ErrSignature)
}

// contains compares every signature of the list, whatever its version: the
// version is part of what is compared.
func contains(list string, want []byte) bool {
	for s := range strings.SplitSeq(list, " ") {
		if hmac.Equal([]byte(s), want) {
			return true
		}
	}
	return false
}
