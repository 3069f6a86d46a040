// Package client calls the HTTP API of Tidings (config/api/openapi.yaml).
//
// Answers are handed on as the JSON they are, so that a member this package does
// not know is not lost on its way to a script; who wants values decodes them.
//
//	what fails                          → what happens
//	429 or 503                          → the call waits as long as Retry-After says, and is repeated, within [Options.MaxWait]
//	any other status                    → an [Error] with the API's own words
//	an answer that is not the API's     → an [Error] that says so: something else listens there
//	no answer                           → an [Error] with [Error.Unreachable]; nothing is repeated, since nobody knows what was done
//	a redirect                          → an [Error] with the place: the token is sent to nobody but the server that was named
//
// A POST carries an Idempotency-Key, so that a repeat is done once.
package client
