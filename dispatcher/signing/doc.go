// Package signing proves deliveries and checks their proofs. Both sides may
// import it: the dispatcher signs, a receiver written in Go verifies.
//
// The dialects standard, cloudevents and roam are signed as Standard Webhooks
// 1.0.0 says
// (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md):
//
//	webhook-id         names the delivery, the same on every attempt: a receiver's idempotency key
//	webhook-timestamp  whole Unix seconds of the attempt, so a captured request soon goes stale
//	webhook-signature  "v1,<base64>" or "v1a,<base64>", or several with a space between
//
// What is signed is "<id>.<timestamp>.<body>", the body byte for byte: "v1" with
// HMAC-SHA256 under a secret that both sides have, "v1a" with ed25519, of which
// the receiver has the public half alone. There are several signatures while a
// secret is rotated. Verify before parsing: a body that was decoded and encoded
// again is another body.
//
// Three systems have a proof of their own, each in its file:
//
//	RelayBox  x-relaybox-webhook-signature  HMAC-SHA256 of the body's value, in canonical form
//	OneRoute  x-oneroute-signature          HMAC-SHA512 of the body as JavaScript writes it
//	ROQ       roq-platform-webhook-key      the key itself
//
// [Verify] and [Verifier] fail closed, with one of a closed set of errors:
//
//	no key was given                                           [ErrNoKey]
//	a header is absent or empty                                [ErrMissingHeader]
//	a header is repeated, or not as the specification words    [ErrMalformedHeader]
//	the timestamp is further from now than is tolerated        [ErrTimestamp]
//	no signature in the list matches any key                   [ErrSignature]
//	the body is not JSON, where its value is what was signed,  [ErrMalformedBody]
//	or may be read in two ways, or lacks its timestamp
//
// Standard Webhooks' versions other than "v1" and "v1a" are passed over, so a
// sender may add them to the list before its receivers know them.
package signing
