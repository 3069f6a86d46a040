package signing

import (
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
// is rotated both are in the list, so a receiver may change over at any moment.
// Without a key it is empty.
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
