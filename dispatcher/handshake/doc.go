// Package handshake asks an endpoint whether it wants what it is about to be
// sent: the abuse protection of HTTP 1.1 Web Hooks for Event Delivery 1.0.2,
// section 4. It keeps Tidings from being aimed at a site whose owner never
// agreed.
//
//	Ask ──OPTIONS──→ endpoint    WebHook-Request-Origin, -Callback, -Rate
//	    ←──────────              WebHook-Allowed-Origin, -Allowed-Rate: consent, by ReadConsent
//
//	later, if a callback was offered:
//	callback URL ←──GET or POST── endpoint or its owner: consent, by ReadCallback
//
// Consent is in the headers and nowhere else: a site that knows nothing of
// webhooks may well answer an OPTIONS with 200, and one that has no handler for
// it may have a proxy that adds the headers to a 405. In doubt there is no
// consent. It proves nothing about who asks or answers: it is no
// authentication.
//
// The package keeps no state. Whoever asks stores the [Consent], sends
// WebHook-Request-Origin with every delivery from then on, and makes the
// callback URL one that nobody can guess.
//
//	what fails                                  → what happens
//	a header is missing or wrong                → [ErrNoConsent], with a sentence for the endpoint's owner
//	the endpoint redirects                      → it is not followed: the redirect's own headers count
//	no response: network, TLS, the egress guard → the transport's error as it is
//	the endpoint hangs                          → the error of the context, whose deadline the caller sets
//	the header is larger than the transport allows → the transport's error
//	the body is large or never ends             → it is not read
package handshake
