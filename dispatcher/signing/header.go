package signing

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the headers, as the specification writes them (Standard Webhooks
// 1.0.0, "Webhook headers"). HTTP does not mind their case.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Timestamp is the value of [HeaderTimestamp] for an attempt made at the given
// time.
func Timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// Signatures is the value of [HeaderSignature]: one signature for each key in
// the order given, which is newest first, with a space between. While a secret
// is rotated both are in the list, so a receiver may change over at any moment,
// from "v1" to "v1a" too. A key that cannot sign adds nothing; without one that
// can the value is empty.
func Signatures(keys []Key, id string, at time.Time, body []byte) string {
	if len(keys) == 1 {
		return keys[0].Sign(id, at, body)
	}
	list := make([]string, 0, len(keys))
	for _, k := range keys {
		if s := k.Sign(id, at, body); s != "" {
			list = append(list, s)
		}
	}
	return strings.Join(list, " ")
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
