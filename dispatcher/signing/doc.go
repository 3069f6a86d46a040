// Package signing signs deliveries and checks their signatures as Standard
// Webhooks 1.0.0 says
// (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
// Both sides may import it: the dispatcher signs, a receiver written in Go
// verifies.
//
//	webhook-id         names the delivery, the same on every attempt: a receiver's idempotency key
//	webhook-timestamp  whole Unix seconds of the attempt, so a captured request soon goes stale
//	webhook-signature  "v1,<base64>", or several with a space between while a secret is rotated
//
// What is signed is "<id>.<timestamp>.<body>", the body byte for byte, with
// HMAC-SHA256 under the endpoint's secret. Verify before parsing: a body that
// was decoded and encoded again is another body.
//
// [Verify] fails closed, with one of a closed set of errors:
//
//	no key was given                                         [ErrNoKey]
//	one of the three headers is absent or empty              [ErrMissingHeader]
//	a header is repeated, or not as the specification words  [ErrMalformedHeader]
//	the timestamp is further than [Tolerance] from now       [ErrTimestamp]
//	no "v1" signature in the list matches any key            [ErrSignature]
//
// Versions other than "v1" are passed over, so a sender may add them to the
// list before its receivers know them.
package signing
